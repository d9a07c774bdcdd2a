//! The oracle: the plugin that QEMU loads, and what it wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tracer_common::abi::{NR_INVALID, SyscallId};
use vmtest::expect::Abi;
use vmtest::oracle::{Line, Return};
use vmtest::verdict::{Key, Seen};

use super::install;
use crate::{artifacts, run};

/// Builds the plugin for the QEMU at `qemu`; gives its path.
pub fn build(qemu: &Path) -> Result<PathBuf> {
    let version = run::quiet(Command::new(qemu).arg("--version"))?;
    let version = version.lines().next().and_then(|line| line.split("version ").nth(1)).unwrap_or_default();
    ensure!(
        install::major(version) >= Some(install::WANTED_MAJOR),
        "QEMU {version} is too old for the oracle, which reads registers and memory: install {} or later",
        install::WANTED_MAJOR
    );
    let mut cargo = artifacts::cargo()?;
    cargo.args(["build", "--quiet", "--release", "--package", "oracle"]);
    cargo.args(["--message-format=json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = cargo.output().context("cannot run cargo")?;
    ensure!(output.status.success(), "the oracle does not build");
    let said = String::from_utf8_lossy(&output.stdout);
    library(&said).context("cargo built no plugin")
}

/// The path of the shared object among cargo's messages.
fn library(messages: &str) -> Option<PathBuf> {
    let mut built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let oracle =
        built.find(|message| message["target"]["name"] == "oracle" && message["filenames"].is_array())?;
    let files = oracle["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "so"))
}

/// What it saw of each case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sights {
    /// By the case's number; a case without its end is not there.
    pub cases: BTreeMap<u64, Sight>,
    /// What went wrong.
    pub trouble: Vec<String>,
}

/// What it saw of a case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Counts by call and path.
    pub counts: BTreeMap<Key, Seen>,
    /// First returns of tasks whose creator is not known.
    pub orphans: u64,
}

/// Reads what it wrote; a line cut off by the guest's end is trouble.
pub fn read(path: &Path) -> Result<Sights> {
    let text = fs::read_to_string(path).with_context(|| format!("the oracle wrote no {}", path.display()))?;
    Ok(parse(&text))
}

fn parse(text: &str) -> Sights {
    let mut sights = Sights::default();
    let mut open: BTreeMap<Key, Seen> = BTreeMap::new();
    let mut found = false;
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Return(row)) => {
                let seen = open.entry(key(&row)).or_default();
                seen.all += row.n;
                seen.newborn += if row.newborn { row.n } else { 0 };
            }
            Ok(Line::End { case, orphans, .. }) => {
                let counts = std::mem::take(&mut open);
                sights.cases.insert(case, Sight { counts, orphans });
            }
            Ok(Line::Trouble { said }) => sights.trouble.push(said),
            Ok(Line::Layout { .. }) => found = true,
            Err(error) => sights.trouble.push(format!("`{line}`: {error}")),
        }
    }
    if !found {
        sights.trouble.push("it did not find the tasks of this kernel".to_owned());
    }
    sights
}

/// The call as reports name it: what no table can have is -1.
fn key(row: &Return) -> Key {
    let SyscallId { nr, .. } = SyscallId::decode(row.abi == Abi::I386, i64::from(row.nr));
    let nr = if nr == NR_INVALID { -1 } else { i64::from(nr) };
    (row.abi, nr, row.path)
}

impl Sights {
    /// The case with this number, if nothing of it is missing.
    pub fn case(&self, case: u64) -> Result<&Sight> {
        let Some(sight) = self.cases.get(&case) else {
            let why = self.trouble.first().map_or("it saw no end of the case", |said| said);
            bail!("the oracle: {why}");
        };
        ensure!(
            sight.orphans == 0,
            "the oracle: {} tasks returned first, and who made them is not known",
            sight.orphans
        );
        Ok(sight)
    }
}

#[cfg(test)]
mod tests {
    use vmtest::expect::{Abi, Path};
    use vmtest::verdict::Seen;

    use super::{library, parse};

    #[test]
    fn the_plugin_is_found_among_cargos_messages() {
        let messages = r#"{"reason":"x","target":{"name":"vmtest"},"filenames":["/t/libvmtest.rlib"]}
{"reason":"x","target":{"name":"oracle"},"filenames":["/t/liboracle.so"]}"#;
        assert_eq!(library(messages).expect("it is there").to_str(), Some("/t/liboracle.so"));
        assert_eq!(library(""), None);
    }

    #[test]
    fn rows_become_counts_by_the_names_that_reports_use() {
        let sights = parse(
            r#"{"line":"layout","numbers":8,"parent":16}
{"line":"return","case":1,"abi":"x86_64","nr":57,"path":"iret","newborn":true,"n":2}
{"line":"return","case":1,"abi":"x86_64","nr":57,"path":"iret","newborn":false,"n":1}
{"line":"return","case":1,"abi":"x86_64","nr":-1,"path":"sysret","newborn":false,"n":3}
{"line":"return","case":1,"abi":"x86_64","nr":5000,"path":"sysret","newborn":false,"n":4}
{"line":"return","case":1,"abi":"x32","nr":1073741934,"path":"sysret","newborn":false,"n":5}
{"line":"end","case":1,"other":9,"orphans":0}
{"line":"return","case":2,"abi":"i386","nr":64,"path":"iret","newborn":false,"n":1}
{"line":"end","case":2,"other":9,"orphans":1}
{"line":"ret"#,
        );
        let counts = &sights.case(1).expect("complete").counts;
        let seen = |abi, nr, path| counts.get(&(abi, nr, path)).copied();
        assert_eq!(seen(Abi::X86_64, 57, Path::Iret), Some(Seen { all: 3, newborn: 2 }));
        assert_eq!(seen(Abi::X86_64, -1, Path::Sysret), Some(Seen { all: 7, newborn: 0 }));
        assert_eq!(seen(Abi::X32, 110, Path::Sysret), Some(Seen { all: 5, newborn: 0 }));
        assert!(sights.case(2).expect_err("an orphan").to_string().contains("1 tasks"));
        assert_eq!(sights.trouble.len(), 1, "the last line is cut off");
        assert!(sights.case(3).is_err());
    }
}
