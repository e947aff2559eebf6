//! A file that is read here and there, as Parquet files are: only the bytes that are asked for.

use std::io::{self, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::ReadFile;

/// A file open for reading; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    file: Arc<dyn ReadFile>,
    length: u64,
    /// Why it could not be read, the last time that this was so: a format's reader that meets it only
    /// says that the bytes are wrong.
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl StoredFile {
    pub(super) fn new(file: Box<dyn ReadFile>, length: u64) -> Self {
        Self { file: file.into(), length, failure: Arc::default() }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `bytes`; an error of kind `UnexpectedEof` if the file ends before.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset).map_err(|error| {
            let shown = io::Error::new(error.kind(), error.to_string());
            if error.kind() != io::ErrorKind::UnexpectedEof {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
            shown
        })
    }

    /// Forgets what is in memory of it, which was found to be wrong.
    pub(crate) fn forget(&self) {
        self.file.forget();
    }

    /// Why it could not be read, if that happened since this was asked.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Length for StoredFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for StoredFile {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(From { file: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are not there")));
        }
        let mut bytes = vec![0; length];
        self.read_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// The bytes of a file from a place on.
pub(crate) struct From {
    file: StoredFile,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.file.length.saturating_sub(self.offset);
        let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.file.read_at(&mut bytes[..count], self.offset)?;
        self.offset += u64::try_from(count).expect("a slice is shorter than a file can be");
        Ok(count)
    }
}
