//! Walking and writing JSON along the paths of the field table (`guide/field.rs` says how they are written).

use serde_json::{Map, Value};

use super::view::View;
use crate::proto::fhir::tree::{Kind, Node, list};

/// The steps of a path, one after the other.
#[derive(Clone, Copy)]
struct Steps<'a> {
    path: &'a str,
    at: usize,
}

/// One step of a path, with the path up to and including it.
struct Step<'a> {
    kind: StepKind<'a>,
    prefix: &'a str,
}

enum StepKind<'a> {
    Member(&'a str),
    Element(usize),
    Chosen,
    Where { key: &'a str, contains: bool, values: &'a str },
    Resolve,
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;
    fn next(&mut self) -> Option<Step<'a>> {
        let rest = self.path.get(self.at..)?;
        let (dot, rest) = rest.strip_prefix('.').map_or((0, rest), |rest| (1, rest));
        if rest.is_empty() {
            return None;
        }
        let (kind, length) = if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            (choice(inner.get(..end).unwrap_or_default()), end + 2)
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            (if name == "resolve()" { StepKind::Resolve } else { StepKind::Member(name) }, end)
        };
        self.at += dot + length;
        Some(Step { kind, prefix: self.path.get(..self.at).unwrap_or(self.path) })
    }
}

impl Steps<'_> {
    /// The steps after the next one, when that is the caller's choice.
    fn peek_chosen(mut self) -> Option<Self> {
        matches!(self.next()?.kind, StepKind::Chosen).then_some(self)
    }
}

fn steps(path: &str) -> Steps<'_> {
    Steps { path, at: 0 }
}

/// What stands between brackets.
fn choice(text: &str) -> StepKind<'_> {
    match text.split_once('=') {
        Some((key, values)) => {
            let (key, contains) = key.strip_suffix('~').map_or((key, false), |key| (key, true));
            StepKind::Where { key, contains, values }
        }
        None => text.parse().map_or(StepKind::Chosen, StepKind::Element),
    }
}

/// Whether a text is, or contains, one of the values of a choice.
fn is_wanted(text: &str, contains: bool, values: &str) -> bool {
    values.split('|').any(|wanted| if contains { text.contains(wanted) } else { text == wanted })
}

fn head_and_tail(key: &str) -> (&str, Option<&str>) {
    key.split_once('.').map_or((key, None), |(head, tail)| (head, Some(tail)))
}

/// Whether any value at the dotted key matches; lists on the way are looked through.
fn matches(node: Node<'_>, key: &str, contains: bool, values: &str) -> bool {
    let (head, tail) = head_and_tail(key);
    list(Some(node)).filter_map(|item| item.get(head)).any(|member| match tail {
        Some(tail) => matches(member, tail, contains, values),
        None => is_wanted(member.str().unwrap_or_default(), contains, values),
    })
}

/// The value at a path from a node of the message; `index` is the caller's choice for `[]`. Among the elements that match, the first that
/// leads on is taken.
pub fn walk<'a>(view: View<'a>, from: Node<'a>, path: &str, index: usize) -> Option<Node<'a>> {
    follow(view, from, steps(path), index)
}

fn follow<'a>(view: View<'a>, node: Node<'a>, mut steps: Steps<'_>, index: usize) -> Option<Node<'a>> {
    let Some(step) = steps.next() else { return Some(node) };
    let mut items = list(Some(node));
    match step.kind {
        StepKind::Member(name) => follow(view, items.next()?.get(name)?, steps, index),
        StepKind::Element(wanted) => follow(view, items.nth(wanted)?, steps, index),
        StepKind::Chosen => follow(view, items.nth(index)?, steps, index),
        StepKind::Where { key, contains, values } => {
            let mut wanted = items.filter(|item| matches(*item, key, contains, values));
            match steps.peek_chosen() {
                Some(rest) => follow(view, wanted.nth(index)?, rest, index),
                None => wanted.find_map(|item| follow(view, item, steps, index)),
            }
        }
        StepKind::Resolve => follow(view, view.resolve(items.next()?)?, steps, index),
    }
}

/// How many elements the caller may choose from at `[]`; without one, 1 when the path leads somewhere.
pub fn count<'a>(view: View<'a>, from: Node<'a>, path: &str) -> usize {
    match path.split_once("[]") {
        Some((before, _)) => counted(view, from, steps(before)),
        None => usize::from(walk(view, from, path, 0).is_some()),
    }
}

fn counted<'a>(view: View<'a>, node: Node<'a>, mut steps: Steps<'_>) -> usize {
    let Some(step) = steps.next() else { return list(Some(node)).count() };
    let mut items = list(Some(node));
    let next = match step.kind {
        StepKind::Member(name) => items.next().and_then(|item| item.get(name)),
        StepKind::Element(wanted) => items.nth(wanted),
        StepKind::Chosen => None,
        StepKind::Where { key, contains, values } => {
            let mut wanted = items.filter(|item| matches(*item, key, contains, values));
            let mut rest = steps;
            if rest.next().is_none() {
                return wanted.count();
            }
            wanted.next()
        }
        StepKind::Resolve => items.next().and_then(|item| view.resolve(item)),
    };
    next.map_or(0, |node| counted(view, node, steps))
}

/// The text of a simple value; an empty one counts as none.
pub fn text(node: Node<'_>) -> Option<&str> {
    match node.kind() {
        Kind::String => node.str().filter(|text| !text.is_empty()),
        Kind::Number | Kind::Bool => Some(node.raw()),
        Kind::Object | Kind::Array | Kind::Null => None,
    }
}

/// The type of a resource that is being composed, empty when it does not say.
pub fn resource_type(value: &Value) -> &str {
    value.get("resourceType").and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a list that is being composed; a single value where a list belongs counts as a list of one.
pub fn elements_of(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        Some(Value::Null) | None => &[],
        Some(single) => std::slice::from_ref(single),
    }
}

/// As [`matches`], in what is being composed.
fn matches_value(value: &Value, key: &str, contains: bool, values: &str) -> bool {
    let (head, tail) = head_and_tail(key);
    elements_of(Some(value)).iter().filter_map(|item| item.get(head)).any(|member| match tail {
        Some(tail) => matches_value(member, tail, contains, values),
        None => is_wanted(member.as_str().unwrap_or_default(), contains, values),
    })
}

/// Writes a value, making what is missing on the way. `start` gives what a new element at a prefix of the path begins with.
pub fn write(root: &mut Value, path: &str, index: usize, value: Value, start: &dyn Fn(&str) -> Option<Value>) {
    let mut place = root;
    for step in steps(path) {
        place = match step.kind {
            StepKind::Member(name) => members(place).entry(name).or_insert(Value::Null),
            StepKind::Element(wanted) => element(elements(place), wanted),
            StepKind::Chosen => element(elements(place), index),
            StepKind::Where { key, contains, values } => {
                let items = elements(place);
                let found = items.iter().position(|item| matches_value(item, key, contains, values)).unwrap_or(items.len());
                element(items, found)
            }
            // No field that is written stands in another resource than its home.
            StepKind::Resolve => return,
        };
        if place.is_null()
            && let Some(begin) = start(step.prefix)
        {
            *place = begin;
        }
    }
    *place = value;
}

/// Whether something stands at the path already.
pub fn holds(root: &Value, path: &str, index: usize) -> bool {
    let mut places = vec![root];
    for step in steps(path) {
        places = match step.kind {
            StepKind::Member(name) => places.iter().filter_map(|place| first(place)?.get(name)).collect(),
            StepKind::Element(wanted) => places.iter().filter_map(|place| elements_of(Some(place)).get(wanted)).collect(),
            StepKind::Chosen => places.iter().filter_map(|place| elements_of(Some(place)).get(index)).collect(),
            StepKind::Where { key, contains, values } => {
                let items = places.iter().flat_map(|place| elements_of(Some(place)));
                items.filter(|item| matches_value(item, key, contains, values)).collect()
            }
            StepKind::Resolve => return false,
        };
    }
    !places.is_empty()
}

fn first(place: &Value) -> Option<&Value> {
    elements_of(Some(place)).first()
}

/// Takes away what stands at the path. Of a list, the element chosen becomes a gap; so does one of which the value goes that made it.
pub fn remove(root: &mut Value, path: &str, index: usize) {
    if !holds(root, path, index) {
        return;
    }
    let path = path.strip_suffix(".value").filter(|element| element.ends_with(']')).unwrap_or(path);
    let (before, last) = match steps(path).last().map(|last| last.kind) {
        Some(StepKind::Member(name)) => (path.strip_suffix(name).unwrap_or_default().trim_end_matches('.'), Some(name)),
        _ => (path, None),
    };
    let mut place = root;
    for step in steps(before) {
        let found = match step.kind {
            StepKind::Member(name) => place.get_mut(name),
            StepKind::Element(wanted) => place.get_mut(wanted),
            StepKind::Chosen => place.get_mut(index),
            StepKind::Where { key, contains, values } => {
                let items = place.as_array_mut().map(|items| items.iter_mut());
                items.and_then(|mut items| items.find(|item| matches_value(item, key, contains, values)))
            }
            StepKind::Resolve => None,
        };
        let Some(found) = found else { return };
        place = found;
    }
    match last {
        Some(name) => drop(place.as_object_mut().and_then(|members| members.shift_remove(name))),
        None => *place = Value::Null,
    }
}

fn members(place: &mut Value) -> &mut Map<String, Value> {
    match place {
        Value::Object(map) => map,
        other => {
            *other = Value::Object(Map::new());
            members(other)
        }
    }
}

fn elements(place: &mut Value) -> &mut Vec<Value> {
    match place {
        Value::Array(items) => items,
        other => {
            *other = Value::Array(Vec::new());
            elements(other)
        }
    }
}

fn element(items: &mut Vec<Value>, index: usize) -> &mut Value {
    if items.len() <= index {
        items.resize(index + 1, Value::Null);
    }
    &mut items[index]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::messaging::view::tests::Sample;
    use serde_json::json;

    fn read(value: Value, path: &str, index: usize) -> Option<String> {
        let sample = Sample::resources(&[value, json!({"resourceType": "Location", "id": "l1", "name": "Room 4"})]);
        let view = sample.view();
        walk(view, view.header().unwrap(), path, index).and_then(text).map(str::to_owned)
    }

    #[test]
    fn steps_into_a_list_take_its_first_element_and_single_values_pass_for_lists() {
        let value = || json!({"name": [{"given": ["Anna", "Maria"]}], "code": {"coding": {"code": "x"}}});
        assert_eq!(read(value(), "name.given[1]", 0).as_deref(), Some("Maria"));
        assert_eq!(read(value(), "name[0].given[]", 1).as_deref(), Some("Maria"));
        assert_eq!(read(value(), "code.coding[0].code", 0).as_deref(), Some("x"));
        assert_eq!(read(value(), "name[1].family", 0), None);
    }

    #[test]
    fn a_choice_looks_through_lists_and_keeps_dots_and_slashes_in_its_values() {
        let value = || {
            json!({"identifier": [
                {"system": "https://a.example/id-site-number", "value": "1"},
                {"type": {"coding": [{"code": "JHN"}]}, "value": "2"}]})
        };
        assert_eq!(read(value(), "identifier[type.coding.code=MR|JHN].value", 0).as_deref(), Some("2"));
        assert_eq!(read(value(), "identifier[system~=/id-site-number].value", 0).as_deref(), Some("1"));
    }

    #[test]
    fn a_path_leads_through_a_reference_into_another_resource() {
        let value = || json!({"participant": [{"actor": {"reference": "Location/none"}}, {"actor": {"reference": "Location/l1"}}]});
        assert_eq!(read(value(), "participant[].actor.resolve().name", 1).as_deref(), Some("Room 4"));
        assert_eq!(read(value(), "participant[].actor.resolve().name", 0), None);
    }

    #[test]
    fn a_choice_may_leave_several_to_choose_from() {
        let value = json!({"extension": [{"url": "a", "valueString": "1"}, {"url": "b"}, {"url": "a", "valueString": "2"}]});
        let path = "extension[url=a][].valueString";
        assert_eq!([0, 1, 2].map(|index| read(value.clone(), path, index)), [Some("1".to_owned()), Some("2".to_owned()), None]);
        let sample = Sample::resources(&[value]);
        let counted = |path: &str| count(sample.view(), sample.view().header().unwrap(), path);
        assert_eq!(
            [counted(path), counted("extension[].url"), counted("extension[url=c][].url"), counted("extension[url=b].url")],
            [2, 3, 0, 1]
        );
    }

    #[test]
    fn what_is_taken_away_leaves_a_gap_in_its_list() {
        let mut value = json!({"telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}], "note": [{"text": "a"}, {"text": "b"}], "status": "active", "given": ["x", "y"]});
        for (path, index) in
            [("telecom[system=email].value", 0), ("note[].text", 1), ("status", 0), ("given[]", 0), ("gone[0].text", 0)]
        {
            remove(&mut value, path, index);
        }
        assert_eq!(
            value,
            json!({"telecom": [{"system": "phone", "value": "1"}, null], "note": [{"text": "a"}, {}], "given": [null, "y"]})
        );
        assert!(holds(&value, "note[].text", 0) && !holds(&value, "note[].text", 1));
    }

    #[test]
    fn writing_begins_new_elements_with_their_fixed_part_once() {
        let start = |prefix: &str| (prefix == "identifier[system~=/mrn]").then(|| json!({"system": "https://a.example/mrn"}));
        let mut value = json!({});
        write(&mut value, "identifier[system~=/mrn].value", 0, json!("1"), &start);
        write(&mut value, "identifier[system~=/mrn].value", 0, json!("2"), &start);
        assert_eq!(value, json!({"identifier": [{"system": "https://a.example/mrn", "value": "2"}]}));
    }
}
