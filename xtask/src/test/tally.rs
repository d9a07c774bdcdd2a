//! Counting tests over several runners, from the summary each of them prints.

use std::{fmt, ops::AddAssign};

/// How many tests came out how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Ran and held.
    pub passed: u64,
    /// Ran and did not hold, or could not be built or started.
    pub failed: u64,
    /// Did not run, with the reason said.
    pub skipped: u64,
}

impl Tally {
    /// Reads every `test result:` line that libtest printed.
    pub fn of_libtest(said: &str) -> Self {
        let mut tally = Self::default();
        for line in plain(said).lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
            // The verdict stands before the first count: `ok. 3 passed; 0 failed; 1 ignored; ...`.
            let counts = line.split_once(". ").map_or(line, |(_, counts)| counts);
            tally += count(counts, ';');
        }
        tally
    }

    /// Reads nextest's `Summary` line; nothing when the run did not come to one. What nextest calls skipped was
    /// filtered out by the caller, so it is left out.
    pub fn of_nextest(said: &str) -> Option<Self> {
        let plain = plain(said);
        let summary = plain.lines().rev().find(|line| line.trim_start().starts_with("Summary ["))?;
        let counts = summary.split_once(" run: ").map_or("", |(_, counts)| counts);
        Some(Self { skipped: 0, ..count(&without_parentheses(counts), ',') })
    }

    /// Moves the tests that logged themselves as skipped from passed to skipped.
    pub fn move_skipped(self, log: &str) -> Self {
        let moved = (skips(log).count() as u64).min(self.passed);
        Self { passed: self.passed - moved, skipped: self.skipped + moved, ..self }
    }
}

/// The lines `name: why` of a skip log.
pub fn skips(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| !line.trim().is_empty())
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self { passed, failed, skipped } = other;
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

fn count(counts: &str, separator: char) -> Tally {
    let mut tally = Tally::default();
    for part in counts.split(separator) {
        let Some((number, what)) = part.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        match what {
            "passed" => tally.passed += number,
            "failed" | "exec failed" | "timed out" => tally.failed += number,
            "ignored" | "skipped" => tally.skipped += number,
            _ => {}
        }
    }
    tally
}

/// Without terminal colours.
fn plain(said: &str) -> String {
    let mut pieces = said.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, text)| text));
    }
    plain
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = |c: char| {
        depth += u32::from(c == '(');
        let keep = depth == 0;
        depth -= u32::from(c == ')' && depth > 0);
        keep
    };
    let mut outside = outside;
    text.chars().filter(|&c| outside(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Tally, skips};

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn libtest_summaries_are_added_up() {
        let said = "running 2 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s\n\
            test result: \x1b[31mFAILED\x1b[0m. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Tally::of_libtest(said), tally(5, 1, 1));
        assert_eq!(Tally::of_libtest("error: no such file"), Tally::default());
    }

    #[test]
    fn nextest_summaries_are_read() {
        let read = |line: &str| Tally::of_nextest(&format!("  PASS x\n{line}\nerror: test run failed\n"));
        let all = "     Summary [   0.010s] 3 tests run: 3 passed, 2 skipped";
        assert_eq!(read(all), Some(tally(3, 0, 0)));
        let bad = "     Summary [   9.010s] 9/12 tests run: 5 passed (1 slow, 2 flaky), 2 failed, 1 exec failed, 1 timed out, 0 skipped";
        assert_eq!(read(bad), Some(tally(5, 4, 0)));
        let coloured = "\x1b[32;1m     Summary\x1b[0m [   0.1s] \x1b[1m1\x1b[0m test run: \x1b[1m1\x1b[0m \x1b[32;1mpassed\x1b[0m, 0 skipped";
        assert_eq!(read(coloured), Some(tally(1, 0, 0)));
        assert_eq!(read("     Summary [   0.000s] 0 tests run: 0 passed, 0 skipped"), Some(tally(0, 0, 0)));
        assert_eq!(read("error: could not compile"), None);
    }

    #[test]
    fn tests_that_skipped_themselves_move() {
        let log = "live::x: no root\n\nlive::y: no BTF\n";
        assert_eq!(skips(log).count(), 2);
        assert_eq!(tally(5, 1, 0).move_skipped(log), tally(3, 1, 2));
        assert_eq!(tally(1, 0, 0).move_skipped(log), tally(0, 0, 1), "never below zero");
        assert_eq!(tally(3, 1, 2).to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
