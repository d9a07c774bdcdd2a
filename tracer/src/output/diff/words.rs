//! The sentences of a comparison, which all formats for people share.

use super::quantity::{self, Span};
use crate::{
    diff::{CallShift, Comparison, Estimate, Method, Row, Side, Subject, Unit, Verdict},
    metadata::Metadata,
    output::human,
};

/// How to read the numbers.
pub(super) const LEGEND: &str = "differences are new less base: negative is faster; ratios are the change in \
                                 percent of base; n counts timed calls; * marks a shift below the histogram's \
                                 resolution";

/// How many rows have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub slower: usize,
    pub faster: usize,
    pub equivalent: usize,
    pub inconclusive: usize,
}

impl Tally {
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut tally = Self::default();
        for row in rows {
            match row.verdict {
                Verdict::Slower => tally.slower += 1,
                Verdict::Faster => tally.faster += 1,
                Verdict::Equivalent => tally.equivalent += 1,
                Verdict::Inconclusive => tally.inconclusive += 1,
            }
        }
        tally
    }
}

/// `2 slower, 1 faster, 1 equivalent, 3 inconclusive of 7 series`.
pub(super) fn tally(rows: &[Row], what: &str) -> String {
    let Tally { slower, faster, equivalent, inconclusive } = Tally::of(rows);
    format!(
        "{slower} slower, {faster} faster, {equivalent} equivalent, {inconclusive} inconclusive of {}",
        match what {
            "series" => format!("{} series", human::count(rows.len() as u64)),
            _ => plural(rows.len(), what),
        }
    )
}

/// The result in a few lines: verdicts, the total shift taken apart, paradoxes.
pub(super) fn headline(comparison: &Comparison) -> Vec<String> {
    let Comparison { service, exit_work, turnaround, total, calls, .. } = comparison;
    // Verdicts of rows that are not shown are not known here: a count must not seem to be of all.
    let of_shown =
        omitted(comparison).map_or_else(String::new, |left_out| format!(" ({left_out}, not counted)"));
    let mut lines = vec![format!("service time: {}{of_shown}", tally(service, "series"))];
    for (what, rows, unit) in [("exit work", exit_work, "series"), ("turnaround", turnaround, "path")] {
        if !rows.is_empty() {
            lines.push(format!("{what}: {}", tally(rows, unit)));
        }
    }
    if let Some(total) = total {
        lines.push(format!(
            "mean over all calls: {} -> {}, {}",
            human::mean_time(total.base),
            human::mean_time(total.new),
            shift(total.shift)
        ));
        lines.push(format!(
            "  of this: other calls {}; other paths {}; the same call by the same path {}",
            shift(total.workload),
            shift(total.paths),
            shift(total.within)
        ));
        if total.paradox {
            lines.push("Simpson's paradox: every part moved one way, and the total the other".to_owned());
        }
    }
    lines.extend(calls.iter().filter(|call| call.paradox).map(|call| paradox(call, &comparison.service)));
    lines
}

/// What happened to a call whose paths all moved one way, and it the other.
pub(super) fn paradox(call: &CallShift, rows: &[Row]) -> String {
    let (paths, whole) = if call.shift.value > 0.0 { ("faster", "slower") } else { ("slower", "faster") };
    let risen = risen(call, rows).map_or_else(String::new, |(path, base, new)| {
        format!(": the share of {path} rose from {} to {}", human::percent(base), human::percent(new))
    });
    format!(
        "{}: Simpson's paradox: every path is {paths}, and the call {whole}, {}, because of the mix{risen}",
        call.call.label(),
        shift(call.shift)
    )
}

/// The path of a call whose share rose most, and its shares.
fn risen(call: &CallShift, rows: &[Row]) -> Option<(&'static str, f64, f64)> {
    let of_call =
        || rows.iter().filter(|row| matches!(&row.subject, Subject::Series(name, _) if *name == call.call));
    let base = of_call().map(|row| row.base.returns as f64).sum::<f64>();
    let new = of_call().map(|row| row.new.returns as f64).sum::<f64>();
    if of_call().count() < 2 || base == 0.0 || new == 0.0 {
        return None;
    }
    of_call()
        .map(|row| (row.subject.path().name(), row.base.returns as f64 / base, row.new.returns as f64 / new))
        .max_by(|a, b| (a.2 - a.1).total_cmp(&(b.2 - b.1)))
}

fn shift(estimate: Estimate) -> String {
    let Span { value, interval } = quantity::time(estimate);
    format!("{value} {interval}")
}

/// What a side is: recordings, plan, size, losses; its kernel; its machine.
pub(super) fn side(side: &Side, unit: Unit) -> [String; 3] {
    let Metadata { kernel, machine, plan, command, filters, .. } = &side.metadata;
    let loss: Vec<_> =
        side.loss.iter().map(|(name, count)| format!("{name} {}", human::count(*count))).collect();
    let loss = if loss.is_empty() { "none".to_owned() } else { loss.join(", ") };
    let mut what = format!(
        "{}: {} in {} intervals, {}, {} returns; plan {} ({}); loss: {loss}",
        side.label,
        plural(side.runs, unit.name()),
        human::count(side.intervals as u64),
        human::time(side.duration_ns),
        human::count(side.returns),
        plan.name,
        plan.fidelity,
    );
    if !filters.is_empty() {
        what += "; filters: ";
        what += &filters.join(" ");
    }
    if !command.is_empty() {
        what += "; command: ";
        what += &command.join(" ");
    }
    // A server of a fleet knows no more.
    if unit == Unit::Hosts && machine.cpu_model.is_empty() {
        let Metadata { kernel, .. } = &side.metadata;
        let kernel =
            format!("Linux {}, {} frame, decided in {}", kernel.release, kernel.frame, kernel.decision);
        return [what, kernel, format!("not known; hosts: {}", side.files.join(", "))];
    }
    let kernel = format!(
        "Linux {} {}, {} frame, decided in {}; command line: {}",
        kernel.release, kernel.version, kernel.frame, kernel.decision, kernel.command_line
    );
    let machine = format!(
        "{}, microcode {}, {} CPUs, governor {}, SMT {}, turbo {}, hypervisor {}",
        machine.cpu_model,
        machine.microcode,
        machine.cpus,
        machine.governor.as_deref().unwrap_or("none"),
        or_unknown(machine.smt.as_ref()),
        or_unknown(machine.turbo.as_ref()),
        or_unknown(machine.hypervisor.as_ref()),
    );
    [what, kernel, machine]
}

fn or_unknown(value: Option<&String>) -> &str {
    value.map_or("unknown", |value| value)
}

/// How the intervals and verdicts were made.
pub(super) fn method(method: &Method) -> String {
    let Method { unit, seed, resamples, confidence, fdr, min_effect_ratio, min_effect_ns, tests, block } =
        *method;
    let how = match unit {
        Unit::Runs => format!("hierarchical bootstrap (runs, then blocks of {})", plural(block, "interval")),
        Unit::Hosts => {
            format!("hierarchical bootstrap (hosts, then blocks of {})", plural(block, "interval"))
        }
        Unit::Blocks => {
            format!(
                "block bootstrap within the only run of a side (blocks of {}), which says nothing of run-to-run \
                     differences",
                plural(block, "interval")
            )
        }
    };
    format!(
        "{} intervals by {how}, {} resamples, seed {seed}; Benjamini-Hochberg over {} at {}; no change below \
         {} and {}",
        share(confidence),
        human::count(resamples as u64),
        plural(tests, "test"),
        share(fdr),
        share(min_effect_ratio),
        human::mean_time(min_effect_ns),
    )
}

/// What shuffled labels gave.
pub(super) fn aa(comparison: &Comparison) -> Option<String> {
    let aa = comparison.aa?;
    let rate = |part: usize, all: usize| human::percent(part as f64 / all.max(1) as f64);
    Some(format!(
        "A/A check: {} of {} shuffles of one side's labels ({}) had any row slower or faster; {} of {} tests ({})",
        human::count(aa.any as u64),
        human::count(aa.shuffles as u64),
        rate(aa.any, aa.shuffles),
        human::count(aa.found as u64),
        human::count(aa.tests as u64),
        rate(aa.found, aa.tests),
    ))
}

/// Rows that are not shown.
pub(super) fn omitted(comparison: &Comparison) -> Option<String> {
    (comparison.omitted > 0)
        .then(|| format!("{} left out by --only or --top", plural(comparison.omitted, "row")))
}

/// `95%`, `2.5%`.
pub(super) fn share(share: f64) -> String {
    let percent = (share * 1e4).round() / 1e2;
    format!("{percent}%")
}

/// `1 run`, `2,000 runs`.
pub(super) fn plural(count: usize, what: &str) -> String {
    format!("{} {what}{}", human::count(count as u64), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::fixture::comparison;

    #[test]
    fn simpson_is_said_with_the_path_that_rose() {
        let lines = headline(&comparison());
        let last = lines.last().unwrap();
        assert!(
            last.contains("kill: Simpson's paradox: every path is faster, and the call slower"),
            "{last}"
        );
        assert!(last.ends_with("the share of iret rose from 50.0% to 80.0%"), "{last}");
    }

    #[test]
    fn one_run_a_side_claims_nothing_of_runs() {
        let one = Method { unit: Unit::Blocks, block: 1, ..comparison().method };
        assert!(
            method(&one).contains("(blocks of 1 interval), which says nothing of run-to-run differences")
        );
    }

    #[test]
    fn all_rows_are_counted() {
        assert_eq!(
            tally(&comparison().service, "series"),
            "1 slower, 2 faster, 1 equivalent, 3 inconclusive of 7 series"
        );
    }
}
