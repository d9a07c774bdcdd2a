//! Facts about the running kernel. Asks, never decides: each answer is yes, no, or unknown with the reason.

pub mod audit;
pub mod btf;
pub mod conditions;
pub mod description;
pub mod fact;
pub mod machine;
pub mod probe;
pub mod probe_links;
pub mod symbols;

use std::{fs, io};

pub use fact::{Answer, Fact};
use symbols::Symbols;

/// Everything that choosing and running a plan depends on.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `uname -r`.
    pub release: String,
    /// `uname -v`.
    pub version: String,
    /// Kernel command line.
    pub command_line: String,
    /// The symbols that matter.
    pub symbols: Symbols,
    /// CPUs that can ever be online, and the largest process number plus one.
    pub possible_cpus: u32,
    /// `kernel.pid_max`.
    pub pid_max: u32,
    /// Memory in bytes that can be had without swapping; 0 when it is not known.
    pub available_memory: u64,
    /// The answers, by name, in the order in which they are shown.
    pub answers: Vec<(&'static str, Fact)>,
}

impl Facts {
    /// Asks the running kernel. Reads files and tries system calls; attaches nothing.
    #[must_use]
    pub fn gather() -> Self {
        let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned());
        let kallsyms =
            fs::File::open("/proc/kallsyms").and_then(|file| Symbols::read(io::BufReader::new(file)));
        let unreadable = kallsyms.as_ref().err().map(ToString::to_string);
        let symbols = kallsyms.unwrap_or_default();
        let config = machine::kernel_config();
        let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
        let flag = |name: &str| machine::cpu_flag(&cpuinfo, name);
        let option = |name: &str| machine::config_option(config.as_ref(), name);
        let symbol = |name: &str| match symbols.has(name) {
            Some(true) => Fact::yes(format!("{name} is in /proc/kallsyms")),
            Some(false) => Fact::no(format!("{name} is not in /proc/kallsyms")),
            None => Fact::unknown("/proc/kallsyms shows no symbols"),
        };
        let answers = vec![
            ("partial-frame", symbol("entry_SYSCALL_64_fastpath")),
            ("fred", flag("fred")),
            ("xenpv", machine::xen_pv()),
            ("pti", flag("pti")),
            ("la57", machine::la57(&cpuinfo, &read("/proc/cmdline").unwrap_or_default())),
            ("ia32", option("CONFIG_IA32_EMULATION")),
            ("x32", option("CONFIG_X86_X32_ABI")),
            ("btf", machine::btf("/sys/kernel/btf/vmlinux")),
            ("symbols", machine::symbol_addresses(&symbols, unreadable)),
            ("tracefs", machine::tracefs()),
            ("lockdown", machine::lockdown()),
            ("kprobes", option("CONFIG_KPROBES")),
            ("kprobe-events", machine::kprobe_events()),
            ("probeable-entry", machine::probeable_entry(&symbols)),
            ("final-hook-symbol", symbol("fpregs_assert_state_consistent")),
            ("prepare-hook-symbol", symbol("exit_to_user_mode_prepare")),
            ("dispatch-symbol", symbol("x64_sys_call")),
            ("shadow-stack", flag("user_shstk")),
            ("nohz-full", machine::nohz_full(read("/sys/devices/system/cpu/nohz_full"))),
            ("cap-bpf", machine::capability(39)),
            ("cap-perfmon", machine::capability(38)),
            ("cap-sys-admin", machine::capability(21)),
            ("raw-tracepoints", probe::raw_tracepoints()),
            ("kernel-reads", probe::kernel_reads()),
            ("typed-task", probe::typed_task()),
            ("task-regs", probe::task_regs()),
            ("fentry", probe::fentry()),
            ("run-time-stats", probe::run_time_stats()),
        ];
        Self {
            release: read("/proc/sys/kernel/osrelease").unwrap_or_default(),
            version: read("/proc/sys/kernel/version").unwrap_or_default(),
            command_line: read("/proc/cmdline").unwrap_or_default(),
            symbols,
            possible_cpus: machine::possible_cpus(read("/sys/devices/system/cpu/possible")),
            available_memory: machine::available_memory(&read("/proc/meminfo").unwrap_or_default()),
            pid_max: read("/proc/sys/kernel/pid_max")
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(1 << 22),
            answers,
        }
    }

    /// One answer; unknown when it was not asked.
    #[must_use]
    pub fn get(&self, name: &str) -> Fact {
        let found = self.answers.iter().find(|(other, _)| *other == name);
        found.map_or_else(|| Fact::unknown("not asked"), |(_, fact)| fact.clone())
    }

    /// Major and minor version of the kernel; zeros when the release says neither.
    #[must_use]
    pub fn kernel_version(&self) -> (u32, u32) {
        let mut numbers =
            self.release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

/// The kernel's type information.
pub fn btf_bytes() -> io::Result<Vec<u8>> {
    fs::read("/sys/kernel/btf/vmlinux")
}
