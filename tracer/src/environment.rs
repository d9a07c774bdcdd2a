//! Two recordings side by side: what keeps them from being compared, and what else differs between their machines.
//!
//! Pure: both come from the recordings' heads alone.

pub mod options;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::metadata::{KernelInfo, MachineInfo, Metadata, PlanInfo};

/// Something in which two recordings differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `kernel release`, `governor`, `CONFIG_PREEMPT`.
    pub what: String,
    /// The base's value; `-` where it does not say one.
    pub base: String,
    /// The new side's value, likewise.
    pub new: String,
}

impl Difference {
    /// `None` where both are the same.
    #[must_use]
    pub fn between(what: &str, base: Option<&str>, new: Option<&str>) -> Option<Self> {
        let said = |side: Option<&str>| side.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
        let (base, new) = (said(base), said(new));
        (base != new).then(|| Self { what: what.to_owned(), base, new })
    }
}

impl std::fmt::Display for Difference {
    /// `governor: powersave | performance`.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}: {} | {}", self.what, self.base, self.new)
    }
}

/// A load average is another one when it differs by more than this, or by a quarter of the CPUs: a series of runs
/// raises it by itself.
const LOAD: f64 = 1.0;

/// What makes two recordings answer different questions: their numbers cannot be compared, nor added up.
///
/// The process numbers of `-p` are no filter in this sense: the same program has another one on every boot.
#[must_use]
pub fn obstacles(base: &Metadata, new: &Metadata) -> Vec<Difference> {
    let mut found = Found::default();
    found.text("plan", &base.plan.name, &new.plan.name);
    found.text("fidelity", &base.plan.fidelity, &new.plan.fidelity);
    found.text("precision", &base.precision.to_string(), &new.precision.to_string());
    found.text("filters", &filters(base), &filters(new));
    found.text("sample", &base.sample.to_string(), &new.sample.to_string());
    found.text("counts-only", word(base.counts_only), word(new.counts_only));
    found.0
}

/// What differs in the environment: kernel, machine, conditions, the tool and what was run.
#[must_use]
pub fn differences(base: &Metadata, new: &Metadata) -> Vec<Difference> {
    let mut found = Found::default();
    // Without a rest: a field that is added must be thought of here.
    let Metadata { format: _, tool, kernel, machine, conditions, run: _, plan, precision: _, clock, .. } =
        base;
    let Metadata { started_at: _, filters: _, sample: _, counts_only: _, divert, command, .. } = base;
    found.text("exitpath", tool, &new.tool);
    found.text("command", &command.join(" "), &new.command.join(" "));
    found.push("calls diverted (--divert)", Some(word(*divert)), Some(word(new.divert)));
    found.kernel(kernel, &new.kernel);
    found.machine(machine, &new.machine);
    found.text("clock", clock, &new.clock);
    found.attached(plan, &new.plan);
    found.load(conditions.load, new.conditions.load, machine.cpus.max(new.machine.cpus));
    let lines = |tracers: &Option<Vec<String>>| {
        tracers.as_ref().map(|lines| if lines.is_empty() { "none".to_owned() } else { lines.join("; ") })
    };
    found.known("other tracers", lines(&conditions.tracers), lines(&new.conditions.tracers));
    found.known("audit", conditions.audit.clone(), new.conditions.audit.clone());
    found.0
}

fn filters(metadata: &Metadata) -> String {
    let words = metadata.filters.iter().map(|line| if line.starts_with("-p ") { "-p" } else { line });
    words.collect::<Vec<_>>().join(" ")
}

const fn word(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn push(&mut self, what: &str, base: Option<&str>, new: Option<&str>) {
        self.0.extend(Difference::between(what, base, new));
    }

    /// Empty is not said.
    fn text(&mut self, what: &str, base: &str, new: &str) {
        self.push(what, Some(base), Some(new));
    }

    fn option(&mut self, what: &str, base: Option<&String>, new: Option<&String>) {
        self.push(what, base.map(String::as_str), new.map(String::as_str));
    }

    /// Only where both say it: that one could not look is no difference of the machines.
    fn known(&mut self, what: &str, base: Option<String>, new: Option<String>) {
        if let (Some(base), Some(new)) = (base, new) {
            self.push(what, Some(&base), Some(&new));
        }
    }

    fn kernel(&mut self, base: &KernelInfo, new: &KernelInfo) {
        let KernelInfo {
            release,
            version,
            frame,
            decision,
            fred,
            xenpv,
            pti,
            la57,
            config_digest,
            config,
            compiler,
            preemption,
            command_line,
        } = base;
        self.text("kernel release", release, &new.release);
        self.text("kernel build", version, &new.version);
        self.text("frame", frame, &new.frame);
        self.text("decided in", decision, &new.decision);
        self.push("FRED", Some(word(*fred)), Some(word(new.fred)));
        self.push("Xen PV", Some(word(*xenpv)), Some(word(new.xenpv)));
        self.push("page-table isolation", Some(word(*pti)), Some(word(new.pti)));
        self.push("57-bit addresses", Some(word(*la57)), Some(word(new.la57)));
        self.option("compiler", compiler.as_ref(), new.compiler.as_ref());
        self.option("preemption", preemption.as_ref(), new.preemption.as_ref());
        self.text("kernel command line", command_line, &new.command_line);
        let before = self.0.len();
        // A configuration that could not be read is not one with everything off.
        if !config.is_empty() && !new.config.is_empty() {
            let (base, new) = (options::by_newest_name(config), options::by_newest_name(&new.config));
            self.map("CONFIG_", &base, &new, Some("n"));
        }
        if before == self.0.len() {
            let short = |digest: &Option<String>| digest.as_ref().map(|text| text.chars().take(12).collect());
            self.known("kernel configuration (digest)", short(config_digest), short(&new.config_digest));
        }
    }

    fn machine(&mut self, base: &MachineInfo, new: &MachineInfo) {
        let MachineInfo {
            cpu_model,
            microcode,
            cpus,
            governor,
            smt,
            mitigations,
            turbo,
            hypervisor,
            clocksource,
            host_id,
        } = base;
        self.text("host", host_id, &new.host_id);
        self.text("CPU", cpu_model, &new.cpu_model);
        self.text("microcode", microcode, &new.microcode);
        self.push("CPUs", Some(&cpus.to_string()), Some(&new.cpus.to_string()));
        self.option("governor", governor.as_ref(), new.governor.as_ref());
        self.option("turbo", turbo.as_ref(), new.turbo.as_ref());
        self.option("SMT", smt.as_ref(), new.smt.as_ref());
        self.option("hypervisor", hypervisor.as_ref(), new.hypervisor.as_ref());
        self.option("clock source", clocksource.as_ref(), new.clocksource.as_ref());
        self.map("mitigation ", mitigations, &new.mitigations, None);
    }

    /// Key by key. What a side does not have is `absent`.
    fn map(
        &mut self,
        prefix: &str,
        base: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
        absent: Option<&str>,
    ) {
        for key in base.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let of = |map: &'_ BTreeMap<String, String>| map.get(key).cloned().or(absent.map(str::to_owned));
            self.push(&format!("{prefix}{key}"), of(base).as_deref(), of(new).as_deref());
        }
    }

    /// The same plan may hang on other kinds of programs, which cost another time.
    fn attached(&mut self, base: &PlanInfo, new: &PlanInfo) {
        let only = |one: &PlanInfo, other: &PlanInfo| -> Vec<String> {
            one.attached.iter().filter(|program| !other.attached.contains(program)).cloned().collect()
        };
        self.text("attached only here", &only(base, new).join(" "), &only(new, base).join(" "));
    }

    fn load(&mut self, base: Option<f64>, new: Option<f64>, cpus: u32) {
        if let (Some(base), Some(new)) = (base, new)
            && (base - new).abs() > LOAD.max(f64::from(cpus) / 4.0)
        {
            self.push("load at start", Some(&format!("{base:.2}")), Some(&format!("{new:.2}")));
        }
    }
}

#[cfg(test)]
mod tests;
