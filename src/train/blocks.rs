//! The blocks of steps in order, and what the networks have seen of the current one.

use std::sync::Arc;

use super::dataset::{Block, Crops, Dataset, Loader};
use super::worker::{Photos, Styles, Worker, at_once};
use crate::network::vgg::VggEncoder;

/// The block of the current step, and the loader of the next ones.
#[derive(Debug)]
pub struct Blocks {
    loader: Loader,
    next: usize,
    current: Option<SeenBlock>,
}

/// A block, and what the networks have seen of it.
#[derive(Debug)]
pub struct SeenBlock {
    number: usize,
    block: Block,
    /// What each worker has seen of each set, with an encoder that stays as it is or without one.
    photos: Vec<Option<Vec<Arc<Photos>>>>,
    styles: Vec<Option<Vec<Arc<Styles>>>>,
    encoded: bool,
}

impl Blocks {
    /// Blocks `from`, `from + 1`, ….
    pub fn start(dataset: &Arc<Dataset>, from: usize, rollbacks: u64) -> Self {
        Self { loader: Loader::start(dataset, from, rollbacks), next: from, current: None }
    }

    /// The block of that number, which is the last one or the next, or nothing if a thread died.
    pub fn get(&mut self, number: usize) -> Option<&mut SeenBlock> {
        if self.next == number {
            let block = self.loader.next_block()?;
            let (photos, styles) =
                (vec![None; block.contents.len()], vec![None; block.styles.len()]);
            self.current = Some(SeenBlock { number, block, photos, styles, encoded: false });
            self.next += 1;
        }
        self.current.as_mut()
    }
}

impl SeenBlock {
    /// What the networks have seen in the photos and the styles of those numbers, a part for each
    /// worker; fewer where there are fewer pictures. Without an `encoder`, which is then still learning,
    /// only what it is to learn.
    pub fn see(
        &mut self,
        [photos, styles]: [usize; 2],
        encoder: Option<&VggEncoder>,
        workers: &[Worker],
    ) -> (Vec<Arc<Photos>>, Vec<Arc<Styles>>) {
        if self.encoded != encoder.is_some() {
            self.encoded = encoder.is_some();
            self.photos.fill(None);
            self.styles.fill(None);
        }
        let Block { contents, styles: all_styles, answers, sharp } = &self.block;
        // The encoder needs none to learn from.
        let answers = |set: usize| {
            let answers = answers.get(set).filter(|_| encoder.is_some());
            let parts = answers.map(|answers| answers.split(workers.len())).unwrap_or_default();
            parts.into_iter().map(Some).chain(std::iter::repeat(None))
        };
        let seen_photos = self.photos[photos].get_or_insert_with(|| {
            let parts = workers.iter().zip(contents[photos].split(workers.len()));
            let parts = parts.zip(answers(photos));
            let see = |((worker, part), answers): ((&Worker, Crops), Option<Crops>)| {
                let see = || worker.see_photos(part, answers.as_ref(), *sharp, encoder);
                Arc::new(worker.on_its_cores(see))
            };
            at_once(parts.collect(), see)
        });
        let seen_styles = self.styles[styles].get_or_insert_with(|| {
            let all = &all_styles[styles];
            let parts = workers.iter().zip(all.chunks(all.len().div_ceil(workers.len())));
            let parts = parts.zip(answers(styles));
            let seed = ((self.number << 16) + styles) as u64;
            let see = |((worker, part), answers): ((&Worker, &[Crops]), Option<Crops>)| {
                let see = || worker.see_styles(part, answers.as_ref(), encoder, seed);
                Arc::new(worker.on_its_cores(see))
            };
            at_once(parts.collect(), see)
        });
        (seen_photos.clone(), seen_styles.clone())
    }
}
