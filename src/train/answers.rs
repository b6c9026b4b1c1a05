//! Right answers from elsewhere: photos, style pictures, and the photos as another program painted them in
//! these styles.

use std::path::{Path, PathBuf};

use image::imageops::{FilterType, crop_imm, resize};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TrainError;
use crate::picture::Picture;
use crate::picture::codecs::size_of;

/// The table of them, in their folder.
const TABLE: &str = "pairs.csv";
/// Consecutive undecodable files after which training ends.
const MOST_BROKEN: usize = 20;

/// A photo in a style, and what it is to become.
#[derive(Debug)]
pub struct Answer {
    /// The photo.
    pub photo: Picture,
    /// A picture of the style.
    pub style: Picture,
    /// As large as the photo, with everything where it is there.
    pub painting: Picture,
}

/// A table of answers.
#[derive(Debug)]
pub struct Answers(Vec<[PathBuf; 3]>);

impl Answers {
    /// Reads `pairs.csv` in the folder, a table with the columns `photo`, `style` and `answer`: files,
    /// relative to the folder. Looks at the heads of all of them. A photo is as large as its answer, and has
    /// at least `side` pixels a side.
    ///
    /// # Errors
    /// [`TrainError::File`] names the first row that cannot be used.
    pub fn load(folder: &Path, side: u32) -> Result<Self, TrainError> {
        let path = folder.join(TABLE);
        let fail = |error: &dyn std::fmt::Display| TrainError::file(&path, error);
        let mut reader = csv::Reader::from_path(&path).map_err(|error| fail(&error))?;
        let head = reader.headers().map_err(|error| fail(&error))?.clone();
        let place = |name: &str| {
            let place = head.iter().position(|found| found.trim() == name);
            place.ok_or_else(|| fail(&format!("it has no column {name:?}")))
        };
        let places = [place("photo")?, place("style")?, place("answer")?];
        let mut rows = Vec::new();
        for (number, record) in reader.records().enumerate() {
            let record = record.map_err(|error| fail(&error))?;
            let row = places.map(|place| folder.join(record.get(place).unwrap_or_default()));
            let [photo, _, answer] =
                sizes(&row).map_err(|error| fail(&format!("line {}: {error}", number + 2)))?;
            if photo != answer || photo.0.min(photo.1) < side {
                let ((width, height), (wide, high)) = (photo, answer);
                return Err(fail(&format!(
                    "line {}: a photo of {width} x {height} and an answer of {wide} x {high}; both must \
                     be as large, and have at least {side} pixels a side",
                    number + 2
                )));
            }
            rows.push(row);
        }
        match rows.is_empty() {
            true => Err(fail(&"it has no rows")),
            false => Ok(Self(rows)),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: loading an empty table fails.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Files' names, in order, as one number.
    pub fn fingerprint(&self) -> String {
        let mut hasher = crc32fast::Hasher::new();
        for path in self.0.iter().flatten() {
            hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        }
        format!("{} answers, {:08x}", self.len(), hasher.finalize())
    }

    /// A square part, of `side` pixels a side, of a photo and of its answer, and the middle of the style
    /// picture, `style_side` pixels a side.
    pub fn draw(&self, side: u32, style_side: u32, rng: &mut ChaCha8Rng) -> Answer {
        for _ in 0..MOST_BROKEN {
            let row = &self.0[rng.random_range(0..self.len())];
            match row.each_ref().map(|path| decode(path)) {
                [Ok(photo), Ok(style), Ok(painting)] => {
                    let left = rng.random_range(0..=photo.width() - side);
                    let top = rng.random_range(0..=photo.height() - side);
                    let part = |picture: &Picture| part(picture, [left, top], side, side);
                    let short = style.width().min(style.height());
                    let middle = [(style.width() - short) / 2, (style.height() - short) / 2];
                    return Answer {
                        photo: part(&photo),
                        style: self::part(&style, middle, short, style_side),
                        painting: part(&painting),
                    };
                }
                found => {
                    for error in found.into_iter().filter_map(Result::err) {
                        eprintln!("{error}; another one instead");
                    }
                }
            }
        }
        panic!("{MOST_BROKEN} pictures in a row could not be read");
    }
}

/// Of a photo, a style picture and an answer, in pixels.
fn sizes(row: &[PathBuf; 3]) -> Result<[(u32, u32); 3], String> {
    let size = |path: &Path| {
        // Opening a pipe waits for somebody to write.
        if !path.is_file() {
            return Err(format!("{} is not a file", path.display()));
        }
        size_of(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let [photo, style, answer] = row;
    Ok([size(photo)?, size(style)?, size(answer)?])
}

fn decode(path: &Path) -> Result<Picture, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Picture::decode(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// A square part, brought to another size.
fn part(picture: &Picture, [left, top]: [u32; 2], from: u32, to: u32) -> Picture {
    let pixels = picture.pixels();
    let part = crop_imm(&pixels, left, top, from, from);
    let pixels = resize(&*part, to, to, FilterType::Triangle);
    Picture::new(to, to, pixels.into_raw()).expect("a square of pixels")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::procedural;
    use rand::SeedableRng;

    /// A folder with a photo, a style and the photo, darker, as an answer.
    fn folder(photo: [u32; 2], answer: [u32; 2]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, picture: Picture| {
            let bytes = picture.encode(Format::Png).unwrap();
            std::fs::write(folder.path().join(name), bytes).unwrap();
        };
        let picture = |[width, height]: [u32; 2], divisor: u8| {
            let rgb =
                procedural::random(width, height, 1).rgb().iter().map(|v| v / divisor).collect();
            Picture::new(width, height, rgb).unwrap()
        };
        write("photo.png", picture(photo, 1));
        write("answer.png", picture(answer, 2));
        write("style.png", procedural::random(90, 120, 2));
        let table = "answer,photo,style\nanswer.png,photo.png,style.png\n";
        std::fs::write(folder.path().join(TABLE), table).unwrap();
        folder
    }

    #[test]
    fn a_part_of_a_photo_and_the_same_of_its_answer() {
        let folder = folder([100, 80], [100, 80]);
        let answers = Answers::load(folder.path(), 64).unwrap();
        assert_eq!(answers.len(), 1);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..4 {
            let Answer { photo, style, painting } = answers.draw(64, 48, &mut rng);
            assert_eq!(
                [photo.width(), photo.height(), style.width(), style.height()],
                [64, 64, 48, 48]
            );
            let half: Vec<u8> = photo.rgb().iter().map(|value| value / 2).collect();
            assert_eq!(painting.rgb(), half);
        }
    }

    #[test]
    fn tables_that_cannot_be_used_say_why() {
        let message = |folder: &tempfile::TempDir, side| {
            Answers::load(folder.path(), side).map(|_| ()).unwrap_err().to_string()
        };
        let found = message(&folder([100, 80], [80, 100]), 64);
        assert!(found.contains("line 2") && found.contains("100 x 80"), "{found}");
        let found = message(&folder([100, 80], [100, 80]), 96);
        assert!(found.contains("at least 96 pixels"), "{found}");
        let other = folder([100, 80], [100, 80]);
        std::fs::remove_file(other.path().join("style.png")).unwrap();
        assert!(message(&other, 64).contains("style.png is not a file"));
        for (table, reason) in
            [("photo,style\na,b\n", "no column \"answer\""), ("photo,style,answer\n", "no rows")]
        {
            std::fs::write(other.path().join(TABLE), table).unwrap();
            assert!(message(&other, 64).contains(reason), "{table}");
        }
        std::fs::remove_file(other.path().join(TABLE)).unwrap();
        assert!(message(&other, 64).contains(TABLE));
    }
}
