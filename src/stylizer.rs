//! The main job: a photo and style pictures in, a painting out.

use burn::tensor::{Device, Tensor};

use crate::generator::{Generator, finish};
use crate::palette::{Palette, recoloured_logits};
use crate::picture::{Picture, PictureError};
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
    /// `[1, 3, padded height, padded width]`
    photo: Tensor<4>,
    width: u32,
    height: u32,
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
            photo: tensor,
            width: photo.width(),
            height: photo.height(),
        }
    }

    /// Noise in place of a photo; the same seed gives the same on every machine.
    #[cfg(feature = "cli")]
    pub fn encode_noise(&self, width: u32, height: u32, seed: u64) -> Content {
        let (columns, rows) = (padded(width) as usize, padded(height) as usize);
        let (features, photo) = crate::dream::noise(columns, rows, seed, &self.device);
        Content {
            statistics: StyleStatistics::of(&features),
            features,
            // The mean and the spread of the noise's picture.
            palette: Palette::new([0.5; 3], [[0.04, 0.0, 0.0], [0.0, 0.04, 0.0], [0.0, 0.0, 0.04]]),
            photo,
            width,
            height,
        }
    }

    fn encode(&self, picture: &Picture) -> (Features, Tensor<4>) {
        let tensor = picture
            .extend_by_reflection(padded(picture.width()), padded(picture.height()))
            .to_tensor(&self.device);
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
        if !(0.0..=1.0).contains(&strength) {
            return Err(StylizeError::Strength(strength));
        }
        if let Some(&(_, weight)) = styles.iter().find(|(_, w)| !w.is_finite() || *w < 0.0) {
            return Err(StylizeError::Weight(weight));
        }
        let sum: f32 = styles.iter().map(|(_, weight)| weight).sum();
        if sum <= 0.0 {
            return Err(StylizeError::NoStyle);
        }
        let keep = 1.0 - strength;
        let styles: Vec<_> = styles
            .iter()
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(style, weight)| (*style, strength * weight / sum))
            .collect();
        let palettes = styles.iter().map(|(style, weight)| (style.palette, *weight));
        let palette = Palette::weighted_sum(palettes.chain([(content.palette, keep)]));
        let recoloured =
            recoloured_logits(content.photo.clone(), &[content.palette.map_to(&palette)]);
        let statistics: Vec<_> =
            styles.iter().map(|(style, weight)| (&style.statistics, *weight)).collect();
        let fused = fuse(&content.features, &content.statistics, keep, &statistics);
        let painting = self.generator.forward(fused, recoloured);
        let picture = finish(painting, content.photo.clone(), strength);

        let (width, height) = (content.width as usize, content.height as usize);
        let data = picture
            .slice([0..1, 0..3, 0..height, 0..width])
            .into_data_async()
            .await
            .map_err(|error| StylizeError::Device(error.to_string()))?;
        let values: Vec<f32> = data.iter::<f32>().collect();
        Ok(Picture::from_tensor_data(content.width, content.height, &values)?)
    }
}
