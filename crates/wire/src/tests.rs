//! Whatever bytes come in, every reader answers with a value or an error, and never panics.

use domain::catalogue::RateCardKey;
use domain::id::SubscriptionId;
use domain::time::UtcTime;

use crate::query::Parameters;
use crate::usage::UsageRequest;
use crate::{continuation, event, json, ratecard, time, usage};

const EVENT: &str = r#"{"specversion":"1.0","type":"tallyhouse.usage.v1","source":"s","id":"1","data":{"subscriptionId":"3af18309a8c8486590d356b135f1b1d6","meterId":"e60caf26-9ba0-413d-a422-6141f58081d6","usageStartTime":"2026-01-01T10:00:00Z","usageEndTime":"2026-01-01T11:00:00.5+00:00","quantity":1.5e2,"tags":{"a":"\u00e9"},"additionalInfo":{"b":[1,{"c":null}]}}}"#;
const ROW: &str = r#"{"name":"Daily_BRSDT_20150501_0000","properties":{"subscriptionId":"3af18309a8c8486590d356b135f1b1d6","usageStartTime":"2015-04-27T17:00:00-07:00","usageEndTime":"2015-04-29T00:00:00Z","instanceData":"{\"Microsoft.Resources\":{\"tags\":{\"a\":\"b\"}}}","meterId":"e60caf26-9ba0-413d-a422-6141f58081d6","infoFields":{},"quantity":"2E-06"},"occurrence":1}"#;
const CARD: &str = r#"{"OfferTerms":[{"Name":"Monetary Commitment","TieredDiscount":{"0":1.5},"ExcludedMeterIds":["3af18309a8c8486590d356b135f1b1d6"],"EffectiveDate":"2015-01-01T00:00:00Z"}],"Meters":[{"MeterId":"1d7518e5bc2f4a9390571b3047856645","MeterTags":["x"],"MeterRates":{"1024.0":0.5,"0":1.99},"EffectiveDate":"0001-01-01T00:00:00","IncludedQuantity":5.0}],"Currency":"USD","Locale":"en-US"}"#;
const FILTER: &str = "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' and Locale eq 'en-US' and RegionInfo eq 'US'";
const QUERY: &str = "reportedstartTime=5%2F1%2F2015%2012:00:00%20AM&reportedEndTime=2015-05-02T00:00:00.0000000 00:00&showDetails=True&aggregationGranularity=Daily&continuationToken=Ade5%3d";
const TIMES: [&str; 3] = [
    "5/1/2015 12:00:00 AM,",
    "2026-01-01 0:00:00.0 +00:00:00",
    "2015-06-16T18:53:11.1234567+00:00Z",
];

/// The text, cut anywhere, and with each of its bytes replaced by bytes that matter to a parser.
fn damaged(text: &str) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..text.len()).map(move |end| text.as_bytes()[..end].to_vec());
    let replaced = (0..text.len()).flat_map(move |position| {
        b"\"\\{]9e\xff".iter().map(move |byte| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[position] = *byte;
            bytes
        })
    });
    cut.chain(replaced)
}

fn read_everything(bytes: &[u8], key: &RateCardKey) {
    let _ = event::parse_single(bytes);
    let _ = event::parse_batch(bytes, 10);
    let _ = event::parse_lines(bytes, 10);
    let _ = ratecard::parse(bytes, key.clone());
    for row in usage::read_aggregates(bytes, 10).unwrap_or_default() {
        let _ = usage::parse_aggregate(row);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = usage::parse_aggregate(text);
    let _ = json::canonical(text);
    let _ = ratecard::parse_filter(text);
    let _ = time::parse_reported_time(text);
    let _ = time::parse_rfc3339(text);
    let Ok(parameters) = Parameters::parse(text) else { return };
    let subscription = SubscriptionId::from_bits(1);
    let request = UsageRequest::from_parameters(subscription, &parameters, UtcTime::MAX);
    if let Ok(UsageRequest { query, continuation: Some(token) }) = request {
        let _ = continuation::decode(&token, &query, 0);
    }
}

#[test]
fn no_damaged_input_panics() {
    let key = ratecard::parse_filter(FILTER).unwrap();
    assert!(event::parse_single(EVENT.as_bytes()).is_ok());
    assert!(usage::parse_aggregate(ROW).is_ok());
    assert!(ratecard::parse(CARD.as_bytes(), key.clone()).is_ok());
    assert!(Parameters::parse(QUERY).is_ok());
    for text in [EVENT, ROW, CARD, FILTER, QUERY].into_iter().chain(TIMES) {
        for bytes in damaged(text) {
            read_everything(&bytes, &key);
        }
    }
}
