//! From a configuration to a server that answers, and back.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use tokio::task::{JoinHandle, JoinSet};
use tower::Layer;
use tower::util::MapRequestLayer;

use crate::app::{App, AppError};
use crate::clock;
use crate::config::Config;
use crate::exchange::fold_path;
use crate::files::write_file;
use crate::limits;
use crate::router::router;
use crate::tls;

/// A server that answers, until it is shut down.
#[derive(Debug)]
pub struct Running {
    app: Arc<App>,
    url: String,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
    /// What goes on beside requests.
    background: JoinSet<()>,
}

/// Why the server does not start.
#[derive(Debug)]
pub enum StartError {
    /// The data folder does not open.
    App(AppError),
    /// The address cannot be listened on.
    Listen(SocketAddr, std::io::Error),
    /// The certificate cannot be made or used.
    Tls(tls::TlsError),
    /// A file beside the data cannot be written.
    File(PathBuf, std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(error) => fmt::Display::fmt(error, f),
            Self::Listen(address, _) => write!(f, "cannot listen on {address}"),
            Self::Tls(_) => f.write_str("cannot set up TLS"),
            Self::File(path, _) => write!(f, "cannot write {}", path.display()),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::App(error) => error.source(),
            Self::Listen(_, error) | Self::File(_, error) => Some(error),
            Self::Tls(error) => Some(error),
        }
    }
}

/// The application as a service that folds paths before it routes them, without a socket.
pub fn service(app: &Arc<App>) -> Router {
    let fold: fn(Request) -> Request = fold_path;
    Router::new().fallback_service(MapRequestLayer::new(fold).layer(router(app)))
}

/// Opens the data folder, and returns once the server answers.
///
/// It writes `ca.pem`, `server.url` and, readable by the owner alone, `admin.token` to the folder.
///
/// # Errors
/// [`StartError`] if the folder does not open or the address is not to be had.
pub async fn start(config: Config) -> Result<Running, StartError> {
    // The address first: a second server on it must not touch the folder.
    let listener = TcpListener::bind(config.listen)
        .map_err(|error| StartError::Listen(config.listen, error))?;
    let listen = config.listen;
    let address = listener.local_addr().map_err(|error| StartError::Listen(listen, error))?;
    listener.set_nonblocking(true).map_err(|error| StartError::Listen(address, error))?;

    let app = App::open(config, clock::system(), clock::random_ids());
    let app = app.await.map_err(StartError::App)?;
    let own_certificate = tls::OwnCertificate::new(&app.config);
    let tls = tls::server_config(&app.config, (app.clock)()).map_err(StartError::Tls)?;
    let url = app.listens_on(address);

    let handle = Handle::new();
    let served = RustlsConfig::from_config(tls);
    // Else the end of an answer waits until the client acknowledges what came before, some 40 ms.
    let acceptor = RustlsAcceptor::new(served.clone()).acceptor(NoDelayAcceptor::new());
    let mut server = axum_server::from_tcp(listener)
        .map_err(|error| StartError::Listen(address, error))?
        .acceptor(acceptor)
        .handle(handle.clone());
    let mut http1 = server.http_builder().http1();
    http1.timer(TokioTimer::new()).header_read_timeout(limits::HEAD_READ);
    let serving = tokio::spawn(server.serve(service(&app).into_make_service()));
    if handle.listening().await.is_none() {
        let closed = std::io::Error::other("the server stopped at once");
        return Err(StartError::Listen(address, closed));
    }

    let data = app.config.data.clone();
    app.write_administrator_token(app.administrator_token().as_deref())
        .map_err(|(path, error)| StartError::File(path, error))?;
    let path = data.join("server.url");
    write_file(&path, format!("{url}\n").as_bytes(), 0o644)
        .map_err(|error| StartError::File(path, error))?;
    tracing::info!(url, data = %data.display(), "listening");
    let mut background = JoinSet::new();
    background.spawn(keep_issuers_fresh(Arc::clone(&app)));
    background.spawn(Arc::clone(&app).keep_erasing());
    if let Some(own) = own_certificate {
        background.spawn(keep_certificate(own, served));
    }
    Ok(Running { app, url, handle, serving, background })
}

/// Keeps the keys of issuers that others run fresh, until it is stopped.
async fn keep_issuers_fresh(app: Arc<App>) {
    loop {
        app.refresh_issuers().await;
        tokio::time::sleep(limits::ISSUER_LOOK).await;
    }
}

/// Serves the user's own certificate as it is renewed, until it is stopped. Connections that are open
/// keep theirs.
async fn keep_certificate(mut own: tls::OwnCertificate, served: RustlsConfig) {
    loop {
        tokio::time::sleep(limits::CERTIFICATE_LOOK).await;
        match own.changed() {
            None => {}
            Some(Ok(config)) => {
                served.reload_from_config(config);
                tracing::info!("serving the renewed certificate");
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the renewed certificate cannot be served; the last one is");
            }
        }
    }
}

impl Running {
    /// Where it answers: `https://127.0.0.1:8443`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets requests under way finish, and closes the ledger.
    pub async fn shutdown(mut self) {
        tracing::info!("shutting down");
        self.background.shutdown().await;
        self.handle.graceful_shutdown(Some(limits::SHUTDOWN));
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the server stopped with an error"),
            Err(error) => tracing::error!(%error, "the server's task failed"),
        }
        self.app.close().await;
        tracing::info!("shut down");
    }
}
