//! The accounts file: what goes in comes out, after every reopening, and nothing else happens to it.

use std::path::{Path, PathBuf};

use domain::catalogue::RateCardKey;
use domain::decimal::Money;
use domain::id::{
    Country, Currency, ErasureId, Locale, MeterId, ObjectId, OfferId, RoleAssignmentId, RoleId,
    Source, SubscriptionId, TenantId,
};
use domain::period::AnchorDay;
use domain::time::{Date, UtcTime};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

use self::subscription_changes::change;
use crate::*;

mod assignments;
mod audit;
mod copy;
mod custom_roles;
mod erasures;
mod format;
mod keeping;
mod meter_aliases;
mod price_overrides;
mod resource_group_tags;
mod service_principals;
mod subscription_changes;
mod watermarks;

const BY: &str = "tester";

fn at(seconds: i64) -> UtcTime {
    UtcTime::from_micros(1_760_000_000_000_000 + seconds * 1_000_000).unwrap()
}

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn subscription_id(id: u128) -> SubscriptionId {
    SubscriptionId::from_bits(id)
}

fn meter(id: u128) -> MeterId {
    MeterId::from_bits(id)
}

/// Accounts in a folder that is removed with them.
struct Fixture {
    accounts: Accounts,
    path: PathBuf,
    _folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.db");
        let accounts = Accounts::open(&path, at(0)).await.unwrap();
        Self { accounts, path, _folder: folder }
    }

    async fn reopened(self) -> Self {
        self.accounts.close().await.unwrap();
        let accounts = Accounts::open(&self.path, at(100)).await.unwrap();
        Self { accounts, ..self }
    }

    async fn with_subscription(self, id: u128) -> Self {
        let new = self.subscription(id, "Contoso");
        self.accounts.create_subscription(new, BY, at(1)).await.unwrap();
        self
    }

    fn subscription(&self, id: u128, name: &str) -> NewSubscription {
        NewSubscription {
            id: SubscriptionId::from_bits(id),
            name: DisplayName::parse(name).unwrap(),
            tenant: self.accounts.installation().tenant,
            offer: OfferId::parse("MS-AZR-0062P").unwrap(),
            currency: Currency::parse("USD").unwrap(),
            locale: Locale::parse("en-US").unwrap(),
            region: Country::parse("US").unwrap(),
            anchor: AnchorDay::new(14).unwrap(),
            commitment: None,
            invoice_download: false,
            buyer: None,
        }
    }

    /// Runs SQL behind the accounts' back.
    async fn sql(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        run_sql(&self.path, sql).await
    }
}

async fn run_sql(path: &Path, sql: &'static str) -> Result<(), sqlx::Error> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    connection.close().await
}

/// Adds revisions up to 10,003, and rows that are made of them.
async fn fill(fixture: &Fixture, rows: &'static str) {
    let revisions = "INSERT INTO revision
        WITH RECURSIVE count (n) AS
            (SELECT max(number) + 1 FROM revision UNION ALL SELECT n + 1 FROM count WHERE n < 10003)
        SELECT n, 1760000000000000, '', '' FROM count";
    fixture.sql(revisions).await.unwrap();
    fixture.sql(rows).await.unwrap();
}

fn role(name: &str) -> RoleId {
    BUILT_IN.iter().find(|role| role.name == name).unwrap().id
}

fn scope(id: u128, below: &str) -> Scope {
    Scope::parse(&format!("/subscriptions/{}{below}", SubscriptionId::from_bits(id))).unwrap()
}

fn grant(principal: u128, name: &str, scope: Scope) -> NewRoleAssignment {
    NewRoleAssignment {
        id: None,
        principal: ObjectId::from_bits(principal),
        principal_type: None,
        role: role(name),
        scope,
        description: None,
    }
}

#[tokio::test]
async fn the_first_run_makes_an_installation_that_stays() {
    let first = Fixture::new().await;
    let installation = first.accounts.installation();
    assert_eq!(first.accounts.tenants().await.unwrap(), [installation.tenant]);
    assert_eq!(first.accounts.revision().await.unwrap(), Revision(1));
    let other = Fixture::new().await;
    assert_ne!(other.accounts.installation(), installation);
    let again = first.reopened().await;
    assert_eq!(again.accounts.installation(), installation);
    assert_eq!(again.accounts.revision().await.unwrap(), Revision(1));
}

#[tokio::test]
async fn a_subscription_comes_back_as_it_was_made() {
    let fixture = Fixture::new().await;
    let made =
        fixture.accounts.create_subscription(fixture.subscription(7, "Café 東京"), BY, at(5));
    let made = made.await.unwrap();
    assert_eq!((made.revision, made.changed_at), (Revision(2), at(5)));
    fixture
        .accounts
        .create_subscription(fixture.subscription(3, "Café 東京"), BY, at(6))
        .await
        .unwrap();
    let fixture = fixture.reopened().await;
    let all = fixture.accounts.subscriptions().await.unwrap();
    assert_eq!(all.iter().map(|one| one.id.to_bits()).collect::<Vec<_>>(), [3, 7]);
    assert_eq!(all[1], made);
}

#[tokio::test]
async fn a_refused_change_leaves_no_trace() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let before = fixture.accounts.revision().await.unwrap();
    let same = fixture.subscription(1, "Other");
    let refused = fixture.accounts.create_subscription(same, BY, at(9)).await.unwrap_err();
    assert!(matches!(refused, CreateSubscriptionError::Exists(id) if id.to_bits() == 1));
    assert_eq!(fixture.accounts.revision().await.unwrap(), before);
    assert_eq!(fixture.accounts.subscriptions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_tenant_comes_with_its_first_subscription() {
    let fixture = Fixture::new().await;
    let own = fixture.accounts.installation().tenant;
    for (id, tenant) in [(1, 9), (2, 3), (4, 9)] {
        let mut new = fixture.subscription(id, "Contoso");
        new.tenant = TenantId::from_bits(tenant);
        fixture.accounts.create_subscription(new, BY, at(1)).await.unwrap();
    }
    let expected = [own, TenantId::from_bits(9), TenantId::from_bits(3)];
    assert_eq!(fixture.accounts.tenants().await.unwrap(), expected);
}

fn card_key(locale: &str) -> RateCardKey {
    RateCardKey {
        offer: OfferId::parse("MS-AZR-0062P").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        locale: Locale::parse(locale).unwrap(),
        region: Country::parse("US").unwrap(),
    }
}

#[tokio::test]
async fn rate_cards_keep_every_version_byte_for_byte() {
    let fixture = Fixture::new().await;
    let large: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let documents: [(&str, &[u8]); 4] =
        [("en-US", b"\xef\xbb\xbf{}"), ("de-DE", b""), ("en-US", &large), ("en-US", b"{ }")];
    for (number, (locale, document)) in (1..).zip(documents) {
        let key = card_key(locale);
        let reprice = number == 3;
        let added = fixture.accounts.add_rate_card(&key, document, 3_817, reprice, BY, at(number));
        let added = added.await.unwrap();
        assert_eq!((added.version, added.imported_at), (number.unsigned_abs(), at(number)));
        assert_eq!((added.reprice_closed, added.by.as_str()), (reprice, BY));
        let found = fixture.accounts.rate_card(added.version).await.unwrap().unwrap();
        assert_eq!((found.version, found.document.as_slice()), (added, document));
    }
    let fixture = fixture.reopened().await;
    let listed = fixture.accounts.rate_cards().await.unwrap();
    assert_eq!(listed.len(), documents.len());
    for (version, (locale, document)) in listed.iter().zip(documents) {
        let found = fixture.accounts.rate_card(version.version).await.unwrap().unwrap();
        assert_eq!((&found.version, found.document.as_slice()), (version, document));
        assert_eq!(found.version.key, card_key(locale));
    }
    let reprices: Vec<_> = listed.iter().map(|version| version.reprice_closed).collect();
    assert_eq!(reprices, [false, false, true, false]);
    for unknown in [0, 5, u64::MAX] {
        assert_eq!(fixture.accounts.rate_card(unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_revision_at_a_moment_is_the_last_one_made_by_then() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    // The clock went back; a revision is never before the one that it follows.
    fixture.accounts.create_subscription(fixture.subscription(2, "B"), BY, at(9)).await.unwrap();
    let made = fixture.accounts.create_subscription(fixture.subscription(3, "C"), BY, at(7));
    assert_eq!(made.await.unwrap().created_at, at(9));
    for (seconds, expected) in [(-1, 0), (0, 1), (1, 2), (6, 2), (8, 2), (9, 4), (1_000, 4)] {
        let revision = fixture.accounts.revision_at(at(seconds)).await.unwrap();
        assert_eq!(revision, Revision(expected), "{seconds}");
    }
    for (revision, expected) in [(0, None), (1, Some(0)), (3, Some(9)), (4, Some(9)), (5, None)] {
        let time = fixture.accounts.revision_time(Revision(revision)).await.unwrap();
        assert_eq!(time, expected.map(at), "{revision}");
    }
}

#[tokio::test]
async fn what_a_moment_knew_is_final_once_it_was_asked() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    assert_eq!(accounts.revision_at(at(50)).await.unwrap(), Revision(2));
    // Read off the clock before the question, and made after it.
    let late = accounts.create_subscription(fixture.subscription(2, "B"), BY, at(40)).await;
    let after = UtcTime::from_micros(at(50).to_micros() + 1).unwrap();
    assert_eq!(late.unwrap().created_at, after);
    assert_eq!(accounts.revision_at(at(50)).await.unwrap(), Revision(2));
    assert_eq!(accounts.revision_at(after).await.unwrap(), Revision(3));
    // A question about an earlier moment makes nothing earlier.
    assert_eq!(accounts.revision_at(at(1)).await.unwrap(), Revision(2));
    let made = accounts.create_subscription(fixture.subscription(3, "C"), BY, at(45)).await;
    assert_eq!(made.unwrap().created_at, UtcTime::from_micros(after.to_micros() + 1).unwrap());
}

#[tokio::test]
async fn a_question_about_a_moment_waits_for_the_change_under_way() {
    let fixture = Fixture::new().await;
    let mut change = fixture.accounts.begin(at(40)).await.unwrap();
    let asking = fixture.accounts.clone();
    let mut asked = tokio::spawn(async move { asking.revision_at(at(50)).await.unwrap() });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!asked.is_finished());
    let made = crate::audit::add_revision(
        &mut change,
        BY,
        "a test",
        &crate::audit::Entry::new("installation/write", 1),
    )
    .await
    .unwrap();
    change.commit().await.unwrap();
    assert_eq!((&mut asked).await.unwrap(), made);
    // One that is given up is not waited for again.
    let dropped = fixture.accounts.begin(at(60)).await.unwrap();
    drop(dropped);
    assert_eq!(fixture.accounts.revision_at(at(70)).await.unwrap(), made);
}

#[tokio::test]
async fn a_subscription_is_made_with_all_that_it_states_or_not_at_all() {
    let fixture = Fixture::new().await;
    let stated = |commitment: Money| NewSubscription {
        commitment: Some(commitment),
        invoice_download: true,
        buyer: Some(Buyer::parse("Contoso Ltd").unwrap()),
        ..fixture.subscription(1, "Contoso")
    };
    let owed = Money::parse("-1").unwrap();
    let refused = fixture.accounts.create_subscription(stated(owed), BY, at(1)).await.unwrap_err();
    assert_eq!(refused.to_string(), "commitment -1 is negative or not below 10^18");
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(1));

    let amount = Money::parse("1000.5").unwrap();
    let made = fixture.accounts.create_subscription(stated(amount), BY, at(2)).await.unwrap();
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(2));
    assert_eq!((made.created_revision, made.revision), (Revision(2), Revision(2)));
    for on in ["0001-01-01", "2026-01-01"] {
        let facts = made.facts_at(day(on));
        assert_eq!((facts.commitment, facts.invoice_download), (Some(amount), true));
        assert_eq!(facts.buyer.unwrap().as_str(), "Contoso Ltd");
    }
    assert_eq!(made.as_of(Revision(2)), Some(made.clone()));
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.accounts.subscriptions().await.unwrap(), [made]);
}

#[tokio::test]
async fn a_change_is_on_disk_when_it_is_answered() {
    let fixture = Fixture::new().await;
    let mut writer = fixture.accounts.begin(at(0)).await.unwrap();
    for (pragma, expected) in [
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA synchronous", "2"),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA busy_timeout", "5000"),
    ] {
        let row = sqlx::query(pragma).fetch_one(&mut *writer).await.unwrap();
        let value = row.try_get_unchecked::<String, _>(0).unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_at_once_each_get_a_revision_of_their_own() {
    let fixture = Fixture::new().await;
    let changes = (1..=20).map(|id| {
        let accounts = fixture.accounts.clone();
        let new = fixture.subscription(id, "Contoso");
        tokio::spawn(async move { accounts.create_subscription(new, BY, at(1)).await.unwrap() })
    });
    let mut revisions = Vec::new();
    for change in changes.collect::<Vec<_>>() {
        revisions.push(change.await.unwrap().revision.0);
    }
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=21).collect::<Vec<u64>>());
    assert_eq!(fixture.accounts.subscriptions().await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_damaged_value_is_named() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let damage = "INSERT INTO subscription
        SELECT '00000000-0000-0000-0000-000000000002', revision, name, tenant, offer, 'DOLLARS',
               locale, region, anchor_day
        FROM subscription";
    fixture.sql(damage).await.unwrap();
    let error = fixture.accounts.subscriptions().await.unwrap_err().to_string();
    assert_eq!(error, "accounts are damaged: subscription.currency holds 'DOLLARS'");
}

#[test]
fn a_display_name_is_short_and_plain() {
    for (text, expected) in [
        ("Contoso", Some("Contoso")),
        ("  Contoso Ltd ", Some("Contoso Ltd")),
        ("", None),
        ("   ", None),
        ("a\nb", None),
        ("a\u{7f}", None),
    ] {
        let name = DisplayName::parse(text);
        assert_eq!(name.as_ref().map(DisplayName::as_str).ok(), expected, "{text:?}");
    }
    assert!(DisplayName::parse(&"é".repeat(200)).is_ok());
    assert!(DisplayName::parse(&"é".repeat(201)).is_err());
}
