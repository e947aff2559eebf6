//! Every refusal, with its status and code: chosen here, once, in a `match` without `_`.
//!
//! Bodies are ARM's envelope, but for the one answer of the rate card that has none.

mod authorization;
mod correction;
mod erasure;
pub(crate) mod grant;
mod import;
mod response;

use domain::aggregate::SumOutOfRange;
use domain::id::{ObjectId, OfferId, SubscriptionId};
use domain::offer::rule::OfferRule;
use domain::rate::RateError;
use domain::time::Date;
use http::StatusCode;
use wire::continuation::ContinuationError;
use wire::cost_request::CostRequestError;
use wire::graph::GraphError;
use wire::page_token::PageTokenError;
use wire::query::QueryError;
use wire::ratecard::RateCardError;
use wire::stack::SubscriberError;
use wire::usage::UsageRequestError;

use crate::identity::TokenError;
use crate::limits;
use crate::rate_limits::Throttled;

pub(crate) use authorization::AuthorizationError;
pub(crate) use correction::CorrectionError;
pub(crate) use erasure::ErasureError;
pub(crate) use import::ImportError;

/// What a refusal adds where the right may come by a group that the token has no room for.
const GROUPS_LEFT_OUT: &str = " The token names none of the principal's groups, as they are too many for a token, so roles \
     of groups did not count: assign the role to the principal itself, or have the issuer put \
     fewer groups into its tokens (in Microsoft Entra ID, those assigned to the application).";

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The `api-version` parameter is absent.
    MissingApiVersion,
    /// The `api-version` is none of those that the operation has.
    UnsupportedApiVersion { given: String, supported: &'static [&'static str] },
    /// The query string cannot be read.
    Query(QueryError),
    /// No token, or none that counts; the challenge names where to get one.
    Unauthenticated { error: TokenError, authority: String },
    /// The subscription id in the path is no GUID.
    MalformedSubscription(String),
    /// There is no such subscription, or it is another tenant's: which, is not told.
    SubscriptionNotFound(String),
    /// The principal lacks the action over the scope.
    Forbidden {
        principal: ObjectId,
        client: String,
        action: &'static str,
        scope: String,
        groups_left_out: bool,
    },
    /// The principal has called as often as it may for now.
    Throttled(Throttled),
    /// The subscription's offer does not have the API, so its provider is closed to it.
    OfferLacksProvider {
        offer: OfferId,
        rule: &'static OfferRule,
        namespace: &'static str,
        permitted: String,
    },
    /// The API does not support the subscription's offer.
    OfferUnsupported { offer: OfferId, rule: &'static OfferRule },
    /// The subscription does not let others than its account's administrator download invoices.
    InvoiceDownloadOff(SubscriptionId),
    /// The ledger's journal lies in an object store, of which there is no backup from here.
    JournalInObjects,
    /// The call is the built-in issuer's, which is off.
    BuiltInIssuerOff,
    /// Role assignments and role definitions refuse it.
    Authorization(AuthorizationError),
    /// The call is the installation administrator's.
    AdministratorOnly { principal: ObjectId },
    /// Neither usage nor tags name such a resource group.
    ResourceGroupNotFound(String),
    /// Resource groups are not made, changed or removed, by whatever method.
    ResourceGroupChange(String),
    /// No such resource provider.
    ResourceNamespace(String),
    /// No such resource type in the provider.
    ResourceType { namespace: String, resource_type: String, api_version: String },
    /// The usage question is wrong.
    Usage(UsageRequestError),
    /// The continuation token is wrong.
    Continuation(ContinuationError),
    /// What names a subscriber is no GUID.
    Subscriber(SubscriberError),
    /// There is no such subscriber.
    NotSubscriber(SubscriptionId),
    /// A question of the cost APIs is wrong.
    CostRequest(CostRequestError),
    /// A question of Microsoft Graph is wrong.
    Graph(GraphError),
    /// The `$skiptoken` is wrong.
    PageToken(PageTokenError),
    /// The continuation token names a state that this ledger never had.
    UnknownVersion,
    /// The rate card's filter is wrong, or selects none.
    RateCardQuery,
    /// The rate card to be imported is wrong.
    RateCard(RateCardError),
    /// A query parameter that the call does not take.
    UnknownParameter { name: String, known: String },
    /// A parameter of our own API is wrong.
    Parameter { name: &'static str, reason: String },
    /// A body of our own API is wrong.
    Body(String),
    /// The body is larger than may be.
    BodyTooLarge,
    /// More events or rows than one request may have.
    TooManyEvents,
    /// The body did not arrive whole.
    BodyInterrupted,
    /// The body is of a type that the operation does not take.
    MediaType { given: String, taken: &'static str },
    /// A single event is wrong.
    Event { code: &'static str, reason: String },
    /// A single event was stored before with other content.
    Conflict { source: String, id: String, commit: u64, erased: bool },
    /// What was to be made is there already.
    Exists { what: &'static str, id: String },
    /// The subscription is cancelled, and changes no more.
    SubscriptionCancelled(SubscriptionId),
    /// Another state is on file from a day on, which the request would not change.
    StateStands { subscription: SubscriptionId, state: &'static str, from: Date },
    /// A change would begin in a billing period that is closed.
    PeriodClosed { name: &'static str, day: Date, first_open: Date },
    /// There are as many as there may be.
    LimitReached(String),
    /// What the path names is not there.
    NotFound { what: &'static str, id: String },
    /// Two readers could read the request differently.
    Ambiguous(String),
    /// There is no such path.
    NoRoute(String),
    /// The path has no such method.
    Method(String),
    /// Too much is waiting to be stored; nothing of this request was.
    Busy,
    /// The journal waits for an object store that does not answer.
    LedgerStalled,
    /// The ledger takes no more records until the server is started anew.
    LedgerRefuses,
    /// The answer would take more than a question may ask for.
    TooMuch(String),
    /// An import of any length stops.
    Import(ImportError),
    /// A record or slice cannot be corrected so.
    Correction(CorrectionError),
    /// An erasure is not begun.
    Erasure(ErasureError),
    /// A sum of usage would not be exact.
    Sum(SumOutOfRange),
    /// A charge would not be exact.
    Rate(RateError),
    /// A figure does not fit the format of an export.
    Export(String),
    /// Something failed that the client cannot help; the log has it under the request id.
    Internal,
}

impl ApiError {
    /// A failure that is logged here and told to the client without detail.
    pub(crate) fn internal(what: &'static str, error: &dyn std::error::Error) -> Self {
        let mut causes = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            causes = format!("{causes}: {cause}");
            source = cause.source();
        }
        tracing::error!(what, error = causes, "request failed");
        Self::Internal
    }

    /// Whether Azure Resource Manager refuses this itself, before a resource provider sees it.
    fn is_of_the_gateway(&self) -> bool {
        matches!(
            self,
            Self::MissingApiVersion
                | Self::UnsupportedApiVersion { .. }
                | Self::Unauthenticated { .. }
                | Self::MalformedSubscription(_)
                | Self::SubscriptionNotFound(_)
                | Self::Forbidden { .. }
                | Self::Throttled(_)
                | Self::ResourceGroupNotFound(_)
                | Self::ResourceNamespace(_)
                | Self::ResourceType { .. }
        )
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::MissingApiVersion
            | Self::UnsupportedApiVersion { .. }
            | Self::Query(_)
            | Self::Ambiguous(_)
            | Self::MalformedSubscription(_)
            | Self::OfferLacksProvider { .. }
            | Self::OfferUnsupported { .. }
            | Self::Usage(_)
            | Self::Continuation(_)
            | Self::Subscriber(_)
            | Self::NotSubscriber(_)
            | Self::CostRequest(_)
            | Self::Graph(_)
            | Self::PageToken(_)
            | Self::UnknownVersion
            | Self::RateCardQuery
            | Self::RateCard(_)
            | Self::Parameter { .. }
            | Self::UnknownParameter { .. }
            | Self::Body(_)
            | Self::BodyInterrupted
            | Self::Event { .. } => StatusCode::BAD_REQUEST,
            Self::Authorization(error) => error.status(),
            Self::Correction(error) => error.status(),
            Self::Erasure(error) => error.status(),
            Self::Import(error) => error.status(),
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. }
            | Self::InvoiceDownloadOff(_)
            | Self::AdministratorOnly { .. } => StatusCode::FORBIDDEN,
            Self::SubscriptionNotFound(_)
            | Self::ResourceGroupNotFound(_)
            | Self::ResourceNamespace(_)
            | Self::ResourceType { .. }
            | Self::NotFound { .. }
            | Self::BuiltInIssuerOff
            | Self::NoRoute(_) => StatusCode::NOT_FOUND,
            Self::Method(_) | Self::ResourceGroupChange(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict { .. }
            | Self::Exists { .. }
            | Self::SubscriptionCancelled(_)
            | Self::StateStands { .. }
            | Self::PeriodClosed { .. }
            | Self::LimitReached(_)
            | Self::JournalInObjects => StatusCode::CONFLICT,
            Self::BodyTooLarge | Self::TooManyEvents => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMuch(_) | Self::Sum(_) | Self::Rate(_) | Self::Export(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::LedgerStalled | Self::LedgerRefuses => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::MissingApiVersion => "MissingApiVersionParameter",
            Self::UnsupportedApiVersion { .. } => "InvalidApiVersionParameter",
            Self::Authorization(error) => error.code(),
            Self::Correction(error) => error.code(),
            Self::Erasure(error) => error.code(),
            Self::Import(error) => error.code(),
            Self::Query(_) => "InvalidQueryString",
            Self::Ambiguous(_) => "InvalidRequestUri",
            Self::Unauthenticated { error, .. } => error.code(),
            Self::MalformedSubscription(_) => "InvalidSubscriptionId",
            Self::SubscriptionNotFound(_) => "SubscriptionNotFound",
            Self::Forbidden { .. } | Self::AdministratorOnly { .. } => "AuthorizationFailed",
            Self::Throttled(throttled) => throttled.code(),
            Self::ResourceGroupNotFound(_) => "ResourceGroupNotFound",
            Self::OfferLacksProvider { .. } => "DisallowedProvider",
            Self::OfferUnsupported { .. } => "UnsupportedSubscriptionType",
            Self::InvoiceDownloadOff(_) => "Forbidden",
            Self::JournalInObjects => "JournalInObjectStore",
            Self::ResourceNamespace(_) => "InvalidResourceNamespace",
            Self::ResourceType { .. } => "InvalidResourceType",
            Self::Usage(error) => error.code(),
            Self::Continuation(_) | Self::UnknownVersion | Self::Subscriber(_) => "InvalidProperty",
            Self::NotSubscriber(_) => "SubscriberIdIsNotDirectTenant",
            Self::CostRequest(_) | Self::PageToken(_) => "BadRequest",
            Self::Graph(_) => "Request_BadRequest",
            Self::RateCardQuery => "InvalidQuery",
            Self::RateCard(_) => "InvalidRateCard",
            Self::Parameter { .. } => "InvalidParameter",
            Self::UnknownParameter { .. } => "UnknownParameter",
            Self::Body(_) | Self::BodyInterrupted => "InvalidRequestBody",
            Self::BodyTooLarge | Self::TooManyEvents => "RequestEntityTooLarge",
            Self::MediaType { .. } => "UnsupportedMediaType",
            Self::Event { code, .. } => code,
            Self::Conflict { .. } => "EventConflict",
            Self::Exists { .. } => "AlreadyExists",
            Self::SubscriptionCancelled(_) => "SubscriptionCancelled",
            Self::StateStands { .. } => "SubscriptionStateStands",
            Self::PeriodClosed { .. } => "BillingPeriodClosed",
            Self::LimitReached(_) => "LimitReached",
            Self::NotFound { .. } | Self::NoRoute(_) => "NotFound",
            Self::BuiltInIssuerOff => "BuiltInIssuerOff",
            Self::Method(_) | Self::ResourceGroupChange(_) => "MethodNotAllowed",
            Self::Busy => "ServerBusy",
            Self::LedgerStalled => "LedgerWaits",
            Self::LedgerRefuses => "LedgerReadOnly",
            Self::TooMuch(_) => "TooMuchAsked",
            Self::Sum(_) | Self::Rate(_) => "OutOfExactRange",
            Self::Export(_) => "ExportFailed",
            Self::Internal => "InternalServerError",
        }
    }

    #[expect(clippy::too_many_lines, reason = "one text a variant, all in one place")]
    pub(crate) fn message(&self) -> String {
        match self {
            Self::MissingApiVersion => {
                "The api-version query parameter (?api-version=) is required for all requests."
                    .to_owned()
            }
            Self::UnsupportedApiVersion { given, supported } => format!(
                "The api-version '{given}' is invalid. The supported versions are '{}'.",
                supported.join(",")
            ),
            Self::Authorization(error) => error.to_string(),
            Self::Correction(error) => error.to_string(),
            Self::Erasure(error) => error.to_string(),
            Self::Import(error) => error.to_string(),
            Self::Query(error) => error.to_string(),
            Self::Ambiguous(reason) => reason.clone(),
            Self::Unauthenticated { error, .. } => error.to_string(),
            Self::MalformedSubscription(id) => {
                format!("The provided subscription identifier '{id}' is malformed or invalid.")
            }
            Self::SubscriptionNotFound(id) => {
                format!("The subscription '{id}' could not be found.")
            }
            Self::Forbidden { principal, client, action, scope, groups_left_out } => format!(
                "The client '{client}' with object id '{principal}' does not have authorization \
                 to perform action '{action}' over scope '{scope}' or the scope is invalid. If \
                 access was recently granted, please refresh your credentials.{}",
                if *groups_left_out { GROUPS_LEFT_OUT } else { "" }
            ),
            Self::Throttled(throttled) => throttled.to_string(),
            Self::OfferLacksProvider { offer, rule, namespace, permitted } => format!(
                "The operation is not permitted for namespace '{namespace}'. List of permitted \
                 provider namespaces is '{permitted}'. Subscriptions under offer '{offer}' lack this \
                 call by the offer rule '{}', which the server's setting 'lifted_offer_rules' can \
                 lift.",
                rule.name
            ),
            Self::OfferUnsupported { offer, rule } => format!(
                "Offer id {offer} is not supported. Subscriptions under it lack this call by the offer \
                 rule '{}', which the server's setting 'lifted_offer_rules' can lift.",
                rule.name
            ),
            Self::InvoiceDownloadOff(id) => format!(
                "Subscription '{id}' does not let others than the account administrator download \
                 invoices. The administrator can allow it: 'tallyhouse subscription update \
                 --id {id} --invoice-download true'."
            ),
            Self::JournalInObjects => "the ledger and its journal lie in an object store: back up \
                 what it holds, and the data folder beside it"
                .to_owned(),
            Self::BuiltInIssuerOff => "the built-in issuer is off: tokens come from the issuers \
                                       of the configuration"
                .to_owned(),
            Self::AdministratorOnly { principal } => format!(
                "The client with object id '{principal}' is not this installation's administrator."
            ),
            Self::ResourceGroupNotFound(name) => {
                format!("Resource group '{name}' could not be found.")
            }
            Self::ResourceGroupChange(method) => format!(
                "method {method} is not taken here: a resource group is there from when usage names \
                 it, and stays; its tags are set by PUT /tallyhouse/v1/subscriptions/\
                 {{subscriptionId}}/resource-groups/{{name}}/tags"
            ),
            Self::ResourceNamespace(namespace) => {
                format!("The resource namespace '{namespace}' is invalid.")
            }
            Self::ResourceType { namespace, resource_type, api_version } => format!(
                "The resource type '{resource_type}' could not be found in the namespace \
                 '{namespace}' for api version '{api_version}'."
            ),
            Self::Usage(error) => error.to_string(),
            Self::Continuation(error) => error.to_string(),
            Self::Subscriber(error) => error.to_string(),
            Self::NotSubscriber(id) => format!("The subscriberId '{id}' is no subscription here."),
            Self::CostRequest(error) => error.to_string(),
            Self::Graph(error) => error.to_string(),
            Self::PageToken(error) => error.to_string(),
            Self::UnknownVersion => {
                "the token names a state that this ledger does not have".to_owned()
            }
            Self::RateCardQuery => wire::ratecard::INVALID_QUERY.to_owned(),
            Self::RateCard(error) => error.to_string(),
            Self::Parameter { name, reason } => format!("parameter '{name}': {reason}"),
            Self::UnknownParameter { name, known } if known.is_empty() => {
                format!("parameter '{name}' is not known; this call takes none")
            }
            Self::UnknownParameter { name, known } => {
                format!("parameter '{name}' is not known; this call takes {known}")
            }
            Self::Body(reason) => reason.clone(),
            Self::BodyInterrupted => "the request body did not arrive whole".to_owned(),
            Self::BodyTooLarge => {
                format!("the request body is larger than {} bytes", limits::BODY_BYTES)
            }
            Self::TooManyEvents => {
                format!("the request has more than {} events or rows", limits::EVENTS_PER_REQUEST)
            }
            Self::MediaType { given, taken } => {
                format!("content type '{given}' is not taken here, but {taken} are")
            }
            Self::Event { reason, .. } => reason.clone(),
            Self::Conflict { source, id, commit, erased } => format!(
                "event '{id}' of source '{source}' was stored by commit {commit} with other content{}",
                if *erased { ", of which names and tags were erased since" } else { "" }
            ),
            Self::Exists { what, id } => format!("{what} '{id}' exists already"),
            Self::SubscriptionCancelled(id) => {
                format!("subscription '{id}' is cancelled and changes no more")
            }
            Self::StateStands { subscription, state, from } => format!(
                "subscription '{subscription}' is {state} from {from} on, and the request would not \
                 change that"
            ),
            Self::PeriodClosed { name, day, first_open } => format!(
                "{name} {day} is in a billing period that is closed; the first day that can be \
                 chosen is {first_open}"
            ),
            Self::LimitReached(reason) => reason.clone(),
            Self::NotFound { what, id } => format!("{what} '{id}' does not exist"),
            Self::NoRoute(path) => format!("there is nothing at '{path}'"),
            Self::Method(method) => format!("method {method} is not taken here"),
            Self::Busy => "too much is waiting to be stored; nothing of this request was stored, \
                           try again"
                .to_owned(),
            Self::LedgerStalled => "the ledger's journal waits for its object store, which does \
                                    not answer; try again"
                .to_owned(),
            Self::LedgerRefuses => "the ledger takes no more records: a write failed or the \
                                    server is stopping; nothing of this request is acknowledged"
                .to_owned(),
            Self::TooMuch(reason) => reason.clone(),
            Self::Sum(error) => error.to_string(),
            Self::Rate(error) => error.to_string(),
            Self::Export(reason) => reason.clone(),
            Self::Internal => {
                "something failed on the server; its log has it under the request id".to_owned()
            }
        }
    }
}

impl From<AuthorizationError> for ApiError {
    fn from(error: AuthorizationError) -> Self {
        Self::Authorization(error)
    }
}
