//! The copy of the tree that mutants are applied to. Files keep their times while they do not change, so that cargo
//! rebuilds what a mutant touches and no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::table::Mutant;
use crate::{run, workspace};

/// A copy of everything that git tracks, as it is in the working tree.
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Brings the copy at `root` up to date.
    pub fn copy(root: &Path) -> Result<Self> {
        let from = workspace::root()?;
        let mut git = Command::new("git");
        git.args(["ls-files", "-z"]).current_dir(&from);
        for name in run::quiet(&mut git)?.split_terminator('\0') {
            // A file that is deleted and still listed.
            let Ok(bytes) = fs::read(from.join(name)) else { continue };
            put(&root.join(name), &bytes)?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Does `work` with the mutant in the tree, and takes it out again.
    pub fn with<R>(&self, mutant: &Mutant, work: impl FnOnce() -> Result<R>) -> Result<R> {
        let path = self.root.join(mutant.file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", mutant.file))?;
        put(&path, apply(mutant, &text)?.as_bytes())?;
        let done = work();
        put(&path, text.as_bytes())?;
        done
    }
}

/// The file's text with the rule broken.
fn apply(mutant: &Mutant, text: &str) -> Result<String> {
    let found = text.matches(mutant.find).count();
    ensure!(
        found == 1,
        "mutant {}: its text is {found} times in {}, and must be there once: adapt the table to the code",
        mutant.name,
        mutant.file
    );
    Ok(text.replacen(mutant.find, mutant.replace, 1))
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|have| have == bytes) {
        return Ok(());
    }
    let parent = path.parent().context("a file has a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::mutants::table::{Killer, Mutant};

    #[test]
    fn a_text_that_is_not_there_once_is_refused() {
        let killer = Killer::Test { test: "", why: "" };
        let mutant = Mutant { name: "m", rule: "", file: "f.rs", find: "a < b", replace: "true", killer };
        assert_eq!(apply(&mutant, "if a < b {}").expect("once"), "if true {}");
        for text in ["if b < a {}", "a < b && a < b"] {
            assert!(apply(&mutant, text).expect_err("not once").to_string().contains("f.rs"));
        }
    }
}
