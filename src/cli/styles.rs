//! `impasto styles`: procedural style pictures, and photos painted like them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use impasto::picture::codecs::Beside;
use impasto::procedural::{BUNDLED_SIZE, Family, bundled, from_photo, paint, styles_json};

use super::files;

/// Make style pictures by a program, or paint a photo in such a style.
///
/// A style is a family, such as woodcut, and a seed, which chooses the colours, the tools and the
/// size of the marks. The same files come out on every machine; no network takes part.
///
/// Without --family, makes the style pictures that come with the page: the pictures, thumbnails of
/// them, and styles.json, which says what they are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  A photo as a woodcut, and as another one in other colours:
    impasto styles --photo photo.jpg --family woodcut -o woodcut.png
    impasto styles --photo photo.jpg --family woodcut --seed 7 -o other.png

  A picture in the same style, of a scene that the program makes up:
    impasto styles --family woodcut --seed 7 -o style.png

  The styles that come with the program, for `impasto stylize --style NAME`:
    impasto styles --list

  Their pictures, as the page has them:
    impasto styles")]
pub struct Styles {
    /// Name the styles that come with the program
    #[arg(long, exclusive = true)]
    list: bool,
    /// Photo to paint; the painting has its size
    #[arg(long, value_name = "PHOTO", requires = "family")]
    photo: Option<PathBuf>,
    /// What to paint it with
    #[arg(long, value_name = "NAME", value_parser = family())]
    family: Option<Family>,
    /// Which of the family's many styles
    #[arg(long, value_name = "N", default_value_t = 1, requires = "family")]
    seed: u64,
    /// Where the picture goes: a file that ends in .png, .jpg or .webp, or - for standard output [default: named after
    /// photo, family and seed, here]; without --family the folder for the page's style pictures
    /// [default: www/styles]. Folders that are missing are made
    #[arg(short, long, alias = "out", value_name = "FILE_OR_DIR")]
    output: Option<PathBuf>,
    /// Quality of JPEG files, from 1 to 100 (PNG and WebP lose nothing)
    #[arg(long, default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100),
          requires = "family")]
    quality: u8,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

impl Styles {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        if self.list {
            for style in bundled() {
                say!("{:18} {}, {}", style.id, style.title_en, style.family.name());
            }
            return Ok(());
        }
        match self.family {
            Some(family) => self.one(family),
            None => all(self.output.as_deref().unwrap_or(Path::new("www/styles")), self.force),
        }
    }

    /// A photo, or a made-up scene, in one style.
    fn one(&self, family: Family) -> Result<()> {
        let unnamed = self.photo.as_deref().is_some_and(files::is_standard);
        ensure!(
            self.output.is_some() || !unnamed,
            "what comes from standard input has no name; give that of a file with --output"
        );
        let output = self.output.clone().unwrap_or_else(|| self.name(family));
        let format = files::format_for(&output, self.quality)?;
        files::refuse_to_replace_inputs(std::slice::from_ref(&output), self.photo.iter())?;
        files::refuse_to_overwrite(std::slice::from_ref(&output), self.force)?;
        let photo = self.photo.as_deref().map(files::read_whole).transpose()?;
        files::make_folder_of(&output)?;
        let mut picture = match &photo {
            Some(whole) => from_photo(&whole.picture, family, self.seed).with_context(|| {
                format!("{} paints no photos: its forms are all that it shows", family.name())
            })?,
            None => paint(family, BUNDLED_SIZE, BUNDLED_SIZE, self.seed),
        };
        let opacity = photo.and_then(|whole| whole.opacity);
        let mut beside = Beside::default();
        if let (Some(photo), Some(opacity)) = (&self.photo, &opacity) {
            picture.lay_on_white(opacity);
            beside.opacity = files::opacity_in(format, Some(opacity), photo, &output);
        }
        files::write(&output, &picture.encode_with(format, beside)?)?;
        let (width, height) = (picture.width(), picture.height());
        let text = format!("{width} x {height} pixels, {}, seed {}", family.name(), self.seed);
        files::tell_written(&output, &text);
        Ok(())
    }

    fn name(&self, family: Family) -> PathBuf {
        let photo = self.photo.as_deref().and_then(Path::file_stem).unwrap_or_default();
        let mut name = photo.to_owned();
        if !name.is_empty() {
            name.push("-");
        }
        name.push(format!("{}-{}.png", family.name(), self.seed));
        name.into()
    }
}

/// Takes the names of the families.
fn family() -> impl TypedValueParser<Value = Family> {
    PossibleValuesParser::new(Family::ALL.iter().map(|family| family.name()))
        .map(|name| Family::named(&name).expect("only names of families pass"))
}

/// The page's style pictures, into a folder.
fn all(out: &Path, force: bool) -> Result<()> {
    let list = out.join("styles.json");
    files::refuse_to_overwrite(std::slice::from_ref(&list), force)?;
    for style in bundled() {
        for (name, bytes) in style.files()? {
            let path = out.join(name);
            files::refuse_to_overwrite(std::slice::from_ref(&path), force)?;
            files::make_folder_of(&path)?;
            files::write(&path, &bytes)?;
        }
    }
    files::write(&list, styles_json().as_bytes())?;
    say!("{} styles in {}", bundled().len(), out.display());
    Ok(())
}
