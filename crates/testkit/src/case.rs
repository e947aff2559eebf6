//! What a case says, as plain data, in the order of its text.

use crate::calendar::Time;
use crate::number::Number;

/// Everything that one bill is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The first is in force from the beginning of time; the others follow in order of time.
    pub anchors: Vec<Anchor>,
    /// Imports of rate cards, in their order; the time of import never falls.
    pub cards: Vec<Card>,
    /// Usage of the first meter is priced as the second. The second is never the first of another.
    pub aliases: Vec<(u32, u32)>,
    /// Own prices, in the order in which they were made.
    pub overrides: Vec<Override>,
    /// What the subscription commits to in each billing period.
    pub commitments: Vec<Commitment>,
    /// Rows of usage.
    pub usage: Vec<Row>,
}

/// From when on billing periods begin on which day of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// 1 to 31.
    pub day: u32,
    /// A midnight; the running period ends there.
    pub from: Time,
}

/// One import of a rate card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// When it was imported.
    pub imported: Time,
    /// Whether its prices and terms count in periods that were closed before it, too.
    pub reprice: bool,
    /// One a meter and effective date.
    pub meters: Vec<Meter>,
    /// Offer terms.
    pub terms: Vec<Term>,
}

/// One version of a meter's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// The meter.
    pub id: u32,
    /// Units that are free in each period.
    pub included: Number,
    /// Effective date.
    pub from: Time,
    /// Whether it is tagged as a third party's; the same for all versions on one card.
    pub third_party: bool,
    /// The same for all versions on one card.
    pub category: Option<String>,
    /// Prices as they are written, in any order; one of them is from 0.
    pub tiers: Vec<Tier>,
}

/// A price from a quantity on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Lower bound, counted from the first unit that is not included.
    pub bound: Number,
    /// Price of one unit.
    pub rate: Number,
}

/// An offer term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// It counts in periods that start then or later.
    pub from: Time,
    /// Meters that it does not touch; a recurring charge has none.
    pub except: Vec<u32>,
    /// What it does.
    pub terms: Terms,
}

/// What an offer term does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// Takes up to this amount off what usage costs in each period.
    Credit(Number),
    /// The percentage off the base rate for those who commit to an amount: (least amount, percent).
    Commitment(Vec<(Number, Number)>),
    /// An amount for each period.
    Recurring(Number),
}

/// A provider's own price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Whom it is for.
    pub scope: Scope,
    /// What it is for.
    pub target: Target,
    /// In force from then on.
    pub from: Time,
    /// And until before then.
    pub until: Option<Time>,
    /// When it was made.
    pub made: Time,
    /// Whether it counts in periods that were closed before it was made, too.
    pub reprice: bool,
    /// What it does.
    pub change: Change,
}

/// Whom an override is for, from wide to narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everyone.
    Installation,
    /// The subscription's tenant.
    Tenant,
    /// The subscription.
    Subscription,
}

/// What an override is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All meters of the cards.
    Every,
    /// Meters of this category.
    Category(String),
    /// This meter, after aliases.
    Meter(u32),
}

/// What an override does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A percentage on top of every rate of the card; -100 and more.
    Markup(Number),
    /// Other prices and another included quantity.
    Price {
        /// Units that are free in each period.
        included: Number,
        /// Prices as they are written, in any order; one of them is from 0.
        tiers: Vec<Tier>,
    },
}

/// The amount that the subscription commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// For each period that starts then or later.
    pub from: Time,
    /// Not negative.
    pub amount: Number,
}

/// A row of usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When the usage began.
    pub start: Time,
    /// When it ended, at the next midnight at the latest.
    pub end: Time,
    /// The meter before aliases.
    pub meter: u32,
    /// In the meter's unit; negative in a reversal.
    pub quantity: Number,
    /// What used it.
    pub instance: Option<String>,
}
