//! Erasures of what names people in the usage of subscriptions: asked for, under way and done.
//!
//! The rows of usage are the ledger's. Here is what has to outlive a crash: that an erasure was begun,
//! and its key until it has ended. Of an erasure of a whole subscription, the tags of its resource groups
//! go here too, in the transaction that begins it, with what the audit log says of them.

use std::collections::BTreeMap;
use std::fmt;

use domain::id::{ErasureId, SubscriptionId};
use domain::time::{Date, UtcTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::keeping::{HoldReason, legal_hold_of};
use crate::resource_group_tags::erase_tags;
use crate::store::{Accounts, Change, Revision, Stored, stored};
use crate::subscriptions::subscription_exists;

/// Why there is an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureCause {
    /// Somebody asked for it.
    Request,
    /// The details were kept for as long as they are to be.
    Retention,
}

/// An erasure to be begun.
pub struct NewErasure {
    /// Its id.
    pub id: ErasureId,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Of usage that began before this day; of all of it without.
    pub before: Option<Date>,
    /// Why.
    pub cause: ErasureCause,
    /// What its pseudonyms are made with; random.
    pub key: [u8; 32],
}

/// An erasure on file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Of usage that began before this day; of all of it without.
    pub before: Option<Date>,
    /// Why.
    pub cause: ErasureCause,
    /// The revision that it was begun with.
    pub revision: Revision,
    /// When it was begun.
    pub at: UtcTime,
    /// Who asked for it.
    pub by: String,
    /// How it ended; none while it is under way.
    pub end: Option<ErasureEnd>,
}

/// How an erasure ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureEnd {
    /// When.
    pub at: UtcTime,
    /// What it reached: rows up to this version of the ledger.
    pub ledger_version: String,
    /// Files that were written anew.
    pub files: u64,
    /// Rows that were erased.
    pub rows: u64,
    /// Files that were damaged, by their paths in the table: nothing was erased of them.
    pub damaged: Vec<String>,
}

/// An erasure that is under way, and its key.
pub struct UnfinishedErasure {
    /// The erasure.
    pub erasure: Erasure,
    /// What its pseudonyms are made with.
    pub key: [u8; 32],
}

/// Why an erasure was not begun.
#[derive(Debug)]
pub enum BeginErasureError {
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// There is a legal hold on it.
    Held {
        /// The subscription.
        subscription: SubscriptionId,
        /// The reason of the hold.
        reason: HoldReason,
    },
    /// Another erasure of it is under way.
    UnderWay {
        /// The subscription.
        subscription: SubscriptionId,
        /// The other one.
        erasure: ErasureId,
    },
    /// The accounts file failed.
    Storage(StorageError),
}

/// Erasures with who began them and when, and their ends; each use adds its own condition and order.
macro_rules! erasures {
    ($rest:literal) => {
        concat!(
            "SELECT erasure.*, begun.at_micros, begun.by, ended.at_micros AS end_micros,
                 ended.ledger_version, ended.files, ended.rows,
                 (SELECT group_concat(file, char(10)) FROM erasure_damage
                  WHERE erasure_damage.erasure = erasure.revision) AS damaged
             FROM erasure JOIN revision AS begun ON begun.number = erasure.revision
             LEFT JOIN erasure_end AS ended ON ended.erasure = erasure.revision ",
            $rest
        )
    };
}

impl ErasureCause {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Retention => "retention",
        }
    }

    fn parse(text: &str) -> Result<Self, ()> {
        [Self::Request, Self::Retention].into_iter().find(|one| one.as_str() == text).ok_or(())
    }
}

impl Accounts {
    /// Begins an erasure, which is under way until [`Self::end_erasures`]. One without a bound takes the
    /// tags of the subscription's resource groups away at once.
    ///
    /// # Errors
    /// [`BeginErasureError`] if there is no such subscription, a legal hold is on it, another erasure of
    /// it is under way, or the file fails.
    pub async fn begin_erasure(
        &self,
        new: NewErasure,
        by: &str,
        now: UtcTime,
    ) -> Result<Erasure, BeginErasureError> {
        let mut change = self.begin(now).await?;
        let begun = begin_in(&mut change, new, by).await?;
        change.commit().await?;
        Ok(begun)
    }

    /// Begins several at once; says of each why it was not begun.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails: none is begun then.
    pub async fn begin_erasures(
        &self,
        new: Vec<NewErasure>,
        by: &str,
        now: UtcTime,
    ) -> Result<Vec<Result<Erasure, BeginErasureError>>, StorageError> {
        let mut change = self.begin(now).await?;
        let mut begun = Vec::with_capacity(new.len());
        for new in new {
            begun.push(match begin_in(&mut change, new, by).await {
                Err(BeginErasureError::Storage(error)) => return Err(error),
                other => other,
            });
        }
        change.commit().await?;
        Ok(begun)
    }

    /// Notes that erasures have ended, and forgets their keys. Nothing changes for one that had ended
    /// before. This is no revision: nothing that anybody asked for.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails: none has ended then.
    ///
    /// # Panics
    /// If there is no such erasure.
    pub async fn end_erasures(
        &self,
        ends: Vec<(ErasureId, ErasureEnd)>,
    ) -> Result<(), StorageError> {
        let Some((_, ErasureEnd { at, .. })) = ends.first() else { return Ok(()) };
        let mut change = self.begin(*at).await?;
        for (id, end) in ends {
            let erasure = find(&mut change, id).await?.expect("what ends was begun");
            if erasure.end.is_none() {
                insert_end(&mut change, erasure.revision, end).await?;
            }
        }
        change.commit().await
    }

    /// An erasure; none if there is no such one.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StorageError> {
        find(&mut *self.reader.acquire().await?, id).await
    }

    /// The erasures of a subscription, newest first, at most so many.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn erasures(
        &self,
        subscription: SubscriptionId,
        most: usize,
    ) -> Result<Vec<Erasure>, StorageError> {
        let rows =
            sqlx::query(erasures!("WHERE subscription = ? ORDER BY erasure.revision DESC LIMIT ?"));
        let rows =
            rows.bind(subscription.to_string()).bind(i64::try_from(most).unwrap_or(i64::MAX));
        rows.fetch_all(&self.reader).await?.iter().map(read_erasure).collect()
    }

    /// The erasures under way, in the order in which they were begun, with their keys.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn unfinished_erasures(&self) -> Result<Vec<UnfinishedErasure>, StorageError> {
        let rows = sqlx::query(
            "SELECT erasure.*, begun.at_micros, begun.by, NULL AS end_micros,
                 NULL AS damaged, key
             FROM erasure_key JOIN erasure ON erasure.revision = erasure_key.erasure
             JOIN revision AS begun ON begun.number = erasure.revision ORDER BY erasure.revision",
        );
        let read = |row: &SqliteRow| {
            let column = Stored::new("erasure_key", row);
            let key = column.bytes("key")?;
            let wrong = || column.damaged("key", format!("{} bytes", key.len()));
            let key = <[u8; 32]>::try_from(key).map_err(|_| wrong())?;
            Ok(UnfinishedErasure { erasure: read_erasure(row)?, key })
        };
        rows.fetch_all(&self.reader).await?.iter().map(read).collect()
    }

    /// The last erasure by its retention that is done, of each subscription that has one.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn last_retention_erasures(
        &self,
    ) -> Result<BTreeMap<SubscriptionId, Erasure>, StorageError> {
        let rows = sqlx::query(erasures!(
            "WHERE erasure.revision IN (
                 SELECT max(erasure.revision) FROM erasure
                 JOIN erasure_end ON erasure_end.erasure = erasure.revision
                 WHERE cause = 'retention' AND NOT EXISTS (
                     SELECT 1 FROM erasure_damage WHERE erasure_damage.erasure = erasure.revision
                 )
                 GROUP BY subscription
             )"
        ));
        let read = |row: &SqliteRow| read_erasure(row).map(|one| (one.subscription, one));
        rows.fetch_all(&self.reader).await?.iter().map(read).collect()
    }

    /// Writes the log of changes into the file and empties it, so that what was deleted is nowhere any
    /// more. Answers whether it could: not while somebody reads.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails.
    pub async fn empty_log(&self) -> Result<bool, StorageError> {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        let row = row.fetch_one(self.writer()).await?;
        Ok(row.try_get::<i64, _>(0)? == 0)
    }
}

async fn begin_in(
    change: &mut Change,
    new: NewErasure,
    by: &str,
) -> Result<Erasure, BeginErasureError> {
    let NewErasure { id, subscription, before, cause, key } = new;
    if !subscription_exists(change, subscription).await? {
        return Err(BeginErasureError::NoSuchSubscription(subscription));
    }
    if let Some(hold) = legal_hold_of(change, subscription).await? {
        return Err(BeginErasureError::Held { subscription, reason: hold.reason });
    }
    if let Some(erasure) = under_way(change, subscription).await? {
        return Err(BeginErasureError::UnderWay { subscription, erasure });
    }
    let which = before.map_or(String::new(), |day| format!(" from before {day}"));
    let action = format!("erase details of usage of subscription {subscription}{which}");
    let entry = Entry::new("erasures/write", id)
        .of_subscription(subscription)
        .fact("before", None, before)
        .new_fact("cause", cause.as_str());
    let revision = add_revision(change, by, &action, &entry).await?;
    sqlx::query(
        "INSERT INTO erasure (revision, id, subscription, before_day, cause)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(stored(revision.0))
    .bind(id.to_string())
    .bind(subscription.to_string())
    .bind(before.map(|day| i64::from(day.to_days())))
    .bind(cause.as_str())
    .execute(&mut **change)
    .await?;
    sqlx::query("INSERT INTO erasure_key (erasure, key) VALUES (?, ?)")
        .bind(stored(revision.0))
        .bind(key.as_slice())
        .execute(&mut **change)
        .await?;
    if before.is_none() {
        erase_tags(change, subscription).await?;
    }
    let (at, by) = (change.now(), by.to_owned());
    Ok(Erasure { id, subscription, before, cause, revision, at, by, end: None })
}

async fn insert_end(
    connection: &mut SqliteConnection,
    erasure: Revision,
    end: ErasureEnd,
) -> Result<(), StorageError> {
    let ErasureEnd { at, ledger_version, files, rows, damaged } = end;
    sqlx::query(
        "INSERT INTO erasure_end (erasure, at_micros, ledger_version, files, rows)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(stored(erasure.0))
    .bind(at.to_micros())
    .bind(ledger_version)
    .bind(stored(files))
    .bind(stored(rows))
    .execute(&mut *connection)
    .await?;
    for file in damaged {
        sqlx::query("INSERT INTO erasure_damage (erasure, file) VALUES (?, ?)")
            .bind(stored(erasure.0))
            .bind(file)
            .execute(&mut *connection)
            .await?;
    }
    let key = sqlx::query("DELETE FROM erasure_key WHERE erasure = ?").bind(stored(erasure.0));
    key.execute(connection).await?;
    Ok(())
}

async fn under_way(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
) -> Result<Option<ErasureId>, StorageError> {
    let row = sqlx::query(
        "SELECT id FROM erasure_key JOIN erasure ON erasure.revision = erasure_key.erasure
         WHERE subscription = ? LIMIT 1",
    );
    let row = row.bind(subscription.to_string()).fetch_optional(connection).await?;
    row.map(|row| Stored::new("erasure", &row).parsed("id", ErasureId::parse)).transpose()
}

async fn find(
    connection: &mut SqliteConnection,
    id: ErasureId,
) -> Result<Option<Erasure>, StorageError> {
    let row = sqlx::query(erasures!("WHERE id = ?")).bind(id.to_string());
    row.fetch_optional(connection).await?.as_ref().map(read_erasure).transpose()
}

fn files(row: Stored<'_>, column: &'static str) -> Result<Vec<String>, StorageError> {
    let mut files: Vec<_> = row.text(column)?.lines().map(str::to_owned).collect();
    files.sort_unstable();
    Ok(files)
}

fn read_erasure(row: &SqliteRow) -> Result<Erasure, StorageError> {
    let (row, ended) = (Stored::new("erasure", row), Stored::new("erasure_end", row));
    let end = ended.optional("end_micros", |ended, at| {
        Ok(ErasureEnd {
            at: ended.time(at)?,
            ledger_version: ended.text("ledger_version")?.to_owned(),
            files: ended.count("files")?,
            rows: ended.count("rows")?,
            damaged: ended.optional("damaged", files)?.unwrap_or_default(),
        })
    });
    Ok(Erasure {
        id: row.parsed("id", ErasureId::parse)?,
        subscription: row.parsed("subscription", SubscriptionId::parse)?,
        before: row.optional("before_day", Stored::date)?,
        cause: row.parsed("cause", ErasureCause::parse)?,
        revision: Revision(row.count("revision")?),
        at: row.time("at_micros")?,
        by: row.text("by")?.to_owned(),
        end: end?,
    })
}

/// Without the key, which is to be in no log.
impl fmt::Debug for NewErasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, subscription, before, cause, key: _ } = self;
        let mut new = f.debug_struct("NewErasure");
        new.field("id", id).field("subscription", subscription).field("before", before);
        new.field("cause", cause).finish_non_exhaustive()
    }
}

/// Without the key, which is to be in no log.
impl fmt::Debug for UnfinishedErasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnfinishedErasure").field("erasure", &self.erasure).finish_non_exhaustive()
    }
}

impl fmt::Display for BeginErasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::Held { subscription, reason } => {
                write!(f, "a legal hold is on subscription {subscription}: {reason}")
            }
            Self::UnderWay { subscription, erasure } => {
                write!(f, "erasure {erasure} of subscription {subscription} is under way")
            }
            Self::Storage(_) => f.write_str("an erasure was not begun"),
        }
    }
}

impl std::error::Error for BeginErasureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoSuchSubscription(_) | Self::Held { .. } | Self::UnderWay { .. } => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(BeginErasureError);
