//! Holds the baseline programs attached for as long as somebody wants them.

use std::io::{Write, stdout};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vmtest::baseline::{Baseline, Kind};

/// Attaches a pair of programs to the system call tracepoints, prints `ready`, and detaches when stdin closes or on
/// SIGTERM or SIGINT; a counting pair then prints its totals as JSON.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to attach
    kind: Kind,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baseline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let signals = signals()?;
    let baseline = Baseline::attach(args.kind)?;
    writeln!(stdout(), "ready")?;
    wait(&signals)?;
    if let Some(totals) = baseline.detach()? {
        writeln!(stdout(), "{}", serde_json::to_string(&totals)?)?;
    }
    Ok(())
}

/// A descriptor that becomes readable when somebody wants this process to end.
fn signals() -> Result<OwnedFd> {
    // SAFETY: a set on the stack, filled before it is used; the descriptor is fresh.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGTERM, libc::SIGINT] {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC);
        ensure!(fd >= 0, "signalfd: {}", std::io::Error::last_os_error());
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Sleeps until a signal, or until stdin is at its end; what arrives on stdin is dropped.
fn wait(signals: &OwnedFd) -> Result<()> {
    let watch = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    loop {
        let mut watched = [watch(libc::STDIN_FILENO), watch(signals.as_raw_fd())];
        // SAFETY: two descriptors, no time limit.
        let ready = unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) };
        ensure!(ready > 0, "poll: {}", std::io::Error::last_os_error());
        if watched[1].revents != 0 {
            return Ok(());
        }
        let mut buffer = [0_u8; 256];
        // SAFETY: a buffer of the size given.
        let got = unsafe { libc::read(libc::STDIN_FILENO, buffer.as_mut_ptr().cast(), buffer.len()) };
        let got = usize::try_from(got).context("cannot read stdin")?;
        if got == 0 {
            return Ok(());
        }
    }
}
