//! Tenants and subscriptions on file.

use std::collections::BTreeMap;
use std::fmt;

use domain::decimal::Money;
use domain::id::{Country, Currency, Locale, OfferId, SubscriptionId, TenantId};
use domain::period::AnchorDay;
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::store::{Accounts, Revision, Stored, insert_tenant, stored};
use crate::subscription::{
    DisplayName, NewSubscription, StoredSubscriptionChange, Subscription, SubscriptionChange,
};
use crate::subscription_changes::{all_changes, changes_of, insert_change, is_commitment};

/// Why a subscription was not made.
#[derive(Debug)]
pub enum CreateSubscriptionError {
    /// There is such a subscription.
    Exists(SubscriptionId),
    /// The commitment is negative, or too large to be stored.
    Commitment(Money),
    /// The accounts file failed.
    Storage(StorageError),
}

/// Subscriptions as they were made; each use adds its own condition and order.
macro_rules! made {
    ($rest:literal) => {
        concat!(
            "SELECT subscription.*, revision.at_micros
             FROM subscription JOIN revision ON revision.number = subscription.revision ",
            $rest
        )
    };
}

impl Accounts {
    /// Every tenant, in the order in which they were made: the installation's own is the first.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, StorageError> {
        let rows = sqlx::query("SELECT id FROM tenant ORDER BY revision, id");
        let rows = rows.fetch_all(&self.reader).await?;
        rows.iter().map(|row| Stored::new("tenant", row).parsed("id", TenantId::parse)).collect()
    }

    /// Makes a subscription, and its tenant with the first one.
    ///
    /// # Errors
    /// [`CreateSubscriptionError`] if there is one with this id, its commitment is none, or the file
    /// fails.
    pub async fn create_subscription(
        &self,
        new: NewSubscription,
        by: &str,
        now: UtcTime,
    ) -> Result<Subscription, CreateSubscriptionError> {
        if let Some(commitment) = new.commitment.filter(|amount| !is_commitment(*amount)) {
            return Err(CreateSubscriptionError::Commitment(commitment));
        }
        let mut change = self.begin(now).await?;
        if subscription_exists(&mut change, new.id).await? {
            return Err(CreateSubscriptionError::Exists(new.id));
        }
        let action = format!("create subscription {} of tenant {}", new.id, new.tenant);
        let entry = Entry::new("subscriptions/write", new.id)
            .of_subscription(new.id)
            .new_fact("tenantId", new.tenant)
            .new_fact("displayName", &new.name)
            .new_fact("offer", &new.offer)
            .new_fact("currency", &new.currency)
            .new_fact("locale", &new.locale)
            .new_fact("region", &new.region)
            .new_fact("anchorDay", new.anchor.day())
            .fact("commitment", None, new.commitment)
            .new_fact("invoiceDownload", new.invoice_download)
            .fact("buyer", None, new.buyer.as_ref());
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        if !tenant_exists(&mut change, new.tenant).await? {
            insert_tenant(&mut change, new.tenant, revision).await?;
        }
        insert_subscription(&mut change, &new, revision).await?;
        let stated = stated(&new);
        let always = UtcTime::MIN.date();
        if stated != SubscriptionChange::default() {
            insert_change(&mut change, new.id, &stated, always, revision).await?;
        }
        let at = change.now();
        change.commit().await?;
        let made = made(new, revision, at);
        if stated == SubscriptionChange::default() {
            return Ok(made);
        }
        let by = by.to_owned();
        let stated =
            StoredSubscriptionChange { revision, at, by, effective: always, change: stated };
        Ok(with_changes(made, vec![stated]))
    }

    /// Every subscription with its changes, in order of id.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StorageError> {
        // One transaction, so that no change comes between the two.
        let mut reading = self.reader.begin().await?;
        let rows = sqlx::query(made!("ORDER BY id")).fetch_all(&mut *reading).await?;
        let mut changes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, change) in all_changes(&mut reading).await? {
            changes.entry(id).or_default().push(change);
        }
        let mut subscriptions = Vec::with_capacity(rows.len());
        for row in &rows {
            let made = read_subscription(row)?;
            let changes = changes.remove(&made.id).unwrap_or_default();
            subscriptions.push(with_changes(made, changes));
        }
        Ok(subscriptions)
    }
}

/// What holds of a new subscription beside what makes it.
fn stated(new: &NewSubscription) -> SubscriptionChange {
    SubscriptionChange {
        commitment: new.commitment.map(Some),
        invoice_download: new.invoice_download.then_some(true),
        buyer: new.buyer.clone().map(Some),
        ..SubscriptionChange::default()
    }
}

fn made(new: NewSubscription, revision: Revision, at: UtcTime) -> Subscription {
    Subscription {
        id: new.id,
        tenant: new.tenant,
        currency: new.currency,
        locale: new.locale,
        region: new.region,
        name: new.name,
        offer: new.offer,
        anchor: new.anchor,
        created_revision: revision,
        created_at: at,
        revision,
        changed_at: at,
        changes: Vec::new(),
    }
}

/// A subscription with its changes, as of now.
pub(crate) async fn find_subscription(
    connection: &mut SqliteConnection,
    id: SubscriptionId,
) -> Result<Option<Subscription>, StorageError> {
    let row = sqlx::query(made!("WHERE id = ?")).bind(id.to_string());
    let Some(row) = row.fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let changes = changes_of(connection, id).await?;
    Ok(Some(with_changes(read_subscription(&row)?, changes)))
}

/// A subscription with changes made after all that it has.
pub(crate) fn with_changes(
    mut subscription: Subscription,
    changes: Vec<StoredSubscriptionChange>,
) -> Subscription {
    subscription.changes.extend(changes);
    if let Some(last) = subscription.changes.last() {
        (subscription.revision, subscription.changed_at) = (last.revision, last.at);
    }
    subscription
}

pub(crate) async fn tenant_exists(
    connection: &mut SqliteConnection,
    tenant: TenantId,
) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT 1 FROM tenant WHERE id = ?").bind(tenant.to_string());
    Ok(row.fetch_optional(connection).await?.is_some())
}

/// Whose subscription it is; none if there is no such subscription.
pub(crate) async fn tenant_of(
    connection: &mut SqliteConnection,
    id: SubscriptionId,
) -> Result<Option<TenantId>, StorageError> {
    // A subscription's tenant never changes.
    let row = sqlx::query("SELECT tenant FROM subscription WHERE id = ? LIMIT 1");
    let row = row.bind(id.to_string()).fetch_optional(connection).await?;
    row.map(|row| Stored::new("subscription", &row).parsed("tenant", TenantId::parse)).transpose()
}

pub(crate) async fn subscription_exists(
    connection: &mut SqliteConnection,
    id: SubscriptionId,
) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT 1 FROM subscription WHERE id = ?").bind(id.to_string());
    Ok(row.fetch_optional(connection).await?.is_some())
}

async fn insert_subscription(
    connection: &mut SqliteConnection,
    new: &NewSubscription,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO subscription
             (id, revision, name, tenant, offer, currency, locale, region, anchor_day)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id.to_string())
    .bind(stored(revision.0))
    .bind(new.name.as_str())
    .bind(new.tenant.to_string())
    .bind(new.offer.as_str())
    .bind(new.currency.as_str())
    .bind(new.locale.as_str())
    .bind(new.region.as_str())
    .bind(i64::from(new.anchor.day()))
    .execute(connection)
    .await?;
    Ok(())
}

fn read_subscription(row: &SqliteRow) -> Result<Subscription, StorageError> {
    let row = Stored::new("subscription", row);
    let (revision, at) = (Revision(row.count("revision")?), row.time("at_micros")?);
    Ok(Subscription {
        id: row.parsed("id", SubscriptionId::parse)?,
        tenant: row.parsed("tenant", TenantId::parse)?,
        currency: row.parsed("currency", Currency::parse)?,
        locale: row.parsed("locale", Locale::parse)?,
        region: row.parsed("region", Country::parse)?,
        name: row.parsed("name", DisplayName::parse)?,
        offer: row.parsed("offer", OfferId::parse)?,
        anchor: read_anchor(row, "anchor_day")?,
        created_revision: revision,
        created_at: at,
        revision,
        changed_at: at,
        changes: Vec::new(),
    })
}

pub(crate) fn read_anchor(
    row: Stored<'_>,
    column: &'static str,
) -> Result<AnchorDay, StorageError> {
    let day = row.count(column)?;
    AnchorDay::new(day).map_err(|_| row.damaged(column, day.to_string()))
}

impl fmt::Display for CreateSubscriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(id) => write!(f, "subscription {id} exists"),
            Self::Commitment(amount) => {
                write!(f, "commitment {amount} is negative or not below 10^18")
            }
            Self::Storage(_) => f.write_str("subscription was not made"),
        }
    }
}

impl std::error::Error for CreateSubscriptionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exists(_) | Self::Commitment(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(CreateSubscriptionError);
