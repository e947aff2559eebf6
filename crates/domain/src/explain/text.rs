//! Explanations as arithmetic to read in a terminal, every digit shown, amounts below each other by
//! their points.

use std::fmt;

use crate::book::PriceVersion;
use crate::decimal::{Money, Quantity};
use crate::id::Currency;
use crate::period::BillingPeriod;
use crate::rate::PartKind;
use crate::time::UtcTime;

use super::{CommitmentExplanation, Explanation, Label, Node, TermsExplanation};

/// One line: a name, the arithmetic and what it comes to.
struct TextLine {
    name: String,
    arithmetic: String,
    amount: Option<Money>,
}

impl Explanation {
    /// Lines of text, without line ends, for a monospaced terminal. Amounts are in `currency`, which
    /// is that of the rate card.
    #[must_use]
    pub fn lines(&self, currency: &Currency) -> Vec<String> {
        let mut lines = vec![heading(&self.title(), self.period, currency)];
        let mut body = Vec::new();
        let unit = self.description.unit.as_deref().map(|unit| format!(" {}", printable(unit)));
        let unit = unit.unwrap_or_default();
        if let Some(amount) = &self.amount {
            let used = self.quantity.quantity.unwrap_or_default();
            let Label::Usage { rows } = self.quantity.label else {
                unreachable!("the quantity of a meter is its usage")
            };
            body.push(text("  usage", format!("{used}{unit} in {}", counted(rows))));
            body.push(text("  included", taken_off(self.included)));
            body.push(text("  billable", self.billable.to_string()));
            add_amounts(&mut body, amount);
        }
        if let Some(price) = &self.effective_price {
            let price = format!("{price} = charge / usage, to 20 places");
            body.push(text("  effective price", price));
        }
        for (reason, quantity) in &self.unpriced {
            body.push(text("  unpriced", format!("{quantity}{unit}: {reason}")));
        }
        lines.extend(aligned(body));
        lines
    }

    fn title(&self) -> String {
        let Some(name) = &self.description.name else { return format!("meter {}", self.meter) };
        let category = self.description.category.as_deref();
        let category = category.map(|category| format!(" ({})", printable(category)));
        format!("{}{}", printable(name), category.unwrap_or_default())
    }
}

/// Versions, tiers, the charge, and below it credit and what is left.
fn add_amounts(body: &mut Vec<TextLine>, node: &Node) {
    for child in &node.children {
        add_amounts(body, child);
    }
    match &node.label {
        // A version is named above its lines, and they stand for it.
        Label::Version(version) => {
            let above = body.len() - node.children.len();
            body.insert(above, text(&format!("  {}", version_name(version)), ""));
        }
        Label::Net if node.children.len() == 1 => {}
        label => {
            let (name, arithmetic) = match label {
                Label::Line(kind) => (line_name(*kind), line_arithmetic(*kind, node)),
                Label::Net => ("  net".to_owned(), String::new()),
                Label::Credit { .. } => ("  credit".to_owned(), String::new()),
                _ => ("  charge".to_owned(), String::new()),
            };
            body.push(TextLine { name, arithmetic, amount: node.amount });
        }
    }
}

fn version_name(version: &PriceVersion) -> String {
    let mut origins = Vec::new();
    origins.extend(version.card.map(|card| format!("card import {card}")));
    origins.extend(version.price_override.map(|made_by| format!("override {}", made_by.0)));
    origins.extend(version.markup.as_ref().map(|(percent, _)| format!("markup {percent}%")));
    if origins.is_empty() {
        return format!("price{}", from(version.effective));
    }
    format!("price{} ({})", from(version.effective), origins.join(", "))
}

fn line_name(kind: PartKind) -> String {
    match kind {
        PartKind::Tier { from, .. } => format!("    from {from}"),
        PartKind::Committed { .. } => "    committed".to_owned(),
        PartKind::Included => "    included".to_owned(),
    }
}

fn line_arithmetic(kind: PartKind, node: &Node) -> String {
    let (Some(quantity), Some(rate)) = (node.quantity, node.rate) else { return String::new() };
    match kind {
        PartKind::Committed { base, discount, .. } => {
            format!("{quantity} x {rate} ({base} less {discount}%)")
        }
        _ => format!("{quantity} x {rate}"),
    }
}

impl TermsExplanation {
    /// Lines of text, without line ends, for a monospaced terminal. Amounts are in `currency`, which
    /// is that of the rate card.
    #[must_use]
    pub fn lines(&self, currency: &Currency) -> Vec<String> {
        let mut lines = vec![heading("Usage and terms", self.period, currency)];
        let mut credits = self.credits.iter();
        let mut body = Vec::new();
        for node in &self.amount.children {
            let (name, arithmetic) = match &node.label {
                Label::Credit { effective } => {
                    let credit = credits.next().expect("every credit has a node");
                    let arithmetic =
                        format!("{} of credit, {} eligible", credit.credit, credit.eligible);
                    (format!("  credit{}", effective.map_or(String::new(), from)), arithmetic)
                }
                Label::Forfeited => ("  forfeited".to_owned(), self.forfeited()),
                Label::Recurring { effective } => {
                    (format!("  recurring{}", from(*effective)), String::new())
                }
                _ => ("  usage".to_owned(), String::new()),
            };
            body.push(TextLine { name, arithmetic, amount: node.amount });
        }
        body.push(TextLine {
            name: "  total".to_owned(),
            arithmetic: String::new(),
            amount: self.amount.amount,
        });
        if let Some(commitment) = &self.commitment {
            body.push(TextLine {
                name: "  total without commitment".to_owned(),
                arithmetic: String::new(),
                amount: Some(commitment.pay_as_you_go),
            });
            body.push(text(&format!("  {commitment}"), ""));
        }
        lines.extend(aligned(body));
        lines
    }

    fn forfeited(&self) -> String {
        let drawn = self.commitment.as_ref().map(|commitment| commitment.drawn);
        drawn.map_or(String::new(), |drawn| {
            format!("{} committed - {} drawn", drawn.committed, drawn.drawn)
        })
    }
}

impl fmt::Display for CommitmentExplanation {
    /// Whether it was worth it, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.saved.is_negative() {
            let more = self.saved.negated();
            write!(f, "the commitment is dearer than pay-as-you-go by {more}")
        } else if self.saved.is_zero() {
            f.write_str("the commitment costs as much as pay-as-you-go")
        } else {
            write!(f, "the commitment saves {} of pay-as-you-go", self.saved)
        }
    }
}

fn heading(title: &str, period: BillingPeriod, currency: &Currency) -> String {
    let (name, start, end) = (period.name(), period.start().date(), period.end().date());
    format!("{title}, {name}, {start} to {end} UTC, amounts in {currency}")
}

/// From when something applies: nothing for always, without the time at midnight.
fn from(effective: UtcTime) -> String {
    if effective == UtcTime::MIN {
        String::new()
    } else if effective == effective.day_start() {
        format!(" from {}", effective.date())
    } else {
        format!(" from {effective}")
    }
}

fn taken_off(quantity: Quantity) -> String {
    let (sign, size) =
        if quantity.is_negative() { ('+', quantity.negated()) } else { ('-', quantity) };
    format!("{sign} {size}")
}

fn counted(rows: usize) -> String {
    format!("{rows} {}", if rows == 1 { "row" } else { "rows" })
}

/// Names come from outside: what would steer a terminal is left out.
fn printable(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).collect()
}

fn text(name: &str, arithmetic: impl Into<String>) -> TextLine {
    TextLine { name: name.to_owned(), arithmetic: arithmetic.into(), amount: None }
}

/// Names, arithmetic and amounts in columns; a name alone takes the whole line.
fn aligned(lines: Vec<TextLine>) -> Vec<String> {
    let is_alone = |line: &TextLine| line.arithmetic.is_empty() && line.amount.is_none();
    let columns = || lines.iter().filter(|line| !is_alone(line));
    let names = columns().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let amounts = || columns().filter_map(|line| Some((line, line.amount?.to_string())));
    let arithmetic = amounts().map(|(line, _)| line.arithmetic.chars().count()).max().unwrap_or(0);
    let whole = amounts().map(|(_, amount)| whole_digits(&amount)).max().unwrap_or(0);
    let mut texts = Vec::with_capacity(lines.len());
    for line in &lines {
        if is_alone(line) {
            texts.push(line.name.clone());
            continue;
        }
        let TextLine { name, arithmetic: computed, amount } = line;
        let Some(amount) = amount.map(|amount| amount.to_string()) else {
            texts.push(format!("{name:names$}  {computed}"));
            continue;
        };
        let equals = if computed.is_empty() { ' ' } else { '=' };
        let padding = whole - whole_digits(&amount);
        texts.push(format!(
            "{name:names$}  {computed:arithmetic$}  {equals} {:padding$}{amount}",
            ""
        ));
    }
    texts
}

/// Characters before the point, with the sign.
fn whole_digits(amount: &str) -> usize {
    amount.find('.').unwrap_or(amount.len())
}
