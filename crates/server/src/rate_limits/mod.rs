//! How often a principal may call Azure's wire, as Azure Resource Manager limits it: reads, writes and
//! deletes of each subscription, and calls that are on none, each by itself.
//!
//! Every call counts once its token is known to be valid, whatever becomes of it, and the answer's
//! header says how many are left. Where the configuration has no limit nothing is counted: the header
//! then says on every answer what one call leaves of Azure's limit. Our own API, health and metrics
//! are no such calls, so nobody's reading keeps usage from coming in.
//!
//! Source: Azure Resource Manager, "Understand how Azure Resource Manager throttles requests".

mod bucket;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, OnceLock};

use domain::id::{ObjectId, SubscriptionId, TenantId};
use domain::time::UtcTime;
use http::{HeaderName, HeaderValue, Method};

use crate::config::HourlyLimits;
use crate::identity::Principal;
use crate::limits;
use bucket::Bucket;

/// What a call does, by its method: a question that is POSTed is a write, as with Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Delete,
}

impl Kind {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Read,
            Method::DELETE => Self::Delete,
            _ => Self::Write,
        }
    }
}

/// What a call takes one of. On no subscription there is one limit for all that is no read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Limit {
    Reads,
    Writes,
    Deletes,
    TenantReads,
    TenantWrites,
}

impl Limit {
    fn of(kind: Kind, is_on_subscription: bool) -> Self {
        match (kind, is_on_subscription) {
            (Kind::Read, true) => Self::Reads,
            (Kind::Write, true) => Self::Writes,
            (Kind::Delete, true) => Self::Deletes,
            (Kind::Read, false) => Self::TenantReads,
            (Kind::Write | Kind::Delete, false) => Self::TenantWrites,
        }
    }

    /// What Azure calls it in the header that says how much of it is left.
    fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Reads => "x-ms-ratelimit-remaining-subscription-reads",
            Self::Writes => "x-ms-ratelimit-remaining-subscription-writes",
            Self::Deletes => "x-ms-ratelimit-remaining-subscription-deletes",
            Self::TenantReads => "x-ms-ratelimit-remaining-tenant-reads",
            Self::TenantWrites => "x-ms-ratelimit-remaining-tenant-writes",
        })
    }

    fn per_hour(self, limits: &HourlyLimits) -> Option<u32> {
        match self {
            Self::Reads => limits.reads,
            Self::Writes => limits.writes,
            Self::Deletes => limits.deletes,
            Self::TenantReads => limits.tenant_reads,
            Self::TenantWrites => limits.tenant_writes,
        }
    }

    /// How many calls Azure's has.
    fn per_hour_of_azure(self) -> u32 {
        match self {
            Self::Reads | Self::TenantReads => limits::READS_PER_HOUR,
            Self::Writes | Self::TenantWrites => limits::WRITES_PER_HOUR,
            Self::Deletes => limits::DELETES_PER_HOUR,
        }
    }

    /// What a refusal calls its calls.
    fn word(self) -> &'static str {
        match self {
            Self::Reads | Self::TenantReads => "read",
            Self::Writes | Self::TenantWrites => "write",
            Self::Deletes => "delete",
        }
    }
}

/// What calls are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Counter {
    tenant: TenantId,
    principal: ObjectId,
    /// None for calls that are on no subscription, or on none that the principal may know of.
    subscription: Option<SubscriptionId>,
    limit: Limit,
}

/// Where Azure's calls that take a token are. What is elsewhere is ours, health, or how to get a token.
const ROOTS: [&str; 3] = ["subscriptions", "providers", "tenants"];

/// A call of Azure's wire, which counts once it is known whose it is.
#[derive(Debug)]
pub(crate) struct Call {
    kind: Kind,
    remaining: OnceLock<(HeaderName, u32)>,
}

impl Call {
    /// The call with this method and folded path; none if it is none of Azure's wire.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        let root = path.strip_prefix('/')?.split('/').next()?;
        let is_azures = ROOTS.contains(&root);
        is_azures.then(|| Self { kind: Kind::of(method), remaining: OnceLock::new() })
    }

    /// The header that says how many more there may be, if the call was counted.
    pub(crate) fn remaining(&self) -> Option<(HeaderName, HeaderValue)> {
        let (name, calls) = self.remaining.get()?;
        Some((name.clone(), HeaderValue::from(*calls)))
    }
}

/// The calls that were counted, where there are limits.
#[derive(Debug)]
pub(crate) struct RateLimits {
    limits: HourlyLimits,
    /// Most counters that are held.
    most: usize,
    counted: Mutex<Counted>,
}

/// Each counter is in both, or in none.
#[derive(Debug, Default)]
struct Counted {
    buckets: HashMap<Counter, Bucket>,
    /// By when all that was taken will have come back.
    by_full: BTreeSet<(UtcTime, Counter)>,
}

/// There were too many calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throttled {
    counter: Counter,
    per_hour: u32,
    /// Seconds until there may be one more.
    pub(crate) retry_after: u32,
}

impl Throttled {
    pub(crate) fn code(&self) -> &'static str {
        match self.counter.subscription {
            Some(_) => "SubscriptionRequestsThrottled",
            None => "TenantRequestsThrottled",
        }
    }
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counter { tenant, principal, subscription, limit } = &self.counter;
        let kind = limit.word();
        match subscription {
            Some(id) => write!(f, "Number of '{kind}' requests for subscription '{id}'")?,
            None => write!(f, "Number of '{kind}' requests for tenant '{tenant}'")?,
        }
        write!(
            f,
            " by client '{principal}' exceeded the limit of '{}' for time interval '01:00:00'. \
             Please try again after '{}' seconds.",
            self.per_hour, self.retry_after
        )
    }
}

impl RateLimits {
    pub(crate) fn new(limits: HourlyLimits) -> Self {
        let counted = Mutex::default();
        Self { limits, most: limits::CALL_COUNTERS, counted }
    }

    /// Counts a call of a principal, on a subscription that it may know of or on none. It counts
    /// once, however often its token is looked at.
    ///
    /// # Errors
    /// [`Throttled`] if there were as many as may be; then it does not count.
    pub(crate) fn count(
        &self,
        call: &Call,
        principal: &Principal,
        subscription: Option<SubscriptionId>,
        now: UtcTime,
    ) -> Result<(), Throttled> {
        if call.remaining.get().is_some() {
            return Ok(());
        }
        let (tenant, principal) = (principal.tenant_id, principal.object_id);
        let limit = Limit::of(call.kind, subscription.is_some());
        let counter = Counter { tenant, principal, subscription, limit };
        let taken = match limit.per_hour(&self.limits) {
            None => Ok(limit.per_hour_of_azure() - 1),
            Some(per_hour) => {
                let mut counted = self.counted.lock().expect("no holder panics");
                let taken = counted.take(counter, per_hour, self.most, now);
                taken.map_err(|retry_after| Throttled { counter, per_hour, retry_after })
            }
        };
        let left = *taken.as_ref().unwrap_or(&0);
        call.remaining.get_or_init(|| (limit.header(), left));
        taken.map(|_| ())
    }
}

impl Counted {
    /// Takes a call of the counter's bucket; see [`Bucket::take`]. Where there is no room for one
    /// more bucket, the one gives way of which the least would be lost: a full one, if there is any.
    fn take(
        &mut self,
        counter: Counter,
        per_hour: u32,
        most: usize,
        now: UtcTime,
    ) -> Result<u32, u32> {
        let held = self.buckets.remove(&counter);
        if let Some(bucket) = held {
            self.by_full.remove(&(bucket.full_at(per_hour), counter));
        } else if self.buckets.len() >= most
            && let Some((_, first)) = self.by_full.pop_first()
        {
            self.buckets.remove(&first);
        }
        let mut bucket = held.unwrap_or_else(|| Bucket::full(now));
        let taken = bucket.take(per_hour, now);
        self.by_full.insert((bucket.full_at(per_hour), counter));
        self.buckets.insert(counter, bucket);
        taken
    }
}

#[cfg(test)]
mod tests;
