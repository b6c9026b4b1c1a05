//! `impasto stylize`: photos and style pictures in, paintings out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::Device;
use clap::{ArgMatches, Args, ValueEnum};
use impasto::fit::{self, Chain, RefineOptions, RefineStyle, Refinement};
use impasto::picture::codecs::{Beside, Decoded};
use impasto::{Colours, Format, Layer, Mask, Options, Picture, STYLE_SIZE, Style, Stylizer};
use indicatif::ProgressBar;
use serde::Serialize;

use super::engine::{self, Engine};
use super::files;
use super::interrupt::{self, Keeping};
use super::networks::Weights;

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
    /// Style picture, file of `impasto tune`, or name of a style that comes with the program; may be given
    /// several times, with weights that say how much each counts
    #[arg(short, long = "style", required = true, value_name = "PICTURE[=WEIGHT]")]
    styles: Vec<OsString>,
    /// A region: the white part of this picture is painted in the style of that number (the first
    /// --style is 1) and no other part is, or with `none` stays as in the photo. Grey is for soft
    /// edges. May be given several times
    #[arg(long = "mask", value_name = "PICTURE=STYLE")]
    masks: Vec<OsString>,
    /// Where the painting goes: a file that ends in .png, .jpg or .webp, or a folder, or - for standard
    /// output, as PNG. Folders that are missing are made
    #[arg(short, long, alias = "out", value_name = "FILE_OR_DIR")]
    output: PathBuf,
    /// From 0, the photo itself, to 1, the full style
    #[arg(long, default_value_t = 1.0, value_parser = strength)]
    strength: f32,
    /// Whose colours the painting has
    #[arg(long, alias = "colors", value_enum, default_value_t = Palette::Style)]
    colours: Palette,
    /// Long side of the painting, in pixels; smaller photos keep their size. Without it all do
    #[arg(long, value_name = "LONG_SIDE", value_parser = clap::value_parser!(u32).range(16..=16384))]
    size: Option<u32>,
    /// Long side that style pictures are brought to: the larger, the larger the strokes
    #[arg(long, value_name = "LONG_SIDE", default_value_t = STYLE_SIZE,
          value_parser = clap::value_parser!(u32).range(16..=4096))]
    style_size: u32,
    /// Go on from the quick painting: this many steps of gradient descent on its pixels bring it nearer to
    /// the photo's content and the style's texture. Takes about half a second a step at 512 pixels on
    /// two cores. Ctrl-C keeps what there is
    #[arg(long, value_name = "STEPS", num_args = 0..=1, require_equals = true,
          default_missing_value = "60", conflicts_with = "masks",
          value_parser = clap::value_parser!(u16).range(1..=5000))]
    refine: Option<u16>,
    /// With --refine, how much the photo's content counts: 0.3 is free, 3 close to the photo
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, requires = "refine",
          value_parser = positive)]
    refine_content: f64,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    device: Engine,
    #[command(flatten)]
    weights: Weights,
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

/// Whose colours the painting has.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Palette {
    /// The styles'
    Style,
    /// The photo's, as a whole
    Photo,
    /// The photo's at every point; the painting gives the brightness
    Luminance,
}

impl From<Palette> for Colours {
    fn from(palette: Palette) -> Self {
        match palette {
            Palette::Style => Self::Style,
            Palette::Photo => Self::Photo,
            Palette::Luminance => Self::Luminance,
        }
    }
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

/// Between lines about progress where there is no terminal.
const A_WHILE: Duration = Duration::from_secs(60);

/// What refining takes beside the networks.
struct Refiner<'a> {
    chain: Chain,
    /// In full size.
    styles: Vec<RefineStyle<'a>>,
    device: Device,
}

impl Stylize {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        // All that can be wrong with the arguments shows before the work starts.
        let styles =
            self.styles.iter().map(|style| parse_style(style)).collect::<Result<Vec<_>>>()?;
        ensure!(
            styles.iter().any(|(_, weight)| *weight > 0.0),
            "all styles have the weight 0; give at least one more"
        );
        let masks = self
            .masks
            .iter()
            .map(|mask| parse_mask(mask, styles.len()))
            .collect::<Result<Vec<_>>>()?;
        let mut jobs = self.plan()?;
        if self.skip_existing {
            let all = jobs.len();
            jobs.retain(|job| !files::is_there(&job.output));
            if jobs.len() < all {
                eprintln!("{} of {all} are painted already", all - jobs.len());
            }
        }
        let outputs: Vec<_> = jobs.iter().map(|job| job.output.clone()).collect();
        refuse_to_replace_inputs(
            &outputs,
            jobs.iter()
                .map(|job| &job.photo)
                .chain(styles.iter().map(|(path, _)| path))
                .chain(masks.iter().map(|(path, _)| path)),
        )?;
        files::refuse_to_overwrite(&outputs, self.force)?;
        if let Some(job) = jobs.first() {
            files::make_folder_of(&job.output)?;
        }
        let given =
            styles.iter().map(|(path, _)| files::read_style(path)).collect::<Result<Vec<_>>>()?;
        let regions = masks
            .iter()
            .map(|(path, style)| Ok((files::read_mask(path)?, *style)))
            .collect::<Result<Vec<_>>>()?;
        let weights = self.weights.read()?;

        let device = self.device.open()?;
        let engine = engine::name(&device);
        let stylizer = weights.stylizer(&device)?;
        let encoded = given
            .iter()
            .map(|style| style.encoded(&stylizer, &weights.name, self.style_size))
            .collect::<Result<Vec<Style>>>()?;
        // In full size they are for refining only.
        let given = self.refine.map(|_| given);
        let layers = layers(&encoded, &styles, &regions);
        let stroke = f64::from(self.style_size) / f64::from(STYLE_SIZE);
        let refiner = match &given {
            Some(given) => Some(Refiner {
                chain: Chain::load(fit::NETWORK, &device)?,
                styles: given
                    .iter()
                    .zip(&styles)
                    .map(|(given, (_, weight))| RefineStyle {
                        picture: &given.picture,
                        weight: *weight,
                        stroke,
                    })
                    .collect(),
                device,
            }),
            None => None,
        };
        let said = Said { metadata: Once::new(), shape: Once::new() };
        let paint = |job: &Job, bar: &ProgressBar| {
            let start = Instant::now();
            let outcome = self.paint(&stylizer, &layers, refiner.as_ref(), job, bar, &said);
            if self.json {
                let line = Line::of(job, &outcome, &engine, start.elapsed());
                bar.suspend(|| println!("{line}"));
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
            "{} behind --style: if these are styles, each needs a --style of its own; if they are photos, put \
             them before --style",
            misplaced.join(", ")
        );
        Ok(())
    }

    /// What goes where.
    fn plan(&self) -> Result<Vec<Job>> {
        let mut photos = Vec::new();
        for path in &self.photos {
            match path.is_dir() {
                true => photos.extend(files::pictures_in(path)?),
                false => photos.push(path.clone()),
            }
        }
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
        ensure!(is_folder || !output.is_file() || !several, "{} is not a folder", output.display());
        if is_folder || (several && format.is_none()) || output.extension().is_none() {
            return self.plan_folder(photos);
        }
        let Some(format) = format else {
            bail!("{}: the name must end in .png, .jpg or .webp", output.display());
        };
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
                    job.photo.display(),
                    size.0,
                    size.1
                );
            });
        }
        let photo = whole.fit(self.size.unwrap_or(u32::MAX));
        if layers.iter().filter_map(|layer| layer.mask).any(|mask| !alike(mask.size(), size)) {
            said.shape.call_once(|| {
                let photo = job.photo.display();
                bar.suspend(|| {
                    eprintln!("a mask has another shape than {photo} and is stretched over it")
                });
            });
        }
        let content = stylizer.encode_content(&photo);
        let mut options = Options { strength: self.strength, colours: self.colours.into() };
        if refiner.is_some() {
            options = Options::default();
        }
        let mut painting =
            pollster::block_on(stylizer.paint(&content, layers, &options, |_, _| {}))
                .with_context(|| job.photo.display().to_string())?;
        let mut steps = None;
        if let Some(refiner) = refiner {
            let (refined, done) = self.refine(refiner, painting, photo, job, bar)?;
            (painting, steps) = (refined, Some(done));
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
        match (&opacity, job.format) {
            (Some(_), Format::Jpeg { .. }) => {
                let (photo, output) = (job.photo.display(), job.output.display());
                bar.suspend(|| {
                    eprintln!("{photo} is transparent and JPEG cannot be: {output} is on white");
                });
            }
            (Some(opacity), _) => beside.opacity = Some((opacity, size)),
            (None, _) => {}
        }
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
            strength: self.strength,
            colours: self.colours.into(),
            ..RefineOptions::default()
        };
        let Refiner { chain, styles, device } = refiner;
        let mut refinement = Refinement::new(chain, painting, photo, styles, options, device)?;
        let _keeping = Keeping::start("keeping what there is");
        let name = job.photo.display();
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
            if interrupt::asked().load(Ordering::SeqCst) {
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
    output: Cow<'a, str>,
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
            output: job.output.to_string_lossy(),
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

/// The styles that no region names are mixed, in all that the regions leave.
fn layers<'a>(
    encoded: &'a [Style],
    styles: &[(PathBuf, f32)],
    regions: &'a [(Mask, Option<usize>)],
) -> Vec<Layer<'a>> {
    let masked = regions.iter().map(|(mask, style)| Layer {
        style: style.map(|index| &encoded[index]),
        weight: style.map_or(1.0, |index| styles[index].1),
        mask: Some(mask),
    });
    let mixed = (0..encoded.len())
        .filter(|index| regions.iter().all(|(_, style)| *style != Some(*index)))
        .map(|index| Layer { style: Some(&encoded[index]), weight: styles[index].1, mask: None });
    masked.chain(mixed).collect()
}

impl Stylize {
    fn paint_one(
        &self,
        job: &Job,
        paint: impl Fn(&Job, &ProgressBar) -> Result<Painted>,
    ) -> Result<()> {
        let start = Instant::now();
        let spinner =
            ProgressBar::new_spinner().with_message(format!("painting {}", job.photo.display()));
        spinner.enable_steady_tick(Duration::from_millis(120));
        let outcome = paint(job, &spinner);
        spinner.finish_and_clear();
        let painted = outcome?;
        let text = painted.described(start.elapsed());
        if !self.json && !files::is_standard(&job.output) {
            println!("{}: {text}", job.output.display());
        }
        leave_if_stopped();
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
            leave_if_stopped();
        }
        bar.finish_and_clear();
        let seconds = start.elapsed().as_secs_f64();
        let text =
            format!("{} of {} pictures painted in {seconds:.1} s", jobs.len() - failed, jobs.len());
        match self.json {
            true => eprintln!("{text}"),
            false => println!("{text}"),
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

/// Once Ctrl-C was pressed while a picture was refined, and what there was of it is written.
fn leave_if_stopped() {
    if interrupt::asked().load(Ordering::SeqCst) {
        std::process::exit(interrupt::CODE);
    }
}

/// A number from 0 to 1.
pub fn strength(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(strength) if (0.0..=1.0).contains(&strength) => Ok(strength),
        _ => Err("must be a number from 0 to 1".into()),
    }
}

/// A number above 0.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("must be a number above 0".into()),
    }
}

/// `PICTURE` or `PICTURE=WEIGHT`. A file that has the whole text as its name comes first.
pub fn parse_style(argument: &OsStr) -> Result<(PathBuf, f32)> {
    let split = files::split_value(argument);
    let Some((path, weight)) = split.filter(|_| !Path::new(argument).exists()) else {
        return Ok((argument.into(), 1.0));
    };
    let weight: f32 =
        weight.trim().parse().ok().filter(|w: &f32| w.is_finite() && *w >= 0.0).with_context(
            || {
                let path = path.display();
                format!("--style {path}={weight}: the weight must be a number that is not below 0")
            },
        )?;
    Ok((path.into(), weight))
}

/// `PICTURE=STYLE`: where the mask is, and the index of the style or none for the photo.
fn parse_mask(argument: &OsStr, styles: usize) -> Result<(PathBuf, Option<usize>)> {
    let wrong = || {
        format!(
            "--mask {}: say which style is painted there: PICTURE=1 to PICTURE={styles}, in the \
             order of --style, or PICTURE=none for the photo",
            argument.display()
        )
    };
    let (path, style) = files::split_value(argument).with_context(wrong)?;
    if style == "none" {
        return Ok((path.into(), None));
    }
    let number: usize =
        style.parse().ok().filter(|number| (1..=styles).contains(number)).with_context(wrong)?;
    Ok((path.into(), Some(number - 1)))
}

fn ends_with_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}

/// Not even with --force: whoever loses a photo that way did not mean to.
pub fn refuse_to_replace_inputs<'a>(
    outputs: &[PathBuf],
    inputs: impl Iterator<Item = &'a PathBuf>,
) -> Result<()> {
    let inputs: Vec<_> = inputs.filter_map(|path| path.canonicalize().ok()).collect();
    for output in outputs {
        if output.canonicalize().is_ok_and(|output| inputs.contains(&output)) {
            bail!(
                "{} would replace a picture that is read; choose another output",
                output.display()
            );
        }
    }
    Ok(())
}
