//! From a request's body to blocks of rows. A task takes the body off the connection, a thread splits
//! it; between them a few pieces wait, so that a client sends no faster than rows are stored.

use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use wire::usage::{RowBytes, Rows, RowsError};

use crate::limits;

/// A piece of the body; why it was cut short, where it was.
pub(super) type Piece = Result<Bytes, Cut>;

/// Why a body did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The client sends no more.
    Interrupted,
    /// The client sends too slowly.
    Slow,
}

/// Takes a body off the connection, to its end, as long as it brings enough `within` a time. What nobody
/// takes any more is thrown away for a while, so that a client that writes before it reads gets its
/// answer.
pub(super) async fn pump(mut body: Body, pieces: mpsc::Sender<Piece>, within: Duration) {
    let mut pace = Pace::new(within);
    loop {
        let piece = match pace.wait(body.frame()).await {
            Ok(None) => return,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => data,
                Err(_) => continue, // trailers
            },
            Ok(Some(Err(_))) => return cut(&pieces, Cut::Interrupted).await,
            Err(cut_short) => return cut(&pieces, cut_short).await,
        };
        pace.brought(piece.len());
        if pieces.send(Ok(piece)).await.is_err() {
            break;
        }
    }
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(limits::BODY_READ, rest).await; // its end is as good
}

async fn cut(pieces: &mpsc::Sender<Piece>, cut: Cut) {
    let _ = pieces.send(Err(cut)).await; // nobody takes its rows any more
}

/// How much a body brings while it is waited for. Waiting for others is not the client's.
struct Pace {
    within: Duration,
    /// What is left of that time.
    left: Duration,
    bytes: usize,
}

impl Pace {
    fn new(within: Duration) -> Self {
        Self { within, left: within, bytes: 0 }
    }

    /// Waits for the body as long as there is time left; what is there already is taken in any case.
    async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Cut> {
        let begun = Instant::now();
        let next = tokio::time::timeout(self.left, next).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        next.map_err(|_| Cut::Slow)
    }

    /// Counts what it brought; with enough of it the time begins anew.
    fn brought(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= limits::IMPORT_READ_BYTES {
            *self = Self::new(self.within);
        }
    }
}

/// Some rows that follow each other.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Position of the first row in the body.
    pub(super) first: u64,
    bytes: Vec<u8>,
    rows: Vec<Place>,
}

/// Where in its block's bytes a row ends, and why it cannot be read if it cannot.
#[derive(Debug)]
struct Place {
    end: usize,
    unreadable: Option<&'static str>,
}

impl Block {
    /// A block from a position on.
    fn from(first: u64) -> Self {
        let bytes = Vec::with_capacity(limits::IMPORT_BLOCK_BYTES);
        Self { first, bytes, rows: Vec::new() }
    }

    /// Its rows: the bytes of each, or why it cannot be read.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<&[u8], &'static str>> {
        let mut begin = 0;
        self.rows.iter().map(move |row| {
            let bytes = &self.bytes[begin..row.end];
            begin = row.end;
            row.unreadable.map_or(Ok(bytes), Err)
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= limits::IMPORT_BLOCK_BYTES
            || self.rows.len() >= limits::IMPORT_BLOCK_ROWS
    }
}

/// How the body ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was read to its end; a last page may name a further one.
    Whole { is_continued: bool },
    /// Its form is broken from a place on.
    Broken(RowsError),
    /// It did not come to its end.
    Cut(Cut),
    /// Nobody takes its rows any more.
    Stopped,
}

/// Splits a body into blocks of rows. Blocks its thread.
pub(super) fn split(pieces: mpsc::Receiver<Piece>, blocks: &mpsc::Sender<Block>) -> End {
    let reader = Reader { pieces, piece: Bytes::new() };
    let mut block = Block::from(0);
    let end = fill(reader, &mut block, blocks);
    // The rows before the place where it breaks off are as good as any.
    if block.len() > 0 && blocks.blocking_send(block).is_err() {
        return End::Stopped;
    }
    match end {
        Ok(end) => end,
        Err(RowsError::Read(error)) if error.kind() == io::ErrorKind::TimedOut => {
            End::Cut(Cut::Slow)
        }
        Err(RowsError::Read(_)) => End::Cut(Cut::Interrupted),
        Err(form @ RowsError::Form { .. }) => End::Broken(form),
    }
}

fn fill(reader: Reader, block: &mut Block, blocks: &mpsc::Sender<Block>) -> Result<End, RowsError> {
    let mut rows = Rows::new(reader)?;
    while let Some(row) = rows.next_into(&mut block.bytes)? {
        let unreadable = match row {
            RowBytes::Added => None,
            RowBytes::Unreadable(reason) => Some(reason),
        };
        block.rows.push(Place { end: block.bytes.len(), unreadable });
        if block.is_full() {
            let next = Block::from(block.first + block.len() as u64);
            if blocks.blocking_send(std::mem::replace(block, next)).is_err() {
                block.rows.clear();
                return Ok(End::Stopped);
            }
        }
    }
    Ok(End::Whole { is_continued: rows.is_continued() })
}

/// The pieces as one reader, which waits for them.
struct Reader {
    pieces: mpsc::Receiver<Piece>,
    piece: Bytes,
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(Cut::Interrupted)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(Err(Cut::Slow)) => return Err(io::ErrorKind::TimedOut.into()),
                None => break,
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, length: usize) {
        self.piece.advance(length);
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_begins_anew_with_enough_bytes_alone() {
        let (within, left) = (Duration::from_secs(300), Duration::from_secs(7));
        let mut pace = Pace { within, left, bytes: 0 };
        pace.brought(limits::IMPORT_READ_BYTES - 1);
        assert_eq!(pace.left, left);
        pace.brought(1);
        assert_eq!((pace.left, pace.bytes), (within, 0));
    }
}
