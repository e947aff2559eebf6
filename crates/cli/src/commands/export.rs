//! The group `export`: files for other tools, as the server sends them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use super::OWN_API;
use crate::arguments::{ExportCommand, ExportFocusOptions};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::message;

/// Runs a command of the group.
pub(super) fn run(command: ExportCommand, client: &Client) -> Result<(), Failure> {
    let ExportCommand::Focus(options) = command;
    let subscription = options.subscription.map(|id| id.to_string());
    let given = [
        ("subscription", subscription.as_deref()),
        ("period", options.period.as_deref()),
        ("through", options.through.as_deref()),
        ("format", Some(options.format.as_str())),
        ("granularity", Some(options.granularity.as_str())),
        ("asOf", options.as_of.as_deref()),
    ];
    let query: Vec<_> =
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let path = format!("{OWN_API}/exports/focus");
    match &options.file {
        Some(file) => to_file(file, |out| client.download(&path, &query, out)),
        None => to_stdout(&options, |out| client.download(&path, &query, out)),
    }
}

fn to_stdout(
    options: &ExportFocusOptions,
    download: impl FnOnce(&mut dyn Write) -> Result<u64, Failure>,
) -> Result<(), Failure> {
    let stdout = io::stdout();
    if options.format == "parquet" && stdout.is_terminal() {
        return Err(Failure::Usage("Parquet is not for a terminal: name a --file".to_owned()));
    }
    let mut out = BufWriter::new(stdout.lock());
    download(&mut out)?;
    out.flush()?;
    Ok(())
}

/// The file appears whole or not at all.
fn to_file(
    file: &Path,
    download: impl FnOnce(&mut dyn Write) -> Result<u64, Failure>,
) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = file
        .file_name()
        .ok_or_else(|| Failure::Usage(format!("{} is no name of a file", file.display())))?;
    let mut unfinished = OsString::from(".");
    unfinished.push(name);
    unfinished.push(format!(".{}.partial", std::process::id()));
    let unfinished = folder.join(unfinished);
    let mut out = BufWriter::new(File::create_new(&unfinished)?);
    let written = download(&mut out).and_then(|bytes| {
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&unfinished, file)?;
        File::open(folder)?.sync_all()?;
        Ok(bytes)
    });
    match written {
        Ok(bytes) => message(format!("{}: {bytes} bytes", file.display())),
        Err(failure) => {
            let _ = fs::remove_file(&unfinished); // the failure itself is what matters
            return Err(failure);
        }
    }
    Ok(())
}
