//! `exitpath plan`: what would be attached.

use clap::Args;

use crate::{
    doctor,
    error::CliError,
    kernel::Facts,
    plan::{self, Plan, Wish},
    sink::Sink,
};

/// Show what would be attached here, without attaching it
#[derive(Args)]
pub struct PlanArgs {
    /// This plan instead of the best one
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// For counts without latencies
    #[arg(long)]
    counts_only: bool,
    /// Say of every plan why it was chosen or not
    #[arg(long)]
    explain: bool,
}

/// Runs it.
pub fn run(args: &PlanArgs) -> Result<(), CliError> {
    let facts = Facts::gather();
    let wish =
        Wish { forced: args.plan.as_deref(), counts_only: args.counts_only, follow: false, plain: true };
    let chosen = Plan::choose(&facts, &wish);
    let mut sink = Sink::stdout();
    if args.explain {
        for candidate in plan::candidates(&facts) {
            let works = candidate.works.name();
            let line = format!("{:<15} {works:<7} {}", candidate.name, candidate.because);
            if sink.put(|to| writeln!(to, "{line}"))?.is_break() {
                return Ok(());
            }
        }
    }
    let text = doctor::plan_text(&chosen?);
    let gap = if args.explain { "\n" } else { "" };
    sink.put(|to| write!(to, "{gap}{text}")).map(drop)
}
