//! Rows to Arrow columns and back.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Decimal128Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use domain::decimal::Quantity;
use domain::id::{ContentHash, InstanceHash, MeterId, RecordId, SubscriptionId};
use domain::record::{Commit, Window};
use domain::time::{ReportedTime, UtcTime};

use crate::row::{DESCRIPTION, Malformed, Row, TEXT_COUNT, TEXTS, Texts};
use crate::schema::{self, CONTENT_HASH, Form};

/// Gathers rows into one batch.
pub(crate) struct BatchBuilder {
    subscription: StringBuilder,
    reported: TimestampMicrosecondBuilder,
    start: TimestampMicrosecondBuilder,
    end: TimestampMicrosecondBuilder,
    meter: StringBuilder,
    quantity: Decimal128Builder,
    instance_hash: BinaryBuilder,
    commit: Int64Builder,
    commit_time: TimestampMicrosecondBuilder,
    unit_block: Decimal128Builder,
    billed_cost: Decimal128Builder,
    reverses: BinaryBuilder,
    content_hash: BinaryBuilder,
    texts: [StringBuilder; TEXT_COUNT],
}

impl BatchBuilder {
    pub(crate) fn new() -> Self {
        let times = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        let decimals = || {
            let builder = Decimal128Builder::new();
            let builder =
                builder.with_precision_and_scale(schema::DECIMAL_PRECISION, schema::DECIMAL_SCALE);
            builder.expect("decimal(38,20) is a decimal type")
        };
        Self {
            subscription: StringBuilder::new(),
            reported: times(),
            start: times(),
            end: times(),
            meter: StringBuilder::new(),
            quantity: decimals(),
            instance_hash: BinaryBuilder::new(),
            commit: Int64Builder::new(),
            commit_time: times(),
            unit_block: decimals(),
            billed_cost: decimals(),
            reverses: BinaryBuilder::new(),
            content_hash: BinaryBuilder::new(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
        }
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) {
        self.subscription.append_value(row.subscription.text());
        self.reported.append_value(row.reported.0.to_micros());
        self.start.append_value(row.window.start().to_micros());
        self.end.append_value(row.window.end().to_micros());
        self.meter.append_value(row.meter.text());
        self.quantity.append_value(row.quantity.to_scaled());
        self.instance_hash.append_value(row.instance_hash.to_bytes());
        let commit = i64::try_from(row.commit.0).expect("commits are counted from one");
        self.commit.append_value(commit);
        self.commit_time.append_value(row.commit_time.to_micros());
        self.unit_block.append_option(row.unit_block.map(Quantity::to_scaled));
        self.billed_cost.append_option(row.billed_cost.map(Quantity::to_scaled));
        self.reverses.append_option(row.reverses.map(RecordId::to_bytes));
        self.content_hash.append_option(row.erased.map(ContentHash::to_bytes));
        for (builder, (text, _, _)) in self.texts.iter_mut().zip(TEXTS) {
            builder.append_option(row.texts.get(text));
        }
    }

    /// The batch, in this form; the builder is empty afterwards.
    pub(crate) fn finish(&mut self, form: Form) -> RecordBatch {
        let schema = schema::written(form);
        let erased = self.content_hash.finish();
        let fits = form == Form::Erased || erased.null_count() == erased.len();
        assert!(fits, "an erased row is written to a file without the column {CONTENT_HASH}");
        let erased: ArrayRef = Arc::new(erased);
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            CONTENT_HASH => Arc::clone(&erased),
            name => self.column(name),
        });
        let columns = columns.collect();
        RecordBatch::try_new(schema, columns).expect("builders follow the schema")
    }

    fn column(&mut self, name: &str) -> ArrayRef {
        match name {
            "subscription_id" => Arc::new(self.subscription.finish()),
            "reported_time" => Arc::new(self.reported.finish()),
            "usage_start" => Arc::new(self.start.finish()),
            "usage_end" => Arc::new(self.end.finish()),
            "meter_id" => Arc::new(self.meter.finish()),
            "quantity" => Arc::new(self.quantity.finish()),
            "instance_hash" => Arc::new(self.instance_hash.finish()),
            "commit" => Arc::new(self.commit.finish()),
            "commit_time" => Arc::new(self.commit_time.finish()),
            "unit_block" => Arc::new(self.unit_block.finish()),
            "billed_cost" => Arc::new(self.billed_cost.finish()),
            "reverses" => Arc::new(self.reverses.finish()),
            _ => {
                let place = TEXTS.iter().position(|(_, column, _)| *column == name);
                Arc::new(self.texts[place.expect("every other column is a text")].finish())
            }
        }
    }
}

/// Columns of [`RowBatch`] that every reader needs.
pub(crate) const ALWAYS: [&str; 9] = [
    "subscription_id",
    "reported_time",
    "usage_start",
    "usage_end",
    "meter_id",
    "quantity",
    "instance_hash",
    "commit",
    "commit_time",
];

/// A batch read from a data file, as rows; it keeps what it needs of the batch. A column that was not
/// read is absent in every row.
pub(crate) struct RowBatch {
    subscription: Ids<SubscriptionId>,
    reported: TimestampMicrosecondArray,
    start: TimestampMicrosecondArray,
    end: TimestampMicrosecondArray,
    meter: Ids<MeterId>,
    quantity: Decimal128Array,
    instance_hash: BinaryArray,
    commit: Int64Array,
    commit_time: TimestampMicrosecondArray,
    unit_block: Option<Decimal128Array>,
    billed_cost: Option<Decimal128Array>,
    reverses: Option<BinaryArray>,
    content_hash: Option<BinaryArray>,
    texts: [Option<Dictionary>; TEXT_COUNT],
}

impl RowBatch {
    pub(crate) fn new(batch: &RecordBatch) -> Result<Self, Malformed> {
        let column = |name: &str| batch.column_by_name(name);
        let decimal = |name: &str| {
            column(name).and_then(|it| it.as_primitive_opt::<Decimal128Type>()).cloned()
        };
        let binary = |name: &str| column(name).and_then(|it| it.as_binary_opt::<i32>()).cloned();
        Ok(Self {
            subscription: Ids::new(given(batch, "subscription_id")?, SubscriptionId::parse)?,
            reported: times(batch, "reported_time")?.clone(),
            start: times(batch, "usage_start")?.clone(),
            end: times(batch, "usage_end")?.clone(),
            meter: Ids::new(given(batch, "meter_id")?, MeterId::parse)?,
            quantity: decimal("quantity").ok_or(Malformed("type of column quantity"))?,
            instance_hash: binary("instance_hash").ok_or(Malformed("type of instance_hash"))?,
            commit: commits(batch)?.clone(),
            commit_time: times(batch, "commit_time")?.clone(),
            unit_block: decimal("unit_block"),
            billed_cost: decimal("billed_cost"),
            reverses: binary("reverses"),
            content_hash: binary(CONTENT_HASH),
            texts: TEXTS.map(|(_, name, _)| column(name).and_then(|it| Dictionary::new(it).ok())),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.commit.len()
    }

    pub(crate) fn row(&self, position: usize) -> Result<Row<'_>, Malformed> {
        let (start, end) = (time(&self.start, position)?, time(&self.end, position)?);
        let mut texts = Texts::default();
        for (column, (text, _, _)) in self.texts.iter().zip(TEXTS) {
            texts.set(text, column.as_ref().and_then(|column| column.text(position)));
        }
        Ok(Row {
            subscription: self.subscription.id(position),
            reported: ReportedTime(time(&self.reported, position)?),
            window: Window::new(start, end).map_err(|_| Malformed("usage window"))?,
            meter: self.meter.id(position),
            quantity: quantity(self.quantity.value(position))?,
            instance_hash: InstanceHash::from_bytes(hash(self.instance_hash.value(position))?),
            commit: commit(&self.commit, position)?,
            commit_time: time(&self.commit_time, position)?,
            texts,
            unit_block: maybe_quantity(self.unit_block.as_ref(), position)?,
            billed_cost: maybe_quantity(self.billed_cost.as_ref(), position)?,
            reverses: maybe_hash(self.reverses.as_ref(), position)?.map(RecordId::from_bytes),
            erased: maybe_hash(self.content_hash.as_ref(), position)?.map(ContentHash::from_bytes),
        })
    }
}

/// A column that has to be there.
pub(crate) fn given<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Malformed> {
    batch.column_by_name(name).ok_or(Malformed("a column is missing"))
}

/// A column of times.
pub(crate) fn times<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a TimestampMicrosecondArray, Malformed> {
    let times = given(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>();
    times.ok_or(Malformed("type of a time column"))
}

/// The time in a row.
pub(crate) fn time(
    times: &TimestampMicrosecondArray,
    position: usize,
) -> Result<UtcTime, Malformed> {
    UtcTime::from_micros(times.value(position)).map_err(|_| Malformed("time"))
}

/// The column of commits.
pub(crate) fn commits(batch: &RecordBatch) -> Result<&Int64Array, Malformed> {
    let commits = given(batch, "commit")?.as_primitive_opt::<Int64Type>();
    commits.ok_or(Malformed("type of column commit"))
}

/// A column of numbers.
pub(crate) fn longs<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, Malformed> {
    let longs = given(batch, name)?.as_primitive_opt::<Int64Type>();
    longs.ok_or(Malformed("type of a column of numbers"))
}

/// The commit in a row.
pub(crate) fn commit(commits: &Int64Array, position: usize) -> Result<Commit, Malformed> {
    let commit = u64::try_from(commits.value(position));
    commit.map(Commit).map_err(|_| Malformed("commit"))
}

/// A column of texts.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Result<Dictionary, Malformed> {
    Dictionary::new(given(batch, name)?)
}

/// The columns that describe a meter.
pub(crate) fn description(batch: &RecordBatch) -> Result<[Dictionary; 5], Malformed> {
    let [name, category, subcategory, region, unit] = DESCRIPTION.map(|name| texts(batch, name));
    Ok([name?, category?, subcategory?, region?, unit?])
}

/// A column of GUIDs.
pub(crate) fn ids<T: Copy, E>(
    batch: &RecordBatch,
    name: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Ids<T>, Malformed> {
    Ids::new(given(batch, name)?, parse)
}

/// A column of quantities.
pub(crate) fn decimals<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a Decimal128Array, Malformed> {
    let decimals = given(batch, name)?.as_primitive_opt::<Decimal128Type>();
    decimals.ok_or(Malformed("type of a column of quantities"))
}

/// The quantity in a row.
pub(crate) fn decimal(decimals: &Decimal128Array, position: usize) -> Result<Quantity, Malformed> {
    quantity(decimals.value(position))
}

/// A column of hashes.
pub(crate) fn hashes<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BinaryArray, Malformed> {
    given(batch, name)?.as_binary_opt::<i32>().ok_or(Malformed("type of a column of hashes"))
}

/// The hash in a row.
pub(crate) fn instance_hash(
    hashes: &BinaryArray,
    position: usize,
) -> Result<InstanceHash, Malformed> {
    hash(hashes.value(position)).map(InstanceHash::from_bytes)
}

/// The hash in a row of a column that may be absent.
pub(crate) fn maybe_hash(
    column: Option<&BinaryArray>,
    position: usize,
) -> Result<Option<[u8; 16]>, Malformed> {
    let present = column.filter(|column| column.is_valid(position));
    present.map(|column| hash(column.value(position))).transpose()
}

fn hash(bytes: &[u8]) -> Result<[u8; 16], Malformed> {
    bytes.try_into().map_err(|_| Malformed("length of a hash"))
}

fn quantity(units: i128) -> Result<Quantity, Malformed> {
    Quantity::from_scaled(units).map_err(|_| Malformed("quantity"))
}

fn maybe_quantity(
    column: Option<&Decimal128Array>,
    position: usize,
) -> Result<Option<Quantity>, Malformed> {
    let present = column.filter(|column| column.is_valid(position));
    present.map(|column| quantity(column.value(position))).transpose()
}

/// A text column with each distinct text once.
pub(crate) struct Dictionary {
    keys: Int32Array,
    values: StringArray,
}

impl Dictionary {
    pub(crate) fn new(column: &ArrayRef) -> Result<Self, Malformed> {
        let wrong = Malformed("type of a text column");
        let column = column.as_dictionary_opt::<Int32Type>().ok_or(wrong)?;
        let values = column.values().as_string_opt::<i32>().ok_or(wrong)?;
        Ok(Self { keys: column.keys().clone(), values: values.clone() })
    }

    /// The text in a row.
    pub(crate) fn text(&self, position: usize) -> Option<&str> {
        self.value(self.key(position)?)
    }

    /// The text of a key.
    pub(crate) fn value(&self, key: usize) -> Option<&str> {
        self.values.is_valid(key).then(|| self.values.value(key))
    }

    /// Which text a row has; a batch may have one text under several keys.
    pub(crate) fn key(&self, position: usize) -> Option<usize> {
        usize::try_from(self.raw_key(position)?).ok()
    }

    /// The same as the column has it.
    pub(crate) fn raw_key(&self, position: usize) -> Option<i32> {
        self.keys.is_valid(position).then(|| self.keys.value(position))
    }

    /// For every row, whether it has this text.
    pub(crate) fn equals(&self, text: &str) -> impl Iterator<Item = bool> {
        let same: Vec<bool> = self.values.iter().map(|value| value == Some(text)).collect();
        (0..self.keys.len()).map(move |position| self.key(position).is_some_and(|key| same[key]))
    }
}

/// A column of GUIDs as texts; each distinct one is read once.
pub(crate) struct Ids<T> {
    column: Dictionary,
    ids: Vec<Option<T>>,
}

impl<T: Copy> Ids<T> {
    /// Reads those that rows have: a dictionary may be of more rows than the batch.
    fn new<E>(column: &ArrayRef, parse: impl Fn(&str) -> Result<T, E>) -> Result<Self, Malformed> {
        let column = Dictionary::new(column)?;
        let mut ids = vec![None; column.values.len()];
        for position in 0..column.keys.len() {
            let key = column.key(position).ok_or(Malformed("a GUID"))?;
            if ids[key].is_none() {
                let text = column.value(key).ok_or(Malformed("a GUID"))?;
                ids[key] = Some(parse(text).map_err(|_| Malformed("a GUID"))?);
            }
        }
        Ok(Self { column, ids })
    }

    /// Which id a row has; a batch may have one id under several keys.
    pub(crate) fn key(&self, position: usize) -> Option<usize> {
        self.column.key(position)
    }

    /// The same as the column has it.
    pub(crate) fn raw_key(&self, position: usize) -> Option<i32> {
        self.column.raw_key(position)
    }

    /// The id in a row.
    pub(crate) fn id(&self, position: usize) -> T {
        let key = self.column.key(position).expect("every key was checked");
        self.ids[key].expect("every id was checked")
    }
}
