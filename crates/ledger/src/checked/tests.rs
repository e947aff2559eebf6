//! Files with checksums: what other readers make of them, and that every flipped bit is noticed.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::file::properties::WriterProperties;

use super::*;

fn batch() -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("number", DataType::Int64, false),
        Field::new("text", DataType::Utf8, false),
    ]);
    let numbers = Int64Array::from_iter_values((0..1_000).map(|number| number * 7_919));
    let texts = StringArray::from_iter_values((0..1_000).map(|number| format!("text {number}")));
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

fn file(promised: bool) -> Vec<u8> {
    let batch = batch();
    let said = promised.then(|| vec![promise()]);
    let properties = WriterProperties::builder().set_key_value_metadata(said);
    let properties = properties.set_data_page_row_count_limit(100).build();
    let out = CheckedWriter::new(Vec::new());
    let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    crate::data_file::finished(writer).unwrap()
}

fn read(bytes: Vec<u8>) -> Result<RecordBatch, ParquetError> {
    let file = Checked::open(Bytes::from(bytes))?;
    let metadata = ArrowReaderMetadata::load(&file, Default::default())?;
    file.keeps_its_word(metadata.metadata().file_metadata())?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let batches: Result<Vec<_>, _> = reader.with_batch_size(1_000).build()?.collect();
    Ok(batches?.remove(0))
}

#[test]
fn any_flipped_bit_is_named() {
    let good = file(true);
    assert_eq!(read(good.clone()).unwrap(), batch());
    assert!(good.len() > 3 * BLOCK_BYTES, "{} bytes are several blocks", good.len());
    for byte in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[byte] ^= 1 << (byte % 8);
        // Of a byte that nobody reads, such as the first four, nothing can be wrong.
        match read(bad) {
            Ok(read) => assert!(read == batch(), "byte {byte} changes what is read"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn every_byte_is_covered() {
    let good = file(true);
    let whole = |bytes: Vec<u8>| {
        let length = bytes.len();
        let file = Checked::open(Bytes::from(bytes))?;
        let metadata = ArrowReaderMetadata::load(&file, Default::default())?;
        file.keeps_its_word(metadata.metadata().file_metadata())?;
        file.get_bytes(0, length)
    };
    assert_eq!(whole(good.clone()).unwrap(), good);
    for byte in 0..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 1 << (byte % 8);
        assert!(whole(bad).is_err(), "byte {byte} of {}", good.len());
    }
}

#[test]
fn a_file_without_checksums_is_read_as_it_is() {
    let batch = batch();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    assert!(!Checked::open(Bytes::from(bytes.clone())).unwrap().has_sums());
    assert_eq!(read(bytes).unwrap(), batch);
}

#[test]
fn other_readers_skip_the_checksums() {
    let bytes = Bytes::from(file(false));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let batches: Result<Vec<_>, _> = reader.with_batch_size(1_000).build().unwrap().collect();
    assert_eq!(batches.unwrap(), [batch()]);
}

#[test]
fn reads_of_any_range_are_what_was_written() {
    let bytes = file(true);
    let checked = Checked::open(Bytes::from(bytes.clone())).unwrap();
    for start in (0..bytes.len()).step_by(911) {
        for length in [0, 1, 7, 4_095, 4_096, 4_097, 9_000] {
            let end = start + length;
            let read = checked.get_bytes(start as u64, length);
            match bytes.get(start..end) {
                Some(there) => assert_eq!(read.unwrap(), there),
                None => assert!(read.is_err()),
            }
        }
        let mut rest = Vec::new();
        checked.get_read(start as u64).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, bytes[start..]);
    }
}
