//! Guests side by side: as many at a time as there are cores for, each an end of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

/// Runs `boot` on each of `guests`, at most `at_once` at a time; the results are in the order of `guests`.
pub fn run<G: Sync, R: Send>(
    guests: &[G],
    at_once: usize,
    boot: impl Fn(&G) -> Result<R> + Sync,
) -> Vec<Result<R>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, guests.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(guest) = guests.get(at) else { return };
                    let result = boot(guest);
                    results.lock().expect("no guest panics").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no guest panics");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn every_guest_has_its_result_in_order_whatever_happened_to_others() {
        let results = run(&[3, 2, 1, 0], 2, |&guest| {
            anyhow::ensure!(guest != 2, "guest {guest} failed");
            Ok(guest * 10)
        });
        let said: Vec<_> = results.into_iter().map(|one| one.map_err(|error| error.to_string())).collect();
        assert_eq!(said, [Ok(30), Err("guest 2 failed".to_owned()), Ok(10), Ok(0)]);
        assert!(run(&[0; 0], 2, |_| Ok(())).is_empty());
    }
}
