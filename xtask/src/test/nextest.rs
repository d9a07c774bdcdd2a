//! Running the tests with cargo-nextest, where it is installed.

use super::{Setting, Stream, colours, tally::Tally, watch};
use crate::{artifacts, run};
use anyhow::Result;
use std::process::Command;

/// Which of the workspace's test binaries a run is for, by name.
#[derive(Debug, Clone, Copy)]
pub enum Binaries<'a> {
    /// All but these.
    Except(&'a [&'a str]),
    /// Only these, one test at a time.
    Only(&'a [&'a str]),
}

/// Whether cargo-nextest is installed.
pub fn exists() -> bool {
    run::quiet(Command::new("cargo").args(["nextest", "--version"])).is_ok()
}

/// Runs the workspace's tests in `binaries`.
pub fn run(setting: &Setting, binaries: Binaries<'_>) -> Result<Tally> {
    let mut cargo = artifacts::cargo()?;
    setting.apply(&mut cargo).args(["nextest", "run"]).args(binaries.selection());
    if let Binaries::Only(_) = binaries {
        cargo.arg("--test-threads=1");
    }
    cargo.args(["--no-fail-fast", "--no-tests=pass", "--color", colours()]).args(&setting.arguments);
    let (said, success) = watch(&mut cargo, Stream::Stderr)?;
    let mut tally = Tally::of_nextest(&said).unwrap_or_default();
    // A run that broke off without a failed test, such as an unknown argument, is a failure all the same.
    tally.failed = tally.failed.max(u64::from(!success));
    tally.skipped = ignored(binaries)?;
    Ok(tally)
}

/// How many tests are marked `#[ignore]`: nextest mixes them with those that a filter leaves out.
fn ignored(binaries: Binaries<'_>) -> Result<u64> {
    let mut cargo = artifacts::cargo()?;
    cargo.args(["nextest", "list", "--run-ignored=only", "--message-format=oneline"]);
    Ok(run::quiet(cargo.args(binaries.selection()))?.lines().filter(|line| !line.trim().is_empty()).count()
        as u64)
}

impl Binaries<'_> {
    fn selection(self) -> Vec<String> {
        let mut selection = vec!["--workspace".to_owned()];
        // Each by its name: nextest takes a pattern that matches no binary for a mistake.
        let any = |names: &[&str]| {
            names.iter().map(|name| format!("binary(={name})")).collect::<Vec<_>>().join(" | ")
        };
        match self {
            Self::Except([]) => {}
            Self::Except(names) => {
                selection.extend(["--filterset".to_owned(), format!("not ({})", any(names))]);
            }
            Self::Only(names) => selection.extend(["--filterset".to_owned(), any(names)]),
        }
        selection
    }
}

#[cfg(test)]
mod tests {
    use super::Binaries;

    #[test]
    fn binaries_are_selected_by_name() {
        assert_eq!(Binaries::Except(&[]).selection(), ["--workspace"]);
        let except = Binaries::Except(&["live", "live_vm"]).selection();
        assert_eq!(except[1..], ["--filterset", "not (binary(=live) | binary(=live_vm))"]);
        assert_eq!(Binaries::Only(&["live"]).selection()[2], "binary(=live)");
    }
}
