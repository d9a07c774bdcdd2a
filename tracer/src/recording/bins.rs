//! A distribution as the `HdrHistogram` V2 encoding, in base64, and back.
//!
//! Written with the `hdrhistogram` crate. Read by hand, because a file may be hostile: the crate's reader allocates
//! whatever length the file claims.

use std::{collections::BTreeMap, io};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Decompress, FlushDecompress, Status};
use tracer_common::hdr;

use crate::histogram::{Histogram, Precision, total};

/// `V2CompressedEncodingCookieBase` and `V2EncodingCookieBase` of `HdrHistogram`'s Java reference, with the
/// word size that V2 sets.
const COMPRESSED: u32 = 0x1c84_9304 | 0x10;
const PLAIN: u32 = 0x1c84_9303 | 0x10;
/// Bytes in front of the counts.
const HEADER: usize = 40;
/// The most bytes a count takes.
const VARINT: usize = 9;

/// The distribution for the `hdrhistogram` crate. What is above the range goes to the last bucket.
pub(crate) fn to_hdr(histogram: &Histogram) -> io::Result<hdrhistogram::Histogram<u64>> {
    let precision = histogram.precision;
    let mut hdr = hdrhistogram::Histogram::new_with_bounds(1, hdr::MAX_VALUE, precision.digits())
        .map_err(io::Error::other)?;
    for (&cell, &count) in &histogram.cells {
        let value = precision.lowest(usize::from(cell)).min(hdr::MAX_VALUE);
        hdr.record_n(value, count).map_err(io::Error::other)?;
    }
    Ok(hdr)
}

/// Decodes distributions. Its memory is kept from one to the next: a recording has many thousands of them.
pub(super) struct Decoder {
    zlib: Decompress,
    bytes: Vec<u8>,
    plain: Vec<u8>,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { zlib: Decompress::new(true), bytes: Vec::new(), plain: Vec::new() }
    }

    /// The cells of an encoded distribution, or what is wrong with it. `overflow` of the values in the last bucket
    /// are above the range.
    pub(super) fn decode(
        &mut self,
        text: &str,
        precision: Precision,
        overflow: u64,
    ) -> Result<BTreeMap<u16, u64>, String> {
        self.bytes.clear();
        STANDARD
            .decode_vec(text, &mut self.bytes)
            .map_err(|error| format!("its histogram is not base64 ({error})"))?;
        let mut cells = counts(self.inflate(precision)?, precision)?;
        if overflow > 0 {
            let last = precision.cells() as u16 - 1;
            let held = cells.remove(&last).unwrap_or(0);
            let Some(rest) = held.checked_sub(overflow) else {
                return Err("its closing line says more overflow than its last bucket holds".to_owned());
            };
            if rest > 0 {
                cells.insert(last, rest);
            }
            cells.insert(last + 1, overflow);
        }
        Ok(cells)
    }

    /// Never more than a distribution can be, whatever the stream says of itself.
    fn inflate(&mut self, precision: Precision) -> Result<&[u8], String> {
        let cookie = word(&self.bytes, 0);
        if cookie == Some(PLAIN) {
            return Ok(&self.bytes);
        }
        if cookie != Some(COMPRESSED) {
            return Err("its histogram is in no encoding of HdrHistogram V2".to_owned());
        }
        let most = HEADER + VARINT * precision.cells();
        self.plain.clear();
        self.plain.reserve(most + 1);
        self.zlib.reset(true);
        let stream = self.bytes.get(8..).unwrap_or_default();
        let outcome = self.zlib.decompress_vec(stream, &mut self.plain, FlushDecompress::Finish);
        if self.plain.len() > most {
            return Err("its histogram has more buckets than there are".to_owned());
        }
        match outcome {
            Ok(Status::StreamEnd) => Ok(&self.plain),
            Ok(_) => Err("its histogram cannot be decompressed (it ends early)".to_owned()),
            Err(error) => Err(format!("its histogram cannot be decompressed ({error})")),
        }
    }
}

/// How many values are in cells.
pub(super) fn binned(cells: &BTreeMap<u16, u64>) -> u64 {
    total(cells.values().copied())
}

fn counts(plain: &[u8], precision: Precision) -> Result<BTreeMap<u16, u64>, String> {
    let header = (word(plain, 0), word(plain, 8), word(plain, 12), long(plain, 16), long(plain, 24));
    let expected = (Some(PLAIN), Some(0), Some(u32::from(precision.digits())), Some(1), Some(hdr::MAX_VALUE));
    if header != expected {
        return Err("its histogram has other bounds or another precision than the recording".to_owned());
    }
    let length = word(plain, 4).unwrap_or(0) as usize;
    let Some(mut rest) = plain.get(HEADER..).filter(|rest| rest.len() == length) else {
        return Err("its histogram is shorter or longer than it says".to_owned());
    };
    // In order, so that the map is built in one go.
    let mut cells = Vec::with_capacity(rest.len());
    let mut cell = 0_u64;
    while !rest.is_empty() {
        let number = varint(&mut rest).ok_or("its histogram ends inside a count")?;
        // Zig-zag: even numbers are counts, odd ones a run of empty buckets.
        let half = number >> 1;
        if number & 1 == 1 {
            cell = cell.saturating_add(half).saturating_add(1);
            continue;
        }
        if half > 0 {
            if cell >= precision.cells() as u64 {
                return Err("its histogram has more buckets than there are".to_owned());
            }
            cells.push((cell as u16, half));
        }
        cell = cell.saturating_add(1);
    }
    Ok(cells.into_iter().collect())
}

/// LEB128-64b9B: seven bits a byte, the lowest first; the ninth byte is taken whole.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for position in 0..VARINT {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        let last = position == VARINT - 1;
        let bits = if last { byte } else { byte & 0x7f };
        value |= u64::from(bits) << (7 * position);
        if last || byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
