//! What a service principal is: an application's identity in a tenant, and the secrets that it signs
//! in with. Pure. The secrets themselves are nowhere here, only their hashes, and those are in no
//! `Debug`.

use std::fmt;

use domain::id::{ApplicationId, ObjectId, SecretId, TenantId};
use domain::time::UtcTime;

use crate::subscription::DisplayName;

/// The hash of a secret, in PHC's form. It is made and checked elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

impl SecretHash {
    /// A hash as its text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A secret to be given to a service principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Its id.
    pub id: SecretId,
    /// Its hash.
    pub hash: SecretHash,
    /// Days until it expires, 1 to 730.
    pub days: u32,
}

/// A secret of a service principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// Its hash.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it expires, or was ended by a rotation: from then on it does not count.
    pub until: UtcTime,
}

/// A service principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePrincipal {
    /// What it signs in as.
    pub application: ApplicationId,
    /// Itself: what roles are assigned to.
    pub object: ObjectId,
    /// The tenant that it is of.
    pub tenant: TenantId,
    /// Shown to people; need not be unique.
    pub name: DisplayName,
    /// When it was made.
    pub created_at: UtcTime,
    /// Who made it.
    pub created_by: String,
    /// Every secret that it was given, in the order in which they were made, those that do not count
    /// any more with them.
    pub secrets: Vec<Secret>,
}

impl ServicePrincipal {
    /// The secret with this id.
    #[must_use]
    pub fn secret(&self, id: SecretId) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.id == id)
    }

    /// The secrets that count.
    pub fn secrets_in_force(&self, now: UtcTime) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| now < secret.until)
    }
}
