//! Films at the command line, made here with ffmpeg.
#![cfg(all(feature = "cli", feature = "cpu"))]

mod desk;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use desk::{Desk, Run, names};

/// A test picture of ffmpeg's that moves, 12 frames of it, and a tone.
const PICTURES: &str = "testsrc=size=64x48:rate=25:duration=0.48";
const TONE: &str = "sine=duration=0.48";

fn tool(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program).current_dir(folder).args(arguments).output();
    let output = output.expect("the tests of films need ffmpeg and ffprobe: install ffmpeg");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output
}

/// A folder with pictures, and what ffmpeg does and says there.
struct Cinema(Desk);

impl Cinema {
    fn new() -> Self {
        Self(Desk::new())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path(name)
    }

    /// What is in the folder beside the pictures that are there from the beginning.
    fn names(&self) -> Vec<String> {
        let given = ["photo.png", "red.png", "blue.jpg"];
        self.0.names().into_iter().filter(|name| !given.contains(&name.as_str())).collect()
    }

    /// Makes a clip with these arguments of ffmpeg's, the last of which is its name.
    fn make(&self, arguments: &[&str]) {
        tool("ffmpeg", &self.path("."), &[&["-v", "error", "-y"], arguments].concat());
    }

    /// 12 frames in H.264, as `options` have it.
    fn clip(&self, name: &str, options: &[&str]) {
        let codec = ["-c:v", "libx264", "-pix_fmt", "yuv420p"];
        self.make(&[&["-f", "lavfi", "-i", PICTURES], &codec[..], options, &[name]].concat());
    }

    /// The same with sound.
    fn sounding(&self, name: &str, options: &[&str]) {
        let inputs = ["-f", "lavfi", "-i", PICTURES, "-f", "lavfi", "-i", TONE];
        let codec = ["-c:v", "libx264", "-pix_fmt", "yuv420p"];
        self.make(&[&inputs, &codec[..], options, &[name]].concat());
    }

    fn film(&self, arguments: &[&str]) -> Run {
        self.0.run(&[&["film", "--style", "red.png", "--device", "cpu"], arguments].concat())
    }

    /// Values of ffprobe's, a line each.
    fn probe(&self, name: &str, entries: &str) -> Vec<String> {
        let format = ["-of", "default=nw=1:nk=1", name];
        let arguments = [&["-v", "error", "-show_entries", entries], &format[..]].concat();
        let text = String::from_utf8(tool("ffprobe", &self.path("."), &arguments).stdout).unwrap();
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// The same of its pictures.
    fn video(&self, name: &str, entries: &str) -> Vec<String> {
        let select = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries];
        let arguments = [&select, &["-of", "default=nw=1:nk=1", name][..]].concat();
        let text = String::from_utf8(tool("ffprobe", &self.path("."), &arguments).stdout).unwrap();
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    fn size(&self, name: &str) -> [String; 2] {
        self.video(name, "stream=width,height").try_into().unwrap()
    }

    /// When each frame is shown, in microseconds.
    fn times(&self, name: &str) -> Vec<i64> {
        let frames = self.video(name, "frame=pts_time");
        let times = frames.iter().filter_map(|text| text.parse::<f64>().ok());
        times.map(|time| (time * 1e6).round() as i64).collect()
    }

    /// How long the file lasts, in seconds.
    fn length(&self, name: &str) -> f64 {
        self.probe(name, "format=duration")[0].parse().unwrap()
    }

    /// A sum over the sound's packets as they are in the file.
    fn sound(&self, name: &str) -> String {
        let arguments = ["-v", "error", "-i", name, "-map", "0:a", "-c", "copy", "-f", "md5", "-"];
        String::from_utf8(tool("ffmpeg", &self.path("."), &arguments).stdout).unwrap()
    }

    /// All pixels of all frames.
    fn pixels(&self, name: &str) -> Vec<u8> {
        let scale = "scale=flags=accurate_rnd+full_chroma_int";
        let arguments = [
            &["-v", "error", "-i", name, "-vf", scale, "-fps_mode", "passthrough"][..],
            &["-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
        ];
        tool("ffmpeg", &self.path("."), &arguments.concat()).stdout
    }
}

/// Means of red, green and blue, in levels.
fn mean(pixels: &[u8]) -> [f64; 3] {
    [0, 1, 2].map(|channel| {
        let values = pixels.iter().skip(channel).step_by(3);
        values.map(|&value| f64::from(value)).sum::<f64>() / (pixels.len() / 3) as f64
    })
}

/// By how much two films differ, in levels, if they have one size and length.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[track_caller]
fn assert_near(a: &[i64], b: &[i64], micros: i64) {
    assert_eq!(a.len(), b.len(), "{a:?} {b:?}");
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= micros), "{a:?} {b:?}");
}

/// Some frames left out: the others keep their times.
const UNEVEN: [&str; 8] = [
    "-vf",
    "select='not(eq(mod(n\\,5)\\,1))'",
    "-fps_mode",
    "passthrough",
    "-enc_time_base",
    "1:90000",
    "-video_track_timescale",
    "90000",
];

#[test]
fn frames_stay_where_they_are_in_time_and_sound_is_copied() {
    let cinema = Cinema::new();
    cinema.sounding("in.mp4", &UNEVEN);
    let times = cinema.times("in.mp4");
    assert_eq!(times[..3], [0, 80_000, 120_000]);
    assert_eq!(times.len(), 9);
    let run = cinema.film(&["in.mp4", "-o", "out.mp4"]);
    run.prints(&["out.mp4: 9 frames of 64 x 48 pixels"]);
    assert_eq!(cinema.names(), ["in.mp4", "out.mp4"], "nothing is left behind");
    assert_near(&cinema.times("out.mp4"), &times, 0);
    assert_eq!(cinema.sound("out.mp4"), cinema.sound("in.mp4"));
    assert!((cinema.length("out.mp4") - cinema.length("in.mp4")).abs() < 0.05);
    assert!(difference(&cinema.pixels("in.mp4"), &cinema.pixels("out.mp4")) > 15.0);
}

#[test]
fn other_containers_keep_times_too() {
    let cinema = Cinema::new();
    cinema.sounding("in.mov", &UNEVEN);
    // Sound begins before the pictures, which is kept, to the millisecond that Matroska knows.
    cinema.make(&[
        "-itsoffset",
        "0.2",
        "-i",
        "in.mov",
        "-i",
        "in.mov",
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c",
        "copy",
        "late.mov",
    ]);
    let gap = |name: &str| {
        let start = cinema.probe(name, "stream=start_time");
        let [video, sound] = [&start[0], &start[1]].map(|text| text.parse::<f64>().unwrap());
        video - sound
    };
    for name in ["a.mkv", "b.mov", "c.webm"] {
        cinema.film(&["late.mov", "-o", name]).prints(&[]);
        let from_first = |times: Vec<i64>| times.iter().map(|at| at - times[0]).collect::<Vec<_>>();
        let times = from_first(cinema.times("late.mov"));
        assert_near(&from_first(cinema.times(name)), &times, 1000);
        // The encoder of another kind of sound brings a beginning of its own.
        let far = (gap(name) - gap("late.mov")).abs();
        assert!(gap("late.mov") > 0.15 && far < 0.03, "{name}: {} {}", gap(name), gap("late.mov"));
    }
    let codecs = |name| cinema.probe(name, "stream=codec_name");
    assert_eq!(codecs("a.mkv"), ["h264", "aac"]);
    assert_eq!(codecs("c.webm"), ["vp9", "opus"]);
    let run = cinema.film(&["late.mov", "-o", "d.webm"]);
    assert!(run.stderr.contains("aac: it is encoded as lib"), "{run:?}");
}

#[test]
fn colours_are_tagged_and_stay_the_same_at_strength_0() {
    let cinema = Cinema::new();
    let untagged = "in.mp4";
    let smooth =
        "gradients=size=64x48:duration=0.48:rate=25:c0=red:c1=yellow:x0=0:y0=0:x1=64:y1=48";
    cinema.make(&["-f", "lavfi", "-i", smooth, "-pix_fmt", "yuv420p", "-c:v", "libx264", untagged]);
    let hd = "scale=out_color_matrix=bt709,format=yuv420p";
    let tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
    cinema.make(&[&["-f", "lavfi", "-i", smooth, "-vf", hd], &tags[..], &["hd.mp4"]].concat());
    for name in [untagged, "hd.mp4"] {
        let same = ["--strength", "0", "--steady", "0", "--crf", "10", "--force", "-o", "out.mp4"];
        cinema.film(&[&[name], &same[..]].concat()).prints(&[]);
        let entries = "stream=color_space,color_transfer,color_primaries,color_range,pix_fmt";
        let told = cinema.video("out.mp4", entries);
        assert_eq!(told, ["yuv420p", "tv", "bt709", "bt709", "bt709"]);
        let (before, after) = (cinema.pixels(name), cinema.pixels("out.mp4"));
        assert!(difference(&before, &after) < 3.0, "{name}: {}", difference(&before, &after));
        for (before, after) in mean(&before).iter().zip(mean(&after)) {
            assert!((before - after).abs() < 1.5, "{name}: {before} {after}");
        }
    }
}

#[test]
fn sizes_are_even_upright_and_of_square_pixels() {
    let cinema = Cinema::new();
    let odd = "testsrc=size=65x49:rate=25:duration=0.12,hue=s=0";
    cinema.make(&["-f", "lavfi", "-i", odd, "-pix_fmt", "yuv444p", "-c:v", "libx264", "odd.mp4"]);
    cinema.clip("in.mp4", &["-frames:v", "3"]);
    cinema.make(&["-i", "in.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", "lying.mp4"]);
    cinema.clip("wide.mp4", &["-frames:v", "3", "-vf", "setsar=2"]);
    for (name, size, expected) in [
        ("odd.mp4", "640", ["64", "48"]),
        ("odd.mp4", "40", ["40", "30"]),
        ("in.mp4", "33", ["34", "24"]),
        ("lying.mp4", "640", ["48", "64"]),
        ("lying.mp4", "32", ["24", "32"]),
        ("wide.mp4", "640", ["128", "48"]),
    ] {
        cinema.film(&[name, "--size", size, "--force", "-o", "out.mp4"]).prints(&[]);
        assert_eq!(cinema.size("out.mp4"), expected, "{name} {size}");
        let shape = cinema.video("out.mp4", "stream=sample_aspect_ratio");
        assert_eq!(shape, ["1:1"], "{name}");
        let turned = cinema.video("out.mp4", "stream_side_data=rotation");
        assert_eq!(turned, [""; 0], "{name} is upright by itself");
    }
    // As players turn it, and without its last column and row.
    let lossless = ["-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p"];
    cinema
        .make(&[&["-i", "odd.mp4", "-vf", "crop=64:48:0:0"], &lossless[..], &["cut.mp4"]].concat());
    for (name, expected) in [("lying.mp4", "lying.mp4"), ("odd.mp4", "cut.mp4")] {
        let same = ["--strength", "0", "--steady", "0", "--crf", "5", "--force", "-o", "out.mp4"];
        cinema.film(&[&[name], &same[..]].concat()).prints(&[]);
        let far = difference(&cinema.pixels(expected), &cinema.pixels("out.mp4"));
        assert!(far < 12.0, "{name}: {far}");
    }
}

#[test]
fn a_part_of_a_film() {
    let cinema = Cinema::new();
    cinema.sounding("in.mp4", &["-bf", "2"]);
    cinema
        .film(&["in.mp4", "--start", "0.2", "--end", "0:00.4", "-o", "out.mp4"])
        .prints(&["5 frames"]);
    assert_near(&cinema.times("out.mp4"), &[0, 40_000, 80_000, 120_000, 160_000], 0);
    assert!((cinema.length("out.mp4") - 0.2).abs() < 0.05, "{}", cinema.length("out.mp4"));
    cinema.film(&["in.mp4", "--start", "1", "-o", "no.mp4"]).fails(1, &["behind the end"]);
    cinema
        .film(&["in.mp4", "--start", "1", "--end", "0.5", "-o", "no.mp4"])
        .fails(2, &["--end must be behind --start"]);
    cinema.film(&["in.mp4", "--start", "soon", "-o", "no.mp4"]).fails(2, &["1:30"]);
}

#[test]
fn a_film_without_sound() {
    let cinema = Cinema::new();
    cinema.sounding("in.mp4", &[]);
    cinema.clip("silent.mp4", &[]);
    let kinds = |name| cinema.probe(name, "stream=codec_type");
    cinema.film(&["silent.mp4", "-o", "a.mp4"]).prints(&["12 frames"]);
    assert_eq!(kinds("a.mp4"), ["video"]);
    cinema.film(&["in.mp4", "--no-audio", "-o", "b.mp4"]).prints(&["12 frames"]);
    assert_eq!(kinds("b.mp4"), ["video"]);
}

#[test]
fn titles_and_chapters_stay_and_the_place_does_not() {
    let cinema = Cinema::new();
    let chapters = ";FFMETADATA1\ntitle=Summer\nlocation=+48.1+011.5/\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\n\
                    END=200\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=200\nEND=480\ntitle=Two\n";
    fs::write(cinema.path("chapters"), chapters).unwrap();
    cinema.clip("plain.mp4", &[]);
    cinema.make(&[
        "-i",
        "plain.mp4",
        "-i",
        "chapters",
        "-map_metadata",
        "1",
        "-map_chapters",
        "1",
        "-c",
        "copy",
        "in.mp4",
    ]);
    let tags = |name| cinema.probe(name, "format_tags=title,location");
    let told = |name| cinema.probe(name, "chapter_tags=title");
    assert_eq!(tags("in.mp4").len(), 2);
    let run = cinema.film(&["in.mp4", "-o", "out.mp4"]).prints(&[]);
    assert!(run.stderr.contains("--keep-place keeps it"), "{run:?}");
    assert_eq!((tags("out.mp4"), told("out.mp4")), (vec!["Summer".into()], told("in.mp4")));
    let run = cinema.film(&["in.mp4", "--keep-place", "-o", "there.mp4"]).prints(&[]);
    assert!(!run.stderr.contains("place"), "{run:?}");
    assert_eq!(tags("there.mp4").len(), 2);
}

#[test]
fn more_colours_than_a_screen_has_are_mapped_and_said() {
    let cinema = Cinema::new();
    let hdr = ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"];
    cinema.clip("hdr.mp4", &[&["-pix_fmt", "yuv420p10le"], &hdr[..]].concat());
    cinema.clip("ten.mp4", &["-pix_fmt", "yuv420p10le"]);
    for (name, said) in [("hdr.mp4", "is HDR"), ("ten.mp4", "more than 8 bits a colour")] {
        let run = cinema.film(&[name, "--strength", "0", "--force", "-o", "out.mp4"]).prints(&[]);
        assert!(run.stderr.contains(said), "{run:?}");
        assert_eq!(cinema.video("out.mp4", "stream=pix_fmt,color_transfer"), ["yuv420p", "bt709"]);
    }
    // What the tone mapping made of it is no longer what it was, and neither black nor white.
    cinema.film(&["hdr.mp4", "--strength", "0", "--force", "-o", "out.mp4"]).prints(&[]);
    let mapped = cinema.pixels("out.mp4");
    assert!(difference(&cinema.pixels("hdr.mp4"), &mapped) > 5.0);
    assert!(mean(&mapped).iter().all(|level| (20.0..235.0).contains(level)), "{:?}", mean(&mapped));
}

#[test]
fn what_is_no_film_is_refused_in_words() {
    let cinema = Cinema::new();
    cinema.sounding("in.mp4", &[]);
    cinema.make(&["-i", "in.mp4", "-vn", "-c", "copy", "sound.m4a"]);
    let bytes = fs::read(cinema.path("in.mp4")).unwrap();
    fs::write(cinema.path("damaged.mp4"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(cinema.path("empty.mp4"), "").unwrap();
    for name in ["text.mp4", "text.jpg"] {
        fs::write(cinema.path(name), "no film at all, but a text\n".repeat(100)).unwrap();
    }
    cinema.clip("thin.mp4", &["-vf", "scale=64:8,setsar=1"]);
    let before = cinema.names();
    for (film, output, code, said) in [
        ("sound.m4a", "out.mp4", 1, &["only sound"][..]),
        ("photo.png", "out.mp4", 1, &["a picture", "impasto stylize"]),
        ("damaged.mp4", "out.mp4", 1, &["damaged"]),
        ("text.mp4", "out.mp4", 1, &["no film"]),
        // Which is no picture, whatever its name says.
        ("text.jpg", "out.mp4", 1, &["text.jpg is no film that ffmpeg reads, or is damaged"]),
        ("empty.mp4", "out.mp4", 1, &["is empty"]),
        ("missing.mp4", "out.mp4", 1, &["cannot read missing.mp4"]),
        (".", "out.mp4", 1, &["is a folder"]),
        ("-", "out.mp4", 1, &["standard input"]),
        ("thin.mp4", "out.mp4", 1, &["64 x 8", "at least 16"]),
        ("in.mp4", "out.png", 2, &["must end in .mp4"]),
        ("in.mp4", "in.mp4", 1, &["would replace a file that is read"]),
        ("in.mp4", "thin.mp4", 1, &["thin.mp4 exists; --force"]),
    ] {
        cinema.film(&[film, "-o", output]).fails(code, said);
    }
    for (options, said) in [
        (&["--codec", "nonesuch"][..], "cannot encode nonesuch"),
        (&["--codec", "mpeg4", "--crf", "20"], "mpeg4 has no --crf"),
        (&["--style", "nonesuch"], "nor a style of that name"),
        (&["--ffmpeg", "./red.png"], "red.png cannot be started"),
    ] {
        cinema.film(&[&["in.mp4", "-o", "out.mp4"], options].concat()).fails(1, &[said]);
    }
    let run = cinema.film(&["in.mp4", "--codec", "h264", "-o", "out.webm"]);
    run.fails(1, &["cannot write out.webm", "WebM"]);
    assert_eq!(cinema.names(), before, "nothing is left behind");
}

#[test]
fn what_can_be_read_of_a_damaged_film_is_painted() {
    let cinema = Cinema::new();
    let long = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=4", "-g", "10"];
    cinema.make(&[&long[..], &["-c:v", "libx264", "-pix_fmt", "yuv420p", "in.mkv"]].concat());
    let bytes = fs::read(cinema.path("in.mkv")).unwrap();
    fs::write(cinema.path("cut.mkv"), &bytes[..bytes.len() * 2 / 3]).unwrap();
    let run = cinema.film(&["cut.mkv", "-o", "out.mp4"]).prints(&["frames of 64 x 48"]);
    assert!(run.stderr.contains("cut.mkv may be damaged: ffmpeg says"), "{run:?}");
    let frames = cinema.times("out.mp4").len();
    assert!((1..100).contains(&frames), "{frames}");
    fs::write(cinema.path("stub.mkv"), &bytes[..1000]).unwrap();
    cinema.film(&["stub.mkv", "-o", "no.mp4"]).fails(1, &["stub.mkv", "damaged"]);
    assert_eq!(cinema.names(), ["cut.mkv", "in.mkv", "out.mp4", "stub.mkv"]);
}

#[test]
fn programs_are_told_in_json() {
    let cinema = Cinema::new();
    cinema.clip("in.mp4", &["-frames:v", "3"]);
    let run = cinema.film(&["in.mp4", "--json", "-o", "out.mp4"]);
    let line = &run.stdout;
    let expected = "{\"input\":\"in.mp4\",\"output\":\"out.mp4\",\"width\":64,\"height\":48,\"frames\":3,\
                    \"duration\":0.12,\"engine\":\"CPU\",\"seconds\":";
    assert!(line.starts_with(expected), "{run:?}");
    assert!(line.ends_with(",\"complete\":true,\"error\":null}\n"), "{run:?}");
}

/// A program called ffmpeg, which is a shell script, and ffprobe beside it. `$real` is the true ffmpeg.
#[cfg(unix)]
fn fake(cinema: &Cinema, name: &str, script: &str) -> String {
    fs::create_dir(cinema.path(name)).unwrap();
    fake_program(cinema, name, "ffprobe", "");
    fake_program(cinema, name, "ffmpeg", script)
}

#[cfg(unix)]
fn fake_program(cinema: &Cinema, name: &str, program: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let real = tool("sh", &cinema.path("."), &["-c", &format!("command -v {program}")]).stdout;
    let real = String::from_utf8(real).unwrap();
    let path = cinema.path(name).join(program);
    let script = format!("#!/bin/bash\nreal={}\n{script}\nexec $real \"$@\"\n", real.trim());
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Scripts that are killed after five frames, or that write to a full disk.
#[cfg(unix)]
mod broken {
    pub const READING: &str =
        "case \"$*\" in *framecrc*) $real \"$@\" | head -c 46080; kill -9 $$;; esac";
    pub const WRITING: &str =
        "case \"$*\" in *trial) ;; *pipe:0*) head -c 50000 >/dev/null; kill -9 $$;; esac";
    pub const DISK_FULL: &str = "case \"$*\" in *trial) ;; \
         *pipe:0*) exec $real \"${@:1:$#-1}\" /dev/full;; esac";
    pub const FULL_AT_THE_END: &str =
        "case \"$*\" in *ffconcat*) exec $real \"${@:1:$#-1}\" /dev/full;; esac";
}

#[cfg(unix)]
#[test]
fn an_ffmpeg_that_dies_leaves_only_what_is_whole() {
    let cinema = Cinema::new();
    cinema.sounding("in.mp4", &[]);
    let kept = |frames| {
        format!("{frames} frames are kept in out.mp4.parts; the same command with --resume")
    };
    let [five, all] = [5, 12].map(kept);
    for (name, script, said) in [
        ("writing", broken::WRITING, &["ffmpeg was killed (signal 9) writing the film"][..]),
        ("full", broken::DISK_FULL, &["the disk is full"]),
        // What is whole can be gone on from.
        ("reading", broken::READING, &["ffmpeg was killed (signal 9) reading the film", &five]),
        ("full-late", broken::FULL_AT_THE_END, &["the disk is full: ffmpeg failed joining", &all]),
    ] {
        let program = fake(&cinema, name, script);
        let run = cinema.film(&["in.mp4", "--ffmpeg", &program, "--json", "-o", "out.mp4"]);
        assert!(run.stdout.contains("\"complete\":false,\"error\":\""), "{run:?}");
        assert!(run.stdout.contains("\"output\":null,"), "{run:?}");
        let has_parts = said.len() > 1;
        run.fails(1, said);
        fs::remove_dir_all(cinema.path(name)).unwrap();
        if has_parts {
            assert_eq!(cinema.names(), ["in.mp4", "out.mp4.parts"], "{name}");
            cinema
                .film(&["in.mp4", "-o", "out.mp4"])
                .fails(1, &["parts of an earlier run in out.mp4.parts: --resume goes on"]);
            cinema.film(&["in.mp4", "--resume", "-o", "out.mp4"]).prints(&["12 frames"]);
            assert_near(&cinema.times("out.mp4"), &cinema.times("in.mp4"), 1);
            fs::remove_file(cinema.path("out.mp4")).unwrap();
        }
        assert_eq!(cinema.names(), ["in.mp4"], "{name}");
    }
}

#[cfg(unix)]
#[test]
fn frames_are_taken_before_their_times_are_told() {
    let cinema = Cinema::new();
    // As ffmpeg does with some frames where nobody reads for a while: more pixels than wait in a pipe.
    cinema.sounding("in.mp4", &UNEVEN);
    let late = "case \"$*\" in *framecrc*) $real \"$@\" 2>times; cat times >&2; exit;; esac";
    let program = fake(&cinema, "late", late);
    let sized = ["in.mp4", "--ffmpeg", &program, "-o", "out.mp4"];
    cinema.film(&sized).prints(&["out.mp4: 9 frames"]);
    assert_near(&cinema.times("out.mp4"), &cinema.times("in.mp4"), 0);
}

#[cfg(unix)]
#[test]
fn what_was_painted_before_ffmpeg_died_is_kept_with_resume() {
    let cinema = Cinema::new();
    cinema.sounding("in.mp4", &UNEVEN);
    let program = fake(&cinema, "fake", broken::READING);
    let run = cinema.film(&["in.mp4", "--ffmpeg", &program, "--resume=2", "-o", "out.mp4"]);
    run.fails(1, &["5 frames are kept in out.mp4.parts", "killed"]);
    let kept = ["film.json", "part-0001", "part-0002", "part-0003"];
    assert_eq!(names(&cinema.path("out.mp4.parts")), kept);
    let run = cinema.film(&["in.mp4", "--resume=2", "-o", "out.mp4"]).prints(&["9 frames"]);
    assert!(run.stderr.contains("5 frames are painted already"), "{run:?}");
    assert_eq!(cinema.names(), ["fake", "in.mp4", "out.mp4"]);
    assert_near(&cinema.times("out.mp4"), &cinema.times("in.mp4"), 1);
    assert_eq!(cinema.sound("out.mp4"), cinema.sound("in.mp4"));
}

#[cfg(unix)]
#[test]
fn ffmpeg_missing_or_old_is_said() {
    let cinema = Cinema::new();
    cinema.clip("in.mp4", &["-frames:v", "3"]);
    let film = ["film", "in.mp4", "--style", "red.png", "--device", "cpu", "-o", "out.mp4"];
    let output = cinema.0.command().args(film).env("PATH", "/nowhere").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("ffmpeg is not there: install it (") && said.contains("--ffmpeg"),
        "{said}"
    );
    let old = fake(&cinema, "old", "echo 'ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright'; exit");
    let run = cinema.film(&["in.mp4", "--ffmpeg", &old, "-o", "out.mp4"]);
    run.fails(1, &["need ffmpeg 5.1 or newer", "4.4"]);
    let other = fake(&cinema, "other", "echo 'mplayer'; exit");
    let run = cinema.film(&["in.mp4", "--ffmpeg", &other, "-o", "out.mp4"]);
    run.fails(1, &["is no ffmpeg"]);
}

/// Starts painting a film of 3,000 frames, and presses Ctrl-C once this is there. Returns the exit code and what was
/// said.
#[cfg(unix)]
fn stopped(
    cinema: &Cinema,
    options: &[&str],
    is_there: impl Fn() -> bool,
) -> (Option<i32>, String) {
    let long = "testsrc=size=64x48:rate=25:duration=120";
    let tone = "sine=duration=120";
    let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "long.mp4"];
    let inputs = ["-f", "lavfi", "-i", long, "-f", "lavfi", "-i", tone];
    if !cinema.path("long.mp4").exists() {
        cinema.make(&[&inputs[..], &codec].concat());
    }
    stopped_at(cinema, &[&["long.mp4"], options].concat(), is_there)
}

/// The same of what these arguments paint.
#[cfg(unix)]
fn stopped_at(
    cinema: &Cinema,
    arguments: &[&str],
    is_there: impl Fn() -> bool,
) -> (Option<i32>, String) {
    use std::process::Stdio;
    let mut child = cinema
        .0
        .command()
        .args(["film", "--style", "red.png", "--device", "cpu", "-o", "out.mp4"])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !is_there() {
        assert!(child.try_wait().unwrap().is_none(), "it goes on painting");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Whether a film is being written.
#[cfg(unix)]
fn is_writing(cinema: &Cinema) -> bool {
    let folder = cinema.names().into_iter().find(|name| name.starts_with(".impasto-"));
    folder.is_some_and(|name| cinema.path(&name).join("unfinished").exists())
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_film_with_what_is_painted() {
    let cinema = Cinema::new();
    let (code, said) = stopped(&cinema, &[], || is_writing(&cinema));
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("of about 3000 frames") && said.contains("out.mp4 ends there"), "{said}");
    assert_eq!(cinema.names(), ["long.mp4", "out.mp4"]);
    let times = cinema.times("out.mp4");
    assert!((1..3000).contains(&times.len()), "{}", times.len());
    assert!(said.contains(&format!("stopped after {} of", times.len())), "{said}");
    // Sound and film end together.
    let end = (times.len() as f64) / 25.0;
    assert!((cinema.length("out.mp4") - end).abs() < 0.1, "{} {end}", cinema.length("out.mp4"));
}

#[cfg(unix)]
#[test]
fn a_film_that_was_stopped_goes_on() {
    let cinema = Cinema::new();
    let part = cinema.path("out.mp4.parts/part-0002");
    let options = ["--resume=4", "--end", "6"];
    let (code, said) = stopped(&cinema, &["--resume=4"], || part.exists());
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("the same command goes on"), "{said}");
    let parts = cinema.path("out.mp4.parts");
    let kept = names(&parts);
    assert!(kept.len() > 2 && !kept.iter().any(|name| name == "unfinished"), "{kept:?}");
    assert_eq!(cinema.times("out.mp4.parts/part-0001").len(), 4, "a film by itself");

    let other = ["long.mp4", "--resume", "--strength", "0.5", "-o", "out.mp4"];
    cinema.film(&other).fails(1, &["other settings: --strength (1 then, 0.5 now)"]);
    cinema
        .film(&[&["long.mp4", "-o", "out.mp4"], &options[..]].concat())
        .fails(1, &["--end (none then, 6.000000 now)"]);
    // Afresh, in one go and in two.
    fs::remove_dir_all(&parts).unwrap();
    cinema.film(&["long.mp4", "--end", "6", "-o", "whole.mp4"]).prints(&["150 frames"]);
    let (code, said) =
        stopped(&cinema, &options, || cinema.path("out.mp4.parts/part-0001").exists());
    assert_eq!(code, Some(130), "{said}");
    let run = cinema.film(&["long.mp4", "--end", "6", "--resume", "-o", "out.mp4"]);
    let run = run.prints(&["out.mp4: 150 frames"]);
    assert!(run.stderr.contains("frames are painted already, in out.mp4.parts"), "{run:?}");
    assert_eq!(cinema.names(), ["long.mp4", "out.mp4", "whole.mp4"]);
    assert_near(&cinema.times("out.mp4"), &cinema.times("whole.mp4"), 1);
    let (whole, joined) = (cinema.pixels("whole.mp4"), cinema.pixels("out.mp4"));
    assert!(difference(&whole, &joined) < 8.0, "{}", difference(&whole, &joined));
}

/// An ffmpeg that reads a moving test picture where it is told to read a camera, without an end.
#[cfg(target_os = "linux")]
fn with_camera(cinema: &Cinema, name: &str, script: &str) -> String {
    let changed = "for argument; do shift; case $argument in v4l2) argument=lavfi;; \
                   /dev/null) argument=testsrc=size=64x48:rate=25;; esac; set -- \"$@\" \"$argument\"; done";
    fs::create_dir(cinema.path(name)).unwrap();
    fake_program(cinema, name, "ffprobe", changed);
    fake_program(cinema, name, "ffmpeg", &format!("{changed}\n{script}"))
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_camera_sees_is_painted_for_a_while_or_until_ctrl_c() {
    let cinema = Cinema::new();
    let program = with_camera(&cinema, "fake", "");
    let camera = ["--camera", "/dev/null", "--ffmpeg", &program];
    let run = cinema.film(&[&camera[..], &["--end", "0.4", "-o", "out.mp4"]].concat());
    let run = run.prints(&["out.mp4: 10 frames of 64 x 48 pixels, 0:00.4"]);
    let said = "recording from the camera /dev/null with 64 x 48 pixels; Ctrl-C ends it";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_near(&cinema.times("out.mp4"), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| n * 40_000), 0);
    assert_eq!(cinema.probe("out.mp4", "stream=codec_type"), ["video"]);
    fs::remove_file(cinema.path("out.mp4")).unwrap();

    let (code, said) = stopped_at(&cinema, &camera, || is_writing(&cinema));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(cinema.names(), ["fake", "out.mp4"]);
    assert!(!cinema.times("out.mp4").is_empty());

    // One that is pulled out after five frames.
    let program = with_camera(&cinema, "pulled", broken::READING);
    let pulled = ["--camera", "/dev/null", "--ffmpeg", &program, "--force", "-o", "out.mp4"];
    let run = cinema.film(&pulled).prints(&["out.mp4: 5 frames"]);
    assert!(run.stderr.contains("the camera /dev/null ended: ffmpeg was killed"), "{run:?}");
    assert_eq!(cinema.times("out.mp4").len(), 5);
    assert_eq!(cinema.names(), ["fake", "out.mp4", "pulled"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_camera_that_is_none_is_said() {
    let cinema = Cinema::new();
    let of = |camera: &str| cinema.film(&["--camera", camera, "-o", "out.mp4"]);
    of("/dev/no-camera")
        .fails(1, &["there is no camera /dev/no-camera: connect one, or name another"]);
    of("red.png")
        .fails(1, &["the camera red.png does not answer: another program may be using it"]);
    let without = fake(&cinema, "without", "case \"$*\" in *-devices*) exit;; esac");
    cinema
        .film(&["--camera", "--ffmpeg", &without, "-o", "out.mp4"])
        .fails(1, &["this ffmpeg reads no cameras (it is built without v4l2)"]);
    cinema.film(&["--camera", "--resume", "-o", "out.mp4"]).fails(2, &["--resume"]);
    cinema.film(&["film.mp4", "--camera", "-o", "out.mp4"]).fails(2, &["cannot be used with"]);
    cinema.film(&["-o", "out.mp4"]).fails(2, &["<FILM>"]);
    assert_eq!(cinema.names(), ["without"]);
}

#[test]
fn help_teaches_by_examples() {
    let cinema = Cinema::new();
    let help = ["impasto film holiday.mp4", "--steady", "--resume", "FILE.parts", "ffmpeg"];
    cinema.0.run(&["film", "--help"]).prints(&help);
    cinema.0.run(&["--help"]).prints(&["impasto film"]);
    cinema.0.run(&["completions", "bash"]).prints(&["film", "--steady"]);
}
