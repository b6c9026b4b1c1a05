//! What a style is to the networks: the statistics of its features, and their weighted sums.

use burn::tensor::{DType, Tensor};

use crate::kernels::{Goal, Source, normalization};
use crate::network::layers::Norms;
use crate::network::vgg::{Features, VggConfig};

/// How many numbers a style has, see [`StyleStatistics`].
pub const STATISTICS: usize = {
    let [w1, w2, w3, w4] = VggConfig::slim().widths;
    2 * (w1 + w2 + w3 + w4)
};

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
            let [batch, channels, ..] = level.dims();
            // The map to mean 0 and deviation 1 says both, in one pass over the features.
            let affine = normalization(level.cast(DType::F32), Goal::Unit);
            let row = |index| affine.clone().narrow(1, index, 1).reshape([batch, channels]);
            let deviation = row(0).recip();
            [row(1).neg() * deviation.clone(), deviation]
        });
        Self(Tensor::cat(parts.collect(), 1))
    }

    /// The deviations of relu1_1 … relu4_1, each `[batch, width]`.
    pub fn deviations(&self) -> [Tensor<2>; 4] {
        let mut start = 0;
        VggConfig::slim().widths.map(|width| {
            start += 2 * width;
            self.0.clone().narrow(1, start - width, width)
        })
    }

    /// `Σ weight * statistics`, the weights as given.
    ///
    /// Returns nothing for an empty sum.
    pub fn weighted_sum<'a>(terms: impl IntoIterator<Item = (&'a Self, f32)>) -> Option<Self> {
        terms
            .into_iter()
            .map(|(Self(row), weight)| match weight == 1.0 {
                // As most often: nothing to compute.
                true => row.clone(),
                false => row.clone() * weight,
            })
            .reduce(|sum, term| sum + term)
            .map(Self)
    }
}

/// Content and style made one: what the generator paints from, in the style's
/// [manner](crate::network::generator::Generator::manner).
#[derive(Debug, Clone)]
pub struct Fused {
    /// relu4_1 of the content with the mean and deviation of the style (AdaIN),
    /// `[batch, width 4, height / 8, width / 8]`.
    pub features: Source,
    /// relu3_1 of the content, `[batch, width 3, height / 4, width / 4]`.
    pub skip: Tensor<4>,
    /// relu2_1 of the content, `[batch, width 2, height / 2, width / 2]`.
    pub fine_skip: Tensor<4>,
}

/// Fuses the content's features with a style's statistics, which may be a
/// [weighted sum](StyleStatistics::weighted_sum) of several styles' and of the content's own.
/// With the content's own statistics the features stay as they were.
pub fn fuse(content: &Features, style: &StyleStatistics, norms: &mut Norms<'_>) -> Fused {
    // The deepest level is the last of the row.
    let features = norms.apply(content.relu4_1.clone(), Goal::Last(style.0.clone()));
    let (skip, fine_skip) = (content.relu3_1.clone(), content.relu2_1.clone());
    Fused { features, skip, fine_skip }
}
