//! Query parameters as every client sends them: names in any case, spaces as `%20` or `+`, in any
//! order. Each name occurs once, so a reader never has to choose between two values; only those of
//! lists may be repeated.

use std::collections::BTreeMap;
use std::fmt;

use crate::text::Excerpt;

/// The parameters of a request, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Vec<String>>);

/// Parameters, in lower case, that are given once for each entry of a list.
const LISTS: [&str; 2] = ["filter", "share"];

/// Why a query string cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryError {
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    Encoding {
        /// The name and value as sent.
        parameter: Excerpt,
    },
    /// One parameter twice, so that one value would be ignored.
    Doubled {
        /// Its name in lower case.
        parameter: Excerpt,
    },
}

impl QueryError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encoding { .. } => "BadRequest",
            Self::Doubled { .. } => "InvalidProperty",
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { parameter } => {
                write!(f, "The query parameter {parameter} is not percent-encoded UTF-8.")
            }
            Self::Doubled { parameter } => {
                write!(f, "The query parameter {parameter} is given more than once.")
            }
        }
    }
}

impl std::error::Error for QueryError {}

impl Parameters {
    /// Reads a query string, without its question mark.
    ///
    /// # Errors
    /// [`QueryError`] if it is not percent-encoded UTF-8, or names a parameter twice that is no list.
    pub fn parse(raw_query: &str) -> Result<Self, QueryError> {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in raw_query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name).zip(decode(value));
            let Some((mut name, value)) = decoded else {
                return Err(QueryError::Encoding { parameter: Excerpt::new(pair) });
            };
            name.make_ascii_lowercase();
            if parameters.contains_key(&name) && !LISTS.contains(&name.as_str()) {
                return Err(QueryError::Doubled { parameter: Excerpt::new(&name) });
            }
            parameters.entry(name).or_default().push(value);
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, whose name may be written in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// The same without those whose value is empty.
    #[must_use]
    pub fn without_empty(&self) -> Self {
        let given =
            self.0.iter().filter(|(_, values)| values.iter().any(|value| !value.is_empty()));
        Self(given.map(|(name, values)| (name.clone(), values.clone())).collect())
    }

    /// The names of the parameters, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Every value of a parameter, in the order of the query.
    #[must_use]
    pub fn all(&self, name: &str) -> &[String] {
        let values = self.0.get(name).or_else(|| self.0.get(&name.to_ascii_lowercase()));
        values.map_or(&[], Vec::as_slice)
    }
}

/// Adds a parameter to a link, after those that it has.
pub(crate) fn push(link: &mut String, name: &str, value: &str) {
    let separator = if link.contains('?') { "&" } else { "?" };
    link.extend([separator, name, "="]);
    encode(value, link);
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(crate) fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend(['%', char::from(HEX[high]), char::from(HEX[low])]);
        }
    }
}

/// Reads percent-encoded text, in which a plus is a blank.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high << 4 | low).expect("two hexadecimal digits are one byte")
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, name: &str, expected: &str) {
        let found = match Parameters::parse(raw) {
            Ok(parameters) => format!("{:?}", parameters.get(name)),
            Err(error) => format!("{} {error}", error.code()),
        };
        assert_eq!(found, expected, "{raw}");
    }

    #[test]
    fn every_client_s_encoding_is_read() {
        check("api-version=1&reportedstartTime=a", "reportedStartTime", r#"Some("a")"#);
        check("$filter=a%20eq%20%27b%27", "$filter", r#"Some("a eq 'b'")"#);
        check("%24filter=a+eq+'b'", "$filter", r#"Some("a eq 'b'")"#);
        check("t=2015-06-02+1%3a00%3A00Z", "t", r#"Some("2015-06-02 1:00:00Z")"#);
        check("continuationToken=", "continuationtoken", r#"Some("")"#);
        check("flag&other=1", "flag", r#"Some("")"#);
        check("a=b=c&&", "a", r#"Some("b=c")"#);
        check("caf%C3%A9=%E2%82%AC", "café", r#"Some("€")"#);
        check("", "a", "None");
    }

    #[test]
    fn what_cannot_be_read_in_one_way_is_refused() {
        check("a=%zz", "a", "BadRequest The query parameter 'a=%zz' is not percent-encoded UTF-8.");
        check("a=%4", "a", "BadRequest The query parameter 'a=%4' is not percent-encoded UTF-8.");
        check("a=%ff", "a", "BadRequest The query parameter 'a=%ff' is not percent-encoded UTF-8.");
        check("a=1&A=1", "a", "InvalidProperty The query parameter 'a' is given more than once.");
        check(
            "%24filter=a&$filter=b",
            "$filter",
            "InvalidProperty The query parameter '$filter' is given more than once.",
        );
    }

    #[test]
    fn what_is_encoded_is_decoded_to_itself() {
        let text = "a+b /=&?%é~'\"\u{1F600}";
        let mut encoded = String::new();
        encode(text, &mut encoded);
        assert_eq!(decode(&encoded).as_deref(), Some(text));
        assert!(
            encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte))
        );
    }
}
