//! An identity server that others run, as small as can be: two documents over HTTPS on loopback, and
//! tokens signed with its keys. It does what a test tells it, and nothing else.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// A key that an issuer signs with.
pub(crate) struct Key {
    pub(crate) private: EncodingKey,
    pub(crate) public: Value,
}

/// Making RSA keys takes long, so there are three for all tests.
pub(crate) static KEYS: LazyLock<[Key; 3]> = LazyLock::new(|| [(); 3].map(|()| Key::generate()));

impl Key {
    fn generate() -> Self {
        let der = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        let base64 = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
        let private = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let public = Jwk::from_encoding_key(&private, Algorithm::RS256).unwrap();
        let public = serde_json::to_value(public).unwrap();
        Self { private, public }
    }

    /// The public half as an issuer lists it.
    pub(crate) fn listed(&self, id: &str) -> Value {
        json!({ "kty": "RSA", "use": "sig", "kid": id, "n": self.public["n"], "e": self.public["e"] })
    }

    /// A token with this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// The same, of texts that may be no JSON.
    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = crypto::sign(message.as_bytes(), &self.private, Algorithm::RS256).unwrap();
        format!("{message}.{signature}")
    }
}

/// What it answers, and what it was asked.
#[derive(Default)]
struct State {
    answers: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    is_down: bool,
    /// It answers no more until it may.
    is_held: bool,
}

/// A running identity server.
pub(crate) struct IdentityServer {
    /// `https://127.0.0.1:PORT`, the issuer's name too.
    pub(crate) url: String,
    /// The authority of its certificate, in PEM.
    pub(crate) authority: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl IdentityServer {
    /// Starts one that signs with no key yet.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (authority, tls) = certificate();
        let state = Arc::<(Mutex<State>, Condvar)>::default();
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (tls, state) = (Arc::clone(&tls), Arc::clone(&serving));
                // A client that does not like the answer breaks off: its own affair.
                std::thread::spawn(move || answer(connection.unwrap(), tls, &state));
            }
        });
        let server = Self { url, authority, state };
        server
            .publish(&json!({ "issuer": server.url, "jwks_uri": format!("{}/keys", server.url) }));
        server.list(&[]);
        server
    }

    /// Puts up another discovery document.
    pub(crate) fn publish(&self, document: &Value) {
        self.answer("/.well-known/openid-configuration", ok(&document.to_string()));
    }

    /// Signs with these keys from now on.
    pub(crate) fn list(&self, keys: &[Value]) {
        self.answer("/keys", ok(&json!({ "keys": keys }).to_string()));
    }

    /// Answers a path with these bytes.
    pub(crate) fn answer(&self, path: &str, bytes: impl AsRef<[u8]>) {
        self.state.0.lock().unwrap().answers.insert(path.to_owned(), bytes.as_ref().to_vec());
    }

    /// Breaks off every connection, or answers again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.state.0.lock().unwrap().is_down = is_down;
    }

    /// Keeps those who ask waiting, or lets them have their answers.
    pub(crate) fn set_held(&self, is_held: bool) {
        self.state.0.lock().unwrap().is_held = is_held;
        self.state.1.notify_all();
    }

    /// Waits until it was asked for this many documents.
    pub(crate) fn wait_until_asked(&self, count: usize) {
        let state = self.state.0.lock().unwrap();
        let enough = self.state.1.wait_while(state, |state| state.asked.len() < count).unwrap();
        assert!(enough.asked.len() >= count);
    }

    /// The paths that it was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.0.lock().unwrap().asked)
    }

    /// Its `[[issuers]]` in a configuration file, with the authority beside it.
    pub(crate) fn settings(&self, folder: &Path, more: &str) -> String {
        let file = folder.join(format!("{}.pem", self.url.rsplit_once(':').unwrap().1));
        std::fs::write(&file, &self.authority).unwrap();
        format!("[[issuers]]\nurl = '{}'\nca_file = '{}'\n{more}\n", self.url, file.display())
    }
}

/// A good answer of JSON.
pub(crate) fn ok(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A certificate for 127.0.0.1 by an authority of its own.
fn certificate() -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .unwrap();
    (authority.pem(), Arc::new(config))
}

fn answer(socket: TcpStream, tls: Arc<ServerConfig>, state: &(Mutex<State>, Condvar)) {
    if state.0.lock().unwrap().is_down {
        return;
    }
    let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), socket);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let path = String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().to_owned();
    let mut held = state.0.lock().unwrap();
    held.asked.push(path.clone());
    state.1.notify_all();
    let held = state.1.wait_while(held, |state| state.is_held).unwrap();
    let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let bytes = held.answers.get(&path).cloned().unwrap_or_else(|| gone.into());
    drop(held);
    drop(stream.write_all(&bytes));
    stream.conn.send_close_notify();
    drop(stream.flush());
}
