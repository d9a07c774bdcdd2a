//! Whose calls are traced, and what a task's death undoes: `tracer-common/src/admission.rs`, lifecycle programs.

use super::{Killer, Mutant};

const FILE: &str = "tracer-common/src/admission.rs";

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "admission-exec",
        rule: "a command is selected once it has been executed",
        file: FILE,
        find: "if self.0 == Self::AT_EXEC.0 { Self::AT_ENTRY } else { self }",
        replace: "self",
        killer: Killer::finally("getppid"),
    },
    Mutant {
        name: "admission-child",
        rule: "a followed process's children are selected",
        file: FILE,
        find: "if follow && self.0 == Self::YES.0 { Self::YES } else { Self::NO }",
        replace: "if follow && self.0 == Self::AT_ENTRY.0 { Self::YES } else { Self::NO }",
        killer: Killer::finally("fork"),
    },
    Mutant {
        name: "death",
        rule: "a task that dies on its way out of a call has not returned",
        file: "tracer-ebpf/src/programs/lifecycle.rs",
        find: "series::take(cpu, state, record.last, record.reasons, latency);",
        replace: "let _ = (cpu, latency);",
        killer: Killer::on("6.12", "tracepoints", "exit-sleepers"),
    },
];
