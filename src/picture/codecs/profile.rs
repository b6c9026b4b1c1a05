//! Colours of ICC profiles.

use image::{DynamicImage, RgbImage, RgbaImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

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
}
