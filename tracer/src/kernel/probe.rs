//! Facts that only trying shows. Programs are loaded and dropped again; nothing is attached.

use aya::{
    programs::ProgramType,
    sys::{BpfHelper, Stats, enable_stats, is_helper_supported, is_program_supported},
};

use crate::kernel::Fact;

fn supported(kind: ProgramType, name: &str) -> Fact {
    match is_program_supported(kind) {
        Ok(true) => Fact::yes(format!("the kernel loads {name} programs")),
        Ok(false) => Fact::no(format!("the kernel does not know {name} programs")),
        Err(error) => Fact::unknown(format!("loading a {name} program: {}", chain(&error))),
    }
}

/// Whether raw tracepoint programs load.
#[must_use]
pub fn raw_tracepoints() -> Fact {
    supported(ProgramType::RawTracePoint, "raw tracepoint")
}

/// Whether a program can look at the running task by its type (5.11 and later).
#[must_use]
pub fn typed_task() -> Fact {
    match is_helper_supported(ProgramType::RawTracePoint, BpfHelper::BPF_FUNC_get_current_task_btf) {
        Ok(true) => Fact::yes("the kernel has bpf_get_current_task_btf"),
        Ok(false) => Fact::no("the kernel has no bpf_get_current_task_btf (5.11 and later have it)"),
        Err(error) => Fact::unknown(format!("bpf_get_current_task_btf: {}", chain(&error))),
    }
}

/// Whether a program can ask for the running task's saved registers (5.15 and later).
#[must_use]
pub fn task_regs() -> Fact {
    match is_helper_supported(ProgramType::RawTracePoint, BpfHelper::BPF_FUNC_task_pt_regs) {
        Ok(true) => Fact::yes("the kernel has bpf_task_pt_regs"),
        Ok(false) => Fact::no("the kernel has no bpf_task_pt_regs (5.15 and later have it)"),
        Err(error) => Fact::unknown(format!("bpf_task_pt_regs: {}", chain(&error))),
    }
}

/// Whether programs can read kernel memory that has no type: kernel lockdown may refuse it, and old kernels differ.
#[must_use]
pub fn kernel_reads() -> Fact {
    match is_helper_supported(ProgramType::RawTracePoint, BpfHelper::BPF_FUNC_probe_read_kernel) {
        Ok(true) => Fact::yes("the kernel has bpf_probe_read_kernel"),
        Ok(false) => {
            Fact::no("the kernel refuses bpf_probe_read_kernel: lockdown `confidentiality`, or before 5.5")
        }
        Err(error) => Fact::unknown(format!("bpf_probe_read_kernel: {}", chain(&error))),
    }
}

/// Whether fentry and fexit programs load.
#[must_use]
pub fn fentry() -> Fact {
    supported(ProgramType::Tracing, "tracing (fentry)")
}

/// Whether the kernel's run-time statistics of programs can be switched on (5.8 and later).
#[must_use]
pub fn run_time_stats() -> Fact {
    match enable_stats(Stats::RunTime) {
        Ok(_) => Fact::yes("BPF_ENABLE_STATS works"),
        Err(error) => Fact::unknown(format!("BPF_ENABLE_STATS: {}", chain(&error))),
    }
}

/// An error with its causes, on one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
