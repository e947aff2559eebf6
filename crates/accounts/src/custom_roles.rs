//! Custom roles on file: the last row of an id counts, and one without a name removes it.

use std::collections::BTreeMap;
use std::fmt;

use domain::id::{RoleId, SubscriptionId, TenantId};
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::assignments::scopes_assigned;
use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::CUSTOM_ROLES_MAX;
use crate::role::{
    ActionPattern, BUILT_IN, Custom, CustomRole, Permissions, Role, Roles, Scope, same_name,
};
use crate::store::{Accounts, Change, Revision, Stored, stored};
use crate::subscriptions::tenant_of;

/// Why a custom role was not made or changed.
#[derive(Debug)]
pub enum PutRoleError {
    /// The id is that of a built-in role, or of another tenant's role.
    NotOfTenant(RoleId),
    /// Another role of the tenant has the name.
    NameTaken {
        /// The name.
        name: String,
        /// The role that has it.
        role: RoleId,
    },
    /// An assignable scope is in no subscription of the tenant.
    NotInTenant(Scope),
    /// The role is assigned where it could not be assigned any more.
    AssignedOutside(Scope),
    /// It was made, changed or removed since it was looked at.
    Changed(RoleId),
    /// The tenant has as many custom roles as it may have.
    TooMany {
        /// How many.
        most: u64,
    },
    /// The accounts file failed.
    Storage(StorageError),
}

/// Why a custom role was not removed.
#[derive(Debug)]
pub enum RemoveRoleError {
    /// It is assigned.
    Assigned(RoleId),
    /// It was changed or removed since it was looked at.
    Changed(RoleId),
    /// The accounts file failed.
    Storage(StorageError),
}

impl Accounts {
    /// Makes a custom role of a tenant, or changes it. `seen` is the revision of the role that was
    /// looked at when the right to change it was checked; none if there was no such role.
    ///
    /// # Errors
    /// [`PutRoleError`] if id or name are taken, a scope is not the tenant's or would be lost to an
    /// assignment, the role is not the one that was looked at, or the file fails.
    pub async fn put_custom_role(
        &self,
        id: RoleId,
        tenant: TenantId,
        new: CustomRole,
        seen: Option<Revision>,
        by: &str,
        now: UtcTime,
    ) -> Result<Role, PutRoleError> {
        let mut change = self.begin(now).await?;
        let roles = read_roles(&mut change).await?;
        let old = roles.by_id(id);
        if old.is_some_and(|old| old.custom.is_none() || !old.is_for(tenant)) {
            return Err(PutRoleError::NotOfTenant(id));
        }
        if old.and_then(|old| old.custom.as_ref()).map(|custom| custom.revision) != seen {
            return Err(PutRoleError::Changed(id));
        }
        let mut others = roles.of_tenant(tenant).filter(|other| other.id != id);
        if let Some(other) = others.find(|other| same_name(&other.name, new.name())) {
            return Err(PutRoleError::NameTaken { name: other.name.clone(), role: other.id });
        }
        let count = roles.of_tenant(tenant).count() - BUILT_IN.len();
        if old.is_none() && u64::try_from(count).is_ok_and(|count| count >= CUSTOM_ROLES_MAX) {
            return Err(PutRoleError::TooMany { most: CUSTOM_ROLES_MAX });
        }
        for scope in new.assignable_scopes() {
            if tenant_of(&mut change, scope.subscription()).await? != Some(tenant) {
                return Err(PutRoleError::NotInTenant(scope.clone()));
            }
        }
        for scope in scopes_assigned(&mut change, id).await? {
            if !new.assignable_scopes().iter().any(|at| at.contains(&scope)) {
                return Err(PutRoleError::AssignedOutside(scope));
            }
        }
        let revision = insert_role(&mut change, id, tenant, &new, old, by).await?;
        let now = change.now();
        change.commit().await?;
        let made = old.and_then(|old| old.custom.as_ref());
        Ok(Role {
            id,
            name: new.name().to_owned(),
            description: new.description().to_owned(),
            permissions: new.permissions().clone(),
            custom: Some(Custom {
                tenant,
                assignable_scopes: new.assignable_scopes().to_vec(),
                revision,
                created_at: made.map_or(now, |made| made.created_at),
                created_by: made.map_or(by, |made| &made.created_by).to_owned(),
                updated_at: now,
                updated_by: by.to_owned(),
            }),
        })
    }

    /// Removes a custom role; answers what was removed. `seen` is the revision of the role that was
    /// looked at when the right to remove it was checked.
    ///
    /// # Errors
    /// [`RemoveRoleError`] if it is assigned, is not the one that was looked at, or the file fails.
    pub async fn remove_custom_role(
        &self,
        id: RoleId,
        seen: Revision,
        by: &str,
        now: UtcTime,
    ) -> Result<Role, RemoveRoleError> {
        let mut change = self.begin(now).await?;
        let roles = read_roles(&mut change).await?;
        let role = roles
            .by_id(id)
            .filter(|role| role.custom.as_ref().is_some_and(|custom| custom.revision == seen));
        let Some((role, custom)) = role.and_then(|role| Some((role, role.custom.as_ref()?))) else {
            return Err(RemoveRoleError::Changed(id));
        };
        if !scopes_assigned(&mut change, id).await?.is_empty() {
            return Err(RemoveRoleError::Assigned(id));
        }
        let entry = with_lists(Entry::new("roleDefinitions/delete", id), Some(role), None)
            .fact("name", Some(&role.name), None)
            .fact("description", Some(&role.description), None);
        let entry = of_subscription(entry, &custom.assignable_scopes);
        let action = format!("remove role {}", role.name);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query("INSERT INTO role_definition (revision, id, tenant) VALUES (?, ?, ?)")
            .bind(stored(revision.0))
            .bind(id.to_string())
            .bind(custom.tenant.to_string())
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(role.clone())
    }

    /// Every role in force.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn roles(&self) -> Result<Roles, StorageError> {
        read_roles(&mut *self.reader.acquire().await?).await
    }
}

async fn insert_role(
    change: &mut Change,
    id: RoleId,
    tenant: TenantId,
    new: &CustomRole,
    old: Option<&Role>,
    by: &str,
) -> Result<Revision, StorageError> {
    let entry = with_lists(Entry::new("roleDefinitions/write", id), old, Some(new))
        .fact("name", old.map(|old| old.name.as_str()), Some(new.name()))
        .fact("description", old.map(|old| old.description.as_str()), Some(new.description()));
    let before = old.and_then(|old| old.custom.as_ref()).map(|old| old.assignable_scopes.iter());
    let entry = of_subscription(entry, before.into_iter().flatten().chain(new.assignable_scopes()));
    let verb = if old.is_some() { "change" } else { "define" };
    let action = format!("{verb} role {}", new.name());
    let revision = add_revision(change, by, &action, &entry).await?;
    sqlx::query(
        "INSERT INTO role_definition (revision, id, tenant, name, description)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(stored(revision.0))
    .bind(id.to_string())
    .bind(tenant.to_string())
    .bind(new.name())
    .bind(new.description())
    .execute(&mut **change)
    .await?;
    for (list, values) in lists(new.permissions(), new.assignable_scopes()) {
        for (position, value) in (0_i64..).zip(values) {
            sqlx::query(
                "INSERT INTO role_definition_entry (revision, list, position, value)
                 VALUES (?, ?, ?, ?)",
            )
            .bind(stored(revision.0))
            .bind(list)
            .bind(position)
            .bind(value)
            .execute(&mut **change)
            .await?;
        }
    }
    Ok(revision)
}

/// The lists of a role by the names that they have on file.
fn lists<'a>(
    permissions: &'a Permissions,
    scopes: &'a [Scope],
) -> [(&'static str, Vec<&'a str>); 5] {
    let texts = |patterns: &'a [ActionPattern]| patterns.iter().map(ActionPattern::as_str);
    [
        ("action", texts(&permissions.actions).collect()),
        ("not_action", texts(&permissions.not_actions).collect()),
        ("data_action", texts(&permissions.data_actions).collect()),
        ("not_data_action", texts(&permissions.not_data_actions).collect()),
        ("assignable_scope", scopes.iter().map(Scope::as_str).collect()),
    ]
}

/// Adds a fact for each list that a change changes.
fn with_lists(entry: Entry, old: Option<&Role>, new: Option<&CustomRole>) -> Entry {
    let old =
        old.and_then(|old| Some(lists(&old.permissions, &old.custom.as_ref()?.assignable_scopes)));
    let new = new.map(|new| lists(new.permissions(), new.assignable_scopes()));
    let names = ["actions", "notActions", "dataActions", "notDataActions", "assignableScopes"];
    names.into_iter().enumerate().fold(entry, |entry, (at, name)| {
        let text = |lists: &Option<[(&str, Vec<&str>); 5]>| {
            let values = lists.as_ref().map(|lists| lists[at].1.as_slice());
            values.filter(|values| !values.is_empty()).map(|values| values.join(", "))
        };
        entry.fact(name, text(&old), text(&new))
    })
}

/// A role of one subscription is seen by the access administrators of that subscription; one of
/// several, or that was of another before, by the administrator alone.
fn of_subscription<'a>(entry: Entry, scopes: impl IntoIterator<Item = &'a Scope>) -> Entry {
    let mut subscriptions = scopes.into_iter().map(Scope::subscription);
    let first: Option<SubscriptionId> = subscriptions.next();
    match first.filter(|first| subscriptions.all(|other| other == *first)) {
        Some(only) => entry.of_subscription(only),
        None => entry,
    }
}

/// Every role in force.
pub(crate) async fn read_roles(connection: &mut SqliteConnection) -> Result<Roles, StorageError> {
    // A role that was removed and made again is a new one.
    let rows = sqlx::query(
        "SELECT role.*, changed.at_micros AS changed_micros, changed.by AS changed_by,
                made.at_micros AS made_micros, made.by AS made_by
         FROM role_definition AS role
         JOIN revision AS changed ON changed.number = role.revision
         JOIN revision AS made ON made.number =
             (SELECT min(revision) FROM role_definition AS first
              WHERE first.id = role.id AND first.revision > coalesce(
                  (SELECT max(revision) FROM role_definition AS removed
                   WHERE removed.id = role.id AND removed.name IS NULL), 0))
         WHERE role.name IS NOT NULL AND role.revision =
             (SELECT max(revision) FROM role_definition AS last WHERE last.id = role.id)",
    );
    let rows = rows.fetch_all(&mut *connection).await?;
    let mut roles = BTreeMap::new();
    for row in &rows {
        let role = read_role(row)?;
        roles.insert(role.custom.as_ref().map(|custom| custom.revision), role);
    }
    let entries = sqlx::query(
        "SELECT entry.revision, list, value FROM role_definition_entry AS entry
         JOIN role_definition AS role ON role.revision = entry.revision
         WHERE role.revision =
             (SELECT max(revision) FROM role_definition AS last WHERE last.id = role.id)
         ORDER BY entry.revision, list, position",
    );
    for row in &entries.fetch_all(&mut *connection).await? {
        let revision = Revision(Stored::new("role_definition_entry", row).count("revision")?);
        if let Some(role) = roles.get_mut(&Some(revision)) {
            add_value(role, row)?;
        }
    }
    Ok(Roles::new(roles.into_values()))
}

/// A role, but for its lists.
fn read_role(row: &SqliteRow) -> Result<Role, StorageError> {
    let row = Stored::new("role_definition", row);
    Ok(Role {
        id: row.parsed("id", RoleId::parse)?,
        name: row.text("name")?.to_owned(),
        description: row.text("description")?.to_owned(),
        permissions: Permissions::default(),
        custom: Some(Custom {
            tenant: row.parsed("tenant", TenantId::parse)?,
            assignable_scopes: Vec::new(),
            revision: Revision(row.count("revision")?),
            created_at: row.time("made_micros")?,
            created_by: row.text("made_by")?.to_owned(),
            updated_at: row.time("changed_micros")?,
            updated_by: row.text("changed_by")?.to_owned(),
        }),
    })
}

fn add_value(role: &mut Role, row: &SqliteRow) -> Result<(), StorageError> {
    let row = Stored::new("role_definition_entry", row);
    let permissions = &mut role.permissions;
    let patterns = match row.text("list")? {
        "action" => &mut permissions.actions,
        "not_action" => &mut permissions.not_actions,
        "data_action" => &mut permissions.data_actions,
        "not_data_action" => &mut permissions.not_data_actions,
        "assignable_scope" => {
            let scope = row.parsed("value", Scope::parse)?;
            role.custom.iter_mut().for_each(|one| one.assignable_scopes.push(scope.clone()));
            return Ok(());
        }
        other => return Err(row.damaged("list", other.to_owned())),
    };
    patterns.push(row.parsed("value", ActionPattern::parse)?);
    Ok(())
}

impl fmt::Display for PutRoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOfTenant(id) => write!(f, "role {id} is built in or another tenant's"),
            Self::NameTaken { name, role } => write!(f, "role {role} has the name '{name}'"),
            Self::NotInTenant(scope) => write!(f, "'{scope}' is in no subscription of the tenant"),
            Self::AssignedOutside(scope) => {
                write!(f, "the role is assigned at '{scope}', where it could not be any more")
            }
            Self::Changed(id) => write!(f, "role {id} was changed meanwhile"),
            Self::TooMany { most } => write!(f, "the tenant has {most} custom roles, the most"),
            Self::Storage(_) => f.write_str("role was not defined"),
        }
    }
}

impl std::error::Error for PutRoleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            Self::NotOfTenant(_)
            | Self::NameTaken { .. }
            | Self::NotInTenant(_)
            | Self::AssignedOutside(_)
            | Self::Changed(_)
            | Self::TooMany { .. } => None,
        }
    }
}

impl fmt::Display for RemoveRoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assigned(id) => write!(f, "role {id} is assigned"),
            Self::Changed(id) => write!(f, "role {id} was changed meanwhile"),
            Self::Storage(_) => f.write_str("role was not removed"),
        }
    }
}

impl std::error::Error for RemoveRoleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            Self::Assigned(_) | Self::Changed(_) => None,
        }
    }
}

crate::error::from_storage!(PutRoleError, RemoveRoleError);
