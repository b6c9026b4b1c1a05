//! Styles that the networks were tuned to: what of the generator differs, and the style picture.
//!
//! Some hundred steps of training on one style make a specialist for it of the general networks (Dumoulin et al.,
//! "A Learned Representation for Artistic Style", 2017, for scale and shift alone). A file has what is needed for
//! that beside the general weights: biases and the late convolutions, mostly in 8 bits, about 0.15 MB.

#[cfg(feature = "cli")]
use crate::picture::codecs::Format;
#[cfg(feature = "cli")]
use crate::picture::{Picture, PictureError};
use crate::weights::{self, Metadata, NamedTensor, WeightsError};

/// What is tuned, by what is in the tensors' names. All biases: behind the maps from the style code, which is the
/// same for all paintings, they do what these do.
pub const PARTS: [&str; 12] = [
    ".bias",
    "block_4.first.conv",
    "block_4.second",
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
/// How safetensors with metadata begin, behind a number of so many bytes.
#[cfg(feature = "cli")]
const HEAD: &[u8] = b"{\"__metadata__\"";
#[cfg(feature = "cli")]
const HEAD_LENGTH: usize = 8;
/// Long side of the picture in the file, the most bytes that it takes, and the qualities to try.
#[cfg(feature = "cli")]
const PICTURE_SIZE: u32 = 384;
#[cfg(feature = "cli")]
const PICTURE_BYTES: usize = 38_400;
#[cfg(feature = "cli")]
const QUALITIES: [u8; 6] = [85, 75, 60, 45, 30, 20];

/// Why a tuned style cannot be used.
#[expect(missing_docs, reason = "the messages name the fields")]
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
    #[cfg(feature = "cli")]
    #[error("the picture in the file: {0}")]
    Picture(#[from] PictureError),
}

/// What training on one style made of the tensors that are tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Name, author, licence, steps and the like.
    pub about: Metadata,
    tensors: Vec<NamedTensor>,
}

/// By how much a tuning differs from the general weights, tensor by tensor.
#[derive(Debug)]
pub struct Change(Vec<NamedTensor>);

/// Whether the tensor of this name is one of those that are tuned.
pub fn is_tuned(name: &str) -> bool {
    name.starts_with("generator.") && PARTS.iter().any(|part| name.contains(part))
}

impl Tuning {
    /// From the bytes of a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn load(bytes: &[u8]) -> Result<Self, TunedError> {
        let (tensors, about) = weights::deserialize(bytes)?;
        if about.get(KIND.0).is_none_or(|it| it != KIND.1) {
            return Err(TunedError::Foreign);
        }
        Ok(Self { about, tensors })
    }

    /// What was `learned` from the weights file that says this of itself.
    pub fn new(learned: Vec<NamedTensor>, mut about: Metadata, from: &Metadata) -> Self {
        about.insert(KIND.0.into(), KIND.1.into());
        about.insert(BASE.into(), weights::checksum_of(from));
        Self { about, tensors: learned }
    }

    /// Puts what was learned in the place of `general` tensors, those of the weights with this checksum.
    ///
    /// # Errors
    /// As for [`Tuning::change`].
    pub fn replace_in(&self, general: &mut [NamedTensor], weights: &str) -> Result<(), TunedError> {
        self.expect_from(weights)?;
        for tuned in &self.tensors {
            let at = place_of(tuned, general)?;
            general[at].values.clone_from(&tuned.values);
        }
        Ok(())
    }

    /// The bytes of a file, with the style picture in it as a JPEG or PNG file.
    ///
    /// # Errors
    /// [`TunedError::Weights`] for values that are not finite.
    pub fn save(&self, picture: &[u8]) -> Result<Vec<u8>, TunedError> {
        Ok(weights::serialize_with(&self.tensors, &self.about, &[(PICTURE, picture)])?)
    }

    fn expect_from(&self, weights: &str) -> Result<(), TunedError> {
        let tuned_from = self.about.get(BASE).cloned().unwrap_or_default();
        match tuned_from == weights {
            true => Ok(()),
            false => Err(TunedError::OtherWeights { tuned_from, weights: weights.into() }),
        }
    }

    /// The difference from `general`, what is tuned of the weights with the checksum `weights`.
    ///
    /// # Errors
    /// [`TunedError::OtherWeights`], or [`TunedError::Weights`] where the tensors do not fit.
    pub fn change(&self, general: &[NamedTensor], weights: &str) -> Result<Change, TunedError> {
        self.expect_from(weights)?;
        let change = |tuned: &NamedTensor| {
            let place = &general[place_of(tuned, general)?];
            let values = tuned.values.iter().zip(&place.values);
            let values = values.map(|(tuned, value)| tuned - value);
            Ok(NamedTensor { values: values.collect(), ..tuned.clone() })
        };
        Ok(Change(self.tensors.iter().map(change).collect::<Result<_, WeightsError>>()?))
    }
}

#[cfg(feature = "cli")]
impl Change {
    /// What would have been learned from the `general` tensors of other weights, which say `from` of themselves, had it changed
    /// them by as much (Ilharco et al., "Editing Models with Task Arithmetic", 2023). `about`: name and the like.
    ///
    /// # Errors
    /// [`TunedError::Weights`] where the tensors do not fit.
    pub fn made_to(
        self,
        general: &[NamedTensor],
        about: Metadata,
        from: &Metadata,
    ) -> Result<Tuning, TunedError> {
        let tensors = self.0.into_iter().map(|mut change| {
            let place = place_of(&change, general)?;
            for (value, general) in change.values.iter_mut().zip(&general[place].values) {
                *value += general;
            }
            Ok(change)
        });
        let tensors = tensors.collect::<Result<_, WeightsError>>()?;
        Ok(Tuning::new(tensors, about, from))
    }
}

/// Where the tensor of that name and shape is among others.
fn place_of(tuned: &NamedTensor, others: &[NamedTensor]) -> Result<usize, WeightsError> {
    let name = &tuned.name;
    let place = others.iter().position(|tensor| tensor.name == *name);
    let place = place.ok_or_else(|| WeightsError::Unknown(name.clone()))?;
    if others[place].shape != tuned.shape {
        let (expected, found) = (others[place].shape.clone(), tuned.shape.clone());
        return Err(WeightsError::Shape { name: name.clone(), expected, found });
    }
    Ok(place)
}

/// `general` plus the weighted changes: the tensors that differ from it.
pub fn mixed<'a>(
    general: &[NamedTensor],
    changes: impl Iterator<Item = (&'a Change, f32)>,
) -> Vec<NamedTensor> {
    let mut mixed: Vec<NamedTensor> = Vec::new();
    for (Change(tensors), weight) in changes {
        for change in tensors {
            let place = mixed.iter().position(|tensor| tensor.name == change.name);
            let place = place.unwrap_or_else(|| {
                mixed.extend(general.iter().find(|tensor| tensor.name == change.name).cloned());
                mixed.len() - 1
            });
            for (value, change) in mixed[place].values.iter_mut().zip(&change.values) {
                *value += weight * change;
            }
        }
    }
    mixed
}

/// A tuned style: its picture, and what was learned of it.
#[cfg(feature = "cli")]
#[derive(Debug, Clone, PartialEq)]
pub struct TunedStyle {
    /// The style picture, a small version of it.
    pub picture: Picture,
    /// What was learned.
    pub tuning: Tuning,
}

#[cfg(feature = "cli")]
impl TunedStyle {
    /// With a small version of the style picture.
    pub fn new(picture: &Picture, tuning: Tuning) -> Self {
        Self { picture: picture.fit(PICTURE_SIZE), tuning }
    }

    /// Whether these bytes are meant as one. So is a file that is cut short before it says what it is: nothing else that
    /// can be a style begins like that.
    pub fn is(bytes: &[u8]) -> bool {
        match weights::metadata(bytes) {
            Ok(about) => about.get(KIND.0).is_some_and(|it| it == KIND.1),
            Err(WeightsError::Unreadable(_)) => {
                bytes.get(HEAD_LENGTH..).is_some_and(|rest| rest.starts_with(HEAD))
            }
            Err(_) => false,
        }
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn load(bytes: &[u8]) -> Result<Self, TunedError> {
        let tuning = Tuning::load(bytes)?;
        let picture = weights::attachment(bytes, PICTURE)?;
        Ok(Self { picture: Picture::decode(&picture)?, tuning })
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
        self.tuning.save(&picture)
    }
}

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::procedural::{Family, bundled, paint};
    use crate::stylizer::{Style, Stylizer};

    /// The weights that ship, with the values of tensors with that in their names changed a little.
    fn changed(name: &str) -> Vec<u8> {
        let (mut tensors, metadata) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
        for tensor in tensors.iter_mut().filter(|tensor| tensor.name.contains(name)) {
            tensor.values.iter_mut().for_each(|value| *value *= 1.25);
        }
        weights::serialize(&tensors, &metadata).unwrap()
    }

    /// What would have been learned from the weights that ship if it had made others of them.
    fn tuning_of(tuned: &[u8], about: Metadata) -> Tuning {
        let (_, general) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
        let (mut tensors, _) = weights::deserialize(tuned).unwrap();
        tensors.retain(|tensor| is_tuned(&tensor.name));
        Tuning::new(tensors, about, &general)
    }

    /// A file that differs from the weights that ship in tensors with that in their names.
    fn style_of(name: &str, picture: &Picture) -> TunedStyle {
        let about = Metadata::from([("name".into(), "Woodcut".into())]);
        TunedStyle::new(picture, tuning_of(&changed(name), about))
    }

    fn painted(stylizer: &Stylizer, styles: &[(&Style, f32)], strength: f32) -> Picture {
        let content = stylizer.encode_content(&paint(Family::Agate, 64, 48, 2));
        pollster::block_on(stylizer.stylize(&content, styles, strength)).unwrap()
    }

    #[test]
    fn a_file_makes_the_tuned_networks_of_the_general_ones() {
        let device = crate::device::cpu();
        let style = paint(Family::Woodcut, 600, 480, 1);
        let tuned = changed("conv_6.conv");
        let bytes = style_of("conv_6.conv", &style).save().unwrap();
        assert!(bytes.len() < 200_000, "{} bytes", bytes.len());
        assert!(TunedStyle::is(&bytes) && !TunedStyle::is(&tuned) && !TunedStyle::is(b"no"));
        assert!(TunedStyle::is(&bytes[..bytes.len() / 2]) && TunedStyle::is(&bytes[..100]));
        let read = TunedStyle::load(&bytes).unwrap();
        assert_eq!((read.picture.width(), read.picture.height()), (384, 307));
        assert_eq!(read.tuning.about["name"], "Woodcut");
        let (mut learned, metadata) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
        read.tuning.replace_in(&mut learned, &weights::checksum_of(&metadata)).unwrap();
        assert_eq!(learned, weights::deserialize(&tuned).unwrap().0);
        let general = Stylizer::load(crate::DEFAULT_WEIGHTS, &device).unwrap();
        let expected = Stylizer::load(&tuned, &device).unwrap();
        let found = general.encode_tuned_style(&style, &read.tuning).unwrap();
        let plain = general.encode_style(&style);
        let [found, expected, before] =
            [(&general, &found), (&expected, &expected.encode_style(&style)), (&general, &plain)]
                .map(|(stylizer, style)| painted(stylizer, &[(style, 1.0)], 1.0));
        assert_eq!(found, expected);
        assert_ne!(found, before);
    }

    #[test]
    fn what_was_learned_is_carried_over_to_other_weights() {
        let picture = paint(Family::Woodcut, 64, 64, 1);
        let style = style_of("conv_6.conv", &picture);
        // A quarter more in one layer was learned; the other weights have a quarter more in another layer.
        let other = changed("conv_5.conv");
        let (tensors, about) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
        let (others, other_about) = weights::deserialize(&other).unwrap();
        let change = style.tuning.change(&tensors, &weights::checksum_of(&about)).unwrap();
        let carried = change.made_to(&others, style.tuning.about.clone(), &other_about).unwrap();
        assert_eq!(carried.about["name"], "Woodcut");
        let mut found = others.clone();
        carried.replace_in(&mut found, &weights::checksum_of(&other_about)).unwrap();
        let (expected, _) = weights::deserialize(&changed("conv_6.conv")).unwrap();
        for ((found, other), tuned) in found.iter().zip(others.clone()).zip(expected) {
            let expected = if found.name.contains("conv_6.conv") { tuned } else { other };
            // Both files are in 8 bits.
            let most = expected.values.iter().fold(0f32, |most, value| most.max(value.abs()));
            let apart = found.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f32::max) <= most / 100.0, "{}", found.name);
        }
        let wrong = style.tuning.change(&others, &weights::checksum_of(&other_about));
        assert!(matches!(wrong, Err(TunedError::OtherWeights { .. })));
    }

    #[test]
    fn in_mixtures_a_style_is_tuned_by_its_share() {
        let device = crate::device::cpu();
        let [one, other] = [Family::Woodcut, Family::Agate].map(|family| paint(family, 64, 64, 1));
        let general = Stylizer::load(crate::DEFAULT_WEIGHTS, &device).unwrap();
        let tuned = |name, picture| {
            general.encode_tuned_style(picture, &style_of(name, picture).tuning).unwrap()
        };
        let mixture = [(&tuned("conv_6", &one), 1.0), (&tuned("conv_5.conv", &other), 3.0)];
        // 1.25 times the weights, at a half (strength) of a quarter and of three quarters.
        let scale = |name: &str| match name {
            "generator.conv_6.conv.weight" | "generator.conv_6.conv.bias" => 1.0 + 0.25 * 0.125,
            "generator.conv_5.conv.conv.weight" | "generator.conv_5.conv.conv.bias" => {
                1.0 + 0.25 * 0.375
            }
            _ => 1.0,
        };
        let (mut tensors, metadata) = weights::deserialize(crate::DEFAULT_WEIGHTS).unwrap();
        for tensor in &mut tensors {
            let scale = scale(&tensor.name);
            tensor.values.iter_mut().for_each(|value| *value *= scale);
        }
        let expected = weights::serialize(&tensors, &metadata).unwrap();
        let expected = Stylizer::load(&expected, &device).unwrap();
        let plain = [(&expected.encode_style(&one), 1.0), (&expected.encode_style(&other), 3.0)];
        let (found, expected) = (painted(&general, &mixture, 0.5), painted(&expected, &plain, 0.5));
        let worst = found.rgb().iter().zip(expected.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() <= 1, "{worst:?} of 255 levels");
        let without = [(&general.encode_style(&one), 1.0), (&general.encode_style(&other), 3.0)];
        assert_ne!(found, painted(&general, &without, 0.5));
        // No part of it is left where the photo is.
        let content = paint(Family::Agate, 64, 48, 2);
        let far = painted(&general, &mixture, 0.0);
        assert_eq!(far.rgb().iter().zip(content.rgb()).map(|(a, b)| a.abs_diff(*b)).max(), Some(0));
    }

    #[test]
    fn files_that_do_not_fit_are_refused() {
        let style = paint(Family::Woodcut, 64, 64, 1);
        let base = crate::DEFAULT_WEIGHTS;
        let made = TunedStyle::new(&style, tuning_of(base, Metadata::new()));
        let bytes = made.save().unwrap();
        assert!(matches!(TunedStyle::load(base), Err(TunedError::Foreign)));
        let cut = TunedStyle::load(&bytes[..bytes.len() / 2]);
        assert!(matches!(cut, Err(TunedError::Weights(WeightsError::Unreadable(_)))));
        let mut damaged = bytes.clone();
        let last = damaged.len() - 9;
        damaged[last] ^= 1;
        let damaged = TunedStyle::load(&damaged);
        assert!(matches!(damaged, Err(TunedError::Weights(WeightsError::Checksum { .. }))));
        let device = crate::device::cpu();
        let encoded = |weights: &[u8], made: &TunedStyle| {
            let stylizer = Stylizer::load(weights, &device).unwrap();
            stylizer.encode_tuned_style(&style, &made.tuning).map(|_| ())
        };
        encoded(base, &made).unwrap();
        let other = changed("conv_6");
        assert!(matches!(encoded(&other, &made), Err(TunedError::OtherWeights { .. })));
        let mut hostile = made.clone();
        hostile.tuning.tensors[0].shape = vec![1];
        hostile.tuning.tensors[0].values = vec![0.0];
        assert!(matches!(
            encoded(base, &hostile),
            Err(TunedError::Weights(WeightsError::Shape { .. }))
        ));
        hostile.tuning.tensors[0].name = "generator.other.bias".into();
        assert!(matches!(
            encoded(base, &hostile),
            Err(TunedError::Weights(WeightsError::Unknown(_)))
        ));
    }

    #[test]
    fn the_styles_that_come_with_the_program_are_tuned_from_its_weights() {
        let general = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let mut tuned = Vec::new();
        for bundled in bundled() {
            let Some(bytes) = bundled.tuned() else { continue };
            let style = TunedStyle::load(bytes).unwrap();
            general.encode_tuned_style(&style.picture, &style.tuning).unwrap();
            assert_eq!(style.tuning.about["name"], bundled.title_en);
            assert!(bytes.len() <= 200_000, "{}: {} bytes", bundled.id, bytes.len());
            // It is the picture by its colours, too.
            let means = [&style.picture, &bundled.picture()].map(|it| it.colour_statistics().0);
            let apart = means[0].iter().zip(means[1]).map(|(a, b)| (a - b).abs()).sum::<f64>();
            assert!(apart < 0.03, "{}: {means:?}", bundled.id);
            tuned.push(format!("{}.style", bundled.id));
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models/tuned");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        tuned.sort();
        assert_eq!(tuned, files, "src/procedural/bundled.rs names the files of models/tuned");
    }
}
