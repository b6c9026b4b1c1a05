//! Regions: which part of a photo is painted in which style.

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};

use crate::picture::{PictureError, Rect};

/// How much of every pixel belongs to a region, 0..1, with soft edges.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    width: u32,
    height: u32,
    /// Rows from the top.
    shares: Vec<f32>,
}

impl Mask {
    /// From rows of shares.
    ///
    /// # Errors
    /// [`PictureError::NoPixels`], or [`PictureError::Length`] unless there are `width * height`;
    /// [`PictureError::NotFinite`] for NaN and infinite values. Others are brought into 0..1.
    pub fn new(width: u32, height: u32, mut shares: Vec<f32>) -> Result<Self, PictureError> {
        let (expected, found) = (u64::from(width) * u64::from(height), shares.len() as u64);
        if expected == 0 {
            return Err(PictureError::NoPixels { width, height });
        }
        if expected != found {
            return Err(PictureError::Length { width, height, expected, found });
        }
        let wrong = shares.iter().filter(|share| !share.is_finite()).count();
        if wrong > 0 {
            return Err(PictureError::NotFinite(wrong));
        }
        shares.iter_mut().for_each(|share| *share = share.clamp(0.0, 1.0));
        Ok(Self { width, height, shares })
    }

    /// From rows of RGBA, 4 bytes a pixel: the opacity, as of strokes on an empty canvas, or, where
    /// nothing is transparent, the red values, as of a black and white picture.
    ///
    /// # Errors
    /// As [`Mask::new`], with 4 values a pixel.
    pub fn from_rgba(width: u32, height: u32, rgba: &[u8]) -> Result<Self, PictureError> {
        let expected = 4 * u64::from(width) * u64::from(height);
        if expected != rgba.len() as u64 {
            let found = rgba.len() as u64;
            return Err(PictureError::Length { width, height, expected, found });
        }
        let opaque = rgba.chunks_exact(4).all(|pixel| pixel[3] == u8::MAX);
        let channel = if opaque { 0 } else { 3 };
        let shares = rgba[channel.min(rgba.len())..].iter().step_by(4);
        Self::new(width, height, shares.map(|&value| f32::from(value) / 255.0).collect())
    }

    /// Rows from the top, 0..1.
    pub fn shares(&self) -> &[f32] {
        &self.shares
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Brought to another size, whatever its proportions were; soft edges stay soft.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let pixels: ImageBuffer<Luma<f32>, _> =
            ImageBuffer::from_raw(self.width, self.height, self.shares.clone())
                .expect("a mask holds exactly its pixels");
        // A triangle never leaves 0..1, as a sharper filter would.
        let shares = resize(&pixels, width, height, FilterType::Triangle).into_raw();
        Self { width, height, shares }
    }
}

impl Mask {
    /// What [`resized`](Self::resized) gives for a part of a photo of `width` x `height` pixels,
    /// without the rest of it.
    pub(crate) fn part(&self, width: u32, height: u32, part: Rect) -> Self {
        if self.width > width || self.height > height {
            return self.resized(width, height).part(width, height, part);
        }
        // Between the four nearest pixels of the mask; beyond its border, its border.
        let places = |from: u32, count: u32, own: u32, all: u32| -> Vec<(usize, usize, f32)> {
            let scale = own as f32 / all as f32;
            let place = |position: u32| {
                let at = ((position as f32 + 0.5) * scale - 0.5).clamp(0.0, (own - 1) as f32);
                let first = at as usize;
                (first, (first + 1).min(own as usize - 1), at.fract())
            };
            (from..from + count).map(place).collect()
        };
        let columns = places(part.left, part.width, self.width, width);
        let rows = places(part.top, part.height, self.height, height);
        let shares = rows
            .into_iter()
            .flat_map(|(top, bottom, down)| {
                let row = |row: usize| &self.shares[row * self.width as usize..];
                let (top, bottom) = (row(top), row(bottom));
                columns.iter().map(move |&(left, right, along)| {
                    let between = |row: &[f32]| row[left] + (row[right] - row[left]) * along;
                    let (above, below) = (between(top), between(bottom));
                    above + (below - above) * down
                })
            })
            .collect();
        Self { width: part.width, height: part.height, shares }
    }
}

/// How the painting is put together at every pixel.
#[derive(Debug, PartialEq)]
pub(crate) struct Shares {
    /// One row of pixels' shares for each mask, in their order.
    pub masked: Vec<Vec<f32>>,
    /// What the masks leave.
    pub rest: Vec<f32>,
}

/// The shares of regions, each a mask and a weight above 0, in a part of a photo of
/// `width` x `height` pixels.
///
/// A pixel belongs to a region as much as its mask says. Where masks add up to more than 1 they
/// share the pixel by mask and weight.
pub(crate) fn shares(regions: &[(&Mask, f32)], width: u32, height: u32, part: Rect) -> Shares {
    let mut masked: Vec<Vec<f32>> =
        regions.iter().map(|(mask, _)| mask.part(width, height, part).shares).collect();
    let mut rest = vec![1.0; part.width as usize * part.height as usize];
    for (pixel, rest) in rest.iter_mut().enumerate() {
        let covered: f32 = masked.iter().map(|shares| shares[pixel]).sum();
        *rest = (1.0 - covered).max(0.0);
        if covered <= 1.0 {
            continue;
        }
        let weighted = || masked.iter().zip(regions).map(|(shares, (_, w))| shares[pixel] * w);
        let sum: f32 = weighted().sum();
        let parts: Vec<f32> = weighted().map(|part| part / sum).collect();
        for (shares, part) in masked.iter_mut().zip(parts) {
            shares[pixel] = part;
        }
    }
    Shares { masked, rest }
}

/// Adds a picture's planes `[3, height, width]` to the sum, each pixel times its share.
pub(crate) fn add_share(sum: &mut [f32], planes: impl Iterator<Item = f32>, shares: &[f32]) {
    for ((sum, value), share) in sum.iter_mut().zip(planes).zip(shares.iter().cycle()) {
        *sum += value * share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(shares: &[f32]) -> Mask {
        Mask::new(shares.len() as u32, 1, shares.to_vec()).unwrap()
    }

    #[test]
    fn shares_sum_to_one_everywhere() {
        let (a, b) = (mask(&[0.0, 0.25, 1.0, 1.0]), mask(&[0.0, 0.5, 0.0, 1.0]));
        let found =
            shares(&[(&a, 1.0), (&b, 3.0)], 4, 1, Rect { left: 0, top: 0, width: 4, height: 1 });
        assert_eq!(found.masked, [[0.0, 0.25, 1.0, 0.25], [0.0, 0.5, 0.0, 0.75]]);
        assert_eq!(found.rest, [1.0, 0.25, 0.0, 0.0]);
    }

    #[test]
    fn a_pixel_is_the_sum_of_its_shares() {
        let mut sum = vec![0.0; 6];
        add_share(&mut sum, [0.0, 1.0, 0.5, 0.5, 1.0, 0.0].into_iter(), &[0.25, 1.0]);
        add_share(&mut sum, [1.0; 6].into_iter(), &[0.75, 0.0]);
        assert_eq!(sum, [0.75, 1.0, 0.875, 0.5, 1.0, 0.0]);
    }

    #[test]
    fn masks_are_resized_with_soft_edges() {
        let large = mask(&[0.0, 1.0]).resized(8, 3);
        assert_eq!((large.width, large.height, large.shares.len()), (8, 3, 24));
        let part = mask(&[0.0, 1.0]).part(8, 3, Rect { left: 2, top: 1, width: 5, height: 2 });
        for (part, large) in part.shares.chunks(5).zip(large.shares.chunks(8)) {
            let close = part.iter().zip(&large[2..7]).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close, "{part:?} of {large:?}");
        }
        let row = &large.shares[..8];
        assert!(row.is_sorted() && row[0] == 0.0 && row[7] == 1.0, "{row:?}");
        assert!(row[3] > 0.2 && row[4] < 0.8, "the edge is soft: {row:?}");
        let small = mask(&[1.0, 0.0, 0.0, 0.0]).resized(2, 1);
        assert!(small.shares[0] > 0.2 && small.shares[0] < 0.8, "{small:?}");
        assert!(small.shares.iter().all(|share| (0.0..=1.0).contains(share)));
    }

    #[test]
    fn strokes_count_by_opacity_and_pictures_by_brightness() {
        let strokes = Mask::from_rgba(2, 1, &[10, 0, 0, 51, 10, 0, 0, 0]).unwrap();
        assert_eq!(strokes.shares, [0.2, 0.0]);
        let picture = Mask::from_rgba(2, 1, &[51, 0, 0, 255, 255, 0, 0, 255]).unwrap();
        assert_eq!(picture.shares, [0.2, 1.0]);
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        assert!(matches!(Mask::new(2, 2, vec![0.0; 3]), Err(PictureError::Length { .. })));
        assert!(matches!(Mask::new(0, 2, vec![]), Err(PictureError::NoPixels { .. })));
        assert!(matches!(Mask::new(1, 1, vec![f32::NAN]), Err(PictureError::NotFinite(1))));
        assert!(matches!(Mask::from_rgba(1, 1, &[1, 2, 3]), Err(PictureError::Length { .. })));
        assert!(matches!(Mask::from_rgba(0, 0, &[]), Err(PictureError::NoPixels { .. })));
        assert_eq!(Mask::new(2, 1, vec![-3.0, 7.0]).unwrap(), mask(&[0.0, 1.0]));
    }
}
