//! The HTTP contract: `tests/http/*.http` at the root hold requests and their answers as text.
//!
//! Each file is one story on a fresh data folder, with the clock and the request ids in its hands.
//! `UPDATE_EXPECT=1 cargo test -p server` writes the answers anew.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod attacks;
mod audit;
mod backup;
mod busy;
mod corrections;
mod erasure;
mod http;
mod identity_server;
mod imports;
mod issuers;
mod kept_folder;
mod metrics;
mod order_of_errors;
mod pretty;
mod private_files;
mod real_card;
mod rights;
mod secrets;
mod world;

use std::path::{Path, PathBuf};

fn stories() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/http")
}

macro_rules! stories {
    ($($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                http::check(&stories().join(concat!(stringify!($name), ".http"))).await;
            }
        )+

        #[test]
        fn every_story_is_run() {
            let mut found: Vec<_> = std::fs::read_dir(stories())
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            found.sort();
            let mut run = vec![$(stringify!($name).to_owned()),+];
            run.extend((1..=4).map(|number| format!("kept_folder_{number}")));
            run.sort();
            assert_eq!(found, run);
        }
    };
}

stories!(
    access,
    arm,
    arm_metadata,
    arm_resource_groups,
    billing_accounts,
    billing_periods,
    audit_log,
    closed_periods,
    corrections,
    cost,
    cost_all,
    cost_groups,
    cost_query,
    cost_terms,
    events,
    erasure,
    events_wrong,
    export,
    graph,
    headers,
    imports,
    imports_streamed,
    invoices,
    meter_aliases,
    offer_rules,
    offer_rules_lifted,
    price_overrides,
    price_sheet,
    rate_card,
    rate_card_versions,
    rate_limits,
    resource_groups,
    resource_groups_too_many,
    retail_prices,
    role_assignments,
    role_definitions,
    service_principals,
    slices,
    stack_provider,
    subscription_changes,
    subscriptions,
    tenants,
    token_endpoint,
    token_endpoint_wrong,
    usage,
    usage_details,
    usage_paging,
    usage_within_scopes,
    usage_wrong,
    watermarks,
);
