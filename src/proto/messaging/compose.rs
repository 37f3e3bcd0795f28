//! A message being composed from plain fields, the host's own resources and files.

use std::collections::BTreeMap;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use serde_json::{Value, json};

use super::Message;
use super::assemble;
use super::fields::{self, Repetition};
use super::parse::check_json;
use super::path::resource_type;
use crate::error::{
    EREF_CONFIG, EREF_INVALID_CONTENT, EREF_INVALID_FIELD, EREF_INVALID_JSON, EREF_NOT_FOUND, EREF_TOO_LARGE, EREF_UNKNOWN_EVENT,
    Error, Result,
};
use crate::memory;
use crate::proto::fhir::date;
use crate::proto::fhir::outcome::{Issue, outcome_json};
use crate::proto::guide::codes;
use crate::proto::guide::dialects::{self, Dialect};
use crate::proto::guide::events::{self, EventInfo};
use crate::proto::guide::field::{Field, Home, Kind, Need, on};
use crate::proto::guide::fields_table::FIELDS;
use crate::proto::settings::Settings;
use crate::proto::store::Millis;

/// The most repetitions of one field.
const REPETITIONS: usize = 100;

/// Resource types a message holds once, with the part they play.
const SINGLE: &[(&str, Home)] = &[
    ("ServiceRequest", Home::Request),
    ("Patient", Home::Patient),
    ("Task", Home::Task),
    ("Appointment", Home::Appointment),
    ("Communication", Home::Communication),
];

/// A message being composed from plain fields, host resources and attachments. Exclusive: one call at a time.
pub struct Draft {
    pub(super) settings: Arc<Settings>,
    pub(super) partner: String,
    pub(super) endpoint: String,
    pub(super) event: &'static EventInfo,
    pub(super) dialect: &'static Dialect,
    /// By place in the table and repetition.
    pub(super) fields: BTreeMap<(usize, usize), String>,
    pub(super) resources: Vec<Value>,
    pub(super) attachments: Vec<File>,
}

/// A file to go with the message.
pub(super) struct File {
    pub(super) title: String,
    pub(super) content_type: String,
    pub(super) data: Vec<u8>,
}

impl Draft {
    /// Begins a message of this event to this partner. Errors: `EREF_NOT_FOUND` (partner), `EREF_UNKNOWN_EVENT`, `EREF_CONFIG` (the
    /// partner takes no messages, or speaks an unknown dialect).
    pub fn new(settings: Arc<Settings>, partner: &str, event: &str) -> Result<Self> {
        let found = settings.partner(partner).ok_or_else(|| Error::new(EREF_NOT_FOUND, "no partner of that name is configured"))?;
        let event = events::canonical(event)
            .and_then(events::info)
            .filter(|event| event.composable)
            .ok_or_else(|| Error::new(EREF_UNKNOWN_EVENT, "this library composes no event of that code"))?;
        let dialect = dialects::dialect(&found.dialect)
            .ok_or_else(|| Error::new(EREF_CONFIG, format!("partner {}: this library composes on-0.11.1 only", found.name)))?;
        let endpoint = found
            .messaging
            .as_ref()
            .and_then(|messaging| messaging.endpoint.as_ref())
            .ok_or_else(|| Error::new(EREF_CONFIG, format!("partner {}: messaging.endpoint is not set", found.name)))?
            .to_string();
        let partner = found.name.clone();
        Ok(Self {
            settings,
            partner,
            endpoint,
            event,
            dialect,
            fields: BTreeMap::new(),
            resources: Vec::new(),
            attachments: Vec::new(),
        })
    }

    /// The form to fill, as JSON (docs/schema/form.json): name, required, format, code list, example of every field that means something
    /// for this event.
    pub fn fields_json(&self) -> String {
        let fields = FIELDS.iter().filter(|field| field.write && self.means_something(field)).map(|field| self.describe(field));
        let fields: Vec<Value> = fields.collect();
        json!({"event": self.event.code, "partner": self.partner, "dialect": self.dialect.name, "fields": fields}).to_string()
    }

    /// One line of the form.
    fn describe(&self, field: &Field) -> Value {
        let need = self.need(field);
        let mut line = json!({
            "name": field.name,
            "required": need == Need::Required,
            "repeats": field.name.contains("[]"),
            "format": field.kind.as_str(),
            "expects": field.kind.expectation(),
            "example": field.example,
            "about": field.about,
        });
        if let Need::OneOf(group) = need {
            line["one_of"] = json!(group);
        }
        if let Some(max) = field.kind.max_length() {
            line["max_length"] = json!(max);
        }
        if !field.codes.is_empty() {
            line["codes"] =
                field.codes.iter().map(|word| json!({"code": word.code, "text": word.words.0, "text_fr": word.words.1})).collect();
        }
        line
    }

    fn means_something(&self, field: &Field) -> bool {
        self.event.focus.iter().any(|focus| field.on & on::of(focus) != 0)
    }

    /// The types in focus: those of the event that the host gave something for, else the usual one (messaging.md 3.1).
    pub(super) fn focus_homes(&self) -> Vec<Home> {
        let homes =
            self.event.focus.iter().filter_map(|focus| SINGLE.iter().find(|(name, _)| name == focus).map(|(_, home)| *home));
        let given: Vec<Home> = homes.clone().filter(|home| self.gives(*home)).collect();
        if given.is_empty() { homes.take(1).collect() } else { given }
    }

    fn gives(&self, home: Home) -> bool {
        let by_field = self.fields.keys().any(|(position, _)| FIELDS.get(*position).is_some_and(|field| field.places[0].0 == home));
        by_field || self.host_resource(home).is_some()
    }

    /// The host's own resource for this part.
    pub(super) fn host_resource(&self, home: Home) -> Option<&Value> {
        let (name, _) = SINGLE.iter().find(|(_, part)| *part == home)?;
        self.resources.iter().find(|value| resource_type(value) == *name)
    }

    /// Whether a resource of the host's own stands where this part would be composed. The host's ServiceRequest names requester and
    /// performer itself.
    pub(super) fn host_speaks_for(&self, home: Home) -> bool {
        let parties = (Home::RequesterRole..=Home::TargetLocation).contains(&home);
        self.host_resource(home).is_some() || (parties && self.host_resource(Home::Request).is_some())
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let position = FIELDS.iter().position(|field| field.name == name)?;
        self.fields.get(&(position, 0)).map(String::as_str)
    }

    /// Whether this event needs the field: the minimum of messaging.md 5.1, the profiles' mandatory elements, and R4's app-3.
    fn need(&self, field: &Field) -> Need {
        let home = field.places[0].0;
        let starts = self.event.code == "add-service-request";
        let undated = matches!(self.value("appointment.status"), Some("proposed" | "cancelled" | "waitlist"));
        let full_request = starts || self.event.code == "notify-update-service-request";
        match field.name {
            "referral.identifier[].value" if !starts => Need::Required,
            "appointment.start" | "appointment.end" if undated => Need::Optional,
            _ if home == Home::Request && !full_request => Need::Optional,
            _ if matches!(home, Home::Task | Home::Appointment | Home::Communication) && !self.focus_homes().contains(&home) => {
                Need::Optional
            }
            _ => field.need,
        }
    }

    /// Sets a field by its name; `[+]` takes the first repetition not set yet. An empty value removes it. Errors: `EREF_UNKNOWN_FIELD`,
    /// `EREF_INVALID_FIELD`; the value is never repeated in them.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let (position, field, repetition) = fields::find(name)?;
        if !field.write {
            return Err(refused(field, "it can only be read"));
        }
        if !self.means_something(field) {
            return Err(refused(field, &format!("it means nothing for {}", self.event.code)));
        }
        let index = match repetition {
            Repetition::At(index) => index,
            Repetition::Next => {
                (0..REPETITIONS).find(|index| !self.fields.contains_key(&(position, *index))).unwrap_or(REPETITIONS)
            }
        };
        if index >= REPETITIONS {
            return Err(refused(field, &format!("at most {REPETITIONS} repetitions are taken")));
        }
        if value.is_empty() {
            self.fields.remove(&(position, index));
            return Ok(());
        }
        check(field, value).map_err(|expected| refused(field, &expected))?;
        self.fields.insert((position, index), value.to_owned());
        Ok(())
    }

    /// Adds a FHIR resource of the host's own. It is used whole: a ServiceRequest, Patient, Task, Appointment or Communication in place of
    /// the one that would be composed, others besides. Ids are kept and references are not changed; what is added is a missing id, a
    /// missing profile, the label of test data, and to a ServiceRequest its attachments. Errors: `EREF_INVALID_JSON`,
    /// `EREF_INVALID_CONTENT`, `EREF_TOO_LARGE`.
    pub fn add_resource(&mut self, json: &[u8]) -> Result<()> {
        if json.len() > self.settings.limits.message_bytes {
            return Err(Error::new(EREF_TOO_LARGE, "the resource is larger than limits.message_bytes"));
        }
        let not_json = || Error::new(EREF_INVALID_JSON, "the resource is not well-formed JSON");
        let text = std::str::from_utf8(json).map_err(|_| not_json())?;
        check_json(text, "resource", &self.settings.limits)?;
        let value: Value = serde_json::from_str(text).map_err(|error| not_json().with_detail(error.to_string()))?;
        let name = resource_type(&value);
        if name.is_empty() || matches!(name, "Bundle" | "MessageHeader") {
            return Err(Error::new(EREF_INVALID_CONTENT, "expected one FHIR resource, neither a Bundle nor a MessageHeader"));
        }
        if SINGLE.iter().any(|(single, _)| *single == name) && self.resources.iter().any(|other| resource_type(other) == name) {
            return Err(Error::new(
                EREF_INVALID_CONTENT,
                "a message holds one resource of this type, and the draft has it already",
            ));
        }
        self.resources.push(value);
        Ok(())
    }

    /// Adds a file. `title` is a file name with its extension. Errors: `EREF_INVALID_ARGUMENT`, `EREF_TOO_LARGE`.
    pub fn add_attachment(&mut self, title: &str, content_type: &str, data: &[u8]) -> Result<()> {
        let invalid = |what: &str| Err(Error::new(crate::error::EREF_INVALID_ARGUMENT, what.to_owned()));
        let extension = title.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && !extension.is_empty());
        if !extension || title.chars().count() > 255 || title.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
            return invalid("title: expected a file name with its extension, at most 255 characters, without folders");
        }
        let token =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte));
        if !content_type.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype)) {
            return invalid("content_type: expected a media type such as application/pdf");
        }
        let limits = &self.settings.limits;
        if data.is_empty() {
            return invalid("data: the file is empty");
        }
        if data.len() > limits.attachment_bytes {
            return Err(Error::new(EREF_TOO_LARGE, "the file is larger than limits.attachment_bytes"));
        }
        if self.attachments.iter().map(|file| file.data.len()).sum::<usize>() + data.len() > limits.attachments_bytes {
            return Err(Error::new(EREF_TOO_LARGE, "the files together are larger than limits.attachments_bytes"));
        }
        let data = memory::copy(data, "the file")?;
        self.attachments.push(File { title: title.to_owned(), content_type: content_type.to_owned(), data });
        Ok(())
    }

    /// Composes the Bundle and checks it; all findings at once in the error's detail. Errors: `EREF_INVALID_FIELD`.
    pub fn build(&self, now: Millis, random: &dyn Fn() -> [u8; 32]) -> Result<Message> {
        let bytes = self.compose(now, random)?;
        Message::composed(bytes, self.identity(), &self.settings.limits)
    }

    /// The bytes of the Bundle.
    pub(super) fn compose(&self, now: Millis, random: &dyn Fn() -> [u8; 32]) -> Result<Vec<u8>> {
        let mut issues = self.missing();
        let bundle = assemble::bundle(self, now, random, &mut issues);
        if !issues.is_empty() {
            let names: Vec<&str> = issues.iter().map(|issue| issue.expression.as_str()).take(5).collect();
            let message = format!("the draft has {} findings, first of all: {}", issues.len(), names.join(", "));
            return Err(Error::new(EREF_INVALID_FIELD, message).with_detail(outcome_json(&issues)));
        }
        serde_json::to_vec(&bundle).map_err(|_| Error::new(EREF_INVALID_CONTENT, "the message cannot be written as JSON"))
    }

    /// What is needed and not there.
    fn missing(&self) -> Vec<Issue> {
        let is_set = |name: &str| self.value(name).is_some();
        let mut issues = Vec::new();
        let mut groups: Vec<&str> = Vec::new();
        for field in
            FIELDS.iter().filter(|field| field.write && self.means_something(field) && !self.host_speaks_for(field.places[0].0))
        {
            match self.need(field) {
                Need::Required if !is_set(field.name) => {
                    issues.push(finding(field.name, &format!("required for {}", self.event.code)))
                }
                Need::OneOf(group) if !groups.contains(&group) => {
                    groups.push(group);
                    let members = FIELDS.iter().filter(|other| other.need == Need::OneOf(group));
                    let names: Vec<&str> = members.map(|other| other.name).collect();
                    if !names.iter().any(|name| is_set(name)) {
                        issues.push(finding(field.name, &format!("one of {} is required", names.join(", "))));
                    }
                }
                _ => {}
            }
        }
        if self.value("appointment.start").is_some() != self.value("appointment.end").is_some()
            && self.need_is_optional("appointment.start")
        {
            issues.push(finding("appointment.end", "start and end stand together (R4 app-2)"));
        }
        issues
    }

    fn need_is_optional(&self, name: &str) -> bool {
        FIELDS.iter().find(|field| field.name == name).is_some_and(|field| self.need(field) == Need::Optional)
    }

    /// SHA-256 over what the host handed in, never over what is made up while composing, so that a repeated call is known again.
    fn identity(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        part(self.partner.as_bytes());
        part(self.event.code.as_bytes());
        for ((position, index), value) in &self.fields {
            part(FIELDS.get(*position).map_or("", |field| field.name).as_bytes());
            part(&(*index as u64).to_be_bytes());
            part(value.as_bytes());
        }
        part(b"resources");
        for resource in &self.resources {
            part(resource.to_string().as_bytes());
        }
        part(b"attachments");
        for file in &self.attachments {
            part(file.title.as_bytes());
            part(file.content_type.as_bytes());
            part(&file.data);
        }
        let mut identity = [0; 32];
        identity.copy_from_slice(context.finish().as_ref());
        identity
    }
}

/// A finding about a field.
pub(super) fn finding(expression: &str, text: &str) -> Issue {
    Issue {
        severity: "error",
        code: "required",
        expression: expression.to_owned(),
        text: text.to_owned(),
        source: "Ontario eReferral guide 0.11.1",
    }
}

fn refused(field: &Field, why: &str) -> Error {
    let issue = Issue {
        severity: "error",
        code: "value",
        expression: field.name.to_owned(),
        text: why.to_owned(),
        source: "ereferral, docs/fields.md",
    };
    Error::new(EREF_INVALID_FIELD, format!("{}: {why}", field.name)).with_detail(outcome_json(&[issue]))
}

/// Checks a value against its field's format; the error says what is expected.
fn check(field: &Field, value: &str) -> std::result::Result<(), String> {
    if let Some(max) = field.kind.max_length()
        && value.chars().count() > max
    {
        return Err(format!("expected at most {max} characters"));
    }
    let blank = value.trim().is_empty();
    let good = match field.kind {
        Kind::Line(_) => !blank && !value.chars().any(char::is_control),
        Kind::Text(_) | Kind::Markup(_) => !blank && !value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')),
        Kind::Code if codes::find(field.codes, value).is_none() => {
            let known: Vec<&str> = field.codes.iter().map(|word| word.code).collect();
            return Err(format!("expected one of {}", known.join(", ")));
        }
        Kind::Code => true,
        Kind::Date => date::is_date(value),
        Kind::DateTime => date::is_date(value) || date::is_instant(value),
        Kind::Instant => date::is_instant(value),
        Kind::Integer => value.parse::<i64>().is_ok(),
        Kind::Bool => matches!(value, "true" | "false"),
        Kind::Uri => url::Url::parse(value).is_ok() && !value.contains(|c: char| c.is_whitespace() || c.is_control()),
    };
    if good { Ok(()) } else { Err(format!("expected {}", field.kind.expectation())) }
}

#[cfg(test)]
mod tests;
