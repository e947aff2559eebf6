//! The audit log: of every change who made it, when, of what, and what was there before and after.
//!
//! A revision is a change's number, time, maker and sentence; its entry here names the object and the
//! facts. Both are written in the change's own transaction, so neither is ever without the other.
//! Secrets are no facts: they are named by their ids.

use domain::id::{ObjectId, SubscriptionId};
use domain::time::UtcTime;
use sqlx::sqlite::SqliteRow;

use crate::error::StorageError;
use crate::store::{Accounts, Change, Revision, Stored, stored};

/// What can be done to each kind of object, in words that tools can match.
pub const OPERATIONS: &[&str] = &[
    "administratorToken/rotate",
    "backups/write",
    "erasures/write",
    "installation/write",
    "legalHolds/delete",
    "legalHolds/write",
    "meterAliases/delete",
    "meterAliases/write",
    "priceOverrides/end",
    "priceOverrides/write",
    "rateCards/write",
    "resourceGroups/write",
    "retention/delete",
    "retention/write",
    "roleAssignments/delete",
    "roleAssignments/write",
    "roleDefinitions/delete",
    "roleDefinitions/write",
    "servicePrincipals/delete",
    "servicePrincipals/rotate",
    "servicePrincipals/write",
    "subscriptions/write",
];

/// What a change is of, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// One of [`OPERATIONS`].
    operation: &'static str,
    /// The object's id.
    object: String,
    /// The subscription whose access administrators may see it; the administrator's alone without.
    subscription: Option<SubscriptionId>,
    facts: Vec<Fact>,
}

/// One fact that a change changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What it was; none if it is new.
    pub before: Option<String>,
    /// What it is now; none if it is gone.
    pub after: Option<String>,
}

/// A change as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its revision.
    pub revision: Revision,
    /// When it was made.
    pub at: UtcTime,
    /// Who made it.
    pub by: String,
    /// What it did, in a sentence for people.
    pub action: String,
    /// What it did, for tools; none before there was an audit log.
    pub operation: Option<String>,
    /// The id of the object that it was of; none before there was an audit log.
    pub object: Option<String>,
    /// The subscription that it was of, if any.
    pub subscription: Option<SubscriptionId>,
    /// What it changed.
    pub facts: Vec<Fact>,
}

/// Which changes are asked for: those for which all of it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of this subscription; of everything without.
    pub subscription: Option<SubscriptionId>,
    /// Made at this moment or later.
    pub from: Option<UtcTime>,
    /// Made before this moment.
    pub to: Option<UtcTime>,
    /// Made by whoever has this object id.
    pub by: Option<ObjectId>,
    /// One of [`OPERATIONS`], or the kind of object that one begins with.
    pub operation: Option<String>,
    /// Below this revision: where a page goes on.
    pub below: Option<Revision>,
}

impl Entry {
    /// # Panics
    /// If the operation is none of [`OPERATIONS`].
    pub(crate) fn new(operation: &'static str, object: impl ToString) -> Self {
        assert!(OPERATIONS.contains(&operation), "{operation} is no operation of the audit log");
        Self { operation, object: object.to_string(), subscription: None, facts: Vec::new() }
    }

    /// Says whose access administrators may see it.
    pub(crate) fn of_subscription(self, subscription: SubscriptionId) -> Self {
        Self { subscription: Some(subscription), ..self }
    }

    /// Adds a fact, unless it stays as it is.
    pub(crate) fn fact<T: ToString>(
        mut self,
        name: impl Into<String>,
        before: Option<T>,
        after: Option<T>,
    ) -> Self {
        let (before, after) =
            (before.map(|value| value.to_string()), after.map(|value| value.to_string()));
        if before != after {
            self.facts.push(Fact { name: name.into(), before, after });
        }
        self
    }

    /// Adds a fact that is gone.
    pub(crate) fn gone_fact(self, name: impl Into<String>, value: impl ToString) -> Self {
        self.fact(name, Some(value), None)
    }

    /// Adds a fact that is new.
    pub(crate) fn new_fact(self, name: impl Into<String>, value: impl ToString) -> Self {
        self.fact(name, None, Some(value))
    }
}

/// Adds the revision that a change is made under, and its entry in the audit log. `action` is a
/// sentence for people.
pub(crate) async fn add_revision(
    change: &mut Change,
    by: &str,
    action: &str,
    entry: &Entry,
) -> Result<Revision, StorageError> {
    let row = sqlx::query(
        "INSERT INTO revision (number, at_micros, by, action)
         SELECT coalesce(max(number), 0) + 1, ?, ?, ? FROM revision RETURNING number",
    );
    let row = row.bind(change.now().to_micros()).bind(by).bind(action);
    let row = row.fetch_one(&mut **change).await?;
    let revision = Revision(Stored::new("revision", &row).count("number")?);
    sqlx::query(
        "INSERT INTO audit_entry (revision, operation, object, subscription) VALUES (?, ?, ?, ?)",
    )
    .bind(stored(revision.0))
    .bind(entry.operation)
    .bind(&entry.object)
    .bind(entry.subscription.map(|id| id.to_string()))
    .execute(&mut **change)
    .await?;
    for (position, fact) in (0_i64..).zip(&entry.facts) {
        sqlx::query(
            "INSERT INTO audit_fact (revision, position, name, before, after)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(stored(revision.0))
        .bind(position)
        .bind(&fact.name)
        .bind(&fact.before)
        .bind(&fact.after)
        .execute(&mut **change)
        .await?;
    }
    Ok(revision)
}

/// A page of changes with their facts, newest first; `$from` says where the changes come from, and
/// `$number` is their revision there.
macro_rules! page {
    ($from:literal, $number:literal) => {
        concat!(
            "SELECT number, at_micros, by, action, operation, object, subscription,
                    name, before, after
             FROM (SELECT number, at_micros, by, action, operation, object, subscription FROM ",
            $from,
            " AND ",
            $number,
            " < ?1 AND at_micros >= ?3 AND at_micros < ?4 AND (?5 IS NULL OR by = ?5)
               AND (?6 IS NULL OR operation = ?6
                    OR substr(operation, 1, length(?6) + 1) = ?6 || '/')
             ORDER BY ",
            $number,
            " DESC LIMIT ?7)
             LEFT JOIN audit_fact ON audit_fact.revision = number
             ORDER BY number DESC, position"
        )
    };
}

const OF_EVERYTHING: &str = page!(
    "revision LEFT JOIN audit_entry ON audit_entry.revision = number WHERE ?2 IS NULL",
    "number"
);
const OF_SUBSCRIPTION: &str = page!(
    "audit_entry JOIN revision ON number = audit_entry.revision WHERE subscription = ?2",
    "audit_entry.revision"
);

impl Accounts {
    /// The changes that are asked for, newest first, at most so many.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn audit_entries(
        &self,
        query: &AuditQuery,
        most: usize,
    ) -> Result<Vec<AuditEntry>, StorageError> {
        let AuditQuery { subscription, from, to, by, operation, below } = query;
        let page = if subscription.is_some() { OF_SUBSCRIPTION } else { OF_EVERYTHING };
        let rows = sqlx::query(page)
            .bind(below.map_or(i64::MAX, |revision| stored(revision.0)))
            .bind(subscription.map(|id| id.to_string()))
            .bind(from.map_or(i64::MIN, UtcTime::to_micros))
            .bind(to.map_or(i64::MAX, UtcTime::to_micros))
            .bind(by.map(|id| id.to_string()))
            .bind(operation.as_deref())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&self.reader)
            .await?;
        let mut entries: Vec<AuditEntry> = Vec::new();
        for row in &rows {
            let revision = Revision(Stored::new("revision", row).count("number")?);
            if entries.last().is_none_or(|last| last.revision != revision) {
                entries.push(read_entry(row)?);
            }
            let last = entries.last_mut().expect("one was added if there was none");
            last.facts.extend(read_fact(row)?);
        }
        Ok(entries)
    }
}

fn read_entry(row: &SqliteRow) -> Result<AuditEntry, StorageError> {
    let row = Stored::new("audit_entry", row);
    let text = |column| row.optional(column, Stored::owned_text);
    let subscription =
        row.optional("subscription", |row, column| row.parsed(column, SubscriptionId::parse))?;
    Ok(AuditEntry {
        revision: Revision(row.count("number")?),
        at: row.time("at_micros")?,
        by: row.text("by")?.to_owned(),
        action: row.text("action")?.to_owned(),
        operation: text("operation")?,
        object: text("object")?,
        subscription,
        facts: Vec::new(),
    })
}

/// The fact of a row; none if the change changed none.
fn read_fact(row: &SqliteRow) -> Result<Option<Fact>, StorageError> {
    let row = Stored::new("audit_fact", row);
    let text = |column| row.optional(column, Stored::owned_text);
    let (before, after) = (text("before")?, text("after")?);
    Ok(text("name")?.map(|name| Fact { name, before, after }))
}
