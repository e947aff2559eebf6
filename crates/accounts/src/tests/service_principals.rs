//! Service principals, their secrets, and the administrator's token: what counts when.

use domain::id::SecretId;

use super::*;

/// A secret that lives for so many days.
pub(super) fn secret(id: u128, days: u32) -> NewSecret {
    let hash = SecretHash::new(format!("hash {id}"));
    NewSecret { id: SecretId::from_bits(id), hash, days }
}

/// Makes a service principal of the installation's tenant, whose secret has id 1.
pub(super) async fn create(
    fixture: &Fixture,
    name: &str,
    days: u32,
    seconds: i64,
) -> Result<ServicePrincipal, CreateServicePrincipalError> {
    let (accounts, name) = (&fixture.accounts, DisplayName::parse(name).unwrap());
    let tenant = accounts.installation().tenant;
    accounts.create_service_principal(tenant, name, secret(1, days), BY, at(seconds)).await
}

/// Which secrets count at a time, as their ids.
fn in_force(principal: &ServicePrincipal, seconds: i64) -> Vec<u128> {
    principal.secrets_in_force(at(seconds)).map(|secret| secret.id.to_bits()).collect()
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_service_principal_comes_back_as_it_was_made() {
    let fixture = Fixture::new().await;
    let made = create(&fixture, "Build server", 365, 5).await.unwrap();
    assert_eq!((made.created_at, made.created_by.as_str()), (at(5), BY));
    assert_eq!((made.secrets[0].created_at, made.secrets[0].until), (at(5), at(5 + 365 * DAY)));
    let other = create(&fixture, "Build server", 365, 6).await;
    // The same id of a secret is refused by the file.
    assert!(matches!(other, Err(CreateServicePrincipalError::Storage(_))), "{other:?}");
    let again = fixture.reopened().await;
    assert_eq!(again.accounts.service_principals().await.unwrap(), [made]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let revision = accounts.revision().await.unwrap();
    for days in [0, 731] {
        let refused = create(&fixture, "a", days, 1).await.unwrap_err().to_string();
        assert_eq!(refused, format!("a secret lives for 1 to 730 days, not {days}"));
    }
    let name = DisplayName::parse("a").unwrap();
    let tenant = TenantId::from_bits(9);
    let refused = accounts.create_service_principal(tenant, name, secret(1, 1), BY, at(1)).await;
    let refused = refused.unwrap_err().to_string();
    assert_eq!(refused, "tenant 00000000-0000-0000-0000-000000000009 does not exist");
    let unknown = domain::id::ApplicationId::from_bits(9);
    let missing = "service principal 00000000-0000-0000-0000-000000000009 does not exist";
    let rotated = accounts.rotate_service_principal(unknown, secret(1, 1), 0, BY, at(1)).await;
    assert_eq!(rotated.unwrap_err().to_string(), missing);
    let deleted = accounts.delete_service_principal(unknown, BY, at(1)).await;
    assert_eq!(deleted.unwrap_err().to_string(), missing);
    let rotated = accounts.rotate_service_principal(unknown, secret(1, 1), 721, BY, at(1)).await;
    let refused = rotated.unwrap_err().to_string();
    assert_eq!(refused, "earlier secrets stay in force for at most 720 hours, not 721");
    assert_eq!(accounts.revision().await.unwrap(), revision);
}

#[tokio::test]
async fn a_rotation_ends_earlier_secrets_after_the_overlap() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let id = create(&fixture, "a", 10, 0).await.unwrap().application;
    let rotate = |secret, overlap, seconds| {
        accounts.rotate_service_principal(id, secret, overlap, BY, at(seconds))
    };
    let two = rotate(secret(2, 10), 24, 1_000).await.unwrap();
    assert_eq!(in_force(&two, 1_000 + DAY - 1), [1, 2]);
    assert_eq!(in_force(&two, 1_000 + DAY), [2]);
    // An end that comes later than the one on file changes nothing of it.
    let three = rotate(secret(3, 1), 720, 2_000).await.unwrap();
    assert_eq!(in_force(&three, 1_000 + DAY), [2, 3]);
    assert_eq!(in_force(&three, 2_000 + DAY), [2]);
    assert_eq!(in_force(&three, 1_000 + 10 * DAY), [0; 0]);
    let four = rotate(secret(4, 1), 0, 3_000).await.unwrap();
    assert_eq!(in_force(&four, 3_000), [4]);
    assert_eq!(accounts.service_principals().await.unwrap(), [four]);
}

#[tokio::test]
async fn a_deleted_one_is_gone_and_known_for_a_while() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let made = create(&fixture, "a", 10, 0).await.unwrap();
    let deleted = accounts.delete_service_principal(made.application, BY, at(10)).await.unwrap();
    assert_eq!(deleted, made);
    assert_eq!(accounts.service_principals().await.unwrap(), []);
    let again = accounts.delete_service_principal(made.application, BY, at(11)).await;
    assert!(matches!(again, Err(DeleteServicePrincipalError::NotFound(_))), "{again:?}");
    assert_eq!(accounts.deleted_service_principals(1).await.unwrap(), [made.object]);
    accounts.add_meter_alias(meter(1), meter(2), false, BY, at(10 + 3_600)).await.unwrap();
    assert_eq!(accounts.deleted_service_principals(1).await.unwrap(), [made.object]);
    accounts.add_meter_alias(meter(1), meter(3), false, BY, at(11 + 3_600)).await.unwrap();
    assert_eq!(accounts.deleted_service_principals(1).await.unwrap(), []);
}

#[tokio::test]
async fn there_is_a_most_of_both() {
    let fixture = Fixture::new().await;
    let id = create(&fixture, "a", 10, 0).await.unwrap().application;
    fill(
        &fixture,
        "INSERT INTO service_principal_secret
         SELECT printf('00000000-0000-0000-0000-%012x', number), number, application, 'h', 0
         FROM revision, service_principal WHERE number BETWEEN 3 AND 1000",
    )
    .await;
    let rotate = |id_of_secret| {
        let secret = secret(id_of_secret, 1);
        fixture.accounts.rotate_service_principal(id, secret, 0, BY, at(1))
    };
    assert_eq!(rotate(1_001).await.unwrap().secrets.len(), 1_000);
    let refused = rotate(1_002).await.unwrap_err().to_string();
    assert_eq!(refused, "1000 secrets are the most that a service principal is given");
    let fixture = Fixture::new().await;
    create(&fixture, "a", 10, 0).await.unwrap();
    fill(
        &fixture,
        "INSERT INTO service_principal
         SELECT 'a' || number, 'o' || number, number, tenant, 'n' FROM revision, installation
         WHERE number BETWEEN 3 AND 10001",
    )
    .await;
    let refused = create(&fixture, "b", 1, 1).await.unwrap_err();
    assert_eq!(refused.to_string(), "10000 service principals are the most");
}

#[tokio::test]
async fn hashes_are_in_no_debug_and_no_audit_entry() {
    let fixture = Fixture::new().await;
    let made = create(&fixture, "a", 10, 0).await.unwrap();
    assert_eq!(made.secrets[0].hash.as_str(), "hash 1");
    assert!(!format!("{made:?} {:?}", secret(1, 1)).contains("hash 1"));
    let entries = fixture.accounts.audit_entries(&AuditQuery::default(), 1).await.unwrap();
    assert!(!format!("{entries:?}").contains("hash 1"), "{entries:?}");
    let facts: Vec<_> = entries[0].facts.iter().map(|fact| fact.name.as_str()).collect();
    let of_secret = "secret 00000000-0000-0000-0000-000000000001 expires";
    assert_eq!(facts, ["displayName", "tenantId", "objectId", of_secret]);
}

#[tokio::test]
async fn each_rotation_of_the_administrator_is_a_generation() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.accounts.administrator_generation().await.unwrap(), 0);
    for generation in [1, 2] {
        assert_eq!(fixture.accounts.rotate_administrator(BY, at(1)).await.unwrap(), generation);
    }
    let again = fixture.reopened().await;
    assert_eq!(again.accounts.administrator_generation().await.unwrap(), 2);
}
