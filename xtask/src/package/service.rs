//! The daemon as its unit starts it, without systemd: the unit's command, user, capabilities and folders, and a socket
//! that hears what a service manager would.

use super::chroot::Chroot;
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        net::UnixDatagram,
    },
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// Where systemd finds users for `DynamicUser=`: 61184 to 65519.
const USER: u32 = 61_999;
const SOCKET: &str = "/run/notify";
/// What `WatchdogSec=` becomes; short, so that the test is.
const WATCHDOG: Duration = Duration::from_secs(2);

/// A unit file, as far as it is needed here.
pub struct Unit(String);

impl Unit {
    /// Reads it.
    pub fn read(chroot: &Chroot, path: &str) -> Result<Self> {
        let text =
            fs::read_to_string(chroot.path(path)).with_context(|| format!("the package has no {path}"))?;
        Ok(Self(text))
    }

    /// The value of a key that stands in it once.
    pub fn get(&self, key: &str) -> Result<&str> {
        let mut lines = self.0.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let value = lines.next().with_context(|| format!("the unit has no {key}"))?;
        ensure!(lines.next().is_none(), "the unit has {key} twice");
        Ok(value)
    }

    /// Capabilities as setpriv writes them.
    fn capabilities(&self, key: &str) -> Result<String> {
        let names =
            self.get(key)?.split_whitespace().map(|name| name.trim_start_matches("CAP_").to_lowercase());
        Ok(names.fold("-all".to_owned(), |all, name| format!("{all},+{name}")))
    }
}

/// A running daemon; killed when dropped.
pub struct Service {
    child: Child,
    socket: UnixDatagram,
}

impl Service {
    /// Starts it with further environment, such as `EXITPATH_LISTEN`.
    pub fn start(chroot: &Chroot, unit: &Unit, environment: &[(&str, &str)]) -> Result<Self> {
        ensure!(unit.get("Type")? == "notify", "the unit is not of Type=notify");
        let state = chroot.path("/var/lib").join(unit.get("StateDirectory")?);
        fs::create_dir_all(&state).with_context(|| format!("cannot make {}", state.display()))?;
        chown(&state, Some(USER), Some(USER)).context("cannot give the ring to its user")?;
        let path = chroot.path(SOCKET);
        let socket = UnixDatagram::bind(&path).with_context(|| format!("cannot make {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;

        let user = USER.to_string();
        let ambient = unit.capabilities("AmbientCapabilities")?;
        let bounding = unit.capabilities("CapabilityBoundingSet")?;
        let mut words =
            vec!["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "--no-new-privs"];
        words.extend(["--inh-caps", &ambient, "--ambient-caps", &ambient, "--bounding-set", &bounding]);
        words.extend(unit.get("ExecStart")?.split_whitespace());
        let mut command = chroot.command(&words);
        command.env("NOTIFY_SOCKET", SOCKET).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        command
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().context("cannot start the daemon")?;
        Ok(Self { child, socket })
    }

    /// Waits until it says this to the service manager.
    pub fn says(&mut self, what: &str, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        let mut heard = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("the daemon did not say {what} in {patience:?}, but {heard:?}");
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the daemon ended ({status}) before it said {what}: {}", self.rest());
            }
            self.socket.set_read_timeout(Some(left.min(Duration::from_millis(200))))?;
            let mut buffer = [0; 4096];
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line == what) {
                return Ok(());
            }
            heard.push(message);
        }
    }

    /// Its process: unshare, sh, chroot and setpriv have become it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it by SIGTERM; what it said on both streams.
    pub fn terminate(mut self) -> Result<String> {
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        self.says_or_ends("STOPPING=1")?;
        let status = self.child.wait()?;
        let said = self.rest();
        ensure!(status.code() == Some(0), "SIGTERM ended the daemon with {status}: {said}");
        Ok(said)
    }

    fn says_or_ends(&mut self, what: &str) -> Result<()> {
        let mut buffer = [0; 4096];
        self.socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        while let Ok(length) = self.socket.recv(&mut buffer) {
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == what) {
                return Ok(());
            }
        }
        bail!("the daemon did not say {what}")
    }

    fn rest(&mut self) -> String {
        use std::io::Read as _;
        let mut said = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            let _ = stdout.read_to_string(&mut said);
        }
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        said
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
