//! The daemon's state: what is read goes to the ring, to the totals, and to the last minutes.

mod answers;
mod changes;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{
    durable::Durable,
    exposition::Encoding,
    governor::{Governor, Step},
    numbers::Numbers,
    options::Options,
    recent::Recent,
    source::Source,
    totals::Totals,
};
use crate::{metadata::Metadata, ring::Ring, session::cost::WINDOW, snapshot::Snapshot};

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
    durable: Durable,
    started: SystemTime,
    /// When the maps were read last.
    read: Instant,
    /// When the interval that is going on ends.
    next: Instant,
    /// Expositions since the maps were read last: whoever asks a hundred times costs one.
    encoded: Vec<(Encoding, Vec<u8>)>,
    /// The ring refuses, and it was said.
    refused: bool,
    numbers: Numbers,
    governor: Option<Governor>,
    /// The governor's step that is in force.
    level: usize,
    /// What tracing cost in the last interval, of all CPU time.
    share: f64,
    /// Since when nothing is attached.
    paused: Option<Instant>,
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
            durable: Durable::default(),
            started: SystemTime::now(),
            // Whoever asks first is not told nothing.
            read: now.checked_sub(FRESH).unwrap_or(now),
            next: now + options.interval,
            encoded: Vec::new(),
            refused: false,
            numbers: Numbers::default(),
            governor: options.max_overhead.map(|limit| Governor::new(limit, &options.tracing)),
            level: 0,
            share: 0.0,
            paused: None,
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

    /// Does what is due: ends the interval, opens or closes a window of the cost. Returns the step that the governor
    /// wants to take, if it wants one: [`Self::replace`] or [`Self::pause`] takes it, [`Self::stay`] does not.
    pub fn tick(&mut self) -> Option<Step> {
        let now = Instant::now();
        if now < self.next {
            self.source.tick();
            return None;
        }
        self.read_now();
        let share = share(&self.pending);
        self.share = share;
        self.keep();
        // After a stop of the whole process the next interval is a whole one, not many short ones.
        self.next = (self.next + self.options.interval).max(now + self.options.interval / 2);
        self.schedule();
        let governor = self.governor.as_mut()?;
        let before = governor.level();
        if !governor.observe(share) {
            return None;
        }
        // To a millionth of a percent: what was typed reads as it was typed.
        let limit = (self.options.max_overhead.unwrap_or(1.0) * 1e8).round() / 1e6;
        let percent = share * 100.0;
        let (step, why) = (governor.step(), if governor.level() > before { "above" } else { "well below" });
        say(&format!("tracing costs {percent:.2}% of CPU time, {why} {limit}%: from here on {}", step.name));
        Some(step.clone())
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
        self.encoded.clear();
        self.totals.add(&part, self.metadata.sample);
        self.pending.extend(part);
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
            // Without a descriptor, or while the disk is at the last one, it waits for the next interval.
            if self.durable.is_idle()
                && let Ok(files) = ring.unsynced()
            {
                self.durable.sync(files);
            }
        }
        let at = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        self.recent.push(snapshot, at, self.metadata.sample);
        // An interval's own memory is free again, in many pieces: kept, they would grow with the load.
        // SAFETY: only gives free memory back.
        unsafe { libc::malloc_trim(0) };
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

    /// Whether less is measured than asked for.
    #[must_use]
    pub const fn is_throttled(&self) -> bool {
        self.level > 0
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
}

/// What tracing cost in an interval, of all CPU time: the programs in the measured window, and this process.
fn share(snapshot: &Snapshot) -> f64 {
    let cost = &snapshot.own_cost;
    let part = |ns: u64, of: u64| if of == 0 { 0.0 } else { ns as f64 / of as f64 };
    let all = part(cost.run_ns, cost.window_ns) + part(cost.reader_ns, snapshot.duration_ns);
    all / f64::from(snapshot.cpus.max(1))
}

/// Says something to whoever reads the log.
pub fn say(text: &str) {
    eprintln!("exitpath: {text}");
}
