//! A page of the table that answers a cost query.

use domain::decimal::{Money, Quantity};
use domain::time::Date;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::exact::Exact;

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `Number`, `String` or `Datetime`.
    pub kind: &'static str,
}

/// A value of a row; values of one column are of one kind, and sort so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing: usage without a price has no cost.
    Nothing,
    /// An amount.
    Money(Money),
    /// A quantity.
    Quantity(Quantity),
    /// A day, as the number 20260131.
    Day(Date),
    /// A text.
    Text(String),
}

/// A page of the table.
#[derive(Debug)]
pub struct QueryPage<'a> {
    /// The scope's resource id.
    pub scope: &'a str,
    /// Names the answer: a GUID.
    pub name: String,
    /// The columns.
    pub columns: &'a [Column],
    /// The rows.
    pub rows: &'a [Vec<Cell>],
    /// The link to the next page.
    pub next_link: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: String,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    location: Option<()>,
    sku: Option<()>,
    e_tag: Option<()>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    next_link: Option<&'a str>,
    columns: Vec<ColumnBody<'a>>,
    rows: Vec<Vec<Box<RawValue>>>,
}

#[derive(Serialize)]
struct ColumnBody<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Writes a page.
#[must_use]
pub fn write_page(page: &QueryPage<'_>) -> Vec<u8> {
    let columns =
        page.columns.iter().map(|column| ColumnBody { name: &column.name, kind: column.kind });
    let rows = page.rows.iter().map(|row| row.iter().map(Cell::json).collect());
    let body = Body {
        id: format!("{}/providers/Microsoft.CostManagement/query/{}", page.scope, page.name),
        name: &page.name,
        kind: "Microsoft.CostManagement/query",
        location: None,
        sku: None,
        e_tag: None,
        properties: Properties {
            next_link: page.next_link.as_deref(),
            columns: columns.collect(),
            rows: rows.collect(),
        },
    };
    serde_json::to_vec(&body).expect("a page of texts and numbers is JSON")
}

impl Cell {
    fn json(&self) -> Box<RawValue> {
        let json = match self {
            Self::Nothing => serde_json::value::to_raw_value(&()),
            Self::Money(amount) => serde_json::value::to_raw_value(&Exact::new(amount)),
            Self::Quantity(quantity) => serde_json::value::to_raw_value(&Exact::new(quantity)),
            Self::Day(day) => {
                let (year, month, day) = day.civil();
                serde_json::value::to_raw_value(&Exact::new(format!("{year:04}{month:02}{day:02}")))
            }
            Self::Text(text) => serde_json::value::to_raw_value(text),
        };
        json.expect("a text or number is JSON")
    }
}
