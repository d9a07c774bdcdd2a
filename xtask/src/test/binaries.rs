//! Running compiled test binaries without a runner: all of them where nextest is missing, the live ones through
//! sudo where the caller is not root (never cargo itself: it would leave files of root's in the tree).

use super::{Setting, Stream, colours, tally::Tally, test_binary, watch};
use crate::{
    artifacts::{self, Artifact},
    packages, run,
};
use anyhow::Result;
use std::{ffi::OsString, path::Path, process::Command};

/// Runs each of `tests` as the current user.
pub fn run(setting: &Setting, tests: &[&Artifact]) -> Result<Tally> {
    let mut total = Tally::default();
    for test in tests {
        let mut command = test_binary(Command::new(&test.executable), &test.package);
        setting.apply(&mut command).args(["--color", colours()]).args(&setting.arguments);
        total += one(&mut command, test)?;
    }
    Ok(total)
}

/// Runs each of `tests` as root, one test at a time; without a way to root they are skipped.
pub fn run_as_root(setting: &Setting, tests: &[&Artifact]) -> Result<Tally> {
    let mut total = Tally::default();
    for test in tests {
        // sudo drops the environment, so it is handed over on env's command line.
        let env = match packages::as_root(Path::new("env")) {
            Ok(env) => env,
            Err(error) => {
                let skipped = listed(test)?;
                eprintln!("skipped: {error:#} ({}, {skipped} tests)", test.name);
                total.skipped += skipped;
                continue;
            }
        };
        let mut command = test_binary(env, &test.package);
        for (name, value) in &setting.variables {
            let mut pair = OsString::from(name);
            pair.push("=");
            pair.push(value);
            command.arg(pair);
        }
        command
            .arg(&test.executable)
            .args(["--test-threads=1", "--color", colours()])
            .args(&setting.arguments);
        total += one(&mut command, test)?;
    }
    Ok(total)
}

/// Runs the examples in the documentation, which nextest does not.
pub fn doc_tests(setting: &Setting) -> Result<Tally> {
    let mut cargo = artifacts::cargo()?;
    setting.apply(&mut cargo).args(["test", "--workspace", "--doc", "--quiet", "--no-fail-fast"]);
    let (said, success) = watch(&mut cargo, Stream::Stdout)?;
    let mut tally = Tally::of_libtest(&said);
    tally.failed = tally.failed.max(u64::from(!success));
    Ok(tally)
}

fn one(command: &mut Command, test: &Artifact) -> Result<Tally> {
    println!("     Running {}", test.name);
    let (said, success) = watch(command, Stream::Stdout)?;
    let mut tally = Tally::of_libtest(&said);
    // A binary that dies on the way prints no summary.
    tally.failed = tally.failed.max(u64::from(!success));
    Ok(tally)
}

fn listed(test: &Artifact) -> Result<u64> {
    let list = run::quiet(Command::new(&test.executable).args(["--list", "--format=terse"]))?;
    Ok(list.lines().filter(|line| line.ends_with(": test")).count() as u64)
}
