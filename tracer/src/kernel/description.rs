//! Kernel and machine as recordings describe them. What cannot be read is left out, never guessed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::machine::kernel_config;
use crate::{
    environment::options,
    metadata::{KernelInfo, MachineInfo},
};

const CPU: &str = "/sys/devices/system/cpu";

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Adds what files say of the kernel: its configuration, its compiler, its preemption.
pub fn complete(kernel: &mut KernelInfo) {
    if let Some(config) = kernel_config() {
        kernel.config_digest = Some(digest(&config));
        kernel.config = options::of(&config);
    }
    let built_by = || compiler(&read("/proc/version")?);
    kernel.compiler = kernel.config.get("CC_VERSION_TEXT").cloned().or_else(built_by);
    kernel.preemption = read("/sys/kernel/debug/sched/preempt").as_deref().and_then(chosen);
}

/// SHA-256 in hex.
fn digest(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(text).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What stands in brackets in `none voluntary (full) lazy`.
fn chosen(text: &str) -> Option<String> {
    text.split_whitespace().find_map(|word| Some(word.strip_prefix('(')?.strip_suffix(')')?.to_owned()))
}

/// The compiler in `Linux version 6.1.0 (who@where) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld ...) #1 SMP`: the second
/// bracket up to its linker. Who built it where is nobody's business.
fn compiler(version: &str) -> Option<String> {
    let (_, rest) = version.split_once(") (")?;
    let mut depth = 0;
    let end = rest.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0 || (depth == 0 && c == ',')
    })?;
    Some(rest[..end].to_owned())
}

/// The machine.
#[must_use]
pub fn machine() -> MachineInfo {
    let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let mut mitigations = BTreeMap::new();
    for entry in fs::read_dir(format!("{CPU}/vulnerabilities")).into_iter().flatten().flatten() {
        if let (Ok(name), Ok(text)) = (entry.file_name().into_string(), fs::read_to_string(entry.path())) {
            mitigations.insert(name, text.trim().to_owned());
        }
    }
    MachineInfo {
        cpu_model: field("model name"),
        microcode: field("microcode"),
        cpus: cpuinfo.lines().filter(|line| line.starts_with("processor")).count() as u32,
        governor: governors(),
        smt: read(&format!("{CPU}/smt/control")),
        mitigations,
        turbo: turbo(
            read(&format!("{CPU}/intel_pstate/no_turbo")).as_deref(),
            read(&format!("{CPU}/cpufreq/boost")).as_deref(),
        ),
        hypervisor: hypervisor(&cpuinfo),
        clocksource: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        host_id: read("/etc/machine-id").map(|id| short_digest(&id)).unwrap_or_default(),
    }
}

/// The governors of all CPUs, each once.
fn governors() -> Option<String> {
    let policies = fs::read_dir(format!("{CPU}/cpufreq")).into_iter().flatten().flatten();
    let names = policies.filter_map(|policy| read(policy.path().join("scaling_governor").to_str()?));
    let names: BTreeSet<String> = names.collect();
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(", "))
}

/// `intel_pstate` says what is off, `cpufreq` what is on.
fn turbo(no_turbo: Option<&str>, boost: Option<&str>) -> Option<String> {
    let word = match (no_turbo, boost) {
        (Some("0"), _) | (None, Some("1")) => "on",
        (Some("1"), _) | (None, Some("0")) => "off",
        _ => return None,
    };
    Some(word.to_owned())
}

/// Whether there is one is the processor's flag; its name stands in CPUID leaf `0x4000_0000`, which the flag reserves
/// for it; what machine it shows, in the firmware's tables.
fn hypervisor(cpuinfo: &str) -> Option<String> {
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags"))?;
    if !flags.split_whitespace().any(|flag| flag == "hypervisor") {
        return Some("none".to_owned());
    }
    let leaf = std::arch::x86_64::__cpuid(0x4000_0000);
    let name: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].into_iter().flat_map(u32::to_le_bytes).collect();
    let name: String =
        String::from_utf8_lossy(&name).chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    let shown: Vec<String> = ["sys_vendor", "product_name"]
        .iter()
        .filter_map(|file| read(&format!("/sys/class/dmi/id/{file}")))
        .collect();
    let name = if name.trim().is_empty() { "unnamed" } else { name.trim() };
    Some(if shown.is_empty() { name.to_owned() } else { format!("{name} ({})", shown.join(" ")) })
}

/// FNV-1a: tells hosts apart in a recording without giving the machine's identity away.
fn short_digest(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_told_from_who_built_where() {
        let cases = [
            (
                "Linux version 6.1.0-18-amd64 (who@where) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU) 2.40) #1 SMP",
                Some("gcc-12 (Debian 12.2.0-14) 12.2.0"),
            ),
            (
                "Linux version 4.4.0 (who@where) (gcc version 5.4.0 (Ubuntu 5.4.0) ) #1",
                Some("gcc version 5.4.0 (Ubuntu 5.4.0) "),
            ),
            ("Linux version 6.1", None),
        ];
        for (version, name) in cases {
            assert_eq!(compiler(version).as_deref(), name);
        }
    }

    #[test]
    fn turbo_is_what_the_driver_says() {
        for (no_turbo, boost, is) in [
            (Some("0"), None, Some("on")),
            (Some("1"), Some("1"), Some("off")),
            (None, Some("1"), Some("on")),
            (None, Some("0"), Some("off")),
            (None, None, None),
        ] {
            assert_eq!(turbo(no_turbo, boost).as_deref(), is);
        }
    }

    #[test]
    fn the_chosen_preemption_stands_in_brackets() {
        assert_eq!(chosen("none voluntary (full) lazy").as_deref(), Some("full"));
        assert_eq!(chosen("none voluntary"), None);
    }

    #[test]
    fn a_processor_without_the_flag_is_bare_and_one_without_flags_unknown() {
        assert_eq!(hypervisor("flags\t\t: fpu vme").as_deref(), Some("none"));
        assert_eq!(hypervisor("processor : 0"), None);
    }
}
