//! Who knows what the ledger was asked and what it answered, and thus what it must hold.
//!
//! What was acknowledged is there once, for ever, as it was acknowledged. What was refused, or cut off by
//! a crash, is there or not, and once a ledger was opened it stays so. Nothing else is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use domain::aggregate::{UsageQuery, aggregate};
use domain::facets::Facets;
use domain::id::{RecordId, SubscriptionId};
use domain::record::{Commit, StoredRecord, UsageRecord};
use domain::sums::{
    DaysOfMeters, InstanceQuery, MeterQuery, SumStep, Whose, WindowQuery, instance_sums,
    meter_sums, window_sums,
};
use domain::time::{ReportedTime, UtcTime};

use super::round::key;
use crate::support::{Spec, erase, hour, subscription};
use crate::{AppendError, Ledger, Outcome, ReadError, Snapshot};

/// What was found to be wrong.
pub(super) type Finding = String;

/// Ends with a finding if something does not hold.
macro_rules! hold {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}
pub(super) use hold;

/// Subscriptions that records are of.
pub(super) const SUBSCRIPTIONS: u8 = 2;

/// An append and its answer.
pub(super) struct Asked {
    pub(super) specs: Vec<Spec>,
    pub(super) answer: Result<Vec<Outcome>, AppendError>,
}

/// The new records of an append of which nobody knows whether they are stored.
struct Unsettled {
    records: Vec<(UsageRecord, Option<ReportedTime>)>,
    /// The time of their commit, if there is one.
    time: UtcTime,
}

/// The auditor.
#[derive(Default)]
pub(super) struct Auditor {
    stored: BTreeMap<RecordId, StoredRecord>,
    unsettled: Vec<Unsettled>,
    /// Every commit, with its time.
    commits: Vec<(Commit, UtcTime)>,
    /// How many commits openings may have taken since the last one.
    taken: u64,
    /// Records that may have been erased, as the erasure was not acknowledged.
    maybe_erased: BTreeSet<RecordId>,
    /// Records of which it was acknowledged, as they were.
    before_erasure: BTreeMap<RecordId, StoredRecord>,
}

impl Auditor {
    pub(super) fn last(&self) -> Commit {
        self.commits.last().map_or(Commit(0), |(commit, _)| *commit)
    }

    /// Whether there is something of which nobody knows whether it is stored.
    pub(super) fn is_unsure(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// Records that are stored.
    pub(super) fn count(&self) -> u64 {
        self.stored.len() as u64
    }

    /// The last commit at or before a moment.
    pub(super) fn last_at(&self, moment: UtcTime) -> Commit {
        let before = self.commits.iter().rfind(|(_, time)| *time <= moment);
        before.map_or(Commit(0), |(commit, _)| *commit)
    }

    /// The time of a commit that is made now.
    fn time(&self, now: UtcTime) -> UtcTime {
        self.commits.last().map_or(now, |(_, last)| now.max(*last))
    }

    /// A ledger is opened whose openings take a commit each.
    pub(super) fn takes_commit(&mut self) {
        self.taken += 1;
    }

    /// Whether a commit may be the one after a last one.
    fn may_follow(&self, last: Commit, commit: Commit) -> bool {
        (last.0 + 1..=last.0 + 1 + self.taken).contains(&commit.0)
    }

    /// Takes the answers of appends that were asked at the same time.
    pub(super) fn settle(&mut self, asked: &[Asked], now: UtcTime) -> Result<(), Finding> {
        let (before, time) = (self.last(), self.time(now));
        let mut commits = BTreeSet::new();
        for Asked { specs, answer } in asked {
            let outcomes = match answer {
                Ok(outcomes) => outcomes,
                Err(AppendError::Busy | AppendError::Refused) => continue,
                Err(error) => return Err(format!("an append was answered {error}")),
            };
            hold!(outcomes.len() == specs.len(), "{} of {} answers", outcomes.len(), specs.len());
            for (spec, outcome) in specs.iter().zip(outcomes) {
                let Outcome::Stored(commit) = outcome else { continue };
                hold!(*commit > before, "commit {commit:?} after {before:?}");
                commits.insert(*commit);
                let (record, reported) = (spec.record(), spec.reported());
                self.store(record, reported.unwrap_or(ReportedTime(time)), *commit)?;
            }
        }
        if let Some(first) = commits.first() {
            let expected = (first.0..).map(Commit).take(commits.len());
            let in_order = commits.iter().copied().eq(expected);
            let follows = self.may_follow(before, *first);
            hold!(in_order && follows, "commits {commits:?} after {before:?}");
            self.taken = 0;
        }
        self.commits.extend(commits.into_iter().map(|commit| (commit, time)));
        asked.iter().try_for_each(|asked| self.check_known(asked))?;
        let refused = asked.iter().filter(|asked| asked.answer == Err(AppendError::Refused));
        refused.for_each(|Asked { specs, .. }| self.unsettled(specs, time));
        Ok(())
    }

    /// Nobody knows yet what becomes of an append that is asked now.
    pub(super) fn asked(&mut self, specs: &[Spec], now: UtcTime) {
        self.unsettled(specs, self.time(now));
    }

    fn unsettled(&mut self, specs: &[Spec], time: UtcTime) {
        let records = specs.iter().map(|spec| (spec.record(), spec.reported()));
        let new = records.filter(|(record, _)| !self.stored.contains_key(&record.id()));
        self.unsettled.push(Unsettled { records: new.collect(), time });
    }

    /// What a writer that was overtaken acknowledged after all is there, as it has said.
    pub(super) fn check_overtaken(&self, asked: &Asked) -> Result<(), Finding> {
        let outcomes = match &asked.answer {
            Ok(outcomes) => outcomes,
            Err(AppendError::Busy | AppendError::Refused) => return Ok(()),
            Err(error) => return Err(format!("an append was answered {error}")),
        };
        for (spec, outcome) in asked.specs.iter().zip(outcomes) {
            let Outcome::Stored(commit) = outcome else { continue };
            let stored = self.stored.get(&spec.record().id()).map(|stored| stored.commit);
            hold!(stored == Some(*commit), "{outcome:?} of one that was overtaken is {stored:?}");
        }
        self.check_known(asked)
    }

    fn store(
        &mut self,
        record: UsageRecord,
        reported: ReportedTime,
        commit: Commit,
    ) -> Result<(), Finding> {
        let instance_hash = record.instance.hash();
        let stored = StoredRecord { record, instance_hash, reported, commit, erased: None };
        let before = self.stored.insert(stored.record.id(), stored);
        hold!(before.is_none(), "{before:?} was stored again by {commit:?}");
        Ok(())
    }

    /// Duplicates and conflicts name the commit that stored the record first.
    fn check_known(&self, asked: &Asked) -> Result<(), Finding> {
        let outcomes = asked.answer.as_deref().unwrap_or_default();
        for (spec, outcome) in asked.specs.iter().zip(outcomes) {
            let (record, Outcome::Duplicate(commit) | Outcome::Conflict(commit)) =
                (spec.record(), outcome)
            else {
                continue;
            };
            let stored = self.stored.get(&record.id());
            let stored = stored.ok_or_else(|| format!("{outcome:?} of what is not stored"))?;
            let is_same = stored.content_hash() == record.content_hash();
            hold!(stored.commit == *commit, "{outcome:?}, but it was {:?}", stored.commit);
            let right = matches!(outcome, Outcome::Duplicate(_)) == is_same;
            hold!(right, "{outcome:?}, but the content is the same: {is_same}");
        }
        Ok(())
    }

    /// A ledger that was just opened: settles what was unsettled. What is lost stays lost, so that not
    /// everything has to be read each time.
    pub(super) async fn opened(&mut self, ledger: &Ledger, whole: bool) -> Result<(), Finding> {
        if self.unsettled.is_empty() && !whole {
            return self.check_status(ledger);
        }
        let snapshot = ledger.snapshot(None).await.map_err(|error| error.to_string())?;
        let found = records(&snapshot).await.map_err(|error| error.to_string())?;
        let unsettled = std::mem::take(&mut self.unsettled);
        let (last, mut next) = (self.last(), None);
        for stored in found.clone() {
            let id = stored.record.id();
            if self.stored.contains_key(&id) {
                continue; // compared with everything else below
            }
            let of_commit = unsettled.iter().find_map(|unsettled| {
                let mut records = unsettled.records.iter();
                records
                    .any(|(record, reported)| {
                        let reported = reported.unwrap_or(ReportedTime(unsettled.time));
                        *record == stored.record && reported == stored.reported
                    })
                    .then_some(unsettled.time)
            });
            let time = of_commit.ok_or_else(|| format!("nobody has sent {stored:?}"))?;
            let commit = *next.get_or_insert(stored.commit);
            let follows = stored.commit == commit && self.may_follow(last, commit);
            hold!(follows, "{stored:?} is of no commit after {last:?}");
            if self.last() < commit {
                self.commits.push((commit, time));
            }
            self.store(stored.record, stored.reported, stored.commit)?;
        }
        self.check_whole(&unsettled)?;
        self.check_status(ledger)?;
        self.compare(found, self.last())
    }

    /// An append is stored as a whole or not at all.
    fn check_whole(&self, unsettled: &[Unsettled]) -> Result<(), Finding> {
        for one in unsettled {
            let ids: BTreeSet<_> = one.records.iter().map(|(record, _)| record.id()).collect();
            let others = unsettled.iter().filter(|other| !std::ptr::eq(*other, one));
            let others: BTreeSet<_> =
                others.flat_map(|it| it.records.iter().map(|(record, _)| record.id())).collect();
            let own = ids.difference(&others);
            let found: Vec<bool> = own.map(|id| self.stored.contains_key(id)).collect();
            let whole = found.windows(2).all(|pair| pair[0] == pair[1]);
            hold!(whole, "an append was stored in part: {found:?}");
        }
        Ok(())
    }

    /// The ledger holds what it must, and says so.
    pub(super) async fn check(&self, ledger: &Ledger) -> Result<(), Finding> {
        self.check_status(ledger)?;
        let snapshot = ledger.snapshot(None).await.map_err(|error| error.to_string())?;
        self.check_records(&snapshot, self.last()).await.map_err(wrong)
    }

    fn check_status(&self, ledger: &Ledger) -> Result<(), Finding> {
        let status = ledger.status();
        let expected = (self.count(), self.last());
        let said = (status.rows, status.last_commit);
        hold!(said == expected, "rows and last commit are {said:?}, not {expected:?}");
        Ok(())
    }

    /// The records of a snapshot are those up to a commit.
    pub(super) async fn check_records(
        &self,
        snapshot: &Snapshot,
        last: Commit,
    ) -> Result<(), Wrong> {
        self.compare(records(snapshot).await?, last).map_err(Wrong::Answer)
    }

    /// The same of a snapshot that was taken a while ago: it has what was erased since.
    pub(super) async fn check_held(&self, snapshot: &Snapshot, last: Commit) -> Result<(), Wrong> {
        let mut found = records(snapshot).await?;
        for stored in &mut found {
            let id = stored.record.id();
            if self.before_erasure.get(&id) == Some(stored) {
                *stored = self.stored[&id].clone();
            }
        }
        self.compare(found, last).map_err(Wrong::Answer)
    }

    fn compare(&self, records: Vec<StoredRecord>, last: Commit) -> Result<(), Finding> {
        let mut found = BTreeMap::new();
        for mut stored in records {
            let id = stored.record.id();
            if let Some(known) = self.stored.get(&id).filter(|_| self.maybe_erased.contains(&id))
                && stored == erased(known)
            {
                stored = known.clone();
            }
            let twice = found.insert(id, stored);
            hold!(twice.is_none(), "{twice:?} is there twice");
        }
        let expected = self.up_to(last);
        let of = |these: &BTreeMap<RecordId, StoredRecord>, those: &BTreeMap<_, _>| {
            let mut other = these.iter().filter(|(id, stored)| those.get(*id) != Some(*stored));
            other.next().map(|(_, stored)| stored.clone())
        };
        let (lost, more) = (of(&expected, &found), of(&found, &expected));
        hold!(found == expected, "as of {last:?} there is not {lost:?}, but {more:?}");
        Ok(())
    }

    /// The usage answers of a snapshot are those of the records up to a commit.
    pub(super) async fn check_pages(
        &self,
        snapshot: &Snapshot,
        last: Commit,
        query: &UsageQuery,
    ) -> Result<(), Wrong> {
        // Whatever was erased, sums without instances are the same.
        let details = query.details && self.maybe_erased.is_empty();
        let query = &UsageQuery { details, ..query.clone() };
        let expected = aggregate(self.up_to(last).values(), query).unwrap();
        let page = snapshot.usage_page(query, None, usize::MAX).await?;
        same(last, query, Some(&page.rows), &expected)
    }

    /// The sums of a snapshot, by rollups or not, are those of the records up to a commit. The usage is
    /// that of the query's range.
    pub(super) async fn check_sums(
        &self,
        snapshot: &Snapshot,
        last: Commit,
        UsageQuery { subscription, reported, .. }: &UsageQuery,
    ) -> Result<(), Wrong> {
        let seen = self.up_to(last);
        let start = reported.start.0..reported.end.0;
        for step in [SumStep::Hour, SumStep::Day, SumStep::Whole] {
            let subscription = Some(*subscription);
            let query = MeterQuery { subscription, start: start.clone(), step };
            let expected = meter_sums(seen.values(), &query).unwrap();
            let sums = snapshot.meter_sums(&query, usize::MAX).await?;
            same(last, &query, sums.as_ref(), &expected)?;
        }
        if !self.maybe_erased.is_empty() {
            return Ok(()); // nobody knows which instance has which
        }
        // Every second day of the others, too.
        let mut days = BTreeMap::<SubscriptionId, DaysOfMeters>::new();
        for stored in seen.values() {
            let (id, day) = (stored.record.subscription, stored.record.window.start().date());
            if id == *subscription || day.to_days() % 2 == 0 {
                let meters = days.entry(id).or_default();
                meters.entry(stored.record.meter).or_default().insert(day);
            }
        }
        let query = WindowQuery { days: Arc::new(days), start: start.clone() };
        let expected = window_sums(seen.values(), &query).unwrap();
        let sums = snapshot.window_sums(&query, usize::MAX).await?;
        same(last, &query, sums.as_ref(), &expected)?;
        let query = InstanceQuery { whose: Whose::One(*subscription), start, facets: Facets::ALL };
        let expected = instance_sums(seen.values(), &query).unwrap();
        let sums = snapshot.instance_sums(&query, usize::MAX).await?;
        same(last, &query, sums.as_ref(), &expected)
    }

    /// Something of these rows was erased for good.
    pub(super) fn erased(
        &mut self,
        subscription: SubscriptionId,
        before: Option<UtcTime>,
        last: Commit,
    ) {
        for id in self.of_erasure(subscription, before, last) {
            self.maybe_erased.remove(&id);
            let known = self.stored.get_mut(&id).expect("it is stored");
            let after = erased(known);
            self.before_erasure.insert(id, std::mem::replace(known, after));
        }
    }

    /// The same, which may have come to nothing, or to a part.
    pub(super) fn maybe_erased(&mut self, subscription: SubscriptionId, before: Option<UtcTime>) {
        self.maybe_erased.extend(self.of_erasure(subscription, before, Commit(u64::MAX)));
    }

    fn of_erasure(
        &self,
        subscription: SubscriptionId,
        before: Option<UtcTime>,
        last: Commit,
    ) -> Vec<RecordId> {
        let is_of = |stored: &StoredRecord| {
            let StoredRecord { record, commit, erased, .. } = stored;
            record.subscription == subscription
                && before.is_none_or(|before| record.window.start() < before)
                && *commit <= last
                && erased.is_none()
        };
        let all = self.stored.iter().filter(|(_, stored)| is_of(stored));
        all.map(|(id, _)| *id).collect()
    }

    /// Every record that was erased for good.
    pub(super) fn all_erased(&self) -> impl Iterator<Item = &StoredRecord> {
        self.before_erasure.values()
    }

    /// The records up to a commit.
    pub(super) fn up_to(&self, last: Commit) -> BTreeMap<RecordId, StoredRecord> {
        let up_to = self.stored.iter().filter(|(_, stored)| stored.commit <= last);
        up_to.map(|(id, stored)| (*id, stored.clone())).collect()
    }
}

fn erased(stored: &StoredRecord) -> StoredRecord {
    let mut after = stored.clone();
    erase(&mut after, &key());
    after
}

/// Why a reader did not get what it should.
pub(super) enum Wrong {
    /// It got an error.
    Error(ReadError),
    /// It got something else.
    Answer(Finding),
}

impl From<ReadError> for Wrong {
    fn from(error: ReadError) -> Self {
        Self::Error(error)
    }
}

pub(super) fn wrong(wrong: Wrong) -> Finding {
    match wrong {
        Wrong::Error(error) => format!("a read failed: {error}"),
        Wrong::Answer(finding) => finding,
    }
}

async fn records(snapshot: &Snapshot) -> Result<Vec<StoredRecord>, ReadError> {
    let mut all = Vec::new();
    for number in 0..SUBSCRIPTIONS {
        let ever = hour(0)..hour(24 * 31);
        all.extend(snapshot.records(subscription(number), ever).await?);
    }
    Ok(all)
}

/// An answer is the expected one.
fn same<Q: Debug, A: Debug + PartialEq>(
    last: Commit,
    query: &Q,
    found: Option<&A>,
    expected: &A,
) -> Result<(), Wrong> {
    match found == Some(expected) {
        true => Ok(()),
        false => {
            Err(Wrong::Answer(format!("as of {last:?} {query:?} has {found:?}, not {expected:?}")))
        }
    }
}
