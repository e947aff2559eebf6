//! Bytes that came wrong from an object store once are not kept: the next answer reads them anew.

use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

use futures_util::TryStreamExt as _;

use super::*;
use crate::open::open;
use crate::{JournalPlace, ObjectPlace, Place, ReadError};

/// Every object whose key has this in it.
async fn objects(store: &InMemory, of: &str) -> Vec<Key> {
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    let keys = all.into_iter().map(|object| object.location);
    keys.filter(|key| key.as_ref().contains(of)).collect()
}

#[test]
fn what_came_wrong_once_is_read_anew() {
    run(async {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(24 * 10)));
        let store = Arc::new(InMemory::new());
        let place = ObjectPlace::over(Arc::clone(&store) as _, "s3://bucket", JournalPlace::Folder);
        let place = Place::Objects(place);
        let opened = || {
            Ledger(Arc::new(open(dir.path(), &place, options(&clock), Seams::default()).unwrap()))
        };
        let ledger = opened();
        ledger.append(new_records(&specs(0..40))).await.unwrap();
        ledger.seal().await.unwrap();
        ledger.close().await.unwrap();

        let keys = objects(&store, ".parquet").await;
        assert!(!keys.is_empty());
        // At the end, where files say what they are, and behind the magic at the start, where values lie.
        for from_end in [true, false] {
            let ledger = opened();
            let rows = async || {
                let snapshot = ledger.snapshot(None).await.unwrap();
                let (subscription, range) =
                    (crate::support::subscription(0), hour(0)..hour(24 * 10));
                snapshot.usage_records(subscription, range, 99).await
            };
            let mut right = Vec::new();
            for key in &keys {
                let bytes = store.get(key).await.unwrap().bytes().await.unwrap();
                let mut wrong = bytes.to_vec();
                let place = if from_end { wrong.len() - 40 } else { 40 };
                wrong[place] ^= 1;
                store.put(key, wrong.into()).await.unwrap();
                right.push(bytes);
            }
            let wrong = rows().await;
            assert!(matches!(wrong, Err(ReadError::DataDamaged { .. })), "{wrong:?}");
            for (key, right) in keys.iter().zip(right) {
                store.put(key, right.into()).await.unwrap();
            }
            assert!(!rows().await.unwrap().unwrap().is_empty());
            ledger.close().await.unwrap();
        }
    });
}
