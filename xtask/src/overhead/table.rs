//! The results as a person reads them.

use super::{
    mode::Loop,
    results::{Figure, Limit, Results},
};
use std::fmt::Write as _;

/// Lines of at most 80 columns.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    for kind in Loop::ALL {
        let _ = write!(text, "\n{}\n{}", kind.name(), head());
        for figure in results.figures.iter().filter(|figure| figure.kind == kind) {
            text.push_str(&row(figure));
        }
    }
    let attach = results.attach.map_or(f64::NAN, |attach| attach.median);
    let [peak, resident, maps, maps_of_cpu] = results.mib;
    let lines = [
        ("from start to attached", format!("{attach:.3} s, slowest {:.3} s", results.slowest_attach)),
        ("resident memory", format!("{resident:.1} MiB, at most {peak:.1} MiB")),
        ("maps", format!("{maps:.1} MiB, {maps_of_cpu:.1} MiB a possible CPU")),
        ("reader, each second", format!("{:.1} ms CPU time (-i 1, under load)", results.reader_share * 1e3)),
    ];
    text.push('\n');
    for (what, value) in lines {
        let _ = writeln!(text, "{what:<24} {value}");
    }
    let [repeated, disturbed] = results.disturbances;
    if repeated + disturbed > 0 {
        let _ = writeln!(
            text,
            "\ndisturbed by something else: {repeated} measurements repeated, {disturbed} kept"
        );
    }
    text.push('\n');
    for limit in &results.limits {
        let Limit { what, most, value, unit } = limit;
        let verdict = if limit.holds() { "holds " } else { "MISSED" };
        let _ = writeln!(text, "{verdict} {what:<26} {value:>6.2} of {most:>5.1} {unit}");
    }
    text
}

fn head() -> String {
    format!(
        "{:<22} {:>9} {:>9} {:>17} {:>8} {:>13}\n",
        "", "ns a call", "added ns", "quartiles", "x empty", "quartiles"
    )
}

fn row(figure: &Figure) -> String {
    let Figure { mode, ns, added, times_empty, .. } = figure;
    let spread = format!("{:.1}..{:.1}", added.q1, added.q3);
    let mut row = format!("{:<22} {:>9.1} {:>9.1} {spread:>17}", mode.name(), ns.median, added.median);
    if let Some(times) = times_empty {
        let spread = format!("{:.2}..{:.2}", times.q1, times.q3);
        let _ = write!(row, " {:>8.2} {spread:>13}", times.median);
    }
    row.push('\n');
    row
}

#[cfg(test)]
mod tests {
    use super::{super::mode::Mode, super::statistics::Quartiles, Figure, Loop, head, row};

    #[test]
    fn rows_stand_below_their_head() {
        let of = |median| Quartiles { q1: median - 1.0, median, q3: median + 1.0 };
        let figure = Figure {
            kind: Loop::One,
            mode: Mode::Full,
            ns: of(200.0),
            added: of(110.0),
            times_empty: Some(of(2.2)),
        };
        let row = row(&figure);
        assert_eq!(
            row,
            "record                     200.0     110.0      109.0..111.0     2.20    1.20..3.20\n"
        );
        assert_eq!(row.len(), head().len());
    }
}
