//! The HTTP client: one server, one token, over TLS. Every answer that is no success becomes a
//! [`Failure`] with the server's own code and message.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::WithBody;
use ureq::{Agent, Body, Proxy, RequestBuilder, SendBody};

use crate::connection::Connection;
use crate::document::Document;
use crate::failure::Failure;
use crate::limits;
use crate::progress::Progress;

/// A client of one server.
pub(crate) struct Client {
    agent: Agent,
    server: String,
    authorization: String,
    has_own_authorities: bool,
}

/// A body and its content type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a> {
    /// Such as `application/json`.
    pub(crate) content_type: &'static str,
    /// The bytes.
    pub(crate) bytes: &'a [u8],
}

/// Query parameters, in order.
pub(crate) type Parameters<'a> = [(&'a str, &'a str)];

impl Client {
    /// A client for this connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the authorities are no certificates.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        let tls = TlsConfig::builder()
            .root_certs(roots(connection.authorities.as_deref())?)
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(proxy(&connection.server))
            .user_agent(concat!("tallyhouse/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(limits::CONNECT))
            .timeout_recv_response(Some(limits::ANSWER))
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            server: connection.server.clone(),
            authorization: format!("Bearer {}", connection.token),
            has_own_authorities: connection.authorities.is_some(),
        })
    }

    /// GETs a path.
    ///
    /// # Errors
    /// [`Failure::Refused`] or [`Failure::Unreachable`].
    pub(crate) fn get(&self, path: &str, query: &Parameters<'_>) -> Result<Document, Failure> {
        self.document(self.fetch(path, query))
    }

    /// GETs a path as a body of our own API.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn get_as<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Parameters<'_>,
    ) -> Result<T, Failure> {
        let body = self.body(self.fetch(path, query))?;
        serde_json::from_slice(&body).map_err(|error| self.unreadable(&error))
    }

    /// GETs a file of any size into `out`, and says how many bytes it has.
    ///
    /// # Errors
    /// As [`Client::get`], also where the answer breaks off; [`Failure::Output`] if `out` fails.
    pub(crate) fn download(
        &self,
        path: &str,
        query: &Parameters<'_>,
        out: &mut dyn Write,
    ) -> Result<u64, Failure> {
        let request = self.agent.get(format!("{}{path}", self.server));
        let request = request.query_pairs(query.iter().copied());
        let request = request.header(header::AUTHORIZATION, &self.authorization);
        let request = request.config().timeout_recv_response(Some(limits::FIRST_BYTE)).build();
        let answer = request.call().map_err(|error| self.unreachable(&error))?;
        if !answer.status().is_success() {
            return self.body(Ok(answer)).map(|_| 0);
        }
        let mut progress = Progress::of_bytes(None, "receiving");
        let mut body = answer.into_body().into_reader();
        let mut piece = vec![0; limits::PIECE_BYTES];
        let mut bytes = 0;
        loop {
            let length = match body.read(&mut piece) {
                Ok(0) => return Ok(bytes),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.unreachable(&ureq::Error::Io(error))),
            };
            out.write_all(&piece[..length])?;
            bytes += u64::try_from(length).expect("a length fits 64 bits");
            progress.at(bytes);
        }
    }

    /// GETs an answer of any length, to be read as it comes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>, Failure> {
        let request = self.agent.get(format!("{}{path}", self.server));
        let request = request.header(header::AUTHORIZATION, &self.authorization);
        let request = request.config().timeout_recv_response(Some(limits::FIRST_BYTE)).build();
        self.read_as_it_comes(request.call())
    }

    /// POSTs a body; the answer, of any length, is to be read as it comes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn post_for_stream(
        &self,
        path: &str,
        payload: Payload<'_>,
    ) -> Result<impl Read + use<>, Failure> {
        let request = self.agent.post(format!("{}{path}", self.server));
        let request = request.config().timeout_recv_response(Some(limits::FIRST_BYTE)).build();
        self.read_as_it_comes(self.send_in(request, payload))
    }

    fn read_as_it_comes(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<impl Read + use<>, Failure> {
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer.into_body().into_reader());
        }
        Err(self.body(Ok(answer)).expect_err("the status is no success"))
    }

    /// An answer that was read as it came did not come to its end, or is not what it should be.
    pub(crate) fn broke_off(&self, error: &io::Error) -> Failure {
        let cause = io::Error::new(error.kind(), error.to_string());
        self.unreachable(&ureq::Error::Io(cause))
    }

    /// POSTs a body; an answer without a body is `null`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn post(
        &self,
        path: &str,
        query: &Parameters<'_>,
        payload: Payload<'_>,
    ) -> Result<Document, Failure> {
        self.document(self.send(path, query, payload))
    }

    /// POSTs a body that may be sent twice; waits and tries again while the server is busy.
    ///
    /// # Errors
    /// As [`Client::get`], also after [`limits::RETRIES`] refusals of a busy server.
    pub(crate) fn post_until_taken<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Parameters<'_>,
        payload: Payload<'_>,
    ) -> Result<T, Failure> {
        let mut attempt = 0;
        loop {
            let answer = self.send(path, query, payload);
            match answer.as_ref().ok().and_then(wait) {
                Some(wait) if attempt < limits::RETRIES => thread::sleep(wait),
                _ => {
                    let body = self.body(answer)?;
                    return serde_json::from_slice(&body).map_err(|error| self.unreadable(&error));
                }
            }
            attempt += 1;
        }
    }

    /// POSTs a body of any length, read as it is sent; where the server is busy before any of it was
    /// read, waits and tries again.
    ///
    /// # Errors
    /// As [`Client::get`], also after [`limits::RETRIES`] refusals of a busy server.
    pub(crate) fn post_stream<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Parameters<'_>,
        content_type: &'static str,
        body: &mut dyn Read,
    ) -> Result<T, Failure> {
        let mut body = Begun { body, has_begun: false };
        let mut attempt = 0;
        loop {
            let request = self.agent.post(format!("{}{path}", self.server));
            let request = request.query_pairs(query.iter().copied()).content_type(content_type);
            let request = request.header(header::AUTHORIZATION, &self.authorization);
            // What is refused is refused before it is sent.
            let request = request.header(header::EXPECT, "100-continue");
            let request = request.config().timeout_recv_response(Some(limits::FIRST_BYTE)).build();
            let answer = request.send(SendBody::from_reader(&mut body));
            match answer.as_ref().ok().and_then(wait) {
                Some(wait) if attempt < limits::RETRIES && !body.has_begun => thread::sleep(wait),
                _ => {
                    let body = self.body(answer)?;
                    return serde_json::from_slice(&body).map_err(|error| self.unreadable(&error));
                }
            }
            attempt += 1;
        }
    }

    /// PATCHes what the path names.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn patch(&self, path: &str, payload: Payload<'_>) -> Result<Document, Failure> {
        let request = self.agent.patch(format!("{}{path}", self.server));
        self.document(self.send_in(request, payload))
    }

    /// PUTs what the path names.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn put(&self, path: &str, payload: Payload<'_>) -> Result<Document, Failure> {
        let request = self.agent.put(format!("{}{path}", self.server));
        self.document(self.send_in(request, payload))
    }

    /// DELETEs what the path names.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn delete(&self, path: &str) -> Result<Document, Failure> {
        let request = self.agent.delete(format!("{}{path}", self.server));
        let request = request.header(header::AUTHORIZATION, &self.authorization);
        self.document(request.call())
    }

    /// Path and query of a link of this server's; the token goes to no other address.
    ///
    /// # Errors
    /// [`Failure::Refused`] if the link is none.
    pub(crate) fn path_of<'a>(&self, link: &'a str) -> Result<&'a str, Failure> {
        let after_scheme = link.split_once("://").map(|(_, rest)| rest);
        let path = after_scheme.and_then(|rest| rest.find('/').map(|start| &rest[start..]));
        path.ok_or_else(|| self.unreadable(&format!("nextLink '{link}' is no address")))
    }

    fn fetch(&self, path: &str, query: &Parameters<'_>) -> Result<Response<Body>, ureq::Error> {
        let request = self.agent.get(format!("{}{path}", self.server));
        let request = request.query_pairs(query.iter().copied());
        request.header(header::AUTHORIZATION, &self.authorization).call()
    }

    fn send(
        &self,
        path: &str,
        query: &Parameters<'_>,
        payload: Payload<'_>,
    ) -> Result<Response<Body>, ureq::Error> {
        let request = self.agent.post(format!("{}{path}", self.server));
        self.send_in(request.query_pairs(query.iter().copied()), payload)
    }

    fn send_in(
        &self,
        request: RequestBuilder<WithBody>,
        payload: Payload<'_>,
    ) -> Result<Response<Body>, ureq::Error> {
        let request = request.header(header::AUTHORIZATION, &self.authorization);
        request.content_type(payload.content_type).send(payload.bytes)
    }

    fn document(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Document, Failure> {
        let body = self.body(answer)?;
        if body.is_empty() {
            return Ok(Document::Null);
        }
        Document::parse(&body).map_err(|error| self.unreadable(&error))
    }

    /// The body of an answer that is a success.
    fn body(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>, Failure> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let body = answer.body_mut().with_config().limit(limits::ANSWER_BYTES).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() { Ok(body) } else { Err(refusal(answer.status(), &body)) }
    }

    fn unreadable(&self, reason: &dyn fmt::Display) -> Failure {
        Failure::Refused {
            message: format!("{} answered with something unexpected: {reason}", self.server),
            hint: Some("is this a Tallyhouse server of the same version?".to_owned()),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let is_tls = match error {
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => true,
            // A handshake that fails within the connection arrives as an I/O error.
            ureq::Error::Io(error) => {
                error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
            }
            _ => false,
        };
        let hint = match (is_tls, self.has_own_authorities) {
            (true, false) => Some("name the server's own authority with --ca FILE (its ca.pem)"),
            (true, true) => Some("is this the ca.pem of the server that answers there?"),
            (false, _) => None,
        };
        let reason = match error {
            ureq::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
        Failure::Unreachable { server: self.server.clone(), reason, hint }
    }
}

/// A body, and whether any of it was read.
struct Begun<'a> {
    body: &'a mut dyn Read,
    has_begun: bool,
}

impl Read for Begun<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.has_begun = true;
        self.body.read(buffer)
    }
}

/// How long a busy server asks to wait, at most [`limits::RETRY_WAIT`]; nothing if it does not.
fn wait(answer: &Response<Body>) -> Option<Duration> {
    let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    if !busy.contains(&answer.status()) {
        return None;
    }
    let asked = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = asked.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(limits::RETRY_WAIT))
}

/// The error that the server's body names.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let document = Document::parse(body).unwrap_or(Document::Null);
    let envelope = document.get("error").unwrap_or(&document);
    let text = |name| match envelope.get(name) {
        Some(Document::String(text)) => Some(text.as_str()),
        _ => None,
    };
    // The rate card's own error has a message alone.
    let message = text("message").or(text("Message")).unwrap_or("no message");
    let message = match text("code") {
        Some(code) => format!("{code}: {message}"),
        None => format!("HTTP {status}: {message}"),
    };
    let hint = (status == StatusCode::UNAUTHORIZED).then(|| {
        "the token is not one of this server's, or has expired: `tallyhouse token issue` makes one"
            .to_owned()
    });
    Failure::Refused { message, hint }
}

/// The authorities to trust: those of the file, else the system's.
fn roots(authorities: Option<&[u8]>) -> Result<RootCerts, Failure> {
    let Some(pem) = authorities else {
        let system = rustls_native_certs::load_native_certs().certs;
        let roots = system.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
        return Ok(RootCerts::from(roots.collect::<Vec<_>>()));
    };
    let items = parse_pem(pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| Failure::Usage(format!("--ca: {error}")))?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Failure::Usage("--ca: the file has no certificate in PEM form".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}

/// The environment's proxy, but not on the way to this machine itself.
fn proxy(server: &str) -> Option<Proxy> {
    let host = server.trim_start_matches("https://");
    let local = ["127.", "localhost", "[::1]"].iter().any(|start| host.starts_with(start));
    if local { None } else { Proxy::try_from_env() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        let connection = Connection {
            server: "https://127.0.0.1:1".to_owned(),
            token: "t".to_owned(),
            authorities: None,
        };
        Client::new(&connection).unwrap()
    }

    #[test]
    fn a_refusal_has_the_servers_code_and_message() {
        let check = |body: &str, expected: &str| {
            assert_eq!(refusal(StatusCode::BAD_REQUEST, body.as_bytes()).to_string(), expected);
        };
        check(r#"{"error":{"code":"InvalidProperty","message":"no."}}"#, "InvalidProperty: no.");
        check(r#"{"Message":"Invalid query."}"#, "HTTP 400 Bad Request: Invalid query.");
        check("<html>", "HTTP 400 Bad Request: no message");
    }

    #[test]
    fn a_link_is_followed_on_the_server_that_was_named() {
        let client = client();
        let link = "https://elsewhere:443/subscriptions/1?a=b%20c&continuationToken=x%3D";
        assert_eq!(
            client.path_of(link).unwrap(),
            "/subscriptions/1?a=b%20c&continuationToken=x%3D"
        );
        assert!(client.path_of("nonsense").is_err());
    }

    #[test]
    fn no_answer_is_unreachable() {
        let failure = client().get("/", &[]).unwrap_err();
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
    }

    #[test]
    fn a_busy_server_is_asked_again_when_it_says() {
        let wait = |status, after: &str| {
            let answer = Response::builder().status(status).header("Retry-After", after);
            wait(&answer.body(Body::builder().data("")).unwrap())
        };
        assert_eq!(wait(503, "3"), Some(Duration::from_secs(3)));
        assert_eq!(wait(429, "86400"), Some(limits::RETRY_WAIT));
        assert_eq!(wait(503, "soon"), None);
        assert_eq!(wait(403, "3"), None);
    }
}
