//! What partners really send (messaging.md 4.1, 17), one fixture for each oddity: it is taken, understood, and kept byte for byte.

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/fixtures.rs"]
mod fixtures;

use clinic::{Clinic, TOKEN, parsed};
use ereferral::proto::messaging::Message;
use ereferral::proto::messaging::answer::{self, AnswerMeaning, Sent};
use ereferral::proto::settings::Limits;
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

/// A fixture, what it must say, and where a finding must stand; an empty place: none is asked for.
type Row = (&'static str, &'static [(&'static str, Option<&'static str>)], &'static str);

#[rustfmt::skip]
const TRAFFIC: &[Row] = &[
    ("bare-uuid-full-url", &[("task.status", Some("accepted")), ("target.organization", Some("Fakeville Fracture Clinic"))], "Bundle.entry[0].fullUrl"),
    ("no-full-url", &[("task.status", Some("accepted")), ("requester.name.family", Some("Fakename"))], "Bundle.entry[1].fullUrl"),
    ("no-full-url-type-and-id", &[("task.status", Some("accepted")), ("requester.name.family", Some("Fakename"))], "Bundle.entry[1].fullUrl"),
    ("no-ids", &[("task.status", Some("accepted")), ("patient.id", None), ("requester.name.family", Some("Fakename"))], "Bundle.entry[0].resource.id"),
    ("percent-encoded-profile", &[("task.status", Some("accepted"))], ""),
    ("total", &[("task.status", Some("accepted"))], "Bundle.total"),
    ("identifier-without-value", &[("patient.health_number", None), ("patient.mrn", Some("TEST-4006")), ("requester.licence", Some("000111"))], "Bundle.entry[3].resource.identifier[0].value"),
    ("empty-addresses", &[("patient.phone", None), ("patient.email", None), ("patient.address.city", None), ("patient.address.line", None)], "Bundle.entry[2].resource.address[0]"),
    ("html-in-notes", &[("referral.status", Some("active"))], ""),
    ("vendor-extensions", &[("task.status", Some("accepted"))], ""),
    ("accumulated", &[("referral.status", Some("active")), ("attachment[0].title", Some("x-ray-report.txt"))], ""),
    ("unknown-content", &[("task.status", Some("accepted"))], "Bundle.entry[12].resource.resourceType"),
];

fn message(name: &str) -> Message {
    Message::parse(fixtures::read(name), &Limits::default()).unwrap()
}

fn issues(message: &Message) -> Vec<Value> {
    parsed(message.issues().as_bytes())["issue"].as_array().unwrap().clone()
}

#[test]
fn every_oddity_is_read_and_none_is_an_error() {
    for (name, fields, place) in TRAFFIC {
        let message = message(&format!("traffic/{name}"));
        for (field, expected) in *fields {
            assert_eq!(message.field(field).unwrap().as_deref(), *expected, "{name}: {field}");
        }
        let issues = issues(&message);
        let at_place = |issue: &Value| issue["expression"][0] == *place;
        let harmless = |issue: &Value| issue["severity"] != "error" && issue["severity"] != "fatal";
        // Of a resource that no FHIR version knows, the checker says so; the message is taken all the same.
        assert!(
            issues.iter().all(|issue| harmless(issue) || (*name == "unknown-content" && at_place(issue))),
            "{name}: {issues:#?}"
        );
        assert!(place.is_empty() || issues.iter().any(at_place), "{name}: {issues:#?}");
        assert_eq!(message.field("patient.name.family").unwrap().as_deref(), Some("Testpatient"), "{name}");
    }
    let rows: Vec<String> = TRAFFIC.iter().map(|row| format!("traffic/{}", row.0)).collect();
    for name in fixtures::names("traffic") {
        assert!(rows.contains(&name), "{name} has no row");
    }
}

#[test]
fn html_in_a_note_is_read_as_plain_text() {
    let message = message("traffic/html-in-notes");
    let note = message.field("referral.note").unwrap().unwrap();
    for kept in ["Wrist form", "Side: left", "Pain > 3 weeks & worse", "Please see soon"] {
        assert!(note.contains(kept), "{note}");
    }
    for gone in ["<", "onclick", "javascript", "&gt;"] {
        assert!(!note.contains(gone), "{note}");
    }
}

#[test]
fn empty_values_are_left_out_of_the_notification() {
    let document = parsed(message("traffic/empty-addresses").document().as_bytes());
    assert!(document["patient"].get("address").is_none() && document["patient"].get("phone").is_none(), "{}", document["patient"]);
    let document = parsed(message("traffic/identifier-without-value").document().as_bytes());
    let identifiers = document["patient"]["identifiers"].as_array().unwrap();
    assert_eq!(identifiers.len(), 1, "an identifier without a value names nobody: {identifiers:?}");
}

/// Every fixture there is goes through a real engine and its store, and comes back as it was.
#[test]
fn unknown_content_survives_the_engine_byte_for_byte() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        document["partners"] =
            json!([{"name": "rms", "roles": ["rms-source", "rms-target"], "messaging": {"inbound": {"bearer": TOKEN}}}]);
    });
    for (name, ..) in TRAFFIC {
        let body = fixtures::read(&format!("traffic/{name}"));
        assert_eq!(message(&format!("traffic/{name}")).bundle(), body, "{name}");
        let answer = pos.message(TOKEN, &body);
        assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
    }
    pos.stop();
    drop(pos);
    // Read by another engine, so that nothing comes out of memory.
    let pos = clinic.start(|_| {});
    for (name, ..) in TRAFFIC {
        let mut event = pos.event(MESSAGE);
        assert_eq!(event.message().unwrap().unwrap().bundle(), fixtures::read(&format!("traffic/{name}")), "{name}");
        event.done().unwrap();
    }
}

#[test]
fn what_partners_answer_is_understood() {
    let delivered = |warnings| AnswerMeaning::Delivered { warnings, odd: None };
    #[rustfmt::skip]
    let rows = [
        ("plain-success", 200, "application/json", Some(delivered(false))),
        ("plain-refusal", 400, "application/json; charset=utf-8", Some(AnswerMeaning::Refused { reason: "the partner answered 400".into() })),
        ("plain-failure", 500, "application/json", Some(AnswerMeaning::Retry { reason: "the partner answered 500".into() })),
        ("list", 200, "application/json", Some(delivered(false))),
        ("text", 201, "application/json", Some(delivered(false))),
        ("empty", 202, "", Some(delivered(false))),
        ("empty", 204, "", Some(delivered(false))),
        ("gateway-page", 502, "text/html", Some(AnswerMeaning::Retry { reason: "the partner answered 502".into() })),
        ("gateway-page", 200, "text/html", Some(AnswerMeaning::Unclear {
            reason: "the partner answered 200 with a web page; is the endpoint right, or does something stand between?".into() })),
        ("parameters", 200, "application/fhir+json", Some(delivered(false))),
        ("outcome-warning", 200, "application/fhir+json", Some(delivered(true))),
        ("outcome-error", 400, "application/fhir+json", Some(AnswerMeaning::Refused {
            reason: "the partner answered 400 with 1 finding(s), first: required".into() })),
        ("outcome-duplicate", 409, "application/fhir+json", None),
    ];
    for (name, status, media, expected) in rows {
        let (media, body) = (Some(media).filter(|media| !media.is_empty()), fixtures::read(&format!("answers/{name}")));
        let meaning = answer::read(status, media, &body, &Sent { message_id: "mh", bundle_id: "b" });
        match expected {
            Some(expected) => assert_eq!(meaning, expected, "{name} with {status}"),
            None => assert!(matches!(meaning, AnswerMeaning::Delivered { odd: Some(_), .. }), "{name} with {status}: {meaning:?}"),
        }
    }
}
