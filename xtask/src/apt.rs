//! A private apt: packages of another Debian suite, checked against Debian's signatures, without a change to this
//! machine's own sources. The mirror's address comes from what apt here already uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The two archives of a Debian mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Releases, backports, sid.
    Main,
    /// Security updates.
    Security,
}

/// A line of a sources list.
pub fn source(archive: Archive, suite: &str) -> Result<String> {
    ensure!(Path::new(KEYRING).is_file(), "no {KEYRING}: `apt-get install debian-archive-keyring`");
    let mut command = Command::new("apt-get");
    command.env("LC_ALL", "C").args([
        "indextargets",
        "--format",
        "$(REPO_URI)|$(LABEL)",
        "Created-By: Packages",
    ]);
    let targets = run::quiet(&mut command).context("this machine has no apt: what is fetched is Debian's")?;
    let address = address(&targets, archive)
        .context("apt here has no Debian mirror: add one to its sources, or boot on a Debian machine")?;
    Ok(format!("deb [signed-by={KEYRING}] {address} {suite} main"))
}

/// The archive's address from lines `address|label`; before the first update labels are empty, and the address
/// must tell. Mirrors keep the security archive beside the main one.
fn address(targets: &str, archive: Archive) -> Option<String> {
    let find = |label: &str, folder: &str| {
        let lines = || targets.lines().filter_map(|line| line.split_once('|'));
        let labelled = lines().find(|(_, have)| *have == label);
        let named = || lines().find(|(address, _)| address.trim_end_matches('/').ends_with(folder));
        labelled.or_else(named).map(|(address, _)| address.to_owned())
    };
    let main = || find("Debian", "/debian");
    match archive {
        Archive::Main => main(),
        Archive::Security => find("Debian-Security", "/debian-security")
            .or_else(|| main().map(|main| format!("{}-security", main.trim_end_matches('/')))),
    }
}

/// An apt with its own sources and lists.
pub struct Apt {
    folder: PathBuf,
    options: Vec<String>,
}

impl Apt {
    /// Reads the lists of `sources` into `folder`.
    pub fn new(folder: &Path, sources: &[String]) -> Result<Self> {
        for sub in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(sub))
                .with_context(|| format!("cannot make {}", folder.join(sub).display()))?;
        }
        let list = folder.join("sources.list");
        fs::write(&list, sources.join("\n") + "\n")
            .with_context(|| format!("cannot write {}", list.display()))?;
        let options = [
            format!("Dir::Etc::SourceList={}", list.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", folder.join("lists").display()),
            format!("Dir::Cache={}", folder.join("cache").display()),
            "Acquire::Languages=none".to_owned(),
            // apt's own unprivileged user cannot write into a private folder.
            "APT::Sandbox::User=root".to_owned(),
        ];
        let apt = Self { folder: folder.to_owned(), options: options.into() };
        run::quiet(apt.command("apt-get").args(["--quiet", "--error-on=any", "update"]))?;
        Ok(apt)
    }

    /// All package names that begin with `prefix`.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = run::quiet(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// All versions of a package.
    pub fn versions(&self, package: &str) -> Result<Vec<String>> {
        let table = run::quiet(self.command("apt-cache").args(["madison", package]))?;
        Ok(table.lines().filter_map(|line| line.split('|').nth(1)).map(|v| v.trim().to_owned()).collect())
    }

    /// Downloads a package (`NAME`, or `NAME=VERSION`) and unpacks it into `place`; apt checks it against the signed lists.
    pub fn unpack(&self, package: &str, place: &Path) -> Result<()> {
        let folder = self.folder.join("download");
        // A package of an earlier run would be taken for this one.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        run::quiet(self.command("apt-get").args(["--quiet", "download", package]).current_dir(&folder))?;
        let packages = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut packages = packages.filter(|path| path.extension().is_some_and(|ext| ext == "deb"));
        let package = packages.next().with_context(|| format!("apt downloaded nothing for {package}"))?;
        run::quiet(Command::new("dpkg-deb").arg("--extract").arg(package).arg(place)).map(drop)
    }

    /// The program with this apt's options.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").args(self.words());
        command
    }

    /// This apt's options as words of a command line.
    pub fn words(&self) -> Vec<String> {
        self.options.iter().flat_map(|option| ["-o".to_owned(), option.clone()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Archive, address};

    #[test]
    fn archives_are_told_by_label_and_before_an_update_by_address() {
        let labelled = "http://m/s/|Debian-Security\nhttp://m/d/|Debian\nhttp://x/|Other\n";
        assert_eq!(address(labelled, Archive::Main).as_deref(), Some("http://m/d/"));
        assert_eq!(address(labelled, Archive::Security).as_deref(), Some("http://m/s/"));
        let fresh = "http://m/debian-security/|\nhttp://m/debian/|\n";
        assert_eq!(address(fresh, Archive::Main).as_deref(), Some("http://m/debian/"));
        assert_eq!(address(fresh, Archive::Security).as_deref(), Some("http://m/debian-security/"));
    }

    #[test]
    fn a_missing_security_archive_is_beside_the_main_one() {
        let targets = "http://m/debian/|Debian\n";
        assert_eq!(address(targets, Archive::Security).as_deref(), Some("http://m/debian-security"));
        assert_eq!(address("http://m/other/|Other\n", Archive::Security), None);
    }
}
