//! A step's losses and gradients on one device.
//!
//! With several devices each has a share of the pictures; the sum of their gradients, which burn's
//! optimizers take, is that of all pictures (data parallelism, as burn's own
//! `MultiDeviceOptim::OptimMainDevice`, which knows one network and one optimizer).

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::TrainError;
use super::checkpoint::State;
use super::config::TrainConfig;
use super::dataset::Crops;
use super::loss_network::LossNetwork;
use super::losses::{self, Flatness};
use crate::discriminator::Discriminator;
use crate::layers::Norms;
use crate::palette::{ColourMap, recolour_photos};
use crate::style::{StyleStatistics, fuse};
use crate::vgg::Features;

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

/// Pictures of one kind, and what paintings of or after them are compared with.
#[derive(Debug)]
pub struct Targets {
    pub crops: Crops,
    /// `[count, 3, side, side]`, RGB in 0..1.
    pictures: Tensor<4>,
    features: Features,
    content: losses::ContentTarget,
    style: losses::StyleTarget,
}

/// What a worker has found, of its share of the pictures.
#[derive(Debug)]
pub struct Found {
    pub losses: Losses,
    pub networks: GradientsParams,
    /// Once the adversarial loss has begun.
    pub discriminator: Option<GradientsParams>,
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

    /// What the loss network sees in pictures.
    pub fn see(&self, crops: Crops) -> Targets {
        let shape = [crops.count, 3, crops.side, crops.side];
        let pictures =
            Tensor::from_data(TensorData::new(crops.values.clone(), shape), &self.device);
        let features = self.loss_network.forward(pictures.clone());
        let levels = self.loss_network.all_levels(&features);
        let (content, style) =
            (losses::ContentTarget::of(&levels), losses::StyleTarget::of(&levels));
        Targets { crops, pictures, features, content, style }
    }

    /// Losses and gradients of both sides, on this worker's cores.
    ///
    /// `share`: how much these pictures, content and style, are of all pictures of the step.
    pub fn gradients(
        &self,
        state: &State,
        config: &TrainConfig,
        step: usize,
        pictures: [&Arc<Targets>; 2],
        share: f64,
    ) -> Found {
        match &self.pool {
            Some(pool) => {
                pool.install(|| self.gradients_here(state, config, step, pictures, share))
            }
            None => self.gradients_here(state, config, step, pictures, share),
        }
    }

    fn gradients_here(
        &self,
        state: &State,
        config: &TrainConfig,
        step: usize,
        [content, style]: [&Arc<Targets>; 2],
        share: f64,
    ) -> Found {
        let count = content.crops.count;
        let maps = content.crops.maps_to(&style.crops);
        let mut log = Losses::new();
        let weigh = &config.loss;
        // Leaves of a graph of this worker's own.
        let networks = match self.pool {
            Some(_) => state.networks.clone().fork(&self.device),
            None => state.networks.clone(),
        };
        let gradients =
            |loss: Tensor<1>| GradientsParams::from_grads((loss * share).backward(), &networks);

        // Both kinds of pictures in one pass through the encoder.
        let both = Tensor::cat(vec![content.pictures.clone(), style.pictures.clone()], 0);
        let encoded = networks.encoder.forward(both.cast(self.precision));
        let distilling = step < config.distillation_steps;
        let mut total = Tensor::zeros([1], &self.device);
        let distils = weigh.distillation > 0.0 && step.is_multiple_of(weigh.distillation_every);
        if distilling || distils {
            let names = ["distillation_1", "distillation_2", "distillation_3", "distillation_4"];
            let target = joined(&content.features, &style.features);
            let residuals = networks.adapters.residual_variances(&encoded, &target);
            for (name, residual) in names.into_iter().zip(residuals) {
                log.insert(name, scalar(&residual));
                total = total + residual;
            }
        }
        if distilling {
            return Found { losses: log, networks: gradients(total), discriminator: None };
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
        let painter = &networks.generator;
        let painting = painter.paint(fused, recoloured, content.clone(), 1.0, &mut Norms::Own);
        let seen = self.loss_network.forward(painting.clone());

        let seen = self.loss_network.all_levels(&seen);
        total = add(total, "content", weigh.content, losses::content(&seen, content_target));
        let style_losses = losses::style(&seen, style_target, &weigh.levels);
        total = add(total, "style", weigh.style, style_losses.statistics);
        total = add(total, "gram", weigh.gram, style_losses.gram);
        let flat = Flatness::of(content.clone());
        if weigh.total_variation > 0.0 {
            let loss = losses::total_variation(painting.clone(), &flat);
            total = add(total, "total_variation", weigh.total_variation, loss);
        }
        if weigh.grid > 0.0 {
            let loss = losses::grid(painting.clone(), &flat);
            total = add(total, "grid", weigh.grid, loss);
        }
        if weigh.identity > 0.0 && step.is_multiple_of(weigh.identity_every) {
            let unchanged = vec![ColourMap::identity(); count];
            let recoloured = recolour_photos(content.clone(), &unchanged);
            let fused =
                fuse(&content_encoded, StyleStatistics::of(&content_encoded), &mut Norms::Own);
            let painting = painter.paint(fused, recoloured, content.clone(), 1.0, &mut Norms::Own);
            let loss = losses::identity(painting, content.clone());
            total = add(total, "identity", weigh.identity, loss);
        }
        if weigh.stability > 0.0 && step.is_multiple_of(weigh.stability_every) {
            let moved = losses::disturb(content, config.seed, step);
            let encoded = networks.encoder.forward(moved.clone().cast(self.precision));
            let recoloured = recolour_photos(moved.clone(), &maps);
            let fused = fuse(&encoded, other, &mut Norms::Own);
            let other = painter.paint(fused, recoloured, moved, 1.0, &mut Norms::Own);
            let loss = losses::stability(painting.clone(), other, step);
            total = add(total, "stability", weigh.stability, loss);
        }
        let adversarial =
            weigh.adversarial > 0.0 && step >= config.distillation_steps + weigh.adversarial_from;
        if !adversarial {
            return Found { losses: log, networks: gradients(total), discriminator: None };
        }
        let discriminator = match self.pool {
            Some(_) => state.discriminator.clone().fork(&self.device),
            None => state.discriminator.clone(),
        };
        let judge = discriminator.clone().no_grad();
        let loss = losses::cross_entropy(judge.logits(painting.clone()), 1.0);
        total = add(total, "adversarial", weigh.adversarial, loss);
        let networks = gradients(total);
        let fake = painting.detach();
        let judged =
            judge_gradients(&discriminator.refine(), config, [style, fake], share, &mut log);
        Found { losses: log, networks, discriminator: Some(judged) }
    }
}

/// The discriminator's side, of real and painted pictures.
fn judge_gradients(
    discriminator: &Discriminator,
    config: &TrainConfig,
    [real, fake]: [Tensor<4>; 2],
    share: f64,
    log: &mut Losses,
) -> GradientsParams {
    let (real, fake) = (discriminator.logits(real), discriminator.logits(fake));
    let probability = |logits: &Tensor<4>| {
        scalar(&burn::tensor::activation::sigmoid(logits.clone().detach()).mean())
    };
    log.insert("real_probability", probability(&real));
    log.insert("fake_probability", probability(&fake));
    let loss =
        losses::cross_entropy(real, config.loss.real_label) + losses::cross_entropy(fake, 0.0);
    log.insert("discriminator", scalar(&loss));
    GradientsParams::from_grads((loss * share).backward(), discriminator)
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
