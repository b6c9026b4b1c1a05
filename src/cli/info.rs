//! `impasto info`: what a weights file says about itself.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use impasto::{DEFAULT_WEIGHTS, weights};

use super::files;

/// Say what is in a weights file.
///
/// Prints the file's metadata, and the shape and number of parameters of every layer. Checks the
/// file on the way.
#[derive(Debug, Args)]
pub struct Info {
    /// Weights file, instead of the one in the program
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

impl Info {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let (name, bytes) = match &self.weights {
            Some(path) => (path.display().to_string(), files::read(path)?),
            None => ("the weights in the program".into(), DEFAULT_WEIGHTS.to_vec()),
        };
        let (tensors, metadata) = weights::deserialize(&bytes).with_context(|| name.clone())?;
        println!("{name}: {:.2} MB", bytes.len() as f64 / 1e6);
        for (key, value) in &metadata {
            println!("  {key}: {value}");
        }
        let mut sum = 0;
        for tensor in &tensors {
            let shape = tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            println!("  {:32} {:>20} {:>10}", tensor.name, shape, tensor.values.len());
            sum += tensor.values.len();
        }
        println!("  {:32} {:>20} {:>10}", "in all", "", sum);
        Ok(())
    }
}
