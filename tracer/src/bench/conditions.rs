//! What would make the figures less than they could be: read, said, never changed.

use std::fs;

/// Everything that is read.
#[derive(Clone, Debug, Default)]
struct Seen {
    governor: Option<String>,
    turbo: Option<&'static str>,
    smt: bool,
    cpuinfo: String,
    load: String,
    status: String,
}

/// One sentence each, of the machine and of this process.
#[must_use]
pub fn warnings(cpu: u32) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let cpus = "/sys/devices/system/cpu";
    let is = |path: &str, value: &str| read(&format!("{cpus}/{path}")).is_some_and(|text| text == value);
    let turbo = if is("intel_pstate/no_turbo", "0") {
        Some("intel_pstate/no_turbo is 0")
    } else {
        is("cpufreq/boost", "1").then_some("cpufreq/boost is 1")
    };
    let seen = Seen {
        governor: read(&format!("{cpus}/cpu{cpu}/cpufreq/scaling_governor")),
        turbo,
        smt: is("smt/active", "1"),
        cpuinfo: read("/proc/cpuinfo").unwrap_or_default(),
        load: read("/proc/loadavg").unwrap_or_default(),
        status: read("/proc/self/status").unwrap_or_default(),
    };
    judge(&seen, cpu)
}

fn judge(seen: &Seen, cpu: u32) -> Vec<String> {
    let Seen { governor, turbo, smt, cpuinfo, load, status } = seen;
    let mut found = Vec::new();
    if let Some(governor) = governor.as_deref().filter(|&governor| governor != "performance") {
        found.push(format!("CPU {cpu} has the governor {governor}: its speed follows the load"));
    }
    if let Some(turbo) = turbo {
        found.push(format!("turbo is on ({turbo}): the speed depends on heat and on the other cores"));
    }
    if *smt {
        found.push(format!("SMT is on: what runs on the other thread of CPU {cpu}'s core slows it"));
    }
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    if flags.split_whitespace().any(|flag| flag == "hypervisor") {
        found.push("a virtual machine: other guests and the hypervisor disturb unseen".to_owned());
    }
    let load = load.split(' ').next().unwrap_or_default();
    if load.parse().is_ok_and(|load: f64| load > 0.5) {
        found.push(format!("the machine is busy (load average {load})"));
    }
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim).filter(|&value| value != "0").map(str::to_owned)
    };
    if field("Seccomp").is_some() {
        found.push("this process is under seccomp: each of its calls pays for the filter".to_owned());
    }
    if let Some(tracer) = field("TracerPid") {
        found.push(format!("process {tracer} traces this one (ptrace), and may change how its calls return"));
    }
    found
}

/// Time that the hypervisor kept from a CPU, and all of its time, in ticks of `/proc/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stolen {
    stolen: u64,
    all: u64,
}

impl Stolen {
    /// Up to now; `None` where the kernel does not say.
    #[must_use]
    pub fn now(cpu: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?, cpu)
    }

    fn parse(stat: &str, cpu: u32) -> Option<Self> {
        let name = format!("cpu{cpu}");
        let line = stat.lines().find(|line| line.split(' ').next() == Some(&name))?;
        // user nice system idle iowait irq softirq steal; guest time is part of user time.
        let times: Vec<u64> =
            line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { stolen: *times.get(7)?, all: times.iter().sum() })
    }

    /// What is said of the time since `before`, if much of it was stolen.
    #[must_use]
    pub fn since(self, before: Self) -> Option<String> {
        let stolen = self.stolen.saturating_sub(before.stolen) as f64;
        let share = stolen / self.all.saturating_sub(before.all).max(1) as f64;
        (share > 0.01).then(|| format!("the hypervisor kept {:.0} % of the CPU's time", share * 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_machine_is_not_complained_of() {
        let quiet = Seen {
            governor: Some("performance".to_owned()),
            load: "0.12 0.1 0.1 1/100 4".to_owned(),
            status: "Name:\tx\nTracerPid:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n".to_owned(),
            cpuinfo: "flags\t\t: fpu tsc\n".to_owned(),
            ..Seen::default()
        };
        assert_eq!(judge(&quiet, 3), [""; 0]);
    }

    #[test]
    fn everything_that_disturbs_is_named() {
        let busy = Seen {
            governor: Some("schedutil".to_owned()),
            turbo: Some("cpufreq/boost is 1"),
            smt: true,
            load: "3.50 0.1 0.1 1/100 4".to_owned(),
            status: "TracerPid:\t77\nSeccomp:\t2\n".to_owned(),
            cpuinfo: "flags\t\t: fpu hypervisor\n".to_owned(),
        };
        let found = judge(&busy, 3).join("\n");
        for word in ["schedutil", "turbo", "SMT", "virtual machine", "3.50", "seccomp", "process 77"] {
            assert!(found.contains(word), "{word}: {found}");
        }
    }

    #[test]
    fn stolen_time_is_a_share() {
        let stat =
            |steal: u64| format!("cpu  9 9\ncpu1 10 0 10 {} 0 0 0 {steal} 5 0\ncpu10 1\n", 980 - steal);
        let (before, after) = (Stolen::parse(&stat(0), 1).unwrap(), Stolen::parse(&stat(300), 1).unwrap());
        assert_eq!(before.all, after.all);
        let later = Stolen { all: after.all + 1000, ..after };
        assert_eq!(later.since(before).unwrap(), "the hypervisor kept 30 % of the CPU's time");
        assert_eq!(before.since(before), None);
        assert_eq!(Stolen::parse(&stat(0), 7), None);
    }
}
