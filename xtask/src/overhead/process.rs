//! Programs that hold something attached, and the loop that is timed. What is attached ends with its value.

use super::{interrupt, mode::Loop};
use crate::run;
use anyhow::{Context as _, Result, ensure};
use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use vmtest::ready;

/// A tracer that is not attached by then never will be.
const ATTACH: Duration = Duration::from_secs(20);
/// A tracer that has not ended by then is stuck.
const END: Duration = Duration::from_secs(20);

/// A program that has something attached.
pub struct Attached {
    child: Child,
    /// The baseline ends when its stdin does.
    stdin: Option<ChildStdin>,
    /// From the program's start until it was attached.
    pub took: Duration,
}

impl Attached {
    /// Starts a pair of the baseline's, and waits until it says that it is attached.
    pub fn baseline(program: &Path, kind: &str) -> Result<Self> {
        let since = Instant::now();
        let mut command = Command::new(program);
        command.arg(kind).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", program.display()))?;
        let stdin = child.stdin.take();
        let mut said = String::new();
        let stdout = child.stdout.take().context("no pipe from the baseline")?;
        let mut attached = Self { child, stdin, took: Duration::ZERO };
        BufReader::new(stdout).read_line(&mut said).context("cannot read what the baseline says")?;
        ensure!(said == "ready\n", "the baseline does not attach: it said `{}`", said.trim());
        attached.took = since.elapsed();
        Ok(attached)
    }

    /// Starts a tracer whose result nobody reads, and waits until it is attached.
    pub fn tracer(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let starting = ready::start(command)?;
        let (child, took) = starting.attached(ATTACH)?;
        Ok(Self { child, stdin: None, took })
    }

    /// The program's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Detaches as a user would (Ctrl-C for a tracer), which must succeed.
    pub fn end(mut self) -> Result<()> {
        if self.stdin.take().is_none() {
            // SAFETY: our own child, which nobody has waited for yet.
            unsafe { libc::kill(self.child.id() as i32, libc::SIGINT) };
        }
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().context("cannot wait for a program")? {
                break status;
            }
            ensure!(since.elapsed() < END, "a program did not end within {} s of Ctrl-C", END.as_secs());
            thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said).context("cannot read what a program said")?;
        }
        ensure!(status.success(), "a program ended with {status}: {}", said.trim());
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // After `end` there is nothing to kill, and that is fine.
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// ns a call, as the loop says.
pub fn bench(program: &Path, kind: Loop, calls: u64) -> Result<f64> {
    let mut command = Command::new(program);
    // With a backtrace the last line would not be the error.
    command.args([kind.key(), &calls.to_string()]).env("RUST_BACKTRACE", "0");
    let said = run::quiet(&mut command);
    // Ctrl-C reaches the loop as well.
    interrupt::check()?;
    let said = said?;
    said.trim().parse().with_context(|| format!("the loop said `{}`", said.trim()))
}
