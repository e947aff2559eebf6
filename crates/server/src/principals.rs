//! Whose tokens of the built-in issuer still count: service principals that are not deleted, and the
//! administrator's tokens since the last rotation. In memory, as of one revision of the accounts.

use std::collections::{HashMap, HashSet};

use accounts::{Accounts, ServicePrincipal, StorageError};
use domain::id::{ApplicationId, ObjectId, TenantId};

use crate::identity::{Principal, TokenError};
use crate::limits;

/// The principals of the built-in issuer.
#[derive(Debug)]
pub(crate) struct Principals {
    /// In the order in which they were made.
    all: Vec<ServicePrincipal>,
    by_application: HashMap<ApplicationId, usize>,
    by_object: HashMap<ObjectId, usize>,
    /// Those whose tokens have not expired by themselves.
    deleted: HashSet<ObjectId>,
    /// How often the administrator's token was rotated.
    generation: u64,
}

impl Principals {
    pub(crate) async fn load(accounts: &Accounts) -> Result<Self, StorageError> {
        let all = accounts.service_principals().await?;
        let deleted = accounts.deleted_service_principals(limits::TOKEN_HOURS_MAX).await?;
        let generation = accounts.administrator_generation().await?;
        let places = || all.iter().zip(0..);
        let by_application = places().map(|(one, place)| (one.application, place)).collect();
        let by_object = places().map(|(one, place)| (one.object, place)).collect();
        let deleted = deleted.into_iter().collect();
        Ok(Self { by_application, by_object, all, deleted, generation })
    }

    /// Every service principal, in the order in which they were made.
    pub(crate) fn all(&self) -> &[ServicePrincipal] {
        &self.all
    }

    /// The service principal that signs in as this application to this tenant.
    pub(crate) fn client(
        &self,
        application: ApplicationId,
        tenant: TenantId,
    ) -> Option<&ServicePrincipal> {
        let place = self.by_application.get(&application)?;
        Some(&self.all[*place]).filter(|principal| principal.tenant == tenant)
    }

    /// The service principal of this tenant with this object id.
    pub(crate) fn object(&self, object: ObjectId, tenant: TenantId) -> Option<&ServicePrincipal> {
        self.by_object(object).filter(|principal| principal.tenant == tenant)
    }

    /// The service principal of this tenant whose application id stands where its object id belongs.
    pub(crate) fn mistaken(
        &self,
        principal: ObjectId,
        tenant: TenantId,
    ) -> Option<&ServicePrincipal> {
        self.client(ApplicationId::from_bits(principal.to_bits()), tenant)
    }

    /// The service principal with this object id.
    pub(crate) fn by_object(&self, object: ObjectId) -> Option<&ServicePrincipal> {
        self.by_object.get(&object).map(|place| &self.all[*place])
    }

    /// The generation of the administrator's tokens that count.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Refuses a principal whose token was good, but does not count any more.
    pub(crate) fn check(&self, principal: &Principal) -> Result<(), TokenError> {
        // Other issuers say for themselves who is theirs.
        let Some(generation) = principal.built_in_generation else { return Ok(()) };
        if principal.is_administrator {
            return if generation == self.generation { Ok(()) } else { Err(TokenError::Revoked) };
        }
        let object = principal.object_id.to_string();
        let application = principal.application.as_deref();
        let stands = match self.by_object(principal.object_id) {
            Some(known) => {
                let names = [object, known.application.to_string()];
                known.tenant == principal.tenant_id
                    && application.is_none_or(|name| names.iter().any(|known| known == name))
            }
            // Principals that the administrator issues tokens for are their own applications.
            None => {
                !self.deleted.contains(&principal.object_id)
                    && application.is_none_or(|name| name == object)
            }
        };
        if stands { Ok(()) } else { Err(TokenError::Revoked) }
    }
}
