//! What the final hook counts, and why: `tracer-common/src/finish.rs`.

use super::{Killer, Mutant};

const FILE: &str = "tracer-common/src/finish.rs";

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "final-newborn",
        rule: "a first return is known at the final hook where nothing sees its exit",
        file: FILE,
        find: "if ax == 0 && here.is_fork() || own && record.call.is_newborn() {",
        replace: "if false {",
        killer: Killer::on("6.12", "quiet", "fork"),
    },
    Mutant {
        name: "final-entered",
        rule: "a call whose exit nothing sees counts by its entry",
        file: FILE,
        find: "return Final::Entered(record.call);",
        replace: "return Final::Nothing;",
        killer: Killer::on("6.12", "quiet", "getppid"),
    },
    Mutant {
        name: "final-refused",
        rule: "a call that seccomp answers counts where nothing sees its exit",
        file: FILE,
        find: "if orig_ax as u32 == u32::MAX { Final::Nothing } else { Final::Unlabelled(here) }",
        replace: "Final::Nothing",
        killer: Killer::on("6.12", "quiet", "seccomp-errno"),
    },
    Mutant {
        name: "final-unlabelled",
        rule: "a call that fires no event counts by its number",
        file: FILE,
        find: "if orig_ax as u32 == u32::MAX { Final::Nothing } else { Final::Unlabelled(here) }",
        replace: "Final::Nothing",
        killer: Killer::finally("user-dispatch"),
    },
    Mutant {
        name: "final-interrupt",
        rule: "-1 in `orig_ax` without a call is an interrupt's return",
        file: FILE,
        find: "if orig_ax as u32 == u32::MAX { Final::Nothing } else { Final::Unlabelled(here) }",
        replace: "Final::Unlabelled(here)",
        killer: Killer::finally("sigreturn-async"),
    },
    Mutant {
        name: "stale",
        rule: "a call past its exit whose `orig_ax` is -1 returned unseen",
        file: FILE,
        find: "return if orig_ax as u32 == u32::MAX && !minus_one {",
        replace: "return if false {",
        killer: Killer::test(
            "finish::tests::a_call_past_its_exit_is_committed_whatever_the_registers_say",
            "only a call that returns while the hooks are being attached is stale",
        ),
    },
    Mutant {
        name: "stale-sigreturn",
        rule: "`rt_sigreturn` stores -1 itself",
        file: FILE,
        find: "let minus_one = call.is_sigreturn() || call.nr == NR_INVALID || ptraced;",
        replace: "let minus_one = call.nr == NR_INVALID || ptraced;",
        killer: Killer::finally("kill-self"),
    },
    Mutant {
        name: "stale-number",
        rule: "the caller's own number may be -1",
        file: FILE,
        find: "let minus_one = call.is_sigreturn() || call.nr == NR_INVALID || ptraced;",
        replace: "let minus_one = call.is_sigreturn() || ptraced;",
        killer: Killer::finally("bad-neg"),
    },
    Mutant {
        name: "passing",
        rule: "a run from inside the exit work (user shadow stacks) says nothing",
        file: FILE,
        find: "if record.call.is_passing() {",
        replace: "if false {",
        killer: Killer::test(
            "finish::tests::a_call_past_its_exit_is_committed_whatever_the_registers_say",
            "QEMU has no user shadow stacks",
        ),
    },
    Mutant {
        name: "kvm",
        rule: "a run from inside `ioctl` is KVM entering a guest",
        file: FILE,
        find: "if is_ioctl(call) && ax == IN_HANDLER {",
        replace: "if false {",
        killer: Killer::test("finish::tests::kvm_inside_ioctl_is_no_return", "a guest has no KVM of its own"),
    },
    Mutant {
        name: "exec-cause",
        rule: "the cause behind the return of `execve` is the new program",
        file: FILE,
        find: "} else if entry.call.is_exec() && !failed {",
        replace: "} else if false {",
        killer: Killer::finally("exec"),
    },
    Mutant {
        name: "signal-cause",
        rule: "a handler set up on the way out is the cause",
        file: "tracer-ebpf/src/programs/amend.rs",
        find: "record.call = record.call.with_seen(cause);",
        replace: "record.call = record.call.with_seen(Cause::None);",
        killer: Killer::finally("kill-self"),
    },
    Mutant {
        name: "eintr",
        rule: "a handler turns a restart code into EINTR",
        file: "tracer-common/src/amend.rs",
        find: "_ => error_cell(EINTR),",
        replace: "_ => error,",
        killer: Killer::finally("eintr"),
    },
];
