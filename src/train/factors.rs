//! A loss network's convolutions as two each, which take two fifths of the multiplications.
//!
//! What a layer answers to pictures lies mostly in few directions. So a 3 x 3 convolution gives as many channels as there
//! are of these, and a 1 x 1 convolution the layer's own (Zhang et al., "Accelerating Very Deep Convolutional Networks
//! for Classification and Detection", 2016). Each layer is fitted to what the layer before really gives it.

use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::kernels::{self, Border, pool};
use crate::network::vgg::normalize;
use crate::picture::Picture;
use crate::weights::NamedTensor;

/// Added to variances, relative to their mean: pictures are few.
const RIDGE: f64 = 1e-4;
/// Channels are multiples of this: kernels compute as many at a time.
const LANES: usize = 8;

/// The layers with factors. The first one stays as it is: it has no more to give than three channels.
///
/// `layers`: weights and biases of 3 x 3 convolutions with ReLUs, in turn, halved before those whose names end in
/// `_1`; `share`: how many channels there are between the factors, of those that come out, in 0..=1; `report` is told
/// how many layers are done.
pub fn factored(
    layers: &[NamedTensor],
    pictures: &[Picture],
    share: f64,
    device: &Device,
    mut report: impl FnMut(usize),
) -> Vec<NamedTensor> {
    let mut found = Vec::new();
    // What each layer sees in each picture: as it is, and behind factors.
    let seen = pictures.iter().map(|picture| normalize(picture.to_tensor(device)).read());
    let mut seen: Vec<[Tensor<4>; 2]> = seen.map(|x| [x.clone(), x]).collect();
    for (index, layer) in layers.chunks_exact(2).enumerate() {
        let [weight, bias] = layer else { unreachable!("weights and biases take turns") };
        let name = weight.name.trim_end_matches(".weight");
        let [outputs, inputs] = [weight.shape[0], weight.shape[1]];
        let tensor = |values: &[f32]| Tensor::<1>::from_data(values, device);
        let kernels = tensor(&weight.values).reshape([outputs, inputs, 3, 3]);
        let convolve = |x: &Tensor<4>, kernels: &Tensor<4>, bias: Tensor<1>| {
            kernels::convolve(x.clone(), kernels.clone(), bias, Border::Zero, false, None)
        };
        let zeros = |length: usize| Tensor::<1>::zeros([length], device);
        if index > 0 && name.ends_with("_1") {
            seen.iter_mut().flatten().for_each(|x| *x = pool(x.clone()));
        }
        if index == 0 {
            for x in seen.iter_mut().flatten() {
                *x = relu(convolve(x, &kernels, tensor(&bias.values)));
            }
            found.extend_from_slice(layer);
            report(1);
            continue;
        }
        let mut sums = Sums::new(outputs);
        for [exact, behind] in &mut seen {
            let answers = [&*exact, &*behind].map(|x| convolve(x, &kernels, zeros(outputs)));
            sums.add(&answers);
            let [answer, _] = answers;
            *exact = relu(answer + tensor(&bias.values).reshape([1, outputs, 1, 1]));
        }
        let count = (outputs as f64 * share / LANES as f64).ceil() as usize * LANES;
        let factors = sums.factors(count.clamp(1, outputs));
        let rank = factors.inner.nrows();
        let rows = DMatrix::from_row_iterator(
            outputs,
            9 * inputs,
            weight.values.iter().map(|&value| f64::from(value)),
        );
        let numbers = |matrix: &DMatrix<f64>| -> Vec<f32> {
            matrix.transpose().iter().map(|&value| value as f32).collect()
        };
        let inner = numbers(&(&factors.inner * rows));
        let outer = numbers(&factors.outer);
        let offsets = factors.offset.iter().zip(&bias.values);
        let offsets: Vec<f32> = offsets.map(|(&offset, bias)| offset as f32 + bias).collect();
        let [first, second] = [(&inner, [rank, inputs, 3, 3]), (&outer, [outputs, rank, 1, 1])]
            .map(|(values, shape)| tensor(values).reshape(shape));
        for [_, behind] in &mut seen {
            let few = convolve(behind, &first, zeros(rank));
            *behind = relu(convolve(&few, &second, tensor(&offsets)));
        }
        let named = |part: &str, shape: Vec<usize>, values: Vec<f32>| NamedTensor {
            name: format!("{name}.{part}"),
            shape,
            values,
        };
        found.extend([
            named("inner.weight", vec![rank, inputs, 3, 3], inner),
            named("weight", vec![outputs, rank, 1, 1], outer),
            named("bias", vec![outputs], offsets),
        ]);
        report(index + 1);
    }
    found
}

/// Moments of what a layer answers, over all places of all pictures: the right answers, and those to what it is given.
struct Sums {
    places: f64,
    means: [DVector<f64>; 2],
    /// Right answers with those that are given, and the latter with themselves.
    products: [DMatrix<f64>; 2],
}

/// `answer = outer * inner * given + offset`
struct Factors {
    inner: DMatrix<f64>,
    outer: DMatrix<f64>,
    offset: DVector<f64>,
}

impl Sums {
    fn new(channels: usize) -> Self {
        let (mean, product) = (DVector::zeros(channels), DMatrix::zeros(channels, channels));
        Self { places: 0.0, means: [mean.clone(), mean], products: [product.clone(), product] }
    }

    fn add(&mut self, answers: &[Tensor<4>; 2]) {
        let [_, channels, height, width] = answers[0].dims();
        let numbers = |x: Tensor<2>| x.into_data().iter::<f64>().collect::<Vec<_>>();
        let rows = answers.each_ref().map(|x| x.clone().reshape([channels, height * width]));
        let [right, given] = &rows;
        for (sum, rows) in self.means.iter_mut().zip(&rows) {
            *sum += DVector::from_vec(numbers(rows.clone().sum_dim(1)));
        }
        for (sum, rows) in self.products.iter_mut().zip([right, given]) {
            let products = rows.clone().matmul(given.clone().transpose());
            *sum += DMatrix::from_row_slice(channels, channels, &numbers(products));
        }
        self.places += (height * width) as f64;
    }

    /// The best of this rank: reduced-rank regression (Izenman, "Reduced-rank regression for the multivariate linear
    /// model", 1975).
    fn factors(self, rank: usize) -> Factors {
        let [right, given] = self.means.map(|sum| sum / self.places);
        let [mixed, own] = self.products.map(|sum| sum / self.places);
        let mixed = mixed - &right * given.transpose();
        let mut own = own - &given * given.transpose();
        let channels = own.nrows();
        // Where nothing varies at all, there is nothing to explain.
        let ridge = (RIDGE * own.trace() / channels as f64).max(f64::MIN_POSITIVE);
        own += DMatrix::identity(channels, channels) * ridge;
        let whole = own.cholesky().expect("a covariance with a ridge").solve(&mixed.transpose());
        let whole = whole.transpose();
        let explained = &whole * mixed.transpose();
        let explained = (&explained + explained.transpose()) / 2.0;
        let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(explained);
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
        let outer = eigenvectors.select_columns(&order[..rank]);
        let inner = outer.transpose() * whole;
        let offset = right - &outer * (&inner * given);
        Factors { inner, outer, offset }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::procedural::{Family, paint};

    /// Three layers with numbers by chance; what the second one answers lies in three directions.
    fn layers() -> Vec<NamedTensor> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let mut layers = Vec::new();
        for (name, inputs, outputs) in [("conv1_1", 3, 6), ("conv1_2", 6, 16), ("conv2_1", 16, 8)] {
            let mut values: Vec<f32> = (0..outputs * inputs * 9).map(|_| next() * 0.3).collect();
            if name == "conv1_2" {
                let length = inputs * 9;
                for output in 3..outputs {
                    let shares = [next(), next(), next()];
                    for at in 0..length {
                        values[output * length + at] =
                            (0..3).map(|row| shares[row] * values[row * length + at]).sum();
                    }
                }
            }
            let bias = (0..outputs).map(|_| next() * 0.1).collect();
            let named = |part: &str, shape: Vec<usize>, values: Vec<f32>| NamedTensor {
                name: format!("{name}.{part}"),
                shape,
                values,
            };
            layers.push(named("weight", vec![outputs, inputs, 3, 3], values));
            layers.push(named("bias", vec![outputs], bias));
        }
        layers
    }

    /// What comes after the last of the layers, in a picture.
    fn answer(layers: &[NamedTensor], picture: &Picture) -> Vec<f32> {
        let device = crate::device::cpu();
        let get = |name: String| layers.iter().find(|tensor| tensor.name == name);
        let convolve = |x: Tensor<4>, weight: &NamedTensor, bias: Vec<f32>| {
            let shape: [usize; 4] = weight.shape.clone().try_into().unwrap();
            let weight = Tensor::<1>::from_data(weight.values.as_slice(), &device);
            let bias = Tensor::from_data(bias.as_slice(), &device);
            kernels::convolve(x, weight.reshape(shape), bias, Border::Zero, false, None)
        };
        let mut x = normalize(picture.to_tensor(&device)).read();
        for name in ["conv1_1", "conv1_2", "conv2_1"] {
            if name == "conv2_1" {
                x = pool(x);
            }
            if let Some(inner) = get(format!("{name}.inner.weight")) {
                x = convolve(x, inner, vec![0.0; inner.shape[0]]);
            }
            let bias = get(format!("{name}.bias")).unwrap().values.clone();
            x = relu(convolve(x, get(format!("{name}.weight")).unwrap(), bias));
        }
        x.into_data().iter().collect()
    }

    #[test]
    fn factors_answer_as_the_layers_do() {
        let device = crate::device::cpu();
        let layers = layers();
        let pictures: Vec<_> = (0..4).map(|seed| paint(Family::Agate, 48, 40, seed)).collect();
        let other = paint(Family::Woodcut, 40, 32, 9);
        let expected = answer(&layers, &other);
        let power = expected.iter().map(|x| x * x).sum::<f32>();
        let mut apart = Vec::new();
        for share in [1.0, 0.5] {
            let mut done = Vec::new();
            let found = factored(&layers, &pictures, share, &device, |count| done.push(count));
            assert_eq!(done, [1, 2, 3]);
            let ranks = |name: &str| {
                found.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.shape[0])
            };
            assert_eq!(ranks("conv1_1.inner.weight"), None);
            assert_eq!(ranks("conv1_2.inner.weight"), Some((16.0 * share) as usize));
            let found = answer(&found, &other);
            let off = found.iter().zip(&expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            apart.push(off / power);
        }
        // Three directions are fewer than eight; the last layer has eight of eight in both.
        assert!(apart.iter().all(|&off| off < 1e-4), "{apart:?}");
    }
}
