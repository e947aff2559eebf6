//! The continuation token: where the next page of a usage answer begins. To clients it is opaque.
//!
//! It says as of which state of the ledger the first page was read, and which row came last, so
//! that later pages show neither a row twice nor one that came since. It does not expire. It holds
//! nothing secret: whoever presents it must be allowed to read the subscription anyway.
//!
//! Form 1, in base64url without padding, integers big-endian: form (1 byte), hash of the query
//! (16), reported bucket, usage start and usage end in microseconds since 1970 (8 each), meter (16),
//! whether an instance follows (1 byte, 0 or 1) and the instance (16 or 0), the ledger's version as
//! text, and the first 4 bytes of the BLAKE3 of all that. The hash of the query is the first 16
//! bytes of the BLAKE3 of `query/1`, subscription (16), start and end of the reported time (8 each),
//! granularity (0 daily, 1 hourly) and details (0 or 1); and where whoever asks sees a part alone, 1
//! and each of its scopes in order, with its bytes counted in 4.
//!
//! Form 2 is of a subscription of which something was erased: behind the hash of the query it has how often
//! that was so when its page was read (8). Rows are in another order after each time, so it goes on only if
//! that number is as it was; form 1 stands for none.

use std::fmt;

use domain::aggregate::{AggregateKey, Granularity, UsageQuery};
use domain::id::{InstanceHash, MeterId};
use domain::time::{ReportedTime, UtcTime};

use crate::sealed::{self, VERSION_BYTES_MAX};

const FORM: u8 = 1;
const FORM_AFTER_ERASURES: u8 = 2;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContinuationError {
    /// It is not a token of this server, or was cut or changed.
    Malformed,
    /// It is of a form that this version does not know.
    UnknownForm(u8),
    /// It belongs to a query with other parameters.
    OtherQuery,
    /// Something was erased of the subscription's usage since.
    Erased,
}

impl ContinuationError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "InvalidProperty"
    }

    /// The parameter that it is about.
    #[must_use]
    pub fn target(&self) -> &'static str {
        "continuationToken"
    }
}

impl fmt::Display for ContinuationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str(
                "The continuationToken is not one that this server gave, or was cut or changed.",
            ),
            Self::UnknownForm(form) => write!(
                f,
                "The continuationToken is of form {form}, which this server does not know."
            ),
            Self::OtherQuery => f.write_str(
                "The continuationToken belongs to a query with another subscription, time range, \
                 aggregationGranularity or showDetails.",
            ),
            Self::Erased => f.write_str(
                "The continuationToken is from before resource names and tags of the subscription's \
                 usage were erased, which changes the order of rows: begin again without it.",
            ),
        }
    }
}

impl std::error::Error for ContinuationError {}

/// The token of the page that follows this row; `erasures` says how often something was erased of the
/// subscription's usage, as the page has it.
///
/// # Panics
/// If the version is longer than 512 bytes.
#[must_use]
pub fn encode(version: &str, key: &AggregateKey, query: &UsageQuery, erasures: u64) -> String {
    assert!(version.len() <= VERSION_BYTES_MAX, "ledger version of {} bytes", version.len());
    let mut bytes = Vec::with_capacity(96 + version.len());
    bytes.push(if erasures == 0 { FORM } else { FORM_AFTER_ERASURES });
    bytes.extend(query_hash(query));
    if erasures > 0 {
        bytes.extend(erasures.to_be_bytes());
    }
    bytes.extend(key.reported.0.to_micros().to_be_bytes());
    bytes.extend(key.start.to_micros().to_be_bytes());
    bytes.extend(key.end.to_micros().to_be_bytes());
    bytes.extend(key.meter.to_bits().to_be_bytes());
    bytes.push(u8::from(key.instance.is_some()));
    bytes.extend(key.instance.iter().flat_map(|instance| instance.to_bytes()));
    bytes.extend(version.as_bytes());
    sealed::seal(bytes)
}

/// The ledger's version and the last row of a token, which must belong to this query, and to this number of
/// erasures.
///
/// # Errors
/// [`ContinuationError`] if it does not, or is no token.
pub fn decode(
    token: &str,
    query: &UsageQuery,
    erasures: u64,
) -> Result<(String, AggregateKey), ContinuationError> {
    let malformed = ContinuationError::Malformed;
    let content = sealed::open(token).ok_or(malformed)?;
    let mut reader = Reader(&content);
    let has_erasures = match reader.take::<1>() {
        Some([FORM]) => false,
        Some([FORM_AFTER_ERASURES]) => true,
        Some([form]) => return Err(ContinuationError::UnknownForm(form)),
        None => return Err(malformed),
    };
    if reader.take().ok_or(malformed)? != query_hash(query) {
        return Err(ContinuationError::OtherQuery);
    }
    let then = match has_erasures {
        true => u64::from_be_bytes(reader.take().ok_or(malformed)?),
        false => 0,
    };
    if then != erasures {
        return Err(ContinuationError::Erased);
    }
    let key = reader.key().ok_or(malformed)?;
    let version = std::str::from_utf8(reader.0).map_err(|_| malformed)?;
    if key.instance.is_some() != query.details || version.len() > VERSION_BYTES_MAX {
        return Err(malformed);
    }
    Ok((version.to_owned(), key))
}

fn query_hash(query: &UsageQuery) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"query/1");
    hasher.update(&query.subscription.to_bits().to_be_bytes());
    hasher.update(&query.reported.start.0.to_micros().to_be_bytes());
    hasher.update(&query.reported.end.0.to_micros().to_be_bytes());
    let granularity = match query.granularity {
        Granularity::Daily => 0,
        Granularity::Hourly => 1,
    };
    hasher.update(&[granularity, u8::from(query.details)]);
    if let Some(scopes) = &query.within {
        hasher.update(&[1]);
        for scope in scopes {
            let bytes = scope.as_str().as_bytes();
            let length = u32::try_from(bytes.len()).expect("a scope is shorter than 4 GB");
            hasher.update(&length.to_be_bytes()).update(bytes);
        }
    }
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn time(&mut self) -> Option<UtcTime> {
        UtcTime::from_micros(i64::from_be_bytes(self.take()?)).ok()
    }

    fn key(&mut self) -> Option<AggregateKey> {
        let reported = ReportedTime(self.time()?);
        let (start, end) = (self.time()?, self.time()?);
        let meter = MeterId::from_bits(u128::from_be_bytes(self.take()?));
        let instance = match self.take()? {
            [0] => None,
            [1] => Some(InstanceHash::from_bytes(self.take()?)),
            _ => return None,
        };
        Some(AggregateKey { reported, start, meter, instance, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_rfc3339;
    use domain::id::{ResourceScope, SubscriptionId};

    fn time(text: &str) -> UtcTime {
        parse_rfc3339(text).unwrap()
    }

    fn query() -> UsageQuery {
        let day = |text| ReportedTime(time(text));
        UsageQuery {
            subscription: SubscriptionId::from_bits(7),
            reported: day("2026-01-01T00:00:00Z")..day("2026-02-01T00:00:00Z"),
            granularity: Granularity::Daily,
            details: true,
            within: None,
        }
    }

    fn within(scopes: &[&str]) -> UsageQuery {
        let scopes = scopes.iter().map(|text| ResourceScope::parse(text).unwrap());
        UsageQuery { within: Some(scopes.collect()), ..query() }
    }

    fn key() -> AggregateKey {
        AggregateKey {
            reported: ReportedTime(time("2026-01-03T00:00:00Z")),
            start: time("2026-01-02T00:00:00Z"),
            meter: MeterId::from_bits(u128::MAX - 1),
            instance: Some(InstanceHash::from_bytes(*b"0123456789abcdef")),
            end: time("2026-01-03T00:00:00Z"),
        }
    }

    #[test]
    fn a_token_gives_back_what_went_in() {
        let token = encode("j1:42", &key(), &query(), 0);
        assert_eq!(decode(&token, &query(), 0), Ok(("j1:42".to_owned(), key())));
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(token.bytes().all(safe), "{token}");
        let query = UsageQuery { details: false, ..query() };
        let key = AggregateKey { instance: None, ..key() };
        assert_eq!(decode(&encode("", &key, &query, 0), &query, 0), Ok((String::new(), key)));
    }

    #[test]
    fn tokens_of_form_1_are_read_for_ever() {
        // Computed from the form above with another implementation of BLAKE3.
        let token = "Ade55uUr-973LbMlHh2KY7oABkdwgc8AAAAGR1xj96AAAAZHcIHPAAD____________________-\
                     ATAxMjM0NTY3ODlhYmNkZWY0Mny69pw";
        assert_eq!(encode("42", &key(), &query(), 0), token);
        assert_eq!(decode(token, &query(), 0), Ok(("42".to_owned(), key())));
    }

    #[test]
    fn a_token_of_another_query_is_refused() {
        let token = encode("42", &key(), &query(), 0);
        let (start, end) = (query().reported.start, query().reported.end);
        let later = ReportedTime(end.0.plus_hours(24));
        for other in [
            UsageQuery { subscription: SubscriptionId::from_bits(8), ..query() },
            UsageQuery { reported: start..later, ..query() },
            UsageQuery { reported: key().reported..end, ..query() },
            UsageQuery { granularity: Granularity::Hourly, ..query() },
            UsageQuery { details: false, ..query() },
            within(&[]),
            within(&["/a"]),
        ] {
            assert_eq!(decode(&token, &other, 0), Err(ContinuationError::OtherQuery), "{other:?}");
        }
        // Whoever may see more or less by now begins anew.
        let token = encode("42", &key(), &within(&["/a", "/b"]), 0);
        assert!(decode(&token, &within(&["/B", "/a"]), 0).is_ok());
        for other in
            [query(), within(&[]), within(&["/a"]), within(&["/a/b"]), within(&["/a", "/bb"])]
        {
            assert_eq!(decode(&token, &other, 0), Err(ContinuationError::OtherQuery), "{other:?}");
        }
    }

    #[test]
    fn a_token_that_was_cut_or_changed_is_refused() {
        let token = encode("42", &key(), &query(), 0);
        for end in 0..token.len() {
            assert_eq!(
                decode(&token[..end], &query(), 0),
                Err(ContinuationError::Malformed),
                "{end}"
            );
        }
        for position in 0..token.len() {
            for other in ['A', 'B', '_'] {
                let mut changed = token.clone();
                changed.replace_range(position..=position, &other.to_string());
                assert!(changed == token || decode(&changed, &query(), 0).is_err(), "{changed}");
            }
        }
        for bad in ["", "=", "%%", "eyJyIjoi", "é", &"A".repeat(5_000)] {
            assert_eq!(decode(bad, &query(), 0), Err(ContinuationError::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_token_from_before_an_erasure_is_refused() {
        for (then, now) in [(0, 1), (1, 0), (1, 2), (2, 1), (u64::MAX, 1)] {
            let token = encode("42", &key(), &query(), then);
            assert_eq!(decode(&token, &query(), now), Err(ContinuationError::Erased));
            assert_eq!(decode(&token, &query(), then), Ok(("42".to_owned(), key())));
        }
    }

    #[test]
    fn a_token_of_a_later_form_says_so() {
        let error = decode(&sealed::seal(vec![9, 1, 2, 3]), &query(), 0).unwrap_err();
        assert_eq!(error, ContinuationError::UnknownForm(9));
    }
}
