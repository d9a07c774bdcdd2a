//! `cargo xtask tidy`: holds the tree to what the compiler does not check.
//!
//! The invariants are stated as absences: a word that must not occur in a place. A check sees one file's name
//! and text and nothing else, so each is shown to fail by a test beside it.

mod shape;
mod walls;

use crate::{run, workspace};
use anyhow::{Result, bail};
use clap::Args;
use std::{
    fmt, fs,
    path::Path,
    process::{Command, ExitCode},
};

/// Check layering, file sizes, lint exceptions and stray paths
#[derive(Args)]
pub struct Arguments {}

/// One thing found in a file.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// The line, from 1; 0 for the file as a whole.
    line: usize,
    /// What is wrong, and what to do instead.
    message: String,
    /// Whether the task fails because of it.
    fatal: bool,
}

impl Finding {
    fn error(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into(), fatal: true }
    }

    fn warning(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into(), fatal: false }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, message, fatal } = self;
        let kind = if *fatal { "error" } else { "warning" };
        write!(f, "{line}: {kind}: {message}")
    }
}

type Check = fn(&str, &str) -> Vec<Finding>;

const CHECKS: [Check; 9] = [
    walls::pure_modules_do_no_io,
    walls::only_the_session_side_uses_aya,
    walls::rules_have_no_unsafe,
    walls::rules_depend_on_nothing,
    shape::length,
    shape::doc_first,
    shape::no_allow,
    shape::expect_has_reason,
    shape::no_stray_paths,
];

/// Runs the task.
pub fn perform(_: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(&root);
    let (mut files, mut errors, mut warnings) = (0, 0, 0);
    for name in run::quiet(&mut git)?.split_terminator('\0') {
        // A deleted file that git still lists, or one that is not text, has no lines to judge.
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        files += 1;
        for finding in CHECKS.iter().flat_map(|check| check(name, &text)) {
            println!("{name}:{finding}");
            *(if finding.fatal { &mut errors } else { &mut warnings }) += 1;
        }
    }
    println!("tidy: {files} files, {errors} errors, {warnings} warnings");
    if errors > 0 {
        bail!("tidy found {errors} errors: each line above says what to do instead");
    }
    Ok(ExitCode::SUCCESS)
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// The code of a file with line numbers: without comments, and without a test module at its end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let test_module = |at: usize| {
        lines[at].trim() == "#[cfg(test)]"
            && lines[at + 1..]
                .iter()
                .find(|l| !l.trim().starts_with('#'))
                .is_some_and(|l| l.starts_with("mod "))
    };
    let end = (0..lines.len()).find(|&at| test_module(at)).unwrap_or(lines.len());
    let bare = |line: &'_ str| line.find("//").unwrap_or(line.len());
    lines.into_iter().take(end).enumerate().map(move |(at, line)| (at + 1, &line[..bare(line)]))
}

/// Where `word` occurs in `line` as a whole word, not as a part of a longer name.
fn word(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts = !word.starts_with(part_of_name) || !before.is_some_and(part_of_name);
        let ends = !word.ends_with(part_of_name) || !after.is_some_and(part_of_name);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::{code, word};

    #[test]
    fn code_is_without_comments_and_tests() {
        let text = "//! doc std::fs\nuse a; // std::fs\n#[cfg(test)]\nuse b;\n#[cfg(test)]\n#[path = \"t.rs\"]\nmod tests {\nuse c;\n}\n";
        let lines: Vec<_> = code(text).collect();
        assert_eq!(lines, [(1, ""), (2, "use a; "), (3, "#[cfg(test)]"), (4, "use b;")]);
    }

    #[test]
    fn words_are_whole() {
        assert!(word("x unsafe {", "unsafe"));
        assert!(!word("#![forbid(unsafe_code)]", "unsafe"));
        assert!(word("use aya::maps", "aya::"));
        assert!(!word("use maya::x", "aya::"));
    }
}
