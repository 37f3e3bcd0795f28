//! Synthetic messages of the size and shape of real ones. The same call gives the same bytes.

use base64::Engine as _;
use serde_json::{Value, json};

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn reference(number: usize) -> Value {
    json!({ "reference": format!("urn:uuid:{}", uuid(number)) })
}

fn meta(resource_type: &str) -> Value {
    json!({
        "profile": [format!("http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-{resource_type}|1.0.0")],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"}],
    })
}

fn identifier(kind: &str, system: &str, value: String) -> Value {
    json!({
        "use": "official",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind}], "text": "Sample identifier"},
        "system": system,
        "value": value,
    })
}

fn phone(number: usize) -> Value {
    json!([
        {"system": "phone", "value": format!("555-555-{number:04}"), "use": "work"},
        {"system": "fax", "value": format!("555-555-{:04}", number + 1), "use": "work"},
        {"system": "email", "value": format!("fakename{number}@clinic.example"), "use": "work"},
    ])
}

fn header() -> Value {
    json!({
        "extension": [{
            "url": "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier",
            "valueIdentifier": {"system": "https://rms.example/fhir/NamingSystem/id-ereferral-reference", "value": uuid(2)},
        }],
        "eventCoding": {
            "system": "https://ehealthontario.ca/fhir/CodeSystem/message-event-code",
            "code": "add-service-request", "display": "Add Service Request",
        },
        "destination": [{"name": "Fakename Clinic", "endpoint": "https://pos.example/fhir/$process-message", "receiver": reference(4)}],
        "author": reference(5),
        "source": {"name": "Sample RMS", "software": "Sample", "version": "1", "endpoint": "https://rms.example/fhir/$process-messages"},
        "reason": {"text": "Initial"},
        "focus": [reference(2)],
    })
}

fn service_request() -> Value {
    json!({
        "identifier": [identifier("PLAC", "https://rms.example/fhir/NamingSystem/id-ereferral-reference", uuid(2))],
        "status": "active", "intent": "proposal", "priority": "routine",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "103696004", "display": "Patient referral to specialist"}]}],
        "subject": reference(3), "authoredOn": "2026-03-02T09:35:42.730-05:00",
        "requester": reference(5), "performer": [reference(4)],
        "reasonCode": [{"text": "Wrist pain after a fall, Noël says \"three weeks\""}],
        "supportingInfo": [reference(20), reference(21), reference(22), reference(23)],
        "note": [{"text": format!("<p>{}</p>", "Swelling and pain, please assess.\\n".repeat(40))}],
    })
}

fn patient() -> Value {
    json!({
        "identifier": [
            identifier("JHN", "https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn", "9999999999".to_owned()),
            identifier("MR", "https://rms.example/fhir/NamingSystem/id-external-patient-reference", "TEST-1".to_owned()),
        ],
        "active": true,
        "name": [{"use": "official", "text": "Anna Testpatient", "family": "Testpatient", "given": ["Anna"]}],
        "telecom": phone(100), "gender": "female", "birthDate": "1990-02-03", "deceasedBoolean": false,
        "address": [{"use": "home", "type": "postal", "line": ["1 Sample Street"], "city": "Toronto", "state": "ON", "postalCode": "M0M 0M0"}],
    })
}

fn role(number: usize) -> Value {
    json!({
        "identifier": [identifier("MD", "http://infoway-inforoute.ca/fhir/NamingSystem/ca-on-license-physician", format!("{number:05}"))],
        "active": true, "practitioner": reference(number + 4), "organization": reference(12), "location": [reference(14)],
        "code": [{"coding": [{"system": "http://snomed.info/sct", "code": "59058001", "display": "Family Physician"}]}],
        "telecom": phone(number * 10),
    })
}

fn person(number: usize) -> Value {
    json!({
        "identifier": [identifier("MD", "http://infoway-inforoute.ca/fhir/NamingSystem/ca-on-license-physician", format!("{number:05}"))],
        "active": true, "name": [{"use": "official", "text": "Dr. Noël Fakename", "family": "Fakename", "given": ["Noël", "Sample"]}],
        "telecom": phone(number * 10), "qualification": [{"code": {"text": "Sample physician"}}],
    })
}

fn place(number: usize) -> Value {
    json!({
        "identifier": [identifier("XX", "https://rms.example/fhir/NamingSystem/id-site-number", number.to_string())],
        "name": format!("Sample Family Health Team, Office {number}"), "telecom": phone(number * 10),
        "address": {"line": [format!("{number} Sample Street")], "city": "Toronto", "state": "ON", "postalCode": "M0M 0M0"},
    })
}

fn document(number: usize, attachment: usize) -> Value {
    let bytes: Vec<u8> = (0..attachment).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    json!({
        "status": "current", "type": {"text": "Referral letter"}, "subject": reference(3), "date": "2026-03-02T09:35:42.730-05:00",
        "content": [{"attachment": {
            "contentType": "application/pdf", "title": format!("letter-{number}.pdf"),
            "data": base64::prelude::BASE64_STANDARD.encode(bytes),
        }}],
    })
}

fn form() -> Value {
    let item = |at: usize| json!({"linkId": format!("item{at:08}"), "text": format!("Sample question {at} about the wrist?"), "answer": [{"valueInteger": at}]});
    json!({
        "questionnaire": "https://rms.example/fhir/Questionnaire/sample", "status": "completed", "subject": reference(3),
        "authored": "2026-03-02T09:35:42-05:00", "source": reference(5), "item": (0..134).map(item).collect::<Vec<_>>(),
    })
}

/// A referral of 23 entries and about 40 KB, plus `attachment` bytes before base64 in its letter.
pub fn referral(attachment: usize) -> Vec<u8> {
    let mut resources = vec![("MessageHeader", header()), ("ServiceRequest", service_request()), ("Patient", patient())];
    resources.extend((4..8).map(|number| ("PractitionerRole", role(number))));
    resources.extend((8..12).map(|number| ("Practitioner", person(number))));
    resources.extend((12..14).map(|number| ("Organization", place(number))));
    resources.extend((14..18).map(|number| ("Location", place(number))));
    resources.push(("Condition", json!({"code": {"text": "Sprained wrist"}, "subject": reference(3)})));
    resources.push(("AllergyIntolerance", json!({"code": {"text": "Sample allergy"}, "patient": reference(3)})));
    resources.push(("DocumentReference", document(20, 1200 + attachment)));
    resources.push(("DocumentReference", document(21, 1200)));
    resources.push(("QuestionnaireResponse", form()));
    resources.push((
        "Communication",
        json!({"status": "completed", "subject": reference(3), "payload": [{"contentString": "Please call."}]}),
    ));
    let entries = resources.into_iter().enumerate().map(|(at, (resource_type, content))| {
        let mut resource = json!({"resourceType": resource_type, "id": uuid(at + 1), "meta": meta(resource_type)});
        if let (Some(resource), Value::Object(content)) = (resource.as_object_mut(), content) {
            resource.extend(content);
        }
        json!({"fullUrl": format!("urn:uuid:{}", uuid(at + 1)), "resource": resource})
    });
    let bundle = json!({
        "resourceType": "Bundle", "id": uuid(100), "meta": {"security": meta("Bundle")["security"]},
        "type": "message", "timestamp": "2026-03-02T09:35:42.730-05:00", "entry": entries.collect::<Vec<_>>(),
    });
    bundle.to_string().into_bytes()
}
