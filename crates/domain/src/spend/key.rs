//! What spend is grouped and filtered by, and how a row's key is found.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facets::{Facets, ResourceFacet};
use crate::id::MeterId;
use crate::record::{Instance, MeterDescription, Tags};
use crate::region;
use crate::time::{Date, UtcTime};

/// A property of usage that spend can be grouped and filtered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// The meter.
    Meter,
    /// The meter's category, from the rate card, else from the record.
    Category,
    /// The meter's subcategory.
    Subcategory,
    /// The meter's region by its display name, such as `East US`, however the rate card spells it;
    /// what is no region, such as `Zone 1`, as the card has it.
    Region,
    /// The resource, by its URI in lower case.
    Resource,
    /// The resource group, in lower case.
    ResourceGroup,
    /// The resource's location in ARM's spelling, such as `eastus`.
    Location,
    /// The value of the tag of this name, which is compared without case.
    Tag(String),
}

impl Dimension {
    /// Whether the other one is the same: tags' names are compared without case.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tag(name), Self::Tag(other)) => name.eq_ignore_ascii_case(other),
            _ => self == other,
        }
    }

    /// Whether it is a property of the meter.
    pub(super) fn is_of_meter(&self) -> bool {
        self.facets() == Facets::NONE
    }

    /// What of instances it is a property of.
    pub(super) fn facets(&self) -> Facets {
        match self {
            Self::Meter | Self::Category | Self::Subcategory | Self::Region => Facets::NONE,
            Self::Resource => Facets { resource: ResourceFacet::Whole, ..Facets::NONE },
            Self::ResourceGroup => Facets { resource: ResourceFacet::Group, ..Facets::NONE },
            Self::Location => Facets { location: true, ..Facets::NONE },
            Self::Tag(_) => Facets { tags: true, ..Facets::NONE },
        }
    }

    /// A value as it is compared: without case, regions in whatever spelling.
    fn canonical(&self, value: &str) -> String {
        let is_place = matches!(self, Self::Region | Self::Location);
        match region::find(value).filter(|_| is_place) {
            Some(region) => region.id.to_owned(),
            None => value.to_lowercase(),
        }
    }
}

/// Size of the steps of time that spend is shown by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Hours of UTC.
    Hour,
    /// Days of UTC.
    Day,
    /// Calendar months of UTC.
    Month,
}

impl Step {
    pub(super) fn start_of(self, time: UtcTime) -> UtcTime {
        match self {
            Self::Hour => time.hour_start(),
            Self::Day => time.day_start(),
            Self::Month => time.date().month().first_day().start(),
        }
    }
}

/// Takes usage whose dimension has one of these values; none is usage that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The property.
    pub dimension: Dimension,
    /// The values, compared without case.
    pub values: Vec<Option<String>>,
}

/// Tags of resource groups, which their resources inherit where they have no tag of the name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceGroupTags {
    /// By the group's name in lower case: from which day on which tags apply, in order of days.
    pub groups: BTreeMap<String, Vec<(Date, Tags)>>,
}

impl ResourceGroupTags {
    /// The value of a group's tag on a day; the tag's name is compared without case.
    fn tag(&self, group: &str, name: &str, day: Date) -> Option<&Arc<str>> {
        let changes = self.groups.get(&group.to_lowercase())?;
        let (_, tags) = changes.iter().rfind(|(from, _)| *from <= day)?;
        let found = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// A value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct KeyPart {
    /// The value; none for usage that has none: untagged, without an instance, without a category.
    pub value: Option<Arc<str>>,
    /// Whether a tag's value is that of the resource group.
    pub is_inherited: bool,
}

/// What names a group: a step of time and a value of each dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GroupKey {
    /// First moment of the step; none where spend is not shown by steps.
    pub start: Option<UtcTime>,
    /// A value of each dimension, in the order asked for.
    pub parts: Vec<KeyPart>,
}

/// What a row's values are found in.
pub(super) struct Row<'a> {
    pub(super) meter: MeterId,
    pub(super) description: &'a MeterDescription,
    pub(super) instance: &'a Instance,
    pub(super) day: Date,
    pub(super) inherited: Option<&'a ResourceGroupTags>,
}

impl Row<'_> {
    pub(super) fn part(&self, dimension: &Dimension) -> KeyPart {
        let folded = |text: &str| Arc::from(text.to_lowercase());
        let present = |text: &Option<Arc<str>>| text.clone().filter(|text| !text.is_empty());
        let value = match dimension {
            Dimension::Meter => Some(Arc::from(self.meter.to_string())),
            Dimension::Category => present(&self.description.category),
            Dimension::Subcategory => present(&self.description.subcategory),
            Dimension::Region => present(&self.description.region)
                .map(|text| region::find(&text).map_or(text, |region| Arc::from(region.name))),
            Dimension::Resource => self.instance.resource_uri.as_deref().map(folded),
            Dimension::ResourceGroup => self.instance.resource_group().map(folded),
            Dimension::Location => present(&self.instance.location).map(|text| {
                region::find(&text).map_or_else(|| folded(&text), |region| Arc::from(region.id))
            }),
            Dimension::Tag(name) => return self.tag(name),
        };
        KeyPart { value, is_inherited: false }
    }

    fn tag(&self, name: &str) -> KeyPart {
        if let Some(value) = self.instance.tag(name) {
            return KeyPart { value: Some(Arc::from(value)), is_inherited: false };
        }
        let inherited = self.inherited.zip(self.instance.resource_group());
        let value = inherited.and_then(|(tags, group)| tags.tag(group, name, self.day));
        KeyPart { value: value.cloned(), is_inherited: value.is_some() }
    }

    pub(super) fn passes(&self, filters: &[Filter]) -> bool {
        filters.iter().all(|filter| {
            let part = self.part(&filter.dimension);
            let value = part.value.as_deref().map(|value| filter.dimension.canonical(value));
            filter.values.iter().any(|wanted| {
                wanted.as_deref().map(|wanted| filter.dimension.canonical(wanted)) == value
            })
        })
    }
}
