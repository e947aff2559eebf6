//! Meter aliases: chains end, cycles do not come to be.

use domain::alias::{MeterAlias, in_force};

use super::*;

/// One step: `1>2` adds an alias, `1>` removes it.
async fn step(fixture: &Fixture, text: &str) -> Result<Revision, String> {
    let (old, new) = text.split_once('>').unwrap();
    let old = meter(old.parse().unwrap());
    if new.is_empty() {
        let removed = fixture.accounts.remove_meter_alias(old, false, BY, at(2)).await;
        return removed.map_err(|error| error.to_string());
    }
    let new = meter(new.parse().unwrap());
    let added = fixture.accounts.add_meter_alias(old, new, false, BY, at(2)).await;
    added.map_err(|error| error.to_string())
}

async fn aliases(fixture: &Fixture, as_of: u64) -> String {
    let aliases = fixture.accounts.meter_aliases(Revision(as_of)).await.unwrap();
    let ends = in_force(&aliases);
    let pairs = ends.iter().map(|(old, new)| format!("{}>{}", old.to_bits(), new.to_bits()));
    pairs.collect::<Vec<_>>().join(" ")
}

async fn check(steps: &[(&str, &str)]) {
    let fixture = Fixture::new().await;
    for (text, expected) in steps {
        let revision = step(&fixture, text).await.unwrap();
        assert_eq!(aliases(&fixture, revision.0).await, *expected, "{steps:?} after {text}");
    }
    let fixture = fixture.reopened().await;
    assert_eq!(aliases(&fixture, 1).await, "");
    for (revision, (text, expected)) in (2..).zip(steps) {
        assert_eq!(aliases(&fixture, revision).await, *expected, "{steps:?} as of {text}");
    }
}

#[tokio::test]
async fn chains_are_followed_to_their_ends() {
    check(&[
        ("1>2", "1>2"),
        ("3>1", "1>2 3>2"),
        ("2>4", "1>4 2>4 3>4"),
        ("9>4", "1>4 2>4 3>4 9>4"),
        ("2>", "1>2 3>2 9>4"),
    ])
    .await;
}

#[tokio::test]
async fn the_latest_alias_counts() {
    check(&[("1>2", "1>2"), ("1>3", "1>3"), ("1>3", "1>3"), ("1>", ""), ("2>1", "2>1")]).await;
    // Another alias in the place of the one that would have closed a circle.
    check(&[("1>2", "1>2"), ("2>3", "1>3 2>3"), ("1>4", "1>4 2>3"), ("3>1", "1>4 2>4 3>4")]).await;
}

#[tokio::test]
async fn an_alias_that_leads_to_itself_is_refused() {
    let fixture = Fixture::new().await;
    for text in ["1>2", "2>3"] {
        step(&fixture, text).await.unwrap();
    }
    let itself = "meter 00000000-0000-0000-0000-000000000001 cannot be an alias to itself";
    assert_eq!(step(&fixture, "1>1").await.unwrap_err(), itself);
    let circle = "meter 00000000-0000-0000-0000-000000000003 cannot be an alias to \
                  00000000-0000-0000-0000-000000000001, which leads back to it";
    assert_eq!(step(&fixture, "3>1").await.unwrap_err(), circle);
    let none = "meter 00000000-0000-0000-0000-000000000003 has no alias";
    assert_eq!(step(&fixture, "3>").await.unwrap_err(), none);
    step(&fixture, "2>").await.unwrap();
    let none = "meter 00000000-0000-0000-0000-000000000002 has no alias";
    assert_eq!(step(&fixture, "2>").await.unwrap_err(), none);
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(4));
}

#[tokio::test]
async fn every_alias_and_removal_comes_back_with_when_it_was_made() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    accounts.add_meter_alias(meter(1), meter(2), false, BY, at(5)).await.unwrap();
    accounts.remove_meter_alias(meter(1), true, BY, at(6)).await.unwrap();
    accounts.add_meter_alias(meter(1), meter(3), true, BY, at(7)).await.unwrap();
    let fixture = fixture.reopened().await;
    let row = |new: Option<u128>, seconds, reprice_closed| MeterAlias {
        old: meter(1),
        new: new.map(meter),
        made_at: at(seconds),
        reprice_closed,
    };
    let all = [row(Some(2), 5, false), row(None, 6, true), row(Some(3), 7, true)];
    for (as_of, count) in [(1, 0), (2, 1), (3, 2), (4, 3), (99, 3)] {
        let known = fixture.accounts.meter_aliases(Revision(as_of)).await.unwrap();
        assert_eq!(known, all[..count], "as of {as_of}");
    }
}

#[tokio::test]
async fn a_damaged_alias_is_named() {
    let fixture = Fixture::new().await;
    let damage =
        "INSERT INTO meter_alias VALUES (1, '00000000-0000-0000-0000-000000000001', 'x', 0)";
    fixture.sql(damage).await.unwrap();
    let error = fixture.accounts.meter_aliases(Revision(1)).await.unwrap_err().to_string();
    assert_eq!(error, "accounts are damaged: meter_alias.new holds 'x'");
}

#[tokio::test]
async fn an_installation_has_so_many_aliases_in_force_at_most() {
    let fixture = Fixture::new().await;
    let filled = "INSERT INTO revision
            WITH RECURSIVE count (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM count WHERE n < 100001)
            SELECT n, 1760000000000000, '', '' FROM count;
        INSERT INTO meter_alias
            SELECT number, printf('00000000-0000-0000-0000-%012x', number),
                '00000000-0000-0000-0000-000000000001', 0
            FROM revision WHERE number > 1";
    fixture.sql(filled).await.unwrap();
    assert_eq!(fixture.accounts.meter_aliases(Revision(100_001)).await.unwrap().len(), 100_000);
    let most = "100000 meter aliases are the most";
    assert_eq!(step(&fixture, "200000>200001").await.unwrap_err(), most);
    // One in the place of another, and one after a removal.
    step(&fixture, "7>200001").await.unwrap();
    assert_eq!(step(&fixture, "200000>200001").await.unwrap_err(), most);
    step(&fixture, "7>").await.unwrap();
    step(&fixture, "200000>200001").await.unwrap();
}
