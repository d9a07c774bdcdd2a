//! A recording of the last seconds: from the ring where there is one, else from memory.

use std::{
    cell::RefCell,
    fs::File,
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    daemon::core::Core,
    metadata::Metadata,
    recording::{Compression, Reader, RecordingWriter},
    ring::{self, Window},
    snapshot::Snapshot,
};

/// The largest recording that is handed out, in bytes; `exitpath report RING` has no such bound.
const MOST: usize = 32 << 20;

/// The recording, compressed, or why there is none.
pub(super) async fn recording(core: &RefCell<Core>, seconds: f64) -> Result<Vec<u8>, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let (metadata, folder) = {
        let core = core.borrow();
        (core.metadata().clone(), core.options().ring.clone())
    };
    let Some(folder) = folder else {
        let core = core.borrow();
        let kept: Vec<_> = core.recent().within(seconds).collect();
        return written(&metadata, now, kept).map_err(|error| error.to_string());
    };
    let window = Window { from: Some(now - seconds), to: None };
    // Disks may be slow, and the loop has a thread of its own to lose.
    let read = tokio::task::spawn_blocking(move || from_ring(&folder, &metadata, &window));
    read.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn written(metadata: &Metadata, now: f64, intervals: Vec<Snapshot>) -> io::Result<Vec<u8>> {
    let length: u64 = intervals.iter().map(|one| one.duration_ns).sum();
    let first = intervals.first().map_or(0, |one| one.start_ns);
    let metadata = Metadata { started_at: now - length as f64 / 1e9, ..metadata.clone() };
    let mut writer = RecordingWriter::new(Vec::new(), Compression::Zstd, &metadata)?;
    for one in intervals {
        writer.interval(&Snapshot { start_ns: one.start_ns.saturating_sub(first), ..one })?;
    }
    writer.finish()
}

/// The intervals of all segments that were recorded as it is done now.
fn from_ring(folder: &Path, metadata: &Metadata, window: &Window) -> io::Result<Vec<u8>> {
    let mut writer: Option<(f64, RecordingWriter<Vec<u8>>)> = None;
    for path in ring::segments(folder, window)? {
        // Gone, or without a head yet.
        let Some(mut reader) = File::open(path).ok().and_then(|file| Reader::new(file).ok()) else {
            continue;
        };
        let head = reader.metadata().clone();
        let timeless = Metadata { started_at: metadata.started_at, ..head.clone() };
        if timeless != *metadata {
            continue;
        }
        while let Ok(Some(one)) = reader.interval() {
            if !window.holds(&head, &one) {
                continue;
            }
            let began = head.started_at + one.start_ns as f64 / 1e9;
            if writer.is_none() {
                let head = Metadata { started_at: began, ..head.clone() };
                writer = Some((began, RecordingWriter::new(Vec::new(), Compression::Zstd, &head)?));
            }
            let Some((started, to)) = &mut writer else { continue };
            let start_ns = ((began - *started).max(0.0) * 1e9) as u64;
            to.interval(&Snapshot { start_ns, ..one })?;
            if to.get_ref().len() > MOST {
                return Err(io::Error::other(
                    "this is more than is handed out at once: ask for fewer seconds",
                ));
            }
        }
    }
    match writer {
        Some((_, writer)) => writer.finish(),
        None => Err(io::Error::other("no interval is kept yet")),
    }
}
