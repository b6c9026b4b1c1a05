//! Mean and deviation of planes.

use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{THREADS, empty, or_unread};
use crate::kernels::{EPSILON, GoalOn, NO_SCALE};

/// Values that a thread takes at a time, so that as many loads are in flight together, and a division
/// is needed only for all of them.
const RUN: usize = 8;

/// A [`Goal`](crate::kernels::Goal) without its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum GoalKind {
    Unit,
    Last,
    Predicted,
}

/// Scale and shift that take every channel to the deviation and the mean of the goal; the features contiguous. A
/// workgroup for every plane.
pub fn normalizing_affine(features: CubeTensor, goal: GoalOn<CubeBackend>) -> CubeTensor {
    let (rows, weight, bias, goal) = match goal {
        GoalOn::Unit => (None, None, None, GoalKind::Unit),
        GoalOn::Last(rows) => (Some(rows), None, None, GoalKind::Last),
        GoalOn::Predicted { code, weight, bias } => {
            (Some(code), Some(weight), Some(bias), GoalKind::Predicted)
        }
    };
    let (rows, bias) = (or_unread(rows, &features), or_unread(bias, &features));
    // Transposed as it comes from a file.
    let weight = weight.unwrap_or_else(|| features.clone());
    let [batch, channels, _, _] = features.meta.shape().dims();
    let affine = empty(&features, [batch, 2, channels]);
    let client = features.client.clone();
    // SAFETY: threads read within their plane and row, and one of them writes its two values.
    unsafe {
        normalizing_affine_kernel::launch_unchecked(
            &client,
            CubeCount::Static(channels as u32, batch as u32, 1),
            CubeDim::new_1d(THREADS as u32),
            features.into_tensor_arg(),
            rows.into_tensor_arg(),
            weight.into_tensor_arg(),
            bias.into_tensor_arg(),
            affine.clone().into_tensor_arg(),
            goal,
        );
    }
    affine
}

#[cube(launch_unchecked)]
fn normalizing_affine_kernel(
    features: &Tensor<f32>,
    rows: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    affine: &mut Tensor<f32>,
    #[comptime] goal: GoalKind,
) {
    let channels = features.shape(1);
    let count = features.shape(2) * features.shape(3);
    let channel = CUBE_POS_X as usize;
    let picture = CUBE_POS_Y as usize;
    let start = (picture * channels + channel) * count;
    let unit = UNIT_POS as usize;

    // Number, mean, and sum of squared distances from the mean, of what has been read so far
    // (Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances",
    // 1979): nothing is lost to cancellation, and everything is read once.
    let mut number = 0.0f32;
    let mut mean = 0.0f32;
    let mut squares = 0.0f32;
    let mut at = unit;
    while at + comptime!((RUN - 1) * THREADS) < count {
        let mut values = Array::<f32>::new(RUN);
        let mut sum = 0.0f32;
        #[unroll]
        for i in 0..RUN {
            values[i] = features[start + at + comptime!(i * THREADS)];
            sum += values[i];
        }
        let own_mean = sum * comptime!(1.0 / RUN as f32);
        #[unroll]
        for i in 0..RUN {
            let distance = values[i] - own_mean;
            squares += distance * distance;
        }
        let before = number;
        number += comptime!(RUN as f32);
        let distance = own_mean - mean;
        mean += distance * comptime!(RUN as f32) / number;
        squares += distance * distance * comptime!(RUN as f32) * before / number;
        at += comptime!(RUN * THREADS);
    }
    while at < count {
        number += 1.0f32;
        let value = features[start + at];
        let distance = value - mean;
        mean += distance / number;
        squares += distance * (value - mean);
        at += THREADS;
    }

    // The deviation - 1 and the mean that are predicted: this thread's part of the sums.
    let predicted = comptime!(goal == GoalKind::Predicted);
    let mut deviations = Shared::<[f32]>::new_slice(comptime!(if predicted { THREADS } else { 1 }));
    let mut wanted = Shared::<[f32]>::new_slice(comptime!(if predicted { THREADS } else { 1 }));
    if predicted {
        let length = rows.shape(1);
        let mut deviation = 0.0f32;
        let mut mean = 0.0f32;
        let mut at = unit;
        while at < length {
            let value = rows[picture * length + at];
            let place = at * weight.stride(0) + channel * weight.stride(1);
            deviation += value * weight[place];
            mean += value * weight[place + channels * weight.stride(1)];
            at += THREADS;
        }
        deviations[unit] = deviation;
        wanted[unit] = mean;
    }

    let mut numbers = Shared::<[f32]>::new_slice(THREADS);
    let mut means = Shared::<[f32]>::new_slice(THREADS);
    let mut all_squares = Shared::<[f32]>::new_slice(THREADS);
    numbers[unit] = number;
    means[unit] = mean;
    all_squares[unit] = squares;
    sync_cube();
    let mut half = comptime!(THREADS / 2).runtime();
    while half > 0 {
        if unit < half {
            if predicted {
                deviations[unit] += deviations[unit + half];
                wanted[unit] += wanted[unit + half];
            }
            let (own, other) = (numbers[unit], numbers[unit + half]);
            let together = own + other;
            if other > 0.0f32 {
                let distance = means[unit + half] - means[unit];
                numbers[unit] = together;
                means[unit] += distance * other / together;
                all_squares[unit] = all_squares[unit]
                    + all_squares[unit + half]
                    + distance * distance * own * other / together;
            }
        }
        sync_cube();
        half /= 2;
    }
    if unit == 0 {
        let variance = all_squares[0] / numbers[0];
        let mut deviation = 1.0f32;
        let mut mean = 0.0f32;
        match comptime!(goal) {
            GoalKind::Unit => {}
            GoalKind::Last => {
                let end = (picture + 1) * rows.shape(1);
                deviation = rows[end - channels + channel];
                mean = rows[end - 2 * channels + channel];
            }
            GoalKind::Predicted => {
                deviation = 1.0f32 + deviations[0] + bias[channel];
                mean = wanted[0] + bias[channels + channel];
            }
        }
        let scale = deviation / (variance + comptime!(EPSILON as f32)).sqrt();
        let place = picture * 2 * channels + channel;
        affine[place] = scale;
        affine[place + channels] = mean - means[0] * scale;
    }
}

/// See [`smoothed`](crate::kernels::smoothed); both contiguous.
pub fn smoothed([before, own]: [CubeTensor; 2], rate: f32) -> CubeTensor {
    let [batch, _, channels] = own.meta.shape().dims();
    let output = empty(&own, [batch, 2, channels]);
    let client = own.client.clone();
    // SAFETY: threads beyond the last channel end at once.
    unsafe {
        smoothed_kernel::launch_unchecked(
            &client,
            CubeCount::Static(channels.div_ceil(THREADS) as u32, batch as u32, 1),
            CubeDim::new_1d(THREADS as u32),
            before.into_tensor_arg(),
            own.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            rate,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn smoothed_kernel(before: &Tensor<f32>, own: &Tensor<f32>, output: &mut Tensor<f32>, rate: f32) {
    let channels = own.shape(2);
    let channel = ABSOLUTE_POS_X as usize;
    if channel >= channels {
        terminate!();
    }
    let scale = CUBE_POS_Y as usize * 2 * channels + channel;
    let shift = scale + channels;
    let a = (1.0f32 - rate) / (before[scale] + NO_SCALE);
    let b = rate / (own[scale] + NO_SCALE);
    let deviation = a + b;
    output[scale] = 1.0f32 / deviation;
    output[shift] = (before[shift] * a + own[shift] * b) / deviation;
}
