//! Rate cards in memory: books of prices for `rate`, and ready answers for the RateCard call.
//!
//! Both are made when first asked for, as of the revision of the latest card: an import asks for new
//! ones, and whoever began before it still gets the old.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::io::Write;
use std::sync::{Arc, Mutex};

use accounts::{Revision, StoredRateCard, Subscription};
use axum::body::Bytes;
use domain::catalogue::{Book, RateCardKey};
use domain::id::Locale;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::App;
use crate::error::ApiError;
use crate::limits;

/// A book: offer, currency and region pick the prices, the locale picks names.
type BookKey = (RateCardKey, Revision);

/// The cards in memory.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    books: Mutex<BTreeMap<BookKey, Arc<Book>>>,
    answers: Mutex<BTreeMap<(RateCardKey, Revision), Arc<CardAnswer>>>,
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
    /// Every price of the subscription's offer, currency and region, as of a revision.
    pub(crate) async fn book(
        &self,
        subscription: &Subscription,
        revision: Revision,
    ) -> Result<Arc<Book>, ApiError> {
        let card = RateCardKey {
            offer: subscription.offer.clone(),
            currency: subscription.currency.clone(),
            locale: subscription.locale.clone(),
            region: subscription.region.clone(),
        };
        let key = (card, revision);
        if let Some(book) = self.catalogue.books.lock().expect("no holder panics").get(&key) {
            return Ok(Arc::clone(book));
        }
        let RateCardKey { offer, currency, locale, region } = key.0.clone();
        let cards = self.accounts.rate_card_versions(&offer, &currency, &region, revision).await;
        let cards = cards.map_err(|error| ApiError::internal("reading rate cards", &error))?;
        let book = blocking(move || read_book(&cards, &locale)).await?;
        let book = Arc::new(book);
        keep(&mut self.catalogue.books.lock().expect("no holder panics"), key, &book);
        Ok(book)
    }

    /// The latest rate card of the key, as the wire answers it.
    pub(crate) async fn card_answer(
        &self,
        key: &RateCardKey,
    ) -> Result<Option<Arc<CardAnswer>>, ApiError> {
        // The revision first: a card that is imported meanwhile is kept under a later one.
        let cached = (key.clone(), self.directory().cards_revision);
        if let Some(answer) = self.catalogue.answers.lock().expect("no holder panics").get(&cached)
        {
            return Ok(Some(Arc::clone(answer)));
        }
        let card = self.accounts.latest_rate_card(key).await;
        let card = card.map_err(|error| ApiError::internal("reading a rate card", &error))?;
        let Some(card) = card else { return Ok(None) };
        let answer = Arc::new(blocking(move || write_answer(&card)).await?);
        let mut answers = self.catalogue.answers.lock().expect("no holder panics");
        keep(&mut answers, cached, &answer);
        Ok(Some(answer))
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

fn keep<K: Ord + Clone + Hash, V>(map: &mut BTreeMap<K, Arc<V>>, key: K, value: &Arc<V>) {
    if map.len() >= limits::CARDS_IN_MEMORY {
        map.clear();
    }
    map.insert(key, Arc::clone(value));
}

fn read_book(cards: &[StoredRateCard], locale: &Locale) -> Result<Book, ApiError> {
    let cards = cards.iter().map(|card| {
        wire::ratecard::parse(&card.document, card.version.key.clone())
            .map_err(|error| ApiError::internal("reading a rate card on file", &error))
    });
    let cards = cards.collect::<Result<Vec<_>, _>>()?;
    Ok(Book::from_cards(&cards, locale))
}

fn write_answer(stored: &StoredRateCard) -> Result<CardAnswer, ApiError> {
    let card = wire::ratecard::parse(&stored.document, stored.version.key.clone())
        .map_err(|error| ApiError::internal("reading a rate card on file", &error))?;
    let json = wire::ratecard::write(&card);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).expect("writing to memory does not fail");
    let gzip = encoder.finish().expect("writing to memory does not fail");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &json);
    let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(CardAnswer { json: json.into(), gzip: gzip.into(), etag: format!("W/\"{hex}\"") })
}
