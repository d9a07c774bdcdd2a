//! Returns that moved to another series leave the blocks they were counted in.

use super::Part;
use crate::{histogram::total, snapshot::Series};

/// What an earlier interval counted here has moved to another series: it goes from the newest block that has it.
pub(super) fn take_back(parts: &mut [Part], moved: &Series) {
    let errors = total(moved.errors.values().copied());
    take(parts, moved.returns, |part| &mut part.returns);
    take(parts, errors, |part| &mut part.errors);
    take(parts, moved.latency.count, |part| &mut part.service.count);
    take(parts, moved.latency.sum, |part| &mut part.service.sum);
    for (&cell, &count) in &moved.latency.cells {
        take_cell(parts, cell, count);
    }
}

fn take(parts: &mut [Part], mut count: u64, of: fn(&mut Part) -> &mut u64) {
    for part in parts.iter_mut().rev() {
        let held = of(part);
        let taken = count.min(*held);
        *held -= taken;
        count -= taken;
    }
}

fn take_cell(parts: &mut [Part], cell: u16, mut count: u64) {
    for part in parts.iter_mut().rev() {
        if let Ok(at) = part.service.cells.binary_search_by_key(&cell, |held| held.0) {
            let held = &mut part.service.cells[at].1;
            let taken = count.min(*held);
            *held -= taken;
            count -= taken;
        }
    }
}
