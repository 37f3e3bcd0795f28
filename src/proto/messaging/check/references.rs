//! References: where they lead, to what, and what nothing leads to (messaging.md 4.1, reference rules).

use crate::proto::fhir::outcome::Level::{Error, Information, Warning};
use crate::proto::fhir::reference::named_type;
use crate::proto::fhir::tree::{Node, list};

use super::Checker;
use super::findings::Place;

fn text<'a>(node: Node<'a>, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::str).filter(|text| !text.is_empty())
}

impl<'a> Checker<'a> {
    /// The resource type a Reference leads to, as far as one can tell.
    pub(super) fn target_type(&mut self, reference: Node<'a>) -> Option<&'a str> {
        let resolved = self.view.resolved(reference);
        self.type_of(reference, resolved)
    }

    fn type_of(&self, reference: Node<'a>, resolved: Option<usize>) -> Option<&'a str> {
        let address = text(reference, "reference");
        if let Some(id) = address.and_then(|address| address.strip_prefix('#')) {
            return self.contained.get(id).copied();
        }
        let resolved = resolved.and_then(|index| self.entries.get(index)).map(|entry| entry.kind);
        resolved.or_else(|| address.and_then(named_type)).or_else(|| text(reference, "type"))
    }

    /// Notes the contained resources of a resource.
    pub(super) fn keep_contained(&mut self, resource: Node<'a>) {
        self.contained.clear();
        for node in list(resource.get("contained")) {
            if let Some(id) = text(node, "id") {
                self.contained.insert(id, text(node, "resourceType").unwrap_or_default());
            }
        }
    }

    /// A Reference: it leads somewhere, and to a type that may stand there.
    pub(super) fn reference(&mut self, node: Node<'a>, targets: &[&'static str], place: &Place<'_>) {
        let (address, resolved) = (text(node, "reference"), self.view.resolved(node));
        if let Some(id) = address.and_then(|address| address.strip_prefix('#')) {
            if !id.is_empty() && !self.contained.contains_key(id) {
                let words = "the resource does not contain what this refers to";
                self.findings.add(Error, "not-found", &place.member("reference"), words, "FHIR R4 Reference ref-1");
            }
        } else if let Some(target) = resolved {
            self.links.push(target);
        } else if address.is_some() && node.get("identifier").and_then(|identifier| text(identifier, "value")).is_none() {
            let words = "this leads to no entry of the Bundle; expected an entry, or an identifier with system and value";
            self.findings.add(Warning, "not-found", &place.member("reference"), words, "CA:eReC 1.1.0 Task, decision");
        }
        if targets.is_empty() {
            return;
        }
        if self.type_of(node, resolved).is_some_and(|kind| !targets.contains(&kind)) {
            let words = format!("this leads to a resource of another type; expected {}", targets.join(", "));
            self.findings.add(Error, "value", place, words, "FHIR R4");
        }
    }

    /// A message holds only what the MessageHeader leads to (messaging.md 4.1).
    pub(super) fn reachable(&mut self, root: &Place<'_>) {
        let mut reached = vec![false; self.entries.len()];
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            if reached.get(index).copied() != Some(false) {
                continue;
            }
            if let Some(reached) = reached.get_mut(index) {
                *reached = true;
            }
            let links = self.entries.get(index).and_then(|entry| self.links.get(entry.links.clone()));
            open.extend(links.unwrap_or_default());
        }
        let entries = root.member("entry");
        for (index, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
            let words = "nothing leads here from the MessageHeader";
            self.findings.add(Information, "informational", &entries.item(index), words, "CA:eReC 1.1.0 Technical Foundation");
        }
    }
}
