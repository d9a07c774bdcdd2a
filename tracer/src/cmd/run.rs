//! The loop of `exitpath record`: intervals, the end, and what is written when.

use std::{
    fs::File,
    future::Future,
    io::{self, IsTerminal as _, Write as _},
    os::fd::FromRawFd as _,
    pin::Pin,
    time::{Duration, Instant},
};

use aya_log::EbpfLogger;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{SignalKind, signal},
    time::sleep_until,
};

use super::outputs::Outputs;
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
    verbose: bool,
) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::told(CANNOT_TRACE, &format!("cannot start the event loop: {error}")))?;
    runtime.block_on(Loop::run(recorder, metadata, timing, outputs, command, verbose))
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
        command: Option<Command>,
        verbose: bool,
    ) -> Result<u8, CliError> {
        let failed =
            |error: io::Error| CliError::told(CANNOT_TRACE, &format!("cannot catch signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut child = signal(SignalKind::child()).map_err(failed)?;
        let log = if verbose { kernel_log(&mut recorder)? } else { None };
        let mut log: Pin<Box<dyn Future<Output = ()>>> = match log {
            Some(log) => Box::pin(log),
            None => Box::pin(std::future::pending()),
        };
        announce();
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
                    if let Some(command) = &command {
                        command.signal(libc::SIGTERM);
                    }
                    break;
                }
                _ = child.recv() => {}
                () = &mut log => {}
                () = sleep_until(wake.into()) => {}
            }
            ended = command.as_ref().and_then(Command::ended);
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
        let in_flight = timing.in_flight.then(|| this.recorder.in_flight());
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
    let Some(command) = command else { return 0 };
    if let Some(ended) = ended {
        return ended.exit_code();
    }
    command.signal(libc::SIGTERM);
    match command.finish() {
        // Our own signal is no failure of the command.
        Ended::Signaled(signal) if i32::from(signal) == libc::SIGTERM => 0,
        ended => ended.exit_code(),
    }
}

/// Tells whoever started us that everything is attached: one byte to the descriptor in `EXITPATH_READY_FD`.
fn announce() {
    if let Some(fd) = std::env::var("EXITPATH_READY_FD").ok().and_then(|text| text.parse::<i32>().ok())
        && fd > 2
    {
        // SAFETY: the caller hands the descriptor over.
        let _ = unsafe { File::from_raw_fd(fd) }.write_all(b"\n");
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

/// Diagnostics of the kernel programs, line by line on standard error.
fn kernel_log(recorder: &mut Recorder) -> Result<Option<impl Future<Output = ()> + use<>>, CliError> {
    struct Stderr;
    impl log::Log for Stderr {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            eprintln!("exitpath: kernel: {}", record.args());
        }
        fn flush(&self) {}
    }
    let failed =
        |error: String| CliError::told(CANNOT_TRACE, &format!("-v: the kernel log cannot be read: {error}"));
    let logger =
        EbpfLogger::init_with_logger(recorder.ebpf(), Stderr).map_err(|error| failed(error.to_string()))?;
    // SAFETY: the logger owns its ring buffer's descriptor, always the same one, until it is dropped.
    let registered = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) };
    let mut logger = registered.map_err(|error| failed(error.to_string()))?;
    Ok(Some(async move {
        while let Ok(mut guard) = logger.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    }))
}
