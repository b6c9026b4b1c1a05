//! Frames and their times, as ffmpeg reads them from a pipe: Matroska without compression (RFC 9559).

use std::io::{Result, Write};

/// The numbers of elements, with the bits that say how long they are.
mod element {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const DOC_TYPE: u32 = 0x4282;
    pub const DOC_TYPE_VERSION: u32 = 0x4287;
    pub const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const INFO: u32 = 0x1549_A966;
    pub const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub const MUXING_APP: u32 = 0x4D80;
    pub const WRITING_APP: u32 = 0x5741;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const TRACK_ENTRY: u32 = 0xAE;
    pub const TRACK_NUMBER: u32 = 0xD7;
    pub const TRACK_UID: u32 = 0x73C5;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const DEFAULT_DURATION: u32 = 0x23_E383;
    pub const CODEC_ID: u32 = 0x86;
    pub const VIDEO: u32 = 0xE0;
    pub const PIXEL_WIDTH: u32 = 0xB0;
    pub const PIXEL_HEIGHT: u32 = 0xBA;
    pub const FOUR_CC: u32 = 0x2E_B524;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const TIMESTAMP: u32 = 0xE7;
    pub const BLOCK_GROUP: u32 = 0xA0;
    pub const BLOCK: u32 = 0xA1;
    pub const BLOCK_DURATION: u32 = 0x9B;
}

/// In which unit times are, in nanoseconds: microseconds.
const UNIT: u64 = 1000;
/// ffmpeg's name for three bytes a pixel.
const RGB24: [u8; 4] = *b"RGB\x18";
/// Of a thing that goes on as long as the pipe.
const UNKNOWN_LENGTH: [u8; 8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

/// Writes what comes before the frames. `nanoseconds`: how long a frame usually lasts.
pub fn write_header(out: &mut impl Write, size: (u32, u32), nanoseconds: u64) -> Result<()> {
    let mut ebml = Vec::new();
    put(&mut ebml, element::DOC_TYPE, b"matroska");
    put_number(&mut ebml, element::DOC_TYPE_VERSION, 4);
    put_number(&mut ebml, element::DOC_TYPE_READ_VERSION, 2);
    let mut info = Vec::new();
    put_number(&mut info, element::TIMESTAMP_SCALE, UNIT);
    put(&mut info, element::MUXING_APP, b"impasto");
    put(&mut info, element::WRITING_APP, b"impasto");
    let mut video = Vec::new();
    put_number(&mut video, element::PIXEL_WIDTH, size.0.into());
    put_number(&mut video, element::PIXEL_HEIGHT, size.1.into());
    put(&mut video, element::FOUR_CC, &RGB24);
    let mut track = Vec::new();
    put_number(&mut track, element::TRACK_NUMBER, 1);
    put_number(&mut track, element::TRACK_UID, 1);
    put_number(&mut track, element::TRACK_TYPE, 1);
    put_number(&mut track, element::DEFAULT_DURATION, nanoseconds);
    put(&mut track, element::CODEC_ID, b"V_UNCOMPRESSED");
    put(&mut track, element::VIDEO, &video);
    let mut tracks = Vec::new();
    put(&mut tracks, element::TRACK_ENTRY, &track);

    let mut header = Vec::new();
    put(&mut header, element::EBML, &ebml);
    put_id(&mut header, element::SEGMENT);
    header.extend(UNKNOWN_LENGTH);
    put(&mut header, element::INFO, &info);
    put(&mut header, element::TRACKS, &tracks);
    out.write_all(&header)
}

/// Writes a frame, `[red, green, blue]` a pixel, that is shown from `start` on, in microseconds.
pub fn write_frame(out: &mut impl Write, start: u64, lasts: u64, rgb: &[u8]) -> Result<()> {
    // Track 1, at the cluster's own time, without flags.
    const BLOCK_HEAD: [u8; 4] = [0x81, 0, 0, 0];
    let mut timestamp = Vec::new();
    put_number(&mut timestamp, element::TIMESTAMP, start);
    let mut duration = Vec::new();
    put_number(&mut duration, element::BLOCK_DURATION, lasts);
    // All lengths are known before, so that the pixels need not be copied.
    let block_length = BLOCK_HEAD.len() + rgb.len();
    let mut block = Vec::new();
    put_id(&mut block, element::BLOCK);
    put_length(&mut block, block_length);
    block.extend(BLOCK_HEAD);
    let group_length = block.len() + rgb.len() + duration.len();
    let mut group = Vec::new();
    put_id(&mut group, element::BLOCK_GROUP);
    put_length(&mut group, group_length);
    let mut cluster = Vec::new();
    put_id(&mut cluster, element::CLUSTER);
    put_length(&mut cluster, timestamp.len() + group.len() + group_length);
    for part in [&cluster, &timestamp, &group, &block, rgb, &duration] {
        out.write_all(part)?;
    }
    Ok(())
}

fn put(out: &mut Vec<u8>, id: u32, content: &[u8]) {
    put_id(out, id);
    put_length(out, content.len());
    out.extend(content);
}

fn put_number(out: &mut Vec<u8>, id: u32, number: u64) {
    let unused = (number.leading_zeros() / 8).min(7) as usize;
    put(out, id, &number.to_be_bytes()[unused..]);
}

fn put_id(out: &mut Vec<u8>, id: u32) {
    let unused = (id.leading_zeros() / 8) as usize;
    out.extend(&id.to_be_bytes()[unused..]);
}

/// Always in eight bytes.
fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend((1 << 56 | length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements within some bytes, by their numbers.
    fn read(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = bytes[0].leading_zeros() as usize + 1;
            let id = bytes[..length].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
            bytes = &bytes[length..];
            assert_eq!(bytes[0], 1, "eight bytes of length");
            let size: [u8; 8] = bytes[..8].try_into().unwrap();
            let known = size != UNKNOWN_LENGTH;
            let size = u64::from_be_bytes(size) - (1 << 56);
            bytes = &bytes[8..];
            let size = if known { size as usize } else { bytes.len() };
            found.push((id, &bytes[..size]));
            bytes = &bytes[size..];
        }
        found
    }

    #[test]
    fn lengths_are_those_of_what_is_inside() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, (2, 1), 40_000_000).unwrap();
        write_frame(&mut bytes, 70_000, 300, &[1, 2, 3, 4, 5, 6]).unwrap();
        write_frame(&mut bytes, 70_300, 40_000, &[6, 5, 4, 3, 2, 1]).unwrap();
        let [(element::EBML, _), (element::SEGMENT, segment)] = read(&bytes)[..] else {
            panic!("{bytes:?}")
        };
        let [(element::INFO, _), (element::TRACKS, tracks), first, second] = read(segment)[..]
        else {
            panic!("{segment:?}")
        };
        let [(element::TRACK_ENTRY, track)] = read(tracks)[..] else { panic!("{tracks:?}") };
        let video = read(track).into_iter().find(|(id, _)| *id == element::VIDEO).unwrap().1;
        assert_eq!(read(video)[..2], [(0xB0, &[2][..]), (0xBA, &[1][..])]);
        for ((id, cluster), start, lasts, rgb) in
            [(first, 70_000, 300, [1, 2, 3, 4, 5, 6]), (second, 70_300, 40_000, [6, 5, 4, 3, 2, 1])]
        {
            assert_eq!(id, element::CLUSTER);
            let [(element::TIMESTAMP, time), (element::BLOCK_GROUP, group)] = read(cluster)[..]
            else {
                panic!("{cluster:?}")
            };
            let [(element::BLOCK, block), (element::BLOCK_DURATION, duration)] = read(group)[..]
            else {
                panic!("{group:?}")
            };
            let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
            assert_eq!((number(time), number(duration)), (start, lasts));
            assert_eq!(block[4..], rgb);
        }
    }
}
