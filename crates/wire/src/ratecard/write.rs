//! The rate card answer: `PascalCase` members in the order of Azure's recorded one, every number an
//! exact decimal. The same card gives the same bytes.

use std::fmt::Display;
use std::io::Write as _;

use domain::catalogue::{Meter, OfferTerm, RateCard};
use domain::id::MeterId;

/// About as many bytes as a meter has.
const METER_BYTES: usize = 384;

/// Writes a rate card as Azure answers it.
#[must_use]
pub fn write(card: &RateCard) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(1024 + card.meters.len() * METER_BYTES));
    out.raw("{\"OfferTerms\":");
    out.array(&card.terms, Writer::term);
    out.raw(",\"Meters\":");
    out.array(&card.meters, Writer::meter);
    out.raw(",\"Currency\":");
    out.string(card.key.currency.as_str());
    out.raw(",\"Locale\":");
    out.string(card.key.locale.as_str());
    out.raw(if card.is_tax_included {
        ",\"IsTaxIncluded\":true}"
    } else {
        ",\"IsTaxIncluded\":false}"
    });
    out.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.0, text).expect("a string is JSON, a vector takes it");
    }

    /// Something whose text needs no escapes: a number, an id, a time.
    fn plain(&mut self, value: impl Display) {
        write!(self.0, "{value}").expect("a vector takes every byte");
    }

    fn array<'a, T: 'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a T>,
        item: fn(&mut Self, &T),
    ) {
        self.raw("[");
        for (position, value) in items.into_iter().enumerate() {
            self.raw(if position == 0 { "" } else { "," });
            item(self, value);
        }
        self.raw("]");
    }

    /// `"key":"text",`, or nothing.
    fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.raw(key);
            self.string(text);
            self.raw(",");
        }
    }

    fn meter(&mut self, meter: &Meter) {
        self.raw("{\"MeterId\":");
        self.id(&meter.id);
        self.raw(",");
        self.optional("\"MeterName\":", meter.description.name.as_deref());
        self.optional("\"MeterCategory\":", meter.description.category.as_deref());
        self.optional("\"MeterSubCategory\":", meter.description.subcategory.as_deref());
        self.optional("\"Unit\":", meter.description.unit.as_deref());
        self.raw("\"MeterTags\":");
        self.array(&meter.tags, |out, tag| out.string(tag));
        self.raw(",");
        self.optional("\"MeterRegion\":", meter.description.region.as_deref());
        self.raw("\"MeterRates\":{");
        for (position, tier) in meter.tiers.as_slice().iter().enumerate() {
            self.raw(if position == 0 { "" } else { "," });
            self.plain(format_args!("\"{}\":{}", tier.from, tier.rate));
        }
        self.plain(format_args!("}},\"EffectiveDate\":\"{}\",", meter.effective));
        self.optional("\"MeterStatus\":", meter.status.as_deref());
        self.plain(format_args!("\"IncludedQuantity\":{}}}", meter.included));
    }

    fn term(&mut self, term: &OfferTerm) {
        let effective = match term {
            OfferTerm::MonetaryCredit { credit, excluded, effective } => {
                self.plain(format_args!("{{\"Name\":\"Monetary Credit\",\"Credit\":{credit},"));
                self.raw("\"ExcludedMeterIds\":");
                self.array(excluded, Self::id);
                effective
            }
            OfferTerm::MonetaryCommitment { tiered_discount, excluded, effective } => {
                self.raw("{\"Name\":\"Monetary Commitment\",\"TieredDiscount\":{");
                for (position, (level, percent)) in tiered_discount.iter().enumerate() {
                    self.raw(if position == 0 { "" } else { "," });
                    self.plain(format_args!("\"{level}\":{percent}"));
                }
                self.raw("},\"ExcludedMeterIds\":");
                self.array(excluded, Self::id);
                effective
            }
            OfferTerm::RecurringCharge { charge, effective } => {
                self.raw("{\"Name\":\"Recurring Charge\",");
                self.plain(format_args!("\"RecurringCharge\":{charge}"));
                effective
            }
        };
        self.plain(format_args!(",\"EffectiveDate\":\"{effective}\"}}"));
    }

    fn id(&mut self, id: &MeterId) {
        self.plain(format_args!("\"{id}\""));
    }
}
