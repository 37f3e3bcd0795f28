//! The notification document handed to the host (docs/schema/notification.json), and what a message says about its referral.
//!
//! The order of members is fixed, ids are strings, what the message does not say is left out.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::changes::Change;
use super::fields::{self, field};
use super::time;
use super::view::{View, resource_type, text};
use crate::proto::fhir::outcome::Issue;
use crate::proto::fhir::tree::{Node, list};
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::events::{self, Direction};
use crate::proto::guide::field::{Field, Home};
use crate::proto::store::{Identifier, ReferralRole, ReferralUpdate};

/// What the message itself does not say. Parsed without an engine, nothing of it is known: the default.
#[derive(Default)]
pub struct Notice<'a> {
    /// The authenticated partner; `None` for a message parsed without an engine.
    pub partner: Option<&'a str>,
    /// False when the partner did not show who it is.
    pub trusted: bool,
    /// IANA name of the zone times are shown in.
    pub time_zone: Option<&'a str>,
    /// Our part in the referral: `source`, `target`, `copy`, or what the store calls it else.
    pub our_role: Option<&'a str>,
    /// Our id of the referral.
    pub referral_id: Option<&'a str>,
    /// Our id of the launch this message is the first of.
    pub launch_id: Option<&'a str>,
    /// What the message changes in the referral; `None` when the referral was not known before.
    pub changes: Option<&'a [Change]>,
    /// What is in focus is older than what was known: nothing was undone.
    pub outdated: bool,
    /// The message matches no referral.
    pub unlinked: bool,
    /// Our ids of the referrals it may belong to, when it is unlinked.
    pub candidates: &'a [String],
    /// The referrals this one comes from.
    pub parents: &'a [Link],
    /// The referrals that come from this one.
    pub children: &'a [Link],
}

/// A referral that this one comes from or led to (messaging.md 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Our id of it, when we know it.
    pub referral_id: Option<String>,
    /// `routed`, `split`, `chained`, `forwarded` or `copy`.
    pub relation: String,
    /// By what the message names it.
    pub identifier: Option<Identifier>,
}

/// An object that leaves out what is not there.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
    fn put_list(mut self, name: &str, items: Vec<Value>) -> Self {
        if !items.is_empty() {
            self.0.insert(name.to_owned(), Value::Array(items));
        }
        self
    }
    fn some(self) -> Option<Value> {
        if self.0.is_empty() { None } else { Some(Value::Object(self.0)) }
    }
    fn value(self) -> Value {
        Value::Object(self.0)
    }
}

struct Reader<'a> {
    view: View<'a>,
    event: &'a str,
    zone: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn get(&self, field: &Field) -> Option<String> {
        self.at(field, 0)
    }

    fn at(&self, field: &Field, index: usize) -> Option<String> {
        fields::value(self.view, field, index).map(Cow::into_owned)
    }

    /// All repetitions of a field.
    fn all(&self, field: &Field) -> Vec<Value> {
        (0..fields::repetitions(self.view, field)).filter_map(|index| self.at(field, index)).map(Value::String).collect()
    }

    /// A time with the form it is shown in; the original always stands.
    fn time(&self, field: &Field) -> Option<Value> {
        let value = self.get(field)?;
        let shown = time::shown(&value, self.zone);
        Some(Object::default().put("value", Some(value)).put("shown", shown).value())
    }

    fn in_words(&self, field: &Field, table: &'static [Word]) -> Option<&'static str> {
        codes::find(table, &self.get(field)?).map(|word| word.words.0)
    }

    /// A person's name as in a clinic's lists, of a family name, a given name and the whole name as the sender wrote it.
    fn name(&self, [family, given, text]: [&Field; 3]) -> Option<String> {
        match (self.get(family), self.get(given)) {
            (Some(family), Some(given)) => Some(format!("{family}, {given}")),
            (one, other) => self.get(text).or(one).or(other),
        }
    }

    fn patient_name(&self) -> Option<String> {
        self.name([field!("patient.name.family"), field!("patient.name.given[]"), field!("patient.name.text")])
    }

    fn requester_name(&self) -> Option<String> {
        self.name([field!("requester.name.family"), field!("requester.name.given[]"), field!("requester.name.text")])
    }

    fn user_name(&self) -> Option<String> {
        self.name([field!("user.name.family"), field!("user.name.given[]"), field!("user.name")])
    }

    fn requester(&self) -> Object {
        Object::default()
            .put("name", self.requester_name())
            .put("licence", self.get(field!("requester.licence")))
            .put("organization", self.get(field!("requester.organization")))
            .put("phone", self.get(field!("requester.phone")))
            .put("fax", self.get(field!("requester.fax")))
    }

    fn target(&self) -> Object {
        let person = self.name([field!("target.name.family"), field!("target.name.given[]"), field!("target.name.text")]);
        Object::default()
            .put("name", person)
            .put("organization", self.get(field!("target.organization")))
            .put("location", self.get(field!("target.location")))
            .put("specialty", self.get(field!("target.specialty")))
            .put("listing", self.get(field!("target.listing")))
            .put("phone", self.get(field!("target.phone")))
            .put("fax", self.get(field!("target.fax")))
    }

    fn referral(&self, our_role: Option<&str>) -> Value {
        let identifiers = identifiers(self.view);
        let category = Object::default()
            .put("code", self.get(field!("referral.category.code")))
            .put("display", self.get(field!("referral.category.display")));
        Object::default()
            .put(
                "identifiers",
                Some(identifiers.iter().map(|own| json!({"system": own.system, "value": own.value})).collect::<Vec<Value>>()),
            )
            .put("our_role", our_role)
            .put("status", self.get(field!("referral.status")))
            .put("status_text", self.in_words(field!("referral.status"), codes::REQUEST_STATUS))
            .put("category", category.some())
            .put("priority", self.get(field!("referral.priority")))
            .put("priority_text", self.in_words(field!("referral.priority"), codes::PRIORITY))
            .put("authored", self.time(field!("referral.authored")))
            .put("reason", self.get(field!("referral.reason")))
            .put_list("notes", self.all(field!("referral.note[]")))
            .put("requester", self.requester().some())
            .put("target", self.target().some())
            .put("task_status", self.get(field!("task.status")))
            .put("task_status_text", self.in_words(field!("task.status"), codes::TASK_STATUS))
            .put("business_status", self.get(field!("task.business_status")))
            .value()
    }

    fn patient(&self) -> Value {
        let address = Object::default()
            .put_list("line", self.all(field!("patient.address.line[]")))
            .put("city", self.get(field!("patient.address.city")))
            .put("province", self.get(field!("patient.address.province")))
            .put("postal_code", self.get(field!("patient.address.postal_code")));
        let count = fields::repetitions(self.view, field!("patient.identifier[].value"));
        let identifier = |index: usize| {
            let value = self.at(field!("patient.identifier[].value"), index)?;
            let kind = self.at(field!("patient.identifier[].type"), index);
            let system = self.at(field!("patient.identifier[].system"), index);
            Some(Object::default().put("type", kind).put("system", system).put("value", Some(value)).value())
        };
        Object::default()
            .put("id", self.get(field!("patient.id")))
            .put("name", self.patient_name())
            .put("family", self.get(field!("patient.name.family")))
            .put_list("given", self.all(field!("patient.name.given[]")))
            .put("birth_date", self.get(field!("patient.birth_date")))
            .put("gender", self.get(field!("patient.gender")))
            .put("health_number", self.get(field!("patient.health_number")))
            .put("health_number_version", self.get(field!("patient.health_number.version")))
            .put("mrn", self.get(field!("patient.mrn")))
            .put_list("identifiers", (0..count).filter_map(identifier).collect())
            .put("phone", self.get(field!("patient.phone")))
            .put("email", self.get(field!("patient.email")))
            .put("address", address.some())
            .put("language", self.get(field!("patient.language")))
            .value()
    }

    fn task(&self) -> Option<Value> {
        Object::default()
            .put("code", self.get(field!("task.code")))
            .put("code_text", self.in_words(field!("task.code"), codes::TASK_CODE))
            .put("status", self.get(field!("task.status")))
            .put("status_text", self.in_words(field!("task.status"), codes::TASK_STATUS))
            .put("status_reason", self.get(field!("task.status_reason")))
            .put("business_status", self.get(field!("task.business_status")))
            .put("modified", self.time(field!("task.modified")))
            .put_list("notes", self.all(field!("task.note[]")))
            .some()
    }

    fn appointment(&self) -> Option<Value> {
        Object::default()
            .put("identifier", self.get(field!("appointment.identifier")))
            .put("status", self.get(field!("appointment.status")))
            .put("status_text", self.in_words(field!("appointment.status"), codes::APPOINTMENT_STATUS))
            .put("start", self.time(field!("appointment.start")))
            .put("end", self.time(field!("appointment.end")))
            .put("location", self.get(field!("appointment.location")))
            .put("description", self.get(field!("appointment.description")))
            .put("comment", self.get(field!("appointment.comment")))
            .put("instruction", self.get(field!("appointment.instruction")))
            .some()
    }

    fn communication(&self) -> Option<Value> {
        Object::default()
            .put("identifier", self.get(field!("communication.identifier")))
            .put("category", self.get(field!("communication.category")))
            .put("category_text", self.in_words(field!("communication.category"), codes::COMMUNICATION_CATEGORY))
            .put("sent", self.time(field!("communication.sent")))
            .put("in_response_to", self.get(field!("communication.in_response_to")))
            .put_list("text", self.all(field!("communication.text[]")))
            .some()
    }

    fn attachments(&self) -> Vec<Value> {
        let describe = |index: usize| {
            let number = |field: &Field| self.at(field, index).and_then(|text| text.parse::<u64>().ok());
            Object::default()
                .put("title", self.at(field!("attachment[].title"), index))
                .put("content_type", self.at(field!("attachment[].content_type"), index))
                .put("size", number(field!("attachment[].size")))
                .put("url", self.at(field!("attachment[].url"), index))
                .value()
        };
        (0..self.view.attachment_count()).map(describe).collect()
    }

    /// Who acted: the side the event comes from, by the name a reader knows it under.
    fn actor(&self) -> Option<String> {
        let direction = events::info(self.event).map(|event| event.direction);
        let target = || {
            self.get(field!("target.organization"))
                .or_else(|| self.get(field!("target.location")))
                .or_else(|| self.get(field!("target.name.family")))
        };
        let requester = || self.requester_name().or_else(|| self.get(field!("requester.organization")));
        let side = if direction == Some(Direction::TargetToSource) { target() } else { requester() };
        side.or_else(|| self.get(field!("source.name")))
    }

    /// The sentence that fits: of the appointment's or task's status when one is in focus, else of the event.
    fn sentence(&self) -> (&'static str, &'static str) {
        let in_focus = |name: &str| self.view.in_focus(name);
        let by_status = |field: &Field, table: &'static [Word]| codes::find(table, &self.get(field)?);
        let by_appointment =
            in_focus("Appointment").then(|| by_status(field!("appointment.status"), codes::APPOINTMENT_STATUS)).flatten();
        let by_event = || codes::find(codes::EVENT_SENTENCES, self.event);
        let by_task = || in_focus("Task").then(|| by_status(field!("task.status"), codes::TASK_STATUS)).flatten();
        by_appointment.or_else(by_event).or_else(by_task).map_or(codes::OTHER_SENTENCE, |word| word.sentence)
    }

    /// What stands behind the sentence: the category, the clinic's own words, the beginning of the message.
    fn addition(&self) -> Option<String> {
        let text = match self.view.focus().next().map(resource_type)? {
            "ServiceRequest" => self.get(field!("referral.category.display")),
            "Task" => self.get(field!("task.business_status")),
            "Communication" => self.get(field!("communication.text[]")),
            _ => None,
        }?;
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(if line.chars().count() > 80 { line.chars().take(79).chain(['…']).collect() } else { line })
    }

    /// One sentence in English and in French, as in a clinic's inbox.
    fn summary(&self) -> (String, String) {
        let (english, french) = self.sentence();
        let start = self.get(field!("appointment.start")).map(|start| time::shown(&start, self.zone).unwrap_or(start));
        let fill = |sentence: &str, someone: &str, patient: &str, preposition: &str, colon: &str| {
            let when = start.as_ref().map_or(String::new(), |start| format!(" {preposition} {start}"));
            let actor = self.actor();
            let name = self.patient_name();
            let filled = substitute(
                sentence,
                &[
                    ("{actor}", actor.as_deref().unwrap_or(someone)),
                    ("{patient}", name.as_deref().unwrap_or(patient)),
                    ("{when}", &when),
                ],
            );
            self.addition().map_or(filled.clone(), |addition| format!("{filled}{colon}{addition}"))
        };
        let preposition = if english.contains("booked") { "for" } else { "on" };
        (fill(english, "The sender", "a patient", preposition, ": "), fill(french, "L’expéditeur", "un patient", "le", "\u{a0}: "))
    }
}

/// Replaces the placeholders; what is put in is not looked at again.
fn substitute(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match values.iter().find(|(name, _)| from.starts_with(name)) {
            Some((name, value)) => {
                text.push_str(value);
                rest = from.strip_prefix(name).unwrap_or_default();
            }
            None => {
                text.push('{');
                rest = from.strip_prefix('{').unwrap_or_default();
            }
        }
    }
    text + rest
}

/// The notification document as JSON.
pub fn document(view: View<'_>, event: &str, issues: &[Issue], notice: &Notice) -> String {
    let reader = Reader { view, event, zone: notice.time_zone };
    let words = events::info(event).map(|event| event.words);
    let (summary, summary_fr) = reader.summary();
    let message = Object::default()
        .put("id", reader.get(field!("message.id")))
        .put("bundle_id", reader.get(field!("message.bundle_id")))
        .put("timestamp", reader.time(field!("message.timestamp")))
        .put("reason", reader.get(field!("message.reason")))
        .put("source", reader.get(field!("source.name")))
        .put("source_endpoint", reader.get(field!("source.endpoint")))
        .put("user", reader.user_name());
    let focus: Vec<&str> = view.focus().map(resource_type).collect();
    let has_communication = focus.contains(&"Communication");
    let issues: Vec<Value> = issues
        .iter()
        .map(|issue| json!({"severity": issue.severity, "code": issue.code, "expression": issue.expression, "text": issue.text, "source": issue.source}))
        .collect();
    Object::default()
        .put("event", Some(event))
        .put("event_text", words.map(|words| words.0))
        .put("event_text_fr", words.map(|words| words.1))
        .put("summary", Some(summary))
        .put("summary_fr", Some(summary_fr))
        .put("partner", notice.partner)
        .put("trusted", Some(notice.trusted))
        .put("test", view.is_test().then_some(true))
        .put("message", Some(message.value()))
        .put("focus", Some(focus))
        .put("referral", Some(reader.referral(notice.our_role)))
        .put("patient", Some(reader.patient()))
        .put("task", reader.task())
        .put("appointment", reader.appointment())
        // A communication that only travels along was told before (messaging.md 4.2).
        .put("communication", has_communication.then(|| reader.communication()).flatten())
        .put("attachments", Some(reader.attachments()))
        .put("issues", Some(issues))
        .value()
        .to_string()
}

/// All identifiers that name the referral (messaging.md 10.5, keys 1 to 3): of the request, of what the focus is based on, of the header.
/// One without a system is kept with an empty one: whoever sends it must be party to what it names, like with any other.
fn identifiers(view: View<'_>) -> Vec<Identifier> {
    let own = list(view.home(Home::Request, 0).and_then(|request| request.get("identifier")));
    // What a request itself is based on is another referral.
    let focus = view.focus().filter(|_| !view.in_focus("ServiceRequest"));
    let based_on = focus.flat_map(|resource| list(resource.get("basedOn"))).filter_map(|reference| reference.get("identifier"));
    let extensions = list(view.header().and_then(|header| header.get("extension")))
        .filter_map(|extension| extension.get("valueIdentifier").filter(|_| is_referral_identifier(extension)));
    let mut found: Vec<Identifier> = Vec::new();
    for identifier in own.chain(based_on).chain(extensions) {
        let part = |name: &str| text(identifier, name).filter(|text| !text.is_empty());
        if let Some(value) = part("value") {
            let identifier = Identifier { system: part("system").unwrap_or_default().to_owned(), value: value.to_owned() };
            if !found.contains(&identifier) {
                found.push(identifier);
            }
        }
    }
    found
}

/// The extension goes by two names (messaging.md 4.3).
fn is_referral_identifier(extension: Node<'_>) -> bool {
    let url = text(extension, "url").unwrap_or_default();
    url.ends_with("/ext-referral-identifier") || url.ends_with("/Referral-Identifier-EXT")
}

/// What a message says about its referral; `None` when it names none.
pub fn referral_update(view: View<'_>, event: &str, our_role: ReferralRole, partner_role: ReferralRole) -> Option<ReferralUpdate> {
    let identifiers = identifiers(view);
    if identifiers.is_empty() {
        return None;
    }
    let reader = Reader { view, event, zone: None };
    let referral = reader.referral(None);
    let document = Object::default()
        .put("last_event", Some(event))
        .put("last_message", reader.get(field!("message.id")))
        .put("referral", Some(referral))
        .put("patient", Some(reader.patient()))
        .put("task", reader.task())
        .put("appointment", reader.appointment())
        .value()
        .to_string();
    Some(ReferralUpdate { identifiers, ours: Vec::new(), our_role, partner_role, document })
}

#[cfg(test)]
pub(super) mod tests;
