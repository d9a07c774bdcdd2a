//! `cargo xtask package-test`: installs the Debian package into a clean Debian, starts its daemon as its unit does, and
//! removes it without a trace.

use super::{
    build,
    chroot::Chroot,
    root,
    service::{Service, Unit},
};
use crate::{cache, packages, run, vm, workspace};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

const UNIT: &str = "/lib/systemd/system/exitpath.service";
/// Tenths of what `systemd-analyze security` calls exposure, 0 to 100; docs/SECURITY.md states the figure.
const EXPOSURE: &str = "--threshold=20";
const PATIENCE: Duration = Duration::from_mins(1);

/// Install the Debian package into a clean Debian, and start its daemon there
#[derive(Args)]
pub struct Arguments {
    /// Pack the binary of this target folder, instead of building one
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    match why_not() {
        Some(why) => println!("skipped: {why}"),
        None => test(arguments.target_dir.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Why it cannot run here.
pub fn why_not() -> Option<String> {
    if !packages::is_root() {
        return Some("a clean Debian needs root, to change into it".to_owned());
    }
    (!run::exists("apt-get")).then(|| "no apt here: Debian's packages are fetched by it".to_owned())
}

/// Installs, starts, stops, purges.
pub fn test(target: Option<&Path>) -> Result<()> {
    let target = match target {
        Some(folder) => std::path::absolute(folder)?,
        // The guests' binary: one build serves both.
        None => vm::image::compile(true)?.ancestors().nth(2).context("cargo's target folder")?.to_owned(),
    };
    let into = workspace::target()?.join("debian");
    let package = build(&target, &into)?;
    println!("package: {}, {} bytes", package.display(), fs::metadata(&package)?.len());
    let chroot = Chroot::unpack(&root::archive(&cache::folder()?)?, &workspace::target()?)?;
    let before = chroot.files()?;
    fs::copy(&package, chroot.path("/exitpath.deb")).context("cannot copy the package")?;
    installs(&chroot)?;
    serves(&chroot)?;
    fs::remove_file(chroot.path("/exitpath.deb"))?;
    chroot.run(&["dpkg", "--purge", "exitpath"])?;
    let after = chroot.files()?;
    let left: Vec<&PathBuf> = after.difference(&before).filter(|path| !expected(path)).collect();
    ensure!(left.is_empty(), "left after the purge: {left:?}");
    ensure!(
        before.is_subset(&after),
        "the package took other files with it: {:?}",
        before.difference(&after)
    );
    println!("package: purged, nothing left but the ring");
    Ok(())
}

/// The ring is its user's own; the rest is dpkg's and systemd's.
fn expected(path: &Path) -> bool {
    let beneath = ["/var/lib/exitpath", "/var/lib/dpkg", "/var/log", "/run", "/proc", "/sys", "/dev"];
    beneath.iter().any(|folder| path.starts_with(folder))
}

fn installs(chroot: &Chroot) -> Result<()> {
    chroot.run(&["dpkg", "--install", "/exitpath.deb"])?;
    let version = chroot.run(&["exitpath", "--version"])?;
    ensure!(version.trim() == format!("exitpath {}", env!("CARGO_PKG_VERSION")), "it says {version:?}");
    let conffiles = chroot.run(&["dpkg-query", "--show", "--showformat=${Conffiles}", "exitpath"])?;
    ensure!(conffiles.contains("/etc/exitpath/exitpath.toml"), "no conffile, but {conffiles:?}");
    for file in
        ["man/man1/exitpath-daemon.1.gz", "bash-completion/completions/exitpath", "doc/exitpath/copyright"]
    {
        let path = format!("/usr/share/{file}");
        ensure!(chroot.path(&path).is_file(), "the package has no {path}");
    }
    let said = chroot.run(&["systemd-analyze", "verify", "--man=no", UNIT])?;
    ensure!(said.trim().is_empty(), "systemd-analyze verify: {said}");
    let said = chroot.run(&["systemd-analyze", "security", "--offline=true", EXPOSURE, UNIT])?;
    let score = said.lines().rev().find(|line| line.contains("exposure")).unwrap_or_default();
    println!("package: installed, its unit verifies; {}", score.trim_start_matches(['\u{2192}', ' ']));
    Ok(())
}

fn serves(chroot: &Chroot) -> Result<()> {
    // Whatever else runs here may have the default one.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.context("no free port")?.to_string();
    let unit = Unit::read(chroot, UNIT)?;
    let environment = [("EXITPATH_LISTEN", &*address), ("EXITPATH_INTERVAL", "1s")];
    let mut service = Service::start(chroot, &unit, &environment)?;
    service.says("READY=1", PATIENCE)?;
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid()))?;
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        let line = status.lines().find_map(|line| line.strip_prefix(set)).context("every kernel shows it")?;
        // The bounding set needs CAP_SETPCAP to be emptied: the unit's stays, and nothing can be gained from it.
        ensure!(
            set == "CapBnd:" || line.trim().chars().all(|digit| digit == '0'),
            "{set}{line} after attaching"
        );
    }
    ensure!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "not confined: {status}");
    service.says("WATCHDOG=1", PATIENCE)?;
    for (path, text) in [("/healthz", ""), ("/metrics", "exitpath_build_info")] {
        let answer = get(&address, path)?;
        ensure!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(text), "{path}: {answer}");
    }
    service.says("WATCHDOG=1", PATIENCE)?;
    let said = service.terminate()?;
    let confined = said.lines().find(|line| line.contains("Landlock")).unwrap_or_default();
    println!("package: its daemon served, and ended with 0; {confined}");
    let report = chroot.run(&["exitpath", "report", "/var/lib/exitpath", "--top", "3"])?;
    ensure!(report.contains("returns"), "the ring reads as {report:?}");
    Ok(())
}

fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("nobody listens at {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
