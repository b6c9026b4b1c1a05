//! The convolutions of a stylization, for measuring.

#![allow(dead_code, reason = "each benchmark is a crate of its own and takes a part of this")]

use burn::tensor::{Device, Distribution, Tensor};
use impasto::kernels::{Border, Source, convolve};

/// A convolution of the encoder or the generator.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    pub name: &'static str,
    pub channels_in: usize,
    pub channels_out: usize,
    pub kernel: usize,
    /// How often the picture has been halved where the output is.
    pub halvings: u32,
    /// Whether the input is enlarged while it is read.
    pub upsample: bool,
    /// How many such layers there are.
    pub count: usize,
}

const fn layer(name: &'static str, channels: [usize; 2], halvings: u32, count: usize) -> Layer {
    let [channels_in, channels_out] = channels;
    Layer { name, channels_in, channels_out, kernel: 3, halvings, upsample: false, count }
}

const fn enlarging(layer: Layer) -> Layer {
    Layer { upsample: true, ..layer }
}

const fn pointwise(layer: Layer) -> Layer {
    Layer { kernel: 1, ..layer }
}

/// In the order in which the photo passes them. The tests of `impasto info` hold the same shapes.
pub const LAYERS: [Layer; 20] = [
    layer("conv1_1", [3, 16], 0, 1),
    layer("conv1_2", [16, 16], 0, 1),
    layer("conv2_1", [16, 32], 1, 1),
    layer("conv2_2", [32, 32], 1, 1),
    layer("conv3_1", [32, 64], 2, 1),
    layer("conv3_2, 3_3", [64, 64], 2, 2),
    layer("conv4_1", [64, 128], 3, 1),
    pointwise(layer("noise_1", [2, 128], 3, 1)),
    layer("block_1, 2", [128, 128], 3, 4),
    layer("conv_1", [128, 64], 3, 1),
    pointwise(layer("skip", [64, 64], 2, 1)),
    pointwise(layer("noise_2", [2, 64], 2, 1)),
    layer("block_3", [64, 64], 2, 2),
    layer("conv_2", [64, 24], 2, 1),
    pointwise(layer("fine_skip", [32, 24], 1, 1)),
    pointwise(layer("noise_3", [2, 24], 1, 1)),
    layer("conv_3", [24, 24], 1, 1),
    layer("conv_4", [24, 16], 1, 1),
    enlarging(layer("conv_5", [16, 16], 0, 1)),
    layer("conv_6", [16, 3], 0, 1),
];

impl Layer {
    /// Multiply-accumulate operations on a square picture.
    pub fn multiplications(&self, side: u32) -> u64 {
        let area = u64::from(side >> self.halvings).pow(2);
        (self.channels_in * self.channels_out * self.kernel * self.kernel) as u64 * area
    }

    /// That must at least be read and written, of features and weights, in f32.
    pub fn bytes(&self, side: u32) -> u64 {
        let area = u64::from(side >> self.halvings).pow(2) as usize;
        let read = area * self.channels_in / if self.upsample { 4 } else { 1 };
        let weights = self.channels_in * self.channels_out * self.kernel * self.kernel;
        4 * (read + area * self.channels_out + weights) as u64
    }

    /// A closure that computes the layer on random values.
    pub fn work(&self, side: u32, device: &Device) -> impl Fn() -> Tensor<4> + use<> {
        let random = |shape: [usize; 4]| {
            Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), device)
        };
        let inner = (side >> self.halvings >> u32::from(self.upsample)) as usize;
        let input = random([1, self.channels_in, inner, inner]);
        let weight = random([self.channels_out, self.channels_in, self.kernel, self.kernel]);
        let bias = Tensor::<1>::zeros([self.channels_out], device);
        let upsample = self.upsample;
        move || {
            let input = Source { upsample, ..input.clone().into() };
            convolve(input, weight.clone(), bias.clone(), Border::Reflection, true, None)
        }
    }
}
