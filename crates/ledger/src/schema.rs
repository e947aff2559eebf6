//! The table's columns: their names, types, nullability and order never change; later columns are
//! added at the end, nullable.
//!
//! A data file has the columns of the *form* that its rows need: files of several forms are one table, and
//! a column that a file lacks is null in each of its rows.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Date,
    Timestamp,
    Decimal,
    Binary,
    Long,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
}

/// The partition column, which stands in the log and not in the data files.
pub(crate) const PARTITION: &str = "reported_day";

/// The column that erased rows alone have: the hash of their content as it was sent.
pub(crate) const CONTENT_HASH: &str = "content_hash";

/// Which columns a table or a data file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// All but those of erased rows.
    Sent,
    /// Every column.
    Erased,
}

impl Form {
    /// The columns, in order.
    pub(crate) fn columns(self) -> impl Iterator<Item = &'static Column> {
        COLUMNS.iter().filter(move |column| self == Self::Erased || column.name != CONTENT_HASH)
    }
}

/// Every column of the table, in order.
pub(crate) const COLUMNS: [Column; 30] = [
    given("subscription_id", Kind::Text),
    given(PARTITION, Kind::Date),
    given("reported_time", Kind::Timestamp),
    given("usage_start", Kind::Timestamp),
    given("usage_end", Kind::Timestamp),
    given("meter_id", Kind::Text),
    maybe("meter_name", Kind::Text),
    maybe("meter_category", Kind::Text),
    maybe("meter_subcategory", Kind::Text),
    maybe("meter_region", Kind::Text),
    maybe("unit", Kind::Text),
    given("quantity", Kind::Decimal),
    maybe("resource_uri", Kind::Text),
    maybe("location", Kind::Text),
    maybe("tags", Kind::Text),
    maybe("additional_info", Kind::Text),
    maybe("part_number", Kind::Text),
    maybe("order_number", Kind::Text),
    maybe("info_fields", Kind::Text),
    given("instance_hash", Kind::Binary),
    given("source", Kind::Text),
    given("event_id", Kind::Text),
    given("commit", Kind::Long),
    given("commit_time", Kind::Timestamp),
    maybe("unit_block", Kind::Decimal),
    maybe("billed_cost", Kind::Decimal),
    maybe("billing_currency", Kind::Text),
    maybe("charge_category", Kind::Text),
    maybe("reverses", Kind::Binary),
    maybe(CONTENT_HASH, Kind::Binary),
];

const fn given(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

const fn maybe(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

/// Precision of a stored quantity.
pub(crate) const DECIMAL_PRECISION: u8 = 38;
/// Scale of a stored quantity.
pub(crate) const DECIMAL_SCALE: i8 = 20;

/// The columns of a data file, as they are written.
pub(crate) fn written(form: Form) -> SchemaRef {
    data_file_schema(form, &DataType::Utf8)
}

/// The columns of a data file, as they are read: each distinct text once.
pub(crate) fn read(form: Form) -> SchemaRef {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    data_file_schema(form, &text)
}

fn data_file_schema(form: Form, text: &DataType) -> SchemaRef {
    let stored = form.columns().filter(|column| column.name != PARTITION);
    let field = |column: &Column| {
        let data_type = match column.kind {
            Kind::Text => text.clone(),
            Kind::Date => DataType::Date32,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Decimal => DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE),
            Kind::Binary => DataType::Binary,
            Kind::Long => DataType::Int64,
        };
        Field::new(column.name, data_type, column.nullable)
    };
    Arc::new(Schema::new(stored.map(field).collect::<Vec<_>>()))
}

/// The schema as the table's log states it.
pub(crate) fn delta_schema(form: Form) -> String {
    let field = |column: &Column| {
        let kind = match column.kind {
            Kind::Text => "string".to_owned(),
            Kind::Date => "date".to_owned(),
            Kind::Timestamp => "timestamp".to_owned(),
            Kind::Decimal => format!("decimal({DECIMAL_PRECISION},{DECIMAL_SCALE})"),
            Kind::Binary => "binary".to_owned(),
            Kind::Long => "long".to_owned(),
        };
        serde_json::json!({
            "name": column.name, "type": kind, "nullable": column.nullable, "metadata": {},
        })
    };
    let fields: Vec<_> = form.columns().map(field).collect();
    serde_json::json!({ "type": "struct", "fields": fields }).to_string()
}
