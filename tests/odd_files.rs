//! What is in people's folders beside good pictures, and where pictures cannot go.
#![cfg(all(feature = "cli", feature = "cpu"))]

mod desk;

use std::fs;

use impasto::Format;

use desk::{Desk, names, photo};

/// Made with Pillow and its JPEG XL plug-in.
const JPEG_XL: &[u8] = include_bytes!("data/cut-out.jxl");
/// The head of an AVIF file; few people know that their pictures are that.
const AVIF: &[u8] = b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf";

#[test]
fn jpeg_xl_is_painted_and_avif_is_named() {
    let desk = Desk::new();
    fs::create_dir(desk.path("in")).unwrap();
    fs::write(desk.path("in/a.jxl"), JPEG_XL).unwrap();
    fs::write(desk.path("in/b.avif"), AVIF).unwrap();
    // Cameras and sites give it other names.
    fs::write(desk.path("in/c.jpg"), AVIF).unwrap();
    let run = desk.stylize(&["in", "--style", "red.png", "-o", "out"]);
    let run = run.fails(1, &["not read in in: b.avif", "c.jpg", "it looks like AVIF"]);
    assert!(run.stdout.contains("1 of 2 pictures painted"), "{run:?}");
    assert_eq!(names(&desk.path("out")), ["a.png"]);
    let bytes = fs::read(desk.path("out/a.png")).unwrap();
    let found = impasto::picture::codecs::Decoded::read(&bytes).unwrap();
    assert_eq!((found.picture.width(), found.picture.height()), (48, 32));
    assert_eq!(found.opacity.expect("it is transparent").shares()[0], 0.0);
    // As a style, too.
    desk.stylize(&["photo.png", "--style", "in/a.jxl", "-o", "style.png"]).prints(&["style.png"]);
}

#[test]
fn a_mask_of_another_shape_is_told_of_once() {
    let desk = Desk::new();
    desk.put("in/a.png", &photo(), Format::Png);
    desk.put("in/b.png", &desk::paint(48, 64, |x, y| [x as u8, y as u8, 9]), Format::Png);
    desk.put("in/c.png", &desk::paint(48, 64, |x, y| [x as u8, y as u8, 99]), Format::Png);
    desk.put(
        "mask.png",
        &desk::paint(32, 24, |x, _| [if x < 16 { 255 } else { 0 }; 3]),
        Format::Png,
    );
    let given = ["--style", "red.png", "--style", "blue.jpg", "--mask", "mask.png=2"];
    let run = desk.stylize(&[&["in", "-o", "out"], &given[..]].concat()).prints(&["3 of 3"]);
    assert_eq!(run.stderr.matches("another shape").count(), 1, "{run:?}");
    assert!(run.stderr.contains("b.png"), "{run:?}");
    let run = desk.stylize(&[&["in/a.png", "-o", "a.png"], &given[..]].concat()).prints(&[]);
    assert!(!run.stderr.contains("another shape"), "{run:?}");
}

#[test]
fn values_may_begin_with_a_minus() {
    let desk = Desk::new();
    let given = ["photo.png", "--style", "red.png", "-o", "out.png"];
    desk.stylize(&[&given[..], &["--strength", "-0.5"]].concat()).fails(2, &["from 0 to 1"]);
    desk.stylize(&[&given[..], &["--size", "-5"]].concat()).fails(2, &["--size", "-5"]);
    desk.run(&["dream", "--style", "red.png", "--seed", "-1", "-o", "d.png"])
        .fails(2, &["--seed", "-1"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_told_of_before_anything_is_painted() {
    let desk = Desk::new();
    // A file where a folder should be.
    let run = desk.stylize(&["photo.png", "--style", "red.png", "-o", "red.png/out.png"]);
    run.fails(1, &["cannot write to the folder red.png"]);
    for command in [
        &["dream", "--style", "red.png", "-o", "red.png/x.png"][..],
        &["man", "red.png/man"],
        &["bench", "--sizes", "16", "--json", "red.png/x.json"],
    ] {
        desk.run(command).fails(1, &["red.png"]);
    }
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

#[test]
fn no_command_replaces_a_file_unless_it_is_told_to() {
    let desk = Desk::new();
    fs::create_dir(desk.path("page")).unwrap();
    fs::write(desk.path("page/styles.json"), "mine").unwrap();
    for command in [
        &["dream", "--style", "red.png", "-o", "photo.png"][..],
        &["styles", "--family", "woodcut", "-o", "photo.png"],
        &["styles", "-o", "page"],
        &["import-vgg", "red.png", "-o", "photo.png"],
        &["bench", "--sizes", "16", "--json", "photo.png"],
    ] {
        desk.run(command).fails(1, &["exists; --force replaces it"]);
    }
    assert_eq!(desk.picture("photo.png"), photo());
    assert_eq!(names(&desk.path("page")), ["styles.json"]);
    assert_eq!(fs::read(desk.path("page/styles.json")).unwrap(), b"mine");
    // What is read is not even replaced then.
    desk.run(&["dream", "--style", "red.png", "--force", "-o", "red.png"])
        .fails(1, &["would replace a file that is read"]);
}

#[test]
fn an_output_that_is_no_folder_and_no_name_of_a_picture_is_refused() {
    let desk = Desk::new();
    fs::write(desk.path("file"), "mine").unwrap();
    let to = |output: &str| desk.stylize(&["photo.png", "--style", "red.png", "-o", output]);
    to("file").fails(1, &["file is not a folder", "must end in .png, .jpg or .webp"]);
    to("o/.png").fails(2, &["o/.png: that is an ending without a name"]);
    desk.stylize(&["photo.png", "blue.jpg", "--style", "red.png", "-o", ".jpg"])
        .fails(2, &[".jpg: that is an ending without a name"]);
    desk.run(&["dream", "--style", "red.png", "-o", ".png"])
        .fails(2, &["an ending without a name"]);
    to("file/out.png").fails(1, &["cannot write to the folder file: it is not a folder"]);
    if cfg!(unix) {
        to("/dev/null").fails(1, &["/dev/null is not a folder", "must end in .png"]);
    }
    assert_eq!(desk.names(), ["blue.jpg", "file", "photo.png", "red.png"]);
}

#[test]
fn no_folder_is_made_for_what_cannot_be_read() {
    let desk = Desk::new();
    for command in [
        &["stylize", "photo.png", "--style", "nonesuch", "-o", "new/out.png"][..],
        &["dream", "--style", "nonesuch", "-o", "new/out.png"],
        &["styles", "--photo", "nonesuch", "--family", "woodcut", "-o", "new/out.png"],
    ] {
        desk.run(command).fails(1, &["nonesuch"]);
    }
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

/// A PNG file whose head promises 2,147,483,647 pixels a side, in 16-bit RGBA.
fn endless_png() -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let length = (data.len() as u32).to_be_bytes();
        let named = [name, data].concat();
        [&length[..], &named, &crc32fast::hash(&named).to_be_bytes()].concat()
    };
    let side = (i32::MAX as u32).to_be_bytes();
    let head = [&side[..], &side, &[16, 6, 0, 0, 0]].concat();
    let chunks = [chunk(b"IHDR", &head), chunk(b"IDAT", &[0; 9]), chunk(b"IEND", &[])].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks].concat()
}

#[test]
fn a_picture_that_promises_too_many_pixels_is_called_too_large() {
    let desk = Desk::new();
    fs::write(desk.path("huge.png"), endless_png()).unwrap();
    let said = "huge.png: 2147483647 x 2147483647 pixels are more than can be read";
    desk.stylize(&["huge.png", "--style", "red.png", "-o", "out.png"]).fails(1, &[said]);
    desk.stylize(&["photo.png", "--style", "huge.png", "-o", "out.png"]).fails(1, &[said]);
}

#[test]
fn a_tuned_style_that_is_cut_short_is_called_no_picture() {
    let desk = Desk::new();
    let style = impasto::procedural::bundled().iter().find_map(|style| style.tuned()).unwrap();
    for (name, length) in [("half.style", style.len() / 2), ("head", 100), ("begun.style", 5)] {
        fs::write(desk.path(name), &style[..length]).unwrap();
        let said = format!("{name}: not a readable weights file");
        desk.stylize(&["photo.png", "--style", name, "-o", "out.png"]).fails(1, &[&said]);
    }
}

#[test]
fn pictures_without_a_photo_go_to_standard_output_too() {
    let desk = Desk::new();
    for command in [
        &["dream", "--style", "red.png", "--device", "cpu", "--size", "64x48", "-o", "-"][..],
        &["styles", "--family", "woodcut", "--out", "-"],
    ] {
        let output = desk.command().args(command).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        impasto::Picture::decode(&output.stdout).expect("nothing but the picture is there");
    }
    assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    use super::*;

    /// No text in UTF-8.
    fn odd(name: &[u8]) -> &OsStr {
        OsStr::from_bytes(name)
    }

    fn pipe(desk: &Desk, name: &str) {
        assert!(Command::new("mkfifo").arg(desk.path(name)).status().unwrap().success());
    }

    #[test]
    fn names_may_be_no_text() {
        let desk = Desk::new();
        let place = desk.path("in");
        fs::create_dir(&place).unwrap();
        let names = [&b"ph\xffoto.png"[..], b"st\xffyle.png", b"ma\xffsk.png"];
        for (name, from) in names.into_iter().zip(["photo.png", "red.png", "blue.jpg"]) {
            fs::copy(desk.path(from), place.join(odd(name))).unwrap();
        }
        let painted = |arguments: &[&[u8]]| {
            let mut command = desk.command();
            command.args(["stylize", "--device", "cpu", "--json"]);
            let output = command.args(arguments.iter().map(|one| odd(one))).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("JSON is text")
        };
        let style = [&b"--style"[..], b"in/st\xffyle.png=2"];
        let photo = [&b"in/ph\xffoto.png"[..], b"-o", b"o\xffut.png"];
        painted(&[&photo[..], &style, &style, &[b"--mask", b"in/ma\xffsk.png=2"]].concat());
        assert!(desk.path("").join(odd(b"o\xffut.png")).exists());
        painted(&[&[&b"in"[..], b"-o", b"out"], &style[..]].concat());
        assert!(desk.path("out").join(odd(b"ma\xffsk.png")).exists());
    }

    #[test]
    fn what_is_no_file_in_a_folder_is_passed_over() {
        let desk = Desk::new();
        desk.put("in/a.png", &photo(), Format::Png);
        pipe(&desk, "in/pipe.png");
        symlink("nowhere.png", desk.path("in/link.png")).unwrap();
        symlink(".", desk.path("in/round.png")).unwrap();
        symlink("turn.jpg", desk.path("in/turn.jpg")).unwrap();
        fs::create_dir(desk.path("in/folder.jpg")).unwrap();
        let run =
            desk.stylize(&["in", "--style", "red.png", "-o", "out"]).prints(&["a.png: 64 x 48"]);
        assert!(run.stderr.contains("not read in in: link.png, pipe.png, turn.jpg"), "{run:?}");
        assert_eq!(names(&desk.path("out")), ["a.png"]);
        desk.stylize(&["in/turn.jpg", "--style", "red.png", "-o", "x.png"])
            .fails(1, &["cannot read in/turn.jpg"]);
    }

    #[test]
    fn a_photo_may_come_through_a_named_pipe() {
        let desk = Desk::new();
        pipe(&desk, "pipe.png");
        let mut writer = Command::new("cp")
            .args([desk.path("photo.png"), desk.path("pipe.png")])
            .spawn()
            .unwrap();
        desk.stylize(&["pipe.png", "--style", "red.png", "-o", "out.png"]).prints(&["64 x 48"]);
        assert!(writer.wait().unwrap().success());
    }

    #[test]
    fn endless_and_strange_files_are_refused() {
        let desk = Desk::new();
        let given = ["--style", "red.png", "-o", "out.png"];
        let run = |photo: &str| desk.stylize(&[&[photo], &given[..]].concat());
        run("/dev/zero").fails(1, &["/dev/zero is larger than"]);
        run("/dev/null").fails(1, &["/dev/null", "empty"]);
        run("/proc/self/mem").fails(1, &["cannot read /proc/self/mem"]);
        // Nobody can write there, not even root.
        desk.stylize(&["photo.png", "--style", "red.png", "-o", "/proc/painted.png"])
            .fails(1, &["cannot write to the folder /proc"]);
        assert_eq!(desk.names(), ["blue.jpg", "photo.png", "red.png"]);
    }

    /// Out of a limit on the size of files, as a full disk is: said once, and nothing is painted for nothing.
    #[test]
    fn a_disk_without_room_is_told_of_once() {
        let desk = Desk::new();
        for name in ["a", "b", "c"] {
            desk.put(&format!("in/{name}.png"), &photo(), Format::Png);
        }
        let script =
            "ulimit -f 1; trap '' XFSZ; exec \"$0\" stylize --device cpu in --style red.png -o out";
        let program = env!("CARGO_BIN_EXE_impasto");
        let mut command = Command::new("sh");
        command.args(["-c", script, program]).current_dir(desk.path("")).stdout(Stdio::null());
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        assert!(said.contains("cannot write to the folder out"), "{said}");
        assert!(names(&desk.path("out")).is_empty());
    }
}
