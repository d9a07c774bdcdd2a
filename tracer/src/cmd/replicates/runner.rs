//! The loop over the runs.

use std::{
    ffi::OsString,
    fs::File,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Folders,
    line::{BEAT, Line, name},
    pause, say_end,
};
use crate::{
    cmd::{
        outputs::Outputs,
        record::RecordArgs,
        run::{Tracing, end_command},
        signals::{Signals, ready_descriptor},
    },
    command::Command,
    error::CliError,
    kernel::Facts,
    metadata::{Metadata, Run, Side},
    replicates::{Folder, Pace, Turn, continues, order},
};

/// Everything that outlives a run.
pub(super) struct Runner<'a> {
    args: &'a RecordArgs,
    runs: u32,
    folders: Folders,
    facts: Facts,
    signals: Signals,
    ready: Option<File>,
    line: Line,
    /// The head of the first run, which the others must agree with.
    first: Option<Metadata>,
    recorded: u32,
}

/// How a run ended.
struct Outcome {
    code: u8,
    signal: Option<i32>,
    /// How long it was traced, and what was seen.
    traced: Duration,
    returns: u64,
    /// Its recording, if it has one.
    file: Option<PathBuf>,
}

impl<'a> Runner<'a> {
    /// Needs the event loop.
    pub fn new(args: &'a RecordArgs, runs: u32, folders: Folders) -> Result<Self, CliError> {
        Ok(Self {
            args,
            runs,
            folders,
            facts: Facts::gather(),
            signals: Signals::catch()?,
            ready: ready_descriptor(),
            line: Line::new(),
            first: None,
            recorded: 0,
        })
    }

    /// Runs them all; the exit code: 0, that of the first command that failed, or 128 and the signal that ended it.
    pub async fn run(mut self) -> Result<u8, CliError> {
        let args = &self.args.replicates;
        let done = self.folders.sides.iter().map(Folder::last).min().unwrap_or(0);
        let turns = order(args.ab.is_some(), self.runs, args.warmup, done);
        let result = self.all(&turns).await;
        self.line.clear();
        let code = result?;
        let whole = turns.iter().filter(|turn| !turn.warmup).count() == self.recorded as usize;
        say_end(&self.folders, self.recorded, whole)?;
        Ok(code)
    }

    async fn all(&mut self, turns: &[Turn]) -> Result<u8, CliError> {
        let pause = pause(&self.args.replicates);
        let mut pace = Pace::new(pause);
        let mut first_failure = 0;
        for (at, &turn) in turns.iter().enumerate() {
            let rest = &turns[at + 1..];
            let began = Instant::now();
            self.line.begin(at, turns.len(), &self.name(turn), pace.of(turn).zip(pace.all(rest)));
            let Outcome { code, signal, traced, returns, file } = self.one(turn).await?;
            let took = began.elapsed();
            if let Some(signal) = signal {
                return Ok(self.stopped(turn, signal));
            }
            let mut what =
                if code == 0 { String::new() } else { format!(", the command failed with exit code {code}") };
            if code != 0 && !self.args.replicates.keep_going {
                let name = self.name(turn);
                self.line.say(&format!("{name}{what}: it is dropped; --keep-going would keep it and go on"));
                return Ok(code);
            }
            if first_failure == 0 {
                first_failure = code;
            }
            what.extend(file.map(|file| format!(": {}", file.display())));
            pace.add(turn, took);
            self.line.end(&self.name(turn), traced, returns, &what);
            if returns == 0 {
                self.line.say(&format!(
                    "{}: no system call was seen: check the filters, and what the command does",
                    self.name(turn)
                ));
            }
            if !rest.is_empty()
                && let Some(signal) = self.rest(pause).await
            {
                return Ok(self.stopped(turn, signal));
            }
        }
        Ok(first_failure)
    }

    /// Waits between two runs; the signal that ended it, if one did.
    async fn rest(&mut self, pause: Duration) -> Option<i32> {
        let end = Instant::now() + pause;
        loop {
            let time = end.saturating_duration_since(Instant::now());
            if time.is_zero() {
                return None;
            }
            self.line.pause();
            if let Some(signal) = self.signals.within(time.min(BEAT)).await {
                return Some(signal);
            }
        }
    }

    fn stopped(&self, turn: Turn, signal: i32) -> u8 {
        let word = if signal == libc::SIGINT { "Ctrl-C" } else { "SIGTERM" };
        let name = self.name(turn);
        self.line.say(&format!("{word} at {name}: a run that it cut is dropped; --append records more"));
        128 + signal as u8
    }

    /// One run, from attach to detach. Its recording appears once it is whole and the command has succeeded.
    async fn one(&mut self, turn: Turn) -> Result<Outcome, CliError> {
        let (args, folder) = (self.args, self.folders.of(turn));
        let number = folder.last() + turn.number + 1;
        let file = (!turn.warmup).then(|| folder.file(number));
        if let Some(file) = file.as_deref().filter(|file| file.exists()) {
            return Err(CliError::usage(
                &format!("cannot write {}", file.display()),
                "it has come to be while this was running",
                "let one record into a folder at a time",
            ));
        }
        let mut outputs = Outputs::recording(file.as_deref())?;
        let words = self.words(turn);
        // Forked while this process has one thread.
        let mut command = if words.is_empty() { None } else { Some(Command::prepare(&words)?) };
        let before = self.folders.sides.iter().map(Folder::order).max().unwrap_or(0);
        let (recorder, mut metadata) = args.attach(&self.facts, command.as_ref(), &words)?;
        if let Some(run) = &mut metadata.run {
            *run = Run {
                id: std::mem::take(&mut run.id),
                number,
                side: turn.side,
                warmup: args.replicates.warmup,
                order: before + self.recorded + 1,
            };
        }
        folder.check(&metadata)?;
        self.agrees(turn, &metadata)?;
        outputs.begin(&metadata)?;
        if let Some(command) = &mut command {
            command.start()?;
        }
        self.line.tracing();
        let (timing, ready) = (args.timing(), self.ready.take());
        let tracing = Tracing {
            recorder,
            metadata: &metadata,
            timing: &timing,
            outputs,
            command,
            ready,
            verbose: args.verbose,
        };
        let traced = tracing.run(&mut self.signals, self.line.bar()).await?;
        let code = end_command(traced.command, traced.ended);
        // A terminal's Ctrl-C goes to the command too, and the command's end may be seen first.
        let signal = match traced.signal {
            None => self.signals.within(Duration::from_millis(1)).await,
            signal => signal,
        };
        if signal.is_none() && (code == 0 || args.replicates.keep_going) {
            traced.outputs.finish()?;
            self.recorded += u32::from(!turn.warmup);
        }
        self.first.get_or_insert(metadata);
        let (returns, time) = (traced.total.returns(), traced.total.duration_ns);
        Ok(Outcome { code, signal, traced: Duration::from_nanos(time), returns, file })
    }

    /// Whether this run is of the same kernel and plan as the first: a plan that worked once may not work again.
    fn agrees(&self, turn: Turn, metadata: &Metadata) -> Result<(), CliError> {
        let Some(first) = &self.first else { return Ok(()) };
        let mut differ = continues(first, metadata);
        differ.retain(|one| one.what != "command");
        let lines: Vec<String> = differ.iter().map(ToString::to_string).collect();
        if lines.is_empty() {
            return Ok(());
        }
        Err(CliError::usage(
            &format!("{} differs from the first", self.name(turn)),
            &lines.join("; "),
            "see `exitpath doctor`, and name what must not change (--plan, --precision)",
        ))
    }

    /// What is executed; nothing where all processes are traced for a while.
    fn words(&self, turn: Turn) -> Vec<OsString> {
        match (&self.args.replicates.ab, turn.side) {
            (Some(commands), Some(side)) => {
                vec!["sh".into(), "-c".into(), commands[usize::from(side == Side::B)].clone()]
            }
            _ => self.args.command.clone(),
        }
    }

    fn name(&self, turn: Turn) -> String {
        let of = if turn.warmup { self.args.replicates.warmup } else { self.runs };
        name(turn, of)
    }
}
