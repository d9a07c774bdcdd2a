//! How a guest's test program makes itself known to the oracle: it says where the kernel keeps the current task, and
//! threads and a child of it say their numbers, so that the oracle finds those in memory ([`crate::marker`]).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::marker::Marker;
use crate::sys;

/// Variables of each CPU that are, or begin with, the pointer to its current task: in 6.2 to 6.14 it was the latter.
const CURRENT: [&str; 2] = ["current_task", "pcpu_hot"];

/// Says everything. Needs root: kernel addresses are hidden from others.
pub fn introduce() -> Result<()> {
    Marker::Layout.say(current_task()? as usize, 0);
    let process = std::process::id() as usize;
    for _ in 0..2 {
        // The first thread's number is the process's, so the numbers of the others tell the two apart.
        thread::spawn(move || Marker::Identity.say(thread_number(), process))
            .join()
            .map_err(|_| anyhow!("a thread of the introduction panicked"))?;
    }
    Marker::Identity.say(process, process);
    let child = sys::fork_with(|| {
        Marker::Child.say(thread_number(), process);
        0
    })?;
    sys::wait_ok(child, "the child of the introduction")
}

fn thread_number() -> usize {
    // SAFETY: takes no argument.
    unsafe { libc::gettid() as usize }
}

fn current_task() -> Result<u64> {
    let symbols = File::open("/proc/kallsyms").context("cannot read the kernel's symbols")?;
    for line in BufReader::new(symbols).lines() {
        if let Some(address) = address(&line?) {
            return Ok(address);
        }
    }
    Err(anyhow!("this kernel has none of the symbols {}", CURRENT.join(", ")))
}

/// The address in a line of `/proc/kallsyms` that names the variable.
fn address(line: &str) -> Option<u64> {
    let mut words = line.split_ascii_whitespace();
    let (address, _kind, name) = (words.next()?, words.next()?, words.next()?);
    // A module may have a variable of that name too.
    (CURRENT.contains(&name) && words.next().is_none()).then(|| u64::from_str_radix(address, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_variable_is_found_by_its_whole_name() {
        assert_eq!(address("000000000001fb80 D current_task"), Some(0x1_fb80));
        assert_eq!(address("ffffffff83a35000 A pcpu_hot"), Some(0xffff_ffff_83a3_5000));
        assert_eq!(address("ffffffff83a35000 A const_current_task"), None);
        assert_eq!(address("ffffffffc0a35000 d current_task\t[module]"), None);
        assert_eq!(address("nonsense"), None);
    }
}
