//! The plans of kernels whose entry code can be probed (`EXIT_PATHS` 2.2 and section 4): kprobes, and never a syscall
//! tracepoint, which would push every call off a partial frame's fast path.

use super::{Attach, Commit, Fidelity, Plan, Program, Role, Wish};
use crate::{
    kernel::Facts,
    regime::{Frame, Regime},
};

const FINAL_HOOK: &str = "fpregs_assert_state_consistent";

/// Whether a plan that is not this kernel's own can run on it all the same.
pub fn can_be_forced(name: &str, facts: &Facts) -> bool {
    let yes = |fact| facts.get(fact).is_yes();
    match name {
        "handlers" => yes("kprobe-events") && (yes("final-hook-symbol") || yes("probeable-entry")),
        "do-syscall-ret" => yes("kprobe-events") && yes("probeable-entry") && !yes("nohz-full"),
        _ => false,
    }
}

const fn program(name: &'static str, hook: &'static str, role: Role) -> Program {
    Program { name, hook, attach: Attach::Probe, role }
}

/// Plan `handlers`: every handler at its entry and its return, and what tells slow calls.
pub fn handlers(facts: &Facts, wish: &Wish<'_>) -> Result<Plan, String> {
    counts_only(wish)?;
    let mut programs = around(wish);
    let mut blind_spots = Vec::new();
    let mut fidelity = Fidelity::Exact;
    let mut handlers = ["handler", "handler_ret"];
    if facts.get("probeable-entry").is_yes() {
        programs.extend(entry_code(facts));
    } else {
        programs.push(program("aborted", "rseq_ip_fixup", Role::Optional));
        programs.push(program("final_hook", FINAL_HOOK, Role::Required));
        if facts.kernel_version() < (6, 7) {
            blind_spots.push(
                "returns at which this kernel skipped a kprobe's program, for it does not count them"
                    .to_owned(),
            );
        }
        fidelity = Fidelity::Amended;
        handlers = ["handler_full", "handler_full_ret"];
    }
    programs.extend(handlers.map(|name| program(name, "the handlers", Role::Required)));
    if Regime::of(facts).frame == Frame::Partial {
        // A probe read at the end of the exit work would push the thread's next call off the fast path.
        fidelity = Fidelity::Amended;
        blind_spots.push("registers that a tracer (ptrace) writes at a signal stop are not seen".to_owned());
        blind_spots.push(
            "calls that a handler interrupts count as EINTR, also where SA_RESTART restarts them".to_owned(),
        );
        blind_spots.push(
            "numbers above the table, on the fast path: no handler runs, they are not counted".to_owned(),
        );
        blind_spots.push("x32 calls on the fast path count as x86_64".to_owned());
    }
    Ok(plan("handlers", fidelity, programs, blind_spots, facts))
}

/// Plan `do-syscall-ret`: the C function of the entry, at its entry and its return.
pub fn do_syscall_ret(facts: &Facts, wish: &Wish<'_>) -> Result<Plan, String> {
    counts_only(wish)?;
    let mut programs = around(wish);
    programs.extend(entry_code(facts));
    let mut blind_spots =
        vec!["times are those of do_syscall_64: handler, entry and exit work together".to_owned()];
    let mut fidelity = Fidelity::Exact;
    if Regime::of(facts).frame == Frame::Partial {
        blind_spots
            .push("calls of the fast path are not seen, unless --divert pushes them off it".to_owned());
        fidelity = Fidelity::Bounds;
    }
    Ok(plan("do-syscall-ret", fidelity, programs, blind_spots, facts))
}

fn counts_only(wish: &Wish<'_>) -> Result<(), String> {
    if wish.counts_only { Err("it has no --counts-only".to_owned()) } else { Ok(()) }
}

/// Births, deaths, signals: what every plan of probes has.
fn around(wish: &Wish<'_>) -> Vec<Program> {
    let mut programs = vec![
        program("signal", "signal_setup_done", Role::Optional),
        program("gone", "do_exit", Role::Required),
    ];
    if wish.follow {
        programs.push(program("born", "sched_process_fork", Role::Required));
    }
    programs
}

/// The functions of the entry code: entries first, so that every return that is seen has had its entry seen.
fn entry_code(facts: &Facts) -> Vec<Program> {
    let has = |symbol| facts.symbols.has(symbol) != Some(false);
    let mut programs = vec![program("slow64", "do_syscall_64", Role::Required)];
    let compat = has("do_int80_syscall_32") && facts.get("ia32").answer != crate::kernel::Answer::No;
    if compat {
        programs.push(program("int80", "do_int80_syscall_32", Role::Optional));
        programs.push(program("fast32", "do_fast_syscall_32", Role::Optional));
    }
    programs.push(program("late", "syscall_return_slowpath", Role::Required));
    programs.push(program("late_ret", "syscall_return_slowpath", Role::Required));
    if compat {
        programs.push(program("int80_ret", "do_int80_syscall_32", Role::Optional));
        programs.push(program("fast32_ret", "do_fast_syscall_32", Role::Optional));
    }
    programs.push(program("slow64_ret", "do_syscall_64", Role::Required));
    programs
}

fn plan(
    name: &'static str,
    fidelity: Fidelity,
    programs: Vec<Program>,
    mut blind_spots: Vec<String>,
    facts: &Facts,
) -> Plan {
    blind_spots.extend(Regime::doubts(facts));
    Plan { name, fidelity, programs, commit: Commit::AtExit, blind_spots }
}
