//! The configuration map: old kernels have no constants for programs.

use tracer_common::old_maps::OldConfig;

use crate::{
    kernel::Facts,
    plan::Plan,
    regime::{Frame, Regime},
    session::SessionError,
    settings::{Settings, Tasks},
};

/// `pt_regs` on the stack of a kernel without and with room for FRED.
const PT_REGS: u32 = 168;
const FRED_PADDING: u32 = 16;
/// `THREAD_SIZE` is 16 KiB without KASAN.
const STACK_BITS: u32 = 14;

/// Resolves settings and facts; says what this plan cannot do.
pub fn new(plan: &Plan, facts: &Facts, settings: &Settings) -> Result<OldConfig, SessionError> {
    let refuse = |option: &str| SessionError::Other {
        what: format!("plan {}", plan.name),
        why: format!("it has no {option}: leave it out, or use another plan"),
    };
    if settings.cgroup.is_some() {
        return Err(refuse("--cgroup"));
    }
    if settings.sample > 1 {
        return Err(refuse("--sample"));
    }
    if settings.counts_only {
        return Err(refuse("--counts-only"));
    }
    let regime = Regime::of(facts);
    let rules = regime.exit_rules();
    let (filter_tasks, tgid, follow) = match &settings.tasks {
        Tasks::All => (0, 0, false),
        Tasks::Processes { pids, follow: false } if pids.len() == 1 => (1, pids[0], false),
        Tasks::Processes { follow, .. } => (2, 0, *follow),
        Tasks::Command { .. } => (2, 0, true),
    };
    let attaches = |name: &str| plan.programs.iter().any(|program| program.name == name);
    let padding = facts.symbols.has("asm_fred_exit_user") == Some(true);
    let mut config = OldConfig {
        ip_limit: rules.ip_limit,
        canonical_bits: rules.canonical_bits,
        partial: u32::from(regime.frame == Frame::Partial),
        by_handler: u32::from(attaches("handler_ret") || attaches("handler_full_ret")),
        final_hook: u32::from(attaches("final_hook")),
        regs_below_top: PT_REGS + if padding { FRED_PADDING } else { 0 },
        stack_bits: STACK_BITS,
        entries: Default::default(),
        max_series: settings.max_series,
        turnaround: u32::from(settings.measures_turnaround()),
        filter_tasks,
        tgid,
        follow: u32::from(follow),
        filter_uid: u32::from(settings.uid.is_some()),
        uid: settings.uid.unwrap_or(0),
        filter_comm: u32::from(settings.comm.is_some()),
        comm: words(settings.comm.unwrap_or_default()),
        failed: u32::from(settings.failed),
        filter_syscalls: u32::from(settings.syscalls.is_some()),
        filter_errors: u32::from(settings.errors.is_some()),
        peek_tgid: 0,
        peek_at: 0,
        min_latency: settings.min_latency,
        errors: [u64::MAX; 4],
        syscalls: [u64::MAX; 64],
    };
    if let Some(set) = &settings.syscalls {
        config.syscalls = std::array::from_fn(|word| set.get(word).copied().unwrap_or(0));
    }
    if let Some(set) = &settings.errors {
        config.errors = std::array::from_fn(|word| set.get(word).copied().unwrap_or(0));
    }
    Ok(config)
}

/// A process name as the programs compare it.
fn words(comm: [u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(comm);
    [both as u64, (both >> 64) as u64]
}
