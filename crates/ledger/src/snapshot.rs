//! What a reader sees: the ledger as of one commit, which never changes while it is held.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use domain::aggregate::{Aggregate, AggregateKey, Granularity, UsageQuery};
use domain::complete::SourceActivity;
use domain::id::SubscriptionId;
use domain::record::{Commit, StoredRecord};
use domain::resource_groups::ResourceGroups;
use domain::sums::Whose;
use domain::time::{Date, ReportedTime, UtcTime};

use crate::activity;
use crate::daily;
use crate::error::ReadError;
use crate::first_usage::{self, First};
use crate::groups::{self, Bounded};
use crate::moment;
use crate::page::{PageBuilder, PageError, facets_of};
use crate::rollup::{self, Failed, Reading};
use crate::row::{Interner, Row};
use crate::scan::{self, Needed, Selection};
use crate::state::State;
use crate::version::Version;

/// The ledger as of one commit: data files and the journal's tail. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) state: Arc<State>,
    pub(crate) last: Commit,
}

/// A page of the usage answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePage {
    /// Its rows, in ascending order of their keys.
    pub rows: Vec<Aggregate>,
    /// Whether rows follow the last one.
    pub more: bool,
}

/// The resource groups of a subscription as of a version, up to so many.
#[derive(Debug, Clone)]
pub struct GroupsAsOf {
    subscription: SubscriptionId,
    version: Version,
    /// How often something had been erased of the subscription's rows, which changes the names.
    erasures: u64,
    found: Bounded,
}

impl GroupsAsOf {
    /// The groups; some of them if there are more.
    #[must_use]
    pub fn groups(&self) -> &ResourceGroups {
        &self.found.groups
    }

    /// Whether there are more than may be.
    #[must_use]
    pub fn more(&self) -> bool {
        self.found.more
    }
}

/// When a subscription was first used, as of a version.
#[derive(Debug, Clone)]
pub struct FirstUsageAsOf {
    subscription: SubscriptionId,
    version: Version,
    first: Option<First>,
}

impl FirstUsageAsOf {
    /// When its earliest usage starts; none if it has no usage.
    #[must_use]
    pub fn start(&self) -> Option<UtcTime> {
        self.first.map(|first| first.start)
    }

    /// Whether it says the same of an earlier commit: the row that it is known of was there already,
    /// or there is none until now.
    fn holds_at(&self, commit: Commit) -> bool {
        self.version.commit == commit
            || commit < self.version.commit && self.first.is_none_or(|first| first.commit <= commit)
    }
}

impl Snapshot {
    pub(crate) fn new(state: Arc<State>) -> Self {
        let last = state.last;
        Self { state, last }
    }

    pub(crate) fn parts(&self) -> (&State, Commit) {
        (&self.state, self.last)
    }

    /// Names this state for ever.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::new(self.state.journal, self.last)
    }

    /// How often something was erased of a subscription's rows: what was read of them in pages goes on only
    /// if this is as it was, as their order is another one then.
    #[must_use]
    pub fn erasures(&self, subscription: SubscriptionId) -> u64 {
        self.state.erasures.get(&subscription).copied().unwrap_or(0)
    }

    /// The ledger as it was at a version of this snapshot's past.
    ///
    /// # Errors
    /// [`ReadError::VersionNewer`] if the version is not of its past, and
    /// [`ReadError::VersionOfAnotherLedger`] if it is of another journal.
    pub fn as_of(&self, version: &Version) -> Result<Self, ReadError> {
        if !version.is_of(self.state.journal) {
            return Err(ReadError::VersionOfAnotherLedger);
        }
        if version.commit > self.last {
            return Err(ReadError::VersionNewer { asked: version.commit, last: self.last });
        }
        Ok(Self { state: Arc::clone(&self.state), last: version.commit })
    }

    /// The ledger as it was known at a moment: every row whose commit has a time at or before it.
    /// Before the first commit it is empty. It stays the same for ever if this snapshot was settled
    /// for a time after the moment, the next microsecond at least, as that of
    /// [`crate::Ledger::snapshot_at`] is. Settled for the moment itself or not at all it may lack
    /// commits of that moment: of a group commit under way, or of one that begins in the same
    /// microsecond.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn as_of_time(&self, time: UtcTime) -> Result<Self, ReadError> {
        let snapshot = self.clone();
        let last = blocking(move || moment::last_commit(&snapshot.state, snapshot.last, time));
        Ok(Self { state: Arc::clone(&self.state), last: last.await? })
    }

    /// Each source that reported rows of a subscription at a time or later, in order of names, with
    /// what [`domain::complete`] asks of it.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn sources(
        &self,
        subscription: SubscriptionId,
        reported_since: ReportedTime,
    ) -> Result<Vec<SourceActivity>, ReadError> {
        let mut sources = self.activity(Some(subscription), reported_since).await?;
        Ok(sources.remove(&subscription).unwrap_or_default())
    }

    /// The same of every subscription that has any.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn sources_of_all(
        &self,
        reported_since: ReportedTime,
    ) -> Result<BTreeMap<SubscriptionId, Vec<SourceActivity>>, ReadError> {
        self.activity(None, reported_since).await
    }

    async fn activity(
        &self,
        subscription: Option<SubscriptionId>,
        reported_since: ReportedTime,
    ) -> Result<BTreeMap<SubscriptionId, Vec<SourceActivity>>, ReadError> {
        self.answer(move |reading| activity::sources(reading, subscription, reported_since)).await
    }

    /// Answers a question from rollups and rows, on the blocking pool.
    pub(crate) async fn answer<T: Send + 'static>(
        &self,
        attempt: impl FnMut(&Reading<'_>) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, ReadError> {
        let snapshot = self.clone();
        blocking(move || rollup::answer(&snapshot.state, snapshot.last, attempt)).await
    }

    /// The resource groups that the rows of a subscription name, as [`domain::resource_groups`]
    /// defines them, up to `most`. Where those of an earlier version are known, only the files with
    /// rows after it are read.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn resource_groups(
        &self,
        subscription: SubscriptionId,
        known: Option<Arc<GroupsAsOf>>,
        most: usize,
    ) -> Result<Arc<GroupsAsOf>, ReadError> {
        let known = known.filter(|known| {
            let version = &known.version;
            let is_earlier = version.is_of(self.state.journal) && version.commit <= self.last;
            let is_of = known.subscription == subscription && known.found.most == most;
            is_earlier && is_of && known.erasures == self.erasures(subscription)
        });
        if let Some(known) = known.as_ref().filter(|known| known.version.commit == self.last) {
            return Ok(Arc::clone(known));
        }
        let after = known.as_ref().map(|known| known.version.commit);
        let selection = Selection { after, ..self.selection(subscription) };
        let (snapshot, version) = (self.clone(), self.version());
        let erasures = self.erasures(subscription);
        blocking(move || {
            let known = known.map_or_else(|| Bounded::new(most), |known| known.found.clone());
            let found = groups::add(&snapshot.state, &selection, known)?;
            Ok(Arc::new(GroupsAsOf { subscription, version, erasures, found }))
        })
        .await
    }

    /// When a subscription was first used. Where it is known of an earlier version, only the rows after
    /// that are read; what is known of a later one is given back if it holds for this one, too.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn first_usage(
        &self,
        subscription: SubscriptionId,
        known: Option<Arc<FirstUsageAsOf>>,
    ) -> Result<Arc<FirstUsageAsOf>, ReadError> {
        let known = known.filter(|known| {
            known.version.is_of(self.state.journal) && known.subscription == subscription
        });
        if let Some(known) = known.as_ref().filter(|known| known.holds_at(self.last)) {
            return Ok(Arc::clone(known));
        }
        let known = known.filter(|known| known.version.commit < self.last);
        let after = known.as_ref().map(|known| known.version.commit);
        let selection = Selection { after, ..self.selection(subscription) };
        let (snapshot, version) = (self.clone(), self.version());
        blocking(move || {
            let known = known.and_then(|known| known.first);
            let first = first_usage::first_usage(&snapshot.state, &selection, known)?;
            Ok(Arc::new(FirstUsageAsOf { subscription, version, first }))
        })
        .await
    }

    /// At most `limit` rows of the usage answer, from the first after a key on.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read, or a sum of the page would not be exact.
    pub async fn usage_page(
        &self,
        query: &UsageQuery,
        after: Option<AggregateKey>,
        limit: usize,
    ) -> Result<UsagePage, ReadError> {
        let (snapshot, query) = (self.clone(), query.clone());
        blocking(move || {
            if !snapshot.has_whole_days(&query) {
                return snapshot.read_page(&query, after, limit);
            }
            rollup::answer(&snapshot.state, snapshot.last, |reading| {
                daily::page(&snapshot, reading, &query, after, limit)
            })
        })
        .await
    }

    /// Every record of a subscription whose usage starts in a range, in order of usage start,
    /// usage end, meter, instance, source and event id.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn records(
        &self,
        subscription: SubscriptionId,
        usage_start: Range<UtcTime>,
    ) -> Result<Vec<StoredRecord>, ReadError> {
        let snapshot = self.clone();
        let needed = Needed::Everything;
        let all = move || snapshot.read_records(subscription, usage_start, needed, usize::MAX);
        Ok(blocking(all).await?.expect("nothing is left out without a limit"))
    }

    /// The same records as [`Snapshot::records`], in the same order, with only what rating asks:
    /// `billed` and `reverses` are left out, so their content cannot be hashed. None if there are
    /// more than `most`: then no more than that were in memory.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn usage_records(
        &self,
        subscription: SubscriptionId,
        usage_start: Range<UtcTime>,
        most: usize,
    ) -> Result<Option<Vec<StoredRecord>>, ReadError> {
        let snapshot = self.clone();
        let needed = Needed::Rating;
        blocking(move || snapshot.read_records(subscription, usage_start, needed, most)).await
    }

    /// Whether each bucket of the answer is a whole day of reports.
    fn has_whole_days(&self, query: &UsageQuery) -> bool {
        let Range { start, end } = query.reported;
        query.granularity == Granularity::Daily
            && start.day_start() == start
            && end.day_start() == end
    }

    /// The rows that a page is made of: buckets before the one that the last page ended in are done with.
    pub(crate) fn selection_of_page(
        &self,
        query: &UsageQuery,
        after: Option<AggregateKey>,
    ) -> Selection {
        let mut reported = query.reported.clone();
        if let Some(after) = after {
            reported.start = reported.start.max(after.reported);
        }
        Selection { reported: Some(reported), ..self.selection(query.subscription) }
    }

    fn read_page(
        &self,
        query: &UsageQuery,
        after: Option<AggregateKey>,
        limit: usize,
    ) -> Result<UsagePage, ReadError> {
        let needed = Needed::Description(facets_of(query));
        let selection = self.selection_of_page(query, after);
        let reported = selection.reported.clone().expect("a page is of a range");
        let mut page = PageBuilder::new(query, after, limit);
        // A bucket lies within one reported day, so the rows of a day are final after it.
        for day in self.days(&selection) {
            if page.is_full() {
                break;
            }
            let within = Selection { reported: Some(within(&reported, day)), ..selection.clone() };
            self.rows(&within, needed, |row, path| {
                page.add(row).map_err(|error| match error {
                    PageError::Sum(error) => ReadError::Sum(error),
                    PageError::Malformed(error) => scan::damaged(path, error),
                })
            })?;
        }
        let (rows, more) = page.finish();
        Ok(UsagePage { rows, more })
    }

    fn read_records(
        &self,
        subscription: SubscriptionId,
        usage_start: Range<UtcTime>,
        needed: Needed,
        most: usize,
    ) -> Result<Option<Vec<StoredRecord>>, ReadError> {
        let selection = self.selection(subscription);
        let selection = Selection { start: Some(usage_start), ..selection };
        let mut interner = Interner::default();
        let mut records = Some(Vec::new());
        self.rows(&selection, needed, |row, path| {
            let Some(kept) = records.as_mut().filter(|kept| kept.len() < most) else {
                records = None;
                return Ok(());
            };
            let row = if needed == Needed::Rating { row.for_rating() } else { *row };
            kept.push(interner.stored(&row).map_err(|error| scan::damaged(path, error))?);
            Ok(())
        })?;
        if let Some(records) = &mut records {
            records.sort_unstable_by(|a, b| record_order(a).cmp(&record_order(b)));
        }
        Ok(records)
    }

    /// The reported days on which there may be selected rows, in order.
    pub(crate) fn days(&self, selection: &Selection) -> BTreeSet<Date> {
        let files = self.state.files.iter().filter(|file| selection.may_match(&file.bounds));
        let entries = self.state.chunks().flat_map(|chunk| selection.of_chunk(chunk));
        files.map(|file| file.day).chain(entries.map(|entry| entry.reported.0.date())).collect()
    }

    pub(crate) fn selection(&self, subscription: SubscriptionId) -> Selection {
        let (whose, last) = (Whose::One(subscription), Some(self.last));
        Selection { whose, last, ..Selection::default() }
    }

    /// Gives every selected row to `each`, with its file's path.
    pub(crate) fn rows(
        &self,
        selection: &Selection,
        needed: Needed,
        mut each: impl FnMut(&Row<'_>, &Path) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for file in self.state.files.iter().filter(|file| selection.may_match(&file.bounds)) {
            scan::file(file, selection, needed, |row| each(row, &file.path))?;
        }
        for chunk in self.state.chunks() {
            for entry in selection.of_chunk(chunk) {
                each(&chunk.row(entry), rollup::journal())?;
            }
        }
        Ok(())
    }
}

/// The part of a range of reported times that lies within a day.
fn within(range: &Range<ReportedTime>, day: Date) -> Range<ReportedTime> {
    let (start, end) = (ReportedTime(day.start()), ReportedTime(day.plus_days(1).start()));
    range.start.max(start)..range.end.min(end)
}

/// Names the record, so nothing ties.
fn record_order(stored: &StoredRecord) -> impl Ord + use<'_> {
    let record = &stored.record;
    (record.window, record.meter, stored.instance_hash, &record.source, &record.event_id)
}

/// Reads on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(ReadError::Stopped))
}
