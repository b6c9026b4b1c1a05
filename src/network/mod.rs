//! The networks, and what goes into them: tensors only.
//!
//! In the order data flows: [`vgg`] (pixels to features), [`style`] and [`palette`] (features and colours of styles,
//! and their weighted sums), [`noise`], [`generator`] (fused features to a picture); [`discriminator`] beside them
//! for training; [`layers`] are what they are built of.

pub mod discriminator;
pub mod generator;
pub mod layers;
pub mod noise;
pub mod palette;
pub mod style;
pub mod vgg;
