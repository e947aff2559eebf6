//! The accounts file: opening it, its revisions, and reading rows back into values.
//!
//! Writes go through one connection, one transaction each, and are on disk when they return. Reads
//! have connections of their own and never wait for a write, but for those as of a moment: what is
//! under way may yet have been made by then.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::id::{InstallationId, ObjectId, TenantId};
use domain::time::{Date, UtcTime};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, Row, Sqlite, SqliteConnection, SqlitePool, Transaction, ValueRef};
use uuid::Uuid;

use crate::audit::{Entry, add_revision};
use crate::error::{OpenError, StorageError};
use crate::format::{self, FORMAT};
use crate::watermarks::Declared;

/// Connections that read at once.
const READERS_MAX: u32 = 4;
/// How long a connection waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of accounts after some change, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// What the first run made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installation {
    /// Names this data folder.
    pub id: InstallationId,
    /// The installation's own tenant, its first.
    pub tenant: TenantId,
    /// The administrator's object id.
    pub administrator: ObjectId,
}

/// Tenants, subscriptions, role assignments and rate cards. A handle: clones share the file.
#[derive(Debug, Clone)]
pub struct Accounts {
    writer: SqlitePool,
    pub(crate) reader: SqlitePool,
    installation: Installation,
    /// The latest moment that was asked about, in microseconds: what comes is made after it.
    asked_about: Arc<AtomicI64>,
    pub(crate) declared: Declared,
}

/// A change under way: nothing else writes until it is committed or dropped, which undoes it.
pub(crate) struct Change {
    transaction: Transaction<'static, Sqlite>,
    now: UtcTime,
}

impl Accounts {
    /// Opens the accounts file; on the first run makes it, with an installation, its tenant and its
    /// administrator. A file of an older format is upgraded, once a copy of it was put beside it.
    ///
    /// # Errors
    /// [`OpenError::Newer`] for a file of a newer release, which is left as it is;
    /// [`OpenError`] of another kind if the file is none of accounts, or it fails.
    pub async fn open(path: &Path, now: UtcTime) -> Result<Self, OpenError> {
        let not_opened = |error| OpenError::Storage { path: path.to_owned(), error };
        let failed = |error: sqlx::Error| not_opened(error.into());
        // The format is looked at before anything about the file is changed, its journal mode
        // included.
        let plain = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT);
        let mut first = SqliteConnection::connect_with(&plain).await.map_err(failed)?;
        format::read(&mut first, path).await?;
        first.close().await.map_err(failed)?;

        let options = plain
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is deleted is overwritten: the keys of erasures, and the tags that they take away.
            .pragma("secure_delete", "ON")
            .foreign_keys(true);
        let read_only = options.clone().read_only(true);
        let pool = || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None);
        let writer = pool().max_connections(1).connect_with(options).await;
        let writer = writer.map_err(failed)?;
        let transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let mut change = Change { transaction, now };
        match format::read(&mut change, path).await? {
            None => first_run(&mut change).await.map_err(not_opened)?,
            Some(FORMAT) => {}
            Some(older) => {
                format::copy(&read_only, path, older).await?;
                format::upgrade(&mut change, older).await.map_err(not_opened)?;
            }
        }
        let installation = installation(&mut change).await.map_err(not_opened)?;
        change.commit().await.map_err(not_opened)?;
        let reader = pool().max_connections(READERS_MAX).connect_with(read_only).await;
        Ok(Self {
            writer,
            reader: reader.map_err(failed)?,
            installation,
            asked_about: Arc::new(AtomicI64::new(UtcTime::MIN.to_micros())),
            declared: Declared::default(),
        })
    }

    /// What the first run made.
    #[must_use]
    pub fn installation(&self) -> Installation {
        self.installation
    }

    /// The latest change.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn revision(&self) -> Result<Revision, StorageError> {
        let row = sqlx::query("SELECT max(number) AS number FROM revision");
        let row = row.fetch_one(&self.reader).await?;
        Ok(Revision(Stored::new("revision", &row).count("number")?))
    }

    /// The last change made at or before a moment; revision 0, which has nothing, if there is none.
    ///
    /// The answer is final: changes under way are waited for, and later ones are given a later time.
    /// So the moment has to have come; one that has not would push them into the future.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn revision_at(&self, time: UtcTime) -> Result<Revision, StorageError> {
        self.settle(time).await?;
        let row = sqlx::query(
            "SELECT number FROM revision WHERE at_micros <= ? ORDER BY number DESC LIMIT 1",
        );
        let row = row.bind(time.to_micros()).fetch_optional(&self.reader).await?;
        let number = row.map(|row| Stored::new("revision", &row).count("number"));
        Ok(Revision(number.transpose()?.unwrap_or(0)))
    }

    /// When a change was made; none if there is no such revision.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn revision_time(&self, revision: Revision) -> Result<Option<UtcTime>, StorageError> {
        let row = sqlx::query("SELECT at_micros FROM revision WHERE number = ?");
        let row = row.bind(stored(revision.0)).fetch_optional(&self.reader).await?;
        row.map(|row| Stored::new("revision", &row).time("at_micros")).transpose()
    }

    /// Closes the file, for every clone; writes under way are finished first, and watermarks that
    /// are held back are written.
    ///
    /// # Errors
    /// [`StorageError`] if those cannot be written; the file is closed all the same.
    pub async fn close(&self) -> Result<(), StorageError> {
        let written = self.write_declared().await;
        self.reader.close().await;
        self.writer.close().await;
        written
    }

    /// How the file is opened by whoever may write.
    pub(crate) fn writer_options(&self) -> Arc<SqliteConnectOptions> {
        self.writer.connect_options()
    }

    /// What runs outside of any transaction.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Begins a change. Its time is `now`, or later: not before the last change, and after all that
    /// was asked about.
    pub(crate) async fn begin(&self, now: UtcTime) -> Result<Change, StorageError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let row = sqlx::query("SELECT at_micros FROM revision ORDER BY number DESC LIMIT 1");
        let row = row.fetch_one(&mut *transaction).await?;
        let last = Stored::new("revision", &row).time("at_micros")?;
        let asked_about = self.asked_about.load(Ordering::SeqCst);
        // Nothing can be after the end of time.
        let unasked = UtcTime::from_micros(asked_about + 1).unwrap_or(UtcTime::MAX);
        Ok(Change { transaction, now: now.max(last).max(unasked) })
    }

    /// Returns once all that is made at or before a moment is on file: what is under way is waited
    /// for, and what comes is made later.
    pub(crate) async fn settle(&self, time: UtcTime) -> Result<(), StorageError> {
        // In this order: a change that does not see the moment holds the connection already.
        self.asked_about.fetch_max(time.to_micros(), Ordering::SeqCst);
        // A commit that nobody waits for any more is done before another transaction begins.
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?.rollback().await?)
    }
}

impl Change {
    /// When it is made.
    pub(crate) fn now(&self) -> UtcTime {
        self.now
    }

    pub(crate) async fn commit(self) -> Result<(), StorageError> {
        Ok(self.transaction.commit().await?)
    }
}

impl Deref for Change {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

async fn first_run(change: &mut Change) -> Result<(), StorageError> {
    format::make(change).await?;
    let administrator = ObjectId::from_bits(random_guid());
    let tenant = TenantId::from_bits(random_guid());
    let by = administrator.to_string();
    let entry = Entry::new("installation/write", "installation")
        .new_fact("tenantId", tenant)
        .new_fact("administrator", administrator);
    let revision = add_revision(change, &by, "initialise", &entry).await?;
    insert_tenant(change, tenant, revision).await?;
    sqlx::query(
        "INSERT INTO installation (id, tenant, administrator, revision) VALUES (?, ?, ?, ?)",
    )
    .bind(InstallationId::from_bits(random_guid()).to_string())
    .bind(tenant.to_string())
    .bind(by)
    .bind(stored(revision.0))
    .execute(&mut **change)
    .await?;
    Ok(())
}

async fn installation(connection: &mut SqliteConnection) -> Result<Installation, StorageError> {
    let row = sqlx::query("SELECT id, tenant, administrator FROM installation");
    let row = row.fetch_one(connection).await?;
    let row = Stored::new("installation", &row);
    Ok(Installation {
        id: row.parsed("id", InstallationId::parse)?,
        tenant: row.parsed("tenant", TenantId::parse)?,
        administrator: row.parsed("administrator", ObjectId::parse)?,
    })
}

pub(crate) async fn insert_tenant(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO tenant (id, revision) VALUES (?, ?)")
        .bind(tenant.to_string())
        .bind(stored(revision.0))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) fn random_guid() -> u128 {
    Uuid::new_v4().as_u128()
}

/// A count as SQLite stores it.
///
/// # Panics
/// From 2^63 on, which nothing counted here reaches.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).expect("counts of accounts are below 2^63")
}

/// A row of a table, whose values are checked on their way back.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    table: &'static str,
    row: &'a SqliteRow,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(table: &'static str, row: &'a SqliteRow) -> Self {
        Self { table, row }
    }

    pub(crate) fn text(self, column: &'static str) -> Result<&'a str, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn owned_text(self, column: &'static str) -> Result<String, StorageError> {
        self.text(column).map(str::to_owned)
    }

    pub(crate) fn bytes(self, column: &'static str) -> Result<&'a [u8], StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn integer(self, column: &'static str) -> Result<i64, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn count<T: TryFrom<i64>>(self, column: &'static str) -> Result<T, StorageError> {
        let value = self.integer(column)?;
        T::try_from(value).map_err(|_| self.damaged(column, value.to_string()))
    }

    pub(crate) fn time(self, column: &'static str) -> Result<UtcTime, StorageError> {
        let micros = self.integer(column)?;
        UtcTime::from_micros(micros).map_err(|_| self.damaged(column, micros.to_string()))
    }

    pub(crate) fn date(self, column: &'static str) -> Result<Date, StorageError> {
        let days = self.count(column)?;
        Date::from_days(days).map_err(|_| self.damaged(column, days.to_string()))
    }

    pub(crate) fn flag(self, column: &'static str) -> Result<bool, StorageError> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.damaged(column, other.to_string())),
        }
    }

    pub(crate) fn parsed<T, E>(
        self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StorageError> {
        let text = self.text(column)?;
        parse(text).map_err(|_| self.damaged(column, text.chars().take(100).collect()))
    }

    /// A column that may be without a value.
    pub(crate) fn optional<T>(
        self,
        column: &'static str,
        read: impl FnOnce(Self, &'static str) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        if self.row.try_get_raw(column)?.is_null() {
            return Ok(None);
        }
        read(self, column).map(Some)
    }

    pub(crate) fn damaged(self, column: &'static str, value: String) -> StorageError {
        StorageError::Damaged { table: self.table, column, value }
    }
}
