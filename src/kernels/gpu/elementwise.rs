//! What is not a convolution of all channels with all: a thread for every pixel.

use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::super::Reading;
use super::convolution::pixel;
use super::{by_plane, dims_read};

/// `a + b` as they are read; `tensors`: as in [`FusedKernels::sum`](super::FusedKernels::sum), contiguous.
pub fn sum(tensors: [CubeTensor; 4], readings: [Reading; 2]) -> CubeTensor {
    let [a, a_affine, b, b_affine] = tensors;
    let dims = dims_read(&a, readings[0]);
    let (client, count, dim, output) = by_plane(&a, dims);
    // SAFETY: threads beyond the last pixel end at once.
    unsafe {
        sum_kernel::launch_unchecked(
            &client,
            count,
            dim,
            a.into_tensor_arg(),
            a_affine.into_tensor_arg(),
            b.into_tensor_arg(),
            b_affine.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            readings[0],
            readings[1],
        );
    }
    output
}

#[cube(launch_unchecked)]
fn sum_kernel(
    a: &Tensor<f32>,
    a_affine: &Tensor<f32>,
    b: &Tensor<f32>,
    b_affine: &Tensor<f32>,
    output: &mut Tensor<f32>,
    #[comptime] a_reading: Reading,
    #[comptime] b_reading: Reading,
) {
    let width = output.shape(3);
    let pixels = output.shape(2) * width;
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= pixels {
        terminate!();
    }
    let channels = output.shape(1);
    let plane = CUBE_POS_Y as usize;
    let (y, x) = (pixel / width, pixel % width);
    output[plane * pixels + pixel] = read(a, a_affine, plane, channels, y, x, a_reading)
        + read(b, b_affine, plane, channels, y, x, b_reading);
}

/// A pixel as it is read.
#[cube]
fn read(
    features: &Tensor<f32>,
    affine: &Tensor<f32>,
    plane: usize,
    channels: usize,
    y: usize,
    x: usize,
    #[comptime] reading: Reading,
) -> f32 {
    let (height, width) = (features.shape(2), features.shape(3));
    let mut scale = 1.0f32;
    let mut shift = 0.0f32;
    if comptime!(reading.affine) {
        let at = (plane / channels) * 2 * channels + plane % channels;
        scale = affine[at];
        shift = affine[at + channels];
    }
    pixel(features, plane * height * width, height, width, y, x, scale, shift, reading)
}

/// The input and its convolution with one kernel a channel; both contiguous.
pub fn depthwise(input: CubeTensor, kernels: CubeTensor) -> CubeTensor {
    let dims = dims_read(&input, Reading::default());
    let (client, count, dim, output) = by_plane(&input, dims);
    // SAFETY: threads beyond the last pixel end at once, and reflection stays inside.
    unsafe {
        depthwise_kernel::launch_unchecked(
            &client,
            count,
            dim,
            input.into_tensor_arg(),
            kernels.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn depthwise_kernel(input: &Tensor<f32>, kernels: &Tensor<f32>, output: &mut Tensor<f32>) {
    let height = input.shape(2);
    let width = input.shape(3);
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= height * width {
        terminate!();
    }
    let plane = CUBE_POS_Y as usize;
    let start = plane * height * width;
    let (y, x) = (pixel / width, pixel % width);
    let mut sum = input[start + pixel];
    #[unroll]
    for tap in 0..9usize {
        let from_y = reflected(y + comptime!(tap / 3), height);
        let from_x = reflected(x + comptime!(tap % 3), width);
        sum += kernels[plane * 9 + tap] * input[start + from_y * width + from_x];
    }
    output[start + pixel] = sum;
}

/// The pixel that is seen at `at - 1`, which is at most one pixel outside.
#[cube]
fn reflected(at: usize, length: usize) -> usize {
    let inside = select(at == 0, 2usize, at) - 1;
    select(inside == length, length - 2, inside)
}

/// See [`pool`](crate::kernels::pool); contiguous. burn's own turns the tensor to channels last, and back.
pub fn pool(features: CubeTensor) -> CubeTensor {
    let [batch, channels, height, width] = dims_read(&features, Reading::default());
    let dims = [batch, channels, height / 2, width / 2];
    let (client, count, dim, output) = by_plane(&features, dims);
    // SAFETY: threads beyond the last pixel end at once, and an odd last line or column is not read.
    unsafe {
        pool_kernel::launch_unchecked(
            &client,
            count,
            dim,
            features.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn pool_kernel(features: &Tensor<f32>, output: &mut Tensor<f32>) {
    let width = output.shape(3);
    let pixels = output.shape(2) * width;
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= pixels {
        terminate!();
    }
    let plane = CUBE_POS_Y as usize;
    let across = features.shape(3);
    let (y, x) = (pixel / width, pixel % width);
    let corner = (plane * features.shape(2) + 2 * y) * across + 2 * x;
    let upper = max(features[corner], features[corner + 1]);
    let lower = max(features[corner + across], features[corner + across + 1]);
    output[plane * pixels + pixel] = max(upper, lower);
}

/// See [`activation_gradient`](crate::kernels::activation_gradient); both contiguous.
pub fn activation_gradient([gradient, output]: [CubeTensor; 2], pooled: bool) -> CubeTensor {
    let dims = dims_read(&output, Reading::default());
    let (client, count, dim, found) = by_plane(&output, dims);
    // SAFETY: threads beyond the last pixel end at once, and an odd last line or column reads nothing else.
    unsafe {
        activation_gradient_kernel::launch_unchecked(
            &client,
            count,
            dim,
            gradient.into_tensor_arg(),
            output.into_tensor_arg(),
            found.clone().into_tensor_arg(),
            pooled,
        );
    }
    found
}

#[cube(launch_unchecked)]
fn activation_gradient_kernel(
    gradient: &Tensor<f32>,
    output: &Tensor<f32>,
    found: &mut Tensor<f32>,
    #[comptime] pooled: bool,
) {
    let height = output.shape(2);
    let width = output.shape(3);
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= height * width {
        terminate!();
    }
    let plane = CUBE_POS_Y as usize;
    let start = plane * height * width;
    let value = output[start + pixel];
    let mut sum = 0.0f32;
    if comptime!(pooled) {
        let (lines, columns) = (height / 2, width / 2);
        let (line, column) = (pixel / width / 2, pixel % width / 2);
        if line < lines && column < columns {
            let corner = start + 2 * line * width + 2 * column;
            let upper = max(output[corner], output[corner + 1]);
            let lower = max(output[corner + width], output[corner + width + 1]);
            if value >= max(upper, lower) {
                sum = gradient[plane * lines * columns + line * columns + column];
            }
        }
    } else {
        sum = gradient[start + pixel];
    }
    found[start + pixel] = select(value > 0.0f32, sum, 0.0f32);
}
