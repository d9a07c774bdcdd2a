//! A root folder of its own to run programs in, with the kernel's file systems in it for as long as one runs.

use crate::{files::Scratch, run};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// An unpacked root; gone when dropped.
pub struct Chroot(Scratch);

/// Mounts belong to a mount namespace that ends with the program.
const ENTER: &str = "mount --make-rprivate / && mount -t proc proc \"$0/proc\" && mount --rbind /sys \"$0/sys\" && \
                     mount --bind /dev \"$0/dev\" && exec chroot \"$0\" \"$@\"";

impl Chroot {
    /// Unpacks `archive` inside `parent`.
    pub fn unpack(archive: &Path, parent: &Path) -> Result<Self> {
        let scratch = Scratch::new(parent, "package-root")?;
        let mut tar = Command::new("tar");
        tar.args(["--numeric-owner", "--extract", "--file"]).arg(archive).arg("-C").arg(scratch.path());
        run::quiet(&mut tar)?;
        Ok(Self(scratch))
    }

    /// A file or folder in it, as seen from outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside.trim_start_matches('/'))
    }

    /// The command that runs a program in it.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ENTER]).arg(self.0.path()).args(words);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// What a program in it says on both streams; an error unless it succeeds.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).output().context("cannot run unshare")?;
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        ensure!(output.status.success(), "`{}` failed ({}): {}", words.join(" "), output.status, said.trim());
        Ok(said)
    }

    /// All files, folders and links in it, as paths from its root.
    pub fn files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(Path::new("/").join(path.strip_prefix(self.0.path())?));
            }
        }
        Ok(found)
    }
}
