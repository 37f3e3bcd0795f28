//! The rules of the envelope that compare its parts (messaging.md 4.1); what an element must be on its own stands in `guide/rules_on.rs`.

use crate::proto::fhir::outcome::Level::{Error, Warning};
use crate::proto::fhir::tree::Node;

use super::findings::Place;
use super::{Checker, Entry};

impl<'a> Checker<'a> {
    pub(super) fn envelope(&mut self, bundle: Node<'a>, root: &Place<'_>) {
        if bundle.get("total").is_some() {
            self.findings.add(Warning, "structure", &root.member("total"), "a message has no total", "FHIR R4 Bundle bdl-1");
        }
        let list = root.member("entry");
        if self.entries.len() < 2 {
            let text = "a message has at least two entries: the MessageHeader and its focus";
            self.findings.add(Error, "required", &list, text, "Ontario 0.10.1 Bundle");
        }
        let version = |entry: &Entry<'a>| entry.resource.get("meta").and_then(|meta| meta.get("versionId")).and_then(Node::str);
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(url) = entry.full_url else { continue };
            let item = list.item(index);
            let place = item.member("fullUrl");
            if !url.contains(':') {
                let text = "the fullUrl is not absolute; expected urn:uuid: or a web address";
                self.findings.add(Warning, "value", &place, text, "FHIR R4 Bundle.entry.fullUrl");
            }
            if url.contains("/_history/") {
                let text = "the fullUrl names a version; expected the address without it";
                self.findings.add(Warning, "invariant", &place, text, "FHIR R4 Bundle bdl-8");
            }
            let first = self.view.with_full_url(url).filter(|first| *first != index);
            if first.and_then(|first| self.entries.get(first)).is_some_and(|first| version(first) == version(entry)) {
                let text = "another entry has the same fullUrl";
                self.findings.add(Error, "duplicate", &place, text, "FHIR R4 Bundle bdl-7");
            }
        }
    }
}
