//! Convolutions: a workgroup brings a tile of the input and the weights into its own memory, from
//! where its threads read them many times.
//!
//! A thread computes 4 channels of 4 x 4 pixels in registers. For every channel of the input a
//! 3 x 3 convolution reads 12 vectors of pixels and 9 vectors of weights from workgroup memory, and
//! multiplies 576 times: 27 multiplications a read. The reads of the weights are the same for
//! neighbouring threads, those of the pixels go to neighbouring addresses.
//!
//! A 1 x 1 convolution reads 4 vectors of pixels and one of weights for 64 multiplications, 13 a read. The
//! two of a stylization are 1.3 % of its multiplications; what they cost is to bring in pixels, which a shader
//! of their own would have to as well.

use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::super::{Border, Reading, Spec};
use super::{dims_read, empty};

/// Pixels that a thread computes, side by side and below one another.
const COLUMNS: usize = 4;
const ROWS: usize = 4;
/// Vectors of workgroup memory that a convolution may take: 15.6 of the 16 KiB that WebGPU
/// promises.
const MEMORY: usize = 1000;

/// Pixels that follow one another, or weights of channels that do.
type Quad = Vector<f32, Const<4>>;

/// What a shader is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Plan {
    spec: Spec,
    /// 1 or 3.
    kernel: usize,
    /// Threads side by side and below one another, for the same channels.
    lanes: [usize; 2],
    /// How many times these threads are there, each time for other channels.
    groups: usize,
    /// Channels of the input that are brought in at a time.
    chunk: usize,
}

impl Plan {
    fn new(channels_in: usize, channels_out: usize, kernel: usize, spec: Spec) -> Self {
        // WebGPU promises 256 threads.
        let groups = channels_out.div_ceil(4).min(8);
        let lanes = match (channels_in, groups) {
            // Where there are many channels there are few pixels, and many small workgroups keep
            // more of a GPU busy.
            (64.., 3..) => [4, 2],
            (_, 3..) => [8, 4],
            _ => [8, 8],
        };
        let plan = Self { spec, kernel, lanes, groups, chunk: 1 };
        let fits = MEMORY / (plan.plane() + plan.weights() * plan.weight_stride());
        let power_of_two = 1 << fits.min(16).ilog2();
        Self { chunk: channels_in.min(power_of_two), ..plan }
    }

    fn threads(&self) -> usize {
        self.groups * self.lanes[0] * self.lanes[1]
    }

    /// Pixels that a workgroup computes, side by side and below one another.
    fn tile(&self) -> [usize; 2] {
        [self.lanes[0] * COLUMNS, self.lanes[1] * ROWS]
    }

    /// Pixels beyond the tile on every side.
    fn reach(&self) -> usize {
        self.kernel / 2
    }

    /// Vectors of a line of the tile, with what is beyond it.
    fn line(&self) -> usize {
        (self.tile()[0] + 2 * self.reach()).div_ceil(4)
    }

    /// Vectors of a channel of the tile.
    fn plane(&self) -> usize {
        self.line() * (self.tile()[1] + 2 * self.reach())
    }

    /// Weights of an output channel that are brought in at a time.
    fn weights(&self) -> usize {
        self.chunk * self.kernel * self.kernel
    }

    /// From the weights for one place of the kernel to the next, in vectors: odd, so that threads
    /// that write one after the other use different banks of the memory.
    fn weight_stride(&self) -> usize {
        self.groups | 1
    }
}

/// `tensors`: as in [`FusedKernels::fused_convolution`](super::FusedKernels::fused_convolution), contiguous.
pub fn launch(tensors: [CubeTensor; 6], spec: Spec) -> CubeTensor {
    let [input, input_affine, weight, bias, residual, residual_affine] = tensors;
    let [batch, _, height, width] = dims_read(&input, spec.input);
    let [channels_out, channels_in, kernel, _] = weight.meta.shape().dims();
    let plan = Plan::new(channels_in, channels_out, kernel, spec);
    let output = empty(&input, [batch, channels_out, height, width]);
    let blocks = channels_out.div_ceil(4 * plan.groups);
    let [tile_width, tile_height] = plan.tile();
    let count = CubeCount::Static(
        width.div_ceil(tile_width) as u32,
        height.div_ceil(tile_height) as u32,
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

// Shaders have no `div_ceil`.
#[allow(clippy::manual_div_ceil)]
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
    let input_height = input.shape(2);
    let input_plane = input_height * input_width;

    let unit = UNIT_POS as usize;
    let lanes_x = comptime!(plan.lanes[0]);
    let lanes = comptime!(plan.lanes[0] * plan.lanes[1]);
    let lane_x = unit % lanes_x;
    let lane_y = (unit % lanes) / lanes_x;
    let group = unit / lanes;
    let tile_x = CUBE_POS_X as usize * comptime!(plan.tile()[0]);
    let tile_y = CUBE_POS_Y as usize * comptime!(plan.tile()[1]);
    let channels_block = comptime!(4 * plan.groups);
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
        lines[round] = select(y < height, y, OUTSIDE);
        #[unroll]
        for j in 0..4usize {
            let x = source(tile_x + (place % line) * 4 + j, width, reach, spec.border);
            columns[round * 4 + j] = select(x < width, x, OUTSIDE);
        }
    }

    let mut sums = Array::<Quad>::new(comptime!(ROWS * COLUMNS));
    #[unroll]
    for i in 0..comptime!(ROWS * COLUMNS) {
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
                                input_height,
                                input_width,
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
        let items = comptime!(plan.weights() * plan.groups);
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
            let weights_at = c * comptime!(taps * plan.weight_stride()) + group;
            #[unroll]
            for tap in 0..taps {
                let tap_y = comptime!(tap / plan.kernel);
                let tap_x = comptime!(tap % plan.kernel);
                let factor = weights[weights_at + comptime!(tap * plan.weight_stride())];
                #[unroll]
                for row in 0..ROWS {
                    #[unroll]
                    for column in 0..COLUMNS {
                        let at = comptime!((row + tap_y) * columns_read + column + tap_x);
                        sums[comptime!(row * COLUMNS + column)] += factor * Quad::new(values[at]);
                    }
                }
            }
        }
        first += plan.chunk;
    }

    let x_start = tile_x + lane_x * COLUMNS;
    let y_start = tile_y + lane_y * ROWS;
    #[unroll]
    for j in 0..4usize {
        let channel = first_out + group * 4 + j;
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
                        let sum = sums[comptime!(row * COLUMNS + column)];
                        let mut value = sum.extract(j) + added;
                        if comptime!(spec.residual.is_some()) {
                            let (rows, columns) = (residual.shape(2), residual.shape(3));
                            let start = plane_of * rows * columns;
                            value +=
                                pixel(residual, start, rows, columns, y, x, scale, shift, reading);
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

/// A [`pixel`] whose place was found before, or zero where the place is outside.
#[cube]
fn value_at(
    input: &Tensor<f32>,
    start: usize,
    height: usize,
    width: usize,
    y: usize,
    x: usize,
    #[comptime] border: Border,
    scale: f32,
    shift: f32,
    #[comptime] reading: Reading,
) -> f32 {
    if comptime!(border == Border::Zero) {
        let outside = y == OUTSIDE || x == OUTSIDE;
        let (y, x) = (select(outside, 0usize, y), select(outside, 0usize, x));
        let value = pixel(input, start, height, width, y, x, scale, shift, reading);
        select(outside, 0.0f32, value)
    } else {
        pixel(input, start, height, width, y, x, scale, shift, reading)
    }
}

/// A pixel as it is read, of a plane that begins at `start` and has `height` times `width` pixels in
/// memory.
#[cube]
pub fn pixel(
    features: &Tensor<f32>,
    start: usize,
    height: usize,
    width: usize,
    y: usize,
    x: usize,
    scale: f32,
    shift: f32,
    #[comptime] reading: Reading,
) -> f32 {
    if comptime!(reading.upsample) {
        let near = start + y / 2 * width;
        let far = start + other_neighbour(y, height) * width;
        let (near_x, far_x) = (x / 2, other_neighbour(x, width));
        let at_near_x = mix(
            as_read(features[near + near_x], scale, shift, reading),
            as_read(features[far + near_x], scale, shift, reading),
        );
        let at_far_x = mix(
            as_read(features[near + far_x], scale, shift, reading),
            as_read(features[far + far_x], scale, shift, reading),
        );
        mix(at_near_x, at_far_x)
    } else {
        as_read(features[start + y * width + x], scale, shift, reading)
    }
}

/// The interpolated pixel `at` lies between the pixels `at / 2` and this one, of `length`.
#[cube]
fn other_neighbour(at: usize, length: usize) -> usize {
    let near = at / 2;
    select(at == 2 * near, max(near, 1) - 1, min(near + 1, length - 1))
}

/// An interpolated pixel is three times as far from one neighbour as from the other.
#[cube]
fn mix(near: f32, far: f32) -> f32 {
    0.75f32 * near + 0.25f32 * far
}

/// A value in memory as it is read.
#[cube]
fn as_read(value: f32, scale: f32, shift: f32, #[comptime] reading: Reading) -> f32 {
    let mut result = value;
    if comptime!(reading.affine) {
        result = result * scale + shift;
    }
    if comptime!(reading.relu) {
        result = positive(result);
    }
    result
}

/// Negative values to 0. What is not a number stays; `max` and comparisons may hide it, which shaders
/// may take to know none. With the sign turned over, what is negative is at most ∞ in its bits, all
/// else is more.
#[cube]
pub fn positive(value: f32) -> f32 {
    let negative = (u32::reinterpret(value) ^ 0x8000_0000) <= 0x7f80_0000;
    select(negative, 0.0f32, value)
}
