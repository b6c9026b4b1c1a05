//! Measuring paintings, looking at a run before it starts, and pictures from noise, as a user does.
#![cfg(feature = "train")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use impasto::network::vgg::VggConfig;
use impasto::procedural;
use impasto::train::losses;
use impasto::{Format, Picture, device, weights};

fn impasto(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_impasto")).args(arguments).output().unwrap()
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn save(path: &Path, picture: &Picture) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, picture.encode(Format::Png).unwrap()).unwrap();
}

fn picture(path: &Path) -> Picture {
    Picture::decode(&fs::read(path).unwrap()).unwrap()
}

/// The numbers of a row of the table, by its name.
fn row(table: &str, name: &str) -> Vec<f64> {
    let row = table.lines().find_map(|line| line.strip_prefix(name)).expect(table);
    row.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn a_table_and_a_sheet_of_every_photo_in_every_style() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for seed in 1..=2 {
        save(&folder.path().join(format!("photos/p{seed}.png")), &procedural::random(96, 80, seed));
    }
    let style = procedural::random(64, 64, 3);
    save(&folder.path().join("styles/s.png"), &style);
    // Random weights measure badly, but the same picture is at no distance from itself.
    let network = VggConfig::full().init(&device::cpu());
    let vgg = weights::tensors_of("", &network);
    fs::write(path("vgg"), weights::serialize(&vgg, &weights::Metadata::new()).unwrap()).unwrap();

    let (photos, styles, vgg) = (path("photos"), path("styles"), path("vgg"));
    let common =
        ["evaluate", "--content", &photos, "--style", &styles, "--vgg", &vgg, "--size", "64"];
    let against = path("copies");
    let missing = impasto(&[&common[..], &["--against", &against]].concat());
    assert!(!missing.status.success());
    let message = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(message.contains("p1__s.png is missing"), "{message}");

    // A "method" that gives the style picture back.
    for seed in 1..=2 {
        save(&folder.path().join(format!("copies/p{seed}__s.png")), &style);
    }
    let (sheet, saved) = (path("sheet.png"), path("saved"));
    let more = ["--against", &against, "--strength", "0,1", "--sheet", &sheet, "--save", &saved];
    let table = succeeds(&impasto(&[&common[..], &more].concat()));
    let [photo, painting, copies] =
        ["impasto, strength 0 ", "impasto, strength 1 ", "copies "].map(|name| row(&table, name));
    // style, content, gram, ssim, stroke
    assert_eq!((photo[1], photo[3]), (0.0, 1.0), "the photo has its own content: {table}");
    assert_eq!((copies[0], copies[2]), (0.0, 0.0), "the style has its own style: {table}");
    assert!(copies[4] < 0.05 && copies[4] < photo[4], "{table}");
    assert!(copies[1] > 0.1 && copies[3] < 0.9 && photo[0] > 0.0, "{table}");
    assert_eq!(painting.len(), 8, "measures and both kinds of stability: {table}");
    assert!(painting[3] < 1.0, "{table}");
    assert!(picture(Path::new(&sheet)).width() > 512);
    let again = impasto(&[&common[..], &["--sheet", &sheet]].concat());
    let message = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && message.contains("sheet.png exists"), "{message}");
    assert_eq!(picture(&folder.path().join("saved/p2__s.png")).width(), 64);
}

#[test]
fn a_preview_shows_crops_and_trains_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["photos", "styles"] {
        save(&folder.path().join(name).join("a.png"), &procedural::random(120, 90, 5));
    }
    let sheet = path("preview.png");
    let (content, style) = (path("photos"), path("styles"));
    let arguments = ["train", "--content", &content, "--style", &style, "--preview", &sheet];
    succeeds(&impasto(&arguments));
    let preview = picture(Path::new(&sheet));
    assert!(preview.rgb().iter().any(|&value| value < 128), "an empty sheet");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "it wrote something else");
}

#[test]
fn training_looks_at_what_is_cheap_first_and_destroys_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["photos", "styles"] {
        save(&folder.path().join(name).join("a.png"), &procedural::random(90, 90, 5));
    }
    fs::create_dir(path("letters")).unwrap();
    fs::write(folder.path().join("letters/a.txt"), "a letter").unwrap();
    fs::write(path("vgg"), "nothing").unwrap();
    let (content, style, vgg) = (path("photos"), path("styles"), path("vgg"));
    let refused = |content: &str, more: &[&str]| {
        let arguments = ["train", "--content", content, "--style", &style, "--device", "cpu"];
        let output = impasto(&[&arguments[..], more].concat());
        assert!(!output.status.success(), "{more:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // The folder of photos is missing as well, which would be noticed later.
    let (nowhere, new) = (path("nowhere"), path("new"));
    let message = refused(&nowhere, &["--out", &new, "--vgg", &nowhere]);
    assert!(message.contains("impasto import-vgg"), "{message}");
    let message = refused(&nowhere, &["--out", &path("letters"), "--vgg", &vgg]);
    assert!(message.contains("is not empty and has no run in it"), "{message}");
    let message = refused(&nowhere, &["--out", &new, "--vgg", &vgg, "--from", &path("none")]);
    assert!(message.contains("cannot read") && message.contains("none"), "{message}");
    let message = refused(&nowhere, &["--out", &new, "--vgg", &vgg, "--resume"]);
    assert!(message.contains("config.toml"), "{message}");
    let message = refused(&content, &["--out", &new, "--vgg", &vgg, "--change-settings"]);
    assert!(message.contains("--resume"), "{message}");
    assert!(!Path::new(&new).exists(), "nothing was begun");
}

#[test]
fn photos_are_painted_by_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let photo = procedural::random(80, 60, 5);
    save(&folder.path().join("photo.png"), &photo);
    let (photo, out) = (path("photo.png"), path("cut.png"));
    let arguments = ["styles", "--photo", &photo, "--family", "woodcut", "--seed", "3"];
    succeeds(&impasto(&[&arguments[..], &["-o", &out]].concat()));
    let cut = picture(Path::new(&out));
    assert_eq!((cut.width(), cut.height()), (80, 60));
    let wrong =
        impasto(&["styles", "--photo", &photo, "--family", "woodcuts", "-o", &path("no.png")]);
    let message = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && message.contains("stained-glass"), "{message}");
    assert!(!folder.path().join("no.png").exists());
}

#[test]
fn lines_in_skies_are_a_quarter_of_what_repeated_pixels_left() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, out) = (folder.path().join("sky.png"), folder.path().join("out.png"));
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) % 5
    };
    // A sky above something with edges.
    let colours = (0..256 * 256u32).flat_map(|i| match (i % 256, i / 256) {
        (x, y @ 200..) => [60 + 50 * ((x / 17 + y / 17) % 2); 3],
        (x, y) => [100 + y / 8, 140 + y / 16, 200 - x / 16],
    });
    let pixels = colours.map(|level| (level + noise()) as u8).collect();
    let sky = Picture::new(256, 256, pixels).unwrap();
    save(&photo, &sky);
    let sky = losses::Flatness::of(sky.to_tensor(&device::cpu()));
    let (photo, out) = (photo.to_str().unwrap(), out.to_str().unwrap());
    let mut sum = 0.0;
    for style in ["crayon-town", "halftone-peak", "starry-impasto"] {
        let path = format!("{}/www/styles/{style}.jpg", env!("CARGO_MANIFEST_DIR"));
        let arguments = ["--style", &path, "--device", "cpu", "--force", "-o", out];
        succeeds(&impasto(&[&["stylize", photo][..], &arguments].concat()));
        let painting = picture(Path::new(out)).to_tensor(&device::cpu());
        let found = losses::grid(painting, &sky).into_scalar::<f32>();
        println!("{style}: {found}");
        sum += found;
    }
    // A generator that repeated pixels at its first upsampling left 2.9, 12.6 and 1.1.
    assert!(sum < 16.6 / 4.0, "lines of {sum} squared levels");
}

#[test]
fn dreams_follow_their_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let style = path("style.png");
    save(Path::new(&style), &procedural::random(96, 96, 8));
    let dream = |name: &str, seed: &str| {
        let out = path(name);
        let arguments = ["dream", "--style", &style, "--seed", seed, "--size", "72x40"];
        succeeds(&impasto(&[&arguments[..], &["--device", "cpu", "-o", &out]].concat()));
        picture(Path::new(&out))
    };
    let (first, again, other) = (dream("1.png", "1"), dream("2.png", "1"), dream("3.png", "2"));
    assert_eq!((first.width(), first.height()), (72, 40));
    assert_eq!(first.rgb(), again.rgb());
    assert_ne!(first.rgb(), other.rgb());
    let out = path("1.png");
    let again = impasto(&["dream", "--style", &style, "-o", &out]);
    assert!(!again.status.success(), "it replaced a picture without --force");
    let wrong = impasto(&["dream", "--style", &style, "--size", "72", "-o", &out]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("768x512"));
}

#[test]
fn weights_of_a_run_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (tensors, metadata) = weights::deserialize(impasto::DEFAULT_WEIGHTS).unwrap();
    let mut moved = tensors.clone();
    // A vector, which is stored as it is.
    let place =
        moved.iter().position(|tensor| tensor.name == "generator.conv_6.conv.bias").unwrap();
    for value in &mut moved[place].values {
        *value += 1.0;
    }
    let [first, second, out] = ["first", "second", "average"].map(path);
    fs::write(&first, impasto::DEFAULT_WEIGHTS).unwrap();
    let metadata =
        [metadata, [("steps".into(), "9".into())].into()].into_iter().flatten().collect();
    fs::write(&second, weights::serialize(&moved, &metadata).unwrap()).unwrap();

    succeeds(&impasto(&["average", &first, &second, "-o", &out]));
    let (mean, about) = weights::deserialize(&fs::read(&out).unwrap()).unwrap();
    assert_eq!((&*about["steps"], &*about["averaged_files"]), ("9", "2"), "{about:?}");
    for ((mean, before), after) in mean.iter().zip(&tensors).zip(&moved) {
        assert_eq!((&mean.name, &mean.shape), (&before.name, &before.shape));
        let largest = before.values.iter().fold(0f32, |most, value| most.max(value.abs()));
        for ((mean, a), b) in mean.values.iter().zip(&before.values).zip(&after.values) {
            assert!((mean - (a + b) / 2.0).abs() <= largest / 127.0, "{}", before.name);
        }
    }

    let again = impasto(&["average", &first, &second, "-o", &out]);
    let message = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && message.contains("exists; --force"), "{message}");
    fs::write(path("text"), "no weights").unwrap();
    let wrong = impasto(&["average", &first, &path("text"), "-o", &path("none")]);
    let message = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && message.contains("text"), "{message}");
    assert!(!folder.path().join("none").exists());
}
