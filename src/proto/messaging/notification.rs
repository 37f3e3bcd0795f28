//! The notification document handed to the host (docs/schema/notification.json), and what a message says about its referral.
//!
//! The order of members is fixed, ids are strings, what the message does not say is left out.

use serde_json::{Map, Value, json};

use super::fields;
use super::time;
use super::view::{View, list, resource_type};
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::events::{self, Direction};
use crate::proto::guide::fields_table::Home;
use crate::proto::store::Identifier;

/// What the message itself does not say.
pub struct Notice<'a> {
    /// The authenticated partner; `None` for a message parsed without an engine.
    pub partner: Option<&'a str>,
    /// False when the partner did not show who it is.
    pub trusted: bool,
    /// IANA name of the zone times are shown in.
    pub time_zone: Option<&'a str>,
    /// Our part in the referral: `source`, `target` or `copy`.
    pub our_role: Option<&'a str>,
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
    view: &'a View,
    event: &'a str,
    zone: Option<&'a str>,
}

impl Reader<'_> {
    fn get(&self, name: &str) -> Option<String> {
        fields::read(self.view, name).ok().flatten()
    }

    /// All repetitions of a field.
    fn all(&self, name: &str) -> Vec<Value> {
        let count = fields::count(self.view, name).unwrap_or(0);
        let (before, after) = name.split_once("[]").unwrap_or((name, ""));
        (0..count).filter_map(|index| self.get(&format!("{before}[{index}]{after}"))).map(Value::String).collect()
    }

    /// A time with the form it is shown in; the original always stands.
    fn time(&self, name: &str) -> Option<Value> {
        let value = self.get(name)?;
        let shown = time::shown(&value, self.zone);
        Some(Object::default().put("value", Some(value)).put("shown", shown).value())
    }

    fn in_words(&self, name: &str, table: &'static [Word]) -> Option<&'static str> {
        codes::find(table, &self.get(name)?).map(|word| word.words.0)
    }

    fn name(&self, prefix: &str) -> Option<String> {
        let family = self.get(&format!("{prefix}.name.family"));
        let given = self.get(&format!("{prefix}.name.given"));
        match (family, given) {
            (Some(family), Some(given)) => Some(format!("{family}, {given}")),
            (Some(one), None) | (None, Some(one)) => self.get(&format!("{prefix}.name.text")).or(Some(one)),
            (None, None) => self.get(&format!("{prefix}.name.text")),
        }
    }

    fn requester(&self) -> Object {
        Object::default()
            .put("name", self.name("requester"))
            .put("licence", self.get("requester.licence"))
            .put("organization", self.get("requester.organization"))
            .put("phone", self.get("requester.phone"))
            .put("fax", self.get("requester.fax"))
    }

    fn target(&self) -> Object {
        let person = self.get("target.name.family").map(|family| match self.get("target.name.given") {
            Some(given) => format!("{family}, {given}"),
            None => family,
        });
        Object::default()
            .put("name", person)
            .put("organization", self.get("target.organization"))
            .put("location", self.get("target.location"))
            .put("specialty", self.get("target.specialty"))
            .put("listing", self.get("target.listing"))
            .put("phone", self.get("target.phone"))
            .put("fax", self.get("target.fax"))
    }

    fn referral(&self, our_role: Option<&str>) -> Value {
        let identifiers = identifiers(self.view);
        let category =
            Object::default().put("code", self.get("referral.category.code")).put("display", self.get("referral.category.display"));
        Object::default()
            .put(
                "identifiers",
                Some(identifiers.iter().map(|own| json!({"system": own.system, "value": own.value})).collect::<Vec<Value>>()),
            )
            .put("our_role", our_role)
            .put("status", self.get("referral.status"))
            .put("status_text", self.in_words("referral.status", codes::REQUEST_STATUS))
            .put("category", category.some())
            .put("priority", self.get("referral.priority"))
            .put("priority_text", self.in_words("referral.priority", codes::PRIORITY))
            .put("authored", self.time("referral.authored"))
            .put("reason", self.get("referral.reason"))
            .put_list("notes", self.all("referral.note[]"))
            .put("requester", self.requester().some())
            .put("target", self.target().some())
            .put("task_status", self.get("task.status"))
            .put("task_status_text", self.in_words("task.status", codes::TASK_STATUS))
            .put("business_status", self.get("task.business_status"))
            .value()
    }

    fn patient(&self) -> Value {
        let address = Object::default()
            .put_list("line", self.all("patient.address.line[]"))
            .put("city", self.get("patient.address.city"))
            .put("province", self.get("patient.address.province"))
            .put("postal_code", self.get("patient.address.postal_code"));
        let count = fields::count(self.view, "patient.identifier").unwrap_or(0);
        let identifier = |index: usize| {
            let part = |name: &str| self.get(&format!("patient.identifier[{index}].{name}"));
            part("value").map(|value| {
                Object::default().put("type", part("type")).put("system", part("system")).put("value", Some(value)).value()
            })
        };
        Object::default()
            .put("id", self.get("patient.id"))
            .put("name", self.name("patient"))
            .put("family", self.get("patient.name.family"))
            .put_list("given", self.all("patient.name.given[]"))
            .put("birth_date", self.get("patient.birth_date"))
            .put("gender", self.get("patient.gender"))
            .put("health_number", self.get("patient.health_number"))
            .put("health_number_version", self.get("patient.health_number.version"))
            .put("mrn", self.get("patient.mrn"))
            .put_list("identifiers", (0..count).filter_map(identifier).collect())
            .put("phone", self.get("patient.phone"))
            .put("email", self.get("patient.email"))
            .put("address", address.some())
            .put("language", self.get("patient.language"))
            .value()
    }

    fn task(&self) -> Option<Value> {
        Object::default()
            .put("code", self.get("task.code"))
            .put("code_text", self.in_words("task.code", codes::TASK_CODE))
            .put("status", self.get("task.status"))
            .put("status_text", self.in_words("task.status", codes::TASK_STATUS))
            .put("status_reason", self.get("task.status_reason"))
            .put("business_status", self.get("task.business_status"))
            .put("modified", self.time("task.modified"))
            .put_list("notes", self.all("task.note[]"))
            .some()
    }

    fn appointment(&self) -> Option<Value> {
        Object::default()
            .put("identifier", self.get("appointment.identifier"))
            .put("status", self.get("appointment.status"))
            .put("status_text", self.in_words("appointment.status", codes::APPOINTMENT_STATUS))
            .put("start", self.time("appointment.start"))
            .put("end", self.time("appointment.end"))
            .put("location", self.get("appointment.location"))
            .put("description", self.get("appointment.description"))
            .put("comment", self.get("appointment.comment"))
            .put("instruction", self.get("appointment.instruction"))
            .some()
    }

    fn communication(&self) -> Option<Value> {
        Object::default()
            .put("identifier", self.get("communication.identifier"))
            .put("category", self.get("communication.category"))
            .put("category_text", self.in_words("communication.category", codes::COMMUNICATION_CATEGORY))
            .put("sent", self.time("communication.sent"))
            .put("in_response_to", self.get("communication.in_response_to"))
            .put_list("text", self.all("communication.text[]"))
            .some()
    }

    fn attachments(&self) -> Vec<Value> {
        let describe = |index: usize| {
            let part = |name: &str| self.get(&format!("attachment[{index}].{name}"));
            let number = |name: &str| part(name).and_then(|text| text.parse::<u64>().ok());
            Object::default()
                .put("title", part("title"))
                .put("content_type", part("content_type"))
                .put("size", number("size"))
                .put("url", part("url"))
                .value()
        };
        (0..self.view.attachments().len()).map(describe).collect()
    }

    /// Who acted: the side the event comes from, by the name a reader knows it under.
    fn actor(&self) -> Option<String> {
        let direction = events::info(self.event).map(|event| event.direction);
        let target =
            || self.get("target.organization").or_else(|| self.get("target.location")).or_else(|| self.get("target.name.family"));
        let requester = || self.name("requester").or_else(|| self.get("requester.organization"));
        let side = if direction == Some(Direction::TargetToSource) { target() } else { requester() };
        side.or_else(|| self.get("source.name"))
    }

    /// The sentence that fits: of the appointment's or task's status when one is in focus, else of the event.
    fn sentence(&self) -> (&'static str, &'static str) {
        let in_focus = |name: &str| self.view.focus().iter().any(|value| resource_type(value) == name);
        let by_status = |name: &str, table: &'static [Word]| codes::find(table, &self.get(name)?);
        let by_appointment = in_focus("Appointment").then(|| by_status("appointment.status", codes::APPOINTMENT_STATUS)).flatten();
        let by_event = || codes::find(codes::EVENT_SENTENCES, self.event);
        let by_task = || in_focus("Task").then(|| by_status("task.status", codes::TASK_STATUS)).flatten();
        by_appointment.or_else(by_event).or_else(by_task).map_or(codes::OTHER_SENTENCE, |word| word.sentence)
    }

    /// What stands behind the sentence: the category, the clinic's own words, the beginning of the message.
    fn addition(&self) -> Option<String> {
        let focus = self.view.focus();
        let text = match focus.first().map(|value| resource_type(value))? {
            "ServiceRequest" => self.get("referral.category.display"),
            "Task" => self.get("task.business_status"),
            "Communication" => self.get("communication.text"),
            _ => None,
        }?;
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(if line.chars().count() > 80 { line.chars().take(79).chain(['…']).collect() } else { line })
    }

    /// One sentence in English and in French, as in a clinic's inbox.
    fn summary(&self) -> (String, String) {
        let (english, french) = self.sentence();
        let start = self.get("appointment.start").map(|start| time::shown(&start, self.zone).unwrap_or(start));
        let fill = |sentence: &str, someone: &str, patient: &str, preposition: &str, colon: &str| {
            let when = start.as_ref().map_or(String::new(), |start| format!(" {preposition} {start}"));
            let actor = self.actor();
            let name = self.name("patient");
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
pub fn document(view: &View, event: &str, issues: &[Issue], notice: &Notice) -> String {
    let reader = Reader { view, event, zone: notice.time_zone };
    let words = events::info(event).map(|event| event.words);
    let (summary, summary_fr) = reader.summary();
    let message = Object::default()
        .put("id", reader.get("message.id"))
        .put("bundle_id", reader.get("message.bundle_id"))
        .put("timestamp", reader.time("message.timestamp"))
        .put("reason", reader.get("message.reason"))
        .put("source", reader.get("source.name"))
        .put("source_endpoint", reader.get("source.endpoint"))
        .put("user", reader.name("user").or_else(|| reader.get("user.name")));
    let focus: Vec<Value> = view.focus().iter().map(|value| json!(resource_type(value))).collect();
    let has_communication = focus.iter().any(|name| name == "Communication");
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
fn identifiers(view: &View) -> Vec<Identifier> {
    let own = list(view.home(Home::Request).and_then(|request| request.get("identifier")));
    let focus = view.focus();
    let based_on = focus.iter().flat_map(|value| list(value.get("basedOn"))).filter_map(|reference| reference.get("identifier"));
    let extensions = list(view.header().get("extension"))
        .iter()
        .filter_map(|extension| extension.get("valueIdentifier").filter(|_| is_referral_identifier(extension)));
    // What a request itself is based on is another referral.
    let based_on = based_on.filter(|_| focus.iter().all(|value| resource_type(value) != "ServiceRequest"));
    let mut found: Vec<Identifier> = Vec::new();
    for identifier in own.iter().chain(based_on).chain(extensions) {
        let text = |name: &str| identifier.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(value) = text("value") {
            let identifier = Identifier { system: text("system").unwrap_or_default().to_owned(), value: value.to_owned() };
            if !found.contains(&identifier) {
                found.push(identifier);
            }
        }
    }
    found
}

/// The extension goes by two names (messaging.md 4.3).
fn is_referral_identifier(extension: &Value) -> bool {
    let url = extension.get("url").and_then(Value::as_str).unwrap_or_default();
    url.ends_with("/ext-referral-identifier") || url.ends_with("/Referral-Identifier-EXT")
}

/// What a message says about its referral (docs/schema/referral-content.json).
pub fn content(view: &View, event: &str) -> String {
    let reader = Reader { view, event, zone: None };
    Object::default()
        .put("last_event", Some(event))
        .put("last_message", reader.get("message.id"))
        .put("referral", Some(reader.referral(None)))
        .put("patient", Some(reader.patient()))
        .put("task", reader.task())
        .put("appointment", reader.appointment())
        .value()
        .to_string()
}

#[cfg(test)]
pub(super) mod tests;
