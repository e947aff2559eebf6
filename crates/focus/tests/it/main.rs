//! Rows through the public face: what lands in which column, and that no digit is lost on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod columns;
mod files;
mod limits;
mod read;
mod sums;
mod support;
