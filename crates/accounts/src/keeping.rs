//! How long the details of usage are kept, and legal holds, under which nothing of a subscription is
//! erased.

use std::fmt;

use domain::id::SubscriptionId;
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::{HOLD_REASON_CHARS_MAX, RETENTION_DAYS_MAX};
use crate::store::{Accounts, Revision, Stored, stored};
use crate::subscriptions::subscription_exists;

/// For how long the details of a subscription's usage are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// For so many days, from the start of usage on.
    pub days: u32,
    /// The revision that it came with.
    pub revision: Revision,
    /// When it was set.
    pub at: UtcTime,
    /// Who set it.
    pub by: String,
}

/// A legal hold on a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalHold {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Why nothing may be erased.
    pub reason: HoldReason,
    /// The revision that it came with.
    pub revision: Revision,
    /// When it was set, with this reason.
    pub at: UtcTime,
    /// Who set it.
    pub by: String,
}

/// Why nothing of a subscription may be erased: 1 to 1,000 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReason(Box<str>);

/// Why a text is no reason of a legal hold: it is empty, long, or has a control character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchHoldReason;

/// Why retention or a legal hold was not set, or not taken away.
#[derive(Debug)]
pub enum KeepError {
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// Details are not kept for so many days.
    Days(u32),
    /// The accounts file failed.
    Storage(StorageError),
}

/// Rows with who made them and when; each use adds its own condition.
macro_rules! last {
    ($table:literal, $rest:literal) => {
        concat!(
            "SELECT latest.*, at_micros, by FROM ",
            $table,
            " AS latest JOIN revision ON number = latest.revision
             WHERE latest.revision =
                 (SELECT max(other.revision) FROM ",
            $table,
            " AS other WHERE other.subscription = latest.subscription) ",
            $rest
        )
    };
}

impl HoldReason {
    /// Reads a reason, without the spaces around it.
    ///
    /// # Errors
    /// [`NoSuchHoldReason`] if it is empty, has more than 1,000 characters or a control character.
    pub fn parse(text: &str) -> Result<Self, NoSuchHoldReason> {
        let text = text.trim();
        let fits = (1..=HOLD_REASON_CHARS_MAX).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            return Ok(Self(text.into()));
        }
        Err(NoSuchHoldReason)
    }

    /// The reason.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Accounts {
    /// Has the details of a subscription's usage kept for so many days, or for ever without a
    /// number. Nothing changes if it is so.
    ///
    /// # Errors
    /// [`KeepError`] if there is no such subscription, the days are not 1 to 36,500, or the file
    /// fails.
    pub async fn set_retention(
        &self,
        subscription: SubscriptionId,
        days: Option<u32>,
        by: &str,
        now: UtcTime,
    ) -> Result<Option<Retention>, KeepError> {
        if let Some(days) = days.filter(|days| !(1..=RETENTION_DAYS_MAX).contains(days)) {
            return Err(KeepError::Days(days));
        }
        let mut change = self.begin(now).await?;
        if !subscription_exists(&mut change, subscription).await? {
            return Err(KeepError::NoSuchSubscription(subscription));
        }
        let before = retention_of(&mut change, subscription).await?;
        let days_before = before.as_ref().map(|before| before.days);
        if days_before == days {
            return Ok(before);
        }
        let (operation, action) = match days {
            Some(days) => (
                "retention/write",
                format!("keep details of subscription {subscription} for {days} days"),
            ),
            None => (
                "retention/delete",
                format!("keep details of subscription {subscription} for ever"),
            ),
        };
        let entry = Entry::new(operation, subscription).of_subscription(subscription).fact(
            "days",
            days_before,
            days,
        );
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query("INSERT INTO retention (revision, subscription, days) VALUES (?, ?, ?)")
            .bind(stored(revision.0))
            .bind(subscription.to_string())
            .bind(days.map(i64::from))
            .execute(&mut *change)
            .await?;
        let at = change.now();
        change.commit().await?;
        Ok(days.map(|days| Retention { subscription, days, revision, at, by: by.to_owned() }))
    }

    /// For how long the details of a subscription's usage are kept; for ever without an answer.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn retention(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Option<Retention>, StorageError> {
        retention_of(&mut *self.reader.acquire().await?, subscription).await
    }

    /// The same of every subscription whose details are not kept for ever, in order of id.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn retentions(&self) -> Result<Vec<Retention>, StorageError> {
        let rows = sqlx::query(last!("retention", "AND days IS NOT NULL ORDER BY subscription"));
        rows.fetch_all(&self.reader).await?.iter().map(read_retention).collect()
    }

    /// Puts a legal hold on a subscription, or gives the one that is there another reason. Nothing
    /// changes if it is so.
    ///
    /// # Errors
    /// [`KeepError`] if there is no such subscription or the file fails.
    pub async fn set_legal_hold(
        &self,
        subscription: SubscriptionId,
        reason: HoldReason,
        by: &str,
        now: UtcTime,
    ) -> Result<LegalHold, KeepError> {
        let mut change = self.begin(now).await?;
        if !subscription_exists(&mut change, subscription).await? {
            return Err(KeepError::NoSuchSubscription(subscription));
        }
        let before = legal_hold_of(&mut change, subscription).await?;
        let before = match before {
            Some(before) if before.reason == reason => return Ok(before),
            before => before.map(|before| before.reason),
        };
        let action = format!("put a legal hold on subscription {subscription}");
        let entry = Entry::new("legalHolds/write", subscription)
            .of_subscription(subscription)
            .fact("reason", before.as_ref(), Some(&reason));
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        insert_hold(&mut change, subscription, Some(&reason), revision).await?;
        let at = change.now();
        change.commit().await?;
        Ok(LegalHold { subscription, reason, revision, at, by: by.to_owned() })
    }

    /// Lifts the legal hold on a subscription. Nothing changes if there is none.
    ///
    /// # Errors
    /// [`KeepError`] if there is no such subscription or the file fails.
    pub async fn lift_legal_hold(
        &self,
        subscription: SubscriptionId,
        by: &str,
        now: UtcTime,
    ) -> Result<(), KeepError> {
        let mut change = self.begin(now).await?;
        if !subscription_exists(&mut change, subscription).await? {
            return Err(KeepError::NoSuchSubscription(subscription));
        }
        let Some(before) = legal_hold_of(&mut change, subscription).await? else { return Ok(()) };
        let action = format!("lift the legal hold on subscription {subscription}");
        let entry = Entry::new("legalHolds/delete", subscription)
            .of_subscription(subscription)
            .gone_fact("reason", before.reason);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        insert_hold(&mut change, subscription, None, revision).await?;
        Ok(change.commit().await?)
    }

    /// The legal hold on a subscription, if there is one.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn legal_hold(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Option<LegalHold>, StorageError> {
        legal_hold_of(&mut *self.reader.acquire().await?, subscription).await
    }
}

async fn retention_of(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
) -> Result<Option<Retention>, StorageError> {
    let row = sqlx::query(last!("retention", "AND days IS NOT NULL AND subscription = ?"));
    let row = row.bind(subscription.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(read_retention).transpose()
}

fn read_retention(row: &SqliteRow) -> Result<Retention, StorageError> {
    let row = Stored::new("retention", row);
    Ok(Retention {
        subscription: row.parsed("subscription", SubscriptionId::parse)?,
        days: row.count("days")?,
        revision: Revision(row.count("revision")?),
        at: row.time("at_micros")?,
        by: row.text("by")?.to_owned(),
    })
}

async fn insert_hold(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
    reason: Option<&HoldReason>,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO legal_hold (revision, subscription, reason) VALUES (?, ?, ?)")
        .bind(stored(revision.0))
        .bind(subscription.to_string())
        .bind(reason.map(HoldReason::as_str))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn legal_hold_of(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
) -> Result<Option<LegalHold>, StorageError> {
    let row = sqlx::query(last!("legal_hold", "AND reason IS NOT NULL AND subscription = ?"));
    let row = row.bind(subscription.to_string()).fetch_optional(connection).await?;
    let read = |row: &SqliteRow| {
        let row = Stored::new("legal_hold", row);
        Ok(LegalHold {
            subscription,
            reason: row.parsed("reason", HoldReason::parse)?,
            revision: Revision(row.count("revision")?),
            at: row.time("at_micros")?,
            by: row.text("by")?.to_owned(),
        })
    };
    row.as_ref().map(read).transpose()
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for NoSuchHoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a reason has 1 to {HOLD_REASON_CHARS_MAX} characters, none of them a control character"
        )
    }
}

impl std::error::Error for NoSuchHoldReason {}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::Days(days) => {
                write!(f, "details are kept for 1 to {RETENTION_DAYS_MAX} days, not {days}")
            }
            Self::Storage(_) => f.write_str("what is kept of a subscription was not set"),
        }
    }
}

impl std::error::Error for KeepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoSuchSubscription(_) | Self::Days(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(KeepError);
