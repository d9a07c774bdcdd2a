//! Which tasks, calls and returns are traced.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::{bpf_get_current_uid_gid, generated::bpf_get_current_comm};
use tracer_common::{SyscallId, admission::Admission, old_maps::OldConfig};

use super::maps;

/// At an entry: whether the task's calls are selected. A command that has just been executed becomes selected here.
#[inline(always)]
pub fn selected(config: &OldConfig, tgid: u32) -> bool {
    match config.filter_tasks {
        0 => {}
        1 => {
            if tgid != config.tgid {
                return false;
            }
        }
        _ => {
            let Some(state) = maps::admission(tgid) else { return false };
            // SAFETY: a byte of a map value; only this process's events change it.
            let after = Admission(unsafe { *state }).after_entry();
            // SAFETY: as above.
            unsafe { *state = after.0 };
            if !after.is_selected() {
                return false;
            }
        }
    }
    if config.filter_uid != 0 && bpf_get_current_uid_gid() as u32 != config.uid {
        return false;
    }
    if config.filter_comm != 0 {
        let mut comm = MaybeUninit::<[u64; 2]>::uninit();
        // SAFETY: the buffer's own size; the helper fills it, or says that it failed.
        let comm = unsafe {
            if bpf_get_current_comm(comm.as_mut_ptr().cast(), 16) != 0 {
                return false;
            }
            comm.assume_init()
        };
        if comm != config.comm {
            return false;
        }
    }
    true
}

/// At the end of an `execve`: a command that was waited for is traced from its next entry on.
#[inline(always)]
pub fn executed(config: &OldConfig, tgid: u32) {
    if config.filter_tasks == 2
        && let Some(state) = maps::admission(tgid)
    {
        // SAFETY: a byte of a map value; only this process's events change it.
        unsafe { *state = Admission(*state).after_exec().0 };
    }
}

/// Whether a call is selected by `-e`.
#[inline(always)]
pub fn call_selected(config: &OldConfig, call: SyscallId) -> bool {
    if config.filter_syscalls == 0 {
        return true;
    }
    let bit = (call.abi as usize) << 10 | call.nr as usize;
    in_words(&config.syscalls, bit >> 6 & 63, bit as u32)
}

/// Whether a return is selected by how it ended.
#[inline(always)]
pub fn return_selected(config: &OldConfig, error: u8, latency: Option<u64>) -> bool {
    if config.failed != 0 && error == 0 {
        return false;
    }
    if config.filter_errors != 0 && !in_words(&config.errors, (error >> 6 & 3) as usize, u32::from(error)) {
        return false;
    }
    match latency {
        Some(ns) => ns >= config.min_latency,
        None => config.min_latency == 0,
    }
}

/// `word` is masked to the set's length by the caller: a mask is what the verifier follows.
#[inline(always)]
fn in_words<const N: usize>(set: &[u64; N], word: usize, bit: u32) -> bool {
    // SAFETY: see above.
    let word = unsafe { core::ptr::read_volatile(set.as_ptr().add(word)) };
    word >> (bit & 63) & 1 != 0
}
