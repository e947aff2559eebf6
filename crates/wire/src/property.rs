//! What can be wrong with a text that should be a JSON object, and with one of its properties:
//! shared by everything that is read here, so that the same fault reads the same everywhere.

use std::fmt;

use domain::decimal::DecimalError;
use domain::record::WindowError;

use crate::json::JsonError;
use crate::text::Excerpt;
use crate::time::TimeTextError;

/// Why a text is not the JSON that it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// Bytes that are not UTF-8, from this one on.
    NotUtf8 {
        /// Offset in bytes.
        offset: usize,
    },
    /// Not JSON.
    NotJson {
        /// What the parser says, with line and column.
        detail: String,
    },
    /// JSON, but not an object.
    NotAnObject,
    /// JSON, but not an array.
    NotAnArray,
    /// A member that occurs twice, so that one value would be ignored.
    Doubled {
        /// Its name.
        member: Excerpt,
    },
}

impl fmt::Display for Malformed {
    /// What is to be said of the thing, such as `is not a JSON object`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { offset } => write!(f, "is not UTF-8 at byte {offset}"),
            Self::NotJson { detail } => write!(f, "is not JSON: {detail}"),
            Self::NotAnObject => f.write_str("is not a JSON object"),
            Self::NotAnArray => f.write_str("is not a JSON array"),
            Self::Doubled { member } => write!(f, "has the member {member} twice"),
        }
    }
}

impl std::error::Error for Malformed {}

/// What is wrong with one property; it is named by its path, such as `data.quantity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyError {
    /// Not there, or null, though it has to be there.
    Missing {
        /// Its path.
        property: String,
    },
    /// There, though nothing of that name is known.
    Unknown {
        /// Its path, cut.
        property: Excerpt,
    },
    /// There, but not what it should be.
    Invalid {
        /// Its path.
        property: String,
        /// Its JSON or text, cut.
        value: Excerpt,
        /// What it should be.
        expected: &'static str,
    },
    /// A text or part that should be JSON of some form.
    Malformed {
        /// Its path.
        property: String,
        /// Why it is not.
        malformed: Malformed,
    },
    /// A JSON object that has no canonical form.
    Json {
        /// Its path.
        property: String,
        /// Why.
        error: JsonError,
    },
    /// A number that cannot be kept exactly.
    Number {
        /// Its path.
        property: String,
        /// Its text, cut.
        value: Excerpt,
        /// Why.
        error: DecimalError,
    },
    /// A number below zero where none may be: for a quantity, a record that reverses nothing.
    Negative {
        /// Its path.
        property: String,
        /// Its text, cut.
        value: Excerpt,
    },
    /// A time that is none.
    Time {
        /// Its path.
        property: String,
        /// The text, and why.
        error: TimeTextError,
    },
    /// Usage start and end that are no window.
    Window {
        /// Path of the start.
        property: String,
        /// The start as given.
        start: Excerpt,
        /// The end as given.
        end: Excerpt,
        /// Why.
        error: WindowError,
    },
}

impl PropertyError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "MissingProperty",
            Self::Unknown { .. } => "UnknownProperty",
            Self::Invalid { .. } | Self::Malformed { .. } | Self::Json { .. } => "InvalidProperty",
            Self::Number { .. } => "InvalidQuantity",
            Self::Negative { .. } => "NegativeQuantity",
            Self::Time { .. } => "InvalidTime",
            Self::Window { .. } => "InvalidWindow",
        }
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { property } => write!(f, "{property} is missing"),
            Self::Unknown { property } => write!(f, "{property} is not a known property"),
            Self::Invalid { property, value, expected } => {
                write!(f, "{property} is {value}, which is not {expected}")
            }
            Self::Malformed { property, malformed } => write!(f, "{property} {malformed}"),
            Self::Json { property, error } => write!(f, "{property} {error}"),
            Self::Number { property, value, error } => {
                write!(f, "{property} is {value}, which is {error}")
            }
            Self::Negative { property, value } => {
                write!(f, "{property} is {value}, which is negative and reverses nothing")
            }
            Self::Time { property, error } => write!(f, "{property} {error}"),
            Self::Window { property, start, end, error } => {
                write!(f, "{property} is {start} and the end {end}: {error}")
            }
        }
    }
}

impl std::error::Error for PropertyError {}
