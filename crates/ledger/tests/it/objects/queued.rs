//! What is queued behind a group commit that waits for its object store: it is refused, and what is in
//! the group is not.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ledger::{AppendError, JournalPlace, Outcome};
use object_store::ObjectStore;
use tokio::task::JoinHandle;

use super::counted::Counted;
use super::{begin, spec, stored};
use crate::folder::{Home, append, run};
use crate::support::{Clock, hour};

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "{what}");
}

#[test]
fn what_is_queued_behind_a_group_that_waits_is_refused_and_stored_once_when_sent_again() {
    run(async {
        let store = Arc::new(Counted::default());
        let clock = Clock::at(hour(9));
        let home = Home::over(Arc::clone(&store) as Arc<dyn ObjectStore>, JournalPlace::Objects);
        let ledger = home.open(&clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        let closed = store.gate.lock().await;
        let before = store.puts.load(SeqCst);
        let in_flight = begin(&ledger, &[spec(2)]);
        until("no put has begun", || store.puts.load(SeqCst) > before).await;
        // One is new, one is in the group under way, and one is stored.
        let mut queued = Vec::new();
        for event in [3, 2, 1] {
            let bytes = ledger.status().queued_bytes;
            queued.push(begin(&ledger, &[spec(event)]));
            until("it is not queued", || ledger.status().queued_bytes > bytes).await;
        }
        store.is_away.store(true, SeqCst);
        drop(closed);
        until("the stall is not known", || ledger.status().stalled).await;
        until("what is queued waits", || queued.iter().all(JoinHandle::is_finished)).await;
        for refused in queued {
            assert_eq!(refused.await.unwrap(), Err(AppendError::Busy));
        }
        assert!(!in_flight.is_finished());

        store.is_away.store(false, SeqCst);
        assert!(matches!(in_flight.await.unwrap().unwrap()[..], [Outcome::Stored(_)]));
        let again = append(&ledger, &[spec(3), spec(2), spec(1)]).await;
        let [Outcome::Stored(_), Outcome::Duplicate(_), Outcome::Duplicate(_)] = again[..] else {
            panic!("{again:?}")
        };
        assert_eq!(ledger.status().queued_bytes, 0);
        ledger.close().await.unwrap();
        let ledger = home.open(&clock).unwrap();
        assert_eq!(stored(&ledger).await, 3);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_put_that_is_not_answered_at_all_holds_up_its_own_group_alone() {
    run(async {
        let store = Arc::new(Counted::default());
        let home = Home::with_patience(
            Arc::clone(&store) as Arc<dyn ObjectStore>,
            Duration::from_millis(10),
        );
        let ledger = home.open(&Clock::at(hour(9))).unwrap();
        let closed = store.gate.lock().await;
        let before = store.puts.load(SeqCst);
        let in_flight = begin(&ledger, &[spec(1)]);
        until("no put has begun", || store.puts.load(SeqCst) > before).await;
        let queued = begin(&ledger, &[spec(2)]);
        until("the stall is not known", || ledger.status().stalled).await;
        until("what is queued waits", || queued.is_finished()).await;
        assert_eq!(queued.await.unwrap(), Err(AppendError::Busy));
        assert!(!in_flight.is_finished());

        drop(closed);
        assert!(matches!(in_flight.await.unwrap().unwrap()[..], [Outcome::Stored(_)]));
        until("the stall does not end", || !ledger.status().stalled).await;
        ledger.close().await.unwrap();
    });
}
