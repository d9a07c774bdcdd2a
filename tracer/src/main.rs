//! The command `exitpath`.
fn main() {}
