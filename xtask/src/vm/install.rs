//! QEMU, installed if it is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt::{self, Apt, Archive};
use crate::run;

const PROGRAM: &str = "qemu-system-x86_64";
const PACKAGE: &str = "qemu-system-x86";
/// 7.2 boots the guests too, but its plugins cannot read registers, which the oracle needs.
pub const WANTED_MAJOR: u32 = 10;

/// The path of `qemu-system-x86_64`, after installing it where it is missing.
pub fn qemu(cache: &Path) -> Result<PathBuf> {
    if let Some(path) = find() {
        return Ok(path);
    }
    println!("vm: installing {PACKAGE}");
    let folder = cache.join(format!("apt-qemu-{}", std::process::id()));
    let installed = from_backports(&folder).or_else(|error| {
        println!("vm: not from backports: {error:#}");
        println!("vm: installing the version of this machine's own suite");
        install(&[], None)
    });
    let _ = fs::remove_dir_all(&folder);
    installed.with_context(|| format!("install {PROGRAM} by hand, 10.0 or later if you can"))?;
    find().with_context(|| format!("{PACKAGE} is installed, but there is no {PROGRAM} on the PATH"))
}

fn find() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(PROGRAM)).find(|path| path.is_file())
}

/// Installs with a private apt that knows this release and its backports; the machine's sources stay as they are.
fn from_backports(folder: &Path) -> Result<()> {
    let release = fs::read_to_string("/etc/os-release").context("this is no Debian")?;
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = name.context("this Debian release has no name, so it has no backports")?;
    let backports = format!("{name}-backports");
    let sources = [
        apt::source(Archive::Main, name)?,
        apt::source(Archive::Security, &format!("{name}-security"))?,
        apt::source(Archive::Main, &backports)?,
    ];
    let apt = Apt::new(folder, &sources)?;
    let versions = apt.versions(PACKAGE)?;
    let recent = versions.iter().filter(|version| major(version) >= Some(WANTED_MAJOR)).count();
    ensure!(recent > 0, "{name} and {backports} have only {}", versions.join(", "));
    // Without the suite's name apt prefers the release's version over the newer backport.
    install(&apt.words(), Some(&backports))
}

/// The upstream major version: 10 of `1:10.0.2+ds-2~bpo12+1`.
pub fn major(version: &str) -> Option<u32> {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    upstream.split('.').next()?.parse().ok()
}

fn install(options: &[String], suite: Option<&str>) -> Result<()> {
    // SAFETY: reads one number of this process.
    let root = unsafe { libc::geteuid() } == 0;
    let mut command = Command::new(if root { "apt-get" } else { "sudo" });
    if !root {
        command.arg("apt-get");
    }
    command.args(options).args(["--quiet", "--yes", "--no-install-recommends"]);
    // Somebody else's apt may be at work.
    command.args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
    if let Some(suite) = suite {
        command.args(["--target-release", suite]);
    }
    command.args(["install", PACKAGE]).env("DEBIAN_FRONTEND", "noninteractive");
    run::quiet(&mut command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_epoch_is_no_version() {
        assert_eq!(major("1:10.0.2+ds-2~bpo12+1"), Some(10));
        assert_eq!(major("7.2+dfsg-7"), Some(7));
        assert_eq!(major("none"), None);
    }
}
