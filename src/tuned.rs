//! Styles that the networks were tuned to: what of the generator differs, and the style picture.
//!
//! Some hundred steps of training on one style make a specialist for it of the general networks (Dumoulin et al.,
//! "A Learned Representation for Artistic Style", 2017, for scale and shift alone). A file has what is needed for
//! that beside the general weights: biases and the late convolutions, mostly in 8 bits, about 0.15 MB.

use crate::picture::codecs::Format;
use crate::picture::{Picture, PictureError};
use crate::weights::{self, Metadata, NamedTensor, WeightsError};

/// What is tuned, by what is in the tensors' names. All biases: behind the maps from the style code, which is the
/// same for all paintings, they do what these do.
pub const PARTS: [&str; 12] = [
    ".bias",
    "block_3.first.conv",
    "block_3.second",
    "skip.conv",
    "noise_1.conv",
    "noise_2.conv",
    "noise_3.conv",
    "conv_2.conv",
    "conv_3.conv",
    "conv_4.conv",
    "conv_5.conv",
    "conv_6.conv",
];
/// Under this key the metadata says what kind of file it is, and here that it is such a style.
const KIND: (&str, &str) = ("network", "tuned style");
/// Under this key is the checksum of the weights that the style was tuned from.
const BASE: &str = "tuned_from";
/// The name of the style picture in the file.
const PICTURE: &str = "picture";
/// Long side of the picture in the file, the most bytes that it takes, and the qualities to try.
const PICTURE_SIZE: u32 = 384;
const PICTURE_BYTES: usize = 45_000;
const QUALITIES: [u8; 5] = [85, 75, 60, 45, 30];

/// Why a tuned style cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunedError {
    /// Not a file of this kind.
    #[error("the file is not a tuned style")]
    Foreign,
    /// Tuned from other weights.
    #[error(
        "the style was tuned from other weights (checksum {tuned_from}) than these ({weights}); give those, or \
         tune it again"
    )]
    OtherWeights { tuned_from: String, weights: String },
    /// Damaged, or not weights at all.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The picture in it is damaged.
    #[error("the picture in the file: {0}")]
    Picture(#[from] PictureError),
}

/// A tuned style.
#[derive(Debug, Clone, PartialEq)]
pub struct TunedStyle {
    /// The style picture, a small version of it.
    pub picture: Picture,
    /// Name, author, licence, steps and the like.
    pub about: Metadata,
    tensors: Vec<NamedTensor>,
}

impl TunedStyle {
    /// What of the `tuned` weights file differs by training from the one it began with.
    ///
    /// # Errors
    /// [`TunedError::Weights`] where one of them is none.
    pub fn new(
        base: &[u8],
        tuned: &[u8],
        picture: &Picture,
        mut about: Metadata,
    ) -> Result<Self, TunedError> {
        let (_, metadata) = weights::deserialize(base)?;
        let (mut tensors, _) = weights::deserialize(tuned)?;
        tensors.retain(|tensor| {
            tensor.name.starts_with("generator.")
                && PARTS.iter().any(|part| tensor.name.contains(part))
        });
        about.insert(KIND.0.into(), KIND.1.into());
        about.insert(BASE.into(), weights::checksum_of(&metadata));
        Ok(Self { picture: picture.fit(PICTURE_SIZE), about, tensors })
    }

    /// Whether these bytes are meant as one.
    pub fn is(bytes: &[u8]) -> bool {
        weights::metadata(bytes).is_ok_and(|about| about.get(KIND.0).is_some_and(|it| it == KIND.1))
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn load(bytes: &[u8]) -> Result<Self, TunedError> {
        let (tensors, about) = weights::deserialize(bytes)?;
        if about.get(KIND.0).is_none_or(|it| it != KIND.1) {
            return Err(TunedError::Foreign);
        }
        let picture = weights::attachment(bytes, PICTURE)?;
        Ok(Self { picture: Picture::decode(&picture)?, about, tensors })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`TunedError::Weights`] for values that are not finite.
    pub fn save(&self) -> Result<Vec<u8>, TunedError> {
        let mut picture = Vec::new();
        for quality in QUALITIES {
            picture = self.picture.encode(Format::Jpeg { quality })?;
            if picture.len() <= PICTURE_BYTES {
                break;
            }
        }
        Ok(weights::serialize_with(&self.tensors, &self.about, &[(PICTURE, &picture)])?)
    }

    /// The weights of the general networks, as a file's bytes, with this style's in their place.
    ///
    /// # Errors
    /// [`TunedError::OtherWeights`], or [`TunedError::Weights`] where the tensors do not fit.
    pub fn applied_to(&self, base: &[u8]) -> Result<Vec<NamedTensor>, TunedError> {
        let (mut tensors, metadata) = weights::deserialize(base)?;
        let tuned_from = self.about.get(BASE).cloned().unwrap_or_default();
        let found = weights::checksum_of(&metadata);
        if tuned_from != found {
            return Err(TunedError::OtherWeights { tuned_from, weights: found });
        }
        for tuned in &self.tensors {
            let place = tensors.iter_mut().find(|tensor| tensor.name == tuned.name);
            let place = place.ok_or_else(|| WeightsError::Unknown(tuned.name.clone()))?;
            if place.shape != tuned.shape {
                return Err(TunedError::Weights(WeightsError::Shape {
                    name: tuned.name.clone(),
                    expected: place.shape.clone(),
                    found: tuned.shape.clone(),
                }));
            }
            place.values.clone_from(&tuned.values);
        }
        Ok(tensors)
    }
}

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::procedural::{Family, paint};
    use crate::stylizer::Stylizer;

    /// The weights that ship, with the values of tensors with that in their names changed a little.
    fn changed(name: &str) -> Vec<u8> {
        let (mut tensors, metadata) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
        for tensor in tensors.iter_mut().filter(|tensor| tensor.name.contains(name)) {
            tensor.values.iter_mut().for_each(|value| *value *= 1.25);
        }
        weights::serialize(&tensors, &metadata).unwrap()
    }

    #[test]
    fn a_file_makes_the_tuned_networks_of_the_general_ones() {
        let device = crate::device::cpu();
        let style = paint(Family::Woodcut, 500, 400, 1);
        let tuned = changed("conv_6.conv");
        let about = Metadata::from([("name".into(), "Woodcut".into())]);
        let made = TunedStyle::new(crate::DEFAULT_WEIGHTS, &tuned, &style, about).unwrap();
        let bytes = made.save().unwrap();
        assert!(bytes.len() < 200_000, "{} bytes", bytes.len());
        assert!(TunedStyle::is(&bytes) && !TunedStyle::is(&tuned) && !TunedStyle::is(b"no"));
        let read = TunedStyle::load(&bytes).unwrap();
        assert_eq!((read.picture.width(), read.picture.height()), (384, 307));
        assert_eq!(read.about["name"], "Woodcut");
        let photo = paint(Family::Agate, 64, 48, 2);
        let painted = |stylizer: &Stylizer| {
            let (content, style) = (stylizer.encode_content(&photo), stylizer.encode_style(&style));
            pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0)).unwrap()
        };
        let found = Stylizer::tuned(crate::DEFAULT_WEIGHTS, &read, &device).unwrap();
        let expected = Stylizer::load(&tuned, &device).unwrap();
        assert_eq!(painted(&found), painted(&expected));
        let general = Stylizer::load(crate::DEFAULT_WEIGHTS, &device).unwrap();
        assert_ne!(painted(&found), painted(&general));
    }

    #[test]
    fn files_that_do_not_fit_are_refused() {
        let style = paint(Family::Woodcut, 64, 64, 1);
        let base = crate::DEFAULT_WEIGHTS;
        let made = TunedStyle::new(base, base, &style, Metadata::new()).unwrap();
        let bytes = made.save().unwrap();
        assert!(matches!(TunedStyle::load(base), Err(TunedError::Foreign)));
        let cut = TunedStyle::load(&bytes[..bytes.len() / 2]);
        assert!(matches!(cut, Err(TunedError::Weights(WeightsError::Unreadable(_)))));
        let mut damaged = bytes.clone();
        let last = damaged.len() - 9;
        damaged[last] ^= 1;
        let damaged = TunedStyle::load(&damaged);
        assert!(matches!(damaged, Err(TunedError::Weights(WeightsError::Checksum { .. }))));
        let other = changed("conv_6");
        assert!(matches!(made.applied_to(&other), Err(TunedError::OtherWeights { .. })));
        let mut hostile = made.clone();
        hostile.tensors[0].shape = vec![1];
        hostile.tensors[0].values = vec![0.0];
        assert!(matches!(
            hostile.applied_to(base),
            Err(TunedError::Weights(WeightsError::Shape { .. }))
        ));
        hostile.tensors[0].name = "generator.other.bias".into();
        assert!(matches!(
            hostile.applied_to(base),
            Err(TunedError::Weights(WeightsError::Unknown(_)))
        ));
    }
}
