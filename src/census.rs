//! How much of the networks takes part: what never answers to any picture is dead weight.

use burn::tensor::Tensor;

use crate::kernels::EPSILON;
use crate::network::generator::{CODE, Generator};
use crate::network::layers::StyleNorm;
use crate::network::style::StyleStatistics;
use crate::network::vgg::VggConfig;
use crate::picture::Picture;
use crate::stylizer::{StylizeError, Stylizer};

/// Of some units, how many there are and how many are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// All of them.
    pub all: usize,
    /// That have the same value for all pictures, at all places.
    pub dead: usize,
}

/// Paintings that are made to see what residual blocks do.
const PAINTINGS: usize = 4;
/// The residual blocks of the generator.
const BLOCKS: usize = 4;

/// See [`Stylizer::census`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Census {
    /// Channels of the encoder's relu1_1 … relu4_1.
    pub channels: [Units; 4],
    /// Numbers of the style code.
    pub code: Units,
    /// By how much paintings would be other if a residual block of the generator added nothing: the mean over pixels, in
    /// 8-bit levels. What a block adds may be nothing beside what it is added to.
    pub blocks: [f32; BLOCKS],
}

impl Stylizer {
    /// Which channels of the encoder, and which numbers of the style code, never change over these
    /// pictures, of which there should be some dozens; bring them to
    /// [`STYLE_SIZE`](crate::STYLE_SIZE) first. And what the residual blocks do.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub fn census(&self, pictures: &[Picture]) -> Result<Census, StylizeError> {
        let rows = pictures.iter().map(|picture| self.encode_style(picture).statistics);
        let rows: Vec<StyleStatistics> = rows.collect();
        let numbers = |tensor: Tensor<2>| tensor.into_data().iter::<f32>().collect::<Vec<_>>();
        let (_, generator, _) = self.networks();
        let codes: Vec<_> = rows.iter().map(|row| numbers(generator.code(row.clone()))).collect();
        let deviations: Vec<_> = rows.iter().map(|row| row.deviations().map(numbers)).collect();

        let still = 1.01 * (EPSILON as f32).sqrt();
        let channels = std::array::from_fn(|level| {
            let all = VggConfig::slim().widths[level];
            let dead = |channel: &usize| deviations.iter().all(|row| row[level][*channel] <= still);
            Units { all, dead: (0..all).filter(dead).count() }
        });
        let length = codes.first().map_or(0, Vec::len);
        let spread = |index: usize| {
            let values = || codes.iter().map(|code| code[index]);
            values().fold(f32::MIN, f32::max) - values().fold(f32::MAX, f32::min)
        };
        let largest = (0..length).map(spread).fold(0.0, f32::max);
        let dead = (0..length).filter(|&index| spread(index) <= 1e-3 * largest).count();
        let mut blocks = [0.0; BLOCKS];
        let paint = |stylizer: &Self, photo: &Picture, style: &Picture| {
            let (content, style) = (stylizer.encode_content(photo), stylizer.encode_style(style));
            pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0))
        };
        let without: [_; BLOCKS] = std::array::from_fn(|index| self.without_block(index));
        let paintings = pictures.len().min(PAINTINGS);
        let pairs = pictures.iter().zip(pictures.iter().cycle().skip(1)).take(paintings);
        for (photo, style) in pairs {
            let whole = paint(self, photo, style)?;
            for (difference, without) in blocks.iter_mut().zip(&without) {
                let less = paint(without, photo, style)?;
                let apart = whole.rgb().iter().zip(less.rgb()).map(|(a, b)| a.abs_diff(*b));
                let sum: f32 = apart.map(f32::from).sum();
                *difference += sum / (whole.rgb().len() * paintings) as f32;
            }
        }
        Ok(Census { channels, code: Units { all: length, dead }, blocks })
    }

    /// The same networks, but for a residual block that adds nothing.
    fn without_block(&self, index: usize) -> Self {
        let (encoder, mut generator, device) = self.networks();
        let Generator { block_1, block_2, block_3, block_4, .. } = &mut generator;
        let blocks: [_; BLOCKS] = [block_1, block_2, block_3, block_4];
        let block = blocks.into_iter().nth(index).expect("one of the blocks");
        let [channels, ..] = block.second.conv.weight.dims();
        block.norm = StyleNorm::silent(CODE, channels, &device);
        Self::new(encoder, generator, &device)
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
            Stylizer::load(&bytes, &device).unwrap().census(&pictures).unwrap()
        };
        let whole = census(&[]);
        let all = [16, 32, 64, 128];
        assert!(whole.channels.iter().zip(all).all(|(units, all)| units.all == all), "{whole:?}");
        assert!(whole.channels.iter().all(|units| units.dead < units.all), "{whole:?}");
        assert!(whole.code.all == 192 && whole.code.dead < 96, "{whole:?}");

        let blind = census(&["encoder.conv4_1"]);
        assert_eq!(blind.channels[..3], whole.channels[..3]);
        assert_eq!(blind.channels[3], Units { all: 128, dead: 128 });
        // Without a scale nothing is left of what a block computes.
        let idle = census(&["generator.block_3.norm.affine", "generator.block_3.second"]);
        assert!(whole.blocks[2] > 0.0, "{whole:?}");
        assert_eq!(idle.blocks[2], 0.0);
        let mute = census(&["generator.code_2"]);
        assert_eq!((mute.channels, mute.code), (whole.channels, Units { all: 192, dead: 192 }));
    }
}
