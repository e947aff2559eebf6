//! What a source's rows and watermarks say of completeness, as texts.

use proptest::prelude::*;

use super::*;

fn source(name: &str) -> Source {
    Source::parse(name).unwrap()
}

/// Seconds after 1970.
fn at(seconds: i64) -> UtcTime {
    UtcTime::MIN.plus_seconds(62_135_596_800 + seconds)
}

/// Reads `1d2h3m4s`.
fn seconds(text: &str) -> i64 {
    let parts = text.split_inclusive(char::is_alphabetic).map(|part| {
        let (number, unit) = part.split_at(part.len() - 1);
        let unit = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            _ => 1,
        };
        number.parse::<i64>().unwrap() * unit
    });
    parts.sum()
}

fn text(seconds: i64) -> String {
    let (sign, seconds) = if seconds < 0 { ("-", -seconds) } else { ("", seconds) };
    let parts = [(86_400, i64::MAX, 'd'), (3_600, 24, 'h'), (60, 60, 'm'), (1, 60, 's')];
    let parts = parts.map(|(unit, modulus, name)| (seconds / unit % modulus, name));
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let text: String = parts.map(|(number, name)| format!("{number}{name}")).collect();
    format!("{sign}{}", if text.is_empty() { "0s" } else { &text })
}

/// Rows are `source: end reported` or `source: end reported *count`; times are since 1970.
fn activity(rows: &str) -> Vec<SourceActivity> {
    let mut found: Vec<SourceActivity> = Vec::new();
    for row in rows.split(", ").filter(|row| !row.is_empty()) {
        let (name, times) = row.split_once(": ").unwrap();
        let (times, count) = times.split_once(" *").unwrap_or((times, "1"));
        let (end, reported) = times.split_once(' ').unwrap();
        let (end, reported) = (at(seconds(end)), ReportedTime(at(seconds(reported))));
        for _ in 0..count.parse().unwrap() {
            match found.iter_mut().find(|active| active.source == source(name)) {
                Some(active) => active.add(reported, end),
                None => found.push(SourceActivity::new(source(name), reported, end)),
            }
        }
    }
    found
}

/// The answer is `up to (by whom): every source with = if it declares and ~ if it does not`.
fn check(rows: &str, watermarks: &str, expected: &str) {
    let watermarks = watermarks.split(", ").filter(|text| !text.is_empty()).map(|text| {
        let (name, time) = text.split_once(' ').unwrap();
        (source(name), at(seconds(time)))
    });
    let watermarks: Vec<_> = watermarks.collect();
    let found = complete_up_to(&activity(rows), &watermarks);
    let since = |time: UtcTime| text(time.to_micros() / 1_000_000);
    let sources = found.sources.iter().map(|one| {
        let sign = if one.declared { '=' } else { '~' };
        format!(" {}{sign}{}", one.source.as_str(), since(one.up_to))
    });
    let sources: String = sources.collect();
    let held = found.up_to.zip(found.held_back_by);
    let held = held.map_or("none".to_owned(), |(up_to, by)| {
        format!("{} ({}):{sources}", since(up_to), by.as_str())
    });
    assert_eq!(held, expected, "{rows} | {watermarks:?}");
}

#[test]
fn without_a_source_nothing_is_said() {
    check("", "", "none");
}

#[test]
fn a_declared_watermark_counts_and_the_latest_of_several() {
    check("", "a 5d", "5d (a): a=5d");
    check("a: 9d 9d, a: 2d 9d", "a 5d", "5d (a): a=5d");
    check("", "a 5d, a 7d, a 6d", "7d (a): a=7d");
}

#[test]
fn at_first_a_day_is_allowed() {
    check("a: 3d 3d1m", "", "2d (a): a~2d");
    check("a: 3d 3d1h, a: 3d12h 4d59m59s", "", "2d12h (a): a~2d12h");
    check("a: 3d 3d1h, a: 3d12h 4d1h", "", "2d23h (a): a~2d23h");
}

#[test]
fn one_row_in_a_hundred_may_be_later() {
    check("a: 1d 1d1h *99, a: 9d 19d", "", "8d23h (a): a~8d23h");
    check("a: 1d 1d1h *98, a: 9d 19d *2", "", "-1d (a): a~-1d");
    check("a: 1d 1d1h *50, a: 9d 19d", "", "-1d (a): a~-1d");
    check("a: 1d 1d1h *198, a: 9d 19d *2", "", "8d23h (a): a~8d23h");
}

#[test]
fn lateness_is_rounded_up_to_the_minute_and_ends_at_forty_days() {
    check("a: 1d 1d *99, a: 9d 9d1s *9", "", "8d23h59m (a): a~8d23h59m");
    check("a: 1d 1d *99, a: 9d 9d60s *9", "", "8d23h59m (a): a~8d23h59m");
    check("a: 1d 1d *9, a: 9d 99d *9", "", "-31d (a): a~-31d");
}

#[test]
fn what_has_not_happened_yet_is_not_complete() {
    check("a: 1d 1d, a: 5d 4d12h", "", "4d12h (a): a~4d12h");
}

#[test]
fn the_earliest_source_holds_back_and_is_named() {
    let rows = "b: 1d 1d, b: 9d 9d, c: 1d 1d, c: 8d 8d";
    check(rows, "", "8d (c): b~9d c~8d");
    // It declared once and has sent nothing since.
    check(rows, "a 2d", "2d (a): a=2d b~9d c~8d");
    check(rows, "c 9d", "9d (b): b~9d c=9d");
}

#[test]
fn rows_count_for_thirty_days() {
    assert_eq!(active_since(at(seconds("31d1s"))), ReportedTime(at(seconds("1d1s"))));
}

proptest! {
    #[test]
    fn the_lateness_is_that_of_the_sorted_rows(
        rows in prop::collection::vec((0..5_000_000i64, 0..4_000_000i64), 1..300),
    ) {
        let row = |&(end, late): &(i64, i64)| (ReportedTime(at(end + late)), at(end));
        let build = |rows: &mut dyn Iterator<Item = (ReportedTime, UtcTime)>| {
            let (reported, end) = rows.next().unwrap();
            let mut activity = SourceActivity::new(source("a"), reported, end);
            rows.for_each(|(reported, end)| activity.add(reported, end));
            activity
        };
        let activity = build(&mut rows.iter().map(row));
        prop_assert_eq!(&activity, &build(&mut rows.iter().rev().map(row)));

        let reported = rows.iter().map(|(end, late)| end + late);
        let span = reported.clone().max().unwrap() - reported.min().unwrap();
        let mut sorted: Vec<_> = rows.iter().map(|(_, late)| *late).collect();
        sorted.sort_unstable();
        let place = (sorted.len() * 99).div_ceil(100) - 1;
        let minutes = ((sorted[place] + 59) / 60).min(40 * 24 * 60);
        let expected = if span < 86_400 { 86_400 } else { minutes * 60 };
        prop_assert_eq!(activity.lateness.seconds(), expected);
    }
}
