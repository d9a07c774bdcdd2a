//! One guest from power-on to its end, which comes whatever the guest does.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use vmtest::guest::{EXIT_PORT, Verdict};

use super::ended::{self, End, Outcome};

/// A panicked guest reboots, which ends QEMU; one that cannot even do that is ended after this.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// How QEMU emulates: processors at once, or in turn with a clock that counts instructions and skips idle time.
const BY_CLOCK: &[&str] = &["-accel", "tcg,thread=multi"];
const BY_INSTRUCTION: &[&str] = &["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"];

/// A guest to boot.
pub struct Guest<'a> {
    /// QEMU's path.
    pub qemu: &'a Path,
    /// Kernel image.
    pub kernel: &'a Path,
    /// Initramfs.
    pub initrd: &'a Path,
    /// QEMU's processor model.
    pub cpu: &'a str,
    /// QEMU's `-smp`.
    pub smp: &'a str,
    /// Further words for the kernel.
    pub append: &'a str,
    /// From power-on to the end.
    pub deadline: Duration,
    /// Its clock counts instructions, one a nanosecond: times then do not depend on the machine.
    pub icount: bool,
    /// The oracle, and the file it writes.
    pub oracle: Option<(&'a Path, &'a Path)>,
    /// Folder for the logs.
    pub logs: PathBuf,
    /// Show the payload's output while it runs.
    pub echo: bool,
}

impl Guest<'_> {
    /// Boots it and waits for its end; a second time if the emulator ended the first ([`End::is_stale_code`]), which
    /// it does only where processors run at once.
    pub fn boot(&self) -> Result<Outcome> {
        let first = self.once()?;
        if self.icount || self.smp == "1" || !first.end.is_stale_code() {
            return Ok(first);
        }
        println!("vm: {}: {}; booted again", self.logs.display(), first.end);
        first.print_tail();
        Ok(Outcome { before: Some(first.end), ..self.once()? })
    }

    fn once(&self) -> Result<Outcome> {
        fs::create_dir_all(&self.logs).with_context(|| format!("cannot make {}", self.logs.display()))?;
        let start = Instant::now();
        let mut qemu = self.start()?;
        let output = File::create(self.logs.join("output.log"))?;
        let port = qemu.stdout.take().context("QEMU has no output")?;
        let echo = self.echo;
        let end = thread::scope(|scope| {
            let copy = scope.spawn(move || copy_lines(port, output, echo));
            let end = self.wait(&mut qemu, start);
            // Also after an error: a guest must not outlive its test. Gone already is what it should be.
            let _ = qemu.kill();
            let status = qemu.wait();
            copy.join().expect("copying does not panic")?;
            end.map(|end| (end, status))
        });
        let (end, status) = end?;
        let end = match end {
            Some(end) => end,
            None => self.judge(status?),
        };
        Ok(Outcome { end, took: start.elapsed(), logs: self.logs.clone(), before: None })
    }

    fn start(&self) -> Result<Child> {
        let console = self.logs.join("console.log");
        // A stale console would be searched for panics before QEMU truncates it.
        File::create(&console).context("cannot write the console's log")?;
        // The check of the timer panics where a busy machine leaves the guest no time for the ticks it waits for.
        let append =
            format!("console=ttyS0 nokaslr no_timer_check panic=-1 oops=panic loglevel=5 {}", self.append);
        let mut command = Command::new(self.qemu);
        command
            .args(["-machine", "q35,hpet=off", "-m", "512M"])
            .args(if self.icount { BY_INSTRUCTION } else { BY_CLOCK })
            .args(["-cpu", &self.cpu.replace(':', ","), "-smp", self.smp])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .args(["-serial", "stdio"])
            .args(["-device", &format!("isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x04")])
            .arg("-kernel")
            .arg(self.kernel)
            .arg("-initrd")
            .arg(self.initrd)
            .args(["-append", append.trim_end()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(self.logs.join("qemu.log"))?);
        if let Some((plugin, output)) = self.oracle {
            // QEMU splits at commas; two are one.
            let word = |path: &Path| path.display().to_string().replace(',', ",,");
            command.arg("-plugin").arg(format!("file={},out={}", word(plugin), word(output)));
        }
        let parent = std::process::id();
        // SAFETY: prctl and getppid are safe between fork and exec. This thread lives until the guest has ended, so
        // QEMU goes with whoever kills this process and not before.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if std::os::unix::process::parent_id() == parent {
                    Ok(())
                } else {
                    Err(std::io::Error::other("the parent is gone"))
                }
            });
        }
        command.spawn().with_context(|| format!("cannot run {}", self.qemu.display()))
    }

    /// Waits; gives an end that was not QEMU's own.
    fn wait(&self, qemu: &mut Child, start: Instant) -> Result<Option<End>> {
        let mut panicked: Option<(Instant, String)> = None;
        loop {
            if qemu.try_wait()?.is_some() {
                return Ok(None);
            }
            if start.elapsed() > self.deadline {
                return Ok(Some(End::Deadline));
            }
            panicked = panicked.or_else(|| Some((Instant::now(), self.panic()?)));
            if let Some((since, line)) = &panicked
                && since.elapsed() > AFTER_PANIC
            {
                return Ok(Some(End::Panic(line.clone())));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What QEMU's own end means.
    fn judge(&self, status: std::process::ExitStatus) -> End {
        if let Some(verdict) = status.code().and_then(Verdict::from_qemu) {
            return End::Verdict(verdict);
        }
        if let Some(verdict) = Verdict::spoken(&self.console()) {
            return End::Verdict(verdict);
        }
        self.panic().map_or_else(|| End::Silent(status.to_string()), End::Panic)
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.logs.join("console.log")).unwrap_or_default()).into_owned()
    }

    /// Why the kernel panicked, if it did.
    fn panic(&self) -> Option<String> {
        ended::panic(&self.console())
    }
}

/// Copies the payload's output line by line, so that a guest that dies leaves what it said.
fn copy_lines(port: ChildStdout, mut log: File, echo: bool) -> Result<()> {
    let mut port = BufReader::new(port);
    let mut line = Vec::new();
    while port.read_until(b'\n', &mut line)? > 0 {
        log.write_all(&line)?;
        if echo {
            print!("  {}", String::from_utf8_lossy(&line));
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::files::Scratch;

    /// Ends its first run with a console that says `WHY` and a panic, every later one well.
    const QEMU: &str = r#"#!/bin/sh
for word; do
    case $word in file:*) console=${word#file:} ;; esac
done
mkdir "${0%/*}/ran" 2>/dev/null || exit 129
{
    echo "[ 1.0] WHY: 0000 [#1] PREEMPT SMP NOPTI"
    echo "[ 1.0] Kernel panic - not syncing: Fatal exception in interrupt"
} >"$console"
"#;

    fn boot(oops: &str, smp: &str) -> Outcome {
        let name = format!("exitpath-qemu-{}-{smp}", oops.len());
        let place = Scratch::new(&std::env::temp_dir(), &name).unwrap();
        let qemu = place.path().join("qemu");
        fs::write(&qemu, QEMU.replace("WHY", oops)).unwrap();
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).unwrap();
        let guest = Guest {
            qemu: &qemu,
            kernel: Path::new("kernel"),
            initrd: Path::new("initrd"),
            cpu: "max",
            smp,
            append: "",
            deadline: Duration::from_mins(1),
            icount: false,
            oracle: None,
            logs: place.path().to_owned(),
            echo: false,
        };
        guest.boot().unwrap()
    }

    #[test]
    fn a_kernel_that_met_a_stale_breakpoint_is_booted_again_and_that_is_told() {
        let outcome = boot("int3", "2");
        assert!(outcome.passed());
        assert!(outcome.before.is_some_and(|end| end.to_string().contains("int3")));
    }

    #[test]
    fn any_other_panic_stands() {
        let outcome = boot("general protection fault", "2");
        assert!(!outcome.passed());
        assert!(outcome.end.to_string().contains("general protection fault"));
        assert_eq!(outcome.before, None);
    }

    #[test]
    fn with_one_processor_it_is_not_the_emulators() {
        let outcome = boot("int3", "1");
        assert!(!outcome.passed());
        assert_eq!(outcome.before, None);
    }
}
