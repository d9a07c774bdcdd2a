//! The programs for kernels from 4.9 on: an object of its own, because one global or one newer helper fails the whole
//! object there. On the host an empty shell, as `main.rs` is.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]

#[cfg(target_arch = "bpf")]
mod old;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
