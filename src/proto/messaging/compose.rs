//! A message being composed from plain fields, the host's own resources and files.

mod form;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ring::digest::{Context, SHA256};
use serde_json::Value;

use super::Known;
use super::Message;
use super::assemble;
use super::fields::{self, Repetition};
use super::parse::check_json;
use super::path::resource_type;
use crate::error::{
    EREF_CONFIG, EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_INVALID_FIELD, EREF_INVALID_JSON, EREF_NOT_FOUND,
    EREF_TOO_LARGE, EREF_UNKNOWN_EVENT, Error, Result,
};
use crate::memory;
use crate::proto::fhir::date;
use crate::proto::fhir::outcome::{Issue, outcome_json};
use crate::proto::guide::codes;
use crate::proto::guide::dialects::{self, Dialect};
use crate::proto::guide::events::{self, Direction, EventInfo};
use crate::proto::guide::field::{Field, Home, Kind};
use crate::proto::guide::fields_table::FIELDS;
use crate::proto::settings::{Role, Settings};
use crate::proto::store::{Millis, ReferralRole};

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
    /// What is known of the referral the message is about, and our id of it.
    pub(super) known: Option<(String, Arc<Known>)>,
    /// The referral becomes the parent of the one the message is about.
    pub(super) child: Option<Child>,
    /// Whether we speak as the performer's side.
    pub(super) as_target: bool,
    /// The message without the host's fields, made when it is asked for.
    before: OnceLock<Option<Message>>,
}

/// How a new referral comes out of a known one (messaging.md 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// It takes the place of the known one: `replaces`.
    Forwarded,
    /// It is one of several that the known one becomes: `basedOn`, and `requisition` is the number of the known one.
    Split,
    /// It is made from the known one, which was performed: `basedOn`.
    Chained,
}

impl Child {
    /// The word of the relation; `None` for another word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Forwarded, Self::Split, Self::Chained].into_iter().find(|child| child.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Split => "split",
            Self::Chained => "chained",
        }
    }
}

/// A file to go with the message.
pub(super) struct File {
    pub(super) title: String,
    pub(super) content_type: String,
    pub(super) content: Content,
}

/// Where the content of a file is (messaging.md 15).
pub(super) enum Content {
    /// In the message.
    Data(Vec<u8>),
    /// Elsewhere, to be fetched.
    Url(String),
}

impl Draft {
    /// Begins a message of this event to this partner. Errors: `EREF_NOT_FOUND` (partner), `EREF_UNKNOWN_EVENT`, `EREF_CONFIG` (the
    /// partner takes no messages, or speaks an unknown dialect).
    pub fn new(settings: Arc<Settings>, partner: &str, event: &str) -> Result<Self> {
        let found = settings.partner(partner).ok_or_else(|| Error::new(EREF_NOT_FOUND, "no partner of that name is configured"))?;
        let event = events::canonical(event)
            .and_then(events::info)
            .ok_or_else(|| Error::new(EREF_UNKNOWN_EVENT, "this library composes no event of that code"))?;
        let dialect = dialects::dialect(&found.dialect)
            .ok_or_else(|| Error::new(EREF_CONFIG, format!("partner {}: its dialect is not known", found.name)))?;
        if dialect.without_events.contains(&event.code) {
            return Err(Error::new(EREF_UNKNOWN_EVENT, format!("{} has no event {}", dialect.name, event.code)));
        }
        let endpoint = found
            .messaging
            .as_ref()
            .and_then(|messaging| messaging.endpoint.as_ref())
            .ok_or_else(|| Error::new(EREF_CONFIG, format!("partner {}: messaging.endpoint is not set", found.name)))?
            .to_string();
        let partner = found.name.clone();
        let we = |role: Role| settings.system.roles.contains(&role);
        let only_target = we(Role::RmsTarget) && !we(Role::RmsSource);
        Ok(Self {
            as_target: event.direction == Direction::TargetToSource || (event.direction == Direction::Report && only_target),
            settings,
            partner,
            endpoint,
            event,
            dialect,
            fields: BTreeMap::new(),
            resources: Vec::new(),
            attachments: Vec::new(),
            known: None,
            child: None,
            before: OnceLock::new(),
        })
    }

    /// Begins with what is known of a referral: what the host does not set is as it was there. `id` is our id of it. With `child` the
    /// message is about a new referral that comes out of that one. `role` is our part in the known one.
    pub fn about(mut self, id: &str, known: Arc<Known>, role: ReferralRole, child: Option<Child>) -> Self {
        self.known = Some((id.to_owned(), known));
        self.child = child;
        if self.event.direction == Direction::Report {
            self.as_target = role == ReferralRole::Target;
        }
        self
    }

    /// The types in focus: those of the event that the host gave something for, else the usual one (messaging.md 3.1). What is only
    /// named, the request and the patient, is in focus where nothing else is.
    pub(super) fn focus_homes(&self) -> Vec<Home> {
        let homes =
            self.event.focus.iter().filter_map(|focus| SINGLE.iter().find(|(name, _)| name == focus).map(|(_, home)| *home));
        let given: Vec<Home> =
            homes.clone().filter(|home| !matches!(home, Home::Request | Home::Patient) && self.gives(*home)).collect();
        if given.is_empty() { homes.take(1).collect() } else { given }
    }

    fn gives(&self, home: Home) -> bool {
        let by_field = self.fields.keys().any(|(position, _)| FIELDS.get(*position).is_some_and(|field| field.places[0].0 == home));
        by_field || self.host_resource(home).is_some()
    }

    /// Whether the host says who refers.
    pub(super) fn names_requester(&self) -> bool {
        [Home::RequesterRole, Home::Requester, Home::RequesterOrganization, Home::RequesterLocation]
            .into_iter()
            .any(|home| self.gives(home))
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
        self.fields.get(&(position, 0)).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The event, in the spelling of the table of events.
    pub fn event(&self) -> &'static str {
        self.event.code
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
                let free = |index: &usize| !self.fields.contains_key(&(position, *index));
                (self.repetitions_before(field)..REPETITIONS).find(free).unwrap_or(REPETITIONS)
            }
        };
        if index >= REPETITIONS {
            return Err(refused(field, &format!("at most {REPETITIONS} repetitions are taken")));
        }
        if value.is_empty() && self.known.is_none() {
            self.fields.remove(&(position, index));
            return Ok(());
        }
        if value.is_empty() {
            // What the referral has there goes.
            self.fields.insert((position, index), String::new());
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
        check_file(title, content_type)?;
        let limits = &self.settings.limits;
        if data.is_empty() {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "data: the file is empty"));
        }
        if data.len() > limits.attachment_bytes {
            return Err(Error::new(EREF_TOO_LARGE, "the file is larger than limits.attachment_bytes"));
        }
        let size = |file: &File| if let Content::Data(data) = &file.content { data.len() } else { 0 };
        if self.attachments.iter().map(size).sum::<usize>() + data.len() > limits.attachments_bytes {
            return Err(Error::new(EREF_TOO_LARGE, "the files together are larger than limits.attachments_bytes"));
        }
        self.add_file(title, content_type, Content::Data(memory::copy(data, "the file")?));
        Ok(())
    }

    /// Adds a file that the partner fetches from an address (messaging.md 15). Errors: `EREF_INVALID_ARGUMENT`.
    pub fn add_attachment_url(&mut self, title: &str, content_type: &str, url: &str) -> Result<()> {
        check_file(title, content_type)?;
        if url::Url::parse(url).is_err() || url.len() > 2048 || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::new(EREF_INVALID_ARGUMENT, "url: expected an absolute address"));
        }
        self.add_file(title, content_type, Content::Url(url.to_owned()));
        Ok(())
    }

    fn add_file(&mut self, title: &str, content_type: &str, content: Content) {
        self.attachments.push(File { title: title.to_owned(), content_type: content_type.to_owned(), content });
    }

    /// Composes the Bundle and checks it as its receiver will; all findings at once in the error's detail. Errors: `EREF_INVALID_FIELD`
    /// (something is missing or contradicts itself), `EREF_INVALID_CONTENT` (the guide's rules are not kept).
    pub fn build(&self, now: Millis, random: &dyn Fn() -> [u8; 32]) -> Result<Message> {
        let (bundle, mut issues) = assemble::bundle(self, now, random);
        let bytes =
            serde_json::to_vec(&bundle).map_err(|_| Error::new(EREF_INVALID_CONTENT, "the message cannot be written as JSON"))?;
        let message = Message::composed(bytes, self.identity(), &self.settings.limits)?;
        issues.extend(self.missing(message.view()?));
        let status = if issues.is_empty() { EREF_INVALID_CONTENT } else { EREF_INVALID_FIELD };
        issues.extend(message.errors(self.dialect));
        if issues.is_empty() {
            return Ok(message);
        }
        let names: Vec<&str> = issues.iter().map(|issue| issue.expression.as_str()).take(5).collect();
        let text = format!("the draft has {} findings, first of all: {}", issues.len(), names.join(", "));
        Err(Error::new(status, text).with_detail(outcome_json(&issues)))
    }

    /// The Bundle of the referral alone, before the host's fields; it is looked at, never sent.
    fn bundle_of_referral(&self) -> Value {
        assemble::bundle_of_referral(self)
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
        part(self.known.as_ref().map_or("", |(id, _)| id).as_bytes());
        part(self.child.map_or("", Child::word).as_bytes());
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
            match &file.content {
                Content::Data(data) => part(data),
                Content::Url(url) => part(url.as_bytes()),
            }
        }
        let mut identity = [0; 32];
        identity.copy_from_slice(context.finish().as_ref());
        identity
    }
}

fn check_file(title: &str, content_type: &str) -> Result<()> {
    let invalid = |what: &str| Err(Error::new(EREF_INVALID_ARGUMENT, what.to_owned()));
    let extension = title.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && !extension.is_empty());
    if !extension || title.chars().count() > 255 || title.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        return invalid("title: expected a file name with its extension, at most 255 characters, without folders");
    }
    let token =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte));
    if !content_type.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype)) {
        return invalid("content_type: expected a media type such as application/pdf");
    }
    Ok(())
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
    if field.name.ends_with(".code") && value.split(' ').any(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        return Err("expected a code: words with one blank between them".to_owned());
    }
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
