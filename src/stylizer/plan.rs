//! What is to be painted, decided before anything runs.

use super::{Content, Layer, Options, Style, StylizeError, whole};
use crate::picture::mask::Mask;
use crate::tiles::{self, Tile};

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
    /// # Errors
    /// [`StylizeError::Strength`], [`StylizeError::Weight`] or [`StylizeError::NoStyle`].
    pub fn new(
        content: &Content,
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
        let (width, height) = content.size();
        let all = whole(content.picture());
        let tiles = match content.thumbnail {
            Some(_) => tiles::grid(width, height),
            None => vec![Tile { inner: all, outer: all }],
        };
        let total = styled * (tiles.len() + usize::from(content.thumbnail.is_some()));
        Ok(Self { parts, tiles, total })
    }
}
