//! Opening files of this format, of older and newer ones, and of something else.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A copy of the accounts of the first format in the kept data folder.
fn kept() -> (TempDir, PathBuf) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/folders/1/accounts.db");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.db");
    std::fs::copy(kept, &path).unwrap();
    (folder, path)
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn column(path: &Path, sql: String) -> Vec<String> {
    let mut connection = connect(path).await;
    let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await;
    connection.close().await.unwrap();
    rows.unwrap()
}

async fn tables(path: &Path) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    column(path, sql.to_owned()).await
}

/// Every row of a table as text.
async fn rows(path: &Path, table: &str) -> Vec<String> {
    let names = column(path, format!("SELECT name FROM pragma_table_info('{table}')")).await;
    let quoted: Vec<_> = names.iter().map(|name| format!("quote(\"{name}\")")).collect();
    column(path, format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "))).await
}

async fn all_rows(path: &Path) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for table in tables(path).await {
        if table != "format" {
            all.push((table.clone(), rows(path, &table).await));
        }
    }
    all
}

fn file_names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_upgrade_keeps_everything_and_leaves_a_copy() {
    let (folder, path) = kept();
    let before = all_rows(&path).await;
    assert!(before.len() > 5 && before.iter().any(|(_, rows)| rows.len() > 3));
    let accounts = Accounts::open(&path, at(0)).await.unwrap();
    assert_eq!(accounts.revision().await.unwrap(), Revision(4));
    let subscriptions = accounts.subscriptions().await.unwrap();
    assert_eq!(subscriptions.len(), 1);
    assert_eq!(subscriptions[0].name.as_str(), "Kept");
    let cards = accounts.rate_cards().await.unwrap();
    assert_eq!((cards.len(), cards[0].meters, cards[0].reprice_closed), (1, 2, false));
    assert_eq!(accounts.role_assignments().await.unwrap().len(), 1);
    let id = subscriptions[0].id;
    accounts.change_subscription(id, change("name=New"), None, BY, at(9)).await.unwrap();
    accounts.close().await.unwrap();

    let copy = folder.path().join("accounts.db.format-1");
    assert_eq!(all_rows(&copy).await, before);
    assert_eq!(rows(&copy, "format").await, ["1"]);
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(rows(&path, "format").await, ["1", "5"]);
    let mut after = all_rows(&path).await;
    after.retain(|(table, _)| before.iter().any(|(old, _)| old == table));
    let revisions = after.iter_mut().find(|(table, _)| table == "revision").unwrap();
    assert!(revisions.1.pop().unwrap().starts_with("5,"));
    assert_eq!(after, before);
}

#[tokio::test]
async fn an_upgraded_file_is_like_a_new_one() {
    async fn schema(path: &Path) -> Vec<String> {
        let sql = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema
                   ORDER BY type, name";
        column(path, sql.to_owned()).await
    }
    let (folder, path) = kept();
    Accounts::open(&path, at(0)).await.unwrap().close().await.unwrap();
    let new = folder.path().join("new.db");
    Accounts::open(&new, at(0)).await.unwrap().close().await.unwrap();
    assert_eq!(schema(&path).await, schema(&new).await);
    assert_eq!(rows(&new, "format").await, ["5"]);
}

#[tokio::test]
async fn a_file_is_upgraded_once_and_no_copy_is_overwritten() {
    let (folder, path) = kept();
    std::fs::write(folder.path().join("accounts.db.format-1"), "kept before").unwrap();
    std::fs::write(folder.path().join("accounts.db.format-1.part"), "cut short").unwrap();
    for _ in 0..2 {
        Accounts::open(&path, at(0)).await.unwrap().close().await.unwrap();
        let expected = ["accounts.db", "accounts.db.format-1", "accounts.db.format-1.2"];
        assert_eq!(file_names(&folder), expected);
    }
    let before = std::fs::read(folder.path().join("accounts.db.format-1")).unwrap();
    assert_eq!(before, b"kept before");
    let copy = folder.path().join("accounts.db.format-1.2");
    assert_eq!(rows(&copy, "format").await, ["1"]);
}

#[tokio::test]
async fn without_a_copy_there_is_no_upgrade() {
    let (folder, path) = kept();
    std::fs::create_dir(folder.path().join("accounts.db.format-1.part")).unwrap();
    let error = Accounts::open(&path, at(0)).await.unwrap_err();
    assert!(matches!(error, OpenError::NotCopied { .. }), "{error}");
    assert_eq!(rows(&path, "format").await, ["1"]);
    std::fs::remove_dir(folder.path().join("accounts.db.format-1.part")).unwrap();
    Accounts::open(&path, at(0)).await.unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.db");
    run_sql(
        &path,
        "CREATE TABLE format (version INTEGER); INSERT INTO format VALUES (6);
         CREATE TABLE something_new (x)",
    )
    .await
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Accounts::open(&path, at(0)).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { format: 6, supported: 5, .. }), "{error}");
    assert!(error.to_string().ends_with("has format 6, this release knows formats up to 5"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("other.db");
    run_sql(&database, "CREATE TABLE songs (title)").await.unwrap();
    let error = Accounts::open(&database, at(0)).await.unwrap_err();
    assert!(matches!(error, OpenError::NotAccounts { .. }), "{error}");
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database at all, but longer than a header of SQLite is: 100 bytes",
    )
    .unwrap();
    let error = Accounts::open(&text, at(0)).await.unwrap_err();
    assert!(matches!(error, OpenError::Storage { .. }), "{error}");
}

/// Rows of the tables that nothing writes: those of an older format.
const NOT_WRITTEN_YET: &str = "
    INSERT INTO role_assignment VALUES ('a', 1, 'p', 'r', 's');
    INSERT INTO role_assignment_removal VALUES ('a', 2);";

/// Accounts with a row in every table.
async fn full() -> Fixture {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    let id = subscription_id(1);
    custom_roles::put(&fixture, 7, "Auditor | */read | 1:", 1).await.unwrap();
    let made = accounts.assign_role(grant(5, "Reader", scope(1, "")), BY, at(2)).await.unwrap();
    accounts.remove_role_assignment(made.assignment.id, None, BY, at(3)).await.unwrap();
    accounts.add_rate_card(&card_key("en-US"), b"{}", 0, true, BY, at(4)).await.unwrap();
    accounts.change_subscription(id, change("name=B"), None, BY, at(5)).await.unwrap();
    let made = price_overrides::add(&fixture, "installation every 0.. 10%").await.unwrap();
    accounts.end_price_override(made.id, at(9), false, BY, at(6)).await.unwrap();
    let (old, new) = (meter(1), meter(2));
    accounts.add_meter_alias(old, new, false, BY, at(7)).await.unwrap();
    let tags = resource_group_tags::tags("a=b");
    let set = accounts.set_resource_group_tags(id, "g", tags, day("2026-01-01"), BY, at(8));
    set.await.unwrap();
    let source = Source::parse("s").unwrap();
    let watermark = NewWatermark { subscription: id, source, complete_up_to: at(1) };
    accounts.add_watermarks(&[watermark], at(9)).await.unwrap();
    let made = service_principals::create(&fixture, "n", 1, 10).await.unwrap();
    let secret = service_principals::secret(2, 1);
    let rotated = accounts.rotate_service_principal(made.application, secret, 0, BY, at(11));
    rotated.await.unwrap();
    accounts.delete_service_principal(made.application, BY, at(12)).await.unwrap();
    accounts.rotate_administrator(BY, at(13)).await.unwrap();
    accounts.set_retention(id, Some(30), BY, at(14)).await.unwrap();
    erasures::begin(&fixture, 1, 1, Some("2026-01-01")).await.unwrap();
    erasures::end_with(&fixture, 1, &["data/a.parquet"]).await;
    erasures::begin(&fixture, 2, 1, Some("2026-01-02")).await.unwrap();
    let reason = HoldReason::parse("a court asks").unwrap();
    accounts.set_legal_hold(id, reason, BY, at(15)).await.unwrap();
    run_sql(&fixture.path, NOT_WRITTEN_YET).await.unwrap();
    fixture
}

#[tokio::test]
async fn rows_are_never_changed_or_deleted() {
    let fixture = full().await;
    let tables = tables(&fixture.path).await;
    assert_eq!(tables.len(), 34);
    for table in tables {
        assert_ne!(rows(&fixture.path, &table).await.len(), 0, "{table} has no row");
        let names =
            column(&fixture.path, format!("SELECT name FROM pragma_table_info('{table}')")).await;
        let mut changes = vec![format!("DELETE FROM {table}")];
        changes
            .extend(names.iter().map(|name| format!("UPDATE {table} SET \"{name}\" = \"{name}\"")));
        let mut connection = connect(&fixture.path).await;
        for sql in changes {
            let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&mut connection);
            let refused = refused.await.unwrap_err().to_string();
            assert!(refused.contains("rows are never"), "{sql}: {refused}");
        }
        connection.close().await.unwrap();
    }
}
