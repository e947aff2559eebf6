//! Answers that are sent while they are made: a task makes them, another sends them, and each ends with
//! the other. One that is not whole breaks off, so that its client sees it.

use std::io::{self, Write};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::channel::Channel;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::limits;

/// A piece of an answer.
pub(crate) enum Piece {
    Data(Bytes),
    /// Everything was sent.
    End,
}

/// The way to the client. Its one error is that the client went away.
pub(crate) type Way = mpsc::Sender<Piece>;

/// A body that `produce` sends the pieces of; without an [`Piece::End`] it breaks off. It is made until
/// it is whole, or the client goes away or takes nothing for too long.
pub(crate) fn body<F>(what: &'static str, produce: impl FnOnce(Way) -> F) -> Body
where
    F: Future<Output = ()> + Send + 'static,
{
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(limits::EXPORT_PIECES);
    let (way, mut pieces) = mpsc::channel(limits::EXPORT_PIECES);
    let producing = produce(way);
    let forwarding = async move {
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Data(bytes) => {
                    let sending =
                        tokio::time::timeout(limits::EXPORT_SEND, sender.send_data(bytes));
                    match sending.await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return, // nobody takes what is produced, which ends that too
                        Err(_) => break,
                    }
                }
                Piece::End => return,
            }
        }
        drop(pieces);
        sender.abort(io::Error::other(format!("the {what} broke off")));
    };
    let sending = async move {
        tokio::join!(producing, forwarding);
    };
    tokio::spawn(sending.instrument(tracing::Span::current()));
    Body::new(body)
}

/// The way for threads that may wait.
pub(crate) struct Pipe {
    way: Way,
    piece: Vec<u8>,
}

impl Pipe {
    pub(crate) fn new(way: Way) -> Self {
        Self { way, piece: Vec::new() }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        let sent = self.way.blocking_send(Piece::Data(piece.into()));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= limits::EXPORT_PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Sends what there is, but not on every line of a file: only its end flushes.
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}
