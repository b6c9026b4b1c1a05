//! What is painted with: styles, regions, colours, networks and the device. Options that commands share.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use impasto::fit::RefineLayer;
use impasto::{Colours, Layer, Mask, Options, STYLE_SIZE, Style, Stylizer};

use super::Usage;
use super::engine::{self, Engine};
use super::files::{self, GivenStyle};
use super::networks::{Weights, WeightsFile};

#[derive(Debug, Args)]
pub struct Look {
    /// Style picture, file of `impasto tune`, or name of a style that comes with the program; may be given
    /// several times, with weights that say how much each counts
    #[arg(short, long = "style", required = true, value_name = "PICTURE[=WEIGHT]")]
    styles: Vec<OsString>,
    /// A region: the white part of this picture is painted in the style of that number (the first
    /// --style is 1) and no other part is, or with `none` stays as it is. Grey is for soft
    /// edges. May be given several times
    #[arg(long = "mask", value_name = "PICTURE=STYLE")]
    masks: Vec<OsString>,
    /// From 0, the photo or the frame itself, to 1, the full style
    #[arg(long, default_value_t = 1.0, value_parser = unit)]
    pub strength: f32,
    /// Whose colours the painting has
    #[arg(long, alias = "colors", value_enum, default_value_t = Palette::Style)]
    colours: Palette,
    /// Long side that style pictures are brought to: the larger, the larger the strokes
    #[arg(long, value_name = "LONG_SIDE", default_value_t = STYLE_SIZE,
          value_parser = clap::value_parser!(u32).range(STYLE_SIZES))]
    pub style_size: u32,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    device: Engine,
    #[command(flatten)]
    weights: Weights,
}

/// Long sides that style pictures may be brought to.
pub const STYLE_SIZES: std::ops::RangeInclusive<i64> = 16..=4096;

/// Whose colours the painting has.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Palette {
    /// The styles'
    Style,
    /// The photo's (the frame's), as a whole
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

/// The files that a look is made of.
#[derive(Debug)]
pub struct Named {
    /// With their weights.
    pub styles: Vec<(PathBuf, f32)>,
    /// With the index of the style, or none where nothing is painted.
    pub masks: Vec<(PathBuf, Option<usize>)>,
    weights: Option<PathBuf>,
}

impl Named {
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let styles = self.styles.iter().map(|(path, _)| path);
        styles.chain(self.masks.iter().map(|(path, _)| path)).chain(&self.weights)
    }
}

/// What is in these files.
pub struct Given {
    pub styles: Vec<GivenStyle>,
    pub weights: Vec<f32>,
    regions: Vec<(Mask, Option<usize>)>,
    networks: WeightsFile,
}

/// All of it on a device.
pub struct Studio {
    pub device: Device,
    /// What computes, for people.
    pub engine: String,
    pub stylizer: Stylizer,
    styles: Vec<Style>,
}

impl Look {
    /// Checks the arguments that name files.
    pub fn named(&self) -> Result<Named> {
        let styles = parse_styles(&self.styles)?;
        let masks = self.masks.iter().map(|mask| parse_mask(mask, styles.len()));
        let masks = masks.collect::<Result<Vec<_>>>()?;
        for (path, style) in &masks {
            ensure!(
                style.is_none_or(|style| styles[style].1 > 0.0),
                "--mask {}: its style has the weight 0; give it more, or none for the photo",
                path.display()
            );
        }
        Ok(Named { styles, masks, weights: self.weights.path().cloned() })
    }

    /// Reads the files.
    pub fn read(&self, named: &Named) -> Result<Given> {
        let styles = named.styles.iter().map(|(path, _)| files::read_style(path));
        let styles = styles.collect::<Result<Vec<_>>>()?;
        let regions = named.masks.iter().map(|(path, style)| Ok((files::read_mask(path)?, *style)));
        let regions = regions.collect::<Result<Vec<_>>>()?;
        let weights = named.styles.iter().map(|(_, weight)| *weight).collect();
        Ok(Given { styles, weights, regions, networks: self.weights.read()? })
    }

    /// Opens the device, and encodes the styles there.
    pub fn open(&self, given: &Given) -> Result<Studio> {
        let device = self.device.open()?;
        let engine = engine::name(&device);
        let stylizer = given.networks.stylizer(&device)?;
        let styles = given
            .styles
            .iter()
            .map(|style| style.encoded(&stylizer, &given.networks.name, self.style_size))
            .collect::<Result<Vec<_>>>()?;
        Ok(Studio { device, engine, stylizer, styles })
    }

    pub fn options(&self) -> Options {
        Options { strength: self.strength, colours: self.colours(), ..Options::default() }
    }

    pub fn colours(&self) -> Colours {
        self.colours.into()
    }
}

impl Given {
    /// The networks' own bytes.
    pub fn networks(&self) -> &[u8] {
        &self.networks.bytes
    }

    /// What is painted, and where.
    pub fn layers<'a>(&'a self, studio: &'a Studio) -> Vec<Layer<'a>> {
        let layer = |(index, weight, mask): (Option<usize>, _, _)| Layer {
            style: index.map(|index| &studio.styles[index]),
            weight,
            mask,
        };
        self.placed().map(layer).collect()
    }

    /// The same for refining, with the styles' pictures.
    pub fn refine_layers<'a>(
        &'a self,
        pictures: &'a [GivenStyle],
        stroke: f64,
    ) -> Vec<RefineLayer<'a>> {
        let layer = |(index, weight, mask): (Option<usize>, _, _)| RefineLayer {
            picture: index.map(|index| &pictures[index].picture),
            weight,
            stroke,
            mask,
        };
        self.placed().map(layer).collect()
    }

    /// Which style (by its index, or none for the photo), its weight, and where. The styles that no region names are
    /// mixed, in all that the regions leave.
    fn placed(&self) -> impl Iterator<Item = (Option<usize>, f32, Option<&Mask>)> {
        let Self { weights, regions, .. } = self;
        let masked = regions
            .iter()
            .map(|(mask, style)| (*style, style.map_or(1.0, |index| weights[index]), Some(mask)));
        let mixed = (0..weights.len())
            .filter(|index| regions.iter().all(|(_, style)| *style != Some(*index)))
            .map(|index| (Some(index), weights[index], None));
        masked.chain(mixed)
    }
}

/// A number from 0 to 1.
pub fn unit(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("must be a number from 0 to 1".into()),
    }
}

/// The files of styles and their weights, of which not all are 0.
pub fn parse_styles(arguments: &[OsString]) -> Result<Vec<(PathBuf, f32)>> {
    let styles = arguments.iter().map(|style| parse_style(style)).collect::<Result<Vec<_>>>()?;
    ensure!(
        styles.iter().any(|(_, weight)| *weight > 0.0),
        Usage("all styles have the weight 0; give at least one more".into())
    );
    Ok(styles)
}

/// `PICTURE` or `PICTURE=WEIGHT`. A file that has the whole text as its name comes first.
fn parse_style(argument: &OsStr) -> Result<(PathBuf, f32)> {
    let split = files::split_value(argument);
    let Some((path, weight)) = split.filter(|_| !Path::new(argument).exists()) else {
        return Ok((argument.into(), 1.0));
    };
    let number: Option<f32> = weight.trim().parse().ok();
    match number.filter(|number| number.is_finite() && *number >= 0.0) {
        Some(number) => Ok((path.into(), number)),
        None => bail!(Usage(format!(
            "--style {}={weight}: the weight must be a number that is neither below 0 nor infinite",
            path.display()
        ))),
    }
}

/// `PICTURE=STYLE`: where the mask is, and the index of the style or none for what is painted.
fn parse_mask(argument: &OsStr, styles: usize) -> Result<(PathBuf, Option<usize>)> {
    let wrong = || {
        Usage(format!(
            "--mask {}: say which style is painted there: PICTURE=1 to PICTURE={styles}, in the \
             order of --style, or PICTURE=none for the photo",
            argument.display()
        ))
    };
    let (path, style) = files::split_value(argument).ok_or_else(wrong)?;
    if style == "none" {
        return Ok((path.into(), None));
    }
    let number: Option<usize> = style.parse().ok();
    let number = number.filter(|number| (1..=styles).contains(number)).ok_or_else(wrong)?;
    Ok((path.into(), Some(number - 1)))
}
