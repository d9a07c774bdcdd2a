//! What hosts do to a daemon that traces them, done to the kernel that runs this: the clock is set, CPUs go and come,
//! it is stopped, threads by the ten thousand come and go, scrapers stall, its disk is full. It must keep every count.
//!
//! Only for guests: it sets the clock.

use std::ffi::CString;
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::Value;
use vmtest::guest::IN_GUEST;
use vmtest::ready;
use vmtest::scraped::{Scrape, get};
use vmtest::sys::{nr, plain};

/// Tries them, one line a fact; code 1 if any does not hold.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The tracer
    #[arg(long, default_value = "/bin/exitpath")]
    tracer: String,
    /// Threads that come and go
    #[arg(long, default_value_t = 10_000)]
    threads: u64,
    /// For how many seconds the daemon is stopped
    #[arg(long, default_value_t = 3)]
    stop: u64,
    /// Seconds for each of the other things to show
    #[arg(long, default_value_t = 2)]
    pause: u64,
}

const DISK: &str = "/tmp/disk";
const RING: &str = "/tmp/disk/ring";
const SOCKET: &str = "/tmp/daemon.sock";
const CPU: &str = "/sys/devices/system/cpu/cpu1/online";
const LOG: &str = "/tmp/daemon.log";
const LIMIT: Duration = Duration::from_mins(2);

/// What this process has called; a tracer of the whole machine has to count the same.
static CALLED: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    ensure!(std::env::var_os(IN_GUEST).is_some(), "this sets the clock: it runs in guests only");
    mount_disk()?;
    let outcome = prove(&args);
    // What the daemon said, whatever came of it.
    print!("{}", fs::read_to_string(LOG).unwrap_or_default());
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn prove(args: &Args) -> Result<bool> {
    let mut proof = Proof::start(args)?;
    let load: Vec<_> = (0..2).map(|_| thread::spawn(call_steadily)).collect();
    proof.all(args)?;
    OVER.store(true, Relaxed);
    for thread in load {
        ensure!(thread.join().is_ok(), "the load panicked");
    }
    proof.end(args)?;
    Ok(proof.wrong == 0)
}

/// Calls that are counted, with pauses, so that everything else has its time in a slow guest.
fn call_steadily() {
    while !OVER.load(Relaxed) {
        call(200);
        sleep(Duration::from_millis(2));
    }
}

fn call(times: u64) {
    for _ in 0..times {
        let _ = plain(nr::GETPPID, 0, 0);
    }
    CALLED.fetch_add(times, Relaxed);
}

struct Proof {
    daemon: Child,
    last: Scrape,
    wrong: u32,
    pause: Duration,
}

impl Proof {
    fn start(args: &Args) -> Result<Self> {
        let log = fs::File::create(LOG)?;
        let words =
            ["daemon", "--interval", "0.5s", "--listen", "none", "--unix-socket", SOCKET, "--ring", RING];
        let mut command = Command::new(&args.tracer);
        command.args(words).args(["--ring-size", "1MiB", "--max-connections", "8"]).stderr(log);
        let (daemon, took) = ready::start(&mut command)?.attached(LIMIT)?;
        println!("ok     attached after {:.1} s", took.as_secs_f64());
        let last = Scrape::of(Path::new(SOCKET))?;
        Ok(Self { daemon, last, wrong: 0, pause: Duration::from_secs(args.pause) })
    }

    fn say(&mut self, what: &str, holds: bool) {
        println!("{} {what}", if holds { "ok    " } else { "WRONG " });
        self.wrong += u32::from(!holds);
    }

    /// After something was done to it: it answers, is healthy, nothing fell, and intervals go on.
    fn check(&mut self, what: &str) -> Result<()> {
        sleep(self.pause);
        let now = Scrape::of(Path::new(SOCKET)).with_context(|| what.to_owned())?;
        let fallen: Vec<String> = now.fallen(&self.last).into_iter().map(str::to_owned).collect();
        let grew = |name: &str| now.sum(name, "") > self.last.sum(name, "");
        let goes_on = grew("exitpath_intervals_total") && grew("exitpath_returns_total");
        let healthy = get(Path::new(SOCKET), "/healthz").is_ok();
        // A reader that was stopped for a minute says so, in case a counter went round.
        let late = now.sum("exitpath_events_missed_total", "reader-late");
        let missed = now.sum("exitpath_events_missed_total", "") - late;
        self.say(
            &format!("{what}: healthy {healthy}, goes on {goes_on}, fallen {fallen:?}, missed {missed}, late {late}"),
            healthy && goes_on && fallen.is_empty() && missed < 1.0,
        );
        self.last = now;
        Ok(())
    }

    fn all(&mut self, args: &Args) -> Result<()> {
        self.check("at first")?;
        for (hours, what) in
            [(1, "clock set forwards by an hour"), (-2, "and back by two"), (1, "and right again")]
        {
            step_clock(hours * 3600)?;
            self.check(what)?;
        }
        if Path::new(CPU).exists() {
            for round in 1..=2 {
                fs::write(CPU, "0").context("a CPU goes")?;
                self.check(&format!("CPU 1 gone, round {round}"))?;
                fs::write(CPU, "1").context("a CPU comes")?;
                self.check(&format!("CPU 1 back, round {round}"))?;
            }
        }
        self.signal(libc::SIGSTOP);
        sleep(Duration::from_secs(args.stop));
        self.signal(libc::SIGCONT);
        self.check(&format!("stopped for {} s", args.stop))?;
        come_and_go(args.threads)?;
        self.check(&format!("{} threads came and went", args.threads))?;
        let stalled = stall()?;
        self.check(&format!("{} scrapers stall", stalled.len()))?;
        drop(stalled);
        fill_disk()?;
        self.check("the disk is full")?;
        let unkept = self.last.sum("exitpath_ring_unkept_intervals_total", "");
        self.say(&format!("{unkept} intervals are counted that it did not take"), unkept > 0.0);
        fs::remove_file(Path::new(DISK).join("filler"))?;
        self.check("the disk has room again")?;
        let after = self.last.sum("exitpath_ring_unkept_intervals_total", "");
        self.check("and later")?;
        let now = self.last.sum("exitpath_ring_unkept_intervals_total", "");
        self.say(&format!("it takes intervals again: {after} not taken, then {now}"), now <= after);
        Ok(())
    }

    fn signal(&self, signal: i32) {
        // SAFETY: our own child, not waited for.
        unsafe { libc::kill(self.daemon.id() as i32, signal) };
    }

    /// Counts are what was called; it ends by itself, and every file of its ring reads.
    fn end(&mut self, args: &Args) -> Result<()> {
        // Who asks within a second of a reading is given that one.
        sleep(self.pause + Duration::from_secs(1));
        let now = Scrape::of(Path::new(SOCKET))?;
        let (counted, called) =
            (now.sum("exitpath_returns_total", "\"getppid\"") as u64, CALLED.load(Relaxed));
        self.say(&format!("{called} getppid were called, {counted} counted"), called == counted);
        let unkept = now.sum("exitpath_ring_unkept_returns_total", "");
        self.signal(libc::SIGTERM);
        let status = self.daemon.wait()?;
        self.say(&format!("SIGTERM ends it: {status}"), status.success());
        let mut files = 0;
        let mut broken = Vec::new();
        for file in fs::read_dir(RING)?.map(|file| file.map(|file| file.path())) {
            let file = file?;
            if file.extension().is_some_and(|extension| extension == "zst") {
                files += 1;
                let read = Command::new(&args.tracer).arg("report").arg(&file).output()?;
                if !read.status.success() {
                    broken.push(format!("{}: {}", file.display(), String::from_utf8_lossy(&read.stderr)));
                }
            }
        }
        self.say(
            &format!("{files} files of the ring read, broken: {broken:?}"),
            files > 3 && broken.is_empty(),
        );
        let report = Command::new(&args.tracer).args(["report", RING, "--format", "json"]).output()?;
        let report: Value = serde_json::from_slice(&report.stdout).context("the report of the ring")?;
        let kept = report["returns"].as_f64().unwrap_or_default();
        let all = now.sum("exitpath_returns_total", "");
        self.say(
            &format!("{kept} returns in the ring, {unkept} not taken, {all} counted"),
            kept + unkept >= all,
        );
        Ok(())
    }
}

fn mount_disk() -> Result<()> {
    fs::create_dir_all(DISK)?;
    let words = ["none", DISK, "tmpfs", "size=2m"].map(|word| CString::new(word).expect("no zero byte"));
    let [from, to, kind, options] = words.each_ref().map(|word| word.as_ptr());
    // SAFETY: four C strings.
    let failed = unsafe { libc::mount(from, to, kind, 0, options.cast()) };
    ensure!(failed == 0, "cannot mount a disk: {}", std::io::Error::last_os_error());
    Ok(())
}

fn fill_disk() -> Result<()> {
    let mut filler = fs::File::create(Path::new(DISK).join("filler"))?;
    while filler.write_all(&[7; 512]).is_ok() {}
    Ok(())
}

fn step_clock(seconds: i64) -> Result<()> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid structure.
    let failed = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        now.tv_sec += seconds;
        libc::clock_settime(libc::CLOCK_REALTIME, &raw const now)
    };
    ensure!(failed == 0, "cannot set the clock: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Threads in groups, so that a small guest has room for them.
fn come_and_go(threads: u64) -> Result<()> {
    const GROUP: u64 = 50;
    for _ in 0..threads.div_ceil(GROUP) {
        let group: Vec<_> = (0..GROUP)
            .map(|_| thread::Builder::new().stack_size(32 << 10).spawn(|| call(3)))
            .collect::<std::io::Result<_>>()?;
        for thread in group {
            ensure!(thread.join().is_ok(), "a thread panicked");
        }
    }
    Ok(())
}

/// Scrapers that ask and never read, and some that never end their question; one place less than there are.
fn stall() -> Result<Vec<UnixStream>> {
    let one = |number: u32| -> Result<UnixStream> {
        let mut stream = UnixStream::connect(SOCKET)?;
        let question =
            if number.is_multiple_of(2) { "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" } else { "GET /metr" };
        stream.write_all(question.as_bytes())?;
        Ok(stream)
    };
    (0..7).map(one).collect()
}
