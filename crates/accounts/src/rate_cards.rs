//! Rate cards on file: every document byte for byte as it was imported, in versions.

use std::fmt;
use std::io::{self, Read, Write};

use domain::catalogue::RateCardKey;
use domain::id::{Country, Currency, Locale, OfferId};
use domain::time::UtcTime;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tokio::task::spawn_blocking;

use crate::audit::{Entry, add_revision};
use crate::error::StorageError;
use crate::store::{Accounts, Revision, Stored, stored};

/// One import of a rate card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCardVersion {
    /// Its number, from 1, ascending over the installation.
    pub version: u64,
    /// Which card it is.
    pub key: RateCardKey,
    /// How many meters it has.
    pub meters: u64,
    /// Whether its prices hold in closed periods too, which then need adjustments.
    pub reprice_closed: bool,
    /// When it was imported.
    pub imported_at: UtcTime,
    /// Who imported it.
    pub by: String,
    /// The revision that it came with.
    pub revision: Revision,
}

/// A version with its document.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRateCard {
    /// Which version.
    pub version: RateCardVersion,
    /// The document, byte for byte as it was imported.
    pub document: Vec<u8>,
}

impl fmt::Debug for StoredRateCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} bytes", self.version, self.document.len())
    }
}

/// Versions without or with their documents; each use adds its own condition and order.
macro_rules! versions {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT version, offer, currency, locale, region, meters, revision, at_micros, by,
                 version IN (SELECT version FROM rate_card_reprices_closed) AS reprice_closed",
            $columns,
            " FROM rate_card JOIN revision ON revision.number = revision ",
            $rest
        )
    };
}

impl Accounts {
    /// Stores a rate card as a new version, beside earlier ones of the same key.
    ///
    /// The document is not looked into: whoever calls has read it, and counted its meters. With
    /// `reprice_closed` its prices are to hold in closed periods too.
    ///
    /// # Errors
    /// [`StorageError`] if the file fails.
    pub async fn add_rate_card(
        &self,
        key: &RateCardKey,
        document: &[u8],
        meters: u64,
        reprice_closed: bool,
        by: &str,
        now: UtcTime,
    ) -> Result<RateCardVersion, StorageError> {
        let gzip = packed(document.to_vec()).await;
        let RateCardKey { offer, currency, locale, region } = key;
        let mut change = self.begin(now).await?;
        let action = format!("import rate card {offer} {currency} {locale} {region}");
        let version = next_version(&mut change).await?;
        let (before, meters_before) = latest(&mut change, key).await?.unzip();
        let entry = Entry::new("rateCards/write", format!("{offer} {currency} {locale} {region}"))
            .fact("version", before, Some(version))
            .fact("meters", meters_before, Some(meters))
            .new_fact("repriceClosed", reprice_closed);
        let revision = add_revision(&mut change, by, &action, &entry).await?;
        sqlx::query(
            "INSERT INTO rate_card
                 (version, revision, offer, currency, locale, region, meters, document_gzip)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(stored(version))
        .bind(stored(revision.0))
        .bind(offer.as_str())
        .bind(currency.as_str())
        .bind(locale.as_str())
        .bind(region.as_str())
        .bind(stored(meters))
        .bind(gzip)
        .execute(&mut *change)
        .await?;
        if reprice_closed {
            let row = sqlx::query("INSERT INTO rate_card_reprices_closed (version) VALUES (?)");
            row.bind(stored(version)).execute(&mut *change).await?;
        }
        let imported_at = change.now();
        change.commit().await?;
        let (key, by) = (key.clone(), by.to_owned());
        Ok(RateCardVersion { version, key, meters, reprice_closed, imported_at, by, revision })
    }

    /// A version with its document; none if there is no such version.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be read.
    pub async fn rate_card(&self, version: u64) -> Result<Option<StoredRateCard>, StorageError> {
        // No version has a number that SQLite cannot store.
        let Ok(number) = i64::try_from(version) else {
            return Ok(None);
        };
        let row = sqlx::query(versions!(", document_gzip", "WHERE version = ?")).bind(number);
        match row.fetch_optional(&self.reader).await? {
            Some(row) => Ok(Some(read_card(&row).await?)),
            None => Ok(None),
        }
    }

    /// Every version of every rate card, in the order of their import.
    ///
    /// # Errors
    /// [`StorageError`] if they cannot be read.
    pub async fn rate_cards(&self) -> Result<Vec<RateCardVersion>, StorageError> {
        let rows = sqlx::query(versions!("", "ORDER BY version")).fetch_all(&self.reader).await?;
        rows.iter().map(read_version).collect()
    }
}

/// The number of the version that is stored next.
async fn next_version(connection: &mut SqliteConnection) -> Result<u64, StorageError> {
    let row = sqlx::query("SELECT coalesce(max(version), 0) + 1 AS version FROM rate_card");
    let row = row.fetch_one(connection).await?;
    Stored::new("rate_card", &row).count("version")
}

/// The latest version of a card, and how many meters it has; none if there is none.
async fn latest(
    connection: &mut SqliteConnection,
    key: &RateCardKey,
) -> Result<Option<(u64, u64)>, StorageError> {
    let row = sqlx::query(
        "SELECT version, meters FROM rate_card
         WHERE offer = ? AND currency = ? AND locale = ? AND region = ?
         ORDER BY version DESC LIMIT 1",
    )
    .bind(key.offer.as_str())
    .bind(key.currency.as_str())
    .bind(key.locale.as_str())
    .bind(key.region.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let row = Stored::new("rate_card", &row);
        Ok((row.count("version")?, row.count("meters")?))
    })
    .transpose()
}

fn read_version(row: &SqliteRow) -> Result<RateCardVersion, StorageError> {
    let row = Stored::new("rate_card", row);
    Ok(RateCardVersion {
        version: row.count("version")?,
        key: RateCardKey {
            offer: row.parsed("offer", OfferId::parse)?,
            currency: row.parsed("currency", Currency::parse)?,
            locale: row.parsed("locale", Locale::parse)?,
            region: row.parsed("region", Country::parse)?,
        },
        meters: row.count("meters")?,
        reprice_closed: row.flag("reprice_closed")?,
        imported_at: row.time("at_micros")?,
        by: row.text("by")?.to_owned(),
        revision: Revision(row.count("revision")?),
    })
}

async fn read_card(row: &SqliteRow) -> Result<StoredRateCard, StorageError> {
    let version = read_version(row)?;
    let row = Stored::new("rate_card", row);
    let document = unpacked(row.bytes("document_gzip")?.to_vec()).await;
    let document = document.map_err(|error| {
        row.damaged("document_gzip", format!("version {}: {error}", version.version))
    })?;
    Ok(StoredRateCard { version, document })
}

/// The document gzip'd: a card of some megabytes takes tens of milliseconds.
async fn packed(document: Vec<u8>) -> Vec<u8> {
    let pack = move || {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&document).and_then(|()| gzip.finish())
    };
    let packed = spawn_blocking(pack).await.expect("packing does not panic");
    packed.expect("writing to memory does not fail")
}

async fn unpacked(gzip: Vec<u8>) -> io::Result<Vec<u8>> {
    let unpack = move || {
        let mut document = Vec::new();
        GzDecoder::new(gzip.as_slice()).read_to_end(&mut document).map(|_| document)
    };
    spawn_blocking(unpack).await.expect("unpacking does not panic")
}
