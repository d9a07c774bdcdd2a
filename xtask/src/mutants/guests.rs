//! Guests that run one case under each of several tracers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use vmtest::cases;
use vmtest::matrix::Line;
use vmtest::verdict::{Opinions, Verdict, judge};

use super::Args;
use crate::cache;
use crate::vm::oracle::{self, Sights};
use crate::vm::qemu::Guest;
use crate::vm::{image, install, kernel};

/// Tracers in one guest: its memory holds them twice.
pub const AT_ONCE: usize = 8;
/// Guests that may break before a case has run.
const PATIENCE: usize = 3;
/// A busy host starves the emulated timers, which the kernel takes for broken ones; KVM's guests skip that test too.
const APPEND: &str = "no_timer_check";

/// One case under one tracer.
pub struct Try<'a> {
    /// The tracer's name in the guest.
    pub name: &'a str,
    /// Its path here.
    pub tracer: PathBuf,
    /// The case.
    pub case: &'static str,
}

/// What was wrong with a case, nothing if nothing was; or why that cannot be told, which kills no mutant.
pub type Notes = Result<Vec<String>, String>;

/// What all guests share.
pub struct Setting {
    cache: PathBuf,
    qemu: PathBuf,
    plugin: PathBuf,
    built: PathBuf,
    logs: PathBuf,
    deadline: u64,
}

impl Setting {
    /// Builds what goes into every guest.
    pub fn new(args: &Args, place: &Path) -> Result<Self> {
        let cache = cache::folder()?;
        let qemu = install::qemu(&cache)?;
        let plugin = oracle::build(&qemu)?;
        let built = image::compile(false)?;
        let logs = place.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        Ok(Self { cache, qemu, plugin, built, logs, deadline: args.deadline })
    }

    /// Runs each; gives its case and what was wrong. Those after a guest's untimely end run in another guest.
    pub fn run(&self, kernel: &str, plan: &str, tries: &[Try<'_>]) -> Result<Vec<(&'static str, Notes)>> {
        let kernel = kernel::fetch(&self.cache, kernel, false)?;
        let mut done = Vec::new();
        let mut broken = 0;
        while done.len() < tries.len() {
            let left = &tries[done.len()..];
            let new = self.boot(&kernel, plan, left)?;
            if new.is_empty() {
                broken += 1;
                ensure!(
                    broken < PATIENCE,
                    "{} under {}: the guest ends before its verdict, see {}",
                    left[0].case,
                    left[0].name,
                    self.logs.display()
                );
            } else {
                broken = 0;
            }
            done.extend(left.iter().map(|one| one.case).zip(new));
        }
        Ok(done)
    }

    /// One guest; the verdicts in order, up to the first that is missing.
    fn boot(&self, kernel: &kernel::Kernel, plan: &str, tries: &[Try<'_>]) -> Result<Vec<Notes>> {
        let mut words = vec![(self.deadline * 3 / 4).to_string()];
        words.extend(["/bin/guest-suite", "--matrix", "--plan", plan].map(str::to_owned));
        for Try { name, case, .. } in tries {
            let natural = cases::parse(&format!("{case}=natural"))?.1;
            words.extend(["--under".to_owned(), format!("/bin/t-{name}:{case}={natural}")]);
        }
        let mut tracers: Vec<_> =
            tries.iter().map(|one| (format!("t-{}", one.name), one.tracer.clone())).collect();
        tracers.dedup();
        let initrd = self.logs.join("initramfs");
        image::write_with(&initrd, &self.built, &(words.join("\n") + "\n"), &tracers)?;
        let seen = self.logs.join("oracle.jsonl");
        let guest = Guest {
            qemu: &self.qemu,
            kernel: &kernel.image,
            initrd: &initrd,
            cpu: "max",
            smp: "1",
            append: APPEND,
            deadline: Duration::from_secs(self.deadline),
            icount: false,
            oracle: Some((&self.plugin, &seen)),
            logs: self.logs.clone(),
            echo: false,
        };
        let outcome = guest.boot()?;
        if !outcome.passed() {
            println!("mutants: guest {}", outcome.end);
        }
        let _ = fs::remove_file(&initrd);
        let said = fs::read(self.logs.join("output.log")).unwrap_or_default();
        let sights = oracle::read(&seen).unwrap_or_default();
        Ok(verdicts(&String::from_utf8_lossy(&said), &sights))
    }
}

/// What was wrong with each case that ran, in order.
fn verdicts(said: &str, sights: &Sights) -> Vec<Notes> {
    let mut found = Vec::new();
    for line in said.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        found.push(match line {
            Line::Case(ran) => {
                // Without its end in the oracle's file the guest ended first.
                let Ok(sight) = sights.case(ran.case) else { break };
                let (oracle, tracer, workload) = (&sight.counts, ran.report.as_ref(), &ran.expected);
                match judge(&Opinions { oracle, tracer, workload, selected: None }) {
                    Verdict::Equal => Ok(Vec::new()),
                    Verdict::Wrong(notes) => Ok(notes),
                    // What the tracer may differ in, or what does not run, tells nothing.
                    Verdict::Within(notes) | Verdict::Failed(notes) | Verdict::Unsupported(notes) => {
                        Err(notes.join("; "))
                    }
                }
            }
            Line::Failed { said, .. } => Err(format!("the case did not run: {said}")),
            Line::Refused { said, .. } => Err(format!("the plan is refused: {said}")),
            Line::End => break,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::verdicts;
    use crate::vm::oracle::Sights;

    #[test]
    fn a_tracer_that_does_not_work_kills_no_mutant() {
        let of = |said: &str| verdicts(said, &Sights::default());
        let refused = r#"{"line":"refused","case":1,"said":"no such plan"}"#;
        let failed = r#"{"line":"failed","case":2,"name":"fork","said":"code 1"}"#;
        let end = r#"{"line":"end"}"#;
        assert_eq!(
            of(&format!("noise\n{refused}\n{failed}\n{end}\n")),
            [Err("the plan is refused: no such plan".into()), Err("the case did not run: code 1".into())]
        );
        assert!(of("noise\n").is_empty(), "a guest that ended early");
    }
}
