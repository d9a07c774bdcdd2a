//! What the tracer cost, per call and as a share of the machine.

use crate::snapshot::OwnCost;

/// The tracer's own cost. Program times come from windows in which the kernel's run-time statistics were on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Program runs in the windows.
    pub runs: u64,
    /// Their time in ns.
    pub run_ns: u64,
    /// How long the windows were open, in ns.
    pub window_ns: u64,
    /// CPU time of the reading process, in ns.
    pub reader_ns: u64,
    /// Memory of the maps, in bytes.
    pub map_bytes: u64,
    /// CPUs that the maps have room for.
    pub possible_cpus: u32,
    /// Mean time of a program run in ns; `None` if no run was measured.
    pub ns_per_run: Option<f64>,
    /// Estimated program time of one traced call in ns: [`Self::ns_per_run`] times the programs a call passes:
    /// entry and exit, the final hook where the plan has one. Runs for calls that a filter rejects, of the final hook
    /// for interrupts, and of the rare hooks (signals, forks) are in the mean. The statistics' own clock reads and the
    /// kernel's way to a program are not: `cargo xtask overhead` measures those.
    pub ns_per_call: Option<f64>,
    /// Share of all CPU time in the windows that went to our programs, 0 to 1; `None` if there was no window.
    pub cpu_share: Option<f64>,
}

impl Cost {
    /// `programs` is how many of them a call passes.
    #[must_use]
    pub fn new(own: &OwnCost, programs: u8, cpus: u32) -> Self {
        let OwnCost { runs, run_ns, window_ns, reader_ns, map_bytes, possible_cpus } = *own;
        let ns_per_run = (runs > 0).then(|| run_ns as f64 / runs as f64);
        let capacity = window_ns as f64 * f64::from(cpus);
        Self {
            runs,
            run_ns,
            window_ns,
            reader_ns,
            map_bytes,
            possible_cpus,
            ns_per_run,
            ns_per_call: ns_per_run.map(|run| run * f64::from(programs)),
            cpu_share: (capacity > 0.0).then(|| run_ns as f64 / capacity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_passes_some_programs() {
        let own =
            OwnCost { runs: 1000, run_ns: 50_000, window_ns: 1_000_000, reader_ns: 7, ..OwnCost::default() };
        let cost = Cost::new(&own, 2, 2);
        assert_eq!(
            (cost.ns_per_run, cost.ns_per_call, cost.cpu_share),
            (Some(50.0), Some(100.0), Some(0.025))
        );
        assert_eq!(Cost::new(&own, 1, 2).ns_per_call, Some(50.0));
    }

    #[test]
    fn nothing_measured_is_nothing_claimed() {
        let cost = Cost::new(&OwnCost::default(), 2, 2);
        assert_eq!((cost.ns_per_run, cost.ns_per_call, cost.cpu_share), (None, None, None));
    }
}
