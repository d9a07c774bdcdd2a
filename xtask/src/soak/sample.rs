//! One look at a daemon.

use std::time::Duration;

/// What was seen, and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Since the beginning.
    pub at: Duration,
    /// Resident memory.
    pub resident_kib: u64,
    /// CPU time of the process since it began.
    pub cpu: Duration,
    /// The ring's files.
    pub ring_bytes: u64,
    /// `exitpath_returns_total`, all series.
    pub returns: u64,
    /// `exitpath_events_missed_total`, all reasons.
    pub lost: u64,
}

impl Sample {
    /// The share of one CPU that the process used since `before`.
    pub fn share_since(&self, before: &Self) -> f64 {
        let wall = (self.at.saturating_sub(before.at)).as_secs_f64();
        self.cpu.saturating_sub(before.cpu).as_secs_f64() / wall.max(f64::MIN_POSITIVE)
    }

    /// The last one, as a line of the table; its share is of the last minute.
    pub fn line(samples: &[Self]) -> String {
        let Some(last) = samples.last() else { return String::new() };
        let before = &samples[samples.len().saturating_sub(7)];
        format!(
            "{:>6.1} {:>9} {:>8.3} {:>10} {:>14} {:>6}",
            last.at.as_secs_f64() / 60.0,
            last.resident_kib,
            last.share_since(before) * 100.0,
            last.ring_bytes / 1024,
            last.returns,
            last.lost
        )
    }
}

/// Prints a limit and what was seen; whether it holds.
pub fn at_most(what: &str, seen: u64, limit: u64) -> bool {
    let holds = seen <= limit;
    println!("{} {what}: {seen} (limit {limit})", if holds { "ok   " } else { "WRONG" });
    holds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_one_cpu() {
        let second = |at, cpu| Sample {
            at: Duration::from_secs(at),
            cpu: Duration::from_millis(cpu),
            ..Sample::default()
        };
        assert!((second(20, 150).share_since(&second(10, 50)) - 0.01).abs() < 1e-9);
    }
}
