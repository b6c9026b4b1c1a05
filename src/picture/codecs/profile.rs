//! Colours of ICC profiles, and of PNG files that say theirs in numbers.

use image::{DynamicImage, ImageBuffer, RgbImage, RgbaImage};
use moxcms::{
    Chromaticity, ColorPrimaries, ColorProfile, DataColorSpace, Layout, TransformOptions,
    curve_from_gamma,
};

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
    match ColorProfile::new_from_slice(profile) {
        Ok(profile) => converted(&pixels, &profile).unwrap_or(pixels),
        Err(_) => pixels,
    }
}

/// In sRGB, from the colours that a PNG file without a profile says that it has: a gamma, and perhaps primaries.
pub fn png_to_srgb(pixels: DynamicImage, file: &[u8]) -> DynamicImage {
    let Some(gamma) = gamma_of_png(file) else { return pixels };
    let profile = match pixels.color().has_color() {
        false => ColorProfile::new_gray_with_gamma(gamma.exponent),
        true => {
            let mut profile = ColorProfile::new_srgb();
            let curve = Some(curve_from_gamma(gamma.exponent));
            profile.red_trc = curve.clone();
            profile.green_trc = curve.clone();
            profile.blue_trc = curve;
            profile.cicp = None;
            if let Some([white, red, green, blue]) = gamma.colours {
                profile
                    .update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
            }
            profile
        }
    };
    converted(&pixels, &profile).unwrap_or(pixels)
}

/// What the values of a PNG file mean.
struct Gamma {
    exponent: f32,
    /// White, red, green and blue.
    colours: Option<[Chromaticity; 4]>,
}

/// Nothing where the file has a better description, none, or one of sRGB.
fn gamma_of_png(file: &[u8]) -> Option<Gamma> {
    /// Numbers are 100,000 times as large.
    const ONE: f32 = 100_000.0;
    const SRGB_GAMMA: f32 = 0.45455;
    const SRGB_COLOURS: [f32; 8] = [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];
    const NEARLY: f32 = 0.001;
    let (mut gamma, mut colours) = (None, None);
    let mut at = 8;
    while let (Some(length), Some(name)) = (file.get(at..at + 4), file.get(at + 4..at + 8)) {
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let content = file.get(at + 8..(at + 8).checked_add(length)?)?;
        let number = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.try_into().ok()?) as f32 / ONE);
        match name {
            b"iCCP" | b"sRGB" | b"cICP" => return None,
            b"gAMA" => gamma = number(content),
            b"cHRM" => colours = content.chunks(4).map(number).collect::<Option<Vec<_>>>(),
            b"IDAT" => break,
            _ => {}
        }
        at += 12 + length;
    }
    let gamma = gamma.filter(|gamma| (0.1..=10.0).contains(gamma))?;
    let near = |a: &f32, b: f32| (a - b).abs() < NEARLY;
    let colours = colours.filter(|colours| colours.len() == SRGB_COLOURS.len());
    let colours =
        colours.filter(|colours| !colours.iter().zip(SRGB_COLOURS).all(|(a, b)| near(a, b)));
    let sane = |colours: &Vec<f32>| {
        colours.iter().all(|value| (0.0..=1.0).contains(value)) && colours[1] > 0.0
    };
    let colours = colours.filter(sane).map(|colours| {
        std::array::from_fn(|at| Chromaticity { x: colours[2 * at], y: colours[2 * at + 1] })
    });
    let is_srgb = near(&gamma, SRGB_GAMMA) && colours.is_none();
    (!is_srgb).then_some(Gamma { exponent: 1.0 / gamma, colours })
}

/// Nothing where the profile is for other channels.
fn converted(pixels: &DynamicImage, profile: &ColorProfile) -> Option<DynamicImage> {
    let kind = pixels.color();
    let (grey, alpha) = (!kind.has_color(), kind.has_alpha());
    let fits = match profile.color_space {
        DataColorSpace::Rgb => !grey,
        DataColorSpace::Gray => grey,
        _ => false,
    };
    if !fits {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let (from, to) = match (grey, alpha) {
        (false, false) => (Layout::Rgb, Layout::Rgb),
        (false, true) => (Layout::Rgba, Layout::Rgba),
        (true, false) => (Layout::Gray, Layout::Rgb),
        (true, true) => (Layout::GrayAlpha, Layout::Rgba),
    };
    let (width, height) = (pixels.width(), pixels.height());
    let length = to.channels() * width as usize * height as usize;
    // Dark values of a linear picture are few in 8 bits.
    if usize::from(kind.bytes_per_pixel()) > from.channels() {
        let source = match (grey, alpha) {
            (false, false) => pixels.to_rgb16().into_raw(),
            (false, true) => pixels.to_rgba16().into_raw(),
            (true, false) => pixels.to_luma16().into_raw(),
            (true, true) => pixels.to_luma_alpha16().into_raw(),
        };
        let transform = profile.create_transform_16bit(from, &srgb, to, options).ok()?;
        let mut found = vec![0; length];
        transform.transform(&source, &mut found).ok()?;
        return match alpha {
            true => ImageBuffer::from_raw(width, height, found).map(DynamicImage::ImageRgba16),
            false => ImageBuffer::from_raw(width, height, found).map(DynamicImage::ImageRgb16),
        };
    }
    let source = match (grey, alpha) {
        (false, false) => pixels.to_rgb8().into_raw(),
        (false, true) => pixels.to_rgba8().into_raw(),
        (true, false) => pixels.to_luma8().into_raw(),
        (true, true) => pixels.to_luma_alpha8().into_raw(),
    };
    let transform = profile.create_transform_8bit(from, &srgb, to, options).ok()?;
    let mut found = vec![0; length];
    transform.transform(&source, &mut found).ok()?;
    match alpha {
        true => RgbaImage::from_raw(width, height, found).map(DynamicImage::from),
        false => RgbImage::from_raw(width, height, found).map(DynamicImage::from),
    }
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

    /// A PNG file of one colour, with chunks before its pixels.
    fn png(pixel: DynamicImage, chunks: &[(&[u8; 4], &[u32])]) -> Vec<u8> {
        let plain = crate::picture::codecs::tests::png(pixel);
        let (head, rest) = plain.split_at(33);
        let mut file = head.to_vec();
        for (name, numbers) in chunks {
            file.extend((4 * numbers.len() as u32).to_be_bytes());
            let content: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
            let named = [&name[..], &content].concat();
            file.extend_from_slice(&named);
            file.extend(crc32fast::hash(&named).to_be_bytes());
        }
        [&file, rest].concat()
    }

    #[test]
    fn the_gamma_of_a_png_is_honoured() {
        let rgb = |file: &[u8]| Picture::decode(file).unwrap().rgb().to_vec();
        let linear: (&[u8; 4], &[u32]) = (b"gAMA", &[100_000]);
        let usual: (&[u8; 4], &[u32]) = (b"gAMA", &[45_455]);
        let near = |found: Vec<u8>, expected: [u8; 3]| {
            let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(near, "{found:?}, not {expected:?}");
        };
        // A fifth and a five-hundredth of the light, and what that is in sRGB; in 8 bits the latter would be 13 or 0.
        let deep = ImageBuffer::from_pixel(1, 1, image::Rgb([13_107u16, 131, 65_535]));
        near(rgb(&png(deep.into(), &[linear])), [124, 7, 255]);
        let grey = ImageBuffer::from_pixel(1, 1, image::Luma([51u8]));
        near(rgb(&png(grey.clone().into(), &[linear])), [124; 3]);
        near(rgb(&png(grey.clone().into(), &[usual])), [51; 3]);
        // What says sRGB comes first.
        near(rgb(&png(grey.into(), &[(b"sRGB", &[]), linear])), [51; 3]);
        // Display P3's primaries.
        let wide: [u32; 8] = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];
        let colour = ImageBuffer::from_pixel(1, 1, image::Rgb([100u8, 150, 200]));
        let found = rgb(&png(colour.clone().into(), &[(b"cHRM", &wide), usual]));
        assert!(found[0].abs_diff(83) < 4 && found[2].abs_diff(205) < 4, "{found:?}");
        let srgb: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
        near(rgb(&png(colour.into(), &[(b"cHRM", &srgb), usual])), [100, 150, 200]);
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
