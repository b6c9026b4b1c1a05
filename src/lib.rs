//! Arbitrary style transfer: a photo painted in the style of any picture.
//!
//! A VGG encoder (Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale
//! Image Recognition", 2015) extracts content features from the photo and style features from
//! the style pictures; a weighted sum fuses them; a generator with residual connections, trained
//! against a discriminator, turns the fused features into a picture.
//!
//! ```no_run
//! # #[cfg(all(feature = "cli", feature = "cpu"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use impasto::{DEFAULT_WEIGHTS, Format, Picture, STYLE_SIZE, Stylizer, device};
//!
//! let stylizer = Stylizer::load(DEFAULT_WEIGHTS, &device::cpu())?;
//! let photo = Picture::decode(&std::fs::read("photo.jpg")?)?.fit(512);
//! let style = Picture::decode(&std::fs::read("painting.jpg")?)?.fit(STYLE_SIZE);
//!
//! let content = stylizer.encode_content(&photo);
//! let style = stylizer.encode_style(&style);
//! let painted = pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0))?;
//! std::fs::write("painted.png", painted.encode(Format::Png)?)?;
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "cli", feature = "cpu")))]
//! # fn main() {}
//! ```
//!
//! The modules in the order data flows: [`codecs`] and [`picture`] (bytes to pixels), [`vgg`] (pixels to
//! features), [`style`] and [`palette`] (features and colours of styles, and their weighted
//! sums), [`generator`] (features to picture), [`regions`] (which part in which style),
//! [`stylizer`] (all of it), with [`layers`], [`kernels`] and
//! [`weights`] below them and [`discriminator`] beside them for training. [`fit`] goes on from a painting by gradient
//! descent.

#[cfg(feature = "cli")]
pub mod census;
#[cfg(feature = "cli")]
pub mod codecs;
pub mod device;
pub mod discriminator;
#[cfg(feature = "cli")]
pub mod dream;
#[cfg(feature = "cli")]
pub mod files;
#[cfg(any(feature = "cli", target_arch = "wasm32"))]
pub mod fit;
pub mod generator;
pub mod kernels;
pub mod layers;
pub mod noise;
pub mod palette;
pub mod picture;
pub mod regions;
pub mod style;
pub mod stylizer;
mod tiles;
#[cfg(feature = "cli")]
pub mod tuned;
pub mod vgg;
pub mod weights;

#[cfg(feature = "train")]
pub mod train;

#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(feature = "cli")]
pub use codecs::Format;
pub use palette::Colours;
pub use picture::{Picture, PictureError};
pub use regions::Mask;
pub use stylizer::{Content, Layer, Options, STYLE_SIZE, Style, StylizeError, Stylizer};
pub use weights::WeightsError;

/// The trained weights that ship with the crate (`models/impasto.safetensors`).
#[cfg(not(target_arch = "wasm32"))]
pub const DEFAULT_WEIGHTS: &[u8] = include_bytes!("../models/impasto.safetensors");
