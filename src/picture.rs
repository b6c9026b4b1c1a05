//! Bytes to picture and back, and picture to tensor.
//!
//! Everything inside is 8-bit RGB, as the networks are fed with. Colour profiles are not applied:
//! values are taken to be sRGB.

use burn::tensor::{Device, Tensor, TensorData};
use image::imageops::FilterType;
use image::{ImageBuffer, Rgb};

use crate::kernels::unpack;
use crate::tiles::Rect;

/// Why there is no picture.
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
    #[error("not a PNG, JPEG or WebP picture{0}; save it as one of these first")]
    Foreign(String),
    /// A picture that would take too much memory.
    #[error(
        "{width} x {height} pixels are more than can be read ({} megapixels); make the picture \
         smaller first",
        Picture::MAX_PIXELS / 1_000_000
    )]
    TooLarge { width: u32, height: u32 },
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

#[cfg(feature = "cli")]
pub use codecs::Format;

/// Files need their decoders and encoders, which the browser has already: it hands over pixels.
#[cfg(feature = "cli")]
mod codecs {
    use std::io::Cursor;

    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::codecs::webp::WebPEncoder;
    use image::error::ImageError;
    use image::{
        DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader,
        Limits,
    };

    use super::{Picture, PictureError};

    /// Bytes that decoding may allocate: 100 megapixels of RGBA and what the decoder needs.
    const MAX_ALLOCATION: u64 = 512 << 20;

    /// How a picture is written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Format {
        /// Lossless.
        Png,
        /// Lossy, with quality in 1..=100 (values outside are brought to the nearer end).
        Jpeg { quality: u8 },
        /// Lossless.
        WebP,
    }

    impl Picture {
        /// From a PNG, JPEG or WebP file, recognized by its content. The orientation in the EXIF
        /// data is applied; 16-bit, grey, palette and CMYK pictures become 8-bit RGB; transparent
        /// ones are put on white; of animations, the first picture is taken.
        ///
        /// # Errors
        /// Says whether the file is empty, foreign, damaged, cut short or too large
        /// ([`Picture::MAX_PIXELS`]).
        pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
            if bytes.is_empty() {
                return Err(PictureError::EmptyFile);
            }
            let format = match image::guess_format(bytes) {
                Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => format,
                other => return Err(PictureError::Foreign(looks_like(bytes, other.ok()))),
            };
            // The decoder would fill the missing part with grey and say nothing.
            if format == ImageFormat::Jpeg && jpeg_is_cut_short(bytes) {
                return Err(PictureError::Damaged("the end of the file is missing".into()));
            }

            let mut decoder = ImageReader::with_format(Cursor::new(bytes), format)
                .into_decoder()
                .map_err(|error| damaged(&error))?;
            let (width, height) = decoder.dimensions();
            if u64::from(width) * u64::from(height) > Self::MAX_PIXELS {
                return Err(PictureError::TooLarge { width, height });
            }
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_ALLOCATION);
            let too_large_or_damaged = |error: ImageError| match error {
                ImageError::Limits(_) => PictureError::TooLarge { width, height },
                error => damaged(&error),
            };
            limits.reserve(decoder.total_bytes()).map_err(too_large_or_damaged)?;
            decoder.set_limits(limits).map_err(too_large_or_damaged)?;
            let orientation = decoder.orientation().map_err(|error| damaged(&error))?;
            let mut pixels = DynamicImage::from_decoder(decoder).map_err(too_large_or_damaged)?;
            pixels.apply_orientation(orientation);

            let (width, height) = (pixels.width(), pixels.height());
            match pixels.color().has_alpha() {
                true => Self::from_rgba(width, height, &pixels.into_rgba8()),
                false => Self::new(width, height, pixels.into_rgb8().into_raw()),
            }
        }

        /// The picture's file.
        ///
        /// # Errors
        /// [`PictureError::Encode`] where a side is longer than the format can hold (65,535
        /// pixels for JPEG, 16,384 for WebP).
        pub fn encode(&self, format: Format) -> Result<Vec<u8>, PictureError> {
            let mut bytes = Vec::new();
            let (width, height, colour) = (self.width(), self.height(), ExtendedColorType::Rgb8);
            match format {
                Format::Png => {
                    PngEncoder::new(&mut bytes).write_image(self.rgb(), width, height, colour)
                }
                Format::Jpeg { quality } => JpegEncoder::new_with_quality(
                    &mut bytes,
                    quality.clamp(1, 100),
                )
                .write_image(self.rgb(), width, height, colour),
                Format::WebP => WebPEncoder::new_lossless(&mut bytes).write_image(
                    self.rgb(),
                    width,
                    height,
                    colour,
                ),
            }
            .map_err(|error| PictureError::Encode(error.to_string()))?;
            Ok(bytes)
        }
    }

    fn damaged(error: &ImageError) -> PictureError {
        PictureError::Damaged(error.to_string())
    }

    /// Names the kinds of files that people mistake for the ones we read.
    fn looks_like(bytes: &[u8], format: Option<ImageFormat>) -> String {
        let brand = bytes.get(4..12).unwrap_or_default();
        let name = match format {
            _ if brand.starts_with(b"ftyphei") || brand.starts_with(b"ftypmif1") => "HEIC",
            Some(ImageFormat::Avif) => "AVIF",
            Some(ImageFormat::Gif) => "GIF",
            Some(ImageFormat::Tiff) => "TIFF or a camera's raw format",
            Some(ImageFormat::Bmp) => "BMP",
            _ if bytes.starts_with(b"%PDF") => "PDF",
            _ if bytes.trim_ascii_start().starts_with(b"<") => "SVG or HTML",
            _ => return String::new(),
        };
        format!(" (it looks like {name})")
    }

    /// Whether a JPEG file ends before its end-of-image marker.
    ///
    /// Walks the segments, since thumbnails inside, and anything appended after the end, have
    /// such markers too. Of a file whose segments make no sense, nothing is claimed.
    fn jpeg_is_cut_short(bytes: &[u8]) -> bool {
        const END_OF_IMAGE: u8 = 0xd9;
        const START_OF_SCAN: u8 = 0xda;
        let mut at = 2;
        loop {
            let (Some(&prefix), Some(&marker)) = (bytes.get(at), bytes.get(at + 1)) else {
                return true;
            };
            if prefix != 0xff {
                return false;
            }
            at += 2;
            match marker {
                END_OF_IMAGE => return false,
                // Padding before a marker.
                0xff => at -= 1,
                // Markers without a segment.
                0x01 | 0xd0..=0xd8 => {}
                _ => {
                    let (Some(&high), Some(&low)) = (bytes.get(at), bytes.get(at + 1)) else {
                        return true;
                    };
                    at += usize::from(u16::from_be_bytes([high, low]));
                }
            }
            if marker == START_OF_SCAN {
                // Coded pixels go on to the next marker that is not part of them.
                let scan = bytes.get(at..).unwrap_or_default();
                let is_marker =
                    |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
                match scan.windows(2).position(is_marker) {
                    Some(length) => at += length,
                    None => return true,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel different from its neighbours in every channel.
    fn gradient(width: u32, height: u32) -> Picture {
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

    #[cfg(feature = "cli")]
    mod codecs {
        use std::io::Cursor;

        use image::metadata::Orientation;
        use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};

        use super::*;

        /// A CMYK JPEG as Adobe's programs write them (inverted), 32 x 16: left half cyan, right
        /// half red, made with the Python library Pillow.
        const CMYK_JPEG: &[u8] = include_bytes!("../tests/data/cmyk.jpg");

        fn png(pixels: impl Into<DynamicImage>) -> Vec<u8> {
            let mut bytes = Cursor::new(Vec::new());
            pixels.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
            bytes.into_inner()
        }

        fn jpeg() -> Vec<u8> {
            gradient(40, 30).encode(Format::Jpeg { quality: 90 }).unwrap()
        }

        #[test]
        fn lossless_formats_give_the_picture_back() {
            let picture = gradient(19, 7);
            for format in [Format::Png, Format::WebP] {
                let bytes = picture.encode(format).unwrap();
                assert_eq!(Picture::decode(&bytes).unwrap(), picture, "{format:?}");
            }
        }

        #[test]
        fn jpeg_is_close_and_quality_matters() {
            let picture = gradient(40, 30).fit(20);
            let sizes = [0, 50, 100, 255].map(|quality| {
                let bytes = picture.encode(Format::Jpeg { quality }).unwrap();
                assert_eq!(Picture::decode(&bytes).unwrap().width(), picture.width());
                bytes.len()
            });
            assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2] && sizes[2] == sizes[3]);
        }

        #[test]
        fn deep_grey_and_transparent_pictures_become_rgb() {
            let pixel = |bytes: Vec<u8>| Picture::decode(&bytes).unwrap().rgb().to_vec();
            let deep = image::ImageBuffer::from_pixel(1, 1, image::Rgb([65535u16, 32896, 0]));
            assert_eq!(pixel(png(deep)), [255, 128, 0]);
            let grey = image::ImageBuffer::from_pixel(1, 1, image::Luma([77u8]));
            assert_eq!(pixel(png(grey)), [77; 3]);
            let deep_grey = image::ImageBuffer::from_pixel(1, 1, image::Luma([257u16 * 77]));
            assert_eq!(pixel(png(deep_grey)), [77; 3]);
            let clear = image::ImageBuffer::from_pixel(1, 1, image::LumaA([0u8, 0]));
            assert_eq!(pixel(png(clear)), [255; 3]);
            let half = image::ImageBuffer::from_pixel(1, 1, image::Rgba([0u16, 0, 65535, 32768]));
            assert_eq!(pixel(png(half)), [127, 127, 255]);
        }

        #[test]
        fn cmyk_becomes_rgb() {
            let picture = Picture::decode(CMYK_JPEG).unwrap();
            assert_eq!((picture.width(), picture.height()), (32, 16));
            let [left, right] = [4, 28].map(|x: usize| &picture.rgb()[3 * x..3 * x + 3]);
            for (found, expected) in [(left, [0, 255, 255]), (right, [255, 0, 0])] {
                for (&found, expected) in found.iter().zip(expected) {
                    assert!(found.abs_diff(expected) < 12, "{left:?} {right:?}");
                }
            }
        }

        #[test]
        fn orientation_is_applied() {
            // As a camera writes it that was held upright.
            let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
            let orientation = Orientation::from_exif_chunk(exif).unwrap();
            assert_eq!(orientation, Orientation::Rotate90);
            let picture = gradient(3, 2);
            let mut bytes = Vec::new();
            let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif.to_vec()).unwrap();
            encoder.write_image(picture.rgb(), 3, 2, ExtendedColorType::Rgb8).unwrap();
            let turned = Picture::decode(&bytes).unwrap();
            assert_eq!((turned.width(), turned.height()), (2, 3));
            // The lower left corner comes to the upper left.
            assert_eq!(turned.rgb()[..3], picture.rgb()[9..12]);
        }

        #[test]
        fn foreign_and_empty_files_are_named() {
            let message = |bytes: &[u8]| Picture::decode(bytes).unwrap_err().to_string();
            assert!(message(b"").contains("empty"));
            assert!(message(b"hello").starts_with("not a PNG, JPEG or WebP picture;"));
            assert!(message(b"GIF89a").contains("GIF"));
            assert!(message(b"\0\0\0\x18ftypheic\0\0\0\0").contains("HEIC"));
            assert!(message(b" <svg xmlns").contains("SVG"));
        }

        #[test]
        fn incomplete_files_are_errors() {
            let picture = gradient(40, 30);
            for format in [Format::Png, Format::Jpeg { quality: 90 }, Format::WebP] {
                let bytes = picture.encode(format).unwrap();
                for length in 1..bytes.len() {
                    match Picture::decode(&bytes[..length]) {
                        // The last bytes may hold no pixels.
                        Ok(whole) => assert_eq!(whole, picture, "{length} bytes of {format:?}"),
                        Err(error) => assert!(!error.to_string().is_empty()),
                    }
                }
            }
        }

        #[test]
        fn what_follows_the_end_of_a_jpeg_does_not_matter() {
            let whole = Picture::decode(&jpeg()).unwrap();
            let mut bytes = jpeg();
            // A film appended by a telephone may hold anything.
            bytes.extend_from_slice(b"ftypmp42\xff\xda\0\x02film");
            assert_eq!(Picture::decode(&bytes).unwrap(), whole);
        }

        #[test]
        fn huge_pictures_are_refused_before_they_are_decoded() {
            let mut bytes = gradient(2, 2).encode(Format::Png).unwrap();
            bytes[16..20].copy_from_slice(&20_000u32.to_be_bytes());
            bytes[20..24].copy_from_slice(&20_000u32.to_be_bytes());
            let header = crc32fast::hash(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&header.to_be_bytes());
            let error = Picture::decode(&bytes).unwrap_err();
            assert!(matches!(error, PictureError::TooLarge { .. }), "{error}");
            assert!(error.to_string().contains("100 megapixels"));
        }

        #[test]
        fn pictures_that_a_format_cannot_hold_are_refused() {
            let wide = Picture::new(70_000, 1, vec![9; 210_000]).unwrap();
            assert!(wide.encode(Format::Jpeg { quality: 90 }).is_err());
            assert!(wide.encode(Format::WebP).is_err());
            assert!(wide.encode(Format::Png).is_ok());
        }
    }
}
