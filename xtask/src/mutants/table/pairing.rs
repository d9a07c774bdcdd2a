//! Which exit belongs to which entry: `tracer-common/src/pairing.rs`.

use super::{Killer, Mutant};

const FILE: &str = "tracer-common/src/pairing.rs";

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "newborn-exit",
        rule: "an exit of a new task is its first return, by its birth's record or by the value 0",
        file: FILE,
        find: "    if record.tid == tid && record.call.is_newborn() {
        return Exit::Newborn;
    }
    if ret == 0 && here.is_fork() && !(record.tid == tid && record.call.is_in()) {",
        replace: "    if ret == i64::MIN && here.is_fork() {",
        killer: Killer::finally("fork"),
    },
    Mutant {
        name: "newborn-record",
        rule: "the record of a birth marks the first exit",
        file: FILE,
        find: "if record.tid == tid && record.call.is_newborn() {",
        replace: "if false {",
        killer: Killer::test(
            "pairing::tests::children_are_newborn_by_record_and_by_value",
            "the value 0 marks every child that a case makes",
        ),
    },
    Mutant {
        name: "newborn-value",
        rule: "without a birth's record, the value 0 marks the first exit",
        file: FILE,
        find: "if ret == 0 && here.is_fork() && !(record.tid == tid && record.call.is_in()) {",
        replace: "if false {",
        killer: Killer::test(
            "pairing::tests::children_are_newborn_by_record_and_by_value",
            "only a kernel that skips the birth's event needs it",
        ),
    },
    Mutant {
        name: "sigreturn-names",
        rule: "the saved number names `rt_sigreturn`, whose `orig_ax` is -1",
        file: FILE,
        find: "if number == u32::MAX && call.is_sigreturn() {",
        replace: "if false {",
        killer: Killer::finally("kill-self"),
    },
    Mutant {
        name: "exec-renames",
        rule: "`execve` stores its new ABI's own number in `orig_ax`",
        file: FILE,
        find: "call.is_exec() && matches!(number, 59 | 11 | 520)",
        replace: "false",
        killer: Killer::finally("elf32-int80"),
    },
    Mutant {
        name: "exec-thread",
        rule: "a thread that executes a program goes on under its leader's number",
        file: FILE,
        find: "if old.tid == old_tid { TaskRecord { tid, ..*old } } else { TaskRecord::unseen(tid) }",
        replace: "if old.tid == old_tid { TaskRecord::unseen(tid) } else { TaskRecord::unseen(old_tid) }",
        killer: Killer::test(
            "pairing::tests::a_thread_that_executes_takes_its_leaders_number",
            "it costs the latency only: the return is counted without its entry",
        ),
    },
    Mutant {
        name: "unpaired-exit",
        rule: "an exit without entry counts",
        file: "tracer-ebpf/src/programs/exit.rs",
        find: "if !PLAIN && !admission::call_selected(here) {",
        replace: "if !PLAIN {",
        killer: Killer::on("6.12", "tracepoints", "seccomp-errno"),
    },
];
