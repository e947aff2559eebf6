//! The ledger's table while it grows, and after an erasure: the tests send events, have them sealed,
//! joined and erased, and read the table meanwhile. What they need of here is a server of their own.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{table_python, tests_of};
use crate::ci::{Counted, counted};
use crate::process::{fresh_folder, tallyhouse};
use crate::server::Server;

const SUBSCRIPTIONS: [&str; 3] = [
    "1ee7ab1e-0000-4000-8000-000000000001",
    "1ee7ab1e-0000-4000-8000-000000000002",
    "f00dfeed-0000-4000-8000-000000000003",
];

/// Runs the tests of each on a new server.
pub(super) fn count() -> Result<Counted> {
    Ok(count_on("live", "test_table_live")?.and(count_on("erased", "test_table_erased")?))
}

/// Runs a module of tests on a new server.
fn count_on(name: &str, module: &str) -> Result<Counted> {
    let mut tests = tests_of(table_python()?, &[module]);
    let folder = fresh_folder(&format!("conformance/{name}"))?;
    let (binary, data) = (tallyhouse()?, folder.join("data"));
    let server = Server::start(&binary, &data)?;
    for id in SUBSCRIPTIONS {
        server.make_subscription(id, name, "MS-AZR-0003P")?;
    }
    let case = json!({
        "url": server.url,
        "authority": server.authority(),
        "program": binary,
        "data": data,
        "table": data.join("ledger/usage"),
        "subscriptions": SUBSCRIPTIONS,
        "tokens": { "administrator": fs::read_to_string(data.join("admin.token"))?.trim() },
    });
    let file = folder.join("case.json");
    fs::write(&file, serde_json::to_vec(&case)?)?;
    let outcome = counted(tests.env("TALLYHOUSE_CASE", &file));
    let counted = outcome.with_context(|| format!("the server's log ends:\n{}", server.log()))?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status} after SIGTERM");
    Ok(counted)
}
