//! A rollup's file: Parquet, with a checksum of each column chunk and one of the footer between the row
//! groups and the footer, where readers of Parquet do not look. What is read is checked first, so a
//! damaged file is told from a good one whatever part of it is asked for.
//!
//! Little-endian, from the end: the footer as Parquet has it; `TLYR`; CRC-32C of all from the checksums
//! on but this one; their number (4 bytes each); the checksums, by row group and column.

use std::io::{self, Cursor, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use domain::id::SubscriptionId;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnPath;

use super::{Grain, layout};
use crate::error::{At, FileError};
use crate::scan;
use crate::storage::{NewFile, StoredFile};

const MAGIC: [u8; 4] = *b"TLYR";
/// Checksum, number of checksums and magic, which come before the footer.
const SEAL_BYTES: usize = 12;
/// Length of the footer and Parquet's magic, which come last.
const END_BYTES: usize = 8;
/// What is read of a file at first: all of a small one.
const TAIL_BYTES: u64 = 32 << 10;
/// Columns of which a row group says the least and the greatest value. Texts are long, and footers are
/// held in memory: no other column is looked for by them.
const BOUNDED: [&str; 4] = ["subscription_id", "usage_start", "meter_id", "instance_hash"];
/// Names what the file is of.
const OF: &str = "tallyhouse.rollup";

/// A rollup under way: each batch is a row group.
pub(super) struct FileWriter {
    writer: ArrowWriter<Vec<u8>>,
    file: NewFile,
    /// Bytes that have gone to the file.
    written: u64,
    checksums: Vec<u8>,
}

impl FileWriter {
    pub(super) fn new(file: NewFile, grain: Grain) -> Self {
        let mut properties = WriterProperties::builder()
            .set_created_by("tallyhouse".to_owned())
            .set_compression(Compression::LZ4_RAW)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(Some(grain.group_rows()));
        for name in BOUNDED {
            let column = ColumnPath::from(name);
            properties = properties.set_column_statistics_enabled(column, EnabledStatistics::Chunk);
        }
        let options = ArrowWriterOptions::new()
            .with_properties(properties.build())
            .with_skip_arrow_metadata(true);
        let schema = Arc::clone(layout::written(grain));
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options);
        let writer = writer.expect("every type of the layout is one of Parquet's");
        Self { writer, file, written: 0, checksums: Vec::new() }
    }

    /// Writes a row group, of at most as many rows as the grain has in one.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.writer.write(batch)?;
        self.writer.flush()?;
        let bytes = self.encoded()?;
        let group = self.writer.flushed_row_groups().last().expect("a row group was written");
        for column in group.columns() {
            let (begin, length) = column.byte_range();
            let chunk = slice(&bytes, begin - self.written..begin - self.written + length);
            let chunk = chunk.expect("a row group's columns are where it says");
            self.checksums.extend_from_slice(&crc32c::crc32c(chunk).to_le_bytes());
        }
        self.written += bytes.len() as u64;
        self.file.write_all(&bytes)
    }

    /// What was encoded since it was last asked.
    fn encoded(&mut self) -> io::Result<Vec<u8>> {
        self.writer.sync()?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Ends the file, which is of what `of` says; it and its folder are synced.
    pub(super) fn finish(mut self, of: String, path: &Path) -> Result<u64, FileError> {
        self.end(of).at("write", path)?;
        self.file.finish()
    }

    fn end(&mut self, of: String) -> io::Result<()> {
        self.writer.append_key_value_metadata(KeyValue::new(OF.to_owned(), of));
        self.writer.finish()?;
        let footer = self.encoded()?;
        let count = u32::try_from(self.checksums.len() / 4).map_err(io::Error::other)?;
        self.checksums.extend_from_slice(&count.to_le_bytes());
        let mut checksum = crc32c::crc32c(&self.checksums);
        checksum = crc32c::crc32c_append(checksum, &MAGIC);
        checksum = crc32c::crc32c_append(checksum, &footer);
        self.checksums.extend_from_slice(&checksum.to_le_bytes());
        self.checksums.extend_from_slice(&MAGIC);
        self.file.write_all(&self.checksums)?;
        self.file.write_all(&footer)
    }
}

/// Why a file is not used: what is wrong with it.
pub(crate) type Unusable = String;

/// The bytes from the checksums on, and maybe some before.
fn end_of(file: &StoredFile) -> Result<Vec<u8>, Unusable> {
    let mut length = TAIL_BYTES;
    loop {
        length = length.min(file.length());
        let bytes = read(file, file.length() - length..file.length())?;
        let needed = needed(&bytes).ok_or("no end of a rollup")?;
        if needed <= length {
            return Ok(bytes);
        }
        if needed > file.length() {
            return Err("shorter than its end says".to_owned());
        }
        length = needed;
    }
}

/// What a file says of itself, all of it checked.
pub(super) struct Footer {
    metadata: ArrowReaderMetadata,
    /// By row group and column.
    checksums: Vec<u32>,
    /// Of the file.
    pub(super) length: u64,
}

impl Footer {
    /// Reads what a file that is to be of `of` says of itself.
    pub(super) fn read(file: &StoredFile, of: &str, schema: &SchemaRef) -> Result<Self, Unusable> {
        let parse = |bytes: Vec<u8>| Self::parse(&bytes, file.length(), of, schema);
        end_of(file).and_then(parse).inspect_err(|_| file.forget())
    }

    /// From the last bytes of a file of this length.
    fn parse(bytes: &[u8], length: u64, of: &str, schema: &SchemaRef) -> Result<Self, Unusable> {
        let (before, footer) = split_footer(bytes).ok_or("no footer")?;
        let (checksums, seal) = split_seal(before).ok_or("no checksums")?;
        let [count, checksum, _] = seal;
        let mut computed = crc32c::crc32c(checksums);
        computed = crc32c::crc32c_append(computed, &count.to_le_bytes());
        computed = crc32c::crc32c_append(computed, &MAGIC);
        if crc32c::crc32c_append(computed, footer) != checksum {
            return Err("checksum of the footer".to_owned());
        }
        let thrift = &footer[..footer.len() - END_BYTES];
        let metadata = ParquetMetaDataReader::decode_metadata(thrift).map_err(text)?;
        let said = metadata.file_metadata().key_value_metadata();
        let said = said.and_then(|pairs| pairs.iter().find(|pair| pair.key == OF));
        if said.and_then(|pair| pair.value.as_deref()) != Some(of) {
            return Err("it is of another file".to_owned());
        }
        let chunks: usize = metadata.row_groups().iter().map(RowGroupMetaData::num_columns).sum();
        let checksums: Vec<u32> = checksums.chunks_exact(4).map(number).collect();
        if chunks != checksums.len() {
            return Err("number of checksums".to_owned());
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(text)?;
        Ok(Self { metadata, checksums, length })
    }

    pub(super) fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        self.metadata.metadata().memory_size() + self.checksums.len() * size_of::<u32>()
    }

    /// Reads and checks these columns of row groups, and decodes them; of one subscription, or of all.
    pub(super) fn rows(
        &self,
        file: &StoredFile,
        groups: &[usize],
        columns: &[&'static str],
        subscription: Option<SubscriptionId>,
    ) -> Result<ParquetRecordBatchReader, Unusable> {
        let schema = self.metadata.schema();
        let wanted: Vec<usize> =
            columns.iter().filter_map(|name| schema.index_of(name).ok()).collect();
        let mut chunks = Chunks { length: file.length(), pieces: Vec::new() };
        for group in groups {
            chunks.pieces.extend(self.group(file, *group, &wanted)?);
        }
        let metadata = self.metadata.clone();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata);
        let projection = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let mut builder = builder.with_row_groups(groups.to_vec()).with_projection(projection);
        if let Some(subscription) = subscription {
            let filter = scan::of_subscription(builder.parquet_schema(), subscription);
            builder = builder.with_row_filter(filter);
        }
        // Texts of a batch that has rows of two row groups would be looked up anew.
        let rows = |group: &usize| self.row_groups()[*group].num_rows();
        let most = groups.iter().map(rows).max().map_or(1, i64::cast_unsigned);
        builder.with_batch_size(usize_of(most)).build().map_err(text)
    }

    /// The column chunks of a row group, each with where it begins.
    fn group(
        &self,
        file: &StoredFile,
        group: usize,
        columns: &[usize],
    ) -> Result<Vec<(u64, Bytes)>, Unusable> {
        let chunks = self.row_groups()[group].columns();
        let ranges = columns.iter().map(|column| {
            let (begin, length) = chunks[*column].byte_range();
            begin..begin + length
        });
        let ranges: Vec<Range<u64>> = ranges.collect();
        let begin = ranges.iter().map(|range| range.start).min().unwrap_or_default();
        let end = ranges.iter().map(|range| range.end).max().unwrap_or_default();
        // The columns between those that are wanted are small: one read is cheaper than many.
        let bytes = Bytes::from(read(file, begin..end)?);
        let mut pieces = Vec::with_capacity(columns.len());
        for (column, range) in columns.iter().zip(ranges) {
            let chunk = bytes.slice(usize_of(range.start - begin)..usize_of(range.end - begin));
            if crc32c::crc32c(&chunk) != self.checksums[group * chunks.len() + column] {
                file.forget();
                return Err(format!("checksum of column {column} of row group {group}"));
            }
            pieces.push((range.start, chunk));
        }
        Ok(pieces)
    }
}

fn read(file: &StoredFile, range: Range<u64>) -> Result<Vec<u8>, Unusable> {
    let is_within = range.start <= range.end && range.end <= file.length();
    if !is_within {
        return Err("shorter than it says".to_owned());
    }
    let mut bytes = vec![0; usize_of(range.end - range.start)];
    file.read_at(&mut bytes, range.start).map_err(text)?;
    Ok(bytes)
}

fn text(error: impl ToString) -> Unusable {
    error.to_string()
}

/// How many of a file's last bytes are its end, as far as these tell; none if they are none of a rollup.
fn needed(bytes: &[u8]) -> Option<u64> {
    let end = bytes.last_chunk::<END_BYTES>()?;
    let (length, magic) = end.split_at(4);
    let with_seal = (END_BYTES + SEAL_BYTES) as u64 + u64::from(number(length));
    if magic != b"PAR1" {
        return None;
    }
    let Some((before, _)) = split_footer(bytes) else { return Some(with_seal) };
    let Some(seal) = before.last_chunk::<SEAL_BYTES>() else { return Some(with_seal) };
    if !seal.ends_with(&MAGIC) {
        return None;
    }
    Some(with_seal + 4 * u64::from(number(&seal[..4])))
}

/// What comes before the footer, and the footer with its end.
fn split_footer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.last_chunk::<END_BYTES>()?;
    let length = END_BYTES + usize_of(u64::from(number(&end[..4])));
    bytes.split_at_checked(bytes.len().checked_sub(length)?)
}

/// The checksums, and their number, the checksum of all, and the magic.
fn split_seal(before: &[u8]) -> Option<(&[u8], [u32; 3])> {
    let (before, seal) = before.split_last_chunk::<SEAL_BYTES>()?;
    let numbers = [number(&seal[..4]), number(&seal[4..8]), number(&seal[8..])];
    let length = usize_of(u64::from(numbers[0])).checked_mul(4)?;
    Some((before.get(before.len().checked_sub(length)?..)?, numbers))
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

fn usize_of(length: u64) -> usize {
    usize::try_from(length).expect("a part of a rollup is held in memory")
}

fn slice(bytes: &[u8], range: Range<u64>) -> Option<&[u8]> {
    bytes.get(usize_of(range.start)..usize_of(range.end))
}

/// Column chunks that were read and checked, as the file that they are of.
struct Chunks {
    length: u64,
    pieces: Vec<(u64, Bytes)>,
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.from(start).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let from = self.from(start)?;
        if length > from.len() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} were not read")));
        }
        Ok(from.slice(..length))
    }
}

impl Chunks {
    /// The rest of the chunk that has a byte.
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let found = self.pieces.iter().find_map(|(begin, bytes)| {
            let offset = usize::try_from(start.checked_sub(*begin)?).ok()?;
            (offset < bytes.len()).then(|| bytes.slice(offset..))
        });
        found.ok_or_else(|| ParquetError::EOF(format!("byte {start} was not read")))
    }
}
