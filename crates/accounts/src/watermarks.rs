//! Watermarks on file: up to when a source says that all usage of a subscription was delivered.
//!
//! They come often and price nothing, so they make no revision; each keeps when it was stored.

use std::fmt;

use domain::id::{Source, SubscriptionId};
use domain::time::UtcTime;
use sqlx::SqliteConnection;

use crate::error::StorageError;
use crate::limits::WATERMARK_SOURCES_MAX;
use crate::store::{Accounts, Stored, stored};
use crate::subscriptions::subscription_exists;

/// Why a watermark was not stored.
#[derive(Debug)]
pub enum AddWatermarkError {
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// As many sources as may be declare watermarks of this subscription, and this is another.
    TooManySources(SubscriptionId),
    /// The accounts file failed.
    Storage(StorageError),
}

impl Accounts {
    /// Stores that a source has delivered all usage of a subscription that ended up to a moment;
    /// false if it said so before, for this moment or a later one, and nothing was stored.
    ///
    /// # Errors
    /// [`AddWatermarkError`] if there is no such subscription, too many sources, or the file fails.
    pub async fn add_watermark(
        &self,
        subscription: SubscriptionId,
        source: &Source,
        complete_up_to: UtcTime,
        now: UtcTime,
    ) -> Result<bool, AddWatermarkError> {
        let mut change = self.begin().await?;
        let number = match source_number(&mut change, subscription, source).await? {
            Some(number) => number,
            None => add_source(&mut change, subscription, source).await?,
        };
        let latest = sqlx::query_scalar::<_, Option<i64>>(
            "SELECT max(complete_up_to_micros) FROM watermark WHERE source = ?",
        );
        let latest = latest.bind(stored(number)).fetch_one(&mut *change).await?;
        if latest.is_some_and(|latest| complete_up_to.to_micros() <= latest) {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO watermark (source, complete_up_to_micros, at_micros) VALUES (?, ?, ?)",
        )
        .bind(stored(number))
        .bind(complete_up_to.to_micros())
        .bind(now.to_micros())
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(true)
    }

    /// The latest watermark of each source of a subscription, as known at a moment or, without one,
    /// now; in order of source.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn watermarks(
        &self,
        subscription: SubscriptionId,
        at: Option<UtcTime>,
    ) -> Result<Vec<(Source, UtcTime)>, StorageError> {
        let rows = sqlx::query(
            "SELECT source, complete_up_to_micros FROM (
                 SELECT source,
                     (SELECT complete_up_to_micros FROM watermark
                      WHERE watermark.source = watermark_source.number AND at_micros <= ?
                      ORDER BY complete_up_to_micros DESC LIMIT 1) AS complete_up_to_micros
                 FROM watermark_source WHERE subscription = ?)
             WHERE complete_up_to_micros IS NOT NULL ORDER BY source",
        );
        let rows = rows.bind(at.unwrap_or(UtcTime::MAX).to_micros()).bind(subscription.to_string());
        let mut watermarks = Vec::new();
        for row in &rows.fetch_all(&self.reader).await? {
            let row = Stored::new("watermark", row);
            let source = row.parsed("source", Source::parse)?;
            watermarks.push((source, row.time("complete_up_to_micros")?));
        }
        Ok(watermarks)
    }
}

async fn source_number(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
    source: &Source,
) -> Result<Option<u64>, StorageError> {
    let row =
        sqlx::query("SELECT number FROM watermark_source WHERE subscription = ? AND source = ?");
    let row = row.bind(subscription.to_string()).bind(source.as_str());
    let row = row.fetch_optional(connection).await?;
    row.map(|row| Stored::new("watermark_source", &row).count("number")).transpose()
}

async fn add_source(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
    source: &Source,
) -> Result<u64, AddWatermarkError> {
    if !subscription_exists(connection, subscription).await? {
        return Err(AddWatermarkError::NoSuchSubscription(subscription));
    }
    let count = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM watermark_source WHERE subscription = ?",
    );
    let count = count.bind(subscription.to_string()).fetch_one(&mut *connection).await?;
    if count >= stored(WATERMARK_SOURCES_MAX) {
        return Err(AddWatermarkError::TooManySources(subscription));
    }
    let row = sqlx::query(
        "INSERT INTO watermark_source (number, subscription, source)
         SELECT coalesce(max(number), 0) + 1, ?, ? FROM watermark_source RETURNING number",
    );
    let row = row.bind(subscription.to_string()).bind(source.as_str());
    let row = row.fetch_one(connection).await?;
    Ok(Stored::new("watermark_source", &row).count("number")?)
}

impl fmt::Display for AddWatermarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::TooManySources(id) => write!(
                f,
                "subscription {id} has watermarks of {WATERMARK_SOURCES_MAX} sources, its most"
            ),
            Self::Storage(_) => f.write_str("watermark was not stored"),
        }
    }
}

impl std::error::Error for AddWatermarkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoSuchSubscription(_) | Self::TooManySources(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(AddWatermarkError);
