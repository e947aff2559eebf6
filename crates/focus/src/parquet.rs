//! Rows as Parquet: decimals of 38 digits, times in UTC, row groups of bounded size.

use std::fmt;
use std::io::Write;
use std::mem;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Decimal128Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::FOCUS_VERSION;
use crate::column::{COLUMNS, Column, Number, ValueOf};
use crate::row::FocusRow;
use crate::scales::{DECIMAL_DIGITS, Scales};

/// Rows that are handed on together.
const BATCH_ROWS: usize = 4_096;

/// Rows of a row group, the unit that is held in memory until it is full.
const ROW_GROUP_ROWS: usize = 65_536;

/// Why rows were not written.
#[derive(Debug)]
pub enum WriteError {
    /// A number does not fit its column: the row was not in the pass that found the scales.
    NotScaled {
        /// Number of the row, from 1.
        row: u64,
        /// The column.
        column: &'static str,
    },
    /// The output, or the encoding.
    Parquet(ParquetError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotScaled { row, column } => {
                write!(f, "row {row}, column {column}: the first pass did not see this number")
            }
            Self::Parquet(_) => f.write_str("writing Parquet"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotScaled { .. } => None,
            Self::Parquet(error) => Some(error),
        }
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

/// Writes rows as Parquet.
pub struct ParquetWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    pending: usize,
    rows: u64,
}

impl<W: Write + Send> fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetWriter").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file for the rows that the scales were found from.
    ///
    /// # Errors
    /// [`WriteError::Parquet`] with what the output says.
    pub fn new(output: W, scales: &Scales) -> Result<Self, WriteError> {
        let places: Vec<i8> = (0..COLUMNS.len()).map(|column| places(scales, column)).collect();
        let fields = COLUMNS.iter().zip(&places).map(|(column, places)| field(column, *places));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options =
            ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(output, Arc::clone(&schema), options)?;
        let builders = COLUMNS.iter().zip(places).map(|(column, places)| builder(column, places));
        Ok(Self { writer, schema, builders: builders.collect(), pending: 0, rows: 0 })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`WriteError`] if a number does not fit, or with what the output says.
    pub fn write(&mut self, row: &FocusRow) -> Result<(), WriteError> {
        self.rows += 1;
        for (column, builder) in COLUMNS.iter().zip(&mut self.builders) {
            if builder.push(column, row).is_none() {
                return Err(WriteError::NotScaled { row: self.rows, column: column.name });
            }
        }
        self.pending += 1;
        if self.pending == BATCH_ROWS {
            self.hand_on()?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`WriteError::Parquet`] with what the output says.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.hand_on()?;
        let mut output = self.writer.into_inner()?;
        output.flush().map_err(ParquetError::from)?;
        Ok(output)
    }

    fn hand_on(&mut self) -> Result<(), WriteError> {
        if mem::take(&mut self.pending) == 0 {
            return Ok(());
        }
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("columns are as long and of the types that the schema says");
        Ok(self.writer.write(&batch)?)
    }
}

/// What gathers a column's values.
enum Builder {
    Text(StringBuilder),
    Number(Decimal128Builder, i8),
    Time(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
}

impl Builder {
    /// Takes the row's value; none if it does not fit.
    fn push(&mut self, column: &Column, row: &FocusRow) -> Option<()> {
        match (self, &column.value) {
            (Self::Text(builder), ValueOf::Text(value)) => builder.append_option(value(row)),
            (Self::Number(builder, places), ValueOf::Number(value)) => {
                let units = match value(row) {
                    Some(number) => Some(units(number, *places)?),
                    None => None,
                };
                builder.append_option(units);
            }
            (Self::Time(builder), ValueOf::Time(value)) => {
                builder.append_option(value(row).map(|time| time.to_micros()));
            }
            (Self::Flag(builder), ValueOf::Flag(value)) => builder.append_option(value(row)),
            _ => unreachable!("builders were made from the columns"),
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Number(builder, _) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The number in units of `10^-places`; none if it has more places or more than 38 digits.
fn units(number: Number, places: i8) -> Option<i128> {
    const BOUND: u128 = 10u128.pow(DECIMAL_DIGITS);
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let missing = usize::try_from(places).ok()?.checked_sub(fraction.len())?;
    let units: i128 = format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
    (units.unsigned_abs() < BOUND).then_some(units)
}

fn places(scales: &Scales, column: usize) -> i8 {
    scales.places(column).try_into().expect("at most 38 places")
}

fn field(column: &Column, places: i8) -> Field {
    let kind = match column.value {
        ValueOf::Text(_) => DataType::Utf8,
        ValueOf::Number(_) => decimal_type(places),
        ValueOf::Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ValueOf::Flag(_) => DataType::Boolean,
    };
    Field::new(column.name, kind, true)
}

fn decimal_type(places: i8) -> DataType {
    DataType::Decimal128(DECIMAL_DIGITS.try_into().expect("38 is a precision"), places)
}

fn builder(column: &Column, places: i8) -> Builder {
    match column.value {
        ValueOf::Text(_) => Builder::Text(StringBuilder::new()),
        ValueOf::Number(_) => {
            let builder = Decimal128Builder::new().with_data_type(decimal_type(places));
            Builder::Number(builder, places)
        }
        ValueOf::Time(_) => Builder::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        ValueOf::Flag(_) => Builder::Flag(BooleanBuilder::new()),
    }
}

fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(1).expect("1 is a level of ZSTD");
    let version = KeyValue::new("focus_version".to_owned(), FOCUS_VERSION.to_owned());
    WriterProperties::builder()
        .set_created_by("tallyhouse".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(vec![version]))
        .build()
}
