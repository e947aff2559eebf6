//! `audit list`.

use std::io::Write;

use wire::own::{AuditEntry, AuditFact, AuditLog};

use super::{OWN_API, row};
use crate::arguments::{AuditCommand, AuditListOptions};
use crate::client::Client;
use crate::document::Document;
use crate::failure::Failure;
use crate::limits;
use crate::output::{Output, message};

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: AuditCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        AuditCommand::List(options) => list(&options, client, output),
    }
}

fn list<W: Write>(
    options: &AuditListOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let subscription = options.subscription.map(|id| id.to_string());
    let by = options.by.map(|id| id.to_string());
    let page_entries = options.top.min(limits::AUDIT_PAGE_ENTRIES).to_string();
    let given = [
        ("subscription", subscription.as_deref()),
        ("from", options.from.as_deref()),
        ("to", options.to.as_deref()),
        ("principal", by.as_deref()),
        ("operation", options.operation.as_deref()),
        ("$top", Some(page_entries.as_str())),
    ];
    let query: Vec<_> =
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let is_flat = output.is_flat();
    let mut rows = output.list();
    let mut page: AuditLog = client.get_as(&format!("{OWN_API}/audit-log"), &query)?;
    let mut left = options.top;
    while left > 0 {
        // A page has no more entries than were asked for, so the last one may still be cut.
        for entry in page.value {
            if left == 0 {
                break;
            }
            rows.push(if is_flat { flat(entry) } else { Document::of(&entry) })?;
            left -= 1;
        }
        let Some(link) = page.next_link else { return rows.finish() };
        page = client.get_as(client.path_of(&link)?, &[])?;
    }
    rows.finish()?;
    if !page.value.is_empty() {
        message("there are older changes, too: --top COUNT shows more");
    }
    Ok(())
}

/// A row for a table or tab-separated values.
fn flat(entry: AuditEntry) -> Document {
    let changes: Vec<_> = entry.changes.iter().map(change_text).collect();
    row([
        ("at", Some(entry.at)),
        ("by", Some(entry.by_name.unwrap_or(entry.by))),
        ("operation", entry.operation),
        ("object", entry.object),
        ("changes", Some(changes.join("; "))),
    ])
}

/// A fact as `name: before -> after`, with nothing where there is none.
fn change_text(fact: &AuditFact) -> String {
    let AuditFact { name, before, after } = fact;
    match (before, after) {
        (None, Some(after)) => format!("{name}: {after}"),
        (before, after) => {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
            format!("{name}: {} -> {}", side(before), side(after))
        }
    }
}
