//! Distillation of the slim encoder (Romero et al., "FitNets: Hints for Thin Deep Nets", 2015).

use burn::tensor::{DType, Tensor, TensorData};
use nalgebra::{Cholesky, DMatrix};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::TrainError;
use crate::network::vgg::{Features, VggEncoder};
use crate::weights;

/// The variance of features counts as at least this much of their mean square.
const LEAST: f64 = 0.25;
/// Of the mean square of the slim features, what is added to that of each, so that dead ones do no harm.
const RIDGE: f64 = 1e-4;
/// How much the averages of a [`Memory`] keep at each step.
const DECAY: f64 = 0.9;
/// How much of a new channel is noise.
const NOISE: f32 = 0.1;
/// It fires where the one that it is the negative of has less than this share of its peak.
const SHARE: f32 = 0.25;
/// Of relu1_1 … relu4_1 only the middle `1 / part` along each side is compared.
const PARTS: [usize; 4] = [4, 2, 1, 1];

/// What two encoders see in the same pictures, and how much these count.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Of the encoder that learns.
    pub slim: Features,
    /// Of the one that it learns from.
    pub full: Features,
    /// How much they count.
    pub weight: f64,
}

/// What distillation remembers from step to step.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Sums of products of what both encoders see, level by level, from which the best linear maps from the
    /// slim encoder's channels to the full one's follow (least squares). Of nothing yet, they are empty.
    ///
    /// Averaged over many steps: a map that fits a few pictures best explains more of them, and teaches
    /// less.
    levels: Vec<Level>,
    /// The largest value of each of the slim encoder's channels, as [`VggEncoder::peaks`] has them, since
    /// channels were last [`revived`].
    peaks: Vec<Vec<f32>>,
}

#[derive(Debug, Clone)]
struct Level {
    /// `[slim channels + 1, slim channels + 1]`; the last one is a constant.
    products: DMatrix<f64>,
    /// `[slim channels + 1, full channels]`; the last row has the means of the full channels.
    answers: DMatrix<f64>,
    /// The mean square of the full features.
    square: f64,
}

impl Memory {
    /// Of these pictures only.
    pub fn of(seen: &[Seen], peaks: Vec<Vec<f32>>) -> Self {
        Self { levels: levels(seen).map(|sets| Level::of(&sets)).collect(), peaks }
    }

    /// Takes in what a step has found, in parts with their shares.
    pub fn add(&mut self, parts: &[(Self, f64)]) {
        let scaled = |level: &Level, share: f64| Level {
            products: &level.products * share,
            answers: &level.answers * share,
            square: level.square * share,
        };
        let sum = parts.iter().map(|(part, share)| {
            part.levels.iter().map(|level| scaled(level, *share)).collect::<Vec<_>>()
        });
        let sum = sum.reduce(|mut sum, part| {
            for (sum, part) in sum.iter_mut().zip(part) {
                sum.products += part.products;
                sum.answers += part.answers;
                sum.square += part.square;
            }
            sum
        });
        let Some(sum) = sum else { return };
        // A step that nothing comes of must not spoil all that follow.
        if sum.iter().any(|level| !level.products.sum().is_finite()) {
            return;
        }
        if self.levels.is_empty() {
            self.levels = sum;
        } else {
            for (old, new) in self.levels.iter_mut().zip(sum) {
                old.products = &old.products * DECAY + new.products * (1.0 - DECAY);
                old.answers = &old.answers * DECAY + new.answers * (1.0 - DECAY);
                old.square = old.square * DECAY + new.square * (1.0 - DECAY);
            }
        }
        for (part, _) in parts {
            self.peaks.resize_with(part.peaks.len(), Vec::new);
            for (old, new) in self.peaks.iter_mut().zip(&part.peaks) {
                old.resize(new.len(), 0.0);
                old.iter_mut().zip(new).for_each(|(old, &new)| *old = old.max(new));
            }
        }
    }

    /// The peaks, which are then forgotten.
    pub fn take_peaks(&mut self) -> Vec<Vec<f32>> {
        std::mem::take(&mut self.peaks)
    }

    /// How much the slim encoder leaves unexplained of relu1_1 … relu4_1, each `[1]`: after the linear map,
    /// the mean squared difference over the variance of the full encoder's features, of the last steps, too.
    /// 1 is no better than a constant, 0 is perfect.
    ///
    /// The map is taken as given: at its optimum it has no gradient of its own.
    pub fn residual_variances(&self, seen: &[Seen]) -> Vec<Tensor<1>> {
        levels(seen).zip(&self.levels).map(|(sets, level)| level.unexplained(&sets)).collect()
    }

    /// As the bytes of a file, or nothing where there is nothing to remember.
    ///
    /// # Errors
    /// Does not fail with matrices that fit each other.
    pub fn to_bytes(&self) -> Result<Option<Vec<u8>>, safetensors::SafeTensorError> {
        if self.levels.is_empty() {
            return Ok(None);
        }
        let mut parts: Vec<(String, Vec<usize>, Vec<f64>)> = Vec::new();
        for (index, Level { products, answers, square }) in self.levels.iter().enumerate() {
            parts.push((format!("{index}.square"), vec![1], vec![*square]));
            for (name, matrix) in [("products", products), ("answers", answers)] {
                // Column by column, as they are in memory.
                let shape = vec![matrix.ncols(), matrix.nrows()];
                parts.push((format!("{index}.{name}"), shape, matrix.iter().copied().collect()));
            }
        }
        for (index, peaks) in self.peaks.iter().enumerate() {
            let values = peaks.iter().map(|&peak| f64::from(peak)).collect();
            parts.push((format!("{index}.peaks"), vec![peaks.len()], values));
        }
        let bytes: Vec<Vec<u8>> = parts
            .iter()
            .map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
            .collect();
        let views = parts.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            Ok((name, TensorView::new(Dtype::F64, shape.clone(), bytes)?))
        });
        let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
        safetensors::serialize(views, None).map(Some)
    }

    /// What [`Memory::to_bytes`] gave.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, safetensors::SafeTensorError> {
        let file = SafeTensors::deserialize(bytes)?;
        let values = |name: &str| -> Result<(Vec<usize>, Vec<f64>), safetensors::SafeTensorError> {
            let view = file.tensor(name)?;
            let values = view.data().as_chunks::<8>().0.iter().map(|&x| f64::from_le_bytes(x));
            Ok((view.shape().to_vec(), values.collect()))
        };
        let matrix = |name: &str| {
            let (shape, values) = values(name)?;
            match shape.as_slice() {
                [columns, rows] => Ok(DMatrix::from_vec(*rows, *columns, values)),
                _ => Err(safetensors::SafeTensorError::TensorNotFound(name.to_owned())),
            }
        };
        let levels = (0..PARTS.len()).map(|index| {
            Ok(Level {
                products: matrix(&format!("{index}.products"))?,
                answers: matrix(&format!("{index}.answers"))?,
                square: values(&format!("{index}.square"))?.1.into_iter().sum(),
            })
        });
        let levels = levels.collect::<Result<_, safetensors::SafeTensorError>>()?;
        let mut peaks = Vec::new();
        while let Ok((_, found)) = values(&format!("{}.peaks", peaks.len())) {
            peaks.push(found.into_iter().map(|peak| peak as f32).collect());
        }
        Ok(Self { levels, peaks })
    }
}

/// Level by level, the pairs of features as rows, with what they weigh.
fn levels(seen: &[Seen]) -> impl Iterator<Item = Vec<([Tensor<2>; 2], f64)>> {
    (0..PARTS.len()).map(|level| {
        let set = |seen: &Seen| {
            let pair = [&seen.slim, &seen.full];
            let pair = pair.map(|x| rows(x.clone().levels()[level].clone(), PARTS[level]));
            (pair, seen.weight)
        };
        seen.iter().map(set).collect()
    })
}

/// Features of the middle `1 / part` along each side as `[places, channels]`, f32.
fn rows(x: Tensor<4>, part: usize) -> Tensor<2> {
    let [_, channels, height, width] = x.dims();
    let middle = |x: Tensor<4>, axis, length: usize| {
        x.narrow(axis, (length - length / part) / 2, length / part)
    };
    let x = middle(middle(x, 2, height), 3, width).permute([0, 2, 3, 1]);
    let places = x.dims()[..3].iter().product();
    x.reshape([places, channels]).cast(DType::F32)
}

impl Level {
    /// Of pairs of `[places, slim channels]` and `[places, full channels]`, with what they weigh.
    fn of(sets: &[([Tensor<2>; 2], f64)]) -> Self {
        let [slim, full] = [0, 1].map(|side| sets[0].0[side].dims()[1]);
        let mut level = Self {
            products: DMatrix::zeros(slim + 1, slim + 1),
            answers: DMatrix::zeros(slim + 1, full),
            square: 0.0,
        };
        for ([a, b], weight) in sets {
            let places = a.dims()[0];
            let each = weight / places as f64;
            let a =
                Tensor::cat(vec![a.clone().detach(), Tensor::ones([places, 1], &a.device())], 1);
            let across = a.clone().transpose();
            level.products += matrix(across.clone().matmul(a)) * each;
            level.answers += matrix(across.matmul(b.clone())) * each;
            level.square += b.clone().square().mean().into_scalar::<f64>() * weight;
        }
        level
    }

    /// `[slim channels + 1, full channels]`
    fn map(&self) -> DMatrix<f64> {
        let (rows, columns) = self.answers.shape();
        let least = RIDGE * self.products.trace() / rows as f64;
        let products = &self.products + DMatrix::identity(rows, rows) * least;
        // Positive definite, unless something is not a number.
        match Cholesky::new(products) {
            Some(products) => products.solve(&self.answers),
            None => DMatrix::zeros(rows, columns),
        }
    }

    fn unexplained(&self, sets: &[([Tensor<2>; 2], f64)]) -> Tensor<1> {
        let map = self.map();
        let (rows, columns) = map.shape();
        let values: Vec<f32> = map.transpose().iter().map(|&value| value as f32).collect();
        let device = sets[0].0[0].device();
        let map = Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &device);
        let (linear, constant) = (map.clone().narrow(0, 0, rows - 1), map.narrow(0, rows - 1, 1));
        let means = self.answers.row(rows - 1);
        let variance =
            self.square - means.iter().map(|mean| mean * mean).sum::<f64>() / columns as f64;
        // Nothing is to be learned from how little empty pages vary.
        let variance = variance.max(LEAST * self.square).max(f64::MIN_POSITIVE);
        let losses = sets.iter().map(|([a, b], weight)| {
            let found = a.clone().matmul(linear.clone()) + constant.clone();
            (found - b.clone()).square().mean() * (*weight / variance)
        });
        losses.reduce(|sum, loss| sum + loss).expect("there are pictures")
    }
}

fn matrix(x: Tensor<2>) -> DMatrix<f64> {
    let [rows, columns] = x.dims();
    DMatrix::from_row_iterator(rows, columns, x.into_data().iter::<f64>())
}

/// Channels of the slim encoder that have not fired, which nothing would ever teach again, start anew as
/// the negative of a channel that has (Shang et al., "Understanding and Improving Convolutional Neural
/// Networks via Concatenated Rectified Linear Units", 2016), with a little noise. `peaks`: the largest
/// value of each channel, convolution by convolution, as [`VggEncoder::peaks`] has them. Also says how many
/// these were.
///
/// # Errors
/// Does not fail with the encoder's own tensors.
pub fn revived(
    encoder: VggEncoder,
    peaks: &[Vec<f32>],
    rng: &mut ChaCha8Rng,
) -> Result<(VggEncoder, usize), TrainError> {
    let mut tensors = weights::tensors_of("", &encoder);
    let mut count = 0;
    for (name, peaks) in VggEncoder::TO_RELU4_1.iter().zip(peaks) {
        let (dead, alive): (Vec<usize>, Vec<_>) =
            (0..peaks.len()).partition(|&channel| peaks[channel] <= 0.0);
        if alive.is_empty() {
            continue;
        }
        count += dead.len();
        // The same one for weights and bias.
        let others: Vec<_> =
            (0..dead.len()).map(|index| alive[(index + count) % alive.len()]).collect();
        for tensor in tensors.iter_mut().filter(|tensor| tensor.name.starts_with(name)) {
            let length = tensor.values.len() / peaks.len();
            let is_bias = tensor.shape.len() == 1;
            for (&channel, &other) in dead.iter().zip(&others) {
                let new: Vec<f32> = tensor.values[other * length..][..length]
                    .iter()
                    .map(|value| match is_bias {
                        true => peaks[other] * SHARE - value,
                        false => -value * (1.0 + NOISE * rng.random_range(-1.0..1.0)),
                    })
                    .collect();
                tensor.values[channel * length..][..length].copy_from_slice(&new);
            }
        }
    }
    Ok((weights::load("", encoder, &mut tensors)?, count))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::tensor::Distribution;
    use rand::SeedableRng;

    use super::*;
    use crate::network::vgg::VggConfig;

    #[test]
    fn what_a_linear_map_explains_is_no_residual() {
        let device = crate::device::cpu();
        device.seed(1);
        let normal = |shape| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let (slim, other) = (normal([4000, 4]), normal([1000, 4]) * 0.5);
        let map = normal([4, 7]);
        let seen = |x: &Tensor<2>| [x.clone(), x.clone().matmul(map.clone()) + 2.0];
        let of =
            |sets: &[([Tensor<2>; 2], f64)]| Level::of(sets).unexplained(sets).into_scalar::<f32>();
        let all = of(&[(seen(&slim), 0.5), (seen(&other), 0.5)]);
        assert!(all < 1e-3, "{all}");
        // Noise as large as what varies leaves half, where variance does not vanish beside the mean.
        let [a, b] = seen(&slim);
        let spread =
            (b.clone() - b.clone().mean_dim(0)).square().mean().sqrt().into_scalar::<f32>();
        let noisy = b - 2.0 + normal([4000, 7]) * spread;
        let half = of(&[([a, noisy], 1.0)]);
        assert!((half - 0.5).abs() < 0.05, "{half}");
        let nothing = of(&[([normal([4000, 4]), normal([4000, 7])], 1.0)]);
        assert!((nothing - 1.0).abs() < 0.02, "{nothing}");
        // A channel that is 0 does not upset it.
        let with_dead = Tensor::cat(vec![slim.clone(), slim.zeros_like()], 1);
        let dead = of(&[([with_dead, seen(&slim)[1].clone()], 1.0)]);
        assert!(dead < 1e-3, "{dead}");
    }

    #[test]
    fn gradients_make_it_smaller() {
        let device = crate::device::cpu().autodiff();
        device.seed(1);
        let random =
            |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let (slim, full) = (random([300, 3]).require_grad(), random([300, 5]));
        let of = |slim: &Tensor<2>| {
            let sets = [([slim.clone(), full.clone()], 1.0)];
            Level::of(&sets).unexplained(&sets)
        };
        let before = of(&slim);
        let gradient = slim.grad(&before.backward()).expect("it depends on them");
        let moved = Tensor::from_inner(slim.clone().inner() - gradient * 200.0);
        let (before, after) = (before.into_scalar::<f32>(), of(&moved).into_scalar::<f32>());
        assert!(after < before - 1e-3, "{before} {after}");
    }

    #[test]
    fn what_is_remembered_comes_back_from_a_file() {
        assert!(Memory::default().to_bytes().unwrap().is_none());
        let level = |seed: f64| Level {
            products: DMatrix::from_fn(3, 3, |row, column| (row * 3 + column) as f64 / seed),
            answers: DMatrix::from_fn(3, 5, |row, column| (row * 5 + column) as f64 * seed),
            square: seed,
        };
        let part = Memory {
            levels: [1.5, 2.5, 3.5, 4.5].map(level).to_vec(),
            peaks: vec![vec![0.0, 0.1], vec![3.0]],
        };
        let mut memory = Memory::default();
        memory.add(&[(part.clone(), 0.5), (part.clone(), 0.5)]);
        memory.add(&[(part, 1.0)]);
        let back = Memory::from_bytes(&memory.to_bytes().unwrap().unwrap()).unwrap();
        assert_eq!(back.peaks, [vec![0.0, 0.1], vec![3.0]]);
        for (a, b) in back.levels.iter().zip(&memory.levels) {
            assert_eq!((&a.products, &a.answers), (&b.products, &b.answers));
            assert_eq!(a.square, b.square);
        }
        assert_eq!(back.levels.len(), 4);
        assert!(Memory::from_bytes(b"no such file").is_err());
    }

    #[test]
    fn dead_channels_start_anew() {
        let device = crate::device::cpu();
        device.seed(1);
        let encoder = VggConfig::slim().init(&device);
        let mut tensors = weights::tensors_of("", &encoder);
        for tensor in &mut tensors {
            // Below 0 everywhere.
            if tensor.name == "conv3_2.bias" {
                tensor.values[5] = -1e6;
            }
        }
        let encoder = weights::load("", encoder, &mut tensors).unwrap();
        let picture = Tensor::<4>::random([1, 3, 32, 32], Distribution::Uniform(0.0, 1.0), &device);
        let peaks = |encoder: &VggEncoder| {
            let (_, peaks) = encoder.peaks(picture.clone());
            peaks
                .into_iter()
                .map(|x| x.into_data().iter::<f32>().collect())
                .collect::<Vec<Vec<_>>>()
        };
        let before = peaks(&encoder);
        assert_eq!(
            before.iter().map(Vec::len).collect::<Vec<_>>(),
            [16, 16, 32, 32, 64, 64, 64, 128]
        );
        assert_eq!(before[5][5], 0.0);
        let dead = before.iter().flatten().filter(|&&peak| peak <= 0.0).count();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (encoder, count) = revived(encoder, &before, &mut rng).unwrap();
        assert_eq!(count, dead);
        let after = peaks(&encoder);
        assert!(after[5][5] > 0.0, "{:?}", after[5]);
    }
}
