//! One basis for all of an answer, and bounds on how much is asked.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use accounts::{DisplayName, NewSubscription, SubscriptionChange};
use domain::book::PriceList;
use domain::catalogue::RateCardKey;
use domain::daily::day_lines;
use domain::decimal::{Money, Quantity};
use domain::erasure::ErasureKey;
use domain::facets::Facets;
use domain::id::{Country, Currency, EventId, Locale, MeterId, OfferId, Source, SubscriptionId};
use domain::period::AnchorDay;
use domain::record::{Billed, Instance, MeterDescription, UsageRecord, Window};
use domain::spend::{Dimension, RatedPeriod, SpendQuery, Step, spend};
use domain::time::{Date, ReportedTime, UtcTime};
use ledger::{Erasure, NewRecord};
use tempfile::TempDir;

use crate::App;
use crate::bill::some::AtATime;
use crate::bill::{Account, Detail};
use crate::config::Settings;
use crate::error::ApiError;
use crate::limits;

const BY: &str = "tester";

fn day(text: &str) -> UtcTime {
    Date::parse(text).unwrap().start()
}

fn id() -> SubscriptionId {
    SubscriptionId::from_bits(1)
}

fn card_key(offer: &str, locale: &str) -> RateCardKey {
    RateCardKey {
        offer: OfferId::parse(offer).unwrap(),
        currency: Currency::parse("USD").unwrap(),
        locale: Locale::parse(locale).unwrap(),
        region: Country::parse("US").unwrap(),
    }
}

/// An application at noon of 10 February 2026, with a subscription of January.
struct Fixture {
    app: Arc<App>,
    now: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(day("2026-01-01").to_micros()));
        let read = Arc::clone(&now);
        let clock = Arc::new(move || UtcTime::from_micros(read.load(Ordering::SeqCst)).unwrap());
        let config = Settings::default().into_config(folder.path().to_owned()).unwrap();
        let app = App::open(config, clock, Arc::new(uuid::Uuid::new_v4)).await.unwrap();
        let fixture = Self { app, now, _folder: folder };
        fixture.subscribe(id(), AnchorDay::FIRST, None).await;
        let later = day("2026-02-10").plus_hours(12).to_micros();
        fixture.now.store(later, Ordering::SeqCst);
        fixture
    }

    async fn subscribe(&self, id: SubscriptionId, anchor: AnchorDay, commitment: Option<Money>) {
        let RateCardKey { offer, currency, locale, region } = card_key("MS-AZR-0003P", "en-US");
        let new = NewSubscription {
            id,
            name: DisplayName::parse("Contoso").unwrap(),
            tenant: self.app.tenant(),
            offer,
            currency,
            locale,
            region,
            anchor,
            commitment,
            invoice_download: false,
            buyer: None,
        };
        self.app.accounts.create_subscription(new, BY, self.now()).await.unwrap();
        self.app.reload_directory().await.unwrap();
    }

    fn now(&self) -> UtcTime {
        (self.app.clock)()
    }

    fn wait(&self, seconds: i64) {
        self.now.store(self.now().plus_seconds(seconds).to_micros(), Ordering::SeqCst);
    }

    /// Files a card with the one meter at this price; nobody reads the directory again.
    async fn import(&self, offer: &str, locale: &str, price: &str) {
        let document = format!(
            r#"{{"OfferTerms":[],"Meters":[{{"MeterId":"00000000-0000-0000-0000-000000000001",
            "MeterName":"Compute","MeterCategory":"{locale}","MeterSubCategory":"","Unit":"Hours",
            "MeterTags":[],"MeterRegion":"","MeterRates":{{"0":{price}}},
            "EffectiveDate":"2020-01-01T00:00:00Z","IncludedQuantity":0}}],"Currency":"USD",
            "Locale":"{locale}","IsTaxIncluded":false}}"#
        );
        let key = card_key(offer, locale);
        let added =
            self.app.accounts.add_rate_card(&key, document.as_bytes(), 1, false, BY, self.now());
        added.await.unwrap();
    }

    async fn use_hours(&self, days: &[&str]) {
        let record = |text: &&str| NewRecord {
            record: UsageRecord {
                subscription: id(),
                window: Window::new(day(text), day(text).plus_hours(1)).unwrap(),
                meter: MeterId::from_bits(1),
                description: MeterDescription::default(),
                quantity: Quantity::parse("1").unwrap(),
                instance: Arc::default(),
                source: Source::parse("urn:test").unwrap(),
                event_id: EventId::parse(text).unwrap(),
                billed: Billed::default(),
                reverses: None,
            },
            reported: None,
        };
        self.app.ledger.append(days.iter().map(record).collect()).await.unwrap();
    }

    /// The list of the subscription's prices.
    async fn list(&self) -> Arc<PriceList> {
        let key = card_key("MS-AZR-0003P", "en-US");
        let directory = self.app.directory();
        self.app.price_list(key, &directory, directory.revision).await.unwrap()
    }

    /// What the days cost as of a moment, period by period; `most` rows at most.
    async fn cost(
        &self,
        range: (&str, &str),
        as_of: Option<UtcTime>,
        most: usize,
    ) -> Result<String, ApiError> {
        let basis = self.app.basis(as_of).await?;
        let account = basis.account(id()).unwrap();
        let range = day(range.0)..day(range.1);
        let periods = self.app.rated_by(&account, &basis, &range, (Detail::Rows, most)).await?;
        let totals = periods.iter().map(|period| period.rated.totals.total.to_string());
        let name = account.facts_in(account.schedule.containing(range.start)).name;
        Ok(format!("{}: {}", name.as_str(), totals.collect::<Vec<_>>().join(" ")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_behind_is_read_again() {
    let fixture = Fixture::new().await;
    let behind = fixture.app.directory();
    fixture.use_hours(&["2026-02-01"]).await;
    fixture.import("MS-AZR-0003P", "en-US", "2").await;
    let change = SubscriptionChange {
        name: Some(DisplayName::parse("Fabrikam").unwrap()),
        ..SubscriptionChange::default()
    };
    let (effective, now) = (Date::parse("2026-02-01").unwrap(), fixture.now());
    let accounts = &fixture.app.accounts;
    accounts.change_subscription(id(), change, Some(effective), BY, now).await.unwrap();
    fixture.wait(1);

    let february = ("2026-02-01", "2026-03-01");
    let before = fixture.cost(february, Some(day("2026-02-10")), 9).await.unwrap();
    assert_eq!(before, "Contoso: 0");
    assert!(Arc::ptr_eq(&behind, &fixture.app.directory()));
    // Name and price are of one revision.
    let after = fixture.cost(february, Some(fixture.now()), 9).await.unwrap();
    assert_eq!(after, "Fabrikam: 2");
    assert!(behind.revision < fixture.app.directory().revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_stands_until_a_card_of_its_own_is_imported() {
    let fixture = Fixture::new().await;
    fixture.import("MS-AZR-0003P", "en-US", "2").await;
    fixture.app.reload_directory().await.unwrap();
    let first = fixture.list().await;
    fixture.import("MS-AZR-0062P", "en-US", "3").await;
    fixture.app.reload_directory().await.unwrap();
    assert!(Arc::ptr_eq(&first, &fixture.list().await));
    // Another language says the same of the same prices, under names of its own.
    fixture.import("MS-AZR-0003P", "de-DE", "4").await;
    fixture.app.reload_directory().await.unwrap();
    let second = fixture.list().await;
    assert!(!Arc::ptr_eq(&first, &second));
    let meter = second.meter(MeterId::from_bits(1)).unwrap();
    assert_eq!(meter.description.category.as_deref(), Some("en-US"));
    let cards: Vec<_> = meter.every_version().map(|version| version.card).collect();
    assert_eq!(cards, [Some(1), Some(3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_takes_so_many_rows_over_all_its_periods() {
    let fixture = Fixture::new().await;
    fixture.import("MS-AZR-0003P", "en-US", "2").await;
    fixture.app.reload_directory().await.unwrap();
    fixture.use_hours(&["2026-01-01", "2026-01-02", "2026-02-01"]).await;
    let both = ("2026-01-01", "2026-03-01");
    assert_eq!(fixture.cost(both, None, 3).await.unwrap(), "Contoso: 4 2");
    for (most, until) in [(2, "2026-03-01"), (1, "2026-02-01"), (0, "2026-02-01")] {
        let error = fixture.cost(both, None, most).await.unwrap_err();
        let expected = format!(
            "the question takes more than {most} rows of usage, those up to {until}T00:00:00Z \
             alone; ask for a shorter range"
        );
        assert_eq!((error.code(), error.message()), ("TooMuchAsked", expected));
    }
    assert_eq!(fixture.cost(("2026-02-01", "2026-03-01"), None, 1).await.unwrap(), "Contoso: 2");
}

/// Rows of two months: of a meter in tiers and of one without a price, by seven resources.
fn rows() -> Vec<NewRecord> {
    let row = |number: i64| {
        let start = day("2026-01-01").plus_seconds(number * 1_543).min(day("2026-02-28"));
        let uri = format!("/subscriptions/s/resourceGroups/g{}/providers/p/t/r", number % 7);
        let instance = Instance {
            resource_uri: Some(uri.into()),
            tags: [("team".into(), (number % 2).to_string().into())].into(),
            ..Instance::default()
        };
        let record = UsageRecord {
            subscription: id(),
            window: Window::new(
                start,
                start.plus_seconds(60).min(start.date().plus_days(1).start()),
            )
            .unwrap(),
            meter: MeterId::from_bits(1 + u128::from(number % 10 == 0)),
            description: MeterDescription::default(),
            quantity: Quantity::parse(&format!("{}.{:03}", number % 3, number % 999)).unwrap(),
            instance: Arc::new(instance),
            source: Source::parse("urn:test").unwrap(),
            event_id: EventId::parse(&format!("row {number}")).unwrap(),
            billed: Billed::default(),
            reverses: None,
        };
        NewRecord { record, reported: Some(ReportedTime(day("2026-02-09"))) }
    };
    (0..3_200).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_answer_what_rows_do() {
    let fixture = Fixture::new().await;
    fixture.import("MS-AZR-0003P", "en-US", r#"2,"700":1.25,"1000.5":0.0333"#).await;
    fixture.app.reload_directory().await.unwrap();
    let mut rows = rows();
    let in_the_tail = rows.split_off(3_000);
    fixture.app.ledger.append(rows).await.unwrap();
    fixture.app.ledger.seal().await.unwrap();
    fixture.app.ledger.append(in_the_tail).await.unwrap();

    let basis = fixture.app.basis(None).await.unwrap();
    let account = basis.account(id()).unwrap();
    let group_bys = [
        (vec![Dimension::Category, Dimension::Meter], 8),
        (vec![Dimension::Resource], 2),
        (vec![Dimension::Tag("team".to_owned()), Dimension::Meter], 2),
    ];
    let moment = |text: &str, minutes: i64| day(text).plus_seconds(minutes * 60);
    for range in [
        day("2026-01-01")..day("2026-03-01"),
        day("2026-01-09")..day("2026-02-03"),
        moment("2026-01-11", 7)..moment("2026-02-20", 1_031),
    ] {
        for (group_by, fewer) in &group_bys {
            for step in [None, Some(Step::Hour), Some(Step::Day), Some(Step::Month)] {
                let query = SpendQuery {
                    range: range.clone(),
                    step,
                    group_by: group_by.clone(),
                    filters: vec![],
                    inherited: None,
                    allocate_credit: false,
                };
                let rated = async |detail| {
                    let detail = (detail, limits::ROWS_PER_QUESTION);
                    fixture.app.rated_by(&account, &basis, &range, detail).await.unwrap()
                };
                let (detail, count) = (Detail::of(&query), |periods: &[RatedPeriod]| {
                    let meters = periods.iter().flat_map(|period| period.usage.meters().values());
                    meters.map(|meter| meter.rows().len()).sum::<usize>()
                });
                let (rows, sums) = (rated(Detail::Rows).await, rated(detail).await);
                assert_eq!(spend(&sums, &query), spend(&rows, &query), "{query:?}");
                if step != Some(Step::Hour) {
                    assert!(count(&sums) * fewer < count(&rows), "{detail:?} {range:?}");
                }
            }
        }
        let lines = async |detail| {
            let detail = (detail, limits::ROWS_PER_QUESTION);
            let periods = fixture.app.rated_by(&account, &basis, &range, detail).await.unwrap();
            let lines = periods.iter().map(|period| day_lines(period, &range).unwrap());
            format!("{:#?}", lines.collect::<Vec<_>>())
        };
        assert_eq!(
            lines(Detail::Instances(Facets::ALL)).await,
            lines(Detail::Rows).await,
            "{range:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_spend_what_each_does_by_itself() {
    let fixture = Fixture::new().await;
    fixture.import("MS-AZR-0003P", "en-US", r#"2,"70":1.25,"100.5":0.0333"#).await;
    let ids: Vec<_> = (1..=24).map(SubscriptionId::from_bits).collect();
    for (place, id) in ids.iter().enumerate().skip(1) {
        let anchor = AnchorDay::new(if place % 4 == 0 { 15 } else { 1 }).unwrap();
        let commitment = (place == 5).then(|| Money::parse("90").unwrap());
        fixture.subscribe(*id, anchor, commitment).await;
    }
    let mut rows = rows();
    for (number, row) in rows.iter_mut().enumerate() {
        // The last has no usage.
        row.record.subscription = ids[number * 7 % 23];
    }
    let in_the_tail = rows.split_off(3_000);
    fixture.app.ledger.append(rows).await.unwrap();
    fixture.app.ledger.seal().await.unwrap();
    fixture.app.ledger.append(in_the_tail).await.unwrap();

    let basis = fixture.app.basis(None).await.unwrap();
    let accounts: Vec<_> = ids.iter().map(|id| basis.account(*id).unwrap()).collect();
    let whole = day("2026-01-01")..day("2026-03-01");
    let cut = day("2026-01-09").plus_seconds(4_327)..day("2026-02-03");
    for (range, step) in [
        (whole.clone(), None),
        (cut.clone(), None),
        (cut.clone(), Some(Step::Hour)),
        (whole.clone(), Some(Step::Day)),
    ] {
        for group_by in [vec![], vec![Dimension::Meter], vec![Dimension::Resource]] {
            let query = SpendQuery {
                range: range.clone(),
                step,
                group_by,
                filters: vec![],
                inherited: None,
                allocate_credit: false,
            };
            let mut together = Vec::new();
            let each = |account: &Account, spend| {
                together.push((account.subscription.id, spend));
                Ok(())
            };
            fixture.app.spend_of_all(&accounts, &basis, &query, each).await.unwrap();
            // However few are in memory at a time: with room for sums of days, and for some windows or none.
            let rooms = (100..1_500).step_by(100).filter(|_| range == whole && step.is_none());
            let rooms = [(7, 500), (40, 5), (1, 1_000)].into_iter().chain(rooms.map(|it| (40, it)));
            for (subscriptions, sums) in rooms {
                if matches!(Detail::of(&query), Detail::Instances(_)) {
                    let mut found = Vec::new();
                    let each = |account: &Account, spend| {
                        found.push((account.subscription.id, spend));
                        Ok(())
                    };
                    let few = AtATime { subscriptions, sums };
                    let app = &fixture.app;
                    app.spend_by_instances(&accounts, &basis, &query, few, each).await.unwrap();
                    assert_eq!(found, together, "{query:?}");
                }
            }
            assert_eq!(together.len(), accounts.len());
            for ((id, found), account) in together.into_iter().zip(&accounts) {
                assert_eq!(id, account.subscription.id);
                let detail = (Detail::Rows, limits::ROWS_PER_QUESTION);
                let rows = fixture.app.rated_by(account, &basis, &range, detail).await.unwrap();
                assert_eq!(Ok(found), spend(&rows, &query), "{query:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_now_can_be_asked_for_and_nothing_later() {
    let fixture = Fixture::new().await;
    let now = fixture.now();
    let first = fixture.app.basis(Some(now)).await.unwrap();
    fixture.use_hours(&["2026-02-01"]).await;
    let again = fixture.app.basis(Some(now)).await.unwrap();
    assert_eq!(first.snapshot.version(), again.snapshot.version());
    let error = fixture.app.basis(Some(now.plus_seconds(1))).await.err().unwrap();
    assert_eq!(error.message(), "parameter 'asOf': is in the future");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_period_touched_is_that_of_the_last_moment() {
    let fixture = Fixture::new().await;
    let account = fixture.app.basis(None).await.unwrap().account(id()).unwrap();
    let (start, moment) = (day("2026-02-01"), |micros: i64| {
        UtcTime::from_micros(day("2026-02-01").to_micros() + micros).unwrap()
    });
    for (from, to, month) in [
        (start, moment(1), "2026-02"),
        (moment(-1), start, "2026-01"),
        (moment(-1), moment(1), "2026-02"),
    ] {
        let last = account.last_period(&(from..to));
        assert_eq!(last.start().date().month().to_string(), month);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_from_before_an_erasure_says_to_begin_again() {
    let fixture = Fixture::new().await;
    fixture.use_hours(&["2026-02-01"]).await;
    let app = &fixture.app;
    let erase = async || {
        let key = ErasureKey::from_bytes([1; 32]);
        let erasure = Erasure { subscription: id(), before: None, since: None, key };
        app.ledger.erase(vec![erasure], |_| ControlFlow::Continue(())).await.unwrap()
    };
    let token = async || app.basis(None).await.unwrap().page_token(id(), 3);
    let (before, other) = (token().await, SubscriptionId::from_bits(77));
    assert!(app.basis_of(&before, id()).await.is_ok());
    assert_eq!(erase().await.of[0].rows, 1);
    let error = app.basis_of(&before, id()).await.err().unwrap();
    assert!(error.message().contains("begin again without it"), "{}", error.message());
    // It is the subscription's own usage that counts, and a later token goes on.
    assert!(app.basis_of(&before, other).await.is_ok());
    let after = token().await;
    assert!(app.basis_of(&after, id()).await.is_ok());
    assert_eq!(erase().await.of[0].rows, 0);
    assert!(app.basis_of(&after, id()).await.is_ok());
}
