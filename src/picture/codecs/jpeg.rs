//! What JPEG files do that the usual decoder does not tell, or does wrong.

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{ImageInfo, PixelFormat};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::MAX_ALLOCATION;
use crate::picture::PictureError;

/// What a file is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scans {
    /// It ends before its end-of-image marker.
    pub cut_short: bool,
    /// It is sequential and has a scan of its own for each component.
    pub apart: bool,
}

impl Scans {
    /// Walks the segments, since thumbnails inside, and anything appended after the end, have such markers
    /// too. Of a file whose segments make no sense, nothing is claimed.
    pub fn of(bytes: &[u8]) -> Self {
        const END_OF_IMAGE: u8 = 0xd9;
        const START_OF_SCAN: u8 = 0xda;
        const SEQUENTIAL: [u8; 2] = [0xc0, 0xc1];
        let mut found = Self::default();
        let mut components = 0;
        let mut at = 2;
        loop {
            let (Some(&prefix), Some(&marker)) = (bytes.get(at), bytes.get(at + 1)) else {
                return Self { cut_short: true, ..found };
            };
            if prefix != 0xff {
                return found;
            }
            at += 2;
            match marker {
                END_OF_IMAGE => return found,
                // Padding before a marker.
                0xff => at -= 1,
                // Markers without a segment.
                0x01 | 0xd0..=0xd8 => {}
                _ => {
                    let (Some(&high), Some(&low)) = (bytes.get(at), bytes.get(at + 1)) else {
                        return Self { cut_short: true, ..found };
                    };
                    if SEQUENTIAL.contains(&marker) {
                        components = bytes.get(at + 7).copied().unwrap_or(0);
                    }
                    if marker == START_OF_SCAN {
                        let within = bytes.get(at + 2).copied().unwrap_or(0);
                        found.apart |= within < components;
                    }
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
                    None => return Self { cut_short: true, ..found },
                }
            }
        }
    }
}

/// Every pixel, or nothing where the usual decoder finds a fault: asked otherwise it would fill what it cannot read with
/// grey and say nothing. (Of a file without an end-of-image marker a few bytes' worth of the last block may be missing,
/// which it cannot know.)
pub fn complete(bytes: &[u8], scans: Scans) -> Option<DynamicImage> {
    if scans.apart {
        return None; // see `otherwise`
    }
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let grey = decoder.input_colorspace()? == ColorSpace::Luma;
    let wanted = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().ok()?;
    image_of(width, height, grey, pixels)
}

fn image_of(width: u32, height: u32, grey: bool, pixels: Vec<u8>) -> Option<DynamicImage> {
    match grey {
        true => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        false => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
    }
}

/// By another decoder: a sequential JPEG file with a scan for each component, which the usual one takes for one scan
/// (zune-jpeg 0.5), one in which it finds faults, or one that is too large for it. `part` 2, 4 or 8 gives a half, a
/// quarter or an eighth of its size, as the coefficients of its blocks have it.
pub fn otherwise(bytes: &[u8], part: u32) -> Result<DynamicImage, PictureError> {
    let (pixels, info) = samples(bytes, part)?;
    let grey = match info.pixel_format {
        PixelFormat::RGB24 => false,
        PixelFormat::L8 => true,
        other => return Err(PictureError::Unsupported(format!("a JPEG of the kind {other:?}"))),
    };
    image_of(info.width.into(), info.height.into(), grey, pixels)
        .ok_or_else(|| PictureError::Damaged("it has too few pixels".into()))
}

/// The cyan, magenta, yellow and black of a file that has these, and its width and height: 255 for all of an ink.
pub fn inks(bytes: &[u8], part: u32) -> Option<(Vec<u8>, (u32, u32))> {
    let (inks, info) = samples(bytes, part).ok()?;
    let size = (info.width.into(), info.height.into());
    (info.pixel_format == PixelFormat::CMYK32).then_some((inks, size))
}

fn samples(bytes: &[u8], part: u32) -> Result<(Vec<u8>, ImageInfo), PictureError> {
    let fail = |reason: String| PictureError::Damaged(reason);
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    if part > 1 {
        decoder.read_info().map_err(|error| fail(error.to_string()))?;
        let info = decoder.info().ok_or_else(|| fail("it has no header".into()))?;
        let smaller = |side: u16| u32::from(side).div_ceil(part) as u16;
        decoder
            .scale(smaller(info.width), smaller(info.height))
            .map_err(|error| fail(error.to_string()))?;
    }
    decoder.set_max_decoding_buffer_size(MAX_ALLOCATION as usize);
    let pixels = decoder.decode().map_err(|error| fail(error.to_string()))?;
    let info = decoder.info().ok_or_else(|| fail("it has no header".into()))?;
    Ok((pixels, info))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Luma};

    use super::*;
    use crate::picture::Picture;
    use crate::picture::codecs::tests::jpeg;

    #[test]
    fn a_jpeg_without_its_end_marker_is_read_if_every_pixel_is_there() {
        let whole = Picture::decode(&jpeg()).unwrap();
        let bytes = jpeg();
        let open = &bytes[..bytes.len() - 2];
        assert!(Scans::of(open).cut_short);
        assert_eq!(Picture::decode(open).unwrap(), whole);
        // As some telephones write it.
        let trailer = [open, b"SEFH\0\0\0\0SEFT"].concat();
        assert_eq!(Picture::decode(&trailer).unwrap(), whole);
        let error = Picture::decode(&bytes[..bytes.len() * 2 / 3]).unwrap_err();
        assert!(error.to_string().contains("the end of the file is missing"), "{error}");
    }

    /// A sequential JPEG whose three components have scans of their own, chroma at half the size: 32 x 16,
    /// left half red, right half cyan, made with Pillow and `jpegtran -scans`.
    const APART: &[u8] = include_bytes!("../../../tests/data/scan-a-component.jpg");

    #[test]
    fn components_may_have_scans_of_their_own() {
        let scans = Scans::of(APART);
        assert!(scans.apart && !scans.cut_short);
        let picture = Picture::decode(APART).unwrap();
        assert_eq!((picture.width(), picture.height()), (32, 16));
        let [left, right] = [4, 28].map(|x: usize| &picture.rgb()[3 * x..3 * x + 3]);
        for (found, expected) in [(left, [255, 0, 0]), (right, [0, 255, 255])] {
            let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12);
            assert!(near, "{left:?} {right:?}");
        }
        let cut = Picture::decode(&APART[..APART.len() - 2]);
        assert!(matches!(cut, Err(PictureError::Damaged(_))), "nobody knows whether it is whole");
        // Interleaved, as nearly all are, or of one component.
        assert_eq!(Scans::of(&jpeg()), Scans::default());
        let grey = image::GrayImage::from_pixel(20, 10, Luma([90]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(grey).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        assert_eq!(Scans::of(bytes.get_ref()), Scans::default());
    }

    #[test]
    fn what_follows_the_end_of_a_jpeg_does_not_matter() {
        let whole = Picture::decode(&jpeg()).unwrap();
        let mut bytes = jpeg();
        // A film appended by a telephone may hold anything.
        bytes.extend_from_slice(b"ftypmp42\xff\xda\0\x02film");
        assert_eq!(Picture::decode(&bytes).unwrap(), whole);
    }
}
