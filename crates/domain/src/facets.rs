//! Which parts of an instance a question looks at. Instances that do not differ in them are one to it, and
//! whatever else there is of them need not be read.

use std::sync::Arc;

use crate::record::Instance;
use crate::resource_groups;

/// The parts that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facets {
    /// How much of the resource URI.
    pub resource: ResourceFacet,
    /// The location.
    pub location: bool,
    /// The tags.
    pub tags: bool,
    /// Everything else.
    pub rest: bool,
}

/// How much of a resource URI is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceFacet {
    /// Nothing.
    None,
    /// The resource group that it names.
    Group,
    /// All of it.
    Whole,
}

impl Facets {
    /// Nothing.
    pub const NONE: Self =
        Self { resource: ResourceFacet::None, location: false, tags: false, rest: false };
    /// Everything.
    pub const ALL: Self =
        Self { resource: ResourceFacet::Whole, location: true, tags: true, rest: true };

    /// What is looked at by one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            resource: self.resource.max(other.resource),
            location: self.location | other.location,
            tags: self.tags | other.tags,
            rest: self.rest | other.rest,
        }
    }

    /// As much of an instance as is looked at.
    #[must_use]
    pub fn of(self, instance: &Instance) -> Instance {
        let resource_uri = instance.resource_uri.as_deref();
        let resource_uri = resource_uri.and_then(|uri| self.resource.of(uri)).map(Arc::from);
        let mut seen = Instance { resource_uri, ..Instance::default() };
        if self.location {
            seen.location.clone_from(&instance.location);
        }
        if self.tags {
            seen.tags.clone_from(&instance.tags);
        }
        if self.rest {
            seen.additional_info.clone_from(&instance.additional_info);
            seen.part_number.clone_from(&instance.part_number);
            seen.order_number.clone_from(&instance.order_number);
            seen.info_fields.clone_from(&instance.info_fields);
        }
        seen
    }
}

impl ResourceFacet {
    /// As much of a resource URI as is looked at.
    #[must_use]
    pub fn of(self, resource_uri: &str) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Group => resource_groups::scope_in(resource_uri),
            Self::Whole => Some(resource_uri),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CanonicalJson, Tags};

    #[test]
    fn what_is_looked_at_is_left_of_an_instance() {
        let json = |text: &str| Some(CanonicalJson(text.into()));
        let whole = Instance {
            resource_uri: Some("/subscriptions/s/resourcegroups/Rg/providers/p/t/r".into()),
            location: Some("eastus".into()),
            tags: Tags::from([("a".into(), "b".into())]),
            additional_info: json("{}"),
            part_number: Some("1".into()),
            order_number: Some("2".into()),
            info_fields: json("[]"),
        };
        assert_eq!(Facets::ALL.of(&whole), whole);
        assert_eq!(Facets::NONE.of(&whole), Instance::default());
        let group = Facets { resource: ResourceFacet::Group, ..Facets::NONE };
        let of_group = group.of(&whole);
        assert_eq!(of_group.resource_uri.as_deref(), Some("/subscriptions/s/resourcegroups/Rg"));
        assert_eq!(of_group.resource_group(), whole.resource_group());
        let parts = [
            Facets { resource: ResourceFacet::Whole, ..Facets::NONE },
            Facets { location: true, ..group },
            Facets { tags: true, ..Facets::NONE },
            Facets { rest: true, ..Facets::NONE },
        ];
        assert_eq!(parts.into_iter().fold(Facets::NONE, Facets::or), Facets::ALL);
    }

    #[test]
    fn a_resource_without_a_group_has_none_to_look_at() {
        for uri in ["", "/", "/subscriptions/s", "/resourceGroups/", "/resourceGroups//x", "group"]
        {
            assert_eq!(ResourceFacet::Group.of(uri), None, "{uri}");
            assert_eq!(ResourceFacet::Whole.of(uri), Some(uri));
        }
        for uri in ["/resourceGroups/a", "resourceGroups/a/", "/RESOURCEGROUPS/a/resourceGroups/b"]
        {
            let cut = ResourceFacet::Group.of(uri).unwrap();
            assert_eq!(resource_groups::named_in(cut), resource_groups::named_in(uri), "{uri}");
            assert!(uri.starts_with(cut) && cut.ends_with('a'), "{cut}");
        }
    }
}
