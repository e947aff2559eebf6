//! What a subscription's billing periods cost: all that a figure depends on is loaded here, as of one
//! basis, and rated. Every answer about money begins with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use accounts::{Facts, Revision, Subscription, SubscriptionState};
use domain::book::Book;
use domain::catalogue::RateCardKey;
use domain::complete::{Completeness, active_since, complete_up_to};
use domain::id::MeterId;
use domain::period::{BillingPeriod, Schedule};
use domain::price_override::PriceOverride;
use domain::rate::rate;
use domain::record::StoredRecord;
use domain::spend::{RatedPeriod, ResourceGroupTags};
use domain::time::UtcTime;
use domain::usage::Usage;
use ledger::Snapshot;

use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use crate::own::cost::read_moment;

/// The state that an answer is computed from: that of now, or what was known at a moment.
pub(crate) struct Basis {
    /// The usage.
    pub(crate) snapshot: Snapshot,
    /// Everything else.
    pub(crate) revision: Revision,
    /// The moment as of which it is, which is the present unless asked otherwise.
    pub(crate) known_at: UtcTime,
}

/// A subscription with its billing periods, as of a basis.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) subscription: Subscription,
    pub(crate) schedule: Schedule,
}

/// A billing period before it is rated.
struct Unrated {
    period: BillingPeriod,
    book: Book,
    records: Vec<StoredRecord>,
}

impl App {
    /// The subscription and the state that a question is answered from, by its parameter `asOf`.
    pub(crate) async fn account(
        &self,
        asked: &Asked,
        subscription: &Subscription,
    ) -> Result<(Account, Basis), ApiError> {
        let as_of =
            asked.parameters.get("asOf").map(|text| read_moment("asOf", text)).transpose()?;
        let basis = self.basis(as_of).await?;
        let account = Account::as_of(subscription, basis.revision).ok_or_else(|| {
            let reason = format!("subscription {} was made later", subscription.id);
            ApiError::Parameter { name: "asOf", reason }
        })?;
        Ok((account, basis))
    }

    /// The state of now, or as it was known at a moment.
    pub(crate) async fn basis(&self, as_of: Option<UtcTime>) -> Result<Basis, ApiError> {
        let now = (self.clock)();
        let revision = match as_of {
            None => self.directory().revision,
            Some(time) => {
                let revision = self.accounts.revision_at(time).await;
                revision.map_err(|error| ApiError::internal("reading accounts", &error))?
            }
        };
        let failed = |error| ApiError::internal("reading the ledger", &error);
        // What was in flight at that moment has to be settled, or the same question would be
        // answered otherwise a moment later.
        let settled_before = as_of.map(|time| time.min(now));
        let snapshot = self.ledger.snapshot(settled_before).await.map_err(failed)?;
        let snapshot = match as_of {
            None => snapshot,
            Some(time) => snapshot.as_of_time(time).await.map_err(failed)?,
        };
        Ok(Basis { snapshot, revision, known_at: as_of.map_or(now, |time| time.min(now)) })
    }

    /// What the periods that the range touches cost, each from its start at least to the range's end.
    pub(crate) async fn rated_periods(
        &self,
        account: &Account,
        basis: &Basis,
        range: &Range<UtcTime>,
    ) -> Result<Vec<RatedPeriod>, ApiError> {
        let (overrides, aliases) = self.price_changes(account, basis).await?;
        let mut unrated = Vec::new();
        let mut period = account.schedule.containing(range.start);
        while period.start() < range.end {
            if unrated.len() == limits::PERIODS_PER_QUESTION {
                let most = limits::PERIODS_PER_QUESTION;
                let reason = format!("more than {most} billing periods after from");
                return Err(ApiError::Parameter { name: "to", reason });
            }
            let until = period.end().min(range.end);
            let records =
                basis.snapshot.usage_records(account.subscription.id, period.start()..until);
            let records = records.await;
            let records = records.map_err(|error| ApiError::internal("reading usage", &error))?;
            let book = self.book(account, basis, period, Arc::clone(&overrides)).await?;
            unrated.push(Unrated { period, book, records });
            period = account.schedule.next(period);
        }
        blocking(move || {
            let rated = unrated.into_iter().map(|unrated| unrated.rate(&aliases));
            rated.collect()
        })
        .await
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
        let watermarks = self.accounts.watermarks(id, Some(basis.known_at)).await;
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

    /// The overrides that concern the subscription, and the aliases of meters.
    async fn price_changes(
        &self,
        account: &Account,
        basis: &Basis,
    ) -> Result<(Arc<[PriceOverride]>, BTreeMap<MeterId, MeterId>), ApiError> {
        let failed = |error| ApiError::internal("reading accounts", &error);
        let overrides = self.accounts.price_overrides(basis.revision).await.map_err(failed)?;
        let Subscription { id, tenant, currency, .. } = &account.subscription;
        let concerns = |candidate: &PriceOverride| candidate.is_for(*id, *tenant, currency);
        let overrides = overrides.into_iter().filter(concerns).collect();
        let aliases = self.accounts.meter_aliases(basis.revision).await.map_err(failed)?;
        Ok((overrides, aliases))
    }

    /// The prices and terms of a period: those of the offer that it starts under.
    async fn book(
        &self,
        account: &Account,
        basis: &Basis,
        period: BillingPeriod,
        overrides: Arc<[PriceOverride]>,
    ) -> Result<Book, ApiError> {
        let facts = account.facts_in(period);
        let cards = self.directory().cards_revision_at(basis.revision);
        let list = self.price_list(account.card(&facts), cards).await?;
        let exists = account.subscription.created_at < period.end();
        Ok(Book {
            list,
            overrides,
            commitment: facts.commitment,
            is_subscribed: exists && facts.state != SubscriptionState::Cancelled,
        })
    }
}

impl Unrated {
    fn rate(self, aliases: &BTreeMap<MeterId, MeterId>) -> Result<RatedPeriod, ApiError> {
        let usage = Usage::from_records(self.period, self.records, aliases);
        let rated = rate(&usage, &self.book).map_err(ApiError::Rate)?;
        Ok(RatedPeriod { usage, rated, book: self.book })
    }
}

impl Account {
    /// The subscription as of a revision; none if it was made later.
    pub(crate) fn as_of(subscription: &Subscription, revision: Revision) -> Option<Self> {
        let subscription = subscription.as_of(revision)?;
        let mut schedule = Schedule::anchored_on(subscription.anchor);
        let mut before = (subscription.offer.clone(), subscription.anchor);
        for day in subscription.turning_points() {
            let facts = subscription.facts_at(day);
            let after = (facts.offer, facts.anchor);
            if after != before {
                schedule = schedule.changed(day, after.1);
                before = after;
            }
        }
        Some(Self { subscription, schedule })
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
