//! Rate cards in memory: books of prices for `rate`, and ready answers for the RateCard call.
//!
//! Both are made from the cards in the accounts when first asked for, and dropped when a card is
//! imported; a card on file never changes.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::io::Write;
use std::sync::{Arc, Mutex};

use accounts::{Revision, StoredRateCard, Subscription};
use axum::body::Bytes;
use domain::catalogue::{Book, RateCardKey};
use domain::id::{Country, Currency, OfferId};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::App;
use crate::error::ApiError;
use crate::limits;

/// What picks prices, as of a revision; the locale picks names only.
type BookKey = (OfferId, Currency, Country, Revision);

/// The cards in memory.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    books: Mutex<BTreeMap<BookKey, Arc<Book>>>,
    answers: Mutex<BTreeMap<RateCardKey, Arc<CardAnswer>>>,
}

/// A rate card as the wire answers it.
#[derive(Debug)]
pub(crate) struct CardAnswer {
    pub(crate) json: Bytes,
    pub(crate) gzip: Bytes,
    /// Weak, as it stands for both forms.
    pub(crate) etag: String,
}

impl Catalogue {
    /// Forgets what was made from cards, after one was imported.
    pub(crate) fn forget(&self) {
        self.books.lock().expect("no holder panics").clear();
        self.answers.lock().expect("no holder panics").clear();
    }
}

impl App {
    /// Every price of the subscription's offer, currency and region, as of a revision.
    pub(crate) async fn book(
        &self,
        subscription: &Subscription,
        revision: Revision,
    ) -> Result<Arc<Book>, ApiError> {
        let key = (
            subscription.offer.clone(),
            subscription.currency.clone(),
            subscription.region.clone(),
            revision,
        );
        if let Some(book) = self.catalogue.books.lock().expect("no holder panics").get(&key) {
            return Ok(Arc::clone(book));
        }
        let cards = self.accounts.rate_card_versions(&key.0, &key.1, &key.2, revision).await;
        let cards = cards.map_err(|error| ApiError::internal("reading rate cards", &error))?;
        let book = blocking(move || read_book(&cards)).await?;
        let book = Arc::new(book);
        keep(&mut self.catalogue.books.lock().expect("no holder panics"), key, &book);
        Ok(book)
    }

    /// The latest rate card of the key, as the wire answers it.
    pub(crate) async fn card_answer(
        &self,
        key: &RateCardKey,
    ) -> Result<Option<Arc<CardAnswer>>, ApiError> {
        if let Some(answer) = self.catalogue.answers.lock().expect("no holder panics").get(key) {
            return Ok(Some(Arc::clone(answer)));
        }
        let card = self.accounts.latest_rate_card(key).await;
        let card = card.map_err(|error| ApiError::internal("reading a rate card", &error))?;
        let Some(card) = card else { return Ok(None) };
        let answer = Arc::new(blocking(move || write_answer(&card)).await?);
        let mut answers = self.catalogue.answers.lock().expect("no holder panics");
        keep(&mut answers, key.clone(), &answer);
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

fn read_book(cards: &[StoredRateCard]) -> Result<Book, ApiError> {
    let cards = cards.iter().map(|card| {
        wire::ratecard::parse(&card.document, card.version.key.clone())
            .map_err(|error| ApiError::internal("reading a rate card on file", &error))
    });
    let cards = cards.collect::<Result<Vec<_>, _>>()?;
    Ok(Book::from_cards(&cards))
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
