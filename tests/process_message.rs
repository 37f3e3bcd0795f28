//! `$process-message` from the request to the store: who may send, what is refused, and that the answer follows the commit.

use std::sync::{Arc, Mutex};

use ereferral::io::clock;
use ereferral::io::store::sqlite;
use ereferral::log::{Level, Log};
use ereferral::proto::exchange::{BodyError, Exchange, Peer, Step, World};
use ereferral::proto::http::{Response, secret_hash};
use ereferral::proto::settings::Settings;
use ereferral::proto::smart::keys::Keys;
use ereferral::proto::store::{NewToken, Node, ReferralFilter, Store, TokenKind, event_kind};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000_000;
const REFERRAL: &str = include_str!("fixtures/add-service-request-0.11.json");
const APPOINTMENT: &str = include_str!("fixtures/notify-add-appointment-0.10.json");
const ENDPOINT: &str = "https://pos.example/clinic/fhir/$process-message";
const FIRST: &str = "Bearer invented-first-token";
const SECOND: &str = "Bearer invented-second-token";

struct Clinic {
    world: Arc<World>,
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

impl Clinic {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Value)) -> Self {
        let mut document = json!({
            "system": {"name": "Fakename Clinic", "software": "TestPOS", "version": "1", "roles": ["rms-source", "rms-target"], "time_zone": "America/Toronto"},
            "public_url": "https://pos.example/clinic", "test": true,
            "store": {"url": "sqlite:unused.db", "key_file": "unused.key"},
            "partners": [
                {"name": "first", "roles": ["rms-source", "rms-target"], "messaging": {"inbound": {"bearer": "invented-first-token"}}},
                {"name": "second", "roles": ["rms-source"], "messaging": {"inbound": {"bearer": "invented-second-token"}}},
                {"name": "third", "roles": ["rms-source"],
                 "messaging": {"inbound": {"client_credentials": {"client_id": "third-messages", "client_secret": "invented"}}}},
                {"name": "silent", "roles": ["rms-target"], "messaging": {"inbound": {"bearer": ""}}},
            ],
        });
        change(&mut document);
        let settings: Settings = serde_json::from_value(document).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let node = Node { id: "node".into(), process: 1, host: "test".into() };
        let store = sqlite::open(&folder.path().join("store.db"), &folder.path().join("store.key"), node).unwrap();
        let world = World {
            store: store.clone(),
            settings: Arc::new(settings),
            keys: Arc::new(Keys::new(Vec::new())),
            log: Arc::new(Log::new(100, Level::Debug, clock::now)),
            throttle: Arc::default(),
            signals: Arc::new(|_| {}),
        };
        Self { world: Arc::new(world), store, _folder: folder }
    }

    /// Answer, and whether the body was asked for.
    fn exchange(&self, method: &str, headers: &[(&str, &str)], body: Result<&str, BodyError>) -> (Response, bool) {
        let mut request = http::Request::builder().method(method).uri(ENDPOINT.strip_prefix("https://pos.example").unwrap());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut exchange = Exchange::new(self.world.clone(), request.body(()).unwrap(), Peer::default(), Box::new(clock::random));
        let mut read = false;
        loop {
            match exchange.step(NOW) {
                Step::NeedBody { .. } => {
                    read = true;
                    exchange.body(body.map(|text| text.as_bytes().to_vec()));
                }
                Step::Ask(_) | Step::Wait { .. } => panic!("receiving asks the host nothing"),
                Step::Keys(_) => panic!("no partner here publishes keys"),
                Step::Fetch(_) => panic!("nothing is behind"),
                Step::Respond(response) => return (response, read),
            }
        }
    }

    fn post(&self, credential: &str, body: &str) -> (u16, Value) {
        let headers = [("authorization", credential), ("content-type", "application/fhir+json; charset=utf-8")];
        let (response, _) = self.exchange("POST", &headers, Ok(body));
        assert_eq!(response.headers()["content-type"], "application/fhir+json; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    /// The documents of the MESSAGE events, oldest first.
    fn events(&self) -> Vec<Value> {
        let mut found = Vec::new();
        while let Some(event) = self.store.lease_event(event_kind::MESSAGE, NOW, NOW + 60_000).unwrap() {
            found.push(serde_json::from_str(&event.document).unwrap());
            self.store.finish_event(&event.id, event.attempt, NOW).unwrap();
        }
        found
    }

    fn log(&self) -> String {
        std::iter::from_fn(|| self.world.log.take()).map(|line| line.text + "\n").collect()
    }
}

fn expression(outcome: &Value) -> &str {
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    outcome["issue"][0]["expression"][0].as_str().unwrap_or_default()
}

/// The same content under other ids.
fn renamed(message: &str, from: &str, to: &str) -> String {
    assert!(message.contains(from));
    message.replace(from, to)
}

#[test]
fn a_stored_message_is_answered_with_a_response_bundle_and_becomes_an_event() {
    let clinic = Clinic::new();
    let (status, answer) = clinic.post(FIRST, REFERRAL);
    assert_eq!(status, 200, "{answer}");
    assert_eq!((answer["resourceType"].as_str(), answer["type"].as_str()), (Some("Bundle"), Some("message")));
    assert_eq!(answer["timestamp"], "2027-01-15T08:00:00.000Z");
    assert_eq!(answer["meta"]["security"][0]["code"], "HTEST");
    let header = &answer["entry"][0]["resource"];
    assert_eq!(header["response"]["identifier"], "00000000-0000-4000-8000-000000000001");
    assert_eq!(header["response"]["code"], "ok");
    assert_eq!(header["eventCoding"]["code"], "notify-add-process-request");
    assert_eq!(header["destination"][0]["endpoint"], "https://rms.example/fhir/$process-messages");
    assert_eq!(header["source"]["endpoint"], ENDPOINT);
    let events = clinic.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0]["event"].as_str(), events[0]["partner"].as_str()), (Some("add-service-request"), Some("first")));
    assert_eq!(events[0]["trusted"], true);
    let identifier = ereferral::proto::store::Identifier {
        system: "https://rms.example/fhir/NamingSystem/id-ereferral-reference".into(),
        value: "00000000-0000-4000-8000-000000000012".into(),
    };
    let referral = clinic.store.referral_by_identifier(&identifier).unwrap().unwrap();
    assert_eq!(referral.our_role.as_str(), "target");
    assert_eq!(referral.parties.len(), 1);
}

#[test]
fn the_target_of_a_referral_speaks_to_its_source() {
    let clinic = Clinic::new();
    assert_eq!(clinic.post(FIRST, APPOINTMENT).0, 200);
    let identifier = ereferral::proto::store::Identifier {
        system: "https://pos.example/fhir/NamingSystem/referral".into(),
        value: "R-1001".into(),
    };
    assert_eq!(clinic.store.referral_by_identifier(&identifier).unwrap().unwrap().our_role.as_str(), "source");
}

#[test]
fn a_known_message_gets_the_stored_answer_and_no_second_event() {
    let clinic = Clinic::new();
    let first = clinic.post(FIRST, REFERRAL);
    // A new Bundle around the same message, as Ontario's rule for resending has it.
    let again =
        clinic.post(FIRST, &renamed(REFERRAL, "00000000-0000-4000-8000-000000000100", "00000000-0000-4000-8000-000000000101"));
    assert_eq!(first, again);
    assert_eq!(clinic.events().len(), 1);
}

#[test]
fn known_ids_with_other_content_are_an_update_or_a_conflict_by_setting() {
    let changed = renamed(REFERRAL, "\"urgent\"", "\"routine\"");
    let changed = renamed(&changed, "00000000-0000-4000-8000-000000000100", "00000000-0000-4000-8000-000000000102");
    let lenient = Clinic::new();
    assert_eq!((lenient.post(FIRST, REFERRAL).0, lenient.post(FIRST, &changed).0), (200, 200));
    assert_eq!(lenient.events().len(), 2);
    let strict = Clinic::with(|settings| settings["partners"][0]["messaging"]["changed_content"] = json!("refuse"));
    assert_eq!(strict.post(FIRST, REFERRAL).0, 200);
    let (status, outcome) = strict.post(FIRST, &changed);
    assert_eq!((status, outcome["issue"][0]["code"].as_str()), (409, Some("conflict")));
    assert_eq!(strict.events().len(), 1);
}

#[test]
fn a_bundle_id_with_another_message_id_is_a_duplicate() {
    let clinic = Clinic::new();
    assert_eq!(clinic.post(FIRST, REFERRAL).0, 200);
    let other = renamed(REFERRAL, "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000201");
    let (status, outcome) = clinic.post(FIRST, &other);
    assert_eq!((status, expression(&outcome), outcome["issue"][0]["code"].as_str()), (400, "Bundle.id", Some("duplicate")));
}

#[test]
fn another_partner_gets_neither_the_stored_answer_nor_the_referral() {
    let clinic = Clinic::new();
    let (status, first) = clinic.post(FIRST, REFERRAL);
    assert_eq!(status, 200);
    // It is answered as if nobody knew the number (architecture: identity of a message).
    let (status, second) = clinic.post(SECOND, REFERRAL);
    assert_eq!(status, 200);
    assert_ne!(first["id"], second["id"]);
    let events = clinic.events();
    assert_eq!(events.len(), 2);
    assert_ne!(events[0]["referral_id"], events[1]["referral_id"]);
}

#[test]
fn credentials_are_checked_before_the_body_is_read() {
    let clinic = Clinic::new();
    let json = ("content-type", "application/fhir+json");
    let wrong = [
        vec![json],
        vec![json, ("authorization", "Bearer invented-first-toke")],
        vec![json, ("authorization", "Bearer ")],
        vec![json, ("authorization", "Basic invented-first-token")],
        vec![json, ("authorization", "invented-first-token")],
    ];
    for headers in wrong {
        let (response, read) = clinic.exchange("POST", &headers, Ok(REFERRAL));
        assert_eq!((response.status().as_u16(), read), (401, false), "{headers:?}");
        let wrong_token = headers.get(1).is_some_and(|(_, value)| value.starts_with("Bearer i"));
        let challenge = format!("Bearer realm=\"ereferral\"{}", if wrong_token { ", error=\"invalid_token\"" } else { "" });
        assert_eq!(response.headers()["www-authenticate"], challenge, "{headers:?}");
    }
    assert!(clinic.events().is_empty());
}

#[test]
fn a_token_of_our_own_is_good_for_its_partner_and_this_purpose_only() {
    let clinic = Clinic::new();
    let token = |text: &str, kind, client_id: &str| NewToken {
        hash: secret_hash(text),
        kind,
        grant_id: None,
        client_id: client_id.to_owned(),
        scope: String::new(),
        expires: NOW + 60_000,
    };
    clinic.store.save_token(&token("good", TokenKind::Messaging, "third-messages"), NOW).unwrap();
    clinic.store.save_token(&token("stranger", TokenKind::Messaging, "nobody"), NOW).unwrap();
    clinic
        .store
        .save_token(&NewToken { expires: NOW - 1, ..token("late", TokenKind::Messaging, "third-messages") }, NOW - 10)
        .unwrap();
    let access = token("access", TokenKind::Access, "third-messages");
    clinic.store.save_token(&access, NOW).unwrap();
    assert!(clinic.store.token(&access.hash, NOW).unwrap().is_some());
    assert_eq!(clinic.post("Bearer access", REFERRAL).0, 401);
    assert_eq!(clinic.post("Bearer stranger", REFERRAL).0, 401);
    assert_eq!(clinic.post("Bearer late", REFERRAL).0, 401);
    assert_eq!(clinic.post("Bearer good", REFERRAL).0, 200);
    assert_eq!(clinic.events()[0]["partner"], "third");
}

#[test]
fn method_and_media_type_are_checked() {
    let clinic = Clinic::new();
    let (response, read) = clinic.exchange("GET", &[("authorization", FIRST)], Ok(""));
    assert_eq!((response.status().as_u16(), read), (405, false));
    assert_eq!(response.headers()["allow"], "POST");
    let media = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", FIRST)]).collect();
        clinic.exchange("POST", &headers, Ok(REFERRAL)).0.status().as_u16()
    };
    assert_eq!(media(&[]), 415);
    assert_eq!(media(&[("content-type", "text/xml")]), 415);
    assert_eq!(media(&[("content-type", "application/json"), ("content-encoding", "gzip")]), 415);
    assert_eq!(media(&[("content-type", "Application/JSON")]), 200);
}

#[test]
fn a_body_that_does_not_arrive_is_answered_by_its_reason() {
    let clinic = Clinic::new();
    let headers = [("authorization", FIRST), ("content-type", "application/fhir+json")];
    let reasons = [(BodyError::TooLarge, 413), (BodyError::TimedOut, 408), (BodyError::Lost, 400), (BodyError::Overloaded, 503)];
    for (reason, status) in reasons {
        let (response, _) = clinic.exchange("POST", &headers, Err(reason));
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
    }
}

#[test]
fn refusals_name_the_element_and_leave_nothing_behind() {
    let clinic = Clinic::with(|settings| settings["limits"] = json!({"bundle_entries": 14}));
    let cases = [
        ("{".to_owned(), 400, ""),
        (renamed(REFERRAL, "\"type\": \"message\"", "\"type\": \"batch\""), 400, "Bundle.type"),
        (
            renamed(REFERRAL, "\"code\": \"add-service-request\"", "\"code\": \"add-something\""),
            400,
            "Bundle.entry[0].resource.eventCoding.code",
        ),
        (renamed(REFERRAL, "\"active\": true,", "\"active\": true, \"active\": true,"), 400, "Bundle.entry[1].resource"),
        (
            renamed(REFERRAL, "\n  \"entry\": [", "\n  \"entry\": [{\"resource\": {\"resourceType\": \"Basic\"}},"),
            400,
            "Bundle.entry[0].resource",
        ),
        (
            renamed(
                REFERRAL,
                "\n  ]\n}",
                ",{\"resource\": {\"resourceType\": \"Basic\"}},{\"resource\": {\"resourceType\": \"Basic\"}}]}",
            ),
            413,
            "Bundle.entry[14]",
        ),
    ];
    for (body, status, place) in cases {
        let (answered, outcome) = clinic.post(FIRST, &body);
        assert_eq!(answered, status, "{outcome}");
        if !place.is_empty() {
            assert_eq!(expression(&outcome), place);
        }
        assert!(!outcome.to_string().contains("Testpatient"));
    }
    assert!(clinic.events().is_empty());
    assert!(clinic.store.referrals(&ReferralFilter::default(), 10).unwrap().is_empty());
}

#[test]
fn test_messages_do_not_enter_a_production_system() {
    let clinic = Clinic::with(|settings| settings["test"] = json!(false));
    let (status, outcome) = clinic.post(FIRST, REFERRAL);
    assert_eq!((status, expression(&outcome)), (400, "Bundle.meta.security"));
    // The label on one resource is enough.
    let bundle_only: Value = serde_json::from_str(REFERRAL).unwrap();
    let mut partly = bundle_only.clone();
    partly.as_object_mut().unwrap().remove("meta");
    assert_eq!(clinic.post(FIRST, &partly.to_string()).0, 400);
    let real = renamed(REFERRAL, "HTEST", "R");
    assert_eq!(clinic.post(FIRST, &real).0, 200);
    assert!(!clinic.post(FIRST, &real).1.to_string().contains("HTEST"));
}

#[test]
fn a_real_message_in_a_test_system_is_taken_with_a_warning() {
    let clinic = Clinic::new();
    assert_eq!(clinic.post(FIRST, &renamed(REFERRAL, "HTEST", "R")).0, 200);
    let issues = clinic.events()[0]["issues"].to_string();
    assert!(issues.contains("test system"), "{issues}");
}

#[test]
fn an_unknown_source_endpoint_is_a_warning_not_an_identity() {
    let configured = |endpoint: &str| {
        let clinic = Clinic::with(|settings| settings["partners"][0]["messaging"]["source_endpoints"] = json!([endpoint]));
        assert_eq!(clinic.post(FIRST, REFERRAL).0, 200);
        clinic.events()[0]["issues"].to_string().contains("source.endpoint")
    };
    assert!(configured("https://other.example"));
    assert!(!configured("https://rms.example/fhir/$process-messages"));
}

#[test]
fn a_spelling_without_a_side_is_read_by_the_partners_part() {
    let clinic = Clinic::new();
    let message = renamed(APPOINTMENT, "notify-add-appointment", "add-communication");
    assert_eq!(clinic.post(SECOND, &message).0, 200);
    assert_eq!(clinic.events()[0]["event"], "send-communication-from-requester");
}

#[test]
fn correlation_headers_come_back_only_when_plain() {
    let clinic = Clinic::new();
    let long = "x".repeat(129);
    let headers = [("x-request-id", "7f14-60c8"), ("x-correlation-id", "Testpatient Anna"), ("x-request-id", long.as_str())];
    let (response, _) = clinic.exchange("GET", &headers[..2], Ok(""));
    assert_eq!(response.headers()["x-request-id"], "7f14-60c8");
    assert!(!response.headers().contains_key("x-correlation-id"));
    let (response, _) = clinic.exchange("GET", &headers[2..], Ok(""));
    assert!(!response.headers().contains_key("x-request-id"));
}

#[test]
fn the_log_names_no_person_and_no_secret() {
    let clinic = Clinic::new();
    clinic.post(FIRST, REFERRAL);
    clinic.post(SECOND, REFERRAL);
    clinic.post("Bearer planted-secret", REFERRAL);
    clinic.post(FIRST, &renamed(REFERRAL, "\"code\": \"add-service-request\"", "\"code\": \"Testpatient\""));
    let log = clinic.log();
    assert!(log.contains("add-service-request from first: stored as"), "{log}");
    for planted in ["Testpatient", "9999999999", "invented", "planted", "000000000012"] {
        assert!(!log.contains(planted), "{planted} in {log}");
    }
}

#[test]
fn one_message_from_many_connections_at_once_is_one_event() {
    let clinic = Clinic::new();
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let answer = clinic.post(FIRST, REFERRAL);
                answers.lock().unwrap().push(answer);
            });
        }
    });
    let answers = answers.into_inner().unwrap();
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200));
    assert_eq!(clinic.events().len(), 1);
}
