//! `$filter` as OData writes it: read once here into a [`Filter`], which each call then understands in
//! its own way and refuses what it does not know.
//!
//! The grammar is what Azure's clients send: comparisons of a field with a literal, functions such as
//! `atScope()` and `contains(meterName, 'Spot')`, `name/any(x: x eq 'v')`, joined by `and`, `or` and
//! `not`, in parentheses. Keywords are taken in any case. Depth and length have limits, so whoever
//! walks a filter may recurse.

mod parse;

use std::fmt;

use domain::time::{Date, UtcTime};

use crate::text::Excerpt;
use crate::time::parse_rfc3339_or_naive;

pub use parse::parse_filter;

/// Most bytes of a filter.
const FILTER_BYTES_MAX: usize = 16_384;

/// Most parentheses, `not` and `any` within each other.
const DEPTH_MAX: usize = 32;

/// A filter that has been read; what its fields and functions mean is the call's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `field eq 'value'`.
    Compare(Comparison),
    /// `function(argument, …)`.
    Call(Call),
    /// `field/any(variable: test)`: one of the field's values passes the test.
    Any {
        /// The field that has several values.
        field: Field,
        /// The field by which `test` names one of them.
        variable: Field,
        /// What that one has to pass.
        test: Box<Filter>,
    },
    /// All of them; at least two, and none is an `And` itself.
    And(Vec<Filter>),
    /// One of them; at least two, and none is an `Or` itself.
    Or(Vec<Filter>),
    /// What it does not select.
    Not(Box<Filter>),
}

/// A field compared with a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The field.
    pub field: Field,
    /// How they are compared.
    pub operator: Operator,
    /// The literal.
    pub value: Literal,
}

/// A function that says yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function's name.
    pub function: Field,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// What a function is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A field.
    Field(Field),
    /// A literal.
    Literal(Literal),
}

/// A name, such as `usageEnd` or `properties/usageEnd`, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field(String);

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `lt`
    Less,
    /// `gt`
    Greater,
    /// `le`
    LessOrEqual,
    /// `ge`
    GreaterOrEqual,
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// In single quotes, in which two of them stand for one.
    Text(String),
    /// A number, as written: whoever wants it reads every digit.
    Number(String),
    /// A day, such as `2026-01-31`.
    Date(Date),
    /// A moment, such as `2026-01-31T00:00:00Z`, or `datetime'…'`.
    Time(UtcTime),
    /// 32 hexadecimal digits with dashes and without quotes, or `guid'…'`; as written.
    Guid(String),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
}

/// Why a filter cannot be read. Messages are sentences, as Azure's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterError {
    /// Something else than what has to come.
    Syntax {
        /// What would have to come.
        expected: &'static str,
        /// What comes instead, cut; empty at the end.
        found: Excerpt,
        /// Where, in characters from 1.
        position: usize,
    },
    /// Longer than a filter may be.
    TooLong,
    /// Deeper than a filter may be.
    TooDeep,
}

impl Filter {
    /// The parts that must all hold: those of an `and`, or the filter itself.
    #[must_use]
    pub fn terms(&self) -> &[Self] {
        match self {
            Self::And(terms) => terms,
            other => std::slice::from_ref(other),
        }
    }

    /// The comparisons that must all hold, if the filter has nothing else.
    #[must_use]
    pub fn conjunction(&self) -> Option<Vec<&Comparison>> {
        self.terms().iter().map(Self::comparison).collect()
    }

    fn comparison(&self) -> Option<&Comparison> {
        match self {
            Self::Compare(comparison) => Some(comparison),
            _ => None,
        }
    }
}

impl Field {
    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl Operator {
    /// Whether a value that compares so with the literal passes.
    #[must_use]
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::Greater => ordering.is_gt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Literal {
    /// The text, if it is one. A GUID without quotes counts: clients write both.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Guid(text) => Some(text),
            _ => None,
        }
    }

    /// The day, with or without quotes.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Text(text) => Date::parse(text).ok(),
            _ => None,
        }
    }

    /// The moment, with or without quotes; a day is its midnight in UTC.
    #[must_use]
    pub fn time(&self) -> Option<UtcTime> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Text(text) if self.date().is_none() => parse_rfc3339_or_naive(text).ok(),
            _ => self.date().map(Date::start),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::Greater => "gt",
            Self::LessOrEqual => "le",
            Self::GreaterOrEqual => "ge",
        })
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { expected, found, position } => write!(
                f,
                "The $filter cannot be read: expected {expected} at character {position}, found \
                 {found}."
            ),
            Self::TooLong => {
                write!(f, "The $filter is longer than {FILTER_BYTES_MAX} bytes.")
            }
            Self::TooDeep => write!(f, "The $filter is nested deeper than {DEPTH_MAX}."),
        }
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests;
