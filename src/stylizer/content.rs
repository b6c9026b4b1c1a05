//! Photos, and what is known of them before a style is.

use std::sync::{Arc, OnceLock};

use burn::tensor::Tensor;

use crate::network::noise::Noise;
use crate::network::palette::Palette;
use crate::network::style::StyleStatistics;
use crate::network::vgg::Features;
use crate::picture::Picture;
use crate::picture::mask::Mask;

/// A photo as the networks see it.
#[derive(Debug, Clone)]
pub struct Content {
    /// Of the photo, or, where it is painted in tiles, of its thumbnail.
    pub(super) view: View,
    /// Of the view, once they are wanted.
    pub(super) statistics: OnceLock<StyleStatistics>,
    pub(super) palette: Palette,
    /// What is painted on.
    pub(super) picture: Arc<Picture>,
    /// Where it is transparent somewhere.
    pub(super) opacity: Option<Arc<Mask>>,
    /// Where that is an enlarged painting.
    pub(super) before: Option<Before>,
    /// The thumbnail of what is painted on in tiles.
    pub(super) thumbnail: Option<Picture>,
    /// Of a photo that is painted at several sizes, once it was.
    pub(super) smaller: Arc<OnceLock<Smaller>>,
}

/// What a painting goes on from.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub photo: Arc<Picture>,
    /// The smaller painting.
    pub small: Picture,
}

/// The photo at the sizes before its own, each made of the next larger one, as paintings are compared with photos of the size
/// before.
#[derive(Debug)]
pub(super) struct Smaller {
    /// Of all sizes, the long sides.
    pub sides: Vec<u32>,
    /// The smallest.
    pub first: Content,
    /// Those between that and the photo.
    pub between: Vec<Arc<Picture>>,
}

/// A photo, a part of one, or its thumbnail, in the networks.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// `[1, 3, padded height, padded width]`
    pub photo: Tensor<4>,
    pub features: Features,
    pub noise: Noise,
}

impl Content {
    /// Width and height of the photo, and of every painting of it, in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// The photo.
    pub fn picture(&self) -> &Picture {
        self.before.as_ref().map_or(&self.picture, |before| &before.photo)
    }

    /// How opaque the photo is, where it is transparent somewhere.
    pub fn opacity(&self) -> Option<&Mask> {
        self.opacity.as_deref()
    }

    /// The same, as if the photo were opaque.
    pub fn opaque(&self) -> Self {
        Self { opacity: None, ..self.clone() }
    }

    /// Whether what is painted takes on the forms of a smaller painting in the end.
    pub(super) fn takes_forms(&self) -> bool {
        self.thumbnail.is_some() || self.before.is_some()
    }

    /// The statistics of its features. At full strength nothing asks for them.
    pub(super) fn statistics(&self) -> &StyleStatistics {
        self.statistics.get_or_init(|| StyleStatistics::of(&self.view.features))
    }
}
