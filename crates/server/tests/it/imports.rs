//! Imports of any length: bodies in pieces, over several blocks of rows, and bodies that break off.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::future;
use futures_util::stream::{self, StreamExt};
use http::Request;
use serde_json::{Value, json};
use server::limits::{IMPORTS, ImportLimits};
use tokio::sync::Barrier;

use crate::world::{Answer, World};

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

/// A world with a subscription, and the administrator's token.
async fn world() -> (World, String) {
    world_with(ImportLimits::default()).await
}

/// The same with limits of its own.
async fn world_with(limits: ImportLimits) -> (World, String) {
    let world = World::with_imports(limits).await;
    let admin = world.app.administrator_token().unwrap();
    let tenant = world.app.tenant().to_string();
    world.subscribe(&admin, SUBSCRIPTION, &tenant).await;
    (world, admin)
}

/// A line of usage of this quantity.
fn row(quantity: usize) -> String {
    let properties = json!({
        "subscriptionId": SUBSCRIPTION, "meterId": "e60caf26-9ba0-413d-a422-6141f58081d6",
        "usageStartTime": "2026-01-31T00:00:00+00:00",
        "usageEndTime": "2026-02-01T00:00:00+00:00", "quantity": quantity,
    });
    json!({ "name": "Daily_BRSDT_20260201_0000", "properties": properties }).to_string() + "\n"
}

/// A line of usage of this bucket in February, which may say which of its equals it is.
fn reported(day: u8, occurrence: Option<u64>) -> String {
    let mut row: Value = serde_json::from_str(&row(1)).unwrap();
    row["name"] = format!("Daily_BRSDT_202602{day:02}_0000").into();
    if let Some(number) = occurrence {
        row["occurrence"] = number.into();
    }
    format!("{row}\n")
}

/// Imports a body of these pieces.
async fn import(
    world: &(World, String),
    pieces: impl IntoIterator<Item = io::Result<Bytes>, IntoIter: Send + 'static>,
) -> Answer {
    send(world, Body::from_stream(stream::iter(pieces))).await
}

/// Imports a body.
async fn send((world, admin): &(World, String), body: Body) -> Answer {
    let request = Request::post("/tallyhouse/v1/imports").header("host", "billing.example");
    let request = request.header("authorization", format!("Bearer {admin}"));
    let request = request.header("content-type", "application/x-ndjson");
    world.send(request.body(body).unwrap()).await
}

fn pieces(text: &str, length: usize) -> Vec<io::Result<Bytes>> {
    text.as_bytes().chunks(length).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()
}

/// How many rows were accepted and duplicate.
fn counts(answer: &Answer) -> (Value, Value) {
    let result = &answer.json()["result"];
    (result["accepted"].clone(), result["duplicate"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_are_counted_over_all_blocks() {
    let world = world().await;
    // Every third row is the same, and there are more than two blocks of them.
    let rows = |count: usize| -> String {
        (0..count).map(|number| row(if number % 3 == 0 { 0 } else { number })).collect()
    };
    let answer = import(&world, pieces(&rows(40_000), 10_007)).await;
    assert_eq!(counts(&answer), (json!(40_000), json!(0)), "{}", answer.message());
    let answer = import(&world, pieces(&rows(40_001), 1 << 20)).await;
    assert_eq!(counts(&answer), (json!(1), json!(40_000)), "{}", answer.message());
    // The calls with a limit know the rows by the same names.
    let (world, admin) = world;
    let request = Request::post("/tallyhouse/v1/usage-aggregates").header("host", "x");
    let request = request.header("authorization", format!("Bearer {admin}"));
    let request = request.header("content-type", "application/x-ndjson");
    let answer = world.send(request.body(Body::from(rows(40_002))).unwrap()).await;
    let answer = answer.json();
    assert_eq!((&answer["accepted"], &answer["duplicate"]), (&json!(1), &json!(40_001)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_of_a_body_that_breaks_off_stays() {
    let world = world().await;
    let rows: Vec<String> = (0..30_000).map(row).collect();
    let mut broken = pieces(&rows[..20_000].concat(), 1 << 16);
    broken.push(Err(io::ErrorKind::ConnectionReset.into()));
    let answer = import(&world, broken).await;
    assert_eq!(answer.outcome(), "400 InvalidRequestBody");
    let told = "20000 rows of it were added and stay";
    assert!(answer.message().contains(told), "{}", answer.message());
    let answer = import(&world, pieces(&rows.concat(), 1 << 16)).await;
    assert_eq!(counts(&answer), (json!(10_000), json!(20_000)), "{}", answer.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rows_are_listed_up_to_a_limit_and_all_counted() {
    let world = world().await;
    let wrong = "{}\n".repeat(40_000) + &row(1);
    let answer = import(&world, pieces(&wrong, 1 << 16)).await.json();
    assert_eq!(answer["rejectedRows"], 40_000);
    assert_eq!(answer["result"]["accepted"], 1);
    let rejected = answer["result"]["rejected"].as_array().unwrap();
    let positions = rejected.iter().map(|problem| problem["position"].as_u64().unwrap());
    assert!(positions.eq(0..10_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_given_up_and_leaves_its_turn_to_others() {
    let read = Duration::from_millis(20);
    let world = world_with(ImportLimits { read, ..ImportLimits::default() }).await;
    // More than its beginning, by which its form is told.
    let rows: String = (0..1_000).map(row).collect();
    for number in 0..IMPORTS {
        let body = stream::iter(pieces(&rows, 1 << 16)).chain(stream::pending());
        let answer = send(&world, Body::from_stream(body)).await;
        assert_eq!(answer.outcome(), "408 RequestTimeout");
        let told = if number == 0 { "1000 rows of it were" } else { "0 rows of it were" };
        assert!(answer.message().contains(&format!("; {told} added and stay")), "{answer:?}");
    }
    let drops = stream::iter(pieces(&rows[..2_000], 1)).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        piece
    });
    let answer = send(&world, Body::from_stream(drops)).await;
    assert_eq!(answer.outcome(), "408 RequestTimeout");
    let rows = rows + &row(1_000);
    let answer = import(&world, pieces(&rows, 1 << 16)).await;
    assert_eq!(counts(&answer), (json!(1), json!(1_000)), "{}", answer.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_import_more_than_may_be_under_way_is_refused_and_taken_later() {
    let world = world().await;
    let step = Arc::new(Barrier::new(IMPORTS + 1));
    let waiting = (0..IMPORTS).map(|number| {
        let step = Arc::clone(&step);
        let body = stream::once(async move {
            step.wait().await; // it is under way
            step.wait().await; // it may end
            io::Result::Ok(row(number))
        });
        send(&world, Body::from_stream(body))
    });
    let meanwhile = async {
        step.wait().await;
        let answer = import(&world, pieces(&row(9), 100)).await;
        step.wait().await;
        answer
    };
    let (taken, refused) = tokio::join!(future::join_all(waiting), meanwhile);
    assert_eq!(refused.outcome(), "503 ServerBusy");
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.message().contains("nothing of this one was stored"), "{}", refused.message());
    for answer in taken {
        assert_eq!(counts(&answer), (json!(1), json!(0)), "{}", answer.message());
    }
    let answer = import(&world, pieces(&row(9), 100)).await;
    assert_eq!(counts(&answer), (json!(1), json!(0)), "{}", answer.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_slice_that_is_closed_is_rejected_and_told_what_to_do() {
    // Three slices of a row weigh fifteen; the fourth closes down to twelve.
    let world = world_with(ImportLimits { rows_counted: 16, ..ImportLimits::default() }).await;
    let rows = [1, 2, 3, 1, 4, 2, 3].map(|day| reported(day, None)).concat();
    let answer = import(&world, pieces(&rows, 100)).await;
    assert_eq!(counts(&answer), (json!(5), json!(0)), "{}", answer.message());
    assert_eq!(answer.json()["rejectedRows"], 2);
    for (at, position) in [5, 6].into_iter().enumerate() {
        let rejected = &answer.json()["result"]["rejected"][at];
        assert_eq!(
            (&rejected["position"], &rejected["code"]),
            (&json!(position), &json!("SliceClosed"))
        );
        let reason = rejected["reason"].as_str().unwrap();
        assert!(reason.contains("sort the file by reported bucket"), "{reason}");
    }
    // A row that says which of its equals it is needs no counting.
    let rows = [1, 2, 3, 4, 2, 3].map(|day| reported(day, Some(1))).concat();
    let answer = import(&world, pieces(&rows, 100)).await;
    assert_eq!(counts(&answer), (json!(0), json!(6)), "{}", answer.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_too_many_slices_across_each_other_is_stopped() {
    let limits = ImportLimits { rows_counted: 8, slices_closed: 1, ..ImportLimits::default() };
    let world = world_with(limits).await;
    let rows = [1, 2, 3].map(|day| reported(day, None)).concat();
    let answer = import(&world, pieces(&rows, 100)).await;
    assert_eq!(answer.outcome(), "422 TooManySlices");
    let told = "sort the file by reported bucket, or split it; what was stored of it stays";
    assert!(answer.message().contains(told), "{}", answer.message());
    // Its turn is free again, and a file of fewer is taken.
    let answer = import(&world, pieces(&reported(1, None).repeat(2), 100)).await;
    assert_eq!(counts(&answer), (json!(2), json!(0)), "{}", answer.message());
}
