//! Certificates, seen as a client sees them.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, ClientConfig, ClientConnection, ServerConnection};

use super::*;
use crate::config::Settings;

const DAY: i64 = SECONDS_PER_DAY;

fn now() -> UtcTime {
    UtcTime::from_micros(1_760_000_000_000_000).unwrap()
}

fn authority(folder: &Path, now: UtcTime) -> LocalAuthority {
    LocalAuthority::open_or_create(&folder.join("keys"), &folder.join("ca.pem"), now).unwrap()
}

fn certificate_for(authority: &LocalAuthority, names: &[&str], now: UtcTime) -> Identity {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    authority.server_identity(&names, now).unwrap()
}

fn roots(ca: &CertificateDer<'static>) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    Arc::new(roots)
}

/// What a client that trusts `ca` makes of the certificate, so many days from [`now`].
fn seen_by_client(
    ca: &CertificateDer<'static>,
    identity: &Identity,
    name: &str,
    days: i64,
) -> Result<(), rustls::Error> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(ca), provider());
    let seconds = now().plus_seconds(days * DAY).to_micros() / 1_000_000;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds.unsigned_abs()));
    let name = ServerName::try_from(name).unwrap();
    let verified =
        verifier.build().unwrap().verify_server_cert(&identity.chain[0], &[], &name, &[], time);
    verified.map(|_| ())
}

#[test]
fn a_client_of_the_authority_takes_the_certificate_for_its_names_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(folder.path(), now());
    let identity =
        certificate_for(&authority, &["localhost", "127.0.0.1", "::1", "a.example"], now());
    let ca = &authority.certificate;
    for name in ["localhost", "127.0.0.1", "::1", "a.example"] {
        assert_eq!(seen_by_client(ca, &identity, name, 0), Ok(()), "{name}");
    }
    for name in ["b.example", "127.0.0.2", "x.localhost"] {
        assert!(seen_by_client(ca, &identity, name, 0).is_err(), "{name}");
    }
    for (days, expected) in [(-1, true), (-2, false), (395, true), (397, false)] {
        let taken = seen_by_client(ca, &identity, "localhost", days).is_ok();
        assert_eq!(taken, expected, "{days} days");
    }
    let other = tempfile::tempdir().unwrap();
    let stranger =
        super::LocalAuthority::open_or_create(other.path(), &other.path().join("ca.pem"), now());
    let stranger = stranger.unwrap().certificate;
    let refused = seen_by_client(&stranger, &identity, "localhost", 0).unwrap_err();
    assert!(matches!(refused, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)));
}

#[test]
fn the_authority_stays_the_same_and_its_key_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let first = authority(folder.path(), now());
    let pem = std::fs::read(folder.path().join("ca.pem")).unwrap();
    let later = now().plus_seconds(400 * DAY);
    let again = authority(folder.path(), later);
    assert_eq!(again.certificate, first.certificate);
    assert_eq!(std::fs::read(folder.path().join("ca.pem")).unwrap(), pem);
    let renewed = certificate_for(&again, &["localhost"], later);
    assert_eq!(seen_by_client(&first.certificate, &renewed, "localhost", 401), Ok(()));
    for (name, expected) in [("keys", 0o700), ("keys/ca.key", 0o600), ("ca.pem", 0o644)] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}

#[test]
fn a_lost_authority_certificate_is_made_again_of_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let first = authority(folder.path(), now());
    std::fs::remove_file(folder.path().join("ca.pem")).unwrap();
    let again = authority(folder.path(), now().plus_seconds(DAY));
    let identity = certificate_for(&again, &["localhost"], now());
    assert_ne!(again.certificate, first.certificate);
    for ca in [&first.certificate, &again.certificate] {
        assert_eq!(seen_by_client(ca, &identity, "localhost", 1), Ok(()));
    }
}

#[test]
fn an_authority_certificate_of_another_key_is_noticed_at_the_start() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    authority(folder.path(), now());
    authority(other.path(), now());
    std::fs::copy(other.path().join("ca.pem"), folder.path().join("ca.pem")).unwrap();
    let mixed = authority(folder.path(), now());
    let error = mixed.server_identity(&["localhost".to_owned()].into(), now()).err().unwrap();
    assert!(error.to_string().ends_with("ca.pem cannot be used with its key"), "{error}");
}

#[test]
fn what_is_no_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(folder.path(), now());
    for name in ["", "a b", "*.example", "https://a.example", "a.example:8443", "é.example"] {
        let error = authority.server_identity(&[name.to_owned()].into(), now()).err().unwrap();
        assert!(matches!(&error, TlsError::Name(given) if given == name), "{error}");
    }
}

fn config(folder: &Path, settings: Settings) -> Config {
    settings.into_config(folder.to_owned()).unwrap()
}

#[test]
fn every_name_that_clients_may_use_is_in_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        listen: Some("192.0.2.1:443".to_owned()),
        public_url: Some("https://Billing.example:444".to_owned()),
        host_names: Some(vec!["Other.example".to_owned()]),
        ..Settings::default()
    };
    let names = names(&config(folder.path(), settings));
    for name in ["localhost", "127.0.0.1", "::1", "192.0.2.1", "billing.example", "other.example"] {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
    for (origin, expected) in [
        ("https://a.example", "a.example"),
        ("https://a.example:1", "a.example"),
        ("https://[::1]:1", "::1"),
        ("https://[::1]", "::1"),
    ] {
        assert_eq!(host_of(origin).as_deref(), Some(expected));
    }
    let everywhere: SocketAddr = "0.0.0.0:443".parse().unwrap();
    let settings = Settings { listen: Some(everywhere.to_string()), ..Settings::default() };
    assert!(!super::names(&config(folder.path(), settings)).contains("0.0.0.0"));
}

/// A handshake in memory; the protocol and version that both agree on.
fn handshake(server: Arc<ServerConfig>, ca: &CertificateDer<'static>, alpn: &[u8]) -> String {
    let client = ClientConfig::builder_with_details(provider(), Arc::new(At(now())))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .unwrap()
        .with_root_certificates(roots(ca));
    let mut client = client.with_no_client_auth();
    client.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    let alpn = String::from_utf8_lossy(client.alpn_protocol().unwrap()).into_owned();
    format!("{alpn} {:?}", client.protocol_version().unwrap())
}

/// A clock that stands still.
#[derive(Debug)]
struct At(UtcTime);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = (self.0.to_micros() / 1_000_000).unsigned_abs();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

#[test]
fn clients_speak_http_2_or_1_1_with_the_local_certificate_and_with_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let local = server_config(&config(folder.path(), Settings::default()), now()).unwrap();
    let authority = authority(folder.path(), now());
    let ca = &authority.certificate;
    for alpn in ["h2", "http/1.1"] {
        let spoken = handshake(Arc::clone(&local), ca, alpn.as_bytes());
        assert_eq!(spoken, format!("{alpn} TLSv1_3"));
    }

    let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = days_from(now(), 30);
    let own = params.signed_by(&pair, &authority.issuer).unwrap();
    std::fs::write(&certificate, own.pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    let settings = |certificate: &Path, key: &Path| {
        let certificate_file = Some(certificate.to_owned());
        let private_key_file = Some(key.to_owned());
        config(
            folder.path(),
            Settings { certificate_file, private_key_file, ..Settings::default() },
        )
    };
    let own = server_config(&settings(&certificate, &key), now()).unwrap();
    assert_eq!(handshake(own, ca, b"h2"), "h2 TLSv1_3");

    let foreign_key = folder.path().join("keys/ca.key");
    for (certificate, key, expected) in [
        (&certificate, &foreign_key, "own.pem cannot be used with its key"),
        (&key, &key, "own.key holds no PEM of the kind expected"),
        (&certificate, &certificate, "own.pem holds no PEM of the kind expected"),
        (&folder.path().join("absent"), &key, "cannot use "),
    ] {
        let error = server_config(&settings(certificate, key), now()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_renewed_certificate_is_served_once_its_key_is_there_too() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (authority(folder.path(), now()), authority(elsewhere.path(), now()));
    let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
    let pair_of = |authority: &LocalAuthority| {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = days_from(now(), 30);
        (params.signed_by(&pair, &authority.issuer).unwrap().pem(), pair.serialize_pem())
    };
    let (old, old_key) = pair_of(&first);
    std::fs::write(&certificate, &old).unwrap();
    std::fs::write(&key, old_key).unwrap();
    let settings = Settings {
        certificate_file: Some(certificate.clone()),
        private_key_file: Some(key.clone()),
        ..Settings::default()
    };
    assert!(OwnCertificate::new(&config(folder.path(), Settings::default())).is_none());
    let mut own = OwnCertificate::new(&config(folder.path(), settings)).unwrap();
    assert!(own.changed().is_none());
    // A file that is written anew with what it had is no change.
    std::fs::write(&certificate, old).unwrap();
    assert!(own.changed().is_none());

    let (new, new_key) = pair_of(&second);
    std::fs::write(&certificate, new).unwrap();
    let error = own.changed().unwrap().unwrap_err().to_string();
    assert!(error.contains("own.pem cannot be used with its key"), "{error}");
    assert!(own.changed().is_none(), "it is said once");
    std::fs::remove_file(&key).unwrap();
    assert!(own.changed().unwrap().is_err());
    std::fs::write(&key, new_key).unwrap();
    let renewed = own.changed().unwrap().unwrap();
    assert_eq!(handshake(renewed, &second.certificate, b"h2"), "h2 TLSv1_3");
    assert!(own.changed().is_none());
}

#[test]
fn ciphers_are_modern_ones() {
    let folder = tempfile::tempdir().unwrap();
    let local = server_config(&config(folder.path(), Settings::default()), now()).unwrap();
    let suites = &local.crypto_provider().cipher_suites;
    assert!(suites.len() >= 6);
    for suite in suites {
        let name = format!("{:?}", suite.suite());
        let encrypts = name.contains("_GCM_") || name.contains("CHACHA20_POLY1305");
        let is_forward_secret = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_");
        assert!(encrypts && is_forward_secret, "{name}");
    }
    assert_eq!(local.max_early_data_size, 0, "nothing is taken that could be sent again");
}
