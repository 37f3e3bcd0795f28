//! Attachments: at and over the limits, checked, and fetched from a partner that misbehaves in every way.

#[path = "support/clinic.rs"]
mod clinic;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clinic::partner::Reply;
use clinic::{Clinic, PATIENCE, Serving, TOKEN, parsed};
use ereferral::engine::{Cancel, Event};
use ereferral::error::{
    EREF_CANCELLED, EREF_CONFIG, EREF_FORBIDDEN, EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_NETWORK, EREF_NOT_FOUND,
    EREF_REMOTE, EREF_TIMEOUT, EREF_TOO_LARGE, Error,
};
use ereferral::proto::messaging::Message;
use ereferral::proto::settings::Limits;
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

const LETTER: &[u8] = b"%PDF-1.4 an invented letter about a wrist";

fn sha1(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes))
}

/// A referral whose one document has these attachments.
fn referral(attachments: &[Value]) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_str(include_str!("fixtures/add-service-request-0.11.json")).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.retain(|entry| entry["resource"]["resourceType"] != "DocumentReference");
    let content: Vec<Value> = attachments.iter().map(|attachment| json!({ "attachment": attachment })).collect();
    entries.push(json!({"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000900", "resource": {
        "resourceType": "DocumentReference", "id": "00000000-0000-4000-8000-000000000900", "status": "current", "content": content}}));
    bundle.to_string().into_bytes()
}

fn allow_private(document: &mut Value) {
    document["partners"][0]["messaging"]["private"] = json!(true);
}

fn taken(pos: &Serving, attachments: &[Value]) -> Event {
    let answer = pos.message(TOKEN, &referral(attachments));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    pos.event(MESSAGE)
}

fn message(event: &Event) -> Arc<Message> {
    event.message().unwrap().unwrap().clone()
}

fn read(message: &Message, index: usize) -> Result<Vec<u8>, Error> {
    let (mut whole, mut piece) = (Vec::new(), [0; 7]);
    loop {
        let count = message.attachment_read(index, whole.len() as u64, &mut piece)?;
        if count == 0 {
            return Ok(whole);
        }
        whole.extend_from_slice(&piece[..count]);
    }
}

fn letter(headers: &'static str) -> Reply {
    Reply::Answer(200, headers, LETTER.to_vec())
}

const PDF: &str = "Content-Type: application/pdf\r\n";

/// What fetching comes to when the partner replies like this; nothing may be kept after a failure.
fn failure(attachment: Value, replies: Vec<Reply>, change: fn(&mut Value)) -> Error {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        allow_private(document);
        change(document);
    });
    let event = taken(&pos, &[attachment]);
    let message = message(&event);
    clinic.partner.script(replies);
    let error = pos.engine.attachment_fetch(&message, 0, PATIENCE, None).expect_err("it was fetched");
    assert_eq!(read(&message, 0).unwrap_err().status(), EREF_NOT_FOUND, "nothing is put in place");
    assert_eq!(
        pos.engine.attachment_fetch(&message, 0, Duration::ZERO, None).unwrap_err().status(),
        EREF_TIMEOUT,
        "nothing is kept"
    );
    error
}

fn at(url: &str) -> Value {
    json!({"contentType": "application/pdf", "url": url})
}

#[test]
fn a_letter_that_is_only_a_url_is_fetched_once_and_kept_over_a_restart() {
    let clinic = Clinic::new();
    let pos = clinic.start(allow_private);
    let stated = json!({"contentType": "application/pdf", "title": "letter.pdf", "url": "ServiceRequest/r-1/$letter?attachments=true",
                        "size": LETTER.len(), "hash": sha1(LETTER)});
    let event = taken(&pos, &[json!({"contentType": "text/plain", "data": "SGVsbG8="}), stated]);
    let received = message(&event);
    assert_eq!(read(&received, 1).unwrap_err().status(), EREF_NOT_FOUND);
    clinic.partner.script([letter(PDF)]);
    pos.engine.attachment_fetch(&received, 1, PATIENCE, None).unwrap();
    assert_eq!(read(&received, 1).unwrap(), LETTER);
    received.attachment_check(1).unwrap();
    let asked = clinic.partner.messages();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/fhir/ServiceRequest/r-1/$letter?attachments=true");
    assert!(asked[0].head.to_lowercase().contains("authorization: bearer granted-token-000001"), "{}", asked[0].head);
    // What is in the message needs no fetching.
    pos.engine.attachment_fetch(&received, 0, PATIENCE, None).unwrap();
    assert_eq!(read(&received, 0).unwrap(), b"Hello");
    drop(event);
    pos.stop();
    drop(pos);

    let again = clinic.start(allow_private);
    let event = again.event(MESSAGE);
    let received = message(&event);
    again.engine.attachment_fetch(&received, 1, Duration::ZERO, None).unwrap();
    assert_eq!(read(&received, 1).unwrap(), LETTER);
    assert_eq!(received.attachment_type(1).unwrap(), Some("application/pdf"));
    assert_eq!(clinic.partner.messages().len(), 1, "it costs no network again");
    assert_eq!(again.engine.attachment_fetch(&received, 2, PATIENCE, None).unwrap_err().status(), EREF_NOT_FOUND);
    for name in ["pos.db", "pos.db-wal"] {
        let kept = std::fs::read(clinic.path(name)).unwrap();
        assert!(!kept.windows(LETTER.len()).any(|piece| piece == LETTER), "{name} holds the letter in clear");
    }
}

#[test]
fn a_token_that_ran_out_is_renewed_once() {
    let clinic = Clinic::new();
    let pos = clinic.start(allow_private);
    let received = message(&taken(&pos, &[at("Binary/1")]));
    clinic.partner.script([Reply::Answer(401, "", Vec::new()), letter(PDF)]);
    pos.engine.attachment_fetch(&received, 0, PATIENCE, None).unwrap();
    assert_eq!((read(&received, 0).unwrap(), clinic.partner.token_requests().len()), (LETTER.to_vec(), 2));
    let error = failure(at("Binary/1"), vec![Reply::Answer(401, "", Vec::new()), Reply::Answer(401, "", Vec::new())], |_| {});
    assert_eq!((error.status(), error.http_status()), (EREF_REMOTE, 401));
}

#[test]
fn a_redirect_is_followed_at_the_host_and_nowhere_else() {
    let clinic = Clinic::new();
    let pos = clinic.start(allow_private);
    let received = message(&taken(&pos, &[at("Binary/1")]));
    clinic.partner.script([Reply::Answer(302, "Location: /files/77\r\n", Vec::new()), letter(PDF)]);
    pos.engine.attachment_fetch(&received, 0, PATIENCE, None).unwrap();
    assert_eq!(clinic.partner.messages()[1].path, "/files/77");

    let elsewhere =
        failure(at("Binary/1"), vec![Reply::Answer(307, "Location: https://elsewhere.example/1\r\n", Vec::new())], |_| {});
    assert_eq!(elsewhere.status(), EREF_FORBIDDEN);
    let metadata = failure(at("Binary/1"), vec![Reply::Answer(302, "Location: https://169.254.169.254/\r\n", Vec::new())], |_| {});
    assert_eq!(metadata.status(), EREF_FORBIDDEN);
    let plain = failure(at("Binary/1"), vec![Reply::Answer(302, "Location: http://127.0.0.1/\r\n", Vec::new())], |_| {});
    assert_eq!(plain.status(), EREF_FORBIDDEN);
    let circle = vec![Reply::Answer(302, "Location: /again\r\n", Vec::new()); 4];
    assert_eq!(failure(at("Binary/1"), circle, |_| {}).status(), EREF_REMOTE);
}

#[test]
fn what_is_not_at_the_partners_hosts_is_not_asked_for() {
    let clinic = Clinic::new();
    let pos = clinic.start(allow_private);
    let urls = ["https://elsewhere.example/1", "https://127.0.0.1:1/1", "http://169.254.169.254/latest", "https://localhost/1"];
    let event = taken(&pos, &urls.map(at));
    for (index, url) in urls.into_iter().enumerate() {
        let error = pos.engine.attachment_fetch(&message(&event), index, PATIENCE, None).unwrap_err();
        assert_eq!(error.status(), EREF_FORBIDDEN, "{url}");
        assert!(!error.message().contains("elsewhere") && !error.message().contains("latest"), "{}", error.message());
    }
    assert!(clinic.partner.messages().is_empty() && clinic.partner.token_requests().is_empty(), "no credential leaves for them");
}

#[test]
fn private_addresses_are_dialled_for_partners_that_are_configured_so() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let event = taken(&pos, &[at("Binary/1")]);
    let error = pos.engine.attachment_fetch(&message(&event), 0, PATIENCE, None).unwrap_err();
    assert_eq!(error.status(), EREF_FORBIDDEN);
    assert!(error.message().contains("no address that may be fetched from"), "{}", error.message());
    assert!(clinic.partner.messages().is_empty());

    // A name that leads to a private address, and metadata services in any case.
    let named =
        |document: &mut Value| document["partners"][0]["messaging"]["attachment_hosts"] = json!(["localhost:9", "169.254.169.254"]);
    let pos = clinic.open(|document| {
        named(document);
        document["store"] = json!({"url": "sqlite:named.db", "key_file": "named.key"});
    });
    pos.start().unwrap();
    let pos = clinic.serving(pos);
    let event = taken(&pos, &[at("https://localhost:9/1"), at("https://169.254.169.254/1")]);
    for index in [0, 1] {
        assert_eq!(pos.engine.attachment_fetch(&message(&event), index, PATIENCE, None).unwrap_err().status(), EREF_FORBIDDEN);
    }
    pos.stop();
    let error = failure(at("https://169.254.169.254/1"), Vec::new(), |document| {
        document["partners"][0]["messaging"]["attachment_hosts"] = json!(["169.254.169.254"]);
    });
    assert_eq!(error.status(), EREF_FORBIDDEN, "not even with \"private\": true");
}

#[test]
fn every_failing_answer_has_its_status_and_leaves_nothing() {
    let answer = |status, headers, body: &[u8]| vec![Reply::Answer(status, headers, body.to_vec())];
    let cases: Vec<(&str, Vec<Reply>, i32, u16)> = vec![
        ("not there", answer(404, "", b""), EREF_NOT_FOUND, 404),
        ("gone", answer(410, "", b""), EREF_NOT_FOUND, 410),
        ("not allowed", answer(403, "", b""), EREF_REMOTE, 403),
        ("broken", answer(500, "", b""), EREF_REMOTE, 500),
        ("a part of it", answer(206, PDF, LETTER), EREF_REMOTE, 206),
        ("a sign-in page", answer(200, "Content-Type: text/html\r\n", b"<form>"), EREF_INVALID_CONTENT, 0),
        ("an outcome", answer(200, "Content-Type: application/fhir+json\r\n", b"{}"), EREF_INVALID_CONTENT, 0),
        ("cut", vec![Reply::Break], EREF_NETWORK, 200),
        ("10 GB", vec![Reply::Endless(true)], EREF_TOO_LARGE, 200),
    ];
    for (name, replies, status, http) in cases {
        let error = failure(at("Binary/1"), replies, |_| {});
        assert_eq!((error.status(), error.http_status()), (status, http), "{name}: {}", error.message());
        assert!(!error.message().contains("Binary"), "{}", error.message());
        assert_eq!(error.is_retriable(), matches!(http, 500) || name == "cut", "{name}");
    }
}

#[test]
fn a_letter_may_be_as_large_as_the_limit_and_no_larger() {
    let limit = |document: &mut Value| document["limits"] = json!({"attachment_bytes": 1024});
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        allow_private(document);
        limit(document);
    });
    let received = message(&taken(&pos, &[at("Binary/1")]));
    clinic.partner.script([Reply::Answer(200, PDF, vec![b'x'; 1024])]);
    pos.engine.attachment_fetch(&received, 0, PATIENCE, None).unwrap();
    assert_eq!(read(&received, 0).unwrap().len(), 1024);
    let error = failure(at("Binary/1"), vec![Reply::Answer(200, PDF, vec![b'x'; 1025])], limit);
    assert_eq!(error.status(), EREF_TOO_LARGE);
    assert!(error.message().contains("limits.attachment_bytes"), "{}", error.message());
}

#[test]
fn what_is_not_what_the_message_states_is_not_kept() {
    let wrong = |member: &str, value: Value| {
        let mut attachment = at("Binary/1");
        attachment[member] = value;
        failure(attachment, vec![letter(PDF)], |_| {})
    };
    let size = wrong("size", json!(LETTER.len() + 1));
    let hash = wrong("hash", json!(sha1(b"another letter")));
    let kind = wrong("contentType", json!("image/png"));
    assert_eq!([size.status(), hash.status(), kind.status()], [EREF_INVALID_CONTENT; 3]);
    assert!(size.message().contains("attachment.size") && hash.message().contains("attachment.hash"));
    assert!(kind.message().contains("media type"));
}

#[test]
fn a_partner_that_trickles_or_says_nothing_holds_the_caller_no_longer_than_it_wants() {
    for reply in [Reply::Trickle, Reply::Silent] {
        let clinic = Clinic::new();
        let pos = clinic.start(allow_private);
        let received = message(&taken(&pos, &[at("Binary/1")]));
        clinic.partner.script([reply.clone()]);
        let error = pos.engine.attachment_fetch(&received, 0, Duration::from_millis(400), None).unwrap_err();
        assert_eq!(error.status(), EREF_TIMEOUT);

        clinic.partner.script([reply]);
        let cancel = Cancel::default();
        let error = std::thread::scope(|scope| {
            let call = scope.spawn(|| pos.engine.attachment_fetch(&received, 0, PATIENCE, Some(&cancel)).unwrap_err());
            clinic::until("the request", || clinic.partner.messages().len() == 2);
            cancel.signal();
            call.join().unwrap()
        });
        assert_eq!(error.status(), EREF_CANCELLED);
        // The partner is well again: nothing of the broken tries is in the way.
        clinic.partner.script([letter(PDF)]);
        pos.engine.attachment_fetch(&received, 0, PATIENCE, None).unwrap();
        assert_eq!(read(&received, 0).unwrap(), LETTER);
    }
}

#[test]
fn only_a_received_message_of_a_known_partner_has_somewhere_to_fetch_from() {
    let clinic = Clinic::new();
    let pos = clinic.start(allow_private);
    let parsed = Message::parse(referral(&[at("Binary/1")]), &Limits::default()).unwrap();
    assert_eq!(pos.engine.attachment_fetch(&parsed, 0, PATIENCE, None).unwrap_err().status(), EREF_INVALID_ARGUMENT);
    let event = taken(&pos, &[json!({"title": "nothing"}), at("urn:uuid:00000000-0000-4000-8000-000000000900")]);
    assert_eq!(pos.engine.attachment_fetch(&message(&event), 0, PATIENCE, None).unwrap_err().status(), EREF_NOT_FOUND);
    assert_eq!(pos.engine.attachment_fetch(&message(&event), 1, PATIENCE, None).unwrap_err().status(), EREF_INVALID_CONTENT);
    let renamed = clinic.config(|document| {
        document["partners"][0]["name"] = json!("renamed");
    });
    pos.engine.configure(&renamed).unwrap();
    let error = pos.engine.attachment_fetch(&message(&event), 1, PATIENCE, None).unwrap_err();
    assert_eq!(error.status(), EREF_CONFIG);
}

#[test]
fn what_an_unproven_sender_points_at_is_not_asked_for() {
    let clinic = Clinic::new();
    let zone = jiff::tz::TimeZone::get("America/Toronto").unwrap();
    let until = jiff::Timestamp::now().to_zoned(zone).date().tomorrow().unwrap().to_string();
    let pos = clinic.start(|document| {
        allow_private(document);
        document["partners"][0]["messaging"]["inbound"] = json!({"none": {"until": until, "addresses": ["127.0.0.1"]}});
    });
    let body = referral(&[at("Binary/1")]);
    assert_eq!(pos.post("/fhir/$process-message", &[("content-type", "application/fhir+json")], &body).status, 200);
    let event = pos.event(MESSAGE);
    let error = pos.engine.attachment_fetch(&message(&event), 0, PATIENCE, None).unwrap_err();
    assert_eq!(error.status(), EREF_FORBIDDEN);
    assert!(clinic.partner.messages().is_empty());
}

#[test]
fn hosts_are_checked_with_the_configuration() {
    let clinic = Clinic::new();
    for host in ["https://files.example", "files.example/fhir", "user@files.example", "", "a b"] {
        let config = clinic.config(|document| document["partners"][0]["messaging"]["attachment_hosts"] = json!([host]));
        let error = ereferral::engine::Engine::open(&config).err().expect("it was taken");
        assert_eq!(error.status(), EREF_CONFIG, "{host}");
        assert!(error.message().contains("partners[0].messaging.attachment_hosts[0]"), "{}", error.message());
    }
}

#[test]
fn attachments_in_the_message_are_taken_at_the_limits_and_refused_over_them() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["limits"] = json!({"attachment_bytes": 3000, "attachments_bytes": 6000}));
    let of = |size: usize| json!({"contentType": "application/pdf", "data": BASE64_STANDARD.encode(vec![b'x'; size])});
    let event = taken(&pos, &[of(3000), of(3000)]);
    assert_eq!(read(&message(&event), 1).unwrap().len(), 3000);
    for (attachments, limit) in
        [(vec![of(3003)], "limits.attachment_bytes"), (vec![of(3000), of(3000), of(3)], "limits.attachments_bytes")]
    {
        let answer = pos.message(TOKEN, &referral(&attachments));
        let outcome = parsed(&answer.body);
        assert_eq!((answer.status, outcome["issue"][0]["code"].as_str()), (413, Some("too-long")));
        assert!(outcome.to_string().contains(limit), "{outcome}");
    }
}

#[test]
fn size_and_hash_of_what_came_with_the_message_are_checked() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let with = |size: usize, hash: String| json!({"contentType": "text/plain", "data": "SGVs\nbG8=", "size": size, "hash": hash});
    let event =
        taken(&pos, &[with(5, sha1(b"Hello")), with(4, sha1(b"Hello")), with(5, sha1(b"Hallo")), json!({"data": "SGVsbG8"})]);
    let issues = parsed(event.document().as_bytes())["issues"].to_string();
    assert!(issues.contains("attachment 1 states another size") && !issues.contains("attachment 0"), "{issues}");
    assert!(issues.contains(".content[1].attachment\""), "it has its place: {issues}");
    let received = message(&event);
    let checked = |index: usize| received.attachment_check(index).map_err(|error| error.message().to_owned());
    assert_eq!((checked(0), checked(3)), (Ok(()), Ok(())));
    assert!(checked(1).unwrap_err().contains("attachment.size") && checked(2).unwrap_err().contains("attachment.hash"));
    assert_eq!(read(&received, 2).unwrap(), b"Hello", "it can be read all the same");
    assert_eq!(received.attachment_type(0).unwrap(), Some("text/plain"));
    assert_eq!(received.attachment_check(4).unwrap_err().status(), EREF_NOT_FOUND);
}
