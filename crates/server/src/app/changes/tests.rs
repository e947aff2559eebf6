//! Clients that go away, memory that is behind, and closing.

use accounts::{DisplayName, NewSubscription};
use axum::body::Body;
use domain::id::{Country, Currency, Locale, OfferId, SubscriptionId};
use domain::period::AnchorDay;
use domain::time::Date;
use http::Request;
use http_body_util::BodyExt;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::*;
use crate::config::Settings;
use crate::service;

const ID: SubscriptionId = SubscriptionId::from_bits(1);

async fn open() -> (Arc<App>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let now = Date::parse("2026-02-10").unwrap().start();
    let config = Settings::default().into_config(folder.path().to_owned()).unwrap();
    let app = App::open(config, Arc::new(move || now), Arc::new(uuid::Uuid::new_v4)).await;
    (app.unwrap(), folder)
}

fn subscription(app: &App) -> NewSubscription {
    NewSubscription {
        id: ID,
        name: DisplayName::parse("Contoso").unwrap(),
        tenant: app.tenant(),
        offer: OfferId::parse("MS-AZR-0003P").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        locale: Locale::parse("en-US").unwrap(),
        region: Country::parse("US").unwrap(),
        anchor: AnchorDay::FIRST,
        commitment: None,
        invoice_download: false,
        buyer: None,
    }
}

fn request(app: &App, method: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri("/tallyhouse/v1/subscriptions")
        .header("authorization", format!("Bearer {}", app.administrator_token().unwrap()))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn settled(app: &App) {
    let _all = app.changes.turns.acquire_many(limits::CHANGES.into()).await.unwrap();
}

fn is_in_force(app: &App) -> bool {
    app.directory().subscription(ID).is_some()
}

#[tokio::test]
async fn a_change_comes_into_force_though_nobody_waits_for_it() {
    let (app, _folder) = open().await;
    let (committed, is_committed) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    let (new, now) = (subscription(&app), (app.clock)());
    let asking = app.change(move |accounts| async move {
        accounts.create_subscription(new, "tester", now).await.unwrap();
        committed.send(()).unwrap();
        may_go.await.unwrap();
        Ok(())
    });
    tokio::select! {
        _ = asking => unreachable!("it may not go yet"),
        done = is_committed => done.unwrap(),
    }
    assert!(!is_in_force(&app));
    go.send(()).unwrap();
    settled(&app).await;
    assert!(is_in_force(&app));
}

#[tokio::test]
async fn a_request_that_is_dropped_at_its_commit_leaves_the_change_in_force() {
    let body = format!(
        r#"{{"subscriptionId":"{ID}","displayName":"Contoso","offer":"MS-AZR-0003P",
        "currency":"USD","locale":"en-US","region":"US"}}"#
    );
    for _ in 0..20 {
        let (app, _folder) = open().await;
        let before = app.accounts.revision().await.unwrap();
        let is_made = async {
            while app.accounts.revision().await.unwrap() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = is_made => {}
            _ = service(&app).oneshot(request(&app, "POST", &body)) => {}
        }
        settled(&app).await;
        assert!(is_in_force(&app));
    }
}

#[tokio::test]
async fn a_refusal_reads_nothing_again() {
    let (app, _folder) = open().await;
    let before = app.directory();
    let refused = app.change(|_| async { Err::<(), _>(ApiError::Busy) }).await;
    assert!(matches!(refused, Err(ApiError::Busy)));
    assert!(Arc::ptr_eq(&before, &app.directory()));
}

#[tokio::test]
async fn where_memory_is_behind_a_request_reads_it_first() {
    let (app, _folder) = open().await;
    let (new, now) = (subscription(&app), (app.clock)());
    app.accounts.create_subscription(new, "tester", now).await.unwrap();
    // As a change leaves it that could not read the directory again.
    app.changes.made.fetch_add(1, Ordering::SeqCst);
    assert!(!is_in_force(&app));
    let listed = service(&app).oneshot(request(&app, "GET", "")).await.unwrap();
    let listed = listed.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&listed).contains("Contoso"));
    let read = app.directory();
    app.refresh_directory().await.unwrap();
    assert!(Arc::ptr_eq(&read, &app.directory()));
}

#[tokio::test]
async fn closing_waits_for_changes_and_lets_none_begin() {
    let (app, _folder) = open().await;
    let (go, may_go) = oneshot::channel::<()>();
    let (new, now) = (subscription(&app), (app.clock)());
    let asking = app.change(move |accounts| async move {
        may_go.await.unwrap();
        accounts.create_subscription(new, "tester", now).await.unwrap();
        Ok(())
    });
    let close = async {
        tokio::task::yield_now().await;
        let closing = tokio::spawn({
            let app = Arc::clone(&app);
            async move { app.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        go.send(()).unwrap();
        closing.await.unwrap();
    };
    let (made, ()) = tokio::join!(asking, close);
    made.unwrap();
    assert!(is_in_force(&app));
    let refused = app.change(|_| async { Ok(()) }).await;
    assert!(matches!(refused, Err(ApiError::LedgerRefuses)));
}
