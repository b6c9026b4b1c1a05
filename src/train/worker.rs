//! A step's losses and gradients on one device.
//!
//! With several devices each has a share of the pictures; the sum of their gradients, which burn's
//! optimizers take, is that of all pictures (data parallelism, as burn's own
//! `MultiDeviceOptim::OptimMainDevice`, which knows one network and one optimizer).

use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::TrainError;
use super::checkpoint::State;
use super::config::TrainConfig;
use super::dataset::Crops;
use super::distillation::{Memory, Seen};
use super::loss_network::LossNetwork;
use super::losses::{self, Flatness};
use super::networks::Networks;
use crate::network::discriminator::Discriminator;
use crate::network::layers::Norms;
use crate::network::noise::Noise;
use crate::network::palette::Palette;
use crate::network::style::{StyleStatistics, fuse};
use crate::network::vgg::{Features, VggEncoder};

/// The losses of a step, by name, before they are weighted.
pub type Losses = BTreeMap<&'static str, f32>;

/// A device with a loss network of its own.
#[derive(Debug)]
pub struct Worker {
    pub device: Device,
    loss_network: LossNetwork,
    /// In which the networks compute; weights and losses are f32.
    precision: DType,
    /// Its part of the cores, where there are several workers.
    pool: Option<ThreadPool>,
}

/// Photos, and what the encoder or paintings of them are compared with.
#[derive(Debug)]
pub struct Photos {
    pub crops: Crops,
    /// `[count, 3, side, side]`, RGB in 0..1.
    pictures: Tensor<4>,
    goal: PhotoGoal,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum PhotoGoal {
    /// What the loss network sees, while the encoder learns it.
    Features(Features),
    /// Once it has learned.
    Painting {
        /// What the encoder sees.
        encoded: Features,
        target: losses::ContentTarget,
        answers: Option<losses::AnswerTarget>,
    },
}

/// Style pictures, each of a size of its own, and what paintings after them are compared with.
#[derive(Debug)]
pub struct Styles {
    palettes: Vec<Palette>,
    /// `[1, 3, height, width]`, RGB in 0..1.
    pictures: Vec<Tensor<4>>,
    goal: StyleGoal,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum StyleGoal {
    /// What the loss network sees in each, while the encoder learns it.
    Features(Vec<Features>),
    /// Once it has learned.
    Painting { statistics: StyleStatistics, target: losses::StyleTarget },
}

/// What a worker has found, of its share of the pictures.
#[derive(Debug)]
pub struct Found {
    pub losses: Losses,
    pub networks: GradientsParams,
    /// Once the adversarial loss has begun.
    pub discriminator: Option<GradientsParams>,
}

/// Pictures, what the full encoder sees in them, and how much they count, while the slim one learns it.
type ToLearn<'a> = (&'a Tensor<4>, &'a Features, f64);

/// Photos and styles count alike. Nothing once the encoder has learned.
fn to_learn<'a>(photos: &'a Photos, styles: &'a Styles) -> Option<Vec<ToLearn<'a>>> {
    let (PhotoGoal::Features(photo), StyleGoal::Features(all)) = (&photos.goal, &styles.goal)
    else {
        return None;
    };
    let each = 0.5 / all.len() as f64;
    let styles = styles.pictures.iter().zip(all).map(|(picture, full)| (picture, full, each));
    Some([(&photos.pictures, photo, 0.5)].into_iter().chain(styles).collect())
}

impl Worker {
    /// One for each device. `vgg` and `half` as for [`Trainer::new`](super::Trainer::new).
    ///
    /// # Errors
    /// Says what is wrong with the weights, or that threads could not be started.
    pub fn start(devices: &[Device], vgg: &[u8], half: bool) -> Result<Vec<Self>, TrainError> {
        let threads = (rayon::current_num_threads() / devices.len()).max(1);
        let pool = || {
            ThreadPoolBuilder::new()
                .num_threads(threads)
                .start_handler(move |_| take_cores(threads))
                .build()
                .map_err(|error| TrainError::Config(error.to_string()))
        };
        let worker = |device: &Device| {
            Ok(Self {
                device: device.clone(),
                loss_network: LossNetwork::load(vgg, half, device)?,
                precision: if half { DType::BF16 } else { DType::F32 },
                pool: (devices.len() > 1).then(pool).transpose()?,
            })
        };
        devices.iter().map(worker).collect()
    }

    /// Does a task on this worker's part of the cores.
    pub fn on_its_cores<R: Send>(&self, task: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(task),
            None => task(),
        }
    }

    fn tensor(&self, crops: &Crops) -> Tensor<4> {
        let [width, height] = crops.size;
        let data = TensorData::new(crops.values.clone(), [crops.count, 3, height, width]);
        Tensor::from_data(data, &self.device)
    }

    fn encode(&self, encoder: &VggEncoder, pictures: &Tensor<4>) -> Features {
        let frozen = encoder.clone().no_grad();
        frozen.forward(pictures.clone().cast(self.precision))
    }

    /// What the networks see in photos, the encoder if it has learned. Paintings are to have the contents
    /// of the right `answers` where there are some, and, if these are `sharp`, their marks where they are.
    pub fn see_photos(
        &self,
        crops: Crops,
        answers: Option<&Crops>,
        sharp: bool,
        encoder: Option<&VggEncoder>,
    ) -> Photos {
        let pictures = self.tensor(&crops);
        let answers = answers.map(|answers| self.tensor(answers));
        let full = self.loss_network.forward(answers.as_ref().unwrap_or(&pictures).clone());
        let goal = match encoder {
            None => PhotoGoal::Features(full),
            Some(encoder) => PhotoGoal::Painting {
                encoded: self.encode(encoder, &pictures),
                target: losses::ContentTarget::of(&full.clone().levels()),
                answers: answers.map(|answers| match sharp {
                    true => losses::AnswerTarget::sharp(answers, full.levels()),
                    false => losses::AnswerTarget::blurred(answers),
                }),
            },
        };
        Photos { crops, pictures, goal }
    }

    /// What the networks see in style pictures, the encoder if it has learned. Paintings are to have the
    /// style of the right `answers` where there are some. Directions of slices follow from `seed`.
    pub fn see_styles(
        &self,
        styles: &[Crops],
        answers: Option<&Crops>,
        encoder: Option<&VggEncoder>,
        seed: u64,
    ) -> Styles {
        let pictures: Vec<_> = styles.iter().map(|style| self.tensor(style)).collect();
        let palettes = styles.iter().flat_map(|style| style.palettes.clone()).collect();
        let Some(encoder) = encoder else {
            let features =
                pictures.iter().map(|picture| self.loss_network.forward(picture.clone()));
            let goal = StyleGoal::Features(features.collect());
            return Styles { palettes, pictures, goal };
        };
        let answers: Option<Vec<_>> = answers.map(|answers| {
            answers.split(answers.count).iter().map(|answer| self.tensor(answer)).collect()
        });
        let goals = answers.as_ref().unwrap_or(&pictures);
        let targets = goals.iter().zip(styles).map(|(picture, style)| {
            let levels = self.loss_network.all_levels(&self.loss_network.forward(picture.clone()));
            losses::StyleTarget::of(&levels, seed ^ ((style.first as u64) << 48))
        });
        let targets: Vec<_> = targets.collect();
        let rows =
            pictures.iter().map(|picture| StyleStatistics::of(&self.encode(encoder, picture)).0);
        let goal = StyleGoal::Painting {
            statistics: StyleStatistics(Tensor::cat(rows.collect(), 0)),
            target: losses::StyleTarget::joined(&targets.iter().collect::<Vec<_>>()),
        };
        Styles { palettes, pictures, goal }
    }

    /// Losses and gradients of both sides, on this worker's cores.
    ///
    /// `share`: how much these pictures are of all pictures of the step.
    pub fn gradients(
        &self,
        state: &State,
        config: &TrainConfig,
        step: usize,
        photos: &Photos,
        styles: &Styles,
        share: f64,
    ) -> Found {
        self.on_its_cores(|| self.gradients_here(state, config, step, photos, styles, share))
    }

    fn gradients_here(
        &self,
        state: &State,
        config: &TrainConfig,
        step: usize,
        photos: &Photos,
        styles: &Styles,
        share: f64,
    ) -> Found {
        // Leaves of a graph of this worker's own.
        let networks = match self.pool {
            Some(_) => state.networks.clone().fork(&self.device),
            None => state.networks.clone(),
        };
        if let Some(pictures) = to_learn(photos, styles) {
            return self.distil(state, &networks, &pictures, share);
        }
        let (encoded, content_target, answers, statistics, style_target) =
            match (&photos.goal, &styles.goal) {
                (
                    PhotoGoal::Painting { encoded, target: content, answers },
                    StyleGoal::Painting { statistics, target: style },
                ) => (encoded, content, answers, statistics, style),
                _ => unreachable!("both are seen with the encoder, or both without"),
            };
        let mut log = Losses::new();
        let weigh = &config.loss;
        let gradients =
            |loss: Tensor<1>| GradientsParams::from_grads((loss * share).backward(), &networks);
        let mut total = Tensor::zeros([1], &self.device);
        let mut add = |total: Tensor<1>, name, weight: f64, loss: Tensor<1>| {
            log.insert(name, scalar(&loss));
            total + loss * weight
        };

        let content = photos.pictures.clone();
        let [width, height] = photos.crops.size;
        let side = width;
        // Away from each other, so that no two photos have the same noise.
        let corners: Vec<_> =
            (0..photos.crops.count).map(|i| [((photos.crops.first + i) as u32) << 16, 0]).collect();
        let noise = Noise::new(&corners, width as u32, height as u32, step as u32, &self.device);
        let noise = Noise(noise.0.map(|plane| plane.cast(self.precision)));
        let painter = &networks.generator;
        let own = &photos.crops.palettes;
        let paint =
            |photo: &Tensor<4>, encoded: &Features, style: &StyleStatistics, wanted: &[Palette]| {
                let fused = fuse(encoded, style, &mut Norms::Own);
                let manner = painter.manner(style.clone());
                let palettes: Vec<_> =
                    own.iter().zip(wanted).map(|(&own, &wanted)| [own, wanted]).collect();
                painter.paint(
                    fused,
                    &manner,
                    noise.clone(),
                    &palettes,
                    photo.clone(),
                    1.0,
                    &mut Norms::Own,
                )
            };
        let painting = paint(&content, encoded, statistics, &styles.palettes);

        let seen = self.loss_network.forward(painting.clone());
        let seen = self.loss_network.all_levels(&seen);
        total = add(total, "content", weigh.content, losses::content(&seen, content_target));
        let style_losses = losses::style(&seen, style_target, &weigh.levels, step as u64);
        total = add(total, "style", weigh.style, style_losses.statistics);
        total = add(total, "gram", weigh.gram, style_losses.gram);
        total = add(total, "wasserstein", weigh.wasserstein, style_losses.wasserstein);
        if let Some(answers) = answers {
            let loss = losses::answer(&painting, &seen, answers);
            total = add(total, "answer", weigh.answer, loss);
        }
        let flat = Flatness::of(content.clone());
        if weigh.total_variation > 0.0 && answers.is_none() {
            let loss = losses::total_variation(painting.clone(), &flat);
            total = add(total, "total_variation", weigh.total_variation, loss);
        }
        if weigh.grid > 0.0 {
            let loss = losses::grid(painting.clone(), &flat);
            total = add(total, "grid", weigh.grid, loss);
        }
        if weigh.identity > 0.0 && step.is_multiple_of(weigh.identity_every) {
            let same = paint(&content, encoded, &StyleStatistics::of(encoded), own);
            let loss = losses::identity(same, content.clone());
            total = add(total, "identity", weigh.identity, loss);
        }
        if weigh.stability > 0.0 && step.is_multiple_of(weigh.stability_every) {
            let moved = losses::disturb(content, config.seed, step);
            let encoded = self.encode(&networks.encoder, &moved);
            let other = paint(&moved, &encoded, statistics, &styles.palettes);
            let loss = losses::stability(painting.clone(), other, step);
            total = add(total, "stability", weigh.stability, loss);
        }
        let adversarial = weigh.adversarial > 0.0
            && step >= config.distillation_steps + weigh.adversarial_from
            && step.is_multiple_of(weigh.adversarial_every);
        if !adversarial {
            return Found { losses: log, networks: gradients(total), discriminator: None };
        }
        let discriminator = match self.pool {
            Some(_) => state.discriminator.clone().fork(&self.device),
            None => state.discriminator.clone(),
        };
        let wanted = painter.standardized(statistics.clone());
        let judge = discriminator.clone().no_grad();
        let painting = painting.cast(self.precision);
        let loss = losses::cross_entropy(judge.logits(painting.clone(), wanted.clone()), 1.0);
        total = add(total, "adversarial", weigh.adversarial, loss);
        let networks = gradients(total);
        let discriminator = discriminator.refine();
        let fake = discriminator.logits(painting.detach(), wanted.clone());
        let real = discriminator.logits(self.parts(&styles.pictures, side, step), wanted);
        let judged = judge_gradients(&discriminator, config, real, fake, share, &mut log);
        Found { losses: log, networks, discriminator: Some(judged) }
    }

    /// Of each picture a square at a random place, of that side where all are as large.
    fn parts(&self, pictures: &[Tensor<4>], side: usize, step: usize) -> Tensor<4> {
        let sides = pictures.iter().flat_map(|picture| picture.dims()[2..].to_vec());
        let side = sides.chain([side]).min().unwrap_or(side);
        let mut rng = ChaCha8Rng::seed_from_u64(step as u64);
        let parts = pictures.iter().map(|picture| {
            let [.., height, width] = picture.dims();
            let [top, left] = [height, width].map(|length| rng.random_range(0..=length - side));
            picture.clone().narrow(2, top, side).narrow(3, left, side)
        });
        Tensor::cat(parts.collect(), 0).cast(self.precision)
    }

    /// While the encoder learns: what it sees in these pictures as it is, from which the maps follow that it
    /// is compared through.
    pub fn look(&self, state: &State, photos: &Photos, styles: &Styles) -> Option<Memory> {
        let pictures = to_learn(photos, styles)?;
        let encoder = state.networks.encoder.clone().no_grad();
        let mut peaks: Option<Vec<Tensor<1>>> = None;
        let seen = pictures.into_iter().map(|(pictures, full, weight)| {
            let (slim, found) = encoder.peaks(pictures.clone().cast(self.precision));
            peaks = Some(match peaks.take() {
                Some(peaks) => peaks.into_iter().zip(found).map(|(a, b)| a.max_pair(b)).collect(),
                None => found,
            });
            Seen { slim, full: full.clone(), weight }
        });
        let seen: Vec<_> = seen.collect();
        let peaks = peaks.into_iter().flatten();
        let peaks = peaks.map(|peaks| peaks.into_data().iter::<f32>().collect()).collect();
        Some(Memory::of(&seen, peaks))
    }

    /// The encoder learns what the loss network sees in pictures.
    fn distil(
        &self,
        state: &State,
        networks: &Networks,
        pictures: &[ToLearn<'_>],
        share: f64,
    ) -> Found {
        const NAMES: [&str; 4] =
            ["distillation_1", "distillation_2", "distillation_3", "distillation_4"];
        let seen = pictures.iter().map(|&(pictures, full, weight)| {
            let slim = networks.encoder.forward(pictures.clone().cast(self.precision));
            Seen { slim, full: full.clone(), weight }
        });
        let residuals = state.memory.residual_variances(&seen.collect::<Vec<_>>());
        let losses = NAMES.into_iter().zip(&residuals);
        let losses = losses.map(|(name, residual)| (name, scalar(residual))).collect();
        let total = residuals.into_iter().reduce(|sum, residual| sum + residual);
        let total = total.expect("there are four levels") * share;
        let networks = GradientsParams::from_grads(total.backward(), networks);
        Found { losses, networks, discriminator: None }
    }
}

/// libtorch computes with so many threads on this thread. It would take all cores on each, whose threads then wait for one
/// another without leaving their cores: half of a step's time, with two workers on two cores.
fn take_cores(threads: usize) {
    #[cfg(feature = "tch")]
    tch::set_num_threads(threads as i32);
    #[cfg(not(feature = "tch"))]
    let _ = threads;
}

/// The discriminator's side, of real and painted pictures.
fn judge_gradients(
    discriminator: &Discriminator,
    config: &TrainConfig,
    real: Tensor<4>,
    fake: Tensor<4>,
    share: f64,
    log: &mut Losses,
) -> GradientsParams {
    let probability = |logits: &Tensor<4>| {
        scalar(&burn::tensor::activation::sigmoid(logits.clone().detach()).mean())
    };
    log.insert("real_probability", probability(&real));
    log.insert("fake_probability", probability(&fake));
    let loss =
        losses::cross_entropy(fake, 0.0) + losses::cross_entropy(real, config.loss.real_label);
    log.insert("discriminator", scalar(&loss));
    GradientsParams::from_grads((loss * share).backward(), discriminator)
}

fn scalar(loss: &Tensor<1>) -> f32 {
    loss.clone().detach().into_scalar::<f32>()
}

/// What becomes of each part, of several each on a thread of its own.
pub fn at_once<T: Send, R: Send>(parts: Vec<T>, task: impl Fn(T) -> R + Sync) -> Vec<R> {
    if parts.len() < 2 {
        return parts.into_iter().map(task).collect();
    }
    std::thread::scope(|scope| {
        let task = &task;
        let threads: Vec<_> =
            parts.into_iter().map(|part| scope.spawn(move || task(part))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, R>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}
