//! What a style is to the networks: the statistics of its features, and their weighted sums.

use burn::tensor::{DType, Tensor};

use crate::layers::channel_statistics;
use crate::transport::{FeatureMap, Moments};
use crate::vgg::Features;

/// What is kept of a style picture.
#[derive(Debug, Clone)]
pub struct StyleStatistics {
    /// Mean and standard deviation of every channel of relu1_1 … relu4_1 (Huang and Belongie,
    /// "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", 2017), one
    /// row a picture: `[batch, 2 * (width 1 + … + width 4)]`, the means of relu1_1, its
    /// deviations, the means of relu2_1, and so on.
    pub code: Tensor<2>,
    /// Of relu3_1.
    pub relu3_1: Moments,
    /// Of relu4_1.
    pub relu4_1: Moments,
}

impl StyleStatistics {
    /// Of the pictures with these features.
    pub fn of(features: &Features) -> Self {
        let parts = features.clone().levels().into_iter().flat_map(|level| {
            let [batch, channels, _, _] = level.dims();
            let (mean, deviation) = channel_statistics(level.cast(DType::F32));
            [mean.reshape([batch, channels]), deviation.reshape([batch, channels])]
        });
        Self {
            code: Tensor::cat(parts.collect(), 1),
            relu3_1: Moments::of(&features.relu3_1),
            relu4_1: Moments::of(&features.relu4_1),
        }
    }
}

/// Content and style made one: what the generator paints from.
#[derive(Debug, Clone)]
pub struct Fused {
    /// relu4_1 of the content with the moments of the style,
    /// `[batch, width 4, height / 8, width / 8]`.
    pub relu4_1: Tensor<4>,
    /// relu3_1 likewise, `[batch, width 3, height / 4, width / 4]`.
    pub relu3_1: Tensor<4>,
    /// The weighted sum of the [codes](StyleStatistics::code).
    pub code: Tensor<2>,
}

/// Fuses the content's features with styles: the weighted sum of the content's own features, with
/// the weight `keep`, and of the features moved to each style.
///
/// `own` are the statistics of `content`. The weights should sum to 1.
pub fn fuse(
    content: &Features,
    own: &StyleStatistics,
    keep: f32,
    styles: &[(&StyleStatistics, f32)],
) -> Fused {
    let level = |features: &Tensor<4>, moments: fn(&StyleStatistics) -> &Moments| {
        let own = moments(own);
        let kept = (keep != 0.0 || styles.is_empty()).then(|| (own.identity(), keep));
        let moved = styles.iter().map(|(style, weight)| (own.map_to(moments(style)), *weight));
        let map = FeatureMap::weighted_sum(kept.into_iter().chain(moved));
        map.map_or_else(|| features.clone(), |map| map.apply(features.clone(), own))
    };
    let code = own.code.clone() * keep;
    Fused {
        relu4_1: level(&content.relu4_1, |statistics| &statistics.relu4_1),
        relu3_1: level(&content.relu3_1, |statistics| &statistics.relu3_1),
        code: styles.iter().fold(code, |sum, (style, weight)| sum + style.code.clone() * *weight),
    }
}
