//! References: where they lead, to what, and what nothing leads to (messaging.md 4.1, reference rules).

use std::collections::HashMap;

use crate::proto::fhir::outcome::Level::{Error, Information, Warning};
use crate::proto::fhir::reference::named_type;
use crate::proto::fhir::tree::{Node, list};

use super::Checker;
use super::findings::Place;

/// Identifiers of one resource that references are compared with.
const MOST_IDENTIFIERS: usize = 64;

/// The first entry with an identifier: by type or any, by system or any.
pub(super) type Logical<'a> = HashMap<(Option<&'a str>, Option<&'a str>, &'a str), usize>;

fn text<'a>(node: Node<'a>, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::str).filter(|text| !text.is_empty())
}

impl<'a> Checker<'a> {
    /// The entry a Reference means, by address or by identifier.
    pub(super) fn resolve(&mut self, reference: Node<'a>) -> Option<usize> {
        let by_address = text(reference, "reference").and_then(|address| self.addresses.find(address));
        by_address.or_else(|| {
            let identifier = reference.get("identifier")?;
            let key = (text(reference, "type"), text(identifier, "system"), text(identifier, "value")?);
            let entries = &self.entries;
            let logical = self.logical.get_or_insert_with(|| {
                let mut logical = Logical::new();
                for (index, entry) in entries.iter().enumerate() {
                    for own in list(entry.resource.get("identifier")).take(MOST_IDENTIFIERS) {
                        let Some(value) = text(own, "value") else { continue };
                        let systems = [None, text(own, "system")];
                        for kind in [None, Some(entry.kind)] {
                            for system in systems {
                                logical.entry((kind, system, value)).or_insert(index);
                            }
                        }
                    }
                }
                logical
            });
            logical.get(&key).copied()
        })
    }

    /// The resource type a Reference leads to, as far as one can tell.
    pub(super) fn target_type(&mut self, reference: Node<'a>) -> Option<&'a str> {
        let address = text(reference, "reference");
        if let Some(id) = address.and_then(|address| address.strip_prefix('#')) {
            return self.contained.get(id).copied();
        }
        let resolved = self.resolve(reference).and_then(|index| self.entries.get(index)).map(|entry| entry.kind);
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
        let address = text(node, "reference");
        if let Some(id) = address.and_then(|address| address.strip_prefix('#')) {
            if !id.is_empty() && !self.contained.contains_key(id) {
                let words = "the resource does not contain what this refers to";
                self.findings.add(Error, "not-found", &place.member("reference"), words, "FHIR R4 Reference ref-1");
            }
        } else if let Some(target) = self.resolve(node) {
            if let Some(entry) = self.entries.get_mut(self.entry) {
                entry.leads_to.push(target);
            }
        } else if address.is_some() && node.get("identifier").and_then(|identifier| text(identifier, "value")).is_none() {
            let words = "this leads to no entry of the Bundle; expected an entry, or an identifier with system and value";
            self.findings.add(Warning, "not-found", &place.member("reference"), words, "CA:eReC 1.1.0 Task, decision");
        }
        if targets.is_empty() {
            return;
        }
        if self.target_type(node).is_some_and(|kind| !targets.contains(&kind)) {
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
            open.extend(self.entries.get(index).into_iter().flat_map(|entry| &entry.leads_to));
        }
        let entries = root.member("entry");
        for (index, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
            let words = "nothing leads here from the MessageHeader";
            self.findings.add(Information, "informational", &entries.item(index), words, "CA:eReC 1.1.0 Technical Foundation");
        }
    }
}
