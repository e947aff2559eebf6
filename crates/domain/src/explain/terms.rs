//! What the terms of the offer add to a bill: lines of the subscription, which belong to no meter.

use crate::book::Book;
use crate::decimal::Money;
use crate::period::BillingPeriod;
use crate::rate::{CommitmentDrawn, CreditDrawn, RateError, Rated, rate};
use crate::usage::Usage;

use super::{Label, Node};

/// How usage and terms make up the total of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsExplanation {
    /// The billing period.
    pub period: BillingPeriod,
    /// What is owed: charges of usage, less credits, with what is forfeited and what recurs.
    pub amount: Node,
    /// Each credit: it draws the smaller of its amount and what is eligible.
    pub credits: Vec<CreditDrawn>,
    /// The commitment, if there is one: what is committed is drawn or forfeited.
    pub commitment: Option<CommitmentExplanation>,
}

/// A commitment, and whether it was worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitmentExplanation {
    /// What became of it.
    pub drawn: CommitmentDrawn,
    /// Total of the bill.
    pub total: Money,
    /// Total of the bill that the same usage would have had without the commitment.
    pub pay_as_you_go: Money,
    /// What the commitment saved; below zero if it was dearer than pay-as-you-go.
    pub saved: Money,
}

/// Explains the total of a bill: what its terms add to the charges of its meters.
///
/// # Errors
/// [`RateError`] if a sum would not be exact, here or in the bill without the commitment.
pub fn explain_terms(
    usage: &Usage,
    rated: &Rated,
    book: &Book,
) -> Result<TermsExplanation, RateError> {
    let mut children = vec![Node::of_amount(Label::Charge, rated.totals.usage)];
    children.extend(rated.credits.iter().map(|credit| {
        let label = Label::Credit { effective: Some(credit.effective) };
        Node::of_amount(label, credit.drawn.negated())
    }));
    let commitment = rated
        .commitment
        .map(|drawn| against_pay_as_you_go(drawn, usage, rated, book))
        .transpose()?;
    if let Some(CommitmentExplanation { drawn, .. }) = &commitment {
        children.push(Node::of_amount(Label::Forfeited, drawn.forfeited));
    }
    children.extend(rated.recurring.iter().map(|due| {
        let label = Label::Recurring { effective: due.effective };
        Node::of_amount(label, due.amount)
    }));
    let amount = Node { children, ..Node::of_amount(Label::Total, rated.totals.total) };
    amount.assert_adds_up();
    let credits = rated.credits.clone();
    Ok(TermsExplanation { period: rated.period, amount, credits, commitment })
}

fn against_pay_as_you_go(
    drawn: CommitmentDrawn,
    usage: &Usage,
    rated: &Rated,
    book: &Book,
) -> Result<CommitmentExplanation, RateError> {
    let uncommitted = Book { commitment: None, ..book.clone() };
    let total = rated.totals.total;
    let pay_as_you_go = rate(usage, &uncommitted)?.totals.total;
    let saved = pay_as_you_go.minus(total)?;
    Ok(CommitmentExplanation { drawn, total, pay_as_you_go, saved })
}
