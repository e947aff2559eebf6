//! The real server as a child process: started on a free port, asked, killed or stopped.
//!
//! Only the process that was started here is ever signalled, and none outlives its value.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http::Client;
use crate::objects::Place;
use crate::process::{command, output};

/// A start takes far less, even in the dev profile.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A clean stop finishes what is under way and no more.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Where in the data folder it says its address.
const ADDRESS_FILE: &str = "server.url";
const POLL: Duration = Duration::from_millis(5);

/// How a server is started.
#[derive(Default, Clone)]
pub(crate) struct Options {
    /// Its configuration.
    pub(crate) config: Option<PathBuf>,
    /// Where its ledger lies, if not in the data folder.
    pub(crate) place: Option<Place>,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    binary: PathBuf,
    data: PathBuf,
    /// `https://127.0.0.1:PORT`.
    pub(crate) url: String,
}

impl Server {
    /// Starts the binary on this data folder and returns when it is ready. What it writes goes
    /// to `serve.out` and `serve.log` beside the folder, which are begun anew.
    pub(crate) fn start(binary: &Path, data: &Path) -> Result<Self> {
        Self::start_as(command(binary), binary, data)
    }

    /// The same by a command that runs the binary with the arguments that follow.
    pub(crate) fn start_as(program: Command, binary: &Path, data: &Path) -> Result<Self> {
        Self::start_within(program, binary, data, START_LIMIT)
    }

    /// The same where a start may take this long.
    pub(crate) fn start_within(
        program: Command,
        binary: &Path,
        data: &Path,
        limit: Duration,
    ) -> Result<Self> {
        Self::begin(program, binary, data, &Options::default())?.ready(limit)
    }

    /// The same with options.
    pub(crate) fn start_with(binary: &Path, data: &Path, options: &Options) -> Result<Self> {
        Self::begin_with(binary, data, options)?.ready(START_LIMIT)
    }

    /// Starts it with options, and does not wait until it is ready.
    pub(crate) fn begin_with(binary: &Path, data: &Path, options: &Options) -> Result<Self> {
        Self::begin(command(binary), binary, data, options)
    }

    fn begin(mut program: Command, binary: &Path, data: &Path, options: &Options) -> Result<Self> {
        let address_file = data.join(ADDRESS_FILE);
        if address_file.exists() {
            fs::remove_file(&address_file)?; // left by a killed server
        }
        program.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if let Some(config) = &options.config {
            program.arg("--config").arg(config);
        }
        if let Some(place) = &options.place {
            place.reach(&mut program);
            program.args(place.arguments());
        }
        let child = program
            .stdout(File::create(data.with_file_name("serve.out"))?)
            .stderr(File::create(data.with_file_name("serve.log"))?)
            .spawn()
            .with_context(|| format!("{} does not start", binary.display()))?;
        let (binary, data) = (binary.to_path_buf(), data.to_path_buf());
        Ok(Self { child, binary, data, url: String::new() })
    }

    fn ready(mut self, limit: Duration) -> Result<Self> {
        let (address_file, begun) = (self.data.join(ADDRESS_FILE), Instant::now());
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}: {}", self.log());
            }
            if let Ok(address) = fs::read_to_string(&address_file)
                && !address.trim().is_empty()
            {
                address.trim().clone_into(&mut self.url);
                if self.client()?.get("/readyz").is_ok_and(|answer| answer.status == 200) {
                    return Ok(self);
                }
            }
            ensure!(begun.elapsed() < limit, "the server is not ready: {}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// A client with the administrator's token.
    pub(crate) fn client(&self) -> Result<Client> {
        let token = fs::read_to_string(self.data.join("admin.token"))?;
        Client::new(&self.url, &fs::read(self.authority())?, token.trim())
    }

    /// The file that clients trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    /// Runs the command line on this server and gives its standard output.
    pub(crate) fn tallyhouse(&self, arguments: &[&str]) -> Result<String> {
        output(command(&self.binary).arg("--data").arg(&self.data).args(arguments))
    }

    /// Makes a subscription of this offer, in US dollars.
    pub(crate) fn make_subscription(&self, id: &str, name: &str, offer: &str) -> Result<()> {
        let what = ["subscription", "create", "--id", id, "--name", name, "--offer", offer];
        let prices = ["--currency", "USD", "--locale", "en-US", "--region", "US"];
        self.tallyhouse(&[&what[..], &prices].concat()).map(drop)
    }

    /// CPU time used so far, in milliseconds, to one clock tick (10 ms).
    pub(crate) fn cpu_ms(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, after_name) = stat.rsplit_once(')').context("no process name in stat")?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = |place: usize| -> Result<u64> { Ok(fields[place].parse()?) };
        Ok((ticks(11)? + ticks(12)?) * 10) // user and system time; Linux counts in 1/100 s
    }

    /// Highest resident memory so far, in kilobytes.
    pub(crate) fn peak_memory_kb(&self) -> Result<u64> {
        self.status_kb("VmHWM:")
    }

    /// Resident memory now, in kilobytes.
    pub(crate) fn memory_kb(&self) -> Result<u64> {
        self.status_kb("VmRSS:")
    }

    fn status_kb(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(name));
        let line = line.with_context(|| format!("no {name} in the status"))?;
        let number = line.split_whitespace().nth(1);
        Ok(number.with_context(|| format!("{name} without a number"))?.parse()?)
    }

    /// Ends it as a power cut would end its process: with SIGKILL, at once.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        output(command("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < STOP_LIMIT, "the server does not stop: {}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// What it wrote to standard output.
    pub(crate) fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(self.data.with_file_name("serve.out"))?)
    }

    /// The end of what it logged.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.data.with_file_name("serve.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
