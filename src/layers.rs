//! Building blocks that the networks share.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, PadMode};
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
        convolve(&self.conv, reflection_pad(x, self.conv.kernel_size[0] / 2))
    }
}

/// The convolution in the precision of `x`: training computes in bf16 where that is faster, with
/// the weights themselves in f32.
pub fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let precision = x.dtype();
    let padding = match conv.padding {
        PaddingConfig2d::Explicit(top, left, _, _) => [top, left],
        PaddingConfig2d::Valid | PaddingConfig2d::Same => [0, 0],
    };
    let options = ConvOptions::new(conv.stride, padding, conv.dilation, conv.groups);
    let bias = conv.bias.as_ref().map(|bias| bias.val().cast(precision));
    conv2d(x, conv.weight.val().cast(precision), bias, options)
}

/// Mirrors `border` pixels outwards at every edge, the edge pixel itself not repeated.
///
/// No gradient flows back from the mirrored pixels: they are few, and it would cost more than the
/// convolution does.
pub fn reflection_pad(x: Tensor<4>, border: usize) -> Tensor<4> {
    if border == 0 {
        return x;
    }
    if !is_trained(&x) {
        return x.pad((border, border, border, border), PadMode::Reflect);
    }
    [2, 3].into_iter().fold(x, |x, axis| {
        let length = x.dims()[axis];
        let mirrored = |start| x.clone().detach().narrow(axis, start, border).flip([axis as isize]);
        let (before, after) = (mirrored(1), mirrored(length - 1 - border));
        Tensor::cat(vec![before, x, after], axis)
    })
}

/// Whether gradients are to flow back through these features. Builds for the browser cannot train.
fn is_trained(x: &Tensor<4>) -> bool {
    #[cfg(feature = "cli")]
    return x.is_tracked();
    #[cfg(not(feature = "cli"))]
    {
        let _ = x;
        false
    }
}

/// Mean and standard deviation of every channel, each `[batch, channels, 1, 1]`.
pub fn channel_statistics(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let (_, mean, deviation) = centred(x);
    (mean, deviation)
}

/// Instance normalization without parameters: every channel of every picture to mean 0 and
/// standard deviation 1 (Ulyanov et al., "Improved Texture Networks", 2017).
pub fn instance_norm(x: Tensor<4>) -> Tensor<4> {
    let (centred, _, deviation) = centred(x);
    centred * deviation.recip()
}

/// Every channel minus its mean, and its mean and standard deviation, `[batch, channels, 1, 1]`.
fn centred(x: Tensor<4>) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
    let [batch, channels, height, width] = x.dims();
    let (shape, flat) = ([batch, channels, 1, 1], [batch, channels, height * width]);
    let mean = x.clone().reshape(flat).mean_dim(2).reshape(shape);
    let centred = x - mean.clone();
    let variance = centred.clone().square().reshape(flat).mean_dim(2).reshape(shape);
    (centred, mean, (variance + EPSILON).sqrt())
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
        let affine = affine.cast(x.dtype());
        let scale = affine.clone().narrow(1, 0, channels) + 1.0;
        let shift = affine.narrow(1, channels, channels);
        let (centred, _, deviation) = centred(x);
        centred * (scale / deviation) + shift
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
