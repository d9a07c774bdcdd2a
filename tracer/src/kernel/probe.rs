//! Facts that only trying shows. Programs are loaded and dropped again; nothing is attached.

use aya::{
    programs::ProgramType,
    sys::{Stats, enable_stats, is_program_supported},
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
