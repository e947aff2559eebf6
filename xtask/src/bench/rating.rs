//! Rating alone, in memory, beside the same arithmetic in DuckDB's SQL.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::peer::Peer;
use super::report::{Line, Report, thousands};
use crate::decimal::Decimal;
use crate::process::{cargo, output};

/// What `cargo bench -p domain --bench rate` said, a line for each shape of usage.
pub(crate) struct Rating(Vec<Value>);

/// Measures, and writes to the folder what the peer rates.
pub(crate) fn measure(folder: &Path) -> Result<Rating> {
    let folder = folder.to_str().context("the folder's name is UTF-8")?;
    let said = output(&mut cargo(&["bench", "-p", "domain", "--bench", "rate", "--", folder]))?;
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let shapes = lines.map(|line| serde_json::from_str(line).context("a line of the bench"));
    Ok(Rating(shapes.collect::<Result<_>>()?))
}

impl Rating {
    /// Adds the figures, after comparing the total with the peer's.
    pub(crate) fn report(&self, peer: &Peer, report: &mut Report) -> Result<()> {
        report.section("Rating", "One subscription-month of 500 meters, in memory");
        for shape in &self.0 {
            let text = |name: &str| shape[name].as_str().with_context(|| format!("no {name}"));
            let name = text("name")?;
            let mut times: Vec<u64> = shape["wall_us"]
                .as_array()
                .context("no wall_us")?
                .iter()
                .filter_map(Value::as_u64)
                .collect();
            let rows = thousands(shape["rows"].as_u64().context("no rows")?);
            let cpu = super::report::median(&mut times);
            let what = format!("Tallyhouse, {name} ({rows} rows)");
            report.line(Line::answer(&what, &mut times, cpu));
            if name == "a row a day" {
                report.lines(&[peer.rating_line()?]);
                let (ours, theirs) = (Decimal::parse(text("total")?)?, peer.rating_total()?);
                ensure!(ours == theirs, "the bill is {ours} here and {theirs} in DuckDB");
            }
        }
        Ok(())
    }
}
