//! `exitpath syscalls`: the tables that `-e` knows.

use clap::Args;
use tracer_common::Abi;

use crate::{error::CliError, sink::Sink, syscalls};

/// List the system calls: ABI, number, name and classes
#[derive(Args)]
pub struct SyscallsArgs {
    /// Only this ABI: `x86_64`, x32 or i386
    #[arg(long, value_parser = parse_abi)]
    abi: Option<Abi>,
}

/// Runs it.
pub fn run(args: &SyscallsArgs) -> Result<(), CliError> {
    let mut sink = Sink::stdout();
    sink.put(|to| {
        for abi in Abi::ALL.into_iter().filter(|abi| args.abi.is_none_or(|wanted| wanted == *abi)) {
            for row in syscalls::listing(abi) {
                let line = format!("{:<7}{:>5}  {:<28} {}", abi.name(), row.nr, row.name, row.classes);
                writeln!(to, "{}", line.trim_end())?;
            }
        }
        Ok(())
    })
    .map(drop)
}

/// An ABI by its name.
pub fn parse_abi(text: &str) -> Result<Abi, String> {
    let found = Abi::ALL.into_iter().find(|abi| abi.name() == text);
    found.ok_or_else(|| "ABIs are x86_64, x32 and i386".to_owned())
}
