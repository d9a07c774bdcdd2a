//! A daemon with a ring of its own, and what can be seen of it from outside.

use super::{folder_bytes, sample::Sample};
use anyhow::{Context as _, Result, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Child, Command},
    time::Duration,
};
use vmtest::{
    ready,
    scraped::{Scrape, get_as},
};

/// A daemon that is not attached by then never will be.
const ATTACH: Duration = Duration::from_secs(20);
/// Prometheus' own default.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a server of Prometheus asks for.
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// A daemon that ends with its value, and its folder with it.
pub struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Daemon {
    /// Starts one, and waits until it is attached.
    pub fn start(exitpath: &Path, ring_bytes: u64) -> Result<Self> {
        let folder = env::temp_dir().join(format!("exitpath-soak-{}", process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = Command::new(exitpath);
        command.args(["daemon", "--listen", "none", "--ring-size", &ring_bytes.to_string(), "--ring"]);
        command.arg(folder.join("ring")).arg("--unix-socket").arg(folder.join("socket"));
        let (child, _) = ready::start(&mut command)?.attached(ATTACH)?;
        Ok(Self { child, folder })
    }

    /// Looks at all of it.
    pub fn sample(&self, at: Duration) -> Result<Sample> {
        let pid = self.child.id();
        // Before the text is asked for, whose cost then falls into the next window: none is left out.
        let cpu = cpu_time(pid)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the daemon is gone")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        // A busy machine may be late; one that never answers ends this.
        let scrape =
            (0..6).find_map(|_| Scrape::of(&self.socket()).ok()).context("the daemon does not answer")?;
        Ok(Sample {
            at,
            resident_kib: resident.context("no VmRSS in /proc/PID/status")?,
            cpu,
            ring_bytes: folder_bytes(&self.folder.join("ring"))?,
            returns: scrape.sum("exitpath_returns_total", "") as u64,
            lost: scrape.sum("exitpath_events_missed_total", "") as u64,
        })
    }

    /// As Prometheus scrapes it.
    pub fn scrape(&self) -> Result<()> {
        get_as(&self.socket(), "/metrics", PROTOBUF, PATIENCE).map(drop)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Ends it as systemd would; how it ended.
    pub fn end(mut self) -> Result<String> {
        // SAFETY: our own child, which nobody has waited for yet.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        Ok(self.child.wait().context("cannot wait for the daemon")?.to_string())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What is left of it is of no use to anyone.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// CPU time of all threads of a process, also of those that ended, to the nanosecond.
fn cpu_time(pid: u32) -> Result<Duration> {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both write to what they are given, which outlives them.
    let failed = unsafe {
        libc::clock_getcpuclockid(pid as libc::pid_t, &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut time) != 0
    };
    ensure!(!failed, "cannot read the CPU clock of process {pid}");
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}
