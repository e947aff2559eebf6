//! Price overrides: what goes in comes out, with its end.

use domain::catalogue::{Tier, Tiers};
use domain::decimal::{Percent, Quantity, UnitPrice};
use domain::price_override::{
    OverrideId, OverridePrice, OverrideScope, OverrideTarget, PriceOverride,
};

use super::*;

/// An override as text: scope, target, validity in seconds, and a markup or rates.
///
/// `subscription=1 meter=7 0..60 USD:0:0.10,100:0.08:5`
fn parse(fixture: &Fixture, text: &str) -> NewPriceOverride {
    let parts: Vec<&str> = text.split(' ').collect();
    let [scope, target, validity, price] = parts.as_slice() else { panic!("{text}") };
    let id = |text: &str| text.parse::<u128>().unwrap();
    let scope = match scope.split_once('=') {
        None => OverrideScope::Installation,
        Some(("tenant", "own")) => OverrideScope::Tenant(fixture.accounts.installation().tenant),
        Some(("tenant", tenant)) => OverrideScope::Tenant(TenantId::from_bits(id(tenant))),
        Some((_, one)) => OverrideScope::Subscription(subscription_id(id(one))),
    };
    let target = match target.split_once('=') {
        None => OverrideTarget::EveryMeter,
        Some(("category", name)) => OverrideTarget::Category(name.replace('_', " ").into()),
        Some((_, one)) => OverrideTarget::Meter(meter(id(one))),
    };
    let (from, until) = validity.split_once("..").unwrap();
    let until = (!until.is_empty()).then(|| at(until.parse().unwrap()));
    let price = match price.strip_suffix('%') {
        Some(markup) => OverridePrice::Markup(Percent::parse(markup).unwrap()),
        None => rates(price),
    };
    let from = at(from.parse().unwrap());
    NewPriceOverride { scope, target, from, until, price, reprice_closed: false }
}

fn rates(text: &str) -> OverridePrice {
    let (currency, rest) = text.split_once(':').unwrap();
    let (tiers, included) = rest.rsplit_once(':').unwrap();
    let tiers = tiers.split(',').map(|tier| {
        let (from, rate) = tier.split_once(':').unwrap();
        Tier { from: Quantity::parse(from).unwrap(), rate: UnitPrice::parse(rate).unwrap() }
    });
    OverridePrice::Rates {
        currency: Currency::parse(currency).unwrap(),
        tiers: Tiers::new(tiers.collect()).unwrap(),
        included: Quantity::parse(included).unwrap(),
    }
}

pub(super) async fn add(
    fixture: &Fixture,
    text: &str,
) -> Result<PriceOverride, AddPriceOverrideError> {
    fixture.accounts.add_price_override(parse(fixture, text), BY, at(2)).await
}

/// Ids and ends in seconds, as of a revision.
async fn ends(fixture: &Fixture, as_of: u64) -> Vec<(u64, Option<UtcTime>)> {
    let overrides = fixture.accounts.price_overrides(Revision(as_of)).await.unwrap();
    overrides.iter().map(|one| (one.id.0, one.latest_until())).collect()
}

#[tokio::test]
async fn an_override_comes_back_as_it_was_made() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let mut made = Vec::new();
    for (number, text) in (3..).zip([
        "installation every 0.. 10%",
        "installation category=Virtual_Machines -5..5 -100%",
        "tenant=own meter=7 0.. EUR:0:0.1234567890123456789012345678,100.5:2E-06:750",
        "subscription=1 every 0..60 USD:0:0.10,1024:0.08:0",
        "subscription=1 meter=8 0.. 0.00000001%",
    ]) {
        let mut new = parse(&fixture, text);
        new.reprice_closed = number % 2 == 0;
        let one = fixture.accounts.add_price_override(new.clone(), BY, at(2)).await.unwrap();
        assert_eq!(one.id, OverrideId(number));
        let NewPriceOverride { scope, target, from, until, price, reprice_closed } = new;
        let (id, made_at, ends) = (one.id, at(2), vec![]);
        let expected =
            PriceOverride { id, scope, target, from, until, price, made_at, reprice_closed, ends };
        assert_eq!(one, expected);
        made.push(one);
    }
    let fixture = fixture.reopened().await;
    for (as_of, count) in [(2, 0), (3, 1), (5, 3), (7, 5), (99, 5)] {
        let known = fixture.accounts.price_overrides(Revision(as_of)).await.unwrap();
        assert_eq!(known, made[..count], "as of {as_of}");
    }
}

#[tokio::test]
async fn an_override_can_be_ended_earlier_and_earlier() {
    let fixture = Fixture::new().await;
    add(&fixture, "installation every 10.. 10%").await.unwrap();
    add(&fixture, "installation every 0..60 10%").await.unwrap();
    let end = async |id, seconds| {
        let accounts = &fixture.accounts;
        let ended = accounts.end_price_override(OverrideId(id), at(seconds), false, BY, at(3));
        ended.await.map_err(|error| error.to_string())
    };
    let ended = end(2, 50).await.unwrap();
    assert_eq!((ended.id, ended.latest_until()), (OverrideId(2), Some(at(50))));
    end(2, 10).await.unwrap();
    end(3, 59).await.unwrap();
    let begins = format!("price override 2 begins at {}", at(10));
    assert_eq!(end(2, 9).await.unwrap_err(), begins);
    let ends_at = |id, seconds| format!("price override {id} ends at {} already", at(seconds));
    assert_eq!(end(2, 10).await.unwrap_err(), ends_at(2, 10));
    assert_eq!(end(3, 60).await.unwrap_err(), ends_at(3, 59));
    for unknown in [0, 1, 4, u64::MAX] {
        let missing = format!("price override {unknown} does not exist");
        assert_eq!(end(unknown, 9).await.unwrap_err(), missing);
    }
    let fixture = fixture.reopened().await;
    assert_eq!(ends(&fixture, 3).await, [(2, None), (3, Some(at(60)))]);
    assert_eq!(ends(&fixture, 4).await, [(2, Some(at(50))), (3, Some(at(60)))]);
    assert_eq!(ends(&fixture, 6).await, [(2, Some(at(10))), (3, Some(at(59)))]);
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(6));
}

#[tokio::test]
async fn an_end_that_reprices_closed_periods_goes_beside_one_that_does_not() {
    let fixture = Fixture::new().await;
    add(&fixture, "installation every 0..90 10%").await.unwrap();
    let end = async |seconds, reprice_closed, now| {
        let accounts = &fixture.accounts;
        let id = OverrideId(2);
        let ended = accounts.end_price_override(id, at(seconds), reprice_closed, BY, at(now));
        ended.await.map_err(|error| error.to_string())
    };
    end(50, false, 3).await.unwrap();
    // The same, now for closed periods too; there it would have ended at 90.
    end(50, true, 4).await.unwrap();
    let already = format!("price override 2 ends at {} already", at(50));
    assert_eq!(end(50, true, 5).await.unwrap_err(), already);
    assert_eq!(end(60, false, 5).await.unwrap_err(), already);
    let ended = end(20, true, 6).await.unwrap();
    let made: Vec<_> =
        ended.ends.iter().map(|end| (end.until, end.made_at, end.reprice_closed)).collect();
    let expected = [(at(50), at(3), false), (at(50), at(4), true), (at(20), at(6), true)];
    assert_eq!(made, expected);
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.accounts.price_overrides(Revision(99)).await.unwrap(), [ended]);
    let known = fixture.accounts.price_overrides(Revision(3)).await.unwrap();
    assert_eq!(known[0].ends.len(), 1);
}

#[tokio::test]
async fn an_override_that_cannot_be_is_refused_and_leaves_no_trace() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let many: Vec<_> = (0..101).map(|bound| format!("{bound}:1")).collect();
    let many = format!("installation every 0.. USD:{}:0", many.join(","));
    let long = format!("installation category={} 0.. 1%", "é".repeat(257));
    for (text, expected) in [
        ("tenant=9 every 0.. 1%", "tenant 00000000-0000-0000-0000-000000000009 does not exist"),
        (
            "subscription=9 every 0.. 1%",
            "subscription 00000000-0000-0000-0000-000000000009 does not exist",
        ),
        (
            "subscription=1 every 0.. EUR:0:1:0",
            "subscription 00000000-0000-0000-0000-000000000001 has prices in USD",
        ),
        ("installation every 5..5 1%", "the override does not end after it begins"),
        ("installation every 5..4 1%", "the override does not end after it begins"),
        (
            "installation every 0.. -100.00000001%",
            "markup -100.00000001 takes off more than 100 percent",
        ),
        ("installation every 0.. USD:0:1:-5", "included quantity -5 is negative"),
        (&many, "an override has at most 100 tiers, not 101"),
        (
            "installation category= 0.. 1%",
            "category '' does not have 1 to 256 characters without blanks around them",
        ),
        (
            "installation category=a_ 0.. 1%",
            "category 'a ' does not have 1 to 256 characters without blanks around them",
        ),
    ] {
        let refused = add(&fixture, text).await.unwrap_err().to_string();
        assert_eq!(refused, expected, "{text}");
    }
    assert!(matches!(
        add(&fixture, &long).await.unwrap_err(),
        AddPriceOverrideError::Category(name) if name.chars().count() == 100
    ));
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(2));
}

#[tokio::test]
async fn a_quantity_that_could_not_be_read_back_is_refused() {
    let fixture = Fixture::new().await;
    let mut new = parse(&fixture, "installation every 0.. USD:0:1:999999999999999");
    let OverridePrice::Rates { included, .. } = &mut new.price else { panic!() };
    *included = included.plus(*included).unwrap();
    let refused = fixture.accounts.add_price_override(new, BY, at(2)).await.unwrap_err();
    assert!(matches!(refused, AddPriceOverrideError::TooLarge), "{refused}");
}

#[tokio::test]
async fn an_installation_has_so_many_overrides_in_force_at_most() {
    let fixture = Fixture::new().await;
    fill(
        &fixture,
        "INSERT INTO price_override (revision, from_micros, markup, reprice_closed)
         SELECT number, 0, '1', 0 FROM revision WHERE number BETWEEN 2 AND 10001",
    )
    .await;
    assert_eq!(ends(&fixture, 10_001).await.len(), 10_000);
    let most = "10000 price overrides are the most";
    let another = async || {
        let added = add(&fixture, "installation every 0..90 1%").await;
        added.map(|_| ()).map_err(|error| error.to_string())
    };
    let end = async |id, until| {
        let ended = fixture.accounts.end_price_override(OverrideId(id), until, false, BY, at(2));
        ended.await.unwrap();
    };
    assert_eq!(another().await.unwrap_err(), most);
    // It ends tomorrow.
    end(2, at(86_400)).await;
    assert_eq!(another().await.unwrap_err(), most);
    end(2, at(1)).await;
    another().await.unwrap();
    assert_eq!(another().await.unwrap_err(), most);
    // One that is given no time at all.
    end(3, UtcTime::from_micros(0).unwrap()).await;
    another().await.unwrap();
}

#[tokio::test]
async fn a_damaged_override_is_named() {
    for (columns, values, expected) in [
        ("markup", "'a lot'", "markup holds 'a lot'"),
        ("currency, tiers, included", "'USD', '5:1', '0'", "tiers holds '5:1'"),
        ("markup, tiers", "'1', '0:1'", "markup holds 'neither a markup nor rates, or both'"),
        ("markup, category, meter", "'1', 'a', 'b'", "meter holds 'b'"),
        (
            "markup, until_micros",
            "'1', 9223372036854775807",
            "until_micros holds '9223372036854775807'",
        ),
    ] {
        let fixture = Fixture::new().await;
        let damage = format!(
            "INSERT INTO price_override (revision, from_micros, reprice_closed, {columns})
             VALUES (1, 0, 0, {values})"
        );
        let mut change = fixture.accounts.begin(at(1)).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage)).execute(&mut *change).await.unwrap();
        change.commit().await.unwrap();
        let error = fixture.accounts.price_overrides(Revision(1)).await.unwrap_err().to_string();
        assert_eq!(error, format!("accounts are damaged: price_override.{expected}"));
    }
}
