//! Units as text: `block name`, or `unknown`.

use super::*;

/// Every unit of the sample rate card, with what it means.
const CARD: &str = include_str!("card_units.txt");

fn read(text: &str) -> String {
    let unit = PricingUnit::parse(text);
    unit.map_or_else(|| "unknown".to_owned(), |unit| format!("{} {}", unit.block(), unit.name()))
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(read(text), *expected, "{text:?}");
    }
}

#[test]
fn the_tables_rows_are_read_as_they_stand() {
    let rows: Vec<_> = TABLE.lines().skip(1).map(|line| row(line).unwrap()).collect();
    assert_eq!(rows.len(), 383);
    for (text, block, name) in rows {
        assert_eq!(read(text), format!("{block} {name}"), "{text:?}");
        assert!(!block.is_zero() && !block.is_negative(), "{text:?}");
    }
}

#[test]
fn rows_that_no_rule_gives_win() {
    check(&[
        ("10000s", "1 Transactions"),
        (" 10000s ", "1 Transactions"),
        ("10000 1,000s", "10000 Transactions in Thousands"),
        ("1 Million", "1 Million"),
        ("1 1 Hour", "1 Hours"),
        ("1000 MAUs", "1000 Users/Month"),
        ("Gb / Month", "1 GB/Month"),
        ("1\u{a0}GB/mes", "1 GB/Month"),
        ("Unassigned", "1 Units"),
    ]);
}

/// The grammar agrees with the table wherever a row is not one of the few exceptions.
#[test]
fn the_rules_give_the_tables_blocks() {
    let mut exceptions = Vec::new();
    for (text, block, _) in TABLE.lines().skip(1).filter_map(row) {
        if block_and_rest(&with_single_blanks(text)).map(|(read, _)| read) != Some(block) {
            exceptions.push(text);
        }
    }
    assert_eq!(exceptions, ["10000s"]);
}

#[test]
fn numbers_have_groups_letters_and_a_plural() {
    check(&[
        ("10,000s", "10000 Units"),
        ("1,000,000s", "1000000 Units"),
        ("1,000's", "1000 Units"),
        ("1000s", "1000 Units"),
        ("100s", "100 Units"),
        ("1M Queries", "1000000 Queries"),
        ("2.5M Queries", "unknown"),
        ("75K", "75000 Units"),
        ("10k Transactions", "10000 Transactions"),
        ("5B Requests", "5000000000 Requests"),
        ("2T", "2000000000000 Units"),
        ("5M/Hour", "5000000 Units/Hour"),
        ("1,000 Transactions", "1000 Transactions"),
        ("007 GB", "7 GB"),
    ]);
}

#[test]
fn names_are_the_tables_whatever_the_number() {
    check(&[
        ("Key Use", "1 Keys"),
        ("VM", "1 Virtual Machines"),
        ("Daily Units", "1 Units/Day"),
        ("Annual subscriptions", "1 Subscriptions/Year"),
        ("300 gb/month", "300 GB/Month"),
        ("7 /Day", "7 Units/Day"),
        ("3 hora", "3 Hours"),
        ("100 \u{5c0f}\u{65f6}", "100 Hours"),
        ("10 Hrs", "10 Hours"),
        ("1 GB/Hr", "1 GB/Hour"),
        ("744 Hours", "744 Hours"),
        ("  12   GB  ", "12 GB"),
        ("50Hours", "50 Hours"),
        ("5TB", "5 TB"),
    ]);
}

#[test]
fn a_name_that_the_table_lacks_is_kept() {
    check(&[
        ("Seats", "1 Seats"),
        ("1000000 Characters", "1000000 Characters"),
        ("GB/Week", "1 GB/Week"),
        ("1 GB /Week", "1 GB/Week"),
        ("/Week", "1 Units/Week"),
        ("1/36 Months", "1 Units/36 Months"),
        ("Cores (v3)", "1 Cores (v3)"),
    ]);
}

#[test]
fn a_number_in_brackets_at_the_end_is_the_block() {
    check(&[
        ("Authentications (10s)", "10 Authentications"),
        ("Relay Hours (in 100s)", "100 Hours"),
        ("Data Points (1M)", "1000000 Data Points"),
        ("100 Authentications (10s)", "unknown"),
        ("Bandwidth (10 Gbps)", "unknown"),
    ]);
}

#[test]
fn what_could_hide_a_block_is_unknown() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let texts = [
        "",
        " ",
        "/",
        "?",
        "-",
        "%",
        "$",
        "1 %",
        "N/A",
        "null",
        "1 unknown",
        "0",
        "0 GB",
        "-5 Hours",
        "1.5 GB",
        "10.000s",
        "10,00s",
        "1,0000",
        ",000s",
        "1,,000",
        "1,000,",
        "1234,567",
        "1m",
        "1h",
        "1 GB 10",
        "per 1000 calls",
        "10 x 5 GB",
        "100 1,000s",
        "1,000 (10s)",
        "1-5 GB",
        "1 Million Queries",
        "Thousands of calls",
        "1000000000000000",
        "99999999999999999999",
        "1000T",
        "99999999T",
        "1 GB\n",
        &long,
    ];
    check(&texts.map(|text| (text, "unknown")));
}

#[test]
fn every_unit_of_the_real_card_is_understood() {
    let (mut meters, mut not_in_table) = (0, 0);
    for line in CARD.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(" | ").collect();
        let [count, text, expected] = fields[..] else { panic!("not three fields: {line}") };
        assert_eq!(read(text), expected, "{text:?}");
        let count: u32 = count.trim().parse().unwrap();
        meters += count;
        if !TABLES.units.contains_key(text) {
            not_in_table += count;
        }
    }
    assert_eq!((meters, not_in_table), (3817, 447));
}
