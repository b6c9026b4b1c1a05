//! Distillation of the slim encoder (Romero et al., "FitNets: Hints for Thin Deep Nets", 2015).

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{DType, Device, Tensor};

use crate::kernels::Border;
use crate::layers::convolve;
use crate::vgg::{Features, VggConfig};

/// The variance of features is taken as at least this much of their mean square.
const LEAST: f64 = 0.25;

/// Linear maps from the slim encoder's channels to the full one's, one a level; used only to
/// compare the two.
#[derive(Module, Debug)]
pub struct Adapters {
    pub relu1_1: Conv2d,
    pub relu2_1: Conv2d,
    pub relu3_1: Conv2d,
    pub relu4_1: Conv2d,
}

impl Adapters {
    /// Freshly initialized.
    pub fn new(device: &Device) -> Self {
        let (slim, full) = (VggConfig::slim().widths, VggConfig::full().widths);
        let level = |i: usize| Conv2dConfig::new([slim[i], full[i]], [1, 1]).init(device);
        Self { relu1_1: level(0), relu2_1: level(1), relu3_1: level(2), relu4_1: level(3) }
    }

    /// For each level the mean squared difference over the variance of the full encoder's
    /// features, `[1]`: 1 is no better than a constant, 0 is perfect.
    pub fn residual_variances(&self, slim: &Features, full: &Features) -> [Tensor<1>; 4] {
        let adapters = [&self.relu1_1, &self.relu2_1, &self.relu3_1, &self.relu4_1];
        let (slim, full) = (slim.clone().levels(), full.clone().levels());
        // Of the larger levels only the middle is compared.
        let levels = adapters.into_iter().zip(slim.into_iter().zip(full)).zip([4, 2, 1, 1]);
        let mut levels = levels.map(|((adapter, (slim, full)), part)| {
            let [slim, full] = [slim, full].map(|x| {
                let [.., height, width] = x.dims();
                let middle = |x: Tensor<4>, axis, length| {
                    x.narrow(axis, (length - length / part) / 2, length / part)
                };
                middle(middle(x, 2, height), 3, width)
            });
            let found = convolve(adapter, slim, Border::Zero, false, None);
            let residual = (found - full.clone()).cast(DType::F32).square().mean();
            let full = full.cast(DType::F32);
            let mean = full.clone().mean_dim(3).mean_dim(2).mean_dim(0);
            let square = full.square().mean();
            // Nothing is to be learned from how little an empty page varies.
            residual / (square.clone() - mean.square().mean()).max_pair(square * LEAST)
        });
        // The three arrays have four entries each.
        std::array::from_fn(|_| levels.next().expect("four levels"))
    }
}
