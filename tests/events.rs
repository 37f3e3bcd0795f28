//! Every event in both dialects: parsed, read field by field, and taken by a serving engine from a partner in the right role.
//!
//! The messages are made by `tools/fixtures`, which knows the guides and not this library. `cargo test --test events -- --nocapture cells`
//! prints which test proves which cell of the table events x dialects.

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/fixtures.rs"]
mod fixtures;

use clinic::{Clinic, Serving, parsed};
use ereferral::proto::guide::events::EVENTS;
use ereferral::proto::messaging::Message;
use ereferral::proto::settings::Limits;
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

const OLD: &str = "on-0.10";
const NEW: &str = "on-0.11.1";
const BOTH: &[&str] = &[OLD, NEW];

/// Which side of the referral sends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Source,
    Target,
}

impl Side {
    fn token(self) -> &'static str {
        match self {
            Self::Source => "inbound-token-of-a-source-0003",
            Self::Target => "inbound-token-of-a-target-0004",
        }
    }
}

/// What a fixture is.
struct Case {
    file: &'static str,
    dialects: &'static [&'static str],
    from: Side,
    event: &'static str,
    focus: &'static [&'static str],
    fields: &'static [(&'static str, &'static str)],
}

const fn case(
    file: &'static str,
    dialects: &'static [&'static str],
    from: Side,
    event: &'static str,
    focus: &'static [&'static str],
    fields: &'static [(&'static str, &'static str)],
) -> Case {
    Case { file, dialects, from, event, focus, fields }
}

const REQUEST: &[&str] = &["ServiceRequest"];
const TASK: &[&str] = &["Task"];
const APPOINTMENT: &[&str] = &["Appointment"];
const COMMUNICATION: &[&str] = &["Communication"];

/// What every message of the fixtures says, whatever its event.
const EVERYWHERE: &[(&str, &str)] = &[
    ("patient.name.family", "Testpatient"),
    ("requester.name.family", "Fakename"),
    ("requester.licence", "000111"),
    ("requester.organization", "Fakeville Family Health"),
    ("referral.category.code", "183545006"),
    ("referral.authored", "2026-04-20T09:10:00-04:00"),
    ("referral.reason", "Wrist pain after a fall, \"three weeks\" — not better"),
];

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("add-service-request", BOTH, Side::Source, "add-service-request", REQUEST,
        &[("referral.status", "active"), ("referral.priority", "urgent"), ("message.reason", "Initial"), ("attachment[0].title", "x-ray-report.txt"),
          ("patient.health_number.version", "ZZ"), ("target.organization", "Fakeville Fracture Clinic"), ("target.listing", "fakeville-fracture-clinic")]),
    case("add-service-request-econsult", BOTH, Side::Source, "add-service-request", REQUEST, &[("referral.priority", "routine")]),
    case("notify-add-service-request", BOTH, Side::Source, "notify-add-service-request", REQUEST, &[("referral.status", "active")]),
    case("notify-update-service-request", BOTH, Side::Source, "notify-update-service-request", REQUEST,
        &[("referral.priority", "asap"), ("attachment[1].title", "second-report.txt")]),
    case("revoke-service-request", BOTH, Side::Source, "revoke-service-request", REQUEST,
        &[("referral.status", "revoked"), ("referral.note", "The patient went elsewhere.")]),
    case("notify-data-correction", BOTH, Side::Target, "notify-data-correction", REQUEST,
        &[("patient.birth_date", "1981-02-28"), ("patient.phone", "416-555-0142")]),
    case("notify-add-process-request", BOTH, Side::Target, "notify-add-process-request", TASK,
        &[("task.status", "received"), ("task.business_status", "Waiting for triage"), ("task.code", "process-request")]),
    case("notify-update-process-request-accepted", BOTH, Side::Target, "notify-update-process-request", TASK, &[("task.status", "accepted")]),
    case("notify-update-process-request-rejected", BOTH, Side::Target, "notify-update-process-request", TASK,
        &[("task.status", "rejected"), ("task.status_reason", "The clinic serves another region"), ("task.note", "Try the Fakeville hand clinic.")]),
    case("notify-update-process-request-on-hold", BOTH, Side::Target, "notify-update-process-request", TASK, &[("task.status", "on-hold")]),
    case("notify-update-process-request-completed", BOTH, Side::Target, "notify-update-process-request", TASK,
        &[("task.status", "completed"), ("referral.status", "completed"), ("attachment[0].title", "consult-letter.pdf")]),
    case("notify-update-process-request-two-foci", BOTH, Side::Target, "notify-update-process-request", &["Task", "Appointment"],
        &[("task.business_status", "Booked"), ("appointment.start", "2026-05-03T10:00:00-04:00")]),
    case("notify-update-process-request-appointment", &[NEW], Side::Target, "notify-update-process-request", APPOINTMENT,
        &[("appointment.start", "2026-05-09T14:30:00-04:00")]),
    case("notify-add-appointment", BOTH, Side::Target, "notify-add-appointment", APPOINTMENT,
        &[("appointment.status", "booked"), ("appointment.start", "2026-05-03T10:00:00-04:00"), ("appointment.end", "2026-05-03T10:30:00-04:00"),
          ("appointment.location", "Fakeville Fracture Clinic, Desk B"), ("appointment.instruction", "Bring the x-ray pictures.")]),
    case("notify-add-appointment-cancelled", BOTH, Side::Target, "notify-add-appointment", APPOINTMENT, &[("appointment.status", "cancelled")]),
    case("notify-add-appointment-proposed", BOTH, Side::Target, "notify-add-appointment", APPOINTMENT,
        &[("appointment.status", "proposed"), ("appointment.description", "Please call to book")]),
    case("send-communication-from-requester", BOTH, Side::Source, "send-communication-from-requester", COMMUNICATION,
        &[("communication.text", "When will she be seen?"), ("communication.category", "general-information")]),
    case("send-communication-from-provider", BOTH, Side::Target, "send-communication-from-provider", COMMUNICATION,
        &[("communication.text", "Which wrist is it?\nPlease send the film."), ("communication.sent", "2026-04-24T11:00:00-04:00")]),
    case("add-rfi", &[OLD], Side::Target, "add-rfi", TASK,
        &[("task.code", "request-for-information-for-requester"), ("task.status", "requested")]),
    case("notify-add-service-record", &[NEW], Side::Target, "notify-add-service-record", REQUEST, &[("target.listing", "fakeville-hand-clinic")]),
    case("notify-update-service-record", &[NEW], Side::Target, "notify-update-service-record", TASK, &[("task.status", "accepted")]),
    case("notify-report-service-request", &[NEW], Side::Target, "notify-report-service-request", TASK, &[("task.status", "accepted")]),
];

/// Cells that the guide of that version leaves empty (messaging.md 3.1).
const NOT_IN_GUIDE: &[(&str, &str)] = &[
    ("notify-add-service-record", OLD),
    ("notify-update-service-record", OLD),
    ("notify-report-service-request", OLD),
    ("add-rfi", NEW),
];

/// The spellings of messaging.md 3.2, the side that sends them, and what they mean.
const ALIASES: &[(&str, Side, &str, &str)] = &[
    ("add-servicerequest", Side::Source, "add-service-request", "add-service-request"),
    ("sof-enh-add-service-request", Side::Source, "add-service-request", "add-service-request"),
    ("cds-service-request", Side::Source, "add-service-request", "add-service-request"),
    ("notify-add-servicerequest", Side::Source, "notify-add-service-request", "notify-add-service-request"),
    ("notify-update-servicerequest", Side::Source, "notify-update-service-request", "notify-update-service-request"),
    ("update-service-request", Side::Source, "notify-update-service-request", "notify-update-service-request"),
    ("terminate-servicerequest", Side::Source, "revoke-service-request", "revoke-service-request"),
    ("add-communication", Side::Source, "send-communication-from-requester", "send-communication-from-requester"),
    ("add-communication", Side::Target, "send-communication-from-provider", "send-communication-from-provider"),
    ("send-communication", Side::Source, "send-communication-from-requester", "send-communication-from-requester"),
    ("send-communication", Side::Target, "send-communication-from-provider", "send-communication-from-provider"),
    ("communication-from-requester", Side::Source, "send-communication-from-requester", "send-communication-from-requester"),
    ("communication-from-provider", Side::Target, "send-communication-from-provider", "send-communication-from-provider"),
    ("update-status", Side::Target, "notify-update-process-request-accepted", "notify-update-process-request"),
    ("notify-update-status", Side::Target, "notify-update-process-request-accepted", "notify-update-process-request"),
    ("acknowledge-service-request", Side::Target, "notify-update-process-request-accepted", "notify-update-process-request"),
    ("add-appointment", Side::Target, "notify-add-appointment", "notify-add-appointment"),
    ("update-appointment", Side::Target, "notify-add-appointment", "notify-add-appointment"),
    ("notify-update-appointment", Side::Target, "notify-add-appointment", "notify-add-appointment"),
    ("notify-add-perform-request", Side::Target, "notify-add-process-request", "notify-add-process-request"),
    ("notify-update-perform-request", Side::Target, "notify-update-process-request-accepted", "notify-update-process-request"),
];

fn cases() -> impl Iterator<Item = (String, &'static Case)> {
    CASES.iter().flat_map(|case| case.dialects.iter().map(move |dialect| (format!("{dialect}/{}", case.file), case)))
}

fn message(body: &[u8]) -> Message {
    Message::parse(body.to_vec(), &Limits::default()).unwrap()
}

/// The findings that say the message is wrong.
fn errors(message: &Message) -> Vec<Value> {
    let outcome = parsed(message.issues().as_bytes());
    let issues = outcome["issue"].as_array().unwrap();
    issues.iter().filter(|issue| issue["severity"] == "error" || issue["severity"] == "fatal").cloned().collect()
}

/// A serving engine with a partner that is only a source, and one that is only a target.
fn start(clinic: &Clinic) -> Serving {
    clinic.start(|document| {
        document["partners"] = json!([
            {"name": "source", "roles": ["rms-source"], "messaging": {"inbound": {"bearer": Side::Source.token()}}},
            {"name": "target", "roles": ["rms-target"], "messaging": {"inbound": {"bearer": Side::Target.token()}}},
        ]);
    })
}

/// Posts a message, and takes it as the event that it must become.
fn exchange(pos: &Serving, name: &str, from: Side, body: &[u8]) -> Value {
    let answer = pos.message(from.token(), body);
    assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
    let mut event = pos.event(MESSAGE);
    assert_eq!(event.message().unwrap().unwrap().bundle(), body, "{name}: the Bundle is kept byte for byte");
    let document = parsed(event.document().as_bytes());
    event.done().unwrap();
    document
}

#[test]
fn every_fixture_reads_as_its_event_with_its_fields_and_without_an_error() {
    for (name, case) in cases() {
        let body = fixtures::read(&name);
        let message = message(&body);
        assert_eq!(message.bundle(), body, "{name}");
        assert!(message.is_test(), "{name}");
        assert_eq!(errors(&message), [] as [Value; 0], "{name}");
        // Without an engine nobody knows the sender's side, which one old spelling leaves open.
        if message.header().event_code() != "add-communication" {
            assert_eq!(message.event(), case.event, "{name}");
        }
        for (field, expected) in EVERYWHERE.iter().chain(case.fields) {
            assert_eq!(message.field(field).unwrap().as_deref(), Some(*expected), "{name}: {field}");
        }
        let identifiers: Vec<_> = (0..message.field_count("referral.identifier").unwrap())
            .filter_map(|at| message.field(&format!("referral.identifier[{at}].value")).unwrap())
            .collect();
        let number = fixtures::referral_number(&body);
        assert!(identifiers.iter().any(|own| own.starts_with(&number)), "{name}: {number} in {identifiers:?}");
        let document = parsed(message.document().as_bytes());
        assert_eq!(document["focus"], json!(case.focus), "{name}");
        assert_eq!(document["patient"]["family"], "Testpatient", "{name}");
    }
}

#[test]
fn every_fixture_is_taken_by_an_engine_from_the_partner_in_that_role() {
    let clinic = Clinic::new();
    let pos = start(&clinic);
    for (name, case) in cases() {
        let document = exchange(&pos, &name, case.from, &fixtures::read(&name));
        assert_eq!(document["event"], case.event, "{name}");
        assert_eq!(document["focus"], json!(case.focus), "{name}");
        let partner = if case.from == Side::Source { "source" } else { "target" };
        assert_eq!(document["partner"], partner, "{name}");
        let role = match case.event {
            "notify-add-service-request"
            | "notify-add-service-record"
            | "notify-update-service-record"
            | "notify-report-service-request" => "copy",
            _ if case.from == Side::Source => "target",
            _ => "source",
        };
        assert_eq!(document["referral"]["our_role"], role, "{name}");
    }
    pos.assert_no_event(MESSAGE);
}

/// The fixture under ids of its own and about a referral of its own.
fn renamed(body: &[u8], number: usize) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let own = fixtures::referral_number(body);
    let digits = own.strip_prefix("EREF-").unwrap().to_owned();
    text.replace(&format!("0000{digits}-"), &format!("{number:08}-"))
        .replace(&own, &format!("EREF-{number}"))
        .replace(&format!("R-{digits}"), &format!("R-{number}"))
        .replace(&format!("TEST-{digits}"), &format!("TEST-{number}"))
        .into_bytes()
}

#[test]
fn every_other_spelling_is_taken_as_its_event() {
    let clinic = Clinic::new();
    let pos = start(&clinic);
    for (at, (spelling, from, file, event)) in ALIASES.iter().enumerate() {
        let name = format!("{NEW}/{file}");
        let text = String::from_utf8(renamed(&fixtures::read(&name), 5000 + at)).unwrap();
        let code = CASES.iter().find(|case| case.file == *file).unwrap().event;
        let body = text.replacen(&format!("\"code\": \"{code}\""), &format!("\"code\": \"{spelling}\""), 1);
        assert_ne!(text, body, "{spelling}");
        assert_eq!(exchange(&pos, spelling, *from, body.as_bytes())["event"], *event, "{spelling} from {from:?}");
    }
    // The list above is the digest's; what the library knows beyond it would go untested.
    for alias in EVENTS.iter().flat_map(|event| event.aliases) {
        assert!(ALIASES.iter().any(|known| known.0 == *alias) || *alias == "revoke-servicerequest", "{alias}");
    }
}

#[test]
fn an_unknown_event_is_refused_by_its_name() {
    let clinic = Clinic::new();
    let pos = start(&clinic);
    let text = String::from_utf8(fixtures::read("on-0.11.1/add-service-request")).unwrap();
    let body = text.replacen("\"code\": \"add-service-request\"", "\"code\": \"notify-unheard-of\"", 1);
    let answer = pos.message(Side::Source.token(), body.as_bytes());
    assert_eq!(answer.status, 400);
    let issue = parsed(&answer.body)["issue"][0].clone();
    assert_eq!(issue["code"], "not-supported");
    assert!(issue["details"]["text"].as_str().unwrap().contains("notify-unheard-of"), "{issue}");
    assert_eq!(issue["expression"][0], "Bundle.entry[0].resource.eventCoding.code");
    pos.assert_no_event(MESSAGE);
}

#[test]
fn cells() {
    println!("{:<36} {OLD:<50} {NEW}", "event");
    for event in EVENTS {
        let cell = |dialect: &str| {
            let files: Vec<_> = cases().filter(|(name, case)| name.starts_with(dialect) && case.event == event.code).collect();
            let empty = NOT_IN_GUIDE.contains(&(event.code, dialect));
            assert_ne!(files.is_empty(), !empty, "{} in {dialect}", event.code);
            if empty { "not in the guide".to_owned() } else { format!("{} fixture(s): read, taken", files.len()) }
        };
        println!("{:<36} {:<50} {}", event.code, cell(OLD), cell(NEW));
    }
    println!("read:  every_fixture_reads_as_its_event_with_its_fields_and_without_an_error");
    println!("taken: every_fixture_is_taken_by_an_engine_from_the_partner_in_that_role");
    // A fixture that no case names proves nothing.
    let named: Vec<String> = cases().map(|(name, _)| name).collect();
    for name in BOTH.iter().flat_map(|dialect| fixtures::names(dialect)) {
        assert!(named.contains(&name), "{name} has no case");
    }
}
