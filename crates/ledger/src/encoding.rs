//! A record as bytes in the journal: a fixed part, then tagged fields in ascending order of tags.
//!
//! An absent field leaves no trace, so a later field can be added without touching old records;
//! a program that writes one raises the frame's format version. `docs/FORMAT.md` has the bytes.

use std::sync::Arc;

use domain::decimal::Quantity;
use domain::id::{InstanceHash, MeterId, RecordId, SubscriptionId};
use domain::record::{CanonicalJson, Commit, HashedRecord, Instance, Window};
use domain::time::{ReportedTime, UtcTime};

use crate::row::{Malformed, Row, TEXTS, Text, Texts, tags_json};

/// Bytes before the first field, without the leading length.
const FIXED_BYTES: usize = 16 + 8 + 8 + 16 + 16 + 16;
/// Bytes of the leading length.
const LENGTH_BYTES: usize = 4;

const REPORTED: u8 = 32;
const UNIT_BLOCK: u8 = 40;
const BILLED_COST: u8 = 41;
const REVERSES: u8 = 44;

/// What a row takes from its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assigned {
    pub(crate) commit: Commit,
    pub(crate) time: UtcTime,
}

/// Appends the encoding of a record; `reported` is left out where the group commit's time applies.
pub(crate) fn encode(hashed: &HashedRecord, reported: Option<ReportedTime>, out: &mut Vec<u8>) {
    let (record, begin) = (hashed.record(), out.len());
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out.extend_from_slice(&record.subscription.to_bits().to_be_bytes());
    out.extend_from_slice(&record.window.start().to_micros().to_le_bytes());
    out.extend_from_slice(&record.window.end().to_micros().to_le_bytes());
    out.extend_from_slice(&record.meter.to_bits().to_be_bytes());
    out.extend_from_slice(&record.quantity.to_scaled().to_le_bytes());
    out.extend_from_slice(&hashed.instance_hash().to_bytes());

    let description = &record.description;
    text_field(out, Text::MeterName, description.name.as_deref());
    text_field(out, Text::MeterCategory, description.category.as_deref());
    text_field(out, Text::MeterSubcategory, description.subcategory.as_deref());
    text_field(out, Text::MeterRegion, description.region.as_deref());
    text_field(out, Text::Unit, description.unit.as_deref());
    out.extend_from_slice(hashed.instance().stored(instance_fields));
    text_field(out, Text::Source, Some(record.source.as_str()));
    text_field(out, Text::EventId, Some(record.event_id.as_str()));
    if let Some(ReportedTime(time)) = reported {
        field(out, REPORTED, &time.to_micros().to_le_bytes());
    }
    if let Some(block) = record.billed.unit_block {
        field(out, UNIT_BLOCK, &block.to_scaled().to_le_bytes());
    }
    if let Some(cost) = record.billed.cost {
        field(out, BILLED_COST, &cost.to_scaled().to_le_bytes());
    }
    let currency = record.billed.currency.as_ref();
    text_field(out, Text::BillingCurrency, currency.map(domain::id::Currency::as_str));
    text_field(out, Text::ChargeCategory, record.billed.charge_category.as_deref());
    if let Some(reversed) = record.reverses {
        field(out, REVERSES, &reversed.to_bytes());
    }
    let length = u32::try_from(out.len() - begin - LENGTH_BYTES).expect("a record is below 4 GiB");
    out[begin..begin + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// The fields of an instance, one behind the other: the same in each of its records.
fn instance_fields(instance: &Instance) -> Box<[u8]> {
    let mut out = Vec::new();
    text_field(&mut out, Text::ResourceUri, instance.resource_uri.as_deref());
    text_field(&mut out, Text::Location, instance.location.as_deref());
    text_field(&mut out, Text::Tags, tags_json(&instance.tags).as_deref());
    let json = |json: &Option<CanonicalJson>| json.as_ref().map(|json| Arc::clone(&json.0));
    text_field(&mut out, Text::AdditionalInfo, json(&instance.additional_info).as_deref());
    text_field(&mut out, Text::PartNumber, instance.part_number.as_deref());
    text_field(&mut out, Text::OrderNumber, instance.order_number.as_deref());
    text_field(&mut out, Text::InfoFields, json(&instance.info_fields).as_deref());
    out.into_boxed_slice()
}

fn text_field(out: &mut Vec<u8>, text: Text, value: Option<&str>) {
    if let Some(value) = value {
        field(out, text.tag(), value.as_bytes());
    }
}

/// Tag, length in LEB128, bytes.
fn field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("seven bits"));
    out.extend_from_slice(bytes);
}

/// Reads the record at the beginning of the bytes; says how many bytes it takes.
pub(crate) fn decode(bytes: &[u8], assigned: Assigned) -> Result<(Row<'_>, usize), Malformed> {
    let mut rest = Reader(bytes);
    let length = u32::from_le_bytes(rest.array()?);
    let length = usize::try_from(length).map_err(|_| Malformed("record length"))?;
    let mut rest = Reader(rest.take(length)?);
    if length < FIXED_BYTES {
        return Err(Malformed("record length"));
    }
    let subscription = SubscriptionId::from_bits(u128::from_be_bytes(rest.array()?));
    let (start, end) = (rest.time()?, rest.time()?);
    let mut row = Row {
        subscription,
        reported: ReportedTime(assigned.time),
        window: Window::new(start, end).map_err(|_| Malformed("usage window"))?,
        meter: MeterId::from_bits(u128::from_be_bytes(rest.array()?)),
        quantity: rest.quantity()?,
        instance_hash: InstanceHash::from_bytes(rest.array()?),
        commit: assigned.commit,
        commit_time: assigned.time,
        texts: Texts::default(),
        unit_block: None,
        billed_cost: None,
        reverses: None,
        erased: None,
    };
    let mut last = 0;
    while let Some(tag) = rest.tag() {
        if tag <= last {
            return Err(Malformed("order of fields"));
        }
        last = tag;
        let length = rest.length()?;
        set(&mut row, tag, rest.take(length)?)?;
    }
    let named = row.texts.get(Text::Source).is_some() && row.texts.get(Text::EventId).is_some();
    if named { Ok((row, LENGTH_BYTES + length)) } else { Err(Malformed("no source or event id")) }
}

fn set<'a>(row: &mut Row<'a>, tag: u8, bytes: &'a [u8]) -> Result<(), Malformed> {
    let mut value = Reader(bytes);
    match tag {
        REPORTED => row.reported = ReportedTime(value.time()?),
        UNIT_BLOCK => row.unit_block = Some(value.quantity()?),
        BILLED_COST => row.billed_cost = Some(value.quantity()?),
        REVERSES => row.reverses = Some(RecordId::from_bytes(value.array()?)),
        _ => {
            let known = TEXTS.iter().find(|(_, _, known)| *known == tag);
            let (text, _, _) = known.ok_or(Malformed("unknown field"))?;
            let value = std::str::from_utf8(value.take(bytes.len())?);
            row.texts.set(*text, Some(value.map_err(|_| Malformed("text is not UTF-8"))?));
        }
    }
    if value.0.is_empty() { Ok(()) } else { Err(Malformed("length of a field")) }
}

/// Takes values off the front of bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed("cut short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn time(&mut self) -> Result<UtcTime, Malformed> {
        let micros = i64::from_le_bytes(self.array()?);
        UtcTime::from_micros(micros).map_err(|_| Malformed("time"))
    }

    fn quantity(&mut self) -> Result<Quantity, Malformed> {
        let units = i128::from_le_bytes(self.array()?);
        Quantity::from_scaled(units).map_err(|_| Malformed("quantity"))
    }

    fn tag(&mut self) -> Option<u8> {
        let (tag, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*tag)
    }

    /// LEB128 of at most four bytes.
    fn length(&mut self) -> Result<usize, Malformed> {
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.tag().ok_or(Malformed("cut short"))?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(length);
            }
        }
        Err(Malformed("length of a field"))
    }
}

#[cfg(test)]
mod tests;
