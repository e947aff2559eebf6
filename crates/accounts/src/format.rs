//! The format of the accounts file: a new file is made in the latest one, an older file is brought
//! to it after a copy was put beside it, and a newer one is refused.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::task::spawn_blocking;

use crate::error::{OpenError, StorageError};
use crate::limits::COPIES_MAX;
use crate::store::Stored;

/// The format that this release writes.
pub(crate) const FORMAT: i64 = 5;
/// All tables, in one part for each format that added some.
const SCHEMA: &str = include_str!("schema.sql");

/// The format of the file, which this release can open; none if the file is empty.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Option<i64>, OpenError> {
    let failed = |error| OpenError::Storage { path: path.to_owned(), error };
    let tables = sqlx::query_scalar::<_, String>("SELECT name FROM sqlite_schema");
    let tables = tables.fetch_all(&mut *connection).await.map_err(|error| failed(error.into()))?;
    if tables.is_empty() {
        return Ok(None);
    }
    if !tables.iter().any(|table| table == "format") {
        return Err(OpenError::NotAccounts { path: path.to_owned() });
    }
    let row = sqlx::query("SELECT max(version) AS version FROM format").fetch_one(connection).await;
    let row = row.map_err(|error| failed(error.into()))?;
    match Stored::new("format", &row).integer("version").map_err(failed)? {
        format if format > FORMAT => {
            Err(OpenError::Newer { path: path.to_owned(), format, supported: FORMAT })
        }
        format if format >= 1 => Ok(Some(format)),
        _ => Err(OpenError::NotAccounts { path: path.to_owned() }),
    }
}

/// Makes the tables of a new file.
pub(crate) async fn make(change: &mut SqliteConnection) -> Result<(), StorageError> {
    add_tables(change, 1).await
}

/// Brings a file of an older format to the latest one. What the file says does not change, so this
/// is no revision.
pub(crate) async fn upgrade(change: &mut SqliteConnection, older: i64) -> Result<(), StorageError> {
    add_tables(change, older + 1).await
}

async fn add_tables(change: &mut SqliteConnection, from: i64) -> Result<(), StorageError> {
    let mark = format!("-- From format {from} on.\n");
    let (_, tables) = SCHEMA.split_once(&mark).expect("the schema has a part for each format");
    sqlx::raw_sql(tables).execute(&mut *change).await?;
    sqlx::query("INSERT INTO format (version) VALUES (?)").bind(FORMAT).execute(change).await?;
    Ok(())
}

/// Puts a copy of a file of an older format beside it, under a name that is free; on disk when this
/// returns. The caller keeps others from changing the file meanwhile.
pub(crate) async fn copy(
    read_only: &SqliteConnectOptions,
    path: &Path,
    older: i64,
) -> Result<(), OpenError> {
    let copy = beside(path, &format!(".format-{older}"));
    let failed = |error| OpenError::NotCopied { copy: copy.clone(), error };
    // Its last name is given to a copy that is whole; one that a crash cut short is made anew.
    let part = beside(&copy, ".part");
    blocking(part.clone(), |part| make_private_file(&part)).await.map_err(failed)?;
    vacuum_into(read_only, &part).await.map_err(failed)?;
    let last = copy.clone();
    blocking(part, move |part| keep(&part, &last)).await.map_err(failed)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

async fn blocking(
    path: PathBuf,
    work: impl FnOnce(PathBuf) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    spawn_blocking(move || work(path)).await.expect("work on files does not panic")
}

/// Accounts are readable by their owner alone, and so are copies of them.
fn make_private_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map(drop)
}

/// The whole database as of now in one file, whatever of it still is in the journal.
async fn vacuum_into(read_only: &SqliteConnectOptions, part: &Path) -> io::Result<()> {
    let part = part.to_str().ok_or_else(|| io::Error::other("the path is not Unicode"))?;
    let mut connection =
        SqliteConnection::connect_with(read_only).await.map_err(io::Error::other)?;
    let vacuum = sqlx::query("VACUUM INTO ?").bind(part);
    vacuum.execute(&mut connection).await.map_err(io::Error::other)?;
    connection.close().await.map_err(io::Error::other)
}

fn keep(part: &Path, copy: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, free_name(copy)?)?;
    match copy.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn free_name(copy: &Path) -> io::Result<PathBuf> {
    let others = (2..=COPIES_MAX).map(|number| beside(copy, &format!(".{number}")));
    for name in std::iter::once(copy.to_owned()).chain(others) {
        if !name.try_exists()? {
            return Ok(name);
        }
    }
    Err(io::Error::other(format!("there are {COPIES_MAX} copies already")))
}
