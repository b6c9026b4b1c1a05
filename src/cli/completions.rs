//! `impasto completions` and `impasto man`: what shells and readers want to know of the commands.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man as Page;

use super::files;

/// The name of the program.
const NAME: &str = "impasto";

/// Print a script with which a shell completes commands and options.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  impasto completions bash > ~/.local/share/bash-completion/completions/impasto")]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(self, mut commands: Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut commands, NAME, &mut script);
        files::write("-".as_ref(), &script)
    }
}

/// Write manual pages, for `man`: impasto.1, impasto-stylize.1 and so on.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  impasto man ~/.local/share/man/man1 && man impasto-stylize")]
pub struct Man {
    /// Folder for the pages; made if it is missing, pages of the same names are replaced
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    /// Runs the command.
    pub fn run(self, mut commands: Command) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make {}", self.folder.display()))?;
        commands.build();
        let subcommands: Vec<_> = commands.get_subcommands().cloned().collect();
        let count = subcommands.len() + 1;
        for command in subcommands.into_iter().chain([commands]) {
            // The program's own name has been put before those of its commands.
            let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
            let mut page = Vec::new();
            Page::new(command).render(&mut page)?;
            files::write(&self.folder.join(format!("{name}.1")), &page)?;
        }
        say!("{count} pages in {}", self.folder.display());
        Ok(())
    }
}
