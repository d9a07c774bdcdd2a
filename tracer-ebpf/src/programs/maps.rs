//! The maps. All but the records are mmapable arrays: user space reads them without a system call, so that reading disturbs no
//! program (on 7.x a `bpf()` map operation makes the kernel skip tracepoint programs of that CPU).

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use tracer_common::{
    CpuState, Loss, TaskRecord, Untimed,
    layout::{RECORDS, SeriesRow1, SeriesRow2},
};

/// One record a thread, at [`TaskRecord::slot`]; in `.bss`.
static mut TASKS: [TaskRecord; RECORDS] = [TaskRecord::unseen(0); RECORDS];
/// One a CPU.
#[map]
static CPUS: Array<CpuState> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// `ROWS` a CPU, with 2 significant digits.
#[map]
pub static ROWS_2: Array<SeriesRow2> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// `ROWS` a CPU, with 1 significant digit.
#[map]
pub static ROWS_1: Array<SeriesRow1> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// [`tracer_common::admission::Admission`] of each process number, eight a word.
#[map]
static ADMISSION: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// A thread's record.
#[inline(always)]
pub fn record(tid: u32) -> *mut TaskRecord {
    let slot = TaskRecord::slot(tid, RECORDS as u32 - 1);
    // SAFETY: the slot is below the table's length.
    unsafe { (&raw mut TASKS).cast::<TaskRecord>().add(slot as usize) }
}

/// What a CPU keeps.
#[inline(always)]
pub fn cpu(cpu: u32) -> Option<*mut CpuState> {
    CPUS.get_ptr_mut(cpu)
}

/// The byte of a process in the admission table.
#[inline(always)]
pub fn admission(tgid: u32) -> Option<*mut u8> {
    let word = ADMISSION.get_ptr_mut(tgid >> 3)?;
    // SAFETY: the offset stays inside the word's eight bytes.
    Some(unsafe { word.cast::<u8>().add((tgid & 7) as usize) })
}

/// Counts a loss.
#[inline(always)]
pub fn lose(state: *mut CpuState, loss: Loss) {
    // SAFETY: `state` points to a map value that only programs of this CPU write.
    unsafe { (*state).losses[loss as usize] += 1 };
}

/// Counts a return without latency, or a call without return.
#[inline(always)]
pub fn untimed(state: *mut CpuState, why: Untimed) {
    // SAFETY: as in `lose`.
    unsafe { (*state).untimed[why as usize] += 1 };
}

/// The value again, as one of which the verifier knows nothing.
#[inline(always)]
pub fn reread<T: Copy>(value: &T) -> T {
    // SAFETY: a valid reference.
    unsafe { core::ptr::read_volatile(value) }
}
