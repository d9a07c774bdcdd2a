//! Rings written, cut, filled and read again.

use super::*;
use crate::{
    recording::{Reader, RecordingError},
    report::fixture,
};

const SECOND: u64 = 1_000_000_000;

fn limits(total: u64) -> Limits {
    Limits { total, segment_bytes: 1 << 20, segment_time: Duration::from_mins(1) }
}

fn at(seconds: u64) -> SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
}

/// The interval that ends after so many seconds of tracing.
fn interval(seconds: u64) -> Snapshot {
    Snapshot { start_ns: (seconds - 10) * SECOND, duration_ns: 10 * SECOND, ..fixture::snapshot() }
}

fn fill(ring: &mut Ring, from: u64, to: u64) {
    for seconds in (from..to).step_by(10) {
        ring.keep(&fixture::metadata(), &interval(seconds + 10), at(seconds + 10)).unwrap();
    }
}

/// When each whole interval of a folder began, in seconds after the first possible one.
fn began(folder: &Path, window: &Window) -> Vec<u64> {
    let mut all = Vec::new();
    for path in segments(folder, window).unwrap() {
        let mut reader = match Reader::new(fs::File::open(path).unwrap()) {
            Err(RecordingError::Empty | RecordingError::CutInHead) => continue,
            reader => reader.unwrap(),
        };
        while let Some(one) = reader.interval().unwrap() {
            if window.holds(reader.metadata(), &one) {
                let began = reader.metadata().started_at + one.start_ns as f64 / 1e9;
                all.push((began - 1_790_000_000.0).round() as u64);
            }
        }
    }
    all
}

#[test]
fn a_ring_is_read_by_time_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(folder.path(), limits(1 << 30)).unwrap();
    fill(&mut ring, 0, 150);
    assert_eq!(ring.segments(), 3, "a new segment a minute");
    assert_eq!(began(folder.path(), &Window::default()), (0..150).step_by(10).collect::<Vec<_>>());
    let (from, to) = (Some(1_790_000_040.0), Some(1_790_000_080.0));
    assert_eq!(began(folder.path(), &Window { from, to }), [40, 50, 60, 70]);
    drop(ring);
    // Another process goes on behind it.
    let left = folder.path().join("00000004-20260921T141320Z.hlog.unfinished");
    fs::write(&left, "").unwrap();
    let mut ring = Ring::open(folder.path(), limits(1 << 30)).unwrap();
    ring.keep(&fixture::metadata(), &interval(10), at(200)).unwrap();
    ring.finish().unwrap();
    assert!(!left.exists());
    assert_eq!(began(folder.path(), &Window::default()).last(), Some(&190));
    assert_eq!(names(folder.path()).unwrap().last().unwrap().number, 4);
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(folder.path(), limits(40_000)).unwrap();
    let mut largest = 0;
    for seconds in (0..3_000).step_by(10) {
        fill(&mut ring, seconds, seconds + 10);
        let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        largest = largest.max(files.sum::<u64>());
    }
    assert!(largest <= 40_000 && largest > 25_000, "{largest}");
    let kept = began(folder.path(), &Window::default());
    assert_eq!(kept.last(), Some(&2_990));
    assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + 10), "{kept:?}");
}

#[test]
fn a_clock_that_is_set_begins_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(folder.path(), limits(1 << 30)).unwrap();
    fill(&mut ring, 0, 20);
    // An hour back, then a night's sleep.
    ring.keep(&fixture::metadata(), &interval(30), at(100_000)).unwrap();
    ring.keep(&fixture::metadata(), &interval(40), at(5_000)).unwrap();
    assert_eq!(began(folder.path(), &Window::default()), [0, 10, 99_990, 4_990]);
    let other = Metadata { sample: 16, ..fixture::metadata() };
    ring.keep(&other, &interval(50), at(5_010)).unwrap();
    assert_eq!(ring.segments(), 4, "other settings, another segment");
}

#[test]
fn a_segment_cut_at_any_byte_loses_at_most_the_last_interval() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(folder.path(), limits(1 << 30)).unwrap();
    let mut ends = Vec::new();
    for seconds in [0, 10, 20] {
        fill(&mut ring, seconds, seconds + 10);
        ends.push(ring.bytes());
    }
    let path = folder.path().join(names(folder.path()).unwrap()[0].to_string());
    let bytes = fs::read(path).unwrap();
    for cut in (0..bytes.len()).step_by(13) {
        let whole = ends.iter().filter(|&&end| end <= cut as u64).count();
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join("00000001-x.hlog.zst"), &bytes[..cut]).unwrap();
        let read = began(copy.path(), &Window::default()).len();
        assert!(read >= whole && read <= whole + 1, "cut at {cut}: {read} of {whole}");
    }
}

#[test]
fn what_a_full_disk_does_not_take_is_counted_and_the_next_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(folder.path(), limits(1 << 30)).unwrap();
    fill(&mut ring, 0, 20);
    let path = folder.path().to_owned();
    ring.finish().unwrap();
    // What stands where the folder was cannot take a segment.
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, "").unwrap();
    assert!(ring.keep(&fixture::metadata(), &interval(30), at(30)).is_err());
    assert_eq!(ring.unkept(), Unkept { intervals: 1, returns: fixture::snapshot().returns() });
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    fill(&mut ring, 30, 50);
    assert_eq!(began(&path, &Window::default()), [0, 10, 30, 40]);
    assert_eq!(ring.unkept().intervals, 1);
}

#[test]
fn a_ring_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let held = Lock::take(folder.path()).unwrap();
    assert!(held.is_some());
    let refused = Lock::take(folder.path()).unwrap_err().to_string();
    assert!(refused.contains(&format!("process {} (", std::process::id())), "{refused}");
    drop(held);
    assert!(Lock::take(folder.path()).unwrap().is_some());
}

#[test]
fn other_files_are_not_segments() {
    for name in [
        "lock",
        "1-x.hlog.zst",
        "00000001-.hlog.zst",
        "00000001-x.hlog",
        "0000000x-y.hlog.zst",
        "00000001-../x.hlog.zst",
    ] {
        assert!(name.parse::<Name>().is_err(), "{name}");
    }
    let name = Name::new(42, at(0));
    assert_eq!(name.to_string(), "00000042-20260921T141320Z.hlog.zst");
    assert_eq!(name.to_string().parse(), Ok(name));
}

#[test]
fn a_folder_is_synced_once_for_each_new_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(folder.path(), limits(1 << 30)).unwrap();
    let unsynced = |ring: &mut Ring, from| {
        fill(ring, from, from + 10);
        ring.unsynced().unwrap().len()
    };
    assert_eq!([0, 10, 20, 30, 40, 50].map(|from| unsynced(&mut ring, from)), [2, 1, 1, 1, 1, 1]);
    assert_eq!([60, 70].map(|from| unsynced(&mut ring, from)), [2, 1]);
    ring.finish().unwrap();
    assert!(ring.unsynced().unwrap().is_empty(), "its end is synced by itself");
}
