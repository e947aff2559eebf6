//! Meter aliases: chains end, cycles do not come to be.

use super::*;

/// One step: `1>2` adds an alias, `1>` removes it.
async fn step(fixture: &Fixture, text: &str) -> Result<Revision, String> {
    let (old, new) = text.split_once('>').unwrap();
    let old = meter(old.parse().unwrap());
    if new.is_empty() {
        let removed = fixture.accounts.remove_meter_alias(old, BY, at(2)).await;
        return removed.map_err(|error| error.to_string());
    }
    let added = fixture.accounts.add_meter_alias(old, meter(new.parse().unwrap()), BY, at(2)).await;
    added.map_err(|error| error.to_string())
}

async fn aliases(fixture: &Fixture, as_of: u64) -> String {
    let aliases = fixture.accounts.meter_aliases(Revision(as_of)).await.unwrap();
    let pairs = aliases.iter().map(|(old, new)| format!("{}>{}", old.to_bits(), new.to_bits()));
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
async fn a_circle_on_file_is_damage_and_hangs_nothing() {
    let fixture = Fixture::new().await;
    step(&fixture, "1>2").await.unwrap();
    let damage = "INSERT INTO revision VALUES (3, 0, '', '');
        INSERT INTO meter_alias SELECT 3, new, old FROM meter_alias";
    fixture.sql(damage).await.unwrap();
    let error = fixture.accounts.meter_aliases(Revision(3)).await.unwrap_err().to_string();
    assert!(error.starts_with("accounts are damaged: meter_alias.new holds '0000"), "{error}");
}

#[tokio::test]
async fn an_installation_has_so_many_aliases_at_most() {
    let fixture = Fixture::new().await;
    let filled = "INSERT INTO revision
            WITH RECURSIVE count (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM count WHERE n < 100001)
            SELECT n, 0, '', '' FROM count;
        INSERT INTO meter_alias
            SELECT number, printf('00000000-0000-0000-0000-%012d', number),
                '00000000-0000-0000-0000-000000000001'
            FROM revision WHERE number > 1";
    fixture.sql(filled).await.unwrap();
    assert_eq!(fixture.accounts.meter_aliases(Revision(100_001)).await.unwrap().len(), 100_000);
    let refused = step(&fixture, "7>2").await.unwrap_err();
    assert_eq!(refused, "100000 meter aliases are the most");
}
