//! What the ring took, put on the disk: after each interval, and beside the loop, which waits for no disk.
//!
//! Without it a machine that loses power loses what its kernel had not written yet, usually half a minute. One such call an
//! interval costs no CPU time to speak of.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::runtime::Handle;

use super::core::say;

/// Syncs one file at a time.
#[derive(Debug, Default)]
pub struct Durable(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// A disk is still at it.
    busy: AtomicBool,
    failures: AtomicU64,
}

impl Durable {
    /// Whether the disk has the last ones.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.0.busy.load(Ordering::Acquire)
    }

    /// Has these synced: a segment, and the folder of a new one.
    pub fn sync(&self, files: Vec<File>) {
        let Some(runtime) = Handle::try_current().ok().filter(|_| !files.is_empty()) else { return };
        self.0.busy.store(true, Ordering::Release);
        let state = Arc::clone(&self.0);
        runtime.spawn_blocking(move || {
            let synced: io::Result<()> = files.iter().try_for_each(File::sync_data);
            if let Err(error) = synced
                && state.failures.fetch_add(1, Ordering::Relaxed) == 0
            {
                say(&format!("what the ring took may not be on the disk: {error}; mend the disk"));
            }
            state.busy.store(false, Ordering::Release);
        });
    }

    /// How often the disk did not take it.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_does_not_take_is_counted() {
        let durable = Durable::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("segment")).unwrap();
        // Nothing is kept on it, and it says so.
        let refuses = File::open("/dev/null").unwrap();
        for (files, failures) in [(vec![file, File::open(folder.path()).unwrap()], 0), (vec![refuses], 1)] {
            runtime.block_on(async { durable.sync(files) });
            while !durable.is_idle() {
                std::thread::yield_now();
            }
            assert_eq!(durable.failures(), failures);
        }
        // Without a loop there is nobody to do it.
        durable.sync(vec![File::open("/dev/null").unwrap()]);
        assert!(durable.is_idle());
    }
}
