//! Pictures fitted to what VGG-19 sees in a photo and in styles (Gatys et al., "Image Style Transfer Using
//! Convolutional Neural Networks", 2016).
//!
//! No files and no threads, so that a browser can do it as well. Gradients in the pixels are written out, in operations that
//! every device has; where the numbers of the generator are fitted, [`Learning`], burn differentiates the rest of the way.

mod chain;
mod goal;
#[cfg(feature = "learn")]
mod learn;
mod refine;
#[cfg(not(target_arch = "wasm32"))]
mod transfer;

pub use chain::Chain;
pub use goal::Losses;
#[cfg(feature = "learn")]
pub use learn::{LARGEST_PHOTO, LearnError, LearnOptions, Learned, Learning};
#[cfg(feature = "train")]
pub(crate) use learn::{adam, learning_only, move_average};
pub use refine::{RefineError, RefineLayer, RefineOptions, Refinement};
#[cfg(not(target_arch = "wasm32"))]
pub use transfer::{NETWORK, generate_style_transfer};
