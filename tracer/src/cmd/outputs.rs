//! What `exitpath record` writes: the recording, interval by interval, and the result.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::args::{OutputArgs, ViewArgs};
use crate::{
    error::CliError,
    metadata::Metadata,
    output::{Format, Renderer},
    recording::{Compression, RecordingWriter},
    report::{Report, View},
    sink::{self, Sink},
    snapshot::Snapshot,
};

/// Everything that results go to, opened before tracing.
pub struct Outputs {
    result: Option<Shown>,
    recordings: Vec<Recording>,
    view: View,
}

struct Shown {
    sink: Sink,
    renderer: Renderer,
    open: bool,
}

struct Recording {
    name: String,
    compression: Compression,
    state: State,
}

enum State {
    Opened(Sink),
    Writing(Box<RecordingWriter<Sink>>),
    /// Its reader went away.
    Abandoned,
}

impl Outputs {
    /// Opens all files: a bad path fails before anything is attached.
    pub fn open(
        recording: Option<&Path>,
        output: &OutputArgs,
        view: &ViewArgs,
        intervals: bool,
    ) -> Result<Self, CliError> {
        output.check(view, intervals)?;
        let mut recordings = Vec::new();
        if let Some(path) = recording {
            recordings.push(Recording::open(Some(path))?);
        }
        let result = if output.format == Format::Hlog {
            // The recording is the result.
            recordings.push(Recording::open(output.output.as_deref())?);
            None
        } else {
            let sink = output.open()?;
            let renderer = output.renderer(view, &sink, intervals);
            Some(Shown { sink, renderer, open: true })
        };
        Ok(Self { result, recordings, view: view.view() })
    }

    /// One recording and nothing else, which gets its name only once it is finished; or not even that.
    pub fn recording(path: Option<&Path>) -> Result<Self, CliError> {
        let sink = path.map(|path| Sink::open(Some(path))).transpose()?;
        let recordings = sink.map(|sink| Recording::new(sink, path)).into_iter().collect();
        Ok(Self { result: None, recordings, view: View::default() })
    }

    /// Whether a result is shown.
    #[must_use]
    pub const fn shows(&self) -> bool {
        self.result.is_some()
    }

    /// The view of reports.
    #[must_use]
    pub const fn view(&self) -> View {
        self.view
    }

    /// Writes the heads of recordings.
    pub fn begin(&mut self, metadata: &Metadata) -> Result<(), CliError> {
        self.recordings.iter_mut().try_for_each(|one| one.begin(metadata))
    }

    /// Writes an interval to the recordings.
    pub fn interval(&mut self, snapshot: &Snapshot) -> Result<(), CliError> {
        self.recordings.iter_mut().try_for_each(|one| one.interval(snapshot))
    }

    /// Writes a report to the result.
    pub fn show(&mut self, report: &Report) -> Result<(), CliError> {
        let Some(Shown { sink, renderer, open }) = &mut self.result else { return Ok(()) };
        if *open {
            *open = sink.put(|to| renderer.render(report, to))?.is_continue();
        }
        Ok(())
    }

    /// The width of the terminal that the result goes to, if it is one.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.result.as_ref()?.sink.width()
    }

    /// Writes what is no report to the result.
    pub fn put(&mut self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<(), CliError> {
        let Some(Shown { sink, open, .. }) = &mut self.result else { return Ok(()) };
        if *open {
            *open = sink.put(write)?.is_continue();
        }
        Ok(())
    }

    /// Ends all files.
    pub fn finish(self) -> Result<(), CliError> {
        for one in self.recordings {
            if let State::Writing(writer) = one.state {
                match writer.finish() {
                    Ok(sink) => sink.finish()?,
                    Err(error) => drop(settled::<()>(&one.name, Err(error))?),
                }
            }
        }
        match self.result {
            Some(Shown { sink, open: true, .. }) => sink.finish(),
            _ => Ok(()),
        }
    }

    /// Folders in which a file gets its name at the end.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.result.iter().filter_map(|shown| shown.sink.folder())
    }

    /// Whether nobody reads any more.
    #[must_use]
    pub fn abandoned(&self) -> bool {
        let any = self.result.is_some() || !self.recordings.is_empty();
        any && self.recordings.iter().all(|one| matches!(one.state, State::Abandoned))
            && self.result.as_ref().is_none_or(|result| !result.open)
    }
}

impl Recording {
    /// A file, readable while it grows, or standard output.
    fn open(path: Option<&Path>) -> Result<Self, CliError> {
        Ok(Self::new(path.map_or_else(|| Ok(Sink::stdout()), Sink::stream)?, path))
    }

    fn new(sink: Sink, path: Option<&Path>) -> Self {
        let compression = path.map_or(Compression::None, Compression::of);
        let name = path.map_or_else(|| PathBuf::from("standard output"), Path::to_path_buf);
        Self { name: name.display().to_string(), compression, state: State::Opened(sink) }
    }

    fn begin(&mut self, metadata: &Metadata) -> Result<(), CliError> {
        if let State::Opened(sink) = std::mem::replace(&mut self.state, State::Abandoned) {
            let writer = RecordingWriter::new(sink, self.compression, metadata);
            if let Some(writer) = settled(&self.name, writer)? {
                self.state = State::Writing(Box::new(writer));
            }
        }
        Ok(())
    }

    fn interval(&mut self, snapshot: &Snapshot) -> Result<(), CliError> {
        if let State::Writing(writer) = &mut self.state
            && settled(&self.name, writer.interval(snapshot))?.is_none()
        {
            self.state = State::Abandoned;
        }
        Ok(())
    }
}

/// `None` when the reader went away, which is no error.
fn settled<T>(name: &str, result: io::Result<T>) -> Result<Option<T>, CliError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match sink::settle(name, Err(error))? {
            ControlFlow::Break(()) | ControlFlow::Continue(()) => Ok(None),
        },
    }
}
