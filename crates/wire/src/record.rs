//! The parts of a usage record that events and imported aggregates have in common, by the same
//! names in both.

use std::borrow::Cow;
use std::sync::Arc;

use domain::decimal::Quantity;
use domain::id::{MeterId, SubscriptionId};
use domain::record::{CanonicalJson, Instance, MeterDescription, Tags, Window};
use domain::time::UtcTime;
use serde_json::value::RawValue;

use crate::json;
use crate::object::{self, Object};
use crate::property::{Malformed, PropertyError};
use crate::text::Excerpt;
use crate::time::TimeTextError;

/// Most bytes of one event or imported row. CloudEvents asks for at least 64 KiB; a page of a
/// thousand such rows must still fit into memory.
pub(crate) const RECORD_BYTES_MAX: usize = 256 * 1024;

pub(crate) fn subscription(object: &Object<'_>) -> Result<SubscriptionId, PropertyError> {
    object.parsed("subscriptionId", "a GUID", SubscriptionId::parse)
}

pub(crate) fn meter(object: &Object<'_>) -> Result<MeterId, PropertyError> {
    object.parsed("meterId", "a GUID", MeterId::parse)
}

/// The quantity, from a JSON number or a string of one. Nothing is rounded.
pub(crate) fn quantity(object: &Object<'_>) -> Result<Quantity, PropertyError> {
    const NAME: &str = "quantity";
    let raw = object.required_raw(NAME)?;
    let text = object::number(raw).map(Cow::Borrowed).or_else(|| object::string(raw));
    let text =
        text.ok_or_else(|| object.invalid(NAME, raw.get(), "a number or a string of one"))?;
    let quantity = Quantity::parse(&text).map_err(|error| PropertyError::Number {
        property: object.path_of(NAME),
        value: Excerpt::new(&text),
        error,
    })?;
    if quantity.is_negative() {
        let value = Excerpt::new(&text);
        return Err(PropertyError::Negative { property: object.path_of(NAME), value });
    }
    Ok(quantity)
}

pub(crate) fn window(
    object: &Object<'_>,
    parse: fn(&str) -> Result<UtcTime, TimeTextError>,
) -> Result<Window, PropertyError> {
    let start_text = object.required_text("usageStartTime")?;
    let end_text = object.required_text("usageEndTime")?;
    let time = |name: &str, text: &str| {
        let named = |error| PropertyError::Time { property: object.path_of(name), error };
        parse(text).map_err(named)
    };
    let start = time("usageStartTime", &start_text)?;
    let end = time("usageEndTime", &end_text)?;
    Window::new(start, end).map_err(|error| PropertyError::Window {
        property: object.path_of("usageStartTime"),
        start: Excerpt::new(&start_text),
        end: Excerpt::new(&end_text),
        error,
    })
}

pub(crate) fn description(object: &Object<'_>) -> Result<MeterDescription, PropertyError> {
    Ok(MeterDescription {
        name: shared_text(object, "meterName")?,
        category: shared_text(object, "meterCategory")?,
        subcategory: shared_text(object, "meterSubCategory")?,
        region: shared_text(object, "meterRegion")?,
        unit: shared_text(object, "unit")?,
    })
}

/// What is said of the resource; `infoFields` stand elsewhere in an aggregate.
pub(crate) fn resource(object: &Object<'_>) -> Result<Instance, PropertyError> {
    Ok(Instance {
        resource_uri: shared_text(object, "resourceUri")?,
        location: shared_text(object, "location")?,
        tags: tags(object)?,
        additional_info: json_object(object, "additionalInfo")?,
        part_number: shared_text(object, "partNumber")?,
        order_number: shared_text(object, "orderNumber")?,
        info_fields: None,
    })
}

/// A JSON object in canonical form. An empty one says nothing and is the same as none, as Azure
/// writes `"infoFields":{}` where there are no fields.
pub(crate) fn json_object(
    object: &Object<'_>,
    name: &str,
) -> Result<Option<CanonicalJson>, PropertyError> {
    let Some(raw) = object.raw(name) else { return Ok(None) };
    if !raw.get().starts_with('{') {
        return Err(object.malformed(name, Malformed::NotAnObject));
    }
    let canonical = json::canonical_of(raw)
        .map_err(|error| PropertyError::Json { property: object.path_of(name), error })?;
    Ok((canonical.0.as_ref() != "{}").then_some(canonical))
}

fn tags(object: &Object<'_>) -> Result<Tags, PropertyError> {
    const NAME: &str = "tags";
    let Some(raw) = object.raw(NAME) else { return Ok(Tags::new()) };
    let members = object::members(raw).map_err(|error| object.malformed(NAME, error))?;
    let mut tags = Tags::new();
    for (name, value) in members {
        let value = tag_value(object, &name, value)?;
        if tags.insert(Arc::from(&*name), value).is_some() {
            let member = Excerpt::new(&name);
            return Err(object.malformed(NAME, Malformed::Doubled { member }));
        }
    }
    Ok(tags)
}

fn tag_value(object: &Object<'_>, name: &str, value: &RawValue) -> Result<Arc<str>, PropertyError> {
    let text = object::string(value).ok_or_else(|| PropertyError::Invalid {
        property: format!("{}.{}", object.path_of("tags"), Excerpt::new(name)),
        value: Excerpt::new(value.get()),
        expected: "a string",
    })?;
    Ok(Arc::from(&*text))
}

fn shared_text(object: &Object<'_>, name: &str) -> Result<Option<Arc<str>>, PropertyError> {
    Ok(object.text(name)?.map(|text| Arc::from(&*text)))
}
