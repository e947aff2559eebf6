//! A small HTTPS client of the server under test, which trusts that server's authority alone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A request takes longer only if the server hangs.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);
/// More than any answer has.
const ANSWER_LIMIT_BYTES: u64 = 256 << 20;

/// A client with one token and its own connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    authorization: String,
}

/// Status and body of an answer, whatever the status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// For the server at this address, with its authority's certificate in PEM.
    pub(crate) fn new(base: &str, authority: &[u8], token: &str) -> Result<Self> {
        let certificate =
            Certificate::from_pem(authority).context("the authority's certificate")?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(vec![certificate])))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_LIMIT))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            base: base.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {token}"),
        })
    }

    /// GET of a path with its query.
    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.get(&url).header("authorization", &self.authorization);
        Answer::read(request.call().with_context(|| format!("GET {path}"))?)
    }

    /// GET that must be answered 200 with JSON.
    pub(crate) fn get_json(&self, path: &str) -> Result<Value> {
        self.get(path)?.json(path, &[200])
    }

    /// POST of a body.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).header("authorization", &self.authorization);
        let request = request.header("content-type", content_type);
        Answer::read(request.send(body).with_context(|| format!("POST {path}"))?)
    }
}

impl Answer {
    /// The body as JSON, if the status is one of these.
    pub(crate) fn json(&self, path: &str, statuses: &[u16]) -> Result<Value> {
        if !statuses.contains(&self.status) {
            let body = String::from_utf8_lossy(&self.body);
            let start: String = body.chars().take(600).collect();
            bail!("{path} was answered {}: {start}", self.status);
        }
        serde_json::from_slice(&self.body).with_context(|| format!("the answer to {path}"))
    }

    fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Self> {
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_LIMIT_BYTES).read_to_vec()?;
        Ok(Self { status, body })
    }
}
