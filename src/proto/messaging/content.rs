//! The referral content document (docs/schema/referral-content.json): what is known of a referral, and how a message adds to it.
//!
//! Partners resend the whole referral at every touch and echo what we sent. So what a message does not say stays, what is older than what
//! is known does not undo it (messaging.md 10.4), and elements of lists are known by what they are, never by where they stand.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::fields::field;
use super::groups::{Object, Reader, Said, own_identifiers};
use super::matching::matching;
use super::time;
use super::view::{View, text};
use crate::error::{EREF_INVALID_JSON, Error, Result};
use crate::proto::fhir::tree::Node;
use crate::proto::guide::field::Home;

/// Elements of one list that are kept; the oldest go first.
const MOST_ELEMENTS: usize = 256;

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
        let sent = as_of(view, None);
        let document = |described: &Value| {
            let mut document = described.clone();
            if let Some(members) = document.as_object_mut() {
                members.insert("as_of".to_owned(), sent.clone());
            }
            document
        };
        let documents = attachments.iter().take(MOST_ELEMENTS).map(document);
        content.put_list(List::Documents, documents.map(|document| (false, document)).collect());
        let times = [
            ("referral", Home::Request),
            ("patient", Home::Patient),
            ("requester", Home::RequesterRole),
            ("target", Home::TargetRole),
        ];
        let times = times.map(|(name, home)| (name.to_owned(), as_of(view, view.home(home, 0))));
        content.members.insert("as_of".to_owned(), Value::Object(times.into_iter().collect()));
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
        merge_list(&mut self, &mut answer, List::Tasks, zone);
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

    /// Names the task and the appointment that count now, the latest that were not taken back, and puts the members in their order.
    fn settle(&mut self, zone: Option<&str>) {
        for (list, name) in [(List::Tasks, "task"), (List::Appointments, "appointment")] {
            let counts = |element: &&Value| element.get("status").and_then(Value::as_str) != Some("entered-in-error");
            let later = |one, other| if is_older(other, one, zone) { one } else { other };
            match self.list(list).iter().filter(counts).reduce(later).cloned() {
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
/// it does not reopen a task that has ended (messaging.md 10.4). `zone` is the IANA name of the zone of dates without a time.
pub fn merge(known: Content, fresh: Content, zone: Option<&str>) -> Merged {
    let (mut content, mut fresh) = (known, fresh);
    let request_is_old = merge_groups(&mut content, &mut fresh, zone);
    let (mut in_focus, mut old_in_focus) = (usize::from(fresh.request_in_focus), 0);
    if fresh.request_in_focus && request_is_old {
        old_in_focus = 1;
    }
    for list in List::ALL {
        let old = merge_list(&mut content, &mut fresh, list, zone);
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
    Merged { content, outdated: in_focus > 0 && old_in_focus == in_focus }
}

/// Merges request, patient, requester and target, each by its own time. True when the request was older than what was known.
fn merge_groups(known: &mut Content, fresh: &mut Content, zone: Option<&str>) -> bool {
    let (mut times, new_times) = (known.take("as_of"), fresh.take("as_of"));
    let is_old = |name: &str| order(new_times.get(name), times.get(name), zone) == Some(Ordering::Less);
    let (mut old, mut new) = (known.take("referral"), fresh.take("referral"));
    let people = ["requester", "target"].map(|name| {
        let (old, new) = (group(old.shift_remove(name)), group(new.shift_remove(name)));
        (name, if is_old(name) { old } else { person(old, new) })
    });
    let mut referral = Map::new();
    referral.insert("identifiers".to_owned(), union(old.shift_remove("identifiers"), new.shift_remove("identifiers")));
    referral.extend(match (is_old("referral"), fresh.request_in_focus) {
        (true, _) => old,
        // In focus the request is told whole; else it may be a part that travels along (messaging.md 4.2).
        (false, true) => new,
        (false, false) => overlaid(old, new),
    });
    let people = people.into_iter().filter(|(_, members)| !members.is_empty());
    referral.extend(people.map(|(name, members)| (name.to_owned(), Value::Object(members))));
    let patient = known.take("patient");
    let patient = if is_old("patient") { patient } else { overlaid(patient, fresh.take("patient")) };
    let request_is_old = is_old("referral");
    let newer: Vec<_> =
        new_times.iter().filter(|(name, _)| !is_old(name)).map(|(name, time)| (name.clone(), time.clone())).collect();
    times.extend(newer);
    for (name, members) in [("referral", referral), ("patient", patient), ("as_of", times)] {
        known.members.insert(name.to_owned(), Value::Object(members));
    }
    request_is_old
}

/// Merges a list and says which elements of the message were older than what was known.
fn merge_list(known: &mut Content, fresh: &mut Content, list: List, zone: Option<&str>) -> Vec<usize> {
    let take = |content: &mut Content| match content.members.shift_remove(list.name()) {
        Some(Value::Array(elements)) => elements,
        _ => Vec::new(),
    };
    let (mut elements, new) = (take(known), take(fresh));
    let mut outdated = Vec::new();
    let places = matching(list, &elements, &new, zone);
    for ((index, mut element), place) in new.into_iter().enumerate().zip(places) {
        match place.and_then(|place| elements.get_mut(place)) {
            Some(old) if undoes(list, old, &element, zone) => outdated.push(index),
            Some(old) => {
                let identifiers = union(old.get("identifiers").cloned(), element.get("identifiers").cloned());
                if let Some(members) = element.as_object_mut().filter(|_| identifiers.as_array().is_some_and(|all| !all.is_empty()))
                {
                    members.insert("identifiers".to_owned(), identifiers);
                }
                *old = element;
            }
            None => elements.push(element),
        }
    }
    elements.drain(..elements.len().saturating_sub(MOST_ELEMENTS));
    if !elements.is_empty() {
        known.members.insert(list.name().to_owned(), Value::Array(elements));
    }
    outdated
}

/// Whether an element of a message is older than what is known, or would reopen a task without being newer (messaging.md 10.4).
fn undoes(list: List, known: &Value, fresh: &Value, zone: Option<&str>) -> bool {
    // The states that end a task (messaging.md 11.2).
    let ended = |task: &Value| matches!(string(task, "status"), Some("completed" | "cancelled" | "failed" | "rejected"));
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
    for text in members.0.get_mut("text").and_then(Value::as_array_mut).into_iter().flatten() {
        *text = Value::String(text.as_str().unwrap_or_default().chars().take(TOLD).collect());
    }
    members
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
        if !all.contains(&element) {
            all.push(element);
        }
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests;
