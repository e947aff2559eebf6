//! Spend as the answer of our own API.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::book::Unpriced;
use domain::complete::Completeness;
use domain::decimal::{OutOfRange, Quantity};
use domain::id::MeterId;
use domain::rate::RateError;
use domain::record::MeterDescription;
use domain::spend::{
    GroupKey, Spend, SpendGroup, SpendMeter, SpendTotals, Step, TermLine, TermLineKind,
    UnpricedUsage,
};
use domain::time::UtcTime;
use wire::own;

use super::question::{CostQuestion, read_step};
use crate::bill::{Account, Basis};
use crate::error::ApiError;

/// What an answer is made of beside the spend.
pub(crate) struct Answer<'a> {
    pub(crate) account: &'a Account,
    pub(crate) question: &'a CostQuestion,
    pub(crate) basis: &'a Basis,
}

impl Answer<'_> {
    pub(crate) fn body(
        &self,
        spend: &Spend,
        completeness: &Completeness,
    ) -> Result<own::Cost, ApiError> {
        let Self { account, question, basis } = self;
        let range = &question.query.range;
        let last = account.last_period(range);
        let groups = Groups { group_by: &question.group_by, meters: &spend.meters };
        let groups = spend.groups.iter().map(|group| groups.body(group, None));
        let groups = groups.collect::<Result<_, _>>();
        Ok(own::Cost {
            subscription_id: account.subscription.id.to_string(),
            period: question.period.map(|period| period.name()),
            from: range.start.to_string(),
            to: range.end.to_string(),
            currency: account.subscription.currency.to_string(),
            group_by: question.group_by.clone(),
            groups: groups.map_err(|error| ApiError::Rate(RateError::from(error)))?,
            terms: spend.terms.iter().map(term).collect(),
            unpriced: unpriced(&spend.unpriced),
            totals: totals(&spend.totals),
            total: spend.totals.net.to_string(),
            complete_up_to: complete(completeness),
            provisional: basis.known_at < last.closes_at(),
            basis: basis.body(),
        })
    }
}

/// Groups as answers show them.
pub(super) struct Groups<'a> {
    /// The entries of `groupBy`, as sent.
    pub(super) group_by: &'a [String],
    /// Every meter with priced usage.
    pub(super) meters: &'a BTreeMap<MeterId, SpendMeter>,
}

impl Groups<'_> {
    /// A group; of this subscription, where the entry `subscription` tells them apart.
    pub(super) fn body(
        &self,
        group: &SpendGroup,
        subscription: Option<&str>,
    ) -> Result<own::CostGroup, OutOfRange> {
        let meter = group.meter.and_then(|(id, quantity)| Some((self.meters.get(&id)?, quantity)));
        let by_meter = self.group_by.iter().any(|entry| entry == "meter");
        let meter = meter.filter(|_| by_meter);
        let amounts = &group.amounts;
        let keys = self.keys(&group.key, subscription);
        let inherited = self.inherited(&group.key);
        let named = |part: fn(&MeterDescription) -> &Option<Arc<str>>| {
            meter.and_then(|(meter, _)| owned(part(&meter.description)))
        };
        Ok(own::CostGroup {
            key: keys.first().cloned().flatten(),
            keys: if keys.len() > 1 { keys } else { vec![] },
            reason: (!inherited.is_empty())
                .then(|| format!("{} of the resource group", inherited.join(", "))),
            inherited,
            meter_name: named(|description| &description.name),
            meter_category: named(|description| &description.category),
            quantity: meter.map(|(_, quantity)| quantity.to_string()),
            unit: named(|description| &description.unit),
            effective_price: meter
                .and_then(|(_, quantity)| amounts.charge.effective_price(quantity)),
            gross: amounts.gross.to_string(),
            discount: amounts.discount.to_string(),
            charge: amounts.charge.to_string(),
            credit: amounts.credit.to_string(),
            shared: amounts.shared.to_string(),
            net: amounts.net()?.to_string(),
        })
    }

    /// A value for each entry asked for, the step of time at its place.
    fn keys(&self, key: &GroupKey, subscription: Option<&str>) -> Vec<Option<String>> {
        let mut parts = key.parts.iter();
        let entries = self.group_by.iter().map(|entry| match (read_step(entry), subscription) {
            (Some(step), _) => key.start.map(|start| step_text(step, start)),
            (None, Some(id)) if entry == "subscription" => Some(id.to_owned()),
            (None, _) => parts.next().and_then(|part| owned(&part.value)),
        });
        entries.collect()
    }

    /// The entries whose value is that of the resource group.
    fn inherited(&self, key: &GroupKey) -> Vec<String> {
        let entries = self.group_by.iter().filter(|entry| read_step(entry).is_none());
        let inherited = entries.zip(&key.parts).filter(|(_, part)| part.is_inherited);
        inherited.map(|(entry, _)| entry.clone()).collect()
    }
}

impl Basis {
    /// As answers name it.
    pub(crate) fn body(&self) -> own::Basis {
        own::Basis {
            ledger_version: self.snapshot.version().to_string(),
            accounts_revision: self.revision.0,
        }
    }
}

fn step_text(step: Step, start: UtcTime) -> String {
    match step {
        Step::Hour => start.to_string(),
        Step::Day => start.date().to_string(),
        Step::Month => start.date().month().to_string(),
    }
}

fn term(line: &TermLine) -> own::CostTerm {
    let name = match line.kind {
        TermLineKind::Credit => "Monetary Credit",
        TermLineKind::Forfeited => "Monetary Commitment, not drawn",
        TermLineKind::Recurring => "Recurring Charge",
    };
    let amount = line.amount.to_string();
    own::CostTerm { period: line.period.name(), name: name.to_owned(), amount }
}

pub(super) fn unpriced(lines: &[UnpricedUsage]) -> Vec<own::UnpricedUsage> {
    let lines = lines.iter().map(|line| own::UnpricedUsage {
        meter_id: line.meter.to_string(),
        meter_name: owned(&line.description.name),
        meter_category: owned(&line.description.category),
        quantity: line.quantity.to_string(),
        unit: owned(&line.description.unit),
        reason: line.reason.to_string(),
    });
    lines.collect()
}

pub(super) fn totals(totals: &SpendTotals) -> own::CostTotals {
    own::CostTotals {
        gross: totals.gross.to_string(),
        discount: totals.discount.to_string(),
        charges: totals.charges.to_string(),
        credit: totals.credit.to_string(),
        forfeited: totals.forfeited.to_string(),
        recurring: totals.recurring.to_string(),
    }
}

/// Up to when usage is complete.
pub(super) fn complete(completeness: &Completeness) -> own::Completeness {
    let sources = completeness.sources.iter().map(|source| own::SourceCompleteness {
        source: source.source.to_string(),
        time: source.up_to.to_string(),
        declared: source.declared,
    });
    own::Completeness {
        time: completeness.up_to.map(|time| time.to_string()),
        held_back_by: completeness.held_back_by.as_ref().map(ToString::to_string),
        sources: sources.collect(),
    }
}

/// Quantities without a price, by reason.
pub(super) fn unpriced_quantities(
    unpriced: &BTreeMap<Unpriced, Quantity>,
) -> Vec<own::UnpricedQuantity> {
    let body = |(reason, quantity): (&Unpriced, &Quantity)| own::UnpricedQuantity {
        quantity: quantity.to_string(),
        reason: reason.to_string(),
    };
    unpriced.iter().map(body).collect()
}

pub(super) fn owned(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}
