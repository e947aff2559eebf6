//! The columns of rollups: names and types are those of the table where it has the same, times are the
//! starts of hours and days. Rows are in the order of the columns that name them.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BinaryBuilder, Decimal128Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use domain::facets::Facets;
use domain::time::UtcTime;

use super::Grain;
use super::gather::{InstanceEntry, MeterEntry, SourceEntry};
use crate::row::{self, DESCRIPTION, INSTANCE_TEXTS};
use crate::schema::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// The columns of a rollup, as they are written.
pub(super) fn written(grain: Grain) -> &'static SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; 4]> =
        LazyLock::new(|| Grain::ALL.map(|grain| schema(grain, &DataType::Utf8)));
    &SCHEMAS[place(grain)]
}

/// The columns of a rollup, as they are read: each distinct text once.
pub(super) fn read(grain: Grain) -> &'static SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; 4]> = LazyLock::new(|| {
        let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        Grain::ALL.map(|grain| schema(grain, &text))
    });
    &SCHEMAS[place(grain)]
}

fn place(grain: Grain) -> usize {
    Grain::ALL.iter().position(|known| *known == grain).expect("every grain is of all")
}

fn schema(grain: Grain, text: &DataType) -> SchemaRef {
    let given = |name: &str, data_type: &DataType| Field::new(name, data_type.clone(), false);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let decimal = DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE);
    let mut fields = match grain {
        Grain::Hour | Grain::Day => vec![
            given("subscription_id", text),
            given("meter_id", text),
            given("usage_start", &time),
            given("first_start", &time),
            given("last_start", &time),
            given("quantity", &decimal),
        ],
        Grain::Instance => vec![
            given("subscription_id", text),
            given("usage_start", &time),
            given("meter_id", text),
            given("instance_hash", &DataType::Binary),
            given("quantity", &decimal),
            given("taken_back", &decimal),
        ],
        Grain::Source => {
            return Arc::new(Schema::new(vec![
                given("subscription_id", text),
                given("source", text),
                given("minutes_late", &DataType::Int64),
                given("rows", &DataType::Int64),
                given("first_reported", &time),
                given("last_reported", &time),
                given("newest_usage_end", &time),
            ]));
        }
    };
    let mut texts = DESCRIPTION.to_vec();
    if grain == Grain::Instance {
        texts.extend(row::instance_columns(Facets::ALL));
    }
    fields.extend(texts.into_iter().map(|name| Field::new(name, text.clone(), true)));
    Arc::new(Schema::new(fields))
}

/// Sums of hours or of days as one batch.
pub(super) fn meter_batch(grain: Grain, entries: &[MeterEntry]) -> RecordBatch {
    let times = |time: fn(&MeterEntry) -> UtcTime| times(entries.iter().map(time));
    let mut columns = vec![
        texts(entries.iter().map(|entry| Some(entry.subscription.text()))),
        texts(entries.iter().map(|entry| Some(entry.meter.text()))),
        times(|entry| entry.sum.step),
        times(|entry| entry.sum.first),
        times(|entry| entry.sum.last),
        decimals(entries.iter().map(|entry| entry.sum.quantity.to_scaled())),
    ];
    columns.extend(
        (0..DESCRIPTION.len())
            .map(|place| texts(entries.iter().map(|entry| entry.description.texts()[place]))),
    );
    batch(grain, columns)
}

/// Sums of instances as one batch.
pub(super) fn instance_batch(entries: &[InstanceEntry]) -> RecordBatch {
    let mut hashes = BinaryBuilder::new();
    for entry in entries {
        hashes.append_value(entry.instance_hash.to_bytes());
    }
    let mut columns = vec![
        texts(entries.iter().map(|entry| Some(entry.subscription.text()))),
        times(entries.iter().map(|entry| entry.sum.day.start())),
        texts(entries.iter().map(|entry| Some(entry.meter.text()))),
        Arc::new(hashes.finish()),
        decimals(entries.iter().map(|entry| entry.sum.quantity.to_scaled())),
        decimals(entries.iter().map(|entry| entry.sum.taken_back.to_scaled())),
    ];
    columns.extend(
        (0..DESCRIPTION.len())
            .map(|place| texts(entries.iter().map(|entry| entry.description.texts()[place]))),
    );
    columns.extend(
        (0..INSTANCE_TEXTS.len())
            .map(|place| texts(entries.iter().map(|entry| entry.instance.texts()[place]))),
    );
    batch(Grain::Instance, columns)
}

/// What sources reported, as one batch.
pub(super) fn source_batch(entries: &[SourceEntry]) -> RecordBatch {
    let times = |time: fn(&SourceEntry) -> UtcTime| times(entries.iter().map(time));
    let columns = vec![
        texts(entries.iter().map(|entry| Some(entry.subscription.text()))),
        texts(entries.iter().map(|entry| Some(&*entry.source))),
        numbers(entries.iter().map(|entry| entry.rows.minutes.into())),
        numbers(entries.iter().map(|entry| entry.rows.rows)),
        times(|entry| entry.rows.first.0),
        times(|entry| entry.rows.last.0),
        times(|entry| entry.rows.newest_usage_end),
    ];
    batch(Grain::Source, columns)
}

fn batch(grain: Grain, columns: Vec<ArrayRef>) -> RecordBatch {
    let schema = SchemaRef::clone(written(grain));
    RecordBatch::try_new(schema, columns).expect("the columns follow the schema")
}

fn texts(values: impl Iterator<Item = Option<impl AsRef<str>>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn times(values: impl Iterator<Item = UtcTime>) -> ArrayRef {
    let mut builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    values.for_each(|value| builder.append_value(value.to_micros()));
    Arc::new(builder.finish())
}

fn numbers(values: impl Iterator<Item = u64>) -> ArrayRef {
    let number = |value| i64::try_from(value).expect("rows of a file are fewer than 2^63");
    Arc::new(Int64Array::from_iter_values(values.map(number)))
}

fn decimals(values: impl Iterator<Item = i128>) -> ArrayRef {
    let builder =
        Decimal128Builder::new().with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE);
    let mut builder = builder.expect("decimal(38,20) is a decimal type");
    values.for_each(|value| builder.append_value(value));
    Arc::new(builder.finish())
}
