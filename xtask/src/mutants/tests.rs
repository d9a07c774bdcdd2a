//! Mutants that only a unit test of the rules can notice.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::tree::Tree;

/// Runs one test of `tracer-common` in `tree`; whether it passes. An error when the tests do not build.
pub fn passes(place: &Path, tree: &Tree, test: &str) -> Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let base = |last: &[&str]| {
        let mut command = Command::new(&cargo);
        command
            .current_dir(tree.root())
            .args(["test", "--quiet", "--package", "tracer-common", "--lib", "--target-dir"])
            .arg(place.join("tests"))
            .args(last);
        command
    };
    // A mutant that does not compile is not noticed by its test.
    let built = base(&["--no-run"]).stderr(Stdio::inherit()).stdout(Stdio::null()).status();
    ensure!(built.context("cannot run cargo")?.success(), "the tests of tracer-common do not build");
    let ran = base(&["--", "--exact", test]).output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&ran.stdout);
    match ran.status.success() {
        true if said.contains("1 passed") => Ok(true),
        true => bail!("tracer-common has no test `{test}`: adapt the table"),
        false => Ok(false),
    }
}
