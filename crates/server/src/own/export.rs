//! Exports: bills in the columns of FOCUS, streamed billing period by billing period.

use std::sync::Arc;

use accounts::{Action, Scope};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::id::SubscriptionId;
use domain::period::BillingPeriod;
use domain::spend::RatedPeriod;
use domain::time::Month;
use focus::{
    ChargesError, CsvWriter, FocusRow, Granularity, ParquetWriter, Scales, TooWide, WriteError,
};
use http::header;
use tokio::sync::Semaphore;

use super::cost::{LAST_YEAR, TOO_FAR};
use super::parsed;
use crate::app::App;
use crate::bill::{Account, Basis, Detail};
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use crate::stream::{self, Piece, Pipe, Way};

/// The right that the call needs.
const ACTION: Action = Action::COST_READ;

/// Exports under way: each holds a thread and a billing period's usage until its client has it.
static EXPORTS: Semaphore = Semaphore::const_new(limits::EXPORTS);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

/// What is exported: bills in the order of subscriptions and periods, as of one basis.
struct Export {
    bills: Vec<(Arc<Account>, BillingPeriod)>,
    granularity: Granularity,
    basis: Basis,
}

/// Exports bills in the columns of FOCUS 1.2.
#[utoipa::path(get, path = "/tallyhouse/v1/exports/focus", tag = "Cost",
    params(
        ("subscription" = Option<String>, Query, description = "GUID of the subscription; every one whose cost the caller may read if absent"),
        ("period" = Option<String>, Query, description = "Month in which billing periods start, 2026-10; the current one of each subscription if absent"),
        ("through" = Option<String>, Query, description = "Last month, for the billing periods of several"),
        ("format" = Option<String>, Query, description = "csv (default) or parquet"),
        ("granularity" = Option<String>, Query, description = "daily (default) or hourly"),
        ("asOf" = Option<String>, Query, description = "Moment, UTC: answers what was known then"),
    ),
    responses(
        (status = 200, description = "The file. A transfer that breaks off is not whole", content_type = "text/csv"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 422, description = "A figure does not fit the format", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn focus(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    let format = match asked.parameters.get("format") {
        None | Some("csv") => Format::Csv,
        Some("parquet") => Format::Parquet,
        Some(_) => return Err(wrong("format", "is csv or parquet")),
    };
    let export = read_export(&app, &asked).await?;
    let (content_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "focus.csv"),
        Format::Parquet => ("application/vnd.apache.parquet", "focus.parquet"),
    };
    let turn = EXPORTS.acquire().await.expect("the semaphore is never closed");
    // Parquet says how wide its numbers are before the first of them.
    let scales = match format {
        Format::Csv => None,
        Format::Parquet => Some(scales(&app, &export).await?),
    };
    // Ends with the body: when it is sent, when the client goes away, or takes nothing for too long.
    let body = stream::body("export", move |way| async move {
        match produce(&app, &export, scales.as_ref(), way).await {
            Ok(()) => {}
            Err(Failure::Gone) => tracing::info!("the client left before the export's end"),
            Err(failure) => tracing::error!(error = %failure.message(), "the export broke off"),
        }
        drop(turn);
    });
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}

fn wrong(name: &'static str, reason: &str) -> ApiError {
    ApiError::Parameter { name, reason: reason.to_owned() }
}

async fn read_export(app: &App, asked: &Asked) -> Result<Export, ApiError> {
    let parameters = &asked.parameters;
    let granularity = match parameters.get("granularity") {
        None | Some("daily") => Granularity::Daily,
        Some("hourly") => Granularity::Hourly,
        Some(_) => return Err(wrong("granularity", "is daily or hourly")),
    };
    let month = |name: &'static str| parameters.get(name).map(|text| read_month(name, text));
    let first = month("period").transpose()?;
    let last = match (first, month("through").transpose()?) {
        (None, Some(_)) => return Err(wrong("period", "is required beside through")),
        (Some(first), Some(last)) if last < first => {
            return Err(wrong("through", "is before period"));
        }
        (first, last) => last.or(first),
    };
    let subscriptions = match parameters.get("subscription") {
        Some(id) => vec![app.enter_for(asked, id, ACTION)?],
        None => {
            let principal = app.authenticate(asked)?;
            let directory = app.directory();
            let readable = |id: SubscriptionId| {
                directory.visible(&principal, id).is_some()
                    && directory.allows(&principal, &ACTION, &Scope::of_subscription(id))
            };
            directory.subscriptions().filter(|one| readable(one.id)).cloned().collect()
        }
    };
    let basis = app.basis_asked(asked).await?;
    let mut bills = Vec::new();
    for subscription in subscriptions {
        let account = match basis.account(subscription.id) {
            // Of all subscriptions those that there were.
            Err(_) if parameters.get("subscription").is_none() => continue,
            account => account?,
        };
        let account = Arc::new(account);
        let periods = match first.zip(last) {
            None => vec![account.schedule.containing(basis.known_at)],
            Some((first, last)) => periods_of(&account, first, last)?,
        };
        bills.extend(periods.into_iter().map(|period| (Arc::clone(&account), period)));
    }
    Ok(Export { bills, granularity, basis })
}

fn read_month(name: &'static str, text: &str) -> Result<Month, ApiError> {
    let month = parsed(name, Month::parse(text))?;
    if month.year() >= LAST_YEAR { Err(wrong(name, TOO_FAR)) } else { Ok(month) }
}

/// Every billing period that starts in one of the months.
fn periods_of(
    account: &Account,
    first: Month,
    last: Month,
) -> Result<Vec<BillingPeriod>, ApiError> {
    let mut periods = Vec::new();
    let mut month = first;
    while month <= last {
        periods.extend(account.schedule.starting_in(month));
        if periods.len() > limits::PERIODS_PER_QUESTION {
            let most = limits::PERIODS_PER_QUESTION;
            return Err(wrong(
                "through",
                &format!("is more than {most} billing periods after period"),
            ));
        }
        month = month.next();
    }
    Ok(periods)
}

/// The first pass, for the width of numbers.
async fn scales(app: &App, export: &Export) -> Result<Scales, ApiError> {
    let mut scales = Scales::default();
    for (account, period) in &export.bills {
        let rated = rated(app, account, &export.basis, *period).await?;
        let (account, granularity) = (focus_account(app, account, *period), export.granularity);
        scales = blocking(move || {
            focus::each_row(&account, &rated, granularity, |row| {
                scales.widen(row).map_err(Failure::TooWide)
            })
            .map_err(ApiError::from)?;
            Ok(scales)
        })
        .await?;
    }
    Ok(scales)
}

/// Sends every bill. A failure breaks the body off, so that the client sees that it is not whole.
async fn produce(
    app: &App,
    export: &Export,
    scales: Option<&Scales>,
    way: Way,
) -> Result<(), Failure> {
    let pipe = Pipe::new(way.clone());
    let mut writer = Writer::new(pipe, scales)?;
    for (account, period) in &export.bills {
        let rated = rated(app, account, &export.basis, *period).await.map_err(Failure::Api)?;
        let (account, granularity) = (focus_account(app, account, *period), export.granularity);
        writer = on_a_thread(move || {
            focus::each_row(&account, &rated, granularity, |row| writer.write(row))?;
            Ok(writer)
        })
        .await?;
    }
    on_a_thread(move || writer.finish()).await?;
    way.send(Piece::End).await.map_err(|_| Failure::Gone)
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let panicked = |error| Failure::Api(ApiError::internal("work on a thread", &error));
    tokio::task::spawn_blocking(work).await.map_err(panicked)?
}

async fn rated(
    app: &App,
    account: &Account,
    basis: &Basis,
    period: BillingPeriod,
) -> Result<RatedPeriod, ApiError> {
    let _turn = app.cost_turns.acquire().await;
    let range = period.start()..period.end();
    let mut periods = app.rated_periods(account, basis, &range, Detail::Rows).await?;
    Ok(periods.pop().expect("a billing period is at least one"))
}

fn focus_account(app: &App, account: &Account, period: BillingPeriod) -> Arc<focus::Account> {
    let facts = account.facts_in(period);
    let tenant = account.subscription.tenant.to_string();
    let billed_to = facts.buyer.as_ref().and_then(|buyer| buyer.as_str().lines().next());
    Arc::new(focus::Account {
        issuer: app.config.issuer_name.as_str().into(),
        billing_account_name: billed_to.unwrap_or(&tenant).into(),
        billing_account_id: tenant.into(),
        subscription: account.subscription.id,
        subscription_name: facts.name.as_str().into(),
        offer: facts.offer,
        currency: account.subscription.currency.clone(),
    })
}

/// Why an export ends early.
enum Failure {
    Charges(ChargesError),
    TooWide(TooWide),
    Parquet(WriteError),
    Api(ApiError),
    /// The client went away.
    Gone,
}

impl From<ChargesError> for Failure {
    fn from(error: ChargesError) -> Self {
        Self::Charges(error)
    }
}

impl Failure {
    fn message(&self) -> String {
        match self {
            Self::Charges(error) => error.to_string(),
            Self::TooWide(error) => error.to_string(),
            Self::Parquet(error) => match std::error::Error::source(error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            },
            Self::Api(error) => error.message(),
            Self::Gone => "the client went away".to_owned(),
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Api(error) => error,
            Failure::Charges(ChargesError::Rate(error)) => Self::Rate(error),
            failure => Self::Export(failure.message()),
        }
    }
}

/// The writer of a format.
enum Writer {
    Csv(CsvWriter<Pipe>),
    Parquet(Box<ParquetWriter<Pipe>>),
}

impl Writer {
    fn new(pipe: Pipe, scales: Option<&Scales>) -> Result<Self, Failure> {
        match scales {
            None => CsvWriter::new(pipe).map(Self::Csv).map_err(|_| Failure::Gone),
            Some(scales) => {
                let writer = ParquetWriter::new(pipe, scales).map_err(Failure::Parquet)?;
                Ok(Self::Parquet(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, row: &FocusRow) -> Result<(), Failure> {
        match self {
            Self::Csv(writer) => writer.write(row).map_err(|_| Failure::Gone),
            Self::Parquet(writer) => writer.write(row).map_err(Failure::Parquet),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Csv(writer) => writer.finish().map(drop).map_err(|_| Failure::Gone),
            Self::Parquet(writer) => writer.finish().map(drop).map_err(Failure::Parquet),
        }
    }
}
