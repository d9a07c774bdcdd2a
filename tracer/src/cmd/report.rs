//! `exitpath report`: the outputs of `record`, from recordings, without root.

use std::{
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use clap::Args;

use super::args::{OutputArgs, ViewArgs};
use crate::{
    environment::{self, Difference},
    error::CliError,
    metadata::Metadata,
    output::Format,
    recording::{Compression, Reader, RecordingError, RecordingWriter},
    report::Report,
    sink::Sink,
    snapshot::Snapshot,
};

/// Show what recordings hold
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Recordings (.hlog, .hlog.gz, .hlog.zst), added up; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show each interval too
    #[arg(long)]
    pub intervals: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub view: ViewArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub output: OutputArgs,
}

/// Runs the command.
pub fn run(args: &ReportArgs) -> Result<(), CliError> {
    args.output.check(&args.view, args.intervals)?;
    let mut sink = args.output.open()?;
    let mut inputs = Inputs::open(&args.files)?;
    let flow = match args.output.format {
        Format::Hlog => rewrite(args, &mut inputs, &mut sink)?,
        _ => show(args, &mut inputs, &mut sink)?,
    };
    match flow {
        ControlFlow::Continue(()) => sink.finish(),
        ControlFlow::Break(()) => Ok(()),
    }
}

/// Shows reports: of each interval if asked for, then of all.
fn show(args: &ReportArgs, inputs: &mut Inputs, sink: &mut Sink) -> Result<ControlFlow<()>, CliError> {
    let mut renderer = args.output.renderer(&args.view, sink, args.intervals);
    let (metadata, view) = (inputs.metadata.clone(), args.view.view());
    let mut whole = Snapshot::default();
    let mut number = 0;
    let flow = inputs.each(|snapshot| {
        whole.merge(&snapshot);
        number += 1;
        if !args.intervals {
            return Ok(ControlFlow::Continue(()));
        }
        let report = Report::new(&metadata, &snapshot, &view).of_interval(number);
        sink.put(|to| renderer.render(&report, to))
    })?;
    if flow.is_break() {
        return Ok(flow);
    }
    let report = Report::new(&metadata, &whole, &view);
    sink.put(|to| renderer.render(&report, to))
}

/// Writes the recordings as one: with `--intervals` all their intervals, else one of all.
fn rewrite(args: &ReportArgs, inputs: &mut Inputs, sink: &mut Sink) -> Result<ControlFlow<()>, CliError> {
    let compression = args.output.output.as_deref().map_or(Compression::None, Compression::of);
    let written = match RecordingWriter::new(&mut *sink, compression, &inputs.metadata) {
        Ok(writer) => copy(inputs, writer, args.intervals)?,
        Err(error) => Err(error),
    };
    sink.settle(written)
}

fn copy(
    inputs: &mut Inputs,
    mut writer: RecordingWriter<&mut Sink>,
    intervals: bool,
) -> Result<io::Result<()>, CliError> {
    let mut written = Ok(());
    let mut whole = Snapshot::default();
    let flow = inputs.each(|snapshot| {
        if intervals {
            written = writer.interval(&snapshot);
        } else {
            whole.merge(&snapshot);
        }
        Ok(if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if flow.is_continue() && !intervals {
        written = writer.interval(&whole);
    }
    Ok(written.and_then(|()| writer.finish().map(drop)))
}

/// The recordings, their heads read.
struct Inputs {
    readers: Vec<(String, Reader<'static>)>,
    /// The first one's: the others agree with it in all that adding up needs.
    metadata: Metadata,
}

impl Inputs {
    fn open(files: &[PathBuf]) -> Result<Self, CliError> {
        let mut readers = Vec::new();
        let mut first: Option<(String, Metadata)> = None;
        for file in files {
            let (name, reader) = open(file)?;
            match &first {
                Some((first, metadata)) => comparable(first, metadata, &name, reader.metadata())?,
                None => first = Some((name.clone(), reader.metadata().clone())),
            }
            readers.push((name, reader));
        }
        let (_, mut metadata) =
            first.ok_or_else(|| CliError::usage("cannot report", "no file is given", "give one"))?;
        if readers.len() > 1 {
            // A sum of runs is none of them.
            metadata.run = None;
        }
        Ok(Self { readers, metadata })
    }

    /// Hands over interval after interval, holding one at a time. What is wrong with a file, but not so wrong
    /// that it cannot be read, goes to standard error.
    fn each(
        &mut self,
        mut take: impl FnMut(Snapshot) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<ControlFlow<()>, CliError> {
        for (name, reader) in &mut self.readers {
            while let Some(snapshot) = reader.interval().map_err(|error| unreadable(name, &error))? {
                if take(snapshot)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if let Some(cut) = reader.cut() {
                eprintln!("exitpath: {name}: {cut}");
            }
            if !reader.unknown().is_empty() {
                let names: Vec<_> = reader.unknown().iter().take(8).map(String::as_str).collect();
                eprintln!(
                    "exitpath: {name}: left out what this version does not know: {}; use a newer exitpath",
                    names.join(", ").escape_debug()
                );
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn open(file: &Path) -> Result<(String, Reader<'static>), CliError> {
    let name = file.display().to_string();
    let from: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let opened = File::open(file).map_err(|error| {
            CliError::usage(
                &format!("cannot read {name}"),
                &error.to_string(),
                "give a recording that can be read",
            )
        })?;
        Box::new(opened)
    };
    let reader = Reader::new(from).map_err(|error| unreadable(&name, &error))?;
    Ok((name, reader))
}

fn unreadable(name: &str, error: &RecordingError) -> CliError {
    CliError::input(&format!("cannot read {name}"), error)
}

/// Whether two recordings may be added up: they must be of the same thing, seen in the same way.
fn comparable(first: &str, one: &Metadata, name: &str, other: &Metadata) -> Result<(), CliError> {
    let mut differs = environment::obstacles(one, other);
    let mut also = |what: &str, base: &str, new: &str| {
        let known = differs.iter().any(|known| known.what == what);
        differs.extend(Difference::between(what, Some(base), Some(new)).filter(|_| !known));
    };
    // A sum is of one kernel and of the very same processes; a comparison need not be.
    also("kernel release", &one.kernel.release, &other.kernel.release);
    also("frame", &one.kernel.frame, &other.kernel.frame);
    also("filters", &one.filters.join(" "), &other.filters.join(" "));
    if differs.is_empty() {
        return Ok(());
    }
    let differs: Vec<_> = differs.iter().map(ToString::to_string).collect();
    let why = format!("they differ in {}", differs.join("; "));
    Err(CliError::usage(&format!("cannot add up {first} and {name}"), &why, "report each on its own"))
}
