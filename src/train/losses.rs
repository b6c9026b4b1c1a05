//! What the generator and the discriminator are trained for. Every loss is relative to its
//! target, so that weights mean something.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::AvgPool2dConfig;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{DType, Tensor, TensorData, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernels::EPSILON;
use crate::network::layers::instance_norm;

const TINY: f64 = 1e-8;
/// Pixels at the border of a moved photo that have come from its other side, or been painted beside
/// such.
const BORDER: usize = 12;
/// At relu5_1 a crop has fewer places than channels: its Gram matrix says little.
const GRAM_LEVELS: usize = 4;
/// relu1_1 … relu3_1.
const SLICED_LEVELS: usize = 3;
/// Directions that features are projected to, and places where.
const DIRECTIONS: usize = 32;
const PLACES: usize = 1024;
/// Mean difference of neighbouring pixels, in 0..1, above which an area of a photo is not flat.
const FLAT: f64 = 2.0 / 255.0;
/// Side of such an area, in pixels.
const FLAT_AREA: usize = 9;
/// Pixels of a painting for each of the generator's deepest features, along a side.
const GRID: usize = 8;

/// What [`content`] compares a painting with: instance-normalized relu3_1 and relu4_1.
#[derive(Debug, Clone)]
pub struct ContentTarget([Tensor<4>; 2]);

impl ContentTarget {
    /// Of a photo's relu1_1 … relu4_1.
    pub fn of(photo: &[Tensor<4>]) -> Self {
        Self([2, 3].map(|index: usize| instance_norm(photo[index].clone())))
    }
}

/// Mean squared difference of instance-normalized relu4_1, and half as much of relu3_1: what is where,
/// regardless of colour and contrast. `painting`: relu1_1 … relu4_1. `[1]`
pub fn content(painting: &[Tensor<4>], photo: &ContentTarget) -> Tensor<1> {
    let [found_3, found_4] = ContentTarget::of(painting).0;
    let ContentTarget([photo_3, photo_4]) = photo.clone();
    let difference = |a: Tensor<4>, b: Tensor<4>| (a - b).square().cast(DType::F32).mean();
    difference(found_4, photo_4) + difference(found_3, photo_3) * 0.5
}

/// What [`style`] compares a painting with.
#[derive(Debug, Clone)]
pub struct StyleTarget {
    /// Of relu1_1 … relu5_1.
    moments: Vec<Moments>,
    /// Of the first of them.
    slices: Vec<Slices>,
}

impl StyleTarget {
    /// Of a style's relu1_1 … relu5_1. The directions of the slices follow from `seed`.
    pub fn of(style: &[Tensor<4>], seed: u64) -> Self {
        let rows: Vec<_> = style.iter().cloned().map(rows).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let slices = rows[..SLICED_LEVELS].iter().map(|rows| Slices::of(rows, &mut rng)).collect();
        let moments = rows.into_iter().enumerate();
        Self { moments: moments.map(|(level, rows)| Moments::of(rows, level)).collect(), slices }
    }

    /// Of several styles, picture by picture.
    pub fn joined(all: &[&Self]) -> Self {
        let moments = |level: usize| {
            let all: Vec<_> = all.iter().map(|target| &target.moments[level]).collect();
            let join = |get: fn(&Moments) -> &Tensor<3>| {
                Tensor::cat(all.iter().map(|moments| get(moments).clone()).collect(), 0)
            };
            let covariances: Vec<_> = all.iter().filter_map(|m| m.covariance.clone()).collect();
            Moments {
                mean: join(|moments| &moments.mean),
                deviation: join(|moments| &moments.deviation),
                covariance: (!covariances.is_empty()).then(|| Tensor::cat(covariances, 0)),
            }
        };
        let slices = |level: usize| {
            let join = |get: fn(&Slices) -> &Tensor<3>| {
                Tensor::cat(all.iter().map(|t| get(&t.slices[level]).clone()).collect(), 0)
            };
            Slices { directions: join(|s| &s.directions), sorted: join(|s| &s.sorted) }
        };
        Self {
            moments: (0..all[0].moments.len()).map(moments).collect(),
            slices: (0..SLICED_LEVELS).map(slices).collect(),
        }
    }
}

/// How far the painting is from the style.
#[derive(Debug)]
pub struct StyleLosses {
    /// Squared differences of channel means and deviations over their mean squares, summed over
    /// the levels (Huang and Belongie, 2017). `[1]`
    pub statistics: Tensor<1>,
    /// Squared differences of centred Gram matrices, summed over all levels but relu5_1 (Gatys et al.,
    /// "Image Style Transfer Using Convolutional Neural Networks", 2016), over the squares of both, which
    /// keeps flat styles from outweighing all others (Cheng et al., "Style-Aware Normalized Loss for
    /// Improving Arbitrary Style Transfer", 2021). `[1]`
    pub gram: Tensor<1>,
    /// Squared differences of sorted projections of relu1_1 … relu3_1, over the variances of both, summed
    /// (Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis", 2021). It sees what
    /// moments do not: black and white, and nothing in between. `[1]`
    pub wasserstein: Tensor<1>,
}

/// All style losses; features and weights are those of relu1_1 … relu5_1. Where projections are looked at
/// follows from `seed`.
pub fn style(
    painting: &[Tensor<4>],
    style: &StyleTarget,
    weights: &[f64],
    seed: u64,
) -> StyleLosses {
    let rows: Vec<_> = painting.iter().cloned().map(rows).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = [None, None, None];
    let mut add = |index: usize, term: Tensor<1>, weight: f64| {
        let term = term * weight;
        sums[index] = Some(match sums[index].take() {
            Some(sum) => sum + term,
            None => term,
        });
    };
    for ((rows, slices), &weight) in rows.iter().zip(&style.slices).zip(weights) {
        add(2, slices.distance(rows, &mut rng), weight);
    }
    for (level, ((rows, goal), &weight)) in
        rows.into_iter().zip(&style.moments).zip(weights).enumerate()
    {
        let (value, goal) = (Moments::of(rows, level), goal.clone());
        add(0, relative(value.mean, goal.mean) + relative(value.deviation, goal.deviation), weight);
        if let (Some(value), Some(goal)) = (value.covariance, goal.covariance) {
            add(1, relative_to_both(value, goal), weight);
        }
    }
    let [statistics, gram, wasserstein] =
        sums.map(|sum| sum.expect("features have levels, of which some have Gram matrices"));
    StyleLosses { statistics, gram, wasserstein }
}

/// How far a painting's strokes are from a style's, in other words [`StyleLosses::wasserstein`] with the
/// same projections and places each time, the mean over several. Features: relu1_1 … relu3_1 at least.
pub fn stroke_distance(painting: &[Tensor<4>], style: &[Tensor<4>]) -> f64 {
    const TIMES: u64 = 4;
    let [painting, style] = [painting, style]
        .map(|levels| levels[..SLICED_LEVELS].iter().cloned().map(rows).collect::<Vec<_>>());
    let once = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let levels = style.iter().zip(&painting).map(|(style, painting)| {
            let distance = Slices::of(style, &mut rng).distance(painting, &mut rng);
            f64::from(distance.into_scalar::<f32>())
        });
        levels.sum::<f64>()
    };
    (0..TIMES).map(once).sum::<f64>() / TIMES as f64
}

/// Features as `[batch, places, channels]`.
fn rows(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    x.permute([0, 2, 3, 1]).reshape([batch, height * width, channels])
}

/// Of the channels of a batch of features.
#[derive(Debug, Clone)]
struct Moments {
    /// `[batch, 1, channels]`
    mean: Tensor<3>,
    /// `[batch, 1, channels]`
    deviation: Tensor<3>,
    /// The centred Gram matrix, `[batch, channels, channels]`, up to relu4_1.
    covariance: Option<Tensor<3>>,
}

impl Moments {
    /// In f32, from features of any precision: they are centred before they are squared, so that
    /// nothing is lost to cancellation.
    fn of(rows: Tensor<3>, level: usize) -> Self {
        let [.., channels] = rows.dims();
        let mean = rows.clone().mean_dim(1);
        let centred = rows - mean.clone();
        let (variance, covariance) = if level < GRAM_LEVELS {
            let covariance = covariance(centred);
            let diagonal = Tensor::<2>::eye(channels, &covariance.device()).unsqueeze::<3>();
            ((covariance.clone() * diagonal).sum_dim(1), Some(covariance))
        } else {
            (centred.cast(DType::F32).square().mean_dim(1), None)
        };
        Self { mean: mean.cast(DType::F32), deviation: (variance + EPSILON).sqrt(), covariance }
    }
}

/// `xᵀ x / places`, for losses that treat it as the symmetric matrix that it is: the gradients that
/// come from its two factors are then the same, and one of them is computed and doubled.
fn covariance(x: Tensor<3>) -> Tensor<3> {
    let [_, places, _] = x.dims();
    let products = x.clone().detach().transpose().matmul(x).cast(DType::F32) / places as f64;
    products.clone() * 2.0 - products.detach()
}

/// Features along some directions, without where they are.
#[derive(Debug, Clone)]
struct Slices {
    /// `[batch, channels, directions]`, of length 1.
    directions: Tensor<3>,
    /// Projections at random places, from small to large, `[batch, places, directions]`.
    sorted: Tensor<3>,
}

impl Slices {
    fn of(rows: &Tensor<3>, rng: &mut ChaCha8Rng) -> Self {
        let [batch, _, channels] = rows.dims();
        let shape = [batch, channels, DIRECTIONS];
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| normal(rng)).collect();
        let directions = Tensor::<3>::from_data(TensorData::new(values, shape), &rows.device());
        let length = directions.clone().square().sum_dim(1).sqrt();
        let directions = directions / (length + TINY);
        Self { sorted: sorted(rows, &directions, rng), directions }
    }

    fn distance(&self, rows: &Tensor<3>, rng: &mut ChaCha8Rng) -> Tensor<1> {
        let found = sorted(rows, &self.directions, rng);
        let scale = spread(found.clone().detach()) + spread(self.sorted.clone()) + TINY;
        ((found - self.sorted.clone()).square().mean_dim(1).mean_dim(2) / scale).mean()
    }
}

/// The variance along all directions, `[batch, 1, 1]`.
fn spread(sorted: Tensor<3>) -> Tensor<3> {
    (sorted.clone() - sorted.mean_dim(1)).square().mean_dim(1).mean_dim(2)
}

fn sorted(rows: &Tensor<3>, directions: &Tensor<3>, rng: &mut ChaCha8Rng) -> Tensor<3> {
    let [_, places, _] = rows.dims();
    let chosen: Vec<i32> = (0..PLACES).map(|_| rng.random_range(0..places as i32)).collect();
    let chosen = Tensor::from_data(chosen.as_slice(), &rows.device());
    rows.clone().select(1, chosen).cast(DType::F32).matmul(directions.clone()).sort(1)
}

/// For each picture the squared difference over the square of the goal; their mean. `[1]`
fn relative(value: Tensor<3>, goal: Tensor<3>) -> Tensor<1> {
    (square(value - goal.clone()) / (square(goal) + TINY)).mean()
}

/// For each picture the squared difference over the squares of both; their mean. `[1]`
fn relative_to_both(value: Tensor<3>, goal: Tensor<3>) -> Tensor<1> {
    let scale = square(value.clone().detach()) + square(goal.clone()) + TINY;
    (square(value - goal) / scale).mean()
}

/// The mean square of each picture's numbers, `[batch, 1]`.
fn square(x: Tensor<3>) -> Tensor<2> {
    let [batch, ..] = x.dims();
    x.square().reshape([batch as i32, -1]).mean_dim(1)
}

/// Nearly normal, of mean 0 and deviation 1: the sum of four uniform numbers has the variance 1/3.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    (0..4).map(|_| rng.random::<f32>() - 0.5).sum::<f32>() * 3f32.sqrt()
}

/// What [`answer`] compares a painting with.
#[derive(Debug, Clone)]
pub enum AnswerTarget {
    /// Pictures without their detail, `[batch, 3, height / 8, width / 8]`: their marks lie elsewhere.
    Blurred(Tensor<4>),
    /// Pictures, their relu1_1 … relu3_1, and the mean magnitude of each of these.
    Sharp(Tensor<4>, Vec<(Tensor<4>, f32)>),
}

impl AnswerTarget {
    /// Of answers whose marks lie anywhere. `[batch, 3, height, width]`
    pub fn blurred(answers: Tensor<4>) -> Self {
        Self::Blurred(blurred(answers))
    }

    /// Of answers whose marks lie where they are to lie, and of their relu1_1 … relu4_1.
    pub fn sharp(answers: Tensor<4>, features: [Tensor<4>; 4]) -> Self {
        let features = features.into_iter().take(SLICED_LEVELS);
        let magnitude =
            |x: &Tensor<4>| x.clone().cast(DType::F32).abs().mean().into_scalar::<f32>();
        Self::Sharp(answers, features.map(|x| (x.clone(), magnitude(&x))).collect())
    }
}

/// Mean absolute difference from the right answers: of blurred pixels, or of pixels and, half as much of
/// each, of relu1_1 … relu3_1 over their mean magnitude. `seen`: features of the painting. `[1]`
pub fn answer(painting: &Tensor<4>, seen: &[Tensor<4>], answers: &AnswerTarget) -> Tensor<1> {
    match answers {
        AnswerTarget::Blurred(answers) => identity(blurred(painting.clone()), answers.clone()),
        AnswerTarget::Sharp(answers, features) => {
            let pixels = identity(painting.clone(), answers.clone());
            let levels = seen.iter().zip(features).map(|(seen, (goal, magnitude))| {
                let difference = (seen.clone() - goal.clone()).abs().cast(DType::F32).mean();
                difference * (0.5 / (f64::from(*magnitude) + TINY))
            });
            levels.fold(pixels, |sum, level| sum + level)
        }
    }
}

fn blurred(pictures: Tensor<4>) -> Tensor<4> {
    AvgPool2dConfig::new([8, 8]).with_strides([8, 8]).init().forward(pictures)
}

/// Mean absolute difference of pictures. `[1]`
pub fn identity(painting: Tensor<4>, photo: Tensor<4>) -> Tensor<1> {
    (painting - photo).abs().mean()
}

/// The photos moved by a few pixels and with a little noise (standard deviation 2/255), both
/// following from seed and step: what the next frame of a film is to the last.
pub fn disturb(photos: Tensor<4>, seed: u64, step: usize) -> Tensor<4> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Away from the streams that the crops are drawn from.
    rng.set_stream(u64::MAX - step as u64);
    let (dims, device) = (photos.dims(), photos.device());
    let noise: Vec<f32> =
        (0..dims.iter().product()).map(|_| normal(&mut rng) * 2.0 / 255.0).collect();
    (moved(photos, step) + Tensor::from_data(TensorData::new(noise, dims), &device)).clamp(0.0, 1.0)
}

/// Mean absolute difference between the paintings, moved as [`disturb`] moves the photos of this
/// step, and the paintings of the disturbed photos; without their borders. `[1]`
pub fn stability(paintings: Tensor<4>, disturbed: Tensor<4>, step: usize) -> Tensor<1> {
    let [_, _, height, width] = paintings.dims();
    let inner = |x: Tensor<4>| x.slice(s![.., .., BORDER..height - BORDER, BORDER..width - BORDER]);
    (inner(moved(paintings, step)) - inner(disturbed)).abs().mean()
}

/// Moved by 1 to 3 pixels each way; what leaves at one side comes in at the other.
fn moved(x: Tensor<4>, step: usize) -> Tensor<4> {
    [(2, 1 + step % 3), (3, 1 + step / 3 % 3)].into_iter().fold(x, |x, (axis, by)| {
        let length = x.dims()[axis];
        let (kept, left) =
            (x.clone().narrow(axis, 0, length - by), x.narrow(axis, length - by, by));
        Tensor::cat(vec![left, kept], axis)
    })
}

/// Mean absolute difference of neighbouring pixels of the painting, counted where the photo is flat:
/// in skies and walls nothing else keeps strokes from being made up. `[1]`
pub fn total_variation(painting: Tensor<4>, photo: &Flatness) -> Tensor<1> {
    let [down, right] = differences(painting);
    let Flatness([flat_down, flat_right]) = photo.clone();
    (down * flat_down).mean() + (right * flat_right).mean()
}

/// Lines of the painting that sit on the generator's grid, 8 pixels apart or a fraction of that,
/// where the photo is flat: without texture to start from, a generator can make some out of where a
/// pixel is in the grid. The mean square, in 8-bit levels, of what the pixels of every eighth column
/// (and row) have in common; nothing where the photo is not flat. Sides of at least 16 pixels. `[1]`
pub fn grid(painting: Tensor<4>, photo: &Flatness) -> Tensor<1> {
    let Flatness([flat_down, flat_right]) = photo.clone();
    lines(painting.clone(), flat_right) + lines(painting.swap_dims(2, 3), flat_down.swap_dims(2, 3))
}

/// [`grid`] for upright lines; `flat`: `[batch, 1, height, width - 1]`.
fn lines(painting: Tensor<4>, flat: Tensor<4>) -> Tensor<1> {
    let [batch, channels, height, width] = painting.dims();
    let (half, whole) = (GRID / 2, (width - GRID) / GRID * GRID);
    // Without what is wider than the grid.
    let around = AvgPool2dConfig::new([1, GRID]).with_strides([1, 1]).init();
    let fine =
        painting.clone().narrow(3, half, whole) - around.forward(painting).narrow(3, 0, whole);
    let flat = flat.narrow(3, half, whole);
    let rows = height * whole / GRID;
    let sums = (fine * flat.clone()).reshape([batch, channels, rows, GRID]).sum_dim(2);
    let flat = flat.reshape([batch, 1, rows, GRID]).sum_dim(2);
    let common = sums / (flat.clone() + TINY);
    // A slope has the same mean at all places of the grid.
    let common = (common.clone() - common.mean_dim(3)) * 255.0;
    (common.square() * flat / rows as f64).mean()
}

/// Absolute differences to the pixel below and to the one on the right.
fn differences(x: Tensor<4>) -> [Tensor<4>; 2] {
    [
        (x.clone().slice(s![.., .., 1.., ..]) - x.clone().slice(s![.., .., ..-1, ..])).abs(),
        (x.clone().slice(s![.., .., .., 1..]) - x.slice(s![.., .., .., ..-1])).abs(),
    ]
}

/// How flat a photo is around each difference of a pixel to the one below and to the one on the right:
/// 1 where nothing changes, near 0 where neighbouring pixels differ by several levels.
#[derive(Debug, Clone)]
pub struct Flatness([Tensor<4>; 2]);

impl Flatness {
    /// Of photos `[batch, 3, height, width]`.
    pub fn of(photo: Tensor<4>) -> Self {
        let around = AvgPool2dConfig::new([FLAT_AREA, FLAT_AREA])
            .with_strides([1, 1])
            .with_padding(PaddingConfig2d::Same)
            .with_count_include_pad(false)
            .init();
        Self(
            differences(photo)
                .map(|change| (around.forward(change.mean_dim(1)) * (-1.0 / FLAT)).exp()),
        )
    }
}

/// Binary cross-entropy of logits against the probability `label` (Goodfellow et al.,
/// "Generative Adversarial Nets", 2014). `[1]`
pub fn cross_entropy(logits: Tensor<4>, label: f64) -> Tensor<1> {
    let real = log_sigmoid(logits.clone()) * label;
    let fake = log_sigmoid(logits.neg()) * (1.0 - label);
    (real + fake).mean().neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    #[test]
    fn gradient_of_a_covariance_is_that_of_both_factors() {
        let device = crate::device::cpu().autodiff();
        device.seed(1);
        let x = Tensor::<3>::random([2, 12, 5], Distribution::Default, &device).require_grad();
        let places = 12.0;
        let whole = x.clone().transpose().matmul(x.clone()) / places;
        let goal = Tensor::<2>::eye(5, &device).unsqueeze::<3>().repeat_dim(0, 2);
        let gradient = |covariance: Tensor<3>| {
            let loss = relative(covariance, goal.clone());
            x.grad(&loss.backward()).expect("it depends on it").into_data()
        };
        let found = covariance(x.clone());
        found.to_data().assert_approx_eq::<f32>(&whole.to_data(), Default::default());
        gradient(found).assert_approx_eq::<f32>(&gradient(whole), Default::default());
    }

    #[test]
    fn strokes_are_told_apart_where_moments_are_the_same() {
        let device = crate::device::cpu();
        device.seed(1);
        // Black and white, or all greys: of the same mean and deviation.
        let shape = [1, 3, 64, 64];
        let even = Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
        let two = even.clone().sign() * (1.0f64 / 3.0).sqrt();
        let distance = |a: &Tensor<4>, b: &Tensor<4>| {
            stroke_distance(&[a.clone(), a.clone(), a.clone()], &[b.clone(), b.clone(), b.clone()])
        };
        let (same, other) = (distance(&even, &even), distance(&even, &two));
        assert!(same < 0.02, "{same}");
        assert!(other > 3.0 * same, "{other} {same}");
        let moved = distance(&even, &(two + 1.0));
        assert!(moved > 10.0 * other, "{moved} {other}");
        assert_eq!(same, distance(&even, &even), "always the same projections");
    }

    #[test]
    fn total_variation_counts_in_flat_areas() {
        let device = crate::device::cpu();
        device.seed(1);
        let noise =
            || Tensor::<4>::random([1, 3, 40, 40], Distribution::Uniform(0.0, 1.0), &device);
        let flat = Tensor::<4>::full([1, 3, 40, 40], 0.5, &device);
        let of =
            |painting, photo| total_variation(painting, &Flatness::of(photo)).into_scalar::<f32>();
        // Neighbours that are drawn from 0..1 differ by a third on average.
        let made_up = of(noise(), flat.clone());
        assert!((made_up - 2.0 / 3.0).abs() < 0.02, "{made_up}");
        assert_eq!(of(flat, noise()), 0.0);
        assert!(of(noise(), noise()) < 1e-6);
    }

    #[test]
    fn grid_sees_lines_on_the_grid_where_the_photo_is_flat() {
        let device = crate::device::cpu();
        let size = 112;
        let drawn = |value: &dyn Fn(f32, f32) -> f32| {
            let values: Vec<f32> = (0..3 * size * size)
                .map(|i| value((i % size) as f32, (i / size % size) as f32))
                .collect();
            Tensor::<4>::from_data(TensorData::new(values, [1, 3, size, size]), &device)
        };
        let flat = Tensor::<4>::full([1, 3, size, size], 0.5, &device);
        let of = |painting, photo| grid(painting, &Flatness::of(photo)).into_scalar::<f32>();
        let level = 1.0 / 255.0;
        // Columns that differ by 4 levels are 2 off their mean, along one of two axes.
        let striped = |x: f32| 0.5 + if x % 4.0 < 2.0 { 4.0 * level } else { 0.0 };
        for painting in [drawn(&|x, _| striped(x)), drawn(&|_, y| striped(y))] {
            let found = of(painting.clone(), flat.clone());
            assert!((found - 4.0).abs() < 0.01, "{found}");
            let checks = drawn(&|x, y| if (x + y) % 2.0 < 1.0 { 0.0 } else { 1.0 });
            assert!(of(painting, checks) < 1e-6);
        }
        // Neither a slope nor what repeats in other distances.
        assert!(of(drawn(&|x, y| 0.2 + (x + 2.0 * y) * level), flat.clone()) < 1e-4);
        assert!(of(drawn(&|x, _| 0.5 + ((x * 0.6).sin() * 4.0 * level)), flat) < 0.1);
    }

    #[test]
    fn stability_is_blind_to_movement_and_sees_flicker() {
        let device = crate::device::cpu();
        device.seed(1);
        let photo = Tensor::<4>::random([1, 3, 40, 48], Distribution::Uniform(0.2, 0.8), &device);
        // A painter that changes nothing leaves the noise only, of mean magnitude 0.8 * 2/255.
        let same = stability(photo.clone(), disturb(photo.clone(), 1, 7), 7).into_scalar::<f32>();
        assert!((0.005..0.008).contains(&same), "{same}");
        assert_eq!(moved(photo.clone(), 7).into_data(), moved(photo.clone(), 7).into_data());
        let still = stability(photo.clone(), photo, 7).into_scalar::<f32>();
        assert!(still > 0.1, "strokes that stay where they are flicker on a moving scene: {still}");
    }
}
