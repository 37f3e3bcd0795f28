//! An entry of the audit trail as a FHIR AuditEvent (messaging.md 16), for whoever collects them.

use serde_json::{Map, Value, json};

use crate::proto::store::{AuditEntry, AuditHead};

/// Codes of DICOM for what happened, by the first words of our own; the first that fits counts.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("message received", "110107", "Import", "C"),
    ("message refused", "110107", "Import", "C"),
    ("message queued", "110106", "Export", "R"),
    ("delivery", "110106", "Export", "R"),
    ("file", "110106", "Export", "R"),
    ("login refused", "110114", "User Authentication", "E"),
    ("launch", "110114", "User Authentication", "E"),
    ("code", "110114", "User Authentication", "E"),
    ("token", "110114", "User Authentication", "E"),
    ("grant", "110114", "User Authentication", "E"),
    ("fhir access", "110110", "Patient Record", "R"),
    ("checkpoint", "110101", "Audit Log Used", "E"),
    ("", "110100", "Application Activity", "E"),
];

/// What others do to us: where nothing says who it was, it was not us.
const FROM_OUTSIDE: &[&str] = &["login refused", "message refused", "message received", "code", "token", "fhir access", "file"];

/// Members that have places of their own.
const PLACED: &[&str] = &["what", "partner", "address", "reason"];

/// The resource. `observer` is the name of our system, `recorded` the time as RFC 3339.
pub fn audit_event(entry: &AuditEntry, observer: &str, recorded: &str) -> Value {
    let content: Map<String, Value> = serde_json::from_str(&entry.content).unwrap_or_default();
    let text = |name: &str| content.get(name).and_then(Value::as_str);
    let what = text("what").unwrap_or_default();
    let kind = TYPES.iter().find(|(words, ..)| what.starts_with(words));
    let (_, code, display, action) = kind.copied().unwrap_or_default();
    // 4: it was refused; 8: it failed and may be repeated.
    let outcome = match text("state") {
        Some("queued" | "unknown_outcome") if what.starts_with("delivery attempted") => "8",
        Some("refused" | "dead") => "4",
        _ if what.ends_with("refused") => "4",
        _ => "0",
    };
    let stranger = FROM_OUTSIDE.iter().any(|words| what.starts_with(words));
    let who = text("partner").or(text("client_id")).unwrap_or(if stranger { "unknown" } else { observer });
    let mut agent = json!({"who": {"display": who}, "requestor": true});
    if let Some(address) = text("address") {
        agent["network"] = json!({"address": address, "type": "2"});
    }
    let details = content.iter().filter(|(name, value)| !PLACED.contains(&name.as_str()) && !value.is_null());
    let detail = |name: &str, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        json!({"type": name, "valueString": if text.is_empty() { "-".to_owned() } else { text }})
    };
    let mut details: Vec<Value> = details.map(|(name, value)| detail(name, value)).collect();
    details.push(detail("entry_hash", &Value::from(AuditHead::hex(&entry.hash))));
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": format!("{}-{}", entry.node_id, entry.seq),
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": code, "display": display},
        "subtype": [{"display": what}],
        "action": action,
        "recorded": recorded,
        "outcome": outcome,
        "agent": [agent],
        "source": {"observer": {"display": observer}},
        "entity": [{"detail": details}],
    });
    if let Some(reason) = text("reason") {
        event["outcomeDesc"] = reason.into();
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(content: Value) -> Value {
        let entry = AuditEntry { node_id: "n".to_owned(), seq: 7, at: 0, hash: vec![0xab, 1], content: content.to_string() };
        audit_event(&entry, "Clinic", "1970-01-01T00:00:00Z")
    }

    #[test]
    fn who_what_and_how_it_ended_have_their_places() {
        let refused = event(json!({"what": "login refused", "partner": null, "reason": "no token", "address": "192.0.2.7"}));
        assert_eq!((&refused["id"], &refused["type"]["code"], &refused["outcome"]), (&json!("n-7"), &json!("110114"), &json!("4")));
        assert_eq!(
            (&refused["agent"][0]["network"]["address"], &refused["outcomeDesc"]),
            (&json!("192.0.2.7"), &json!("no token"))
        );
        assert_eq!(refused["agent"][0]["who"]["display"], "unknown");
        assert_eq!(event(json!({"what": "token issued", "client_id": "app"}))["agent"][0]["who"]["display"], "app");
        assert_eq!(event(json!({"what": "launch started"}))["agent"][0]["who"]["display"], "Clinic");
        let attempted =
            event(json!({"what": "delivery attempted", "partner": "rms", "state": "unknown_outcome", "http_status": 200}));
        assert_eq!((&attempted["outcome"], &attempted["agent"][0]["who"]["display"]), (&json!("8"), &json!("rms")));
        let details = attempted["entity"][0]["detail"].as_array().unwrap();
        assert!(details.contains(&json!({"type": "http_status", "valueString": "200"})));
        assert!(details.contains(&json!({"type": "entry_hash", "valueString": "ab01"})));
        assert_eq!(event(json!({"what": "note", "note": {"viewed": "x"}}))["type"]["code"], "110100");
    }
}
