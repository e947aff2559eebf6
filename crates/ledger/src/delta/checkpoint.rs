//! Checkpoints of the log: the actions that still count, as a Parquet file in the form that the Delta
//! protocol gives it (version 1, in one part).
//!
//! Each row is one action, in the column of its kind; the others are null.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int32Builder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames,
    StringBuilder, StructBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::action::{Action, Add, Format, MetaData, Protocol, Remove, Txn};
use crate::checked::{self, Checked, CheckedWriter};
use crate::data_file::finished;
use crate::error::{FileError, OpenError};
use crate::storage::Storage;

type Texts = BTreeMap<String, String>;
type TextMapBuilder = MapBuilder<StringBuilder, StringBuilder>;

/// Kind of a field's values, with what makes a column of them.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Int,
    Long,
    Flag,
    Map,
    List,
    /// `metaData.format`.
    Format,
}

const FORMAT: &[(&str, Kind)] = &[("provider", Kind::Text), ("options", Kind::Map)];

/// Each kind of action, with its fields.
const ACTIONS: [(&str, &[(&str, Kind)]); 5] = [
    ("protocol", &[("minReaderVersion", Kind::Int), ("minWriterVersion", Kind::Int)]),
    (
        "metaData",
        &[
            ("id", Kind::Text),
            ("format", Kind::Format),
            ("schemaString", Kind::Text),
            ("partitionColumns", Kind::List),
            ("configuration", Kind::Map),
            ("createdTime", Kind::Long),
        ],
    ),
    ("txn", &[("appId", Kind::Text), ("version", Kind::Long)]),
    (
        "add",
        &[
            ("path", Kind::Text),
            ("partitionValues", Kind::Map),
            ("size", Kind::Long),
            ("modificationTime", Kind::Long),
            ("dataChange", Kind::Flag),
            ("stats", Kind::Text),
        ],
    ),
    (
        "remove",
        &[("path", Kind::Text), ("deletionTimestamp", Kind::Long), ("dataChange", Kind::Flag)],
    ),
];

/// Writes a checkpoint as a whole: under another name, synced, then under its own.
pub(super) fn write(storage: &Storage, path: &Path, actions: &[Action]) -> Result<(), FileError> {
    let written = write_to(storage.create_over(path)?, actions);
    let written =
        written.map_err(|error| FileError::new("write", path, io::Error::other(error)))?;
    written.finish().map(drop)
}

/// Writes the bytes of a checkpoint.
pub(super) fn write_to<W: Write + Send>(out: W, actions: &[Action]) -> Result<W, ParquetError> {
    let batch = batch(actions);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![checked::promise()]))
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let out = CheckedWriter::new(out);
    let mut writer = ArrowWriter::try_new_with_options(out, batch.schema(), options)?;
    writer.write(&batch)?;
    finished(writer)
}

fn batch(actions: &[Action]) -> RecordBatch {
    let fields = ACTIONS.map(|(name, fields)| Field::new(name, struct_of(fields), true));
    let columns = ACTIONS.map(|(name, fields)| {
        let mut column = Column::new(fields);
        actions.iter().for_each(|action| column.push(name, action));
        Arc::new(column.0.finish()) as _
    });
    let schema = Arc::new(Schema::new(fields.to_vec()));
    RecordBatch::try_new(schema, columns.to_vec()).expect("builders follow the schema")
}

fn struct_of(fields: &[(&str, Kind)]) -> DataType {
    DataType::Struct(fields_of(fields))
}

fn fields_of(fields: &[(&str, Kind)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect()
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Flag => DataType::Boolean,
            Self::Map => {
                let key = Field::new("key", DataType::Utf8, false);
                let value = Field::new("value", DataType::Utf8, true);
                let entry = DataType::Struct(Fields::from(vec![key, value]));
                DataType::Map(Arc::new(Field::new("key_value", entry, false)), false)
            }
            Self::List => DataType::List(Arc::new(element())),
            Self::Format => struct_of(FORMAT),
        }
    }

    fn builder(self) -> Box<dyn arrow_array::builder::ArrayBuilder> {
        match self {
            Self::Text => Box::new(StringBuilder::new()),
            Self::Int => Box::new(Int32Builder::new()),
            Self::Long => Box::new(Int64Builder::new()),
            Self::Flag => Box::new(BooleanBuilder::new()),
            Self::Map => {
                let names = MapFieldNames {
                    entry: "key_value".to_owned(),
                    key: "key".to_owned(),
                    value: "value".to_owned(),
                };
                Box::new(MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()))
            }
            Self::List => Box::new(ListBuilder::new(StringBuilder::new()).with_field(element())),
            Self::Format => Box::new(struct_builder(FORMAT)),
        }
    }
}

fn element() -> Field {
    Field::new("element", DataType::Utf8, true)
}

fn struct_builder(fields: &[(&str, Kind)]) -> StructBuilder {
    let builders = fields.iter().map(|(_, kind)| kind.builder()).collect();
    StructBuilder::new(fields_of(fields), builders)
}

/// A value of a field.
enum Value<'a> {
    Null,
    Text(&'a str),
    Long(i64),
    Flag(bool),
    Map(&'a Texts),
    List(&'a [String]),
    Format(&'a Format),
}

/// The column of one kind of action.
struct Column<'a>(StructBuilder, &'a [(&'a str, Kind)]);

impl<'a> Column<'a> {
    fn new(fields: &'a [(&'a str, Kind)]) -> Self {
        Self(struct_builder(fields), fields)
    }

    fn push(&mut self, name: &str, action: &Action) {
        let values = values(name, action);
        self.0.append(values.is_some());
        let nulls = || self.1.iter().map(|_| Value::Null).collect();
        for (place, value) in values.unwrap_or_else(nulls).into_iter().enumerate() {
            set(&mut self.0, place, self.1[place].1, &value);
        }
    }
}

/// The values of an action in the order of its fields; none if it is of another kind.
fn values<'a>(name: &str, action: &'a Action) -> Option<Vec<Value<'a>>> {
    let long = |value: u64| Value::Long(i64::try_from(value).expect("a count fits 63 bits"));
    match (name, action) {
        ("protocol", Action::Protocol(it)) => {
            Some(vec![long(it.min_reader_version), long(it.min_writer_version)])
        }
        ("metaData", Action::MetaData(it)) => Some(vec![
            Value::Text(&it.id),
            Value::Format(&it.format),
            Value::Text(&it.schema_string),
            Value::List(&it.partition_columns),
            Value::Map(&it.configuration),
            Value::Long(it.created_time),
        ]),
        ("txn", Action::Txn(it)) => Some(vec![Value::Text(&it.app_id), long(it.version)]),
        ("add", Action::Add(it)) => Some(vec![
            Value::Text(&it.path),
            Value::Map(&it.partition_values),
            long(it.size),
            Value::Long(it.modification_time),
            Value::Flag(it.data_change),
            Value::Text(&it.stats),
        ]),
        ("remove", Action::Remove(it)) => Some(vec![
            Value::Text(&it.path),
            Value::Long(it.deletion_timestamp),
            Value::Flag(it.data_change),
        ]),
        _ => None,
    }
}

fn set(builder: &mut StructBuilder, place: usize, kind: Kind, value: &Value<'_>) {
    const OF_KIND: &str = "the builder is of the field's kind";
    match kind {
        Kind::Text => {
            let text = if let Value::Text(text) = value { Some(*text) } else { None };
            builder.field_builder::<StringBuilder>(place).expect(OF_KIND).append_option(text);
        }
        Kind::Int => {
            let number =
                if let Value::Long(long) = value { i32::try_from(*long).ok() } else { None };
            builder.field_builder::<Int32Builder>(place).expect(OF_KIND).append_option(number);
        }
        Kind::Long => {
            let number = if let Value::Long(long) = value { Some(*long) } else { None };
            builder.field_builder::<Int64Builder>(place).expect(OF_KIND).append_option(number);
        }
        Kind::Flag => {
            let flag = if let Value::Flag(flag) = value { Some(*flag) } else { None };
            builder.field_builder::<BooleanBuilder>(place).expect(OF_KIND).append_option(flag);
        }
        Kind::Map => {
            let map = if let Value::Map(map) = value { Some(*map) } else { None };
            set_map(builder.field_builder::<TextMapBuilder>(place).expect(OF_KIND), map);
        }
        Kind::List => {
            let list = builder.field_builder::<ListBuilder<StringBuilder>>(place).expect(OF_KIND);
            let given = if let Value::List(given) = value { Some(*given) } else { None };
            given.into_iter().flatten().for_each(|text| list.values().append_value(text));
            list.append(given.is_some());
        }
        Kind::Format => {
            let format = if let Value::Format(format) = value { Some(*format) } else { None };
            let fields = builder.field_builder::<StructBuilder>(place).expect(OF_KIND);
            fields.append(format.is_some());
            let provider = format.map_or(Value::Null, |format| Value::Text(&format.provider));
            set(fields, 0, Kind::Text, &provider);
            set(fields, 1, Kind::Map, &format.map_or(Value::Null, |it| Value::Map(&it.options)));
        }
    }
}

fn set_map(builder: &mut TextMapBuilder, map: Option<&Texts>) {
    for (key, value) in map.into_iter().flatten() {
        builder.keys().append_value(key);
        builder.values().append_value(value);
    }
    builder.append(map.is_some()).expect("keys and values are as many");
}

/// Reads the actions of a checkpoint.
pub(super) fn read(storage: &Storage, path: &Path) -> Result<Vec<Action>, OpenError> {
    let damaged = || OpenError::LogDamaged { file: path.to_owned() };
    let bytes = Bytes::from(storage.read(path)?);
    let file = Checked::open(bytes).map_err(|_| damaged())?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).map_err(|_| damaged())?;
    file.keeps_its_word(reader.metadata().file_metadata()).map_err(|_| damaged())?;
    let mut actions = Vec::new();
    for batch in reader.build().map_err(|_| damaged())? {
        let batch = batch.map_err(|_| damaged())?;
        for (name, _) in ACTIONS {
            let column = batch.column_by_name(name).and_then(|column| column.as_struct_opt());
            let column = column.ok_or_else(damaged)?;
            for position in (0..column.len()).filter(|position| column.is_valid(*position)) {
                let row = ActionRow { column, position };
                actions.push(row.action(name).ok_or_else(damaged)?);
            }
        }
    }
    Ok(actions)
}

/// An action in its column.
#[derive(Clone, Copy)]
struct ActionRow<'a> {
    column: &'a StructArray,
    position: usize,
}

impl<'a> ActionRow<'a> {
    fn action(self, name: &str) -> Option<Action> {
        Some(match name {
            "protocol" => Action::Protocol(Protocol {
                min_reader_version: self.int("minReaderVersion")?,
                min_writer_version: self.int("minWriterVersion")?,
            }),
            "metaData" => Action::MetaData(self.metadata()?),
            "txn" => Action::Txn(Txn {
                app_id: self.text("appId")?,
                version: u64::try_from(self.long("version")?).ok()?,
            }),
            "add" => Action::Add(Add {
                path: self.text("path")?,
                partition_values: self.map("partitionValues")?,
                size: u64::try_from(self.long("size")?).ok()?,
                modification_time: self.long("modificationTime")?,
                data_change: self.flag("dataChange")?,
                stats: self.text("stats")?,
            }),
            _ => Action::Remove(Remove {
                path: self.text("path")?,
                deletion_timestamp: self.long("deletionTimestamp")?,
                data_change: self.flag("dataChange")?,
                extended_file_metadata: false,
                partition_values: Texts::new(),
                size: 0,
            }),
        })
    }

    fn metadata(self) -> Option<MetaData> {
        let column = self.field("format")?.as_struct_opt()?;
        let format = Self { column, position: self.position };
        let columns = self.field("partitionColumns")?.as_list_opt::<i32>()?.value(self.position);
        let columns = columns.as_string_opt::<i32>()?.iter().flatten().map(str::to_owned);
        Some(MetaData {
            id: self.text("id")?,
            format: Format { provider: format.text("provider")?, options: format.map("options")? },
            schema_string: self.text("schemaString")?,
            partition_columns: columns.collect(),
            configuration: self.map("configuration")?,
            created_time: self.long("createdTime")?,
        })
    }

    fn field(self, name: &str) -> Option<&'a dyn Array> {
        let field = self.column.column_by_name(name)?;
        field.is_valid(self.position).then_some(&**field)
    }

    fn text(self, name: &str) -> Option<String> {
        Some(self.field(name)?.as_string_opt::<i32>()?.value(self.position).to_owned())
    }

    fn int(self, name: &str) -> Option<u64> {
        let value = self.field(name)?.as_primitive_opt::<Int32Type>()?.value(self.position);
        u64::try_from(value).ok()
    }

    fn long(self, name: &str) -> Option<i64> {
        Some(self.field(name)?.as_primitive_opt::<Int64Type>()?.value(self.position))
    }

    fn flag(self, name: &str) -> Option<bool> {
        Some(self.field(name)?.as_boolean_opt()?.value(self.position))
    }

    fn map(self, name: &str) -> Option<Texts> {
        let entries = self.field(name)?.as_map_opt()?.value(self.position);
        let keys = entries.column(0).as_string_opt::<i32>()?;
        let values = entries.column(1).as_string_opt::<i32>()?;
        let pairs = keys.iter().zip(values.iter());
        pairs.map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect()
    }
}
