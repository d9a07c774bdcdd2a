//! The table and the JSON, literally.

use crate::{
    bench::{
        Summary,
        clock::{Clock, Rate},
        list,
        results::{Against, Results, Row},
        rounds::Condition,
    },
    metadata::Metadata,
    regime::{Decision, Frame, Regime},
    report::{View, fixture::report},
};

fn row(name: &str, condition: Condition, mean: f64) -> Row {
    let regime = Regime {
        frame: Frame::Full,
        decision: Decision::C,
        fred: false,
        xenpv: false,
        pti: false,
        la57: false,
    };
    let bench = list::ALL.iter().find(|bench| bench.name == name).unwrap();
    Row {
        bench,
        condition,
        route: bench.route(regime, false),
        calls: 1_000_000,
        untimed_calls: 102_400,
        ns: mean * 1e6,
        batch: 1_300,
        summary: Summary {
            batches: 770,
            min: mean - 1.0,
            p50: mean - 0.25,
            p99: mean * 1.5,
            max: mean * 9.0,
        },
        disturbed: if condition == Condition::Bare { [0; 4] } else { [12, 0, 0, 3] },
        cycles: (name == "null").then_some((194.4, 60.25)),
    }
}

fn results() -> Results {
    Results {
        cpu: 1,
        rounds: 20,
        clock: Clock::Tsc,
        rate: Rate { ticks_per_ns: 2.596_123_456, error: 2.5e-8, over_ns: 9_123_456_789 },
        clock_ns: 18.127,
        loop_ns: 0.259,
        no_cycles: None,
        warnings: vec!["the machine is busy (load average 2.00)".to_owned()],
        skipped: vec![(
            "int80",
            "it faults: this kernel refuses it (for int80: no 32-bit emulation)".to_owned(),
        )],
        rows: vec![
            row("null", Condition::Bare, 74.913_1),
            row("null", Condition::Traced, 169.44),
            row("sigreturn-iret", Condition::Bare, 612.0),
            row("exec", Condition::Bare, 312_000.5),
        ],
        against: vec![Against {
            name: "null",
            condition: Condition::Traced,
            rounds: 20,
            bare: 74.9,
            with: 169.4,
            added: 94.5,
        }],
        tracer: Some(Ok("tracepoints".to_owned())),
    }
}

fn metadata() -> Metadata {
    report(&View::default()).metadata
}

#[test]
fn the_table_literally() {
    let mut bytes = Vec::new();
    super::write(&results(), &metadata(), None, &mut bytes).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

#[test]
fn a_batch_that_is_too_short_is_said_to_be() {
    let mut short = results();
    short.rows[0].batch = 10;
    let mut bytes = Vec::new();
    super::write(&short, &metadata(), None, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("short: null: reading the clock is 2.5% of a batch"), "{text}");
}

#[test]
fn the_json_literally() {
    insta::assert_json_snapshot!(super::object(&results()));
}

#[test]
fn a_narrow_terminal_drops_columns_and_says_which() {
    let mut bytes = Vec::new();
    super::write(&results(), &metadata(), Some(80), &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let table: Vec<&str> = text.lines().skip(3).take(5).collect();
    assert!(table.iter().all(|line| line.len() <= 80), "{table:?}");
    assert!(table[0].contains("usecs/op") && table[0].contains("p50"), "{table:?}");
    assert!(text.contains("left out to fit the width: batches, ops/sec"), "{text}");
}
