//! The process-request Task of an answer, with what a Task message holds (messaging.md 4.2): the ServiceRequest, the Patient and the roles
//! are copied from the request. Documents are not sent back; references to what stays out are taken out too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Parts, Reply, timestamp};
use crate::proto::fhir::reference::{Reference, bare_uuid, resolve};
use crate::proto::messaging::assemble::{arrange, own_task};
use crate::proto::messaging::envelope::{Located, Text};
use crate::proto::messaging::message::Message;
use crate::proto::messaging::path::elements_of;
use crate::proto::store::Identifier;

/// What is copied besides the ServiceRequest in focus.
const COPIED: [&str; 6] = ["Patient", "PractitionerRole", "Practitioner", "Organization", "Location", "HealthcareService"];
/// Most resources and bytes copied, and references followed. A referral has some twenty of them; a larger one is answered without a Task.
const MOST_COPIES: usize = 64;
const MOST_BYTES: usize = 1 << 20;
const MOST_REFERENCES: usize = 512;

/// One Task for each ServiceRequest in focus. `None` when the request lacks what a Task message must hold, or holds too much of it.
pub(super) fn parts(reply: &Reply<'_>, status: &str) -> Option<Parts> {
    let mut copies = Copies::new(reply);
    let requests = copies.foci()?;
    for index in &requests {
        copies.take(*index)?;
    }
    copies.tidy();
    let tasks: Option<Vec<(String, Value)>> = requests.iter().map(|index| task(reply, &copies, *index, status)).collect();
    let tasks = tasks?;
    let first = copies.value(*requests.first()?)?;
    let (author, receiver) = (elements_of(first.get("performer")).first().cloned(), first.get("requester").cloned());
    let focus = tasks.iter().map(|(url, _)| json!({"reference": url})).collect();
    let mut entries = tasks;
    for (index, mut value) in copies.values {
        reply.label(&mut value, None);
        entries.push((copies.urls.get(&index)?.clone(), value));
    }
    Some(Parts { entries, focus, author, receiver })
}

/// The Task of one ServiceRequest (messaging.md 5.2). Every further message about it carries the same identifier.
fn task(reply: &Reply<'_>, copies: &Copies<'_>, index: usize, status: &str) -> Option<(String, Value)> {
    let request = copies.value(index)?;
    let identifier = elements_of(request.get("identifier")).iter().find_map(|identifier| {
        let part = |name: &str| identifier.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Identifier { system: part("system")?.to_owned(), value: part("value")?.to_owned() })
    });
    let mut based_on = json!({"reference": copies.urls.get(&index)?});
    let id = reply.uuid();
    let mut task = json!({"resourceType": "Task", "id": id});
    let fixed = reply.dialect?.resource("Task").and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    task.as_object_mut()?.extend(fixed.unwrap_or_default());
    if let Some(identifier) = identifier {
        based_on["identifier"] = json!({"use": "official", "system": identifier.system, "value": identifier.value});
        let own = own_task(&reply.settings.fhir_base(), &identifier);
        task["identifier"] = json!([{"system": own.system, "value": own.value}]);
    }
    let now = timestamp(reply.ctx.now());
    task["basedOn"] = json!([based_on]);
    task["status"] = json!(status);
    task["authoredOn"] = json!(now);
    task["lastModified"] = json!(now);
    task["for"] = request.get("subject")?.clone();
    for (member, value) in [("requester", request.get("requester")), ("owner", elements_of(request.get("performer")).first())] {
        if let Some(value) = value {
            task[member] = value.clone();
        }
    }
    reply.label(&mut task, reply.profile("Task"));
    arrange(&mut task);
    Some((format!("urn:uuid:{id}"), task))
}

/// Resources of the request that are sent back, by their place in it.
struct Copies<'m> {
    reply: &'m Reply<'m>,
    message: &'m Message,
    located: Vec<Located<'m>>,
    values: Vec<(usize, Value)>,
    urls: BTreeMap<usize, String>,
    bytes: usize,
    references: usize,
}

impl<'m> Copies<'m> {
    fn new(reply: &'m Reply<'m>) -> Self {
        let message = reply.taken.message;
        let located = message.located().collect();
        Self { reply, message, located, values: Vec::new(), urls: BTreeMap::new(), bytes: 0, references: 0 }
    }

    /// The ServiceRequests in focus; `None` when there are others.
    fn foci(&self) -> Option<Vec<usize>> {
        let foci = self.message.header().focus.iter().map(|focus| resolve(focus.target(), &self.located));
        foci.map(|focus| focus.filter(|index| self.is_a(*index, "ServiceRequest"))).collect()
    }

    fn is_a(&self, index: usize, name: &str) -> bool {
        let entry = self.message.envelope().entries.get(index);
        entry.and_then(|entry| entry.resource_type.as_ref()).is_some_and(|kind| kind.of(self.text()) == name)
    }

    fn text(&self) -> &'m str {
        self.located.first().map_or("", |first| first.document)
    }

    fn value(&self, index: usize) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == index).map(|(_, value)| value)
    }

    /// Copies a resource and what it leads to.
    fn take(&mut self, index: usize) -> Option<()> {
        let mut todo = vec![index];
        while let Some(index) = todo.pop() {
            if self.urls.contains_key(&index) {
                continue;
            }
            let entry = self.message.envelope().entries.get(index)?;
            let raw = self.text().get(entry.resource.clone())?;
            self.bytes += raw.len();
            if self.values.len() >= MOST_COPIES || self.bytes > MOST_BYTES {
                return None;
            }
            let value: Value = serde_json::from_str(raw).ok()?;
            let text = |text: &'m Option<Text>| text.as_ref().map(|text| text.of(self.text()));
            let url = address(text(&entry.full_url), text(&entry.id));
            self.urls.insert(index, url.unwrap_or_else(|| format!("urn:uuid:{}", self.reply.uuid())));
            let mut references = Vec::new();
            references_in(&value, &mut references);
            self.references += references.len();
            if self.references > MOST_REFERENCES {
                return None;
            }
            let targets = references.iter().filter_map(|reference| resolve(target(reference), &self.located));
            todo.extend(targets.filter(|index| COPIED.iter().any(|name| self.is_a(*index, name))));
            self.values.push((index, value));
        }
        Some(())
    }

    /// Every reference leads to an entry of the answer, or says by identifier what it means (messaging.md 4.1, rule 4).
    fn tidy(&mut self) {
        let mut values = std::mem::take(&mut self.values);
        for (_, value) in &mut values {
            self.tidy_one(value);
        }
        self.values = values;
    }

    /// False when there is nothing left of the value.
    fn tidy_one(&self, value: &mut Value) -> bool {
        match value {
            Value::Array(items) => {
                items.retain_mut(|item| self.tidy_one(item));
                !items.is_empty()
            }
            Value::Object(_) if is_reference(value) => self.put_right(value),
            Value::Object(members) => {
                members.retain(|_, member| self.tidy_one(member));
                !members.is_empty()
            }
            _ => true,
        }
    }

    fn put_right(&self, reference: &mut Value) -> bool {
        let Some(index) = resolve(target(reference), &self.located) else { return true };
        let Some(members) = reference.as_object_mut() else { return true };
        match self.urls.get(&index) {
            Some(url) => drop(members.insert("reference".to_owned(), json!(url))),
            None => drop(members.shift_remove("reference")),
        }
        members.contains_key("reference") || members.contains_key("identifier")
    }
}

/// The fullUrl under which an entry is sent back: its own, or one made of its UUID, if it has any (messaging.md 4.1, rule 1).
fn address(full_url: Option<&str>, id: Option<&str>) -> Option<String> {
    let own = full_url.filter(|url| url.contains(':'));
    let uuid = || full_url.and_then(bare_uuid).or_else(|| id.and_then(bare_uuid)).map(|uuid| format!("urn:uuid:{uuid}"));
    own.map(str::to_owned).or_else(uuid)
}

fn is_reference(value: &Value) -> bool {
    value.get("reference").is_some_and(Value::is_string)
}

fn target(reference: &Value) -> Reference<'_> {
    let text = |name: &str| reference.get(name).and_then(Value::as_str);
    let part = |name: &str| reference.get("identifier")?.get(name)?.as_str();
    Reference { reference: text("reference"), kind: text("type"), system: part("system"), value: part("value") }
}

fn references_in<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references_in(item, found)),
        Value::Object(members) => {
            if is_reference(value) {
                found.push(value);
            }
            members.values().for_each(|member| references_in(member, found));
        }
        _ => {}
    }
}
