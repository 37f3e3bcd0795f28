//! Which entry of a Bundle a Reference means. One function, for everything that follows references.

use std::sync::OnceLock;

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

/// The entries of a Bundle, where many references are followed.
pub trait Targets<'a>: Copy {
    /// How many there are.
    fn count(self) -> usize;
    /// `fullUrl` of an entry.
    fn full_url(self, entry: usize) -> Option<&'a str>;
    /// `resource.resourceType` of an entry.
    fn resource_type(self, entry: usize) -> &'a str;
    /// `resource.id` of an entry.
    fn id(self, entry: usize) -> Option<&'a str>;
    /// System and value of the identifiers of an entry's resource, those with a value.
    fn identifiers(self, entry: usize) -> impl Iterator<Item = (Option<&'a str>, &'a str)>;
}

/// Finds what [`resolve`] finds, by a few steps for each reference instead of a search. Of the ways to look only those that are needed
/// are prepared. It holds places of the entries and no text of them.
#[derive(Default)]
pub struct Index {
    urls: Order,
    uuids: Order,
    uuid_ids: Order,
    ids: Order,
    tails: Order,
    /// By type or any, by system or any.
    logical: [Order; 4],
}

impl Index {
    /// The index of the entry a Reference means.
    pub fn find<'a>(&self, targets: impl Targets<'a>, reference: Reference<'a>) -> Option<usize> {
        let by_address = reference.reference.filter(|text| !text.is_empty()).and_then(|text| self.by_address(targets, text));
        by_address.or_else(|| self.by_identifier(targets, reference))
    }

    /// The first entry with exactly this fullUrl.
    pub fn with_full_url<'a>(&self, targets: impl Targets<'a>, url: &'a str) -> Option<usize> {
        self.urls.first(targets, |entry| targets.full_url(entry), url)
    }

    fn by_address<'a>(&self, targets: impl Targets<'a>, text: &'a str) -> Option<usize> {
        if let Some(found) = self.with_full_url(targets, text) {
            return Some(found);
        }
        if let Some(uuid) = uuid_of(text) {
            let by_url = self.uuids.first(targets, |entry| targets.full_url(entry).and_then(uuid_of), uuid);
            return by_url.or_else(|| self.uuid_ids.first(targets, |entry| targets.id(entry).and_then(uuid_of), uuid));
        }
        let address = type_and_id(text)?;
        let by_id = self.ids.first(targets, |entry| Some((targets.resource_type(entry), targets.id(entry)?)), address);
        by_id.or_else(|| self.tails.first(targets, |entry| type_and_id(targets.full_url(entry)?), address))
    }

    fn by_identifier<'a>(&self, targets: impl Targets<'a>, reference: Reference<'a>) -> Option<usize> {
        let Reference { kind, system, value, .. } = reference;
        let value = value.filter(|value| !value.is_empty())?;
        let order = self.logical.get(usize::from(kind.is_some()) * 2 + usize::from(system.is_some()))?;
        let keys = |entry: usize| {
            let kind = kind.map(|_| targets.resource_type(entry));
            targets.identifiers(entry).map(move |(own, value)| (kind, own.filter(|_| system.is_some()), value))
        };
        order.first_of_many(targets, keys, (kind, system, value))
    }
}

/// The entries in the order of one key, made at the first look: each with which of its keys it stands there by.
#[derive(Default)]
struct Order(OnceLock<Vec<(u32, u32)>>);

impl Order {
    /// The first entry with this key.
    fn first<'a, K: Ord>(&self, targets: impl Targets<'a>, key: impl Fn(usize) -> Option<K>, wanted: K) -> Option<usize> {
        self.first_of_many(targets, |entry| key(entry).into_iter(), wanted)
    }

    /// As [`Order::first`], where an entry may have several keys.
    fn first_of_many<'a, K: Ord, I: Iterator<Item = K>>(
        &self,
        targets: impl Targets<'a>,
        keys: impl Fn(usize) -> I,
        wanted: K,
    ) -> Option<usize> {
        let key = |(entry, nth): &(u32, u32)| keys(*entry as usize).nth(*nth as usize);
        let places = self.0.get_or_init(|| {
            let entries = 0..u32::try_from(targets.count()).unwrap_or(u32::MAX);
            let mut places: Vec<_> =
                entries.flat_map(|entry| (0..).zip(keys(entry as usize)).map(move |(nth, _)| (entry, nth))).collect();
            // Of two with the same key the first stays the first.
            places.sort_by_cached_key(key);
            places
        });
        let wanted = Some(wanted);
        let at = places.partition_point(|place| key(place) < wanted);
        places.get(at).filter(|place| key(place) == wanted).map(|(entry, _)| *entry as usize)
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

    impl Targets<'static> for &[Entry] {
        fn count(self) -> usize {
            self.len()
        }
        fn full_url(self, entry: usize) -> Option<&'static str> {
            self[entry].0
        }
        fn resource_type(self, entry: usize) -> &'static str {
            self[entry].1
        }
        fn id(self, entry: usize) -> Option<&'static str> {
            self[entry].2
        }
        fn identifiers(self, entry: usize) -> impl Iterator<Item = (Option<&'static str>, &'static str)> {
            self[entry].3.into_iter().map(|(system, value)| (Some(system), value))
        }
    }

    #[test]
    fn the_index_finds_what_resolve_finds() {
        const OTHER: &str = "urn:uuid:7F1460C8-4AB0-4EE3-9BA5-EE7F1119B78F";
        const NUMBER: (&str, &str) = ("https://a.example", "R-1");
        let entries = [
            Entry(Some(UUID), "MessageHeader", Some("1"), None),
            Entry(Some("https://rms.example/fhir/Task/7"), "Task", None, Some(("https://b.example", "R-1"))),
            Entry(None, "Task", Some("7"), Some(NUMBER)),
            Entry(None, "Patient", Some(UUID), Some(NUMBER)),
            Entry(Some("Task/1"), "Task", Some("9"), Some(NUMBER)),
            Entry(Some(OTHER), "Task", Some("7"), None),
        ];
        let index = Index::default();
        let others = ["Task/7", "Task/1", "Task/9", "Patient/1", "https://x.example/Task/7/_history/2", "", "/", "Task/", "#1"];
        for text in [UUID, OTHER, "urn:uuid:00000000-0000-4000-8000-000000000001"].into_iter().chain(others) {
            assert_eq!(index.find(entries.as_slice(), to(text)), resolve(to(text), &entries), "{text}");
        }
        for kind in [None, Some("Task"), Some("Patient"), Some("Location")] {
            for system in [None, Some(NUMBER.0), Some("https://c.example")] {
                for value in [Some("R-1"), Some("R-2"), Some(""), None] {
                    let reference = Reference { reference: Some("Task/none"), kind, system, value };
                    assert_eq!(index.find(entries.as_slice(), reference), resolve(reference, &entries), "{reference:?}");
                }
            }
        }
    }
}
