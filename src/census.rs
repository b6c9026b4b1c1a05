//! How much of the networks takes part: what never answers to any picture is dead weight.

use burn::tensor::Tensor;

use crate::layers::EPSILON;
use crate::picture::Picture;
use crate::style::StyleStatistics;
use crate::stylizer::Stylizer;
use crate::vgg::VggConfig;

/// Of some units, how many there are and how many are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    pub all: usize,
    /// That have the same value for all pictures, at all places.
    pub dead: usize,
}

/// See [`Stylizer::census`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Channels of the encoder's relu1_1 … relu4_1.
    pub channels: [Units; 4],
    /// Numbers of the style code.
    pub code: Units,
}

impl Stylizer {
    /// Which channels of the encoder, and which numbers of the style code, never change over these
    /// pictures, of which there should be some dozens; bring them to
    /// [`STYLE_SIZE`](crate::STYLE_SIZE) first.
    pub fn census(&self, pictures: &[Picture]) -> Census {
        let rows = pictures.iter().map(|picture| self.encode_style(picture).statistics);
        let rows: Vec<StyleStatistics> = rows.collect();
        let numbers = |tensor: Tensor<2>| tensor.into_data().iter::<f32>().collect::<Vec<_>>();
        let codes: Vec<_> =
            rows.iter().map(|row| numbers(self.generator().code(row.clone()))).collect();
        let rows: Vec<_> = rows.into_iter().map(|row| numbers(row.0)).collect();

        let mut start = 0;
        let channels = VggConfig::slim().widths.map(|width| {
            // Behind the means are the deviations within each picture.
            let deviations = start + width..start + 2 * width;
            start += 2 * width;
            let still = 1.01 * (EPSILON as f32).sqrt();
            let dead = |channel: usize| rows.iter().all(|row| row[channel] <= still);
            Units { all: width, dead: deviations.filter(|&channel| dead(channel)).count() }
        });
        let length = codes.first().map_or(0, Vec::len);
        let spread = |index: usize| {
            let values = || codes.iter().map(|code| code[index]);
            values().fold(f32::MIN, f32::max) - values().fold(f32::MAX, f32::min)
        };
        let largest = (0..length).map(spread).fold(0.0, f32::max);
        let dead = (0..length).filter(|&index| spread(index) <= 1e-3 * largest).count();
        Census { channels, code: Units { all: length, dead } }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    /// Noise, stripes and gradients in several colours.
    fn pictures() -> Vec<Picture> {
        let picture = |seed: u32| {
            let pixels = (0..64 * 64u32).flat_map(|place| {
                let (x, y) = (place % 64, place / 64);
                [0, 1, 2].map(|channel| {
                    let hash = (place ^ seed).wrapping_mul(2_654_435_761).rotate_left(channel * 7);
                    match (seed + channel) % 4 {
                        0 => hash >> 24,
                        1 => x * 4,
                        2 => (x / (1 + seed) + y) % 2 * 255,
                        _ => y * (seed % 5),
                    }
                })
            });
            let rgb = pixels.map(|value| value.min(255) as u8).collect();
            Picture::new(64, 64, rgb).expect("three values for every pixel")
        };
        (0..12).map(picture).collect()
    }

    #[test]
    fn what_is_shipped_is_alive() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let Census { channels, code } = stylizer.census(&pictures());
        println!("{channels:?} {code:?}");
        for units in channels.into_iter().chain([code]) {
            assert!(units.dead * 50 <= units.all, "{channels:?} {code:?}");
        }
    }
}
