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
//! The rooms in the order data flows, each of which knows those below it only (`tests/house.rs` sees to that):
//! [`picture`] (bytes to pixels, and masks), [`network`] (pixels to features to pixels), [`stylizer`] (all of it);
//! [`film`] paints frames in their order; [`fit`] goes on from a painting by gradient descent, and [`tuned`] styles have weights of their own. Below them
//! are [`kernels`], the only room that knows backends, [`weights`] and [`device`]. [`procedural`] makes style
//! pictures by rules, without any network.

#![warn(missing_docs)]

#[cfg(feature = "cli")]
pub mod census;
pub mod device;
#[cfg(feature = "cli")]
pub mod files;
pub mod film;
#[cfg(any(feature = "cli", target_arch = "wasm32"))]
pub mod fit;
pub mod kernels;
pub mod network;
pub mod picture;
#[cfg(feature = "cli")]
pub mod procedural;
pub mod stylizer;
mod tiles;
pub mod tuned;
pub mod weights;

#[cfg(feature = "train")]
pub mod train;

#[cfg(all(feature = "web", target_arch = "wasm32"))]
mod web;

pub use network::palette::Colours;
#[cfg(feature = "cli")]
pub use picture::codecs::Format;
pub use picture::mask::Mask;
pub use picture::{Picture, PictureError};
pub use stylizer::{Content, Layer, Options, STYLE_SIZE, Style, StylizeError, Stylizer};
#[cfg(not(target_arch = "wasm32"))]
pub use weights::DEFAULT_WEIGHTS;
pub use weights::WeightsError;
