//! `impasto info`: what a weights file says about itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use impasto::STYLE_SIZE;
use impasto::census::{Census, Units};
use impasto::network::generator::BRUSHED;
use impasto::weights::{self, NamedTensor};

use super::files;
use super::networks::{Weights, WeightsFile};

/// Say what is in a weights file.
///
/// Checks the file, then prints its metadata and, for every layer, shape, parameters and the
/// millions of multiply-accumulate operations (MMAC) that one pass takes over a square picture.
#[derive(Debug, Args)]
pub struct Info {
    /// Weights file, as with --weights
    #[arg(value_name = "FILE", conflicts_with = "file")]
    which: Option<PathBuf>,
    #[command(flatten)]
    weights: Weights,
    /// Side of the square picture, in pixels
    #[arg(long, value_name = "SIDE", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(16..=16384))]
    size: u32,
    /// Also count the channels of the encoder, and the numbers of the style code, that never change over
    /// the pictures in this folder, of which there should be some dozens
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

impl Info {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let weights = self.which.map_or(self.weights, Weights::of);
        let file = weights.read()?;
        let census = self.pictures.as_deref().map(|folder| census(&file, folder)).transpose()?;
        let WeightsFile { name, bytes } = file;
        let (tensors, metadata) = weights::deserialize(&bytes).with_context(|| name.clone())?;
        let mut lines = vec![format!("{name}: {:.2} MB", bytes.len() as f64 / 1e6)];
        lines.extend(metadata.iter().map(|(key, value)| format!("  {key}: {value}")));
        lines
            .push(format!("  {:34} {:>17} {:>10} {:>10}", "tensor", "shape", "parameters", "MMAC"));
        let line = |name: &str, shape: &str, parameters: usize, macs: u64| {
            format!("  {name:34} {shape:>17} {parameters:>10} {:>10.1}", macs as f64 / 1e6)
        };
        let (mut parameters, mut macs) = (0, 0);
        for tensor in &tensors {
            let shape = tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            let own = multiplications(tensor, self.size);
            lines.push(line(&tensor.name, &shape, tensor.values.len(), own));
            parameters += tensor.values.len();
            macs += own;
        }
        lines.push(line("in all", &format!("at {0} x {0}", self.size), parameters, macs));
        lines.extend(census.into_iter().flatten());
        say!("{}", lines.join("\n"));
        Ok(())
    }
}

/// How many units are dead.
fn census(file: &WeightsFile, folder: &Path) -> Result<Vec<String>> {
    let paths = files::pictures_in(folder)?;
    let bar = files::progress_bar(paths.len(), "reading");
    let pictures: Vec<_> = paths
        .iter()
        .map(|path| {
            let picture = files::read_picture(path)?.fit(STYLE_SIZE);
            bar.inc(1);
            Ok(picture)
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let census = file.stylizer(&impasto::device::cpu())?.census(&pictures)?;
    let Census { channels, code, blocks } = census;
    let line =
        |name: &str, units: Units| format!("  {name:8} {:>4} of {} dead", units.dead, units.all);
    let levels = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"];
    let mut lines = vec![format!("  units that never change over {} pictures:", pictures.len())];
    lines.extend(levels.into_iter().zip(channels).map(|(name, units)| line(name, units)));
    lines.push(line("code", code));
    let blocks = blocks.map(|levels| format!("{levels:.2}")).join(", ");
    lines.push(format!("  of 255 levels that the residual blocks change paintings by: {blocks}"));
    Ok(lines)
}

/// Of one pass over a square picture. Vectors (biases) are added and not multiplied.
fn multiplications(tensor: &NamedTensor, size: u32) -> u64 {
    let each = tensor.values.len() as u64;
    let area = |halvings: u32| u64::from(size >> halvings).pow(2);
    if tensor.name == "generator.brush_2.weight" {
        // It gives the weights of depthwise convolutions.
        let places = BRUSHED
            .iter()
            .zip([3, 2, 1])
            .map(|(&channels, halvings)| 9 * channels as u64 * area(halvings));
        return each + places.sum::<u64>();
    }
    match tensor.shape.len() {
        4 => each * area(halvings(&tensor.name)),
        2 => each,
        _ => 0,
    }
}

/// How often the picture has been halved where this convolution sees it.
fn halvings(name: &str) -> u32 {
    // The encoder halves before each block; the generator goes the way back.
    const GENERATOR: [(&str, u32); 15] = [
        ("noise_1.", 3),
        ("block_1.", 3),
        ("block_2.", 3),
        ("conv_1.", 3),
        ("skip.", 2),
        ("noise_2.", 2),
        ("block_3.", 2),
        ("block_4.", 2),
        ("conv_2.", 2),
        ("fine_skip.", 1),
        ("noise_3.", 1),
        ("conv_3.", 1),
        ("conv_4.", 1),
        ("conv_5.", 0),
        ("conv_6.", 0),
    ];
    if let Some(layer) = name.strip_prefix("generator.") {
        let known = GENERATOR.iter().find(|(start, _)| layer.starts_with(start));
        return known.map_or(0, |&(_, halvings)| halvings);
    }
    let layer = name.strip_prefix("encoder.").unwrap_or(name);
    let block = layer.strip_prefix("conv").and_then(|rest| rest.chars().next()?.to_digit(10));
    block.unwrap_or(1).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplications_of_known_layers() {
        let macs = |name: &str, shape: &[usize]| {
            let values = vec![0.0; shape.iter().product()];
            let tensor = NamedTensor { name: name.into(), shape: shape.to_vec(), values };
            multiplications(&tensor, 64)
        };
        assert_eq!(macs("conv1_1.weight", &[64, 3, 3, 3]), 64 * 27 * 64 * 64);
        assert_eq!(macs("encoder.conv3_1.weight", &[2, 1, 3, 3]), 18 * 16 * 16);
        assert_eq!(macs("generator.block_1.first.conv.conv.weight", &[2, 1, 3, 3]), 18 * 8 * 8);
        assert_eq!(macs("generator.conv_6.conv.weight", &[3, 1, 3, 3]), 27 * 64 * 64);
        assert_eq!(macs("generator.code_1.weight", &[192, 480]), 192 * 480);
        let brushes = 9 * (128 * 8 * 8 + 64 * 16 * 16 + 24 * 32 * 32);
        assert_eq!(macs("generator.brush_2.weight", &[1944, 64]), 1944 * 64 + brushes);
        assert_eq!(macs("encoder.conv3_1.bias", &[256]), 0);
    }
}
