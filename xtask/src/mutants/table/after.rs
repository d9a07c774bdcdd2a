//! What is seen after `sys_exit` by plans that count there: `tracer-common/src/amend.rs` and its programs.

use super::{Killer, Mutant};

const FILE: &str = "tracer-common/src/amend.rs";

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "amend",
        rule: "a counted return moves to IRET when its registers are rewritten",
        file: FILE,
        find: "if counted.key.path().is_fast() {",
        replace: "if false {",
        killer: Killer::on("6.12", "tracepoints", "kill-self"),
    },
    Mutant {
        name: "amend-own",
        rule: "an interrupt's signal does not move the call before it",
        file: FILE,
        find: "return if call.is_sigreturn() { Own::AskStack } else { Own::No };",
        replace: "return if call.is_sigreturn() { Own::AskStack } else { Own::Yes };",
        killer: Killer::on("6.12", "tracepoints", "sigreturn-async"),
    },
    Mutant {
        name: "amend-again",
        rule: "what a slow-path function leaves is judged again",
        file: "tracer-ebpf/src/programs/follow.rs",
        find: "if verdict.path == counted.key.path() && verdict.reasons == counted.reasons {",
        replace: "if verdict.path as u8 <= u8::MAX {",
        killer: Killer::on("6.12", "amend", "ptrace-rip"),
    },
    Mutant {
        name: "amend-dispatch",
        rule: "a call of syscall user dispatch counts though it fires no tracepoint",
        file: "tracer-ebpf/src/programs/amend.rs",
        find: "as u32 == SYS_USER_DISPATCH {",
        replace: "as u32 == SYS_USER_DISPATCH + 7 {",
        killer: Killer::on("6.12", "tracepoints", "user-dispatch"),
    },
];
