//! Calls that begin before a tracer does and end under its eyes: `workload blocked N`, and the side that runs it.
//!
//! It says `asleep` once its threads sleep in a read, waits for the end of its input, lets them go on, and writes what
//! then returned. No case can do that: whoever runs it decides when the tracer comes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _, stdin, stdout};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cases::Case;
use crate::expect::{Expectation, Give, Path as ExitPath};
use crate::marker::Marker;
use crate::spawn::Thread;
use crate::stage;
use crate::sys::{self, nr, plain};

/// What each thread does once it is released: its read ends, untimed, and then come calls seen from their start.
static CASE: Case = Case {
    name: "blocked",
    what: "a read that began before the tracer, and five getppid after it",
    section: "6, attach while blocked",
    gives: &[
        Give::sysret((nr::READV, "readv")),
        Give::new((nr::GETPPID, "getppid"), ExitPath::Sysret, CALLS),
    ],
    ..Case::USUAL
};

const CALLS: u64 = 5;
const ASLEEP: &str = "asleep";

extern "C" fn read_then_call(descriptor: usize) {
    let mut byte = 0_u8;
    let part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: one buffer of one byte, both alive until the call returns.
    let got = unsafe { sys::syscall(nr::READV, [descriptor, (&raw const part) as usize, 1, 0, 0]) };
    if got != 0 {
        sys::leave(5);
    }
    for _ in 0..CALLS {
        let _ = plain(nr::GETPPID, 0, 0);
    }
}

/// The program's side: `threads` threads that block.
pub fn run(threads: u64) -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    let start = || Thread::start(read_then_call, reader.as_raw_fd() as usize);
    let running = (0..threads).map(|_| start()).collect::<Result<Vec<_>>>()?;
    for thread in &running {
        stage::until("a thread to sleep", || Ok(stage::state(thread.id())? == b'S'))?;
    }
    writeln!(stdout(), "{ASLEEP}")?;
    stdin().read_to_end(&mut Vec::new()).context("cannot read stdin")?;
    // Whose calls an oracle that watches from below is to count; elsewhere it is an unknown call that fails.
    Marker::Begin.say(1, 0);
    // The end of the pipe is what they wait for.
    drop(writer);
    drop(running);
    writeln!(stdout(), "{}", serde_json::to_string(&Expectation::of(&[(&CASE, threads)]))?)?;
    Ok(())
}

/// The runner's side: a program whose threads are asleep.
#[derive(Debug)]
pub struct Blocked {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Blocked {
    /// What the threads will be seen to do, but for how often.
    #[must_use]
    pub fn expected() -> Expectation {
        Expectation::of(&[(&CASE, 1)])
    }

    /// Starts `workload` with so many threads, and waits until they sleep.
    pub fn start(workload: &Path, threads: u64) -> Result<Self> {
        let mut command = Command::new(workload);
        command.arg("blocked").arg(threads.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", workload.display()))?;
        let stdout = BufReader::new(child.stdout.take().context("it was piped")?);
        let mut blocked = Self { child, stdout };
        let mut line = String::new();
        blocked.stdout.read_line(&mut line)?;
        ensure!(line.trim() == ASLEEP, "the workload's threads did not block: `{line}`");
        Ok(blocked)
    }

    /// Its process, for a tracer to attach to.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets the threads go on, waits for the program's end, and gives what returned since the start.
    pub fn release(mut self) -> Result<Expectation> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.stdout.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the blocked workload ended with {status}");
        serde_json::from_str(&text).context("the blocked workload wrote no expectation")
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // It may have ended by itself, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
