//! Role assignments on file.

use std::fmt;

use domain::id::{ObjectId, RoleAssignmentId, RoleId, SubscriptionId};
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::custom_roles::read_roles;
use crate::error::StorageError;
use crate::limits::{ROLE_ASSIGNMENTS_MAX, ROLE_DESCRIPTION_CHARS_MAX};
use crate::role::{PrincipalType, Role, RoleAssignment};
use crate::scope::Scope;
use crate::store::{Accounts, Change, Revision, Stored, random_guid, stored};
use crate::subscriptions::tenant_of;

/// A role to be given to a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoleAssignment {
    /// The assignment's id, chosen by whoever makes it; one is made up otherwise.
    pub id: Option<RoleAssignmentId>,
    /// Who is given the role: a user, group or service principal.
    pub principal: ObjectId,
    /// What the principal is; none leaves what is on file.
    pub principal_type: Option<PrincipalType>,
    /// The role.
    pub role: RoleId,
    /// Where: there, and everywhere below.
    pub scope: Scope,
    /// Why, in words; none leaves what is on file, an empty text takes it away.
    pub description: Option<String>,
}

/// A role that was given to a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The assignment as it is now.
    pub assignment: RoleAssignment,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Why a role was not assigned.
#[derive(Debug)]
pub enum AssignError {
    /// The principal has the role at this scope by this other assignment.
    Exists(RoleAssignmentId),
    /// The id is that of an assignment of another principal, role or scope.
    IdTaken(RoleAssignmentId),
    /// There is no such role.
    NoSuchRole(RoleId),
    /// The role cannot be assigned at this scope.
    NotAssignable {
        /// The role's name.
        role: String,
        /// The scope.
        scope: Scope,
    },
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// The description is too long, or has a control character.
    Description {
        /// Most characters.
        most: usize,
    },
    /// The subscription has as many role assignments as it may have.
    TooMany {
        /// How many.
        most: u64,
    },
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
            "SELECT role_grant.*, made.at_micros AS made_micros, made.by AS made_by,
                    changed.at_micros AS changed_micros, changed.by AS changed_by
             FROM role_grant JOIN revision AS made ON made.number = made_revision
             JOIN revision AS changed ON changed.number = role_grant.revision
             WHERE NOT EXISTS
                 (SELECT 1 FROM role_grant_removal AS removal
                  WHERE removal.role_grant = role_grant.revision) ",
            $rest
        )
    };
}

impl Accounts {
    /// Gives a role to a principal. An assignment that is there by its id, with the same principal,
    /// role and scope, is given its new description and principal type.
    ///
    /// # Errors
    /// [`AssignError`] if the principal has it there by another id, the id is another assignment's,
    /// role or subscription do not exist, or the file fails.
    pub async fn assign_role(
        &self,
        new: NewRoleAssignment,
        by: &str,
        now: UtcTime,
    ) -> Result<Assigned, AssignError> {
        check_description(new.description.as_deref())?;
        let mut change = self.begin(now).await?;
        let subscription = new.scope.subscription();
        let tenant = tenant_of(&mut change, subscription).await?;
        let tenant = tenant.ok_or(AssignError::NoSuchSubscription(subscription))?;
        let roles = read_roles(&mut change).await?;
        let role = roles.by_id(new.role).filter(|role| role.is_for(tenant));
        let role = role.ok_or(AssignError::NoSuchRole(new.role))?;
        if !role.is_assignable_at(&new.scope) {
            let (role, scope) = (role.name.clone(), new.scope);
            return Err(AssignError::NotAssignable { role, scope });
        }
        let old = match new.id {
            Some(id) => find(&mut change, id).await?,
            None => None,
        };
        let assigned = match old {
            None => {
                let assignment = assign(&mut change, &new, role, by).await?;
                Assigned { assignment, is_new: true }
            }
            Some(old) => {
                let same = (old.principal, old.role) == (new.principal, new.role);
                if !same || old.scope != new.scope {
                    return Err(AssignError::IdTaken(old.id));
                }
                let assignment = describe(&mut change, &new, old, by).await?;
                Assigned { assignment, is_new: false }
            }
        };
        change.commit().await?;
        Ok(assigned)
    }

    /// Takes a role away again; answers what was taken away. `seen` is the revision of the
    /// assignment that was looked at when the right to remove it was checked, if one was.
    ///
    /// # Errors
    /// [`RemoveAssignmentError`] if there is no such assignment in force, it is not the one that was
    /// looked at, or the file fails.
    pub async fn remove_role_assignment(
        &self,
        id: RoleAssignmentId,
        seen: Option<Revision>,
        by: &str,
        now: UtcTime,
    ) -> Result<RoleAssignment, RemoveAssignmentError> {
        let mut change = self.begin(now).await?;
        let found = find(&mut change, id).await?;
        let seen = |found: &RoleAssignment| seen.is_none_or(|seen| found.revision == seen);
        let removed = found.filter(seen).ok_or(RemoveAssignmentError::NotFound(id))?;
        let roles = read_roles(&mut change).await?;
        let role = roles.by_id(removed.role).map(|role| role.name.as_str());
        let action = format!("remove role assignment {id}");
        let entry = Entry::new("roleAssignments/delete", id)
            .of_subscription(removed.scope.subscription())
            .gone_fact("principalId", removed.principal)
            .gone_fact("role", role.map_or_else(|| removed.role.to_string(), str::to_owned))
            .gone_fact("scope", &removed.scope)
            .fact("principalType", removed.principal_type, None)
            .fact("description", removed.description.as_deref(), None);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        insert_removal(&mut change, removed.revision, revision).await?;
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

fn check_description(description: Option<&str>) -> Result<(), AssignError> {
    let clean = |text: &str| !text.chars().any(char::is_control);
    let fits = |text: &str| text.chars().count() <= ROLE_DESCRIPTION_CHARS_MAX;
    if description.is_none_or(|text| fits(text) && text.lines().all(clean)) {
        return Ok(());
    }
    Err(AssignError::Description { most: ROLE_DESCRIPTION_CHARS_MAX })
}

/// Makes a new assignment.
async fn assign(
    change: &mut Change,
    new: &NewRoleAssignment,
    role: &Role,
    by: &str,
) -> Result<RoleAssignment, AssignError> {
    if let Some(same) = find_same(change, new).await? {
        return Err(AssignError::Exists(same));
    }
    let subscription = new.scope.subscription();
    if count(change, subscription).await? >= ROLE_ASSIGNMENTS_MAX {
        return Err(AssignError::TooMany { most: ROLE_ASSIGNMENTS_MAX });
    }
    let id = new.id.unwrap_or_else(|| RoleAssignmentId::from_bits(random_guid()));
    let description = new.description.clone().filter(|text| !text.is_empty());
    let action = format!("assign {} to {} at {}", role.name, new.principal, new.scope);
    let entry = Entry::new("roleAssignments/write", id)
        .of_subscription(subscription)
        .new_fact("principalId", new.principal)
        .new_fact("role", &role.name)
        .new_fact("scope", &new.scope)
        .fact("principalType", None, new.principal_type)
        .fact("description", None, description.as_deref());
    let revision = add_revision(change, by, &action, &entry).await?;
    let now = change.now();
    let assignment = RoleAssignment {
        id,
        principal: new.principal,
        principal_type: new.principal_type,
        role: new.role,
        scope: new.scope.clone(),
        description,
        revision,
        created_at: now,
        created_by: by.to_owned(),
        updated_at: now,
        updated_by: by.to_owned(),
    };
    insert(change, &assignment, revision).await?;
    Ok(assignment)
}

/// Gives an assignment that is there its new description and principal type, if they are new.
async fn describe(
    change: &mut Change,
    new: &NewRoleAssignment,
    old: RoleAssignment,
    by: &str,
) -> Result<RoleAssignment, AssignError> {
    let principal_type = new.principal_type.or(old.principal_type);
    let description = new.description.clone().or_else(|| old.description.clone());
    let description = description.filter(|text| !text.is_empty());
    if (principal_type, &description) == (old.principal_type, &old.description) {
        return Ok(old);
    }
    let action = format!("describe role assignment {}", old.id);
    let entry = Entry::new("roleAssignments/write", old.id)
        .of_subscription(old.scope.subscription())
        .fact("principalType", old.principal_type, principal_type)
        .fact("description", old.description.as_deref(), description.as_deref());
    let revision = add_revision(change, by, &action, &entry).await?;
    insert_removal(change, old.revision, revision).await?;
    let made = sqlx::query("SELECT made_revision FROM role_grant WHERE revision = ?");
    let made = made.bind(stored(old.revision.0)).fetch_one(&mut **change).await?;
    let made = Revision(Stored::new("role_grant", &made).count("made_revision")?);
    let (updated_at, updated_by) = (change.now(), by.to_owned());
    let assignment =
        RoleAssignment { principal_type, description, revision, updated_at, updated_by, ..old };
    insert(change, &assignment, made).await?;
    Ok(assignment)
}

async fn insert(
    connection: &mut SqliteConnection,
    assignment: &RoleAssignment,
    made: Revision,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO role_grant
             (revision, made_revision, id, principal, principal_type, role, scope, description)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(stored(assignment.revision.0))
    .bind(stored(made.0))
    .bind(assignment.id.to_string())
    .bind(assignment.principal.to_string())
    .bind(assignment.principal_type.map(PrincipalType::as_str))
    .bind(assignment.role.to_string())
    .bind(assignment.scope.as_str())
    .bind(&assignment.description)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the row that a revision made out of force.
async fn insert_removal(
    connection: &mut SqliteConnection,
    granted: Revision,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO role_grant_removal (role_grant, revision) VALUES (?, ?)")
        .bind(stored(granted.0))
        .bind(stored(revision.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// The assignment in force with this id.
async fn find(
    connection: &mut SqliteConnection,
    id: RoleAssignmentId,
) -> Result<Option<RoleAssignment>, StorageError> {
    let row = sqlx::query(in_force!("AND id = ?")).bind(id.to_string());
    row.fetch_optional(connection).await?.as_ref().map(read_assignment).transpose()
}

/// An assignment in force of the same role to the same principal at the same scope.
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

/// Where a role is assigned.
pub(crate) async fn scopes_assigned(
    connection: &mut SqliteConnection,
    role: RoleId,
) -> Result<Vec<Scope>, StorageError> {
    let rows = sqlx::query(in_force!("AND role = ?")).bind(role.to_string());
    let rows = rows.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(read_assignment(row)?.scope)).collect()
}

/// How many assignments of a subscription are in force.
async fn count(
    connection: &mut SqliteConnection,
    subscription: SubscriptionId,
) -> Result<u64, StorageError> {
    let scope = Scope::of_subscription(subscription);
    let row = sqlx::query(
        "SELECT count(*) AS count FROM role_grant
         WHERE (scope = ?1 OR scope LIKE ?1 || '/%') AND NOT EXISTS
             (SELECT 1 FROM role_grant_removal AS removal
              WHERE removal.role_grant = role_grant.revision)",
    );
    let row = row.bind(scope.as_str()).fetch_one(connection).await?;
    Stored::new("role_grant", &row).count("count")
}

fn read_assignment(row: &SqliteRow) -> Result<RoleAssignment, StorageError> {
    let row = Stored::new("role_grant", row);
    let scope = row.text("scope")?;
    Ok(RoleAssignment {
        id: row.parsed("id", RoleAssignmentId::parse)?,
        principal: row.parsed("principal", ObjectId::parse)?,
        principal_type: row
            .optional("principal_type", |row, column| row.parsed(column, PrincipalType::parse))?,
        role: row.parsed("role", RoleId::parse)?,
        scope: Scope::parse(scope).map_err(|_| row.damaged("scope", scope.to_owned()))?,
        description: row.optional("description", Stored::owned_text)?,
        revision: Revision(row.count("revision")?),
        created_at: row.time("made_micros")?,
        created_by: row.text("made_by")?.to_owned(),
        updated_at: row.time("changed_micros")?,
        updated_by: row.text("changed_by")?.to_owned(),
    })
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(id) => write!(f, "role assignment {id} gives this role at this scope"),
            Self::IdTaken(id) => {
                write!(f, "role assignment {id} is of another principal, role or scope")
            }
            Self::NoSuchRole(id) => write!(f, "role {id} does not exist"),
            Self::NotAssignable { role, scope } => {
                write!(f, "role '{role}' cannot be assigned at '{scope}'")
            }
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::Description { most } => {
                write!(f, "a description has at most {most} characters, none of control")
            }
            Self::TooMany { most } => {
                write!(f, "the subscription has {most} role assignments, the most")
            }
            Self::Storage(_) => f.write_str("role was not assigned"),
        }
    }
}

impl std::error::Error for AssignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exists(_)
            | Self::IdTaken(_)
            | Self::NoSuchRole(_)
            | Self::NotAssignable { .. }
            | Self::NoSuchSubscription(_)
            | Self::Description { .. }
            | Self::TooMany { .. } => None,
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
