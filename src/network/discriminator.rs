//! The discriminator: the probability that a picture is a real painting.

use burn::module::{Initializer, Module, Param};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{leaky_relu, sigmoid};
use burn::tensor::ops::PadMode;
use burn::tensor::{DType, Device, Distribution, Tensor};

use crate::kernels::{self, Border};
use crate::network::style::STATISTICS;

/// Side of the kernels.
const KERNEL: usize = 4;
const SLOPE: f64 = 0.2;
const TINY: f64 = 1e-12;

/// A convolution whose weight is divided by its largest singular value, which keeps the
/// discriminator's gradients bounded (Miyato et al., "Spectral Normalization for Generative
/// Adversarial Networks", 2018).
#[derive(Module, Debug)]
pub struct SpectralConv {
    /// Weight `[channels_out, channels_in, kernel, kernel]`, not yet divided.
    pub conv: Conv2d,
    /// Estimate of the first left singular vector of the weight as a matrix, `[channels_out]`.
    pub singular: Param<Tensor<1>>,
}

impl SpectralConv {
    /// `stride` 1 or 2; the kernel is 4 x 4, with one line and column of zeros around the input.
    pub fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let conv = Conv2dConfig::new(channels, [KERNEL; 2])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_initializer(Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false })
            .init(device);
        let start = Tensor::random([channels[1]], Distribution::Normal(0.0, 1.0), device);
        let singular = Param::from_tensor(unit(start)).set_require_grad(false);
        Self { conv, singular }
    }

    fn matrix(&self) -> Tensor<2> {
        let weight = self.conv.weight.val();
        let [rows, ..] = weight.dims();
        weight.flatten::<2>(1, 3).reshape([rows as i32, -1])
    }

    /// One step of power iteration; call once a training step.
    pub fn refine(mut self) -> Self {
        let matrix = self.matrix().detach();
        let left = self.singular.val().detach().unsqueeze_dim::<2>(1);
        let right = unit(matrix.clone().transpose().matmul(left));
        let left = unit(matrix.matmul(right)).squeeze_dim::<1>(1);
        self.singular = self.singular.map(|_| left).set_require_grad(false);
        self
    }

    /// The largest singular value, `[1, 1]`, differentiable in the weight.
    pub fn largest_singular_value(&self) -> Tensor<2> {
        let matrix = self.matrix();
        let left = self.singular.val().detach().unsqueeze_dim::<2>(1);
        let right = unit(matrix.clone().detach().transpose().matmul(left.clone()));
        left.transpose().matmul(matrix).matmul(right)
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height', width']`, in the precision
    /// of `x`.
    ///
    /// The patches under the kernel become channels of a 1 x 1 convolution, whose gradients are a matrix
    /// product: burn computes that of a strided kernel with one as large as the picture.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.conv.weight.val() / self.largest_singular_value().reshape([1, 1, 1, 1]);
        let [outputs, channels, ..] = weight.dims();
        let [stride, _] = self.conv.stride;
        let x = x.pad((1, 1, 1, 1), PadMode::Constant(0.0));
        // With stride 2, four neighbours become the channels of one place, which has a 2 x 2 kernel left.
        let x = if stride == 2 { joined(x) } else { x };
        let kernel = KERNEL / stride;
        let [_, deep, height, width] = x.dims();
        let size = [height + 1 - kernel, width + 1 - kernel];
        let places = (0..kernel * kernel).map(|place| [place / kernel, place % kernel]);
        let seen =
            places.map(|[top, left]| x.clone().narrow(2, top, size[0]).narrow(3, left, size[1]));
        let patches = Tensor::cat(seen.collect(), 1);
        // Output, line and column of the place, line and column within it, channel.
        let weight = weight
            .reshape([outputs, channels, kernel, stride, kernel, stride])
            .permute([0, 2, 4, 3, 5, 1])
            .reshape([outputs, kernel * kernel * deep, 1, 1]);
        let bias = self.conv.bias.as_ref().map(Param::val);
        let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &weight.device()));
        kernels::convolve(patches, weight, bias, Border::Zero, false, None)
    }
}

/// The four pixels of each square of 2 x 2 as channels of one: `[batch, channels, height, width]` to
/// `[batch, 4 channels, height / 2, width / 2]`, rounded down.
fn joined(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (lines, columns) = (height / 2, width / 2);
    let whole = x.narrow(2, 0, 2 * lines).narrow(3, 0, 2 * columns);
    let split: Tensor<6> = whole.reshape([batch, channels, lines, 2, columns, 2]);
    split.permute([0, 3, 5, 1, 2, 4]).reshape([batch, 4 * channels, lines, columns])
}

fn unit<const D: usize>(vector: Tensor<D>) -> Tensor<D> {
    let length = vector.clone().square().sum().sqrt() + TINY;
    vector / length.reshape([1; D])
}

/// A patch discriminator (Isola et al., "Image-to-Image Translation with Conditional Adversarial
/// Networks", 2017): one judgement for each patch of 46 x 46 pixels, which is told the style that it should
/// be painted in (Miyato and Koyama, "cGANs with Projection Discriminator", 2018).
#[derive(Module, Debug)]
pub struct Discriminator {
    /// 3 to 32 channels, at 1/2 of the size.
    pub conv_1: SpectralConv,
    /// 32 to 64 channels, at 1/4.
    pub conv_2: SpectralConv,
    /// 64 to 128 channels, at 1/8.
    pub conv_3: SpectralConv,
    /// 128 channels to the judgement.
    pub conv_4: SpectralConv,
    /// Standardized style statistics to what is looked for in features, `[batch, 480]` to `[batch, 128]`.
    pub projection: Linear,
}

impl Discriminator {
    /// Freshly initialized.
    pub fn new(device: &Device) -> Self {
        Self {
            conv_1: SpectralConv::new([3, 32], 2, device),
            conv_2: SpectralConv::new([32, 64], 2, device),
            conv_3: SpectralConv::new([64, 128], 2, device),
            conv_4: SpectralConv::new([128, 1], 1, device),
            projection: LinearConfig::new(STATISTICS, 128)
                .with_bias(false)
                .with_initializer(Initializer::Zeros)
                .init(device),
        }
    }

    /// Sharpens the estimates of the singular values; call once a training step.
    pub fn refine(self) -> Self {
        Self {
            conv_1: self.conv_1.refine(),
            conv_2: self.conv_2.refine(),
            conv_3: self.conv_3.refine(),
            conv_4: self.conv_4.refine(),
            projection: self.projection,
        }
    }

    /// One logit a patch, `[batch, 1, height / 8 - 1, width / 8 - 1]`, computed in the pictures' precision.
    ///
    /// `pictures`: `[batch, 3, height, width]`, RGB in 0..1, sides at least 16; `style`: the standardized
    /// statistics of what they should be like, `[batch, 480]`, see
    /// [`Generator::standardized`](crate::network::generator::Generator::standardized).
    pub fn logits(&self, pictures: Tensor<4>, style: Tensor<2>) -> Tensor<4> {
        let x = leaky_relu(self.conv_1.forward(pictures * 2.0 - 1.0), SLOPE);
        let x = leaky_relu(self.conv_2.forward(x), SLOPE);
        let x = leaky_relu(self.conv_3.forward(x), SLOPE);
        let logits = self.conv_4.forward(x.clone());
        let [batch, _, height, width] = logits.dims();
        let wanted = self.projection.forward(style).reshape([batch as i32, -1, 1, 1]);
        let wanted = wanted.cast(x.dtype());
        // Features have a line and a column more than judgements.
        let agreement = (x * wanted).mean_dim(1).narrow(2, 0, height).narrow(3, 0, width);
        (logits + agreement).cast(DType::F32)
    }

    /// The probability that each picture is a real painting, `[batch]`: the mean over its patches.
    pub fn probability(&self, pictures: Tensor<4>, style: Tensor<2>) -> Tensor<1> {
        let patches = sigmoid(self.logits(pictures, style));
        let [batch, ..] = patches.dims();
        patches.reshape([batch as i32, -1]).mean_dim(1).squeeze_dim::<1>(1)
    }
}
