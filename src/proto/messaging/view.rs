//! A message made navigable: its resources as values, and who is who among them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::error::{EREF_INVALID_JSON, Error, Result};
use crate::proto::fhir::reference::{Reference, Target, resolve};
use crate::proto::guide::dialects::HTEST;
use crate::proto::guide::fields_table::Home;

/// Identifiers of a resource that a reference is compared with.
const MOST_IDENTIFIERS: usize = 64;

/// References looked at in one element: a list of hundreds leads nowhere that a message needs.
const MOST_REFERENCES: usize = 16;

/// The parts resources play, each after those it is found through.
const PARTS: [Home; 16] = [
    Home::Focus,
    Home::Request,
    Home::Task,
    Home::Appointment,
    Home::Communication,
    Home::Patient,
    Home::RequesterRole,
    Home::Requester,
    Home::RequesterOrganization,
    Home::RequesterLocation,
    Home::TargetRole,
    Home::Target,
    Home::TargetOrganization,
    Home::TargetLocation,
    Home::User,
    Home::AppointmentLocation,
];

/// The resources of one message. The contents of attachments are left out; their sizes stay.
pub struct View {
    resources: Vec<Entry>,
    envelope: Value,
    attachments: Value,
    /// The resources in focus, by index.
    focus: Vec<usize>,
    /// Who plays which part, by index.
    parts: BTreeMap<Home, usize>,
}

struct Entry {
    full_url: Option<String>,
    value: Value,
}

impl Target for Entry {
    fn full_url(&self) -> Option<&str> {
        self.full_url.as_deref()
    }
    fn resource_type(&self) -> &str {
        resource_type(&self.value)
    }
    fn id(&self) -> Option<&str> {
        text(&self.value, "id")
    }
    fn has_identifier(&self, system: Option<&str>, value: &str) -> bool {
        let same = |own: &Value| text(own, "value") == Some(value) && (system.is_none() || text(own, "system") == system);
        list(self.value.get("identifier")).iter().take(MOST_IDENTIFIERS).any(same)
    }
}

impl View {
    /// Takes the resources in entry order, each with its `fullUrl`; the first is the MessageHeader.
    pub fn new(resources: Vec<(Option<&str>, &str)>) -> Result<Self> {
        let mut attachments = Vec::new();
        let mut entries = Vec::with_capacity(resources.len());
        for (index, (full_url, resource)) in resources.into_iter().enumerate() {
            let mut value: Value = serde_json::from_str(resource)
                .map_err(|error| Error::new(EREF_INVALID_JSON, format!("Bundle.entry[{index}].resource is not JSON: {error}")))?;
            take_attachments(&mut value, &mut attachments);
            entries.push(Entry { full_url: full_url.map(str::to_owned), value });
        }
        let attachments = Value::Array(attachments);
        let mut view = Self { resources: entries, envelope: json!({}), attachments, focus: Vec::new(), parts: BTreeMap::new() };
        view.assign();
        Ok(view)
    }

    /// Adds what stands around the entries, for `message.bundle_id` and `message.timestamp`.
    pub fn with_envelope(mut self, bundle_id: &str, timestamp: &str) -> Self {
        self.envelope = json!({"id": bundle_id, "timestamp": timestamp});
        self
    }

    /// The MessageHeader.
    pub fn header(&self) -> &Value {
        self.resources.first().map_or(&Value::Null, |entry| &entry.value)
    }

    /// The attachments, each as an object like FHIR's Attachment without `data`, with the `size` of what the
    /// message carries.
    pub fn attachments(&self) -> &[Value] {
        self.attachments.as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether any resource is labelled as test data (messaging.md 6).
    pub fn is_test(&self) -> bool {
        let labelled = |entry: &Entry| {
            let labels = list(entry.value.get("meta").and_then(|meta| meta.get("security")));
            labels.iter().any(|label| label.get("code").and_then(Value::as_str) == Some(HTEST.1))
        };
        self.resources.iter().any(labelled)
    }

    /// The resources in focus, in their order.
    pub fn focus(&self) -> Vec<&Value> {
        self.focus.iter().filter_map(|index| self.value(*index)).collect()
    }

    /// The resource that plays this part in the message.
    pub fn home(&self, home: Home) -> Option<&Value> {
        match home {
            Home::Envelope => Some(&self.envelope),
            Home::Header => Some(self.header()),
            Home::Attachments => Some(&self.attachments),
            part => self.value(self.part(part)?),
        }
    }

    /// The resource of this message that a Reference leads to.
    pub fn follow_reference(&self, reference: &Value) -> Option<&Value> {
        self.value(self.resolve(reference)?)
    }

    fn value(&self, index: usize) -> Option<&Value> {
        self.resources.get(index).map(|entry| &entry.value)
    }

    /// The index of the resource that plays this part, as far as it is known by now.
    fn part(&self, home: Home) -> Option<usize> {
        self.parts.get(&home).copied()
    }

    /// Finds who plays which part, once: fields are read many times.
    fn assign(&mut self) {
        self.focus = self.followed(0, "focus").collect();
        for part in PARTS {
            if let Some(index) = self.find(part) {
                self.parts.insert(part, index);
            }
        }
    }

    fn is_a(&self, index: usize, name: &str) -> bool {
        self.resources.get(index).is_some_and(|entry| entry.resource_type() == name)
    }

    /// The resource a Reference leads to.
    fn resolve(&self, reference: &Value) -> Option<usize> {
        let identifier = reference.get("identifier").unwrap_or(&Value::Null);
        let wanted = Reference {
            reference: text(reference, "reference"),
            kind: text(reference, "type"),
            system: text(identifier, "system"),
            value: text(identifier, "value"),
        };
        resolve(wanted, &self.resources)
    }

    /// Where the References of a member lead.
    fn followed<'v>(&'v self, from: usize, member: &'v str) -> impl Iterator<Item = usize> + 'v {
        let references = list(self.value(from).and_then(|value| value.get(member)));
        references.iter().take(MOST_REFERENCES).filter_map(|reference| self.resolve(reference))
    }

    fn follow(&self, from: Option<usize>, member: &str) -> Option<usize> {
        self.followed(from?, member).next()
    }

    /// The resource of this type that the message is about: the one in focus, else the first in the message.
    fn subject_of_type(&self, name: &str) -> Option<usize> {
        let in_focus = self.focus.iter().copied().find(|index| self.is_a(*index, name));
        in_focus.or_else(|| (0..self.resources.len()).find(|index| self.is_a(*index, name)))
    }

    /// The ServiceRequest: in focus, else what the focus is based on, else the first (messaging.md 10.5).
    fn request(&self) -> Option<usize> {
        let is_request = |index: &usize| self.is_a(*index, "ServiceRequest");
        let based_on = || self.focus.iter().flat_map(|index| self.followed(*index, "basedOn")).next().filter(is_request);
        let in_focus = self.focus.iter().copied().find(is_request);
        in_focus.or_else(based_on).or_else(|| self.subject_of_type("ServiceRequest"))
    }

    /// What a role points at, or the resource itself when it stands directly in the role's place.
    fn of_role(&self, role: Option<usize>, member: &str, wanted: &str) -> Option<usize> {
        let role = role?;
        if self.is_a(role, wanted) { Some(role) } else { self.follow(Some(role), member) }
    }

    fn patient(&self) -> Option<usize> {
        let is_patient = |index: &usize| self.is_a(*index, "Patient");
        let by_request = self.follow(self.part(Home::Request), "subject").filter(is_patient);
        by_request
            .or_else(|| self.follow(self.focus.first().copied(), "for").filter(is_patient))
            .or_else(|| self.subject_of_type("Patient"))
    }

    /// The performer's role: whom the request names, else who owns the task, else whom the message is for.
    fn target(&self) -> Option<usize> {
        let receiver = || self.resolve(self.header().get("destination")?.get(0)?.get("receiver")?);
        self.follow(self.part(Home::Request), "performer").or_else(|| self.follow(self.part(Home::Task), "owner")).or_else(receiver)
    }

    fn appointment_location(&self) -> Option<usize> {
        let appointment = self.value(self.part(Home::Appointment)?)?;
        let participants = list(appointment.get("participant")).iter().take(MOST_REFERENCES);
        let mut actors = participants.filter_map(|participant| self.resolve(participant.get("actor")?));
        actors.find(|index| self.is_a(*index, "Location"))
    }

    fn find(&self, home: Home) -> Option<usize> {
        let requester = self.part(Home::RequesterRole);
        let target = self.part(Home::TargetRole);
        match home {
            Home::Envelope | Home::Header | Home::Attachments => None,
            Home::Focus => self.focus.first().copied(),
            Home::Request => self.request(),
            Home::Patient => self.patient(),
            Home::Task | Home::Appointment | Home::Communication => self.subject_of_type(home.resource_type()?),
            Home::RequesterRole => {
                self.follow(self.part(Home::Request), "requester").or_else(|| self.follow(self.part(Home::Task), "requester"))
            }
            Home::Requester => self.of_role(requester, "practitioner", "Practitioner"),
            Home::RequesterOrganization => self.of_role(requester, "organization", "Organization"),
            Home::RequesterLocation => self.of_role(requester, "location", "Location"),
            Home::TargetRole => self.target(),
            Home::Target => self.of_role(target, "practitioner", "Practitioner"),
            Home::TargetOrganization => self.of_role(target, "organization", "Organization"),
            Home::TargetLocation => self.of_role(target, "location", "Location"),
            Home::User => ["enterer", "author"]
                .into_iter()
                .find_map(|member| self.of_role(self.follow(Some(0), member), "practitioner", "Practitioner")),
            Home::AppointmentLocation => self.appointment_location(),
        }
    }
}

/// The type of a resource, empty when it does not say.
pub fn resource_type(value: &Value) -> &str {
    value.get("resourceType").and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a list; a single value where a list belongs counts as a list of one.
pub fn list(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        Some(Value::Null) | None => &[],
        Some(single) => std::slice::from_ref(single),
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// Moves the attachments of a resource to the list, without their contents.
fn take_attachments(resource: &mut Value, attachments: &mut Vec<Value>) {
    let (member, inner) = match resource_type(resource) {
        "DocumentReference" => ("content", "attachment"),
        "Communication" => ("payload", "contentAttachment"),
        _ => return,
    };
    let Some(items) = resource.get_mut(member).and_then(Value::as_array_mut) else { return };
    for attachment in items.iter_mut().filter_map(|item| item.get_mut(inner)).filter_map(Value::as_object_mut) {
        if let Some(Value::String(data)) = attachment.remove("data") {
            attachment.insert("size".to_owned(), decoded_size(&data).into());
        }
        attachments.push(Value::Object(attachment.clone()));
    }
}

/// How many bytes a base64 text stands for.
fn decoded_size(data: &str) -> usize {
    let digits = data.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').count();
    digits * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(entries: &[(Option<&str>, Value)]) -> View {
        let texts: Vec<(Option<&str>, String)> = entries.iter().map(|(url, value)| (*url, value.to_string())).collect();
        View::new(texts.iter().map(|(url, text)| (*url, text.as_str())).collect()).unwrap()
    }

    #[test]
    fn references_resolve_in_all_forms_met_on_the_wire() {
        let view = view(&[
            (Some("7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f"), json!({"resourceType": "MessageHeader"})),
            (Some("urn:uuid:84d58bf6-7bdc-451b-91e4-9a916bdf3e82"), json!({"resourceType": "Patient"})),
            (None, json!({"resourceType": "Location", "id": "l1"})),
            (None, json!({"resourceType": "Task", "id": "t1", "identifier": [{"system": "s", "value": "v"}]})),
        ]);
        let kind = |reference: Value| {
            view.resolve(&reference).and_then(|index| view.value(index)).map(resource_type).unwrap_or("none").to_owned()
        };
        assert_eq!(kind(json!({"reference": "urn:uuid:7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f"})), "MessageHeader");
        assert_eq!(kind(json!({"reference": "urn:uuid:84D58BF6-7bdc-451b-91e4-9a916bdf3e82"})), "Patient");
        assert_eq!(kind(json!({"reference": "Location/l1"})), "Location");
        assert_eq!(kind(json!({"reference": "https://rms.example/fhir/Location/l1"})), "Location");
        assert_eq!(kind(json!({"reference": "Patient/l1"})), "none");
        assert_eq!(kind(json!({"identifier": {"system": "s", "value": "v"}})), "Task");
        assert_eq!(kind(json!({"reference": "urn:uuid:nowhere"})), "none");
    }

    #[test]
    fn of_a_list_of_references_only_the_first_are_followed() {
        let target = |dangling: usize| {
            let mut performer = vec![json!({"reference": "PractitionerRole/none"}); dangling];
            performer.push(json!({"reference": "PractitionerRole/t"}));
            let view = view(&[
                (None, json!({"resourceType": "MessageHeader"})),
                (None, json!({"resourceType": "ServiceRequest", "performer": performer})),
                (None, json!({"resourceType": "PractitionerRole", "id": "t"})),
            ]);
            view.home(Home::TargetRole).is_some()
        };
        assert!(target(0) && target(MOST_REFERENCES - 1));
        assert!(!target(MOST_REFERENCES));
    }

    #[test]
    fn attachments_keep_their_size_and_lose_their_content() {
        let view = view(&[
            (None, json!({"resourceType": "MessageHeader"})),
            (
                None,
                json!({"resourceType": "DocumentReference", "content": [{"attachment": {"url": "https://rms.example/1", "title": "a.pdf"}}]}),
            ),
            (
                None,
                json!({"resourceType": "DocumentReference", "content": [{"attachment": {"data": "SGVsbG8=", "title": "b.txt"}}]}),
            ),
        ]);
        assert_eq!(view.attachments()[1], json!({"title": "b.txt", "size": 5}));
        assert_eq!(view.attachments()[0], json!({"url": "https://rms.example/1", "title": "a.pdf"}));
    }
}
