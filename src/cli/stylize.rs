//! `impasto stylize`: photos and style pictures in, paintings out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::Device;
use clap::{ArgMatches, Args};
use impasto::fit::{self, Chain, RefineLayer, RefineOptions, Refinement};
use impasto::picture::codecs::{Beside, Decoded};
use impasto::{Format, Layer, Options, Picture, STYLE_SIZE, Stylizer};
use indicatif::ProgressBar;
use serde::Serialize;

use super::Usage;
use super::files::{self, A_WHILE};
use super::interrupt::{self, Keeping};
use super::look::Look;

/// Paint photos in the style of one or several pictures.
///
/// Reads PNG, JPEG, WebP, GIF, BMP, TIFF and JPEG XL, and writes PNG, JPEG or WebP, as the ending of the output's name
/// says. Several photos, or a folder of photos, go to a folder, under their own names. What is transparent in a
/// photo is so in its painting, and is no part of a style. Nothing is sent
/// anywhere: all computing is done on this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  A photo in the style of a painting, with the photo still showing through:
    impasto stylize photo.jpg --style painting.jpg --strength 0.7 -o painted.jpg

  A mixture of two styles, the first three times as strong as the second; one that comes with the
  program (`impasto styles --list` names them):
    impasto stylize photo.jpg --style waves.png=3 --style starry-impasto=1 -o painted.png

  The white part of sky.png in the second style, the rest in the first; in the photo's colours:
    impasto stylize photo.jpg --style town.jpg --style stars.jpg --mask sky.png=2 \\
      --colours photo -o painted.png

  Better than the quick painting, in half a minute or so (Ctrl-C keeps what there is by then):
    impasto stylize photo.jpg --style painting.jpg --size 512 --refine -o painted.png

  All photos of a folder, with a long side of at most 1600 pixels:
    impasto stylize holiday --style painting.jpg --size 1600 -o holiday-painted

  In a pipe:
    curl -s https://example.org/photo.jpg | impasto stylize - --style painting.jpg -o - > painted.png

Exit codes: 0 all painted, 1 some or all not (standard error says why), 2 wrong usage, \
130 stopped by Ctrl-C, which leaves no half-written files.")]
pub struct Stylize {
    /// Photos, or folders of photos (without their subfolders), or - for standard input
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    #[command(flatten)]
    look: Look,
    /// Where the painting goes: a file that ends in .png, .jpg or .webp, or a folder, or - for standard
    /// output, as PNG. Folders that are missing are made
    #[arg(short, long, alias = "out", value_name = "FILE_OR_DIR")]
    output: PathBuf,
    /// Strokes as large, seen whole, as in a painting of this long side: a larger one is begun there, and painted on as it
    /// is enlarged. 0: as fine as they come, which shows a large painting as a photo in other colours
    #[arg(long, value_name = "LONG_SIDE", default_value_t = 768,
          value_parser = clap::value_parser!(u32).range(0..=4096))]
    strokes: u32,
    /// Long side of the painting, in pixels; smaller photos keep their size. Without it all do
    #[arg(long, value_name = "LONG_SIDE", value_parser = clap::value_parser!(u32).range(16..=16384))]
    size: Option<u32>,
    /// Go on from the quick painting: this many steps of gradient descent on its pixels bring it nearer to
    /// the photo's content and the style's texture. Takes about half a second a step at 512 pixels on
    /// two cores. Ctrl-C keeps what there is
    #[arg(long, value_name = "STEPS", num_args = 0..=1, require_equals = true,
          default_missing_value = "60",
          value_parser = clap::value_parser!(u16).range(1..=5000))]
    refine: Option<u16>,
    /// With --refine, how much the photo's content counts: 0.3 is free, 3 close to the photo
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, requires = "refine",
          value_parser = positive)]
    refine_content: f64,
    /// Quality of JPEG files, from 1 to 100 (PNG and WebP lose nothing)
    #[arg(long, default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Keep what the camera wrote into the photo: date, camera, copyright; not the place
    #[arg(long)]
    keep_metadata: bool,
    /// Keep the place where the photo was taken as well
    #[arg(long, requires = "keep_metadata")]
    keep_place: bool,
    /// Say on standard output what became of each photo, as a line of JSON: input, output, width, height,
    /// engine, seconds, steps (of refining), error; null where there is none
    #[arg(long)]
    json: bool,
    /// Replace files that exist
    #[arg(long, conflicts_with = "skip_existing")]
    force: bool,
    /// Leave photos out whose paintings exist: to go on with a batch that was stopped
    #[arg(long)]
    skip_existing: bool,
}

/// One photo to paint.
#[derive(Debug)]
struct Job {
    photo: PathBuf,
    output: PathBuf,
    format: Format,
}

/// What is said once, of the first photo that it is true of.
struct Said {
    metadata: Once,
    shape: Once,
}

/// What refining takes beside the networks.
struct Refiner<'a> {
    chain: Chain,
    /// With pictures in full size.
    layers: Vec<RefineLayer<'a>>,
    device: Device,
}

impl Stylize {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        // All that can be wrong with the arguments shows before the work starts.
        let named = self.look.named()?;
        let inputs = || self.photos.iter().chain(named.paths());
        files::refuse_standard_input_twice(inputs())?;
        let mut jobs = self.plan()?;
        let mut outputs: Vec<_> = jobs.iter().map(|job| job.output.clone()).collect();
        let inputs = jobs.iter().map(|job| &job.photo).chain(inputs());
        files::refuse_to_replace_inputs(&outputs, inputs)?;
        if self.skip_existing {
            let all = jobs.len();
            jobs.retain(|job| !files::is_there(&job.output));
            outputs.retain(|output| !files::is_there(output));
            if jobs.len() < all {
                eprintln!("{} of {all} are painted already", all - jobs.len());
            }
        }
        files::refuse_to_overwrite(&outputs, self.force)?;
        let mut given = self.look.read(&named)?;
        if let Some(job) = jobs.first() {
            files::make_folder_of(&job.output)?;
        }
        let studio = self.look.open(&given)?;
        // In full size they are for refining only.
        let pictures = std::mem::take(&mut given.styles);
        let pictures = self.refine.map(|_| pictures);
        let layers = given.layers(&studio);
        let stroke = f64::from(self.look.style_size) / f64::from(STYLE_SIZE);
        let refiner = match &pictures {
            Some(pictures) => Some(Refiner {
                chain: Chain::load(fit::NETWORK, &studio.device)?,
                layers: given.refine_layers(pictures, stroke),
                device: studio.device.clone(),
            }),
            None => None,
        };
        let said = Said { metadata: Once::new(), shape: Once::new() };
        let paint = |job: &Job, bar: &ProgressBar| {
            let start = Instant::now();
            let outcome = self.paint(&studio.stylizer, &layers, refiner.as_ref(), job, bar, &said);
            if self.json {
                let line = Line::of(job, &outcome, &studio.engine, start.elapsed());
                bar.suspend(|| say!("{line}"));
            }
            outcome
        };
        match jobs.as_slice() {
            [] => Ok(()),
            [job] => self.paint_one(job, paint),
            jobs => self.paint_all(jobs, paint),
        }
    }

    /// Refuses photos that stand behind `--style` and are most likely meant as styles: a shell makes several names of
    /// `--style *.jpg`. `matches` are this command's.
    pub fn refuse_misplaced(&self, matches: &ArgMatches) -> Result<()> {
        let indices = |name| matches.indices_of(name).into_iter().flatten().collect::<Vec<_>>();
        let (photos, styles) = (indices("photos"), indices("styles"));
        // Right behind a style, and behind one that is.
        let mut behind = styles;
        let mut misplaced = Vec::new();
        for (index, photo) in photos.iter().zip(&self.photos) {
            if behind.contains(&(index - 1)) {
                behind.push(*index);
                misplaced.push(photo.display().to_string());
            }
        }
        let others = photos.len() - misplaced.len();
        ensure!(
            misplaced.is_empty() || (others == 0 && misplaced.len() == 1),
            Usage(format!(
                "{} behind --style: if these are styles, each needs a --style of its own; if they are photos, put \
                 them before --style",
                misplaced.join(", ")
            ))
        );
        Ok(())
    }

    /// What goes where.
    fn plan(&self) -> Result<Vec<Job>> {
        let mut photos = files::photos_in(&self.photos)?;
        let several = photos.len() > 1 || self.photos.iter().any(|path| path.is_dir());
        let output = &self.output;
        if files::is_standard(output) {
            ensure!(!several, "several paintings cannot go to standard output; give a folder");
            ensure!(!self.json, "standard output is for the painting, or for --json");
            let photo = photos.swap_remove(0);
            return Ok(vec![Job { photo, output: output.clone(), format: Format::Png }]);
        }
        let format = files::format_of(output, self.quality);
        let is_folder = output.is_dir() || ends_with_separator(output);
        ensure!(
            is_folder || !output.exists() || (!several && format.is_some()),
            "{} is not a folder; the name of a painting must end in .png, .jpg or .webp",
            output.display()
        );
        let could_be_one = (several && format.is_none()) || output.extension().is_none();
        if is_folder || (could_be_one && !files::is_only_ending(output)) {
            return self.plan_folder(photos);
        }
        let format = files::format_for(output, self.quality)?;
        ensure!(
            !several,
            "{} is the name of a picture, but there may be several; give a folder",
            output.display()
        );
        let photo = photos.swap_remove(0);
        Ok(vec![Job { photo, output: output.clone(), format }])
    }

    fn plan_folder(&self, photos: Vec<PathBuf>) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
        for photo in photos {
            ensure!(
                !files::is_standard(&photo),
                "what comes from standard input has no name; give that of a file with --output"
            );
            let name = photo
                .file_name()
                .with_context(|| format!("{} is not the name of a file", photo.display()))?;
            let mut output = self.output.join(name);
            let format = files::format_of(&output, self.quality).unwrap_or_else(|| {
                output.set_extension("png");
                Format::Png
            });
            if let Some(other) = taken.insert(output.clone(), photo.clone()) {
                bail!(
                    "{} and {} would both go to {}; paint them one after the other, to different \
                     folders",
                    other.display(),
                    photo.display(),
                    output.display()
                );
            }
            jobs.push(Job { photo, output, format });
        }
        Ok(jobs)
    }

    /// Paints one photo. Returns the size of the painting, and the steps of refining.
    fn paint(
        &self,
        stylizer: &Stylizer,
        layers: &[Layer],
        refiner: Option<&Refiner>,
        job: &Job,
        bar: &ProgressBar,
        said: &Said,
    ) -> Result<Painted> {
        let Decoded { picture: whole, opacity, metadata, reduced_from } =
            files::read_whole(&job.photo)?;
        let size = (whole.width(), whole.height());
        if let Some((width, height)) = reduced_from {
            bar.suspend(|| {
                eprintln!(
                    "{} has {width} x {height} pixels, more than can be painted: it is read as {} x {}",
                    files::name_of(&job.photo),
                    size.0,
                    size.1
                );
            });
        }
        let photo = whole.fit(self.size.unwrap_or(u32::MAX));
        if layers.iter().filter_map(|layer| layer.mask).any(|mask| !alike(mask.size(), size)) {
            said.shape.call_once(|| {
                let photo = files::name_of(&job.photo);
                bar.suspend(|| {
                    eprintln!("a mask has another shape than {photo} and is stretched over it")
                });
            });
        }
        // What is refined is laid on white in the end.
        let transparent = opacity.clone().filter(|_| refiner.is_none());
        let content = stylizer.encode_cut_out(&photo, transparent);
        let strokes = (self.strokes > 0).then_some(self.strokes);
        let mut options = Options { strokes, ..self.look.options() };
        if refiner.is_some() {
            options = Options::default();
        }
        let mut painting =
            pollster::block_on(stylizer.paint(&content, layers, &options, |_, _| {}))
                .with_context(|| files::name_of(&job.photo))?;
        let mut steps = None;
        if let Some(refiner) = refiner {
            let (refined, done) = self.refine(refiner, painting, photo, job, bar)?;
            (painting, steps) = (refined, Some(done));
            if let Some(opacity) = &opacity {
                painting.lay_on_white(opacity);
            }
        }
        let painted = (painting.width(), painting.height());
        let mut beside = Beside::default();
        match &metadata {
            Some(metadata) if self.keep_metadata => {
                beside.exif = metadata.for_painting(painted, self.keep_place);
            }
            Some(_) => said.metadata.call_once(|| {
                bar.suspend(|| {
                    eprintln!("date, camera and the like are not kept; --keep-metadata keeps them");
                });
            }),
            None => {}
        }
        beside.opacity = bar
            .suspend(|| files::opacity_in(job.format, opacity.as_ref(), &job.photo, &job.output));
        let bytes = painting
            .encode_with(job.format, beside)
            .with_context(|| format!("cannot write {}", job.output.display()))?;
        files::write(&job.output, &bytes)?;
        Ok(Painted { size: painted, steps })
    }

    /// Refines a painting until all steps are done or Ctrl-C is pressed. Also says how many were done, and
    /// of how many.
    fn refine(
        &self,
        refiner: &Refiner,
        painting: Picture,
        photo: Picture,
        job: &Job,
        bar: &ProgressBar,
    ) -> Result<(Picture, (usize, usize))> {
        let options = RefineOptions {
            steps: usize::from(self.refine.unwrap_or_default()),
            content: self.refine_content,
            strength: self.look.strength,
            colours: self.look.colours(),
            ..RefineOptions::default()
        };
        let Refiner { chain, layers, device } = refiner;
        let mut refinement = Refinement::new(chain, painting, photo, layers, options, device)?;
        let _keeping = Keeping::start("keeping what there is");
        let name = files::name_of(&job.photo);
        // Where there is no terminal, a line now and then.
        let tell = |message: String| match bar.is_hidden() {
            true => eprintln!("{message}"),
            false => bar.set_message(message),
        };
        tell(format!("refining {name}, {} steps", options.steps));
        let (start, mut told) = (Instant::now(), Instant::now());
        while let Some(losses) = refinement.step() {
            let [content, statistics, gram] = pollster::block_on(losses.numbers())?;
            let (done, all) = refinement.progress();
            let left = start.elapsed().div_f64(done as f64).mul_f64((all - done) as f64);
            let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
            if !bar.is_hidden() || told.elapsed() > A_WHILE {
                told = Instant::now();
                tell(format!(
                    "refining {name}, step {done} of {all}, about {left} left (content \
                     {content:.2}, statistics {statistics:.2}, gram {gram:.2}); Ctrl-C keeps what \
                     there is"
                ));
            }
            if interrupt::asked() {
                break;
            }
        }
        Ok((pollster::block_on(refinement.picture())?, refinement.progress()))
    }
}

/// A painting that has been written.
struct Painted {
    size: (u32, u32),
    /// Steps of refining, done and wanted.
    steps: Option<(usize, usize)>,
}

impl Painted {
    /// For people.
    fn described(&self, took: Duration) -> String {
        let (width, height) = self.size;
        let steps = self.steps.map_or(String::new(), |(done, all)| match done == all {
            true => format!(", {done} steps of refining"),
            false => format!(", stopped after {done} of {all} steps of refining"),
        });
        format!("{width} x {height} pixels in {:.1} s{steps}", took.as_secs_f64())
    }
}

/// What became of a photo, for programs.
#[derive(Debug, Serialize)]
struct Line<'a> {
    input: Cow<'a, str>,
    output: Option<Cow<'a, str>>,
    width: Option<u32>,
    height: Option<u32>,
    engine: &'a str,
    seconds: f64,
    steps: Option<usize>,
    error: Option<String>,
}

impl Line<'_> {
    fn of(job: &Job, outcome: &Result<Painted>, engine: &str, took: Duration) -> String {
        let painted = outcome.as_ref().ok();
        let line = Line {
            input: job.photo.to_string_lossy(),
            output: painted.map(|_| job.output.to_string_lossy()),
            width: painted.map(|painted| painted.size.0),
            height: painted.map(|painted| painted.size.1),
            engine,
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            steps: painted.and_then(|painted| Some(painted.steps?.0)),
            error: outcome.as_ref().err().map(|error| format!("{error:#}")),
        };
        serde_json::to_string(&line).expect("numbers and texts are JSON")
    }
}

impl Stylize {
    fn paint_one(
        &self,
        job: &Job,
        paint: impl Fn(&Job, &ProgressBar) -> Result<Painted>,
    ) -> Result<()> {
        let start = Instant::now();
        let name = files::name_of(&job.photo);
        let spinner = ProgressBar::new_spinner().with_message(format!("painting {name}"));
        spinner.enable_steady_tick(Duration::from_millis(120));
        let outcome = paint(job, &spinner);
        spinner.finish_and_clear();
        let painted = outcome?;
        let text = painted.described(start.elapsed());
        if !self.json && !files::is_standard(&job.output) {
            say!("{}: {text}", job.output.display());
        }
        interrupt::leave_if_asked();
        Ok(())
    }

    fn paint_all(
        &self,
        jobs: &[Job],
        paint: impl Fn(&Job, &ProgressBar) -> Result<Painted>,
    ) -> Result<()> {
        let start = Instant::now();
        let bar = files::progress_bar(jobs.len(), "painting");
        bar.enable_steady_tick(Duration::from_secs(1));
        let mut failed = 0;
        for (index, job) in jobs.iter().enumerate() {
            let began = Instant::now();
            match paint(job, &bar) {
                // Where there is no terminal, a line a picture.
                Ok(painted) if bar.is_hidden() && !self.json => {
                    eprintln!("{}: {}", job.output.display(), painted.described(began.elapsed()));
                }
                Ok(_) => {}
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| eprintln!("error: {error:#}"));
                    if files::nothing_can_be_written(&error) {
                        bail!("the rest is not painted: {} of {}", jobs.len() - index, jobs.len());
                    }
                }
            }
            bar.inc(1);
            interrupt::leave_if_asked();
        }
        bar.finish_and_clear();
        let seconds = start.elapsed().as_secs_f64();
        let text =
            format!("{} of {} pictures painted in {seconds:.1} s", jobs.len() - failed, jobs.len());
        match self.json {
            true => eprintln!("{text}"),
            false => say!("{text}"),
        }
        ensure!(failed == 0, "{failed} of {} photos could not be painted", jobs.len());
        Ok(())
    }
}

/// Whether pictures of these sizes have one shape, but for rounding.
fn alike(a: (u32, u32), b: (u32, u32)) -> bool {
    let shape = |(width, height): (u32, u32)| f64::from(width) / f64::from(height);
    (shape(a) / shape(b)).ln().abs() < 0.02
}

/// A number above 0.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("must be a number above 0".into()),
    }
}

fn ends_with_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}
