//! `cargo xtask test`: installs what the tests need, and runs all of them.
//!
//! A test that cannot run on this machine prints a line `skipped: why` on stderr and appends `name: why` to the
//! file that `EXITPATH_SKIP_LOG` names; runners count it as passed, so it is moved to skipped here. Tests that
//! trace the running kernel lie in test binaries called `live*`; they run one at a time, as root.

mod binaries;
mod nextest;
mod tally;

use crate::{artifacts, cache, install, package, packages, prometheus_check, vm, workspace};
use anyhow::{Context as _, Result};
use clap::Args;
use nextest::Binaries;
use std::{
    fs,
    io::{BufRead as _, BufReader, IsTerminal as _, Read, Write as _, stderr, stdout},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};
use tally::Tally;

/// Test binaries whose name begins so trace the running kernel.
const LIVE: &str = "live";
/// Debian packages, and which tests look for them.
const PACKAGES: [&str; 5] = [
    // Shows that nothing of ours stays in the kernel.
    "bpftool",
    // Shows that another tracer keeps what it sees.
    "linux-perf",
    // Opens the HTML pages, and says what its console says.
    "chromium",
    // Scrapes a fleet, and is asked for it. The tests start it by themselves.
    prometheus_check::PROMETHEUS,
    // Has Google's pprof, which reads the daemon's profiles.
    "golang-go",
];
/// The HDR implementation that is not ours, for reading recordings back.
const PYTHON: [&str; 3] =
    ["hdrhistogram==0.10.8", "opentelemetry-proto==1.45.2", "prometheus-client==0.26.0"];

/// Install what the tests need, and run all of them
#[derive(Args)]
pub struct Arguments {
    /// Passed to the test runner, such as a name to filter by
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// What every runner is given.
struct Setting {
    /// The user's arguments for the runner.
    arguments: Vec<String>,
    /// Variables for the tests.
    variables: Vec<(&'static str, PathBuf)>,
}

impl Setting {
    fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)))
    }
}

/// Runs the task.
pub fn perform(arguments: Arguments) -> Result<ExitCode> {
    let log = workspace::target()?.join("skipped-tests.log");
    fs::create_dir_all(workspace::target()?).context("cannot make the target folder")?;
    // Writable for tests that run as root and for those that drop it.
    fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
    let mut setting =
        Setting { arguments: arguments.arguments, variables: vec![("EXITPATH_SKIP_LOG", log.clone())] };
    setting.variables.extend(python().map(|python| ("EXITPATH_PYTHON", python)));
    if let Err(error) = packages::need_packages(&PACKAGES) {
        eprintln!("warning: {error:#}; tests that need it say so and are skipped");
    }

    let tally = run(&setting).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Tally { failed: 1, ..Tally::default() }
    });
    let skipped = fs::read_to_string(&log).unwrap_or_default();
    let tally = tally.move_skipped(&skipped);
    for line in tally::skips(&skipped) {
        println!("skipped: {line}");
    }
    println!("{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The interpreter for the tests that read recordings with another implementation.
fn python() -> Option<PathBuf> {
    let made = cache::folder().and_then(|cache| {
        let _lock = install::lock(&cache)?;
        packages::python(&cache, &PYTHON)
    });
    made.inspect_err(|error| eprintln!("warning: {error:#}; tests that need it say so and are skipped")).ok()
}

fn run(setting: &Setting) -> Result<Tally> {
    let mut total = Tally::default();
    let built = artifacts::build(&["test", "--workspace", "--no-run"])?;
    let (live, plain): (Vec<_>, Vec<_>) =
        built.iter().filter(|artifact| artifact.test).partition(|artifact| artifact.name.starts_with(LIVE));
    let nextest = nextest::exists();
    let names: Vec<&str> = live.iter().map(|artifact| &*artifact.name).collect();
    if nextest {
        total += nextest::run(setting, Binaries::Except(&names))?;
    } else {
        total += binaries::run(setting, &plain)?;
    }
    if nextest && packages::is_root() && !live.is_empty() {
        total += nextest::run(setting, Binaries::Only(&names))?;
    } else {
        total += binaries::run_as_root(setting, &live)?;
    }
    if setting.arguments.is_empty() {
        total += binaries::doc_tests(setting)?;
        total += guests();
        total += packaged();
    }
    Ok(total)
}

/// The suite in real kernels: one test a guest. Without QEMU or a kernel to boot it fails, and says why.
fn guests() -> Tally {
    let (passed, failed) = vm::test().unwrap_or_else(|error| {
        eprintln!("error: guests: {error:#}");
        (0, 1)
    });
    Tally { passed, failed, skipped: 0 }
}

/// The Debian package, installed and started: one test.
fn packaged() -> Tally {
    if let Some(why) = package::why_not() {
        eprintln!("skipped: {why} (package-test)");
        return Tally { skipped: 1, ..Tally::default() };
    }
    match package::test(None) {
        Ok(()) => Tally { passed: 1, ..Tally::default() },
        Err(error) => {
            eprintln!("error: package: {error:#}");
            Tally { failed: 1, ..Tally::default() }
        }
    }
}

/// Runs `command`, shows what it says on the stream that `pick` chose, and gives it back.
fn watch(command: &mut Command, stream: Stream) -> Result<(String, bool)> {
    let name = command.get_program().to_string_lossy().into_owned();
    match stream {
        Stream::Stdout => command.stdout(Stdio::piped()),
        Stream::Stderr => command.stderr(Stdio::piped()),
    };
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    let pipe: Option<Box<dyn Read>> = match stream {
        Stream::Stdout => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        Stream::Stderr => child.stderr.take().map(|pipe| Box::new(pipe) as _),
    };
    let mut said = String::new();
    let mut reader = BufReader::new(pipe.context("no pipe to the tests")?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read what {name} says"))? > 0 {
        let shown = match stream {
            Stream::Stdout => stdout().write_all(&line),
            Stream::Stderr => stderr().write_all(&line),
        };
        shown.context("cannot show the tests' output")?;
        said.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
    Ok((said, status.success()))
}

#[derive(Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

/// Colours for a runner whose output goes through a pipe of ours.
fn colours() -> &'static str {
    if stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() { "always" } else { "never" }
}

/// The command that runs a test binary in its package's folder, as cargo does.
fn test_binary(program: Command, package: &Path) -> Command {
    let mut command = program;
    command.current_dir(package).env("CARGO_MANIFEST_DIR", package);
    command
}
