//! What is attached while a bench runs: exitpath's own recorder, or a bare syscall tracepoint.

use std::os::fd::OwnedFd;

use super::rounds::{Attach, Condition};
use crate::{
    budget,
    kernel::Facts,
    plan::{Commit, Plan, Wish},
    recorder::Recorder,
    session::handlers,
    settings::Settings,
};

/// Brings conditions about.
pub struct Attached<'a> {
    facts: &'a Facts,
    /// The plans that may be tried, the best first.
    plans: Vec<Plan>,
    settings: Settings,
    held: Held,
}

enum Held {
    Nothing,
    Recorder(Box<Recorder>),
    Event(#[expect(dead_code, reason = "held for what closing it does")] OwnedFd),
}

impl<'a> Attached<'a> {
    /// Nothing is attached yet.
    #[must_use]
    pub fn new(facts: &'a Facts) -> Self {
        Self { facts, plans: Vec::new(), settings: Settings::default(), held: Held::Nothing }
    }

    /// Attaches the recorder once, as `exitpath record` without options would; the plan that works, or why none does.
    pub fn try_tracing(&mut self) -> Result<String, String> {
        let wish = Wish { plain: true, ..Wish::default() };
        self.plans = Plan::ranked(self.facts, &wish).map_err(|error| error.to_string())?;
        let work = self.plans[0].commit == Commit::AtFinal;
        let rows = budget::rows(self.facts.possible_cpus, self.facts.available_memory, work, None, None);
        (self.settings.max_series, self.settings.precision) = (rows.rows, rows.precision);
        self.begin(Condition::Traced)?;
        let Held::Recorder(recorder) = &self.held else { return Err("nothing is attached".to_owned()) };
        let name = recorder.plan().name;
        // What did not work once is not tried in every round.
        self.plans.retain(|plan| plan.name == name);
        self.end();
        Ok(name.to_owned())
    }
}

impl Attach for Attached<'_> {
    fn begin(&mut self, condition: Condition) -> Result<(), String> {
        self.held = match condition {
            Condition::Bare => Held::Nothing,
            Condition::Traced => {
                let recorder = Recorder::start_first(self.plans.clone(), self.facts, &self.settings);
                Held::Recorder(Box::new(recorder.map_err(|error| error.to_string())?))
            }
            Condition::Diverted => {
                let event = handlers::divert();
                Held::Event(event.map_err(|error| format!("no syscall tracepoint: {error}"))?)
            }
        };
        Ok(())
    }

    fn end(&mut self) {
        if let Held::Recorder(recorder) = std::mem::replace(&mut self.held, Held::Nothing) {
            let _ = recorder.stop();
        }
    }
}
