//! Recordings: what is written is read, whole, cut or damaged.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tracer_common::{Abi, Path, SeriesKey, SyscallId};

use super::{
    Compression, Reader, Recording, RecordingError, RecordingWriter, closing::series_tag, read, strategies,
};
use crate::{
    metadata::Metadata,
    report::fixture::{metadata, snapshot},
    snapshot::Snapshot,
};

const KINDS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

fn written(compression: Compression, metadata: &Metadata, intervals: &[Snapshot]) -> Vec<u8> {
    let mut writer = RecordingWriter::new(Vec::new(), compression, metadata).unwrap();
    for one in intervals {
        writer.interval(one).unwrap();
    }
    writer.finish().unwrap()
}

/// Three different intervals.
fn intervals() -> Vec<Snapshot> {
    let mut all = vec![snapshot(), Snapshot::default(), snapshot()];
    for (number, one) in all.iter_mut().enumerate() {
        one.start_ns = number as u64 * 1_000;
        one.duration_ns = 1_000;
    }
    all[2].series.retain(|key, _| key.path() == Path::Iret);
    all
}

fn text(intervals: &[Snapshot]) -> String {
    String::from_utf8(written(Compression::None, &metadata(), intervals)).unwrap()
}

fn error(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

proptest! {
    #[test]
    fn what_is_written_is_read((metadata, intervals) in strategies::recording(), kind in 0..3_usize) {
        let bytes = written(KINDS[kind], &metadata, &intervals);
        let expected = Recording { metadata, intervals, cut: None, unknown: BTreeSet::new() };
        prop_assert_eq!(read(&bytes[..]).unwrap(), expected);
    }

    #[test]
    fn damage_is_an_error_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        kind in 0..3_usize,
    ) {
        let mut bytes = written(KINDS[kind], &metadata(), &intervals());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Err(error) = read(&bytes[..]) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn noise_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes[..]).is_err());
    }
}

#[test]
fn a_file_cut_anywhere_reads_up_to_its_last_whole_interval() {
    let intervals = intervals();
    for kind in KINDS {
        let bytes = written(kind, &metadata(), &intervals);
        // Where each interval's flush ended: written up to there, so many are whole.
        let flushed: Vec<usize> = (0..=intervals.len())
            .map(|count| {
                let mut writer = RecordingWriter::new(Counted::default(), kind, &metadata()).unwrap();
                for one in &intervals[..count] {
                    writer.interval(one).unwrap();
                }
                writer.finish().unwrap().flushes[count]
            })
            .collect();
        for end in 0..bytes.len() {
            let whole = flushed.iter().rposition(|&flush| flush <= end);
            match (whole, read(&bytes[..end])) {
                (None, Err(RecordingError::Empty)) => assert_eq!(end, 0),
                (None, Err(RecordingError::CutInHead)) => assert!(end > 0),
                // Inside the two lines after the head, or compressed bytes that came out before their flush.
                (found, Ok(recording)) => {
                    let count = recording.intervals.len();
                    assert!(count >= found.unwrap_or(0), "{kind:?} {end}: {count} of {found:?}");
                    assert_eq!(recording.intervals, intervals[..count], "{kind:?} {end}");
                    let cut = recording.cut.expect("says that it was cut");
                    assert_eq!(cut.intervals, count as u64);
                }
                (whole, other) => panic!("{kind:?} cut at {end}, {whole:?}: {other:?}"),
            }
        }
        assert_eq!(read(&bytes[..]).unwrap().cut, None);
    }
}

/// Remembers where it was flushed.
#[derive(Default)]
struct Counted {
    length: usize,
    flushes: Vec<usize>,
}

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.length += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.flushes.push(self.length);
        Ok(())
    }
}

#[test]
fn other_files_are_refused() {
    assert!(error("").starts_with("it is empty"));
    for foreign in
        ["hello", "hello\n", "#[StartTime: 1.0 (seconds since epoch)]\n", "\u{7f}ELF\u{2}\u{1}", "#[exit"]
    {
        let found = read(foreign.as_bytes()).unwrap_err();
        match found {
            RecordingError::CutInHead => assert_eq!(foreign, "#[exit"),
            RecordingError::Foreign => {}
            other => panic!("{foreign}: {other}"),
        }
    }
    let newer = text(&[]).replacen("\"1.0\"", "\"2.0\"", 1);
    assert_eq!(
        error(&newer),
        "its format is version 2.0, newer than the 1.x this exitpath reads; use a newer exitpath"
    );
    let odd = text(&[]).replacen("\"1.0\"", "\"x\"", 1);
    assert!(error(&odd).contains("`x` is no format version"));
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut compressed, b"hello\n").unwrap();
    assert!(matches!(read(&compressed.finish().unwrap()[..]), Err(RecordingError::Foreign)));
}

#[test]
fn a_newer_minor_version_is_read_but_for_what_is_new() {
    let newer = text(&[snapshot()])
        .replacen("\"1.0\"", "\"1.7\",\"more\":[1]", 1)
        .replace("\"tid-collision\":4", "\"cosmic-ray\":4")
        .replacen("\n#[StartTime", "\n#[exitpath] {\"checkpoint\":{}}\n#[StartTime", 1);
    let recording = read(newer.as_bytes()).unwrap();
    assert_eq!(recording.unknown, BTreeSet::from(["cosmic-ray".to_owned()]));
    assert_eq!(recording.intervals[0].losses, [0; 7]);
    assert_eq!(recording.intervals[0].series, snapshot().series);
}

#[test]
fn damaged_lines_are_named() {
    let whole = text(&[snapshot()]);
    let cases = [
        (whole.replacen("HISTFA", "HI*TFA", 1), "its histogram is not base64"),
        (whole.replacen("HISTFA", "AISTFA", 1), "in no encoding of HdrHistogram V2"),
        (whole.replacen("\"binned\":500", "\"binned\":499", 1), "it says 499 values for x86_64.kill.iret"),
        (whole.replacen("Tag=x86_64.kill.iret", "Tag=x86_64.kill.eretu", 1), "is missing"),
        (whole.replacen("\"overflow\":1", "\"overflow\":7", 1), "more overflow than its last bucket"),
        (whole.replacen("\"returns\":500", "\"returns\":-5", 1), "its note is not readable"),
        (whole.replacen("\"nr\":62", "\"nr\":2000", 1), "has number 2000"),
        (whole.replacen("Tag=x86_64.kill.iret", "oops", 1), "neither a histogram nor a comment"),
        (whole.replacen("Tag=x86_64.kill.iret,", "", 1), "has no tag"),
        (
            whole.replacen("\"end\":{\"intervals\":1}", "\"end\":{\"intervals\":2}", 1),
            "it says 2 intervals, 1 came",
        ),
        (format!("{whole}{whole}"), "two files joined"),
        (whole.replacen("\"precision\":2", "\"precision\":1", 1), "other bounds or another precision"),
        (whole.replacen("\"precision\":2", "\"precision\":3", 1), "precision 3 is none"),
    ];
    for (text, why) in cases {
        assert_ne!(text, whole, "{why}");
        let error = error(&text);
        assert!(error.starts_with("line ") && error.contains(why), "{error}, not {why}");
        assert!(error.ends_with("restore the file from a copy, or record again"), "{error}");
    }
}

#[test]
fn a_line_without_end_is_refused_in_bounded_memory() {
    let mut open = text(&[]).into_bytes();
    // After the end line, and before it.
    let endless = std::io::Read::chain(&open[..], std::io::repeat(b'#'));
    assert!(error_of(endless).contains("two files joined"));
    open.truncate(open.len() - 40);
    let endless = std::io::Read::chain(&open[..], std::io::repeat(b'#'));
    assert!(error_of(endless).contains("it is too long"));
    assert!(matches!(read(std::io::repeat(0)), Err(RecordingError::Foreign)));
}

fn error_of(from: impl std::io::Read) -> String {
    read(from).unwrap_err().to_string()
}

#[test]
fn the_text_is_what_the_documents_say() {
    // The compressed bytes are the compressor's own business.
    let shown: Vec<_> = text(&[snapshot()])
        .lines()
        .map(|line| {
            line.split_once("HISTFA").map_or_else(|| line.to_owned(), |(head, _)| format!("{head}HISTFA..."))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn streaming_holds_one_interval_at_a_time() {
    let bytes = written(Compression::Zstd, &metadata(), &intervals());
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut count = 0;
    while let Some(one) = reader.interval().unwrap() {
        assert_eq!(one, intervals()[count]);
        count += 1;
    }
    assert_eq!((count, reader.cut()), (3, None));
}

#[test]
fn tags_are_unique_and_legal() {
    let mut seen = BTreeSet::new();
    for abi in Abi::ALL {
        for nr in 0..1024 {
            for path in Path::ALL {
                let tag = series_tag(SeriesKey::new(SyscallId { abi, nr }, path));
                assert!(!tag.contains([',', ' ', '\r', '\n']), "{tag}");
                assert!(seen.insert(tag.clone()), "{tag}");
            }
        }
    }
}
