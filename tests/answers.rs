//! What a sender gets back: the response Bundle, the Task of a new referral, nothing where nothing is wanted, and every status.

#[path = "support/clinic.rs"]
mod clinic;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use clinic::{CLIENT_SECRET, Clinic, OTHER_TOKEN, Serving, TOKEN, notification, parsed};
use ereferral::io::client::Answer;
use ereferral::proto::messaging::Message;
use ereferral::proto::settings::Limits;
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

const PROFILE: &str = "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-";
const RESPONSE_REQUEST: &str = "http://hl7.org/fhir/StructureDefinition/messageheader-response-request";

fn referral(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_str(include_str!("fixtures/add-service-request-0.11.json")).unwrap();
    change(&mut bundle);
    bundle.to_string().into_bytes()
}

/// The first resource of a type.
fn resource<'v>(bundle: &'v mut Value, kind: &str) -> &'v mut Value {
    let entries = bundle["entry"].as_array_mut().unwrap();
    let found = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == kind);
    &mut found.unwrap_or_else(|| panic!("no {kind}"))["resource"]
}

fn types(bundle: &Value) -> Vec<&str> {
    bundle["entry"].as_array().unwrap().iter().map(|entry| entry["resource"]["resourceType"].as_str().unwrap()).collect()
}

/// Every reference of a Bundle.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            found.extend(members.get("reference").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        _ => {}
    }
}

fn taken(pos: &Serving, body: &[u8]) -> Value {
    let answer = pos.message(TOKEN, body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    parsed(&answer.body)
}

fn answer_of(setting: Value, body: &[u8]) -> Answer {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        let messaging = document["partners"][0]["messaging"].as_object_mut().unwrap();
        messaging.extend(setting.as_object().unwrap().clone());
    });
    pos.message(TOKEN, body)
}

#[test]
fn a_new_referral_is_answered_with_a_task_and_what_a_task_message_holds() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let mut answer = taken(&pos, &referral(|_| {}));
    let text = answer.to_string();
    assert!(!text.contains("DocumentReference") && !text.contains("QuestionnaireResponse"), "documents are not sent back");

    // A message by the library's own rules.
    let message = Message::parse(text.into_bytes(), &Limits::default()).unwrap();
    assert_eq!((message.event(), message.is_test()), ("notify-add-process-request", true));
    assert_eq!(message.field("task.status").unwrap().as_deref(), Some("received"));
    assert!(message.field("patient.name.family").unwrap().is_some());
    assert!(message.field("requester.name.family").unwrap().is_some());

    let kinds = types(&answer);
    assert_eq!(kinds[..3], ["MessageHeader", "Task", "ServiceRequest"]);
    for kind in ["Patient", "PractitionerRole", "Practitioner"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let urls: Vec<String> =
        answer["entry"].as_array().unwrap().iter().map(|entry| entry["fullUrl"].as_str().unwrap().to_owned()).collect();
    let mut all = Vec::new();
    references(&answer, &mut all);
    assert!(all.len() > 8);
    for reference in all {
        assert!(urls.contains(&reference), "{reference} leads nowhere");
    }
    for entry in answer["entry"].as_array().unwrap() {
        assert_eq!(entry["resource"]["meta"]["security"][0]["code"], "HTEST", "{entry}");
    }
    let number = resource(&mut answer, "ServiceRequest")["identifier"][0].clone();
    let task = resource(&mut answer, "Task").clone();
    assert_eq!(task["meta"]["profile"][0], format!("{PROFILE}Task|1.0.0"));
    assert_eq!((&task["status"], &task["intent"]), (&json!("received"), &json!("order")));
    assert_eq!(task["code"]["coding"][0]["code"], "process-request");
    let based_on = &task["basedOn"][0]["identifier"];
    assert_eq!((&based_on["system"], &based_on["value"]), (&number["system"], &number["value"]));
    assert_eq!(task["identifier"][0]["system"], "https://pos.test/fhir/NamingSystem/task");
    let header = &answer["entry"][0]["resource"];
    assert_eq!(header["response"]["identifier"], "00000000-0000-4000-8000-000000000001");
    assert_eq!((&header["author"], &header["destination"][0]["receiver"]), (&task["owner"], &task["requester"]));
}

#[test]
fn a_referral_always_has_the_same_task() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["partners"][0]["messaging"]["confirm_revoke"] = json!(true));
    let task = |answer: &mut Value| resource(answer, "Task")["identifier"].clone();
    let first = task(&mut taken(&pos, &referral(|_| {})));
    let mut revoked = taken(
        &pos,
        &referral(|bundle| {
            bundle["id"] = json!("another-bundle");
            bundle["entry"][0]["fullUrl"] = json!("urn:uuid:00000000-0000-4000-8000-000000000777");
            let header = resource(bundle, "MessageHeader");
            (header["id"], header["eventCoding"]["code"]) =
                (json!("00000000-0000-4000-8000-000000000777"), json!("revoke-service-request"));
            resource(bundle, "ServiceRequest")["status"] = json!("revoked");
        }),
    );
    assert_eq!(revoked["entry"][0]["resource"]["eventCoding"]["code"], "notify-update-process-request");
    assert_eq!(resource(&mut revoked, "Task")["status"], "cancelled");
    assert_eq!(task(&mut revoked), first);

    // What the host composes later is about that Task too.
    let mut draft = pos.engine.draft("rms", "notify-update-process-request").unwrap();
    let number = resource(&mut revoked, "ServiceRequest")["identifier"][0].clone();
    draft.set("referral.identifier[0].system", number["system"].as_str().unwrap()).unwrap();
    draft.set("referral.identifier[0].value", number["value"].as_str().unwrap()).unwrap();
    for (name, value) in clinic::REFERRAL.iter().filter(|(name, _)| !name.starts_with("referral.")) {
        draft.set(name, value).unwrap();
    }
    draft.set("task.status", "accepted").unwrap();
    let mut composed = parsed(pos.engine.draft_build(&draft).unwrap().bundle());
    assert_eq!(task(&mut composed), first);
}

/// The same referral in another message.
fn again(event: &str, number: u32, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let id = format!("00000000-0000-4000-8000-000000000{number}");
    referral(|bundle| {
        (bundle["id"], bundle["entry"][0]["fullUrl"]) = (json!(format!("bundle-{number}")), json!(format!("urn:uuid:{id}")));
        let header = resource(bundle, "MessageHeader");
        (header["id"], header["eventCoding"]["code"]) = (json!(id), json!(event));
        change(bundle);
    })
}

#[test]
fn what_was_answered_is_known_and_not_denied_later() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["partners"][0]["messaging"]["confirm_revoke"] = json!(true));
    let told = || {
        let mut event = pos.event(MESSAGE);
        let document = parsed(event.document().as_bytes());
        event.done().unwrap();
        document
    };
    let known = |told: &Value| parsed(pos.engine.referral_find("", told["referral_id"].as_str().unwrap()).unwrap().as_bytes());
    let mut first = taken(&pos, &referral(|_| {}));
    assert_eq!(known(&told())["task_status"], "received");
    // The sender repeats our Task: no news.
    let task = first["entry"].as_array_mut().unwrap().iter().find(|entry| entry["resource"]["resourceType"] == "Task").unwrap();
    let echo = again("notify-update-service-request", 801, |bundle| bundle["entry"].as_array_mut().unwrap().push(task.clone()));
    taken(&pos, &echo);
    let echoed = told();
    assert!(!echoed["changes"].to_string().contains("tasks["), "{}", echoed["changes"]);
    // What we confirmed is what we say from then on.
    let revoke = |bundle: &mut Value| resource(bundle, "ServiceRequest")["status"] = json!("revoked");
    let mut revoked = taken(&pos, &again("revoke-service-request", 802, revoke));
    assert_eq!(resource(&mut revoked, "Task")["status"], "cancelled");
    assert_eq!(known(&told())["task_status"], "cancelled");
    let mut repeated = taken(&pos, &again("add-service-request", 803, |_| {}));
    assert_eq!(resource(&mut repeated, "Task")["status"], "cancelled");
    assert_eq!(known(&told())["task_status"], "cancelled");
    pos.stop();
}

#[test]
fn messages_of_the_oldest_spelling_get_a_task_whose_references_resolve() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    // No fullUrl, references by type and id.
    let text = String::from_utf8(referral(|_| {})).unwrap();
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<(String, String)> = bundle["entry"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .map(|entry| {
            let url = entry["fullUrl"].as_str().unwrap().to_owned();
            entry.as_object_mut().unwrap().remove("fullUrl");
            let kind = entry["resource"]["resourceType"].as_str().unwrap().to_owned();
            let id = url.rsplit(':').next().unwrap().trim_start_matches("00000000-0000-4000-8000-").to_owned();
            entry["resource"]["id"] = json!(id);
            (url, format!("{kind}/{id}"))
        })
        .collect();
    let mut text = bundle.to_string();
    for (url, name) in &names {
        text = text.replace(&format!("{{\"reference\":\"{url}\""), &format!("{{\"reference\":\"{name}\""));
    }
    let answer = taken(&pos, text.as_bytes());
    let mut all = Vec::new();
    references(&answer, &mut all);
    let urls: Vec<&str> = answer["entry"].as_array().unwrap().iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
    assert!(types(&answer).contains(&"Patient") && all.len() > 8, "{answer}");
    assert!(all.iter().all(|reference| reference.starts_with("urn:uuid:") && urls.contains(&reference.as_str())), "{all:?}");
}

#[test]
fn the_answer_is_a_header_only_where_no_task_is_due() {
    let header_only = |answer: &Answer| {
        let bundle = parsed(&answer.body);
        assert_eq!(answer.status, 200);
        types(&bundle).iter().all(|kind| matches!(*kind, "MessageHeader" | "OperationOutcome"))
    };
    assert!(header_only(&answer_of(json!({}), &notification("mh-a", "b-a", "R-1"))), "a notification");
    assert!(header_only(&answer_of(json!({"answer": "header"}), &referral(|_| {}))), "by setting");
    let revoked = referral(|bundle| resource(bundle, "MessageHeader")["eventCoding"]["code"] = json!("revoke-service-request"));
    assert!(header_only(&answer_of(json!({}), &revoked)), "a person decides");
    assert!(!header_only(&answer_of(json!({"confirm_revoke": true}), &revoked)));
    let crowded = referral(|bundle| {
        let note = "x".repeat(1 << 20);
        resource(bundle, "ServiceRequest")["note"] = json!([{ "text": note }]);
    });
    assert!(header_only(&answer_of(json!({}), &crowded)), "too much to send back");
    let stranger = referral(|bundle| {
        resource(bundle, "ServiceRequest").as_object_mut().unwrap().remove("subject");
    });
    assert!(header_only(&answer_of(json!({}), &stranger)), "without a patient there is no Task message");
}

#[test]
fn a_notification_may_be_answered_with_nothing() {
    let answer = answer_of(json!({"answer": "empty"}), &notification("mh-a", "b-a", "R-1"));
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(!answer.headers.contains_key("content-type"));
    let answer = answer_of(json!({"answer": "empty"}), &referral(|_| {}));
    assert_eq!(parsed(&answer.body)["resourceType"], "Bundle", "what has consequences is answered");
}

#[test]
fn a_sender_that_wants_no_answer_gets_none_and_a_refusal_all_the_same() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    for (index, (wish, status)) in [("always", 200), ("on-success", 200), ("on-error", 204), ("never", 204)].into_iter().enumerate()
    {
        let ask = |bundle: &mut Value| {
            bundle["id"] = json!(format!("bundle-{index}"));
            bundle["entry"][0]["fullUrl"] = json!(format!("urn:uuid:00000000-0000-4000-8000-00000000077{index}"));
            let header = resource(bundle, "MessageHeader");
            header["id"] = json!(format!("00000000-0000-4000-8000-00000000077{index}"));
            header["extension"].as_array_mut().unwrap().push(json!({"url": RESPONSE_REQUEST, "valueCode": wish}));
        };
        let first = pos.message(TOKEN, &referral(ask));
        assert_eq!((first.status, first.body.is_empty()), (status, status == 204), "{wish}");
        pos.event(MESSAGE).done().unwrap();
        let again = pos.message(TOKEN, &referral(ask));
        assert_eq!((again.status, again.body), (status, first.body), "{wish}, repeated");
        let broken = referral(|bundle| {
            ask(bundle);
            resource(bundle, "MessageHeader")["focus"] = json!([]);
        });
        let refused = pos.message(TOKEN, &broken);
        assert_eq!((refused.status, parsed(&refused.body)["resourceType"].as_str()), (400, Some("OperationOutcome")), "{wish}");
    }
    pos.assert_no_event(MESSAGE);
}

#[test]
fn what_was_found_odd_is_told_as_warnings_in_the_answer() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let mut answer = taken(&pos, &referral(|bundle| bundle["total"] = json!(3)));
    let details = answer["entry"][0]["resource"]["response"]["details"]["reference"].clone();
    let entry = answer["entry"].as_array().unwrap().iter().find(|entry| entry["fullUrl"] == details).expect("the details resolve");
    assert_eq!(entry["resource"]["resourceType"], "OperationOutcome");
    let outcome = resource(&mut answer, "OperationOutcome");
    assert_eq!(outcome["meta"]["profile"][0], format!("{PROFILE}OperationOutcome|1.0.0"));
    let issues = outcome["issue"].as_array().unwrap();
    assert!(issues.iter().any(|issue| issue["expression"][0] == "Bundle.total"), "{issues:?}");
    assert!(issues.iter().all(|issue| issue["severity"] == "warning" || issue["severity"] == "information"));
    assert!(!outcome.to_string().contains("Testpatient"));
}

#[test]
fn the_answer_survives_a_restart_byte_for_byte() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let first = pos.message(TOKEN, &referral(|_| {}));
    pos.stop();
    drop(pos);
    let again = clinic.start(|document| document["partners"][0]["messaging"]["answer"] = json!("header"));
    assert_eq!(again.message(TOKEN, &referral(|_| {})).body, first.body);
}

#[test]
fn a_refusal_carries_the_dialects_profile_and_a_severity_of_failure() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let answer = pos.message(TOKEN, b"{}");
    let outcome = parsed(&answer.body);
    assert_eq!(answer.status, 400);
    assert_eq!(outcome["meta"]["profile"][0], format!("{PROFILE}OperationOutcome|1.0.0"));
    assert!(["error", "fatal"].contains(&outcome["issue"][0]["severity"].as_str().unwrap()));
}

#[test]
fn another_partner_of_the_same_ids_gets_an_answer_of_its_own_or_none() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    taken(&pos, &referral(|_| {}));
    let other = pos.message(OTHER_TOKEN, &referral(|_| {}));
    assert_eq!(other.status, 403);
    assert!(!String::from_utf8_lossy(&other.body).contains("Task"));
}

/// Sends these bytes and reads to the end; the status, and what came behind it. `cut` says that no more will follow.
fn raw(address: &str, bytes: &[u8], cut: bool) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    if cut {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    (text.get(9..12).map_or(0, |status| status.parse().unwrap()), text)
}

#[test]
fn every_status_that_a_receiver_gives() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        document["listen"] = json!([{"address": "127.0.0.1:0"}]);
        document["limits"] = json!({"message_bytes": 100_000, "in_flight_bytes": 1 << 20, "body_ms": 200});
        document["partners"][0]["messaging"]["changed_content"] = json!("refuse");
        document["partners"][1]["messaging"]["inbound"] =
            json!({"client_credentials": {"client_id": "other-messages", "client_secret": CLIENT_SECRET}});
    });
    let address = pos.status()["addresses"][0].as_str().unwrap().to_owned();
    let json = "Content-Type: application/fhir+json\r\n";
    let head = |line: &str, headers: &str, length: usize| {
        format!("{line} HTTP/1.1\r\nHost: pos.test\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n")
    };
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let whole =
        |line: &str, headers: &str, body: &[u8]| raw(&address, &[head(line, headers, body.len()).as_bytes(), body].concat(), false);
    let post = |body: &[u8]| whole("POST /fhir/$process-message", &format!("{bearer}{json}"), body);
    let good = referral(|_| {});

    for path in ["/fhir/$process-message", "/fhir/$process-messages", "/fhir/MessageHeader/$process-message"] {
        assert_eq!(whole(&format!("POST {path}"), &format!("{bearer}{json}"), &good).0, 200, "{path}");
    }
    assert_eq!(post(b"{").0, 400);
    assert_eq!(whole("POST /fhir/$process-message", json, &good).0, 401);
    for path in ["/fhir/$process", "/$process-message", "/fhir/Bundle/$process-message", "/other"] {
        let (status, text) = whole(&format!("POST {path}"), &format!("{bearer}{json}"), &good);
        assert_eq!((status, text.contains("Testpatient")), (404, false), "{path}");
    }
    assert_eq!(whole("PUT /fhir/$process-message", &format!("{bearer}{json}"), &good).0, 405);
    let partly = [head("POST /fhir/$process-message", &format!("{bearer}{json}"), good.len()).as_bytes(), &good[..100]].concat();
    assert_eq!(raw(&address, &partly, false).0, 408);
    let changed = referral(|bundle| resource(bundle, "ServiceRequest")["priority"] = json!("stat"));
    assert_eq!(post(&changed).0, 409);
    assert_eq!(post(&vec![b' '; 100_001]).0, 413);
    assert_eq!(whole("POST /fhir/$process-message", &format!("{bearer}Content-Type: text/xml\r\n"), &good).0, 415);

    // A store that is damaged; one that may be well again answers 503, as tests/flows_receive.rs shows, and so does one that has too much
    // under way (tests/net_listener.rs).
    let form = format!("grant_type=client_credentials&client_id=other-messages&client_secret={CLIENT_SECRET}");
    let (_, granted) = whole("POST /auth/token", "Content-Type: application/x-www-form-urlencoded\r\n", form.as_bytes());
    let granted: Value = serde_json::from_str(granted.split_once("\r\n\r\n").unwrap().1).unwrap();
    let token = format!("Authorization: Bearer {}\r\n", granted["access_token"].as_str().unwrap());
    assert_eq!(whole("POST /fhir/$process-message", &format!("{token}{json}"), &good).0, 403, "another partner's referral");
    let store = rusqlite::Connection::open(clinic.path("pos.db")).unwrap();
    store.execute_batch("UPDATE token SET kind = 'damaged'").unwrap();
    assert_eq!(whole("POST /fhir/$process-message", &format!("{token}{json}"), &good).0, 500);
}

#[test]
fn a_sender_that_shows_nothing_gets_no_content_back() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        let tomorrow = jiff::Zoned::now().tomorrow().unwrap().date().to_string();
        document["partners"][1]["messaging"]["inbound"] = json!({"none": {"until": tomorrow, "addresses": ["127.0.0.1"]}});
    });
    let odd = referral(|bundle| bundle["total"] = json!(3));
    for _ in 0..2 {
        let answer = pos.post("/fhir/$process-message", &[("content-type", "application/fhir+json")], &odd);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", String::from_utf8_lossy(&answer.body));
    }
}
