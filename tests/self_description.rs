//! `/metadata`: what a system says of itself follows from its configuration.

#[path = "support/clinic.rs"]
mod clinic;

use clinic::{Clinic, parsed};
use serde_json::{Value, json};

const EVENTS: &str = "https://ehealthontario.ca/fhir/CodeSystem/message-event-code#";

/// The CapabilityStatement of an engine that is configured like this, asked for by nobody in particular.
fn statement(change: impl FnOnce(&mut Value)) -> Value {
    let clinic = Clinic::new();
    let pos = clinic.start(change);
    let answer = pos.get("/fhir/metadata", &[]);
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/fhir+json"));
    // It names what every type is searched by.
    assert!(answer.body.len() < 32 << 10, "{} bytes", answer.body.len());
    let statement = parsed(&answer.body);
    assert_eq!((&statement["resourceType"], &statement["kind"]), (&json!("CapabilityStatement"), &json!("instance")));
    for secret in [clinic::TOKEN, clinic::CLIENT_SECRET, "127.0.0.1", "\"rms\""] {
        assert!(!statement.to_string().contains(secret), "{secret}");
    }
    statement
}

/// The events of a mode, without their code system.
fn events(statement: &Value, mode: &str) -> Vec<String> {
    let messages = statement["messaging"][0]["supportedMessage"].as_array().unwrap();
    let of_mode = messages.iter().filter(|message| message["mode"] == mode);
    of_mode.map(|message| message["definition"].as_str().unwrap().strip_prefix(EVENTS).unwrap().to_owned()).collect()
}

fn roles(document: &mut Value, ours: &[&str], theirs: &[&str]) {
    document["system"]["roles"] = json!(ours);
    document["partners"][0]["roles"] = json!(theirs);
    document["partners"][0].as_object_mut().unwrap().remove("smart_app");
    document["partners"].as_array_mut().unwrap().truncate(1);
}

#[test]
fn a_target_says_that_it_receives_referrals_and_sends_tasks() {
    let statement = statement(|document| roles(document, &["rms-target"], &["rms-source"]));
    let (received, sent) = (events(&statement, "receiver"), events(&statement, "sender"));
    assert!(received.contains(&"add-service-request".to_owned()) && received.contains(&"revoke-service-request".to_owned()));
    assert!(
        !received.contains(&"notify-add-appointment".to_owned()) && !received.contains(&"notify-report-service-request".to_owned())
    );
    assert!(sent.contains(&"notify-add-appointment".to_owned()) && !sent.contains(&"add-service-request".to_owned()));
    assert_eq!(statement["messaging"][0]["endpoint"][0]["address"], "https://pos.test/fhir/$process-message");
    assert_eq!(statement["messaging"][0]["reliableCache"], 10_080);
    assert_eq!(statement["description"], "Roles: rms-target. Messages: on-0.11.1.");
    assert_eq!(statement.get("rest"), None, "no app is launched here");
}

#[test]
fn a_source_says_the_other_side_of_it() {
    let statement = statement(|document| roles(document, &["rms-source"], &["rms-target"]));
    let (received, sent) = (events(&statement, "receiver"), events(&statement, "sender"));
    assert!(sent.contains(&"add-service-request".to_owned()) && !sent.contains(&"notify-add-process-request".to_owned()));
    assert!(received.contains(&"notify-add-process-request".to_owned()) && received.contains(&"add-rfi".to_owned()));
    assert!(!received.contains(&"add-service-request".to_owned()));
    assert!(received.contains(&"notify-update-service-request".to_owned()), "the main RMS sends it as Target too");
}

#[test]
fn what_a_partner_cannot_do_is_not_said() {
    let one_way = |member: &'static str| {
        statement(move |document| {
            roles(document, &["rms-source"], &["rms-target"]);
            document["partners"][0]["messaging"].as_object_mut().unwrap().remove(member);
        })
    };
    assert!(events(&one_way("inbound"), "receiver").is_empty(), "it cannot send to us");
    assert!(events(&one_way("endpoint"), "sender").is_empty(), "nothing can be sent to it");
    let alone = statement(|document| document["partners"] = json!([]));
    assert_eq!((alone.get("messaging"), &alone["description"]), (None, &json!("Roles: rms-source, rms-target.")));
}

#[test]
fn a_smart_server_names_the_profiles_of_its_partners() {
    let statement = statement(|document| document["system"]["roles"] = json!(["smart-server", "rms-source"]));
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let patient = resources.iter().find(|resource| resource["type"] == "Patient").unwrap();
    assert_eq!(
        patient["supportedProfile"],
        json!(["http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-Patient|1.0.1"])
    );
    assert!(resources.iter().any(|resource| resource.get("supportedProfile").is_none()), "where the guide has none, none is named");
    assert!(statement["rest"][0]["security"]["extension"].is_array());
}

#[test]
fn a_listener_for_messages_alone_says_it_too() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["listen"][0]["for"] = json!(["messaging"]));
    assert_eq!(pos.get("/fhir/metadata", &[]).status, 200);
    assert_eq!(pos.get("/fhir/Patient/p1", &[]).status, 404);
}
