//! Rows read one after the other: what many rows have in common is read once and remembered, within
//! bounds. Each row is read as [`parse_aggregate`] reads it, which is the judge of every row that is not
//! written as rows commonly are.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use domain::decimal::Quantity;
use domain::id::{EventId, MeterId, Source, SubscriptionId};
use domain::record::{Billed, HashedInstance, HashedRecord, MeterDescription, UsageRecord, Window};
use domain::time::{ReportedTime, UtcTime};

use super::fields::Fields;
use super::{RowError, bucket_in_name, instance_of, parse_aggregate, unnamed};
use crate::record::RECORD_BYTES_MAX;
use crate::time::parse_rfc3339_or_naive;

/// Most bytes that remembered instances take, about.
const INSTANCES_BYTES_MAX: usize = 32 << 20;
/// What an instance takes for each byte of its text: the text, what was read from it, and its forms.
const INSTANCE_BYTES_PER_BYTE: usize = 5;
/// Longest text of an instance that is remembered.
const INSTANCE_TEXT_MAX: usize = 8 << 10;
/// Most descriptions of meters that are remembered.
const DESCRIPTIONS_MAX: usize = 4_096;
/// Longest description that is remembered, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 1_024;

/// A reader of rows of one source.
#[derive(Debug)]
pub struct RowReader {
    /// What records have before they are named.
    source: Source,
    event_id: EventId,
    subscription: Last<SubscriptionId>,
    start: Last<UtcTime>,
    end: Last<UtcTime>,
    bucket: Last<UtcTime>,
    meter: Last<MeterId>,
    descriptions: HashMap<MeterId, MeterDescription, Folding>,
    instances: HashMap<Box<str>, HashedInstance, Folding>,
    instances_bytes: usize,
    /// The text that instances are looked up by.
    key: String,
}

/// A row with its hashes, under no name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRow {
    /// Its content, by the reader's source; see [`HashedRecord::as_row_of`].
    pub record: HashedRecord,
    /// As [`super::ImportedAggregate::bucket`].
    pub bucket: ReportedTime,
    /// As [`super::ImportedAggregate::occurrence`].
    pub occurrence: Option<u64>,
}

impl RowReader {
    /// A reader of rows that this source has.
    #[must_use]
    pub fn new(source: &Source) -> Self {
        // A copy of its own: threads that count the users of one text wait for each other.
        let source = Source::parse(source.as_str()).expect("a source is one");
        let (_, event_id) = unnamed();
        let (descriptions, instances) = (HashMap::default(), HashMap::default());
        Self {
            source,
            event_id,
            subscription: Last::default(),
            start: Last::default(),
            end: Last::default(),
            bucket: Last::default(),
            meter: Last::default(),
            descriptions,
            instances,
            instances_bytes: 0,
            key: String::new(),
        }
    }

    /// The source.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Reads one row, given as its JSON text.
    ///
    /// # Errors
    /// [`RowError`] as [`parse_aggregate`].
    pub fn read(&mut self, row: &str) -> Result<HashedRow, RowError> {
        if let Some(row) = self.read_common(row) {
            return Ok(row);
        }
        parse_aggregate(row).map(|row| HashedRow {
            bucket: row.bucket,
            occurrence: row.occurrence,
            record: row.hashed_as(self.source.clone(), self.event_id.clone()),
        })
    }

    /// A row that is written as rows commonly are, and right.
    fn read_common(&mut self, row: &str) -> Option<HashedRow> {
        let fields = Fields::of(row).filter(|_| row.len() <= RECORD_BYTES_MAX)?;
        let time = |text: &str| parse_rfc3339_or_naive(text).ok();
        let start = self.start.of(fields.start?, time)?;
        let window = Window::new(start, self.end.of(fields.end?, time)?).ok()?;
        let bucket = match fields.name {
            Some(name) => self.bucket.of(name, bucket_in_name)?,
            None => Window::day_of(start).end(),
        };
        let quantity = Quantity::parse(fields.quantity?).ok()?;
        if quantity.is_negative() {
            return None;
        }
        let subscription = |text: &str| SubscriptionId::parse(text).ok();
        let meter = self.meter.of(fields.meter?, |text| MeterId::parse(text).ok())?;
        let instance = self.instance(&fields)?;
        let record = UsageRecord {
            subscription: self.subscription.of(fields.subscription?, subscription)?,
            window,
            meter,
            description: self.description(meter, &fields),
            quantity,
            instance: Arc::clone(instance.instance()),
            source: self.source.clone(),
            event_id: self.event_id.clone(),
            billed: Billed::default(),
            reverses: None,
        };
        let record = HashedRecord::of_instance(record, instance);
        Some(HashedRow { record, bucket: ReportedTime(bucket), occurrence: None })
    }

    fn description(&mut self, meter: MeterId, fields: &Fields<'_>) -> MeterDescription {
        let texts = [
            fields.meter_name,
            fields.meter_category,
            fields.meter_subcategory,
            fields.meter_region,
            fields.unit,
        ];
        if let Some(known) = self.descriptions.get(&meter) {
            let MeterDescription { name, category, subcategory, region, unit } = known;
            if [name, category, subcategory, region, unit].map(Option::as_deref) == texts {
                return known.clone();
            }
        }
        let [name, category, subcategory, region, unit] = texts.map(|text| text.map(Arc::from));
        let description = MeterDescription { name, category, subcategory, region, unit };
        if texts.iter().flatten().map(|text| text.len()).sum::<usize>() <= DESCRIPTION_BYTES_MAX {
            if self.descriptions.len() == DESCRIPTIONS_MAX {
                self.descriptions.clear();
            }
            self.descriptions.insert(meter, description.clone());
        }
        description
    }

    /// The instance that the fields say; none where it is wrong.
    fn instance(&mut self, fields: &Fields<'_>) -> Option<HashedInstance> {
        let (data, info) = (fields.instance_data.unwrap_or(""), fields.info_fields.unwrap_or(""));
        self.key.clear();
        self.key.push_str(data);
        self.key.push('\n'); // which no string of JSON has in it
        self.key.push_str(info);
        if let Some(known) = self.instances.get(self.key.as_str()) {
            return Some(known.clone());
        }
        let instance = HashedInstance::new(Arc::new(instance_of(data, info)?));
        if self.key.len() <= INSTANCE_TEXT_MAX {
            let bytes = self.key.len() * INSTANCE_BYTES_PER_BYTE;
            if self.instances_bytes + bytes > INSTANCES_BYTES_MAX {
                self.instances.clear();
                self.instances_bytes = 0;
            }
            self.instances_bytes += bytes;
            self.instances.insert(self.key.as_str().into(), instance.clone());
        }
        Some(instance)
    }
}

/// What was read last: rows that follow each other have much in common.
#[derive(Debug)]
struct Last<T> {
    text: String,
    value: Option<T>,
}

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self { text: String::new(), value: None }
    }
}

impl<T: Copy> Last<T> {
    fn of(&mut self, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        if self.value.is_some() && self.text == text {
            return self.value;
        }
        let value = parse(text)?;
        self.text.clear();
        self.text.push_str(text);
        self.value = Some(value);
        self.value
    }
}

/// A hash of eight bytes at a time, from a seed that nobody else knows.
#[derive(Debug, Clone)]
struct Folding(u64);

impl Default for Folding {
    fn default() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }
}

impl BuildHasher for Folding {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

struct Folded(u64);

impl Folded {
    fn add(&mut self, eight: [u8; 8]) {
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ u64::from_le_bytes(eight)) * ODD;
        let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
        self.0 = u64::try_from(low ^ high).expect("half of it has 64 bits");
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            self.add(*eight);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(last);
        self.add((bytes.len() as u64).to_le_bytes());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
