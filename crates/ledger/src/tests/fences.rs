//! A writer that slept while another one took its ledger over: wherever it goes on, it is stopped.

use std::ops::ControlFlow;

use object_store::memory::InMemory;

use super::*;
use crate::open::open;
use crate::{CompactError, JournalPlace, ObjectPlace, Place, SealError};

fn opened(dir: &Path, place: &Place, clock: &Clock) -> Ledger {
    let seams = Seams { checkpoint_entries: 2, ..Seams::default() };
    Ledger(Arc::new(open(dir, place, options(clock), seams).unwrap()))
}

/// As many seals as it takes for the log to forget where the other writer would go on; a day each, so that
/// nothing is joined.
async fn seal_often(ledger: &Ledger, clock: &Clock) {
    for day in 0..8 {
        let spec =
            Spec { event: 100 + u16::from(day), reported: Some(day * 24), ..Spec::default() };
        ledger.append(new_records(&[spec])).await.unwrap();
        ledger.seal().await.unwrap();
        clock.set(clock.now().plus_seconds(60));
    }
}

#[test]
fn a_writer_that_slept_through_a_checkpoint_seals_nothing_where_nobody_reads() {
    run(async {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 10));
        let store = Arc::new(InMemory::new());
        let place = ObjectPlace::over(store, "s3://bucket", JournalPlace::Folder);
        let place = Place::Objects(place);
        let sleeper = opened(first.path(), &place, &clock);
        sleeper.append(new_records(&specs(0..3))).await.unwrap();
        sleeper.seal().await.unwrap();
        copy(first.path(), second.path());

        let writer = opened(second.path(), &place, &clock);
        seal_often(&writer, &clock).await;
        sleeper.append(new_records(&specs(3..4))).await.unwrap();
        let sealed = sleeper.seal().await;
        assert!(matches!(sealed, Err(SealError::TakenOver { .. })), "{sealed:?}");
        assert!(sleeper.status().journal_bytes > 0);
        sleeper.close().await.unwrap();
        writer.close().await.unwrap();
    });
}

#[test]
fn a_writer_that_slept_through_a_checkpoint_removes_no_file_of_the_table() {
    run(async {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 10));
        let store = Arc::new(InMemory::new());
        let place = ObjectPlace::over(store, "s3://bucket", JournalPlace::Objects);
        let place = Place::Objects(place);
        let sleeper = opened(first.path(), &place, &clock);
        for event in 0..3 {
            sleeper.append(new_records(&specs(event * 2 + 1..event * 2 + 2))).await.unwrap();
            sleeper.seal().await.unwrap();
        }

        let writer = opened(second.path(), &place, &clock);
        seal_often(&writer, &clock).await;
        // Its files are few enough to be joined only now.
        clock.set(clock.now().plus_hours(24 * 20));
        let joined = sleeper.compact().await;
        let is_refused = matches!(joined, Err(CompactError::Log(SealError::TakenOver { .. })));
        assert!(is_refused, "{joined:?}");
        sleeper.close().await.unwrap();
        writer.close().await.unwrap();
        let ledger = opened(second.path(), &place, &clock);
        assert_eq!(ledger.status().rows, 11);
        let report = ledger.verify(|_| ControlFlow::Continue(())).await.unwrap();
        assert!(report.damaged.is_empty(), "{:?}", report.damaged);
        ledger.close().await.unwrap();
    });
}
