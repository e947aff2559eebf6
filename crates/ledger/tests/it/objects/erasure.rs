//! Erasing from an object store that fails: it ends, and no object has a name any more.

use std::ops::ControlFlow;

use domain::erasure::ErasureKey;
use futures_util::stream::StreamExt;
use ledger::Erasure;

use super::*;

/// Objects of a store that have a text in them, and how many data files there are.
async fn objects_with(store: &InMemory, text: &str) -> (Vec<Path>, u64) {
    let (mut found, mut files) = (Vec::new(), 0);
    let mut listed = store.list(None);
    while let Some(object) = listed.next().await {
        let path = object.unwrap().location;
        let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
        files += u64::from(path.as_ref().contains("/data/reported_day="));
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path);
        }
    }
    (found, files)
}

#[test]
fn an_erasure_ends_whatever_the_store_does() {
    for seed in 0..6 {
        for journal in [JournalPlace::Folder, JournalPlace::Objects] {
            run(erase_in(seed, journal));
        }
    }
}

async fn erase_in(seed: u64, journal: JournalPlace) {
    let context = format!("seed {seed}, {journal:?}");
    let world = World::new(seed);
    let clock = Clock::at(hour(24 * 9));
    let home = Home::over(world.wire(), journal);
    let mut ledger = open(&home, &clock, &context);
    let named = |event| Spec { instance: 1 + u8::try_from(event % 3).unwrap(), ..spec(event) };
    for part in 0..4 {
        let specs: Vec<Spec> = (part * 20..part * 20 + 20).map(named).collect();
        append(&ledger, &specs).await;
        if part < 3 {
            ledger.seal().await.unwrap();
        }
    }
    assert!(objects_with(&world.store, "Grün").await.0.len() > 1, "{context}");
    let key = ErasureKey::from_bytes([3; 32]);
    let erasure =
        Erasure { subscription: subscription(0), before: None, since: None, key: key.clone() };
    world.percent.store(25, SeqCst);
    let mut attempts = 0;
    loop {
        let erased = ledger.erase(vec![erasure.clone()], |_| ControlFlow::Continue(())).await;
        // What could not be read this time is asked for again.
        if erased.as_ref().is_ok_and(|report| report.of[0].left.is_empty()) {
            break;
        }
        attempts += 1;
        assert!(attempts < 200, "{context}: {erased:?}");
        if !ledger.status().writable {
            ledger.close().await.unwrap();
            ledger = open(&home, &clock, &context);
        }
    }
    world.percent.store(0, SeqCst);
    ledger.close().await.unwrap();
    // What is still under way comes before the ledger is opened again.
    for _ in 0..60 {
        let _ = world.wire().head(&Path::from("nothing")).await;
    }
    let ledger = open(&home, &clock, &context);
    ledger.compact().await.unwrap();
    let snapshot = ledger.snapshot(None).await.unwrap();
    let records = snapshot.records(subscription(0), hour(0)..hour(24 * 31)).await.unwrap();
    assert_eq!(records.len(), 80, "{context}");
    for stored in records {
        let event: u16 = stored.record.event_id.as_str()[6..].parse().unwrap();
        let sent = named(event).record();
        assert_eq!(*stored.record.instance, sent.instance.erased(&key), "{context}");
        assert_eq!(stored.content_hash(), sent.content_hash(), "{context}");
    }
    let (found, files) = objects_with(&world.store, "Grün").await;
    assert_eq!((found, files), (vec![], ledger.status().files), "{context}");
    drop(snapshot);
    ledger.close().await.unwrap();
}
