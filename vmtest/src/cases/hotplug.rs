//! CPUs that go and come back while calls are counted: per-CPU counters must keep what the CPU that went had counted.

use std::fs;
use std::path::Path as File;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Case, GETPPID, HELPER};
use crate::expect::Give;
use crate::guest::IN_GUEST;
use crate::sys::{self, nr, plain};

pub static CASES: &[Case] = &[Case {
    name: "hotplug",
    what: "getppid on all CPUs while the second one goes offline and comes back; only in a guest that has two",
    section: "6, attach while tasks run",
    run: hotplug,
    gives: &[Give::sysret(GETPPID), HELPER[0], HELPER[1], HELPER[2]],
    natural: 20_000,
    ..Case::USUAL
}];

/// How often the CPU goes and comes.
const TIMES: u32 = 5;
const SWITCH: &str = "/sys/devices/system/cpu/cpu1/online";

/// The child switches, the parent calls: it is moved off the CPU each time that goes.
fn hotplug(count: u64) -> Result<()> {
    let child = sys::fork_with(|| {
        let outcome = switch();
        if let Err(error) = &outcome {
            sys::say(&format!("hotplug: {error:#}"));
        }
        i32::from(outcome.is_err())
    })?;
    for _ in 0..count {
        let got = plain(nr::GETPPID, 0, 0);
        ensure!(got >= 0, "getppid gave {got}");
    }
    sys::wait_ok(child, "the process that switches the CPU")
}

/// On a machine that is nobody's to play with, and where there is one CPU, nothing is switched.
fn switch() -> Result<()> {
    if std::env::var_os(IN_GUEST).is_none() || !File::new(SWITCH).exists() {
        return Ok(());
    }
    for _ in 0..TIMES {
        for state in ["0", "1"] {
            fs::write(SWITCH, state).with_context(|| format!("cannot write {state} to {SWITCH}"))?;
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}
