//! Large pictures in pieces, so that memory does not grow with them.
//!
//! Normalizations must see the same statistics in every tile, or tiles would differ in contrast and
//! colour: they take those of a thumbnail (Chen et al., "Towards Ultra-Resolution Neural Style
//! Transfer via Thumbnail Instance Normalization", 2022). Beyond that a pixel depends only on its
//! neighbourhood, which every tile sees whole: tiles meet without seams.

use crate::picture::Rect;

/// Largest number of pixels painted in one piece: the largest features, 16 channels in
/// f32, then still fit the 128 MiB that WebGPU promises for a buffer.
pub const WHOLE: u64 = 1 << 20;
/// Long side of the thumbnail, in pixels.
pub const THUMBNAIL: u32 = 1024;
/// Side of the squares that the picture is cut into.
const TILE: u32 = 768;
/// What a tile sees beyond each of its edges. Encoder and generator together look at most 116 pixels
/// far: 2 + 4 + 12 + 8 in the encoder's blocks, 48 + 16 + 6 + 2 in the generator at 1/8, 1/4, 1/2 and full
/// size, 8 + 4 + 2 where it interpolates, and 4 where colours are blurred.
const HALO: u32 = 120;

/// A piece of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What is painted.
    pub inner: Rect,
    /// What the networks see for it. Its corners are multiples of 8, it may reach beyond the
    /// picture's right and lower edge by up to 7 pixels.
    pub outer: Rect,
}

/// The tiles of a picture of this size, row by row.
pub fn grid(width: u32, height: u32) -> Vec<Tile> {
    let spans = |length: u32| -> Vec<[u32; 4]> {
        (0..length)
            .step_by(TILE as usize)
            .map(|from| {
                let to = (from + TILE).min(length);
                let end = (to.next_multiple_of(8) + HALO).min(length.next_multiple_of(8));
                [from, to - from, from.saturating_sub(HALO), end]
            })
            .collect()
    };
    let columns = spans(width);
    spans(height)
        .into_iter()
        .flat_map(|[top, tall, outer_top, outer_bottom]| {
            columns.iter().map(move |&[left, wide, outer_left, outer_right]| Tile {
                inner: Rect { left, top, width: wide, height: tall },
                outer: Rect {
                    left: outer_left,
                    top: outer_top,
                    width: outer_right - outer_left,
                    height: outer_bottom - outer_top,
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_a_picture_once_and_see_enough() {
        let (width, height) = (2003, 1500);
        let tiles = grid(width, height);
        assert_eq!(tiles.len(), 6);
        let area: u64 =
            tiles.iter().map(|t| u64::from(t.inner.width) * u64::from(t.inner.height)).sum();
        assert_eq!(area, u64::from(width) * u64::from(height));
        for Tile { inner, outer } in tiles {
            assert!([outer.left, outer.top, outer.width, outer.height].iter().all(|x| x % 8 == 0));
            let reach = |inner_from: u32, inner_length: u32, from: u32, length: u32, end: u32| {
                assert!(from == 0 || inner_from - from >= HALO);
                let (inner_end, outer_end) = (inner_from + inner_length, from + length);
                assert!(outer_end == end.next_multiple_of(8) || outer_end - inner_end >= HALO);
            };
            reach(inner.left, inner.width, outer.left, outer.width, width);
            reach(inner.top, inner.height, outer.top, outer.height, height);
        }
    }
}
