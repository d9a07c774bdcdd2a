//! The rules of exitpath: pure, total, without allocation, floats or panics.
//!
//! Everything here is compiled twice, unchanged: for the host, where tables and property tests try it, and for
//! BPF, where `tracer-ebpf` calls it. Kernel behaviour is cited by function and version at each rule.
#![cfg_attr(not(any(test, feature = "user")), no_std)]

pub mod abi;
pub mod admission;
pub mod amend;
pub mod diversion;
pub mod exit;
pub mod finish;
pub mod handlers;
mod handlers_end;
pub mod hdr;
pub mod layout;
pub mod loss;
pub mod old_maps;
pub mod pairing;
pub mod record;
mod returned;
pub mod verdict;

pub use abi::{Abi, NR_INVALID, SyscallId};
pub use exit::{ExitRegs, ExitRules};
pub use hdr::{CELLS_1, CELLS_2};
pub use layout::{CpuState, SeriesKey, SeriesRow};
pub use loss::{Loss, Untimed};
pub use pairing::Exit;
pub use record::TaskRecord;
pub use verdict::{Cause, Path, Reason, Reasons, Verdict};
