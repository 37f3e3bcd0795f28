//! What a message must carry: its focus, and the resources around it (messaging.md 3.1, 4.2, 12).

use std::collections::BTreeSet;

use crate::proto::fhir::outcome::Level::{Error, Warning};
use crate::proto::fhir::tree::{Node, list};
use crate::proto::guide::events;
use crate::proto::guide::rules::{Basis, Content, EVENT_STATUS, Holder};

use super::Checker;
use super::findings::Place;

/// What a PractitionerRole points at.
const POINTS_AT: [&str; 4] = ["organization", "location", "practitioner", "healthcareService"];

/// The source of what is found about another patient in the message.
pub(in crate::proto::messaging) const ONE_PATIENT: &str = "Ontario 0.11 DocumentReference, decision";

/// Identifiers of one patient that are compared with those of another.
const MOST_IDENTIFIERS: usize = 16;

/// References followed in one element.
const MOST_REFERENCES: usize = 16;

impl<'a> Checker<'a> {
    pub(super) fn content(&mut self, root: &Place<'_>) {
        let Some(header) = self.entries.first().map(|entry| entry.resource) else { return };
        let entries = root.member("entry");
        let first = entries.item(0);
        let place = first.member("resource");
        let foci = self.followed(header, "focus");
        self.event(header, &foci, &place);
        self.one_patient(&foci, &entries);
        let mut told = BTreeSet::new();
        for focus in foci {
            let contents = self.dialect.rules.contents.iter().filter(|(content, _)| self.is_a(focus, &[content.focus]));
            for (content, basis) in contents.collect::<Vec<_>>() {
                self.carries(focus, content, *basis, &mut told, &entries);
            }
        }
    }

    /// The event, and whether it is about what it may be about.
    fn event(&mut self, header: Node<'a>, foci: &[usize], place: &Place<'_>) {
        let coding = header.get("eventCoding");
        let code = coding.and_then(|coding| coding.get("code")).and_then(Node::str).unwrap_or_default();
        let Some(info) = events::canonical(code).and_then(events::info) else {
            let coding = place.member("eventCoding");
            let text = "the event is not one of the guide";
            self.findings.add(Error, "not-supported", &coding.member("code"), text, "Ontario message events");
            return;
        };
        let focus = place.member("focus");
        for (at, index) in foci.iter().enumerate() {
            let Some((kind, resource)) = self.entries.get(*index).map(|entry| (entry.kind, entry.resource)) else { continue };
            if !info.focus.contains(&kind) {
                let text = format!("the event is about {}", info.focus.join(" or "));
                self.findings.add(Warning, "business-rule", &focus.item(at), text, "Ontario message events");
            }
            let status = resource.get("status").and_then(Node::str).filter(|status| !status.is_empty());
            let rule = EVENT_STATUS.iter().find(|(event, of, ..)| *event == info.code && *of == kind);
            if let Some((.., expected, source)) =
                rule.filter(|(.., expected, _)| status.is_some_and(|own| !expected.contains(&own)))
            {
                let text = format!("the event goes with the status {} of its focus", expected.join(" or "));
                self.findings.add(Warning, "business-rule", &focus.item(at), text, source);
            }
        }
    }

    /// The entries an element's references lead to.
    fn followed(&mut self, node: Node<'a>, member: &str) -> Vec<usize> {
        list(node.get(member)).take(MOST_REFERENCES).filter_map(|reference| self.view.resolved(reference)).collect()
    }

    fn is_a(&self, index: usize, kinds: &[&str]) -> bool {
        self.entries.get(index).is_some_and(|entry| kinds.contains(&entry.kind))
    }

    /// Whether the message carries what belongs to this focus. Foci share most of it: what was looked at is told once.
    fn carries(
        &mut self,
        focus: usize,
        content: &'static Content,
        basis: Basis,
        told: &mut BTreeSet<(usize, &'static str)>,
        entries: &Place<'_>,
    ) {
        let Some(resource) = self.entries.get(focus).map(|entry| entry.resource) else { return };
        let is_request = content.focus == "ServiceRequest";
        let based_on = if is_request { vec![focus] } else { self.followed(resource, "basedOn") };
        let request = based_on.into_iter().find(|index| self.is_a(*index, &["ServiceRequest"]));
        for (holder, element, kinds) in content.parts {
            let holder = match holder {
                Holder::Header => Some(0),
                Holder::Focus => Some(focus),
                Holder::Request => request,
            };
            let Some((index, node)) = holder.and_then(|index| Some((index, self.entries.get(index)?.resource))) else { continue };
            if !told.insert((index, *element)) {
                continue;
            }
            let item = entries.item(index);
            let place = item.member("resource");
            let level = basis.weigh(Error);
            let found: Vec<usize> = self.followed(node, element).into_iter().filter(|index| self.is_a(*index, kinds)).collect();
            if found.is_empty() && !contains(node, element, kinds) {
                let text = format!("a message about a {} carries the {} named here", content.focus, kinds.join(" or "));
                self.findings.add(level, "required", &place.member(element), text, content.source);
            }
            for role in found {
                if self.is_a(role, &["PractitionerRole"]) && told.insert((role, "")) {
                    self.points(role, entries, content.source);
                }
            }
        }
    }

    /// What travels with a referral is about its patient (messaging.md 5.7): a letter about somebody else would be read, and filed, as one
    /// about the patient.
    fn one_patient(&mut self, foci: &[usize], entries: &Place<'_>) {
        let Some((request, patient)) = self.patient_of_request(foci) else { return };
        for index in 0..self.entries.len() {
            let Some((kind, node)) = self.entries.get(index).map(|entry| (entry.kind, entry.resource)) else { continue };
            if index == request {
                continue;
            }
            let item = entries.item(index);
            let place = item.member("resource");
            for name in ["subject", "patient", "for"] {
                if let Some(reference) = node.get(name) {
                    self.about(patient, kind, reference, &place.member(name));
                }
            }
            for (at, participant) in list(node.get("participant")).enumerate() {
                if let Some(reference) = participant.get("actor") {
                    self.about(patient, kind, reference, &place.member("participant").item(at).member("actor"));
                }
            }
        }
    }

    /// The request that the foci are or are based on, else the first of the message, and its patient, where both are in the message.
    fn patient_of_request(&mut self, foci: &[usize]) -> Option<(usize, usize)> {
        let mut near = foci.to_vec();
        for focus in foci {
            let focus = self.entries.get(*focus)?.resource;
            near.extend(self.followed(focus, "basedOn"));
        }
        let is_request = |index: &usize| self.is_a(*index, &["ServiceRequest"]);
        let request = near.into_iter().find(is_request).or_else(|| (0..self.entries.len()).find(is_request))?;
        let subject = self.entries.get(request)?.resource.get("subject")?;
        let patient = self.view.resolved(subject)?;
        self.is_a(patient, &["Patient"]).then_some((request, patient))
    }

    fn about(&mut self, patient: usize, kind: &str, reference: Node<'a>, place: &Place<'_>) {
        let other = self.view.resolved(reference).filter(|other| *other != patient && self.is_a(*other, &["Patient"]));
        if other.is_some_and(|other| !self.is_same(patient, other)) {
            let level = if kind == "DocumentReference" { Error } else { Warning };
            self.findings.add(level, "business-rule", place, "this is about another patient than the referral", ONE_PATIENT);
        }
    }

    /// Whether two entries share an identifier: a sender may write one patient twice.
    fn is_same(&self, one: usize, other: usize) -> bool {
        let identifiers = |index: usize| {
            let identifiers =
                list(self.entries.get(index).and_then(|entry| entry.resource.get("identifier"))).take(MOST_IDENTIFIERS);
            let pair =
                |own: Node<'a>| Some((own.get("system")?.str()?, own.get("value")?.str().filter(|value| !value.is_empty())?));
            identifiers.filter_map(pair)
        };
        identifiers(one).any(|own| identifiers(other).any(|theirs| theirs == own))
    }

    /// A role says whose it is.
    fn points(&mut self, role: usize, entries: &Place<'_>, source: &'static str) {
        let Some(node) = self.entries.get(role).map(|entry| entry.resource) else { return };
        if !POINTS_AT.iter().any(|name| node.get(name).is_some()) {
            let item = entries.item(role);
            let text = "the role points at no organization, location or practitioner";
            self.findings.add(Warning, "required", &item.member("resource"), text, source);
        }
    }
}

/// Whether an element refers to a contained resource of one of these types.
fn contains(node: Node<'_>, element: &str, kinds: &[&str]) -> bool {
    fn text<'a>(node: Node<'a>, name: &str) -> &'a str {
        node.get(name).and_then(Node::str).unwrap_or_default()
    }
    list(node.get(element)).take(MOST_REFERENCES).filter_map(|reference| text(reference, "reference").strip_prefix('#')).any(|id| {
        list(node.get("contained")).any(|own| !id.is_empty() && text(own, "id") == id && kinds.contains(&text(own, "resourceType")))
    })
}
