//! Pictures to files: PNG, JPEG and WebP.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::error::ImageError;
use image::{ExtendedColorType, ImageEncoder};

use crate::picture::mask::Mask;
use crate::picture::{Picture, PictureError};

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lossless.
    Png,
    /// Lossy, with quality in 1..=100 (values outside are brought to the nearer end).
    Jpeg {
        /// The larger, the better and the longer the file.
        quality: u8,
    },
    /// Lossless.
    WebP,
}

/// What is written to a file beside a picture.
#[derive(Debug, Clone, Default)]
pub struct Beside<'a> {
    /// As [`Decoded`](super::Decoded) has it, of a picture of any size.
    pub opacity: Option<&'a Mask>,
    /// See [`Metadata::for_painting`](super::Metadata::for_painting).
    pub exif: Option<Vec<u8>>,
}

impl Picture {
    /// The picture's file.
    ///
    /// # Errors
    /// [`PictureError::Encode`] where a side is longer than the format can hold (65,535 pixels for JPEG,
    /// 16,384 for WebP).
    pub fn encode(&self, format: Format) -> Result<Vec<u8>, PictureError> {
        self.encode_with(format, Beside::default())
    }

    /// The same, with what goes beside the pixels.
    ///
    /// # Errors
    /// As [`Picture::encode`]; [`PictureError::Encode`] for opacity in JPEG, which has none.
    pub fn encode_with(&self, format: Format, beside: Beside) -> Result<Vec<u8>, PictureError> {
        let size = (self.width(), self.height());
        let Some(opacity) = beside.opacity else {
            return encode(size, self.rgb(), ExtendedColorType::Rgb8, format, beside.exif);
        };
        if matches!(format, Format::Jpeg { .. }) {
            return Err(PictureError::Encode("JPEG has no transparency".into()));
        }
        let opacity = opacity.resized(size.0, size.1);
        let opacity = opacity.shares().iter().map(|share| (255.0 * share).round() as u8);
        // Over white it looks like this picture.
        let off_white = |value: u8, opacity: u8| match u32::from(opacity) {
            0 => value,
            opacity => {
                let white = 255 * (255 - opacity);
                ((255 * u32::from(value)).saturating_sub(white) + opacity / 2).div_euclid(opacity)
                    as u8
            }
        };
        let pixels = self.rgb().chunks_exact(3).zip(opacity);
        let pixel = |(rgb, opacity): (&[u8], u8)| {
            let colour = |channel: usize| off_white(rgb[channel], opacity);
            [colour(0), colour(1), colour(2), opacity]
        };
        let rgba: Vec<u8> = pixels.flat_map(pixel).collect();
        encode(size, &rgba, ExtendedColorType::Rgba8, format, beside.exif)
    }
}

fn encode(
    size: (u32, u32),
    pixels: &[u8],
    colour: ExtendedColorType,
    format: Format,
    exif: Option<Vec<u8>>,
) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let out = &mut bytes;
    match format {
        Format::Png => write(PngEncoder::new(out), size, pixels, colour, exif),
        Format::Jpeg { quality } => {
            let encoder = JpegEncoder::new_with_quality(out, quality.clamp(1, 100));
            write(encoder, size, pixels, colour, exif)
        }
        Format::WebP => write(WebPEncoder::new_lossless(out), size, pixels, colour, exif),
    }
    .map_err(|error| PictureError::Encode(error.to_string()))?;
    Ok(bytes)
}

fn write(
    mut encoder: impl ImageEncoder,
    (width, height): (u32, u32),
    pixels: &[u8],
    colour: ExtendedColorType,
    exif: Option<Vec<u8>>,
) -> image::ImageResult<()> {
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).map_err(ImageError::Unsupported)?;
    }
    encoder.write_image(pixels, width, height, colour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::codecs::tests::{jpeg, png};
    use crate::picture::codecs::{Decoded, metadata};
    use crate::picture::tests::gradient;

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
    fn what_is_half_transparent_looks_as_before_on_white() {
        let rgba = image::ImageBuffer::from_fn(16, 16, |x, y| {
            image::Rgba([17 * x as u8, 17 * y as u8, 90, 15 + 16 * x as u8])
        });
        let Decoded { mut picture, opacity, .. } = Decoded::read(&png(rgba)).unwrap();
        let opacity = opacity.unwrap();
        picture.lay_on_white(&opacity);
        let beside = Beside { opacity: Some(&opacity), exif: None };
        let written = picture.encode_with(Format::Png, beside).unwrap();
        assert_eq!(Decoded::read(&written).unwrap().opacity.unwrap(), opacity);
        let again = Picture::decode(&written).unwrap();
        let apart = picture.rgb().iter().zip(again.rgb()).map(|(a, b)| a.abs_diff(*b));
        assert!(apart.max().unwrap() <= 1);
    }

    #[test]
    fn opacity_goes_with_a_painting_and_makes_masks() {
        let rgba = image::ImageBuffer::from_fn(4, 2, |x, _| {
            image::Rgba([10u8, 20, 30, if x < 2 { 255 } else { 0 }])
        });
        let bytes = png(rgba);
        let Decoded { picture, opacity, .. } = Decoded::read(&bytes).unwrap();
        let opacity = opacity.expect("it is transparent");
        assert_eq!(opacity, Mask::new(4, 2, [1.0, 1.0, 0.0, 0.0].repeat(2)).unwrap());
        assert_eq!(Picture::decode_style(&bytes).unwrap().rgb(), [10, 20, 30].repeat(4));
        assert_eq!(
            Mask::decode(&bytes).unwrap(),
            Mask::new(4, 2, [1.0, 1.0, 0.0, 0.0].repeat(2)).unwrap()
        );
        let small = picture.fit(2);
        let written =
            |format| small.encode_with(format, Beside { opacity: Some(&opacity), exif: None });
        for format in [Format::Png, Format::WebP] {
            let found = Decoded::read(&written(format).unwrap()).unwrap().opacity.unwrap();
            let shares = found.shares();
            assert!(shares.len() == 2 && shares[0] > 0.78 && shares[1] < 0.22, "{found:?}");
        }
        assert!(matches!(written(Format::Jpeg { quality: 90 }), Err(PictureError::Encode(_))));
        let opaque = image::RgbaImage::from_pixel(2, 1, image::Rgba([1, 2, 3, 255]));
        assert_eq!(Decoded::read(&png(opaque)).unwrap().opacity, None);
    }

    #[test]
    fn metadata_goes_with_a_painting() {
        let exif = metadata::tests::exif();
        for format in [Format::Png, Format::WebP, Format::Jpeg { quality: 90 }] {
            let photo = gradient(8, 4);
            let beside = Beside { opacity: None, exif: Some(exif.clone()) };
            let file = photo.encode_with(format, beside).unwrap();
            let read = Decoded::read(&file).unwrap();
            assert_eq!((read.picture.width(), read.picture.height()), (4, 8), "it lay on its side");
            let metadata = read.metadata.expect("it has metadata");
            let exif = metadata.for_painting((4, 8), false);
            let painting = read.picture.encode_with(format, Beside { opacity: None, exif });
            let painting = Decoded::read(&painting.unwrap()).unwrap();
            assert_eq!((painting.picture.width(), painting.picture.height()), (4, 8));
            assert!(!painting.metadata.expect("it has the photo's").has_place(), "{format:?}");
        }
        assert_eq!(Decoded::read(&jpeg()).unwrap().metadata, None);
    }

    #[test]
    fn pictures_that_a_format_cannot_hold_are_refused() {
        let wide = Picture::new(70_000, 1, vec![9; 210_000]).unwrap();
        assert!(wide.encode(Format::Jpeg { quality: 90 }).is_err());
        assert!(wide.encode(Format::WebP).is_err());
        assert!(wide.encode(Format::Png).is_ok());
    }
}
