//! What the tracer says of a guest, `doctor` first, held against the text that the repository keeps.
//!
//! A text belongs to a series, a processor model, and whatever else the guest was booted with. What a newer package of
//! the same series changes (release, build string, addresses, digests) is left out of both sides, so that a golden
//! text changes when the kernel's abilities do.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Args;
use super::ended::Outcome;
use crate::{files, workspace};

/// The binary whose output is compared.
pub const TELLER: &str = "/bin/guest-doctor";
/// Where the texts lie.
const FOLDER: &str = "vmtest/goldens/doctor";
/// Lines shown around a difference.
const AROUND: usize = 2;

/// Whether a command's output has a golden text: parts of it have none.
pub fn is_told(command: &[String]) -> bool {
    command.first().is_some_and(|first| first == TELLER)
}

/// Compares a guest's output with its golden text, or makes it that; whether they are equal.
pub fn check(args: &Args, series: &str, cpu: &str, outcome: &Outcome) -> Result<bool> {
    let said = fs::read(outcome.logs.join("output.log")).context("no output of the guest")?;
    let said = normal(&String::from_utf8_lossy(&said));
    let names = args.words.iter().skip(1).any(|word| !word.starts_with('-'));
    if names {
        print!("{said}");
        return Ok(true);
    }
    let booted = format!("{} {}", args.append, args.words[1..].join(" "));
    let name = name(series, cpu, &args.smp, &booted);
    let path: PathBuf = workspace::root()?.join(FOLDER).join(&name);
    if args.bless {
        // What the guest itself calls wrong is not made right by being kept.
        if outcome.passed() {
            files::write(&path, said.as_bytes())?;
            println!("vm: {FOLDER}/{name} is now what the guest said");
        }
        return Ok(outcome.passed());
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    if golden == said {
        return Ok(true);
    }
    println!(
        "vm: the guest's output is not {FOLDER}/{name} (- golden, + said); if it is right, run with --bless"
    );
    print!("{}", difference(&golden, &said));
    Ok(false)
}

/// The file's name: what was booted, and what was asked of it.
fn name(series: &str, cpu: &str, smp: &str, further: &str) -> String {
    let mut name = format!("{series}-{cpu}");
    if smp != "1" {
        let _ = write!(name, "-smp={smp}");
    }
    for word in further.split_whitespace() {
        let _ = write!(name, "-{}", word.trim_start_matches('-'));
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.=,".contains(c) { c } else { '_' };
    name.chars().map(plain).collect::<String>() + ".txt"
}

/// Without what a newer package of the same series changes.
fn normal(said: &str) -> String {
    let mut text = String::new();
    for line in said.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        let rest = match (first, line.split_once(' ')) {
            // The release and the build string; which programs were built in.
            ("kernel" | "programs", Some((name, _))) if line.starts_with(first) => format!("{name:8} ..."),
            _ => line.split(' ').map(word).collect::<Vec<_>>().join(" "),
        };
        let _ = writeln!(text, "{}", rest.trim_end());
    }
    text
}

/// Addresses say nothing.
fn word(word: &str) -> &str {
    let hex = |text: &str| text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = word.trim_start_matches("0x").trim_end_matches([',', ';', ')', ':']);
    if hex(digits) { "0x..." } else { word }
}

/// Lines that differ, with some around them: the longest common subsequence, which for texts of some hundred lines is
/// quick enough.
fn difference(golden: &str, said: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (golden.lines().collect(), said.lines().collect());
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j >= new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    let mut text = String::new();
    let mut skipped = false;
    for (at, (mark, line)) in lines.iter().enumerate() {
        let near = &lines[at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1)];
        if near.iter().all(|(mark, _)| *mark == ' ') {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("  ...\n");
        }
        let _ = writeln!(text, "{mark} {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{difference, name, normal};

    #[test]
    fn a_newer_package_changes_nothing() {
        let said = |release: &str, at: &str| {
            format!(
                "kernel   {release} #1 SMP\nprograms source, sha256 {release}\nfacts\n  at {at}, kernel  x\n"
            )
        };
        assert_eq!(
            normal(&said("6.12.1", "0xffffffff81000000")),
            normal(&said("6.12.2", "ffffffff81234567"))
        );
        assert_eq!(normal("kernel   6.12.1\n"), "kernel   ...\n");
        assert_eq!(normal("  btf  no\n"), "  btf  no\n");
    }

    #[test]
    fn what_was_booted_names_the_file() {
        assert_eq!(name("6.12", "max", "1", ""), "6.12-max.txt");
        assert_eq!(
            name("7.3", "max", "2", "lockdown=integrity a/b --brief"),
            "7.3-max-smp=2-lockdown=integrity-a_b-brief.txt"
        );
    }

    #[test]
    fn a_difference_is_shown_with_what_is_around_it() {
        let old = "a\nb\nc\nd\ne\nf\n";
        assert_eq!(difference(old, old), "");
        assert_eq!(difference(old, "a\nb\nc\nd\nX\nf\n"), "  ...\n  c\n  d\n- e\n+ X\n  f\n");
        assert_eq!(difference("", "a\n"), "+ a\n");
    }
}
