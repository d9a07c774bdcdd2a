//! The results of whole runs, kept as JSON: a later run replaces what it tried again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::matrix::GuestResult;
use crate::files;

const NAME: &str = "results.json";

/// What is kept.
pub fn read(place: &Path) -> Result<Vec<GuestResult>> {
    let path = place.join(NAME);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("no {}: run `cargo xtask vm` with all cases first", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no result of this xtask", path.display()))
}

/// Puts new results beside or in the place of those kept.
pub fn merge(place: &Path, new: &[GuestResult]) -> Result<()> {
    let path = place.join(NAME);
    // None yet, or of another version: not worth a failure.
    let all = join(read(place).unwrap_or_default(), new);
    files::write(&path, &serde_json::to_vec_pretty(&all)?)?;
    println!("vm: results in {}", path.display());
    Ok(())
}

fn join(kept: Vec<GuestResult>, new: &[GuestResult]) -> Vec<GuestResult> {
    let key =
        |one: &GuestResult| [&one.kernel, &one.cpu, &one.smp, &one.append, &one.plan].map(String::to_owned);
    let mut all: Vec<_> =
        kept.into_iter().filter(|old| !new.iter().any(|one| key(one) == key(old))).collect();
    all.extend_from_slice(new);
    all.sort_by_key(key);
    all
}

#[cfg(test)]
mod tests {
    use super::join;
    use crate::vm::table::tests::result;

    #[test]
    fn what_was_tried_again_is_replaced() {
        let [old, other] = [result("6.1", "auto"), result("6.12", "auto")];
        let new = crate::vm::matrix::GuestResult { seconds: 99.0, ..old.clone() };
        assert_eq!(join(vec![other.clone(), old], std::slice::from_ref(&new)), [new, other]);
    }
}
