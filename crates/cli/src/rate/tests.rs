//! Small cards and usage as text, bad input with its place, and the real card with figures that
//! were computed by hand.

use std::fs;
use std::path::PathBuf;

use domain::decimal::Money;
use expect_test::{Expect, expect};

use super::*;
use crate::output::Format;

const METER: &str = "a0000000-0000-0000-0000-00000000000";

/// A card of meters `number rates included` and terms as JSON. Numbers stand for ids.
fn card(meters: &[(&str, &str, &str)], terms: &str) -> String {
    let meters = meters.iter().map(|(number, rates, included)| {
        format!(
            r#"{{"MeterId":"{METER}{number}","MeterRates":{rates},"IncludedQuantity":{included},
            "EffectiveDate":"2016-02-01T00:00:00Z","MeterName":"Meter {number}","Unit":"Hours"}}"#
        )
    });
    let meters = meters.collect::<Vec<_>>().join(",");
    format!(r#"{{"OfferTerms":[{terms}],"Meters":[{meters}],"Currency":"USD"}}"#)
}

/// A folder with the two files, and the options that name them.
fn files(card: &[u8], usage: &[u8]) -> (tempfile::TempDir, RateOptions) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| -> PathBuf {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        file
    };
    let (ratecard, usage) = (file("card", card), file("usage", usage));
    let options = RateOptions { ratecard, usage, anchor_day: 1, commitment: None };
    (folder, options)
}

fn printed(options: &RateOptions, format: Format) -> Result<String, String> {
    let mut bytes = Vec::new();
    let result = run(options, &mut Output::new(&mut bytes, format, None));
    let printed = String::from_utf8(bytes).unwrap();
    match result {
        Ok(()) => Ok(printed),
        Err(failure) => {
            assert_eq!(printed, "", "nothing is half done");
            let folder = options.usage.parent().unwrap().display().to_string();
            Err(failure.to_string().replace(&format!("{folder}/"), ""))
        }
    }
}

/// The bills in short, once their parts were found to add up.
fn short(json: &str) -> String {
    let calculation: Calculation = serde_json::from_str(json).unwrap();
    let mut text = String::new();
    for period in &calculation.periods {
        let sum = |sum: Money, amount: &String| sum.plus(Money::parse(amount).unwrap()).unwrap();
        let charges = period.meters.iter().map(|meter| &meter.charge);
        let amounts = charges.chain(period.terms.iter().map(|term| &term.amount));
        assert_eq!(amounts.fold(Money::ZERO, sum).to_string(), period.total);
        text.push_str(&format!("{} {} {}\n", period.name, period.start, period.end));
        for meter in &period.meters {
            let tiers = meter.tiers.iter().map(|tier| {
                let commitment = if tier.commitment { " committed" } else { "" };
                let (from, quantity, rate) = (&tier.from, &tier.quantity, &tier.rate);
                format!("from {from}: {quantity} @ {rate} = {}{commitment}", tier.amount)
            });
            let tiers = tiers.collect::<Vec<_>>().join(", ");
            let (quantity, included) = (&meter.quantity, &meter.included_quantity);
            let id = meter.meter_id.replace(METER, "");
            let billable = &meter.billable_quantity;
            text.push_str(&format!(
                "  {id}: {quantity} - {included} = {billable}; {tiers}; {}\n",
                meter.charge
            ));
        }
        for usage in &period.unpriced {
            let id = usage.meter_id.replace(METER, "");
            text.push_str(&format!("  {id}: {} {}\n", usage.quantity, usage.reason));
        }
        for term in &period.terms {
            text.push_str(&format!("  {}: {}\n", term.name, term.amount));
        }
        text.push_str(&format!(
            "  charges {} discount {} credit {} recurring {} total {}\n",
            period.charges, period.discount, period.credit, period.recurring, period.total
        ));
    }
    text
}

/// Rates CSV of `number,time,quantity`.
fn check(card: &str, rows: &str, anchor: u8, commitment: Option<&str>, expected: Expect) {
    let rows = rows.split_whitespace().map(|row| format!("{METER}{row}\n"));
    let usage = format!("meterId,usageStartTime,quantity\n{}", rows.collect::<String>());
    let (_folder, mut options) = files(card.as_bytes(), usage.as_bytes());
    options.anchor_day = anchor;
    options.commitment = commitment.map(|amount| Money::parse(amount).unwrap());
    expected.assert_eq(&short(&printed(&options, Format::Json).unwrap()));
}

fn graduated() -> String {
    card(&[("1", r#"{"0":1.0,"5":2.0}"#, "5")], "")
}

#[test]
fn tiers_and_the_included_quantity_begin_anew_with_every_period() {
    check(
        &graduated(),
        "1,2026-01-02,13 1,2026-01-31T23:59:59,10 1,2026-02-01,12",
        1,
        None,
        expect![[r#"
            202601-1 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z
              1: 23 - 5 = 18; from 0: 5 @ 1 = 5, from 5: 13 @ 2 = 26; 31
              charges 31 discount 0 credit 0 recurring 0 total 31
            202602-1 2026-02-01T00:00:00Z 2026-03-01T00:00:00Z
              1: 12 - 5 = 7; from 0: 5 @ 1 = 5, from 5: 2 @ 2 = 4; 9
              charges 9 discount 0 credit 0 recurring 0 total 9
        "#]],
    );
    check(
        &graduated(),
        "1,2026-01-14,7 1,2026-01-13,1 1,2026-01-14,16 1,2026-01-13,5",
        14,
        None,
        expect![[r#"
            202512-1 2025-12-14T00:00:00Z 2026-01-14T00:00:00Z
              1: 6 - 5 = 1; from 0: 1 @ 1 = 1; 1
              charges 1 discount 0 credit 0 recurring 0 total 1
            202601-1 2026-01-14T00:00:00Z 2026-02-14T00:00:00Z
              1: 23 - 5 = 18; from 0: 5 @ 1 = 5, from 5: 13 @ 2 = 26; 31
              charges 31 discount 0 credit 0 recurring 0 total 31
        "#]],
    );
}

#[test]
fn usage_without_a_price_is_apart() {
    check(
        &graduated(),
        "1,2016-01-31,3 1,2016-02-01,6 2,2016-01-31,1.5 1,2016-01-30,0.25",
        31,
        None,
        expect![[r#"
            201512-1 2015-12-31T00:00:00Z 2016-01-31T00:00:00Z
              1: 0.25 before first price
              charges 0 discount 0 credit 0 recurring 0 total 0
            201601-1 2016-01-31T00:00:00Z 2016-02-29T00:00:00Z
              1: 6 - 5 = 1; from 0: 1 @ 1 = 1; 1
              1: 3 before first price
              2: 1.5 not on rate card
              charges 1 discount 0 credit 0 recurring 0 total 1
        "#]],
    );
}

/// Credit 10, not for meter 2; a commitment with 10 percent off from 100; 2.5 recurring.
fn with_terms() -> String {
    let terms = format!(
        r#"{{"Name":"Recurring Charge","RecurringCharge":2.5,"EffectiveDate":"2016-01-01T00:00:00Z"}},
        {{"Name":"Monetary Credit","Credit":10,"ExcludedMeterIds":["{METER}2"],
        "EffectiveDate":"2016-01-01T00:00:00Z"}},
        {{"Name":"Monetary Commitment","TieredDiscount":{{"100":10,"1000":20}},
        "ExcludedMeterIds":["{METER}2"],"EffectiveDate":"2016-01-01T00:00:00Z"}}"#
    );
    card(&[("1", r#"{"0":1,"10":0.5}"#, "0"), ("2", r#"{"0":3}"#, "0")], &terms)
}

#[test]
fn terms_are_lines_that_change_the_total() {
    check(
        &with_terms(),
        "1,2026-01-02,4 2,2026-01-02,2",
        1,
        None,
        expect![[r#"
            202601-1 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z
              1: 4 - 0 = 4; from 0: 4 @ 1 = 4; 4
              2: 2 - 0 = 2; from 0: 2 @ 3 = 6; 6
              Monetary Credit: -4
              Recurring Charge: 2.5
              charges 10 discount 0 credit 4 recurring 2.5 total 8.5
        "#]],
    );
    // 50 units at 0.9 draw 45 of 100; the other 55 are owed all the same.
    check(
        &with_terms(),
        "1,2026-01-02,50",
        1,
        Some("100"),
        expect![[r#"
            202601-1 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z
              1: 50 - 0 = 50; from 0: 50 @ 0.9 = 45 committed; 45
              Monetary Credit: 0
              Monetary Commitment: 55
              Recurring Charge: 2.5
              charges 100 discount 5 credit 0 recurring 2.5 total 102.5
        "#]],
    );
    // 100 pays for 111.1… units, cut at 20 places; the rest goes on above the bound at 10.
    check(
        &with_terms(),
        "1,2026-01-02,200",
        1,
        Some("100"),
        expect![[r#"
            202601-1 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z
              1: 200 - 0 = 200; from 0: 111.11111111111111111111 @ 0.9 = 99.999999999999999999999 committed, from 10: 88.88888888888888888889 @ 0.5 = 44.444444444444444444445; 144.444444444444444444444
              Monetary Credit: -10
              Monetary Commitment: 0.000000000000000000001
              Recurring Charge: 2.5
              charges 144.444444444444444444445 discount 11.111111111111111111111 credit 10 recurring 2.5 total 136.944444444444444444445
        "#]],
    );
}

fn aggregate(subscription: &str, start: &str, end: &str, meter: &str, quantity: &str) -> String {
    format!(
        r#"{{"name":"Daily_BRSDT_20260102_0000","properties":{{
        "subscriptionId":"8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f100{subscription}",
        "usageStartTime":"{start}","usageEndTime":"{end}","meterId":"{METER}{meter}",
        "quantity":{quantity}}}}}"#
    )
    .replace('\n', " ")
}

#[test]
fn aggregates_are_rated_in_every_form_as_csv_is() {
    let day = ("2026-01-02T00:00:00", "2026-01-03T00:00:00+00:00");
    let rows = [("2", "13"), ("1", "0.5"), ("2", "10"), ("2", "10")];
    let rows =
        rows.map(|(subscription, quantity)| aggregate(subscription, day.0, day.1, "1", quantity));
    let csv = "Quantity,SubscriptionId,MeterId,UsageStartTime\n\
        13,8C1F9E523A614F0E9D0C3F6F3A4F1002,A0000000000000000000000000000001,2026-01-02\n\
        0.5,8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001,a0000000-0000-0000-0000-000000000001,2026-01-02\n\
        \n10,8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1002,a0000000-0000-0000-0000-000000000001,2026-01-31 23:00\n\
        10,8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1002,a0000000-0000-0000-0000-000000000001,2026-01-02";
    let [list, lines] = [",", "\n"].map(|between| rows.join(between));
    let forms =
        [format!("\u{feff} {{\"value\":[{list}]}}"), format!("[{list}]"), lines, csv.to_owned()];
    for usage in forms {
        let (_folder, options) = files(graduated().as_bytes(), usage.as_bytes());
        let json = printed(&options, Format::Json).unwrap();
        let calculation: Calculation = serde_json::from_str(&json).unwrap();
        let bills = calculation.periods.iter().map(|period| {
            let subscription = period.subscription_id.as_ref().unwrap();
            format!("{} {} {}", &subscription[35..], period.meters[0].quantity, period.total)
        });
        assert_eq!(bills.collect::<Vec<_>>(), ["1 0.5 0", "2 33 51"], "{usage}");
    }
}

#[test]
fn without_usage_there_is_no_period() {
    for usage in ["", "\n \n", "[]", "{\"value\":[]}", "meterId,usageStartTime,quantity\n"] {
        let (_folder, options) = files(graduated().as_bytes(), usage.as_bytes());
        let json = printed(&options, Format::Json).unwrap();
        assert_eq!(json, "{\n  \"currency\": \"USD\",\n  \"periods\": []\n}\n", "{usage}");
    }
}

fn refused(card: &str, usage: &str, expected: Expect) {
    let (_folder, options) = files(card.as_bytes(), usage.as_bytes());
    expected.assert_eq(&printed(&options, Format::Json).unwrap_err());
}

#[test]
fn a_wrong_row_is_named_and_nothing_is_printed() {
    let header = "meterId,usageStartTime,quantity";
    let good = format!("{METER}1,2026-01-02,1");
    refused(
        &graduated(),
        &format!("{header}\n{good}\n\n{METER}1,2026-01-02,-1\n{good}\n"),
        expect!["usage: line 4: quantity is '-1', which is negative and reverses nothing"],
    );
    refused(
        &graduated(),
        &format!("{header}\n{METER}1,2026-01-32,1\n{good}\nx,2026-01-02,1\n\"{good}\n"),
        expect![[r#"
            usage: 3 faults, nothing was rated
              line 2: usageStartTime '2026-01-32' is a time that does not exist
              line 4: meterId is 'x', which is not a GUID
              line 5: row has a quotation mark that is not closed, or not at the end of its value"#]],
    );
    let (start, end) = ("2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z");
    let wrong = aggregate("1", start, "2026-01-03T00:00:01Z", "1", "1");
    let good = aggregate("1", start, end, "1", "1");
    refused(
        &graduated(),
        &format!("[{good},{wrong},{good}"),
        expect![[r#"
            usage: 2 faults, nothing was rated
              row 2: properties.usageStartTime is '2026-01-02T00:00:00Z' and the end '2026-01-03T00:00:01Z': usage crosses midnight UTC
              line 1, column 826: expected ',' or ']' after a row"#]],
    );
    refused(
        &graduated(),
        "meter,start,quantity\n1,2,3\n",
        expect![
            "usage: line 1: header has the column 'meter', which is not known: the columns are meterId, usageStartTime, quantity, and where wanted subscriptionId and usageEndTime"
        ],
    );
    refused(
        &graduated(),
        &format!("{header}\n{}", "x\n".repeat(25)),
        expect![[r#"
        usage: 25 faults, nothing was rated
          line 2: row has 1 values, the header has 3 columns
          line 3: row has 1 values, the header has 3 columns
          line 4: row has 1 values, the header has 3 columns
          line 5: row has 1 values, the header has 3 columns
          line 6: row has 1 values, the header has 3 columns
          line 7: row has 1 values, the header has 3 columns
          line 8: row has 1 values, the header has 3 columns
          line 9: row has 1 values, the header has 3 columns
          line 10: row has 1 values, the header has 3 columns
          line 11: row has 1 values, the header has 3 columns
          line 12: row has 1 values, the header has 3 columns
          line 13: row has 1 values, the header has 3 columns
          line 14: row has 1 values, the header has 3 columns
          line 15: row has 1 values, the header has 3 columns
          line 16: row has 1 values, the header has 3 columns
          line 17: row has 1 values, the header has 3 columns
          line 18: row has 1 values, the header has 3 columns
          line 19: row has 1 values, the header has 3 columns
          line 20: row has 1 values, the header has 3 columns
          line 21: row has 1 values, the header has 3 columns
          and 5 more"#]],
    );
}

#[test]
fn rows_have_a_bound_and_are_text() {
    let (long, header) = ("x".repeat(limits::ROW_BYTES), "meterId,usageStartTime,quantity");
    refused(
        &graduated(),
        &format!("{header}\n{long}y\n1\n"),
        expect![[r#"
        usage: 2 faults, nothing was rated
          line 2: the row is longer than 1 MiB
          line 3: row has 1 values, the header has 3 columns"#]],
    );
    let (_folder, options) = files(graduated().as_bytes(), b"meterId\xff\n");
    expect!["usage: line 1: the row is not UTF-8"]
        .assert_eq(&printed(&options, Format::Json).unwrap_err());
}

#[test]
fn a_wrong_card_is_named() {
    let usage = "meterId,usageStartTime,quantity\n";
    let rates = |rates: &str| card(&[("1", rates, "0")], "");
    refused("{\"Meters\":[]}", usage, expect!["card: rate card: Currency is missing"]);
    refused(
        "{\"Currency\":\"USD\",\"Meters\":[]}",
        usage,
        expect!["card: rate card: Meters is empty"],
    );
    refused(
        &rates(r#"{"5":1}"#),
        usage,
        expect![
            "card: rate card: Meters[0] with MeterId 'a0000000-0000-0000-0000-000000000001': MeterRates: no tier begins at 0"
        ],
    );
    refused(
        &rates(r#"{"0":1,"5":1,"5.0":2}"#),
        usage,
        expect![
            "card: rate card: Meters[0] with MeterId 'a0000000-0000-0000-0000-000000000001': MeterRates: two tiers begin at 5"
        ],
    );
    refused(
        &rates(r#"{"0":-1}"#),
        usage,
        expect![
            "card: rate card: Meters[0] with MeterId 'a0000000-0000-0000-0000-000000000001': MeterRates: rate -1 is negative"
        ],
    );
    refused(
        &rates(r#"{"0":NaN}"#),
        usage,
        expect!["card: rate card is not JSON: expected value at line 1 column 96"],
    );
}

#[test]
fn sums_that_would_not_be_exact_are_refused() {
    let usage = format!(
        "meterId,usageStartTime,quantity\n{}",
        format!("{METER}1,2026-01-02,999999999999999\n").repeat(1_001)
    );
    refused(
        &graduated(),
        &usage,
        expect![
            "usage: billing period 202601-1: usage or charge of meter a0000000-0000-0000-0000-000000000001 is outside the range of exact numbers"
        ],
    );
}

#[test]
fn one_file_alone_is_standard_input() {
    let (_folder, mut options) = files(b"", b"");
    options.ratecard = "-".into();
    let usage = std::mem::replace(&mut options.usage, "-".into());
    assert!(matches!(
        run(&options, &mut Output::new(Vec::new(), Format::Json, None)),
        Err(Failure::Usage(_))
    ));
    assert!(usage.exists());
}

#[test]
fn a_table_is_for_reading() {
    let usage = format!(
        "meterId,usageStartTime,quantity\n{METER}1,2026-01-02,0.125\n{METER}2,2026-01-02,2\n\
         {METER}3,2026-01-02,7\n"
    );
    let (_folder, options) = files(with_terms().as_bytes(), usage.as_bytes());
    expect![[r#"
        202601-1, 2026-01-01 to 2026-02-01 (UTC)

        Category          Meter    Meter id                              Quantity  Included  Unit   Charge (USD)
        ----------------  -------  ------------------------------------  --------  --------  -----  ------------
                          Meter 1  a0000000-0000-0000-0000-000000000001     0.125         0  Hours          0.13
                          Meter 2  a0000000-0000-0000-0000-000000000002         2         0  Hours          6.00
        Monetary Credit                                                                                    -0.13
        Recurring Charge                                                                                    2.50
        ----------------  -------  ------------------------------------  --------  --------  -----  ------------
        Total                                                                                               8.50

        Unpriced (in no amount)               Quantity  Unit  Reason
        ------------------------------------  --------  ----  ----------------
        a0000000-0000-0000-0000-000000000003         7        not on rate card
    "#]].assert_eq(&printed(&options, Format::Table).unwrap());
}

/// MS-AZR-0062P, with 100 of credit: 10,235 GB at 0.087, 40,960 at 0.083 and 8,805 at 0.07 are
/// 890.445 + 3399.68 + 616.35; 744 hours at 0.06 are 44.64; 1,000 million queries at 0.54 and 500.5
/// at 0.375 are 540 + 187.6875.
#[test]
fn the_real_card_is_exact() {
    let sample = "../../samples/ratecard-MS-AZR-0062P-USD-en-US-US.json.gz";
    let card = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
    let usage = "meterId,usageStartTime,quantity\n\
        9995d93a-7d35-4d3f-9c69-7a7fea447ef4,2026-10-01,60000\n\
        c7a0c9f2-b08a-4f54-955f-c2ba8c7b0837,2026-10-02,1500.5\n\
        e41c0dc6-9337-49a0-88a8-68df68c0b6b5,2026-10-03,744\n";
    let (_folder, options) = files(&card, usage.as_bytes());
    expect![[r#"
        202610-1 2026-10-01T00:00:00Z 2026-11-01T00:00:00Z
          9995d93a-7d35-4d3f-9c69-7a7fea447ef4: 60000 - 0 = 60000; from 0: 10235 @ 0.087 = 890.445, from 10235: 40960 @ 0.083 = 3399.68, from 51195: 8805 @ 0.07 = 616.35; 4906.475
          c7a0c9f2-b08a-4f54-955f-c2ba8c7b0837: 1500.5 - 0 = 1500.5; from 0: 1000 @ 0.54 = 540, from 1000: 500.5 @ 0.375 = 187.6875; 727.6875
          e41c0dc6-9337-49a0-88a8-68df68c0b6b5: 744 - 0 = 744; from 0: 744 @ 0.06 = 44.64; 44.64
          Monetary Credit: -100
          charges 5678.8025 discount 0 credit 100 recurring 0 total 5578.8025
    "#]]
    .assert_eq(&short(&printed(&options, Format::Json).unwrap()));
}
