//! The guest's half of the matrix: each case in a tracer session of its own, and what the tracer and the workload
//! said of it as one line of JSON. The oracle below the guest says its own on the side ([`crate::oracle`]); whoever
//! booted the guest joins the two by the case's number.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::blocked::Blocked;
use crate::cases::{self, Case};
use crate::compare::Report;
use crate::expect::Expectation;
use crate::introduce::introduce;
use crate::marker::Marker;
use crate::ready;
use crate::selection::{self, Selection};

/// The plan's name for running the cases without a tracer.
pub const UNTRACED: &str = "none";
/// The tracer's code for "tracing is not possible here".
const CANNOT_TRACE: i32 = 3;

const ATTACH_BLOCKED: &str = "attach-blocked";
/// Threads that block before the tracer comes.
const BLOCKED: u64 = 40;
/// A tracer in an emulated guest needs some seconds for the kernel's types.
const ATTACH: Duration = Duration::from_mins(1);

const EXPECTATION: &str = "/tmp/expectation.json";
const REPORT: &str = "/tmp/report.json";

/// A line of the guest's output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "line")]
pub enum Line {
    /// A case that ran.
    Case(Box<Ran>),
    /// One that did not, or not to its end.
    Failed {
        /// Its number.
        case: u64,
        /// Its name.
        name: String,
        /// What was said.
        said: String,
    },
    /// The tracer cannot run the plan here; nothing more was tried with it.
    Refused {
        /// The case's number.
        case: u64,
        /// Its message.
        said: String,
    },
    /// All cases were tried.
    End,
}

/// A case that ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ran {
    /// Its number, by which the oracle knows it.
    pub case: u64,
    /// Its name.
    pub name: String,
    /// By the guest's clock, with the tracer's start.
    pub seconds: f64,
    /// What the workload did.
    pub expected: Expectation,
    /// What the tracer saw; none without a tracer.
    pub report: Option<Report>,
    /// The calls that it was told to look at; none means all.
    #[serde(default)]
    pub selected: Option<Selection>,
}

/// What is run for each case.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The tracer's plan; `auto` leaves the choice to it, [`UNTRACED`] leaves the tracer out.
    pub plan: &'a str,
    /// The workload's path.
    pub workload: &'a str,
}

/// One case to run.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The case.
    pub case: &'static Case,
    /// How often.
    pub count: u64,
    /// The tracer's path; a guest may have several, one a mutant.
    pub tracer: &'a str,
}

impl Matrix<'_> {
    /// Runs the cases and prints a line for each.
    pub fn run(&self, runs: &[Run<'_>]) -> Result<()> {
        introduce()?;
        let mut refused = Vec::new();
        for (at, run) in runs.iter().enumerate() {
            if refused.contains(&run.tracer) {
                continue;
            }
            let number = at as u64 + 1;
            let line = self.case(number, run).unwrap_or_else(|error| Line::Failed {
                case: number,
                name: run.case.name.to_owned(),
                said: format!("{error:#}"),
            });
            Marker::Dump.say(number as usize, 0);
            print(&line)?;
            if matches!(line, Line::Refused { .. }) {
                refused.push(run.tracer);
            }
        }
        let all = runs.len() == cases::all().count() && refused.is_empty();
        if let (true, Some(Run { tracer, .. })) = (all, runs.first()) {
            let number = runs.len() as u64 + 1;
            let line = self.attach_blocked(number, tracer).unwrap_or_else(|error| Line::Failed {
                case: number,
                name: ATTACH_BLOCKED.to_owned(),
                said: format!("{error:#}"),
            });
            Marker::Dump.say(number as usize, 0);
            print(&line)?;
        }
        print(&Line::End)
    }

    /// Threads that block, then the tracer, then their release: the one case in which the tracer comes second.
    fn attach_blocked(&self, case: u64, tracer: &str) -> Result<Line> {
        let start = Instant::now();
        let blocked = Blocked::start(Path::new(self.workload), BLOCKED)?;
        let selected = selection::under(self.plan, &Blocked::expected());
        let mut running = if self.plan == UNTRACED {
            None
        } else {
            let mut command = Command::new(tracer);
            command.args(["record", "--format", "json", "--output", REPORT, "-p"]);
            command.arg(blocked.pid().to_string());
            if self.plan != "auto" {
                command.args(["--plan", self.plan]);
            }
            if let Some(selection) = &selected {
                command.args(["-e", &selection::expression(selection)]);
            }
            Some(ready::start(&mut command)?.attached(ATTACH)?.0)
        };
        // What the threads did before is nobody's to see.
        Marker::Dump.say(0, 0);
        let expected = blocked.release()?;
        if let Some(tracer) = &mut running {
            // SAFETY: our own child, not waited for yet; Ctrl-C is how a user ends it.
            unsafe { libc::kill(i32::try_from(tracer.id())?, libc::SIGINT) };
            let status = tracer.wait()?;
            ensure!(status.success(), "the tracer ended with {status}");
        }
        let report = running.map(|_| Report::parse(&read(REPORT)?)).transpose()?;
        let seconds = start.elapsed().as_secs_f64();
        let name = ATTACH_BLOCKED.to_owned();
        Ok(Line::Case(Box::new(Ran { case, name, seconds, expected, report, selected })))
    }

    fn case(&self, number: u64, run: &Run<'_>) -> Result<Line> {
        let Run { case: Case { name, .. }, count, tracer } = *run;
        for stale in [EXPECTATION, REPORT] {
            // Usually there is none.
            let _ = fs::remove_file(stale);
        }
        let start = Instant::now();
        let selected = selection::under(self.plan, &Expectation::of(&[(run.case, count)]));
        let expression = selected.as_ref().map(selection::expression);
        let mut words = Vec::new();
        if self.plan != UNTRACED {
            words.extend([tracer, "record", "--format", "json", "--output", REPORT]);
            if self.plan != "auto" {
                words.extend(["--plan", self.plan]);
            }
            words.extend(expression.iter().flat_map(|expression| ["-e", expression]));
            words.push("--");
        }
        let run = format!("{name}={count}");
        words.extend([self.workload, "--marker", "--expect", EXPECTATION, &run]);
        let Output { status, stdout, stderr } = Command::new(words[0])
            .args(&words[1..])
            .output()
            .with_context(|| format!("cannot run {}", words[0]))?;
        let said = [stdout, stderr].map(|said| String::from_utf8_lossy(&said).trim().to_owned()).join(" ");
        if status.code() == Some(CANNOT_TRACE) && words[0] == tracer {
            return Ok(Line::Refused { case: number, said: said.trim().to_owned() });
        }
        if !status.success() {
            return Ok(Line::Failed {
                case: number,
                name: (*name).to_owned(),
                said: format!("{status}: {said}"),
            });
        }
        let expected = serde_json::from_str(&read(EXPECTATION)?)?;
        let traced = self.plan != UNTRACED;
        let report = if traced { Some(Report::parse(&read(REPORT)?)?) } else { None };
        let seconds = start.elapsed().as_secs_f64();
        let name = (*name).to_owned();
        Ok(Line::Case(Box::new(Ran { case: number, name, seconds, expected, report, selected })))
    }
}

/// One line in one write, so that nothing the guest's other programs say comes between.
fn print(line: &Line) -> Result<()> {
    let text = serde_json::to_string(line)? + "\n";
    io::stdout().write_all(text.as_bytes()).context("cannot write to the output port")
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}
