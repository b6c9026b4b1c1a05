//! Which files are pictures that can be read, and what others are.

use image::ImageFormat;

/// Endings of names of files that can be read, in lower case.
pub const EXTENSIONS: [&str; 12] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff", "jxl"];

/// A kind that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By the decoder of the crate `image`: PNG, JPEG, WebP, GIF, BMP or TIFF.
    Usual(ImageFormat),
    JpegXl,
}

impl Kind {
    /// By the first bytes, whatever the file is called. What it looks like where it cannot be read, or nothing.
    ///
    /// AVIF cannot, for want of a decoder that is fit (November 2026). `rav1d`, the one in Rust, has only C's interface
    /// in what is released, through which a panic ends the program, and files that are damaged make it panic (its issue
    /// 1476); with them a batch would end. What was made of it (`rav1d-safe`) is under the AGPL, and `dav1d` and `aom`
    /// take a C library. HEIC takes HEVC, with patents.
    pub fn of(bytes: &[u8]) -> Result<Self, Option<&'static str>> {
        const USUAL: [ImageFormat; 6] = [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Gif,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
        ];
        /// TIFF of more than 4 GB, which is used for small files, too.
        const BIG_TIFF: [&[u8]; 2] = [b"II+\0", b"MM\0+"];
        /// Pixels by themselves, and in a container.
        const JPEG_XL: [&[u8]; 2] = [b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"];
        let begins = |starts: &[&[u8]]| starts.iter().any(|start| bytes.starts_with(start));
        match image::guess_format(bytes) {
            _ if begins(&BIG_TIFF) => Ok(Self::Usual(ImageFormat::Tiff)),
            _ if begins(&JPEG_XL) => Ok(Self::JpegXl),
            Ok(format) if USUAL.contains(&format) => Ok(Self::Usual(format)),
            _ => Err(looks_like(bytes)),
        }
    }
}

/// Names the kinds of files that people mistake for the ones we read.
fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let is = |names: &[&[u8]]| brands(bytes).any(|brand| names.contains(&brand));
    match bytes {
        // Both may say that they are of the general kind, and name their own behind it.
        _ if is(&[b"avif", b"avis"]) => Some("AVIF"),
        _ if is(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) => {
            Some("HEIC")
        }
        _ if bytes.starts_with(b"%PDF") => Some("PDF"),
        _ if bytes.trim_ascii_start().starts_with(b"<") => Some("SVG or HTML"),
        _ => None,
    }
}

/// What a file of the ISO base media format says that it is: first what it is above all.
fn brands(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    /// Its first box: the length, `ftyp`, a brand, a version, more brands.
    const VERSION: usize = 3;
    let box_of = |length: &[u8]| {
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        bytes.get(..length.min(bytes.len())).filter(|found| found.get(4..8) == Some(b"ftyp"))
    };
    let found = bytes.get(..4).and_then(box_of).unwrap_or_default();
    let words = found.chunks_exact(4).enumerate().skip(2);
    words.filter(|(at, _)| *at != VERSION).map(|(_, brand)| brand)
}

#[cfg(test)]
mod tests {
    use crate::picture::Picture;

    #[test]
    fn foreign_and_empty_files_are_named() {
        let message = |bytes: &[u8]| Picture::decode(bytes).unwrap_err().to_string();
        assert!(message(b"").contains("empty"));
        let foreign = "not a PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL picture;";
        assert!(message(b"hello").starts_with(foreign));
        assert!(message(b"\0\0\0\x18ftypheic\0\0\0\0").contains("looks like HEIC"));
        assert!(message(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic").contains("looks like HEIC"));
        assert!(message(b"\0\0\0\x18ftypavif\0\0\0\0").contains("looks like AVIF"));
        assert!(message(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif").contains("looks like AVIF"));
        // A film, and one whose version is no brand.
        assert!(message(b"\0\0\0\x14ftypmp42avifmp42").starts_with(foreign));
        assert!(message(b" <svg xmlns").contains("SVG"));
    }
}
