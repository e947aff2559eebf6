//! A copy of the accounts as of one moment, while changes go on.
//!
//! SQLite's own ways to copy a database take it as of when they get round to it, and cannot be told a
//! moment. Here a transaction that reads is begun at the moment; what it sees is then written, table by
//! table, into a new file.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::store::{Accounts, Revision, Stored};
use domain::time::UtcTime;

/// The accounts as of one moment, about to be copied. Dropped, nothing is copied.
#[derive(Debug)]
pub struct Pinned {
    connection: SqliteConnection,
    revision: Revision,
}

impl Accounts {
    /// Holds on to the accounts as they are now; `copy` is an empty file that they are to be copied
    /// into. Quick: nothing is copied yet.
    ///
    /// # Errors
    /// [`StorageError`] if a file fails.
    pub async fn pin(&self, copy: &Path) -> Result<Pinned, StorageError> {
        self.write_declared().await?;
        let options = self.writer_options();
        let mut connection = SqliteConnection::connect_with(&options).await?;
        // Rows are written table by table, each before those that it names.
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await?;
        let copy = copy.to_string_lossy().into_owned();
        sqlx::query("ATTACH DATABASE ? AS copy").bind(copy).execute(&mut connection).await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        // The first read is of the moment that the transaction sees from then on.
        let row = sqlx::query("SELECT max(number) AS number FROM main.revision");
        let row = row.fetch_one(&mut connection).await?;
        let revision = Revision(Stored::new("revision", &row).count("number")?);
        Ok(Pinned { connection, revision })
    }

    /// Notes in the audit log that everything is being copied, and up to where.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails; then nothing changed.
    pub async fn note_backup(
        &self,
        by: &str,
        with_keys: bool,
        now: UtcTime,
    ) -> Result<Revision, StorageError> {
        let mut change = self.begin(now).await?;
        let entry = Entry::new("backups/write", "installation").new_fact("keys", with_keys);
        let action = "take a backup";
        let revision = add_revision(&mut change, by, action, &entry).await?;
        change.commit().await?;
        Ok(revision)
    }
}

impl Pinned {
    /// The last change that is copied.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Copies everything; the file is on disk when this returns.
    ///
    /// # Errors
    /// [`StorageError`] if a file fails; the copy is of no use then.
    pub async fn copy(mut self) -> Result<(), StorageError> {
        let connection = &mut self.connection;
        let made = sqlx::query_as::<_, (String, String, String)>(
            "SELECT type, name, sql FROM main.sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
        );
        let made = made.fetch_all(&mut *connection).await?;
        let (tables, others): (Vec<_>, Vec<_>) =
            made.into_iter().partition(|(kind, _, _)| kind == "table");
        for (_, name, sql) in &tables {
            run(connection, in_copy("TABLE", sql)?).await?;
            run(connection, format!("INSERT INTO copy.\"{name}\" SELECT * FROM main.\"{name}\""))
                .await?;
        }
        // Triggers would refuse nothing of this, but they come behind the rows all the same.
        for (kind, _, sql) in &others {
            run(connection, in_copy(&kind.to_uppercase(), sql)?).await?;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        sqlx::query("DETACH DATABASE copy").execute(&mut *connection).await?;
        Ok(self.connection.close().await?)
    }
}

/// The statement that makes a table, index or trigger, for the copy.
fn in_copy(kind: &str, sql: &str) -> Result<String, StorageError> {
    let made = [format!("CREATE {kind} "), format!("CREATE UNIQUE {kind} ")];
    let made = made.iter().find_map(|made| Some((made, sql.strip_prefix(made.as_str())?)));
    let damaged = || StorageError::Damaged {
        table: "sqlite_schema",
        column: "sql",
        value: sql.chars().take(100).collect(),
    };
    made.map(|(made, rest)| format!("{made}copy.{rest}")).ok_or_else(damaged)
}

async fn run(connection: &mut SqliteConnection, sql: String) -> Result<(), StorageError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}
