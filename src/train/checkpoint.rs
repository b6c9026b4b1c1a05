//! Everything a run needs to go on as if it had not been interrupted.
//!
//! A checkpoint is a folder `checkpoint-STEP`, renamed into place when it is complete; the last
//! two are kept.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use serde::{Deserialize, Serialize};

use super::TrainError;
use super::config::TrainConfig;
use super::distillation::Memory;
use super::networks::Networks;
use crate::network::discriminator::Discriminator;

const PREFIX: &str = "checkpoint-";
const KEEP: usize = 2;
/// The file of what distillation remembers; there is none after it.
const MEMORY: &str = "distillation.safetensors";

/// The training of the weights that a run started from.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Before {
    /// Its steps.
    pub steps: usize,
    /// How long it took.
    pub seconds: f64,
}

/// What is not tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Seconds of training so far, over all sessions.
    pub seconds: f64,
    /// How often the run went back to a checkpoint.
    pub rollbacks: u64,
    /// What came before this run.
    #[serde(default)]
    pub before: Before,
    /// Which photos and which styles, see [`Folder::fingerprint`](super::dataset::Folder::fingerprint).
    #[serde(default)]
    pub pictures: Vec<String>,
    /// The settings; a run goes on only under the same ones, except for its length and rhythm.
    pub config: TrainConfig,
}

/// All that changes during training.
pub struct State {
    /// The generator's side.
    pub networks: Networks,
    /// Moving average of the networks' weights.
    pub average: Networks,
    /// The other side.
    pub discriminator: Discriminator,
    /// Of the generator's side.
    pub optimizer: ModuleOptimizer,
    /// Of the other side.
    pub discriminator_optimizer: ModuleOptimizer,
    /// What distillation remembers.
    pub memory: Memory,
}

/// Writes a checkpoint into `folder`, then removes all but the last two.
///
/// # Errors
/// [`TrainError::File`] when the disk refuses; older checkpoints are then still there.
pub fn save(folder: &Path, state: &State, progress: &Progress) -> Result<(), TrainError> {
    let temporary = folder.join("checkpoint.incomplete");
    let fail = |error: &dyn std::fmt::Display| TrainError::file(&temporary, error);
    if temporary.exists() {
        fs::remove_dir_all(&temporary).map_err(|error| fail(&error))?;
    }
    fs::create_dir_all(&temporary).map_err(|error| fail(&error))?;
    let file = |name: &str| temporary.join(name);
    state.networks.clone().save_file(file("networks")).map_err(|error| fail(&error))?;
    state.average.clone().save_file(file("average")).map_err(|error| fail(&error))?;
    state.discriminator.clone().save_file(file("discriminator")).map_err(|error| fail(&error))?;
    state.optimizer.save(file("optimizer")).map_err(|error| fail(&error))?;
    let optimizer = &state.discriminator_optimizer;
    optimizer.save(file("discriminator-optimizer")).map_err(|error| fail(&error))?;
    if let Some(bytes) = state.memory.to_bytes().map_err(|error| fail(&error))? {
        fs::write(file(MEMORY), bytes).map_err(|error| fail(&error))?;
    }
    let text = toml::to_string(progress).map_err(|error| fail(&error))?;
    fs::write(file("progress.toml"), text).map_err(|error| fail(&error))?;

    let place = folder.join(format!("{PREFIX}{:07}", progress.step));
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| fail(&error))?;
    }
    fs::rename(&temporary, &place).map_err(|error| fail(&error))?;
    for old in all(folder).iter().rev().skip(KEEP) {
        fs::remove_dir_all(old).map_err(|error| TrainError::file(old, error))?;
    }
    Ok(())
}

/// The newest checkpoint in `folder`, if there is one.
pub fn newest(folder: &Path) -> Option<PathBuf> {
    all(folder).pop()
}

/// From old to new.
fn all(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut checkpoints: Vec<_> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            number.is_some_and(|number| number.parse::<usize>().is_ok())
        })
        .map(|entry| entry.path())
        .collect();
    checkpoints.sort();
    checkpoints
}

/// What a checkpoint has beside tensors.
///
/// # Errors
/// [`TrainError::Checkpoint`] when it is missing or of another version.
pub fn progress(checkpoint: &Path) -> Result<Progress, TrainError> {
    let fail =
        |reason: String| TrainError::Checkpoint { path: checkpoint.display().to_string(), reason };
    let text = fs::read_to_string(checkpoint.join("progress.toml"))
        .map_err(|error| fail(error.to_string()))?;
    toml::from_str(&text).map_err(|error| fail(error.to_string()))
}

/// Puts the checkpoint's values into `state`.
///
/// # Errors
/// [`TrainError::Checkpoint`] when a file is missing or is of other networks.
pub fn load(checkpoint: &Path, state: State) -> Result<(State, Progress), TrainError> {
    let fail =
        |reason: String| TrainError::Checkpoint { path: checkpoint.display().to_string(), reason };
    let file = |name: &str| checkpoint.join(name);
    let progress = progress(checkpoint)?;
    let error = |error: burn::store::RecordError| fail(error.to_string());
    let memory = match fs::read(file(MEMORY)) {
        Ok(bytes) => Memory::from_bytes(&bytes).map_err(|error| fail(error.to_string()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Memory::default(),
        Err(error) => return Err(fail(error.to_string())),
    };
    let state = State {
        networks: state.networks.try_load_file(file("networks")).map_err(error)?,
        average: state.average.try_load_file(file("average")).map_err(error)?,
        discriminator: state.discriminator.try_load_file(file("discriminator")).map_err(error)?,
        optimizer: state.optimizer.load(file("optimizer")).map_err(error)?,
        discriminator_optimizer: state
            .discriminator_optimizer
            .load(file("discriminator-optimizer"))
            .map_err(error)?,
        memory,
    };
    Ok((state, progress))
}
