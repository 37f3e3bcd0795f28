//! What a message says, in the plain groups of the documents a host reads: referral, patient, task, appointment and so on. What it does
//! not say is left out.

use serde_json::{Map, Value, json};

use super::fields::{self, field};
use super::time;
use super::view::{View, text};
use crate::proto::fhir::tree::{Node, list};
use crate::proto::guide::codes::{self, Word};
use crate::proto::guide::field::{Field, Home};
use crate::proto::store::Identifier;

/// Communications that may carry the advice of an eConsult, texts of one, and identifiers of one element, that are looked at.
const MOST: usize = 8;

/// Repetitions of a field that a document tells.
const MOST_REPEATED: usize = 256;

/// Attachments that a document describes; `eref_message_field` describes them all.
const MOST_ATTACHMENTS: usize = 1_000;

/// Bytes of HTML that are read for each character of text.
const MARKUP: usize = 8;

/// Characters of a value that has no greatest length of its own.
const LONGEST: usize = 2_048;

/// An object that leaves out what is not there.
#[derive(Default)]
pub(super) struct Object(pub(super) Map<String, Value>);

impl Object {
    pub(super) fn put(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
    pub(super) fn put_list(mut self, name: &str, items: Vec<Value>) -> Self {
        if !items.is_empty() {
            self.0.insert(name.to_owned(), Value::Array(items));
        }
        self
    }
    pub(super) fn some(self) -> Option<Value> {
        if self.0.is_empty() { None } else { Some(Value::Object(self.0)) }
    }
    pub(super) fn value(self) -> Value {
        Value::Object(self.0)
    }
}

/// What a message says of its referral, read once for the notification and for what is kept.
pub struct Said<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) referral: Map<String, Value>,
    pub(super) patient: Value,
    pub(super) attachments: Vec<Value>,
}

impl<'a> Said<'a> {
    /// Reads it. `zone` is the IANA name of the zone times are shown in.
    pub fn read(view: View<'a>, zone: Option<&'a str>) -> Self {
        let reader = Reader { view, zone };
        Self { reader, referral: reader.referral().0, patient: reader.patient(), attachments: reader.attachments() }
    }
}

/// Reads groups of fields out of a message.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) view: View<'a>,
    /// IANA name of the zone times are shown in.
    pub(super) zone: Option<&'a str>,
}

impl<'a> Reader<'a> {
    /// The value of a field, the first where it repeats.
    pub(super) fn get(&self, field: &Field) -> Option<String> {
        self.at(field, 0)
    }

    /// The value of a field at an index, cut where it is longer than the field's length: one text may be told in many places.
    pub(super) fn at(&self, field: &Field, index: usize) -> Option<String> {
        let longest = field.kind.max_length().unwrap_or(LONGEST);
        let value = fields::beginning(self.view, field, index, longest * MARKUP)?;
        if value.len() <= longest {
            return Some(value.into_owned());
        }
        match value.char_indices().nth(longest) {
            Some((end, _)) => Some(format!("{}…", value.get(..end).unwrap_or_default())),
            None => Some(value.into_owned()),
        }
    }

    /// All repetitions of a field, as far as they are told.
    pub(super) fn all(&self, field: &Field) -> Vec<Value> {
        let count = fields::repetitions(self.view, field).min(MOST_REPEATED);
        (0..count).filter_map(|index| self.at(field, index)).map(Value::String).collect()
    }

    /// A time with the form it is shown in; the original always stands.
    pub(super) fn time(&self, field: &Field) -> Option<Value> {
        self.get(field).map(|value| self.moment(value))
    }

    fn moment(&self, value: String) -> Value {
        let shown = time::shown(&value, self.zone);
        Object::default().put("value", Some(value)).put("shown", shown).value()
    }

    pub(super) fn in_words(&self, field: &Field, table: &'static [Word]) -> Option<&'static str> {
        codes::find(table, &self.get(field)?).map(|word| word.words.0)
    }

    /// A person's name as in a clinic's lists, of a family name, a given name and the whole name as the sender wrote it.
    pub(super) fn name(&self, [family, given, text]: [&Field; 3]) -> Option<String> {
        match (self.get(family), self.get(given)) {
            (Some(family), Some(given)) => Some(format!("{family}, {given}")),
            (one, other) => self.get(text).or(one).or(other),
        }
    }

    pub(super) fn patient_name(&self) -> Option<String> {
        self.name([field!("patient.name.family"), field!("patient.name.given[]"), field!("patient.name.text")])
    }

    pub(super) fn requester_name(&self) -> Option<String> {
        self.name([field!("requester.name.family"), field!("requester.name.given[]"), field!("requester.name.text")])
    }

    pub(super) fn user_name(&self) -> Option<String> {
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

    fn referral(&self) -> Object {
        let category = Object::default()
            .put("code", self.get(field!("referral.category.code")))
            .put("display", self.get(field!("referral.category.display")));
        let service = Object::default()
            .put("code", self.get(field!("referral.service.code")))
            .put("display", self.get(field!("referral.service.display")));
        Object::default()
            .put("identifiers", Some(identifier_list(&identifiers(self.view))))
            .put("status", self.get(field!("referral.status")))
            .put("status_text", self.in_words(field!("referral.status"), codes::REQUEST_STATUS))
            .put("status_reason", self.get(field!("referral.status_reason")))
            .put("category", category.some())
            .put("service", service.some())
            .put("priority", self.get(field!("referral.priority")))
            .put("priority_text", self.in_words(field!("referral.priority"), codes::PRIORITY))
            .put("authored", self.time(field!("referral.authored")))
            .put("reason", self.get(field!("referral.reason")))
            .put_list("notes", self.all(field!("referral.note[]")))
            .put_list("copied", self.all(field!("referral.copied[]")))
            .put_list("based_on", self.named(field!("referral.based_on[].system"), field!("referral.based_on[].value")))
            .put_list("replaces", self.named(field!("referral.replaces[].system"), field!("referral.replaces[].value")))
            .put("requisition", self.named(field!("referral.requisition.system"), field!("referral.requisition.value")).pop())
            .put("requester", self.requester().some())
            .put("target", self.target().some())
            .put("task_status", self.of_work(field!("task.status")))
            .put("task_status_text", self.in_words(field!("task.status"), codes::TASK_STATUS).filter(|_| self.is_work()))
            .put("business_status", self.of_work(field!("task.business_status")))
    }

    /// Whether the task of the message is the work on the referral, and not a question beside it.
    pub(super) fn is_work(&self) -> bool {
        !self.get(field!("task.code")).is_some_and(|code| codes::asks_for_information(&code))
    }

    fn of_work(&self, field: &Field) -> Option<String> {
        self.get(field).filter(|_| self.is_work())
    }

    /// Identifiers read by two fields, those without a value left out.
    fn named(&self, system: &Field, value: &Field) -> Vec<Value> {
        let identifier = |index: usize| {
            let value = self.at(value, index)?;
            Some(Object::default().put("system", self.at(system, index)).put("value", Some(value)).value())
        };
        (0..fields::repetitions(self.view, value).min(MOST_REPEATED)).filter_map(identifier).collect()
    }

    fn patient(&self) -> Value {
        let address = Object::default()
            .put_list("line", self.all(field!("patient.address.line[]")))
            .put("city", self.get(field!("patient.address.city")))
            .put("province", self.get(field!("patient.address.province")))
            .put("postal_code", self.get(field!("patient.address.postal_code")));
        let count = fields::repetitions(self.view, field!("patient.identifier[].value")).min(MOST_REPEATED);
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

    pub(super) fn task(&self) -> Object {
        let flag = |field: &Field| self.get(field).map(|text| text == "true");
        Object::default()
            .put("code", self.get(field!("task.code")))
            .put("code_text", self.in_words(field!("task.code"), codes::TASK_CODE))
            .put("status", self.get(field!("task.status")))
            .put("status_text", self.in_words(field!("task.status"), codes::TASK_STATUS))
            .put("status_reason", self.get(field!("task.status_reason")))
            .put("business_status", self.get(field!("task.business_status")))
            .put("business_status_reason", self.get(field!("task.business_status.reason")))
            .put("owner", self.get(field!("task.owner")))
            .put("modified", self.time(field!("task.modified")))
            .put("due", self.time(field!("task.due")))
            .put("needs_to_be_seen", flag(field!("task.needs_to_be_seen")))
            .put_list("asked", self.all(field!("task.input[].text")))
            .put_list("advice", self.advice())
            .put_list("notes", self.all(field!("task.note[]")))
    }

    /// The results of a task, and the advice of an eConsult, which comes as a communication (messaging.md 12).
    fn advice(&self) -> Vec<Value> {
        let consult = self.get(field!("task.code")).as_deref() == Some("process-request-consult");
        let mut advice = self.all(field!("task.output[].text"));
        for entry in self.view.entries_of("Communication", MOST).filter(|_| consult) {
            let told = Self { view: self.view.about(Home::Communication, entry), ..*self };
            let category = told.get(field!("communication.category.code")).or_else(|| told.get(field!("communication.category")));
            if category.is_none_or(|code| matches!(code.as_str(), "advice" | "consult-report" | "outcome-report")) {
                let texts = told.all(field!("communication.text[]")).into_iter().take(MOST);
                advice.extend(texts.filter(|text| !advice.contains(text)).collect::<Vec<_>>());
            }
        }
        advice
    }

    pub(super) fn appointment(&self) -> Object {
        let participant = |index: usize| {
            let name = self.at(field!("appointment.participant[].name"), index)?;
            let kind = self.at(field!("appointment.participant[].kind"), index);
            // The patient and the place are told elsewhere.
            let told = matches!(kind.as_deref(), Some("Patient" | "Location"));
            (!told).then_some(Value::String(name))
        };
        let participants = fields::repetitions(self.view, field!("appointment.participant[].name")).min(MOST_REPEATED);
        Object::default()
            .put("identifier", self.get(field!("appointment.identifier")))
            .put("status", self.get(field!("appointment.status")))
            .put("status_text", self.in_words(field!("appointment.status"), codes::APPOINTMENT_STATUS))
            .put("cancellation_reason", self.get(field!("appointment.cancellation_reason")))
            .put("type", self.get(field!("appointment.type")))
            .put("start", self.time(field!("appointment.start")))
            .put("end", self.time(field!("appointment.end")))
            .put("location", self.get(field!("appointment.location")))
            .put_list("with", (0..participants).filter_map(participant).collect())
            .put("description", self.get(field!("appointment.description")))
            .put("comment", self.get(field!("appointment.comment")))
            .put("instruction", self.get(field!("appointment.instruction")))
    }

    pub(super) fn communication(&self) -> Object {
        let by_code = self.in_words(field!("communication.category.code"), codes::COMMUNICATION_CATEGORY);
        let words = by_code.or_else(|| self.in_words(field!("communication.category"), codes::COMMUNICATION_CATEGORY));
        Object::default()
            .put("identifier", self.get(field!("communication.identifier")))
            .put("status", self.get(field!("communication.status")))
            .put("category", self.get(field!("communication.category")))
            .put("category_text", words)
            .put("sender", self.get(field!("communication.sender")))
            .put("sent", self.time(field!("communication.sent")))
            .put("in_response_to", self.get(field!("communication.in_response_to")))
            .put_list("text", self.all(field!("communication.text[]")))
    }

    fn attachments(&self) -> Vec<Value> {
        let describe = |index: usize| {
            let number = |field: &Field| self.at(field, index).and_then(|text| text.parse::<u64>().ok());
            Object::default()
                .put("title", self.at(field!("attachment[].title"), index))
                .put("content_type", self.at(field!("attachment[].content_type"), index))
                .put("size", number(field!("attachment[].size")))
                .put("url", self.at(field!("attachment[].url"), index))
                .put("type", self.at(field!("attachment[].type"), index))
                .put("date", self.at(field!("attachment[].date"), index).map(|date| self.moment(date)))
                .put("author", self.at(field!("attachment[].author"), index))
                .put("description", self.at(field!("attachment[].description"), index))
                .put("identifier", self.at(field!("attachment[].identifier"), index))
                .value()
        };
        (0..self.view.attachment_count().min(MOST_ATTACHMENTS)).map(describe).collect()
    }
}

/// All identifiers that name the referral (messaging.md 10.5, keys 1 to 3): of the request, of what the focus is based on, of the header.
/// One without a system is kept with an empty one: whoever sends it must be party to what it names, like with any other.
pub fn identifiers(view: View<'_>) -> Vec<Identifier> {
    let own = list(view.home(Home::Request, 0).and_then(|request| request.get("identifier")));
    // What a request itself is based on is another referral.
    let focus = view.focus().filter(|_| !view.in_focus("ServiceRequest"));
    let based_on = focus.flat_map(|resource| list(resource.get("basedOn"))).filter_map(|reference| reference.get("identifier"));
    let extensions = list(view.header().and_then(|header| header.get("extension")))
        .filter_map(|extension| extension.get("valueIdentifier").filter(|_| is_referral_identifier(extension)));
    let mut found: Vec<Identifier> = Vec::new();
    let mut add = |system: &str, value: &str| {
        let identifier = Identifier { system: system.to_owned(), value: value.to_owned() };
        if !found.contains(&identifier) {
            found.push(identifier);
        }
    };
    for identifier in own.chain(based_on).chain(extensions) {
        let part = |name: &str| text(identifier, name).unwrap_or_default();
        if !part("value").is_empty() {
            add(part("system"), part("value"));
        }
    }
    // Version 0.10.0 writes the sender's number as a mere text (messaging.md 4.3).
    if let Some(number) = fields::value(view, field!("message.referral_identifier.value"), 0) {
        let system = fields::value(view, field!("message.referral_identifier.system"), 0);
        add(&system.unwrap_or_default(), &number);
    }
    found
}

/// Identifiers as they stand in documents.
pub(super) fn identifier_list(identifiers: &[Identifier]) -> Vec<Value> {
    identifiers.iter().map(|own| json!({"system": own.system, "value": own.value})).collect()
}

/// The identifiers of a resource itself.
pub(super) fn own_identifiers(resource: Node<'_>) -> Vec<Value> {
    list(resource.get("identifier")).take(MOST).filter_map(identifier).collect()
}

/// An identifier as it stands in documents; `None` for one without a value.
pub(super) fn identifier(node: Node<'_>) -> Option<Value> {
    let value = text(node, "value").filter(|value| !value.is_empty())?;
    Some(Object::default().put("system", text(node, "system")).put("value", Some(value)).value())
}

/// The extension goes by two names (messaging.md 4.3).
fn is_referral_identifier(extension: Node<'_>) -> bool {
    let url = text(extension, "url").unwrap_or_default();
    url.ends_with("/ext-referral-identifier") || url.ends_with("/Referral-Identifier-EXT")
}
