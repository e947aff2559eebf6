//! Files read back: CSV by a reader of our own, Parquet by the library's.

use std::collections::BTreeMap;
use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use domain::time::UtcTime;
use focus::{CsvWriter, FocusRow, ParquetWriter, Scales};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row as texts by column; null is absent.
pub(crate) type TextRow = BTreeMap<String, String>;

pub(crate) fn csv_text(rows: &[FocusRow]) -> String {
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

pub(crate) fn parquet_file(rows: &[FocusRow]) -> File {
    let mut scales = Scales::default();
    rows.iter().for_each(|row| scales.widen(row).unwrap());
    let mut writer = ParquetWriter::new(tempfile::tempfile().unwrap(), &scales).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap()
}

pub(crate) fn through_csv(rows: &[FocusRow]) -> Vec<TextRow> {
    let mut lines = records(&csv_text(rows)).into_iter();
    let names = lines.next().unwrap();
    let read = lines.map(|fields| {
        assert_eq!(fields.len(), names.len());
        names.iter().cloned().zip(fields).filter(|(_, field)| !field.is_empty()).collect()
    });
    read.collect()
}

pub(crate) fn through_parquet(rows: &[FocusRow]) -> Vec<TextRow> {
    let file = parquet_file(rows);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut read = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        read.extend((0..batch.num_rows()).map(|position| text_row(&batch, position)));
    }
    read
}

fn text_row(batch: &RecordBatch, position: usize) -> TextRow {
    let fields = batch.schema();
    let columns = fields.fields().iter().zip(batch.columns());
    let present = columns.filter(|(_, column)| !column.is_null(position));
    let values = present.map(|(field, column)| {
        let text = match field.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(position).to_owned(),
            DataType::Boolean => column.as_boolean().value(position).to_string(),
            DataType::Decimal128(38, places) => {
                plain(column.as_primitive::<Decimal128Type>().value(position), *places)
            }
            DataType::Timestamp(_, Some(zone)) => {
                assert_eq!(zone.as_ref(), "UTC");
                let micros = column.as_primitive::<TimestampMicrosecondType>().value(position);
                UtcTime::from_micros(micros).unwrap().to_string()
            }
            other => panic!("no column is of type {other}"),
        };
        (field.name().clone(), text)
    });
    values.collect()
}

/// A decimal as CSV has it: no needless zeros but one after the point.
fn plain(units: i128, places: i8) -> String {
    let places = usize::try_from(places).unwrap();
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let fraction = fraction.trim_end_matches('0');
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
}

/// The fields of each record, as RFC 4180 has them.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (vec![], vec![], String::new());
    let (mut is_quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            letter => field.push(letter),
        }
    }
    assert!(field.is_empty() && record.is_empty() && !is_quoted, "the last line has no end");
    records
}
