//! The kernel's tables of handlers, read by a program of ours: no other way works on every kernel, `/proc/kcore` may
//! be missing, and names do not say which number leads where.

use std::os::fd::AsFd as _;

use aya::{Ebpf, maps::Array, programs::KProbe};
use tracer_common::old_maps::OldConfig;

use super::{kprobe_events::Group, names::Functions, perf, probe::Probe};
use crate::kernel::probe::chain;

/// Words a look.
const WORDS: usize = 8;

/// Both tables; an error says why names must do.
pub fn tables(
    ebpf: &mut Ebpf,
    group: &mut Group,
    functions: &Functions,
    getppid: &str,
    config: &OldConfig,
) -> Result<[Vec<u64>; 2], String> {
    if functions.table(0).is_none() {
        return Err("the kernel's symbols do not show sys_call_table".to_owned());
    }
    let text = |error: &dyn std::error::Error| chain(error);
    let probe = Probe::entry(getppid);
    if let Some((_, error)) =
        group.define(std::slice::from_ref(&probe)).map_err(|error| text(&error))?.into_iter().next()
    {
        return Err(text(&error));
    }
    let program: &mut KProbe = ebpf
        .program_mut("look")
        .ok_or("program look is not in the object")?
        .try_into()
        .map_err(|error: aya::programs::ProgramError| text(&error))?;
    program.load().map_err(|error| text(&error))?;
    let id = group.id(&probe).map_err(|error| text(&error))?;
    let fd = program.fd().map_err(|error| text(&error))?;
    let event = perf::attach(id, fd.as_fd()).map_err(|error| text(&error))?;
    let mut tables = [Vec::new(), Vec::new()];
    for (at, table) in tables.iter_mut().enumerate() {
        let Some((start, length)) = functions.table(at) else { continue };
        for from in (0..length).step_by(WORDS) {
            let words = words(ebpf, config, start + from as u64 * 8).map_err(|error| text(&error))?;
            table.extend(words.into_iter().take(length - from));
        }
    }
    drop(event);
    Ok(tables)
}

/// Eight words at an address: a `getppid` of our own triggers the program.
fn words(ebpf: &mut Ebpf, config: &OldConfig, at: u64) -> Result<[u64; WORDS], aya::maps::MapError> {
    let look = OldConfig { peek_tgid: std::process::id(), peek_at: at, ..*config };
    configure(ebpf, &look)?;
    // SAFETY: no arguments, no effect.
    unsafe { libc::syscall(libc::SYS_getppid) };
    let map = ebpf.map("PEEKED").ok_or(aya::maps::MapError::ElementNotFound)?;
    let seen: Array<_, u64> = Array::try_from(map)?;
    let mut words = [0; WORDS];
    for (index, word) in words.iter_mut().enumerate() {
        *word = seen.get(&(index as u32), 0)?;
    }
    Ok(words)
}

/// Writes the configuration.
pub fn configure(ebpf: &mut Ebpf, config: &OldConfig) -> Result<(), aya::maps::MapError> {
    let map = ebpf.map_mut("CONFIG").ok_or(aya::maps::MapError::ElementNotFound)?;
    let mut array: Array<_, OldConfig> = Array::try_from(map)?;
    array.set(0, config, 0)
}
