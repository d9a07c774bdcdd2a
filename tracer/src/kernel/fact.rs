//! An answer with its reason.

use serde::Serialize;

/// Yes, no, or could not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Seen.
    Yes,
    /// Seen to be absent.
    No,
    /// Could not be seen.
    #[default]
    Unknown,
}

/// What was asked of the kernel, and how the answer was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// The answer.
    pub answer: Answer,
    /// What it rests on.
    pub why: String,
}

impl Fact {
    /// Seen.
    #[must_use]
    pub fn yes(why: impl Into<String>) -> Self {
        Self { answer: Answer::Yes, why: why.into() }
    }

    /// Seen to be absent.
    #[must_use]
    pub fn no(why: impl Into<String>) -> Self {
        Self { answer: Answer::No, why: why.into() }
    }

    /// Could not be seen.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { answer: Answer::Unknown, why: why.into() }
    }

    /// Whether the answer is yes; unknown is not.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        self.answer == Answer::Yes
    }
}

impl Answer {
    /// The word that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}
