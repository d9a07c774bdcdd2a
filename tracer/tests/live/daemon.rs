//! `exitpath daemon` on the running kernel: it serves what it counts, keeps it, and survives what hosts do to it.

mod disk;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use tempfile::TempDir;
use tracer::recording;

use crate::{
    puppet::Puppet,
    run::run,
    support::{EXITPATH, turn, within},
};

/// A daemon with a ring of its own.
struct Daemon {
    child: Child,
    address: SocketAddr,
    log: BufReader<std::process::ChildStderr>,
}

impl Daemon {
    /// Started, attached, serving.
    fn start(ring: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(EXITPATH)
            .args(["daemon", "--listen", "127.0.0.1:0", "--interval", "0.2s", "--ring"])
            .arg(ring)
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tracer can be started");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        log.read_line(&mut line).expect("it says where it serves");
        let place = line.split("http://").nth(1).unwrap_or_else(|| panic!("{line}"));
        let address = place.split('/').next().unwrap().parse().expect("an address");
        let mut daemon = Self { child, address, log };
        // What it keeps of its privileges.
        daemon.next_line();
        daemon
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("it answers");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.split_once("\r\n\r\n").expect("a head").1.to_owned()
    }

    /// A counter's value, all label sets that contain `with` added up.
    fn counter(&self, name: &str, with: &str) -> f64 {
        let text = self.get("/metrics");
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(with));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }

    fn signal(&self, signal: i32) {
        // SAFETY: our own child, which has not been waited for.
        let sent = unsafe { libc::kill(self.child.id() as i32, signal) };
        assert_eq!(sent, 0);
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).expect("its log");
        line
    }

    fn end(mut self, signal: i32) -> ExitStatus {
        self.signal(signal);
        self.child.wait().expect("it ends")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder of our own")
}

/// Returns of getppid in all segments of a ring, read one by one.
fn kept(ring: &Path) -> u64 {
    sum_of(ring, |nr| nr == 110)
}

/// All returns in them.
fn all_kept(ring: &Path) -> u64 {
    sum_of(ring, |_| true)
}

fn sum_of(ring: &Path, wanted: fn(u16) -> bool) -> u64 {
    let mut sum = 0;
    for file in fs::read_dir(ring).expect("the ring").map(|file| file.expect("a file").path()) {
        if file.extension().is_some_and(|extension| extension == "zst") {
            let recording = recording::read(fs::File::open(&file).unwrap());
            let recording = recording.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            for one in &recording.intervals {
                let returns = one.series.iter().filter(|(key, _)| wanted(key.call().nr));
                sum += returns.map(|(_, one)| one.returns).sum::<u64>();
            }
        }
    }
    sum
}

#[test]
fn what_is_counted_is_served_and_kept() {
    let Some(_turn) = turn("daemon::what_is_counted_is_served_and_kept") else { return };
    let ring = folder();
    let daemon = Daemon::start(ring.path(), &["--comm", "puppet"]);
    let mut puppet = Puppet::new();
    puppet.tell("calls 5000");
    let served = within(10, || daemon.counter("exitpath_returns_total", "syscall=\"getppid\"") >= 5000.0);
    assert!(served, "{}", daemon.get("/metrics"));
    puppet.tell("calls 100");
    assert_eq!(daemon.end(libc::SIGTERM).code(), Some(0));
    assert_eq!(kept(ring.path()), 5100);
    // Its ring goes on, and reads by time.
    let daemon = Daemon::start(ring.path(), &["--comm", "puppet"]);
    puppet.tell("calls 11");
    let path = ring.path().to_str().unwrap();
    let read = within(10, || {
        run(&["report", "--format", "json", "--from", "-1h", path]).report().returns("getppid") == 5111
    });
    assert!(read, "while it runs");
    assert_eq!(daemon.end(libc::SIGINT).code(), Some(0));
    assert_eq!(kept(ring.path()), 5111);
}

#[test]
fn a_second_one_is_told_who_was_first() {
    let Some(_turn) = turn("daemon::a_second_one_is_told_who_was_first") else { return };
    let ring = folder();
    let daemon = Daemon::start(ring.path(), &[]);
    let second = run(&["daemon", "--ring", ring.path().to_str().unwrap(), "--listen", "none"]);
    assert_eq!(second.code(), 3);
    assert!(
        second.stderr.contains(&format!("process {} (exitpath)", daemon.child.id())),
        "{}",
        second.stderr
    );
    let elsewhere = folder();
    let address = daemon.address.to_string();
    let taken = run(&["daemon", "--ring", elsewhere.path().to_str().unwrap(), "--listen", &address]);
    assert_eq!((taken.code(), taken.stderr.lines().count()), (2, 1));
    assert!(taken.stderr.contains(&address), "{}", taken.stderr);
}

#[test]
fn another_configuration_is_taken_without_losing_a_count() {
    let Some(_turn) = turn("daemon::another_configuration_is_taken_without_losing_a_count") else { return };
    let ring = folder();
    let file = ring.path().join("daemon.toml");
    fs::write(&file, "comm = \"puppet\"\nclassic-histograms = false\n").unwrap();
    let mut daemon = Daemon::start(ring.path(), &["--keep-privileges", "--config", file.to_str().unwrap()]);
    let mut puppet = Puppet::new();
    puppet.tell("calls 500");
    fs::write(&file, "comm = \"puppet\"\nclassic-histograms = true\ninterval = \"0.1s\"\n").unwrap();
    daemon.signal(libc::SIGHUP);
    assert!(daemon.next_line().contains("serving http://"));
    puppet.tell("calls 500");
    assert!(daemon.get("/metrics").contains("_bucket"));
    fs::write(&file, "intervall = 3\n").unwrap();
    daemon.signal(libc::SIGHUP);
    let refused = daemon.next_line();
    assert!(
        refused.contains("line 1: there is no option `intervall`; did you mean `interval`?"),
        "{refused}"
    );
    // Other calls: attached anew, and what was counted before is still there.
    fs::write(&file, "comm = \"puppet\"\nsyscalls = \"getppid\"\n").unwrap();
    daemon.signal(libc::SIGHUP);
    assert!(daemon.next_line().contains("attached anew"));
    puppet.tell("calls 24");
    let counted = within(10, || daemon.counter("exitpath_returns_total", "\"getppid\"") >= 1024.0);
    assert!(counted, "{}", daemon.counter("exitpath_returns_total", "\"getppid\""));
    assert!(daemon.counter("exitpath_untraced_seconds_total", "") < 1.0);
    assert_eq!(daemon.end(libc::SIGTERM).code(), Some(0));
    assert_eq!(kept(ring.path()), 1024);
}

#[test]
fn a_stopped_one_goes_on_where_it_was() {
    let Some(_turn) = turn("daemon::a_stopped_one_goes_on_where_it_was") else { return };
    let ring = folder();
    let daemon = Daemon::start(ring.path(), &["--comm", "puppet"]);
    let mut puppet = Puppet::new();
    puppet.tell("calls 300");
    daemon.signal(libc::SIGSTOP);
    puppet.tell("calls 700");
    std::thread::sleep(std::time::Duration::from_millis(800));
    daemon.signal(libc::SIGCONT);
    assert!(within(10, || kept(ring.path()) == 1000));
    // One interval for the time it slept, not one for each that it missed.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(daemon.counter("exitpath_returns_total", "\"getppid\"") as u64, 1000);
    assert_eq!(daemon.end(libc::SIGTERM).code(), Some(0));
}

#[test]
fn too_dear_a_load_is_measured_less() {
    let Some(_turn) = turn("daemon::too_dear_a_load_is_measured_less") else { return };
    let ring = folder();
    let mut daemon = Daemon::start(ring.path(), &["--max-overhead", "0.0001%"]);
    let said = daemon.next_line();
    // Detaching, which loses calls, takes two intervals that say so.
    assert!(said.contains("of CPU time, above 0.0001%: from here on counts only"), "{said}");
    let level = within(10, || daemon.counter("exitpath_governor_level", "") >= 4.0);
    assert!(level && daemon.counter("exitpath_governor_steps_down_total", "") >= 1.0);
    assert!(within(10, || daemon.counter("exitpath_untraced_seconds_total", "") > 0.0));
    assert_eq!(daemon.get("/healthz"), "ok\n");
    assert_eq!(daemon.end(libc::SIGTERM).code(), Some(0));
}
