//! What a principal is, as whoever assigns a role says. It is kept and shown, and decides nothing.

use std::fmt;

/// What a principal is.
///
/// Source: Azure role assignments, `principalType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalType {
    /// A person.
    User,
    /// A group.
    Group,
    /// An application.
    ServicePrincipal,
    /// A group of another directory.
    ForeignGroup,
    /// A device.
    Device,
}

/// Why a text is no principal type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchPrincipalType {
    /// The text as given, cut to 100 characters.
    pub text: String,
}

impl PrincipalType {
    const ALL: [Self; 5] =
        [Self::User, Self::Group, Self::ServicePrincipal, Self::ForeignGroup, Self::Device];

    /// Reads a principal type, in any case.
    ///
    /// # Errors
    /// [`NoSuchPrincipalType`] if the text is none.
    pub fn parse(text: &str) -> Result<Self, NoSuchPrincipalType> {
        let found = Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| NoSuchPrincipalType { text: text.chars().take(100).collect() })
    }

    /// As Azure writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
            Self::ForeignGroup => "ForeignGroup",
            Self::Device => "Device",
        }
    }
}

impl fmt::Display for PrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for NoSuchPrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = PrincipalType::ALL.map(PrincipalType::as_str).join(", ");
        write!(f, "'{}' is no principal type; there are {names}", self.text)
    }
}

impl std::error::Error for NoSuchPrincipalType {}
