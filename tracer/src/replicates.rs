//! Replicates: runs of the same thing, one recording each. In what order they run, where their recordings lie, and how
//! long it will still take.

mod folder;
mod order;
mod pace;

pub use folder::{Folder, MOST, continues, is_recording};
pub use order::{Turn, order};
pub use pace::{Pace, left};
