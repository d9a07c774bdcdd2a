//! Whether a bench runs here, tried in a child: where a gate is closed or a sandbox forbids a call, that kills.

use std::{io, time::Duration};

use super::Bench;

/// A bench that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the bench once, in a child; why it cannot be run. Must be called while the process has one thread.
pub fn probe(bench: &Bench) -> Result<(), String> {
    let (mut reader, writer) = io::pipe().map_err(|error| format!("no pipe: {error}"))?;
    // SAFETY: one thread, so the child may do what it likes.
    match unsafe { libc::fork() } {
        -1 => Err(format!("no process: {}", io::Error::last_os_error())),
        0 => {
            drop(reader);
            child(bench, writer)
        }
        pid => {
            drop(writer);
            let mut said = String::new();
            let _ = io::Read::read_to_string(&mut reader, &mut said);
            let mut status = 0;
            // SAFETY: our own child; the status outlives the call.
            while unsafe { libc::waitpid(pid, &raw mut status, 0) } < 0
                && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
            {}
            judge(status, said)
        }
    }
}

fn child(bench: &Bench, mut writer: io::PipeWriter) -> ! {
    // SAFETY: no core is wanted of a child that dies on purpose; what hangs is ended by its alarm; signals that ask
    // the parent to end must not keep the child from dying.
    unsafe {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(PATIENCE.as_secs() as u32);
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGINT, libc::SIGTERM] {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
    let outcome = (bench.start)().and_then(|mut one| one.run(bench.grain));
    if let Err(why) = &outcome {
        let _ = io::Write::write_all(&mut writer, why.as_bytes());
    }
    // SAFETY: the runtime's farewell is the parent's.
    unsafe { libc::_exit(i32::from(outcome.is_err())) }
}

fn judge(status: i32, said: String) -> Result<(), String> {
    if status == 0 {
        return Ok(());
    }
    if !libc::WIFSIGNALED(status) {
        return Err(if said.is_empty() { format!("a try ended with status {status:#x}") } else { said });
    }
    Err(match libc::WTERMSIG(status) {
        libc::SIGSEGV => "it faults: this kernel refuses it (for int80: no 32-bit emulation)".to_owned(),
        libc::SIGSYS => "a seccomp filter kills whoever makes the call".to_owned(),
        libc::SIGALRM => format!("a try did not end within {} s", PATIENCE.as_secs()),
        signal => format!("a try was killed by signal {signal}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_child_ended_says_why() {
        assert_eq!(judge(0, String::new()), Ok(()));
        assert_eq!(judge(1 << 8, "the reason".to_owned()), Err("the reason".to_owned()));
        assert!(judge(libc::SIGSEGV, String::new()).unwrap_err().contains("32-bit emulation"));
        assert!(judge(libc::SIGSYS, String::new()).unwrap_err().contains("seccomp"));
        assert!(judge(libc::SIGKILL, String::new()).unwrap_err().contains("signal 9"));
    }
}
