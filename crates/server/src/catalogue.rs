//! Rate cards in memory: price lists for `rate`, and ready answers for the RateCard call.
//!
//! Both are made when first asked for, as of the revision of the latest card: an import asks for new
//! ones, and whoever began before it still gets the old.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use accounts::{Revision, StoredRateCard};
use axum::body::Bytes;
use domain::book::{ImportedCard, PriceList};
use domain::catalogue::{RateCard, RateCardKey};
use domain::id::Locale;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::App;
use crate::error::ApiError;
use crate::limits;

/// The cards in memory.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Offer, currency and region pick the prices, the locale picks names.
    lists: Kept<PriceList>,
    answers: Kept<CardAnswer>,
}

/// What was made from cards, by the card asked for and the revision of the latest card.
#[derive(Debug)]
struct Kept<V>(Mutex<BTreeMap<(RateCardKey, Revision), Arc<V>>>);

/// A rate card as the wire answers it.
#[derive(Debug)]
pub(crate) struct CardAnswer {
    pub(crate) json: Bytes,
    pub(crate) gzip: Bytes,
    /// Weak, as it stands for both forms.
    pub(crate) etag: String,
}

impl App {
    /// Every price and term of an offer, currency and region, as of a revision.
    pub(crate) async fn price_list(
        &self,
        card: RateCardKey,
        revision: Revision,
    ) -> Result<Arc<PriceList>, ApiError> {
        let key = (card, revision);
        if let Some(list) = self.catalogue.lists.get(&key) {
            return Ok(list);
        }
        let RateCardKey { offer, currency, locale, region } = key.0.clone();
        let cards = self.accounts.rate_card_versions(&offer, &currency, &region, revision).await;
        let cards = cards.map_err(|error| ApiError::internal("reading rate cards", &error))?;
        let list = blocking(move || read_list(&cards, &locale)).await?;
        Ok(self.catalogue.lists.keep(key, list))
    }

    /// The latest rate card of the key, as the wire answers it.
    pub(crate) async fn card_answer(
        &self,
        key: &RateCardKey,
    ) -> Result<Option<Arc<CardAnswer>>, ApiError> {
        // The revision first: a card that is imported meanwhile is kept under a later one.
        let cached = (key.clone(), self.directory().cards_revision());
        if let Some(answer) = self.catalogue.answers.get(&cached) {
            return Ok(Some(answer));
        }
        let card = self.accounts.latest_rate_card(key).await;
        let card = card.map_err(|error| ApiError::internal("reading a rate card", &error))?;
        let Some(card) = card else { return Ok(None) };
        let answer = blocking(move || write_answer(&card)).await?;
        Ok(Some(self.catalogue.answers.keep(cached, answer)))
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

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V> Kept<V> {
    fn get(&self, key: &(RateCardKey, Revision)) -> Option<Arc<V>> {
        self.0.lock().expect("no holder panics").get(key).cloned()
    }

    fn keep(&self, key: (RateCardKey, Revision), value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut kept = self.0.lock().expect("no holder panics");
        if kept.len() >= limits::CARDS_IN_MEMORY {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&value));
        value
    }
}

/// A card on file was read before it was filed, so it can be read again.
pub(crate) fn read_card(stored: &StoredRateCard) -> Result<RateCard, ApiError> {
    wire::ratecard::parse(&stored.document, stored.version.key.clone())
        .map_err(|error| ApiError::internal("reading a rate card on file", &error))
}

fn read_list(stored: &[StoredRateCard], locale: &Locale) -> Result<PriceList, ApiError> {
    let cards = stored.iter().map(read_card).collect::<Result<Vec<_>, _>>()?;
    let imports = stored.iter().zip(&cards).map(|(stored, card)| ImportedCard {
        card,
        version: stored.version.version,
        imported_at: stored.version.imported_at,
        reprice_closed: stored.version.reprice_closed,
    });
    Ok(PriceList::new(imports, locale))
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
