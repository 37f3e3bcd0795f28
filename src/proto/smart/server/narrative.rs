//! Narratives for referral forms: an RMS fills its forms from `text.div` (smart.md 16.2), so that what has none gets one. The host's other
//! bytes stay as they are.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::search_match::elements;

/// What a referral form shows of a type: a label, and where it is (paths as in the table of search parameters).
const SHOWN: &[(&str, &[(&str, &str)])] = &[
    (
        "AllergyIntolerance",
        &[
            ("Allergy", "code"),
            ("Reaction", "reaction.manifestation"),
            ("Criticality", "criticality"),
            ("Status", "clinicalStatus"),
            ("Onset", "onsetDateTime|onsetString"),
            ("Note", "note.text"),
        ],
    ),
    (
        "Appointment",
        &[
            ("Appointment", "serviceType|description"),
            ("Start", "start"),
            ("Status", "status"),
            ("With", "participant.actor.display"),
        ],
    ),
    ("CareTeam", &[("Care team", "name"), ("Member", "participant.member.display"), ("Status", "status")]),
    ("Communication", &[("Message", "payload.contentString"), ("Sent", "sent"), ("Status", "status")]),
    (
        "Condition",
        &[
            ("Problem", "code"),
            ("Status", "clinicalStatus"),
            ("Onset", "onsetDateTime|onsetString|onsetPeriod"),
            ("Note", "note.text"),
        ],
    ),
    ("Consent", &[("Consent", "category"), ("Status", "status"), ("Date", "dateTime")]),
    ("Coverage", &[("Coverage", "type"), ("Number", "subscriberId"), ("Payor", "payor.display"), ("Status", "status")]),
    (
        "DiagnosticReport",
        &[("Report", "code"), ("Date", "effectiveDateTime|effectivePeriod"), ("Conclusion", "conclusion"), ("Status", "status")],
    ),
    (
        "DocumentReference",
        &[("Document", "description|type"), ("File", "content.attachment.title"), ("Date", "date"), ("Author", "author.display")],
    ),
    ("Encounter", &[("Visit", "type|class"), ("When", "period"), ("Reason", "reasonCode"), ("Status", "status")]),
    ("FamilyMemberHistory", &[("Relative", "relationship"), ("Condition", "condition.code"), ("Note", "note.text")]),
    ("HealthcareService", &[("Service", "name|type"), ("Telephone", "telecom")]),
    (
        "Immunization",
        &[("Vaccine", "vaccineCode"), ("Date", "occurrenceDateTime|occurrenceString"), ("Lot", "lotNumber"), ("Status", "status")],
    ),
    ("Location", &[("Location", "name"), ("Telephone", "telecom"), ("Address", "address")]),
    ("Medication", &[("Medication", "code")]),
    (
        "MedicationRequest",
        &[
            ("Medication", "medicationCodeableConcept|medicationReference.display"),
            ("Dosage", "dosageInstruction.text"),
            ("Ordered", "authoredOn"),
            ("Status", "status"),
        ],
    ),
    (
        "MedicationStatement",
        &[
            ("Medication", "medicationCodeableConcept|medicationReference.display"),
            ("Dosage", "dosage.text"),
            ("Since", "effectiveDateTime|effectivePeriod"),
            ("Status", "status"),
        ],
    ),
    (
        "Observation",
        &[
            ("Observation", "code"),
            ("Value", "valueQuantity|valueString|valueCodeableConcept|valueInteger|valueBoolean|valueDateTime"),
            ("Part", "component.code"),
            ("Part value", "component.valueQuantity|component.valueString|component.valueCodeableConcept"),
            ("Date", "effectiveDateTime|effectivePeriod"),
            ("Note", "note.text"),
        ],
    ),
    ("Organization", &[("Organization", "name"), ("Telephone", "telecom"), ("Address", "address")]),
    (
        "Patient",
        &[
            ("Patient", "name"),
            ("Born", "birthDate"),
            ("Gender", "gender"),
            ("Number", "identifier"),
            ("Telephone", "telecom"),
            ("Address", "address"),
        ],
    ),
    ("Practitioner", &[("Practitioner", "name"), ("Licence", "identifier"), ("Telephone", "telecom")]),
    (
        "PractitionerRole",
        &[
            ("Practitioner", "practitioner.display"),
            ("Role", "code"),
            ("Organization", "organization.display"),
            ("Telephone", "telecom"),
        ],
    ),
    (
        "Procedure",
        &[
            ("Procedure", "code"),
            ("Date", "performedDateTime|performedPeriod|performedString"),
            ("Status", "status"),
            ("Note", "note.text"),
        ],
    ),
    ("Questionnaire", &[("Questionnaire", "title|name")]),
    (
        "QuestionnaireResponse",
        &[
            ("Question", "item.text"),
            (
                "Answer",
                "item.answer.valueString|item.answer.valueCoding|item.answer.valueBoolean|item.answer.valueInteger|item.answer.valueDate",
            ),
            ("Date", "authored"),
        ],
    ),
    ("RelatedPerson", &[("Related person", "name"), ("Relation", "relationship"), ("Telephone", "telecom")]),
    (
        "ServiceRequest",
        &[
            ("Request", "code"),
            ("Reason", "reasonCode"),
            ("Priority", "priority"),
            ("Ordered", "authoredOn"),
            ("Status", "status"),
            ("Note", "note.text"),
        ],
    ),
    ("Task", &[("Task", "code|description"), ("Status", "status"), ("For", "for.display"), ("Changed", "lastModified")]),
];

/// Most characters of one value that are shown.
const LONGEST: usize = 2_000;

/// What a file of a content type is called at its end; the types that the main RMS takes (smart.md 16.2).
const EXTENSIONS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/tiff", "tiff"),
    ("image/bmp", "bmp"),
    ("audio/mpeg", "mp3"),
    ("video/mp4", "mp4"),
    ("text/plain", "txt"),
    ("video/quicktime", "mov"),
    ("video/x-msvideo", "avi"),
];

/// Whether a title is the name of a file that the main RMS takes.
pub fn is_file_name(title: &str) -> bool {
    let end = title.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    ["jpeg", "tif"].contains(&end.as_str()) || EXTENSIONS.iter().any(|(_, known)| *known == end)
}

/// The resource with a narrative, generated where it has none, and with titles of attachments that are names of files. Nothing else of it
/// is changed.
pub fn for_forms(json: &str, value: &Value) -> String {
    let mut changes: Vec<(usize, usize, String)> = Vec::new();
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
    if value.pointer("/text/div").and_then(Value::as_str).is_none_or(str::is_empty) {
        let text = serde_json::json!({ "status": "generated", "div": narrative(value) }).to_string();
        changes.extend(match members.get("text") {
            Some(raw) => place(json, raw.get()).map(|(from, until)| (from, until, text)),
            None => first_member(json).map(|at| (at, at, format!("\"text\":{text},"))),
        });
    }
    if value.get("resourceType").is_some_and(|kind| kind == "DocumentReference") {
        changes.extend(members.get("content").into_iter().flat_map(|raw| titles(json, raw.get())));
    }
    changes.sort_by_key(|(from, ..)| std::cmp::Reverse(*from));
    let mut text = json.to_owned();
    for (from, until, new) in changes {
        text.replace_range(from..until, &new);
    }
    text
}

/// Where the first member of an object begins.
fn first_member(json: &str) -> Option<usize> {
    let at = json.find('{')? + 1;
    (!json.get(at..)?.trim_start().starts_with('}')).then_some(at)
}

/// Where a part of a text stands in it.
fn place(whole: &str, part: &str) -> Option<(usize, usize)> {
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    whole.get(from..from + part.len()).map(|_| (from, from + part.len()))
}

/// The titles that are to be changed, of all attachments of a document.
fn titles(json: &str, content: &str) -> Vec<(usize, usize, String)> {
    let contents: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(content).unwrap_or_default();
    let change = |content: BTreeMap<String, &RawValue>| {
        let raw = content.get("attachment")?.get();
        let attachment: Value = serde_json::from_str(raw).ok()?;
        let text = |name: &str| attachment.get(name).and_then(Value::as_str);
        let title = text("title").unwrap_or("Document");
        if is_file_name(title) {
            return None;
        }
        let media_type = text("contentType")?.split(';').next()?.trim().to_ascii_lowercase();
        let (_, end) = EXTENSIONS.iter().find(|(known, _)| *known == media_type)?;
        let new = Value::from(format!("{title}.{end}")).to_string();
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
        match members.get("title") {
            Some(raw) => place(json, raw.get()).map(|(from, until)| (from, until, new)),
            None => {
                let at = place(json, raw)?.0 + first_member(raw)?;
                Some((at, at, format!("\"title\":{new},")))
            }
        }
    };
    contents.into_iter().filter_map(change).collect()
}

/// XHTML: a list of what is shown, everything escaped.
fn narrative(resource: &Value) -> String {
    let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    let rows = SHOWN.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, rows)| rows);
    let mut items = String::new();
    for (label, path) in rows {
        let values: Vec<String> = elements(resource, path).into_iter().map(words).filter(|text| !text.is_empty()).collect();
        if !values.is_empty() {
            let text: String = values.join(", ").chars().take(LONGEST).collect();
            items.push_str(&format!("<li>{label}: {}</li>", escaped(&text)));
        }
    }
    let body = if items.is_empty() { format!("<p>{}</p>", escaped(kind)) } else { format!("<ul>{items}</ul>") };
    format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{body}</div>")
}

/// A text as it stands in XHTML. Characters that XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// A value as a person reads it.
fn words(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = |name: &str| elements(value, name).into_iter().map(words).collect::<Vec<_>>().join(" ");
    let join = |parts: &[String]| parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ");
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Object(members) => {
            let has = |name: &str| members.contains_key(name);
            if !text("text").is_empty() {
                text("text").to_owned()
            } else if has("coding") {
                elements(value, "coding").first().map(|coding| words(coding)).unwrap_or_default()
            } else if has("family") || has("given") {
                join(&[list("prefix"), list("given"), text("family").to_owned(), list("suffix")])
            } else if has("start") || has("end") {
                format!("{} to {}", text("start"), text("end"))
            } else if has("line") || has("city") {
                join(&[list("line"), text("city").to_owned(), text("state").to_owned(), text("postalCode").to_owned()])
            } else if !text("display").is_empty() {
                text("display").to_owned()
            } else if has("value") {
                join(&[text("comparator").to_owned(), value.get("value").map(words).unwrap_or_default(), text("unit").to_owned()])
            } else {
                text("code").to_owned()
            }
        }
        Value::Null | Value::Array(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart;
    use super::*;

    fn formed(json: &str) -> String {
        for_forms(json, &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn every_type_but_binary_has_something_to_show() {
        assert!(chart::types().filter(|kind| *kind != "Binary").all(|kind| SHOWN.iter().any(|(name, _)| *name == kind)));
    }

    #[test]
    fn a_narrative_is_added_and_every_other_byte_stays() {
        let json = r#"{ "resourceType":"Observation","code":{"coding":[{"code":"8302-2","display":"Height <b>"}]},"valueQuantity":{"value":1.50,"unit":"m"} }"#;
        let told = formed(json);
        let value: Value = serde_json::from_str(&told).unwrap();
        let div = value["text"]["div"].as_str().unwrap();
        assert_eq!(
            div,
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><ul><li>Observation: Height &lt;b&gt;</li><li>Value: 1.5 m</li></ul></div>"
        );
        assert!(told.ends_with(&json[1..]), "{told}");
    }

    #[test]
    fn a_narrative_that_is_there_stays() {
        let json = r#"{"resourceType":"Patient","text":{"status":"additional","div":"<div>x</div>"}}"#;
        assert_eq!(formed(json), json);
        let told = formed(r#"{"resourceType":"Patient","text":{"status":"empty"},"birthDate":"2000-01-01"}"#);
        assert!(
            told.starts_with(r#"{"resourceType":"Patient","text":{"#) && told.ends_with(r#","birthDate":"2000-01-01"}"#),
            "{told}"
        );
        assert!(told.contains("Born: 2000-01-01"));
    }

    #[test]
    fn titles_become_names_of_files() {
        let document = |attachment: &str| {
            let text = r#"{"resourceType":"DocumentReference","text":{"div":"<div>x</div>"},"content":[{"attachment":{"data":"AA"}},{"attachment":ATT}]}"#;
            let told: Value = serde_json::from_str(&formed(&text.replace("ATT", attachment))).unwrap();
            told["content"][1]["attachment"]["title"].as_str().map(str::to_owned)
        };
        assert_eq!(document(r#"{"contentType":"application/pdf","title":"Letter of \"May\""}"#).unwrap(), "Letter of \"May\".pdf");
        assert_eq!(document(r#"{"contentType":"image/jpeg; q=1"}"#).unwrap(), "Document.jpg");
        assert_eq!(document(r#"{"contentType":"application/pdf","title":"a.PDF"}"#).unwrap(), "a.PDF");
        assert_eq!(document(r#"{"contentType":"application/x-unknown","title":"a"}"#).unwrap(), "a");
    }
}
