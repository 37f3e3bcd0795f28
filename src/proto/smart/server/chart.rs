//! What can be in a chart: the resource types served, whose patient a resource is about, and how a chart is taken from the host.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{EREF_INVALID_CONTENT, EREF_INVALID_JSON, Error, Result};
use crate::proto::messaging::parse::check_json;
use crate::proto::settings::Limits;
use crate::proto::store::ChartResource;

/// How a type belongs to a patient's compartment.
enum Belongs {
    /// It is the patient.
    Itself,
    /// Through this element, a Reference.
    Through(&'static str),
    /// Through any `participant.actor`.
    Participant,
    /// Through `securityContext`, or a DocumentReference of the same chart: by itself it tells nothing about whose it is.
    Document,
    /// To nobody.
    Nobody,
}

use Belongs::{Document, Itself, Nobody, Participant, Through};

/// The types served, and their place in the patient compartment (smart.md 14.3, 16.2).
const TYPES: &[(&str, Belongs)] = &[
    ("Patient", Itself),
    ("AllergyIntolerance", Through("patient")),
    ("Appointment", Participant),
    ("Binary", Document),
    ("CareTeam", Through("subject")),
    ("Communication", Through("subject")),
    ("Condition", Through("subject")),
    ("Consent", Through("patient")),
    ("Coverage", Through("beneficiary")),
    ("DiagnosticReport", Through("subject")),
    ("DocumentReference", Through("subject")),
    ("Encounter", Through("subject")),
    ("FamilyMemberHistory", Through("patient")),
    ("HealthcareService", Nobody),
    ("Immunization", Through("patient")),
    ("Location", Nobody),
    ("Medication", Nobody),
    ("MedicationRequest", Through("subject")),
    ("MedicationStatement", Through("subject")),
    ("Observation", Through("subject")),
    ("Organization", Nobody),
    ("Practitioner", Nobody),
    ("PractitionerRole", Nobody),
    ("Procedure", Through("subject")),
    ("Questionnaire", Nobody),
    ("QuestionnaireResponse", Through("subject")),
    ("RelatedPerson", Through("patient")),
    ("ServiceRequest", Through("subject")),
    ("Task", Through("for")),
];

fn belongs(resource_type: &str) -> Option<&'static Belongs> {
    TYPES.iter().find(|(name, _)| *name == resource_type).map(|(_, belongs)| belongs)
}

/// The types served.
pub fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}

/// Whether a type is served.
pub fn is_known(resource_type: &str) -> bool {
    belongs(resource_type).is_some()
}

/// Whether resources of this type are about one patient.
pub fn is_personal(resource_type: &str) -> bool {
    !matches!(belongs(resource_type), Some(Nobody))
}

/// Whether a text can be a logical id (FHIR R4 datatypes, id).
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// The id in a reference to a Patient: relative, or absolute under our base.
pub fn patient_reference<'a>(reference: &'a str, base: &str) -> Option<&'a str> {
    reference_to("Patient", reference, base)
}

fn reference_to<'a>(kind: &str, reference: &'a str, base: &str) -> Option<&'a str> {
    let relative = reference.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(reference);
    let id = relative.strip_prefix(kind)?.strip_prefix('/')?;
    Some(id.split_once("/_history/").map_or(id, |(id, _)| id))
}

/// The ids of the Binaries that the attachments of this DocumentReference are kept in.
pub fn binaries<'a>(document: &'a Value, base: &str) -> impl Iterator<Item = &'a str> {
    let contents = document.get("content").and_then(Value::as_array).into_iter().flatten();
    contents.filter_map(move |content| reference_to("Binary", content.pointer("/attachment/url")?.as_str()?, base))
}

/// As [`in_compartment`]; also a Binary that is one of `binaries`, those of the patient's documents, unless it says it is of somebody else.
pub fn may_show(resource: &Value, patient: Option<&str>, base: &str, binaries: &HashSet<String>) -> bool {
    let member = |name: &str| resource.get(name).and_then(Value::as_str);
    let vouched_for = || {
        member("resourceType") == Some("Binary")
            && patient.is_some()
            && member("id").is_some_and(|id| binaries.contains(id))
            && !is_of_another(resource, base)
    };
    in_compartment(resource, patient, base) || vouched_for()
}

/// Whether a Binary that is not the patient's says whose it is.
fn is_of_another(binary: &Value, base: &str) -> bool {
    let context = binary.pointer("/securityContext/reference").and_then(Value::as_str);
    context.is_some_and(|reference| patient_reference(reference, base).is_some())
}

/// The patient that a resource is about, if it is about one.
pub fn patient_of<'a>(resource: &'a Value, base: &str) -> Option<&'a str> {
    let to = |reference: &'a Value| reference.get("reference")?.as_str().and_then(|text| patient_reference(text, base));
    match belongs(resource.get("resourceType")?.as_str()?)? {
        Nobody => None,
        Itself => resource.get("id")?.as_str(),
        Through(element) => resource.get(element).and_then(to),
        Document => resource.get("securityContext").and_then(to),
        Participant => {
            resource.get("participant")?.as_array()?.iter().find_map(|participant| participant.get("actor").and_then(to))
        }
    }
}

/// Whether the launch may show this resource: it is about its patient, or about no patient at all (smart.md 14.3).
pub fn in_compartment(resource: &Value, patient: Option<&str>, base: &str) -> bool {
    let is_patient = |reference: &Value| {
        let id = reference.get("reference").and_then(Value::as_str).and_then(|text| patient_reference(text, base));
        id.is_some() && id == patient
    };
    let Some(belongs) = resource.get("resourceType").and_then(Value::as_str).and_then(belongs) else {
        return false;
    };
    match belongs {
        Nobody => true,
        Itself => patient.is_some() && resource.get("id").and_then(Value::as_str) == patient,
        Through(element) => resource.get(element).is_some_and(is_patient),
        Document => resource.get("securityContext").is_some_and(is_patient),
        Participant => {
            let mut participants = resource.get("participant").and_then(Value::as_array).into_iter().flatten();
            participants.any(|participant| participant.get("actor").is_some_and(is_patient))
        }
    }
}

/// The resources of a chart: one resource, an array of them, or a Bundle. Each must be of a served type and have an id; none may come
/// twice. With `about`, each must also be about that patient (smart.md 14.3); of a Binary without `securityContext` that is decided when
/// it is read, because its DocumentReference may follow. Errors: `EREF_INVALID_JSON`, `EREF_INVALID_CONTENT`, `EREF_TOO_LARGE`.
pub fn parse(json: &str, about: Option<(&str, &str)>, limits: &Limits) -> Result<Vec<ChartResource>> {
    let mut chart: Vec<ChartResource> = Vec::new();
    for (place, raw) in split(json)? {
        check_json(raw.get(), &place, limits)?;
        let resource = parse_one(&place, raw)?;
        if chart.iter().any(|known| known.resource_type == resource.resource_type && known.id == resource.id) {
            return Err(wrong(format!("{place}: this resource is in the chart twice")));
        }
        if let Some((patient, base)) = about {
            let value = object(&place, raw)?;
            let undecided = resource.resource_type == "Binary" && !is_of_another(&value, base);
            if !in_compartment(&value, Some(patient), base) && !undecided {
                let text =
                    format!("{place}: this {} does not refer to the launch's patient as Patient/{{id}}", resource.resource_type);
                return Err(wrong(text));
            }
        }
        chart.push(resource);
    }
    Ok(chart)
}

fn wrong(text: String) -> Error {
    Error::new(EREF_INVALID_CONTENT, text)
}

fn not_json(error: &serde_json::Error) -> Error {
    Error::new(EREF_INVALID_JSON, "the chart is not well-formed JSON").with_detail(error.to_string())
}

fn object(place: &str, raw: &RawValue) -> Result<Value> {
    let value: Value = serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
    if value.is_object() { Ok(value) } else { Err(wrong(format!("{place}: expected a resource"))) }
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The single resources in what the host handed over, with their places in it.
fn split<'a>(json: &'a str) -> Result<Vec<(String, &'a RawValue)>> {
    let whole: &'a RawValue = serde_json::from_str(json).map_err(|error| not_json(&error))?;
    if whole.get().starts_with('[') {
        let list: Vec<&'a RawValue> = serde_json::from_str(json).map_err(|error| not_json(&error))?;
        return Ok(list.into_iter().enumerate().map(|(index, raw)| (format!("chart[{index}]"), raw)).collect());
    }
    let members: Members<'a> =
        serde_json::from_str(json).map_err(|_| wrong("chart: expected a resource, an array or a Bundle".into()))?;
    if members.get("resourceType").is_none_or(|raw| raw.get() != "\"Bundle\"") {
        return Ok(vec![("chart".to_owned(), whole)]);
    }
    let entries: Vec<Members<'a>> = match members.get("entry") {
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| wrong("chart.entry: expected an array of entries".into()))?,
        None => Vec::new(),
    };
    let resource = |(index, entry): (usize, Members<'a>)| {
        let place = format!("chart.entry[{index}].resource");
        let missing = wrong(format!("{place}: missing"));
        entry.get("resource").map(|raw| (place, *raw)).ok_or(missing)
    };
    entries.into_iter().enumerate().map(resource).collect()
}

fn parse_one(place: &str, raw: &RawValue) -> Result<ChartResource> {
    let value = object(place, raw)?;
    let member = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (resource_type, id) = (member("resourceType"), member("id"));
    if !is_known(resource_type) {
        return Err(wrong(format!("{place}.resourceType: expected one of {}", types().collect::<Vec<_>>().join(", "))));
    }
    if !is_id(id) {
        return Err(wrong(format!("{place}.id: expected 1 to 64 letters, digits, '-' or '.'")));
    }
    Ok(ChartResource { resource_type: resource_type.to_owned(), id: id.to_owned(), version: 1, json: raw.get().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BASE: &str = "https://pos.example/fhir";

    #[test]
    fn takes_a_resource_an_array_and_a_bundle() {
        let patient = r#"{ "resourceType":"Patient","id":"p1","multipleBirthInteger":1.50 }"#;
        for text in [
            patient.to_owned(),
            format!("[{patient}]"),
            format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{patient}}}]}}"#),
        ] {
            let chart = parse(&text, Some(("p1", BASE)), &Limits::default()).unwrap();
            assert_eq!(chart[0].json, patient, "kept byte for byte");
        }
    }

    #[test]
    fn names_the_place_of_what_is_wrong() {
        for (text, place) in [
            (r#"[{"resourceType":"Patient"}]"#, "chart[0].id"),
            (r#"[{"resourceType":"Starship","id":"a"}]"#, "chart[0].resourceType"),
            (r#"[{"resourceType":"Patient","id":"a"},{"resourceType":"Patient","id":"a"}]"#, "chart[1]"),
            (r#"{"resourceType":"Bundle","entry":[{}]}"#, "chart.entry[0].resource"),
            (r#"[{"resourceType":"Patient","id":"a","name":[{"family":"A","family":"B"}]}]"#, "chart[0].name[0]"),
        ] {
            let error = parse(text, None, &Limits::default()).unwrap_err();
            assert!(error.message().starts_with(place), "{error}");
        }
        assert_eq!(parse("[{", None, &Limits::default()).unwrap_err().status(), EREF_INVALID_JSON);
    }

    #[test]
    fn refuses_a_chart_with_another_patients_data() {
        let other = r#"[{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p2"}}]"#;
        assert!(parse(other, Some(("p1", BASE)), &Limits::default()).is_err());
        assert!(parse(r#"{"resourceType":"Condition","id":"c"}"#, Some(("p1", BASE)), &Limits::default()).is_err());
        let anothers = r#"{"resourceType":"Binary","id":"b","securityContext":{"reference":"Patient/p2"}}"#;
        assert!(parse(anothers, Some(("p1", BASE)), &Limits::default()).is_err());
        assert!(parse(r#"{"resourceType":"Binary","id":"b"}"#, Some(("p1", BASE)), &Limits::default()).is_ok());
    }

    #[test]
    fn the_compartment_holds_only_what_names_the_patient() {
        let inside = |resource: Value| in_compartment(&resource, Some("p1"), BASE);
        assert!(inside(json!({"resourceType":"Condition","subject":{"reference":"Patient/p1"}})));
        assert!(inside(
            json!({"resourceType":"Condition","subject":{"reference":"https://pos.example/fhir/Patient/p1/_history/2"}})
        ));
        assert!(inside(
            json!({"resourceType":"Appointment","participant":[{"actor":{"reference":"Practitioner/d"}},{"actor":{"reference":"Patient/p1"}}]})
        ));
        assert!(inside(json!({"resourceType":"Practitioner"})));
        assert!(!inside(json!({"resourceType":"Condition","subject":{"reference":"Patient/p11"}})));
        assert!(!inside(json!({"resourceType":"Condition","subject":{"reference":"https://elsewhere.example/fhir/Patient/p1"}})));
        assert!(!inside(json!({"resourceType":"Condition"})));
        assert!(!in_compartment(&json!({"resourceType":"Patient"}), None, BASE));
    }

    #[test]
    fn a_binary_that_names_another_patient_is_shown_by_no_document() {
        let known: HashSet<String> = ["b".to_owned()].into();
        let binary = |patient: &str| json!({"resourceType":"Binary","id":"b","securityContext":{"reference":patient}});
        assert!(may_show(&json!({"resourceType":"Binary","id":"b"}), Some("p1"), BASE, &known));
        assert!(may_show(&binary("DocumentReference/d"), Some("p1"), BASE, &known));
        assert!(!may_show(&binary("Patient/p2"), Some("p1"), BASE, &known));
        assert!(!may_show(&json!({"resourceType":"Binary","id":"b"}), None, BASE, &known));
        assert!(!may_show(&json!({"resourceType":"Binary","id":"c"}), Some("p1"), BASE, &known));
    }
}
