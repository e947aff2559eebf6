//! Events: CloudEvents 1.0 in JSON, one, in an array, or one a line. A usage event is a record of
//! usage; a watermark says up to when its source has sent all of a subscription's usage.
//!
//! An event that is wrong never harms its neighbours: each gives a record or says what is wrong
//! with it. Attributes of the envelope that are not known here are extensions and let pass; a member
//! of `data` that is not known is refused, for it would be lost.
//!
//! Source: CloudEvents 1.0.2, "JSON Event Format for CloudEvents".

use std::fmt;
use std::sync::Arc;

use domain::correction;
use domain::id::{EventId, Source, SubscriptionId};
use domain::record::{Billed, Instance, UsageRecord};
use domain::time::UtcTime;

use crate::object::{self, Object, Shape};
use crate::own::IngestProblem;
use crate::property::{Malformed, PropertyError};
use crate::record::{self, RECORD_BYTES_MAX};
use crate::text::Excerpt;
use crate::time::parse_rfc3339;

/// The `type` of a usage event.
pub const EVENT_TYPE: &str = "tallyhouse.usage.v1";
/// The `type` of a watermark.
pub const WATERMARK_TYPE: &str = "tallyhouse.watermark.v1";

const SPEC_VERSION: &str = "1.0";

static EVENT: Shape = Shape {
    path: "",
    names: &["specversion", "type", "source", "id", "datacontenttype", "data", "data_base64"],
};

static DATA: Shape = Shape {
    path: "data.",
    names: &[
        "subscriptionId",
        "meterId",
        "usageStartTime",
        "usageEndTime",
        "quantity",
        "meterName",
        "meterCategory",
        "meterSubCategory",
        "meterRegion",
        "unit",
        "resourceUri",
        "location",
        "tags",
        "additionalInfo",
        "partNumber",
        "orderNumber",
        "infoFields",
    ],
};

static WATERMARK_DATA: Shape = Shape { path: "data.", names: &["subscriptionId", "completeUpTo"] };

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a record of usage")]
pub enum Event {
    /// Something was used.
    Usage(UsageRecord),
    /// A source has sent all usage up to a moment.
    Watermark(Watermark),
}

/// A source's word that it has sent all usage of a subscription that ended up to a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The source.
    pub source: Source,
    /// Name of the event within its source.
    pub event_id: EventId,
    /// The moment.
    pub complete_up_to: UtcTime,
}

/// An event that says nothing that can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedEvent {
    /// Its place in the request, counted from 0.
    pub position: usize,
    /// Its CloudEvents source, if it could be read.
    pub source: Option<String>,
    /// Its CloudEvents id, if it could be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub error: Box<EventError>,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventError {
    /// It is no JSON object.
    Malformed(Malformed),
    /// It is longer than 256 KiB.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is of another version of CloudEvents than 1.0.
    SpecVersion(Excerpt),
    /// It is no event of ours.
    Type(Excerpt),
    /// Its data are binary.
    Binary,
    /// One of its properties is wrong.
    Property(PropertyError),
}

/// What is wrong with a body of several events as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchError {
    /// It is no JSON array.
    Malformed(Malformed),
    /// It has too many events.
    TooMany {
        /// The most that are taken.
        limit: usize,
    },
}

impl EventError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::TooLong { .. } => "InvalidEvent",
            Self::SpecVersion(_) => "UnsupportedSpecVersion",
            Self::Type(_) => "UnsupportedEventType",
            Self::Binary => "InvalidProperty",
            Self::Property(error) => error.code(),
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "event {malformed}"),
            Self::TooLong { bytes } => {
                write!(f, "event is {bytes} bytes long, the most is {RECORD_BYTES_MAX}")
            }
            Self::SpecVersion(version) => {
                write!(f, "specversion is {version}, supported is '{SPEC_VERSION}'")
            }
            Self::Type(found) => {
                write!(f, "type is {found}, supported are '{EVENT_TYPE}' and '{WATERMARK_TYPE}'")
            }
            Self::Binary => f.write_str("data_base64 is not supported: an event is JSON in data"),
            Self::Property(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EventError {}

impl From<PropertyError> for EventError {
    fn from(error: PropertyError) -> Self {
        Self::Property(error)
    }
}

impl BatchError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "InvalidBatch",
            Self::TooMany { .. } => "TooManyEvents",
        }
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "batch of events {malformed}"),
            Self::TooMany { limit } => write!(f, "batch has more than {limit} events"),
        }
    }
}

impl std::error::Error for BatchError {}

impl From<RejectedEvent> for IngestProblem {
    fn from(rejected: RejectedEvent) -> Self {
        Self {
            position: u64::try_from(rejected.position).expect("a position fits 64 bits"),
            source: rejected.source,
            id: rejected.id,
            code: rejected.error.code().to_owned(),
            reason: rejected.error.to_string(),
        }
    }
}

/// Reads one event.
///
/// # Errors
/// [`RejectedEvent`] if it is wrong.
pub fn parse_single(body: &[u8]) -> Result<Event, RejectedEvent> {
    parse_bytes(0, body)
}

/// Reads a JSON array of at most `limit` events, each with its own result, in their order.
///
/// # Errors
/// [`BatchError`] if it is no JSON array, or has more events.
pub fn parse_batch(
    body: &[u8],
    limit: usize,
) -> Result<Vec<Result<Event, RejectedEvent>>, BatchError> {
    let text = object::utf8(body).map_err(BatchError::Malformed)?;
    let events = object::elements(text, limit).map_err(BatchError::Malformed)?;
    if events.len() > limit {
        return Err(BatchError::TooMany { limit });
    }
    let events = events.into_iter().enumerate();
    Ok(events.map(|(position, event)| parse_event(position, event.get())).collect())
}

/// Reads at most `limit` events, one a line, each with its own result, in their order. Empty lines
/// do not count.
///
/// # Errors
/// [`BatchError`] if there are more events.
pub fn parse_lines(
    body: &[u8],
    limit: usize,
) -> Result<Vec<Result<Event, RejectedEvent>>, BatchError> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut events = vec![];
    for line in lines.filter(|line| !line.is_empty()) {
        if events.len() == limit {
            return Err(BatchError::TooMany { limit });
        }
        events.push(parse_bytes(events.len(), line));
    }
    Ok(events)
}

fn parse_bytes(position: usize, bytes: &[u8]) -> Result<Event, RejectedEvent> {
    match object::utf8(bytes) {
        Ok(text) => parse_event(position, text),
        Err(malformed) => Err(rejected(position, None, EventError::Malformed(malformed))),
    }
}

fn parse_event(position: usize, text: &str) -> Result<Event, RejectedEvent> {
    if text.len() > RECORD_BYTES_MAX {
        return Err(rejected(position, None, EventError::TooLong { bytes: text.len() }));
    }
    let event = Object::read(text, &EVENT)
        .map_err(|malformed| rejected(position, None, EventError::Malformed(malformed)))?;
    read_event(&event).map_err(|error| rejected(position, Some(&event), error))
}

fn rejected(position: usize, event: Option<&Object<'_>>, error: EventError) -> RejectedEvent {
    let text = |name| {
        let text = event?.text(name).ok().flatten()?;
        (text.len() <= domain::id::EVENT_TEXT_BYTES_MAX).then(|| text.into_owned())
    };
    RejectedEvent { position, source: text("source"), id: text("id"), error: Box::new(error) }
}

fn read_event(event: &Object<'_>) -> Result<Event, EventError> {
    let version = event.required_text("specversion")?;
    if version != SPEC_VERSION {
        return Err(EventError::SpecVersion(Excerpt::new(&version)));
    }
    let read: fn(&Object<'_>, Source, EventId) -> Result<Event, EventError> =
        match event.required_text("type")?.as_ref() {
            EVENT_TYPE => read_usage,
            WATERMARK_TYPE => read_watermark,
            other => return Err(EventError::Type(Excerpt::new(other))),
        };
    check_content(event)?;
    let expected = "1 to 1024 bytes without control characters";
    let source = event.parsed("source", expected, Source::parse)?;
    let event_id = event.parsed("id", expected, EventId::parse)?;
    if correction::is_reserved(&event_id) {
        let expected = "an id of a producer's: those that begin so name reversals";
        return Err(event.invalid("id", event_id.as_str(), expected).into());
    }
    read(event, source, event_id)
}

/// The event's data, with no other member than those of the shape.
fn read_data<'a>(event: &Object<'a>, shape: &'static Shape) -> Result<Object<'a>, PropertyError> {
    let data = Object::read(event.required_raw("data")?.get(), shape)
        .map_err(|malformed| event.malformed("data", malformed))?;
    data.refuse_unknown()?;
    Ok(data)
}

fn read_usage(event: &Object<'_>, source: Source, event_id: EventId) -> Result<Event, EventError> {
    let data = read_data(event, &DATA)?;
    Ok(Event::Usage(UsageRecord {
        subscription: record::subscription(&data)?,
        window: record::window(&data, parse_rfc3339)?,
        meter: record::meter(&data)?,
        description: record::description(&data)?,
        quantity: record::quantity(&data)?,
        instance: Arc::new(Instance {
            info_fields: record::json_object(&data, "infoFields")?,
            ..record::resource(&data)?
        }),
        source,
        event_id,
        billed: Billed::default(),
        reverses: None,
    }))
}

fn read_watermark(
    event: &Object<'_>,
    source: Source,
    event_id: EventId,
) -> Result<Event, EventError> {
    const NAME: &str = "completeUpTo";
    let data = read_data(event, &WATERMARK_DATA)?;
    let complete_up_to = parse_rfc3339(&data.required_text(NAME)?)
        .map_err(|error| PropertyError::Time { property: data.path_of(NAME), error })?;
    let subscription = record::subscription(&data)?;
    Ok(Event::Watermark(Watermark { subscription, source, event_id, complete_up_to }))
}

/// What is said is JSON in `data`: nothing else is guessed at.
fn check_content(event: &Object<'_>) -> Result<(), EventError> {
    if event.raw("data_base64").is_some() {
        return Err(EventError::Binary);
    }
    let Some(content) = event.text("datacontenttype")? else { return Ok(()) };
    let media = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" || media.ends_with("+json") {
        return Ok(());
    }
    Err(event.invalid("datacontenttype", &content, "application/json").into())
}

#[cfg(test)]
mod tests;
