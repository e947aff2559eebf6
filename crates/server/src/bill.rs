//! What a subscription's billing periods cost: all that a figure depends on is loaded here, as of one
//! basis, and rated. Every answer about money begins with it.

mod all;
mod detail;
mod some;

use std::ops::Range;
use std::sync::Arc;

use accounts::{Facts, Revision, Subscription, SubscriptionState};
use domain::book::Book;
use domain::catalogue::RateCardKey;
use domain::complete::{Completeness, active_since, complete_up_to};
use domain::id::SubscriptionId;
use domain::period::{BillingPeriod, Schedule};
use domain::rate::rate;
use domain::spend::{RatedPeriod, ResourceGroupTags};
use domain::time::UtcTime;
use domain::usage::Usage;
use ledger::{ReadError, Snapshot};
use wire::page_token::{PageToken, PageTokenError};

use crate::app::App;
use crate::catalogue::blocking;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use crate::own::cost::read_moment;
use crate::price_changes::PriceChanges;

pub(crate) use detail::Detail;
use detail::Part;

/// The state that an answer is computed from: that of now, or what was known at a moment.
pub(crate) struct Basis {
    /// The usage.
    pub(crate) snapshot: Snapshot,
    /// The accounts, which may be newer than the revision: what is taken from them is as of it.
    pub(crate) directory: Arc<Directory>,
    /// As of which everything but the usage counts.
    pub(crate) revision: Revision,
    changes: Arc<PriceChanges>,
    /// The moment as of which it is, which is the present unless asked otherwise.
    pub(crate) known_at: UtcTime,
    /// The moment that was asked about.
    as_of: Option<UtcTime>,
}

/// A subscription with its billing periods, as of a basis.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) subscription: Subscription,
    pub(crate) schedule: Schedule,
}

impl App {
    /// The subscription and the state that a question is answered from, by its parameter `asOf`.
    pub(crate) async fn account(
        &self,
        asked: &Asked,
        subscription: &Subscription,
    ) -> Result<(Account, Basis), ApiError> {
        let basis = self.basis_asked(asked).await?;
        let account = basis.account(subscription.id)?;
        Ok((account, basis))
    }

    /// The state that a question is answered from, by its parameter `asOf`.
    pub(crate) async fn basis_asked(&self, asked: &Asked) -> Result<Basis, ApiError> {
        let as_of = asked.parameters.get("asOf").map(|text| read_moment("asOf", text));
        self.basis(as_of.transpose()?).await
    }

    /// The state of now, or as it was known at a moment.
    pub(crate) async fn basis(&self, as_of: Option<UtcTime>) -> Result<Basis, ApiError> {
        let now = (self.clock)();
        if as_of.is_some_and(|time| now < time) {
            let reason = "is in the future".to_owned();
            return Err(ApiError::Parameter { name: "asOf", reason });
        }
        let (directory, revision) = self.accounts_at(as_of).await?;
        let changes = self.price_changes(revision).await?;
        let snapshot = match as_of {
            None => self.ledger.snapshot(None).await,
            Some(time) => self.ledger.snapshot_at(time).await,
        };
        let snapshot = snapshot.map_err(|error| match error {
            ReadError::Stalled => ApiError::LedgerStalled,
            error => ApiError::internal("reading the ledger", &error),
        })?;
        let known_at = as_of.unwrap_or(now);
        Ok(Basis { snapshot, directory, revision, changes, known_at, as_of })
    }

    /// The state that an answer about a subscription began with, as its page token names it.
    pub(crate) async fn basis_of(
        &self,
        token: &PageToken,
        subscription: SubscriptionId,
    ) -> Result<Basis, ApiError> {
        let revision = Revision(token.accounts_revision);
        let directory = self.directory();
        let version = token.ledger_version.parse().map_err(|_| ApiError::UnknownVersion)?;
        if directory.revision < revision {
            return Err(ApiError::UnknownVersion);
        }
        let snapshot = self.ledger.snapshot(None).await;
        let snapshot =
            snapshot.map_err(|error| ApiError::internal("reading the ledger", &error))?;
        if snapshot.erasures(subscription) != token.erasures {
            return Err(ApiError::PageToken(PageTokenError::Erased));
        }
        let snapshot = snapshot.as_of(&version).map_err(|error| match error {
            ReadError::VersionNewer { .. } | ReadError::VersionOfAnotherLedger => {
                ApiError::UnknownVersion
            }
            error => ApiError::internal("reading the ledger", &error),
        })?;
        let changes = self.price_changes(revision).await?;
        Ok(Basis { snapshot, directory, revision, changes, known_at: token.asked_at, as_of: None })
    }

    /// The revision that was the latest at a moment, and a directory that reaches it.
    async fn accounts_at(
        &self,
        as_of: Option<UtcTime>,
    ) -> Result<(Arc<Directory>, Revision), ApiError> {
        let directory = self.directory();
        let Some(time) = as_of else {
            let revision = directory.revision;
            return Ok((directory, revision));
        };
        let revision = self.accounts.revision_at(time).await;
        let revision = revision.map_err(|error| ApiError::internal("reading accounts", &error))?;
        if revision <= directory.revision {
            return Ok((directory, revision));
        }
        // A change is on file a moment before whoever made it reads the directory again.
        self.reload_directory().await?;
        Ok((self.directory(), revision))
    }

    /// What the periods that the range touches cost, each from its start at least to the range's end.
    pub(crate) async fn rated_periods(
        &self,
        account: &Account,
        basis: &Basis,
        range: &Range<UtcTime>,
        detail: Detail,
    ) -> Result<Vec<RatedPeriod>, ApiError> {
        let most = limits::ROWS_PER_QUESTION;
        self.rated_by(account, basis, range, (detail, most)).await
    }

    /// The same for at most so many rows or sums of usage.
    async fn rated_by(
        &self,
        account: &Account,
        basis: &Basis,
        range: &Range<UtcTime>,
        (detail, most): (Detail, usize),
    ) -> Result<Vec<RatedPeriod>, ApiError> {
        let mut rated = Vec::new();
        let mut left = most;
        for (period, until) in periods_of(account, range)? {
            let book = self.book(account, basis, period).await?;
            let range = range.start..until;
            let part = Part { account, basis, period, book, range };
            let (of_period, taken) = match self.rated_sums(&part, detail, left).await? {
                Some(found) => found,
                None => part.rated_rows(left).await?.ok_or_else(|| too_many_rows(most, until))?,
            };
            left -= taken;
            rated.push(of_period);
        }
        Ok(rated)
    }

    /// Up to when the subscription's usage is complete.
    pub(crate) async fn completeness(
        &self,
        account: &Account,
        basis: &Basis,
    ) -> Result<Completeness, ApiError> {
        let id = account.subscription.id;
        let activity = basis.snapshot.sources(id, active_since(basis.known_at)).await;
        let activity = activity.map_err(|error| ApiError::internal("reading usage", &error))?;
        let watermarks = self.accounts.watermarks(id, basis.as_of).await;
        let failed = |error| ApiError::internal("reading watermarks", &error);
        Ok(complete_up_to(&activity, &watermarks.map_err(failed)?))
    }

    /// The tags that the subscription's resources can inherit.
    pub(crate) async fn resource_group_tags(
        &self,
        account: &Account,
        basis: &Basis,
    ) -> Result<ResourceGroupTags, ApiError> {
        let id = account.subscription.id;
        let stored = self.accounts.resource_group_tags(id, basis.revision).await;
        let stored = stored.map_err(|error| ApiError::internal("reading accounts", &error))?;
        let mut tags = ResourceGroupTags::default();
        for entry in stored {
            tags.groups.entry(entry.group).or_default().push((entry.effective, entry.tags));
        }
        Ok(tags)
    }

    /// The prices and terms of a period: those of the offer that it starts under.
    pub(crate) async fn book(
        &self,
        account: &Account,
        basis: &Basis,
        period: BillingPeriod,
    ) -> Result<Book, ApiError> {
        let facts = account.facts_in(period);
        let card = account.card(&facts);
        let list = self.price_list(card, &basis.directory, basis.revision).await?;
        let exists = account.subscription.created_at < period.end();
        Ok(Book {
            list,
            overrides: basis.changes.overrides_of(&account.subscription),
            commitment: facts.commitment,
            is_subscribed: exists && facts.state != SubscriptionState::Cancelled,
        })
    }
}

/// The billing periods that a range touches, each with the end of what counts of it.
fn periods_of(
    account: &Account,
    range: &Range<UtcTime>,
) -> Result<Vec<(BillingPeriod, UtcTime)>, ApiError> {
    let mut periods = Vec::new();
    let mut period = account.schedule.containing(range.start);
    while period.start() < range.end {
        if periods.len() == limits::PERIODS_PER_QUESTION {
            let most = limits::PERIODS_PER_QUESTION;
            let reason = format!("more than {most} billing periods after from");
            return Err(ApiError::Parameter { name: "to", reason });
        }
        periods.push((period, period.end().min(range.end)));
        period = account.schedule.next(period);
    }
    Ok(periods)
}

fn too_many_rows(most: usize, until: UtcTime) -> ApiError {
    ApiError::TooMuch(format!(
        "the question takes more than {most} rows of usage, those up to {until} alone; ask for a \
         shorter range"
    ))
}

impl Basis {
    /// A subscription as of the basis; an error about `asOf` if it was made later.
    pub(crate) fn account(&self, id: SubscriptionId) -> Result<Account, ApiError> {
        let subscription = self.directory.subscription(id);
        let account = subscription.and_then(|known| Account::as_of(known, self.revision));
        account.ok_or_else(|| {
            let reason = format!("subscription {id} was made later");
            ApiError::Parameter { name: "asOf", reason }
        })
    }
}

impl Basis {
    /// The moment that was asked about, if it is not the present.
    pub(crate) fn as_of(&self) -> Option<UtcTime> {
        self.as_of
    }

    /// Where a later page of an answer about a subscription from this state begins.
    pub(crate) fn page_token(&self, subscription: SubscriptionId, sent: usize) -> PageToken {
        PageToken {
            ledger_version: self.snapshot.version().to_string(),
            accounts_revision: self.revision.0,
            asked_at: self.known_at,
            sent: u64::try_from(sent).expect("a count fits 64 bits"),
            erasures: self.snapshot.erasures(subscription),
        }
    }
}

impl Part<'_> {
    /// What every row says, and how many they are; none if there are more than may be.
    async fn rated_rows(self, most: usize) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        let Self { account, basis, period, book, range } = self;
        let (id, start) = (account.subscription.id, period.start()..range.end);
        let records = basis.snapshot.usage_records(id, start, most).await;
        let Some(records) = records.map_err(|error| reading(&error))? else { return Ok(None) };
        let (taken, aliases) = (records.len(), basis.changes.aliases_in(period));
        let rated = blocking(move || {
            let usage = Usage::from_records(period, records, &aliases);
            let rated = rate(&usage, &book).map_err(ApiError::Rate)?;
            Ok(RatedPeriod { usage, rated, book })
        });
        Ok(Some((rated.await?, taken)))
    }
}

fn reading(error: &ReadError) -> ApiError {
    ApiError::internal("reading usage", error)
}

impl Account {
    /// The subscription as of a revision; none if it was made later.
    pub(crate) fn as_of(subscription: &Subscription, revision: Revision) -> Option<Self> {
        let subscription = subscription.as_of(revision)?;
        let schedule = subscription.schedule();
        Some(Self { subscription, schedule })
    }

    /// The last period that a range touches.
    pub(crate) fn last_period(&self, range: &Range<UtcTime>) -> BillingPeriod {
        let last = UtcTime::from_micros(range.end.to_micros() - 1);
        self.schedule.containing(last.expect("a range ends after the first moment that there is"))
    }

    /// What was agreed when a period started.
    pub(crate) fn facts_in(&self, period: BillingPeriod) -> Facts {
        self.subscription.facts_at(period.start().date())
    }

    /// The rate card that selects the prices.
    pub(crate) fn card(&self, facts: &Facts) -> RateCardKey {
        RateCardKey {
            offer: facts.offer.clone(),
            currency: self.subscription.currency.clone(),
            locale: self.subscription.locale.clone(),
            region: self.subscription.region.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
