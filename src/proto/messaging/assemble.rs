//! Puts a draft's Bundle together: resources from fields, the references between them, labels and order (messaging.md 4).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Map, Value, json};

use super::compose::{Draft, File, finding};
use super::path::{self, elements_of, resource_type};
use super::time;
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::dialects::{HTEST, MEMBER_ORDER, OWN_COMMUNICATION, OWN_REFERRAL, OWN_TASK};
use crate::proto::guide::events::Direction;
use crate::proto::guide::field::Home;
use crate::proto::guide::fields_table::FIELDS;
use crate::proto::store::{Identifier, Millis};

/// A resource on its way into the Bundle.
struct Entry {
    url: String,
    value: Value,
    /// The host's own: nothing is written into it but labels.
    host: bool,
}

struct Assembly<'d> {
    draft: &'d Draft,
    random: &'d dyn Fn() -> [u8; 32],
    now: String,
    own_base: String,
    partner_base: String,
    parts: BTreeMap<Home, Entry>,
    /// Attachments, and host resources that play no part of their own.
    others: Vec<Entry>,
}

/// The Bundle of a draft. What is wrong with it goes to `issues`.
pub(super) fn bundle(draft: &Draft, now: Millis, random: &dyn Fn() -> [u8; 32], issues: &mut Vec<Issue>) -> Value {
    let mut assembly = Assembly {
        draft,
        random,
        now: time::timestamp(now, draft.settings.system.time_zone.as_deref()),
        own_base: draft.settings.fhir_base(),
        partner_base: draft.endpoint.rsplit_once('/').map_or(draft.endpoint.as_str(), |(base, _)| base).to_owned(),
        parts: BTreeMap::new(),
        others: Vec::new(),
    };
    assembly.take_host_resources();
    assembly.write_fields(issues);
    assembly.make_missing_parts();
    assembly.link_roles();
    assembly.add_attachments();
    assembly.link_request();
    assembly.link_task();
    assembly.link_appointment();
    assembly.link_communication();
    assembly.header();
    let entries = assembly.ordered(issues);
    check_references(&entries, issues);
    assembly.envelope(entries)
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

impl Assembly<'_> {
    fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&(self.random)()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A new resource of this type, with the members the dialect fixes.
    fn new_entry(&self, kind: &str) -> Entry {
        let id = self.uuid();
        let mut value = json!({"resourceType": kind, "id": id});
        let fixed = self.draft.dialect.resource(kind).and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        if let Some(members) = value.as_object_mut() {
            members.extend(fixed.unwrap_or_default());
        }
        Entry { url: format!("urn:uuid:{id}"), value, host: false }
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
            let entry = Entry { url, value, host: true };
            let homes = [Home::Request, Home::Patient, Home::Task, Home::Appointment, Home::Communication];
            match homes.into_iter().find(|home| home.resource_type() == Some(kind)) {
                Some(home) => drop(self.parts.insert(home, entry)),
                None => self.others.push(entry),
            }
        }
    }

    fn write_fields(&mut self, issues: &mut Vec<Issue>) {
        let (own, partner, dialect) = (self.own_base.clone(), self.partner_base.clone(), self.draft.dialect);
        for ((position, index), value) in &self.draft.fields {
            let Some(field) = FIELDS.get(*position) else { continue };
            let (home, place) = field.places[0];
            let Some(kind) = home.resource_type() else { continue };
            if self.draft.host_speaks_for(home) {
                issues.push(finding(field.name, "a resource of the host's own stands in its place; set one or the other"));
                continue;
            }
            let start = |prefix: &str| {
                let text = dialect.element(&format!("{kind}.{prefix}"))?;
                serde_json::from_str(&text.replace("{self}", &own).replace("{partner}", &partner)).ok()
            };
            let entry = self.part(home, kind);
            path::write(&mut entry.value, place, *index, json!(value), &start);
        }
        self.parts.values_mut().filter(|entry| !entry.host).for_each(|entry| drop_gaps(&mut entry.value));
    }

    fn part(&mut self, home: Home, kind: &str) -> &mut Entry {
        if !self.parts.contains_key(&home) {
            let entry = self.new_entry(kind);
            self.parts.insert(home, entry);
        }
        self.parts.entry(home).or_insert_with(|| Entry { url: String::new(), value: Value::Null, host: false })
    }

    /// What every message holds (messaging.md 4.2).
    fn make_missing_parts(&mut self) {
        let mut homes = vec![Home::Header, Home::Request, Home::Patient];
        homes.extend(self.draft.focus_homes());
        if self.draft.host_resource(Home::Request).is_none() {
            homes.extend([Home::RequesterRole, Home::TargetRole]);
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
    }

    /// The requester's or performer's role: ours, or whom the host's ServiceRequest names.
    fn party(&self, role: Home) -> Option<Value> {
        self.to(role).or_else(|| {
            let request = &self.parts.get(&Home::Request).filter(|entry| entry.host)?.value;
            let member = if role == Home::RequesterRole { "requester" } else { "performer" };
            elements_of(request.get(member)).first().cloned()
        })
    }

    /// The side that sends, and the side it sends to.
    fn sides(&self) -> (Option<Value>, Option<Value>) {
        let (requester, target) = (self.party(Home::RequesterRole), self.party(Home::TargetRole));
        if self.draft.event.direction == Direction::TargetToSource { (target, requester) } else { (requester, target) }
    }

    fn link_request(&mut self) {
        let random_value = self.uuid();
        let system =
            self.draft.settings.system.referral_system.clone().unwrap_or_else(|| format!("{}{OWN_REFERRAL}", self.own_base));
        let revoked = self.draft.event.code == "revoke-service-request" && self.draft.value("referral.status").is_none();
        let now = self.now.clone();
        if let Some(request) = self.own(Home::Request) {
            default(request, "identifier", json!([{}]));
            for identifier in request.get_mut("identifier").and_then(Value::as_array_mut).into_iter().flatten() {
                default(identifier, "system", json!(system));
                default(identifier, "value", json!(random_value));
            }
            if revoked && let Some(members) = request.as_object_mut() {
                members.insert("status".to_owned(), json!("revoked"));
            }
            default(request, "authoredOn", json!(now));
        }
        self.link(Home::Request, "subject", self.to(Home::Patient));
        self.link(Home::Request, "requester", self.to(Home::RequesterRole));
        self.link(Home::Request, "performer", self.to(Home::TargetRole).map(|to| json!([to])));
        self.link_supporting_information();
    }

    /// Attachments and host resources that support the referral are named by it (messaging.md 4.2).
    fn link_supporting_information(&mut self) {
        let supports = ["DocumentReference", "QuestionnaireResponse", "AllergyIntolerance", "Condition"];
        let Some(request) = self.parts.get_mut(&Home::Request) else { return };
        let named: Vec<Value> = elements_of(request.value.get("supportingInfo")).to_vec();
        let own_request = !request.host;
        let wanted =
            self.others.iter().filter(|entry| supports.contains(&resource_type(&entry.value)) && (own_request || !entry.host));
        let more: Vec<Value> = wanted.map(|entry| reference(&entry.url)).collect();
        if !more.is_empty()
            && let Some(members) = request.value.as_object_mut()
        {
            members.insert("supportingInfo".to_owned(), Value::Array(named.into_iter().chain(more).collect()));
        }
    }

    /// The reference to the referral with its identifier, which outlives the message (messaging.md 4.1, rule 4).
    fn based_on(&self) -> Option<Value> {
        let request = self.parts.get(&Home::Request)?;
        let identifier = elements_of(request.value.get("identifier")).first()?;
        let identifier = json!({"use": "official", "system": identifier.get("system"), "value": identifier.get("value")});
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
        self.link(Home::Task, "identifier", self.task_identifier());
        self.link(Home::Task, "basedOn", self.based_on());
        self.link(Home::Task, "for", self.to(Home::Patient));
        self.link(Home::Task, "authoredOn", Some(now.clone()));
        self.link(Home::Task, "lastModified", Some(now));
        self.link(Home::Task, "requester", self.party(Home::RequesterRole));
        self.link(Home::Task, "owner", self.party(Home::TargetRole));
    }

    fn link_appointment(&mut self) {
        self.link(Home::Appointment, "basedOn", self.based_on());
        let actors = [self.to(Home::Patient), self.party(Home::TargetRole), self.to(Home::AppointmentLocation)];
        let participants: Vec<Value> = actors
            .into_iter()
            .flatten()
            .map(|actor| json!({"actor": actor, "required": "required", "status": "accepted"}))
            .collect();
        self.link(Home::Appointment, "participant", Some(Value::Array(participants)));
    }

    fn link_communication(&mut self) {
        let (sender, recipient) = self.sides();
        let number = json!([{"system": format!("{}{OWN_COMMUNICATION}", self.own_base), "value": self.uuid()}]);
        self.link(Home::Communication, "identifier", Some(number));
        self.link(Home::Communication, "basedOn", self.based_on());
        self.link(Home::Communication, "subject", self.to(Home::Patient));
        self.link(Home::Communication, "sent", Some(json!(self.now)));
        self.link(Home::Communication, "sender", sender);
        self.link(Home::Communication, "recipient", recipient.map(|recipient| json!([recipient])));
    }

    /// One DocumentReference for each file (messaging.md 5.7).
    fn add_attachments(&mut self) {
        for file in &self.draft.attachments {
            let mut entry = self.new_entry("DocumentReference");
            default(&mut entry.value, "subject", self.to(Home::Patient).unwrap_or_default());
            default(&mut entry.value, "date", json!(self.now));
            if let Some(author) = self.sides().0 {
                default(&mut entry.value, "author", json!([author]));
            }
            default(&mut entry.value, "content", json!([{"attachment": attachment(file)}]));
            if let Some(request) = self.to(Home::Request) {
                default(&mut entry.value, "context", json!({"related": [request]}));
            }
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
        let extension = identifier.map(|identifier| {
            let plain = dialect.referral_identifier_value == "valueString";
            let value = if plain { identifier["value"].clone() } else { identifier };
            json!([{"url": dialect.referral_identifier, dialect.referral_identifier_value: value}])
        });
        let source = json!({"name": system.name, "software": system.software, "version": system.version, "endpoint": own_endpoint});
        self.link(Home::Header, "extension", extension);
        self.link(Home::Header, "eventCoding", Some(event));
        self.link(Home::Header, "destination", Some(json!([destination])));
        self.link(Home::Header, "enterer", self.to(Home::User));
        self.link(Home::Header, "author", author);
        self.link(Home::Header, "source", Some(source));
        if draft.event.code == "add-service-request" {
            self.link(Home::Header, "reason", Some(json!({"text": "Initial"})));
        }
        self.link(Home::Header, "focus", Some(Value::Array(focus)));
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
        let mut bundle = json!({"resourceType": "Bundle", "id": self.uuid(), "meta": {}, "type": "message", "timestamp": self.now, "entry": entry});
        label(&mut bundle, Some(self.draft.dialect.bundle_profile), self.draft.settings.test);
        bundle
    }
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
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &file.data);
    json!({
        "contentType": file.content_type,
        "data": STANDARD.encode(&file.data),
        "size": file.data.len(),
        "hash": STANDARD.encode(hash.as_ref()),
        "title": file.title,
    })
}

/// Lists may have been written with gaps.
fn drop_gaps(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_gaps);
        }
        Value::Object(members) => members.values_mut().for_each(drop_gaps),
        _ => {}
    }
}

fn labelled(value: &Value) -> bool {
    let labels = elements_of(value.get("meta").and_then(|meta| meta.get("security")));
    labels.iter().any(|label| label.get("code").and_then(Value::as_str) == Some(HTEST.1))
}

/// Declares the profile where none is declared (messaging.md 4.1) and labels test data (messaging.md 6).
pub(super) fn label(value: &mut Value, profile: Option<&str>, test: bool) {
    default(value, "meta", json!({}));
    let is_labelled = labelled(value);
    let Some(meta) = value.get_mut("meta") else { return };
    if let Some(profile) = profile {
        default(meta, "profile", json!([profile]));
    }
    if test && !is_labelled {
        let (system, code, display) = HTEST;
        default(meta, "security", json!([]));
        if let Some(labels) = meta.get_mut("security").and_then(Value::as_array_mut) {
            labels.push(json!({"system": system, "code": code, "display": display}));
        }
    }
    if meta.as_object().is_some_and(Map::is_empty)
        && let Some(members) = value.as_object_mut()
    {
        members.shift_remove("meta");
    }
}

/// Puts the members in the order of the specification.
pub(super) fn arrange(value: &mut Value) {
    let order = MEMBER_ORDER.iter().find(|(name, _)| *name == resource_type(value)).map_or(&[][..], |(_, order)| order);
    let Some(members) = value.as_object_mut() else { return };
    let mut old = std::mem::take(members);
    for name in ["resourceType", "id", "meta"].iter().chain(order) {
        if let Some(member) = old.shift_remove(*name) {
            members.insert((*name).to_owned(), member);
        }
    }
    members.extend(old);
}

/// Every reference resolves or carries an identifier (messaging.md 4.1, rule 4), and every entry is reached from the MessageHeader.
fn check_references(entries: &[Entry], issues: &mut Vec<Issue>) {
    let mut reached = vec![false; entries.len()];
    let mut todo = vec![0];
    while let Some(at) = todo.pop() {
        let (Some(entry), Some(mark)) = (entries.get(at), reached.get_mut(at)) else { continue };
        if std::mem::replace(mark, true) {
            continue;
        }
        let mut references = Vec::new();
        collect_references(&entry.value, &mut references);
        for text in references.iter().filter_map(|reference| reference.get("reference")?.as_str()) {
            todo.extend(entries.iter().position(|other| leads_to(text, other)));
        }
    }
    for (entry, reached) in entries.iter().zip(reached) {
        let kind = resource_type(&entry.value);
        if !reached {
            issues.push(finding(kind, "no reference leads to this resource"));
        }
        let mut references = Vec::new();
        collect_references(&entry.value, &mut references);
        for reference in references {
            let text = reference.get("reference").and_then(Value::as_str).unwrap_or_default();
            let known =
                text.starts_with('#') || reference.get("identifier").is_some() || entries.iter().any(|other| leads_to(text, other));
            if !known {
                issues.push(finding(kind, "a reference leads to no resource of the message and carries no identifier"));
            }
        }
    }
}

fn leads_to(text: &str, entry: &Entry) -> bool {
    let id = entry.value.get("id").and_then(Value::as_str).unwrap_or_default();
    text == entry.url || text == format!("{}/{id}", resource_type(&entry.value))
}

fn collect_references<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Object(members) => {
            if members.get("reference").is_some_and(Value::is_string) {
                found.push(value);
            }
            members.values().for_each(|member| collect_references(member, found));
        }
        _ => {}
    }
}
