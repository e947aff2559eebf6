//! A stored row as its texts lie in memory: the one shape in which the journal's tail and the data
//! files are read, so that every reader treats both alike.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use domain::decimal::Quantity;
use domain::facets::{Facets, ResourceFacet};
use domain::id::{
    ContentHash, Currency, EventId, InstanceHash, MeterId, RecordId, Source, SubscriptionId,
};
use domain::record::{
    Billed, CanonicalJson, Commit, Instance, MeterDescription, StoredRecord, Tags, UsageRecord,
    Window,
};
use domain::time::{ReportedTime, UtcTime};
use foldhash::fast::RandomState;
use serde::Serializer;

/// A text of a record; the number is its place in [`TEXTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    MeterName,
    MeterCategory,
    MeterSubcategory,
    MeterRegion,
    Unit,
    ResourceUri,
    Location,
    Tags,
    AdditionalInfo,
    PartNumber,
    OrderNumber,
    InfoFields,
    Source,
    EventId,
    BillingCurrency,
    ChargeCategory,
}

/// How many texts a record has.
pub(crate) const TEXT_COUNT: usize = 16;

/// Every text with the name of its column and its tag in the journal, in ascending order of tags.
pub(crate) const TEXTS: [(Text, &str, u8); TEXT_COUNT] = [
    (Text::MeterName, "meter_name", 5),
    (Text::MeterCategory, "meter_category", 6),
    (Text::MeterSubcategory, "meter_subcategory", 7),
    (Text::MeterRegion, "meter_region", 8),
    (Text::Unit, "unit", 9),
    (Text::ResourceUri, "resource_uri", 20),
    (Text::Location, "location", 21),
    (Text::Tags, "tags", 22),
    (Text::AdditionalInfo, "additional_info", 24),
    (Text::PartNumber, "part_number", 25),
    (Text::OrderNumber, "order_number", 26),
    (Text::InfoFields, "info_fields", 27),
    (Text::Source, "source", 30),
    (Text::EventId, "event_id", 31),
    (Text::BillingCurrency, "billing_currency", 42),
    (Text::ChargeCategory, "charge_category", 43),
];

/// The columns of the texts that describe a meter.
pub(crate) const DESCRIPTION: [&str; 5] =
    ["meter_name", "meter_category", "meter_subcategory", "meter_region", "unit"];

/// The texts of an instance, in their order.
pub(crate) const INSTANCE_TEXTS: [Text; 7] = [
    Text::ResourceUri,
    Text::Location,
    Text::Tags,
    Text::AdditionalInfo,
    Text::PartNumber,
    Text::OrderNumber,
    Text::InfoFields,
];

/// The columns of the texts of an instance that are looked at.
pub(crate) fn instance_columns(facets: Facets) -> impl Iterator<Item = &'static str> {
    INSTANCE_TEXTS.into_iter().filter(move |text| text.is_of(facets)).map(Text::column)
}

impl Text {
    /// Its column.
    pub(crate) const fn column(self) -> &'static str {
        TEXTS[self as usize].1
    }

    /// Its tag in the journal.
    pub(crate) const fn tag(self) -> u8 {
        TEXTS[self as usize].2
    }

    /// Whether a text of an instance is looked at, or a part of it.
    fn is_of(self, facets: Facets) -> bool {
        match self {
            Self::ResourceUri => facets.resource != ResourceFacet::None,
            Self::Location => facets.location,
            Self::Tags => facets.tags,
            _ => facets.rest,
        }
    }

    /// As much of a text of an instance as is looked at.
    pub(crate) fn seen(self, text: &str, facets: Facets) -> Option<&str> {
        match self {
            Self::ResourceUri => facets.resource.of(text),
            _ => Some(text).filter(|_| self.is_of(facets)),
        }
    }
}

/// The texts of one row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Texts<'a>([Option<&'a str>; TEXT_COUNT]);

impl<'a> Texts<'a> {
    pub(crate) fn get(&self, text: Text) -> Option<&'a str> {
        self.0[text as usize]
    }

    pub(crate) fn set(&mut self, text: Text, value: Option<&'a str>) {
        self.0[text as usize] = value;
    }

    /// What the source called the meter, in the order in which descriptions compare.
    pub(crate) fn description(&self) -> [Option<&'a str>; 5] {
        [self.0[0], self.0[1], self.0[2], self.0[3], self.0[4]]
    }
}

/// A stored row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) subscription: SubscriptionId,
    pub(crate) reported: ReportedTime,
    pub(crate) window: Window,
    pub(crate) meter: MeterId,
    pub(crate) quantity: Quantity,
    pub(crate) instance_hash: InstanceHash,
    pub(crate) commit: Commit,
    pub(crate) commit_time: UtcTime,
    pub(crate) texts: Texts<'a>,
    pub(crate) unit_block: Option<Quantity>,
    pub(crate) billed_cost: Option<Quantity>,
    pub(crate) reverses: Option<RecordId>,
    /// Hash of the content as it was sent, if the row was erased since.
    pub(crate) erased: Option<ContentHash>,
}

impl Row<'_> {
    /// Without what an export says of the charge and what it takes back: the columns that a reader
    /// for rating leaves out, so that a row is the same from the tail and from a file.
    pub(crate) fn for_rating(mut self) -> Self {
        self.texts.set(Text::BillingCurrency, None);
        self.texts.set(Text::ChargeCategory, None);
        Self { unit_block: None, billed_cost: None, reverses: None, ..self }
    }
}

/// Stored bytes are not a record: what was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Makes each distinct text, source and instance once while rows become records.
#[derive(Default)]
pub(crate) struct Interner {
    texts: HashSet<Arc<str>, RandomState>,
    sources: HashMap<Box<str>, Source, RandomState>,
    instances: HashMap<InstanceHash, Arc<Instance>, RandomState>,
}

impl Interner {
    /// The row as a record of the domain.
    pub(crate) fn stored(&mut self, row: &Row<'_>) -> Result<StoredRecord, Malformed> {
        let texts = &row.texts;
        let event_id = texts.get(Text::EventId).ok_or(Malformed("no event id"))?;
        let currency = texts.get(Text::BillingCurrency).map(Currency::parse).transpose();
        let record = UsageRecord {
            subscription: row.subscription,
            window: row.window,
            meter: row.meter,
            description: self.description(texts.description()),
            quantity: row.quantity,
            instance: self.instance(row)?,
            source: self.source(texts.get(Text::Source).ok_or(Malformed("no source"))?)?,
            event_id: EventId::parse(event_id).map_err(|_| Malformed("event id"))?,
            billed: Billed {
                unit_block: row.unit_block,
                cost: row.billed_cost,
                currency: currency.map_err(|_| Malformed("billing currency"))?,
                charge_category: self.text(texts.get(Text::ChargeCategory)),
            },
            reverses: row.reverses,
        };
        let Row { instance_hash, reported, commit, erased, .. } = *row;
        Ok(StoredRecord { record, instance_hash, reported, commit, erased })
    }

    /// The meter description of these texts.
    pub(crate) fn description(&mut self, texts: [Option<&str>; 5]) -> MeterDescription {
        let [name, category, subcategory, region, unit] = texts.map(|text| self.text(text));
        MeterDescription { name, category, subcategory, region, unit }
    }

    /// The row's instance.
    pub(crate) fn instance(&mut self, row: &Row<'_>) -> Result<Arc<Instance>, Malformed> {
        if let Some(known) = self.instances.get(&row.instance_hash) {
            return Ok(Arc::clone(known));
        }
        let instance = Arc::new(self.new_instance(&row.texts)?);
        self.instances.insert(row.instance_hash, Arc::clone(&instance));
        Ok(instance)
    }

    /// The instance of these texts.
    pub(crate) fn new_instance(&mut self, texts: &Texts<'_>) -> Result<Instance, Malformed> {
        let json = |text: Option<&str>| text.map(|text| CanonicalJson(text.into()));
        Ok(Instance {
            resource_uri: self.text(texts.get(Text::ResourceUri)),
            location: self.text(texts.get(Text::Location)),
            tags: texts.get(Text::Tags).map(parse_tags).transpose()?.unwrap_or_default(),
            additional_info: json(texts.get(Text::AdditionalInfo)),
            part_number: self.text(texts.get(Text::PartNumber)),
            order_number: self.text(texts.get(Text::OrderNumber)),
            info_fields: json(texts.get(Text::InfoFields)),
        })
    }

    fn text(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        let text = text?;
        if let Some(known) = self.texts.get(text) {
            return Some(Arc::clone(known));
        }
        let made: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&made));
        Some(made)
    }

    fn source(&mut self, text: &str) -> Result<Source, Malformed> {
        if let Some(known) = self.sources.get(text) {
            return Ok(known.clone());
        }
        let source = Source::parse(text).map_err(|_| Malformed("source"))?;
        self.sources.insert(text.into(), source.clone());
        Ok(source)
    }
}

/// The texts of a description, in the order in which descriptions compare.
pub(crate) fn description_texts(description: &MeterDescription) -> [Option<&str>; 5] {
    let MeterDescription { name, category, subcategory, region, unit } = description;
    [name, category, subcategory, region, unit].map(|text| text.as_deref())
}

/// Tags as one JSON object, compact, in order of their names; none if there are no tags.
pub(crate) fn tags_json(tags: &Tags) -> Option<String> {
    if tags.is_empty() {
        return None;
    }
    let mut json = Vec::new();
    let texts = tags.iter().map(|(name, value)| (&**name, &**value));
    let mut serializer = serde_json::Serializer::new(&mut json);
    serializer.collect_map(texts).expect("a map of texts is always JSON");
    Some(String::from_utf8(json).expect("JSON is UTF-8"))
}

fn parse_tags(json: &str) -> Result<Tags, Malformed> {
    let tags: BTreeMap<String, String> =
        serde_json::from_str(json).map_err(|_| Malformed("tags"))?;
    Ok(tags.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}
