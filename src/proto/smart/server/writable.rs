//! What an app may write, and what each type must be (smart.md 14.3, 16.2, 16.4). The one table of it.

// A refusal is the answer itself, made once per request: boxing it would gain nothing.
#![allow(clippy::result_large_err)]

use http::StatusCode;
use serde_json::Value;

use super::{chart, reply, scope};
use crate::proto::http::Response;

/// One type that can be written.
struct Writable {
    kind: &'static str,
    /// Letters of a scope.
    letters: u8,
    /// Members that a resource of the type has to have (FHIR R4, and smart.md 16.4).
    required: &'static [&'static str],
}

const CREATE: u8 = scope::CREATE;
const BOTH: u8 = scope::CREATE | scope::UPDATE;

const TABLE: &[Writable] = &[
    Writable { kind: "Appointment", letters: BOTH, required: &["status", "participant"] },
    Writable { kind: "Binary", letters: CREATE, required: &["contentType", "data"] },
    Writable { kind: "Communication", letters: BOTH, required: &["status", "subject"] },
    Writable { kind: "Condition", letters: CREATE, required: &["subject"] },
    Writable { kind: "DocumentReference", letters: BOTH, required: &["status", "subject", "content"] },
    Writable { kind: "Observation", letters: CREATE, required: &["status", "code", "subject"] },
    Writable { kind: "ServiceRequest", letters: BOTH, required: &["status", "intent", "subject", "identifier"] },
    Writable { kind: "Task", letters: BOTH, required: &["status", "intent", "for"] },
];

/// What of a type can be written, as letters of a scope.
pub fn offered(kind: &str) -> u8 {
    TABLE.iter().find(|known| known.kind == kind).map_or(0, |known| known.letters)
}

/// What a resource is checked against.
pub struct Place<'a> {
    /// The type it is written as.
    pub kind: &'a str,
    /// The patient of the launch.
    pub patient: &'a str,
    /// Our FHIR base.
    pub base: &'a str,
    /// The most that an attachment may have inline, decoded, in bytes.
    pub attachment_bytes: usize,
}

fn refused(status: StatusCode, code: &str, text: String) -> Response {
    reply::outcome(status, code, &text)
}

fn wrong(code: &str, text: String) -> Response {
    refused(StatusCode::UNPROCESSABLE_ENTITY, code, text)
}

/// What holds for a new resource and for an update alike. Another patient's is refused without a word about that patient (smart.md 14.3).
pub fn check(resource: &Value, place: &Place<'_>) -> Result<(), Response> {
    let kind = place.kind;
    if resource.get("resourceType").and_then(Value::as_str) != Some(kind) {
        return Err(refused(StatusCode::BAD_REQUEST, "invalid", format!("{kind}.resourceType: expected {kind}")));
    }
    let required = TABLE.iter().find(|known| known.kind == kind).map_or(&[][..], |known| known.required);
    if let Some(missing) = required.iter().find(|name| !is_filled(resource.get(**name))) {
        return Err(wrong("required", format!("{kind}.{missing}: missing")));
    }
    let ours = kind == "Binary" || chart::in_compartment(resource, Some(place.patient), place.base);
    if !ours || names_another(resource, place) {
        return Err(refused(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("{kind}: it is not about the patient of this launch only"),
        ));
    }
    let contained = resource.get("contained").and_then(Value::as_array).into_iter().flatten();
    if contained.into_iter().any(|inner| inner.get("resourceType").is_some_and(|kind| kind == "Patient")) {
        return Err(wrong("not-supported", format!("{kind}.contained: expected no Patient, the launch has one")));
    }
    match kind {
        "DocumentReference" => document(resource, place),
        "Binary" => inline(resource.get("data"), "Binary.data", place),
        "ServiceRequest" if numbers(resource).next().is_none() => Err(wrong(
            "required",
            "ServiceRequest.identifier: expected the number that the referral has with its sender".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// What holds for a new resource only.
pub fn check_new(resource: &Value) -> Result<(), Response> {
    let is_document = resource.get("resourceType").is_some_and(|kind| kind == "DocumentReference");
    if is_document && resource.get("status").is_none_or(|status| status != "current") {
        return Err(wrong("value", "DocumentReference.status: expected current".to_owned()));
    }
    Ok(())
}

/// What holds for an update only: a resource keeps what it is found by (smart.md 16.4).
pub fn check_update(resource: &Value, before: &Value, kind: &str, id: &str) -> Result<(), Response> {
    if resource.get("id").and_then(Value::as_str) != Some(id) {
        return Err(refused(StatusCode::BAD_REQUEST, "invalid", format!("{kind}.id: expected the id of the address")));
    }
    let kept = |number: (&str, &str)| numbers(resource).any(|known| known == number);
    if !numbers(before).all(kept) {
        return Err(wrong("business-rule", format!("{kind}.identifier: expected all that the resource has")));
    }
    Ok(())
}

fn is_filled(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(_) => true,
    }
}

/// System and value of each identifier that has a value.
fn numbers(resource: &Value) -> impl Iterator<Item = (&str, &str)> {
    let identifiers = resource.get("identifier").map_or(&[][..], |identifier| match identifier {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    });
    identifiers.iter().filter_map(|identifier| {
        let text = |name: &str| identifier.get(name).and_then(Value::as_str);
        Some((text("system").unwrap_or_default(), text("value").filter(|value| !value.is_empty())?))
    })
}

/// Whether anything in it refers to a Patient in other words than as the patient of the launch.
fn names_another(value: &Value, place: &Place<'_>) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|inner| names_another(inner, place)),
        Value::Object(members) => {
            let reference = members.get("reference").and_then(Value::as_str);
            let is_patients = |text: &str| chart::patient_reference(text, place.base) == Some(place.patient);
            let another = match reference {
                Some(text) => may_be_patient(text) && !is_patients(text),
                // By identifier only: whose it is cannot be known.
                None => members.get("type").is_some_and(|kind| kind == "Patient") && members.contains_key("identifier"),
            };
            another || members.values().any(|inner| names_another(inner, place))
        }
        _ => false,
    }
}

fn may_be_patient(reference: &str) -> bool {
    let segment = |text: &str| text.split('?').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("Patient"));
    reference.replace("%2F", "/").replace("%2f", "/").split('/').any(segment)
}

/// Each attachment is inline or somewhere else. Whether a Binary of this server may be referred to is for the chart to say.
fn document(resource: &Value, place: &Place<'_>) -> Result<(), Response> {
    let contents = resource.get("content").and_then(Value::as_array).into_iter().flatten();
    for attachment in contents.map(|content| content.get("attachment").unwrap_or(&Value::Null)) {
        let named = attachment.get("url").and_then(Value::as_str).is_some_and(|url| !url.is_empty());
        match attachment.get("data") {
            None if named => {}
            data => inline(data, "DocumentReference.content.attachment.data", place)?,
        }
    }
    match resource.get("content") {
        Some(Value::Array(_)) => Ok(()),
        _ => Err(wrong("structure", "DocumentReference.content: expected a list".to_owned())),
    }
}

fn inline(data: Option<&Value>, name: &str, place: &Place<'_>) -> Result<(), Response> {
    match data.and_then(Value::as_str).and_then(decoded_size) {
        Some(0) | None => Err(wrong("value", format!("{name}: expected base64"))),
        Some(size) if size > place.attachment_bytes => {
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "too-long", format!("{name}: larger than this server takes")))
        }
        Some(_) => Ok(()),
    }
}

/// How many bytes a base64 text decodes to; `None` when it is none. White space is allowed (FHIR R4, base64Binary).
pub fn decoded_size(text: &str) -> Option<usize> {
    let (mut letters, mut padding) = (0usize, 0usize);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => letters += 1,
            _ => return None,
        }
    }
    let whole = (letters + padding).is_multiple_of(4) && padding <= 2;
    whole.then_some(letters * 3 / 4)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use super::*;

    const BASE: &str = "https://pos.example/fhir";

    fn status(resource: &Value) -> u16 {
        let kind = resource["resourceType"].as_str().unwrap();
        let place = Place { kind, patient: "p1", base: BASE, attachment_bytes: 100 };
        check(resource, &place).map_or_else(|refusal| refusal.status().as_u16(), |()| 201)
    }

    fn good(kind: &str) -> Value {
        let subject = json!({"reference": "Patient/p1"});
        match kind {
            "Appointment" => {
                json!({"resourceType": kind, "status": "booked", "participant": [{"actor": subject, "status": "accepted"}]})
            }
            "Binary" => json!({"resourceType": kind, "contentType": "application/pdf", "data": "AAAA"}),
            "Communication" => json!({"resourceType": kind, "status": "completed", "subject": subject}),
            "Condition" => json!({"resourceType": kind, "subject": subject}),
            "DocumentReference" => {
                json!({"resourceType": kind, "status": "current", "subject": subject, "content": [{"attachment": {"data": "AAAA"}}]})
            }
            "Observation" => json!({"resourceType": kind, "status": "final", "code": {"text": "x"}, "subject": subject}),
            "ServiceRequest" => {
                json!({"resourceType": kind, "status": "active", "intent": "order", "subject": subject, "identifier": [{"value": "R-1"}]})
            }
            _ => json!({"resourceType": "Task", "status": "requested", "intent": "order", "for": subject}),
        }
    }

    #[test]
    fn every_type_of_the_table_needs_its_members_and_the_patient() {
        for Writable { kind, required, .. } in TABLE {
            assert_eq!(status(&good(kind)), 201, "{kind}");
            for name in *required {
                let mut resource = good(kind);
                resource.as_object_mut().unwrap().remove(*name);
                assert_eq!(status(&resource), 422, "{kind}.{name}");
            }
            let other = good(kind).to_string().replace("Patient/p1", "Patient/p2");
            assert_eq!(status(&serde_json::from_str(&other).unwrap()), if *kind == "Binary" { 201 } else { 403 }, "{kind}");
        }
    }

    #[test]
    fn no_reference_to_another_patient_in_any_spelling_or_place() {
        for reference in [
            "Patient/p2",
            "patient/p2",
            "./Patient/p2",
            "https://pos.example/fhir/Patient/p2",
            "HTTPS://POS.EXAMPLE/fhir/Patient/p2",
            "https://rms.example/fhir/Patient/p1",
            "Patient?identifier=9999999999",
            "Patient%2Fp2",
            "Patient/p1/../p2",
        ] {
            let mut resource = good("Task");
            resource["input"] = json!([{"valueReference": {"reference": reference}}]);
            assert_eq!(status(&resource), 403, "{reference}");
        }
        let mut resource = good("Appointment");
        resource["participant"].as_array_mut().unwrap().push(json!({"actor": {"reference": "Patient/p2"}}));
        assert_eq!(status(&resource), 403);
        resource["participant"][1] = json!({"actor": {"type": "Patient", "identifier": {"value": "9999999999"}}});
        assert_eq!(status(&resource), 403);
        resource["participant"][1] = json!({"actor": {"reference": "https://pos.example/fhir/Patient/p1/_history/3"}});
        assert_eq!(status(&resource), 201);
        resource["contained"] = json!([{"resourceType": "Patient", "id": "x"}]);
        assert_eq!(status(&resource), 422);
        let mut binary = good("Binary");
        binary["securityContext"] = json!({"reference": "Patient/p2"});
        assert_eq!(status(&binary), 403);
    }

    #[test]
    fn attachments_are_base64_and_not_too_large() {
        let with = |data: Value| {
            let mut resource = good("DocumentReference");
            resource["content"][0]["attachment"]["data"] = data;
            status(&resource)
        };
        assert_eq!(with(json!(BASE64_STANDARD.encode([7; 100]))), 201);
        assert_eq!(with(json!(BASE64_STANDARD.encode([7; 101]))), 413);
        for data in [json!("AAA"), json!("A=AA"), json!("AA A"), json!("AAA\u{e9}"), json!(""), json!(7), Value::Null] {
            assert_eq!(with(data), 422);
        }
        for size in 0..9 {
            let text = BASE64_STANDARD.encode(vec![1; size]);
            assert_eq!(decoded_size(&format!("{text}\n")), Some(size));
        }
    }

    #[test]
    fn an_update_keeps_id_and_identifiers() {
        let mut before = good("ServiceRequest");
        (before["id"], before["identifier"]) = (json!("s1"), json!([{"system": "urn:a", "value": "1"}, {"value": "2"}]));
        let mut after = before.clone();
        after["identifier"].as_array_mut().unwrap().push(json!({"value": "3"}));
        let status = |after: &Value| check_update(after, &before, "ServiceRequest", "s1").map_err(|r| r.status().as_u16());
        assert_eq!(status(&after), Ok(()));
        after["identifier"][0]["system"] = json!("urn:b");
        assert_eq!(status(&after), Err(422));
        after = before.clone();
        after["id"] = json!("s2");
        assert_eq!(status(&after), Err(400));
    }
}
