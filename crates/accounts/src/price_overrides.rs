//! Price overrides on file: a provider's own prices and markups.

mod error;
mod price;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::decimal::Percent;
use domain::id::{MeterId, SubscriptionId, TenantId};
use domain::price_override::{
    OverrideEnd, OverrideId, OverridePrice, OverrideScope, OverrideTarget, PriceOverride,
};
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::{CATEGORY_CHARS_MAX, OVERRIDE_TIERS_MAX, PRICE_OVERRIDES_MAX};
use crate::store::{Accounts, Revision, Stored, stored};
use crate::subscriptions::{find_subscription, tenant_exists};

pub use error::{AddPriceOverrideError, EndPriceOverrideError};
use price::PriceText;

/// A price override to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPriceOverride {
    /// Whose prices.
    pub scope: OverrideScope,
    /// Which meters.
    pub target: OverrideTarget,
    /// First moment of usage that it prices.
    pub from: UtcTime,
    /// First moment that it no longer prices; none if it goes on.
    pub until: Option<UtcTime>,
    /// The price.
    pub price: OverridePrice,
    /// Whether it counts in billing periods that are closed, too, which then need adjustments.
    pub reprice_closed: bool,
}

/// Overrides or their ends, with when they were made; each use adds its own condition and order.
macro_rules! made {
    ($table:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $table,
            ".*, at_micros FROM ",
            $table,
            " JOIN revision ON number = revision ",
            $rest
        )
    };
}

impl Accounts {
    /// Makes a price override; the number of its revision is its id.
    ///
    /// # Errors
    /// [`AddPriceOverrideError`] if it can apply to nothing, its price is wrong, or the file fails.
    pub async fn add_price_override(
        &self,
        new: NewPriceOverride,
        by: &str,
        now: UtcTime,
    ) -> Result<PriceOverride, AddPriceOverrideError> {
        let text = check(&new)?;
        let mut change = self.begin(now).await?;
        check_scope(&mut change, &new).await?;
        let made_at = change.now();
        if in_force(&mut change, made_at).await? >= stored(PRICE_OVERRIDES_MAX) {
            return Err(AddPriceOverrideError::TooMany);
        }
        let revision = add_revision(&mut change, by, &action(&new), &entry(&new)).await?;
        insert_override(&mut change, &new, &text, revision).await?;
        change.commit().await?;
        let NewPriceOverride { scope, target, from, until, price, reprice_closed } = new;
        let (id, ends) = (OverrideId(revision.0), vec![]);
        Ok(PriceOverride { id, scope, target, from, until, price, made_at, reprice_closed, ends })
    }

    /// Ends a price override earlier than it would end; answers it with its end. One that ends where
    /// it begins prices nothing. With `reprice_closed` the end counts in billing periods that are
    /// closed, too; then it is to be earlier than it would end in those.
    ///
    /// # Errors
    /// [`EndPriceOverrideError`] if there is no such override, the end is before its beginning or
    /// not earlier than its end, or the file fails.
    pub async fn end_price_override(
        &self,
        id: OverrideId,
        until: UtcTime,
        reprice_closed: bool,
        by: &str,
        now: UtcTime,
    ) -> Result<PriceOverride, EndPriceOverrideError> {
        let number = i64::try_from(id.0).map_err(|_| EndPriceOverrideError::NotFound(id))?;
        let mut change = self.begin(now).await?;
        let row = sqlx::query(made!("price_override", "WHERE revision = ?")).bind(number);
        let row = row.fetch_optional(&mut *change).await?;
        let mut found = read_override(&row.ok_or(EndPriceOverrideError::NotFound(id))?)?;
        let ends =
            sqlx::query(made!("price_override_end", "WHERE price_override = ? ORDER BY revision"));
        for row in &ends.bind(number).fetch_all(&mut *change).await? {
            found.ends.push(read_end(row)?);
        }
        if until < found.from {
            return Err(EndPriceOverrideError::BeforeItBegins { id, from: found.from });
        }
        // An end that came too late for a closed period does not end it there.
        let counting = found.ends.iter().filter(|end| end.reprice_closed || !reprice_closed);
        let ends = found.until.into_iter().chain(counting.map(|end| end.until)).min();
        if let Some(end) = ends.filter(|end| *end <= until) {
            return Err(EndPriceOverrideError::NotEarlier { id, until: end });
        }
        let action = format!("end price override {} at {until}", id.0);
        let entry = Entry::new("priceOverrides/end", id.0)
            .fact("until", ends, Some(until))
            .new_fact("repriceClosed", reprice_closed);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query(
            "INSERT INTO price_override_end (revision, price_override, until_micros, reprice_closed)
             VALUES (?, ?, ?, ?)",
        )
        .bind(stored(revision.0))
        .bind(number)
        .bind(until.to_micros())
        .bind(i64::from(reprice_closed))
        .execute(&mut *change)
        .await?;
        found.ends.push(OverrideEnd { until, made_at: change.now(), reprice_closed });
        change.commit().await?;
        Ok(found)
    }

    /// Every price override as of a revision, those that ended included, in order of id.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn price_overrides(
        &self,
        as_of: Revision,
    ) -> Result<Vec<PriceOverride>, StorageError> {
        let rows = sqlx::query(made!("price_override", "WHERE revision <= ? ORDER BY revision"));
        let rows = rows.bind(stored(as_of.0)).fetch_all(&self.reader).await?;
        let ends =
            sqlx::query(made!("price_override_end", "WHERE revision <= ? ORDER BY revision"));
        let mut ends_of: BTreeMap<OverrideId, Vec<OverrideEnd>> = BTreeMap::new();
        for row in &ends.bind(stored(as_of.0)).fetch_all(&self.reader).await? {
            let of = OverrideId(Stored::new("price_override_end", row).count("price_override")?);
            ends_of.entry(of).or_default().push(read_end(row)?);
        }
        let with_ends = |row| {
            let found = read_override(row)?;
            let ends = ends_of.remove(&found.id).unwrap_or_default();
            Ok(PriceOverride { ends, ..found })
        };
        rows.iter().map(with_ends).collect()
    }
}

/// How many overrides have not ended in the periods that are open.
async fn in_force(connection: &mut SqliteConnection, now: UtcTime) -> Result<i64, StorageError> {
    let count = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM price_override AS made
         WHERE (until_micros IS NULL OR until_micros > ?1) AND NOT EXISTS
             (SELECT 1 FROM price_override_end AS ended WHERE ended.price_override = made.revision
                  AND (ended.until_micros <= ?1 OR ended.until_micros <= made.from_micros))",
    );
    Ok(count.bind(now.to_micros()).fetch_one(connection).await?)
}

/// The price as it is to be stored, if the override is right by itself.
fn check(new: &NewPriceOverride) -> Result<PriceText, AddPriceOverrideError> {
    if new.until.is_some_and(|until| until <= new.from) {
        return Err(AddPriceOverrideError::EmptyValidity);
    }
    if let OverrideTarget::Category(name) = &new.target {
        let fits = (1..=CATEGORY_CHARS_MAX).contains(&name.chars().count());
        if !fits || name.trim() != name.as_ref() || name.chars().any(char::is_control) {
            return Err(AddPriceOverrideError::Category(name.chars().take(100).collect()));
        }
    }
    match &new.price {
        OverridePrice::Markup(percent) if *percent < Percent::WHOLE.negated() => {
            return Err(AddPriceOverrideError::Markup(*percent));
        }
        OverridePrice::Rates { tiers, .. } if tiers.as_slice().len() > OVERRIDE_TIERS_MAX => {
            return Err(AddPriceOverrideError::TooManyTiers(tiers.as_slice().len()));
        }
        OverridePrice::Rates { included, .. } if included.is_negative() => {
            return Err(AddPriceOverrideError::NegativeIncluded(*included));
        }
        OverridePrice::Markup(_) | OverridePrice::Rates { .. } => {}
    }
    // A number that was computed may be larger than one that can be read back.
    let text = PriceText::from(&new.price);
    if text.read().as_ref() != Ok(&new.price) {
        return Err(AddPriceOverrideError::TooLarge);
    }
    Ok(text)
}

async fn check_scope(
    connection: &mut SqliteConnection,
    new: &NewPriceOverride,
) -> Result<(), AddPriceOverrideError> {
    match new.scope {
        OverrideScope::Installation => Ok(()),
        OverrideScope::Tenant(tenant) => {
            let exists = tenant_exists(connection, tenant).await?;
            if exists { Ok(()) } else { Err(AddPriceOverrideError::NoSuchTenant(tenant)) }
        }
        OverrideScope::Subscription(id) => {
            let found = find_subscription(connection, id).await?;
            let found = found.ok_or(AddPriceOverrideError::NoSuchSubscription(id))?;
            match &new.price {
                OverridePrice::Rates { currency, .. } if *currency != found.currency => {
                    let currency = found.currency;
                    Err(AddPriceOverrideError::OtherCurrency { subscription: id, currency })
                }
                OverridePrice::Rates { .. } | OverridePrice::Markup(_) => Ok(()),
            }
        }
    }
}

fn action(new: &NewPriceOverride) -> String {
    let target = target_words(&new.target);
    let scope = match new.scope {
        OverrideScope::Installation => "the installation".to_owned(),
        OverrideScope::Tenant(tenant) => format!("tenant {tenant}"),
        OverrideScope::Subscription(id) => format!("subscription {id}"),
    };
    format!("override prices of {target} for {scope} from {}", new.from)
}

fn target_words(target: &OverrideTarget) -> String {
    match target {
        OverrideTarget::EveryMeter => "every meter".to_owned(),
        OverrideTarget::Category(name) => format!("category {name}"),
        OverrideTarget::Meter(meter) => format!("meter {meter}"),
    }
}

/// The price list is the provider's: only the administrator sees what is changed of it.
fn entry(new: &NewPriceOverride) -> Entry {
    let target = target_words(&new.target);
    let object = match new.scope {
        OverrideScope::Installation => "installation".to_owned(),
        OverrideScope::Tenant(tenant) => tenant.to_string(),
        OverrideScope::Subscription(id) => id.to_string(),
    };
    let PriceText { markup, currency, tiers, included } = PriceText::from(&new.price);
    Entry::new("priceOverrides/write", object)
        .new_fact("target", target)
        .new_fact("from", new.from)
        .fact("until", None, new.until)
        .fact("markup", None, markup)
        .fact("currency", None, currency)
        .fact("tiers", None, tiers)
        .fact("included", None, included)
        .new_fact("repriceClosed", new.reprice_closed)
}

async fn insert_override(
    connection: &mut SqliteConnection,
    new: &NewPriceOverride,
    price: &PriceText,
    revision: Revision,
) -> Result<(), StorageError> {
    let (tenant, subscription) = match new.scope {
        OverrideScope::Installation => (None, None),
        OverrideScope::Tenant(tenant) => (Some(tenant.to_string()), None),
        OverrideScope::Subscription(id) => (None, Some(id.to_string())),
    };
    let (category, meter) = match &new.target {
        OverrideTarget::EveryMeter => (None, None),
        OverrideTarget::Category(name) => (Some(name.to_string()), None),
        OverrideTarget::Meter(meter) => (None, Some(meter.to_string())),
    };
    sqlx::query(
        "INSERT INTO price_override
             (revision, tenant, subscription, category, meter, from_micros, until_micros,
              markup, currency, tiers, included, reprice_closed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(stored(revision.0))
    .bind(tenant)
    .bind(subscription)
    .bind(category)
    .bind(meter)
    .bind(new.from.to_micros())
    .bind(new.until.map(UtcTime::to_micros))
    .bind(&price.markup)
    .bind(&price.currency)
    .bind(&price.tiers)
    .bind(&price.included)
    .bind(i64::from(new.reprice_closed))
    .execute(connection)
    .await?;
    Ok(())
}

/// An override without its ends.
fn read_override(row: &SqliteRow) -> Result<PriceOverride, StorageError> {
    let row = Stored::new("price_override", row);
    let text = |column| row.optional(column, |row, name| row.text(name).map(str::to_owned));
    let price = PriceText {
        markup: text("markup")?,
        currency: text("currency")?,
        tiers: text("tiers")?,
        included: text("included")?,
    };
    Ok(PriceOverride {
        id: OverrideId(row.count("revision")?),
        scope: read_scope(row)?,
        target: read_target(row)?,
        from: row.time("from_micros")?,
        until: row.optional("until_micros", Stored::time)?,
        price: price.read().map_err(|(column, value)| row.damaged(column, value))?,
        made_at: row.time("at_micros")?,
        reprice_closed: row.flag("reprice_closed")?,
        ends: vec![],
    })
}

fn read_end(row: &SqliteRow) -> Result<OverrideEnd, StorageError> {
    let row = Stored::new("price_override_end", row);
    Ok(OverrideEnd {
        until: row.time("until_micros")?,
        made_at: row.time("at_micros")?,
        reprice_closed: row.flag("reprice_closed")?,
    })
}

fn read_scope(row: Stored<'_>) -> Result<OverrideScope, StorageError> {
    let tenant = row.optional("tenant", |row, tenant| row.parsed(tenant, TenantId::parse))?;
    let subscription =
        row.optional("subscription", |row, id| row.parsed(id, SubscriptionId::parse))?;
    match (tenant, subscription) {
        (None, None) => Ok(OverrideScope::Installation),
        (Some(tenant), None) => Ok(OverrideScope::Tenant(tenant)),
        (None, Some(id)) => Ok(OverrideScope::Subscription(id)),
        (Some(_), Some(id)) => Err(row.damaged("subscription", id.to_string())),
    }
}

fn read_target(row: Stored<'_>) -> Result<OverrideTarget, StorageError> {
    let category = row.optional("category", Stored::text)?;
    let meter = row.optional("meter", |row, meter| row.parsed(meter, MeterId::parse))?;
    match (category, meter) {
        (None, None) => Ok(OverrideTarget::EveryMeter),
        (Some(name), None) => Ok(OverrideTarget::Category(Arc::from(name))),
        (None, Some(meter)) => Ok(OverrideTarget::Meter(meter)),
        (Some(_), Some(meter)) => Err(row.damaged("meter", meter.to_string())),
    }
}
