//! `cargo xtask syscalls [--headers DIR]`: regenerates `tracer/src/syscalls/generated/` from the kernel's uapi headers.
//!
//! The story: Debian ships the uapi headers of each kernel as `linux-libc-dev`. Without `--headers` the newest one is
//! fetched by a private apt configuration (nothing is installed, the machine's own lists stay as they are).
//! A name once known is never lost: recordings of old kernels must stay readable, so what newer headers dropped is kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::apt::{self, Apt, Archive};
use crate::workspace;

const GENERATED: &str = "tracer/src/syscalls/generated";
/// Where Debian publishes kernels newer than its stable release's.
const SUITES: [&str; 2] = ["sid", "trixie-backports"];
const PACKAGE: &str = "linux-libc-dev";
/// x32 numbers carry bit 30 in the header; the tables leave it out.
const X32_BIT: &str = "__X32_SYSCALL_BIT + ";
/// Each table's ABI, which names its file, and the kernel header it comes from.
const TABLES: [(&str, &str); 3] =
    [("i386", "unistd_32.h"), ("x32", "unistd_x32.h"), ("x86_64", "unistd_64.h")];

/// Major, minor and patch level.
type Version = (u32, u32, u32);
/// Number to name.
type Calls = BTreeMap<u16, String>;

/// Regenerate the tables of system calls from the newest kernel headers that Debian has
#[derive(clap::Args)]
pub struct Arguments {
    /// Take the headers from this include folder
    #[arg(long, value_name = "DIR")]
    headers: Option<PathBuf>,
}

/// Runs the task.
pub fn perform(arguments: &Arguments) -> Result<ExitCode> {
    run(&workspace::root()?, arguments.headers.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// Regenerates the tables below `root` (the workspace) from `headers` (an include folder), or from Debian's newest.
fn run(root: &Path, headers: Option<&Path>) -> Result<()> {
    let headers = match headers {
        Some(dir) => dir.to_owned(),
        None => fetch(&root.join("target/xtask/syscalls"))?,
    };
    let version = read_version(&headers)?;
    let out = root.join(GENERATED);
    fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
    let index = fs::read_to_string(out.join("mod.rs")).unwrap_or_default();
    if let Some(known) = parse_known_version(&index) {
        ensure!(
            version >= known,
            "headers of Linux {} are older than the tables, which come from {}: give newer ones with --headers",
            dotted(version),
            dotted(known)
        );
    }
    for (abi, header) in TABLES {
        let path = find_header(&headers, header)?;
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let fresh = parse_header(&text).with_context(|| format!("in {}", path.display()))?;
        let file = out.join(format!("{abi}.rs"));
        let old = parse_generated(&fs::read_to_string(&file).unwrap_or_default());
        let (calls, kept) = merge(fresh, old);
        for name in &kept {
            println!("{abi}: kept {name}, which Linux {} has no more", dotted(version));
        }
        fs::write(&file, render(abi, header, version, &calls))
            .with_context(|| format!("writing {}", file.display()))?;
        println!("{abi}: {} calls", calls.len());
    }
    fs::write(out.join("mod.rs"), render_index(version)).context("writing generated/mod.rs")?;
    Ok(())
}

/// Downloads and unpacks the newest `linux-libc-dev` below `cache`; returns its include folder.
fn fetch(cache: &Path) -> Result<PathBuf> {
    let sources: Vec<String> =
        SUITES.iter().map(|suite| apt::source(Archive::Main, suite)).collect::<Result<_>>()?;
    println!("asking Debian for its newest {PACKAGE}");
    let apt = Apt::new(cache, &sources)?;
    // Pinning would prefer sid over backports; the list has all versions, newest first.
    let version = apt.versions(PACKAGE)?.into_iter().next();
    let version = version
        .with_context(|| format!("no {PACKAGE} in {SUITES:?}: give the headers with --headers DIR"))?;
    println!("fetching {PACKAGE} {version}");
    let tree = cache.join(&version);
    apt.unpack(&format!("{PACKAGE}={version}"), &tree)?;
    Ok(tree.join("usr/include"))
}

/// Debian keeps `asm` in a folder of the architecture, the kernel's own `headers_install` does not.
fn find_header(headers: &Path, name: &str) -> Result<PathBuf> {
    ["x86_64-linux-gnu/asm", "asm"]
        .map(|dir| headers.join(dir).join(name))
        .into_iter()
        .find(|path| path.exists())
        .with_context(|| {
            format!("no asm/{name} below {}: --headers wants a folder like /usr/include", headers.display())
        })
}

fn read_version(headers: &Path) -> Result<Version> {
    let path = headers.join("linux/version.h");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let code: u32 = text
        .lines()
        .find_map(|line| line.strip_prefix("#define LINUX_VERSION_CODE "))
        .and_then(|code| code.trim().parse().ok())
        .with_context(|| format!("no LINUX_VERSION_CODE in {}", path.display()))?;
    Ok((code >> 16, code >> 8 & 0xff, code & 0xff))
}

fn dotted((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

fn parse_header(text: &str) -> Result<Calls> {
    let mut calls = Calls::new();
    for line in text.lines() {
        let Some(definition) = line.strip_prefix("#define __NR_") else {
            continue;
        };
        let (name, value) = definition.split_once(' ').with_context(|| format!("no value: {line}"))?;
        let value = value.trim().trim_start_matches('(').trim_end_matches(')');
        let nr = value
            .strip_prefix(X32_BIT)
            .unwrap_or(value)
            .parse::<u16>()
            .with_context(|| format!("no number: {line}"))?;
        ensure!(nr < 1023, "{name} is number {nr}: the kernel-side filter ends at 1022");
        if let Some(other) = calls.insert(nr, name.to_owned()) {
            bail!("{name} and {other} share number {nr}");
        }
    }
    ensure!(calls.len() > 300, "only {} system calls: not a complete header", calls.len());
    Ok(calls)
}

fn parse_generated(text: &str) -> Calls {
    text.lines()
        .filter_map(|line| {
            let (name, nr) = line.trim().strip_prefix("(\"")?.strip_suffix("),")?.split_once("\", ")?;
            Some((nr.parse().ok()?, name.to_owned()))
        })
        .collect()
}

fn parse_known_version(index: &str) -> Option<Version> {
    let line = index.lines().find_map(|line| line.split_once("KERNEL: &str = \"")?.1.split('"').next())?;
    let mut parts = line.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

/// The newer name wins a number; returns also the names only the old table knew.
fn merge(mut fresh: Calls, old: Calls) -> (Calls, Vec<String>) {
    let mut kept = Vec::new();
    for (nr, name) in old {
        if !fresh.contains_key(&nr) && !fresh.values().any(|other| *other == name) {
            kept.push(name.clone());
            fresh.insert(nr, name);
        }
    }
    (fresh, kept)
}

fn render(abi: &str, header: &str, version: Version, calls: &Calls) -> String {
    let mut by_name: Vec<_> = calls.iter().map(|(nr, name)| (name, nr)).collect();
    by_name.sort();
    let mut text = format!(
        "//! Generated by `cargo xtask syscalls` from `{header}` of Linux {}. Do not edit.\n\n\
         /// Every system call of `{abi}`, sorted by name.\n\
         pub static CALLS: &[(&str, u16)] = &[\n",
        dotted(version)
    );
    for (name, nr) in by_name {
        let _ = writeln!(text, "    (\"{name}\", {nr}),");
    }
    text + "];\n"
}

fn render_index(version: Version) -> String {
    let mut text = String::from("//! Generated by `cargo xtask syscalls`. Do not edit.\n\n");
    for (abi, _) in TABLES {
        let _ = writeln!(text, "pub mod {abi};");
    }
    let _ = writeln!(
        text,
        "\n/// The kernel whose headers the tables come from.\npub const KERNEL: &str = \"{}\";",
        dotted(version)
    );
    text
}

#[cfg(test)]
mod tests;
