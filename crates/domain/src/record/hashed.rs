//! A record with the hashes that follow from it, so that each is computed once on its way into the
//! ledger.

use std::sync::{Arc, OnceLock};

use super::{Canonical, INSTANCE, Instance, UsageRecord, multiset_event_id};
use crate::id::{ContentHash, EventId, InstanceHash, RecordId};
use crate::time::ReportedTime;

/// An instance with its hash, for the many records that have it; cheap to clone. What its bytes are
/// hashed and stored from lies in one piece, however many texts it has.
#[derive(Debug, Clone)]
pub struct HashedInstance(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    instance: Arc<Instance>,
    hash: InstanceHash,
    /// What it adds to the canonical bytes of a record.
    canonical: Box<[u8]>,
    /// Its part of a record as it is stored.
    stored: OnceLock<Box<[u8]>>,
}

impl HashedInstance {
    /// Hashes an instance.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        let mut canonical = Canonical::new(INSTANCE);
        let begin = canonical.bytes.len();
        instance.write(&mut canonical);
        let of_record = Box::from(&canonical.bytes[begin..]);
        let (canonical, hash) = (of_record, InstanceHash::from_bytes(canonical.finish()));
        Self(Arc::new(Inner { instance, hash, canonical, stored: OnceLock::new() }))
    }

    /// The instance.
    #[must_use]
    pub fn instance(&self) -> &Arc<Instance> {
        &self.0.instance
    }

    /// Its part of a record as the ledger stores it, made when it is asked for first.
    pub fn stored(&self, make: impl FnOnce(&Instance) -> Box<[u8]>) -> &[u8] {
        self.0.stored.get_or_init(|| make(&self.0.instance))
    }
}

impl PartialEq for HashedInstance {
    fn eq(&self, other: &Self) -> bool {
        self.0.instance == other.0.instance
    }
}

impl Eq for HashedInstance {}

/// A record with the hashes of its content and of its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRecord {
    record: UsageRecord,
    content: ContentHash,
    instance: HashedInstance,
}

impl HashedRecord {
    /// Hashes a record.
    #[must_use]
    pub fn new(record: UsageRecord) -> Self {
        let instance = HashedInstance::new(Arc::clone(&record.instance));
        Self::of_instance(record, instance)
    }

    /// Hashes a record whose instance is this one, whatever it says itself.
    #[must_use]
    pub fn of_instance(record: UsageRecord, instance: HashedInstance) -> Self {
        let record = UsageRecord { instance: Arc::clone(instance.instance()), ..record };
        let canonical = &instance.0.canonical;
        let content = record.content_with(|bytes| bytes.bytes.extend_from_slice(canonical));
        Self { record, content, instance }
    }

    /// The same content under another name of its source: neither is a part of it.
    #[must_use]
    pub fn named(self, event_id: EventId) -> Self {
        Self { record: UsageRecord { event_id, ..self.record }, ..self }
    }

    /// The record of a producer that has no ids, named after its content: the `occurrence`-th (from 1)
    /// of the equal rows that its source has in the reported bucket.
    #[must_use]
    pub fn as_row_of(self, bucket: ReportedTime, occurrence: u64) -> Self {
        let event_id = multiset_event_id(&self.record.source, bucket, self.content, occurrence);
        self.named(event_id)
    }

    /// The record by itself.
    #[must_use]
    pub fn into_record(self) -> UsageRecord {
        self.record
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &UsageRecord {
        &self.record
    }

    /// The record's identity.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.record.id()
    }

    /// Hash of its content.
    #[must_use]
    pub const fn content(&self) -> ContentHash {
        self.content
    }

    /// Its instance.
    #[must_use]
    pub const fn instance(&self) -> &HashedInstance {
        &self.instance
    }

    /// Hash of its instance.
    #[must_use]
    pub fn instance_hash(&self) -> InstanceHash {
        self.instance.0.hash
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    #[test]
    fn a_record_under_another_name_has_the_hashes_that_it_had() {
        let event_id = EventId::parse("other").unwrap();
        let location = Some("westus".into());
        let instance = Arc::new(Instance { location, ..Instance::default() });
        let known = HashedInstance::new(Arc::clone(&instance));
        let hashed = HashedRecord::of_instance(record(), known);
        let renamed = hashed.clone().named(event_id.clone());
        let whole = UsageRecord { event_id, instance, ..record() };
        assert_eq!(renamed, HashedRecord::new(whole.clone()));
        assert_eq!(renamed.content(), whole.content_hash());
        assert_eq!(renamed.instance_hash(), whole.instance.hash());
        assert_ne!(renamed.id(), hashed.id());
    }
}
