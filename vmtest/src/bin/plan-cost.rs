//! What each plan adds to a call, in a guest: multiples of what an empty pair adds there.
//!
//! Most plans do not attach on every kernel, and a guest that QEMU emulates knows no caches and no pipelines: its time is
//! the number of instructions that were executed. So these figures say how much work a plan does, not how many
//! nanoseconds it takes; those are measured on real machines by `cargo xtask overhead`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vmtest::ready;

/// Prints, for each plan, ns a getppid, what it adds, and the multiple of what an empty pair adds.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Plans to measure
    #[arg(required = true)]
    plans: Vec<String>,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Calls in one measurement
    #[arg(long, default_value_t = 100_000)]
    calls: u64,
    /// Where the programs are
    #[arg(long, default_value = "/bin")]
    programs: String,
}

/// A guest's tracer needs some seconds for the kernel's types.
const ATTACH: Duration = Duration::from_mins(1);

fn main() -> Result<()> {
    let args = Args::parse();
    let empty = args.median(&|| args.empty())?;
    println!("{:<16} {:>10} {:>9} {:>8}", "", "ns a call", "added ns", "x empty");
    println!("{:<16} {:>10.0} {:>9.0} {:>8.2}", "empty pair", empty.0, empty.1, 1.0);
    for plan in &args.plans {
        match args.median(&|| args.tracer(plan)) {
            Ok((with, added)) => {
                println!("{plan:<16} {with:>10.0} {added:>9.0} {:>8.2}", added / empty.1);
            }
            Err(error) => println!("{plan:<16} {error:#}"),
        }
    }
    Ok(())
}

impl Args {
    /// Medians of ns a call with something attached, and of what that adds to the bare loop before it.
    fn median(&self, attach: &dyn Fn() -> Result<Child>) -> Result<(f64, f64)> {
        let mut rounds = Vec::new();
        for _ in 0..self.rounds.max(1) {
            let bare = self.bench()?;
            let attached = attach()?;
            let with = self.bench();
            end(attached)?;
            let with = with?;
            rounds.push((with, with - bare));
        }
        rounds.sort_by(|a, b| a.1.total_cmp(&b.1));
        Ok(rounds[rounds.len() / 2])
    }

    fn bench(&self) -> Result<f64> {
        let mut command = Command::new(format!("{}/bench-loop", self.programs));
        let output = command.args(["one", &self.calls.to_string()]).output().context("no bench-loop")?;
        let said = String::from_utf8_lossy(&output.stdout);
        said.trim().parse().with_context(|| {
            format!("the loop said `{}{}`", said.trim(), String::from_utf8_lossy(&output.stderr).trim())
        })
    }

    fn empty(&self) -> Result<Child> {
        let mut command = Command::new(format!("{}/baseline", self.programs));
        let mut child = command.arg("empty").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        let stdout = child.stdout.take().context("no pipe from the baseline")?;
        BufReader::new(stdout).read_line(&mut said)?;
        ensure!(said == "ready\n", "the baseline said `{}`", said.trim());
        Ok(child)
    }

    fn tracer(&self, plan: &str) -> Result<Child> {
        let mut command = Command::new(format!("{}/exitpath", self.programs));
        command.args(["record", "-d", "600", "--plan", plan]).stdin(Stdio::null()).stdout(Stdio::null());
        ready::start(&mut command)?.attached(ATTACH).map(|(child, _)| child)
    }
}

/// Ends what was attached as a user would: the baseline when its stdin does, a tracer by Ctrl-C.
fn end(mut child: Child) -> Result<()> {
    if child.stdin.take().is_none() {
        // SAFETY: our own child, which nobody has waited for yet.
        unsafe { libc::kill(i32::try_from(child.id())?, libc::SIGINT) };
    }
    let status = child.wait()?;
    ensure!(status.success(), "what was attached ended with {status}");
    Ok(())
}
