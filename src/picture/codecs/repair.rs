//! Files that are right, or nearly, and that the decoders do not take as they are.

/// A BMP file that says that its pixels begin within its palette, with the right place: decoders that believe it show
/// colours as pixels. Nothing for any other.
pub fn behind_palette(bytes: &[u8]) -> Option<Vec<u8>> {
    /// Where the header says where the pixels are, and the places of numbers behind that.
    const PIXELS: usize = 10;
    const SIZE: usize = 14;
    const BITS: usize = 28;
    const LENGTH: usize = 34;
    const COLOURS: usize = 46;
    let number =
        |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let (pixels, size, bits) = (number(PIXELS)?, number(SIZE)?, number(BITS)? & 0xffff);
    // Older headers have other places, and larger pixels no palette.
    if size < 40 || ![1, 2, 4, 8].contains(&bits) {
        return None;
    }
    let colours = match number(COLOURS)? {
        0 => 1 << bits,
        colours => colours.min(1 << bits),
    };
    let end = SIZE.checked_add(size)?.checked_add(4 * colours)?;
    // A palette may be shorter than it should be: then the pixels would not fit behind where it should end.
    if pixels >= end || end.checked_add(number(LENGTH)?)? != bytes.len() {
        return None;
    }
    let mut mended = bytes.to_vec();
    mended[PIXELS..PIXELS + 4].copy_from_slice(&u32::try_from(end).ok()?.to_le_bytes());
    Some(mended)
}

/// A WebP file whose header promises metadata that are not there, which decoders refuse, without the promises; nothing
/// for any other.
pub fn without_empty_promises(bytes: &[u8]) -> Option<Vec<u8>> {
    /// Flags of the extended header, and the chunks that they are about.
    const PROMISES: [(u8, &[u8]); 3] = [(0x20, b"ICCP"), (0x08, b"EXIF"), (0x04, b"XMP ")];
    const FLAGS: usize = 20;
    let flags = *bytes.get(FLAGS).filter(|_| bytes.get(12..16) == Some(b"VP8X"))?;
    let mut kept = flags & !PROMISES.iter().fold(0, |all, (flag, _)| all | flag);
    let mut at = 12;
    while let (Some(name), Some(length)) = (bytes.get(at..at + 4), bytes.get(at + 4..at + 8)) {
        let found = PROMISES.iter().find(|(_, chunk)| *chunk == name);
        kept |= found.map_or(0, |(flag, _)| flags & flag);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        at = at.checked_add(8 + length.next_multiple_of(2))?;
    }
    (kept != flags).then(|| {
        let mut bytes = bytes.to_vec();
        bytes[FLAGS] = kept;
        bytes
    })
}

#[cfg(test)]
mod tests {
    use crate::picture::Picture;

    #[test]
    fn the_palette_of_a_bmp_is_none_of_its_pixels() {
        let file = |pixels: u32, gap: usize| {
            let mut bytes = b"BM".to_vec();
            // The file's size, nothing, where the pixels are; then a header for 4 x 1 pixels of 8 bits and two colours.
            for value in [66 + gap as u32, 0, pixels, 40, 4, 1, 8 << 16 | 1, 0, 4, 0, 0, 2, 0] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.extend([10, 20, 30, 0, 200, 210, 220, 0]);
            bytes.extend(vec![0; gap]);
            bytes.extend([1, 0, 1, 1]);
            Picture::decode(&bytes).unwrap()
        };
        let (dark, bright) = ([30, 20, 10], [220, 210, 200]);
        let expected = [bright, dark, bright, bright].concat();
        assert_eq!(file(62, 0).rgb(), expected);
        assert_eq!(file(54, 0).rgb(), expected, "where the palette begins");
        assert_eq!(file(70, 8).rgb(), expected, "behind what is neither");
    }
}
