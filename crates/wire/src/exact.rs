//! Exact decimals as JSON numbers.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON number with every digit of a decimal's text.
#[derive(Debug, Clone)]
pub(crate) struct Exact(Box<RawValue>);

impl Exact {
    pub(crate) fn new(decimal: impl fmt::Display) -> Self {
        let text = decimal.to_string();
        Self(RawValue::from_string(text).expect("a decimal's text is a JSON number"))
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
