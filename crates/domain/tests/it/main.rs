//! `domain::rate` beside the oracle of `testkit`, on the cases of `tests/rating` and on random ones,
//! and the laws of rating.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adapter;
mod bill;
mod cases;
mod generator;
mod laws;
mod random;
mod summed;
