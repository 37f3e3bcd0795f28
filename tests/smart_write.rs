//! What an app may write, and how the host decides about it, driven through the exchange.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

use std::sync::atomic::Ordering;

use ereferral::io::clock;
use ereferral::proto::exchange::{Answer, Exchange, Peer, Step};
use ereferral::proto::http::Response;
use ereferral::proto::store::{EventRecord, Whose, event_kind};
use serde_json::{Value, json};
use smart::*;

const SCOPE: &str = "launch patient/*.cruds";

struct App {
    server: Server,
    bearer: String,
}

fn now(server: &Server) -> i64 {
    server.now.load(Ordering::Relaxed)
}

fn leased(server: &Server) -> Option<EventRecord> {
    server.world.store.lease_event(event_kind::WRITE, now(server), now(server) + 60_000).unwrap()
}

fn accept(server: &Server) -> bool {
    let event = leased(server);
    event.inspect(|event| server.world.store.finish_event(&event.id, event.attempt, now(server)).unwrap()).is_some()
}

fn refuse(server: &Server) -> bool {
    let event = leased(server);
    event
        .inspect(|event| server.world.store.refuse_write(&event.id, event.attempt, "No date on it", now(server)).unwrap())
        .is_some()
}

impl App {
    fn new() -> Self {
        Self::with(SCOPE, |_| {})
    }

    fn with(scope: &str, change: impl FnOnce(&mut Value)) -> Self {
        let server = Server::with(|settings| {
            settings["partners"][0]["smart_app"]["scopes"] = json!("launch patient/*.cruds");
            change(settings);
        });
        let mut request = launch_request();
        request["chart"].as_array_mut().unwrap().push(referral("sr1"));
        let (handle, cookie) = server.open(&server.start(&request));
        let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
        let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
        Self { server, bearer }
    }

    fn send(&self, method: &str, path: &str, body: &Value, extra: &[(&str, &str)]) -> Response {
        let mut headers = vec![("authorization", self.bearer.as_str()), ("content-type", "application/fhir+json")];
        headers.extend(extra);
        self.server.send(method, &format!("/clinic/fhir{path}"), &headers, &body.to_string())
    }

    fn get(&self, path: &str) -> Response {
        self.send("GET", path, &Value::Null, &[])
    }

    fn create(&self, resource: &Value) -> Response {
        self.send("POST", &format!("/{}", resource["resourceType"].as_str().unwrap()), resource, &[])
    }

    fn update(&self, resource: &Value, extra: &[(&str, &str)]) -> Response {
        let path = format!("/{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        self.send("PUT", &path, resource, extra)
    }

    fn event(&self) -> Value {
        let event = leased(&self.server).unwrap();
        self.server.world.store.finish_event(&event.id, event.attempt, now(&self.server)).unwrap();
        serde_json::from_str(&event.document).unwrap()
    }

    fn assert_nothing_written(&self) {
        assert!(leased(&self.server).is_none());
    }
}

fn referral(id: &str) -> Value {
    json!({ "resourceType": "ServiceRequest", "id": id, "status": "draft", "intent": "order", "subject": { "reference": "Patient/p1" },
            "identifier": [{ "system": "urn:pos", "value": "P-1" }] })
}

fn letter() -> Value {
    json!({ "resourceType": "DocumentReference", "status": "current", "subject": { "reference": "Patient/p1" },
            "identifier": [{ "system": "urn:rms", "value": "R-1" }],
            "content": [{ "attachment": { "contentType": "application/pdf", "title": "letter.pdf", "data": "AAAA" } }] })
}

fn failed(response: &Response) -> u16 {
    assert_eq!(document(response)["resourceType"], "OperationOutcome");
    response.status().as_u16()
}

fn is_pending(response: &Response) -> bool {
    document(response)["meta"]["tag"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag["code"] == "pending"))
}

fn etag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

/// Where the resource is read, below the base.
fn place(response: &Response) -> String {
    let location = location(response);
    location.strip_prefix(BASE).unwrap().split("/_history").next().unwrap().to_owned()
}

#[test]
fn what_the_host_takes_in_time_is_simply_there() {
    let mut app = App::new();
    app.server.decide = accept;
    let created = app.create(&letter());
    assert_eq!((created.status().as_u16(), is_pending(&created)), (201, false));
    assert!(!is_pending(&app.get(&place(&created))));
}

#[test]
fn what_the_host_refuses_in_time_is_told_in_its_words_and_kept_nowhere() {
    let mut app = App::new();
    app.server.decide = refuse;
    let refused = app.create(&letter());
    assert_eq!(failed(&refused), 422);
    assert!(text(&refused).contains("No date on it"));
    assert_eq!(document(&app.get("/DocumentReference"))["total"], 0);
    let update = app.update(&referral("sr1"), &[]);
    assert_eq!((failed(&update), etag(&app.get("/ServiceRequest/sr1")).as_str()), (422, "W/\"1\""));
    assert_eq!(failed(&app.get("/ServiceRequest/sr1/_history/2")), 410);
}

#[test]
fn without_a_decision_in_time_it_is_pending_and_a_later_refusal_makes_it_gone() {
    let app = App::new();
    let before = now(&app.server);
    let created = app.create(&letter());
    assert_eq!((created.status().as_u16(), is_pending(&created), now(&app.server) - before), (201, true, 3000));
    let place = place(&created);
    assert!(is_pending(&app.get(&place)) && text(&app.get("/DocumentReference")).contains("pending"));
    let second = app.create(&letter());
    assert!(refuse(&app.server));
    let gone = app.get(&place);
    assert_eq!(failed(&gone), 410);
    assert!(text(&gone).contains("No date on it"));
    assert!(accept(&app.server));
    let kept = app.get(&self::place(&second));
    assert_eq!((kept.status().as_u16(), is_pending(&kept)), (200, false));
}

#[test]
fn a_host_that_is_not_waited_for_is_not_waited_for() {
    let mut app = App::with(SCOPE, |settings| settings["limits"] = json!({ "write_wait_ms": 0 }));
    app.server.decide = |_| panic!("waited");
    assert!(is_pending(&app.create(&letter())));
}

#[test]
fn an_update_changes_the_chart_when_the_host_takes_it_and_old_versions_stay() {
    let app = App::new();
    let mut resource = referral("sr1");
    resource["identifier"].as_array_mut().unwrap().push(json!({ "system": "urn:rms", "value": "R-9" }));
    resource["status"] = json!("active");
    let updated = app.update(&resource, &[("if-match", "W/\"1\"")]);
    assert_eq!((updated.status().as_u16(), etag(&updated).as_str(), is_pending(&updated)), (200, "W/\"2\"", true));
    assert_eq!(document(&app.get("/ServiceRequest/sr1"))["status"], "draft");
    let event = app.event();
    assert_eq!((&event["interaction"], &event["version"], &event["previous_version"]), (&json!("update"), &json!(2), &json!(1)));
    assert_eq!((&event["type"], &event["id"], event.get("unconditional")), (&json!("ServiceRequest"), &json!("sr1"), None));
    let read = app.get("/ServiceRequest/sr1");
    assert_eq!((etag(&read).as_str(), &document(&read)["status"]), ("W/\"2\"", &json!("active")));
    assert_eq!(document(&app.get("/ServiceRequest/sr1/_history/1"))["status"], "draft");
    assert_eq!(failed(&app.get("/ServiceRequest/sr1/_history/3")), 404);
    // What was read, mark and all, can be sent back.
    let answer = app.update(&document(&read), &[]);
    assert_eq!(answer.status(), 200);
    assert_eq!(app.event()["unconditional"], true);
}

#[test]
fn of_two_updates_of_one_version_one_fails() {
    let app = App::new();
    let first = app.update(&referral("sr1"), &[("if-match", "W/\"1\"")]);
    let second = app.update(&referral("sr1"), &[("if-match", "W/\"1\"")]);
    assert_eq!((first.status().as_u16(), failed(&second)), (200, 412));
    assert_eq!(app.update(&referral("sr1"), &[("if-match", "W/\"2\"")]).status(), 200);
    assert_eq!(failed(&app.update(&referral("sr1"), &[("if-match", "1")])), 400);
}

#[test]
fn an_update_keeps_what_a_resource_is_found_by_and_makes_none() {
    let app = App::new();
    let mut other = referral("sr1");
    other["identifier"] = json!([{ "system": "urn:rms", "value": "R-9" }]);
    assert_eq!(failed(&app.update(&other, &[])), 422);
    assert_eq!(failed(&app.update(&referral("unknown"), &[])), 404);
    let body = referral("sr2");
    assert_eq!(failed(&app.send("PUT", "/ServiceRequest/sr1", &body, &[])), 400, "another id");
    assert_eq!(failed(&app.send("PUT", "/Task/sr1", &body, &[])), 400, "another type");
    assert_eq!(failed(&app.send("DELETE", "/ServiceRequest/sr1", &Value::Null, &[])), 405);
    app.assert_nothing_written();
}

#[test]
fn another_patients_is_never_written() {
    let app = App::new();
    let mut resource = referral("sr1");
    resource["subject"]["reference"] = json!("Patient/p2");
    assert_eq!(failed(&app.update(&resource, &[])), 403);
    assert_eq!(failed(&app.create(&resource)), 403);
    let mut task =
        json!({ "resourceType": "Task", "status": "requested", "intent": "order", "for": { "reference": "Patient/p1" } });
    task["focus"] = json!({ "reference": "Patient/p2" });
    assert_eq!(failed(&app.create(&task)), 403);
    app.assert_nothing_written();
}

#[test]
fn what_the_user_may_see_of_another_patient_is_not_replaced_by_it() {
    let mut app = App::with("launch patient/ServiceRequest.u user/ServiceRequest.ru", |settings| {
        settings["partners"][0]["smart_app"]["scopes"] = json!("launch patient/*.cruds user/*.cruds");
        settings["chart"] = json!({ "access": "ask", "ask": ["ServiceRequest"] });
    });
    app.server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        let mut others = referral("other");
        others["subject"]["reference"] = json!("Patient/p2");
        Answer::Given(if asked["question"] == "access" { "true".into() } else { others.to_string() })
    };
    assert_eq!(app.get("/ServiceRequest/other").status(), 200);
    assert_eq!(failed(&app.update(&referral("other"), &[])), 404);
    assert_eq!(failed(&app.update(&referral("other"), &[("if-match", "W/\"7\"")])), 404, "nor is its version told");
    app.assert_nothing_written();
}

#[test]
fn each_letter_of_a_scope_is_its_own() {
    let app = App::with("launch patient/ServiceRequest.r patient/DocumentReference.c", |_| {});
    assert_eq!(failed(&app.update(&referral("sr1"), &[])), 403);
    assert_eq!(failed(&app.create(&referral("sr1"))), 403);
    assert_eq!(failed(&app.send("POST", "/DocumentReference", &letter(), &[("if-none-exist", "identifier=R-1")])), 403, "needs s");
    assert_eq!(app.create(&letter()).status(), 201);
}

#[test]
fn a_document_may_refer_to_a_binary_of_the_same_launch_only() {
    let app = App::new();
    let binary = json!({ "resourceType": "Binary", "contentType": "application/pdf", "data": "AAAA" });
    let place = place(&app.create(&binary));
    assert_eq!(failed(&app.get(&place)), 404, "nothing says whose it is");
    let mut resource = letter();
    resource["content"][0]["attachment"] = json!({ "url": place.trim_start_matches('/') });
    assert_eq!(app.create(&resource).status(), 201);
    assert_eq!(app.get(&place).status(), 200);
    resource["content"][0]["attachment"]["url"] = json!("Binary/guessed");
    assert_eq!(failed(&app.create(&resource)), 422);
}

#[test]
fn what_is_too_large_or_too_deep_is_refused() {
    let app = App::with(SCOPE, |settings| settings["limits"] = json!({ "write_attachment_bytes": 6, "launch_write_bytes": 1000 }));
    let with = |data: &str| {
        let mut resource = letter();
        resource["content"][0]["attachment"]["data"] = json!(data);
        app.create(&resource)
    };
    assert_eq!((failed(&with("AAAAAAAAAAAA")), failed(&with("not base64"))), (413, 422));
    let mut resource = letter();
    resource["extension"] = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(failed(&app.create(&resource)), 400);
    let statuses: Vec<u16> = (0..4).map(|_| with("AAAA").status().as_u16()).collect();
    assert_eq!(statuses, [201, 201, 413, 413], "all of a launch");
}

#[test]
fn the_app_says_what_it_wants_to_see() {
    let app = App::new();
    let ask = |preference: &str| app.send("POST", "/DocumentReference", &letter(), &[("prefer", preference)]);
    assert!(ask("return=minimal").body().is_empty());
    assert_eq!(document(&ask("return=OperationOutcome"))["resourceType"], "OperationOutcome");
    assert_eq!(document(&ask("return=representation"))["resourceType"], "DocumentReference");
}

fn batch(entries: Value) -> Value {
    json!({ "resourceType": "Bundle", "type": "batch", "entry": entries })
}

fn get_entry(url: &str) -> Value {
    json!({ "request": { "method": "GET", "url": url } })
}

#[test]
fn each_entry_of_a_batch_stands_by_itself() {
    let app = App::with("launch patient/Patient.rs patient/ServiceRequest.ru patient/DocumentReference.cs", |_| {});
    let write =
        |method: &str, url: &str, resource: Value| json!({ "request": { "method": method, "url": url }, "resource": resource });
    let mut once = write("POST", "DocumentReference", letter());
    once["request"]["ifNoneExist"] = json!("identifier=urn:rms|R-1");
    let mut late = write("PUT", "ServiceRequest/sr1", referral("sr1"));
    late["request"]["ifMatch"] = json!("W/\"7\"");
    let mut injected = get_entry("Patient/p1");
    injected["request"]["ifNoneExist"] = json!("a\r\nx: y");
    let response = app.send(
        "POST",
        "",
        &batch(json!([
            get_entry("Patient/p1"),
            get_entry("Patient?_id=p1"),
            once,
            once,
            late,
            write("PUT", "ServiceRequest/sr1", referral("sr1")),
            // Smuggling: another patient by id, search and $everything; another scope; another place; another token.
            get_entry("Patient/p2"),
            get_entry("Patient?_id=p2"),
            get_entry("Patient/p2/$everything"),
            get_entry("Condition/c1"),
            get_entry("../auth/token"),
            get_entry("/clinic/fhir/Patient/p1"),
            get_entry("https://pos.example/clinic/fhir/Patient/p1"),
            get_entry("Patient/p1?access_token=x"),
            injected,
            write("DELETE", "ServiceRequest/sr1", Value::Null),
            write("POST", "Patient/_search", json!("_id=p1")),
            write("POST", "", batch(json!([]))),
            json!({}),
        ])),
        &[],
    );
    assert_eq!(response.status(), 200);
    let bundle = document(&response);
    let statuses: Vec<&str> =
        bundle["entry"].as_array().unwrap().iter().map(|e| &e["response"]["status"].as_str().unwrap()[..3]).collect();
    assert_eq!(
        statuses,
        [
            "200", "200", "201", "200", "412", "200", "404", "403", "404", "403", "404", "400", "400", "400", "400", "405", "405",
            "404", "400"
        ]
    );
    assert_eq!((&bundle["type"], &bundle["entry"][0]["resource"]["id"]), (&json!("batch-response"), &json!("p1")));
    assert_eq!(bundle["entry"][2]["response"]["location"], bundle["entry"][3]["response"]["location"]);
    assert_eq!(bundle["entry"][6]["response"]["outcome"]["resourceType"], "OperationOutcome");
}

#[test]
fn a_batch_has_limits_and_a_transaction_is_not_offered() {
    let app = App::new();
    let many: Vec<Value> = (0..1000).map(|_| get_entry("Patient/p1")).collect();
    assert_eq!(failed(&app.send("POST", "", &batch(json!(many)), &[])), 413);
    let mut transaction = batch(json!([get_entry("Patient/p1")]));
    transaction["type"] = json!("transaction");
    assert_eq!(failed(&app.send("POST", "", &transaction, &[])), 422);
    assert_eq!(failed(&app.send("GET", "", &Value::Null, &[])), 405);
    assert_eq!(failed(&app.server.send("POST", "/clinic/fhir", &[], "{}")), 401);
    let small = App::with(SCOPE, |settings| settings["limits"] = json!({ "write_bytes": 400 }));
    let some: Vec<Value> = (0..5).map(|_| get_entry("Patient/p1")).collect();
    let bundle = document(&small.send("POST", "/", &batch(json!(some)), &[]));
    assert_eq!(bundle["entry"][4]["response"]["status"], "413 Payload Too Large", "together they are too large: {bundle}");
}

#[test]
fn what_is_revoked_meanwhile_reads_and_writes_no_more() {
    let resource = letter().to_string();
    let many = batch(json!([get_entry("Condition/asked"), get_entry("Patient/p1")])).to_string();
    for (method, path, body) in [
        ("POST", "/DocumentReference", resource.as_str()),
        ("POST", "/Condition/_search", ""),
        ("GET", "/Condition/asked", ""),
        ("GET", "/Condition", ""),
        ("POST", "", many.as_str()),
    ] {
        let app = App::with(SCOPE, |settings| settings["chart"] = json!({ "ask": ["Condition"] }));
        let kind = if path.ends_with("_search") { "application/x-www-form-urlencoded" } else { "application/fhir+json" };
        let request = http::Request::builder().method(method).uri(format!("/clinic/fhir{path}"));
        let request = request.header("authorization", &app.bearer).header("content-type", kind).body(()).unwrap();
        let mut exchange = Exchange::new(app.server.world.clone(), request, Peer::default(), Box::new(clock::random));
        let mut step = exchange.step(now(&app.server));
        if path.is_empty() {
            exchange.body(Ok(body.into()));
            step = exchange.step(now(&app.server));
        }
        assert_eq!(app.server.world.store.revoke_grants(&Whose::Client("rms-app".into()), now(&app.server)).unwrap(), 1);
        match step {
            Step::NeedBody { .. } => exchange.body(Ok(body.into())),
            Step::Ask(_) => exchange.answer(Answer::NotFound),
            _ => panic!("{method} {path}: waits for nothing"),
        }
        let Step::Respond(response) = exchange.step(now(&app.server)) else { panic!("{method} {path}: waits") };
        if path.is_empty() {
            let bundle = document(&response);
            let status = |at: usize| bundle["entry"][at]["response"]["status"].clone();
            assert_eq!((status(0), status(1)), (json!("401 Unauthorized"), json!("401 Unauthorized")));
        } else {
            assert_eq!(failed(&response), 401, "{method} {path}");
        }
        app.assert_nothing_written();
    }
}

#[test]
fn nothing_is_lost_between_commit_and_answer() {
    let app = App::new();
    let request = http::Request::builder()
        .method("POST")
        .uri("/clinic/fhir/DocumentReference")
        .header("authorization", &app.bearer)
        .header("content-type", "application/fhir+json")
        .header("if-none-exist", "identifier=R-1");
    let mut exchange = Exchange::new(app.server.world.clone(), request.body(()).unwrap(), Peer::default(), Box::new(clock::random));
    assert!(matches!(exchange.step(now(&app.server)), Step::NeedBody { .. }));
    exchange.body(Ok(letter().to_string().into_bytes()));
    assert!(matches!(exchange.step(now(&app.server)), Step::Wait { .. }), "committed, not answered");
    drop(exchange);
    let again = app.send("POST", "/DocumentReference", &letter(), &[("if-none-exist", "identifier=R-1")]);
    assert_eq!(again.status(), 200);
    assert_eq!(app.event()["id"], document(&again)["id"]);
    app.assert_nothing_written();
}
