//! Reads and writes that the kernel has no work with.

use std::{fs::File, os::fd::AsRawFd as _};

use super::{
    Operation,
    entry::{Answer, Call, Repeated},
};

/// A call on `/dev/null` and one byte, both of which live as long as it.
struct Null {
    repeated: Repeated,
    _file: File,
    _byte: Box<u8>,
}

/// `nr`, read or write, of one byte.
pub fn null(nr: u32, answer: Answer) -> Result<Box<dyn Operation>, String> {
    let file = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|error| format!("/dev/null cannot be opened: {error}"))?;
    let mut byte = Box::new(0_u8);
    let arguments = [file.as_raw_fd() as usize, (&raw mut *byte) as usize, 1];
    // SAFETY: read or write of one byte of ours; file and byte live as long as the call can be made.
    let call = unsafe { Call::new(nr, arguments) };
    Ok(Box::new(Null { repeated: Repeated { call, answer }, _file: file, _byte: byte }))
}

impl Operation for Null {
    fn run(&mut self, times: u64) -> Result<(), String> {
        self.repeated.run(times)
    }
}
