//! One picture made better: from a quick painting towards the photo's content and the styles' features, by
//! gradient descent on its pixels.
//!
//! Coarse to fine: strokes are made where the picture is small, and the next size starts from the enlarged
//! change, with the quick painting's fine detail.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};

use super::chain::{Chain, LEVELS};
use super::goal::{self, Goal, Losses, Places, Weights};
use crate::kernels::{self, Source};
use crate::kernels::{PHOTO_CLAMP, logit};
use crate::network::palette::{Colours, recolour};
use crate::picture::mask::{Mask, shares};
use crate::picture::{Picture, PictureError, Rect};
use crate::stylizer::{Parts, StylizeError};
use crate::weights::WeightsError;

/// How the steps are shared among the sizes, by how often the first is doubled.
const SHARES: [&[f64]; 3] = [&[1.0], &[0.6, 0.4], &[0.5, 0.3, 0.2]];
/// The long side of the first size, about, in pixels.
const FIRST: u32 = 256;
/// The longest side of the last one.
const LARGEST: u32 = 1024;
/// Sides inside the network are multiples of this.
const STRIDE: u32 = 8;
/// Smallest side inside the network.
const SMALLEST: u32 = 32;
/// Of Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015).
const BETAS: [f64; 2] = [0.9, 0.99];
const TINY: f64 = 1e-8;
/// How far a step moves a pixel's logit at most, about; falls to 0 in each stage (cosine).
const RATE: f64 = 0.06;
/// How much unevenness counts.
const TOTAL_VARIATION: f64 = 0.5;
/// Parts that cover less of the picture than this are too small to have statistics.
const SMALLEST_PART: f64 = 1e-3;
/// Starts are kept this far from black and white, where a sigmoid has no slope.
const CLAMP: f64 = 0.01;

/// Why a picture cannot be refined.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefineError {
    /// No style, or none with a weight above 0.
    #[error("at least one style with a weight above 0 is needed")]
    NoStyle,
    /// The painting is not as large as the photo.
    #[error("the painting has {painting:?} pixels and the photo {photo:?}; they must be as large")]
    Sizes { painting: (u32, u32), photo: (u32, u32) },
    /// There was no quick painting.
    #[error(transparent)]
    Stylize(#[from] StylizeError),
    /// Wrong weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device failed, most often for want of memory.
    #[error("the device could not refine the picture (try a smaller size): {0}")]
    Device(String),
    /// There were values that are not numbers.
    #[error("refining gave no usable picture: {0}")]
    Picture(#[from] PictureError),
}

/// How to refine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefineOptions {
    /// Steps in all, over all sizes.
    pub steps: usize,
    /// How much the photo's content counts: 0.3 is free, 1 the default, 3 close to the photo.
    pub content: f64,
    /// Pixels of the largest size that is refined, at most; the change is enlarged from there. A step takes
    /// about 1 kB of memory for each.
    pub pixels: usize,
    /// From 0, the photo itself, to 1, the full style.
    pub strength: f32,
    /// Whose colours the painting has.
    pub colours: Colours,
}

impl Default for RefineOptions {
    fn default() -> Self {
        Self {
            steps: 60,
            content: 1.0,
            pixels: 1024 * 1024,
            strength: 1.0,
            colours: Colours::Style,
        }
    }
}

/// A style of a painting, as [`Layer`](crate::Layer) is for the networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefineLayer<'a> {
    /// As large as it is; none where the photo is to show.
    pub picture: Option<&'a Picture>,
    /// Relative to the others'.
    pub weight: f32,
    /// How large strokes are, relative to those of the picture when it is as large as the painting.
    pub stroke: f64,
    /// The part of the photo that has this style and no other. Layers without a mask are mixed in all that the masks
    /// leave.
    pub mask: Option<&'a Mask>,
}

/// Pictures, shares, and how large strokes are.
type Styles = Vec<(Picture, f64, f64)>;

/// A painting that gets better step by step.
#[derive(Debug, Clone)]
pub struct Refinement {
    chain: Chain,
    device: Device,
    painting: Picture,
    photo: Picture,
    /// The regions, each with its weight against others.
    masks: Vec<(Mask, f32)>,
    /// Of each region, and at last of what the regions leave; none where the photo shows.
    parts: Vec<Styles>,
    options: RefineOptions,
    /// Sizes, and the steps at each.
    stages: Vec<((u32, u32), usize)>,
    next: usize,
    state: Option<State>,
    done: usize,
}

/// Where a stage is.
#[derive(Debug, Clone)]
struct State {
    /// The quick painting at this size, `[1, 3, height, width]`.
    quick: Tensor<4>,
    goal: Goal,
    /// Logits of the pixels.
    logits: Tensor<4>,
    /// Running means of the gradient and of its square.
    moments: [Tensor<4>; 2],
    step: usize,
    steps: usize,
}

impl Refinement {
    /// `painting` is the quick painting of the photo, of its size, at full strength and in the styles'
    /// colours.
    ///
    /// # Errors
    /// [`RefineError::NoStyle`] and [`RefineError::Sizes`].
    pub fn new(
        chain: &Chain,
        painting: Picture,
        photo: Picture,
        layers: &[RefineLayer<'_>],
        options: RefineOptions,
        device: &Device,
    ) -> Result<Self, RefineError> {
        let size = |picture: &Picture| (picture.width(), picture.height());
        if size(&painting) != size(&photo) {
            return Err(RefineError::Sizes { painting: size(&painting), photo: size(&photo) });
        }
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| (layer.picture.map(|it| (it, layer.stroke)), layer.weight, layer.mask))
            .collect();
        let Parts { mixtures, masks } = Parts::new(&layers).map_err(|_| RefineError::NoStyle)?;
        let style = |((picture, stroke), share): ((&Picture, f64), f32)| {
            (picture.clone(), f64::from(share), stroke.max(0.0))
        };
        let parts = mixtures.into_iter().map(|styles| styles.into_iter().map(style).collect());
        let masks = masks.into_iter().map(|(mask, weight)| (mask.clone(), weight));
        let stages = stages(size(&photo), options.steps, options.pixels);
        let device = device.clone();
        Ok(Self {
            chain: chain.clone(),
            device,
            painting,
            photo,
            masks: masks.collect(),
            parts: parts.collect(),
            options,
            stages,
            next: 0,
            state: None,
            done: 0,
        })
    }

    /// Steps done, and in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.stages.iter().map(|(_, steps)| steps).sum())
    }

    /// One step. Says how far the picture was from its goal before it, or nothing when all are done.
    pub fn step(&mut self) -> Option<Losses> {
        let finished = |state: &State| state.step >= state.steps;
        if self.state.as_ref().is_none_or(finished) {
            let &((width, height), steps) = self.stages.get(self.next)?;
            let change = self.state.take().map(|state| state.picture() - state.quick);
            self.state = Some(self.start(width, height, steps, change));
            self.next += 1;
        }
        let state = self.state.as_mut()?;
        let weights = Weights { content: self.options.content, statistics: 1.0, gram: 1.0 };
        let losses = state.descend(&self.chain, &weights);
        self.done += 1;
        Some(losses)
    }

    fn start(&self, width: u32, height: u32, steps: usize, change: Option<Tensor<4>>) -> State {
        let see = |picture: &Picture| self.chain.forward(picture.to_tensor(&self.device));
        let quick = self.painting.resized(width, height).to_tensor(&self.device);
        let long = f64::from(width.max(height));
        let shares = (!self.masks.is_empty()).then(|| {
            std::array::from_fn::<_, LEVELS, _>(|level| {
                let (width, height) = (width >> level, height >> level);
                (self.shares(width, height), (width, height))
            })
        });
        let mut parts = Vec::new();
        for (index, styles) in self.parts.iter().enumerate().filter(|(_, it)| !it.is_empty()) {
            let places = shares.as_ref().map(|levels| {
                let own = levels.each_ref().map(|(shares, size)| (shares[index].clone(), *size));
                Places::new(own, &self.device)
            });
            if places.as_ref().is_some_and(|places| places.area < SMALLEST_PART) {
                continue;
            }
            let styles = styles.iter().map(|(style, weight, stroke)| {
                let style = style.fit(((long * stroke).round() as u32).max(SMALLEST));
                let (width, height) = (inside(style.width()), inside(style.height()));
                (see(&style.resized(width, height)), *weight)
            });
            parts.push((styles.collect(), places));
        }
        let goal = Goal::of(&see(&self.photo.resized(width, height)), goal::Styles::of(parts));
        let start = match change {
            Some(change) => kernels::add(quick.clone(), Source { upsample: true, ..change.into() }),
            None => quick.clone(),
        };
        let logits = logit(start.clamp(CLAMP, 1.0 - CLAMP));
        let zero = logits.zeros_like();
        State { quick, goal, moments: [zero.clone(), zero], logits, step: 0, steps }
    }

    /// How much of every pixel belongs to each part.
    fn shares(&self, width: u32, height: u32) -> Vec<Vec<f32>> {
        let masks: Vec<_> = self.masks.iter().map(|(mask, weight)| (mask, *weight)).collect();
        let whole = Rect { left: 0, top: 0, width, height };
        let found = shares(&masks, width, height, whole);
        found.masked.into_iter().chain([found.rest]).collect()
    }

    /// The picture after all steps.
    ///
    /// # Errors
    /// As [`Refinement::picture`].
    pub async fn finish(mut self) -> Result<Picture, RefineError> {
        while self.step().is_some() {}
        self.picture().await
    }

    /// The picture as it is now, of the photo's size.
    ///
    /// # Errors
    /// [`RefineError::Device`] where it cannot be read back, [`RefineError::Picture`] for values that are
    /// not numbers.
    pub async fn picture(&self) -> Result<Picture, RefineError> {
        let (width, height) = (self.painting.width(), self.painting.height());
        let mut planes: Vec<f32> = self.painting.planes().collect();
        if let Some(state) = &self.state {
            let change = state.picture() - state.quick.clone();
            let [_, _, inner_height, inner_width] = change.dims();
            let change = change.into_data_async().await;
            let change = change.map_err(|error| RefineError::Device(error.to_string()))?;
            let change: Vec<f32> = change.iter().collect();
            let inner = inner_height * inner_width;
            let outer = width as usize * height as usize;
            for (plane, change) in planes.chunks_exact_mut(outer).zip(change.chunks_exact(inner)) {
                let inner = (inner_width as u32, inner_height as u32);
                for (value, change) in
                    plane.iter_mut().zip(enlarged(change, inner, (width, height)))
                {
                    *value = (*value + change).clamp(0.0, 1.0);
                }
            }
        }
        let strength = self.options.strength;
        for (value, photo) in planes.iter_mut().zip(self.photo.planes()) {
            *value = photo + strength * (*value - photo);
        }
        recolour(&mut planes, &self.photo, self.options.colours, None)?;
        if self.parts.iter().any(Vec::is_empty) {
            let shares = self.shares(width, height);
            let bare = self.parts.iter().zip(shares).filter(|(styles, _)| styles.is_empty());
            for (_, shares) in bare {
                let photo = self.photo.planes();
                for ((value, photo), share) in
                    planes.iter_mut().zip(photo).zip(shares.iter().cycle())
                {
                    *value += share * (photo - *value);
                }
            }
        }
        Ok(Picture::from_tensor_data(width, height, &planes)?)
    }
}

impl State {
    fn picture(&self) -> Tensor<4> {
        sigmoid(self.logits.clone())
    }

    fn descend(&mut self, chain: &Chain, weights: &Weights) -> Losses {
        let picture = self.picture();
        let pass = chain.forward(picture.clone());
        let (losses, by_level) = self.goal.compare(&pass, weights);
        let gradient = chain.backward(pass, by_level) + unevenness(&picture);
        let gradient = gradient * (picture.clone() * (picture.neg() + 1.0));

        self.step += 1;
        let [mean, square] = self.moments.clone();
        let [keep_mean, keep_square] = BETAS;
        let mean = mean * keep_mean + gradient.clone() * (1.0 - keep_mean);
        let square = square * keep_square + gradient.square() * (1.0 - keep_square);
        self.moments = [mean.clone(), square.clone()];
        let unbiased = |keep: f64| 1.0 - keep.powi(self.step as i32);
        let progress = (self.step - 1) as f64 / self.steps as f64;
        let rate = RATE * (0.5 + 0.5 * (std::f64::consts::PI * progress).cos());
        let direction =
            (mean / unbiased(keep_mean)) / ((square / unbiased(keep_square)).sqrt() + TINY);
        let lowest = (PHOTO_CLAMP / (1.0 - PHOTO_CLAMP)).ln();
        self.logits = (self.logits.clone() - direction * rate).clamp(lowest, -lowest);
        losses
    }
}

/// The gradient of the weighted total variation, the mean absolute difference of neighbours.
pub(super) fn unevenness(picture: &Tensor<4>) -> Tensor<4> {
    let numbers = picture.dims().iter().product::<usize>() as f64;
    let along = |axis: usize| {
        let length = picture.dims()[axis];
        let part = |start| picture.clone().narrow(axis, start, length - 1);
        let sign = (part(1) - part(0)).sign();
        let mut shape = picture.dims();
        shape[axis] = 1;
        let zeros = || Tensor::<4>::zeros(shape, &picture.device());
        Tensor::cat(vec![zeros(), sign.clone()], axis) - Tensor::cat(vec![sign, zeros()], axis)
    };
    (along(2) + along(3)) * (TOTAL_VARIATION / numbers)
}

/// A plane of values of magnitudes up to 1, at another size.
fn enlarged(
    plane: &[f32],
    (width, height): (u32, u32),
    (to_width, to_height): (u32, u32),
) -> impl Iterator<Item = f32> {
    // `image` takes values of 0..1 only.
    let levels: Vec<f32> = plane.iter().map(|value| 0.5 + value / 2.0).collect();
    let levels = ImageBuffer::<Luma<f32>, _>::from_raw(width, height, levels);
    let levels = levels.expect("a plane of that size");
    let enlarged = resize(&levels, to_width, to_height, FilterType::Triangle).into_raw();
    enlarged.into_iter().map(|level| 2.0 * level - 1.0)
}

/// The nearest side that the network takes.
pub(super) fn inside(side: u32) -> u32 {
    ((side + STRIDE / 2) / STRIDE * STRIDE).max(SMALLEST)
}

/// The sizes at which a picture of this size is refined, of at most so many pixels, and the steps at each. Each
/// is twice the one before.
fn stages((width, height): (u32, u32), steps: usize, pixels: usize) -> Vec<((u32, u32), usize)> {
    let [width, height] = [width, height].map(f64::from);
    let most = (pixels as f64 / (width * height)).sqrt();
    let scale = most.min(f64::from(LARGEST) / width.max(height)).min(1.0);
    let doublings = (width.max(height) * scale / f64::from(FIRST)).log2().round();
    let doublings = (doublings.max(0.0) as usize).min(SHARES.len() - 1);
    // The nearest sides of which all stages' are multiples of the network's stride.
    let side = |side: f64| {
        let unit = f64::from(STRIDE << doublings);
        (((side * scale / unit).round() * unit) as u32).max(SMALLEST << doublings)
    };
    let (width, height) = (side(width), side(height));
    let shares = SHARES[doublings];
    let mut left = steps;
    let mut stages = Vec::new();
    for (stage, share) in shares.iter().enumerate() {
        let own = match stage == doublings {
            true => left,
            false => ((steps as f64 * share).round() as usize).min(left),
        };
        left -= own;
        if own > 0 {
            let halvings = doublings - stage;
            stages.push(((width >> halvings, height >> halvings), own));
        }
    }
    stages
}

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::network::vgg::VggConfig;
    use crate::procedural::{Family, paint};
    use crate::weights::{self, Metadata};

    fn chain(device: &Device) -> Chain {
        device.seed(3);
        let network = VggConfig::full().init(device);
        let bytes = weights::serialize(&weights::tensors_of("", &network), &Metadata::new());
        Chain::load(&bytes.unwrap(), device).unwrap()
    }

    fn layer(picture: &Picture, weight: f32) -> RefineLayer<'_> {
        RefineLayer { picture: Some(picture), weight, stroke: 1.0, mask: None }
    }

    #[test]
    fn steps_are_shared_among_sizes() {
        const ALL: usize = 1 << 30;
        let of = |size, steps, pixels| stages(size, steps, pixels);
        let large = of((1600, 1200), 60, ALL);
        assert_eq!(large, [((256, 192), 30), ((512, 384), 18), ((1024, 768), 12)]);
        assert_eq!(of((500, 300), 80, ALL), [((248, 152), 48), ((496, 304), 32)]);
        assert_eq!(of((384, 216), 60, ALL), [((192, 112), 36), ((384, 224), 24)]);
        assert_eq!(of((200, 40), 7, ALL), [((200, 40), 7)]);
        assert_eq!(of((5000, 20), 1, ALL), [((256, 32), 1)]);
        assert_eq!(of((1, 1), 1, ALL), [((32, 32), 1)]);
        let few = of((1600, 1200), 60, 640 * 480);
        assert_eq!(few, [((320, 240), 36), ((640, 480), 24)]);
        assert_eq!(of((1600, 1200), 5, 160 * 120), [((160, 120), 5)]);
    }

    #[test]
    fn a_painting_comes_closer_and_keeps_its_size() {
        let device = crate::device::cpu();
        let chain = chain(&device);
        let (photo, style) = (paint(Family::Agate, 300, 90, 1), paint(Family::Woodcut, 80, 70, 2));
        let options = RefineOptions { steps: 24, ..RefineOptions::default() };
        let styles = [layer(&style, 2.0)];
        let mut refinement =
            Refinement::new(&chain, photo.clone(), photo.clone(), &styles, options, &device)
                .unwrap();
        assert_eq!(refinement.progress(), (0, 24));
        let before = pollster::block_on(refinement.picture()).unwrap();
        assert_eq!(before, photo, "before the first step it is the quick painting");
        let mut seen = Vec::new();
        while let Some(losses) = refinement.step() {
            let number = |x: Tensor<1>| x.into_scalar::<f32>();
            seen.push(number(losses.statistics) + number(losses.gram));
        }
        assert_eq!((seen.len(), refinement.progress()), (24, (24, 24)));
        // Of the last stage and of the first.
        assert!(seen[23] < 0.8 * seen[0], "{seen:?}");
        let after = pollster::block_on(refinement.picture()).unwrap();
        assert_eq!((after.width(), after.height()), (300, 90));
        assert_ne!(after, photo);
    }

    #[test]
    fn each_part_comes_closer_to_its_own_styles() {
        let device = crate::device::cpu();
        let chain = Chain::load(super::super::NETWORK, &device).unwrap();
        let photo = paint(Family::Agate, 96, 64, 1);
        let [one, other] = [Family::Woodcut, Family::StainedGlass].map(|it| paint(it, 80, 64, 2));
        let mask = |from: usize, to: usize| {
            let row = (0..96).map(|x| f32::from(u8::from((from..to).contains(&x))));
            Mask::new(96, 1, row.collect()).unwrap()
        };
        let (left, middle, nowhere) = (mask(0, 32), mask(32, 64), mask(0, 0));
        let options = RefineOptions { steps: 25, ..RefineOptions::default() };
        let refined = |layers: &[RefineLayer<'_>]| {
            let quick = photo.clone();
            let new = Refinement::new(&chain, quick, photo.clone(), layers, options, &device);
            pollster::block_on(new.unwrap().finish()).unwrap()
        };
        let bare = RefineLayer { picture: None, weight: 1.0, stroke: 1.0, mask: None };
        let parts = refined(&[
            RefineLayer { mask: Some(&left), ..bare },
            RefineLayer { mask: Some(&middle), ..layer(&one, 3.0) },
            layer(&other, 1.0),
        ]);
        let [all_one, all_other] = [&one, &other].map(|style| refined(&[layer(style, 1.0)]));
        // How far apart they are in a third of the picture, on average, without what is near to the others.
        let apart = |a: &Picture, b: &Picture, third: usize| {
            let columns = |picture: &Picture| {
                let rows = picture.rgb().chunks(3 * 96);
                let part = rows.flat_map(|row| &row[96 * third + 24..][..48]);
                part.map(|level| f64::from(*level)).collect::<Vec<_>>()
            };
            let (a, b) = (columns(a), columns(b));
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
        };
        assert_eq!(apart(&parts, &photo, 0), 0.0, "the photo stays");
        let [by_one, by_other] = [1, 2].map(|third| {
            let far = apart(&all_one, &all_other, third);
            [&all_one, &all_other].map(|whole| apart(&parts, whole, third) / far)
        });
        assert!(by_one[0] < 0.6 && by_one[1] > 0.8, "{by_one:?}");
        assert!(by_other[1] < 0.6 && by_other[0] > 0.8, "{by_other:?}");
        // Weights whose sum is infinite.
        let most = |picture| RefineLayer { mask: Some(&middle), ..layer(picture, f32::MAX) };
        assert!(apart(&refined(&[most(&one), most(&other)]), &photo, 1) > 1.0);
        // A mask that covers nothing, and nothing else to paint.
        assert_eq!(refined(&[RefineLayer { mask: Some(&nowhere), ..layer(&one, 1.0) }]), photo);
    }

    #[test]
    fn what_cannot_be_refined_is_said() {
        let device = crate::device::cpu();
        let chain = chain(&device);
        let picture = |side| Picture::new(side, 8, vec![90; 24 * side as usize]).unwrap();
        let (photo, other) = (picture(16), picture(24));
        let new = |painting: &Picture, weight| {
            let painting = painting.clone();
            let styles = [layer(&other, weight)];
            let options = RefineOptions::default();
            Refinement::new(&chain, painting, photo.clone(), &styles, options, &device).err()
        };
        assert!(matches!(new(&photo, 0.0), Some(RefineError::NoStyle)));
        assert!(matches!(new(&photo, f32::NAN), Some(RefineError::NoStyle)));
        assert!(matches!(new(&other, 1.0), Some(RefineError::Sizes { .. })));
        assert!(new(&photo, 1.0).is_none());
    }

    #[test]
    fn unevenness_has_the_gradient_of_total_variation() {
        let device = crate::device::cpu();
        let picture = Tensor::<4>::from_data([[[[0.1, 0.5, 0.2], [0.3, 0.4, 0.9]]]], &device);
        let found: Vec<f32> = unevenness(&picture).into_data().iter().collect();
        // Larger than a neighbour: +1 for each, smaller: -1.
        let wanted = [-2.0, 3.0, -2.0, 0.0, -1.0, 2.0].map(|x: f32| x * 0.5 / 6.0);
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }
}
