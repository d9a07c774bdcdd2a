//! Where intervals come from: a recorder, or in tests whatever makes snapshots.

use std::time::Instant;

use crate::{recorder::Recorder, snapshot::Snapshot};

/// Counts calls until it is stopped.
pub trait Source {
    /// What was counted since the last time.
    fn interval(&mut self) -> Snapshot;
    /// Does what is due.
    fn tick(&mut self);
    /// When [`Self::tick`] is due.
    fn due(&self) -> Instant;
    /// When its own cost is to be measured next.
    fn measure_at(&mut self, at: Instant);
    /// Ends, with what is left.
    fn stop(self: Box<Self>) -> Snapshot;
}

impl Source for Recorder {
    fn interval(&mut self) -> Snapshot {
        Self::interval(self)
    }

    fn tick(&mut self) {
        Self::tick(self);
    }

    fn due(&self) -> Instant {
        Self::due(self)
    }

    fn measure_at(&mut self, at: Instant) {
        Self::measure_at(self, at);
    }

    fn stop(self: Box<Self>) -> Snapshot {
        Self::stop(*self)
    }
}

/// Nothing is attached, and nothing counted: its intervals are of no length, so that nobody takes them for quiet ones.
pub struct Paused;

impl Source for Paused {
    fn interval(&mut self) -> Snapshot {
        Snapshot::default()
    }

    fn tick(&mut self) {}

    fn due(&self) -> Instant {
        // Never within an interval, which is at most a minute.
        Instant::now() + std::time::Duration::from_hours(1)
    }

    fn measure_at(&mut self, _: Instant) {}

    fn stop(self: Box<Self>) -> Snapshot {
        Snapshot::default()
    }
}
