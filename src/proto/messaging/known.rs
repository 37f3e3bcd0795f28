//! What both sides know of a referral, as FHIR resources: the content with which an update begins (messaging.md 12, "full current
//! content"), beyond the plain fields too.
//!
//! Resources name each other by keys that outlive their messages: one for each part of the referral, one for each other resource.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::assemble::keys_in;
use super::path::{elements_of, resource_type};
use super::view::{View, text};
use crate::error::Result;
use crate::proto::fhir::tree::{Kind, Node};
use crate::proto::guide::events::{self, Direction};
use crate::proto::guide::field::Home;
use crate::proto::store::normalised;

/// What keys begin with.
const KEY: &str = "known:";

/// The most earlier bookings, and the most earlier communications, that are kept.
const MOST: usize = 200;

/// The parts of the referral itself. The requester's side decides about them (messaging.md 19).
pub(super) const CONTENT: [Home; 10] = [
    Home::Request,
    Home::Patient,
    Home::RequesterRole,
    Home::Requester,
    Home::RequesterOrganization,
    Home::RequesterLocation,
    Home::TargetRole,
    Home::Target,
    Home::TargetOrganization,
    Home::TargetLocation,
];

/// What is known of a referral, gathered from its messages in their order.
#[derive(Default)]
pub struct Known {
    messages: usize,
    /// The parts of the referral.
    parts: BTreeMap<Home, Value>,
    /// All other resources of the messages, by key.
    others: BTreeMap<String, Value>,
    task: Option<Value>,
    /// The keys of bookings and communications, oldest first.
    appointments: Vec<String>,
    communications: Vec<String>,
}

/// The key of a part.
pub(super) fn part_key(home: Home) -> String {
    format!("{KEY}{home:?}")
}

impl Known {
    /// Whether no message was added that has a ServiceRequest.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds a message of the referral, received or sent, later than those before. Errors: memory.
    pub fn add(&mut self, view: View<'_>, event: &str) -> Result<()> {
        self.messages += 1;
        let by_source = events::info(event).is_some_and(|info| info.direction == Direction::SourceToTarget);
        let news = view.in_focus("ServiceRequest") && by_source;
        let keys = self.keys(view);
        let replaces = self.parts.is_empty() || news;
        let earlier = replaces.then(|| std::mem::take(&mut self.parts));
        for (index, resource) in view.resources().enumerate().skip(1) {
            let Some(key) = keys.get(index) else { break };
            let mut value = taken(view, resource, &keys);
            if let Some(meta) = value.get_mut("meta").and_then(Value::as_object_mut) {
                // Profile and labels are those of the message that is composed.
                meta.clear();
            }
            match CONTENT.into_iter().find(|home| part_key(*home) == *key) {
                Some(home) if replaces => drop(self.parts.insert(home, value)),
                Some(_) => {}
                None => drop(self.others.insert(key.clone(), value)),
            }
        }
        let earlier = earlier.as_ref().and_then(|parts| parts.get(&Home::Request));
        self.join_identifiers(earlier.cloned().or_else(|| view.home(Home::Request, 0).map(|node| taken(view, node, &keys))));
        self.keep(view, &keys);
        self.forget();
        Ok(())
    }

    /// The key of each entry: that of its part, else one of its own.
    fn keys(&self, view: View<'_>) -> Vec<String> {
        let own = |index: usize| format!("{KEY}{}.{index}", self.messages);
        let mut keys: Vec<String> = (0..view.resources().count()).map(own).collect();
        for home in CONTENT {
            if let Some(key) = view.part(home).and_then(|index| keys.get_mut(index)) {
                *key = part_key(home);
            }
        }
        keys
    }

    /// Both sides number the referral; all numbers go on (messaging.md 10.5).
    fn join_identifiers(&mut self, other: Option<Value>) {
        let Some(request) = self.parts.get_mut(&Home::Request) else { return };
        let mut own = elements_of(request.get("identifier")).to_vec();
        for identifier in elements_of(other.as_ref().and_then(|other| other.get("identifier"))) {
            if own.iter().all(|one| !same_identifier(one, identifier)) {
                own.push(identifier.clone());
            }
        }
        if !own.is_empty() {
            request["identifier"] = Value::Array(own);
        }
    }

    /// Remembers which of the others are the work, the bookings and the letters.
    fn keep(&mut self, view: View<'_>, keys: &[String]) {
        let in_focus = keys.iter().enumerate().filter(|(index, _)| view.is_focus(*index));
        for (_, key) in in_focus {
            let Some(value) = self.others.get(key) else { continue };
            match resource_type(value) {
                "Task" if !is_question(value) => self.task = Some(value.clone()),
                "Appointment" => remember(&mut self.appointments, key),
                "Communication" => remember(&mut self.communications, key),
                _ => {}
            }
        }
    }

    /// Lets go of what nothing leads to any more: documents of earlier contents above all.
    fn forget(&mut self) {
        let mut todo: Vec<String> = self.appointments.iter().chain(&self.communications).cloned().collect();
        self.parts.values().chain(&self.task).for_each(|value| keys_in(value, &mut todo));
        let mut kept = BTreeMap::new();
        while let Some(key) = todo.pop() {
            if let Some(value) = self.others.remove(&key) {
                keys_in(&value, &mut todo);
                kept.insert(key, value);
            }
        }
        self.others = kept;
    }

    /// The parts of the referral.
    pub(super) fn parts(&self) -> &BTreeMap<Home, Value> {
        &self.parts
    }

    /// The other resources, by key.
    pub(super) fn others(&self) -> &BTreeMap<String, Value> {
        &self.others
    }

    /// The identifiers of the referral.
    pub(super) fn identifiers(&self) -> &[Value] {
        elements_of(self.parts.get(&Home::Request).and_then(|request| request.get("identifier")))
    }

    /// What the Task began with: who it is and when it was made. Its state is told anew each time.
    pub(super) fn task(&self) -> Option<Value> {
        let task = self.task.as_ref()?;
        let mut begun = Map::new();
        for name in ["resourceType", "id", "identifier", "code", "authoredOn", "description"] {
            if let Some(value) = task.get(name) {
                begun.insert(name.to_owned(), value.clone());
            }
        }
        Some(Value::Object(begun))
    }

    /// The booking of this number, or the last one where no number is given.
    pub(super) fn appointment(&self, number: Option<&str>) -> Option<&Value> {
        let mut all = self.appointments.iter().rev().filter_map(|key| self.others.get(key));
        match number {
            Some(number) => all.find(|value| numbers(value).any(|own| own == number)),
            None => all.next(),
        }
    }

    /// The key of the communication of this number.
    pub(super) fn communication(&self, system: Option<&str>, number: &str) -> Option<&str> {
        let is_it = |value: &Value| {
            elements_of(value.get("identifier")).iter().any(|own| {
                let same_system = system.is_none_or(|system| own.get("system").and_then(Value::as_str) == Some(system));
                same_system && own.get("value").and_then(Value::as_str) == Some(number)
            })
        };
        let found = self.communications.iter().rev().find(|key| self.others.get(*key).is_some_and(is_it));
        found.map(String::as_str)
    }
}

fn remember(list: &mut Vec<String>, key: &str) {
    if list.len() == MOST {
        list.remove(0);
    }
    list.push(key.to_owned());
}

fn numbers(value: &Value) -> impl Iterator<Item = &str> {
    elements_of(value.get("identifier")).iter().filter_map(|own| own.get("value")?.as_str())
}

/// A Task that asks for information is beside the one that carries the state (messaging.md 3.1).
fn is_question(task: &Value) -> bool {
    let codes = task.get("code").and_then(|code| code.get("coding"));
    elements_of(codes)
        .iter()
        .any(|coding| coding.get("code").and_then(Value::as_str).is_some_and(|code| code.starts_with("request-for-information")))
}

/// Whether two identifiers are the same, however their systems are spelled.
pub(super) fn same_identifier(one: &Value, other: &Value) -> bool {
    let normal = |value: &Value| {
        let part = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
        normalised(part("system"), part("value"))
    };
    normal(one) == normal(other)
}

/// A copy in which references within the message lead to keys.
fn taken(view: View<'_>, node: Node<'_>, keys: &[String]) -> Value {
    match node.kind() {
        Kind::Object => {
            let key = text(node, "reference").and_then(|_| keys.get(view.resolved(node)?));
            let member = |(name, value): (&str, Node<'_>)| match key {
                Some(key) if name == "reference" => (name.to_owned(), json!(key)),
                _ => (name.to_owned(), taken(view, value, keys)),
            };
            Value::Object(node.members().map(member).collect())
        }
        Kind::Array => Value::Array(node.items().map(|item| taken(view, item, keys)).collect()),
        _ => serde_json::from_str(node.raw()).unwrap_or_default(),
    }
}

/// Whether a reference is a key.
pub(super) fn is_key(reference: &str) -> bool {
    reference.starts_with(KEY)
}
