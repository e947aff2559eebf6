//! Records as the committer takes them: hashed, encoded, and small enough.

use std::collections::BTreeMap;

use domain::id::{ContentHash, RecordId, SubscriptionId};
use domain::record::HashedRecord;
use domain::time::{ReportedTime, UtcTime};

use crate::error::AppendError;
use crate::{NewRecord, encoding, limits};

/// What the committer needs to know of one record.
pub(crate) struct Pending {
    pub(crate) id: RecordId,
    pub(crate) content: ContentHash,
    /// The record that it takes back, and the content that it must have.
    pub(crate) reverses: Option<(RecordId, ContentHash)>,
    /// Whether that record was erased since. Its reversal, which is known by its id, may have been stored
    /// before, and then is what it was, without a name.
    pub(crate) of_erased: bool,
    pub(crate) subscription: SubscriptionId,
    pub(crate) reported: Option<ReportedTime>,
    pub(crate) start: UtcTime,
    /// Where its encoding ends in the request's bytes.
    pub(crate) end: usize,
}

/// Records of one append, encoded; in order.
#[derive(Default)]
pub struct Encoded {
    pub(crate) pending: Vec<Pending>,
    /// Their encodings, one behind the other.
    pub(crate) bytes: Vec<u8>,
}

impl Encoded {
    /// Encodes records.
    pub(crate) fn of(records: Vec<NewRecord>) -> Result<Self, AppendError> {
        let mut encoded = Self::default();
        encoded.pending.reserve_exact(records.len());
        for NewRecord { record, reported } in records {
            encoded.push(&HashedRecord::new(record), reported)?;
        }
        Ok(encoded)
    }

    /// Adds a record, with when its origin reported it if it has one.
    ///
    /// # Errors
    /// [`AppendError`] if it is too large, or too large together with those before it; it is not
    /// added then.
    pub fn push(
        &mut self,
        hashed: &HashedRecord,
        reported: Option<ReportedTime>,
    ) -> Result<(), AppendError> {
        let (record, begin) = (hashed.record(), self.bytes.len());
        encoding::encode(hashed, reported, &mut self.bytes);
        let (length, whole) = (self.bytes.len() - begin, self.bytes.len());
        if length > limits::RECORD_BYTES_MAX || whole > limits::FRAME_PAYLOAD_BYTES_MAX {
            self.bytes.truncate(begin);
            let position = self.pending.len();
            return Err(if length > limits::RECORD_BYTES_MAX {
                AppendError::RecordTooLarge { position, bytes: length }
            } else {
                AppendError::RequestTooLarge { bytes: whole }
            });
        }
        self.pending.push(Pending {
            id: hashed.id(),
            content: hashed.content(),
            reverses: domain::correction::reversed_content(record),
            of_erased: false,
            subscription: record.subscription,
            reported,
            start: record.window.start(),
            end: self.bytes.len(),
        });
        Ok(())
    }

    /// Tells of reversals, by their places, that what they take back was erased, and had this content.
    pub(crate) fn tell_of_erased(&mut self, contents: BTreeMap<usize, ContentHash>) {
        for (position, content) in contents {
            let reversal = &mut self.pending[position];
            reversal.reverses = reversal.reverses.map(|(id, _)| (id, content));
            reversal.of_erased = true;
        }
    }

    /// How many records they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many bytes their encodings have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}
