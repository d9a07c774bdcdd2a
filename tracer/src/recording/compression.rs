//! Compression of recordings: by name when written, by the first bytes when read.

use std::{
    io::{self, Cursor, Read, Write},
    path::Path,
};

use flate2::{read::MultiGzDecoder, write::GzEncoder};

/// How a recording is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// As a file's name says: `.gz`, `.zst`, or none.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::None,
        }
    }

    const fn magic(self) -> &'static [u8] {
        match self {
            Self::None => b"#[ex",
            Self::Gzip => &[0x1f, 0x8b],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        }
    }
}

/// A compressor whose flush reaches the reader: what was written before it can be read from a file cut after it.
pub enum Encoder<W: Write> {
    /// No compression.
    None(W),
    /// gzip.
    Gzip(GzEncoder<W>),
    /// Zstandard.
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// A compressor in front of a writer.
    pub fn new(to: W, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(to),
            Compression::Gzip => Self::Gzip(GzEncoder::new(to, flate2::Compression::default())),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(to, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    /// What it writes to.
    pub fn get_ref(&self) -> &W {
        match self {
            Self::None(to) => to,
            Self::Gzip(encoder) => encoder.get_ref(),
            Self::Zstd(encoder) => encoder.get_ref(),
        }
    }

    /// Writes the compressor's trailer, and flushes.
    pub fn finish(self) -> io::Result<W> {
        let mut to = match self {
            Self::None(to) => to,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        to.flush()?;
        Ok(to)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(to) => to.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(to) => to.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// An input after its first bytes were looked at.
pub(super) enum Opened<'a> {
    /// No byte at all.
    Empty,
    /// So few bytes that only their beginning can be compared: it fits.
    Cut,
    /// The decompressed bytes.
    Bytes(Compression, Box<dyn Read + 'a>),
}

/// Looks at the first bytes, and decompresses what follows them.
pub(super) fn open<'a>(mut from: impl Read + 'a) -> io::Result<Opened<'a>> {
    let mut first = Vec::new();
    from.by_ref().take(4).read_to_end(&mut first)?;
    if first.is_empty() {
        return Ok(Opened::Empty);
    }
    let kinds = [Compression::None, Compression::Gzip, Compression::Zstd];
    if first.len() < 4 && kinds.iter().any(|kind| kind.magic().starts_with(&first)) {
        return Ok(Opened::Cut);
    }
    let kind = kinds.into_iter().find(|kind| first.starts_with(kind.magic())).unwrap_or_default();
    let bytes = Cursor::new(first).chain(from);
    Ok(Opened::Bytes(
        kind,
        match kind {
            Compression::None => Box::new(bytes),
            Compression::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Compression::Zstd => Box::new(zstd::Decoder::new(bytes)?),
        },
    ))
}
