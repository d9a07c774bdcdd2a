//! The results as a table for a terminal, and what was wrong, line by line.

use std::fmt::Write as _;

use vmtest::verdict::Verdict;

use super::matrix::{GuestResult, Sums};

/// Lines shown of each case; the rest is in the results.
const SHOWN: usize = 6;

/// One guest in one line.
pub fn line(result: &GuestResult) -> String {
    let GuestResult { release, cpu, plan, seconds, .. } = result;
    format!("{release} {cpu} {plan}: {} ({seconds:.0} s)", outcome(result))
}

/// A guest's outcome in a few words.
pub fn outcome(result: &GuestResult) -> String {
    if let Some(why) = &result.refused {
        return format!("refused: {}", brief(why));
    }
    let Sums { equal, within, wrong, unsupported } = result.sums();
    let mut said = format!("{equal} equal");
    let rest = [(within, "within"), (wrong, "WRONG"), (unsupported, "nothing to run")];
    for (n, what) in rest {
        if n > 0 {
            let _ = write!(said, ", {n} {what}");
        }
    }
    if let Some(broken) = &result.broken {
        let _ = write!(said, "; guest {broken}");
    }
    if let Some(before) = &result.before {
        let _ = write!(said, "; booted again after {before}");
    }
    said
}

/// The tracer's message without its own name and the advice behind it.
pub fn brief(why: &str) -> &str {
    let why = why.trim_start_matches("exitpath: ").trim_start_matches("error: ");
    let why = why.lines().next().unwrap_or(why);
    why.split_once("; `exitpath doctor` shows").map_or(why, |(why, _)| why)
}

/// All guests, after what was wrong in them.
pub fn print(results: &[GuestResult]) {
    for result in results {
        for (name, case) in &result.cases {
            let (word, notes) = match &case.verdict {
                Verdict::Wrong(notes) => ("WRONG", notes),
                Verdict::Failed(notes) => ("FAILED", notes),
                Verdict::Within(notes) => ("within", notes),
                Verdict::Equal | Verdict::Unsupported(_) => continue,
            };
            println!("{word:6} {} {} {} {name}", result.release, result.cpu, result.plan);
            notes.iter().take(SHOWN).for_each(|note| println!("         {note}"));
            if notes.len() > SHOWN {
                println!("         ... and {} more lines", notes.len() - SHOWN);
            }
        }
    }
    print!("{}", table(results));
}

fn table(results: &[GuestResult]) -> String {
    let mut rows = vec![["KERNEL", "CPU", "PLAN", "USED", "SECONDS", "CASES"].map(str::to_owned)];
    rows.extend(results.iter().map(|result| {
        let used = result.used.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
        let GuestResult { release, cpu, plan, seconds, .. } = result;
        [release.clone(), cpu.clone(), plan.clone(), used, format!("{seconds:.1}"), outcome(result)]
    }));
    let widths: [usize; 6] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].len()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
pub mod tests {
    //! Results to test with.

    use vmtest::verdict::Verdict;

    use super::{brief, outcome, table};
    use crate::vm::matrix::{CaseResult, GuestResult};

    /// A guest with one equal case.
    pub fn result(kernel: &str, plan: &str) -> GuestResult {
        let case = CaseResult { seconds: 1.5, verdict: Verdict::Equal };
        GuestResult {
            kernel: kernel.to_owned(),
            release: format!("{kernel}.1-cloud-amd64"),
            cpu: "max".to_owned(),
            smp: "1".to_owned(),
            append: String::new(),
            plan: plan.to_owned(),
            used: ["tracepoints (amended)".to_owned()].into(),
            refused: None,
            broken: None,
            before: None,
            seconds: 20.0,
            commit: "abc".to_owned(),
            cases: [("getppid".to_owned(), case)].into(),
        }
    }

    #[test]
    fn a_guest_is_told_in_a_line() {
        let mut one = result("6.1", "auto");
        let wrong = CaseResult { seconds: 1.0, verdict: Verdict::Wrong(vec!["x".to_owned()]) };
        one.cases.insert("fork".to_owned(), wrong);
        one.broken = Some("HUNG".to_owned());
        assert_eq!(outcome(&one), "1 equal, 1 WRONG; guest HUNG");
        assert!(!one.passed());
        let again = GuestResult { before: Some("PANIC: int3".to_owned()), ..result("6.1", "auto") };
        assert_eq!(outcome(&again), "1 equal; booted again after PANIC: int3");
        assert!(again.passed());
        one.refused = Some("exitpath: plan x does not work\nadvice".to_owned());
        assert_eq!(outcome(&one), "refused: plan x does not work");
        assert_eq!(brief("plain"), "plain");
        assert_eq!(
            table(&[result("6.1", "auto")]),
            "KERNEL             CPU  PLAN  USED                   SECONDS  CASES\n\
             6.1.1-cloud-amd64  max  auto  tracepoints (amended)  20.0     1 equal\n"
        );
    }
}
