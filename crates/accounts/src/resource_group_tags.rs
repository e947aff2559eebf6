//! Tags of resource groups on file, which rows inherit when asked for.

use std::collections::BTreeSet;
use std::fmt;

use domain::id::SubscriptionId;
use domain::record::Tags;
use domain::resource_groups::is_resource_group;
use domain::time::{Date, UtcTime};
use sqlx::SqliteConnection;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::{TAG_NAME_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGGED_GROUPS_MAX, TAGS_MAX};
use crate::store::{Accounts, Revision, Stored, stored};
use crate::subscriptions::subscription_exists;

/// The tags of a resource group from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroupTags {
    /// The group's name, in lower case.
    pub group: String,
    /// The first day on which it has them.
    pub effective: Date,
    /// All its tags; empty if it has none.
    pub tags: Tags,
    /// The revision that they came with.
    pub revision: Revision,
}

/// Why tags were not set.
#[derive(Debug)]
pub enum SetResourceGroupTagsError {
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// No resource group can have this name.
    Group(String),
    /// There are more than 50 tags: so many.
    TooManyTags(usize),
    /// The tag's name is empty, has more than 512 characters or a control character.
    TagName(String),
    /// The value of this tag has more than 256 characters.
    TagValue(String),
    /// Two names differ in case alone, which no other part would tell apart; this is one of them.
    TagTwice(String),
    /// As many resource groups of this subscription as may have tags, and this is another.
    TooMany(SubscriptionId),
    /// The accounts file failed.
    Storage(StorageError),
}

impl Accounts {
    /// Sets the tags of a resource group from a day on, in the place of all that it had.
    ///
    /// # Errors
    /// [`SetResourceGroupTagsError`] if there is no such subscription, the group's name or a tag is
    /// wrong, or the file fails.
    pub async fn set_resource_group_tags(
        &self,
        subscription: SubscriptionId,
        group: &str,
        tags: Tags,
        effective: Date,
        by: &str,
        now: UtcTime,
    ) -> Result<ResourceGroupTags, SetResourceGroupTagsError> {
        if !is_resource_group(group) {
            return Err(SetResourceGroupTagsError::Group(group.chars().take(100).collect()));
        }
        check_tags(&tags)?;
        let group = group.to_lowercase();
        let mut change = self.begin(now).await?;
        if !subscription_exists(&mut change, subscription).await? {
            return Err(SetResourceGroupTagsError::NoSuchSubscription(subscription));
        }
        let others = tagged_groups_beside(&mut change, subscription, &group).await?;
        if !tags.is_empty() && others >= stored(TAGGED_GROUPS_MAX) {
            return Err(SetResourceGroupTagsError::TooMany(subscription));
        }
        let action =
            format!("tag resource group {group} of subscription {subscription} from {effective}");
        let mut entry = Entry::new("resourceGroups/write", &group)
            .of_subscription(subscription)
            .new_fact("effective", effective);
        let before = tags_on(&mut change, subscription, &group, effective).await?;
        let names: BTreeSet<_> = before.keys().chain(tags.keys()).collect();
        for name in names {
            entry = entry.fact(format!("tag {name}"), before.get(name), tags.get(name));
        }
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        let set = ResourceGroupTags { group, effective, tags, revision };
        insert_tags(&mut change, subscription, &set).await?;
        change.commit().await?;
        Ok(set)
    }

    /// The tags of every resource group of a subscription as of a revision, in order of group,
    /// effective day and revision: a group's tags on a day are the last with a day not after it.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn resource_group_tags(
        &self,
        subscription: SubscriptionId,
        as_of: Revision,
    ) -> Result<Vec<ResourceGroupTags>, StorageError> {
        let rows = sqlx::query(
            "SELECT resource_group_tags.*, name, value
             FROM resource_group_tags LEFT JOIN resource_group_tag USING (revision)
             WHERE subscription = ? AND revision <= ?
             ORDER BY resource_group, effective_day, revision, name",
        );
        let rows = rows.bind(subscription.to_string()).bind(stored(as_of.0));
        let mut all: Vec<ResourceGroupTags> = Vec::new();
        for row in &rows.fetch_all(&self.reader).await? {
            let row = Stored::new("resource_group_tags", row);
            let revision = Revision(row.count("revision")?);
            if all.last().is_none_or(|last| last.revision != revision) {
                let group = row.text("resource_group")?.to_owned();
                let effective = row.date("effective_day")?;
                all.push(ResourceGroupTags { group, effective, tags: Tags::new(), revision });
            }
            let (Some(name), Some(last)) = (row.optional("name", Stored::text)?, all.last_mut())
            else {
                continue;
            };
            last.tags.insert(name.into(), row.text("value")?.into());
        }
        Ok(all)
    }
}

/// The tags of a group that hold on a day.
async fn tags_on(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
    group: &str,
    day: Date,
) -> Result<Tags, StorageError> {
    let rows = sqlx::query(
        "SELECT name, value FROM resource_group_tag WHERE revision =
             (SELECT revision FROM resource_group_tags
              WHERE subscription = ? AND resource_group = ? AND effective_day <= ?
              ORDER BY effective_day DESC, revision DESC LIMIT 1)",
    );
    let rows = rows.bind(subscription.to_string()).bind(group).bind(i64::from(day.to_days()));
    let mut tags = Tags::new();
    for row in &rows.fetch_all(connection).await? {
        let row = Stored::new("resource_group_tag", row);
        tags.insert(row.text("name")?.into(), row.text("value")?.into());
    }
    Ok(tags)
}

/// Takes all tags of a subscription's resource groups away, as of every revision, and what the audit
/// log says of them: of each change there remains that it set tags, and how many. An erasure of all
/// of the subscription has to be on file.
pub(crate) async fn erase_tags(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
) -> Result<(), StorageError> {
    let id = subscription.to_string();
    // In this order: what the audit log says is found by the rows that go last.
    for statement in [
        "UPDATE audit_fact SET name = 'tag', before = iif(before IS NULL, NULL, 'erased'),
             after = iif(after IS NULL, NULL, 'erased')
         WHERE substr(name, 1, 4) = 'tag '
             AND revision IN (SELECT revision FROM resource_group_tags WHERE subscription = ?)",
        "UPDATE audit_entry SET object = 'erased'
         WHERE revision IN (SELECT revision FROM resource_group_tags WHERE subscription = ?)",
        "UPDATE revision SET action = 'tag a resource group, which was erased'
         WHERE number IN (SELECT revision FROM resource_group_tags WHERE subscription = ?)",
        "DELETE FROM resource_group_tag
         WHERE revision IN (SELECT revision FROM resource_group_tags WHERE subscription = ?)",
        "DELETE FROM resource_group_tags WHERE subscription = ?",
    ] {
        sqlx::query(statement).bind(&id).execute(&mut *connection).await?;
    }
    Ok(())
}

fn check_tags(tags: &Tags) -> Result<(), SetResourceGroupTagsError> {
    if tags.len() > TAGS_MAX {
        return Err(SetResourceGroupTagsError::TooManyTags(tags.len()));
    }
    for (name, value) in tags {
        let named = || name.chars().take(100).collect();
        let fits = (1..=TAG_NAME_CHARS_MAX).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(SetResourceGroupTagsError::TagName(named()));
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            return Err(SetResourceGroupTagsError::TagValue(named()));
        }
        let same = tags.keys().filter(|other| other.eq_ignore_ascii_case(name));
        if same.count() > 1 {
            return Err(SetResourceGroupTagsError::TagTwice(named()));
        }
    }
    Ok(())
}

/// How many other groups have tags by what was said of them last.
async fn tagged_groups_beside(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
    group: &str,
) -> Result<i64, StorageError> {
    let count = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM
             (SELECT max(revision) AS last FROM resource_group_tags
              WHERE subscription = ? AND resource_group <> ? GROUP BY resource_group)
         WHERE EXISTS (SELECT 1 FROM resource_group_tag WHERE revision = last)",
    );
    Ok(count.bind(subscription.to_string()).bind(group).fetch_one(connection).await?)
}

async fn insert_tags(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
    set: &ResourceGroupTags,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO resource_group_tags (revision, subscription, resource_group, effective_day)
         VALUES (?, ?, ?, ?)",
    )
    .bind(stored(set.revision.0))
    .bind(subscription.to_string())
    .bind(&set.group)
    .bind(i64::from(set.effective.to_days()))
    .execute(&mut *connection)
    .await?;
    for (name, value) in &set.tags {
        sqlx::query("INSERT INTO resource_group_tag (revision, name, value) VALUES (?, ?, ?)")
            .bind(stored(set.revision.0))
            .bind(name.as_ref())
            .bind(value.as_ref())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl fmt::Display for SetResourceGroupTagsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::Group(name) => write!(f, "'{name}' is no name of a resource group"),
            Self::TooManyTags(count) => {
                write!(f, "a resource group has at most {TAGS_MAX} tags, not {count}")
            }
            Self::TagName(name) => write!(
                f,
                "tag name '{name}' does not have 1 to {TAG_NAME_CHARS_MAX} characters, \
                 none of them a control character"
            ),
            Self::TagValue(name) => write!(
                f,
                "the value of tag '{name}' has more than {TAG_VALUE_CHARS_MAX} characters"
            ),
            Self::TagTwice(name) => write!(f, "tag '{name}' is given twice"),
            Self::TooMany(id) => write!(
                f,
                "subscription {id} has {TAGGED_GROUPS_MAX} resource groups with tags, its most"
            ),
            Self::Storage(_) => f.write_str("tags of a resource group were not set"),
        }
    }
}

impl std::error::Error for SetResourceGroupTagsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoSuchSubscription(_)
            | Self::Group(_)
            | Self::TooManyTags(_)
            | Self::TagName(_)
            | Self::TagValue(_)
            | Self::TagTwice(_)
            | Self::TooMany(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(SetResourceGroupTagsError);
