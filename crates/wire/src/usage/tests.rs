//! Pages written and read back, rows as Azure and its recordings have them, and rows that are wrong.

use std::sync::Arc;

use domain::aggregate::{Aggregate, AggregateKey, Granularity, UsageQuery};
use domain::decimal::Quantity;
use domain::id::{MeterId, Source, SubscriptionId};
use domain::record::{CanonicalJson, Instance, MeterDescription, Tags};
use domain::time::{ReportedTime, UtcTime};
use expect_test::expect;
use serde_json::Value;

use super::*;
use crate::query::Parameters;
use crate::time::parse_rfc3339;

fn time(text: &str) -> UtcTime {
    parse_rfc3339(text).unwrap()
}

fn subscription() -> SubscriptionId {
    SubscriptionId::parse("3af18309-a8c8-4865-90d3-56b135f1b1d6").unwrap()
}

fn full_instance() -> Instance {
    Instance {
        resource_uri: Some("/subscriptions/x/resourceGroups/rg \"1\"/vm\\é".into()),
        location: Some("eastus".into()),
        tags: Tags::from([("Department".into(), "Sales\n".into()), ("a".into(), "".into())]),
        additional_info: Some(CanonicalJson(r#"{"n":1.50,"t":"\"ü\\"}"#.into())),
        part_number: Some("".into()),
        order_number: None,
        info_fields: Some(CanonicalJson(r#"{"project":"p"}"#.into())),
    }
}

fn row(
    reported: &str,
    start: &str,
    end: &str,
    quantity: &str,
    instance: Option<Instance>,
) -> Aggregate {
    let instance = instance.map(Arc::new);
    Aggregate {
        key: AggregateKey {
            reported: ReportedTime(time(reported)),
            start: time(start),
            meter: MeterId::parse("2a8f5aeb-d518-4417-a262-f168e3204a84").unwrap(),
            instance: instance.as_ref().map(|instance| instance.hash()),
            end: time(end),
        },
        description: MeterDescription {
            name: Some("Premium P3 Database Days".into()),
            category: Some("Data Services".into()),
            region: Some("".into()),
            ..MeterDescription::default()
        },
        instance,
        quantity: Quantity::parse(quantity).unwrap(),
    }
}

fn page(rows: &[Aggregate], granularity: Granularity, link: Option<&str>) -> String {
    String::from_utf8(write_page(rows, subscription(), granularity, link)).unwrap()
}

#[test]
fn a_page_is_written_as_azure_writes_it() {
    let plain = row(
        "2015-05-01T00:00:00Z",
        "2015-04-28T00:00:00Z",
        "2015-04-29T00:00:00Z",
        "0.41667",
        None,
    );
    expect![[r#"{"value":[{"id":"/subscriptions/3af18309-a8c8-4865-90d3-56b135f1b1d6/providers/Microsoft.Commerce/UsageAggregates/Daily_BRSDT_20150501_0000","name":"Daily_BRSDT_20150501_0000","type":"Microsoft.Commerce/UsageAggregate","properties":{"subscriptionId":"3af18309-a8c8-4865-90d3-56b135f1b1d6","usageStartTime":"2015-04-28T00:00:00+00:00","usageEndTime":"2015-04-29T00:00:00+00:00","meterName":"Premium P3 Database Days","meterRegion":"","meterCategory":"Data Services","meterId":"2a8f5aeb-d518-4417-a262-f168e3204a84","quantity":0.41667}}]}"#]]
        .assert_eq(&page(&[plain], Granularity::Daily, None));
    let detailed = row(
        "2015-06-02T01:00:00Z",
        "2015-06-01T11:00:00Z",
        "2015-06-01T12:00:00Z",
        "2E-06",
        Some(full_instance()),
    );
    expect![[r#"{"value":[{"id":"/subscriptions/3af18309-a8c8-4865-90d3-56b135f1b1d6/providers/Microsoft.Commerce/UsageAggregates/Hourly_BRSDT_20150602_0100","name":"Hourly_BRSDT_20150602_0100","type":"Microsoft.Commerce/UsageAggregate","properties":{"subscriptionId":"3af18309-a8c8-4865-90d3-56b135f1b1d6","usageStartTime":"2015-06-01T11:00:00+00:00","usageEndTime":"2015-06-01T12:00:00+00:00","meterName":"Premium P3 Database Days","meterRegion":"","meterCategory":"Data Services","instanceData":"{\"Microsoft.Resources\":{\"resourceUri\":\"/subscriptions/x/resourceGroups/rg \\\"1\\\"/vm\\\\é\",\"location\":\"eastus\",\"tags\":{\"Department\":\"Sales\\n\",\"a\":\"\"},\"additionalInfo\":{\"n\":1.50,\"t\":\"\\\"ü\\\\\"},\"partNumber\":\"\"}}","meterId":"2a8f5aeb-d518-4417-a262-f168e3204a84","infoFields":{"project":"p"},"quantity":0.000002}}],"nextLink":"https://h/?a=\"b"}"#]]
        .assert_eq(&page(&[detailed], Granularity::Hourly, Some("https://h/?a=\"b")));
    assert_eq!(page(&[], Granularity::Daily, None), r#"{"value":[]}"#);
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let only = |change: fn(&mut Instance)| {
        let mut instance = Instance::default();
        change(&mut instance);
        instance
    };
    let instances = [
        Instance::default(),
        full_instance(),
        only(|instance| instance.resource_uri = Some("".into())),
        only(|instance| instance.location = Some("eastus".into())),
        only(|instance| instance.tags = Tags::from([("a".into(), "b".into())])),
        only(|instance| instance.additional_info = Some(CanonicalJson("{\"a\":[{}]}".into()))),
        only(|instance| instance.order_number = Some("7".into())),
        only(|instance| instance.info_fields = Some(CanonicalJson("{\"a\":null}".into()))),
    ];
    for (granularity, reported, start, end) in [
        (
            Granularity::Daily,
            "2026-01-03T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
        ),
        (
            Granularity::Hourly,
            "2026-01-03T07:00:00Z",
            "2026-01-01T05:00:00Z",
            "2026-01-01T06:00:00Z",
        ),
        (
            Granularity::Hourly,
            "2026-01-03T07:00:00Z",
            "2026-01-01T05:10:00.000001Z",
            "2026-01-01T09:00:00Z",
        ),
    ] {
        let rows: Vec<_> = instances
            .iter()
            .map(|instance| {
                row(
                    reported,
                    start,
                    end,
                    "999999999999999.12345678901234567891",
                    Some(instance.clone()),
                )
            })
            .collect();
        let body = page(&rows, granularity, None);
        let read = read_aggregates(body.as_bytes(), 100).unwrap();
        assert_eq!(read.len(), rows.len());
        for (text, row) in read.into_iter().zip(&rows) {
            let imported = parse_aggregate(text).unwrap();
            assert_eq!(imported.subscription, subscription());
            assert_eq!(
                (imported.window.start(), imported.window.end()),
                (row.key.start, row.key.end)
            );
            assert_eq!((imported.bucket, imported.meter), (row.key.reported, row.key.meter));
            assert_eq!(
                (&imported.description, imported.quantity),
                (&row.description, row.quantity)
            );
            assert_eq!(Some(imported.instance.instance()), row.instance.as_ref());
        }
    }
}

#[test]
fn the_link_asks_for_the_same_query_and_ends_with_the_token() {
    let query = UsageQuery {
        subscription: subscription(),
        reported: ReportedTime(time("2015-06-02T01:00:00Z"))
            ..ReportedTime(time("2015-06-03T00:00:00Z")),
        granularity: Granularity::Hourly,
        details: false,
        within: None,
    };
    let link = next_link("https://127.0.0.1:8443", subscription(), &query, "a+/=&b");
    expect!["https://127.0.0.1:8443/subscriptions/3af18309-a8c8-4865-90d3-56b135f1b1d6/providers/Microsoft.Commerce/UsageAggregates?api-version=2015-06-01-preview&reportedStartTime=2015-06-02T01%3A00%3A00Z&reportedEndTime=2015-06-03T00%3A00%3A00Z&aggregationGranularity=Hourly&showDetails=false&continuationToken=a%2B%2F%3D%26b"]
        .assert_eq(&link);
    let parameters = Parameters::parse(link.split_once('?').unwrap().1).unwrap();
    let now = time("2026-01-01T00:00:00Z");
    let request = UsageRequest::from_parameters(subscription(), &parameters, now);
    assert_eq!(request, Ok(UsageRequest { query, continuation: Some("a+/=&b".to_owned()) }));
}

/// A row in the form of the recordings of 2015: a day that begins at midnight UTC, written with the
/// offset of the server that wrote it.
const RECORDED_FORM: &str = r#"{
  "id": "/subscriptions/3af18309-a8c8-4865-90d3-56b135f1b1d6/providers/Microsoft.Commerce/UsageAggregates/Daily_BRSDT_20150501_0000",
  "name": "Daily_BRSDT_20150501_0000",
  "type": "Microsoft.Commerce/UsageAggregate",
  "properties": {
    "subscriptionId": "3af18309-a8c8-4865-90d3-56b135f1b1d6",
    "usageStartTime": "2015-04-29T17:00:00-07:00",
    "usageEndTime": "2015-04-30T17:00:00-07:00",
    "meterName": "DNS Queries (1M)",
    "meterCategory": "Networking",
    "unit": "1M Queries",
    "meterId": "0F5216745EBD4679BD978BC2AC4A9040",
    "infoFields": { "project": "x" },
    "quantity": 2E-06
  }
}"#;

fn show(row: &ImportedAggregate) -> String {
    format!(
        "{} {}..{} {} {} {:?}",
        row.bucket,
        row.window.start(),
        row.window.end(),
        row.meter,
        row.quantity,
        row.occurrence
    )
}

#[test]
fn a_row_of_azure_is_read() {
    let imported = parse_aggregate(RECORDED_FORM).unwrap();
    assert_eq!(
        show(&imported),
        "2015-05-01T00:00:00Z 2015-04-30T00:00:00Z..2015-05-01T00:00:00Z 0f521674-5ebd-4679-bd97-8bc2ac4a9040 0.000002 None"
    );
    let text = include_str!("../../tests/data/azure-rest-api-specs_GetUsageAggregatesList.json");
    let example: Value = serde_json::from_str(text).unwrap();
    let body = example["responses"]["200"]["body"].to_string();
    let rows = read_aggregates(body.as_bytes(), 1).unwrap();
    assert_eq!(
        show(&parse_aggregate(rows[0]).unwrap()),
        "2014-05-01T00:00:00Z 2015-03-03T00:00:00Z..2015-03-04T00:00:00Z 0e9d0c9b-ab6d-4312-9c7e-3794e22af9c4 0.057865 None"
    );
}

/// The recorded row in which one text is replaced by another.
fn changed(from: &str, to: &str) -> String {
    assert!(RECORDED_FORM.contains(from), "{from}");
    RECORDED_FORM.replacen(from, to, 1)
}

#[test]
fn what_other_servers_vary_is_borne() {
    let recorded = parse_aggregate(RECORDED_FORM).unwrap();
    for (from, to) in [
        ("2E-06", r#""0.000002""#),
        ("2015-04-29T17:00:00-07:00", "2015-04-30T00:00:00.0000000"),
        ("2015-04-29T17:00:00-07:00", "2015-04-30T00:00:00Z"),
        (r#""quantity""#, r#""instanceData": null, "meterRegion": null, "new": {}, "quantity""#),
        (r#""quantity""#, r#""instanceData": "", "quantity""#),
        (
            r#""quantity""#,
            r#""instanceData": "{\"Microsoft.Resources\":{\"tags\":null,\"additionalInfo\":null}}", "quantity""#,
        ),
        (r#""type""#, r#""etag": 7, "type""#),
    ] {
        assert_eq!(parse_aggregate(&changed(from, to)).unwrap(), recorded, "{to}");
    }
    let unnamed =
        parse_aggregate(&changed(r#""name": "Daily_BRSDT_20150501_0000""#, r#""name": null"#));
    assert_eq!(unnamed.unwrap().bucket.to_string(), "2015-05-01T00:00:00Z");
    let hourly = parse_aggregate(&changed(
        "\"name\": \"Daily_BRSDT_20150501_0000",
        "\"name\": \"Hourly_BRSDT_20150602_0100",
    ));
    assert_eq!(hourly.unwrap().bucket.to_string(), "2015-06-02T01:00:00Z");
}

/// The error of the recorded row in which one text is replaced by another.
fn check_error(from: &str, to: &str, code: &str, reason: &str) {
    let error = parse_aggregate(&changed(from, to)).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (code, reason));
}

#[test]
fn a_row_that_is_wrong_is_named() {
    check_error("\"properties\"", "\"Properties\"", "MissingProperty", "properties is missing");
    check_error(
        "3af18309-a8c8-4865-90d3-56b135f1b1d6\",\n",
        "sid\",\n",
        "InvalidProperty",
        "properties.subscriptionId is 'sid', which is not a GUID",
    );
    check_error(
        "{ \"project\": \"x\" }",
        "\"x\"",
        "InvalidProperty",
        "properties.infoFields is not a JSON object",
    );
    check_error(
        "\"type\"",
        "\"occurrence\": 0, \"type\"",
        "InvalidProperty",
        "occurrence is '0', which is not a whole number from 1",
    );
    check_error(
        "\"type\"",
        "\"occurrence\": 1.5, \"type\"",
        "InvalidProperty",
        "occurrence is '1.5', which is not a whole number from 1",
    );
    let problem = parse_aggregate("17").unwrap_err().at(3);
    assert_eq!(
        (problem.position, problem.code.as_str(), problem.reason.as_str()),
        (3, "InvalidRow", "row is not a JSON object")
    );
}

#[test]
fn a_quantity_that_is_wrong_is_named() {
    for (quantity, code, reason) in [
        (
            "-1",
            "NegativeQuantity",
            "properties.quantity is '-1', which is negative and reverses nothing",
        ),
        (
            "\"NaN\"",
            "InvalidQuantity",
            "properties.quantity is 'NaN', which is not a decimal number",
        ),
        ("null", "MissingProperty", "properties.quantity is missing"),
        ("1, \"quantity\": 2", "InvalidProperty", "properties has the member 'quantity' twice"),
    ] {
        check_error("2E-06", quantity, code, reason);
    }
}

#[test]
fn a_time_or_bucket_that_is_wrong_is_named() {
    for (from, to, code, reason) in [
        (
            "2015-04-29T17:00:00-07:00",
            "2015-04-29",
            "InvalidTime",
            "properties.usageStartTime '2015-04-29' is not a time such as 2026-01-31T00:00:00Z",
        ),
        (
            "2015-04-30T17:00:00-07:00",
            "2015-05-01T17:00:00-07:00",
            "InvalidWindow",
            "properties.usageStartTime is '2015-04-29T17:00:00-07:00' and the end '2015-05-01T17:00:00-07:00': usage crosses midnight UTC",
        ),
        (
            "\"name\": \"Daily_BRSDT_20150501_0000",
            "\"name\": \"Daily_BRSDT_20151301_0000",
            "InvalidProperty",
            "name is 'Daily_BRSDT_20151301_0000', which is not a name such as Daily_BRSDT_20150501_0000",
        ),
        (
            "\"name\": \"Daily",
            "\"name\": \"Weekly",
            "InvalidProperty",
            "name is 'Weekly_BRSDT_20150501_0000', which is not a name such as Daily_BRSDT_20150501_0000",
        ),
    ] {
        check_error(from, to, code, reason);
    }
}

#[test]
fn instance_data_that_is_wrong_is_named() {
    for (data, code, reason) in [
        (
            r#""{{\"Microsoft.Resources\":{}}""#,
            "InvalidProperty",
            " is not JSON: key must be a string at line 1 column 2",
        ),
        (
            r#""{\"Microsoft.Resources\":{}""#,
            "InvalidProperty",
            " is not JSON: EOF while parsing an object at line 1 column 25",
        ),
        (r#""{}""#, "MissingProperty", ".Microsoft.Resources is missing"),
        ("{}", "InvalidProperty", " is '{}', which is not a string"),
        (
            r#""{\"Microsoft.Resources\":{\"tags\":{\"a\":1}}}""#,
            "InvalidProperty",
            ".Microsoft.Resources.tags.'a' is '1', which is not a string",
        ),
    ] {
        let reason = format!("properties.instanceData{reason}");
        let member = format!("\"instanceData\": {data}, \"quantity\"");
        check_error("\"quantity\"", &member, code, &reason);
    }
}

#[test]
fn every_form_of_a_file_gives_its_rows() {
    let check = |body: &str, expected: &[&str]| {
        assert_eq!(read_aggregates(body.as_bytes(), 3).as_deref(), Ok(expected), "{body}");
    };
    check(r#"{"value":[{"a":1},17, {}],"nextLink":"x"}"#, &[r#"{"a":1}"#, "17", "{}"]);
    check("{\r\n  \"nextLink\": null,\r\n  \"value\": [ {} ]\r\n}", &["{}"]);
    check("\u{feff}{\"value\":[]}", &[]);
    check(r#"[{"name":"x"}, {}]"#, &[r#"{"name":"x"}"#, "{}"]);
    check(r#"{"name":"x"}"#, &[r#"{"name":"x"}"#]);
    check("{\"name\":1}\r\n\r\n{\"name\":2}\n", &[r#"{"name":1}"#, r#"{"name":2}"#]);
    check("{\"name\":\n{\"name\":2}", &[r#"{"name":"#, r#"{"name":2}"#]);
}

#[test]
fn a_file_without_rows_is_one_error() {
    let check = |body: &[u8], expected: &str| {
        let error = read_aggregates(body, 2).unwrap_err();
        assert_eq!(format!("{} {error}", error.code()), expected);
    };
    check(
        b"",
        "InvalidDocument usage document is not JSON: EOF while parsing a value at line 1 column 0",
    );
    check(
        b"a,b\n1,2\n",
        "InvalidDocument usage document is not JSON: expected value at line 1 column 1",
    );
    check(
        b"{\"value\":[{}\n{}",
        "InvalidDocument usage document is not JSON: expected `,` or `]` at line 2 column 1",
    );
    check(b"{\"value\":{}}", "InvalidDocument usage document is not a JSON array");
    check(b"17", "InvalidDocument usage document is not a JSON array");
    check(b"\xff", "InvalidDocument usage document is not UTF-8 at byte 0");
    check(b"{\"value\":[1,2,3]}", "TooManyRows usage document has more than 2 rows");
    check(b"{\"a\":1}\n{}\n{}", "TooManyRows usage document has more than 2 rows");
}

#[test]
fn equal_rows_are_told_apart_by_their_number() {
    let row = parse_aggregate(RECORDED_FORM).unwrap();
    let later = parse_aggregate(&changed(
        "\"name\": \"Daily_BRSDT_20150501",
        "\"name\": \"Daily_BRSDT_20150502",
    ))
    .unwrap();
    let mut occurrences = Occurrences::default();
    assert_eq!([&row, &row, &later, &row].map(|row| occurrences.next(row)), [1, 2, 1, 3]);

    let record = |row: &ImportedAggregate, source: &str, occurrence| {
        row.clone().into_record(Source::parse(source).unwrap(), occurrence)
    };
    let first = record(&row, "azure", 1);
    assert_eq!(first, record(&row, "azure", 1));
    assert_eq!(first.content_hash(), row.content_hash());
    for other in [record(&row, "azure", 2), record(&row, "other", 1), record(&later, "azure", 1)] {
        assert_ne!(first.event_id, other.event_id);
        assert_eq!(first.content_hash(), other.content_hash());
    }
    let numbered = parse_aggregate(&RECORDED_FORM.replacen('{', "{\"occurrence\":7,", 1)).unwrap();
    assert_eq!(numbered, ImportedAggregate { occurrence: Some(7), ..row });
}
