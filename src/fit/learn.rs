//! A style that the networks learn in some hundred steps: the part of the generator that [tuned styles](crate::tuned)
//! have of their own, fitted to that style on parts of a few photos.
//!
//! What a painting lacks is found as refining finds it, pixel by pixel; from there on back through the generator gradients are burn's.

use std::collections::HashMap;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use super::chain::Chain;
use super::goal::{self, Goal, Losses, Weights};
use super::refine::{inside, unevenness};
use crate::network::generator::Generator;
use crate::network::layers::Norms;
use crate::network::noise::Noise;
use crate::network::palette::Palette;
use crate::network::style::{StyleStatistics, fuse};
use crate::network::vgg::{Features, VggConfig, VggEncoder};
use crate::picture::{Picture, Rect};
use crate::tuned::{PARTS, TunedError, Tuning, is_tuned};
use crate::weights::{self, Metadata, WeightsError};

/// Side of the parts of photos, in pixels.
const SIDE: u32 = 192;
/// Long side of a photo that is worth practising on: of a larger one only small things would be seen.
pub const LARGEST_PHOTO: u32 = 640;
/// Of the first step, about.
const RATE: f64 = 3e-3;
/// What is left of that at the end.
const FINAL_SHARE: f64 = 0.05;
/// Steps in which the rate rises to its full height.
const WARM_UP: f64 = 20.0;
/// Of the running average of what is learned.
const DECAY: f64 = 0.98;
/// Largest norm of each tensor's gradient.
const CLIP: f32 = 1.0;
/// How much each loss counts.
const WEIGHTS: Weights = Weights { content: 1.5, statistics: 1.0, gram: 4.0 };

/// Why a style cannot be learned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// There is nothing to practise on.
    #[error("at least one photo is needed to practise on")]
    NoPhotos,
    /// Wrong weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// What was learned before belongs to other weights.
    #[error(transparent)]
    Tuned(#[from] TunedError),
    /// The device failed, most often for want of memory.
    #[error("the device could not learn the style: {0}")]
    Device(String),
    /// There were values that are not numbers.
    #[error("what was learned is not finite; learn it again with other photos")]
    NotFinite,
}

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnOptions {
    /// Steps in all.
    pub steps: usize,
    /// Parts of photos that are painted in each.
    pub parts: usize,
}

impl Default for LearnOptions {
    fn default() -> Self {
        Self { steps: 200, parts: 2 }
    }
}

/// A style that is being learned.
pub struct Learning {
    chain: Chain,
    encoder: VggEncoder,
    generator: Generator,
    /// The running average of what is learned: that is what is kept.
    average: Generator,
    optimizer: ModuleOptimizer,
    photos: Vec<Picture>,
    style: Style,
    /// What the weights file that it began with says of itself.
    base: Metadata,
    device: Device,
    options: LearnOptions,
    weights: Weights,
    step: usize,
}

/// What was learned at some step, still on the device.
#[derive(Debug, Clone)]
pub struct Learned {
    generator: Generator,
    base: Metadata,
}

/// What is known of the style before the first step.
#[derive(Debug)]
struct Style {
    statistics: StyleStatistics,
    palette: Palette,
    goal: goal::Styles,
}

impl Learning {
    /// From the bytes of a weights file and, if there is something, from what has been learned of the style `before`. `style`:
    /// as [`encode_style`](crate::Stylizer::encode_style) takes it, since strokes are learned as large as they are there. Of photos, parts
    /// are painted: a long side of [`LARGEST_PHOTO`] is enough.
    ///
    /// # Errors
    /// [`LearnError::NoPhotos`], [`LearnError::Weights`], and [`LearnError::Tuned`] where what was learned before was learned
    /// from other weights.
    pub fn new(
        weights: &[u8],
        before: Option<&Tuning>,
        style: &Picture,
        photos: Vec<Picture>,
        chain: &Chain,
        options: LearnOptions,
        device: &Device,
    ) -> Result<Self, LearnError> {
        if photos.is_empty() {
            return Err(LearnError::NoPhotos);
        }
        let (mut tensors, base) = weights::deserialize(weights)?;
        if let Some(before) = before {
            before.replace_in(&mut tensors, &weights::checksum_of(&base))?;
        }
        let encoder = VggConfig::slim().init(device);
        let encoder = weights::load("encoder", encoder, &mut tensors)?.no_grad();
        let learning = device.clone().autodiff();
        let generator = weights::load("generator", Generator::new(&learning), &mut tensors)?;
        weights::expect_empty(&tensors)?;
        let generator = learning_only(generator, PARTS.map(str::to_owned).to_vec());
        let even = style.resized(inside(style.width()), inside(style.height())).to_tensor(device);
        let style = Style {
            statistics: StyleStatistics::of(&encoder.forward(even.clone())),
            palette: Palette::of(style),
            goal: goal::Styles::of(vec![(vec![(chain.forward(even), 1.0)], None)]),
        };
        Ok(Self {
            chain: chain.clone(),
            encoder,
            average: generator.valid(),
            generator,
            optimizer: adam(0.9, CLIP),
            photos,
            style,
            base,
            device: device.clone(),
            options,
            weights: WEIGHTS,
            step: 0,
        })
    }

    /// Steps done, and in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.step, self.options.steps)
    }

    /// One step. Says how far the paintings were from their goal before it, or nothing when all are done.
    pub fn step(&mut self) -> Option<Losses> {
        if self.step >= self.options.steps {
            return None;
        }
        let mut all: Option<(Losses, Tensor<1>)> = None;
        for index in 0..self.options.parts {
            let (losses, towards) = self.paint(self.step * self.options.parts + index);
            all = Some(match all {
                None => (losses, towards),
                Some((sum, along)) => (sum.plus(losses), along + towards),
            });
        }
        let (losses, towards) = all?;
        let share = 1.0 / self.options.parts as f64;
        let gradients = (towards * share).backward();
        let gradients = GradientsParams::from_grads(gradients, &self.generator);
        let step = self.step as f64;
        let progress = step / self.options.steps as f64;
        let rate =
            RATE * (1.0 - (1.0 - FINAL_SHARE) * progress) * ((step + 1.0) / WARM_UP).min(1.0);
        self.generator = self.optimizer.step(rate, self.generator.clone(), gradients);
        // The average catches up fast at first.
        let decay = DECAY.min((1.0 + step) / (10.0 + step));
        self.average = move_average(self.average.clone(), &self.generator.valid(), decay);
        self.step += 1;
        Some(losses.times(share))
    }

    /// Paints a part of a photo: how far the painting is from its goal, and a number that changes with it as that does.
    fn paint(&self, number: usize) -> (Losses, Tensor<1>) {
        let part = part_of(&self.photos[number % self.photos.len()], number);
        let photo = part.to_tensor(&self.device);
        let Style { statistics, palette, goal } = &self.style;
        let goal = Goal::of(&self.chain.forward(photo.clone()), goal.clone());
        let Features { relu1_1, relu2_1, relu3_1, relu4_1 } = self.encoder.forward(photo.clone());
        let lifted = Tensor::from_inner;
        let encoded = Features {
            relu1_1: lifted(relu1_1),
            relu2_1: lifted(relu2_1),
            relu3_1: lifted(relu3_1),
            relu4_1: lifted(relu4_1),
        };
        let statistics = StyleStatistics(Tensor::from_inner(statistics.0.clone()));
        let fused = fuse(&encoded, &statistics, &mut Norms::Own);
        let manner = self.generator.manner(statistics);
        let device = self.device.clone().autodiff();
        let noise = Noise::new(&[[0, 0]], SIDE, SIDE, number as u32, &device);
        let painting = self.generator.paint(
            fused,
            &manner,
            noise,
            &[[Palette::of(&part), *palette]],
            lifted(photo),
            1.0,
            &mut Norms::Own,
        );
        let picture = painting.clone().inner();
        let pass = self.chain.forward(picture.clone());
        let (losses, by_level) = goal.compare(&pass, &self.weights);
        let gradient = self.chain.backward(pass, by_level) + unevenness(&picture);
        (losses, (painting * lifted(gradient)).sum())
    }

    /// What has been learned so far.
    pub fn learned(&self) -> Learned {
        Learned { generator: self.average.clone(), base: self.base.clone() }
    }
}

impl Learned {
    /// What a file of it has. `about`: name, author, licence and the like.
    ///
    /// # Errors
    /// [`LearnError::Device`] where it cannot be read back, [`LearnError::NotFinite`].
    pub async fn tuning(self, about: Metadata) -> Result<Tuning, LearnError> {
        let tensors = weights::read("generator", &self.generator, is_tuned).await;
        let tensors = tensors.map_err(LearnError::Device)?;
        if tensors.iter().flat_map(|tensor| &tensor.values).any(|value| !value.is_finite()) {
            return Err(LearnError::NotFinite);
        }
        Ok(Tuning::new(tensors, about, &self.base))
    }
}

/// A square of the photo, of once to twice [`SIDE`] where it is that large, brought to it. Places and sizes are spread evenly over the
/// numbers (Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018).
fn part_of(photo: &Picture, number: usize) -> Picture {
    // Powers of the root of x⁴ = x + 1.
    let [x, y, size] = [0.819_172_513, 0.671_043_607, 0.549_700_478]
        .map(|share: f64| (share * (number + 1) as f64).fract());
    let least = photo.width().min(photo.height());
    let side = ((f64::from(SIDE) * (1.0 + size)) as u32).clamp(1, least);
    let at = |length: u32, share: f64| (f64::from(length - side) * share).round() as u32;
    let (left, top) = (at(photo.width(), x), at(photo.height(), y));
    photo.part(Rect { left, top, width: side, height: side }).resized(SIDE, SIDE)
}

/// The module, of which only tensors with one of these texts in their names learn.
pub fn learning_only<M: Module>(module: M, names: Vec<String>) -> M {
    let wanted = ParamGroup::from_any_predicates(names);
    module.set_require_grad_group(ParamGroup::all().exclude(wanted), false)
}

/// Adam, for gradients of at most that norm in each tensor.
pub fn adam(beta_1: f32, clip: f32) -> ModuleOptimizer {
    AdamConfig::new()
        .with_beta_1(beta_1)
        .with_beta_2(0.99)
        // Gradients in the deep layers are far below burn's own 1e-5.
        .with_epsilon(1e-8)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(clip)))
        .init()
}

/// `decay * average + (1 - decay) * current`, tensor by tensor.
pub fn move_average<M: Module>(average: M, current: &M, decay: f64) -> M {
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

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fit::NETWORK;
    use crate::procedural::{Family, paint};
    use crate::stylizer::Stylizer;

    fn begun(
        weights: &[u8],
        before: Option<&Tuning>,
        steps: usize,
    ) -> Result<Learning, LearnError> {
        let device = crate::device::cpu();
        let chain = Chain::load(NETWORK, &device).unwrap();
        let style = paint(Family::Woodcut, 96, 64, 3);
        let photos = [paint(Family::Agate, 200, 220, 1), paint(Family::Woodcut, 100, 300, 2)];
        let options = LearnOptions { steps, parts: 1 };
        Learning::new(weights, before, &style, photos.into(), &chain, options, &device)
    }

    fn tuning(learning: &Learning) -> Tuning {
        pollster::block_on(learning.learned().tuning(Metadata::new())).unwrap()
    }

    #[test]
    fn a_style_is_learned_step_by_step_and_further_from_there() {
        let mut learning = begun(crate::DEFAULT_WEIGHTS, None, 14).unwrap();
        let mut sums = Vec::new();
        while let Some(losses) = learning.step() {
            let [_, statistics, gram] = pollster::block_on(losses.numbers()).unwrap();
            sums.push(statistics + 4.0 * gram);
        }
        assert_eq!((sums.len(), learning.progress()), (14, (14, 14)));
        let mean = |some: &[f32]| some.iter().sum::<f32>() / some.len() as f32;
        assert!(mean(&sums[10..]) < 0.8 * mean(&sums[..4]), "{sums:?}");

        // What is kept is an average that goes on from there.
        let first = tuning(&learning);
        let again = begun(crate::DEFAULT_WEIGHTS, Some(&first), 1).unwrap();
        assert_eq!(tuning(&again), first);
        let mut again = again;
        let [_, statistics, gram] = pollster::block_on(again.step().unwrap().numbers()).unwrap();
        assert!(statistics + 4.0 * gram < sums[0], "{statistics} {gram} {sums:?}");
        assert_ne!(tuning(&again), first);

        // And it paints.
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let style = paint(Family::Woodcut, 96, 64, 3);
        let content = stylizer.encode_content(&paint(Family::Agate, 64, 48, 2));
        let tuned = stylizer.encode_tuned_style(&style, &first).unwrap();
        let painted = [&tuned, &stylizer.encode_style(&style)].map(|style| {
            pollster::block_on(stylizer.stylize(&content, &[(style, 1.0)], 1.0)).unwrap()
        });
        assert_ne!(painted[0], painted[1]);
    }

    #[test]
    fn gradients_lead_where_losses_fall() {
        // Gram matrices are compared over a scale that is taken as given.
        let weights = Weights { content: 1.0, statistics: 1.0, gram: 0.0 };
        let mut learning = begun(crate::DEFAULT_WEIGHTS, None, 1).unwrap();
        learning.weights = weights;
        let (_, towards) = learning.paint(0);
        let gradients = towards.backward();
        let bias = |generator: &Generator| generator.conv_6.conv.bias.as_ref().unwrap().clone();
        let found = bias(&learning.generator).val().grad(&gradients).unwrap();
        let found: Vec<f32> = found.into_data().iter().collect();
        let objective = |shift: [f32; 3]| {
            let mut moved = begun(crate::DEFAULT_WEIGHTS, None, 1).unwrap();
            let own = bias(&moved.generator);
            let shift = Tensor::from_data(shift, &own.val().device());
            moved.generator.conv_6.conv.bias = Some(own.map(|bias| bias + shift));
            let (losses, _) = moved.paint(0);
            let [content, statistics, _] = pollster::block_on(losses.numbers()).unwrap();
            f64::from(content) + f64::from(statistics)
        };
        for channel in 0..3 {
            let at = |amount: f32| {
                objective(std::array::from_fn(|i| if i == channel { amount } else { 0.0 }))
            };
            let expected = (at(0.02) - at(-0.02)) / 0.04;
            // Without the unevenness, which a shift hardly changes.
            let apart = (f64::from(found[channel]) - expected).abs();
            assert!(apart < 0.1 * expected.abs() + 0.02, "{channel}: {found:?} {expected}");
        }
    }

    #[test]
    fn what_cannot_be_learned_from_is_said() {
        let device = crate::device::cpu();
        let chain = Chain::load(NETWORK, &device).unwrap();
        let style = paint(Family::Woodcut, 64, 64, 1);
        let options = LearnOptions::default();
        let none = Learning::new(
            crate::DEFAULT_WEIGHTS,
            None,
            &style,
            Vec::new(),
            &chain,
            options,
            &device,
        );
        assert!(matches!(none.err(), Some(LearnError::NoPhotos)));
        let cut = begun(&crate::DEFAULT_WEIGHTS[..9000], None, 1);
        assert!(matches!(cut.err(), Some(LearnError::Weights(_))));
        let about = Metadata::from([("crc32".into(), "of others".into())]);
        let other = Tuning::new(Vec::new(), Metadata::new(), &about);
        let foreign = begun(crate::DEFAULT_WEIGHTS, Some(&other), 1);
        assert!(matches!(foreign.err(), Some(LearnError::Tuned(TunedError::OtherWeights { .. }))));
    }

    #[test]
    fn parts_lie_inside_and_differ() {
        let photo = paint(Family::Agate, 300, 260, 1);
        let parts: Vec<_> = (0..8).map(|number| part_of(&photo, number)).collect();
        for (index, part) in parts.iter().enumerate() {
            assert_eq!((part.width(), part.height()), (SIDE, SIDE));
            assert!(parts[..index].iter().all(|other| other != part));
        }
        // A pixel is enough.
        let one = part_of(&photo.part(Rect { left: 0, top: 0, width: 1, height: 1 }), 3);
        assert_eq!((one.width(), one.height()), (SIDE, SIDE));
    }
}
