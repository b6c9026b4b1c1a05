//! Changes to the colours of crops.
//!
//! Collections of paintings are mostly brown: without strong changes to the styles' colours the
//! generator learns one average palette.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a crop is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A photo: mild changes.
    Content,
    /// A style picture: strong changes.
    Style,
}

/// Changes RGB8 pixels in place; `much` in 0..=1 is how far it goes.
pub fn augment(rgb: &mut [u8], role: Role, much: f64, rng: &mut ChaCha8Rng) {
    let (less, more, shift, permute, invert) = match role {
        Role::Content => (0.15, 0.2, 0.06, 0.0, 0.0),
        Role::Style => (0.2, 0.6, 0.15, 0.5, 0.05),
    };
    let contrast = 1.0 - less * much..=1.0 + more * much;
    let [shift, permute, invert] = [shift, permute, invert].map(|most: f64| most * much);
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let order = match rng.random_bool(permute) {
        true => ORDERS[rng.random_range(0..ORDERS.len())],
        false => ORDERS[0],
    };
    let invert = rng.random_bool(invert);
    let contrast = rng.random_range(contrast);
    let mut mean = [0f64; 3];
    for pixel in rgb.chunks_exact(3) {
        for (mean, &value) in mean.iter_mut().zip(pixel) {
            *mean += f64::from(value);
        }
    }
    let pixels = (rgb.len() / 3).max(1) as f64;
    // One table a channel: contrast about the channel's mean, then the shift.
    let tables: [[u8; 256]; 3] = std::array::from_fn(|channel| {
        let mean = mean[channel] / pixels;
        let shift = 255.0 * rng.random_range(-shift..=shift);
        std::array::from_fn(|value| {
            let value = mean + contrast * (value as f64 - mean) + shift;
            let value = value.round().clamp(0.0, 255.0) as u8;
            if invert { 255 - value } else { value }
        })
    });
    for pixel in rgb.chunks_exact_mut(3) {
        let old = [pixel[0], pixel[1], pixel[2]];
        for (new, &channel) in pixel.iter_mut().zip(&order) {
            *new = tables[channel][usize::from(old[channel])];
        }
    }
}
