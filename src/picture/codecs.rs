//! Picture files: bytes to pixels and back. The browser has its own codecs and hands over pixels.

mod jpeg;
mod metadata;
mod repair;

pub use metadata::Metadata;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::error::ImageError;
use image::imageops::{FilterType, resize};
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageBuffer, ImageDecoder, ImageEncoder, ImageFormat,
    ImageReader, Limits, Luma, RgbImage, RgbaImage,
};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use jpeg::Scans;

use crate::picture::mask::Mask;
use crate::picture::{Picture, PictureError};

/// Endings of names of files that can be read, in lower case.
pub const EXTENSIONS: [&str; 11] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff"];
/// Formats that can be read.
const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
];
/// Bytes that decoding may allocate: 100 megapixels of 16-bit RGBA and what the decoder needs.
const MAX_ALLOCATION: u64 = 1 << 30;
/// What some writers put before the EXIF data of a WebP file.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

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

/// What is in a picture file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// As [`Picture::decode`] gives it.
    pub picture: Picture,
    /// How opaque its pixels are, where not all of them are: rows of 0 (transparent) to 255.
    pub opacity: Option<Vec<u8>>,
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
        let rgba = pixels.into_rgba8();
        let opacity: Vec<u8> = rgba.pixels().map(|pixel| pixel[3]).collect();
        let transparent = opacity.iter().any(|&opacity| opacity < u8::MAX);
        let picture = Picture::from_rgba(width, height, &rgba)?;
        let opacity = transparent.then_some(opacity);
        Ok(Self { picture, opacity, metadata, reduced_from })
    }
}

/// What is written to a file beside a picture.
#[derive(Debug, Clone, Default)]
pub struct Beside<'a> {
    /// As [`Decoded`] has it, of a picture of that width and height, which is brought to this one's.
    pub opacity: Option<(&'a [u8], (u32, u32))>,
    /// See [`Metadata::for_painting`].
    pub exif: Option<Vec<u8>>,
}

impl Picture {
    /// From a PNG, JPEG, WebP, GIF, BMP or TIFF file, recognized by its content. The orientation in the EXIF
    /// data is applied; 16-bit, grey, palette and CMYK pictures become 8-bit RGB, colours of another profile
    /// sRGB; transparent ones are put on white; of animations, the first picture is taken.
    ///
    /// # Errors
    /// Says whether the file is empty, foreign, damaged, cut short or too large ([`Picture::MAX_PIXELS`]).
    pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        Ok(Decoded::read(bytes)?.picture)
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
    /// As [`Picture::encode`]; [`PictureError::Encode`] for opacity in JPEG, which has none;
    /// [`PictureError::Length`] where the opacity is of another size.
    pub fn encode_with(&self, format: Format, beside: Beside) -> Result<Vec<u8>, PictureError> {
        let size = (self.width(), self.height());
        let Some((opacity, (width, height))) = beside.opacity else {
            return encode(size, self.rgb(), ExtendedColorType::Rgb8, format, beside.exif);
        };
        if matches!(format, Format::Jpeg { .. }) {
            return Err(PictureError::Encode("JPEG has no transparency".into()));
        }
        let found = opacity.len() as u64;
        let expected = u64::from(width) * u64::from(height);
        let opacity = ImageBuffer::<Luma<u8>, _>::from_raw(width, height, opacity)
            .filter(|_| expected == found)
            .ok_or(PictureError::Length { width, height, expected, found })?;
        let opacity = resize(&opacity, size.0, size.1, FilterType::Triangle);
        // Over white it looks like this picture.
        let off_white = |value: u8, opacity: u8| match u32::from(opacity) {
            0 => value,
            opacity => {
                let white = 255 * (255 - opacity);
                ((255 * u32::from(value)).saturating_sub(white) + opacity / 2).div_euclid(opacity)
                    as u8
            }
        };
        let pixels = self.rgb().chunks_exact(3).zip(opacity.into_raw());
        let pixel = |(rgb, opacity): (&[u8], u8)| {
            let colour = |channel: usize| off_white(rgb[channel], opacity);
            [colour(0), colour(1), colour(2), opacity]
        };
        let rgba: Vec<u8> = pixels.flat_map(pixel).collect();
        encode(size, &rgba, ExtendedColorType::Rgba8, format, beside.exif)
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

/// What is in a file. Of a JPEG with more than `most` pixels that is a half, a quarter or an eighth of its size.
fn contents(bytes: &[u8], most: u64) -> Result<Contents, PictureError> {
    unless_it_panics(|| decoded(bytes, most))
}

fn decoded(bytes: &[u8], most: u64) -> Result<Contents, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::EmptyFile);
    }
    let format = match format_of(bytes) {
        Some(format) if FORMATS.contains(&format) => format,
        other => return Err(PictureError::Foreign(looks_like(bytes, other))),
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
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format)
        .into_decoder()
        .map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions();
    let fits = |part: &u32| u64::from(width / part) * u64::from(height / part) <= most;
    let part = match scans {
        Some(_) => [1, 2, 4, 8].into_iter().find(fits),
        None => Some(1).filter(fits),
    };
    let Some(part) = part else { return Err(PictureError::TooLarge { width, height }) };
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
        pixels = to_srgb(pixels, &profile);
    }
    pixels.apply_orientation(orientation);
    let reduced_from = (part > 1).then_some((width, height));
    Ok(Contents { pixels, metadata: Metadata::of_exif(exif), reduced_from })
}

/// In sRGB, from the colours of an ICC profile. A profile that is damaged, or is for other channels than these, is
/// passed over, as programs do that show pictures.
fn to_srgb(pixels: DynamicImage, profile: &[u8]) -> DynamicImage {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return pixels };
    let grey = !pixels.color().has_color();
    let fits = match profile.color_space {
        DataColorSpace::Rgb => !grey,
        DataColorSpace::Gray => grey,
        _ => false,
    };
    if !fits {
        return pixels;
    }
    let srgb = ColorProfile::new_srgb();
    let between = |from: Layout, to: Layout| {
        profile.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()
    };
    let (width, height) = (pixels.width(), pixels.height());
    let alpha = pixels.color().has_alpha();
    let (from, to) = match (grey, alpha) {
        (false, false) => (Layout::Rgb, Layout::Rgb),
        (false, true) => (Layout::Rgba, Layout::Rgba),
        (true, false) => (Layout::Gray, Layout::Rgb),
        (true, true) => (Layout::GrayAlpha, Layout::Rgba),
    };
    let Some(transform) = between(from, to) else { return pixels };
    let source = match (grey, alpha) {
        (false, false) => pixels.to_rgb8().into_raw(),
        (false, true) => pixels.to_rgba8().into_raw(),
        (true, false) => pixels.to_luma8().into_raw(),
        (true, true) => pixels.to_luma_alpha8().into_raw(),
    };
    let mut found = vec![0; to.channels() * width as usize * height as usize];
    if transform.transform(&source, &mut found).is_err() {
        return pixels;
    }
    let found = match alpha {
        true => RgbaImage::from_raw(width, height, found).map(DynamicImage::from),
        false => RgbImage::from_raw(width, height, found).map(DynamicImage::from),
    };
    found.unwrap_or(pixels)
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

/// The format by the first bytes.
fn format_of(bytes: &[u8]) -> Option<ImageFormat> {
    /// TIFF of more than 4 GB, which is used for small files, too.
    const BIG_TIFF: [&[u8]; 2] = [b"II+\0", b"MM\0+"];
    match BIG_TIFF.iter().any(|start| bytes.starts_with(start)) {
        true => Some(ImageFormat::Tiff),
        false => image::guess_format(bytes).ok(),
    }
}

/// Names the kinds of files that people mistake for the ones we read.
fn looks_like(bytes: &[u8], format: Option<ImageFormat>) -> String {
    let brand = bytes.get(4..12).unwrap_or_default();
    let name = match format {
        _ if brand.starts_with(b"ftyphei") || brand.starts_with(b"ftypmif1") => "HEIC",
        Some(ImageFormat::Avif) => "AVIF",
        _ if bytes.starts_with(b"\xff\x0a") || brand.starts_with(b"JXL ") => "JPEG XL",
        _ if bytes.starts_with(b"%PDF") => "PDF",
        _ if bytes.trim_ascii_start().starts_with(b"<") => "SVG or HTML",
        _ => return String::new(),
    };
    format!(" (it looks like {name})")
}

#[cfg(test)]
pub(crate) mod tests {
    use image::metadata::Orientation;
    use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};

    use super::*;
    use crate::picture::tests::gradient;

    /// A CMYK JPEG as Adobe's programs write them (inverted), 32 x 16: left half cyan, right
    /// half red, made with the Python library Pillow.
    const CMYK_JPEG: &[u8] = include_bytes!("../../tests/data/cmyk.jpg");

    fn png(pixels: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        pixels.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    pub fn jpeg() -> Vec<u8> {
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
    fn colours_of_another_profile_become_srgb() {
        // Colours of Display P3 and what they are in sRGB (CSS Color 4's conversion).
        for (there, here) in [
            ([234, 51, 35], [255, 0, 0]),
            ([117, 251, 76], [3, 255, 0]),
            ([128, 128, 128], [128, 128, 128]),
            ([100, 150, 200], [83, 152, 205]),
        ] {
            let wide = ColorProfile::new_display_p3().encode().unwrap();
            for (pixels, colour) in [(there.to_vec(), ExtendedColorType::Rgb8), {
                ([&there[..], &[255]].concat(), ExtendedColorType::Rgba8)
            }] {
                let mut bytes = Vec::new();
                let mut encoder = PngEncoder::new(&mut bytes);
                encoder.set_icc_profile(wide.clone()).unwrap();
                encoder.write_image(&pixels, 1, 1, colour).unwrap();
                let found = Picture::decode(&bytes).unwrap();
                let near =
                    found.rgb().iter().zip(here).all(|(&a, b): (&u8, u8)| a.abs_diff(b) <= 2);
                assert!(near, "{there:?} gives {:?}, not {here:?}", found.rgb());
            }
        }
        // One that is damaged, or for other channels, is passed over.
        for profile in
            [b"no profile".to_vec(), ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()]
        {
            let mut bytes = Vec::new();
            let mut encoder = PngEncoder::new(&mut bytes);
            encoder.set_icc_profile(profile).unwrap();
            encoder.write_image(&[9, 99, 200], 1, 1, ExtendedColorType::Rgb8).unwrap();
            assert_eq!(Picture::decode(&bytes).unwrap().rgb(), [9, 99, 200]);
        }
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

    #[test]
    fn what_is_half_transparent_looks_as_before_on_white() {
        let rgba = image::ImageBuffer::from_fn(16, 16, |x, y| {
            image::Rgba([17 * x as u8, 17 * y as u8, 90, 15 + 16 * x as u8])
        });
        let Decoded { picture, opacity, .. } = Decoded::read(&png(rgba)).unwrap();
        let opacity = opacity.unwrap();
        let beside = Beside { opacity: Some((&opacity, (16, 16))), exif: None };
        let again = Decoded::read(&picture.encode_with(Format::Png, beside).unwrap()).unwrap();
        assert_eq!(again.opacity.unwrap(), opacity);
        let apart = picture.rgb().iter().zip(again.picture.rgb()).map(|(a, b)| a.abs_diff(*b));
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
        assert_eq!(opacity, [255, 255, 0, 0].repeat(2));
        assert_eq!(Picture::decode_style(&bytes).unwrap().rgb(), [10, 20, 30].repeat(4));
        assert_eq!(
            Mask::decode(&bytes).unwrap(),
            Mask::new(4, 2, [1.0, 1.0, 0.0, 0.0].repeat(2)).unwrap()
        );
        let (small, size) = (picture.fit(2), (4, 2));
        let written = |format, size| {
            small.encode_with(format, Beside { opacity: Some((&opacity, size)), exif: None })
        };
        for format in [Format::Png, Format::WebP] {
            let written = written(format, size).unwrap();
            let found = Decoded::read(&written).unwrap().opacity.unwrap();
            assert!(found.len() == 2 && found[0] > 200 && found[1] < 55, "{found:?}");
        }
        assert!(matches!(
            written(Format::Jpeg { quality: 90 }, size),
            Err(PictureError::Encode(_))
        ));
        assert!(written(Format::Png, (3, 2)).is_err());
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
    fn foreign_and_empty_files_are_named() {
        let message = |bytes: &[u8]| Picture::decode(bytes).unwrap_err().to_string();
        assert!(message(b"").contains("empty"));
        assert!(message(b"hello").starts_with("not a PNG, JPEG, WebP, GIF, BMP or TIFF picture;"));
        assert!(message(b"\xff\x0a\0\0").contains("JPEG XL"));
        assert!(message(b"\0\0\0\x18ftypheic\0\0\0\0").contains("HEIC"));
        assert!(message(b" <svg xmlns").contains("SVG"));
    }

    #[test]
    fn incomplete_files_are_errors() {
        let picture = gradient(40, 30);
        for format in [Format::Png, Format::Jpeg { quality: 90 }, Format::WebP] {
            let bytes = picture.encode(format).unwrap();
            let whole = Picture::decode(&bytes).unwrap();
            for length in 1..bytes.len() {
                match Picture::decode(&bytes[..length]) {
                    // The last bytes may hold no pixels, or, in a JPEG, some of the last block.
                    Ok(found) => {
                        let pairs = found.rgb().iter().zip(whole.rgb());
                        let other = pairs.filter(|(a, b)| a != b).count();
                        let most = if matches!(format, Format::Jpeg { .. }) { 3 * 64 } else { 0 };
                        assert!(other <= most, "{length} bytes of {format:?}: {other} differ");
                    }
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
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
