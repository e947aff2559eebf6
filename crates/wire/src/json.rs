//! The canonical text of a JSON value: compact, members sorted by name, so that equal facts are
//! equal bytes and hash alike. Numbers keep their text: 1.0 and 1 stay two values.

use std::fmt;

use domain::record::CanonicalJson;
use serde_json::value::RawValue;

use crate::object;
use crate::property::Malformed;
use crate::text::Excerpt;

/// Most objects and arrays within one another.
pub const DEPTH_MAX: usize = 16;

/// Why a text has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// It is not JSON, or a string in it is no text.
    NotJson {
        /// What the parser says.
        detail: String,
    },
    /// Objects and arrays lie too deep within one another.
    TooDeep,
    /// An object has two members of one name.
    Doubled {
        /// The name.
        member: Excerpt,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { detail } => write!(f, "is not JSON: {detail}"),
            Self::TooDeep => write!(f, "is more than {DEPTH_MAX} levels deep"),
            Self::Doubled { member } => write!(f, "has the member {member} twice"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Brings a JSON text into canonical form.
///
/// # Errors
/// [`JsonError`] if it is not JSON, is deeper than 16 levels, or doubles a member.
pub fn canonical(text: &str) -> Result<CanonicalJson, JsonError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    canonical_of(raw)
}

/// Brings a JSON value into canonical form.
///
/// # Errors
/// [`JsonError`] if it is deeper than 16 levels, doubles a member, or has a string that is no text.
pub fn canonical_of(raw: &RawValue) -> Result<CanonicalJson, JsonError> {
    let mut out = String::with_capacity(raw.get().len());
    write(raw, DEPTH_MAX, &mut out)?;
    Ok(CanonicalJson(out.into()))
}

fn write(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), JsonError> {
    match raw.get().as_bytes().first() {
        Some(b'{') => write_object(raw, depth.checked_sub(1).ok_or(JsonError::TooDeep)?, out),
        Some(b'[') => write_array(raw, depth.checked_sub(1).ok_or(JsonError::TooDeep)?, out),
        Some(b'"') => write_string(raw, out),
        _ => {
            out.push_str(raw.get());
            Ok(())
        }
    }
}

fn write_object(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), JsonError> {
    let mut members = object::members(raw).map_err(malformed)?;
    members.sort_by(|(left, _), (right, _)| left.cmp(right));
    if let Some(pair) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(JsonError::Doubled { member: Excerpt::new(&pair[0].0) });
    }
    out.push('{');
    for (position, (name, value)) in members.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        push_string(&name, out);
        out.push(':');
        write(value, depth, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_array(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), JsonError> {
    let elements = object::elements(raw.get(), usize::MAX - 1).map_err(malformed)?;
    out.push('[');
    for (position, element) in elements.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(element, depth, out)?;
    }
    out.push(']');
    Ok(())
}

/// One text has many spellings (`"a"`, `"\u0061"`): all become the shortest.
fn write_string(raw: &RawValue, out: &mut String) -> Result<(), JsonError> {
    if raw.get().contains('\\') {
        let text: String = serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
        push_string(&text, out);
    } else {
        out.push_str(raw.get());
    }
    Ok(())
}

fn push_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

fn malformed(malformed: Malformed) -> JsonError {
    match malformed {
        Malformed::NotJson { detail } => JsonError::NotJson { detail },
        other => JsonError::NotJson { detail: other.to_string() },
    }
}

fn not_json(error: &serde_json::Error) -> JsonError {
    JsonError::NotJson { detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = canonical(text)
            .map_or_else(|error| error.to_string(), |canonical| canonical.0.to_string());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn equal_facts_have_equal_text() {
        check(
            r#" { "b" : 1 , "a" : [ 1 , { "d":null, "c":true } ] } "#,
            r#"{"a":[1,{"c":true,"d":null}],"b":1}"#,
        );
        check(r#"{"\u0061":"\u00e9\/\n"}"#, r#"{"a":"é/\n"}"#);
        check("{\"a\":\"\u{1F600}\"}", "{\"a\":\"\u{1F600}\"}");
        check(r#"{"a":"\ud83d\ude00"}"#, "{\"a\":\"\u{1F600}\"}");
        check("{}", "{}");
        check("[]", "[]");
        check(r#""x""#, r#""x""#);
        check("\r\n{\t}\n", "{}");
    }

    #[test]
    fn numbers_keep_their_text() {
        check(
            "[1.0, 1, 1E5, 0.1000000000000000000000000001, 123456789012345678901234567890, -0]",
            "[1.0,1,1E5,0.1000000000000000000000000001,123456789012345678901234567890,-0]",
        );
    }

    #[test]
    fn names_sort_by_code_point() {
        check(r#"{"é":1,"a":2,"Z":3,"aa":4,"":5}"#, r#"{"":5,"Z":3,"a":2,"aa":4,"é":1}"#);
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        check(r#"{"a":1,"a":1}"#, "has the member 'a' twice");
        check(r#"{"x":{"a":1,"\u0061":2}}"#, "has the member 'a' twice");
        check(r#"{"a":"\ud800"}"#, "is not JSON: unexpected end of hex escape at line 1 column 8");
        check("{\"a\":NaN}", "is not JSON: expected value at line 1 column 6");
        check("", "is not JSON: EOF while parsing a value at line 1 column 0");
        check("{} {}", "is not JSON: trailing characters at line 1 column 4");
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(DEPTH_MAX), &nested(DEPTH_MAX));
        check(&nested(DEPTH_MAX + 1), "is more than 16 levels deep");
        check(&nested(100_000), "is more than 16 levels deep");
    }
}
