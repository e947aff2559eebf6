//! What one rate card changes against another of the same offer, currency and region. Meters are
//! matched by id and stand in its order; nothing is rounded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::catalogue::{Meter, OfferTerm, RateCard, TermKind};
use crate::id::MeterId;

/// What changed between two rate cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDiff<'a> {
    /// The meters that are not the same on both.
    pub meters: BTreeMap<MeterId, MeterDiff<'a>>,
    /// The terms that are not the same on both, by kind.
    pub terms: Vec<TermDiff<'a>>,
    /// Whether prices contain tax, before and after, where that changed.
    pub is_tax_included: Option<(bool, bool)>,
}

/// What became of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterDiff<'a> {
    /// Only the later card has it.
    Added(&'a Meter),
    /// Only the earlier card has it. Its last price stays in force.
    Removed(&'a Meter),
    /// Both have it, and not alike.
    Changed(MeterChange<'a>),
}

/// A meter that two cards have, and not alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterChange<'a> {
    /// As the earlier card has it.
    pub before: &'a Meter,
    /// As the later card has it.
    pub after: &'a Meter,
}

/// A text about a meter that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyChange {
    /// The card's name of it, such as `MeterName`.
    pub property: &'static str,
    /// The text before; none if it was absent.
    pub before: Option<Arc<str>>,
    /// The text after.
    pub after: Option<Arc<str>>,
}

/// A term that two cards do not have alike. Terms have no ids: equal ones are left out, and the
/// others of a kind are paired in order of their effective dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermDiff<'a> {
    /// As the earlier card has it; none if it was added.
    pub before: Option<&'a OfferTerm>,
    /// As the later card has it; none if it was removed.
    pub after: Option<&'a OfferTerm>,
}

/// How much changed. A meter with another price and another name counts as both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiffCounts {
    /// Meters that only the later card has.
    pub added: usize,
    /// Meters that only the earlier card has.
    pub removed: usize,
    /// Meters with other tiers, included quantity or effective date.
    pub price_changed: usize,
    /// Meters that are described otherwise, tags included.
    pub renamed: usize,
    /// Terms that were added, removed or changed.
    pub terms_changed: usize,
}

/// The cards do not price the same: one is of another offer, currency or region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotComparable {
    /// `offer`, `currency` or `region`.
    pub what: &'static str,
    /// That of the earlier card.
    pub before: String,
    /// That of the later card.
    pub after: String,
}

impl fmt::Display for NotComparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, before, after } = self;
        write!(f, "rate cards of {what} {before} and {after} cannot be compared")
    }
}

impl std::error::Error for NotComparable {}

/// Compares two cards, which may be of two locales.
///
/// # Errors
/// [`NotComparable`] if they are of two offers, currencies or regions.
pub fn card_diff<'a>(
    before: &'a RateCard,
    after: &'a RateCard,
) -> Result<CardDiff<'a>, NotComparable> {
    for (what, before, after) in [
        ("offer", before.key.offer.as_str(), after.key.offer.as_str()),
        ("currency", before.key.currency.as_str(), after.key.currency.as_str()),
        ("region", before.key.region.as_str(), after.key.region.as_str()),
    ] {
        if before != after {
            return Err(NotComparable { what, before: before.into(), after: after.into() });
        }
    }
    let taxes = (before.is_tax_included, after.is_tax_included);
    Ok(CardDiff {
        meters: meters(&before.meters, &after.meters),
        terms: terms(&before.terms, &after.terms),
        is_tax_included: (taxes.0 != taxes.1).then_some(taxes),
    })
}

fn meters<'a>(before: &'a [Meter], after: &'a [Meter]) -> BTreeMap<MeterId, MeterDiff<'a>> {
    let mut diffs: BTreeMap<_, _> =
        before.iter().map(|meter| (meter.id, MeterDiff::Removed(meter))).collect();
    for meter in after {
        match diffs.get(&meter.id) {
            Some(MeterDiff::Removed(before)) => {
                let change = MeterChange { before, after: meter };
                if change.is_price_changed() || !change.properties().is_empty() {
                    diffs.insert(meter.id, MeterDiff::Changed(change));
                } else {
                    diffs.remove(&meter.id);
                }
            }
            _ => {
                diffs.insert(meter.id, MeterDiff::Added(meter));
            }
        }
    }
    diffs
}

fn terms<'a>(before: &'a [OfferTerm], after: &'a [OfferTerm]) -> Vec<TermDiff<'a>> {
    let mut diffs = Vec::new();
    for kind in [TermKind::MonetaryCredit, TermKind::MonetaryCommitment, TermKind::RecurringCharge]
    {
        let of_kind = |terms: &'a [OfferTerm]| {
            let mut terms: Vec<_> = terms.iter().filter(|term| term.kind() == kind).collect();
            terms.sort_by_key(|term| term.effective());
            terms
        };
        let (mut before, mut after) = (of_kind(before), of_kind(after));
        before.retain(|term| match after.iter().position(|other| other == term) {
            Some(same) => {
                after.remove(same);
                false
            }
            None => true,
        });
        diffs.extend((0..before.len().max(after.len())).map(|place| TermDiff {
            before: before.get(place).copied(),
            after: after.get(place).copied(),
        }));
    }
    diffs
}

impl CardDiff<'_> {
    /// How much changed.
    #[must_use]
    pub fn counts(&self) -> DiffCounts {
        let mut counts = DiffCounts { terms_changed: self.terms.len(), ..DiffCounts::default() };
        for diff in self.meters.values() {
            match diff {
                MeterDiff::Added(_) => counts.added += 1,
                MeterDiff::Removed(_) => counts.removed += 1,
                MeterDiff::Changed(change) => {
                    counts.price_changed += usize::from(change.is_price_changed());
                    counts.renamed += usize::from(!change.properties().is_empty());
                }
            }
        }
        counts
    }
}

impl TermDiff<'_> {
    /// Which kind of term it is.
    #[must_use]
    pub fn kind(&self) -> TermKind {
        let term = self.after.or(self.before);
        term.expect("a change has a term before or after it").kind()
    }
}

impl MeterChange<'_> {
    /// Whether tiers, included quantity or effective date changed.
    #[must_use]
    pub fn is_price_changed(&self) -> bool {
        let price = |meter: &Meter| (meter.tiers.clone(), meter.included, meter.effective);
        price(self.before) != price(self.after)
    }

    /// The texts that changed, in the order of the card. Tags are one text, and their order does
    /// not count.
    #[must_use]
    pub fn properties(&self) -> Vec<PropertyChange> {
        let tags = |meter: &Meter| meter.tags.iter().cloned().collect::<BTreeSet<_>>();
        let same_tags = tags(self.before) == tags(self.after);
        let texts = texts(self.before).into_iter().zip(texts(self.after));
        let changed = texts.filter(|((property, before), (_, after))| {
            before != after && !(*property == TAGS && same_tags)
        });
        let change = |((property, before), (_, after))| PropertyChange { property, before, after };
        changed.map(change).collect()
    }
}

const TAGS: &str = "MeterTags";

fn texts(meter: &Meter) -> [(&'static str, Option<Arc<str>>); 12] {
    let Meter { description, sku, tags, status, .. } = meter;
    let tags = (!tags.is_empty()).then(|| Arc::from(tags.join(", ")));
    [
        ("MeterName", description.name.clone()),
        ("MeterCategory", description.category.clone()),
        ("MeterSubCategory", description.subcategory.clone()),
        ("Unit", description.unit.clone()),
        (TAGS, tags),
        ("MeterRegion", description.region.clone()),
        ("MeterStatus", status.clone()),
        ("ServiceName", sku.service.clone()),
        ("ProductName", sku.product.clone()),
        ("ArmSkuName", sku.arm_sku_name.clone()),
        ("ArmRegionName", sku.arm_region_name.clone()),
        ("ReservationTerm", sku.reservation_term.clone()),
    ]
}

#[cfg(test)]
mod tests;
