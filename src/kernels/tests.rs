//! Every operation against [`composed`], burn's own operations, over many shapes.

use burn::tensor::{Device, Distribution};

use super::*;

/// Small random numbers (xorshift), the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn within(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Features that are read as `dims`, in one way or another.
fn source(dims: [usize; 4], random_number: &mut Random, device: &Device) -> Source {
    let [batch, channels, height, width] = dims;
    let upsample = height % 2 == 0 && width % 2 == 0 && random_number.flag();
    let scale = 1 + usize::from(upsample);
    let affine = random_number.flag().then(|| random([batch, 2, channels], device));
    let features = random([batch, channels, height / scale, width / scale], device);
    Source { features, affine, relu: random_number.flag(), upsample }
}

#[track_caller]
fn assert_close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let scale = expected.clone().square().mean().sqrt().into_scalar::<f32>().max(1e-3);
    let worst = (found - expected).abs().max().into_scalar::<f32>() / scale;
    // Winograd's transformation costs some of the last digits.
    assert!(worst < 2e-4, "{what}: off by {worst} of the mean magnitude");
}

/// Batch, channels, height and width.
fn shapes(random: &mut Random, count: usize) -> Vec<[usize; 4]> {
    let edges = [
        [1, 1, 2, 2],
        [1, 130, 3, 2],
        [3, 16, 5, 257],
        [1, 12, 64, 64],
        [2, 64, 9, 33],
        [1, 3, 31, 18],
    ];
    let mut all = edges.to_vec();
    while all.len() < count {
        let large = random.below(8) == 0;
        let side = if large { 120 } else { 30 };
        let channels = random.within(1, if large { 20 } else { 70 });
        all.push([random.within(1, 3), channels, random.within(2, side), random.within(2, side)]);
    }
    all
}

fn convolutions_are_convolutions(device: &Device, count: usize) {
    let mut random_number = Random(1);
    device.seed(1);
    for dims in shapes(&mut random_number, count) {
        let [batch, channels, height, width] = dims;
        let out = [1, 3, 11, 12, 17, 40, 130][random_number.below(7)];
        let kernel = [1, 3][random_number.below(2)];
        let border = [Border::Reflection, Border::Zero][random_number.below(2)];
        let relu = random_number.flag();
        let input = source(dims, &mut random_number, device);
        let weight = random([out, channels, kernel, kernel], device);
        let bias = random([out], device);
        let residual = random_number
            .flag()
            .then(|| source([batch, out, height, width], &mut random_number, device));
        let what = format!(
            "{dims:?} to {out} channels, kernel {kernel}, {border:?}, relu {relu}, {:?}, {:?}",
            input.reading(),
            residual.as_ref().map(Source::reading),
        );
        let arguments = || (input.clone(), weight.clone(), bias.clone(), border, relu);
        let (a, b, c, d, e) = arguments();
        let expected = composed::convolve(a, b, c, d, e, residual.clone());
        let (a, b, c, d, e) = arguments();
        assert_close(convolve(a, b, c, d, e, residual), expected, &what);
    }
}

fn the_rest_is_what_it_says(device: &Device, count: usize) {
    let mut random_number = Random(2);
    device.seed(2);
    for dims in shapes(&mut random_number, count) {
        let [batch, channels, ..] = dims;
        let (a, b) =
            (source(dims, &mut random_number, device), source(dims, &mut random_number, device));
        let expected = composed::read(a.clone()) + composed::read(b.clone());
        assert_close(add(a, b), expected, &format!("sum of {dims:?}"));

        let features = random(dims, device) * 3.0 + 5.0;
        let kernels = random([batch, channels, 9], device);
        let expected = composed::depthwise(features.clone(), kernels.clone());
        assert_close(
            depthwise(features.clone(), kernels),
            expected,
            &format!("depthwise {dims:?}"),
        );

        let modulation = random([batch, 2, channels], device);
        let expected = composed::normalization(features.clone(), modulation.clone());
        assert_close(normalization(features, modulation), expected, &format!("norm of {dims:?}"));
    }
}

/// What is not a number comes out as what is not a number, at least where it went in.
fn nothing_is_hidden(device: &Device) {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for channels in [3, 16] {
            let values = Tensor::<4>::ones([1, channels, 8, 8], device)
                .slice_fill([0..1, 1..2, 3..4, 4..5], bad);
            let source = Source { relu: bad.is_nan(), ..values.clone().into() };
            let weight = Tensor::ones([16, channels, 3, 3], device);
            let bias = Tensor::zeros([16], device);
            let out = convolve(source, weight, bias, Border::Reflection, bad.is_nan(), None);
            let seen: Vec<f32> = out.into_data().iter::<f32>().collect();
            assert!(!seen[3 * 8 + 4].is_finite(), "{bad} with {channels} channels");
            let sum = add(values.clone(), values);
            let seen: Vec<f32> = sum.into_data().iter::<f32>().collect();
            assert!(!seen[64 + 3 * 8 + 4].is_finite(), "{bad} added");
        }
    }
}

#[test]
fn on_the_cpu() {
    let device = crate::device::cpu();
    convolutions_are_convolutions(&device, 120);
    the_rest_is_what_it_says(&device, 40);
    nothing_is_hidden(&device);
}

/// Changed weights must not be mistaken for those that had been packed.
#[test]
fn packed_weights_are_forgotten() {
    let device = crate::device::cpu();
    let input = random([1, 16, 8, 8], &device);
    let run = |weight: Tensor<4>| {
        let bias = Tensor::zeros([16], &device);
        convolve(input.clone(), weight, bias, Border::Zero, false, None)
    };
    for _ in 0..20 {
        let weight = random([16, 16, 3, 3], &device);
        let once = run(weight.clone());
        assert_close(run(weight.clone() * 2.0), once * 2.0, "twice the weight");
        let expected = composed::convolve(
            input.clone().into(),
            weight.clone(),
            Tensor::zeros([16], &device),
            Border::Zero,
            false,
            None,
        );
        assert_close(run(weight), expected, "the weight again");
    }
}

#[cfg(feature = "cli")]
#[test]
fn gradients_on_the_cpu() {
    let device = crate::device::cpu().autodiff();
    device.seed(3);
    for (dims, out, kernel, border, relu) in [
        ([2, 16, 13, 10], 12, 3, Border::Zero, true),
        ([1, 5, 7, 9], 3, 3, Border::Zero, false),
        ([2, 13, 6, 21], 14, 1, Border::Reflection, true),
        ([2, 20, 11, 8], 18, 3, Border::Reflection, false),
    ] {
        let [_, channels, ..] = dims;
        let x = random(dims, &device).require_grad();
        let weight = random([out, channels, kernel, kernel], &device).require_grad();
        let bias = random([out], &device).require_grad();
        let [batch, _, height, width] = dims;
        let towards = random([batch, out, height, width], &device);
        let gradients = |output: Tensor<4>| {
            let gradients = (output * towards.clone()).sum().backward();
            (
                x.grad(&gradients).unwrap(),
                weight.grad(&gradients).unwrap(),
                bias.grad(&gradients).unwrap(),
            )
        };
        let (dx, dw, db) =
            gradients(convolve(x.clone(), weight.clone(), bias.clone(), border, relu, None));
        let (dx_expected, dw_expected, db_expected) = gradients(composed::convolve(
            x.clone().into(),
            weight.clone(),
            bias.clone(),
            border,
            relu,
            None,
        ));
        let what = format!("{dims:?} to {out}, kernel {kernel}, {border:?}, relu {relu}");
        assert_close(dx, dx_expected, &format!("input's gradient, {what}"));
        assert_close(dw, dw_expected, &format!("weight's gradient, {what}"));
        assert_close(db, db_expected, &format!("bias's gradient, {what}"));
    }
}
