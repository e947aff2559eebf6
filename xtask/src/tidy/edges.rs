//! Which crate may depend on which: data flows one way, and a heavy dependency has one owner.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Finding, finding};
use crate::process::{cargo, output, root};

/// Our crates, and those of ours that each may depend on outside tests.
const EDGES: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("ledger", &["domain"]),
    ("accounts", &["domain"]),
    ("wire", &["domain"]),
    ("focus", &["domain"]),
    ("server", &["domain", "ledger", "accounts", "wire", "focus"]),
    ("cli", &["domain", "wire", "server"]),
    ("testkit", &[]),
    ("xtask", &[]),
];

/// What `domain` may use of others: a wide integer, a hash, mathematics for forecasts, and a hasher of maps.
const DOMAIN_MAY_USE: [&str; 4] = ["ethnum", "blake3", "libm", "foldhash"];

/// Heavy dependencies by the beginning of their names, and the crates that alone may have them.
const OWNERS: [(&str, &[&str]); 6] = [
    // One keeps the table, the other writes exports.
    ("arrow", &["ledger", "focus"]),
    ("parquet", &["ledger", "focus"]),
    ("object_store", &["ledger"]),
    ("sqlx", &["accounts"]),
    ("axum", &["server"]),
    ("clap", &["cli"]),
];

/// Checks what `cargo metadata` says of the workspace.
pub(super) fn check() -> Result<Vec<Finding>> {
    let text = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().context("no packages in cargo metadata")? {
        let name = package["name"].as_str().context("a package without a name")?;
        let manifest = package["manifest_path"].as_str().context("a package without a manifest")?;
        let manifest = std::path::Path::new(manifest);
        let text = fs::read_to_string(manifest)?;
        let path = manifest.strip_prefix(root()).unwrap_or(manifest).display().to_string();
        for dependency in package["dependencies"].as_array().context("no dependencies")? {
            let used = dependency["name"].as_str().context("a dependency without a name")?;
            let only_tests = dependency["kind"].as_str() == Some("dev");
            if let Some(message) = objection(name, used, only_tests) {
                findings.push(finding(&path, line_of(&text, used), message));
            }
        }
    }
    Ok(findings)
}

/// Why this crate may not depend on that one, if so.
fn objection(name: &str, used: &str, only_tests: bool) -> Option<String> {
    let Some((_, may_use)) = EDGES.iter().find(|(crate_name, _)| *crate_name == name) else {
        return Some(format!("crate {name} has no place in the order of crates (tidy/edges.rs)"));
    };
    if EDGES.iter().any(|(ours, _)| *ours == used) {
        let fine = may_use.contains(&used) || only_tests && used == "testkit";
        return (!fine).then(|| format!("{name} may not depend on {used}: data flows one way"));
    }
    if only_tests {
        return None;
    }
    if name == "domain" && !DOMAIN_MAY_USE.contains(&used) {
        return Some(format!("domain is pure and may not depend on {used}"));
    }
    let (_, owners) = OWNERS.iter().find(|(start, _)| used.starts_with(start))?;
    (!owners.contains(&name)).then(|| format!("{used} belongs to {} alone", owners.join(" and ")))
}

fn line_of(manifest: &str, dependency: &str) -> usize {
    let found = manifest.lines().position(|line| {
        let rest = line.strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    });
    found.map_or(1, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_flows_one_way_and_heavy_dependencies_have_one_owner() {
        let broken = |name, used, only_tests| objection(name, used, only_tests).is_some();
        for (name, used, only_tests, expected) in [
            ("domain", "ethnum", false, false),
            ("domain", "serde", false, true),
            ("domain", "proptest", true, false),
            ("ledger", "domain", false, false),
            ("ledger", "wire", false, true),
            ("ledger", "testkit", true, false),
            ("ledger", "testkit", false, true),
            ("testkit", "domain", false, true),
            ("wire", "parquet", false, true),
            ("focus", "parquet", false, false),
            ("focus", "ledger", false, true),
            ("ledger", "arrow-array", false, false),
            ("cli", "ledger", false, true),
            ("server", "axum-server", false, false),
            ("accounts", "clap", false, true),
            ("nameless", "serde", false, true),
        ] {
            assert_eq!(broken(name, used, only_tests), expected, "{name} → {used}");
        }
    }

    #[test]
    fn a_dependency_is_found_by_its_whole_name() {
        let manifest = "[dependencies]\nserde_json.workspace = true\nserde = \"1\"\n";
        assert_eq!(line_of(manifest, "serde"), 3);
    }
}
