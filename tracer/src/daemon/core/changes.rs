//! Other options, another source, none for a while: what changes under way loses no count.

use std::time::Instant;

use super::Core;
use crate::{
    daemon::{
        governor::Governor,
        options::Options,
        source::{Paused, Source},
    },
    metadata::Metadata,
    snapshot::Snapshot,
};

impl Core {
    /// The governor's step could not be taken.
    pub fn stay(&mut self) {
        if let Some(governor) = &mut self.governor {
            governor.stay(self.level);
        }
    }

    /// Other options; what is traced and where it is kept stays.
    pub fn reconfigure(&mut self, options: Options) {
        self.encoded.clear();
        self.totals.bound(options.bounds);
        if options.max_overhead != self.options.max_overhead || !options.tracing.same(&self.options.tracing) {
            self.governor = options.max_overhead.map(|limit| Governor::new(limit, &options.tracing));
            self.level = 0;
        }
        if let Some(ring) = &mut self.ring {
            ring.limit(options.limits);
        }
        if options.interval != self.options.interval {
            self.next = (Instant::now() + options.interval).min(self.next);
            self.schedule();
        }
        self.options = options;
    }

    /// Another source takes over. It has been attached while the old one still counts, which is read a last time, and
    /// the new one right after it, from when on that one counts. Between the two readings there is a gap, of
    /// milliseconds, which is counted as time.
    pub fn replace(&mut self, source: Box<dyn Source>, metadata: Metadata) {
        let mut old = std::mem::replace(&mut self.source, source);
        let paused = self.paused.take();
        let since = Instant::now();
        let last = old.interval();
        if paused.is_none() {
            // What both saw is the old one's.
            drop(self.source.interval());
        }
        let gap = paused.unwrap_or(since).elapsed();
        // What it sees while it is taken out, the new one counts.
        drop(old.stop());
        self.numbers.gap_ns = self.numbers.gap_ns.saturating_add(gap.as_nanos() as u64);
        self.begin_anew(last);
        self.metadata = metadata;
    }

    /// Nothing is attached from here on.
    pub fn pause(&mut self) {
        let old = std::mem::replace(&mut self.source, Box::new(Paused));
        let since = Instant::now();
        let last = old.stop();
        self.paused.get_or_insert(since);
        self.begin_anew(last);
    }

    fn begin_anew(&mut self, last: Snapshot) {
        self.numbers.reattached += 1;
        self.level = self.governor.as_ref().map_or(0, Governor::level);
        self.take(last);
        self.keep();
        // What is measured differently is not added up.
        self.recent.restart();
        self.next = Instant::now() + self.options.interval;
        self.schedule();
    }
}
