//! `cargo xtask mutants`: breaks one rule at a time, and demands that a case notices.
//!
//! Each mutant of [`table`] is applied to a copy of the tree (`target/mutants/tree`). The eBPF object is built there
//! and put into an exitpath ([`build`]); that runs the mutant's case in a guest, with the oracle below, as
//! `cargo xtask vm` does. The case must come out wrong; and right with the object of the tree as it is. Where no case
//! can notice, a unit test must. A guest that panics or hangs, a plan that is refused, a program that the verifier turns
//! down: none of these kills a mutant.
//!
//! One guest takes several mutants, each a tracer of its own, so that it boots once for all of them. Some ten seconds
//! each, and all of them some ten minutes on two busy cores: too long for `cargo xtask test`, which only checks that the
//! table and docs/MUTANTS.md fit the tree. Run it after a change of the rules, the programs or the cases: `cargo xtask mutants
//! --write-docs`. What was found is kept in `target/mutants/results.json`, so that a part of them can be run at a time.

mod build;
mod docs;
mod guests;
mod outcome;
mod run;
mod table;
mod tests;
mod tree;

use std::process::ExitCode;

use anyhow::{Result, ensure};

use outcome::Outcome;
use table::Mutant;

/// Break one rule at a time and demand that a case, or a unit test, notices
#[derive(clap::Args)]
pub struct Args {
    /// Only mutants whose name contains one of these
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Leave out mutants that are known to be killed, from earlier runs of the same tree
    #[arg(long)]
    resume: bool,
    /// List the mutants and run nothing
    #[arg(long)]
    list: bool,
    /// Make docs/MUTANTS.md from the results, with those of earlier runs
    #[arg(long)]
    write_docs: bool,
    /// Seconds a guest may take from power-on to its end
    #[arg(long, default_value_t = 900)]
    deadline: u64,
}

/// Runs the task; code 1 if a mutant survives.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut chosen: Vec<&Mutant> = table::all().filter(|mutant| args.picks(mutant)).collect();
    ensure!(!chosen.is_empty(), "no mutant's name contains {}: see --list", args.only.join(" or "));
    if args.list {
        for Mutant { name, rule, file, .. } in chosen {
            println!("{name:18} {file:38} {rule}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let place = build::place()?;
    if args.resume {
        let known = outcome::read(&place)?;
        chosen.retain(|mutant| known.get(mutant.name).is_none_or(|outcome| !outcome.killed()));
    }
    let found = run::all(args, &place, &chosen)?;
    outcome::print(&chosen, &found);
    let all = outcome::merge(&place, found.clone())?;
    if args.write_docs {
        docs::write(&all)?;
    }
    let survived = found.values().any(|outcome| !outcome.killed());
    Ok(if survived { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Args {
    fn picks(&self, mutant: &Mutant) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| mutant.name.contains(&**word))
    }
}

/// What is known of each mutant, by its name.
type Outcomes = std::collections::BTreeMap<String, Outcome>;
