//! Workloads whose system calls are known to the last one, and what a tracer must say about them.
//!
//! A test that counts returns by exit path needs a program that knows how many it made. [`cases`] holds those
//! programs in small pieces, each with the returns it must give ([`expect`]); [`compare`] holds a tracer's report
//! against them. The same pieces serve the live test on this machine and the guests of `cargo xtask vm`.
//!
//! The language runtime makes system calls of its own (start-up, exit, output), so a case uses numbers that neither
//! Rust's nor glibc's start-up touches, and only those numbers are compared: see [`cases::Case`].

pub mod baseline;
pub mod bpf;
pub mod breakpoints;
pub mod cases;
pub mod compare;
pub mod elf32;
pub mod expect;
pub mod guest;
pub mod mixture;
pub mod ready;
pub mod signals;
pub mod stage;
pub mod sys;
