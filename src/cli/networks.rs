//! The networks that a command computes with.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::Args;
use impasto::{DEFAULT_WEIGHTS, Stylizer};

use super::files;

/// The weights, as an option that commands share.
#[derive(Debug, Args)]
pub struct Weights {
    /// Weights from `impasto train`, instead of those in the program
    #[arg(long = "weights", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Weights {
    /// Those in a file.
    pub fn of(path: PathBuf) -> Self {
        Self { file: Some(path) }
    }

    /// The file, where one is named.
    pub fn path(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// A weights file that is known to be there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self) -> Result<WeightsFile> {
        Ok(match &self.file {
            Some(path) => {
                WeightsFile { name: files::name_of(path), bytes: files::read(path)?.into() }
            }
            None => WeightsFile {
                name: "the weights in the program".into(),
                bytes: DEFAULT_WEIGHTS.into(),
            },
        })
    }
}

/// The bytes of a weights file.
pub struct WeightsFile {
    /// How messages call it.
    pub name: String,
    pub bytes: Cow<'static, [u8]>,
}

impl WeightsFile {
    /// The networks on a device.
    ///
    /// # Errors
    /// If it is no weights file, or one of other networks. Names it.
    pub fn stylizer(&self, device: &Device) -> Result<Stylizer> {
        Stylizer::load(&self.bytes, device).with_context(|| format!("cannot use {}", self.name))
    }
}
