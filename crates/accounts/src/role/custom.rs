//! What a custom role is to be, checked but for what the accounts know: whether its scopes exist and
//! its name is free.

use std::fmt;

use super::{ActionPattern, Permissions, Scope};
use crate::action::NoSuchActionPattern;
use crate::limits::{
    ASSIGNABLE_SCOPES_MAX, PATTERNS_MAX, ROLE_DESCRIPTION_CHARS_MAX, ROLE_NAME_CHARS_MAX,
};
use crate::scope::ScopeError;

/// A custom role as whoever defines it writes it.
#[derive(Debug, Clone, Default)]
pub struct CustomRoleTexts {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Patterns of actions that it permits.
    pub actions: Vec<String>,
    /// Patterns of actions that it leaves out again.
    pub not_actions: Vec<String>,
    /// Patterns of actions on data that it permits.
    pub data_actions: Vec<String>,
    /// Patterns of actions on data that it leaves out again.
    pub not_data_actions: Vec<String>,
    /// Where it can be assigned.
    pub assignable_scopes: Vec<String>,
}

/// What a custom role is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    name: String,
    description: String,
    permissions: Permissions,
    assignable_scopes: Vec<Scope>,
}

/// Why there is no such custom role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSuchCustomRole {
    /// The name is empty or too long, has a control character or begins or ends with a space.
    Name,
    /// The description is too long or has a control character.
    Description,
    /// A list of patterns has too many.
    TooManyPatterns(&'static str),
    /// A pattern is none.
    Pattern(&'static str, NoSuchActionPattern),
    /// It can be assigned nowhere, or at too many scopes.
    ScopeCount,
    /// A scope is none.
    Scope {
        /// The text as given, cut to 100 characters.
        text: String,
        /// What is wrong with it.
        error: ScopeError,
    },
    /// A scope is a resource.
    ResourceScope(Scope),
    /// A scope is there twice.
    DoubledScope(Scope),
}

impl CustomRole {
    /// Checks what is written.
    ///
    /// # Errors
    /// [`NoSuchCustomRole`] if a part of it is wrong.
    pub fn parse(texts: &CustomRoleTexts) -> Result<Self, NoSuchCustomRole> {
        let clean = |text: &str| !text.chars().any(char::is_control);
        let name = texts.name.as_str();
        let fits = (1..=ROLE_NAME_CHARS_MAX).contains(&name.chars().count());
        if !fits || !clean(name) || name.trim() != name {
            return Err(NoSuchCustomRole::Name);
        }
        let description = texts.description.as_str();
        let lines = description.lines().all(clean);
        if !lines || description.chars().count() > ROLE_DESCRIPTION_CHARS_MAX {
            return Err(NoSuchCustomRole::Description);
        }
        Ok(Self {
            name: name.to_owned(),
            description: description.to_owned(),
            permissions: Permissions {
                actions: patterns("actions", &texts.actions)?,
                not_actions: patterns("notActions", &texts.not_actions)?,
                data_actions: patterns("dataActions", &texts.data_actions)?,
                not_data_actions: patterns("notDataActions", &texts.not_data_actions)?,
            },
            assignable_scopes: scopes(&texts.assignable_scopes)?,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What it permits.
    #[must_use]
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Where it can be assigned: at least one subscription or resource group, each once.
    #[must_use]
    pub fn assignable_scopes(&self) -> &[Scope] {
        &self.assignable_scopes
    }
}

fn patterns(list: &'static str, texts: &[String]) -> Result<Vec<ActionPattern>, NoSuchCustomRole> {
    if texts.len() > PATTERNS_MAX {
        return Err(NoSuchCustomRole::TooManyPatterns(list));
    }
    let parsed = texts.iter().map(|text| ActionPattern::parse(text));
    parsed.collect::<Result<_, _>>().map_err(|error| NoSuchCustomRole::Pattern(list, error))
}

fn scopes(texts: &[String]) -> Result<Vec<Scope>, NoSuchCustomRole> {
    if texts.is_empty() || texts.len() > ASSIGNABLE_SCOPES_MAX {
        return Err(NoSuchCustomRole::ScopeCount);
    }
    let mut scopes = Vec::with_capacity(texts.len());
    for text in texts {
        let scope = Scope::parse(text).map_err(|error| NoSuchCustomRole::Scope {
            text: text.chars().take(100).collect(),
            error,
        })?;
        if scope.is_resource() {
            return Err(NoSuchCustomRole::ResourceScope(scope));
        }
        if scopes.contains(&scope) {
            return Err(NoSuchCustomRole::DoubledScope(scope));
        }
        scopes.push(scope);
    }
    Ok(scopes)
}

impl fmt::Display for NoSuchCustomRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(
                f,
                "roleName has 1 to {ROLE_NAME_CHARS_MAX} characters, none of control, and no space \
                 at its ends"
            ),
            Self::Description => write!(
                f,
                "description has at most {ROLE_DESCRIPTION_CHARS_MAX} characters, none of control"
            ),
            Self::TooManyPatterns(list) => write!(f, "{list} has more than {PATTERNS_MAX} entries"),
            Self::Pattern(list, error) => write!(f, "{list}: {error}"),
            Self::ScopeCount => {
                write!(f, "assignableScopes has 1 to {ASSIGNABLE_SCOPES_MAX} entries")
            }
            Self::Scope { text, error } => write!(f, "assignableScopes: '{text}': {error}"),
            Self::ResourceScope(scope) => write!(
                f,
                "assignableScopes: '{scope}' is a resource; a role can be assignable at \
                 subscriptions and resource groups"
            ),
            Self::DoubledScope(scope) => write!(f, "assignableScopes: '{scope}' is there twice"),
        }
    }
}

impl std::error::Error for NoSuchCustomRole {}
