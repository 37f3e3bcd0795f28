//! Puts a draft's Bundle together: what is known of the referral, the host's resources and fields, the references between them, labels and
//! order (messaging.md 4).

mod finish;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Map, Value, json};

use self::finish::{address, drop_gaps, keep_reached, labelled};
pub(super) use self::finish::{arrange, keys_in, label};
use super::compose::{Child, Content, Draft, File, finding};
use super::known::{CONTENT, Known, part_key, same_identifier};
use super::path::{self, elements_of, resource_type};
use super::time;
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::dialects::{OWN_COMMUNICATION, OWN_REFERRAL, OWN_TASK};
use crate::proto::guide::events::Direction;
use crate::proto::guide::field::{Field, Home, Kind};
use crate::proto::guide::fields_table::FIELDS;
use crate::proto::store::{Identifier, Millis};

/// A resource on its way into the Bundle.
struct Entry {
    url: String,
    value: Value,
    /// The host's own: nothing is written into it but labels.
    host: bool,
    /// Only known of the referral: it goes along when something leads to it.
    known: bool,
}

struct Assembly<'d> {
    draft: &'d Draft,
    random: &'d dyn Fn() -> [u8; 32],
    now: String,
    own_base: String,
    partner_base: String,
    parts: BTreeMap<Home, Entry>,
    /// Attachments, and resources that play no part of their own.
    others: Vec<Entry>,
    /// Where the resources are that others name by keys.
    addresses: BTreeMap<String, String>,
}

/// The Bundle of a draft, and what is wrong with it.
pub(super) fn bundle(draft: &Draft, now: Millis, random: &dyn Fn() -> [u8; 32]) -> (Value, Vec<Issue>) {
    let mut issues = Vec::new();
    let mut assembly = Assembly::new(draft, now, random);
    assembly.take_host_resources();
    assembly.take_known();
    assembly.write_fields(&mut issues);
    assembly.add_attachments();
    (assembly.bundle(&mut issues), issues)
}

/// The Bundle of what is known of the referral, as the draft would begin with it.
pub(super) fn bundle_of_referral(draft: &Draft) -> Value {
    let mut assembly = Assembly::new(draft, 0, &|| [0; 32]);
    assembly.take_known();
    assembly.bundle(&mut Vec::new())
}

fn reference(url: &str) -> Value {
    json!({"reference": url})
}

/// Sets a member that is not there yet.
fn default(value: &mut Value, member: &str, with: Value) {
    if value.get(member).is_none_or(Value::is_null)
        && let Some(members) = value.as_object_mut()
    {
        members.insert(member.to_owned(), with);
    }
}

impl<'d> Assembly<'d> {
    fn new(draft: &'d Draft, now: Millis, random: &'d dyn Fn() -> [u8; 32]) -> Self {
        Self {
            draft,
            random,
            now: time::timestamp(now, draft.settings.system.time_zone.as_deref()),
            own_base: draft.settings.fhir_base(),
            partner_base: draft.endpoint.rsplit_once('/').map_or(draft.endpoint.as_str(), |(base, _)| base).to_owned(),
            parts: BTreeMap::new(),
            others: Vec::new(),
            addresses: BTreeMap::new(),
        }
    }

    /// Joins the resources and closes the envelope.
    fn bundle(mut self, issues: &mut Vec<Issue>) -> Value {
        self.make_missing_parts();
        self.link_roles();
        self.link_request();
        self.link_task();
        self.link_appointment();
        self.link_communication();
        self.link_files();
        self.header();
        self.bring_named();
        let entries = self.ordered(issues);
        let entries = keep_reached(entries, issues);
        self.envelope(entries)
    }

    fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&(self.random)()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn known(&self) -> Option<&'d Known> {
        self.draft.known.as_ref().map(|(_, known)| known.as_ref())
    }

    /// A resource of this type with the members the dialect fixes: a new one, or one that is known and keeps its id.
    fn entry(&self, kind: &str, known: Option<Value>) -> Entry {
        let is_known = known.is_some();
        let mut value = known.unwrap_or_else(|| json!({"resourceType": kind}));
        let own = value.get("id").and_then(Value::as_str).filter(|id| uuid::Uuid::parse_str(id).is_ok());
        let id = own.map_or_else(|| self.uuid(), str::to_ascii_lowercase);
        let fixed = self.draft.dialect.resource(kind).and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        value["id"] = json!(id);
        fixed.into_iter().flatten().for_each(|(name, with)| default(&mut value, &name, with));
        Entry { url: format!("urn:uuid:{id}"), value, host: false, known: is_known }
    }

    /// What the referral is already: its parts, and the work or booking that this message is about.
    fn take_known(&mut self) {
        let Some(known) = self.known() else { return };
        let child = self.draft.child.is_some();
        for (home, value) in known.parts() {
            // A child goes to another performer, and may come from another requester.
            let requester = *home >= Home::RequesterRole && *home <= Home::RequesterLocation;
            let other = (*home >= Home::TargetRole && *home <= Home::TargetLocation) || (requester && self.draft.names_requester());
            if self.draft.host_speaks_for(*home) || (child && other) {
                continue;
            }
            let mut value = value.clone();
            if let Some(request) = value.as_object_mut().filter(|_| child && *home == Home::Request) {
                // What belongs to the parent alone.
                for name in ["id", "identifier", "basedOn", "replaces", "authoredOn", "performer", "status"] {
                    request.shift_remove(name);
                }
            }
            let entry = self.entry(home.resource_type().unwrap_or_default(), Some(value));
            self.parts.insert(*home, entry);
        }
        if !child {
            self.take_known_work(known);
        }
    }

    fn take_known_work(&mut self, known: &Known) {
        let focus = self.draft.focus_homes();
        if focus.contains(&Home::Task) && self.draft.event.code != "add-rfi" && !self.draft.host_speaks_for(Home::Task) {
            let entry = known.task().map(|task| self.entry("Task", Some(task)));
            self.parts.extend(entry.map(|entry| (Home::Task, entry)));
        }
        // A booking without a number is a new one, unless the event is about one that is known.
        let number = self.draft.value("appointment.identifier");
        let changes = number.is_some() || self.draft.event.code != "notify-add-appointment";
        if focus.contains(&Home::Appointment) && changes && !self.draft.host_speaks_for(Home::Appointment) {
            let Some(mut booking) = known.appointment(number).cloned() else { return };
            let moved = ["appointment.start", "appointment.end"].into_iter().any(|name| self.draft.value(name).is_some());
            let stale: &[&str] = if moved { &["text", "start", "end", "minutesDuration"] } else { &["text"] };
            if let Some(members) = booking.as_object_mut() {
                stale.iter().for_each(|name| drop(members.shift_remove(*name)));
            }
            let entry = self.entry("Appointment", Some(booking));
            self.parts.insert(Home::Appointment, entry);
        }
    }

    /// The host's resources: a UUID as id makes the fullUrl; another id makes an address below our base, so that `Type/id` leads to it.
    fn take_host_resources(&mut self) {
        for resource in &self.draft.resources {
            let mut value = resource.clone();
            let kind = resource_type(resource);
            let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
            let url = match id {
                Some(id) if uuid::Uuid::parse_str(&id).is_ok() => format!("urn:uuid:{}", id.to_ascii_lowercase()),
                Some(id) => format!("{}/{kind}/{id}", self.own_base),
                None => {
                    let id = self.uuid();
                    default(&mut value, "id", json!(id));
                    format!("urn:uuid:{id}")
                }
            };
            let entry = Entry { url, value, host: true, known: false };
            let homes = [Home::Request, Home::Patient, Home::Task, Home::Appointment, Home::Communication];
            match homes.into_iter().find(|home| home.resource_type() == Some(kind)) {
                Some(home) => drop(self.parts.insert(home, entry)),
                None => self.others.push(entry),
            }
        }
    }

    fn write_fields(&mut self, issues: &mut Vec<Issue>) {
        for ((position, index), value) in &self.draft.fields {
            let Some(field) = FIELDS.get(*position) else { continue };
            let (home, place) = self.place(field, *index);
            let Some(kind) = home.resource_type() else { continue };
            if self.draft.host_speaks_for(home) {
                issues.push(finding(field.name, "a resource of the host's own stands in its place; set one or the other"));
            } else if field.name.starts_with("referral.identifier[]") && self.numbers().is_some_and(|own| !own.is_empty()) {
                // By these the referral is known; what is new among them is added (see `add_numbers`).
            } else if value.is_empty() {
                if let Some(entry) = self.parts.get_mut(&home) {
                    path::remove(&mut entry.value, place, *index);
                }
            } else {
                self.write(home, kind, place, *index, typed(field, value));
                if let (Some(concept), Some(entry)) = (place.strip_suffix(".text"), self.parts.get_mut(&home)) {
                    // Other words than those of the code that stood there.
                    path::remove(&mut entry.value, &format!("{concept}.coding"), *index);
                }
            }
        }
        self.add_numbers();
        self.parts.values_mut().filter(|entry| !entry.host).for_each(|entry| drop_gaps(&mut entry.value));
    }

    fn write(&mut self, home: Home, kind: &str, place: &str, index: usize, value: Value) {
        let (own, partner, dialect) = (self.own_base.clone(), self.partner_base.clone(), self.draft.dialect);
        let start = |prefix: &str| {
            let text = dialect.element(&format!("{kind}.{prefix}"))?;
            serde_json::from_str(&text.replace("{self}", &own).replace("{partner}", &partner)).ok()
        };
        path::write(&mut self.part(home, kind).value, place, index, value, &start);
    }

    /// Where a field is written: where it stands already in the same element, else in its first place. Telephone and fax stand on the Location where there is
    /// one, else on the role (messaging.md 5.6).
    fn place(&self, field: &Field, index: usize) -> (Home, &'static str) {
        let first = field.places.first().copied().unwrap_or((Home::Focus, ""));
        let last = |place: &'static str| place.rsplit('.').next();
        let is_there = |(home, place): &&(Home, &'static str)| {
            let there = |entry: &Entry| !entry.host && path::holds(&entry.value, place, index);
            last(place) == last(first.1) && self.parts.get(home).is_some_and(there)
        };
        let usual = |(home, place): &&(Home, &'static str)| {
            let telecom = home.resource_type() == Some("Location") && place.starts_with("telecom");
            !telecom || self.parts.contains_key(home)
        };
        field.places.iter().find(is_there).or_else(|| field.places.iter().find(usual)).copied().unwrap_or(first)
    }

    /// The numbers of the known referral that the message is about.
    fn numbers(&self) -> Option<&'d [Value]> {
        self.known().filter(|_| self.draft.child.is_none()).map(Known::identifiers)
    }

    /// The numbers the host gives beyond those that are known.
    fn add_numbers(&mut self) {
        let Some(known) = self.numbers().filter(|own| !own.is_empty()) else { return };
        let positions = ["system", "value"].map(|part| {
            let name = format!("referral.identifier[].{part}");
            FIELDS.iter().position(|field| field.name == name).unwrap_or_default()
        });
        let given = |position: usize, index: usize| self.draft.fields.get(&(position, index)).filter(|value| !value.is_empty());
        let indices = self.draft.fields.keys().filter(|(position, _)| *position == positions[1]).map(|(_, index)| *index);
        let mut more = Vec::new();
        for index in indices {
            let Some(value) = given(positions[1], index) else { continue };
            let system = given(positions[0], index).cloned();
            let is_it = |own: &&Value| match &system {
                Some(system) => same_identifier(own, &json!({"system": system, "value": value})),
                None => own.get("value").and_then(Value::as_str) == Some(value),
            };
            if !known.iter().any(|own| is_it(&own)) {
                more.push(json!({"system": system.unwrap_or_else(|| self.referral_system()), "value": value}));
            }
        }
        if let Some(numbers) = self.own(Home::Request).and_then(|request| request.get_mut("identifier")?.as_array_mut()) {
            numbers.extend(more);
        }
    }

    fn referral_system(&self) -> String {
        self.draft.settings.system.referral_system.clone().unwrap_or_else(|| format!("{}{OWN_REFERRAL}", self.own_base))
    }

    fn part(&mut self, home: Home, kind: &str) -> &mut Entry {
        if !self.parts.contains_key(&home) {
            let entry = self.entry(kind, None);
            self.parts.insert(home, entry);
        }
        let none = || Entry { url: String::new(), value: Value::Null, host: false, known: false };
        self.parts.entry(home).or_insert_with(none)
    }

    /// What every message holds (messaging.md 4.2).
    fn make_missing_parts(&mut self) {
        let mut homes = vec![Home::Header, Home::Request, Home::Patient];
        homes.extend(self.draft.focus_homes());
        if self.draft.host_resource(Home::Request).is_none() {
            homes.extend([Home::RequesterRole, Home::TargetRole]);
        }
        if self.parts.contains_key(&Home::User) {
            homes.push(Home::UserRole);
        }
        for home in homes {
            if let Some(kind) = home.resource_type() {
                self.part(home, kind);
            }
        }
    }

    fn to(&self, home: Home) -> Option<Value> {
        self.parts.get(&home).map(|entry| reference(&entry.url))
    }

    /// The part when it is ours to write into.
    fn own(&mut self, home: Home) -> Option<&mut Value> {
        self.parts.get_mut(&home).filter(|entry| !entry.host).map(|entry| &mut entry.value)
    }

    fn link(&mut self, home: Home, member: &str, with: Option<Value>) {
        if let (Some(value), Some(with)) = (self.own(home), with) {
            default(value, member, with);
        }
    }

    fn link_roles(&mut self) {
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
    fn party(&self, role: Home) -> Option<Value> {
        self.to(role).or_else(|| {
            let request = &self.parts.get(&Home::Request).filter(|entry| entry.host)?.value;
            let member = if role == Home::RequesterRole { "requester" } else { "performer" };
            elements_of(request.get(member)).first().cloned()
        })
    }

    /// The side that sends, and the side it sends to where that is a party to the referral.
    fn sides(&self) -> (Option<Value>, Option<Value>) {
        let (requester, target) = (self.party(Home::RequesterRole), self.party(Home::TargetRole));
        let author = if self.draft.as_target { target.clone() } else { requester.clone() };
        let receiver = match self.draft.event.direction {
            Direction::SourceToTarget => target,
            Direction::TargetToSource => requester,
            Direction::SourceToCopy | Direction::Link | Direction::Report => None,
        };
        (author, receiver)
    }

    fn link_request(&mut self) {
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
    fn link_parent(&mut self) {
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
    fn numbered(&self, number: &Value) -> Value {
        let mut identifier = json!({"system": number.get("system"), "value": number.get("value")});
        if self.draft.dialect.based_on_use {
            identifier["use"] = json!("official");
        }
        identifier
    }

    /// Documents go to whom performs, and to whom keeps a copy; to others they are named only, for the requester has them.
    fn name_documents(&mut self) {
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
    fn link_files(&mut self) {
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
    fn based_on(&self) -> Option<Value> {
        let request = self.parts.get(&Home::Request)?;
        let identifier = self.numbered(elements_of(request.value.get("identifier")).first()?);
        Some(json!([{"reference": request.url, "identifier": identifier}]))
    }

    fn task_identifier(&self) -> Option<Value> {
        let identifier = elements_of(self.parts.get(&Home::Request)?.value.get("identifier")).first()?;
        let part = |name: &str| Some(identifier.get(name)?.as_str()?.to_owned());
        let own = own_task(&self.own_base, &Identifier { system: part("system")?, value: part("value")? });
        Some(json!([{"system": own.system, "value": own.value}]))
    }

    fn link_task(&mut self) {
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

    fn link_appointment(&mut self) {
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

    fn link_communication(&mut self) {
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

    fn link_letter(&mut self, home: Home) {
        let sender = self.sides().0;
        let number = json!([{"system": format!("{}{OWN_COMMUNICATION}", self.own_base), "value": self.uuid()}]);
        self.link(home, "identifier", Some(number));
        self.link(home, "basedOn", self.based_on());
        self.link(home, "subject", self.to(Home::Patient));
        self.link(home, "sent", Some(json!(self.now)));
        self.link(home, "sender", sender);
    }

    /// One DocumentReference for each file (messaging.md 5.7), or the letter itself holds it (messaging.md 5.4).
    fn add_attachments(&mut self) {
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
    fn header(&mut self) {
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

    /// Brings the known resources that something names, and puts addresses in the place of keys.
    fn bring_named(&mut self) {
        for home in CONTENT {
            if let Some(entry) = self.parts.get(&home) {
                self.addresses.insert(part_key(home), entry.url.clone());
            }
        }
        let mut keys = Vec::new();
        self.parts.values().chain(&self.others).for_each(|entry| keys_in(&entry.value, &mut keys));
        while let (Some(key), Some(known)) = (keys.pop(), self.known()) {
            let Some(value) = known.others().get(&key).filter(|_| !self.addresses.contains_key(&key)) else { continue };
            let entry = self.entry(resource_type(value), Some(value.clone()));
            keys_in(&entry.value, &mut keys);
            self.addresses.insert(key, entry.url.clone());
            self.others.push(entry);
        }
        for entry in self.parts.values_mut().chain(&mut self.others).filter(|entry| !entry.host) {
            address(&mut entry.value, &self.addresses);
        }
    }

    /// The entries in order, labelled: MessageHeader, focus, the parts, the others (messaging.md 4.1, rule 5).
    fn ordered(&mut self, issues: &mut Vec<Issue>) -> Vec<Entry> {
        let mut homes = vec![Home::Header];
        homes.extend(self.draft.focus_homes());
        let mut entries: Vec<Entry> = homes.iter().filter_map(|home| self.parts.remove(home)).collect();
        entries.extend(std::mem::take(&mut self.parts).into_values());
        entries.append(&mut self.others);
        let test = self.draft.settings.test;
        for entry in &mut entries {
            if !test && labelled(&entry.value) {
                issues.push(finding(&format!("{}.meta.security", resource_type(&entry.value)), "test data in a production engine"));
            }
            let profile = self.draft.dialect.profile(resource_type(&entry.value));
            label(&mut entry.value, profile, test);
            if !entry.host {
                arrange(&mut entry.value);
            }
        }
        entries
    }

    fn envelope(&self, entries: Vec<Entry>) -> Value {
        let entry: Vec<Value> = entries.into_iter().map(|entry| json!({"fullUrl": entry.url, "resource": entry.value})).collect();
        let id = self.uuid();
        let mut bundle = json!({"resourceType": "Bundle", "id": id, "meta": {}});
        if self.draft.dialect.bundle_identifier {
            bundle["identifier"] = json!({"system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{id}")});
        }
        bundle["type"] = json!("message");
        bundle["timestamp"] = json!(self.now);
        bundle["entry"] = Value::Array(entry);
        label(&mut bundle, Some(self.draft.dialect.bundle_profile), self.draft.settings.test);
        bundle
    }
}

/// A value in the type of its field.
fn typed(field: &Field, value: &str) -> Value {
    match field.kind {
        Kind::Bool => json!(value == "true"),
        Kind::Integer => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
        _ => json!(value),
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

/// The identifier of our process-request Task of a referral, below our FHIR base: it follows from the referral's own identifier, so that
/// the Task in an answer and those in later messages are the same one.
pub(super) fn own_task(base: &str, referral: &Identifier) -> Identifier {
    let name = format!("{base}|{}|{}", referral.system, referral.value);
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    Identifier { system: format!("{base}{OWN_TASK}"), value: uuid::Builder::from_sha1_bytes(bytes).into_uuid().to_string() }
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
