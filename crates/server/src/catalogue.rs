//! Prices in memory: price lists and price changes for `rate`, and ready answers for the RateCard
//! call.
//!
//! Each is made when first asked for, as of some revision. A list stands until a card of its own offer,
//! currency and region is imported; whoever began before that still gets the old.

use std::io::Write;
use std::sync::Arc;

use accounts::{Revision, StoredRateCard};
use axum::body::Bytes;
use domain::book::{ImportedCard, PriceList};
use domain::catalogue::{RateCard, RateCardKey};
use domain::id::Locale;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::App;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::kept::Kept;
use crate::limits;
use crate::price_changes::PriceChanges;

/// The prices in memory.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// By offer, currency and region, which pick the prices, the locale, which picks names, and the
    /// revision of the latest card.
    lists: Kept<(RateCardKey, Revision), PriceList>,
    /// By the number of the card's version.
    answers: Kept<u64, CardAnswer>,
    pub(crate) changes: Kept<Revision, PriceChanges>,
}

/// A rate card as the wire answers it.
#[derive(Debug)]
pub(crate) struct CardAnswer {
    pub(crate) json: Bytes,
    pub(crate) gzip: Bytes,
    /// Weak, as it stands for both forms.
    pub(crate) etag: String,
}

impl App {
    /// Every price and term of an offer, currency and region, as of a revision that is not after the
    /// directory's.
    pub(crate) async fn price_list(
        &self,
        card: RateCardKey,
        directory: &Directory,
        revision: Revision,
    ) -> Result<Arc<PriceList>, ApiError> {
        let versions = directory.cards(&card, revision);
        let latest = versions.last().map_or(Revision(0), |version| version.revision);
        let locale = card.locale.clone();
        let make = async move {
            let mut list = PriceList::default();
            for version in versions {
                // One document at a time: there may be many, of megabytes each.
                let (stored, locale) = (self.stored_card(version.version).await?, locale.clone());
                list = blocking(move || add_card(list, &stored, &locale)).await?;
            }
            Ok(list)
        };
        self.catalogue.lists.get_or_make((card, latest), make).await
    }

    /// The latest rate card of the key, as the wire answers it.
    pub(crate) async fn card_answer(
        &self,
        key: &RateCardKey,
    ) -> Result<Option<Arc<CardAnswer>>, ApiError> {
        let version = self.directory().latest_card(key).map(|card| card.version);
        let Some(version) = version else { return Ok(None) };
        let make = async {
            let card = self.stored_card(version).await?;
            blocking(move || write_answer(&card)).await
        };
        self.catalogue.answers.get_or_make(version, make).await.map(Some)
    }

    /// A card that the directory names.
    async fn stored_card(&self, version: u64) -> Result<StoredRateCard, ApiError> {
        let card = self.accounts.rate_card(version).await;
        let card = card.map_err(|error| ApiError::internal("reading a rate card", &error))?;
        card.ok_or_else(|| {
            tracing::error!(version, "a rate card on file is gone");
            ApiError::Internal
        })
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            lists: Kept::new(limits::CARDS_IN_MEMORY),
            answers: Kept::new(limits::CARDS_IN_MEMORY),
            changes: Kept::new(limits::PRICE_CHANGES_IN_MEMORY),
        }
    }
}

/// Runs work that takes long on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|error| ApiError::internal("work on a thread", &error))?
}

/// A card on file was read before it was filed, so it can be read again.
pub(crate) fn read_card(stored: &StoredRateCard) -> Result<RateCard, ApiError> {
    wire::ratecard::parse(&stored.document, stored.version.key.clone())
        .map_err(|error| ApiError::internal("reading a rate card on file", &error))
}

fn add_card(
    mut list: PriceList,
    stored: &StoredRateCard,
    locale: &Locale,
) -> Result<PriceList, ApiError> {
    let import = ImportedCard {
        card: &read_card(stored)?,
        version: stored.version.version,
        imported_at: stored.version.imported_at,
        reprice_closed: stored.version.reprice_closed,
    };
    list.add(import, locale);
    Ok(list)
}

fn write_answer(stored: &StoredRateCard) -> Result<CardAnswer, ApiError> {
    let json = wire::ratecard::write(&read_card(stored)?);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).expect("writing to memory does not fail");
    let gzip = encoder.finish().expect("writing to memory does not fail");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &json);
    let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(CardAnswer { json: json.into(), gzip: gzip.into(), etag: format!("W/\"{hex}\"") })
}
