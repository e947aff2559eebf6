//! The accounts file: opening it, its revisions, and reading rows back into values.
//!
//! Writes go through one connection, one transaction each, and are on disk when they return. Reads
//! have connections of their own and never wait for a write.

use std::path::Path;
use std::time::Duration;

use domain::id::{IdError, InstallationId, ObjectId, TenantId};
use domain::time::UtcTime;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, Sqlite, SqliteConnection, SqlitePool, Transaction};
use uuid::Uuid;

use crate::error::{OpenError, StorageError};

/// The format that this release writes.
const FORMAT: i64 = 1;
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
}

impl Accounts {
    /// Opens the accounts file; on the first run makes it, with an installation, its tenant and its
    /// administrator.
    ///
    /// # Errors
    /// [`OpenError::Newer`] for a file of a newer release, which is left as it is.
    pub async fn open(path: &Path, now: UtcTime) -> Result<Self, OpenError> {
        let failed =
            |error| OpenError::Storage { path: path.to_owned(), error: StorageError::from(error) };
        // The format is looked at before anything about the file is changed, its journal mode
        // included.
        let plain = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT);
        let once = SqlitePoolOptions::new().max_connections(1);
        let first = once.connect_with(plain.clone()).await.map_err(failed)?;
        check_format(&first, path).await?;
        first.close().await;

        let options = plain
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let pool = || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None);
        let writer = pool().max_connections(1).connect_with(options.clone()).await;
        let writer = writer.map_err(failed)?;
        let installation = initialise(&writer, now)
            .await
            .map_err(|error| OpenError::Storage { path: path.to_owned(), error })?;
        let reader =
            pool().max_connections(READERS_MAX).connect_with(options.read_only(true)).await;
        Ok(Self { writer, reader: reader.map_err(failed)?, installation })
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

    /// Closes the file, for every clone; writes under way are finished first.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins a change: nothing else writes until it is committed or dropped, which undoes it.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StorageError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Adds the revision that a change is made under.
pub(crate) async fn add_revision(
    connection: &mut SqliteConnection,
    by: &str,
    now: UtcTime,
    action: &str,
) -> Result<Revision, StorageError> {
    let row = sqlx::query(
        "INSERT INTO revision (number, at_micros, by, action)
         SELECT coalesce(max(number), 0) + 1, ?, ?, ? FROM revision RETURNING number",
    );
    let row = row.bind(now.to_micros()).bind(by).bind(action).fetch_one(connection).await?;
    Ok(Revision(Stored::new("revision", &row).count("number")?))
}

async fn check_format(pool: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Storage { path: path.to_owned(), error };
    let tables = sqlx::query_scalar::<_, String>("SELECT name FROM sqlite_schema");
    let tables = tables.fetch_all(pool).await.map_err(|error| failed(error.into()))?;
    if tables.is_empty() {
        return Ok(());
    }
    if !tables.iter().any(|table| table == "format") {
        return Err(OpenError::NotAccounts { path: path.to_owned() });
    }
    let row = sqlx::query("SELECT max(version) AS version FROM format").fetch_one(pool).await;
    let row = row.map_err(|error| failed(error.into()))?;
    match Stored::new("format", &row).integer("version").map_err(failed)? {
        FORMAT => Ok(()),
        format if format > FORMAT => {
            Err(OpenError::Newer { path: path.to_owned(), format, supported: FORMAT })
        }
        _ => Err(OpenError::NotAccounts { path: path.to_owned() }),
    }
}

async fn initialise(writer: &SqlitePool, now: UtcTime) -> Result<Installation, StorageError> {
    let mut change = writer.begin_with("BEGIN IMMEDIATE").await?;
    let tables = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema");
    if tables.fetch_one(&mut *change).await? == 0 {
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *change).await?;
        sqlx::query("INSERT INTO format (version) VALUES (?)")
            .bind(FORMAT)
            .execute(&mut *change)
            .await?;
        let administrator = ObjectId::from_bits(random_guid());
        let tenant = TenantId::from_bits(random_guid());
        let by = administrator.to_string();
        let revision = add_revision(&mut change, &by, now, "initialise").await?;
        insert_tenant(&mut change, tenant, revision).await?;
        sqlx::query(
            "INSERT INTO installation (id, tenant, administrator, revision) VALUES (?, ?, ?, ?)",
        )
        .bind(InstallationId::from_bits(random_guid()).to_string())
        .bind(tenant.to_string())
        .bind(by)
        .bind(stored(revision.0))
        .execute(&mut *change)
        .await?;
    }
    let row = sqlx::query("SELECT id, tenant, administrator FROM installation");
    let row = row.fetch_one(&mut *change).await?;
    change.commit().await?;
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

    pub(crate) fn parsed<T>(
        self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, IdError>,
    ) -> Result<T, StorageError> {
        let text = self.text(column)?;
        parse(text).map_err(|error| self.damaged(column, error.text))
    }

    pub(crate) fn damaged(self, column: &'static str, value: String) -> StorageError {
        StorageError::Damaged { table: self.table, column, value }
    }
}
