//! Who may call what, every cell of `rights.txt` asked of the router: each built-in role, assigned at
//! each kind of scope, on each call of the OpenAPI document.
//!
//! What changes something is asked with a body that is wrong, or for what is not there: whoever has the
//! right is told so, and nothing changes from one cell to the next.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::identity_server::{IdentityServer, KEYS};
use crate::world::{Answer, START, World};

const TABLE: &str = include_str!("rights.txt");

const TENANT: &str = "aaaaaaaa-1111-1111-1111-111111111111";
const OURS: &str = "11111111-1111-1111-1111-111111111111";
/// Of the same tenant; roles there give no right elsewhere.
const NEXT: &str = "22222222-2222-2222-2222-222222222222";
const METER: &str = "e60caf26-9ba0-413d-a422-6141f58081d6";
/// Assignments that are there, at the subscription and at its resource group.
const ASSIGNMENTS: [(&str, &str); 2] = [
    ("", "bbbbbbbb-0000-0000-0000-000000000001"),
    ("/resourceGroups/web", "bbbbbbbb-0000-0000-0000-000000000002"),
];
const GHOST: &str = "bbbbbbbb-0000-0000-0000-00000000dead";
const READER_ROLE: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const VM: &str = "/providers/Microsoft.Compute/virtualMachines";

/// The places of a cell's marks, in order: name, scope below the subscription, what has usage there.
const PLACES: [(&str, &str, &[&str]); 4] = [
    ("the subscription", "", &["vm1", "vm2", "vm3"]),
    ("its resource group", "/resourceGroups/Web", &["vm1", "vm2"]),
    ("another resource group", "/resourceGroups/data", &["vm3"]),
    ("a resource", "/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/vm1", &["vm1"]),
];

/// A line of the table.
struct Line {
    /// A cell a role, a mark a place.
    cells: Vec<Vec<char>>,
    none: char,
    administrator: char,
    method: Method,
    path: &'static str,
    variant: &'static str,
}

impl Line {
    fn parse(text: &'static str) -> Self {
        let mut words = text.split_whitespace();
        let cells = words.by_ref().take(roles().len()).map(|cell| cell.chars().collect());
        let cells = cells.collect();
        let mut mark = || words.next().unwrap().chars().next().unwrap();
        let (none, administrator) = (mark(), mark());
        let method = words.next().unwrap().parse().unwrap();
        let (path, variant) = (words.next().unwrap(), words.next().unwrap_or_default());
        Self { cells, none, administrator, method, path, variant }
    }

    fn call(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn roles() -> Vec<&'static str> {
    TABLE.lines().filter_map(|line| line.strip_prefix("role ")).collect()
}

fn lines() -> Vec<Line> {
    TABLE.lines().filter_map(|line| line.strip_prefix("  ")).map(Line::parse).collect()
}

/// The calls of the OpenAPI document but for those on the server's health.
fn documented() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&server::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        let with_rights = operations.filter(|(_, operation)| operation["tags"][0] != "Health");
        with_rights.map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    calls.collect()
}

#[test]
fn every_call_and_every_built_in_role_is_in_the_table() {
    let calls: BTreeSet<_> = lines().iter().map(Line::call).collect();
    assert_eq!(calls, documented(), "rights.txt has a line for each call of docs/openapi.json");
    let built_in: BTreeSet<_> = accounts::BUILT_IN.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(roles().into_iter().collect::<BTreeSet<_>>(), built_in);
    for line in lines() {
        let sizes = line.cells.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes, vec![PLACES.len(); roles().len()], "{}", line.call());
    }
}

/// What a call is asked with beside its path.
fn query(line: &Line) -> String {
    let path = line.path;
    let ends = |ends: &str| path.ends_with(ends);
    let version = |version: &str| format!("api-version={version}");
    if ends("usageaggregates") && path.starts_with("/subscriptions/") {
        return format!(
            "{}&reportedStartTime=2026-02-09T00:00:00Z&reportedEndTime=2026-02-11T00:00:00Z",
            version("2015-06-01-preview")
        );
    }
    if ends("/ratecard") {
        let filter = "OfferDurableId%20eq%20'MS-AZR-0003P'%20and%20Currency%20eq%20'USD'%20and%20\
                      Locale%20eq%20'en-US'%20and%20RegionInfo%20eq%20'US'";
        return format!("{}&$filter={filter}", version("2015-06-01-preview"));
    }
    if path.contains("/microsoft.consumption/") {
        return version("2018-01-31");
    }
    if path.contains("/microsoft.billing/") {
        let by_account = path.contains("/billingaccounts");
        return version(if by_account { "2024-04-01" } else { "2018-03-01-preview" });
    }
    if ends("/microsoft.costmanagement/query") {
        return version("2019-11-01");
    }
    if path.contains("/microsoft.authorization/") || ends("/metadata/endpoints") {
        return version(if ends("endpoints") { "2015-01-01" } else { "2015-07-01" });
    }
    match path.strip_prefix("/tallyhouse/v1") {
        None if path == "/api/retail/prices" => String::new(),
        None if path == "/v1.0/serviceprincipals" => format!("$filter=appId%20eq%20'{GHOST}'"),
        None => version("2022-12-01"),
        Some("/exports/focus") if line.variant == "of-all" => String::new(),
        Some("/audit-log") if line.variant == "of-all" => String::new(),
        Some("/exports/focus" | "/audit-log") => format!("subscription={OURS}"),
        Some("/rate-cards") if line.method == Method::POST => {
            "offer=MS-AZR-0003P&currency=USD&locale=en-US&region=US".to_owned()
        }
        Some("/rate-cards/diff") => "from=1&to=1".to_owned(),
        Some(own) if own.ends_with("/compare") => "a=2026-02&b=2026-02".to_owned(),
        Some(_) => String::new(),
    }
}

/// The path with its parameters in place.
fn path(line: &Line) -> String {
    let reads = line.method == Method::GET;
    let named = |there: &str| if reads { there.to_owned() } else { GHOST.to_owned() };
    let (below, assignment) = ASSIGNMENTS[usize::from(line.variant == "of-group")];
    let mut path = line.path.to_owned();
    if !below.is_empty() {
        path = path.replace("/providers/", &format!("{below}/providers/"));
    }
    for (name, value) in [
        ("subscriptionId", OURS.to_owned()),
        ("resourceGroupName", "web".to_owned()),
        ("billingPeriodName", "202602-1".to_owned()),
        ("billingAccountName", "default".to_owned()),
        ("invoiceName", "latest".to_owned()),
        ("namespace", "Microsoft.Commerce".to_owned()),
        ("roleAssignmentName", named(assignment)),
        ("roleDefinitionId", named(READER_ROLE)),
        ("name", if path.ends_with("/tags") { "web".to_owned() } else { GHOST.to_owned() }),
        ("appId", GHOST.to_owned()),
        ("oldMeterId", GHOST.to_owned()),
        ("erasureId", GHOST.to_owned()),
        ("id", "1".to_owned()),
        ("version", "1".to_owned()),
        ("offer", "MS-AZR-0003P".to_owned()),
        ("currency", "USD".to_owned()),
        ("locale", "en-US".to_owned()),
        ("region", "US".to_owned()),
    ] {
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    assert!(!path.contains('{'), "{path} has a parameter without a value");
    match query(line) {
        query if query.is_empty() => path,
        query => format!("{path}?{query}"),
    }
}

/// The body and its type.
fn body(line: &Line) -> (&'static str, String) {
    const JSON: &str = "application/json";
    if line.path.ends_with("/query") {
        let sum = json!({ "c": { "name": "PreTaxCost", "function": "Sum" } });
        let dataset = json!({ "granularity": "None", "aggregation": sum });
        let query = json!({ "type": "Usage", "timeframe": "MonthToDate", "dataset": dataset });
        return (JSON, query.to_string());
    }
    match line.path {
        "/tallyhouse/v1/events" => ("application/cloudevents+json", event("vm1", "web")),
        "/tallyhouse/v1/usage-aggregates" | "/tallyhouse/v1/imports" => {
            let properties = json!({
                "subscriptionId": OURS, "meterId": METER, "quantity": 1, "infoFields": {},
                "usageStartTime": "2026-01-31T00:00:00+00:00",
                "usageEndTime": "2026-02-01T00:00:00+00:00",
            });
            let name = "Daily_BRSDT_20260201_0000";
            let row = json!({ "name": name, "properties": properties });
            (JSON, json!({ "value": [row] }).to_string())
        }
        _ => (JSON, json!({ "nothing": "that a call knows", "effective": "x" }).to_string()),
    }
}

fn event(machine: &str, group: &str) -> String {
    let uri = format!("/subscriptions/{OURS}/resourceGroups/{group}{VM}/{machine}");
    let data = json!({
        "subscriptionId": OURS, "meterId": METER, "quantity": "1", "resourceUri": uri,
        "usageStartTime": "2026-02-09T00:00:00Z", "usageEndTime": "2026-02-09T01:00:00Z",
    });
    json!({ "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:m",
            "id": machine, "data": data })
    .to_string()
}

/// The mark that an answer is; what no mark stands for is told as it is.
fn mark(line: &Line, answer: &Answer, place: &[&str]) -> Result<char, String> {
    let (status, json) = (answer.status.as_u16(), answer.json());
    let told = || Err(format!("{} {}", answer.outcome(), answer.message()));
    let result = if line.path.ends_with("/imports") { &json["result"] } else { &json };
    let of_row = &result["rejected"][0]["code"];
    if status == 403 || of_row == "AuthorizationFailed" {
        return Ok('.');
    }
    let lists = [
        "/subscriptions",
        "/tallyhouse/v1/subscriptions",
        "/tallyhouse/v1/cost",
        "/tallyhouse/v1/exports/focus",
    ];
    if status == 200 && lists.contains(&line.path) && line.method == Method::GET {
        let text = String::from_utf8_lossy(&answer.body);
        return Ok(if text.contains(OURS) { 'x' } else { '-' });
    }
    if status == 200 && line.path.ends_with("/microsoft.commerce/usageaggregates") {
        let rows = json["value"].as_array().unwrap().iter();
        let seen: BTreeSet<_> = rows.map(|row| machine(&row["properties"])).collect();
        let is = |machines: &[&str]| seen.iter().map(String::as_str).eq(machines.iter().copied());
        return match (is(PLACES[0].2), is(place)) {
            (true, _) => Ok('x'),
            (false, true) => Ok('c'),
            (false, false) => Err(format!("shows {seen:?}")),
        };
    }
    if status == 200 && line.path.ends_with("/resourcegroups") {
        let names = json["value"].as_array().unwrap().iter().map(|group| group["name"].as_str());
        return match (names.map(Option::unwrap).collect::<Vec<_>>().as_slice(), place) {
            ([], _) => Ok('-'),
            (["data", "web"], _) => Ok('x'),
            (["web"], ["vm1", "vm2"]) | (["data"], ["vm3"]) => Ok('c'),
            (other, _) => Err(format!("shows {other:?}")),
        };
    }
    let reads = line.method == Method::GET || line.path.ends_with("/query");
    match status {
        200 | 201 | 204 => Ok('x'),
        // Whoever has no right is not told what is wrong with the rest.
        400 if !reads => Ok('x'),
        // There are no invoices yet, and no erasures.
        404 if ["/{invoiceName}", "/{erasureId}"].iter().any(|end| line.path.ends_with(end))
            && json["error"]["code"] == "NotFound" =>
        {
            Ok('x')
        }
        404 if !reads && json["error"]["code"] == "NotFound" => Ok('x'),
        _ => told(),
    }
}

fn machine(properties: &Value) -> String {
    let instance: Value =
        serde_json::from_str(properties["instanceData"].as_str().unwrap()).unwrap();
    let uri = instance["Microsoft.Resources"]["resourceUri"].as_str().unwrap();
    uri.rsplit('/').next().unwrap().to_owned()
}

/// A subscription with a card, usage of two groups, and an assignment to show; and principals with a
/// role each.
struct Scene {
    world: World,
    issuer: IdentityServer,
}

impl Scene {
    async fn open() -> Self {
        let issuer = IdentityServer::start();
        issuer.list(&[KEYS[0].listed("k")]);
        let world = World::open(|folder| {
            let settings = issuer.settings(folder, &format!("tenant = '{TENANT}'"));
            format!(
                "builtin_issuer = true\nprovider_subscription = '{OURS}'\n\
                 retail_offer = 'MS-AZR-0003P'\n{settings}"
            )
        })
        .await;
        world.app.refresh_issuers().await;
        let scene = Self { world, issuer };
        let admin = scene.world.app.administrator_token().unwrap();
        for id in [OURS, NEXT] {
            scene.world.subscribe(&admin, id, TENANT).await;
        }
        let card = json!({
            "OfferTerms": [], "Currency": "USD", "Locale": "en-US", "IsTaxIncluded": false,
            "Meters": [{
                "MeterId": METER, "MeterName": "Compute Hours", "MeterCategory": "Virtual Machines",
                "MeterSubCategory": "", "Unit": "Hours", "MeterTags": [], "MeterRegion": "US East",
                "MeterRates": { "0": 1 }, "EffectiveDate": "2020-01-01T00:00:00Z",
                "IncludedQuantity": 0,
            }],
        });
        let path =
            "/tallyhouse/v1/rate-cards?offer=MS-AZR-0003P&currency=USD&locale=en-US&region=US";
        assert_eq!(scene.world.post(path, &admin, card).await.outcome(), "201");
        for (machine, group) in [("vm1", "web"), ("vm2", "web"), ("vm3", "data")] {
            let request = Request::post("/tallyhouse/v1/events");
            let request = request.header("authorization", format!("Bearer {admin}"));
            let request = request.header("content-type", "application/cloudevents+json");
            let answer = scene.world.send(request.body(event(machine, group).into()).unwrap());
            assert_eq!(answer.await.outcome(), "201");
        }
        for (below, assignment) in ASSIGNMENTS {
            let path = format!(
                "/subscriptions/{OURS}{below}/providers/Microsoft.Authorization/roleAssignments/\
                 {assignment}?api-version=2015-07-01"
            );
            let properties = json!({
                "principalId": GHOST,
                "roleDefinitionId":
                    format!("/providers/Microsoft.Authorization/roleDefinitions/{READER_ROLE}"),
            });
            let request = Request::put(path).header("authorization", format!("Bearer {admin}"));
            let put = json!({ "properties": properties }).to_string();
            let answer = scene.world.send(request.body(Body::from(put)).unwrap()).await;
            assert_eq!(answer.outcome(), "201");
        }
        scene.world.pass(86_400);
        scene
    }

    /// A principal with a role there, and its token.
    async fn principal(&self, number: usize, role: &str, scope: &str) -> String {
        let object = format!("cccccccc-0000-0000-0000-{number:012}");
        let admin = self.world.app.administrator_token().unwrap();
        if !role.is_empty() {
            self.world.assign(&admin, &object, role, scope).await;
        }
        let body = json!({ "objectId": object, "tenantId": TENANT, "expiresIn": 86_400 });
        let token = self.world.post("/tallyhouse/v1/tokens", &admin, body).await;
        token.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The mark of a call for whoever has this token.
    async fn asked(&self, line: &Line, token: &str, place: &[&str]) -> Result<char, String> {
        let request = Request::builder().method(&line.method).uri(path(line));
        let request = request.header("host", "billing.example");
        let request = request.header("authorization", format!("Bearer {token}"));
        let (kind, body) = body(line);
        let body = if line.method == Method::GET { String::new() } else { body };
        let request = request.header("content-type", kind).body(Body::from(body)).unwrap();
        mark(line, &self.world.send(request).await, place)
    }
}

/// Cells that are not as the table has them.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn check(&mut self, who: &str, line: &Line, expected: char, found: Result<char, String>) {
        if found != Ok(expected) {
            let found = found.map_or_else(|told| told, String::from);
            let (call, variant) = (line.call(), line.variant);
            self.0.push(format!("{who}: {call} {variant}: '{expected}' expected, is {found}"));
        }
    }

    fn end(self) {
        assert!(self.0.is_empty(), "{} cells differ:\n{}", self.0.len(), self.0.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_call_what_the_table_says_and_nothing_else() {
    let scene = Scene::open().await;
    let mut tokens = BTreeMap::new();
    for (row, role) in roles().into_iter().enumerate() {
        for (column, (_, below, _)) in PLACES.iter().enumerate() {
            let scope = format!("/subscriptions/{OURS}{below}");
            let token = scene.principal(row * 10 + column, role, &scope).await;
            tokens.insert((row, column), token);
        }
        let scope = format!("/subscriptions/{NEXT}");
        tokens.insert((row, PLACES.len()), scene.principal(row * 10 + 9, role, &scope).await);
    }
    let nobody = scene.principal(9_999, "", "").await;
    let mut wrong = Wrong::default();
    for line in lines() {
        for (row, role) in roles().into_iter().enumerate() {
            for (column, (name, _, machines)) in PLACES.iter().enumerate() {
                let found = scene.asked(&line, &tokens[&(row, column)], machines).await;
                let who = format!("{role} at {name}");
                wrong.check(&who, &line, line.cells[row][column], found);
            }
            // A role at another subscription is none here.
            let found = scene.asked(&line, &tokens[&(row, PLACES.len())], &[]).await;
            wrong.check(&format!("{role} at another subscription"), &line, line.none, found);
        }
        let found = scene.asked(&line, &nobody, &[]).await;
        wrong.check("no role", &line, line.none, found);
        let admin = scene.world.app.administrator_token().unwrap();
        let found = scene.asked(&line, &admin, PLACES[0].2).await;
        wrong.check("the administrator", &line, line.administrator, found);
    }
    wrong.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_a_group_counts_for_its_members() {
    const GROUP: &str = "dddddddd-0000-0000-0000-000000000001";
    let scene = Scene::open().await;
    let admin = scene.world.app.administrator_token().unwrap();
    let (name, below, machines) = PLACES[1];
    let row = roles().iter().position(|role| *role == "Owner").unwrap();
    scene.world.assign(&admin, GROUP, "Owner", &format!("/subscriptions/{OURS}{below}")).await;
    let claims = |groups: Value| {
        json!({
            "iss": scene.issuer.url, "aud": "https://management.azure.com/", "tid": TENANT,
            "iat": START, "nbf": START, "exp": START + 2 * 86_400,
            "oid": "cccccccc-0000-0000-0000-000000000001", "groups": groups,
        })
    };
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "k" });
    let member = KEYS[0].sign(&header, &claims(json!([NEXT, GROUP])));
    let outsider = KEYS[0].sign(&header, &claims(json!([OURS])));
    let mut wrong = Wrong::default();
    for line in lines() {
        let found = scene.asked(&line, &member, machines).await;
        wrong.check(&format!("a group's Owner at {name}"), &line, line.cells[row][1], found);
        let found = scene.asked(&line, &outsider, &[]).await;
        wrong.check("whoever is in no such group", &line, line.none, found);
    }
    wrong.end();
}
