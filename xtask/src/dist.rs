//! `cargo xtask dist`: a release to hand out. One statically linked binary, which runs on any 64-bit
//! x86 Linux, with completions and man pages made by the binary itself; as an archive and as a Debian package.

use crate::{
    artifacts, files,
    package::{self, TARGET},
    run, workspace,
};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode},
};

/// Build the release: static binary, completions, man pages, archive, Debian package
#[derive(Args)]
pub struct Arguments {}

/// Runs the task.
pub fn perform(_: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let mut cargo = artifacts::cargo()?;
    // Symbols stay for backtraces, line tables would treble the size.
    cargo.env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    // An explicit target keeps the flag away from build scripts and macros, which cannot be linked statically.
    cargo.args(["build", "--release", "--locked", "--package", "tracer", "--target", TARGET]);
    run::shown(cargo.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    let binary = workspace::target()?.join(TARGET).join("release/exitpath");
    let bytes = fs::read(&binary).with_context(|| format!("cargo left no {}", binary.display()))?;
    ensure!(!dynamic(&bytes), "{} is linked dynamically", binary.display());

    let dist = workspace::target()?.join("dist");
    files::remove(&dist)?;
    let name = format!("exitpath-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
    let folder = dist.join(&name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::copy(&binary, folder.join("exitpath")).context("cannot copy the binary")?;
    package::generate(&binary, &folder)?;
    let papers = ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "LICENSE-GPL2"];
    for paper in papers.iter().filter(|paper| root.join(paper).is_file()) {
        fs::copy(root.join(paper), folder.join(paper)).with_context(|| format!("cannot copy {paper}"))?;
    }
    let archive = archive(&dist, &name)?;
    println!("{}: {} bytes, static", folder.join("exitpath").display(), bytes.len());
    println!("{}", dist.join(archive).display());
    let debian = package::build(&workspace::target()?, &dist.join("debian"))?;
    println!("{}", debian.display());
    Ok(ExitCode::SUCCESS)
}

/// Packs the folder `name`, the same bytes each time: sorted, owned by nobody, of one date.
fn archive(dist: &Path, name: &str) -> Result<String> {
    let archive = format!("{name}.tar.gz");
    let date = env::var("SOURCE_DATE_EPOCH").unwrap_or_else(|_| "0".to_owned());
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", &format!("--mtime=@{date}")]);
    run::quiet(
        tar.args(["--use-compress-program=gzip -n", "--create", "--file", &archive, name]).current_dir(dist),
    )?;
    Ok(archive)
}

/// Whether an ELF file names a dynamic loader (program header type 3, `PT_INTERP`).
fn dynamic(elf: &[u8]) -> bool {
    let number = |at: usize, bytes: usize| {
        let field = elf.get(at..at + bytes).unwrap_or_default();
        field.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|index| number(start + index * size, 4) == 3)
}

#[cfg(test)]
mod tests {
    use super::dynamic;

    #[test]
    fn a_loader_is_found_in_the_program_headers() {
        let mut elf = vec![0; 64 + 2 * 56];
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = 2;
        elf[64] = 1;
        assert!(!dynamic(&elf));
        elf[64 + 56] = 3;
        assert!(dynamic(&elf));
        assert!(!dynamic(b"short"));
    }
}
