//! Changes of subscriptions on file.

use std::fmt;

use domain::decimal::Money;
use domain::id::{OfferId, SubscriptionId};
use domain::time::{Date, UtcTime};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::error::StorageError;
use crate::limits::SUBSCRIPTION_CHANGES_MAX;
use crate::store::{Accounts, Revision, Stored, add_revision, stored};
use crate::subscription::{
    Buyer, DisplayName, StoredSubscriptionChange, Subscription, SubscriptionChange,
    SubscriptionState,
};
use crate::subscriptions::{find_subscription, read_anchor, with_changes};

/// Why a subscription was not changed.
#[derive(Debug)]
pub enum ChangeSubscriptionError {
    /// There is no such subscription.
    NotFound(SubscriptionId),
    /// It is cancelled, and changes no more.
    Cancelled(SubscriptionId),
    /// The change sets nothing.
    Nothing,
    /// The commitment is negative, or too large to be stored.
    Commitment(Money),
    /// It has been changed as often as a subscription may be.
    TooMany(SubscriptionId),
    /// The accounts file failed.
    Storage(StorageError),
}

/// Changes with who made them and when; each use adds its own condition and order.
macro_rules! changes {
    ($rest:literal) => {
        concat!(
            "SELECT subscription_change.*, at_micros, by
             FROM subscription_change JOIN revision ON number = revision ",
            $rest
        )
    };
}

impl Accounts {
    /// Changes a subscription from a day on, which may be past or to come; answers the subscription
    /// with the change.
    ///
    /// # Errors
    /// [`ChangeSubscriptionError`] if there is no such subscription, it is cancelled, the change is
    /// none, or the file fails.
    pub async fn change_subscription(
        &self,
        id: SubscriptionId,
        change: SubscriptionChange,
        effective: Date,
        by: &str,
        now: UtcTime,
    ) -> Result<Subscription, ChangeSubscriptionError> {
        let names = names(&change);
        if names.is_empty() {
            return Err(ChangeSubscriptionError::Nothing);
        }
        if let Some(Some(commitment)) = change.commitment {
            check_commitment(commitment)?;
        }
        let mut transaction = self.begin().await?;
        let found = find_subscription(&mut transaction, id).await?;
        let before = found.ok_or(ChangeSubscriptionError::NotFound(id))?;
        if before.is_cancelled() {
            return Err(ChangeSubscriptionError::Cancelled(id));
        }
        if u64::try_from(before.changes.len()).is_ok_and(|count| count >= SUBSCRIPTION_CHANGES_MAX)
        {
            return Err(ChangeSubscriptionError::TooMany(id));
        }
        let action = format!("change {} of subscription {id} from {effective}", names.join(", "));
        let revision = add_revision(&mut transaction, by, now, &action).await?;
        insert_change(&mut transaction, id, &change, effective, revision).await?;
        transaction.commit().await?;
        let by = by.to_owned();
        let made = StoredSubscriptionChange { revision, at: now, by, effective, change };
        Ok(with_changes(before, vec![made]))
    }

    /// The changes of a subscription, in order of revision; none if there is no such subscription.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn subscription_changes(
        &self,
        id: SubscriptionId,
    ) -> Result<Vec<StoredSubscriptionChange>, StorageError> {
        let mut reader = self.reader.acquire().await?;
        changes_of(&mut reader, id).await
    }
}

/// What a change sets, in words.
fn names(change: &SubscriptionChange) -> Vec<&'static str> {
    let SubscriptionChange { name, offer, anchor, commitment, invoice_download, buyer, state } =
        change;
    let set = [
        ("name", name.is_some()),
        ("offer", offer.is_some()),
        ("anchor day", anchor.is_some()),
        ("commitment", commitment.is_some()),
        ("invoice download", invoice_download.is_some()),
        ("buyer", buyer.is_some()),
        ("state", state.is_some()),
    ];
    set.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
}

/// An amount that was computed may be larger than one that can be read back.
fn check_commitment(commitment: Money) -> Result<(), ChangeSubscriptionError> {
    let is_readable = Money::parse(&commitment.to_string()) == Ok(commitment);
    if commitment < Money::ZERO || !is_readable {
        return Err(ChangeSubscriptionError::Commitment(commitment));
    }
    Ok(())
}

async fn insert_change(
    connection: &mut SqliteConnection,
    id: SubscriptionId,
    change: &SubscriptionChange,
    effective: Date,
    revision: Revision,
) -> Result<(), StorageError> {
    let commitment = change.commitment.map(|new| new.map_or(String::new(), |new| new.to_string()));
    let buyer = change.buyer.as_ref().map(|new| new.as_ref().map_or("", Buyer::as_str));
    sqlx::query(
        "INSERT INTO subscription_change
             (revision, subscription, effective_day, name, offer, anchor_day, commitment,
              invoice_download, buyer, state)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(stored(revision.0))
    .bind(id.to_string())
    .bind(i64::from(effective.to_days()))
    .bind(change.name.as_ref().map(DisplayName::as_str))
    .bind(change.offer.as_ref().map(OfferId::as_str))
    .bind(change.anchor.map(|anchor| i64::from(anchor.day())))
    .bind(commitment)
    .bind(change.invoice_download.map(i64::from))
    .bind(buyer)
    .bind(change.state.map(SubscriptionState::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

/// The changes of a subscription, in order of revision.
pub(crate) async fn changes_of(
    connection: &mut SqliteConnection,
    id: SubscriptionId,
) -> Result<Vec<StoredSubscriptionChange>, StorageError> {
    let rows = sqlx::query(changes!("WHERE subscription = ? ORDER BY revision"));
    let rows = rows.bind(id.to_string()).fetch_all(connection).await?;
    rows.iter().map(read_change).collect()
}

/// The changes of every subscription, in order of revision.
pub(crate) async fn all_changes(
    connection: &mut SqliteConnection,
) -> Result<Vec<(SubscriptionId, StoredSubscriptionChange)>, StorageError> {
    let rows = sqlx::query(changes!("ORDER BY revision")).fetch_all(connection).await?;
    let read = |row: &SqliteRow| {
        let id = Stored::new("subscription_change", row);
        Ok((id.parsed("subscription", SubscriptionId::parse)?, read_change(row)?))
    };
    rows.iter().map(read).collect()
}

fn read_change(row: &SqliteRow) -> Result<StoredSubscriptionChange, StorageError> {
    let row = Stored::new("subscription_change", row);
    Ok(StoredSubscriptionChange {
        revision: Revision(row.count("revision")?),
        at: row.time("at_micros")?,
        by: row.text("by")?.to_owned(),
        effective: row.date("effective_day")?,
        change: SubscriptionChange {
            name: row.optional("name", |row, name| row.parsed(name, DisplayName::parse))?,
            offer: row.optional("offer", |row, offer| row.parsed(offer, OfferId::parse))?,
            anchor: row.optional("anchor_day", read_anchor)?,
            commitment: row.optional("commitment", |row, amount| {
                row.parsed(amount, |text| unless_empty(text, Money::parse))
            })?,
            invoice_download: row.optional("invoice_download", Stored::flag)?,
            buyer: row.optional("buyer", |row, buyer| {
                row.parsed(buyer, |text| unless_empty(text, Buyer::parse))
            })?,
            state: row
                .optional("state", |row, state| row.parsed(state, SubscriptionState::parse))?,
        },
    })
}

fn unless_empty<T, E>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, E> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

impl fmt::Display for ChangeSubscriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(id) => write!(f, "subscription {id} does not exist"),
            Self::Cancelled(id) => write!(f, "subscription {id} is cancelled"),
            Self::Nothing => f.write_str("the change of a subscription sets nothing"),
            Self::Commitment(amount) => {
                write!(f, "commitment {amount} is negative or not below 10^18")
            }
            Self::TooMany(id) => {
                write!(
                    f,
                    "subscription {id} was changed {SUBSCRIPTION_CHANGES_MAX} times, its most"
                )
            }
            Self::Storage(_) => f.write_str("subscription was not changed"),
        }
    }
}

impl std::error::Error for ChangeSubscriptionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_)
            | Self::Cancelled(_)
            | Self::Nothing
            | Self::Commitment(_)
            | Self::TooMany(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(ChangeSubscriptionError);
