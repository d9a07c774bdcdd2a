//! The daemon's state: what is read goes to the ring, to the totals, and to the last minutes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{
    exposition::{self, Encoding},
    options::Options,
    recent::Recent,
    source::Source,
    totals::Totals,
};
use crate::{
    metadata::Metadata,
    report::{Claim, Report, View},
    ring::Ring,
    session::cost::WINDOW,
    snapshot::Snapshot,
};

/// Whoever asks more often gets the same numbers again.
const FRESH: Duration = Duration::from_secs(1);

/// The state.
pub struct Core {
    source: Box<dyn Source>,
    metadata: Metadata,
    options: Options,
    /// What was read of the interval that is going on.
    pending: Snapshot,
    totals: Totals,
    recent: Recent,
    ring: Option<Ring>,
    started: SystemTime,
    /// When the maps were read last.
    read: Instant,
    /// When the interval that is going on ends.
    next: Instant,
    /// The ring refuses, and it was said.
    refused: bool,
    numbers: Numbers,
}

/// What the daemon counts of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// Intervals read.
    pub intervals: u64,
    /// CPU time of this process, in ns.
    pub reader_ns: u64,
    /// Configurations read again, and refused.
    pub reloads: u64,
    /// See [`Self::reloads`].
    pub failed_reloads: u64,
    /// Programs attached anew, with other settings.
    pub reattached: u64,
    /// For how long nothing was attached then, in ns.
    pub gap_ns: u64,
    /// Requests answered.
    pub requests: u64,
    /// Connections refused, because there were too many.
    pub refused_connections: u64,
}

impl Core {
    /// The state of a daemon that begins now.
    #[must_use]
    pub fn new(source: Box<dyn Source>, metadata: Metadata, options: Options, ring: Option<Ring>) -> Self {
        let now = Instant::now();
        let mut core = Self {
            source,
            metadata,
            pending: Snapshot::default(),
            totals: Totals::new(options.bounds),
            recent: Recent::default(),
            ring,
            started: SystemTime::now(),
            // Whoever asks first is not told nothing.
            read: now.checked_sub(FRESH).unwrap_or(now),
            next: now + options.interval,
            refused: false,
            numbers: Numbers::default(),
            options,
        };
        core.schedule();
        core
    }

    /// When the loop has to look after it.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.next.min(self.source.due())
    }

    /// Does what is due: ends the interval, opens or closes a window of the cost.
    pub fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.next {
            self.end_interval();
            // After a stop of the whole process the next interval is a whole one, not many short ones.
            self.next = (self.next + self.options.interval).max(now + self.options.interval / 2);
            self.schedule();
        } else {
            self.source.tick();
        }
    }

    /// The cost is measured at the end of an interval, so that one wake-up serves both.
    fn schedule(&mut self) {
        self.source.measure_at(self.next.checked_sub(WINDOW).unwrap_or(self.next));
    }

    /// Reads the maps, unless that was done a moment ago.
    pub fn refresh(&mut self) {
        if self.read.elapsed() >= FRESH {
            self.read_now();
            self.schedule();
        }
    }

    fn read_now(&mut self) {
        let part = self.source.interval();
        self.take(part);
    }

    fn take(&mut self, part: Snapshot) {
        self.read = Instant::now();
        self.numbers.reader_ns = self.numbers.reader_ns.saturating_add(part.own_cost.reader_ns);
        self.totals.add(&part, self.metadata.sample);
        self.pending.extend(part);
    }

    fn end_interval(&mut self) {
        self.read_now();
        self.keep();
    }

    /// The interval that is going on becomes a kept one.
    fn keep(&mut self) {
        let snapshot = std::mem::take(&mut self.pending);
        if snapshot.duration_ns == 0 {
            return;
        }
        let now = SystemTime::now();
        self.numbers.intervals += 1;
        if let Some(ring) = &mut self.ring {
            match ring.keep(&self.metadata, &snapshot, now) {
                Ok(()) if self.refused => {
                    self.refused = false;
                    let lost = ring.unkept();
                    say(&format!("the ring takes intervals again; {} were not kept", lost.intervals));
                }
                Err(error) if !self.refused => {
                    self.refused = true;
                    let folder = ring.folder().display();
                    say(&format!(
                        "cannot keep intervals in {folder}: {error}; tracing and serving go on, what is not kept is \
                         counted; free space or mend the disk"
                    ));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let at = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        self.recent.push(snapshot, at, self.metadata.sample);
    }

    /// Ends everything: the last interval is kept, the ring finished.
    pub fn stop(self) {
        let Self { source, mut pending, metadata, ring, .. } = self;
        pending.extend(source.stop());
        if let Some(mut ring) = ring {
            let kept = ring.keep(&metadata, &pending, SystemTime::now()).and_then(|()| ring.finish());
            if let Err(error) = kept {
                say(&format!("the last interval is not kept: {error}"));
            }
        }
    }

    /// An exposition.
    pub fn metrics(&mut self, encoding: Encoding) -> Vec<u8> {
        self.refresh();
        let own = self.own_numbers();
        let claim = Claim::new(&self.metadata.plan, 0, &self.totals.losses);
        let facts = exposition::Facts {
            metadata: &self.metadata,
            fidelity: &claim.fidelity,
            started: self.started,
            histograms: self.options.histograms,
            own: &own,
        };
        exposition::encode(&exposition::families(&self.totals, &facts), encoding)
    }

    fn own_numbers(&self) -> Vec<(&'static str, &'static str, f64)> {
        let Numbers {
            intervals,
            reader_ns,
            reloads,
            failed_reloads,
            reattached,
            gap_ns,
            requests,
            refused_connections,
        } = self.numbers;
        let mut own = vec![
            ("exitpath_intervals_total", "Intervals read.", intervals as f64),
            (
                "exitpath_reader_cpu_seconds_total",
                "CPU time of the daemon's process.",
                reader_ns as f64 / 1e9,
            ),
            ("exitpath_config_reloads_total", "Configurations read again and taken.", reloads as f64),
            (
                "exitpath_config_failures_total",
                "Configurations read again and refused.",
                failed_reloads as f64,
            ),
            (
                "exitpath_reattached_total",
                "Times the programs were attached anew, with other settings.",
                reattached as f64,
            ),
            (
                "exitpath_untraced_seconds_total",
                "For how long nothing was attached while programs were attached anew.",
                gap_ns as f64 / 1e9,
            ),
            ("exitpath_http_requests_total", "Requests answered.", requests as f64),
            (
                "exitpath_http_refused_connections_total",
                "Connections refused, because there were too many.",
                refused_connections as f64,
            ),
        ];
        if let Some(ring) = &self.ring {
            let lost = ring.unkept();
            own.extend([
                ("exitpath_ring_bytes", "Size of the ring.", ring.bytes() as f64),
                ("exitpath_ring_segments", "Segments in the ring.", ring.segments() as f64),
                (
                    "exitpath_ring_unkept_intervals_total",
                    "Intervals that the ring did not take.",
                    lost.intervals as f64,
                ),
                ("exitpath_ring_unkept_returns_total", "Returns in these.", lost.returns as f64),
            ]);
        }
        own
    }

    /// The report of the last seconds, as far as they are in memory.
    pub fn report(&mut self, seconds: f64, view: &View) -> Report {
        self.refresh();
        let mut sum = self.recent.last(seconds - self.pending.duration_ns as f64 / 1e9);
        sum.merge(&self.pending);
        Report::new(&self.metadata, &sum, view)
    }

    /// The last minutes.
    #[must_use]
    pub const fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Counters since the start, read just now.
    pub fn totals(&mut self) -> &Totals {
        self.read_now();
        self.schedule();
        &self.totals
    }

    /// What is recorded says this about itself.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The options that hold.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// What the daemon counts of itself.
    pub const fn numbers(&mut self) -> &mut Numbers {
        &mut self.numbers
    }

    /// Whether the loop still looks after it: the interval has not been over for long.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Instant::now() < self.next + self.options.interval.max(FRESH) * 3
    }

    /// Other options; what is traced and where it is kept stays.
    pub fn reconfigure(&mut self, options: Options) {
        self.totals.bound(options.bounds);
        if let Some(ring) = &mut self.ring {
            ring.limit(options.limits);
        }
        if options.interval != self.options.interval {
            self.next = (Instant::now() + options.interval).min(self.next);
            self.schedule();
        }
        self.options = options;
    }

    /// Another source takes over. `begin` attaches it, while the old one still counts; what it counts until the old
    /// one has stopped is not counted twice. What happens between the two is the gap, and is counted as time.
    pub fn replace(&mut self, source: Box<dyn Source>, metadata: Metadata) {
        let old = std::mem::replace(&mut self.source, source);
        let since = Instant::now();
        let last = old.stop();
        // What both saw is the old one's.
        drop(self.source.interval());
        self.numbers.gap_ns = self.numbers.gap_ns.saturating_add(since.elapsed().as_nanos() as u64);
        self.numbers.reattached += 1;
        self.take(last);
        self.keep();
        self.metadata = metadata;
        self.next = Instant::now() + self.options.interval;
        self.schedule();
    }
}

/// Says something to whoever reads the log.
pub fn say(text: &str) {
    eprintln!("exitpath: {text}");
}
