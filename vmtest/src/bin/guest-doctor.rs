//! What a guest runs to have the tracer's view of it told: `doctor`, `plan --explain`, and, in environments that allow
//! less, what `record` does. The text is compared with a golden one by whoever booted the guest.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vmtest::bpf::ids;
use vmtest::environment::{self, Environment, Outcome, Want};
use vmtest::guest::IN_GUEST;

/// Tells what the tracer says of this guest and does in it; code 1 if that is not what it must be.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Only `doctor`, `plan --explain` and one recording
    #[arg(long)]
    brief: bool,
    /// The tracer
    #[arg(long, default_value = "/bin/exitpath")]
    tracer: String,
    /// Environments whose name contains this; without any, all
    names: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    ensure!(
        std::env::var_os(IN_GUEST).is_some(),
        "it changes the machine it runs on: only in a guest of ours"
    );
    let mut wrong = 0;
    if args.names.is_empty() {
        let before = ids::all()?;
        for words in [&["doctor"][..], &["plan", "--explain"]] {
            println!("== exitpath {}", words.join(" "));
            let output = Command::new(&args.tracer).args(words).output().context("cannot run the tracer")?;
            print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        }
        let left = left_since(&before)?;
        if !left.is_empty() {
            println!("WRONG: it left in the kernel: {left:?}");
            wrong += 1;
        }
    }
    let unrestricted =
        Environment { name: "unrestricted", steps: Vec::new(), command: &[], want: Want::Same };
    println!("\n== {}", unrestricted.name);
    let base = record(&args, &unrestricted)?;
    wrong += tell(&args, &unrestricted, &base, &base)?;
    if !args.brief {
        for one in environment::all(version()?) {
            if args.names.is_empty() || args.names.iter().any(|name| one.name.contains(&**name)) {
                println!("\n== {}", one.name);
                let seen = record(&args, &one)?;
                wrong += tell(&args, &one, &base, &seen)?;
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn record(args: &Args, environment: &Environment) -> Result<Outcome> {
    let mut words = vec!["record", "--format", "json"];
    if environment.command.is_empty() {
        words.extend(["-d", "0.2"]);
    }
    words.extend(environment.command);
    Ok(Outcome::of_record(&environment.run(&args.tracer, &words)?))
}

/// Prints an outcome and what differs from the unrestricted machine; how much of it is wrong.
fn tell(args: &Args, environment: &Environment, base: &Outcome, seen: &Outcome) -> Result<u32> {
    println!("{}", seen.brief());
    if let (Outcome::Ran(base), Outcome::Ran(seen)) = (base, seen) {
        let fresh = seen.blind_spots.iter().filter(|spot| !base.blind_spots.contains(spot));
        for spot in fresh {
            println!("  does not see: {spot}");
        }
        let gone = base.blind_spots.iter().filter(|spot| !seen.blind_spots.contains(spot));
        for spot in gone {
            println!("  sees, though the unrestricted machine does not: {spot}");
        }
    }
    let mut wrong = Vec::new();
    wrong.extend(environment.judge(base, seen));
    // `doctor` knows nothing of commands; and it tries every plan, which takes an emulated guest some seconds, so it is
    // asked where something changes.
    if environment.command.is_empty() && (environment.want != Want::Same || std::ptr::eq(base, seen)) {
        let doctor = Outcome::of_doctor(&environment.run(&args.tracer, &["doctor", "--json"])?);
        if !doctor.foretells(seen) {
            wrong.push(format!("doctor foretold {}", doctor.brief()));
        }
    }
    for what in &wrong {
        println!("WRONG: {what}");
    }
    Ok(wrong.len() as u32)
}

/// What is in the kernel now and was not before. It frees objects some grace periods after their last descriptor, and
/// with `nohz_full` those take seconds.
fn left_since(before: &BTreeSet<ids::Id>) -> Result<Vec<ids::Id>> {
    for _ in 0..600 {
        if ids::all()?.is_subset(before) {
            return Ok(Vec::new());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(ids::all()?.difference(before).copied().collect())
}

/// The kernel's version.
fn version() -> Result<(u32, u32)> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("no /proc")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next().context("a release of two numbers")?.context("numbers");
    Ok((next()?, next()?))
}
