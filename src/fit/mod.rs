//! Pictures fitted to what VGG-19 sees in a photo and in styles (Gatys et al., "Image Style Transfer Using
//! Convolutional Neural Networks", 2016).
//!
//! No files, no threads, and no automatic differentiation: gradients are written out, in operations that
//! every device has, so that a browser can do it as well.

mod chain;
mod goal;
mod refine;

pub use chain::Chain;
pub use goal::Losses;
pub use refine::{RefineError, RefineOptions, Refinement};

/// VGG-19 to relu4_1 for [`Chain::load`] (`models/vgg19-relu4_1.safetensors`).
#[cfg(not(target_arch = "wasm32"))]
pub const NETWORK: &[u8] = include_bytes!("../../models/vgg19-relu4_1.safetensors");
