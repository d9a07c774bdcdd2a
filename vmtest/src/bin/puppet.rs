//! A process that makes exactly the calls it is told to while it runs: for tests of filters, which need a process
//! that exists before the tracer does.
//!
//! It reads one command a line, and answers each with one line once it is done:
//!
//! - `calls N`: N getppid
//! - `storm SECONDS`: getppid as fast as it goes; answers how many
//! - `threads T N`: T new threads, N getppid in each
//! - `children C N`: C new processes, N getppid in each
//! - `fail N`: N failed opens (ENOENT) and N failed dups (EBADF)
//! - `sleep N MS`: N nanosleeps of MS ms each
//! - `name NAME`: sets the thread's name
//! - `block`: a new thread that blocks in pause for ever; answers its id

use std::ffi::CString;
use std::fmt::Write as _;
use std::io::{Write as _, stdin, stdout};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use vmtest::cases;
use vmtest::sys::{self, nr, plain};

fn main() -> Result<()> {
    for line in stdin().lines() {
        let line = line?;
        let answer = obey(&line).with_context(|| format!("command `{line}`"))?;
        let mut out = stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn obey(line: &str) -> Result<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut answer = "done".to_owned();
    match words[..] {
        ["calls", calls] => call(calls.parse()?),
        ["storm", seconds] => {
            answer.clear();
            write!(answer, "{}", storm(Duration::from_secs_f64(seconds.parse()?)))?;
        }
        ["threads", threads, calls] => {
            let (threads, calls) = (threads.parse::<u64>()?, calls.parse::<u64>()?);
            thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(move || call(calls)))));
        }
        ["children", children, calls] => {
            let (children, calls) = (children.parse::<u64>()?, calls.parse::<u64>()?);
            for _ in 0..children {
                let child = sys::fork_with(|| {
                    call(calls);
                    0
                })?;
                sys::wait_ok(child, "a child")?;
            }
        }
        ["fail", times] => {
            cases::parse(&format!("open-fail={times}")).and_then(|(case, count)| (case.run)(count))?;
            for _ in 0..times.parse::<u64>()? {
                sys::must("dup(-1)", plain(nr::DUP, usize::MAX, 0), -i64::from(libc::EBADF))?;
            }
        }
        ["sleep", times, ms] => sleep(times.parse()?, ms.parse()?)?,
        ["name", name] => rename(name)?,
        ["block"] => {
            answer.clear();
            write!(answer, "{}", block()?)?;
        }
        _ => bail!("unknown: the file's head lists all"),
    }
    Ok(answer)
}

/// Its count is what a tracer's is measured by: whole rounds of calls, between which only the clock is read, without a call.
fn storm(time: Duration) -> u64 {
    const ROUND: u64 = 10_000;
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < time {
        call(ROUND);
        calls += ROUND;
    }
    calls
}

fn call(times: u64) {
    for _ in 0..times {
        let _ = plain(nr::GETPPID, 0, 0);
    }
}

fn sleep(times: u64, ms: i64) -> Result<()> {
    let time = libc::timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 };
    for _ in 0..times {
        // SAFETY: the request outlives the call, the remainder may be null.
        let got = unsafe { sys::syscall(nr::NANOSLEEP, [(&raw const time) as usize, 0, 0, 0, 0]) };
        sys::must("nanosleep", got, 0)?;
    }
    Ok(())
}

fn rename(name: &str) -> Result<()> {
    let name = CString::new(name)?;
    // SAFETY: a C string.
    let failed = unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    ensure!(failed == 0, "prctl: {}", std::io::Error::last_os_error());
    Ok(())
}

/// The id of a thread that is about to block, and then does.
fn block() -> Result<i64> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let _ = tell.send(plain(libc::SYS_gettid, 0, 0));
        loop {
            let _ = plain(nr::PAUSE, 0, 0);
        }
    });
    told.recv().context("the thread did not start")
}
