//! `exitpath generate` (hidden): completions and man pages, from the same definition as the parser.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory as _, Subcommand};
use clap_complete::Shell;

use super::Cli;
use crate::error::CliError;

/// Write completions or man pages
#[derive(Args)]
pub struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Completions for bash, zsh, fish, elvish and PowerShell
    Completions {
        /// Into this folder
        dir: PathBuf,
    },
    /// A man page for each subcommand
    Man {
        /// Into this folder
        dir: PathBuf,
    },
}

/// Runs it.
pub fn run(args: &GenerateArgs) -> Result<(), CliError> {
    let (What::Completions { dir } | What::Man { dir }) = &args.what;
    let failed = |error: std::io::Error| {
        CliError::usage(&format!("cannot write {}", dir.display()), &error.to_string(), "give another folder")
    };
    fs::create_dir_all(dir).map_err(failed)?;
    match &args.what {
        What::Completions { dir } => {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
                clap_complete::generate_to(shell, &mut Cli::command(), "exitpath", dir).map_err(failed)?;
            }
        }
        What::Man { dir } => clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?,
    }
    Ok(())
}
