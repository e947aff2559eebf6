//! Azurite, Microsoft's emulator of Azure Blob, as a child process on a free port of loopback and a folder
//! of its own.
//!
//! Only the process that was started here is ever signalled, and it does not outlive its value.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Reach;
use super::weed::free_ports;
use crate::conformance;
use crate::process::{command, output, root};

const CONTAINER: &str = "tallyhouse";
const ACCOUNT: &str = "conformance";
/// In Base64, as keys of accounts are.
const KEY: &str = "Y29uZm9ybWFuY2Utc2VjcmV0";

const START_LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// A running store.
pub(super) struct Azurite {
    child: Child,
    /// `http://127.0.0.1:PORT/ACCOUNT`.
    endpoint: String,
}

impl Azurite {
    /// Starts it, and returns when the container is there.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let packages = conformance::node(&root().join("conformance/azurite"), "azurite")?;
        let data = folder.join("azurite");
        fs::create_dir_all(&data)?;
        let port = free_ports(1)?[0];
        let mut azurite = command(packages.join("node_modules/.bin/azurite-blob"));
        azurite.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--location"]);
        azurite.arg(&data).args(["--silent", "--disableTelemetry"]);
        azurite.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"));
        let log = folder.join("azurite.log");
        azurite.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let child = azurite.spawn().context("Azurite does not start")?;
        let mut azurite = Self { child, endpoint: format!("http://127.0.0.1:{port}/{ACCOUNT}") };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = azurite.child.try_wait()? {
                bail!("the store ended with {status}: see {}", log.display());
            }
            ensure!(begun.elapsed() < START_LIMIT, "the store is not ready: see {}", log.display());
            std::thread::sleep(POLL);
        }
        let mut make = command("node");
        make.arg(packages.join("make_container.mjs"));
        output(make.args([azurite.endpoint.as_str(), ACCOUNT, KEY, CONTAINER]))?;
        Ok(azurite)
    }

    pub(super) fn reach(&self) -> Reach {
        Reach {
            root: format!("az://{CONTAINER}"),
            elsewhere: "az://no-such-container",
            endpoint: ("AZURE_STORAGE_ENDPOINT", self.endpoint.clone()),
            key_name: ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            key: ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
            region: None,
            allow_http: "AZURE_ALLOW_HTTP",
        }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
