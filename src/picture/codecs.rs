//! Picture files: bytes to pixels and back. The browser has its own codecs and hands over pixels.

mod encode;
mod jpeg;
mod jxl;
mod kinds;
mod metadata;
mod profile;
mod repair;

pub use encode::{Beside, Format};
pub use kinds::EXTENSIONS;
pub use metadata::Metadata;

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::error::{DecodingError, ImageError, ImageFormatHint};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use jpeg::Scans;
use kinds::Kind;

use crate::picture::mask::Mask;
use crate::picture::{Picture, PictureError};

/// Bytes that decoding may allocate: 100 megapixels of 16-bit RGBA and what the decoder needs.
const MAX_ALLOCATION: u64 = 1 << 30;
/// Bytes of a file in which its head is.
const MOST_HEAD: u64 = 4 << 20;
/// What some writers put before the EXIF data of a WebP file.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// What is in a picture file.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Where it is transparent, it is filled as [`Picture::from_photo_rgba`] says.
    pub picture: Picture,
    /// How opaque its pixels are, where not all of them are.
    pub opacity: Option<Mask>,
    /// What a camera wrote beside them.
    pub metadata: Option<Metadata>,
    /// The width and height in the file, where these are more pixels than are read: it was read smaller.
    pub reduced_from: Option<(u32, u32)>,
}

/// What a file holds.
struct Contents {
    /// Upright, in sRGB.
    pixels: DynamicImage,
    metadata: Option<Metadata>,
    reduced_from: Option<(u32, u32)>,
}

impl Decoded {
    /// From a file.
    ///
    /// # Errors
    /// As [`Picture::decode`].
    pub fn read(bytes: &[u8]) -> Result<Self, PictureError> {
        let Contents { pixels, metadata, reduced_from } = contents(bytes, Picture::MAX_PIXELS)?;
        let (width, height) = (pixels.width(), pixels.height());
        if !pixels.color().has_alpha() {
            let picture = Picture::new(width, height, pixels.into_rgb8().into_raw())?;
            return Ok(Self { picture, opacity: None, metadata, reduced_from });
        }
        let (picture, opacity) = Picture::from_photo_rgba(width, height, &pixels.into_rgba8())?;
        Ok(Self { picture, opacity, metadata, reduced_from })
    }
}

impl Picture {
    /// From a PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL file, recognized by its content. The orientation in the EXIF
    /// data is applied; 16-bit, grey, palette and CMYK pictures become 8-bit RGB, colours of another profile
    /// sRGB; transparent ones are put on white; of animations, the first picture is taken.
    ///
    /// # Errors
    /// Says whether the file is empty, foreign, damaged, cut short or too large ([`Picture::MAX_PIXELS`]).
    pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        let Decoded { mut picture, opacity, .. } = Decoded::read(bytes)?;
        if let Some(opacity) = opacity {
            picture.lay_on_white(&opacity);
        }
        Ok(picture)
    }

    /// From a file as [`Picture::decode`]; what is transparent is no part of the style, see
    /// [`Picture::from_style_rgba`].
    ///
    /// # Errors
    /// As [`Picture::decode`].
    pub fn decode_style(bytes: &[u8]) -> Result<Self, PictureError> {
        let Contents { pixels, .. } = contents(bytes, Picture::MAX_PIXELS)?;
        let (width, height) = (pixels.width(), pixels.height());
        match pixels.color().has_alpha() {
            true => Self::from_style_rgba(width, height, &pixels.into_rgba8()),
            false => Self::new(width, height, pixels.into_rgb8().into_raw()),
        }
    }
}

impl Mask {
    /// From a picture file: the opacity of one that is transparent somewhere, the red of any other.
    ///
    /// # Errors
    /// As [`Picture::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        let Contents { pixels, .. } = contents(bytes, Picture::MAX_PIXELS)?;
        Self::from_rgba(pixels.width(), pixels.height(), &pixels.into_rgba8())
    }
}

/// Width and height of the picture in a file, as they are in its head.
///
/// # Errors
/// Where it cannot be read, or is no picture.
pub fn size_of(path: &Path) -> Result<(u32, u32), ImageError> {
    let file = BufReader::new(File::open(path)?);
    let reader = ImageReader::new(file).with_guessed_format()?;
    if reader.format().is_some() {
        return reader.into_dimensions();
    }
    let mut head = Vec::new();
    reader.into_inner().take(MOST_HEAD).read_to_end(&mut head)?;
    let size = match Kind::of(&head) {
        Ok(Kind::JpegXl) => unless_it_panics(|| jxl::size(&head)),
        _ => Err(PictureError::Foreign(String::new())),
    };
    size.map_err(|error| ImageError::Decoding(DecodingError::new(ImageFormatHint::Unknown, error)))
}

/// What is in a file. Of a JPEG with more than `most` pixels that is a half, a quarter or an eighth of its size.
fn contents(bytes: &[u8], most: u64) -> Result<Contents, PictureError> {
    unless_it_panics(|| decoded(bytes, most))
}

fn decoded(bytes: &[u8], most: u64) -> Result<Contents, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::EmptyFile);
    }
    let format = match Kind::of(bytes) {
        Ok(Kind::Usual(format)) => format,
        Ok(Kind::JpegXl) => return jxl::contents(bytes, most),
        Err(kind) => {
            let name = kind.map(|name| format!(" (it looks like {name})"));
            return Err(PictureError::Foreign(name.unwrap_or_default()));
        }
    };
    let scans = match format {
        ImageFormat::Jpeg => Some(Scans::of(bytes)),
        _ => None,
    };
    let mended = match format {
        ImageFormat::WebP => repair::without_empty_promises(bytes),
        ImageFormat::Bmp => repair::behind_palette(bytes),
        _ => None,
    };
    let bytes = mended.as_deref().unwrap_or(bytes);
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(
        |error| match (&error, png_size(bytes)) {
            (ImageError::Limits(_), Some((width, height))) => {
                PictureError::TooLarge { width, height }
            }
            _ => damaged(&error),
        },
    )?;
    let (width, height) = decoder.dimensions();
    let fits = |part: &u32| u64::from(width / part) * u64::from(height / part) <= most;
    let part = match scans {
        Some(_) => [1, 2, 4, 8].into_iter().find(fits),
        None => Some(1).filter(fits),
    };
    let Some(part) = part else { return Err(PictureError::TooLarge { width, height }) };
    let pixels = u64::from(width / part) * u64::from(height / part);
    if !has_room(pixels) {
        return Err(PictureError::NoMemory { width, height });
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOCATION);
    let too_large_or_damaged = |error: ImageError| match error {
        ImageError::Limits(_) => PictureError::TooLarge { width, height },
        error => damaged(&error),
    };
    limits.reserve(decoder.total_bytes() / u64::from(part * part)).map_err(too_large_or_damaged)?;
    decoder.set_limits(limits).map_err(too_large_or_damaged)?;
    // Metadata that is damaged, or is promised and not there, costs nothing but itself.
    let exif = decoder.exif_metadata().ok().flatten().unwrap_or_default();
    let exif = exif.strip_prefix(EXIF_PREFIX).unwrap_or(&exif);
    let orientation = match Orientation::from_exif_chunk(exif) {
        Some(orientation) => orientation,
        // TIFF files have it elsewhere.
        None => decoder.orientation().unwrap_or(Orientation::NoTransforms),
    };
    let profile = decoder.icc_profile().ok().flatten();
    let mut pixels = match scans {
        Some(_) if part > 1 => jpeg::otherwise(bytes, part)?,
        Some(scans) => match jpeg::complete(bytes, scans) {
            Some(pixels) => pixels,
            None if scans.cut_short => {
                return Err(PictureError::Damaged("the end of the file is missing".into()));
            }
            None => jpeg::otherwise(bytes, 1)?,
        },
        None => DynamicImage::from_decoder(decoder).map_err(too_large_or_damaged)?,
    };
    if let Some(profile) = profile {
        let inks = match scans {
            Some(_) if profile::is_of_inks(&profile) => jpeg::inks(bytes, part),
            _ => None,
        };
        let printed = inks.and_then(|(inks, size)| profile::inks_to_srgb(&inks, size, &profile));
        pixels = printed.unwrap_or_else(|| profile::to_srgb(pixels, &profile));
    } else if format == ImageFormat::Png {
        pixels = profile::png_to_srgb(pixels, bytes);
    }
    pixels.apply_orientation(orientation);
    let reduced_from = (part > 1).then_some((width, height));
    Ok(Contents { pixels, metadata: Metadata::of_exif(exif), reduced_from })
}

/// Width and height in the head of a PNG file, which its decoder keeps to itself where they are too large for it.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    const HEAD: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let rest = bytes.strip_prefix(HEAD)?;
    let (width, rest) = rest.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// Whether there is memory to read and paint so many pixels, where the system can tell: a program that asks for too much
/// later is ended, and a batch with it.
fn has_room(pixels: u64) -> bool {
    /// What was measured with 24 megapixels.
    const BYTES: u64 = 24;
    let bytes = usize::try_from(BYTES.saturating_mul(pixels));
    bytes.is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}

fn damaged(error: &ImageError) -> PictureError {
    match error {
        ImageError::Unsupported(what) => PictureError::Unsupported(what.to_string()),
        error => PictureError::Damaged(error.to_string()),
    }
}

/// The same for decoders that panic, as some do on damaged files.
fn unless_it_panics<T>(
    decode: impl FnOnce() -> Result<T, PictureError>,
) -> Result<T, PictureError> {
    // What a decoder leaves half done is gone with it.
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(PictureError::Damaged("its decoder failed".into())))
}

#[cfg(test)]
pub(crate) mod tests {
    use image::metadata::Orientation;
    use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, RgbImage, RgbaImage};

    use super::*;
    use crate::picture::tests::gradient;

    /// A CMYK JPEG as Adobe's programs write them (inverted), 32 x 16: left half cyan, right
    /// half red, made with the Python library Pillow.
    pub const CMYK_JPEG: &[u8] = include_bytes!("../../tests/data/cmyk.jpg");

    pub fn png(pixels: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        pixels.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    pub fn jpeg() -> Vec<u8> {
        gradient(40, 30).encode(Format::Jpeg { quality: 90 }).unwrap()
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

    /// A lossless WebP file with an extended header: flags and chunks at the end.
    fn extended_webp(flags: u8, tail: &[u8]) -> Vec<u8> {
        let plain = gradient(3, 2).encode(Format::WebP).unwrap();
        let header = [b"VP8X\x0a\0\0\0".as_slice(), &[flags, 0, 0, 0, 2, 0, 0, 1, 0, 0]].concat();
        let data = [b"WEBP".as_slice(), &header, &plain[12..], tail].concat();
        [b"RIFF".as_slice(), &(data.len() as u32).to_le_bytes(), &data].concat()
    }

    #[test]
    fn metadata_of_webp_may_have_a_prefix_or_be_missing() {
        // Turned by a quarter.
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        for prefix in [b"".as_slice(), EXIF_PREFIX] {
            let exif = [prefix, exif].concat();
            let length = (exif.len() as u32).to_le_bytes();
            let chunk = [b"EXIF".as_slice(), &length, &exif, &vec![0; exif.len() % 2]].concat();
            let turned = Picture::decode(&extended_webp(0x08, &chunk)).unwrap();
            assert_eq!((turned.width(), turned.height()), (2, 3), "{prefix:?}");
        }
        for promise in [0x08, 0x04, 0x20] {
            assert_eq!(Picture::decode(&extended_webp(promise, b"")).unwrap(), gradient(3, 2));
        }
    }

    #[test]
    fn gif_bmp_and_tiff_are_read() {
        let picture = gradient(19, 7);
        let pixels = RgbImage::from_raw(19, 7, picture.rgb().to_vec()).unwrap();
        for format in [ImageFormat::Bmp, ImageFormat::Tiff] {
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::from(pixels.clone()).write_to(&mut bytes, format).unwrap();
            assert_eq!(Picture::decode(bytes.get_ref()).unwrap(), picture, "{format:?}");
        }
        // The first of two pictures.
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for value in [77, 200] {
            let frame = RgbaImage::from_pixel(5, 4, image::Rgba([value, value, value, 255]));
            encoder.encode_frame(image::Frame::new(frame)).unwrap();
        }
        drop(encoder);
        let first = Picture::decode(&bytes).unwrap();
        assert_eq!((first.width(), first.height()), (5, 4));
        assert!(first.rgb().iter().all(|value| value.abs_diff(77) < 8), "{:?}", &first.rgb()[..3]);
    }

    #[test]
    fn a_decoder_that_panics_only_fails() {
        let outcome = unless_it_panics::<()>(|| panic!("as tiff does on some damaged files"));
        assert!(matches!(outcome, Err(PictureError::Damaged(_))));
    }

    #[test]
    fn tiff_files_may_be_of_the_big_kind() {
        // Width, height, bits, no compression, black is 0, where the pixel is, channels, rows, bytes.
        let entries: [(u16, u64); 9] = [
            (256, 1),
            (257, 1),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, 16),
            (277, 1),
            (278, 1),
            (279, 1),
        ];
        let mut bytes = b"II+\0\x08\0\0\0\x18\0\0\0\0\0\0\0\x4d\0\0\0\0\0\0\0".to_vec();
        bytes.extend((entries.len() as u64).to_le_bytes());
        for (tag, value) in entries {
            const SHORT: u16 = 3;
            bytes.extend([tag.to_le_bytes(), SHORT.to_le_bytes()].concat());
            bytes.extend([1u64.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.extend(0u64.to_le_bytes());
        assert_eq!(Picture::decode(&bytes).unwrap().rgb(), [0x4d; 3]);
    }

    #[test]
    fn a_jpeg_that_is_too_large_is_read_smaller() {
        let bytes = jpeg();
        let whole = Picture::decode(&bytes).unwrap();
        let (width, height) = (whole.width(), whole.height());
        let area = u64::from(width * height);
        assert_eq!(contents(&bytes, area).unwrap().reduced_from, None);
        for (most, part) in [(area - 1, 2), (area / 5, 4), (area / 33, 8)] {
            let found = contents(&bytes, most).unwrap();
            assert_eq!(found.reduced_from, Some((width, height)));
            let found = found.pixels.into_rgb8();
            let size = (width.div_ceil(part), height.div_ceil(part));
            assert_eq!((found.width(), found.height()), size);
            let expected = whole.resized(size.0, size.1);
            let apart = found.iter().zip(expected.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b)));
            let mean = apart.sum::<f64>() / expected.rgb().len() as f64;
            assert!(mean < 12.0, "1/{part}: {mean} of 255 levels");
        }
        assert!(matches!(contents(&bytes, 1), Err(PictureError::TooLarge { .. })));
        let png = whole.encode(Format::Png).unwrap();
        assert!(matches!(contents(&png, area - 1), Err(PictureError::TooLarge { .. })));
    }

    /// A small file of each kind that is read, by its ending.
    fn of_every_kind() -> Vec<(&'static str, Vec<u8>)> {
        let picture = gradient(20, 15);
        let pixels = RgbImage::from_raw(20, 15, picture.rgb().to_vec()).unwrap();
        let by = |format| {
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::from(pixels.clone()).write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        };
        vec![
            ("png", picture.encode(Format::Png).unwrap()),
            ("jpg", picture.encode(Format::Jpeg { quality: 90 }).unwrap()),
            ("cmyk.jpg", CMYK_JPEG.to_vec()),
            ("webp", picture.encode(Format::WebP).unwrap()),
            ("gif", by(ImageFormat::Gif)),
            ("bmp", by(ImageFormat::Bmp)),
            ("tif", by(ImageFormat::Tiff)),
            ("jxl", jxl::tests::TURNED_AND_WIDE.to_vec()),
        ]
    }

    #[test]
    fn incomplete_files_are_errors() {
        for (kind, bytes) in of_every_kind() {
            let whole = Picture::decode(&bytes).unwrap();
            for length in 1..bytes.len() {
                match Picture::decode(&bytes[..length]) {
                    // The last bytes may hold no pixels, or, in a JPEG, some of the last block.
                    Ok(found) => {
                        let pairs = found.rgb().iter().zip(whole.rgb());
                        let other = pairs.filter(|(a, b)| a != b).count();
                        let most = if kind.ends_with("jpg") { 3 * 64 } else { 0 };
                        assert!(other <= most, "{length} bytes of {kind}: {other} differ");
                    }
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
    }

    #[test]
    fn a_wrong_byte_is_an_error_or_a_few_wrong_pixels() {
        for (kind, bytes) in of_every_kind() {
            for at in 0..bytes.len() {
                for wrong in [0x00, 0xff, bytes[at] ^ 0x40] {
                    let mut changed = bytes.clone();
                    changed[at] = wrong;
                    // It ends, in one way or the other, and has as many pixels as it says.
                    if let Ok(found) = Picture::decode(&changed) {
                        let pixels = u64::from(found.width()) * u64::from(found.height());
                        assert!(pixels <= Picture::MAX_PIXELS, "{kind}, byte {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_no_memory_has_room_for_is_known() {
        assert!(has_room(1_000_000));
        assert!(!has_room(u64::MAX / 48));
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
}
