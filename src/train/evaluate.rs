//! How good paintings are, in numbers that can be compared between methods.

use burn::module::Module;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::TrainError;
use super::losses::{self, Flatness};
use crate::kernels::channel_statistics;
use crate::network::layers::instance_norm;
use crate::network::vgg::{VggConfig, VggEncoder};
use crate::picture::Picture;
use crate::stylizer::{Style, StylizeError, Stylizer};
use crate::weights;

/// Luma of RGB, ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
/// Standard deviation of the noise of the stability measure, in 0..1.
const NOISE: f64 = 2.0 / 255.0;

/// VGG-19 as a measure. Each channel is divided by its mean activation on the photos, so that all
/// channels count alike.
#[derive(Debug)]
pub struct Judge {
    network: VggEncoder,
    /// `[1, channels, 1, 1]` for relu1_1 … relu5_1.
    means: Vec<Tensor<4>>,
    device: Device,
}

/// What the measures need of one picture.
#[derive(Debug)]
pub struct Seen {
    /// relu1_1 … relu5_1, normalized.
    levels: Vec<Tensor<4>>,
    luma: Tensor<4>,
    pixels: Tensor<4>,
}

/// How far a painting is from the style picture and from the photo.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measures {
    /// Mean squared differences of the channels' means and of their standard deviations, summed
    /// over relu1_1 … relu5_1 (Huang and Belongie, 2017). Lower is closer to the style.
    pub style: f64,
    /// Mean squared differences of instance-normalized relu4_1 and relu5_1, summed; 0 … 4. Lower
    /// is closer to the photo.
    pub content: f64,
    /// Frobenius distance of Gram matrices over the norm of the style's, mean of relu1_1 …
    /// relu4_1 (Gatys et al., 2016). Lower is closer to the style.
    pub gram: f64,
    /// How far the distributions of features are apart, relu1_1 … relu3_1, see
    /// [`losses::stroke_distance`]. Lower is closer to the style.
    pub stroke: f64,
    /// Structural similarity of luma to the photo's, 0 … 1 (Wang et al., "Image Quality
    /// Assessment: From Error Visibility to Structural Similarity", 2004). Higher is closer to
    /// the photo.
    pub ssim: f64,
    /// Lines on a grid of 8 pixels where the photo is flat, root mean square, in 8-bit levels:
    /// traces of a network, not of a brush. See [`losses::grid`].
    pub grid: f64,
}

impl Measures {
    /// The mean of each.
    pub fn mean(all: &[Self]) -> Self {
        let of = |get: fn(&Self) -> f64| all.iter().map(get).sum::<f64>() / all.len().max(1) as f64;
        Self {
            style: of(|m| m.style),
            content: of(|m| m.content),
            gram: of(|m| m.gram),
            stroke: of(|m| m.stroke),
            ssim: of(|m| m.ssim),
            grid: of(|m| m.grid),
        }
    }
}

impl Judge {
    /// `vgg` is the content of `models/vgg19.safetensors`.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn load(vgg: &[u8], photos: &[Picture], device: &Device) -> Result<Self, TrainError> {
        let (mut tensors, _) = weights::deserialize(vgg)?;
        let network = weights::load("", VggConfig::full().init(device), &mut tensors)?;
        weights::expect_empty(&tensors)?;
        let mut judge =
            Self { network: network.no_grad(), means: Vec::new(), device: device.clone() };
        let mut sums: Vec<Tensor<4>> = Vec::new();
        for photo in photos {
            let means = judge.features(photo).into_iter().map(|x| channel_statistics(x).0);
            sums = match sums.is_empty() {
                true => means.collect(),
                false => sums.into_iter().zip(means).map(|(sum, mean)| sum + mean).collect(),
            };
        }
        let count = photos.len().max(1) as f64;
        // The network's channels have a mean near 1 on photos in general. One that hardly answers
        // to these few must not outweigh all others.
        judge.means = sums.into_iter().map(|sum| (sum / count).clamp_min(0.25)).collect();
        Ok(judge)
    }

    /// relu1_1 … relu5_1; the sides are cut to multiples of 16.
    fn features(&self, picture: &Picture) -> Vec<Tensor<4>> {
        let (width, height) =
            (picture.width() as usize / 16 * 16, picture.height() as usize / 16 * 16);
        let tensor = picture.to_tensor(&self.device).slice([0..1, 0..3, 0..height, 0..width]);
        let features = self.network.forward(tensor);
        let deepest = self.network.relu5_1(features.relu4_1.clone());
        features.levels().into_iter().chain(deepest).collect()
    }

    /// Looks at a picture.
    pub fn see(&self, picture: &Picture) -> Seen {
        let levels = self.features(picture).into_iter().zip(&self.means);
        let weights = TensorData::new(LUMA.to_vec(), [1, 3, 1, 1]);
        let pixels = picture.to_tensor(&self.device);
        let luma = pixels.clone() * Tensor::<4>::from_data(weights, &self.device);
        Seen {
            levels: levels.map(|(level, mean)| level / mean.clone()).collect(),
            luma: luma.sum_dim(1),
            pixels,
        }
    }

    /// How pictures are made, without where things are: logarithms of the means and standard deviations of
    /// the channels of relu1_1 … relu4_1, 1,920 numbers.
    pub fn moments(&self, picture: &Picture) -> Vec<f64> {
        let levels = self.features(picture).into_iter().zip(&self.means).take(4);
        let numbers = levels.flat_map(|(level, mean)| {
            let (mean, deviation) = channel_statistics(level / mean.clone());
            [mean, deviation].map(|x| x.into_data().iter::<f64>().collect::<Vec<_>>()).concat()
        });
        // What hardly answers must not count for more than what does.
        numbers.map(|number| (number + 0.01).ln()).collect()
    }

    /// Compares a painting with its photo and its style.
    pub fn measure(&self, painting: &Seen, photo: &Seen, style: &Seen) -> Measures {
        let flat = Flatness::of(photo.pixels.clone());
        let mut measures = Measures {
            ssim: ssim(&painting.luma, &photo.luma),
            grid: scalar(losses::grid(painting.pixels.clone(), &flat)).sqrt(),
            stroke: losses::stroke_distance(&painting.levels, &style.levels),
            ..Measures::default()
        };
        for (index, (level, goal)) in painting.levels.iter().zip(&style.levels).enumerate() {
            let ((mean, deviation), (mean_goal, deviation_goal)) =
                (channel_statistics(level.clone()), channel_statistics(goal.clone()));
            measures.style += scalar((mean - mean_goal).square().mean())
                + scalar((deviation - deviation_goal).square().mean());
            if index < 4 {
                let (gram, gram_goal) = (gram(level), gram(goal));
                let distance = scalar((gram - gram_goal.clone()).square().sum());
                measures.gram += (distance / scalar(gram_goal.square().sum())).sqrt() / 4.0;
            }
            if index >= 3 {
                let difference =
                    instance_norm(level.clone()) - instance_norm(photo.levels[index].clone());
                measures.content += scalar(difference.square().mean());
            }
        }
        measures
    }
}

fn scalar(x: Tensor<1>) -> f64 {
    f64::from(x.into_scalar::<f32>())
}

/// Products of channels over the picture, `[1, channels, channels]`.
fn gram(level: &Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = level.dims();
    let flat = level.clone().reshape([batch, channels, height * width]);
    flat.clone().matmul(flat.transpose()) / (height * width) as f64
}

/// With a Gaussian window of 11 pixels and σ = 1.5, of luma in 0..1, `[1, 1, height, width]`.
fn ssim(a: &Tensor<4>, b: &Tensor<4>) -> f64 {
    let window: Vec<f32> = (-5..=5).map(|x| (-(x * x) as f32 / 4.5).exp()).collect();
    let sum: f32 = window.iter().sum();
    let window: Vec<f32> = window.iter().map(|w| w / sum).collect();
    let device = a.device();
    let kernel = |shape| Tensor::<4>::from_data(TensorData::new(window.clone(), shape), &device);
    let (rows, columns) = (kernel([1, 1, 11, 1]), kernel([1, 1, 1, 11]));
    let blur = |x: Tensor<4>| {
        let options = || ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        conv2d(conv2d(x, rows.clone(), None, options()), columns.clone(), None, options())
    };
    let (mean_a, mean_b) = (blur(a.clone()), blur(b.clone()));
    let variance_a = blur(a.clone().square()) - mean_a.clone().square();
    let variance_b = blur(b.clone().square()) - mean_b.clone().square();
    let covariance = blur(a.clone() * b.clone()) - mean_a.clone() * mean_b.clone();
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let top = (mean_a.clone() * mean_b.clone() * 2.0 + c1) * (covariance * 2.0 + c2);
    let bottom = (mean_a.square() + mean_b.square() + c1) * (variance_a + variance_b + c2);
    scalar((top / bottom).mean())
}

/// How much a painting changes when its photo does: mean absolute change of the painting over that
/// of the photo.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stability {
    /// When the photo moves by one pixel, against the painting moved likewise. 0 would be strokes
    /// that stay with what they paint.
    pub shift: f64,
    /// When the photo gets noise of standard deviation 2/255.
    pub noise: f64,
}

impl Stability {
    /// Of a stylizer on a photo and a style. The noise is the same each time.
    ///
    /// # Errors
    /// As [`Stylizer::stylize`].
    pub fn of(stylizer: &Stylizer, photo: &Picture, style: &Style) -> Result<Self, StylizeError> {
        let paint = |photo: &Picture| {
            let content = stylizer.encode_content(photo);
            pollster::block_on(stylizer.stylize(&content, &[(style, 1.0)], 1.0))
        };
        // Both see the same scene, one pixel apart.
        let (first, second) = (moved(photo, 0), moved(photo, 1));
        let (painting, painting_moved) = (paint(&first)?, paint(&second)?);
        let shift = change(&moved(&painting, 1), &moved(&painting_moved, 0))
            / change(&moved(&first, 0), &moved(&second, 0)).max(1e-6);

        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let noisy = first.rgb().iter().map(|&value| {
            // Twelve uniform numbers make a normal one (Irwin-Hall).
            let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            (f64::from(value) + 255.0 * NOISE * normal).round().clamp(0.0, 255.0) as u8
        });
        let noisy = Picture::new(first.width(), first.height(), noisy.collect())?;
        let noise = change(&painting, &paint(&noisy)?) / change(&first, &noisy).max(1e-6);
        Ok(Self { shift, noise })
    }
}

/// The picture without its last column, or without its first.
fn moved(picture: &Picture, by: usize) -> Picture {
    let width = picture.width() as usize;
    let rows = picture.rgb().chunks_exact(3 * width);
    let kept = rows.flat_map(|row| &row[3 * by..3 * (width - 1 + by)]).copied().collect();
    Picture::new(picture.width() - 1, picture.height(), kept).expect("one column less")
}

/// Mean absolute difference of two pictures of the same size, in 8-bit levels.
fn change(a: &Picture, b: &Picture) -> f64 {
    let sum: f64 = a.rgb().iter().zip(b.rgb()).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
    sum / a.rgb().len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device;
    use crate::procedural;

    #[test]
    fn ssim_knows_equal_and_unrelated_pictures() {
        let luma = |seed| procedural::random(48, 40, seed).to_tensor(&device::cpu()).mean_dim(1);
        let (a, b) = (luma(1), luma(2));
        assert!((ssim(&a, &a) - 1.0).abs() < 1e-4);
        let other = ssim(&a, &b);
        assert!(other < 0.6, "{other}");
        // Brightness alone changes little.
        assert!(ssim(&a, &(a.clone() * 0.95)) > 0.9);
    }

    #[test]
    fn moved_pictures_overlap() {
        let picture = Picture::new(3, 1, (0..9).collect()).unwrap();
        assert_eq!(moved(&picture, 0).rgb(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(moved(&picture, 1).rgb(), [3, 4, 5, 6, 7, 8]);
        assert_eq!(change(&moved(&picture, 0), &moved(&picture, 1)), 3.0);
    }
}
