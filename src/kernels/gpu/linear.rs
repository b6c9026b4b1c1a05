//! Linear maps of a few rows.

use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{THREADS, empty, or_unread};
use crate::kernels::{Activation, EPSILON, LEAK};

/// Results of a workgroup: neighbouring threads read neighbouring weights.
const COLUMNS: usize = 32;
/// Parts of each sum, one a thread.
const PARTS: usize = THREADS / COLUMNS;

/// See [`linear`](crate::kernels::linear); contiguous but for the weight, which is transposed as it comes from a
/// file.
pub fn launch(
    rows: CubeTensor,
    weight: CubeTensor,
    bias: Option<CubeTensor>,
    activation: Activation,
) -> CubeTensor {
    let biased = bias.is_some();
    let bias = or_unread(bias, &rows);
    let [batch, _] = rows.meta.shape().dims();
    let [_, width] = weight.meta.shape().dims();
    let output = empty(&rows, [batch, width]);
    let client = rows.client.clone();
    if activation == Activation::LeakyNormalized {
        // SAFETY: as many columns are read and written as there are.
        unsafe {
            normalized::launch_unchecked(
                &client,
                CubeCount::Static(1, batch as u32, 1),
                CubeDim::new_1d(THREADS as u32),
                rows.into_tensor_arg(),
                weight.into_tensor_arg(),
                bias.into_tensor_arg(),
                output.clone().into_tensor_arg(),
                biased,
            );
        }
        return output;
    }
    // SAFETY: columns beyond the last are neither read nor written.
    unsafe {
        linear::launch_unchecked(
            &client,
            CubeCount::Static(width.div_ceil(COLUMNS) as u32, batch as u32, 1),
            CubeDim::new_1d(THREADS as u32),
            rows.into_tensor_arg(),
            weight.into_tensor_arg(),
            bias.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            biased,
            activation == Activation::Leaky,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn linear(
    rows: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    output: &mut Tensor<f32>,
    #[comptime] biased: bool,
    #[comptime] leaky: bool,
) {
    let width = weight.shape(1);
    let unit = UNIT_POS as usize;
    let picture = CUBE_POS_Y as usize;
    let column = CUBE_POS_X as usize * COLUMNS + unit % COLUMNS;
    let mut sum = 0.0f32;
    if column < width {
        sum = product(rows, weight, picture, column, unit / COLUMNS, PARTS);
    }
    let mut sums = Shared::<[f32]>::new_slice(THREADS);
    sums[unit] = sum;
    sync_cube();
    if unit < COLUMNS && column < width {
        let mut total = 0.0f32;
        #[unroll]
        for part in 0..PARTS {
            total += sums[unit + comptime!(part * COLUMNS)];
        }
        if biased {
            total += bias[column];
        }
        output[picture * width + column] = if leaky { leaked(total) } else { total };
    }
}

/// A row times a column, of which every so many numbers from one on.
#[cube]
fn product(
    rows: &Tensor<f32>,
    weight: &Tensor<f32>,
    picture: usize,
    column: usize,
    first: usize,
    #[comptime] every: usize,
) -> f32 {
    let length = weight.shape(0);
    let mut sum = 0.0f32;
    let mut at = first;
    while at < length {
        sum +=
            rows[picture * length + at] * weight[at * weight.stride(0) + column * weight.stride(1)];
        at += every;
    }
    sum
}

/// The leaky ReLU. What is not a number stays so.
#[cube]
fn leaked(value: f32) -> f32 {
    value + min(value, 0.0) * comptime!(LEAK - 1.0)
}

/// With [`Activation::LeakyNormalized`]: a workgroup for each row, in which each thread has some columns.
#[cube(launch_unchecked)]
fn normalized(
    rows: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    output: &mut Tensor<f32>,
    #[comptime] biased: bool,
) {
    let width = weight.shape(1);
    let unit = UNIT_POS as usize;
    let picture = CUBE_POS_Y as usize;
    let start = picture * width;
    let mut own = 0.0f32;
    let mut column = unit;
    while column < width {
        let mut total = product(rows, weight, picture, column, 0usize, 1usize);
        if biased {
            total += bias[column];
        }
        total = leaked(total);
        output[start + column] = total;
        own += total;
        column += THREADS;
    }
    let mean = sum_of_all(own) / f32::cast_from(width);
    let mut squares = 0.0f32;
    column = unit;
    while column < width {
        let distance = output[start + column] - mean;
        squares += distance * distance;
        column += THREADS;
    }
    let variance = sum_of_all(squares) / f32::cast_from(width);
    let scale = 1.0f32 / (variance + comptime!(EPSILON as f32)).sqrt();
    column = unit;
    while column < width {
        output[start + column] = (output[start + column] - mean) * scale;
        column += THREADS;
    }
}

/// The sum of what the threads of a workgroup have.
#[cube]
fn sum_of_all(own: f32) -> f32 {
    let unit = UNIT_POS as usize;
    let mut sums = Shared::<[f32]>::new_slice(THREADS);
    sums[unit] = own;
    sync_cube();
    let mut half = comptime!(THREADS / 2).runtime();
    while half > 0 {
        if unit < half {
            sums[unit] += sums[unit + half];
        }
        sync_cube();
        half /= 2;
    }
    sums[0]
}
