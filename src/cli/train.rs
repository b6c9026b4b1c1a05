//! `impasto train`: two folders of pictures to weights.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use impasto::train::answers::Answers;
use impasto::train::dataset::{Dataset, Folder, Skipped};
use impasto::train::{Outcome, Start, TrainConfig, Trainer, sheet};
use indicatif::{ProgressBar, ProgressStyle};

use super::files;
use super::interrupt::{self, Keeping};

/// Train the networks on two folders of pictures.
///
/// Writes to --out: impasto.safetensors (the weights, for `impasto stylize --weights`),
/// weights-STEP.safetensors (the same at each checkpoint, for `impasto average`), losses.csv and
/// losses.svg (a plot of it), config.toml (all settings), sheet-STEP.png (fixed photos in fixed
/// styles) and checkpoint-STEP. Ctrl-C writes a checkpoint and leaves; the same
/// command with --resume goes on as if nothing had happened, under the run's own settings.
///
/// A picture's family is the sub-folder it lies in (styles/woodcut/a.jpg). Families are drawn by the
/// square root of how many pictures they have, so that rare ones are seen often enough. A few hundred
/// pictures of each kind are enough to begin with; docs/training.md says what every setting means, and
/// what an hour buys.
///
/// Example: impasto train --content photos --style paintings --out runs/first --steps 6000
#[derive(Debug, Args)]
pub struct Train {
    /// Folder with photos (PNG, JPEG, WebP; subfolders too)
    #[arg(long, value_name = "DIR")]
    content: PathBuf,
    /// Folder with style pictures
    #[arg(long, value_name = "DIR")]
    style: PathBuf,
    /// Folder with a table, pairs.csv, of paintings to learn from: columns `photo`, `style` and `answer`,
    /// files as seen from there, an answer as large as its photo. `answers_every` in --config says how
    /// often they are learned from
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
    /// Folder for everything that the run writes
    #[arg(
        short = 'o',
        long,
        alias = "output",
        value_name = "DIR",
        required_unless_present = "preview"
    )]
    out: Option<PathBuf>,
    /// Write a sheet of the first crops, as the networks will see them, and do not train
    #[arg(long, value_name = "PNG")]
    preview: Option<PathBuf>,
    /// Settings (TOML); those left out have their defaults, which config.toml in --out spells out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Steps in all, instead of the configuration's; in a new run those that only distil the encoder, and
    /// those before the adversarial loss, change in proportion
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Go on with the run in --out, under its own settings
    #[arg(long)]
    resume: bool,
    /// With --resume: go on under the settings in --config, or with other pictures, all the same
    #[arg(long, requires = "resume")]
    change_settings: bool,
    /// Start from these weights instead of random ones (only a new run). To make trained ones better,
    /// set `distillation_steps = 0` and, under `[optimizer]`, `learning_rate = 2e-4` in --config: at
    /// higher rates ours got worse
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    from: Option<PathBuf>,
    /// Full VGG-19 for the losses, from `impasto import-vgg`
    #[arg(long, value_name = "FILE", default_value = "models/vgg19.safetensors")]
    vgg: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Cpu)]
    device: Engine,
    /// So many devices share the pictures of each step: NVIDIA GPUs, or groups of the CPU's cores
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..))]
    devices: u16,
    /// Compute the frozen loss network in bf16 (faster where the processor has matrix units)
    #[arg(long)]
    bf16: bool,
    /// With --preview: replace a file that exists
    #[arg(long, requires = "preview")]
    force: bool,
}

/// What computes a training run.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Engine {
    /// burn's own CPU backend
    Cpu,
    /// wgpu (Vulkan, Metal, DirectX 12, OpenGL)
    #[cfg(feature = "gpu")]
    Gpu,
    /// libtorch on the CPU
    #[cfg(feature = "tch")]
    Libtorch,
    /// NVIDIA GPU
    #[cfg(feature = "cuda")]
    Cuda,
}

impl Engine {
    /// Opens one.
    pub fn device(self) -> Result<Device> {
        Ok(self.devices(1)?.remove(0))
    }

    /// Opens several of these devices.
    pub fn devices(self, count: u16) -> Result<Vec<Device>> {
        match self {
            Self::Cpu => Ok(vec![impasto::device::cpu(); count.into()]),
            #[cfg(feature = "gpu")]
            Self::Gpu => {
                ensure!(count == 1, "--devices above 1 goes with --device cpu, libtorch or cuda");
                Ok(vec![pollster::block_on(impasto::device::gpu())?])
            }
            #[cfg(feature = "tch")]
            #[expect(deprecated, reason = "the fastest CPU training there is, and only an option")]
            Self::Libtorch => Ok(vec![Device::libtorch(); count.into()]),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok((0..count.into()).map(Device::cuda).collect()),
        }
    }
}

impl Train {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let mut config = self.settings()?;
        if let Some(steps) = self.steps {
            config = match self.resume {
                true => TrainConfig { steps, ..config },
                false => config.with_steps(steps),
            };
        }
        config.check()?;
        // What is cheap to look at comes before the pictures.
        let vgg = match self.preview {
            Some(_) => Vec::new(),
            None => std::fs::read(&self.vgg).with_context(|| {
                format!("cannot read {}: make it with `impasto import-vgg`", self.vgg.display())
            })?,
        };
        let from = self.from.as_deref().map(files::read).transpose()?;
        if let Some(out) = self.out.as_deref().filter(|_| self.preview.is_none()) {
            refuse_foreign(out)?;
        }
        if let Some(path) = &self.preview {
            files::refuse_to_overwrite(std::slice::from_ref(path), self.force)?;
            files::make_folder_of(path)?;
        }
        let skipped = Skipped::default();
        let content = load(&self.content, "photos", &skipped)?;
        let style = load(&self.style, "styles", &skipped)?;
        for line in skipped.lines() {
            eprintln!("skipped {line}");
        }
        let answers = self.answers.as_deref().map(|path| {
            let answers = Answers::load(path, config.answer_side() as u32)?;
            eprintln!("{} answers in {}", answers.len(), path.display());
            anyhow::Ok(answers)
        });
        let dataset = Dataset::new(content, style, answers.transpose()?, &config)?;
        if let Some(path) = &self.preview {
            sheet::preview(path, &dataset, 10, 4)?;
            say!("{}: photos, and below each the style it is painted in", path.display());
            return Ok(());
        }
        let out = self.out.as_deref().context("--out is missing")?;
        let devices = self.device.devices(self.devices)?;
        let steps = config.steps;
        let start = match (self.resume, self.change_settings) {
            (false, _) => Start::New,
            (true, false) => Start::Resume,
            (true, true) => Start::ResumeChanged,
        };
        let mut trainer = Trainer::new(config, dataset, out, &vgg, self.bf16, &devices, start)?;
        if let (Some(path), Some(bytes)) = (&self.from, &from) {
            let missing = trainer.start_from(bytes).with_context(|| path.display().to_string())?;
            if !missing.is_empty() {
                eprintln!("Not in {}, and therefore new: {}", path.display(), missing.join(", "));
            }
        }

        let outcome = run_to_the_end(&mut trainer, steps)?;
        match outcome {
            Outcome::Finished { psnr } => {
                say!("The weights are in {}", out.join("impasto.safetensors").display());
                say!("Against 32-bit weights their paintings have a PSNR of {psnr:.1} dB");
                Ok(())
            }
            Outcome::Interrupted => {
                eprintln!("Stopped at step {}; --resume goes on from there.", trainer.step());
                std::process::exit(interrupt::CODE);
            }
        }
    }
}

impl Train {
    /// Those of --config, or of the run that is gone on with, or the defaults.
    fn settings(&self) -> Result<TrainConfig> {
        let own = self.out.as_ref().filter(|_| self.resume).map(|out| out.join("config.toml"));
        let Some(path) = self.config.clone().or(own) else {
            return Ok(TrainConfig::default());
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        TrainConfig::from_toml(&text).with_context(|| path.display().to_string())
    }
}

/// Trains with a bar or, in a log, a line a minute. Ctrl-C makes the run write a checkpoint and end.
fn run_to_the_end(trainer: &mut Trainer, steps: usize) -> Result<Outcome> {
    let _keeping = Keeping::start("writing a checkpoint");

    let bar = ProgressBar::new(steps as u64);
    bar.set_style(ProgressStyle::with_template(
        "{elapsed_precise} {wide_bar} {pos}/{len}, {eta} left, {msg}",
    )?);
    bar.set_position(trainer.step() as u64);
    bar.reset_eta();
    let mut told = Instant::now();
    let outcome = trainer.run(interrupt::flag(), |step, losses| {
        bar.set_position(step as u64);
        let shown = ["content", "style", "gram", "distillation_4"];
        let shown =
            shown.iter().filter_map(|name| Some(format!("{name} {:.3}", losses.get(name)?)));
        let shown = shown.collect::<Vec<_>>().join(" ");
        // A log has no bar.
        if bar.is_hidden() && told.elapsed() >= Duration::from_secs(60) {
            told = Instant::now();
            let left = Duration::from_secs(bar.eta().as_secs());
            let left = humantime::format_duration(left);
            eprintln!("step {step} of {steps}, {left} left, {shown}");
        }
        bar.set_message(shown);
    })?;
    bar.abandon();
    Ok(outcome)
}

/// A folder with other things in it is not the place for a run.
fn refuse_foreign(out: &Path) -> Result<()> {
    let Ok(mut entries) = std::fs::read_dir(out) else { return Ok(()) };
    ensure!(
        entries.next().is_none() || out.join("config.toml").is_file(),
        "{} is not empty and has no run in it; choose another --out",
        out.display()
    );
    Ok(())
}

fn load(path: &Path, what: &str, skipped: &Skipped) -> Result<Folder> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("reading {msg} {wide_bar} {pos}/{len}")?);
    bar.set_message(what.to_string());
    let folder = Folder::load(
        path,
        |path, reason| skipped.add(path, reason),
        |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        },
    )?;
    bar.finish_and_clear();
    eprintln!("{} {what} in {}", folder.len(), path.display());
    Ok(folder)
}
