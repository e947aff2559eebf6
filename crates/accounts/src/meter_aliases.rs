//! Meter aliases on file: usage of an old meter id is priced as that of a new one.

use std::fmt;

use domain::alias::MeterAlias;
use domain::id::MeterId;
use domain::time::UtcTime;
use sqlx::SqliteConnection;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::METER_ALIASES_MAX;
use crate::store::{Accounts, Revision, Stored, stored};

/// Why an alias was not added.
#[derive(Debug)]
pub enum AddMeterAliasError {
    /// The old id and the new one are the same.
    Itself(MeterId),
    /// Aliases of the new id lead back to the old one.
    Cycle {
        /// The old id.
        old: MeterId,
        /// The new id.
        new: MeterId,
    },
    /// There are as many aliases as there may be.
    TooMany,
    /// The accounts file failed.
    Storage(StorageError),
}

/// Why an alias was not removed.
#[derive(Debug)]
pub enum RemoveMeterAliasError {
    /// This id has no alias, or no more.
    NotFound(MeterId),
    /// The accounts file failed.
    Storage(StorageError),
}

impl Accounts {
    /// Has usage of an old meter id priced as that of a new one, in the place of any other alias of
    /// the old id; with `reprice_closed` in billing periods that are closed, too.
    ///
    /// # Errors
    /// [`AddMeterAliasError`] if the alias leads back to itself, or the file fails.
    pub async fn add_meter_alias(
        &self,
        old: MeterId,
        new: MeterId,
        reprice_closed: bool,
        by: &str,
        now: UtcTime,
    ) -> Result<Revision, AddMeterAliasError> {
        if old == new {
            return Err(AddMeterAliasError::Itself(old));
        }
        let mut change = self.begin(now).await?;
        if leads_to(&mut change, new, old).await? {
            return Err(AddMeterAliasError::Cycle { old, new });
        }
        if aliases_beside(&mut change, old).await? >= stored(METER_ALIASES_MAX) {
            return Err(AddMeterAliasError::TooMany);
        }
        let action = format!("alias meter {old} to {new}");
        let entry = Entry::new("meterAliases/write", old)
            .fact("meterId", alias_of(&mut change, old).await?, Some(new))
            .new_fact("repriceClosed", reprice_closed);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        insert_alias(&mut change, old, Some(new), reprice_closed, revision).await?;
        change.commit().await?;
        Ok(revision)
    }

    /// Has usage of a meter id priced as its own again; with `reprice_closed` in billing periods
    /// that are closed, too.
    ///
    /// # Errors
    /// [`RemoveMeterAliasError`] if it has no alias, or the file fails.
    pub async fn remove_meter_alias(
        &self,
        old: MeterId,
        reprice_closed: bool,
        by: &str,
        now: UtcTime,
    ) -> Result<Revision, RemoveMeterAliasError> {
        let mut change = self.begin(now).await?;
        let before = alias_of(&mut change, old).await?;
        let before = before.ok_or(RemoveMeterAliasError::NotFound(old))?;
        let action = format!("remove alias of meter {old}");
        let entry = Entry::new("meterAliases/delete", old)
            .gone_fact("meterId", before)
            .new_fact("repriceClosed", reprice_closed);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        insert_alias(&mut change, old, None, reprice_closed, revision).await?;
        change.commit().await?;
        Ok(revision)
    }

    /// Every alias and removal of one as of a revision, in order of revision.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn meter_aliases(&self, as_of: Revision) -> Result<Vec<MeterAlias>, StorageError> {
        let rows = sqlx::query(
            "SELECT old, new, reprice_closed, at_micros
             FROM meter_alias JOIN revision ON number = revision
             WHERE revision <= ? ORDER BY revision",
        );
        let rows = rows.bind(stored(as_of.0)).fetch_all(&self.reader).await?;
        let read = |row| {
            let row = Stored::new("meter_alias", row);
            Ok(MeterAlias {
                old: row.parsed("old", MeterId::parse)?,
                new: row.optional("new", |row, new| row.parsed(new, MeterId::parse))?,
                made_at: row.time("at_micros")?,
                reprice_closed: row.flag("reprice_closed")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

/// How many aliases of other old ids are in force.
async fn aliases_beside(
    connection: &mut SqliteConnection,
    old: MeterId,
) -> Result<i64, StorageError> {
    let count = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM meter_alias AS latest
         WHERE new IS NOT NULL AND old <> ?
             AND revision = (SELECT max(revision) FROM meter_alias WHERE old = latest.old)",
    );
    Ok(count.bind(old.to_string()).fetch_one(connection).await?)
}

async fn leads_to(
    connection: &mut SqliteConnection,
    from: MeterId,
    to: MeterId,
) -> Result<bool, StorageError> {
    let mut last = from;
    for _ in 0..METER_ALIASES_MAX {
        match alias_of(connection, last).await? {
            Some(next) if next == to => return Ok(true),
            Some(next) => last = next,
            None => return Ok(false),
        }
    }
    Ok(true) // a chain longer than there are aliases has a cycle already
}

async fn alias_of(
    connection: &mut SqliteConnection,
    old: MeterId,
) -> Result<Option<MeterId>, StorageError> {
    let row =
        sqlx::query("SELECT new FROM meter_alias WHERE old = ? ORDER BY revision DESC LIMIT 1");
    let row = row.bind(old.to_string()).fetch_optional(connection).await?;
    let read = |row: Stored<'_>, new| row.parsed(new, MeterId::parse);
    let new = row.map(|row| Stored::new("meter_alias", &row).optional("new", read));
    Ok(new.transpose()?.flatten())
}

async fn insert_alias(
    connection: &mut SqliteConnection,
    old: MeterId,
    new: Option<MeterId>,
    reprice_closed: bool,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO meter_alias (revision, old, new, reprice_closed) VALUES (?, ?, ?, ?)")
        .bind(stored(revision.0))
        .bind(old.to_string())
        .bind(new.map(|new| new.to_string()))
        .bind(i64::from(reprice_closed))
        .execute(connection)
        .await?;
    Ok(())
}

impl fmt::Display for AddMeterAliasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself(meter) => write!(f, "meter {meter} cannot be an alias to itself"),
            Self::Cycle { old, new } => {
                write!(f, "meter {old} cannot be an alias to {new}, which leads back to it")
            }
            Self::TooMany => write!(f, "{METER_ALIASES_MAX} meter aliases are the most"),
            Self::Storage(_) => f.write_str("meter alias was not added"),
        }
    }
}

impl std::error::Error for AddMeterAliasError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Itself(_) | Self::Cycle { .. } | Self::TooMany => None,
            Self::Storage(error) => Some(error),
        }
    }
}

impl fmt::Display for RemoveMeterAliasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(meter) => write!(f, "meter {meter} has no alias"),
            Self::Storage(_) => f.write_str("meter alias was not removed"),
        }
    }
}

impl std::error::Error for RemoveMeterAliasError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(AddMeterAliasError, RemoveMeterAliasError);
