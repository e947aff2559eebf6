//! Subscriptions and role assignments in memory, as of one revision of the accounts: every request
//! asks them, and they change seldom.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use accounts::role::{Action, Scope, allows};
use accounts::{Accounts, Revision, RoleAssignment, StorageError, Subscription};
use domain::id::{ObjectId, SubscriptionId, TenantId};

use crate::identity::Principal;

/// What the accounts say, as of one revision.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) revision: Revision,
    /// The revisions of the rate cards, in order.
    cards: Vec<Revision>,
    tenants: Vec<TenantId>,
    subscriptions: BTreeMap<SubscriptionId, Arc<Subscription>>,
    assignments: HashMap<ObjectId, Vec<RoleAssignment>>,
}

impl Directory {
    pub(crate) async fn load(accounts: &Accounts) -> Result<Self, StorageError> {
        // The revision first: what is read after it can only be newer, and is then read again.
        let revision = accounts.revision().await?;
        let cards = accounts.rate_cards().await?;
        let cards = cards.into_iter().map(|card| card.revision).collect();
        let tenants = accounts.tenants().await?;
        let subscriptions = accounts.subscriptions().await?;
        let mut assignments: HashMap<ObjectId, Vec<RoleAssignment>> = HashMap::new();
        for assignment in accounts.role_assignments().await? {
            assignments.entry(assignment.principal).or_default().push(assignment);
        }
        let subscriptions =
            subscriptions.into_iter().map(|subscription| (subscription.id, Arc::new(subscription)));
        Ok(Self { revision, cards, tenants, subscriptions: subscriptions.collect(), assignments })
    }

    /// The revision of the latest rate card.
    pub(crate) fn cards_revision(&self) -> Revision {
        self.cards_revision_at(self.revision)
    }

    /// The revision of the latest rate card as of a revision; 0 if there was none.
    pub(crate) fn cards_revision_at(&self, revision: Revision) -> Revision {
        let until = self.cards.partition_point(|card| *card <= revision);
        until.checked_sub(1).map_or(Revision(0), |latest| self.cards[latest])
    }

    /// Every tenant, the installation's own first.
    pub(crate) fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// Every subscription, in order of id.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.subscriptions.values()
    }

    /// The subscription, whoever asks.
    pub(crate) fn subscription(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(&id)
    }

    /// The subscription, if the principal may know that it exists.
    pub(crate) fn visible(
        &self,
        principal: &Principal,
        id: SubscriptionId,
    ) -> Option<&Arc<Subscription>> {
        let sees = |subscription: &&Arc<Subscription>| {
            principal.is_administrator || subscription.tenant == principal.tenant_id
        };
        self.subscription(id).filter(sees)
    }

    /// Whether the principal may do this there.
    pub(crate) fn allows(&self, principal: &Principal, action: &Action, scope: &Scope) -> bool {
        principal.is_administrator || allows(self.assignments_of(principal), action, scope)
    }

    /// Whether the principal may do this anywhere at all.
    pub(crate) fn allows_somewhere(&self, principal: &Principal, action: &Action) -> bool {
        principal.is_administrator
            || self
                .assignments_of(principal)
                .any(|assignment| allows([assignment], action, &assignment.scope))
    }

    fn assignments_of<'a>(
        &'a self,
        principal: &'a Principal,
    ) -> impl Iterator<Item = &'a RoleAssignment> {
        let ids = std::iter::once(&principal.object_id).chain(&principal.groups);
        ids.filter_map(|id| self.assignments.get(id)).flatten()
    }
}
