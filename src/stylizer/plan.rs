//! What is to be painted, decided before anything runs.

use super::{Content, Layer, Options, Style, StylizeError, whole};
use crate::picture::mask::Mask;
use crate::tiles::{self, Tile};

/// The styles of a mixture with their shares, which sum to 1.
pub(super) type Styles<'a> = Vec<(&'a Style, f32)>;

/// The runs of a painting.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// The styles of each region, and at last those of what the regions leave; none where the photo shows.
    pub mixtures: Vec<Styles<'a>>,
    /// The regions, each with its weight against others in 0..=1.
    pub masks: Vec<(&'a Mask, f32)>,
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
        if let Some(wrong) = layers.iter().find(|l| !l.weight.is_finite() || l.weight < 0.0) {
            return Err(StylizeError::Weight(wrong.weight));
        }
        // Relative to the largest, so that no sum of them is infinite.
        let largest = layers.iter().map(|layer| layer.weight).fold(0.0, f32::max);
        let used = || {
            let used = layers.iter().filter(|layer| layer.weight > 0.0);
            used.map(|layer| Layer { weight: layer.weight / largest, ..*layer })
        };
        let mut masks = Vec::new();
        let mut mixtures: Vec<Styles<'a>> = Vec::new();
        for layer in used() {
            let Some(mask) = layer.mask else { continue };
            masks.push((mask, layer.weight.max(f32::MIN_POSITIVE)));
            mixtures.push(layer.style.map(|style| (style, 1.0)).into_iter().collect());
        }
        let rest = used().filter(|layer| layer.mask.is_none());
        let rest: Styles<'a> =
            rest.filter_map(|layer| Some((layer.style?, layer.weight))).collect();
        let sum: f32 = rest.iter().map(|(_, weight)| weight).sum();
        mixtures.push(rest.into_iter().map(|(style, weight)| (style, weight / sum)).collect());
        let styled = mixtures.iter().filter(|styles| !styles.is_empty()).count();
        if styled == 0 {
            return Err(StylizeError::NoStyle);
        }
        let (width, height) = content.size();
        let all = whole(content.picture());
        let tiles = match content.thumbnail {
            Some(_) => tiles::grid(width, height),
            None => vec![Tile { inner: all, outer: all }],
        };
        let total = styled * (tiles.len() + usize::from(content.thumbnail.is_some()));
        Ok(Self { mixtures, masks, tiles, total })
    }
}
