//! An object store in memory as a ledger on a machine sees it: requests that do nothing, answers that are
//! lost, puts and removals that are done later, after whoever asked was told that they had failed.
//!
//! Machines share what lies in it. What was put stays, whatever becomes of the machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

use super::disk::{Extent, SimulatedDisk, failed, flip, is_of_day};
use super::faults::Call;
use super::machine::{Machine, World};
use super::random::place;

/// Objects of a page of a list.
const PAGE_OBJECTS: usize = 7;
/// Requests by which one is late at most: for some, and for the others.
const VERY_LATE: u64 = 1_000;
const LATE: u64 = 30;

/// What lies in the store; a clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Cloud(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    objects: InMemory,
    late: Vec<Late>,
    /// Requests that there were.
    requests: u64,
}

/// A request that is done after others.
#[derive(Debug, Clone)]
struct Late {
    after: u64,
    work: Work,
}

#[derive(Debug, Clone)]
enum Work {
    Put(Key, PutPayload, PutOptions),
    Delete(Vec<Key>),
}

impl Cloud {
    /// Another one with the same contents.
    pub(super) fn copy(&self) -> Self {
        let contents = self.contents();
        let Contents { objects, late, requests } = &*contents;
        let (objects, late, requests) = (objects.fork(), late.clone(), *requests);
        Self(Arc::new(Mutex::new(Contents { objects, late, requests })))
    }

    /// What is late is done now.
    pub(super) fn settle(&self) {
        let contents = &mut *self.contents();
        for late in std::mem::take(&mut contents.late) {
            contents.work(late.work);
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }
}

impl Contents {
    /// A request comes; some of what is late is done before it.
    fn request(&mut self) {
        self.requests += 1;
        let requests = self.requests;
        let now: Vec<Late> = self.late.extract_if(.., |late| late.after <= requests).collect();
        for late in now {
            self.work(late.work);
        }
    }

    fn work(&mut self, work: Work) {
        match work {
            // Nobody hears of it.
            Work::Put(key, payload, options) => drop(self.put(&key, payload, options)),
            Work::Delete(keys) => keys.iter().for_each(|key| self.delete(key)),
        }
    }

    fn put(&mut self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        now(self.objects.put_opts(key, payload, options))
    }

    fn delete(&mut self, key: &Key) {
        let _ = now(self.objects.delete(key)); // there may be none
    }

    fn delay(&mut self, number: u64, work: Work) {
        let most = if number.is_multiple_of(4) { VERY_LATE } else { LATE };
        let after = self.requests + 1 + (number >> 2) % most;
        self.late.push(Late { after, work });
    }

    /// What a list goes on with behind a key.
    fn page(&self, prefix: Option<&Key>, behind: Option<&Key>) -> Vec<ObjectMeta> {
        let listed = now(self.objects.list(prefix).collect::<Vec<_>>());
        let listed = listed.into_iter().map(|object| object.expect("memory is listed"));
        let behind = listed.filter(|object| behind.is_none_or(|behind| object.location > *behind));
        behind.take(PAGE_OBJECTS).collect()
    }
}

/// What memory answers at once.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("memory does not wait")
}

impl Machine {
    /// Names of objects in a folder.
    pub(super) fn object_names(&self, folder: &Key) -> Vec<String> {
        let cloud = self.world().cloud.clone();
        let listed = now(cloud.contents().objects.list_with_delimiter(Some(folder))).unwrap();
        let names = listed.objects.iter().filter_map(|object| object.location.filename());
        names.map(str::to_owned).collect()
    }

    /// Flips a bit of an object.
    pub(super) fn damage_object(&self, key: &Key, number: u64) {
        let cloud = self.world().cloud.clone();
        let contents = &mut *cloud.contents();
        let Ok(object) = now(contents.objects.get(key)) else { return };
        let mut bytes = now(object.bytes()).unwrap().to_vec();
        flip(&mut bytes, number);
        contents.put(key, bytes.into(), PutOptions::default()).unwrap();
    }

    /// What is under way to the object store is done now.
    pub(super) fn settle_objects(&self) {
        let cloud = self.world().cloud.clone();
        cloud.settle();
    }
}

/// The store, as it is seen until the machine stops.
#[derive(Debug, Clone)]
pub(super) struct SimulatedStore(SimulatedDisk);

impl SimulatedStore {
    pub(super) fn of(disk: &SimulatedDisk) -> Self {
        Self(disk.clone())
    }

    /// Does a request as its fate is.
    fn ask<T>(
        &self,
        call: Call,
        key: &Key,
        work: impl FnOnce(&mut World, &mut Contents, Extent) -> Result<T>,
    ) -> Result<T> {
        let done = self.0.call(call, &known_as(key), |world, extent| {
            let cloud = world.cloud.clone();
            let contents = &mut *cloud.contents();
            contents.request();
            work(world, contents, extent).map_err(std::io::Error::other)
        });
        done.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => no_answer(error),
        })
    }

    fn put(&self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let known_as = known_as(key);
        self.ask(Call::Put, key, |world, contents, extent| match extent {
            Extent::Part(number) => {
                contents.delay(number, Work::Put(key.clone(), payload, options));
                Ok(done())
            }
            _ if world.faults.ignores(Call::Put, &known_as) => Ok(done()),
            _ if world.faults.is_unconditional(&known_as) => {
                contents.put(key, payload, PutMode::Overwrite.into())
            }
            _ => contents.put(key, payload, options),
        })
    }

    fn get(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        self.ask(Call::Get, key, |world, contents, extent| {
            let got = now(contents.objects.get_opts(key, options))?;
            let Extent::Wrong(number) = extent else { return Ok(got) };
            if !is_checked(key) {
                return Ok(got);
            }
            let (meta, range, attributes) =
                (got.meta.clone(), got.range.clone(), got.attributes.clone());
            let mut bytes = now(got.bytes())?.to_vec();
            flip(&mut bytes, number);
            world.happened.read_wrong(Path::new(key.as_ref()), !bytes.is_empty());
            let payload = stream::iter([Ok(Bytes::from(bytes))]).boxed();
            let payload = GetResultPayload::Stream(payload);
            Ok(GetResult { payload, meta, range, attributes })
        })
    }

    fn delete(&self, keys: &[Key]) -> Result<()> {
        let Some(first) = keys.first() else { return Ok(()) };
        self.ask(Call::Delete, first, |_, contents, extent| {
            match extent {
                Extent::Part(number) if number.is_multiple_of(2) => {
                    contents.delay(number, Work::Delete(keys.to_vec()));
                }
                Extent::Part(number) => {
                    let part = &keys[..place(number, keys.len())];
                    part.iter().for_each(|key| contents.delete(key));
                }
                _ => keys.iter().for_each(|key| contents.delete(key)),
            }
            Ok(())
        })
    }
}

fn done() -> PutResult {
    PutResult { e_tag: None, version: None }
}

fn no_answer(cause: std::io::Error) -> Error {
    Error::Generic { store: "simulated", source: Box::new(cause) }
}

/// The path by which faults know an object: without a name that is not of the seed.
fn known_as(key: &Key) -> PathBuf {
    let path = Path::new(key.as_ref());
    let is_random = path.starts_with("_probe");
    if is_random { PathBuf::from("_probe") } else { path.to_owned() }
}

/// Whether an object has checksums that notice a wrong bit.
fn is_checked(key: &Key) -> bool {
    let path = Path::new(key.as_ref());
    let folder = path.parent().and_then(Path::file_name);
    let is = |name: &&str| folder.is_some_and(|folder| folder == *name);
    is_of_day(path) || ["_delta_log", "journal", "writer"].iter().any(is)
}

#[async_trait::async_trait]
impl ObjectStore for SimulatedStore {
    async fn put_opts(
        &self,
        key: &Key,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.put(key, payload, options)
    }

    async fn put_multipart_opts(
        &self,
        key: &Key,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload { store: self.clone(), key: key.clone(), parts: Vec::new() }))
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        self.get(key, options)
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Result<Key>>,
    ) -> BoxStream<'static, Result<Key>> {
        let keys: Vec<Key> =
            now(keys.collect::<Vec<_>>()).into_iter().map(Result::unwrap).collect();
        match self.delete(&keys) {
            Ok(()) => stream::iter(keys.into_iter().map(Ok)).boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    /// In pages, between which other requests come.
    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = prefix.cloned().unwrap_or_default();
        let mut listed: Vec<Result<ObjectMeta>> = Vec::new();
        let mut behind = None;
        loop {
            let page = self.ask(Call::List, &folder, |_, contents, _| {
                Ok(contents.page(prefix, behind.as_ref()))
            });
            let page = match page {
                Ok(page) => page,
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
            behind = page.last().map(|object| object.location.clone());
            let is_last = page.len() < PAGE_OBJECTS;
            listed.extend(page.into_iter().map(Ok));
            if is_last {
                return stream::iter(listed).boxed();
            }
            std::thread::yield_now();
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        let folder = prefix.cloned().unwrap_or_default();
        self.ask(Call::List, &folder, |_, contents, _| {
            now(contents.objects.list_with_delimiter(prefix))
        })
    }

    async fn copy_opts(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<()> {
        Err(no_answer(failed("nothing is copied")))
    }
}

impl fmt::Display for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated store")
    }
}

/// An object that is put in parts: there is nothing of it before it is complete.
#[derive(Debug)]
struct Upload {
    store: SimulatedStore,
    key: Key,
    parts: Vec<Bytes>,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        let put = self.store.ask(Call::Part, &self.key, |_, _, extent| match extent {
            Extent::Part(_) => Err(no_answer(failed("a part was torn"))),
            _ => Ok(()),
        });
        self.parts.extend(part);
        futures_util::future::ready(put).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let payload = std::mem::take(&mut self.parts).into_iter().collect();
        self.store.put(&self.key, payload, PutOptions::default())
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}
