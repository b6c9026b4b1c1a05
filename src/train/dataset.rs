//! Pictures of two folders to batches of crops.
//!
//! What a block of steps sees follows from the seed and the block alone, so that an interrupted run goes on
//! with exactly the batches it would have seen.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use image::imageops::{FilterType, crop_imm, resize};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::augment::{Role, augment};
use super::config::TrainConfig;
use super::{TrainError, procedural};
use crate::palette::{ColourMap, Palette};
use crate::picture::Picture;

/// Pictures are kept in memory with the long side at most this.
const CACHED_LONG_SIDE: u32 = 768;
/// Crops are cut from at most this many times their side.
const LARGEST_CROP: f64 = 4.0;
/// Blocks made ahead of the training step.
const AHEAD: usize = 2;

const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// The pictures of one kind that a step sees.
#[derive(Debug)]
pub struct Crops {
    /// How many there are.
    pub count: usize,
    /// Their side, in pixels.
    pub side: usize,
    /// RGB in 0..1, `[count, 3, side, side]` row-major.
    pub values: Vec<f32>,
    /// The colours of each.
    pub palettes: Vec<Palette>,
}

impl Crops {
    /// In at most so many parts, near equal.
    pub fn split(&self, parts: usize) -> Vec<Self> {
        let most = self.count.div_ceil(parts.max(1));
        let size = 3 * self.side * self.side;
        let chunks = self.values.chunks(most * size).zip(self.palettes.chunks(most));
        chunks
            .map(|(values, palettes)| Self {
                count: palettes.len(),
                side: self.side,
                values: values.to_vec(),
                palettes: palettes.to_vec(),
            })
            .collect()
    }

    /// From each photo's colours to its style's.
    pub fn maps_to(&self, styles: &Self) -> Vec<ColourMap> {
        self.palettes.iter().zip(&styles.palettes).map(|(from, to)| from.map_to(to)).collect()
    }
}

/// The pictures of a block of steps.
#[derive(Debug)]
pub struct Block {
    pub contents: Vec<Crops>,
    pub styles: Vec<Crops>,
}

/// All pictures of a folder and its subfolders, decoded.
#[derive(Debug)]
pub struct Folder {
    pictures: Vec<Picture>,
}

impl Folder {
    /// Pictures with a shorter side than this are of no use.
    pub const SMALLEST: u32 = 64;

    /// Decodes on all cores. `skip` is called with the name of, and the reason against, every
    /// file that looks like a picture but cannot be used, `progress` after every file.
    ///
    /// # Errors
    /// [`TrainError::File`] for an unreadable folder, [`TrainError::NoPictures`] for one without
    /// pictures of at least [`SMALLEST`](Self::SMALLEST) pixels a side.
    pub fn load(
        path: &Path,
        skip: impl Fn(&Path, &str) + Sync,
        progress: impl Fn(usize, usize) + Sync,
    ) -> Result<Self, TrainError> {
        let mut files = Vec::new();
        list(path, &mut files)?;
        files.sort();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let pictures = files
            .par_iter()
            .filter_map(|file| {
                let picture = std::fs::read(file)
                    .map_err(|error| error.to_string())
                    .and_then(|bytes| Picture::decode(&bytes).map_err(|error| error.to_string()))
                    .and_then(|picture| match picture.width().min(picture.height()) {
                        side if side < Self::SMALLEST => {
                            Err(format!("smaller than {} pixels", Self::SMALLEST))
                        }
                        _ => Ok(picture.fit(CACHED_LONG_SIDE)),
                    });
                progress(1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), files.len());
                picture.map_err(|reason| skip(file, &reason)).ok()
            })
            .collect::<Vec<_>>();
        match pictures.is_empty() {
            true => Err(TrainError::NoPictures(path.display().to_string())),
            false => Ok(Self { pictures }),
        }
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Never true: loading an empty folder fails.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// The pictures at evenly spread places, for sample sheets.
    pub fn sample(&self, count: usize) -> impl Iterator<Item = &Picture> {
        let step = (self.len() / count.max(1)).max(1);
        self.pictures.iter().skip(step / 2).step_by(step).take(count)
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), TrainError> {
    let entries = std::fs::read_dir(folder).map_err(|error| TrainError::file(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| TrainError::file(folder, error))?.path();
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if path.is_dir() {
            list(&path, files)?;
        } else if extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

/// The two folders and how to cut batches from them.
#[derive(Debug)]
pub struct Dataset {
    pub content: Folder,
    pub style: Folder,
    config: TrainConfig,
}

impl Dataset {
    /// Takes over the folders.
    pub fn new(content: Folder, style: Folder, config: &TrainConfig) -> Self {
        Self { content, style, config: config.clone() }
    }

    /// The pictures of a block; other ones after every rollback.
    pub fn block(&self, block: usize, rollbacks: u64) -> Block {
        let (count, side) = self.config.crops(block);
        let crops = |role: Role| {
            (0..self.config.reuse)
                .map(|index| {
                    let mut crops = Crops { count, side, values: Vec::new(), palettes: Vec::new() };
                    for place in 0..count {
                        let seed = self.config.seed.wrapping_add(rollbacks << 32);
                        let mut rng = ChaCha8Rng::seed_from_u64(seed);
                        let stream =
                            (block * self.config.reuse + index) * self.config.batch + place;
                        rng.set_stream((2 * stream + usize::from(role == Role::Style)) as u64);
                        let picture = self.crop(side, role, &mut rng);
                        crops.palettes.push(Palette::of(&picture));
                        crops.values.extend(picture.planes());
                    }
                    crops
                })
                .collect()
        };
        Block { contents: crops(Role::Content), styles: crops(Role::Style) }
    }

    fn crop(&self, side: usize, role: Role, rng: &mut ChaCha8Rng) -> Picture {
        if role == Role::Style && rng.random_bool(self.config.procedural) {
            let large = 2 * side as u32;
            return cut(&procedural::random(large, large, rng.random()), side, role, rng);
        }
        let folder = match role {
            Role::Content => &self.content,
            Role::Style => &self.style,
        };
        cut(&folder.pictures[rng.random_range(0..folder.len())], side, role, rng)
    }
}

/// A square from a random place, at a random scale, perhaps mirrored, with changed colours.
fn cut(picture: &Picture, side: usize, role: Role, rng: &mut ChaCha8Rng) -> Picture {
    let side = side as u32;
    let short = picture.width().min(picture.height());
    let largest = f64::from(short).min(LARGEST_CROP * f64::from(side));
    // Pictures smaller than the crop are enlarged a little.
    let smallest = f64::from(short.min(side));
    let source = (smallest * (largest / smallest).powf(rng.random::<f64>())).round() as u32;
    let left = rng.random_range(0..=picture.width() - source);
    let top = rng.random_range(0..=picture.height() - source);
    let pixels = picture.pixels();
    let crop = crop_imm(&pixels, left, top, source, source);
    let mut pixels = resize(&*crop, side, side, FilterType::Triangle);
    if rng.random_bool(0.5) {
        image::imageops::flip_horizontal_in_place(&mut pixels);
    }
    let mut rgb = pixels.into_raw();
    augment(&mut rgb, role, rng);
    Picture::new(side, side, rgb).expect("a square of pixels")
}

/// Makes blocks ahead of time on threads of its own, and hands them out in order.
#[derive(Debug)]
pub struct Loader {
    lanes: Vec<Receiver<Block>>,
    next: usize,
    threads: Vec<JoinHandle<()>>,
}

impl Loader {
    /// Blocks `from`, `from + 1`, ….
    pub fn start(dataset: &Arc<Dataset>, from: usize, rollbacks: u64) -> Self {
        let count = dataset.config.threads;
        let (lanes, threads) = (0..count)
            .map(|lane| {
                let (sender, receiver) = sync_channel(AHEAD.div_ceil(count));
                let dataset = Arc::clone(dataset);
                let thread = std::thread::spawn(move || {
                    for block in (from + lane..).step_by(count) {
                        if sender.send(dataset.block(block, rollbacks)).is_err() {
                            break; // The loader is gone.
                        }
                    }
                });
                (receiver, thread)
            })
            .unzip();
        Self { lanes, next: 0, threads }
    }

    /// The next block, or nothing if a thread died.
    pub fn next_block(&mut self) -> Option<Block> {
        let block = self.lanes[self.next].recv().ok();
        self.next = (self.next + 1) % self.lanes.len();
        block
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.lanes.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Names of skipped files, collected from several threads.
#[derive(Debug, Default)]
pub struct Skipped(Mutex<Vec<String>>);

impl Skipped {
    /// Remembers a file and why it was skipped.
    pub fn add(&self, path: &Path, reason: &str) {
        let line = format!("{}: {reason}", path.display());
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
    }

    /// All so far, in order of their names.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        lines.sort();
        lines
    }
}
