//! `impasto average`: weights of one training run to better ones.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use impasto::{Stylizer, device, weights};

use super::files;

/// Average weights of one training run.
///
/// The mean of the weights at several steps of a run often paints better than any of them
/// (stochastic weight averaging, Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
/// Generalization", 2018). `impasto train` leaves weights-STEP.safetensors for it in its folder; `impasto
/// evaluate` tells whether it helped. Weights of runs that started from different ones do not mix.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, for a run of 5000 steps:
  impasto average runs/first/weights-000{3,4,5}*.safetensors -o average.safetensors
  impasto evaluate --content photos --style paintings --weights average.safetensors")]
pub struct Average {
    /// Weights files, the last one trained longest
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    files: Vec<PathBuf>,
    /// File to write
    #[arg(short, long, alias = "out", value_name = "FILE")]
    output: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

impl Average {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let output = std::slice::from_ref(&self.output);
        files::refuse_to_replace_inputs(output, self.files.iter())?;
        files::refuse_to_overwrite(output, self.force)?;
        files::make_folder_of(&self.output)?;
        let mut mean = weights::Mean::default();
        let mut metadata = weights::Metadata::new();
        for path in &self.files {
            let named = || format!("cannot use {}", path.display());
            let bytes = files::read(path)?;
            // What is averaged is to be painted with.
            Stylizer::load(&bytes, &device::cpu()).with_context(named)?;
            let (tensors, about) = weights::deserialize(&bytes).with_context(named)?;
            mean.add(tensors).with_context(named)?;
            metadata = about;
        }
        metadata.insert("averaged_files".into(), self.files.len().to_string());
        weights::write(&self.output, &mean.tensors(), &metadata)?;
        say!("The average of {} files is in {}", self.files.len(), self.output.display());
        Ok(())
    }
}
