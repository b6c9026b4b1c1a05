//! What is not a convolution of all channels with all.

use burn_flex::FlexTensor;

use super::isa::{Isa, for_each_isa, multiply_add};
use super::lines::Reader;
use super::{tensor, threads, values};
use crate::kernels::{Border, GoalKind, Reading};
use crate::layers::EPSILON;
use crate::palette::{BLUR, CLAMP, PHOTO_CLAMP};

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

/// Scale and shift that take every channel to the deviation and the mean of the goal, whose rows,
/// weight and bias are in `tensors`.
pub fn normalization(
    features: &FlexTensor,
    tensors: [&FlexTensor; 3],
    goal: GoalKind,
) -> FlexTensor {
    let [batch, channels, height, width] = features.layout().shape().dims();
    let [rows, weight, bias] = tensors;
    let predicted;
    // Where in which rows the deviations and the means are, and what is added to the deviations.
    let (rows, deviations, means, more) = match goal {
        GoalKind::Unit => (None, 0, 0, 1.0),
        GoalKind::Last => {
            let [_, length] = rows.layout().shape().dims();
            (Some((values(rows), length)), length - channels, length - 2 * channels, 0.0)
        }
        GoalKind::Predicted => {
            predicted = linear(rows, weight, Some(bias), false);
            (Some((values(&predicted), 2 * channels)), 0, channels, 1.0)
        }
    };
    let features = values(features);
    let isa = Isa::best();
    // A mean and a deviation for every plane.
    let mut found = vec![0.0; 2 * batch * channels];
    threads::for_each_piece(&mut found, 2, |plane, found| {
        moments(isa, &features[plane * height * width..][..height * width], found);
    });
    let mut affine = vec![0.0; 2 * batch * channels];
    for (plane, found) in found.chunks_exact(2).enumerate() {
        let (picture, channel) = (plane / channels, plane % channels);
        let wanted = |at: usize| {
            rows.map_or(0.0, |(values, length)| values[picture * length + at + channel])
        };
        let scale = (wanted(deviations) + more) / found[1];
        let at = picture * 2 * channels + channel;
        affine[at] = scale;
        affine[at + channels] = wanted(means) - found[0] * scale;
    }
    tensor(affine, [batch, 2, channels])
}

/// `rows * weight + bias`, negative results to 0 where `relu` is set. Rows are few and short: one
/// thread.
pub fn linear(
    rows: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
    relu: bool,
) -> FlexTensor {
    let [batch, length] = rows.layout().shape().dims();
    let [_, width] = weight.layout().shape().dims();
    let mut output = vec![0.0; batch * width];
    for (row, output) in values(rows).chunks_exact(length).zip(output.chunks_exact_mut(width)) {
        if let Some(bias) = bias {
            output.copy_from_slice(values(bias));
        }
        for (&value, weights) in row.iter().zip(values(weight).chunks_exact(width)) {
            for (sum, &weight) in output.iter_mut().zip(weights) {
                *sum += value * weight;
            }
        }
        if relu {
            // `max` would hide what is not a number.
            output.iter_mut().filter(|value| **value < 0.0).for_each(|value| *value = 0.0);
        }
    }
    tensor(output, [batch, width])
}

/// The largest of every 2 x 2 values.
pub fn pool(features: &FlexTensor) -> FlexTensor {
    let [batch, channels, height, width] = features.layout().shape().dims();
    let (small_height, small_width) = (height / 2, width / 2);
    let features = values(features);
    let mut output = vec![0.0; batch * channels * small_height * small_width];
    let isa = Isa::best();
    threads::for_each_piece(&mut output, small_height * small_width, |plane, output| {
        pool_plane(isa, &features[plane * height * width..][..height * width], width, output);
    });
    tensor(output, [batch, channels, small_height, small_width])
}

for_each_isa! {
    fn pool_plane = pool_plane_body(values: &[f32], width: usize, output: &mut [f32])
}

#[inline(always)]
fn pool_plane_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    values: &[f32],
    width: usize,
    output: &mut [f32],
) {
    // `max` would hide what is not a number.
    let larger = |a: f32, b: f32| if a > b || a.is_nan() { a } else { b };
    for (lines, output) in values.chunks_exact(2 * width).zip(output.chunks_exact_mut(width / 2)) {
        let (upper, lower) = lines.split_at(width);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        for (value, (upper, lower)) in output.iter_mut().zip(pairs) {
            *value = larger(larger(upper[0], upper[1]), larger(lower[0], lower[1]));
        }
    }
}

/// See [`palette_logits`](crate::kernels::palette_logits).
pub fn palette_logits(photos: &FlexTensor, maps: &FlexTensor) -> FlexTensor {
    let [batch, _, height, width] = photos.layout().shape().dims();
    let (small_height, small_width) = (height / BLUR, width / BLUR);
    let (photos, maps) = (values(photos), values(maps));
    let mut output = vec![0.0; batch * 3 * small_height * small_width];
    threads::for_each_piece(&mut output, small_height * small_width, |plane, output| {
        let planes = &photos[plane / 3 * 3 * height * width..][..3 * height * width];
        let (row, offset) = (&maps[4 * plane..][..3], maps[4 * plane + 3]);
        for (y, line) in output.chunks_exact_mut(small_width).enumerate() {
            for (x, value) in line.iter_mut().enumerate() {
                let mut colour = offset;
                for (channel, factor) in row.iter().enumerate() {
                    let mut sum = 0.0;
                    for from in 0..BLUR {
                        let line = (channel * height + y * BLUR + from) * width + x * BLUR;
                        sum += planes[line..][..BLUR].iter().sum::<f32>();
                    }
                    colour += factor * sum / (BLUR * BLUR) as f32;
                }
                *value = clamped_logit(colour, CLAMP as f32);
            }
        }
    });
    tensor(output, [batch, 3, small_height, small_width])
}

/// See [`unpack`](crate::kernels::unpack).
pub fn unpack(pixels: &FlexTensor) -> FlexTensor {
    let [batch, _, height, width] = pixels.layout().shape().dims();
    let area = height * width;
    let pixels = values(pixels);
    let mut output = vec![0.0; 3 * batch * area];
    threads::for_each_piece(&mut output, area, |plane, output| {
        let shift = 8 * (plane % 3);
        for (value, &pixel) in output.iter_mut().zip(&pixels[plane / 3 * area..]) {
            *value = ((pixel as u32 >> shift) & 0xff) as f32 / 255.0;
        }
    });
    tensor(output, [batch, 3, height, width])
}

/// See [`pack`](crate::kernels::pack).
pub fn pack(pictures: &FlexTensor) -> FlexTensor {
    let [batch, _, height, width] = pictures.layout().shape().dims();
    let area = height * width;
    let pictures = values(pictures);
    let level = |value: f32| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u32;
    let mut output = vec![0.0; batch * area];
    threads::for_each_piece(&mut output, width, |line, output| {
        let (picture, from) = (line / height, line % height * width);
        let [red, green, blue] =
            [0, 1, 2].map(|channel| &pictures[(3 * picture + channel) * area + from..][..width]);
        for (x, pixel) in output.iter_mut().enumerate() {
            let [red, green, blue] = [red[x], green[x], blue[x]];
            *pixel = match (red + green + blue).is_nan() {
                true => -1.0,
                false => (level(red) | level(green) << 8 | level(blue) << 16) as f32,
            };
        }
    });
    tensor(output, [batch, 1, height, width])
}

/// See [`finish`](crate::kernels::finish).
pub fn finish(tensors: [&FlexTensor; 6], strength: f32) -> FlexTensor {
    let [strokes, palette, ..] = tensors;
    let [batch, _, height, width] = strokes.layout().shape().dims();
    let [.., small_height, small_width] = palette.layout().shape().dims::<4>();
    let [strokes, palette, maps, colour, detail, photos] = tensors.map(values);
    let mut output = vec![0.0; batch * 3 * height * width];
    threads::for_each_piece(&mut output, height * width, |plane, output| {
        let small = &palette[plane * small_height * small_width..][..small_height * small_width];
        let map: &[f32; 4] = maps[4 * plane..].first_chunk().expect("four for each plane");
        let &[red_part, green_part, blue_part, offset] = map;
        let (colour_weight, detail_weight) = (colour[plane % 3], detail[plane]);
        // The three planes of the same picture.
        let colours = &photos[plane / 3 * 3 * height * width..][..3 * height * width];
        for (y, line) in output.chunks_exact_mut(width).enumerate() {
            let (upper, lower, down) = between(y, small_height);
            let from = (plane * height + y) * width;
            let (strokes, photo) = (&strokes[from..][..width], &photos[from..][..width]);
            let line_of = |channel: usize| &colours[(channel * height + y) * width..][..width];
            let (red, green, blue) = (line_of(0), line_of(1), line_of(2));
            for (x, value) in line.iter_mut().enumerate() {
                let (left, right, along) = between(x, small_width);
                let at = |y: usize| {
                    let (a, b) = (small[y * small_width + left], small[y * small_width + right]);
                    a + (b - a) * along
                };
                let colour = at(upper) + (at(lower) - at(upper)) * down;
                let whole =
                    red_part * red[x] + green_part * green[x] + blue_part * blue[x] + offset;
                let detail = clamped_logit(whole, CLAMP as f32) - colour;
                let mut logit = strokes[x] + colour_weight * colour + detail_weight * detail;
                if strength < 1.0 {
                    let photo = clamped_logit(photo[x], PHOTO_CLAMP as f32);
                    logit = logit * strength + photo * (1.0 - strength);
                }
                *value = 1.0 / (1.0 + (-logit).exp());
            }
        }
    });
    tensor(output, [batch, 3, height, width])
}

/// The two of `length` values that one which is [`BLUR`] times as fine lies between, and how far it
/// is from the first.
fn between(at: usize, length: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) / BLUR as f32 - 0.5).max(0.0);
    let first = place as usize;
    (first, (first + 1).min(length - 1), place - first as f32)
}

/// `ln(x / (1 - x))` of a value that is kept this far from 0 and 1.
fn clamped_logit(value: f32, distance: f32) -> f32 {
    let value = value.clamp(distance, 1.0 - distance);
    (value / (1.0 - value)).ln()
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
