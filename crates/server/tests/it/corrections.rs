//! The law of corrections: usage that was wrong and was corrected sums and costs what it would had it
//! been right from the start, and as of the moment before it is what it was. And slices that several
//! correct at a time.

use std::collections::BTreeMap;

use domain::decimal::Quantity;
use serde_json::{Value, json};

use crate::world::World;

const METERS: [&str; 2] =
    ["e60caf26-9ba0-413d-a422-6141f58081d6", "9995d93a-7d35-4d3f-9c69-7a7fea447ef4"];
const GROUPINGS: [&str; 5] = ["meter", "tag:env", "resource", "day,meter", "hour"];

/// Numbers that look random, the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn data(numbers: &mut Numbers) -> Value {
    let (day, hour) = (6 + numbers.below(3), numbers.below(23));
    let mut data = json!({
        "meterId": METERS[usize::from(numbers.below(3) == 0)],
        "usageStartTime": format!("2026-02-0{day}T{hour:02}:00:00Z"),
        "usageEndTime": format!("2026-02-0{day}T{:02}:00:00Z", hour + 1),
        "quantity": format!("{}.{:020}", numbers.below(9), numbers.below(1_000)),
    });
    match numbers.below(3) {
        0 => {}
        number => {
            data["resourceUri"] = json!(format!("/subscriptions/s/resourceGroups/g{number}/vm"));
            data["tags"] = json!({ "env": if number == 1 { "test" } else { "prod" } });
        }
    }
    data
}

/// One event as it was sent first, and as it should have been; none for one that should not have been.
struct Pair {
    sent: Value,
    right: Option<Value>,
}

fn pairs(numbers: &mut Numbers) -> Vec<Pair> {
    let pair = |_| {
        let sent = data(numbers);
        let right = match numbers.below(6) {
            0 => None,
            1 => Some(data(numbers)),
            2 => {
                let mut other = sent.clone();
                other["quantity"] = json!(numbers.below(20).to_string());
                Some(other)
            }
            3 => {
                let mut other = sent.clone();
                other["tags"] = json!({ "env": "other" });
                Some(other)
            }
            _ => Some(sent.clone()),
        };
        Pair { sent, right }
    };
    (0..14).map(pair).collect()
}

fn event(subscription: &str, id: &str, data: &Value) -> Value {
    let mut data = data.clone();
    data["subscriptionId"] = json!(subscription);
    json!({ "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:m", "id": id,
            "data": data })
}

struct Scene {
    world: World,
    admin: String,
}

impl Scene {
    async fn open() -> Self {
        let world = World::open(|_| String::new()).await;
        let admin = world.app.administrator_token().unwrap();
        let meter = |(id, included): (&str, u8)| {
            json!({
                "MeterId": id, "MeterName": "Compute Hours", "MeterCategory": "Virtual Machines",
                "MeterSubCategory": "", "Unit": "Hours", "MeterTags": [], "MeterRegion": "US East",
                "MeterRates": { "0": 1, "10": 2.5, "30": 0.125 }, "IncludedQuantity": included,
                "EffectiveDate": "2020-01-01T00:00:00Z",
            })
        };
        let meters: Vec<_> = METERS.into_iter().zip([0, 5]).map(meter).collect();
        let card = json!({ "OfferTerms": [], "Currency": "USD", "Locale": "en-US",
                           "IsTaxIncluded": false, "Meters": meters });
        let path =
            "/tallyhouse/v1/rate-cards?offer=MS-AZR-0003P&currency=USD&locale=en-US&region=US";
        assert_eq!(world.post(path, &admin, card).await.outcome(), "201");
        Self { world, admin }
    }

    async fn subscribe(&self, id: &str) {
        let tenant = self.world.app.tenant().to_string();
        self.world.subscribe(&self.admin, id, &tenant).await;
    }

    async fn send(&self, event: Value) {
        let request = http::Request::post("/tallyhouse/v1/events")
            .header("authorization", format!("Bearer {}", self.admin))
            .header("content-type", "application/cloudevents+json");
        let answer = self.world.send(request.body(event.to_string().into()).unwrap()).await;
        assert_eq!(answer.outcome(), "201", "{}", answer.message());
    }

    /// Corrects every event that was sent wrong, twice.
    async fn correct(&self, subscription: &str, pairs: &[Pair]) {
        let path = format!("/tallyhouse/v1/subscriptions/{subscription}/usage-corrections");
        for (number, pair) in pairs.iter().enumerate() {
            let id = number.to_string();
            let body = match &pair.right {
                Some(right) if *right == pair.sent => continue,
                Some(right) => json!({ "source": "urn:m", "id": id,
                    "replacement": event(subscription, &format!("{id} right"), right) }),
                None => json!({ "source": "urn:m", "id": id, "void": true }),
            };
            for duplicate in [false, true] {
                let answer = self.world.post(&path, &self.admin, body.clone()).await;
                assert_eq!(answer.outcome(), "200", "{}", answer.message());
                assert_eq!(answer.json()["duplicate"], duplicate);
            }
        }
    }

    /// What usage costs by each grouping, where it is not nothing.
    async fn costs(&self, subscription: &str, more: &str) -> Vec<Value> {
        let mut costs = vec![];
        for grouping in GROUPINGS {
            let path = format!(
                "/tallyhouse/v1/subscriptions/{subscription}/cost?period=2026-02&groupBy={grouping}{more}"
            );
            let answer = self.world.get(&path, &self.admin).await;
            assert_eq!(answer.outcome(), "200", "{}", answer.message());
            let cost = answer.json();
            let groups = cost["groups"].as_array().unwrap().iter();
            let groups = groups.filter(|group| group["gross"] != "0" || group["charge"] != "0");
            let groups: Vec<_> = groups.cloned().collect();
            costs.push(
                json!({ "groups": groups, "totals": cost["totals"], "total": cost["total"] }),
            );
        }
        costs
    }

    /// Sums of the usage answer over all buckets, where they are not nothing.
    async fn usage(&self, subscription: &str) -> BTreeMap<String, Quantity> {
        let now = self.world.now() / 3_600 * 3_600_000_000;
        let end = domain::time::UtcTime::from_micros(now).unwrap();
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates\
             ?api-version=2015-06-01-preview&aggregationGranularity=Hourly\
             &reportedStartTime=2026-02-10T00:00:00Z&reportedEndTime={end}"
        );
        let answer = self.world.get(&path, &self.admin).await;
        assert_eq!(answer.outcome(), "200", "{}", answer.message());
        let mut sums = BTreeMap::new();
        for row in answer.json()["value"].as_array().unwrap() {
            let row = &row["properties"];
            let key = ["usageStartTime", "usageEndTime", "meterId", "instanceData"];
            let key = key.map(|name| row[name].to_string()).join(" ");
            let quantity = Quantity::parse(&row["quantity"].to_string()).unwrap();
            let sum = sums.entry(key).or_insert(Quantity::ZERO);
            *sum = sum.plus(quantity).unwrap();
        }
        sums.retain(|_, sum| *sum != Quantity::ZERO);
        sums
    }

    /// The lines of a bill in the columns of FOCUS.
    async fn focus(&self, subscription: &str) -> Vec<String> {
        let path =
            format!("/tallyhouse/v1/exports/focus?subscription={subscription}&period=2026-02");
        let answer = self.world.get(&path, &self.admin).await;
        assert_eq!(answer.outcome(), "200", "{}", answer.message());
        let text = String::from_utf8(answer.body).unwrap().replace(subscription, "SUBSCRIPTION");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_corrected_is_as_if_it_had_been_right_from_the_start() {
    let scene = Scene::open().await;
    for seed in 0..8u8 {
        let mut numbers = Numbers(seed.into());
        let pairs = pairs(&mut numbers);
        let ids = ["a", "b"].map(|of| format!("{of}0000000-0000-0000-0000-0000000000{seed:02}"));
        let [wrong, right] = &ids;
        for id in &ids {
            scene.subscribe(id).await;
        }
        for (number, pair) in pairs.iter().enumerate() {
            scene.send(event(wrong, &number.to_string(), &pair.sent)).await;
            if let Some(data) = &pair.right {
                scene.send(event(right, &number.to_string(), data)).await;
            }
        }
        let before = scene.costs(wrong, "").await;
        assert_ne!(before, scene.costs(right, "").await, "seed {seed}");
        let known_at = scene.world.now();
        scene.world.pass(3_600);
        if seed.is_multiple_of(2) {
            let seal = scene.world.post("/tallyhouse/v1/ledger/seal", &scene.admin, json!({}));
            assert_eq!(seal.await.outcome(), "204");
        }
        scene.correct(wrong, &pairs).await;
        let known_at = domain::time::UtcTime::from_micros(known_at * 1_000_000).unwrap();
        let as_of = scene.costs(wrong, &format!("&asOf={known_at}")).await;
        assert_eq!(as_of, before, "seed {seed}");
        assert_eq!(scene.costs(wrong, "").await, scene.costs(right, "").await, "seed {seed}");
        scene.world.pass(3_600);
        assert_eq!(scene.usage(wrong).await, scene.usage(right).await, "seed {seed}");
        assert_eq!(scene.focus(wrong).await, scene.focus(right).await, "seed {seed}");
    }
}

/// The rows of one slice: as many as the number says, each of that quantity.
fn slice(subscription: &str, number: usize) -> Value {
    let row = json!({
        "name": "Daily_BRSDT_20260201_0000",
        "properties": {
            "subscriptionId": subscription, "meterId": METERS[0], "quantity": number,
            "usageStartTime": "2026-01-31T00:00:00+00:00",
            "usageEndTime": "2026-02-01T00:00:00+00:00", "infoFields": {},
        }
    });
    let other = json!({
        "name": "Daily_BRSDT_20260201_0000",
        "properties": {
            "subscriptionId": subscription, "meterId": METERS[1], "quantity": 1,
            "usageStartTime": "2026-01-31T00:00:00+00:00",
            "usageEndTime": "2026-02-01T00:00:00+00:00", "infoFields": {},
        }
    });
    let rows = std::iter::repeat_n(other, number).chain(std::iter::repeat_n(row, number));
    json!({ "value": rows.collect::<Vec<_>>() })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_slices_that_several_correct_at_a_time_one_is_stored() {
    let scene = std::sync::Arc::new(Scene::open().await);
    let id = "a0000000-0000-0000-0000-000000000001";
    scene.subscribe(id).await;
    let tasks = (1..7usize).map(|number| {
        let scene = std::sync::Arc::clone(&scene);
        tokio::spawn(async move {
            let path = "/tallyhouse/v1/usage-aggregates?slices=correct";
            let answer = scene.world.post(path, &scene.admin, slice(id, number)).await;
            assert_eq!(answer.outcome(), "200", "{}", answer.message());
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut equal = 0;
    for number in 1..7 {
        let path = "/tallyhouse/v1/usage-aggregates?slices=compare";
        let answer = scene.world.post(path, &scene.admin, slice(id, number)).await;
        equal += usize::from(answer.json()["slices"].is_null());
    }
    assert_eq!(equal, 1);
}
