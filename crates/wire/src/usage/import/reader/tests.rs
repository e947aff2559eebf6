//! A reader agrees with [`parse_aggregate`] on every row, however it is changed, and whatever it has
//! read before.

use super::*;

/// As the Usage API answers it, with everything that a row may have.
const ROW: &str = r#"{"id":"/subscriptions/be9c/Daily_BRSDT_20260301_0000","name":"Hourly_BRSDT_20260301_0100","type":"Microsoft.Commerce/UsageAggregate","properties":{"subscriptionId":"be9c4000-0000-4000-8000-000000000001","usageStartTime":"2026-03-01T00:00:00+00:00","usageEndTime":"2026-03-01T01:00:00+00:00","meterName":"Compute Hours","meterCategory":"Größe","meterSubCategory":"","meterRegion":"US East","unit":"Hours","meterId":"3e7e4000-0000-4000-8000-000000000002","infoFields":{"meteredRegion":"East US","a":[1,{"b":"}"}]},"instanceData":"{\"Microsoft.Resources\":{\"resourceUri\":\"/subscriptions/b/vm-1\",\"location\":\"eastus\",\"tags\":{\"env\":\"a\\\"b\",\"x\":\"\u00e9\"},\"additionalInfo\":{\"b\":1,\"a\":2}}}","quantity":1.25E-2,"more":17}}"#;
const SMALL: &str = r#" { "properties" : { "quantity" : "0.5" , "infoFields" : { } , "subscriptionId" : "be9c4000000040008000000000000001", "usageStartTime":"2026-03-01T00:00:00", "usageEndTime":"2026-03-02T00:00:00Z", "meterId":"3e7e4000-0000-4000-8000-000000000002", "instanceData":"" } } "#;

fn slow(row: &str) -> Result<HashedRow, RowError> {
    let (_, event_id) = unnamed();
    parse_aggregate(row).map(|row| HashedRow {
        bucket: row.bucket,
        occurrence: row.occurrence,
        record: row.hashed_as(source(), event_id),
    })
}

fn source() -> Source {
    Source::parse("urn:test").unwrap()
}

#[test]
fn common_rows_are_read_at_once_and_remembered_rows_alike() {
    for row in [ROW, SMALL] {
        let mut reader = RowReader::new(&source());
        let expected = slow(row).unwrap();
        assert_eq!(reader.read_common(row).as_ref(), Some(&expected));
        assert_eq!(reader.read_common(row), Some(expected));
        assert_eq!(reader.instances.len(), 1);
    }
}

#[test]
fn every_changed_row_is_what_it_is_by_itself() {
    const PIECES: [&str; 30] = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "null",
        "0",
        "-",
        "1",
        "e",
        ".",
        "\\\"",
        "\\u0061",
        "\\u",
        "é",
        "{}",
        "\"\"",
        "true",
        "[]",
        "\"occurrence\":2,",
        "\"name\":\"x\",",
        "\t",
        "\u{1}",
        "\"unit\":\"Hours\",",
        "a",
    ];
    let mut state = 7_u64;
    let mut below = |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut reader = RowReader::new(&source());
    let (mut right, mut common) = (0, 0);
    for round in 0..8_000 {
        let mut row = if round % 3 == 0 { SMALL } else { ROW }.to_owned();
        for _ in 0..=below(2) {
            let places: Vec<_> = row.char_indices().map(|(place, _)| place).collect();
            let begin = places[below(places.len())];
            let end = places.iter().copied().find(|place| *place > begin);
            let end = if below(3) == 0 { begin } else { end.unwrap_or(row.len()) };
            let piece = if below(4) == 0 { "" } else { PIECES[below(PIECES.len())] };
            row.replace_range(begin..end, piece);
        }
        let expected = slow(&row);
        right += u32::from(expected.is_ok());
        common += u32::from(reader.read_common(&row).is_some());
        assert_eq!(reader.read(&row), expected, "{row}");
    }
    assert!(right > 1_500 && common > 1_000, "{right} {common}");
}

#[test]
fn what_is_remembered_has_a_limit() {
    let mut reader = RowReader::new(&source());
    for number in 0..4_200 {
        let row = ROW.replace("vm-1", &format!("vm-{number}-{}", "x".repeat(3_500)));
        let row = row.replace("000000000002", &format!("{number:012}"));
        assert!(reader.read_common(&row).is_some());
        assert!(reader.instances_bytes <= INSTANCES_BYTES_MAX, "{}", reader.instances_bytes);
        assert!(reader.descriptions.len() <= DESCRIPTIONS_MAX, "{}", reader.descriptions.len());
    }
    assert!(reader.instances.len() < 4_000, "{}", reader.instances.len());
}
