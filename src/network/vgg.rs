//! The VGG-19 encoder (Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale
//! Image Recognition", 2015): pixels to features.
//!
//! One definition, two widths. [`VggConfig::full`] carries the ImageNet weights and measures
//! perceptual losses in training; [`VggConfig::slim`] is distilled from it and runs at inference.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::kernels::{Border, Source, pool};
use crate::network::layers::{convolve, new_convolution};

/// Mean of the RGB channels of ImageNet, as the Oxford weights have it, in 0..1.
pub const MEAN: [f32; 3] = [123.68 / 255.0, 116.779 / 255.0, 103.939 / 255.0];
/// Standard deviation of the RGB channels of ImageNet, in 0..1.
pub const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A convolution of VGG-19, and the ReLU behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VggLayer {
    /// As in the paper: `convBLOCK_NUMBER`.
    pub name: &'static str,
    /// Channels that go in.
    pub channels_in: usize,
    /// Channels that come out.
    pub channels_out: usize,
}

impl VggLayer {
    /// Whether the picture is halved before it: it is the first of a block that is not the first.
    pub fn halved(&self) -> bool {
        self.name.ends_with("_1") && self.channels_in > 3
    }
}

/// VGG-19 to conv5_1, the last layer that anything here looks at.
pub const VGG_19: [VggLayer; 13] = {
    const fn layer(name: &'static str, channels_in: usize, channels_out: usize) -> VggLayer {
        VggLayer { name, channels_in, channels_out }
    }
    [
        layer("conv1_1", 3, 64),
        layer("conv1_2", 64, 64),
        layer("conv2_1", 64, 128),
        layer("conv2_2", 128, 128),
        layer("conv3_1", 128, 256),
        layer("conv3_2", 256, 256),
        layer("conv3_3", 256, 256),
        layer("conv3_4", 256, 256),
        layer("conv4_1", 256, 512),
        layer("conv4_2", 512, 512),
        layer("conv4_3", 512, 512),
        layer("conv4_4", 512, 512),
        layer("conv5_1", 512, 512),
    ]
};

/// Width, depth and border treatment of a [`VggEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VggConfig {
    /// Channels of blocks 1 to 4; block 5 has as many as block 4.
    pub widths: [usize; 4],
    /// Whether conv3_4 and the layers from conv4_2 to conv5_1 exist: all of VGG-19 to there. Without them
    /// block 3 is VGG-16's.
    pub relu5_1: bool,
    /// Reflection (as in the generator) or zeros (as the ImageNet weights were trained).
    pub reflect: bool,
}

impl VggConfig {
    /// VGG-19 itself, 12.9 million parameters to conv5_1.
    pub const fn full() -> Self {
        Self { widths: [64, 128, 256, 512], relu5_1: true, reflect: false }
    }

    /// A quarter of the width, to relu4_1.
    pub const fn slim() -> Self {
        Self { widths: [16, 32, 64, 128], relu5_1: false, reflect: true }
    }

    /// Freshly initialized weights.
    pub fn init(&self, device: &Device) -> VggEncoder {
        let [w1, w2, w3, w4] = self.widths;
        let conv = |channels_in, channels_out| {
            let start = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false };
            let config = Conv2dConfig::new([channels_in, channels_out], [3, 3]);
            let conv = new_convolution(&config.with_initializer(start), device);
            let bias = Tensor::zeros([channels_out], device);
            Conv2d { bias: Some(Param::from_tensor(bias)), ..conv }
        };
        let deep = || self.relu5_1.then(|| conv(w4, w4));
        VggEncoder {
            conv1_1: conv(3, w1),
            conv1_2: conv(w1, w1),
            conv2_1: conv(w1, w2),
            conv2_2: conv(w2, w2),
            conv3_1: conv(w2, w3),
            conv3_2: conv(w3, w3),
            conv3_3: conv(w3, w3),
            conv3_4: self.relu5_1.then(|| conv(w3, w3)),
            conv4_1: conv(w3, w4),
            conv4_2: deep(),
            conv4_3: deep(),
            conv4_4: deep(),
            conv5_1: deep(),
            reflect: self.reflect,
        }
    }
}

/// The encoder. Weights are `[channels_out, channels_in, 3, 3]`.
#[expect(missing_docs, reason = "layers, named as in the paper")]
#[derive(Module, Debug)]
pub struct VggEncoder {
    pub conv1_1: Conv2d,
    pub conv1_2: Conv2d,
    pub conv2_1: Conv2d,
    pub conv2_2: Conv2d,
    pub conv3_1: Conv2d,
    pub conv3_2: Conv2d,
    pub conv3_3: Conv2d,
    pub conv3_4: Option<Conv2d>,
    pub conv4_1: Conv2d,
    pub conv4_2: Option<Conv2d>,
    pub conv4_3: Option<Conv2d>,
    pub conv4_4: Option<Conv2d>,
    pub conv5_1: Option<Conv2d>,
    reflect: bool,
}

/// What the encoder sees in a batch of pictures: the activations after the first convolution of
/// every block.
#[derive(Debug, Clone)]
pub struct Features {
    /// `[batch, width 1, height, width]`
    pub relu1_1: Tensor<4>,
    /// `[batch, width 2, height / 2, width / 2]`
    pub relu2_1: Tensor<4>,
    /// `[batch, width 3, height / 4, width / 4]`
    pub relu3_1: Tensor<4>,
    /// `[batch, width 4, height / 8, width / 8]`
    pub relu4_1: Tensor<4>,
}

impl Features {
    /// From shallow to deep.
    pub fn levels(self) -> [Tensor<4>; 4] {
        [self.relu1_1, self.relu2_1, self.relu3_1, self.relu4_1]
    }
}

impl VggEncoder {
    /// Of which relu1_1 … relu4_1 are so many times as large, and say the same.
    #[cfg(feature = "train")]
    pub fn scaled(self, factors: [f32; 4]) -> Self {
        let [f1, f2, f3, f4] = factors;
        let scaled = |conv: Conv2d, before: f32, behind: f32| Conv2d {
            weight: conv.weight.map(|weight| weight * (behind / before)),
            bias: conv.bias.map(|bias| bias.map(|bias| bias * behind)),
            ..conv
        };
        let deep = |conv: Option<Conv2d>| conv.map(|conv| scaled(conv, f4, f4));
        Self {
            conv1_1: scaled(self.conv1_1, 1.0, f1),
            conv1_2: scaled(self.conv1_2, f1, f1),
            conv2_1: scaled(self.conv2_1, f1, f2),
            conv2_2: scaled(self.conv2_2, f2, f2),
            conv3_1: scaled(self.conv3_1, f2, f3),
            conv3_2: scaled(self.conv3_2, f3, f3),
            conv3_3: scaled(self.conv3_3, f3, f3),
            conv3_4: self.conv3_4.map(|conv| scaled(conv, f3, f3)),
            conv4_1: scaled(self.conv4_1, f3, f4),
            conv4_2: deep(self.conv4_2),
            conv4_3: deep(self.conv4_3),
            conv4_4: deep(self.conv4_4),
            conv5_1: deep(self.conv5_1),
            reflect: self.reflect,
        }
    }

    /// The convolutions to relu4_1 of an encoder without conv3_4, in order.
    pub const TO_RELU4_1: [&str; 8] =
        ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1"];

    /// `pictures`: `[batch, 3, height, width]`, RGB in 0..1; height and width multiples of 8.
    /// Features have the pictures' precision.
    pub fn forward(&self, pictures: Tensor<4>) -> Features {
        self.run(pictures, |_| ())
    }

    /// The features, and the largest value of each channel after each convolution, `[channels]`.
    #[cfg(feature = "cli")]
    pub fn peaks(&self, pictures: Tensor<4>) -> (Features, Vec<Tensor<1>>) {
        let mut peaks = Vec::new();
        let features = self.run(pictures, |x| {
            let channels = x.dims()[1];
            let x = x.clone().detach().max_dim(0).max_dim(2).max_dim(3);
            peaks.push(x.reshape([channels]));
        });
        (features, peaks)
    }

    /// `see` is shown what comes after each convolution.
    fn run(&self, pictures: Tensor<4>, mut see: impl FnMut(&Tensor<4>)) -> Features {
        let mut layer = |conv: &Conv2d, x: Source| {
            let x = self.layer(conv, x);
            see(&x);
            x
        };
        let relu1_1 = layer(&self.conv1_1, normalize(pictures));
        let relu1_2 = layer(&self.conv1_2, relu1_1.clone().into());
        let relu2_1 = layer(&self.conv2_1, pool(relu1_2).into());
        let relu2_2 = layer(&self.conv2_2, relu2_1.clone().into());
        let relu3_1 = layer(&self.conv3_1, pool(relu2_2).into());
        let relu3_2 = layer(&self.conv3_2, relu3_1.clone().into());
        let relu3_3 = layer(&self.conv3_3, relu3_2.into());
        let last = match &self.conv3_4 {
            Some(conv3_4) => layer(conv3_4, relu3_3.into()),
            None => relu3_3,
        };
        let relu4_1 = layer(&self.conv4_1, pool(last).into());
        Features { relu1_1, relu2_1, relu3_1, relu4_1 }
    }

    /// relu5_1 `[batch, width 4, height / 16, width / 16]` from relu4_1, or nothing where the
    /// encoder ends at relu4_1.
    pub fn relu5_1(&self, relu4_1: Tensor<4>) -> Option<Tensor<4>> {
        let relu4_2 = self.layer(self.conv4_2.as_ref()?, relu4_1);
        let relu4_3 = self.layer(self.conv4_3.as_ref()?, relu4_2);
        let relu4_4 = self.layer(self.conv4_4.as_ref()?, relu4_3);
        Some(self.layer(self.conv5_1.as_ref()?, pool(relu4_4)))
    }

    fn layer(&self, conv: &Conv2d, x: impl Into<Source>) -> Tensor<4> {
        let border = if self.reflect { Border::Reflection } else { Border::Zero };
        convolve(conv, x, border, true, None)
    }
}

/// RGB in 0..1, `[batch, 3, height, width]`, to be read minus [`MEAN`], over [`DEVIATION`].
pub fn normalize(pictures: Tensor<4>) -> Source {
    let [batch, ..] = pictures.dims();
    let scale = DEVIATION.map(f32::recip);
    let shift = [0, 1, 2].map(|channel| -MEAN[channel] / DEVIATION[channel]);
    let affine = TensorData::new([scale, shift].concat(), [1, 2, 3]);
    let affine = Tensor::<3>::from_data(affine, &pictures.device()).repeat_dim(0, batch);
    Source { affine: Some(affine), ..pictures.into() }
}

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_encoder_says_the_same() {
        let device = crate::device::cpu();
        let encoder = VggConfig::slim().init(&device);
        let values: Vec<f32> = (0..3 * 24 * 16).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
        let picture = Tensor::from_data(TensorData::new(values, [1, 3, 24, 16]), &device);
        let factors = [0.5, 3.0, 1e-3, 20.0];
        let scaled = encoder.clone().scaled(factors).forward(picture.clone()).levels();
        for ((found, plain), factor) in
            scaled.into_iter().zip(encoder.forward(picture).levels()).zip(factors)
        {
            let expected = plain * factor;
            let largest = expected.clone().abs().max().into_scalar::<f32>();
            let off = (found - expected).abs().max().into_scalar::<f32>();
            assert!(largest > 0.0 && off <= 1e-5 * largest, "{off} of {largest} at {factor}");
        }
    }
}
