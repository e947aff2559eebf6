//! Tests of rating: text cases and an oracle that says what each of them is to give.
//!
//! Nothing here is shared with `domain`, which rates for real: numbers are fractions of whole
//! numbers of any length, the calendar is counted day by day, and a charge is the area under a step
//! function. Two programs that were written apart and agree are seldom wrong in the same way.
//!
//! Only tests depend on this crate.

mod calendar;
mod case;
mod files;
mod number;
pub mod oracle;
mod parse;
mod random;

pub use calendar::Time;
pub use case::{
    Anchor, Card, Case, Change, Commitment, Meter, Override, Row, Scope, Target, Term, Terms, Tier,
};
pub use files::{CaseError, TextCase, cases, written};
pub use number::{Number, plain};
pub use parse::StatementError;
pub use random::Random;
