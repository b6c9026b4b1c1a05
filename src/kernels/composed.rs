//! The operations as chains of burn's own: the definition of what each of them means, and what
//! computes it where there are no kernels.

use burn::tensor::activation::{leaky_relu, relu, sigmoid};
use burn::tensor::module::{avg_pool2d, conv2d, interpolate, max_pool2d};
use burn::tensor::ops::{
    AvgPoolOptions, ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions, PadMode,
};
use burn::tensor::{DType, Tensor};

use super::{Activation, BLUR, Border, CLAMP, EPSILON, Goal, LEAK, NO_SCALE, PHOTO_CLAMP, Source};

pub fn read(source: Source) -> Tensor<4> {
    let Source { mut features, affine, .. } = source;
    let [batch, channels, ..] = features.dims();
    if let Some(affine) = affine {
        let affine = affine.cast(features.dtype());
        let part = |index| affine.clone().narrow(1, index, 1).reshape([batch, channels, 1, 1]);
        features = features * part(0) + part(1);
    }
    if source.relu {
        features = relu(features);
    }
    if source.upsample {
        features = super::upsampled(features);
    }
    features
}

/// So many times as high and wide, by bilinear interpolation.
pub fn enlarged(x: Tensor<4>, times: usize) -> Tensor<4> {
    let [.., height, width] = x.dims();
    interpolate(x, bilinear().with_output_size([times * height, times * width]))
}

/// Beyond the border are the outermost pixels again.
pub fn bilinear() -> InterpolateOptions {
    InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false)
}

pub fn convolve(
    input: Source,
    weight: Tensor<4>,
    bias: Tensor<1>,
    border: Border,
    with_relu: bool,
    residual: Option<Source>,
) -> Tensor<4> {
    let x = read(input);
    let precision = x.dtype();
    let reach = weight.dims()[2] / 2;
    let (x, padding) = match border {
        Border::Reflection => (reflection_pad(x, reach), 0),
        Border::Zero => (x, reach),
    };
    let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
    let mut sum = conv2d(x, weight.cast(precision), Some(bias.cast(precision)), options);
    if let Some(residual) = residual {
        sum = sum + read(residual);
    }
    if with_relu { relu(sum) } else { sum }
}

pub fn depthwise(input: Tensor<4>, kernels: Tensor<3>) -> Tensor<4> {
    let [batch, channels, height, width] = input.dims();
    let padded = reflection_pad(input.clone(), 1);
    let kernels = kernels.cast(input.dtype());
    (0..9).fold(input, |sum, index| {
        let moved = padded.clone().narrow(2, index / 3, height).narrow(3, index % 3, width);
        let weight = kernels.clone().narrow(2, index, 1).reshape([batch, channels, 1, 1]);
        sum + moved * weight
    })
}

pub fn normalization(features: Tensor<4>, goal: Goal) -> Tensor<3> {
    let [batch, channels, _, _] = features.dims();
    let (mean, deviation) = channel_statistics(features.cast(DType::F32));
    let row = |x: Tensor<4>| x.reshape([batch, 1, channels]);
    let scale = row(deviation).recip();
    let shift = (row(mean) * scale.clone()).neg();
    towards(Tensor::cat(vec![scale, shift], 1), goal)
}

/// From the affine map to mean 0 and deviation 1 the one to another goal.
pub fn towards(unit: Tensor<3>, goal: Goal) -> Tensor<3> {
    let [batch, _, channels] = unit.dims();
    let (deviation, mean) = match goal {
        Goal::Unit => return unit,
        Goal::Last(rows) => {
            let [_, length] = rows.dims();
            let rows = rows.narrow(1, length - 2 * channels, 2 * channels);
            let rows = rows.reshape([batch, 2, channels]);
            (rows.clone().narrow(1, 1, 1), rows.narrow(1, 0, 1))
        }
        Goal::Predicted { code, weight, bias } => {
            let rows =
                linear(code, weight, Some(bias), Activation::None).reshape([batch, 2, channels]);
            (rows.clone().narrow(1, 0, 1) + 1.0, rows.narrow(1, 1, 1))
        }
    };
    let (scale, shift) = (unit.clone().narrow(1, 0, 1), unit.narrow(1, 1, 1));
    Tensor::cat(vec![scale * deviation.clone(), shift * deviation + mean], 1)
}

pub fn linear(
    rows: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<2> {
    let sums = burn::tensor::module::linear(rows, weight, bias);
    if activation == Activation::None {
        return sums;
    }
    let leaky = leaky_relu(sums, f64::from(LEAK));
    if activation == Activation::Leaky {
        return leaky;
    }
    let precision = leaky.dtype();
    let leaky = leaky.cast(DType::F32);
    let centred = leaky.clone() - leaky.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    (centred / (variance + EPSILON).sqrt()).cast(precision)
}

pub fn pool(features: Tensor<4>) -> Tensor<4> {
    max_pool2d(features, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

pub fn activation_gradient(gradient: Tensor<4>, output: Tensor<4>, pooled: bool) -> Tensor<4> {
    let silent = output.clone().lower_equal_elem(0.0);
    if !pooled {
        return gradient.mask_fill(silent, 0.0);
    }
    let [batch, channels, height, width] = output.dims();
    let [lines, columns] = [height / 2 * 2, width / 2 * 2];
    let repeated = |x: Tensor<4>| {
        let options = InterpolateOptions::new(InterpolateMode::Nearest);
        interpolate(x, options.with_output_size([lines, columns]))
    };
    let whole = output.narrow(2, 0, lines).narrow(3, 0, columns);
    let smaller = whole.clone().lower(repeated(pool(whole)));
    let found = repeated(gradient).mask_fill(smaller, 0.0);
    // An odd last line or column takes no part.
    let missing = [
        (2, height - lines, [batch, channels, 1, columns]),
        (3, width - columns, [batch, channels, height, 1]),
    ];
    let found = missing.into_iter().filter(|(_, count, _)| *count > 0).fold(
        found,
        |x, (axis, _, shape)| {
            let zeros = Tensor::zeros(shape, &x.device());
            Tensor::cat(vec![x, zeros], axis)
        },
    );
    found.mask_fill(silent, 0.0)
}

pub fn gram(rows: Tensor<2>) -> Tensor<2> {
    rows.clone().matmul(rows.transpose())
}

pub fn smoothed(before: Tensor<3>, own: Tensor<3>, rate: f32) -> Tensor<3> {
    // A map is x times scale + shift, (x - mean) / deviation * gain + bias: 1 / scale is linear in the deviation, and
    // shift / scale in the mean and the deviation.
    let linear = |map: Tensor<3>, share: f32| {
        let deviation = (map.clone().narrow(1, 0, 1) + NO_SCALE).recip();
        let offset = map.narrow(1, 1, 1) * deviation.clone();
        (deviation * share, offset * share)
    };
    let (before, own) = (linear(before, 1.0 - rate), linear(own, rate));
    let scale = (before.0 + own.0).recip();
    Tensor::cat(vec![scale.clone(), (before.1 + own.1) * scale], 1)
}

pub fn palette_logits(photos: Tensor<4>, maps: Tensor<3>) -> Tensor<4> {
    let small = avg_pool2d(photos, AvgPoolOptions::new([BLUR, BLUR]).with_stride([BLUR, BLUR]));
    let [batch, _, height, width] = small.dims();
    let (matrices, offsets) = (maps.clone().narrow(2, 0, 3), maps.narrow(2, 3, 1));
    let colours = matrices.matmul(small.reshape([batch, 3, height * width])) + offsets;
    let logits = logit(colours.clamp(CLAMP, 1.0 - CLAMP));
    logits.reshape([batch, 3, height, width])
}

pub fn finish(
    strokes: Tensor<4>,
    colourings: Tensor<3>,
    palette: Tensor<4>,
    colour: Tensor<2>,
    photos: Tensor<4>,
    strength: f32,
) -> Tensor<4> {
    // Three channels are too few for a matrix product to be worth its copies.
    let coloured = |channel: usize| {
        let column = colourings.clone().narrow(2, channel, 1).reshape([-1, 3, 1, 1]);
        strokes.clone().narrow(1, channel, 1) * column
    };
    let painting = coloured(0)
        + coloured(1)
        + coloured(2)
        + enlarged(palette, BLUR) * colour.reshape([-1, 3, 1, 1]);
    if strength >= 1.0 {
        return sigmoid(painting);
    }
    let photo = logit(photos.clamp(PHOTO_CLAMP, 1.0 - PHOTO_CLAMP));
    sigmoid(painting * strength + photo * (1.0 - strength))
}

/// Mirrors `border` pixels outwards at every edge, the edge pixel itself not repeated.
///
/// No gradient flows back from the mirrored pixels: they are few, and it would cost more than the
/// convolution does.
fn reflection_pad(x: Tensor<4>, border: usize) -> Tensor<4> {
    if border == 0 {
        return x;
    }
    if !is_trained(&x) {
        return x.pad((border, border, border, border), PadMode::Reflect);
    }
    [2, 3].into_iter().fold(x, |x, axis| {
        let length = x.dims()[axis];
        let mirrored = |start| x.clone().detach().narrow(axis, start, border).flip([axis as isize]);
        let (before, after) = (mirrored(1), mirrored(length - 1 - border));
        Tensor::cat(vec![before, x, after], axis)
    })
}

/// Whether gradients are to flow back through these features. Most builds for the browser cannot learn.
fn is_trained(x: &Tensor<4>) -> bool {
    #[cfg(feature = "learn")]
    return x.is_tracked();
    #[cfg(not(feature = "learn"))]
    {
        let _ = x;
        false
    }
}

pub fn unpack(pixels: Tensor<4>) -> Tensor<4> {
    let blue = (pixels.clone() / 65536.0).floor();
    let rest = pixels - blue.clone() * 65536.0;
    let green = (rest.clone() / 256.0).floor();
    let red = rest - green.clone() * 256.0;
    Tensor::cat(vec![red, green, blue], 1) / 255.0
}

pub fn pack(pictures: Tensor<4>) -> Tensor<4> {
    let wrong = pictures.clone().is_nan().any_dim(1);
    let levels = (pictures.clamp(0.0, 1.0) * 255.0 + 0.5).floor();
    let [red, green, blue] = [0, 1, 2].map(|channel| levels.clone().narrow(1, channel, 1));
    (red + green * 256.0 + blue * 65536.0).mask_fill(wrong, -1.0)
}

/// Mean and standard deviation of every channel, each `[batch, channels, 1, 1]`.
pub fn channel_statistics(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let [batch, channels, height, width] = x.dims();
    let (shape, flat) = ([batch, channels, 1, 1], [batch, channels, height * width]);
    let mean = x.clone().reshape(flat).mean_dim(2).reshape(shape);
    let variance = (x - mean.clone()).square().reshape(flat).mean_dim(2).reshape(shape);
    (mean, (variance + EPSILON).sqrt())
}

/// `ln(x / (1 - x))`, the inverse of the sigmoid; `x` strictly between 0 and 1.
pub fn logit<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x.clone() / (x.neg() + 1.0)).log()
}
