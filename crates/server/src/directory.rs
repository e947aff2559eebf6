//! Subscriptions, role assignments and the versions of rate cards in memory, as of one revision of
//! the accounts: every request asks them, and they change seldom.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use accounts::role::{Action, Scope, allows};
use accounts::{Accounts, RateCardVersion, Revision, RoleAssignment, StorageError, Subscription};
use domain::catalogue::RateCardKey;
use domain::id::{Country, Currency, ObjectId, OfferId, SubscriptionId, TenantId};

use crate::identity::Principal;

/// What picks prices; a card's locale picks names only.
type PriceKey = (OfferId, Currency, Country);

/// What the accounts say, as of one revision.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) revision: Revision,
    /// The versions of rate cards without their documents, in the order of import.
    cards: BTreeMap<PriceKey, Vec<RateCardVersion>>,
    tenants: Vec<TenantId>,
    subscriptions: BTreeMap<SubscriptionId, Arc<Subscription>>,
    assignments: HashMap<ObjectId, Vec<RoleAssignment>>,
}

impl Directory {
    pub(crate) async fn load(accounts: &Accounts) -> Result<Self, StorageError> {
        // The revision first: what is read after it can only be newer, and is then read again.
        let revision = accounts.revision().await?;
        let mut cards: BTreeMap<PriceKey, Vec<RateCardVersion>> = BTreeMap::new();
        for card in accounts.rate_cards().await? {
            cards.entry(price_key(&card.key)).or_default().push(card);
        }
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

    /// The versions of the cards that have a card's prices, in any locale, as of a revision that is
    /// not after the directory's; in the order of import.
    pub(crate) fn cards(&self, key: &RateCardKey, revision: Revision) -> &[RateCardVersion] {
        let cards = self.cards.get(&price_key(key)).map_or(&[][..], Vec::as_slice);
        &cards[..cards.partition_point(|card| card.revision <= revision)]
    }

    /// The latest version of this very card.
    pub(crate) fn latest_card(&self, key: &RateCardKey) -> Option<&RateCardVersion> {
        self.cards(key, self.revision).iter().rfind(|card| card.key == *key)
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

fn price_key(key: &RateCardKey) -> PriceKey {
    (key.offer.clone(), key.currency.clone(), key.region.clone())
}
