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
    let first: AuditLog = client.get_as(&format!("{OWN_API}/audit-log"), &query)?;
    let are_older = take(
        options.top,
        first,
        |link| client.get_as(client.path_of(link)?, &[]),
        |entry| rows.push(if is_flat { flat(entry) } else { Document::of(&entry) }),
    )?;
    rows.finish()?;
    if are_older {
        message("there are older changes, too: --top COUNT shows more");
    }
    Ok(())
}

/// Gives the first `top` entries of the pages to `each`, and asks for no page that has none of them;
/// whether there are more.
fn take(
    top: u64,
    first: AuditLog,
    mut follow: impl FnMut(&str) -> Result<AuditLog, Failure>,
    mut each: impl FnMut(AuditEntry) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut left = usize::try_from(top).unwrap_or(usize::MAX);
    let mut page = first;
    loop {
        let is_cut = page.value.len() > left;
        for entry in page.value.into_iter().take(left) {
            each(entry)?;
            left -= 1;
        }
        match page.next_link {
            Some(link) if left > 0 => page = follow(&link)?,
            link => return Ok(is_cut || link.is_some()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes of pages of so many entries each; `shown` how many, `asked` for which pages behind the
    /// first, and `+` if there are more.
    fn check(top: u64, pages: &[u64], expected: &str) {
        let page = |number: usize| AuditLog {
            value: (0..pages[number]).map(entry).collect(),
            next_link: (number + 1 < pages.len()).then(|| (number + 1).to_string()),
        };
        let (mut shown, mut asked) = (0, vec![]);
        let follow = |link: &str| {
            asked.push(link.to_owned());
            Ok(page(link.parse().unwrap()))
        };
        let each = |_| {
            shown += 1;
            Ok(())
        };
        let more = if take(top, page(0), follow, each).unwrap() { "+" } else { "" };
        assert_eq!(format!("{shown}{more} [{}]", asked.join(" ")), expected, "{top} of {pages:?}");
    }

    fn entry(revision: u64) -> AuditEntry {
        AuditEntry {
            revision,
            at: String::new(),
            by: String::new(),
            by_name: None,
            operation: None,
            object: None,
            subscription_id: None,
            action: String::new(),
            changes: vec![],
        }
    }

    #[test]
    fn a_page_that_is_cut_and_one_that_is_followed_have_more() {
        check(1_500, &[1_000, 1_000], "1500+ [1]");
        check(1_500, &[1_000, 500, 1], "1500+ [1]");
        check(1_500, &[1_000, 500], "1500 [1]");
        check(1_500, &[1_000, 400], "1400 [1]");
        check(1_000, &[1_000, 1], "1000+ []");
        check(1_000, &[1_000], "1000 []");
        check(u64::MAX, &[0], "0 []");
    }
}
