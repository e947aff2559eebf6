//! Who a caller is: tokens of the built-in issuer, made and checked, and tokens of issuers that others
//! run, whose keys are found by discovery.
//!
//! A token counts only if it is signed with RS256 by a key of the issuer that it names, is meant
//! for this server, is in force, and names principal and tenant. Time is handed in. Tokens and
//! private keys are in no `Debug`, `Display` or log.

mod claims;
mod external;
mod fetch;
mod issuer;
mod keys;
mod keyset;
mod remembered;
mod secret;
mod token;
mod verify;

use domain::id::{ObjectId, TenantId};

pub use fetch::AuthorityError;
pub use issuer::{Claims, DEFAULT_AUDIENCE, DEFAULT_PUBLIC_URL, Issuer};
pub use keys::KeyError;
pub(crate) use secret::Secret;
pub use token::TokenError;
pub use verify::Verifier;

use crate::limits::CLIENT_NAME_CHARS;

/// Who a valid token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The principal's own id, which roles are assigned to.
    pub object_id: ObjectId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// The groups that it is in, which roles may be assigned to as well.
    pub groups: Vec<ObjectId>,
    /// Whether it is in more groups than the token has room for, so that `groups` is empty.
    pub groups_left_out: bool,
    /// The application that it acts through, as the issuer names it.
    pub application: Option<String>,
    /// The user's name, as the issuer has it; none of an application by itself.
    pub user: Option<String>,
    /// Whether it administrates the installation: the built-in issuer's administrator, or one that
    /// the configuration names.
    pub is_administrator: bool,
    /// Of a token of the built-in issuer the generation that it was issued in, which counts for the
    /// administrator; none of other issuers.
    pub built_in_generation: Option<u64>,
}

impl Principal {
    /// What messages call the client: the user's name, else the application, else the object id.
    #[must_use]
    pub fn client_name(&self) -> String {
        let name = self.user.as_ref().or(self.application.as_ref());
        let name = name.cloned().unwrap_or_else(|| self.object_id.to_string());
        name.chars().filter(|one| !one.is_control()).take(CLIENT_NAME_CHARS).collect()
    }
}
