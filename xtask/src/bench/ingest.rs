//! Events by HTTPS: how many a second, and how long a request waits until they are durable.

use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::data::event;
use super::report::{Line, median, micros, thousands};
use crate::http::Client;
use crate::random::Random;
use crate::server::Server;

const RUNS: u64 = 3;
/// A run ends here, with what was answered until then.
const RUN_LIMIT: Duration = Duration::from_secs(5);

/// How the events come.
pub(crate) struct Shape {
    batch: u64,
    clients: u64,
    /// Events of a run, if nothing ends it earlier.
    records: u64,
}

/// From one event a request to ten thousand.
pub(crate) const SHAPES: [Shape; 6] = [
    Shape { batch: 1, clients: 1, records: 4_000 },
    Shape { batch: 1, clients: 32, records: 20_000 },
    Shape { batch: 100, clients: 4, records: 60_000 },
    Shape { batch: 1_000, clients: 1, records: 100_000 },
    Shape { batch: 1_000, clients: 4, records: 100_000 },
    Shape { batch: 10_000, clients: 2, records: 100_000 },
];

impl Shape {
    /// Records that are under way at a time.
    pub(crate) fn under_way(&self) -> u64 {
        self.batch * self.clients
    }
}

/// What one run, or one client of it, did.
#[derive(Default)]
struct Done {
    records: u64,
    wall_us: u64,
    cpu_us: u64,
    waits_us: Vec<u64>,
}

/// The median run of a shape, of at most so many events of so many subscriptions.
pub(crate) fn measure(
    server: &Server,
    shape: &Shape,
    most: u64,
    subscriptions: u64,
) -> Result<Line> {
    let records = shape.records.min(most);
    let mut runs: Vec<Done> = Vec::new();
    for run in 0..RUNS {
        runs.push(one_run(server, shape, records, run, subscriptions)?);
    }
    let pace = |run: &Done| run.wall_us * 1_000 / run.records.max(1);
    let middle = median(&mut runs.iter().map(pace).collect::<Vec<_>>());
    let run = runs.iter_mut().find(|run| pace(run) == middle).context("a median is one of them")?;
    let clients = if shape.clients == 1 { "client" } else { "clients" };
    let batch = thousands(shape.batch);
    let what = format!("Tallyhouse, {batch} a request, {} {clients}", shape.clients);
    Ok(Line::rate_and_wait(&what, run.records, run.wall_us, run.cpu_us, &mut run.waits_us))
}

fn one_run(
    server: &Server,
    shape: &Shape,
    records: u64,
    run: u64,
    subscriptions: u64,
) -> Result<Done> {
    let requests = (records / shape.batch / shape.clients).max(1);
    let ready = Arc::new(Barrier::new(usize::try_from(shape.clients)? + 1));
    let mut clients: Vec<JoinHandle<Result<Done>>> = Vec::new();
    for number in 0..shape.clients {
        let name = format!("{}x{}-{run}-{number}", shape.batch, shape.clients);
        let bodies = bodies(&name, shape.batch, requests, subscriptions);
        let (client, ready, batch) = (server.client()?, Arc::clone(&ready), shape.batch);
        clients.push(std::thread::spawn(move || send(&client, &bodies, batch, &ready)));
    }
    ready.wait();
    let (begun, cpu) = (Instant::now(), server.cpu_ms()?);
    let mut done = Done::default();
    for client in clients {
        let of_client = client.join().ok().context("a client panicked")??;
        done.records += of_client.records;
        done.waits_us.extend(of_client.waits_us);
    }
    done.wall_us = micros(begun);
    done.cpu_us = (server.cpu_ms()? - cpu) * 1000;
    Ok(done)
}

fn bodies(name: &str, batch: u64, requests: u64, subscriptions: u64) -> Vec<Vec<u8>> {
    let mut random = Random::new(requests);
    let mut body = |request: u64| {
        let ids = (0..batch).map(|place| format!("{name}-{request}-{place}"));
        let events: Vec<String> = ids.map(|id| event(&id, subscriptions, &mut random)).collect();
        let text = if batch == 1 { events.concat() } else { format!("[{}]", events.join(",")) };
        text.into_bytes()
    };
    (0..requests).map(&mut body).collect()
}

fn send(client: &Client, bodies: &[Vec<u8>], batch: u64, ready: &Barrier) -> Result<Done> {
    let opened = client.get("/healthz"); // the connection is made before the clock runs
    ready.wait();
    ensure!(opened?.status == 200, "the server is not well");
    let path = "/tallyhouse/v1/events";
    let (begun, mut done) = (Instant::now(), Done::default());
    for body in bodies {
        let sent = Instant::now();
        if batch == 1 {
            let answer = client.post(path, "application/cloudevents+json", body)?;
            ensure!(answer.status == 201, "a new event was answered {}", answer.status);
        } else {
            let answer = client.post(path, "application/cloudevents-batch+json", body)?;
            let answer = answer.json(path, &[200])?;
            ensure!(answer["accepted"] == json!(batch), "{batch} new events: {answer}");
        }
        done.waits_us.push(micros(sent));
        done.records += batch;
        if begun.elapsed() > RUN_LIMIT {
            break;
        }
    }
    Ok(done)
}
