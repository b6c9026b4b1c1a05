//! Pictures fitted to what VGG-19 sees in a photo and in styles (Gatys et al., "Image Style Transfer Using
//! Convolutional Neural Networks", 2016).
//!
//! No files, no threads, and no automatic differentiation: gradients are written out, in operations that
//! every device has, so that a browser can do it as well.

mod chain;
mod goal;
mod refine;
#[cfg(not(target_arch = "wasm32"))]
mod transfer;

pub use chain::Chain;
pub use goal::Losses;
pub use refine::{RefineError, RefineLayer, RefineOptions, Refinement};
#[cfg(not(target_arch = "wasm32"))]
pub use transfer::{NETWORK, generate_style_transfer};
