//! Linear maps of a few rows.

use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{THREADS, empty};
use crate::kernels::LEAK;

/// Results of a workgroup: neighbouring threads read neighbouring weights.
const COLUMNS: usize = 32;
/// Parts of each sum, one a thread.
const PARTS: usize = THREADS / COLUMNS;

/// `tensors`: as in [`Kernels::linear`](super::Kernels::linear), contiguous but for the weight, which
/// is transposed as it comes from a file.
pub fn launch(tensors: [CubeTensor; 3], biased: bool, leaky: bool) -> CubeTensor {
    let [rows, weight, bias] = tensors;
    let [batch, _] = rows.meta.shape().dims();
    let [_, width] = weight.meta.shape().dims();
    let output = empty(&rows, [batch, width]);
    let client = rows.client.clone();
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
            leaky,
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
    let length = weight.shape(0);
    let width = weight.shape(1);
    let unit = UNIT_POS as usize;
    let picture = CUBE_POS_Y as usize;
    let column = CUBE_POS_X as usize * COLUMNS + unit % COLUMNS;
    let mut sum = 0.0f32;
    if column < width {
        let mut at = unit / COLUMNS;
        while at < length {
            sum += rows[picture * length + at]
                * weight[at * weight.stride(0) + column * weight.stride(1)];
            at += PARTS;
        }
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
        if leaky {
            // What is not a number stays so.
            total += min(total, 0.0) * comptime!(LEAK - 1.0);
        }
        output[picture * width + column] = total;
    }
}
