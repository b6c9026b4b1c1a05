//! The training loop: two networks against each other, with two optimizers.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::adapters::Adapters;
use super::checkpoint::{self, Progress, State};
use super::config::TrainConfig;
use super::dataset::{Block, Crops, Dataset, Loader};
use super::loss_network::LossNetwork;
use super::{TrainError, losses, plot, sheet};
use crate::discriminator::Discriminator;
use crate::generator::{Generator, finish};
use crate::layers::Norms;
use crate::palette::{ColourMap, recolour_photos};
use crate::picture::Picture;
use crate::style::{StyleStatistics, fuse};
use crate::stylizer::{STYLE_SIZE, Stylizer};
use crate::vgg::{Features, VggConfig, VggEncoder};
use crate::weights::{self, Metadata, NamedTensor};

/// Photos and styles on a sample sheet, and the side of each picture.
const SHEET: (usize, usize, u32) = (5, 6, 256);
/// The file of the trained weights, in the run's folder.
const WEIGHTS: &str = "impasto.safetensors";
/// Going back to a checkpoint more often than this without getting past the bad step is giving up.
const MOST_ROLLBACKS: u64 = 3;

/// What the generator's side trains.
#[derive(Module, Debug)]
pub struct Networks {
    pub encoder: VggEncoder,
    pub generator: Generator,
    pub adapters: Adapters,
}

impl Networks {
    fn new(device: &Device) -> Self {
        initialized(Self {
            encoder: VggConfig::slim().init(device),
            generator: Generator::new(device),
            adapters: Adapters::new(device),
        })
    }

    /// The tensors of the weights file.
    fn exported(&self) -> Vec<NamedTensor> {
        let mut tensors = weights::tensors_of("encoder", &self.encoder);
        tensors.extend(weights::tensors_of("generator", &self.generator));
        tensors
    }
}

/// The losses of a step, by name, before they are weighted.
pub type Losses = BTreeMap<&'static str, f32>;

/// The columns of the CSV file, all of which may be empty in a row except for the first two.
const COLUMNS: [&str; 15] = [
    "content",
    "style",
    "gram",
    "identity",
    "stability",
    "total_variation",
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

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// All steps are done. What storing the weights in 8 bits costs: the peak signal-to-noise
    /// ratio, in dB, of paintings with the stored weights against paintings with the trained ones.
    Finished { psnr: f64 },
    /// It was asked to stop; a checkpoint has been written.
    Interrupted,
}

/// A training run.
pub struct Trainer {
    config: TrainConfig,
    dataset: Arc<Dataset>,
    folder: PathBuf,
    device: Device,
    loss_network: LossNetwork,
    /// In which the networks compute; weights and losses are f32.
    precision: DType,
    state: State,
    step: usize,
    seconds: f64,
    rollbacks: u64,
}

impl Trainer {
    /// A new run in `folder`, or with `resume` the one that is there, under the settings given.
    ///
    /// `vgg` is the content of `models/vgg19.safetensors`; `half` computes in bf16, with
    /// weights and losses in f32.
    ///
    /// # Errors
    /// When a file cannot be read, or there is a run in `folder` and `resume` is false.
    pub fn new(
        config: TrainConfig,
        dataset: Dataset,
        folder: &Path,
        vgg: &[u8],
        half: bool,
        device: &Device,
        resume: bool,
    ) -> Result<Self, TrainError> {
        config.check()?;
        let newest = checkpoint::newest(folder);
        if let Some(newest) = newest.as_ref().filter(|_| !resume) {
            let reason = "there is a run already: go on with --resume, or choose another --out";
            return Err(TrainError::file(newest, reason));
        }
        fs::create_dir_all(folder).map_err(|error| TrainError::file(folder, error))?;
        let settings = folder.join("config.toml");
        crate::files::write_whole(&settings, config.to_toml()?.as_bytes())
            .map_err(|error| TrainError::file(&settings, error))?;
        let device = device.clone().autodiff();
        device.seed(config.seed);
        let networks = Networks::new(&device);
        let clipping = GradientClippingConfig::Norm(config.optimizer.clip);
        let adam = |beta_1: f32| {
            AdamConfig::new()
                .with_beta_1(beta_1)
                .with_beta_2(0.99)
                .with_grad_clipping(Some(clipping.clone()))
                .init()
        };
        let state = State {
            average: networks.valid(),
            networks,
            discriminator: initialized(Discriminator::new(&device)),
            optimizer: adam(0.9),
            discriminator_optimizer: adam(0.5),
        };
        let mut trainer = Self {
            loss_network: LossNetwork::load(vgg, half, &device)?,
            precision: if half { DType::BF16 } else { DType::F32 },
            config,
            dataset: Arc::new(dataset),
            folder: folder.into(),
            device,
            state,
            step: 0,
            seconds: 0.0,
            rollbacks: 0,
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
        };
        let (state, progress) = checkpoint::load(path, fresh)?;
        self.state = state;
        self.step = progress.step;
        self.seconds = progress.seconds;
        self.rollbacks = self.rollbacks.max(progress.rollbacks);
        Ok(())
    }

    /// Starts from trained weights; names the tensors that these do not have, or have in another
    /// shape: they start as new ones. Only before the first step.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn start_from(&mut self, bytes: &[u8]) -> Result<Vec<String>, TrainError> {
        let (found, _) = weights::deserialize(bytes)?;
        let mut missing = Vec::new();
        let mut tensors = self.state.networks.exported();
        for tensor in &mut tensors {
            let fits =
                |other: &&NamedTensor| other.name == tensor.name && other.shape == tensor.shape;
            match found.iter().find(fits) {
                Some(other) => tensor.values.clone_from(&other.values),
                None => missing.push(tensor.name.clone()),
            }
        }
        let Networks { encoder, generator, adapters } = self.state.networks.clone();
        let encoder = weights::load("encoder", encoder, &mut tensors)?;
        let generator = weights::load("generator", generator, &mut tensors)?;
        self.state.networks = Networks { encoder, generator, adapters };
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
        while self.step < self.config.steps {
            if stop.load(Ordering::Relaxed) {
                self.pause(&mut since)?;
                return Ok(Outcome::Interrupted);
            }
            let (block, content, style) = self.config.place(self.step);
            let block = blocks.get(block).ok_or_else(|| {
                TrainError::file(&self.folder, "a thread that prepares pictures died")
            })?;
            let content = block.targets(Kind::Content, content, &self.loss_network, &self.device);
            let style = block.targets(Kind::Style, style, &self.loss_network, &self.device);
            let losses = self.train_step(&content, &style);
            if losses.values().any(|loss| !loss.is_finite()) {
                self.roll_back()?;
                table = self.open_table()?;
                blocks =
                    Blocks::start(&self.dataset, self.config.place(self.step).0, self.rollbacks);
                continue;
            }
            self.step += 1;
            self.write_row(&mut table, self.seconds + since.elapsed().as_secs_f64(), &losses)?;
            report(self.step, &losses);
            if self.step.is_multiple_of(self.config.checkpoint_every) {
                self.pause(&mut since)?;
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
            config: self.config.clone(),
        };
        checkpoint::save(&self.folder, &self.state, &progress)?;
        let metadata = Metadata::from([
            ("network".into(), "stylizer".into()),
            ("steps".into(), self.step.to_string()),
            ("training_hours".into(), format!("{:.2}", self.seconds / 3600.0)),
            ("licence".into(), "MIT OR Apache-2.0".into()),
            ("date".into(), today()),
        ]);
        weights::write(&self.folder.join(WEIGHTS), &self.state.average.exported(), &metadata)?;
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

    fn train_step(&mut self, content: &Targets, style: &Targets) -> Losses {
        let count = content.crops.count;
        let maps = content.crops.maps_to(&style.crops);
        let mut log =
            Losses::from([("learning_rate", self.config.learning_rate(self.step) as f32)]);
        let weigh = self.config.loss.clone();
        let step = self.step;

        // Both kinds of pictures in one pass through the encoder.
        let both = Tensor::cat(vec![content.pictures.clone(), style.pictures.clone()], 0);
        let encoded = self.state.networks.encoder.forward(both.cast(self.precision));
        let distilling = step < self.config.distillation_steps;
        let mut total = Tensor::zeros([1], &self.device);
        let distils = weigh.distillation > 0.0 && step.is_multiple_of(weigh.distillation_every);
        if distilling || distils {
            let names = ["distillation_1", "distillation_2", "distillation_3", "distillation_4"];
            let target = joined(&content.features, &style.features);
            let residuals = self.state.networks.adapters.residual_variances(&encoded, &target);
            for (name, residual) in names.into_iter().zip(residuals) {
                log.insert(name, scalar(&residual));
                total = total + residual;
            }
        }
        if distilling {
            self.update_networks(total);
            return log;
        }
        total = total * weigh.distillation;
        let mut add = |total: Tensor<1>, name, weight: f64, loss: Tensor<1>| {
            log.insert(name, scalar(&loss));
            total + loss * weight
        };

        let (content_target, style_target) = (&content.content, &style.style);
        let (style, content) = (style.pictures.clone(), content.pictures.clone());
        let (content_encoded, style_encoded) = split(&encoded, count);
        let recoloured = recolour_photos(content.clone(), &maps);
        let other = StyleStatistics::of(&style_encoded);
        let fused = fuse(&content_encoded, other.clone(), &mut Norms::Own);
        let logits = self.state.networks.generator.forward(fused, recoloured, &mut Norms::Own);
        let painting = finish(logits, content.clone(), 1.0);
        let seen = self.loss_network.forward(painting.clone());

        let seen = self.loss_network.all_levels(&seen);
        total = add(total, "content", weigh.content, losses::content(&seen, content_target));
        let style_losses = losses::style(&seen, style_target, &weigh.levels);
        total = add(total, "style", weigh.style, style_losses.statistics);
        total = add(total, "gram", weigh.gram, style_losses.gram);
        if weigh.total_variation > 0.0 {
            let loss = losses::total_variation(painting.clone());
            total = add(total, "total_variation", weigh.total_variation, loss);
        }
        if weigh.identity > 0.0 && step.is_multiple_of(weigh.identity_every) {
            let unchanged = vec![ColourMap::identity(); count];
            let recoloured = recolour_photos(content.clone(), &unchanged);
            let fused =
                fuse(&content_encoded, StyleStatistics::of(&content_encoded), &mut Norms::Own);
            let logits = self.state.networks.generator.forward(fused, recoloured, &mut Norms::Own);
            let painting = finish(logits, content.clone(), 1.0);
            let loss = losses::identity(painting, content.clone());
            total = add(total, "identity", weigh.identity, loss);
        }
        if weigh.stability > 0.0 && step.is_multiple_of(weigh.stability_every) {
            let moved = losses::disturb(content, self.config.seed, step);
            let encoded = self.state.networks.encoder.forward(moved.clone().cast(self.precision));
            let recoloured = recolour_photos(moved.clone(), &maps);
            let fused = fuse(&encoded, other, &mut Norms::Own);
            let logits = self.state.networks.generator.forward(fused, recoloured, &mut Norms::Own);
            let loss = losses::stability(painting.clone(), finish(logits, moved, 1.0), step);
            total = add(total, "stability", weigh.stability, loss);
        }
        let adversarial = weigh.adversarial > 0.0
            && step >= self.config.distillation_steps + weigh.adversarial_from;
        if adversarial {
            let judge = self.state.discriminator.clone().no_grad();
            let loss = losses::cross_entropy(judge.logits(painting.clone()), 1.0);
            total = add(total, "adversarial", weigh.adversarial, loss);
        }
        self.update_networks(total);
        if adversarial {
            self.train_discriminator(style, painting.detach(), &mut log);
        }
        log
    }

    fn update_networks(&mut self, loss: Tensor<1>) {
        let rate = self.config.learning_rate(self.step);
        let state = &mut self.state;
        let gradients = GradientsParams::from_grads(loss.backward(), &state.networks);
        state.networks = state.optimizer.step(rate, state.networks.clone(), gradients);
        // The average catches up fast at first.
        let decay =
            self.config.average_decay.min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        state.average = move_average(state.average.clone(), &state.networks.valid(), decay);
    }

    fn train_discriminator(&mut self, real: Tensor<4>, fake: Tensor<4>, log: &mut Losses) {
        let state = &mut self.state;
        state.discriminator = state.discriminator.clone().refine();
        let real = state.discriminator.logits(real);
        let fake = state.discriminator.logits(fake);
        let probability = |logits: &Tensor<4>| {
            scalar(&burn::tensor::activation::sigmoid(logits.clone().detach()).mean())
        };
        log.insert("real_probability", probability(&real));
        log.insert("fake_probability", probability(&fake));
        let loss = losses::cross_entropy(real, self.config.loss.real_label)
            + losses::cross_entropy(fake, 0.0);
        log.insert("discriminator", scalar(&loss));
        let gradients = GradientsParams::from_grads(loss.backward(), &state.discriminator);
        let rate = self.config.optimizer.discriminator_learning_rate;
        state.discriminator =
            state.discriminator_optimizer.step(rate, state.discriminator.clone(), gradients);
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
        let photos = self.dataset.content.sample(SHEET.0).cloned().collect();
        let styles = self.dataset.style.sample(SHEET.1).map(|style| style.fit(STYLE_SIZE));
        (photos, styles.collect())
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
        let head = format!("step,seconds,{}", COLUMNS.join(","));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let kept = text.lines().skip(1).filter(|line| {
            let step = line.split(',').next().and_then(|step| step.parse::<usize>().ok());
            step.is_some_and(|step| step <= self.step)
        });
        let text: String =
            std::iter::once(head.as_str()).chain(kept).flat_map(|line| [line, "\n"]).collect();
        crate::files::write_whole(&path, text.as_bytes()).map_err(|error| fail(&error))?;
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

/// The block of the current step, and the loader of the next ones.
struct Blocks {
    loader: Loader,
    next: usize,
    current: Option<SeenBlock>,
}

/// A block, and what the loss network has seen of it.
struct SeenBlock {
    contents: Vec<Entry>,
    styles: Vec<Entry>,
}

/// Pictures before and after the loss network has seen them.
enum Entry {
    Waiting(Option<Crops>),
    Seen(Arc<Targets>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Content,
    Style,
}

/// Pictures of one kind, and what paintings of or after them are compared with.
struct Targets {
    crops: Crops,
    /// `[count, 3, side, side]`, RGB in 0..1.
    pictures: Tensor<4>,
    features: Features,
    content: losses::ContentTarget,
    style: losses::StyleTarget,
}

impl Blocks {
    fn start(dataset: &Arc<Dataset>, from: usize, rollbacks: u64) -> Self {
        Self { loader: Loader::start(dataset, from, rollbacks), next: from, current: None }
    }

    /// The block of that number, which is the last one or the next, or nothing if a thread died.
    fn get(&mut self, number: usize) -> Option<&mut SeenBlock> {
        if self.next == number {
            let Block { contents, styles } = self.loader.next_block()?;
            let waiting = |crops: Vec<Crops>| {
                crops.into_iter().map(|crops| Entry::Waiting(Some(crops))).collect()
            };
            self.current = Some(SeenBlock { contents: waiting(contents), styles: waiting(styles) });
            self.next += 1;
        }
        self.current.as_mut()
    }
}

impl SeenBlock {
    fn targets(
        &mut self,
        kind: Kind,
        index: usize,
        network: &LossNetwork,
        device: &Device,
    ) -> Arc<Targets> {
        let entry = match kind {
            Kind::Content => &mut self.contents[index],
            Kind::Style => &mut self.styles[index],
        };
        let crops = match entry {
            Entry::Seen(targets) => return Arc::clone(targets),
            Entry::Waiting(crops) => crops.take().expect("taken once"),
        };
        let shape = [crops.count, 3, crops.side, crops.side];
        let pictures = Tensor::from_data(TensorData::new(crops.values.clone(), shape), device);
        let features = network.forward(pictures.clone());
        let levels = network.all_levels(&features);
        let (content, style) =
            (losses::ContentTarget::of(&levels), losses::StyleTarget::of(&levels));
        let targets = Arc::new(Targets { crops, pictures, features, content, style });
        *entry = Entry::Seen(Arc::clone(&targets));
        targets
    }
}

/// The pictures of both.
fn joined(a: &Features, b: &Features) -> Features {
    let join = |a: &Tensor<4>, b: &Tensor<4>| Tensor::cat(vec![a.clone(), b.clone()], 0);
    Features {
        relu1_1: join(&a.relu1_1, &b.relu1_1),
        relu2_1: join(&a.relu2_1, &b.relu2_1),
        relu3_1: join(&a.relu3_1, &b.relu3_1),
        relu4_1: join(&a.relu4_1, &b.relu4_1),
    }
}

/// The first and the second `count` pictures.
fn split(features: &Features, count: usize) -> (Features, Features) {
    let part = |from: usize| Features {
        relu1_1: features.relu1_1.clone().narrow(0, from, count),
        relu2_1: features.relu2_1.clone().narrow(0, from, count),
        relu3_1: features.relu3_1.clone().narrow(0, from, count),
        relu4_1: features.relu4_1.clone().narrow(0, from, count),
    };
    (part(0), part(count))
}

fn scalar(loss: &Tensor<1>) -> f32 {
    loss.clone().detach().into_scalar::<f32>()
}

/// The module with every parameter's first value drawn. burn draws it at the first use, and until
/// then clones share it: freezing a clone would freeze the original.
fn initialized<M: Module>(module: M) -> M {
    struct Draw;
    impl ModuleVisitor for Draw {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            param.val();
        }
    }
    module.visit(&mut Draw);
    module
}

/// `decay * average + (1 - decay) * current`, tensor by tensor.
fn move_average(average: Networks, current: &Networks, decay: f64) -> Networks {
    #[derive(Default)]
    struct Values(HashMap<ParamId, Tensor<1>>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let length = value.dims().iter().product::<usize>();
            self.0.insert(param.id, value.reshape([length]));
        }
    }
    struct Mixer(HashMap<ParamId, Tensor<1>>, f64);
    impl ModuleMapper for Mixer {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match self.0.remove(&param.id) {
                Some(new) => param.map(|old| {
                    let new = new.reshape(old.dims());
                    old * self.1 + new * (1.0 - self.1)
                }),
                None => param,
            }
        }
    }
    let mut values = Values::default();
    current.visit(&mut values);
    average.map(&mut Mixer(values.0, decay))
}

/// The date as YYYY-MM-DD, UTC.
fn today() -> String {
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    now.chars().take_while(|&c| c != 'T').collect()
}
