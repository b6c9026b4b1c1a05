//! What a picture is to be like, how far it is from that, and which way is nearer.

use burn::tensor::{Device, Tensor, TensorData};

use super::chain::{LEVELS, Pass};
use super::refine::RefineError;
use crate::kernels::{self, Activation, Border, EPSILON, channel_statistics};

const TINY: f64 = 1e-8;

/// How much each loss counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub content: f64,
    pub statistics: f64,
    pub gram: f64,
}

/// How far a picture is from its goal, each `[1]`, not yet weighted. Of parts with styles of their own each counts as
/// much as it covers.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Mean squared difference to the photo of instance-normalized relu4_1, and half of relu3_1.
    pub content: Tensor<1>,
    /// Squared differences to the styles of channel means and deviations over their mean squares, summed
    /// over relu1_1 … relu4_1 (Huang and Belongie, 2017).
    pub statistics: Tensor<1>,
    /// Squared differences of centred Gram matrices over the squares of both, summed likewise (Gatys et
    /// al., 2016; Cheng et al., "Style-Aware Normalized Loss for Improving Arbitrary Style Transfer", 2021).
    pub gram: Tensor<1>,
}

impl Losses {
    fn none(device: &Device) -> Self {
        let zero = || Tensor::zeros([1], device);
        Self { content: zero(), statistics: zero(), gram: zero() }
    }

    /// Each so many times.
    #[cfg(feature = "learn")]
    pub(super) fn times(self, share: f64) -> Self {
        Self {
            content: self.content * share,
            statistics: self.statistics * share,
            gram: self.gram * share,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            content: self.content + other.content,
            statistics: self.statistics + other.statistics,
            gram: self.gram + other.gram,
        }
    }

    /// Content, statistics and Gram matrices, as numbers.
    ///
    /// # Errors
    /// [`RefineError::Device`] where they cannot be read.
    pub async fn numbers(self) -> Result<[f32; 3], RefineError> {
        let all = Tensor::cat(vec![self.content, self.statistics, self.gram], 0);
        let data = all.into_data_async().await;
        let data = data.map_err(|error| RefineError::Device(error.to_string()))?;
        let numbers: Vec<f32> = data.iter().collect();
        Ok([numbers[0], numbers[1], numbers[2]])
    }
}

/// Which part of the picture has styles of its own, at each level.
#[derive(Debug, Clone)]
pub struct Places {
    /// How much of every place belongs to it, `[1, 1, height, width]`, and the sum of that.
    levels: [(Tensor<4>, f64); LEVELS],
    /// Of the whole picture, in 0..=1.
    pub area: f64,
}

impl Places {
    /// From shares in 0..=1 in rows, at the sizes of the levels (width, height).
    pub fn new(levels: [(Vec<f32>, (u32, u32)); LEVELS], device: &Device) -> Self {
        let mean = |shares: &[f32]| {
            shares.iter().copied().map(f64::from).sum::<f64>() / shares.len() as f64
        };
        let area = mean(&levels[0].0);
        let levels = levels.map(|(shares, (width, height))| {
            let sum = mean(&shares) * shares.len() as f64;
            let shape = [1, 1, height as usize, width as usize];
            (Tensor::from_data(TensorData::new(shares, shape), device), sum + TINY)
        });
        Self { levels, area }
    }
}

/// Of a level's channels.
#[derive(Debug, Clone)]
struct Moments {
    /// `[channels, 1]`
    mean: Tensor<2>,
    /// `[channels, channels]`
    covariance: Tensor<2>,
}

impl Moments {
    /// Of all places, or of some as much as they count.
    fn of(level: &Tensor<4>, within: Option<&(Tensor<4>, f64)>) -> Self {
        let [_, channels, height, width] = level.dims();
        let places = height * width;
        let rows = level.clone().reshape([channels, places]);
        let (mean, centred, count) = match within {
            None => {
                let mean = rows.clone().mean_dim(1);
                (mean.clone(), rows - mean, places as f64)
            }
            Some((shares, sum)) => {
                let shares = shares.clone().reshape([1, places]);
                let mean = (rows.clone() * shares.clone()).sum_dim(1) / *sum;
                (mean.clone(), (rows - mean) * shares.sqrt(), *sum)
            }
        };
        Self { mean, covariance: kernels::gram(centred) / count }
    }

    /// `[channels, 1]`
    fn variance(&self) -> Tensor<2> {
        let channels = self.covariance.dims()[0];
        (self.covariance.clone() * Tensor::eye(channels, &self.covariance.device())).sum_dim(1)
    }

    fn deviation(&self) -> Tensor<2> {
        (self.variance() + EPSILON).sqrt()
    }
}

/// The goal: a photo's content, and in each part of the picture a mixture of styles.
#[derive(Debug, Clone)]
pub struct Goal {
    /// Instance-normalized relu3_1 and relu4_1, and their weights.
    content: [(Tensor<4>, f64); 2],
    styles: Styles,
}

/// The styles of a goal, part by part. A clone shares what is known of them.
#[derive(Debug, Clone)]
pub struct Styles(Vec<Part>);

#[derive(Debug, Clone)]
struct Part {
    styles: Vec<Moments>,
    /// All of the picture where there are none.
    places: Option<Places>,
}

/// What the network sees in the styles of a part, and their weights.
pub type Seen = Vec<(Pass, f64)>;

/// Which levels the content is compared at, and how much each counts.
const CONTENT: [(usize, f64); 2] = [(2, 0.5), (3, 1.0)];

impl Styles {
    /// Of what the network sees in the styles of each part, with the weights of these, which sum to 1.
    pub fn of(parts: Vec<(Seen, Option<Places>)>) -> Self {
        let mixed = |styles: &Seen, level: usize| {
            let moments = styles.iter().map(|(pass, weight)| {
                let Moments { mean, covariance } = Moments::of(pass.levels()[level], None);
                Moments { mean: mean * *weight, covariance: covariance * *weight }
            });
            let sum = moments.reduce(|a, b| Moments {
                mean: a.mean + b.mean,
                covariance: a.covariance + b.covariance,
            });
            sum.expect("there is a style")
        };
        let parts = parts.into_iter().map(|(styles, places)| Part {
            styles: (0..LEVELS).map(|level| mixed(&styles, level)).collect(),
            places,
        });
        Self(parts.collect())
    }
}

impl Goal {
    /// Of what the network sees in the photo, and of styles.
    pub fn of(photo: &Pass, styles: Styles) -> Self {
        let photo = photo.levels();
        let content = CONTENT.map(|(level, weight)| {
            let (normalized, _) = normalized(photo[level].clone());
            (normalized, weight)
        });
        Self { content, styles }
    }

    /// The losses of a picture, and the gradient of their weighted sum in relu1_1 … relu4_1.
    pub fn compare(&self, picture: &Pass, weights: &Weights) -> (Losses, [Tensor<4>; LEVELS]) {
        let mut losses: Option<Losses> = None;
        let levels = picture.levels();
        let gradients = std::array::from_fn(|index| {
            let level = levels[index];
            let by_part = self.styles.0.iter().map(|part| {
                let within = part.places.as_ref().map(|places| &places.levels[index]);
                let area = part.places.as_ref().map_or(1.0, |places| places.area);
                towards(level, within, &part.styles[index], weights, area)
            });
            let (mut own, by_style) = by_part
                .reduce(|(losses, gradient), (more, along)| (losses.plus(more), gradient + along))
                .unwrap_or_else(|| (Losses::none(&level.device()), level.zeros_like()));
            let by_content = CONTENT.iter().zip(&self.content).find(|((at, _), _)| *at == index);
            let gradient = match by_content {
                None => by_style,
                Some((_, (photo, weight))) => {
                    let (loss, gradient) = difference(level.clone(), photo);
                    own.content = own.content + loss * *weight;
                    by_style + gradient * (*weight * weights.content)
                }
            };
            losses = Some(match losses.take() {
                None => own,
                Some(sum) => sum.plus(own),
            });
            gradient
        });
        (losses.expect("there are levels"), gradients)
    }
}

/// Style losses of one level (no content) in all of the picture or `within` a part of it, and their weighted gradient in
/// it. `area`: how much they count.
fn towards(
    level: &Tensor<4>,
    within: Option<&(Tensor<4>, f64)>,
    goal: &Moments,
    weights: &Weights,
    area: f64,
) -> (Losses, Tensor<4>) {
    let [_, channels, height, width] = level.dims();
    let places = within.map_or((height * width) as f64, |(_, sum)| *sum);
    let moments = Moments::of(level, within);
    let (deviation, goal_deviation) = (moments.deviation(), goal.deviation());
    // Mean squares over that of the goal, and their slopes.
    let relative = |value: Tensor<2>, goal: Tensor<2>| {
        let scale = (goal.clone().square().mean() + TINY).recip();
        let difference = value - goal;
        let loss = difference.clone().square().mean() * scale.clone();
        (loss, difference * scale.reshape([1, 1]) * (2.0 / channels as f64))
    };
    let (mean_loss, by_mean) = relative(moments.mean.clone(), goal.mean.clone());
    let (deviation_loss, by_deviation) = relative(deviation.clone(), goal_deviation);

    let square = |x: &Tensor<2>| x.clone().square().mean();
    // The scale is taken as given.
    let scale = square(&moments.covariance) + square(&goal.covariance) + TINY;
    let scale = scale.recip();
    let difference = moments.covariance.clone() - goal.covariance.clone();
    let gram = square(&difference) * scale.clone();
    let numbers = (channels * channels) as f64;
    let by_covariance = difference * scale.reshape([1, 1]) * (2.0 * area * weights.gram / numbers);

    // A place's gradient is linear in what is there: of covariance and deviation (the root of the
    // covariance's diagonal) 2 / places times a symmetric matrix times the centred features, of the mean a
    // constant. The means of the centred features are 0, so that nothing comes back through them.
    let by_variance = by_deviation * (area * weights.statistics) / (deviation * 2.0);
    let diagonal = Tensor::<2>::eye(channels, &by_variance.device()) * by_variance;
    let matrix = (by_covariance + diagonal) * (2.0 / places);
    // The matrix is its own transpose.
    let along = kernels::linear(moments.mean.transpose(), matrix.clone(), None, Activation::None);
    let constant = by_mean * (area * weights.statistics / places) - along.transpose();
    let gradient = kernels::convolve(
        level.clone(),
        matrix.reshape([channels, channels, 1, 1]),
        constant.reshape([channels]),
        Border::Zero,
        false,
        None,
    );
    let statistics = mean_loss + deviation_loss;
    let content = gram.zeros_like();
    let Some((shares, _)) = within else {
        return (Losses { content, statistics, gram }, gradient);
    };
    let losses = Losses { content, statistics: statistics * area, gram: gram * area };
    (losses, gradient * shares.clone())
}

/// Every channel with mean 0 and deviation 1, and the reciprocals of the deviations, `[1, channels, 1, 1]`.
fn normalized(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let (mean, deviation) = channel_statistics(x.clone());
    let scale = deviation.recip();
    ((x - mean) * scale.clone(), scale)
}

/// Mean squared difference of the normalized features to normalized ones, and its gradient in the features.
fn difference(x: Tensor<4>, goal: &Tensor<4>) -> (Tensor<1>, Tensor<4>) {
    let numbers = x.dims().iter().product::<usize>() as f64;
    let (found, scale) = normalized(x);
    let difference = found.clone() - goal.clone();
    let loss = difference.clone().square().mean();
    let mean = |x: Tensor<4>| x.mean_dim(3).mean_dim(2);
    let slope = difference * (2.0 / numbers);
    let along = found.clone() * mean(slope.clone() * found);
    (loss, (slope.clone() - mean(slope) - along) * scale)
}

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::chain::Chain;
    use super::*;
    use crate::network::vgg::VggConfig;
    use crate::train::losses;
    use crate::weights::{self, Metadata, NamedTensor};

    const WEIGHTS: Weights = Weights { content: 0.7, statistics: 1.3, gram: 2.0 };

    /// Even numbers by chance, the same whatever other tests draw meanwhile.
    fn random(seed: u64, shape: [usize; 4], range: std::ops::Range<f32>) -> Tensor<4> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values = (0..shape.iter().product()).map(|_| rng.random_range(range.clone()));
        let values: Vec<f32> = values.collect();
        Tensor::from_data(TensorData::new(values, shape), &crate::device::cpu())
    }

    fn picture(seed: u64, width: usize, height: usize) -> Tensor<4> {
        // Not white noise only, so that channels correlate.
        let noise = |seed, height, width| random(seed, [1, 3, height, width], 0.1..0.9);
        let coarse = noise(seed + 100, height / 8, width / 8).repeat_dim(2, 8).repeat_dim(3, 8);
        (noise(seed, height, width) + coarse) / 2.0
    }

    /// VGG-19 with numbers by chance, and the same as the file that a chain reads: with factors or without.
    fn network(factors: bool) -> (Vec<NamedTensor>, Vec<u8>) {
        let plain = crate::device::cpu();
        let numbers = |seed: usize, shape: &[usize]| {
            // Kept in size from layer to layer (He et al., 2015).
            let inputs = shape[1..].iter().product::<usize>().max(6);
            let most = (6.0 / inputs as f32).sqrt();
            let all = [shape.iter().product(), 1, 1, 1];
            random(seed as u64, all, -most..most).into_data().iter().collect::<Vec<f32>>()
        };
        let mut parts = Vec::new();
        let tensors = weights::tensors_of("", &VggConfig::full().init(&plain));
        for (index, mut tensor) in tensors.into_iter().enumerate() {
            tensor.values = numbers(index, &tensor.shape);
            let layer = tensor.name.strip_suffix(".weight").map(str::to_owned);
            if let Some(layer) = layer.filter(|name| factors && name != "conv1_1") {
                // As many rows as there are channels between the factors, and sums of them.
                let outputs = tensor.shape[0];
                let rank = outputs / 8;
                tensor.shape[0] = rank;
                tensor.values.truncate(tensor.shape.iter().product());
                let shape = vec![outputs, rank, 1, 1];
                parts.push(NamedTensor {
                    name: tensor.name.clone(),
                    values: numbers(1000 + index, &shape),
                    shape,
                });
                tensor.name = format!("{layer}.inner.weight");
            }
            parts.push(tensor);
        }
        let bytes = weights::serialize(&parts, &Metadata::new()).unwrap();
        // As the file has them, in 8 bits.
        let (mut whole, _) = weights::deserialize(&bytes).unwrap();
        let inner = whole.extract_if(.., |tensor| tensor.name.ends_with(".inner.weight"));
        for inner in inner.collect::<Vec<_>>() {
            let name = inner.name.replace(".inner", "");
            let outer = whole.iter_mut().find(|tensor| tensor.name == name).unwrap();
            let matrix = |tensor: &NamedTensor| {
                let rows = tensor.shape[0];
                let length = tensor.values.len() / rows;
                Tensor::<1>::from_data(tensor.values.as_slice(), &plain).reshape([rows, length])
            };
            let product: Tensor<2> = matrix(outer).matmul(matrix(&inner));
            outer.values = product.into_data().iter().collect();
            outer.shape = [&outer.shape[..1], &inner.shape[1..]].concat();
        }
        (whole, bytes)
    }

    /// Losses and gradient in the picture are those of the training's losses, differentiated by burn.
    #[test]
    fn as_the_training_differentiates_it() {
        compare(network(false));
    }

    #[test]
    fn factors_are_their_product() {
        compare(network(true));
    }

    /// A part's losses and gradient are those of a picture that is nothing else.
    #[test]
    fn a_part_is_judged_by_itself() {
        let device = crate::device::cpu();
        let (level, style) = (random(1, [1, 6, 5, 8], 0.0..2.0), random(2, [1, 6, 7, 4], 0.0..2.0));
        let goal = Moments::of(&style, None);
        let numbers = |x: Tensor<4>| x.into_data().iter::<f32>().collect::<Vec<_>>();
        let judged = |level: &Tensor<4>, shares: Option<Vec<f32>>, area: f64| {
            let within = shares.map(|shares| {
                let sum = shares.iter().copied().map(f64::from).sum();
                (Tensor::from_data(TensorData::new(shares, [1, 1, 5, 8]), &device), sum)
            });
            let (losses, gradient) = towards(level, within.as_ref(), &goal, &WEIGHTS, area);
            let number = |x: Tensor<1>| x.into_scalar::<f32>();
            ([number(losses.statistics), number(losses.gram)], gradient)
        };
        let close = |(found, by_found): ([f32; 2], Tensor<4>),
                     (wanted, by_wanted): ([f32; 2], _)| {
            let (found_all, wanted_all) = (numbers(by_found), numbers(by_wanted));
            let pairs = found.iter().chain(&found_all).zip(wanted.iter().chain(&wanted_all));
            for (a, b) in pairs {
                assert!((a - b).abs() <= 1e-5 + 1e-3 * b.abs(), "{a} is not {b}");
            }
        };
        let left: Vec<f32> = (0..40).map(|place| f32::from(u8::from(place % 8 < 3))).collect();
        let (losses, gradient) = judged(&level, Some(left), 0.25);
        let part = level.clone().narrow(3, 0, 3);
        let (of_part, by_part) = judged(&part, None, 1.0);
        close(
            (losses, gradient.clone().narrow(3, 0, 3)),
            (of_part.map(|loss| loss * 0.25), by_part * 0.25),
        );
        assert!(numbers(gradient.narrow(3, 3, 5)).iter().all(|slope| *slope == 0.0));
        close(judged(&level, Some(vec![0.5; 40]), 1.0), judged(&level, None, 1.0));
    }

    fn compare((mut tensors, bytes): (Vec<NamedTensor>, Vec<u8>)) {
        let plain = crate::device::cpu();
        let chain = Chain::load(&bytes, &plain).unwrap();
        let (photo, style, painting) = (picture(1, 48, 40), picture(2, 32, 40), picture(5, 48, 40));

        let styles = vec![(chain.forward(style.clone()), 1.0)];
        let goal = Goal::of(&chain.forward(photo.clone()), Styles::of(vec![(styles, None)]));
        let pass = chain.forward(painting.clone());
        let (found, by_level) = goal.compare(&pass, &WEIGHTS);
        let found_gradient = chain.backward(pass, by_level);

        let device = plain.clone().autodiff();
        let network = weights::load("", VggConfig::full().init(&device), &mut tensors).unwrap();
        let lift = |x: Tensor<4>| Tensor::<4>::from_data(x.into_data(), &device);
        let see = |x: Tensor<4>| network.forward(x).levels();
        let painting = lift(painting).require_grad();
        let seen = see(painting.clone());
        let target = losses::ContentTarget::of(&see(lift(photo)));
        let content = losses::content(&seen, &target);
        let target = losses::StyleTarget::of(&see(lift(style)), 1);
        let style = losses::style(&seen, &target, &[1.0; 4], 1);
        let number = |x: Tensor<1>| x.into_scalar::<f32>();
        let losses = [&found.content, &found.statistics, &found.gram].map(|x| number(x.clone()));
        let wanted = [&content, &style.statistics, &style.gram].map(|x| number(x.clone()));
        for (found, wanted) in losses.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-3 * wanted, "{losses:?}, not {wanted:?}");
        }
        let all = content * WEIGHTS.content
            + style.statistics * WEIGHTS.statistics
            + style.gram * WEIGHTS.gram;
        let wanted = painting.grad(&all.backward()).unwrap();
        let numbers = |data: TensorData| data.iter::<f64>().collect::<Vec<_>>();
        let (found, wanted) = (numbers(found_gradient.into_data()), numbers(wanted.into_data()));
        let square = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let apart = square(&mut found.iter().zip(&wanted).map(|(a, b)| a - b));
        let size = square(&mut wanted.iter().copied());
        // Where two values under a pooling are all but alike, rounding decides which one has the gradient.
        assert!(size > 0.0 && apart < 3e-3 * size, "{apart} of {size}");
    }
}
