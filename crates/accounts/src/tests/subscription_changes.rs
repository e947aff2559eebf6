//! Changes of subscriptions: what holds on which day, as of which revision.

use domain::decimal::Money;

use super::*;

/// A change as text: `name=B commitment=none state=suspended`.
pub(super) fn change(text: &str) -> SubscriptionChange {
    let mut change = SubscriptionChange::default();
    for part in text.split_whitespace() {
        let (fact, value) = part.split_once('=').unwrap();
        let some = (value != "none").then_some(value);
        match fact {
            "name" => change.name = Some(DisplayName::parse(value).unwrap()),
            "offer" => change.offer = Some(OfferId::parse(value).unwrap()),
            "anchor" => change.anchor = Some(AnchorDay::new(value.parse().unwrap()).unwrap()),
            "commitment" => change.commitment = Some(some.map(|text| Money::parse(text).unwrap())),
            "download" => change.invoice_download = Some(value == "yes"),
            "buyer" => change.buyer = Some(some.map(|text| Buyer::parse(text).unwrap())),
            "state" => change.state = Some(SubscriptionState::parse(value).unwrap()),
            _ => panic!("no fact '{fact}'"),
        }
    }
    change
}

/// Makes a change, of the state or of other facts.
async fn make(
    fixture: &Fixture,
    id: SubscriptionId,
    set: &str,
    effective: Option<Date>,
    by: &str,
    now: UtcTime,
) -> Result<Subscription, ChangeSubscriptionError> {
    let (accounts, change) = (&fixture.accounts, change(set));
    match change.state {
        Some(state) => accounts.change_subscription_state(id, state, effective, by, now).await,
        None => accounts.change_subscription(id, change, effective, by, now).await,
    }
}

fn text(facts: &Facts) -> String {
    let Facts { name, offer, anchor, commitment, invoice_download, buyer, state } = facts;
    let commitment = commitment.map_or("none".to_owned(), |amount| amount.to_string());
    let buyer = buyer.as_ref().map_or("none", Buyer::as_str);
    let download = if *invoice_download { "yes" } else { "no" };
    format!("{name} {offer} {} {commitment} {download} {buyer} {state}", anchor.day())
}

/// Makes the changes, one a line of a day and what it sets, from revision 3 on; then reads lines of
/// a revision and a day, and compares what holds.
async fn check(changes: &[&str], expected: &[(u64, &str, &str)]) {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let id = subscription_id(1);
    for line in changes {
        let (effective, set) = line.split_once(' ').unwrap();
        let made = make(&fixture, id, set, Some(day(effective)), BY, at(2)).await.unwrap();
        let read = fixture.accounts.subscriptions().await.unwrap();
        assert_eq!(read, [made], "{line}");
    }
    let fixture = fixture.reopened().await;
    let subscription = fixture.accounts.subscriptions().await.unwrap().remove(0);
    for (revision, on, facts) in expected {
        let known = subscription.as_of(Revision(*revision)).unwrap();
        assert_eq!(text(&known.facts_at(day(on))), *facts, "{changes:?} at {revision} on {on}");
    }
}

const MADE: &str = "Contoso MS-AZR-0062P 14 none no none active";

#[tokio::test]
async fn a_change_holds_from_its_day_on() {
    check(
        &["2026-03-01 name=B offer=MS-AZR-0003P anchor=31 commitment=1000.50 download=yes buyer=C"],
        &[
            (2, "2026-03-01", MADE),
            (3, "2026-02-28", MADE),
            (3, "2026-03-01", "B MS-AZR-0003P 31 1000.5 yes C active"),
            (3, "9999-12-31", "B MS-AZR-0003P 31 1000.5 yes C active"),
        ],
    )
    .await;
}

#[tokio::test]
async fn each_fact_has_a_course_of_its_own() {
    check(
        &[
            "2026-03-01 name=B commitment=100",
            "2026-02-01 name=A buyer=C",
            "2026-02-01 name=D",
            "2026-04-01 commitment=none buyer=none",
        ],
        &[
            (3, "2026-02-01", MADE),
            (4, "2026-02-01", "A MS-AZR-0062P 14 none no C active"),
            (5, "2026-02-01", "D MS-AZR-0062P 14 none no C active"),
            (5, "2026-03-01", "B MS-AZR-0062P 14 100 no C active"),
            (5, "2026-04-01", "B MS-AZR-0062P 14 100 no C active"),
            (6, "2026-04-01", "B MS-AZR-0062P 14 none no none active"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_suspended_subscription_can_be_resumed_and_a_cancelled_one_not() {
    check(
        &[
            "2026-02-01 state=suspended",
            "2026-03-01 state=active",
            "2026-05-01 state=suspended",
            "2026-04-01 state=cancelled",
        ],
        &[
            (6, "2026-02-28", "Contoso MS-AZR-0062P 14 none no none suspended"),
            (6, "2026-03-31", "Contoso MS-AZR-0062P 14 none no none active"),
            (6, "2026-04-01", "Contoso MS-AZR-0062P 14 none no none cancelled"),
            // Suspended from then on, had it not been cancelled before.
            (6, "2026-05-01", "Contoso MS-AZR-0062P 14 none no none cancelled"),
            (5, "2026-05-01", "Contoso MS-AZR-0062P 14 none no none suspended"),
        ],
    )
    .await;
}

#[tokio::test]
async fn changes_are_listed_with_who_made_them_and_when() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let id = subscription_id(1);
    for (seconds, by, effective, set) in
        [(4, "b", "2026-03-01", "name=B"), (5, "a", "2026-02-01", "state=suspended")]
    {
        make(&fixture, id, set, Some(day(effective)), by, at(seconds)).await.unwrap();
    }
    let changes = fixture.accounts.subscription_changes(id).await.unwrap();
    let listed: Vec<_> = changes
        .iter()
        .map(|stored| (stored.revision.0, stored.at, stored.by.as_str(), stored.effective))
        .collect();
    assert_eq!(listed, [(4, at(4), "b", day("2026-03-01")), (5, at(5), "a", day("2026-02-01"))]);
    assert_eq!(changes[1].change, change("state=suspended"));
    let subscriptions = fixture.accounts.subscriptions().await.unwrap();
    assert_eq!(subscriptions[0].changes, changes);
    assert_eq!(subscriptions[0].turning_points(), [day("2026-02-01"), day("2026-03-01")]);
    assert_eq!((subscriptions[0].revision, subscriptions[0].changed_at), (Revision(5), at(5)));
    assert_eq!(
        (subscriptions[0].created_revision, subscriptions[0].created_at),
        (Revision(2), at(1))
    );
    assert_eq!(subscriptions[1].changes, []);
    assert_eq!(fixture.accounts.subscription_changes(subscription_id(3)).await.unwrap(), []);
}

#[tokio::test]
async fn a_subscription_as_of_a_revision_knows_nothing_later() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let made = fixture.accounts.subscriptions().await.unwrap().remove(0);
    let id = made.id;
    let changed = make(&fixture, id, "name=B", None, BY, at(3)).await.unwrap();
    assert_eq!(changed.as_of(Revision(1)), None);
    assert_eq!(changed.as_of(Revision(2)), Some(made));
    assert_eq!(changed.as_of(Revision(3)), Some(changed.clone()));
    assert_eq!(changed.as_of(Revision(99)), Some(changed));
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_and_leaves_no_trace() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let cancelled = subscription_id(2);
    let from = Some(day("9000-01-01"));
    make(&fixture, cancelled, "state=cancelled", from, BY, at(2)).await.unwrap();
    for (id, set, expected) in [
        (1, "", "the change of subscription 00000000-0000-0000-0000-000000000001 sets nothing"),
        (1, "commitment=-0.01", "commitment -0.01 is negative or not below 10^18"),
        (2, "name=B", "subscription 00000000-0000-0000-0000-000000000002 is cancelled"),
        (2, "state=active", "subscription 00000000-0000-0000-0000-000000000002 is cancelled"),
        (3, "name=B", "subscription 00000000-0000-0000-0000-000000000003 does not exist"),
    ] {
        let id = subscription_id(id);
        let refused = make(&fixture, id, set, Some(day("2026-01-01")), BY, at(3)).await;
        assert_eq!(refused.unwrap_err().to_string(), expected, "{set}");
    }
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(4));
    let largest = Money::parse("999999999999999999").unwrap();
    let large = SubscriptionChange {
        commitment: Some(Some(largest.plus(Money::parse("1").unwrap()).unwrap())),
        ..SubscriptionChange::default()
    };
    let id = subscription_id(1);
    let refused = fixture.accounts.change_subscription(id, large, None, BY, at(3));
    assert!(matches!(refused.await.unwrap_err(), ChangeSubscriptionError::Commitment(_)));
}

#[tokio::test]
async fn a_subscription_has_so_many_changes_at_most() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    fill(
        &fixture,
        "INSERT INTO subscription_change (revision, subscription, effective_day, name)
         SELECT number, '00000000-0000-0000-0000-000000000001', 0, 'B'
         FROM revision WHERE number BETWEEN 3 AND 1001",
    )
    .await;
    let id = subscription_id(1);
    let again = async |set| make(&fixture, id, set, None, BY, at(3)).await;
    assert_eq!(again("name=C").await.unwrap().changes.len(), 1_000);
    let refused = again("name=C").await.unwrap_err().to_string();
    assert!(refused.ends_with("was changed 1000 times, its most"), "{refused}");
    // Its state can always be changed, and takes the place of no other change.
    for set in ["state=suspended", "state=active", "state=cancelled"] {
        again(set).await.unwrap();
    }
}

/// One subscription anchored on the 14th, made long before; lines of a time, a day or `-` for none, a
/// change, and what came of it: `ok REVISION` or why not.
async fn check_days(lines: &[&str]) {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let id = subscription_id(1);
    for line in lines {
        let (request, expected) = line.split_once(" : ").unwrap();
        let words: Vec<_> = request.split(' ').collect();
        let [now, effective, set] = words.as_slice() else { panic!("{line}") };
        let now = day(&now[..10]).start().plus_hours(now[11..].parse().unwrap());
        let effective = (*effective != "-").then(|| day(effective));
        let made = make(&fixture, id, set, effective, BY, now).await;
        let found = match made {
            Ok(made) => {
                let last = made.changes.last().map(|last| last.effective.to_string());
                format!("{} {}", made.revision.0, last.unwrap_or_default())
            }
            Err(error) => error.to_string(),
        };
        let found = found.replace(&id.to_string(), "ID");
        assert_eq!(found.trim_end(), expected, "{line}");
    }
}

#[tokio::test]
async fn a_change_begins_in_no_period_that_is_closed() {
    let closed = "is in a billing period that is closed; the first day that can be chosen is";
    check_days(&[
        // The period from 14 January closes on 17 February.
        "2026-02-16T23 2026-01-14 commitment=5 : 3 2026-01-14",
        &format!("2026-02-16T23 2026-01-13 name=B : 2026-01-13 {closed} 2026-01-14"),
        &format!("2026-02-17T00 2026-02-13 name=B : 2026-02-13 {closed} 2026-02-14"),
        &format!("2026-02-17T00 2026-02-13 state=suspended : 2026-02-13 {closed} 2026-02-14"),
        "2026-02-17T00 2026-02-14 download=yes : 4 2026-02-14",
        "2026-02-17T00 - name=C : 5 2026-02-17",
        "2026-02-17T00 - commitment=6 : 6 2026-02-18",
    ])
    .await;
}

#[tokio::test]
async fn offer_and_anchor_change_at_a_midnight_to_come() {
    let begun = "has begun, and a changed offer or anchor day ends the billing period at a \
                 midnight to come; the first day that can be chosen is";
    check_days(&[
        &format!("2026-02-20T12 2026-02-20 anchor=15 : 2026-02-20 {begun} 2026-02-21"),
        &format!("2026-02-20T12 2026-02-18 offer=MS-AZR-0003P : 2026-02-18 {begun} 2026-02-21"),
        "2026-02-20T12 - anchor=15 : 3 2026-02-21",
        "2026-02-20T12 2026-02-22 offer=MS-AZR-0003P : 4 2026-02-22",
        // Time as the change has it: it is not before the one that it follows.
        &format!("2026-02-19T12 2026-02-20 anchor=16 : 2026-02-20 {begun} 2026-02-21"),
    ])
    .await;
}

#[tokio::test]
async fn a_state_that_is_asked_for_is_in_force_or_refused() {
    check_days(&[
        "2026-02-20T12 - state=active : 2",
        "2026-02-20T12 2026-02-25 state=suspended : 3 2026-02-25",
        "2026-02-20T12 2026-02-26 state=suspended : 3 2026-02-25",
        // Active today, but not from today on.
        "2026-02-20T12 - state=active : subscription ID is suspended from 2026-02-25 on, and that \
         stands",
        "2026-02-20T12 2026-02-25 state=active : 4 2026-02-25",
        "2026-02-20T12 - state=active : 4 2026-02-25",
        "2026-02-20T12 - state=suspended : 5 2026-02-20",
        "2026-02-20T12 - state=suspended : subscription ID is active from 2026-02-25 on, and that \
         stands",
    ])
    .await;
}

#[tokio::test]
async fn a_subscription_is_cancelled_from_one_day_on() {
    let stands = "subscription ID is cancelled from 2026-02-25 on, and that stands";
    check_days(&[
        "2026-02-20T12 2026-02-25 state=cancelled : 3 2026-02-25",
        "2026-02-20T12 2026-02-25 state=cancelled : 3 2026-02-25",
        &format!("2026-02-20T12 2026-02-26 state=cancelled : {stands}"),
        &format!("2026-02-20T12 2026-02-24 state=cancelled : {stands}"),
        &format!("2026-02-20T12 - state=cancelled : {stands}"),
        "2026-02-20T12 2026-02-21 state=active : subscription ID is cancelled",
        "2026-02-25T00 - state=cancelled : 3 2026-02-25",
        "2026-02-28T00 - state=cancelled : 3 2026-02-25",
        &format!("2026-02-28T00 2026-02-28 state=cancelled : {stands}"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_at_once_the_later_one_is_checked_against_the_earlier() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let cancels = (1..=8).map(|number| {
        let accounts = fixture.accounts.clone();
        let effective = Some(day("2026-03-01").plus_days(number));
        let state = SubscriptionState::Cancelled;
        tokio::spawn(async move {
            let id = subscription_id(1);
            accounts.change_subscription_state(id, state, effective, BY, at(2)).await.is_ok()
        })
    });
    let mut made = 0;
    for cancel in cancels.collect::<Vec<_>>() {
        made += usize::from(cancel.await.unwrap());
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_damaged_change_is_named() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let damage = "INSERT INTO subscription_change (revision, subscription, effective_day, state)
        VALUES (2, '00000000-0000-0000-0000-000000000001', 0, 'gone')";
    fixture.sql(damage).await.unwrap();
    let error = fixture.accounts.subscriptions().await.unwrap_err().to_string();
    assert_eq!(error, "accounts are damaged: subscription_change.state holds 'gone'");
}

#[test]
fn a_buyer_has_lines() {
    for (text, expected) in [
        ("Contoso Ltd", Some("Contoso Ltd")),
        (" Contoso\r\n1 Road \n", Some("Contoso\n1 Road")),
        ("", None),
        (" \n ", None),
        ("a\tb", None),
        ("a\rb", None),
    ] {
        let buyer = Buyer::parse(text);
        assert_eq!(buyer.as_ref().map(Buyer::as_str).ok(), expected, "{text:?}");
    }
    assert!(Buyer::parse(&"é".repeat(2_000)).is_ok());
    assert!(Buyer::parse(&"é".repeat(2_001)).is_err());
}
