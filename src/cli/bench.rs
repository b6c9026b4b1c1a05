//! `impasto bench`: how long the stages take here.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use impasto::fit::{Chain, NETWORK, RefineLayer, RefineOptions, Refinement};
use impasto::{Picture, STYLE_SIZE, Style, Stylizer, procedural};
use serde::Serialize;

use super::engine::{self, Engine};
use super::files;
use super::networks::{Weights, WeightsFile};

/// Measure how long painting takes on this machine.
///
/// Every round takes each device once, so that whatever else the machine does meets them alike:
/// compare medians of one call, not of two. Speed does not depend on what is in the pictures, which
/// are made up. Start-up, files and their formats are not in the figures.
#[derive(Debug, Args)]
#[command(after_help = "\
Stages:
  style     the style picture (384 pixels) to statistics and palette, once for each style
  content   the photo to features, once for each photo
  painting  the encoded to the picture, for every change of strength or mixture
  whole     content and painting
  step      with --refine, one of refining at that size, up to 1024 pixels

Examples:
  impasto bench
  impasto bench --device cpu --sizes 512 --runs 30 --json bench.json

RAYON_NUM_THREADS=1 limits the CPU path to one thread.")]
pub struct Bench {
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Devices::All)]
    device: Devices,
    /// Sides of the square photo, in pixels
    #[arg(long, value_name = "SIDE", value_delimiter = ',', num_args = 1.., default_values_t = [256, 512, 1024],
          value_parser = clap::value_parser!(u32).range(16..=4096))]
    sizes: Vec<u32>,
    /// Measured runs of each
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    /// Runs before those, in which memory is taken and shaders are compiled
    #[arg(long, value_name = "RUNS", default_value_t = 2)]
    warm_up: u32,
    /// Also write every run's milliseconds to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    /// For scripts that take turns with another program: after the warm-up, write an empty line,
    /// then run once for every line of standard input, and answer with the stages' milliseconds
    #[arg(long, conflicts_with_all = ["json", "runs"])]
    paced: bool,
    /// Also measure a step of refining
    #[arg(long)]
    refine: bool,
    #[command(flatten)]
    weights: Weights,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Devices {
    /// The CPU, and the GPU if there is one
    All,
    /// The GPU, through Vulkan, Metal, DirectX 12 or OpenGL
    #[cfg(feature = "gpu")]
    Gpu,
    /// The CPU
    #[cfg(feature = "cpu")]
    Cpu,
}

/// The networks on a device.
struct Contestant {
    name: String,
    emulated: bool,
    device: Device,
    stylizer: Stylizer,
    /// The loss network, where refining is measured.
    chain: Option<Chain>,
}

/// The pictures of a run.
struct Task {
    photo: Picture,
    style: Picture,
}

/// Milliseconds of one run.
#[derive(Debug, Clone, Copy, Serialize)]
struct Times {
    style: f64,
    content: f64,
    painting: f64,
    whole: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<f64>,
}

/// All runs of a device at a size, as they are written to the file.
#[derive(Debug, Serialize)]
struct Measured<'a> {
    device: &'a str,
    /// A GPU that the CPU emulates: no figure of it says anything about a GPU.
    emulated: bool,
    /// Of the CPU path.
    threads: usize,
    size: u32,
    milliseconds: Vec<Times>,
}

impl Bench {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        files::refuse_to_overwrite(self.json.as_slice(), self.force)?;
        if let Some(path) = &self.json {
            files::make_folder_of(path)?;
        }
        let weights = self.weights.read()?;
        let contestants = self
            .open()?
            .into_iter()
            .map(|device| Contestant::new(device, &weights, self.refine))
            .collect::<Result<Vec<_>>>()?;
        if self.paced {
            return self.run_paced(&contestants);
        }
        let mut all = Vec::new();
        for &size in &self.sizes {
            let measured = self.measure(&contestants, size)?;
            print(size, &measured);
            all.extend(measured);
        }
        if let Some(path) = &self.json {
            files::write(path, &serde_json::to_vec_pretty(&all)?)?;
        }
        Ok(())
    }

    fn open(&self) -> Result<Vec<Device>> {
        let only = |engine: Engine| Ok(vec![engine.open()?]);
        match self.device {
            #[cfg(feature = "gpu")]
            Devices::Gpu => only(Engine::Gpu),
            #[cfg(feature = "cpu")]
            Devices::Cpu => only(Engine::Cpu),
            #[cfg(all(feature = "gpu", feature = "cpu"))]
            Devices::All => {
                let mut devices = only(Engine::Cpu)?;
                match Engine::Gpu.open() {
                    Ok(gpu) => devices.push(gpu),
                    Err(error) => eprintln!("The GPU is not measured: {error:#}"),
                }
                Ok(devices)
            }
            #[cfg(not(all(feature = "gpu", feature = "cpu")))]
            Devices::All => only(Engine::Auto),
        }
    }

    fn measure<'a>(&self, all: &'a [Contestant], size: u32) -> Result<Vec<Measured<'a>>> {
        let task = Task::new(size);
        let mut measured = Vec::new();
        let mut styles = Vec::new();
        for contestant in all {
            styles.push(contestant.warm_up(&task, self.warm_up)?);
            measured.push(Measured {
                device: &contestant.name,
                emulated: contestant.emulated,
                threads: rayon::current_num_threads(),
                size,
                milliseconds: Vec::new(),
            });
        }
        for _ in 0..self.runs {
            for ((contestant, style), measured) in all.iter().zip(&styles).zip(&mut measured) {
                measured.milliseconds.push(contestant.run(&task, style)?);
            }
        }
        Ok(measured)
    }

    fn run_paced(&self, contestants: &[Contestant]) -> Result<()> {
        let ([contestant], [size]) = (contestants, self.sizes.as_slice()) else {
            bail!("--paced takes one device and one size: --device cpu --sizes 512");
        };
        let task = Task::new(*size);
        let style = contestant.warm_up(&task, self.warm_up)?;
        let mut output = std::io::stdout().lock();
        writeln!(output)?;
        output.flush()?;
        for line in std::io::stdin().lock().lines() {
            line?;
            let times = contestant.run(&task, &style)?;
            writeln!(output, "{}", serde_json::to_string(&times)?)?;
            output.flush()?;
        }
        Ok(())
    }
}

impl Contestant {
    fn new(device: Device, weights: &WeightsFile, refine: bool) -> Result<Self> {
        let name = engine::name(&device);
        let emulated = engine::is_emulated(&device);
        let stylizer = weights.stylizer(&device)?;
        let chain = refine.then(|| Chain::load(NETWORK, &device)).transpose()?;
        Ok(Self { name, emulated, device, stylizer, chain })
    }

    /// The style, encoded for what follows.
    fn warm_up(&self, task: &Task, runs: u32) -> Result<Style> {
        let style = self.stylizer.encode_style(&task.style);
        for _ in 0..runs {
            self.run(task, &style)?;
        }
        Ok(style)
    }

    fn run(&self, task: &Task, style: &Style) -> Result<Times> {
        let start = Instant::now();
        let encoded = self.stylizer.encode_style(&task.style);
        // A GPU works on after the call.
        self.device.sync()?;
        let style_done = Instant::now();
        let content = self.stylizer.encode_content(&task.photo);
        self.device.sync()?;
        let content_done = Instant::now();
        let painting = pollster::block_on(self.stylizer.stylize(&content, &[(style, 1.0)], 1.0))?;
        let done = Instant::now();
        ensure!(painting.width() == task.photo.width(), "the painting has another size");
        drop(encoded);
        let milliseconds = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
        Ok(Times {
            style: milliseconds(start, style_done),
            content: milliseconds(style_done, content_done),
            painting: milliseconds(content_done, done),
            whole: milliseconds(style_done, done),
            step: self.step(task, painting)?,
        })
    }

    /// The last step of a few, which is at the full size.
    fn step(&self, task: &Task, painting: Picture) -> Result<Option<f64>> {
        let Some(chain) = &self.chain else { return Ok(None) };
        let layer =
            RefineLayer { picture: Some(&task.style), weight: 1.0, stroke: 1.0, mask: None };
        let options = RefineOptions { steps: REFINE_STEPS, ..RefineOptions::default() };
        let mut refinement =
            Refinement::new(chain, painting, task.photo.clone(), &[layer], options, &self.device)?;
        let mut last = 0.0;
        loop {
            self.device.sync()?;
            let start = Instant::now();
            let Some(losses) = refinement.step() else { return Ok(Some(last)) };
            self.device.sync()?;
            last = start.elapsed().as_secs_f64() * 1e3;
            drop(losses);
        }
    }
}

impl Task {
    fn new(size: u32) -> Self {
        Self {
            photo: procedural::scene(size, size, 1),
            style: procedural::scene(STYLE_SIZE, STYLE_SIZE, 2),
        }
    }
}

/// Steps of refining from which the last is taken: there are some at each of up to three sizes.
const REFINE_STEPS: usize = 10;

/// A stage by name, and its part of what was measured.
type Stage = (&'static str, fn(&Times) -> Option<f64>);

const STAGES: [Stage; 5] = [
    ("style", |times| Some(times.style)),
    ("content", |times| Some(times.content)),
    ("painting", |times| Some(times.painting)),
    ("whole", |times| Some(times.whole)),
    ("step", |times| times.step),
];

fn print(size: u32, measured: &[Measured<'_>]) {
    let runs = measured.first().map_or(0, |m| m.milliseconds.len());
    say!("{size} x {size}, {runs} runs, milliseconds: median (quartiles), least to most");
    for Measured { device, emulated, milliseconds, .. } in measured {
        let note = if *emulated { ", emulated: these times say nothing about a GPU" } else { "" };
        say!("  {device}{note}");
        for (name, of) in STAGES {
            let mut times: Vec<f64> = milliseconds.iter().filter_map(of).collect();
            if times.is_empty() {
                continue;
            }
            times.sort_by(f64::total_cmp);
            let [least, low, median, high, most] =
                [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| quantile(&times, part));
            say!("    {name:9} {median:9.1} ({low:.1} to {high:.1}), {least:.1} to {most:.1}");
        }
    }
}

/// Of sorted values, between neighbours where it falls there; `part` from 0 to 1.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let position = part * (sorted.len() - 1) as f64;
    let below = position.floor();
    let [a, b] = [below, position.ceil()].map(|index| sorted[index as usize]);
    a + (b - a) * (position - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_values() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert_eq!(quantile(&values, 1.0), 8.0);
        assert_eq!(quantile(&[5.0], 0.25), 5.0);
    }
}
