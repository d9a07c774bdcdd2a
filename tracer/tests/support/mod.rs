//! Recordings for the process tests.

use std::{fs, path::Path};

use tracer::{
    histogram::Histogram,
    metadata::{KernelInfo, MachineInfo, Metadata, PlanInfo},
    recording::{Compression, RecordingWriter},
    snapshot::{Series, Snapshot},
};
use tracer_common::{Abi, Path as ExitPath, SeriesKey, SyscallId};

/// A head like a real one.
pub fn metadata() -> Metadata {
    Metadata {
        format: "1.0".to_owned(),
        tool: "exitpath test".to_owned(),
        kernel: KernelInfo {
            release: "6.18.0-test".to_owned(),
            frame: "full".to_owned(),
            decision: "c".to_owned(),
            ..KernelInfo::default()
        },
        machine: MachineInfo::default(),
        plan: PlanInfo {
            name: "tracepoints".to_owned(),
            fidelity: "amended".to_owned(),
            attached: vec!["enter@sys_enter".to_owned()],
            blind_spots: vec!["a \"quoted\" spot".to_owned()],
        },
        precision: 2,
        clock: "monotonic".to_owned(),
        started_at: 1_790_000_000.5,
        filters: Vec::new(),
        sample: 1,
        counts_only: false,
        command: Vec::new(),
        ..Metadata::default()
    }
}

/// Interval number `number`, with latencies from the bottom of the range to above it.
pub fn interval(number: u64) -> Snapshot {
    let mut snapshot = Snapshot {
        start_ns: number * 1_000_000_000,
        duration_ns: 1_000_000_000,
        cpus: 2,
        ..Snapshot::default()
    };
    let calls = [(110, ExitPath::Sysret, 85), (62, ExitPath::Iret, 2_000), (202, ExitPath::Sysret, 3 << 33)];
    for (nr, path, base) in calls {
        let mut latency = Histogram::default();
        for step in 0..300_u64 {
            latency.record((base + step * step * number) * (1 + step % 7));
        }
        latency.record(0);
        let series =
            Series { returns: latency.count + number, errors: [(2, 5)].into(), latency, ..Series::default() };
        snapshot.series.insert(SeriesKey::new(SyscallId { abi: Abi::X86_64, nr }, path), series);
    }
    let turnaround = snapshot.series.values().next().map(|one| one.latency.clone()).unwrap_or_default();
    snapshot.turnaround.insert(ExitPath::Sysret, turnaround);
    snapshot
}

/// Writes a finished recording of some intervals.
pub fn record(path: &Path, metadata: &Metadata, intervals: u64) {
    let file = fs::File::create(path).unwrap();
    let mut writer = RecordingWriter::new(file, Compression::of(path), metadata).unwrap();
    for number in 0..intervals {
        writer.interval(&interval(number)).unwrap();
    }
    writer.finish().unwrap();
}
