//! Watermarks on file: up to when a source says that all usage of a subscription was delivered.
//!
//! They come often and price nothing, so they make no revision, and a source has at most one row a
//! minute. What it declares in between is held in memory: it is known at once, and as of a moment
//! from a minute after its last row on. It is written with the next one, or on closing; a crash loses
//! it, which only holds back up to when usage is known to be complete.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::id::{Source, SubscriptionId};
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::error::StorageError;
use crate::limits::{WATERMARK_SECONDS_MIN, WATERMARK_SOURCES_MAX};
use crate::store::{Accounts, Change, Stored, stored};
use crate::subscriptions::subscription_exists;

/// A source's word that it has delivered all usage of a subscription that ended up to a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWatermark {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The source.
    pub source: Source,
    /// The moment.
    pub complete_up_to: UtcTime,
}

/// Why a watermark was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddWatermarkError {
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// As many sources as may be declare watermarks of this subscription, and this is another.
    TooManySources(SubscriptionId),
}

/// What sources declared within a minute of their last row. A value that is not later than that row
/// says nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared(Arc<Mutex<Held>>);

type Held = BTreeMap<SubscriptionId, BTreeMap<Source, UtcTime>>;

/// The last row of a source.
#[derive(Debug, Clone, Copy)]
struct Last {
    complete_up_to: UtcTime,
    at: UtcTime,
}

/// Sources of watermarks with their last row, whose columns are none before the first one; each use
/// adds its own condition.
macro_rules! sources {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT watermark_source.source, last.complete_up_to_micros, last.at_micros",
            $columns,
            " FROM watermark_source LEFT JOIN watermark AS last ON last.source = number
                 AND last.complete_up_to_micros =
                     (SELECT max(complete_up_to_micros) FROM watermark WHERE source = number) ",
            $rest
        )
    };
}

impl Accounts {
    /// Takes watermarks, all of them in one transaction, and answers in their order: true, or false
    /// where its source said so before, for this moment or a later one.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails. [`AddWatermarkError`] of a single one if there is no such
    /// subscription, or too many sources; the others are taken.
    pub async fn add_watermarks(
        &self,
        new: &[NewWatermark],
        now: UtcTime,
    ) -> Result<Vec<Result<bool, AddWatermarkError>>, StorageError> {
        let mut change = self.begin(now).await?;
        let mut outcomes = Vec::with_capacity(new.len());
        let (mut written, mut held) = (false, Held::new());
        for watermark in new {
            let NewWatermark { subscription, source, complete_up_to } = watermark;
            let number = match source_number(&mut change, watermark).await? {
                Ok(number) => number,
                Err(error) => {
                    outcomes.push(Err(error));
                    continue;
                }
            };
            let last = last_row(&mut change, number).await?;
            let of_batch = held.get(subscription).and_then(|sources| sources.get(source));
            let known = of_batch.copied().max(self.declared.of(*subscription, source));
            let Some(taken) = take(*complete_up_to, known, last, change.now()) else {
                outcomes.push(Ok(false));
                continue;
            };
            for row in taken.rows {
                insert(&mut change, number, row).await?;
                written = true;
            }
            if taken.is_held {
                held.entry(*subscription).or_default().insert(source.clone(), *complete_up_to);
            }
            outcomes.push(Ok(true));
        }
        if written {
            change.commit().await?;
            self.declared.hold(held);
        } else {
            // Before others can write.
            self.declared.hold(held);
            drop(change);
        }
        Ok(outcomes)
    }

    /// The latest watermark of each source of a subscription, in order of source: as known at a
    /// moment, which has to have come, or, without one, now. As of a moment the answer is final.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn watermarks(
        &self,
        subscription: SubscriptionId,
        at: Option<UtcTime>,
    ) -> Result<Vec<(Source, UtcTime)>, StorageError> {
        let mut watermarks = self.watermarks_known(Some(subscription), at).await?;
        Ok(watermarks.remove(&subscription).unwrap_or_default())
    }

    /// The same of every subscription that has any.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn watermarks_of_all(
        &self,
        at: Option<UtcTime>,
    ) -> Result<BTreeMap<SubscriptionId, Vec<(Source, UtcTime)>>, StorageError> {
        self.watermarks_known(None, at).await
    }

    async fn watermarks_known(
        &self,
        subscription: Option<SubscriptionId>,
        at: Option<UtcTime>,
    ) -> Result<BTreeMap<SubscriptionId, Vec<(Source, UtcTime)>>, StorageError> {
        if let Some(at) = at {
            self.settle(at).await?;
        }
        // Before the rows: what is written meanwhile is on file then.
        let declared = self.declared.of_each(subscription);
        let rows = sqlx::query(sources!(
            ", watermark_source.subscription, (SELECT max(complete_up_to_micros) FROM watermark
                WHERE source = number AND at_micros <= ?1) AS known_micros",
            "WHERE ?2 IS NULL OR subscription = ?2
             ORDER BY watermark_source.subscription, watermark_source.source"
        ));
        let rows = rows.bind(at.unwrap_or(UtcTime::MAX).to_micros());
        let rows = rows.bind(subscription.map(|id| id.to_string()));
        let mut of_each: BTreeMap<SubscriptionId, Vec<(Source, UtcTime)>> = BTreeMap::new();
        for row in &rows.fetch_all(&self.reader).await? {
            let stored = Stored::new("watermark_source", row);
            let id = stored.parsed("subscription", SubscriptionId::parse)?;
            let source = stored.parsed("source", Source::parse)?;
            let known = Stored::new("watermark", row).optional("known_micros", Stored::time)?;
            let held = declared.get(&id).and_then(|sources| sources.get(&source)).copied();
            let held = held
                .zip(read_last(row)?)
                .filter(|(_, last)| at.is_none_or(|at| last.next_at() <= at));
            if let Some(latest) = known.max(held.map(|(held, _)| held)) {
                of_each.entry(id).or_default().push((source, latest));
            }
        }
        Ok(of_each)
    }

    /// Writes what is held back, before the file is closed.
    pub(crate) async fn write_declared(&self) -> Result<(), StorageError> {
        let all = mem::take(&mut *self.declared.lock());
        if all.is_empty() {
            return Ok(());
        }
        let mut change = self.begin(UtcTime::MIN).await?;
        for (subscription, sources) in all {
            for (source, complete_up_to) in sources {
                let watermark = NewWatermark { subscription, source, complete_up_to };
                let Some(number) = find_source(&mut change, &watermark).await? else { continue };
                let Some(last) = last_row(&mut change, number).await? else { continue };
                if last.complete_up_to < complete_up_to {
                    let row = Last { complete_up_to, at: last.next_at() };
                    insert(&mut change, number, row).await?;
                }
            }
        }
        change.commit().await
    }
}

impl Last {
    /// The earliest time of the next row.
    fn next_at(self) -> UtcTime {
        self.at.plus_seconds(WATERMARK_SECONDS_MIN)
    }
}

impl Declared {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("no holder panics")
    }

    fn of(&self, subscription: SubscriptionId, source: &Source) -> Option<UtcTime> {
        self.lock().get(&subscription).and_then(|sources| sources.get(source)).copied()
    }

    /// Those of a subscription, or of each.
    fn of_each(&self, subscription: Option<SubscriptionId>) -> Held {
        let held = self.lock();
        match subscription {
            None => held.clone(),
            Some(id) => held.get(&id).map(|sources| (id, sources.clone())).into_iter().collect(),
        }
    }

    /// Another request may have declared more meanwhile.
    fn hold(&self, held: Held) {
        let mut declared = self.lock();
        for (subscription, sources) in held {
            let known = declared.entry(subscription).or_default();
            for (source, complete_up_to) in sources {
                let latest = known.entry(source).or_insert(complete_up_to);
                *latest = complete_up_to.max(*latest);
            }
        }
    }
}

/// What becomes of a watermark that is later than what is known.
struct Taken {
    /// What is to be written: what was held back, once its time has come, and the new one, if its
    /// own has.
    rows: Vec<Last>,
    /// Whether the new one is held back.
    is_held: bool,
}

/// Takes a watermark at a time; none if it is not later than the last row and what is held back.
fn take(new: UtcTime, held: Option<UtcTime>, last: Option<Last>, now: UtcTime) -> Option<Taken> {
    let on_file = last.map(|last| last.complete_up_to);
    let held = held.filter(|held| Some(*held) > on_file);
    if Some(new) <= held.or(on_file) {
        return None;
    }
    let Some(mut last) = last else {
        return Some(Taken { rows: vec![Last { complete_up_to: new, at: now }], is_held: false });
    };
    let mut rows = Vec::new();
    if let Some(complete_up_to) = held.filter(|_| last.next_at() <= now) {
        last = Last { complete_up_to, at: last.next_at() };
        rows.push(last);
    }
    let is_held = last.next_at() > now;
    if !is_held {
        rows.push(Last { complete_up_to: new, at: now });
    }
    Some(Taken { rows, is_held })
}

/// The number of a watermark's source, which is made if it is new.
async fn source_number(
    change: &mut Change,
    new: &NewWatermark,
) -> Result<Result<u64, AddWatermarkError>, StorageError> {
    if let Some(number) = find_source(change, new).await? {
        return Ok(Ok(number));
    }
    let subscription = new.subscription;
    if !subscription_exists(change, subscription).await? {
        return Ok(Err(AddWatermarkError::NoSuchSubscription(subscription)));
    }
    let count = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM watermark_source WHERE subscription = ?",
    );
    let count = count.bind(subscription.to_string()).fetch_one(&mut **change).await?;
    if count >= stored(WATERMARK_SOURCES_MAX) {
        return Ok(Err(AddWatermarkError::TooManySources(subscription)));
    }
    let row = sqlx::query(
        "INSERT INTO watermark_source (number, subscription, source)
         SELECT coalesce(max(number), 0) + 1, ?, ? FROM watermark_source RETURNING number",
    );
    let row = row.bind(subscription.to_string()).bind(new.source.as_str());
    let row = row.fetch_one(&mut **change).await?;
    Ok(Ok(Stored::new("watermark_source", &row).count("number")?))
}

async fn find_source(
    connection: &mut SqliteConnection,
    of: &NewWatermark,
) -> Result<Option<u64>, StorageError> {
    let row =
        sqlx::query("SELECT number FROM watermark_source WHERE subscription = ? AND source = ?");
    let row = row.bind(of.subscription.to_string()).bind(of.source.as_str());
    let row = row.fetch_optional(connection).await?;
    row.map(|row| Stored::new("watermark_source", &row).count("number")).transpose()
}

async fn last_row(
    connection: &mut SqliteConnection,
    source: u64,
) -> Result<Option<Last>, StorageError> {
    let row = sqlx::query(sources!("", "WHERE number = ?")).bind(stored(source));
    read_last(&row.fetch_one(connection).await?)
}

fn read_last(row: &SqliteRow) -> Result<Option<Last>, StorageError> {
    let row = Stored::new("watermark", row);
    let complete_up_to = row.optional("complete_up_to_micros", Stored::time)?;
    let at = row.optional("at_micros", Stored::time)?;
    Ok(complete_up_to.zip(at).map(|(complete_up_to, at)| Last { complete_up_to, at }))
}

async fn insert(
    connection: &mut SqliteConnection,
    source: u64,
    row: Last,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO watermark (source, complete_up_to_micros, at_micros) VALUES (?, ?, ?)",
    )
    .bind(stored(source))
    .bind(row.complete_up_to.to_micros())
    .bind(row.at.to_micros())
    .execute(connection)
    .await?;
    Ok(())
}

impl fmt::Display for AddWatermarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::TooManySources(id) => write!(
                f,
                "subscription {id} has watermarks of {WATERMARK_SOURCES_MAX} sources, its most"
            ),
        }
    }
}

impl std::error::Error for AddWatermarkError {}
