//! The palette's picture, the picture that is made of it and the strokes, and pixels of 8 bits.

use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{THREADS, by_plane, empty};
use crate::kernels::{BLUR, CLAMP, PHOTO_CLAMP};

/// Workgroups that look for faults.
const FAULT_GROUPS: usize = 16;

/// `tensors`: as in [`FusedKernels::palette_logits`](super::FusedKernels::palette_logits), contiguous.
pub fn palette_logits(tensors: [CubeTensor; 2]) -> CubeTensor {
    let [photos, maps] = tensors;
    let [batch, _, height, width] = photos.meta.shape().dims();
    let dims = [batch, 3, height / BLUR, width / BLUR];
    let (client, count, dim, output) = by_plane(&photos, dims);
    // SAFETY: threads beyond the last pixel end at once, the others read whole squares.
    unsafe {
        palette_kernel::launch_unchecked(
            &client,
            count,
            dim,
            photos.into_tensor_arg(),
            maps.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn palette_kernel(photos: &Tensor<f32>, maps: &Tensor<f32>, output: &mut Tensor<f32>) {
    let width = output.shape(3);
    let pixels = output.shape(2) * width;
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= pixels {
        terminate!();
    }
    let plane = CUBE_POS_Y as usize;
    let photo_width = photos.shape(3);
    let photo_pixels = photos.shape(2) * photo_width;
    let corner = (pixel / width) * BLUR * photo_width + (pixel % width) * BLUR;
    let mut colour = maps[plane * 4 + 3];
    #[unroll]
    for channel in 0..3usize {
        let start = ((plane / 3) * 3 + channel) * photo_pixels + corner;
        let mut sum = 0.0f32;
        #[unroll]
        for y in 0..BLUR {
            #[unroll]
            for x in 0..BLUR {
                sum += photos[start + y * photo_width + x];
            }
        }
        colour += maps[plane * 4 + channel] * sum * comptime!(1.0 / (BLUR * BLUR) as f32);
    }
    output[plane * pixels + pixel] = clamped_logit(colour, comptime!(CLAMP as f32));
}

/// `tensors`: as in [`FusedKernels::finish`](super::FusedKernels::finish), contiguous.
pub fn finish(tensors: [CubeTensor; 5], strength: f32) -> CubeTensor {
    let [strokes, colourings, palette, colour, photos] = tensors;
    let dims = strokes.meta.shape().dims();
    let (client, count, dim, output) = by_plane(&strokes, dims);
    // SAFETY: threads beyond the last pixel end at once, and places in the palette are kept inside.
    unsafe {
        finish_kernel::launch_unchecked(
            &client,
            count,
            dim,
            strokes.into_tensor_arg(),
            colourings.into_tensor_arg(),
            palette.into_tensor_arg(),
            colour.into_tensor_arg(),
            photos.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            strength,
            strength < 1.0,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn finish_kernel(
    strokes: &Tensor<f32>,
    colourings: &Tensor<f32>,
    palette: &Tensor<f32>,
    colour_weight: &Tensor<f32>,
    photos: &Tensor<f32>,
    output: &mut Tensor<f32>,
    strength: f32,
    #[comptime] mixed: bool,
) {
    let width = output.shape(3);
    let pixels = output.shape(2) * width;
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= pixels {
        terminate!();
    }
    let plane = CUBE_POS_Y as usize;
    let at = plane * pixels + pixel;
    let small_width = palette.shape(3);
    let start = plane * palette.shape(2) * small_width;
    let (upper, lower, down) = between(pixel / width, palette.shape(2));
    let (left, right, along) = between(pixel % width, small_width);
    let above = start + upper * small_width;
    let below = start + lower * small_width;
    let above = palette[above + left] * (1.0 - along) + palette[above + right] * along;
    let below = palette[below + left] * (1.0 - along) + palette[below + right] * along;
    let colour = above * (1.0 - down) + below * down;
    let mut logit = colour_weight[plane] * colour;
    #[unroll]
    for channel in 0..3usize {
        let stroke = strokes[((plane / 3) * 3 + channel) * pixels + pixel];
        logit += colourings[plane * 3 + channel] * stroke;
    }
    if mixed {
        let photo = clamped_logit(photos[at], comptime!(PHOTO_CLAMP as f32));
        logit = logit * strength + photo * (1.0 - strength);
    }
    output[at] = 1.0 / (1.0 + (-logit).exp());
}

/// The two of `length` values that one which is [`BLUR`] times as fine lies between, and how far it
/// is from the first.
#[cube]
fn between(at: usize, length: usize) -> (usize, usize, f32) {
    let place = (f32::cast_from(at) + 0.5) * comptime!(1.0 / BLUR as f32) - 0.5;
    let place = max(place, 0.0);
    let first = usize::cast_from(place);
    (first, min(first + 1, length - 1), place - f32::cast_from(first))
}

/// `ln(x / (1 - x))` of a value that is kept this far from 0 and 1.
#[cube]
fn clamped_logit(value: f32, #[comptime] distance: f32) -> f32 {
    let value = min(max(value, distance), 1.0 - distance);
    (value / (1.0 - value)).ln()
}

/// See [`unpack`](crate::kernels::unpack).
pub fn unpack(pixels: CubeTensor) -> CubeTensor {
    let [batch, _, height, width] = pixels.meta.shape().dims();
    let dims = [batch, 3, height, width];
    let (client, count, dim, output) = by_plane(&pixels, dims);
    // SAFETY: threads beyond the last pixel end at once.
    unsafe {
        unpack_kernel::launch_unchecked(
            &client,
            count,
            dim,
            pixels.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn unpack_kernel(packed: &Tensor<f32>, output: &mut Tensor<f32>) {
    let pixels = output.shape(2) * output.shape(3);
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= pixels {
        terminate!();
    }
    let plane = CUBE_POS_Y as usize;
    let shift = (plane % 3) as u32 * 8;
    let level = (u32::cast_from(packed[plane / 3 * pixels + pixel]) >> shift) & 255;
    output[plane * pixels + pixel] = f32::cast_from(level) / 255.0;
}

/// See [`pack`](crate::kernels::pack).
pub fn pack(pictures: CubeTensor) -> CubeTensor {
    let [batch, _, height, width] = pictures.meta.shape().dims();
    let dims = [batch, 1, height, width];
    let (client, count, dim, output) = by_plane(&pictures, dims);
    // SAFETY: threads beyond the last pixel end at once.
    unsafe {
        pack_kernel::launch_unchecked(
            &client,
            count,
            dim,
            pictures.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn pack_kernel(pictures: &Tensor<f32>, output: &mut Tensor<f32>) {
    let pixels = output.shape(2) * output.shape(3);
    let pixel = ABSOLUTE_POS_X as usize;
    if pixel >= pixels {
        terminate!();
    }
    let picture = CUBE_POS_Y as usize;
    let mut packed = 0.0f32;
    let mut wrong = false;
    #[unroll]
    for channel in 0..3usize {
        let value = pictures[(picture * 3 + channel) * pixels + pixel];
        // What is not a number is seen in its bits: shaders may take comparisons to know none.
        wrong = wrong || (u32::reinterpret(value) & 0x7fff_ffff) > 0x7f80_0000;
        let level = (min(max(value, 0.0), 1.0) * 255.0 + 0.5).floor();
        packed += level * comptime!((1 << (8 * channel)) as f32);
    }
    output[picture * pixels + pixel] = select(wrong, -1.0, packed);
}

/// See [`screen::faults`](super::screen::faults).
pub fn faults(packed: CubeTensor) -> CubeTensor {
    let output = empty(&packed, [1, 1, FAULT_GROUPS, THREADS]);
    // SAFETY: places are kept below the number of pixels, and there is a thread for each value.
    unsafe {
        faults_kernel::launch_unchecked(
            &packed.client.clone(),
            CubeCount::Static(FAULT_GROUPS as u32, 1, 1),
            CubeDim::new_1d(THREADS as u32),
            packed.into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn faults_kernel(packed: &Tensor<f32>, output: &mut Tensor<f32>) {
    let pixels = packed.shape(2) * packed.shape(3);
    let mut least = 0.0f32;
    let mut at = ABSOLUTE_POS_X as usize;
    while at < pixels {
        least = min(least, packed[at]);
        at += comptime!(FAULT_GROUPS * THREADS);
    }
    output[ABSOLUTE_POS_X as usize] = least;
}
