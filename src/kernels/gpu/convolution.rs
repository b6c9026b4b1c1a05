//! Convolutions: a workgroup brings a tile of the input and the weights into its own memory, from
//! where its threads read them many times.
//!
//! A thread computes [`ROWS`] x [`COLUMNS`] pixels of some channels in registers. With 8 channels
//! a 3 x 3 convolution reads, for every channel of the input, 8 vectors of pixels and 18 vectors
//! of weights from workgroup memory, and multiplies 576 times: 22 multiplications a read. The
//! reads of the weights are the same for all threads of a subgroup, those of the pixels go to
//! neighbouring addresses.

use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::super::{Border, Reading, Spec};
use super::{dims_read, empty};

/// Pixels that a thread computes, side by side and below one another.
const COLUMNS: usize = 4;
const ROWS: usize = 2;
/// Threads, side by side and below one another, that share their channels.
const LANES_X: usize = 8;
const LANES_Y: usize = 8;
const LANES: usize = LANES_X * LANES_Y;
/// Pixels that a workgroup computes.
const TILE_WIDTH: usize = LANES_X * COLUMNS;
const TILE_HEIGHT: usize = LANES_Y * ROWS;

/// Pixels that follow one another, or the weights of channels that do.
type Quad = Vector<f32, Const<4>>;

/// What a shader is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Plan {
    spec: Spec,
    /// 1 or 3.
    kernel: usize,
    /// Channels that a thread computes, in fours.
    quads: usize,
    /// How many times [`LANES`] threads a workgroup has, each for other channels.
    groups: usize,
    /// Channels of the input that are brought in at a time.
    chunk: usize,
}

impl Plan {
    fn new(channels_in: usize, channels_out: usize, kernel: usize, spec: Spec) -> Self {
        let quads = if channels_out > 4 { 2 } else { 1 };
        // At most 256 threads, as WebGPU promises.
        let groups = channels_out.div_ceil(4 * quads).min(4);
        Self { spec, kernel, quads, groups, chunk: channels_in.min(4) }
    }

    fn threads(&self) -> usize {
        self.groups * LANES
    }

    /// Pixels beyond the tile on every side.
    fn reach(&self) -> usize {
        self.kernel / 2
    }

    /// Channels of the output that a workgroup computes, in fours.
    fn quads_out(&self) -> usize {
        self.groups * self.quads
    }

    /// Quads of a line of the tile, with what is beyond it.
    fn line(&self) -> usize {
        (TILE_WIDTH + 2 * self.reach()).div_ceil(4)
    }

    /// Quads of a channel of the tile.
    fn plane(&self) -> usize {
        self.line() * (TILE_HEIGHT + 2 * self.reach())
    }

    /// Weights of an output channel that are brought in at a time.
    fn weights(&self) -> usize {
        self.chunk * self.kernel * self.kernel
    }

    /// From the weights for one place of the kernel to the next, in quads: odd, so that threads
    /// that write one after the other use different banks of the memory.
    fn weight_stride(&self) -> usize {
        self.quads_out() | 1
    }
}

/// `tensors`: as in [`Kernels::convolution`](super::Kernels::convolution), contiguous.
pub fn launch(tensors: [CubeTensor; 6], spec: Spec) -> CubeTensor {
    let [input, input_affine, weight, bias, residual, residual_affine] = tensors;
    let [batch, _, height, width] = dims_read(&input, spec.input);
    let [channels_out, channels_in, kernel, _] = weight.meta.shape().dims();
    let plan = Plan::new(channels_in, channels_out, kernel, spec);
    let output = empty(&input, [batch, channels_out, height, width]);
    let blocks = channels_out.div_ceil(4 * plan.quads_out());
    let count = CubeCount::Static(
        width.div_ceil(TILE_WIDTH) as u32,
        height.div_ceil(TILE_HEIGHT) as u32,
        (batch * blocks) as u32,
    );
    let client = input.client.clone();
    // SAFETY: every index is kept within its tensor: those of inputs by clamping, those of outputs
    // by comparison.
    unsafe {
        convolution::launch_unchecked(
            &client,
            count,
            CubeDim::new_1d(plan.threads() as u32),
            input.into_tensor_arg(),
            input_affine.into_tensor_arg(),
            weight.into_tensor_arg(),
            bias.into_tensor_arg(),
            residual.into_tensor_arg(),
            residual_affine.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            plan,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn convolution(
    input: &Tensor<f32>,
    input_affine: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    residual: &Tensor<f32>,
    residual_affine: &Tensor<f32>,
    output: &mut Tensor<f32>,
    #[comptime] plan: Plan,
) {
    let spec = comptime!(plan.spec);
    let reach = comptime!(plan.reach());
    let taps = comptime!(plan.kernel * plan.kernel);
    let threads = comptime!(plan.threads());
    let line = comptime!(plan.line());
    let plane = comptime!(plan.plane());
    let rows_read = comptime!(ROWS + 2 * reach);
    let columns_read = comptime!(COLUMNS + 2 * reach);

    let channels_in = weight.shape(1);
    let channels_out = weight.shape(0);
    let height = output.shape(2);
    let width = output.shape(3);
    let input_width = input.shape(3);
    let input_plane = input.shape(2) * input_width;

    let unit = UNIT_POS as usize;
    let lane_x = unit % LANES_X;
    let lane_y = (unit % LANES) / LANES_X;
    let group = unit / LANES;
    let tile_x = CUBE_POS_X as usize * TILE_WIDTH;
    let tile_y = CUBE_POS_Y as usize * TILE_HEIGHT;
    let channels_block = comptime!(4 * plan.quads_out());
    let blocks = (channels_out + channels_block - 1) / channels_block;
    let picture = CUBE_POS_Z as usize / blocks;
    let first_out = (CUBE_POS_Z as usize % blocks) * channels_block;

    let mut tile = Shared::<[Quad]>::new_slice(comptime!(plan.chunk * plane));
    let mut weights = Shared::<[Quad]>::new_slice(comptime!(plan.weights() * plan.weight_stride()));

    // Where this thread's part of the tile comes from is the same for all channels.
    let rounds = comptime!(plane.div_ceil(threads));
    let mut lines = Array::<usize>::new(rounds);
    let mut columns = Array::<usize>::new(comptime!(4 * rounds));
    #[unroll]
    for round in 0..rounds {
        let place = unit + round * threads;
        let y = source(tile_y + place / line, height, reach, spec.border);
        lines[round] = select(y < height, position(y, spec.input) * input_width, OUTSIDE);
        #[unroll]
        for j in 0..4usize {
            let x = source(tile_x + (place % line) * 4 + j, width, reach, spec.border);
            columns[round * 4 + j] = select(x < width, position(x, spec.input), OUTSIDE);
        }
    }

    let mut sums = Array::<Quad>::new(comptime!(plan.quads * ROWS * COLUMNS));
    #[unroll]
    for i in 0..comptime!(plan.quads * ROWS * COLUMNS) {
        sums[i] = Quad::new(0.0);
    }

    let mut first = 0usize;
    while first < channels_in {
        // Nobody reads the chunk before any more.
        sync_cube();
        #[unroll]
        for round in 0..rounds {
            let place = unit + round * threads;
            if place < plane {
                #[unroll]
                for c in 0..plan.chunk {
                    let channel = first + c;
                    let mut quad = Quad::new(0.0);
                    if channel < channels_in {
                        let start = (picture * channels_in + channel) * input_plane;
                        let mut scale = 1.0f32;
                        let mut shift = 0.0f32;
                        if comptime!(spec.input.affine) {
                            let at = picture * 2 * channels_in + channel;
                            scale = input_affine[at];
                            shift = input_affine[at + channels_in];
                        }
                        #[unroll]
                        for j in 0..4usize {
                            let value = value_at(
                                input,
                                start,
                                lines[round],
                                columns[round * 4 + j],
                                spec.border,
                                scale,
                                shift,
                                spec.input,
                            );
                            quad.insert(j, value);
                        }
                    }
                    tile[c * plane + place] = quad;
                }
            }
        }
        let weight_rows = comptime!(plan.weights());
        let items = comptime!(plan.weights() * plan.quads_out());
        #[unroll]
        for round in 0..comptime!(items.div_ceil(threads)) {
            let item = unit + round * threads;
            if item < items {
                let row = item % weight_rows;
                let channel = first_out + (item / weight_rows) * 4;
                let from = first * taps + row;
                let mut quad = Quad::new(0.0);
                if from < channels_in * taps {
                    #[unroll]
                    for j in 0..4usize {
                        // What is beyond the last channel is computed but not stored.
                        let row_of = min(channel + j, channels_out - 1);
                        quad.insert(j, weight[row_of * channels_in * taps + from]);
                    }
                }
                weights[row * comptime!(plan.weight_stride()) + item / weight_rows] = quad;
            }
        }
        sync_cube();

        for c in 0..plan.chunk {
            let from = c * plane + lane_y * ROWS * line + lane_x;
            let mut values = Array::<f32>::new(comptime!(rows_read * columns_read));
            #[unroll]
            for row in 0..rows_read {
                let quad = tile[from + row * line];
                #[unroll]
                for j in 0..4usize {
                    values[row * columns_read + j] = quad.extract(j);
                }
                if comptime!(reach > 0) {
                    let quad = tile[from + row * line + 1];
                    #[unroll]
                    for j in 0..comptime!(2 * reach) {
                        values[row * columns_read + 4 + j] = quad.extract(j);
                    }
                }
            }
            let weights_at = c * comptime!(taps * plan.weight_stride()) + group * plan.quads;
            #[unroll]
            for tap in 0..taps {
                let tap_y = comptime!(tap / plan.kernel);
                let tap_x = comptime!(tap % plan.kernel);
                #[unroll]
                for q in 0..plan.quads {
                    let factor = weights[weights_at + comptime!(tap * plan.weight_stride() + q)];
                    #[unroll]
                    for row in 0..ROWS {
                        #[unroll]
                        for column in 0..COLUMNS {
                            let at = comptime!((row + tap_y) * columns_read + column + tap_x);
                            sums[comptime!((q * ROWS + row) * COLUMNS + column)] +=
                                factor * Quad::new(values[at]);
                        }
                    }
                }
            }
        }
        first += plan.chunk;
    }

    let x_start = tile_x + lane_x * COLUMNS;
    let y_start = tile_y + lane_y * ROWS;
    #[unroll]
    for q in 0..plan.quads {
        #[unroll]
        for j in 0..4usize {
            let channel = first_out + (group * plan.quads + q) * 4 + j;
            if channel < channels_out {
                let plane_of = picture * channels_out + channel;
                let added = bias[channel];
                let mut scale = 1.0f32;
                let mut shift = 0.0f32;
                let reading = comptime!(spec.residual.unwrap_or_default());
                if comptime!(reading.affine) {
                    let at = picture * 2 * channels_out + channel;
                    scale = residual_affine[at];
                    shift = residual_affine[at + channels_out];
                }
                #[unroll]
                for row in 0..ROWS {
                    let y = y_start + row;
                    #[unroll]
                    for column in 0..COLUMNS {
                        let x = x_start + column;
                        if y < height && x < width {
                            let sum = sums[comptime!((q * ROWS + row) * COLUMNS + column)];
                            let mut value = sum.extract(j) + added;
                            if comptime!(spec.residual.is_some()) {
                                let at = plane_of * residual.shape(2) + position(y, reading);
                                let at = at * residual.shape(3) + position(x, reading);
                                value += as_read(residual[at], scale, shift, reading);
                            }
                            if comptime!(spec.relu) {
                                value = positive(value);
                            }
                            output[(plane_of * height + y) * width + x] = value;
                        }
                    }
                }
            }
        }
    }
}

/// Stands for a line or a column beyond the border, where that is zeros.
const OUTSIDE: usize = 0xFFFF_FFFF;

/// Where the pixel comes from that is seen `at - reach` along an axis of `length` pixels. At least
/// `length` where it is outside, which happens with zeros there only.
#[cube]
fn source(at: usize, length: usize, #[comptime] reach: usize, #[comptime] border: Border) -> usize {
    if comptime!(reach == 0) {
        // Pixels of the tile beyond the picture are not stored, whatever they are.
        min(at, length - 1)
    } else {
        match comptime!(border) {
            Border::Reflection => {
                let before = reach - min(at, reach);
                let inside = select(at < reach, before, at - min(at, reach));
                // The pixel beyond the last is that before the last; what is further on is not
                // stored.
                let last = length - 1;
                let after = last - min(inside - min(inside, last), last);
                min(inside, after)
            }
            Border::Zero => select(at < reach, length, at - min(at, reach)),
        }
    }
}

/// The value at a place that was found before, or zero where the place is outside.
#[cube]
fn value_at(
    input: &Tensor<f32>,
    start: usize,
    line: usize,
    column: usize,
    #[comptime] border: Border,
    scale: f32,
    shift: f32,
    #[comptime] reading: Reading,
) -> f32 {
    if comptime!(border == Border::Zero) {
        let outside = line == OUTSIDE || column == OUTSIDE;
        let at = select(outside, start, start + line + column);
        select(outside, 0.0f32, as_read(input[at], scale, shift, reading))
    } else {
        as_read(input[start + line + column], scale, shift, reading)
    }
}

/// Where the value of a pixel is along an axis.
#[cube]
pub fn position(at: usize, #[comptime] reading: Reading) -> usize {
    if comptime!(reading.upsample) { at / 2 } else { at }
}

/// A value as it is read.
#[cube]
pub fn as_read(value: f32, scale: f32, shift: f32, #[comptime] reading: Reading) -> f32 {
    let mut result = value;
    if comptime!(reading.affine) {
        result = result * scale + shift;
    }
    if comptime!(reading.relu) {
        result = positive(result);
    }
    result
}

/// Negative values to 0. `max` may hide what is not a number.
#[cube]
fn positive(value: f32) -> f32 {
    select(value < 0.0, 0.0f32, value)
}
