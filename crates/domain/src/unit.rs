//! What a unit's text means: how many units one priced block has, and of what.
//!
//! A quantity that is already in the meter's unit is priced as it is, whatever the text says. Units
//! matter only where exports and the Consumption API are converted, and for estimates.
//!
//! A text that could hide a block which is not understood is unknown, never a block of one: a row
//! without a price is seen, a price that is wrong by a thousand is not.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::decimal::Quantity;

/// The units that Microsoft's FinOps toolkit lists, as it is (NOTICE says from where).
const TABLE: &str = include_str!("unit/PricingUnits.csv");

/// Names that real exports have and the table lacks, in lower case.
const ABBREVIATIONS: [(&str, &str); 4] =
    [("hr", "Hours"), ("hrs", "Hours"), ("gb/hr", "GB/Hour"), ("gb/hrs", "GB/Hour")];

/// What exports write where they have no unit, in lower case.
const PLACEHOLDERS: [&str; 5] = ["n/a", "na", "none", "null", "unknown"];

/// Numbers as words, in lower case: what they make of a block is not said.
const NUMBER_WORDS: [&str; 5] = ["dozen", "hundred", "thousand", "million", "billion"];

/// Name of a unit of which the text only says how many.
const UNITS: &str = "Units";

/// Longest text that is read as a unit; the table's longest has 34 bytes.
const TEXT_BYTES_MAX: usize = 100;

/// The unit that a price is for: a block of so many units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricingUnit {
    block: Quantity,
    name: Cow<'static, str>,
}

impl PricingUnit {
    /// Reads a unit of measure: `10,000s`, `1M Queries`, `100 Hours`, `1 GB/Month`, `10K`, `Days`.
    ///
    /// The table's rows come first, so that `10000s` is one: the prices that say so are each. What
    /// it lacks is read as `[N][,NNN][K|M|B|T][s] name`. None is a text that is not understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            return None;
        }
        if let Some(unit) = TABLES.units.get(text) {
            return Some(unit.clone());
        }
        let text = with_single_blanks(text);
        if let Some(unit) = TABLES.units.get(text.as_str()) {
            return Some(unit.clone());
        }
        let (block, rest) = block_and_rest(&text)?;
        Some(Self { block, name: distinct_name(rest)? })
    }

    /// How many units one block has, and so one priced unit: above zero, 1 where none is written.
    #[must_use]
    pub fn block(&self) -> Quantity {
        self.block
    }

    /// What is counted, without its block: `Hours`, `GB/Month`, `Units` where nothing else is said.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The table's rows, by what they are looked up with.
struct Tables {
    /// Whole texts.
    units: HashMap<&'static str, PricingUnit>,
    /// Distinct units by the text after the number, in lower case: other numbers occur with it too.
    names: HashMap<String, &'static str>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut units = HashMap::new();
    let mut names: HashMap<String, &'static str> = HashMap::new();
    for line in TABLE.lines().skip(1) {
        let (text, block, name) = row(line).expect("the table's lines are rows: a test reads all");
        units.insert(text, PricingUnit { block, name: Cow::Borrowed(name) });
        let cleaned = with_single_blanks(text);
        if let Some((written, rest)) = block_and_rest(&cleaned)
            && written == block // not `10000s`, whose number is no block
            && is_name(rest)
        {
            names.entry(rest.to_lowercase()).or_insert(name);
        }
    }
    for (abbreviation, name) in ABBREVIATIONS {
        names.entry(abbreviation.to_owned()).or_insert(name);
    }
    Tables { units, names }
});

/// A row `"text",accounts,block,name`, in which the text is quoted and may have commas.
fn row(line: &'static str) -> Option<(&'static str, Quantity, &'static str)> {
    let (text, rest) = line.strip_prefix('"')?.split_once("\",")?;
    let mut fields = rest.rsplitn(3, ',');
    let name = fields.next()?;
    let block = Quantity::parse(fields.next()?).ok()?;
    Some((text, block, name))
}

/// The text without blanks around it or around a slash in it, and one between words.
fn with_single_blanks(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(" /", "/").replace("/ ", "/")
}

/// Splits a text into the number of units and what they are, which may be nothing.
fn block_and_rest(text: &str) -> Option<(Quantity, &str)> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return leading_block(text);
    }
    if let Some((name, inner)) = text.strip_suffix(')').and_then(|open| open.split_once(" (")) {
        let count = inner.strip_prefix("in ").unwrap_or(inner);
        if let Some((block, "")) = leading_block(count) {
            return Some((block, name)); // `Authentications (10s)`
        }
    }
    let one = Quantity::parse("1").expect("1 is a quantity");
    (!text.is_empty()).then_some((one, text))
}

/// Reads the number that a text begins with, and the letter and plural that belong to it.
fn leading_block(text: &str) -> Option<(Quantity, &str)> {
    let is_digit = |letter: char| letter.is_ascii_digit() || letter == ',';
    let end = text.find(|letter| !is_digit(letter)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let end = rest.find([' ', '/', '(']).unwrap_or(rest.len());
    let (suffix, after) = rest.split_at(end);
    let (multiplier, rest) = match suffix {
        "" | "s" | "'s" => (1, after),
        "K" | "k" | "Ks" => (1_000, after),
        "M" | "Ms" => (1_000_000, after),
        "B" | "Bs" => (1_000_000_000, after),
        "T" | "Ts" => (1_000_000_000_000, after),
        // `100Hours`; but a single letter, as in `1m`, could be a number or a unit.
        word if word.chars().count() > 1 && word.starts_with(char::is_alphabetic) => (1, rest),
        _ => return None,
    };
    let count = grouped_number(digits)?.checked_mul(multiplier)?;
    let block = Quantity::parse(&count.to_string()).ok()?;
    (!block.is_zero()).then_some((block, rest.trim_start()))
}

/// Reads digits, which commas may part into threes.
fn grouped_number(text: &str) -> Option<u64> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.len() > 3 || first.is_empty() {
            return None;
        }
        digits.push_str(group);
    }
    digits.parse().ok()
}

/// The distinct unit of what stands after the number.
fn distinct_name(rest: &str) -> Option<Cow<'static, str>> {
    if rest.is_empty() {
        return Some(Cow::Borrowed(UNITS));
    }
    let folded = rest.to_lowercase();
    if let Some(name) = TABLES.names.get(&folded) {
        return Some(Cow::Borrowed(name));
    }
    let is_number = |word: &str| NUMBER_WORDS.iter().any(|number| word.starts_with(number));
    let has_number = !is_name(rest) || folded.split(' ').any(is_number);
    if has_number || PLACEHOLDERS.contains(&folded.as_str()) {
        return None;
    }
    let subject = if rest.starts_with('/') { UNITS } else { "" }; // `/Week` is Units/Week
    Some(Cow::Owned(format!("{subject}{rest}")))
}

/// Whether a text names a unit: it begins with a letter, and no word of it is another number.
/// After a slash a number is a length, as in `/10 Days`.
fn is_name(text: &str) -> bool {
    let named = text.strip_prefix('/').map_or(text, |per| {
        per.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start()
    });
    let mut words = named.split([' ', '(']);
    named.starts_with(char::is_alphabetic)
        && words.all(|word| !word.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
