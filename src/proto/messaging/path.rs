//! Walking and writing JSON along the paths of the field table (`guide/fields_table.rs` says how they are written).

use serde_json::{Map, Value};

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
}

/// The steps of a path.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut at = 0;
    while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            (choice(inner.get(..end).unwrap_or_default()), end + 2)
        } else if rest.starts_with('.') {
            at += 1;
            continue;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            (StepKind::Member(rest.get(..end).unwrap_or_default()), end)
        };
        at += length;
        steps.push(Step { kind, prefix: path.get(..at).unwrap_or(path) });
    }
    steps
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

/// Whether any value at the dotted key matches; lists on the way are looked through.
fn matches(value: &Value, key: &str, contains: bool, values: &str) -> bool {
    if let Value::Array(items) = value {
        return items.iter().any(|item| matches(item, key, contains, values));
    }
    let (head, tail) = key.split_once('.').map_or((key, None), |(head, tail)| (head, Some(tail)));
    let Some(member) = value.get(head) else { return false };
    match tail {
        Some(tail) => matches(member, tail, contains, values),
        None => {
            let text = member.as_str().unwrap_or_default();
            values.split('|').any(|wanted| if contains { text.contains(wanted) } else { text == wanted })
        }
    }
}

/// The value at a path; `index` is the caller's choice for `[]`. Among the elements that match, the first that leads on is taken.
pub fn walk<'v>(root: &'v Value, path: &str, index: usize) -> Option<&'v Value> {
    follow(root, &steps(path), index)
}

fn follow<'v>(value: &'v Value, steps: &[Step<'_>], index: usize) -> Option<&'v Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    match step.kind {
        StepKind::Member(name) => follow(items.first()?.get(name)?, rest, index),
        StepKind::Element(wanted) => follow(items.get(wanted)?, rest, index),
        StepKind::Chosen => follow(items.get(index)?, rest, index),
        StepKind::Where { key, contains, values } => {
            items.iter().filter(|item| matches(item, key, contains, values)).find_map(|item| follow(item, rest, index))
        }
    }
}

/// How many elements the list before `[]` has.
pub fn count(root: &Value, path: &str) -> usize {
    let Some((list, _)) = path.split_once("[]") else { return usize::from(walk(root, path, 0).is_some()) };
    walk(root, list, 0).map_or(0, |value| value.as_array().map_or(1, Vec::len))
}

/// The text of a simple value; an empty one counts as none.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
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
                let found = items.iter().position(|item| matches(item, key, contains, values)).unwrap_or(items.len());
                element(items, found)
            }
        };
        if place.is_null()
            && let Some(begin) = start(step.prefix)
        {
            *place = begin;
        }
    }
    *place = value;
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
    use serde_json::json;

    #[test]
    fn steps_into_a_list_take_its_first_element_and_single_values_pass_for_lists() {
        let value = json!({"name": [{"given": ["Anna", "Maria"]}], "code": {"coding": {"code": "x"}}});
        assert_eq!(walk(&value, "name.given[1]", 0), Some(&json!("Maria")));
        assert_eq!(walk(&value, "name[0].given[]", 1), Some(&json!("Maria")));
        assert_eq!(walk(&value, "code.coding[0].code", 0), Some(&json!("x")));
        assert_eq!(walk(&value, "name[1].family", 0), None);
    }

    #[test]
    fn a_choice_looks_through_lists_and_keeps_dots_and_slashes_in_its_values() {
        let value = json!({"identifier": [
            {"system": "https://a.example/id-site-number", "value": "1"},
            {"type": {"coding": [{"code": "JHN"}]}, "value": "2"}]});
        assert_eq!(walk(&value, "identifier[type.coding.code=MR|JHN].value", 0), Some(&json!("2")));
        assert_eq!(walk(&value, "identifier[system~=/id-site-number].value", 0), Some(&json!("1")));
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
