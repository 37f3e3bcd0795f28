//! The mark of a resource that the host has not decided about yet: a tag in `meta`, for as long as that lasts (smart.md 16.4).

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

const SYSTEM: &str = "urn:ereferral:write";
const CODE: &str = "pending";

/// The resource with the mark; anything that is no resource as it is.
pub fn marked(json: String) -> String {
    with_mark(&json).unwrap_or(json)
}

fn with_mark(json: &str) -> Option<String> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let mut meta: Value = members.get("meta").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_else(|| json!({}));
    let tag = json!({"system": SYSTEM, "code": CODE, "display": "waits for the decision of the point-of-service system"});
    match meta.get_mut("tag").and_then(Value::as_array_mut) {
        Some(tags) => tags.push(tag),
        None => *meta.as_object_mut()?.entry("tag").or_insert(Value::Null) = json!([tag]),
    }
    let meta = to_raw_value(&meta).ok()?;
    members.insert("meta".to_owned(), &meta);
    serde_json::to_string(&members).ok()
}

/// Takes the mark out of a `meta` that an app sends back as it read it.
pub fn unmark(meta: &mut Value) {
    let is_mark = |tag: &Value| tag.get("system").is_some_and(|system| system == SYSTEM);
    if let Some(members) = meta.as_object_mut()
        && let Some(tags) = members.get_mut("tag").and_then(Value::as_array_mut)
    {
        tags.retain(|tag| !is_mark(tag));
        if tags.is_empty() {
            members.remove("tag");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_comes_and_goes_and_leaves_the_rest_as_it_was() {
        let plain = r#"{"id":"a","meta":{"tag":[{"code":"x","system":"urn:app"}],"versionId":"1"},"n":1.50}"#;
        let shown: Value = serde_json::from_str(&marked(plain.to_owned())).unwrap();
        assert_eq!(shown["meta"]["tag"][1]["code"], CODE);
        assert!(marked(plain.to_owned()).contains("1.50"), "digits are kept");
        let mut meta = shown["meta"].clone();
        unmark(&mut meta);
        assert_eq!(meta, serde_json::from_str::<Value>(plain).unwrap()["meta"]);
        let mut alone: Value = serde_json::from_str(&marked(r#"{"id":"a"}"#.to_owned())).unwrap();
        unmark(&mut alone["meta"]);
        assert_eq!(alone["meta"], json!({}));
    }
}
