//! `exitpath report`: the outputs of `record`, from recordings, without root.

use std::{io, ops::ControlFlow, path::PathBuf};

use clap::Args;

use super::{
    args::{OutputArgs, ViewArgs},
    inputs::{Inputs, TimeArgs, time::now},
};
use crate::{
    error::CliError,
    output::Format,
    recording::{Compression, RecordingWriter},
    report::Report,
    sink::Sink,
    snapshot::Snapshot,
};

/// Show what recordings hold
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Recordings (.hlog, .hlog.gz, .hlog.zst) and rings of a daemon (folders), added up; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show each interval too
    #[arg(long)]
    pub intervals: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub time: TimeArgs,
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
    let window = args.time.window(now())?;
    let mut sink = args.output.open()?;
    let mut inputs = Inputs::open(&args.files, window)?;
    let flow = match args.output.format {
        Format::Hlog => rewrite(args, &mut inputs, &mut sink),
        _ => show(args, &mut inputs, &mut sink),
    };
    for note in inputs.notes() {
        eprintln!("exitpath: {note}");
    }
    match flow? {
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
