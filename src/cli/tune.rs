//! `impasto tune`: a style picture to a style that the networks are good at.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use impasto::fit::{Chain, LARGEST_PHOTO, LearnOptions, Learning, NETWORK};
use impasto::tuned::TunedStyle;
use impasto::weights::{self, Metadata, NamedTensor};
use impasto::{Picture, STYLE_SIZE};

use super::engine::Engine;
use super::files::{self, A_WHILE};
use super::interrupt::{self, Keeping};
use super::networks::{Weights, WeightsFile};
use super::{Usage, look};

/// The most photos that are practised on: more say nothing new.
const MOST_PHOTOS: usize = 200;
/// Mean difference of a picture and its small copy in a tuned style, in 8-bit levels: most of what JPEG does to it.
const SAME: f64 = 20.0;

/// Tune the networks to one style, for better paintings than they make of a style in general.
///
/// Takes some hundred steps on photos of yours: two or three minutes on two cores.
/// The file has what differs from the general weights, under 0.2 MB, with the style picture in it: give it to
/// `impasto stylize --style NAME.style`. Paintings are then as fast as with any style.
///
/// Ctrl-C writes what has been learned by then; --from NAME.style learns on from there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impasto tune --style painting.jpg --photos holiday -o painting.style
  impasto stylize photo.jpg --style painting.style -o painted.jpg
A style that was tuned from other weights than the program has now:
  impasto tune --from old.style --from-weights old-weights.safetensors --steps 0 -o new.style")]
pub struct Tune {
    /// The style picture, or the name of one that comes with the program; without it that of --from
    #[arg(long, value_name = "PICTURE", required_unless_present = "from")]
    style: Option<PathBuf>,
    /// Photos to practise on, or folders of photos (without their subfolders): a dozen or more, of what you like to paint. Up
    /// to 200 are used. May be given several times
    #[arg(long, value_name = "PHOTO_OR_DIR", required_unless_present = "from_weights")]
    photos: Vec<PathBuf>,
    /// File to write
    #[arg(short, long, alias = "out", value_name = "FILE")]
    output: PathBuf,
    /// Steps of learning; 0, with --from-weights, only carries a style over
    #[arg(long, value_name = "N", default_value_t = 200,
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
    /// Long side that the style picture is brought to: the larger, the larger the strokes that are learned. Paint with the
    /// same
    #[arg(long, value_name = "LONG_SIDE", default_value_t = STYLE_SIZE,
          value_parser = clap::value_parser!(u32).range(look::STYLE_SIZES))]
    style_size: u32,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    device: Engine,
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
            own.chain(self.weights.path()).chain(&self.photos)
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
            (None, before) => before.as_ref().context("--style is missing")?.picture.clone(),
        };
        if let Some(before) = before.as_ref().filter(|_| only_carried) {
            ensure!(
                is_copy(&before.picture, &picture),
                "--style is another picture than the one that --from was tuned to; leave it out"
            );
            let mut tuning = before.tuning.clone();
            tuning.about.extend(self.about(Some(before), 0));
            files::make_folder_of(&self.output)?;
            return self.write(TunedStyle::new(&picture, tuning), "");
        }
        ensure!(
            !self.photos.is_empty(),
            Usage("--photos is missing: a folder with photos to practise on".into())
        );
        let photos = self.read_photos()?;
        let device = self.device.open()?;
        files::make_folder_of(&self.output)?;
        let chain = Chain::load(NETWORK, &device)?;
        let options = LearnOptions { steps: self.steps as usize, ..LearnOptions::default() };
        let learned = before.as_ref().map(|before| &before.tuning);
        let seen = picture.fit(self.style_size);
        let learning = Learning::new(&base.bytes, learned, &seen, photos, &chain, options, &device);
        let mut learning = learning.with_context(|| base.name.clone())?;
        learn(&mut learning)?;
        let (done, all) = learning.progress();
        if done == 0 {
            interrupt::leave_if_asked();
        }
        let about = self.about(before.as_ref(), done as u32);
        let tuning = pollster::block_on(learning.learned().tuning(about))?;
        let how = match done == all {
            true => format!("{done} steps, "),
            false => format!("stopped after {done} of {all} steps, "),
        };
        self.write(TunedStyle::new(&picture, tuning), &how)?;
        interrupt::leave_if_asked();
        Ok(())
    }

    /// Spread evenly over what is there; what cannot be read is named and left out.
    fn read_photos(&self) -> Result<Vec<Picture>> {
        let paths = files::photos_in(&self.photos)?;
        let count = paths.len().min(MOST_PHOTOS);
        let chosen = (0..count).map(|index| &paths[index * paths.len() / count]);
        let bar = files::progress_bar(count, "reading photos");
        let mut photos = Vec::new();
        for path in chosen {
            match files::read_picture(path) {
                Ok(photo) => photos.push(photo.fit(LARGEST_PHOTO)),
                Err(error) => bar.suspend(|| eprintln!("skipped: {error:#}")),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        ensure!(!photos.is_empty(), "there is no photo to practise on that can be read");
        Ok(photos)
    }

    fn write(&self, style: TunedStyle, how: &str) -> Result<()> {
        let bytes = style.save()?;
        files::write(&self.output, &bytes)?;
        let megabytes = bytes.len() as f64 / 1e6;
        let text = format!("{how}{megabytes:.2} MB, for `impasto stylize --style`");
        files::tell_written(&self.output, &text);
        Ok(())
    }

    /// What is in the file of `--from`, as if it had been learned from `base`.
    fn before(&self, base: &WeightsFile) -> Result<Option<TunedStyle>> {
        let Some(file) = &self.from else { return Ok(None) };
        let context = || files::name_of(file);
        let style = TunedStyle::load(&files::read(file)?).with_context(context)?;
        // Each file is blamed for what is wrong with itself.
        let opened = |file: &WeightsFile| {
            weights::deserialize(&file.bytes).with_context(|| file.name.clone())
        };
        let change = |(tensors, about): &(Vec<NamedTensor>, Metadata)| {
            style.tuning.change(tensors, &weights::checksum_of(about)).with_context(context)
        };
        let Some(from) = self.from_weights.clone() else {
            change(&opened(base)?)?;
            return Ok(Some(style));
        };
        let change = change(&opened(&Weights::of(from).read()?)?)?;
        let (general, about) = opened(base)?;
        let tuning = change.made_to(&general, style.tuning.about, &about);
        let tuning = tuning.with_context(|| base.name.clone())?;
        Ok(Some(TunedStyle { picture: style.picture, tuning }))
    }

    /// # Errors
    /// Where nothing is to be learned, and nothing to be carried over, or what only learning takes is given.
    fn refuse_what_learns(&self) -> Result<()> {
        let only_carries = "--steps 0 learns nothing; it is for --from-weights, which carries a style over to other \
                            weights";
        ensure!(self.from_weights.is_some(), Usage(only_carries.into()));
        let idle = [
            ("--photos", !self.photos.is_empty()),
            ("--style-size", self.style_size != STYLE_SIZE),
            ("--device", self.device != Engine::Auto),
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
    fn about(&self, before: Option<&TunedStyle>, steps: u32) -> Metadata {
        let stem = || self.output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bundled = self.style.as_deref().and_then(files::bundled_style);
        let title = || bundled.map(|style| style.title_en.to_owned());
        let before = before.map(|style| &style.tuning.about);
        let same = before.filter(|_| self.style.is_none() || self.steps == 0);
        let said = |key: &str| same.and_then(|about| about.get(key).cloned());
        let name = self.name.clone().or_else(title).or_else(|| said("name")).unwrap_or_else(stem);
        let steps = (before.map_or(0, steps_of) + steps).to_string();
        let author = self.author.clone().or_else(|| said("author"));
        let licence = self.licence.clone().or_else(|| said("licence"));
        [("name", Some(name)), ("steps", Some(steps)), ("author", author), ("licence", licence)]
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect()
    }
}

/// All steps, or those until Ctrl-C. A bar or, in a log, a line at the first and one a minute.
fn learn(learning: &mut Learning) -> Result<()> {
    let _keeping = Keeping::start("keeping what has been learned");
    let (_, all) = learning.progress();
    let bar = files::progress_bar(all, "learning");
    let (start, mut told) = (Instant::now(), None::<Instant>);
    while let Some(losses) = learning.step() {
        let [content, statistics, gram] = pollster::block_on(losses.numbers())?;
        let (done, _) = learning.progress();
        let found = format!("content {content:.2}, statistics {statistics:.2}, gram {gram:.2}");
        if bar.is_hidden() && told.is_none_or(|told| told.elapsed() > A_WHILE) {
            told = Some(Instant::now());
            let left = start.elapsed().div_f64(done as f64).mul_f64((all - done) as f64);
            let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
            eprintln!(
                "step {done} of {all}, about {left} left ({found}); Ctrl-C keeps what has been learned"
            );
        }
        bar.set_message(format!("learning ({found}; Ctrl-C keeps what has been learned)"));
        bar.inc(1);
        if interrupt::asked() {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(())
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
