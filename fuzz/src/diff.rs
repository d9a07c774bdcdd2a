//! What must hold for any two sides of recordings that are compared.

use tracer::{
    diff::{Gather, Options, Run, compare},
    histogram::Histogram,
    metadata::Metadata,
    output::diff::{Format, Options as Layout, write},
    snapshot::{Series, Snapshot},
};
use tracer_common::{Abi, Path, SeriesKey, SyscallId};

/// The head of all recordings here.
const HEAD: &str = r#"{"format":"1.0","tool":"fuzz","kernel":{"release":"6.1","frame":"full","decision":"asm"},
    "plan":{"name":"final-hook","fidelity":"exact","attached":[],"blind_spots":[]},
    "precision":2,"clock":"monotonic","started_at":1.0}"#;

/// Bytes taken one by one; zeros when there are no more.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    /// Small numbers are more likely than huge ones, and all can be.
    fn number(&mut self) -> u64 {
        let shift = self.byte() % 64;
        let number = u64::from_le_bytes(std::array::from_fn(|_| self.byte()));
        number >> shift
    }
}

/// Two sides of up to six runs each.
///
/// # Panics
///
/// Where something that must hold does not: that is what fuzzing looks for.
pub fn body(bytes: &[u8]) {
    let mut from = Bytes(bytes.iter());
    let metadata: Metadata = serde_json::from_str(HEAD).expect("a head");
    let shape = from.byte();
    let side = |from: &mut Bytes, name: &str, runs: u8| -> Vec<Run> {
        (0..runs).map(|at| run(from, format!("{name}{at}"), &metadata)).collect()
    };
    let base = side(&mut from, "base", shape % 7);
    let new = side(&mut from, "new", shape / 7 % 7);
    let flags = from.byte();
    let options = Options {
        resamples: 20,
        curves: flags & 1 != 0,
        force: flags & 2 != 0,
        shuffles: (flags & 4 != 0).then_some(5),
        top: (flags & 8 != 0).then_some(1),
        hosts: flags & 16 != 0,
        ..Options::default()
    };
    let Ok(comparison) = compare(&base, &new, &options, &|_| {}) else { return };
    for format in [Format::Table, Format::Markdown, Format::Json, Format::Csv, Format::Html] {
        write(format, &comparison, &Layout::default(), &mut Vec::new()).expect("memory can be written");
    }
    let mut mail = Vec::new();
    write(Format::Lkml, &comparison, &Layout::default(), &mut mail).expect("memory can be written");
    let mail = String::from_utf8(mail).expect("ASCII");
    assert!(mail.is_ascii());
    assert!(mail.lines().all(|line| line.len() <= 75), "{mail}");
}

fn run(from: &mut Bytes, name: String, metadata: &Metadata) -> Run {
    let mut gather = Gather::new(name, metadata.clone());
    let mut start_ns = 0_u64;
    for _ in 0..from.byte() % 5 {
        let mut snapshot = Snapshot { start_ns, duration_ns: from.number(), cpus: 1, ..Snapshot::default() };
        start_ns = start_ns.saturating_add(snapshot.duration_ns);
        for _ in 0..from.byte() % 4 {
            let one = series(from);
            let key = key(from);
            if from.byte().is_multiple_of(16) {
                snapshot.moved.insert(key, one);
            } else {
                snapshot.series.insert(key, one);
            }
        }
        if from.byte() & 1 != 0 {
            snapshot.turnaround.insert(Path::ALL[usize::from(from.byte()) % Path::COUNT], histogram(from));
        }
        snapshot.losses[0] = from.number();
        gather.take(&snapshot);
    }
    gather.finish(Vec::new())
}

fn key(from: &mut Bytes) -> SeriesKey {
    let abi = Abi::ALL[usize::from(from.byte()) % Abi::ALL.len()];
    let path = Path::ALL[usize::from(from.byte()) % Path::COUNT];
    SeriesKey::new(SyscallId { abi, nr: u16::from(from.byte() % 8) }, path)
}

fn series(from: &mut Bytes) -> Series {
    let mut one = Series { returns: from.number(), latency: histogram(from), ..Series::default() };
    if from.byte() & 1 != 0 {
        one.work = histogram(from);
    }
    one.errors.insert(from.byte() % 130 + 1, from.number());
    one
}

/// Cells, and exact numbers that need not fit them.
fn histogram(from: &mut Bytes) -> Histogram {
    let mut one = Histogram::default();
    for _ in 0..from.byte() % 6 {
        let cell = from.number() as usize % (one.precision.cells() + 1);
        let count = from.number();
        if count > 0 {
            one.cells.insert(cell as u16, count);
        }
    }
    (one.count, one.sum, one.min, one.max) = (from.number(), from.number(), from.number(), from.number());
    if from.byte() & 1 == 0 {
        one.count = one.cells.values().fold(0, |sum, count| sum.saturating_add(*count));
    }
    one
}
