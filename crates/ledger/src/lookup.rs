//! Finding what is stored under an identity, for corrections: a record by its name, and the rows of a
//! slice with what was taken back.
//!
//! The index says which commit stored a record, so that only files with that commit are read. It is
//! asked through the committer, a few identities at a time, and snapshots taken afterwards have
//! whatever it answered.

use std::collections::BTreeMap;
use std::path::Path;

use domain::correction::{SliceRow, reversal_event_id, reversal_of, reversed_content};
use domain::id::{ContentHash, EventId, RecordId, Source, SubscriptionId};
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
        let of_erased = self.reversed_of_erased(&records.iter().collect::<Vec<_>>()).await?;
        let reversed = records.iter().map(reversed_content).enumerate();
        let reversed: Vec<_> = reversed
            .map(|(position, reversed)| {
                let (id, content) = reversed?;
                Some((id, of_erased.get(&position).copied().unwrap_or(content)))
            })
            .collect();
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
        let outcomes = found.enumerate().map(|(position, (known, record))| match known {
            None => Outcome::Stored(next),
            Some(known)
                if known.content == record.content_hash() || of_erased.contains_key(&position) =>
            {
                Outcome::Duplicate(known.commit)
            }
            Some(known) => Outcome::Conflict(known.commit),
        });
        Ok(together::of_each(&outcomes.collect::<Vec<_>>()))
    }

    /// Of reversals whose record was erased since, by position, the content that the record was stored with:
    /// it does not follow from what they take back, which is what the erasure has left, just that.
    pub(crate) async fn reversed_of_erased(
        &self,
        records: &[&UsageRecord],
    ) -> Result<BTreeMap<usize, ContentHash>, FindError> {
        let snapshot = self.snapshot(None).await?;
        let reversals = records.iter().enumerate().filter_map(|(position, record)| {
            let may_be_erased =
                record.reverses.is_some() && snapshot.erasures(record.subscription) > 0;
            may_be_erased.then(|| reversed_content(record).map(|it| (position, it)))?
        });
        let reversals: Vec<_> = reversals.collect();
        if reversals.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<_> = reversals.iter().map(|(_, (id, _))| *id).collect();
        let found = self.find(&ids).await?.into_iter().zip(reversals);
        let mut unlike: BTreeMap<SubscriptionId, Unlike> = BTreeMap::new();
        for (known, (position, (id, content))) in found {
            if let Some(known) = known.filter(|known| known.content != content) {
                let of = unlike.entry(records[position].subscription).or_default();
                of.commits.push(known.commit);
                of.reversals.insert(id, (position, records[position].clone()));
            }
        }
        if unlike.is_empty() {
            return Ok(BTreeMap::new());
        }
        let snapshot = self.snapshot(None).await?;
        blocking(move || {
            let mut contents = BTreeMap::new();
            for (subscription, unlike) in unlike {
                snapshot.erased_contents(subscription, &unlike, &mut contents)?;
            }
            Ok(contents)
        })
        .await
        .map_err(FindError::from)
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

/// Reversals of a subscription that do not take back what was stored.
#[derive(Default)]
struct Unlike {
    /// Commits of what was stored.
    commits: Vec<Commit>,
    /// Each with its position, by the record that it takes back.
    reversals: BTreeMap<RecordId, (usize, UsageRecord)>,
}

impl Snapshot {
    /// Adds the contents of erased records whose reversal is one of these.
    fn erased_contents(
        &self,
        subscription: SubscriptionId,
        unlike: &Unlike,
        contents: &mut BTreeMap<usize, ContentHash>,
    ) -> Result<(), ReadError> {
        let (first, last) = (unlike.commits.iter().min(), unlike.commits.iter().max().copied());
        let after = first.map(|first| Commit(first.0.saturating_sub(1)));
        let selection = Selection { last, after, ..self.selection(subscription) };
        let mut interner = Interner::default();
        self.rows(&selection, Needed::Everything, |row, path| {
            if row.erased.is_some() {
                let stored = interner.stored(row).map_err(|error| scan::damaged(path, error))?;
                let known = unlike.reversals.get(&stored.record.id());
                if let Some((position, reversal)) = known
                    && reversal_of(&stored.record).as_ref() == Some(reversal)
                {
                    contents.insert(*position, stored.content_hash());
                }
            }
            Ok(())
        })
    }

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
