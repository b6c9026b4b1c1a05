//! JPEG XL.

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use jxl_oxide::{
    AllocTracker, AuxBoxData, EnumColourEncoding, InitializeResult, JxlImage, Moxcms,
    RenderingIntent,
};

use super::{Contents, Metadata};
use crate::picture::PictureError;

/// Bytes that reading the header may take, and all else for each pixel: four channels of f32 in some copies.
const HEADER_BYTES: usize = 64 << 20;
const PIXEL_BYTES: usize = 64;
/// The file is handed over in pieces, so that its header is known before the rest is looked at.
const PIECE: usize = 4096;

type Outcome<T> = jxl_oxide::Result<T>;

/// What is in a file: upright, in sRGB; of an animation, the first picture.
pub fn contents(bytes: &[u8], most: u64) -> Result<Contents, PictureError> {
    let damaged =
        |error: Box<dyn std::error::Error + Send + Sync>| PictureError::Damaged(error.to_string());
    let memory = AllocTracker::with_limit(HEADER_BYTES);
    let (mut picture, rest) = header(bytes, &memory).map_err(damaged)?.ok_or_else(cut_short)?;
    let (width, height) = (picture.width(), picture.height());
    if u64::from(width) * u64::from(height) > most {
        return Err(PictureError::TooLarge { width, height });
    }
    let bytes_of_pixels =
        PIXEL_BYTES.saturating_mul(width as usize).saturating_mul(height as usize);
    memory.expand_limit(bytes_of_pixels);
    feed(&mut picture, rest).map_err(damaged)?;
    if picture.num_loaded_keyframes() == 0 {
        return Err(cut_short());
    }
    let exif = match picture.aux_boxes().first_exif() {
        Ok(AuxBoxData::Data(exif)) => {
            exif.payload().get(exif.tiff_header_offset() as usize..).unwrap_or_default()
        }
        _ => &[],
    };
    let metadata = Metadata::of_exif(exif);
    picture.set_cms(Moxcms);
    let pixels = match in_srgb(&mut picture) {
        Ok(pixels) => pixels,
        // A profile that is damaged is passed over, as in other files: its colours are taken as they are.
        Err(_) => {
            let memory = AllocTracker::with_limit(HEADER_BYTES.saturating_add(bytes_of_pixels));
            let (mut picture, rest) =
                header(bytes, &memory).map_err(damaged)?.ok_or_else(cut_short)?;
            feed(&mut picture, rest).map_err(damaged)?;
            rendered(&picture).map_err(damaged)?
        }
    };
    Ok(Contents { pixels, metadata, reduced_from: None })
}

/// Width and height, of the first bytes of a file or all of them.
pub fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let found = header(bytes, &AllocTracker::with_limit(HEADER_BYTES)).map_err(damaged)?;
    found.map(|(picture, _)| (picture.width(), picture.height())).ok_or_else(cut_short)
}

fn damaged(error: Box<dyn std::error::Error + Send + Sync>) -> PictureError {
    PictureError::Damaged(error.to_string())
}

fn cut_short() -> PictureError {
    PictureError::Damaged("the end of the file is missing".into())
}

/// The picture once its header is known, and the rest of the file; nothing where there is too little of it.
fn header<'a>(bytes: &'a [u8], memory: &AllocTracker) -> Outcome<Option<(JxlImage, &'a [u8])>> {
    let mut begun = JxlImage::builder().alloc_tracker(memory.clone()).build_uninit();
    let (mut read, mut end) = (0, 0);
    while end < bytes.len() {
        end = bytes.len().min(end + PIECE);
        read += begun.feed_bytes(&bytes[read..end])?;
        match begun.try_init()? {
            InitializeResult::NeedMoreData(more) => begun = more,
            InitializeResult::Initialized(picture) => return Ok(Some((picture, &bytes[read..]))),
        }
    }
    Ok(None)
}

fn feed(picture: &mut JxlImage, rest: &[u8]) -> Outcome<()> {
    let (mut read, mut end) = (0, 0);
    while end < rest.len() {
        end = rest.len().min(end + PIECE);
        read += picture.feed_bytes(&rest[read..end])?;
    }
    picture.finalize()
}

fn in_srgb(picture: &mut JxlImage) -> Outcome<DynamicImage> {
    let intent = RenderingIntent::Relative;
    picture.request_color_encoding(match picture.pixel_format().is_grayscale() {
        true => EnumColourEncoding::gray_srgb(intent),
        false => EnumColourEncoding::srgb(intent),
    });
    rendered(picture)
}

/// Its first picture, upright.
fn rendered(picture: &JxlImage) -> Outcome<DynamicImage> {
    let render = picture.render_frame(0)?;
    let mut stream = render.stream();
    let (width, height, channels) = (stream.width(), stream.height(), stream.channels());
    let mut samples = vec![0; width as usize * height as usize * channels as usize];
    stream.write_to_buffer::<u8>(&mut samples);
    let kinds = &picture.image_header().metadata.ec_info;
    if kinds.iter().find_map(|kind| kind.alpha_associated()) == Some(true) {
        without_opacity(&mut samples, channels as usize);
    }
    let image = match channels {
        1 => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        2 => GrayAlphaImage::from_raw(width, height, samples).map(DynamicImage::from),
        3 => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        4 => RgbaImage::from_raw(width, height, samples).map(DynamicImage::from),
        _ => None,
    };
    image.ok_or_else(|| format!("a picture of {channels} channels").into())
}

/// Colours that were multiplied by their opacity, divided by it.
fn without_opacity(samples: &mut [u8], channels: usize) {
    for pixel in samples.chunks_exact_mut(channels) {
        let Some((&mut opacity, colours)) = pixel.split_last_mut() else { return };
        for colour in colours {
            let divided = (255 * u32::from(*colour)).checked_div(u32::from(opacity));
            *colour = divided.unwrap_or(0).min(255) as u8;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::picture::codecs::Decoded;

    /// 16 x 8 pixels with the profile of a colour space like Adobe RGB: left half (234, 51, 35), right half (100, 150, 200), with EXIF data that say that it
    /// lies on its side and was made by Kamera. A JPEG file of Pillow's, which its JPEG XL plug-in packed as it was.
    pub const TURNED_AND_WIDE: &[u8] = include_bytes!("../../../tests/data/turned-wide.jxl");
    /// 48 x 32 pixels: the first 8 columns are transparent, below row 16 it is half so. Pillow, lossless.
    const CUT_OUT: &[u8] = include_bytes!("../../../tests/data/cut-out.jxl");
    /// 48 x 32 grey pixels: 84 left of column 24. Pillow, lossless.
    const GREY: &[u8] = include_bytes!("../../../tests/data/grey.jxl");

    #[test]
    fn a_jpeg_xl_is_upright_in_srgb_and_keeps_its_metadata() {
        let found = Decoded::read(TURNED_AND_WIDE).unwrap();
        let picture = &found.picture;
        assert_eq!((picture.width(), picture.height()), (8, 16));
        assert_eq!(size(TURNED_AND_WIDE).unwrap(), (8, 16));
        let at = |x: usize, y: usize| &picture.rgb()[3 * (8 * y + x)..][..3];
        for (pixel, expected) in [(at(4, 2), [255, 48, 28]), (at(4, 13), [66, 152, 202])] {
            let near = pixel.iter().zip(expected).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 8);
            assert!(near, "{pixel:?}, not {expected:?}");
        }
        let exif = found.metadata.expect("a camera").for_painting((8, 16), false).unwrap();
        assert!(exif.windows(6).any(|part| part == b"Kamera"));
        assert_eq!(found.opacity, None);
    }

    #[test]
    fn a_jpeg_xl_may_be_transparent_or_grey() {
        let found = Decoded::read(CUT_OUT).unwrap();
        let opacity = found.opacity.expect("it is transparent");
        let opacity = [0, 8, 48 * 20 + 8].map(|pixel| 255.0 * opacity.shares()[pixel]);
        assert_eq!(opacity.map(f32::round), [0.0, 255.0, 128.0]);
        assert_eq!(found.picture.rgb()[3 * 8..3 * 9], [200, 30, 60]);
        let grey = Picture::decode(GREY).unwrap();
        assert_eq!((grey.width(), grey.height()), (48, 32));
        assert_eq!(grey.rgb()[..3], [84, 84, 84]);
    }

    #[test]
    fn a_jpeg_xl_that_is_cut_short_or_too_large_is_refused() {
        for whole in [TURNED_AND_WIDE, CUT_OUT, GREY] {
            let picture = Picture::decode(whole).unwrap();
            for length in 1..whole.len() {
                match Picture::decode(&whole[..length]) {
                    Ok(found) => assert_eq!(found, picture, "{length} bytes"),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
            let error = contents(whole, 100).err();
            assert!(matches!(error, Some(PictureError::TooLarge { .. })), "{error:?}");
        }
    }

    #[test]
    fn colours_that_were_multiplied_by_their_opacity_are_divided_by_it() {
        let mut samples = [100, 50, 0, 128, 9, 9, 9, 0, 200, 100, 1, 100];
        without_opacity(&mut samples, 4);
        assert_eq!(samples, [199, 99, 0, 128, 0, 0, 0, 0, 255, 255, 2, 100]);
    }
}
