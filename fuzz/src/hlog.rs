//! What must hold for any bytes that are read as a recording.

use tracer::{
    diff::{Gather, Options, compare},
    output::{self, Format, Renderer, table},
    recording::{Compression, Encoder, Recording, RecordingWriter, read},
    report::{Report, View},
    snapshot::Snapshot,
};

/// The first byte says how the rest is wrapped, so that mutation reaches what is behind a checksum.
///
/// # Panics
///
/// Where something that must hold does not: that is what fuzzing looks for.
pub fn body(bytes: &[u8]) {
    let Some((&wrapping, bytes)) = bytes.split_first() else { return };
    let plain = read(bytes);
    let compression = match wrapping % 4 {
        1 => Compression::Gzip,
        2 => Compression::Zstd,
        _ => Compression::None,
    };
    // The reader takes what is not compressed by its first bytes: only what begins as a recording is wrapped.
    if compression != Compression::None && bytes.starts_with(b"#[ex") {
        let mut encoder = Encoder::new(Vec::new(), compression).expect("memory can be written");
        std::io::Write::write_all(&mut encoder, bytes).expect("memory can be written");
        let wrapped = read(&*encoder.finish().expect("memory can be written"));
        assert_eq!(plain.is_ok(), wrapped.is_ok(), "{:?} {:?}", plain.err(), wrapped.err());
    } else if let Ok(recording) = plain {
        again(&recording);
        shown(&recording);
        compared(&recording);
    }
}

/// What was read can be written, and reads as the same.
fn again(recording: &Recording) {
    let mut writer = RecordingWriter::new(Vec::new(), Compression::None, &recording.metadata)
        .expect("what was read can be written");
    let mut all = Ok(());
    for snapshot in &recording.intervals {
        all = all.and_then(|()| writer.interval(snapshot));
    }
    // Counts beyond what an HDR line can say are refused when writing; nothing else is.
    let Ok(()) = all else { return };
    let Ok(bytes) = writer.finish() else { return };
    let second = read(&*bytes).expect("what was written reads");
    assert_eq!(second.intervals, recording.intervals);
}

/// Every format shows it.
fn shown(recording: &Recording) {
    let mut whole = Snapshot::default();
    for snapshot in &recording.intervals {
        whole.merge(snapshot);
    }
    let report = Report::new(&recording.metadata, &whole, &View::default());
    let formats = [Format::Table, Format::Json, Format::Csv, Format::OpenMetrics, Format::Html, Format::Hgrm];
    for format in formats {
        let mut renderer = Renderer::new(format, table::Options::default(), false);
        renderer.render(&report, &mut Vec::new()).expect("memory can be written");
    }
}

/// Every second interval against the others: what a file says, all the way to a page.
fn compared(recording: &Recording) {
    let side = |first: usize| {
        let mut gather = Gather::new(first.to_string(), recording.metadata.clone());
        recording.intervals.iter().skip(first).step_by(2).for_each(|snapshot| gather.take(snapshot));
        gather.finish(Vec::new())
    };
    let options = Options { resamples: 20, curves: true, ..Options::default() };
    let Ok(comparison) = compare(&[side(0)], &[side(1)], &options, &|_| {}) else { return };
    let layout = output::diff::Options::default();
    for format in [output::diff::Format::Lkml, output::diff::Format::Json, output::diff::Format::Html] {
        output::diff::write(format, &comparison, &layout, &mut Vec::new()).expect("memory can be written");
    }
}
