//! `exitpath bench`: loops that time a call's whole round trip, user mode to kernel to user mode, which no program in
//! the kernel can see.
//!
//! A *bench* makes one call whose exit path is known by construction ([`list`], [`route`]). It is run in *batches* of
//! so many calls that reading the clock is less than a thousandth of one, on one CPU, in *rounds* that give each bench
//! its turn. What is recorded is each batch's mean.

pub mod attach;
pub mod clock;
pub mod conditions;
pub mod counters;
pub mod cpu;
mod disturbance;
mod entry;
pub mod interrupt;
pub mod list;
pub mod names;
mod null;
mod probe;
mod process;
pub mod results;
pub mod rounds;
pub mod route;
mod sigreturn;
pub mod slot;
pub mod snapshot;
mod statistics;
mod switch;
pub mod tally;

pub use disturbance::Disturbance;
pub use list::Bench;
pub use probe::probe;
pub use statistics::{Summary, median};

/// Something that is repeated and timed. It is made when a slot of time begins and dropped when that ends, so that
/// what one bench needs (a thread, a pipe) does not change what another costs.
pub trait Operation {
    /// Does it so many times; a multiple of the bench's grain.
    ///
    /// # Errors
    ///
    /// What the kernel answered otherwise than the bench relies on.
    fn run(&mut self, times: u64) -> Result<(), String>;
}
