//! Rotations of the administrator's token. How many there were is the generation of the tokens that
//! count: each rotation makes those of earlier generations worthless.

use domain::time::UtcTime;
use sqlx::SqliteConnection;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::store::{Accounts, Stored, stored};

impl Accounts {
    /// Makes every token of the administrator that was given out so far worthless; answers the
    /// generation of those that count from here on.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails; then nothing changed.
    pub async fn rotate_administrator(&self, by: &str, now: UtcTime) -> Result<u64, StorageError> {
        let mut change = self.begin(now).await?;
        let before = generation(&mut change).await?;
        let entry = Entry::new("administratorToken/rotate", self.installation().administrator)
            .fact("generation", Some(before), Some(before + 1));
        let action = "rotate the administrator's token";
        let revision = add_revision(&mut change, by, action, &entry).await?;
        sqlx::query("INSERT INTO administrator_rotation (revision) VALUES (?)")
            .bind(stored(revision.0))
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(before + 1)
    }

    /// The generation of the administrator's tokens that count; 0 until the first rotation.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn administrator_generation(&self) -> Result<u64, StorageError> {
        generation(&mut *self.reader.acquire().await?).await
    }
}

async fn generation(connection: &mut SqliteConnection) -> Result<u64, StorageError> {
    let row = sqlx::query("SELECT count(*) AS rotations FROM administrator_rotation");
    let row = row.fetch_one(connection).await?;
    Stored::new("administrator_rotation", &row).count("rotations")
}
