//! Copying a ledger while it goes on: the copy is the ledger as of the version at which it was held.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{CopyError, JournalPlace, Ledger, LedgerCopy, Outcome, ReadError, verify_folder};
use object_store::memory::InMemory;

use crate::folder::{Home, append, files, new_records, open, run, run_on};
use crate::support::{Clock, Model, Spec, hour, queries, subscription};

fn spec(event: u16) -> Spec {
    Spec {
        event,
        subscription: u8::try_from(event % 2).unwrap(),
        meter: u8::try_from(event % 3).unwrap(),
        instance: u8::try_from(event % 4).unwrap(),
        reported: Some(u8::try_from(event % 40).unwrap()),
        cents: u32::from(event),
        ..Spec::default()
    }
}

fn write(copy: &LedgerCopy, folder: &Path) -> Vec<String> {
    let mut damaged = Vec::new();
    for file in copy.files() {
        let path = folder.join(&file.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        let read: Result<_, ReadError> = file.read(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        damaged.extend(read.unwrap().map(|_| file.name.clone()));
        assert_eq!(bytes.len() as u64, file.bytes, "{}", file.name);
        fs::write(path, bytes).unwrap();
    }
    damaged
}

async fn copied(ledger: &Ledger) -> LedgerCopy {
    ledger.hold().await.unwrap().into_copy(ledger).unwrap()
}

#[test]
fn a_copy_opens_as_the_ledger_that_it_is_of() {
    run(async {
        let clock = Clock::at(hour(50));
        for steps in 0..4 {
            let dir = tempfile::tempdir().unwrap();
            let ledger = open(dir.path(), &clock).unwrap();
            let mut model = Model::default();
            for step in 0..steps {
                let specs: Vec<_> = (step * 20..step * 20 + 20).map(spec).collect();
                append(&ledger, &specs).await;
                model.append(&specs, clock.now());
                if step != 2 {
                    ledger.seal().await.unwrap();
                    ledger.compact().await.unwrap();
                }
            }
            let copy = copied(&ledger).await;
            let other = tempfile::tempdir().unwrap();
            // What comes later is in the ledger alone.
            append(&ledger, &[spec(900)]).await;
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
            assert_eq!(write(&copy, other.path()), [""; 0]);
            let lacks_index =
                verify_folder(other.path(), &mut |_| ControlFlow::Continue(())).unwrap();
            assert!(lacks_index.damaged.iter().all(|damage| damage.file.ends_with("index")));
            let restored = open(other.path(), &clock).unwrap();
            let snapshot = restored.snapshot(None).await.unwrap();
            assert_eq!(snapshot.version(), copy.snapshot().version());
            assert_eq!(snapshot.totals().await.unwrap(), copy.snapshot().totals().await.unwrap());
            for query in (0..2).flat_map(queries) {
                let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
                assert_eq!(page.rows, model.answer(&query, model.last));
            }
            // Ids are known, and commits go on.
            if steps > 0 {
                let again = append(&restored, &[spec(0), spec(900)]).await;
                let next = restored.status().last_commit;
                assert!(matches!(again[0], Outcome::Duplicate(_)), "{again:?}");
                assert_eq!(again[1], Outcome::Stored(next));
            }
            restored.seal().await.unwrap();
            restored.close().await.unwrap();
            assert_eq!(
                verify_folder(other.path(), &mut |_| ControlFlow::Continue(())).unwrap().damaged,
                []
            );
            ledger.close().await.unwrap();
        }
    });
}

#[test]
fn copies_of_a_busy_ledger_have_every_acknowledged_record_up_to_their_version_and_none_above() {
    let clock = Clock::at(hour(50));
    let dir = tempfile::tempdir().unwrap();
    run_on(3, async {
        let ledger = open(dir.path(), &clock).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3_u16)
            .map(|writer| {
                let (ledger, stop) = (ledger.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    let mut event = writer * 20_000;
                    while !stop.load(Ordering::SeqCst) && event < writer * 20_000 + 19_990 {
                        let specs: Vec<_> = (event..event + 7).map(spec).collect();
                        let outcomes = ledger.append(new_records(&specs)).await.unwrap();
                        acknowledged.extend(specs.into_iter().zip(outcomes));
                        event += 7;
                        if writer == 0 && event % 5 == 0 {
                            ledger.seal().await.unwrap();
                            ledger.compact().await.unwrap();
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        let mut copies = Vec::new();
        for _ in 0..6 {
            let copy = copied(&ledger).await;
            let folder = tempfile::tempdir().unwrap();
            write(&copy, folder.path());
            copies.push((copy, folder));
        }
        stop.store(true, Ordering::SeqCst);
        let mut acknowledged = BTreeMap::new();
        for writer in writers {
            for (spec, outcome) in writer.await.unwrap() {
                let Outcome::Stored(commit) = outcome else { panic!("{outcome:?}") };
                acknowledged.insert(spec.record().event_id.as_str().to_owned(), commit);
            }
        }
        ledger.close().await.unwrap();
        for (copy, folder) in copies {
            let restored = open(folder.path(), &clock).unwrap();
            let last = restored.status().last_commit;
            assert_eq!(restored.snapshot(None).await.unwrap().version(), copy.snapshot().version());
            let mut found = BTreeMap::new();
            for number in 0..2 {
                let snapshot = restored.snapshot(None).await.unwrap();
                let all = hour(0)..hour(24 * 31);
                for stored in snapshot.records(subscription(number), all).await.unwrap() {
                    let id = stored.record.event_id.as_str().to_owned();
                    assert!(
                        found.insert(id.clone(), stored.commit).is_none(),
                        "{id} is there twice"
                    );
                }
            }
            let expected: BTreeMap<_, _> =
                acknowledged.iter().filter(|(_, commit)| **commit <= last).collect();
            assert_eq!(found.iter().collect::<BTreeMap<_, _>>(), expected);
            restored.close().await.unwrap();
            assert_eq!(
                verify_folder(folder.path(), &mut |_| ControlFlow::Continue(())).unwrap().damaged,
                []
            );
        }
    });
}

#[test]
fn a_damaged_file_is_copied_as_it_is_and_told() {
    run(async {
        let clock = Clock::at(hour(50));
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        ledger.seal().await.unwrap();
        let day = files(&dir.path().join("usage/data")).pop().unwrap();
        let file = files(&day).pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes[100] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let other = tempfile::tempdir().unwrap();
        let name = file.strip_prefix(dir.path()).unwrap();
        let copy = copied(&ledger).await;
        assert_eq!(write(&copy, other.path()), [name.to_string_lossy()]);
        assert_eq!(fs::read(other.path().join(name)).unwrap(), bytes);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_held_ledger_makes_no_group_commit_until_it_is_let_go() {
    let clock = Clock::at(hour(50));
    let dir = tempfile::tempdir().unwrap();
    run_on(2, async {
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &[spec(1)]).await;
        let held = ledger.hold().await.unwrap();
        let (busy, version) = (ledger.clone(), held.version());
        let appended = tokio::spawn(async move { append(&busy, &[spec(2)]).await });
        // Whether it has come to the committer or not: it is not answered while the ledger is held.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert!(!appended.is_finished());
        let copy = held.into_copy(&ledger).unwrap();
        assert_eq!(copy.snapshot().version(), version);
        assert!(matches!(appended.await.unwrap()[0], Outcome::Stored(commit) if commit.0 == 2));
        // Whoever drops what is held lets go, too.
        drop(ledger.hold().await.unwrap());
        append(&ledger, &[spec(3)]).await;
        ledger.close().await.unwrap();
        assert!(ledger.hold().await.is_err());
    });
}

#[test]
fn a_table_in_an_object_store_is_copied_into_a_folder() {
    run(async {
        let clock = Clock::at(hour(50));
        let home = Home::over(Arc::new(InMemory::new()), JournalPlace::Folder);
        let ledger = home.open(&clock).unwrap();
        let specs: Vec<_> = (0..40).map(spec).collect();
        append(&ledger, &specs[..30]).await;
        ledger.seal().await.unwrap();
        append(&ledger, &specs[30..]).await;
        let copy = copied(&ledger).await;
        let all = hour(-24)..hour(24 * 31);
        let records = async |ledger: &Ledger, number| {
            let snapshot = ledger.snapshot(None).await.unwrap();
            snapshot.records(subscription(number), all.clone()).await.unwrap()
        };
        let right = [records(&ledger, 0).await, records(&ledger, 1).await];
        ledger.close().await.unwrap();
        let other = tempfile::tempdir().unwrap();
        assert_eq!(write(&copy, other.path()), [""; 0]);
        let restored = open(other.path(), &clock).unwrap();
        assert_eq!([records(&restored, 0).await, records(&restored, 1).await], right);
        assert_eq!(restored.status().rows, 40);
        restored.close().await.unwrap();

        let home = Home::over(Arc::new(InMemory::new()), JournalPlace::Objects);
        let ledger = home.open(&clock).unwrap();
        let refused = ledger.hold().await.unwrap().into_copy(&ledger).err();
        assert!(matches!(refused, Some(CopyError::JournalInObjects)));
        ledger.close().await.unwrap();
    });
}
