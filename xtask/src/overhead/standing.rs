//! What tracing costs beside the calls: memory, and the reader's own time.

use super::{interrupt, process::Attached, programs::Programs};
use anyhow::{Context as _, Result};
use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use vmtest::bpf::{held, ids, possible_cpus};

/// What a tracer holds and uses while it traces.
pub struct Standing {
    /// The most memory that was ever resident, in bytes.
    pub peak_bytes: u64,
    /// What is resident while it traces, in bytes.
    pub resident_bytes: u64,
    /// What the kernel charges for its maps, in bytes.
    pub map_bytes: u64,
    /// CPUs that could be there, each with maps of its own.
    pub possible_cpus: u64,
    /// Share of one CPU that the process used while it read the maps every second, 0 to 1.
    pub reader_share: f64,
}

/// Threads and seconds of load around a measurement of `seconds`.
const THREADS: &str = "8";
const MARGIN: u64 = 5;

/// Measures all of it, under load on all CPUs.
pub fn measure(programs: &Programs, seconds: u64) -> Result<Standing> {
    interrupt::check()?;
    let load = Load::start(programs, seconds + 2 * MARGIN)?;
    let mut command = Command::new(&programs.exitpath);
    let duration = (seconds + 2 * MARGIN).to_string();
    let tracer = Attached::tracer(command.args(["record", "-i", "1", "-d", &duration]))?;
    let pid = tracer.pid();
    thread::sleep(Duration::from_secs(1));
    let (since, before) = (Instant::now(), cpu_time(pid)?);
    let mut left = Duration::from_secs(seconds);
    while !left.is_zero() {
        interrupt::check()?;
        thread::sleep(left.min(Duration::from_millis(200)));
        left = Duration::from_secs(seconds).saturating_sub(since.elapsed());
    }
    let used = cpu_time(pid)?.saturating_sub(before);
    let reader_share = used.as_secs_f64() / since.elapsed().as_secs_f64();
    let status = read(pid, "status")?;
    let standing = Standing {
        peak_bytes: kib(&status, "VmHWM").context("no VmHWM in /proc/PID/status")? * 1024,
        resident_bytes: kib(&status, "VmRSS").context("no VmRSS in /proc/PID/status")? * 1024,
        map_bytes: held::map_bytes(pid)?,
        possible_cpus: possible_cpus()? as u64,
        reader_share,
    };
    drop(load);
    tracer.end()?;
    Ok(standing)
}

/// What would make the figures worse than they are, one sentence each.
pub fn disturbances() -> Vec<String> {
    let mut found = Vec::new();
    let programs =
        ids::all().map_or(0, |all| all.iter().filter(|(kind, _)| *kind == ids::Kind::Program).count());
    if programs > 0 {
        found.push(format!(
            "{programs} BPF programs are loaded already; those on system calls add to every figure"
        ));
    }
    let statistics = fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").unwrap_or_default();
    if statistics.trim() == "1" {
        found.push("kernel.bpf_stats_enabled is 1, which costs more than most programs".to_owned());
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    if let Some(load) = load.split(' ').next().filter(|load| load.parse().is_ok_and(|load: f64| load > 0.5)) {
        found.push(format!("the machine is busy (load average {load})"));
    }
    found
}

/// Load that ends with its value.
struct Load(Child);

impl Load {
    fn start(programs: &Programs, seconds: u64) -> Result<Self> {
        let mut command = Command::new(&programs.loadgen);
        command.args(["--threads", THREADS, "--seconds", &seconds.to_string()]).stdin(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot run {}", programs.loadgen.display()))?;
        Ok(Self(child))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // It may have ended by itself, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}: the tracer ended early"))
}

/// User and system time of a process with all its threads.
fn cpu_time(pid: u32) -> Result<Duration> {
    // SAFETY: asks for a constant.
    let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64;
    let ticks = ticks(&read(pid, "stat")?).context("no times in /proc/PID/stat")?;
    Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second))
}

/// Fields 14 and 15 of `/proc/PID/stat`, counted from the name's end: it may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11);
    Some(times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?)
}

/// A line `NAME: N kB` of `/proc/PID/status`.
fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{kib, ticks};

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 23 0 0 20"), Some(123));
        assert_eq!(ticks("7 (a) S 1"), None);
        assert_eq!(kib("VmPeak:\t  9 kB\nVmHWM:\t   5300 kB\n", "VmHWM"), Some(5300));
        assert_eq!(kib("VmHWM:\t   5300 kB\n", "VmRSS"), None);
    }
}
