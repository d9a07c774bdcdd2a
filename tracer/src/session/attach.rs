//! One program of whatever kind: loaded, attached, unloaded.

use aya::{
    Btf,
    programs::{Program, ProgramError},
};

/// Loads it. `btf` is there whenever the plan has programs that need it.
pub fn load(program: &mut Program, hook: &str, btf: Option<&Btf>) -> Result<(), ProgramError> {
    match (program, btf) {
        (Program::BtfTracePoint(one), Some(btf)) => one.load(hook, btf),
        (Program::FEntry(one), Some(btf)) => one.load(hook, btf),
        (Program::FExit(one), Some(btf)) => one.load(hook, btf),
        (Program::RawTracePoint(one), _) => one.load(),
        (Program::TracePoint(one), _) => one.load(),
        (Program::KProbe(one), _) => one.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Attaches it to its tracepoint or function.
pub fn attach(program: &mut Program, hook: &str) -> Result<(), ProgramError> {
    match program {
        Program::BtfTracePoint(one) => one.attach().map(drop),
        Program::FEntry(one) => one.attach().map(drop),
        Program::FExit(one) => one.attach().map(drop),
        Program::RawTracePoint(one) => one.attach(hook).map(drop),
        Program::TracePoint(one) => {
            let (category, name) = hook.split_once(':').unwrap_or(("", hook));
            one.attach(category, name).map(drop)
        }
        Program::KProbe(one) => one.attach(hook, 0).map(drop),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Detaches and unloads it; nothing can be done about a failure, and the kernel does it when the process ends.
pub fn unload(program: &mut Program) {
    let _ = match program {
        Program::BtfTracePoint(one) => one.unload(),
        Program::FEntry(one) => one.unload(),
        Program::FExit(one) => one.unload(),
        Program::RawTracePoint(one) => one.unload(),
        Program::TracePoint(one) => one.unload(),
        Program::KProbe(one) => one.unload(),
        _ => Ok(()),
    };
}
