//! One run of the benches: what holds, the rounds, the outputs.

use std::{ffi::OsString, io::IsTerminal as _, iter::once};

use indicatif::{ProgressBar, ProgressStyle};

use super::BenchArgs;
use crate::{
    bench::{
        Bench,
        attach::Attached,
        clock::Clock,
        conditions::{self, Stolen},
        counters::Counters,
        cpu, interrupt, list, probe,
        results::Results,
        rounds::{Condition, Session},
        slot::Turns,
        snapshot,
        tally::Tally,
    },
    cmd::{args::ViewArgs, metadata, outputs::Outputs},
    error::{CANNOT_TRACE, CliError, USAGE},
    kernel::Facts,
    metadata::Metadata,
    output::{self, Format},
    plan::{Commit, Fidelity, Plan},
    regime::{Frame, Regime},
    report::Report,
    settings::Settings,
    snapshot::Snapshot,
};

/// What the batches are timed by, for recordings.
const CLOCK: &str = "means of batches of calls, user mode to user mode";

/// Runs them, and writes the result.
pub fn perform(args: &BenchArgs, benches: &[&'static Bench]) -> Result<(), CliError> {
    let mut outputs = Outputs::open(args.recording.as_deref(), &args.output, &ViewArgs::default(), false)?;
    let cpu = cpu::pin(args.cpu)?;
    let mut warnings = conditions::warnings(cpu);
    let facts = Facts::gather();
    let regime = Regime::of(&facts);
    if args.divert && regime.frame == Frame::Full {
        return Err(CliError::usage(
            "--divert: this kernel has no fast path to take away",
            "its frame is full",
            "leave it out",
        ));
    }
    interrupt::watch();
    // Before anything else has a thread.
    let (fit, mut skipped) = tried(benches);
    let mut attached = Attached::new(&facts);
    let tracer = args.traced.then(|| attached.try_tracing());
    let mut conditions = vec![Condition::Bare];
    if tracer.as_ref().is_some_and(Result::is_ok) {
        conditions.push(Condition::Traced);
    }
    if args.divert {
        conditions.push(Condition::Diverted);
    }
    let clock = Clock::choose();
    if clock != Clock::Tsc {
        warnings.push(
            "the TSC does not run at one rate here: the batches are timed by a slower clock".to_owned(),
        );
    }
    let (counters, no_cycles) = match Counters::open() {
        Ok(counters) => (Some(counters), None),
        Err(why) => (None, Some(why)),
    };
    let turns = Turns { clock, cpu, counters, speed: None };
    let (mut session, unfit) = Session::start(turns, args.effort(), &fit);
    skipped.extend(unfit.into_iter().map(|(bench, why)| (bench.name, why)));
    refuse_nothing(&session, &skipped)?;
    let plan = plan(&facts, regime, &warnings);
    let metadata = described(&facts, &plan);
    outputs.begin(&metadata)?;

    let stolen = Stolen::now(cpu);
    let progress = progress(args.effort().rounds);
    let (mut tally, mut total) = (Tally::default(), Snapshot::default());
    for number in 0..args.effort().rounds {
        let round = session
            .round(number, &conditions, &mut attached, |bench| progress.set_message(bench.name))
            .map_err(|why| CliError::told(CANNOT_TRACE, &why))?;
        tally.add(&round, &session.rate, benches);
        let interval = snapshot::interval(&round, &session.rate, regime, metadata.machine.cpus);
        outputs.interval(&interval)?;
        total.merge(&interval);
        progress.inc(1);
        if interrupt::asked() || outputs.abandoned() {
            break;
        }
    }
    progress.finish_and_clear();
    warnings.extend(stolen.and_then(|before| Stolen::now(cpu)?.since(before)));
    let made = |bench: &Bench| {
        let warmed = session.benches.iter().find(|(one, ..)| one.name == bench.name);
        // The try, and the warm-up.
        bench.grain + bench.extra_calls + warmed.map_or(0, |(_, _, made)| *made)
    };
    let results = Results {
        cpu,
        rounds: tally.rounds(),
        clock,
        rate: session.rate,
        clock_ns: session.clock_ns,
        loop_ns: session.loop_ns,
        no_cycles,
        warnings,
        skipped,
        rows: tally.rows(benches, regime, made),
        against: tally.against(benches),
        tracer,
    };
    write(outputs, args.output.format, &results, &metadata, &total)
}

/// Those that run here, and why the others do not.
fn tried(benches: &[&'static Bench]) -> (Vec<&'static Bench>, Vec<(&'static str, String)>) {
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for &bench in benches {
        match probe(bench) {
            Ok(()) => fit.push(bench),
            Err(why) => unfit.push((bench.name, why)),
        }
    }
    (fit, unfit)
}

fn refuse_nothing(session: &Session, skipped: &[(&'static str, String)]) -> Result<(), CliError> {
    if !session.benches.is_empty() {
        return Ok(());
    }
    let why: Vec<_> = skipped.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let others: Vec<_> = list::ALL
        .iter()
        .map(|bench| bench.name)
        .filter(|name| skipped.iter().all(|(other, _)| other != name))
        .collect();
    let remedy =
        if others.is_empty() { "no bench is left".to_owned() } else { format!("try {}", others.join(", ")) };
    Err(CliError::usage("nothing can be run here", &why.join("; "), &remedy))
}

/// A plan that attaches nothing: which path a call takes follows from how it is made.
fn plan(facts: &Facts, regime: Regime, warnings: &[String]) -> Plan {
    let mut blind_spots = Regime::doubts(facts);
    if regime.frame == Frame::Partial {
        blind_spots.push(
            "a flag on the thread (audit, seccomp, nohz, a syscall tracepoint) takes its calls off the fast path \
             unseen"
                .to_owned(),
        );
    }
    blind_spots.extend(warnings.iter().filter(|warning| warning.contains("ptrace")).cloned());
    let fidelity = if blind_spots.is_empty() { Fidelity::Exact } else { Fidelity::Bounds };
    Plan { name: "bench", fidelity, programs: Vec::new(), commit: Commit::AtFinal, blind_spots }
}

fn described(facts: &Facts, plan: &Plan) -> Metadata {
    let words = std::env::args_os().skip(1);
    let command: Vec<OsString> = once(OsString::from("exitpath")).chain(words).collect();
    let mut metadata = metadata::describe(facts, plan, &Settings::default(), Vec::new(), &command);
    CLOCK.clone_into(&mut metadata.clock);
    metadata
}

fn write(
    mut outputs: Outputs,
    format: Format,
    results: &Results,
    metadata: &Metadata,
    total: &Snapshot,
) -> Result<(), CliError> {
    let report = Report::new(metadata, total, &outputs.view());
    match format {
        Format::Table => {
            let width = outputs.width();
            outputs.put(|to| output::bench::write(results, metadata, width, to))?;
        }
        Format::Json => outputs.put(|to| {
            let mut object = output::json::object(&report);
            object["bench"] = output::bench::object(results);
            serde_json::to_writer_pretty(&mut *to, &object)?;
            writeln!(to)
        })?,
        Format::Csv | Format::OpenMetrics | Format::Hlog | Format::Html | Format::Hgrm => {
            for (name, why) in &results.skipped {
                eprintln!("exitpath: skipped {name}: {why}");
            }
            outputs.show(&report)?;
        }
    }
    outputs.finish()?;
    if results.rows.is_empty() {
        return Err(CliError::told(USAGE, &"stopped before anything was measured"));
    }
    Ok(())
}

/// The line on a terminal while one waits; drawn between turns only, and by this thread.
fn progress(rounds: u32) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rounds.into());
    if let Ok(style) = ProgressStyle::with_template("round {pos} of {len}: {msg}; Ctrl-C ends it") {
        bar.set_style(style);
    }
    bar
}
