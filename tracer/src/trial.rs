//! Tries plans on the running kernel: a program that loads may still not attach, so each is attached for an instant.
//!
//! The maps are as small as they can be, and everything is gone when the session is dropped.

use crate::{
    histogram::Precision,
    kernel::Facts,
    plan::{Plan, Trial, Trials, Wish},
    session::{Session, SessionError},
    settings::Settings,
};

/// Tries every plan that the facts do not rule out.
#[must_use]
pub fn all(facts: &Facts) -> Trials {
    let wish = Wish { plain: true, ..Wish::default() };
    let plans = Plan::conceivable(facts, &wish);
    if plans.is_empty() {
        return Trials::none(
            "no plan that can be tried in passing fits, or this process may not load programs",
        );
    }
    let mut trials = Trials::default();
    for plan in plans {
        // A better variant has answered for the plan.
        if !matches!(trials.get(plan.name), Some(Trial::Works(_))) {
            trials.note(plan.name, one(plan, facts));
        }
    }
    trials
}

fn one(plan: Plan, facts: &Facts) -> Trial {
    let settings = Settings { max_series: 1, precision: Precision::One, ..Settings::default() };
    let ran = || -> Result<Plan, SessionError> {
        let mut session = Session::load(plan, facts, &settings)?;
        session.attach()?;
        Ok(session.plan().clone())
    };
    match ran() {
        Ok(plan) => Trial::Works(plan),
        Err(error) => Trial::Fails(error.cause()),
    }
}
