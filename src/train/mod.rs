//! Training: pictures in two folders to weights.

pub mod answers;
pub mod augment;
mod blocks;
pub mod checkpoint;
pub mod config;
pub mod dataset;
pub mod distillation;
pub mod evaluate;
pub mod factors;
pub mod loss_network;
pub mod losses;
pub mod networks;
pub mod plot;
pub mod probe;
pub mod sheet;
pub mod trainer;
mod whitening;
mod worker;

pub use config::TrainConfig;
pub use trainer::{Outcome, Start, Trainer};
pub use worker::Losses;

/// Why training could not start or go on.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A folder without a single usable picture.
    #[error("no usable picture in {0}")]
    NoPictures(String),
    /// A file or folder could not be read or written.
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    /// The configuration file is wrong.
    #[error("the configuration is wrong: {0}")]
    Config(String),
    /// A checkpoint is incomplete, or belongs to other settings.
    #[error("cannot resume from {path}: {reason}")]
    Checkpoint { path: String, reason: String },
    /// A run is to go on, but not as it began. The text says what differs.
    #[error(
        "the run was begun otherwise: {0}; leave these as they were, or go on all the same with \
         --change-settings"
    )]
    Changed(String),
    /// Weights do not fit.
    #[error(transparent)]
    Weights(#[from] crate::WeightsError),
    /// A loss became NaN or infinite again and again.
    #[error(
        "the losses stopped being finite at step {0}, also after going back to the last checkpoint; \
         lower learning_rate in the configuration"
    )]
    Diverged(usize),
}

impl TrainError {
    fn file(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::File { path: path.display().to_string(), reason: reason.to_string() }
    }
}
