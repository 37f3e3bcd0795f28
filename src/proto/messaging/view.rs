//! A message made navigable: one tree over its bytes, and who is who among its resources.

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::Result;
use crate::proto::fhir::reference::{Index, Reference, Targets};
use crate::proto::fhir::tree::{Node, Tree, list};
use crate::proto::guide::dialects::HTEST;
use crate::proto::guide::field::Home;

/// Identifiers of a resource that a reference is compared with.
const MOST_IDENTIFIERS: usize = 64;

/// References looked at in one element: a list of hundreds leads nowhere that a message needs.
const MOST_REFERENCES: usize = 16;

/// Of a reference: that it was not followed yet, and that it leads nowhere.
const UNKNOWN: u32 = u32::MAX;
const NOWHERE: u32 = u32::MAX - 1;

/// The parts resources play, each after those it is found through.
const PARTS: [Home; 17] = [
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
    Home::UserRole,
    Home::User,
    Home::Advice,
];

/// What a message's bytes say of who is who in it, without the bytes. Made once; a [`View`] joins it with them.
pub struct Cast {
    tree: Tree,
    entries: Vec<Entry>,
    attachments: Vec<Held>,
    /// The answers of questionnaires, found when they are asked for.
    answers: OnceLock<Vec<Held>>,
    /// The entries as targets of references.
    index: Index,
    /// Where the references lead that were followed so far, by their nodes: the same ones are read for many fields.
    resolved: Mutex<Vec<u32>>,
    /// The resources in focus, by their place among the entries.
    focus: Vec<usize>,
    /// Who plays which part.
    parts: Vec<(Home, usize)>,
}

/// Nodes of the tree by index.
#[derive(Clone, Copy)]
struct Entry {
    full_url: Option<usize>,
    resource: usize,
    kind: Option<usize>,
    id: Option<usize>,
}

/// Something of a list that goes through several resources, and what it stands in.
#[derive(Clone, Copy)]
struct Held {
    node: usize,
    holder: usize,
}

/// A message to walk in.
#[derive(Clone, Copy)]
pub struct View<'a> {
    document: &'a str,
    cast: &'a Cast,
    /// A part that this resource plays for once.
    instead: Option<(Home, usize)>,
}

impl<'a> Targets<'a> for View<'a> {
    fn count(self) -> usize {
        self.cast.entries.len()
    }
    fn full_url(self, entry: usize) -> Option<&'a str> {
        self.node(self.cast.entries.get(entry)?.full_url?)?.str()
    }
    fn resource_type(self, entry: usize) -> &'a str {
        let kind = || self.node(self.cast.entries.get(entry)?.kind?)?.str();
        kind().unwrap_or_default()
    }
    fn id(self, entry: usize) -> Option<&'a str> {
        self.node(self.cast.entries.get(entry)?.id?)?.str()
    }
    fn identifiers(self, entry: usize) -> impl Iterator<Item = (Option<&'a str>, &'a str)> {
        let own = list(self.resource(entry).and_then(|resource| resource.get("identifier")));
        own.take(MOST_IDENTIFIERS).filter_map(|own| Some((text(own, "system"), text(own, "value")?)))
    }
}

impl Cast {
    /// Reads a Bundle whose envelope was checked (`messaging/parse.rs`). Errors: those of [`Tree::read`].
    pub fn read(document: &str) -> Result<Self> {
        let tree = Tree::read(document)?;
        let mut cast = Self {
            tree,
            entries: Vec::new(),
            attachments: Vec::new(),
            answers: OnceLock::new(),
            index: Index::default(),
            resolved: Mutex::default(),
            focus: Vec::new(),
            parts: Vec::new(),
        };
        let index = |node: Option<Node<'_>>| node.map(Node::index);
        let entry = |entry: Node<'_>| {
            let resource = entry.get("resource").unwrap_or(entry);
            Entry {
                full_url: index(entry.get("fullUrl")),
                resource: resource.index(),
                kind: index(resource.get("resourceType")),
                id: index(resource.get("id")),
            }
        };
        cast.entries = list(cast.tree.root(document).get("entry")).map(entry).collect();
        cast.attachments = cast.view(document).find_attachments();
        cast.focus = cast.view(document).followed(0, "focus").collect();
        for part in PARTS {
            if let Some(index) = cast.view(document).find(part) {
                cast.parts.push((part, index));
            }
        }
        Ok(cast)
    }

    /// Joins it with the document it was read from.
    pub fn view<'a>(&'a self, document: &'a str) -> View<'a> {
        View { document, cast: self, instead: None }
    }
}

impl<'a> View<'a> {
    /// The whole message.
    pub fn root(self) -> Node<'a> {
        self.cast.tree.root(self.document)
    }

    /// The MessageHeader.
    pub fn header(self) -> Option<Node<'a>> {
        self.resource(0)
    }

    /// The resources in entry order.
    pub fn resources(self) -> impl Iterator<Item = Node<'a>> {
        self.cast.entries.iter().filter_map(move |entry| self.node(entry.resource))
    }

    /// The same message read as if it were about this resource of the type of `part`, by its place among the entries: for a message with
    /// several tasks or appointments.
    pub fn about(self, part: Home, entry: usize) -> Self {
        Self { instead: Some((part, entry)), ..self }
    }

    /// The entries of the resources of this type that belong to the referral the message is about, those in focus first, at most `most`.
    pub fn entries_of(self, kind: &'static str, most: usize) -> impl Iterator<Item = usize> + use<'a> {
        let others = (0..self.cast.entries.len()).filter(move |index| !self.cast.focus.contains(index));
        let all = self.cast.focus.iter().copied().chain(others);
        all.filter(move |index| self.is_a(*index, kind) && self.is_of_request(*index)).take(most)
    }

    /// The resource of an entry.
    pub fn entry(self, index: usize) -> Option<Node<'a>> {
        self.resource(index)
    }

    /// Whether an entry is in focus.
    pub fn is_focus(self, entry: usize) -> bool {
        self.cast.focus.contains(&entry)
    }

    /// How many attachments there are in documents and communications.
    pub fn attachment_count(self) -> usize {
        self.cast.attachments.len()
    }

    /// The length of the lists that homes beside resources are; `None` for a resource.
    pub fn length(self, home: Home) -> Option<usize> {
        match home {
            Home::Attachments | Home::AttachmentHolders => Some(self.attachment_count()),
            Home::Answers | Home::Questions => Some(self.answers().len()),
            _ => None,
        }
    }

    /// The resources in focus, in their order.
    pub fn focus(self) -> impl Iterator<Item = Node<'a>> + Clone {
        self.cast.focus.iter().filter_map(move |index| self.resource(*index))
    }

    /// Whether a resource of this type is in focus.
    pub fn in_focus(self, kind: &str) -> bool {
        self.focus().any(|resource| resource_type(resource) == kind)
    }

    /// Whether the Bundle or any resource is labelled as test data (messaging.md 6).
    pub fn is_test(self) -> bool {
        let labels = |resource: Node<'a>| list(resource.get("meta").and_then(|meta| meta.get("security")));
        self.resources().chain([self.root()]).any(|resource| labels(resource).any(|label| text(label, "code") == Some(HTEST.1)))
    }

    /// Where the fields of this home are read: the resource that plays this part, or of a list what stands at `index`.
    pub fn home(self, home: Home, index: usize) -> Option<Node<'a>> {
        match home {
            Home::Envelope => Some(self.root()),
            Home::Header => self.header(),
            Home::Attachments => self.node(self.cast.attachments.get(index)?.node),
            Home::AttachmentHolders => self.node(self.cast.attachments.get(index)?.holder),
            Home::Answers => self.node(self.answers().get(index)?.node),
            Home::Questions => self.node(self.answers().get(index)?.holder),
            Home::AppointmentLocation => self.appointment_location(),
            part => self.resource(self.part(part)?),
        }
    }

    /// The resource a Reference leads to.
    pub fn resolve(self, reference: Node<'a>) -> Option<Node<'a>> {
        self.resource(self.resolved(reference)?)
    }

    fn node(self, index: usize) -> Option<Node<'a>> {
        self.cast.tree.node(self.document, index)
    }

    fn resource(self, index: usize) -> Option<Node<'a>> {
        self.node(self.cast.entries.get(index)?.resource)
    }

    /// The index of the resource that plays this part, as far as it is known by now.
    pub fn part(self, home: Home) -> Option<usize> {
        let mut parts = self.instead.iter().chain(&self.cast.parts);
        parts.find(|(part, _)| *part == home).map(|(_, index)| *index)
    }

    fn is_a(self, index: usize, name: &str) -> bool {
        self.resource(index).is_some_and(|resource| resource_type(resource) == name)
    }

    /// The entry a Reference leads to, looked for once.
    pub fn resolved(self, reference: Node<'a>) -> Option<usize> {
        let mut resolved = self.cast.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = self.cast.tree.count();
        // Without the room each is looked for again.
        if resolved.is_empty() && resolved.try_reserve_exact(nodes).is_ok() {
            resolved.resize(nodes, UNKNOWN);
        }
        let known = resolved.get(reference.index()).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return (known != NOWHERE).then_some(known as usize);
        }
        let found = self.look_for(reference);
        if let Some(place) = resolved.get_mut(reference.index()) {
            *place = found.and_then(|entry| u32::try_from(entry).ok()).unwrap_or(NOWHERE);
        }
        found
    }

    fn look_for(self, reference: Node<'a>) -> Option<usize> {
        let identifier = reference.get("identifier");
        let part = |name| identifier.and_then(|identifier| text(identifier, name)).filter(|text| !text.is_empty());
        let (address, kind) = (text(reference, "reference"), text(reference, "type").filter(|kind| !kind.is_empty()));
        self.cast.index.find(self, Reference { reference: address, kind, system: part("system"), value: part("value") })
    }

    /// The first entry with exactly this fullUrl.
    pub fn with_full_url(self, url: &'a str) -> Option<usize> {
        self.cast.index.with_full_url(self, url)
    }

    /// Where the References of a member lead.
    fn followed(self, from: usize, member: &str) -> impl Iterator<Item = usize> + use<'a> {
        let references = list(self.resource(from).and_then(|resource| resource.get(member)));
        references.take(MOST_REFERENCES).filter_map(move |reference| self.resolved(reference))
    }

    fn follow(self, from: Option<usize>, member: &str) -> Option<usize> {
        self.followed(from?, member).next()
    }

    /// The resource of this type that the message is about: the one in focus, else the first in the message.
    fn subject_of_type(self, name: &str) -> Option<usize> {
        let in_focus = self.cast.focus.iter().copied().find(|index| self.is_a(*index, name));
        in_focus.or_else(|| (0..self.cast.entries.len()).find(|index| self.is_a(*index, name)))
    }

    /// The ServiceRequest: in focus, else what the focus is based on, else the first (messaging.md 10.5).
    fn request(self) -> Option<usize> {
        let is_request = |index: &usize| self.is_a(*index, "ServiceRequest");
        let focus = || self.cast.focus.iter().copied();
        let based_on = || focus().flat_map(|index| self.followed(index, "basedOn")).next().filter(is_request);
        focus().find(is_request).or_else(based_on).or_else(|| self.subject_of_type("ServiceRequest"))
    }

    /// What a role points at, or the resource itself when it stands directly in the role's place.
    fn of_role(self, role: Option<usize>, member: &str, wanted: &str) -> Option<usize> {
        let role = role?;
        if self.is_a(role, wanted) { Some(role) } else { self.follow(Some(role), member) }
    }

    fn patient(self) -> Option<usize> {
        let is_patient = |index: &usize| self.is_a(*index, "Patient");
        let by_request = self.follow(self.part(Home::Request), "subject").filter(is_patient);
        by_request
            .or_else(|| self.follow(self.cast.focus.first().copied(), "for").filter(is_patient))
            .or_else(|| self.subject_of_type("Patient"))
    }

    /// The performer's role: whom the request names, else who owns the task, else whom the message is for.
    fn target(self) -> Option<usize> {
        let receiver = || self.resolved(list(self.header()?.get("destination")).next()?.get("receiver")?);
        self.follow(self.part(Home::Request), "performer").or_else(|| self.follow(self.part(Home::Task), "owner")).or_else(receiver)
    }

    fn appointment_location(self) -> Option<Node<'a>> {
        let appointment = self.resource(self.part(Home::Appointment)?)?;
        let participants = list(appointment.get("participant")).take(MOST_REFERENCES);
        let mut actors = participants.filter_map(|participant| self.resolve(participant.get("actor")?));
        actors.find(|actor| resource_type(*actor) == "Location")
    }

    /// Whether what an entry is based on is the request the message is about, or not known to be another.
    fn is_of_request(self, index: usize) -> bool {
        let mut based_on = self.followed(index, "basedOn").filter(|other| self.is_a(*other, "ServiceRequest")).peekable();
        let request = self.part(Home::Request);
        based_on.peek().is_none() || based_on.any(|other| Some(other) == request)
    }

    fn find(self, home: Home) -> Option<usize> {
        let requester = self.part(Home::RequesterRole);
        let target = self.part(Home::TargetRole);
        match home {
            Home::Envelope | Home::Header | Home::AppointmentLocation => None,
            Home::Attachments | Home::AttachmentHolders | Home::Answers | Home::Questions => None,
            Home::Focus => self.cast.focus.first().copied(),
            Home::Request => self.request(),
            Home::Patient => self.patient(),
            Home::Task | Home::Appointment | Home::Communication => self.entries_of(home.resource_type()?, 1).next(),
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
            Home::UserRole => ["enterer", "author"].into_iter().find_map(|member| self.follow(Some(0), member)),
            Home::Advice => self.advice(),
            Home::User => ["enterer", "author"]
                .into_iter()
                .find_map(|member| self.of_role(self.follow(Some(0), member), "practitioner", "Practitioner")),
        }
    }

    /// The Communication that is a result of the task (messaging.md 4.2).
    fn advice(self) -> Option<usize> {
        let outputs = list(self.resource(self.part(Home::Task)?)?.get("output")).take(MOST_REFERENCES);
        let mut results = outputs.filter_map(|output| self.resolved(output.get("valueReference")?));
        results.find(|index| self.is_a(*index, "Communication"))
    }

    fn answers(self) -> &'a [Held] {
        self.cast.answers.get_or_init(|| {
            let mut found = Vec::new();
            for form in self.resources().filter(|resource| resource_type(*resource) == "QuestionnaireResponse") {
                find_answers(form.get("item"), &mut found);
            }
            found
        })
    }

    /// The attachments in document order, by the rule by which the envelope counts them.
    fn find_attachments(self) -> Vec<Held> {
        let mut found = Vec::new();
        for resource in self.resources() {
            let attachments = attachments_of(resource);
            found.extend(attachments.map(|(_, attachment)| Held { node: attachment.index(), holder: resource.index() }));
        }
        found
    }

    /// The place of an attachment, as findings name it.
    pub fn attachment_place(self, index: usize) -> Option<String> {
        let held = self.cast.attachments.get(index)?;
        let entry = self.cast.entries.iter().position(|entry| entry.resource == held.holder)?;
        let resource = self.node(held.holder)?;
        let (member, inner) = attachment_members(resource)?;
        let (part, _) = attachments_of(resource).find(|(_, attachment)| attachment.index() == held.node)?;
        Some(format!("Bundle.entry[{entry}].resource.{member}[{part}].{inner}"))
    }
}

/// Where a resource holds attachments: the list, and the member of its elements.
fn attachment_members(resource: Node<'_>) -> Option<(&'static str, &'static str)> {
    match resource_type(resource) {
        "DocumentReference" => Some(("content", "attachment")),
        "Communication" => Some(("payload", "contentAttachment")),
        _ => None,
    }
}

/// The attachments of a resource, each with its place in the list.
fn attachments_of(resource: Node<'_>) -> impl Iterator<Item = (usize, Node<'_>)> {
    attachment_members(resource).into_iter().flat_map(move |(member, inner)| {
        let parts = resource.get(member).into_iter().flat_map(Node::items).enumerate();
        let attachments = parts.filter_map(move |(at, part)| Some((at, part.get(inner)?)));
        attachments.filter(|(_, attachment)| attachment.is_object())
    })
}

/// Adds the answers of items and of the items below them, in the order of the form.
fn find_answers(items: Option<Node<'_>>, found: &mut Vec<Held>) {
    for item in list(items) {
        for answer in list(item.get("answer")) {
            found.push(Held { node: answer.index(), holder: item.index() });
            find_answers(answer.get("item"), found);
        }
        find_answers(item.get("item"), found);
    }
}

/// The type of a resource, empty when it does not say.
pub fn resource_type(resource: Node<'_>) -> &str {
    text(resource, "resourceType").unwrap_or_default()
}

/// The text of a member that is a string.
pub fn text<'a>(node: Node<'a>, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::str)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A Bundle and who is who in it, for tests: entries as fullUrl and resource.
    pub(in crate::proto::messaging) struct Sample {
        document: String,
        cast: Cast,
    }

    impl Sample {
        pub(in crate::proto::messaging) fn of(bundle: &Value) -> Self {
            let document = bundle.to_string();
            Self { cast: Cast::read(&document).unwrap(), document }
        }

        pub(in crate::proto::messaging) fn entries(entries: &[(Option<&str>, Value)]) -> Self {
            let entry = |(url, resource): &(Option<&str>, Value)| match url {
                Some(url) => json!({"fullUrl": url, "resource": resource}),
                None => json!({"resource": resource}),
            };
            Self::of(
                &json!({"id": "b1", "timestamp": "2026-05-01T09:00:00.000-04:00", "entry": entries.iter().map(entry).collect::<Vec<_>>()}),
            )
        }

        pub(in crate::proto::messaging) fn resources(resources: &[Value]) -> Self {
            Self::entries(&resources.iter().map(|resource| (None, resource.clone())).collect::<Vec<_>>())
        }

        pub(in crate::proto::messaging) fn view(&self) -> View<'_> {
            self.cast.view(&self.document)
        }
    }

    #[test]
    fn references_resolve_in_all_forms_met_on_the_wire() {
        let sample = Sample::entries(&[
            (
                Some("7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f"),
                json!({"resourceType": "MessageHeader", "list": [
                    {"reference": "urn:uuid:7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f"}, {"reference": "urn:uuid:84D58BF6-7bdc-451b-91e4-9a916bdf3e82"},
                    {"reference": "Location/l1"}, {"reference": "https://rms.example/fhir/Location/l1"}, {"reference": "Patient/l1"},
                    {"identifier": {"system": "s", "value": "v"}}, {"reference": "urn:uuid:nowhere"}]}),
            ),
            (Some("urn:uuid:84d58bf6-7bdc-451b-91e4-9a916bdf3e82"), json!({"resourceType": "Patient"})),
            (None, json!({"resourceType": "Location", "id": "l1"})),
            (None, json!({"resourceType": "Task", "id": "t1", "identifier": [{"system": "s", "value": "v"}]})),
        ]);
        let view = sample.view();
        let kinds: Vec<&str> = list(view.header().unwrap().get("list"))
            .map(|reference| view.resolve(reference).map_or("none", resource_type))
            .collect();
        assert_eq!(kinds, ["MessageHeader", "Patient", "Location", "Location", "none", "Task", "none"]);
    }

    #[test]
    fn of_a_list_of_references_only_the_first_are_followed() {
        let target = |dangling: usize| {
            let mut performer = vec![json!({"reference": "PractitionerRole/none"}); dangling];
            performer.push(json!({"reference": "PractitionerRole/t"}));
            let sample = Sample::resources(&[
                json!({"resourceType": "MessageHeader"}),
                json!({"resourceType": "ServiceRequest", "performer": performer}),
                json!({"resourceType": "PractitionerRole", "id": "t"}),
            ]);
            sample.view().home(Home::TargetRole, 0).is_some()
        };
        assert!(target(0) && target(MOST_REFERENCES - 1));
        assert!(!target(MOST_REFERENCES));
    }

    #[test]
    fn attachments_stand_in_order_each_with_what_holds_it() {
        let sample = Sample::resources(&[
            json!({"resourceType": "MessageHeader", "content": [{"attachment": {"title": "none"}}]}),
            json!({"resourceType": "DocumentReference", "id": "d", "content": [{"attachment": {"title": "a.pdf"}}, {"attachment": 1}]}),
            json!({"resourceType": "Communication", "id": "c", "payload": [{"contentString": "x"}, {"contentAttachment": {"title": "b.txt"}}]}),
        ]);
        let view = sample.view();
        let found = |index: usize| {
            Some((text(view.home(Home::Attachments, index)?, "title"), text(view.home(Home::AttachmentHolders, index)?, "id")))
        };
        assert_eq!(view.attachment_count(), 2);
        assert_eq!(
            (0..3).map(found).collect::<Vec<_>>(),
            [Some((Some("a.pdf"), Some("d"))), Some((Some("b.txt"), Some("c"))), None]
        );
    }
}
