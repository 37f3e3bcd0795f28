//! Whether a resource has what a search parameter asks for (FHIR R4 search: token, reference, date, string).

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use super::search_params::{Kind, Param};
use crate::proto::fhir::date::first_day;

/// Most values of one parameter: each is compared with each element of each resource.
const MOST_VALUES: usize = 200;

/// How a parameter's values are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// As its kind says.
    None,
    /// The text exactly, with case and accents.
    Exact,
    /// The text anywhere in the element.
    Contains,
    /// None of the values.
    Not,
    /// Whether there is no element.
    Missing,
}

impl Modifier {
    /// The modifier behind the colon; `None` when this kind of parameter does not know it.
    pub fn parse(text: &str, kind: Kind) -> Option<Self> {
        match (text, kind) {
            ("missing", _) => Some(Self::Missing),
            ("exact", Kind::String) => Some(Self::Exact),
            ("contains", Kind::String) => Some(Self::Contains),
            ("not", Kind::Token) => Some(Self::Not),
            _ => None,
        }
    }
}

/// One parameter of a query as it was understood.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// What is looked at.
    pub param: &'static Param,
    /// How.
    pub modifier: Modifier,
    /// Any of these is enough. Texts are folded, unless they are meant exactly.
    pub values: Vec<String>,
    /// The values of a date parameter.
    dates: Vec<Wanted>,
}

impl Criterion {
    /// From name, modifier and value of a query; the values stand between commas. Fails with what is wrong with the value.
    pub fn new(param: &'static Param, modifier: Modifier, value: &str) -> Result<Self, &'static str> {
        if value.split(',').count() > MOST_VALUES {
            return Err("too many values");
        }
        let mut values: Vec<String> = split(value).into_iter().filter(|value| !value.is_empty()).collect();
        let mut dates = Vec::new();
        match (modifier, param.kind) {
            (Modifier::Missing, _) if !matches!(value, "true" | "false") => return Err("expected true or false"),
            (Modifier::Missing | Modifier::Exact, _) => {}
            (_, Kind::Date) => {
                let parsed: Option<Vec<Wanted>> = values.iter().map(|value| Wanted::parse(value)).collect();
                dates = parsed.ok_or("expected a date such as ge2026-05-09, or a time with seconds and offset")?;
            }
            (_, Kind::String) => values = values.iter().map(|value| folded(value)).collect(),
            _ => {}
        }
        Ok(Self { param, modifier, values, dates })
    }

    /// Whether the resource has it. `base` is our FHIR base: references may be relative to it or absolute.
    pub fn matches(&self, resource: &Value, base: &str) -> bool {
        let found = elements(resource, self.param.path);
        let any = || found.iter().any(|element| self.fits(element, base));
        match self.modifier {
            Modifier::Missing => found.is_empty() == self.values.iter().any(|value| value == "true"),
            Modifier::Not => !any(),
            // Who does not say that they left is there (FHIR R4 Practitioner.active).
            Modifier::None if self.param.name == "active" && found.is_empty() => self.values.iter().any(|value| value == "true"),
            _ => any(),
        }
    }

    fn fits(&self, element: &Value, base: &str) -> bool {
        let values = || self.values.iter().map(String::as_str);
        match self.param.kind {
            Kind::Token => values().any(|value| has_token(element, value)),
            Kind::Reference => values().any(|value| refers_to(element, value, self.param.name, base)),
            Kind::Date => {
                let (clock, moment) = (element_span(element, false), element_span(element, true));
                self.dates.iter().any(|wanted| (if wanted.utc { moment } else { clock }).is_some_and(|own| wanted.fits(own)))
            }
            Kind::String => element.as_str().is_some_and(|text| has_text(text, values(), self.modifier)),
            Kind::Uri => values().any(|value| element.as_str() == Some(value)),
        }
    }
}

/// The parts of a value between its commas, what a backslash protects taken as itself.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut text = value.chars();
    while let Some(char) = text.next() {
        let char = match char {
            ',' => {
                parts.push(String::new());
                continue;
            }
            '\\' => text.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(last) = parts.last_mut() {
            last.push(char);
        }
    }
    parts
}

/// The elements at a path of [`Param`], arrays looked through.
pub fn elements<'a>(resource: &'a Value, path: &str) -> Vec<&'a Value> {
    let flat = |value: &'a Value| match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let below = |path: &str| {
        path.split('.')
            .fold(vec![resource], |found, name| found.iter().filter_map(|value| value.get(name)).flat_map(flat).collect())
    };
    path.split('|').flat_map(below).filter(|value| !value.is_null()).collect()
}

/// `system|code`, `|code` (without a system), `system|`, or a bare code.
fn has_token(element: &Value, wanted: &str) -> bool {
    let pair = |system: Option<&str>, code: Option<&str>| match wanted.split_once('|') {
        None => !wanted.is_empty() && code == Some(wanted),
        Some((asked, "")) => !asked.is_empty() && system == Some(asked),
        Some((asked, number)) => system.unwrap_or_default() == asked && code == Some(number),
    };
    let object =
        |value: &Value, code: &str| pair(value.get("system").and_then(Value::as_str), value.get(code).and_then(Value::as_str));
    match element {
        // The system of a plain code is said by its element, and always HL7's.
        Value::String(code) => match wanted.split_once('|') {
            Some((system, bare)) if system.starts_with("http://hl7.org/fhir/") || system.is_empty() => bare == code,
            Some(_) => false,
            None => wanted == code,
        },
        Value::Bool(truth) => wanted == if *truth { "true" } else { "false" },
        Value::Object(members) => match members.get("coding").and_then(Value::as_array) {
            Some(codings) => codings.iter().any(|coding| object(coding, "code")),
            None => object(element, "code") || object(element, "value"),
        },
        _ => false,
    }
}

/// Type and id of a reference: relative, or absolute under our base, with or without a version.
pub fn target<'a>(reference: &'a str, base: &str) -> Option<(&'a str, &'a str)> {
    let relative = reference.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(reference);
    let (kind, id) = relative.split_once('/')?;
    let id = id.split_once("/_history/").map_or(id, |(id, _)| id);
    (!id.contains('/')).then_some((kind, id))
}

fn refers_to(element: &Value, wanted: &str, name: &str, base: &str) -> bool {
    let Some(reference) = element.get("reference").and_then(Value::as_str) else { return false };
    let Some((kind, id)) = target(reference, base) else { return reference == wanted };
    // A parameter that bears a type's name is about that type only.
    let right_type = match name {
        "patient" => kind == "Patient",
        "practitioner" => kind == "Practitioner",
        "location" => kind == "Location",
        _ => true,
    };
    right_type && target(wanted, base).map_or(wanted == id, |wanted| wanted == (kind, id))
}

/// Any of these in a text; they are folded already, unless they are meant exactly.
fn has_text<'a>(text: &str, mut wanted: impl Iterator<Item = &'a str>, modifier: Modifier) -> bool {
    if modifier == Modifier::Exact {
        return wanted.any(|wanted| text == wanted);
    }
    let text = folded(text);
    wanted.any(|wanted| if modifier == Modifier::Contains { text.contains(wanted) } else { text.starts_with(wanted) })
}

/// A text as it is compared: lower case, letters without their accents.
pub fn folded(text: &str) -> String {
    const PLAIN: [(&str, &str); 17] = [
        ("àáâãäåāăą", "a"),
        ("æ", "ae"),
        ("çćĉċč", "c"),
        ("ďđð", "d"),
        ("èéêëēĕėęě", "e"),
        ("ĝğġģ", "g"),
        ("ìíîïĩīĭįı", "i"),
        ("ķ", "k"),
        ("ĺļľł", "l"),
        ("ñńņň", "n"),
        ("òóôõöøōŏő", "o"),
        ("œ", "oe"),
        ("ŕŗř", "r"),
        ("śŝşš", "s"),
        ("ţťŧ", "t"),
        ("ùúûüũūŭůűų", "u"),
        ("ýÿ", "y"),
    ];
    let mut folded = String::with_capacity(text.len());
    for char in text.chars().flat_map(char::to_lowercase) {
        match PLAIN.iter().find(|(accented, _)| !char.is_ascii() && accented.contains(char)) {
            Some((_, plain)) => folded.push_str(plain),
            // Accents that stand by themselves behind their letter.
            None if ('\u{300}'..='\u{36f}').contains(&char) => {}
            None => folded.push(char),
        }
    }
    folded
}

/// From the first to behind the last moment that a date or time of some precision means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: DateTime,
    until: DateTime,
}

const ALWAYS: Span = Span { from: DateTime::MIN, until: DateTime::MAX };

/// The span of a FHIR date or dateTime. In `utc` what has an offset is moved there; else the clock stands as it was written.
fn span(text: &str, utc: bool) -> Option<Span> {
    let Some((day, time)) = text.split_once('T') else {
        let first = first_day(text)?;
        let last = match text.len() {
            4 => first.checked_add(1.year()),
            7 => first.checked_add(1.month()),
            _ => first.checked_add(1.day()),
        };
        let midnight = |date: Date| date.to_datetime(Time::midnight());
        return Some(Span { from: midnight(first), until: midnight(last.ok()?) });
    };
    let offset_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(offset_at);
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    let from = if utc && !offset.is_empty() {
        let moment: Timestamp = format!("{day}T{clock}{seconds}{offset}").parse().ok()?;
        moment.to_zoned(jiff::tz::TimeZone::UTC).datetime()
    } else {
        first_day(day)?.to_datetime(format!("{clock}{seconds}").parse().ok()?)
    };
    let until = match clock.len() {
        5 => from.checked_add(1.minute()),
        8 => from.checked_add(1.second()),
        _ => from.checked_add(1.millisecond()),
    };
    Some(Span { from, until: until.ok()? })
}

/// The span of an element: a date, a time or a Period. An open end has no limit.
fn element_span(element: &Value, utc: bool) -> Option<Span> {
    if let Some(text) = element.as_str() {
        return span(text, utc);
    }
    let end = |name: &str| element.get(name).and_then(Value::as_str);
    let (start, last) = (end("start"), end("end"));
    if start.is_none() && last.is_none() {
        return None;
    }
    let from = start.map_or(Some(ALWAYS.from), |text| Some(span(text, utc)?.from))?;
    let until = last.map_or(Some(ALWAYS.until), |text| Some(span(text, utc)?.until))?;
    Some(Span { from, until })
}

/// The value of a date parameter.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    prefix: &'static str,
    span: Span,
    /// It says its offset: moments are compared. Else days and clocks as they were written, as a person reads them.
    utc: bool,
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        const PREFIXES: [&str; 9] = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
        let prefix = PREFIXES.into_iter().find(|prefix| text.starts_with(prefix)).unwrap_or_default();
        let value = text.get(prefix.len()..)?;
        let utc = value.split_once('T').is_some_and(|(_, time)| time.contains(['Z', '+', '-']));
        Some(Self { prefix, span: span(value, utc)?, utc })
    }

    /// FHIR R4 search 3.1.1.4.4: the spans of both sides decide.
    fn fits(&self, own: Span) -> bool {
        let wanted = self.span;
        let within = wanted.from <= own.from && own.until <= wanted.until;
        match self.prefix {
            "ne" => !within,
            "gt" => own.until > wanted.until,
            "lt" => own.from < wanted.from,
            "ge" => own.until > wanted.until || within,
            "le" => own.from < wanted.from || within,
            "sa" => own.from >= wanted.until,
            "eb" => own.until <= wanted.from,
            "ap" => own.from < wanted.until && wanted.from < own.until,
            _ => within,
        }
    }
}

/// What a resource is sorted by: the first element of the parameter as text that sorts as the parameter compares.
pub fn sort_key(resource: &Value, param: &Param) -> Option<String> {
    let key = |element: &&Value| match param.kind {
        Kind::Date => element_span(element, true).map(|span| span.from.to_string()),
        Kind::String => element.as_str().map(folded),
        Kind::Reference => element.get("reference").and_then(Value::as_str).map(str::to_owned),
        Kind::Uri => element.as_str().map(str::to_owned),
        Kind::Token => match element {
            Value::Bool(truth) => Some(truth.to_string()),
            Value::String(code) => Some(code.clone()),
            other => {
                let code = |path: &str| other.pointer(path).and_then(Value::as_str).map(str::to_owned);
                code("/coding/0/code").or_else(|| code("/code")).or_else(|| code("/value"))
            }
        },
    };
    elements(resource, param.path).iter().find_map(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::search_params;
    use super::*;

    const BASE: &str = "https://pos.example/fhir";

    /// Whether a resource of a type is found by `name=value`.
    fn found(resource: &Value, query: &str) -> bool {
        let (name, value) = query.split_once('=').unwrap();
        let (name, modifier) = name.split_once(':').unwrap_or((name, ""));
        let param = search_params::find(resource["resourceType"].as_str().unwrap(), name).unwrap();
        let modifier = if modifier.is_empty() { Modifier::None } else { Modifier::parse(modifier, param.kind).unwrap() };
        Criterion::new(param, modifier, value).unwrap().matches(resource, BASE)
    }

    fn all(resource: &Value, hits: &[&str], misses: &[&str]) {
        hits.iter().for_each(|query| assert!(found(resource, query), "{query}"));
        misses.iter().for_each(|query| assert!(!found(resource, query), "{query}"));
    }

    #[test]
    fn tokens_match_by_system_and_code() {
        let patient = json!({"resourceType": "Patient", "active": true, "gender": "female",
                             "identifier": [{"system": "urn:a", "value": "9999"}, {"value": "7"}]});
        let hits = [
            "identifier=urn:a|9999",
            "identifier=9999",
            "identifier=urn:a|",
            "identifier=|7",
            "identifier=1,7",
            "active=true",
            "gender=female",
            "gender=http://hl7.org/fhir/administrative-gender|female",
            "gender:not=male",
            "birthdate:missing=true",
        ];
        let misses = [
            "identifier=urn:b|9999",
            "identifier=|9999",
            "identifier=urn:a|7",
            "identifier=|",
            "identifier=999",
            "active=false",
            "gender=urn:x|female",
            "gender:not=female,other",
            "gender:missing=true",
            "identifier=",
        ];
        all(&patient, &hits, &misses);
        let concept = json!({"resourceType": "Observation", "code": {"text": "29463-7", "coding": [
            {"system": "http://loinc.org", "code": "29463-7"}, {"system": "urn:local", "code": "WT,1"}]}});
        all(&concept, &["code=29463-7", "code=http://loinc.org|29463-7", r"code=WT\,1"], &["code=WT", "code=urn:local|29463-7"]);
    }

    #[test]
    fn texts_match_from_their_start_whatever_case_and_accents() {
        let person = json!({"resourceType": "Practitioner", "name": [{"family": "Côté-Fakename", "given": ["Zoë", "Ann"]}]});
        let hits = [
            "family=cote",
            "family=CÔTÉ",
            "name=zoe",
            "given=ann",
            "family:exact=Côté-Fakename",
            "family:contains=fake",
            "family=x,cot",
        ];
        all(&person, &hits, &["family=fakename", "family:exact=Côté", "name=testperson", "given:contains=q"]);
        assert_eq!(folded("Cote\u{301} ŒUVRE"), "cote oeuvre");
    }

    #[test]
    fn references_match_in_every_form_they_are_written_in() {
        let request = |reference: &str| json!({"resourceType": "ServiceRequest", "subject": {"reference": reference}, "requester": {"reference": "PractitionerRole/r1"}});
        for reference in ["Patient/p1", "https://pos.example/fhir/Patient/p1", "Patient/p1/_history/2"] {
            all(
                &request(reference),
                &["patient=p1", "patient=Patient/p1", "subject=https://pos.example/fhir/Patient/p1", "requester=r1"],
                &[
                    "patient=p",
                    "patient=p11",
                    "patient=Practitioner/p1",
                    "subject=https://other.example/fhir/Patient/p1",
                    "requester=Practitioner/r1",
                ],
            );
        }
        all(&request("Group/p1"), &["subject=p1"], &["patient=p1"]);
    }

    #[test]
    fn dates_match_by_the_precision_of_both_sides() {
        let on = |date: &str| json!({"resourceType": "Observation", "effectiveDateTime": date});
        all(
            &on("2026-05-09"),
            &[
                "date=2026-05-09",
                "date=2026-05",
                "date=2026",
                "date=ge2026-05-09",
                "date=le2026-05-09",
                "date=gt2026-05-08",
                "date=sa2026-05-08",
                "date=eb2026-05-10",
                "date=ne2026-05-08",
                "date=ap2026-05-09",
                "date=lt2026-05-10",
            ],
            &["date=2026-05-08", "date=gt2026-05-09", "date=lt2026-05-09", "date=2026-05-09T10:00:00Z", "date=ne2026-05"],
        );
        all(&on("2026"), &["date=2026", "date=ge2026-05-09", "date=ap2026-05"], &["date=2026-05"]);
        // A day asked for is the day as it was written, whatever the offset; a moment is a moment.
        let evening = on("2026-05-09T22:30:00-04:00");
        all(
            &evening,
            &["date=2026-05-09", "date=2026-05-10T02:30:00Z", "date=2026-05-09T22:30", "date=le2026-05-10T02:30:00Z"],
            &["date=2026-05-10", "date=2026-05-09T22:30:00Z", "date=2026-05-09T22:31"],
        );
    }

    #[test]
    fn periods_match_with_open_ends() {
        let during = |period: Value| json!({"resourceType": "Encounter", "period": period});
        let past = during(json!({"start": "2026-01-05", "end": "2026-01-07"}));
        all(
            &past,
            &["date=2026-01", "date=ge2026-01-06", "date=eb2026-02", "date=lt2026-01-06"],
            &["date=2026-01-05", "date=sa2026-01-05"],
        );
        let open = during(json!({"start": "2026-01-05"}));
        all(&open, &["date=ge2030", "date=le2026-01-06"], &["date=2026-01", "date=eb2030"]);
        all(&during(json!({})), &["date:missing=false"], &["date=ge1900"]);
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        for value in ["yesterday", "2026-13", "xx2026", "ge", "2026-05-09T25:00", "2026-05-09T10:00:00+99:00"] {
            let param = search_params::find("Observation", "date").unwrap();
            assert!(Criterion::new(param, Modifier::None, value).is_err(), "{value}");
            assert!(Criterion::new(param, Modifier::Missing, value).is_err(), "{value}");
        }
    }
}
