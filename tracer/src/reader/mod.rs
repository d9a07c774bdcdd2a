//! Reads the maps into snapshots: only the series that changed, and without system calls.

mod in_flight;
mod interval;
mod mapping;
pub(crate) mod rows;

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
    time::Instant,
};

use aya::{Ebpf, maps::Map};
use tracer_common::{
    Abi, CELLS_1, CELLS_2, CpuState, Loss, Path, SeriesKey, SyscallId, TaskRecord, Untimed,
    layout::{RECORDS, ROW_USED, SeriesRow2},
};

use crate::{
    histogram::Precision,
    session::{MapLayout, online_cpus},
    snapshot::{OwnCost, Snapshot},
};
pub use in_flight::InFlightCall;
pub(crate) use in_flight::monotonic_ns;
pub(crate) use interval::{Slot, put};
use mapping::Mapping;
use rows::{Gain, Rows, Seen};

/// A reading later than this after the one before is counted: at some 70 million events a second a 32-bit cell
/// may have wrapped.
pub(crate) const LATE_NS: u64 = 60_000_000_000;

/// The maps, and what was read last.
pub struct Reader {
    cpus: Mapping<CpuState>,
    records: OwnedFd,
    turnaround: Vec<Seen<{ CELLS_2 + 1 }>>,
    common: Vec<[u64; 1024]>,
    rows: AnyRows,
    layout: MapLayout,
    losses: [u64; Loss::COUNT],
    untimed: [u64; Untimed::COUNT],
    started: Instant,
    last: Instant,
}

enum AnyRows {
    One(Rows<{ CELLS_1 + 1 }>),
    Two(Rows<{ CELLS_2 + 1 }>),
}

impl Reader {
    /// Maps the memory of a loaded object.
    pub fn new(ebpf: &Ebpf, layout: MapLayout) -> io::Result<Self> {
        let rows = layout.all_rows() as usize;
        let rows = match layout.precision {
            Precision::One => AnyRows::One(Rows::new(map(ebpf, "ROWS_1", rows)?)),
            Precision::Two => AnyRows::Two(Rows::new(map(ebpf, "ROWS_2", rows)?)),
        };
        let now = Instant::now();
        Ok(Self {
            cpus: map(ebpf, "CPUS", layout.cpus as usize)?,
            records: records(ebpf)?,
            turnaround: (0..layout.cpus as usize * Path::COUNT).map(|_| Seen::NEVER).collect(),
            rows,
            layout,
            common: vec![[0; 1024]; layout.cpus as usize],
            losses: [0; Loss::COUNT],
            untimed: [0; Untimed::COUNT],
            started: now,
            last: now,
        })
    }

    /// Memory of all maps, in bytes.
    #[must_use]
    pub const fn map_bytes(&self) -> usize {
        let rows = match &self.rows {
            AnyRows::One(_) => size_of::<tracer_common::layout::SeriesRow1>(),
            AnyRows::Two(_) => size_of::<SeriesRow2>(),
        };
        self.cpus.bytes() + size_of::<TaskRecord>() * RECORDS + rows * self.layout.all_rows() as usize
    }

    /// Time begins: called right after attaching.
    pub fn start(&mut self) {
        self.started = Instant::now();
        self.last = self.started;
    }

    /// What was counted since the last reading. `recursion` is the kernel's count of skipped runs so far.
    pub fn read(&mut self, recursion: u64) -> Snapshot {
        let now = Instant::now();
        let start = self.last;
        let mut snapshot = Snapshot {
            start_ns: (start - self.started).as_nanos() as u64,
            duration_ns: (now - start).as_nanos() as u64,
            cpus: online_cpus(),
            own_cost: OwnCost::default(),
            ..Snapshot::default()
        };
        self.last = now;
        self.count_losses(&mut snapshot, recursion);
        for (slot, gain) in self.gains() {
            put(&mut snapshot, self.layout.precision, slot, gain);
        }
        snapshot
    }

    /// What every series gained on all CPUs.
    fn gains(&mut self) -> BTreeMap<Slot, Gain> {
        let mut gains: BTreeMap<Slot, Gain> = BTreeMap::new();
        for cpu in 0..self.layout.cpus {
            let state = self.cpus.at(cpu as usize);
            for (index, path) in Path::ALL.into_iter().enumerate() {
                // SAFETY: `at` checks the bounds of our own mapping.
                let gain = unsafe {
                    let row = (&raw const (*state).turnaround).cast::<SeriesRow2>().add(index);
                    self.turnaround[cpu as usize * Path::COUNT + index].gain(row)
                };
                if let Some(gain) = gain {
                    let gain = if self.layout.precision == Precision::One { gain.coarsened() } else { gain };
                    gains.entry(Slot::Turnaround(path)).or_insert_with(Gain::none).add(&gain);
                }
            }
            // SAFETY: as above.
            let common = unsafe { std::ptr::read_volatile(&raw const (*state).common) };
            for (nr, (now, before)) in common.iter().zip(&mut self.common[cpu as usize]).enumerate() {
                let count = now.wrapping_sub(std::mem::replace(before, *now)) as i64;
                if count != 0 {
                    let call = SyscallId { abi: Abi::X86_64, nr: nr as u16 };
                    let slot = Slot::Series(SeriesKey::new(call, Path::Sysret));
                    gains.entry(slot).or_insert_with(Gain::none).untimed += count;
                }
            }
            // SAFETY: as above.
            let used = unsafe { std::ptr::read_volatile(&raw const (*state).series) };
            for row in (0..used.min(self.layout.rows)).map(|row| (cpu * self.layout.rows + row) as usize) {
                let key = self.rows.key(row);
                if key & ROW_USED == 0 {
                    continue;
                }
                let key = SeriesKey((key & 0x7fff) as u16);
                if let Some(gain) = self.rows.gain(row) {
                    gains.entry(Slot::Series(key)).or_insert_with(Gain::none).add(&gain);
                }
                let work = row + (self.layout.rows * self.layout.cpus) as usize;
                if self.layout.work
                    && let Some(gain) = self.rows.gain(work)
                {
                    gains.entry(Slot::Work(key)).or_insert_with(Gain::none).add(&gain);
                }
            }
        }
        gains
    }

    fn count_losses(&mut self, snapshot: &mut Snapshot, recursion: u64) {
        let mut losses = [0; Loss::COUNT];
        let mut untimed = [0; Untimed::COUNT];
        for cpu in 0..self.layout.cpus as usize {
            let state = self.cpus.at(cpu);
            // SAFETY: `at` checks the bounds; plain counters.
            let (one, other) = unsafe {
                (
                    std::ptr::read_volatile(&raw const (*state).losses),
                    std::ptr::read_volatile(&raw const (*state).untimed),
                )
            };
            for (to, from) in losses.iter_mut().zip(one) {
                *to += from;
            }
            for (to, from) in untimed.iter_mut().zip(other) {
                *to += from;
            }
        }
        losses[Loss::Recursion as usize] = recursion;
        losses[Loss::ReaderLate as usize] =
            self.losses[Loss::ReaderLate as usize] + u64::from(snapshot.duration_ns > LATE_NS);
        snapshot.losses = std::array::from_fn(|kind| losses[kind].saturating_sub(self.losses[kind]));
        snapshot.untimed = std::array::from_fn(|kind| untimed[kind].saturating_sub(self.untimed[kind]));
        (self.losses, self.untimed) = (losses, untimed);
    }
}

impl AnyRows {
    fn key(&self, row: usize) -> u32 {
        match self {
            Self::One(rows) => rows.key(row),
            Self::Two(rows) => rows.key(row),
        }
    }

    fn gain(&mut self, row: usize) -> Option<Gain> {
        match self {
            Self::One(rows) => rows.gain(row),
            Self::Two(rows) => rows.gain(row),
        }
    }
}

fn map<T: aya::Pod>(ebpf: &Ebpf, name: &str, length: usize) -> io::Result<Mapping<T>> {
    match ebpf.map(name) {
        Some(Map::Array(data)) => Mapping::new(data.fd().as_fd(), length),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, format!("no array {name} in the object"))),
    }
}

/// The records lie in `.bss`, which cannot be mapped: they are copied when asked for.
fn records(ebpf: &Ebpf) -> io::Result<OwnedFd> {
    match ebpf.map(".bss") {
        Some(Map::Array(data)) => {
            let size = data.info().map(|info| info.value_size()).map_err(io::Error::other)?;
            if size as usize != size_of::<TaskRecord>() * RECORDS {
                return Err(io::Error::other("the object's .bss holds more than the records"));
            }
            data.fd().as_fd().try_clone_to_owned()
        }
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no .bss in the object")),
    }
}
