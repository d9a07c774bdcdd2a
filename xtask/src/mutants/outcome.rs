//! What became of a mutant; kept as JSON, so that a part of them can be run at a time.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Outcomes;
use super::guests::Notes;
use super::table::{self, Killer, Mutant};
use crate::{files, manifest, recipe, workspace};

const NAME: &str = "results.json";

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What stood in the rule's place.
    pub replace: String,
    /// What was to notice.
    pub killer: String,
    /// What was wrong, line by line; nothing where nobody noticed.
    pub noticed: Vec<String>,
    /// Why nothing can be said.
    pub trouble: Option<String>,
    /// Builds included; mutants that share a guest share its time.
    pub seconds: f64,
}

impl Outcome {
    /// Of a mutant that ran.
    pub fn of(mutant: &Mutant, notes: Notes, seconds: f64) -> Self {
        let replace = mutant.replace.to_owned();
        let (noticed, trouble) = match notes {
            Ok(noticed) => (noticed, None),
            Err(trouble) => (Vec::new(), Some(trouble)),
        };
        Self { replace, killer: killer(mutant), noticed, trouble, seconds }
    }

    fn verdict(&self) -> &'static str {
        match (&self.trouble, self.killed()) {
            (Some(_), _) => "TROUBLE",
            (None, true) => "killed",
            (None, false) => "SURVIVED",
        }
    }

    /// Whether it was noticed.
    pub fn killed(&self) -> bool {
        !self.noticed.is_empty()
    }

    /// Whether this is an outcome of the mutant as it is in the table now.
    pub fn fits(&self, mutant: &Mutant) -> bool {
        self.replace == mutant.replace && self.killer == killer(mutant)
    }
}

/// What must notice, in words.
pub fn killer(mutant: &Mutant) -> String {
    match mutant.killer {
        Killer::Case { kernel, plan, case } => format!("case {case}, {kernel}, plan {plan}"),
        Killer::Test { test, .. } => format!("unit test {test}"),
    }
}

/// One mutant in one line.
pub fn line(mutant: &Mutant, outcome: &Outcome) -> String {
    let Outcome { killer, noticed, trouble, seconds, .. } = outcome;
    let said = trouble.as_ref().or(noticed.first()).map_or("", |said| said);
    format!("{:18} {:8} {killer} ({seconds:.0} s): {said}", mutant.name, outcome.verdict())
}

/// The final table, and what was noticed.
pub fn print(mutants: &[&Mutant], found: &Outcomes) {
    println!("{:18} {:10} {:60} RULE", "MUTANT", "", "BY");
    for mutant in mutants {
        let Some(outcome) = found.get(mutant.name) else { continue };
        println!("{:18} {:10} {:60} {}", mutant.name, outcome.verdict(), outcome.killer, mutant.rule);
    }
    let survived = found.values().filter(|outcome| !outcome.killed()).count();
    println!("mutants: {} tried, {survived} not killed", found.len());
}

/// What is kept, of these sources and programs only.
#[derive(Serialize, Deserialize)]
struct Kept {
    sources_sha256: String,
    mutants: Outcomes,
}

/// What is known of the tree as it is; nothing from other sources, or of another version of this.
pub fn read(place: &Path) -> Result<Outcomes> {
    let text = fs::read_to_string(place.join(NAME)).unwrap_or_default();
    let Ok(Kept { sources_sha256, mut mutants }) = serde_json::from_str(&text) else {
        return Ok(Outcomes::new());
    };
    if sources_sha256 != sources()? {
        return Ok(Outcomes::new());
    }
    // Not of mutants that are another one now.
    mutants.retain(|name, outcome| table::all().any(|mutant| mutant.name == name && outcome.fits(mutant)));
    Ok(mutants)
}

/// Puts new outcomes beside or in the place of those kept; gives all.
pub fn merge(place: &Path, new: Outcomes) -> Result<Outcomes> {
    let mut mutants = read(place)?;
    mutants.extend(new);
    let kept = Kept { sources_sha256: sources()?, mutants };
    files::write(&place.join(NAME), &serde_json::to_vec_pretty(&kept)?)?;
    Ok(kept.mutants)
}

/// The digest of the rules and programs that are in the tree.
fn sources() -> Result<String> {
    manifest::sources_sha256(&workspace::root()?, &recipe::recipe())
}
