//! `impasto dream`: pictures of nothing that is.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use impasto::{STYLE_SIZE, Style, procedural};

use super::engine::Engine;
use super::networks::Weights;
use super::{files, look};

/// Make a picture without a photo, in the style of one or several pictures.
///
/// What it shows (hills, a town, flowers, the sea) is made up by rules from the seed, in colours that suit each
/// other, and then painted as a photo would be. The same seed, size and styles give the same picture.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  impasto dream --style waves.png=2 --style stars.jpg --seed 7 --size 1024x640 -o dream.png
  impasto dream --style starry-impasto -o dream.png")]
pub struct Dream {
    /// Style picture, file of `impasto tune`, or name of a style that comes with the program (`impasto styles
    /// --list`); may be given several times, with weights that say how much each counts
    #[arg(short, long = "style", required = true, value_name = "PICTURE[=WEIGHT]")]
    styles: Vec<OsString>,
    /// Where the picture goes: a file that ends in .png, .jpg or .webp, or - for standard output, as PNG
    #[arg(short, long, alias = "out", value_name = "FILE")]
    output: PathBuf,
    /// Which of the many pictures
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Width and height of the picture, in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "768x512", value_parser = size)]
    size: (u32, u32),
    /// Long side that style pictures are brought to: the larger, the larger the strokes
    #[arg(long, value_name = "LONG_SIDE", default_value_t = STYLE_SIZE,
          value_parser = clap::value_parser!(u32).range(16..=4096))]
    style_size: u32,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    device: Engine,
    #[command(flatten)]
    weights: Weights,
    /// Quality of JPEG files, from 1 to 100 (PNG and WebP lose nothing)
    #[arg(long, default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

impl Dream {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let format = files::format_for(&self.output, self.quality)?;
        let styles = look::parse_styles(&self.styles)?;
        let inputs = || styles.iter().map(|(path, _)| path).chain(self.weights.path());
        let output = std::slice::from_ref(&self.output);
        files::refuse_standard_input_twice(inputs())?;
        files::refuse_to_replace_inputs(output, inputs())?;
        files::refuse_to_overwrite(output, self.force)?;
        let given = styles.iter().map(|(path, _)| files::read_style(path));
        let given = given.collect::<Result<Vec<_>>>()?;
        let weights = self.weights.read()?;
        files::make_folder_of(&self.output)?;
        let stylizer = weights.stylizer(&self.device.open()?)?;
        let encoded = given
            .iter()
            .map(|style| style.encoded(&stylizer, &weights.name, self.style_size))
            .collect::<Result<Vec<Style>>>()?;
        let weighted: Vec<(&Style, f32)> =
            encoded.iter().zip(&styles).map(|(style, (_, weight))| (style, *weight)).collect();
        let (width, height) = self.size;
        let scene = stylizer.encode_content(&procedural::scene(width, height, self.seed));
        let picture = pollster::block_on(stylizer.stylize(&scene, &weighted, 1.0))?;
        files::write(&self.output, &picture.encode(format)?)?;
        let text = format!("{width} x {height} pixels, seed {}", self.seed);
        files::tell_written(&self.output, &text);
        Ok(())
    }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| {
        Some((width.trim().parse::<u32>().ok()?, height.trim().parse::<u32>().ok()?))
    });
    match sides {
        Some((width, height)) if [width, height].iter().all(|side| (16..=8192).contains(side)) => {
            Ok((width, height))
        }
        _ => Err("must be like 768x512, each side from 16 to 8192".into()),
    }
}
