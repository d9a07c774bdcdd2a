//! A host whose calls are made up: it counts more at every scrape, and exposes them as the daemon does.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use rand_core::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use tracer::{
    daemon::{
        exposition::{self, Encoding, Facts, Histograms},
        totals::{Bounds, Totals},
    },
    histogram::{Histogram, Precision},
    metadata::{KernelInfo, Metadata, PlanInfo},
    snapshot::{Series, Snapshot},
};
use tracer_common::{Abi, Path, SeriesKey, SyscallId};

/// Timed calls of each series at a scrape.
const CALLS: u64 = 400;
/// Calls: number, path, median in ns. The last one of each host is shifted.
const SERIES: [(u16, Path, f64); 4] = [
    (110, Path::Sysret, 90.0),
    (257, Path::Sysret, 2_400.0),
    (62, Path::Iret, 1_300.0),
    (0, Path::Sysret, 800.0),
];

/// A host.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Its kernel.
    pub release: &'static str,
    /// Its plan.
    pub plan: &'static str,
    /// Hosts differ by this, in all calls.
    pub temper: f64,
    /// `read` takes so many times as long.
    pub shift: f64,
    /// Of its random numbers.
    pub seed: u64,
}

/// A host like any other.
pub const HOST: Made = Made { release: "6.1.0-test", plan: "tracepoints", temper: 1.0, shift: 1.0, seed: 0 };

/// Serves it until this is dropped.
pub struct Exporter {
    /// Where.
    pub address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Serves a host on loopback.
    pub fn start(host: Made) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(host.seed);
            let mut totals = Totals::new(Bounds { series: 500, errors: 500 });
            let started = SystemTime::now();
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                totals.add(&interval(host, &mut random), 1);
                let answer = |accept: &str| expose(host, &totals, Encoding::of(accept), started);
                // A scraper that went away.
                let _ = stream.and_then(|stream| serve(stream, answer));
            }
        });
        Self { address, ended, thread: Some(thread) }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take().filter(|_| woken.is_ok()) {
            assert!(thread.join().is_ok() || std::thread::panicking(), "the exporter's thread panicked");
        }
    }
}

/// What a host counts between two scrapes.
fn interval(host: Made, random: &mut Xoshiro256PlusPlus) -> Snapshot {
    let mut snapshot = Snapshot { duration_ns: 1_000_000_000, cpus: 2, ..Snapshot::default() };
    for (nr, path, median) in SERIES {
        let shift = if nr == 0 { host.shift } else { 1.0 };
        let times = LogNormal::new((median * host.temper * shift).ln(), 0.3).unwrap();
        let mut series = Series::new(Precision::Two);
        for _ in 0..CALLS {
            series.latency.record(times.sample(random) as u64);
        }
        series.returns = CALLS + 1;
        series.errors.insert(2, u64::from(random.next_u32() % 3) + 1);
        if path == Path::Iret {
            series.reasons[0] = CALLS;
            series.work = series.latency.clone();
        }
        snapshot.series.insert(SeriesKey::new(SyscallId { abi: Abi::X86_64, nr }, path), series);
    }
    let mut turnaround = Histogram::new(Precision::Two);
    let times = LogNormal::new((300.0 * host.temper).ln(), 0.2).unwrap();
    (0..CALLS).for_each(|_| turnaround.record(times.sample(random) as u64));
    snapshot.turnaround.insert(Path::Sysret, turnaround);
    (snapshot.own_cost.runs, snapshot.own_cost.run_ns, snapshot.own_cost.window_ns) =
        (1_000, 50_000, 20_000_000);
    snapshot
}

fn expose(host: Made, totals: &Totals, encoding: Encoding, started: SystemTime) -> (&'static str, Vec<u8>) {
    let word = str::to_owned;
    let metadata = Metadata {
        tool: word("exitpath 0.1.0"),
        kernel: KernelInfo {
            release: word(host.release),
            frame: word("full"),
            decision: word("c"),
            ..KernelInfo::default()
        },
        plan: PlanInfo { name: word(host.plan), fidelity: word("amended"), ..PlanInfo::default() },
        sample: 1,
        ..Metadata::default()
    };
    let histograms = Histograms { native: Some(5), classic: true };
    let facts = Facts { metadata: &metadata, fidelity: "amended", started, histograms, own: &[] };
    (encoding.content_type(), exposition::encode(&exposition::families(totals, &facts), encoding))
}

fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> (&'static str, Vec<u8>)) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    // The media type's parameters are names of messages, in which case counts.
    let accept = if head.contains("application/vnd.google.protobuf") {
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    } else {
        ""
    };
    let (media, body) = answer(accept);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}
