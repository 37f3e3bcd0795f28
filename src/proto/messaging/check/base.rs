//! Base FHIR R4: every element of a message against the table (R4 json, datatypes, and the definitions of the resources).

use crate::proto::fhir::outcome::Level::{Error, Information, Warning};
use crate::proto::fhir::primitive::Primitive;
use crate::proto::fhir::r4::{Element, Holds, Type};
use crate::proto::fhir::tree::{Kind, Node};

use super::Checker;
use super::findings::Place;
use super::invariants;
use super::says_something;

const JSON: &str = "FHIR R4 json";
const R4: &str = "FHIR R4";

impl<'a> Checker<'a> {
    /// A resource: of an entry, contained, or of a nested Bundle.
    pub(super) fn resource(&mut self, node: Node<'a>, contained: bool, place: &Place<'_>) {
        if !self.is_object(node, place) {
            return;
        }
        let name = node.get("resourceType").and_then(Node::str).unwrap_or_default();
        let Some(kind) = self.r4.resource(name).and_then(|index| self.r4.kind(index)) else {
            let (level, text) = if self.r4.is_resource_type(name) {
                (Information, "resources of this type are kept as they are and not checked")
            } else {
                (Warning, "R4 has no such resource type; it is kept as it is")
            };
            self.findings.add(level, "not-supported", &place.member("resourceType"), text, R4);
            return;
        };
        if contained {
            self.contained_resource(node, place);
        } else {
            self.keep_contained(node);
        }
        self.object(node, kind, place);
    }

    /// The resource of an entry: base R4, and the guide's rules while it is at hand.
    fn of_entry(&mut self, index: usize, node: Node<'a>, place: &Place<'_>) {
        let from = self.links.len();
        self.resource(node, false, place);
        let Some(entry) = self.entries.get_mut(index) else { return };
        entry.links = from..self.links.len();
        let kind = entry.kind;
        self.guide(kind, node, place);
    }

    /// A resource inside another has an id and holds no further ones.
    fn contained_resource(&mut self, node: Node<'a>, place: &Place<'_>) {
        if node.get("id").is_none() {
            self.findings.add(Error, "required", &place.member("id"), "a contained resource has an id", "FHIR R4 references");
        }
        if node.get("contained").is_some() {
            let text = "a contained resource contains no others";
            self.findings.add(Error, "invariant", &place.member("contained"), text, "FHIR R4 DomainResource dom-2");
        }
    }

    /// All members of an object, then what is missing.
    pub(super) fn object(&mut self, node: Node<'a>, kind: &'static Type, place: &Place<'_>) {
        let (mut seen, mut empty) = (0u32, true);
        for (name, value) in node.members() {
            empty = false;
            match self.r4.find(kind, name) {
                Some(element) => {
                    if let Some(mark) = element.mark.filter(|_| says_something(value)) {
                        self.count(node, kind, element, mark, &mut seen, place);
                    }
                    self.element(node, element, value, &place.member(name));
                }
                None => self.other(kind, name, value, &mut seen, &place.member(name)),
            }
        }
        if empty {
            self.findings.add(Warning, "structure", place, "an empty object says nothing", "FHIR R4 ele-1");
        }
        for (index, mark) in self.r4.marks(kind).iter().enumerate() {
            if mark.required && seen & 1 << index == 0 {
                let text = if mark.choice { "the element is missing (one of its types)" } else { "the element is missing" };
                self.findings.add(Error, "required", &place.member(mark.name), text, R4);
            }
        }
        invariants::check(&mut self.findings, self.invariants.get(kind.index).copied().unwrap_or_default(), node, place);
    }

    /// Notes a required element or a choice, of which there is one only.
    fn count(&mut self, node: Node<'a>, kind: &'static Type, element: &Element, mark: usize, seen: &mut u32, place: &Place<'_>) {
        let bit = 1u32.checked_shl(u32::try_from(mark).unwrap_or(u32::MAX)).unwrap_or_default();
        if *seen & bit != 0 {
            let before = node.members().take_while(|(name, _)| *name != element.name);
            let twice = |name| self.r4.find(kind, name).is_some_and(|other| other.mark == Some(mark));
            if before.map(|(name, _)| name).any(twice) {
                let text = "the element is given in two types; expected one";
                self.findings.add(Error, "structure", &place.member(element.name), text, R4);
            }
        }
        *seen |= bit;
    }

    /// A member that is no element of the type: `resourceType`, the companion of a primitive, or unknown.
    fn other(&mut self, kind: &'static Type, name: &'a str, value: Node<'a>, seen: &mut u32, place: &Place<'_>) {
        if name == "resourceType" && kind.resource {
            return;
        }
        let element = name.strip_prefix('_').and_then(|name| self.r4.find(kind, name));
        match element.filter(|element| matches!(element.holds, Holds::Primitive(_))) {
            Some(element) => {
                if let Some(mark) = element.mark {
                    *seen |= 1u32.checked_shl(u32::try_from(mark).unwrap_or(u32::MAX)).unwrap_or_default();
                }
                self.companion(element, value, place);
            }
            // Unknown content is kept, and harms nobody who does not read it.
            None => self.findings.add(Warning, "structure", place, format!("R4 has no such element in {}", kind.name), R4),
        }
    }

    /// What stands beside a primitive: id and extensions, in `_name`.
    fn companion(&mut self, element: &Element, value: Node<'a>, place: &Place<'_>) {
        let Some(kind) = self.r4.kind(self.r4.companion()) else { return };
        if value.is_array() != element.many {
            let text = "expected an array exactly where the element beside it is one";
            self.findings.add(Error, "structure", place, text, JSON);
            return;
        }
        if !element.many {
            if self.is_object(value, place) {
                self.object(value, kind, place);
            }
            return;
        }
        for (index, item) in value.items().enumerate().filter(|(_, item)| item.kind() != Kind::Null) {
            let place = place.item(index);
            if self.is_object(item, &place) {
                self.object(item, kind, &place);
            }
        }
    }

    /// An element: an array where it repeats, a value where it does not.
    fn element(&mut self, parent: Node<'a>, element: &Element, value: Node<'a>, place: &Place<'_>) {
        if value.is_array() != element.many && value.kind() != Kind::Null {
            let text = if element.many { "the element repeats; expected an array" } else { "expected one value, not an array" };
            self.findings.add(Error, "structure", place, text, JSON);
        }
        if !value.is_array() {
            self.value(element, value, place);
            return;
        }
        let mut empty = true;
        for (index, item) in value.items().enumerate() {
            empty = false;
            // An element of a list of primitives may have extensions only.
            let stands_for = || parent.members().any(|(name, _)| name.strip_prefix('_') == Some(element.name));
            if item.kind() == Kind::Null && matches!(element.holds, Holds::Primitive(_)) && stands_for() {
                continue;
            }
            self.value(element, item, &place.item(index));
        }
        if empty {
            self.findings.add(Warning, "structure", place, "an empty array says nothing", JSON);
        }
    }

    fn value(&mut self, element: &Element, value: Node<'a>, place: &Place<'_>) {
        if value.kind() == Kind::Null {
            self.findings.add(Warning, "structure", place, "null says nothing; expected the element to be left out", JSON);
            return;
        }
        match element.holds {
            Holds::Primitive(primitive) => self.primitive(primitive, element, value, place),
            Holds::Resource => match place.entry() {
                Some(index) => self.of_entry(index, value, place),
                None => self.resource(value, element.name == "contained", place),
            },
            Holds::Complex(kind) => {
                if let Some(kind) = self.r4.kind(kind).filter(|_| self.is_object(value, place)) {
                    self.object(value, kind, place);
                    self.coded(element, value, place);
                }
            }
            Holds::Reference(targets) => {
                if let Some(kind) = self.r4.kind(self.r4.reference()).filter(|_| self.is_object(value, place)) {
                    self.object(value, kind, place);
                    self.reference(value, self.r4.targets(targets), place);
                }
            }
        }
    }

    fn is_object(&mut self, value: Node<'a>, place: &Place<'_>) -> bool {
        let object = value.is_object();
        if !object {
            self.findings.add(Error, "structure", place, "expected an object", JSON);
        }
        object
    }

    fn primitive(&mut self, primitive: Primitive, element: &Element, value: Node<'a>, place: &Place<'_>) {
        if value.kind() != primitive.json() {
            let what = match primitive.json() {
                Kind::Bool => "true or false",
                Kind::Number => "a number",
                _ => "a string",
            };
            self.findings.add(Error, "structure", place, format!("expected {what}"), JSON);
            return;
        }
        if value.str() == Some("") {
            self.findings.add(Warning, "value", place, "an empty text says nothing; expected the element to be left out", JSON);
            return;
        }
        if !primitive.accepts(value) {
            self.findings.add(Error, "value", place, format!("expected {}", primitive.expected()), "FHIR R4 datatypes");
            return;
        }
        let set = element.set.and_then(|set| self.r4.set(set));
        if let Some(set) = set.filter(|set| !set.has(value.str().unwrap_or_default())) {
            self.findings.add(Error, "code-invalid", place, expected_codes(set.codes()), R4);
        }
    }

    /// A Coding or CodeableConcept whose code must be of a value set: one of its codings is enough.
    fn coded(&mut self, element: &Element, value: Node<'a>, place: &Place<'_>) {
        let Some(set) = element.set.and_then(|set| self.r4.set(set)) else { return };
        let text = |coding: Node<'a>, name| coding.get(name).and_then(Node::str);
        let in_set = |coding: Node<'a>| {
            text(coding, "code").is_some_and(|code| set.has(code)) && (set.system.is_none() || text(coding, "system") == set.system)
        };
        let bound = match value.get("coding") {
            Some(codings) => codings.items().any(in_set),
            None => in_set(value),
        };
        if !bound {
            self.findings.add(Error, "code-invalid", place, expected_codes(set.codes()), R4);
        }
    }
}

fn expected_codes(codes: &[&str]) -> String {
    const LISTED: usize = 16;
    if codes.len() <= LISTED {
        format!("the code is not one of its value set; expected one of: {}", codes.join(", "))
    } else {
        "the code is not one of its value set".to_owned()
    }
}
