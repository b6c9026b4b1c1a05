//! What is not a convolution of all channels with all.

use burn_flex::{Flex, FlexTensor};

use super::isa::{Isa, for_each_isa, multiply_add};
use super::lines::Reader;
use super::{tensor, threads, values};
use crate::kernels::{Activation, Border, GoalOn, LEAK, Reading};
use crate::kernels::{BLUR, CLAMP, EPSILON, NO_SCALE, PHOTO_CLAMP};

/// Number of partial sums, one in each lane.
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
    let reader = Reader::new(input, None, Reading::default());
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

/// Scale and shift that take every channel to the deviation and the mean of the goal; the features contiguous.
pub fn normalization(features: &FlexTensor, goal: GoalOn<Flex>) -> FlexTensor {
    let [batch, channels, height, width] = features.layout().shape().dims();
    let wanted;
    // Where in which rows the deviations and the means are, and what is added to the deviations.
    let (rows, deviations, means, more) = match goal {
        GoalOn::Unit => (None, 0, 0, 1.0),
        GoalOn::Last(rows) => {
            let [_, length] = rows.layout().shape().dims();
            wanted = rows.to_contiguous();
            (Some((values(&wanted), length)), length - channels, length - 2 * channels, 0.0)
        }
        GoalOn::Predicted { code, weight, bias } => {
            let [code, weight, bias] = [code, weight, bias].map(|x| x.to_contiguous());
            wanted = linear(&code, &weight, Some(&bias), Activation::None);
            (Some((values(&wanted), 2 * channels)), 0, channels, 1.0)
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

/// See [`linear`](crate::kernels::linear). Rows are few and short: one thread.
pub fn linear(
    rows: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
    activation: Activation,
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
        if activation != Activation::None {
            output.iter_mut().filter(|value| **value < 0.0).for_each(|value| *value *= LEAK);
        }
        if activation == Activation::LeakyNormalized {
            let mut found = [0.0; 2];
            moments(Isa::best(), output, &mut found);
            let [mean, deviation] = found;
            output.iter_mut().for_each(|value| *value = (*value - mean) / deviation);
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

/// See [`smoothed`](crate::kernels::smoothed).
pub fn smoothed(before: &FlexTensor, own: &FlexTensor, rate: f32) -> FlexTensor {
    let [batch, _, channels] = own.layout().shape().dims();
    let mut output = vec![0.0; 2 * batch * channels];
    let pictures = values(before).chunks_exact(2 * channels);
    let pictures = pictures.zip(values(own).chunks_exact(2 * channels));
    for ((before, own), output) in pictures.zip(output.chunks_exact_mut(2 * channels)) {
        for channel in 0..channels {
            let a = (1.0 - rate) / (before[channel] + NO_SCALE);
            let b = rate / (own[channel] + NO_SCALE);
            let shift = channels + channel;
            output[channel] = 1.0 / (a + b);
            output[shift] = (before[shift] * a + own[shift] * b) / (a + b);
        }
    }
    tensor(output, [batch, 2, channels])
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
                *value = clamped_logit::<false>(colour, CLAMP as f32);
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
pub fn finish(tensors: [&FlexTensor; 5], strength: f32) -> FlexTensor {
    let [strokes, _, palette, ..] = tensors;
    let [batch, _, height, width] = strokes.layout().shape().dims();
    let [.., small_height, small_width] = palette.layout().shape().dims::<4>();
    let [strokes, colourings, palette, colour, photos] = tensors.map(values);
    let columns: Vec<_> = (0..width).map(|x| between(x, small_width)).collect();
    let isa = Isa::best();
    let mut output = vec![0.0; batch * 3 * height * width];
    threads::for_each_piece(&mut output, height * width, |plane, output| {
        let small = &palette[plane * small_height * small_width..][..small_height * small_width];
        for (y, line) in output.chunks_exact_mut(width).enumerate() {
            let (upper, lower, down) = between(y, small_height);
            let small_line = |y: usize| &small[y * small_width..][..small_width];
            let (upper, lower) = (small_line(upper), small_line(lower));
            for (value, &(left, right, along)) in line.iter_mut().zip(&columns) {
                let at = |line: &[f32]| line[left] + (line[right] - line[left]) * along;
                *value = at(upper) + (at(lower) - at(upper)) * down;
            }
            let at = |plane: usize| (plane * height + y) * width;
            let terms = [0, 1, 2].map(|channel| {
                let strokes = &strokes[at(plane / 3 * 3 + channel)..][..width];
                (colourings[3 * plane + channel], strokes)
            });
            let photo = &photos[at(plane)..][..width];
            finish_line(isa, terms, photo, colour[plane], strength, line);
        }
    });
    tensor(output, [batch, 3, height, width])
}

for_each_isa! {
    /// From the palette's logits in `line`, which weigh `colour`, and from strokes with their weights.
    fn finish_line = finish_line_body(
        strokes: [(f32, &[f32]); 3], photo: &[f32], colour: f32, strength: f32, line: &mut [f32],
    )
}

#[inline(always)]
fn finish_line_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    strokes: [(f32, &[f32]); 3],
    photo: &[f32],
    colour: f32,
    strength: f32,
    line: &mut [f32],
) {
    let width = line.len();
    let photo = &photo[..width];
    let [(red, a), (green, b), (blue, c)] = strokes.map(|(weight, line)| (weight, &line[..width]));
    let ma = multiply_add::<FMA>;
    for x in 0..width {
        line[x] = ma(red, a[x], ma(green, b[x], ma(blue, c[x], colour * line[x])));
    }
    if strength < 1.0 {
        for x in 0..width {
            let photo = clamped_logit::<FMA>(photo[x], PHOTO_CLAMP as f32);
            line[x] = line[x] * strength + photo * (1.0 - strength);
        }
    }
    for value in line {
        *value = 1.0 / (1.0 + exp::<FMA>(-*value));
    }
}

/// The two of `length` values that one which is [`BLUR`] times as fine lies between, and how far it
/// is from the first.
fn between(at: usize, length: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) / BLUR as f32 - 0.5).max(0.0);
    let first = place as usize;
    (first, (first + 1).min(length - 1), place - first as f32)
}

/// `ln(x / (1 - x))` of a value that is kept this far from 0 and 1.
#[inline(always)]
fn clamped_logit<const FMA: bool>(value: f32, distance: f32) -> f32 {
    let value = value.clamp(distance, 1.0 - distance);
    ln::<FMA>(value / (1.0 - value))
}

/// ln 2 in two parts: the first has so few digits that its product with an exponent is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// The natural logarithm of a normal positive number, off by 2 units in the last place at most.
/// Without branches, so that a loop takes several at a time. This and [`exp`] are the approximations
/// of S. Moshier's Cephes library (1989).
#[inline(always)]
fn ln<const FMA: bool>(x: f32) -> f32 {
    const POWERS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    let ma = multiply_add::<FMA>;
    // x = 2^exponent * (1 + part), between the roots of 1/2 and 2.
    let exponent =
        (x.to_bits().wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits()) as i32) >> 23;
    let part = f32::from_bits(x.to_bits().wrapping_sub((exponent as u32) << 23)) - 1.0;
    let exponent = exponent as f32;
    let square = part * part;
    let mut sum = POWERS[0];
    for &power in &POWERS[1..] {
        sum = ma(sum, part, power);
    }
    let small = ma(-0.5, square, ma(exponent, LN_2[1], sum * part * square));
    // What is not a number has lost that by now.
    ma(exponent, LN_2[0], part + small) + 0.0 * x
}

/// e to the power of any number that is kept within ±87, off by 2 units in the last place at most.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    const POWERS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
    /// Adding it leaves no digits after the point, and the whole number in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let ma = multiply_add::<FMA>;
    let x = x.clamp(-87.0, 87.0);
    let rounded = ma(x, std::f32::consts::LOG2_E, ROUND);
    let whole = rounded - ROUND;
    let part = ma(whole, -LN_2[1], ma(whole, -LN_2[0], x));
    let mut sum = POWERS[0];
    for &power in &POWERS[1..] {
        sum = ma(sum, part, power);
    }
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1f32.to_bits()));
    (ma(sum, part * part, part) + 1.0) * power
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
    // Few values at a time in f32, so that large pictures lose no digits.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_powers_are_those_of_the_standard_library() {
        let close = |found: f32, wanted: f64| {
            let error = (f64::from(found) - wanted).abs();
            let last_place = f64::from(f32::EPSILON) * wanted.abs();
            assert!(error <= 2.0 * last_place + 1e-9, "{found} instead of {wanted}");
        };
        for step in -4000..=4000 {
            let x = step as f32 / 50.0;
            close(exp::<false>(x), f64::from(x).exp());
            close(exp::<true>(x), f64::from(x).exp());
            let x = (step as f32 / 100.0).exp();
            close(ln::<false>(x), f64::from(x).ln());
            close(ln::<true>(x), f64::from(x).ln());
        }
        assert!(exp::<true>(f32::NAN).is_nan() && ln::<true>(f32::NAN).is_nan());
        let logistic = |x: f32| 1.0 / (1.0 + exp::<false>(-x));
        assert_eq!((logistic(f32::INFINITY), logistic(0.0)), (1.0, 0.5));
        assert!(logistic(f32::NEG_INFINITY) < 1e-37);
    }
}
