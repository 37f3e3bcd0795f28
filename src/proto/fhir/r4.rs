//! Base FHIR R4 as a table: the elements of the resource types that messages carry, with count, type, targets and required codes.
//!
//! `guide/r4.table` is made from the published definitions by `tools/r4_table.py`, which says how it is written; it is read once, at
//! the first use.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use super::primitive::Primitive;

const TABLE: &str = include_str!("../guide/r4.table");

/// What an element holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A primitive value.
    Primitive(Primitive),
    /// An object of this type.
    Complex(usize),
    /// A Reference to one of these resource types; see [`R4::targets`].
    Reference(usize),
    /// A resource of any type.
    Resource,
}

/// One element of a type.
#[derive(Debug)]
pub struct Element {
    /// Its name in JSON.
    pub name: &'static str,
    /// Whether it is an array.
    pub many: bool,
    /// What it holds.
    pub holds: Holds,
    /// The required value set it is bound to; see [`R4::set`].
    pub set: Option<usize>,
    /// Its place in the marks of its type, if it has one.
    pub mark: Option<usize>,
}

/// What is counted in a type: a required element, or a choice, of which there is at most one.
#[derive(Debug)]
pub struct Mark {
    /// The element's name, or that of the choice without `[x]`.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is a choice.
    pub choice: bool,
}

/// A resource type, data type or backbone element.
#[derive(Debug)]
pub struct Type {
    /// Its name, e.g. `Task.restriction`.
    pub name: &'static str,
    /// Its number.
    pub index: usize,
    /// Whether it is a resource.
    pub resource: bool,
    elements: Range<usize>,
    marks: Range<usize>,
}

/// A value set.
#[derive(Debug)]
pub struct Set {
    /// Its name, e.g. `task-status`.
    pub name: &'static str,
    /// The code system, when all codes are of one.
    pub system: Option<&'static str>,
    codes: Vec<&'static str>,
}

impl Set {
    /// Whether the code is in it.
    pub fn has(&self, code: &str) -> bool {
        self.codes.binary_search(&code).is_ok()
    }

    /// The codes, sorted.
    pub fn codes(&self) -> &[&'static str] {
        &self.codes
    }
}

/// The table.
pub struct R4 {
    types: Vec<Type>,
    elements: Vec<Element>,
    /// The key of each element.
    keys: Vec<u64>,
    marks: Vec<Mark>,
    sets: Vec<Set>,
    targets: Vec<Vec<&'static str>>,
    names: HashMap<&'static str, usize>,
    element: usize,
    reference: usize,
    every: Option<usize>,
}

impl R4 {
    /// The table.
    pub fn get() -> &'static Self {
        static READ: OnceLock<R4> = OnceLock::new();
        READ.get_or_init(|| Self::read(TABLE))
    }

    /// All types, by number.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// A type by its number.
    pub fn kind(&self, index: usize) -> Option<&Type> {
        self.types.get(index)
    }

    /// The number of a resource type; `None` when the table does not have it.
    pub fn resource(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied().filter(|index| self.types.get(*index).is_some_and(|kind| kind.resource))
    }

    /// Whether R4 has a resource type of this name, in the table or not.
    pub fn is_resource_type(&self, name: &str) -> bool {
        self.every.and_then(|set| self.sets.get(set)).is_some_and(|set| set.has(name))
    }

    /// The type of what stands beside a primitive, in `_name`.
    pub fn companion(&self) -> usize {
        self.element
    }

    /// The type Reference.
    pub fn reference(&self) -> usize {
        self.reference
    }

    /// An element of a type by its name in JSON.
    pub fn find(&self, kind: &Type, name: &str) -> Option<&Element> {
        let key = key(name);
        let keys = self.keys.get(kind.elements.clone())?;
        let from = keys.partition_point(|own| *own < key);
        // Few elements of a type have the same key.
        let alike = keys.iter().skip(from).take_while(|own| **own == key).count();
        let from = kind.elements.start + from;
        self.elements.get(from..from + alike)?.iter().find(|element| element.name == name)
    }

    /// What is counted in a type.
    pub fn marks(&self, kind: &Type) -> &[Mark] {
        self.marks.get(kind.marks.clone()).unwrap_or_default()
    }

    /// A value set by its number.
    pub fn set(&self, index: usize) -> Option<&Set> {
        self.sets.get(index)
    }

    /// The resource types a Reference may lead to; empty when any will do.
    pub fn targets(&self, index: usize) -> &[&'static str] {
        self.targets.get(index).map_or(&[], Vec::as_slice)
    }

    fn read(table: &'static str) -> Self {
        let mut read = Self {
            types: Vec::new(),
            elements: Vec::new(),
            keys: Vec::new(),
            marks: Vec::new(),
            sets: Vec::new(),
            targets: Vec::new(),
            names: HashMap::new(),
            element: 0,
            reference: 0,
            every: None,
        };
        let lines = || table.lines().map(|line| line.split(' '));
        let types = lines().filter(|parts| parts.clone().next() == Some("T"));
        read.names = types.filter_map(|mut parts| parts.nth(2)).enumerate().map(|(index, name)| (name, index)).collect();
        read.element = read.names.get("Element").copied().unwrap_or_default();
        read.reference = read.names.get("Reference").copied().unwrap_or_default();
        let mut sets = HashMap::new();
        for mut parts in lines() {
            match (parts.next(), parts.next()) {
                (Some("S"), Some(name)) => {
                    let system = parts.next().filter(|system| *system != "-");
                    sets.insert(name, read.sets.len());
                    read.sets.push(Set { name, system, codes: parts.collect() });
                }
                (Some("T"), Some(kind)) => read.open(kind, parts.next().unwrap_or_default()),
                (Some(name), Some(count)) => {
                    let holds = parts.next().unwrap_or_default();
                    let set = parts.next().and_then(|set| sets.get(set).copied());
                    read.element(name, count, holds, set);
                }
                _ => {}
            }
        }
        read.close();
        read.every = sets.get("resource-types").copied();
        read
    }

    /// Begins a type with what every type of its kind has.
    fn open(&mut self, kind: &str, name: &'static str) {
        self.close();
        let (elements, marks) = (self.elements.len(), self.marks.len());
        let resource = matches!(kind, "R" | "D");
        let index = self.types.len();
        self.types.push(Type { name, index, resource, elements: elements..elements, marks: marks..marks });
        self.element("id", "?", if resource { "id" } else { "string" }, None);
        if resource {
            for (name, holds) in [("meta", "Meta"), ("implicitRules", "uri"), ("language", "code")] {
                self.element(name, "?", holds, None);
            }
        }
        if kind == "D" {
            self.element("text", "?", "Narrative", None);
            self.element("contained", "*", "&", None);
        }
        if kind != "R" {
            self.element("extension", "*", "Extension", None);
        }
        if matches!(kind, "D" | "B") {
            self.element("modifierExtension", "*", "Extension", None);
        }
    }

    /// Ends the type under way: its elements in the order in which they are looked for.
    fn close(&mut self) {
        let Some(kind) = self.types.last_mut() else { return };
        (kind.elements.end, kind.marks.end) = (self.elements.len(), self.marks.len());
        if let Some(elements) = self.elements.get_mut(kind.elements.clone()) {
            elements.sort_unstable_by_key(|element| key(element.name));
            self.keys.extend(elements.iter().map(|element| key(element.name)));
        }
    }

    fn element(&mut self, name: &'static str, count: &'static str, holds: &'static str, set: Option<usize>) {
        let choice = count.get(1..).filter(|choice| !choice.is_empty());
        let required = count.starts_with(['!', '+']);
        let mark = (required || choice.is_some()).then(|| self.mark(choice.unwrap_or(name), required, choice.is_some()));
        let holds = match holds.strip_prefix('@') {
            Some(targets) => {
                self.targets.push(targets.split(',').filter(|target| !target.is_empty()).collect());
                Holds::Reference(self.targets.len() - 1)
            }
            None if holds == "&" => Holds::Resource,
            None => match (Primitive::named(holds), self.names.get(holds)) {
                (Some(primitive), _) => Holds::Primitive(primitive),
                (None, kind) => Holds::Complex(kind.copied().unwrap_or(self.element)),
            },
        };
        self.elements.push(Element { name, many: count.starts_with(['*', '+']), holds, set, mark });
    }

    fn mark(&mut self, name: &'static str, required: bool, choice: bool) -> usize {
        let from = self.types.last().map_or(0, |kind| kind.marks.start);
        let own = self.marks.get(from..).unwrap_or_default();
        own.iter().position(|mark| mark.name == name).unwrap_or_else(|| {
            self.marks.push(Mark { name, required, choice });
            self.marks.len() - from - 1
        })
    }
}

/// What elements are sorted by: the length of the name and its first seven bytes tell nearly all names of a type apart.
fn key(name: &str) -> u64 {
    let join = |head: &[u8]| head.iter().fold(0, |key, byte| key << 8 | u64::from(*byte));
    let head = name.as_bytes().first_chunk::<7>().map_or_else(|| join(name.as_bytes()), |head| join(head));
    u64::from(u8::try_from(name.len()).unwrap_or(u8::MAX)) << 56 | head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(kind: &str, name: &str) -> Option<&'static Element> {
        let r4 = R4::get();
        r4.find(r4.kind(r4.names[kind])?, name)
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        let r4 = R4::get();
        for line in TABLE.lines().filter(|line| !line.starts_with(['S', 'T'])) {
            let parts: Vec<&str> = line.split(' ').collect();
            let known = Primitive::named(parts[2]).is_some() || parts[2].starts_with(['@', '&']) || r4.names.contains_key(parts[2]);
            assert!(known && (3..=4).contains(&parts.len()), "{line}");
            assert!(parts.get(3).is_none_or(|set| r4.sets.iter().any(|own| own.name == *set)), "{line}");
        }
        for kind in &r4.types {
            assert!(r4.marks(kind).len() <= 32, "{}", kind.name);
        }
        for set in &r4.sets {
            assert!(set.codes.is_sorted(), "{}", set.name);
        }
        for targets in &r4.targets {
            assert!(targets.iter().all(|target| r4.is_resource_type(target)), "{targets:?}");
        }
    }

    #[test]
    fn elements_have_their_count_type_and_codes() {
        let r4 = R4::get();
        let status = element("Task", "status").unwrap();
        assert_eq!((status.many, status.holds), (false, Holds::Primitive(Primitive::Code)));
        assert!(r4.set(status.set.unwrap()).unwrap().has("on-hold"));
        assert!(!r4.set(status.set.unwrap()).unwrap().has("held"));
        let performer = element("ServiceRequest", "performer").unwrap();
        let Holds::Reference(targets) = performer.holds else { panic!("{performer:?}") };
        assert!(performer.many && r4.targets(targets).contains(&"PractitionerRole"));
        assert!(element("Patient", "deceasedBoolean").is_some() && element("Patient", "deceased").is_none());
        assert!(element("Task.restriction", "modifierExtension").is_some());
        assert!(element("Coding", "modifierExtension").is_none());
        assert_eq!(
            element("QuestionnaireResponse.item", "item").unwrap().holds,
            Holds::Complex(r4.names["QuestionnaireResponse.item"])
        );
        assert_eq!(element("Patient", "contained").unwrap().holds, Holds::Resource);
    }

    #[test]
    fn types_beyond_the_table_are_known_by_name() {
        let r4 = R4::get();
        assert!(r4.resource("Patient").is_some() && r4.resource("Coding").is_none() && r4.resource("Claim").is_none());
        assert!(r4.is_resource_type("Claim") && !r4.is_resource_type("Citation"));
    }

    #[test]
    fn the_table_stays_small() {
        assert!(TABLE.len() <= 200 * 1024, "{}", TABLE.len());
    }
}
