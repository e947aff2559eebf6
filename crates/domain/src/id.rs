//! Names of things: every id is its own type, right once built, with one canonical text.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError {
    /// What was expected, for example `a GUID`.
    pub expected: &'static str,
    /// The text as given.
    pub text: String,
}

impl IdError {
    fn new(expected: &'static str, text: &str) -> Self {
        Self { expected, text: text.chars().take(100).collect() }
    }
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not {}", self.text, self.expected)
    }
}

impl std::error::Error for IdError {}

fn parse_guid(text: &str) -> Option<u128> {
    /// What each byte is as a digit; 16 and above is none.
    const DIGITS: [u8; 256] = digits();
    let bytes = text.as_bytes();
    let mut packed = [0; 32];
    let digits: &[u8; 32] = match bytes.len() {
        32 => bytes.try_into().ok()?,
        36 => {
            if [8, 13, 18, 23].iter().any(|place| bytes[*place] != b'-') {
                return None;
            }
            packed[..8].copy_from_slice(&bytes[..8]);
            packed[8..12].copy_from_slice(&bytes[9..13]);
            packed[12..16].copy_from_slice(&bytes[14..18]);
            packed[16..20].copy_from_slice(&bytes[19..23]);
            packed[20..].copy_from_slice(&bytes[24..]);
            &packed
        }
        _ => return None,
    };
    let (mut value, mut all) = (0u128, 0);
    for byte in digits {
        let digit = DIGITS[usize::from(*byte)];
        all |= digit;
        value = value << 4 | u128::from(digit & 15);
    }
    (all < 16).then_some(value)
}

const fn digits() -> [u8; 256] {
    let mut digits = [16; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digits[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
}

/// A GUID's text, which no memory is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuidText([u8; 36]);

impl GuidText {
    fn of(value: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        let digits = value.to_be_bytes();
        let digits = digits.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, digit) in places.zip(digits) {
            text[place] = DIGITS[usize::from(digit)];
        }
        Self(text)
    }
}

impl AsRef<str> for GuidText {
    fn as_ref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and dashes are a text")
    }
}

macro_rules! guid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A GUID: read with or without dashes in any case, written dashed in lower case. Its
        /// order is that of its text.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Reads a GUID.
            ///
            /// # Errors
            /// [`IdError`] if the text is none.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_guid(text).map(Self).ok_or_else(|| IdError::new("a GUID", text))
            }

            /// The id from its 128 bits, most significant first in the text.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            #[must_use]
            pub const fn to_bits(self) -> u128 {
                self.0
            }

            /// Its text.
            #[must_use]
            pub fn text(self) -> GuidText {
                GuidText::of(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.text().as_ref())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.text().as_ref())
            }
        }
    };
}

guid_type!(
    /// A subscription: the account that usage and charges belong to.
    SubscriptionId
);
guid_type!(
    /// A tenant: the directory that owns subscriptions and principals.
    TenantId
);
guid_type!(
    /// A meter: what is measured and priced.
    MeterId
);
guid_type!(
    /// A principal's object id (`oid` in a token): a user, group or service principal.
    ObjectId
);
guid_type!(
    /// An application (`appid` in a token): what a service principal signs in as.
    ApplicationId
);
guid_type!(
    /// A service principal's secret, by which it is told from others of the same principal.
    SecretId
);
guid_type!(
    /// A role: a set of actions that a principal may be given.
    RoleId
);
guid_type!(
    /// A role assignment: a role given to a principal at a scope.
    RoleAssignmentId
);
guid_type!(
    /// An erasure of what names people in usage.
    ErasureId
);
guid_type!(
    /// One data folder of Tallyhouse, from its first run on.
    InstallationId
);

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// From its sixteen bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its sixteen bytes, as the ledger stores them.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            /// Thirty-two hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{:032x}", u128::from_be_bytes(self.0)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hash_type!(
    /// Identity of a record: the hash of its subscription, source and event id.
    RecordId
);
hash_type!(
    /// Hash of what a producer sent in canonical form: equal content, equal hash.
    ContentHash
);
hash_type!(
    /// Hash of a meter instance, by which rows are sorted and grouped.
    InstanceHash
);

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $canonical:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads the text and brings it into its canonical form.
            ///
            /// # Errors
            /// [`IdError`] if the text is not of that form.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let canonical: fn(&str) -> Option<String> = $canonical;
                let text = canonical(text).ok_or_else(|| IdError::new($expected, text))?;
                Ok(Self(text.into()))
            }

            /// The canonical text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Most bytes of a source or event id.
pub const EVENT_TEXT_BYTES_MAX: usize = 1024;

fn event_text(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= EVENT_TEXT_BYTES_MAX;
    let clean = !text.chars().any(char::is_control);
    (fits && clean).then(|| text.to_owned())
}

fn letters(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

text_type!(
    /// An offer's durable id, such as `MS-AZR-0003P`; compared without case, kept in capitals.
    ///
    /// Source: Azure RateCard, `OfferDurableId`.
    OfferId,
    "an offer durable id such as MS-AZR-0003P",
    |text| {
        let fits = (2..=64).contains(&text.len());
        let clean = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        (fits && clean && starts).then(|| text.to_ascii_uppercase())
    }
);
text_type!(
    /// An ISO 4217 currency code, in capitals.
    Currency,
    "an ISO 4217 currency code such as USD",
    |text| letters(text, 3).then(|| text.to_ascii_uppercase())
);
text_type!(
    /// A culture such as `en-US`, which picks the language of meter names; written as BCP 47
    /// writes it, compared without case.
    Locale,
    "a locale such as en-US",
    |text| {
        let mut parts = text.split('-');
        let language = parts.next().filter(|part| letters(part, 2) || letters(part, 3))?;
        let mut locale = language.to_ascii_lowercase();
        for part in parts {
            let fits = (2..=8).contains(&part.len());
            if !fits || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            locale.push('-');
            let lower = part.to_ascii_lowercase();
            match part.len() {
                2 => locale.push_str(&part.to_ascii_uppercase()),
                4 => locale.push_str(&(part[..1].to_ascii_uppercase() + &lower[1..])),
                _ => locale.push_str(&lower),
            }
        }
        (locale.len() <= 32).then_some(locale)
    }
);
text_type!(
    /// An ISO 3166 two-letter country, where the offer was bought.
    ///
    /// Source: Azure RateCard, `RegionInfo`.
    Country,
    "an ISO 3166 country such as US",
    |text| letters(text, 2).then(|| text.to_ascii_uppercase())
);
text_type!(
    /// Who delivered a record: the CloudEvents `source`, or an import's name.
    Source,
    "a source: 1 to 1024 bytes without control characters",
    event_text
);
text_type!(
    /// A record's name within its source: the CloudEvents `id`.
    EventId,
    "an event id: 1 to 1024 bytes without control characters",
    event_text
);

impl EventId {
    /// The name of a row by its hash.
    pub(crate) fn of_row(hash: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"row-00000000000000000000000000000000";
        for (digits, byte) in text[4..].chunks_exact_mut(2).zip(hash) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 0xf)];
        }
        Self(std::str::from_utf8(&text).expect("digits are ASCII").into())
    }
}

text_type!(
    /// A place in the tree of resources: a path such as `/subscriptions/…/resourceGroups/web`, and all
    /// that is below it. In lower case, without a slash at the end.
    ResourceScope,
    "a path of a resource, resource group or subscription",
    |text| {
        let folded = text.to_lowercase();
        let path = folded.strip_suffix('/').unwrap_or(&folded);
        is_plain_path(path).then(|| path.to_owned())
    }
);

impl ResourceScope {
    /// Whether one of the scopes is the resource that the URI names, or above it. Case does not
    /// count. A URI that could be read as that of another resource is in no scope.
    #[must_use]
    pub fn any_contains(scopes: &BTreeSet<Self>, uri: &str) -> bool {
        let folded = uri.to_lowercase();
        let path = folded.strip_suffix('/').unwrap_or(&folded);
        // What is above a resource are the beginnings of its path by whole segments, and itself.
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        is_plain_path(path) && ends.into_iter().any(|end| scopes.contains(&path[..end]))
    }
}

impl Borrow<str> for ResourceScope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Whether it is a slash and segments, none of which is empty, `.` or `..`.
fn is_plain_path(path: &str) -> bool {
    let segments = path.strip_prefix('/').map(|path| path.split('/'));
    segments.is_some_and(|mut all| all.all(|one| !matches!(one, "" | "." | "..")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_compare_without_case_or_dashes() {
        let dashed = MeterId::parse("e60caf26-9ba0-413d-a422-6141f58081d6").unwrap();
        assert_eq!(MeterId::parse("E60CAF269BA0413DA4226141F58081D6").unwrap(), dashed);
        assert_eq!(dashed.to_string(), "e60caf26-9ba0-413d-a422-6141f58081d6");
        for bad in [
            "",
            "e60caf26",
            "e60caf26+9ba0-413d-a422-6141f58081d6",
            "g60caf269ba0413da4226141f58081d6",
        ] {
            assert!(MeterId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_resource_is_in_the_scopes_above_it_by_whole_segments() {
        let scopes = ["/subscriptions/S/resourceGroups/Web", "/subscriptions/S/providers/N/t/x/"];
        let scopes = scopes.iter().map(|text| ResourceScope::parse(text).unwrap()).collect();
        for (uri, expected) in [
            ("/subscriptions/s/RESOURCEGROUPS/web", true),
            ("/subscriptions/s/resourceGroups/WEB/", true),
            ("/subscriptions/s/resourceGroups/web/providers/N/t/x", true),
            ("/subscriptions/s/providers/n/T/X/u/y", true),
            ("/subscriptions/s/providers/n/T/Xy", false),
            ("/subscriptions/s/resourceGroups/web2", false),
            ("/subscriptions/s/resourceGroups/we", false),
            ("/subscriptions/s", false),
            ("/subscriptions/s2/resourceGroups/web", false),
            ("subscriptions/s/resourceGroups/web", false),
            ("/x/subscriptions/s/resourceGroups/web", false),
            ("/subscriptions/s/resourceGroups/web/../data", false),
            ("/subscriptions/s/resourceGroups/web/./x", false),
            ("/subscriptions/s/resourceGroups/web//x", false),
            ("//subscriptions/s/resourceGroups/web", false),
            ("", false),
            ("/", false),
        ] {
            assert_eq!(ResourceScope::any_contains(&scopes, uri), expected, "{uri}");
        }
        assert!(!ResourceScope::any_contains(&BTreeSet::new(), "/subscriptions/s"));
        for none in ["", "/", "a/b", "//", "/a//b", "/a/..", "/./a"] {
            assert!(ResourceScope::parse(none).is_err(), "{none}");
        }
    }

    #[test]
    fn codes_are_brought_into_one_form() {
        assert_eq!(OfferId::parse("ms-azr-0003p").unwrap().as_str(), "MS-AZR-0003P");
        assert_eq!(Locale::parse("EN-us").unwrap().as_str(), "en-US");
        assert_eq!(Locale::parse("zh-hans-cn").unwrap().as_str(), "zh-Hans-CN");
        assert_eq!(Locale::parse("ZH-HANS-CN").unwrap().as_str(), "zh-Hans-CN");
        assert_eq!(Currency::parse("usd").unwrap().as_str(), "USD");
        assert_eq!(Country::parse("de").unwrap().as_str(), "DE");
        assert!(Currency::parse("US").is_err());
        assert!(OfferId::parse("MS AZR").is_err());
        assert!(EventId::parse("").is_err());
        assert!(EventId::parse("a\nb").is_err());
    }
}
