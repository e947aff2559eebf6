//! Headers and rows as spreadsheets and scripts write them, and what is refused.

use super::*;

const GUID: &str = "a0000000-0000-0000-0000-000000000001";

fn header(text: &str, expected: &str) {
    let found = match CsvColumns::parse(text) {
        Ok(columns) => format!("{:?}", columns.places),
        Err(error) => error.to_string(),
    };
    let places = "[Some(0), Some(1), Some(2), None, None]";
    assert_eq!(found.replace(places, "as usual"), expected, "{text}");
}

/// A row under a header. `GUID` and `SUB` are ids, and what is read is written in one line.
fn check(header: &str, row: &str, expected: &str) {
    let subscription = "8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001";
    let row = row.replace("GUID", GUID).replace("SUB", subscription);
    let found = match CsvColumns::parse(header).unwrap().row(&row) {
        Ok(CsvUsage { subscription, window, meter, quantity }) => {
            let subscription = subscription.map(|id| format!("{id} ")).unwrap_or_default();
            let (start, end) = (window.start(), window.end());
            format!("{subscription}{start} {end} {meter} {quantity}")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found.replace(GUID, "GUID").replace(subscription, "SUB"), expected, "{row}");
}

fn plain(row: &str, expected: &str) {
    check("meterId,usageStartTime,quantity", row, expected);
}

#[test]
fn a_header_has_its_columns_in_any_order_and_case() {
    header("meterId,usageStartTime,quantity", "as usual");
    header("\u{feff}METERID, usagestarttime ,\"Quantity\"\r\n", "as usual");
    header(
        "usageEndTime,quantity,subscriptionid,meterid,usageStartTime",
        "[Some(3), Some(4), Some(1), Some(2), Some(0)]",
    );
}

#[test]
fn a_header_that_says_something_else_is_refused() {
    let unknown = |column| {
        format!(
            "has the column '{column}', which is not known: the columns are meterId, \
             usageStartTime, quantity, and where wanted subscriptionId and usageEndTime"
        )
    };
    header("meterId,usageStartTime,quantity,cost", &unknown("cost"));
    header("meterId;usageStartTime;quantity", &unknown("meterId;usageStartTime;quantity"));
    header("meterId,usageStartTime,quantity,", &unknown(""));
    header("meterId,quantity", "has no column usageStartTime");
    header("meterId,quantity,usageStartTime,METERID", "has the column meterId twice");
    let quote = "has a quotation mark that is not closed, or not at the end of its value";
    header("\"meterId,quantity", quote);
    header("\"meterId\"x,quantity", quote);
}

#[test]
fn a_row_is_exact() {
    plain(
        "GUID,2026-10-01T07:30:00Z,0.12345678901234567891",
        "2026-10-01T07:30:00Z 2026-10-02T00:00:00Z GUID 0.12345678901234567891",
    );
    plain(
        " \"A0000000000000000000000000000001\" , \"2026-10-01\",2E-06\r\n",
        "2026-10-01T00:00:00Z 2026-10-02T00:00:00Z GUID 0.000002",
    );
    check(
        "quantity,subscriptionId,usageEndTime,usageStartTime,meterId",
        "1,SUB,2026-10-02T00:00+00:00,2026-10-01 23:00:00,GUID",
        "SUB 2026-10-01T23:00:00Z 2026-10-02T00:00:00Z GUID 1",
    );
}

#[test]
fn a_time_is_utc_unless_it_says_otherwise() {
    let end = "2026-10-02T00:00:00Z GUID 1";
    plain("GUID,2026-10-01T23:59:59.999999,1", &format!("2026-10-01T23:59:59.999999Z {end}"));
    plain("GUID,2026-10-02T01:30:00+02:00,1", &format!("2026-10-01T23:30:00Z {end}"));
    for (text, problem) in [
        ("10/01/2026", "is not a time such as 2026-01-31T00:00:00Z"),
        ("yesterday", "is not a time such as 2026-01-31T00:00:00Z"),
        ("2026-13-01", "is a time that does not exist"),
        ("2026-10-01T00:00:00.0000001Z", "is finer than microseconds"),
    ] {
        plain(&format!("GUID,{text},1"), &format!("usageStartTime '{text}' {problem}"));
    }
}

#[test]
fn a_window_lies_within_a_day() {
    let columns = "meterId,usageStartTime,usageEndTime,quantity";
    check(
        columns,
        "GUID,2026-10-01T23:00:00Z,2026-10-02T01:00:00Z,1",
        "usageStartTime is '2026-10-01T23:00:00Z' and the end '2026-10-02T01:00:00Z': usage \
         crosses midnight UTC",
    );
    check(
        columns,
        "GUID,2026-10-01,2026-10-01,1",
        "usageStartTime is '2026-10-01' and the end '2026-10-01': usage end is not after usage \
         start",
    );
    check(columns, "GUID,2026-10-01,,1", "usageEndTime is missing");
    check(
        columns,
        "GUID,2026-10-01,x,1",
        "usageEndTime 'x' is not a time such as 2026-01-31T00:00:00Z",
    );
}

#[test]
fn a_quantity_is_a_number_not_below_zero() {
    for (text, problem) in [
        ("NaN", "which is not a decimal number"),
        ("\"1,5\"", "which is not a decimal number"),
        ("0.123456789012345678901", "which is more than 20 decimal places"),
        ("1E15", "which is not below 10^15"),
        ("-1", "which is negative and reverses nothing"),
    ] {
        let value = text.trim_matches('"');
        let expected = format!("quantity is '{value}', {problem}");
        plain(&format!("GUID,2026-10-01,{text}"), &expected);
    }
    plain("GUID,2026-10-01,", "quantity is missing");
    plain("GUID,2026-10-01,-0", "2026-10-01T00:00:00Z 2026-10-02T00:00:00Z GUID 0");
}

#[test]
fn a_row_that_is_none_is_named() {
    plain("meter,2026-10-01,1", "meterId is 'meter', which is not a GUID");
    plain(",2026-10-01,1", "meterId is missing");
    plain("GUID,2026-10-01", "row has 2 values, the header has 3 columns");
    plain("GUID,2026-10-01,1,5", "row has 4 values, the header has 3 columns");
    let quote = "row has a quotation mark that is not closed, or not at the end of its value";
    plain("GUID,2026-10-01,\"1", quote);
    plain("GUID,\"2026-10-01\" 1,2", quote);
    plain("\"a\"\"b\",2026-10-01,1", "meterId is 'a\"b', which is not a GUID");
    let with_subscription = "subscriptionId,meterId,usageStartTime,quantity";
    check(with_subscription, ",GUID,2026-10-01,1", "subscriptionId is missing");
    check(with_subscription, "x,GUID,2026-10-01,1", "subscriptionId is 'x', which is not a GUID");
}
