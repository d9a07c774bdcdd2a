//! Errors as a person at the terminal meets them: one line with what, why and the remedy, and an exit code.

use crate::{command::CommandError, plan::PlanError, session::SessionError};

/// Wrong usage or unusable input.
pub const USAGE: u8 = 2;
/// This kernel, or this process's privileges, do not allow tracing.
pub const CANNOT_TRACE: u8 = 3;

/// Why a command of exitpath failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// The process's exit code.
    pub exit_code: u8,
    /// What, why, and the remedy, on one line.
    pub message: String,
}

impl CliError {
    /// Wrong usage or unusable input.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit_code: USAGE, message: message.into() }
    }

    /// Tracing is not possible here.
    pub fn cannot_trace(message: impl Into<String>) -> Self {
        Self { exit_code: CANNOT_TRACE, message: message.into() }
    }
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        Self::cannot_trace(error.to_string())
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Unknown(_) => Self::usage(error.to_string()),
            PlanError::Unfit { .. } => Self::cannot_trace(error.to_string()),
        }
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        let exit_code = match &error {
            CommandError::Fork { .. } => USAGE,
            // What shells give for a command that is not found, or that cannot be executed.
            CommandError::Exec { exit_code, .. } => *exit_code,
        };
        Self { exit_code, message: error.to_string() }
    }
}
