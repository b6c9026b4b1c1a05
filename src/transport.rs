//! Closed-form transport of features: the linear map that gives the content's features the mean
//! and the covariance of the style's, and moves them least (Monge-Kantorovich; for features Lu et
//! al., "A Closed-form Solution to Universal Style Transfer", 2019).

use burn::tensor::{DType, Tensor};

/// Added to the diagonals of covariances, as a share of the mean variance: directions in which the
/// content hardly varies would otherwise be blown up to the style's variance, noise and all.
const RIDGE: f64 = 1e-2;
/// The same, absolute, for features that do not vary at all.
const TINY: f64 = 1e-6;
/// Steps of the iteration for square roots. The smallest eigenvalues of features have not
/// converged then; both roots are too small for them, which acts as a larger ridge. The networks
/// are trained with just this number.
const ITERATIONS: usize = 12;

/// Mean and covariance of the channels of features.
#[derive(Debug, Clone)]
pub struct Moments {
    /// `[batch, channels, 1]`
    pub mean: Tensor<3>,
    /// `[batch, channels, channels]`
    pub covariance: Tensor<3>,
}

impl Moments {
    /// Of features `[batch, channels, height, width]`, in f32.
    pub fn of(features: &Tensor<4>) -> Self {
        let [batch, channels, height, width] = features.dims();
        let flat = features.clone().cast(DType::F32).reshape([batch, channels, height * width]);
        let mean = flat.clone().mean_dim(2);
        let centred = flat - mean.clone();
        let covariance = centred.clone().matmul(centred.transpose()) / (height * width) as f64;
        Self { mean, covariance }
    }

    /// The covariance with a ridge.
    fn regular(&self) -> Tensor<3> {
        let covariance = self.covariance.clone().detach();
        let [_, channels, _] = covariance.dims();
        let identity = Tensor::<2>::eye(channels, &covariance.device()).unsqueeze::<3>();
        let trace = (covariance.clone() * identity.clone()).sum_dim(2).sum_dim(1);
        covariance + identity * (trace * (RIDGE / channels as f64) + TINY)
    }

    /// The map to the target's moments. Its matrix `S^-½ (S^½ T S^½)^½ S^-½`, for covariances `S`
    /// (self) and `T` (target), carries no gradient.
    pub fn map_to(&self, target: &Self) -> FeatureMap {
        let (root, inverse) = square_roots(self.regular());
        let product = root.clone().matmul(target.regular()).matmul(root);
        let matrix = inverse.clone().matmul(square_roots(product).0).matmul(inverse);
        FeatureMap { matrix, mean: target.mean.clone() }
    }

    /// The map that leaves features with these moments as they are.
    pub fn identity(&self) -> FeatureMap {
        let [batch, channels, _] = self.mean.dims();
        let matrix = Tensor::<2>::eye(channels, &self.mean.device()).unsqueeze::<3>();
        FeatureMap { matrix: matrix.repeat_dim(0, batch), mean: self.mean.clone() }
    }
}

/// `x -> matrix (x - mean of the content) + mean`, at every place of the features.
#[derive(Debug, Clone)]
pub struct FeatureMap {
    /// `[batch, channels, channels]`
    matrix: Tensor<3>,
    /// `[batch, channels, 1]`
    mean: Tensor<3>,
}

impl FeatureMap {
    /// `Σ weight * map`: the weighted sum of the features that the maps would give.
    ///
    /// Returns nothing for an empty sum.
    pub fn weighted_sum(terms: impl IntoIterator<Item = (Self, f32)>) -> Option<Self> {
        terms
            .into_iter()
            .map(|(map, weight)| Self { matrix: map.matrix * weight, mean: map.mean * weight })
            .reduce(|sum, term| Self {
                matrix: sum.matrix + term.matrix,
                mean: sum.mean + term.mean,
            })
    }

    /// Of features with the moments `own`; same shape and precision.
    pub fn apply(&self, features: Tensor<4>, own: &Moments) -> Tensor<4> {
        let (precision, dims) = (features.dtype(), features.dims());
        let [batch, channels, height, width] = dims;
        let flat = features.reshape([batch, channels, height * width]);
        let centred = flat - own.mean.clone().cast(precision);
        let moved = self.matrix.clone().cast(precision).matmul(centred);
        (moved + self.mean.clone().cast(precision)).reshape(dims)
    }
}

/// The square roots of symmetric positive matrices `[batch, n, n]`, and their inverses, by coupled
/// Newton-Schulz iteration (Higham, "Functions of Matrices", 2008): products only, so that it runs
/// on any device without a decomposition.
fn square_roots(matrix: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
    let [_, n, _] = matrix.dims();
    // The iteration converges for matrices of norm below 1.
    let norm = matrix.clone().square().sum_dim(2).sum_dim(1).sqrt();
    let identity = Tensor::<2>::eye(n, &matrix.device()).unsqueeze::<3>();
    let (mut root, mut inverse) =
        (matrix / norm.clone(), identity.clone().expand([-1, n as i32, n as i32]));
    for step in 0..ITERATIONS {
        let correction = match step {
            0 => root.clone(),
            _ => inverse.clone().matmul(root.clone()),
        };
        let correction = identity.clone() * 1.5 - correction * 0.5;
        root = root.matmul(correction.clone());
        inverse = match step {
            0 => correction,
            _ => correction.matmul(inverse),
        };
    }
    let scale = norm.sqrt();
    (root * scale.clone(), inverse / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, Tolerance};

    fn features(seed: u64, scale: f64) -> Tensor<4> {
        let device = crate::device::cpu();
        device.seed(seed);
        let x = Tensor::<4>::random([2, 12, 9, 17], Distribution::Normal(0.3, scale), &device);
        // Correlated channels.
        let mix = Tensor::<3>::random([1, 12, 12], Distribution::Normal(0.0, 1.0), &device);
        mix.matmul(x.reshape([2, 12, 9 * 17])).reshape([2, 12, 9, 17])
    }

    #[test]
    fn moved_features_have_the_targets_moments() {
        let (content, style) = (features(1, 1.0), features(2, 3.0));
        let (own, target) = (Moments::of(&content), Moments::of(&style));
        let moved = Moments::of(&own.map_to(&target).apply(content, &own));
        let tolerance = Tolerance::<f32>::relative(1e-2).set_absolute(0.5);
        moved.mean.into_data().assert_approx_eq::<f32>(&target.mean.into_data(), tolerance);
        let spread = target.covariance.clone().square().mean().sqrt().into_scalar::<f32>();
        let error = (moved.covariance - target.covariance).square().mean().sqrt();
        assert!(error.into_scalar::<f32>() < 0.05 * spread);
    }

    #[test]
    fn square_roots_are_those_of_a_decomposition() {
        let matrix = Moments::of(&features(4, 1.0)).regular().narrow(0, 0, 1);
        let found: Vec<f64> = square_roots(matrix.clone()).0.into_data().iter::<f64>().collect();
        let values: Vec<f64> = matrix.into_data().iter::<f64>().collect();
        let eigen = nalgebra::DMatrix::from_row_slice(12, 12, &values).symmetric_eigen();
        let roots = nalgebra::DMatrix::from_diagonal(&eigen.eigenvalues.map(f64::sqrt));
        let expected = &eigen.eigenvectors * roots * eigen.eigenvectors.transpose();
        let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-3 * expected.norm(), "{worst}");
    }

    #[test]
    fn square_roots_multiply_back() {
        let matrix = Moments::of(&features(3, 1.0)).regular();
        let (root, inverse) = square_roots(matrix.clone());
        let tolerance = Tolerance::<f32>::relative(1e-3).set_absolute(1e-2);
        let square = root.clone().matmul(root.clone());
        square.into_data().assert_approx_eq::<f32>(&matrix.into_data(), tolerance);
        let identity = Tensor::<2>::eye(12, &root.device()).unsqueeze::<3>().expand([2, 12, 12]);
        root.matmul(inverse).into_data().assert_approx_eq::<f32>(&identity.into_data(), tolerance);
    }
}
