//! The networks against another implementation: `reference/make_networks.py`, in PyTorch.
#![cfg(feature = "train")]

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use impasto::kernels::{BLUR, enlarged};
use impasto::network::discriminator::Discriminator;
use impasto::network::generator::Generator;
use impasto::network::layers::Norms;
use impasto::network::noise::Noise;
use impasto::network::palette::{ColourMap, Palette, recolour_photos};
use impasto::network::style::{StyleStatistics, fuse};
use impasto::network::vgg::{Features, VggConfig};
use impasto::train::losses;
use impasto::weights::{self, NamedTensor};
use safetensors::SafeTensors;

const REFERENCES: &[u8] = include_bytes!("reference/networks.safetensors");

fn device() -> Device {
    impasto::device::cpu()
}

/// In 0..1, from a hash of the name and the position; as in the script.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = crc32fast::hash(name.as_bytes());
    (0..count as u32).map(move |position| {
        let mut x = position.wrapping_mul(2_654_435_761).wrapping_add(start);
        for _ in 0..2 {
            x = (x ^ (x >> 16)).wrapping_mul(0x045D_9F3B);
        }
        f64::from(x ^ (x >> 16)) / 4_294_967_296.0
    })
}

/// The module with the script's weights.
fn with_weights<M: Module>(prefix: &str, module: M) -> M {
    let mut tensors: Vec<NamedTensor> = weights::tensors_of(prefix, &module)
        .into_iter()
        .map(|NamedTensor { name, shape, .. }| {
            let fan_in = if shape.len() > 1 { shape[1..].iter().product() } else { 100 };
            let limit = (6.0 / fan_in as f64).sqrt();
            let values = uniform(&name, shape.iter().product());
            NamedTensor {
                values: values.map(|x| ((2.0 * x - 1.0) * limit) as f32).collect(),
                name,
                shape,
            }
        })
        .collect();
    let module = weights::load(prefix, module, &mut tensors).unwrap();
    weights::expect_empty(&tensors).unwrap();
    module
}

fn picture(name: &str, shape: [usize; 4]) -> Tensor<4> {
    let values: Vec<f32> = uniform(name, shape.iter().product()).map(|x| x as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

/// Compares with the reference of that name, relative to the reference's mean magnitude.
#[track_caller]
fn assert_matches<const D: usize>(name: &str, value: Tensor<D>) {
    let file = SafeTensors::deserialize(REFERENCES).unwrap();
    let view = file.tensor(name).unwrap();
    assert_eq!(view.shape(), value.dims(), "the shape of {name}");
    let reference: Vec<f32> =
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let values: Vec<f32> = value.into_data().iter::<f32>().collect();
    let scale = reference.iter().map(|x| x.abs()).sum::<f32>() / reference.len() as f32;
    let worst = values.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // f32 against f64, through normalizations of channels that are almost flat.
    assert!(worst <= 1e-3 * scale, "{name} is off by {worst}, its mean magnitude is {scale}");
}

fn palette_of(pictures: &Tensor<4>) -> Palette {
    let values: Vec<f64> = pictures.to_data().iter::<f64>().collect();
    let channels: Vec<&[f64]> = values.chunks_exact(values.len() / 3).collect();
    let count = channels[0].len() as f64;
    let mean: [f64; 3] = std::array::from_fn(|c| channels[c].iter().sum::<f64>() / count);
    let covariance = std::array::from_fn(|a| {
        std::array::from_fn(|b| {
            let products = channels[a].iter().zip(channels[b]);
            products.map(|(x, y)| (x - mean[a]) * (y - mean[b])).sum::<f64>() / count
        })
    });
    Palette::new(mean, covariance)
}

#[test]
fn slim_encoder_fusion_and_generator() {
    let (content, style) =
        (picture("content", [1, 3, 32, 48]), picture("style", [1, 3, 40, 32]).square());
    let encoder = with_weights("encoder", VggConfig::slim().init(&device()));
    let generator = with_weights("generator", Generator::new(&device()));

    let features = encoder.forward(content.clone());
    assert_matches("relu1_1", features.relu1_1.clone());
    assert_matches("relu4_1", features.relu4_1.clone());
    let own = StyleStatistics::of(&features);
    assert_matches("statistics", own.0.clone());
    let other = StyleStatistics::of(&encoder.forward(style.clone()));
    let mixed = StyleStatistics::weighted_sum([(&other, 0.7), (&own, 0.3)]).unwrap();
    let fused = fuse(&features, &mixed, &mut Norms::Own);
    assert_matches("fused", fused.features.clone().read());
    let noise = Noise::new(&[[16, 48]], 48, 32, 7, &device());
    assert_matches("noise", noise.0[1].clone());
    assert_matches("noise_fine", noise.0[2].clone());

    let palettes = [&content, &style].map(palette_of);
    let map = palettes[0].map_to(&palettes[1]);
    assert_matches("map", ColourMap::to_tensor(&[map], &device()).squeeze_dim::<2>(0));
    let recoloured = recolour_photos(content.clone(), &[palettes]);
    assert_matches("recoloured", enlarged(recoloured, BLUR));
    let manner = generator.manner(mixed);
    let paint = |strength: f32| {
        let (fused, noise, photo) = (fused.clone(), noise.clone(), content.clone());
        generator.paint(fused, &manner, noise, &[palettes], photo, strength, &mut Norms::Own)
    };
    assert_matches("painting", paint(1.0));
    assert_matches("picture", paint(0.7));
}

#[test]
fn full_encoder_and_losses() {
    let encoder = with_weights("full", VggConfig::full().init(&device()));
    let photo = picture("content", [1, 3, 32, 48]);
    let features = encoder.forward(photo.clone());
    let other = encoder.forward(picture("other", [1, 3, 32, 48]).square());

    let every_16th = |x: Tensor<4>| {
        let [_, channels, _, _] = x.dims();
        let indices: Vec<i32> = (0..channels as i32).step_by(16).collect();
        x.select(1, Tensor::from_data(indices.as_slice(), &device()))
    };
    assert_matches("full_relu3_1", every_16th(features.relu3_1.clone()));
    let relu5_1 = encoder.relu5_1(features.relu4_1.clone()).unwrap();
    assert_matches("full_relu5_1", every_16th(relu5_1));

    let levels = |features: Features| {
        let relu5_1 = encoder.relu5_1(features.relu4_1.clone());
        features.levels().into_iter().chain(relu5_1).collect::<Vec<_>>()
    };
    let (features, other) = (levels(features), levels(other));
    assert_matches("loss_content", losses::content(&features, &losses::ContentTarget::of(&other)));
    let style = losses::style(
        &features,
        &losses::StyleTarget::of(&other, 1),
        &[1.0, 1.0, 2.0, 2.0, 0.5],
        2,
    );
    assert_matches("loss_style", style.statistics);
    assert_matches("loss_gram", style.gram);
    assert_matches(
        "loss_total_variation",
        losses::total_variation(photo.clone(), &losses::Flatness::of(photo * 0.02 + 0.4)),
    );
}

#[test]
fn discriminator_and_cross_entropy() {
    let discriminator = with_weights("discriminator", Discriminator::new(&device()));
    let photo = picture("content", [1, 3, 32, 48]);
    let encoder = with_weights("encoder", VggConfig::slim().init(&device()));
    let style = picture("style", [1, 3, 40, 32]).square();
    let style = StyleStatistics::of(&encoder.forward(style)).0;
    let logits = discriminator.logits(photo.clone(), style.clone());
    assert_matches("discriminator_logits", logits.clone());
    assert_matches("discriminator_probability", discriminator.probability(photo, style));
    assert_matches("loss_cross_entropy", losses::cross_entropy(logits, 0.9));
}

#[test]
fn power_iteration_finds_the_largest_singular_value() {
    // Of two that are nearly as large, 100 steps would not find the larger one.
    let conv = impasto::network::discriminator::SpectralConv::new([3, 4], 2, &device());
    let mut conv = with_weights("spectral", conv);
    for _ in 0..100 {
        conv = conv.refine();
    }
    let found = conv.largest_singular_value().into_scalar::<f32>();
    let rows: Vec<f64> = conv.conv.weight.val().to_data().iter::<f64>().collect();
    let matrix = nalgebra::DMatrix::from_row_slice(4, 48, &rows);
    let expected = matrix.singular_values().max() as f32;
    assert!((found - expected).abs() < 1e-5 * expected, "{found} is not {expected}");
}

#[test]
fn mixing_is_linear() {
    let encoder = with_weights("encoder", VggConfig::slim().init(&device()));
    let content = encoder.forward(picture("content", [1, 3, 32, 48]));
    let [first, second] = ["style", "other"]
        .map(|name| StyleStatistics::of(&encoder.forward(picture(name, [1, 3, 40, 32]).square())));
    let mixed = StyleStatistics::weighted_sum([(&first, 0.25), (&second, 0.75)]).unwrap();
    let read = |style| fuse(&content, style, &mut Norms::Own).features.read();
    let mixed = read(&mixed);
    let sum = read(&first) * 0.25 + read(&second) * 0.75;
    let worst = (mixed - sum).abs().max().into_scalar::<f32>();
    assert!(worst < 1e-4, "{worst}");

    let palettes = [
        Palette::new([0.2, 0.4, 0.6], [[0.04, 0.0, 0.0], [0.0, 0.05, 0.01], [0.0, 0.01, 0.02]]),
        Palette::new([0.6, 0.8, 0.2], [[0.08, 0.0, 0.0], [0.0, 0.01, 0.01], [0.0, 0.01, 0.06]]),
    ];
    let mixed = Palette::weighted_sum(palettes.map(|palette| (palette, 0.5)));
    let expected =
        Palette::new([0.4, 0.6, 0.4], [[0.06, 0.0, 0.0], [0.0, 0.03, 0.01], [0.0, 0.01, 0.04]]);
    let map = ColourMap::to_tensor(&[mixed.map_to(&expected)], &device());
    let identity =
        Tensor::cat(vec![Tensor::eye(3, &device()), Tensor::zeros([3, 1], &device())], 1);
    let identity: Tensor<3> = identity.unsqueeze();
    let worst = (map - identity).abs().max().into_scalar::<f32>();
    assert!(worst < 1e-5, "{worst}");
}

#[test]
fn own_style_leaves_the_features_as_they_were() {
    let encoder = with_weights("encoder", VggConfig::slim().init(&device()));
    let features: Features = encoder.forward(picture("content", [1, 3, 32, 48]));
    let fused = fuse(&features, &StyleStatistics::of(&features), &mut Norms::Own);
    let worst = (fused.features.read() - features.relu4_1).abs().max().into_scalar::<f32>();
    assert!(worst < 1e-4, "{worst}");
}

/// Pictures of a batch are painted each in its own style.
#[test]
fn a_batch_is_its_pictures_one_by_one() {
    let encoder = with_weights("encoder", VggConfig::slim().init(&device()));
    let generator = with_weights("generator", Generator::new(&device()));
    let shape = [1, 3, 32, 48];
    let paint = |photos: Tensor<4>, styles: Vec<Tensor<4>>| {
        let palettes: Vec<_> = photos
            .clone()
            .split(1, 0)
            .iter()
            .zip(&styles)
            .map(|(a, b)| [a, b].map(palette_of))
            .collect();
        let rows = styles.into_iter().map(|style| StyleStatistics::of(&encoder.forward(style)).0);
        let rows: Vec<_> = rows.collect();
        let count = rows.len();
        let style = StyleStatistics(Tensor::cat(rows, 0));
        let fused = fuse(&encoder.forward(photos.clone()), &style, &mut Norms::Own);
        let noise = Noise::new(&vec![[0, 0]; count], 48, 32, 7, &device());
        let manner = generator.manner(style);
        generator.paint(fused, &manner, noise, &palettes, photos, 1.0, &mut Norms::Own)
    };
    let photos = [picture("one", shape), picture("two", shape)];
    let styles = [picture("red", shape).square(), picture("blue", shape).sqrt()];
    let together = paint(Tensor::cat(photos.to_vec(), 0), styles.to_vec());
    for (index, (photo, style)) in photos.into_iter().zip(styles).enumerate() {
        let alone = paint(photo, vec![style]);
        let difference = (together.clone().narrow(0, index, 1) - alone).abs().max();
        let difference = difference.into_scalar::<f32>();
        assert!(difference < 1e-4, "picture {index} is off by {difference}");
    }
}
