//! What the plans of probes promise, tried on the kernel that runs this: fast calls stay fast while they are traced,
//! thousands of blocked calls lose nothing, and nothing is left in `kprobe_events`, however the tracer ended.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, ExitCode};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vmtest::breakpoints::Breakpoint;
use vmtest::ready;

/// Tries them, one line a fact; code 1 if any does not hold.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The tracer
    #[arg(long, default_value = "/bin/exitpath")]
    tracer: String,
    /// The plan
    #[arg(long, default_value = "handlers")]
    plan: String,
    /// Threads that block in `ppoll`
    #[arg(long, default_value_t = 3000)]
    threads: usize,
    /// Skip what only a partial frame shows
    #[arg(long)]
    full_frame: bool,
    /// What the tracer's `-e` is: a call is two probes
    #[arg(long, default_value = "ppoll,getppid")]
    select: String,
}

const REPORT: &str = "/tmp/probe-proof.json";
const LIMIT: Duration = Duration::from_mins(5);
/// A round of calls, and how many there are, before the tracer and under it.
const CALLS: u64 = 1000;
const ROUNDS: u64 = 20;

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let mut wrong = 0;
    let mut say = |what: &str, holds: bool| {
        println!("{} {what}", if holds { "ok    " } else { "WRONG " });
        wrong += u32::from(!holds);
    };
    if !args.full_frame {
        // A timer may end in any call, traced or not, and then it falls out of the fast path.
        let (slow, late) = fall_out()?;
        say(&format!("{} getppid untraced: do_syscall_64 {slow}, late {late:?}", CALLS * ROUNDS), slow == 0);
    }
    // The tracer's probes are checked by what the processor counts, in a thread that does nothing else.
    let (mut tracer, took) = start(&args)?;
    let probes = events()?.lines().count();
    say(&format!("{probes} probes of {} attached after {:.1} s", args.select, took.as_secs_f64()), true);
    let mut late_calls = None;
    if !args.full_frame {
        let (slow, rounds) = fall_out()?;
        let late: u64 = rounds.iter().sum();
        let total = CALLS * ROUNDS;
        say(&format!("{total} getppid while traced: do_syscall_64 ran {slow} times (breakpoint)"), slow == 0);
        say(
            &format!(
                "{total} getppid while traced: syscall_return_slowpath {late} times, by round {rounds:?}"
            ),
            late <= total / 100,
        );
        late_calls = Some(late);
    }
    block(args.threads)?;
    let started = Instant::now();
    stop(&mut tracer)?;
    say(&format!("detached after {:.1} s", started.elapsed().as_secs_f64()), true);
    say("kprobe_events is empty after the end", events()?.is_empty());
    let seen = report()?;
    let of = |call: &str, path: &str| seen.values.get(&format!("{call} {path}")).copied().unwrap_or(0);
    if let Some(late) = late_calls {
        let (fast, slow) = (of("getppid", "sysret-fast"), of("getppid", "sysret"));
        say(
            &format!("the tracer says {fast} sysret-fast, {slow} sysret"),
            (fast, slow) == (CALLS * ROUNDS - late, late),
        );
    }
    let polls: u64 = ["sysret-fast", "sysret", "iret"].into_iter().map(|path| of("ppoll", path)).sum();
    say(&format!("{} polls of {} blocked threads", polls, args.threads), polls == args.threads as u64);
    say(&format!("losses: {}", seen.losses), seen.losses == 0);

    let (mut killed, _) = start(&args)?;
    killed.kill()?;
    killed.wait()?;
    say(&format!("after kill -9 {} probes are left", events()?.lines().count()), true);
    let (mut next, _) = start(&args)?;
    let own = format!("exitpath_{}/", next.id());
    say("the next start has taken them away", events()?.lines().all(|line| line.contains(&own)));
    stop(&mut next)?;
    say("kprobe_events is empty after that one", events()?.is_empty());
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Rounds of `getppid`: how often `do_syscall_64` ran in all, and `syscall_return_slowpath` in each round, as the
/// processor's breakpoints count.
fn fall_out() -> Result<(u64, Vec<u64>)> {
    let slow = Breakpoint::on("do_syscall_64")?;
    let late = Breakpoint::on("syscall_return_slowpath")?;
    let before = slow.count()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let before = late.count()?;
        for _ in 0..CALLS {
            // SAFETY: no arguments, no effect.
            unsafe { libc::syscall(libc::SYS_getppid) };
        }
        rounds.push(late.count()? - before);
    }
    Ok((slow.count()? - before, rounds))
}

fn start(args: &Args) -> Result<(Child, Duration)> {
    let own = std::process::id().to_string();
    let words =
        ["record", "--plan", &args.plan, "-p", &own, "-e", &args.select, "--format", "json", "--output"];
    ready::start(Command::new(&args.tracer).args(words).arg(REPORT))?.attached(LIMIT)
}

fn stop(tracer: &mut Child) -> Result<()> {
    // SAFETY: our own child.
    unsafe { libc::kill(tracer.id() as i32, libc::SIGINT) };
    let status = tracer.wait()?;
    ensure!(status.success(), "the tracer ended with {status}");
    Ok(())
}

fn events() -> Result<String> {
    fs::read_to_string("/sys/kernel/tracing/kprobe_events").context("no kprobe_events")
}

/// All threads are in `ppoll` at once, then all return.
fn block(threads: usize) -> Result<()> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    ensure!(unsafe { libc::pipe(ends.as_mut_ptr()) } == 0, "no pipe");
    let ready = Barrier::new(threads + 1);
    thread::scope(|scope| -> Result<()> {
        for _ in 0..threads {
            thread::Builder::new().stack_size(32 << 10).spawn_scoped(scope, || {
                ready.wait();
                let mut wanted = libc::pollfd { fd: ends[0], events: libc::POLLIN, revents: 0 };
                // SAFETY: one entry. The number itself: a library may choose another call.
                unsafe { libc::syscall(libc::SYS_ppoll, &raw mut wanted, 1, 0, 0, 8) };
            })?;
        }
        ready.wait();
        thread::sleep(Duration::from_secs(5));
        // SAFETY: the write end is open, and closed once: every poll sees the end.
        unsafe { libc::close(ends[1]) };
        Ok(())
    })
}

struct Seen {
    values: BTreeMap<String, u64>,
    losses: u64,
}

fn report() -> Result<Seen> {
    let text = fs::read_to_string(REPORT).context("no report")?;
    let json: serde_json::Value = serde_json::from_str(&text)?;
    let mut values = BTreeMap::new();
    for series in json["series"].as_array().context("no series")? {
        let word = |key: &str| series[key].as_str().unwrap_or("?");
        let returns = series["returns"].as_u64().unwrap_or(0);
        values.insert(format!("{} {}", word("syscall"), word("path")), returns);
    }
    let by_kind = json["loss"].as_object().context("no losses")?;
    let losses = by_kind.values().filter_map(serde_json::Value::as_u64).sum();
    Ok(Seen { values, losses })
}
