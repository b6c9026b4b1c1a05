//! What a camera wrote beside the pixels (EXIF): carried from a photo to its painting.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Context, Field, In, Reader, Tag, Value};

/// Describes the pixels of the photo's file, which are not the painting's, or what nobody can look into: maker notes and
/// other kinds of metadata may say where a photo was taken. (www/page/metadata.js has the same list.)
const LEFT_OUT: [Tag; 17] = [
    Tag::Orientation,
    Tag::MakerNote,
    Tag::PixelXDimension,
    Tag::PixelYDimension,
    Tag::ImageWidth,
    Tag::ImageLength,
    Tag::Compression,
    Tag::PhotometricInterpretation,
    Tag::BitsPerSample,
    Tag::ColorSpace,
    OTHER_DIRECTORIES,
    XMP,
    IPTC,
    PHOTOSHOP,
    ICC_PROFILE,
    DNG_PRIVATE,
    SAFE_MAKER_NOTE,
];
const OTHER_DIRECTORIES: Tag = Tag(Context::Tiff, 330);
const XMP: Tag = Tag(Context::Tiff, 700);
const IPTC: Tag = Tag(Context::Tiff, 33723);
const PHOTOSHOP: Tag = Tag(Context::Tiff, 34377);
const ICC_PROFILE: Tag = Tag(Context::Tiff, 34675);
const DNG_PRIVATE: Tag = Tag(Context::Tiff, 50740);
const SAFE_MAKER_NOTE: Tag = Tag(Context::Tiff, 50741);
/// sRGB, as EXIF calls it.
const SRGB: u16 = 1;

/// The EXIF data of a photo: date, camera, copyright, and where it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(Vec<u8>);

impl Metadata {
    /// Of a chunk of EXIF data, as files have it, without what comes before its TIFF header. Nothing if there is none
    /// that can be read and that a painting could have too.
    pub(crate) fn of_exif(exif: &[u8]) -> Option<Self> {
        let (fields, _) = fields(exif)?;
        fields.iter().any(is_kept).then(|| Self(exif.to_vec()))
    }

    /// Whether it says where the photo was taken.
    pub fn has_place(&self) -> bool {
        fields(&self.0).is_some_and(|(fields, _)| fields.iter().any(is_place))
    }

    /// EXIF data for a painting of this size, which is upright and in sRGB; with the place of the photo only where it
    /// is asked for. Without the small picture of the photo that cameras add. Nothing if that leaves nothing.
    pub fn for_painting(&self, (width, height): (u32, u32), place: bool) -> Option<Vec<u8>> {
        let (mut fields, little_endian) = fields(&self.0)?;
        fields.retain(|field| is_kept(field) && (place || !is_place(field)));
        if fields.is_empty() {
            return None;
        }
        let says = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
        fields.extend([
            says(Tag::Orientation, Value::Short(vec![1])),
            says(Tag::ColorSpace, Value::Short(vec![SRGB])),
            says(Tag::PixelXDimension, Value::Long(vec![width])),
            says(Tag::PixelYDimension, Value::Long(vec![height])),
        ]);
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        let mut bytes = Cursor::new(Vec::new());
        // The photo's order: some texts are in it, too.
        writer.write(&mut bytes, little_endian).ok()?;
        Some(bytes.into_inner())
    }
}

/// What can be read of it, and whether numbers are little-endian; files with a damaged part keep the rest.
fn fields(exif: &[u8]) -> Option<(Vec<Field>, bool)> {
    let found = Reader::new().continue_on_error(true).read_raw(exif.to_vec());
    let found = match found {
        Ok(found) => found,
        Err(error) => error.distill_partial_result(|_| {}).ok()?,
    };
    Some((found.fields().cloned().collect(), found.little_endian()))
}

/// Not what is about the small picture, or left out.
fn is_kept(field: &Field) -> bool {
    let known = !matches!(field.value, Value::Unknown(..));
    known && field.ifd_num == In::PRIMARY && !LEFT_OUT.contains(&field.tag)
}

fn is_place(field: &Field) -> bool {
    field.tag.context() == Context::Gps
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of a photo that lies on its side, with a date, a camera, a copyright, a place, a maker's note and a small
    /// picture.
    pub fn exif() -> Vec<u8> {
        let text = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
        let says = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
        let fields = [
            says(Tag::Make, text("Kamera & Co")),
            says(Tag::Orientation, Value::Short(vec![6])),
            says(Tag::Copyright, text("(c) Somebody")),
            says(Tag::DateTimeOriginal, text("2026:05:01 12:00:00")),
            says(Tag::MakerNote, Value::Undefined(b"52.5N 13.4E".to_vec(), 0)),
            says(Tag::GPSLatitudeRef, text("N")),
            says(XMP, Value::Byte(b"<exif:GPSLatitude>52,31.2N".to_vec())),
            Field { tag: Tag::Make, ifd_num: In::THUMBNAIL, value: text("Kamera & Co") },
        ];
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        writer.set_jpeg(b"\xff\xd8 a small picture \xff\xd9", In::THUMBNAIL);
        let mut bytes = Cursor::new(Vec::new());
        writer.write(&mut bytes, false).unwrap();
        bytes.into_inner()
    }

    fn said(exif: &[u8]) -> Vec<(Tag, String)> {
        let fields = fields(exif).unwrap().0.into_iter();
        fields.map(|field| (field.tag, field.display_value().to_string())).collect()
    }

    #[test]
    fn date_camera_and_copyright_are_kept_and_the_place_if_asked_for() {
        let metadata = Metadata::of_exif(&exif()).unwrap();
        assert!(metadata.has_place());
        for place in [false, true] {
            let kept = metadata.for_painting((300, 200), place).unwrap();
            let said = said(&kept);
            let value =
                |tag: Tag| said.iter().find(|(found, _)| *found == tag).map(|(_, v)| v.as_str());
            assert_eq!(value(Tag::Make), Some("\"Kamera & Co\""));
            assert_eq!(value(Tag::Copyright), Some("\"(c) Somebody\""));
            assert_eq!(value(Tag::DateTimeOriginal), Some("2026-05-01 12:00:00"));
            assert_eq!(value(Tag::Orientation), Some("row 0 at top and column 0 at left"));
            assert_eq!(value(Tag::PixelXDimension), Some("300"));
            assert_eq!(value(Tag::GPSLatitudeRef).is_some(), place);
            assert_eq!(value(Tag::MakerNote), None);
            let found = |text: &[u8]| kept.windows(text.len()).any(|part| part == text);
            for part in [&b"small picture"[..], b"13.4E", b"GPSLatitude"] {
                assert!(!found(part), "{said:?}");
            }
        }
        let place_only = Metadata::of_exif(&metadata.for_painting((1, 1), false).unwrap());
        assert!(!place_only.unwrap().has_place());
    }

    #[test]
    fn what_is_no_metadata_is_none() {
        let whole = exif();
        assert_eq!(Metadata::of_exif(b""), None);
        // That it lies on its side is all that this one says.
        let turned = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        assert_eq!(Metadata::of_exif(turned), None);
        assert_eq!(Metadata::of_exif(b"II*\0 and then something else"), None);
        // Cut anywhere, and with any byte changed: something or nothing, but no panic.
        for length in 0..whole.len() {
            if let Some(found) = Metadata::of_exif(&whole[..length]) {
                found.for_painting((9, 9), true);
            }
            let mut changed = whole.clone();
            changed[length] ^= 0x5a;
            if let Some(found) = Metadata::of_exif(&changed) {
                found.for_painting((9, 9), true);
            }
        }
    }
}
