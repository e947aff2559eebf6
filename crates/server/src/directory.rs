//! Subscriptions, roles, their assignments and the versions of rate cards in memory, as of one revision of
//! the accounts: every request asks them, and they change seldom.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use accounts::{
    Accounts, Action, RateCardVersion, Revision, Role, RoleAssignment, Roles, Scope, StorageError,
    Subscription, allows,
};
use domain::catalogue::RateCardKey;
use domain::id::{
    Country, Currency, ObjectId, OfferId, RoleAssignmentId, SubscriptionId, TenantId,
};

use crate::identity::Principal;
use crate::principals::Principals;

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
    roles: Roles,
    /// By principal, and by subscription in the order in which they were made.
    assignments: HashMap<ObjectId, Vec<Arc<RoleAssignment>>>,
    assignments_in: HashMap<SubscriptionId, Vec<Arc<RoleAssignment>>>,
    /// Those of the built-in issuer.
    pub(crate) principals: Principals,
}

/// How much of a scope a right reaches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it.
    Whole,
    /// These places below it, if any.
    Within(Vec<Scope>),
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
        let roles = accounts.roles().await?;
        let mut assignments: HashMap<_, Vec<_>> = HashMap::new();
        let mut assignments_in: HashMap<_, Vec<_>> = HashMap::new();
        for assignment in accounts.role_assignments().await?.into_iter().map(Arc::new) {
            let subscription = assignment.scope.subscription();
            assignments_in.entry(subscription).or_default().push(Arc::clone(&assignment));
            assignments.entry(assignment.principal).or_default().push(assignment);
        }
        let subscriptions =
            subscriptions.into_iter().map(|subscription| (subscription.id, Arc::new(subscription)));
        Ok(Self {
            revision,
            cards,
            tenants,
            subscriptions: subscriptions.collect(),
            roles,
            assignments,
            assignments_in,
            principals: Principals::load(accounts).await?,
        })
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

    /// The cards of an offer and currency, in order of region and then of import.
    pub(crate) fn cards_of(
        &self,
        offer: &OfferId,
        currency: &Currency,
    ) -> impl Iterator<Item = &RateCardKey> {
        let wanted = move |(of, in_currency, _): &PriceKey| of == offer && in_currency == currency;
        let cards = self.cards.iter().filter(move |(key, _)| wanted(key));
        cards.flat_map(|(_, versions)| versions.iter().map(|version| &version.key))
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

    /// Every role.
    pub(crate) fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The role assignments at a subscription and below it, in the order in which they were made.
    pub(crate) fn assignments_in(&self, subscription: SubscriptionId) -> &[Arc<RoleAssignment>] {
        self.assignments_in.get(&subscription).map_or(&[], Vec::as_slice)
    }

    /// The role assignment with this id at this very scope.
    pub(crate) fn assignment_at(
        &self,
        scope: &Scope,
        id: RoleAssignmentId,
    ) -> Option<&Arc<RoleAssignment>> {
        let mut there = self.assignments_in(scope.subscription()).iter();
        there.find(|assignment| assignment.id == id && assignment.scope == *scope)
    }

    /// Whether the principal may do this there.
    pub(crate) fn allows(&self, principal: &Principal, action: &Action, scope: &Scope) -> bool {
        let of_it = self.assignments_of(principal);
        principal.is_administrator || allows(of_it, &self.roles, *action, scope)
    }

    /// Where the principal may do this: the scope itself, or places below it; none if nowhere.
    pub(crate) fn reach(&self, principal: &Principal, action: Action, scope: &Scope) -> Reach {
        if self.allows(principal, &action, scope) {
            return Reach::Whole;
        }
        let below = self.assignments_of(principal).filter(|one| {
            scope.contains(&one.scope) && allows([*one], &self.roles, action, &one.scope)
        });
        Reach::Within(below.map(|one| one.scope.clone()).collect())
    }

    /// Whether the principal may do this anywhere at all.
    pub(crate) fn allows_somewhere(&self, principal: &Principal, action: &Action) -> bool {
        principal.is_administrator
            || self
                .assignments_of(principal)
                .any(|assignment| allows([assignment], &self.roles, *action, &assignment.scope))
    }

    /// The roles that the principal has there, in order of id, each once; whoever is the
    /// administrator needs none.
    pub(crate) fn roles_of(&self, principal: &Principal, scope: &Scope) -> Vec<&Role> {
        let there = self.assignments_of(principal).filter(|one| one.scope.contains(scope));
        let roles = there.filter_map(|one| Some((one.role, self.roles.by_id(one.role)?)));
        roles.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// Whether the principal has any role on the subscription, or on anything in it.
    pub(crate) fn has_role_within(&self, principal: &Principal, id: SubscriptionId) -> bool {
        principal.is_administrator
            || self
                .assignments_of(principal)
                .any(|assignment| assignment.scope.subscription() == id)
    }

    fn assignments_of<'a>(
        &'a self,
        principal: &'a Principal,
    ) -> impl Iterator<Item = &'a RoleAssignment> {
        let ids = std::iter::once(&principal.object_id).chain(&principal.groups);
        ids.filter_map(|id| self.assignments.get(id)).flatten().map(Arc::as_ref)
    }
}

fn price_key(key: &RateCardKey) -> PriceKey {
    (key.offer.clone(), key.currency.clone(), key.region.clone())
}
