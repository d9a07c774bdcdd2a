//! One guest's run of the matrix, judged: what the guest said and what the oracle saw, case by case.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vmtest::matrix::{Line, Ran};
use vmtest::verdict::{Opinions, Verdict, judge};

use super::oracle::Sights;

/// What a guest was, and how its cases came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuestResult {
    /// The kernel's series.
    pub kernel: String,
    /// The kernel's release.
    pub release: String,
    /// QEMU's processor model.
    pub cpu: String,
    /// QEMU's `-smp`.
    pub smp: String,
    /// Further words on the kernel's command line.
    pub append: String,
    /// The plan as asked for.
    pub plan: String,
    /// What the tracer made of it, with the claims it made, weakest included.
    pub used: BTreeSet<String>,
    /// Why the tracer cannot run the plan here.
    pub refused: Option<String>,
    /// What ended the guest before its time.
    pub broken: Option<String>,
    /// How it ended before it was booted again.
    #[serde(default)]
    pub before: Option<String>,
    /// From power-on.
    pub seconds: f64,
    /// The commit that was tested.
    pub commit: String,
    /// Each case.
    pub cases: BTreeMap<String, CaseResult>,
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// By the guest's clock.
    pub seconds: f64,
    /// The judgement.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How many cases came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// All opinions equal.
    pub equal: usize,
    /// The tracer differs as it says it may.
    pub within: usize,
    /// Somebody is wrong, or something failed.
    pub wrong: usize,
    /// Nothing to run on this kernel.
    pub unsupported: usize,
}

impl GuestResult {
    /// Adds up the verdicts.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for case in self.cases.values() {
            *match case.verdict {
                Verdict::Equal => &mut sums.equal,
                Verdict::Within(_) => &mut sums.within,
                Verdict::Wrong(_) | Verdict::Failed(_) => &mut sums.wrong,
                Verdict::Unsupported(_) => &mut sums.unsupported,
            } += 1;
        }
        sums
    }

    /// Whether nothing is wrong; a refused plan is no failure.
    pub fn passed(&self) -> bool {
        let sums = self.sums();
        self.broken.is_none() && sums.wrong == 0 && (self.refused.is_some() || !self.cases.is_empty())
    }

    /// Takes in what the guest said, and the oracle.
    pub fn judge(&mut self, said: &str, sights: &Sights, asked: &[&str]) {
        let mut ended = false;
        for line in said.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Case(ran)) => self.case(&ran, sights),
                Ok(Line::Failed { name, said, .. }) => {
                    self.insert(name, 0.0, Verdict::Failed(vec![said]));
                }
                Ok(Line::Refused { said, .. }) => self.refused = Some(said),
                Ok(Line::End) => ended = true,
                // Something else that the guest said.
                Err(_) => {}
            }
        }
        if self.refused.is_none() {
            for name in asked.iter().filter(|name| !self.cases.contains_key(**name)).collect::<Vec<_>>() {
                let why = if ended { "the guest did not run it" } else { "the guest ended before it" };
                self.insert((*name).to_owned(), 0.0, Verdict::Failed(vec![why.to_owned()]));
            }
        }
    }

    fn case(&mut self, ran: &Ran, sights: &Sights) {
        if let Some(report) = &ran.report {
            self.used.insert(format!("{} ({})", report.plan.name, report.plan.fidelity));
        }
        let verdict = match sights.case(ran.case) {
            Ok(sight) => judge(&Opinions {
                oracle: &sight.counts,
                tracer: ran.report.as_ref(),
                workload: &ran.expected,
                selected: ran.selected.as_ref(),
            }),
            Err(error) => Verdict::Failed(vec![format!("{error:#}")]),
        };
        self.insert(ran.name.clone(), ran.seconds, verdict);
    }

    fn insert(&mut self, name: String, seconds: f64, verdict: Verdict) {
        self.cases.insert(name, CaseResult { seconds, verdict });
    }
}
