//! What one sees while runs go by: a line that changes on a terminal, a line a run elsewhere.

use std::{
    fmt,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::on_terminal;
use crate::{
    output::human,
    replicates::{Turn, left},
};

/// The line.
pub struct Line {
    bar: ProgressBar,
}

/// How often it is drawn while nothing else happens.
pub const BEAT: Duration = Duration::from_millis(250);

impl Line {
    /// Nothing on it yet.
    pub fn new() -> Self {
        if !on_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new(0);
        // No steady tick: its thread would be there when the next command is forked.
        if let Ok(style) = ProgressStyle::with_template("[{bar:20}] {prefix}, {msg}{left}; Ctrl-C ends it") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    /// The bar, for who says how many returns there were.
    pub const fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// A run begins after `done` of `all`; how long it and those behind it will take, if that is known.
    pub fn begin(&self, done: usize, all: usize, name: &str, time: Option<(Duration, Duration)>) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        self.bar.set_prefix(name.to_owned());
        self.bar.set_message("attaching");
        let since = Instant::now();
        let style = self.bar.style().with_key("left", move |_: &ProgressState, to: &mut dyn fmt::Write| {
            if let Some((this, rest)) = time {
                // Nothing to do about a line that cannot be drawn.
                let _ = write!(to, ", {} left", left(this.saturating_sub(since.elapsed()) + rest));
            }
        });
        self.bar.set_style(style);
        self.bar.tick();
    }

    /// Attached, and the command started.
    pub fn tracing(&self) {
        self.bar.set_message("0 returns");
        self.bar.tick();
    }

    /// A run has ended.
    pub fn end(&self, name: &str, took: Duration, returns: u64, what: &str) {
        self.bar.inc(1);
        if self.bar.is_hidden() {
            let time = human::time(took.as_nanos() as u64);
            eprintln!("exitpath: {name}: {time}, {} returns{what}", human::count(returns));
        }
    }

    /// Between two runs.
    pub fn pause(&self) {
        self.bar.set_message("pause");
        self.bar.tick();
    }

    /// Something to say in between.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("exitpath: {text}"));
    }

    /// Nothing more.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// `run 3 of 10`, `warm-up 1 of 2 (b)`.
pub fn name(turn: Turn, runs: u32) -> String {
    let kind = if turn.warmup { "warm-up" } else { "run" };
    let side = turn.side.map(|side| format!(" ({})", side.name())).unwrap_or_default();
    format!("{kind} {} of {runs}{side}", turn.number + 1)
}
