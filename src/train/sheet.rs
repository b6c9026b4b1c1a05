//! Sample sheets: a grid of pictures to look at.

use std::path::Path;

use image::imageops::{FilterType, crop_imm, resize};

use crate::picture::Picture;
use crate::picture::codecs::Format;
use crate::stylizer::Stylizer;

use super::TrainError;
use super::dataset::{Block, Dataset};

/// Gap between pictures, in pixels.
const GAP: u32 = 4;
/// Side of the crops on a preview, in pixels.
const PREVIEW_SIDE: u32 = 160;

/// Paints every photo in every style and lays them out: the first row has the styles, the first
/// column the photos. All are cut to squares of `side` pixels.
///
/// # Errors
/// [`TrainError::File`] with what went wrong with a picture or with the disk.
pub fn write(
    path: &Path,
    stylizer: &Stylizer,
    photos: &[Picture],
    styles: &[Picture],
    side: u32,
) -> Result<(), TrainError> {
    let encoded: Vec<_> = styles.iter().map(|style| stylizer.encode_style(style)).collect();
    let mut sheet = Sheet::new(styles.len() as u32 + 1, photos.len() as u32 + 1, side);
    for (column, style) in styles.iter().enumerate() {
        sheet.place(column as u32 + 1, 0, &square(style, side));
    }
    for (row, photo) in photos.iter().enumerate() {
        let photo = square(photo, side);
        sheet.place(0, row as u32 + 1, &photo);
        let content = stylizer.encode_content(&photo);
        for (column, style) in encoded.iter().enumerate() {
            let painting = pollster::block_on(stylizer.stylize(&content, &[(style, 1.0)], 1.0))
                .map_err(|error| TrainError::file(path, error))?;
            sheet.place(column as u32 + 1, row as u32 + 1, &painting);
        }
    }
    sheet.write(path)
}

/// The first crops of a run, as the networks will see them: photos in one row, the styles they are
/// painted in below, `columns` pairs a row.
///
/// # Errors
/// [`TrainError::File`] when the disk refuses.
pub fn preview(path: &Path, dataset: &Dataset, columns: u32, rows: u32) -> Result<(), TrainError> {
    let mut sheet = Sheet::new(columns, 2 * rows, PREVIEW_SIDE);
    let pairs = (0..).flat_map(|block| {
        let Block { contents, styles, .. } = dataset.block(block, 0);
        contents.into_iter().zip(styles).flat_map(|(content, style)| {
            (0..content.count)
                .map(|index| [content.picture(index), style[index].picture(0)])
                .collect::<Vec<_>>()
        })
    });
    for (index, pair) in (0..columns * rows).zip(pairs) {
        for (row, picture) in pair.into_iter().enumerate() {
            let picture = square(&picture, PREVIEW_SIDE);
            sheet.place(index % columns, 2 * (index / columns) + row as u32, &picture);
        }
    }
    sheet.write(path)
}

/// A white page with a grid of squares.
#[derive(Debug)]
pub struct Sheet {
    width: u32,
    height: u32,
    side: u32,
    rgb: Vec<u8>,
}

impl Sheet {
    /// Room for `columns` x `rows` squares of `side` pixels.
    pub fn new(columns: u32, rows: u32, side: u32) -> Self {
        let (width, height) = (columns * (side + GAP) + GAP, rows * (side + GAP) + GAP);
        Self { width, height, side, rgb: vec![255; (width * height * 3) as usize] }
    }

    /// Copies a picture of `side` x `side` pixels into the grid; what sticks out is cut off.
    pub fn place(&mut self, column: u32, row: u32, picture: &Picture) {
        let (left, top) = (GAP + column * (self.side + GAP), GAP + row * (self.side + GAP));
        let length = 3 * picture.width().min(self.side) as usize;
        let lines = picture.rgb().chunks_exact(3 * picture.width() as usize);
        for (y, line) in lines.take(self.side as usize).enumerate() {
            let start = 3 * ((top + y as u32) * self.width + left) as usize;
            self.rgb[start..start + length].copy_from_slice(&line[..length]);
        }
    }

    /// Writes the page as PNG.
    ///
    /// # Errors
    /// [`TrainError::File`] when the disk refuses.
    pub fn write(self, path: &Path) -> Result<(), TrainError> {
        Picture::new(self.width, self.height, self.rgb)
            .and_then(|picture| picture.encode(Format::Png))
            .map_err(|error| TrainError::file(path, error))
            .and_then(|bytes| {
                let written = crate::files::write_whole(path, &bytes);
                written.map_err(|error| TrainError::file(path, error))
            })
    }
}

/// The picture's centre, `side` pixels a side.
pub fn square(picture: &Picture, side: u32) -> Picture {
    let short = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - short) / 2, (picture.height() - short) / 2);
    let pixels = picture.pixels();
    let centre =
        resize(&*crop_imm(&pixels, left, top, short, short), side, side, FilterType::Lanczos3);
    Picture::new(side, side, centre.into_raw()).expect("a square of pixels")
}
