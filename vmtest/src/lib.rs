//! Workloads whose system calls are known to the last one, and what a tracer must say about them.
//!
//! A test that counts returns by exit path needs a program that knows how many it made. [`cases`] holds those
//! programs in small pieces, each with the returns it must give ([`expect`]); [`compare`] holds a tracer's report
//! against them. The same pieces serve the live test on this machine and the guests of `cargo xtask vm`.
//!
//! The language runtime makes system calls of its own (start-up, exit, output), so a case uses numbers that neither
//! Rust's nor glibc's start-up touches, and only those numbers are compared: see [`cases::Case`].

pub mod baseline;
pub mod blocked;
pub mod bpf;
pub mod breakpoints;
pub mod cases;
pub mod compare;
pub mod elf32;
pub mod environment;
pub mod expect;
pub mod filter;
pub mod guest;
pub mod introduce;
pub mod marker;
pub mod matrix;
pub mod mixture;
pub mod observed;
pub mod oracle;
pub mod partial;
pub mod proof;
pub mod ready;
pub mod scraped;
pub mod selection;
pub mod shared;
pub mod signals;
pub mod spawn;
pub mod stage;
pub mod sys;
pub mod tracee;
pub mod verdict;
