//! Changes of subscriptions on file.

use std::fmt;

use domain::decimal::Money;
use domain::id::{OfferId, SubscriptionId};
use domain::time::{Date, UtcTime};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::SUBSCRIPTION_CHANGES_MAX;
use crate::store::{Accounts, Change, Revision, Stored, stored};
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
    /// Another state is on file from a day on, and would stand: the change would change nothing, or
    /// it is cancelled from another day on.
    StateStands {
        /// The subscription.
        id: SubscriptionId,
        /// The state that stands.
        state: SubscriptionState,
        /// The day.
        from: Date,
    },
    /// The change sets nothing of this subscription.
    Nothing(SubscriptionId),
    /// The day is in a billing period that is closed.
    PeriodClosed {
        /// The day.
        effective: Date,
        /// The first one that can be chosen.
        first_open: Date,
    },
    /// Offer and anchor day end the running billing period at a midnight to come, and this day has
    /// begun.
    NotAfterToday {
        /// The day.
        effective: Date,
        /// The first one that can be chosen.
        tomorrow: Date,
    },
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
    /// Changes a subscription from a day on, which is in no billing period that is closed and, for
    /// offer and anchor day, to come; answers the subscription with the change. Without a day it is
    /// the next one where offer, anchor day or commitment change, else today.
    ///
    /// # Errors
    /// [`ChangeSubscriptionError`] if there is no such subscription, it is cancelled, the change is
    /// none, the day cannot be chosen, or the file fails.
    ///
    /// # Panics
    /// If the change is of the state, which [`Self::change_subscription_state`] changes.
    pub async fn change_subscription(
        &self,
        id: SubscriptionId,
        change: SubscriptionChange,
        effective: Option<Date>,
        by: &str,
        now: UtcTime,
    ) -> Result<Subscription, ChangeSubscriptionError> {
        assert!(change.state.is_none(), "the state has rules of its own");
        if change == SubscriptionChange::default() {
            return Err(ChangeSubscriptionError::Nothing(id));
        }
        let commitment = change.commitment.flatten();
        if let Some(amount) = commitment.filter(|amount| !is_commitment(*amount)) {
            return Err(ChangeSubscriptionError::Commitment(amount));
        }
        let mut transaction = self.begin(now).await?;
        let found = find_subscription(&mut transaction, id).await?;
        let before = found.ok_or(ChangeSubscriptionError::NotFound(id))?;
        if before.cancelled_from().is_some() {
            return Err(ChangeSubscriptionError::Cancelled(id));
        }
        let today = transaction.now().date();
        let from_next = change.ends_period() || change.commitment.is_some();
        let default = if from_next { today.plus_days(1) } else { today };
        let effective = effective.unwrap_or(default);
        if change.ends_period() && effective <= today {
            let tomorrow = today.plus_days(1);
            return Err(ChangeSubscriptionError::NotAfterToday { effective, tomorrow });
        }
        let counted = before.changes.iter().filter(|stored| !stored.change.is_of_state_alone());
        if u64::try_from(counted.count()).is_ok_and(|count| count >= SUBSCRIPTION_CHANGES_MAX) {
            return Err(ChangeSubscriptionError::TooMany(id));
        }
        make_change(transaction, before, change, effective, by).await
    }

    /// Suspends, resumes or cancels a subscription from a day on, which is in no billing period that
    /// is closed; today without one. Answers it as it was if it is in that state from the day on, or
    /// if it is to be cancelled and is: today without a day, or from the same one on.
    ///
    /// # Errors
    /// [`ChangeSubscriptionError`] if there is no such subscription, it is cancelled, another state
    /// would stand, the day cannot be chosen, or the file fails.
    pub async fn change_subscription_state(
        &self,
        id: SubscriptionId,
        state: SubscriptionState,
        effective: Option<Date>,
        by: &str,
        now: UtcTime,
    ) -> Result<Subscription, ChangeSubscriptionError> {
        let mut transaction = self.begin(now).await?;
        let found = find_subscription(&mut transaction, id).await?;
        let before = found.ok_or(ChangeSubscriptionError::NotFound(id))?;
        let today = transaction.now().date();
        let day = effective.unwrap_or(today);
        if let Some(from) = before.cancelled_from() {
            let is_so = effective.map_or(from <= today, |effective| effective == from);
            return match state {
                SubscriptionState::Cancelled if is_so => Ok(before),
                SubscriptionState::Cancelled => {
                    Err(ChangeSubscriptionError::StateStands { id, state, from })
                }
                SubscriptionState::Active | SubscriptionState::Suspended => {
                    Err(ChangeSubscriptionError::Cancelled(id))
                }
            };
        }
        if before.facts_at(day).state == state {
            return match before.other_state_after(day, state) {
                Some((state, from)) => {
                    Err(ChangeSubscriptionError::StateStands { id, state, from })
                }
                None => Ok(before),
            };
        }
        let change = SubscriptionChange { state: Some(state), ..SubscriptionChange::default() };
        make_change(transaction, before, change, day, by).await
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

/// Adds a change to a subscription, unless it reaches a billing period that is closed.
async fn make_change(
    mut transaction: Change,
    before: Subscription,
    change: SubscriptionChange,
    effective: Date,
    by: &str,
) -> Result<Subscription, ChangeSubscriptionError> {
    let first_open = before.first_open_day(transaction.now());
    if effective < first_open {
        return Err(ChangeSubscriptionError::PeriodClosed { effective, first_open });
    }
    let (id, names) = (before.id, names(&change).join(", "));
    let action = format!("change {names} of subscription {id} from {effective}");
    let entry = entry(&before, &change, effective);
    let revision = add_revision(&mut transaction, by, &action, &entry).await?;
    insert_change(&mut transaction, id, &change, effective, revision).await?;
    let at = transaction.now();
    transaction.commit().await?;
    let by = by.to_owned();
    let made = StoredSubscriptionChange { revision, at, by, effective, change };
    Ok(with_changes(before, vec![made]))
}

/// What holds on the day without the change, and with it.
fn entry(before: &Subscription, change: &SubscriptionChange, effective: Date) -> Entry {
    let was = before.facts_at(effective);
    let SubscriptionChange { name, offer, anchor, commitment, invoice_download, buyer, state } =
        change;
    let mut entry = Entry::new("subscriptions/write", before.id)
        .of_subscription(before.id)
        .new_fact("effective", effective);
    if name.is_some() {
        entry = entry.fact("displayName", Some(&was.name), name.as_ref());
    }
    if offer.is_some() {
        entry = entry.fact("offer", Some(&was.offer), offer.as_ref());
    }
    if let Some(anchor) = anchor {
        entry = entry.fact("anchorDay", Some(was.anchor.day()), Some(anchor.day()));
    }
    if let Some(commitment) = commitment {
        entry = entry.fact("commitment", was.commitment, *commitment);
    }
    if invoice_download.is_some() {
        entry = entry.fact("invoiceDownload", Some(was.invoice_download), *invoice_download);
    }
    if let Some(buyer) = buyer {
        entry = entry.fact("buyer", was.buyer.as_ref(), buyer.as_ref());
    }
    if state.is_some() {
        entry = entry.fact("state", Some(was.state), *state);
    }
    entry
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

/// Whether an amount can be committed to. One that was computed may be larger than one that can be
/// read back.
pub(crate) fn is_commitment(amount: Money) -> bool {
    amount >= Money::ZERO && Money::parse(&amount.to_string()) == Ok(amount)
}

pub(crate) async fn insert_change(
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
            Self::StateStands { id, state, from } => {
                write!(f, "subscription {id} is {state} from {from} on, and that stands")
            }
            Self::Nothing(id) => write!(f, "the change of subscription {id} sets nothing"),
            Self::PeriodClosed { effective, first_open } => write!(
                f,
                "{effective} is in a billing period that is closed; the first day that can be \
                 chosen is {first_open}"
            ),
            Self::NotAfterToday { effective, tomorrow } => write!(
                f,
                "{effective} has begun, and a changed offer or anchor day ends the billing period \
                 at a midnight to come; the first day that can be chosen is {tomorrow}"
            ),
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
            | Self::StateStands { .. }
            | Self::Nothing(_)
            | Self::PeriodClosed { .. }
            | Self::NotAfterToday { .. }
            | Self::Commitment(_)
            | Self::TooMany(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(ChangeSubscriptionError);
