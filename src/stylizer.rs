//! The main job: a photo and style pictures in, a painting out.

use burn::tensor::{Device, Tensor};

use crate::generator::{Generator, finish};
use crate::palette::{Colours, Palette, recolour, recoloured_logits};
use crate::picture::{Picture, PictureError};
use crate::regions::{Mask, add_share, shares};
use crate::style::{StyleStatistics, fuse};
use crate::vgg::{Features, VggConfig, VggEncoder};
use crate::weights::{self, Metadata, WeightsError};

/// Long side, in pixels, that style pictures are brought to before they are encoded. The size
/// decides how large the strokes are that the network sees.
pub const STYLE_SIZE: u32 = 384;

/// Sides of pictures inside the networks are multiples of this.
const STRIDE: u32 = 8;
/// Smallest side inside the networks: reflection at 1/8 of the size needs two pixels.
const SMALLEST: u32 = 16;

/// Why a photo could not be stylized.
#[derive(Debug, thiserror::Error)]
pub enum StylizeError {
    /// No style, or none with a weight above 0.
    #[error("at least one style with a weight above 0 is needed")]
    NoStyle,
    /// A weight that is negative, infinite or not a number.
    #[error("style weights must be finite and not below 0, but one is {0}")]
    Weight(f32),
    /// A strength outside 0..=1.
    #[error("strength must be between 0 and 1, but is {0}")]
    Strength(f32),
    /// The device failed, most often for want of memory.
    #[error("the device could not finish the picture (try a smaller size): {0}")]
    Device(String),
    /// The networks gave values that are not numbers.
    #[error("the networks gave no usable picture: {0}")]
    Picture(#[from] PictureError),
}

/// Encoder and generator, ready on a device.
#[derive(Debug)]
pub struct Stylizer {
    encoder: VggEncoder,
    generator: Generator,
    device: Device,
    metadata: Metadata,
}

/// A style picture as the networks see it.
#[derive(Debug, Clone)]
pub struct Style {
    statistics: StyleStatistics,
    palette: Palette,
}

/// A photo as the networks see it.
#[derive(Debug, Clone)]
pub struct Content {
    features: Features,
    statistics: StyleStatistics,
    palette: Palette,
    picture: Picture,
    /// The same, `[1, 3, padded height, padded width]`.
    photo: Tensor<4>,
}

impl Content {
    /// Width and height of the photo, and of every painting of it, in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }
}

/// One of the styles of a painting.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    /// None where the photo is to show.
    pub style: Option<&'a Style>,
    /// Relative to the other layers: a mixture of all that have no mask. Masks go before weights;
    /// these only divide what several masks claim.
    pub weight: f32,
    /// The part of the photo that is painted in this style alone. Layers without a mask share
    /// what the masks leave.
    pub mask: Option<&'a Mask>,
}

/// How to paint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// From 0, the photo itself, to 1, the full style.
    pub strength: f32,
    /// Whose colours the painting has.
    pub colours: Colours,
}

impl Default for Options {
    fn default() -> Self {
        Self { strength: 1.0, colours: Colours::default() }
    }
}

/// The side inside the networks.
fn padded(side: u32) -> u32 {
    side.next_multiple_of(STRIDE).max(SMALLEST)
}

impl Stylizer {
    /// From the bytes of a weights file (`models/impasto.safetensors`).
    ///
    /// # Errors
    /// Says what is wrong with the file; see [`WeightsError`].
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let (mut tensors, metadata) = weights::deserialize(bytes)?;
        let encoder = VggConfig::slim().init(device);
        let encoder = weights::load("encoder", encoder, &mut tensors)?;
        let generator = weights::load("generator", Generator::new(device), &mut tensors)?;
        weights::expect_empty(&tensors)?;
        Ok(Self { encoder, generator, device: device.clone(), metadata })
    }

    /// Networks that were just trained.
    pub fn new(encoder: VggEncoder, generator: Generator, device: &Device) -> Self {
        Self { encoder, generator, device: device.clone(), metadata: Metadata::new() }
    }

    /// What the weights file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Encodes a style picture, once for all photos. Bring it to [`STYLE_SIZE`] first.
    pub fn encode_style(&self, picture: &Picture) -> Style {
        let (features, _) = self.encode(picture);
        Style { statistics: StyleStatistics::of(&features), palette: Palette::of(picture) }
    }

    /// Encodes a photo, once for all styles and strengths.
    pub fn encode_content(&self, photo: &Picture) -> Content {
        let (features, tensor) = self.encode(photo);
        Content {
            statistics: StyleStatistics::of(&features),
            features,
            palette: Palette::of(photo),
            picture: photo.clone(),
            photo: tensor,
        }
    }

    /// Noise in place of a photo; the same seed gives the same on every machine.
    #[cfg(feature = "cli")]
    pub fn encode_noise(&self, width: u32, height: u32, seed: u64) -> Content {
        let picture = crate::dream::picture(width, height, seed);
        let features = crate::dream::features(padded(width), padded(height), seed, &self.device);
        Content {
            statistics: StyleStatistics::of(&features),
            features,
            palette: Palette::of(&picture),
            photo: self.tensor(&picture),
            picture,
        }
    }

    /// `[1, 3, padded height, padded width]`
    fn tensor(&self, picture: &Picture) -> Tensor<4> {
        picture
            .extend_by_reflection(padded(picture.width()), padded(picture.height()))
            .to_tensor(&self.device)
    }

    fn encode(&self, picture: &Picture) -> (Features, Tensor<4>) {
        let tensor = self.tensor(picture);
        (self.encoder.forward(tensor.clone()), tensor)
    }

    /// Paints the photo in a weighted mixture of styles. The picture has the photo's size.
    ///
    /// Weights need not sum to 1, they are taken relative to their sum. `strength` is between 0,
    /// the photo itself, and 1, the full style.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub async fn stylize(
        &self,
        content: &Content,
        styles: &[(&Style, f32)],
        strength: f32,
    ) -> Result<Picture, StylizeError> {
        let layers: Vec<_> = styles
            .iter()
            .map(|&(style, weight)| Layer { style: Some(style), weight, mask: None })
            .collect();
        let options = Options { strength, ..Options::default() };
        self.paint(content, &layers, &options, |_, _| {}).await
    }

    /// Paints the photo in layers: styles mixed by weight, others in a region each.
    ///
    /// Costs one run of the generator for the mixture and one for each region with a style;
    /// `progress` hears how many of them are done, before the first and after each.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub async fn paint(
        &self,
        content: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Picture, StylizeError> {
        let strength = options.strength;
        if !(0.0..=1.0).contains(&strength) {
            return Err(StylizeError::Strength(strength));
        }
        if let Some(wrong) = layers.iter().find(|l| !l.weight.is_finite() || l.weight < 0.0) {
            return Err(StylizeError::Weight(wrong.weight));
        }
        let used = || layers.iter().filter(|layer| layer.weight > 0.0);
        let regions: Vec<_> = used().filter_map(|l| Some((l.style, l.mask?, l.weight))).collect();
        let mixture: Vec<_> = used()
            .filter(|layer| layer.mask.is_none())
            .filter_map(|layer| Some((layer.style?, layer.weight)))
            .collect();
        let styled = regions.iter().filter(|(style, ..)| style.is_some()).count();
        let total = styled + usize::from(!mixture.is_empty());
        // With nothing but the photo in all layers, somebody forgot to choose.
        if total == 0 {
            return Err(StylizeError::NoStyle);
        }
        let mut done = 0;
        progress(done, total);

        let (width, height) = content.size();
        if regions.is_empty() {
            let painting = self.run(content, &mixture, options).await?;
            progress(total, total);
            return Ok(Picture::from_tensor_data(width, height, &painting)?);
        }
        let masks: Vec<_> = regions.iter().map(|&(_, mask, weight)| (mask, weight)).collect();
        let shares = shares(&masks, width, height);
        let mut sum = vec![0.0; content.picture.rgb().len()];
        let parts = regions
            .iter()
            .zip(&shares.masked)
            .map(|((style, ..), share)| (style.map(|s| (s, 1.0)).into_iter().collect(), share))
            .chain([(mixture, &shares.rest)]);
        for (styles, share) in parts {
            let styles: Vec<_> = styles;
            if styles.is_empty() {
                add_share(&mut sum, content.picture.planes(), share);
                continue;
            }
            // Most masks leave parts untouched, but some leave nothing of a layer.
            if share.iter().any(|&share| share > 0.0) {
                let painting = self.run(content, &styles, options).await?;
                add_share(&mut sum, painting.into_iter(), share);
            }
            done += 1;
            progress(done, total);
        }
        Ok(Picture::from_tensor_data(width, height, &sum)?)
    }

    /// One run of the generator: the whole photo in a mixture of styles, `[3, height, width]` in
    /// 0..1. Weights are above 0.
    async fn run(
        &self,
        content: &Content,
        styles: &[(&Style, f32)],
        options: &Options,
    ) -> Result<Vec<f32>, StylizeError> {
        let strength = options.strength;
        let keep = 1.0 - strength;
        let sum: f32 = styles.iter().map(|(_, weight)| weight).sum();
        let styles: Vec<_> =
            styles.iter().map(|(style, weight)| (*style, strength * weight / sum)).collect();
        let palettes = styles.iter().map(|(style, weight)| match options.colours {
            Colours::Photo => (content.palette, *weight),
            _ => (style.palette, *weight),
        });
        let palette = Palette::weighted_sum(palettes.chain([(content.palette, keep)]));
        let recoloured =
            recoloured_logits(content.photo.clone(), &[content.palette.map_to(&palette)]);
        let statistics = styles.iter().map(|(style, weight)| (&style.statistics, *weight));
        let statistics = statistics.chain([(&content.statistics, keep)]);
        let statistics = StyleStatistics::weighted_sum(statistics).ok_or(StylizeError::NoStyle)?;
        let painting = self.generator.forward(fuse(&content.features, statistics), recoloured);
        let picture = finish(painting, content.photo.clone(), strength);

        let (width, height) = content.size();
        let data = picture
            .slice([0..1, 0..3, 0..height as usize, 0..width as usize])
            .into_data_async()
            .await
            .map_err(|error| StylizeError::Device(error.to_string()))?;
        let mut values: Vec<f32> = data.iter::<f32>().collect();
        recolour(&mut values, &content.picture, options.colours)?;
        Ok(values)
    }
}
