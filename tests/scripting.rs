//! The command line in the hands of programs and shells: pipes, lines of JSON, names instead of files, metadata,
//! completions.
#![cfg(all(feature = "cli", feature = "cpu"))]

mod desk;

use std::io::Write;
use std::process::Stdio;

use impasto::picture::codecs::{Beside, Decoded};
use impasto::{Format, Picture, procedural};

use desk::{Desk, difference, names, photo};

#[test]
fn a_photo_comes_and_goes_through_pipes() {
    let desk = Desk::new();
    let arguments = ["stylize", "--device", "cpu", "-", "--style", "red.png", "-o", "-"];
    let mut child = desk
        .command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let bytes = photo().encode(Format::Png).unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let piped = Picture::decode(&output.stdout).expect("nothing but the picture is there");

    desk.stylize(&["photo.png", "--style", "red.png", "-o", "out.png"]).prints(&[]);
    assert_eq!(difference(&piped, &desk.picture("out.png")), 0.0);
    assert_eq!(desk.names(), ["blue.jpg", "out.png", "photo.png", "red.png"]);

    let several = ["photo.png", "red.png", "--style", "blue.jpg", "-o", "-"];
    desk.stylize(&several).fails(1, &["cannot go to standard output"]);
    let nameless = ["-", "--style", "blue.jpg", "-o", "folder/"];
    desk.stylize(&nameless).fails(1, &["has no name"]);
    let both = ["photo.png", "--style", "red.png", "--json", "-o", "-"];
    desk.stylize(&both).fails(1, &["for the painting, or for --json"]);
}

#[test]
fn standard_input_is_read_once_and_called_by_its_name() {
    let desk = Desk::new();
    for arguments in [
        &["-", "--style", "-", "-o", "out.png"][..],
        &["-", "--style", "red.png", "--mask=-=1", "-o", "out.png"],
        &["photo.png", "--style", "-", "--style", "-", "-o", "out.png"],
        &["-", "-", "--style", "red.png", "-o", "out"],
    ] {
        desk.stylize(arguments).fails(2, &["standard input (-) is named 2 times"]);
    }
    desk.run(&["dream", "--style", "-", "--style", "-", "-o", "out.png"])
        .fails(2, &["standard input (-) is named 2 times"]);
    // Nothing comes from there.
    for arguments in [["-", "--style", "red.png"], ["photo.png", "--style", "-"]] {
        desk.stylize(&[&arguments[..], &["-o", "out.png"]].concat())
            .fails(1, &["error: standard input: the file is empty"]);
    }
    let nameless = ["styles", "--photo", "-", "--family", "woodcut"];
    desk.run(&nameless).fails(1, &["has no name", "--output"]);
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_without_room_is_an_error_and_no_panic() {
    let desk = Desk::new();
    desk.put("in/a.png", &photo(), Format::Png);
    desk.put("in/b.png", &photo(), Format::Png);
    let stylize = ["stylize", "--device", "cpu", "--style", "red.png"];
    let with = |more: &[&'static str]| [&stylize[..], more].concat();
    for command in [
        vec!["info"],
        vec!["styles", "--list"],
        vec!["styles", "--family", "woodcut", "-o", "-"],
        vec!["styles", "--family", "woodcut", "-o", "wood.png"],
        vec!["dream", "--style", "red.png", "--device", "cpu", "--size", "64x48", "-o", "d.png"],
        vec!["completions", "bash"],
        vec!["man", "man"],
        vec!["bench", "--device", "cpu", "--sizes", "16", "--runs", "1", "--warm-up", "0"],
        with(&["photo.png", "-o", "-"]),
        with(&["photo.png", "-o", "out.png"]),
        with(&["photo.png", "--json", "-o", "line.png"]),
        with(&["in", "-o", "out"]),
        with(&["in", "--json", "-o", "lines"]),
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = desk.command().args(&command).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        let expected = "error: cannot write to standard output: ";
        assert!(said.contains(expected) && !said.contains("panicked"), "{command:?}: {said}");
    }
    // Nobody can be told of more.
    assert_eq!(names(&desk.path("lines")), ["a.png"]);
}

#[test]
fn each_photo_is_a_line_of_json() {
    let desk = Desk::new();
    desk.put("in/a.png", &photo(), Format::Png);
    std::fs::write(desk.path("in/b.png"), "no picture").unwrap();
    let run = desk.stylize(&["in", "--style", "red.png", "--json", "-o", "out"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let lines: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 2, "{run:?}");
    let name = |folder: &str, file: &str| format!("{folder}{}{file}", std::path::MAIN_SEPARATOR);
    assert_eq!(lines[0]["input"], name("in", "a.png"));
    assert_eq!(lines[0]["output"], name("out", "a.png"));
    assert_eq!((&lines[0]["width"], &lines[0]["height"]), (&64.into(), &48.into()));
    assert_eq!(lines[0]["engine"], "CPU");
    assert!(lines[0]["seconds"].as_f64().unwrap() >= 0.0);
    assert!(lines[0]["error"].is_null() && lines[0]["steps"].is_null());
    assert!(lines[1]["error"].as_str().unwrap().contains("not a PNG"), "{run:?}");
    assert!(lines[1]["width"].is_null() && lines[1]["output"].is_null());

    let refined = ["photo.png", "--style", "red.png", "--refine=2", "--json", "-o", "fine.png"];
    let run = desk.stylize(&refined).prints(&["\"steps\":2"]);
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
}

#[test]
fn styles_of_the_program_go_by_their_names() {
    let desk = Desk::new();
    let run = desk.run(&["styles", "--list"]).prints(&["starry-impasto", "halftone-peak"]);
    assert_eq!(run.stdout.lines().count(), procedural::bundled().len());
    let style = procedural::bundled().iter().find(|style| style.id == "golden-mosaic").unwrap();
    desk.put("picture.png", &style.picture(), Format::Png);
    std::fs::write(desk.path("file.style"), style.tuned().unwrap()).unwrap();
    for (given, out) in
        [("golden-mosaic=2", "name.png"), ("file.style", "file.png"), ("picture.png", "plain.png")]
    {
        desk.stylize(&["photo.png", "--style", given, "-o", out]).prints(&[]);
    }
    assert_eq!(difference(&desk.picture("name.png"), &desk.picture("file.png")), 0.0);
    assert!(difference(&desk.picture("name.png"), &desk.picture("plain.png")) > 1.0, "it is tuned");
    // A file of that name comes first.
    std::fs::copy(desk.path("red.png"), desk.path("golden-mosaic")).unwrap();
    desk.stylize(&["photo.png", "--style", "golden-mosaic", "-o", "file-first.png"]).prints(&[]);
    desk.stylize(&["photo.png", "--style", "red.png", "-o", "red-out.png"]).prints(&[]);
    assert_eq!(difference(&desk.picture("file-first.png"), &desk.picture("red-out.png")), 0.0);
    desk.stylize(&["photo.png", "--style", "no-such", "-o", "x.png"])
        .fails(1, &["no-such", "impasto styles --list"]);
}

#[test]
fn pictures_behind_a_style_that_are_styles_themselves_are_not_painted() {
    let desk = Desk::new();
    // As a shell makes it of `--style *.jpg`.
    let glob = ["photo.png", "--style", "red.png", "blue.jpg", "-o", "out"];
    desk.stylize(&glob).fails(2, &["blue.jpg", "a --style of its own", "before --style"]);
    let only = ["--style", "red.png", "blue.jpg", "photo.png", "-o", "out"];
    desk.stylize(&only).fails(2, &["blue.jpg, photo.png"]);
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
    desk.stylize(&["--style", "red.png", "photo.png", "-o", "out.png"]).prints(&["out.png"]);
    desk.stylize(&["--style", "red.png", "-o", "two.png", "photo.png"]).prints(&["two.png"]);
}

#[test]
fn metadata_is_kept_if_asked_for_and_the_place_only_then() {
    let desk = Desk::new();
    let exif = desk::exif();
    let said = |name: &str| {
        let bytes = std::fs::read(desk.path(name)).unwrap();
        let place = Decoded::read(&bytes).unwrap().metadata.map(|found| found.has_place());
        let camera = bytes.windows(6).any(|part| part == b"Kamera");
        (place, camera)
    };
    for ending in ["png", "jpg", "webp"] {
        let photo = format!("photo-{ending}.{ending}");
        let format = match ending {
            "png" => Format::Png,
            "webp" => Format::WebP,
            _ => desk::JPEG,
        };
        let beside = Beside { opacity: None, exif: Some(exif.clone()) };
        let file = desk::photo().encode_with(format, beside).unwrap();
        std::fs::write(desk.path(&photo), file).unwrap();
        assert_eq!(said(&photo), (Some(true), true));
        let out = format!("out.{ending}");
        let arguments = [&photo, "--style", "red.png", "--force", "-o", &out];
        let run = desk.stylize(&arguments).prints(&[]);
        assert!(run.stderr.contains("--keep-metadata keeps them"), "{run:?}");
        assert_eq!(said(&out), (None, false));
        let run = desk.stylize(&[&arguments[..], &["--keep-metadata"]].concat()).prints(&[]);
        assert!(!run.stderr.contains("keep"), "{run:?}");
        assert_eq!(said(&out), (Some(false), true), "{ending}");
        let with_place = ["--keep-metadata", "--keep-place"];
        desk.stylize(&[&arguments[..], &with_place].concat()).prints(&[]);
        assert_eq!(said(&out), (Some(true), true), "{ending}");
        // The photo lies on its side; the painting is upright, and says so.
        let painting = desk.picture(&out);
        assert_eq!((painting.width(), painting.height()), (48, 64));
    }
    // Without any, nothing is said.
    let run = desk.stylize(&["photo.png", "--style", "red.png", "-o", "plain.png"]);
    assert!(!run.stderr.contains("keep-metadata"), "{run:?}");
}

#[test]
fn shells_and_readers_are_told_of_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        desk.run(&["completions", shell]).prints(&["impasto", "stylize", "keep-metadata"]);
    }
    desk.run(&["man", "deep/man1"]).prints(&["pages in"]);
    let pages = names(&desk.path("deep/man1"));
    for page in ["impasto.1", "impasto-stylize.1", "impasto-dream.1"] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
    let page = std::fs::read_to_string(desk.path("deep/man1/impasto-stylize.1")).unwrap();
    assert!(page.contains("impasto\\-stylize") && page.contains("strength"), "{page}");
}

#[test]
fn what_a_killed_run_left_is_cleared() {
    let desk = Desk::new();
    let left = desk.path("out/.impasto-abc123");
    std::fs::create_dir(desk.path("out")).unwrap();
    std::fs::write(&left, "half a picture").unwrap();
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
    std::fs::File::options().write(true).open(&left).unwrap().set_modified(then).unwrap();
    desk.stylize(&["photo.png", "--style", "red.png", "-o", "out/a.png"]).prints(&[]);
    assert_eq!(names(&desk.path("out")), ["a.png"]);
}

#[test]
fn benchmarks_take_their_sizes_with_or_without_commas() {
    let desk = Desk::new();
    for sizes in [&["--sizes", "32", "48"][..], &["--sizes", "32,48"]] {
        let rest = ["--device", "cpu", "--runs", "1", "--warm-up", "0"];
        let run = desk.run(&[&["bench"], sizes, &rest].concat());
        run.prints(&["32", "48", "whole"]);
    }
}
