//! Clients that send events until the server is gone, and remember what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::decimal::Decimal;
use crate::http::Client;
use crate::random::Random;

pub(crate) const SUBSCRIPTION: &str = "0d9a4f4e-5b2e-4a07-9a83-5f1f9f0e7b11";
/// The range that all events were used in, as parameters of the cost.
pub(crate) const MONTH: &str = "from=2026-03-01&to=2026-04-01";

const SENDERS: u64 = 4;
const METERS: u64 = 5;
/// A sender stops by itself here; the server is dead long before.
const MOST_REQUESTS: u64 = 20_000;
/// The answers that a kill comes after take far less, even on a busy machine.
const ANSWERS_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_micros(200);

/// An event that was sent.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) meter: String,
    pub(crate) quantity: Decimal,
    json: String,
}

/// Events that were answered for, and those whose answer never came.
pub(super) type Told = (Vec<Event>, Vec<Event>);

/// Senders at work.
pub(crate) struct Load {
    senders: Vec<JoinHandle<Result<Told>>>,
    /// Requests that were answered.
    answers: Arc<AtomicU64>,
}

impl Load {
    /// Starts the senders of a load of this number, one client that asks for seals and one that asks for joins.
    pub(crate) fn start(client: &Client, round: u64, seed: u64) -> Self {
        let answers = Arc::new(AtomicU64::new(0));
        let mut senders: Vec<JoinHandle<Result<Told>>> = (0..SENDERS)
            .map(|sender| {
                let client = client.clone();
                let mut random = Random::new(seed ^ sender);
                let (name, answers) = (format!("{round}-{sender}"), Arc::clone(&answers));
                std::thread::spawn(move || send(&client, &name, &mut random, &answers))
            })
            .collect();
        for path in ["/tallyhouse/v1/ledger/seal", "/tallyhouse/v1/ledger/compact"] {
            let client = client.clone();
            senders.push(std::thread::spawn(move || {
                // Every third load is without seals, so that long journals are replayed too.
                while !round.is_multiple_of(3) && client.post(path, "application/json", b"").is_ok()
                {
                }
                Ok((Vec::new(), Vec::new()))
            }));
        }
        Self { senders, answers }
    }

    /// Waits until so many requests were answered.
    pub(crate) fn wait_for_answers(&self, count: u64) -> Result<()> {
        let (begun, limit) = (Instant::now(), ANSWERS_LIMIT.as_secs());
        loop {
            let answers = self.answers.load(Ordering::SeqCst);
            if answers >= count {
                return Ok(());
            }
            let is_late = begun.elapsed() >= ANSWERS_LIMIT;
            ensure!(!is_late, "{answers} requests of {count} were answered in {limit} s");
            std::thread::sleep(POLL);
        }
    }

    /// Waits until every sender has met the dead server.
    pub(crate) fn join(self) -> Result<Told> {
        let (mut acknowledged, mut unanswered) = (Vec::new(), Vec::new());
        for sender in self.senders {
            let told = sender.join().ok().context("a sender panicked")??;
            acknowledged.extend(told.0);
            unanswered.extend(told.1);
        }
        Ok((acknowledged, unanswered))
    }
}

/// Sends single events and batches until no answer comes.
fn send(client: &Client, name: &str, random: &mut Random, answers: &AtomicU64) -> Result<Told> {
    let mut acknowledged = Vec::new();
    for number in 0..MOST_REQUESTS {
        let count = if random.below(2) == 0 { 1 } else { 2 + random.below(20) };
        let events: Vec<Event> =
            (0..count).map(|place| event(&format!("{name}-{number}-{place}"), random)).collect();
        let answer = if count == 1 {
            let body = events[0].json.as_bytes();
            client.post("/tallyhouse/v1/events", "application/cloudevents+json", body)
        } else {
            client.post(
                "/tallyhouse/v1/events",
                "application/cloudevents-batch+json",
                &batch(&events),
            )
        };
        let Ok(answer) = answer else {
            return Ok((acknowledged, events));
        };
        answers.fetch_add(1, Ordering::SeqCst);
        if answer.status == 503 {
            // Refused unread because the server is busy: the same events are not sent again.
            continue;
        }
        let body = answer.json("an event under load", &[200, 201])?;
        let all_new = count == 1 || body["accepted"] == json!(count);
        ensure!(all_new, "{count} new events were answered {body}");
        acknowledged.extend(events);
    }
    Ok((acknowledged, Vec::new()))
}

/// Sends an event of this name; gives the answer's status, and the event.
pub(crate) fn send_new(client: &Client, name: &str) -> Result<(u16, Event)> {
    let event = event(name, &mut Random::new(1));
    let body = event.json.as_bytes();
    let answer = client.post("/tallyhouse/v1/events", "application/cloudevents+json", body)?;
    Ok((answer.status, event))
}

/// Sends events as one batch, which must be answered.
pub(crate) fn send_batch(client: &Client, events: &[Event]) -> Result<Value> {
    let path = "/tallyhouse/v1/events";
    client.post(path, "application/cloudevents-batch+json", &batch(events))?.json(path, &[200])
}

fn batch(events: &[Event]) -> Vec<u8> {
    let events: Vec<&str> = events.iter().map(|event| event.json.as_str()).collect();
    format!("[{}]", events.join(",")).into_bytes()
}

fn event(id: &str, random: &mut Random) -> Event {
    let meter = format!("5e57a871-0000-4000-8000-00000000000{}", random.below(METERS));
    let text = format!("{}.{}", random.below(100), random.digits(20));
    let (day, hour) = (1 + random.below(31), random.below(24));
    let json = json!({
        "specversion": "1.0", "type": "tallyhouse.usage.v1",
        "source": "urn:tallyhouse:restart", "id": id,
        "data": {
            "subscriptionId": SUBSCRIPTION, "meterId": meter, "quantity": text,
            "usageStartTime": format!("2026-03-{day:02}T{hour:02}:00:00Z"),
            "usageEndTime": format!("2026-03-{day:02}T{hour:02}:30:00Z"),
            "resourceUri": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-{}", random.below(50)),
        },
    });
    let quantity = Decimal::parse(&text).expect("digits and a point are a decimal");
    Event { meter, quantity, json: json.to_string() }
}
