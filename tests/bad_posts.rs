//! Broken and repeated messages, posted to a serving engine.
//!
//! What the notes ask for and where it is proved, beyond this file:
//!
//! | messaging.md 8.3, as the receiver | test |
//! | --- | --- |
//! | 200 with a body | flows_receive `a_message_becomes_one_event_and_is_gone_when_done` |
//! | 400 | here `each_refusal_has_its_status_words_and_place`, bad_input.rs |
//! | 401 | flows_receive `only_a_known_token_opens_the_door` |
//! | 403 | guard.rs |
//! | 404, 405, 410 | here `a_wrong_path_or_method_is_told`; 410 is never answered |
//! | 408, 413, 503 of a body | process_message `a_body_that_does_not_arrive_is_answered_by_its_reason` |
//! | 409 | flows_receive `other_content_under_a_known_header_is_an_update_or_a_conflict_as_configured` |
//! | 413 at the limit | here `size_and_number_are_taken_at_the_limit_and_refused_above` |
//! | 415 | process_message `method_and_media_type_are_checked` |
//! | 500, 503 of the store | flows_receive `a_locked_store_is_told_to_sender_and_host_and_works_again_after` |
//!
//! | messaging.md 20 | test |
//! | --- | --- |
//! | 1 events, both directions, both dialects, unknown content | events.rs, traffic.rs `unknown_content_survives_the_engine_byte_for_byte` |
//! | 2 findings with a place | bad_input.rs, parse.rs `refuses_what_cannot_be_used_and_names_the_element` |
//! | 3 lenient receive, strict send | traffic.rs `every_oddity_is_read_and_none_is_an_error`; flows_send.rs |
//! | 4 retries against a failing peer | flows_send.rs, kill.rs |
//! | 5 dedupe | here `a_message_that_comes_again_is_known_by_its_ids`, with a restart between |
//! | 6 order of status, revoke racing with accept | sequences.rs |
//! | 7 role guard, forwarding, links, echo | sequences.rs, flows_receive.rs |
//! | 8 oddities of senders | traffic.rs |
//! | 9 attachments | parse.rs `attachments_beyond_the_limits_are_refused` |
//! | 10 no content in logs and errors | flows_canary.rs, parse.rs `errors_never_repeat_content` |

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/fixtures.rs"]
mod fixtures;

use clinic::{Clinic, OTHER_TOKEN, Serving, TOKEN, notification, parsed};
use ereferral::io::client::Answer;
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

const REQUEST: &str = "on-0.11.1/add-service-request";
const BOOKED: &str = "on-0.11.1/notify-add-appointment";

/// The one finding of a refusal, which must have words.
fn issue(answer: &Answer) -> Value {
    let outcome = parsed(&answer.body);
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome}");
    let issue = outcome["issue"][0].clone();
    assert!(issue["severity"] == "error" || issue["severity"] == "fatal", "{issue}");
    assert!(issue["details"]["text"].as_str().is_some_and(|text| text.len() > 10), "{issue}");
    issue
}

fn text(name: &str) -> String {
    String::from_utf8(fixtures::read(name)).unwrap()
}

fn assert_nothing_kept(pos: &Serving) {
    pos.assert_no_event(MESSAGE);
    let status = pos.status();
    assert_eq!((&status["store"]["events"]["waiting"], &status["store"]["referrals"]), (&json!(0), &json!(0)));
}

#[test]
fn each_refusal_has_its_status_words_and_place() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let good = text(REQUEST);
    let mut bundle: Value = serde_json::from_str(&good).unwrap();
    bundle["entry"].as_array_mut().unwrap().rotate_left(1);
    let header_last = bundle.to_string();
    let focus = good.replacen("\"focus\": [{", "\"focus\": [{\"x\": 1}], \"elsewhere\": [{", 1);
    let deep = good.replacen("\"reason\"", &format!("\"deep\": {}{}, \"reason\"", "[".repeat(10_000), "]".repeat(10_000)), 1);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin_1: Vec<u8> = good.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect();
    let rows: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("nothing", Vec::new(), 400, ""),
        ("half of it", good[..good.len() / 2].into(), 400, ""),
        ("UTF-16", utf16, 400, "UTF-8"),
        ("Latin-1", latin_1, 400, "UTF-8"),
        ("deep", deep.into(), 413, "limits.json_depth"),
        ("a member twice", good.replacen("\"type\":", "\"type\": \"message\", \"type\":", 1).into(), 400, "twice"),
        ("header last", header_last.into(), 400, "Bundle.entry[0].resource"),
        ("a focus that leads nowhere", focus.into(), 400, "Bundle.entry[0].resource.focus[0]"),
        ("no focus", good.replacen("\"focus\":", "\"elsewhere\":", 1).into(), 400, "Bundle.entry[0].resource.focus"),
        ("a collection", good.replacen("\"message\"", "\"collection\"", 1).into(), 400, "Bundle.type"),
        (
            "Parameters",
            format!("{{\"resourceType\":\"Parameters\",\"parameter\":[{{\"resource\":{good}}}]}}").into(),
            400,
            "Bundle.resourceType",
        ),
        ("NDJSON", format!("{good}\n{good}").into(), 400, ""),
    ];
    for (what, body, status, place) in rows {
        let answer = pos.message(TOKEN, &body);
        assert_eq!(answer.status, status, "{what}: {}", String::from_utf8_lossy(&answer.body));
        let issue = issue(&answer);
        assert!(issue.to_string().contains(place), "{what}: {issue}");
        assert!(!issue.to_string().contains("Testpatient"), "{what}: {issue}");
    }
    assert_nothing_kept(&pos);
    assert_eq!(pos.message(TOKEN, good.as_bytes()).status, 200, "nothing of the refused ones is in the way");
}

/// Every member of the header and of the focus as each other JSON type: whatever is answered, it is an answer.
#[test]
fn wrong_types_in_header_and_focus_are_answered_200_or_400() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let bundle: Value = serde_json::from_slice(&fixtures::read("notify-add-appointment-0.10")).unwrap();
    let members =
        |entry: usize| -> Vec<String> { bundle["entry"][entry]["resource"].as_object().unwrap().keys().cloned().collect() };
    for (entry, name) in (0..2).flat_map(|entry| members(entry).into_iter().map(move |name| (entry, name))) {
        for (at, other) in
            [Value::Null, json!(true), json!(7), json!("x"), json!([]), json!({}), json!([{}])].into_iter().enumerate()
        {
            let mut broken = bundle.clone();
            let ids = format!("{entry}-{name}-{at}");
            (broken["id"], broken["entry"][0]["resource"]["id"]) = (json!(format!("b-{ids}")), json!(format!("mh-{ids}")));
            broken["entry"][entry]["resource"][&name] = other;
            let answer = pos.message(TOKEN, broken.to_string().as_bytes());
            match answer.status {
                200 => drop(pos.event(MESSAGE).done()),
                400 => assert!(issue(&answer)["expression"][0].as_str().is_some_and(|place| place.starts_with("Bundle")), "{ids}"),
                other => panic!("{ids}: {other} {}", String::from_utf8_lossy(&answer.body)),
            }
        }
    }
    pos.assert_no_event(MESSAGE);
}

#[test]
fn size_and_number_are_taken_at_the_limit_and_refused_above() {
    let clinic = Clinic::new();
    let (first, second) = (text(REQUEST), text(BOOKED));
    let entries = |body: &str| parsed(body.as_bytes())["entry"].as_array().unwrap().len();
    assert!(entries(&first) > entries(&second));
    let limit = first.len() + 100;
    let pos = clinic.start(|document| {
        document["limits"] = json!({"message_bytes": limit, "bundle_entries": entries(&second)});
    });
    let padded = |body: &str, size: usize| format!("{body}{}", " ".repeat(size - body.len()));
    assert_eq!(pos.message(TOKEN, padded(&second, limit).as_bytes()).status, 200);
    pos.event(MESSAGE).done().unwrap();
    let rows = [(padded(&second, limit + 1), "limits.message_bytes"), (first, "limits.bundle_entries")];
    for (body, setting) in rows {
        let answer = pos.message(TOKEN, body.as_bytes());
        assert_eq!(answer.status, 413, "{setting}");
        let issue = issue(&answer);
        assert_eq!(issue["code"], "too-long", "{issue}");
        assert!(issue.to_string().contains(setting), "{issue}");
    }
    pos.assert_no_event(MESSAGE);
}

#[test]
fn a_byte_order_mark_reaches_the_host_as_it_came() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let body = [&b"\xef\xbb\xbf"[..], &fixtures::read(BOOKED)].concat();
    assert_eq!(pos.message(TOKEN, &body).status, 200);
    let event = pos.event(MESSAGE);
    assert_eq!(event.message().unwrap().unwrap().bundle(), body);
}

#[test]
fn a_wrong_path_or_method_is_told() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/fhir+json")];
    for path in ["/fhir/$process-messagez", "/fhir/process-message", "/$process-message", "/fhir/Bundle/$process-message"] {
        assert_eq!(pos.post(path, &headers, &fixtures::read(BOOKED)).status, 404, "{path}");
    }
    assert_eq!(pos.get("/fhir/$process-messages", &headers).status, 405);
    assert_nothing_kept(&pos);
}

/// What comes second, and what becomes of it (messaging.md 10.1).
#[test]
fn a_message_that_comes_again_is_known_by_its_ids() {
    let changed = |header: &str, bundle: &str| {
        String::from_utf8(notification(header, bundle, "R-1")).unwrap().replace("\"booked\"", "\"cancelled\"").into_bytes()
    };
    let other = || notification("mh-a", "b-a", "R-2");
    #[rustfmt::skip]
    let rows = [
        // what, setting for changed content, token, body, status, answered as before, a new event
        ("both ids known", "update", TOKEN, notification("mh-a", "b-a", "R-1"), 200, true, false),
        ("known header in a new Bundle", "update", TOKEN, notification("mh-a", "b-b", "R-1"), 200, true, false),
        ("both ids new", "update", TOKEN, notification("mh-b", "b-b", "R-1"), 200, false, true),
        ("known Bundle with a new header", "update", TOKEN, notification("mh-b", "b-a", "R-1"), 400, false, false),
        ("known header, other content", "update", TOKEN, changed("mh-a", "b-b"), 200, false, true),
        ("known header, other content, same Bundle", "update", TOKEN, changed("mh-a", "b-a"), 200, false, true),
        ("known header, other content, refused", "refuse", TOKEN, changed("mh-a", "b-b"), 409, false, false),
        ("known ids from another partner", "update", OTHER_TOKEN, other(), 200, false, true),
    ];
    for (what, setting, token, body, status, replayed, event) in rows {
        for restart in [false, true] {
            let clinic = Clinic::new();
            let open = || clinic.start(|document| document["partners"][0]["messaging"]["changed_content"] = json!(setting));
            let mut pos = open();
            let first = pos.message(TOKEN, &notification("mh-a", "b-a", "R-1"));
            assert_eq!(first.status, 200);
            pos.event(MESSAGE).done().unwrap();
            if restart {
                pos.stop();
                drop(pos);
                pos = open();
            }
            let second = pos.message(token, &body);
            assert_eq!(second.status, status, "{what}: {}", String::from_utf8_lossy(&second.body));
            assert_eq!(second.body == first.body, replayed, "{what}");
            if event {
                pos.event(MESSAGE).done().unwrap();
            }
            pos.assert_no_event(MESSAGE);
        }
    }
}
