//! `tallyhouse serve`, and the server that the demo runs in its own process.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use server::Running;
use server::config::{LedgerSettings, LogFormat, Settings};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::arguments::ServeOptions;
use crate::failure::Failure;

/// A server in this process, on threads of its own.
pub(crate) struct Server {
    runtime: Runtime,
    running: Running,
    signals: [Signal; 2],
}

/// Runs the server until SIGTERM or Ctrl-C.
///
/// # Errors
/// [`Failure`] if the settings are wrong or the server does not start.
pub(crate) fn run(options: ServeOptions) -> Result<(), Failure> {
    let Some(data) = options.data.clone() else {
        return Err(Failure::Usage(
            "serve needs --data DIR, the folder to keep data in".to_owned(),
        ));
    };
    let settings = settings(options)?;
    start_log(&settings)?;
    let server = Server::start(settings, data)?;
    let mut stdout = io::stdout();
    writeln!(stdout, "tallyhouse is listening on {}", server.url())?;
    stdout.flush()?;
    server.run_until_told();
    Ok(())
}

/// The flags over the file.
fn settings(options: ServeOptions) -> Result<Settings, Failure> {
    let file = match &options.config {
        None => Settings::default(),
        Some(file) => {
            let wrong =
                |reason: String| Failure::Input { file: file.display().to_string(), reason };
            let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
            Settings::from_toml(&text).map_err(|error| wrong(error.to_string()))?
        }
    };
    let log_format = options.log.as_deref().map(|form| match form {
        "json" => LogFormat::Json,
        _ => LogFormat::Text, // the command line takes these two
    });
    let flags = Settings {
        listen: options.listen,
        public_url: options.public_url,
        host_names: (!options.host_names.is_empty()).then_some(options.host_names),
        log_format,
        ledger: (options.ledger.is_some() || options.journal.is_some()).then(|| LedgerSettings {
            url: options.ledger,
            journal: options.journal,
            ..LedgerSettings::default()
        }),
        ..Settings::default()
    };
    Ok(flags.or(file))
}

/// Logs to standard error from here on.
fn start_log(settings: &Settings) -> Result<(), Failure> {
    let filter = settings.log_filter.as_deref().unwrap_or("info");
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::Usage(format!("setting 'log_filter': {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let log = log.with_ansi(io::stderr().is_terminal());
    match settings.log_format.unwrap_or_default() {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

impl Server {
    /// Starts a server; it answers when this returns.
    ///
    /// # Errors
    /// [`Failure::Usage`] for wrong settings, [`Failure::Refused`] if it does not start.
    pub(crate) fn start(settings: Settings, data: PathBuf) -> Result<Self, Failure> {
        let config =
            settings.into_config(data).map_err(|error| Failure::Usage(error.to_string()))?;
        let runtime = Runtime::new().map_err(|error| not_started(&error))?;
        let running = runtime.block_on(server::start(config));
        let running = running.map_err(|error| not_started(&error))?;
        // Before anyone is told that it runs: from here on a signal stops it cleanly.
        let signals = runtime.block_on(async {
            [SignalKind::terminate(), SignalKind::interrupt()]
                .map(|kind| signal(kind).expect("these signals can be handled"))
        });
        Ok(Self { runtime, running, signals })
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> &str {
        self.running.url()
    }

    /// Serves until SIGTERM or Ctrl-C, then stops cleanly.
    pub(crate) fn run_until_told(mut self) {
        let [terminate, interrupt] = &mut self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        self.stop();
    }

    /// Lets requests under way finish, and closes the ledger.
    pub(crate) fn stop(self) {
        self.runtime.block_on(self.running.shutdown());
    }
}

/// What went wrong, with its causes, and what to do where the address is taken.
fn not_started(error: &dyn Error) -> Failure {
    let mut message = error.to_string();
    let mut source = error.source();
    let mut is_taken = false;
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        let io = cause.downcast_ref::<io::Error>();
        is_taken |= io.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse);
        source = cause.source();
    }
    let hint = "another program has that port: choose one with --listen ADDRESS:PORT; port 0 takes \
                a free one";
    Failure::Refused { message, hint: is_taken.then(|| hint.to_owned()) }
}
