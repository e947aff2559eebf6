//! An application with the clock in the test's hands, asked over its router.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use domain::time::UtcTime;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::config::{Config, Settings};
use server::limits::ImportLimits;
use server::{App, service};
use tempfile::TempDir;
use tower::ServiceExt;

/// Where a test begins, in seconds since 1970: 2026-02-10T12:00:00Z.
pub(crate) const START: i64 = 1_770_724_800;

/// The application, in a data folder of its own.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    router: Router,
    now: Arc<AtomicI64>,
    folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status, and the code of a refusal.
    pub(crate) fn outcome(&self) -> String {
        let code = self.json()["error"]["code"].as_str().map(str::to_owned);
        let status = self.status.as_u16();
        code.map_or_else(|| status.to_string(), |code| format!("{status} {code}"))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    /// Opens an application with the settings that `toml` gives for its data folder.
    pub(crate) async fn open(toml: impl FnOnce(&std::path::Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::from_toml(&toml(folder.path())).unwrap();
        let config = settings.into_config(folder.path().join("data")).unwrap();
        Self::open_in(folder, config, Arc::new(AtomicI64::new(START))).await
    }

    /// The same with limits of imports that are soon reached.
    pub(crate) async fn with_imports(imports: ImportLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Settings::default().into_config(folder.path().join("data")).unwrap();
        let config = Config { imports, ..config };
        Self::open_in(folder, config, Arc::new(AtomicI64::new(START))).await
    }

    /// The same where usage is refused as busy once this many bytes are not sealed.
    pub(crate) async fn with_unsealed_bytes_max(unsealed_bytes_max: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Settings::default().into_config(folder.path().join("data")).unwrap();
        let config = Config { unsealed_bytes_max, ..config };
        Self::open_in(folder, config, Arc::new(AtomicI64::new(START))).await
    }

    async fn open_in(folder: TempDir, config: Config, now: Arc<AtomicI64>) -> Self {
        let read = Arc::clone(&now);
        let clock = Arc::new(move || {
            UtcTime::from_micros(read.load(Ordering::SeqCst) * 1_000_000).unwrap()
        });
        let ids = Arc::new(|| uuid::Uuid::from_u128(1));
        let app = App::open(config, clock, ids).await.unwrap();
        Self { router: service(&app), app, now, folder }
    }

    /// Stops the application and opens its folder again, without settings.
    pub(crate) async fn reopened(self) -> Self {
        let Self { app, router, now, folder } = self;
        app.close().await;
        drop((app, router));
        let config = Settings::default().into_config(folder.path().join("data")).unwrap();
        Self::open_in(folder, config, now).await
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// GETs a path with a token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header("host", "billing.example");
        let request = request.header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// POSTs JSON with a token.
    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        let request = Request::post(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Makes a subscription of a tenant, by an administrator's token.
    pub(crate) async fn subscribe(&self, token: &str, id: &str, tenant: &str) {
        let answer = self
            .post(
                "/tallyhouse/v1/subscriptions",
                token,
                json!({ "subscriptionId": id, "displayName": id, "offer": "MS-AZR-0003P",
                        "currency": "USD", "locale": "en-US", "region": "US",
                        "tenantId": tenant, "invoiceDownload": true }),
            )
            .await;
        assert_eq!(answer.status.as_u16(), 201, "{:?}", answer.json());
    }

    /// Gives a principal or group a role over a scope, by an administrator's token.
    pub(crate) async fn assign(&self, token: &str, principal: &str, role: &str, scope: &str) {
        let body = json!({ "principalId": principal, "role": role, "scope": scope });
        let answer = self.post("/tallyhouse/v1/role-assignments", token, body).await;
        assert_eq!(answer.status.as_u16(), 201, "{:?}", answer.json());
    }
}
