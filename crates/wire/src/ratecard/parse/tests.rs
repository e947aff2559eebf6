//! The real card to the last digit, every kind of offer term, and cards that are refused.

use std::io::Read as _;

use domain::id::{Country, OfferId};
use serde_json::Value;

use super::*;
use crate::ratecard::write;

/// The card of MS-AZR-0062P as recorded on 2016-05-25.
fn real_document() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../samples/ratecard-MS-AZR-0062P-USD-en-US-US.json.gz"
    );
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

fn key() -> RateCardKey {
    RateCardKey {
        offer: OfferId::parse("MS-AZR-0062P").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        locale: Locale::parse("en-US").unwrap(),
        region: Country::parse("US").unwrap(),
    }
}

/// Digits without a point's trailing zeros: decimals that are equal read equal.
fn plain(number: &str) -> String {
    let trimmed = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    assert!(!number.contains(['e', 'E']), "{number} has an exponent");
    if number.contains('.') { trimmed(number) } else { number.to_owned() }
}

/// Every meter's id, bounds and rates of a document, in its order, read without this crate.
fn rates(document: &str) -> Vec<(String, Vec<(String, String)>)> {
    let card: Value = serde_json::from_str(document).unwrap();
    let meters = card["Meters"].as_array().unwrap().iter();
    let rates = meters.map(|meter| {
        let rates = meter["MeterRates"].as_object().unwrap().iter();
        let mut rates: Vec<_> =
            rates.map(|(bound, rate)| (plain(bound), plain(&rate.to_string()))).collect();
        rates.sort();
        (meter["MeterId"].as_str().unwrap().to_owned(), rates)
    });
    rates.collect()
}

#[test]
fn the_real_card_keeps_every_digit() {
    let document = real_document();
    assert_eq!(document.len(), 1_661_060);
    let card = parse(document.as_bytes(), key()).unwrap();
    let tiers = || card.meters.iter().map(|meter| meter.tiers.as_slice());
    assert_eq!(card.meters.len(), 3_817);
    assert_eq!(tiers().map(<[Tier]>::len).sum::<usize>(), 4_645);
    assert_eq!(tiers().filter(|tiers| tiers.len() > 1).count(), 203);
    let always = card.meters.iter().filter(|meter| meter.effective == UtcTime::MIN);
    assert_eq!(always.count(), 31);
    assert!(!card.is_tax_included);
    let Some(OfferTerm::MonetaryCredit { credit, excluded, .. }) = card.terms.first() else {
        panic!("{:?}", card.terms)
    };
    assert_eq!((credit.to_string().as_str(), excluded.len()), ("100", 139));

    let written = String::from_utf8(write(&card)).unwrap();
    assert_eq!(rates(&written), rates(&document));
    assert_eq!(parse(written.as_bytes(), key()), Ok(card));
}

#[test]
fn the_longest_and_the_largest_numbers_are_exact() {
    let document = real_document();
    for digits in [
        "0.0600000000000000000000000000",
        "1.542000000000000299",
        "10.800000000000000582",
        "85000.0000",
    ] {
        assert!(document.contains(&format!(": {digits}")), "{digits}");
    }
    let card = parse(document.as_bytes(), key()).unwrap();
    let all = || card.meters.iter().flat_map(|meter| meter.tiers.as_slice());
    assert_eq!(all().map(|tier| tier.rate).max().unwrap().to_string(), "85000");
    assert_eq!(all().map(|tier| tier.from).max().unwrap().to_string(), "1000000000");
    for text in ["0.06", "1.542000000000000299", "10.800000000000000582"] {
        assert!(all().any(|tier| tier.rate.to_string() == text), "{text}");
    }
    // Every rate at its own digits: the sum of all was computed from the texts apart from this code.
    let one = Quantity::parse("1").unwrap();
    let sum = all().fold(Money::ZERO, |sum, tier| sum.plus(tier.rate.times(one).unwrap()).unwrap());
    assert_eq!(sum.to_string(), "1520423.3888737597674834975000000006");
}

/// A card of one meter, in which one text is replaced by another.
fn card(from: &str, to: &str) -> String {
    let card = r#"{"OfferTerms":[],"Meters":[{"MeterId":"1d7518e5-bc2f-4a93-9057-1b3047856645","MeterName":"Compute","MeterCategory":"VM","MeterSubCategory":"","Unit":"Hours","MeterTags":["Third Party"],"MeterRegion":"US West","MeterRates":{"1024.0":0.5,"0":1.99},"EffectiveDate":"2017-09-01T00:00:00","IncludedQuantity":5.0}],"Currency":"USD","Locale":"en-US","IsTaxIncluded":false}"#;
    assert!(card.contains(from), "{from}");
    card.replacen(from, to, 1)
}

#[test]
fn a_card_is_written_as_azure_writes_it() {
    let card = parse(card("", "").as_bytes(), key()).unwrap();
    assert_eq!(
        String::from_utf8(write(&card)).unwrap(),
        r#"{"OfferTerms":[],"Meters":[{"MeterId":"1d7518e5-bc2f-4a93-9057-1b3047856645","MeterName":"Compute","MeterCategory":"VM","MeterSubCategory":"","Unit":"Hours","MeterTags":["Third Party"],"MeterRegion":"US West","MeterRates":{"0":1.99,"1024":0.5},"EffectiveDate":"2017-09-01T00:00:00Z","IncludedQuantity":5}],"Currency":"USD","Locale":"en-US","IsTaxIncluded":false}"#
    );
}

#[test]
fn what_may_be_absent_may_be_absent() {
    let document = r#"{"Meters":[{"IncludedQuantity":0,"EffectiveDate":"0001-01-01T00:00:00","MeterRates":{"0":2E-06},"MeterId":"1D7518E5BC2F4A9390571B3047856645","MeterStatus":"Active","New":{}}],"RatingDate":"x"}"#;
    let marked = format!("\u{feff}{document}");
    let card = parse(marked.as_bytes(), key()).unwrap();
    let written = String::from_utf8(write(&card)).unwrap();
    assert_eq!(
        written,
        r#"{"OfferTerms":[],"Meters":[{"MeterId":"1d7518e5-bc2f-4a93-9057-1b3047856645","MeterTags":[],"MeterRates":{"0":0.000002},"EffectiveDate":"0001-01-01T00:00:00Z","MeterStatus":"Active","IncludedQuantity":0}],"Currency":"USD","Locale":"en-US","IsTaxIncluded":false}"#
    );
    assert_eq!(parse(written.as_bytes(), key()), Ok(card));
}

#[test]
fn azure_s_own_example_is_read() {
    let text = include_str!("../../../tests/data/azure-rest-api-specs_GetRateCard.json");
    let example: Value = serde_json::from_str(text).unwrap();
    let body = example["responses"]["200"]["body"].to_string();
    let card = parse(body.as_bytes(), key()).unwrap();
    assert_eq!(rates(&body), rates(&String::from_utf8(write(&card)).unwrap()));
}

#[test]
fn all_three_offer_terms_are_kept() {
    let terms = r#"[{"Name":"Monetary Credit","Credit":100.50,"ExcludedMeterIds":["B4984CD1-6af5-414d-825e-73950591bf9e"],"EffectiveDate":"2013-12-23T00:00:00Z"},{"Name":"Monetary Commitment","TieredDiscount":{"1000.0":15.12345678,"0":10.0},"ExcludedMeterIds":[],"EffectiveDate":"2015-01-01T00:00:00Z"},{"Name":"Recurring Charge","RecurringCharge":29.5,"EffectiveDate":"2015-01-01T00:00:00Z"}]"#;
    let document = card("[]", terms);
    let card = parse(document.as_bytes(), key()).unwrap();
    let written = String::from_utf8(write(&card)).unwrap();
    let expected = r#"{"OfferTerms":[{"Name":"Monetary Credit","Credit":100.5,"ExcludedMeterIds":["b4984cd1-6af5-414d-825e-73950591bf9e"],"EffectiveDate":"2013-12-23T00:00:00Z"},{"Name":"Monetary Commitment","TieredDiscount":{"0":10,"1000":15.12345678},"ExcludedMeterIds":[],"EffectiveDate":"2015-01-01T00:00:00Z"},{"Name":"Recurring Charge","RecurringCharge":29.5,"EffectiveDate":"2015-01-01T00:00:00Z"}],"#;
    assert!(written.starts_with(expected), "{written}");
    assert_eq!(parse(written.as_bytes(), key()), Ok(card));
}

#[test]
fn what_newer_price_lists_say_of_a_meter_is_read() {
    let more = r#""ServiceName":"Virtual Machines","ProductName":"Dv3","ArmSkuName":"Standard_D2_v3","ArmRegionName":"westus","ReservationTerm":"1 Year","MeterName""#;
    let document = card(r#""MeterName""#, more);
    let sku = parse(document.as_bytes(), key()).unwrap().meters[0].sku.clone();
    let text = |text: &str| Some(text.into());
    assert_eq!(sku.service, text("Virtual Machines"));
    assert_eq!(sku.product, text("Dv3"));
    assert_eq!(sku.arm_sku_name, text("Standard_D2_v3"));
    assert_eq!(sku.arm_region_name, text("westus"));
    assert_eq!(sku.reservation_term, text("1 Year"));
}

fn check(document: &str, expected: &str) {
    let error = parse(document.as_bytes(), key()).unwrap_err();
    assert_eq!(error.to_string(), expected, "{document}");
}

#[test]
fn a_document_that_is_no_card_is_refused() {
    check("", "rate card is not JSON: EOF while parsing a value at line 1 column 0");
    check("[]", "rate card is not a JSON object");
    check("{}", "rate card: Meters is missing");
    check(r#"{"Meters":null}"#, "rate card: Meters is missing");
    check(r#"{"Meters":{}}"#, "rate card: Meters is not a JSON array");
    check(r#"{"Meters":[]}"#, "rate card: Meters is empty");
    check(r#"{"Meters":[],"Meters":[]}"#, "rate card has the member 'Meters' twice");
    check(r#"{"Meters":[],"OfferTerms":{}}"#, "rate card: OfferTerms is not a JSON array");
    check(
        r#"{"Meters":[],"IsTaxIncluded":"no"}"#,
        "rate card: IsTaxIncluded is '\"no\"', which is not true or false",
    );
    check(
        r#"{"Meters":[],"Currency":"EUR"}"#,
        "rate card: Currency is 'EUR', it is imported as 'USD'",
    );
    check(
        r#"{"Meters":[],"Locale":"de-DE"}"#,
        "rate card: Locale is 'de-DE', it is imported as 'en-US'",
    );
    let error = parse(b"{\"\xff\":1}", key()).unwrap_err();
    assert_eq!(error.to_string(), "rate card is not UTF-8 at byte 2");
    let other = parse(br#"{"Meters":[],"Currency":"EUR"}"#, key()).unwrap_err();
    assert_eq!((error.code(), other.code()), ("InvalidRateCard", "OtherRateCard"));
}

#[test]
fn a_meter_that_has_no_clear_price_is_refused() {
    for (from, to, reason) in [
        (r#""0":1.99"#, r#""1":1.99"#, "MeterRates: no tier begins at 0"),
        (r#""0":1.99"#, r#""0":1.99,"1024":2"#, "MeterRates: two tiers begin at 1024"),
        (r#""0":1.99"#, r#""0":1.99,"0":2"#, "MeterRates: two tiers begin at 0"),
        (r#""0":1.99"#, r#""0":-1.99"#, "MeterRates: rate -1.99 is negative"),
        (r#""0":1.99"#, r#""0":1,"-5":1"#, "MeterRates: tier bound -5 is negative"),
        (
            r#""0":1.99"#,
            r#""0":"1.99""#,
            r#"MeterRates['0'] is '"1.99"', which is not a JSON number"#,
        ),
        (r#""0":1.99"#, r#""0":null"#, "MeterRates['0'] is 'null', which is not a JSON number"),
        (
            r#""0":1.99"#,
            r#""zero":1"#,
            "MeterRates['zero'] is 'zero', which is not a decimal number",
        ),
        (
            r#""0":1.99"#,
            r#""0":1e-29"#,
            "MeterRates['0'] is '1e-29', which is more than 28 decimal places",
        ),
        (r#""0":1.99"#, r#""0":1e10"#, "MeterRates['0'] is '1e10', which is not below 10^10"),
        (r#"{"1024.0":0.5,"0":1.99}"#, "{}", "MeterRates: no tier begins at 0"),
        (r#"{"1024.0":0.5,"0":1.99}"#, "[]", "MeterRates is not a JSON object"),
        (r#"{"1024.0":0.5,"0":1.99}"#, "null", "MeterRates is missing"),
        ("5.0", "-1", "IncludedQuantity is '-1', which is not zero or more"),
        ("5.0", "null", "IncludedQuantity is missing"),
        ("5.0", "\"5\"", r#"IncludedQuantity is '"5"', which is not a JSON number"#),
        (
            r#""2017-09-01T00:00:00""#,
            r#""2017""#,
            "EffectiveDate '2017' is not a time such as 2026-01-31T00:00:00Z",
        ),
        (r#""2017-09-01T00:00:00""#, "null", "EffectiveDate is missing"),
        (r#"["Third Party"]"#, "[7]", "MeterTags is '7', which is not a string in an array"),
        (r#""Hours""#, "7", "Unit is '7', which is not a string"),
    ] {
        let place = "rate card: Meters[0] with MeterId '1d7518e5-bc2f-4a93-9057-1b3047856645'";
        check(&card(from, to), &format!("{place}: {reason}"));
    }
    check(
        &card("1d7518e5", "x"),
        "rate card: Meters[0] with MeterId 'x-bc2f-4a93-9057-1b3047856645': MeterId is 'x-bc2f-4a93-9057-1b3047856645', which is not a GUID",
    );
    check(&card(r#""MeterId""#, r#""Id""#), "rate card: Meters[0]: MeterId is missing");
    check(&card(r#""Meters":["#, r#""Meters":[17,"#), "rate card: Meters[0]: is not a JSON object");
    let meter = r#"{"MeterId":"1D7518E5BC2F4A9390571B3047856645","MeterRates":{"0":1},"EffectiveDate":"0001-01-01T00:00:00","IncludedQuantity":0}"#;
    check(
        &card(r#""Meters":["#, &format!(r#""Meters":[{meter},"#)),
        "rate card: Meters[1] with MeterId '1d7518e5-bc2f-4a93-9057-1b3047856645': Meters[0] has the same MeterId",
    );
}

#[test]
fn an_offer_term_that_is_not_clear_is_refused() {
    for (members, reason) in [
        (
            r#""Name":"Gift","EffectiveDate":"2015-01-01T00:00:00Z""#,
            "Name is 'Gift', which is not Monetary Credit, Monetary Commitment or Recurring Charge",
        ),
        (r#""Name":"Recurring Charge","RecurringCharge":29"#, "EffectiveDate is missing"),
        (
            r#""Name":"Recurring Charge","RecurringCharge":-1,"EffectiveDate":"2015-01-01T00:00:00Z""#,
            "RecurringCharge is '-1', which is not zero or more",
        ),
        (r#""Name":"Monetary Credit","EffectiveDate":"2015-01-01T00:00:00Z""#, "Credit is missing"),
        (
            r#""Name":"Monetary Credit","Credit":1,"ExcludedMeterIds":["x"],"EffectiveDate":"2015-01-01T00:00:00Z""#,
            r#"ExcludedMeterIds is '"x"', which is not a GUID in an array"#,
        ),
        (
            r#""Name":"Monetary Commitment","TieredDiscount":{"0":1,"0.0":2},"EffectiveDate":"2015-01-01T00:00:00Z""#,
            "TieredDiscount has the member '0' twice",
        ),
        (
            r#""Name":"Monetary Commitment","TieredDiscount":{"0":100.5},"EffectiveDate":"2015-01-01T00:00:00Z""#,
            "TieredDiscount['0'] is '100.5', which is not a percentage from 0 to 100",
        ),
        (
            r#""Name":"Monetary Commitment","TieredDiscount":{"0":1.000000001},"EffectiveDate":"2015-01-01T00:00:00Z""#,
            "TieredDiscount['0'] is '1.000000001', which is more than 8 decimal places",
        ),
    ] {
        let expected = format!("rate card: OfferTerms[0]: {reason}");
        check(&card(r#""OfferTerms":[]"#, &format!(r#""OfferTerms":[{{{members}}}]"#)), &expected);
    }
}
