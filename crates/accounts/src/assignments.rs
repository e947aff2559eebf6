//! Role assignments on file.

use std::fmt;

use domain::id::{ObjectId, RoleAssignmentId, RoleId, SubscriptionId};
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::role::{Role, RoleAssignment};
use crate::scope::Scope;
use crate::store::{Accounts, Revision, Stored, random_guid, stored};
use crate::subscriptions::subscription_exists;

/// A role to be given to a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoleAssignment {
    /// Who is given the role: a user, group or service principal.
    pub principal: ObjectId,
    /// The role.
    pub role: RoleId,
    /// Where: there, and everywhere below.
    pub scope: Scope,
}

/// Why a role was not assigned.
#[derive(Debug)]
pub enum AssignError {
    /// The principal has the role at this scope by this assignment.
    Exists(RoleAssignmentId),
    /// There is no such role.
    NoSuchRole(RoleId),
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// The accounts file failed.
    Storage(StorageError),
}

/// Why a role assignment was not removed.
#[derive(Debug)]
pub enum RemoveAssignmentError {
    /// There is no such assignment, or no more.
    NotFound(RoleAssignmentId),
    /// The accounts file failed.
    Storage(StorageError),
}

/// Assignments in force; each use adds its own condition and order.
macro_rules! in_force {
    ($rest:literal) => {
        concat!(
            "SELECT role_grant.*, number, at_micros, by
             FROM role_grant JOIN revision ON number = made_revision
             WHERE NOT EXISTS
                 (SELECT 1 FROM role_grant_removal AS removal
                  WHERE removal.role_grant = role_grant.revision) ",
            $rest
        )
    };
}

impl Accounts {
    /// Gives a role to a principal.
    ///
    /// # Errors
    /// [`AssignError`] if it has it there, role or subscription do not exist, or the file fails.
    pub async fn assign_role(
        &self,
        new: NewRoleAssignment,
        by: &str,
        now: UtcTime,
    ) -> Result<RoleAssignment, AssignError> {
        let role = Role::by_id(new.role).ok_or(AssignError::NoSuchRole(new.role))?;
        let mut change = self.begin(now).await?;
        let subscription = new.scope.subscription();
        if !subscription_exists(&mut change, subscription).await? {
            return Err(AssignError::NoSuchSubscription(subscription));
        }
        if let Some(same) = find_same(&mut change, &new).await? {
            return Err(AssignError::Exists(same));
        }
        let action = format!("assign {} to {} at {}", role.name, new.principal, new.scope);
        let id = RoleAssignmentId::from_bits(random_guid());
        let entry = Entry::new("roleAssignments/write", id)
            .of_subscription(subscription)
            .new_fact("principalId", new.principal)
            .new_fact("role", role.name)
            .new_fact("scope", &new.scope);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query(
            "INSERT INTO role_grant (revision, made_revision, id, principal, role, scope)
             VALUES (?1, ?1, ?2, ?3, ?4, ?5)",
        )
        .bind(stored(revision.0))
        .bind(id.to_string())
        .bind(new.principal.to_string())
        .bind(new.role.to_string())
        .bind(new.scope.as_str())
        .execute(&mut *change)
        .await?;
        let created_at = change.now();
        change.commit().await?;
        let NewRoleAssignment { principal, role, scope } = new;
        let created_by = by.to_owned();
        Ok(RoleAssignment { id, principal, role, scope, revision, created_at, created_by })
    }

    /// Takes a role away again; answers what was taken away.
    ///
    /// # Errors
    /// [`RemoveAssignmentError`] if there is no such assignment in force, or the file fails.
    pub async fn remove_role_assignment(
        &self,
        id: RoleAssignmentId,
        by: &str,
        now: UtcTime,
    ) -> Result<RoleAssignment, RemoveAssignmentError> {
        let mut change = self.begin(now).await?;
        let row = sqlx::query(in_force!("AND id = ?")).bind(id.to_string());
        let row = row.fetch_optional(&mut *change).await?;
        let row = row.ok_or(RemoveAssignmentError::NotFound(id))?;
        let removed = read_assignment(&row)?;
        let action = format!("remove role assignment {id}");
        let entry = Entry::new("roleAssignments/delete", id)
            .of_subscription(removed.scope.subscription())
            .gone_fact("principalId", removed.principal)
            .gone_fact("role", removed.role)
            .gone_fact("scope", &removed.scope);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        let granted = Stored::new("role_grant", &row).count("revision")?;
        sqlx::query("INSERT INTO role_grant_removal (role_grant, revision) VALUES (?, ?)")
            .bind(stored(granted))
            .bind(stored(revision.0))
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(removed)
    }

    /// Every role assignment in force, in the order in which they were made.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn role_assignments(&self) -> Result<Vec<RoleAssignment>, StorageError> {
        let rows = sqlx::query(in_force!("ORDER BY made_revision"));
        let rows = rows.fetch_all(&self.reader).await?;
        rows.iter().map(read_assignment).collect()
    }
}

async fn find_same(
    connection: &mut SqliteConnection,
    new: &NewRoleAssignment,
) -> Result<Option<RoleAssignmentId>, StorageError> {
    let rows = sqlx::query(in_force!("AND principal = ? AND role = ?"))
        .bind(new.principal.to_string())
        .bind(new.role.to_string())
        .fetch_all(connection)
        .await?;
    for row in &rows {
        let assignment = read_assignment(row)?;
        if assignment.scope == new.scope {
            return Ok(Some(assignment.id));
        }
    }
    Ok(None)
}

fn read_assignment(row: &SqliteRow) -> Result<RoleAssignment, StorageError> {
    let row = Stored::new("role_grant", row);
    let scope = row.text("scope")?;
    Ok(RoleAssignment {
        id: row.parsed("id", RoleAssignmentId::parse)?,
        principal: row.parsed("principal", ObjectId::parse)?,
        role: row.parsed("role", RoleId::parse)?,
        scope: Scope::parse(scope).map_err(|_| row.damaged("scope", scope.to_owned()))?,
        revision: Revision(row.count("made_revision")?),
        created_at: row.time("at_micros")?,
        created_by: row.text("by")?.to_owned(),
    })
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(id) => write!(f, "role assignment {id} gives this role at this scope"),
            Self::NoSuchRole(id) => write!(f, "role {id} does not exist"),
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::Storage(_) => f.write_str("role was not assigned"),
        }
    }
}

impl std::error::Error for AssignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exists(_) | Self::NoSuchRole(_) | Self::NoSuchSubscription(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

impl fmt::Display for RemoveAssignmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(id) => write!(f, "role assignment {id} does not exist"),
            Self::Storage(_) => f.write_str("role assignment was not removed"),
        }
    }
}

impl std::error::Error for RemoveAssignmentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(AssignError, RemoveAssignmentError);
