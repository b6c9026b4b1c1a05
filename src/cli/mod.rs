//! The commands, one a file; here is what they have in common.

/// A line on standard output, as `println!`. Where it cannot be written the program ends and says so.
macro_rules! say {
    ($($text:tt)*) => { crate::cli::say_line(format_args!($($text)*)) };
}

#[cfg(feature = "train")]
mod average;
mod bench;
mod completions;
mod dream;
mod engine;
#[cfg(feature = "train")]
mod evaluate;
mod files;
mod film;
mod import_vgg;
mod info;
mod interrupt;
mod look;
mod networks;
mod styles;
mod stylize;
#[cfg(feature = "train")]
mod train;
mod tune;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Paints photos in the style of any picture, on your own machine.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    arg_required_else_help = true,
    propagate_version = true,
    after_help = "\
Examples:
  A photo in the style of a painting:
    impasto stylize photo.jpg --style painting.jpg -o painted.jpg

  Two styles, the first three times as strong as the second:
    impasto stylize photo.jpg --style waves.png=3 --style stars.jpg=1 -o painted.png

  A film, with its sound (this takes ffmpeg):
    impasto film holiday.mp4 --style painting.jpg -o painted.mp4

  Every photo of a folder, into another folder:
    impasto stylize holiday --style painting.jpg -o holiday-painted

`impasto help stylize` says more."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Stylize(stylize::Stylize),
    Film(film::FilmCommand),
    Tune(tune::Tune),
    Dream(dream::Dream),
    Styles(styles::Styles),
    ImportVgg(import_vgg::ImportVgg),
    Info(info::Info),
    Bench(bench::Bench),
    Completions(completions::Completions),
    Man(completions::Man),
    #[cfg(feature = "train")]
    Train(train::Train),

    #[cfg(feature = "train")]
    Average(average::Average),
    #[cfg(feature = "train")]
    Evaluate(evaluate::Evaluate),
}

/// Wrong usage that clap cannot see: arguments that are wrong whatever the files are.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Exit codes: 0 done, 1 failed (entirely or in part), 2 wrong usage, 130 stopped by Ctrl-C.
pub fn main() -> ExitCode {
    // An option's value may begin with a minus, and is then found to be too small.
    let commands = Cli::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    let matches = commands.get_matches();
    let Cli { command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(error) = interrupt::listen() {
        eprintln!("{error:#}");
    }
    let outcome = match command {
        Command::Stylize(command) => {
            let own = matches.subcommand_matches("stylize");
            own.map_or(Ok(()), |own| command.refuse_misplaced(own)).and_then(|()| command.run())
        }
        Command::Film(command) => command.run(),
        Command::Tune(command) => command.run(),
        Command::Dream(command) => command.run(),
        Command::Styles(command) => command.run(),
        Command::ImportVgg(command) => command.run(),
        Command::Info(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Completions(command) => command.run(Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
        #[cfg(feature = "train")]
        Command::Train(command) => command.run(),
        #[cfg(feature = "train")]
        Command::Average(command) => command.run(),
        #[cfg(feature = "train")]
        Command::Evaluate(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            match error.is::<Usage>() {
                true => ExitCode::from(2),
                false => ExitCode::FAILURE,
            }
        }
    }
}

/// See `say!`.
fn say_line(text: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        eprintln!("error: cannot write to standard output: {error}");
        std::process::exit(1);
    }
}
