//! `cargo xtask`: what has to be done to the project, written once, in Rust.
//!
//! Every command works from any folder of the checkout, leaves its files under `target/`, and
//! ends with a status that says whether all was well.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

mod arguments;
mod bench;
mod ci;
mod compat;
mod conformance;
mod decimal;
mod docs;
mod examples;
mod faults;
mod http;
mod objects;
mod process;
mod random;
mod readme;
mod restart;
mod server;
mod syncs;
mod tidy;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use arguments::Arguments;
use objects::Store;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci                            all that continuous integration runs
  tidy                          house rules that the compiler does not know
  docs [--check]                write the pages that come from code and tests, or fail if stale
  conformance [--only python|node|table|focus|oidc|az]
                                unmodified clients of others against the real server
  readme                        the README's commands, in a shell
  examples                      the programs of examples/ in five languages, against the demo
  syncs                         the sync calls of an append and a seal, by strace
  faults [--storage local|objects] [--rounds N] [--seed N]
                                the ledger over a disk, or an object store, that fails: nothing may
                                be lost or doubled
  restart [--rounds N] [--seed N]
                                kill the server under load, again and again: nothing may be lost;
                                a seed gives the load and the kills, not how fast the machine is
  objects [--store seaweedfs|azurite] [--rounds N] [--seed N]
                                the same on object stores (S3, Azure Blob), whose table others read
  bench [--records N] [--write] release build: ingest and queries, beside DuckDB
  bench ledger [--records N] [--write]
                                the ledger with 50 million records, beside DuckDB, Polars and chDB";

fn main() -> ExitCode {
    match run(Arguments::of_process()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let done = match arguments.command().as_deref() {
        Some("ci") => {
            arguments.finish()?;
            return Ok(ci::run());
        }
        Some("tidy") => arguments.finish().and_then(|()| tidy::run()),
        Some("docs") => {
            let check = arguments.flag("--check");
            arguments.finish()?;
            if check { docs::check() } else { docs::write() }
        }
        Some("conformance") => {
            let only = arguments.value("--only")?;
            arguments.finish()?;
            conformance::run(only.as_deref())
        }
        Some("readme") => arguments.finish().and_then(|()| readme::run()),
        Some("examples") => {
            arguments.finish()?;
            let failed = examples::run()?.failed;
            ensure!(failed == 0, "{failed} examples failed");
            Ok(())
        }
        Some("syncs") => arguments.finish().and_then(|()| syncs::run()),
        Some("faults") => {
            let storage = arguments.value("--storage")?;
            let plan = faults::Plan {
                storage: faults::Storage::parse(storage.as_deref().unwrap_or("local"))?,
                rounds: arguments.number("--rounds")?.unwrap_or(1_000),
                seed: arguments.number("--seed")?.unwrap_or_else(random::seed_of_process),
            };
            arguments.finish()?;
            faults::run(&plan)
        }
        Some("restart") => {
            let plan = restart::Plan {
                rounds: arguments.number("--rounds")?.unwrap_or(20),
                seed: arguments.number("--seed")?.unwrap_or_else(random::seed_of_process),
                place: None,
                limit: Duration::MAX,
                least: None,
            };
            arguments.finish()?;
            restart::run(&plan)
        }
        Some("objects") => {
            let store = arguments.value("--store")?;
            let stores = match store.as_deref().map(Store::parse).transpose()? {
                Some(store) => vec![store],
                None => Store::ALL.into(),
            };
            let rounds = arguments.number("--rounds")?.unwrap_or(10);
            let seed = arguments.number("--seed")?.unwrap_or_else(random::seed_of_process);
            arguments.finish()?;
            for store in stores {
                let failed = objects::run(store, rounds, seed)?.failed;
                ensure!(failed == 0, "{failed} tests failed");
            }
            Ok(())
        }
        Some("bench") => run_bench(arguments),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("no such command\n{USAGE}"),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn run_bench(mut arguments: Arguments) -> Result<()> {
    let ledger = arguments.flag("ledger");
    let records = arguments.number("--records")?;
    let write = arguments.flag("--write");
    arguments.finish()?;
    if ledger {
        let records = records.unwrap_or(bench::ledger::RECORDS);
        return bench::ledger::run(&bench::Plan { records, write });
    }
    bench::run(&bench::Plan { records: records.unwrap_or(200_000), write })
}
