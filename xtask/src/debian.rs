//! Debian packages for what this machine's own package sources lack: taken from another suite of the mirror the
//! machine already uses, checked against Debian's signatures, unpacked beside the system and never installed.

use crate::{
    apt::{self, Apt, Archive},
    files::{self, Scratch},
};
use anyhow::{Context as _, Result, bail};
use std::{fs, path::Path};

/// Where a recent rustc's source may be, most likely first.
const SUITES: [&str; 4] = ["trixie-backports", "trixie", "forky", "sid"];

/// Unpacks the standard library's source of exactly rustc's version to `place`/library.
pub fn rust_src(cache: &Path, rustc: &str, place: &Path) -> Result<()> {
    let scratch = Scratch::new(cache, "rust-src")?;
    for suite in SUITES {
        println!("rust-src: looking for {rustc} in Debian {suite}");
        let sources = [apt::source(Archive::Main, suite)?];
        let apt = match Apt::new(&scratch.path().join(suite), &sources) {
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
        let unpacked = scratch.path().join("unpacked");
        apt.unpack(&format!("rust-src={version}"), &unpacked)?;
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

#[cfg(test)]
mod tests {
    use super::upstream;

    #[test]
    fn upstream_versions_are_compared_whole() {
        assert_eq!(upstream("1.95.0+dfsg1-1~bpo13+1"), "1.95.0");
        assert_eq!(upstream("1.95.0-1"), "1.95.0");
        assert_ne!(upstream("1.95.01-1"), "1.95.0");
    }
}
