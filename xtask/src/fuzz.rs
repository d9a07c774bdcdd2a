//! `cargo xtask fuzz`: any bytes as recordings and comparisons, with cargo-fuzz (docs/FUZZING.md).

use crate::{cache, install, run, workspace};
use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use std::{
    fs,
    process::{Command, ExitCode},
};

const CARGO_FUZZ: &str = "0.13.2";

/// A fuzz target of `fuzz/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Any bytes as a recording: read, written again, shown in every format
    Hlog,
    /// Any recordings as two sides: compared, shown in every format
    Diff,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Hlog => "hlog",
            Self::Diff => "diff",
        }
    }
}

/// Look for bytes that a reader of recordings, or a comparison of them, cannot bear
#[derive(Args)]
pub struct Arguments {
    /// Which; by default one after the other
    targets: Vec<Target>,
    /// How long each
    #[arg(long, default_value_t = 600, value_name = "N")]
    seconds: u32,
}

/// Runs the task. What was found interesting stays in the target folder, and is where the next time begins.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let cache = cache::folder()?;
    let program = {
        let _lock = install::lock(&cache)?;
        install::tool(&cache, "cargo-fuzz", CARGO_FUZZ)?
    };
    let (root, kept) = (workspace::root()?, workspace::target()?.join("fuzz"));
    let targets =
        if arguments.targets.is_empty() { &[Target::Hlog, Target::Diff][..] } else { &arguments.targets };
    for target in targets {
        let name = target.name();
        let corpus = kept.join("corpus").join(name);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let mut fuzz = Command::new(&program);
        // libFuzzer's hooks are flags of the compiler that stable keeps to itself. There is no unsafe code on these ways,
        // so no sanitizer, which makes it twice as fast.
        fuzz.env("RUSTC_BOOTSTRAP", "1").current_dir(root.join("fuzz"));
        fuzz.args(["run", "--fuzz-dir", ".", "--sanitizer", "none", "--target-dir"]).arg(&kept).arg(name);
        fuzz.arg(&corpus).arg(root.join("fuzz/seeds").join(name)).arg("--");
        fuzz.args([
            &*format!("-max_total_time={}", arguments.seconds),
            "-print_final_stats=1",
            "-rss_limit_mb=2048",
            // libFuzzer's own limit is 20 minutes: nothing would ever count as a hang.
            "-timeout=25",
        ]);
        run::shown(&mut fuzz)?;
    }
    Ok(ExitCode::SUCCESS)
}
