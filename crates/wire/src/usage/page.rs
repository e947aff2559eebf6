//! A page of the usage answer, written straight into its bytes: the same rows give the same bytes,
//! and every quantity keeps every digit.

use std::io::Write as _;

use domain::aggregate::{Aggregate, Granularity, UsageQuery};
use domain::id::SubscriptionId;
use domain::record::Instance;
use domain::time::ReportedTime;

use super::request::{CONTINUATION_TOKEN, GRANULARITY, REPORTED_END, REPORTED_START, SHOW_DETAILS};
use crate::query;
use crate::time::with_offset;

/// About as many bytes as a row with details has.
const ROW_BYTES: usize = 1024;

const API_VERSION: &str = "2015-06-01-preview";

/// Writes a page, the rows in the order given.
///
/// Members come in the order of Azure's recorded answers. A description that its source did not
/// give is left out rather than sent as `""`: every typed client (Python, JavaScript, Go, Rust)
/// declares all of them optional, and an import of the answer then has the same content as what
/// was stored. `instanceData`, a string of JSON, is there only for rows with a resource;
/// `infoFields` is an object in every row with details, as Azure has it.
#[must_use]
pub fn write_page(
    rows: &[Aggregate],
    subscription: SubscriptionId,
    granularity: Granularity,
    next_link: Option<&str>,
) -> Vec<u8> {
    let mut page = Writer(Vec::with_capacity(64 + rows.len() * ROW_BYTES));
    let mut instance_data = Writer(Vec::with_capacity(ROW_BYTES));
    let subscription = subscription.to_string();
    page.raw("{\"value\":[");
    for (position, row) in rows.iter().enumerate() {
        page.raw(if position == 0 { "" } else { "," });
        page.row(row, &subscription, &name(granularity, row.key.reported), &mut instance_data);
    }
    page.raw("]");
    if let Some(link) = next_link {
        page.raw(",\"nextLink\":");
        page.string(link);
    }
    page.raw("}");
    page.0
}

/// The link to the next page: absolute, everything percent-encoded, and the token last, because
/// the .NET client takes everything after `continuationToken=` for it.
#[must_use]
pub fn next_link(
    base: &str,
    subscription: SubscriptionId,
    query: &UsageQuery,
    token: &str,
) -> String {
    let mut link = format!(
        "{base}/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates\
         ?api-version={API_VERSION}"
    );
    let details = if query.details { "true" } else { "false" };
    for (name, value) in [
        (REPORTED_START, query.reported.start.to_string().as_str()),
        (REPORTED_END, query.reported.end.to_string().as_str()),
        (GRANULARITY, granularity_name(query.granularity)),
        (SHOW_DETAILS, details),
        (CONTINUATION_TOKEN, token),
    ] {
        query::push(&mut link, name, value);
    }
    link
}

pub(crate) fn granularity_name(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Daily => "Daily",
        Granularity::Hourly => "Hourly",
    }
}

/// `Daily_BRSDT_20150501_0000`: the reported bucket, so that its rows share the name.
fn name(granularity: Granularity, reported: ReportedTime) -> String {
    let civil = reported.0.civil();
    format!(
        "{}_BRSDT_{:04}{:02}{:02}_{:02}{:02}",
        granularity_name(granularity),
        civil.year,
        civil.month,
        civil.day,
        civil.hour,
        civil.minute
    )
}

/// Writes JSON into bytes.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.0, text).expect("a string is JSON, a vector takes it");
    }

    /// `,"key":"text"`, or nothing.
    fn optional(&mut self, key_with_comma: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.raw(key_with_comma);
            self.string(text);
        }
    }

    fn row(&mut self, row: &Aggregate, subscription: &str, name: &str, scratch: &mut Self) {
        self.raw("{\"id\":\"/subscriptions/");
        self.raw(subscription);
        self.raw("/providers/Microsoft.Commerce/UsageAggregates/");
        self.raw(name);
        self.raw("\",\"name\":\"");
        self.raw(name);
        self.raw("\",\"type\":\"Microsoft.Commerce/UsageAggregate\",\"properties\":{");
        self.raw("\"subscriptionId\":\"");
        self.raw(subscription);
        self.raw("\",\"usageStartTime\":\"");
        self.raw(&with_offset(row.key.start));
        self.raw("\",\"usageEndTime\":\"");
        self.raw(&with_offset(row.key.end));
        self.raw("\"");
        self.optional(",\"meterName\":", row.description.name.as_deref());
        self.optional(",\"meterRegion\":", row.description.region.as_deref());
        self.optional(",\"meterCategory\":", row.description.category.as_deref());
        self.optional(",\"meterSubCategory\":", row.description.subcategory.as_deref());
        self.optional(",\"unit\":", row.description.unit.as_deref());
        if let Some(instance) = &row.instance {
            self.instance_data(instance, scratch);
        }
        write!(self.0, ",\"meterId\":\"{}\"", row.key.meter).expect("a vector takes every byte");
        if let Some(instance) = &row.instance {
            self.raw(",\"infoFields\":");
            self.raw(instance.info_fields.as_ref().map_or("{}", |fields| &fields.0));
        }
        write!(self.0, ",\"quantity\":{}}}}}", row.quantity).expect("a vector takes every byte");
    }

    /// A row of Azure Stack Hub's answer to the provider.
    pub(crate) fn subscriber_row(&mut self, subscription: SubscriptionId, row: &Aggregate) {
        let (meter, quantity) = (row.key.meter, row.quantity);
        let name = format!("{subscription}-{meter}");
        self.raw(&format!(
            "{{\"id\":\"/subscriptions/{subscription}/providers/Microsoft.Commerce.Admin/\
             UsageAggregate/{name}\",\"name\":\"{name}\",\
             \"type\":\"Microsoft.Commerce.Admin/UsageAggregate\",\
             \"properties\":{{\"subscriptionId\":\"{subscription}\",\
             \"usageStartTime\":\"{}\",\"usageEndTime\":\"{}\"",
            with_offset(row.key.start),
            with_offset(row.key.end)
        ));
        if let Some(instance) = &row.instance {
            self.instance_data(instance, &mut Self::default());
        }
        self.raw(&format!(",\"quantity\":{quantity},\"meterId\":\"{meter}\"}}}}"));
    }

    fn instance_data(&mut self, instance: &Instance, scratch: &mut Self) {
        scratch.0.clear();
        scratch.resource(instance);
        // Every part begins with a comma, and the first of them opens the object.
        let Some(first) = scratch.0.first_mut() else { return };
        *first = b'{';
        let resource = std::str::from_utf8(&scratch.0).expect("JSON is UTF-8");
        self.raw(",\"instanceData\":");
        self.string(&format!("{{\"Microsoft.Resources\":{resource}}}}}"));
    }

    /// The parts of the resource that are there, each after a comma; nothing if there are none.
    fn resource(&mut self, instance: &Instance) {
        self.optional(",\"resourceUri\":", instance.resource_uri.as_deref());
        self.optional(",\"location\":", instance.location.as_deref());
        for (position, (name, value)) in instance.tags.iter().enumerate() {
            self.raw(if position == 0 { ",\"tags\":{" } else { "," });
            self.string(name);
            self.raw(":");
            self.string(value);
        }
        self.raw(if instance.tags.is_empty() { "" } else { "}" });
        if let Some(info) = &instance.additional_info {
            self.raw(",\"additionalInfo\":");
            self.raw(&info.0);
        }
        self.optional(",\"partNumber\":", instance.part_number.as_deref());
        self.optional(",\"orderNumber\":", instance.order_number.as_deref());
    }
}
