//! Style statistics and codes with their common part and their correlations taken out, for as long as networks learn.
//!
//! What styles are told apart by lies in few directions: of the 480 statistics two thirds are how light a picture is and how much
//! contrast it has, and seven tenths of a code are the same for every style. A matrix that reads them learns
//! everything else slowly, and what it learns for one style changes all others. So training has matrices that read whitened numbers
//! (LeCun et al., "Efficient BackProp", 1998; Desjardins et al., "Natural Neural Networks", 2015): the same function in other
//! coordinates, which [`fold`] takes back for the weights file.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::network::generator::{CODE, Generator};
use crate::network::style::StyleStatistics;
use crate::weights::{self, NamedTensor, WeightsError};

/// How the names of the whitening's tensors begin.
const PREFIX: &str = "generator.whitening.";
/// Added to the variances of statistics and codes, whose mean is near 1: what hardly differs between styles is noise.
const RIDGE: f64 = 0.03;
/// What is whitened, in order, each with the maps that read it; none stands for all that read the code.
const INPUTS: [(&str, Option<&str>); 3] = [
    ("statistics", Some("generator.code_1")),
    ("hidden", Some("generator.code_2")),
    ("code", None),
];

/// Whether it is one of the whitening's own tensors.
pub fn is_whitening(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Of numbers with a row a style: their mean, and the roots of their covariance and of its inverse.
struct Spread {
    mean: DVector<f64>,
    root: DMatrix<f64>,
    inverse: DMatrix<f64>,
}

impl Spread {
    fn of(rows: &DMatrix<f64>) -> Self {
        let mean = rows.row_mean().transpose();
        let centred = DMatrix::from_fn(rows.nrows(), rows.ncols(), |row, column| {
            rows[(row, column)] - mean[column]
        });
        let covariance = centred.tr_mul(&centred) / rows.nrows() as f64;
        let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(covariance);
        let power = |exponent: f64| {
            let powers = eigenvalues.map(|value| (value.max(0.0) + RIDGE).powf(exponent));
            &eigenvectors * DMatrix::from_diagonal(&powers) * eigenvectors.transpose()
        };
        Self { mean, root: power(0.5), inverse: power(-0.5) }
    }
}

/// Networks whose maps read numbers as they are, in the coordinates of these styles: of each of the
/// [inputs](INPUTS) a matrix with a row a style.
///
/// # Errors
/// [`WeightsError`] where tensors are missing.
pub fn whiten(tensors: &mut [NamedTensor], seen: &[DMatrix<f64>; 3]) -> Result<(), WeightsError> {
    for ((input, reader), rows) in INPUTS.into_iter().zip(seen) {
        let spread = Spread::of(rows);
        for map in readers(tensors, reader) {
            let shift = matrix(tensors, &format!("{map}.weight"))? * &spread.mean;
            change(tensors, &map, &spread.root, &shift)?;
        }
        set(tensors, &format!("{PREFIX}{input}.mean"), spread.mean.iter().copied())?;
        set(tensors, &format!("{PREFIX}{input}.map"), spread.inverse.iter().copied())?;
    }
    Ok(())
}

/// What networks that are not whitened yet make of styles, for [`whiten`].
pub fn seen_in(generator: &Generator, styles: StyleStatistics) -> [DMatrix<f64>; 3] {
    generator.code_by_layer(styles).map(|rows| {
        let [count, length] = rows.dims();
        DMatrix::from_row_iterator(count, length, rows.into_data().iter::<f64>())
    })
}

/// Takes the whitening out: the same networks, whose maps read numbers as they are.
///
/// # Errors
/// [`WeightsError`] where tensors are missing.
pub fn fold(tensors: &mut Vec<NamedTensor>) -> Result<(), WeightsError> {
    for (input, reader) in INPUTS {
        let mean = take(tensors, &format!("{PREFIX}{input}.mean"))?;
        let mean = DVector::from_vec(mean);
        let length = mean.len();
        let inverse = DMatrix::from_row_slice(
            length,
            length,
            &take(tensors, &format!("{PREFIX}{input}.map"))?,
        );
        for map in readers(tensors, reader) {
            let shift = matrix(tensors, &format!("{map}.weight"))? * &inverse * &mean;
            change(tensors, &map, &inverse, &-shift)?;
        }
    }
    Ok(())
}

/// The maps that read an input, by name.
fn readers(tensors: &[NamedTensor], reader: Option<&str>) -> Vec<String> {
    let reads_code = |tensor: &NamedTensor| {
        let name = tensor.name.strip_suffix(".weight")?;
        let reads = tensor.name.starts_with("generator.")
            && matches!(tensor.shape[..], [_, CODE])
            && INPUTS.iter().all(|(_, reader)| *reader != Some(name));
        reads.then(|| name.to_owned())
    };
    match reader {
        Some(map) => vec![map.to_owned()],
        None => tensors.iter().filter_map(reads_code).collect(),
    }
}

/// Multiplies a map's matrix by another and adds to its bias.
fn change(
    tensors: &mut [NamedTensor],
    map: &str,
    factor: &DMatrix<f64>,
    shift: &DVector<f64>,
) -> Result<(), WeightsError> {
    let name = format!("{map}.weight");
    let product = matrix(tensors, &name)? * factor;
    set(tensors, &name, product.transpose().iter().copied())?;
    let name = format!("{map}.bias");
    let bias = find(tensors, &name)?.values.iter().zip(shift.iter());
    let bias: Vec<_> = bias.map(|(&bias, shift)| f64::from(bias) + shift).collect();
    set(tensors, &name, bias.into_iter())
}

fn find<'a>(tensors: &'a [NamedTensor], name: &str) -> Result<&'a NamedTensor, WeightsError> {
    let found = tensors.iter().find(|tensor| tensor.name == name);
    found.ok_or_else(|| WeightsError::Missing(name.to_owned()))
}

fn matrix(tensors: &[NamedTensor], name: &str) -> Result<DMatrix<f64>, WeightsError> {
    let NamedTensor { shape, values, .. } = find(tensors, name)?;
    let columns = shape.iter().skip(1).product();
    Ok(DMatrix::from_row_iterator(shape[0], columns, values.iter().map(|&value| value.into())))
}

fn take(tensors: &mut Vec<NamedTensor>, name: &str) -> Result<Vec<f64>, WeightsError> {
    Ok(weights::take(tensors, name)?.values.into_iter().map(f64::from).collect())
}

fn set(
    tensors: &mut [NamedTensor],
    name: &str,
    values: impl Iterator<Item = f64>,
) -> Result<(), WeightsError> {
    let found = tensors.iter_mut().find(|tensor| tensor.name == name);
    let tensor = found.ok_or_else(|| WeightsError::Missing(name.to_owned()))?;
    tensor.values = values.map(|value| value as f32).collect();
    Ok(())
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::tensor::{Tensor, TensorData};

    use super::*;
    use crate::network::style::STATISTICS;
    use crate::train::networks::Networks;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    /// Statistics that mostly lie in one direction, as those of pictures do.
    fn styles(count: usize) -> DMatrix<f64> {
        let number = |seed: usize| ((seed * 7919 % 1009) as f64 / 504.5 - 1.0) * 1.7;
        DMatrix::from_fn(count, STATISTICS, |row, column| {
            let common = number(row + 1) * (1.0 + 0.2 * number(column + 77));
            common + 0.3 * number(row * 31 + column * 17)
        })
    }

    #[test]
    fn whitened_networks_are_the_same_function_and_their_codes_differ_evenly() {
        let device = crate::device::cpu();
        device.seed(5);
        let plain = Networks::new(&device);
        let bundled = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap().0;
        let plain = plain.with(&bundled).unwrap().0;
        let standardized = styles(700);
        let rows: Vec<f32> = standardized.transpose().iter().map(|&value| value as f32).collect();
        let rows = Tensor::<2>::from_data(TensorData::new(rows, [700, STATISTICS]), &device);
        let row = |values: Tensor<1>| values.unsqueeze::<2>();
        let raw = rows / row(plain.generator.statistics_scale.val())
            + row(plain.generator.statistics_mean.val());
        let mut tensors = plain.tensors();
        let seen = seen_in(&plain.generator, StyleStatistics(raw.clone()));
        whiten(&mut tensors, &seen).unwrap();
        let whitened = Networks::new(&device).loaded(tensors).unwrap();

        let code = |generator: &Generator| generator.code(StyleStatistics(raw.clone()));
        let found = code(&whitened.generator);
        let scales = |generator: &Generator, code: Tensor<2>| {
            let map = &generator.block_2.norm.affine;
            values(code.matmul(map.weight.val()) + row(map.bias.as_ref().unwrap().val()))
        };
        let expected = scales(&plain.generator, code(&plain.generator));
        let scaled = scales(&whitened.generator, found.clone());
        let size = expected.iter().map(|x| x.abs()).sum::<f32>() / expected.len() as f32;
        for (a, b) in scaled.iter().zip(&expected) {
            assert!((a - b).abs() < 2e-3 * size, "{a} is not {b}");
        }
        // As they are, codes have most of their energy in common.
        let common = |code: Tensor<2>| {
            let mean = values(code.clone().mean_dim(0).square().sum())[0];
            mean / (values(code.square().sum())[0] / 700.0)
        };
        assert!(common(code(&plain.generator)) > 0.3);
        assert!(common(found) < 1e-3);

        // And back.
        let (back, before) = (whitened.exported().unwrap(), plain.exported().unwrap());
        assert_eq!(back.len(), before.len());
        for (found, expected) in back.iter().zip(&before) {
            assert_eq!((&found.name, &found.shape), (&expected.name, &expected.shape));
            let size = expected.values.iter().fold(0f32, |most, value| most.max(value.abs()));
            for (a, b) in found.values.iter().zip(&expected.values) {
                assert!((a - b).abs() <= 1e-3 * size, "{}: {a} is not {b}", found.name);
            }
        }
    }

    #[test]
    fn what_is_not_whitened_is_exported_bit_by_bit() {
        let device = crate::device::cpu();
        let bundled = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap().0;
        let (networks, missing) = Networks::new(&device).with(&bundled).unwrap();
        assert_eq!(missing, Vec::<String>::new());
        let mut exported = networks.exported().unwrap();
        let mut bundled = bundled;
        for tensors in [&mut exported, &mut bundled] {
            tensors.sort_by(|a, b| a.name.cmp(&b.name));
        }
        assert!(exported == bundled);
    }
}
