//! Puts a draft's Bundle together: what is known of the referral, the host's resources and fields, the references between them, labels and
//! order (messaging.md 4).

mod finish;
mod link;

use std::collections::BTreeMap;

use ring::digest;
use serde_json::{Map, Value, json};

use self::finish::{address, drop_gaps, keep_reached, labelled};
pub(super) use self::finish::{arrange, keys_in, label};
use super::compose::{Draft, finding};
use super::known::{CONTENT, Known, part_key, same_identifier};
use super::path::{self, resource_type};
use super::time;
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::dialects::{OWN_REFERRAL, OWN_TASK};
use crate::proto::guide::field::{Field, Home, Kind};
use crate::proto::guide::fields_table::FIELDS;
use crate::proto::store::{Identifier, Millis, ServedFile};

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
    served: Vec<ServedFile>,
}

/// The Bundle of a draft, the files it names that are fetched from us, and what is wrong with it.
pub(super) fn bundle(draft: &Draft, now: Millis, random: &dyn Fn() -> [u8; 32]) -> (Value, Vec<ServedFile>, Vec<Issue>) {
    let mut issues = Vec::new();
    let mut assembly = Assembly::new(draft, now, random);
    assembly.take_host_resources();
    assembly.take_known();
    assembly.write_fields(&mut issues);
    assembly.add_attachments();
    let served = std::mem::take(&mut assembly.served);
    (assembly.bundle(&mut issues), served, issues)
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
            served: Vec::new(),
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
        // Moved: `json!` would write and read each resource once more.
        let moved = |Entry { url, value, .. }| Map::from_iter([("fullUrl".to_owned(), json!(url)), ("resource".to_owned(), value)]);
        let entry = entries.into_iter().map(|entry| Value::Object(moved(entry))).collect();
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

/// The identifier of our process-request Task of a referral, below our FHIR base: it follows from the referral's own identifier, so that
/// the Task in an answer and those in later messages are the same one.
pub(super) fn own_task(base: &str, referral: &Identifier) -> Identifier {
    let name = format!("{base}|{}|{}", referral.system, referral.value);
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    Identifier { system: format!("{base}{OWN_TASK}"), value: uuid::Builder::from_sha1_bytes(bytes).into_uuid().to_string() }
}
