//! What an app may see and write of a chart, driven through the exchange.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

use std::sync::atomic::Ordering;

use ereferral::proto::exchange::Answer;
use ereferral::proto::http::Response;
use ereferral::proto::store::{EventRecord, event_kind};
use serde_json::{Value, json};
use smart::*;

struct App {
    server: Server,
    bearer: String,
}

impl App {
    fn new() -> Self {
        Self::on(Server::new(), "launch openid fhirUser patient/*.rs patient/DocumentReference.c")
    }

    fn with_scope(scope: &str) -> Self {
        Self::on(Server::new(), scope)
    }

    /// An app that went the whole way through a launch.
    fn on(server: Server, scope: &str) -> Self {
        let (handle, cookie) = server.launched();
        let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
        let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
        Self { server, bearer }
    }

    fn get(&self, path: &str) -> Response {
        self.server.get(&format!("/clinic/fhir/{path}"), &[("authorization", &self.bearer)])
    }

    /// What the host does: takes all WRITE events and finishes them.
    fn written(&self) -> Vec<EventRecord> {
        let (store, now) = (&self.server.world.store, self.server.now.load(Ordering::Relaxed));
        let take = || {
            let event = store.lease_event(event_kind::WRITE, now, now + 60_000).unwrap()?;
            store.finish_event(&event.id, event.attempt, now).unwrap();
            Some(event)
        };
        std::iter::from_fn(take).collect()
    }

    fn write(&self, resource: &Value, extra: &[(&str, &str)]) -> Response {
        let mut headers = vec![("authorization", self.bearer.as_str()), ("content-type", "application/fhir+json")];
        headers.extend(extra);
        self.server.send("POST", "/clinic/fhir/DocumentReference", &headers, &resource.to_string())
    }
}

fn failed(response: &Response) -> u16 {
    assert_eq!(document(response)["resourceType"], "OperationOutcome");
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/fhir+json"));
    response.status().as_u16()
}

fn letter() -> Value {
    json!({ "resourceType": "DocumentReference", "id": "chosen-by-the-app", "status": "current", "subject": { "reference": "Patient/p1" },
            "identifier": [{ "system": "urn:rms", "value": "R-1" }],
            "content": [{ "attachment": { "contentType": "application/pdf", "title": "letter.pdf", "data": "AAAA" } }] })
}

#[test]
fn reads_the_chart_as_it_was_pushed() {
    let app = App::new();
    let patient = app.get("Patient/p1");
    assert_eq!((patient.status().as_u16(), &patient.headers()["etag"]), (200, &http::HeaderValue::from_static("W/\"1\"")));
    assert_eq!(text(&patient), launch_request()["chart"][0].to_string(), "byte for byte");
    assert_eq!(app.get("Patient/p1/_history/1").status(), 200);
    assert_eq!(failed(&app.get("Patient/p1/_history/2")), 404);
}

#[test]
fn another_patient_is_not_there_for_reading_and_forbidden_to_search() {
    let app = App::new();
    for path in ["Patient/p2", "Patient/p2/$everything", "Patient/p2/%24everything"] {
        assert_eq!(failed(&app.get(path)), 404, "{path}");
    }
    for path in [
        "Patient?_id=p2",
        "Patient?_id=p1,p2",
        "Condition?patient=p2",
        "Condition?patient=Patient/p2",
        "Condition?subject=Patient/p2",
    ] {
        assert_eq!(failed(&app.get(path)), 403, "{path}");
    }
    let headers = [("authorization", app.bearer.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(failed(&app.server.send("POST", "/clinic/fhir/Condition/_search", &headers, "patient=p2")), 403);
}

#[test]
fn a_token_opens_only_its_own_launch() {
    let app = App::new();
    let mut request = launch_request();
    request["chart"][1]["id"] = json!("c-of-another-launch");
    app.server.start(&request);
    assert_eq!(failed(&app.get("Condition/c-of-another-launch")), 404);
}

#[test]
fn searches_are_answered_with_a_searchset() {
    let app = App::new();
    for path in [
        "Condition?patient=p1",
        "Condition?patient=Patient/p1&_id=c1",
        "Patient?identifier=urn:hcn|9999999999",
        "Patient?identifier=9999999999",
    ] {
        let bundle = document(&app.get(path));
        assert_eq!((&bundle["type"], &bundle["total"]), (&json!("searchset"), &json!(1)), "{path}");
        assert_eq!(bundle["link"][0]["url"], format!("{BASE}/{path}"));
    }
    let entry = &document(&app.get("Condition"))["entry"][0];
    assert_eq!((&entry["fullUrl"], &entry["search"]["mode"]), (&json!(format!("{BASE}/Condition/c1")), &json!("match")));
    assert_eq!(document(&app.get("Patient?identifier=urn:hcn|1111111111"))["total"], 0);
    assert_eq!(document(&app.get("Condition?_summary=count")).get("entry"), None);
    let headers = [("authorization", app.bearer.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(document(&app.server.send("POST", "/clinic/fhir/Condition/_search", &headers, "patient=p1"))["total"], 1);
}

#[test]
fn a_person_searched_by_what_we_cannot_search_is_an_error() {
    let app = App::new();
    assert_eq!(failed(&app.get("Patient?nickname=Somebodyelse")), 400);
    assert_eq!(app.get("Condition?stage=x").status(), 200);
    let strict = [("authorization", app.bearer.as_str()), ("prefer", "handling=strict")];
    assert_eq!(failed(&app.server.get("/clinic/fhir/Condition?stage=x", &strict)), 400);
}

#[test]
fn everything_holds_the_patient_and_what_the_scopes_let_through() {
    let types = |app: &App| -> Vec<String> {
        let bundle = document(&app.get("Patient/p1/$everything"));
        bundle["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["resource"]["resourceType"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(types(&App::new()), ["Patient", "Condition", "Practitioner"]);
    assert_eq!(types(&App::with_scope("launch patient/Patient.r")), ["Patient"]);
    assert_eq!(failed(&App::with_scope("launch patient/Condition.rs").get("Patient/p1/$everything")), 403);
}

#[test]
fn a_scope_that_is_too_small_is_named() {
    let app = App::with_scope("launch fhirUser patient/Patient.r");
    let refused = app.get("Condition/c1");
    assert_eq!(failed(&refused), 403);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("insufficient_scope") && challenge.contains("patient/Condition.r"), "{challenge}");
    assert_eq!(failed(&app.get("Patient?_id=p1")), 403, "r does not allow s");
    assert_eq!(failed(&app.write(&letter(), &[])), 403, "nor c");
}

#[test]
fn the_user_can_be_read_by_a_token_that_names_them() {
    let app = App::with_scope("launch openid fhirUser patient/Patient.r");
    assert_eq!(app.get("Practitioner/d1").status(), 200);
    assert_eq!(failed(&app.get("Practitioner/d2")), 403);
    assert_eq!(failed(&App::with_scope("launch patient/Patient.r").get("Practitioner/d1")), 403);
}

#[test]
fn directories_are_read_by_id_under_a_patient_scope_and_searched_under_a_user_scope() {
    let app = App::with_scope("launch patient/*.rs");
    assert_eq!(app.get("Practitioner/d1").status(), 200);
    assert_eq!(failed(&app.get("Practitioner?active=true")), 403);
    assert_eq!(document(&App::with_scope("launch user/Practitioner.rs").get("Practitioner?active=true"))["total"], 1);
}

#[test]
fn the_token_comes_in_the_one_header_or_not_at_all() {
    let app = App::new();
    let ask = |headers: &[(&str, &str)], query: &str| app.server.get(&format!("/clinic/fhir/Patient/p1{query}"), headers);
    let none = ask(&[], "");
    assert_eq!(
        (failed(&none), &none.headers()["www-authenticate"]),
        (401, &http::HeaderValue::from_static("Bearer realm=\"fhir\""))
    );
    let unknown = ask(&[("authorization", "Bearer guessed")], "");
    assert_eq!(failed(&unknown), 401);
    assert!(unknown.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    let bearer = app.bearer.as_str();
    assert_eq!(failed(&ask(&[("authorization", bearer), ("authorization", bearer)], "")), 400);
    assert_eq!(failed(&ask(&[("authorization", bearer)], "?access_token=x")), 400);
    assert_eq!(failed(&ask(&[], &format!("?access_token={}", bearer.trim_start_matches("Bearer ")))), 400);
    assert_eq!(failed(&ask(&[("authorization", "Basic YTpi")], "")), 400);
    assert_eq!(failed(&ask(&[("authorization", &format!("{bearer} x"))], "")), 400);
    assert_eq!(ask(&[("authorization", &bearer.replace("Bearer", "bearer"))], "").status(), 200);
    app.server.wait(3600);
    assert_eq!(failed(&app.get("Patient/p1")), 401, "expired");
}

#[test]
fn what_is_not_served_is_said_so() {
    let app = App::new();
    assert_eq!(failed(&app.get("Starship/x")), 404);
    assert_eq!(failed(&app.get("Condition/c1/$everything")), 404);
    assert_eq!(failed(&app.get("Condition/c1%0d%0a")), 404);
    let xml = [("authorization", app.bearer.as_str()), ("accept", "application/fhir+xml")];
    assert_eq!(failed(&app.server.get("/clinic/fhir/Patient/p1", &xml)), 406);
    assert_eq!(failed(&app.get("Patient/p1?_format=xml")), 406);
    assert_eq!(app.get("Patient/p1?_format=application/fhir+json").status(), 200);
    for (method, path) in [
        ("PUT", "Patient/p1"),
        ("DELETE", "Patient/p1"),
        ("POST", "Immunization"),
        ("PUT", "Condition/c1"),
        ("DELETE", "Task/t1"),
        ("PATCH", "Task/t1"),
        ("GET", "DocumentReference/_search"),
    ] {
        let response = app.server.send(method, &format!("/clinic/fhir/{path}"), &[("authorization", &app.bearer)], "{}");
        assert_eq!(failed(&response), 405, "{method} {path}");
        assert!(response.headers().contains_key("allow"));
    }
}

#[test]
fn what_was_not_pushed_is_asked_of_the_host() {
    let mut app = App::new();
    app.server.host = |question| {
        assert_eq!(question.kind, "resource");
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        assert_eq!((&asked["patient"], &asked["user"]), (&json!("p1"), &json!("u-17")));
        let observation = |id: &str, patient: &str| {
            let subject = json!({ "reference": format!("Patient/{patient}") });
            Answer::Given(json!({ "resourceType": "Observation", "id": id, "subject": subject }).to_string())
        };
        match asked["id"].as_str().unwrap() {
            "mine" => observation("mine", "p1"),
            "anothers" => observation("anothers", "p2"),
            "swapped" => observation("mine", "p1"),
            "twice" => Answer::Given(
                r#"{"resourceType":"Observation","id":"twice","subject":{"reference":"Patient/p2","reference":"Patient/p1"}}"#
                    .into(),
            ),
            "denied" => Answer::Denied("not for this user".into()),
            "slow" => Answer::None,
            _ => Answer::NotFound,
        }
    };
    assert_eq!(document(&app.get("Observation/mine"))["id"], "mine");
    for (id, status) in [("anothers", 404), ("swapped", 404), ("twice", 404), ("unknown", 404), ("denied", 403), ("slow", 503)] {
        assert_eq!(failed(&app.get(&format!("Observation/{id}"))), status, "{id}");
    }
    assert_eq!(app.get("Observation/slow").headers()["retry-after"], "5");
}

#[test]
fn the_host_is_never_asked_for_another_patient() {
    let mut app = App::new();
    app.server.host = |_| panic!("asked for another patient");
    assert_eq!(failed(&app.get("Patient/p2")), 404);
}

/// A Binary with this `securityContext`, if any.
fn binary(id: &str, context: Option<&str>) -> Value {
    let mut binary = json!({ "resourceType": "Binary", "id": id, "contentType": "application/pdf", "data": "AAAA" });
    if let Some(reference) = context {
        binary["securityContext"] = json!({ "reference": reference });
    }
    binary
}

#[test]
fn a_binary_is_shown_when_it_is_the_patients_or_a_document_of_the_chart_refers_to_it() {
    let server = Server::new();
    let mut request = launch_request();
    let chart = request["chart"].as_array_mut().unwrap();
    let document = |id: &str, url: &str| {
        let mut document = letter();
        (document["id"], document["content"]) = (json!(id), json!([{ "attachment": { "url": url } }]));
        document
    };
    chart.extend([document("d-1", "Binary/referred"), document("d-2", &format!("{BASE}/Binary/absolute/_history/1"))]);
    chart.extend(["referred", "absolute", "alone"].map(|id| binary(id, None)));
    chart.push(binary("named", Some("Patient/p1")));
    let (handle, cookie) = server.open(&server.start(&request));
    let code = query(&server.authorize(&handle, &cookie, &[("scope", Some("launch patient/*.rs"))]), "code").unwrap();
    let bearer = format!("Bearer {}", smart::document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    let mut app = App { server, bearer };
    app.server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        let id = asked["id"].as_str().unwrap();
        let context = [("pulled-named", "Patient/p1"), ("pulled-anothers", "Patient/p2")].into_iter().find(|(name, _)| *name == id);
        Answer::Given(binary(id, context.map(|(_, context)| context)).to_string())
    };
    for id in ["referred", "absolute", "named", "pulled-named"] {
        assert_eq!(app.get(&format!("Binary/{id}")).status(), 200, "{id}");
    }
    for id in ["alone", "pulled-alone", "pulled-anothers"] {
        assert_eq!(failed(&app.get(&format!("Binary/{id}"))), 404, "{id}");
    }
    let everything = text(&app.get("Patient/p1/$everything"));
    assert!(everything.contains("Binary/referred") && everything.contains("Binary/named") && !everything.contains("Binary/alone"));
    assert_eq!(smart::document(&app.get("Binary"))["total"], 3);
}

#[test]
fn a_launch_without_a_patient_shows_no_binary() {
    let server = Server::with(|settings| settings["partners"][0]["smart_app"]["scopes"] = json!("launch user/*.rs"));
    let mut request = launch_request();
    request.as_object_mut().unwrap().retain(|name, _| name != "patient" && name != "encounter" && name != "chart");
    let (handle, cookie) = server.open(&server.start(&request));
    let code = query(&server.authorize(&handle, &cookie, &[("scope", Some("launch user/*.rs"))]), "code").unwrap();
    let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
    let mut app = App { server, bearer };
    app.server.host = |_| panic!("asked for a Binary");
    assert_eq!(failed(&app.get("Binary/b1")), 404);
    assert_eq!(failed(&app.get("Binary?_id=b1")), 403);
}

#[test]
fn an_app_cannot_vouch_for_a_binary_by_a_letter_of_its_own() {
    let mut app = App::new();
    app.server.host = |_| Answer::Given(binary("b1", None).to_string());
    for url in
        ["Binary/b1", "https://pos.example/clinic/fhir/Binary/b1", "./Binary/b1", "HTTPS://POS.example/clinic/fhir/Binary/b1"]
    {
        let mut resource = letter();
        resource["content"] = json!([{ "attachment": { "data": "AAAA", "url": url } }]);
        let response = app.write(&resource, &[]);
        assert!(response.status() != 201 || app.get("Binary/b1").status() == 404, "{url}");
    }
    let mut resource = letter();
    resource["content"] = json!([{ "attachment": { "url": "https://rms.example/Binary/b1" } }]);
    assert_eq!(app.write(&resource, &[]).status(), 201);
}

#[test]
fn a_letter_is_written_to_the_chart_and_told_to_the_host() {
    let app = App::new();
    let response = app.write(&letter(), &[]);
    assert_eq!(response.status(), 201);
    let id = document(&response)["id"].as_str().unwrap().to_owned();
    assert_ne!(id, "chosen-by-the-app");
    assert_eq!(location(&response), format!("{BASE}/DocumentReference/{id}/_history/1"));
    assert_eq!(response.headers()["etag"], "W/\"1\"");
    assert_eq!(document(&app.get(&format!("DocumentReference/{id}")))["meta"]["versionId"], "1");
    let written = app.written();
    assert_eq!((written.len(), &written[0].partner, &written[0].subject), (1, &"rms".to_owned(), &id));
    let event: Value = serde_json::from_str(&written[0].document).unwrap();
    assert_eq!((&event["partner"], &event["patient"], &event["type"]), (&json!("rms"), &json!("p1"), &json!("DocumentReference")));
    assert_eq!((&event["title"], &event["content_type"]), (&json!("letter.pdf"), &json!("application/pdf")));
    assert_eq!(event["resource"]["id"], event["id"]);
    let minimal = app.write(&letter(), &[("prefer", "return=minimal")]);
    assert_eq!((minimal.status().as_u16(), minimal.body().len()), (201, 0));
}

#[test]
fn a_letter_that_is_wrong_is_refused_and_nothing_kept() {
    let app = App::new();
    let with = |pointer: &str, value: Value| {
        let mut resource = letter();
        *resource.pointer_mut(pointer).unwrap() = value;
        failed(&app.write(&resource, &[]))
    };
    assert_eq!(with("/subject/reference", json!("Patient/p2")), 403);
    assert_eq!(with("/subject", json!({})), 422);
    assert_eq!(with("/status", json!("superseded")), 422);
    assert_eq!(with("/content", json!([])), 422);
    assert_eq!(with("/resourceType", json!("Observation")), 400);
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(with("/content/0/attachment/title", deep), 400);
    let post = |content_type: &str, body: &str| {
        let headers = [("authorization", app.bearer.as_str()), ("content-type", content_type)];
        failed(&app.server.send("POST", "/clinic/fhir/DocumentReference", &headers, body))
    };
    let twice = letter().to_string();
    let letter_with = |member: &str| format!("{{{member},{}", twice.strip_prefix('{').unwrap());
    assert_eq!(post("application/json", &letter_with(r#""status":"entered-in-error""#)), 400, "a member twice");
    assert_eq!(post("application/json", &letter_with(r#""x":[{"a":1,"a":2}]"#)), 400, "a member twice below");
    assert_eq!(post("application/json", &letter_with(&format!(r#""x":[{}0]"#, "0,".repeat(300_000)))), 400, "too many values");
    assert_eq!(post("application/json", "{"), 400);
    assert_eq!(post("application/json", "[]"), 400);
    assert_eq!(post("text/plain", "{}"), 415);
    assert!(app.written().is_empty());
}

#[test]
fn a_letter_larger_than_the_limit_is_refused() {
    let server = Server::with(|settings| settings["limits"] = json!({ "write_bytes": 200 }));
    let app = App::on(server, "launch patient/DocumentReference.c");
    assert_eq!(failed(&app.write(&letter(), &[])), 413);
}

#[test]
fn a_write_repeated_with_if_none_exist_happens_once() {
    let app = App::new();
    let once = [("if-none-exist", "identifier=urn:rms|R-1")];
    let first = app.write(&letter(), &once);
    let second = app.write(&letter(), &once);
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 200));
    assert_eq!(location(&first), location(&second));
    assert_eq!(app.written().len(), 1);
}

#[test]
fn an_ended_launch_is_closed_at_once() {
    let app = App::new();
    let launch = app.server.signals.lock().unwrap().first().map(|signal| match signal {
        ereferral::proto::exchange::Signal::Launch { launch_id, .. } => launch_id.clone(),
        other => panic!("{other:?}"),
    });
    app.server.world.store.end_launch(&launch.unwrap(), "test", 0).unwrap();
    assert_eq!(failed(&app.get("Patient/p1")), 401);
}

#[test]
fn pages_of_the_app_may_read_and_others_may_not() {
    let app = App::new();
    let ask = |method: &str, origin: &str| {
        let headers = [("authorization", app.bearer.as_str()), ("origin", origin)];
        let response = app.server.send(method, "/clinic/fhir/Patient/p9", &headers, "");
        (response.status().as_u16(), response.headers().contains_key("access-control-allow-origin"))
    };
    assert_eq!(ask("OPTIONS", "https://rms.example"), (204, true));
    assert_eq!(ask("GET", "https://rms.example"), (404, true));
    assert_eq!(ask("OPTIONS", "https://evil.example"), (204, false));
    assert_eq!(ask("GET", "https://evil.example"), (404, false));
}
