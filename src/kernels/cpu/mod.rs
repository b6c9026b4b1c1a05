//! The operations on burn's flex backend: f32 in main memory.
//!
//! Instructions are chosen at run time ([`Isa`](isa::Isa)); the loops are plain Rust over arrays of
//! constant size, which the compiler turns into SIMD, but for the innermost one with AVX-512.
//! Natively all cores work; in the browser, one.

mod activation;
mod direct;
mod elementwise;
mod gemm;
pub(super) mod isa;
mod lines;
mod pack;
mod products;
mod threads;
mod winograd;

#[cfg(feature = "learn")]
mod gradient;

use burn::backend::{Flex, tensor::FloatTensor};
use burn::tensor::{DType, Shape};
use burn_flex::{FlexTensor, Layout};

use super::{
    Activation, Border, FusedKernels, GoalOn, Kernels, Maybe, Reading, Spec, plain_convolution,
};
use lines::Reader;

impl Kernels for Flex {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        border: Border,
        relu: bool,
    ) -> FloatTensor<Self> {
        plain_convolution::<Self>(input, weight, bias, border, relu)
    }

    fn depthwise_convolution(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        elementwise::depthwise(&input.to_contiguous(), &kernels.to_contiguous())
    }

    fn unit_affine(features: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::normalizing_affine(features, GoalOn::Unit)
    }
}

impl FusedKernels for Flex {
    fn fused_convolution(
        input: FloatTensor<Self>,
        input_affine: Maybe<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Maybe<Self>,
        residual_affine: Maybe<Self>,
        spec: Spec,
    ) -> FloatTensor<Self> {
        let [input, bias] = [input, bias].map(|x| x.to_contiguous());
        let [input_affine, residual, residual_affine] =
            [input_affine, residual, residual_affine].map(contiguous);
        let weights = pack::Weights::of(&weight, pack::Way::Forward);
        let residual = residual
            .as_ref()
            .zip(spec.residual)
            .map(|(residual, reading)| Reader::new(residual, residual_affine.as_ref(), reading));
        convolve(
            &Reader::new(&input, input_affine.as_ref(), spec.input),
            &weights,
            Some(values(&bias)),
            residual.as_ref(),
            spec,
        )
    }

    fn normalizing_affine(features: FloatTensor<Self>, goal: GoalOn<Self>) -> FloatTensor<Self> {
        elementwise::normalization(&features.to_contiguous(), goal)
    }

    fn sum(
        a: FloatTensor<Self>,
        a_affine: Maybe<Self>,
        b: FloatTensor<Self>,
        b_affine: Maybe<Self>,
        a_reading: Reading,
        b_reading: Reading,
    ) -> FloatTensor<Self> {
        let [a, b] = [a, b].map(|x| x.to_contiguous());
        let [a_affine, b_affine] = [a_affine, b_affine].map(contiguous);
        elementwise::sum(
            &Reader::new(&a, a_affine.as_ref(), a_reading),
            &Reader::new(&b, b_affine.as_ref(), b_reading),
        )
    }

    fn linear(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [rows, weight] = [rows, weight].map(|x| x.to_contiguous());
        elementwise::linear(&rows, &weight, contiguous(bias).as_ref(), activation)
    }

    fn pool(features: FloatTensor<Self>) -> FloatTensor<Self> {
        elementwise::pool(&features.to_contiguous())
    }

    fn activation_gradient(
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        pooled: bool,
    ) -> FloatTensor<Self> {
        let output = output.to_contiguous();
        match pooled {
            true => activation::pooled(&gradient.to_contiguous(), &output),
            false => activation::relu(gradient, &output),
        }
    }

    fn gram(rows: FloatTensor<Self>) -> FloatTensor<Self> {
        products::gram(&rows.to_contiguous())
    }

    fn smoothed(before: FloatTensor<Self>, own: FloatTensor<Self>, rate: f32) -> FloatTensor<Self> {
        elementwise::smoothed(&before.to_contiguous(), &own.to_contiguous(), rate)
    }

    fn palette_logits(photos: FloatTensor<Self>, maps: FloatTensor<Self>) -> FloatTensor<Self> {
        elementwise::palette_logits(&photos.to_contiguous(), &maps.to_contiguous())
    }

    fn finish(
        strokes: FloatTensor<Self>,
        colourings: FloatTensor<Self>,
        palette: FloatTensor<Self>,
        colour: FloatTensor<Self>,
        photos: FloatTensor<Self>,
        strength: f32,
    ) -> FloatTensor<Self> {
        let tensors = [strokes, colourings, palette, colour, photos].map(|x| x.to_contiguous());
        elementwise::finish(tensors.each_ref(), strength)
    }

    fn unpack(pixels: FloatTensor<Self>) -> FloatTensor<Self> {
        elementwise::unpack(&pixels.to_contiguous())
    }

    fn pack(pictures: FloatTensor<Self>) -> FloatTensor<Self> {
        elementwise::pack(&pictures.to_contiguous())
    }
}

/// By the algorithm that the weights are packed for.
fn convolve(
    input: &Reader<'_>,
    weights: &pack::Weights,
    bias: Option<&[f32]>,
    residual: Option<&Reader<'_>>,
    spec: Spec,
) -> FlexTensor {
    let [batch, _, height, width] = input.dims();
    let shape = [batch, weights.channels_out, height, width];
    let mut output = vec![0f32; shape.iter().product()];
    let job = Job { input, weights, bias, residual, border: spec.border, relu: spec.relu };
    match weights.algorithm {
        pack::Algorithm::Winograd => winograd::convolve(&job, &mut output),
        pack::Algorithm::Direct => direct::convolve(&job, &mut output),
    }
    tensor(output, shape)
}

/// A convolution to do.
struct Job<'a> {
    input: &'a Reader<'a>,
    weights: &'a pack::Weights,
    bias: Option<&'a [f32]>,
    residual: Option<&'a Reader<'a>>,
    border: Border,
    relu: bool,
}

impl Job<'_> {
    /// Writes a line of a channel: its sums of products, the bias, and what is added to them.
    #[inline(always)]
    fn finish_line<const FMA: bool>(
        &self,
        picture: usize,
        channel: usize,
        y: usize,
        sums: &[f32],
        residual_line: &mut [f32],
        output: &threads::Shared<'_>,
    ) {
        let [.., height, width] = self.input.dims();
        let from = ((picture * self.weights.channels_out + channel) * height + y) * width;
        // SAFETY: every line of every channel is written by one thread only.
        let line = unsafe { output.piece(from, width) };
        let bias = self.bias.map_or(0.0, |bias| bias[channel]);
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        // `max` would hide what is not a number.
        let cut = |value: f32| if value < floor { floor } else { value };
        match self.residual {
            None => {
                for (to, sum) in line.iter_mut().zip(sums) {
                    *to = cut(sum + bias);
                }
            }
            Some(residual) => {
                residual.line::<FMA>(picture, channel, y, residual_line);
                for ((to, sum), residual) in line.iter_mut().zip(sums).zip(&*residual_line) {
                    *to = cut(sum + bias + residual);
                }
            }
        }
    }
}

fn contiguous(tensor: Maybe<Flex>) -> Option<FlexTensor> {
    tensor.option().map(|tensor| tensor.to_contiguous())
}

/// The values of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("f32 and contiguous")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    let bytes = burn::tensor::Bytes::from_elems(values);
    FlexTensor::new(bytes, Layout::contiguous(Shape::from(shape)), DType::F32)
}
