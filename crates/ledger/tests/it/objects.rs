//! A ledger on an object store: who may write it, what waits while the store is away, and what is refused.
//! What the store may do to it is the simulation's.

mod counted;
mod queued;
mod unanswered;

use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use ledger::{
    AppendError, FindError, JournalPlace, Ledger, OpenError, Outcome, ReadError, SealError,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::task::JoinHandle;

use crate::folder::{Home, append, copy, new_records, open_error, run};
use crate::support::{Clock, Spec, hour, subscription};
use counted::Counted;

/// A record of its own for each number.
fn spec(event: u16) -> Spec {
    let used = u8::try_from(event % 48).unwrap();
    Spec { event, used, reported: Some(used), ..Spec::default() }
}

/// Appends, and does not wait for it.
fn begin(ledger: &Ledger, specs: &[Spec]) -> JoinHandle<Result<Vec<Outcome>, AppendError>> {
    let (ledger, records) = (ledger.clone(), new_records(specs));
    tokio::spawn(async move { ledger.append(records).await })
}

/// How many records there are.
async fn stored(ledger: &Ledger) -> usize {
    let snapshot = ledger.snapshot(None).await.unwrap();
    snapshot.records(subscription(0), hour(0)..hour(99)).await.unwrap().len()
}

#[test]
fn a_second_writer_of_the_same_folder_or_of_a_copy_is_refused() {
    run(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = Clock::at(hour(9));
        let first = Home::over(Arc::clone(&store), JournalPlace::Folder);
        let ledger = first.open(&clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        ledger.close().await.unwrap();
        let second = first.elsewhere();
        copy(first.path(), second.path());

        let ledger = first.open(&clock).unwrap();
        assert!(matches!(first.open(&clock).err(), Some(OpenError::Locked { .. })));
        assert!(matches!(second.open(&clock).err(), Some(OpenError::ForeignCommit { .. })));
        append(&ledger, &[spec(2)]).await;
        ledger.seal().await.unwrap();
        assert_eq!(ledger.status().rows, 2);
        ledger.close().await.unwrap();
        // A folder that knows nothing of the table is not made its writer.
        let empty = first.elsewhere();
        assert!(matches!(empty.open(&clock).err(), Some(OpenError::WriterFile { .. })));
    });
}

#[test]
fn a_writer_that_slept_through_a_seal_cannot_go_on() {
    run(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = Clock::at(hour(9));
        let home = || Home::over(Arc::clone(&store), JournalPlace::Objects);
        let (first, second) = (home(), home());
        let sleeper = first.open(&clock).unwrap();
        append(&sleeper, &[spec(1)]).await;
        let writer = second.open(&clock).unwrap();
        for event in 2..9 {
            append(&writer, &[spec(event)]).await;
            writer.seal().await.unwrap();
        }
        // The frames after its last one were sealed and are gone, but for the one that begins an epoch.
        let refused = sleeper.append(new_records(&[spec(100)])).await;
        assert_eq!(refused, Err(AppendError::Refused));
        assert!(!sleeper.status().writable);
        sleeper.close().await.unwrap();
        assert_eq!(writer.status().rows, 8);
        writer.close().await.unwrap();
        let ledger = home().open(&clock).unwrap();
        assert_eq!(ledger.status().rows, 8);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_sealer_that_was_overtaken_says_so_and_leaves_the_other_files_alone() {
    run(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = Clock::at(hour(9));
        let home = || Home::over(Arc::clone(&store), JournalPlace::Objects);
        let (first, second) = (home(), home());
        let old = first.open(&clock).unwrap();
        append(&old, &[spec(1)]).await;
        let new = second.open(&clock).unwrap();
        append(&new, &[spec(2)]).await;
        new.seal().await.unwrap();
        assert!(matches!(old.seal().await, Err(SealError::TakenOver { .. })));
        old.close().await.unwrap();
        new.close().await.unwrap();
        let ledger = home().open(&clock).unwrap();
        assert_eq!(ledger.status().rows, 2);
        assert_eq!(stored(&ledger).await, 2);
        ledger.close().await.unwrap();
    });
}

#[test]
fn while_a_journal_of_objects_waits_nobody_else_does() {
    run(async {
        let store = Arc::new(Counted::default());
        let clock = Clock::at(hour(9));
        let home = Home::over(Arc::clone(&store) as Arc<dyn ObjectStore>, JournalPlace::Objects);
        let ledger = home.open(&clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        store.is_away.store(true, SeqCst);
        let waiting = begin(&ledger, &[spec(2)]);
        let settled = || ledger.snapshot(Some(clock.now().plus_seconds(1)));
        let mut asked = 0;
        // Until the group commit is under way there is nothing to wait for.
        while settled().await.is_ok() {
            asked += 1;
            assert!(asked < 100_000, "nothing waits for the store");
            tokio::task::yield_now().await;
        }
        assert!(ledger.status().stalled);
        assert!(matches!(settled().await, Err(ReadError::Stalled)));
        assert_eq!(ledger.append(new_records(&[spec(3)])).await, Err(AppendError::Busy));
        assert!(matches!(ledger.seal().await, Err(SealError::Stalled)));
        assert!(matches!(ledger.hold().await, Err(SealError::Stalled)));
        let verified = ledger.verify(|_| ControlFlow::Continue(())).await;
        assert!(matches!(verified, Err(ReadError::Stalled)));
        let records = [spec(4).record()];
        assert!(matches!(ledger.foresee(&records).await, Err(FindError::Busy)));
        // What is there can be read.
        assert_eq!(stored(&ledger).await, 1);

        store.is_away.store(false, SeqCst);
        assert!(matches!(waiting.await.unwrap().unwrap()[..], [Outcome::Stored(_)]));
        assert!(!ledger.status().stalled);
        settled().await.unwrap();
        ledger.seal().await.unwrap();
        assert_eq!((ledger.status().journal_bytes, ledger.status().rows), (0, 2));
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_writer_that_was_overtaken_while_it_waited_waits_no_more() {
    run(async {
        let store = Arc::new(Counted::default());
        let clock = Clock::at(hour(9));
        let first = Home::over(Arc::clone(&store) as Arc<dyn ObjectStore>, JournalPlace::Objects);
        let old = first.open(&clock).unwrap();
        store.is_away.store(true, SeqCst);
        let waiting = begin(&old, &[spec(1)]);
        while !old.status().stalled {
            tokio::task::yield_now().await;
        }
        let second = Home::over(Arc::new(store.beside()), JournalPlace::Objects);
        let new = second.open(&clock).unwrap();
        store.is_away.store(false, SeqCst);
        assert_eq!(waiting.await.unwrap(), Err(AppendError::Refused));
        assert!(!old.status().stalled && !old.status().writable);
        old.snapshot(Some(clock.now().plus_seconds(1))).await.unwrap();
        assert_eq!(new.status().rows, 0);
        old.close().await.unwrap();
        new.close().await.unwrap();
    });
}

#[test]
fn while_the_store_is_away_the_journal_in_the_folder_takes_what_it_may() {
    run(async {
        let store = Arc::new(Counted::default());
        let clock = Clock::at(hour(9));
        let home = Home::over(Arc::clone(&store) as Arc<dyn ObjectStore>, JournalPlace::Folder);
        let ledger = home.open(&clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        store.is_away.store(true, SeqCst);
        assert!(matches!(ledger.seal().await, Err(SealError::File(_) | SealError::Open(_))));
        append(&ledger, &[spec(2)]).await;
        store.is_away.store(false, SeqCst);
        ledger.seal().await.unwrap();
        assert_eq!((ledger.status().journal_bytes, ledger.status().rows), (0, 2));
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_page_asks_few_requests_and_the_same_page_again_none() {
    run(async {
        let store = Arc::new(Counted::default());
        let clock = Clock::at(hour(9));
        let home = Home::over(Arc::clone(&store) as Arc<dyn ObjectStore>, JournalPlace::Folder);
        let ledger = home.open(&clock).unwrap();
        append(&ledger, &(0..5_000).map(spec).collect::<Vec<_>>()).await;
        ledger.seal().await.unwrap();
        ledger.close().await.unwrap();
        let ledger = home.open(&clock).unwrap();
        let mut before = store.requests.load(SeqCst);
        for expected in [ledger.status().files, 0] {
            assert_eq!(stored(&ledger).await, 5_000);
            let requests = store.requests.load(SeqCst);
            assert_eq!(requests - before, expected);
            before = requests;
        }
        ledger.close().await.unwrap();
    });
}

/// Puts an object even where there is one.
#[derive(Debug)]
struct Unconditional(InMemory);

impl std::fmt::Display for Unconditional {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unconditional")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Unconditional {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        _: object_store::PutOptions,
    ) -> object_store::Result<object_store::PutResult> {
        self.0.put_opts(path, payload, PutMode::Overwrite.into()).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: object_store::PutMultipartOptions,
    ) -> object_store::Result<Box<dyn object_store::MultipartUpload>> {
        self.0.put_multipart_opts(path, options).await
    }

    async fn get_opts(
        &self,
        path: &Path,
        options: object_store::GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        self.0.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: futures_util::stream::BoxStream<'static, object_store::Result<Path>>,
    ) -> futures_util::stream::BoxStream<'static, object_store::Result<Path>> {
        self.0.delete_stream(paths)
    }

    fn list(
        &self,
        prefix: Option<&Path>,
    ) -> futures_util::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>>
    {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&Path>,
    ) -> object_store::Result<object_store::ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: object_store::CopyOptions,
    ) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[test]
fn a_store_without_conditional_puts_is_refused() {
    for journal in [JournalPlace::Folder, JournalPlace::Objects] {
        let home = Home::over(Arc::new(Unconditional(InMemory::new())), journal);
        let error = home.open(&Clock::at(hour(9))).err().unwrap();
        assert!(matches!(error, OpenError::Unconditional { .. }), "{error}");
    }
}

#[test]
fn a_ledger_is_not_opened_where_it_does_not_lie() {
    run(async {
        let clock = Clock::at(hour(9));
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let objects = Home::over(Arc::clone(&store), JournalPlace::Objects);
        objects.open(&clock).unwrap().close().await.unwrap();
        assert!(matches!(open_error(objects.path(), &clock), OpenError::Elsewhere { .. }));
        let is_elsewhere = |home: &Home| {
            let error = home.open(&clock).err().unwrap();
            assert!(matches!(error, OpenError::Elsewhere { .. }), "{error}");
        };
        is_elsewhere(&objects.with(Arc::clone(&store), JournalPlace::Folder));
        is_elsewhere(&Home::over(Arc::clone(&store), JournalPlace::Folder));

        let folder = Home::folder();
        folder.open(&clock).unwrap().close().await.unwrap();
        let given = folder.with(Arc::new(InMemory::new()), JournalPlace::Objects);
        is_elsewhere(&given);
        assert!(!fs::exists(given.path().join("place")).unwrap());

        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let local = Home::over(Arc::clone(&store), JournalPlace::Folder);
        local.open(&clock).unwrap().close().await.unwrap();
        is_elsewhere(&Home::over(Arc::clone(&store), JournalPlace::Objects));
    });
}

#[test]
fn a_frame_that_is_damaged_is_named() {
    run(async {
        let store = Arc::new(InMemory::new());
        let clock = Clock::at(hour(9));
        let home = Home::over(Arc::clone(&store) as Arc<dyn ObjectStore>, JournalPlace::Objects);
        let ledger = home.open(&clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        append(&ledger, &[spec(2)]).await;
        ledger.close().await.unwrap();
        let frame = Path::from("journal/00000000000000000002.journal");
        let good = store.get(&frame).await.unwrap().bytes().await.unwrap();
        let mut bad = good.to_vec();
        bad[80] ^= 1;
        for object in [Some(bad), None] {
            match object {
                Some(bytes) => drop(store.put(&frame, bytes.into()).await.unwrap()),
                None => store.delete(&frame).await.unwrap(),
            }
            match home.elsewhere().open(&clock).err() {
                Some(OpenError::JournalDamaged { file, .. }) => {
                    let after = file.to_str().unwrap();
                    assert!(after.starts_with("s3://bucket/usage-of-all/journal/"), "{after}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}
