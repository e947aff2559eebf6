//! Error bodies: the envelope that every call answers with, and the rate card's own form.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The error envelope of Azure Resource Manager, which every client understands.
///
/// Source: Azure Resource Manager, common API details, "Error response content".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// A code for programs, such as `InvalidProperty`.
    pub code: String,
    /// What is wrong, and where, for people.
    pub message: String,
    /// What the error is about, such as the name of a parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Several errors behind this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub details: Vec<ErrorDetail>,
}

/// How the rate card answers a bad filter: no envelope, and a capital letter.
///
/// Source: answers of the live service, quoted by its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateCardErrorBody {
    /// What is wrong.
    #[serde(rename = "Message")]
    pub message: String,
}

/// What the rate card's call answers with 400: its own form for a bad filter, the envelope for all else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RateCardRefusal {
    /// The filter is wrong or selects none.
    Filter(RateCardErrorBody),
    /// Something else is wrong.
    Other(ErrorBody),
}

impl ErrorBody {
    /// An error with nothing but a code and a message.
    #[must_use]
    pub fn new(code: &str, message: impl ToString) -> Self {
        Self {
            error: ErrorDetail {
                code: code.to_owned(),
                message: message.to_string(),
                target: None,
                details: vec![],
            },
        }
    }

    /// The same error, about this target.
    #[must_use]
    pub fn with_target(mut self, target: Option<&str>) -> Self {
        self.error.target = target.map(str::to_owned);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_left_out() {
        let plain = ErrorBody::new("BadRequest", "no");
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(text, r#"{"error":{"code":"BadRequest","message":"no"}}"#);
        assert_eq!(serde_json::from_str::<ErrorBody>(&text).unwrap(), plain);
        let text = serde_json::to_string(&plain.with_target(Some("showDetails"))).unwrap();
        assert!(text.ends_with(r#""message":"no","target":"showDetails"}}"#), "{text}");
        let text = serde_json::to_string(&RateCardErrorBody { message: "no".into() }).unwrap();
        assert_eq!(text, r#"{"Message":"no"}"#);
    }
}
