//! Messages of every event and dialect, as a host composes them.
#![allow(dead_code)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ereferral::proto::guide::dialects::{DIALECTS, Dialect};
use ereferral::proto::guide::events::EVENTS;
use ereferral::proto::guide::field::{Field, Need};
use ereferral::proto::guide::fields_table::FIELDS;
use ereferral::proto::messaging::{Draft, Message};
use ereferral::proto::settings::Settings;
use serde_json::{Value, json};

pub const NOW: i64 = 1_778_351_400_118;

pub fn settings(dialect: &Dialect, test: bool) -> Arc<Settings> {
    let text = json!({
        "system": {"name": "Riverside Family Health", "software": "MyPOS", "version": "4.2", "roles": ["rms-source", "rms-target"],
            "time_zone": "America/Toronto"},
        "public_url": "https://pos.example", "test": test, "store": {"url": "sqlite:a.db", "key_file": "a.key"},
        "partners": [{"name": "rms", "dialect": dialect.name, "roles": ["rms-source", "rms-target"],
            "messaging": {"endpoint": "https://rms.example/fhir/$process-message"}}]
    });
    Arc::new(serde_json::from_value(text).unwrap())
}

pub fn random() -> impl Fn() -> [u8; 32] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    || {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }
}

/// The events of every dialect.
pub fn kinds() -> impl Iterator<Item = (&'static Dialect, &'static str)> {
    let of = |dialect: &'static Dialect| {
        EVENTS.iter().filter(|event| !dialect.without_events.contains(&event.code)).map(move |event| (dialect, event.code))
    };
    DIALECTS.iter().flat_map(of)
}

/// The fields a draft takes, as its form lists them.
pub fn taken(draft: &Draft) -> Vec<&'static Field> {
    let form: serde_json::Value = serde_json::from_str(&draft.fields_json()).unwrap();
    let names: Vec<&str> = form["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
    FIELDS.iter().filter(|field| names.contains(&field.name)).collect()
}

/// Which resource the message is about, where the event leaves a choice. The example of a booking is not cancelled, and has no reason for that.
pub fn is_about(event: &str, field: &Field) -> bool {
    field.name != "appointment.cancellation_reason"
        && !(event != "notify-add-appointment" && field.name.starts_with("appointment."))
}

pub fn built(draft: &Draft, what: &str) -> Message {
    draft.build(NOW, &random()).unwrap_or_else(|error| panic!("{what}: {error}: {}", error.detail().unwrap_or_default()))
}

/// Writes one plain and one rich message of each into a folder, as `DIALECT.EVENT.plain.json` and `.rich.json`.
pub fn write_all(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    for (dialect, event) in kinds() {
        for rich in [false, true] {
            let mut draft = Draft::new(settings(dialect, rich), "rms", event).unwrap();
            let needed = |field: &Field| field.need != Need::Optional || field.name.starts_with("referral.identifier");
            for field in taken(&draft).into_iter().filter(|field| is_about(event, field) && (rich || needed(field))) {
                draft.set(&field.name.replace("[]", "[0]"), field.example).unwrap();
            }
            if rich {
                draft.add_attachment("lettre.pdf", "application/pdf", b"%PDF-1.4 invented").unwrap();
            }
            let message = built(&draft, &format!("{} {event}", dialect.name));
            let name = format!("{}.{event}.{}.json", dialect.name, if rich { "rich" } else { "plain" });
            std::fs::write(folder.join(name), message.bundle()).unwrap();
        }
    }
}

type Flaw = fn(&mut Value);

/// What an independent checker must find, each in a booking of Ontario 0.12.
const FLAWS: &[(&str, Flaw)] = &[
    ("time", |bundle| resource(bundle, "Appointment")["start"] = json!("2026-13-01T00:00:00Z")),
    ("code", |bundle| resource(bundle, "Appointment")["status"] = json!("bookd")),
    ("missing", |bundle| drop(resource(bundle, "Patient").as_object_mut().unwrap().remove("gender"))),
    ("base", |bundle| drop(resource(bundle, "Appointment").as_object_mut().unwrap().remove("participant"))),
    ("element", |bundle| resource(bundle, "Patient")["height"] = json!(170)),
    ("target", |bundle| {
        let focus = resource(bundle, "MessageHeader")["focus"][0].clone();
        resource(bundle, "ServiceRequest")["subject"] = focus;
    }),
    ("nowhere", |bundle| resource(bundle, "ServiceRequest")["subject"] = json!({"reference": "Patient/gone"})),
    ("use", |bundle| drop(resource(bundle, "Appointment")["basedOn"][0]["identifier"].as_object_mut().unwrap().remove("use"))),
    ("list", |bundle| resource(bundle, "Appointment")["basedOn"] = json!({"reference": "Patient/gone"})),
    ("profile", |bundle| resource(bundle, "Patient")["meta"]["profile"] = json!(["http://other.example/profile"])),
    ("envelope", |bundle| drop(bundle.as_object_mut().unwrap().remove("identifier"))),
    ("size", |bundle| resource(bundle, "DocumentReference")["content"][0]["attachment"]["size"] = json!(1)),
];

fn resource<'b>(bundle: &'b mut Value, kind: &str) -> &'b mut Value {
    let entries = bundle["entry"].as_array_mut().unwrap();
    let found = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == kind);
    &mut found.unwrap()["resource"]
}

/// Writes one message with each flaw, from what [`write_all`] wrote; gives back their names.
pub fn write_flawed(from: &Path, folder: &Path) -> Vec<String> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let booking = std::fs::read_to_string(from.join("on-0.12.notify-add-appointment.rich.json")).unwrap();
    let write = |(name, flaw): &(&str, Flaw)| {
        let mut bundle: Value = serde_json::from_str(&booking).unwrap();
        flaw(&mut bundle);
        let name = format!("on-0.12.notify-add-appointment.{name}.json");
        std::fs::write(folder.join(&name), bundle.to_string()).unwrap();
        name
    };
    FLAWS.iter().map(write).collect()
}
