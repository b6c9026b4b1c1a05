//! Whether a painting looks as its style picture was made: procedural families, of which the right answer is
//! known, told apart by a linear classifier that has only seen what the families' own programs have made
//! (Alain and Bengio, "Understanding Intermediate Layers Using Linear Classifier Probes", 2017).

use nalgebra::{Cholesky, DMatrix};

use super::evaluate::Judge;

use crate::network::palette::Palette;
use crate::picture::Picture;
use crate::procedural::{Family, from_photo, paint};
use crate::stylizer::{StylizeError, Stylizer};

/// Seeds of each family that the classifier learns from: a made-up scene and a photo each.
const LEARNED: usize = 8;
/// The first of them, and the first one that is asked about.
const SEEDS: [u64; 2] = [1_000, 5_000];
/// Of the mean square of the pictures' rows, what is added to that of each.
const RIDGE: f64 = 0.1;

/// Shares of one family's pictures that are taken for pictures of that family.
#[derive(Debug, Clone, Copy)]
pub struct Recognized {
    /// The family.
    pub family: Family,
    /// Photos in the style of a picture of the family.
    pub painted: f64,
    /// The same photos in that picture's colours, and not painted at all: the floor.
    pub recoloured: f64,
    /// The same photos painted by the family's own program: the ceiling.
    pub drawn: f64,
}

/// Number of pictures that [`recognized`] looks at, for a progress bar.
pub fn pictures(photos: usize) -> usize {
    families().len() * (2 * LEARNED + 3 * (photos / 2))
}

fn families() -> Vec<Family> {
    Family::ALL.iter().copied().filter(|family| family.paints_photos()).collect()
}

/// How well paintings show the family of their style pictures. The classifier learns from every other
/// photo and is asked about the rest, at least two in all, with seeds that it has not seen. `looked` is
/// called for each picture.
///
/// # Errors
/// As [`Stylizer::stylize`].
pub fn recognized(
    judge: &Judge,
    stylizer: &Stylizer,
    photos: &[Picture],
    mut looked: impl FnMut(),
) -> Result<Vec<Recognized>, StylizeError> {
    let families = families();
    let mut moments = |picture: &Picture| {
        looked();
        judge.moments(picture)
    };
    let drawn = |photo: &Picture, family: Family, seed: u64| {
        from_photo(photo, family, seed).expect("these families paint photos")
    };
    let [learned, asked] = [0, 1].map(|first| photos.iter().skip(first).step_by(2));
    let style = |photo: &Picture, family, seed| paint(family, photo.width(), photo.height(), seed);

    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for (label, &family) in families.iter().enumerate() {
        for (seed, photo) in (SEEDS[0]..).zip(learned.clone().cycle()).take(LEARNED) {
            for picture in [style(photo, family, seed), drawn(photo, family, seed)] {
                rows.push(moments(&picture));
                labels.push(label);
            }
        }
    }
    let classifier = Classifier::learn(&rows, &labels, families.len());

    let asked: Vec<_> = asked.map(|photo| (photo, stylizer.encode_content(photo))).collect();
    let mut all = Vec::new();
    for (label, &family) in families.iter().enumerate() {
        let mut right = [0.0; 3];
        for (seed, (photo, content)) in (SEEDS[1]..).zip(&asked) {
            let model = style(photo, family, seed);
            let styles = [(&stylizer.encode_style(&model), 1.0)];
            let painting = pollster::block_on(stylizer.stylize(content, &styles, 1.0))?;
            let pictures = [painting, in_colours_of(photo, &model), drawn(photo, family, seed)];
            for (right, picture) in right.iter_mut().zip(&pictures) {
                *right += f64::from(u8::from(classifier.class(&moments(picture)) == label));
            }
        }
        let [painted, recoloured, drawn] = right.map(|right| right / (photos.len() / 2) as f64);
        all.push(Recognized { family, painted, recoloured, drawn });
    }
    Ok(all)
}

/// The photo with another picture's mean and covariance of colours.
fn in_colours_of(photo: &Picture, other: &Picture) -> Picture {
    let map = Palette::of(photo).map_to(&Palette::of(other));
    let mut planes: Vec<f32> = photo.planes().collect();
    map.apply_to_all(&mut planes);
    Picture::from_tensor_data(photo.width(), photo.height(), &planes)
        .expect("as many finite values as before")
}

/// Least squares with a ridge, one target for each class.
struct Classifier {
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// `[numbers of a row, classes]`
    weights: DMatrix<f64>,
}

impl Classifier {
    fn learn(rows: &[Vec<f64>], labels: &[usize], classes: usize) -> Self {
        let (count, length) = (rows.len() as f64, rows[0].len());
        let of = |get: &dyn Fn(&[f64], usize) -> f64| -> Vec<f64> {
            (0..length).map(|at| rows.iter().map(|row| get(row, at)).sum::<f64>() / count).collect()
        };
        let mean = of(&|row, at| row[at]);
        let variance = of(&|row, at| (row[at] - mean[at]).powi(2));
        // What never changes says nothing.
        let scale: Vec<f64> =
            variance.iter().map(|&v| if v > 1e-12 { v.sqrt().recip() } else { 0.0 }).collect();
        let mut classifier = Self { mean, scale, weights: DMatrix::zeros(length, classes) };
        let standardized: Vec<f64> =
            rows.iter().flat_map(|row| classifier.standardized(row)).collect();
        let x = DMatrix::from_row_slice(rows.len(), length, &standardized);
        // Fewer rows than numbers: the small one of the two equal systems.
        let products = &x * x.transpose();
        let ridge = RIDGE * products.trace() / count;
        let products = products + DMatrix::identity(rows.len(), rows.len()) * ridge;
        let goals = DMatrix::from_fn(rows.len(), classes, |row, class| {
            f64::from(u8::from(labels[row] == class)) - 1.0 / classes as f64
        });
        if let Some(products) = Cholesky::new(products) {
            classifier.weights = x.transpose() * products.solve(&goals);
        }
        classifier
    }

    fn standardized(&self, row: &[f64]) -> Vec<f64> {
        let numbers = row.iter().zip(&self.mean).zip(&self.scale);
        numbers.map(|((value, mean), scale)| (value - mean) * scale).collect()
    }

    fn class(&self, row: &[f64]) -> usize {
        let row = DMatrix::from_row_slice(1, row.len(), &self.standardized(row));
        let scores = row * &self.weights;
        (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_classifier_finds_what_tells_classes_apart() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // Twenty numbers of noise, one that never changes, and the third of which says the class.
        let mut row = |class: usize| -> Vec<f64> {
            let mut row: Vec<f64> = (0..20).map(|_| rng.random_range(-1.0..1.0)).collect();
            row[3 + class] += 2.5;
            row.push(7.0);
            row
        };
        let labels: Vec<usize> = (0..60).map(|at| at % 3).collect();
        let rows: Vec<_> = labels.iter().map(|&class| row(class)).collect();
        let classifier = Classifier::learn(&rows, &labels, 3);
        let right = (0..300).filter(|at| classifier.class(&row(at % 3)) == at % 3).count();
        assert!(right > 280, "{right} of 300");
    }

    #[test]
    fn recoloured_photos_have_the_colours_and_nothing_else() {
        let (photo, model) = (paint(Family::Agate, 48, 40, 1), paint(Family::Poster, 48, 40, 2));
        let found = in_colours_of(&photo, &model);
        let (a, b) = (found.colour_statistics().0, model.colour_statistics().0);
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.03), "{a:?} {b:?}");
    }
}
