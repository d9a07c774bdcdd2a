//! How a guest ended, and what its logs say of it.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs};

use vmtest::guest::Verdict;

/// The kernel's words when it gives up.
const PANIC: &str = "Kernel panic - not syncing";
/// Lines of each log shown for a failed guest.
const TAIL: usize = 25;
/// In the first line of a kernel's first oops, which names what went wrong.
const OOPS: &str = "[#1]";
/// Lines shown of an oops, and of what came before it: the cause comes first, and the registers' end tells little.
const OOPS_LINES: usize = 70;
const BEFORE_OOPS: usize = 6;
/// An oops of a breakpoint that nobody had set.
const BREAKPOINT: &str = "int3: 0000 [#1]";

/// How a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Its init said how the payload ended.
    Verdict(Verdict),
    /// The kernel panicked, and why.
    Panic(String),
    /// It was still running at the deadline.
    Deadline,
    /// QEMU ended with this status, and there was no verdict.
    Silent(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(Verdict::Code(0)) => write!(f, "ok"),
            Self::Verdict(Verdict::Code(code)) => write!(f, "FAILED with code {code}"),
            Self::Verdict(Verdict::Killed) => write!(f, "FAILED by a signal"),
            Self::Verdict(Verdict::Stalled) => write!(f, "FAILED: the payload stalled"),
            Self::Verdict(Verdict::Broken) => write!(f, "BROKEN: init could not run the payload"),
            Self::Panic(line) => write!(f, "PANIC: {line}"),
            Self::Deadline => write!(f, "HUNG: ended at the deadline"),
            Self::Silent(status) => write!(f, "BROKEN: no verdict, QEMU ended with {status}"),
        }
    }
}

impl End {
    /// Whether the kernel met a breakpoint that it had taken away already, which emulated kernels do.
    ///
    /// A kernel patches its text under an `int3`, which it takes away once all processors have seen the rest. Under QEMU
    /// 10.0.2 with a thread for each processor, Debian's 6.12.118 panicked on such an `int3` in `__schedule` though
    /// nothing of ours was in the guest: it switched perf's context-switch event on and off, some 80,000 times in three
    /// guests on two cores. A reading of why: QEMU drops the translation of code just before a store changes it, and
    /// holds nothing in between (`notdirty_write`, `accel/tcg/cputlb.c`), so that a processor that comes by then
    /// translates the old byte again, for good.
    pub fn is_stale_code(&self) -> bool {
        matches!(self, Self::Panic(why) if why.contains(BREAKPOINT))
    }
}

/// A guest that has ended.
pub struct Outcome {
    /// How.
    pub end: End,
    /// From power-on.
    pub took: Duration,
    /// Folder with `console.log` (the kernel), `output.log` (the payload) and `qemu.log`.
    pub logs: PathBuf,
    /// How it ended before it was booted again ([`End::is_stale_code`]).
    pub before: Option<End>,
}

impl Outcome {
    /// Whether the payload ended with code 0.
    pub fn passed(&self) -> bool {
        self.end == End::Verdict(Verdict::Code(0))
    }

    /// Prints the last lines of every log, and of an oops its first.
    pub fn print_tail(&self) {
        for name in ["console.log", "output.log", "qemu.log"] {
            let text = fs::read(self.logs.join(name)).unwrap_or_default();
            for line in telling(&String::from_utf8_lossy(&text)) {
                println!("  {name}: {line}");
            }
        }
    }
}

/// Why a kernel panicked, by what its console says: what the oops was and where, if there was one, and its last words.
pub fn panic(console: &str) -> Option<String> {
    let said = |line: &str| line.split_once("] ").map_or(line, |(_, said)| said).trim().to_owned();
    let end = console.lines().find(|line| line.contains(PANIC))?;
    let mut why = Vec::new();
    let lines: Vec<_> = console.lines().collect();
    if let Some(at) = lines.iter().position(|line| line.contains(OOPS)) {
        let before = lines[at.saturating_sub(BEFORE_OOPS)..at].iter().find(|line| line.contains("BUG: "));
        let place = lines[at..].iter().find(|line| line.contains("RIP: "));
        why.extend(before.into_iter().chain([&lines[at]]).chain(place).map(|line| said(line)));
    }
    why.push(said(end));
    Some(why.join("; "))
}

/// The lines of a log that tell why a guest failed.
fn telling(text: &str) -> Vec<&str> {
    let lines: Vec<_> = text.lines().collect();
    let (start, count) = match lines.iter().position(|line| line.contains(OOPS)) {
        Some(at) => (at.saturating_sub(BEFORE_OOPS), OOPS_LINES),
        None => (lines.len().saturating_sub(TAIL), TAIL),
    };
    lines.into_iter().skip(start).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oops_is_shown_from_its_cause() {
        let before = (0..40).map(|n| format!("boot {n}"));
        let after = (0..200).map(|n| format!("register {n}"));
        let text: Vec<_> =
            before.chain(["Oops: int3: 0000 [#1] SMP NOPTI".to_owned()]).chain(after).collect();
        let shown = text.join("\n");
        let shown = telling(&shown);
        assert_eq!(shown.first(), Some(&"boot 34"));
        assert!(shown.contains(&text[40].as_str()));
        assert_eq!(shown.len(), OOPS_LINES);
    }

    #[test]
    fn a_panic_says_what_and_where() {
        let console = "[    2.36] amd_pstate: no\n\
            [  166.80] BUG: kernel NULL pointer dereference, address: 0000000000000010\n\
            [  166.80] #PF: supervisor read access in kernel mode\n\
            [  166.80] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI\n\
            [  166.80] CPU: 1 UID: 0 PID: 77 Comm: workload Not tainted 6.12.118\n\
            [  166.80] RIP: 0010:update_curr+0x1/0x2\n\
            [  166.81] RIP: 0033:0x401000\n\
            [  166.82] Kernel panic - not syncing: Fatal exception in interrupt\n";
        assert_eq!(
            panic(console).as_deref(),
            Some(
                "BUG: kernel NULL pointer dereference, address: 0000000000000010; Oops: Oops: 0000 [#1] PREEMPT \
                 SMP NOPTI; RIP: 0010:update_curr+0x1/0x2; Kernel panic - not syncing: Fatal exception in interrupt"
            )
        );
        let plain = "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\n";
        assert_eq!(panic(plain).as_deref(), Some("Kernel panic - not syncing: VFS: Unable to mount root fs"));
        assert_eq!(panic("[    1.0] all is well\n"), None);
    }

    #[test]
    fn only_a_breakpoint_that_nobody_set_is_the_emulators() {
        let end = |oops: &str| {
            let end = "Kernel panic - not syncing: Fatal exception in interrupt";
            End::Panic(panic(&format!("[1.0] {oops}\n[1.1] RIP: 0010:f+0x1/0x2\n[1.2] {end}\n")).unwrap())
        };
        assert!(end("Oops: int3: 0000 [#1] PREEMPT SMP NOPTI").is_stale_code());
        assert!(end("int3: 0000 [#1] SMP NOPTI").is_stale_code());
        assert!(!end("Oops: general protection fault: 0000 [#1] PREEMPT SMP NOPTI").is_stale_code());
        assert!(!End::Deadline.is_stale_code());
    }

    #[test]
    fn without_an_oops_the_last_lines_are_shown() {
        let text: Vec<_> = (0..40).map(|n| format!("line {n}")).collect();
        let text = text.join("\n");
        assert_eq!(telling(&text).first(), Some(&"line 15"));
        assert_eq!(telling("only\n"), ["only"]);
    }
}
