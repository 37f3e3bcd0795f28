//! Browser and app of a SMART launch, step by step, over real TLS.
#![allow(dead_code)]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ereferral::io::client::Answer;
use ereferral::proto::http::secret_hash;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use super::clinic::{Serving, parsed};

pub const VERIFIER: &str = "an-invented-verifier-that-is-long-enough-0123456789";

/// Where an answer sends the browser.
pub fn location(answer: &Answer) -> Url {
    Url::parse(answer.headers["location"].to_str().unwrap()).unwrap()
}

/// A parameter of the address an answer leads to.
pub fn parameter(answer: &Answer, name: &str) -> Option<String> {
    location(answer).query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// What the host hands over for an invented patient.
pub fn launch_request() -> Value {
    json!({
        "partner": "rms",
        "user": {"id": "u-17", "fhir_user": "Practitioner/d1", "name": "Dr. Fakename"},
        "patient": "p1", "intent": "create-referral", "session": "session-1",
        "chart": [
            {"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:hcn", "value": "9999999999"}], "name": [{"family": "Testpatient"}]},
            {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}},
            {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Fakename"}]},
        ],
    })
}

/// The browser opens the start URL: the app's launch value, and the cookie.
pub fn open(pos: &Serving, start_url: &str) -> (String, String) {
    let answer = pos.get(start_url, &[]);
    assert_eq!(answer.status, 303);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("HttpOnly; Secure; SameSite=Lax"), "{cookie}");
    assert_eq!(parameter(&answer, "iss").as_deref(), Some("https://pos.test/fhir"));
    (parameter(&answer, "launch").unwrap(), cookie.split(';').next().unwrap().to_owned())
}

/// The app sends the browser to authorize.
pub fn authorize(pos: &Serving, launch: &str, cookie: &str) -> Answer {
    authorize_with(pos, cookie, &[("launch", launch), ("scope", "launch openid fhirUser patient/*.rs patient/DocumentReference.c")])
}

/// The same with these parameters besides what every request has.
pub fn authorize_with(pos: &Serving, cookie: &str, more: &[(&str, &str)]) -> Answer {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(secret_hash(VERIFIER));
    let query = Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "rms-app"),
            ("redirect_uri", "https://rms.test/cb"),
            ("state", "invented-state"),
            ("aud", "https://pos.test/fhir"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("nonce", "n-1"),
        ])
        .extend_pairs(more)
        .finish();
    pos.get(&format!("/auth/authorize?{query}"), &[("cookie", cookie)])
}

/// The app redeems the code.
pub fn redeem(pos: &Serving, code: &str) -> Answer {
    let form = Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://rms.test/cb"),
            ("client_id", "rms-app"),
            ("code_verifier", VERIFIER),
        ])
        .finish();
    pos.post("/auth/token", &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes())
}

/// From the start URL to the access token.
pub fn token(pos: &Serving, start_url: &str) -> String {
    let (launch, cookie) = open(pos, start_url);
    let code = parameter(&authorize(pos, &launch, &cookie), "code").unwrap();
    let answer = redeem(pos, &code);
    assert_eq!(answer.status, 200);
    parsed(&answer.body)["access_token"].as_str().unwrap().to_owned()
}

/// The app reads.
pub fn read(pos: &Serving, token: &str, path: &str) -> Answer {
    pos.get(path, &[("authorization", &format!("Bearer {token}"))])
}

/// The app writes a letter back.
pub fn write_letter(pos: &Serving, token: &str, patient: &str) -> Answer {
    let letter = json!({
        "resourceType": "DocumentReference", "status": "current", "subject": {"reference": format!("Patient/{patient}")},
        "content": [{"attachment": {"contentType": "application/pdf", "title": "letter.pdf", "data": "JVBERi0xLjQ="}}],
    });
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/fhir+json")];
    pos.post("/fhir/DocumentReference", &headers, letter.to_string().as_bytes())
}
