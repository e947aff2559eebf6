//! The resource groups of a subscription: those that its usage names, for nobody makes them here.
//!
//! [`resource_groups`] is the plain definition, over records in any order. Engines that read the
//! ledger in other ways must answer the same. What came first never changes, so groups known of one
//! state of the ledger are gone on from with the records after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::SubscriptionId;
use crate::record::{Commit, StoredRecord};

/// Most characters of a resource group's name.
///
/// Source: Azure Resource Manager, resource name rules, `resourcegroups`.
pub const NAME_CHARS_MAX: usize = 90;
/// Most characters of a location: a longer text is none.
pub const LOCATION_CHARS_MAX: usize = 90;

/// A resource group that usage names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroup {
    name: First,
    location: Option<First>,
}

/// The text of the earliest commit; of several in one commit the least, so that order does not matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct First {
    commit: Commit,
    text: Arc<str>,
}

/// Resource groups by their names, whose case does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceGroups(BTreeMap<String, ResourceGroup>);

impl ResourceGroup {
    /// Its name, as usage spelled it first.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name.text
    }

    /// Where the first of its resources is whose usage says so: a group stays where it was made.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_ref().map(|first| &*first.text)
    }
}

impl First {
    fn is_after(&self, commit: Commit, text: &str) -> bool {
        (commit, text) < (self.commit, &self.text)
    }

    fn new(commit: Commit, text: &str) -> Self {
        Self { commit, text: text.into() }
    }
}

impl ResourceGroups {
    /// Adds what a record says: the group in its resource URI, if that is a name that a group can
    /// have, and the location of its resource.
    pub fn add(&mut self, resource_uri: &str, location: Option<&str>, commit: Commit) {
        self.add_up_to(usize::MAX, resource_uri, location, commit);
    }

    /// The same, where there may be at most `most` groups: false, with nothing changed, if the record
    /// names one more. Those that there are stay right in name and location.
    pub fn add_up_to(
        &mut self,
        most: usize,
        resource_uri: &str,
        location: Option<&str>,
        commit: Commit,
    ) -> bool {
        let Some(name) = named_in(resource_uri).filter(|name| is_resource_group(name)) else {
            return true;
        };
        let folded = name.to_lowercase();
        if self.0.len() >= most && !self.0.contains_key(&folded) {
            return false;
        }
        let group = self
            .0
            .entry(folded)
            .or_insert_with(|| ResourceGroup { name: First::new(commit, name), location: None });
        if group.name.is_after(commit, name) {
            group.name = First::new(commit, name);
        }
        let Some(location) = location.filter(|text| is_location(text)) else { return true };
        if group.location.as_ref().is_none_or(|known| known.is_after(commit, location)) {
            group.location = Some(First::new(commit, location));
        }
        true
    }

    /// The groups with their names in lower case, in order of these.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ResourceGroup)> {
        self.0.iter().map(|(folded, group)| (folded.as_str(), group))
    }

    /// The group of this name, in any case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&ResourceGroup> {
        self.0.get(&name.to_lowercase())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The resource groups that the records of a subscription name.
#[must_use]
pub fn resource_groups<'a>(
    records: impl IntoIterator<Item = &'a StoredRecord>,
    subscription: SubscriptionId,
) -> ResourceGroups {
    let mut groups = ResourceGroups::default();
    let all = records.into_iter();
    for stored in all.filter(|stored| stored.record.subscription == subscription) {
        let instance = &stored.record.instance;
        if let Some(uri) = &instance.resource_uri {
            groups.add(uri, instance.location.as_deref(), stored.commit);
        }
    }
    groups
}

/// The resource group that a resource URI names, as written there.
#[must_use]
pub fn named_in(resource_uri: &str) -> Option<&str> {
    scope_in(resource_uri)?.rsplit('/').next()
}

/// A resource URI up to and with the resource group that it names; none if it names none.
#[must_use]
pub fn scope_in(resource_uri: &str) -> Option<&str> {
    let mut segments = resource_uri.split_inclusive('/');
    let mut length = 0;
    let is_before_group = |segment: &&str| {
        length += segment.len();
        segment.trim_end_matches('/').eq_ignore_ascii_case("resourceGroups")
    };
    segments.find(is_before_group)?;
    let group = segments.next()?.trim_end_matches('/');
    (!group.is_empty()).then(|| &resource_uri[..length + group.len()])
}

/// Whether a resource group may have this name.
#[must_use]
pub fn is_resource_group(name: &str) -> bool {
    let allowed = |character: char| character.is_alphanumeric() || "-_.()".contains(character);
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    fits && !name.ends_with('.') && name.chars().all(allowed)
}

fn is_location(text: &str) -> bool {
    (1..=LOCATION_CHARS_MAX).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds records as `commit group location`, `-` for none, forwards and backwards.
    fn check(records: &[&str], expected: &[&str]) {
        let groups = |records: &mut dyn Iterator<Item = &&str>| {
            let mut groups = ResourceGroups::default();
            for record in records {
                let words: Vec<_> = record.split(' ').collect();
                let uri = format!("/subscriptions/s/resourcegroups/{}/providers/p/t/r", words[1]);
                let location = Some(words[2]).filter(|location| *location != "-");
                groups.add(&uri, location, Commit(words[0].parse().unwrap()));
            }
            groups
        };
        let forward = groups(&mut records.iter());
        assert_eq!(forward, groups(&mut records.iter().rev()), "order does not matter");
        let shown = forward.iter().map(|(folded, group)| {
            format!("{folded} {} {}", group.name(), group.location().unwrap_or("-"))
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        for (folded, group) in forward.iter() {
            assert_eq!(forward.find(&folded.to_uppercase()), Some(group));
        }
    }

    #[test]
    fn a_group_has_the_name_and_location_that_came_first() {
        check(
            &["2 WEB westus", "1 Web -", "3 web eastus", "1 data eastus"],
            &["data data eastus", "web Web westus"],
        );
    }

    #[test]
    fn of_two_in_one_commit_the_least_text_counts() {
        check(&["1 web westus", "1 Web eastus"], &["web Web eastus"]);
    }

    #[test]
    fn where_there_is_no_room_those_that_there_are_stay_right() {
        let mut groups = ResourceGroups::default();
        let mut add = |group: &str, location, commit| {
            let uri = format!("/resourceGroups/{group}/x");
            groups.add_up_to(1, &uri, location, Commit(commit))
        };
        assert!(add("WEB", None, 2));
        assert!(!add("data", None, 1));
        assert!(add("web", Some("eastus"), 1));
        assert!(add("a!", None, 1), "names no group");
        assert_eq!((groups.len(), groups.find("data")), (1, None));
        let web = groups.find("web").unwrap();
        assert_eq!((web.name(), web.location()), ("web", Some("eastus")));
    }

    #[test]
    fn what_is_no_name_or_location_is_left_out() {
        let long = "l".repeat(91);
        check(
            &["1 a. x", "1 a!b x", &format!("1 {long} x"), &format!("1 b {long}"), "2 b c"],
            &["b b c"],
        );
        let mut groups = ResourceGroups::default();
        for none in
            ["", "vm1", "/subscriptions/s", "/subscriptions/s/resourceGroups", "/resourceGroups/"]
        {
            groups.add(none, Some("eastus"), Commit(1));
        }
        assert!(groups.is_empty());
    }
}
