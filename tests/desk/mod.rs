//! What tests of the command line share: a folder with pictures, and what comes of a command in it.
#![allow(dead_code, reason = "not every test file needs all of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use impasto::{Format, Picture};
use tempfile::TempDir;

pub const JPEG: Format = Format::Jpeg { quality: 90 };

/// A folder with a photo (64 x 48) and two styles.
pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("photo.png", &photo(), Format::Png);
        desk.put("red.png", &stripes([220, 60, 20]), Format::Png);
        desk.put("blue.jpg", &stripes([20, 80, 200]), JPEG);
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, picture: &Picture, format: Format) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, picture.encode(format).unwrap()).unwrap();
    }

    pub fn picture(&self, name: &str) -> Picture {
        Picture::decode(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// All files and folders, so that anything left behind shows.
    pub fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.current_dir(self.0.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command().args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Run { code: output.status.code(), stdout, stderr }
    }

    /// `impasto stylize` on the CPU with these further arguments.
    pub fn stylize(&self, arguments: &[&str]) -> Run {
        self.run(&[&["stylize", "--device", "cpu"], arguments].concat())
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Done, and standard output has all of these in it.
    #[track_caller]
    pub fn prints(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert!(parts.iter().all(|part| self.stdout.contains(part)), "{parts:?}: {self:?}");
        self
    }

    /// Failed in this way, and standard error has all of these in it.
    #[track_caller]
    pub fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(parts.iter().all(|part| self.stderr.contains(part)), "{parts:?}: {self:?}");
        self
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn paint(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
    let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Picture::new(width, height, rgb.flat_map(|(x, y)| colour(x, y)).collect()).unwrap()
}

/// Sky, ground, and a bright disc.
pub fn photo() -> Picture {
    paint(64, 48, |x, y| match (x.abs_diff(40).pow(2) + y.abs_diff(16).pow(2), y) {
        (..100, _) => [250, 240, 160],
        (_, ..30) => [100, 150, 200 + y as u8],
        _ => [60, 110 + (x % 16) as u8 * 2, 50],
    })
}

pub fn stripes(colour: [u8; 3]) -> Picture {
    paint(80, 60, |x, y| colour.map(|value| if (x + 2 * y) % 14 < 7 { value } else { value / 4 }))
}

/// Mean absolute difference, in 8-bit levels.
pub fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.rgb().len() as f64
}

/// EXIF data of a photo that lies on its side, with a camera and a place.
pub fn exif() -> Vec<u8> {
    use exif::{Field, In, Tag, Value};
    let text = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    let fields = [
        (Tag::Make, text("Kamera")),
        (Tag::Orientation, Value::Short(vec![6])),
        (Tag::GPSLatitudeRef, text("N")),
    ];
    let fields = fields.map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let mut writer = exif::experimental::Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut bytes = std::io::Cursor::new(Vec::new());
    writer.write(&mut bytes, false).unwrap();
    bytes.into_inner()
}
