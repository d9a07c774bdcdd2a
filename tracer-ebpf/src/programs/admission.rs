//! Which tasks and calls are traced: the filters. `PLAIN` programs have none compiled in: even a constant that is
//! never true costs a load, and twenty of them cost as much as a clock.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_uid_gid, generated::bpf_get_current_ancestor_cgroup_id,
};
use tracer_common::{SyscallId, admission::Admission};

use super::{config, maps, task::Source};

/// At `sys_enter`: whether the task's calls are selected. A command that has just been executed becomes selected
/// here.
#[inline(always)]
pub fn selected_at_entry(source: &impl Source) -> bool {
    match config::FILTER_TASKS.load() {
        0 => {}
        1 => {
            if source.tgid() != config::FILTER_TGID.load() {
                return false;
            }
        }
        _ => {
            let Some(state) = maps::admission(source.tgid()) else { return false };
            // SAFETY: a byte of a map value; only this process's events change it.
            let before = Admission(unsafe { *state });
            let after = before.after_entry();
            if after != before {
                // SAFETY: as above.
                unsafe { *state = after.0 };
            }
            if !after.is_selected() {
                return false;
            }
        }
    }
    task_matches()
}

/// At `sys_exit`: the same test without a change of state.
#[inline(always)]
pub fn selected_at_exit(source: &impl Source) -> bool {
    match config::FILTER_TASKS.load() {
        0 => {}
        1 => {
            if source.tgid() != config::FILTER_TGID.load() {
                return false;
            }
        }
        _ => match maps::admission(source.tgid()) {
            // SAFETY: as above.
            Some(state) if Admission(unsafe { *state }).is_selected() => {}
            _ => return false,
        },
    }
    task_matches()
}

/// At the final hook: the return of a command's `execve` makes what follows selected, and is itself left out.
#[inline(always)]
pub fn selected_at_final(source: &impl Source) -> bool {
    if config::FILTER_TASKS.load() < 2 {
        return selected_at_exit(source);
    }
    let Some(state) = maps::admission(source.tgid()) else { return false };
    // SAFETY: as above.
    let before = Admission(unsafe { *state });
    let after = before.after_return();
    if after != before {
        // SAFETY: as above.
        unsafe { *state = after.0 };
    }
    before.is_selected() && task_matches()
}

#[inline(always)]
fn task_matches() -> bool {
    if config::FILTER_UID.load() != 0 && bpf_get_current_uid_gid() as u32 != config::UID.load() {
        return false;
    }
    if config::FILTER_CGROUP.load() != 0 {
        // SAFETY: a helper without pointers.
        let id = unsafe { bpf_get_current_ancestor_cgroup_id(config::CGROUP_LEVEL.load() as i32) };
        if id != config::CGROUP.load() {
            return false;
        }
    }
    if config::FILTER_COMM.load() != 0 {
        let Ok(comm) = bpf_get_current_comm() else { return false };
        let [low, high] = config::COMM.load();
        if u128::from_le_bytes(comm) != u128::from(low) | u128::from(high) << 64 {
            return false;
        }
    }
    true
}

/// Whether a call is selected by `-e`.
#[inline(always)]
pub fn call_selected(call: SyscallId) -> bool {
    if config::FILTER_SYSCALLS.load() == 0 {
        return true;
    }
    let bit = (call.abi as usize) << 10 | call.nr as usize;
    // A mask, not a remainder: the verifier follows no multiplication by a reciprocal.
    let word = (bit >> 6) & 63;
    // SAFETY: `word` is below 64; volatile because the loader rewrites the array.
    let word = unsafe { core::ptr::read_volatile((&raw const config::SYSCALLS).cast::<u64>().add(word)) };
    (word >> (bit & 63)) & 1 != 0
}

/// Whether an error is selected by `--errno`.
#[inline(always)]
pub fn error_selected(cell: u8) -> bool {
    if config::FILTER_ERRORS.load() == 0 {
        return true;
    }
    let word = ((cell >> 6) as usize) & 3;
    // SAFETY: `word` is below 4.
    let word = unsafe { core::ptr::read_volatile((&raw const config::ERRORS).cast::<u64>().add(word)) };
    (word >> (cell & 63)) & 1 != 0
}
