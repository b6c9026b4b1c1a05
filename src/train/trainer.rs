//! The training loop: two networks against each other, with two optimizers.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::{Module, Param};
use burn::optim::MultiGradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::answers::Answers;
use super::blocks::Blocks;
use super::checkpoint::{self, Before, Progress, State};
use super::config::TrainConfig;
use super::dataset::{Dataset, Folder};
use super::distillation::{self, Memory};
use super::networks::{Networks, initialized};
use super::worker::{Losses, Photos, Styles, Worker, at_once};
use super::{TrainError, plot, sheet, whitening};
use crate::fit::{adam, move_average};
use crate::network::discriminator::Discriminator;
use crate::network::generator::Generator;
use crate::network::style::StyleStatistics;
use crate::picture::Picture;
use crate::stylizer::{STYLE_SIZE, Stylizer};
use crate::weights::{self, Metadata};

/// Photos and styles on a sample sheet, and the side of each picture.
const SHEET: (usize, usize, u32) = (5, 6, 256);
/// Styles over which the statistics of styles are standardized.
const STANDARDIZED: usize = 250;
/// Styles over which their statistics and codes are whitened.
const WHITENED: usize = 600;
/// Styles over which the encoder's features are brought to one size.
const EVENED_OUT: usize = 60;
/// Of their mean, the least deviation that a number is standardized by.
const LEAST_DEVIATION: f64 = 0.05;
/// Every Nth step of distillation, channels that have not fired since the last time start anew.
const REVIVED_EVERY: usize = 50;
/// Not in the last part of it, in which they could learn nothing any more.
const REVIVED_UNTIL: f64 = 0.75;
/// The file of the trained weights, in the run's folder.
const WEIGHTS: &str = "impasto.safetensors";
/// Consecutive steps with losses that are not finite before the run goes back to a checkpoint.
const MOST_BAD: usize = 10;
/// Going back to a checkpoint more often than this without getting past the bad step is giving up.
const MOST_ROLLBACKS: u64 = 3;

/// The columns of the CSV file, all of which may be empty in a row except for the first two.
const COLUMNS: [&str; 18] = [
    "content",
    "style",
    "gram",
    "wasserstein",
    "answer",
    "identity",
    "stability",
    "total_variation",
    "grid",
    "distillation_1",
    "distillation_2",
    "distillation_3",
    "distillation_4",
    "adversarial",
    "discriminator",
    "real_probability",
    "fake_probability",
    "learning_rate",
];

/// How a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In a folder without a run.
    New,
    /// Where the run in the folder has got to, under its own settings and with its own pictures.
    Resume,
    /// The same, under other settings or with other pictures.
    ResumeChanged,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// All steps are done. What storing the weights in 8 bits costs: the peak signal-to-noise
    /// ratio, in dB, of paintings with the stored weights against paintings with the trained ones.
    Finished {
        /// In dB.
        psnr: f64,
    },
    /// It was asked to stop; a checkpoint has been written.
    Interrupted,
}

/// A training run.
pub struct Trainer {
    config: TrainConfig,
    dataset: Arc<Dataset>,
    /// Of the two folders, and of the answers where there are some.
    pictures: Vec<String>,
    folder: PathBuf,
    device: Device,
    workers: Vec<Worker>,
    state: State,
    step: usize,
    seconds: f64,
    rollbacks: u64,
    before: Before,
}

impl Trainer {
    /// A new run in `folder`, or the one that is there.
    ///
    /// `vgg` is the content of `models/vgg19.safetensors`; `half` computes in bf16, with
    /// weights and losses in f32. Each step's pictures are shared among the `devices`, of which
    /// there is at least one; the weights are on the first. A CPU may be several.
    ///
    /// # Errors
    /// When a file cannot be read, there is a run in `folder` and a new one is asked for, or none where one
    /// is to be resumed, or it was begun under other settings or with other pictures.
    pub fn new(
        config: TrainConfig,
        dataset: Dataset,
        folder: &Path,
        vgg: &[u8],
        half: bool,
        devices: &[Device],
        start: Start,
    ) -> Result<Self, TrainError> {
        config.check()?;
        if !(1..=config.batch).contains(&devices.len()) {
            let reason = format!("a batch of {} for {} devices", config.batch, devices.len());
            return Err(TrainError::Config(reason));
        }
        let newest = checkpoint::newest(folder);
        let folders = [&dataset.content, &dataset.style].map(Folder::fingerprint);
        let answers = dataset.answers.as_ref().map(Answers::fingerprint);
        let pictures: Vec<_> = folders.into_iter().chain(answers).collect();
        match (&newest, start) {
            (Some(newest), Start::New) => {
                let reason = "there is a run already: go on with --resume, or choose another --out";
                return Err(TrainError::file(newest, reason));
            }
            (None, Start::Resume | Start::ResumeChanged) => {
                let reason = "there is no checkpoint to resume from";
                return Err(TrainError::file(folder, reason));
            }
            (Some(newest), Start::Resume) => {
                let progress = checkpoint::progress(newest)?;
                let mut differences = progress.config.differences(&config);
                if !progress.pictures.is_empty() && progress.pictures != pictures {
                    differences.push("the pictures in the folders".into());
                }
                if !differences.is_empty() {
                    return Err(TrainError::Changed(differences.join("; ")));
                }
            }
            _ => {}
        }
        fs::create_dir_all(folder).map_err(|error| TrainError::file(folder, error))?;
        let settings = folder.join("config.toml");
        crate::files::write_whole(&settings, config.to_toml()?.as_bytes())
            .map_err(|error| TrainError::file(&settings, error))?;
        let devices: Vec<_> = devices.iter().map(|device| device.clone().autodiff()).collect();
        let device = devices[0].clone();
        device.seed(config.seed);
        let networks = Networks::new(&device);
        let state = State {
            average: networks.valid(),
            networks,
            discriminator: initialized(Discriminator::new(&device)),
            optimizer: adam(0.9, config.optimizer.clip),
            discriminator_optimizer: adam(0.5, config.optimizer.clip),
            memory: Memory::default(),
        };
        let mut trainer = Self {
            workers: Worker::start(&devices, vgg, half)?,
            config,
            dataset: Arc::new(dataset),
            pictures,
            folder: folder.into(),
            device,
            state,
            step: 0,
            seconds: 0.0,
            rollbacks: 0,
            before: Before::default(),
        };
        if let Some(newest) = newest {
            trainer.go_back_to(&newest)?;
        }
        Ok(trainer)
    }

    fn go_back_to(&mut self, path: &Path) -> Result<(), TrainError> {
        // Loading replaces every value; these are only of the right shape.
        let fresh = State {
            networks: self.state.networks.clone(),
            average: self.state.average.clone(),
            discriminator: self.state.discriminator.clone(),
            optimizer: self.state.optimizer.clone(),
            discriminator_optimizer: self.state.discriminator_optimizer.clone(),
            memory: Memory::default(),
        };
        let (state, progress) = checkpoint::load(path, fresh)?;
        self.state = state;
        self.step = progress.step;
        self.seconds = progress.seconds;
        self.rollbacks = self.rollbacks.max(progress.rollbacks);
        self.before = progress.before;
        Ok(())
    }

    /// Starts from trained weights; names the tensors that these do not have, or have in another
    /// shape: they start as new ones. Only before the first step.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn start_from(&mut self, bytes: &[u8]) -> Result<Vec<String>, TrainError> {
        let (found, metadata) = weights::deserialize(bytes)?;
        let number = |key: &str| metadata.get(key)?.parse::<f64>().ok();
        self.before = Before {
            steps: number("steps").unwrap_or(0.0) as usize,
            seconds: number("training_hours").unwrap_or(0.0) * 3600.0,
        };
        let (networks, missing) = self.state.networks.clone().with(&found)?;
        self.state.networks = networks;
        self.state.average = self.state.networks.valid();
        Ok(missing)
    }

    /// Steps done so far.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Trains until all steps are done or `stop` is set. `report` is called after every step.
    ///
    /// Checkpoints, `losses.csv`, sample sheets and `impasto.safetensors` go to the run's folder.
    ///
    /// # Errors
    /// When the disk refuses, or the losses stop being finite and do not recover.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        mut report: impl FnMut(usize, &Losses),
    ) -> Result<Outcome, TrainError> {
        let mut table = self.open_table()?;
        let mut blocks =
            Blocks::start(&self.dataset, self.config.place(self.step).0, self.rollbacks);
        let mut since = Instant::now();
        let mut bad = 0;
        self.state.networks = self.state.networks.clone().training_only(&self.config.trained);
        if self.step == 0 && self.config.distillation_steps == 0 {
            if !self.is_standardized() {
                self.standardize();
            }
            self.whiten()?;
        }
        while self.step < self.config.steps {
            if stop.load(Ordering::Relaxed) {
                self.pause(&mut since)?;
                return Ok(Outcome::Interrupted);
            }
            let (block, content, style) = self.config.place(self.step);
            let block = blocks.get(block).ok_or_else(|| {
                TrainError::file(&self.folder, "a thread that prepares pictures died")
            })?;
            let encoder = &self.state.networks.encoder;
            let encoder = (self.step >= self.config.distillation_steps).then_some(encoder);
            let (photos, styles) = block.see([content, style], encoder, &self.workers);
            let losses = self.train_step(&photos, &styles);
            // Such a step has changed nothing.
            bad = if is_finite(&losses) { 0 } else { bad + 1 };
            if bad > MOST_BAD {
                bad = 0;
                self.roll_back()?;
                table = self.open_table()?;
                blocks =
                    Blocks::start(&self.dataset, self.config.place(self.step).0, self.rollbacks);
                continue;
            }
            self.step += 1;
            let revived = (self.config.distillation_steps as f64 * REVIVED_UNTIL) as usize;
            if self.step.is_multiple_of(REVIVED_EVERY) && self.step < revived {
                self.revive()?;
            }
            if self.step == self.config.distillation_steps {
                self.state.memory = Memory::default();
                self.standardize();
                self.whiten()?;
            }
            self.write_row(&mut table, self.seconds + since.elapsed().as_secs_f64(), &losses)?;
            report(self.step, &losses);
            if self.step.is_multiple_of(self.config.checkpoint_every)
                && let Err(error) = self.pause(&mut since)
            {
                // There may be room again at the next one; what has been learned is still here.
                eprintln!("no checkpoint at step {}: {error}", self.step);
            }
            let painting = self.step > self.config.distillation_steps;
            if painting && self.step.is_multiple_of(self.config.sheet_every) {
                self.write_sheet()?;
            }
        }
        self.pause(&mut since)?;
        self.write_sheet()?;
        Ok(Outcome::Finished { psnr: self.quantization_psnr()? })
    }

    /// Writes a checkpoint and the weights so far.
    fn pause(&mut self, since: &mut Instant) -> Result<(), TrainError> {
        self.seconds += since.elapsed().as_secs_f64();
        *since = Instant::now();
        let progress = Progress {
            step: self.step,
            seconds: self.seconds,
            rollbacks: self.rollbacks,
            before: self.before,
            pictures: self.pictures.clone(),
            config: self.config.clone(),
        };
        checkpoint::save(&self.folder, &self.state, &progress)?;
        let metadata = Metadata::from([
            ("network".into(), "stylizer".into()),
            ("steps".into(), (self.before.steps + self.step).to_string()),
            (
                "training_hours".into(),
                format!("{:.2}", (self.before.seconds + self.seconds) / 3600.0),
            ),
            ("licence".into(), "MIT OR Apache-2.0".into()),
            ("date".into(), today()),
        ]);
        let tensors = self.state.average.exported()?;
        // Those of each checkpoint stay, for `impasto average`.
        let kept = self.folder.join(format!("weights-{:07}.safetensors", self.step));
        for path in [kept, self.folder.join(WEIGHTS)] {
            weights::write(&path, &tensors, &metadata)?;
        }
        let table = self.folder.join("losses.csv");
        let text = fs::read_to_string(&table).map_err(|error| TrainError::file(&table, error))?;
        plot::write(&self.folder.join("losses.svg"), &text)
    }

    /// After a loss that is not finite: back to the last checkpoint, and on with other crops.
    fn roll_back(&mut self) -> Result<(), TrainError> {
        self.rollbacks += 1;
        let newest = checkpoint::newest(&self.folder);
        let Some(newest) = newest.filter(|_| self.rollbacks <= MOST_ROLLBACKS) else {
            return Err(TrainError::Diverged(self.step));
        };
        self.go_back_to(&newest)
    }

    /// Channels of the encoder that have not fired since the last time start anew.
    fn revive(&mut self) -> Result<(), TrainError> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(self.step as u64);
        let encoder = self.state.networks.encoder.clone();
        let peaks = self.state.memory.take_peaks();
        (self.state.networks.encoder, _) = distillation::revived(encoder, &peaks, &mut rng)?;
        Ok(())
    }

    /// The encoder has learned: from now on it stays as it is, but for the sizes of its features, and the statistics of
    /// styles that it gives are standardized over those of the style folder.
    fn standardize(&mut self) {
        self.state.average.encoder = self.state.networks.valid().encoder;
        self.even_out();
        let device = self.device.clone().without_autodiff();
        let rows = self.style_statistics(STANDARDIZED).0;
        let mean = rows.clone().mean_dim(0);
        let deviation = (rows - mean.clone()).square().mean_dim(0).sqrt();
        // What hardly differs between styles must not be blown up.
        let least = deviation.clone().mean_dim(1) * LEAST_DEVIATION;
        let scale = deviation.max_pair(least).recip();
        let [mean, scale] = [mean, scale].map(|x| x.squeeze_dim::<1>(0).into_data());
        let set = |generator: Generator, device: &Device| {
            let fixed = |data: &TensorData| {
                Param::from_tensor(Tensor::from_data(data.clone(), device)).set_require_grad(false)
            };
            Generator {
                statistics_mean: fixed(&mean),
                statistics_scale: fixed(&scale),
                ..generator
            }
        };
        let State { networks, average, .. } = &mut self.state;
        networks.generator = set(networks.generator.clone(), &self.device);
        average.generator = set(average.generator.clone(), &device);
    }

    /// What reads statistics and codes of styles learns in coordinates in which the styles of the folder differ evenly. Where only
    /// some tensors are trained, it is for one style.
    fn whiten(&mut self) -> Result<(), TrainError> {
        if !self.config.trained.is_empty() {
            return Ok(());
        }
        let styles = self.style_statistics(WHITENED);
        let seen = whitening::seen_in(&self.state.average.generator, styles);
        let mut tensors = self.state.networks.tensors();
        whitening::whiten(&mut tensors, &seen)?;
        self.state.networks = self.state.networks.clone().loaded(tensors)?;
        self.state.average = self.state.networks.valid();
        Ok(())
    }

    /// Of so many pictures of the style folder, with the averaged encoder.
    fn style_statistics(&self, count: usize) -> StyleStatistics {
        let engine = self.stylizer();
        let styles = self.dataset.style.sample(count).into_iter();
        let rows = styles.map(|style| engine.encode_style(&style.fit(STYLE_SIZE)).statistics.0);
        StyleStatistics(Tensor::cat(rows.collect(), 0))
    }

    /// Brings the features of each level to deviations of 1 on average. Distillation does not care how large they are, and
    /// they may be millions at relu4_1: what the first residual blocks add would be nothing beside them.
    fn even_out(&mut self) {
        let deviations = self.style_statistics(EVENED_OUT).deviations();
        let factors = deviations.map(|level| level.mean().into_scalar::<f32>().recip());
        let State { networks, average, .. } = &mut self.state;
        networks.encoder = networks.encoder.clone().scaled(factors);
        average.encoder = average.encoder.clone().scaled(factors);
    }

    fn is_standardized(&self) -> bool {
        let scale = self.state.average.generator.statistics_scale.val();
        (scale - 1.0).abs().max().into_scalar::<f32>() > 0.0
    }

    /// A step of both networks' sides, on all devices.
    fn train_step(&mut self, photos: &[Arc<Photos>], styles: &[Arc<Styles>]) -> Losses {
        let (step, config, state) = (self.step, &self.config, &mut self.state);
        let count: usize = photos.iter().map(|photos| photos.crops.count).sum();
        let share = |photos: &Photos| photos.crops.count as f64 / count as f64;
        let parts = photos.iter().zip(styles);
        let seen =
            self.workers.iter().zip(parts.clone()).filter_map(|(worker, (photos, styles))| {
                Some((worker.look(state, photos, styles)?, share(photos)))
            });
        let seen: Vec<_> = seen.collect();
        state.memory.add(&seen);
        let task = |worker: &Worker, (photos, styles): (&Arc<Photos>, &Arc<Styles>)| {
            let share = share(photos);
            (worker.gradients(state, config, step, photos, styles, share), share)
        };
        let found =
            at_once(self.workers.iter().zip(parts).collect(), |(worker, part)| task(worker, part));

        let mut log = Losses::from([("learning_rate", config.learning_rate(step) as f32)]);
        let (mut gradients, mut judged) =
            (MultiGradientsParams::default(), MultiGradientsParams::default());
        for (worker, (found, share)) in self.workers.iter().zip(found) {
            for (name, loss) in found.losses {
                *log.entry(name).or_default() += loss * share as f32;
            }
            gradients.grads.push((found.networks, worker.device.clone()));
            judged.grads.extend(found.discriminator.map(|found| (found, worker.device.clone())));
        }
        if !is_finite(&log) {
            return log;
        }
        let rate = config.learning_rate(step);
        let rates = state.networks.rates(rate, config.optimizer.style_share);
        state.networks = state.optimizer.step_multi(rates, state.networks.clone(), gradients);
        // The average catches up fast at first.
        let decay = config.average_decay.min((1.0 + step as f64) / (10.0 + step as f64));
        state.average = move_average(state.average.clone(), &state.networks.valid(), decay);
        // There is no loss in steps without a discriminator.
        let floor = config.optimizer.discriminator_floor;
        if log.get("discriminator").is_some_and(|&loss| loss >= floor) {
            let rate = config.optimizer.discriminator_learning_rate;
            let discriminator = state.discriminator.clone();
            state.discriminator =
                state.discriminator_optimizer.step_multi(rate, discriminator, judged);
        }
        log
    }

    /// A grid of fixed photos and styles, painted with the averaged weights.
    fn write_sheet(&self) -> Result<(), TrainError> {
        let (photos, styles) = self.samples();
        let path = self.folder.join(format!("sheet-{:07}.png", self.step));
        sheet::write(&path, &self.stylizer(), &photos, &styles, SHEET.2)
    }

    /// With the averaged weights.
    fn stylizer(&self) -> Stylizer {
        let average = &self.state.average;
        let device = self.device.clone().without_autodiff();
        Stylizer::new(average.encoder.clone(), average.generator.clone(), &device)
    }

    /// The photos and styles of the sample sheets.
    fn samples(&self) -> (Vec<Picture>, Vec<Picture>) {
        let sample = |folder: &Folder, count| {
            let pictures = folder.sample(count).into_iter();
            pictures.map(|picture| picture.fit(STYLE_SIZE)).collect()
        };
        (sample(&self.dataset.content, SHEET.0), sample(&self.dataset.style, SHEET.1))
    }

    /// Paintings with the weights in the run's folder against paintings with the averaged ones.
    fn quantization_psnr(&self) -> Result<f64, TrainError> {
        let path = self.folder.join(WEIGHTS);
        let bytes = fs::read(&path).map_err(|error| TrainError::file(&path, error))?;
        let device = self.device.clone().without_autodiff();
        let engines = [self.stylizer(), Stylizer::load(&bytes, &device)?];
        let (photos, styles) = self.samples();
        let (mut squares, mut count) = (0.0, 0);
        for (photo, style) in photos.iter().zip(&styles) {
            let paint = |engine: &Stylizer| {
                let (content, style) = (engine.encode_content(photo), engine.encode_style(style));
                pollster::block_on(engine.stylize(&content, &[(&style, 1.0)], 1.0))
                    .map_err(|error| TrainError::file(&path, error))
            };
            let (trained, stored) = (paint(&engines[0])?, paint(&engines[1])?);
            let differences = trained.rgb().iter().zip(stored.rgb()).map(|(&a, &b)| a.abs_diff(b));
            squares += differences.map(|d| f64::from(d).powi(2)).sum::<f64>();
            count += trained.rgb().len();
        }
        let mean = (squares / count.max(1) as f64).max(f64::MIN_POSITIVE);
        Ok(10.0 * (255f64.powi(2) / mean).log10())
    }

    /// The CSV file, cut back to the steps that are done, with its head.
    fn open_table(&self) -> Result<csv::Writer<File>, TrainError> {
        let path = self.folder.join("losses.csv");
        let fail = |error: &dyn std::fmt::Display| TrainError::file(&path, error);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let kept = table_until(&text, self.step).map_err(|error| fail(&error))?;
        crate::files::write_whole(&path, &kept).map_err(|error| fail(&error))?;
        let file = OpenOptions::new().append(true).open(&path).map_err(|error| fail(&error))?;
        Ok(csv::WriterBuilder::new().has_headers(false).from_writer(file))
    }

    fn write_row(
        &self,
        table: &mut csv::Writer<File>,
        seconds: f64,
        losses: &Losses,
    ) -> Result<(), TrainError> {
        let cells =
            COLUMNS.iter().map(|name| losses.get(name).map_or(String::new(), f32::to_string));
        let row = [self.step.to_string(), format!("{seconds:.1}")].into_iter().chain(cells);
        table
            .write_record(row)
            .and_then(|()| Ok(table.flush()?))
            .map_err(|error| TrainError::file(&self.folder.join("losses.csv"), error))
    }
}

fn is_finite(losses: &Losses) -> bool {
    losses.values().all(|loss| loss.is_finite())
}

/// The table in the text of a CSV file up to a step, with the columns of this version: a run may have
/// been begun by another.
fn table_until(text: &str, last: usize) -> csv::Result<Vec<u8>> {
    // The last row may be incomplete.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let found = reader.headers()?.clone();
    let columns = || ["step", "seconds"].into_iter().chain(COLUMNS);
    let places: Vec<_> = columns().map(|name| found.iter().position(|head| head == name)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns())?;
    for record in reader.records() {
        let record = record?;
        let cell = |place: &Option<usize>| place.and_then(|place| record.get(place)).unwrap_or("");
        let step = cell(&places[0]).parse();
        if record.len() == found.len() && step.is_ok_and(|step: usize| step <= last) {
            writer.write_record(places.iter().map(cell))?;
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The date as YYYY-MM-DD, UTC.
fn today() -> String {
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    now.chars().take_while(|&c| c != 'T').collect()
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::kernels::tests::STOCK;
    use crate::network::vgg::VggConfig;
    use crate::procedural;
    use crate::train::dataset::Folder;

    #[test]
    fn a_table_of_another_version_is_gone_on_with() {
        let text = "step,seconds,style,forgotten\n1,0.5,2.5,7\n2,1.0,2.25,7\n3,1.5,2.0,7\n2,1";
        let found = String::from_utf8(table_until(text, 2).unwrap()).unwrap();
        let style = 2 + COLUMNS.iter().position(|name| *name == "style").unwrap();
        let rows: Vec<Vec<&str>> = found.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), 3, "{found}");
        assert!(rows.iter().all(|row| row.len() == 2 + COLUMNS.len()), "{found}");
        assert_eq!(rows[0][2..], COLUMNS);
        for (row, cells) in rows[1..].iter().zip([["1", "0.5", "2.5"], ["2", "1.0", "2.25"]]) {
            assert_eq!([row[0], row[1], row[style]], cells);
            assert_eq!(row.iter().filter(|cell| !cell.is_empty()).count(), 3, "{found}");
        }
        // A new run's.
        assert_eq!(
            table_until("", 0).unwrap(),
            found.lines().next().unwrap().bytes().chain([b'\n']).collect::<Vec<_>>()
        );
    }

    /// How long a step takes with the kernels of this crate, and with burn's own convolutions: of
    /// each a period of identity and stability losses, by turns. Not a test: it prints.
    /// `cargo test --release --features train --lib speed_of_a_training_step -- --ignored --nocapture`
    #[test]
    #[ignore = "measures"]
    fn speed_of_a_training_step() {
        const PERIOD: usize = 12;
        let folder = tempfile::tempdir().unwrap();
        for index in 0..4 {
            let picture = procedural::random(300, 260, index).encode(crate::Format::Png).unwrap();
            fs::write(folder.path().join(format!("{index}.png")), picture).unwrap();
        }
        let open = || Folder::load(folder.path(), |_, _| {}, |_, _| {}).unwrap();
        let rounds = std::env::var("ROUNDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3);
        let config = TrainConfig {
            steps: (1 + 2 * rounds) * PERIOD,
            distillation_steps: 0,
            reuse: 1,
            large_every: 0,
            checkpoint_every: usize::MAX,
            sheet_every: usize::MAX,
            loss: super::super::config::LossConfig {
                adversarial_from: 0,
                adversarial_every: 1,
                ..Default::default()
            },
            ..Default::default()
        };
        let cpu = crate::device::cpu();
        let network = VggConfig::full().init(&cpu);
        let vgg = weights::serialize(&weights::tensors_of("", &network), &Metadata::new()).unwrap();
        let dataset = Dataset::new(open(), open(), None, &config).unwrap();
        let out = folder.path().join("out");
        let start = Start::New;
        let mut trainer = Trainer::new(config, dataset, &out, &vgg, false, &[cpu], start).unwrap();
        let mut since = Instant::now();
        let mut seconds = [Vec::new(), Vec::new()];
        trainer
            .run(&AtomicBool::new(false), |step, _| {
                if step.is_multiple_of(PERIOD) {
                    let took = since.elapsed().as_secs_f64() / PERIOD as f64;
                    // The first period warms up.
                    if step > PERIOD {
                        seconds[usize::from(STOCK.get())].push(took);
                    }
                    STOCK.set(step > PERIOD && !STOCK.get());
                    since = Instant::now();
                }
            })
            .unwrap();
        STOCK.set(false);
        println!("seconds a step: ours {:.3?}, burn flex {:.3?}", seconds[0], seconds[1]);
    }
}
