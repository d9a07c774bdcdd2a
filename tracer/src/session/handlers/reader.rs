//! Reads the old object's maps into snapshots: by look-ups, of what is in use.

use std::{collections::BTreeMap, io, time::Instant};

use aya::{
    Ebpf,
    maps::{Array, MapData, MapError},
};
use tracer_common::{
    Loss, Path, SeriesKey, Untimed,
    handlers::{Diversion, State, Thread},
    layout::ROW_USED,
    old_maps::{OLD_CELLS, OldCounters, OldRow, THREADS, TURNAROUNDS},
};

use crate::{
    histogram::Precision,
    reader::{
        InFlightCall, LATE_NS, Slot, put,
        rows::{Gain, Seen},
    },
    session::{MapLayout, online_cpus},
    snapshot::Snapshot,
};

/// What was read last.
pub struct Reader {
    layout: MapLayout,
    rows: Vec<Seen<OLD_CELLS>>,
    turnaround: Vec<Seen<OLD_CELLS>>,
    losses: [u64; Loss::COUNT],
    untimed: [u64; Untimed::COUNT],
    diversions: [u64; Diversion::COUNT],
    started: Instant,
    last: Instant,
}

fn array<'a, T: aya::Pod>(ebpf: &'a Ebpf, name: &str) -> Result<Array<&'a MapData, T>, MapError> {
    Array::try_from(ebpf.map(name).ok_or(MapError::ElementNotFound)?)
}

impl Reader {
    /// Nothing read yet.
    #[must_use]
    pub fn new(layout: MapLayout) -> Self {
        let now = Instant::now();
        let seen = |count: usize| (0..count).map(|_| Seen::NEVER).collect();
        Self {
            layout,
            rows: seen((layout.rows * layout.cpus) as usize),
            turnaround: seen(layout.cpus as usize * TURNAROUNDS),
            losses: [0; Loss::COUNT],
            untimed: [0; Untimed::COUNT],
            diversions: [0; Diversion::COUNT],
            started: now,
            last: now,
        }
    }

    /// Memory of all maps, in bytes.
    #[must_use]
    pub const fn map_bytes(&self) -> usize {
        let MapLayout { cpus, rows, .. } = self.layout;
        size_of::<Thread>() * THREADS
            + cpus as usize
                * (size_of::<OldRow>() * (rows as usize + TURNAROUNDS)
                    + size_of::<OldCounters>()
                    + 8 * SeriesKey::COUNT)
    }

    /// Time begins. Attaching hundreds of probes takes a while, in which some calls were seen and others not: that
    /// is read and dropped.
    pub fn start(&mut self, ebpf: &Ebpf, missed: u64) -> io::Result<()> {
        self.read(ebpf, missed)?;
        self.started = Instant::now();
        self.last = self.started;
        Ok(())
    }

    /// What was counted since the last reading. `missed` is the kernel's count of probes that found no room so far.
    pub fn read(&mut self, ebpf: &Ebpf, missed: u64) -> io::Result<Snapshot> {
        let now = Instant::now();
        let start = self.last;
        let mut snapshot = Snapshot {
            start_ns: start.saturating_duration_since(self.started).as_nanos() as u64,
            duration_ns: (now - start).as_nanos() as u64,
            cpus: online_cpus(),
            ..Snapshot::default()
        };
        self.last = now;
        let counters = self.counters(ebpf).map_err(io::Error::other)?;
        let gains = self.gains(ebpf, &counters).map_err(io::Error::other)?;
        self.sums(&mut snapshot, &counters, missed);
        for (slot, gain) in gains {
            put(&mut snapshot, self.layout.precision, slot, gain);
        }
        Ok(snapshot)
    }

    fn counters(&self, ebpf: &Ebpf) -> Result<Vec<OldCounters>, MapError> {
        let map: Array<_, OldCounters> = array(ebpf, "COUNTERS")?;
        (0..self.layout.cpus).map(|cpu| map.get(&cpu, 0)).collect()
    }

    /// What every series gained on all CPUs.
    fn gains(&mut self, ebpf: &Ebpf, counters: &[OldCounters]) -> Result<BTreeMap<Slot, Gain>, MapError> {
        let coarse = self.layout.precision == Precision::One;
        let mut gains: BTreeMap<Slot, Gain> = BTreeMap::new();
        let mut add = |slot: Slot, gain: Option<Gain>| {
            if let Some(gain) = gain {
                let gain = if coarse { gain.coarsened() } else { gain };
                gains.entry(slot).or_insert_with(Gain::none).add(&gain);
            }
        };
        let turnaround: Array<_, OldRow> = array(ebpf, "TURNAROUND")?;
        let rows: Array<_, OldRow> = array(ebpf, "ROWS")?;
        for (cpu, counters) in (0..self.layout.cpus).zip(counters) {
            for (index, path) in Path::ALL.into_iter().enumerate() {
                let at = cpu as usize * TURNAROUNDS + index;
                let row = Box::new(turnaround.get(&(at as u32), 0)?);
                add(Slot::Turnaround(path), self.turnaround[at].gain_of(&row));
            }
            for row in 0..counters.series.min(self.layout.rows) {
                let at = cpu * self.layout.rows + row;
                let row = Box::new(rows.get(&at, 0)?);
                if row.key & ROW_USED != 0 {
                    let slot = Slot::Series(SeriesKey((row.key & 0x7fff) as u16));
                    add(slot, self.rows[at as usize].gain_of(&row));
                }
            }
        }
        Ok(gains)
    }

    fn sums(&mut self, snapshot: &mut Snapshot, counters: &[OldCounters], missed: u64) {
        let mut losses: [u64; Loss::COUNT] = sum(counters, |one| &one.losses);
        let untimed: [u64; Untimed::COUNT] = sum(counters, |one| &one.untimed);
        let diversions: [u64; Diversion::COUNT] = sum(counters, |one| &one.diversions);
        losses[Loss::ProbeMissed as usize] = missed;
        losses[Loss::ReaderLate as usize] =
            self.losses[Loss::ReaderLate as usize] + u64::from(snapshot.duration_ns > LATE_NS);
        snapshot.losses = gained(&losses, &self.losses);
        snapshot.untimed = gained(&untimed, &self.untimed);
        snapshot.diversions = gained(&diversions, &self.diversions);
        (self.losses, self.untimed, self.diversions) = (losses, untimed, diversions);
    }

    /// Threads inside calls, the longest first.
    pub fn in_flight(&self, ebpf: &Ebpf) -> io::Result<Vec<InFlightCall>> {
        let records: Array<_, Thread> = array(ebpf, "RECORDS").map_err(io::Error::other)?;
        let now = crate::reader::monotonic_ns();
        let mut calls = Vec::new();
        for slot in 0..THREADS as u32 {
            let thread = records.get(&slot, 0).map_err(io::Error::other)?;
            if thread.tid != 0 && thread.state.is_in() && !thread.state.any(State::REJECTED) {
                let age_ns = (thread.t_enter != 0).then(|| now.saturating_sub(thread.t_enter));
                calls.push(InFlightCall { tid: thread.tid, call: thread.call.id(), age_ns });
            }
        }
        calls.sort_by_key(|call| (std::cmp::Reverse(call.age_ns), call.tid));
        Ok(calls)
    }
}

fn sum<const N: usize>(all: &[OldCounters], part: impl Fn(&OldCounters) -> &[u64; 8]) -> [u64; N] {
    std::array::from_fn(|kind| all.iter().map(|one| part(one)[kind]).sum())
}

fn gained<const N: usize>(now: &[u64; N], before: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|kind| now[kind].saturating_sub(before[kind]))
}
