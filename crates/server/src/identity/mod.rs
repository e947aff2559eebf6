//! Who a caller is: tokens of the built-in issuer, made and checked.
//!
//! A token counts only if it is signed with RS256 by a key of the issuer that it names, is meant
//! for this server, is in force, and names principal and tenant. Time is handed in. Tokens and
//! private keys are in no `Debug`, `Display` or log.

mod issuer;
mod keys;
mod token;
mod verify;

use domain::id::{ObjectId, TenantId};

pub use issuer::{Claims, DEFAULT_AUDIENCE, DEFAULT_PUBLIC_URL, Issuer};
pub use keys::KeyError;
pub use token::TokenError;
pub use verify::Verifier;

/// Who a valid token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The principal's own id, which roles are assigned to.
    pub object_id: ObjectId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// The groups that it is in, which roles may be assigned to as well.
    pub groups: Vec<ObjectId>,
    /// The application that it acts through, as the issuer names it.
    pub application: Option<String>,
    /// Whether it is the installation's administrator, by a token of the built-in issuer.
    pub is_administrator: bool,
}
