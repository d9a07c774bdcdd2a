//! Which handlers get probes, and what the programs are told of them.

use std::{fs, io::BufReader};

use aya::{
    Ebpf,
    maps::{Array, HashMap, MapError},
};
use tracer_common::{SyscallId, old_maps::OldConfig};

use super::{
    kprobe_events::Group,
    look,
    names::{Functions, Target},
    session::other,
};
use crate::{kernel::Facts, plan::Plan, session::SessionError, settings::Settings};

/// The handlers of the selected calls; what cannot be known of them becomes a blind spot of the plan.
pub fn find(
    ebpf: &mut Ebpf,
    group: &mut Group,
    config: &mut OldConfig,
    plan: &mut Plan,
    (facts, settings): (&Facts, &Settings),
) -> Result<Vec<Target>, SessionError> {
    let functions = fs::File::open("/proc/kallsyms")
        .and_then(|file| Functions::read(BufReader::new(file)))
        .map_err(|error| other("reading /proc/kallsyms", &error))?;
    let tables = look::tables(ebpf, group, &functions, getppid(facts), config);
    // The look's probe is gone before others are defined.
    group.remove();
    let mut tables = tables.unwrap_or_else(|why| {
        plan.blind_spots.push(format!("handlers are told by name, some may be missing ({why})"));
        functions.guess()
    });
    if tables[1].is_empty() {
        // Kernels that call through a switch statement keep the 64-bit table alone, for tracers' sake.
        let [_, i386] = functions.guess();
        tables[1] = i386;
        plan.blind_spots.push("i386 handlers are told by name: other i386 calls have no latency".to_owned());
    }
    // These change the number that the final hook reads.
    let always = |call: SyscallId| config.final_hook != 0 && (call.is_exec() || call.is_sigreturn());
    let targets = functions.targets(&tables, |call| always(call) || selects(settings, call));
    let refuse = |why: &str| SessionError::Other { what: format!("plan {}", plan.name), why: why.into() };
    if config.final_hook != 0 {
        // There the programs read who called whom from the stack, and look nothing up.
        config.entries = functions.entries();
        if config.entries[0] == [0; 2] {
            return Err(refuse("the kernel's symbols do not show entry_SYSCALL_64"));
        }
        return Ok(targets);
    }
    if targets.is_empty() {
        return Err(refuse("no handler of the selected system calls is among the kernel's symbols"));
    }
    if config.partial != 0 && settings.syscalls.is_some() {
        // Fast calls without a probe are not seen: several ways back to user mode would look like one long one.
        config.turnaround = 0;
        plan.blind_spots.push("turnaround is not measured where -e or --abi leaves calls out".to_owned());
    }
    fill(ebpf, &targets, &tables[0]).map_err(|error| other("filling the maps", &error))?;
    Ok(targets)
}

/// Whether the calls selected have this one.
fn selects(settings: &Settings, call: SyscallId) -> bool {
    settings.syscalls.as_ref().is_none_or(|set| {
        let bit = (call.abi as usize) << 10 | usize::from(call.nr);
        set.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 != 0)
    })
}

/// The maps that say which call a probed address is.
fn fill(ebpf: &mut Ebpf, targets: &[Target], table: &[u64]) -> Result<(), MapError> {
    let map = ebpf.map_mut("HANDLERS").ok_or(MapError::ElementNotFound)?;
    let mut handlers: HashMap<_, u64, u32> = HashMap::try_from(map)?;
    for target in targets {
        handlers.insert(target.address + 1, target.handles.0, 0)?;
    }
    let map = ebpf.map_mut("TABLE").ok_or(MapError::ElementNotFound)?;
    let mut numbers: Array<_, u64> = Array::try_from(map)?;
    for (nr, &address) in (0..).zip(table) {
        if address != 0 {
            numbers.set(nr, address + 1, 0)?;
        }
    }
    Ok(())
}

/// A call that this process can make at will, under the name that this kernel has for its handler.
fn getppid(facts: &Facts) -> &'static str {
    if facts.symbols.has("__x64_sys_getppid") == Some(true) { "__x64_sys_getppid" } else { "sys_getppid" }
}
