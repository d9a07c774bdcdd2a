//! PID 1 of a test guest: mounts, runs the payload, streams its output to a serial port, ends the guest with a verdict.
//!
//! Whatever happens, the guest ends: the payload has a deadline here, init's own failures are a verdict, a panic of
//! init panics the kernel, which reboots at once (`panic=-1`), which QEMU takes as the end (`-no-reboot`).

use std::arch::asm;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use vmtest::guest::{EXIT_PORT, IN_GUEST, OUTPUT_PORT, PAYLOAD, SPOKEN, Verdict};

/// Source, target, type: what tools under test expect to find, in mounting order.
const MOUNTS: [(&str, &str, &str); 6] = [
    ("proc", "/proc", "proc"),
    ("sysfs", "/sys", "sysfs"),
    ("devtmpfs", "/dev", "devtmpfs"),
    ("tmpfs", "/tmp", "tmpfs"),
    ("tracefs", "/sys/kernel/tracing", "tracefs"),
    ("bpf", "/sys/fs/bpf", "bpf"),
];
/// Where lockdown says its state.
const SECURITY: (&str, &str, &str) = ("securityfs", "/sys/kernel/security", "securityfs");

fn main() -> ! {
    let verdict = run().unwrap_or_else(|error| {
        // The console, because the output port may be what is broken.
        eprintln!("guest-init: {error:#}");
        Verdict::Broken
    });
    end(verdict)
}

fn run() -> Result<Verdict> {
    ensure!(std::process::id() == 1, "this is the init of a test guest, and would end this machine");
    for (source, target, kind) in MOUNTS {
        mount(source, target, kind)?;
    }
    // A kernel without security modules has none, and needs none.
    let (source, target, kind) = SECURITY;
    let _ = mount(source, target, kind);
    let output = open_output()?;
    let payload = Payload::read()?;
    let child = Command::new(&payload.program)
        .args(&payload.arguments)
        .env_clear()
        .env("PATH", "/bin")
        .env("HOME", "/tmp")
        .env(IN_GUEST, "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot run {}", payload.program))?;
    let verdict = watch(i32::try_from(child.id())?, payload.deadline);
    // Nothing may write after the verdict, stalled payloads and orphans least of all.
    // SAFETY: from PID 1, -1 means everybody else in this guest.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    drain(&output)?;
    Ok(verdict)
}

struct Payload {
    deadline: Duration,
    program: String,
    arguments: Vec<String>,
}

impl Payload {
    fn read() -> Result<Self> {
        let text = fs::read_to_string(PAYLOAD).with_context(|| format!("cannot read {PAYLOAD}"))?;
        let mut lines = text.lines().map(str::to_owned);
        let deadline = lines.next().context("the payload has no deadline")?;
        let deadline = Duration::from_secs(deadline.parse().context("the payload's deadline is no number")?);
        let program = lines.next().context("the payload has no program")?;
        Ok(Self { deadline, program, arguments: lines.collect() })
    }
}

fn mount(source: &str, target: &str, kind: &str) -> Result<()> {
    // tracefs, bpf and securityfs mount on folders that the kernel provides, the others on ours.
    let _ = fs::create_dir_all(target);
    let [from, to, with] = [source, target, kind].map(|text| CString::new(text).expect("no zero byte"));
    // SAFETY: three C strings, no flags, no data.
    let failed = unsafe { libc::mount(from.as_ptr(), to.as_ptr(), with.as_ptr(), 0, std::ptr::null()) };
    ensure!(failed == 0, "cannot mount {kind} on {target}: {}", std::io::Error::last_os_error());
    Ok(())
}

/// The output port, raw: a terminal would turn each newline into two bytes.
fn open_output() -> Result<File> {
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(OUTPUT_PORT)
        .with_context(|| format!("cannot open {OUTPUT_PORT}: the guest needs a second serial port"))?;
    // SAFETY: an open terminal and a termios that tcgetattr fills.
    let failed = unsafe {
        let mut mode: libc::termios = std::mem::zeroed();
        libc::tcgetattr(port.as_raw_fd(), &raw mut mode) != 0 || {
            libc::cfmakeraw(&raw mut mode);
            libc::tcsetattr(port.as_raw_fd(), libc::TCSANOW, &raw const mode) != 0
        }
    };
    ensure!(!failed, "cannot set {OUTPUT_PORT} raw: {}", std::io::Error::last_os_error());
    Ok(port)
}

/// Waits for the payload and reaps everything else that ends, as PID 1 must.
fn watch(payload: i32, deadline: Duration) -> Verdict {
    let start = Instant::now();
    while start.elapsed() < deadline {
        let mut status = 0;
        // SAFETY: status outlives the call.
        let ended = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if ended == payload {
            return if libc::WIFEXITED(status) {
                Verdict::Code(libc::WEXITSTATUS(status) as u8)
            } else {
                Verdict::Killed
            };
        }
        if ended <= 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    Verdict::Stalled
}

/// Waits until the port has sent everything: the end of the guest drops what is still in the buffer.
fn drain(port: &File) -> Result<()> {
    // SAFETY: an open terminal.
    ensure!(unsafe { libc::tcdrain(port.as_raw_fd()) } == 0, "cannot drain {OUTPUT_PORT}");
    Ok(())
}

/// Ends the guest: by the exit device, else by a word on the console and power-off.
fn end(verdict: Verdict) -> ! {
    // SAFETY: PID 1 of a guest may do this; the port is the exit device or nothing.
    unsafe {
        libc::sync();
        if libc::ioperm(libc::c_ulong::from(EXIT_PORT), 1, 1) == 0 {
            asm!("out dx, al", in("dx") EXIT_PORT, in("al") verdict.byte());
        }
    }
    // Still here: the kernel is locked down, and refuses ports.
    eprintln!("{SPOKEN}{}", verdict.byte());
    // SAFETY: as above. The console's buffer is sent before the power goes.
    unsafe {
        libc::tcdrain(libc::STDERR_FILENO);
        libc::reboot(libc::RB_POWER_OFF);
    }
    panic!("the guest did not end")
}
