//! `impasto tune`: a style picture to a style that the networks are good at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use impasto::train::config::{LossConfig, OptimizerConfig};
use impasto::train::dataset::{Dataset, Skipped};
use impasto::train::{Outcome, Start, TrainConfig, Trainer, checkpoint};
use impasto::tuned::{PARTS, TunedStyle};
use impasto::weights::{self, Metadata};
use impasto::{Format, Picture};

use super::networks::{Weights, WeightsFile};
use super::train::{Engine, load, run_to_the_end};
use super::{Usage, files, interrupt};

/// Where a run has its style picture, and the long side of that, in pixels.
const STYLE: &str = "style/style.png";
const STYLE_SIZE: u32 = 768;
/// Where the loss network is unless another is named.
const VGG: &str = "models/vgg19.safetensors";
/// Mean difference of a picture and its small copy in a tuned style, in 8-bit levels: most of what JPEG does to it.
const SAME: f64 = 20.0;

/// Tune the networks to one style, for better paintings than they make of a style in general.
///
/// Takes some hundred steps on photos of yours, minutes on a good GPU and a quarter of an hour on two cores.
/// The file has what differs from the general weights, under 0.2 MB, with the style picture in it: give it to
/// `impasto stylize --style NAME.style`. Paintings are then as fast as with any style.
///
/// The run lies beside the file, in NAME.style.run, until it is done. Ctrl-C writes a checkpoint and leaves;
/// the same command goes on from there.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  impasto tune --style painting.jpg --photos holiday -o painting.style
  impasto stylize photo.jpg --style painting.style -o painted.jpg
A style that was tuned from other weights than the program has now:
  impasto tune --from old.style --from-weights old-weights.safetensors --steps 0 -o new.style")]
pub struct Tune {
    /// The style picture, or the name of one that comes with the program; without it that of --from
    #[arg(long, value_name = "PICTURE", required_unless_present = "from")]
    style: Option<PathBuf>,
    /// Folder with photos to practise on: some dozens, of what you like to paint
    #[arg(long, value_name = "DIR", required_unless_present = "from_weights")]
    photos: Option<PathBuf>,
    /// File to write
    #[arg(short, long, alias = "out", value_name = "FILE")]
    output: PathBuf,
    /// Steps of training; 0, with --from-weights, only carries a style over
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    steps: u32,
    /// Begin with what a tuned style has learned already, and learn on from there
    #[arg(long, value_name = "STYLE")]
    from: Option<PathBuf>,
    /// The weights file that --from was tuned from, to carry it over to other weights; with --steps 0 that is all
    #[arg(long, value_name = "FILE", requires = "from")]
    from_weights: Option<PathBuf>,
    /// Name of the style, kept in the file
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Who made the style picture, kept in the file
    #[arg(long, value_name = "TEXT")]
    author: Option<String>,
    /// Licence of the style picture, kept in the file
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// Full VGG-19 for the losses, from `impasto import-vgg`
    #[arg(long, value_name = "FILE", default_value = VGG)]
    vgg: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Cpu)]
    device: Engine,
    /// Compute in bf16 (faster where the processor has matrix units)
    #[arg(long)]
    bf16: bool,
    #[command(flatten)]
    weights: Weights,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

impl Tune {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        ensure!(
            !files::is_named_like_a_picture(&self.output),
            Usage(format!(
                "{}: it is no picture; let its name end in .style",
                self.output.display()
            ))
        );
        let only_carried = self.steps == 0;
        if only_carried {
            self.refuse_what_learns()?;
        }
        let read = || {
            let own = [&self.style, &self.from, &self.from_weights].into_iter().flatten();
            own.chain([&self.vgg]).chain(self.weights.path())
        };
        files::refuse_standard_input_twice(read())?;
        files::refuse_to_replace_inputs(std::slice::from_ref(&self.output), read())?;
        files::refuse_to_overwrite(std::slice::from_ref(&self.output), self.force)?;
        let base = self.weights.read()?;
        let before = self.before(&base)?;
        let picture = match (&self.style, &before) {
            (Some(style), _) => match files::bundled_style(style) {
                Some(style) => style.picture(),
                None => files::read_style(style)?.picture,
            },
            (None, before) => before.as_ref().context("--style is missing")?.0.picture.clone(),
        };
        let about = self.about(before.as_ref().map(|(style, _)| &style.tuning.about));
        if let Some((style, weights)) = before.as_ref().filter(|_| only_carried) {
            ensure!(
                is_copy(&style.picture, &picture),
                "--style is another picture than the one that --from was tuned to; leave it out"
            );
            files::make_folder_of(&self.output)?;
            return self.write(&TunedStyle::new(&base.bytes, weights, &picture, about)?);
        }
        let photos = self.photos.as_ref();
        let missing = "--photos is missing: a folder with photos to practise on";
        let photos = photos.ok_or_else(|| Usage(missing.into()))?;
        files::make_folder_of(&self.output)?;
        let vgg = std::fs::read(&self.vgg).with_context(|| {
            format!("cannot read {}: make it with `impasto import-vgg`", self.vgg.display())
        })?;
        let run = run_folder(&self.output);
        let resumed = checkpoint::newest(&run).is_some();
        ensure!(
            !run.exists() || run.join(STYLE).is_file(),
            "{} is in the way, and is no run of this command; move it",
            run.display()
        );
        let skipped = Skipped::default();
        let content = load(photos, "photos", &skipped)?;
        for line in skipped.lines() {
            eprintln!("skipped {line}");
        }
        let style = load(&style_folder(&run, &picture)?, "style", &skipped)?;
        let config = settings(
            self.steps,
            before.as_ref().map_or(0, |(style, _)| steps_of(&style.tuning.about)),
        );
        let dataset = Dataset::new(content, style, None, &config)?;
        let start = if resumed { Start::Resume } else { Start::New };
        let device = [self.device.device()?];
        let steps = config.steps;
        let mut trainer = Trainer::new(config, dataset, &run, &vgg, self.bf16, &device, start)
            .with_context(|| match resumed {
                true => format!("{} has a run of before; delete it to begin anew", run.display()),
                false => "cannot begin".into(),
            })?;
        if resumed {
            eprintln!("going on with step {} of {}", trainer.step(), run.display());
        } else {
            let start = before.as_ref().map_or(&base.bytes[..], |(_, weights)| weights);
            trainer.start_from(start).with_context(|| base.name.clone())?;
        }
        if run_to_the_end(&mut trainer, steps)? == Outcome::Interrupted {
            eprintln!("Stopped at step {}; the same command goes on from there.", trainer.step());
            std::process::exit(interrupt::CODE);
        }
        let tuned = files::read(&run.join("impasto.safetensors"))?;
        self.write(&TunedStyle::new(&base.bytes, &tuned, &picture, about)?)?;
        std::fs::remove_dir_all(&run)
            .with_context(|| format!("cannot clear {} away", run.display()))
    }

    fn write(&self, style: &TunedStyle) -> Result<()> {
        let bytes = style.save()?;
        files::write(&self.output, &bytes)?;
        let megabytes = bytes.len() as f64 / 1e6;
        say!("{}: {megabytes:.2} MB, for `impasto stylize --style`", self.output.display());
        Ok(())
    }

    /// What is in the file of `--from`, and `base` with what was learned for it.
    fn before(&self, base: &WeightsFile) -> Result<Option<(TunedStyle, Vec<u8>)>> {
        let Some(file) = &self.from else { return Ok(None) };
        let context = || files::name_of(file);
        let style = TunedStyle::load(&files::read(file)?).with_context(context)?;
        let from = self.from_weights.clone().map(|path| Weights::of(path).read()).transpose()?;
        let from = from.as_ref().unwrap_or(base);
        // Each file is blamed for what is wrong with itself.
        let (tensors, about) =
            weights::deserialize(&from.bytes).with_context(|| from.name.clone())?;
        weights::deserialize(&base.bytes).with_context(|| base.name.clone())?;
        style.tuning.change(&tensors, &weights::checksum_of(&about)).with_context(context)?;
        let weights = style.weights(&from.bytes, &base.bytes).with_context(|| base.name.clone())?;
        Ok(Some((style, weights)))
    }

    /// # Errors
    /// Where nothing is to be learned, and nothing to be carried over, or what only learning takes is given.
    fn refuse_what_learns(&self) -> Result<()> {
        let only_carries = "--steps 0 learns nothing; it is for --from-weights, which carries a style over to other \
                            weights";
        ensure!(self.from_weights.is_some(), Usage(only_carries.into()));
        let idle = [
            ("--photos", self.photos.is_some()),
            ("--vgg", self.vgg != Path::new(VGG)),
            ("--device", !matches!(self.device, Engine::Cpu)),
            ("--bf16", self.bf16),
        ];
        let idle: Vec<_> = idle.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        ensure!(
            idle.is_empty(),
            Usage(format!(
                "{}: of no use, for --steps 0 learns nothing; leave it out",
                idle.join(", ")
            ))
        );
        Ok(())
    }

    /// What the file says of the style: what that of `--from` said if nothing else is given, neither this nor another
    /// style.
    fn about(&self, before: Option<&Metadata>) -> Metadata {
        let stem = || self.output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bundled = self.style.as_deref().and_then(files::bundled_style);
        let title = || bundled.map(|style| style.title_en.to_owned());
        let same = before.filter(|_| self.style.is_none() || self.steps == 0);
        let said = |key: &str| same.and_then(|about| about.get(key).cloned());
        let name = self.name.clone().or_else(title).or_else(|| said("name")).unwrap_or_else(stem);
        let steps = (before.map_or(0, steps_of) + self.steps).to_string();
        let author = self.author.clone().or_else(|| said("author"));
        let licence = self.licence.clone().or_else(|| said("licence"));
        [("name", Some(name)), ("steps", Some(steps)), ("author", author), ("licence", licence)]
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect()
    }
}

/// Whether `small` shows what `large` does, but for what JPEG takes from it.
fn is_copy(small: &Picture, large: &Picture) -> bool {
    let size = |picture: &Picture| (picture.width(), picture.height());
    let fitted = large.fit(small.width().max(small.height()));
    let apart = small.rgb().iter().zip(fitted.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b)));
    size(small) == size(&fitted) && apart.sum::<f64>() / (small.rgb().len() as f64) < SAME
}

/// The steps that a tuned style took.
fn steps_of(about: &Metadata) -> u32 {
    about.get("steps").and_then(|steps| steps.parse().ok()).unwrap_or(0)
}

/// What was found to be good for one style: no other losses than those that make the picture, and other crops than
/// in the steps `before`.
fn settings(steps: u32, before: u32) -> TrainConfig {
    TrainConfig {
        steps: steps as usize,
        seed: 1 + u64::from(before),
        distillation_steps: 0,
        paired_every: 0,
        procedural: 0.0,
        trained: PARTS.map(str::to_owned).to_vec(),
        average_decay: 0.98,
        checkpoint_every: 50,
        sheet_every: 100,
        optimizer: OptimizerConfig {
            learning_rate: 3e-3,
            warm_up: 20,
            ..OptimizerConfig::default()
        },
        loss: LossConfig {
            content: 1.5,
            gram: 4.0,
            identity: 0.0,
            total_variation: 12.0,
            adversarial: 0.0,
            ..LossConfig::default()
        },
        ..TrainConfig::default()
    }
}

fn run_folder(output: &Path) -> PathBuf {
    let mut name = OsString::from(output);
    name.push(".run");
    name.into()
}

/// A folder with nothing but the style picture.
fn style_folder(run: &Path, picture: &Picture) -> Result<PathBuf> {
    let file = run.join(STYLE);
    let folder = file.parent().context("it has a folder")?;
    let bytes = picture.fit(STYLE_SIZE).encode(Format::Png)?;
    if file.exists() {
        ensure!(
            files::read(&file)? == bytes,
            "{} was begun with another picture; delete it to begin anew",
            run.display()
        );
        return Ok(folder.into());
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    files::write(&file, &bytes)?;
    Ok(folder.into())
}
