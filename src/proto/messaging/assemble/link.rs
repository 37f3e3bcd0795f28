//! How the parts of a message name each other, and what the links say (messaging.md 4.1 to 4.3, 5, 13).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Value, json};

use super::{Assembly, Entry, default, own_task, reference};
use crate::proto::guide::dialects::OWN_COMMUNICATION;
use crate::proto::guide::events::Direction;
use crate::proto::guide::field::Home;
use crate::proto::messaging::compose::{Child, Content, File};
use crate::proto::messaging::known::part_key;
use crate::proto::messaging::path::{elements_of, resource_type};
use crate::proto::store::Identifier;

impl Assembly<'_> {
    pub(super) fn to(&self, home: Home) -> Option<Value> {
        self.parts.get(&home).map(|entry| reference(&entry.url))
    }

    /// The part when it is ours to write into.
    pub(super) fn own(&mut self, home: Home) -> Option<&mut Value> {
        self.parts.get_mut(&home).filter(|entry| !entry.host).map(|entry| &mut entry.value)
    }

    pub(super) fn link(&mut self, home: Home, member: &str, with: Option<Value>) {
        if let (Some(value), Some(with)) = (self.own(home), with) {
            default(value, member, with);
        }
    }

    pub(super) fn link_roles(&mut self) {
        let roles = [
            (Home::RequesterRole, Home::Requester, Home::RequesterOrganization, Home::RequesterLocation),
            (Home::TargetRole, Home::Target, Home::TargetOrganization, Home::TargetLocation),
        ];
        for (role, person, organization, location) in roles {
            self.link(role, "practitioner", self.to(person));
            self.link(role, "organization", self.to(organization));
            self.link(role, "location", self.to(location).map(|to| json!([to])));
        }
        self.link(Home::UserRole, "practitioner", self.to(Home::User));
    }

    /// The requester's or performer's role: ours, or whom the host's ServiceRequest names.
    pub(super) fn party(&self, role: Home) -> Option<Value> {
        self.to(role).or_else(|| {
            let request = &self.parts.get(&Home::Request).filter(|entry| entry.host)?.value;
            let member = if role == Home::RequesterRole { "requester" } else { "performer" };
            elements_of(request.get(member)).first().cloned()
        })
    }

    /// The side that sends, and the side it sends to where that is a party to the referral.
    pub(super) fn sides(&self) -> (Option<Value>, Option<Value>) {
        let (requester, target) = (self.party(Home::RequesterRole), self.party(Home::TargetRole));
        let author = if self.draft.as_target { target.clone() } else { requester.clone() };
        let receiver = match self.draft.event.direction {
            Direction::SourceToTarget => target,
            Direction::TargetToSource => requester,
            Direction::SourceToCopy | Direction::Link | Direction::Report => None,
        };
        (author, receiver)
    }

    pub(super) fn link_request(&mut self) {
        let (random_value, system, now) = (self.uuid(), self.referral_system(), self.now.clone());
        let revoked = self.draft.event.code == "revoke-service-request" && self.draft.value("referral.status").is_none();
        if let Some(request) = self.own(Home::Request) {
            default(request, "status", json!("active"));
            default(request, "identifier", json!([{}]));
            for identifier in request.get_mut("identifier").and_then(Value::as_array_mut).into_iter().flatten() {
                default(identifier, "system", json!(system));
                default(identifier, "value", json!(random_value));
            }
            if revoked {
                request["status"] = json!("revoked");
            }
            default(request, "authoredOn", json!(now));
        }
        self.link(Home::Request, "subject", self.to(Home::Patient));
        self.link(Home::Request, "requester", self.to(Home::RequesterRole));
        self.link(Home::Request, "performer", self.to(Home::TargetRole).map(|to| json!([to])));
        self.link_parent();
        self.name_documents();
    }

    /// What the request came out of (messaging.md 13), by its number, which outlives messages.
    pub(super) fn link_parent(&mut self) {
        let (Some(child), Some(known)) = (self.draft.child, self.known()) else { return };
        let Some(number) = known.identifiers().first().cloned() else { return };
        let parent = json!([{"identifier": self.numbered(&number)}]);
        match child {
            Child::Forwarded => self.link(Home::Request, "replaces", Some(parent)),
            Child::Chained => self.link(Home::Request, "basedOn", Some(parent)),
            Child::Split => {
                self.link(Home::Request, "basedOn", Some(parent));
                self.link(
                    Home::Request,
                    "requisition",
                    Some(json!({"system": number.get("system"), "value": number.get("value")})),
                );
            }
        }
    }

    /// An identifier as references carry it.
    pub(super) fn numbered(&self, number: &Value) -> Value {
        let mut identifier = json!({"system": number.get("system"), "value": number.get("value")});
        if self.draft.dialect.based_on_use {
            identifier["use"] = json!("official");
        }
        identifier
    }

    /// Documents go to whom performs, and to whom keeps a copy; to others they are named only, for the requester has them.
    pub(super) fn name_documents(&mut self) {
        if matches!(self.draft.event.direction, Direction::SourceToTarget | Direction::SourceToCopy) {
            return;
        }
        let Some(known) = self.known() else { return };
        let named = |reference: Value| {
            let document = reference.get("reference").and_then(Value::as_str).and_then(|key| known.others().get(key));
            match document.filter(|value| resource_type(value) == "DocumentReference") {
                Some(document) => {
                    let identifier = elements_of(document.get("identifier")).first()?;
                    let attachment = elements_of(document.get("content")).first().and_then(|content| content.get("attachment"));
                    let mut reference = json!({"identifier": identifier});
                    if let Some(title) = attachment.and_then(|attachment| attachment.get("title")) {
                        reference["display"] = title.clone();
                    }
                    Some(reference)
                }
                None => Some(reference),
            }
        };
        if let Some(supporting) = self.own(Home::Request).and_then(|request| request.get_mut("supportingInfo")?.as_array_mut()) {
            *supporting = std::mem::take(supporting).into_iter().filter_map(named).collect();
        }
    }

    /// Files and host resources that support the referral are named by it (messaging.md 4.2); those of a letter by the letter
    /// (messaging.md 5.4).
    pub(super) fn link_files(&mut self) {
        let letter = self.draft.focus_homes().contains(&Home::Communication) && self.own(Home::Communication).is_some();
        let supports = ["DocumentReference", "QuestionnaireResponse", "AllergyIntolerance", "Condition"];
        let (home, member) = if letter { (Home::Communication, "payload") } else { (Home::Request, "supportingInfo") };
        let Some(holder) = self.parts.get_mut(&home) else { return };
        let ours = !holder.host;
        let wanted = self.others.iter().filter(|entry| supports.contains(&resource_type(&entry.value)) && (ours || !entry.host));
        let to = |entry: &Entry| if letter { json!({"contentReference": reference(&entry.url)}) } else { reference(&entry.url) };
        let more: Vec<Value> = wanted.map(to).collect();
        if !more.is_empty() {
            let named = elements_of(holder.value.get(member)).to_vec();
            holder.value[member] = Value::Array(named.into_iter().chain(more).collect());
        }
    }

    /// The reference to the referral with its identifier, which outlives the message (messaging.md 4.1, rule 4).
    pub(super) fn based_on(&self) -> Option<Value> {
        let request = self.parts.get(&Home::Request)?;
        let identifier = self.numbered(elements_of(request.value.get("identifier")).first()?);
        Some(json!([{"reference": request.url, "identifier": identifier}]))
    }

    pub(super) fn task_identifier(&self) -> Option<Value> {
        let identifier = elements_of(self.parts.get(&Home::Request)?.value.get("identifier")).first()?;
        let part = |name: &str| Some(identifier.get(name)?.as_str()?.to_owned());
        let own = own_task(&self.own_base, &Identifier { system: part("system")?, value: part("value")? });
        Some(json!([{"system": own.system, "value": own.value}]))
    }

    pub(super) fn link_task(&mut self) {
        let now = json!(self.now);
        let question = self.draft.event.code == "add-rfi" && self.draft.value("task.code").is_none();
        if let Some(task) = self.own(Home::Task) {
            if question {
                task["code"]["coding"][0]["code"] = json!("request-for-information-for-requester");
            }
            if let Some(coding) = task.get_mut("code").and_then(|code| code.get_mut("coding")?.get_mut(0)) {
                let display = coding.get("code").and_then(Value::as_str).map(titled);
                coding["display"] = json!(display);
            }
        }
        if self.draft.event.direction == Direction::TargetToSource && self.draft.event.code != "add-rfi" {
            self.link(Home::Task, "identifier", self.task_identifier());
        }
        self.link(Home::Task, "basedOn", self.based_on());
        self.link(Home::Task, "lastModified", Some(now));
        let modified = self.own(Home::Task).and_then(|task| task.get("lastModified").cloned());
        self.link(Home::Task, "authoredOn", modified);
        self.link(Home::Task, "owner", self.party(Home::TargetRole));
        let advice = self.to(Home::Advice).map(|to| json!([{"type": {"text": "advice"}, "valueReference": to}]));
        self.link(Home::Task, "output", advice);
        if self.to(Home::Advice).is_some() {
            self.link_letter(Home::Advice);
        }
        self.link(Home::Advice, "category", Some(json!([{"text": "advice"}])));
    }

    pub(super) fn link_appointment(&mut self) {
        let now = json!(self.now);
        self.link(Home::Appointment, "basedOn", self.based_on());
        if self.draft.dialect.appointment_created {
            self.link(Home::Appointment, "created", Some(now));
        }
        let place = self.to(Home::AppointmentLocation);
        let proposed = self.own(Home::Appointment).is_some_and(|own| own.get("status") == Some(&json!("proposed")));
        let status = if proposed { "needs-action" } else { "accepted" };
        let with = |actor: Value| json!({"actor": actor, "status": status});
        if let (Some(place), Some(known)) = (&place, self.known())
            && let Some(participants) =
                self.own(Home::Appointment).and_then(|own| own.get_mut("participant").and_then(Value::as_array_mut))
        {
            // The booking goes to another place.
            let key = |participant: &Value| participant.get("actor")?.get("reference")?.as_str().map(str::to_owned);
            let is_place = |key: String| known.others().get(&key).is_some_and(|value| resource_type(value) == "Location");
            participants.retain(|participant| !key(participant).is_some_and(is_place));
            participants.push(with(place.clone()));
        }
        let actors = [self.to(Home::Patient), self.party(Home::TargetRole), place];
        self.link(Home::Appointment, "participant", Some(actors.into_iter().flatten().map(with).collect()));
    }

    pub(super) fn link_communication(&mut self) {
        self.link_letter(Home::Communication);
        let Some(known) = self.known() else { return };
        let Some(letter) = self.own(Home::Communication) else { return };
        // What is answered goes along (messaging.md 4.2).
        if let Some(answered) = letter.get_mut("inResponseTo").and_then(|answered| answered.get_mut(0)) {
            let part = |name: &str| answered.get("identifier")?.get(name)?.as_str();
            let key = part("value").and_then(|number| known.communication(part("system"), number)).map(str::to_owned);
            if let Some(key) = key {
                default(answered, "reference", json!(key));
            }
        }
    }

    pub(super) fn link_letter(&mut self, home: Home) {
        let sender = self.sides().0;
        let number = json!([{"system": format!("{}{OWN_COMMUNICATION}", self.own_base), "value": self.uuid()}]);
        self.link(home, "identifier", Some(number));
        self.link(home, "basedOn", self.based_on());
        self.link(home, "subject", self.to(Home::Patient));
        self.link(home, "sent", Some(json!(self.now)));
        self.link(home, "sender", sender);
    }

    /// One DocumentReference for each file (messaging.md 5.7), or the letter itself holds it (messaging.md 5.4).
    pub(super) fn add_attachments(&mut self) {
        let holds = self.draft.dialect.payload_holds_files && self.draft.focus_homes().contains(&Home::Communication);
        for file in &self.draft.attachments {
            if let Some(letter) = self.own(Home::Communication).filter(|_| holds) {
                default(letter, "payload", json!([]));
                if let Some(payload) = letter.get_mut("payload").and_then(Value::as_array_mut) {
                    payload.push(json!({"contentAttachment": attachment(file)}));
                }
                continue;
            }
            let mut entry = self.entry("DocumentReference", None);
            default(&mut entry.value, "date", json!(self.now));
            default(&mut entry.value, "subject", reference(&part_key(Home::Patient)));
            let author = if self.draft.as_target { Home::TargetRole } else { Home::RequesterRole };
            default(&mut entry.value, "author", json!([self.party(author).unwrap_or_else(|| reference(&part_key(author)))]));
            default(&mut entry.value, "content", json!([{"attachment": attachment(file)}]));
            default(&mut entry.value, "context", json!({"related": [reference(&part_key(Home::Request))]}));
            self.others.push(entry);
        }
    }

    /// The MessageHeader (messaging.md 4.3).
    pub(super) fn header(&mut self) {
        let draft = self.draft;
        let (author, receiver) = self.sides();
        let system = &draft.settings.system;
        let own_endpoint = format!("{}/$process-message", self.own_base);
        let identifier =
            self.parts.get(&Home::Request).and_then(|entry| elements_of(entry.value.get("identifier")).first().cloned());
        let identifier = identifier.map(|own| json!({"system": own.get("system"), "value": own.get("value")}));
        let mut destination = json!({"name": draft.partner, "endpoint": draft.endpoint});
        default(&mut destination, "receiver", receiver.unwrap_or_default());
        let focus: Vec<Value> = draft.focus_homes().into_iter().filter_map(|home| self.to(home)).collect();
        let dialect = draft.dialect;
        let code = dialect.event_code(draft.event.code);
        let event = json!({"system": dialect.event_system, "code": code, "display": draft.event.display});
        let extension = identifier.filter(|_| !dialect.referral_identifier.is_empty()).map(|identifier| {
            let plain = dialect.referral_identifier_value == "valueString";
            let value = if plain { identifier["value"].clone() } else { identifier };
            json!([{"url": dialect.referral_identifier, dialect.referral_identifier_value: value}])
        });
        let source = json!({"name": system.name, "software": system.software, "version": system.version, "endpoint": own_endpoint});
        self.link(Home::Header, "extension", extension);
        self.link(Home::Header, "eventCoding", Some(event));
        self.link(Home::Header, "destination", Some(json!([destination])));
        self.link(Home::Header, "enterer", self.to(Home::UserRole));
        self.link(Home::Header, "author", author);
        self.link(Home::Header, "source", Some(source));
        if draft.event.code == "add-service-request" {
            self.link(Home::Header, "reason", Some(json!({"text": "Initial"})));
        }
        self.link(Home::Header, "focus", Some(Value::Array(focus)));
    }
}

/// A code in words, as the guides' examples write them: `process-request` is "Process Request".
fn titled(code: &str) -> String {
    let word = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    };
    code.split('-').map(word).collect::<Vec<_>>().join(" ")
}

fn attachment(file: &File) -> Value {
    let mut attachment = json!({"contentType": file.content_type});
    match &file.content {
        Content::Data(data) => {
            let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data);
            attachment["data"] = json!(STANDARD.encode(data));
            attachment["size"] = json!(data.len());
            attachment["hash"] = json!(STANDARD.encode(hash.as_ref()));
        }
        Content::Url(url) => attachment["url"] = json!(url),
    }
    attachment["title"] = json!(file.title);
    attachment
}
