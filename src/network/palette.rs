//! Colours: the linear map that takes a photo's palette to a style's.
//!
//! The generator paints on top of it, so that it spends itself on strokes and not on colour.

use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::{Matrix3, SymmetricEigen, Vector3};

use crate::kernels;
use crate::picture::{Picture, PictureError};

/// Added to the diagonals of covariances, so that single-coloured pictures have an inverse.
const RIDGE: f64 = 1e-4;
/// The slope of a logit in the middle.
const SLOPE: f64 = 4.0;
/// Mean and covariance of a picture's RGB values in 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Palette {
    mean: Vector3<f64>,
    covariance: Matrix3<f64>,
}

impl Palette {
    /// From a mean and a covariance of RGB values in 0..1.
    pub fn new(mean: [f64; 3], covariance: [[f64; 3]; 3]) -> Self {
        let covariance = Matrix3::from_fn(|row, column| covariance[row][column]);
        Self { mean: mean.into(), covariance }
    }

    /// Of all pixels of the picture.
    pub fn of(picture: &Picture) -> Self {
        let (mean, covariance) = picture.colour_statistics();
        Self::new(mean, covariance)
    }

    /// What to ask for instead, where asking for `self` gave `found` and `wanted` is to be: the mean goes all of the way,
    /// the deviations half of it, since they depend on the photo, too.
    pub(crate) fn corrected(&self, wanted: &Self, found: &Self) -> Self {
        let map = symmetric_power(found.map_to(wanted).matrix, 0.5);
        Self { mean: self.mean + wanted.mean - found.mean, covariance: map * self.covariance * map }
    }

    /// `Σ weight * palette`, the weights as given.
    pub fn weighted_sum(terms: impl IntoIterator<Item = (Self, f32)>) -> Self {
        let zero = Self { mean: Vector3::zeros(), covariance: Matrix3::zeros() };
        terms.into_iter().fold(zero, |sum, (palette, weight)| Self {
            mean: sum.mean + palette.mean * f64::from(weight),
            covariance: sum.covariance + palette.covariance * f64::from(weight),
        })
    }

    /// The Monge-Kantorovich map to another palette: the linear map that moves colours least
    /// (Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for
    /// example-based colour transfer", 2007).
    ///
    /// `A = S^-½ (S^½ T S^½)^½ S^-½` for covariances `S` (self) and `T` (target).
    pub fn map_to(&self, target: &Self) -> ColourMap {
        let ridge = Matrix3::identity() * RIDGE;
        let (source, goal) = (self.covariance + ridge, target.covariance + ridge);
        let root = symmetric_power(source, 0.5);
        let inverse_root = symmetric_power(source, -0.5);
        let matrix = inverse_root * symmetric_power(root * goal * root, 0.5) * inverse_root;
        ColourMap { matrix, offset: target.mean - matrix * self.mean }
    }
}

/// `matrix^power` of a symmetric positive matrix.
fn symmetric_power(matrix: Matrix3<f64>, power: f64) -> Matrix3<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(matrix);
    let powers = eigenvalues.map(|value| value.max(RIDGE * RIDGE).powf(power));
    eigenvectors * Matrix3::from_diagonal(&powers) * eigenvectors.transpose()
}

/// `colour -> matrix * colour + offset`, on RGB in 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourMap {
    matrix: Matrix3<f64>,
    offset: Vector3<f64>,
}

impl ColourMap {
    /// The colour where the map takes this one; it may lie outside 0..1.
    fn apply(&self, colour: [f32; 3]) -> [f32; 3] {
        let mapped = self.matrix * Vector3::from(colour.map(f64::from)) + self.offset;
        mapped.map(|value| value as f32).data.0[0]
    }

    /// A picture's colours, `[3, height, width]`, to where the map takes them.
    pub(crate) fn apply_to_all(&self, picture: &mut [f32]) {
        each_pixel(picture, |_, colour| self.apply(colour));
    }

    /// For a batch of pictures, one map each: `[batch, 3, 4]`, in each row the matrix's and behind
    /// it the offset's.
    pub fn to_tensor(maps: &[Self], device: &Device) -> Tensor<3> {
        let row = |map: &Self, row: usize| {
            let [red, green, blue] = [0, 1, 2].map(|column| map.matrix[(row, column)]);
            [red, green, blue, map.offset[row]].map(|value| value as f32)
        };
        let values: Vec<f32> =
            maps.iter().flat_map(|map| [0, 1, 2].map(|index| row(map, index)).concat()).collect();
        Tensor::from_data(TensorData::new(values, [maps.len(), 3, 4]), device)
    }
}

/// Whose colours a painting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// The styles'.
    #[default]
    Style,
    /// The photo's palette: mean and covariance of its red, green and blue.
    Photo,
    /// The photo's chroma at every pixel; the painting gives the brightness.
    Luminance,
}

/// The map from a painting's colours, `[3, height, width]`, to those of its photo.
///
/// # Errors
/// [`PictureError::NotFinite`] where the painting has NaN or infinite values.
pub(crate) fn map_to_photo(painting: &[f32], photo: &Picture) -> Result<ColourMap, PictureError> {
    // From the 8-bit picture: the statistics have one definition.
    let painted = Picture::from_tensor_data(photo.width(), photo.height(), painting)?;
    Ok(Palette::of(&painted).map_to(&Palette::of(photo)))
}

/// Gives a painting the colours that were asked for. For a part of one, `map` is
/// [that](map_to_photo) of the whole.
///
/// # Errors
/// As [`map_to_photo`].
pub(crate) fn recolour(
    painting: &mut [f32],
    photo: &Picture,
    colours: Colours,
    map: Option<ColourMap>,
) -> Result<(), PictureError> {
    match colours {
        Colours::Style => {}
        Colours::Photo => {
            let map = match map {
                Some(map) => map,
                None => map_to_photo(painting, photo)?,
            };
            map.apply_to_all(painting);
        }
        Colours::Luminance => {
            let original: Vec<f32> = photo.planes().collect();
            let [red, green, blue] = planes(&original);
            each_pixel(painting, |pixel, colour| {
                with_chroma_of([red[pixel], green[pixel], blue[pixel]], luma(colour))
            });
        }
    }
    Ok(())
}

/// Changes a picture `[3, height, width]` pixel by pixel.
fn each_pixel(picture: &mut [f32], change: impl Fn(usize, [f32; 3]) -> [f32; 3]) {
    let count = picture.len() / 3;
    let (red, rest) = picture.split_at_mut(count);
    let (green, blue) = rest.split_at_mut(count);
    for pixel in 0..count {
        [red[pixel], green[pixel], blue[pixel]] =
            change(pixel, [red[pixel], green[pixel], blue[pixel]]);
    }
}

fn planes(picture: &[f32]) -> [&[f32]; 3] {
    let (red, rest) = picture.split_at(picture.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    [red, green, blue]
}

/// Brightness as in JPEG files (BT.601).
fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// The colour with another brightness, and with as much of its chroma as that brightness can show:
/// cutting the channels off instead would change the hue, and the brightness with it.
fn with_chroma_of(colour: [f32; 3], brightness: f32) -> [f32; 3] {
    let brightness = brightness.clamp(0.0, 1.0);
    let own = luma(colour);
    let fits = |chroma: f32| match chroma {
        _ if chroma > 1.0 - brightness => (1.0 - brightness) / chroma,
        _ if chroma < -brightness => -brightness / chroma,
        _ => 1.0,
    };
    let scale = colour.iter().map(|value| fits(value - own)).fold(1.0, f32::min);
    colour.map(|value| brightness + (value - own) * scale)
}

/// Photos in new colours, without their detail: averages over squares of 4 x 4 pixels, as logits
/// `[batch, 3, height / 4, width / 4]`.
///
/// `photos`: `[batch, 3, height, width]`, RGB in 0..1, sides multiples of 4; `palettes`: of each photo, and what its
/// painting is to have.
pub fn recolour_photos(photos: Tensor<4>, palettes: &[[Palette; 2]]) -> Tensor<4> {
    let maps: Vec<_> = palettes.iter().map(|[own, wanted]| own.map_to(wanted)).collect();
    let maps = ColourMap::to_tensor(&maps, &photos.device());
    kernels::palette_logits(photos, maps)
}

/// What turns three numbers that vary alike into logits of colours that vary as each wanted palette does (Li et al.,
/// "Universal Style Transfer via Feature Transforms", 2017, for features), `[batch, 3, 3]`; `palettes` as above.
pub fn colourings(palettes: &[[Palette; 2]], device: &Device) -> Tensor<3> {
    let roots = palettes.iter().flat_map(|[_, wanted]| {
        let root = symmetric_power(wanted.covariance, 0.5) * SLOPE;
        // By column; it is symmetric.
        root.map(|value| value as f32).iter().copied().collect::<Vec<_>>()
    });
    let shape = [palettes.len(), 3, 3];
    Tensor::from_data(TensorData::new(roots.collect::<Vec<_>>(), shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palettes() -> [Palette; 2] {
        [
            Palette::new(
                [0.4, 0.5, 0.3],
                [[0.05, 0.02, 0.01], [0.02, 0.04, 0.02], [0.01, 0.02, 0.03]],
            ),
            Palette::new(
                [0.7, 0.2, 0.6],
                [[0.02, -0.01, 0.0], [-0.01, 0.06, 0.01], [0.0, 0.01, 0.01]],
            ),
        ]
    }

    #[test]
    fn mapped_colours_have_the_targets_mean_and_covariance() {
        let [source, target] = palettes();
        let map = source.map_to(&target);
        assert!((map.matrix * source.mean + map.offset - target.mean).norm() < 1e-12);
        let ridge = Matrix3::identity() * RIDGE;
        let mapped = map.matrix * (source.covariance + ridge) * map.matrix.transpose();
        assert!((mapped - target.covariance - ridge).norm() < 1e-12);
        // Monge-Kantorovich: of all such maps the symmetric positive one.
        assert!((map.matrix - map.matrix.transpose()).norm() < 1e-12);
    }

    #[test]
    fn a_palette_maps_to_itself_unchanged() {
        let [source, _] = palettes();
        let map = source.map_to(&source);
        assert!((map.matrix - Matrix3::identity()).norm() < 1e-9 && map.offset.norm() < 1e-9);
    }

    /// Something like a photo and something like its painting, `[3, 8, 16]`, all colours within
    /// 0.2..0.8, so that nothing is cut off.
    fn photo_and_painting() -> (Picture, Vec<f32>) {
        let photo = (0..128u32).flat_map(|i| [60 + i % 97, 90 + i * 7 % 83, 200 - i % 90]);
        let photo = Picture::new(16, 8, photo.map(|value| value as u8).collect()).unwrap();
        let painting = (0..384).map(|i| 0.2 + 0.6 * ((i * 37 % 101) as f32 / 100.0));
        (photo, painting.collect())
    }

    #[test]
    fn the_photos_palette_comes_back() {
        let (photo, mut painting) = photo_and_painting();
        recolour(&mut painting, &photo, Colours::Photo, None).unwrap();
        let found = Palette::of(&Picture::from_tensor_data(16, 8, &painting).unwrap());
        let wanted = Palette::of(&photo);
        // Within the rounding to 8 bits.
        assert!((found.mean - wanted.mean).norm() < 2e-3, "{found:?} {wanted:?}");
        assert!((found.covariance - wanted.covariance).norm() < 2e-3, "{found:?} {wanted:?}");
    }

    #[test]
    fn the_photos_chroma_stays_and_the_paintings_brightness_shows() {
        let (photo, before) = photo_and_painting();
        let mut after = before.clone();
        recolour(&mut after, &photo, Colours::Luminance, None).unwrap();
        let original: Vec<f32> = photo.planes().collect();
        let colour = |picture: &[f32], pixel| planes(picture).map(|plane| plane[pixel]);
        for pixel in 0..128 {
            let [before, after, photo] = [&before, &after, &original].map(|p| colour(p, pixel));
            assert!((luma(after) - luma(before)).abs() < 1e-5);
            assert!(after.iter().all(|value| (-1e-6..=1.0 + 1e-6).contains(value)), "{after:?}");
            // The same hue: red and blue stand to the brightness in the photo's proportion.
            let [a, b] = [after, photo].map(|c| [c[0] - luma(c), c[2] - luma(c)]);
            assert!((a[0] * b[1] - a[1] * b[0]).abs() < 1e-5, "{after:?} {photo:?}");
        }
        assert_eq!(with_chroma_of([0.9, 0.1, 0.1], 0.0), [0.0; 3]);
        assert_eq!(with_chroma_of([0.9, 0.1, 0.1], 1.0), [1.0; 3]);
    }

    #[test]
    fn the_styles_colours_are_left_alone() {
        let (photo, before) = photo_and_painting();
        let mut after = before.clone();
        recolour(&mut after, &photo, Colours::Style, None).unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn a_painting_without_numbers_is_refused() {
        let (photo, mut painting) = photo_and_painting();
        painting[5] = f32::NAN;
        let result = recolour(&mut painting, &photo, Colours::Photo, None);
        assert!(matches!(result, Err(PictureError::NotFinite(1))));
    }

    #[test]
    fn what_is_asked_for_makes_up_for_what_comes_out() {
        let [wanted, _] = palettes();
        // Colours come out half as strong, and darker.
        let out_of = |asked: &Palette| Palette {
            mean: asked.mean * 0.8,
            covariance: asked.covariance * 0.25,
        };
        let mut asked = wanted;
        for _ in 0..12 {
            asked = asked.corrected(&wanted, &out_of(&asked));
        }
        let found = out_of(&asked);
        assert!((found.mean - wanted.mean).norm() < 1e-6, "{found:?}");
        assert!((found.covariance - wanted.covariance).norm() < 1e-3, "{found:?}");
        // The first time half of the way.
        let first = wanted.corrected(&wanted, &out_of(&wanted));
        let grown = first.covariance.norm() / wanted.covariance.norm();
        assert!((1.8..2.1).contains(&grown), "{grown}");
        assert_eq!(wanted.corrected(&wanted, &wanted).mean, wanted.mean);
    }

    #[test]
    fn a_single_colour_has_a_finite_map() {
        let black = Palette::new([0.0; 3], [[0.0; 3]; 3]);
        let [target, _] = palettes();
        let map = black.map_to(&target);
        assert!(map.matrix.iter().chain(map.offset.iter()).all(|value| value.is_finite()));
    }
}
