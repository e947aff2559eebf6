//! Scopes: where a role applies. A subscription, a resource group or a resource in it. Pure.
//!
//! A scope has one form: it begins with a slash, every segment is a name, and the subscription is a
//! GUID; so a scope is above another exactly when its segments are the first ones of the other.
//! Case does not count. One slash at the end is dropped; empty and dot segments are refused.

use std::fmt;
use std::hash::{Hash, Hasher};

use domain::id::SubscriptionId;
use domain::resource_groups::is_resource_group;

/// Most bytes of a scope.
const SCOPE_BYTES_MAX: usize = 2048;

/// Where a role applies: a subscription, resource group or resource, and everything below it.
///
/// Two scopes are equal if they differ in case alone.
#[derive(Clone)]
pub struct Scope {
    subscription: SubscriptionId,
    text: String,
    folded: String,
}

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeError {
    /// It is longer than 2,048 bytes.
    TooLong,
    /// It does not begin with `/subscriptions/`.
    NotInSubscription,
    /// What follows `/subscriptions/` is no GUID.
    NoSuchSubscription(String),
    /// Two slashes follow one another.
    EmptySegment,
    /// `.` or `..`.
    DotSegment,
    /// A character that names do not have.
    Character(char),
    /// A resource group's name that is too long, ends with a full stop, or has other characters
    /// than letters, digits, `-`, `_`, `.`, `(` and `)`.
    ResourceGroup(String),
    /// Not `/resourceGroups/NAME`, `/providers/NAMESPACE/TYPE/NAME…` or both, in this order.
    Form,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a scope has at most {SCOPE_BYTES_MAX} bytes"),
            Self::NotInSubscription => f.write_str("a scope begins with /subscriptions/"),
            Self::NoSuchSubscription(text) => {
                write!(f, "scope names subscription '{text}', which is not a GUID")
            }
            Self::EmptySegment => f.write_str("scope has an empty segment"),
            Self::DotSegment => f.write_str("scope has a segment '.' or '..'"),
            Self::Character(character) => write!(f, "scope has the character {character:?}"),
            Self::ResourceGroup(name) => {
                write!(f, "scope names resource group '{name}', which is no such name")
            }
            Self::Form => f.write_str(
                "below a subscription a scope is /resourceGroups/NAME, \
                 /providers/NAMESPACE/TYPE/NAME, or both",
            ),
        }
    }
}

impl std::error::Error for ScopeError {}

impl Scope {
    /// The scope of a whole subscription.
    #[must_use]
    pub fn of_subscription(subscription: SubscriptionId) -> Self {
        let text = format!("/subscriptions/{subscription}");
        Self { subscription, folded: text.clone(), text }
    }

    /// Reads a scope; key words and the subscription are brought into one form, other names keep
    /// their case.
    ///
    /// # Errors
    /// [`ScopeError`] if the text is none.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > SCOPE_BYTES_MAX {
            return Err(ScopeError::TooLong);
        }
        let path = text.strip_suffix('/').unwrap_or(text);
        let path = path.strip_prefix('/').ok_or(ScopeError::NotInSubscription)?;
        let segments: Vec<&str> = path.split('/').collect();
        segments.iter().try_for_each(|segment| check_segment(segment))?;
        let [keyword, subscription, below @ ..] = segments.as_slice() else {
            return Err(ScopeError::NotInSubscription);
        };
        if !keyword.eq_ignore_ascii_case("subscriptions") {
            return Err(ScopeError::NotInSubscription);
        }
        let subscription = SubscriptionId::parse(subscription)
            .map_err(|error| ScopeError::NoSuchSubscription(error.text))?;
        let text = format!("/subscriptions/{subscription}{}", below_subscription(below)?);
        Ok(Self { subscription, folded: folded(&text), text })
    }

    /// The subscription that it is, or is in.
    #[must_use]
    pub fn subscription(&self) -> SubscriptionId {
        self.subscription
    }

    /// Whether the other scope is this one or below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let below = other.folded.strip_prefix(self.folded.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it is a resource: no subscription and no resource group.
    #[must_use]
    pub fn is_resource(&self) -> bool {
        self.folded.contains("/providers/")
    }

    /// Its text in lower case: equal scopes have equal texts.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Its text, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The text in lower case. A letter that is no ASCII stays none: the Kelvin sign's small letter is `k`,
/// and a group of that name would be the group of another.
fn folded(text: &str) -> String {
    let fold = |letter: char| {
        let small = letter.to_lowercase();
        let changes_alphabet = !letter.is_ascii() && small.clone().any(|one| one.is_ascii());
        if changes_alphabet { letter.to_string() } else { small.to_string() }
    };
    text.chars().map(fold).collect()
}

fn check_segment(segment: &str) -> Result<(), ScopeError> {
    match segment {
        "" => return Err(ScopeError::EmptySegment),
        "." | ".." => return Err(ScopeError::DotSegment),
        _ => {}
    }
    // Those that a path or pattern reads as something else than a name.
    let special = |character: char| character.is_control() || r"%?#\*<>".contains(character);
    match segment.chars().find(|character| special(*character)) {
        Some(character) => Err(ScopeError::Character(character)),
        None => Ok(()),
    }
}

fn below_subscription(segments: &[&str]) -> Result<String, ScopeError> {
    match segments {
        [] => Ok(String::new()),
        [keyword, name, resource @ ..] if keyword.eq_ignore_ascii_case("resourceGroups") => {
            check_resource_group(name)?;
            Ok(format!("/resourceGroups/{name}{}", resource_path(resource)?))
        }
        resource => resource_path(resource),
    }
}

fn check_resource_group(name: &str) -> Result<(), ScopeError> {
    if is_resource_group(name) {
        return Ok(());
    }
    Err(ScopeError::ResourceGroup(name.chars().take(100).collect()))
}

fn resource_path(segments: &[&str]) -> Result<String, ScopeError> {
    match segments {
        [] => Ok(String::new()),
        [keyword, namespace, names @ ..] if keyword.eq_ignore_ascii_case("providers") => {
            // Types and names alternate; a resource is below its parent resource.
            if names.is_empty() || !names.len().is_multiple_of(2) {
                return Err(ScopeError::Form);
            }
            Ok(format!("/providers/{namespace}/{}", names.join("/")))
        }
        _ => Err(ScopeError::Form),
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Scope {}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000000ab";

    fn scope(below: &str) -> Scope {
        Scope::parse(&format!("{SUBSCRIPTION}{below}")).unwrap()
    }

    #[test]
    fn a_scope_has_one_form() {
        for (text, expected) in [
            ("/Subscriptions/000000000000000000000000000000AB", ""),
            ("/subscriptions/00000000-0000-0000-0000-0000000000AB/", ""),
            (
                "/subscriptions/00000000-0000-0000-0000-0000000000ab/resourcegroups/Rg",
                "/resourceGroups/Rg",
            ),
            (
                "/subscriptions/00000000-0000-0000-0000-0000000000ab/RESOURCEGROUPS/a/PROVIDERS/N/t/x/",
                "/resourceGroups/a/providers/N/t/x",
            ),
            (
                "/subscriptions/00000000-0000-0000-0000-0000000000ab/providers/N/t/x/u/y",
                "/providers/N/t/x/u/y",
            ),
        ] {
            let text = Scope::parse(text).unwrap().to_string();
            assert_eq!(text, format!("{SUBSCRIPTION}{expected}"));
            assert_eq!(Scope::parse(&text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_scope_contains_itself_and_what_is_below_by_whole_segments() {
        for (above, below, expected) in [
            ("", "", true),
            ("", "/resourceGroups/a", true),
            ("/resourceGroups/a", "", false),
            ("/resourceGroups/a", "/resourceGroups/A", true),
            ("/resourceGroups/a", "/resourceGroups/ab", false),
            ("/resourceGroups/ab", "/resourceGroups/a", false),
            ("/resourceGroups/a", "/resourceGroups/a.b", false),
            ("/resourceGroups/a", "/resourceGroups/a/providers/N/t/x", true),
            ("/resourceGroups/a", "/providers/N/t/x", false),
            ("/resourceGroups/a/providers/N/t/x", "/resourceGroups/a/providers/n/T/X/u/y", true),
            ("/resourceGroups/a/providers/N/t/x", "/resourceGroups/a/providers/N/t/xy", false),
        ] {
            assert_eq!(scope(above).contains(&scope(below)), expected, "{above} over {below}");
        }
        let other = Scope::parse("/subscriptions/00000000-0000-0000-0000-000000000abc").unwrap();
        assert!(!scope("").contains(&other));
        assert!(!other.contains(&scope("")));
        assert_eq!(scope("/resourceGroups/É"), scope("/resourceGroups/é"));
    }

    #[test]
    fn what_could_be_read_as_another_scope_is_refused() {
        let below = |text: &str| format!("{SUBSCRIPTION}{text}");
        for (text, expected) in [
            (String::new(), ScopeError::NotInSubscription),
            ("/".into(), ScopeError::NotInSubscription),
            ("subscriptions/x".into(), ScopeError::NotInSubscription),
            ("/subscriptions".into(), ScopeError::NotInSubscription),
            ("/tenants/00000000-0000-0000-0000-0000000000ab".into(), ScopeError::NotInSubscription),
            ("//subscriptions/x".into(), ScopeError::EmptySegment),
            ("/subscriptions//resourceGroups".into(), ScopeError::EmptySegment),
            ("/subscriptions/AB".into(), ScopeError::NoSuchSubscription("AB".into())),
            (below("//"), ScopeError::EmptySegment),
            (below("/resourceGroups/a//"), ScopeError::EmptySegment),
            (below("//resourceGroups/a"), ScopeError::EmptySegment),
            (below("/resourceGroups/../resourceGroups/b"), ScopeError::DotSegment),
            (below("/./resourceGroups/a"), ScopeError::DotSegment),
            (below("/resourceGroups/a%2fb"), ScopeError::Character('%')),
            (below("/resourceGroups/*"), ScopeError::Character('*')),
            (below("/resourceGroups/a\u{0}"), ScopeError::Character('\u{0}')),
            (below("/resourceGroups/a\\b"), ScopeError::Character('\\')),
            (below("/resourceGroups/a?x"), ScopeError::Character('?')),
            (below("/resourceGroups/a."), ScopeError::ResourceGroup("a.".into())),
            (below("/resourceGroups/a b"), ScopeError::ResourceGroup("a b".into())),
            (below("/resourceGroups"), ScopeError::Form),
            (below("/resourceGroups/a/b"), ScopeError::Form),
            (below("/providers/N"), ScopeError::Form),
            (below("/providers/N/t"), ScopeError::Form),
            (below("/resourceGroups/a/providers/N/t/x/u"), ScopeError::Form),
            (below("/vaults/a"), ScopeError::Form),
            (below(&"/providers".repeat(300)), ScopeError::TooLong),
        ] {
            assert_eq!(Scope::parse(&text), Err(expected), "{text}");
        }
    }
}
