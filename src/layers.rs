//! Building blocks that the networks share.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions, PadMode};
use burn::tensor::{Device, Tensor};

/// Added to variances before the square root or the division, so that flat areas stay finite.
pub const EPSILON: f64 = 1e-5;

/// A convolution whose input is padded by reflection so that the size stays the same: zeros at
/// the border would show as a frame in the picture.
#[derive(Module, Debug)]
pub struct Conv {
    /// Weight `[channels_out, channels_in, kernel, kernel]`, bias `[channels_out]`.
    pub conv: Conv2d,
}

impl Conv {
    /// A `kernel` x `kernel` convolution, `kernel` odd, with Kaiming initialization (He et al.,
    /// "Delving Deep into Rectifiers", 2015).
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Self {
        let conv = Conv2dConfig::new([channels_in, channels_out], [kernel, kernel])
            .with_initializer(Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false })
            .init(device);
        let bias = Tensor::zeros([channels_out], device);
        Self { conv: Conv2d { bias: Some(Param::from_tensor(bias)), ..conv } }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height, width]`; height and
    /// width must be larger than half the kernel.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(reflection_pad(x, self.conv.kernel_size[0] / 2))
    }
}

/// Mirrors `border` pixels outwards at every edge, the edge pixel itself not repeated.
pub fn reflection_pad(x: Tensor<4>, border: usize) -> Tensor<4> {
    match border {
        0 => x,
        b => x.pad((b, b, b, b), PadMode::Reflect),
    }
}

/// Mean and standard deviation of every channel, each `[batch, channels, 1, 1]`.
pub fn channel_statistics(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let [batch, channels, height, width] = x.dims();
    let flat = x.reshape([batch, channels, height * width]);
    let mean = flat.clone().mean_dim(2);
    let variance = (flat - mean.clone()).square().mean_dim(2);
    let shape = [batch, channels, 1, 1];
    (mean.reshape(shape), (variance + EPSILON).sqrt().reshape(shape))
}

/// Instance normalization without parameters: every channel of every picture to mean 0 and
/// standard deviation 1 (Ulyanov et al., "Improved Texture Networks", 2017).
pub fn instance_norm(x: Tensor<4>) -> Tensor<4> {
    let (mean, deviation) = channel_statistics(x.clone());
    (x - mean) / deviation
}

/// Instance normalization whose scale and shift are predicted from the style code (Dumoulin et
/// al., "A Learned Representation for Artistic Style", 2017; Ghiasi et al., "Exploring the
/// structure of a real-time, arbitrary neural artistic stylization network", 2017).
#[derive(Module, Debug)]
pub struct StyleNorm {
    /// Style code `[batch, code]` to `[batch, 2 * channels]`: scale - 1, then shift.
    pub affine: Linear,
}

impl StyleNorm {
    /// Starts close to plain instance normalization.
    pub fn new(code: usize, channels: usize, device: &Device) -> Self {
        let deviation = 0.2 / (code as f64).sqrt();
        let affine = LinearConfig::new(code, 2 * channels)
            .with_initializer(Initializer::Normal { mean: 0.0, std: deviation })
            .init(device);
        Self { affine }
    }

    /// `x`: `[batch, channels, height, width]`; `code`: `[batch, code]`.
    pub fn forward(&self, x: Tensor<4>, code: Tensor<2>) -> Tensor<4> {
        let [batch, channels, _, _] = x.dims();
        let affine = self.affine.forward(code).reshape([batch, 2 * channels, 1, 1]);
        let scale = affine.clone().narrow(1, 0, channels) + 1.0;
        let shift = affine.narrow(1, channels, channels);
        instance_norm(x) * scale + shift
    }
}

/// Convolution, style-modulated normalization, ReLU.
#[derive(Module, Debug)]
pub struct StyledConv {
    pub conv: Conv,
    pub norm: StyleNorm,
}

impl StyledConv {
    /// A 3 x 3 convolution between the given channels.
    pub fn new(channels_in: usize, channels_out: usize, code: usize, device: &Device) -> Self {
        Self {
            conv: Conv::new(channels_in, channels_out, 3, device),
            norm: StyleNorm::new(code, channels_out, device),
        }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height, width]`.
    pub fn forward(&self, x: Tensor<4>, code: Tensor<2>) -> Tensor<4> {
        relu(self.norm.forward(self.conv.forward(x), code))
    }
}

/// Two convolutions around which the input is carried unchanged (He et al., "Deep Residual
/// Learning for Image Recognition", 2016), both normalized by the style.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    pub first: StyledConv,
    pub second: Conv,
    pub norm: StyleNorm,
}

impl ResidualBlock {
    /// Keeps the number of channels.
    pub fn new(channels: usize, code: usize, device: &Device) -> Self {
        Self {
            first: StyledConv::new(channels, channels, code, device),
            second: Conv::new(channels, channels, 3, device),
            norm: StyleNorm::new(code, channels, device),
        }
    }

    /// `[batch, channels, height, width]` to the same shape.
    pub fn forward(&self, x: Tensor<4>, code: Tensor<2>) -> Tensor<4> {
        let y = self.first.forward(x.clone(), code.clone());
        x + self.norm.forward(self.second.forward(y), code)
    }
}

/// Twice the height and width by repeating pixels. Followed by a convolution it does not leave
/// the checkerboard of transposed convolutions (Odena et al., "Deconvolution and Checkerboard
/// Artifacts", 2016).
pub fn upsample(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let options =
        InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([2 * height, 2 * width]);
    interpolate(x, options)
}
