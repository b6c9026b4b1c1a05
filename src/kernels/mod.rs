//! The operations that nearly all time goes into, each as one pass over its data: the only place
//! that knows backends.
//!
//! A convolution reads its input through a [`Source`]: the normalization and the ReLU of the layer
//! before, and upsampling, happen while it reads, so that none of them is a pass of its own.
//!
//! How it is computed is in `cpu` (burn's flex backend) and `gpu` (its CubeCL backends). Other
//! backends, and precisions other than f32, take burn's own operations one after the other, which
//! is also what says what each operation means: `composed`.

#![cfg_attr(feature = "tch", allow(deprecated, reason = "libtorch, see `torch`"))]

#[cfg(feature = "learn")]
mod autodiff;
mod check;
mod composed;
#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "gpu")]
mod gpu;
#[cfg(feature = "tch")]
mod torch;

#[cfg(feature = "gpu")]
pub use gpu::screen;

use burn::backend::{
    Backend, Dispatch, DispatchTensorKind, ExtensionType, TensorMetadata, backend_extension,
    tensor::FloatTensor,
};
use burn::tensor::{DType, Tensor};

pub use composed::{channel_statistics, enlarged, logit};

/// Added to variances before the square root or the division, so that flat areas stay finite.
pub const EPSILON: f64 = 1e-5;
/// What a scale of 0 is taken for where it is divided by.
pub const NO_SCALE: f32 = 1e-20;
/// Mapped colours are kept within this distance of black and white, so that logits stay small
/// enough for the generator to paint over them.
pub const CLAMP: f64 = 0.02;
/// Photo values are kept this far from 0 and 1 when taken as logits: less than half an 8-bit
/// level, so that the photo comes back exactly.
pub const PHOTO_CLAMP: f64 = 0.4 / 255.0;
/// Side of the squares, in pixels, over which a [recoloured photo](palette_logits) is averaged: it carries
/// colour only, detail is the generator's.
pub const BLUR: usize = 4;

/// Features, and what is done to them while they are read: first `affine`, then `relu`, then
/// `upsample`.
#[derive(Debug, Clone)]
pub struct Source {
    /// `[batch, channels, height, width]`
    pub features: Tensor<4>,
    /// What each channel of each picture is multiplied with, and what is then added:
    /// `[batch, 2, channels]`.
    pub affine: Option<Tensor<3>>,
    /// Negative values to 0.
    pub relu: bool,
    /// Twice the height and width, by bilinear interpolation; beyond the border are the outermost pixels
    /// again. Followed by a convolution this does not leave the checkerboard of transposed convolutions
    /// (Odena et al., "Deconvolution and Checkerboard Artifacts", 2016). Of repeated pixels a kernel that is
    /// not symmetric would see more of one neighbour at even places than at odd ones, and after a ReLU their
    /// means would differ: lines, 2 pixels apart.
    pub upsample: bool,
}

impl From<Tensor<4>> for Source {
    fn from(features: Tensor<4>) -> Self {
        Self { features, affine: None, relu: false, upsample: false }
    }
}

impl Source {
    /// With negative values as 0.
    pub fn relu(self) -> Self {
        Self { relu: true, ..self }
    }

    /// With twice the height and width.
    pub fn upsample(self) -> Self {
        Self { upsample: true, ..self }
    }

    /// The features as they are read, in memory.
    pub fn read(self) -> Tensor<4> {
        composed::read(self)
    }

    fn reading(&self) -> Reading {
        Reading { affine: self.affine.is_some(), relu: self.relu, upsample: self.upsample }
    }
}

/// A [`Source`] without its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reading {
    /// Whether there is a scale and a shift for every channel.
    pub affine: bool,
    /// See [`Source::relu`].
    pub relu: bool,
    /// See [`Source::upsample`].
    pub upsample: bool,
}

/// What a convolution sees beyond the border of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Border {
    /// The picture mirrored at its edge pixels, which are not repeated. Gradients take the mirrored
    /// pixels as constants: they are few.
    Reflection,
    /// Zeros.
    Zero,
}

/// What a backend needs to know of a convolution beside its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Beyond the border of the input.
    pub border: Border,
    /// Whether negative results become 0.
    pub relu: bool,
    /// How the input is read.
    pub input: Reading,
    /// How that which is added to the sums is read, if there is any.
    pub residual: Option<Reading>,
}

#[cfg(any(feature = "cpu", feature = "gpu"))]
impl Spec {
    /// Of a convolution of an input that is read as it is, to which nothing is added.
    fn plain(border: Border, relu: bool) -> Self {
        Self { border, relu, input: Reading::default(), residual: None }
    }
}

/// The mean and deviation that a [`normalization`] brings channels to, a row for every picture.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Goal {
    /// 0 and 1.
    Unit,
    /// What the last numbers of each row say: the means of all channels, then their deviations.
    Last(Tensor<2>),
    /// What `code * weight + bias` says: the deviations - 1 of all channels, then their means.
    Predicted {
        /// `[batch, length]`
        code: Tensor<2>,
        /// `[length, 2 * channels]`
        weight: Tensor<2>,
        /// `[2 * channels]`
        bias: Tensor<1>,
    },
}

/// The operations that training, too, has kernels for: what is done while reading is done before.
#[backend_extension(
    Flex: cfg(feature = "cpu"),
    Cube: cfg(feature = "gpu"),
    LibTorch: cfg(feature = "tch"),
    Autodiff: cfg(feature = "learn")
)]
pub trait Kernels: Backend {
    /// See [`convolve`].
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        border: Border,
        relu: bool,
    ) -> FloatTensor<Self>;

    /// See [`depthwise`].
    fn depthwise_convolution(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`normalization`], with [`Goal::Unit`].
    fn unit_affine(features: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`Source::upsample`].
    fn upsampled(features: FloatTensor<Self>) -> FloatTensor<Self> {
        let [_, _, height, width] = features.shape().dims();
        Self::interpolate(features, [2 * height, 2 * width], composed::bilinear())
    }
}

/// A tensor on a backend, or none. `Option` does not get through [`backend_extension`].
#[derive(ExtensionType)]
#[allow(missing_docs)]
pub enum Maybe<B: Backend> {
    Nothing,
    Tensor(FloatTensor<B>),
}

impl<B: Backend> Maybe<B> {
    fn option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Nothing => None,
            Self::Tensor(tensor) => Some(tensor),
        }
    }
}

impl<const D: usize> From<Option<Tensor<D>>> for Maybe<Dispatch> {
    fn from(tensor: Option<Tensor<D>>) -> Self {
        tensor.map_or(Self::Nothing, |tensor| Self::Tensor(tensor.into_dispatch()))
    }
}

/// A [`Goal`] on a backend.
#[derive(ExtensionType)]
#[allow(missing_docs)]
pub enum GoalOn<B: Backend> {
    Unit,
    Last(FloatTensor<B>),
    Predicted { code: FloatTensor<B>, weight: FloatTensor<B>, bias: FloatTensor<B> },
}

/// The operations that only [`Engine::Fused`] has kernels for, in f32.
#[backend_extension(Flex: cfg(feature = "cpu"), Cube: cfg(feature = "gpu"))]
pub trait FusedKernels: Kernels {
    /// See [`convolve`]. There are as many affine maps as the [`Spec`] says.
    fn fused_convolution(
        input: FloatTensor<Self>,
        #[extension_type] input_affine: Maybe<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] residual: Maybe<Self>,
        #[extension_type] residual_affine: Maybe<Self>,
        spec: Spec,
    ) -> FloatTensor<Self>;

    /// See [`normalization`].
    fn normalizing_affine(
        features: FloatTensor<Self>,
        #[extension_type] goal: GoalOn<Self>,
    ) -> FloatTensor<Self>;

    /// See [`add`]. There are as many affine maps as the readings say.
    fn sum(
        a: FloatTensor<Self>,
        #[extension_type] a_affine: Maybe<Self>,
        b: FloatTensor<Self>,
        #[extension_type] b_affine: Maybe<Self>,
        a_reading: Reading,
        b_reading: Reading,
    ) -> FloatTensor<Self>;

    /// See [`linear`].
    fn linear(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// See [`pool`].
    fn pool(features: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`activation_gradient`].
    fn activation_gradient(
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        pooled: bool,
    ) -> FloatTensor<Self>;

    /// See [`gram`].
    fn gram(rows: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`smoothed`].
    fn smoothed(before: FloatTensor<Self>, own: FloatTensor<Self>, rate: f32) -> FloatTensor<Self>;

    /// See [`palette_logits`].
    fn palette_logits(photos: FloatTensor<Self>, maps: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`finish`].
    fn finish(
        strokes: FloatTensor<Self>,
        colourings: FloatTensor<Self>,
        palette: FloatTensor<Self>,
        colour: FloatTensor<Self>,
        photos: FloatTensor<Self>,
        strength: f32,
    ) -> FloatTensor<Self>;

    /// See [`unpack`].
    fn unpack(pixels: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`pack`].
    fn pack(pictures: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// A convolution of an input that is read as it is, by the kernels that can do more.
#[cfg(any(feature = "cpu", feature = "gpu"))]
fn plain_convolution<B: FusedKernels>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    border: Border,
    relu: bool,
) -> FloatTensor<B> {
    let none = || Maybe::Nothing;
    B::fused_convolution(input, none(), weight, bias, none(), none(), Spec::plain(border, relu))
}

/// What computes an operation on a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// The kernels of this module, with everything that is done while reading.
    Fused,
    /// The kernels of this module for plain convolutions, burn's operations for the rest: gradients
    /// are wanted, or could be.
    Differentiable,
    /// burn's operations only.
    Composed,
}

impl Engine {
    fn of<const D: usize>(x: &Tensor<D>) -> Self {
        // A build for the browser has one backend, whose kernels these are, and f32 only. Said where
        // the compiler sees it, so that nothing of burn's own operations is in the download.
        #[cfg(not(feature = "learn"))]
        if cfg!(target_arch = "wasm32") {
            let _ = x;
            return Self::Fused;
        }
        #[cfg(all(test, feature = "cpu"))]
        if tests::STOCK.get() {
            return Self::Composed;
        }
        let full = x.dtype() == DType::F32;
        match x.clone().into_dispatch().kind {
            #[cfg(feature = "cpu")]
            DispatchTensorKind::Flex(_) if full => Self::Fused,
            #[cfg(feature = "gpu")]
            DispatchTensorKind::Cube(_) if full => Self::Fused,
            #[cfg(feature = "tch")]
            DispatchTensorKind::LibTorch(_) => Self::Differentiable,
            #[cfg(feature = "learn")]
            DispatchTensorKind::Autodiff(inner) => match *inner {
                #[cfg(feature = "cpu")]
                DispatchTensorKind::Flex(_) if full => Self::Differentiable,
                #[cfg(feature = "gpu")]
                DispatchTensorKind::Cube(_) if full => Self::Differentiable,
                #[cfg(feature = "tch")]
                DispatchTensorKind::LibTorch(_) => Self::Differentiable,
                _ => Self::Composed,
            },
            _ => Self::Composed,
        }
    }
}

/// A convolution whose output has the size of its input as it is read, or the sum of that and of
/// `residual`; `relu` takes what is negative to 0 in the end.
///
/// `weight`: `[channels out, channels in, kernel, kernel]`, kernel 1 or 3; `bias`:
/// `[channels out]`. With [`Border::Reflection`] the input must have two pixels a side.
pub fn convolve(
    input: impl Into<Source>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    border: Border,
    relu: bool,
    residual: Option<Source>,
) -> Tensor<4> {
    let input = input.into();
    check::convolution(&input, &weight, &bias, border, residual.as_ref());
    let engine = Engine::of(&input.features);
    if engine == Engine::Composed {
        return composed::convolve(input, weight, bias, border, relu, residual);
    }
    if engine == Engine::Differentiable {
        let precision = input.features.dtype();
        let plain = |relu| {
            Tensor::from_dispatch(<Dispatch as Kernels>::convolution(
                composed::read(input).into_dispatch(),
                weight.cast(precision).into_dispatch(),
                bias.cast(precision).into_dispatch(),
                border,
                relu,
            ))
        };
        let Some(residual) = residual else { return plain(relu) };
        let sum = plain(false) + composed::read(residual);
        return if relu { burn::tensor::activation::relu(sum) } else { sum };
    }
    check::f32("the kernels", &weight);
    check::f32("the bias", &bias);
    let spec = Spec {
        border,
        relu,
        input: input.reading(),
        residual: residual.as_ref().map(Source::reading),
    };
    let (residual, residual_affine) =
        residual.map_or((None, None), |source| (Some(source.features), source.affine));
    Tensor::from_dispatch(<Dispatch as FusedKernels>::fused_convolution(
        input.features.into_dispatch(),
        input.affine.into(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        residual.into(),
        residual_affine.into(),
        spec,
    ))
}

/// `input`, and to it added its convolution with one 3 x 3 kernel for every channel of every
/// picture, reflected at the border. `kernels`: `[batch, channels, 9]`.
pub fn depthwise(input: Tensor<4>, kernels: Tensor<3>) -> Tensor<4> {
    check::depthwise(&input, &kernels);
    if Engine::of(&input) == Engine::Composed {
        return composed::depthwise(input, kernels);
    }
    let kernels = kernels.cast(input.dtype());
    Tensor::from_dispatch(<Dispatch as Kernels>::depthwise_convolution(
        input.into_dispatch(),
        kernels.into_dispatch(),
    ))
}

/// See [`Source::upsample`].
fn upsampled(features: Tensor<4>) -> Tensor<4> {
    match Engine::of(&features) {
        Engine::Differentiable => {
            Tensor::from_dispatch(<Dispatch as Kernels>::upsampled(features.into_dispatch()))
        }
        _ => composed::enlarged(features, 2),
    }
}

/// `a + b`, as they are read.
pub fn add(a: impl Into<Source>, b: impl Into<Source>) -> Tensor<4> {
    let (a, b) = (a.into(), b.into());
    check::sum(&a, &b);
    if Engine::of(&a.features) != Engine::Fused {
        return composed::read(a) + composed::read(b);
    }
    check::f32("what is added", &b.features);
    let readings = [a.reading(), b.reading()];
    Tensor::from_dispatch(<Dispatch as FusedKernels>::sum(
        a.features.into_dispatch(),
        a.affine.into(),
        b.features.into_dispatch(),
        b.affine.into(),
        readings[0],
        readings[1],
    ))
}

/// The affine map that takes every channel of every picture to the mean and deviation asked for
/// (instance normalization, Ulyanov et al., "Improved Texture Networks", 2017): scale and shift,
/// `[batch, 2, channels]`, for [`Source::affine`].
pub fn normalization(features: Tensor<4>, goal: Goal) -> Tensor<3> {
    check::goal(&features, &goal);
    match Engine::of(&features) {
        Engine::Composed => composed::normalization(features, goal),
        Engine::Differentiable => {
            let unit = <Dispatch as Kernels>::unit_affine(features.into_dispatch());
            composed::towards(Tensor::from_dispatch(unit), goal)
        }
        Engine::Fused => {
            let goal = match goal {
                Goal::Unit => GoalOn::Unit,
                Goal::Last(rows) => GoalOn::Last(rows.into_dispatch()),
                Goal::Predicted { code, weight, bias } => GoalOn::Predicted {
                    code: code.into_dispatch(),
                    weight: weight.into_dispatch(),
                    bias: bias.into_dispatch(),
                },
            };
            let features = features.into_dispatch();
            Tensor::from_dispatch(<Dispatch as FusedKernels>::normalizing_affine(features, goal))
        }
    }
}

/// What is negative becomes this much of itself in a leaky ReLU (Maas et al., "Rectifier Nonlinearities
/// Improve Neural Network Acoustic Models", 2013).
pub const LEAK: f32 = 0.2;

/// What becomes of the sums of a [`linear`] map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// They stay.
    None,
    /// Their leaky ReLU.
    Leaky,
    /// The same, and then each row is brought to mean 0 and deviation 1 (Ba et al., "Layer Normalization", 2016).
    LeakyNormalized,
}

/// `rows * weight + bias`, and what `activation` makes of it.
///
/// `rows`: `[batch, length]`, of one or few pictures; `weight`: `[length, width]`; `bias`:
/// `[width]`.
pub fn linear(
    rows: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<2> {
    check::linear(&rows, &weight, bias.as_ref());
    if Engine::of(&rows) != Engine::Fused {
        return composed::linear(rows, weight, bias, activation);
    }
    check::f32("the matrix", &weight);
    Tensor::from_dispatch(<Dispatch as FusedKernels>::linear(
        rows.into_dispatch(),
        weight.into_dispatch(),
        bias.into(),
        activation,
    ))
}

/// Half the height and width: the largest of every 2 x 2 values. An odd last line or column is left
/// out.
pub fn pool(features: Tensor<4>) -> Tensor<4> {
    match Engine::of(&features) {
        Engine::Fused => {
            Tensor::from_dispatch(<Dispatch as FusedKernels>::pool(features.into_dispatch()))
        }
        _ => composed::pool(features),
    }
}

/// The gradient of a ReLU, and of [`pool`] behind it if `pooled` is set, in what went into the ReLU: the
/// `gradient` where the ReLU's `output` is above 0 and, if pooled, the largest of its 2 x 2 values (each of
/// them, where several are); 0 elsewhere.
///
/// `output`: `[batch, channels, height, width]`; `gradient`: as large, or half as high and wide, rounded down.
pub fn activation_gradient(gradient: Tensor<4>, output: Tensor<4>, pooled: bool) -> Tensor<4> {
    check::activation_gradient(&gradient, &output, pooled);
    match Engine::of(&output) {
        Engine::Fused => Tensor::from_dispatch(<Dispatch as FusedKernels>::activation_gradient(
            gradient.into_dispatch(),
            output.into_dispatch(),
            pooled,
        )),
        _ => composed::activation_gradient(gradient, output, pooled),
    }
}

/// The scalar products of each row with each, `[count, count]`, of `rows`: `[count, length]`.
pub fn gram(rows: Tensor<2>) -> Tensor<2> {
    match Engine::of(&rows) {
        Engine::Fused => {
            Tensor::from_dispatch(<Dispatch as FusedKernels>::gram(rows.into_dispatch()))
        }
        _ => composed::gram(rows),
    }
}

/// Between two maps that take features of two frames to one mean and deviation, the map that does that with
/// features whose means and deviations are between the two frames': the second frame's by `rate`, in 0..=1.
///
/// Maps are `[batch, 2, channels]`, scales before shifts. Between the scales themselves a channel that is nearly flat in one of the
/// frames would be blown up in the other.
pub fn smoothed(before: Tensor<3>, own: Tensor<3>, rate: f32) -> Tensor<3> {
    check::smoothed(&before, &own);
    match Engine::of(&own) {
        Engine::Fused => Tensor::from_dispatch(<Dispatch as FusedKernels>::smoothed(
            before.into_dispatch(),
            own.into_dispatch(),
            rate,
        )),
        _ => composed::smoothed(before, own, rate),
    }
}

/// The photos in other colours and without their detail: the means of all squares of
/// [`BLUR`] pixels a side, taken through `maps`, as logits.
///
/// `photos`: `[batch, 3, height, width]`, RGB in 0..1, sides multiples of that side; `maps`:
/// `[batch, 3, 4]`, for each of R, G, B the row of a matrix and an offset.
pub fn palette_logits(photos: Tensor<4>, maps: Tensor<3>) -> Tensor<4> {
    check::palette(&photos, &maps);
    match Engine::of(&photos) {
        Engine::Fused => Tensor::from_dispatch(<Dispatch as FusedKernels>::palette_logits(
            photos.into_dispatch(),
            maps.into_dispatch(),
        )),
        _ => composed::palette_logits(photos, maps),
    }
}

/// Pictures `[batch, 3, height, width]` in 0..1 from strokes, of that shape, and from photos in new
/// colours: the sigmoid of the weighted sum `strength * painting + (1 - strength) * photo` of logits,
/// where the painting is `colourings · strokes + colour * palette`, the [palette](palette_logits)
/// enlarged bilinearly.
///
/// `colourings`: matrices that make colours of the three numbers of a pixel, `[batch, 3, 3]`; `colour`:
/// the palette's weights for R, G and B, `[batch, 3]`.
pub fn finish(
    strokes: Tensor<4>,
    colourings: Tensor<3>,
    palette: Tensor<4>,
    colour: Tensor<2>,
    photos: Tensor<4>,
    strength: f32,
) -> Tensor<4> {
    check::finish(&strokes, &colourings, &palette, &colour, &photos);
    match Engine::of(&strokes) {
        Engine::Fused => Tensor::from_dispatch(<Dispatch as FusedKernels>::finish(
            strokes.into_dispatch(),
            colourings.into_dispatch(),
            palette.into_dispatch(),
            colour.into_dispatch(),
            photos.into_dispatch(),
            strength,
        )),
        _ => composed::finish(strokes, colourings, palette, colour, photos, strength),
    }
}

/// Pictures `[batch, 3, height, width]` in 0..1 from 8-bit pixels `[batch, 1, height, width]`: red, and
/// 256 times green, and 65,536 times blue, which an f32 holds exactly. So no more than 4 bytes a
/// pixel go to a GPU, and come back from it.
pub fn unpack(pixels: Tensor<4>) -> Tensor<4> {
    check::channels(&pixels, 1);
    match Engine::of(&pixels) {
        Engine::Fused => {
            Tensor::from_dispatch(<Dispatch as FusedKernels>::unpack(pixels.into_dispatch()))
        }
        _ => composed::unpack(pixels),
    }
}

/// The way back from [`unpack`], to the nearest of 256 levels; -1 for a pixel of which a channel is
/// not a number.
pub fn pack(pictures: Tensor<4>) -> Tensor<4> {
    check::channels(&pictures, 3);
    match Engine::of(&pictures) {
        Engine::Fused => {
            Tensor::from_dispatch(<Dispatch as FusedKernels>::pack(pictures.into_dispatch()))
        }
        _ => composed::pack(pictures),
    }
}

#[cfg(all(test, feature = "cpu"))]
pub(crate) mod tests;
