//! What the generator and the discriminator are trained for. Every loss is relative to its
//! target, so that weights mean something.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Tensor, s};

use crate::layers::{EPSILON, instance_norm};
use crate::vgg::Features;

const TINY: f64 = 1e-8;

/// Mean squared difference of instance-normalized relu4_1, and half as much of relu3_1: what is
/// where, regardless of colour and contrast. `[1]`
pub fn content(painting: &Features, photo: &Features) -> Tensor<1> {
    let level = |a: &Tensor<4>, b: &Tensor<4>| {
        (instance_norm(a.clone()) - instance_norm(b.clone())).square().mean()
    };
    level(&painting.relu4_1, &photo.relu4_1) + level(&painting.relu3_1, &photo.relu3_1) * 0.5
}

/// How far the painting is from the style.
#[derive(Debug)]
pub struct StyleLosses {
    /// Squared differences of channel means and deviations over their mean squares, summed over
    /// relu1_1 … relu4_1 (Huang and Belongie, 2017). `[1]`
    pub statistics: Tensor<1>,
    /// Squared differences of centred Gram matrices over the target's squares, summed likewise
    /// (Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", 2016). `[1]`
    pub gram: Tensor<1>,
}

/// Both style losses, from the same moments.
pub fn style(painting: &Features, style: &Features) -> StyleLosses {
    let levels = painting.clone().levels().into_iter().zip(style.clone().levels());
    let terms = levels.map(|(painting, style)| {
        let (value, goal) = (Moments::of(painting), Moments::of(style));
        StyleLosses {
            statistics: relative(value.mean, goal.mean) + relative(value.deviation, goal.deviation),
            gram: relative(value.covariance, goal.covariance),
        }
    });
    terms
        .reduce(|sum, term| StyleLosses {
            statistics: sum.statistics + term.statistics,
            gram: sum.gram + term.gram,
        })
        .expect("features have levels")
}

/// Of the channels of a batch of features.
struct Moments {
    /// `[batch, channels, 1]`
    mean: Tensor<3>,
    /// `[batch, channels, 1]`
    deviation: Tensor<3>,
    /// The centred Gram matrix, `[batch, channels, channels]`.
    covariance: Tensor<3>,
}

impl Moments {
    /// One matrix product gives all second moments; centring the features first would cost
    /// several passes over the largest tensors of the training step.
    fn of(x: Tensor<4>) -> Self {
        let [batch, channels, height, width] = x.dims();
        let flat = x.reshape([batch, channels, height * width]);
        let mean = flat.clone().mean_dim(2);
        let second = flat.clone().matmul(flat.transpose()) / (height * width) as f64;
        let covariance = second - mean.clone().matmul(mean.clone().transpose());
        let diagonal = Tensor::<2>::eye(channels, &covariance.device()).unsqueeze::<3>();
        let variance = (covariance.clone() * diagonal).sum_dim(2).clamp_min(0.0);
        Self { mean, deviation: (variance + EPSILON).sqrt(), covariance }
    }
}

/// For each picture the squared difference over the square of the goal; their mean. `[1]`
fn relative(value: Tensor<3>, goal: Tensor<3>) -> Tensor<1> {
    let [batch, ..] = goal.dims();
    let square = |x: Tensor<3>| x.square().reshape([batch as i32, -1]).mean_dim(1);
    (square(value - goal.clone()) / (square(goal) + TINY)).mean()
}

/// Mean absolute difference of pictures. `[1]`
pub fn identity(painting: Tensor<4>, photo: Tensor<4>) -> Tensor<1> {
    (painting - photo).abs().mean()
}

/// Mean absolute difference of neighbouring pixels. `[1]`
pub fn total_variation(picture: Tensor<4>) -> Tensor<1> {
    let down =
        picture.clone().slice(s![.., .., 1.., ..]) - picture.clone().slice(s![.., .., ..-1, ..]);
    let right = picture.clone().slice(s![.., .., .., 1..]) - picture.slice(s![.., .., .., ..-1]);
    down.abs().mean() + right.abs().mean()
}

/// Binary cross-entropy of logits against the probability `label` (Goodfellow et al.,
/// "Generative Adversarial Nets", 2014). `[1]`
pub fn cross_entropy(logits: Tensor<4>, label: f64) -> Tensor<1> {
    let real = log_sigmoid(logits.clone()) * label;
    let fake = log_sigmoid(logits.neg()) * (1.0 - label);
    (real + fake).mean().neg()
}
