//! `tallyhouse demo`: a server with sample usage, real prices and calls to paste.
//!
//! The server runs in this process, but everything goes in and comes out as a client would do it:
//! over TLS, with the administrator's token. Run again on its folder it adds what is new.

mod report;
mod sample;
mod scenario;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use domain::catalogue::{RateCard, RateCardKey};
use domain::id::{Country, Currency, Locale, OfferId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::time::UtcTime;
use flate2::read::GzDecoder;
use server::clock;
use server::config::Settings;
use wire::own::{Cost, IngestResponse, List, RateCardVersion, Subscription, SubscriptionCreate};

use crate::arguments::{DemoOptions, RateCardOptions};
use crate::client::Client;
use crate::commands::{import_rate_card, post};
use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::import::import_stream;
use crate::progress::Progress;
use crate::serve::Server;
use report::{Loaded, Report, Spend};
use sample::Sample;
use scenario::{SUBSCRIPTIONS, SampleSubscription};

/// The card MS-AZR-0062P in USD, en-US, US, as Azure once answered it (see NOTICE).
static RATE_CARD: &[u8] =
    include_bytes!("../../../samples/ratecard-MS-AZR-0062P-USD-en-US-US.json.gz");

/// Folder of the demo if none is named.
const FOLDER: &str = "./tallyhouse-demo";

/// A billing period younger than this is shown with the one before it, in hours.
const YOUNG_PERIOD_HOURS: i64 = 3 * 24;

/// Runs the demo.
///
/// # Errors
/// [`Failure`] if the server does not start, or refuses.
pub(crate) fn run(options: DemoOptions) -> Result<(), Failure> {
    let data = options.data.unwrap_or_else(|| PathBuf::from(FOLDER));
    let settings = Settings { listen: Some(options.listen), ..Settings::default() };
    let server = Server::start(settings, data.clone())?;
    let shown = show(&server, &data, options.days);
    match shown {
        Ok(()) if !options.exit => {
            writeln!(io::stdout(), "\nServing on {}. Ctrl-C stops.", server.url())?;
            server.run_until_told();
            Ok(())
        }
        shown => {
            server.stop();
            shown
        }
    }
}

/// Loads what the folder lacks, and prints what there is to see.
fn show(server: &Server, data: &Path, days: u16) -> Result<(), Failure> {
    let connection = ConnectionOptions::of_folder(data);
    let connection = connection.resolve(|_| None)?;
    let client = Client::new(&connection)?;
    let now = clock::system()();
    let options = card_options();
    let (document, card) = rate_card();
    load_rate_card(&client, &options, &document)?;
    load_subscriptions(&client, &options)?;
    let usage = load_usage(&client, &Sample::new(&card, days, now))?;
    let program = std::env::args().next().unwrap_or_else(|| "tallyhouse".to_owned());
    let report = Report {
        program: &program,
        data,
        url: server.url(),
        now,
        card: &options,
        loaded: Loaded { days, meters: card.meters.len(), usage },
        spend: SUBSCRIPTIONS
            .iter()
            .map(|subscription| spend(&client, subscription, now))
            .collect::<Result<_, _>>()?,
    };
    let mut text = Vec::new();
    report.write(&mut text)?;
    Ok(io::stdout().write_all(&text)?)
}

fn card_options() -> RateCardOptions {
    let well_formed = "the demo's card has a well-formed name";
    RateCardOptions {
        offer: OfferId::parse("MS-AZR-0062P").expect(well_formed),
        currency: Currency::parse("USD").expect(well_formed),
        locale: Locale::parse("en-US").expect(well_formed),
        region: Country::parse("US").expect(well_formed),
    }
}

/// The bundled card, as its document and read.
fn rate_card() -> (Vec<u8>, RateCard) {
    let mut document = Vec::new();
    let unpacked = GzDecoder::new(RATE_CARD).read_to_end(&mut document);
    unpacked.expect("the bundled card is gzip");
    let RateCardOptions { offer, currency, locale, region } = card_options();
    let key = RateCardKey { offer, currency, locale, region };
    let card = wire::ratecard::parse(&document, key).expect("the bundled card is a rate card");
    (document, card)
}

/// Imports the card unless it is there.
fn load_rate_card(client: &Client, card: &RateCardOptions, document: &[u8]) -> Result<(), Failure> {
    let known: List<RateCardVersion> = client.get_as("/tallyhouse/v1/rate-cards", &[])?;
    let RateCardOptions { offer, currency, locale, region } = card;
    let name = [offer.as_str(), currency.as_str(), locale.as_str(), region.as_str()];
    let is_known = known.value.iter().any(|version| {
        name == [&*version.offer, &*version.currency, &*version.locale, &*version.region]
    });
    if !is_known {
        import_rate_card(client, card, document)?;
    }
    Ok(())
}

fn load_subscriptions(client: &Client, card: &RateCardOptions) -> Result<(), Failure> {
    let known: List<Subscription> = client.get_as("/tallyhouse/v1/subscriptions", &[])?;
    for SampleSubscription { id, name, anchor_day, .. } in &SUBSCRIPTIONS {
        if known.value.iter().any(|subscription| subscription.subscription_id == *id) {
            continue;
        }
        let request = SubscriptionCreate {
            subscription_id: (*id).to_owned(),
            display_name: (*name).to_owned(),
            offer: card.offer.to_string(),
            currency: card.currency.to_string(),
            locale: card.locale.to_string(),
            region: card.region.to_string(),
            anchor_day: Some((*anchor_day).into()),
            invoice_download: Some(true),
            ..SubscriptionCreate::default()
        };
        post(client, "/subscriptions", &request)?;
    }
    Ok(())
}

fn load_usage(client: &Client, sample: &Sample) -> Result<IngestResponse, Failure> {
    let hours = u64::try_from(sample.hours().len()).unwrap_or(u64::MAX);
    let mut progress = Progress::of_count(hours, "importing hours of sample usage");
    let hours = (0..).zip(sample.hours()).map(|(done, hour)| {
        progress.at(done);
        let rows = sample.rows(*hour).map(|row| row + "\n");
        rows.collect::<String>()
    });
    let mut rows = Hours { hours, hour: io::Cursor::default() };
    let answer = import_stream(client, &mut rows, Some("demo"))?;
    match (answer.rejected_rows, answer.conflicting_rows) {
        (0, 0) => Ok(answer.result),
        (rejected, conflicting) => Err(Failure::Partial { rejected, conflicting }),
    }
}

/// Texts of hours, made as they are read.
struct Hours<I> {
    hours: I,
    hour: io::Cursor<String>,
}

impl<I: Iterator<Item = String>> Read for Hours<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.hour.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match self.hours.next() {
                Some(hour) => self.hour = io::Cursor::new(hour),
                None => return Ok(0),
            }
        }
    }
}

/// The spend of the current billing period, and of the one before it where that has just begun.
fn spend(
    client: &Client,
    subscription: &SampleSubscription,
    now: UtcTime,
) -> Result<Spend, Failure> {
    let anchor = AnchorDay::new(subscription.anchor_day).expect("the demo's anchors are days");
    let current = BillingPeriod::containing(now, anchor);
    let before = BillingPeriod::containing(current.start().plus_hours(-1), anchor);
    let is_young = now < current.start().plus_hours(YOUNG_PERIOD_HOURS);
    let periods = if is_young { vec![before, current] } else { vec![current] };
    let path = format!("/tallyhouse/v1/subscriptions/{}/cost", subscription.id);
    let costs = periods.into_iter().map(|period| {
        let month = period.start().date().month().to_string();
        client.get_as::<Cost>(&path, &[("period", &month), ("groupBy", "category")])
    });
    Ok(Spend { name: subscription.name, costs: costs.collect::<Result<_, _>>()? })
}
