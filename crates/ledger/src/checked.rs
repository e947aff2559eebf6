//! Checksums over Parquet files of ours: of every block, and of the footer, so that a flipped bit
//! anywhere is named and never read.
//!
//! They stand in the footer, in the one field that Parquet keeps free for extensions and that other
//! readers skip (the checksum of a page leaves out page headers, page index and footer, and the
//! `parquet` crate writes none). Files of older versions have none, and are read as they are.
//!
//! ```text
//! field       binary, number 32767, of the footer's outermost struct; its last
//! sums        CRC-32C of each block of 4096 bytes before the footer, the last one shorter; 4 bytes each
//! begin       where the footer begins; 8 bytes
//! footer sum  CRC-32C from the footer's begin to here; 4 bytes
//! magic       16 bytes
//! ```

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, KeyValue};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that one checksum covers: what a read of less has to read.
const BLOCK_BYTES: usize = 4096;
/// Bytes at a file's end that are read first: they hold the footer of most.
const TAIL_BYTES: u64 = 64 << 10;
/// Behind the footer: its length, and Parquet's mark.
const END_BYTES: usize = 8;
const PARQUET: &[u8; 4] = b"PAR1";
const MAGIC: &[u8; 16] = b"tallyhouse-sums1";
/// Bytes of an extension behind its sums.
const FIXED_BYTES: usize = 8 + 4 + MAGIC.len();
/// The field that Parquet keeps free, of kind binary, in Thrift's compact protocol.
///
/// Source: apache/parquet-format, `BinaryProtocolExtensions.md`.
const FIELD: [u8; 4] = [0x08, 0xfe, 0xff, 0x03];
/// Ends a struct.
const STOP: u8 = 0;

/// Says in the footer that there are checksums, so that their mark cannot be lost unnoticed.
const PROMISE: &str = "tallyhouse.checksums";

/// What a file with checksums says of itself.
pub(crate) fn promise() -> KeyValue {
    KeyValue::new(PROMISE.to_owned(), "1".to_owned())
}

/// Takes a Parquet file as it is written, and adds the checksums.
pub(crate) struct CheckedWriter<W> {
    out: W,
    sums: Vec<u32>,
    /// Of the block under way.
    sum: u32,
    /// Bytes before the footer.
    covered: u64,
    /// The file's end, once it is held back.
    held: Option<Vec<u8>>,
}

impl<W: Write> CheckedWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, sums: Vec::new(), sum: 0, covered: 0, held: None }
    }

    /// Keeps what is written from here on, the footer in it.
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    fn cover(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - place(self.covered) % BLOCK_BYTES;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.sum = crc32c::crc32c_append(self.sum, now);
            self.covered += now.len() as u64;
            if now.len() == room {
                self.sums.push(std::mem::take(&mut self.sum));
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Writes what was held, with the checksums in the footer.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let held = self.held.take().unwrap_or_default();
        let begin = footer_begin(&held).ok_or_else(|| io::Error::other("no footer was held"))?;
        self.cover(&held[..begin])?;
        let mut sums = std::mem::take(&mut self.sums);
        if !self.covered.is_multiple_of(BLOCK_BYTES as u64) {
            sums.push(self.sum);
        }
        let footer = &held[begin..held.len() - END_BYTES];
        let footer = extended(footer, &sums, self.covered)
            .ok_or_else(|| io::Error::other("a footer of unknown form"))?;
        self.out.write_all(&footer)?;
        let length = u32::try_from(footer.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(PARQUET)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for CheckedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.held {
            Some(held) => held.extend_from_slice(bytes),
            None => self.cover(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The footer with the checksums as its last field.
fn extended(footer: &[u8], sums: &[u32], begin: u64) -> Option<Vec<u8>> {
    let (stop, fields) = footer.split_last()?;
    if *stop != STOP {
        return None;
    }
    let mut out = fields.to_vec();
    out.extend_from_slice(&FIELD);
    let mut length = sums.len() * 4 + FIXED_BYTES;
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("seven bits"));
    out.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
    out.extend_from_slice(&begin.to_le_bytes());
    let sum = crc32c::crc32c(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(MAGIC);
    out.push(STOP);
    Some(out)
}

/// Where the footer begins in bytes that end as a Parquet file does; none if they do not hold it.
fn footer_begin(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_suffix(PARQUET)?;
    let (rest, length) = rest.split_last_chunk::<4>()?;
    rest.len().checked_sub(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// A Parquet file of which every byte that is given out has been checked. Cheap to clone.
pub(crate) struct Checked<R>(Arc<Inner<R>>);

struct Inner<R> {
    file: R,
    end: End,
}

/// The end of a file, with its checksums. Cheap to clone.
#[derive(Clone)]
pub(crate) struct End {
    /// Of the file.
    length: u64,
    /// None in a file of an older version.
    sums: Option<Sums>,
}

impl End {
    /// Bytes of memory that it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.sums.as_ref().map_or(0, |sums| sums.footer.len())
    }
}

#[derive(Clone)]
struct Sums {
    /// Of the blocks before the footer, 4 bytes each.
    sums: Bytes,
    /// Where the footer begins.
    begin: u64,
    /// From there to the end of the file.
    footer: Bytes,
}

impl<R: ChunkReader> Checked<R> {
    /// Reads the file's end, and checks it.
    ///
    /// # Errors
    /// If the file cannot be read, is no Parquet file, or its footer is not what was written.
    pub(crate) fn open(file: R) -> Result<Self, ParquetError> {
        let length = file.len();
        let mut tail =
            file.get_bytes(length - length.min(TAIL_BYTES), place(length.min(TAIL_BYTES)))?;
        let Some((_, end)) = tail.split_last_chunk::<END_BYTES>() else {
            return Err(wrong("the file is cut short"));
        };
        if !end.ends_with(PARQUET) {
            return Err(wrong("the file does not end as a Parquet file does"));
        }
        let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let footer = footer + END_BYTES as u64;
        if footer > length {
            return Err(wrong("the footer is longer than the file"));
        }
        if footer > tail.len() as u64 {
            tail = file.get_bytes(length - footer, place(footer))?;
        }
        let footer = tail.slice(tail.len() - place(footer)..);
        let begin = length - footer.len() as u64;
        let sums = Sums::of(footer, begin)?;
        Ok(Self::with(file, End { length, sums }))
    }

    /// A file whose end is known.
    pub(crate) fn with(file: R, end: End) -> Self {
        Self(Arc::new(Inner { file, end }))
    }

    /// The file itself.
    pub(crate) fn inner(&self) -> &R {
        &self.0.file
    }

    /// The file's end.
    pub(crate) fn end(&self) -> End {
        self.0.end.clone()
    }

    /// Whether the file has checksums, where it says that it has some.
    pub(crate) fn keeps_its_word(&self, metadata: &FileMetaData) -> Result<(), ParquetError> {
        let said = metadata.key_value_metadata().into_iter().flatten();
        let is_due = said.into_iter().any(|said| said.key == PROMISE);
        if is_due && self.0.end.sums.is_none() {
            return Err(wrong("the file says that it has checksums, and has none"));
        }
        Ok(())
    }

    /// Whether there are checksums.
    pub(crate) fn has_sums(&self) -> bool {
        self.0.end.sums.is_some()
    }
}

impl Sums {
    /// The checksums of a footer, which is checked by its own.
    fn of(footer: Bytes, begin: u64) -> Result<Option<Self>, ParquetError> {
        let body = &footer[..footer.len() - END_BYTES];
        let Some((&STOP, body)) = body.split_last() else {
            return Err(wrong("the footer has no end"));
        };
        let Some(body) = body.strip_suffix(MAGIC) else { return Ok(None) };
        let Some((summed, sum)) = body.split_last_chunk::<4>() else {
            return Err(wrong("the footer is cut short"));
        };
        if crc32c::crc32c(summed).to_le_bytes() != *sum {
            return Err(wrong("the footer does not have its checksum"));
        }
        let blocks = place(begin.div_ceil(BLOCK_BYTES as u64));
        let stated = summed.split_last_chunk::<8>();
        let stated = stated.filter(|(_, stated)| u64::from_le_bytes(**stated) == begin);
        let sums =
            stated.and_then(|(rest, _)| Some(rest.len().checked_sub(blocks * 4)?..rest.len()));
        let sums = sums.ok_or_else(|| wrong("the footer is of another file"))?;
        let sums = footer.slice(sums);
        Ok(Some(Self { sums, begin, footer }))
    }

    /// Whether bytes from a block's begin on are what was written.
    fn check(&self, begin: u64, bytes: &[u8]) -> Result<(), ParquetError> {
        let first = place(begin) / BLOCK_BYTES;
        for (number, block) in bytes.chunks(BLOCK_BYTES).enumerate() {
            let at = (first + number) * 4;
            if self.sums.get(at..at + 4) != Some(&crc32c::crc32c(block).to_le_bytes()) {
                let from = begin + (number * BLOCK_BYTES) as u64;
                let to = from + block.len() as u64;
                return Err(wrong(&format!("bytes {from} to {to} do not have their checksum")));
            }
        }
        Ok(())
    }
}

impl<R: ChunkReader> Inner<R> {
    fn bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let Some(sums) = &self.end.sums else { return self.file.get_bytes(start, length) };
        let end = start.saturating_add(length as u64);
        if end > self.end.length {
            return Err(wrong(&format!("bytes {start} to {end} lie behind the file's end")));
        }
        if start >= sums.begin {
            let start = place(start - sums.begin);
            return Ok(sums.footer.slice(start..start + length));
        }
        let before = place(start) % BLOCK_BYTES;
        let begin = start - before as u64;
        let covered = end.next_multiple_of(BLOCK_BYTES as u64).min(sums.begin);
        let blocks = self.file.get_bytes(begin, place(covered - begin))?;
        sums.check(begin, &blocks)?;
        if end <= covered {
            return Ok(blocks.slice(before..before + length));
        }
        let rest = &sums.footer[..place(end - covered)];
        Ok(Bytes::from([&blocks[before..], rest].concat()))
    }
}

impl<R> Clone for Checked<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: ChunkReader> Length for Checked<R> {
    fn len(&self) -> u64 {
        self.0.end.length
    }
}

impl<R: ChunkReader> ChunkReader for Checked<R> {
    type T = CheckedRead<R>;

    fn get_read(&self, start: u64) -> Result<CheckedRead<R>, ParquetError> {
        Ok(CheckedRead { file: self.clone(), position: start, ready: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.0.bytes(start, length)
    }
}

/// A checked file from a place on.
pub(crate) struct CheckedRead<R> {
    file: Checked<R>,
    position: u64,
    /// Bytes that were read and not yet given out.
    ready: Bytes,
}

impl<R: ChunkReader> Read for CheckedRead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            let left = self.file.0.end.length.saturating_sub(self.position);
            let length = place(left.min(BLOCK_BYTES as u64));
            self.ready = self.file.0.bytes(self.position, length).map_err(io::Error::other)?;
            self.position += length as u64;
        }
        let length = out.len().min(self.ready.len());
        out[..length].copy_from_slice(&self.ready.split_to(length));
        Ok(length)
    }
}

/// A place in a file as one in memory.
fn place(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a place in a file fits the memory's addresses")
}

fn wrong(reason: &str) -> ParquetError {
    ParquetError::General(reason.to_owned())
}

#[cfg(test)]
mod tests;
