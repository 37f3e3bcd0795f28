//! Which entry of a Bundle a Reference means. One function, for everything that follows references.

use std::cell::OnceCell;
use std::collections::{HashMap, TryReserveError};
use std::hash::Hash;

/// What can be referred to: one entry of a Bundle.
pub trait Target {
    /// `entry.fullUrl`.
    fn full_url(&self) -> Option<&str>;
    /// `resource.resourceType`.
    fn resource_type(&self) -> &str;
    /// `resource.id`.
    fn id(&self) -> Option<&str>;
    /// Whether `resource.identifier` has this pair. A reference without a system matches on the value alone.
    fn has_identifier(&self, system: Option<&str>, value: &str) -> bool;
}

/// A Reference as far as resolution needs it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference<'a> {
    /// `Reference.reference`.
    pub reference: Option<&'a str>,
    /// `Reference.type`; the logical identifier is looked for in resources of this type only.
    pub kind: Option<&'a str>,
    /// `Reference.identifier.system`.
    pub system: Option<&'a str>,
    /// `Reference.identifier.value`.
    pub value: Option<&'a str>,
}

/// The index of the entry a Reference means (messaging.md 4.1, reference rule 2). The steps are tried in turn over all entries: exact
/// fullUrl; UUID with or without `urn:uuid:`; `Type/id`; the tail of an absolute URL; the logical identifier.
pub fn resolve<T: Target>(reference: Reference<'_>, entries: &[T]) -> Option<usize> {
    let by_address = reference.reference.filter(|text| !text.is_empty()).and_then(|text| by_address(text, entries));
    by_address.or_else(|| {
        let value = reference.value.filter(|value| !value.is_empty())?;
        let is_wanted = |entry: &T| reference.kind.is_none_or(|kind| entry.resource_type() == kind);
        entries.iter().position(|entry| is_wanted(entry) && entry.has_identifier(reference.system, value))
    })
}

fn by_address<T: Target>(text: &str, entries: &[T]) -> Option<usize> {
    let find = |test: &dyn Fn(&T) -> bool| entries.iter().position(test);
    if let Some(found) = find(&|entry| entry.full_url() == Some(text)) {
        return Some(found);
    }
    if let Some(uuid) = bare_uuid(text) {
        // The main Ontario RMS writes the header's fullUrl without the prefix.
        let same = |other: Option<&str>| other.and_then(bare_uuid).is_some_and(|other| other.eq_ignore_ascii_case(uuid));
        return find(&|entry| same(entry.full_url())).or_else(|| find(&|entry| same(entry.id())));
    }
    let (kind, id) = type_and_id(text)?;
    find(&|entry| entry.resource_type() == kind && entry.id() == Some(id))
        .or_else(|| find(&|entry| entry.full_url().and_then(type_and_id) == Some((kind, id))))
}

/// The addresses of many entries, so that a reference costs one step instead of a search. It finds what [`resolve`] finds by address.
/// Of the ways to look only those that are needed are prepared.
#[derive(Default)]
pub struct Addresses<'a> {
    entries: Vec<Address<'a>>,
    urls: OnceCell<HashMap<&'a str, usize>>,
    uuids: OnceCell<HashMap<uuid::Uuid, usize>>,
    uuid_ids: OnceCell<HashMap<uuid::Uuid, usize>>,
    ids: OnceCell<HashMap<(&'a str, &'a str), usize>>,
    tails: OnceCell<HashMap<(&'a str, &'a str), usize>>,
}

/// What an entry is known by.
#[derive(Clone, Copy)]
struct Address<'a> {
    full_url: Option<&'a str>,
    resource_type: &'a str,
    id: Option<&'a str>,
}

impl<'a> Addresses<'a> {
    /// Room for this many entries.
    pub fn reserve(&mut self, entries: usize) -> Result<(), TryReserveError> {
        self.entries.try_reserve_exact(entries)
    }

    /// Adds the next entry.
    pub fn add(&mut self, full_url: Option<&'a str>, resource_type: &'a str, id: Option<&'a str>) {
        self.entries.push(Address { full_url, resource_type, id });
    }

    /// The first entry with exactly this fullUrl.
    pub fn with_full_url(&self, url: &str) -> Option<usize> {
        self.urls.get_or_init(|| self.by(|entry| entry.full_url)).get(url).copied()
    }

    /// The entry at this address.
    pub fn find(&self, text: &str) -> Option<usize> {
        if let Some(found) = self.with_full_url(text) {
            return Some(found);
        }
        if let Some(uuid) = uuid_of(text) {
            let by_url = || self.by(|entry| entry.full_url.and_then(uuid_of));
            let by_id = || self.by(|entry| entry.id.and_then(uuid_of));
            let found = self.uuids.get_or_init(by_url).get(&uuid);
            return found.or_else(|| self.uuid_ids.get_or_init(by_id).get(&uuid)).copied();
        }
        let address = type_and_id(text)?;
        let found = self.ids.get_or_init(|| self.by(|entry| Some((entry.resource_type, entry.id?)))).get(&address);
        found.or_else(|| self.tails.get_or_init(|| self.by(|entry| type_and_id(entry.full_url?))).get(&address)).copied()
    }

    /// The entries by one way to look; of two with the same key the first counts.
    fn by<K: Eq + Hash>(&self, key: impl Fn(Address<'a>) -> Option<K>) -> HashMap<K, usize> {
        let mut map = HashMap::new();
        // Without the room it grows as it can.
        let _ = map.try_reserve(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(key) = key(*entry) {
                map.entry(key).or_insert(index);
            }
        }
        map
    }
}

fn uuid_of(text: &str) -> Option<uuid::Uuid> {
    bare_uuid(text).and_then(|uuid| uuid::Uuid::try_parse(uuid).ok())
}

/// The UUID of `urn:uuid:<uuid>` or of a bare UUID.
pub fn bare_uuid(text: &str) -> Option<&str> {
    const PREFIX: &str = "urn:uuid:";
    let uuid = match text.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => text.get(PREFIX.len()..)?,
        _ => text,
    };
    (uuid.len() == 36 && uuid::Uuid::try_parse(uuid).is_ok()).then_some(uuid)
}

/// The resource type a reference names: that of `Type/id`.
pub fn named_type(text: &str) -> Option<&str> {
    type_and_id(text).map(|(kind, _)| kind)
}

/// Type and id of `Type/id`, with or without a base before and a version behind.
fn type_and_id(text: &str) -> Option<(&str, &str)> {
    let unversioned = text.split_once("/_history/").map_or(text, |(before, _)| before);
    let (rest, id) = unversioned.rsplit_once('/')?;
    let kind = rest.rsplit_once('/').map_or(rest, |(_, kind)| kind);
    (kind.starts_with(|first: char| first.is_ascii_uppercase()) && !id.is_empty()).then_some((kind, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entry(Option<&'static str>, &'static str, Option<&'static str>, Option<(&'static str, &'static str)>);

    impl Target for Entry {
        fn full_url(&self) -> Option<&str> {
            self.0
        }
        fn resource_type(&self) -> &str {
            self.1
        }
        fn id(&self) -> Option<&str> {
            self.2
        }
        fn has_identifier(&self, system: Option<&str>, value: &str) -> bool {
            self.3.is_some_and(|(own_system, own_value)| own_value == value && system.is_none_or(|system| system == own_system))
        }
    }

    const UUID: &str = "7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f";

    fn to(reference: &str) -> Reference<'_> {
        Reference { reference: Some(reference), ..Reference::default() }
    }

    #[test]
    fn an_exact_full_url_wins_over_an_id() {
        let entries =
            [Entry(None, "Task", Some("a"), None), Entry(Some("Task/a"), "Task", None, None), Entry(Some("x"), "Task", None, None)];
        assert_eq!(resolve(to("Task/a"), &entries), Some(1));
    }

    #[test]
    fn a_uuid_matches_with_and_without_prefix_and_in_either_case() {
        let bare = [Entry(Some(UUID), "Task", None, None)];
        let prefixed = [Entry(Some("urn:uuid:7F1460C8-4AB0-4EE3-9BA5-EE7F1119B78F"), "Task", None, None)];
        let by_id = [Entry(None, "Task", Some(UUID), None)];
        for entries in [&bare, &prefixed, &by_id] {
            assert_eq!(resolve(to(&format!("urn:uuid:{UUID}")), entries), Some(0));
            assert_eq!(resolve(to(UUID), entries), Some(0));
        }
    }

    #[test]
    fn type_and_id_match_the_resource_not_another_type() {
        let entries = [Entry(None, "Task", Some("1"), None), Entry(None, "Patient", Some("1"), None)];
        assert_eq!(resolve(to("Patient/1"), &entries), Some(1));
        assert_eq!(resolve(to("https://rms.example/fhir/Patient/1/_history/3"), &entries), Some(1));
        assert_eq!(resolve(to("Location/1"), &entries), None);
    }

    #[test]
    fn an_absolute_full_url_answers_a_relative_reference() {
        let entries = [Entry(Some("https://rms.example/fhir/Task/7"), "Task", None, None)];
        assert_eq!(resolve(to("Task/7"), &entries), Some(0));
    }

    #[test]
    fn the_logical_identifier_comes_last() {
        let entries = [Entry(None, "ServiceRequest", None, Some(("https://a.example", "R-1")))];
        let mut reference = Reference { system: Some("https://a.example"), value: Some("R-1"), ..Reference::default() };
        assert_eq!(resolve(reference, &entries), Some(0));
        reference.kind = Some("Task");
        assert_eq!(resolve(reference, &entries), None);
        (reference.kind, reference.system) = (None, Some("https://b.example"));
        assert_eq!(resolve(reference, &entries), None);
        assert_eq!(resolve(Reference::default(), &entries), None);
    }

    #[test]
    fn addresses_find_what_resolve_finds() {
        const OTHER: &str = "urn:uuid:7F1460C8-4AB0-4EE3-9BA5-EE7F1119B78F";
        let entries = [
            Entry(Some(UUID), "MessageHeader", Some("1"), None),
            Entry(Some("https://rms.example/fhir/Task/7"), "Task", None, None),
            Entry(None, "Task", Some("7"), None),
            Entry(None, "Patient", Some(UUID), None),
            Entry(Some("Task/1"), "Task", Some("9"), None),
            Entry(Some(OTHER), "Task", Some("7"), None),
        ];
        let mut addresses = Addresses::default();
        for entry in &entries {
            addresses.add(entry.full_url(), entry.resource_type(), entry.id());
        }
        let others = ["Task/7", "Task/1", "Task/9", "Patient/1", "https://x.example/Task/7/_history/2", "", "/", "Task/", "#1"];
        for text in [UUID, OTHER, "urn:uuid:00000000-0000-4000-8000-000000000001"].into_iter().chain(others) {
            assert_eq!(addresses.find(text), resolve(to(text), &entries), "{text}");
        }
    }
}
