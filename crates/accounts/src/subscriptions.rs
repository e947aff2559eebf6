//! Tenants and subscriptions.

use std::fmt;

use domain::id::{Country, Currency, Locale, OfferId, SubscriptionId, TenantId};
use domain::period::AnchorDay;
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::error::StorageError;
use crate::store::{Accounts, Revision, Stored, add_revision, insert_tenant, stored};

/// Most characters of a display name.
const NAME_CHARS_MAX: usize = 200;

/// A name shown to people: 1 to 200 characters, not all of them blank, none a control character.
/// Names need not be unique, as Azure's are not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayName(String);

/// The text is no display name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchDisplayName;

impl fmt::Display for NoSuchDisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name has 1 to {NAME_CHARS_MAX} characters and no control characters")
    }
}

impl std::error::Error for NoSuchDisplayName {}

impl DisplayName {
    /// Reads a name; blanks around it are dropped.
    ///
    /// # Errors
    /// [`NoSuchDisplayName`] if the text is none.
    pub fn parse(text: &str) -> Result<Self, NoSuchDisplayName> {
        let name = text.trim();
        let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(NoSuchDisplayName);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A subscription to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Shown to people.
    pub name: DisplayName,
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The offer that it was bought under.
    pub offer: OfferId,
    /// The currency of its prices.
    pub currency: Currency,
    /// The language of its meter names.
    pub locale: Locale,
    /// The country where the offer was bought.
    pub region: Country,
    /// Day of the month on which its billing periods begin.
    pub anchor: AnchorDay,
}

/// A subscription as of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Shown to people.
    pub name: DisplayName,
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The offer that it was bought under.
    pub offer: OfferId,
    /// The currency of its prices.
    pub currency: Currency,
    /// The language of its meter names.
    pub locale: Locale,
    /// The country where the offer was bought.
    pub region: Country,
    /// Day of the month on which its billing periods begin.
    pub anchor: AnchorDay,
    /// The revision that made it what it is.
    pub revision: Revision,
    /// When that was.
    pub changed_at: UtcTime,
}

/// Why a subscription was not made.
#[derive(Debug)]
pub enum CreateSubscriptionError {
    /// There is such a subscription.
    Exists(SubscriptionId),
    /// The accounts file failed.
    Storage(StorageError),
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
    /// [`CreateSubscriptionError`] if there is one with this id, or the file fails.
    pub async fn create_subscription(
        &self,
        new: NewSubscription,
        by: &str,
        now: UtcTime,
    ) -> Result<Subscription, CreateSubscriptionError> {
        let mut change = self.begin().await?;
        if subscription_exists(&mut change, new.id).await? {
            return Err(CreateSubscriptionError::Exists(new.id));
        }
        let action = format!("create subscription {} of tenant {}", new.id, new.tenant);
        let revision = add_revision(&mut change, by, now, &action).await?;
        if !tenant_exists(&mut change, new.tenant).await? {
            insert_tenant(&mut change, new.tenant, revision).await?;
        }
        insert_subscription(&mut change, &new, revision).await?;
        change.commit().await?;
        Ok(new.made(revision, now))
    }

    /// Every subscription, in order of id.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StorageError> {
        let rows = sqlx::query(
            "SELECT subscription.*, revision.at_micros
             FROM subscription JOIN revision ON revision.number = subscription.revision
             WHERE subscription.revision =
                 (SELECT max(revision) FROM subscription AS same WHERE same.id = subscription.id)
             ORDER BY id",
        );
        let rows = rows.fetch_all(&self.reader).await?;
        rows.iter().map(read_subscription).collect()
    }
}

impl NewSubscription {
    fn made(self, revision: Revision, now: UtcTime) -> Subscription {
        let Self { id, name, tenant, offer, currency, locale, region, anchor } = self;
        let changed_at = now;
        Subscription {
            id,
            name,
            tenant,
            offer,
            currency,
            locale,
            region,
            anchor,
            revision,
            changed_at,
        }
    }
}

async fn tenant_exists(
    connection: &mut SqliteConnection,
    tenant: TenantId,
) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT 1 FROM tenant WHERE id = ?").bind(tenant.to_string());
    Ok(row.fetch_optional(connection).await?.is_some())
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
    let name = row.text("name")?;
    let day = row.count("anchor_day")?;
    Ok(Subscription {
        id: row.parsed("id", SubscriptionId::parse)?,
        name: DisplayName::parse(name)
            .map_err(|NoSuchDisplayName| row.damaged("name", name.to_owned()))?,
        tenant: row.parsed("tenant", TenantId::parse)?,
        offer: row.parsed("offer", OfferId::parse)?,
        currency: row.parsed("currency", Currency::parse)?,
        locale: row.parsed("locale", Locale::parse)?,
        region: row.parsed("region", Country::parse)?,
        anchor: AnchorDay::new(day).map_err(|_| row.damaged("anchor_day", day.to_string()))?,
        revision: Revision(row.count("revision")?),
        changed_at: row.time("at_micros")?,
    })
}

impl fmt::Display for CreateSubscriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(id) => write!(f, "subscription {id} exists"),
            Self::Storage(_) => f.write_str("subscription was not made"),
        }
    }
}

impl std::error::Error for CreateSubscriptionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exists(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(CreateSubscriptionError);
