//! What the cost APIs have in common: the scope that they are asked at, the state that they answer
//! from, and the lines of days that every one of their figures is a sum of.
//!
//! A resource group is asked about by leaving out the other lines after the whole subscription was
//! rated: tiers, credit and commitment are the subscription's.

use std::ops::Range;
use std::sync::Arc;

use accounts::{Action, Scope, Subscription};
use domain::daily::{DayLine, day_lines};
use domain::facets::Facets;
use domain::id::SubscriptionId;
use domain::time::{Date, UtcTime};
use wire::cost_request::next_link;
use wire::page_token::PageToken;
use wire::query::Parameters;

use crate::app::App;
use crate::authorize::require_at;
use crate::azure::enter_subscription;
use crate::azure::operation::Operation;
use crate::bill::{Account, Basis, Detail};
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// What a question is about: a subscription, or one of its resource groups.
#[derive(Debug, Clone)]
pub(crate) struct CostScope {
    pub(crate) subscription: Arc<Subscription>,
    /// As the path writes it.
    pub(crate) resource_group: Option<String>,
}

/// The checks before a call's own, in ARM's order, at a subscription or a resource group in it.
pub(crate) fn enter_scope(
    app: &App,
    asked: &Asked,
    subscription: &str,
    resource_group: Option<String>,
    operation: &Operation,
) -> Result<CostScope, ApiError> {
    enter_scope_by(app, asked, subscription, resource_group, operation, &[])
}

/// The same where one of several rights is enough; a refusal names the operation's own.
pub(crate) fn enter_scope_by(
    app: &App,
    asked: &Asked,
    subscription: &str,
    resource_group: Option<String>,
    operation: &Operation,
    others: &[Action],
) -> Result<CostScope, ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, operation)?;
    let cost_scope = CostScope { subscription, resource_group };
    let path = cost_scope.path();
    let is_name = !cost_scope.resource_group.as_ref().is_some_and(|name| name.contains('/'));
    let scope = Scope::parse(&path).ok().filter(|_| is_name);
    let scope = scope.ok_or(ApiError::NotFound { what: "resource group", id: path })?;
    let directory = app.directory();
    if !others.iter().any(|action| directory.allows(&principal, action, &scope)) {
        require_at(&directory, &principal, &scope, operation.action)?;
    }
    Ok(cost_scope)
}

impl CostScope {
    /// Its resource id.
    pub(crate) fn path(&self) -> String {
        let id = self.subscription.id;
        match &self.resource_group {
            None => format!("/subscriptions/{id}"),
            Some(name) => format!("/subscriptions/{id}/resourceGroups/{name}"),
        }
    }

    /// Whether a line is of it: the lines of the subscription are of no resource group.
    pub(crate) fn has(&self, line: &DayLine) -> bool {
        let Some(wanted) = &self.resource_group else { return true };
        let group = line.usage().and_then(|usage| usage.instance.resource_group());
        group.is_some_and(|group| group.to_lowercase() == wanted.to_lowercase())
    }
}

/// The pages of an answer that is computed as a whole.
#[derive(Debug)]
pub(crate) struct Paging {
    /// The subscription that the answer is about.
    pub(crate) subscription: SubscriptionId,
    /// All that the answer depends on beside the token.
    pub(crate) question: Vec<String>,
    pub(crate) parameters: Parameters,
    /// Those of them that a link to a later page repeats.
    pub(crate) repeated: &'static [&'static str],
    /// Most items of a page.
    pub(crate) top: usize,
}

impl Paging {
    /// The items of a page, which begins after so many, and the link to the next page if more follow.
    /// `rest` has the items from there on, one more than the page at least if there are as many.
    pub(crate) fn cut<'a, T>(
        &self,
        rest: &'a [T],
        basis: &Basis,
        sent: usize,
        address: &str,
    ) -> (&'a [T], Option<String>) {
        let shown = &rest[..rest.len().min(self.top)];
        let link = (rest.len() > shown.len()).then(|| {
            let token = basis.page_token(self.subscription, sent + shown.len());
            let token = token.encode(&self.question);
            next_link(address, &self.parameters, self.repeated, &token)
        });
        (shown, link)
    }
}

impl App {
    /// The state that a page is computed from, and how many items came before it.
    pub(crate) async fn basis_of_page(
        &self,
        token: Option<&str>,
        paging: &Paging,
    ) -> Result<(Basis, usize), ApiError> {
        let Some(token) = token else { return Ok((self.basis(None).await?, 0)) };
        let token = PageToken::decode(token, &paging.question).map_err(ApiError::PageToken)?;
        let sent = usize::try_from(token.sent).map_err(|_| ApiError::UnknownVersion)?;
        Ok((self.basis_of(&token, paging.subscription).await?, sent))
    }

    /// The lines of the days of a range, in order.
    pub(crate) async fn lines_of_days(
        &self,
        account: &Account,
        basis: &Basis,
        days: &Range<Date>,
    ) -> Result<Vec<DayLine>, ApiError> {
        let range = days.start.start()..days.end.start();
        if range.is_empty() {
            return Ok(vec![]);
        }
        check_length(account, &range)?;
        let periods =
            self.rated_periods(account, basis, &range, Detail::Instances(Facets::ALL)).await?;
        blocking(move || {
            let mut lines = Vec::new();
            for period in &periods {
                lines.extend(day_lines(period, &range).map_err(ApiError::Rate)?);
                if lines.len() > limits::LINES_PER_QUESTION {
                    let most = limits::LINES_PER_QUESTION;
                    let reason = format!(
                        "the question takes more than {most} lines of days; ask for a shorter range"
                    );
                    return Err(ApiError::TooMuch(reason));
                }
            }
            Ok(lines)
        })
        .await
    }
}

/// Refuses a range of more billing periods than a question may touch.
fn check_length(account: &Account, range: &Range<UtcTime>) -> Result<(), ApiError> {
    let mut period = account.schedule.containing(range.start);
    for _ in 0..limits::PERIODS_PER_QUESTION {
        if range.end <= period.end() {
            return Ok(());
        }
        period = account.schedule.next(period);
    }
    let most = limits::PERIODS_PER_QUESTION;
    let reason = format!("the question touches more than {most} billing periods");
    Err(ApiError::TooMuch(reason))
}
