//! What trying plans on the running kernel showed, as values: whoever tried them hands them to the rules.

use super::Plan;

/// How a plan fared that was attached for an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// As it ran: what could not be attached is gone from it, and from its claim.
    Works(Plan),
    /// What the kernel said.
    Fails(String),
}

/// Trials of plans. Empty where nothing was tried: then the facts stand alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    tried: Vec<(&'static str, Trial)>,
    /// Why nothing was tried; `None` if something was.
    pub not_tried: Option<String>,
}

impl Trials {
    /// Nothing was tried, and why.
    #[must_use]
    pub fn none(why: &str) -> Self {
        Self { tried: Vec::new(), not_tried: Some(why.to_owned()) }
    }

    /// A variant of a plan was tried: one that works stands, and says which better ones did not.
    pub fn note(&mut self, name: &'static str, trial: Trial) {
        let Some((_, known)) = self.tried.iter_mut().find(|(other, _)| *other == name) else {
            self.tried.push((name, trial));
            return;
        };
        *known = match (std::mem::replace(known, Trial::Fails(String::new())), trial) {
            (works @ Trial::Works(_), _) => works,
            (Trial::Fails(why), Trial::Works(mut plan)) => {
                plan.blind_spots.push(Self::variant(&why));
                Trial::Works(plan)
            }
            (Trial::Fails(why), Trial::Fails(also)) if why == also => Trial::Fails(why),
            (Trial::Fails(why), Trial::Fails(also)) => Trial::Fails(format!("{why}; and {also}")),
        };
    }

    /// What a plan says whose better variant failed.
    #[must_use]
    pub fn variant(why: &str) -> String {
        format!("a better variant of this plan was tried, and did not work here: {why}")
    }

    /// How the plan of this name fared; `None` if it was not tried.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Trial> {
        self.tried.iter().find(|(other, _)| *other == name).map(|(_, trial)| trial)
    }

    /// The first that works; they were tried best first.
    #[must_use]
    pub fn chosen(&self) -> Option<&Plan> {
        self.tried.iter().find_map(|(_, trial)| match trial {
            Trial::Works(plan) => Some(plan),
            Trial::Fails(_) => None,
        })
    }
}
