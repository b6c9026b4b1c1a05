//! Pictures of two folders to batches of crops.
//!
//! A picture's family is the sub-folder it lies in: `style/woodcut/a.jpg` and `style/woodcut/more/b.jpg`
//! are of the family `woodcut`. Crops are drawn family by family, so that a few pictures of a rare kind
//! are seen often enough; a folder without sub-folders is one family.
//!
//! What a block of steps sees follows from the seed and the block alone, so that an interrupted run goes on
//! with exactly the batches it would have seen. Pictures are decoded when they are drawn, and as many are
//! kept as `cache_megabytes` allows.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use image::imageops::{FilterType, crop_imm, resize};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::TrainError;
use super::answers::{Answer, Answers};
use super::augment::{Role, augment};
use super::config::{Kind, TrainConfig};
use crate::network::palette::Palette;
use crate::picture::Picture;
use crate::picture::codecs::{EXTENSIONS, size_of};
use crate::procedural;

/// Pictures are kept in memory with the long side at most this.
const CACHED_LONG_SIDE: u32 = 768;
/// Crops of photos are cut from at most this many times their side.
const LARGEST_CROP: f64 = 4.0;
/// How much a style crop has at least of the largest part of its shape.
const STYLE_SHARE: f64 = 0.8;
/// Sides of style crops are multiples of this: libtorch needs most of a second for every new shape.
const STYLE_STRIDE: u32 = 64;
/// A style crop's long side over its short one, at most.
const LONGEST: f64 = 2.0;
/// Blocks made ahead of the training step.
const AHEAD: usize = 2;
/// A larger file is none of a picture that anybody trains on.
const LARGEST_FILE: u64 = 64 << 20;
/// Consecutive undecodable files after which training ends.
const MOST_BROKEN: usize = 20;

/// Pictures of one size that a step sees.
#[derive(Debug, Clone)]
pub struct Crops {
    /// How many there are.
    pub count: usize,
    /// The place of the first of them among the pictures of its kind that the step sees.
    pub first: usize,
    /// Width and height, in pixels.
    pub size: [usize; 2],
    /// RGB in 0..1, `[count, 3, height, width]` row-major.
    pub values: Vec<f32>,
    /// The colours of each.
    pub palettes: Vec<Palette>,
}

impl Crops {
    fn new(size: [u32; 2], first: usize) -> Self {
        let size = size.map(|side| side as usize);
        Self { count: 0, first, size, values: Vec::new(), palettes: Vec::new() }
    }

    fn push(&mut self, picture: &Picture) {
        self.count += 1;
        self.palettes.push(Palette::of(picture));
        self.values.extend(picture.planes());
    }

    /// One of them.
    pub fn picture(&self, index: usize) -> Picture {
        let [width, height] = self.size;
        let values = &self.values[index * 3 * width * height..][..3 * width * height];
        Picture::from_tensor_data(width as u32, height as u32, values).expect("they were pictures")
    }

    /// In at most `parts` nearly equal parts.
    pub fn split(&self, parts: usize) -> Vec<Self> {
        let most = self.count.div_ceil(parts.max(1));
        let [width, height] = self.size;
        let chunks = self.values.chunks(most * 3 * width * height);
        let chunks = chunks.zip(self.palettes.chunks(most));
        chunks
            .enumerate()
            .map(|(part, (values, palettes))| Self {
                count: palettes.len(),
                first: self.first + part * most,
                size: self.size,
                values: values.to_vec(),
                palettes: palettes.to_vec(),
            })
            .collect()
    }
}

/// The pictures of a block of steps.
#[derive(Debug)]
pub struct Block {
    /// Sets of photos, all of one size.
    pub contents: Vec<Crops>,
    /// Sets of styles, as many in each, one by one: each has a size of its own.
    pub styles: Vec<Vec<Crops>>,
    /// The photos of each set as they are to be painted in the styles of the same set; none in most blocks.
    pub answers: Vec<Crops>,
    /// Whether marks lie in the answers where they are to lie in paintings, and not anywhere.
    pub sharp: bool,
}

/// The pictures of a folder and its sub-folders.
#[derive(Debug)]
pub struct Folder {
    families: Vec<Family>,
    count: usize,
    cache: Mutex<Cache>,
}

/// Pictures of one kind.
#[derive(Debug)]
struct Family {
    name: String,
    files: Vec<PathBuf>,
}

/// Decoded pictures. The oldest go when there are too many.
#[derive(Debug, Default)]
struct Cache {
    pictures: HashMap<PathBuf, Arc<Picture>>,
    order: VecDeque<PathBuf>,
    bytes: usize,
    limit: usize,
}

impl Cache {
    fn put(&mut self, path: &Path, picture: &Arc<Picture>) {
        if self.pictures.insert(path.into(), Arc::clone(picture)).is_none() {
            self.order.push_back(path.into());
            self.bytes += picture.rgb().len();
        }
        while self.bytes > self.limit
            && let Some(oldest) = self.order.pop_front()
            && let Some(picture) = self.pictures.remove(&oldest)
        {
            self.bytes -= picture.rgb().len();
        }
    }
}

impl Folder {
    /// Pictures with a shorter side than this are of no use.
    pub const SMALLEST: u32 = 64;

    /// Lists the folder and looks at the head of every file. `skip` is called with the name of, and the
    /// reason against, every file that is named like a picture but cannot be used, and every folder that
    /// cannot be read; `progress` after every file. Hidden files are passed over.
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
        let mut seen = HashSet::new();
        list(path, &mut files, &mut seen, &skip).map_err(|error| TrainError::file(path, error))?;
        files.sort();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let usable: Vec<PathBuf> = files
            .par_iter()
            .filter(|file| {
                let fault = fault(file);
                progress(1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), files.len());
                if let Some(fault) = &fault {
                    skip(file, fault);
                }
                fault.is_none()
            })
            .cloned()
            .collect();
        if usable.is_empty() {
            return Err(TrainError::NoPictures(path.display().to_string()));
        }
        let count = usable.len();
        let mut families = BTreeMap::<String, Vec<PathBuf>>::new();
        for file in usable {
            let within = file.strip_prefix(path).unwrap_or(&file);
            let mut parts = within.components();
            let first = parts.next().map(|part| part.as_os_str().to_string_lossy().into_owned());
            let name = first.filter(|_| parts.next().is_some()).unwrap_or_default();
            families.entry(name).or_default().push(file);
        }
        let families = families.into_iter().map(|(name, files)| Family { name, files }).collect();
        let limit = TrainConfig::default().cache_megabytes << 20;
        Ok(Self { families, count, cache: Mutex::new(Cache { limit, ..Cache::default() }) })
    }

    /// A checksum of the files' names, in order: another folder has another one.
    pub fn fingerprint(&self) -> String {
        let mut hasher = crc32fast::Hasher::new();
        for family in &self.families {
            hasher.update(family.name.as_bytes());
            for file in &family.files {
                hasher.update(file.file_name().unwrap_or_default().as_encoded_bytes());
            }
        }
        format!("{} pictures, {:08x}", self.count, hasher.finalize())
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never true: loading an empty folder fails.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Families and the numbers of their pictures; the name is empty for those in no sub-folder.
    pub fn families(&self) -> impl Iterator<Item = (&str, usize)> {
        self.families.iter().map(|family| (family.name.as_str(), family.files.len()))
    }

    /// Up to `count` evenly spaced pictures, for sample sheets.
    pub fn sample(&self, count: usize) -> Vec<Arc<Picture>> {
        let step = (self.len() / count.max(1)).max(1);
        let files = self.families.iter().flat_map(|family| &family.files);
        let places = files.skip(step / 2).step_by(step).take(count);
        places.filter_map(|file| self.picture(file).ok()).collect()
    }

    fn picture(&self, path: &Path) -> Result<Arc<Picture>, String> {
        let cache = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(picture) = cache().pictures.get(path) {
            return Ok(Arc::clone(picture));
        }
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let picture = Picture::decode(&bytes).map_err(|error| error.to_string())?;
        let picture = Arc::new(picture.fit(CACHED_LONG_SIDE));
        cache().put(path, &picture);
        Ok(picture)
    }

    /// A picture of a family drawn by weight: the square root of how many pictures it has, times what
    /// `weights` says.
    fn draw(&self, weights: &BTreeMap<String, f64>, rng: &mut ChaCha8Rng) -> Arc<Picture> {
        let weight = |family: &Family| {
            (family.files.len() as f64).sqrt() * weights.get(&family.name).copied().unwrap_or(1.0)
        };
        let all: f64 = self.families.iter().map(weight).sum();
        for _ in 0..MOST_BROKEN {
            let mut place = rng.random::<f64>() * all;
            let family = self.families.iter().find(|family| {
                place -= weight(family);
                place < 0.0
            });
            let family = family.unwrap_or(&self.families[self.families.len() - 1]);
            let file = &family.files[rng.random_range(0..family.files.len())];
            match self.picture(file) {
                Ok(picture) => return picture,
                Err(error) => eprintln!("{}: {error}; another one instead", file.display()),
            }
        }
        panic!("{MOST_BROKEN} pictures in a row could not be read");
    }
}

/// What is wrong with a file by its size and head.
fn fault(path: &Path) -> Option<String> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Some(error.to_string()),
    };
    // Opening a pipe waits for somebody to write.
    if !metadata.is_file() {
        return Some("not a file".into());
    }
    if metadata.len() > LARGEST_FILE {
        return Some(format!("larger than {} MB", LARGEST_FILE >> 20));
    }
    match size_of(path) {
        Err(error) => Some(error.to_string()),
        Ok((width, height)) if width.min(height) < Folder::SMALLEST => {
            Some(format!("smaller than {} pixels", Folder::SMALLEST))
        }
        Ok(_) => None,
    }
}

/// Files named like pictures. Folders that were `seen` already are passed over: links make circles.
fn list(
    folder: &Path,
    files: &mut Vec<PathBuf>,
    seen: &mut HashSet<PathBuf>,
    skip: &impl Fn(&Path, &str),
) -> std::io::Result<()> {
    if !seen.insert(folder.canonicalize()?) {
        return Ok(());
    }
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    // Which name of a folder counts must not depend on the disk.
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if path.is_dir() {
            if let Err(error) = list(&path, files, seen, skip) {
                skip(&path, &error.to_string());
            }
        } else if extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

/// The two folders and how to cut batches from them.
#[derive(Debug)]
pub struct Dataset {
    /// Photos.
    pub content: Folder,
    /// Style pictures.
    pub style: Folder,
    /// What paintings are to be, where that is known.
    pub answers: Option<Answers>,
    config: TrainConfig,
}

impl Dataset {
    /// Takes over the folders, and the answers of a table where blocks are to have some.
    ///
    /// # Errors
    /// [`TrainError::Config`] when the settings ask for answers and there are none, or the other way round.
    pub fn new(
        content: Folder,
        style: Folder,
        answers: Option<Answers>,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        match (&answers, config.answers_every) {
            (None, 1..) => {
                let reason = "answers_every is set, and there are no answers (--answers)";
                return Err(TrainError::Config(reason.into()));
            }
            (Some(_), 0) => {
                let reason = "there are answers, and answers_every is 0: with 1, half of the blocks have some";
                return Err(TrainError::Config(reason.into()));
            }
            _ => {}
        }
        for folder in [&content, &style] {
            let mut cache = folder.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.limit = (config.cache_megabytes << 20) / 2;
        }
        Ok(Self { content, style, answers, config: config.clone() })
    }

    /// The pictures of a block; other ones after every rollback.
    pub fn block(&self, block: usize, rollbacks: u64) -> Block {
        let (count, side) = self.config.crops(block);
        let rng = |index: usize, place: usize, role: Role| {
            let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed.wrapping_add(rollbacks << 32));
            let stream = (block * self.config.reuse + index) * self.config.batch + place;
            rng.set_stream((2 * stream + usize::from(role == Role::Style)) as u64);
            rng
        };
        let photo = |index: usize, place: usize| {
            let mut rng = rng(index, place, Role::Content);
            let picture = self.content.draw(&BTreeMap::new(), &mut rng);
            photo_crop(&picture, side as u32, &mut rng)
        };
        let sets = 0..self.config.sets(block);
        let one = |picture: &Picture, place: usize| {
            let mut crops = Crops::new([picture.width(), picture.height()], place);
            crops.push(picture);
            crops
        };
        let side = side as u32;
        // What a painting of the photo at a place is to be.
        let answer = |index: usize, place: usize| match (self.config.kind(block), &self.answers) {
            (Kind::Taught, Some(answers)) => {
                let [_, style_side] = self.config.style_sides;
                Some(answers.draw(side, style_side, &mut rng(index, place, Role::Content)))
            }
            (Kind::Paired, _) => {
                let photo = photo(index, place);
                // As large as the photo: marks are then as large, too.
                let seed = rng(index, place, Role::Style).random();
                let [style, painting] = procedural::random_pair(&photo, side, side, seed);
                Some(Answer { photo, style, painting })
            }
            _ => None,
        };
        let mut made = Block {
            contents: Vec::new(),
            styles: Vec::new(),
            answers: Vec::new(),
            sharp: self.config.kind(block) == Kind::Taught,
        };
        for index in sets {
            let mut photos = Crops::new([side; 2], 0);
            let mut paintings = Crops::new([side; 2], 0);
            let mut styles = Vec::new();
            for place in 0..count {
                match answer(index, place) {
                    Some(Answer { photo, style, painting }) => {
                        photos.push(&photo);
                        paintings.push(&painting);
                        styles.push(one(&style, place));
                    }
                    None => {
                        photos.push(&photo(index, place));
                        let style = self.style_crop(&mut rng(index, place, Role::Style));
                        styles.push(one(&style, place));
                    }
                }
            }
            made.contents.push(photos);
            made.styles.push(styles);
            made.answers.extend((paintings.count > 0).then_some(paintings));
        }
        made
    }

    /// Nearly all of a style picture, at one of the sizes that people's pictures are seen with.
    fn style_crop(&self, rng: &mut ChaCha8Rng) -> Picture {
        let picture = match rng.random_bool(self.config.procedural) {
            true => {
                let side = self.config.style_sides[1];
                Arc::new(procedural::random(side, side, rng.random()))
            }
            false => self.style.draw(&self.config.families, rng),
        };
        let sides = [picture.width(), picture.height()].map(f64::from);
        let [longer, shorter] = [sides[0].max(sides[1]), sides[0].min(sides[1])];
        let [smallest, largest] = self.config.style_sides;
        let long = f64::from(rng.random_range(smallest..=largest));
        let short = long / (longer / shorter).min(LONGEST);
        let whole = |side: f64| (side / f64::from(STYLE_STRIDE)).round().max(1.0) as u32;
        let [long, short] = [long, short].map(|side| whole(side) * STYLE_STRIDE);
        let to = if sides[0] > sides[1] { [long, short] } else { [short, long] };
        // The largest part of that shape, or nearly.
        let scale = (sides[0] / f64::from(to[0])).min(sides[1] / f64::from(to[1]));
        let scale = scale * rng.random_range(STYLE_SHARE..=1.0);
        let from = to.map(|side| (f64::from(side) * scale).max(1.0) as u32);
        cut(&picture, from, to, Role::Style, self.config.style_colours, rng)
    }
}

/// A square from a random place of a photo, at a random scale.
fn photo_crop(picture: &Picture, side: u32, rng: &mut ChaCha8Rng) -> Picture {
    let short = picture.width().min(picture.height());
    let largest = f64::from(short).min(LARGEST_CROP * f64::from(side));
    // Pictures smaller than the crop are enlarged a little.
    let smallest = f64::from(short.min(side));
    let source = (smallest * (largest / smallest).powf(rng.random::<f64>())).round() as u32;
    cut(picture, [source; 2], [side; 2], Role::Content, 1.0, rng)
}

/// A part of that size from a random place, brought to another size, perhaps mirrored, with changed
/// colours (see [`augment`]).
fn cut(
    picture: &Picture,
    from: [u32; 2],
    to: [u32; 2],
    role: Role,
    much: f64,
    rng: &mut ChaCha8Rng,
) -> Picture {
    let left = rng.random_range(0..=picture.width() - from[0]);
    let top = rng.random_range(0..=picture.height() - from[1]);
    let pixels = picture.pixels();
    let crop = crop_imm(&pixels, left, top, from[0], from[1]);
    let mut pixels = resize(&*crop, to[0], to[1], FilterType::Triangle);
    if rng.random_bool(0.5) {
        image::imageops::flip_horizontal_in_place(&mut pixels);
    }
    let mut rgb = pixels.into_raw();
    augment(&mut rgb, role, much, rng);
    Picture::new(to[0], to[1], rgb).expect("three values for every pixel")
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All so far, in order of their names.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lines.sort();
        lines
    }
}
