//! The maps: arrays of 4.9, indexed by CPU where a CPU has its own.

use aya_ebpf::{
    helpers::generated::bpf_get_smp_processor_id,
    macros::map,
    maps::{Array, HashMap},
};
use tracer_common::{
    Loss, TaskRecord, Untimed,
    handlers::Thread,
    old_maps::{Handles, OldConfig, OldCounters, OldRow, THREADS},
};

#[map]
static CONFIG: Array<OldConfig> = Array::with_max_entries(1, 0);
/// One record a thread, at [`TaskRecord::slot`].
#[map]
static RECORDS: Array<Thread> = Array::with_max_entries(THREADS as u32, 0);
/// What a handler's address, plus one, stands for.
#[map]
static HANDLERS: HashMap<u64, u32> = HashMap::with_max_entries(2048, 0);
/// The 64-bit table: the address, plus one, of each number's handler.
#[map]
pub static TABLE: Array<u64> = Array::with_max_entries(1024, 0);
/// One a CPU.
#[map]
static COUNTERS: Array<OldCounters> = Array::with_max_entries(1, 0);
/// From series key to row plus one; [`tracer_common::old_maps::SLOTS`] a CPU.
#[map]
pub static SLOTS: Array<u32> = Array::with_max_entries(1, 0);
/// `max_series` a CPU.
#[map]
pub static ROWS: Array<OldRow> = Array::with_max_entries(1, 0);
/// One a path and CPU.
#[map]
pub static TURNAROUND: Array<OldRow> = Array::with_max_entries(1, 0);
/// [`tracer_common::admission::Admission`] of each process number, eight a word.
#[map]
static ADMISSION: Array<u64> = Array::with_max_entries(1, 0);
/// What a look into kernel memory saw.
#[map]
pub static PEEKED: Array<u64> = Array::with_max_entries(8, 0);

/// Where a fast 32-bit call was seen to return to: its place within a page is the same for all.
#[map]
static LANDING: Array<u32> = Array::with_max_entries(1, 0);

/// Remembers a landing pad.
#[inline(always)]
pub fn learn_landing(pad: u32) {
    if let Some(seen) = LANDING.get_ptr_mut(0) {
        // SAFETY: a map value; whoever writes writes the same bits that count.
        unsafe { *seen = pad };
    }
}

/// The landing pad near this address, for a call whose handler was not seen; the address itself before any was seen.
#[inline(always)]
pub fn landing(ip: u32) -> u32 {
    match LANDING.get(0) {
        Some(&pad) if pad != 0 => ip & !0xfff | pad & 0xfff,
        _ => ip,
    }
}

/// The configuration.
#[inline(always)]
pub fn config() -> Option<&'static OldConfig> {
    CONFIG.get(0)
}

/// A thread's record.
#[inline(always)]
pub fn thread(tid: u32) -> Option<&'static mut Thread> {
    let pointer = RECORDS.get_ptr_mut(TaskRecord::slot(tid, THREADS as u32 - 1))?;
    // SAFETY: only the running thread's events touch its record, but for a birth, which comes before them.
    Some(unsafe { &mut *pointer })
}

/// Makes a record that of a thread of which nothing is known; 0 is nobody. Word by word: the compiler would call
/// `memset`, and these kernels know no calls.
#[inline(always)]
pub fn forget(thread: &mut Thread, tid: u32) {
    let words = (&raw mut *thread).cast::<u64>();
    // SAFETY: the record is eight words long, and any bits are a value.
    unsafe {
        core::ptr::write_volatile(words, u64::from(tid));
        core::ptr::write_volatile(words.add(1), 0);
        core::ptr::write_volatile(words.add(2), 0);
        core::ptr::write_volatile(words.add(3), 0);
        core::ptr::write_volatile(words.add(4), 0);
        core::ptr::write_volatile(words.add(5), 0);
        core::ptr::write_volatile(words.add(6), 0);
        core::ptr::write_volatile(words.add(7), 0);
    }
}

/// What a probed address stands for.
#[inline(always)]
pub fn handles(ip: u64) -> Option<Handles> {
    // SAFETY: the map is not written while programs run.
    unsafe { HANDLERS.get(ip) }.map(|&word| Handles(word))
}

/// This CPU and its counters.
#[inline(always)]
pub fn here() -> Option<(u32, *mut OldCounters)> {
    // SAFETY: a helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    Some((cpu, COUNTERS.get_ptr_mut(cpu)?))
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
pub fn lose(counters: *mut OldCounters, loss: Loss) {
    // SAFETY: a map value that only programs of this CPU write.
    unsafe { (*counters).losses[loss as usize] += 1 };
}

/// Counts a return without latency, or a call without return.
#[inline(always)]
pub fn untimed(counters: *mut OldCounters, why: Untimed) {
    let mut why = why as usize;
    // SAFETY: as in `lose`; masked to the array's length. Through memory, as in `series::bump`.
    unsafe {
        let why = core::ptr::read_volatile(&raw mut why) & 7;
        let cell = (&raw mut (*counters).untimed).cast::<u64>().add(why);
        core::ptr::write_volatile(cell, core::ptr::read_volatile(cell) + 1);
    }
}
