//! What a recording says about itself: where, by what, and with which claims it was made.

use serde::{Deserialize, Serialize};

/// The head of a recording and of every output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    pub mitigations: std::collections::BTreeMap<String, String>,
    /// A digest of the machine's identity: equal on equal hosts, and nothing more.
    #[serde(default)]
    pub host_id: String,
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
