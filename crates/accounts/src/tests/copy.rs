//! A copy of the accounts is the accounts as of the moment at which it was pinned.

use std::fs::File;

use super::*;

/// Every row of every table, and what made it.
async fn dump(path: &Path) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let made = sqlx::query_as::<_, (String, String)>(
        "SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name",
    );
    let mut lines = Vec::new();
    for (name, sql) in made.fetch_all(&mut connection).await.unwrap() {
        lines.push(format!("{name}: {sql}"));
        if !sql.starts_with("CREATE TABLE") {
            continue;
        }
        let columns = sqlx::query_scalar::<_, String>(
            "SELECT 'quote(' || group_concat(name, ') || '','' || quote(') || ')'
             FROM pragma_table_info(?)",
        );
        let columns = columns.bind(&name).fetch_one(&mut connection).await.unwrap();
        let rows = format!("SELECT {columns} AS row FROM {name} ORDER BY row");
        let rows = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(rows));
        lines.extend(rows.fetch_all(&mut connection).await.unwrap());
    }
    lines
}

#[tokio::test]
async fn a_copy_is_of_the_moment_at_which_it_was_pinned() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    accounts.rotate_administrator(BY, at(1)).await.unwrap();
    let before = dump(&fixture.path).await;
    let copy = fixture.path.with_file_name("copy.db");
    File::create_new(&copy).unwrap();
    let pinned = accounts.pin(&copy).await.unwrap();
    assert_eq!(pinned.revision(), accounts.revision().await.unwrap());
    // Changes go on, and are not copied.
    accounts.rotate_administrator(BY, at(2)).await.unwrap();
    assert_eq!(accounts.note_backup(BY, true, at(3)).await.unwrap(), Revision(4));
    pinned.copy().await.unwrap();
    assert_eq!(dump(&copy).await, before);
    assert_ne!(dump(&fixture.path).await, before);

    let copied = Accounts::open(&copy, at(4)).await.unwrap();
    assert_eq!(copied.installation(), accounts.installation());
    assert_eq!(copied.revision().await.unwrap(), Revision(2));
    assert_eq!(copied.administrator_generation().await.unwrap(), 1);
    // It refuses what accounts refuse.
    copied.close().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&copy);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    assert!(sqlx::query("DELETE FROM revision").execute(&mut connection).await.is_err());
}

#[tokio::test]
async fn what_is_pinned_and_never_copied_holds_up_nothing() {
    let fixture = Fixture::new().await;
    let copy = fixture.path.with_file_name("copy.db");
    File::create_new(&copy).unwrap();
    drop(fixture.accounts.pin(&copy).await.unwrap());
    fixture.accounts.rotate_administrator(BY, at(1)).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), 0);
}
