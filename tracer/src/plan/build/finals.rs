//! Plans in which the final hook counts and classifies (`EXIT_PATHS` 3.0 to 3.4): nothing can change the registers
//! after it. What is attached besides only labels and times.

use super::{
    super::{Attach, Commit, Fidelity, Plan, Program, Wish},
    typed,
};
use crate::{
    kernel::{Answer, Facts},
    regime::Regime,
};

const FINAL: &str = "fpregs_assert_state_consistent";
const PREPARE: &str = "exit_to_user_mode_prepare";
/// What raw and typed tracepoints cost where their programs are preemptible.
const UNTIMED: &str = "entries and exits at which the kernel skipped a preemptible program: such calls are counted, but \
                       may lack their number or latency (classic tracepoints need tracefs, kprobes, and CAP_SYS_ADMIN \
                       where kernel.perf_event_paranoid is above 2)";
const UNFOLLOWED: &str =
    "new processes at whose start the kernel skipped a preemptible program: they are not followed";

/// How entries and exits are seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    Typed,
    Raw,
    /// From 6.13 on a raw tracepoint's program is preemptible, and skipped while another task of that CPU was preempted
    /// in it; classic tracepoint programs and kprobes run with preemption off.
    Classic,
}

impl Labels {
    /// What this kernel allows, the best first.
    fn of(facts: &Facts) -> Vec<Self> {
        if !typed(facts) {
            vec![Self::Raw]
        } else if Self::preemptible(facts) && facts.get("tracefs").answer != Answer::No {
            // Lockdown and perf's own rules may refuse them: then the typed ones are better than another plan.
            vec![Self::Classic, Self::Typed]
        } else {
            vec![Self::Typed]
        }
    }

    /// Whether raw and typed tracepoints' programs can be preempted, and then are skipped.
    fn preemptible(facts: &Facts) -> bool {
        facts.kernel_version() >= (6, 13)
    }

    fn lifecycle(self) -> [Program; 3] {
        match self {
            Self::Typed => [
                Program::required("death_btf", Attach::Typed, "sched_process_exit"),
                Program::required("exec_btf", Attach::Typed, "sched_process_exec"),
                Program::required("fork_btf", Attach::Typed, "sched_process_fork"),
            ],
            Self::Raw => [
                Program::required("death_raw", Attach::Raw, "sched_process_exit"),
                Program::required("exec_raw", Attach::Raw, "sched_process_exec"),
                Program::required("fork_raw", Attach::Raw, "sched_process_fork"),
            ],
            Self::Classic => [
                Program::required("death_tp", Attach::Classic, "sched:sched_process_exit"),
                Program::required("exec_tp", Attach::Classic, "sched:sched_process_exec"),
                Program::required("fork_kp", Attach::Kprobe, "wake_up_new_task"),
            ],
        }
    }

    fn causes(self) -> [Program; 2] {
        match self {
            Self::Typed => [
                Program::optional("signal_btf", Attach::Typed, "signal_deliver"),
                Program::optional("rseq_btf", Attach::Typed, "rseq_ip_fixup"),
            ],
            Self::Raw => [
                Program::optional("signal_raw", Attach::Raw, "signal_deliver"),
                Program::optional("rseq_raw", Attach::Raw, "rseq_ip_fixup"),
            ],
            Self::Classic => [
                Program::optional("signal_tp", Attach::Classic, "signal:signal_deliver"),
                // Up to 6.18 an abort also happens on the way out of a call.
                Program::optional("rseq_btf", Attach::Typed, "rseq_ip_fixup"),
            ],
        }
    }

    fn calls(self, wish: &Wish<'_>) -> [Program; 2] {
        match self {
            Self::Typed => [
                Program::required(
                    if wish.plain { "enter_plain" } else { "enter_btf" },
                    Attach::Typed,
                    "sys_enter",
                ),
                Program::required("leave_btf", Attach::Typed, "sys_exit"),
            ],
            Self::Raw => [
                Program::required("enter_raw", Attach::Raw, "sys_enter"),
                Program::required("leave_raw", Attach::Raw, "sys_exit"),
            ],
            Self::Classic => [
                Program::required("enter_tp", Attach::Classic, "raw_syscalls:sys_enter"),
                Program::required("leave_tp", Attach::Classic, "raw_syscalls:sys_exit"),
            ],
        }
    }
}

/// Plan `final-hook`.
pub fn final_hook(facts: &Facts, wish: &Wish<'_>) -> Result<Vec<Plan>, String> {
    let name = if typed(facts) { "final_btf" } else { "final_raw" };
    variants(facts, wish, "final-hook", Program::required(name, Attach::Entry, FINAL))
}

/// Plan `prepare-hook`.
pub fn prepare_hook(facts: &Facts, wish: &Wish<'_>) -> Result<Vec<Plan>, String> {
    let name = if typed(facts) { "prepare_btf" } else { "prepare_raw" };
    variants(facts, wish, "prepare-hook", Program::required(name, Attach::Exit, PREPARE))
}

fn variants(
    facts: &Facts,
    wish: &Wish<'_>,
    name: &'static str,
    counting: Program,
) -> Result<Vec<Plan>, String> {
    Labels::of(facts).into_iter().map(|labels| counted_by(labels, facts, wish, name, counting)).collect()
}

fn counted_by(
    labels: Labels,
    facts: &Facts,
    wish: &Wish<'_>,
    name: &'static str,
    counting: Program,
) -> Result<Plan, String> {
    let mut programs: Vec<Program> = labels.lifecycle().into();
    let mut blind_spots = Vec::new();
    if labels != Labels::Classic && Labels::preemptible(facts) {
        blind_spots.push(UNTIMED.to_owned());
        if wish.follow {
            blind_spots.push(UNFOLLOWED.to_owned());
        }
    }
    if wish.counts_only {
        if !typed(facts) {
            return Err("--counts-only needs typed programs: the kernel's BTF, and 5.15 or later".to_owned());
        }
        programs.push(Program::required("sigreturn_kp", Attach::Kprobe, "__do_sys_rt_sigreturn"));
        blind_spots.push(
            "counts only: rt_sigreturn of 32-bit programs, and calls with number -1, are not counted"
                .to_owned(),
        );
        // trace_call_bpf counts what it skips since 6.7 (dd8657894c11); trampolines always did.
        if facts.kernel_version() < (6, 7) {
            blind_spots.push(
                "counts only: kprobe runs that this kernel skips, for it does not count them".to_owned(),
            );
        }
    } else {
        programs.extend(labels.causes());
        if facts.get("shadow-stack").is_yes() {
            programs.push(Program::required("shadow_btf", Attach::Entry, "fpregs_lock_and_load"));
        }
        programs.extend(labels.calls(wish));
        blind_spots.push(
            "an ioctl inside which KVM enters a guest, if the kernel skipped its exit and it fails with ENOSYS"
                .to_owned(),
        );
    }
    programs.push(counting);
    blind_spots.extend(Regime::doubts(facts));
    Ok(Plan { name, fidelity: Fidelity::Exact, programs, commit: Commit::AtFinal, blind_spots })
}

/// Plan `quiet`.
pub fn quiet(facts: &Facts, wish: &Wish<'_>) -> Result<Plan, String> {
    if !typed(facts) {
        return Err("it needs typed programs: the kernel's BTF, and 5.15 or later".to_owned());
    }
    if wish.counts_only {
        return Err("--counts-only: plan final-hook counts without a tracepoint too".to_owned());
    }
    let mut programs: Vec<Program> = Labels::Typed.lifecycle().into();
    programs.extend(Labels::Typed.causes());
    if facts.get("shadow-stack").is_yes() {
        programs.push(Program::required("shadow_btf", Attach::Entry, "fpregs_lock_and_load"));
    }
    programs.extend([
        Program::optional("dispatch_x32", Attach::Entry, "x32_sys_call"),
        Program::optional("dispatch_ia32", Attach::Entry, "ia32_sys_call"),
        Program::required("dispatch_x64", Attach::Entry, "x64_sys_call"),
        Program::required("final_btf", Attach::Entry, FINAL),
    ]);
    let mut blind_spots = vec![
        "service time ends at the final hook: it contains the exit work".to_owned(),
        "calls that never reach the dispatch function (seccomp, tracers, numbers outside the table) have no latency"
            .to_owned(),
        "calls with number -1 are not counted".to_owned(),
        "ioctl that fails with ENOSYS is not counted: it looks like KVM entering a guest".to_owned(),
    ];
    blind_spots.extend(Regime::doubts(facts));
    Ok(Plan {
        name: "quiet",
        fidelity: Fidelity::Exact,
        programs,
        commit: Commit::AtFinalQuietly,
        blind_spots,
    })
}
