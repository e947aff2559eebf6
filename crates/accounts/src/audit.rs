//! The audit log: of every change who made it, when, of what, and what was there before and after.
//!
//! A revision is a change's number, time, maker and sentence; its entry here names the object and the
//! facts. Both are written in the change's own transaction, so neither is ever without the other.
//! Secrets are no facts: they are named by their ids.

use domain::id::SubscriptionId;
use domain::time::UtcTime;
use sqlx::sqlite::SqliteRow;

use crate::error::StorageError;
use crate::store::{Accounts, Change, Revision, Stored, stored};

/// What a change is of, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What is done to what kind of object, in words that tools can match: `roleAssignments/write`.
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

impl Entry {
    pub(crate) fn new(operation: &'static str, object: impl ToString) -> Self {
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

impl Accounts {
    /// The changes of a subscription, or of everything, before a revision, newest first, at most so
    /// many.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn audit_entries(
        &self,
        subscription: Option<SubscriptionId>,
        before: Option<Revision>,
        most: usize,
    ) -> Result<Vec<AuditEntry>, StorageError> {
        let mut reading = self.reader.begin().await?;
        let rows = sqlx::query(
            "SELECT number, at_micros, by, action, operation, object, subscription
             FROM revision LEFT JOIN audit_entry ON revision = number
             WHERE number < ?1 AND (?2 IS NULL OR subscription = ?2)
             ORDER BY number DESC LIMIT ?3",
        )
        .bind(before.map_or(i64::MAX, |revision| stored(revision.0)))
        .bind(subscription.map(|id| id.to_string()))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&mut *reading)
        .await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut entry = read_entry(row)?;
            let facts = sqlx::query(
                "SELECT name, before, after FROM audit_fact WHERE revision = ? ORDER BY position",
            );
            let facts = facts.bind(stored(entry.revision.0)).fetch_all(&mut *reading).await?;
            entry.facts = facts.iter().map(read_fact).collect::<Result<_, _>>()?;
            entries.push(entry);
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

fn read_fact(row: &SqliteRow) -> Result<Fact, StorageError> {
    let row = Stored::new("audit_fact", row);
    let text = |column| row.optional(column, Stored::owned_text);
    Ok(Fact { name: row.text("name")?.to_owned(), before: text("before")?, after: text("after")? })
}
