//! A daemon that traces this machine, for tests that talk to it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use vmtest::ready;

use crate::support::EXITPATH;

/// Longer than any patience of the daemon's, which is 2 s here.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that is served until this is dropped.
pub struct Daemon {
    child: Child,
    /// Where.
    pub address: SocketAddr,
    /// What it keeps.
    pub ring: TempDir,
}

impl Daemon {
    /// The program; to be given to [`Self::start`], perhaps behind another that executes it.
    pub fn command() -> Command {
        let mut command = Command::new(EXITPATH);
        command.arg("daemon");
        command
    }

    /// Starts it with an interval of 1 s, a port and a ring of its own, and waits until it is served.
    pub fn start(command: &mut Command) -> Self {
        Self::owned(command, None)
    }

    /// The same with a ring that is this user's.
    pub fn owned(command: &mut Command, user: Option<u32>) -> Self {
        Self::every("1s", command, user)
    }

    /// The same with another interval.
    pub fn every(interval: &str, command: &mut Command, user: Option<u32>) -> Self {
        let ring = tempfile::tempdir().expect("a folder of our own");
        if user.is_some() {
            std::os::unix::fs::chown(ring.path(), user, user).expect("we are root");
        }
        let (child, address) = serve(interval, command, ring.path());
        Self { child, address, ring }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Ends it by SIGTERM; its exit code, and what it said.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        self.signal(libc::SIGTERM);
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("it is a pipe");
        stderr.read_to_string(&mut said).expect("it says UTF-8");
        (self.child.wait().expect("our own child").code(), said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon that is served, with a port of its own; it ends with the thread that started it.
pub fn serve(interval: &str, command: &mut Command, ring: &Path) -> (Child, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a free port");
    command.args([
        "--interval",
        interval,
        "--request-time",
        "2s",
        "--listen",
        &address.to_string(),
        "--ring",
    ]);
    command.arg(ring).stdout(Stdio::null()).stderr(Stdio::piped());
    let starting = ready::start(command).expect("the daemon can be started");
    let (child, _) = starting.attached(PATIENCE).expect("the daemon attaches");
    (child, address)
}

/// The body of an answer.
pub fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it answers");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    assert!(bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes[..end]));
    bytes.split_off(end + 4)
}
