//! `exitpath record --runs`: one recording a run.
//!
//! A run is attach to detach: programs are loaded afresh for each, so that no counter, no thread's record and not even
//! the place of the programs' code is carried from one run to the next. That place alone moves a latency by 5 %, and a
//! recorder that stayed attached would make one draw of it and call it ten. The machine's description is read afresh
//! too; what the kernel can do (facts), and with it plan and room, is asked once, so that runs do not differ in them.

mod line;
mod runner;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use super::{
    record::{RecordArgs, parse_seconds},
    signals::event_loop,
};
use crate::{
    error::CliError,
    metadata::Side,
    output::Format,
    replicates::{Folder, MOST, Turn},
};
use runner::Runner;

/// Several runs, a recording each.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Replicates")]
pub struct ReplicateArgs {
    /// Record N runs of the command, or of -d SECONDS, each into a file of its own in the folder that -o names
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    pub runs: Option<u32>,
    /// Two commands instead of the one after --, as the shell takes them: run in turn, A B B A A B B A ..., N times
    /// each, and recorded into the folders a and b
    #[arg(long, requires = "runs", num_args = 2, value_names = ["CMD_A", "CMD_B"])]
    pub ab: Option<Vec<OsString>>,
    /// Wait so long between two runs
    #[arg(long, requires = "runs", value_name = "SECONDS", value_parser = parse_seconds)]
    pub pause: Option<f64>,
    /// Runs (of each side) before the first recorded one: traced all the same, and thrown away
    #[arg(long, requires = "runs", value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST)))]
    pub warmup: u32,
    /// Go on when a command fails, and keep its recording; in the end the first failure's exit code is returned
    #[arg(long, requires = "runs")]
    pub keep_going: bool,
    /// Go on in a folder that has recordings of the same: their numbers continue
    #[arg(long, requires = "runs")]
    pub append: bool,
}

/// Folders of the recordings: of both sides, or of the only one.
pub(super) struct Folders {
    place: PathBuf,
    sides: Vec<Folder>,
}

/// Runs them all; the exit code.
pub fn run(args: &RecordArgs, runs: u32) -> Result<u8, CliError> {
    let place = check(args)?;
    let folders = Folders::open(&place, &args.replicates)?;
    let last = folders.sides.iter().map(Folder::last).max().unwrap_or(0);
    if last + runs > MOST {
        return Err(CliError::usage(
            &format!("cannot go on in {}", place.display()),
            &format!("run {last} is there, and numbers end at {MOST}"),
            "give another folder, or fewer runs",
        ));
    }
    event_loop()?.block_on(async { Runner::new(args, runs, folders)?.run().await })
}

/// Refuses what does not go together; the folder.
fn check(args: &RecordArgs) -> Result<PathBuf, CliError> {
    let refuse = |what: &str, why: &str, remedy: &str| Err(CliError::usage(what, why, remedy));
    let Some(place) = &args.recording else {
        return refuse("--runs has nowhere to record to", "there is a file a run", "give -o DIR");
    };
    if args.replicates.ab.is_some() && !args.command.is_empty() {
        return refuse(
            "--ab and -- COMMAND exclude each other",
            "--ab brings both commands with it",
            "give one of the two",
        );
    }
    if args.replicates.ab.iter().flatten().any(|command| command.is_empty()) {
        return refuse("--ab has an empty command", "there would be nothing to run", "give two commands");
    }
    if args.command.is_empty() && args.replicates.ab.is_none() && args.duration.is_none() {
        return refuse(
            "--runs does not know when a run ends",
            "there is no command",
            "give one after --, or -d SECONDS",
        );
    }
    let shaped = args.output.format != Format::default()
        || args.output.output.is_some()
        || args.view.is_given()
        || args.in_flight;
    if shaped {
        return refuse(
            "--runs shows no result",
            "--format, --output, --in-flight and the view's options would shape one",
            "leave them out, and give them to `exitpath report` afterwards",
        );
    }
    Ok(place.components().collect())
}

impl Folders {
    fn open(place: &Path, args: &ReplicateArgs) -> Result<Self, CliError> {
        // Recordings of the other kind would be taken for runs by whoever reads the folder.
        let sides = [Side::A, Side::B].map(|side| place.join(side.name()));
        let (others, ours) = if args.ab.is_some() {
            (vec![place.to_owned()], sides.to_vec())
        } else {
            (sides.to_vec(), vec![place.to_owned()])
        };
        for other in others.iter().filter(|other| other.is_dir()) {
            if Folder::open(other, true)?.count() > 0 {
                return Err(CliError::usage(
                    &format!("cannot write recordings into {}", place.display()),
                    &format!("{} has some, and --ab keeps two folders a and b of them", other.display()),
                    "give a new folder",
                ));
            }
        }
        let sides = ours.iter().map(|path| Folder::open(path, args.append)).collect::<Result<_, _>>()?;
        Ok(Self { place: place.to_owned(), sides })
    }

    fn of(&self, turn: Turn) -> &Folder {
        &self.sides[turn.side.map_or(0, |side| side as usize)]
    }

    /// The command that shows what was recorded, to be pasted into the shell.
    fn next(&self) -> String {
        let quoted = |path: PathBuf| quote(&path.to_string_lossy());
        if let [_] = &self.sides[..] {
            return format!("exitpath report {}/*.hlog.zst", quoted(self.place.clone()));
        }
        let [a, b] = [Side::A, Side::B].map(|side| quoted(self.place.join(side.name())));
        format!("exitpath diff {a} -- {b}")
    }
}

/// As the shell reads it back.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Says what was recorded, and if that is all that was asked for, how to look at it.
fn say_end(folders: &Folders, recorded: u32, whole: bool) -> Result<(), CliError> {
    let plural = if recorded == 1 { "" } else { "s" };
    eprintln!("exitpath: {recorded} run{plural} recorded in {}", folders.place.display());
    if !whole {
        return Ok(());
    }
    let mut stdout = io::stdout();
    let result = writeln!(stdout, "{}", folders.next()).and_then(|()| stdout.flush());
    crate::sink::settle("standard output", result).map(drop)
}

fn pause(args: &ReplicateArgs) -> Duration {
    args.pause.map_or(Duration::ZERO, Duration::from_secs_f64)
}

fn on_terminal() -> bool {
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn paths_are_quoted_where_the_shell_would_split_them() {
        for (text, quoted) in
            [("a/b-1.x", "a/b-1.x"), ("my runs", "'my runs'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(quote(text), quoted);
        }
    }
}
