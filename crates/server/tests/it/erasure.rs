//! Erasures over the router: every total stays to the last digit and no name does; holds, retention,
//! and what a restart cut off.

use domain::decimal::Money;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::world::{Answer, World};

const OURS: &str = "11111111-1111-1111-1111-111111111111";
const OTHER: &str = "22222222-2222-2222-2222-222222222222";
const METER: &str = "e60caf26-9ba0-413d-a422-6141f58081d6";
/// People whom usage names, in a resource group, a resource and a tag each.
const PEOPLE: [&str; 3] = ["annaschmidt", "bertameyer", "carlaweber"];
const GROUPINGS: [&str; 7] =
    ["", "resource", "resource-group", "tag:owner", "location", "day", "category"];
/// So many on each of nine days.
const EVENTS: usize = 9 * 13;
/// More than a page of usage.
const PAGED: usize = 1_001;

/// A server with usage of two subscriptions, in the table and in the journal, on the first nine days of
/// February.
struct Scene {
    world: World,
    admin: String,
}

impl Scene {
    async fn open() -> Self {
        Self::with(EVENTS).await
    }

    async fn with(events: usize) -> Self {
        let world = World::open(|_| String::new()).await;
        let admin = world.app.administrator_token().unwrap();
        let scene = Self { world, admin };
        let tenant = scene.world.app.tenant().to_string();
        let card = json!({
            "OfferTerms": [], "Currency": "USD", "Locale": "en-US", "IsTaxIncluded": false,
            "Meters": [{
                "MeterId": METER, "MeterName": "Compute Hours", "MeterCategory": "Virtual Machines",
                "MeterSubCategory": "", "Unit": "Hours", "MeterTags": [], "MeterRegion": "US East",
                "MeterRates": { "0": 0.1, "77": 0.07 }, "EffectiveDate": "2020-01-01T00:00:00Z",
                "IncludedQuantity": 3,
            }],
        });
        let path =
            "/tallyhouse/v1/rate-cards?offer=MS-AZR-0003P&currency=USD&locale=en-US&region=US";
        assert_eq!(scene.world.post(path, &scene.admin, card).await.outcome(), "201");
        for id in [OURS, OTHER] {
            scene.world.subscribe(&scene.admin, id, &tenant).await;
            let path = format!("{}/resource-groups/rg-{}/tags", own(id), PEOPLE[0]);
            let tags = json!({ "tags": { "team": PEOPLE[0] }, "effective": "2026-02-01" });
            assert_eq!(scene.ask(Method::PUT, &path, tags).await.outcome(), "200");
        }
        scene.send(OURS, 0..events - 50).await;
        scene.send(OTHER, 0..30).await;
        let sealed = scene.world.post("/tallyhouse/v1/ledger/seal", &scene.admin, json!({})).await;
        assert_eq!(sealed.outcome(), "204");
        scene.send(OURS, events - 50..events).await;
        scene.world.pass(2 * 86_400);
        scene
    }

    async fn send(&self, subscription: &str, numbers: std::ops::Range<usize>) {
        let lines: String =
            numbers.map(|number| format!("{}\n", event(subscription, number, "1"))).collect();
        let request = Request::post("/tallyhouse/v1/events")
            .header("authorization", format!("Bearer {}", self.admin))
            .header("content-type", "application/x-ndjson");
        let answer = self.world.send(request.body(lines.into()).unwrap()).await;
        assert!(answer.status.is_success(), "{}", answer.message());
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", self.admin));
        let request = request.header("host", "billing.example");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.world.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Value::Null).await
    }

    /// Begins an erasure of ours; answers where it is to be seen.
    async fn begin(&self, body: Value) -> String {
        let begun = self.ask(Method::POST, &format!("{}/erasures", own(OURS)), body).await;
        assert_eq!(begun.outcome(), "202", "{}", begun.message());
        assert_eq!(begun.json()["state"], "begun");
        format!("{}/erasures/{}", own(OURS), begun.json()["id"].as_str().unwrap())
    }

    async fn shown(&self, erasure: &str) -> Value {
        self.get(erasure).await.json()
    }

    /// What usage costs, by each grouping: the sums of all groups, which a grouping does not change.
    async fn sums(&self, subscription: &str, more: &str) -> Vec<String> {
        let mut sums = Vec::new();
        for grouping in GROUPINGS {
            let path =
                format!("{}/cost?period=2026-02&groupBy={grouping}{more}", own(subscription));
            let cost = self.get(&path).await.json();
            let groups = cost["groups"].as_array().unwrap_or_else(|| panic!("{path}: {cost}"));
            let gross = groups.iter().map(|group| group["gross"].as_str().unwrap());
            let gross =
                gross.fold(Money::ZERO, |sum, one| sum.plus(Money::parse(one).unwrap()).unwrap());
            sums.push(format!("{grouping}: {gross} {}", cost["totals"]));
        }
        sums
    }

    /// The sum of quantities and the number of rows on all pages of a range of reported time.
    async fn usage(&self, subscription: &str, granularity: &str) -> (usize, Money, String) {
        let (mut path, mut rows, mut sum) = (usage_path(subscription, granularity), 0, Money::ZERO);
        let mut text = String::new();
        loop {
            let page = self.get(&path).await;
            assert_eq!(page.outcome(), "200", "{}", page.message());
            text.push_str(&String::from_utf8_lossy(&page.body));
            let page: Value = page.json();
            for row in page["value"].as_array().unwrap() {
                let quantity = row["properties"]["quantity"].as_number().unwrap().to_string();
                sum = sum.plus(Money::parse(&quantity).unwrap()).unwrap();
                rows += 1;
            }
            let Some(next) = page["nextLink"].as_str() else { return (rows, sum, text) };
            path = next.strip_prefix("https://billing.example").unwrap().to_owned();
        }
    }

    /// Every answer that may name somebody, as text.
    async fn said(&self, subscription: &str, more: &str) -> String {
        let mut said = String::new();
        for granularity in ["Hourly", "Daily"] {
            said.push_str(&self.usage(subscription, granularity).await.2);
        }
        let of = format!("/subscriptions/{subscription}");
        let consumption = format!("{of}/providers/Microsoft.Consumption/usageDetails");
        for path in [
            format!("{}/cost?period=2026-02&groupBy=resource{more}", own(subscription)),
            format!("{}/cost?period=2026-02&groupBy=resource-group{more}", own(subscription)),
            format!("{}/cost?period=2026-02&groupBy=tag:owner{more}", own(subscription)),
            format!(
                "{}/cost?period=2026-02&groupBy=tag:team&inheritTags=true{more}",
                own(subscription)
            ),
            format!("{}/cost/explain?period=2026-02{more}", own(subscription)),
            format!("{}/resource-groups", own(subscription)),
            format!("{of}/resourcegroups?api-version=2022-12-01"),
            format!("{consumption}?api-version=2018-01-31"),
            format!("/tallyhouse/v1/exports/focus?subscription={subscription}&period=2026-02"),
            format!("/tallyhouse/v1/audit-log?subscription={subscription}"),
        ] {
            let answer = self.get(&path).await;
            assert_eq!(answer.outcome(), "200", "{path}: {}", answer.message());
            said.push_str(&String::from_utf8_lossy(&answer.body));
        }
        said.to_lowercase()
    }
}

fn own(subscription: &str) -> String {
    format!("/tallyhouse/v1/subscriptions/{subscription}")
}

fn usage_path(subscription: &str, granularity: &str) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates?\
         api-version=2015-06-01-preview&reportedStartTime=2026-02-10&reportedEndTime=2026-02-11&\
         aggregationGranularity={granularity}"
    )
}

/// Usage of this number, on one of the first nine days of February.
fn event(subscription: &str, number: usize, whole: &str) -> Value {
    let (person, day) = (PEOPLE[number % PEOPLE.len()], number % 9 + 1);
    json!({
        "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:m",
        "id": number.to_string(),
        "data": {
            "subscriptionId": subscription, "meterId": METER,
            "quantity": format!("{whole}.{number:020}"),
            "usageStartTime": format!("2026-02-{day:02}T07:00:00Z"),
            "usageEndTime": format!("2026-02-{day:02}T08:00:00Z"),
            "resourceUri": format!(
                "/subscriptions/{subscription}/resourceGroups/RG-{person}/providers/\
                 Microsoft.Compute/virtualMachines/vm-{person}-{number}"
            ),
            "location": "eastus",
            "tags": { "owner": format!("{person}@example.com") },
            "additionalInfo": { "user": person },
        },
    })
}

/// Who of the people is named.
fn named(text: &str) -> Vec<&'static str> {
    PEOPLE.into_iter().filter(|person| text.contains(person)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_leaves_every_total_and_no_name() {
    let scene = Scene::open().await;
    let version = scene.get(&format!("{}/cost?period=2026-02", own(OURS))).await.json();
    let as_of = "&asOf=2026-02-11T00:00:00Z";
    assert_eq!(version["basis"]["accountsRevision"], 6);
    let before = (scene.sums(OURS, "").await, scene.sums(OURS, as_of).await);
    let hourly = scene.usage(OURS, "Hourly").await;
    assert_eq!(hourly.0, EVENTS);
    for more in ["", as_of] {
        assert_eq!(named(&scene.said(OURS, more).await), PEOPLE);
    }
    let others = (scene.sums(OTHER, "").await, scene.said(OTHER, "").await);
    let erasure = scene.begin(Value::Null).await;
    scene.world.app.erase_due().await;
    let done = scene.shown(&erasure).await;
    assert_eq!((&done["state"], &done["rows"]), (&json!("done"), &json!(EVENTS)), "{done}");
    assert_eq!(done["cause"], "request");

    assert_eq!((scene.sums(OURS, "").await, scene.sums(OURS, as_of).await), before);
    for granularity in ["Hourly", "Daily"] {
        let (rows, sum, _) = scene.usage(OURS, granularity).await;
        assert_eq!((rows, sum), (EVENTS, hourly.1), "{granularity}");
    }
    for more in ["", as_of] {
        let said = scene.said(OURS, more).await;
        assert_eq!(named(&said), [""; 0], "{more}");
        assert!(said.contains("erased-") && said.contains("/virtualmachines/"), "{more}");
    }
    // Nothing of the other one changed.
    let said = scene.said(OTHER, "").await;
    assert_eq!((scene.sums(OTHER, "").await, named(&said)), (others.0, PEOPLE.to_vec()));

    // What was stored is known still.
    for (whole, expected) in [("1", "200"), ("2", "409 EventConflict")] {
        let request = Request::post("/tallyhouse/v1/events")
            .header("authorization", format!("Bearer {}", scene.admin))
            .header("content-type", "application/cloudevents+json");
        let request = request.body(event(OURS, 5, whole).to_string().into()).unwrap();
        assert_eq!(scene.world.send(request).await.outcome(), expected);
    }
    // What comes later has its names, until it is erased too.
    scene.send(OURS, EVENTS..EVENTS + 3).await;
    let later = scene.get(&format!("{}/cost?period=2026-02&groupBy=resource", own(OURS))).await;
    assert_eq!(named(&String::from_utf8(later.body).unwrap()), PEOPLE);
    let erasure = scene.begin(Value::Null).await;
    scene.world.app.erase_due().await;
    assert_eq!(scene.shown(&erasure).await["rows"], 3);
    assert_eq!(named(&scene.said(OURS, "").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_goes_on_from_before_an_erasure_is_refused() {
    let scene = Scene::with(PAGED).await;
    let next = async || {
        let page = scene.get(&usage_path(OURS, "Hourly")).await.json();
        let next = page["nextLink"].as_str().unwrap().to_owned();
        next.strip_prefix("https://billing.example").unwrap().to_owned()
    };
    let from_before = next().await;
    assert_eq!(scene.get(&from_before).await.outcome(), "200");
    scene.begin(json!({ "before": "2026-02-02" })).await;
    scene.world.app.erase_due().await;
    // It would skip rows, or give some twice.
    let refused = scene.get(&from_before).await;
    assert_eq!(refused.outcome(), "400 InvalidProperty");
    assert!(refused.message().contains("erased"), "{}", refused.message());
    // Who begins anew goes on.
    assert_eq!(scene.get(&next().await).await.outcome(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_of_what_was_erased_takes_it_back() {
    let scene = Scene::open().await;
    let before = scene.sums(OURS, "").await;
    scene.begin(Value::Null).await;
    scene.world.app.erase_due().await;
    let path = format!("{}/usage-corrections", own(OURS));
    let body = json!({ "source": "urn:m", "id": "7", "void": true });
    for duplicate in [false, true] {
        let answer = scene.ask(Method::POST, &path, body.clone()).await;
        assert_eq!(answer.outcome(), "200", "{}", answer.message());
        assert_eq!(answer.json()["duplicate"], duplicate);
    }
    assert_ne!(scene.sums(OURS, "").await, before);
    // The reversal has the pseudonyms of what it takes back: by resource nothing is left of it.
    let path = format!("{}/cost?period=2026-02&groupBy=resource", own(OURS));
    let groups = scene.get(&path).await.json();
    let groups = groups["groups"].as_array().unwrap();
    let gross = groups.iter().map(|group| group["gross"].as_str().unwrap().to_owned());
    assert!(gross.clone().all(|gross| !gross.starts_with('-')), "{groups:?}");
    assert_eq!(named(&scene.said(OURS, "").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_refuses_an_erasure_and_stops_one_that_was_begun() {
    let scene = Scene::open().await;
    let hold = format!("{}/legal-hold", own(OURS));
    let erasures = format!("{}/erasures", own(OURS));
    let reason = json!({ "reason": "case 12/26" });
    assert_eq!(scene.ask(Method::PUT, &hold, reason.clone()).await.outcome(), "200");
    let refused = scene.ask(Method::POST, &erasures, json!({})).await;
    assert_eq!(refused.outcome(), "409 LegalHold");
    assert!(refused.message().ends_with("case 12/26"), "{}", refused.message());
    assert_eq!(scene.get(&erasures).await.json()["value"], json!([]));

    assert_eq!(scene.ask(Method::DELETE, &hold, Value::Null).await.outcome(), "204");
    let erasure = scene.begin(json!({ "before": "2026-02-05" })).await;
    let refused = scene.ask(Method::POST, &erasures, json!({})).await;
    assert_eq!(refused.outcome(), "409 ErasureUnderWay");
    assert_eq!(scene.ask(Method::PUT, &hold, reason).await.outcome(), "200");
    scene.world.app.erase_due().await;
    assert_eq!(scene.shown(&erasure).await["state"], "held");
    assert_eq!(scene.get(&erasures).await.json()["value"][0]["state"], "held");
    assert_eq!(named(&scene.said(OURS, "").await), PEOPLE);

    assert_eq!(scene.ask(Method::DELETE, &hold, Value::Null).await.outcome(), "204");
    scene.world.app.erase_due().await;
    let done = scene.shown(&erasure).await;
    // Days 1 to 4 of 9.
    let expected = (0..EVENTS).filter(|number| number % 9 < 4).count();
    assert_eq!((&done["state"], &done["rows"]), (&json!("done"), &json!(expected)));
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_erases_once_a_day_what_is_old_enough() {
    let scene = Scene::open().await;
    let before = scene.sums(OURS, "").await;
    let set = |days: u32| {
        let path = format!("{}/retention", own(OURS));
        let scene = &scene;
        async move { scene.ask(Method::PUT, &path, json!({ "days": days })).await.outcome() }
    };
    let erasures = async || {
        let list = scene.get(&format!("{}/erasures", own(OURS))).await.json();
        let text = |one: &Value| format!("{} {} {}", one["before"], one["state"], one["rows"]);
        list["value"].as_array().unwrap().iter().map(text).collect::<Vec<_>>()
    };
    let on = |days: &[usize]| (0..EVENTS).filter(|number| days.contains(&(number % 9 + 1))).count();
    // Today is the 12th.
    scene.world.app.erase_due().await;
    assert_eq!(set(8).await, "200");
    scene.world.app.erase_due().await;
    assert_eq!(erasures().await, [""; 0], "it is seen to once a day");
    scene.world.pass(86_400);
    for _ in 0..2 {
        scene.world.app.erase_due().await;
        let first = format!("\"2026-02-05\" \"done\" {}", on(&[1, 2, 3, 4]));
        assert_eq!(erasures().await, [first]);
    }
    scene.world.pass(86_400);
    scene.world.app.erase_due().await;
    assert_eq!(erasures().await[0], format!("\"2026-02-06\" \"done\" {}", on(&[5])));
    let entry = scene.get(&format!("/tallyhouse/v1/audit-log?subscription={OURS}&$top=1")).await;
    let entry = entry.json()["value"][0].clone();
    assert_eq!(
        (&entry["operation"], &entry["by"]),
        (&json!("erasures/write"), &json!("retention"))
    );

    let metrics = scene.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    for expected in [
        "tallyhouse_erasures_total 2".to_owned(),
        format!("tallyhouse_erased_rows_total {}", on(&[1, 2, 3, 4, 5])),
        format!("tallyhouse_last_retention_run_timestamp_seconds {}", scene.world.now()),
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected}: {metrics}");
    }

    // A hold has it skip the subscription, and it makes up for it later.
    let hold = format!("{}/legal-hold", own(OURS));
    let reason = json!({ "reason": "case 12/26" });
    assert_eq!(scene.ask(Method::PUT, &hold, reason).await.outcome(), "200");
    scene.world.pass(86_400);
    scene.world.app.erase_due().await;
    assert_eq!(erasures().await.len(), 2);
    assert_eq!(scene.ask(Method::DELETE, &hold, Value::Null).await.outcome(), "204");
    scene.world.pass(86_400);
    scene.world.app.erase_due().await;
    assert_eq!(erasures().await[0], format!("\"2026-02-08\" \"done\" {}", on(&[6, 7])));

    // Newer usage has its names, and nothing was lost.
    let (_, sum, text) = scene.usage(OURS, "Hourly").await;
    assert_eq!(sum, scene.usage(OURS, "Daily").await.1);
    for number in 0..EVENTS {
        let machine = format!("vm-{}-{number}\\\"", PEOPLE[number % 3]);
        assert_eq!(text.contains(&machine), number % 9 + 1 >= 8, "{number}");
    }
    assert_eq!(scene.sums(OURS, "").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_of_all_subscriptions_is_one_walk() {
    let scene = Scene::open().await;
    scene.world.app.erase_due().await;
    for (id, days) in [(OURS, 8), (OTHER, 6)] {
        let path = format!("{}/retention", own(id));
        assert_eq!(scene.ask(Method::PUT, &path, json!({ "days": days })).await.outcome(), "200");
    }
    scene.world.pass(86_400);
    scene.world.app.erase_due().await;
    let mut files = Vec::new();
    for (id, events, days) in [(OURS, EVENTS, 4), (OTHER, 30, 6)] {
        let list = scene.get(&format!("{}/erasures", own(id))).await.json();
        let [done] = &list["value"].as_array().unwrap()[..] else { panic!("{list}") };
        let rows = (0..events).filter(|number| number % 9 < days).count();
        assert_eq!((&done["state"], &done["rows"]), (&json!("done"), &json!(rows)), "{done}");
        assert_eq!(done["filesHeld"], 0);
        files.push(done["filesRewritten"].as_u64().unwrap());
    }
    // A file with rows of both was written anew once.
    let log = scene.world.folder().join("data/ledger/usage/_delta_log");
    let entries = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries
        .filter(|path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json"));
    let erasing = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).unwrap().contains(r#""operation":"UPDATE""#)
    };
    let erasing = entries.filter(|path| erasing(path)).count() as u64;
    assert!(files[1] > 0 && erasing == files[0].max(files[1]), "{erasing} of {files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_finds_a_damaged_file_ends_and_names_it() {
    let scene = Scene::open().await;
    let data = scene.world.folder().join("data/ledger/usage/data");
    let day = std::fs::read_dir(&data).unwrap().next().unwrap().unwrap().path();
    let file = std::fs::read_dir(day).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    let mut harmed = bytes.clone();
    let middle = harmed.len() / 2;
    harmed[middle..middle + 99].fill(0);
    std::fs::write(&file, harmed).unwrap();
    let erasure = scene.begin(Value::Null).await;
    scene.world.app.erase_due().await;
    let ended = scene.shown(&erasure).await;
    let name = format!("data/{}", file.strip_prefix(&data).unwrap().display());
    assert_eq!(
        (&ended["state"], &ended["damagedFiles"]),
        (&json!("incomplete"), &json!([name])),
        "{ended}"
    );
    // Restored, it has its names, and another erasure takes them.
    std::fs::write(&file, bytes).unwrap();
    let again = scene.begin(Value::Null).await;
    scene.world.app.erase_due().await;
    let done = scene.shown(&again).await;
    assert_eq!((&done["state"], done.get("damagedFiles")), (&json!("done"), None), "{done}");
    let (first, second) = (ended["rows"].as_u64().unwrap(), done["rows"].as_u64().unwrap());
    assert_eq!((first + second, first > 0 && second > 0), (EVENTS as u64, true));
    assert_eq!(named(&scene.said(OURS, "").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_and_corrections_that_come_while_it_runs_leave_no_name_behind() {
    let scene = Scene::open().await;
    let (hold, path) =
        (format!("{}/legal-hold", own(OURS)), format!("{}/usage-corrections", own(OURS)));
    let erasure = scene.begin(Value::Null).await;
    let app = std::sync::Arc::clone(&scene.world.app);
    let erasing = tokio::spawn(async move { app.erase_due().await });
    for number in 0..20 {
        let body = json!({ "source": "urn:m", "id": number.to_string(), "void": true });
        let answer = scene.ask(Method::POST, &path, body).await;
        let outcome = answer.outcome();
        assert!(["200", "503 ErasureRuns"].contains(&&*outcome), "{outcome}: {}", answer.message());
        if number == 10 {
            let reason = json!({ "reason": "case 12/26" });
            assert_eq!(scene.ask(Method::PUT, &hold, reason).await.outcome(), "200");
            // From the answer on nothing is erased: what is left stays.
            let shown = scene.shown(&erasure).await["state"].clone();
            assert!(shown == "held" || shown == "done", "{shown}");
            let left = named(&scene.said(OURS, "").await);
            tokio::task::yield_now().await;
            assert_eq!(named(&scene.said(OURS, "").await), left);
            assert_eq!(scene.ask(Method::DELETE, &hold, Value::Null).await.outcome(), "204");
        }
    }
    erasing.await.unwrap();
    scene.world.app.erase_due().await;
    assert_eq!(scene.shown(&erasure).await["state"], "done");
    // A reversal was stored before and erased with the others, or is of what is left of a record.
    assert_eq!(named(&scene.said(OURS, "").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_a_restart_cut_off_goes_on() {
    let scene = Scene::open().await;
    let before = scene.sums(OURS, "").await;
    let erasure = scene.begin(Value::Null).await;
    let world = scene.world.reopened().await;
    let scene = Scene { admin: world.app.administrator_token().unwrap(), world };
    assert_eq!(scene.shown(&erasure).await["state"], "begun");
    scene.world.app.erase_due().await;
    let done = scene.shown(&erasure).await;
    assert_eq!((&done["state"], &done["rows"]), (&json!("done"), &json!(EVENTS)));
    assert_eq!(scene.sums(OURS, "").await, before);
    assert_eq!(named(&scene.said(OURS, "").await), [""; 0]);
    // A restart finds nothing more to do, and the names are in no file of the folder.
    let world = scene.world.reopened().await;
    let scene = Scene { admin: world.app.administrator_token().unwrap(), world };
    scene.world.app.erase_due().await;
    assert_eq!(scene.shown(&erasure).await, done);
}
