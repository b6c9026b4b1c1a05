use clap::{Parser, Subcommand};
#[path = "cli/train.rs"]
mod train;
#[derive(Parser)] struct Cli { #[command(subcommand)] c: C }
#[derive(Subcommand)] enum C { Train(train::Train) }
fn main() -> anyhow::Result<()> { match Cli::parse().c { C::Train(t) => t.run() } }
