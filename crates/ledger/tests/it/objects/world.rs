//! An object store in memory that gives trouble: requests fail, answers of puts are lost, and puts come
//! late, after their writer was told that they failed. Each choice follows from a seed and the order
//! in which requests come.

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

/// The store, and what is under way to it.
pub(crate) struct World {
    pub(crate) store: InMemory,
    random: Mutex<u64>,
    late: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
    /// Of a hundred requests so many meet trouble.
    pub(crate) percent: AtomicU64,
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

/// The world as one process sees it.
pub(crate) struct Wire {
    world: Arc<World>,
    /// Whether it was cut.
    cut: AtomicBool,
}

enum Trouble {
    None,
    NotDone,
    AnswerLost,
    Late,
}

impl World {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            store: InMemory::new(),
            random: Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            late: Mutex::default(),
            percent: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            puts: AtomicU64::new(0),
            gate: tokio::sync::Mutex::default(),
            kept_back: Mutex::default(),
            given_whole: Mutex::default(),
        })
    }

    pub(crate) fn wire(self: &Arc<Self>) -> Arc<Wire> {
        Arc::new(Wire { world: Arc::clone(self), cut: AtomicBool::new(false) })
    }

    /// A number below another.
    pub(crate) fn below(&self, end: u64) -> u64 {
        let mut state = self.random.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 8) % end
    }

    fn trouble(&self) -> Trouble {
        if self.below(100) >= self.percent.load(SeqCst) {
            return Trouble::None;
        }
        match self.below(3) {
            0 => Trouble::NotDone,
            1 => Trouble::AnswerLost,
            _ => Trouble::Late,
        }
    }

    /// Whether what can be asked again, and is, meets trouble each time.
    fn is_lasting(&self) -> bool {
        (0..2).all(|_| !matches!(self.trouble(), Trouble::None))
    }

    /// Some of what is late arrives.
    async fn arrive(&self) {
        let arriving: Vec<_> = {
            let mut late = self.late.lock().unwrap();
            late.extract_if(.., |_| self.below(3) == 0).collect()
        };
        for (path, payload, options) in arriving {
            let _ = self.store.put_opts(&path, payload, options).await; // nobody hears of it
        }
    }
}

impl Wire {
    pub(crate) fn cut(&self) {
        self.cut.store(true, SeqCst);
    }

    async fn begin(&self) -> Result<()> {
        self.world.requests.fetch_add(1, SeqCst);
        self.world.arrive().await;
        if self.cut.load(SeqCst) {
            return Err(failed());
        }
        Ok(())
    }

    async fn may_fail(&self) -> Result<()> {
        self.begin().await?;
        match self.world.is_lasting() {
            true => Err(failed()),
            false => Ok(()),
        }
    }
}

fn failed() -> Error {
    Error::Generic { store: "trouble", source: "no answer".into() }
}

#[async_trait::async_trait]
impl ObjectStore for Wire {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.begin().await?;
        self.world.puts.fetch_add(1, SeqCst);
        drop(self.world.gate.lock().await);
        match self.world.trouble() {
            Trouble::None => self.world.store.put_opts(path, payload, options).await,
            Trouble::NotDone => Err(failed()),
            Trouble::AnswerLost => {
                self.world.store.put_opts(path, payload, options).await?;
                Err(failed())
            }
            Trouble::Late => {
                self.world.late.lock().unwrap().push((path.clone(), payload, options));
                Err(failed())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.may_fail().await?;
        self.world.store.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.may_fail().await?;
        if !options.head {
            let kept_back = *self.world.kept_back.lock().unwrap();
            if kept_back.is_some_and(|part| path.as_ref().contains(part)) {
                return Err(failed());
            }
            if options.range.is_none() {
                self.world.given_whole.lock().unwrap().push(path.to_string());
            }
        }
        self.world.store.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.may_fail().await?;
        assert_eq!(*self.world.kept_back.lock().unwrap(), None, "{path}: asked for in another way");
        self.world.store.get_ranges(path, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if self.cut.load(SeqCst) || self.world.is_lasting() {
            return stream::iter([Err(failed())]).boxed();
        }
        self.world.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.cut.load(SeqCst) || self.world.is_lasting() {
            return stream::iter([Err(failed())]).boxed();
        }
        self.world.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.may_fail().await?;
        self.world.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(failed())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}
