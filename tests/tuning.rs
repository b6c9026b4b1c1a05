//! Tuning the networks to a style, as a user does.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use impasto::procedural::{Family, paint};
use impasto::tuned::{TunedStyle, Tuning, is_tuned};
use impasto::{DEFAULT_WEIGHTS, Format, Picture, weights};

/// A folder with photos, and two styles.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let save = |name: &str, picture: &Picture| {
        fs::write(desk.path().join(name), picture.encode(Format::Png).unwrap()).unwrap();
    };
    fs::create_dir(desk.path().join("photos")).unwrap();
    save("photos/a.png", &paint(Family::Agate, 220, 200, 1));
    save("photos/b.png", &paint(Family::Agate, 200, 240, 2));
    save("woodcut.png", &paint(Family::Woodcut, 128, 128, 3));
    save("other.png", &paint(Family::Agate, 128, 128, 4));
    desk
}

fn command(desk: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.current_dir(desk).args(arguments);
    command
}

fn impasto(desk: &Path, arguments: &[&str]) -> Output {
    command(desk, arguments).output().unwrap()
}

const TUNE: [&str; 9] =
    ["tune", "--style", "woodcut.png", "--photos", "photos", "--device", "cpu", "-o", "my.style"];

fn tune(desk: &Path, more: &[&str]) -> Output {
    impasto(desk, &[&TUNE[..], more].concat())
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn fails(output: &Output, reason: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains(reason), "{message}");
}

#[test]
fn a_style_is_tuned_and_painted_with() {
    let desk = desk();
    let desk = desk.path();
    let printed =
        succeeds(&tune(desk, &["--steps", "2", "--name", "Old wood", "--licence", "CC0"]));
    assert!(printed.contains("my.style: 2 steps, 0."), "{printed}");
    let bytes = fs::read(desk.join("my.style")).unwrap();
    assert!(bytes.len() < 200_000, "{}", bytes.len());
    let about = weights::metadata(&bytes).unwrap();
    assert_eq!((about["name"].as_str(), about["licence"].as_str()), ("Old wood", "CC0"));
    fails(&tune(desk, &["--steps", "2"]), "my.style exists; --force replaces it");

    let more = ["-o", "more.style", "--steps", "1", "--from", "my.style"];
    let tune_on = |more: &[&str]| impasto(desk, &[&TUNE[..7], more].concat());
    succeeds(&tune_on(&more));
    let further = fs::read(desk.join("more.style")).unwrap();
    assert_eq!(weights::metadata(&further).unwrap()["steps"], "3");
    assert_ne!(weights::deserialize(&further).unwrap().0, weights::deserialize(&bytes).unwrap().0);

    let stylize = |more: &[&str]| {
        let common = ["stylize", "photos/a.png", "--device", "cpu", "--size", "64", "--force"];
        impasto(desk, &[&common[..], more].concat())
    };
    succeeds(&stylize(&["--style", "my.style", "-o", "tuned.png"]));
    succeeds(&stylize(&["--style", "woodcut.png", "-o", "general.png"]));
    succeeds(&stylize(&["--style", "my.style", "--style", "woodcut.png", "-o", "mixed.png"]));
    let [tuned, general, mixed] = ["tuned.png", "general.png", "mixed.png"]
        .map(|name| Picture::decode(&fs::read(desk.join(name)).unwrap()).unwrap());
    assert_ne!(tuned, general);
    assert!(mixed != tuned && mixed != general, "half tuned");
    succeeds(&stylize(&["--style", "my.style", "--refine=1", "-o", "refined.png"]));

    let (mut tensors, metadata) = weights::deserialize(DEFAULT_WEIGHTS).unwrap();
    tensors[0].values[0] += 1.0;
    fs::write(desk.join("others"), weights::serialize(&tensors, &metadata).unwrap()).unwrap();
    let not_from = ["-o", "o.style", "--weights", "others", "--from", "my.style"];
    fails(&tune_on(&not_from), "my.style: the style was tuned from other weights");
    fails(&tune_on(&["-o", "o.style", "--from", "woodcut.png"]), "woodcut.png: ");
    // What was learned with strokes of another size is something else.
    succeeds(&tune_on(&["-o", "fine.style", "--steps", "2", "--style-size", "64"]));
    let fine = fs::read(desk.join("fine.style")).unwrap();
    assert_ne!(weights::deserialize(&fine).unwrap().0, weights::deserialize(&bytes).unwrap().0);
    fs::write(desk.join("photos/broken.jpg"), b"no picture").unwrap();
    let skipped = tune_on(&["-o", "skipped.style", "--steps", "1"]);
    succeeds(&skipped);
    let said = String::from_utf8_lossy(&skipped.stderr).into_owned();
    assert!(said.contains("skipped: photos/broken.jpg"), "{said}");
    let others = ["--style", "my.style", "--weights", "others", "-o", "others.png"];
    fails(&stylize(&others), "tuned from other weights");

    fs::write(desk.join("before"), DEFAULT_WEIGHTS).unwrap();
    let carry = |more: &[&str]| {
        let common = ["tune", "--from", "my.style", "--weights", "others"];
        impasto(desk, &[&common[..], &["--steps", "0", "-o", "carried.style"], more].concat())
    };
    fails(&carry(&["--photos", "photos"]), "--from-weights");
    fails(&carry(&["--from-weights", "others"]), "tuned from other weights");
    fs::write(desk.join("cut"), &DEFAULT_WEIGHTS[..9000]).unwrap();
    fails(&carry(&["--from-weights", "cut"]), "error: cut: ");
    for taken in ["my.style", "others", "before"] {
        let over = ["--from-weights", "before", "-o", taken, "--force"];
        let from = ["tune", "--from", "my.style", "--weights", "others", "--steps", "0"];
        fails(&impasto(desk, &[&from[..], &over].concat()), "would replace a file that is read");
    }
    fails(&tune_on(&["-o", "picture.png", "--steps", "1"]), "let its name end in .style");
    succeeds(&carry(&["--from-weights", "before"]));
    let about = weights::metadata(&fs::read(desk.join("carried.style")).unwrap()).unwrap();
    let said = ["name", "licence", "steps"].map(|key| about[key].as_str());
    assert_eq!(said, ["Old wood", "CC0", "2"]);
    succeeds(&stylize(&["--style", "carried.style", "--weights", "others", "-o", "carried.png"]));
    let cut = &bytes[..bytes.len() - 100];
    fs::write(desk.join("cut.style"), cut).unwrap();
    fails(
        &stylize(&["--style", "cut.style", "-o", "cut.png"]),
        "cut.style: not a readable weights file",
    );
    fs::write(desk.join("start.style"), &bytes[..2000]).unwrap();
    let start = stylize(&["--style", "start.style", "-o", "cut.png"]);
    fails(&start, "start.style: not a readable weights file");
    assert!(!desk.join("cut.png").exists());
}

/// A file of a style that nothing was learned for.
fn put_style(desk: &Path, name: &str) {
    let about = [("name", "Old wood"), ("author", "Ann"), ("licence", "CC0"), ("steps", "2")];
    let about = about.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let picture = paint(Family::Woodcut, 128, 128, 3);
    let (mut tensors, general) = weights::deserialize(DEFAULT_WEIGHTS).unwrap();
    tensors.retain(|tensor| is_tuned(&tensor.name));
    let style = TunedStyle::new(&picture, Tuning::new(tensors, about, &general));
    fs::write(desk.join(name), style.save().unwrap()).unwrap();
}

#[track_caller]
fn is_wrong_usage(output: &Output, reason: &str) {
    fails(output, reason);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_style_that_is_only_carried_over_stays_what_it_is() {
    let desk = desk();
    let desk = desk.path();
    put_style(desk, "old.style");
    fs::write(desk.join("before"), DEFAULT_WEIGHTS).unwrap();
    fs::write(desk.join("text"), "no weights").unwrap();
    let from = ["tune", "--from", "old.style", "--steps", "0", "--force", "-o", "new.style"];
    let carry = |more: &[&str]| impasto(desk, &[&from[..], more].concat());
    let carried = |more: &[&str]| {
        succeeds(&carry(&[&["--from-weights", "before"][..], more].concat()));
        TunedStyle::load(&fs::read(desk.join("new.style")).unwrap()).unwrap()
    };
    let old = TunedStyle::load(&fs::read(desk.join("old.style")).unwrap()).unwrap();
    let about = |style: &TunedStyle| {
        ["name", "author", "licence", "steps"].map(|key| style.tuning.about[key].clone())
    };
    let new = carried(&[]);
    assert_eq!(about(&new), about(&old));
    let apart = new.picture.rgb().iter().zip(old.picture.rgb()).map(|(a, b)| a.abs_diff(*b));
    assert!(apart.map(f64::from).sum::<f64>() / (new.picture.rgb().len() as f64) < 8.0);
    assert_eq!(about(&carried(&["--name", "New", "--style", "woodcut.png"]))[0], "New");

    let carry = |more: &[&str]| carry(&[&["--from-weights", "before"][..], more].concat());
    fails(&carry(&["--style", "other.png"]), "--style is another picture");
    is_wrong_usage(
        &carry(&["--photos", "photos", "--device", "cpu"]),
        "--photos, --device: of no use",
    );
    is_wrong_usage(&tune(desk, &["--steps", "0"]), "--steps 0 learns nothing");
    is_wrong_usage(&impasto(desk, &["tune", "-o", "x.style"]), "--style");
    // Whose fault it is.
    fails(&carry(&["--weights", "text"]), "error: text: not a readable weights file");
    let from = &from[..3];
    let more = ["--steps", "0", "-o", "x.style", "--from-weights", "text"];
    fails(&impasto(desk, &[from, &more].concat()), "error: text: not a readable");
}

#[test]
fn tuning_replaces_nothing_that_it_reads_and_makes_no_picture() {
    let desk = desk();
    let desk = desk.path();
    put_style(desk, "old.style");
    fs::write(desk.join("before"), DEFAULT_WEIGHTS).unwrap();
    fs::copy(desk.join("woodcut.png"), desk.join("woodcut")).unwrap();
    let learn =
        ["tune", "--style", "woodcut", "--photos", "photos", "--photos", "other.png", "--force"];
    let given = ["--from", "old.style", "--from-weights", "before", "--weights", "before"];
    for output in ["woodcut", "old.style", "before", "./before"] {
        let was = fs::read(desk.join(output)).unwrap();
        let run = impasto(desk, &[&learn[..], &given, &["--steps", "1", "-o", output]].concat());
        fails(&run, "would replace a file that is read");
        assert_eq!(fs::read(desk.join(output)).unwrap(), was);
    }
    for output in ["new.png", "new.JPG"] {
        is_wrong_usage(&impasto(desk, &[&learn[..], &["-o", output]].concat()), "is no picture");
    }
    let missing = ["tune", "--style", "nonesuch", "--photos", "photos", "-o", "new/x.style"];
    fails(&impasto(desk, &missing), "nonesuch");
    assert!(!desk.join("new").exists());
}

#[cfg(unix)]
#[test]
fn stopped_it_keeps_what_has_been_learned() {
    let desk = desk();
    let desk = desk.path();
    let mut run = command(desk, &[&TUNE[..], &["--steps", "1000"]].concat());
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.find(|line| line.as_ref().unwrap().starts_with("step 1 of 1000, about "));
    assert!(first.is_some(), "it ended early");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    drop(lines);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("my.style: stopped after ") && said.contains(" of 1000 steps"), "{said}");
    let steps =
        weights::metadata(&fs::read(desk.join("my.style")).unwrap()).unwrap()["steps"].clone();
    assert!(said.contains(&format!("stopped after {steps} of")), "{said} {steps}");
    succeeds(&impasto(
        desk,
        &[
            "stylize",
            "photos/a.png",
            "--device",
            "cpu",
            "--size",
            "64",
            "--style",
            "my.style",
            "-o",
            "a.png",
        ],
    ));
}
