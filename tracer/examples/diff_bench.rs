//! Times `exitpath diff` on the largest comparison that is promised: 20 runs of 300 series and 60 intervals a side,
//! 2,000 resamples. `cargo xtask diff-bench` builds and runs it.

mod simulate;

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;
use simulate::{Call, Law, Noise};
use tracer::{
    metadata::{Metadata, Run},
    recording::{Compression, RecordingWriter},
};
use tracer_common::Path as Exit;

const RUNS: u64 = 20;
const INTERVALS: u64 = 60;
const SERIES: u16 = 300;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(binary), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: diff_bench EXITPATH FOLDER");
        std::process::exit(2);
    };
    for (side, scale) in [("base", 1.0), ("new", 1.03)] {
        let side = folder.join(side);
        if !side.exists() {
            std::fs::create_dir_all(&side).expect("the folder can be made");
            for number in 1..=RUNS {
                record(&side, number, scale);
            }
        }
    }
    let started = Instant::now();
    let status = Command::new(binary)
        .arg("diff")
        .args(std::env::args_os().skip(3))
        .args(["--format", "json", "--output", "/dev/null"])
        .arg(folder.join("base"))
        .arg("--")
        .arg(folder.join("new"))
        .status()
        .expect("exitpath runs");
    let took = started.elapsed().as_secs_f64();
    // SAFETY: a plain structure that the call fills.
    let peak = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage.ru_maxrss / 1024
    };
    println!(
        "{RUNS} runs x {SERIES} series x {INTERVALS} intervals a side: {took:.1} s, peak {peak} MiB, {status}"
    );
}

/// The calls: 300 series, one in four by IRET, medians from 200 ns to 20 us.
fn calls(scale: f64) -> Vec<Call> {
    let one = |at: u16| Call {
        key: simulate::key(at, if at.is_multiple_of(4) { Exit::Iret } else { Exit::Sysret }),
        law: Law { median: 200.0 * 1.0155_f64.powi(i32::from(at)), shape: 9.0, tail: 0.02, exponent: 2.2 },
        count: 1500.0,
        scale,
        failed: if at.is_multiple_of(10) { 0.1 } else { 0.0 },
    };
    (0..SERIES).map(one).collect()
}

fn record(side: &Path, number: u64, scale: f64) {
    let path = side.join(format!("{number:02}.hlog.zst"));
    let id = format!("{}-{number}", side.display());
    let metadata = Metadata {
        format: "1.0".to_owned(),
        precision: 2,
        sample: 1,
        run: Some(Run { id, number: number as u32, ..Run::default() }),
        ..Metadata::default()
    };
    let file = File::create(&path).expect("the recording can be made");
    let mut writer =
        RecordingWriter::new(file, Compression::of(&path), &metadata).expect("the head can be written");
    let noise = Noise { run: 0.02, interval: 0.03, memory: 0.6 };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(number * 1000 + scale.to_bits());
    simulate::run(&mut random, &calls(scale), noise, INTERVALS, |snapshot| {
        writer.interval(&snapshot).expect("an interval can be written");
    });
    writer.finish().expect("the recording can be finished");
}
