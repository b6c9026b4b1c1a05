//! How much of the networks takes part: what never answers to any picture is dead weight.

use burn::tensor::Tensor;

use crate::kernels::EPSILON;
use crate::network::style::StyleStatistics;
use crate::network::vgg::VggConfig;
use crate::picture::Picture;
use crate::stylizer::Stylizer;

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
    use crate::weights::{self, Metadata};

    #[test]
    fn what_never_changes_is_counted() {
        let device = crate::device::cpu();
        // Stripes of several widths and colours.
        let picture = |seed: u32| {
            let places = (0..64 * 64u32).map(|place| (place % 64, place / 64));
            let values = places.flat_map(|(x, y)| {
                [0, 1, 2].map(|channel| ((x / (1 + seed) + y * channel + seed) % 5 * 50) as u8)
            });
            Picture::new(64, 64, values.collect()).expect("three values for every pixel")
        };
        let pictures: Vec<_> = (0..4).map(picture).collect();
        let census = |without: &[&str]| {
            let (mut tensors, _) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
            for tensor in &mut tensors {
                if without.iter().any(|name| tensor.name.starts_with(name)) {
                    tensor.values.fill(0.0);
                }
            }
            let bytes = weights::serialize(&tensors, &Metadata::new()).unwrap();
            Stylizer::load(&bytes, &device).unwrap().census(&pictures)
        };
        let whole = census(&[]);
        let all = [16, 32, 64, 128];
        assert!(whole.channels.iter().zip(all).all(|(units, all)| units.all == all), "{whole:?}");
        assert!(whole.channels.iter().all(|units| units.dead < units.all), "{whole:?}");
        assert!(whole.code.all == 192 && whole.code.dead < 96, "{whole:?}");

        let blind = census(&["encoder.conv4_1"]);
        assert_eq!(blind.channels[..3], whole.channels[..3]);
        assert_eq!(blind.channels[3], Units { all: 128, dead: 128 });
        let mute = census(&["generator.code_2"]);
        assert_eq!((mute.channels, mute.code), (whole.channels, Units { all: 192, dead: 192 }));
    }
}
