//! The Tallyhouse server: Azure's billing wire and our own API over one ledger and one catalogue.
//!
//! A handler has three steps: load, decide (pure, in `domain`), answer. All routes are in
//! [`router`], every status and error code is chosen in [`error`], the clock is read in [`clock`]
//! alone, and every limit stands in [`limits`].

mod app;
mod authorize;
mod azure;
mod backup;
mod bill;
mod catalogue;
pub mod clock;
pub mod config;
mod directory;
mod discovery;
mod erasing;
mod error;
mod exchange;
mod files;
mod graph;
mod guard;
mod health;
pub mod identity;
mod kept;
pub mod limits;
mod metrics;
mod own;
mod price_changes;
mod principals;
mod rate_limits;
mod resource_groups;
mod restore;
mod router;
mod sealed_keys;
mod start;
mod stream;
pub mod tls;
mod token_endpoint;

pub use app::{App, AppError};
pub use restore::{RestoreError, Restoring, restore, verify_folder};
pub use router::openapi;
pub use start::{Running, StartError, service, start};
