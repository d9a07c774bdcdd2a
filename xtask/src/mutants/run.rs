//! All mutants that were asked for: first the tree as it is, then each broken one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::build::Builder;
use super::guests::{self, Try};
use super::outcome::Outcome;
use super::table::{Killer, Mutant};
use super::tree::Tree;
use super::{Args, Outcomes, outcome, tests};

/// The name of the tracer that has nothing broken.
const CONTROL: &str = "control";

/// Runs them; what became of each. What is found is kept as soon as it is.
pub fn all(args: &Args, place: &Path, chosen: &[&Mutant]) -> Result<Outcomes> {
    let tree = Tree::copy(&place.join("tree"))?;
    let mut found = by_tests(place, &tree, chosen)?;
    outcome::merge(place, found.clone())?;
    let mut groups: BTreeMap<(&str, &str), Vec<(&Mutant, &'static str)>> = BTreeMap::new();
    for mutant in chosen {
        if let Killer::Case { kernel, plan, case } = mutant.killer {
            groups.entry((kernel, plan)).or_default().push((mutant, case));
        }
    }
    if groups.is_empty() {
        return Ok(found);
    }
    let setting = guests::Setting::new(args, place)?;
    let builder = Builder::new(place, &tree)?;
    let control = builder.unbroken(CONTROL)?;
    for ((kernel, plan), mutants) in groups {
        let cases: BTreeSet<&str> = mutants.iter().map(|(_, case)| *case).collect();
        let tries: Vec<_> = cases.into_iter().map(|case| attempt(CONTROL, &control, case)).collect();
        let start = Instant::now();
        let mut useless = BTreeMap::new();
        for (case, notes) in setting.run(kernel, plan, &tries)? {
            let wrong = notes.map_or_else(|trouble| trouble, |notes| notes.join("; "));
            if !wrong.is_empty() {
                useless.insert(case, format!("{case} is wrong though nothing is broken: {wrong}"));
            }
        }
        println!("mutants: {kernel} {plan} as it is ({:.0} s)", start.elapsed().as_secs_f64());
        for some in mutants.chunks(guests::AT_ONCE) {
            let start = Instant::now();
            let made = some.iter().map(|(mutant, case)| {
                let build = || builder.broken(mutant.name, &tree);
                let tracer = tree.with(mutant, build).with_context(|| format!("mutant {}", mutant.name))?;
                Ok(attempt(mutant.name, &tracer, case))
            });
            let tries = made.collect::<Result<Vec<_>>>()?;
            let results = setting.run(kernel, plan, &tries)?;
            let each = start.elapsed().as_secs_f64() / some.len() as f64;
            for ((mutant, _), (case, notes)) in some.iter().zip(results) {
                let notes = useless.get(case).map_or(notes, |why| Err(why.clone()));
                let outcome = Outcome::of(mutant, notes, each);
                println!("mutants: {}", outcome::line(mutant, &outcome));
                outcome::merge(place, BTreeMap::from([(mutant.name.to_owned(), outcome.clone())]))?;
                found.insert(mutant.name.to_owned(), outcome);
            }
        }
    }
    Ok(found)
}

fn attempt<'a>(name: &'a str, tracer: &Path, case: &'static str) -> Try<'a> {
    Try { name, tracer: PathBuf::from(tracer), case }
}

/// Those that unit tests notice.
fn by_tests(place: &Path, tree: &Tree, chosen: &[&Mutant]) -> Result<Outcomes> {
    let mut found = Outcomes::new();
    for mutant in chosen {
        let Killer::Test { test, .. } = mutant.killer else { continue };
        let start = Instant::now();
        ensure!(tests::passes(place, tree, test)?, "{test} fails though nothing is broken");
        let passes = tree.with(mutant, || tests::passes(place, tree, test));
        let passes = passes.with_context(|| format!("mutant {}", mutant.name))?;
        let noticed = if passes { Vec::new() } else { vec![format!("{test} fails")] };
        let outcome = Outcome::of(mutant, Ok(noticed), start.elapsed().as_secs_f64());
        println!("mutants: {}", outcome::line(mutant, &outcome));
        found.insert(mutant.name.to_owned(), outcome);
    }
    Ok(found)
}
