//! Offsets of the members that the programs read, from the kernel's BTF: no layout is written down.

use crate::kernel::{
    btf::{Btf, BtfError},
    symbols::Symbols,
};

/// Offsets in bytes, with the names of the globals that take them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets(pub Vec<(&'static str, u32)>);

/// Needed on every kernel with BTF.
const REQUIRED: &[(&str, &str, &str)] = &[
    ("OFF_PID", "task_struct", "pid"),
    ("OFF_TGID", "task_struct", "tgid"),
    ("OFF_STATUS", "task_struct", "thread_info.status"),
    ("OFF_PTRACE", "task_struct", "ptrace"),
    ("OFF_MM", "task_struct", "mm"),
    ("OFF_STACK", "task_struct", "stack"),
    ("OFF_SIGNAL", "task_struct", "signal"),
    ("OFF_LIVE", "signal_struct", "live"),
];

/// Absent where the kernel is built without the feature: then the offset names a member that is always 0 or
/// leads to no landing pad.
const OPTIONAL: &[(&str, &str, &str)] = &[
    ("OFF_SECCOMP_MODE", "task_struct", "seccomp.mode"),
    ("OFF_VDSO", "mm_struct", "context.vdso"),
    ("OFF_VDSO_IMAGE", "mm_struct", "context.vdso_image"),
    ("OFF_LANDING_PAD", "vdso_image", "sym_int80_landing_pad"),
];

impl Offsets {
    /// Looks all of them up. A kernel built for FRED leaves 16 bytes above the
    /// registers (`TOP_OF_KERNEL_STACK_PADDING`).
    pub fn read(btf: &Btf<'_>, symbols: &Symbols) -> Result<Self, BtfError> {
        let mut found = Vec::new();
        for &(global, structure, path) in REQUIRED {
            found.push((global, btf.offset(structure, path)?));
        }
        for &(global, structure, path) in OPTIONAL {
            let ptrace = btf.offset("task_struct", "ptrace")?;
            let fallback = if global == "OFF_SECCOMP_MODE" { ptrace } else { 0 };
            found.push((global, btf.offset(structure, path).unwrap_or(fallback)));
        }
        let padding = if symbols.has("asm_fred_exit_user") == Some(true) { 16 } else { 0 };
        let regs = thread_size(symbols).saturating_sub(padding + btf.size("pt_regs")?);
        found.push(("REGS_ON_STACK", regs));
        Ok(Self(found))
    }
}

/// `THREAD_SIZE`: the first task's stack is that long (`INIT_TASK_DATA`, include/asm-generic/vmlinux.lds.h). 16 KiB where
/// the linker's symbols do not say; only KASAN doubles it.
fn thread_size(symbols: &Symbols) -> u32 {
    [("__start_init_task", "__end_init_task"), ("__start_init_stack", "__end_init_stack")]
        .iter()
        .find_map(|(start, end)| symbols.address(end)?.checked_sub(symbols.address(start)?))
        .and_then(|size| u32::try_from(size).ok())
        .filter(|&size| size.is_power_of_two() && size >= 8192)
        .unwrap_or(16384)
}
