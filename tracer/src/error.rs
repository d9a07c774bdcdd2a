//! What ends a command: one line that says what, why, and the remedy, and an exit code.

/// The exit code for wrong usage and wrong input.
pub const USAGE: u8 = 2;
/// The exit code for "cannot trace here".
pub const CANNOT_TRACE: u8 = 3;

/// An error that a person reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// [`USAGE`] or [`CANNOT_TRACE`].
    pub exit_code: u8,
    message: String,
}

impl CliError {
    /// Wrong usage, wrong input, or an output that cannot be written.
    #[must_use]
    pub fn usage(what: &str, why: &str, remedy: &str) -> Self {
        Self::new(USAGE, what, why, remedy)
    }

    /// This kernel, or this user on it, cannot trace.
    #[must_use]
    pub fn cannot_trace(what: &str, why: &str, remedy: &str) -> Self {
        Self::new(CANNOT_TRACE, what, why, remedy)
    }

    /// An error whose text already says why and the remedy.
    #[must_use]
    pub fn input(what: &str, why: &impl std::fmt::Display) -> Self {
        Self { exit_code: USAGE, message: one_line(&format!("{what}: {why}")) }
    }

    /// An error whose text already says everything.
    #[must_use]
    pub fn told(exit_code: u8, text: &impl std::fmt::Display) -> Self {
        Self { exit_code, message: one_line(&text.to_string()) }
    }

    fn new(exit_code: u8, what: &str, why: &str, remedy: &str) -> Self {
        Self { exit_code, message: one_line(&format!("{what}: {why}; {remedy}")) }
    }
}

/// Names of files and words of the kernel may hold anything.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_why_and_the_remedy() {
        let error = CliError::usage("cannot read a\nb", "it is odd", "give another");
        assert_eq!(error.to_string(), "cannot read a b: it is odd; give another");
        assert_eq!((error.exit_code, CliError::cannot_trace("", "", "").exit_code), (2, 3));
    }
}
