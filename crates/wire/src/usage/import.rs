//! Usage answers read back: of Azure, or of another Tallyhouse. The shape is Azure's and may grow,
//! so members that are not known are let pass; those that matter are read strictly, and one row
//! that is wrong does not harm the others.

mod fields;
mod reader;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use domain::decimal::Quantity;
use domain::id::{ContentHash, EventId, MeterId, Source, SubscriptionId};
use domain::record::{
    Billed, HashedInstance, HashedRecord, Instance, MeterDescription, UsageRecord, Window,
};
use domain::time::{Civil, ReportedTime, UtcTime};

use crate::object::{self, Object, Shape};
use crate::own::IngestProblem;
use crate::property::{Malformed, PropertyError};
use crate::record::{self, RECORD_BYTES_MAX};
use crate::time::parse_rfc3339_or_naive;

pub use reader::{HashedRow, RowReader};

static DOCUMENT: Shape = Shape { path: "", names: &["value"] };

static ROW: Shape = Shape { path: "", names: &["name", "properties", "occurrence"] };

static PROPERTIES: Shape = Shape {
    path: "properties.",
    names: &[
        "subscriptionId",
        "usageStartTime",
        "usageEndTime",
        "meterName",
        "meterRegion",
        "meterCategory",
        "meterSubCategory",
        "unit",
        "instanceData",
        "meterId",
        "infoFields",
        "quantity",
    ],
};

static INSTANCE_DATA: Shape =
    Shape { path: "properties.instanceData.", names: &["Microsoft.Resources"] };

static RESOURCE: Shape = Shape {
    path: "properties.instanceData.Microsoft.Resources.",
    names: &["resourceUri", "location", "tags", "additionalInfo", "partNumber", "orderNumber"],
};

/// A row of a usage answer, as the record that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedAggregate {
    /// Who used it.
    pub subscription: SubscriptionId,
    /// When it was used.
    pub window: Window,
    /// What was used.
    pub meter: MeterId,
    /// What the source called the meter.
    pub description: MeterDescription,
    /// How much; never negative.
    pub quantity: Quantity,
    /// By which resource.
    pub instance: HashedInstance,
    /// The origin's reported bucket, from `name`; the end of the usage day where there is no name.
    pub bucket: ReportedTime,
    /// Which of several equal rows of its slice it is, from 1, if the file says so: our own member
    /// beside `properties`, for files that are sent in parts.
    pub occurrence: Option<u64>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowError {
    /// It is no JSON object.
    Malformed(Malformed),
    /// It is longer than 256 KiB.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// One of its properties is wrong.
    Property(PropertyError),
}

/// What is wrong with a file of rows as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AggregatesError {
    /// It is no JSON, or not of a form that has rows.
    Malformed(Malformed),
    /// It has too many rows.
    TooMany {
        /// The most that are taken.
        limit: usize,
    },
}

impl RowError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::TooLong { .. } => "InvalidRow",
            Self::Property(error) => error.code(),
        }
    }

    /// As the answer to an import lists it; positions count from 0.
    #[must_use]
    pub fn at(&self, position: usize) -> IngestProblem {
        IngestProblem {
            position: u64::try_from(position).expect("a position fits 64 bits"),
            source: None,
            id: None,
            code: self.code().to_owned(),
            reason: self.to_string(),
        }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "row {malformed}"),
            Self::TooLong { bytes } => {
                write!(f, "row is {bytes} bytes long, the most is {RECORD_BYTES_MAX}")
            }
            Self::Property(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RowError {}

impl From<PropertyError> for RowError {
    fn from(error: PropertyError) -> Self {
        Self::Property(error)
    }
}

impl AggregatesError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "InvalidDocument",
            Self::TooMany { .. } => "TooManyRows",
        }
    }
}

impl fmt::Display for AggregatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "usage document {malformed}"),
            Self::TooMany { limit } => write!(f, "usage document has more than {limit} rows"),
        }
    }
}

impl std::error::Error for AggregatesError {}

impl ImportedAggregate {
    /// Hash of its content: equal rows of a slice have equal hashes.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let (source, event_id) = unnamed();
        self.clone().hashed_as(source, event_id).content()
    }

    /// The record that the row stands for, named after its content: the `occurrence`-th (from 1) of
    /// the equal rows that this source has in the reported bucket.
    #[must_use]
    pub fn into_record(self, source: Source, occurrence: u64) -> UsageRecord {
        let (bucket, (_, event_id)) = (self.bucket, unnamed());
        let record = self.hashed_as(source, event_id);
        record.as_row_of(bucket, occurrence).into_record()
    }

    /// The record that the row stands for, under a name that is no part of its content.
    fn hashed_as(self, source: Source, event_id: EventId) -> HashedRecord {
        let record = UsageRecord {
            subscription: self.subscription,
            window: self.window,
            meter: self.meter,
            description: self.description,
            quantity: self.quantity,
            instance: Arc::clone(self.instance.instance()),
            source,
            event_id,
            billed: Billed::default(),
            reverses: None,
        };
        HashedRecord::of_instance(record, self.instance)
    }
}

/// What a record is called before it is named.
fn unnamed() -> (Source, EventId) {
    let source = Source::parse("row").expect("three letters are a source");
    (source, EventId::parse("row").expect("three letters are an event id"))
}

/// Counts equal rows over one file or request of one source.
#[derive(Debug, Clone, Default)]
pub struct Occurrences(HashMap<(ReportedTime, ContentHash), u64>);

impl Occurrences {
    /// Which of the equal rows of its bucket this one is, from 1.
    pub fn next(&mut self, row: &ImportedAggregate) -> u64 {
        let count = self.0.entry((row.bucket, row.content_hash())).or_default();
        *count += 1;
        *count
    }
}

/// Splits a body into the texts of its rows, at most `limit`: `{"value":[…]}`, a JSON array of rows,
/// one row, or one row a line. In lines, one that is no JSON is a row for [`parse_aggregate`] to
/// refuse; empty lines do not count.
///
/// # Errors
/// [`AggregatesError`] if it is none of these, or has more rows.
pub fn read_aggregates(body: &[u8], limit: usize) -> Result<Vec<&str>, AggregatesError> {
    let text = object::utf8(body).map_err(AggregatesError::Malformed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match Object::read(text, &DOCUMENT) {
        Ok(document) => match document.raw("value") {
            Some(value) => elements(value.get(), limit)?,
            None => vec![text],
        },
        Err(Malformed::NotAnObject) => elements(text, limit)?,
        Err(_) if is_lines(text) => lines(text, limit),
        Err(malformed) => return Err(AggregatesError::Malformed(malformed)),
    };
    if rows.len() > limit { Err(AggregatesError::TooMany { limit }) } else { Ok(rows) }
}

fn elements(text: &str, limit: usize) -> Result<Vec<&str>, AggregatesError> {
    let elements = object::elements(text, limit).map_err(AggregatesError::Malformed)?;
    Ok(elements.into_iter().map(serde_json::value::RawValue::get).collect())
}

/// Whether a text that is no JSON value is meant as lines: a document begins with its own members,
/// a row with those of a row.
fn is_lines(text: &str) -> bool {
    let members = text.trim_ascii_start().strip_prefix('{').map(str::trim_ascii_start);
    let begins_document = members.is_none_or(|members| {
        members.is_empty()
            || ["\"value\"", "\"nextLink\""].iter().any(|name| members.starts_with(name))
    });
    !begins_document
}

fn lines(text: &str, limit: usize) -> Vec<&str> {
    let lines = text.lines().map(str::trim_ascii).filter(|line| !line.is_empty());
    lines.take(limit.saturating_add(1)).collect()
}

/// Reads one row, given as its JSON text.
///
/// # Errors
/// [`RowError`] if it is wrong.
pub fn parse_aggregate(row: &str) -> Result<ImportedAggregate, RowError> {
    if row.len() > RECORD_BYTES_MAX {
        return Err(RowError::TooLong { bytes: row.len() });
    }
    let row = Object::read(row, &ROW).map_err(RowError::Malformed)?;
    let properties = Object::read(row.required_raw("properties")?.get(), &PROPERTIES)
        .map_err(|malformed| row.malformed("properties", malformed))?;
    let window = record::window(&properties, parse_rfc3339_or_naive)?;
    Ok(ImportedAggregate {
        subscription: record::subscription(&properties)?,
        window,
        meter: record::meter(&properties)?,
        description: record::description(&properties)?,
        quantity: record::quantity(&properties)?,
        instance: HashedInstance::new(Arc::new(instance(&properties)?)),
        bucket: bucket(&row, window)?,
        occurrence: occurrence(&row)?,
    })
}

fn instance(properties: &Object<'_>) -> Result<Instance, PropertyError> {
    const NAME: &str = "instanceData";
    let info_fields = record::json_object(properties, "infoFields")?;
    let data = properties.text(NAME)?.filter(|data| !data.is_empty());
    let Some(data) = data else { return Ok(Instance { info_fields, ..Instance::default() }) };
    let data = Object::read(&data, &INSTANCE_DATA)
        .map_err(|malformed| properties.malformed(NAME, malformed))?;
    Ok(Instance { info_fields, ..resource_of(&data)? })
}

fn resource_of(data: &Object<'_>) -> Result<Instance, PropertyError> {
    let resource = data.required_raw("Microsoft.Resources")?;
    let resource = Object::read(resource.get(), &RESOURCE)
        .map_err(|malformed| data.malformed("Microsoft.Resources", malformed))?;
    record::resource(&resource)
}

/// The instance in the text of a member `instanceData`, as it stands between its quotes, and in that of
/// `infoFields`; each may be empty. None if one is wrong.
fn instance_of(data: &str, info: &str) -> Option<Instance> {
    let text = |member: &str, text: &str, quote: &str| match text {
        "" => String::new(),
        text => format!("\"{member}\":{quote}{text}{quote},"),
    };
    let (data, info) = (text("instanceData", data, "\""), text("infoFields", info, ""));
    let properties = format!("{{{data}{info}\"unit\":null}}");
    instance(&Object::read(&properties, &PROPERTIES).ok()?).ok()
}

fn bucket(row: &Object<'_>, window: Window) -> Result<ReportedTime, PropertyError> {
    const NAME: &str = "name";
    let Some(name) = row.text(NAME)? else {
        return Ok(ReportedTime(Window::day_of(window.start()).end()));
    };
    let expected = "a name such as Daily_BRSDT_20150501_0000";
    let bucket = bucket_in_name(&name).ok_or_else(|| row.invalid(NAME, &name, expected))?;
    Ok(ReportedTime(bucket))
}

fn bucket_in_name(name: &str) -> Option<UtcTime> {
    let time = name.strip_prefix("Daily_BRSDT_").or_else(|| name.strip_prefix("Hourly_BRSDT_"))?;
    let (date, clock) = time.split_once('_')?;
    let is_time = date.len() == 8 && clock.len() == 4;
    if !is_time || !date.bytes().chain(clock.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let civil = Civil {
        year: date[..4].parse().ok()?,
        month: date[4..6].parse().ok()?,
        day: date[6..].parse().ok()?,
        hour: clock[..2].parse().ok()?,
        minute: clock[2..].parse().ok()?,
        second: 0,
        micros: 0,
    };
    UtcTime::from_civil(civil).ok()
}

fn occurrence(row: &Object<'_>) -> Result<Option<u64>, PropertyError> {
    const NAME: &str = "occurrence";
    let Some(raw) = row.raw(NAME) else { return Ok(None) };
    let count = object::number(raw).and_then(|text| text.parse().ok()).filter(|count| *count > 0);
    let expected = "a whole number from 1";
    count.map(Some).ok_or_else(|| row.invalid(NAME, raw.get(), expected))
}
