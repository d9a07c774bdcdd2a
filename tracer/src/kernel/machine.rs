//! Facts read from files: `/proc`, `/sys`, the kernel's configuration.

use std::{fs, io, io::Read as _, path::Path};

use crate::kernel::{Fact, symbols::Symbols};

/// The kernel's configuration, from the places distributions keep it.
#[must_use]
pub fn kernel_config() -> Option<String> {
    let mut text = String::new();
    if let Ok(file) = fs::File::open("/proc/config.gz")
        && flate2::read::GzDecoder::new(file).read_to_string(&mut text).is_ok()
    {
        return Some(text);
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let release = release.trim();
    [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
}

/// A configuration option.
#[must_use]
pub fn config_option(config: Option<&String>, name: &str) -> Fact {
    let Some(config) = config else {
        return Fact::unknown("the kernel's configuration is in none of the usual places");
    };
    let on =
        config.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest == "=y" || rest == "=m"));
    if on { Fact::yes(format!("{name} is set")) } else { Fact::no(format!("{name} is not set")) }
}

/// A CPU flag. The kernel leaves out of `/proc/cpuinfo` what it does not use.
#[must_use]
pub fn cpu_flag(cpuinfo: &str, name: &str) -> Fact {
    let Some(flags) = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")) else {
        return Fact::unknown("/proc/cpuinfo shows no flags");
    };
    if flags.split_whitespace().any(|flag| flag == name) {
        Fact::yes(format!("cpu flag {name}"))
    } else {
        Fact::no(format!("no cpu flag {name}"))
    }
}

/// 5-level page tables in use. `no5lvl` clears the flag.
#[must_use]
pub fn la57(cpuinfo: &str, command_line: &str) -> Fact {
    if command_line.split_whitespace().any(|word| word == "no5lvl") {
        return Fact::no("no5lvl on the kernel command line");
    }
    cpu_flag(cpuinfo, "la57")
}

/// Whether the kernel is a Xen PV guest.
#[must_use]
pub fn xen_pv() -> Fact {
    match fs::read_to_string("/sys/hypervisor/type") {
        Ok(kind) if kind.trim() == "xen" => match fs::read_to_string("/sys/hypervisor/guest_type") {
            Ok(guest) if guest.trim() == "PV" => Fact::yes("/sys/hypervisor/guest_type is PV"),
            Ok(guest) => Fact::no(format!("/sys/hypervisor/guest_type is {}", guest.trim())),
            Err(error) => Fact::unknown(format!("Xen, but /sys/hypervisor/guest_type: {error}")),
        },
        _ => Fact::no("/sys/hypervisor/type is not xen"),
    }
}

/// The kernel's type information.
#[must_use]
pub fn btf(path: &str) -> Fact {
    const MAGIC: [u8; 2] = 0xeb9f_u16.to_le_bytes();
    let mut start = [0; 2];
    match fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) if start == MAGIC => Fact::yes(path),
        Ok(()) => Fact::no(format!("{path} is not BTF")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Fact::no(format!("{path} is empty")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Fact::no(format!("no {path}: the kernel is built without CONFIG_DEBUG_INFO_BTF"))
        }
        Err(error) => Fact::unknown(format!("{path}: {error}")),
    }
}

/// Whether symbols come with addresses.
#[must_use]
pub fn symbol_addresses(symbols: &Symbols, error: Option<String>) -> Fact {
    if let Some(error) = error {
        return Fact::unknown(format!("/proc/kallsyms: {error}"));
    }
    match (symbols.range("do_syscall_64"), symbols.has("do_syscall_64")) {
        (Some(_), _) => Fact::yes("/proc/kallsyms shows addresses"),
        (None, Some(true)) => {
            Fact::no("/proc/kallsyms hides addresses (kernel.kptr_restrict, or no CAP_SYSLOG)")
        }
        _ => Fact::unknown("/proc/kallsyms does not show do_syscall_64"),
    }
}

/// Where tracefs is mounted. Only root may look into it, or who has `CAP_DAC_READ_SEARCH`.
#[must_use]
pub fn tracefs() -> Fact {
    for path in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
        match fs::read_dir(Path::new(path).join("events")) {
            Ok(_) => return Fact::yes(path),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Fact::unknown(format!("{path}: {error} (root may read it, and CAP_DAC_READ_SEARCH)"));
            }
            Err(_) => {}
        }
    }
    Fact::no(
        "no events: not mounted (mount -t tracefs tracefs /sys/kernel/tracing), or the kernel is locked down",
    )
}

/// Kernel lockdown. It refuses BPF reads of kernel memory at `confidentiality`.
#[must_use]
pub fn lockdown() -> Fact {
    match fs::read_to_string("/sys/kernel/security/lockdown") {
        Ok(text) => match text.split(['[', ']']).nth(1) {
            Some("none") => Fact::no("none"),
            Some(mode) => Fact::yes(mode),
            None => Fact::unknown(format!("/sys/kernel/security/lockdown reads {:?}", text.trim())),
        },
        Err(error) => Fact::unknown(format!("/sys/kernel/security/lockdown: {error}")),
    }
}

/// CPUs without a tick, where entry code tracks context.
#[must_use]
pub fn nohz_full(text: io::Result<String>) -> Fact {
    match text {
        Ok(text) if text.is_empty() || text == "(null)" => Fact::no("no CPU is nohz_full"),
        Ok(text) => Fact::yes(format!("CPUs {text}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Fact::no("built without CONFIG_NO_HZ_FULL"),
        Err(error) => Fact::unknown(error.to_string()),
    }
}

/// An effective capability of this process, by its number in include/uapi/linux/capability.h.
#[must_use]
pub fn capability(number: u32) -> Fact {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    match set.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()) {
        Some(set) if set >> number & 1 != 0 => Fact::yes("effective"),
        Some(_) => Fact::no("not in this process's effective set"),
        None => Fact::unknown("/proc/self/status shows no CapEff"),
    }
}

/// How many CPUs can ever be online: the last of a list such as `0-1` or `0,2-3`, plus one.
#[must_use]
pub fn possible_cpus(text: io::Result<String>) -> u32 {
    let last = |text: String| text.rsplit(['-', ',']).next().and_then(|last| last.parse::<u32>().ok());
    text.ok().and_then(last).map_or(1, |last| last + 1)
}

/// `MemAvailable` in bytes; 0 when it is not shown.
#[must_use]
pub fn available_memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// Whether probes can be defined through tracefs.
#[must_use]
pub fn kprobe_events() -> Fact {
    match crate::session::handlers::kprobe_events::tracefs() {
        Some(place) => Fact::yes(format!("{} has kprobe_events", place.display())),
        None => Fact::no("no kprobe_events in /sys/kernel/tracing or /sys/kernel/debug/tracing"),
    }
}

/// Whether the C function of the 64-bit entry can be probed: from 5.8 on it is `noinstr`.
#[must_use]
pub fn probeable_entry(symbols: &Symbols) -> Fact {
    match (symbols.has("do_syscall_64"), symbols.has("__noinstr_text_start")) {
        (None, _) => Fact::unknown("/proc/kallsyms shows no symbols"),
        (Some(false), _) => Fact::no("do_syscall_64 is not in /proc/kallsyms"),
        (_, Some(true)) => Fact::no("do_syscall_64 is noinstr, and cannot be probed"),
        _ => Fact::yes("do_syscall_64 is an ordinary function"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Answer;

    #[test]
    fn options_are_on_off_or_unknown() {
        let config = "CONFIG_KPROBES_ON_FTRACE=y\n# CONFIG_KPROBES is not set\nCONFIG_BPF=y\n".to_owned();
        assert_eq!(config_option(Some(&config), "CONFIG_BPF").answer, Answer::Yes);
        assert_eq!(config_option(Some(&config), "CONFIG_KPROBES").answer, Answer::No);
        assert_eq!(config_option(None, "CONFIG_BPF").answer, Answer::Unknown);
    }

    #[test]
    fn types_are_there_when_their_file_begins_as_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        for (bytes, answer) in [(&b""[..], Answer::No), (b"\x9f\xeb\x01", Answer::Yes), (b"text", Answer::No)]
        {
            fs::write(path, bytes).unwrap();
            assert_eq!(btf(path).answer, answer);
        }
        assert_eq!(btf("/nonexistent").answer, Answer::No);
    }

    #[test]
    fn flags_are_whole_words() {
        let info = "processor\t: 0\nflags\t\t: fpu la57x pti\n";
        assert_eq!(cpu_flag(info, "la57").answer, Answer::No);
        assert_eq!(cpu_flag(info, "pti").answer, Answer::Yes);
        assert_eq!(cpu_flag("", "pti").answer, Answer::Unknown);
        assert_eq!(la57("flags : la57", "quiet no5lvl").answer, Answer::No);
    }

    #[test]
    fn cpu_lists_end_in_the_last_cpu() {
        for (text, count) in [("0", 1), ("0-1", 2), ("0,2-239", 240)] {
            assert_eq!(possible_cpus(Ok(text.into())), count);
        }
        assert_eq!(possible_cpus(Err(io::ErrorKind::NotFound.into())), 1);
    }
}
