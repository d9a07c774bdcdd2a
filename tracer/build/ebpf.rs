//! Builds the eBPF object: the one recipe, used by `tracer/build.rs` and by `cargo xtask ebpf`.
//!
//! It runs cargo itself rather than through aya-build, which sets the flags on its own and so leaves no room for
//! the path remapping that makes the object the same from every checkout, cache and cargo home.

use crate::{cache, strip};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The package of the programs.
pub const PACKAGE: &str = "tracer-ebpf";
/// The target the programs are built for.
pub const TARGET: &str = "bpfel-unknown-none";
/// The newest bpf-linker that loads rustc's own LLVM: later ones need a system LLVM of rustc's major version.
pub const BPF_LINKER: &str = "0.10.4";

/// An object and how it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The binary of [`PACKAGE`].
    bin: &'static str,
    /// Flags beside [`FLAGS`].
    flags: &'static [&'static str],
}

/// For kernels with typed programs and global data.
pub const MODERN: Object = Object { bin: "exitpath-bpf", flags: &["-Clink-arg=--btf"] };
/// For kernels from 4.9 on: the first instruction set, and no type information, which they could not load.
pub const OLD: Object = Object { bin: "exitpath-old-bpf", flags: &["-Ctarget-cpu=v1"] };
/// The target's `core` is built along: no toolchain ships it.
pub const BUILD_STD: [&str; 4] = ["--target", TARGET, "-Z", "build-std=core"];
const FLAGS: [&str; 2] = ["--cfg=bpf_target_arch=\"x86_64\"", "-Cdebuginfo=2"];

/// Everything about the way of building that decides the object's bytes, for the manifest.
pub fn recipe() -> String {
    let own = [MODERN, OLD].map(|object| format!("{} {}", object.bin, object.flags.join(" ")));
    format!(
        "cargo build --release {} {} {} strip=dwarf\n",
        BUILD_STD.join(" "),
        FLAGS.join(" "),
        own.join(" ")
    )
}

/// What builds the object: a rustc with the standard library's source, and bpf-linker.
#[derive(Debug)]
pub struct Toolchain {
    /// The toolchain's folder, with `bin` and `lib`.
    pub dir: PathBuf,
    /// bpf-linker's executable.
    pub linker: PathBuf,
    /// rustc's release, such as `1.95.0`.
    pub rustc: String,
}

impl Toolchain {
    /// Looks for the toolchain: rustc's own when it has the source, else the one in the cache.
    pub fn find(cache: &Path) -> Result<Self> {
        let (rustc, sysroot) = host()?;
        let own = cached(cache, &rustc);
        let dir = [sysroot, own]
            .into_iter()
            .find(|dir| library(dir).join("core").is_dir())
            .with_context(|| format!("no source of `core` for rustc {rustc}: run `cargo xtask setup`"))?;
        let linker = linker(cache);
        ensure!(linker.is_file(), "no bpf-linker {BPF_LINKER} in the cache: run `cargo xtask setup`");
        Ok(Self { dir, linker, rustc })
    }

    /// This toolchain's cargo in the workspace at `root`, with the flags of the recipe, free of what a cargo
    /// above left in the environment.
    pub fn cargo(&self, object: Object, root: &Path, target_dir: &Path) -> Result<Command> {
        let mut command = self.bare(root)?;
        command
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(object, root, target_dir)?)
            .env("CARGO_TARGET_DIR", target_dir);
        Ok(command)
    }

    fn bare(&self, root: &Path) -> Result<Command> {
        let bin = self.dir.join("bin");
        let mut command = Command::new(bin.join("cargo"));
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(disturbs) {
                command.env_remove(name);
            }
        }
        let mut path = vec![bin.clone()];
        path.extend(self.linker.parent().map(Path::to_owned));
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        command
            .current_dir(root.canonicalize().with_context(|| format!("no workspace at {}", root.display()))?)
            .env("PATH", env::join_paths(path).context("PATH cannot be extended")?)
            // bpf-linker looks for rustc's LLVM among the loader's folders.
            .env("LD_LIBRARY_PATH", self.dir.join("lib"))
            .env("RUSTC", bin.join("rustc"))
            // Empty rather than unset: a wrapper may also come from a configuration file.
            .env("RUSTC_WRAPPER", "")
            // aya-ebpf's `asm_experimental_arch` and `-Z build-std` are unstable.
            .env("RUSTC_BOOTSTRAP", "1");
        Ok(command)
    }

    /// The recipe's flags, and the remapping that keeps every path of this machine out of the object.
    fn flags(&self, object: Object, root: &Path, target_dir: &Path) -> Result<OsString> {
        let mut remapped = vec![(root.canonicalize()?, "/exitpath"), (absolute(target_dir)?, "/target")];
        remapped.extend(self.dependencies(root)?.into_iter().map(|dir| (dir, "/cargo")));
        let library = library(&self.dir);
        // Cargo names the source by its path in the toolchain, and works in the folder a link leads to.
        remapped.push((library.canonicalize()?, "/rustc/library"));
        remapped.push((library, "/rustc/library"));
        let mut flags = OsString::from([&FLAGS[..], object.flags].concat().join("\x1f"));
        // The last prefix that matches wins, so the more special ones come last.
        for (from, to) in remapped {
            flags.push("\x1f--remap-path-prefix=");
            flags.push(from);
            flags.push("=");
            flags.push(to);
        }
        Ok(flags)
    }

    /// The folders that cargo unpacked the dependencies into, asked of cargo: registry mirrors, vendored sources
    /// and another cargo home all name them differently.
    fn dependencies(&self, root: &Path) -> Result<BTreeSet<PathBuf>> {
        let mut command = self.bare(root)?;
        command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]);
        let json: Value =
            serde_json::from_slice(&stdout_of(&mut command)?).context("cargo metadata is not JSON")?;
        let packages = json["packages"].as_array().context("cargo metadata lists no packages")?;
        let foreign = packages.iter().filter(|package| !package["source"].is_null());
        Ok(foreign
            .filter_map(|package| Path::new(package["manifest_path"].as_str()?).ancestors().nth(2))
            .map(Path::to_owned)
            .collect())
    }
}

/// Builds an object with `toolchain` from the workspace at `root`; cargo's own output goes to stderr. Each object has
/// a target folder of its own below `target_dir`: other flags in the same one rebuild everything each time.
pub fn build(toolchain: &Toolchain, object: Object, root: &Path, target_dir: &Path) -> Result<Vec<u8>> {
    let target_dir = &target_dir.join(object.bin);
    let mut command = toolchain.cargo(object, root, target_dir)?;
    command
        .args(["build", "--locked", "--release", "--package", PACKAGE, "--bin", object.bin])
        .args(BUILD_STD);
    stdout_of(&mut command).context("the eBPF programs do not build")?;
    let path = target_dir.join(TARGET).join("release").join(object.bin);
    let object = fs::read(&path).with_context(|| format!("cargo left no {}", path.display()))?;
    strip::debug_info(&object)
}

/// rustc's release and its folder, as the caller's environment chooses them.
pub fn host() -> Result<(String, PathBuf)> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let ask = |arguments: &[&str]| -> Result<String> {
        Ok(String::from_utf8(stdout_of(Command::new(&rustc).args(arguments))?)?.trim().to_owned())
    };
    let version = ask(&["--version", "--verbose"])?;
    let release = version.lines().find_map(|line| line.strip_prefix("release: "));
    let release =
        release.with_context(|| format!("`rustc --version --verbose` names no release: {version}"))?;
    Ok((release.to_owned(), ask(&["--print", "sysroot"])?.into()))
}

/// Where a toolchain keeps the source of its standard library.
pub fn library(toolchain: &Path) -> PathBuf {
    toolchain.join("lib/rustlib/src/rust/library")
}

/// The toolchain that `cargo xtask setup` puts together in the cache for a rustc without its source.
pub fn cached(cache: &Path, rustc: &str) -> PathBuf {
    cache.join("toolchain").join(rustc)
}

/// Where `cargo xtask setup` installs bpf-linker.
pub fn linker(cache: &Path) -> PathBuf {
    cache.join(format!("bpf-linker-{BPF_LINKER}")).join("bin/bpf-linker")
}

/// What a cargo above, or the user's own setting for host code, would change in the object.
fn disturbs(variable: &str) -> bool {
    const KEPT: [&str; 6] =
        ["CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TERM_"];
    let cargo_or_rustc = ["CARGO", "RUSTC", "RUSTFLAGS", "RUSTDOC", "RUSTUP_TOOLCHAIN"];
    cargo_or_rustc.iter().any(|prefix| variable.starts_with(prefix))
        && !KEPT.iter().any(|kept| variable.starts_with(kept))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot make {} absolute", path.display()))
}

fn stdout_of(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name} failed ({})", output.status);
    }
    Ok(output.stdout)
}

/// The toolchain of the default cache folder.
pub fn toolchain() -> Result<Toolchain> {
    Toolchain::find(&cache::folder()?)
}

#[cfg(test)]
mod tests {
    use super::disturbs;

    #[test]
    fn what_a_cargo_above_leaves_behind_is_removed() {
        for name in
            ["CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_PROFILE_RELEASE_LTO", "RUSTC_WRAPPER"]
        {
            assert!(disturbs(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X_TOKEN", "RUSTUP_HOME", "PATH"] {
            assert!(!disturbs(name), "{name}");
        }
    }
}
