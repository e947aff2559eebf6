//! Events that are right, wrong in one place, or among others that are wrong.

use expect_test::{Expect, expect};

use super::*;

const DATA_MEMBERS: &str = r#""subscriptionId":"00000000-0000-0000-0000-0000000000AA","meterId":"e60caf269ba0413da4226141f58081d6","usageStartTime":"2026-01-01T10:00:00Z","usageEndTime":"2026-01-01T11:00:00+00:00","quantity":"#;

/// An event of this quantity and further members of `data`.
fn event(quantity: &str, more: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"tallyhouse.usage.v1","source":"urn:vm","id":"1","data":{{{DATA_MEMBERS}{quantity}{more}}}}}"#
    )
}

fn usage(text: &str) -> UsageRecord {
    match parse_single(text.as_bytes()) {
        Ok(Event::Usage(record)) => record,
        other => panic!("{other:?}"),
    }
}

fn show(result: &Result<Event, RejectedEvent>) -> String {
    match result {
        Ok(Event::Watermark(watermark)) => format!(
            "{} {} {} up to {}",
            watermark.source, watermark.event_id, watermark.subscription, watermark.complete_up_to
        ),
        Ok(Event::Usage(record)) => format!(
            "{} {} {} {}-{} {} {}",
            record.source,
            record.event_id,
            record.subscription,
            record.window.start(),
            record.window.end(),
            record.meter,
            record.quantity
        ),
        Err(rejected) => format!(
            "{} {:?} {:?} {}: {}",
            rejected.position,
            rejected.source,
            rejected.id,
            rejected.error.code(),
            rejected.error
        ),
    }
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&show(&parse_single(text.as_bytes())));
}

/// The error of an event whose members are these.
fn check_error(text: &str, code: &str, reason: &str) {
    let rejected = parse_single(text.as_bytes()).unwrap_err();
    assert_eq!(
        (rejected.error.code(), rejected.error.to_string().as_str()),
        (code, reason),
        "{text}"
    );
}

/// The error of a data part in which one text is replaced by another.
fn check_data(from: &str, to: &str, code: &str, reason: &str) {
    let event = event("1.5", "");
    assert!(event.contains(from), "{from}");
    check_error(&event.replace(from, to), code, reason);
}

#[test]
fn an_event_becomes_a_record() {
    check(
        &event("1.50", ""),
        expect![
            "urn:vm 1 00000000-0000-0000-0000-0000000000aa 2026-01-01T10:00:00Z-2026-01-01T11:00:00Z e60caf26-9ba0-413d-a422-6141f58081d6 1.5"
        ],
    );
    check(
        &event("1", "").replace(r#""id":"1""#, r#""id":"\u0061/ü","time":"whenever","subject":null,"myextension":{"x":[1]},"datacontenttype":"application/json; charset=utf-8""#),
        expect!["urn:vm a/ü 00000000-0000-0000-0000-0000000000aa 2026-01-01T10:00:00Z-2026-01-01T11:00:00Z e60caf26-9ba0-413d-a422-6141f58081d6 1"],
    );
}

#[test]
fn a_quantity_is_read_from_its_text() {
    for (text, expected) in [
        ("0.1", "0.1"),
        (r#""0.1""#, "0.1"),
        ("2E-06", "0.000002"),
        ("123456789012345.12345678901234567891", "123456789012345.12345678901234567891"),
        (r#""123456789012345.12345678901234567891""#, "123456789012345.12345678901234567891"),
        ("0", "0"),
        (r#""\u0031""#, "1"),
    ] {
        let record = usage(&event(text, ""));
        assert_eq!(record.quantity.to_string(), expected, "{text}");
    }
}

#[test]
fn a_quantity_that_is_none_is_refused() {
    for (text, code, reason) in [
        (r#""NaN""#, "InvalidQuantity", "data.quantity is 'NaN', which is not a decimal number"),
        (r#""""#, "InvalidQuantity", "data.quantity is '', which is not a decimal number"),
        (r#"" 1""#, "InvalidQuantity", "data.quantity is ' 1', which is not a decimal number"),
        ("1e15", "InvalidQuantity", "data.quantity is '1e15', which is not below 10^15"),
        (
            "1e-21",
            "InvalidQuantity",
            "data.quantity is '1e-21', which is more than 20 decimal places",
        ),
        ("-1", "NegativeQuantity", "data.quantity is '-1', which is negative and reverses nothing"),
        (
            "true",
            "InvalidProperty",
            "data.quantity is 'true', which is not a number or a string of one",
        ),
        ("null", "MissingProperty", "data.quantity is missing"),
        ("NaN", "InvalidEvent", "event is not JSON: expected value at line 1 column 281"),
    ] {
        check_error(&event(text, ""), code, reason);
    }
}

#[test]
fn an_id_that_names_a_reversal_is_no_producers() {
    check_error(
        &event("1", "").replace(r#""id":"1""#, r#""id":"~reversal-1""#),
        "InvalidProperty",
        "id is '~reversal-1', which is not an id of a producer's: those that begin so name reversals",
    );
}

#[test]
fn what_is_said_of_meter_and_resource_is_kept() {
    let text = event(
        "1",
        r#","meterName":"Compute Hours","meterCategory":"Virtual Machines","meterSubCategory":"","meterRegion":null,"unit":"Hours","resourceUri":"/subscriptions/x","location":"eastus","tags":{"b":"2","a":"\u00e9"},"additionalInfo":{"y": 1.0,"x":[ ]},"partNumber":"","infoFields":{}"#,
    );
    let record = usage(&text);
    expect![[r#"
        MeterDescription {
            name: Some(
                "Compute Hours",
            ),
            category: Some(
                "Virtual Machines",
            ),
            subcategory: Some(
                "",
            ),
            region: None,
            unit: Some(
                "Hours",
            ),
        }
        Instance {
            resource_uri: Some(
                "/subscriptions/x",
            ),
            location: Some(
                "eastus",
            ),
            tags: {
                "a": "é",
                "b": "2",
            },
            additional_info: Some(
                CanonicalJson(
                    "{\"x\":[],\"y\":1.0}",
                ),
            ),
            part_number: Some(
                "",
            ),
            order_number: None,
            info_fields: None,
        }"#]]
    .assert_eq(&format!("{:#?}\n{:#?}", record.description, record.instance));
}

#[test]
fn spelling_is_not_content() {
    let plain = event("1.5", r#","tags":{"a":"1","b":"2"},"additionalInfo":{"a":1,"b":2}"#);
    let other = event(
        "\"1.50\"",
        r#","infoFields":{},"additionalInfo":{"b":2, "\u0061":1},"tags":{"b":"2","a":"1"}"#,
    )
    .replace("2026-01-01T11:00:00+00:00", "2026-01-01T13:00:00.000+02:00")
    .replace("00aa", "00AA");
    let content = |text: &str| usage(text).content_hash();
    assert_eq!(content(&plain), content(&other));
    assert_ne!(content(&plain), content(&event("1.5", "")));
}

#[test]
fn an_envelope_that_is_wrong_is_named() {
    check_error(
        "",
        "InvalidEvent",
        "event is not JSON: EOF while parsing a value at line 1 column 0",
    );
    check_error("[]", "InvalidEvent", "event is not a JSON object");
    check_error("17", "InvalidEvent", "event is not a JSON object");
    check_error(
        "{",
        "InvalidEvent",
        "event is not JSON: EOF while parsing an object at line 1 column 1",
    );
    check_error(
        "{} {}",
        "InvalidEvent",
        "event is not JSON: trailing characters at line 1 column 4",
    );
    check_error("{}", "MissingProperty", "specversion is missing");
    check_error(
        &event("1", "").replacen("1.0", "0.3", 1),
        "UnsupportedSpecVersion",
        "specversion is '0.3', supported is '1.0'",
    );
    check_error(
        &event("1", "").replace("usage.v1", "usage.v2"),
        "UnsupportedEventType",
        "type is 'tallyhouse.usage.v2', supported are 'tallyhouse.usage.v1' and 'tallyhouse.watermark.v1'",
    );
    check_error(
        &event("1", "").replace("urn:vm", ""),
        "InvalidProperty",
        "source is '', which is not 1 to 1024 bytes without control characters",
    );
    check_error(
        &event("1", "").replace(r#""id":"1""#, r#""id":7"#),
        "InvalidProperty",
        "id is '7', which is not a string",
    );
    check_error(
        &event("1", "").replace(r#""id":"1""#, r#""id":"1","id":"2""#),
        "InvalidEvent",
        "event has the member 'id' twice",
    );
    check_error(
        &event("1", "").replace(r#""data":"#, r#""datum":"#),
        "MissingProperty",
        "data is missing",
    );
    check_error(
        &event("1", "").replace(r#""data":{"#, r#""data_base64":"e30=","data":{"#),
        "InvalidProperty",
        "data_base64 is not supported: an event is JSON in data",
    );
    check_error(
        &event("1", "").replace(r#""id":"1""#, r#""id":"1","datacontenttype":"text/csv""#),
        "InvalidProperty",
        "datacontenttype is 'text/csv', which is not application/json",
    );
    check_error(
        r#"{"specversion":"1.0","type":"tallyhouse.usage.v1","source":"s","id":"1","data":"x"}"#,
        "InvalidProperty",
        "data is not a JSON object",
    );
    let bytes = [event("1", "").as_bytes(), b"\xff"].concat();
    let rejected = parse_single(&bytes).unwrap_err();
    assert_eq!(rejected.error.to_string(), "event is not UTF-8 at byte 283");
    let long = event("1", &format!(r#","location":"{}""#, "x".repeat(RECORD_BYTES_MAX)));
    let error = parse_single(long.as_bytes()).unwrap_err().error;
    assert!(matches!(*error, EventError::TooLong { .. }), "{error}");
}

#[test]
fn data_that_is_wrong_is_named() {
    check_data("meterId", "meterID", "UnknownProperty", "'data.meterID' is not a known property");
    check_data(
        r#""meterId":"e60caf269ba0413da4226141f58081d6","#,
        "",
        "MissingProperty",
        "data.meterId is missing",
    );
    check_data(
        "e60caf269ba0413da4226141f58081d6",
        "m1",
        "InvalidProperty",
        "data.meterId is 'm1', which is not a GUID",
    );
    check_data(
        "2026-01-01T10:00:00Z",
        "2026-01-01T10:00:00",
        "InvalidTime",
        "data.usageStartTime '2026-01-01T10:00:00' has neither Z nor an offset from UTC",
    );
    check_data(
        "2026-01-01T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "InvalidTime",
        "data.usageStartTime '2026-02-30T10:00:00Z' is a time that does not exist",
    );
    check_data(
        "2026-01-01T11:00:00+00:00",
        "soon",
        "InvalidTime",
        "data.usageEndTime 'soon' is not a time such as 2026-01-31T00:00:00Z",
    );
    check_data(
        "2026-01-01T11:00:00+00:00",
        "2026-01-02T01:00:00Z",
        "InvalidWindow",
        "data.usageStartTime is '2026-01-01T10:00:00Z' and the end '2026-01-02T01:00:00Z': usage crosses midnight UTC",
    );
    check_data(
        "2026-01-01T11:00:00+00:00",
        "2026-01-01T10:00:00Z",
        "InvalidWindow",
        "data.usageStartTime is '2026-01-01T10:00:00Z' and the end '2026-01-01T10:00:00Z': usage end is not after usage start",
    );
    for (more, reason) in [
        (r#","location":7"#, "data.location is '7', which is not a string"),
        (r#","location":"\ud800""#, r#"data.location is '"\ud800"', which is not a string"#),
        (r#","tags":[]"#, "data.tags is not a JSON object"),
        (r#","tags":{"a":1}"#, "data.tags.'a' is '1', which is not a string"),
        (r#","tags":{"a":"1","a":"2"}"#, "data.tags has the member 'a' twice"),
        (r#","additionalInfo":"{}""#, "data.additionalInfo is not a JSON object"),
        (r#","additionalInfo":{"a":1,"a":2}"#, "data.additionalInfo has the member 'a' twice"),
        (r#","quantity":2"#, "data has the member 'quantity' twice"),
    ] {
        check_error(&event("1", more), "InvalidProperty", reason);
    }
}

#[test]
fn one_bad_event_does_not_sink_a_batch() {
    let (good, bad) = (event("1", ""), event(r#""NaN""#, ""));
    let batch = format!("[{good}, {bad},17,\n{good}]");
    let found: Vec<_> = parse_batch(batch.as_bytes(), 10).unwrap().iter().map(show).collect();
    let lines = format!("\n{good}\r\n  \n{bad}\n17\n{good}");
    let of_lines: Vec<_> = parse_lines(lines.as_bytes(), 10).unwrap().iter().map(show).collect();
    assert_eq!(found, of_lines);
    expect![[r#"
        urn:vm 1 00000000-0000-0000-0000-0000000000aa 2026-01-01T10:00:00Z-2026-01-01T11:00:00Z e60caf26-9ba0-413d-a422-6141f58081d6 1
        1 Some("urn:vm") Some("1") InvalidQuantity: data.quantity is 'NaN', which is not a decimal number
        2 None None InvalidEvent: event is not a JSON object
        urn:vm 1 00000000-0000-0000-0000-0000000000aa 2026-01-01T10:00:00Z-2026-01-01T11:00:00Z e60caf26-9ba0-413d-a422-6141f58081d6 1"#]]
    .assert_eq(&found.join("\n"));
    let problem =
        IngestProblem::from(parse_batch(batch.as_bytes(), 10).unwrap().remove(1).unwrap_err());
    assert_eq!((problem.position, problem.code.as_str()), (1, "InvalidQuantity"));
}

#[test]
fn a_line_that_is_no_json_harms_no_other() {
    let good = event("1", "");
    let body = [b"\xff\n{\n", good.as_bytes()].concat();
    let codes: Vec<_> = parse_lines(&body, 3)
        .unwrap()
        .iter()
        .map(|line| line.as_ref().err().map(|rejected| rejected.error.code()))
        .collect();
    assert_eq!(codes, [Some("InvalidEvent"), Some("InvalidEvent"), None]);
}

#[test]
fn a_batch_that_is_none_is_one_error() {
    let check = |body: &[u8], expected: &str| {
        let error = parse_batch(body, 3).unwrap_err();
        assert_eq!(format!("{} {error}", error.code()), expected);
    };
    check(b"{}", "InvalidBatch batch of events is not a JSON array");
    check(
        b"[{},",
        "InvalidBatch batch of events is not JSON: EOF while parsing a value at line 1 column 4",
    );
    check(
        b"[1]x",
        "InvalidBatch batch of events is not JSON: trailing characters at line 1 column 4",
    );
    check(
        b"",
        "InvalidBatch batch of events is not JSON: EOF while parsing a value at line 1 column 0",
    );
    check(b"[\"\xff\"]", "InvalidBatch batch of events is not UTF-8 at byte 2");
    check(b"[1,2,3,4]", "TooManyEvents batch has more than 3 events");
    check(b"[1,2,3,4,}", "TooManyEvents batch has more than 3 events");
    assert_eq!(parse_batch(b"[1,2,3]", 3).unwrap().len(), 3);
    assert_eq!(parse_batch(b" [ ] ", 3).unwrap(), []);
    assert_eq!(parse_lines(b"1\n2\n3\n4", 3), Err(BatchError::TooMany { limit: 3 }));
    assert_eq!(parse_lines(b"", 3), Ok(vec![]));
}

#[test]
fn a_watermark_says_up_to_when_a_source_is_complete() {
    let watermark = r#"{"specversion":"1.0","type":"tallyhouse.watermark.v1","source":"urn:vm","id":"w1","data":{"subscriptionId":"00000000-0000-0000-0000-0000000000AA","completeUpTo":"2026-01-01T12:00:00+01:00"}}"#;
    check(
        watermark,
        expect!["urn:vm w1 00000000-0000-0000-0000-0000000000aa up to 2026-01-01T11:00:00Z"],
    );
    for (from, to, code, reason) in [
        (
            r#""completeUpTo""#,
            r#""upTo""#,
            "UnknownProperty",
            "'data.upTo' is not a known property",
        ),
        (
            r#","completeUpTo":"2026-01-01T12:00:00+01:00""#,
            "",
            "MissingProperty",
            "data.completeUpTo is missing",
        ),
        (
            "+01:00",
            "",
            "InvalidTime",
            "data.completeUpTo '2026-01-01T12:00:00' has neither Z nor an offset from UTC",
        ),
        (
            "00000000-0000-0000-0000-0000000000AA",
            "aa",
            "InvalidProperty",
            "data.subscriptionId is 'aa', which is not a GUID",
        ),
    ] {
        assert!(watermark.contains(from), "{from}");
        check_error(&watermark.replace(from, to), code, reason);
    }
}
