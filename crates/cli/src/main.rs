//! `tallyhouse`: the server, and its client after `az`.
//!
//! Data goes to standard output, messages to standard error, and the exit code says what happened
//! ([`failure::EXIT_CODES`]). A client command is a request and an answer: all knowledge of billing
//! is in the server. `rate` alone needs none.

mod arguments;
mod client;
mod commands;
mod connection;
mod demo;
mod document;
mod failure;
mod import;
mod limits;
mod output;
mod progress;
mod query;
mod rate;
mod serve;

use std::io::{self, BufWriter};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, LedgerCommand};
use client::Client;
use failure::Failure;
use output::{Output, message};
use query::Query;

/// The usual allocator of Linux takes a third of an import's processor time, and keeps what a burst of
/// requests took.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_silent() {
                message(format!("error: {failure}"));
            }
            if let Some(hint) = failure.hint() {
                message(format!("hint: {hint}"));
            }
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { connection, output, command } = arguments;
    match command {
        Command::Serve(options) => serve::run(options),
        Command::Demo(options) => demo::run(options),
        command => {
            let query = output.query.as_deref().map(Query::parse).transpose()?;
            let stdout = BufWriter::new(io::stdout().lock());
            let mut output = Output::new(stdout, output.output, query);
            match &command {
                Command::Rate(options) => return rate::run(options, &mut output),
                Command::Restore(options) => return commands::restore(options, &mut output),
                Command::Ledger(LedgerCommand::Verify { offline: true }) => {
                    return commands::verify_folder(connection.folder(), &mut output);
                }
                _ => {}
            }
            let connection = connection.resolve(|name| std::env::var(name).ok())?;
            let client = Client::new(&connection)?;
            commands::run(command, &client, &mut output)
        }
    }
}
