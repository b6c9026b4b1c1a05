//! What kernels trust: shapes and types, compared on the host before anything is launched. The only place where that
//! is done.

use burn::tensor::{DType, Tensor};

use super::{BLUR, Border, Goal, Source};

/// # Panics
/// If they differ.
#[track_caller]
fn equal(what: &'static str, found: &[usize], expected: &[usize]) {
    assert!(found == expected, "the shape of {what} is {found:?} instead of {expected:?}");
}

#[track_caller]
fn tensor<const D: usize>(what: &'static str, x: &Tensor<D>, expected: [usize; D]) {
    equal(what, &x.dims(), &expected);
}

/// Kernels of this module read f32 and nothing else; other precisions take burn's operations.
#[track_caller]
pub fn f32<const D: usize>(what: &'static str, x: &Tensor<D>) {
    assert!(x.dtype() == DType::F32, "{what} has other numbers than f32");
}

/// The shape of a source as it is read.
#[track_caller]
pub fn source(source: &Source) -> [usize; 4] {
    let [batch, channels, height, width] = source.features.dims();
    if let Some(affine) = &source.affine {
        tensor("the affine map", affine, [batch, 2, channels]);
    }
    let times = if source.upsample { 2 } else { 1 };
    [batch, channels, times * height, times * width]
}

#[track_caller]
pub fn convolution(
    input: &Source,
    weight: &Tensor<4>,
    bias: &Tensor<1>,
    border: Border,
    residual: Option<&Source>,
) {
    let [batch, channels_in, height, width] = source(input);
    let [channels_out, _, kernel, _] = weight.dims();
    assert!(kernel == 1 || kernel == 3, "kernels are 1 or 3 wide, not {kernel}");
    tensor("the kernels", weight, [channels_out, channels_in, kernel, kernel]);
    tensor("the bias", bias, [channels_out]);
    let mirrored = border == Border::Reflection && kernel > 1;
    assert!(!mirrored || (height > 1 && width > 1), "a line of pixels has nothing to mirror");
    if let Some(residual) = residual {
        equal("what is added", &self::source(residual), &[batch, channels_out, height, width]);
    }
}

#[track_caller]
pub fn depthwise(input: &Tensor<4>, kernels: &Tensor<3>) {
    let [batch, channels, height, width] = input.dims();
    assert!(height > 1 && width > 1, "a line of pixels has nothing to mirror");
    tensor("the kernels", kernels, [batch, channels, 9]);
}

#[track_caller]
pub fn smoothed(before: &Tensor<3>, own: &Tensor<3>) {
    let [_, rows, _] = own.dims();
    assert!(rows == 2, "a map has scales and shifts, not {rows} rows");
    equal("the map before", &before.dims(), &own.dims());
}

#[track_caller]
pub fn sum(a: &Source, b: &Source) {
    equal("what is added", &source(b), &source(a));
}

#[track_caller]
pub fn goal(features: &Tensor<4>, goal: &Goal) {
    let [batch, channels, ..] = features.dims();
    match goal {
        Goal::Unit => {}
        Goal::Last(rows) => {
            let [count, length] = rows.dims();
            assert!(length >= 2 * channels, "{length} statistics for {channels} channels");
            equal("the rows of statistics", &[count], &[batch]);
        }
        Goal::Predicted { code, weight, bias } => {
            let [_, length] = code.dims();
            tensor("the code", code, [batch, length]);
            tensor("the matrix", weight, [length, 2 * channels]);
            tensor("the bias", bias, [2 * channels]);
        }
    }
}

#[track_caller]
pub fn linear(rows: &Tensor<2>, weight: &Tensor<2>, bias: Option<&Tensor<1>>) {
    let ([_, length], [_, width]) = (rows.dims(), weight.dims());
    tensor("the matrix", weight, [length, width]);
    if let Some(bias) = bias {
        tensor("the bias", bias, [width]);
    }
}

#[track_caller]
pub fn activation_gradient(gradient: &Tensor<4>, output: &Tensor<4>, pooled: bool) {
    let [batch, channels, height, width] = output.dims();
    let times = if pooled { 2 } else { 1 };
    tensor("the gradient", gradient, [batch, channels, height / times, width / times]);
}

#[track_caller]
pub fn palette(photos: &Tensor<4>, maps: &Tensor<3>) {
    let [batch, _, height, width] = photos.dims();
    tensor("the photos", photos, [batch, 3, height, width]);
    tensor("the maps", maps, [batch, 3, 4]);
    assert!(
        height % BLUR == 0 && width % BLUR == 0,
        "the photos' sides are no multiples of {BLUR}"
    );
}

#[track_caller]
pub fn finish(
    strokes: &Tensor<4>,
    colourings: &Tensor<3>,
    palette: &Tensor<4>,
    colour: &Tensor<2>,
    photos: &Tensor<4>,
) {
    let [batch, _, height, width] = strokes.dims();
    tensor("the strokes", strokes, [batch, 3, height, width]);
    tensor("the colourings", colourings, [batch, 3, 3]);
    tensor("the photos", photos, [batch, 3, height, width]);
    tensor("the palette", palette, [batch, 3, height / BLUR, width / BLUR]);
    tensor("the palette's weights", colour, [batch, 3]);
    assert!(
        height % BLUR == 0 && width % BLUR == 0,
        "the strokes' sides are no multiples of {BLUR}"
    );
}

/// Pictures of so many channels.
#[track_caller]
pub fn channels(pictures: &Tensor<4>, count: usize) {
    let [batch, _, height, width] = pictures.dims();
    tensor("the pictures", pictures, [batch, count, height, width]);
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::kernels::{self, Activation};

    /// Has to panic for want of what `part` says.
    #[track_caller]
    fn refused<T>(part: &str, work: impl FnOnce() -> T) {
        let panic = catch_unwind(AssertUnwindSafe(work)).err().expect("it was taken");
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        assert!(text.contains(part), "{text}");
    }

    #[test]
    fn operands_that_do_not_fit_are_refused_before_anything_runs() {
        let device = &crate::device::cpu();
        let x = |shape: [usize; 4]| Tensor::<4>::ones(shape, device);
        let one = |length: usize| Tensor::<1>::ones([length], device);
        let convolve = |input: Source, weight, bias, residual: Option<Source>| {
            kernels::convolve(input, weight, bias, Border::Reflection, false, residual)
        };
        let (input, weight, bias) = (x([1, 4, 8, 8]), x([6, 4, 3, 3]), one(6));
        convolve(input.clone().into(), weight.clone(), bias.clone(), None);
        refused("the kernels", || {
            convolve(x([1, 5, 8, 8]).into(), weight.clone(), bias.clone(), None)
        });
        refused("1 or 3 wide", || {
            convolve(input.clone().into(), x([6, 4, 5, 5]), bias.clone(), None)
        });
        refused("the bias", || convolve(input.clone().into(), weight.clone(), one(5), None));
        refused("what is added", || {
            convolve(
                input.clone().into(),
                weight.clone(),
                bias.clone(),
                Some(x([1, 6, 4, 8]).into()),
            )
        });
        refused("nothing to mirror", || {
            convolve(x([1, 4, 1, 8]).into(), weight.clone(), bias.clone(), None)
        });
        refused("the affine map", || {
            let affine = Some(Tensor::ones([1, 2, 3], device));
            convolve(Source { affine, ..input.clone().into() }, weight.clone(), bias.clone(), None)
        });
        refused("other numbers than f32", || {
            convolve(input.clone().into(), weight.clone().cast(DType::F64), bias.clone(), None)
        });
        refused("the kernels", || {
            kernels::depthwise(input.clone(), Tensor::ones([1, 3, 9], device))
        });
        refused("what is added", || kernels::add(input.clone(), x([1, 4, 8, 4])));
        kernels::add(input.clone(), Source { upsample: true, ..x([1, 4, 4, 4]).into() });
        refused("statistics for 4 channels", || {
            kernels::normalization(input.clone(), Goal::Last(Tensor::ones([1, 7], device)))
        });
        refused("the matrix", || {
            let (rows, weight) = (Tensor::ones([1, 3], device), Tensor::ones([4, 2], device));
            kernels::linear(rows, weight, None, Activation::None)
        });
        refused("the gradient", || {
            kernels::activation_gradient(x([1, 4, 8, 8]), input.clone(), true)
        });
        refused("the maps", || {
            kernels::palette_logits(x([1, 3, 8, 8]), Tensor::ones([1, 3, 3], device))
        });
        let finish = |colourings: [usize; 3], palette: [usize; 4]| {
            let photo = x([1, 3, 8, 8]);
            let colourings = Tensor::ones(colourings, device);
            let weights = Tensor::ones([1, 3], device);
            kernels::finish(photo.clone(), colourings, x(palette), weights, photo, 1.0)
        };
        refused("the palette", || finish([1, 3, 3], [1, 3, 4, 4]));
        refused("the colourings", || finish([1, 3, 4], [1, 3, 2, 2]));
        refused("the pictures", || kernels::pack(x([1, 4, 8, 8])));
    }
}
