//! Kernel symbols: which functions this kernel has, and where the syscall entry code lies.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

/// The symbols that a decision needs, from `/proc/kallsyms`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    addresses: HashMap<String, u64>,
    ends: HashMap<String, u64>,
}

/// Symbols that some fact or program asks for; the rest of the 100,000 is not kept.
const WANTED: &[&str] = &[
    "entry_SYSCALL_64",
    "entry_SYSCALL_64_fastpath",
    "stub_ptregs_64",
    "do_syscall_64",
    "do_int80_emulation",
    "do_int80_syscall_32",
    "syscall_return_slowpath",
    "syscall_exit_to_user_mode",
    "syscall_exit_work",
    "exit_to_user_mode_prepare",
    "trace_syscall_exit",
    "fpregs_assert_state_consistent",
    "x64_sys_call",
    "asm_fred_exit_user",
    "ia32_sys_call",
    "x32_sys_call",
    "__noinstr_text_start",
    "__noinstr_text_end",
    "__x64_sys_getppid",
    "sys_getppid",
    "__start_init_task",
    "__end_init_task",
    "__start_init_stack",
    "__end_init_stack",
    "do_fast_syscall_32",
    "signal_setup_done",
    "do_exit",
];

impl Symbols {
    /// Reads `address type name [module]` lines, one at a time: there are 10 MB of them. Addresses are 0 when the
    /// kernel hides them.
    pub fn read(mut from: impl BufRead) -> io::Result<Self> {
        let mut symbols = Self::default();
        let mut starts: Vec<u64> = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                break;
            }
            let mut fields = line.split_whitespace();
            let (Some(address), Some(kind), Some(name)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let address = u64::from_str_radix(address, 16).unwrap_or(0);
            if matches!(kind, "t" | "T") && address != 0 {
                starts.push(address);
            }
            if WANTED.contains(&name) {
                symbols.addresses.insert(name.to_owned(), address);
            }
        }
        starts.sort_unstable();
        for (name, &address) in &symbols.addresses {
            if let Some(&end) = starts.get(starts.partition_point(|&start| start <= address)) {
                symbols.ends.insert(name.clone(), end);
            }
        }
        Ok(symbols)
    }

    /// Whether the kernel has a symbol; `None` when no symbol could be read at all.
    #[must_use]
    pub fn has(&self, name: &str) -> Option<bool> {
        (!self.addresses.is_empty()).then(|| self.addresses.contains_key(name))
    }

    /// The address of a symbol; `None` when it is absent or hidden.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied().filter(|&address| address != 0)
    }

    /// Start and end of a function; `None` when it is absent or its address is hidden.
    #[must_use]
    pub fn range(&self, name: &str) -> Option<(u64, u64)> {
        let start = self.address(name)?;
        Some((start, *self.ends.get(name)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ffffffff81000080 T entry_SYSCALL_64\nffffffff82259c50 T do_syscall_64\n\
        ffffffff82259f00 t next_one\nffffffffa0000000 t x64_sys_call\t[module]\n";

    #[test]
    fn ranges_end_at_the_next_function() {
        let symbols = Symbols::read(TEXT.as_bytes()).unwrap();
        assert_eq!(symbols.range("do_syscall_64"), Some((0xffff_ffff_8225_9c50, 0xffff_ffff_8225_9f00)));
        assert_eq!(symbols.has("entry_SYSCALL_64_fastpath"), Some(false));
        assert_eq!(symbols.range("next_one"), None, "not wanted");
    }

    #[test]
    fn hidden_addresses_say_that_a_function_exists_but_not_where() {
        let symbols = Symbols::read(&b"0000000000000000 T do_syscall_64\n"[..]).unwrap();
        assert_eq!((symbols.has("do_syscall_64"), symbols.range("do_syscall_64")), (Some(true), None));
        assert_eq!(Symbols::read(&b""[..]).unwrap().has("do_syscall_64"), None);
    }
}
