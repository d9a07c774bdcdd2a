//! Reading a ring by time.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::names;
use crate::{metadata::Metadata, snapshot::Snapshot};

/// A file may have been written this long before it says so, in seconds: coarse clocks, late flushes.
const SLACK: f64 = 120.0;

/// A span of time; an interval belongs to it if it begins in it, so that windows side by side share none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// In seconds since the epoch; `None` is the beginning.
    pub from: Option<f64>,
    /// In seconds since the epoch, not in the window itself; `None` is the end.
    pub to: Option<f64>,
}

impl Window {
    /// Whether it is all of time.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether an interval can belong to both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let before =
            |to: Option<f64>, from: Option<f64>| matches!((to, from), (Some(to), Some(from)) if to <= from);
        !before(self.to, other.from) && !before(other.to, self.from)
    }

    /// Whether an interval of this recording belongs to it.
    #[must_use]
    pub fn holds(&self, metadata: &Metadata, snapshot: &Snapshot) -> bool {
        let began = metadata.started_at + snapshot.start_ns as f64 / 1e9;
        self.from.is_none_or(|from| began >= from) && self.to.is_none_or(|to| began < to)
    }

    /// Whether any interval of this recording can belong to it, by when it began.
    #[must_use]
    pub fn may_hold(&self, metadata: &Metadata) -> bool {
        self.to.is_none_or(|to| metadata.started_at < to)
    }
}

/// The segments of a ring that can hold intervals of a window, in the order of the ring.
///
/// # Errors
///
/// The folder cannot be read.
pub fn segments(folder: &Path, window: &Window) -> io::Result<Vec<PathBuf>> {
    let paths = names(folder)?.into_iter().map(|name| folder.join(name.to_string()));
    Ok(paths.filter(|path| window.from.is_none_or(|from| written_after(path, from))).collect())
}

/// Whether the file's last change leaves room for intervals after `from`; in doubt it does.
fn written_after(path: &Path, from: f64) -> bool {
    let changed = fs::metadata(path).and_then(|found| found.modified());
    let changed = changed.ok().and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
    changed.is_none_or(|changed| changed.as_secs_f64() + SLACK >= from)
}
