use super::*;
use crate::proto::guide::field::Home;
use crate::proto::messaging::view::tests::Sample;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn sample() -> Sample {
    let header = json!({"resourceType": "MessageHeader", "id": "m1", "eventCoding": {"code": "add-servicerequest"},
        "focus": [{"reference": "ServiceRequest/s1"}]});
    let request = json!({"resourceType": "ServiceRequest", "id": "s1", "subject": {"reference": "Patient/p1"},
        "requester": {"reference": "PractitionerRole/r1"}, "note": [{"text": "<b>Knee</b><br>left"}]});
    let patient = json!({"resourceType": "Patient", "id": "p1", "name": [{"family": "Testpatient", "given": ["Anna", "Maria"]}],
        "identifier": [{"type": {"coding": [{"code": "JHN"}]}, "system": "https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn"},
            {"system": "https://fhir.infoway-inforoute.ca/NamingSystem/ca-bc-patient-healthcare-id", "value": "9999999999"}]});
    let role = json!({"resourceType": "PractitionerRole", "id": "r1", "organization": {"display": "Riverside"},
        "telecom": [{"system": "phone", "value": "416-555-0101"}], "location": [{"reference": "Location/l1"}]});
    let location = json!({"resourceType": "Location", "id": "l1", "telecom": [{"system": "fax", "value": "416-555-0102"}]});
    Sample::resources(&[header, request, patient, role, location])
}

fn get(name: &str) -> Option<String> {
    read(sample().view(), name).unwrap()
}

#[test]
fn fields_are_found_through_references() {
    assert_eq!(get("event").as_deref(), Some("add-service-request"));
    assert_eq!(get("patient.name.family").as_deref(), Some("Testpatient"));
    assert_eq!(get("patient.name.given[1]").as_deref(), Some("Maria"));
    assert_eq!(get("patient.name.given").as_deref(), Some("Anna"));
    assert_eq!(get("requester.organization").as_deref(), Some("Riverside"));
    assert_eq!(get("patient.birth_date"), None);
}

#[test]
fn telecom_of_the_location_wins_and_the_roles_stands_in() {
    assert_eq!(get("requester.fax").as_deref(), Some("416-555-0102"));
    assert_eq!(get("requester.phone").as_deref(), Some("416-555-0101"));
}

#[test]
fn a_health_number_without_value_does_not_hide_the_next_one() {
    assert_eq!(get("patient.health_number").as_deref(), Some("9999999999"));
}

#[test]
fn markup_is_read_as_text() {
    assert_eq!(get("referral.note[0]").as_deref(), Some("Knee\nleft"));
}

#[test]
fn repetitions_are_counted_by_group_and_by_field() {
    for (name, expected) in
        [("patient.identifier", 2), ("patient.identifier[].value", 2), ("patient.name.given", 2), ("attachment", 0)]
    {
        assert_eq!(count(sample().view(), name).unwrap(), expected, "{name}");
    }
    assert_eq!(count(sample().view(), "patient.name.family").unwrap(), 1);
    assert_eq!(count(sample().view(), "patient.gender").unwrap(), 0);
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one() {
    let error = read(sample().view(), "patient.name.famly").unwrap_err();
    assert_eq!(error.status(), EREF_UNKNOWN_FIELD);
    assert_eq!(error.message(), "there is no field patient.name.famly; the nearest is patient.name.family");
    for name in [
        "patient.name.family[0]",
        "patient.identifier[x].value",
        "patient.identifier[+].value",
        "",
        "patient.identifier[9999999].value",
        "[",
        "a][",
    ] {
        assert_eq!(read(sample().view(), name).unwrap_err().status(), EREF_UNKNOWN_FIELD, "{name}");
    }
}

#[test]
fn a_name_that_may_be_personal_is_not_repeated() {
    assert!(!read(sample().view(), "Anna Testpatient").unwrap_err().message().contains("Anna"));
}

#[test]
fn the_size_of_an_attachment_is_what_it_carries_however_it_is_written() {
    let sized = |attachment: &str| {
        let document = format!(
            r#"{{"entry":[{{"resource":{{"resourceType":"Communication","payload":[{{"contentAttachment":{attachment}}}]}}}}]}}"#
        );
        let cast = crate::proto::messaging::view::Cast::read(&document).unwrap();
        read(cast.view(&document), "attachment[0].size").unwrap()
    };
    for data in ["SGVsbG8=", "SGVsbG8", r"SGVs\nbG8=", r"SGVs\r\n bG8=", r"\u0053GVsbG8="] {
        assert_eq!(sized(&format!(r#"{{"data":"{data}","size":99}}"#)).as_deref(), Some("5"), "{data}");
    }
    assert_eq!(sized(r#"{"data":"\/\/\/\/"}"#).as_deref(), Some("3"));
    assert_eq!(sized(r#"{"url":"https://rms.example/1","size":7}"#).as_deref(), Some("7"));
}

/// Everyone who has a part, each found from the header or the request.
fn everyone() -> BTreeMap<Home, Value> {
    let to = |reference: &str| json!({ "reference": reference });
    let role = |kind: &str, side: &str| {
        json!({"resourceType": kind, "id": format!("{side}-role"), "practitioner": to(&format!("Practitioner/{side}")),
            "organization": to(&format!("Organization/{side}")), "location": [to(&format!("Location/{side}"))]})
    };
    let is = |kind: &str, id: &str| json!({"resourceType": kind, "id": id});
    BTreeMap::from([
        (Home::Header, json!({"resourceType": "MessageHeader", "id": "m", "enterer": to("PractitionerRole/user-role")})),
        (
            Home::Request,
            json!({"resourceType": "ServiceRequest", "id": "s", "subject": to("Patient/p"), "requester": to("PractitionerRole/r-role"), "performer": [to("PractitionerRole/t-role")]}),
        ),
        (Home::Patient, is("Patient", "p")),
        (Home::RequesterRole, role("PractitionerRole", "r")),
        (Home::Requester, is("Practitioner", "r")),
        (Home::RequesterOrganization, is("Organization", "r")),
        (Home::RequesterLocation, is("Location", "r")),
        (Home::TargetRole, role("PractitionerRole", "t")),
        (Home::Target, is("Practitioner", "t")),
        (Home::TargetOrganization, is("Organization", "t")),
        (Home::TargetLocation, is("Location", "t")),
        (Home::UserRole, json!({"resourceType": "PractitionerRole", "id": "user-role", "practitioner": to("Practitioner/user")})),
        (Home::User, is("Practitioner", "user")),
        (Home::Advice, is("Communication", "advice")),
        (Home::Task, json!({"resourceType": "Task", "id": "k", "output": [{"valueReference": to("Communication/advice")}]})),
        (Home::Appointment, is("Appointment", "a")),
        (Home::AppointmentLocation, is("Location", "room")),
        (Home::Communication, is("Communication", "c")),
        (Home::AttachmentHolders, json!({"resourceType": "DocumentReference", "content": [{"attachment": {}}]})),
        (Home::Questions, json!({"resourceType": "QuestionnaireResponse", "item": [{"answer": [{}]}]})),
    ])
}

/// What a new element begins with so that the choice of its path finds it again.
fn chosen(prefix: &str) -> Option<Value> {
    let (key, values) = prefix.strip_suffix(']')?.rsplit_once('[')?.1.split_once('=')?;
    let first = json!(values.split('|').next()?);
    Some(key.trim_end_matches('~').rsplit('.').fold(first, |inner, name| json!({ name: inner })))
}

/// A message that holds the example of a field in one of its places.
fn with_example(field: &Field, home: Home, place: &str) -> Sample {
    let mut parts = everyone();
    let (home, place) = match home {
        Home::Attachments => (Home::AttachmentHolders, place.replacen("[]", "content[0].attachment", 1)),
        Home::AttachmentHolders => (home, place.replacen("[].", "", 1)),
        Home::Answers => (Home::Questions, place.replacen("[]", "item[0].answer[0]", 1)),
        Home::Questions => (home, place.replacen("[]", "item[0]", 1)),
        Home::Focus => (Home::Task, place.to_owned()),
        home => (home, place.to_owned()),
    };
    if home == Home::AppointmentLocation {
        parts.get_mut(&Home::Appointment).unwrap()["participant"] = json!([{"actor": {"reference": "Location/room"}}]);
    }
    let mut envelope = json!({});
    let example = match (field.kind, field.example) {
        (Kind::Integer, text) if !place.ends_with("data") => json!(text.parse::<i64>().unwrap()),
        (Kind::Bool, text) => json!(text == "true"),
        (_, text) => json!(text),
    };
    let root = if home == Home::Envelope { &mut envelope } else { parts.get_mut(&home).unwrap() };
    path::write(root, &place.replace("][]", "]"), 0, example, &chosen);
    parts.get_mut(&Home::Header).unwrap()["focus"] = json!([{"reference": "Task/k"}]);
    let entries: Vec<Value> = parts.values().map(|resource| json!({"resource": resource})).collect();
    envelope["entry"] = json!(entries);
    Sample::of(&envelope)
}

#[test]
fn every_field_is_read_from_each_of_its_places() {
    let mut count = 0;
    for field in FIELDS {
        for (home, place) in field.places.iter().filter(|(_, place)| !place.contains("resolve()")) {
            // The size of this text is read, not the text.
            let expected = if place.ends_with(".data") { "3" } else { field.example };
            let sample = with_example(field, *home, place);
            assert_eq!(
                read(sample.view(), &field.name.replace("[]", "[0]")).unwrap().as_deref(),
                Some(expected),
                "{} at {place}",
                field.name
            );
            assert_eq!(
                super::count(sample.view(), field.name.split("[]").next().unwrap()).unwrap(),
                1,
                "{} at {place}",
                field.name
            );
            count += 1;
        }
    }
    assert!(count > 300, "{count}");
}

#[test]
fn participants_documents_and_answers_are_read_through_references_and_in_order() {
    let sample = Sample::resources(&[
        json!({"resourceType": "MessageHeader", "focus": [{"reference": "Appointment/a"}], "author": {"reference": "PractitionerRole/t"}}),
        json!({"resourceType": "Appointment", "id": "a", "participant": [
            {"actor": {"reference": "PractitionerRole/t"}, "status": "accepted"}, {"actor": {"reference": "Patient/p"}}, {"actor": {"display": "Interpreter"}}]}),
        json!({"resourceType": "PractitionerRole", "id": "t", "practitioner": {"reference": "Practitioner/t"}, "organization": {"display": "Fracture Clinic"}}),
        json!({"resourceType": "Practitioner", "id": "t", "name": [{"text": "Dr. Clara Samplesurgeon"}]}),
        json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Testpatient"}]}),
        json!({"resourceType": "Task", "id": "k", "output": [{"valueString": "Rest"}, {"valueReference": {"reference": "Communication/c"}}]}),
        json!({"resourceType": "Communication", "id": "c", "sender": {"reference": "PractitionerRole/t"}, "payload": [{"contentString": "Send an <b>X-ray</b>."}]}),
        json!({"resourceType": "ServiceRequest", "id": "s", "supportingInfo": [{"reference": "Condition/x"}]}),
        json!({"resourceType": "Condition", "id": "x", "code": {"text": "Sprained wrist"}}),
        json!({"resourceType": "QuestionnaireResponse", "item": [
            {"linkId": "1", "text": "Group", "item": [{"linkId": "1.1", "text": "Pain?", "answer": [{"valueBoolean": true, "item": [{"linkId": "1.1.1", "answer": [{"valueInteger": 7}]}]}]}]},
            {"linkId": "2", "answer": [{"valueCoding": {"code": "l"}}, {"valueQuantity": {"value": 1.50, "unit": "cm"}}]}]}),
    ]);
    let get = |name: &str| read(sample.view(), name).unwrap();
    let all = |group: &str, name: &str| -> Vec<Option<String>> {
        (0..count(sample.view(), group).unwrap()).map(|index| get(&format!("{group}[{index}].{name}"))).collect()
    };
    let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
    assert_eq!(all("appointment.participant", "name"), some(&["Dr. Clara Samplesurgeon", "Testpatient", "Interpreter"]));
    assert_eq!(get("appointment.participant[1].kind").as_deref(), Some("Patient"));
    assert_eq!(get("author.name").as_deref(), Some("Dr. Clara Samplesurgeon"));
    assert_eq!(get("author.organization").as_deref(), Some("Fracture Clinic"));
    assert_eq!(get("communication.sender").as_deref(), Some("Dr. Clara Samplesurgeon"));
    assert_eq!(all("task.output", "text"), some(&["Rest", "Send an X-ray."]));
    assert_eq!(get("referral.supporting[0].text").as_deref(), Some("Sprained wrist"));
    assert_eq!(get("referral.supporting[0].kind").as_deref(), Some("Condition"));
    assert_eq!(all("answer", "text"), some(&["true", "7", "l", "1.5"]));
    assert_eq!(all("answer", "link_id"), some(&["1.1", "1.1.1", "2", "2"]));
    assert_eq!(get("answer[3].unit").as_deref(), Some("cm"));
}
