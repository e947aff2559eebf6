//! The resource groups of subscriptions: those that usage names and those that tags were set for, with
//! their tags of today.
//!
//! Those of usage are kept in memory, and gone on from where the ledger has more rows: a group
//! that was named once stays named.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::record::Tags;
use ledger::GroupsAsOf;
use tokio::sync::Mutex;

use crate::app::App;
use crate::error::ApiError;
use crate::kept::Kept;
use crate::limits;

/// What is known of the resource groups that usage names. Whoever asks for those of a subscription
/// waits for whoever reads them, as there is then little left to read.
#[derive(Debug)]
pub(crate) struct KnownGroups(Kept<SubscriptionId, Mutex<Option<Arc<GroupsAsOf>>>>);

impl Default for KnownGroups {
    fn default() -> Self {
        Self(Kept::new(limits::RESOURCE_GROUPS_IN_MEMORY))
    }
}

/// A resource group.
#[derive(Debug, Clone)]
pub(crate) struct ResourceGroup {
    pub(crate) name: String,
    /// None where usage does not say.
    pub(crate) location: Option<String>,
    pub(crate) tags: Tags,
}

impl App {
    /// The resource groups of a subscription, by their names in lower case.
    pub(crate) async fn resource_groups(
        &self,
        subscription: SubscriptionId,
    ) -> Result<BTreeMap<String, ResourceGroup>, ApiError> {
        let used = self.groups_of_usage(subscription).await?;
        let mut tags = self.tags_of_groups(subscription).await?;
        let mut groups = BTreeMap::new();
        for (folded, group) in used.groups.iter() {
            let group = ResourceGroup {
                name: group.name().to_owned(),
                location: group.location().map(str::to_owned),
                tags: tags.remove(folded).unwrap_or_default(),
            };
            groups.insert(folded.to_owned(), group);
        }
        let tagged = tags.into_iter().map(|(name, tags)| {
            let group = ResourceGroup { name: name.clone(), location: None, tags };
            (name, group)
        });
        groups.extend(tagged);
        Ok(groups)
    }

    async fn groups_of_usage(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Arc<GroupsAsOf>, ApiError> {
        let failed = |error| ApiError::internal("reading resource groups", &error);
        let slot = self.known_groups.0.get_or_make(subscription, async { Ok(Mutex::default()) });
        let slot = slot.await?;
        let mut known = slot.lock().await;
        let snapshot = self.ledger.snapshot(None).await.map_err(failed)?;
        let most = limits::RESOURCE_GROUPS;
        let read = snapshot.resource_groups(subscription, known.clone(), most).await;
        let read = read.map_err(failed)?.ok_or_else(|| {
            let reason =
                format!("usage of the subscription names more than {most} resource groups");
            ApiError::TooMuch(reason)
        })?;
        *known = Some(Arc::clone(&read));
        Ok(read)
    }

    /// The tags of today of every resource group that any were set for, by its name in lower case.
    async fn tags_of_groups(
        &self,
        subscription: SubscriptionId,
    ) -> Result<BTreeMap<String, Tags>, ApiError> {
        let revision = self.directory().revision;
        let stored = self.accounts.resource_group_tags(subscription, revision).await;
        let stored = stored.map_err(|error| ApiError::internal("reading tags", &error))?;
        let today = (self.clock)().date();
        let mut tags: BTreeMap<String, Tags> = BTreeMap::new();
        // In order of day and revision: the last that holds counts.
        for entry in stored {
            let of_group = tags.entry(entry.group).or_default();
            if entry.effective <= today {
                *of_group = entry.tags;
            }
        }
        Ok(tags)
    }
}
