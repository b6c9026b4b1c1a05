//! Every operation against [`composed`], burn's own operations on the CPU, over many shapes.

use burn::tensor::{Device, Distribution, TensorData};

use super::cpu::isa::tests::with_each;
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

impl Source {
    fn to_device(&self, device: &Device) -> Self {
        Self {
            features: self.features.clone().to_device(device),
            affine: self.affine.clone().map(|affine| affine.to_device(device)),
            ..*self
        }
    }
}

std::thread_local! {
    /// Whether this thread computes with burn's operations.
    pub static STOCK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[track_caller]
fn assert_close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let found = found.to_device(&expected.device());
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
    let cpu = &crate::device::cpu();
    let mut random_number = Random(1);
    cpu.seed(1);
    for dims in shapes(&mut random_number, count) {
        let [batch, channels, height, width] = dims;
        let out = [1, 3, 11, 12, 17, 40, 130][random_number.below(7)];
        let kernel = [1, 3][random_number.below(2)];
        let border = [Border::Reflection, Border::Zero][random_number.below(2)];
        let relu = random_number.flag();
        let input = source(dims, &mut random_number, cpu);
        let weight = random([out, channels, kernel, kernel], cpu);
        let bias = random([out], cpu);
        let residual = random_number
            .flag()
            .then(|| source([batch, out, height, width], &mut random_number, cpu));
        let what = format!(
            "{dims:?} to {out} channels, kernel {kernel}, {border:?}, relu {relu}, {:?}, {:?}",
            input.reading(),
            residual.as_ref().map(Source::reading),
        );
        let found = convolve(
            input.to_device(device),
            weight.clone().to_device(device),
            bias.clone().to_device(device),
            border,
            relu,
            residual.as_ref().map(|residual| residual.to_device(device)),
        );
        let expected = composed::convolve(input, weight, bias, border, relu, residual);
        assert_close(found, expected, &what);
    }
}

fn the_rest_is_what_it_says(device: &Device, count: usize) {
    let cpu = &crate::device::cpu();
    let mut random_number = Random(2);
    cpu.seed(2);
    for dims in shapes(&mut random_number, count) {
        let [batch, channels, ..] = dims;
        let [a, b] = [(); 2].map(|()| source(dims, &mut random_number, cpu));
        let found = add(a.to_device(device), b.to_device(device));
        assert_close(found, composed::read(a) + composed::read(b), &format!("sum of {dims:?}"));

        let map = || {
            let scales = random([batch, 1, channels, 1], cpu).abs() + 0.5;
            let shifts = random([batch, 1, channels, 1], cpu);
            Tensor::cat(vec![scales, shifts], 1).reshape([batch, 2, channels])
        };
        let (before, own) = (map(), map());
        let found = smoothed(before.clone().to_device(device), own.clone().to_device(device), 0.3);
        let expected = composed::smoothed(before, own, 0.3);
        assert_close(found, expected, &format!("between maps of {dims:?}"));

        let features = random(dims, cpu) * 3.0 + 5.0;
        let on_device = features.clone().to_device(device);
        let expected = composed::pool(features.clone());
        assert_close(pool(on_device.clone()), expected, &format!("pool of {dims:?}"));
        let kernels = random([batch, channels, 9], cpu);
        let found = depthwise(on_device.clone(), kernels.clone().to_device(device));
        let expected = composed::depthwise(features.clone(), kernels);
        assert_close(found, expected, &format!("depthwise {dims:?}"));

        #[cfg(feature = "cli")]
        for pooled in [false, true] {
            let output = burn::tensor::activation::relu(random(dims, cpu));
            let [.., height, width] = dims;
            let small = [batch, channels, height / 2, width / 2];
            let gradient = random(if pooled { small } else { dims }, cpu);
            let [on_gradient, on_output] =
                [&gradient, &output].map(|x| x.clone().to_device(device));
            let found = activation_gradient(on_gradient, on_output, pooled);
            let expected = composed::activation_gradient(gradient, output, pooled);
            assert_close(found, expected, &format!("gradient of a ReLU {dims:?}, {pooled}"));
        }

        let length = 2 * channels + random_number.below(300);
        let code = random([batch, length], cpu);
        let bias = random([1, 2 * channels], cpu);
        // As it comes from a file, or not.
        let weight = match random_number.flag() {
            true => random([length, 2 * channels], cpu),
            false => random([2 * channels, length], cpu).transpose(),
        };
        let on = |weight: &Tensor<2>, device: &Device| {
            weight.clone().transpose().to_device(device).transpose()
        };
        let predicted = |device: &Device| Goal::Predicted {
            code: code.clone().to_device(device),
            weight: on(&weight, device),
            bias: bias.clone().reshape([2 * channels]).to_device(device),
        };
        let last = |device: &Device| Goal::Last(code.clone().to_device(device));
        let goals: [&dyn Fn(&Device) -> Goal; 3] = [&|_| Goal::Unit, &last, &predicted];
        for goal in goals {
            let found = normalization(on_device.clone(), goal(device));
            let expected = composed::normalization(features.clone(), goal(cpu));
            assert_close(found, expected, &format!("{:?} of {dims:?}", goal(cpu)));
        }

        let rows = random([dims[1], dims[2] * dims[3]], cpu);
        let found = gram(rows.clone().to_device(device));
        assert_close(found, composed::gram(rows), &format!("products of rows of {dims:?}"));

        let activations = [Activation::None, Activation::Leaky, Activation::LeakyNormalized];
        let activation = activations[random_number.below(3)];
        let bias = random_number.flag().then(|| bias.reshape([2 * channels]));
        let found = linear(
            code.clone().to_device(device),
            on(&weight, device),
            bias.clone().map(|bias| bias.to_device(device)),
            activation,
        );
        let expected = composed::linear(code, weight, bias, activation);
        assert_close(
            found,
            expected,
            &format!("linear {length} to {}, {activation:?}", 2 * channels),
        );
    }
}

fn colours_are_what_they_say(device: &Device) {
    let cpu = &crate::device::cpu();
    cpu.seed(4);
    for dims in [[1, 3, 16, 24], [3, 3, 4, 100], [2, 3, 36, 4]] {
        let [batch, _, height, width] = dims;
        let photos = Tensor::<4>::random(dims, Distribution::Uniform(0.0, 1.0), cpu);
        let maps = random([batch, 3, 4], cpu) * 0.6;
        let found =
            palette_logits(photos.clone().to_device(device), maps.clone().to_device(device));
        let expected = composed::palette_logits(photos.clone(), maps);
        assert_close(found, expected, &format!("palette of {dims:?}"));

        let strokes = random(dims, cpu);
        let colourings = random([batch, 3, 3], cpu);
        let colour = random([batch, 3], cpu);
        let palette = random([batch, 3, height / 4, width / 4], cpu);
        for strength in [0.0, 0.6, 1.0] {
            let found = finish(
                strokes.clone().to_device(device),
                colourings.clone().to_device(device),
                palette.clone().to_device(device),
                colour.clone().to_device(device),
                photos.clone().to_device(device),
                strength,
            );
            let expected = composed::finish(
                strokes.clone(),
                colourings.clone(),
                palette.clone(),
                colour.clone(),
                photos.clone(),
                strength,
            );
            assert_close(found, expected, &format!("{dims:?} at strength {strength}"));
        }
    }
}

/// A picture as [`pack`] makes it, on the CPU.
#[cfg(feature = "gpu")]
pub fn random_levels(height: usize, width: usize) -> Tensor<4> {
    let shape = [1, 1, height, width];
    let most = Distribution::Uniform(0.0, 16_777_216.0);
    Tensor::<4>::random(shape, most, &crate::device::cpu()).floor().clamp(0.0, 16_777_215.0)
}

fn pixels_come_back(device: &Device) {
    let cpu = &crate::device::cpu();
    cpu.seed(5);
    for [batch, height, width] in [[1, 16, 24], [3, 5, 7], [1, 300, 1]] {
        let levels =
            Tensor::<4>::random([batch, 3, height, width], Distribution::Uniform(0.0, 256.0), cpu)
                .floor()
                .clamp(0.0, 255.0);
        let [red, green, blue] = [0, 1, 2].map(|channel| levels.clone().narrow(1, channel, 1));
        let packed = red + green * 256.0 + blue * 65536.0;
        let pictures = unpack(packed.clone().to_device(device));
        assert_close(pictures.clone(), levels.clone() / 255.0, "unpacked");
        assert_eq!(composed::unpack(packed.clone()).dims(), pictures.dims());
        assert_close(composed::unpack(packed.clone()), levels / 255.0, "unpacked by burn");
        assert_eq!(pack(pictures).into_data(), packed.clone().into_data());

        // Between levels and beyond them.
        let pictures = random([batch, 3, height, width], cpu) * 0.7 + 0.5;
        let found = pack(pictures.clone().to_device(device)).into_data();
        assert_eq!(found, composed::pack(pictures).into_data(), "packed");
    }
    let picture = Tensor::<1>::from_floats([0.0, 1.0, f32::NAN, 0.5, 0.5, 0.0], cpu);
    let picture = picture.reshape([1, 3, 1, 2]);
    for found in [pack(picture.clone().to_device(device)), composed::pack(picture)] {
        let found = found.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(found, [-1.0, (255 + (128 << 8)) as f32], "what is no number is marked");
    }
}

/// On the GPU the largest of values is any number rather than NaN.
fn pooling_hides_nothing(device: &Device) {
    let values =
        Tensor::<4>::ones([1, 2, 8, 8], device).slice_fill([0..1, 1..2, 3..4, 4..5], f32::NAN);
    let pooled: Vec<f32> = pool(values).into_data().iter::<f32>().collect();
    assert!(pooled[16 + 4 + 2].is_nan());
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
fn between_two_maps_is_that_of_the_moments_between() {
    let cpu = crate::device::cpu();
    // A channel that is nearly flat in the first frame, and an ordinary one.
    let (gain, bias) = ([1.4f32, 0.8], [0.1f32, -0.3]);
    let map = |means: [f32; 2], deviations: [f32; 2]| {
        let scales = [0, 1].map(|channel| gain[channel] / deviations[channel]);
        let shifts = [0, 1].map(|channel| bias[channel] - means[channel] * scales[channel]);
        let values = [scales, shifts].concat();
        Tensor::<1>::from_floats(values.as_slice(), &cpu).reshape([1, 2, 2])
    };
    let before = map([0.2, 1.0], [0.004, 2.0]);
    let own = map([1.2, 3.0], [0.804, 1.0]);
    let expected = map([0.45, 1.5], [0.204, 1.75]);
    assert_close(composed::smoothed(before, own, 0.25), expected, "a quarter of the way");
}

#[test]
fn on_the_cpu() {
    let device = crate::device::cpu();
    with_each(|| {
        convolutions_are_convolutions(&device, 120);
        the_rest_is_what_it_says(&device, 40);
        colours_are_what_they_say(&device);
        pixels_come_back(&device);
        nothing_is_hidden(&device);
        pooling_hides_nothing(&device);
    });
}

/// Where the compiler does not make of a loop what it should, it may take many times as long as with
/// fewer instructions.
#[test]
fn better_instructions_are_not_slower() {
    let device = crate::device::cpu();
    let features: Tensor<4> = random([1, 32, 64, 64], &device);
    let weight = random([32, 32, 3, 3], &device);
    let few: Tensor<4> = random([1, 3, 128, 128], &device);
    let few_weight = random([8, 3, 3, 3], &device);
    let kernels = random([1, 32, 9], &device);
    let convolution = |source: Source, weight: &Tensor<4>| {
        let bias = Tensor::zeros([weight.dims()[0]], &device);
        drop(convolve(source, weight.clone(), bias, Border::Reflection, true, None));
    };
    let interpolated = Source::from(features.clone()).upsample();
    let palette: Tensor<4> = random([1, 3, 32, 32], &device);
    let last_step = || {
        let colour = Tensor::ones([1, 3], &device);
        let colourings = Tensor::ones([1, 3, 3], &device);
        drop(finish(few.clone(), colourings, palette.clone(), colour, few.clone(), 0.6));
    };
    #[cfg(feature = "cli")]
    let gradients = || {
        let device = crate::device::cpu().autodiff();
        let weight = Tensor::ones([32, 32, 3, 3], &device).require_grad();
        let input = Tensor::ones([1, 32, 64, 64], &device).require_grad();
        let bias = Tensor::zeros([32], &device);
        let painted = convolve(input.clone(), weight, bias, Border::Zero, true, None);
        assert!(input.grad(&painted.sum().backward()).is_some());
    };
    type Work<'a> = Box<dyn Fn() + 'a>;
    let work: &[(&str, Work<'_>)] = &[
        ("convolution", Box::new(|| convolution(features.clone().into(), &weight))),
        ("… of interpolated pixels", Box::new(|| convolution(interpolated.clone(), &weight))),
        ("… of few channels", Box::new(|| convolution(few.clone().into(), &few_weight))),
        ("depthwise", Box::new(|| drop(depthwise(features.clone(), kernels.clone())))),
        ("pool", Box::new(|| drop(pool(features.clone())))),
        ("sum", Box::new(|| drop(add(features.clone(), features.clone())))),
        ("normalization", Box::new(|| drop(normalization(features.clone(), Goal::Unit)))),
        ("the last step", Box::new(last_step)),
        #[cfg(feature = "cli")]
        ("gradients", Box::new(gradients)),
    ];
    for (name, work) in work {
        let mut least = vec![std::time::Duration::MAX; 3];
        for _ in 0..15 {
            let times = with_each(|| {
                let start = std::time::Instant::now();
                work();
                start.elapsed()
            });
            least = least.into_iter().zip(times).map(|(a, b)| a.min(b)).collect();
        }
        println!("{name}: {least:?}");
        for pair in least.windows(2) {
            assert!(pair[1] < 2 * pair[0], "{name}: {least:?} with better instructions each time");
        }
    }
}

/// The GPU, emulated or not, if there is one.
#[cfg(feature = "gpu")]
pub fn gpu() -> Option<Device> {
    // Tests that start together must not open it together.
    static OPEN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _open = OPEN.lock().expect("nothing panics with it");
    match pollster::block_on(crate::device::gpu()) {
        Ok(device) => Some(device),
        Err(error) => {
            println!("not tested: {error}");
            None
        }
    }
}

#[cfg(feature = "gpu")]
#[test]
fn on_the_gpu() {
    let Some(device) = gpu() else { return };
    // Compiling for an emulated GPU takes longer than computing.
    convolutions_are_convolutions(&device, 24);
    the_rest_is_what_it_says(&device, 8);
    colours_are_what_they_say(&device);
    pixels_come_back(&device);
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
    with_each(|| gradients_are_gradients(&crate::device::cpu().autodiff()));
}

#[cfg(all(feature = "cli", feature = "gpu"))]
#[test]
fn gradients_on_the_gpu() {
    let Some(device) = gpu() else { return };
    gradients_are_gradients(&device.autodiff());
}

#[cfg(feature = "cli")]
fn gradients_are_gradients(device: &Device) {
    device.seed(3);
    for (dims, out, kernel, border, relu) in [
        ([2, 16, 13, 10], 12, 3, Border::Zero, true),
        ([1, 5, 7, 9], 3, 3, Border::Zero, false),
        ([2, 13, 6, 21], 14, 1, Border::Reflection, true),
        ([2, 20, 11, 8], 18, 3, Border::Reflection, false),
        ([3, 33, 5, 3], 35, 3, Border::Zero, true),
        ([1, 3, 2, 2], 4, 3, Border::Reflection, false),
        ([1, 70, 2, 3], 7, 1, Border::Zero, false),
        ([2, 3, 112, 112], 16, 3, Border::Reflection, true),
        ([1, 16, 224, 224], 3, 3, Border::Reflection, false),
    ] {
        let [_, channels, ..] = dims;
        let x = random(dims, device).require_grad();
        let weight = random([out, channels, kernel, kernel], device).require_grad();
        let bias = random([out], device).require_grad();
        let [batch, _, height, width] = dims;
        let towards = random([batch, out, height, width], device);
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

#[cfg(feature = "cli")]
#[test]
fn other_gradients_on_the_cpu() {
    with_each(|| other_gradients_are_gradients(&crate::device::cpu().autodiff()));
}

#[cfg(all(feature = "cli", feature = "gpu"))]
#[test]
fn other_gradients_on_the_gpu() {
    let Some(device) = gpu() else { return };
    other_gradients_are_gradients(&device.autodiff());
}

#[cfg(feature = "tch")]
#[test]
fn gradients_on_libtorch() {
    let device = Device::libtorch().autodiff();
    gradients_are_gradients(&device);
    other_gradients_are_gradients(&device);
}

#[cfg(feature = "cli")]
fn other_gradients_are_gradients(device: &Device) {
    device.seed(6);
    for dims in [[2, 5, 7, 9], [1, 16, 2, 3], [3, 3, 24, 31]] {
        let [batch, channels, height, width] = dims;
        // Away from 0, as what is normalized may be.
        let x = (random(dims, device) * 2.0 + 3.0).detach().require_grad();
        let kernels = random([batch, channels, 9], device).require_grad();
        let towards = random(dims, device);
        let gradients = |output: Tensor<4>| {
            let gradients = (output * towards.clone()).sum().backward();
            (x.grad(&gradients).unwrap(), kernels.grad(&gradients).unwrap())
        };
        let (dx, dk) = gradients(depthwise(x.clone(), kernels.clone()));
        let (dx_expected, dk_expected) = gradients(composed::depthwise(x.clone(), kernels.clone()));
        assert_close(dx, dx_expected, &format!("input's gradient, depthwise {dims:?}"));
        assert_close(dk, dk_expected, &format!("kernels' gradient, depthwise {dims:?}"));

        let larger = random([batch, channels, 2 * height, 2 * width], device);
        let found = (super::upsampled(x.clone()) * larger.clone()).sum().backward();
        let sums = upsampling_turned_round(larger.inner(), [height, width]);
        let what = format!("input's gradient, upsampling of {dims:?}");
        assert_close(x.grad(&found).unwrap(), sums, &what);

        let code = random([batch, 6], device).require_grad();
        let weight = random([6, 2 * channels], device);
        let bias = random([2 * channels], device);
        let goal =
            || Goal::Predicted { code: code.clone(), weight: weight.clone(), bias: bias.clone() };
        let gradients = |affine: Tensor<3>| {
            let source = Source { affine: Some(affine), ..x.clone().into() };
            let gradients = (composed::read(source) * towards.clone()).sum().backward();
            (x.grad(&gradients).unwrap(), code.grad(&gradients).unwrap())
        };
        let (dx, dc) = gradients(normalization(x.clone(), goal()));
        let (dx_expected, dc_expected) = gradients(composed::normalization(x.clone(), goal()));
        assert_close(dx, dx_expected, &format!("input's gradient, normalization of {dims:?}"));
        assert_close(dc, dc_expected, &format!("code's gradient, normalization of {dims:?}"));
    }
}

/// Each pixel's sum over those that see it when it is upsampled, by the definition of bilinear interpolation.
#[cfg(feature = "cli")]
fn upsampling_turned_round(larger: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [batch, channels, ..] = larger.dims();
    let weights = |length: usize| {
        let mut matrix = vec![0.0; length * 2 * length];
        for to in 0..2 * length {
            let place = ((to as f32 + 0.5) / 2.0 - 0.5).clamp(0.0, length as f32 - 1.0);
            let (from, share) = (place.floor() as usize, place.fract());
            matrix[from * 2 * length + to] += 1.0 - share;
            matrix[(from + 1).min(length - 1) * 2 * length + to] += share;
        }
        let shape = [1, 1, length, 2 * length];
        Tensor::<4>::from_data(TensorData::new(matrix, shape), &larger.device())
    };
    let [rows, columns] = size.map(weights);
    let repeated = |x: Tensor<4>| x.repeat_dim(0, batch).repeat_dim(1, channels);
    repeated(rows).matmul(larger).matmul(repeated(columns.transpose()))
}

/// A stylizer and what it needs for a painting.
#[cfg(all(feature = "cli", feature = "gpu"))]
fn scene(device: &Device, side: u32) -> (crate::Stylizer, crate::Content, crate::Style) {
    let pixels = (0..side * side).flat_map(|i| [i % 251, i % 17 * 13, i / side % 256]);
    let photo = crate::Picture::new(side, side, pixels.map(|value| value as u8).collect());
    let photo = photo.expect("as many bytes as pixels");
    let stylizer = crate::Stylizer::load(crate::DEFAULT_WEIGHTS, device).expect("our own weights");
    let (content, style) = (
        stylizer.encode_content(&photo),
        stylizer.encode_style(&photo.fit(crate::stylizer::STYLE_SIZE)),
    );
    (stylizer, content, style)
}

/// What is launched by this thread.
#[cfg(all(feature = "cli", feature = "gpu"))]
struct Launches(std::thread::ThreadId, std::sync::Mutex<Vec<&'static str>>);

#[cfg(all(feature = "cli", feature = "gpu"))]
impl burn_cubecl::cubecl::logging::LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        if std::thread::current().id() == self.0 {
            self.1.lock().expect("nothing panics with it").push(kernel);
        }
    }
}

#[cfg(all(feature = "cli", feature = "gpu"))]
fn launches(work: impl FnOnce()) -> Vec<&'static str> {
    let launches = Launches(std::thread::current().id(), Default::default());
    let launches = std::sync::Arc::new(launches);
    let watching = burn_cubecl::cubecl::logging::LaunchObservation::new(launches.clone());
    work();
    drop(watching);
    launches.1.lock().expect("nothing panics with it").clone()
}

/// At most three launches for each of the generator's convolutions, all others included.
#[cfg(all(feature = "cli", feature = "gpu"))]
#[test]
fn launches_are_few() {
    const CONVOLUTIONS: usize = 19;
    let Some(device) = gpu() else { return };
    let (stylizer, content, style) = scene(&device, 24);
    let paint = |strength| {
        let found = launches(|| {
            pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], strength)).unwrap();
        });
        println!("at strength {strength}: {} launches", found.len());
        let mut each = std::collections::BTreeMap::<_, usize>::new();
        found.iter().for_each(|name| *each.entry(name).or_default() += 1);
        each.iter().for_each(|(name, count)| println!("{count:>4} {name}"));
        found.len()
    };
    // A style's first use has small paintings of its own.
    paint(1.0);
    assert!(paint(1.0) <= 3 * CONVOLUTIONS);
    paint(0.5);
    let photo = crate::Picture::new(24, 24, vec![90; 3 * 24 * 24]).expect("as many bytes");
    let encoding = launches(|| drop(stylizer.encode_content(&photo)));
    println!("to encode a photo: {}", encoding.len());
}

/// Milliseconds that all threads of this process have computed.
#[cfg(feature = "gpu")]
fn cpu_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

/// How long the GPU takes, fused and with burn's operations, interleaved. Not a test: it prints.
/// `cargo test --release --lib kernels::tests::speed -- --ignored --nocapture`
#[cfg(feature = "gpu")]
#[test]
#[ignore = "measures"]
fn speed_on_the_gpu() {
    let Some(device) = gpu() else { return };
    let number = |name, or| std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(or);
    let side = number("SIDE", 256usize);
    let stock = number("STOCK", 0) == 1;
    let runs = number("RUNS", 4);
    let only = number("ONLY", 99);
    for (index, (channels, out, kernel, halvings)) in [
        (3, 16, 3, 0),
        (16, 16, 3, 0),
        (16, 3, 3, 0),
        (16, 32, 3, 1),
        (32, 32, 3, 1),
        (24, 24, 3, 1),
        (32, 24, 1, 1),
        (64, 64, 3, 2),
        (64, 64, 1, 2),
        (128, 128, 3, 3),
    ]
    .into_iter()
    .enumerate()
    {
        if only != 99 && only != index {
            continue;
        }
        let side = side >> halvings;
        let input = random([1, channels, side, side], &device);
        let weight = random([out, channels, kernel, kernel], &device);
        let bias = random([out], &device);
        let mut times: [Vec<f64>; 2] = Default::default();
        let border = Border::Reflection;
        for run in 0..=runs {
            for (which, times) in times.iter_mut().enumerate() {
                if which == 1 && !stock {
                    continue;
                }
                let (input, weight, bias) = (input.clone().into(), weight.clone(), bias.clone());
                let start = cpu_time();
                for _ in 0..if run == 0 { 1 } else { 2 } {
                    let (input, weight, bias): (Source, _, _) =
                        (Source::clone(&input), weight.clone(), bias.clone());
                    let out = match which {
                        0 => convolve(input, weight, bias, border, true, None),
                        _ => composed::convolve(input, weight, bias, border, true, None),
                    };
                    drop(out);
                    device.sync().unwrap();
                }
                if run == 0 {
                    print!("first {which}: {:.0} ", cpu_time() - start);
                } else {
                    times.push((cpu_time() - start) / 2.0);
                }
            }
        }
        let [fused, stock] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or(0.0)
        });
        let gmacs = (channels * out * kernel * kernel * side * side) as f64 / 1e6;
        println!(
            "{channels:>4} to {out:>3} {kernel}x{kernel} at {side:>3}: {fused:8.2} ms, stock {stock:8.2} ms, {:.2}, {:.2} GMAC/s",
            fused / stock,
            gmacs / fused
        );
    }
}

/// How long a stylization takes, fused and with burn's operations, interleaved. It prints.
#[cfg(all(feature = "cli", feature = "gpu"))]
#[test]
#[ignore = "measures"]
fn speed_of_a_stylization_on_the_gpu() {
    let Some(device) = gpu() else { return };
    let number = |name, or| std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(or);
    let (stylizer, content, style) = scene(&device, number("SIDE", 256) as u32);
    let paint = || pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0)).unwrap();
    for run in 0..=number("RUNS", 3) {
        let mut found = Vec::new();
        for stock in [false, true] {
            STOCK.set(stock);
            let (start, cpu) = (std::time::Instant::now(), cpu_time());
            let count = launches(|| drop(paint())).len();
            found.push(cpu_time() - cpu);
            println!(
                "run {run}, stock {stock}: {count} launches, {:.0} ms of processor time, {:.0} ms",
                cpu_time() - cpu,
                start.elapsed().as_secs_f64() * 1e3,
            );
        }
        println!("{:.3}", found[0] / found[1]);
    }
}

/// Memory after many runs, of the device and of the process, with a photo of SIDE x SIDE pixels: from 1025
/// on in tiles, whose size is that of a photo of any size. It prints.
#[cfg(all(feature = "cli", feature = "gpu"))]
#[test]
#[ignore = "measures"]
fn memory_of_many_stylizations_on_the_gpu() {
    let Some(device) = gpu() else { return };
    let number = |name, or| std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(or);
    let (stylizer, content, style) = scene(&device, number("SIDE", 32usize) as u32);
    let runs = number("RUNS", 1000usize);
    for run in 1..=runs {
        pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0)).unwrap();
        if run.is_multiple_of((runs / 10).max(1)) {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
            println!("after {run} runs: {:?}, {line}", device.memory_pool_usage());
        }
    }
}
