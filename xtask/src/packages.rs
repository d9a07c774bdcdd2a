//! Packages that a task needs on this machine: Debian's for programs, Python's in an environment of their own.

use crate::{
    files::{self, Scratch},
    run,
};
use anyhow::{Context as _, Result, ensure};
use std::{
    fs,
    io::{IsTerminal as _, stdin},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Whether this process is root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// A command that runs `program` as root: itself for root, else through sudo; an error when there is no way.
pub fn as_root(program: &Path) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    let silent = run::quiet(Command::new("sudo").args(["--non-interactive", "true"])).is_ok();
    ensure!(
        silent || (run::exists("sudo") && stdin().is_terminal()),
        "not root, and no sudo that answers: run it as root, or install sudo"
    );
    let mut command = Command::new("sudo");
    command.arg(program);
    Ok(command)
}

/// Installs those Debian packages that are not there yet.
pub fn need_packages(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    ensure!(run::exists("apt-get"), "this machine has no apt: install what Debian calls {list} by hand");
    println!("packages: installing {list}");
    let install = || -> Result<()> {
        let mut command = as_root(Path::new("env"))?;
        command.args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "--yes",
            "--no-install-recommends",
        ]);
        run::quiet(command.args(&missing)).map(drop)
    };
    // The lists are fetched only when installing from those that are there does not work.
    install()
        .or_else(|_| {
            run::quiet(as_root(Path::new("apt-get"))?.args(["--quiet", "update"]))?;
            install()
        })
        .with_context(|| format!("cannot install {list}: try `apt-get install {list}`"))
}

fn installed(package: &str) -> bool {
    let mut command = Command::new("dpkg-query");
    command.args(["--show", "--showformat=${db:Status-Status}", package]);
    run::quiet(&mut command).is_ok_and(|status| status == "installed")
}

/// A Python with `requirements` (such as `name==1.2`) in the cache folder; its interpreter.
pub fn python(cache: &Path, requirements: &[&str]) -> Result<PathBuf> {
    let place = cache.join("python");
    let interpreter = place.join("bin/python");
    let stamp = place.join("requirements");
    let wanted = requirements.join("\n");
    if interpreter.exists() && fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(interpreter);
    }
    println!("python: installing {}", requirements.join(" "));
    if run::quiet(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_err() {
        need_packages(&["python3-venv"])?;
    }
    let scratch = Scratch::new(cache, "python")?;
    run::quiet(Command::new("python3").args(["-m", "venv"]).arg(scratch.path()))?;
    let mut pip = Command::new(scratch.path().join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(requirements);
    run::quiet(&mut pip).context("the Python package index does not answer")?;
    fs::write(scratch.path().join("requirements"), wanted).context("cannot write into the cache")?;
    files::install(scratch.path(), &place)?;
    Ok(interpreter)
}
