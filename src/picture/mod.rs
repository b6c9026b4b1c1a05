//! Pictures: 8-bit RGB, as the networks are fed with, in sRGB. And what becomes of them: parts, other sizes,
//! tensors.

#[cfg(feature = "cli")]
pub mod codecs;
mod cut_out;
pub(crate) mod field;
pub mod mask;

use burn::tensor::{Device, Tensor, TensorData};
use image::imageops::FilterType;
use image::{ImageBuffer, Rgb};

use crate::kernels::unpack;

/// A rectangle within a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Columns left of it.
    pub left: u32,
    /// Lines above it.
    pub top: u32,
    /// Its columns.
    pub width: u32,
    /// Its lines.
    pub height: u32,
}

/// Why there is no picture.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Width or height is 0.
    #[error("the picture has no pixels: it is {width} x {height}")]
    NoPixels { width: u32, height: u32 },
    /// The number of values is not the one that width and height ask for.
    #[error("{width} x {height} pixels need {expected} values, but there are {found}")]
    Length { width: u32, height: u32, expected: u64, found: u64 },
    /// NaN or infinite values.
    #[error("{0} of the picture's values are infinite or not numbers")]
    NotFinite(usize),
    /// A file without content.
    #[error("the file is empty")]
    EmptyFile,
    /// Another kind of file. The text is what it looks like, if that is known.
    #[error(
        "not a PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL picture{0}; save it as one of these first"
    )]
    Foreign(String),
    /// A picture that would take too much memory.
    #[error(
        "{width} x {height} pixels are more than can be read ({} megapixels); make the picture \
         smaller first",
        Picture::MAX_PIXELS / 1_000_000
    )]
    TooLarge { width: u32, height: u32 },
    /// Known before the work, which would end the program.
    #[error(
        "there is not enough memory for {width} x {height} pixels; make the picture smaller first"
    )]
    NoMemory { width: u32, height: u32 },
    /// One of the many things that a format can be and hardly ever is.
    #[error("pictures of this kind are not read ({0}); save it as an ordinary PNG or JPEG first")]
    Unsupported(String),
    /// The decoder stopped.
    #[error("the picture is damaged or incomplete ({0}); copy or export it again")]
    Damaged(String),
    /// The format cannot hold the picture.
    #[error("the picture cannot be written in this format: {0}")]
    Encode(String),
}

/// An 8-bit RGB picture of at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    /// Rows from the top, `[red, green, blue]` a pixel.
    rgb: Vec<u8>,
}

impl Picture {
    /// Most pixels that [`Picture::decode`] accepts.
    pub const MAX_PIXELS: u64 = 100_000_000;

    /// From rows of RGB values, 3 bytes a pixel.
    ///
    /// # Errors
    /// [`PictureError::NoPixels`], or [`PictureError::Length`] unless `rgb` has
    /// `3 * width * height` values.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, PictureError> {
        check_length(width, height, 3, rgb.len())?;
        Ok(Self { width, height, rgb })
    }

    /// From rows of RGB values with opacity, 4 bytes a pixel, not premultiplied. Where the
    /// picture is transparent, white shows.
    ///
    /// # Errors
    /// As [`Picture::new`], with 4 values a pixel.
    pub fn from_rgba(width: u32, height: u32, rgba: &[u8]) -> Result<Self, PictureError> {
        check_length(width, height, 4, rgba.len())?;
        let over_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            // At most 255, by the weights' sum.
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let rgb = rgba
            .chunks_exact(4)
            .flat_map(|pixel| [0, 1, 2].map(|channel| over_white(pixel[channel], pixel[3])))
            .collect();
        Ok(Self { width, height, rgb })
    }

    /// From planes of red, green and blue, `[3, height, width]` row-major. Values outside 0..1
    /// are brought to the nearer end.
    ///
    /// # Errors
    /// As [`Picture::new`], and [`PictureError::NotFinite`] for NaN and infinite values, which
    /// mean that the networks failed.
    pub fn from_tensor_data(width: u32, height: u32, chw: &[f32]) -> Result<Self, PictureError> {
        check_length(width, height, 3, chw.len())?;
        let mut picture = Self::blank(width, height);
        picture.place(Rect { left: 0, top: 0, width, height }, chw)?;
        Ok(picture)
    }

    /// Replaces a part of the picture by `[3, height, width]`, values in 0..1.
    pub(crate) fn place(&mut self, part: Rect, chw: &[f32]) -> Result<(), PictureError> {
        check_length(part.width, part.height, 3, chw.len())?;
        let wrong = chw.iter().filter(|value| !value.is_finite()).count();
        if wrong > 0 {
            return Err(PictureError::NotFinite(wrong));
        }
        let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let (width, area) = (part.width as usize, chw.len() / 3);
        for y in 0..part.height as usize {
            let start = (part.top as usize + y) * self.width as usize + part.left as usize;
            let row = &mut self.rgb[3 * start..3 * (start + width)];
            let line = |channel: usize| &chw[channel * area + y * width..][..width];
            let colours = line(0).iter().zip(line(1)).zip(line(2));
            for (pixel, ((&red, &green), &blue)) in row.chunks_exact_mut(3).zip(colours) {
                pixel.copy_from_slice(&[byte(red), byte(green), byte(blue)]);
            }
        }
        Ok(())
    }

    /// Replaces a part of the picture by [packed](crate::kernels::pack) pixels, `[height, width]`.
    pub(crate) fn place_packed(&mut self, part: Rect, packed: &[f32]) -> Result<(), PictureError> {
        check_length(part.width, part.height, 1, packed.len())?;
        // What is not a number becomes a negative pixel.
        let wrong = packed.iter().filter(|&&pixel| !(0.0..16_777_216.0).contains(&pixel)).count();
        if wrong > 0 {
            return Err(PictureError::NotFinite(wrong));
        }
        let width = part.width as usize;
        for (y, line) in packed.chunks_exact(width).enumerate() {
            let start = (part.top as usize + y) * self.width as usize + part.left as usize;
            let row = &mut self.rgb[3 * start..3 * (start + width)];
            for (pixel, &packed) in row.chunks_exact_mut(3).zip(line) {
                pixel.copy_from_slice(&(packed as u32).to_le_bytes()[..3]);
            }
        }
        Ok(())
    }

    /// Rows of RGB values with full opacity, 4 bytes a pixel.
    pub fn to_rgba(&self) -> Vec<u8> {
        self.rgb.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], u8::MAX]).collect()
    }

    /// In pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// In pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Rows from the top, 3 bytes a pixel.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels as the `image` crate takes them.
    pub(crate) fn pixels(&self) -> ImageBuffer<Rgb<u8>, &[u8]> {
        ImageBuffer::from_raw(self.width, self.height, self.rgb.as_slice())
            .expect("a picture holds exactly its pixels")
    }

    /// All red values, then all green, then all blue, in 0..1.
    pub(crate) fn planes(&self) -> impl Iterator<Item = f32> + '_ {
        let plane = |channel: usize| self.rgb[channel..].iter().step_by(3);
        (0..3).flat_map(plane).map(|&value| f32::from(value) / 255.0)
    }

    /// Shrinks the picture, if need be, so that neither side is longer than `long_side` (at
    /// least 1). Keeps the proportions, never enlarges.
    pub fn fit(&self, long_side: u32) -> Self {
        let longest = self.width.max(self.height);
        if longest <= long_side {
            return self.clone();
        }
        let scale = f64::from(long_side.max(1)) / f64::from(longest);
        let shrunk = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        self.resized(shrunk(self.width), shrunk(self.height))
    }

    /// The whole picture at another size, each side at least 1; its proportions may change.
    pub(crate) fn resized(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let rgb = image::imageops::resize(&self.pixels(), width, height, FilterType::Lanczos3);
        Self { width, height, rgb: rgb.into_raw() }
    }

    /// Takes on the forms of a smaller picture of the same thing, and keeps so much of its own detail, in 0..=1: what of this
    /// picture is left when it is shrunk to that size is replaced, bicubically (Keys, "Cubic Convolution Interpolation
    /// for Digital Image Processing", 1981).
    ///
    /// Row by row: in one piece the change would take six times the memory of the picture.
    pub(crate) fn take_forms_of(&mut self, small: &Self, kept: f32) {
        let own = self.resized(small.width, small.height);
        self.replace_forms(&own, small, kept);
    }

    /// The same, where `own` is what this picture is when it is shrunk to that size.
    pub(crate) fn replace_forms(&mut self, own: &Self, small: &Self, kept: f32) {
        let pairs = small.rgb.iter().zip(&own.rgb);
        let change = pairs.map(|(to, from)| f32::from(*to) - kept * f32::from(*from));
        let change: Vec<f32> = change.collect();
        let columns: Vec<_> = (0..self.width).map(|x| taps(x, self.width, small.width)).collect();
        let widened = |row: usize| -> Vec<f32> {
            let row = &change[3 * small.width as usize * row..][..3 * small.width as usize];
            let pixel = |taps: &[(usize, f32); 4]| {
                [0, 1, 2].map(|channel| {
                    taps.iter().map(|(x, weight)| weight * row[3 * x + channel]).sum::<f32>()
                })
            };
            columns.iter().flat_map(pixel).collect()
        };
        // The rows that the last line needed, of which the next one needs most.
        let mut wide: Vec<(usize, Vec<f32>)> = Vec::new();
        let (height, length) = (self.height, 3 * self.width as usize);
        for (y, line) in (0..height).zip(self.rgb.chunks_exact_mut(length)) {
            let rows = taps(y, height, small.height);
            wide.retain(|(row, _)| rows.iter().any(|(needed, _)| needed == row));
            for (row, _) in rows {
                if wide.iter().all(|(there, _)| *there != row) {
                    wide.push((row, widened(row)));
                }
            }
            let mut sum = vec![0.0f32; length];
            for (row, weight) in rows {
                let values =
                    wide.iter().filter(|(there, _)| *there == row).flat_map(|(_, row)| row);
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
            for (value, change) in line.iter_mut().zip(sum) {
                *value = (kept * f32::from(*value) + change).round().clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// Brings a part of the picture as far as its shares say, in 0..=1 and row by row, to another one of the same size.
    pub(crate) fn fade_to(&mut self, other: &Self, part: Rect, shares: &[f32]) {
        let (width, row) = (part.width as usize, 3 * self.width as usize);
        for (y, shares) in shares.chunks_exact(width).enumerate() {
            let start = row * (part.top as usize + y) + 3 * part.left as usize;
            let line = start..start + 3 * width;
            let pairs = self.rgb[line.clone()].iter_mut().zip(&other.rgb[line]);
            for ((value, other), share) in pairs.zip(shares.iter().flat_map(|share| [share; 3])) {
                let (from, to) = (f32::from(*value), f32::from(*other));
                *value = (from + (to - from) * share).round() as u8;
            }
        }
    }

    /// A part of the picture, mirrored where it reaches beyond the right and lower edge.
    pub(crate) fn part(&self, part: Rect) -> Self {
        let columns: Vec<usize> =
            (0..part.width).map(|x| reflected(part.left + x, self.width)).collect();
        let mut rgb = Vec::with_capacity(3 * part.width as usize * part.height as usize);
        for y in 0..part.height {
            let start = 3 * self.width as usize * reflected(part.top + y, self.height);
            let row = &self.rgb[start..start + 3 * self.width as usize];
            for x in &columns {
                rgb.extend_from_slice(&row[3 * x..3 * x + 3]);
            }
        }
        Self { width: part.width, height: part.height, rgb }
    }

    /// A black picture, to be painted part by part.
    pub(crate) fn blank(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![0; 3 * width as usize * height as usize] }
    }

    /// The picture as the networks take it: `[1, 3, height, width]`, RGB in 0..1.
    pub fn to_tensor(&self, device: &Device) -> Tensor<4> {
        let pixel = |rgb: &[u8]| u32::from_le_bytes([rgb[0], rgb[1], rgb[2], 0]) as f32;
        let packed: Vec<_> = self.rgb.chunks_exact(3).map(pixel).collect();
        let shape = [1, 1, self.height as usize, self.width as usize];
        unpack(Tensor::from_data(TensorData::new(packed, shape), device))
    }

    /// Mean and covariance of the pixels' red, green and blue, in 0..1.
    pub fn colour_statistics(&self) -> ([f64; 3], [[f64; 3]; 3]) {
        let count = (self.rgb.len() / 3) as f64;
        let pixels =
            || self.rgb.chunks_exact(3).map(|rgb| [0, 1, 2].map(|i| f64::from(rgb[i]) / 255.0));
        let mut mean = [0.0; 3];
        for pixel in pixels() {
            for (sum, value) in mean.iter_mut().zip(pixel) {
                *sum += value;
            }
        }
        let mean = mean.map(|sum| sum / count);
        // Two passes: the difference of large sums would lose the variance of flat pictures.
        let mut covariance = [[0.0; 3]; 3];
        for pixel in pixels() {
            let offset = [0, 1, 2].map(|i| pixel[i] - mean[i]);
            for (row, from) in covariance.iter_mut().zip(offset) {
                for (sum, to) in row.iter_mut().zip(offset) {
                    *sum += from * to;
                }
            }
        }
        (mean, covariance.map(|row| row.map(|sum| sum / count)))
    }
}

fn check_length(width: u32, height: u32, channels: u64, found: usize) -> Result<(), PictureError> {
    if width == 0 || height == 0 {
        return Err(PictureError::NoPixels { width, height });
    }
    // Saturation cannot be mistaken for a match: no slice is that long.
    let expected = (u64::from(width) * u64::from(height)).saturating_mul(channels);
    let found = found as u64;
    match expected == found {
        true => Ok(()),
        false => Err(PictureError::Length { width, height, expected, found }),
    }
}

/// The place in `0..length` that shows at `position`, the ends being mirrors.
fn reflected(position: u32, length: u32) -> usize {
    let (position, length) = (position as usize, length as usize);
    let period = (2 * (length - 1)).max(1);
    let position = position % period;
    position.min(period - position).min(length - 1)
}

/// Where a place in a row of `large` lies in one of `small`: the four nearest values there, and how much each counts
/// (cubic convolution; the outermost values go on beyond the ends).
fn taps(place: u32, large: u32, small: u32) -> [(usize, f32); 4] {
    let centre = (f64::from(place) + 0.5) * f64::from(small) / f64::from(large) - 0.5;
    let t = (centre - centre.floor()) as f32;
    let weights = [
        ((2.0 - t) * t - 1.0) * t / 2.0,
        ((3.0 * t - 5.0) * t * t + 2.0) / 2.0,
        ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
        (t - 1.0) * t * t / 2.0,
    ];
    let first = centre.floor() as i64 - 1;
    let last = i64::from(small) - 1;
    [0, 1, 2, 3].map(|i| ((first + i as i64).clamp(0, last) as usize, weights[i]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every pixel different from its neighbours in every channel.
    pub fn gradient(width: u32, height: u32) -> Picture {
        let rgb = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x * 7 + y, x + y * 5, 255 - x - y]))
            .map(|value| value as u8)
            .collect();
        Picture::new(width, height, rgb).unwrap()
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(matches!(Picture::new(0, 3, vec![]), Err(PictureError::NoPixels { .. })));
        assert!(matches!(
            Picture::new(2, 1, vec![0; 5]),
            Err(PictureError::Length { expected: 6, found: 5, .. })
        ));
        assert!(Picture::new(u32::MAX, u32::MAX, vec![0; 3]).is_err());
        assert!(Picture::from_rgba(1, 1, &[0; 3]).is_err());
        assert!(Picture::from_tensor_data(1, 1, &[0.0; 4]).is_err());
    }

    #[test]
    fn transparent_shows_white() {
        let rgba = [10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 128];
        let picture = Picture::from_rgba(3, 1, &rgba).unwrap();
        assert_eq!(picture.rgb(), [10, 20, 30, 255, 255, 255, 127, 177, 255]);
        assert_eq!(picture.to_rgba()[..8], [10, 20, 30, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn tensor_data_is_rounded_and_clamped() {
        let values = [0.0, 1.0, 2.0, -1.0, 0.5, 0.25];
        let picture = Picture::from_tensor_data(2, 1, &values).unwrap();
        assert_eq!(picture.rgb(), [0, 255, 128, 255, 0, 64]);
        // Denormals are numbers.
        assert!(Picture::from_tensor_data(1, 1, &[1e-40, -1e-40, 0.0]).is_ok());
    }

    #[test]
    fn packed_pixels_are_placed_or_refused() {
        let mut picture = Picture::blank(2, 2);
        let right = Rect { left: 1, top: 0, width: 1, height: 2 };
        let pixel = |rgb: [u32; 3]| (rgb[0] + 256 * rgb[1] + 65536 * rgb[2]) as f32;
        picture.place_packed(right, &[pixel([1, 2, 3]), pixel([255; 3])]).unwrap();
        assert_eq!(picture.rgb(), [0, 0, 0, 1, 2, 3, 0, 0, 0, 255, 255, 255]);
        for wrong in [-1.0, f32::NAN, 16_777_216.0] {
            let error = picture.place_packed(right, &[0.0, wrong]).unwrap_err();
            assert!(matches!(error, PictureError::NotFinite(1)), "{error}");
        }
        assert!(picture.place_packed(right, &[0.0]).is_err());
    }

    #[test]
    fn tensor_data_that_is_not_finite_is_refused() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = Picture::from_tensor_data(1, 1, &[0.0, value, value]).unwrap_err();
            assert!(matches!(error, PictureError::NotFinite(2)));
        }
    }

    #[test]
    fn fit_shrinks_and_keeps_proportions() {
        let picture = gradient(30, 20);
        assert_eq!(picture.fit(30), picture);
        assert_eq!(picture.fit(1000), picture);
        let small = picture.fit(15);
        assert_eq!((small.width(), small.height()), (15, 10));
        let thin = gradient(200, 1).fit(10);
        assert_eq!((thin.width(), thin.height()), (10, 1));
        assert_eq!(picture.fit(0).rgb().len(), 3);
    }

    #[test]
    fn fit_keeps_the_mean_colour() {
        let (before, _) = gradient(36, 24).colour_statistics();
        let (after, _) = gradient(36, 24).fit(12).colour_statistics();
        for (before, after) in before.into_iter().zip(after) {
            assert!((before - after).abs() < 0.02, "{before} became {after}");
        }
    }

    #[test]
    fn parts_mirror_without_repeating_the_edge() {
        let row = |values: &[u8]| {
            let rgb = values.iter().flat_map(|&value| [value; 3]).collect();
            Picture::new(values.len() as u32, 1, rgb).unwrap()
        };
        let part = |left, width, height| Rect { left, top: 0, width, height };
        assert_eq!(row(&[1, 2, 3]).part(part(0, 8, 1)), row(&[1, 2, 3, 2, 1, 2, 3, 2]));
        assert_eq!(row(&[7]).part(part(0, 3, 1)), row(&[7, 7, 7]));
        assert_eq!(row(&[1, 2, 3]).part(part(1, 4, 1)), row(&[2, 3, 2, 1]));
        let tall = gradient(4, 3).part(part(0, 4, 5));
        assert_eq!(tall.rgb()[36..48], tall.rgb()[12..24]);
        assert_eq!(tall.rgb()[48..60], tall.rgb()[0..12]);
    }

    #[test]
    fn colour_statistics_of_known_pixels() {
        let picture = Picture::new(2, 1, vec![0, 0, 51, 255, 0, 51]).unwrap();
        let (mean, covariance) = picture.colour_statistics();
        assert_eq!(mean, [0.5, 0.0, 0.2]);
        assert_eq!(covariance, [[0.25, 0.0, 0.0], [0.0; 3], [0.0; 3]]);
        let (_, covariance) = gradient(9, 7).colour_statistics();
        assert_eq!(covariance[0][1], covariance[1][0]);
        // Red falls where blue rises.
        assert!(covariance[0][2] < 0.0);
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn tensors_give_the_picture_back() {
        let picture = gradient(5, 4);
        let tensor = picture.to_tensor(&crate::device::cpu());
        assert_eq!(tensor.dims(), [1, 3, 4, 5]);
        let values = tensor.into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(Picture::from_tensor_data(5, 4, &values).unwrap(), picture);
    }

    /// Waves as long as half of the picture, and stripes one pixel wide.
    fn waves_and_stripes(width: u32, height: u32, stripes: f32) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgb = pixels.flat_map(|(x, y)| {
            let angle = |place: u32, side: u32| {
                4.0 * std::f32::consts::PI * (place as f32 + 0.5) / side as f32
            };
            let wave = 40.0 * (angle(x, width).sin() + angle(y, height).cos());
            let stripe = if x % 2 == 0 { stripes } else { -stripes };
            [0.0, 10.0, 20.0].map(|more| (120.0 + wave + more + stripe).round() as u8)
        });
        Picture::new(width, height, rgb.collect()).unwrap()
    }

    #[test]
    fn a_large_picture_takes_the_forms_of_a_small_one_and_keeps_its_detail() {
        let (forms, expected) = (waves_and_stripes(40, 30, 0.0), waves_and_stripes(160, 120, 9.0));
        let rgb = (0..3 * 160 * 120).map(|i| if i / 3 % 2 == 0 { 109 } else { 91 }).collect();
        let mut picture = Picture::new(160, 120, rgb).unwrap();
        picture.take_forms_of(&forms, 1.0);
        let inside = |x: u32, y: u32| (8..152).contains(&x) && (8..112).contains(&y);
        let worst = (0..160 * 120u32)
            .filter(|i| inside(i % 160, i / 160))
            .flat_map(|i| [0, 1, 2].map(|channel| (3 * i + channel) as usize))
            .map(|i| picture.rgb()[i].abs_diff(expected.rgb()[i]))
            .max();
        assert!(worst.unwrap() <= 3, "{worst:?} of 255 levels");
    }

    #[test]
    fn a_picture_that_has_the_forms_already_stays_as_it_is() {
        let before = waves_and_stripes(163, 117, 30.0);
        let mut picture = before.clone();
        picture.take_forms_of(&before.fit(50), 1.0);
        assert_eq!(picture, before);
    }

    #[test]
    fn of_its_own_detail_a_picture_keeps_as_much_as_is_asked_for() {
        let (small, before) = (gradient(24, 18), waves_and_stripes(77, 59, 30.0));
        let [all, half, none] = [1.0, 0.5, 0.0].map(|kept| {
            let mut picture = before.clone();
            picture.take_forms_of(&small, kept);
            picture
        });
        let mut enlarged = Picture::new(77, 59, vec![90; 3 * 77 * 59]).unwrap();
        enlarged.take_forms_of(&small, 0.0);
        assert_eq!(none, enlarged, "nothing of what it was is left");
        let between = all.rgb().iter().zip(none.rgb()).zip(half.rgb());
        let inside = |value: &u8| (1..255).contains(value);
        for ((all, none), half) in between.filter(|((all, none), _)| inside(all) && inside(none)) {
            let middle = (f32::from(*all) + f32::from(*none)) / 2.0;
            assert!((f32::from(*half) - middle).abs() <= 1.0, "{all} {none} {half}");
        }
    }

    #[test]
    fn forms_are_enlarged_as_by_the_image_crate() {
        let small = gradient(24, 18);
        let mut grey = Picture::new(77, 59, vec![128; 3 * 77 * 59]).unwrap();
        grey.take_forms_of(&small, 1.0);
        let expected = image::imageops::resize(&small.pixels(), 77, 59, FilterType::CatmullRom);
        let differences = grey.rgb().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b));
        // At the ends `image` leaves out what lies beyond, where here the last value goes on.
        assert!(differences.clone().max().unwrap() <= 6);
        let mean = differences.map(f64::from).sum::<f64>() / grey.rgb().len() as f64;
        assert!(mean < 0.6, "{mean}");
    }
}
