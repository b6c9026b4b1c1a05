//! What is not a convolution of all channels with all.

use burn_flex::FlexTensor;

use super::isa::{Isa, for_each_isa, multiply_add};
use super::lines::Reader;
use super::{tensor, threads, values};
use crate::kernels::{Border, Reading};
use crate::layers::EPSILON;

/// Sums are taken in so many parts, one in each lane.
const LANES: usize = 16;

/// `a + b` as they are read.
pub fn sum(a: &Reader<'_>, b: &Reader<'_>) -> FlexTensor {
    let dims = a.dims();
    let [_, channels, height, width] = dims;
    let mut output = vec![0.0; dims.iter().product()];
    let isa = Isa::best();
    threads::for_each_piece(&mut output, height * width, |plane, output| {
        sum_plane(isa, a, b, plane / channels, plane % channels, output);
    });
    tensor(output, dims)
}

for_each_isa! {
    fn sum_plane = sum_plane_body(
        a: &Reader<'_>, b: &Reader<'_>, picture: usize, channel: usize, output: &mut [f32],
    )
}

#[inline(always)]
fn sum_plane_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    a: &Reader<'_>,
    b: &Reader<'_>,
    picture: usize,
    channel: usize,
    output: &mut [f32],
) {
    let [.., width] = a.dims();
    let mut other = vec![0.0; width];
    for (y, line) in output.chunks_exact_mut(width).enumerate() {
        a.line::<FMA>(picture, channel, y, line);
        b.line::<FMA>(picture, channel, y, &mut other);
        for (value, other) in line.iter_mut().zip(&other) {
            *value += other;
        }
    }
}

/// The input and its convolution with one kernel a channel.
pub fn depthwise(input: &FlexTensor, kernels: &FlexTensor) -> FlexTensor {
    let reader = Reader::new(input, input, Reading::default());
    let dims = reader.dims();
    let [_, channels, height, width] = dims;
    let kernels = values(kernels);
    let mut output = vec![0.0; dims.iter().product()];
    let isa = Isa::best();
    threads::for_each_piece(&mut output, height * width, |plane, output| {
        let kernel = &kernels[9 * plane..][..9];
        depthwise_plane(isa, &reader, plane / channels, plane % channels, kernel, output);
    });
    tensor(output, dims)
}

for_each_isa! {
    fn depthwise_plane = depthwise_plane_body(
        input: &Reader<'_>, picture: usize, channel: usize, kernel: &[f32], output: &mut [f32],
    )
}

#[inline(always)]
fn depthwise_plane_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    input: &Reader<'_>,
    picture: usize,
    channel: usize,
    kernel: &[f32],
    output: &mut [f32],
) {
    let [.., height, width] = input.dims();
    let length = width + 2;
    let mut lines = vec![0.0; (height + 2) * length];
    for (index, line) in lines.chunks_exact_mut(length).enumerate() {
        let y = index as isize - 1;
        input.bordered_line::<FMA>(picture, channel, y, 1, Border::Reflection, line);
    }
    for (y, output) in output.chunks_exact_mut(width).enumerate() {
        output.copy_from_slice(&lines[(y + 1) * length + 1..][..width]);
        for (index, &weight) in kernel.iter().enumerate() {
            let from = &lines[(y + index / 3) * length + index % 3..][..width];
            for (sum, &value) in output.iter_mut().zip(from) {
                *sum = multiply_add::<FMA>(weight, value, *sum);
            }
        }
    }
}

/// Scale and shift that take every channel to the deviation - 1 and the mean in `modulation`.
pub fn normalization(features: &FlexTensor, modulation: &FlexTensor) -> FlexTensor {
    let [batch, channels, height, width] = features.layout().shape().dims();
    let (features, modulation) = (values(features), values(modulation));
    let isa = Isa::best();
    // A mean and a deviation for every plane.
    let mut found = vec![0.0; 2 * batch * channels];
    threads::for_each_piece(&mut found, 2, |plane, found| {
        moments(isa, &features[plane * height * width..][..height * width], found);
    });
    let mut affine = vec![0.0; 2 * batch * channels];
    for (plane, found) in found.chunks_exact(2).enumerate() {
        let at = plane / channels * 2 * channels + plane % channels;
        let scale = (modulation[at] + 1.0) / found[1];
        affine[at] = scale;
        affine[at + channels] = modulation[at + channels] - found[0] * scale;
    }
    tensor(affine, [batch, 2, channels])
}

for_each_isa! {
    /// Mean and deviation.
    fn moments = moments_body(values: &[f32], found: &mut [f32])
}

#[inline(always)]
fn moments_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    values: &[f32],
    found: &mut [f32],
) {
    let count = values.len() as f64;
    let mean = (lane_sum(values, |sum, value| sum + value) / count) as f32;
    // Centred before they are squared, so that nothing is lost to cancellation.
    let squares =
        lane_sum(values, |sum, value| multiply_add::<FMA>(value - mean, value - mean, sum));
    found[0] = mean;
    found[1] = (squares / count + EPSILON).sqrt() as f32;
}

#[inline(always)]
fn lane_sum(values: &[f32], step: impl Fn(f32, f32) -> f32) -> f64 {
    // Of so many values at a time in f32, so that large pictures lose no digits.
    const RUN: usize = 4096;
    let run = |values: &[f32]| {
        let (whole, rest) = values.as_chunks::<LANES>();
        let mut sums = [0f32; LANES];
        for values in whole {
            for lane in 0..LANES {
                sums[lane] = step(sums[lane], values[lane]);
            }
        }
        let rest = rest.iter().fold(0f32, |sum, &value| step(sum, value));
        sums.iter().map(|&sum| f64::from(sum)).sum::<f64>() + f64::from(rest)
    };
    values.chunks(RUN).map(run).sum()
}
