//! The audit log: every call of the OpenAPI document that changes something, asked one after the other
//! as `audited.txt` says, and the entry that each leaves.
//!
//! A block of the file is a call, its query and body where it has some, and behind `=>` its entry:
//! operation, object, the subscription that it is of, and facts with what they were and are. `$NAME`
//! stands for an id. `UPDATE_EXPECT=1` writes the entries anew; `nothing`, with its reason, stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::body::Body;
use http::Request;
use serde_json::Value;

use crate::world::World;

/// The calls that may change something.
fn changing() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&server::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        let methods = methods.filter(|method| !["get", "head"].contains(&method.as_str()));
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    calls.collect()
}

/// A change to be asked for.
struct Step<'a> {
    head: &'a str,
    body: Option<&'a str>,
    logged: &'a str,
}

impl<'a> Step<'a> {
    fn parse(block: &'a str) -> Self {
        let (asked, logged) = block.split_once("\n=> ").unwrap();
        let (head, body) = asked.split_once('\n').map_or((asked, None), |(a, b)| (a, Some(b)));
        Self { head, body, logged: logged.trim_end() }
    }

    /// The call as the OpenAPI document has it.
    fn call(&self) -> String {
        self.head.split(" ?").next().unwrap().to_owned()
    }
}

/// Whoever asks, and the ids that have names.
struct Scene {
    world: World,
    token: String,
    names: BTreeMap<&'static str, String>,
}

impl Scene {
    async fn open() -> Self {
        let world = World::open(|_| String::new()).await;
        let mut names = BTreeMap::new();
        let id = |end: &str| format!("aaaaaaaa-0000-0000-0000-0000000000{end}");
        names.insert("TENANT", world.app.tenant().to_string());
        names.insert("ADMINISTRATOR", world.app.administrator_id().to_string());
        for (name, end) in [
            ("SUBSCRIPTION", "01"),
            ("ALICE", "02"),
            ("ASSIGNMENT", "03"),
            ("ROLE", "04"),
            ("METER", "05"),
            ("OTHER_METER", "06"),
        ] {
            names.insert(name, id(end));
        }
        names.insert("READER", "acdd72a7-3385-48ef-bd42-f606fba81ae7".to_owned());
        let token = world.app.administrator_token().unwrap();
        Self { world, token, names }
    }

    fn named(&self, text: &str) -> String {
        let names = self.names.iter().rev();
        names.fold(text.to_owned(), |text, (name, id)| text.replace(&format!("${name}"), id))
    }

    /// The path of a step: parameters have the ids that their names say.
    fn path(&self, step: &Step<'_>) -> String {
        let template = step.call().split_once(' ').unwrap().1.to_owned();
        let query = step.head.split_once(" ?").map(|(_, query)| format!("?{query}"));
        let filled = [
            ("subscriptionId", "$SUBSCRIPTION"),
            ("resourceGroupName", "web"),
            ("namespace", "Microsoft.Commerce"),
            ("roleAssignmentName", "$ASSIGNMENT"),
            ("roleDefinitionId", "$ROLE"),
            ("oldMeterId", "$METER"),
            ("appId", "$APPLICATION"),
            ("id", "$OVERRIDE"),
            ("name", if template.ends_with("/tags") { "web" } else { "$ASSIGNED" }),
        ];
        let path = filled
            .iter()
            .fold(template, |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        self.named(&format!("{path}{}", query.unwrap_or_default()))
    }

    /// Sends a step, and keeps what later ones name.
    async fn send(&mut self, step: &Step<'_>) -> Value {
        let method = step.head.split(' ').next().unwrap();
        let single = step.head.ends_with("/v1/events");
        let kind = if single { "application/cloudevents+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(self.path(step));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.header("content-type", kind);
        let body = self.named(step.body.unwrap_or_default());
        let answer = self.world.send(request.body(Body::from(body)).unwrap()).await;
        assert!(answer.status.is_success(), "{}: {}", step.head, answer.message());
        let json = answer.json();
        for (name, member) in
            [("APPLICATION", "appId"), ("OBJECT", "objectId"), ("KEY", "keyId"), ("OVERRIDE", "id")]
        {
            let value = &json[member];
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if value.is_null() || name == "OVERRIDE" && !value.is_number() {
                continue;
            }
            let earlier = self.names.insert(name, text).filter(|_| name == "KEY");
            self.names.extend(earlier.map(|key| ("EARLIER_KEY", key)));
        }
        if step.head.ends_with("/erasures") {
            self.names.insert("ERASURE", json["id"].as_str().unwrap().to_owned());
        }
        if step.head.ends_with("/v1/role-assignments") {
            self.names.insert("ASSIGNED", json["name"].as_str().unwrap().to_owned());
        }
        // The earlier token of the administrator is worthless from its rotation on.
        self.token = self.world.app.administrator_token().unwrap();
        json
    }

    /// The newest entry of the log.
    async fn newest(&self) -> Value {
        let page = self.world.get("/tallyhouse/v1/audit-log?$top=1", &self.token).await;
        assert_eq!(page.outcome(), "200");
        page.json()["value"][0].clone()
    }

    /// An entry as text, ids by their names.
    fn shown(&self, entry: &Value) -> String {
        let text = |value: &Value| value.as_str().map_or("none".to_owned(), str::to_owned);
        let facts = entry["changes"].as_array().unwrap().iter().map(|fact| {
            let name = fact["name"].as_str().unwrap();
            format!("\n   {name}: {} -> {}", text(&fact["before"]), text(&fact["after"]))
        });
        let of = entry["subscriptionId"].as_str().map(|id| format!(" of {id}"));
        let (operation, object) = (text(&entry["operation"]), text(&entry["object"]));
        let facts = facts.collect::<String>();
        let shown = format!("{operation} {object}{}{facts}", of.unwrap_or_default());
        let ids = self.names.iter().filter(|(_, id)| id.len() == 36);
        ids.fold(shown, |text, (name, id)| text.replace(id.as_str(), &format!("${name}")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_that_changes_something_leaves_its_entry() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/audited.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, blocks) = text.split_once("\n\n").unwrap();
    let steps: Vec<_> = blocks.trim_end().split("\n\n").map(Step::parse).collect();
    let asked: BTreeSet<_> = steps.iter().map(Step::call).collect();
    assert_eq!(asked, changing(), "audited.txt has a block for each call that is no GET or HEAD");

    let mut scene = Scene::open().await;
    let (mut written, mut secrets) = (head.to_owned(), Vec::new());
    for step in &steps {
        let before = scene.newest().await;
        let answer = scene.send(step).await;
        for member in ["password", "access_token"] {
            secrets.extend(answer[member].as_str().map(str::to_owned));
        }
        let entry = scene.newest().await;
        let logged = if entry == before {
            assert!(step.logged.starts_with("nothing: "), "{} left no entry", step.head);
            step.logged.to_owned()
        } else {
            assert_eq!(entry["by"], scene.names["ADMINISTRATOR"], "{}", step.head);
            scene.shown(&entry)
        };
        let body = step.body.map(|body| format!("\n{body}")).unwrap_or_default();
        written.push_str(&format!("\n\n{}{body}\n=> {logged}", step.head));
    }
    written.push('\n');

    // What is secret is in no entry, nor is a hash of it.
    let log = scene.world.get("/tallyhouse/v1/audit-log", &scene.token).await;
    let log = String::from_utf8(log.body).unwrap();
    assert_eq!(secrets.len(), 4);
    assert!(secrets.iter().all(|secret| !log.contains(secret)) && !log.contains("argon2"), "{log}");

    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, written).unwrap();
        return;
    }
    let difference = written.lines().zip(text.lines()).find(|(now, then)| now != then);
    assert_eq!(difference, None, "logged, and expected");
    assert_eq!(written.len(), text.len());
}
