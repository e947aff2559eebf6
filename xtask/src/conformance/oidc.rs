//! Identity servers that others wrote: the tests start them and `tallyhouse serve` beside them; what
//! they need of here is a certificate by an authority that neither system knows.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::install;
use crate::ci::{Counted, counted};
use crate::process::{command, fresh_folder, root, tallyhouse};

/// Runs the tests in a folder of their own.
pub(super) fn count() -> Result<Counted> {
    let node = install::node(&root().join("conformance/node"), "node")?;
    let folder = fresh_folder("conformance/oidc")?;
    make_certificate(&folder)?;
    let mut tests = command("node");
    tests.args(["--test", "--test-reporter=tap", "oidc.test.mjs"]).current_dir(node);
    tests.env("TALLYHOUSE_OIDC", &folder).env("TALLYHOUSE_BINARY", tallyhouse()?);
    counted(&mut tests).with_context(|| {
        let log = fs::read_to_string(folder.join("serve.log")).unwrap_or_default();
        format!("the server's log:\n{log}")
    })
}

/// Writes `ca.pem`, and for 127.0.0.1 `server.pem` and `server.key`.
fn make_certificate(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // A certificate whose issuer has its own name counts as self-signed.
    params.distinguished_name.push(DnType::CommonName, "identity servers of a test");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(["127.0.0.1".to_owned()])?;
    let certificate = params.signed_by(&key, &authority)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    fs::write(folder.join("server.pem"), certificate.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(())
}
