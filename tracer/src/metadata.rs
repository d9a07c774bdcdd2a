//! What a recording says about itself: where, by what, and with which claims it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The head of a recording and of every output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of the recording format, `major.minor`; a reader takes every minor of its major.
    pub format: String,
    /// Name and version of the tool that recorded.
    pub tool: String,
    /// The traced kernel.
    pub kernel: KernelInfo,
    /// The machine.
    #[serde(default)]
    pub machine: MachineInfo,
    /// What else went on when recording began.
    #[serde(default)]
    pub conditions: Conditions,
    /// Which replicate this is; `None` in recordings of before, and where several were added up.
    #[serde(default)]
    pub run: Option<Run>,
    /// What was attached.
    pub plan: PlanInfo,
    /// Significant digits of the histograms, 1 or 2.
    pub precision: u8,
    /// The clock that timed the calls.
    pub clock: String,
    /// When recording began, in seconds since the epoch.
    pub started_at: f64,
    /// The filters, one a line as they would be typed; empty is everything.
    #[serde(default)]
    pub filters: Vec<String>,
    /// One call in this many is timed (`--sample`); 1 is all.
    #[serde(default = "one")]
    pub sample: u32,
    /// Only counts, no latencies (`--counts-only`).
    #[serde(default)]
    pub counts_only: bool,
    /// A syscall tracepoint was on, so that a partial-frame kernel ran every call through its slow path (`--divert`).
    #[serde(default)]
    pub divert: bool,
    /// The traced command, if one was started.
    #[serde(default)]
    pub command: Vec<String>,
}

impl Metadata {
    /// How many of our programs a call passes.
    #[must_use]
    pub fn programs_a_call(&self) -> u8 {
        match (&*self.plan.name, self.counts_only) {
            (_, true) => 1,
            ("final-hook" | "prepare-hook", false) => 3,
            _ => 2,
        }
    }

    /// Whether what is traced is found by forks or execs: children, a command, or processes by their name.
    #[must_use]
    pub fn follows(&self) -> bool {
        let by_name = |filter: &String| filter == "-f" || filter.starts_with("--comm ");
        !self.command.is_empty() || self.filters.iter().any(by_name)
    }
}

impl Metadata {
    /// Where the eBPF object came from: `prebuilt`, `source`, `env` or `stub`.
    #[must_use]
    pub const fn object(&self) -> &'static str {
        env!("EXITPATH_BPF_SOURCE")
    }
}

const fn one() -> u32 {
    1
}

/// The regime of a kernel, as outputs show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of a kernel, each its own key in the JSON"
)]
pub struct KernelInfo {
    /// `uname -r`.
    pub release: String,
    /// `uname -v`.
    #[serde(default)]
    pub version: String,
    /// `partial` or `full`.
    pub frame: String,
    /// Where the exit instruction is chosen: `asm` or `c`.
    pub decision: String,
    /// FRED is active.
    #[serde(default)]
    pub fred: bool,
    /// Xen PV guest.
    #[serde(default)]
    pub xenpv: bool,
    /// Page-table isolation is active.
    #[serde(default)]
    pub pti: bool,
    /// 57-bit addresses.
    #[serde(default)]
    pub la57: bool,
    /// SHA-256 of the kernel's configuration, where it can be read.
    #[serde(default)]
    pub config_digest: Option<String>,
    /// The configuration options that decide what entering and leaving the kernel costs, without `CONFIG_`: `y`, `m`,
    /// `n` or a value. An option that this kernel does not know is not in it; empty is a configuration that could not be
    /// read.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// The compiler that built it, as it calls itself.
    #[serde(default)]
    pub compiler: Option<String>,
    /// How far the running kernel preempts, where it can be switched: `none`, `voluntary`, `full` or `lazy`.
    #[serde(default)]
    pub preemption: Option<String>,
    /// Kernel command line.
    #[serde(default)]
    pub command_line: String,
}

/// The machine, as far as it decides what a call costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineInfo {
    /// CPU model name.
    #[serde(default)]
    pub cpu_model: String,
    /// Microcode revision.
    #[serde(default)]
    pub microcode: String,
    /// CPUs online and possible.
    #[serde(default)]
    pub cpus: u32,
    /// Frequency governor, where there is one.
    #[serde(default)]
    pub governor: Option<String>,
    /// Hyper-threading state.
    #[serde(default)]
    pub smt: Option<String>,
    /// Mitigations by vulnerability.
    #[serde(default)]
    pub mitigations: BTreeMap<String, String>,
    /// Whether the processor may go above its nominal frequency: `on` or `off`, where cpufreq says it.
    #[serde(default)]
    pub turbo: Option<String>,
    /// The hypervisor's own name and what machine it shows; `none` on bare metal.
    #[serde(default)]
    pub hypervisor: Option<String>,
    /// The kernel's clock source, which every time that is read goes through.
    #[serde(default)]
    pub clocksource: Option<String>,
    /// A digest of the machine's identity: equal on equal hosts, and nothing more.
    #[serde(default)]
    pub host_id: String,
}

/// What went on beside the recording when it began: it may change from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Load average over one minute.
    #[serde(default)]
    pub load: Option<f64>,
    /// Tasks that were running or ready to.
    #[serde(default)]
    pub running: Option<u32>,
    /// Whatever else was attached to entry and exit of system calls, one a line; `None` where that could not be asked.
    #[serde(default)]
    pub tracers: Option<Vec<String>>,
    /// Whether the kernel audits: `on`, `off` or `locked`; `None` where that could not be asked.
    #[serde(default)]
    pub audit: Option<String>,
}

/// One run of several: what a comparison counts as one observation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// 128 random bits in hex: two files with the same are copies of one recording.
    pub id: String,
    /// Which run of its side, from 1.
    pub number: u32,
    /// The command of `--ab` that ran; `None` where there is one only.
    #[serde(default)]
    pub side: Option<Side>,
    /// Runs of this side just before the first recorded one, which were thrown away.
    #[serde(default)]
    pub warmup: u32,
    /// When it ran among all recorded runs, those of the other side too, from 1.
    #[serde(default)]
    pub order: u32,
}

/// One of the two commands of `--ab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first: the base.
    A,
    /// The second: the new one.
    B,
}

impl Side {
    /// `a` or `b`: also the name of the side's folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// The plan as it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanInfo {
    /// The plan's name.
    pub name: String,
    /// `exact`, `amended` or `bounds`: the most that may be claimed.
    pub fidelity: String,
    /// The attached programs, `program@hook`.
    pub attached: Vec<String>,
    /// What this plan cannot see.
    pub blind_spots: Vec<String>,
}
