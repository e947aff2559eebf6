//! Runs one file of requests and compares the answers.
//!
//! A line `@setting KEY = VALUE` before the first block is one of the configuration file. A block
//! begins with `### what it shows`, then directives, the request line, headers, an empty
//! line and the body; `---` begins the answer. Directives: `@time T` sets the clock, `@token NAME
//! OID [TENANT]` issues a token, `@body N` sends N bytes of spaces, `@events N` sends N events of
//! their own instances, `@groups N` of their own resource groups, `@name A B` calls what B stands for A as well, `@claims` shows what the
//! answer's token says, `@times N` sends the request N times and shows the last answer, `@headers`
//! shows every header, `@first N` shows the first N rows of `value`, `@sum NAME` follows the links to
//! every page and shows the exact sum of a property, `@erase` first has erased what is due. `$NAME` stands for a token or one of TENANT,
//! ADMINISTRATOR, NEXT (the last answer's nextLink), ROLE (the last role assignment's name), ERASURE (the last erasure's id; of
//! a list ERASURE_0 and so on), and APP,
//! OBJECT, KEY, PASSWORD, BASIC and GIVEN (the last service principal's ids, its secret, both as
//! HTTP's credentials, and the last token that was given).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::decimal::Money;
use domain::time::UtcTime;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use server::config::Settings;
use server::{App, service};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::pretty::pretty;

/// Where a story begins.
const START: &str = "2026-02-10T12:00:00Z";

/// Headers that every answer has; one story shows them.
const ALWAYS: &[&str] = &[
    "cache-control",
    "content-length",
    "content-security-policy",
    "expires",
    "pragma",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-ms-correlation-request-id",
    "x-ms-request-id",
    "x-ms-routing-request-id",
    "x-ms-ratelimit-remaining-subscription-deletes",
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-ratelimit-remaining-tenant-reads",
    "x-ms-ratelimit-remaining-tenant-writes",
];

/// Runs a story on a fresh data folder.
pub(crate) async fn check(path: &Path) {
    check_on(path, tempfile::tempdir().unwrap()).await;
}

/// Runs a story on this data folder.
pub(crate) async fn check_on(path: &Path, folder: TempDir) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut written = String::new();
    let (head, blocks) = text.split_once("###").unwrap_or((&text, ""));
    let settings: Vec<_> = head.lines().filter_map(|line| line.strip_prefix("@setting ")).collect();
    let settings = Settings::from_toml(&settings.join("\n")).unwrap();
    let mut story = Story::begin(folder, settings).await;
    written.push_str(head);
    for block in blocks.split("\n###") {
        let asked = block.split("\n---").next().unwrap().trim_end();
        let answer = story.run(asked).await;
        write!(written, "###{asked}\n\n--- {}\n\n", answer.trim_end()).unwrap();
    }
    let written = format!("{}\n", written.trim_end());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, written).unwrap();
        return;
    }
    let difference = written.lines().zip(text.lines()).position(|(now, then)| now != then);
    if let Some(line) = difference {
        let (now, then) = (written.lines().nth(line), text.lines().nth(line));
        panic!("{}:{}:\n  expected {then:?}\n  answered {now:?}", path.display(), line + 1);
    }
    assert_eq!(written.lines().count(), text.lines().count(), "{}: its length", path.display());
}

struct Story {
    app: Arc<App>,
    router: Router,
    now: Arc<AtomicI64>,
    names: BTreeMap<String, String>,
    show_headers: bool,
    show_claims: bool,
    times: usize,
    first: usize,
    sum: Option<String>,
    body: Option<String>,
    _folder: TempDir,
}

fn moment(text: &str) -> UtcTime {
    wire::time::parse_rfc3339(text).unwrap()
}

impl Story {
    async fn begin(folder: TempDir, settings: Settings) -> Self {
        let now = Arc::new(AtomicI64::new(moment(START).to_micros()));
        let (clock_now, count) = (Arc::clone(&now), AtomicU64::new(0));
        let clock =
            Arc::new(move || UtcTime::from_micros(clock_now.load(Ordering::SeqCst)).unwrap());
        let ids = Arc::new(move || {
            uuid::Uuid::from_u128(u128::from(count.fetch_add(1, Ordering::SeqCst)) + 1)
        });
        let config = settings.into_config(folder.path().to_owned()).unwrap();
        let app = App::open(config, clock, ids).await.unwrap();
        let mut names = BTreeMap::new();
        names.insert("ADMIN".to_owned(), app.administrator_token().unwrap());
        names.insert("TENANT".to_owned(), app.tenant().to_string());
        names.insert("ADMINISTRATOR".to_owned(), app.administrator_id().to_string());
        Self {
            router: service(&app),
            app,
            now,
            names,
            show_headers: false,
            show_claims: false,
            times: 1,
            first: usize::MAX,
            sum: None,
            body: None,
            _folder: folder,
        }
    }

    /// Sends the request of a block; answers the text behind its `---`.
    async fn run(&mut self, block: &str) -> String {
        (self.show_headers, self.first, self.sum, self.body) = (false, usize::MAX, None, None);
        (self.show_claims, self.times) = (false, 1);
        let mut lines = block.lines().skip(1).skip_while(|line| line.is_empty()).peekable();
        while let Some(line) = lines.next_if(|line| line.starts_with('@')) {
            self.direct(line).await;
        }
        let Some(request_line) = lines.next() else { return "nothing asked".to_owned() };
        let (method, path) = request_line.split_once(' ').unwrap();
        let headers: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let written = self.named(&lines.collect::<Vec<_>>().join("\n"));
        let body = self.body.take().unwrap_or(written);
        let request = || {
            let mut request = Request::builder().method(method).uri(self.named(path));
            request = request.header("host", "billing.example");
            for line in &headers {
                let (name, value) = line.split_once(": ").unwrap();
                request = request.header(name, self.named(value));
            }
            request.body(Body::from(body.clone())).unwrap()
        };
        for _ in 1..self.times {
            self.send(request()).await;
        }
        let (parts, body) = self.send(request()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if let Some(property) = &self.sum {
            return self.summed(property, &body, request().headers()).await;
        }
        self.show(parts.status, &parts.headers, &body)
    }

    /// The exact sum of a property over the items of this page and of those after it.
    async fn summed(&self, property: &str, first: &[u8], headers: &HeaderMap) -> String {
        let (mut page, mut pages, mut items) = (first.to_vec(), 1, 0);
        let mut sum = Money::ZERO;
        loop {
            let json: serde_json::Value = serde_json::from_slice(&page).unwrap();
            for item in json["value"].as_array().unwrap() {
                items += 1;
                if let Some(number) = item["properties"][property].as_number() {
                    sum = sum.plus(Money::parse(&number.to_string()).unwrap()).unwrap();
                }
            }
            let Some(link) = next_link(&json) else { break };
            let mut request = Request::get(link.strip_prefix("https://billing.example").unwrap());
            *request.headers_mut().unwrap() = headers.clone();
            let response = self.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(response.status(), 200, "{link}");
            page = response.into_body().collect().await.unwrap().to_bytes().to_vec();
            pages += 1;
        }
        format!("{property} of {items} items on {pages} pages: {sum}")
    }

    async fn send(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn direct(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["@time", time] => self.now.store(moment(time).to_micros(), Ordering::SeqCst),
            ["@erase"] => self.app.erase_due().await,
            ["@headers"] => self.show_headers = true,
            ["@claims"] => self.show_claims = true,
            ["@times", count] => self.times = count.parse().unwrap(),
            ["@name", new, old] => {
                let value = self.names[*old].clone();
                self.names.insert((*new).to_owned(), value);
            }
            ["@first", count] => self.first = count.parse().unwrap(),
            ["@sum", property] => self.sum = Some((*property).to_owned()),
            ["@body", bytes] => self.body = Some(" ".repeat(bytes.parse().unwrap())),
            ["@events", count] => {
                let uri = |number| format!("/vm{number:05}");
                self.body = Some(events(count.parse().unwrap(), uri));
            }
            ["@groups", count] => {
                let uri = |number| format!("/resourceGroups/group{number:05}/vm");
                self.body = Some(events(count.parse().unwrap(), uri));
            }
            ["@token", name, object_id, tenant @ ..] => {
                let tenant = tenant.first().map(|tenant| self.named(tenant));
                let body = serde_json::json!({"objectId": object_id, "tenantId": tenant});
                let request = Request::post("/tallyhouse/v1/tokens")
                    .header("authorization", format!("Bearer {}", self.names["ADMIN"]))
                    .body(Body::from(body.to_string()))
                    .unwrap();
                let response = self.send(request).await;
                let body = response.into_body().collect().await.unwrap().to_bytes();
                let token: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let token = token["access_token"].as_str().unwrap().to_owned();
                self.names.insert((*name).to_owned(), token);
            }
            _ => panic!("no such directive: {line}"),
        }
    }

    /// Puts values in the place of `$NAME`s.
    fn named(&self, text: &str) -> String {
        let fold = |text: String, (name, value): (&String, &String)| {
            text.replace(&format!("${name}"), value)
        };
        // The longer name first, where one begins with the other.
        self.names.iter().rev().fold(text.to_owned(), fold)
    }

    fn show(&mut self, status: http::StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
        let mut text = format!("{}\n", status.as_u16());
        let mut shown: Vec<_> = headers
            .iter()
            .filter(|(name, _)| self.show_headers || !ALWAYS.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        shown.sort();
        text.extend(shown.iter().map(|line| format!("{line}\n")));
        let gzip = headers.get("content-encoding").is_some_and(|value| value == "gzip");
        let mut unpacked = Vec::new();
        if gzip {
            flate2::read::GzDecoder::new(body).read_to_end(&mut unpacked).unwrap();
        }
        let body = if gzip { &unpacked } else { body };
        let body = String::from_utf8_lossy(body);
        self.remember(&body);
        text.push_str(&self.shortened(&body));
        if let Some(token) = self.names.get("GIVEN").filter(|_| self.show_claims) {
            write!(text, "\nsays {}", pretty(&claims(token))).unwrap();
        }
        // What differs from run to run has a name.
        let known = ["GIVEN", "PASSWORD", "KEY", "APP", "OBJECT"];
        for name in ["TENANT", "ADMINISTRATOR", "ROLE", "TOKEN"].into_iter().chain(known) {
            if let Some(value) = self.names.get(name) {
                text = text.replace(value.as_str(), &format!("${name}"));
            }
        }
        for (name, id) in self.names.iter().filter(|(name, _)| name.starts_with("ERASURE")) {
            text = text.replace(id.as_str(), &format!("${name}"));
        }
        match self.names.get("VERSION") {
            Some(version) => text.replace(version.as_str(), "$VERSION"),
            None => text,
        }
    }

    /// Keeps what later requests may name.
    fn remember(&mut self, body: &str) {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(body) else { return };
        let mut keep = |name: &str, value: &serde_json::Value| {
            if let Some(value) = value.as_str() {
                self.names.insert(name.to_owned(), value.to_owned());
            }
        };
        if let Some(link) = next_link(&json) {
            let path = link.strip_prefix("https://billing.example").unwrap().to_owned();
            keep("NEXT", &serde_json::Value::String(path));
        }
        keep("ROLE", if json["roleName"].is_string() { &json["name"] } else { &json["none"] });
        keep("VERSION", &json["basis"]["ledgerVersion"]);
        keep("VERSION", &json["ledgerVersion"]);
        keep("ERASURE", if json["cause"].is_string() { &json["id"] } else { &json["none"] });
        let listed = json["value"].as_array().into_iter().flatten().enumerate();
        for (position, erasure) in listed.filter(|(_, one)| one["cause"].is_string()) {
            keep(&format!("ERASURE_{position}"), &erasure["id"]);
        }
        keep("GIVEN", &json["access_token"]);
        keep("APP", &json["appId"]);
        keep("OBJECT", &json["objectId"]);
        keep("KEY", &json["keyId"]);
        keep("PASSWORD", &json["password"]);
        if let (Some(id), Some(secret)) = (json["appId"].as_str(), json["password"].as_str()) {
            keep("BASIC", &STANDARD.encode(format!("{id}:{secret}")).into());
        }
    }

    /// The first rows of a long answer, and how many there are; continuation tokens by name.
    fn shortened(&self, body: &str) -> String {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(body) else {
            return body.to_owned();
        };
        let text = match json["value"].as_array() {
            Some(rows) if rows.len() > self.first => format!("({} rows)\n{}", rows.len(), {
                let cut: Vec<&serde_json::value::RawValue> = raw_rows(body);
                let cut: Vec<_> = cut.into_iter().take(self.first).map(|row| row.get()).collect();
                pretty(&format!("[{}]", cut.join(",")))
            }),
            _ => pretty(body),
        };
        let tokens = ["continuationToken=", "$skiptoken="];
        let link = next_link(&json).and_then(|link| {
            tokens.into_iter().find_map(|name| Some((name, link.split_once(name)?)))
        });
        match link {
            Some((name, (start, token))) => match text.contains(token) {
                true => text.replace(token, "…"),
                false => format!("{text}\nnextLink: {start}{name}…"),
            },
            None => text,
        }
    }
}

/// The link to the next page, wherever a call has it.
fn next_link(json: &serde_json::Value) -> Option<&str> {
    let places = [&json["nextLink"], &json["properties"]["nextLink"], &json["NextPageLink"]];
    places.into_iter().find_map(|place| place.as_str())
}

/// What a token says, but for its own id.
fn claims(token: &str) -> String {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let mut claims: serde_json::Value = serde_json::from_slice(&part).unwrap();
    claims.as_object_mut().unwrap().remove("uti");
    claims.to_string()
}

/// An event of an instance of its own, as a line.
fn events(count: usize, uri: impl Fn(usize) -> String) -> String {
    (0..count).map(|number| event(number, &uri(number))).collect()
}

fn event(number: usize, uri: &str) -> String {
    let hour = number % 24;
    let data = serde_json::json!({
        "subscriptionId": "11111111-1111-1111-1111-111111111111",
        "meterId": "e60caf26-9ba0-413d-a422-6141f58081d6",
        "usageStartTime": format!("2026-02-09T{hour:02}:00:00Z"),
        "usageEndTime": format!("2026-02-09T{hour:02}:59:00Z"),
        "quantity": format!("0.{number:05}"),
        "resourceUri": uri,
    });
    let event = serde_json::json!({
        "specversion": "1.0",
        "type": "tallyhouse.usage.v1",
        "source": "urn:meters",
        "id": number.to_string(),
        "data": data,
    });
    format!("{event}\n")
}

fn raw_rows(body: &str) -> Vec<&serde_json::value::RawValue> {
    let members: BTreeMap<&str, &serde_json::value::RawValue> = serde_json::from_str(body).unwrap();
    serde_json::from_str(members["value"].get()).unwrap()
}
