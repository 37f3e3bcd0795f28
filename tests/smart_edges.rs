//! Where the FHIR API meets what is not its own: servers behind, grants that outlive their launch, tokens in odd places. Through the exchange.

#[path = "support/smart.rs"]
mod smart;
#[path = "support/store.rs"]
mod store;

use ereferral::proto::exchange::Fetched;
use ereferral::proto::http::Response;
use serde_json::{Value, json};
use smart::*;

const SCOPES: &str =
    "launch openid fhirUser offline_access patient/*.rs patient/DocumentReference.cu user/Practitioner.rs user/Observation.rs";

fn server(change: impl FnOnce(&mut Value)) -> Server {
    Server::with(|settings| {
        settings["partners"][0]["smart_app"]["scopes"] = json!(SCOPES);
        change(settings);
    })
}

fn tokens(server: &Server, scope: &str) -> Value {
    let (handle, cookie) = server.launched();
    let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
    document(&server.redeem(&code, &[]))
}

fn bearer(tokens: &Value) -> String {
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}

fn send(server: &Server, bearer: &str, method: &str, path: &str, extra: &[(&str, &str)], body: &Value) -> Response {
    let mut headers = vec![("authorization", bearer), ("content-type", "application/fhir+json")];
    headers.extend(extra);
    server.send(method, &format!("/clinic/fhir{path}"), &headers, &body.to_string())
}

fn posted_search(server: &Server, bearer: &str, form: &str) -> Response {
    let headers = [("authorization", bearer), ("content-type", "application/x-www-form-urlencoded")];
    server.send("POST", "/clinic/fhir/Condition/_search", &headers, form)
}

fn letter() -> Value {
    json!({ "resourceType": "DocumentReference", "status": "current", "subject": { "reference": "Patient/p1" },
            "identifier": [{ "system": "urn:rms", "value": "R-1" }],
            "content": [{ "attachment": { "contentType": "application/pdf", "title": "letter.pdf", "data": "AAAA" } }] })
}

/// A server behind that has the letter already, and numbers versions in its own way.
fn behind() -> Server {
    let mut server = server(|settings| settings["chart"] = json!({ "fhir_server": { "url": "https://fhir.clinic.example/r4/" } }));
    server.behind = |url| {
        let mut document = letter();
        (document["id"], document["meta"]) = (json!("d9"), json!({ "versionId": "a1b2" }));
        let (status, found) = match url.path() {
            "/r4/DocumentReference/d9" => (200, document),
            "/r4/DocumentReference" => (200, json!({ "resourceType": "Bundle", "entry": [{ "resource": document }] })),
            _ => (404, json!({})),
        };
        Some(Fetched { status, body: found.to_string().into_bytes() })
    };
    server
}

#[test]
fn what_the_server_behind_has_is_not_filed_a_second_time() {
    let server = behind();
    let bearer = bearer(&tokens(&server, "launch patient/DocumentReference.crus"));
    let create = |identifier: &str| {
        send(&server, &bearer, "POST", "/DocumentReference", &[("if-none-exist", &format!("identifier={identifier}"))], &letter())
    };
    let found = create("urn:rms|R-1");
    assert_eq!(found.status(), 200);
    assert_eq!((&document(&found)["id"], found.headers()["etag"].to_str().unwrap()), (&json!("d9"), "W/\"a1b2\""));
    let made = create("urn:rms|R-2");
    assert_eq!(made.status(), 201, "the answer was looked at, whatever the server behind says to it");
}

#[test]
fn a_version_is_told_back_as_the_server_behind_wrote_it() {
    let server = behind();
    let bearer = bearer(&tokens(&server, "launch patient/DocumentReference.crus"));
    let read = server.get("/clinic/fhir/DocumentReference/d9", &[("authorization", &bearer)]);
    let etag = read.headers()["etag"].to_str().unwrap();
    let mut changed = letter();
    changed["id"] = json!("d9");
    let update = |tag: &str| send(&server, &bearer, "PUT", "/DocumentReference/d9", &[("if-match", tag)], &changed);
    assert_eq!(update("W/\"1\"").status(), 412);
    assert_eq!(update(etag).status(), 200);
    assert_eq!(update(etag).status(), 412, "there is a newer one now");
}

/// smart.md 10: the token is good, so 401 would have the app refresh it for ever.
#[test]
fn what_an_offline_grant_writes_after_the_launch_is_refused_with_403() {
    let server = server(|_| {});
    let first = tokens(&server, "launch offline_access patient/Patient.r patient/DocumentReference.cs");
    server.wait(13 * 3600);
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap()), ("client_id", "rms-app")];
    let bearer = bearer(&document(&server.post_token(&encode(&refresh), &[])));
    for extra in [&[][..], &[("if-none-exist", "identifier=R-1")]] {
        let response = send(&server, &bearer, "POST", "/DocumentReference", extra, &letter());
        assert_eq!(response.status(), 403);
        assert!(!response.headers().contains_key("www-authenticate"), "no other scope would help");
        assert!(text(&response).contains("the launch has ended"));
    }
}

/// smart.md 16.1
#[test]
fn a_403_for_scopes_names_the_one_that_is_missing() {
    let server = server(|_| {});
    let bearer =
        bearer(&tokens(&server, "launch patient/Patient.r patient/Practitioner.rs patient/DocumentReference.c?status=superseded"));
    let missing = |response: &Response| {
        assert_eq!(response.status(), 403);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.contains("error=\"insufficient_scope\""));
        challenge.split("scope=\"").nth(1).unwrap().trim_end_matches('"').to_owned()
    };
    let get = |path: &str| server.get(path, &[("authorization", &bearer)]);
    assert_eq!(missing(&get("/clinic/fhir/Practitioner?name=x")), "user/Practitioner.s");
    assert_eq!(missing(&get("/clinic/fhir/Condition/c1")), "patient/Condition.r");
    let written = send(&server, &bearer, "POST", "/DocumentReference", &[], &letter());
    assert_eq!(missing(&written), "patient/DocumentReference.c");
}

#[test]
fn a_token_in_the_form_of_a_search_is_refused() {
    let server = server(|_| {});
    let bearer = bearer(&tokens(&server, "launch patient/*.rs"));
    let refused = posted_search(&server, &bearer, "patient=p1&access_token=x");
    assert_eq!(refused.status(), 400);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("invalid_request"));
}

#[test]
fn a_posted_search_tells_what_it_searched_by() {
    let server = server(|_| {});
    let bearer = bearer(&tokens(&server, "launch patient/*.rs"));
    let found = document(&posted_search(&server, &bearer, "patient=p1&_count=1&unheard-of=x"));
    assert_eq!(found["link"][0], json!({ "relation": "self", "url": format!("{BASE}/Condition?patient=p1&_count=1") }));
}

/// smart.md 5.4: in a launch of the host it is the host that says whom it is about.
#[test]
fn nobody_is_asked_for_a_patient_in_a_launch_of_the_host() {
    let mut server = server(|_| {});
    server.host = |question| panic!("asked {}", question.document);
    let mut request = launch_request();
    for name in ["patient", "encounter", "chart"] {
        request.as_object_mut().unwrap().remove(name);
    }
    for scope in ["openid fhirUser patient/*.rs", "launch openid fhirUser patient/*.rs"] {
        let (handle, cookie) = server.open(&server.start(&request));
        let code = query(&server.authorize(&handle, &cookie, &[("scope", Some(scope))]), "code").unwrap();
        let tokens = document(&server.redeem(&code, &[]));
        assert!(tokens.get("patient").is_none() && !tokens["scope"].as_str().unwrap().contains("patient/"), "{tokens}");
    }
}
