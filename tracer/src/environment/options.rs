//! Which options of the kernel's configuration matter to entry and exit code, and how they were called before.

use std::collections::BTreeMap;

/// The options that recordings keep, without `CONFIG_`; a `*` at the end stands for anything.
///
/// From arch/x86/entry, arch/x86/Kconfig, kernel/Kconfig.preempt, kernel/time/Kconfig, init/Kconfig and
/// lib/Kconfig.debug of 4.4 to 7.x.
const KEPT: &[&str] = &[
    // What the entry code is made of.
    "X86_FRED",
    "IA32_EMULATION*",
    "X86_X32*",
    "X86_5LEVEL",
    "XEN_PV",
    "PARAVIRT*",
    "GENERIC_ENTRY",
    "GENERIC_SYSCALL",
    "RSEQ*",
    "DEBUG_RSEQ",
    "SECCOMP*",
    "AUDIT",
    "AUDITSYSCALL",
    "FTRACE_SYSCALLS",
    "SYSCALL_USER_DISPATCH",
    // Mitigations; the names before 6.9 after those of since.
    "MITIGATION_*",
    "CPU_MITIGATIONS",
    "SPECULATION_MITIGATIONS",
    "PAGE_TABLE_ISOLATION",
    "RETPOLINE",
    "RETHUNK",
    "CPU_IBPB_ENTRY",
    "CPU_IBRS_ENTRY",
    "CPU_UNRET_ENTRY",
    "CPU_SRSO",
    "CALL_DEPTH_TRACKING*",
    "GDS_FORCE_MITIGATION",
    "SLS",
    "SPECTRE_BHI*",
    "X86_KERNEL_IBT",
    "X86_USER_SHADOW_STACK",
    "FINEIBT*",
    "CFI",
    "CFI_CLANG",
    "RANDOMIZE_BASE",
    "RANDOMIZE_KSTACK_OFFSET*",
    "INIT_STACK_*",
    "KSTACK_ERASE",
    "GCC_PLUGIN_STACKLEAK",
    "STACKPROTECTOR*",
    "VMAP_STACK",
    // Preemption and the books that are kept of time.
    "PREEMPT*",
    "HZ*",
    "NO_HZ*",
    "CONTEXT_TRACKING*",
    "VIRT_CPU_ACCOUNTING*",
    "TICK_CPU_ACCOUNTING",
    "IRQ_TIME_ACCOUNTING",
    "SCHED_CORE",
    "PSI",
    // What tracing hangs on.
    "FUNCTION_TRACER",
    "FUNCTION_GRAPH_TRACER",
    "DYNAMIC_FTRACE",
    "BPF_JIT*",
    "X86_DEBUG_FPU",
    // What makes times those of another kernel.
    "DEBUG_ENTRY",
    "DEBUG_ATOMIC_SLEEP",
    "DEBUG_IRQFLAGS",
    "DEBUG_KMEMLEAK",
    "DEBUG_LOCK_ALLOC",
    "DEBUG_LOCKDEP",
    "DEBUG_MUTEXES",
    "DEBUG_OBJECTS",
    "DEBUG_PAGEALLOC",
    "DEBUG_PREEMPT",
    "DEBUG_SPINLOCK",
    "DEBUG_STACK_USAGE",
    "DEBUG_VM",
    "GCOV_KERNEL",
    "IRQSOFF_TRACER",
    "PREEMPT_TRACER",
    "TRACE_IRQFLAGS",
    "KASAN*",
    "KCOV",
    "KCSAN",
    "KMSAN",
    "LATENCYTOP",
    "LOCKDEP",
    "LOCK_STAT",
    "PROVE_LOCKING",
    "SLUB_DEBUG_ON",
    "UBSAN",
    // How it was built.
    "AUTOFDO_CLANG",
    "CC_OPTIMIZE_FOR_*",
    "CC_VERSION_TEXT",
    "FRAME_POINTER",
    "JUMP_LABEL",
    "LTO*",
    "MATOM",
    "MCORE2",
    "MNATIVE_*",
    "PROPELLER_CLANG",
    "UNWINDER_*",
    "X86_NATIVE_CPU",
];

/// Options with another name since 6.9 (commits "x86/bugs: Rename CONFIG_..."): old, new.
const RENAMED: &[(&str, &str)] = &[
    ("CALL_DEPTH_TRACKING", "MITIGATION_CALL_DEPTH_TRACKING"),
    ("CPU_IBPB_ENTRY", "MITIGATION_IBPB_ENTRY"),
    ("CPU_IBRS_ENTRY", "MITIGATION_IBRS_ENTRY"),
    ("CPU_SRSO", "MITIGATION_SRSO"),
    ("CPU_UNRET_ENTRY", "MITIGATION_UNRET_ENTRY"),
    ("GDS_FORCE_MITIGATION", "MITIGATION_GDS_FORCE"),
    ("PAGE_TABLE_ISOLATION", "MITIGATION_PAGE_TABLE_ISOLATION"),
    ("RETHUNK", "MITIGATION_RETHUNK"),
    ("RETPOLINE", "MITIGATION_RETPOLINE"),
    ("SLS", "MITIGATION_SLS"),
    ("SPECTRE_BHI", "MITIGATION_SPECTRE_BHI"),
    ("SPECULATION_MITIGATIONS", "CPU_MITIGATIONS"),
];

/// The options of a configuration file that are kept: name without `CONFIG_`, and `y`, `m`, `n` or a value.
#[must_use]
pub fn of(config: &str) -> BTreeMap<String, String> {
    let option = |line: &str| {
        let (name, value) = match line.strip_prefix("# CONFIG_") {
            Some(rest) => (rest.strip_suffix(" is not set")?, "n"),
            None => line.strip_prefix("CONFIG_")?.split_once('=')?,
        };
        is_kept(name).then(|| (name.to_owned(), value.trim_matches('"').to_owned()))
    };
    config.lines().filter_map(option).collect()
}

fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|kept| match kept.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *kept,
    })
}

/// The same options under the names that the newest kernels give them, so that a renaming is no difference. What the
/// compiler calls itself has a place of its own.
pub(super) fn by_newest_name(options: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let newest = |name: &String| {
        let renamed = RENAMED.iter().find(|(old, _)| old == name);
        renamed.map_or_else(|| name.clone(), |&(_, new)| new.to_owned())
    };
    let kept = options.iter().filter(|(name, _)| *name != "CC_VERSION_TEXT");
    kept.map(|(name, value)| (newest(name), value.clone())).collect()
}
