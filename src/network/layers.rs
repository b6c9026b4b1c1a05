//! Building blocks that the networks share.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::kernels::{self, Activation, Border, Goal, Source};
use crate::network::noise::PLANES;

/// Brings numbers to mean 0 and covariance 1 over styles, while networks learn.
#[derive(Module, Debug)]
pub struct Whitener {
    /// What is taken off, `[length]`.
    pub mean: Param<Tensor<1>>,
    /// What the rest is multiplied with, `[length, length]`.
    pub map: Param<Tensor<2>>,
}

impl Whitener {
    /// Changes nothing. Not trained.
    pub fn new(length: usize, device: &Device) -> Self {
        Self {
            mean: Param::from_tensor(Tensor::zeros([length], device)).set_require_grad(false),
            map: Param::from_tensor(Tensor::eye(length, device)).set_require_grad(false),
        }
    }

    /// `[batch, length]` to the same.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let rows = rows - self.mean.val().unsqueeze::<2>();
        kernels::linear(rows, self.map.val(), None, Activation::None)
    }
}

/// A convolution whose input is padded by reflection so that the size stays the same: zeros at
/// the border would show as a frame in the picture.
#[derive(Module, Debug)]
pub struct Conv {
    /// Weight `[channels_out, channels_in, kernel, kernel]`, bias `[channels_out]`.
    pub conv: Conv2d,
}

impl Conv {
    /// A `kernel` x `kernel` convolution, `kernel` 1 or 3, with Kaiming initialization (He et al.,
    /// "Delving Deep into Rectifiers", 2015).
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Self {
        let start = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false };
        Self::with_initializer(start, channels_in, channels_out, kernel, device)
    }

    /// The same, with weights of 0: it adds nothing before it has learned to.
    pub fn silent(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Self {
        Self::with_initializer(Initializer::Zeros, channels_in, channels_out, kernel, device)
    }

    fn with_initializer(
        start: Initializer,
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        device: &Device,
    ) -> Self {
        let config = Conv2dConfig::new([channels_in, channels_out], [kernel, kernel]);
        let conv = new_convolution(&config.with_initializer(start), device);
        let bias = Tensor::zeros([channels_out], device);
        Self { conv: Conv2d { bias: Some(Param::from_tensor(bias)), ..conv } }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height, width]`; height and
    /// width must be larger than half the kernel.
    pub fn forward(&self, x: impl Into<Source>) -> Tensor<4> {
        convolve(&self.conv, x, Border::Reflection, false, None)
    }

    /// The same, plus `other`.
    pub fn forward_onto(&self, other: Source, x: impl Into<Source>) -> Tensor<4> {
        convolve(&self.conv, x, Border::Reflection, false, Some(other))
    }
}

/// A convolution with weights to start training from.
///
/// A build for the browser only ever loads weights, and the code of all of burn's initializers would be
/// a quarter of the download (one of them factorizes matrices): there it has zeros.
pub fn new_convolution(config: &Conv2dConfig, device: &Device) -> Conv2d {
    #[cfg(not(target_arch = "wasm32"))]
    return config.init(device);
    #[cfg(target_arch = "wasm32")]
    {
        let [channels_in, channels_out] = config.channels;
        let [height, width] = config.kernel_size;
        let shape = [channels_out, channels_in / config.groups, height, width];
        Conv2d {
            weight: Param::from_tensor(Tensor::zeros(shape, device)),
            bias: config.bias.then(|| Param::from_tensor(Tensor::zeros([channels_out], device))),
            stride: config.stride,
            kernel_size: config.kernel_size,
            dilation: config.dilation,
            groups: config.groups,
            padding: config.padding.clone(),
        }
    }
}

/// A linear map with weights to start training from; in the browser with zeros, as [`new_convolution`].
pub fn new_linear(config: &LinearConfig, device: &Device) -> Linear {
    #[cfg(not(target_arch = "wasm32"))]
    return config.init(device);
    #[cfg(target_arch = "wasm32")]
    {
        let zeros = Tensor::zeros([config.d_input, config.d_output], device);
        let bias = || Param::from_tensor(Tensor::zeros([config.d_output], device));
        Linear { weight: Param::from_tensor(zeros), bias: config.bias.then(bias) }
    }
}

/// The [convolution](kernels::convolve) with the parameters of a module.
pub fn convolve(
    conv: &Conv2d,
    x: impl Into<Source>,
    border: Border,
    relu: bool,
    residual: Option<Source>,
) -> Tensor<4> {
    kernels::convolve(x, conv.weight.val(), bias_of(conv), border, relu, residual)
}

/// The bias of a convolution, or zeros.
fn bias_of(conv: &Conv2d) -> Tensor<1> {
    match &conv.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([conv.weight.dims()[0]], &conv.weight.device()),
    }
}

/// The [linear map](kernels::linear) with the parameters of a module.
pub fn linear(layer: &Linear, rows: Tensor<2>, activation: Activation) -> Tensor<2> {
    kernels::linear(rows, layer.weight.val(), bias(layer), activation)
}

fn bias(layer: &Linear) -> Option<Tensor<1>> {
    layer.bias.as_ref().map(Param::val)
}

/// Instance normalization without parameters: every channel of every picture to mean 0 and
/// standard deviation 1 (Ulyanov et al., "Improved Texture Networks", 2017).
pub fn instance_norm(x: Tensor<4>) -> Tensor<4> {
    let affine = kernels::normalization(x.clone(), Goal::Unit);
    Source { affine: Some(affine), ..x.into() }.read()
}

/// Where normalizations take the statistics of the features from.
#[derive(Debug)]
pub enum Norms<'a> {
    /// From the features themselves.
    Own,
    /// From a run of the same network on other features, whose maps these are.
    Given(std::vec::IntoIter<Tensor<3>>),
    /// From the features and from runs before, for [`Norms::Given`] and for the frames of a film.
    Smoothed(&'a mut Smoothing),
}

/// The affine maps of a network's normalizations as moving averages over the frames of a film, so that
/// something bright that enters the picture does not change all of it at once (ReReVST, Wang et al.,
/// "Consistent Video Style Transfer via Relaxation and Regularization", 2020, share them over a sequence).
#[derive(Debug, Clone, Default)]
pub struct Smoothing {
    /// In the order of the network.
    maps: Vec<Tensor<3>>,
    next: usize,
    /// How much the next run counts, in 0..=1.
    rate: f32,
}

impl Smoothing {
    /// Begins the next run, which counts so much: 1 forgets all before it.
    pub fn begin(&mut self, rate: f32) {
        self.rate = rate;
        self.next = 0;
    }

    /// The averages, in the order of the network.
    pub fn maps(&self) -> &[Tensor<3>] {
        &self.maps
    }

    fn smoothed(&mut self, own: Tensor<3>) -> Tensor<3> {
        let index = self.next;
        self.next += 1;
        match self.maps.get(index) {
            Some(before) if self.rate < 1.0 => {
                self.maps[index] = kernels::smoothed(before.clone(), own, self.rate);
            }
            Some(_) => self.maps[index] = own,
            None => self.maps.push(own),
        }
        self.maps[index].clone()
    }
}

impl Norms<'_> {
    /// The features normalized as [`kernels::normalization`] does it, when they are read.
    pub fn apply(&mut self, features: Tensor<4>, goal: Goal) -> Source {
        let own = || kernels::normalization(features.clone(), goal);
        let affine = match self {
            Self::Own => own(),
            Self::Given(given) => given.next().expect("maps from a run of the same network"),
            Self::Smoothed(smoothing) => smoothing.smoothed(own()),
        };
        Source { affine: Some(affine), ..features.into() }
    }
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
        let config = LinearConfig::new(code, 2 * channels)
            .with_initializer(Initializer::Normal { mean: 0.0, std: deviation });
        let affine = new_linear(&config, device);
        Self { affine }
    }

    /// Gives nothing before it has learned to.
    pub fn silent(code: usize, channels: usize, device: &Device) -> Self {
        let config = LinearConfig::new(code, 2 * channels).with_initializer(Initializer::Zeros);
        Self { affine: starting_from(-1.0, new_linear(&config, device)) }
    }

    /// `x`: `[batch, channels, height, width]`; `code`: `[batch, code]`. The normalization happens
    /// when the result is read.
    pub fn forward(&self, x: Tensor<4>, code: Tensor<2>, norms: &mut Norms<'_>) -> Source {
        let (weight, bias) = (self.affine.weight.val(), bias(&self.affine));
        let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[1]], &weight.device()));
        norms.apply(x, Goal::Predicted { code, weight, bias })
    }
}

/// A map to scales and shifts, with a bias of so much for scales and of 0 for shifts.
fn starting_from(scale: f32, map: Linear) -> Linear {
    let [_, length] = map.weight.dims();
    let start = [vec![scale; length / 2], vec![0.0; length / 2]].concat();
    let bias = Tensor::from_data(start.as_slice(), &map.weight.device());
    Linear { bias: Some(Param::from_tensor(bias)), ..map }
}

/// Noise on features, as strong as the style says.
#[derive(Module, Debug)]
pub struct StyledNoise {
    /// Style code `[batch, code]` to `[batch, 2 * planes]`: what each plane is multiplied with, then what
    /// is added to it.
    pub gain: Linear,
    /// From planes to the features' channels.
    pub conv: Conv,
}

impl StyledNoise {
    /// Adds nothing before it has learned to.
    pub fn new(code: usize, channels: usize, device: &Device) -> Self {
        let gain = starting_from(1.0, StyleNorm::new(code, PLANES, device).affine);
        Self { gain, conv: Conv::silent(PLANES, channels, 1, device) }
    }

    /// What planes are multiplied with and what is added to them, `[batch, 2, planes]`.
    pub fn affine(&self, code: Tensor<2>) -> Tensor<3> {
        let [batch, _] = code.dims();
        linear(&self.gain, code, Activation::None).reshape([batch, 2, PLANES])
    }

    /// `features` plus the noise `[batch, planes, height, width]` with such a map.
    pub fn forward_onto(&self, features: Source, noise: Tensor<4>, affine: Tensor<3>) -> Tensor<4> {
        self.conv.forward_onto(features, Source { affine: Some(affine), ..noise.into() })
    }
}

/// Convolution, style-modulated normalization, ReLU.
#[derive(Module, Debug)]
pub struct StyledConv {
    /// The convolution.
    pub conv: Conv,
    /// What normalizes its output.
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
    pub fn forward(&self, x: impl Into<Source>, code: Tensor<2>, norms: &mut Norms<'_>) -> Source {
        self.norm.forward(self.conv.forward(x), code, norms).relu()
    }
}

/// Two convolutions around which the input is carried unchanged (He et al., "Deep Residual
/// Learning for Image Recognition", 2016), both normalized by the style.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// The first convolution.
    pub first: StyledConv,
    /// The second one.
    pub second: Conv,
    /// What normalizes its output.
    pub norm: StyleNorm,
}

impl ResidualBlock {
    /// Keeps the number of channels, and the input until it has learned to add something (Goyal et al., "Accurate, Large
    /// Minibatch SGD", 2017).
    pub fn new(channels: usize, code: usize, device: &Device) -> Self {
        Self {
            first: StyledConv::new(channels, channels, code, device),
            second: Conv::new(channels, channels, 3, device),
            norm: StyleNorm::silent(code, channels, device),
        }
    }

    /// `[batch, channels, height, width]` to the same shape.
    pub fn forward(
        &self,
        x: impl Into<Source>,
        code: Tensor<2>,
        norms: &mut Norms<'_>,
    ) -> Tensor<4> {
        let x = x.into();
        let y = self.first.forward(x.clone(), code.clone(), norms);
        kernels::add(self.norm.forward(self.second.forward(y), code, norms), x)
    }
}

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn a_new_residual_block_keeps_its_input() {
        let device = crate::device::cpu();
        let block = ResidualBlock::new(4, 3, &device);
        let values: Vec<f32> = (0..4 * 8 * 8).map(|i| (i * 37 % 101) as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 4, 8, 8]), &device);
        let code = Tensor::from_data([[1.0f32, -2.0, 0.5]], &device);
        let found = block.forward(x.clone(), code, &mut Norms::Own);
        assert_eq!((found - x).abs().max().into_scalar::<f32>(), 0.0);
    }
}
