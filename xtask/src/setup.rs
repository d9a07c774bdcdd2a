//! `cargo xtask setup`: installs the eBPF toolchain in the cache folder, once.
//!
//! Needed only to change the eBPF programs: everything else uses the committed object. Each step looks first
//! whether it is done, and is done in a scratch folder that takes its place when finished, so that an
//! interrupted setup never passes for a whole one.

use crate::{
    cache, debian,
    files::{self, Scratch},
    install,
    recipe::{self, BPF_LINKER, Toolchain},
    run,
};
use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Install the eBPF toolchain (only needed to change the eBPF programs)
#[derive(Args)]
pub struct Arguments {
    /// Only say what is there; fails when something is missing
    #[arg(long)]
    check: bool,
    /// Where the standard library's source comes from
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    rust_src: Source,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Source {
    /// rustup, else Debian
    Auto,
    /// `rustup component add rust-src`
    Rustup,
    /// Debian's package `rust-src` of rustc's version, unpacked in the cache
    Debian,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let cache = cache::folder()?;
    println!("cache: {}", cache.display());
    if arguments.check {
        return Ok(check(&cache));
    }
    let _lock = install::lock(&cache)?;

    let (rustc, sysroot) = recipe::host().context("no rustc: install Rust (stable) first")?;
    println!("rustc: {rustc}");
    match library(&cache, &rustc, &sysroot) {
        Some(path) => println!("rust-src: present, {}", path.display()),
        None => add_library(&cache, &rustc, &sysroot, arguments.rust_src)?,
    }
    install::tool(&cache, "bpf-linker", BPF_LINKER)?;
    let toolchain = Toolchain::find(&cache)?;
    ensure!(
        linker_runs(&toolchain),
        "bpf-linker does not start: remove {} and run this again",
        cache.display()
    );
    println!("ready: `cargo xtask ebpf` builds the eBPF programs");
    Ok(ExitCode::SUCCESS)
}

fn check(cache: &Path) -> ExitCode {
    match Toolchain::find(cache) {
        Ok(toolchain) if linker_runs(&toolchain) => {
            let Toolchain { dir, linker, rustc } = toolchain;
            println!("rustc: {rustc}");
            println!("rust-src: present, {}", recipe::library(&dir).display());
            println!("bpf-linker: present, {BPF_LINKER}, {}", linker.display());
            ExitCode::SUCCESS
        }
        Ok(toolchain) => {
            println!(
                "bpf-linker: does not start: remove {} and run `cargo xtask setup`",
                toolchain.linker.display()
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("missing: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where the standard library's source of this rustc is, if anywhere.
fn library(cache: &Path, rustc: &str, sysroot: &Path) -> Option<PathBuf> {
    let toolchains = [sysroot.to_owned(), recipe::cached(cache, rustc)];
    toolchains.iter().map(|dir| recipe::library(dir)).find(|library| library.join("core").is_dir())
}

fn add_library(cache: &Path, rustc: &str, sysroot: &Path, source: Source) -> Result<()> {
    if source != Source::Debian {
        println!("rust-src: asking rustup for the component");
        match run::quiet(Command::new("rustup").args(["component", "add", "rust-src"])) {
            Ok(_) if library(cache, rustc, sysroot).is_some() => {
                println!("rust-src: installed by rustup");
                return Ok(());
            }
            Ok(_) => println!("rust-src: rustup serves another toolchain than {}", sysroot.display()),
            Err(error) => println!("rust-src: rustup has none: {error:#}"),
        }
        ensure!(
            source == Source::Auto,
            "rustup cannot install rust-src: try `cargo xtask setup --rust-src debian`"
        );
    }
    let unpacked = cache.join(format!("rust-src-{rustc}"));
    if unpacked.join("library/core").is_dir() {
        println!("rust-src: present, {}", unpacked.display());
    } else {
        debian::rust_src(cache, rustc, &unpacked)
            .context("no rust-src from Debian: install it with rustup (`rustup component add rust-src`)")?;
    }
    assemble(cache, rustc, sysroot)
}

/// Puts a toolchain with the source together in the cache, so that nothing is written into the one in use.
fn assemble(cache: &Path, rustc: &str, sysroot: &Path) -> Result<()> {
    ensure!(
        sysroot != Path::new("/usr"),
        "rustc is the distribution's own: install its source with `apt-get install rust-src`"
    );
    println!("toolchain: linking {} into the cache", sysroot.display());
    let place = recipe::cached(cache, rustc);
    let scratch = Scratch::new(place.parent().unwrap_or(cache), rustc)?;
    let whole = scratch.path().join("toolchain");
    let rustlib = sysroot.join("lib/rustlib");
    // rustup's own records lie as files beside the libraries, and it writes to them in place: a hard link would
    // follow. No compiler reads them.
    let records = |path: &Path| path.parent() == Some(&rustlib) && path.is_file();
    for part in ["bin", "lib", "libexec"].map(Path::new).iter().filter(|part| sysroot.join(part).exists()) {
        files::link_tree(&sysroot.join(part), &whole.join(part), &records)?;
    }
    let link = recipe::library(&whole);
    files::remove(&link)?;
    fs::create_dir_all(link.parent().unwrap_or(&whole)).context("cannot make the source's folder")?;
    // Relative, so that the cache can be moved: from <cache>/toolchain/<rustc>/lib/rustlib/src/rust.
    symlink(format!("../../../../../../rust-src-{rustc}/library"), &link)
        .context("cannot link the source")?;
    files::install(&whole, &place)?;
    println!("toolchain: {}", place.display());
    Ok(())
}

fn linker_runs(toolchain: &Toolchain) -> bool {
    let mut command = Command::new(&toolchain.linker);
    command.arg("--version").env("LD_LIBRARY_PATH", toolchain.dir.join("lib"));
    run::quiet(&mut command).is_ok_and(|version| version.contains(BPF_LINKER))
}
