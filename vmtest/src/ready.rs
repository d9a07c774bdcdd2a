//! Starting a tracer and knowing when it is attached: it writes one byte to the descriptor that
//! `EXITPATH_READY_FD` names, and closes it.
//!
//! What waits for a time instead measures a tracer that is not there yet, or misses calls that it should have seen.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The variable that names the descriptor.
const VARIABLE: &str = "EXITPATH_READY_FD";

/// A tracer that was started, and how to tell when it is attached.
#[derive(Debug)]
pub struct Starting {
    child: Child,
    since: Instant,
    reader: PipeReader,
}

/// Starts the tracer that `command` describes. It is killed when the thread that started it ends, however it ends.
pub fn start(command: &mut Command) -> Result<Starting> {
    let (reader, writer) = pipe().context("no pipe")?;
    let number = writer.as_raw_fd();
    command.env(VARIABLE, number.to_string());
    // SAFETY: the closure makes two system calls and touches no memory but its own copy of the number.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::fcntl(number, libc::F_SETFD, 0) == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
    let since = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot run {}", name(command)))?;
    // From here on the pipe ends when the tracer does.
    drop::<PipeWriter>(writer);
    Ok(Starting { child, since, reader })
}

impl Starting {
    /// Waits until the tracer is attached; gives it, and the time that it took since its start. One that ended
    /// before, or took longer than `limit`, is an error, and is gone.
    pub fn attached(mut self, limit: Duration) -> Result<(Child, Duration)> {
        let outcome = self.wait(limit);
        if outcome.is_err() {
            // It may have ended by itself, which is fine.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        outcome.map(|took| (self.child, took))
    }

    fn wait(&mut self, limit: Duration) -> Result<Duration> {
        let mut watched = libc::pollfd { fd: self.reader.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let left = limit.saturating_sub(self.since.elapsed());
        // SAFETY: one descriptor that is open.
        match unsafe { libc::poll(&raw mut watched, 1, i32::try_from(left.as_millis())?) } {
            0 => bail!("the tracer was not attached within {} s", limit.as_secs()),
            1 => {}
            _ => bail!("poll: {}", std::io::Error::last_os_error()),
        }
        let took = self.since.elapsed();
        let written = watched.revents & libc::POLLIN != 0;
        ensure!(written, "the tracer ended, or closed its descriptor, before it was attached");
        Ok(took)
    }
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::start;

    fn shell(script: &str) -> anyhow::Result<()> {
        let mut command = Command::new("sh");
        let starting = start(command.args(["-c", script]))?;
        let (mut child, _) = starting.attached(Duration::from_secs(2))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    #[test]
    fn the_byte_is_waited_for_and_an_early_end_is_told_from_it() {
        shell("eval \"echo >&$EXITPATH_READY_FD\"; sleep 10").expect("it says so");
        assert!(shell("exit 0").expect_err("it never said so").to_string().contains("ended"));
        assert!(shell("exec sleep 10").expect_err("it never said so").to_string().contains("within 2 s"));
    }
}
