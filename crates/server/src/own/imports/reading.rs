//! From a request's body to blocks of rows. A task takes the body off the connection, a thread splits
//! it; between them a few pieces wait, so that a client sends no faster than rows are stored.

use std::io::{self, BufRead, Read};

use axum::body::Body;
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use wire::usage::{RowBytes, Rows, RowsError};

use crate::limits;

/// A piece of the body; an error where it breaks off.
pub(super) type Piece = Result<Bytes, Interrupted>;

/// The body did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interrupted;

/// Takes a body off the connection, to its end. What nobody takes any more is thrown away for a while,
/// so that a client that writes before it reads gets its answer.
pub(super) async fn pump(mut body: Body, pieces: mpsc::Sender<Piece>) {
    loop {
        let piece = match tokio::time::timeout(limits::IMPORT_READ, body.frame()).await {
            Ok(None) => return,
            Ok(Some(Ok(frame))) => frame.into_data().map_err(|_| None),
            Ok(Some(Err(_))) | Err(_) => Err(Some(Interrupted)),
        };
        let (sent, ends) = match piece {
            Ok(data) => (pieces.send(Ok(data)).await, false),
            Err(Some(interrupted)) => (pieces.send(Err(interrupted)).await, true),
            Err(None) => continue, // trailers
        };
        match (sent, ends) {
            (_, true) => return,
            (Ok(()), false) => {}
            (Err(_), false) => break,
        }
    }
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(limits::BODY_READ, rest).await; // its end is as good
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
    Interrupted,
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
        Err(RowsError::Read(_)) => End::Interrupted,
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
                Some(Err(Interrupted)) => return Err(io::ErrorKind::UnexpectedEof.into()),
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
