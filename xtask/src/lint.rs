//! `cargo xtask lint`: everything that judges the source without running it. Each part runs even when an earlier
//! one failed, so that one run shows all there is to mend.

use crate::{artifacts, cache, install, recipe, run, workspace};
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use std::process::{Command, ExitCode};

/// The newest that was built with the workspace's rustc.
const CARGO_DENY: &str = "0.20.2";

/// Check formatting, clippy on host and BPF target, documentation, licences and advisories
#[derive(Args)]
pub struct Arguments {
    /// Only these parts
    #[arg(value_enum)]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Part {
    /// Formatting
    Fmt,
    /// Clippy on everything that runs on the host
    Clippy,
    /// Clippy on the eBPF programs, for their own target (needs `cargo xtask setup`)
    Bpf,
    /// Documentation without warnings
    Doc,
    /// Licences, sources, duplicate and vulnerable dependencies
    Deny,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let parts = if arguments.parts.is_empty() { Part::value_variants() } else { &arguments.parts };
    let mut failed = Vec::new();
    for part in parts {
        let name = part.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        println!("lint: {name}");
        if let Err(error) = part.run() {
            eprintln!("error: {name}: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("lint failed: {}", failed.join(", "));
    }
    println!("lint: clean");
    Ok(ExitCode::SUCCESS)
}

impl Part {
    fn run(self) -> Result<()> {
        let mut cargo = artifacts::cargo()?;
        match self {
            Self::Fmt => {
                run::shown(cargo.args(["fmt", "--all", "--check"])).context("format with `cargo fmt`")
            }
            Self::Clippy => run::shown(cargo.args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])),
            Self::Bpf => bpf(),
            Self::Doc => {
                cargo.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
                run::shown(cargo.env("RUSTDOCFLAGS", "-D warnings"))
            }
            Self::Deny => deny(),
        }
    }
}

/// The programs exist only on the BPF target, which needs `core` from source.
fn bpf() -> Result<()> {
    let target = workspace::target()?.join("ebpf-clippy");
    let mut cargo = recipe::toolchain()?.cargo(recipe::MODERN, &workspace::root()?, &target)?;
    cargo.args(["clippy", "--release", "--locked", "--package", recipe::PACKAGE]).args(recipe::BUILD_STD);
    run::shown(cargo.args(["--", "-D", "warnings"]))
}

fn deny() -> Result<()> {
    let cache = cache::folder()?;
    let program = {
        let _lock = install::lock(&cache)?;
        install::tool(&cache, "cargo-deny", CARGO_DENY)?
    };
    let check = |what: &[&str]| -> Result<Command> {
        let mut command = Command::new(&program);
        command.current_dir(workspace::root()?).args(["--all-features", "check"]).args(what);
        Ok(command)
    };
    run::shown(&mut check(&["bans", "licenses", "sources"])?)?;
    // The advisories come from a database on the network, which not every machine reaches.
    let mut fetch = Command::new(&program);
    fetch.current_dir(workspace::root()?).args(["--all-features", "fetch", "db"]);
    if let Err(error) = run::quiet(&mut fetch) {
        eprintln!("skipped: advisories: the database cannot be fetched: {error:#}");
        return Ok(());
    }
    run::shown(&mut check(&["advisories"])?)
}
