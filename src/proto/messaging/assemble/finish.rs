//! The last touches to what is composed: keys become addresses, profiles and labels are declared, members stand in order.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Entry, default};
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::dialects::{HTEST, MEMBER_ORDER};
use crate::proto::messaging::compose::finding;
use crate::proto::messaging::known::is_key;
use crate::proto::messaging::path::{elements_of, resource_type};

/// The keys a value leads to.
pub(in crate::proto::messaging) fn keys_in(value: &Value, found: &mut Vec<String>) {
    let mut references = Vec::new();
    collect_references(value, &mut references);
    let texts = references.into_iter().filter_map(|reference| reference.get("reference")?.as_str());
    found.extend(texts.filter(|text| is_key(text)).map(str::to_owned));
}

/// Puts addresses in the place of keys. A key without an address leaves the identifier of its reference, or nothing.
pub(super) fn address(value: &mut Value, addresses: &BTreeMap<String, String>) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| address(item, addresses));
            items.retain(|item| !is_nothing(item));
        }
        Value::Object(members) => {
            let key = members.get("reference").and_then(Value::as_str).filter(|text| is_key(text)).map(str::to_owned);
            match key.map(|key| addresses.get(&key)) {
                Some(Some(url)) => drop(members.insert("reference".to_owned(), json!(url))),
                Some(None) => drop(members.shift_remove("reference")),
                None => {}
            }
            members.values_mut().for_each(|member| address(member, addresses));
            members.retain(|_, member| !is_nothing(member));
        }
        _ => {}
    }
}

/// Lists may have been written with gaps, and what was taken away may leave nothing around it.
pub(super) fn drop_gaps(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(drop_gaps);
            items.retain(|item| !is_nothing(item));
        }
        Value::Object(members) => {
            members.values_mut().for_each(drop_gaps);
            members.retain(|_, member| !is_nothing(member));
        }
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

pub(super) fn labelled(value: &Value) -> bool {
    let labels = elements_of(value.get("meta").and_then(|meta| meta.get("security")));
    labels.iter().any(|label| label.get("code").and_then(Value::as_str) == Some(HTEST.1))
}

/// Declares the profile where none is declared (messaging.md 4.1) and labels test data (messaging.md 6).
pub(in crate::proto::messaging) fn label(value: &mut Value, profile: Option<&str>, test: bool) {
    default(value, "meta", json!({}));
    let is_labelled = labelled(value);
    let Some(meta) = value.get_mut("meta") else { return };
    if let Some(profile) = profile {
        default(meta, "profile", json!([profile]));
    }
    if test && !is_labelled {
        let (system, code, display) = HTEST;
        default(meta, "security", json!([]));
        if let Some(labels) = meta.get_mut("security").and_then(Value::as_array_mut) {
            labels.push(json!({"system": system, "code": code, "display": display}));
        }
    }
    if meta.as_object().is_some_and(serde_json::Map::is_empty)
        && let Some(members) = value.as_object_mut()
    {
        members.shift_remove("meta");
    }
}

/// Puts the members in the order of the specification.
pub(in crate::proto::messaging) fn arrange(value: &mut Value) {
    let order = MEMBER_ORDER.iter().find(|(name, _)| *name == resource_type(value)).map_or(&[][..], |(_, order)| order);
    let Some(members) = value.as_object_mut() else { return };
    let mut old = std::mem::take(members);
    for name in ["resourceType", "id", "meta"].iter().chain(order) {
        if let Some(member) = old.shift_remove(*name) {
            members.insert((*name).to_owned(), member);
        }
    }
    members.extend(old);
}

/// Every entry is reached from the MessageHeader (messaging.md 4.1). What is only known of the referral stays away otherwise; what the host
/// added is told.
pub(super) fn keep_reached(entries: Vec<Entry>, issues: &mut Vec<Issue>) -> Vec<Entry> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let id = entry.value.get("id").and_then(Value::as_str).unwrap_or_default();
        places.entry(format!("{}/{id}", resource_type(&entry.value))).or_insert(at);
        places.entry(entry.url.clone()).or_insert(at);
    }
    let mut reached = vec![false; entries.len()];
    let mut todo = vec![0];
    while let Some(at) = todo.pop() {
        let (Some(entry), Some(mark)) = (entries.get(at), reached.get_mut(at)) else { continue };
        if std::mem::replace(mark, true) {
            continue;
        }
        let mut references = Vec::new();
        collect_references(&entry.value, &mut references);
        let texts = references.iter().filter_map(|reference| reference.get("reference")?.as_str());
        todo.extend(texts.filter_map(|text| places.get(text)));
    }
    let told = entries.iter().zip(&reached).filter(|(entry, reached)| !**reached && !entry.known);
    issues.extend(told.map(|(entry, _)| finding(resource_type(&entry.value), "no reference leads to this resource")));
    for entry in entries.iter().filter(|entry| entry.host) {
        let mut references = Vec::new();
        collect_references(&entry.value, &mut references);
        // Rule 4 of messaging.md 4.1.
        let lost = |reference: &&Value| {
            let text = reference.get("reference").and_then(Value::as_str).unwrap_or_default();
            !text.starts_with('#') && reference.get("identifier").is_none() && !places.contains_key(text)
        };
        if references.iter().any(lost) {
            let text = "a reference leads to no resource of the message and carries no identifier";
            issues.push(finding(resource_type(&entry.value), text));
        }
    }
    entries.into_iter().zip(reached).filter(|(_, reached)| *reached).map(|(entry, _)| entry).collect()
}

fn collect_references<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Object(members) => {
            if members.get("reference").is_some_and(Value::is_string) {
                found.push(value);
            }
            members.values().for_each(|member| collect_references(member, found));
        }
        _ => {}
    }
}
