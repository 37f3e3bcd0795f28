//! How a chart is searched, paged and shown as a whole, and where its resources come from, driven through the exchange.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

use std::sync::atomic::{AtomicUsize, Ordering};

use ereferral::proto::exchange::{Answer, Fetched, Signal};
use ereferral::proto::http::Response;
use serde_json::{Value, json};
use smart::*;

struct App {
    server: Server,
    bearer: String,
}

impl App {
    /// An app that went through a launch with this chart beside the patient.
    fn with(chart: Vec<Value>, scope: &str) -> Self {
        Self::on(Server::new(), |request| request["chart"].as_array_mut().unwrap().extend(chart), scope)
    }

    fn on(server: Server, change: impl FnOnce(&mut Value), scope: &str) -> Self {
        let mut request = launch_request();
        change(&mut request);
        let (handle, cookie) = server.open(&server.start(&request));
        let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
        let bearer = format!("Bearer {}", document(&server.redeem(&code, &[]))["access_token"].as_str().unwrap());
        Self { server, bearer }
    }

    fn get(&self, path: &str) -> Response {
        self.get_with(path, &[])
    }

    fn get_with(&self, path: &str, extra: &[(&str, &str)]) -> Response {
        let mut headers = vec![("authorization", self.bearer.as_str())];
        headers.extend(extra);
        let url = if path.starts_with("https:") { path.to_owned() } else { format!("/clinic/fhir/{path}") };
        self.server.get(&url, &headers)
    }

    /// The ids a search finds, each with its mode if it is not a match.
    fn found(&self, path: &str) -> Vec<String> {
        let response = self.get(path);
        assert_eq!(response.status(), 200, "{path}: {}", text(&response));
        ids(&document(&response))
    }
}

fn ids(bundle: &Value) -> Vec<String> {
    let id = |entry: &Value| {
        let id = entry["resource"]["id"].as_str().unwrap().to_owned();
        if entry["search"]["mode"] == "match" { id } else { format!("{id} ({})", entry["search"]["mode"].as_str().unwrap()) }
    };
    bundle["entry"].as_array().map_or_else(Vec::new, |entries| entries.iter().map(id).collect())
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array().unwrap();
    links.iter().find(|link| link["relation"] == relation).map(|link| link["url"].as_str().unwrap().to_owned())
}

fn failed(response: &Response) -> u16 {
    assert_eq!(document(response)["resourceType"], "OperationOutcome");
    response.status().as_u16()
}

const READ: &str = "launch openid fhirUser patient/*.rs";

fn of(kind: &str, id: &str, more: Value) -> Value {
    let mut resource = json!({ "resourceType": kind, "id": id, "subject": { "reference": "Patient/p1" } });
    resource.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    resource
}

fn observation(id: &str, category: &str, date: &str) -> Value {
    of(
        "Observation",
        id,
        json!({ "status": "final", "effectiveDateTime": date, "category": [{ "coding": [{ "system": "urn:c", "code": category }] }],
                "code": { "coding": [{ "system": "http://loinc.org", "code": "8302-2" }] },
                "performer": [{ "reference": "Practitioner/d1" }], "encounter": { "reference": "Encounter/e1" } }),
    )
}

fn observations() -> Vec<Value> {
    let mut chart: Vec<Value> = [("o1", "vital", "2026-01-05"), ("o2", "lab", "2026-03-01"), ("o3", "lab", "2025-12-31")]
        .into_iter()
        .map(|(id, category, date)| observation(id, category, date))
        .collect();
    chart.push(of("Encounter", "e1", json!({ "status": "finished" })));
    chart
}

#[test]
fn a_search_finds_what_fits_all_parameters_and_any_of_their_values() {
    let app = App::with(observations(), READ);
    for (query, expected) in [
        ("", vec!["o1", "o2", "o3"]),
        ("category=lab", vec!["o2", "o3"]),
        ("category=lab,vital", vec!["o1", "o2", "o3"]),
        ("category=urn:c|lab&date=ge2026", vec!["o2"]),
        ("date=ge2026-01-01&date=lt2026-02", vec!["o1"]),
        ("category:not=lab", vec!["o1"]),
        ("code=http://loinc.org|8302-2&patient=p1&status=final&_id=o3,o1", vec!["o1", "o3"]),
        ("identifier:missing=true&performer=d1", vec!["o1", "o2", "o3"]),
        ("subject:Patient=p1&performer=Practitioner/d2", vec![]),
        ("_sort=date", vec!["o3", "o1", "o2"]),
        ("_sort=category,-date", vec!["o2", "o3", "o1"]),
    ] {
        assert_eq!(app.found(&format!("Observation?{query}")), expected, "{query}");
    }
    assert_eq!(app.found("Patient?family=TESTPAT&identifier=9999999999"), ["p1"]);
    assert_eq!(document(&app.get("Patient?name=Somebodyelse"))["total"], 0);
}

#[test]
fn what_cannot_be_searched_by_is_ignored_or_refused_and_widens_nothing() {
    let app = App::with(observations(), READ);
    let strict = [("prefer", "return=minimal, handling=strict")];
    for ignored in ["stage=x", "_revinclude=Task:focus", "_unheard=1", "_include=Observation:nonsense"] {
        let bundle = document(&app.get(&format!("Observation?category=lab&{ignored}")));
        assert_eq!(
            (ids(&bundle).len(), link(&bundle, "self").unwrap()),
            (2, format!("{BASE}/Observation?category=lab")),
            "{ignored}"
        );
        assert_eq!(failed(&app.get_with(&format!("Observation?{ignored}"), &strict)), 400, "{ignored}");
    }
    for refused in [
        "patient.name=x",
        "subject:Patient.birthdate=2000",
        "_has:Observation:patient:code=x",
        "_filter=code eq x",
        "category:in=urn:x",
        "date=yesterday",
        "date:missing=perhaps",
        "_count=many",
        "_page=nonsense",
    ] {
        let status = failed(&app.get(&format!("Observation?{}", refused.replace(' ', "%20"))));
        assert!(status == 400 || (status == 410 && refused.starts_with("_page")), "{refused}: {status}");
    }
    assert_eq!(app.get_with("Observation?category=lab&_count=1&_sort=-date&_include=Observation:encounter", &strict).status(), 200);
}

#[test]
fn a_search_is_sorted_by_few_keys() {
    let app = App::with(observations(), READ);
    let sorted = |keys: usize| app.get(&format!("Observation?_sort={}", vec!["-date"; keys].join(",")));
    assert_eq!(ids(&document(&sorted(5))), ["o2", "o1", "o3"]);
    assert_eq!(failed(&sorted(6)), 400);
    assert_eq!(failed(&app.get(&format!("Observation?{}", ["_sort=date"; 6].join("&")))), 400);
}

#[test]
fn a_search_has_few_parameters_and_values() {
    let app = App::with(observations(), READ);
    let all = app.found("Observation");
    let with = |name: &str, value: &str, count: usize| app.get(&format!("Observation?{name}={}", vec![value; count].join(",")));
    for (name, value) in [("code", "8302-2"), ("date", "ge2025"), ("patient", "p1"), ("patient:Patient", "p1")] {
        assert_eq!(ids(&document(&with(name, value, 200))), all, "{name}");
        assert_eq!(failed(&with(name, value, 201)), 400, "{name}");
    }
    let parameters = |count: usize| app.get(&format!("Observation?{}", vec!["code=8302-2"; count].join("&")));
    assert_eq!(ids(&document(&parameters(30))), all);
    assert_eq!(failed(&parameters(31)), 400);
}

#[test]
fn pages_follow_each_other_and_stay_right_while_the_chart_grows() {
    let mut chart = observations();
    chart.extend((4..=7).map(|n| observation(&format!("o{n}"), "lab", "2026-04-01")));
    let app = App::with(chart, READ);
    let first = document(&app.get("Observation?category=lab&_count=2"));
    assert_eq!((ids(&first), &first["total"], link(&first, "previous")), (vec!["o2".into(), "o3".into()], &json!(6), None));
    let next = link(&first, "next").unwrap();
    assert!(next.starts_with(&format!("{BASE}/Observation?")), "{next}");
    let launch = app.launch_id();
    let put = |resource: Value| {
        let parsed = ereferral::proto::smart::server::launch::parse_chart(resource.to_string().as_bytes(), &Default::default());
        app.server.world.store.put_chart(&launch, &parsed.unwrap(), 0).unwrap();
    };
    put(observation("o3", "vital", "2026-05-01"));
    put(observation("o8", "lab", "2026-05-01"));
    let second = document(&app.get(&next));
    assert_eq!((ids(&second), &second["total"]), (vec!["o4".into(), "o5".into()], &json!(6)));
    let third = document(&app.get(&link(&second, "next").unwrap()));
    assert_eq!((ids(&third), link(&third, "next")), (vec!["o6".to_owned(), "o7".into()], Some(link(&third, "next").unwrap())));
    assert_eq!(ids(&document(&app.get(&link(&third, "next").unwrap()))), ["o8"]);
    assert_eq!(ids(&document(&app.get(&link(&third, "previous").unwrap()))), ["o4", "o5"]);
    // Sorted, a page whose first neighbour changed cannot be told any more.
    let first = document(&app.get("Observation?_sort=date&_count=2"));
    put(observation("o2", "lab", "2027-01-01"));
    assert_eq!(failed(&app.get(&link(&first, "next").unwrap())), 410);
}

impl App {
    fn launch_id(&self) -> String {
        let signals = self.server.signals.lock().unwrap();
        let id = signals.iter().find_map(|signal| match signal {
            Signal::Launch { launch_id, .. } => Some(launch_id.clone()),
            _ => None,
        });
        id.unwrap()
    }
}

#[test]
fn a_link_to_a_page_opens_nothing_to_another_token() {
    let app = App::with(observations(), READ);
    let next = link(&document(&app.get("Observation?_count=1")), "next").unwrap();
    let other = |scope: &str| {
        let mut request = launch_request();
        request["patient"] = json!("p2");
        request["chart"] = json!([{ "resourceType": "Patient", "id": "p2" }]);
        let (handle, cookie) = app.server.open(&app.server.start(&request));
        let code = query(&app.server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
        let token = document(&app.server.redeem(&code, &[]))["access_token"].as_str().unwrap().to_owned();
        app.server.get(&next, &[("authorization", &format!("Bearer {token}"))])
    };
    assert_eq!(failed(&other(READ)), 410, "there is no such page in the other chart");
    assert_eq!(failed(&other("launch patient/Patient.rs")), 403);
    assert_eq!(failed(&app.server.get(&next, &[])), 401);
}

#[test]
fn included_resources_need_a_scope_of_their_own() {
    let app = App::with(observations(), READ);
    assert_eq!(
        app.found("Observation?_id=o1&_include=Observation:encounter&_include=Observation:performer"),
        ["o1", "e1 (include)", "d1 (include)"]
    );
    assert_eq!(app.found("Observation?_include=Observation:performer:Practitioner&_count=1"), ["o1", "d1 (include)"]);
    assert_eq!(app.found("Observation?_id=o1&_include=Observation:performer:Organization"), ["o1"]);
    let narrow = App::with(observations(), "launch patient/Observation.rs patient/Encounter.s");
    assert_eq!(narrow.found("Observation?_id=o1&_include=*"), ["o1"]);
    let mut anothers = App::with(vec![of("Observation", "o1", json!({ "encounter": { "reference": "Encounter/x" } }))], READ);
    anothers.server.host = |question| {
        assert!(question.document.contains("Encounter"));
        Answer::Given(json!({ "resourceType": "Encounter", "id": "x", "subject": { "reference": "Patient/p2" } }).to_string())
    };
    assert_eq!(anothers.found("Observation?_include=Observation:encounter"), ["o1"]);
}

#[test]
fn granular_scopes_are_checked_on_each_resource() {
    let app = App::with(observations(), "launch patient/Patient.r patient/Observation.rs?category=lab");
    assert_eq!(app.found("Observation"), ["o2", "o3"]);
    assert_eq!(app.get("Observation/o2").status(), 200);
    assert_eq!(failed(&app.get("Observation/o1")), 404);
    assert_eq!(app.found("Patient/p1/$everything"), ["p1", "o2", "o3"]);
}

#[test]
fn a_granular_scope_writes_only_what_it_covers() {
    let server = Server::with(|settings| settings["partners"][0]["smart_app"]["scopes"] = json!("launch patient/*.cruds"));
    let mut app = App::on(server, |_| {}, "launch patient/DocumentReference.c?type=urn:t|letter");
    app.server.decide = |_| false;
    let write = |code: &str| {
        let letter = of(
            "DocumentReference",
            "x",
            json!({ "status": "current", "type": { "coding": [{ "system": "urn:t", "code": code }] },
                    "content": [{ "attachment": { "contentType": "application/pdf", "data": "AAAA" } }] }),
        );
        let headers = [("authorization", app.bearer.as_str()), ("content-type", "application/fhir+json")];
        app.server.send("POST", "/clinic/fhir/DocumentReference", &headers, &letter.to_string())
    };
    assert_eq!(write("letter").status(), 201);
    assert_eq!(failed(&write("other")), 403);
}

#[test]
fn a_known_version_is_not_sent_again() {
    let app = App::with(observations(), READ);
    let etag = app.get("Observation/o1").headers()["etag"].to_str().unwrap().to_owned();
    let again = app.get_with("Observation/o1", &[("if-none-match", &format!("W/\"0\", {etag}"))]);
    assert_eq!((again.status().as_u16(), again.body().len(), again.headers()["etag"].to_str().unwrap()), (304, 0, etag.as_str()));
    assert_eq!(app.get_with("Observation/o1", &[("if-none-match", "W/\"0\"")]).status(), 200);
}

#[test]
fn parts_of_resources_are_told_as_parts() {
    let app = App::with(observations(), READ);
    let part = document(&app.get("Observation?_id=o1&_elements=effective"))["entry"][0]["resource"].clone();
    let mut names: Vec<&String> = part.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["code", "effectiveDateTime", "id", "meta", "resourceType", "status"]);
    assert_eq!(part["meta"]["tag"][0]["code"], "SUBSETTED");
    assert_eq!(document(&app.get("Observation?_summary=count")).get("entry"), None);
}

#[test]
fn everything_is_shaped_for_forms() {
    let mut chart = observations();
    chart.push(of(
        "DocumentReference",
        "r1",
        json!({ "content": [{ "attachment": { "contentType": "application/pdf", "title": "Letter", "data": "AAAA" } }] }),
    ));
    chart.push(of("Observation", "local", json!({ "code": { "text": "<local>" } })));
    chart.push(json!({ "resourceType": "Condition", "id": "c2", "subject": { "reference": "Patient/p1" }, "text": { "status": "additional", "div": "<div>kept</div>" } }));
    let app = App::with(chart, READ);
    let bundle = document(&app.get("Patient/p1/$everything?_count=1&start=2020-01-01"));
    assert_eq!(ids(&bundle)[0], "p1");
    let entry = |id: &str| {
        let entries = bundle["entry"].as_array().unwrap();
        entries.iter().map(|entry| &entry["resource"]).find(|resource| resource["id"] == id).unwrap().clone()
    };
    for resource in bundle["entry"].as_array().unwrap() {
        assert!(resource["resource"]["text"]["div"].as_str().unwrap().starts_with("<div"), "{resource}");
    }
    assert!(entry("local")["text"]["div"].as_str().unwrap().contains("&lt;local&gt;"));
    assert_eq!(entry("c2")["text"]["div"], "<div>kept</div>");
    assert_eq!(entry("r1")["content"][0]["attachment"]["title"], "Letter.pdf");
    assert!(ids(&bundle).contains(&"d1".to_owned()), "the user");
    let alerts: Vec<String> = {
        let signals = app.server.signals.lock().unwrap();
        let key = |signal: &Signal| match signal {
            Signal::Alert { key, .. } => Some(key.clone()),
            _ => None,
        };
        signals.iter().filter_map(key).filter(|key| key.starts_with("chart-")).collect()
    };
    assert_eq!(alerts, ["chart-observation-code", "chart-document-title"]);
    assert_eq!(app.found("Patient/p1/$everything?_type=Encounter"), ["p1", "e1"]);
    assert_eq!(app.get("Observation/local").body(), observations_local().as_bytes(), "a read is told as it came");
}

fn observations_local() -> String {
    of("Observation", "local", json!({ "code": { "text": "<local>" } })).to_string()
}

#[test]
fn searches_of_asked_types_are_put_to_the_host_and_its_answer_is_checked() {
    let server = Server::with(|settings| settings["chart"] = json!({ "ask": ["Immunization"] }));
    let mut app = App::on(server, |request| request["ask"] = json!(["Observation"]), READ);
    app.server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        assert_eq!((question.kind, &asked["question"], &asked["patient"]), ("search", &json!("search"), &json!("p1")));
        if asked["type"] == "Immunization" {
            return Answer::Denied("not for this user".into());
        }
        let anothers = json!({ "resourceType": "Observation", "id": "x", "subject": { "reference": "Patient/p2" } });
        let stranger = json!({ "resourceType": "Condition", "id": "y", "subject": { "reference": "Patient/p1" } });
        match asked["criteria"]["category"][0].as_str() {
            Some("lab") => Answer::Given(
                json!([observation("o1", "vital", "2026-01-05"), observation("o2", "lab", "2026-03-01"), anothers, stranger])
                    .to_string(),
            ),
            Some("slow") => Answer::None,
            Some("odd") => Answer::Given("[{\"resourceType\":\"Starship\",\"id\":\"a\"}]".into()),
            _ => Answer::NotFound,
        }
    };
    assert_eq!(app.found("Observation?category=lab"), ["o2"], "of what fits, what is the patient's");
    assert_eq!(document(&app.get("Observation?category=none"))["total"], 0);
    assert_eq!(failed(&app.get("Observation?category=slow")), 503);
    assert_eq!(failed(&app.get("Observation?category=odd")), 502);
    assert_eq!(failed(&app.get("Immunization")), 403);
    assert_eq!(failed(&app.get("Observation?patient=p2&category=lab")), 403, "the host is not asked for another patient");
}

#[test]
fn user_scopes_reach_other_patients_only_where_the_host_allows_each() {
    let server = || {
        Server::with(|settings| {
            settings["partners"][0]["smart_app"]["scopes"] = json!("launch user/*.rs patient/*.rs");
            settings["chart"] = json!({ "access": "ask", "ask": ["Condition"] });
        })
    };
    let host = |question: &ereferral::proto::exchange::Question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        let condition = |patient: &str| json!({ "resourceType": "Condition", "id": format!("c-{patient}"), "subject": { "reference": format!("Patient/{patient}") } });
        match question.kind {
            "access" if asked["about"] == "p2" => Answer::Given("true".into()),
            "access" => Answer::Denied("no".into()),
            "resource" => Answer::Given(condition(asked["id"].as_str().unwrap().strip_prefix("c-").unwrap()).to_string()),
            _ => Answer::Given(json!([condition("p1"), condition("p2"), condition("p3")]).to_string()),
        }
    };
    let mut user = App::on(server(), |_| {}, "launch user/*.rs");
    user.server.host = host;
    assert_eq!(user.get("Condition/c-p2").status(), 200);
    assert_eq!(failed(&user.get("Condition/c-p3")), 404);
    assert_eq!(user.found("Condition?patient=p2"), ["c-p2"]);
    assert_eq!(failed(&user.get("Condition?patient=p3")), 403);
    assert_eq!(user.found("Condition"), ["c1", "c-p1", "c-p2"]);
    let mut patient = App::on(server(), |_| {}, "launch patient/*.rs");
    patient.server.host = host;
    assert_eq!(failed(&patient.get("Condition/c-p2")), 404);
    assert_eq!(failed(&patient.get("Condition?patient=p2")), 403);
    assert_eq!(patient.found("Condition"), ["c1", "c-p1"]);
}

#[test]
fn after_a_question_without_an_answer_none_is_asked() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let referring = (0..9).map(|number| {
        of("Observation", &format!("o{number}"), json!({ "encounter": { "reference": format!("Encounter/e{number}") } }))
    });
    let mut app = App::with(referring.collect(), READ);
    app.server.host = |_| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Answer::None
    };
    assert_eq!(app.found("Observation?_include=Observation:encounter").len(), 9);
    assert_eq!(ASKED.swap(0, Ordering::Relaxed), 1);
    let mut app = behind();
    app.server.behind = |_| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        None
    };
    assert_eq!(failed(&app.get("Patient/p1/$everything")), 503);
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
}

#[test]
fn the_hosts_word_on_one_type_or_action_opens_no_other() {
    let server = Server::with(|settings| {
        settings["partners"][0]["smart_app"]["scopes"] = json!("launch user/*.rs");
        settings["chart"] = json!({ "access": "ask", "ask": ["Condition", "Observation"] });
    });
    let mut user = App::on(server, |_| {}, "launch user/*.rs");
    user.server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        let kind = asked["type"].as_str().unwrap().to_owned();
        let may = (asked["type"] == "Patient" || asked["type"] == "Observation") && asked["action"] == "read"
            || asked["type"] == "Condition" && asked["action"] == "search";
        let about = |id: &str| json!({ "resourceType": kind, "id": id, "subject": { "reference": "Patient/p2" } });
        match question.kind {
            "access" if may => Answer::Given("true".into()),
            "access" => Answer::Denied("no".into()),
            "resource" if kind == "Patient" => Answer::Given(json!({ "resourceType": "Patient", "id": "p2" }).to_string()),
            "resource" => Answer::Given(about(asked["id"].as_str().unwrap()).to_string()),
            _ => Answer::Given(json!([about(&kind.to_lowercase())]).to_string()),
        }
    };
    assert_eq!(user.found("Patient/p2/$everything"), ["p2", "observation", "d1"], "of the types that the host opened for reading");
    assert_eq!(user.found("Condition?patient=p2"), ["condition"]);
    assert_eq!(failed(&user.get("Condition/c2")), 404);
    assert_eq!(failed(&user.get("Observation?patient=p2")), 403);
}

const BEHIND: &str = "https://fhir.clinic.example/r4";

fn behind() -> App {
    let server = Server::with(|settings| settings["chart"] = json!({ "fhir_server": { "url": format!("{BEHIND}/") } }));
    let mut app = App::on(server, |_| {}, READ);
    app.server.behind = |url| {
        assert!(url.as_str().starts_with(BEHIND), "{url}");
        let observation = |id: &str, patient: &str| {
            json!({ "resourceType": "Observation", "id": id, "meta": { "versionId": "v7" }, "subject": { "reference": format!("{BEHIND}/Patient/{patient}") },
                    "category": [{ "coding": [{ "code": "lab" }] }] })
        };
        let given = |status: u16, value: Value| Some(Fetched { status, body: value.to_string().into_bytes() });
        let page = |entries: Value, next: &str| {
            let entries: Vec<Value> = entries.as_array().unwrap().iter().map(|resource| json!({ "resource": resource })).collect();
            given(200, json!({ "resourceType": "Bundle", "entry": entries, "link": [{ "relation": "next", "url": next }] }))
        };
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let has = |name: &str, value: &str| query.iter().any(|(known, own)| known == name && own == value);
        match url.path().strip_prefix("/r4/").unwrap() {
            "Observation/mine" => given(200, observation("mine", "p1")),
            "Observation/anothers" => given(200, observation("anothers", "p2")),
            "Observation/swapped" => given(200, observation("mine", "p1")),
            "Observation/broken" => given(200, json!("x")),
            "Observation/angry" => given(500, json!({ "text": "internal words" })),
            "Observation/away" => None,
            "Observation" if has("page", "2") => page(json!([observation("second", "p1")]), "https://evil.example/r4/Observation"),
            "Observation" => {
                assert!(has("patient", "p1") && has("category", "lab") && !has("stage", "x"), "{url}");
                page(json!([observation("mine", "p1"), observation("anothers", "p2")]), &format!("{BEHIND}/Observation?page=2"))
            }
            _ => given(404, json!({})),
        }
    };
    app
}

#[test]
fn a_server_behind_is_read_through_and_what_it_says_is_checked() {
    let app = behind();
    let mine = app.get("Observation/mine");
    assert_eq!((mine.status().as_u16(), mine.headers()["etag"].to_str().unwrap()), (200, "W/\"v7\""));
    assert_eq!(document(&mine)["subject"]["reference"], format!("{BASE}/Patient/p1"), "its addresses are ours");
    for (id, status) in [("anothers", 404), ("swapped", 404), ("broken", 404), ("unknown", 404), ("angry", 502), ("away", 503)] {
        let response = app.get(&format!("Observation/{id}"));
        assert_eq!(failed(&response), status, "{id}");
        assert!(!text(&response).contains("internal words"));
    }
    let bundle = document(&app.get("Observation?category=lab&stage=x"));
    assert_eq!((ids(&bundle), &bundle["total"]), (vec!["mine".to_owned(), "second".into()], &json!(2)));
    assert!(!bundle.to_string().contains("fhir.clinic.example"));
    assert_eq!(app.get("Patient/p1").status(), 200, "what was pushed comes first");
    assert_eq!(failed(&app.get("Patient/p2")), 404, "not even asked for");
}

// ---- what is not the whole

/// Whether the Bundle says that it is not all there is; without its entry that does.
fn is_cut(bundle: &Value) -> bool {
    let last = bundle["entry"].as_array().and_then(|entries| entries.last()).cloned().unwrap_or_default();
    let cut = last["search"]["mode"] == "outcome";
    assert_eq!(cut, last["resource"]["issue"][0]["code"] == "incomplete");
    assert_eq!(cut, bundle.get("total").is_none(), "nobody knows the total of what was cut");
    cut
}

#[test]
fn an_answer_of_the_host_that_was_cut_says_so() {
    let server = Server::with(|settings| settings["chart"] = json!({ "ask": ["Observation"] }));
    let mut app = App::on(server, |_| {}, READ);
    app.server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        let count = if asked["criteria"]["category"][0] == "lab" { 1_000 } else { 1_001 };
        Answer::Given(json!((0..count).map(|n| observation(&format!("o{n}"), "lab", "2026-01-05")).collect::<Vec<_>>()).to_string())
    };
    assert!(!is_cut(&document(&app.get("Observation?category=lab&_count=3"))));
    let cut = document(&app.get("Observation?_count=3"));
    assert!(is_cut(&cut));
    assert_eq!((cut["entry"].as_array().unwrap().len(), link(&cut, "next").is_some()), (4, true));
    assert!(is_cut(&document(&app.get("Patient/p1/$everything?_type=Observation"))));
}

#[test]
fn an_answer_of_the_server_behind_that_was_cut_says_so() {
    let server = Server::with(|settings| settings["chart"] = json!({ "fhir_server": { "url": BEHIND } }));
    let mut app = App::on(server, |_| {}, READ);
    app.server.behind = |url| {
        let page: u32 = url.query_pairs().find(|(name, _)| name == "page").map_or(1, |(_, page)| page.parse().unwrap());
        // Conditions have ten pages, Observations eleven.
        let last = if url.path().ends_with("Condition") { 10 } else { 11 };
        let kind = if last == 10 { "Condition" } else { "Observation" };
        let mut bundle = json!({ "resourceType": "Bundle", "entry": [{ "resource": of(kind, &format!("x{page}"), json!({})) }] });
        if page < last {
            bundle["link"] = json!([{ "relation": "next", "url": format!("{BEHIND}/{kind}?page={}", page + 1) }]);
        }
        Some(Fetched { status: 200, body: bundle.to_string().into_bytes() })
    };
    let whole = document(&app.get("Condition"));
    assert!(!is_cut(&whole));
    assert_eq!(whole["total"], 11, "ten of them from behind");
    assert!(is_cut(&document(&app.get("Observation"))));
}

#[test]
fn a_search_that_would_ask_about_too_many_patients_says_so() {
    let server = Server::with(|settings| {
        settings["partners"][0]["smart_app"]["scopes"] = json!("launch user/*.rs");
        settings["chart"] = json!({ "access": "ask", "ask": ["Condition"] });
    });
    let mut app = App::on(server, |_| {}, "launch user/*.rs");
    app.server.host = |question| {
        let asked: Value = serde_json::from_str(&question.document).unwrap();
        let patients = if asked["criteria"]["code"][0] == "x" { 51 } else { 50 };
        let condition = |n: u32| {
            json!({ "resourceType": "Condition", "id": format!("q{n}"), "code": { "coding": [{ "code": "x" }] },
                                         "subject": { "reference": format!("Patient/other-{n}") } })
        };
        match question.kind {
            "access" => Answer::Given("true".into()),
            _ => Answer::Given(json!((0..patients).map(condition).collect::<Vec<_>>()).to_string()),
        }
    };
    assert!(!is_cut(&document(&app.get("Condition"))));
    let cut = document(&app.get("Condition?code=x"));
    assert!(is_cut(&cut));
    assert_eq!(cut["entry"].as_array().unwrap().len(), 51, "fifty of them matches");
}
