//! Colours of ICC profiles.

use image::{DynamicImage, RgbImage, RgbaImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Whether it is of cyan, magenta, yellow and black.
pub fn is_of_inks(profile: &[u8]) -> bool {
    let profile = ColorProfile::new_from_slice(profile);
    profile.is_ok_and(|profile| profile.color_space == DataColorSpace::Cmyk)
}

/// In sRGB, from the inks (four bytes a pixel, 255 for all of it) of an ICC profile. Nothing where it is damaged.
pub fn inks_to_srgb(
    inks: &[u8],
    (width, height): (u32, u32),
    profile: &[u8],
) -> Option<DynamicImage> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    // What four channels are called, too.
    let (from, to) = (Layout::Rgba, Layout::Rgb);
    let transform = profile.create_transform_8bit(from, &srgb, to, options).ok()?;
    let mut found = vec![0; inks.len() / from.channels() * to.channels()];
    transform.transform(inks, &mut found).ok()?;
    RgbImage::from_raw(width, height, found).map(DynamicImage::from)
}

/// In sRGB, from the colours of an ICC profile. A profile that is damaged, or is for other channels than these, is
/// passed over, as programs do that show pictures.
pub fn to_srgb(pixels: DynamicImage, profile: &[u8]) -> DynamicImage {
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

#[cfg(test)]
mod tests {
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;
    use crate::picture::Picture;
    use crate::picture::codecs::tests::CMYK_JPEG;

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

    /// For CMYK: all colours are white but those with cyan, which are grey, as no formula would have it.
    fn odd_inks() -> Vec<u8> {
        const POINTS: usize = 2;
        let mut lut = b"mft1\0\0\0\0".to_vec();
        lut.extend([4, 3, POINTS as u8, 0]);
        // A matrix that is not used, then straight lines for the inks.
        let one = |on: bool| u32::to_be_bytes(if on { 1 << 16 } else { 0 });
        lut.extend((0..9).flat_map(|at| one(at % 4 == 0)));
        lut.extend((0..4).flat_map(|_| 0..=u8::MAX));
        // The first ink varies slowest. Lab has 100 for 255 and 0 for 128.
        let (white, grey) = ([255, 128, 128], [128, 128, 128]);
        lut.extend([white; 8].concat());
        lut.extend([grey; 8].concat());
        lut.extend((0..3).flat_map(|_| 0..=u8::MAX));
        const HEADER: usize = 128;
        let mut profile = vec![0; HEADER];
        let mut put =
            |at: usize, bytes: &[u8]| profile[at..at + bytes.len()].copy_from_slice(bytes);
        put(8, &[2, 0x40, 0, 0]);
        put(12, b"prtrCMYKLab ");
        put(36, b"acsp");
        // The light that profiles meet in: D50.
        put(68, &[0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d]);
        let start = (HEADER + 4 + 12) as u32;
        profile.extend(1u32.to_be_bytes());
        profile.extend(
            [b"A2B0".as_slice(), &start.to_be_bytes(), &(lut.len() as u32).to_be_bytes()].concat(),
        );
        profile.extend(lut);
        let length = (profile.len() as u32).to_be_bytes();
        profile[..4].copy_from_slice(&length);
        profile
    }

    #[test]
    fn inks_become_what_their_profile_says() {
        let with = |profile: &[u8]| {
            let chunk = [b"ICC_PROFILE\0\x01\x01", profile].concat();
            let length = (chunk.len() as u16 + 2).to_be_bytes();
            let (start, rest) = CMYK_JPEG.split_at(2);
            let file = [start, b"\xff\xe2", &length, &chunk, rest].concat();
            let picture = Picture::decode(&file).unwrap();
            [4, 28].map(|x: usize| picture.rgb()[3 * x..3 * x + 3].to_vec())
        };
        let [cyan, red] = with(&odd_inks());
        assert!(cyan.iter().all(|value| value.abs_diff(119) < 6), "{cyan:?}");
        assert!(red.iter().all(|value| *value > 245), "{red:?}");
        // One that is damaged is passed over.
        let [cyan, red] = with(&odd_inks()[..300]);
        assert!(cyan[0] < 12 && cyan[1] > 243 && red[0] > 243 && red[1] < 12, "{cyan:?} {red:?}");
    }
}
