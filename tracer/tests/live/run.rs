//! Running the tracer, in one go or beside a test, and reading its report.

use std::{
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use vmtest::ready;

use crate::support::EXITPATH;

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// With what code, or by which signal.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Outcome {
    /// Of a process that has ended.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the tracer prints UTF-8");
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The exit code; a signal is a failure of the test.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// The report of a run that succeeded and had nothing to say beside it.
    pub fn report(&self) -> Report {
        assert_eq!(self.stderr, "", "{}", self.stdout);
        self.report_with_notes()
    }

    /// The report of a run that succeeded.
    pub fn report_with_notes(&self) -> Report {
        assert_eq!(self.code(), 0, "{}", self.stderr);
        Report(serde_json::from_str(&self.stdout).expect("the report is one JSON object"))
    }
}

/// The tracer with these arguments.
pub fn exitpath(arguments: &[&str]) -> Command {
    let mut command = Command::new(EXITPATH);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> Outcome {
    Outcome::of(exitpath(arguments).output().expect("the tracer can be started"))
}

/// A tracer that is attached. It ends with this value at the latest.
pub struct Tracer(Option<Child>);

impl Tracer {
    /// Starts `exitpath record` with these further arguments, and waits until it is attached.
    pub fn record(arguments: &[&str]) -> Self {
        let mut command = exitpath(&["record"]);
        Self::start(command.args(arguments))
    }

    /// The same with a JSON report.
    pub fn json(arguments: &[&str]) -> Self {
        let mut command = exitpath(&["record", "--format", "json"]);
        Self::start(command.args(arguments))
    }

    /// The same with a command that ends in executing the tracer.
    pub fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let starting = ready::start(command).expect("the tracer can be started");
        let (child, _) = starting.attached(Duration::from_secs(20)).expect("the tracer attaches");
        Self(Some(child))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.as_ref().expect("it runs until it is ended").id()
    }

    /// Ends it by Ctrl-C.
    pub fn interrupt(self) -> Outcome {
        self.end(libc::SIGINT)
    }

    /// Ends it by a signal.
    pub fn end(mut self, signal: i32) -> Outcome {
        let child = self.0.take().expect("it runs until it is ended");
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(child.id() as i32, signal) };
        Outcome::of(child.wait_with_output().expect("our own child"))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A report, `exitpath.report/1`.
#[derive(Debug)]
pub struct Report(pub Value);

impl Report {
    /// Its series.
    pub fn series(&self) -> impl Iterator<Item = &Value> {
        self.0["series"].as_array().expect("a report has series").iter()
    }

    /// A number of all series of one call added up, such as `returns`.
    pub fn sum(&self, syscall: &str, number: &str) -> u64 {
        let of = |series: &Value| series[number].as_u64().expect("a whole number");
        self.series().filter(|series| series["syscall"] == syscall).map(of).sum()
    }

    /// Returns of one call, by any path.
    pub fn returns(&self, syscall: &str) -> u64 {
        self.sum(syscall, "returns")
    }

    /// The calls in it, each once.
    pub fn calls(&self) -> Vec<&str> {
        let mut calls: Vec<&str> = self.series().filter_map(|series| series["syscall"].as_str()).collect();
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// Fails unless every kind of loss is zero.
    pub fn assert_nothing_lost(&self) {
        let loss = self.0["loss"].as_object().expect("a report has losses");
        assert!(!loss.is_empty() && loss.values().all(|n| n == 0), "lost: {loss:?}");
    }
}
