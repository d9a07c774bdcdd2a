//! Failures of the library as errors of the command: which exit code they mean.

use crate::{
    command::CommandError,
    error::{CANNOT_TRACE, CliError, USAGE},
    plan::PlanError,
    session::SessionError,
};

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        Self::told(CANNOT_TRACE, &error)
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        let exit_code = match error {
            PlanError::Unknown(_) => USAGE,
            PlanError::Unfit { .. } => CANNOT_TRACE,
        };
        Self::told(exit_code, &error)
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        let exit_code = match &error {
            CommandError::Fork { .. } => USAGE,
            // What shells give for a command that is not found, or that cannot be executed.
            CommandError::Exec { exit_code, .. } => *exit_code,
        };
        Self::told(exit_code, &error)
    }
}
