//! Constants that the loader sets and freezes: the verifier removes what they switch off.

use aya_ebpf::Global;
use tracer_common::{ExitRules, admission::ReturnFilter};

macro_rules! globals {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$doc])* #[unsafe(no_mangle)] pub static $name: Global<$type> = Global::new($value);)*
    };
}

globals! {
    /// Offsets into `task_struct`, from the kernel's BTF.
    OFF_PID: u32 = 0;
    OFF_TGID: u32 = 0;
    /// `thread_info.status`, which holds `TS_COMPAT`.
    OFF_STATUS: u32 = 0;
    OFF_PTRACE: u32 = 0;
    OFF_SECCOMP_MODE: u32 = 0;
    OFF_MM: u32 = 0;
    OFF_SIGNAL: u32 = 0;
    /// `signal_struct.live`.
    OFF_LIVE: u32 = 0;
    /// `mm_struct.context.vdso`, `.vdso_image`, and `vdso_image.sym_int80_landing_pad`.
    OFF_VDSO: u32 = 0;
    OFF_VDSO_IMAGE: u32 = 0;
    OFF_LANDING_PAD: u32 = 0;
    /// `task_struct.stack`, and where `pt_regs` lie above it.
    OFF_STACK: u32 = 0;
    REGS_ON_STACK: u32 = 0;
    /// In the records of the classic tracepoints `sched_process_exec` and `signal_deliver`.
    TP_OLD_PID: u32 = 0;
    TP_SA_HANDLER: u32 = 0;
    TP_SA_FLAGS: u32 = 0;

    /// The final hook counts; all other programs label and time.
    DEFERRED: u32 = 0;
    /// Whatever can change the registers after `sys_exit` is followed to its end.
    FOLLOWED: u32 = 0;
    /// The final hook reads the clock.
    CLOCK: u32 = 0;
    /// No program sees the exit: the latency ends at the final hook.
    QUIET: u32 = 0;
    /// From a series' row to that of its exit work; 0 is none.
    WORK_ROWS: u32 = 0;

    /// The exit rules of this kernel; `COMMON_LIMIT` is theirs for the common return.
    COMMON_LIMIT: u64 = 0;
    IP_LIMIT: u64 = 0;
    CANONICAL_BITS: u32 = 0;
    FRED: u32 = 0;
    XENPV: u32 = 0;

    /// Rows of each CPU.
    MAX_SERIES: u32 = 0;
    /// Significant digits of the histograms.
    DIGITS: u32 = 2;
    /// Measure turnaround.
    TURNAROUND: u32 = 0;
    /// Time one call in this many; 1 is all.
    SAMPLE: u32 = 1;

    /// 0: all processes; 1: `FILTER_TGID`; 2: the admission table.
    FILTER_TASKS: u32 = 0;
    FILTER_TGID: u32 = 0;
    FOLLOW: u32 = 0;
    FILTER_COMM: u32 = 0;
    COMM: [u64; 2] = [0; 2];
    FILTER_UID: u32 = 0;
    UID: u32 = 0;
    FILTER_CGROUP: u32 = 0;
    CGROUP: u64 = 0;
    CGROUP_LEVEL: u32 = 0;
    /// Which calls: `SYSCALLS`.
    FILTER_SYSCALLS: u32 = 0;
    /// Which errors: `ERRORS`.
    FILTER_ERRORS: u32 = 0;
    /// Some filter looks at how a call returned.
    RETURN_FILTER: u32 = 0;
    FILTER_FAILED: u32 = 0;
    MIN_LATENCY: u64 = 0;

    /// Where a kernel stack shows a syscall's own exit: start and end of `do_syscall_64` and of the `int $0x80`
    /// entry; zeros when the symbols cannot be read.
    SYSCALL_TEXT: [u64; 4] = [0; 4];
    /// Diagnostics through aya-log.
    VERBOSE: u32 = 0;
}

/// A bit a call: 1024 for each ABI, and for the one that does not exist: a length that a mask can check.
#[unsafe(no_mangle)]
pub static SYSCALLS: [u64; 64] = [u64::MAX; 64];
/// A bit an error cell.
#[unsafe(no_mangle)]
pub static ERRORS: [u64; 4] = [u64::MAX; 4];

/// The exit rules as `tracer-common` takes them.
#[inline(always)]
pub fn exit_rules() -> ExitRules {
    ExitRules {
        ip_limit: IP_LIMIT.load(),
        canonical_bits: CANONICAL_BITS.load(),
        fred: FRED.load() != 0,
        xenpv: XENPV.load() != 0,
    }
}

/// The filter on returns.
#[inline(always)]
pub fn return_filter() -> ReturnFilter {
    ReturnFilter { failed: FILTER_FAILED.load() != 0, min_latency: MIN_LATENCY.load() }
}

/// Whether some filter can change its mind about a task while that is inside a call.
#[inline(always)]
pub fn task_filter_may_change() -> bool {
    FILTER_COMM.load() != 0 || FILTER_UID.load() != 0 || FILTER_CGROUP.load() != 0 || FILTER_TASKS.load() == 2
}
