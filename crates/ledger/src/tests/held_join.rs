//! A join that is held at a step keeps nobody waiting, and what happens meanwhile is neither lost nor doubled.

use super::*;

/// How long a test waits for what never takes long, so that it fails and does not hang.
const PATIENCE: Duration = Duration::from_secs(120);
/// Seals while a join is held: more than the compactor's queue takes words of.
const SEALS: u16 = 7;

/// A ledger of which the first step of a kind is held until it is let go, or nobody can let it go any more.
fn held(at: Step) -> (Seams, Receiver<()>, SyncSender<()>) {
    let (enter, entered) = sync_channel(1);
    let (go, wait) = sync_channel::<()>(1);
    let first = std::sync::Mutex::new(Some(wait));
    let after_step = Arc::new(move |step: Step| {
        if step != at {
            return;
        }
        let wait = first.lock().unwrap().take();
        if let Some(wait) = wait {
            let _ = enter.send(());
            let _ = wait.recv_timeout(2 * PATIENCE);
        }
    });
    (Seams { after_step, ..Seams::default() }, entered, go)
}

async fn assert_pages(ledger: &Ledger, model: &Model, while_what: &str) {
    let snapshot = ledger.snapshot(None).await.unwrap();
    for query in (0..2).flat_map(queries) {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = snapshot.usage_page(&query, after, 7).await.unwrap();
            after = page.rows.last().map(|row| row.key);
            rows.extend(page.rows);
            if !page.more {
                break;
            }
        }
        assert_eq!(rows, model.answer(&query, model.last), "{while_what}: {query:?}");
    }
}

/// Appends, reads and seals while a join is held. The steps by which the log and the readers get to know of a
/// joined file are the sealer's own: a seal waits for these two, and for them alone.
async fn check(at: Step, seals_meanwhile: bool) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(24 * 10)));
    let (seams, entered, go) = held(at);
    let ledger = Ledger::open_with(dir.path(), options(&clock), seams).unwrap();
    let mut model = Model::default();
    for part in 0..2 {
        let records = specs(part * 60..part * 60 + 60);
        ledger.append(new_records(&records)).await.unwrap();
        model.append(&records, clock.now());
        ledger.seal().await.unwrap();
    }
    let joining = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.compact().await }
    });
    let entered = tokio::task::spawn_blocking(move || entered.recv_timeout(PATIENCE));
    entered.await.unwrap().unwrap_or_else(|error| panic!("{at:?} was not reached: {error}"));

    let mut sealing = Vec::new();
    let meanwhile = async {
        for part in 0..SEALS {
            let records = specs(120 + part * 10..130 + part * 10);
            ledger.append(new_records(&records)).await.unwrap();
            model.append(&records, clock.now());
            assert_pages(&ledger, &model, &format!("held at {at:?}")).await;
            if seals_meanwhile {
                ledger.seal().await.unwrap();
                assert_eq!(ledger.status().journal_bytes, 0, "held at {at:?}");
            } else {
                let ledger = ledger.clone();
                sealing.push(tokio::spawn(async move { ledger.seal().await }));
            }
            assert_pages(&ledger, &model, &format!("held at {at:?}, after appends")).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, meanwhile).await;
    assert!(done.is_ok(), "something waits for a join that is held at {at:?}");
    assert!(!joining.is_finished(), "{at:?} was not held");
    assert!(sealing.iter().all(|seal| !seal.is_finished()), "{at:?} is the sealer's");
    go.send(()).unwrap();

    let all = async {
        joining.await.unwrap().unwrap();
        for seal in sealing {
            seal.await.unwrap().unwrap();
        }
        ledger.compact().await.unwrap();
    };
    let done = tokio::time::timeout(PATIENCE, all).await;
    assert!(done.is_ok(), "a join that was held at {at:?} does not go on");
    assert_pages(&ledger, &model, &format!("after {at:?}")).await;
    ledger.close().await.unwrap();
    assert_holds(dir.path(), &clock, &model).await;
}

#[test]
fn appends_pages_and_seals_go_on_while_a_join_is_held() {
    run(async {
        check(Step::Joined, true).await;
        check(Step::JoinLogged, false).await;
        check(Step::JoinPublished, false).await;
        check(Step::Cleared, true).await;
    });
}
