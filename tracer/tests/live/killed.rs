//! `kill -9` at moments that nobody chose, under load: what was in the ring stays, and nothing stays in the kernel.

use std::{env, fs, net::SocketAddr, path::Path, thread::sleep, time::Duration};

use tracer::recording;

use vmtest::bpf::held;

use crate::{
    leftovers::{Load, all, assert_nothing_left},
    served::{Daemon, get, serve},
    support::turn,
};

/// Every file of a ring must read: intervals and returns in all of them.
fn kept(ring: &Path) -> (u64, u64) {
    let (mut intervals, mut returns) = (0, 0);
    for file in fs::read_dir(ring).expect("the ring").map(|file| file.expect("a file").path()) {
        if file.extension().is_some_and(|extension| extension == "zst") {
            let recording = recording::read(fs::File::open(&file).expect("it is ours"));
            let recording = recording.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            intervals += recording.intervals.len() as u64;
            returns += recording.intervals.iter().map(tracer::snapshot::Snapshot::returns).sum::<u64>();
        }
    }
    (intervals, returns)
}

/// Intervals that a daemon says it has read, all of which are in its ring by then.
fn told(address: SocketAddr) -> u64 {
    let text = String::from_utf8(get(address, "/metrics")).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix("exitpath_intervals_total "));
    line.and_then(|value| value.parse::<f64>().ok()).expect("it says so") as u64
}

#[test]
fn one_that_is_killed_loses_the_interval_in_progress_and_nothing_else() {
    let Some(_turn) = turn("killed::one_that_is_killed_loses_the_interval_in_progress_and_nothing_else")
    else {
        return;
    };
    let kills: u32 = env::var("EXITPATH_KILLS").map_or(4, |kills| kills.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder of our own");
    let load = Load::start(10 + u64::from(kills) * 5);
    let mut moment = 12_345_u32;
    let mut before = (0, 0);
    for kill in 1..=kills {
        let objects = all();
        let (mut daemon, address) = serve("0.2s", &mut Daemon::command(), folder.path());
        let ours = held::by_process(daemon.id()).expect("it runs").into_keys().collect();
        moment = moment.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sleep(Duration::from_micros(u64::from(moment >> 8) % 700_000));
        let told = told(address);
        daemon.kill().and_then(|()| daemon.wait()).expect("our own child");
        let now = kept(folder.path());
        // At the moment it was asked all but the interval in progress was kept; another may have ended since.
        assert!(now.0 >= before.0 + told, "kill {kill}: {} of {told} intervals", now.0 - before.0);
        assert!(now.1 >= before.1, "kill {kill}: {before:?}, {now:?}");
        before = now;
        assert_nothing_left(&objects, &ours);
    }
    drop(load);
    println!("{kills} kills: {} intervals with {} returns are in the ring", before.0, before.1);
    assert!(before.0 > 0 && before.1 > 0);
}
