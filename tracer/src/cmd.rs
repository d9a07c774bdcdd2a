//! The subcommands: thin glue, one file each.

pub mod args;
pub mod report;
