//! Reading a message by the plain names of the field table.

use super::html;
use super::path;
use super::view::View;
use crate::error::{EREF_UNKNOWN_FIELD, Error, Result};
use crate::proto::guide::events;
use crate::proto::guide::fields_table::{FIELDS, Field, Kind};

/// Which repetition a name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// The element at this index; 0 when the name does not say.
    At(usize),
    /// The one after the last, written `[+]`.
    Next,
}

/// Finds the field of a name such as `patient.identifier[0].value`. Its place in the table comes with it.
/// Errors: `EREF_UNKNOWN_FIELD`, naming it and the nearest known name.
pub fn find(name: &str) -> Result<(usize, &'static Field, Repetition)> {
    parse(name)
        .and_then(|(plain, repetition)| {
            let (position, field) = FIELDS.iter().enumerate().find(|(_, field)| same_name(field.name, &plain))?;
            match repetition {
                Some(_) if field.name != plain => None,
                Some(repetition) => Some((position, field, repetition)),
                None => Some((position, field, Repetition::At(0))),
            }
        })
        .ok_or_else(|| unknown(name))
}

/// Whether a name, with or without its `[]`, is this one of the table.
fn same_name(known: &str, name: &str) -> bool {
    let without = |(before, after): (&str, &str)| name.strip_prefix(before).is_some_and(|rest| rest == after);
    known == name || known.split_once("[]").is_some_and(without)
}

/// Splits the index off: `a[3].b` is `a[].b` and 3.
fn parse(name: &str) -> Option<(String, Option<Repetition>)> {
    let Some((before, rest)) = name.split_once('[') else { return Some((name.to_owned(), None)) };
    let (index, after) = rest.split_once(']')?;
    let repetition = match index {
        "+" => Repetition::Next,
        digits if digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Repetition::At(digits.parse().ok()?),
        _ => return None,
    };
    Some((format!("{before}[]{after}"), Some(repetition)))
}

fn unknown(name: &str) -> Error {
    let harmless = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._[]+-".contains(&byte));
    let shown = if harmless { name } else { "that name" };
    let stripped: String = name.chars().take(64).filter(|c| !c.is_ascii_digit() && *c != '+').collect();
    let nearest = FIELDS.iter().min_by_key(|field| distance(field.name, &stripped)).map_or("event", |field| field.name);
    Error::new(EREF_UNKNOWN_FIELD, format!("there is no field {shown}; the nearest is {nearest}"))
}

/// The edit distance of two names.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let value = (diagonal + usize::from(a != b)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = value;
            left = value;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The value of a field; `None` when the message does not say. Errors: `EREF_UNKNOWN_FIELD`.
pub fn read(view: &View, name: &str) -> Result<Option<String>> {
    let (_, field, repetition) = find(name)?;
    match repetition {
        Repetition::At(index) => Ok(read_field(view, field, index)),
        Repetition::Next => Err(unknown(name)),
    }
}

/// The value of a field of the table at an index.
fn read_field(view: &View, field: &Field, index: usize) -> Option<String> {
    let value = field.places.iter().find_map(|(home, place)| path::walk(view.home(*home)?, place, index).and_then(path::text))?;
    match field.kind {
        Kind::Markup(_) => Some(html::plain(&value)).filter(|text| !text.is_empty()),
        _ if field.name == "event" => Some(events::canonical(&value).map_or(value, str::to_owned)),
        _ => Some(value),
    }
}

/// How often a repeating field or group occurs (`patient.identifier`, `patient.identifier[].value`); for a single field 1 or 0.
/// Errors: `EREF_UNKNOWN_FIELD`.
pub fn count(view: &View, name: &str) -> Result<usize> {
    let plain = name.split("[]").next().unwrap_or(name);
    let in_group = |field: &&Field| field.name.split_once("[]").is_some_and(|(group, _)| group == plain);
    if let Some(field) = FIELDS.iter().find(in_group) {
        let counts = field.places.iter().filter_map(|(home, place)| Some(path::count(view.home(*home)?, place)));
        return Ok(counts.into_iter().find(|count| *count > 0).unwrap_or(0));
    }
    Ok(usize::from(read(view, name)?.is_some()))
}

/// The health number in a Patient as JSON.
pub fn health_number(patient: &str) -> Option<String> {
    let view = View::new(vec![(None, "{}"), (None, patient)]).ok()?;
    read(&view, "patient.health_number").ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view() -> View {
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
        let texts: Vec<String> = [header, request, patient, role, location].iter().map(ToString::to_string).collect();
        View::new(texts.iter().map(|text| (None, text.as_str())).collect()).unwrap()
    }

    fn get(name: &str) -> Option<String> {
        read(&view(), name).unwrap()
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
            assert_eq!(count(&view(), name).unwrap(), expected, "{name}");
        }
        assert_eq!(count(&view(), "patient.name.family").unwrap(), 1);
        assert_eq!(count(&view(), "patient.gender").unwrap(), 0);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        let error = read(&view(), "patient.name.famly").unwrap_err();
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
            assert_eq!(read(&view(), name).unwrap_err().status(), EREF_UNKNOWN_FIELD, "{name}");
        }
    }

    #[test]
    fn a_name_that_may_be_personal_is_not_repeated() {
        assert!(!read(&view(), "Anna Testpatient").unwrap_err().message().contains("Anna"));
    }
}
