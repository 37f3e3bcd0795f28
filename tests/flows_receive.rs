//! Receiving: a partner posts a message, the host takes it as an event, and what must not come in stays out.

#[path = "support/clinic.rs"]
mod clinic;

use clinic::{Clinic, OTHER_TOKEN, Serving, TOKEN, notification, parsed};
use ereferral::io::client::Answer;
use ereferral::proto::store::event_kind::{ALERT, MESSAGE};
use serde_json::{Value, json};

/// The finding of a refusal.
fn issue(answer: &Answer) -> Value {
    let outcome = parsed(&answer.body);
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome}");
    assert_eq!(outcome["issue"][0]["severity"], "error");
    outcome["issue"][0].clone()
}

fn take(serving: &Serving) -> Value {
    let mut event = serving.event(MESSAGE);
    let document = serde_json::from_str(event.document()).unwrap();
    event.done().unwrap();
    document
}

#[test]
fn a_message_becomes_one_event_and_is_gone_when_done() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let body = notification("mh-a", "b-a", "R-1");
    let answer = pos.message(TOKEN, &body);
    assert_eq!(answer.status, 200);
    let header = &parsed(&answer.body)["entry"][0]["resource"];
    assert_eq!((&header["response"]["identifier"], &header["response"]["code"]), (&json!("mh-a"), &json!("ok")));

    let event = pos.event(MESSAGE);
    assert_eq!(event.attempt(), 1);
    let message = event.message().unwrap().unwrap();
    assert_eq!(message.event(), "notify-add-appointment");
    assert_eq!(message.bundle(), body, "the Bundle is kept byte for byte");
    let id = event.id().to_owned();
    drop(event);
    let mut again = pos.event(MESSAGE);
    assert_eq!((again.id(), again.attempt()), (id.as_str(), 2), "freed without done, it comes again");
    again.done().unwrap();
    pos.assert_no_event(MESSAGE);
    pos.stop();
    drop(pos);
    clinic.start(|_| {}).assert_no_event(MESSAGE);
}

#[test]
fn what_was_taken_is_readable_whatever_the_limits_are_by_then() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["limits"] = json!({"json_values": 1_000_000}));
    let mut body = parsed(&notification("mh-a", "b-a", "R-1"));
    body["entry"][1]["resource"]["note"] = vec![0; 310_000].into();
    let body = body.to_string().into_bytes();
    assert_eq!(pos.message(TOKEN, &body).status, 200);
    let event = pos.event(MESSAGE);
    assert_eq!(event.message().unwrap().unwrap().bundle().len(), body.len());
}

#[test]
fn a_repeated_message_gets_the_same_answer_and_no_second_event() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let body = notification("mh-a", "b-a", "R-1");
    let first = pos.message(TOKEN, &body);
    take(&pos);
    for path in ["/fhir/$process-message", "/fhir/$process-messages", "/fhir/MessageHeader/$process-message"] {
        let authorization = format!("Bearer {TOKEN}");
        let again =
            pos.post(path, &[("authorization", &authorization), ("content-type", "application/json; charset=utf-8")], &body);
        assert_eq!((again.status, &again.body), (200, &first.body), "{path}");
    }
    pos.assert_no_event(MESSAGE);
}

#[test]
fn other_content_under_a_known_header_is_an_update_or_a_conflict_as_configured() {
    let body = notification("mh-a", "b-a", "R-1");
    let changed = String::from_utf8(body.clone()).unwrap().replace("\"booked\"", "\"cancelled\"").into_bytes();
    assert_ne!(body, changed);
    for (setting, status) in [("update", 200), ("refuse", 409)] {
        let clinic = Clinic::new();
        let pos = clinic.start(|document| document["partners"][0]["messaging"]["changed_content"] = json!(setting));
        assert_eq!(pos.message(TOKEN, &body).status, 200);
        take(&pos);
        let answer = pos.message(TOKEN, &changed);
        assert_eq!(answer.status, status, "{setting}");
        if status == 200 {
            take(&pos);
        } else {
            assert_eq!(issue(&answer)["expression"][0], "Bundle.entry[0].resource.id");
        }
        pos.assert_no_event(MESSAGE);
    }
}

#[test]
fn a_bundle_id_that_came_with_another_header_is_refused() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    assert_eq!(pos.message(TOKEN, &notification("mh-a", "b-a", "R-1")).status, 200);
    take(&pos);
    let answer = pos.message(TOKEN, &notification("mh-b", "b-a", "R-1"));
    assert_eq!(answer.status, 400);
    assert_eq!(issue(&answer)["expression"][0], "Bundle.id");
    pos.assert_no_event(MESSAGE);
}

#[test]
fn test_data_is_refused_by_a_production_engine() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["test"] = json!(false));
    let answer = pos.message(TOKEN, &notification("mh-a", "b-a", "R-1"));
    assert_eq!(answer.status, 400);
    assert!(issue(&answer)["details"]["text"].as_str().unwrap().contains("HTEST"));
    pos.assert_no_event(MESSAGE);
    assert_eq!(pos.status()["store"]["referrals"], 0);
}

#[test]
fn a_partner_cannot_touch_another_partners_referral() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let first = pos.message(TOKEN, &notification("mh-a", "b-a", "R-1"));
    let id = take(&pos)["referral_id"].as_str().unwrap().to_owned();
    let before = pos.engine.referral_find("", &id).unwrap();

    let replayed = pos.message(OTHER_TOKEN, &notification("mh-a", "b-a", "R-1"));
    let touched = pos.message(OTHER_TOKEN, &notification("mh-x", "b-x", "R-1"));
    for answer in [&replayed, &touched] {
        // As for a number that nobody knows: it waits for a person, as a referral of its own.
        assert_eq!(answer.status, 200);
        assert_ne!(answer.body, first.body);
        assert_ne!(answer.body, first.body);
    }
    for _ in 0..2 {
        let told = take(&pos);
        assert!(told["unlinked"] == true && told["referral_id"] != json!(id), "{told}");
    }
    let after = pos.engine.referral_find("", &id).unwrap();
    assert_eq!(before, after);

    // The ids of one partner mean nothing for another: its own message under the same ids is a new one.
    let own = pos.message(OTHER_TOKEN, &notification("mh-a", "b-a", "R-2"));
    assert_eq!(own.status, 200);
    assert_eq!(take(&pos)["partner"], "other");
    assert_eq!(pos.message(OTHER_TOKEN, &notification("mh-c", "b-c", "R-2")).status, 200);
    take(&pos);
    assert_eq!(pos.message(TOKEN, &notification("mh-a", "b-a", "R-1")).body, first.body);
}

#[test]
fn only_a_known_token_opens_the_door() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let body = notification("mh-a", "b-a", "R-1");
    for authorization in [
        None,
        Some("Bearer inbound-token-of-the-rms-0002"),
        Some("Bearer "),
        Some("Basic aW5ib3VuZDp0b2tlbg=="),
        Some("inbound-token-of-the-rms-0001"),
    ] {
        let mut headers = vec![("content-type", "application/fhir+json")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let answer = pos.post("/fhir/$process-message", &headers, &body);
        assert_eq!(answer.status, 401, "{authorization:?}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(issue(&answer)["code"], "login");
    }
    pos.assert_no_event(MESSAGE);
    assert_eq!(pos.message(TOKEN, &body).status, 200);
}

#[test]
fn each_broken_message_is_refused_with_the_place_and_leaves_nothing() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["limits"] = json!({"message_bytes": 100_000, "json_depth": 32}));
    let good = String::from_utf8(notification("mh-a", "b-a", "R-1")).unwrap();
    let deep = format!("{{\"resourceType\":\"Bundle\",\"x\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let twice = good.replacen("\"type\": \"message\"", "\"type\": \"message\", \"type\": \"message\"", 1);
    assert_ne!(good, twice);
    let cases: [(&str, String, u16, &str); 9] = [
        ("not JSON", "<Bundle/>".to_owned(), 400, ""),
        ("empty", String::new(), 400, ""),
        ("truncated", good[..good.len() / 2].to_owned(), 400, ""),
        ("too deep", deep, 413, "json_depth"),
        ("a member twice", twice, 400, "Bundle"),
        ("not a Bundle", "{\"resourceType\":\"Patient\"}".to_owned(), 400, "resourceType"),
        ("not a message", good.replacen("\"type\": \"message\"", "\"type\": \"batch\"", 1), 400, "Bundle.type"),
        ("unknown event", good.replace("notify-add-appointment", "notify-unheard-of"), 400, "eventCoding"),
        ("too large", format!("{good}{}", " ".repeat(100_000)), 413, "message_bytes"),
    ];
    for (name, body, status, place) in cases {
        let answer = pos.message(TOKEN, body.as_bytes());
        assert_eq!(answer.status, status, "{name}: {}", String::from_utf8_lossy(&answer.body));
        let issue = issue(&answer);
        assert!(!issue["details"]["text"].as_str().unwrap().is_empty(), "{name}");
        assert!(issue.to_string().contains(place), "{name}: {issue}");
    }
    let mut not_utf8 = good.clone().into_bytes();
    not_utf8[40] = 0xff;
    assert_eq!(pos.message(TOKEN, &not_utf8).status, 400);

    let authorization = format!("Bearer {TOKEN}");
    let authorized = ("authorization", authorization.as_str());
    let answer = pos.post("/fhir/$process-message", &[authorized, ("content-type", "text/plain")], good.as_bytes());
    assert_eq!((answer.status, issue(&answer)["code"].as_str()), (415, Some("not-supported")));
    let answer = pos.get("/fhir/$process-message", &[authorized]);
    assert_eq!((answer.status, answer.headers["allow"].to_str().unwrap()), (405, "POST"));
    issue(&answer);

    pos.assert_no_event(MESSAGE);
    let status = pos.status();
    assert_eq!((&status["store"]["events"]["waiting"], &status["store"]["referrals"]), (&json!(0), &json!(0)));
    assert_eq!(pos.message(TOKEN, good.as_bytes()).status, 200, "nothing of the refused ones is in the way");
}

#[test]
fn a_locked_store_is_told_to_sender_and_host_and_works_again_after() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let body = notification("mh-a", "b-a", "R-1");
    let lock = rusqlite::Connection::open(clinic.path("pos.db")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let answer = pos.message(TOKEN, &body);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "30");
    assert_eq!(issue(&answer)["code"], "transient");
    let alert = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!((&alert["alert"], &alert["started"]), (&json!("store-failing"), &json!(true)));
    assert_eq!(pos.status()["alerts"][0]["alert"], "store-failing");

    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(pos.message(TOKEN, &body).status, 200);
    take(&pos);
    let alert = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!((&alert["alert"], &alert["started"]), (&json!("store-failing"), &json!(false)));
    assert_eq!(pos.status()["alerts"], json!([]));
}
