//! The programs' constants.

use aya::EbpfLoader;

use super::{MapLayout, Offsets};
use crate::{
    kernel::Facts,
    plan::Commit,
    regime::Regime,
    settings::{Settings, Tasks},
};

/// Names and values, kept alive until the object is loaded.
pub struct Globals {
    words: Vec<(&'static str, u32)>,
    longs: Vec<(&'static str, u64)>,
    comm: [u64; 2],
    text: [u64; 4],
    syscalls: [u64; 64],
    errors: [u64; 4],
    log_level: u8,
}

impl Globals {
    /// Resolves settings and facts.
    pub fn new(
        regime: Regime,
        facts: &Facts,
        settings: &Settings,
        layout: &MapLayout,
        offsets: Offsets,
        commit: Commit,
    ) -> Self {
        let rules = regime.exit_rules();
        let (tasks, tgid, follow) = match &settings.tasks {
            Tasks::All => (0, 0, false),
            // One process without children needs no table: one comparison.
            Tasks::Processes { pids, follow: false } if pids.len() == 1 => (1, pids[0], false),
            Tasks::Processes { follow, .. } => (2, 0, *follow),
            Tasks::Command { .. } => (2, 0, true),
        };
        let cgroup = settings.cgroup;
        let mut words = offsets.0;
        words.extend([
            ("CANONICAL_BITS", rules.canonical_bits),
            ("FRED", u32::from(rules.fred)),
            ("XENPV", u32::from(rules.xenpv)),
            ("MAX_SERIES", layout.rows),
            (
                "RETURN_FILTER",
                u32::from(settings.failed || settings.min_latency > 0 || settings.errors.is_some()),
            ),
            ("DIGITS", u32::from(settings.precision.digits())),
            ("TURNAROUND", u32::from(settings.measures_turnaround())),
            ("SAMPLE", settings.sample),
            ("DEFERRED", u32::from(commit.is_final())),
            ("QUIET", u32::from(commit == Commit::AtFinalQuietly || settings.counts_only)),
            ("FOLLOWED", u32::from(commit == Commit::AtExitFollowed)),
            ("CLOCK", u32::from(!settings.counts_only)),
            ("WORK_ROWS", if layout.work { layout.rows * layout.cpus } else { 0 }),
            ("FILTER_TASKS", tasks),
            ("FILTER_TGID", tgid),
            ("FOLLOW", u32::from(follow)),
            ("FILTER_COMM", u32::from(settings.comm.is_some())),
            ("FILTER_UID", u32::from(settings.uid.is_some())),
            ("UID", settings.uid.unwrap_or(0)),
            ("FILTER_CGROUP", u32::from(cgroup.is_some())),
            ("CGROUP_LEVEL", cgroup.map_or(0, |one| one.level)),
            ("FILTER_SYSCALLS", u32::from(settings.syscalls.is_some())),
            ("FILTER_ERRORS", u32::from(settings.errors.is_some())),
            ("FILTER_FAILED", u32::from(settings.failed)),
            ("VERBOSE", u32::from(settings.verbose)),
        ]);
        let (low, high) = facts.symbols.range("do_syscall_64").unwrap_or_default();
        let int80 = facts.symbols.range("do_int80_emulation");
        let (low32, high32) =
            int80.or_else(|| facts.symbols.range("do_int80_syscall_32")).unwrap_or_default();
        let (first, second) = settings.comm.unwrap_or_default().split_at(8).map_words();
        Self {
            words,
            longs: vec![
                ("COMMON_LIMIT", rules.common_limit()),
                ("IP_LIMIT", rules.ip_limit),
                ("CGROUP", cgroup.map_or(0, |one| one.id)),
                ("MIN_LATENCY", settings.min_latency),
            ],
            comm: [first, second],
            text: [low, high, low32, high32],
            syscalls: padded(&settings.syscalls.unwrap_or([u64::MAX; 48])),
            errors: padded(&settings.errors.unwrap_or([u64::MAX; 3])),
            log_level: if settings.verbose { u8::MAX } else { 0 },
        }
    }

    /// How processes are selected: the value of `FILTER_TASKS`.
    pub fn tasks(&self) -> u32 {
        self.words.iter().find(|(name, _)| *name == "FILTER_TASKS").map_or(0, |(_, value)| *value)
    }

    /// Hands all of them to the loader.
    pub fn apply<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        for (name, value) in &self.words {
            loader.override_global(name, value, true);
        }
        for (name, value) in &self.longs {
            loader.override_global(name, value, true);
        }
        loader
            .override_global("COMM", &self.comm, true)
            .override_global("SYSCALL_TEXT", &self.text, true)
            .override_global("SYSCALLS", &self.syscalls, true)
            .override_global("ERRORS", &self.errors, true)
            .override_global("AYA_LOG_LEVEL", &self.log_level, false);
    }
}

/// A set as the programs hold it: its length a power of two.
fn padded<const TO: usize>(set: &[u64]) -> [u64; TO] {
    std::array::from_fn(|word| set.get(word).copied().unwrap_or(0))
}

/// Two halves of a process name as the programs compare them.
trait Words {
    fn map_words(self) -> (u64, u64);
}

impl Words for (&[u8], &[u8]) {
    fn map_words(self) -> (u64, u64) {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        (word(self.0), word(self.1))
    }
}
