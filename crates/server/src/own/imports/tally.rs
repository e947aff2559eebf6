//! What became of the rows of an import, added up as the ledger answers.

use std::collections::BTreeSet;

use domain::id::{Source, SubscriptionId};
use domain::record::Commit;
use domain::time::Date;
use ledger::Outcome;
use wire::own::{ImportResponse, IngestProblem, IngestResponse, TouchedBucket};

use super::block::SentRow;
use crate::limits;
use crate::own::ingest::conflict;

/// What became of a block's rows.
pub(super) struct Settled {
    pub(super) source: Source,
    pub(super) rows: Vec<SentRow>,
    /// Of each of them.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) rejected: Vec<IngestProblem>,
    pub(super) rejected_count: u64,
}

/// The sum so far.
#[derive(Default)]
pub(super) struct Tally {
    accepted: u64,
    duplicate: u64,
    highest: Option<Commit>,
    touched: BTreeSet<(SubscriptionId, Date)>,
    has_touched_more: bool,
    rejected: Vec<IngestProblem>,
    rejected_count: u64,
    conflicting: Vec<IngestProblem>,
    conflicting_count: u64,
}

impl Tally {
    /// Adds a block; blocks come in the order of the body.
    pub(super) fn add(&mut self, block: Settled) {
        let most = limits::IMPORT_PROBLEMS_LISTED;
        self.rejected_count += block.rejected_count;
        self.rejected.extend(block.rejected.into_iter().take(most - self.rejected.len()));
        let mut last = None;
        for (row, outcome) in block.rows.into_iter().zip(block.outcomes) {
            let commit = match outcome {
                Outcome::Stored(commit) => {
                    self.accepted += 1;
                    let bucket = (row.subscription, row.reported_day);
                    if last.replace(bucket) != Some(bucket) {
                        self.touch(bucket);
                    }
                    commit
                }
                Outcome::Duplicate(commit) => {
                    self.duplicate += 1;
                    commit
                }
                Outcome::Conflict(commit) => {
                    self.conflicting_count += 1;
                    if self.conflicting.len() < most {
                        let SentRow { position, event_id, .. } = row;
                        self.conflicting.push(conflict(position, &block.source, &event_id, commit));
                    }
                    continue;
                }
            };
            self.highest = self.highest.max(Some(commit));
        }
    }

    fn touch(&mut self, bucket: (SubscriptionId, Date)) {
        if self.touched.len() < limits::IMPORT_TOUCHED_LISTED {
            self.touched.insert(bucket);
        } else {
            self.has_touched_more |= !self.touched.contains(&bucket);
        }
    }

    /// The answer, for a body that was read to its end.
    pub(super) fn finish(self) -> ImportResponse {
        let touched = self.touched.into_iter().map(|(subscription, day)| TouchedBucket {
            subscription_id: subscription.to_string(),
            reported_day: day.to_string(),
        });
        let result = IngestResponse {
            accepted: self.accepted,
            duplicate: self.duplicate,
            conflicting: self.conflicting,
            rejected: self.rejected,
            commit: self.highest.map(|commit| commit.0),
            touched_buckets: touched.collect(),
            slices: vec![],
        };
        ImportResponse {
            result,
            rejected_rows: self.rejected_count,
            conflicting_rows: self.conflicting_count,
            touched_more: self.has_touched_more,
            continued: false,
            broken: None,
        }
    }
}
