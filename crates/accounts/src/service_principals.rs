//! Service principals on file.

use std::collections::HashMap;
use std::fmt;

use domain::id::{ApplicationId, ObjectId, SecretId, TenantId};
use domain::time::UtcTime;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::limits::{OVERLAP_HOURS_MAX, SECRET_DAYS_MAX, SECRETS_MAX, SERVICE_PRINCIPALS_MAX};
use crate::service_principal::{NewSecret, Secret, SecretHash, ServicePrincipal};
use crate::store::{Accounts, Revision, Stored, random_guid, stored};
use crate::subscription::DisplayName;
use crate::subscriptions::tenant_exists;

/// Why a service principal was not made.
#[derive(Debug)]
pub enum CreateServicePrincipalError {
    /// There is no such tenant.
    NoSuchTenant(TenantId),
    /// A secret does not live for that many days.
    Days(u32),
    /// There are as many as there may be.
    TooMany,
    /// The accounts file failed.
    Storage(StorageError),
}

/// Why a service principal was not given another secret.
#[derive(Debug)]
pub enum RotateServicePrincipalError {
    /// There is no such service principal, or no more.
    NotFound(ApplicationId),
    /// A secret does not live for that many days.
    Days(u32),
    /// Earlier secrets do not stay in force for that many hours.
    Overlap(u32),
    /// It was given as many secrets as it may be.
    TooMany,
    /// The accounts file failed.
    Storage(StorageError),
}

/// Why a service principal was not deleted.
#[derive(Debug)]
pub enum DeleteServicePrincipalError {
    /// There is no such service principal, or no more.
    NotFound(ApplicationId),
    /// The accounts file failed.
    Storage(StorageError),
}

/// Service principals that are not deleted; each use adds its own condition and order.
macro_rules! in_force {
    ($rest:literal) => {
        concat!(
            "SELECT service_principal.*, at_micros, by
             FROM service_principal JOIN revision ON number = revision
             WHERE NOT EXISTS
                 (SELECT 1 FROM service_principal_removal AS removal
                  WHERE removal.application = service_principal.application) ",
            $rest
        )
    };
}

/// Secrets with the earliest of their ends; each use adds its own condition, and then the grouping.
macro_rules! secrets {
    ($condition:literal) => {
        concat!(
            "SELECT secret.id, secret.application, secret.hash, at_micros,
                 min(secret.until_micros,
                     coalesce(min(ended.until_micros), secret.until_micros)) AS until_micros
             FROM service_principal_secret AS secret
             JOIN revision ON number = secret.revision
             LEFT JOIN service_principal_secret_end AS ended ON ended.secret = secret.id ",
            $condition,
            " GROUP BY secret.id ORDER BY secret.revision"
        )
    };
}

impl Accounts {
    /// Makes a service principal of a tenant, with its first secret.
    ///
    /// # Errors
    /// [`CreateServicePrincipalError`] if there is no such tenant, the secret's life is not of 1 to
    /// 730 days, there are too many, or the file fails.
    pub async fn create_service_principal(
        &self,
        tenant: TenantId,
        name: DisplayName,
        secret: NewSecret,
        by: &str,
        now: UtcTime,
    ) -> Result<ServicePrincipal, CreateServicePrincipalError> {
        if !(1..=SECRET_DAYS_MAX).contains(&secret.days) {
            return Err(CreateServicePrincipalError::Days(secret.days));
        }
        let mut change = self.begin(now).await?;
        if !tenant_exists(&mut change, tenant).await? {
            return Err(CreateServicePrincipalError::NoSuchTenant(tenant));
        }
        if count_in_force(&mut change).await? >= SERVICE_PRINCIPALS_MAX {
            return Err(CreateServicePrincipalError::TooMany);
        }
        let (application, object) =
            (ApplicationId::from_bits(random_guid()), ObjectId::from_bits(random_guid()));
        let secret = made(secret, change.now());
        let entry = Entry::new("servicePrincipals/write", application)
            .new_fact("displayName", &name)
            .new_fact("tenantId", tenant)
            .new_fact("objectId", object)
            .new_fact(expiry_of(secret.id), secret.until);
        let action = format!("create service principal {application} of tenant {tenant}");
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query(
            "INSERT INTO service_principal (application, object, revision, tenant, name)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(application.to_string())
        .bind(object.to_string())
        .bind(stored(revision.0))
        .bind(tenant.to_string())
        .bind(name.as_str())
        .execute(&mut *change)
        .await?;
        insert_secret(&mut change, application, &secret, revision).await?;
        let (created_at, created_by) = (change.now(), by.to_owned());
        change.commit().await?;
        let secrets = vec![secret];
        Ok(ServicePrincipal { application, object, tenant, name, created_at, created_by, secrets })
    }

    /// Gives a service principal another secret, and ends its earlier ones so many hours from now,
    /// as far as they do not expire before; answers it with all of its secrets.
    ///
    /// # Errors
    /// [`RotateServicePrincipalError`] if there is none, the secret's life is not of 1 to 730 days,
    /// the overlap is more than 720 hours, it was given 1,000 secrets already, or the file fails.
    pub async fn rotate_service_principal(
        &self,
        application: ApplicationId,
        secret: NewSecret,
        overlap_hours: u32,
        by: &str,
        now: UtcTime,
    ) -> Result<ServicePrincipal, RotateServicePrincipalError> {
        if !(1..=SECRET_DAYS_MAX).contains(&secret.days) {
            return Err(RotateServicePrincipalError::Days(secret.days));
        }
        if overlap_hours > OVERLAP_HOURS_MAX {
            return Err(RotateServicePrincipalError::Overlap(overlap_hours));
        }
        let mut change = self.begin(now).await?;
        let found = find(&mut change, application).await?;
        let mut principal = found.ok_or(RotateServicePrincipalError::NotFound(application))?;
        if u64::try_from(principal.secrets.len()).is_ok_and(|count| count >= SECRETS_MAX) {
            return Err(RotateServicePrincipalError::TooMany);
        }
        let end = change.now().plus_hours(i64::from(overlap_hours));
        let secret = made(secret, change.now());
        let mut entry = Entry::new("servicePrincipals/rotate", application);
        for earlier in principal.secrets.iter().filter(|earlier| end < earlier.until) {
            entry = entry.fact(expiry_of(earlier.id), Some(earlier.until), Some(end));
        }
        entry = entry.new_fact(expiry_of(secret.id), secret.until);
        let action = format!("rotate the secret of service principal {application}");
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        for earlier in principal.secrets.iter_mut().filter(|earlier| end < earlier.until) {
            end_secret(&mut change, earlier.id, end, revision).await?;
            earlier.until = end;
        }
        insert_secret(&mut change, application, &secret, revision).await?;
        change.commit().await?;
        principal.secrets.push(secret);
        Ok(principal)
    }

    /// Deletes a service principal; answers what was deleted. Its ids are never given out again.
    ///
    /// # Errors
    /// [`DeleteServicePrincipalError`] if there is none, or the file fails.
    pub async fn delete_service_principal(
        &self,
        application: ApplicationId,
        by: &str,
        now: UtcTime,
    ) -> Result<ServicePrincipal, DeleteServicePrincipalError> {
        let mut change = self.begin(now).await?;
        let found = find(&mut change, application).await?;
        let principal = found.ok_or(DeleteServicePrincipalError::NotFound(application))?;
        let mut entry = Entry::new("servicePrincipals/delete", application)
            .gone_fact("displayName", &principal.name)
            .gone_fact("tenantId", principal.tenant)
            .gone_fact("objectId", principal.object);
        for secret in principal.secrets_in_force(change.now()) {
            entry = entry.gone_fact(expiry_of(secret.id), secret.until);
        }
        let action = format!("delete service principal {application}");
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query("INSERT INTO service_principal_removal (application, revision) VALUES (?, ?)")
            .bind(application.to_string())
            .bind(stored(revision.0))
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(principal)
    }

    /// Every service principal that is not deleted, in the order in which they were made.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn service_principals(&self) -> Result<Vec<ServicePrincipal>, StorageError> {
        // One transaction, so that no change comes between the two.
        let mut reading = self.reader.begin().await?;
        let rows = sqlx::query(in_force!("ORDER BY revision")).fetch_all(&mut *reading).await?;
        let secret_rows = sqlx::query(secrets!("")).fetch_all(&mut *reading).await?;
        let mut secrets: HashMap<_, Vec<_>> = HashMap::new();
        for row in &secret_rows {
            let (application, secret) = read_secret(row)?;
            secrets.entry(application).or_default().push(secret);
        }
        let mut principals = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut principal = read_principal(row)?;
            principal.secrets = secrets.remove(&principal.application).unwrap_or_default();
            principals.push(principal);
        }
        Ok(principals)
    }

    /// The object ids of the service principals that were deleted in the so many hours before the
    /// last change, which whoever outlives them by no more has to know.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn deleted_service_principals(
        &self,
        hours: u32,
    ) -> Result<Vec<ObjectId>, StorageError> {
        let rows = sqlx::query(
            "SELECT object FROM service_principal_removal AS removal
             JOIN service_principal ON service_principal.application = removal.application
             JOIN revision ON number = removal.revision
             WHERE at_micros >= (SELECT max(at_micros) FROM revision) - ?",
        );
        let rows = rows.bind(i64::from(hours) * 3_600_000_000).fetch_all(&self.reader).await?;
        let read = |row| Stored::new("service_principal", row).parsed("object", ObjectId::parse);
        rows.iter().map(read).collect()
    }
}

/// The fact of a secret, which names it by its id: when it expires.
fn expiry_of(secret: SecretId) -> String {
    format!("secret {secret} expires")
}

fn made(new: NewSecret, now: UtcTime) -> Secret {
    let until = now.plus_hours(i64::from(new.days) * 24);
    Secret { id: new.id, hash: new.hash, created_at: now, until }
}

async fn count_in_force(connection: &mut SqliteConnection) -> Result<u64, StorageError> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM service_principal) -
             (SELECT count(*) FROM service_principal_removal) AS principals",
    );
    let row = row.fetch_one(connection).await?;
    Stored::new("service_principal", &row).count("principals")
}

async fn find(
    connection: &mut SqliteConnection,
    application: ApplicationId,
) -> Result<Option<ServicePrincipal>, StorageError> {
    let row = sqlx::query(in_force!("AND application = ?")).bind(application.to_string());
    let Some(row) = row.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let mut principal = read_principal(&row)?;
    let rows = sqlx::query(secrets!("WHERE secret.application = ?"));
    let rows = rows.bind(application.to_string()).fetch_all(connection).await?;
    for row in &rows {
        principal.secrets.push(read_secret(row)?.1);
    }
    Ok(Some(principal))
}

async fn insert_secret(
    connection: &mut SqliteConnection,
    application: ApplicationId,
    secret: &Secret,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO service_principal_secret (id, revision, application, hash, until_micros)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(secret.id.to_string())
    .bind(stored(revision.0))
    .bind(application.to_string())
    .bind(secret.hash.as_str())
    .bind(secret.until.to_micros())
    .execute(connection)
    .await?;
    Ok(())
}

async fn end_secret(
    connection: &mut SqliteConnection,
    secret: SecretId,
    until: UtcTime,
    revision: Revision,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO service_principal_secret_end (revision, secret, until_micros)
         VALUES (?, ?, ?)",
    )
    .bind(stored(revision.0))
    .bind(secret.to_string())
    .bind(until.to_micros())
    .execute(connection)
    .await?;
    Ok(())
}

fn read_principal(row: &SqliteRow) -> Result<ServicePrincipal, StorageError> {
    let row = Stored::new("service_principal", row);
    Ok(ServicePrincipal {
        application: row.parsed("application", ApplicationId::parse)?,
        object: row.parsed("object", ObjectId::parse)?,
        tenant: row.parsed("tenant", TenantId::parse)?,
        name: row.parsed("name", DisplayName::parse)?,
        created_at: row.time("at_micros")?,
        created_by: row.text("by")?.to_owned(),
        secrets: Vec::new(),
    })
}

fn read_secret(row: &SqliteRow) -> Result<(ApplicationId, Secret), StorageError> {
    let row = Stored::new("service_principal_secret", row);
    let secret = Secret {
        id: row.parsed("id", SecretId::parse)?,
        hash: SecretHash::new(row.text("hash")?.to_owned()),
        created_at: row.time("at_micros")?,
        until: row.time("until_micros")?,
    };
    Ok((row.parsed("application", ApplicationId::parse)?, secret))
}

fn write_days(f: &mut fmt::Formatter<'_>, days: u32) -> fmt::Result {
    write!(f, "a secret lives for 1 to {SECRET_DAYS_MAX} days, not {days}")
}

impl fmt::Display for CreateServicePrincipalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTenant(tenant) => write!(f, "tenant {tenant} does not exist"),
            Self::Days(days) => write_days(f, *days),
            Self::TooMany => write!(f, "{SERVICE_PRINCIPALS_MAX} service principals are the most"),
            Self::Storage(_) => f.write_str("service principal was not made"),
        }
    }
}

impl std::error::Error for CreateServicePrincipalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoSuchTenant(_) | Self::Days(_) | Self::TooMany => None,
            Self::Storage(error) => Some(error),
        }
    }
}

impl fmt::Display for RotateServicePrincipalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(id) => write!(f, "service principal {id} does not exist"),
            Self::Days(days) => write_days(f, *days),
            Self::Overlap(hours) => write!(
                f,
                "earlier secrets stay in force for at most {OVERLAP_HOURS_MAX} hours, not {hours}"
            ),
            Self::TooMany => {
                write!(f, "{SECRETS_MAX} secrets are the most that a service principal is given")
            }
            Self::Storage(_) => f.write_str("secret was not rotated"),
        }
    }
}

impl std::error::Error for RotateServicePrincipalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_) | Self::Days(_) | Self::Overlap(_) | Self::TooMany => None,
            Self::Storage(error) => Some(error),
        }
    }
}

impl fmt::Display for DeleteServicePrincipalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(id) => write!(f, "service principal {id} does not exist"),
            Self::Storage(_) => f.write_str("service principal was not deleted"),
        }
    }
}

impl std::error::Error for DeleteServicePrincipalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(
    CreateServicePrincipalError,
    RotateServicePrincipalError,
    DeleteServicePrincipalError
);
