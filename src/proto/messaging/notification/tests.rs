use super::*;
use crate::proto::messaging::path::elements_of;
use crate::proto::messaging::view::tests::Sample;

const TARGET: &str = "notify-add-appointment";

/// A booking as the main RMS sends one, with an older communication travelling along.
fn booking(status: &str) -> Sample {
    Sample::resources(&[
        json!({"resourceType": "MessageHeader", "id": "m1", "eventCoding": {"code": TARGET}, "source": {"name": "Fracture RMS"}, "focus": [{"reference": "Appointment/a1"}],
            "extension": [{"url": "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier", "valueIdentifier": {"system": "https://pos.example/r", "value": "R-1"}}]}),
        json!({"resourceType": "Appointment", "id": "a1", "status": status, "start": "2026-05-09T18:30:00Z", "end": "2026-05-09T19:00:00Z",
            "basedOn": [{"reference": "ServiceRequest/s1", "identifier": {"system": "https://rms.example/r", "value": "9"}}],
            "participant": [{"actor": {"reference": "Location/l1"}}]}),
        json!({"resourceType": "ServiceRequest", "id": "s1", "identifier": [{"system": "https://rms.example/r", "value": "9"}], "status": "active", "basedOn": [{"identifier": {"system": "x", "value": "parent"}}],
            "subject": {"reference": "Patient/p1"}, "performer": [{"reference": "PractitionerRole/t1"}], "note": [{"text": "<b>Left</b> knee"}]}),
        json!({"resourceType": "Patient", "id": "p1", "name": [{"family": "Testpatient", "given": ["Anna"]}], "birthDate": "1980-02-29"}),
        json!({"resourceType": "PractitionerRole", "id": "t1", "organization": {"display": "Fracture Clinic"}}),
        json!({"resourceType": "Location", "id": "l1", "name": "Room 4"}),
        json!({"resourceType": "Communication", "id": "c1", "payload": [{"contentString": "old"}]}),
    ])
}

fn notice(sample: &Sample, event: &str) -> Value {
    let notice = Notice { partner: Some("fracture"), trusted: true, our_role: Some("source"), ..Notice::default() };
    serde_json::from_str(&document(Said::read(sample.view(), Some("America/Toronto")), event, &[], &notice)).unwrap()
}

#[test]
fn a_booking_reads_like_a_line_of_a_clinics_inbox() {
    let document = notice(&booking("booked"), TARGET);
    assert_eq!(document["summary"], "Fracture Clinic booked Testpatient, Anna for 2026-05-09 14:30 (EDT)");
    assert_eq!(document["summary_fr"], "Fracture Clinic a fixé un rendez-vous à Testpatient, Anna le 2026-05-09 14:30 (HAE)");
    let arrived = notice(&booking("arrived"), TARGET);
    assert_eq!(arrived["summary_fr"], "Arrivée de Testpatient, Anna chez Fracture Clinic le 2026-05-09 14:30 (HAE)");
    let cancelled = notice(&booking("cancelled"), TARGET);
    assert_eq!(cancelled["summary"], "Fracture Clinic cancelled the appointment of Testpatient, Anna on 2026-05-09 14:30 (EDT)");
}

#[test]
fn the_original_time_stands_beside_the_shown_one_and_dates_stay() {
    let document = notice(&booking("booked"), TARGET);
    assert_eq!(document["appointment"]["start"], json!({"value": "2026-05-09T18:30:00Z", "shown": "2026-05-09 14:30 (EDT)"}));
    assert_eq!(document["patient"]["birth_date"], "1980-02-29");
    assert_eq!(document["appointment"]["location"], "Room 4");
}

#[test]
fn markup_is_text_and_a_communication_that_travels_along_is_no_news() {
    let document = notice(&booking("booked"), TARGET);
    assert_eq!(document["referral"]["notes"][0], "Left knee");
    assert!(document.get("communication").is_none());
}

#[test]
fn members_stand_in_fixed_order() {
    let document = notice(&booking("booked"), TARGET);
    let names: Vec<&String> = document.as_object().unwrap().keys().collect();
    let expected = [
        "event",
        "event_text",
        "event_text_fr",
        "summary",
        "summary_fr",
        "needs",
        "partner",
        "trusted",
        "message",
        "focus",
        "referral",
        "patient",
        "appointment",
        "attachments",
        "issues",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_status_a_question_and_a_message_without_names_have_their_sentences() {
    let say =
        |resources: &[Value], event: &str| notice(&Sample::resources(resources), event)["summary"].as_str().unwrap().to_owned();
    let header = |focus: &str| json!({"resourceType": "MessageHeader", "source": {"name": "RMS"}, "focus": [{"reference": focus}]});
    let task = json!({"resourceType": "Task", "id": "t", "status": "rejected", "businessStatus": {"text": "Not our\n region"}});
    assert_eq!(
        say(&[header("Task/t"), task], "notify-update-process-request"),
        "RMS declined the referral of a patient: Not our region"
    );
    let communication =
        json!({"resourceType": "Communication", "id": "c", "payload": [{"contentString": "{patient} ".repeat(20)}]});
    let summary = say(&[header("Communication/c"), communication], "send-communication-from-provider");
    assert!(summary.starts_with("RMS wrote about a patient: {patient} {patient}") && summary.ends_with('…'), "{summary}");
    assert_eq!(
        say(&[json!({"resourceType": "MessageHeader"})], "notify-report-service-request"),
        "The sender sent news about the referral of a patient"
    );
}

/// Every member of a document is described in its schema, with the right type, and the required ones are there.
pub(in crate::proto::messaging) fn check_described(document: &Value, schema: &Value, root: &Value, at: &str) {
    let pointer = |name: &str| root.pointer(name.strip_prefix('#').unwrap()).unwrap();
    let schema = schema.get("$ref").map_or(schema, |reference| pointer(reference.as_str().unwrap()));
    let is = match document {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    assert_eq!(schema["type"], is, "{at}");
    for name in elements_of(schema.get("required")) {
        assert!(document.get(name.as_str().unwrap()).is_some(), "{at}: {name} is missing");
    }
    for (name, member) in document.as_object().into_iter().flatten() {
        let described = schema.get("properties").and_then(|properties| properties.get(name));
        check_described(member, described.unwrap_or_else(|| panic!("{at}.{name} is not described")), root, &format!("{at}.{name}"));
    }
    for item in document.as_array().into_iter().flatten() {
        check_described(item, &schema["items"], root, &format!("{at}[]"));
    }
}

#[test]
fn the_schemas_describe_every_member() {
    let notification: Value = serde_json::from_str(include_str!("../../../../docs/schema/notification.json")).unwrap();
    let referral: Value = serde_json::from_str(include_str!("../../../../docs/schema/referral-content.json")).unwrap();
    check_described(&notice(&booking("booked"), TARGET), &notification, &notification, "notification");
    let content = crate::proto::messaging::content::Content::of(&Said::read(booking("booked").view(), None), TARGET).document();
    check_described(&serde_json::from_str(&content).unwrap(), &referral, &referral, "referral");
}

#[test]
fn test_data_is_said_to_be_test_data() {
    let sample = Sample::resources(&[json!({"resourceType": "MessageHeader", "meta": {"security": [{"code": "HTEST"}]}})]);
    assert_eq!(notice(&sample, TARGET)["test"], true);
}

#[test]
fn what_is_about_another_patient_is_reviewed() {
    let issue = |source| Issue::warning("business-rule", "Bundle.entry[1].resource.for", "odd", source);
    let needs = |issue: Issue| {
        let sample = booking("booked");
        let document = document(Said::read(sample.view(), None), TARGET, &[issue], &Notice::default());
        serde_json::from_str::<Value>(&document).unwrap()["needs"].to_string()
    };
    assert!(!needs(issue("FHIR R4")).contains("review"));
    assert!(needs(issue(ONE_PATIENT)).contains("review"));
}
