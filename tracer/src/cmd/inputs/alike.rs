//! Whether recordings may be added up.

use crate::{
    environment::{self, Difference},
    error::CliError,
    metadata::Metadata,
};

/// They must be of the same thing, seen in the same way.
pub fn comparable(first: &str, one: &Metadata, name: &str, other: &Metadata) -> Result<(), CliError> {
    let mut differs = environment::obstacles(one, other);
    let mut also = |what: &str, base: &str, new: &str| {
        let known = differs.iter().any(|known| known.what == what);
        differs.extend(Difference::between(what, Some(base), Some(new)).filter(|_| !known));
    };
    // A sum is of one kernel and of the very same processes; a comparison need not be.
    also("kernel release", &one.kernel.release, &other.kernel.release);
    also("frame", &one.kernel.frame, &other.kernel.frame);
    also("filters", &one.filters.join(" "), &other.filters.join(" "));
    if differs.is_empty() {
        return Ok(());
    }
    let differs: Vec<_> = differs.iter().map(ToString::to_string).collect();
    let why = format!("they differ in {}", differs.join("; "));
    Err(CliError::usage(&format!("cannot add up {first} and {name}"), &why, "report each on its own"))
}

/// How a recording was sampled: counts only, and one call in so many.
pub const fn sampling(metadata: &Metadata) -> (bool, u32) {
    (metadata.counts_only, metadata.sample)
}

/// A segment's head without what a daemon's governor changes.
pub fn governed(metadata: &Metadata) -> Metadata {
    Metadata { counts_only: false, sample: 1, ..metadata.clone() }
}
