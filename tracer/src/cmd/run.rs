//! The loop of `exitpath record`: intervals, the end, and what is written when.

use std::{
    fs::File,
    future::Future,
    io::{self, IsTerminal as _, Write as _},
    os::fd::FromRawFd as _,
    pin::Pin,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep_until,
};

use super::outputs::Outputs;
use crate::{
    command::{Command, Ended, READY_FD},
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::told(CANNOT_TRACE, &format!("cannot start the event loop: {error}")))?;
    runtime.block_on(Loop::run(recorder, metadata, timing, outputs, command, ready, verbose))
}

struct Loop<'a> {
    recorder: Recorder,
    metadata: &'a Metadata,
    outputs: Outputs,
    total: Snapshot,
    number: u32,
    each: bool,
}

impl Loop<'_> {
    async fn run(
        mut recorder: Recorder,
        metadata: &Metadata,
        timing: &Timing,
        outputs: Outputs,
        mut command: Option<Command>,
        ready: Option<File>,
        verbose: bool,
    ) -> Result<u8, CliError> {
        let failed =
            |error: io::Error| CliError::told(CANNOT_TRACE, &format!("cannot catch signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut child = signal(SignalKind::child()).map_err(failed)?;
        let mut log: Pin<Box<dyn Future<Output = ()>>> = if verbose {
            Box::pin(recorder.log().map_err(|error| {
                CliError::told(CANNOT_TRACE, &format!("-v: the kernel's log cannot be read: {error}"))
            })?)
        } else {
            Box::pin(std::future::pending())
        };
        if let Some(mut ready) = ready {
            // Whoever asked may have gone.
            let _ = ready.write_all(b"\n");
        }
        let progress = progress(metadata, timing);
        let started = Instant::now();
        let every = timing.interval.map_or(INTERVAL, Duration::from_secs_f64);
        let end = timing.duration.map(|seconds| started + Duration::from_secs_f64(seconds));
        let mut this = Loop {
            recorder,
            metadata,
            outputs,
            total: Snapshot::default(),
            number: 0,
            each: timing.interval.is_some(),
        };
        let mut next = started + every;
        let mut ended = None;
        loop {
            let mut wake = next.min(this.recorder.due()).min(end.unwrap_or(next));
            if command.is_some() {
                wake = wake.min(Instant::now() + COMMAND_POLL);
            }
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => {
                    if let Some(command) = &mut command {
                        command.signal(libc::SIGTERM);
                    }
                    break;
                }
                _ = child.recv() => {}
                () = &mut log => {}
                () = sleep_until(wake.into()) => {}
            }
            ended = command.as_mut().and_then(Command::ended);
            if ended.is_some() || end.is_some_and(|end| Instant::now() >= end) {
                break;
            }
            this.recorder.tick();
            if Instant::now() >= next {
                this.interval(&progress)?;
                next += every;
                if this.outputs.abandoned() {
                    break;
                }
            }
        }
        progress.finish_and_clear();
        let in_flight = timing.in_flight.then(|| this.recorder.in_flight()).and_then(|calls| {
            // The counts are not lost with it; the output then has no such list, instead of an empty one.
            let failed =
                |error| eprintln!("exitpath: --in-flight: the table of threads cannot be read: {error}");
            calls.map_err(failed).ok()
        });
        let Loop { recorder, mut outputs, mut total, number, each, .. } = this;
        let last = recorder.stop();
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
        outputs.finish()?;
        Ok(end_command(command, ended))
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
fn end_command(command: Option<Command>, ended: Option<Ended>) -> u8 {
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

/// Where whoever started us wants to hear that everything is attached: the descriptor in [`READY_FD`]. It is not
/// handed on to a command.
#[must_use]
pub fn ready_descriptor() -> Option<File> {
    let fd = std::env::var(READY_FD).ok()?.parse::<i32>().ok().filter(|&fd| fd > 2)?;
    // SAFETY: only sets a flag of a descriptor, which may not exist.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return None;
    }
    // SAFETY: it exists, and the caller handed it over.
    Some(unsafe { File::from_raw_fd(fd) })
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
