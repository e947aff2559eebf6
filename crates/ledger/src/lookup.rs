//! Finding what is stored under an identity, for corrections: a record by its name, and the rows of a
//! slice with what was taken back.
//!
//! The index says which commit stored a record, so that only files with that commit are read. It is
//! asked through the committer, a few identities at a time, and snapshots taken afterwards have
//! whatever it answered.

use std::path::Path;

use domain::correction::{SliceRow, reversal_event_id, reversed_content};
use domain::id::{EventId, RecordId, Source, SubscriptionId};
use domain::record::{Commit, StoredRecord, UsageRecord, record_id};
use domain::time::ReportedTime;
use tokio::sync::oneshot;

use crate::committer::Message;
use crate::error::{AppendError, FindError, ReadError};
use crate::index::Known;
use crate::limits::FIND_IDS;
use crate::moment::just_after;
use crate::row::{Interner, Row, Text};
use crate::scan::{self, Needed, Selection};
use crate::snapshot::{Snapshot, blocking};
use crate::stall::Stalled;
use crate::together::{self, Obstacle, Together};
use crate::{Ledger, Outcome};

/// How the event ids of rows without ids begin.
const ROW_PREFIX: &str = "row-";

impl Ledger {
    /// What is known of each of these identities, in order; none where it is not stored.
    async fn find(&self, ids: &[RecordId]) -> Result<Vec<Option<Known>>, FindError> {
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(FIND_IDS) {
            let (reply, answer) = oneshot::channel();
            let message = Message::Find { ids: ids.to_vec(), reply };
            let found = async {
                self.0.committer.send(message).await.map_err(|_| FindError::Refused)?;
                answer.await.map_err(|_| FindError::Refused)
            };
            let found = self.0.shared.stall.unless(found).await;
            let found = found.map_err(|Stalled| FindError::Busy)??;
            let found = found.map_err(|error| match error {
                AppendError::Busy => FindError::Busy,
                _ => FindError::Refused,
            })?;
            all.extend(found);
        }
        Ok(all)
    }

    /// What [`Ledger::append_together`] would come to as things stand: `Stored` has the next commit.
    ///
    /// # Errors
    /// [`FindError`]; never `Missing` or `Read`.
    pub async fn foresee(&self, records: &[UsageRecord]) -> Result<Together, FindError> {
        let reversed: Vec<_> = records.iter().map(reversed_content).collect();
        let ids: Vec<_> = reversed.iter().flatten().map(|(id, _)| *id).collect();
        let mut known = self.find(&ids).await?.into_iter();
        for (position, (_, content)) in
            reversed.iter().enumerate().filter_map(|(position, it)| Some((position, (*it)?)))
        {
            let known = known.next().expect("every reversed record was looked up");
            if known.is_none_or(|known| known.content != content) {
                return Ok(Together::Refused { position, obstacle: Obstacle::NothingToReverse });
            }
        }
        let ids: Vec<_> = records.iter().map(UsageRecord::id).collect();
        let next = Commit(self.status().last_commit.0 + 1);
        let found = self.find(&ids).await?.into_iter().zip(records);
        let outcomes = found.map(|(known, record)| match known {
            None => Outcome::Stored(next),
            Some(known) if known.content == record.content_hash() => {
                Outcome::Duplicate(known.commit)
            }
            Some(known) => Outcome::Conflict(known.commit),
        });
        Ok(together::of_each(&outcomes.collect::<Vec<_>>()))
    }

    /// A record by its name; none if it is not stored.
    ///
    /// # Errors
    /// [`FindError`].
    pub async fn record(
        &self,
        subscription: SubscriptionId,
        source: &Source,
        event_id: &EventId,
    ) -> Result<Option<StoredRecord>, FindError> {
        let record = record_id(subscription, source, event_id);
        let found = self.find(&[record]).await?;
        let Some(Known { commit, .. }) = found.into_iter().next().flatten() else {
            return Ok(None);
        };
        let snapshot = self.snapshot(None).await?;
        let (source, event_id) = (source.clone(), event_id.clone());
        let (last, after) = (Some(commit), Some(Commit(commit.0 - 1)));
        let selection = Selection { last, after, ..snapshot.selection(subscription) };
        let read = move || {
            let is_it = |row: &Row<'_>| {
                row.texts.get(Text::Source) == Some(source.as_str())
                    && row.texts.get(Text::EventId) == Some(event_id.as_str())
            };
            snapshot.stored_where(&selection, 1, is_it)
        };
        let stored = blocking(read).await?.and_then(|mut stored| stored.pop());
        stored.map(Some).ok_or(FindError::Missing { record, commit })
    }

    /// The rows without ids of a slice, in no order, and which of them were taken back. None if there
    /// are more than `most`.
    ///
    /// # Errors
    /// [`FindError`].
    pub async fn slice(
        &self,
        subscription: SubscriptionId,
        source: &Source,
        bucket: ReportedTime,
        most: usize,
    ) -> Result<Option<Vec<SliceRow>>, FindError> {
        let snapshot = self.snapshot(None).await?;
        let reported = Some(bucket..ReportedTime(just_after(bucket.0)));
        let selection = Selection { reported, ..snapshot.selection(subscription) };
        let name = source.clone();
        let read = move || {
            let is_row = |row: &Row<'_>| {
                let event_id = row.texts.get(Text::EventId);
                row.reverses.is_none()
                    && row.texts.get(Text::Source) == Some(name.as_str())
                    && event_id.is_some_and(|event_id| event_id.starts_with(ROW_PREFIX))
            };
            snapshot.stored_where(&selection, most, is_row)
        };
        let Some(stored) = blocking(read).await? else { return Ok(None) };
        let reversal = |stored: &StoredRecord| {
            let reversal = reversal_event_id(stored.record.id());
            record_id(subscription, source, &reversal)
        };
        let reversals: Vec<_> = stored.iter().map(reversal).collect();
        let reversals = self.find(&reversals).await?;
        let rows = stored.into_iter().zip(reversals);
        let row = |(stored, reversal): (_, Option<Known>)| SliceRow {
            stored,
            is_reversed: reversal.is_some(),
        };
        Ok(Some(rows.map(row).collect()))
    }
}

impl Snapshot {
    /// The selected rows that are wanted, in no order; none if there are more than `most`.
    fn stored_where(
        &self,
        selection: &Selection,
        most: usize,
        wanted: impl Fn(&Row<'_>) -> bool,
    ) -> Result<Option<Vec<StoredRecord>>, ReadError> {
        let mut interner = Interner::default();
        let mut found = Some(Vec::new());
        self.rows(selection, Needed::Everything, |row: &Row<'_>, path: &Path| {
            if !wanted(row) {
                return Ok(());
            }
            let Some(kept) = found.as_mut().filter(|kept| kept.len() < most) else {
                found = None;
                return Ok(());
            };
            kept.push(interner.stored(row).map_err(|error| scan::damaged(path, error))?);
            Ok(())
        })?;
        Ok(found)
    }
}
