//! What is to be painted, decided before anything runs.

use super::{Layer, Options, Style, StylizeError, is_large};
use crate::picture::Rect;
use crate::picture::mask::Mask;
use crate::tiles::{self, Tile};

/// Where strokes are to be so little larger, or less, nothing is enlarged.
const LEAST_ENLARGED: f64 = 1.25;
/// Smallest painting that is enlarged.
const SMALLEST_STROKES: u32 = 64;

/// The styles of a mixture with their shares, which sum to 1.
pub(super) type Styles<'a> = Vec<(&'a Style, f32)>;

/// What is painted where: layers by the parts of the picture that they are for.
#[derive(Debug)]
pub(crate) struct Parts<'a, S> {
    /// The styles of each region, and at last those of what the regions leave; none where the photo shows. The shares of
    /// a mixture sum to 1.
    pub mixtures: Vec<Vec<(S, f32)>>,
    /// The regions, each with its weight against others in 0..=1.
    pub masks: Vec<(&'a Mask, f32)>,
}

impl<'a, S: Copy> Parts<'a, S> {
    /// Of layers: a style or none for the photo, a weight, and a mask or none.
    ///
    /// # Errors
    /// [`StylizeError::Weight`] or [`StylizeError::NoStyle`].
    pub fn new(layers: &[(Option<S>, f32, Option<&'a Mask>)]) -> Result<Self, StylizeError> {
        let weights = || layers.iter().map(|(_, weight, _)| *weight);
        if let Some(wrong) = weights().find(|weight| !weight.is_finite() || *weight < 0.0) {
            return Err(StylizeError::Weight(wrong));
        }
        // Relative to the largest, so that no sum of them is infinite.
        let largest = weights().fold(0.0, f32::max);
        let used = || {
            let used = layers.iter().filter(|(_, weight, _)| *weight > 0.0);
            used.map(|&(style, weight, mask)| (style, weight / largest, mask))
        };
        let mut masks = Vec::new();
        let mut mixtures: Vec<Vec<(S, f32)>> = Vec::new();
        for (style, weight, mask) in used() {
            let Some(mask) = mask else { continue };
            masks.push((mask, weight.max(f32::MIN_POSITIVE)));
            mixtures.push(style.map(|style| (style, 1.0)).into_iter().collect());
        }
        let rest = used().filter(|(_, _, mask)| mask.is_none());
        let rest: Vec<_> = rest.filter_map(|(style, weight, _)| Some((style?, weight))).collect();
        let sum: f32 = rest.iter().map(|(_, weight)| weight).sum();
        mixtures.push(rest.into_iter().map(|(style, weight)| (style, weight / sum)).collect());
        if mixtures.iter().all(Vec::is_empty) {
            return Err(StylizeError::NoStyle);
        }
        Ok(Self { mixtures, masks })
    }
}

/// The runs of a painting.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub parts: Parts<'a, &'a Style>,
    /// In pieces of the photo, or in one.
    pub tiles: Vec<Tile>,
    /// How often the generator runs.
    pub total: usize,
}

impl<'a> Plan<'a> {
    /// For a photo of this width and height.
    ///
    /// # Errors
    /// [`StylizeError::Strength`], [`StylizeError::Weight`] or [`StylizeError::NoStyle`].
    pub fn new(
        (width, height): (u32, u32),
        layers: &[Layer<'a>],
        options: &Options,
    ) -> Result<Self, StylizeError> {
        if !(0.0..=1.0).contains(&options.strength) {
            return Err(StylizeError::Strength(options.strength));
        }
        let layers: Vec<_> =
            layers.iter().map(|layer| (layer.style, layer.weight, layer.mask)).collect();
        let parts = Parts::new(&layers)?;
        let styled = parts.mixtures.iter().filter(|styles| !styles.is_empty()).count();
        let all = Rect { left: 0, top: 0, width, height };
        let large = is_large(width, height);
        let tiles = match large {
            true => tiles::grid(width, height),
            false => vec![Tile { inner: all, outer: all }],
        };
        let total = styled * (tiles.len() + usize::from(large));
        Ok(Self { parts, tiles, total })
    }
}

/// Long sides at which a photo is painted one after the other, so that its strokes are as large, seen whole, as in a
/// painting whose long side is `strokes`: at first at that size, then on the painting of before, enlarged to at most twice
/// its sides, until it has the photo's own.
pub(super) fn sides(long_side: u32, strokes: Option<u32>) -> Vec<u32> {
    let enlarged = |strokes: u32| f64::from(long_side) / f64::from(strokes.max(SMALLEST_STROKES));
    let Some(ratio) = strokes.map(enlarged).filter(|ratio| *ratio >= LEAST_ENLARGED) else {
        return vec![long_side];
    };
    let times = ratio.log2().ceil();
    let side = |time: u32| {
        (f64::from(long_side) * ratio.powf(f64::from(time) / times - 1.0)).round() as u32
    };
    (0..=times as u32).map(side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paintings_grow_from_the_size_of_their_strokes_to_the_photos() {
        assert_eq!(sides(3000, None), [3000]);
        assert_eq!(sides(900, Some(768)), [900]);
        assert_eq!(sides(500, Some(768)), [500]);
        assert_eq!(sides(1536, Some(768)), [768, 1536]);
        assert_eq!(sides(4096, Some(512)), [512, 1024, 2048, 4096]);
        for long_side in [1000, 1537, 2600, 6000, 16_000] {
            let sides = sides(long_side, Some(700));
            assert_eq!((sides[0], sides[sides.len() - 1]), (700, long_side));
            assert!(sides.windows(2).all(|two| two[1] > two[0] && two[1] <= 2 * two[0] + 1));
        }
        assert!(sides(20_000, Some(0)).len() < 12, "no size is too small to begin with");
    }
}
