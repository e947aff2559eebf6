//! What a subscription is, and what of it holds on which day. Pure.
//!
//! A subscription is what it was made as and its changes. Each change sets some facts from a day on,
//! and is known from a revision on; so what holds on a day is read as of any revision.

use std::collections::BTreeSet;
use std::fmt;

use domain::decimal::Money;
use domain::id::{Country, Currency, Locale, OfferId, SubscriptionId, TenantId};
use domain::period::{AnchorDay, GRACE_HOURS, Schedule};
use domain::time::{Date, UtcTime};

use crate::limits::{BUYER_CHARS_MAX, NAME_CHARS_MAX};
use crate::store::Revision;

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

/// The party that invoices are made out to: its name and address, 1 to 2,000 characters in one line
/// or more, not all of them blank, no other control characters than the ends of lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Buyer(String);

/// The text is no buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchBuyer;

impl fmt::Display for NoSuchBuyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a buyer has 1 to {BUYER_CHARS_MAX} characters, in lines")
    }
}

impl std::error::Error for NoSuchBuyer {}

impl Buyer {
    /// Reads a buyer; blanks around it are dropped, and lines end with a line feed alone.
    ///
    /// # Errors
    /// [`NoSuchBuyer`] if the text is none.
    pub fn parse(text: &str) -> Result<Self, NoSuchBuyer> {
        let buyer = text.trim().replace("\r\n", "\n");
        let fits = (1..=BUYER_CHARS_MAX).contains(&buyer.chars().count());
        if !fits || buyer.chars().any(|character| character.is_control() && character != '\n') {
            return Err(NoSuchBuyer);
        }
        Ok(Self(buyer))
    }

    /// The text, in lines.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Buyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a subscription is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionState {
    /// In use.
    Active,
    /// Stopped for a while; it can be made active again.
    Suspended,
    /// Ended for ever.
    Cancelled,
}

/// The text is no state of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchState;

impl fmt::Display for NoSuchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a subscription is active, suspended or cancelled")
    }
}

impl std::error::Error for NoSuchState {}

impl SubscriptionState {
    /// Reads `active`, `suspended` or `cancelled`.
    ///
    /// # Errors
    /// [`NoSuchState`] if the text is none of them.
    pub fn parse(text: &str) -> Result<Self, NoSuchState> {
        let all = [Self::Active, Self::Suspended, Self::Cancelled];
        all.into_iter().find(|state| state.as_str() == text).ok_or(NoSuchState)
    }

    /// The state as a word in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
    /// The amount committed to in each billing period, in its currency.
    pub commitment: Option<Money>,
    /// Whether invoices may be downloaded.
    pub invoice_download: bool,
    /// The party that invoices are made out to.
    pub buyer: Option<Buyer>,
}

/// A subscription as of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The currency of its prices.
    pub currency: Currency,
    /// The language of its meter names.
    pub locale: Locale,
    /// The country where the offer was bought.
    pub region: Country,
    /// Its name when it was made.
    pub name: DisplayName,
    /// The offer that it was made under.
    pub offer: OfferId,
    /// Day of the month on which its first billing periods begin.
    pub anchor: AnchorDay,
    /// The revision that made it.
    pub created_revision: Revision,
    /// When it was made.
    pub created_at: UtcTime,
    /// The revision of the last change, or that made it.
    pub revision: Revision,
    /// When that was.
    pub changed_at: UtcTime,
    /// What changed since it was made, in order of revision. One of the revision that made it is
    /// what it was made with beside the above, and holds from the beginning of time.
    pub changes: Vec<StoredSubscriptionChange>,
}

/// What holds of a subscription on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Shown to people.
    pub name: DisplayName,
    /// The offer.
    pub offer: OfferId,
    /// Day of the month on which billing periods begin.
    pub anchor: AnchorDay,
    /// The amount committed to in each billing period, in the subscription's currency.
    pub commitment: Option<Money>,
    /// Whether invoices may be downloaded.
    pub invoice_download: bool,
    /// The party that invoices are made out to.
    pub buyer: Option<Buyer>,
    /// Whether it is in use.
    pub state: SubscriptionState,
}

/// What is to change of a subscription from a day on; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionChange {
    /// Its name.
    pub name: Option<DisplayName>,
    /// Its offer.
    pub offer: Option<OfferId>,
    /// Day of the month on which billing periods begin.
    pub anchor: Option<AnchorDay>,
    /// The amount committed to in each billing period; `Some(None)` takes it away.
    pub commitment: Option<Option<Money>>,
    /// Whether invoices may be downloaded.
    pub invoice_download: Option<bool>,
    /// The party that invoices are made out to; `Some(None)` takes it away.
    pub buyer: Option<Option<Buyer>>,
    /// Whether it is in use.
    pub state: Option<SubscriptionState>,
}

impl SubscriptionChange {
    /// Whether it ends the running billing period.
    pub(crate) fn ends_period(&self) -> bool {
        self.offer.is_some() || self.anchor.is_some()
    }

    /// Whether it changes the state and nothing else.
    pub(crate) fn is_of_state_alone(&self) -> bool {
        self.state.is_some() && Self { state: None, ..self.clone() } == Self::default()
    }
}

/// A change on file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSubscriptionChange {
    /// The revision that it came with.
    pub revision: Revision,
    /// When it was made.
    pub at: UtcTime,
    /// Who made it.
    pub by: String,
    /// The first day on which it holds.
    pub effective: Date,
    /// What it changes.
    pub change: SubscriptionChange,
}

impl Subscription {
    /// What holds on a day.
    ///
    /// Each fact is that of the change with the latest effective day, and of these the latest
    /// revision, that sets it; or as it was made: active, without commitment, buyer and download of
    /// invoices. Once cancelled it stays so.
    #[must_use]
    pub fn facts_at(&self, day: Date) -> Facts {
        let mut facts = Facts {
            name: self.name.clone(),
            offer: self.offer.clone(),
            anchor: self.anchor,
            commitment: None,
            invoice_download: false,
            buyer: None,
            state: SubscriptionState::Active,
        };
        let in_force = self.changes.iter().filter(|stored| stored.effective <= day);
        let mut in_force: Vec<_> = in_force.collect();
        in_force.sort_by_key(|stored| (stored.effective, stored.revision));
        for stored in in_force {
            facts.change(&stored.change);
        }
        facts
    }

    /// What was known of it at a revision; none if it was made later.
    #[must_use]
    pub fn as_of(&self, revision: Revision) -> Option<Self> {
        if self.created_revision > revision {
            return None;
        }
        let known = self.changes.iter().filter(|stored| stored.revision <= revision);
        let changes: Vec<_> = known.cloned().collect();
        let made = (self.created_revision, self.created_at);
        let (revision, changed_at) = changes.last().map_or(made, |last| (last.revision, last.at));
        Some(Self { revision, changed_at, changes, ..self.clone() })
    }

    /// The days from which some fact may be another than before, in ascending order.
    #[must_use]
    pub fn turning_points(&self) -> Vec<Date> {
        let days: BTreeSet<Date> = self.changes.iter().map(|stored| stored.effective).collect();
        days.into_iter().collect()
    }

    /// Its billing periods: a changed offer or anchor ends the running one at the midnight that
    /// begins the day.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let mut schedule = Schedule::anchored_on(self.anchor);
        let mut before = (self.offer.clone(), self.anchor);
        for day in self.turning_points() {
            let facts = self.facts_at(day);
            let after = (facts.offer, facts.anchor);
            if after != before {
                schedule = schedule.changed(day, after.1);
                before = after;
            }
        }
        schedule
    }

    /// The first day of the first billing period that is not closed: a period ends after this moment
    /// exactly if its grace time is not over now.
    pub(crate) fn first_open_day(&self, now: UtcTime) -> Date {
        self.schedule().containing(now.plus_hours(-GRACE_HOURS)).start().date()
    }

    /// The day from which on it is cancelled, if it is.
    pub(crate) fn cancelled_from(&self) -> Option<Date> {
        let cancels = |stored: &&StoredSubscriptionChange| {
            stored.change.state == Some(SubscriptionState::Cancelled)
        };
        self.changes.iter().filter(cancels).map(|stored| stored.effective).min()
    }

    /// The first day after another on which its state is none that is asked for, and that state.
    pub(crate) fn other_state_after(
        &self,
        day: Date,
        state: SubscriptionState,
    ) -> Option<(SubscriptionState, Date)> {
        let later = self.turning_points().into_iter().filter(|later| *later > day);
        let mut states = later.map(|later| (self.facts_at(later).state, later));
        states.find(|(other, _)| *other != state)
    }
}

impl Facts {
    fn change(&mut self, change: &SubscriptionChange) {
        fn set<T: Clone>(fact: &mut T, new: Option<&T>) {
            if let Some(new) = new {
                fact.clone_from(new);
            }
        }
        let SubscriptionChange { name, offer, anchor, commitment, invoice_download, buyer, state } =
            change;
        set(&mut self.name, name.as_ref());
        set(&mut self.offer, offer.as_ref());
        set(&mut self.anchor, anchor.as_ref());
        set(&mut self.commitment, commitment.as_ref());
        set(&mut self.invoice_download, invoice_download.as_ref());
        set(&mut self.buyer, buyer.as_ref());
        if self.state != SubscriptionState::Cancelled {
            set(&mut self.state, state.as_ref());
        }
    }
}
