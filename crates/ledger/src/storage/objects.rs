//! An object store as the place of files. What was put is there whole and durably, or it is not there;
//! folders and syncs are nothing. What may be put once only is put on the condition that it is absent.
//!
//! Threads wait for what a small runtime of its own does, so that any thread may ask.

mod blocks;
mod reading;
mod writing;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::{Builder, Runtime};

use super::{Put, PutError};
use crate::error::{At, FileError};
use crate::limits::{OBJECT_PUTS, OBJECTS_AT_ONCE, SMALL_FILE_BYTES_MAX};
use crate::place::ObjectPlace;
use blocks::Blocks;
pub(crate) use reading::ObjectReader;
pub(crate) use writing::ObjectWriter;

/// The objects under one URL; cheap to clone.
#[derive(Clone)]
pub(crate) struct Objects(Arc<Inner>);

struct Inner {
    store: Arc<dyn ObjectStore>,
    /// The URL, with which the path of every file here begins.
    url: PathBuf,
    /// What every key here begins with.
    prefix: Key,
    /// First pause before a put is tried again.
    pause: Duration,
    /// How long the store may be silent before whoever watches is told.
    patience: Duration,
    /// Bytes of which an object is put whole.
    part_bytes: usize,
    runtime: OwnRuntime,
    blocks: Arc<Mutex<Blocks>>,
}

/// A runtime that may be dropped anywhere.
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// An object's size and where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

impl Objects {
    /// The objects of a place.
    pub(crate) fn at(place: &ObjectPlace) -> io::Result<Self> {
        let ObjectPlace { store, url, prefix, pause, patience, part_bytes, .. } = place.clone();
        let mut runtime = Builder::new_multi_thread();
        let runtime =
            runtime.worker_threads(1).thread_name("ledger-objects").enable_all().build()?;
        let runtime = OwnRuntime(Some(runtime));
        let blocks = Arc::default();
        let url = PathBuf::from(url);
        let inner = Inner { store, url, prefix, pause, patience, part_bytes, runtime, blocks };
        Ok(Self(Arc::new(inner)))
    }

    /// First pause before a put is tried again.
    pub(crate) fn pause(&self) -> Duration {
        self.0.pause
    }

    /// The URL that all of them lie under.
    pub(crate) fn url(&self) -> &Path {
        &self.0.url
    }

    /// Whether both are the same store.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Names of what lies in a folder, in any order.
    pub(super) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let key = self.key(folder);
        let listed =
            self.ask(move |store| async move { store.list_with_delimiter(Some(&key)).await })?;
        let objects = listed.objects.iter().map(|object| &object.location);
        let names = objects.chain(&listed.common_prefixes).filter_map(Key::filename);
        Ok(names.map(str::to_owned).collect())
    }

    /// Every object below a folder, in any order.
    pub(super) fn below(&self, folder: &Path) -> Result<Vec<Found>, FileError> {
        let (key, skipped) = (self.key(folder), self.0.prefix.parts().count());
        let list = move |store: Arc<dyn ObjectStore>| async move {
            store.list(Some(&key)).try_collect::<Vec<_>>().await
        };
        let found = self.ask(list).at("list", folder)?;
        let found = found.into_iter().map(|object| {
            let mut path = self.0.url.clone();
            path.extend(object.location.parts().skip(skipped).map(|part| part.as_ref().to_owned()));
            Found { path, bytes: object.size }
        });
        Ok(found.collect())
    }

    /// Length of an object.
    pub(super) fn length(&self, file: &Path) -> io::Result<u64> {
        let key = self.key(file);
        self.ask(move |store| async move { Ok(store.head(&key).await?.size) })
    }

    /// Reads an object whole.
    pub(super) fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let key = self.key(file);
        let bytes = self.ask(move |store| async move { store.get(&key).await?.bytes().await })?;
        Ok(bytes.into())
    }

    /// Reads an object whole, which is small.
    pub(super) fn read_small(&self, file: &Path) -> io::Result<Vec<u8>> {
        let key = self.key(file);
        let get = move |store: Arc<dyn ObjectStore>| async move {
            let object = store.get(&key).await?;
            match object.meta.size <= SMALL_FILE_BYTES_MAX {
                true => object.bytes().await.map(Some),
                false => Ok(None),
            }
        };
        self.ask(get)?.map(Vec::from).ok_or(io::ErrorKind::FileTooLarge.into())
    }

    /// Reads objects whole, several at a time; in their order.
    pub(crate) fn read_all(&self, files: &[PathBuf]) -> io::Result<Vec<Bytes>> {
        let keys: Vec<Key> = files.iter().map(|file| self.key(file)).collect();
        self.ask(move |store| async move {
            let read = keys.into_iter().map(|key| {
                let store = Arc::clone(&store);
                async move { store.get(&key).await?.bytes().await }
            });
            stream::iter(read).buffered(OBJECTS_AT_ONCE).try_collect().await
        })
    }

    /// Removes objects; those that are not there count as removed.
    pub(crate) fn remove(&self, files: &[PathBuf]) -> io::Result<()> {
        let keys: Vec<Key> = files.iter().map(|file| self.key(file)).collect();
        self.ask(move |store| async move {
            let keys = stream::iter(keys.into_iter().map(Ok)).boxed();
            let mut removed = store.delete_stream(keys);
            while let Some(removed) = removed.next().await {
                match removed {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Puts an object unless there is one.
    ///
    /// Whatever the store answers but yes, the object is read back and compared: a put that failed may
    /// have worked. Where that does not settle it, it may still work later, until the name is taken.
    pub(super) fn put_if_absent(&self, file: &Path, bytes: &[u8]) -> Result<Put, PutError> {
        self.put_watched(file, bytes, &|| {})
    }

    /// The same; `silent` is told where the store does not answer for long.
    pub(crate) fn put_watched(
        &self,
        file: &Path,
        bytes: &[u8],
        silent: &dyn Fn(),
    ) -> Result<Put, PutError> {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut failure = None;
        for number in 0..OBJECT_PUTS {
            if number > 0 {
                std::thread::sleep(self.0.pause);
            }
            let (key, payload) = (self.key(file), PutPayload::from(bytes.clone()));
            let put = move |store: Arc<dyn ObjectStore>| async move {
                store.put_opts(&key, payload, PutMode::Create.into()).await.map(drop)
            };
            let Err(error) = self.ask_watched(put, silent) else { return Ok(Put::Done) };
            let key = self.key(file);
            let read = move |store: Arc<dyn ObjectStore>| async move {
                store.get(&key).await?.bytes().await
            };
            match self.ask_watched(read, silent) {
                Ok(there) if there == bytes => return Ok(Put::Done),
                Ok(_) => return Ok(Put::Taken),
                // Why it could not be put tells more than why it is not there.
                Err(_) => failure = Some(FileError::new("put", file, error)),
            }
        }
        Err(PutError::Open(failure.expect("it was tried")))
    }

    /// Begins an object that is there when it is finished.
    pub(super) fn create(&self, file: &Path) -> ObjectWriter {
        ObjectWriter::new(self.clone(), self.key(file))
    }

    /// Opens an object that never changes, whose length is known: what is read stays in memory for a
    /// while.
    pub(super) fn open(&self, file: &Path, length: u64) -> ObjectReader {
        ObjectReader::new(self.clone(), self.key(file), length, Arc::clone(&self.0.blocks))
    }

    /// The same, with a memory of its own, which is empty.
    pub(super) fn open_anew(&self, file: &Path, length: u64) -> ObjectReader {
        ObjectReader::new(self.clone(), self.key(file), length, Arc::default())
    }

    /// Forgets the blocks of an object that is gone.
    pub(super) fn forget(&self, file: &Path) {
        let key = self.key(file);
        self.0.blocks.lock().unwrap_or_else(PoisonError::into_inner).forget(&key);
    }

    /// Has the runtime do something, and waits for it.
    fn ask<T, F>(&self, work: impl FnOnce(Arc<dyn ObjectStore>) -> F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        self.ask_watched(work, &|| {})
    }

    /// The same; `silent` is told where it takes long.
    fn ask_watched<T, F>(
        &self,
        work: impl FnOnce(Arc<dyn ObjectStore>) -> F,
        silent: &dyn Fn(),
    ) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.0.store));
        #[cfg(test)]
        let work = crate::simulation::asked_here(work);
        let (reply, answer) = mpsc::sync_channel(1);
        let runtime = self.0.runtime.0.as_ref().expect("the runtime goes when this does");
        runtime.spawn(async move { reply.send(work.await) });
        let answered = match answer.recv_timeout(self.0.patience) {
            Err(RecvTimeoutError::Timeout) => {
                silent();
                answer.recv().ok()
            }
            answered => answered.ok(),
        };
        let stopped = || io::Error::other("a request to the object store ended by a panic");
        answered.ok_or_else(stopped)?.map_err(as_io)
    }

    /// The key of a file.
    fn key(&self, file: &Path) -> Key {
        let inside = file.strip_prefix(&self.0.url).expect("paths here begin with the URL");
        let inside = inside.to_str().expect("the ledger's names are ASCII");
        let parts = self.0.prefix.parts().map(|part| part.as_ref().to_owned());
        let all: Vec<String> =
            parts.chain(inside.split('/').filter(|it| !it.is_empty()).map(str::to_owned)).collect();
        Key::parse(all.join("/")).expect("the ledger's names are keys")
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.0.url.display())
    }
}

fn as_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => io::ErrorKind::AlreadyExists,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    // Its text has those of its causes: without them it is told once, and on one line.
    io::Error::new(kind, error.to_string().replace('\n', " "))
}
