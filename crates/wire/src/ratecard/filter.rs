//! The filter of the rate card call: four fields compared with `eq`, joined by `and`, in any order.

use std::fmt;

use domain::catalogue::RateCardKey;
use domain::id::{Country, Currency, Locale, OfferId};

use crate::text::Excerpt;

/// The sentence with which Azure answers every filter that selects no card.
///
/// Source: answers of the live service, quoted by its users.
pub const INVALID_QUERY: &str = "Invalid query specified. Please specify valid values for \
                                 OfferDurableId, Currency, Locale and RegionInfo.";

/// A field of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `OfferDurableId`.
    Offer,
    /// `Currency`.
    Currency,
    /// `Locale`.
    Locale,
    /// `RegionInfo`.
    Region,
}

/// Why a filter selects no card. Messages begin with Azure's sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterError {
    /// It does not read `field eq 'value' and …`.
    Syntax {
        /// What would have to come.
        expected: &'static str,
        /// What comes instead, cut; empty at the end.
        found: Excerpt,
        /// Where, in characters from 1.
        position: usize,
    },
    /// A field that a rate card does not have.
    UnknownField(Excerpt),
    /// A field twice.
    Doubled(Field),
    /// A field that is not there.
    Missing(Field),
    /// A value that its field cannot have.
    Invalid {
        /// The field.
        field: Field,
        /// The value, cut.
        value: Excerpt,
    },
}

impl Field {
    const ALL: [Self; 4] = [Self::Offer, Self::Currency, Self::Locale, Self::Region];

    const fn name(self) -> &'static str {
        match self {
            Self::Offer => "OfferDurableId",
            Self::Currency => "Currency",
            Self::Locale => "Locale",
            Self::Region => "RegionInfo",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Offer => "an offer durable id such as MS-AZR-0003P",
            Self::Currency => "an ISO 4217 currency code such as USD",
            Self::Locale => "a locale such as en-US",
            Self::Region => "an ISO 3166 country such as US",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FilterError {
    /// The code that programs read; the rate card's own error body has no place for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "InvalidFilter"
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{INVALID_QUERY} ")?;
        match self {
            Self::Syntax { expected, found, position } => {
                write!(f, "Expected {expected} at character {position}, found {found}.")
            }
            Self::UnknownField(name) => write!(f, "{name} is not one of these fields."),
            Self::Doubled(field) => write!(f, "{field} is given twice."),
            Self::Missing(field) => write!(f, "{field} is missing."),
            Self::Invalid { field, value } => {
                write!(f, "{field} is {value}, which is not {}.", field.expected())
            }
        }
    }
}

impl std::error::Error for FilterError {}

/// Reads a filter such as `OfferDurableId eq 'MS-AZR-0003P' and Currency eq 'USD' and Locale eq
/// 'en-US' and RegionInfo eq 'US'`; names and keywords in any case.
///
/// # Errors
/// [`FilterError`] if it does not name each of the four fields once, with a value that it can have.
pub fn parse_filter(filter: &str) -> Result<RateCardKey, FilterError> {
    let mut scanner = Scanner { filter, rest: filter };
    let mut values: [Option<String>; 4] = [const { None }; 4];
    loop {
        let field = scanner.field()?;
        scanner.keyword("eq")?;
        let value = scanner.literal()?;
        if values[field as usize].replace(value).is_some() {
            return Err(FilterError::Doubled(field));
        }
        if scanner.is_at_end() {
            break;
        }
        scanner.keyword("and")?;
    }
    Ok(RateCardKey {
        offer: value(&values, Field::Offer, OfferId::parse)?,
        currency: value(&values, Field::Currency, Currency::parse)?,
        locale: value(&values, Field::Locale, Locale::parse)?,
        region: value(&values, Field::Region, Country::parse)?,
    })
}

fn value<T, E>(
    values: &[Option<String>; 4],
    field: Field,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, FilterError> {
    let value = values[field as usize].as_deref().ok_or(FilterError::Missing(field))?;
    parse(value).map_err(|_| FilterError::Invalid { field, value: Excerpt::new(value) })
}

struct Scanner<'a> {
    filter: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn is_at_end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    /// The letters and digits that come next, after spaces.
    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|character: char| !character.is_ascii_alphanumeric());
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn field(&mut self) -> Result<Field, FilterError> {
        let before = self.rest;
        let word = self.word();
        if word.is_empty() {
            return Err(self.syntax("a field", before));
        }
        let known = Field::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(word));
        known.ok_or_else(|| FilterError::UnknownField(Excerpt::new(word)))
    }

    fn keyword(&mut self, keyword: &'static str) -> Result<(), FilterError> {
        let before = self.rest;
        let spaced = before.starts_with(char::is_whitespace);
        if spaced && self.word().eq_ignore_ascii_case(keyword) {
            return Ok(());
        }
        Err(self.syntax(keyword, before))
    }

    /// A text in single quotes, in which two of them stand for one.
    fn literal(&mut self) -> Result<String, FilterError> {
        let before = self.rest;
        let mut text = String::new();
        let Some(mut rest) = before.trim_start().strip_prefix('\'') else {
            return Err(self.syntax("a text in single quotes", before));
        };
        loop {
            let Some((part, after)) = rest.split_once('\'') else {
                return Err(self.syntax("a closing quote", ""));
            };
            text.push_str(part);
            let Some(doubled) = after.strip_prefix('\'') else {
                self.rest = after;
                return Ok(text);
            };
            text.push('\'');
            rest = doubled;
        }
    }

    /// The error at the place where this is what is left.
    fn syntax(&self, expected: &'static str, left: &str) -> FilterError {
        let left = left.trim_start();
        let read = &self.filter[..self.filter.len() - left.len()];
        let position = read.chars().count() + 1;
        FilterError::Syntax { expected, found: Excerpt::new(left), position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, expected: &str) {
        let found = match parse_filter(filter) {
            Ok(key) => format!("{} {} {} {}", key.offer, key.currency, key.locale, key.region),
            Err(error) => {
                let message = error.to_string();
                let detail = message.strip_prefix(INVALID_QUERY).unwrap();
                detail.trim_start().to_owned()
            }
        };
        assert_eq!(found, expected, "{filter}");
    }

    #[test]
    fn the_four_fields_are_read_in_any_order_and_case() {
        let card = "MS-AZR-0062P USD en-US US";
        for filter in [
            "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' and Locale eq 'en-US' and RegionInfo eq 'US'",
            "RegionInfo eq 'us' and Locale eq 'EN-us' and OfferDurableId eq 'ms-azr-0062p' and Currency eq 'usd'",
            "  offerdurableid  EQ  'MS-AZR-0062P'  AND currency eq 'USD' and\tlocale eq'en-US' and RegionInfo eq 'US' ",
        ] {
            check(filter, card);
        }
    }

    #[test]
    fn what_selects_no_card_is_named() {
        let three = "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' and Locale eq 'en-US'";
        for (filter, expected) in [
            ("", "Expected a field at character 1, found ''."),
            ("Currency eq 'USD'", "OfferDurableId is missing."),
            (three, "RegionInfo is missing."),
            (&format!("{three} and"), "Expected a field at character 81, found ''."),
            (
                &format!("{three} or RegionInfo eq 'US'"),
                "Expected and at character 78, found 'or RegionInfo eq 'US''.",
            ),
            (&format!("{three} and Region eq 'US'"), "'Region' is not one of these fields."),
            (&format!("{three} and Locale eq 'en-US'"), "Locale is given twice."),
            (
                &format!("{three} and RegionInfo eq 'USA'"),
                "RegionInfo is 'USA', which is not an ISO 3166 country such as US.",
            ),
            (
                &format!("{three} and RegionInfo eq 'U''S'"),
                "RegionInfo is 'U'S', which is not an ISO 3166 country such as US.",
            ),
            (
                &format!("{three} and RegionInfo eq ''"),
                "RegionInfo is '', which is not an ISO 3166 country such as US.",
            ),
            ("Currency ne 'USD'", "Expected eq at character 10, found 'ne 'USD''."),
            ("Currency eq USD", "Expected a text in single quotes at character 13, found 'USD'."),
            ("Currency eq 'USD", "Expected a closing quote at character 17, found ''."),
            ("Currencyeq 'USD'", "'Currencyeq' is not one of these fields."),
            (
                "Currency eq 'USD'and Locale eq 'en-US'",
                "Expected and at character 18, found 'and Locale eq 'en-US''.",
            ),
            (
                "(Currency eq 'USD')",
                "Expected a field at character 1, found '(Currency eq 'USD')'.",
            ),
            ("Währung eq 'EUR'", "'W' is not one of these fields."),
        ] {
            check(filter, expected);
        }
    }
}
