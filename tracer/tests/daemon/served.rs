//! A served daemon in a thread of its own.

use std::{
    cell::RefCell,
    net::SocketAddr,
    path::PathBuf,
    rc::Rc,
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::LocalSet};
use tracer::{
    cmd::filters::FilterArgs,
    daemon::{
        core::Core,
        exposition::Histograms,
        http::Server,
        options::{Http, Options, Tracing},
        source::Source,
        totals::Bounds,
    },
    ring::{Limits, Ring},
    snapshot::Snapshot,
};

use crate::support;

/// Returns in each reading: three series of 301 values.
pub const RETURNS: u64 = 3 * 301;

/// Counts the same in every reading.
pub struct Made {
    began: Instant,
    last: Instant,
}

impl Made {
    /// It begins now.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { began: now, last: now }
    }
}

impl Source for Made {
    fn interval(&mut self) -> Snapshot {
        let mut snapshot = support::interval(0);
        let now = Instant::now();
        snapshot.start_ns = (self.last - self.began).as_nanos() as u64;
        snapshot.duration_ns = (now - self.last).as_nanos() as u64;
        self.last = now;
        snapshot
    }

    fn tick(&mut self) {}

    fn due(&self) -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    fn measure_at(&mut self, _: Instant) {}

    fn stop(mut self: Box<Self>) -> Snapshot {
        self.interval()
    }
}

/// Options for tests: loopback, a port of the kernel's choice, no ring.
pub fn options() -> Options {
    Options {
        interval: Duration::from_millis(100),
        ring: None,
        limits: Limits { total: 1 << 24, segment_bytes: 1 << 21, segment_time: Duration::from_hours(1) },
        histograms: Histograms { native: Some(5), classic: true },
        bounds: Bounds { series: 500, errors: 500 },
        max_overhead: None,
        http: Http {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            socket: None,
            token: None,
            tls: None,
            connections: 16,
            request_time: Duration::from_secs(1),
        },
        tracing: Tracing {
            filters: FilterArgs::default(),
            counts_only: false,
            sample: 1,
            precision: None,
            max_series: None,
            plan: None,
        },
    }
}

/// A daemon that is served until this is dropped.
pub struct Served {
    /// Where.
    pub address: SocketAddr,
    /// The same as a URL, without the last slash.
    pub url: String,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves with these options.
    pub fn with(options: Options) -> Self {
        let (say, places) = mpsc::channel();
        let (end, mut ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let local = LocalSet::new();
            let ring: Option<PathBuf> = options.ring.clone();
            let ring = ring.map(|folder| Ring::open(&folder, options.limits).unwrap());
            local.block_on(&runtime, async {
                let http = options.http.clone();
                let core = Core::new(Box::new(Made::new()), support::metadata(), options, ring);
                let core = Rc::new(RefCell::new(core));
                let server = Server::start(&core, &http).unwrap();
                say.send(server.places.clone()).unwrap();
                loop {
                    let due = core.borrow().due();
                    tokio::select! {
                        _ = &mut ended => break,
                        () = tokio::time::sleep_until(due.into()) => core.borrow_mut().tick(),
                    }
                }
            });
        });
        let places = places.recv().expect("it is served");
        let url = places[0].trim_end_matches('/').to_owned();
        let address = url.split("//").nth(1).unwrap().parse().unwrap();
        Self { address, url, end: Some(end), thread: Some(thread) }
    }

    /// Serves with the tests' options.
    pub fn new() -> Self {
        Self::with(options())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let joined = thread.join();
            assert!(joined.is_ok() || std::thread::panicking(), "the daemon's thread panicked");
        }
    }
}

/// Says that a test cannot run here, where people and the task that counts look for it.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped: {why}");
    if let Some(log) = std::env::var_os("EXITPATH_SKIP_LOG") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(log);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, format!("{test}: {why}\n").as_bytes()))
            .expect("the skip log can be written");
    }
}
