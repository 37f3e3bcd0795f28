//! What a message says of the referral it belongs to, as far as tracking needs it.

use std::cell::Cell;

use crate::proto::fhir::date;
use crate::proto::fhir::tree::{Node, list};
use crate::proto::guide::codes;
use crate::proto::guide::field::Home;
use crate::proto::messaging::fields;
use crate::proto::messaging::view::{View, resource_type, text};
use crate::proto::store::{Identifier, Millis, Said, Status};

/// References looked at in one element, and identifiers of where each leads.
const MOST_REFERENCES: usize = 8;
/// Identifiers that name one referral; `Message` refuses more.
const MOST_IDENTIFIERS: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub struct Facts {
    /// What names the referral (messaging.md 10.5, keys 1 to 3), in that order. Those without a system have an empty one.
    pub identifiers: Vec<Identifier>,
    /// How many of these are the request's own.
    pub own: usize,
    /// Whether the referral itself, a ServiceRequest, travels along.
    pub has_request: bool,
    /// Whether requests in focus name different referrals.
    pub is_of_several: bool,
    /// `ServiceRequest.status`.
    pub request: Option<Status>,
    /// `Task.status`.
    pub task: Option<Status>,
    /// `ServiceRequest.replaces`: this one takes the place of those (messaging.md 12).
    pub replaces: Vec<Identifier>,
    /// `ServiceRequest.basedOn`: this one came out of those (messaging.md 13).
    pub based_on: Vec<Identifier>,
    /// `Task.output`: those came out of this one.
    pub outputs: Vec<Identifier>,
    /// `ServiceRequest.requisition`, shared by the parts of a split referral.
    pub requisition: Option<Identifier>,
    /// The `MessageHeader.id` this message answers.
    pub answers: Option<String>,
    /// The communications in focus.
    pub communications: Vec<Identifier>,
    /// What they answer.
    pub replies: Vec<Identifier>,
    /// The patient's health number.
    pub health_number: Option<String>,
    /// Whether it says a time that lies ahead, which counts as not said.
    pub is_ahead: bool,
    /// Whether the header gives reassignment as its reason (messaging.md 4.3).
    pub reassigned: bool,
}

/// How far a clock may be ahead of ours, in milliseconds.
const MOST_AHEAD: Millis = 86_400_000;

/// The latest time that counts as said, of a message that is looked at now: what lies further ahead would stay the latest word for as long.
pub fn latest(now: Millis) -> Millis {
    now.saturating_add(MOST_AHEAD)
}

/// Reads a message, now.
pub fn read(view: View<'_>, now: Millis) -> Facts {
    let ahead = Cell::new(false);
    let instant = |text: &str| {
        let at = instant(text)?;
        ahead.set(ahead.get() || at > latest(now));
        (at <= latest(now)).then_some(at)
    };
    let request = view.home(Home::Request, 0);
    let task = task(view);
    let header = |member: &str| view.header().and_then(|header| header.get(member));
    let of_request = |member: &str| request.and_then(|request| request.get(member));
    let message = text(view.root(), "timestamp").and_then(&instant);
    let said = |resource: Node<'_>| {
        let updated = || text(resource.get("meta")?, "lastUpdated");
        Said { resource: text(resource, "lastModified").or_else(updated).and_then(&instant), message }
    };
    let status = |resource: Option<Node<'_>>| {
        let resource = resource?;
        Some(Status { code: text(resource, "status")?.to_owned(), said: said(resource) })
    };
    let communications = view.focus().filter(|focus| resource_type(*focus) == "Communication");
    let outputs = list(task.and_then(|task| task.get("output"))).filter_map(|output| output.get("valueReference"));
    let own: Vec<Identifier> = list(of_request("identifier")).filter_map(identifier).take(MOST_IDENTIFIERS).collect();
    Facts {
        own: own.len(),
        identifiers: identifiers(view, own),
        has_request: request.is_some(),
        is_of_several: is_of_several(view),
        request: status(request),
        task: status(task),
        replaces: referred(view, list(of_request("replaces"))),
        based_on: referred(view, list(of_request("basedOn"))),
        outputs: referred(view, outputs.filter(|reference| is_to_request(*reference))),
        requisition: of_request("requisition").and_then(identifier).filter(|one| !one.system.is_empty()),
        answers: header("response").and_then(|part| text(part, "identifier")).map(str::to_owned),
        communications: communications
            .clone()
            .flat_map(|one| list(one.get("identifier")))
            .filter_map(identifier)
            .take(MOST_IDENTIFIERS)
            .collect(),
        replies: referred(view, communications.flat_map(|one| list(one.get("inResponseTo")))),
        health_number: fields::read(view, "patient.health_number").ok().flatten(),
        is_ahead: ahead.get(),
        reassigned: list(header("reason").and_then(|reason| reason.get("coding")))
            .any(|coding| text(coding, "code") == Some("service-request-reassigned")),
    }
}

/// Tasks looked at for the one that tells how far the referral has come.
const MOST_TASKS: usize = 64;

/// The Task of the referral itself: what only asks for information has a status of its own (messaging.md 3.1, 6).
fn task(view: View<'_>) -> Option<Node<'_>> {
    let is_work = |task: &Node<'_>| {
        let mut codes =
            list(task.get("code").and_then(|code| code.get("coding"))).filter_map(|coding| text(coding, "code")).peekable();
        codes.peek().is_none() || codes.any(|code| !codes::asks_for_information(code))
    };
    let question = view.header().and_then(|header| text(header.get("eventCoding")?, "code")) == Some("add-rfi");
    let tasks = view.entries_of("Task", MOST_TASKS).filter(|entry| !(question && view.is_focus(*entry)));
    tasks.filter_map(|entry| view.entry(entry)).find(is_work)
}

fn instant(text: &str) -> Option<i64> {
    date::moment(text).map(|at| at.as_millisecond())
}

fn identifier(node: Node<'_>) -> Option<Identifier> {
    let part = |name: &str| text(node, name).map(str::trim).filter(|text| !text.is_empty());
    Some(Identifier { system: part("system").unwrap_or_default().to_owned(), value: part("value")?.to_owned() })
}

/// Requests in focus that have no identifier in common. The same request told twice is one.
fn is_of_several(view: View<'_>) -> bool {
    let requests = view.focus().filter(|focus| resource_type(*focus) == "ServiceRequest");
    let mut named = requests.map(|request| list(request.get("identifier")).filter_map(identifier).collect::<Vec<_>>());
    named.next().is_some_and(|first| named.any(|other| other.is_empty() || other.iter().all(|one| !first.contains(one))))
}

fn is_to_request(reference: Node<'_>) -> bool {
    text(reference, "type") == Some("ServiceRequest")
        || text(reference, "reference").is_some_and(|reference| reference.contains("ServiceRequest/"))
}

/// The identifiers that References name, or that stand on the resources of the message they lead to.
fn referred<'a>(view: View<'a>, references: impl Iterator<Item = Node<'a>>) -> Vec<Identifier> {
    let mut found = Vec::new();
    for reference in references.take(MOST_REFERENCES) {
        let standing = || list(view.resolve(reference).and_then(|target| target.get("identifier")));
        match reference.get("identifier").and_then(identifier) {
            Some(identifier) => found.push(identifier),
            None => found.extend(standing().take(MOST_REFERENCES).filter_map(identifier)),
        }
    }
    found
}

/// What names the referral: the request's own identifiers, those that the focus is based on, those of the header.
fn identifiers(view: View<'_>, own: Vec<Identifier>) -> Vec<Identifier> {
    // What a request itself is based on is another referral.
    let works = view.focus().filter(|resource| resource_type(*resource) != "ServiceRequest");
    let based_on =
        works.flat_map(|work| list(work.get("basedOn"))).filter_map(|reference| identifier(reference.get("identifier")?));
    let header = list(view.header().and_then(|header| header.get("extension"))).filter_map(header_identifier);
    let mut found = own;
    for identifier in based_on.chain(header).take(MOST_IDENTIFIERS) {
        if !found.contains(&identifier) {
            found.push(identifier);
        }
    }
    found
}

/// The sender's or our own identifier in the header, in its three spellings (messaging.md 4.3).
fn header_identifier(extension: Node<'_>) -> Option<Identifier> {
    let name = text(extension, "url")?.rsplit('/').next()?;
    match name.split(['|', '%']).next()? {
        "ext-referral-identifier" | "Referral-Identifier-EXT" => identifier(extension.get("valueIdentifier")?),
        "ext-id-message-header" => {
            let value = text(extension, "valueString").map(str::trim).filter(|text| !text.is_empty())?;
            Some(Identifier { system: String::new(), value: value.to_owned() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::proto::messaging::view::tests::Sample;

    /// The timestamp of a sample Bundle.
    const NOW: i64 = 1_800_000_000_000;
    const SAMPLE: Option<i64> = Some(1_777_640_400_000);

    fn facts(resources: &[Value]) -> Facts {
        let entries: Vec<(Option<&str>, Value)> = resources.iter().map(|resource| (None, resource.clone())).collect();
        read(Sample::entries(&entries).view(), NOW)
    }

    fn named(identifiers: &[Identifier]) -> Vec<(&str, &str)> {
        identifiers.iter().map(|one| (one.system.as_str(), one.value.as_str())).collect()
    }

    fn header(focus: &str, extension: Value) -> Value {
        json!({"resourceType": "MessageHeader", "focus": [{"reference": focus}], "extension": [extension]})
    }

    #[test]
    fn a_referral_is_named_by_its_request_then_by_the_focus_then_by_the_header() {
        let echo = json!({"url": "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier%7C1.0.0",
                          "valueIdentifier": {"value": "R-3"}});
        let facts = facts(&[
            header("Task/t", echo),
            json!({"resourceType": "Task", "id": "t", "status": "received", "basedOn": [{"identifier": {"system": "s", "value": "R-2"}}]}),
            json!({"resourceType": "ServiceRequest", "id": "s", "identifier": [{"value": " R-1 "}, {"system": "x"}, {"value": ""}]}),
        ]);
        assert_eq!(named(&facts.identifiers), [("", "R-1"), ("s", "R-2"), ("", "R-3")]);
        assert_eq!((facts.own, facts.has_request), (1, true));
        assert_eq!(facts.task.unwrap().code, "received");
        assert!(facts.request.is_none());
    }

    #[test]
    fn the_headers_identifier_of_the_first_version_is_a_text() {
        let echo = json!({"url": "http://ehealthontario.ca/fhir/StructureDefinition/ext-id-message-header", "valueString": "R-1"});
        let facts = facts(&[header("Task/t", echo), json!({"resourceType": "Task", "id": "t"})]);
        assert_eq!((named(&facts.identifiers), facts.own, facts.has_request), (vec![("", "R-1")], 0, false));
    }

    #[test]
    fn what_a_request_came_out_of_is_another_referral() {
        let facts = facts(&[
            header("ServiceRequest/new", json!({})),
            json!({"resourceType": "ServiceRequest", "id": "new", "identifier": [{"system": "s", "value": "new"}],
                   "replaces": [{"reference": "ServiceRequest/old"}], "basedOn": [{"identifier": {"system": "s", "value": "first"}}],
                   "requisition": {"system": "s", "value": "group"}}),
            json!({"resourceType": "ServiceRequest", "id": "old", "identifier": [{"system": "s", "value": "old"}]}),
        ]);
        assert_eq!(named(&facts.identifiers), [("s", "new")]);
        assert_eq!((named(&facts.replaces), named(&facts.based_on)), (vec![("s", "old")], vec![("s", "first")]));
        assert_eq!(facts.requisition.unwrap().value, "group");
    }

    #[test]
    fn times_are_those_of_the_resource_and_of_the_message() {
        let facts = facts(&[
            header("Task/t", json!({})),
            json!({"resourceType": "Task", "id": "t", "status": "accepted", "lastModified": "2026-05-09T14:30:00-04:00",
                   "meta": {"lastUpdated": "2020-01-01T00:00:00Z"}}),
            json!({"resourceType": "ServiceRequest", "id": "s", "status": "active", "meta": {"lastUpdated": "2026-05-09"}}),
        ]);
        assert_eq!(facts.task.unwrap().said, Said { resource: Some(1_778_351_400_000), message: SAMPLE });
        assert_eq!(facts.request.unwrap().said, Said { resource: None, message: SAMPLE });
    }
}
