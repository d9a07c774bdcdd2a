//! Debian packages for what this machine's own package sources lack: taken from another suite of the mirror the
//! machine already uses, checked against Debian's signatures, unpacked beside the system and never installed.

use crate::{
    files::{self, Scratch},
    run,
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Where a recent rustc's source may be, most likely first.
const SUITES: [&str; 4] = ["trixie-backports", "trixie", "forky", "sid"];

/// Unpacks the standard library's source of exactly rustc's version to `place`/library.
pub fn rust_src(cache: &Path, rustc: &str, place: &Path) -> Result<()> {
    ensure!(Path::new(KEYRING).is_file(), "no {KEYRING}: `apt-get install debian-archive-keyring`");
    let mirror = mirror()?;
    let scratch = Scratch::new(cache, "rust-src")?;
    for suite in SUITES {
        println!("rust-src: looking for {rustc} in Debian {suite}");
        let apt = match Apt::new(scratch.path(), &mirror, suite) {
            Ok(apt) => apt,
            Err(error) => {
                println!("rust-src: {suite} cannot be read: {error:#}");
                continue;
            }
        };
        let Some(version) = apt.versions("rust-src")?.into_iter().find(|version| upstream(version) == rustc)
        else {
            continue;
        };
        println!("rust-src: downloading {version} from {suite}");
        let package = apt.download("rust-src", &version)?;
        println!("rust-src: unpacking");
        let unpacked = scratch.path().join("unpacked");
        run::quiet(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&unpacked))?;
        let finished = scratch.path().join("finished");
        fs::create_dir(&finished).context("cannot make a folder in the cache")?;
        files::install(&unpacked.join(format!("usr/src/rustc-{rustc}/library")), &finished.join("library"))?;
        return files::install(&finished, place);
    }
    bail!("Debian has no rust-src {rustc} in {}", SUITES.join(", "))
}

/// The upstream part of a Debian version: `1.95.0` of `1.95.0+dfsg1-1~bpo13+1`.
fn upstream(version: &str) -> &str {
    version.split(['+', '~', '-']).next().unwrap_or(version)
}

/// A private apt: its own package lists of one suite, nothing of it shared with the system's.
struct Apt {
    folder: PathBuf,
    options: Vec<String>,
}

impl Apt {
    fn new(scratch: &Path, mirror: &str, suite: &str) -> Result<Self> {
        let folder = scratch.join(suite);
        for sub in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(sub)).context("cannot make apt's folders")?;
        }
        let list = folder.join("sources.list");
        fs::write(&list, format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"))
            .context("cannot write a list")?;
        let options = [
            format!("Dir::Etc::SourceList={}", list.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", folder.join("lists").display()),
            format!("Dir::Cache={}", folder.join("cache").display()),
            "Acquire::Languages=none".to_owned(),
            // apt's own user cannot write into a private folder.
            "APT::Sandbox::User=root".to_owned(),
        ];
        let apt = Self { folder, options: options.into() };
        run::quiet(apt.command("apt-get").args(["--quiet", "--error-on=any", "update"]))?;
        Ok(apt)
    }

    fn versions(&self, package: &str) -> Result<Vec<String>> {
        let table = run::quiet(self.command("apt-cache").args(["madison", package]))?;
        Ok(table
            .lines()
            .filter_map(|line| line.split('|').nth(1))
            .map(|field| field.trim().to_owned())
            .collect())
    }

    fn download(&self, package: &str, version: &str) -> Result<PathBuf> {
        let mut command = self.command("apt-get");
        run::quiet(
            command.args(["--quiet", "download", &format!("{package}={version}")]).current_dir(&self.folder),
        )?;
        let entries = fs::read_dir(&self.folder).context("cannot list the download folder")?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .find(|path| path.extension().is_some_and(|ext| ext == "deb"))
            .context("apt-get downloaded no package")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }
}

/// The Debian mirror that this machine's own apt uses.
fn mirror() -> Result<String> {
    let format = "$(REPO_URI)|$(LABEL)";
    let mut command = Command::new("apt-get");
    command.env("LC_ALL", "C").args(["indextargets", "--format", format, "Created-By: Packages"]);
    let targets = run::quiet(&mut command).context("this machine has no apt")?;
    main_archive(&targets).context("apt here has no Debian mirror configured").map(str::to_owned)
}

/// Picks the main archive from lines `address|label`; before the first update there are no labels, and the
/// address must tell.
fn main_archive(targets: &str) -> Option<&str> {
    let lines = || targets.lines().filter_map(|line| line.split_once('|'));
    let labelled = lines().find(|(_, label)| *label == "Debian");
    let named = || lines().find(|(address, _)| address.trim_end_matches('/').ends_with("/debian"));
    labelled.or_else(named).map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::{main_archive, upstream};

    #[test]
    fn the_main_archive_is_told_from_others() {
        let targets = "http://a/security/|Debian-Security\nhttp://a/d/|Debian\n";
        assert_eq!(main_archive(targets), Some("http://a/d/"));
        let before_update = "http://a/debian-security/|\nhttp://a/debian/|\n";
        assert_eq!(main_archive(before_update), Some("http://a/debian/"));
        assert_eq!(main_archive("http://a/ubuntu/|Ubuntu\n"), None);
    }

    #[test]
    fn upstream_versions_are_compared_whole() {
        assert_eq!(upstream("1.95.0+dfsg1-1~bpo13+1"), "1.95.0");
        assert_eq!(upstream("1.95.0-1"), "1.95.0");
        assert_ne!(upstream("1.95.01-1"), "1.95.0");
    }
}
