//! Gradients of convolutions.

use burn::backend::{Flex, tensor::FloatTensor};
use burn_flex::FlexTensor;

use super::lines::Reader;
use super::{convolve, pack, products, tensor, threads, values, winograd};
use crate::kernels::autodiff::Gradients;
use crate::kernels::{Border, Reading, Spec};

impl Gradients for Flex {
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (output, mut gradient) = (output.to_contiguous(), gradient.to_contiguous());
        let output = values(&output);
        // A fresh copy where others hold the gradient too.
        let size = (output.len() / (8 * threads::count())).max(1 << 14);
        let all = gradient.storage_mut::<f32>();
        threads::for_each_piece(all, size, |piece, gradient| {
            for (gradient, &output) in gradient.iter_mut().zip(&output[piece * size..]) {
                *gradient = if output > 0.0 { *gradient } else { 0.0 };
            }
        });
        gradient
    }

    fn weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        border: Border,
    ) -> FloatTensor<Self> {
        let [.., kernel, _] = weight.layout().shape().dims::<4>();
        weight_gradient(&input.to_contiguous(), &gradient.to_contiguous(), kernel, border)
    }

    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let weights = pack::Weights::of(&weight, pack::Direction::Backward);
        let gradient = gradient.to_contiguous();
        let reading = Reading::default();
        let spec = Spec { border: Border::Zero, relu: false, input: reading, residual: None };
        convolve(&Reader::new(&gradient, &gradient, reading), &weights, None, None, spec)
    }
}

fn weight_gradient(
    input: &FlexTensor,
    gradient: &FlexTensor,
    kernel: usize,
    border: Border,
) -> FlexTensor {
    let input = Reader::new(input, input, Reading::default());
    let gradient = Reader::new(gradient, gradient, Reading::default());
    let ([_, channels_in, ..], [_, channels_out, ..]) = (input.dims(), gradient.dims());
    let found = match kernel {
        1 => products::of(&rows(&gradient), &rows(&input), [channels_out, channels_in, 1]),
        _ => winograd::weight_gradient(&input, &gradient, border),
    };
    tensor(found, [channels_out, channels_in, kernel, kernel])
}

/// All pixels of a channel in a row, and zeros after them.
fn rows(features: &Reader<'_>) -> Vec<f32> {
    let [batch, channels, height, width] = features.dims();
    let length = (batch * height * width).next_multiple_of(products::LANES);
    let mut rows = vec![0.0; channels * length];
    threads::for_each_piece(&mut rows, length, |channel, row| {
        for (index, line) in row.chunks_exact_mut(width).take(batch * height).enumerate() {
            features.line::<false>(index / height, channel, index % height, line);
        }
    });
    rows
}
