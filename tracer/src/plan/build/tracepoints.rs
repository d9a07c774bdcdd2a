//! Plans that count at `sys_exit` (`EXIT_PATHS` 3.2 and 3.6): what comes after it moves the return to its true path.

use super::super::{Attach, Commit, Fidelity, Plan, Program, Wish};
use crate::{kernel::Facts, regime::Regime};

/// Plan `tracepoints`.
pub fn tracepoints(facts: &Facts, wish: &Wish<'_>) -> Result<Plan, String> {
    let typed = facts.get("btf").is_yes() && facts.get("typed-task").is_yes();
    let mut blind_spots = vec![
        "registers that a tracer (ptrace) changes after sys_exit: returns of traced tasks are counted as uncertain"
            .to_owned(),
        "32-bit calls whose sixth argument cannot be read: no tracepoint fires, they are not counted".to_owned(),
    ];
    let programs = if !typed {
        blind_spots.push(
            "untyped programs: calls answered by syscall user dispatch fire no tracepoint, and are not counted"
                .to_owned(),
        );
        blind_spots
            .push("untyped programs: handlers set up on the way out and rseq aborts are not seen".to_owned());
        untyped(facts, wish, &mut blind_spots)?
    } else if wish.counts_only {
        blind_spots.push("counts only: calls answered by syscall user dispatch are not counted".to_owned());
        blind_spots
            .push("counts only: execveat, and execve by 32-bit programs, count as x86_64 execve".to_owned());
        blind_spots
            .push("counts only: a task that dies on its way out of a call is counted as returned".to_owned());
        counting(wish)
    } else {
        if !facts.get("symbols").is_yes() {
            blind_spots.push(
                "a second signal inside rt_sigreturn's own exit (kernel symbols are hidden)".to_owned(),
            );
        }
        timing(facts, wish)
    };
    blind_spots.extend(Regime::doubts(facts));
    let fidelity = if typed { Fidelity::Amended } else { Fidelity::Bounds };
    Ok(Plan { name: "tracepoints", fidelity, programs, commit: Commit::AtExit, blind_spots })
}

fn untyped(facts: &Facts, wish: &Wish<'_>, blind_spots: &mut Vec<String>) -> Result<Vec<Program>, String> {
    if wish.counts_only {
        return Err("--counts-only needs typed programs: the kernel's BTF, and 5.11 or later".into());
    }
    let mut programs = vec![
        Program::required("death_raw", Attach::Raw, "sched_process_exit"),
        Program::required("exec_raw", Attach::Raw, "sched_process_exec"),
    ];
    if facts.get("btf").is_yes() {
        programs.push(Program::required("fork_raw", Attach::Raw, "sched_process_fork"));
    } else if wish.follow {
        return Err("-f and -- COMMAND need the kernel's BTF, to see whose child a new process is".into());
    } else {
        blind_spots.push("without BTF: int $0x80 from 64-bit code counts as a 64-bit call".to_owned());
        blind_spots.push("without BTF: a call that its task never left alive counts as returned".to_owned());
    }
    programs.push(Program::required("enter_raw", Attach::Raw, "sys_enter"));
    programs.push(Program::required("exit_raw", Attach::Raw, "sys_exit"));
    Ok(programs)
}

fn counting(wish: &Wish<'_>) -> Vec<Program> {
    let mut programs = vec![Program::amends("count_signal_btf", Attach::Typed, "signal_deliver")];
    if wish.follow {
        programs.push(Program::required("fork_btf", Attach::Typed, "sched_process_fork"));
        programs.push(Program::required("exec_btf", Attach::Typed, "sched_process_exec"));
    }
    let name = if wish.plain { "count_plain" } else { "count_btf" };
    programs.push(Program::required(name, Attach::Typed, "sys_exit"));
    programs
}

fn timing(facts: &Facts, wish: &Wish<'_>) -> Vec<Program> {
    let (enter, exit) = if wish.plain { ("enter_plain", "exit_plain") } else { ("enter_btf", "exit_btf") };
    let mut programs = vec![
        Program::amends("signal_btf", Attach::Typed, "signal_deliver"),
        Program::optional("rseq_btf", Attach::Typed, "rseq_ip_fixup"),
    ];
    // A birth that is missed is a process that is not followed: where typed programs can be skipped, and this kernel has
    // others, it is these.
    let skipped = facts.kernel_version() >= (6, 13);
    if skipped && ["kprobes", "tracefs", "task-regs"].iter().all(|fact| facts.get(fact).is_yes()) {
        programs.extend([
            Program::amends("death_tp", Attach::Classic, "sched:sched_process_exit"),
            Program::required("exec_tp", Attach::Classic, "sched:sched_process_exec"),
            Program::required("fork_kp", Attach::Kprobe, "wake_up_new_task"),
        ]);
    } else {
        programs.extend([
            Program::amends("death_btf", Attach::Typed, "sched_process_exit"),
            Program::required("exec_btf", Attach::Typed, "sched_process_exec"),
            Program::required("fork_btf", Attach::Typed, "sched_process_fork"),
        ]);
    }
    programs.extend([
        Program::required(enter, Attach::Typed, "sys_enter"),
        Program::required(exit, Attach::Typed, "sys_exit"),
    ]);
    programs
}

/// Plan `amend`: the same, and the slow-path functions that can change the registers are followed to their end.
pub fn amend(facts: &Facts, wish: &Wish<'_>) -> Result<Plan, String> {
    if !super::typed(facts) {
        return Err("it needs typed programs: the kernel's BTF, and 5.15 or later".to_owned());
    }
    if wish.counts_only {
        return Err("--counts-only keeps no record that could be amended".to_owned());
    }
    let mut programs = vec![
        Program::required("amend_signal", Attach::Exit, "arch_do_signal_or_restart"),
        Program::required("amend_ptrace", Attach::Exit, "ptrace_notify"),
        Program::amends("amend_uprobe", Attach::Exit, "uprobe_notify_resume"),
        Program::optional("amend_rseq", Attach::Exit, "__rseq_handle_notify_resume"),
    ];
    programs.extend(timing(facts, wish));
    let mut blind_spots = vec![
        "32-bit calls whose sixth argument cannot be read: no tracepoint fires, they are not counted"
            .to_owned(),
        "with preempt=full, programs on preemptible functions are skipped at times: the count is recursion"
            .to_owned(),
    ];
    blind_spots.extend(Regime::doubts(facts));
    Ok(Plan {
        name: "amend",
        fidelity: Fidelity::Amended,
        programs,
        commit: Commit::AtExitFollowed,
        blind_spots,
    })
}
