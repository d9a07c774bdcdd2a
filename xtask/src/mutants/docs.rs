//! docs/MUTANTS.md: every mutant and what kills it. Made from the table, and only when results say that it holds.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::Outcomes;
use super::table::{self, Killer, Mutant};
use crate::{files, workspace};

const FILE: &str = "docs/MUTANTS.md";

const HEAD: &str = "# Mutants

Made by `cargo xtask mutants --write-docs` from the table in `xtask/src/mutants/table` and its results: do not edit.

Each mutant breaks one rule in a copy of the tree. With its eBPF object inside, exitpath runs the case in a guest, as
`cargo xtask vm` does, and the comparison with the oracle must find the case wrong; with nothing broken it must find all
these cases right. `cargo xtask mutants --only NAME` runs some of them. All take some ten minutes, too long for
`cargo xtask test`, which checks that each broken text is in the tree exactly once, that each case and test exists, and
that this list is the table's. The list is written only when all of them were killed in the sources as they are.

";

/// Writes the file; fails unless every mutant is known to be killed.
pub fn write(found: &Outcomes) -> Result<()> {
    let missing: Vec<_> = table::all()
        .map(|mutant| mutant.name)
        .filter(|name| found.get(*name).is_none_or(|outcome| !outcome.killed()))
        .collect();
    ensure!(missing.is_empty(), "{FILE} is not written: not known to be killed: {}", missing.join(", "));
    files::write(&workspace::root()?.join(FILE), text().as_bytes())?;
    println!("mutants: wrote {FILE}");
    Ok(())
}

/// The same bytes for the same table.
fn text() -> String {
    let mut text = HEAD.to_owned();
    text += "## Killed by a case\n\n| mutant | rule | where | case | kernel | plan |\n|---|---|---|---|---|---|\n";
    for Mutant { name, rule, file, killer, .. } in table::all() {
        if let Killer::Case { kernel, plan, case } = killer {
            let _ = writeln!(text, "| `{name}` | {rule} | `{file}` | `{case}` | {kernel} | `{plan}` |");
        }
    }
    text +=
        "\n## Killed by a unit test\n\n`cargo test -p tracer-common TEST`, because no case notices them.\n\n";
    text += "| mutant | rule | where | test | why no case |\n|---|---|---|---|---|\n";
    for Mutant { name, rule, file, killer, .. } in table::all() {
        if let Killer::Test { test, why } = killer {
            let _ = writeln!(text, "| `{name}` | {rule} | `{file}` | `{test}` | {why} |");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FILE, text};
    use crate::workspace;

    #[test]
    fn the_list_in_the_docs_is_the_tables() {
        let path = workspace::root().expect("a workspace").join(FILE);
        let have = fs::read_to_string(path).expect("the file is in the tree");
        assert!(have == text(), "{FILE} is not the table's: run `cargo xtask mutants --write-docs`");
    }
}
