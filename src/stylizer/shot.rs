//! What the frames of a film have in common.

use std::sync::OnceLock;

use super::Content;
use super::mixture::Mixture;
use crate::network::layers::Smoothing;
use crate::network::palette::Palette;
use crate::network::style::StyleStatistics;

/// What the paintings of a film's frames have in common, so that nothing in them changes at once: moving averages of
/// what is measured in a whole frame.
#[derive(Debug, Default)]
pub(crate) struct Shot {
    /// How much the next frame counts, in 0..=1; 1 forgets all before it.
    rate: f32,
    /// Of the frames.
    palette: Option<Palette>,
    /// Likewise, where the strength is below 1.
    statistics: Option<StyleStatistics>,
    /// For each mixture of styles, in the order of the layers.
    smoothings: Vec<Smoothing>,
}

impl Shot {
    /// Takes the next frame in, which counts so much, and gives the averages to it.
    pub(crate) fn take(&mut self, frame: &mut Content, rate: f32, strength: f32) {
        self.rate = rate;
        let shares = [1.0 - rate, rate];
        let goes_on = rate < 1.0;
        if let Some(palette) = self.palette.filter(|_| goes_on) {
            frame.palette = Palette::weighted_sum([palette, frame.palette].into_iter().zip(shares));
        }
        self.palette = Some(frame.palette);
        if strength >= 1.0 {
            self.statistics = None;
            return;
        }
        if let Some(statistics) = self.statistics.take().filter(|_| goes_on) {
            let both = [&statistics, frame.statistics()].into_iter().zip(shares);
            let average = StyleStatistics::weighted_sum(both).expect("a sum of two");
            frame.statistics = OnceLock::from(average);
        }
        self.statistics = Some(frame.statistics().clone());
    }

    /// Keeps what the mixtures' normalizations remember.
    pub(super) fn keep(&mut self, mixtures: Vec<Option<Mixture>>) {
        let smoothing = |mixture: Option<Mixture>| mixture?.smoothing;
        self.smoothings =
            mixtures.into_iter().map(|mixture| smoothing(mixture).unwrap_or_default()).collect();
    }

    /// What this mixture's normalizations remember.
    pub(super) fn smoothing(&mut self, index: usize) -> Smoothing {
        let mut smoothing = match self.smoothings.get_mut(index) {
            Some(kept) => std::mem::take(kept),
            None => Smoothing::default(),
        };
        smoothing.begin(self.rate);
        smoothing
    }
}
