//! Mixtures of styles, and runs of the generator with them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::tensor::Tensor;

use super::plan::Styles;
use super::{Content, Options, Style, StylizeError, Stylizer, TRIALS, View, crop, read, whole};
use crate::network::generator::{Generator, Manner};
use crate::network::layers::{Norms, Smoothing};
use crate::network::palette::{ColourMap, Colours, Palette, map_to_photo, recolour};
use crate::network::style::{StyleStatistics, fuse};
use crate::picture::mask::{Mask, add_share, shares};
use crate::picture::{Picture, PictureError, Rect};
use crate::tiles::Tile;
use crate::tuned::{self, Change};
use crate::weights;

/// Styles to paint with in one run of the generator.
pub(super) struct Mixture {
    /// The photo's and the painting's.
    palettes: [Palette; 2],
    statistics: StyleStatistics,
    hand: Arc<Hand>,
    manner: Manner,
    /// For tiles: of the thumbnail.
    given: Option<Given>,
    /// Of the thumbnail's normalizations, or of the last frames of a film.
    pub(super) smoothing: Option<Smoothing>,
}

/// The generator as far as it is tuned to a mixture.
#[derive(Debug)]
struct Hand {
    generator: Generator,
    /// How it paints the mixture at full strength, where photos do not matter.
    manner: OnceLock<Manner>,
}

impl Hand {
    /// How it paints at full strength; the statistics are those of its mixture.
    fn full_manner(&self, statistics: &StyleStatistics) -> Manner {
        self.manner.get_or_init(|| self.generator.manner(statistics.clone())).clone()
    }
}

/// Styles, by their numbers, and their weights.
type Shares = Vec<(u64, f32)>;

/// Hands for the mixtures that were painted last, for frames, tiles and whoever tries sizes and colours: a tuned
/// generator has some forty tensors of its own that must get to the device.
#[derive(Debug, Default)]
pub(super) struct Hands(Mutex<VecDeque<(Shares, Arc<Hand>)>>);

impl Hands {
    /// Regions of one painting have hands of their own, and rarely are there more.
    const MOST: usize = 4;

    /// The hand for these styles, by their numbers, with these weights; made if it is not there.
    fn get(&self, styles: &[(u64, f32)], make: impl FnOnce() -> Generator) -> Arc<Hand> {
        // Nobody leaves it half changed.
        let mut hands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = hands.iter().position(|(of, _)| of == styles);
        let kept = found.and_then(|at| hands.remove(at)).unwrap_or_else(|| {
            (styles.to_vec(), Arc::new(Hand { generator: make(), manner: OnceLock::new() }))
        });
        let hand = kept.1.clone();
        hands.truncate(Self::MOST - 1);
        hands.push_front(kept);
        hand
    }
}

/// What all tiles take from the thumbnail.
struct Given {
    recolouring: Option<ColourMap>,
    /// The thumbnail's painting, `[3, height, width]`, in the colours asked for.
    painting: Vec<f32>,
}

impl Stylizer {
    /// What the generator needs to know of a mixture.
    pub(super) async fn mix(
        &self,
        content: &Content,
        styles: Styles<'_>,
        options: &Options,
        smoothing: Option<Smoothing>,
    ) -> Result<Mixture, StylizeError> {
        let keep = 1.0 - options.strength;
        let weighted: Vec<_> =
            styles.iter().map(|(style, share)| (*style, options.strength * share)).collect();
        let mut wanted = vec![(content.palette, keep)];
        for (style, weight) in weighted.iter().filter(|(_, weight)| *weight > 0.0) {
            let palette = match options.colours {
                Colours::Photo => content.palette,
                _ => self.aim(style).await?,
            };
            wanted.push((palette, *weight));
        }
        let palette = Palette::weighted_sum(wanted);
        let statistics = weighted.iter().map(|(style, weight)| (&style.statistics, *weight));
        let own = (keep > 0.0).then(|| (content.statistics(), keep));
        let statistics = statistics.filter(|(_, weight)| *weight > 0.0).chain(own);
        let statistics = StyleStatistics::weighted_sum(statistics).ok_or(StylizeError::NoStyle)?;
        let palettes = [content.palette, palette];
        let hand = self.hand(&weighted);
        let manner = match keep > 0.0 {
            // How it paints depends on this photo, too.
            true => hand.generator.manner(statistics.clone()),
            false => hand.full_manner(&statistics),
        };
        let mut mixture = Mixture { palettes, statistics, hand, manner, given: None, smoothing };
        if let Some(thumbnail) = &content.thumbnail {
            let mut smoothing = mixture.smoothing.take().unwrap_or_default();
            let mut norms = Norms::Smoothed(&mut smoothing);
            let picture = self.generate(&content.view, &mixture, options.strength, &mut norms);
            mixture.smoothing = Some(smoothing);
            let mut painting = read(crop(picture, whole(thumbnail))).await?;
            let recolouring = match options.colours {
                Colours::Photo => Some(map_to_photo(&painting, thumbnail)?),
                _ => None,
            };
            recolour(&mut painting, thumbnail, options.colours, recolouring)?;
            mixture.given = Some(Given { recolouring, painting });
        }
        Ok(mixture)
    }

    /// The palette to ask of the generator so that the style's paintings have its colours. They are paler and more grey,
    /// and in all photos by about the same: small paintings of the style picture itself say by how much.
    async fn aim(&self, style: &Style) -> Result<Palette, StylizeError> {
        if let Some(aim) = style.aim.get() {
            return Ok(*aim);
        }
        let content = self.encode_content(&style.trial);
        let hand = self.hand(&[(style, 1.0)]);
        let statistics = style.statistics.clone();
        let manner = hand.full_manner(&statistics);
        let palettes = [content.palette, style.palette];
        let mut mixture =
            Mixture { palettes, statistics, hand, manner, given: None, smoothing: None };
        for _ in 0..TRIALS {
            let painting = self.generate(&content.view, &mixture, 1.0, &mut Norms::Own);
            let values = read(crop(painting, whole(&style.trial))).await?;
            let (width, height) = content.size();
            let found = Palette::of(&Picture::from_tensor_data(width, height, &values)?);
            mixture.palettes[1] = mixture.palettes[1].corrected(&style.palette, &found);
        }
        Ok(*style.aim.get_or_init(|| mixture.palettes[1]))
    }

    /// The generator as far as it is tuned to these styles, by their weights.
    fn hand(&self, styles: &[(&Style, f32)]) -> Arc<Hand> {
        let numbers: Shares =
            styles.iter().map(|(style, weight)| (style.number, *weight)).collect();
        let changes =
            styles.iter().filter_map(|(style, weight)| Some((style.tuned.as_deref()?, *weight)));
        self.hands.get(&numbers, || self.tuned(changes))
    }

    /// The generator with these changes.
    fn tuned<'a>(&self, changes: impl Iterator<Item = (&'a Change, f32)>) -> Generator {
        let mut tensors = tuned::mixed(&self.general, changes);
        let tuned = weights::load_some("generator", self.generator.clone(), &mut tensors);
        tuned.expect("tensors of the general weights")
    }

    /// The painting of what is in view, `[1, 3, padded height, padded width]`.
    fn generate(
        &self,
        view: &View,
        mixture: &Mixture,
        strength: f32,
        norms: &mut Norms<'_>,
    ) -> Tensor<4> {
        let fused = fuse(&view.features, &mixture.statistics, norms);
        let (noise, photo) = (view.noise.clone(), view.photo.clone());
        let Mixture { hand, manner, .. } = mixture;
        hand.generator.paint(fused, manner, noise, &[mixture.palettes], photo, strength, norms)
    }

    /// One run of the generator: a tile in a mixture of styles, `[1, 3, height, width]`.
    pub(super) fn generate_tile(
        &self,
        view: &View,
        tile: Tile,
        mixture: &mut Mixture,
        options: &Options,
    ) -> Tensor<4> {
        let mut smoothing = mixture.smoothing.take();
        let mut norms = match (&mixture.given, &mut smoothing) {
            (Some(_), Some(kept)) => Norms::Given(kept.maps().to_vec().into_iter()),
            (None, Some(kept)) => Norms::Smoothed(kept),
            (_, None) => Norms::Own,
        };
        let picture = self.generate(view, mixture, options.strength, &mut norms);
        mixture.smoothing = smoothing;
        let Tile { inner, outer } = tile;
        let within = Rect { left: inner.left - outer.left, top: inner.top - outer.top, ..inner };
        crop(picture, within)
    }

    /// The same from the device, in the colours asked for, `[3, height, width]` in 0..1.
    pub(super) async fn run(
        &self,
        view: &View,
        part: &Picture,
        tile: Tile,
        mixture: &mut Mixture,
        options: &Options,
    ) -> Result<Vec<f32>, StylizeError> {
        let mut values = read(self.generate_tile(view, tile, mixture, options)).await?;
        let recolouring = mixture.given.as_ref().and_then(|given| given.recolouring);
        recolour(&mut values, part, options.colours, recolouring)?;
        Ok(values)
    }
}

/// The painting of a photo's thumbnail, of the mixtures of all masks and of what these leave. Its strokes are those of
/// the large painting: they would be finer there, since they have the same size in pixels at all sizes.
pub(super) fn small_painting(
    thumbnail: &Picture,
    masks: &[(&Mask, f32)],
    parts: &[Option<Mixture>],
) -> Result<Picture, PictureError> {
    let (width, height) = (thumbnail.width(), thumbnail.height());
    let shares = shares(masks, width, height, whole(thumbnail));
    let mut sum = vec![0.0; thumbnail.rgb().len()];
    for (part, share) in parts.iter().zip(shares.masked.iter().chain([&shares.rest])) {
        match part.as_ref().and_then(|mixture| mixture.given.as_ref()) {
            Some(given) => add_share(&mut sum, given.painting.iter().copied(), share),
            None => add_share(&mut sum, thumbnail.planes(), share),
        }
    }
    Picture::from_tensor_data(width, height, &sum)
}
