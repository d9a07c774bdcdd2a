//! What `exitpath record` gives up once everything is attached.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, rc::Rc};

use super::outputs::Outputs;
use crate::{
    error::{CANNOT_TRACE, CliError},
    privileges::{self, Capability, Keeper, Reason},
    recorder::Recorder,
};

const NAMING: Reason = "the result gets its name in another user's folder";
const ENDING: Reason = "the command may run as another user when it is ended";

/// The process that will turn statistics on; without it outputs say that there is no figure for their cost.
pub fn keeper() -> Option<Rc<Keeper>> {
    Keeper::start().ok().flatten().map(Rc::new)
}

/// Gives up all capabilities that the rest of the recording can do without.
pub fn give_up(
    recorder: &mut Recorder,
    keeper: Option<Rc<Keeper>>,
    outputs: &Outputs,
    command: bool,
    verbose: bool,
) -> Result<(), CliError> {
    let Some(mut keep) = recorder.needs() else {
        say(verbose, &"all privileges kept: this plan takes its probes out through tracefs");
        return Ok(());
    };
    recorder.measure_through(keeper);
    if outputs.folders().any(|folder| !is_ours(folder)) {
        keep.extend([Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER].map(|one| (one, NAMING)));
    }
    if command {
        keep.push((Capability::CAP_KILL, ENDING));
    }
    let dropped = privileges::give_up(&keep).map_err(|error| {
        CliError::told(
            CANNOT_TRACE,
            &format!("cannot give up capabilities: {error}; --keep-privileges traces with all of them"),
        )
    })?;
    say(verbose, &dropped);
    Ok(())
}

fn say(verbose: bool, what: &dyn std::fmt::Display) {
    if verbose {
        eprintln!("exitpath: {what}");
    }
}

/// Whether files in it can be renamed and removed by this user as such.
fn is_ours(folder: &Path) -> bool {
    const WRITE: u32 = 0o200;
    // SAFETY: a question without arguments.
    let user = unsafe { libc::geteuid() };
    fs::metadata(folder).is_ok_and(|found| found.uid() == user && found.mode() & WRITE != 0)
}
