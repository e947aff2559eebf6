//! Which records and watermarks a principal may store.

use std::collections::HashMap;

use accounts::{Action, Scope};
use domain::id::SubscriptionId;
use domain::record::{UsageRecord, Window};
use domain::time::{Date, ReportedTime, UtcTime};
use wire::event::Watermark;
use wire::own::IngestProblem;

use crate::authorize::forbidden;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::identity::Principal;
use crate::limits;

/// Decides which records a principal may store, and asks the directory once a subscription.
pub(crate) struct Gate<'a> {
    directory: &'a Directory,
    principal: &'a Principal,
    actions: Vec<Action>,
    now: UtcTime,
    oldest: UtcTime,
    /// Of each subscription, the right that is lacking.
    decided: HashMap<SubscriptionId, Option<Action>>,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(
        directory: &'a Directory,
        principal: &'a Principal,
        action: Action,
        now: UtcTime,
    ) -> Self {
        let oldest = Date::parse(limits::OLDEST_USAGE).expect("the limit is a date").start();
        let (actions, decided) = (vec![action], HashMap::new());
        Self { directory, principal, actions, now, oldest, decided }
    }

    /// Asks for another right as well.
    pub(super) fn and(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Whether the record may be stored.
    pub(crate) fn check(&mut self, record: &UsageRecord) -> Result<(), ApiError> {
        self.check_right(record.subscription)?;
        let start = record.window.start();
        if start < self.oldest {
            let reason = format!("usageStartTime {start} is before {}", limits::OLDEST_USAGE);
            return Err(ApiError::Event { code: "InvalidTime", reason });
        }
        self.check_ahead("usageStartTime", start)
    }

    /// Whether the watermark may be stored.
    pub(super) fn check_watermark(&mut self, watermark: &Watermark) -> Result<(), ApiError> {
        self.check_right(watermark.subscription)?;
        self.check_ahead("completeUpTo", watermark.complete_up_to)
    }

    fn check_right(&mut self, id: SubscriptionId) -> Result<(), ApiError> {
        let lacking = match self.decided.get(&id) {
            Some(lacking) => *lacking,
            None => {
                if self.directory.visible(self.principal, id).is_none() {
                    return Err(ApiError::SubscriptionNotFound(id.to_string()));
                }
                let scope = Scope::of_subscription(id);
                let allows = |action| self.directory.allows(self.principal, action, &scope);
                let lacking = self.actions.iter().find(|action| !allows(action)).copied();
                self.decided.insert(id, lacking);
                lacking
            }
        };
        if let Some(action) = lacking {
            let scope = Scope::of_subscription(id).to_string();
            return Err(forbidden(self.principal, action, scope));
        }
        Ok(())
    }

    /// Producers' clocks may be ahead of this one, though not by much.
    fn check_ahead(&self, name: &'static str, time: UtcTime) -> Result<(), ApiError> {
        if time > self.now.plus_hours(limits::USAGE_AHEAD_HOURS) {
            let reason = format!("{name} {time} is more than a day in the future");
            return Err(ApiError::Event { code: "InvalidTime", reason });
        }
        Ok(())
    }

    /// An origin reports usage no earlier than on its day, and no later than now.
    pub(crate) fn impossible_bucket(
        &self,
        bucket: ReportedTime,
        window: Window,
        position: u64,
    ) -> Option<IngestProblem> {
        let (bucket, start) = (bucket.0, window.start());
        let reason = if bucket > self.now {
            format!("reported bucket {bucket} is in the future")
        } else if bucket < start.day_start() {
            format!("reported bucket {bucket} is before the usage, which starts at {start}")
        } else {
            return None;
        };
        let code = "InvalidTime".to_owned();
        Some(IngestProblem { position, source: None, id: None, code, reason })
    }
}
