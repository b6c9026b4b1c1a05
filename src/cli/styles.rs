//! `impasto styles`: procedural style pictures.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use impasto::files::write_whole;
use impasto::train::procedural::{bundled, styles_json};

/// Make the style pictures that come with the page.
///
/// Writes pictures painted by a program, thumbnails of them, and styles.json, which says
/// what they are. The same files come out on every machine.
#[derive(Debug, Args)]
pub struct Styles {
    /// Folder to write to; made if it is missing, files of the same names are replaced
    #[arg(long, value_name = "DIR", default_value = "www/styles")]
    out: PathBuf,
}

impl Styles {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let thumbs = self.out.join("thumbs");
        std::fs::create_dir_all(&thumbs)
            .with_context(|| format!("cannot make {}", thumbs.display()))?;
        for style in bundled() {
            for (name, bytes) in style.files()? {
                let path = self.out.join(name);
                write_whole(&path, &bytes)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        let path = self.out.join("styles.json");
        write_whole(&path, styles_json().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("{} styles in {}", bundled().len(), self.out.display());
        Ok(())
    }
}
