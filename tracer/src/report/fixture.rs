//! A literal result that the tests of report, outputs and recordings share.

use tracer_common::{Abi, Cause, Loss, NR_INVALID, Path, Reason, SeriesKey, SyscallId, Untimed};

use super::{InFlight, Report, View};
use crate::{
    histogram::{Histogram, Precision},
    metadata::{Conditions, KernelInfo, MachineInfo, Metadata, PlanInfo, Run, Side},
    snapshot::{OwnCost, Series, Snapshot},
};

/// The key of a call by a path.
pub(crate) fn key(abi: Abi, nr: u16, path: Path) -> SeriesKey {
    SeriesKey::new(SyscallId { abi, nr }, path)
}

/// A distribution of (value in ns, how often).
pub(crate) fn histogram(values: &[(u64, u64)]) -> Histogram {
    let mut histogram = Histogram::new(Precision::Two);
    for &(value, count) in values {
        let mut one = Histogram::new(Precision::Two);
        one.cells.insert(Precision::Two.index(value) as u16, count);
        (one.count, one.sum, one.min, one.max) = (count, value * count, value, value);
        histogram.merge(&one);
    }
    histogram
}

fn series(returns: u64, values: &[(u64, u64)]) -> Series {
    Series { returns, latency: histogram(values), ..Series::default() }
}

pub(crate) fn metadata() -> Metadata {
    Metadata {
        format: "1.0".to_owned(),
        tool: "exitpath 0.1.0".to_owned(),
        kernel: KernelInfo {
            release: "6.18.0-test".to_owned(),
            version: "#1 SMP PREEMPT_DYNAMIC".to_owned(),
            frame: "full".to_owned(),
            decision: "c".to_owned(),
            pti: true,
            config_digest: Some("c0ffee".to_owned()),
            config: [("HZ", "250"), ("X86_FRED", "n")]
                .map(|(name, is)| (name.to_owned(), is.to_owned()))
                .into(),
            compiler: Some("gcc 14".to_owned()),
            preemption: Some("voluntary".to_owned()),
            command_line: "quiet, \"loud\"".to_owned(),
            ..KernelInfo::default()
        },
        machine: MachineInfo {
            cpu_model: "Model 9".to_owned(),
            microcode: "0x1".to_owned(),
            cpus: 2,
            governor: None,
            smt: Some("off".to_owned()),
            mitigations: [("meltdown".to_owned(), "Mitigation: PTI".to_owned())].into(),
            turbo: Some("on".to_owned()),
            hypervisor: Some("none".to_owned()),
            clocksource: Some("tsc".to_owned()),
            host_id: "00ff".to_owned(),
        },
        conditions: Conditions {
            load: Some(0.25),
            running: Some(1),
            tracers: Some(vec!["raw_tracepoint sys_enter (other)".to_owned()]),
            audit: Some("off".to_owned()),
        },
        run: Some(Run {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            number: 3,
            side: Some(Side::B),
            warmup: 1,
            order: 6,
        }),
        plan: PlanInfo {
            name: "tracepoints".to_owned(),
            fidelity: "amended".to_owned(),
            attached: vec!["enter@sys_enter".to_owned(), "exit@sys_exit".to_owned()],
            blind_spots: vec!["a second signal in one return".to_owned()],
        },
        precision: 2,
        clock: "monotonic".to_owned(),
        started_at: 1_790_000_000.25,
        filters: Vec::new(),
        sample: 1,
        counts_only: false,
        divert: false,
        command: Vec::new(),
    }
}

pub(crate) fn snapshot() -> Snapshot {
    let mut kill = series(500, &[(2_000, 400), (70_000, 100)]);
    kill.reasons[Reason::CxNeIp as usize] = 500;
    kill.causes[Cause::Signal as usize] = 500;
    kill.work = histogram(&[(1_500, 490), (9_000, 10)]);
    let mut clone = series(200, &[]);
    clone.reasons[Reason::ForkChild as usize] = 200;
    let mut openat = series(1_500, &[(900, 500), (3_000, 999), (2_500_000, 1)]);
    openat.errors = [(2, 1_000), (139, 3)].into();
    let mut futex = series(3, &[(1_250_000_000, 2), (200_000_000_000, 1)]);
    futex.errors = [(11, 1), (134, 1)].into();
    futex.ptraced = 2;
    futex.reasons[Reason::CxNeIp as usize] = 1;
    futex.reasons[Reason::R11NeFlags as usize] = 2;
    futex.causes[Cause::Restart as usize] = 1;
    futex.causes[Cause::Ptrace as usize] = 1;
    let mut compat = series(300, &[(300, 300)]);
    compat.reasons[Reason::Int80 as usize] = 300;
    let mut losses = [0; Loss::COUNT];
    losses[Loss::TidCollision as usize] = 4;
    let mut untimed = [0; Untimed::COUNT];
    untimed[Untimed::ForkChild as usize] = 200;
    untimed[Untimed::InFlight as usize] = 1;
    Snapshot {
        start_ns: 0,
        duration_ns: 10_000_000_000,
        cpus: 2,
        series: [
            (
                key(Abi::X86_64, 110, Path::Sysret),
                series(100_001, &[(85, 90_000), (92, 9_990), (41_000, 10)]),
            ),
            (key(Abi::X86_64, 62, Path::Iret), kill),
            (key(Abi::X86_64, 62, Path::Sysret), series(20, &[(1_000, 20)])),
            (key(Abi::X86_64, 56, Path::Iret), clone),
            (key(Abi::X86_64, 257, Path::Sysret), openat),
            (key(Abi::X86_64, 202, Path::Iret), futex),
            (key(Abi::X86_64, 412, Path::Sysret), series(1, &[(0, 1)])),
            (key(Abi::X86_64, NR_INVALID, Path::Sysret), series(2, &[(40, 2)])),
            (key(Abi::I386, 64, Path::Iret), compat),
        ]
        .into(),
        moved: std::collections::BTreeMap::new(),
        turnaround: [
            (Path::Sysret, histogram(&[(60, 90_000), (1_000, 10_000)])),
            (Path::Iret, histogram(&[(400, 800)])),
        ]
        .into(),
        losses,
        untimed,
        diversions: Default::default(),
        own_cost: OwnCost {
            runs: 20_000,
            run_ns: 1_000_000,
            window_ns: 100_000_000,
            reader_ns: 3_200_000,
            map_bytes: 12_200_000,
            possible_cpus: 2,
        },
        missed: [("enter_tp".to_owned(), 2)].into(),
    }
}

pub(crate) fn report(view: &View) -> Report {
    Report::new(&metadata(), &snapshot(), view)
}

pub(crate) fn in_flight() -> Vec<InFlight> {
    let futex = SyscallId { abi: Abi::X86_64, nr: 202 };
    let read = SyscallId { abi: Abi::X86_64, nr: 0 };
    vec![
        InFlight { tid: 41, comm: Some("reader".to_owned()), call: read, age_ns: Some(2_000) },
        InFlight { tid: 42, comm: None, call: futex, age_ns: Some(12_300_000_000) },
        InFlight { tid: 43, comm: None, call: read, age_ns: None },
    ]
}
