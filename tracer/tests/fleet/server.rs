//! A Prometheus of this test: on loopback, with a folder of its own, and ended by its process number.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tempfile::TempDir;
use tracer::prometheus::{Access, Client, Series};

/// Debian's program.
pub const PROGRAM: &str = "prometheus";
/// How often it scrapes, in ms.
pub const SCRAPE_MS: u64 = 250;

/// A running server.
pub struct Server {
    /// Its address.
    pub url: String,
    child: Child,
    folder: TempDir,
}

/// What it scrapes: an address, and labels of it.
pub type Target<'a> = (SocketAddr, &'a [(&'a str, &'a str)]);

impl Server {
    /// Starts it, with the rules of `contrib`; `None` where there is none, after saying so.
    pub fn start(test: &str, targets: &[Target], native: bool) -> Option<Self> {
        if Command::new(PROGRAM).arg("--version").output().is_err() {
            super::skip(test, "no prometheus: apt-get install prometheus");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../contrib/prometheus/rules.yml")
            .canonicalize()
            .unwrap();
        let mut config = format!(
            "global:\n  scrape_interval: {SCRAPE_MS}ms\n  scrape_timeout: {SCRAPE_MS}ms\n  evaluation_interval: 1s\n\
             rule_files: ['{}']\nscrape_configs:\n- job_name: exitpath\n  static_configs:\n",
            rules.display()
        );
        for (address, labels) in targets {
            writeln!(config, "  - targets: ['{address}']\n    labels:\n      test: 'yes'").unwrap();
            for (name, value) in *labels {
                writeln!(config, "      {name}: '{value}'").unwrap();
            }
        }
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        // The port is free again before it is taken: the next best to being told which one it took.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if native {
            command.arg("--enable-feature=native-histograms");
        }
        let child = command.spawn().unwrap();
        let server = Self { url: format!("http://{address}"), child, folder };
        assert!(within(60, || server.client().at("vector(1)", now()).is_ok()), "{}", server.log());
        Some(server)
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Asks it.
    pub fn client(&self) -> Client {
        Client::new(Access { url: self.url.clone(), token: None, timeout: Duration::from_secs(20) })
    }

    /// What a query gives now.
    pub fn ask(&self, query: &str) -> Vec<Series> {
        self.client().at(query, now()).unwrap_or_else(|error| panic!("{query}: {error}"))
    }
}

/// Waits for at most so long; whether it came to that.
pub fn within(seconds: u64, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds since the epoch.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
