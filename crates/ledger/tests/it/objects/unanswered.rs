//! Checks and copies of a ledger whose object store does not answer each time: what it does not give is
//! no damage.

use std::ops::ControlFlow;
use std::sync::Arc;

use ledger::{JournalPlace, Ledger, ReadError, VerifyReport};
use object_store::ObjectStore;

use super::counted::Counted;
use super::spec;
use crate::folder::{Home, append, run};
use crate::support::{Clock, hour};

/// Two data files, and a frame of the journal.
async fn filled(store: &Arc<Counted>, journal: JournalPlace) -> (Home, Ledger) {
    let home = Home::over(Arc::clone(store) as Arc<dyn ObjectStore>, journal);
    let ledger = home.open(&Clock::at(hour(50))).unwrap();
    append(&ledger, &[spec(1), spec(30)]).await;
    ledger.seal().await.unwrap();
    append(&ledger, &[spec(2)]).await;
    (home, ledger)
}

async fn check(ledger: &Ledger) -> Result<VerifyReport, ReadError> {
    ledger.verify(|_| ControlFlow::Continue(())).await
}

fn is_sound(report: &VerifyReport) {
    let VerifyReport { damaged, unreadable, rows, .. } = report;
    assert_eq!((&damaged[..], &unreadable[..], *rows), (&[][..], &[][..], 2));
}

fn keep_back(store: &Counted, part: Option<&'static str>) {
    *store.kept_back.lock().unwrap() = part;
}

#[test]
fn a_data_file_that_the_store_does_not_give_is_unreadable_and_not_damaged() {
    run(async {
        let store = Arc::new(Counted::default());
        let (_home, ledger) = filled(&store, JournalPlace::Objects).await;
        store.given_whole.lock().unwrap().clear();
        let sound = check(&ledger).await.unwrap();
        is_sound(&sound);
        let whole = std::mem::take(&mut *store.given_whole.lock().unwrap());
        assert!(whole.iter().any(|name| name.starts_with("usage/_delta_log/")), "{whole:?}");
        assert!(!whole.iter().any(|name| name.starts_with("usage/data/")), "{whole:?}");

        keep_back(&store, Some("usage/data/reported_day=2026-01-02"));
        let report = check(&ledger).await.unwrap();
        assert_eq!((&report.damaged[..], report.rows), (&[][..], 1));
        let [unreadable] = &report.unreadable[..] else { panic!("{:?}", report.unreadable) };
        assert!(unreadable.file.to_str().unwrap().contains("2026-01-02"), "{unreadable:?}");
        assert!(unreadable.reason.contains("no answer"), "{unreadable:?}");

        // Without log and journal there is nothing to check by.
        for part in ["usage/_delta_log/", "journal/"] {
            keep_back(&store, Some(part));
            let unanswered = check(&ledger).await;
            assert!(matches!(unanswered, Err(ReadError::File(_))), "{part}: {unanswered:?}");
        }
        keep_back(&store, None);
        is_sound(&check(&ledger).await.unwrap());
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_copy_breaks_off_at_a_file_that_the_store_does_not_give() {
    run(async {
        let store = Arc::new(Counted::default());
        let (_home, ledger) = filled(&store, JournalPlace::Folder).await;
        let copy = ledger.hold().await.unwrap().into_copy(&ledger).unwrap();
        let copied = || -> Vec<Result<Option<String>, ReadError>> {
            let data = copy.files().iter().filter(|file| file.name.contains("usage/data/"));
            data.map(|file| file.read(|_| Ok::<_, ReadError>(()))).collect()
        };
        store.given_whole.lock().unwrap().clear();
        assert!(matches!(copied()[..], [Ok(None), Ok(None)]));
        assert_eq!(store.given_whole.lock().unwrap()[..], [""; 0]);
        keep_back(&store, Some("usage/data/"));
        assert!(matches!(copied()[..], [Err(ReadError::File(_)), Err(ReadError::File(_))]));
        drop(copy);
        ledger.close().await.unwrap();
    });
}
