//! The plans `handlers` and `do-syscall-ret`: kprobes, on kernels whose entry code can still be probed.

mod attach;
mod config;
pub mod kprobe_events;
mod look;
mod names;
mod perf;
mod probe;
mod reader;
mod session;
mod targets;

pub use perf::divert;
pub use reader::Reader;
pub use session::Session;
