//! What can be wrong with a question of the cost APIs, and what their parameters have in common.

use std::fmt;

use crate::odata::FilterError;
use crate::property::Malformed;
use crate::query::{self, Parameters};
use crate::text::Excerpt;

/// Why a question is refused. Messages are sentences, as Azure's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CostRequestError {
    /// The `$filter` cannot be read.
    Filter(FilterError),
    /// The `$filter` has something that the call does not know.
    FilterPart {
        /// What it has, cut.
        found: Excerpt,
        /// What the call takes there.
        expected: &'static str,
    },
    /// A parameter or member has a value that it cannot have.
    Value {
        /// Its name, a member's with its path.
        name: String,
        /// The value, cut.
        given: Excerpt,
        /// What it can be.
        expected: &'static str,
    },
    /// A parameter or member is not there.
    Missing(String),
    /// A member that the call does not know.
    Unknown(Excerpt),
    /// There is more of something than there may be.
    TooMany {
        /// Of what.
        name: String,
        /// How many there may be.
        most: usize,
    },
    /// The body is not what it should be.
    Body(Malformed),
}

impl CostRequestError {
    pub(crate) fn value(name: impl Into<String>, given: &str, expected: &'static str) -> Self {
        Self::Value { name: name.into(), given: Excerpt::new(given), expected }
    }
}

impl From<FilterError> for CostRequestError {
    fn from(error: FilterError) -> Self {
        Self::Filter(error)
    }
}

impl fmt::Display for CostRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(error) => error.fmt(f),
            Self::FilterPart { found, expected } => {
                write!(f, "The $filter has {found}, where this call takes {expected}.")
            }
            Self::Value { name, given, expected } => {
                write!(f, "The {name} {given} is not {expected}.")
            }
            Self::Missing(name) => write!(f, "The {name} is missing."),
            Self::Unknown(name) => write!(f, "The member {name} is not known."),
            Self::TooMany { name, most } => write!(f, "The {name} has more than {most} entries."),
            Self::Body(malformed) => write!(f, "The request body {malformed}."),
        }
    }
}

impl std::error::Error for CostRequestError {}

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items of the page.
    pub top: usize,
    /// Where to go on; still to be checked against the question.
    pub skip_token: Option<String>,
}

impl PageRequest {
    /// Reads `$top`, which is at most `most` and `expected` says so, and `$skiptoken`.
    ///
    /// # Errors
    /// [`CostRequestError`] if `$top` is no such number.
    pub fn from_parameters(
        parameters: &Parameters,
        most: usize,
        expected: &'static str,
    ) -> Result<Self, CostRequestError> {
        let top = top(parameters, most, expected)?;
        Ok(Self { top, skip_token: skip_token(parameters) })
    }
}

/// How many items a page may have: `$top`, or as many as there may be.
pub(crate) fn top(
    parameters: &Parameters,
    most: usize,
    expected: &'static str,
) -> Result<usize, CostRequestError> {
    let Some(text) = parameters.get("$top").filter(|text| !text.is_empty()) else {
        return Ok(most);
    };
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| CostRequestError::value("$top", text, expected))
}

/// The token of a page after the first.
pub(crate) fn skip_token(parameters: &Parameters) -> Option<String> {
    parameters.get("$skiptoken").filter(|token| !token.is_empty()).map(str::to_owned)
}

/// The link to a later page: the same question with another `$skiptoken`, everything that varies
/// percent-encoded.
#[must_use]
pub fn next_link(address: &str, parameters: &Parameters, kept: &[&str], token: &str) -> String {
    let mut link = address.to_owned();
    let given = kept.iter().filter_map(|name| Some((*name, parameters.get(name)?)));
    for (name, value) in given.chain([("$skiptoken", token)]) {
        query::push(&mut link, name, value);
    }
    link
}
