//! Which functions are the system calls' handlers: from the kernel's own tables where they can be read, by name
//! elsewhere.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufRead},
};

use tracer_common::{
    Abi, SyscallId,
    old_maps::{ENTRIES, Handles},
};

use crate::syscalls;

/// Symbols that can be a handler or its stub.
const PREFIXES: [&str; 7] = ["sys_", "SyS_", "__x64_", "__ia32_", "compat_", "sys32_", "ptregs_"];

/// What `/proc/kallsyms` says about handlers.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    by_name: HashMap<String, u64>,
    by_address: HashMap<u64, String>,
    /// Where the tables begin, and what comes behind them.
    tables: [Option<(u64, u64)>; 2],
    /// Where the entry code's parts begin and end, in the order of [`ENTRIES`]; zeros where there is none.
    entries: [[u64; 2]; ENTRIES.len()],
}

/// The tables in kernel memory: 64-bit and i386.
pub const TABLES: [&str; 2] = ["sys_call_table", "ia32_sys_call_table"];

/// A function to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub symbol: String,
    /// Its address.
    pub address: u64,
    /// The calls that it handles.
    pub handles: Handles,
    /// Some of them may wait for ever, in thousands of threads.
    pub blocking: bool,
}

impl Functions {
    /// Reads `address type name` lines.
    pub fn read(mut from: impl BufRead) -> io::Result<Self> {
        let mut functions = Self::default();
        let mut starts = [None; 2];
        let mut data = Vec::new();
        let mut text = Vec::new();
        let mut parts = [[0; 2]; ENTRIES.len()];
        let mut line = String::new();
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                break;
            }
            let mut fields = line.split_whitespace();
            let (Some(address), Some(kind), Some(name), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                // With a fourth field: a module's.
                continue;
            };
            let address = u64::from_str_radix(address, 16).unwrap_or(0);
            if address == 0 {
                continue;
            }
            if matches!(kind, "t" | "T" | "W" | "w") {
                if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                    functions.add(name, address);
                }
                if let Some(at) = ENTRIES.iter().position(|(prefix, _)| name.starts_with(prefix)) {
                    parts[at] = widened(parts[at], address);
                }
                text.push(address);
            } else {
                data.push(address);
                if let Some(at) = TABLES.iter().position(|table| *table == name) {
                    starts[at] = Some(address);
                }
            }
        }
        data.sort_unstable();
        functions.tables = starts.map(|start| {
            let start = start?;
            let end = data.get(data.partition_point(|&other| other <= start))?;
            Some((start, *end))
        });
        text.sort_unstable();
        for (entry, [first, last]) in functions.entries.iter_mut().zip(parts) {
            // A part ends where the next function begins.
            if let Some(&end) = text.get(text.partition_point(|&other| other <= last))
                && first != 0
            {
                *entry = [first, end];
            }
        }
        Ok(functions)
    }

    /// Where the entry code's parts begin and end, in the order of [`ENTRIES`]; zeros where there is none.
    #[must_use]
    pub const fn entries(&self) -> [[u64; 2]; ENTRIES.len()] {
        self.entries
    }

    fn add(&mut self, name: &str, address: u64) {
        self.by_name.entry(name.to_owned()).or_insert(address);
        let known = self.by_address.entry(address).or_insert_with(|| name.to_owned());
        // Of several names for one function the one that later kernels kept.
        if known.starts_with("SyS_") && name.starts_with("sys_") {
            name.clone_into(known);
        }
    }

    /// Where a table of [`TABLES`] lies, and how many entries it can have.
    #[must_use]
    pub fn table(&self, at: usize) -> Option<(u64, usize)> {
        let (start, end) = self.tables.get(at).copied().flatten()?;
        Some((start, (((end - start) / 8) as usize).min(512)))
    }

    /// The C function behind an entry of a table: stubs of 4.6 to 4.15 jump to the function they are named after.
    fn behind(&self, address: u64) -> Option<(&str, u64)> {
        let name = self.by_address.get(&address)?;
        match name.strip_prefix("ptregs_") {
            Some(inner) => self.by_name.get_key_value(inner).map(|(name, &address)| (name.as_str(), address)),
            None => Some((name, address)),
        }
    }

    /// The functions behind the tables' entries, of calls that are `wanted`.
    #[must_use]
    pub fn targets(&self, tables: &[Vec<u64>; 2], wanted: impl Fn(SyscallId) -> bool) -> Vec<Target> {
        let mut calls: BTreeMap<u64, (String, Vec<SyscallId>)> = BTreeMap::new();
        for (table, abi) in tables.iter().zip([Abi::X86_64, Abi::I386]) {
            for (nr, &address) in table.iter().enumerate() {
                let call = SyscallId { abi, nr: nr as u16 };
                if let Some((name, address)) = self.behind(address) {
                    calls.entry(address).or_insert_with(|| (name.to_owned(), Vec::new())).1.push(call);
                }
            }
        }
        // x32 has most of its handlers in common with the 64-bit table.
        let x32 = |call: SyscallId| call.abi == Abi::X86_64 && wanted(SyscallId { abi: Abi::X32, ..call });
        calls
            .into_iter()
            .filter(|(_, (_, calls))| calls.iter().any(|&call| wanted(call) || x32(call)))
            .filter_map(|(address, (symbol, calls))| target(symbol, address, &calls))
            .collect()
    }

    /// The tables as names suggest them, where memory cannot be read.
    #[must_use]
    pub fn guess(&self) -> [Vec<u64>; 2] {
        let find = |call: SyscallId| -> u64 {
            let Some(name) = known(call) else { return 0 };
            let name = alias(name);
            let prefixes: &[&str] = match call.abi {
                Abi::I386 => &["__ia32_compat_sys_", "__ia32_sys_", "compat_sys_", "sys32_", "sys_"],
                _ => &["__x64_sys_", "sys_"],
            };
            let address = |prefix: &&str| self.by_name.get(&format!("{prefix}{name}")).copied();
            prefixes.iter().find_map(address).unwrap_or(0)
        };
        [Abi::X86_64, Abi::I386].map(|abi| (0..512).map(|nr| find(SyscallId { abi, nr })).collect())
    }
}

/// A range, `[0, 0]` when there is none yet, and this address.
const fn widened([first, last]: [u64; 2], address: u64) -> [u64; 2] {
    let first = if first == 0 || address < first { address } else { first };
    [first, if address > last { address } else { last }]
}

/// Functions that are not named after their call (`arch/x86/entry/syscalls/syscall_64.tbl`).
fn alias(name: &str) -> &str {
    match name {
        "stat" => "newstat",
        "fstat" => "newfstat",
        "lstat" => "newlstat",
        "uname" => "newuname",
        "sendfile" => "sendfile64",
        "umount2" => "umount",
        "_sysctl" => "sysctl",
        name => name,
    }
}

fn target(symbol: String, address: u64, calls: &[SyscallId]) -> Option<Target> {
    if calls.iter().any(|call| call.never_returns()) {
        // Nothing to count or time, and a probe at a return that never comes would keep its room.
        return None;
    }
    let first = |abi| calls.iter().find(|call| call.abi == abi).map(|call| call.nr);
    let shared = calls.iter().filter(|call| call.abi == Abi::X86_64).count() > 1;
    let blocking = calls.iter().any(|&call| known(call).is_some_and(may_block));
    let handles = Handles::new(first(Abi::X86_64), first(Abi::I386), shared);
    Some(Target { symbol, address, handles, blocking })
}

fn known(call: SyscallId) -> Option<&'static str> {
    syscalls::name(call.abi, call.nr.into())
}

/// Calls that wait for others, for as long as these please.
fn may_block(name: &str) -> bool {
    const STEMS: [&str; 24] = [
        "read",
        "write",
        "poll",
        "select",
        "epoll",
        "futex",
        "wait",
        "sleep",
        "pause",
        "sigsuspend",
        "accept",
        "recv",
        "send",
        "connect",
        "msg",
        "sem",
        "flock",
        "fcntl",
        "ioctl",
        "splice",
        "open",
        "getevents",
        "sync",
        "socketcall",
    ];
    name == "ipc" || STEMS.iter().any(|stem| name.contains(stem))
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
