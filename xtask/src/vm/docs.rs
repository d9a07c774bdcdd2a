//! docs/KERNELS.md: which plan is right on which kernel, and why it is not where it is not. Made from results only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::matrix::GuestResult;
use super::table::{brief, outcome};
use crate::{files, workspace};

const HEAD: &str = "# Kernels

Made by `cargo xtask vm --write-docs` from the results of `cargo xtask vm`: do not edit.

Each cell is one or more guests: Debian's kernel under QEMU, running the cases of `vmtest` with exitpath attached, and a
QEMU plugin below that counts by which instruction each system call returned. A case is *equal* when the plugin, exitpath
and the workload's own expectation agree on every count; *within* when exitpath differs as the fidelity or the losses that it
declares allow; *WRONG* otherwise. *Refused* is exitpath's own word, with its reason. Under `handlers`
a case is traced with `-e` of the calls that it names, and compared in these.

";

/// Writes the file.
pub fn write(results: &[GuestResult]) -> Result<()> {
    ensure!(!results.is_empty(), "there are no results: run `cargo xtask vm` with all cases first");
    let commits: BTreeSet<_> = results.iter().map(|result| &*result.commit).collect();
    if commits.len() > 1 {
        eprintln!("warning: the results are of several commits: {}", Vec::from_iter(commits).join(", "));
    }
    let path = workspace::root()?.join("docs/KERNELS.md");
    files::write(&path, text(results).as_bytes())?;
    println!("vm: wrote docs/KERNELS.md from {} guests", results.len());
    Ok(())
}

/// A table with a row a plan and a column a kernel, and the guests behind it.
fn text(results: &[GuestResult]) -> String {
    let kernels: BTreeMap<Vec<u32>, &str> =
        results.iter().map(|result| (numbers(&result.release), &*result.release)).collect();
    let mut plans: Vec<&str> = Vec::new();
    for result in results {
        if !plans.contains(&&*result.plan) {
            plans.push(&result.plan);
        }
    }
    let commits: BTreeSet<_> = results.iter().map(|result| &*result.commit).collect();
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "Results of {}.\n", Vec::from_iter(commits).join(", "));
    let names: Vec<_> = kernels.values().copied().collect();
    let _ = writeln!(text, "| plan | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(kernels.len()));
    for plan in plans {
        let cells = kernels.values().map(|release| {
            let of: Vec<_> =
                results.iter().filter(|one| one.plan == plan && one.release == **release).collect();
            cell(&of)
        });
        let _ = writeln!(text, "| `{plan}` | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// The guests of a cell; alike ones are said once.
fn cell(guests: &[&GuestResult]) -> String {
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for guest in guests {
        let what = outcome(guest);
        let used = guest.used.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let what = if used.is_empty() { what } else { format!("{what}; {used}") };
        let mut place = guest.cpu.clone();
        if guest.smp != "1" {
            let _ = write!(place, " -smp {}", guest.smp);
        }
        if !guest.append.is_empty() {
            let _ = write!(place, " `{}`", guest.append);
        }
        match said.iter_mut().find(|(have, _)| *have == what) {
            Some((_, places)) => places.push(place),
            None => said.push((what, vec![place])),
        }
    }
    let lines = said.into_iter().map(|(what, places)| format!("{}: {what}", places.join(", ")));
    let cell = lines.collect::<Vec<_>>().join("<br>");
    if cell.is_empty() { "not tried".to_owned() } else { brief(&cell).replace('|', "\\|") }
}

fn numbers(release: &str) -> Vec<u32> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::vm::table::tests::result;

    #[test]
    fn every_plan_and_kernel_has_a_cell_with_its_reason() {
        let mut intel = result("6.12", "auto");
        intel.cpu = "Skylake-Client".to_owned();
        let mut refused = result("6.1", "quiet");
        refused.refused = Some("exitpath: plan quiet | no\nadvice".to_owned());
        refused.used.clear();
        let text = text(&[result("6.12", "auto"), intel, refused]);
        let table: Vec<_> = text.lines().skip_while(|line| !line.starts_with('|')).collect();
        assert_eq!(
            table,
            [
                "| plan | 6.1.1-cloud-amd64 | 6.12.1-cloud-amd64 |",
                "|---|---|---|",
                "| `auto` | not tried | max, Skylake-Client: 1 equal; tracepoints (amended) |",
                "| `quiet` | max: refused: plan quiet \\| no | not tried |",
            ]
        );
    }
}
