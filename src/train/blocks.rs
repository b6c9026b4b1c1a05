//! The blocks of steps in order, and what the loss network has seen of the current one.

use std::sync::Arc;

use super::dataset::{Block, Crops, Dataset, Loader};
use super::worker::{Targets, Worker};

/// Photos or styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Content,
    Style,
}

/// The block of the current step, and the loader of the next ones.
#[derive(Debug)]
pub struct Blocks {
    loader: Loader,
    next: usize,
    current: Option<SeenBlock>,
}

/// A block, and what the loss network has seen of it.
#[derive(Debug)]
pub struct SeenBlock {
    contents: Vec<Entry>,
    styles: Vec<Entry>,
}

/// Pictures before and after the loss network has seen them, each worker's for itself.
#[derive(Debug)]
enum Entry {
    Waiting(Crops),
    Seen(Vec<Arc<Targets>>),
}

impl Blocks {
    /// Blocks `from`, `from + 1`, ….
    pub fn start(dataset: &Arc<Dataset>, from: usize, rollbacks: u64) -> Self {
        Self { loader: Loader::start(dataset, from, rollbacks), next: from, current: None }
    }

    /// The block of that number, which is the last one or the next, or nothing if a thread died.
    pub fn get(&mut self, number: usize) -> Option<&mut SeenBlock> {
        if self.next == number {
            let Block { contents, styles } = self.loader.next_block()?;
            let waiting = |crops: Vec<Crops>| crops.into_iter().map(Entry::Waiting).collect();
            self.current = Some(SeenBlock { contents: waiting(contents), styles: waiting(styles) });
            self.next += 1;
        }
        self.current.as_mut()
    }
}

impl SeenBlock {
    /// What the loss network has seen in the pictures of that kind and number, a part for each
    /// worker; fewer where there are fewer pictures.
    pub fn targets(&mut self, kind: Kind, index: usize, workers: &[Worker]) -> Vec<Arc<Targets>> {
        let entry = match kind {
            Kind::Content => &mut self.contents[index],
            Kind::Style => &mut self.styles[index],
        };
        match entry {
            Entry::Seen(targets) => targets.clone(),
            Entry::Waiting(crops) => {
                let parts = workers.iter().zip(crops.split(workers.len()));
                let seen: Vec<_> = parts.map(|(worker, part)| Arc::new(worker.see(part))).collect();
                *entry = Entry::Seen(seen.clone());
                seen
            }
        }
    }
}
