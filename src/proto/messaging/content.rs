//! The referral content document (docs/schema/referral-content.json): what is known of a referral, and how a message adds to it.
//!
//! Partners resend the whole referral at every touch and echo what we sent. So what a message does not say stays, what is older than what
//! is known does not undo it (messaging.md 10.4), and elements of lists are known by what they are, never by where they stand.

use std::cmp::Ordering;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::changes;
use super::fields::field;
use super::groups::{Object, Reader, Said, identifier, own_identifiers};
use super::matching::{is_ended, matching};
use super::time;
use super::tracking::Drives;
use super::view::{View, resource_type, text};
use crate::error::{EREF_INVALID_JSON, Error, Result};
use crate::proto::fhir::tree::Node;
use crate::proto::guide::codes;
use crate::proto::guide::field::Home;
use crate::proto::guide::lifecycle;

/// Elements of one list that are kept; the oldest go first.
const MOST_ELEMENTS: usize = 128;

/// Identifiers of one referral that are told.
const MOST_IDENTIFIERS: usize = 64;

/// Characters of a communication that are kept: enough to know it again.
const TOLD: usize = 200;

/// A list of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Tasks,
    Appointments,
    Communications,
    Documents,
}

impl List {
    pub(super) const ALL: [List; 4] = [List::Tasks, List::Appointments, List::Communications, List::Documents];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Appointments => "appointments",
            Self::Communications => "communications",
            Self::Documents => "documents",
        }
    }
}

/// What is known of a referral, or what one message says of it.
#[derive(Clone, Debug, Default)]
pub struct Content {
    members: Map<String, Value>,
    /// Of a message: the elements in focus, by their place in their list.
    focus: Vec<(List, usize)>,
    /// Of a message: the ServiceRequest is in focus.
    request_in_focus: bool,
}

/// What is known after a message.
#[derive(Debug)]
pub struct Merged {
    /// What is known now.
    pub content: Content,
    /// All that is in focus is older than what was known; it changed nothing.
    pub outdated: bool,
    /// The message is about another person than the messages before.
    pub other_patient: bool,
}

impl Content {
    /// What a message says of its referral.
    pub fn of(said: &Said<'_>, event: &str) -> Self {
        let Said { reader, referral, patient, attachments } = said;
        let Reader { view, zone } = *reader;
        let mut content = Self { request_in_focus: view.in_focus("ServiceRequest"), ..Self::default() };
        content.members = Object::default()
            .put("last_event", Some(event))
            .put("last_message", reader.get(field!("message.id")))
            .put("referral", Some(referral.clone()))
            .put("patient", Some(patient.clone()))
            .0;
        content.put_list(List::Tasks, elements(*reader, "Task", Home::Task, Reader::task));
        content.put_list(List::Appointments, elements(*reader, "Appointment", Home::Appointment, Reader::appointment));
        content.put_list(List::Communications, elements(*reader, "Communication", Home::Communication, told));
        let documents = attachments.iter().take(MOST_ELEMENTS).enumerate();
        let documents = documents.map(|(index, described)| (false, document(*reader, index, described)));
        content.put_list(List::Documents, documents.collect());
        let times = [
            ("referral", Home::Request, true),
            ("patient", Home::Patient, true),
            ("requester", Home::RequesterRole, referral.contains_key("requester")),
            ("target", Home::TargetRole, referral.contains_key("target")),
        ];
        // A message says nothing of the time of what it does not have.
        let there = times
            .into_iter()
            .filter(|(name, home, told)| *told && (matches!(*name, "requester" | "target") || view.home(*home, 0).is_some()));
        let times = there.map(|(name, home, _)| (name.to_owned(), as_of(view, view.home(home, 0))));
        content.members.insert("as_of".to_owned(), Value::Object(times.collect()));
        content.settle(zone);
        content
    }

    /// Without the times after `latest` (RFC 3339), as if they had not been said.
    pub(super) fn said_until(mut self, latest: &str, zone: Option<&str>) -> Self {
        let is_late = |time: &Value| time.as_str().and_then(|time| time::order(time, latest, zone)) == Some(Ordering::Greater);
        let mut dropped = false;
        let mut keep = |times: &mut Value| {
            let Some(times) = times.as_object_mut() else { return };
            let before = times.len();
            times.retain(|_, time| !is_late(time));
            dropped |= times.len() < before;
        };
        for (name, member) in &mut self.members {
            match member {
                Value::Object(groups) if name == "as_of" => groups.values_mut().for_each(&mut keep),
                Value::Array(elements) => elements.iter_mut().filter_map(|element| element.get_mut("as_of")).for_each(&mut keep),
                _ => {}
            }
        }
        if dropped {
            self.settle(zone);
        }
        self
    }

    /// With the tasks of what we answer, which say nothing else that is new.
    pub(super) fn with_tasks(mut self, mut answer: Self, zone: Option<&str>) -> Self {
        merge_list(&mut self, &mut answer, List::Tasks, Drives { request: false, task: true }, zone);
        self.settle(zone);
        self
    }

    /// Reads a document that [`Content::document`] wrote. Errors: `EREF_INVALID_JSON`.
    pub fn read(document: &str) -> Result<Self> {
        let members = serde_json::from_str(document);
        let members = members.map_err(|_| Error::new(EREF_INVALID_JSON, "the stored content of the referral is not JSON"))?;
        Ok(Self { members, ..Self::default() })
    }

    /// The document as JSON.
    pub fn document(&self) -> String {
        serde_json::to_string(&self.members).unwrap_or_default()
    }

    /// A member by its dotted path, for comparing.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
        let member = self.members.get(head)?;
        rest.map_or(Some(member), |rest| rest.split('.').try_fold(member, |member, name| member.get(name)))
    }

    /// The elements of a list.
    pub(super) fn list(&self, list: List) -> &[Value] {
        self.members.get(list.name()).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn put_list(&mut self, list: List, elements: Vec<(bool, Value)>) {
        let in_focus = elements.iter().enumerate().filter(|(_, (focus, _))| *focus).map(|(index, _)| (list, index));
        self.focus.extend(in_focus.collect::<Vec<_>>());
        let elements: Vec<Value> = elements.into_iter().map(|(_, element)| element).collect();
        if !elements.is_empty() {
            self.members.insert(list.name().to_owned(), Value::Array(elements));
        }
    }

    fn take(&mut self, name: &str) -> Map<String, Value> {
        group(self.members.shift_remove(name))
    }

    /// Names the task and the appointment that count now, and puts the members in their order.
    fn settle(&mut self, zone: Option<&str>) {
        let counts = |element: &&Value| string(element, "status") != Some("entered-in-error");
        let is_work = |task: &&Value| !string(task, "code").is_some_and(codes::asks_for_information);
        let later = |one, other| if is_older(other, one, zone) { one } else { other };
        let task = self.list(List::Tasks).iter().filter(counts).filter(is_work).reduce(later).cloned();
        let appointment = next_appointment(self.list(List::Appointments), zone).filter(counts).cloned();
        for (name, element) in [("task", task), ("appointment", appointment)] {
            match element {
                Some(element) => self.members.insert(name.to_owned(), element),
                None => self.members.shift_remove(name),
            };
        }
        for (name, of_task) in
            [("task_status", "status"), ("task_status_text", "status_text"), ("business_status", "business_status")]
        {
            let told = self.members.get("task").and_then(|task| task.get(of_task)).cloned();
            let Some(referral) = self.members.get_mut("referral").and_then(Value::as_object_mut) else { continue };
            match told {
                Some(value) => referral.insert(name.to_owned(), value),
                None => referral.shift_remove(name),
            };
        }
        let mut old = std::mem::take(&mut self.members);
        self.members = ORDER.iter().filter_map(|name| old.shift_remove_entry(*name)).collect();
    }
}

/// The members of the document in the order in which they stand.
const ORDER: [&str; 11] = [
    "last_event",
    "last_message",
    "referral",
    "patient",
    "task",
    "appointment",
    "tasks",
    "appointments",
    "communications",
    "documents",
    "as_of",
];

/// Joins what a message says to what is known. Without an order of time between the two the message counts as the newer one, except that
/// it does not reopen a task that has ended (messaging.md 10.4). Of what the speaker does not decide, `drives`, only gaps are filled
/// (messaging.md 19). `zone` is the IANA name of the zone of dates without a time.
pub fn merge(known: Content, fresh: Content, drives: Drives, zone: Option<&str>) -> Merged {
    let (mut content, mut fresh) = (known, fresh);
    let Groups { request_is_old, other_patient } = merge_groups(&mut content, &mut fresh, drives, zone);
    let (mut in_focus, mut old_in_focus) = (usize::from(fresh.request_in_focus), 0);
    if fresh.request_in_focus && request_is_old {
        old_in_focus = 1;
    }
    for list in List::ALL {
        let old = merge_list(&mut content, &mut fresh, list, drives, zone);
        let focus = || fresh.focus.iter().filter(|(of, _)| *of == list);
        in_focus += focus().count();
        old_in_focus += focus().filter(|(_, index)| old.contains(index)).count();
    }
    for name in ["last_event", "last_message"] {
        if let Some(value) = fresh.members.shift_remove(name) {
            content.members.insert(name.to_owned(), value);
        }
    }
    content.settle(zone);
    Merged { content, outdated: in_focus > 0 && old_in_focus == in_focus, other_patient }
}

/// What came of merging the groups.
struct Groups {
    request_is_old: bool,
    other_patient: bool,
}

/// Merges request, patient, requester and target, each by its own time.
fn merge_groups(known: &mut Content, fresh: &mut Content, drives: Drives, zone: Option<&str>) -> Groups {
    // A correction is the clinic's word on data of the requester (messaging.md 12).
    let corrects = fresh.get("last_event").and_then(Value::as_str) == Some("notify-data-correction");
    let owns = drives.request || corrects;
    let (mut times, new_times) = (known.take("as_of"), fresh.take("as_of"));
    let is_old = |name: &str| order(new_times.get(name), times.get(name), zone) == Some(Ordering::Less);
    let (mut old, mut new) = (known.take("referral"), fresh.take("referral"));
    let people = ["requester", "target"].map(|name| {
        let (old, new) = (group(old.shift_remove(name)), group(new.shift_remove(name)));
        (name, if is_old(name) { old } else { person(old, new) })
    });
    let mut referral = Map::new();
    referral.insert("identifiers".to_owned(), union(old.shift_remove("identifiers"), new.shift_remove("identifiers")));
    let status = if drives.request { Map::new() } else { status_step(&old, &mut new) };
    let request = match (is_old("referral"), owns, fresh.request_in_focus) {
        (true, ..) => old,
        (false, false, _) => filled(old, new),
        // In focus the request is told whole; else it may be a part that travels along (messaging.md 4.2).
        (false, true, true) => new,
        (false, true, false) => overlaid(old, new),
    };
    referral.extend(if is_old("referral") { request } else { overlaid(request, status) });
    let people = people.into_iter().filter(|(_, members)| !members.is_empty());
    referral.extend(people.map(|(name, members)| (name.to_owned(), Value::Object(members))));
    let (patient, new_patient) = (known.take("patient"), fresh.take("patient"));
    let other_patient = !is_old("patient") && is_another_person(&patient, &new_patient);
    let patient = match other_patient {
        _ if is_old("patient") => patient,
        // Nothing of one person may stand beside another's.
        true if owns => new_patient,
        true => patient,
        false => overlaid(patient, new_patient),
    };
    let request_is_old = is_old("referral");
    let taken = |name: &str| match name {
        "referral" => owns || !times.contains_key(name),
        "patient" => owns || !other_patient,
        _ => true,
    };
    let newer = new_times.iter().filter(|(name, _)| !is_old(name) && taken(name));
    let newer: Vec<_> = newer.map(|(name, time)| (name.clone(), time.clone())).collect();
    times.extend(newer);
    for (name, members) in [("referral", referral), ("patient", patient), ("as_of", times)] {
        known.members.insert(name.to_owned(), Value::Object(members));
    }
    Groups { request_is_old, other_patient }
}

/// Takes the status of the request out of what is told by a side that does not decide it, and gives what of it counts: as for the state,
/// only a foreseen step (messaging.md 11.1), for it mostly repeats what it knows.
fn status_step(known: &Map<String, Value>, fresh: &mut Map<String, Value>) -> Map<String, Value> {
    const STATUS: [&str; 3] = ["status", "status_text", "status_reason"];
    let told: Map<String, Value> = STATUS.iter().filter_map(|name| fresh.shift_remove_entry(*name)).collect();
    let status = |members: &Map<String, Value>| members.get("status").and_then(Value::as_str).map(str::to_owned);
    let foreseen = status(&told).is_some_and(|to| lifecycle::request_may_go(status(known).as_deref(), &to));
    if foreseen {
        told
    } else {
        STATUS.iter().filter_map(|name| known.get_key_value(*name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Whether two patients are different people: another health number, or another name and another date of birth.
fn is_another_person(known: &Map<String, Value>, fresh: &Map<String, Value>) -> bool {
    let differs = |name: &str, plain: fn(&str) -> String| {
        let part =
            |patient: &Map<String, Value>| patient.get(name).and_then(Value::as_str).map(plain).filter(|text| !text.is_empty());
        part(known).zip(part(fresh)).is_some_and(|(one, other)| one != other)
    };
    differs("health_number", changes::digits) || differs("name", str::to_lowercase) && differs("birth_date", str::to_owned)
}

/// Merges a list and says which elements of the message were older than what was known.
fn merge_list(known: &mut Content, fresh: &mut Content, list: List, drives: Drives, zone: Option<&str>) -> Vec<usize> {
    let take = |content: &mut Content| match content.members.shift_remove(list.name()) {
        Some(Value::Array(elements)) => elements,
        _ => Vec::new(),
    };
    let (mut elements, new) = (take(known), take(fresh));
    let mut outdated = Vec::new();
    let in_focus: Vec<usize> = fresh.focus.iter().filter(|(of, _)| *of == list).map(|(_, index)| *index).collect();
    let places = matching(list, &elements, &new, &in_focus, zone);
    let nothing_known = elements.is_empty();
    for ((index, mut element), place) in new.into_iter().enumerate().zip(places) {
        match place.and_then(|place| elements.get_mut(place)) {
            Some(old) if undoes(list, old, &element, zone) => outdated.push(index),
            Some(old) => {
                let identifiers = union(old.get("identifiers").cloned(), element.get("identifiers").cloned());
                // A copy that travels along may be a part, and a cancellation need not repeat the booking (messaging.md 4.2, 12).
                let partly = !in_focus.contains(&index) || list == List::Appointments && is_ended(&element);
                let (known, told) = (group(Some(old.take())), group(Some(element.take())));
                let mut members = match (decides(list, &Value::Object(told.clone()), drives), partly) {
                    (false, _) => filled(known, told),
                    (true, true) => overlaid(known, told),
                    (true, false) => told,
                };
                if identifiers.as_array().is_some_and(|all| !all.is_empty()) {
                    members.insert("identifiers".to_owned(), identifiers);
                }
                *old = Value::Object(members);
            }
            None if nothing_known || decides(list, &element, drives) => elements.push(element),
            None => {}
        }
    }
    elements.drain(..elements.len().saturating_sub(MOST_ELEMENTS));
    if !elements.is_empty() {
        known.members.insert(list.name().to_owned(), Value::Array(elements));
    }
    outdated
}

/// Whether the speaker decides an element: of tasks and bookings the current Target. A question and its answer, a message and a document
/// are of whoever sends them.
fn decides(list: List, element: &Value, drives: Drives) -> bool {
    match list {
        List::Tasks => drives.task || string(element, "code").is_some_and(codes::asks_for_information),
        List::Appointments => drives.task,
        List::Communications | List::Documents => true,
    }
}

/// The appointment that counts: one that stands before one that is over, and of those that stand the next; times that had come when the
/// last message was written stand behind.
fn next_appointment<'v>(all: &'v [Value], zone: Option<&str>) -> Option<&'v Value> {
    let at = |element: &'v Value, path: &str| element.pointer(path).and_then(Value::as_str);
    let compare = |one: Option<&str>, other: Option<&str>| time::order(one?, other?, zone);
    let is_less = |one, other| compare(one, other) == Some(Ordering::Less);
    let last = all.iter().filter_map(|element| at(element, "/as_of/sent"));
    let last = last.reduce(|one, other| if is_less(Some(one), Some(other)) { other } else { one });
    let start = |element| at(element, "/start/value");
    let rank = |element| match (is_ended(element), is_less(start(element), last)) {
        (true, _) => (string(element, "status") == Some("entered-in-error"), 3),
        (false, true) => (false, 2),
        (false, false) => (false, u8::from(start(element).is_none())),
    };
    let better = |one: &'v Value, other: &'v Value| match rank(other).cmp(&rank(one)) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => match (rank(one), compare(start(other), start(one))) {
            ((_, 0), Some(order)) if order.is_ne() => order == Ordering::Less,
            ((_, 2), Some(order)) if order.is_ne() => order == Ordering::Greater,
            _ => !is_older(other, one, zone),
        },
    };
    all.iter().reduce(|one, other| if better(one, other) { other } else { one })
}

/// Whether an element of a message is older than what is known, or would reopen a task without being newer (messaging.md 10.4).
fn undoes(list: List, known: &Value, fresh: &Value, zone: Option<&str>) -> bool {
    let ended = |task: &Value| string(task, "status").is_some_and(|status| status != "entered-in-error" && codes::is_over(status));
    let reopens = list == List::Tasks && ended(known) && !ended(fresh);
    match order(fresh.get("as_of"), known.get("as_of"), zone) {
        Some(Ordering::Less) => true,
        Some(Ordering::Greater) => false,
        _ => reopens,
    }
}

/// What a message says of an element list of this type: whether each is in focus, and its members.
fn elements<'a>(reader: Reader<'a>, kind: &'static str, home: Home, read: fn(&Reader<'a>) -> Object) -> Vec<(bool, Value)> {
    let view = reader.view;
    let element = |entry: usize| {
        let resource = view.entry(entry)?;
        let members = read(&Reader { view: view.about(home, entry), ..reader })
            .put("id", text(resource, "id"))
            .put_list("identifiers", own_identifiers(resource))
            .put("as_of", Some(as_of(view, Some(resource))));
        Some((view.is_focus(entry), members.value()))
    };
    view.entries_of(kind, MOST_ELEMENTS).filter_map(element).collect()
}

/// A communication, of its text only what is needed to know it again.
fn told(reader: &Reader<'_>) -> Object {
    let mut members = reader.communication();
    let Some(texts) = members.0.get_mut("text").and_then(Value::as_array_mut) else { return members };
    let mut hash = None;
    if texts.iter().filter_map(Value::as_str).any(|text| text.chars().nth(TOLD).is_some()) {
        let whole = texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
        hash = Some(BASE64_STANDARD.encode(digest(&SHA256, whole.as_bytes())));
    }
    for text in texts {
        let told = text.as_str().unwrap_or_default();
        let cut = told.char_indices().nth(TOLD).and_then(|(at, _)| told.get(..at));
        *text = Value::String(cut.map_or_else(|| told.to_owned(), |cut| format!("{cut}…")));
    }
    members.put("text_hash", hash)
}

/// A document: what is told of its content, and by what the document is known that it stands in.
fn document(reader: Reader<'_>, index: usize, described: &Value) -> Value {
    let view = reader.view;
    let holder = view.home(Home::AttachmentHolders, index);
    let string = |name: &str| text(holder?, name);
    let withdrawn = [string("status"), string("docStatus")].contains(&Some("entered-in-error"));
    let status = string("status").filter(|_| holder.is_some_and(|holder| resource_type(holder) == "DocumentReference"));
    let mut identifiers = holder.map(own_identifiers).unwrap_or_default();
    identifiers.extend(holder.and_then(|holder| holder.get("masterIdentifier")).and_then(identifier));
    Object(group(Some(described.clone())))
        .put("id", string("id"))
        .put_list("identifiers", identifiers)
        .put("hash", reader.at(field!("attachment[].hash"), index))
        .put("status", if withdrawn { Some("entered-in-error") } else { status })
        .put("as_of", Some(as_of(view, None)))
        .value()
}

/// When a resource was as the message says: by its own word, and by the message's.
fn as_of(view: View<'_>, resource: Option<Node<'_>>) -> Value {
    let modified =
        resource.and_then(|resource| text(resource, "lastModified").or_else(|| text(resource.get("meta")?, "lastUpdated")));
    Object::default().put("modified", modified).put("sent", text(view.root(), "timestamp")).value()
}

/// Which of two states is the earlier one (messaging.md 10.4): by the resource's own time where both have one, then by the message's.
fn order(one: Option<&Value>, other: Option<&Value>, zone: Option<&str>) -> Option<Ordering> {
    let by = |name: &str| match (string(one?, name)?, string(other?, name)?) {
        (one, other) if one == other => Some(Ordering::Equal),
        (one, other) => time::order(one, other, zone),
    };
    by("modified").filter(|order| order.is_ne()).or_else(|| by("sent"))
}

fn is_older(one: &Value, other: &Value, zone: Option<&str>) -> bool {
    order(one.get("as_of"), other.get("as_of"), zone) == Some(Ordering::Less)
}

fn string<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn group(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// What is known, with what is told now in its place. The words of a code go with the code.
fn overlaid(mut known: Map<String, Value>, fresh: Map<String, Value>) -> Map<String, Value> {
    for name in fresh.keys() {
        known.shift_remove(&format!("{name}_text"));
    }
    known.extend(fresh);
    known
}

/// What is known, and of what is told now what was not known. The words of a code go with the code.
fn filled(mut known: Map<String, Value>, fresh: Map<String, Value>) -> Map<String, Value> {
    let is_gap = |known: &Map<String, Value>, name: &str| !known.contains_key(name.strip_suffix("_text").unwrap_or(name));
    let gaps: Vec<(String, Value)> = fresh.into_iter().filter(|(name, _)| is_gap(&known, name)).collect();
    known.extend(gaps);
    known
}

/// A requester or target: what is told is added, unless it is someone else now.
fn person(known: Map<String, Value>, fresh: Map<String, Value>) -> Map<String, Value> {
    let differs = |name: &str| known.get(name).zip(fresh.get(name)).is_some_and(|(one, other)| one != other);
    if ["listing", "licence", "name", "organization"].into_iter().any(differs) { fresh } else { overlaid(known, fresh) }
}

/// All elements of two lists, each once.
fn union(known: Option<Value>, fresh: Option<Value>) -> Value {
    let elements = |value: Option<Value>| match value {
        Some(Value::Array(elements)) => elements,
        _ => Vec::new(),
    };
    let mut all = elements(known);
    for element in elements(fresh) {
        if all.len() < MOST_IDENTIFIERS && !all.contains(&element) {
            all.push(element);
        }
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests;
