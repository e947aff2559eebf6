//! The usage record: what was used, by whom, when, and who said so. Never edited once stored.
//!
//! A record's *identity* is its subscription, source and event id; its *content* is everything that the producer
//! sent, in canonical form. Both are hashed here in one way for ever (`docs/FORMAT.md`).

mod hashed;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::decimal::Quantity;
use crate::id::{
    ContentHash, Currency, EventId, InstanceHash, MeterId, RecordId, Source, SubscriptionId,
};
use crate::resource_groups;
use crate::time::{ReportedTime, UtcTime};

pub use hashed::{HashedInstance, HashedRecord};

/// Number of a group commit of the ledger; never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit(pub u64);

/// When a record was used: `[start, end)`, within one day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: UtcTime,
    end: UtcTime,
}

/// Why two moments are not the window of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowError {
    /// The end is not after the start.
    Empty,
    /// It crosses midnight UTC: the producer splits such usage by day.
    CrossesMidnight,
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "usage end is not after usage start",
            Self::CrossesMidnight => "usage crosses midnight UTC",
        })
    }
}

impl std::error::Error for WindowError {}

impl Window {
    /// From start (inclusive) and end (exclusive).
    ///
    /// # Errors
    /// [`WindowError`] if it is empty or crosses midnight UTC; one whole day is fine.
    pub fn new(start: UtcTime, end: UtcTime) -> Result<Self, WindowError> {
        if end <= start {
            return Err(WindowError::Empty);
        }
        if end > start.date().plus_days(1).start() {
            return Err(WindowError::CrossesMidnight);
        }
        Ok(Self { start, end })
    }

    /// The whole day that this moment falls on.
    #[must_use]
    pub fn day_of(time: UtcTime) -> Self {
        Self { start: time.day_start(), end: time.date().plus_days(1).start() }
    }

    /// The hour of its start, if it is no longer than an hour; else itself.
    #[must_use]
    pub fn hour_or_itself(self) -> Self {
        if self.end > self.start.plus_hours(1) {
            return self;
        }
        let start = self.start.hour_start();
        Self { start, end: start.plus_hours(1) }
    }

    /// First moment.
    #[must_use]
    pub const fn start(self) -> UtcTime {
        self.start
    }

    /// First moment after it.
    #[must_use]
    pub const fn end(self) -> UtcTime {
        self.end
    }
}

/// What the source called the meter. The usage answer shows it; prices come from the card.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MeterDescription {
    /// `Compute Hours`.
    pub name: Option<Arc<str>>,
    /// `Virtual Machines`.
    pub category: Option<Arc<str>>,
    /// `Standard_D1 VM (Non-Windows)`.
    pub subcategory: Option<Arc<str>>,
    /// `US East`, `Zone 1`.
    pub region: Option<Arc<str>>,
    /// `Hours`, `10,000s`.
    pub unit: Option<Arc<str>>,
}

/// JSON text in canonical form: compact, keys sorted. Built by `wire`, opaque here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalJson(pub Arc<str>);

/// Tags of a resource, in order of their names.
pub type Tags = BTreeMap<Arc<str>, Arc<str>>;

/// The resource instance that used the meter; every part is optional.
///
/// Source: Azure Usage Aggregates, `properties.instanceData` and `properties.infoFields`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instance {
    /// Full ARM id of the resource.
    pub resource_uri: Option<Arc<str>>,
    /// Region of the resource, such as `eastus`.
    pub location: Option<Arc<str>>,
    /// Tags; empty and absent are the same.
    pub tags: Tags,
    /// Further facts as a JSON object (`{"ServiceType":"Standard_D1"}`).
    pub additional_info: Option<CanonicalJson>,
    /// Marketplace part number.
    pub part_number: Option<Arc<str>>,
    /// Marketplace order number.
    pub order_number: Option<Arc<str>>,
    /// Legacy facts as a JSON object (`{"meteredRegion":"East US"}`).
    pub info_fields: Option<CanonicalJson>,
}

impl Instance {
    /// The hash that sorts and groups instances.
    #[must_use]
    pub fn hash(&self) -> InstanceHash {
        let mut canonical = Canonical::new(INSTANCE);
        self.write(&mut canonical);
        InstanceHash::from_bytes(canonical.finish())
    }

    /// The resource group named in the resource URI, as written there.
    #[must_use]
    pub fn resource_group(&self) -> Option<&str> {
        self.resource_uri.as_deref().and_then(resource_groups::named_in)
    }

    /// The value of a tag; its name is compared without case.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }

    fn write(&self, canonical: &mut Canonical) {
        canonical.text(20, self.resource_uri.as_deref());
        canonical.text(21, self.location.as_deref());
        for (name, value) in &self.tags {
            canonical.text(22, Some(name));
            canonical.text(23, Some(value));
        }
        canonical.text(24, self.additional_info.as_ref().map(|json| json.0.as_ref()));
        canonical.text(25, self.part_number.as_deref());
        canonical.text(26, self.order_number.as_deref());
        canonical.text(27, self.info_fields.as_ref().map(|json| json.0.as_ref()));
    }
}

/// What an export says of the charge, kept beside the usage; all absent for plain usage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Billed {
    /// Units in one pricing block, such as 1000 for `1000 Hours`.
    pub unit_block: Option<Quantity>,
    /// Amount that the source billed, at most 20 places.
    pub cost: Option<Quantity>,
    /// Currency of that amount.
    pub currency: Option<Currency>,
    /// FOCUS `ChargeCategory`.
    pub charge_category: Option<Arc<str>>,
}

/// One usage record as its producer sent it, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// Who used it.
    pub subscription: SubscriptionId,
    /// When it was used.
    pub window: Window,
    /// What was used.
    pub meter: MeterId,
    /// What the source called the meter.
    pub description: MeterDescription,
    /// How much, in the meter's unit; negative only where `reverses` is set.
    pub quantity: Quantity,
    /// By which resource.
    pub instance: Arc<Instance>,
    /// Who says so.
    pub source: Source,
    /// Its name within the source.
    pub event_id: EventId,
    /// What an export says of the charge.
    pub billed: Billed,
    /// The record that this one takes back.
    pub reverses: Option<RecordId>,
}

/// A record in the ledger, with what the ledger assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// As sent, or what an erasure has left of it.
    pub record: UsageRecord,
    /// Hash of its instance.
    pub instance_hash: InstanceHash,
    /// When it was reported: the server's clock, or the origin's for imports.
    pub reported: ReportedTime,
    /// The group commit that made it durable.
    pub commit: Commit,
    /// Hash of the content that was sent, where that is known no more: what may name people was erased
    /// since.
    pub erased: Option<ContentHash>,
}

impl StoredRecord {
    /// Hash of the content as it was sent.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        self.erased.unwrap_or_else(|| self.record.content_hash())
    }
}

impl UsageRecord {
    /// Identity: the hash of subscription, source and event id.
    #[must_use]
    pub fn id(&self) -> RecordId {
        record_id(self.subscription, &self.source, &self.event_id)
    }

    /// Hash of the content: everything sent but source and event id.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        self.content_with(|canonical| self.instance.write(canonical))
    }

    /// The same, where the bytes of its instance are at hand.
    fn content_with(&self, instance: impl FnOnce(&mut Canonical)) -> ContentHash {
        let mut canonical = Canonical::new(b"content/1");
        canonical.bytes(1, &self.subscription.to_bits().to_be_bytes());
        canonical.bytes(2, &self.window.start.to_micros().to_be_bytes());
        canonical.bytes(3, &self.window.end.to_micros().to_be_bytes());
        canonical.bytes(4, &self.meter.to_bits().to_be_bytes());
        canonical.text(5, self.description.name.as_deref());
        canonical.text(6, self.description.category.as_deref());
        canonical.text(7, self.description.subcategory.as_deref());
        canonical.text(8, self.description.region.as_deref());
        canonical.text(9, self.description.unit.as_deref());
        canonical.bytes(10, &self.quantity.to_scaled().to_be_bytes());
        instance(&mut canonical);
        if let Some(block) = self.billed.unit_block {
            canonical.bytes(40, &block.to_scaled().to_be_bytes());
        }
        if let Some(cost) = self.billed.cost {
            canonical.bytes(41, &cost.to_scaled().to_be_bytes());
        }
        canonical.text(42, self.billed.currency.as_ref().map(Currency::as_str));
        canonical.text(43, self.billed.charge_category.as_deref());
        if let Some(reversed) = self.reverses {
            canonical.bytes(44, &reversed.to_bytes());
        }
        ContentHash::from_bytes(canonical.finish())
    }
}

/// Identity of the record of a subscription that this source calls by this event id.
#[must_use]
pub fn record_id(subscription: SubscriptionId, source: &Source, event_id: &EventId) -> RecordId {
    let mut canonical = Canonical::new(b"record/1");
    canonical.text(1, Some(source.as_str()));
    canonical.text(2, Some(event_id.as_str()));
    canonical.bytes(3, &subscription.to_bits().to_be_bytes());
    RecordId::from_bytes(canonical.finish())
}

/// Event id of a record whose producer has none: the `occurrence`-th equal row (from 1) of its
/// slice, which is the source, the subscription and the reported bucket.
#[must_use]
pub fn multiset_event_id(
    source: &Source,
    bucket: ReportedTime,
    content: ContentHash,
    occurrence: u64,
) -> EventId {
    let mut canonical = Canonical::new(b"multiset/1");
    canonical.text(1, Some(source.as_str()));
    canonical.bytes(2, &bucket.0.to_micros().to_be_bytes());
    canonical.bytes(3, &content.to_bytes()); // the subscription is part of the content
    canonical.bytes(4, &occurrence.to_be_bytes());
    EventId::of_row(canonical.finish())
}

/// Purpose of an instance's hash.
const INSTANCE: &[u8] = b"instance/1";
/// What most records come to, in bytes.
const CANONICAL_BYTES: usize = 1_024;

/// The canonical bytes of a value: for each part that is present its tag, length and bytes, in
/// order of tags. An absent part leaves no trace, so later parts keep old hashes.
struct Canonical {
    bytes: Vec<u8>,
}

impl Canonical {
    fn new(purpose: &[u8]) -> Self {
        let mut canonical = Self { bytes: Vec::with_capacity(CANONICAL_BYTES) };
        canonical.bytes(0, purpose);
        canonical
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("a part is far below 4 GiB");
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self, tag: u8, text: Option<&str>) {
        if let Some(text) = text {
            self.bytes(tag, text.as_bytes());
        }
    }

    fn finish(self) -> [u8; 16] {
        let hash = blake3::hash(&self.bytes);
        *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn record() -> UsageRecord {
        let start = UtcTime::from_micros(1_767_225_600_000_000).unwrap(); // 2026-01-01
        UsageRecord {
            subscription: SubscriptionId::from_bits(1),
            window: Window::new(start, start.plus_hours(1)).unwrap(),
            meter: MeterId::from_bits(2),
            description: MeterDescription::default(),
            quantity: Quantity::parse("1.5").unwrap(),
            instance: Arc::default(),
            source: Source::parse("urn:test").unwrap(),
            event_id: EventId::parse("1").unwrap(),
            billed: Billed::default(),
            reverses: None,
        }
    }

    #[test]
    fn hashes_never_change() {
        // Computed from the canonical bytes with another implementation of BLAKE3.
        let record = record();
        assert_eq!(record.id().to_string(), "75b4fb1f78ddb1fa2a4ea21b6d96fcb3");
        assert_eq!(record.content_hash().to_string(), "6530bf6684f15b05eaf93a43cdd55c17");
        assert_eq!(record.instance.hash().to_string(), "b7b7b06e1512b89b835ee157527773a1");
    }

    #[test]
    fn hashes_of_every_part_never_change() {
        // Computed from the canonical bytes with another implementation of BLAKE3.
        let text = |text: &str| Some(text.into());
        let json = |text: &str| Some(CanonicalJson(text.into()));
        let instance = Instance {
            resource_uri: text("/r"),
            location: text("eastus"),
            tags: Tags::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
            additional_info: json("{\"x\":1}"),
            part_number: text("P"),
            order_number: text("O"),
            info_fields: json("{\"y\":2}"),
        };
        assert_eq!(instance.hash().to_string(), "25f16be0f45a203a165e1912f723b941");
        let plain = record();
        let [name, category, subcategory, region, unit] = ["n", "c", "s", "r", "u"].map(text);
        let full = UsageRecord {
            description: MeterDescription { name, category, subcategory, region, unit },
            instance: Arc::new(instance),
            billed: Billed {
                unit_block: Quantity::parse("1000").ok(),
                cost: Quantity::parse("2.5").ok(),
                currency: Currency::parse("USD").ok(),
                charge_category: text("Usage"),
            },
            reverses: Some(RecordId::from_bytes(
                *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
            )),
            ..plain.clone()
        };
        let content = full.content_hash();
        assert_eq!(content.to_string(), "c87aef569eac1f245bef78d1eff9f90d");
        let bucket = ReportedTime(plain.window.start());
        let event_id = multiset_event_id(&plain.source, bucket, content, 3);
        assert_eq!(event_id.as_str(), "row-cb15805a2ead1e532f61315eefac7ea3");
    }

    #[test]
    fn one_event_id_names_a_record_of_each_subscription() {
        let first = record();
        let other = UsageRecord { subscription: SubscriptionId::from_bits(9), ..first.clone() };
        assert_ne!(first.id(), other.id());
    }

    #[test]
    fn content_ignores_the_event_id_and_nothing_else() {
        let first = record();
        let again = UsageRecord { event_id: EventId::parse("2").unwrap(), ..first.clone() };
        assert_eq!(first.content_hash(), again.content_hash());
        assert_ne!(first.id(), again.id());
        let other = UsageRecord { quantity: Quantity::parse("1.50001").unwrap(), ..first.clone() };
        assert_ne!(first.content_hash(), other.content_hash());
    }

    #[test]
    fn neighbouring_parts_cannot_be_confused() {
        let tagged = |name: &str, value: &str| Instance {
            tags: Tags::from([(name.into(), value.into())]),
            ..Instance::default()
        };
        assert_ne!(tagged("ab", "c").hash(), tagged("a", "bc").hash());
    }

    #[test]
    fn a_window_stays_within_its_day() {
        let start = record().window.start();
        assert!(Window::new(start, start.plus_hours(24)).is_ok());
        assert_eq!(Window::new(start, start), Err(WindowError::Empty));
        let late = start.plus_hours(23);
        assert_eq!(Window::new(late, late.plus_hours(2)), Err(WindowError::CrossesMidnight));
    }

    #[test]
    fn the_resource_group_is_read_from_the_uri() {
        let instance =
            |uri: &str| Instance { resource_uri: Some(uri.into()), ..Instance::default() };
        let uri =
            "/subscriptions/s/resourcegroups/Prod/providers/Microsoft.Compute/virtualMachines/a";
        assert_eq!(instance(uri).resource_group(), Some("Prod"));
        assert_eq!(instance("/subscriptions/s").resource_group(), None);
    }
}
