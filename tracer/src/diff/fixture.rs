//! A literal comparison that the tests of outputs share: of everything that can be said, something.

use tracer_common::{Abi, Path};

use crate::{
    diff::{
        Advice, CallShift, Change, Comparison, CurvePoint, Estimate, FalsePositives, Level, Method, Metric,
        PathMix, Row, Side, Subject, TotalShift, Unit, Verdict,
    },
    environment::Difference,
    metadata::{Conditions, KernelInfo, MachineInfo, Metadata, PlanInfo},
    report::CallName,
};

/// A call's name.
pub(crate) fn call(abi: Abi, nr: i32, name: &str) -> CallName {
    CallName { abi, nr, name: name.to_owned() }
}

fn estimate(value: f64, low: f64, high: f64) -> Estimate {
    Estimate { value, low, high }
}

/// A change with an interval of `spread` ns on either side.
fn change(metric: Metric, base: f64, new: f64, spread: f64, verdict: Verdict) -> Change {
    let moved = matches!(verdict, Verdict::Slower | Verdict::Faster);
    let difference = new - base;
    let resolution =
        (metric.is_latency() && metric != Metric::Mean).then(|| (base / 128.0).log2().ceil().exp2().max(1.0));
    Change {
        metric,
        base,
        new,
        difference: estimate(difference, difference - spread, difference + spread),
        ratio: estimate(new / base, (new - spread) / base, (new + spread) / base),
        p: Some(if moved { 0.0004 } else { 0.31 }),
        q: Some(if moved { 0.0021 } else { 0.42 }),
        resolution,
        below_resolution: resolution.is_some_and(|width| difference.abs() < width),
        verdict,
    }
}

fn level(runs: usize, returns: u64, errors: u64) -> Level {
    Level { runs, returns, timed: returns - returns / 100, errors }
}

fn row(subject: Subject, levels: [Level; 2], verdict: Verdict, because: &str, changes: Vec<Change>) -> Row {
    let [base, new] = levels;
    Row { subject, base, new, changes, verdict, because: because.to_owned(), curve: Vec::new() }
}

/// Rate, errors and all latencies around `base` ns, `factor` times as long on the new side.
fn changes(base: f64, factor: f64, verdict: Verdict) -> Vec<Change> {
    let times = [(Metric::Mean, 1.06), (Metric::P50, 1.0), (Metric::P90, 1.4), (Metric::P99, 3.0)];
    let mut all = vec![
        change(Metric::Rate, 120_000.0, 119_000.0, 900.0, Verdict::Equivalent),
        change(Metric::Errors, 0.012, 0.0121, 0.0009, Verdict::Inconclusive),
    ];
    all.extend(times.map(|(metric, scale)| {
        let value = base * scale;
        change(metric, value, value * factor, value * 0.004 * scale, verdict)
    }));
    all.push(change(Metric::P999, base * 40.0, base * 40.0 * factor, base * 6.0, Verdict::Inconclusive));
    all
}

fn curve(base: f64, factor: f64) -> Vec<CurvePoint> {
    let step = |quantile: f64| base * (1.0 + 0.2 * (1.0 / (1.0 - quantile)).ln().powi(2));
    (1..=40)
        .map(|point| if point <= 36 { f64::from(point) / 40.0 } else { 1.0 - 0.1_f64.powi(point - 36) / 2.0 })
        .map(|quantile| {
            let (base, new) = (step(quantile), step(quantile) * factor);
            let width = (base * 0.01 * (1.0 + quantile)).max(0.5);
            CurvePoint {
                quantile,
                base,
                new,
                shift: estimate(new - base, new - base - width, new - base + width),
            }
        })
        .collect()
}

fn head(release: &str, command_line: &str, governor: &str) -> Metadata {
    Metadata {
        format: "1.0".to_owned(),
        tool: "exitpath 0.1.0".to_owned(),
        kernel: KernelInfo {
            release: release.to_owned(),
            version: "#1 SMP PREEMPT_DYNAMIC Debian".to_owned(),
            frame: "full".to_owned(),
            decision: "c".to_owned(),
            command_line: command_line.to_owned(),
            ..KernelInfo::default()
        },
        machine: MachineInfo {
            cpu_model: "Model 9 CPU @ 2.00GHz".to_owned(),
            microcode: "0x1".to_owned(),
            cpus: 8,
            governor: Some(governor.to_owned()),
            smt: Some("off".to_owned()),
            mitigations: [("meltdown".to_owned(), "Mitigation: PTI".to_owned())].into(),
            host_id: "00ff".to_owned(),
            ..MachineInfo::default()
        },
        plan: PlanInfo {
            name: "final-hook".to_owned(),
            fidelity: "exact".to_owned(),
            attached: vec!["enter@sys_enter".to_owned()],
            blind_spots: Vec::new(),
        },
        precision: 2,
        clock: "monotonic".to_owned(),
        started_at: 1_790_000_000.0,
        filters: Vec::new(),
        sample: 1,
        counts_only: false,
        divert: false,
        command: vec!["make".to_owned(), "-j8".to_owned()],
        conditions: Conditions::default(),
        run: None,
    }
}

fn side(label: &str, metadata: Metadata, loss: &[(&str, u64)]) -> Side {
    Side {
        label: label.to_owned(),
        metadata,
        files: (1..=10).map(|run| format!("{label}/run-{run:02}.hlog.zst")).collect(),
        runs: 10,
        intervals: 600,
        duration_ns: 600_000_000_000,
        returns: 128_345_678,
        loss: loss.iter().map(|&(name, count)| (name.to_owned(), count)).collect(),
    }
}

fn difference(what: &str, base: &str, new: &str) -> Difference {
    Difference { what: what.to_owned(), base: base.to_owned(), new: new.to_owned() }
}

fn service() -> Vec<Row> {
    use Verdict::{Equivalent, Faster, Inconclusive, Slower};
    let native = |nr, name, path| Subject::Series(call(Abi::X86_64, nr, name), path);
    let compat = |nr, name, path| Subject::Series(call(Abi::I386, nr, name), path);
    let usual = [level(10, 1_234_567, 0), level(10, 1_200_345, 0)];
    let mut rows = vec![
        row(native(110, "getppid", Path::Sysret), usual, Slower, "", changes(85.0, 1.0847, Slower)),
        row(native(0, "read", Path::Sysret), usual, Equivalent, "", changes(310.0, 1.0002, Equivalent)),
        row(
            native(62, "kill", Path::Sysret),
            [level(10, 500_000, 9), level(10, 200_000, 4)],
            Faster,
            "",
            changes(2_000.0, 0.95, Faster),
        ),
        row(
            native(62, "kill", Path::Iret),
            [level(10, 500_000, 0), level(10, 800_000, 0)],
            Faster,
            "",
            changes(6_000.0, 0.95, Faster),
        ),
        row(
            compat(64, "getppid", Path::Iret),
            [level(10, 9_009, 0), level(10, 9_010, 0)],
            Inconclusive,
            "p50 faster, p99 slower",
            vec![
                change(Metric::P50, 120.0, 110.0, 2.0, Faster),
                change(Metric::P99, 900.0, 1_400.0, 90.0, Slower),
            ],
        ),
        row(
            compat(3, "read", Path::Sysretl),
            [level(0, 0, 0), level(10, 4_200, 0)],
            Inconclusive,
            "only in new",
            Vec::new(),
        ),
        row(
            native(424, "pidfd_send_signal", Path::SysretFast),
            [level(10, 70_000, 69_000), level(10, 70_100, 69_100)],
            Inconclusive,
            "",
            vec![
                change(Metric::Errors, 0.985, 0.986, 0.002, Inconclusive),
                change(Metric::Mean, 1_250_000.0, 1_410_000.0, 260_000.0, Inconclusive),
                change(Metric::P50, 1_100_000.0, 1_100_000.0, 200_000.0, Inconclusive),
            ],
        ),
    ];
    for (row, (base, factor)) in rows.iter_mut().zip([(85.0, 1.0847), (310.0, 1.0002), (2_000.0, 0.95)]) {
        row.curve = curve(base, factor);
    }
    rows
}

fn mix() -> Vec<PathMix> {
    vec![
        PathMix { path: Path::Sysret, base: 0.93, new: 0.90, difference: estimate(-0.03, -0.033, -0.027) },
        PathMix { path: Path::SysretFast, base: 0.01, new: 0.01, difference: estimate(0.0, -0.001, 0.001) },
        PathMix { path: Path::Iret, base: 0.05, new: 0.075, difference: estimate(0.025, 0.021, 0.029) },
        PathMix { path: Path::Sysretl, base: 0.01, new: 0.015, difference: estimate(0.005, 0.004, 0.006) },
    ]
}

/// The whole of it: 4 paths, 32-bit calls, Simpson's paradox, one side only, below resolution, forced.
pub(crate) fn comparison() -> Comparison {
    use Verdict::{Equivalent, Inconclusive, Slower};
    let all = [level(10, 9_000_000, 120), level(10, 9_100_000, 130)];
    let turnaround = [
        (Metric::Mean, 900.0, 905.0, 40.0, Inconclusive),
        (Metric::P5, 109.0, 121.0, 1.5, Slower),
        (Metric::P50, 121.0, 133.0, 2.0, Slower),
    ];
    Comparison {
        base: side("partial", head("6.1.0-base", "quiet", "performance"), &[]),
        new: side("full", head("6.12.0-new", "quiet mitigations=off", "powersave"), &[("recursion", 12)]),
        method: Method {
            unit: Unit::Runs,
            seed: 1,
            resamples: 2_000,
            confidence: 0.95,
            fdr: 0.05,
            min_effect_ratio: 0.01,
            min_effect_ns: 5.0,
            tests: 41,
            block: 4,
        },
        environment: vec![
            difference("kernel release", "6.1.0-base", "6.12.0-new"),
            difference("kernel command line", "quiet", "quiet mitigations=off"),
            difference("governor", "performance", "powersave"),
            difference("CONFIG_PREEMPT_DYNAMIC", "-", "y"),
        ],
        forced: vec![difference("filters", "none", "-e '%file'")],
        notes: vec![
            "run-03.hlog.zst of full ends early: read up to its last whole interval".to_owned(),
            "full lost 12 returns (recursion 12)".to_owned(),
        ],
        advice: Some(Advice {
            runs: 24,
            spread: 0.021,
            effect: 0.01,
            text: "run-to-run spread is 2.1 %: to find a shift of 1 % in four of five comparisons, record 24 runs \
                   a side"
                .to_owned(),
        }),
        service: service(),
        paths: vec![
            row(Subject::Path(Path::Sysret), all, Slower, "", changes(240.0, 1.03, Slower)),
            row(Subject::Path(Path::Iret), all, Inconclusive, "", changes(5_900.0, 1.004, Inconclusive)),
        ],
        exit_work: vec![row(
            Subject::Series(call(Abi::X86_64, 62, "kill"), Path::Iret),
            [level(10, 500_000, 0), level(10, 800_000, 0)],
            Equivalent,
            "",
            vec![
                change(Metric::Mean, 1_600.0, 1_603.0, 9.0, Equivalent),
                change(Metric::P50, 1_503.0, 1_503.0, 7.0, Equivalent),
            ],
        )],
        turnaround: vec![row(
            Subject::Path(Path::Sysret),
            all,
            Slower,
            "",
            turnaround.map(|(metric, base, new, spread, verdict)| change(metric, base, new, spread, verdict)).into(),
        )],
        omitted: 3,
        mix: mix(),
        calls: vec![
            CallShift {
                call: call(Abi::X86_64, 62, "kill"),
                base_timed: 990_000,
                new_timed: 990_000,
                base: 4_000.0,
                new: 4_940.0,
                shift: estimate(940.0, 901.0, 980.0),
                mix: estimate(1_200.0, 1_150.0, 1_240.0),
                within: estimate(-260.0, -290.0, -230.0),
                paradox: true,
            },
            CallShift {
                call: call(Abi::X86_64, 110, "getppid"),
                base_timed: 1_222_222,
                new_timed: 1_188_342,
                base: 90.1,
                new: 97.7,
                shift: estimate(7.6, 7.2, 8.0),
                mix: estimate(0.0, 0.0, 0.0),
                within: estimate(7.6, 7.2, 8.0),
                paradox: false,
            },
        ],
        total: Some(TotalShift {
            base: 412.0,
            new: 431.5,
            shift: estimate(19.5, 15.1, 23.8),
            workload: estimate(3.1, -0.4, 6.2),
            paths: estimate(12.0, 10.5, 13.6),
            within: estimate(4.4, 3.0, 5.7),
            paradox: false,
        }),
        aa: Some(FalsePositives { shuffles: 200, any: 7, tests: 8_200, found: 9 }),
        repeat: "exitpath diff partial/*.hlog.zst -- full/*.hlog.zst --seed 1".to_owned(),
    }
}

/// So many series, all with curves, and with exit work: as wide and as long as it gets.
pub(crate) fn large(series: usize) -> Comparison {
    let verdicts = [Verdict::Slower, Verdict::Faster, Verdict::Equivalent, Verdict::Inconclusive];
    let rows = |scale: f64| {
        (0..series).map(move |number| {
            let path = Path::ALL[number % Path::COUNT];
            let abi = [Abi::X86_64, Abi::I386, Abi::X32][number % 3];
            let name = format!("a_system_call_with_a_long_name_{number}");
            let verdict = verdicts[number % 4];
            let base = scale * (60.0 + (number * number) as f64 * 17.3);
            let factor = 1.0 + ((number * 37 % 41) as f64 - 20.0) / 300.0;
            let subject = Subject::Series(call(abi, number as i32, &name), path);
            let levels = [level(20, 987_654_321 + number as u64, 3), level(20, 912_345_678, 4)];
            Row {
                curve: curve(base, factor),
                ..row(subject, levels, verdict, "", changes(base, factor, verdict))
            }
        })
    };
    Comparison { service: rows(1.0).collect(), exit_work: rows(0.3).collect(), ..comparison() }
}
