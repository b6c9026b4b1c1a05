//! `impasto evaluate`: the measures of paintings, ours and others'.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use clap::Args;
use impasto::fit::{self, Chain, RefineLayer, RefineOptions, Refinement};
use impasto::train::evaluate::{Judge, Measures, Seen, Stability};
use impasto::train::probe::{self, Recognized};
use impasto::train::sheet::{Sheet, square};
use impasto::{Format, Picture, Stylizer};

use super::files;
use super::networks::Weights;
use super::train::Engine;

/// Side of the pictures on the contact sheet, in pixels.
const SHEET_SIDE: u32 = 256;

/// Measure paintings: every photo in every style.
///
/// Prints one table, with a row for these weights (one for each --strength) and one for every
/// folder of paintings by another method, and writes a contact sheet: rows are photos, columns
/// styles. All pictures are cut to their centre square.
///
/// style: distance of feature statistics to the style's. gram: relative distance of Gram
/// matrices. stroke: distance of the distributions of fine features. content: distance of normalized features to the photo's. For these lower is better.
/// ssim: likeness of the photo's structure, higher is better. grid: lines 8 pixels apart, or a fraction
/// of that, where the photo is flat, in 8-bit levels; lower is better. shift, noise: how much the
/// painting changes per unit of change when the photo moves by one pixel, or gets noise; lower is
/// steadier.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, beside another method's paintings of the same pairs, named PHOTO__STYLE.png:
  impasto evaluate --content photos --style styles --against magenta --sheet sheet.png")]
pub struct Evaluate {
    /// Folder with photos
    #[arg(long, value_name = "DIR")]
    content: PathBuf,
    /// Folder with style pictures
    #[arg(long, value_name = "DIR")]
    style: PathBuf,
    /// Folder with another method's paintings, PHOTO__STYLE.png each; may be given several times
    #[arg(long, value_name = "DIR")]
    against: Vec<PathBuf>,
    #[command(flatten)]
    weights: Weights,
    /// Strengths to measure, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = super::look::unit)]
    strength: Vec<f32>,
    /// Side of the squares, in pixels
    #[arg(long, value_name = "SIDE", default_value_t = 384,
          value_parser = clap::value_parser!(u32).range(64..=2048))]
    size: u32,
    /// Where the contact sheet goes (PNG)
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Folder for the paintings themselves
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Refine the paintings of these weights by this many steps, as `impasto stylize --refine` does; some
    /// twenty seconds a painting for 60
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u16).range(1..=5000))]
    refine: Option<u16>,
    /// Also ask how many paintings in procedural styles are taken for pictures of the style's family, by a
    /// classifier that has seen such pictures: of these weights, of photos that only have the colours
    /// (the least), and of the families' own programs (the most). Some minutes
    #[arg(long)]
    probe: bool,
    /// Full VGG-19, from `impasto import-vgg`
    #[arg(long, value_name = "FILE", default_value = "models/vgg19.safetensors")]
    vgg: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Cpu)]
    device: Engine,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

/// A picture with the name of its file.
struct Named {
    name: String,
    picture: Picture,
}

impl Evaluate {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let (photos, styles) =
            (squares(&self.content, self.size)?, squares(&self.style, self.size)?);
        let saved = self.save.iter().flat_map(|folder| {
            pairs(&photos, &styles).map(|(photo, style)| file_of(folder, photo, style))
        });
        let outputs: Vec<_> = self.sheet.iter().cloned().chain(saved).collect();
        files::refuse_to_overwrite(&outputs, self.force)?;
        // One of them in each folder.
        for path in self.sheet.iter().chain(outputs.last()) {
            files::make_folder_of(path)?;
        }
        let vgg = files::read(&self.vgg).context("make it with `impasto import-vgg`")?;
        ensure!(!self.probe || photos.len() >= 2, "--probe takes at least two photos");
        let weights = self.weights.read()?;
        let device = self.device.device()?;
        let stylizer = weights.stylizer(&device)?;
        // All that can be missing shows before the work starts.
        for folder in &self.against {
            for (photo, style) in pairs(&photos, &styles) {
                let path = file_of(folder, photo, style);
                ensure!(path.is_file(), "{} is missing", path.display());
            }
        }
        let pictures: Vec<_> = photos.iter().map(|photo| photo.picture.clone()).collect();
        let judge = Judge::load(&vgg, &pictures, &device)?;
        let bench = Bench { judge: &judge, photos: &photos, styles: &styles };

        say!("{} photos x {} styles at {} pixels", photos.len(), styles.len(), self.size);
        say!(
            "{:24} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
            "",
            "style",
            "content",
            "gram",
            "ssim",
            "stroke",
            "grid",
            "shift",
            "noise"
        );
        for &strength in &self.strength {
            let paintings = self.paint(&stylizer, &photos, &styles, strength, &device)?;
            let measures = bench.measure(&paintings)?;
            let (name, quick) = match self.refine {
                Some(steps) => (format!("refined, {steps} steps"), false),
                None => (format!("impasto, strength {strength}"), true),
            };
            // Of the networks; refined pictures are made one by one.
            let stability = match quick && strength == 1.0 {
                true => Some(stability(&stylizer, &photos, &styles)?),
                false => None,
            };
            print_row(&name, measures, stability);
        }
        for folder in &self.against {
            let paintings = read_paintings(folder, &photos, &styles, self.size)?;
            let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
            print_row(&name, bench.measure(&paintings)?, None);
        }
        if self.probe {
            print_probe(&judge, &stylizer, &pictures)?;
        }
        Ok(())
    }

    /// Every photo in every style, photo by photo; also saved and put on the sheet if asked to.
    fn paint(
        &self,
        stylizer: &Stylizer,
        photos: &[Named],
        styles: &[Named],
        strength: f32,
        device: &Device,
    ) -> Result<Vec<Picture>> {
        let bar = files::progress_bar(photos.len() * styles.len(), "painting");
        let chain = self.refine.map(|_| Chain::load(fit::NETWORK, device)).transpose()?;
        let encoded: Vec<_> =
            styles.iter().map(|style| stylizer.encode_style(&style.picture)).collect();
        let mut paintings = Vec::new();
        for photo in photos {
            let content = stylizer.encode_content(&photo.picture);
            for (style, original) in encoded.iter().zip(styles) {
                let styles = [(style, 1.0)];
                // Refining starts at full strength and has the last word.
                let first = if chain.is_some() { 1.0 } else { strength };
                let painting = stylizer.stylize(&content, &styles, first);
                let mut painting = pollster::block_on(painting)?;
                if let (Some(chain), Some(steps)) = (&chain, self.refine) {
                    let steps = usize::from(steps);
                    let options = RefineOptions { steps, strength, ..RefineOptions::default() };
                    let (photo, styles) = (
                        photo.picture.clone(),
                        [RefineLayer {
                            picture: Some(&original.picture),
                            weight: 1.0,
                            stroke: 1.0,
                            mask: None,
                        }],
                    );
                    let refinement =
                        Refinement::new(chain, painting, photo, &styles, options, device)?;
                    painting = pollster::block_on(refinement.finish())?;
                }
                paintings.push(painting);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        if let Some(folder) = &self.save {
            for ((photo, style), painting) in pairs(photos, styles).zip(&paintings) {
                files::write(&file_of(folder, photo, style), &painting.encode(Format::Png)?)?;
            }
        }
        if let Some(path) = &self.sheet {
            let mut sheet =
                Sheet::new(styles.len() as u32 + 1, photos.len() as u32 + 1, SHEET_SIDE);
            for (column, style) in styles.iter().enumerate() {
                sheet.place(column as u32 + 1, 0, &square(&style.picture, SHEET_SIDE));
            }
            for (row, photo) in photos.iter().enumerate() {
                sheet.place(0, row as u32 + 1, &square(&photo.picture, SHEET_SIDE));
            }
            for (index, painting) in paintings.iter().enumerate() {
                let (row, column) = (index / styles.len(), index % styles.len());
                sheet.place(column as u32 + 1, row as u32 + 1, &square(painting, SHEET_SIDE));
            }
            sheet.write(path)?;
        }
        Ok(paintings)
    }
}

/// What paintings are measured against.
struct Bench<'a> {
    judge: &'a Judge,
    photos: &'a [Named],
    styles: &'a [Named],
}

impl Bench<'_> {
    fn measure(&self, paintings: &[Picture]) -> Result<Measures> {
        let bar = files::progress_bar(paintings.len(), "measuring");
        let styles: Vec<Seen> =
            self.styles.iter().map(|style| self.judge.see(&style.picture)).collect();
        let mut measures = Vec::new();
        for (photo, row) in self.photos.iter().zip(paintings.chunks(styles.len())) {
            let photo = self.judge.see(&photo.picture);
            for (painting, style) in row.iter().zip(&styles) {
                measures.push(self.judge.measure(&self.judge.see(painting), &photo, style));
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        Ok(Measures::mean(&measures))
    }
}

/// The mean over every photo in one style each.
fn stability(stylizer: &Stylizer, photos: &[Named], styles: &[Named]) -> Result<Stability> {
    let mut sum = Stability::default();
    for (photo, style) in photos.iter().zip(styles.iter().cycle()) {
        let style = stylizer.encode_style(&style.picture);
        let stability = Stability::of(stylizer, &photo.picture, &style)?;
        sum.shift += stability.shift / photos.len() as f64;
        sum.noise += stability.noise / photos.len() as f64;
    }
    Ok(sum)
}

/// Family by family, and the mean over all.
fn print_probe(judge: &Judge, stylizer: &Stylizer, photos: &[Picture]) -> Result<()> {
    let bar = files::progress_bar(probe::pictures(photos.len()), "families");
    let all = probe::recognized(judge, stylizer, photos, || bar.inc(1))?;
    bar.finish_and_clear();
    say!("{:24} {:>10} {:>10} {:>10}", "family recognized", "painted", "recoloured", "drawn");
    let row = |name: &str, [painted, recoloured, drawn]: [f64; 3]| {
        say!("{name:24} {painted:10.2} {recoloured:10.2} {drawn:10.2}");
    };
    let shares = |one: &Recognized| [one.painted, one.recoloured, one.drawn];
    for one in &all {
        row(one.family.name(), shares(one));
    }
    let mean = |at: usize| all.iter().map(|one| shares(one)[at]).sum::<f64>() / all.len() as f64;
    row("all", [0, 1, 2].map(mean));
    Ok(())
}

fn print_row(name: &str, measures: Measures, stability: Option<Stability>) {
    let Measures { style, content, gram, ssim, stroke, grid } = measures;
    let line = format!(
        "{name:24} {style:7.3} {content:7.3} {gram:7.3} {ssim:7.3} {stroke:7.3} {grid:7.3}"
    );
    match stability {
        Some(Stability { shift, noise }) => say!("{line} {shift:7.3} {noise:7.3}"),
        None => say!("{line} {:>7} {:>7}", "-", "-"),
    }
}

/// The pictures of a folder, cut to their centre and brought to the size.
fn squares(folder: &Path, side: u32) -> Result<Vec<Named>> {
    files::pictures_in(folder)?
        .into_iter()
        .map(|path| {
            let picture = square(&files::read_picture(&path)?, side);
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Named { name, picture })
        })
        .collect()
}

fn read_paintings(
    folder: &Path,
    photos: &[Named],
    styles: &[Named],
    side: u32,
) -> Result<Vec<Picture>> {
    pairs(photos, styles)
        .map(|(photo, style)| {
            let path = file_of(folder, photo, style);
            let painting = files::read_picture(&path)?;
            let (width, height) = (painting.width(), painting.height());
            ensure!(
                (width, height) == (side, side),
                "{} has {width} x {height} pixels, not {side} x {side}",
                path.display()
            );
            Ok(painting)
        })
        .collect()
}

fn pairs<'a>(
    photos: &'a [Named],
    styles: &'a [Named],
) -> impl Iterator<Item = (&'a Named, &'a Named)> {
    photos.iter().flat_map(move |photo| styles.iter().map(move |style| (photo, style)))
}

fn file_of(folder: &Path, photo: &Named, style: &Named) -> PathBuf {
    folder.join(format!("{}__{}.png", photo.name, style.name))
}
