//! The tree of an explanation: what stands above is the sum of what stands below it.

use std::sync::Arc;

use crate::book::PriceVersion;
use crate::decimal::{Money, Quantity, UnitPrice};
use crate::id::{EventId, Source};
use crate::rate::PartKind;
use crate::record::Window;
use crate::time::{Date, UtcTime};

/// A figure and the figures that it is the sum of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub label: Label,
    /// How much was used, in the meter's unit; none where it is an amount alone.
    pub quantity: Option<Quantity>,
    /// Price of each unit, where there is one; the amount is quantity times rate.
    pub rate: Option<UnitPrice>,
    /// What it costs, or takes off if below zero; none where it is a quantity alone.
    pub amount: Option<Money>,
    /// What it is made of; nothing for a leaf.
    pub children: Vec<Node>,
}

/// What a figure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// All priced usage of a meter.
    Usage {
        /// Number of its rows.
        rows: usize,
    },
    /// Usage that starts on one day of UTC.
    Day {
        /// The day.
        date: Date,
        /// Number of its rows.
        rows: usize,
    },
    /// One row of usage.
    Row {
        /// When.
        window: Window,
        /// URI of the resource, if the row names one.
        resource: Option<Arc<str>>,
        /// Who says so.
        source: Source,
        /// The record's name within its source.
        event_id: EventId,
    },
    /// The rows of a day that are not shown one by one.
    MoreRows {
        /// Their number.
        rows: usize,
    },
    /// What a meter comes to: its charge, less what credits cover of it.
    Net,
    /// What usage costs.
    Charge,
    /// What was charged under one version of the price.
    Version(Arc<PriceVersion>),
    /// What was charged in a tier, or drawn from the commitment.
    Line(PartKind),
    /// What credit covers.
    Credit {
        /// From when the term applies; none for all credits together.
        effective: Option<UtcTime>,
    },
    /// The part of the commitment that no usage drew.
    Forfeited,
    /// A recurring charge.
    Recurring {
        /// From when the term applies.
        effective: UtcTime,
    },
    /// What is owed for the period, before tax.
    Total,
}

impl Node {
    /// A leaf without figures.
    pub(super) fn new(label: Label) -> Self {
        Self { label, quantity: None, rate: None, amount: None, children: vec![] }
    }

    /// A leaf with an amount.
    pub(super) fn of_amount(label: Label, amount: Money) -> Self {
        Self { amount: Some(amount), ..Self::new(label) }
    }

    /// Checks every node that has children: its quantity and its amount, where it has them, are the
    /// sums of theirs. So the leaves add up to the root, to the last digit.
    ///
    /// # Panics
    /// If they do not.
    pub fn assert_adds_up(&self) {
        if self.children.is_empty() {
            return;
        }
        if let Some(whole) = self.quantity {
            let parts = self.children.iter().filter_map(|child| child.quantity);
            let sum = parts.into_iter().try_fold(Quantity::ZERO, Quantity::plus);
            assert!(sum == Ok(whole), "{:?} lost usage: {sum:?} is not {whole}", self.label);
        }
        if let Some(whole) = self.amount {
            let parts = self.children.iter().filter_map(|child| child.amount);
            let sum = parts.into_iter().try_fold(Money::ZERO, Money::plus);
            assert!(sum == Ok(whole), "{:?} lost money: {sum:?} is not {whole}", self.label);
        }
        self.children.iter().for_each(Self::assert_adds_up);
    }
}
