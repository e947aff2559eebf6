//! A record with the hashes that follow from it, so that each is computed once on its way into the
//! ledger.

use std::sync::Arc;

use super::{Instance, UsageRecord, multiset_event_id};
use crate::id::{ContentHash, EventId, InstanceHash, RecordId};
use crate::time::ReportedTime;

/// An instance with its hash, for the many records that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedInstance {
    instance: Arc<Instance>,
    hash: InstanceHash,
}

impl HashedInstance {
    /// Hashes an instance.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        let hash = instance.hash();
        Self { instance, hash }
    }

    /// The instance.
    #[must_use]
    pub const fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }
}

/// A record with the hashes of its content and of its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRecord {
    record: UsageRecord,
    content: ContentHash,
    instance: InstanceHash,
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
        let HashedInstance { instance, hash } = instance;
        let record = UsageRecord { instance, ..record };
        Self { content: record.content_hash(), instance: hash, record }
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

    /// Hash of its instance.
    #[must_use]
    pub const fn instance(&self) -> InstanceHash {
        self.instance
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
        assert_eq!(renamed.instance(), whole.instance.hash());
        assert_ne!(renamed.id(), hashed.id());
    }
}
