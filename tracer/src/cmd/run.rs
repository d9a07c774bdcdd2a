//! The loop of `exitpath record`: intervals, the end, and what is written when.

use std::{
    fs::File,
    future::Future,
    io::{self, IsTerminal as _},
    pin::Pin,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep_until;

use super::{
    outputs::Outputs,
    signals::{Signals, event_loop, say_ready},
};
use crate::{
    command::{Command, Ended},
    error::{CANNOT_TRACE, CliError},
    metadata::Metadata,
    output::human,
    reader::InFlightCall,
    recorder::Recorder,
    report::{InFlight, Report},
    snapshot::Snapshot,
};

/// Without `-i`, maps are read and recordings written this often.
const INTERVAL: Duration = Duration::from_secs(1);
/// More take seconds to be taken away.
const MANY_PROBES: usize = 100;
/// How soon the end of the command is noticed, should its signal be missed.
const COMMAND_POLL: Duration = Duration::from_millis(200);

/// When to read and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// In seconds; `None` is until Ctrl-C or the end of the command.
    pub duration: Option<f64>,
    /// In seconds; `None` prints only the end.
    pub interval: Option<f64>,
    /// Ask for calls in flight at the end.
    pub in_flight: bool,
}

/// Traces until the end, and writes the result. The exit code is the command's, or 0.
pub fn trace(
    recorder: Recorder,
    metadata: &Metadata,
    timing: &Timing,
    outputs: Outputs,
    command: Option<Command>,
    ready: Option<File>,
    verbose: bool,
) -> Result<u8, CliError> {
    event_loop()?.block_on(async {
        let mut signals = Signals::catch()?;
        let progress = progress(metadata, timing);
        let tracing = Tracing { recorder, metadata, timing, outputs, command, ready, verbose };
        let traced = tracing.run(&mut signals, &progress).await?;
        traced.outputs.finish()?;
        Ok(end_command(traced.command, traced.ended))
    })
}

/// An attached recorder, and all that belongs to its run.
pub struct Tracing<'a> {
    /// Attached.
    pub recorder: Recorder,
    /// Its head.
    pub metadata: &'a Metadata,
    /// Its end.
    pub timing: &'a Timing,
    /// Begun.
    pub outputs: Outputs,
    /// Started.
    pub command: Option<Command>,
    /// Who wants to hear that it is attached.
    pub ready: Option<File>,
    /// Show what the kernel programs say.
    pub verbose: bool,
}

/// A run that has ended: detached, all read and written, nothing finished.
pub struct Traced {
    /// Everything is in them.
    pub outputs: Outputs,
    /// It may still run.
    pub command: Option<Command>,
    /// How it ended, if it did by itself.
    pub ended: Option<Ended>,
    /// The signal that ended tracing, if one did.
    pub signal: Option<i32>,
    /// Everything that was counted.
    pub total: Snapshot,
}

struct Loop<'a> {
    recorder: Recorder,
    metadata: &'a Metadata,
    outputs: Outputs,
    total: Snapshot,
    number: u32,
    each: bool,
}

impl Tracing<'_> {
    /// Traces until the end, and shows the result.
    pub async fn run(self, signals: &mut Signals, progress: &ProgressBar) -> Result<Traced, CliError> {
        let Self { mut recorder, metadata, timing, outputs, mut command, ready, verbose } = self;
        let mut log: Pin<Box<dyn Future<Output = ()>>> = if verbose {
            Box::pin(recorder.log().map_err(|error| {
                CliError::told(CANNOT_TRACE, &format!("-v: the kernel's log cannot be read: {error}"))
            })?)
        } else {
            Box::pin(std::future::pending())
        };
        say_ready(ready);
        let started = Instant::now();
        let every = timing.interval.map_or(INTERVAL, Duration::from_secs_f64);
        let end = timing.duration.map(|seconds| started + Duration::from_secs_f64(seconds));
        let each = timing.interval.is_some() && outputs.shows();
        let mut this = Loop { recorder, metadata, outputs, total: Snapshot::default(), number: 0, each };
        let mut next = started + every;
        let (mut ended, mut signal) = (None, None);
        loop {
            let mut wake = next.min(this.recorder.due()).min(end.unwrap_or(next));
            if command.is_some() {
                wake = wake.min(Instant::now() + COMMAND_POLL);
            }
            tokio::select! {
                _ = signals.interrupt.recv() => {
                    signal = Some(libc::SIGINT);
                    break;
                }
                _ = signals.terminate.recv() => {
                    if let Some(command) = &mut command {
                        command.signal(libc::SIGTERM);
                    }
                    signal = Some(libc::SIGTERM);
                    break;
                }
                _ = signals.child.recv() => {}
                () = &mut log => {}
                () = sleep_until(wake.into()) => {}
            }
            ended = command.as_mut().and_then(Command::ended);
            if ended.is_some() || end.is_some_and(|end| Instant::now() >= end) {
                break;
            }
            this.recorder.tick();
            progress.tick();
            if Instant::now() >= next {
                this.interval(progress)?;
                next += every;
                if this.outputs.abandoned() {
                    break;
                }
            }
        }
        let (outputs, total) = this.finish(timing, progress)?;
        Ok(Traced { outputs, command, ended, signal, total })
    }
}

impl Loop<'_> {
    /// Reads what is left, shows the result, and has detached at the end.
    fn finish(self, timing: &Timing, progress: &ProgressBar) -> Result<(Outputs, Snapshot), CliError> {
        let Loop { mut recorder, metadata, mut outputs, mut total, number, each } = self;
        if outputs.shows() {
            progress.finish_and_clear();
        }
        let in_flight = timing.in_flight.then(|| recorder.in_flight()).and_then(|calls| {
            // The counts are not lost with it; the output then has no such list, instead of an empty one.
            let failed =
                |error| eprintln!("exitpath: --in-flight: the table of threads cannot be read: {error}");
            calls.map_err(failed).ok()
        });
        let last = recorder.last();
        outputs.interval(&last)?;
        if each {
            outputs.show(&Report::new(metadata, &last, &outputs.view()).of_interval(number + 1))?;
        }
        total.merge(&last);
        let mut report = Report::new(metadata, &total, &outputs.view());
        report.in_flight = in_flight.map(|calls| {
            let one = |call: InFlightCall| InFlight {
                tid: call.tid,
                comm: comm(call.tid),
                call: call.call,
                age_ns: call.age_ns,
            };
            calls.into_iter().map(one).collect()
        });
        outputs.show(&report)?;
        if recorder.probes() > MANY_PROBES && io::stderr().is_terminal() {
            eprintln!("exitpath: taking {} probes away; the kernel waits after each", recorder.probes());
        }
        drop(recorder);
        Ok((outputs, total))
    }

    fn interval(&mut self, progress: &ProgressBar) -> Result<(), CliError> {
        let snapshot = self.recorder.interval();
        self.number += 1;
        self.outputs.interval(&snapshot)?;
        if self.each {
            let report = Report::new(self.metadata, &snapshot, &self.outputs.view()).of_interval(self.number);
            progress.suspend(|| self.outputs.show(&report))?;
        }
        self.total.merge(&snapshot);
        progress.set_message(format!("{} returns", human::count(self.total.returns())));
        Ok(())
    }
}

/// The command's exit code; a command that still runs is ended first.
#[must_use]
pub fn end_command(command: Option<Command>, ended: Option<Ended>) -> u8 {
    let Some(mut command) = command else { return 0 };
    if let Some(ended) = ended {
        return ended.exit_code();
    }
    match command.terminate() {
        // Our own signal is no failure of the command.
        Ended::Signaled(signal) if [libc::SIGTERM, libc::SIGKILL].contains(&i32::from(signal)) => 0,
        ended => ended.exit_code(),
    }
}

/// The line on a terminal while one waits.
fn progress(metadata: &Metadata, timing: &Timing) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let length = timing.duration.map_or_else(String::new, |seconds| format!(" of {seconds} s"));
    let template = format!(
        "{{spinner}} tracing {} (plan {}, {}), {{elapsed}}{length}, {{msg}}; Ctrl-C ends it",
        metadata.kernel.release, metadata.plan.name, metadata.plan.fidelity
    );
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.set_message("0 returns");
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn comm(tid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{tid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}
