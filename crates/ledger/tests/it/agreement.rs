//! Random work on a ledger, sealed, compacted and reopened at random points, agrees with the model.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::aggregate::{AggregateKey, UsageQuery};
use domain::id::ResourceScope;
use domain::record::Commit;
use domain::resource_groups::resource_groups;
use ledger::{GroupsAsOf, Ledger, Outcome, Snapshot};
use proptest::prelude::*;

use crate::folder::{Home, append, last_commit, run};
use crate::support::{Clock, Expected, Model, Spec, hour, queries, subscription};

/// Where the usage is that may be seen.
type Within = BTreeSet<ResourceScope>;

/// Scopes that hold some of the instances.
const SCOPES: [&str; 6] = [
    "/subscriptions/s",
    "/subscriptions/s2",
    "/subscriptions/s/resourceGroups/Grün-(1)",
    "/subscriptions/s/resourceGroups/Grün-(1)2",
    "/subscriptions/s/resourceGroups/grün-(1)/providers/p/t/N3",
    "/subscriptions/s/resourceGroups/Grün",
];

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Spec>),
    Seal,
    Compact,
    Reopen,
    Wait(i64),
}

fn spec() -> impl Strategy<Value = Spec> {
    let ids = (0..80u16, 0..2u8, 0..2u8, 0..4u8);
    let times = (0..60u8, 0..3u8, prop_oneof![Just(None), (0..72u8).prop_map(Some)]);
    (ids, times, prop_oneof![Just(0u32), 1..3u32, Just(99_999_999)]).prop_map(
        |((event, subscription, meter, instance), (used, length, reported), cents)| Spec {
            event,
            subscription,
            meter,
            instance,
            used,
            length,
            reported,
            cents,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(spec(), 1..20).prop_map(Step::Append),
        3 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        2 => (0..30i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_and_records_equal_the_naive_answer(
        steps in prop::collection::vec(step(), 1..25),
        page_rows in 1..20usize,
        within in prop::sample::subsequence(SCOPES.to_vec(), 0..=SCOPES.len()),
    ) {
        let within = within.into_iter().map(|text| ResourceScope::parse(text).unwrap());
        let within: Within = within.collect();
        for home in Home::all() {
            run(check(home, steps.clone(), page_rows, within.clone()));
        }
    }
}

async fn check(mut home: Home, steps: Vec<Step>, page_rows: usize, within: Within) {
    let clock = Clock::at(hour(0));
    let mut ledger = home.open(&clock).unwrap();
    let mut model = Model::default();
    if home.is_all_objects() {
        model.last += 1; // an opening takes a commit for itself
    }
    let (mut reader, mut known) = (None, [None, None]);
    for step in steps {
        match step {
            Step::Append(specs) => {
                let outcomes = append(&ledger, &specs).await;
                assert_eq!(outcomes, expected(model.append(&specs, clock.now())));
            }
            Step::Seal => ledger.seal().await.unwrap(),
            Step::Compact => ledger.compact().await.unwrap(),
            Step::Reopen => {
                ledger.close().await.unwrap();
                if home.is_all_objects() {
                    home = home.elsewhere();
                    model.last += 1;
                }
                ledger = home.open(&clock).unwrap();
            }
            Step::Wait(hours) => clock.set(clock.now().plus_hours(hours)),
        }
        // One reader pages on through everything that happens.
        let snapshot = ledger.snapshot(None).await.unwrap();
        let mut pages = reader.take().unwrap_or_else(|| Pages::begin(&snapshot));
        if pages.next(&ledger, page_rows).await {
            reader = Some(pages);
        } else {
            assert_eq!(pages.rows, model.answer(&pages.query, pages.last()));
        }
        check_groups(&snapshot, &model, &mut known).await;
    }
    check_everything(&ledger, &model, page_rows, &within).await;
    ledger.close().await.unwrap();
}

async fn check_everything(ledger: &Ledger, model: &Model, page_rows: usize, within: &Within) {
    let snapshot = ledger.snapshot(None).await.unwrap();
    assert_eq!(ledger.status().rows, model.records.len() as u64);
    let last = model.records.iter().map(|stored| stored.commit).max();
    assert_eq!(ledger.status().last_commit, last.unwrap_or(Commit(0)));
    for number in 0..2 {
        let cut = |query| UsageQuery { within: Some(within.clone()), ..query };
        for query in queries(number).into_iter().chain(queries(number).into_iter().map(cut)) {
            let answer = model.answer(&query, model.last);
            let whole = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
            assert_eq!((whole.rows, whole.more), (answer.clone(), false));
            let mut pages = Pages { query, ..Pages::begin(&snapshot) };
            while pages.next(ledger, page_rows).await {}
            assert_eq!(pages.rows, answer);
        }
        let month = hour(0)..hour(24 * 31);
        let records = snapshot.records(subscription(number), month).await.unwrap();
        assert_eq!(records, model.records_of(number));
    }
}

/// The resource groups, read anew and gone on from what was known, are those of the model.
async fn check_groups(
    snapshot: &Snapshot,
    model: &Model,
    known: &mut [Option<Arc<GroupsAsOf>>; 2],
) {
    for number in 0..2u8 {
        let id = subscription(number);
        let expected = resource_groups(&model.records, id);
        let anew = snapshot.resource_groups(id, None, expected.len()).await.unwrap();
        assert_eq!((anew.groups(), anew.more()), (&expected, false));
        if let Some(fewer) = expected.len().checked_sub(1) {
            // Where there are too many, those that are kept are right.
            let some = snapshot.resource_groups(id, None, fewer).await.unwrap();
            assert_eq!((some.groups().len(), some.more()), (fewer, true));
            let mut kept = some.groups().iter();
            assert!(kept.all(|(folded, group)| expected.find(folded) == Some(group)));
        }
        let before = &mut known[usize::from(number)];
        let on = snapshot.resource_groups(id, before.clone(), usize::MAX).await.unwrap();
        assert_eq!((on.groups(), on.more()), (&expected, false));
        *before = Some(on);
        // What is known of another subscription is not gone on from.
        let other = subscription(1 - number);
        let of_other = snapshot.resource_groups(other, before.clone(), usize::MAX).await.unwrap();
        assert_eq!(*of_other.groups(), resource_groups(&model.records, other));
    }
}

fn expected(outcomes: Vec<Expected>) -> Vec<Outcome> {
    let outcome = |expected| match expected {
        Expected::Stored(commit) => Outcome::Stored(commit),
        Expected::Duplicate(commit) => Outcome::Duplicate(commit),
        Expected::Conflict(commit) => Outcome::Conflict(commit),
    };
    outcomes.into_iter().map(outcome).collect()
}

/// A client that follows pages, with a token's version text and last key.
struct Pages {
    query: UsageQuery,
    version: String,
    after: Option<AggregateKey>,
    rows: Vec<domain::aggregate::Aggregate>,
}

impl Pages {
    fn begin(snapshot: &Snapshot) -> Self {
        let query = queries(0).swap_remove(0);
        Self { query, version: snapshot.version().to_string(), after: None, rows: vec![] }
    }

    fn last(&self) -> u64 {
        last_commit(&self.version)
    }

    /// Reads one page; false after the last one.
    async fn next(&mut self, ledger: &Ledger, page_rows: usize) -> bool {
        let snapshot = ledger.snapshot(None).await.unwrap();
        let snapshot = snapshot.as_of(&self.version.parse().unwrap()).unwrap();
        let page = snapshot.usage_page(&self.query, self.after, page_rows).await.unwrap();
        assert!(!page.more || page.rows.len() == page_rows);
        self.after = page.rows.last().map(|row| row.key).or(self.after);
        self.rows.extend(page.rows);
        page.more
    }
}
