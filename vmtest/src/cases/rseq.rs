//! A restartable sequence with a system call in it, and the task switched out meanwhile: 4.18 to 6.18 abort the sequence
//! on the way out of the call, later kernels do not. The program sees which, so the rows are observed.
//!
//! On a thread without a library, because glibc registers its own threads. The kernel forbids calls in a sequence, but
//! only one built to debug that (`CONFIG_DEBUG_RSEQ`) checks, and kills: then the case fails.

use std::arch::asm;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use anyhow::{Result, ensure};

use super::{CLONE, Case, FORK_CHILD};
use crate::expect::{Give, Path};
use crate::observed::{self, Unsupported};
use crate::spawn::Thread;
use crate::sys::{self, plain};

/// `select`: libraries use `pselect6`, and no other case counts it.
const SELECT: (i64, &str) = (libc::SYS_select, "select");

pub static CASES: &[Case] = &[Case {
    name: "rseq-abort",
    what: "a thread's select of 1 ms inside a restartable sequence",
    section: "2, rseq abort",
    run,
    gives: &[
        Give::sysret(CLONE).once(),
        Give::iret(CLONE).once().reason(FORK_CHILD),
        // Which of the two, and how many each, is observed.
        Give::new(SELECT, Path::Sysret, 0),
        Give::iret(SELECT).times(0).cause("rseq"),
    ],
    ..Case::USUAL
}];

/// `struct rseq` (uapi/linux/rseq.h), as its first version has it.
#[repr(C, align(32))]
struct Area {
    cpu_id_start: u32,
    cpu_id: u32,
    sequence: u64,
    flags: u32,
    _padding: [u32; 3],
}

/// `struct rseq_cs`.
#[repr(C, align(32))]
struct Sequence {
    version: u32,
    flags: u32,
    start: u64,
    length: u64,
    abort: u64,
}

/// `RSEQ_FLAG_UNREGISTER`.
const UNREGISTER: usize = 1;

/// What the thread is asked, and what it found.
#[derive(Default)]
struct Task {
    count: AtomicU64,
    registered: AtomicI64,
    /// A call that was not answered with 0.
    odd: AtomicI64,
    committed: AtomicU64,
    aborted: AtomicU64,
}

/// In front of the abort handler stands this word, which the registration names too: no data is jumped to by mistake.
/// `ud1 edi, [rip + ...]`, so that a disassembler reads on.
const SIGNATURE: u32 = 0x5305_3053;

extern "C" fn body(task: usize) {
    // SAFETY: `run` passes its own, and joins this thread before it ends.
    let task = unsafe { &*(task as *const Task) };
    let mut area = Area { cpu_id_start: 0, cpu_id: u32::MAX, sequence: 0, flags: 0, _padding: [0; 3] };
    let size = size_of::<Area>();
    let at = (&raw mut area) as usize;
    // SAFETY: an area that lives until it is unregistered below.
    let got = unsafe { sys::syscall(libc::SYS_rseq, [at, size, 0, SIGNATURE as usize, 0]) };
    task.registered.store(got, SeqCst);
    if got != 0 {
        return;
    }
    for _ in 0..task.count.load(SeqCst) {
        match select(at) {
            (0, true) => task.aborted.fetch_add(1, SeqCst),
            (0, false) => task.committed.fetch_add(1, SeqCst),
            (odd, _) => {
                task.odd.store(odd, SeqCst);
                break;
            }
        };
    }
    // SAFETY: the same area.
    let _ = unsafe { sys::syscall(libc::SYS_rseq, [at, size, UNREGISTER, SIGNATURE as usize, 0]) };
}

/// One select of 1 ms in a sequence; its answer, and whether the sequence was aborted.
fn select(area: usize) -> (i64, bool) {
    let time = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let mut sequence = Sequence { version: 0, flags: 0, start: 0, length: 0, abort: 0 };
    let (answer, aborted): (i64, u64);
    // SAFETY: the sequence ends right after the call, in which the thread sleeps and so is always switched out; an
    // abort comes to 4, with the registers as the call left them. Nothing else here has an effect to be undone.
    unsafe {
        asm!(
            "lea {tmp}, [rip + 2f]",
            "mov [{sequence} + 8], {tmp}",
            "lea r9, [rip + 3f]",
            "sub r9, {tmp}",
            "mov [{sequence} + 16], r9",
            "lea {tmp}, [rip + 4f]",
            "mov [{sequence} + 24], {tmp}",
            "xor r9d, r9d",
            "mov [{area} + 8], {sequence}",
            "2:",
            "syscall",
            "nop", // RIP after the call must still lie inside
            "3:",
            "jmp 5f",
            ".long 0x53053053",
            "4:",
            "mov r9d, 1",
            "5:",
            "mov qword ptr [{area} + 8], 0",
            tmp = out(reg) _,
            sequence = in(reg) &raw mut sequence,
            area = in(reg) area,
            inlateout("rax") libc::SYS_select => answer,
            in("rdi") 0_usize, in("rsi") 0_usize, in("rdx") 0_usize, in("r10") 0_usize, in("r8") &raw const time,
            out("r9") aborted,
            // Not late: area and sequence are read after the call.
            out("rcx") _, out("r11") _,
        );
    }
    (answer, aborted != 0)
}

fn run(count: u64) -> Result<()> {
    // Bad arguments, for which a kernel with rseq has another error: the thread must not be started for nothing.
    if plain(libc::SYS_rseq, 0, 0) == -i64::from(libc::ENOSYS) {
        return Err(Unsupported("no rseq (CONFIG_RSEQ, 4.18)".to_owned()).into());
    }
    let task = Task { count: count.into(), ..Task::default() };
    Thread::start(body, (&raw const task) as usize)?.join();
    let registered = task.registered.load(SeqCst);
    ensure!(registered == 0, "rseq gave {registered}");
    let (committed, aborted) = (task.committed.load(SeqCst), task.aborted.load(SeqCst));
    let odd = task.odd.load(SeqCst);
    ensure!(
        odd == 0 && committed + aborted == count,
        "select gave {odd} after {committed} + {aborted} calls"
    );
    observed::add(Give::sysret(SELECT), committed);
    observed::add(Give::iret(SELECT).cause("rseq"), aborted);
    Ok(())
}
