//! Backups over the router, and what is restored of them; checks of the ledger.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::config::Settings;
use server::{App, RestoreError, Restoring, restore, service, verify_folder};
use tokio::sync::watch;
use tower::ServiceExt;
use wire::own::{BackupKeys, BackupManifest, Passphrase, RestoredKeys, VerifyLine, VerifyReport};

use crate::world::World;

const SUBSCRIPTIONS: [&str; 2] =
    ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
const PASSPHRASE: &str = "correct horse battery";
const PLAIN: &str = "a-stranger-of-no-role";

/// A server with usage in the table and in the journal.
async fn world() -> (World, String) {
    let world = World::open(|_| String::new()).await;
    let token = world.app.administrator_token().unwrap();
    for id in SUBSCRIPTIONS {
        world.subscribe(&token, id, &world.app.tenant().to_string()).await;
    }
    send(&world, &token, 0..20).await;
    assert_eq!(world.post("/tallyhouse/v1/ledger/seal", &token, json!({})).await.outcome(), "204");
    send(&world, &token, 20..25).await;
    (world, token)
}

fn event(id: u32, subscription: usize, quantity: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:a",
        "id": format!("e-{id}"),
        "data": {
            "subscriptionId": SUBSCRIPTIONS[subscription],
            "meterId": "e41c0dc6-9337-49a0-88a8-68df68c0b6b5",
            "usageStartTime": "2026-02-10T00:00:00Z",
            "usageEndTime": "2026-02-10T01:00:00Z", "quantity": quantity,
        },
    })
}

async fn send(world: &World, token: &str, events: std::ops::Range<usize>) {
    let number = |number: usize| u32::try_from(number).unwrap();
    let events = events.map(|at| event(number(at), at % 2, &format!("{at}.5")));
    send_all(world, token, events).await;
}

async fn send_all(world: &World, token: &str, events: impl IntoIterator<Item = Value>) {
    let events: Vec<_> = events.into_iter().collect();
    let request = Request::post("/tallyhouse/v1/events");
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/cloudevents-batch+json");
    let answer = world.send(request.body(Body::from(json!(events).to_string())).unwrap()).await;
    assert!(answer.status.is_success(), "{}", answer.message());
}

/// Takes a backup into a folder, with the keys if told so.
async fn back_up(world: &World, token: &str, keys: bool, folder: &Path) -> BackupManifest {
    let asked = if keys { json!({ "keysPassphrase": PASSPHRASE }) } else { json!({}) };
    let answer = world.post("/tallyhouse/v1/backup", token, asked).await;
    assert_eq!(answer.outcome(), "200");
    assert_eq!(answer.headers["content-type"], "application/x-tar");
    unpack(&answer.body, folder)
}

fn unpack(body: &[u8], folder: &Path) -> BackupManifest {
    let mut members = wire::tar::Reader::new(body);
    while let Some(member) = members.next_member().unwrap() {
        let path = folder.join(&member.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        members.read_to_end(&mut bytes).unwrap();
        fs::write(path, bytes).unwrap();
    }
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// A server on a data folder, with a clock of its own.
struct Restored {
    router: Router,
    token: String,
}

impl Restored {
    async fn open(data: &Path) -> Self {
        let config = Settings::default().into_config(data.to_owned()).unwrap();
        let ids = Arc::new(|| uuid::Uuid::from_u128(1));
        let app = App::open(config, server::clock::system(), ids).await.unwrap();
        Self { router: service(&app), token: app.administrator_token().unwrap() }
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.send(Request::get(path), token, Body::empty()).await
    }

    /// How many of these events were new, and how many were there before.
    async fn take(&self, events: &[Value]) -> (u64, u64) {
        let request = Request::post("/tallyhouse/v1/events")
            .header("content-type", "application/cloudevents-batch+json");
        let (status, answer) =
            self.send(request, &self.token, json!(events).to_string().into()).await;
        assert_eq!(status, 200, "{answer}");
        (answer["accepted"].as_u64().unwrap(), answer["duplicate"].as_u64().unwrap())
    }

    async fn send(&self, request: http::request::Builder, token: &str, body: Body) -> (u16, Value) {
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.header("host", "billing.example").body(body).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

fn check(
    backup: &Path,
    data: &Path,
    verify: bool,
) -> Result<wire::own::RestoreReport, RestoreError> {
    check_with(backup, data, verify, None)
}

fn check_with(
    backup: &Path,
    data: &Path,
    verify: bool,
    passphrase: Option<&str>,
) -> Result<wire::own::RestoreReport, RestoreError> {
    let passphrase = passphrase.map(|text| Passphrase::parse(text).unwrap());
    let passphrase = passphrase.as_ref();
    let restoring = Restoring { backup, data, passphrase, verify };
    // Of a command, which has no runtime.
    std::thread::scope(|scope| scope.spawn(|| restore(restoring, &mut |_| {})).join().unwrap())
}

fn usage(subscription: &str) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates?\
         api-version=2015-06-01-preview&reportedStartTime=2026-02-10T00:00:00Z\
         &reportedEndTime=2026-02-11T00:00:00Z&aggregationGranularity=Hourly"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_answers_as_of_the_backup_and_keeps_the_keys_if_told_so() {
    let (world, token) = world().await;
    world.pass(2 * 86_400);
    let before = world.get("/tallyhouse/v1/subscriptions", &token).await.json();
    for (keys, passphrase, expected) in [
        (BackupKeys::LeftOut, None, RestoredKeys::LeftOut),
        (BackupKeys::Encrypted, None, RestoredKeys::NotRestored),
        (BackupKeys::Encrypted, Some(PASSPHRASE), RestoredKeys::Restored),
    ] {
        let with_keys = keys == BackupKeys::Encrypted;
        let [backup, data] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let manifest = back_up(&world, &token, with_keys, backup.path()).await;
        assert_eq!((manifest.keys, manifest.damaged.len()), (keys, 0));
        let totals = manifest.totals.unwrap();
        assert_eq!((totals.rows, totals.subscriptions.len()), (25, 2));
        let has = |name: &str| manifest.files.iter().any(|file| file.path.starts_with(name));
        assert_eq!((has("keys.sealed"), has("keys/"), has("ca.pem")), (with_keys, false, false));

        let report = check_with(backup.path(), data.path(), true, passphrase).unwrap();
        assert_eq!((report.verified_rows, report.keys), (Some(25), expected));
        let is_restored = expected == RestoredKeys::Restored;
        assert_eq!(data.path().join("keys").exists(), is_restored);
        assert!(!data.path().join("keys.sealed").exists());
        let restored = Restored::open(data.path()).await;
        let own = &restored.token;
        let (status, found) = restored.get("/tallyhouse/v1/subscriptions", own).await;
        assert_eq!((status, &found), (200, &before));
        // With the keys, tokens that were given out still count.
        let (status, _) = restored.get("/tallyhouse/v1/subscriptions", &token).await;
        assert_eq!(status, if is_restored { 200 } else { 401 });
        let (_, audited) = restored.get("/tallyhouse/v1/audit-log?$top=1", own).await;
        assert_eq!(audited["value"][0]["operation"], "backups/write");
        for subscription in SUBSCRIPTIONS {
            let (_, page) = restored.get(&usage(subscription), own).await;
            let expected = world.get(&usage(subscription), &token).await.json();
            assert!(!expected["value"].as_array().unwrap().is_empty(), "{expected}");
            assert_eq!(page["value"], expected["value"]);
        }
    }
    // What comes later is in no earlier backup, and the server went on.
    send(&world, &token, 25..30).await;
}

const SENDERS: u32 = 3;
const BATCH: u32 = 20;
/// Batches that each sender has acknowledged before the backup is asked for.
const BATCHES_BEFORE: u32 = 4;
/// Batches that each sends at most until the backup's answer begins.
const BATCHES_MOST: u32 = 100;
/// Batches that each sends further, as long as the answer has not come to its end.
const BATCHES_LATER: u32 = 2;
/// How long all of it takes at most: a bound, far from what it takes.
const LOAD_MOST: Duration = Duration::from_secs(180);

/// What one of several senders sends, one batch after the other.
struct Sender {
    /// Which one it is: it has ids of its own.
    number: u32,
    /// How many batches are acknowledged.
    acknowledged: watch::Sender<u32>,
}

impl Sender {
    fn events(&self, batch: u32) -> Vec<Value> {
        let first = 100 + self.number * 1_000_000 + batch * BATCH;
        let event_of = |id: u32| event(id, usize::from(id.is_multiple_of(3)), "1");
        (first..first + BATCH).map(event_of).collect()
    }

    /// Sends batches as long as there are fewer than `most`, until that is closed.
    async fn load(&self, world: &World, token: &str, mut most: watch::Receiver<u32>) {
        while most.wait_for(|most| self.count() < *most).await.is_ok() {
            send_all(world, token, self.events(self.count())).await;
            self.acknowledged.send_modify(|count| *count += 1);
        }
    }

    fn count(&self) -> u32 {
        *self.acknowledged.borrow()
    }

    async fn has(&self, count: u32) {
        self.acknowledged.subscribe().wait_for(|now| *now >= count).await.unwrap();
    }
}

/// A backup that was taken while senders sent.
struct TakenUnderLoad {
    manifest: BackupManifest,
    /// Batches of each sender that were acknowledged before it was asked for.
    before: Vec<u32>,
    /// Batches of each that were acknowledged when its answer had begun.
    begun: Vec<u32>,
}

/// Takes a backup. The end of its answer is taken only after each sender has sent further batches.
async fn back_up_under_load(
    world: &World,
    token: &str,
    senders: &[Sender],
    most: watch::Sender<u32>,
    folder: &Path,
) -> TakenUnderLoad {
    let counts = || senders.iter().map(Sender::count).collect::<Vec<_>>();
    join_all(senders.iter().map(|sender| sender.has(BATCHES_BEFORE))).await;
    let before = counts();
    let request = Request::post("/tallyhouse/v1/backup");
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::empty()).unwrap();
    let answer = service(&world.app).oneshot(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let begun = counts();
    most.send_modify(|most| *most += BATCHES_LATER);
    let later = senders.iter().zip(&begun).map(|(sender, begun)| sender.has(begun + BATCHES_LATER));
    join_all(later).await;
    let rest = body.collect().await.unwrap().to_bytes();
    most.send_replace(0); // and closed
    let manifest = unpack(&[first, rest].concat(), folder);
    TakenUnderLoad { manifest, before, begun }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_server_has_what_was_acknowledged_before_it_and_nothing_twice() {
    let (world, token) = world().await;
    let sender = |number| Sender { number, acknowledged: watch::Sender::new(0) };
    let senders: Vec<_> = (0..SENDERS).map(sender).collect();
    let (most, told) = watch::channel(BATCHES_MOST);
    let loads = join_all(senders.iter().map(|sender| sender.load(&world, &token, told.clone())));
    let seals = async {
        while *told.borrow() > 0 {
            for path in ["/tallyhouse/v1/ledger/seal", "/tallyhouse/v1/ledger/compact"] {
                assert_eq!(world.post(path, &token, json!({})).await.outcome(), "204");
            }
        }
    };
    let [backup, data] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let taking = back_up_under_load(&world, &token, &senders, most, backup.path());
    let all = async { tokio::join!(loads, seals, taking) };
    let (_, (), taken) = tokio::time::timeout(LOAD_MOST, all).await.unwrap();

    let report = check(backup.path(), data.path(), true).unwrap();
    let rows = taken.manifest.totals.unwrap().rows;
    assert_eq!(report.verified_rows, Some(rows));
    let restored = Restored::open(data.path()).await;
    let (whole, mut known_batches) = (u64::from(BATCH), 0);
    for (sender, (before, begun)) in senders.iter().zip(taken.before.iter().zip(taken.begun)) {
        let mut outcomes = Vec::new();
        for batch in 0..sender.count() {
            outcomes.push(restored.take(&sender.events(batch)).await);
        }
        // Each batch is there as a whole up to one point, and from there on none is.
        let known = outcomes.iter().take_while(|outcome| **outcome == (0, whole)).count();
        assert!(outcomes[known..].iter().all(|outcome| *outcome == (whole, 0)), "{outcomes:?}");
        // One that was under way when the answer began may be there.
        let known = u32::try_from(known).unwrap();
        assert!((*before..=begun + 1).contains(&known), "{known}: {before} to {begun} and one");
        assert!(known < sender.count(), "{known}");
        known_batches += u64::from(known);
    }
    assert_eq!(rows, 25 + known_batches * whole);
    for subscription in SUBSCRIPTIONS {
        let range = "from=2026-02-01&to=2026-03-01&groupBy=meter";
        let path = format!("/tallyhouse/v1/subscriptions/{subscription}/cost?{range}");
        let quantity = |cost: &Value| cost["unpriced"][0]["quantity"].as_str().map(str::to_owned);
        let expected = quantity(&world.get(&path, &token).await.json());
        assert!(expected.is_some());
        assert_eq!(quantity(&restored.get(&path, &restored.token).await.1), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_open_are_told_by_file_before_anything_is_written() {
    let (world, token) = world().await;
    for (body, secret) in [
        (json!({ "keysPassphrase": "too short" }), "too short"),
        (json!({ "keysPassphrase": 417_417_417_417_u64 }), "417"),
        (json!({ "correct horse": true }), "horse"),
        (json!(PASSPHRASE), "horse"),
        (json!(417_417_417_417_u64), "417"),
    ] {
        let refused = world.post("/tallyhouse/v1/backup", &token, body).await;
        assert_eq!(refused.status.as_u16(), 400, "{secret}");
        let message = refused.message();
        assert!(message.contains("not as expected at line 1 column "), "{message}");
        assert!(message.contains("a passphrase has 12 to 1024 bytes"), "{message}");
        assert!(!message.contains(secret), "{message}");
    }

    let [without, backup] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    back_up(&world, &token, false, without.path()).await;
    back_up(&world, &token, true, backup.path()).await;
    let refused = |backup: &Path, passphrase: Option<&str>, what: &str| {
        let above = tempfile::tempdir().unwrap();
        let data = above.path().join("data");
        let error = check_with(backup, &data, true, passphrase).unwrap_err();
        assert!(error.to_string().contains(what), "{what}: {error}");
        assert!(!data.exists(), "{what}");
    };
    refused(without.path(), Some(PASSPHRASE), "has no private keys: they were left out");
    let other = "keys.sealed does not open: the passphrase is another one";
    refused(backup.path(), Some("correct horse batterz"), other);
    let file = backup.path().join("keys.sealed");
    let good = fs::read(&file).unwrap();
    for place in [0, 12, 20, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(&file, bad).unwrap();
        let damaged = "keys.sealed of the backup is damaged: its bytes are not those";
        refused(backup.path(), Some(PASSPHRASE), damaged);
        refused(backup.path(), None, damaged);
    }
    // The passphrase is in no audit log, nor in the backup.
    let audited = world.get("/tallyhouse/v1/audit-log", &token).await;
    let accounts = fs::read(backup.path().join("accounts.db")).unwrap();
    for bytes in [&audited.body, &accounts] {
        assert!(!bytes.windows(PASSPHRASE.len()).any(|text| text == PASSPHRASE.as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_whole_or_is_damaged_is_refused_by_name() {
    let (world, token) = world().await;
    let backup = tempfile::tempdir().unwrap();
    let manifest = back_up(&world, &token, false, backup.path()).await;
    let refused = |what: &str| {
        let data = tempfile::tempdir().unwrap();
        let error = check(backup.path(), data.path(), false).unwrap_err();
        assert!(error.to_string().contains(what), "{what}: {error}");
        data
    };
    let data = manifest.files.iter().find(|file| file.path.ends_with(".parquet")).unwrap();
    let file = backup.path().join(&data.path);
    let good = fs::read(&file).unwrap();

    let mut bad = good.clone();
    bad[50] ^= 1;
    fs::write(&file, &bad).unwrap();
    let begun = refused("its bytes are not those that were backed up");
    // What was begun is opened by no server, and restored over by nobody.
    let config = Settings::default().into_config(begun.path().to_owned()).unwrap();
    let ids = Arc::new(|| uuid::Uuid::from_u128(1));
    let opened = App::open(config, server::clock::system(), ids).await.unwrap_err();
    assert!(opened.to_string().contains("did not finish"), "{opened}");
    fs::write(&file, &good).unwrap();
    let again = check(backup.path(), begun.path(), false).unwrap_err();
    assert!(matches!(again, RestoreError::NotEmpty(_)), "{again}");

    fs::write(&file, &good[1..]).unwrap();
    refused("bytes in the place of");
    fs::remove_file(&file).unwrap();
    refused("it is missing");
    fs::write(&file, &good).unwrap();

    let path = backup.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (old, new, what) in [
        ("\"format\": 1", "\"format\": 2", "newer than 1"),
        ("\"path\": \"accounts.db\"", "\"path\": \"../accounts.db\"", "leads elsewhere"),
        ("\"keys\": \"leftOut\"", "\"keys\": true", "it has private keys in plain"),
        ("\"keys\": \"leftOut\"", "\"keys\": maybe", "manifest.json of the backup is damaged"),
    ] {
        assert!(text.contains(old), "{old}");
        fs::write(&path, text.replace(old, new)).unwrap();
        refused(what);
    }
    // As an earlier version said that they are left out.
    fs::write(&path, text.replace("\"keys\": \"leftOut\"", "\"keys\": false")).unwrap();
    let data = tempfile::tempdir().unwrap();
    let report = check(backup.path(), data.path(), true).unwrap();
    assert_eq!((report.keys, report.verified_rows), (RestoredKeys::LeftOut, Some(25)));
    fs::remove_file(&path).unwrap();
    refused("is no whole backup");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_totals_than_those_of_the_manifest_are_told_by_subscription() {
    let (world, token) = world().await;
    let backup = tempfile::tempdir().unwrap();
    let manifest = back_up(&world, &token, false, backup.path()).await;
    let path = backup.path().join("manifest.json");
    let hash = &manifest.totals.as_ref().unwrap().subscriptions[1].hash;
    let text = fs::read_to_string(&path).unwrap();
    let other =
        format!("{:x}{}", 15 - hash[..1].chars().next().unwrap().to_digit(16).unwrap(), &hash[1..]);
    fs::write(&path, text.replace(hash.as_str(), &other)).unwrap();
    let data = tempfile::tempdir().unwrap();
    let error = check(backup.path(), data.path(), true).unwrap_err().to_string();
    assert!(error.contains(&format!("subscription {} had 12 rows", SUBSCRIPTIONS[1])), "{error}");
    assert_eq!(fs::read_to_string(data.path().join("format")).unwrap(), "restoring\n");
}

/// A backup of a ledger with these events, as (id, subscription, quantity).
async fn backup_of(events: &[(u32, usize, &str)]) -> (tempfile::TempDir, BackupManifest) {
    let world = World::open(|_| String::new()).await;
    let token = world.app.administrator_token().unwrap();
    for id in SUBSCRIPTIONS {
        world.subscribe(&token, id, &world.app.tenant().to_string()).await;
    }
    send_all(&world, &token, events.iter().map(|&(id, of, quantity)| event(id, of, quantity)))
        .await;
    assert_eq!(world.post("/tallyhouse/v1/ledger/seal", &token, json!({})).await.outcome(), "204");
    // Two group commits in the journal.
    for id in [100, 101] {
        send_all(&world, &token, [event(id, 0, "1")]).await;
    }
    let backup = tempfile::tempdir().unwrap();
    let manifest = back_up(&world, &token, false, backup.path()).await;
    (backup, manifest)
}

fn write_manifest(backup: &Path, manifest: &BackupManifest) {
    fs::write(backup.join("manifest.json"), serde_json::to_vec(manifest).unwrap()).unwrap();
}

/// The files are sound, each by itself and by the manifest: only totals can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_missing_or_doubled_is_told_by_subscription() {
    let (_, good) = backup_of(&[(1, 0, "2"), (2, 1, "3"), (3, 1, "4")]).await;
    for (what, events, told) in [
        ("changed", &[(1, 0, "2"), (2, 1, "3"), (3, 1, "5")][..], "had 2 rows and has 2"),
        ("missing", &[(1, 0, "2"), (2, 1, "3")], "had 2 rows and has 1"),
        ("doubled", &[(1, 0, "2"), (2, 1, "3"), (3, 1, "4"), (4, 1, "4")], "had 2 rows and has 3"),
        ("as it was", &[(1, 0, "2"), (2, 1, "3"), (3, 1, "4")], ""),
    ] {
        let (backup, mut manifest) = backup_of(events).await;
        manifest.totals.clone_from(&good.totals);
        write_manifest(backup.path(), &manifest);
        let data = tempfile::tempdir().unwrap();
        match check(backup.path(), data.path(), true) {
            Ok(report) => assert_eq!((what, report.verified_rows), ("as it was", Some(5))),
            Err(error) => {
                let told = format!("subscription {} {told}", SUBSCRIPTIONS[1]);
                assert_ne!(what, "as it was");
                assert!(error.to_string().contains(&told), "{what}: {error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_the_journal_that_is_gone_is_told() {
    let (backup, mut manifest) = backup_of(&[(1, 0, "2")]).await;
    let is_journal = |path: &str| path.starts_with("ledger/journal/");
    let listed = manifest.files.iter_mut().find(|file| is_journal(&file.path)).unwrap();
    let path = backup.path().join(&listed.path);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.windows(4).rposition(|magic| magic == b"TLYJ").unwrap();
    assert_ne!(last, 0);
    bytes.truncate(last);
    let mut hash = wire::own::FileHash::default();
    hash.update(&bytes);
    (listed.bytes, listed.hash) = (bytes.len() as u64, hash.text());
    fs::write(&path, bytes).unwrap();
    write_manifest(backup.path(), &manifest);
    let data = tempfile::tempdir().unwrap();
    let error = check(backup.path(), data.path(), true).unwrap_err().to_string();
    assert!(error.contains("the ledger is of version"), "{error}");
}

fn report(body: &[u8]) -> VerifyReport {
    let lines = String::from_utf8(body.to_vec()).unwrap();
    let last = lines.lines().last().unwrap();
    match serde_json::from_str(last).unwrap() {
        VerifyLine::Report(report) => report,
        VerifyLine::Progress(_) => panic!("no report: {lines}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_what_is_damaged_of_a_running_server_and_of_a_stopped_one() {
    let (world, token) = world().await;
    let refused = world.get("/tallyhouse/v1/ledger/verify", PLAIN).await;
    assert_eq!(refused.status.as_u16(), 401);
    let answer = world.get("/tallyhouse/v1/ledger/verify", &token).await;
    let sound = report(&answer.body);
    assert!(sound.sound && sound.damaged.is_empty(), "{sound:?}");
    assert_eq!((sound.rows, sound.journal_records, sound.identities), (20, 5, 20));

    let ledger = world.folder().join("data/ledger");
    let day = ledger.join("usage/data/reported_day=2026-02-10");
    let file = fs::read_dir(day).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    bytes[99] ^= 4;
    fs::write(&file, bytes).unwrap();
    let name = file.strip_prefix(&ledger).unwrap().display().to_string();
    let found = report(&world.get("/tallyhouse/v1/ledger/verify", &token).await.body);
    let files: Vec<_> = found.damaged.iter().map(|damaged| damaged.file.clone()).collect();
    assert_eq!((found.sound, files), (false, vec![name.clone()]));

    // A backup has the file as it is, and says so.
    let backup = tempfile::tempdir().unwrap();
    let manifest = back_up(&world, &token, false, backup.path()).await;
    assert_eq!(manifest.damaged[0].file, format!("ledger/{name}"));
    assert_eq!(manifest.totals, None);
    let data = tempfile::tempdir().unwrap();
    let unproven = check(backup.path(), data.path(), true).unwrap_err().to_string();
    assert!(unproven.contains("it has no totals"), "{unproven}");
    let data = tempfile::tempdir().unwrap();
    assert_eq!(check(backup.path(), data.path(), false).unwrap().damaged, manifest.damaged);
    let offline = verify_folder(data.path(), &mut |_| {}).unwrap();
    assert!(offline.damaged.iter().any(|damaged| damaged.file == name), "{offline:?}");
}
