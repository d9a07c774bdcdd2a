//! Guests that run the cases: one for each kernel, processor model and plan.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use vmtest::cases::{self, Case};
use vmtest::matrix::UNTRACED;

use super::kernel::Kernel;
use super::matrix::GuestResult;
use super::oracle::{self, Sights};
use super::qemu::Guest;
use super::{Args, Setting, guests, image, results, table};
use crate::{artifacts, run};

/// One guest.
struct Cell<'a> {
    kernel: &'a Kernel,
    cpu: &'a str,
    plan: &'a str,
}

/// Runs the cases everywhere, and shows how they came out.
pub fn run(args: &Args, setting: &Setting, cases: &[(&'static Case, u64)]) -> Result<Vec<GuestResult>> {
    let plugin = oracle::build(&setting.qemu)?;
    let plans = plans(args, setting)?;
    let commit = commit();
    let mut cells = Vec::new();
    for kernel in &setting.kernels {
        for cpu in &args.cpu {
            cells.extend(plans.iter().map(|plan| Cell { kernel, cpu, plan }));
        }
    }
    let outcomes = guests::run(&cells, args.jobs, |cell| {
        let result = cell.boot(args, setting, &plugin, cases, &commit)?;
        println!("vm: {}", table::line(&result));
        Ok(result)
    });
    let results = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
    table::print(&results);
    if cases.len() >= cases::all().count() {
        results::merge(&setting.place, &results)?;
    }
    Ok(results)
}

impl Cell<'_> {
    fn boot(
        &self,
        args: &Args,
        setting: &Setting,
        plugin: &Path,
        cases: &[(&'static Case, u64)],
        commit: &str,
    ) -> Result<GuestResult> {
        let Self { kernel, cpu, plan } = self;
        let logs = setting.place.join(format!("{}-{cpu}-{plan}", kernel.series));
        fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        let mut command = ["/bin/guest-suite", "--matrix", "--plan", plan].map(str::to_owned).to_vec();
        command.extend(cases.iter().map(|(case, count)| format!("{}={count}", case.name)));
        let initrd = logs.join("initramfs");
        image::write(&initrd, &setting.built, &args.payload(&command), true)?;
        let seen = logs.join("oracle.jsonl");
        let guest = Guest {
            qemu: &setting.qemu,
            kernel: &kernel.image,
            initrd: &initrd,
            cpu,
            smp: &args.smp,
            append: &args.append,
            deadline: args.deadline(),
            icount: args.icount,
            oracle: Some((plugin, &seen)),
            logs,
            echo: args.verbose,
        };
        let outcome = guest.boot()?;
        // A guest is some 15 MiB, and there are many.
        let _ = fs::remove_file(&initrd);
        let mut result = GuestResult {
            kernel: kernel.series.clone(),
            release: kernel.release.clone(),
            cpu: (*cpu).to_owned(),
            smp: args.smp.clone(),
            append: args.append.clone(),
            plan: (*plan).to_owned(),
            used: [].into(),
            refused: None,
            broken: (!outcome.passed()).then(|| outcome.end.to_string()),
            before: outcome.before.as_ref().map(ToString::to_string),
            seconds: outcome.took.as_secs_f64(),
            commit: commit.to_owned(),
            cases: [].into(),
        };
        let said = fs::read(outcome.logs.join("output.log")).unwrap_or_default();
        let sights = oracle::read(&seen)
            .unwrap_or_else(|error| Sights { trouble: vec![format!("{error:#}")], ..Sights::default() });
        let asked: Vec<_> = cases.iter().map(|(case, _)| case.name).collect();
        result.judge(&String::from_utf8_lossy(&said), &sights, &asked);
        if result.broken.is_some() && !args.verbose {
            outcome.print_tail();
        }
        Ok(result)
    }
}

/// The plans asked for; `all` are all that the tracer names.
fn plans(args: &Args, setting: &Setting) -> Result<Vec<String>> {
    let mut plans = Vec::new();
    for plan in &args.plan {
        if plan == "all" {
            plans.extend(image::plans(&setting.built)?);
        } else {
            plans.push(plan.clone());
        }
    }
    let names = image::plans(&setting.built)?;
    for plan in &plans {
        let known = names.contains(plan) || ["auto", UNTRACED].contains(&&**plan);
        anyhow::ensure!(
            known,
            "there is no plan `{plan}`: choose from auto, {UNTRACED}, all, {}",
            names.join(", ")
        );
    }
    Ok(plans)
}

/// What is tested, for the results.
fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12"]);
    let place = artifacts::cargo().ok().and_then(|cargo| Some(cargo.get_current_dir()?.to_owned()));
    let said = run::quiet(git.current_dir(place.unwrap_or_default()));
    said.map_or_else(|_| "unknown".to_owned(), |said| said.trim().to_owned())
}
