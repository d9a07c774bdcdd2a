//! Telling the service manager (`sd_notify(3)`): ready, still alive, reloading, stopping. Without one it is silence.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// What the service manager wants to hear.
#[derive(Debug)]
pub struct Notify {
    /// How often it must hear that the loop turns, if it watches.
    watchdog: Option<Duration>,
    last: Instant,
}

impl Notify {
    /// As the environment says (`WATCHDOG_USEC`, `WATCHDOG_PID`).
    #[must_use]
    pub fn new() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled(), last: Instant::now() }
    }

    /// Everything is attached and served.
    pub fn ready(&mut self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
        self.last = Instant::now();
    }

    /// The configuration is read again; [`Self::ready`] ends it.
    pub fn reloading(&self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            tell(&[NotifyState::Reloading, now]);
        }
    }

    /// The end begins.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// The loop turns. Said when it is awake anyway, so that no wake-up is for this alone while intervals are shorter
    /// than half the time; at most once in a tenth of it, whoever keeps the loop busy.
    pub fn alive(&mut self) {
        if self.watchdog.is_some_and(|within| self.last.elapsed() >= within / 10) {
            tell(&[NotifyState::Watchdog]);
            self.last = Instant::now();
        }
    }

    /// When [`Self::alive`] is due at the latest: at half the time, as `sd_watchdog_enabled(3)` advises.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        Some(self.last + self.watchdog? / 2)
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

fn tell(state: &[NotifyState<'_>]) {
    // A service manager that does not listen is not our loss.
    let _ = sd_notify::notify(state);
}
