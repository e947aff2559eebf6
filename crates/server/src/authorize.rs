//! Who asks, and whether they may: a token gives a principal, a role gives the right.

use std::sync::Arc;

use accounts::{Action, Scope, Subscription};
use aws_lc_rs::hmac;
use domain::id::{SubscriptionId, TenantId};

use crate::app::App;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::identity::{Principal, TokenError};

impl App {
    /// The principal that the token names.
    pub(crate) fn authenticate(&self, asked: &Asked) -> Result<Principal, ApiError> {
        let principal = self.authenticate_for(asked, self.installation.tenant)?;
        self.count(asked, &principal, None)?;
        Ok(principal)
    }

    /// The principal that the token names; the challenge sends others to this tenant.
    fn authenticate_for(&self, asked: &Asked, tenant: TenantId) -> Result<Principal, ApiError> {
        let token = asked.token.as_deref().map_err(TokenError::clone);
        let verified = token.and_then(|token| self.verifier.verify(token, (self.clock)()));
        let verified = verified.and_then(|principal| {
            self.directory().principals.check(&principal).map(|()| principal)
        });
        let authority = format!("{}/{tenant}", asked.origin);
        verified.map_err(|error| ApiError::Unauthenticated { error, authority })
    }

    /// Counts a call of Azure's wire, and refuses one too many.
    fn count(
        &self,
        asked: &Asked,
        principal: &Principal,
        subscription: Option<SubscriptionId>,
    ) -> Result<(), ApiError> {
        let Some(call) = &asked.call else { return Ok(()) };
        let counted = self.rate_limits.count(call, principal, subscription, (self.clock)());
        counted.map_err(ApiError::Throttled)
    }

    /// The principal, if it is the installation's administrator.
    pub(crate) fn administrator(&self, asked: &Asked) -> Result<Principal, ApiError> {
        let principal = self.authenticate(asked)?;
        if principal.is_administrator {
            return Ok(principal);
        }
        Err(ApiError::AdministratorOnly { principal: principal.object_id })
    }

    /// The principal and the subscription that a path names, which must be of its tenant.
    pub(crate) fn enter(
        &self,
        asked: &Asked,
        directory: &Directory,
        subscription: &str,
    ) -> Result<(Principal, Arc<Subscription>), ApiError> {
        let id = SubscriptionId::parse(subscription);
        let known = id.as_ref().ok().and_then(|id| directory.subscription(*id));
        // Worked out for every id, so that known ones take no less time; of the id, however it is
        // spelled.
        let stand_in = match &id {
            Ok(id) => self.stand_in_tenant(directory, &id.to_string()),
            Err(_) => self.stand_in_tenant(directory, subscription),
        };
        let tenant = known.map_or(stand_in, |subscription| subscription.tenant);
        let principal = self.authenticate_for(asked, tenant)?;
        let visible = id.as_ref().ok().and_then(|id| directory.visible(&principal, *id));
        self.count(asked, &principal, visible.map(|subscription| subscription.id))?;
        let id = id.map_err(|error| ApiError::MalformedSubscription(error.text))?;
        match visible {
            Some(subscription) => Ok((principal, Arc::clone(subscription))),
            None => Err(ApiError::SubscriptionNotFound(id.to_string())),
        }
    }

    /// A tenant for the challenge of a subscription that is unknown: always the same one for the
    /// same id, and no outsider can tell it from a known subscription's.
    fn stand_in_tenant(&self, directory: &Directory, subscription: &str) -> TenantId {
        let tenants = directory.tenants();
        let secret = self.installation.id.to_bits().to_be_bytes();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let hash = hmac::sign(&key, subscription.to_ascii_lowercase().as_bytes());
        let number = hash.as_ref().first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let count = u64::try_from(tenants.len().max(1)).unwrap_or(u64::MAX);
        let place = usize::try_from(number.unwrap_or(0) % count).unwrap_or(0);
        tenants.get(place).copied().unwrap_or(self.installation.tenant)
    }

    /// Enters the subscription and asks for a right over it.
    pub(crate) fn enter_for(
        &self,
        asked: &Asked,
        subscription: &str,
        action: Action,
    ) -> Result<Arc<Subscription>, ApiError> {
        let directory = self.directory();
        let (principal, subscription) = self.enter(asked, &directory, subscription)?;
        require(&directory, &principal, &subscription, action)?;
        Ok(subscription)
    }
}

/// Refuses whoever lacks the right over the subscription.
pub(crate) fn require(
    directory: &Directory,
    principal: &Principal,
    subscription: &Subscription,
    action: Action,
) -> Result<(), ApiError> {
    require_at(directory, principal, &Scope::of_subscription(subscription.id), action)
}

/// Refuses whoever lacks the right over the scope.
pub(crate) fn require_at(
    directory: &Directory,
    principal: &Principal,
    scope: &Scope,
    action: Action,
) -> Result<(), ApiError> {
    if directory.allows(principal, &action, scope) {
        return Ok(());
    }
    Err(forbidden(principal, action, scope.to_string()))
}

/// The refusal of an action over a scope.
pub(crate) fn forbidden(principal: &Principal, action: Action, scope: String) -> ApiError {
    ApiError::Forbidden {
        principal: principal.object_id,
        client: principal.client_name(),
        groups_left_out: principal.groups_left_out,
        action: action.as_str(),
        scope,
    }
}
