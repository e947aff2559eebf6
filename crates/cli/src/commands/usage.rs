//! `usage import`, `usage correct`, `usage list`, `usage erase` and `usage erasures`.

use std::io::Write;
use std::path::Path;
use std::thread;

use domain::id::SubscriptionId;
use serde_json::value::RawValue;
use server::limits::ERASURES_LISTED;
use wire::own::{Correction, CorrectionRequest, Erasure, ErasureRequest};

use super::{OWN_API, json, payload};
use crate::arguments::{UsageCommand, UsageCorrectOptions, UsageEraseOptions, UsageListOptions};
use crate::client::Client;
use crate::document::Document;
use crate::failure::Failure;
use crate::import::slices::{Slices, import_slices};
use crate::import::{import_file, read_whole};
use crate::limits;
use crate::output::{Output, message};
use crate::progress::Progress;

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: UsageCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        UsageCommand::Import { file, source, correct, dry_run } => {
            let source = source.as_deref();
            let (result, done) = match (correct, dry_run) {
                (false, _) => import_file(client, &file, source),
                (true, false) => import_slices(client, &file, source, Slices::Correct),
                (true, true) => import_slices(client, &file, source, Slices::Compare),
            };
            let is_empty = result.accepted == 0 && result.duplicate == 0;
            if !is_empty || matches!(done, Ok(()) | Err(Failure::Partial { .. })) {
                output.write(Document::of(&result))?;
            }
            done
        }
        UsageCommand::Correct(options) => correct(&options, client, output),
        UsageCommand::List(options) => list(&options, client, output),
        UsageCommand::Erase(options) => erase(&options, client, output),
        UsageCommand::Erasures { subscription } => erasures(subscription, client, output),
    }
}

fn correct<W: Write>(
    options: &UsageCorrectOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let replacement = options.with.as_deref().map(read_event).transpose()?;
    let path = format!("{OWN_API}/subscriptions/{}/usage-corrections", options.subscription);
    let request = CorrectionRequest {
        source: options.source.clone(),
        id: options.id.clone(),
        void: options.void,
        replacement,
        dry_run: options.dry_run,
    };
    let answer: Correction = client.post_until_taken(&path, &[], payload(&json(&request)))?;
    output.write(Document::of(&answer))
}

fn erase<W: Write>(
    options: &UsageEraseOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let subscription = options.subscription;
    let which = match options.before {
        Some(day) => format!("usage of subscription {subscription} from before {day}"),
        None => format!("all usage of subscription {subscription}"),
    };
    if !options.yes {
        return Err(Failure::Usage(format!(
            "this erases for good what may name people in {which}: tags, additional info, info \
             fields, and names of resource groups and resources; with --yes it is done"
        )));
    }
    let path = format!("{OWN_API}/subscriptions/{subscription}/erasures");
    let request = ErasureRequest { before: options.before.map(|day| day.to_string()) };
    let begun: Erasure = client.post_until_taken(&path, &[], payload(&json(&request)))?;
    let path = format!("{path}/{}", begun.id);
    let erasure = wait_for_erasure(client, &path, begun)?;
    output.write(Document::of(&erasure))?;
    if !erasure.damaged_files.is_empty() {
        return Err(Failure::Damaged { files: erasure.damaged_files.len() as u64 });
    }
    message(format!("erased what may name people in {which}"));
    if let Some(files @ 1..) = erasure.files_held {
        message(format!("{files} old files are still read, and go when that ends"));
    }
    Ok(())
}

/// Waits until an erasure has ended, and says what holds it up.
fn wait_for_erasure(client: &Client, path: &str, begun: Erasure) -> Result<Erasure, Failure> {
    let (mut erasure, mut progress, mut told) = (begun, None, String::new());
    while erasure.ended_at.is_none() {
        thread::sleep(limits::ERASURE_ASK);
        erasure = client.get_as(path, &[])?;
        if let (Some(done), Some(to_do)) = (erasure.files_done, erasure.files_to_do) {
            let progress = progress.get_or_insert_with(|| Progress::of_count(to_do, "erasing"));
            progress.at(done);
        }
        let held_up = match (&*erasure.state, &erasure.retry_at) {
            ("held", _) => "a legal hold stops it; it goes on once that is lifted".to_owned(),
            ("failed", Some(at)) => {
                format!("it failed, as the server's log says; tried again at {at}")
            }
            _ => String::new(),
        };
        if held_up != told {
            if !held_up.is_empty() {
                message(&held_up);
            }
            told = held_up;
        }
    }
    Ok(erasure)
}

fn erasures<W: Write>(
    subscription: SubscriptionId,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = format!("{OWN_API}/subscriptions/{subscription}/erasures");
    let answer = client.get(&path, &[])?;
    let listed = answer.take("value").unwrap_or(Document::Array(vec![]));
    let are_all = are_all(&listed);
    output.write(listed)?;
    if !are_all {
        message(format!(
            "these are the newest {ERASURES_LISTED}; there may be older erasures, too"
        ));
    }
    Ok(())
}

/// Whether the server has listed all erasures for sure: it lists no more than so many.
fn are_all(listed: &Document) -> bool {
    !matches!(listed, Document::Array(listed) if listed.len() >= ERASURES_LISTED)
}

/// Reads an event from a file, with every digit as it stands there.
fn read_event(file: &Path) -> Result<Box<RawValue>, Failure> {
    let text = read_whole(file, limits::EVENT_BYTES)?;
    serde_json::from_slice(&text).map_err(|error| Failure::Input {
        file: file.display().to_string(),
        reason: format!("not a JSON event: {error}"),
    })
}

fn list<W: Write>(
    options: &UsageListOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = format!(
        "/subscriptions/{}/providers/Microsoft.Commerce/UsageAggregates",
        options.subscription
    );
    let query = [
        ("api-version", "2015-06-01-preview"),
        ("reportedStartTime", options.reported_start.as_str()),
        ("reportedEndTime", options.reported_end.as_str()),
        ("aggregationGranularity", options.granularity.as_str()),
        ("showDetails", if options.no_details { "false" } else { "true" }),
    ];
    let mut left = options.top.unwrap_or(u64::MAX);
    let is_flat = output.is_flat();
    let mut rows = output.list();
    let mut page = client.get(&path, &query)?;
    loop {
        let next = match page.get("nextLink") {
            Some(Document::String(link)) => Some(link.clone()),
            _ => None,
        };
        let Some(Document::Array(items)) = page.take("value") else { break };
        for item in items {
            if left == 0 {
                return rows.finish();
            }
            rows.push(if is_flat { flat(&item) } else { item })?;
            left -= 1;
        }
        match next {
            Some(link) if left > 0 => page = client.get(client.path_of(&link)?, &[])?,
            _ => break,
        }
    }
    rows.finish()
}

/// A row for a table or tab-separated values: what a reader looks for, at the first level.
fn flat(row: &Document) -> Document {
    let properties = row.get("properties").unwrap_or(row);
    let resource = match properties.get("instanceData") {
        Some(Document::String(text)) => resource_of(text),
        _ => None,
    };
    let member = |name| properties.get(name).cloned().unwrap_or(Document::Null);
    Document::Object(vec![
        ("usageStart".to_owned(), member("usageStartTime")),
        ("usageEnd".to_owned(), member("usageEndTime")),
        ("meterCategory".to_owned(), member("meterCategory")),
        ("meterName".to_owned(), member("meterName")),
        ("meterRegion".to_owned(), member("meterRegion")),
        ("quantity".to_owned(), member("quantity")),
        ("unit".to_owned(), member("unit")),
        ("resource".to_owned(), resource.map_or(Document::Null, Document::String)),
        ("bucket".to_owned(), row.get("name").cloned().unwrap_or(Document::Null)),
    ])
}

/// The last segment of the resource URI in the instance data.
fn resource_of(instance_data: &str) -> Option<String> {
    let instance = Document::parse(instance_data.as_bytes()).ok()?;
    match instance.get("Microsoft.Resources")?.get("resourceUri")? {
        Document::String(uri) => uri.rsplit('/').next().map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_erasures_that_is_as_long_as_may_be_may_lack_older_ones() {
        let listed = |count| Document::Array((0..count).map(|_| Document::Null).collect());
        assert!(are_all(&listed(ERASURES_LISTED - 1)));
        assert!(!are_all(&listed(ERASURES_LISTED)));
    }
}
