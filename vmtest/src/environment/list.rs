//! The environments.

use super::{Capability, Environment, Step, Want};

use Capability::{Bpf, DacReadSearch, Perfmon, SysAdmin, SysResource, Syslog};

/// As much locked memory as there is, so that a user's limit is not what is tested.
const UNLIMITED: Step = Step::Memlock(libc::RLIM_INFINITY);
const KALLSYMS: Step = Step::Empty("/proc/kallsyms");
const TRACEFS: Step = Step::Unmounted("/sys/kernel/tracing");
const KPTR: &str = "kernel/kptr_restrict";
/// What final hooks say where classic tracepoints cannot be had.
const LABELS: &str = "may lack their number or latency";

/// All of them, for a kernel of this version.
#[must_use]
pub fn all(version: (u32, u32)) -> Vec<Environment> {
    // Preemptible tracepoint programs: there tracefs makes a difference.
    let modern = version >= (6, 13);
    let labels = if modern { Want::SameBut(LABELS) } else { Want::Same };
    // Typed programs need helpers of 5.15; before, without BTF, there are only bounds either way.
    let untyped = Want::Plan("tracepoints", "bounds");
    // Before 5.11 maps count as locked memory.
    let locked = if version < (5, 11) { Want::Refused("ulimit -l") } else { Want::Same };
    let mut all = Vec::new();
    let mut add = |name, steps: &[Step], want| {
        all.push(Environment { name, steps: steps.to_vec(), command: &[], want });
    };
    let user = |capabilities: &'static [Capability]| [UNLIMITED, Step::User(capabilities)];

    add("root without CAP_BPF", &[Step::Without(Bpf)], Want::Same);
    add("root without CAP_PERFMON", &[Step::Without(Perfmon)], Want::Same);
    // Debian's perf refuses tracepoints to others at its own level 3, its default.
    add("root without CAP_SYS_ADMIN", &[Step::Without(SysAdmin)], labels);
    add("root without CAP_SYSLOG", &[Step::Without(Syslog)], Want::Same);
    add("root without CAP_DAC_READ_SEARCH", &[Step::Without(DacReadSearch)], Want::Same);
    add("root without CAP_SYS_RESOURCE", &[Step::Memlock(65_536), Step::Without(SysResource)], locked);
    add(
        "root without CAP_BPF, CAP_SYS_ADMIN",
        &[Step::Without(Bpf), Step::Without(SysAdmin)],
        Want::Refused("CAP_BPF ("),
    );
    add(
        "root without CAP_PERFMON, CAP_SYS_ADMIN",
        &[Step::Without(Perfmon), Step::Without(SysAdmin)],
        Want::Refused("CAP_PERFMON ("),
    );
    add("user", &user(&[]), Want::Refused("CAP_BPF and CAP_PERFMON ("));
    add("user with CAP_BPF", &user(&[Bpf]), Want::Refused("CAP_PERFMON ("));
    add("user with CAP_PERFMON", &user(&[Perfmon]), Want::Refused("CAP_BPF ("));
    add("user with CAP_BPF, CAP_PERFMON", &user(&[Bpf, Perfmon]), labels);
    add("user with CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH", &user(&[Bpf, Perfmon, DacReadSearch]), labels);
    add("user with CAP_SYS_ADMIN", &user(&[SysAdmin]), labels);

    add("kptr_restrict=1", &[Step::Sysctl(KPTR, "1")], Want::Same);
    add("kptr_restrict=1, no CAP_SYSLOG", &[Step::Sysctl(KPTR, "1"), Step::Without(Syslog)], Want::Same);
    add("kptr_restrict=2", &[Step::Sysctl(KPTR, "2")], Want::Same);
    let paranoid = Step::Sysctl("kernel/perf_event_paranoid", "2");
    let [limit, rights] = user(&[Bpf, Perfmon, DacReadSearch]);
    add(
        "perf_event_paranoid=2, user with CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH",
        &[paranoid, limit, rights],
        Want::Same,
    );
    let disabled = Step::Sysctl("kernel/unprivileged_bpf_disabled", "2");
    let [limit, rights] = user(&[Bpf, Perfmon]);
    add("unprivileged_bpf_disabled=2, user with CAP_BPF, CAP_PERFMON", &[disabled, limit, rights], labels);

    add("no tracefs", &[TRACEFS], labels);
    add("no kallsyms", &[KALLSYMS], Want::Same);
    add("no kallsyms, no tracefs", &[KALLSYMS, TRACEFS], labels);
    add("BTF is empty", &[Step::Empty("/sys/kernel/btf/vmlinux")], untyped);
    add("no BTF", &[Step::Bare("/sys/kernel/btf")], untyped);
    all.push(Environment {
        name: "no BTF, a command",
        steps: vec![Step::Bare("/sys/kernel/btf")],
        command: &["--", "/bin/workload", "--list"],
        want: Want::Refused("BTF"),
    });
    all
}
