//! The resource groups of subscriptions: those that usage names and those that tags were set for, with
//! their tags of today.
//!
//! Those of usage are kept in memory, and gone on from where the ledger has more rows: a group
//! that was named once stays named.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::ResourceGroupTags;
use domain::id::SubscriptionId;
use domain::record::Tags;
use domain::time::Date;
use ledger::GroupsAsOf;

use crate::app::App;
use crate::error::ApiError;
use crate::limits;

/// A resource group.
#[derive(Debug, Clone)]
pub(crate) struct ResourceGroup {
    pub(crate) name: String,
    /// None where usage does not say.
    pub(crate) location: Option<String>,
    pub(crate) tags: Tags,
}

/// The resource groups of a subscription before they are put together.
#[derive(Debug)]
pub(crate) struct Unmerged {
    used: Arc<GroupsAsOf>,
    tags: Vec<ResourceGroupTags>,
    today: Date,
}

impl App {
    /// The resource groups of a subscription, of which there may be [`limits::RESOURCE_GROUPS`] that
    /// usage names.
    pub(crate) async fn resource_groups(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Unmerged, ApiError> {
        let groups = self.unmerged_groups(subscription).await?;
        if groups.used.more() { Err(too_many()) } else { Ok(groups) }
    }

    /// The resource group of this name, in any case.
    pub(crate) async fn resource_group(
        &self,
        subscription: SubscriptionId,
        name: &str,
    ) -> Result<Option<ResourceGroup>, ApiError> {
        self.unmerged_groups(subscription).await?.find(name)
    }

    async fn unmerged_groups(&self, subscription: SubscriptionId) -> Result<Unmerged, ApiError> {
        let used = self.groups_of_usage(subscription).await?;
        let revision = self.directory().revision;
        let tags = self.accounts.resource_group_tags(subscription, revision).await;
        let tags = tags.map_err(|error| ApiError::internal("reading tags", &error))?;
        Ok(Unmerged { used, tags, today: (self.clock)().date() })
    }

    async fn groups_of_usage(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Arc<GroupsAsOf>, ApiError> {
        let failed = |error| ApiError::internal("reading resource groups", &error);
        let read = async |known| {
            let snapshot = self.ledger.snapshot(None).await.map_err(failed)?;
            let most = limits::RESOURCE_GROUPS;
            snapshot.resource_groups(subscription, known, most).await.map_err(failed)
        };
        self.known_groups.go_on(subscription, read).await
    }
}

impl Unmerged {
    /// All of them, by their names in lower case. They may be many: not for a thread that waits.
    pub(crate) fn all(self) -> BTreeMap<String, ResourceGroup> {
        let mut tags = today(self.tags, self.today);
        let mut groups = BTreeMap::new();
        for (folded, group) in self.used.groups().iter() {
            groups.insert(folded.to_owned(), used(group, tags.remove(folded)));
        }
        groups.extend(tags.into_iter().map(|(name, tags)| (name.clone(), tagged(name, tags))));
        groups
    }

    /// The one of this name, in any case. Where usage names too many, those that are known are found,
    /// and of others it cannot be said whether they are there.
    fn find(mut self, name: &str) -> Result<Option<ResourceGroup>, ApiError> {
        let folded = name.to_lowercase();
        self.tags.retain(|entry| entry.group == folded);
        let tags = today(self.tags, self.today).remove(&folded);
        match self.used.groups().find(&folded) {
            Some(group) => Ok(Some(used(group, tags))),
            None if self.used.more() => Err(too_many()),
            None => Ok(tags.map(|tags| tagged(folded, tags))),
        }
    }
}

fn too_many() -> ApiError {
    let most = limits::RESOURCE_GROUPS;
    ApiError::TooMuch(format!("usage of the subscription names more than {most} resource groups"))
}

fn used(group: &domain::resource_groups::ResourceGroup, tags: Option<Tags>) -> ResourceGroup {
    ResourceGroup {
        name: group.name().to_owned(),
        location: group.location().map(str::to_owned),
        tags: tags.unwrap_or_default(),
    }
}

fn tagged(name: String, tags: Tags) -> ResourceGroup {
    ResourceGroup { name, location: None, tags }
}

/// The tags of a day of every resource group that any were set for, by its name in lower case. They
/// stand in order of day and revision: the last that holds counts.
fn today(stored: Vec<ResourceGroupTags>, today: Date) -> BTreeMap<String, Tags> {
    let mut tags: BTreeMap<String, Tags> = BTreeMap::new();
    for entry in stored {
        let of_group = tags.entry(entry.group).or_default();
        if entry.effective <= today {
            *of_group = entry.tags;
        }
    }
    tags
}
