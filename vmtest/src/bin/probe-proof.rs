//! What the plans of probes promise, tried on the kernel that runs this: fast calls stay fast while they are traced,
//! calls that change registers are seen to leave by IRET, thousands of blocked calls lose nothing, and nothing is left
//! in `kprobe_events`, however the tracer ended.

use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use vmtest::partial::{self, CALLS, FellOut, ROUNDS};
use vmtest::proof::{Seen, Tracer, events, stop};

/// Tries them, one line a fact; code 1 if any does not hold.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    tracer: Tracer,
    /// Threads that block in `ppoll`
    #[arg(long, default_value_t = 3000)]
    threads: usize,
    /// Skip what only a partial frame shows
    #[arg(long)]
    full_frame: bool,
}

/// Calls of `getppid` in all rounds.
const TOTAL: u64 = CALLS * ROUNDS;
/// Level changes, and signals.
const FEW: u64 = 100;
const PATHS: [&str; 3] = ["sysret-fast", "sysret", "iret"];

/// The facts said so far.
#[derive(Default)]
struct Facts {
    wrong: u32,
}

impl Facts {
    fn say(&mut self, what: &str, holds: bool) {
        println!("{} {what}", if holds { "ok    " } else { "WRONG " });
        self.wrong += u32::from(!holds);
    }

    /// What the tracer says of a call, by [`PATHS`].
    fn paths(&mut self, seen: &Seen, call: &str, want: [u64; 3]) {
        let got = seen.of(call, PATHS);
        let [fast, slow, iret] = got;
        self.say(
            &format!("the tracer says {call}: {fast} sysret-fast, {slow} sysret, {iret} iret"),
            got == want,
        );
    }
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let partial = !args.full_frame;
    let mut facts = Facts::default();
    if partial {
        // A timer may end in any call, traced or not, and then it falls out of the fast path.
        let FellOut { slow, late } = partial::getppid()?;
        facts.say(&format!("{TOTAL} getppid untraced: do_syscall_64 {slow}, late {late:?}"), slow == 0);
    }
    // The tracer's probes are checked by what the processor counts, in a thread that does nothing else.
    let (tracer, took) = args.tracer.start(&[])?;
    let probes = events()?.lines().count();
    let select = &args.tracer.select;
    facts.say(&format!("{probes} probes of {select} attached after {:.1} s", took.as_secs_f64()), true);
    let late = if partial { Some(stays_fast(&mut facts)?) } else { None };
    if partial {
        partial::levels(FEW)?;
    }
    partial::signals(FEW)?;
    block(args.threads)?;
    let started = Instant::now();
    let seen = stop(tracer)?;
    facts.say(&format!("detached after {:.1} s", started.elapsed().as_secs_f64()), true);
    facts.say("kprobe_events is empty after the end", events()?.is_empty());
    if let Some(late) = late {
        facts.say(
            &format!("frame {}, off the fast path: {:?}", seen.frame, seen.diversions),
            seen.frame == "partial",
        );
        facts.paths(&seen, "getppid", [TOTAL - late, late, 0]);
        // One more ends at level 0.
        facts.paths(&seen, "iopl", [0, FEW + 1, FEW]);
    }
    facts.paths(&seen, "tkill", [0, 0, FEW]);
    let polls: u64 = seen.of("ppoll", PATHS).into_iter().sum();
    println!("       ppoll by path: {:?}", seen.of("ppoll", PATHS));
    facts.say(&format!("{polls} polls of {} blocked threads", args.threads), polls == args.threads as u64);
    facts.say(&format!("losses: {:?}", seen.losses), seen.losses.is_empty());
    if partial {
        diverted(&args.tracer, &mut facts)?;
    }
    killed(&args.tracer, &mut facts)?;
    Ok(if facts.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `getppid` while traced; gives how many fell out late.
fn stays_fast(facts: &mut Facts) -> Result<u64> {
    let FellOut { slow, late: rounds } = partial::getppid()?;
    let late: u64 = rounds.iter().sum();
    facts.say(
        &format!("{TOTAL} getppid while traced: do_syscall_64 ran {slow} times (breakpoint)"),
        slow == 0,
    );
    let what =
        format!("{TOTAL} getppid while traced: syscall_return_slowpath {late} times, by round {rounds:?}");
    facts.say(&what, late <= TOTAL / 100);
    Ok(late)
}

/// With `--divert` every call takes the slow path, and is back by the same instruction.
fn diverted(tracer: &Tracer, facts: &mut Facts) -> Result<()> {
    let (running, _) = tracer.start(&["--divert"])?;
    let FellOut { slow, .. } = partial::getppid()?;
    let seen = stop(running)?;
    // The counters' own reads take the slow path too: two a round, and one at the end.
    facts.say(
        &format!("{TOTAL} getppid with --divert: do_syscall_64 ran {slow} times (breakpoint)"),
        slow == TOTAL + 2 * ROUNDS + 1,
    );
    facts.paths(&seen, "getppid", [0, TOTAL, 0]);
    let by_tracepoint = seen.diversions.get("tracepoint").copied().unwrap_or(0);
    facts.say(&format!("off the fast path by the tracepoint: {by_tracepoint}"), by_tracepoint >= TOTAL);
    Ok(())
}

/// What a killed tracer left, the next one takes away.
fn killed(tracer: &Tracer, facts: &mut Facts) -> Result<()> {
    let (mut killed, _) = tracer.start(&[])?;
    killed.kill()?;
    killed.wait()?;
    facts.say(&format!("after kill -9 {} probes are left", events()?.lines().count()), true);
    let (next, _) = tracer.start(&[])?;
    let own = format!("exitpath_{}/", next.id());
    facts.say("the next start has taken them away", events()?.lines().all(|line| line.contains(&own)));
    stop(next)?;
    facts.say("kprobe_events is empty after that one", events()?.is_empty());
    Ok(())
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
