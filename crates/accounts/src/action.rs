//! Actions, and the patterns of actions that roles are made of. Pure.
//!
//! Every action that a call asks for is a constant here, so that the table of roles and actions can
//! be tested whole.

use std::fmt;

use crate::limits::ACTION_PATTERN_CHARS_MAX;

/// Something that a principal asks to do, such as `Microsoft.Commerce/RateCard/read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(&'static str);

/// Declares each action as a constant, and all of them as a list.
macro_rules! actions {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)+) => {
        impl Action {
            $($(#[$doc])* pub const $constant: Self = Self($name);)+

            /// Every action that some call asks for.
            pub const ALL: &[Self] = &[$(Self::$constant),+];
        }
    };
}

actions! {
    /// Reading usage aggregates.
    USAGE_READ = "Microsoft.Commerce/UsageAggregates/read";
    /// Reading the rate card.
    RATE_CARD_READ = "Microsoft.Commerce/RateCard/read";
    /// Reading what usage costs.
    COST_READ = "Microsoft.Consumption/usageDetails/read";
    /// Reading a subscription, and what it was.
    SUBSCRIPTION_READ = "Microsoft.Resources/subscriptions/read";
    /// Reading resource groups and their tags.
    RESOURCE_GROUP_READ = "Microsoft.Resources/subscriptions/resourceGroups/read";
    /// Setting the tags of resource groups.
    RESOURCE_GROUP_WRITE = "Microsoft.Resources/subscriptions/resourceGroups/write";
    /// Reading role assignments.
    ROLE_ASSIGNMENT_READ = "Microsoft.Authorization/roleAssignments/read";
    /// Assigning roles.
    ROLE_ASSIGNMENT_WRITE = "Microsoft.Authorization/roleAssignments/write";
    /// Removing role assignments.
    ROLE_ASSIGNMENT_DELETE = "Microsoft.Authorization/roleAssignments/delete";
    /// Reading roles.
    ROLE_DEFINITION_READ = "Microsoft.Authorization/roleDefinitions/read";
    /// Making and changing custom roles.
    ROLE_DEFINITION_WRITE = "Microsoft.Authorization/roleDefinitions/write";
    /// Removing custom roles.
    ROLE_DEFINITION_DELETE = "Microsoft.Authorization/roleDefinitions/delete";
    /// Reading what one may do.
    PERMISSION_READ = "Microsoft.Authorization/permissions/read";
    /// Sending usage events.
    EVENTS_WRITE = "Tallyhouse/events/write";
    /// Importing usage aggregates, which keep their own reported time.
    IMPORTS_WRITE = "Tallyhouse/imports/write";
    /// Taking back what was stored, and putting other usage in its place.
    CORRECTIONS_WRITE = "Tallyhouse/corrections/write";
}

impl Action {
    /// An action by its name, a path without `*`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name, as error answers show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// A pattern of actions: `*` spans any characters, none included, and case does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionPattern(Box<str>);

/// Why a text is no pattern of actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchActionPattern {
    /// The text as given, cut to 100 characters.
    pub text: String,
}

impl fmt::Display for NoSuchActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is no pattern of actions: up to {ACTION_PATTERN_CHARS_MAX} letters, digits and \
             '.', '-', '_', '*', in segments that '/' parts",
            self.text
        )
    }
}

impl std::error::Error for NoSuchActionPattern {}

impl ActionPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`NoSuchActionPattern`] if it is too long, has a character that no action has, or has an empty
    /// segment.
    pub fn parse(text: &str) -> Result<Self, NoSuchActionPattern> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"./-_*".contains(&byte);
        let whole = text.split('/').all(|segment| !segment.is_empty());
        if whole && text.len() <= ACTION_PATTERN_CHARS_MAX && text.bytes().all(known) {
            return Ok(Self(text.into()));
        }
        Err(NoSuchActionPattern { text: text.chars().take(100).collect() })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the action is of the pattern.
    #[must_use]
    pub fn matches(&self, action: Action) -> bool {
        matches(&self.0, action.0)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where the last star stands, and how far its span reaches so far: only the last star needs to
    // be tried again, as an earlier one could only span what this one can span too.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, position));
            at += 1;
        } else if pattern.get(at).is_some_and(|byte| byte.eq_ignore_ascii_case(&text[position])) {
            at += 1;
            position += 1;
        } else if let Some((star_at, span_end)) = star {
            star = Some((star_at, span_end + 1));
            at = star_at + 1;
            position = span_end + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_spans_any_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("a", "A", true),
            ("a", "ab", false),
            ("ab", "a", false),
            ("*/read", "a/b/READ", true),
            ("*/read", "read", false),
            ("*/read", "a/read/write", false),
            ("*/read", "a/readx", false),
            ("a/*/write", "a/b/c/write", true),
            ("a/*/write", "a/write", false),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "axcxb", false),
            ("**a**", "xax", true),
            ("Microsoft.Commerce/*", "MicrosoftXCommerce/a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_has_nothing_but_what_actions_are_made_of() {
        for text in ["*", "*/read", "Microsoft.Commerce/RateCard/read", "a-b_c/1"] {
            assert_eq!(ActionPattern::parse(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(ACTION_PATTERN_CHARS_MAX + 1);
        for text in ["", "/", "a//b", "/a", "a/", "a b", "a?", "é", "a\n", long.as_str()] {
            let error = ActionPattern::parse(text).unwrap_err();
            assert!(text.starts_with(&error.text), "{text}");
        }
    }

    #[test]
    fn every_action_is_named_once_and_is_no_pattern() {
        let mut names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert!(names.iter().all(|name| ActionPattern::parse(name).is_ok()));
        assert!(names.iter().all(|name| !name.contains('*')));
        names.sort_unstable_by_key(|name| name.to_lowercase());
        names.dedup_by_key(|name| name.to_lowercase());
        assert_eq!(names.len(), Action::ALL.len());
    }
}
