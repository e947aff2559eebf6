//! An object store in memory that can be away, holds up puts or keeps objects back, and that counts what
//! it is asked.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    store: Arc<InMemory>,
    pub(crate) is_away: AtomicBool,
    pub(crate) requests: AtomicU64,
    /// Puts that have begun.
    pub(crate) puts: AtomicU64,
    /// Whoever has it holds up every put.
    pub(crate) gate: tokio::sync::Mutex<()>,
    /// Objects that have this in their names are not given.
    pub(crate) kept_back: Mutex<Option<&'static str>>,
    /// Objects that were given whole.
    pub(crate) given_whole: Mutex<Vec<String>>,
}

impl Counted {
    /// The same store as another process reaches it.
    pub(crate) fn beside(&self) -> Self {
        Self { store: Arc::clone(&self.store), ..Self::default() }
    }

    fn ask(&self) -> Result<&InMemory> {
        self.requests.fetch_add(1, SeqCst);
        match self.is_away.load(SeqCst) {
            true => Err(no_answer()),
            false => Ok(&self.store),
        }
    }
}

fn no_answer() -> Error {
    Error::Generic { store: "away", source: "no answer".into() }
}

#[async_trait::async_trait]
impl ObjectStore for Counted {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.puts.fetch_add(1, SeqCst);
        drop(self.gate.lock().await);
        self.ask()?.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.ask()?.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let store = self.ask()?;
        if !options.head {
            let kept_back = *self.kept_back.lock().unwrap();
            if kept_back.is_some_and(|part| path.as_ref().contains(part)) {
                return Err(no_answer());
            }
            if options.range.is_none() {
                self.given_whole.lock().unwrap().push(path.to_string());
            }
        }
        store.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        assert_eq!(*self.kept_back.lock().unwrap(), None, "{path}: asked for in another way");
        self.ask()?.get_ranges(path, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.ask() {
            Ok(store) => store.delete_stream(paths),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.ask() {
            Ok(store) => store.list(prefix),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.ask()?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.ask()?.copy_opts(from, to, options).await
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}
