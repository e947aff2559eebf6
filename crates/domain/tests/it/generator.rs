//! Random cases as text, each named by a number: what a rate card, a provider and a subscription
//! can say, and usage that stands at bounds, comes late and is taken back.

use std::collections::BTreeSet;
use std::fmt::Write;

use testkit::Random;

const QUANTITY_PLACES: u64 = 20;
/// With these a markup and a discount of eight places each are exact.
const RATE_PLACES: u64 = 18;

/// How many cases to check: as many as usual, or as `RATING_CASES` says.
pub(crate) fn count(usual: u64) -> u64 {
    std::env::var("RATING_CASES").map_or(usual, |text| text.parse().unwrap())
}

/// Statements of the case of this number.
pub(crate) fn statements(number: u64) -> String {
    let mut random = Random::new(number);
    let mut text = String::new();
    anchors(&mut random, &mut text);
    cards(&mut random, &mut text);
    aliases(&mut random, &mut text);
    overrides(&mut random, &mut text);
    commitments(&mut random, &mut text);
    usage(&mut random, &mut text);
    text
}

fn date(random: &mut Random) -> String {
    format!("2026-{:02}-{:02}", random.from(1, 3), random.from(1, 28))
}

fn hour(random: &mut Random) -> String {
    format!("{}T{:02}", date(random), random.from(0, 22))
}

fn anchors(random: &mut Random, text: &mut String) {
    if random.chance(30) {
        writeln!(text, "anchor {}", random.from(1, 31)).unwrap();
    }
    let changes: BTreeSet<_> = (0..random.from(0, 2)).map(|_| date(random)).collect();
    for date in changes {
        if random.chance(30) {
            writeln!(text, "anchor {} from {date}", random.from(1, 31)).unwrap();
        }
    }
}

fn cards(random: &mut Random, text: &mut String) {
    let count = [0, 1, 1, 1, 1, 2, 2, 3][random.place(8)];
    let mut imported: Vec<String> = (0..count).map(|_| hour(random)).collect();
    imported.sort();
    for (place, imported) in imported.iter().enumerate() {
        let reprice = if random.chance(25) { " reprice" } else { "" };
        match place {
            0 if random.chance(70) => writeln!(text, "card").unwrap(),
            _ => writeln!(text, "card imported {imported}{reprice}").unwrap(),
        }
        for meter in 1..=4 {
            if random.chance(80) {
                versions(random, meter, text);
            }
        }
        terms(random, text);
    }
}

fn versions(random: &mut Random, meter: u64, text: &mut String) {
    let mut about = String::new();
    if random.chance(15) {
        about.push_str(" tag third-party");
    }
    if random.chance(60) {
        write!(about, " category {}", random.pick(&["a", "b"])).unwrap();
    }
    let dates: BTreeSet<_> = (0..random.from(1, 3)).map(|_| since(random)).collect();
    for date in dates {
        let included = included(random);
        writeln!(text, "meter {meter}{included}{date}{about} : {}", tiers(random)).unwrap();
    }
}

/// A beginning that many things share.
fn since(random: &mut Random) -> String {
    let date = date(random);
    match random.from(1, 5) {
        1 | 2 => String::new(),
        3 => " from 2026-01-01".to_owned(),
        4 => " from 2026-02-01".to_owned(),
        _ => format!(" from {date}"),
    }
}

pub(crate) fn included(random: &mut Random) -> String {
    if random.chance(40) {
        format!(" included {}", random.decimal(20, QUANTITY_PLACES))
    } else {
        String::new()
    }
}

pub(crate) fn tiers(random: &mut Random) -> String {
    let mut bounds: BTreeSet<u64> = (0..random.from(0, 3)).map(|_| random.from(1, 60)).collect();
    bounds.insert(0);
    let mut tiers: Vec<String> = Vec::new();
    for bound in bounds {
        let rate = match random.from(1, 6) {
            1 => "0".to_owned(),
            2 => "2E-06".to_owned(),
            3 => "1.542000000000000299".to_owned(),
            _ => random.decimal(4, RATE_PLACES),
        };
        let half = if bound > 0 && random.chance(20) { ".5" } else { "" };
        tiers.push(format!("{bound}{half}:{rate}"));
    }
    let first = random.place(tiers.len());
    tiers.rotate_left(first);
    tiers.join(" ")
}

/// Several credits of one card leave the same meters out: where they do not, the rules leave open
/// which of them covers what.
fn terms(random: &mut Random, text: &mut String) {
    let except_of_credits = except(random);
    for _ in 0..random.from(0, 4) {
        let from = since(random);
        match random.from(1, 3) {
            1 => writeln!(text, "term recurring {}{from}", random.decimal(9, QUANTITY_PLACES))
                .unwrap(),
            2 => {
                writeln!(
                    text,
                    "term credit {}{from}{except_of_credits}",
                    random.decimal(60, QUANTITY_PLACES)
                )
                .unwrap();
            }
            _ => {
                let all = ["0:10", "5:10 30:12.5 60:33.3", "20:100", "7:0", "0:33.33333333"];
                let (levels, except) = (random.pick(&all), except(random));
                writeln!(text, "term commitment {levels}{from}{except}").unwrap();
            }
        }
    }
}

fn except(random: &mut Random) -> String {
    if random.chance(30) { format!(" except {}", random.from(1, 4)) } else { String::new() }
}

fn aliases(random: &mut Random, text: &mut String) {
    for alias in ["alias 5 1", "alias 6 4"] {
        if random.chance(30) {
            writeln!(text, "{alias}").unwrap();
        }
    }
}

fn overrides(random: &mut Random, text: &mut String) {
    for _ in 0..[0, 0, 1, 2, 3][random.place(5)] {
        let mut laid = String::new();
        if random.chance(70) {
            let scope = random.pick(&["installation", "tenant", "subscription"]);
            write!(laid, " scope {scope}").unwrap();
        }
        let (one, other) = (hour(random), hour(random));
        let (from, until) = if one < other { (one, other) } else { (other, one) };
        match random.from(1, 4) {
            1 => write!(laid, " from {from}").unwrap(),
            2 => write!(laid, " until {until}").unwrap(),
            3 if from < until => write!(laid, " from {from} until {until}").unwrap(),
            _ => {}
        }
        if random.chance(50) {
            write!(laid, " made {}", hour(random)).unwrap();
        }
        let reprice = if random.chance(25) { " reprice" } else { "" };
        let meter = random.from(1, 4);
        if random.chance(60) {
            let percent = random.pick(&["10", "-12.5", "-100", "33.3", "0.00000001", "250"]);
            let target = [String::new(), format!(" meter {meter}"), " category a".to_owned()];
            let target = &target[random.place(3)];
            writeln!(text, "markup {percent}{target}{laid}{reprice}").unwrap();
        } else {
            let included = included(random);
            let tiers = tiers(random);
            writeln!(text, "price {meter}{laid}{included}{reprice} : {tiers}").unwrap();
        }
    }
}

fn commitments(random: &mut Random, text: &mut String) {
    let count = [0, 1, 1, 2][random.place(4)];
    let dates: BTreeSet<_> = (0..count).map(|_| since(random)).collect();
    for from in dates {
        let amount = match random.from(1, 5) {
            1 => "1".to_owned(),
            2 => "10".to_owned(),
            _ => random.decimal(100, QUANTITY_PLACES),
        };
        writeln!(text, "commitment {amount}{from}").unwrap();
    }
}

/// Rows of a few moments, and what takes some of them back: at the same time or later, and standing
/// before or after them.
fn usage(random: &mut Random, text: &mut String) {
    let moments: Vec<_> = (0..random.from(1, 8)).map(|_| hour(random)).collect();
    let mut rows: Vec<String> = Vec::new();
    for _ in 0..random.from(1, 14) {
        let moment = &moments[random.place(moments.len())];
        let meter = random.from(1, 6);
        let lasts = random.pick(&["", "", "", " +1h", " +2h"]);
        let lasts = if moment.ends_with("22") || moment.ends_with("23") { "" } else { lasts };
        let quantity = match random.from(1, 6) {
            1 => "1.00000000000000000001".to_owned(),
            2 => random.from(1, 60).to_string(),
            _ => random.decimal(50, QUANTITY_PLACES),
        };
        let by = random.pick(&["", " by a", " by b"]);
        rows.push(format!("usage {moment}{lasts} {meter} {quantity}{by}"));
        if random.chance(25) {
            let later = hour(random).max(moment.clone());
            let moment = if random.chance(60) { moment } else { &later };
            let lasts = if moment.ends_with("22") { "" } else { lasts };
            let back = format!("usage {moment}{lasts} {meter} -{quantity}{by}");
            let place = random.place(rows.len() + 1);
            rows.insert(place, back);
        }
    }
    for row in rows {
        writeln!(text, "{row}").unwrap();
    }
}
