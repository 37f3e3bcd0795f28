//! Every document that a host sees or hands over is what docs/schema says: nothing required is missing, and nothing is undescribed.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/clinic.rs"]
mod clinic;

use std::path::Path;
use std::thread;
use std::time::Duration;

use browser::{launch_request, read, token, write_letter};
use clinic::partner::Reply;
use clinic::{Clinic, Serving, TOKEN, notification, parsed};
use ereferral::engine::Event;
use ereferral::proto::store::event_kind::{ALERT, DELIVERY, LAUNCH, MESSAGE, QUESTION, WRITE};
use jsonschema::Validator;
use serde_json::{Value, json};

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schema/{name}.json"));
    parsed(&std::fs::read(path).unwrap())
}

/// Hosts must bear new members, so the schemas allow them; here an undescribed member is a mistake.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("properties").is_some_and(Value::is_object) && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

fn errors(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The document is as described, and the schema asks for something: without its members it fails.
fn assert_described(name: &str, text: &str) -> Value {
    let mut schema = schema(name);
    close(&mut schema);
    let (validator, document) = (validator(&schema), parsed(text.as_bytes()));
    let errors = errors(&validator, &document);
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
    assert!(!validator.is_valid(&json!({})), "{name}: the schema asks for nothing");
    document
}

fn assert_event(pos: &Serving, kind: u32, schema: &str) -> (Event, Value) {
    let event = pos.event(kind);
    let document = assert_described(schema, event.document());
    (event, document)
}

fn smart(document: &mut Value) {
    document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
    document["network"]["first_retry_ms"] = json!(3_600_000);
    document["limits"]["write_wait_ms"] = json!(0);
}

#[test]
fn every_schema_is_a_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let schema = parsed(&std::fs::read(&path).unwrap());
        assert!(jsonschema::meta::is_valid(&schema), "{}", path.display());
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{}", path.display());
    }
}

#[test]
fn configurations_in_use_are_described() {
    let clinic = Clinic::new();
    let assertion = |document: &mut Value| {
        let messaging = &mut document["partners"][0]["messaging"];
        messaging["client_tls"] = json!({"certificate": "our.pem", "key": "our.key"});
        let auth = &mut messaging["auth"]["oauth2_client_credentials"];
        auth.as_object_mut().unwrap().remove("client_secret");
        auth["private_key_jwt"] =
            json!({"key": "token.key", "key_id": "k-1", "algorithm": "ES384", "audience": "https://rms.test"});
        messaging["resend_bundle_id"] = json!("new");
        document["retention"] = json!({"audit_days": 400, "body_days": 30});
    };
    for document in [clinic.document(|_| {}), clinic.document(smart), clinic.document(assertion)] {
        assert_described("configuration", &document.to_string());
    }
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let example = readme.split_once("\n```json\n").unwrap().1.split_once("```").unwrap().0;
    assert_described("configuration", example);
    let described = validator(&schema("configuration"));
    assert!(!described.is_valid(&clinic.document(|document| document["servce"] = json!(true))), "a slip of the pen is found");
}

#[test]
fn messages_events_and_referrals_are_described() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["test"] = json!(true));
    let fixtures = [
        notification("mh-a", "b-a", "R-1"),
        include_bytes!("fixtures/add-service-request-0.11.json").to_vec(),
        include_bytes!("fixtures/ocean-like-add-service-request.json").to_vec(),
    ];
    for body in fixtures {
        assert_eq!(pos.message(TOKEN, &body).status, 200);
        let (mut event, _) = assert_event(&pos, MESSAGE, "notification");
        assert_described("notification", event.message().unwrap().unwrap().document());
        event.done().unwrap();
    }
    let list = parsed(pos.engine.referral_list(b"", 10).unwrap().as_bytes());
    assert_eq!(list.as_array().unwrap().len(), 3);
    for referral in list.as_array().unwrap() {
        assert_described("referral", &referral.to_string());
        let history = pos.engine.referral_history(referral["referral_id"].as_str().unwrap(), 10).unwrap();
        for message in parsed(history.as_bytes()).as_array().unwrap() {
            assert_described("history", &message.to_string());
        }
        assert_described("referral-content", &referral["referral"].to_string());
    }
    for reception in parsed(pos.engine.inbox_list("", 10).unwrap().as_bytes()).as_array().unwrap() {
        assert_described("reception", &reception.to_string());
        let shown = pos.engine.inbox_show(reception["reception_id"].as_str().unwrap()).unwrap();
        assert_described("reception", &shown);
        assert_described("notification", &parsed(shown.as_bytes())["notification"].to_string());
    }
    assert_described("status", &pos.status().to_string());
    pos.stop();
    assert_described("status", &pos.status().to_string());
}

#[test]
fn forms_deliveries_and_alerts_are_described() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    for event in ["add-service-request", "notify-add-appointment", "send-communication-from-provider"] {
        assert_described("form", &pos.engine.draft("rms", event).unwrap().fields_json());
    }
    clinic.partner.script([Reply::Break, Reply::Answer(400, "", b"{}".to_vec())]);
    let sent = pos.engine.send("rms", "act-1", &pos.referral(1, "Knee pain")).unwrap();
    assert_described("delivery", &sent.document());
    for state in ["unknown_outcome", "refused", "delivered"] {
        let (mut event, document) = assert_event(&pos, DELIVERY, "delivery");
        assert_eq!(document["state"], state);
        event.done().unwrap();
        assert_event(&pos, ALERT, "alert");
        assert_described("status", &pos.status().to_string());
        if state == "refused" {
            // A refusal is an answer too: the partner was reached. The next trouble is another alert.
            clinic.partner.script([Reply::Answer(503, "", Vec::new())]);
            pos.engine.delivery_resend(&sent.record.id).unwrap();
            assert_event(&pos, ALERT, "alert");
            pos.until_delivery("act-1", ereferral::proto::store::DeliveryState::Queued, 503);
        }
        if state != "delivered" {
            pos.engine.delivery_resend(&sent.record.id).unwrap();
        }
    }
    for delivery in parsed(pos.engine.delivery_list("", 10).unwrap().as_bytes()).as_array().unwrap() {
        assert_described("delivery", &delivery.to_string());
    }
    assert_described("audit-report", &pos.engine.audit_report(b"").unwrap());
    // The document of a referral that we sent.
    let list = parsed(pos.engine.referral_list(b"", 10).unwrap().as_bytes());
    assert_described("referral", &list[0].to_string());
    assert_described("referral-content", &list[0]["referral"].to_string());
}

#[test]
fn launch_requests_and_what_comes_of_them_are_described() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    assert_described("launch", &launch_request().to_string());
    let launch = pos.engine.launch_start(launch_request().to_string().as_bytes()).unwrap();
    let token = token(&pos, &launch.url);
    assert_event(&pos, LAUNCH, "launch-event");
    assert_eq!(write_letter(&pos, &token, "p1").status, 201);
    let (mut event, document) = assert_event(&pos, WRITE, "write");
    assert_eq!(document["launch_id"], launch.id);
    event.done().unwrap();
    thread::scope(|scope| {
        let app = scope.spawn(|| read(&pos, &token, "/fhir/Condition/c9").status);
        let (mut question, document) = assert_event(&pos, QUESTION, "question");
        assert_eq!(document["launch_id"], launch.id);
        question.refuse(false, "").unwrap();
        assert_eq!(app.join().unwrap(), 404);
    });
    pos.engine.launch_end(&launch.id).unwrap();
    assert_event(&pos, LAUNCH, "launch-event");
    assert!(pos.engine.event_next(LAUNCH, Duration::ZERO, None).is_err());
}
