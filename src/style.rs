//! What a style is to the networks: the statistics of its features, and their weighted sums.

use burn::tensor::{DType, Tensor};

use crate::kernels::Source;
use crate::layers::{Norms, channel_statistics};
use crate::vgg::Features;

/// Mean and standard deviation of every channel of relu1_1 … relu4_1 (Huang and Belongie,
/// "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", 2017).
///
/// One row a picture, `[batch, 2 * (width 1 + … + width 4)]`: the means of relu1_1, its
/// deviations, the means of relu2_1, and so on. Being linear in these numbers, fusion is a
/// weighted sum of rows.
#[derive(Debug, Clone)]
pub struct StyleStatistics(pub Tensor<2>);

impl StyleStatistics {
    /// Of the pictures with these features.
    pub fn of(features: &Features) -> Self {
        let parts = features.clone().levels().into_iter().flat_map(|level| {
            let [batch, channels, _, _] = level.dims();
            let (mean, deviation) = channel_statistics(level.cast(DType::F32));
            [mean.reshape([batch, channels]), deviation.reshape([batch, channels])]
        });
        Self(Tensor::cat(parts.collect(), 1))
    }

    /// `Σ weight * statistics`, the weights as given.
    ///
    /// Returns nothing for an empty sum.
    pub fn weighted_sum<'a>(terms: impl IntoIterator<Item = (&'a Self, f32)>) -> Option<Self> {
        terms
            .into_iter()
            .map(|(statistics, weight)| statistics.0.clone() * weight)
            .reduce(|sum, term| sum + term)
            .map(Self)
    }

    /// Deviation - 1 and mean, `[batch, 2, channels]`, of the deepest level.
    fn deepest(&self, channels: usize) -> Tensor<3> {
        let [batch, length] = self.0.dims();
        let part = |start| self.0.clone().narrow(1, start, channels).reshape([batch, 1, channels]);
        Tensor::cat(vec![part(length - channels) - 1.0, part(length - 2 * channels)], 1)
    }
}

/// Content and style made one: what the generator paints from.
#[derive(Debug, Clone)]
pub struct Fused {
    /// relu4_1 of the content with the mean and deviation of the style (AdaIN),
    /// `[batch, width 4, height / 8, width / 8]`.
    pub features: Source,
    /// Instance-normalized relu3_1 of the content, its structure without its colours,
    /// `[batch, width 3, height / 4, width / 4]`.
    pub skip: Source,
    /// Likewise relu2_1, `[batch, width 2, height / 2, width / 2]`.
    pub fine_skip: Source,
    /// The style.
    pub style: StyleStatistics,
}

/// Fuses the content's features with a style's statistics, which may be a
/// [weighted sum](StyleStatistics::weighted_sum) of several styles' and of the content's own.
/// With the content's own statistics the features stay as they were.
pub fn fuse(content: &Features, style: StyleStatistics, norms: &mut Norms) -> Fused {
    let [_, channels, _, _] = content.relu4_1.dims();
    let features = norms.apply(content.relu4_1.clone(), style.deepest(channels));
    let mut structure = |features: &Tensor<4>| {
        let [batch, channels, _, _] = features.dims();
        norms.apply(features.clone(), Tensor::zeros([batch, 2, channels], &features.device()))
    };
    let (skip, fine_skip) = (structure(&content.relu3_1), structure(&content.relu2_1));
    Fused { features, skip, fine_skip, style }
}
