//! The oracle: a QEMU plugin that sees a guest's entries to the kernel and its returns to user mode as instructions,
//! and counts, for each system call, by which of them it returned.
//!
//! It asks the guest's kernel for nothing but who is running: which task a CPU returns to is read from memory, at
//! places that the guest's own test program helps to find (`task`). Everything else is in the instructions: a call
//! is an entry of a task, its return is that task's next return to user mode (`machine`).
//!
//! The plugin interface is written out by hand (`qemu`, a dozen functions of QEMU 10.0's version 4): the crate that
//! binds all of it is under the GPL, which the workspace does not link.

mod counts;
mod forks;
mod instruction;
mod machine;
#[cfg(test)]
mod machine_tests;
// QEMU provides the functions these two call, so test programs cannot be linked with them.
#[cfg(not(test))]
mod plugin;
#[cfg(not(test))]
mod qemu;
mod task;
