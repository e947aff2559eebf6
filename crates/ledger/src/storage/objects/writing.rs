//! An object under way: small ones are put whole, larger ones in parts. Nobody sees it before it is
//! finished.

use std::io::{self, Write};

use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use super::Objects;
use crate::storage::WriteFile;

/// An object under way.
pub(crate) struct ObjectWriter {
    objects: Objects,
    key: Key,
    /// What was not put yet.
    buffer: Vec<u8>,
    /// The parts before it, if there are any.
    upload: Option<Box<dyn MultipartUpload>>,
    length: u64,
    is_finished: bool,
}

impl ObjectWriter {
    pub(super) fn new(objects: Objects, key: Key) -> Self {
        Self { objects, key, buffer: Vec::new(), upload: None, length: 0, is_finished: false }
    }

    fn put_part(&mut self) -> io::Result<()> {
        let part = PutPayload::from(Bytes::from(std::mem::take(&mut self.buffer)));
        let (key, begun) = (self.key.clone(), self.upload.take());
        // A part that was not put leaves no upload to finish: the object cannot come to lack it.
        let upload = self.objects.ask(move |store| async move {
            let mut upload = match begun {
                Some(upload) => upload,
                None => store.put_multipart(&key).await?,
            };
            match upload.put_part(part).await {
                Ok(()) => Ok(upload),
                Err(error) => {
                    let _ = upload.abort().await; // what it leaves, nobody sees
                    Err(error)
                }
            }
        });
        self.is_finished = upload.is_err();
        self.upload = Some(upload?);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.is_finished {
            return Err(io::Error::other("a part of the object could not be put"));
        }
        if self.upload.is_some() && !self.buffer.is_empty() {
            self.put_part()?;
        }
        self.is_finished = true;
        let Some(mut upload) = self.upload.take() else {
            let (key, bytes) = (self.key.clone(), Bytes::from(std::mem::take(&mut self.buffer)));
            return self.objects.ask(move |store| async move {
                store.put(&key, PutPayload::from(bytes)).await.map(drop)
            });
        };
        self.objects.ask(move |_| async move { upload.complete().await.map(drop) })
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_finished {
            return Err(io::Error::other("a part of the object could not be put"));
        }
        let part_bytes = self.objects.0.part_bytes;
        if self.buffer.len() >= part_bytes {
            self.put_part()?;
        }
        let count = bytes.len().min(part_bytes - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        self.length += u64::try_from(count).expect("a slice is shorter than a file can be");
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for ObjectWriter {
    /// Ends the object: nothing more can be written.
    fn sync(&mut self) -> io::Result<()> {
        self.finish()
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.finish()
    }

    fn cut(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_at(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }
}

impl Drop for ObjectWriter {
    /// What was put of an object that is not finished is given up.
    fn drop(&mut self) {
        if let Some(mut upload) = self.upload.take() {
            let _ = self.objects.ask(move |_| async move { upload.abort().await });
        }
    }
}
