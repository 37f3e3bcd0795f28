//! P15: what composing and checking a message costs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use ereferral::proto::messaging::Draft;
use ereferral::proto::settings::Settings;
use serde_json::{Value, json};

use crate::parse::in_turns;
use crate::table::Row;

/// So much of the message is a note, as in referrals with a long history.
const NOTE: usize = 30_000;

fn draft() -> Draft {
    let settings: Settings = serde_json::from_value(json!({
        "system": {"name": "Riverside Family Health", "software": "MyPOS", "version": "4.2", "roles": ["rms-source"], "time_zone": "America/Toronto"},
        "public_url": "https://pos.example", "store": {"url": "sqlite:a.db", "key_file": "a.key"},
        "partners": [{"name": "rms", "roles": ["rms-target"], "messaging": {"endpoint": "https://rms.example/fhir/$process-message"}}]
    }))
    .expect("the settings");
    let mut draft = Draft::new(Arc::new(settings), "rms", "add-service-request").expect("a draft");
    let form: Value = serde_json::from_str(&draft.fields_json()).expect("a form");
    for field in form["fields"].as_array().expect("fields") {
        let (name, example) = (field["name"].as_str().expect("a name"), field["example"].as_str().expect("an example"));
        draft.set(&name.replace("[]", "[0]"), example).expect("it takes its example");
    }
    draft.set("referral.note[0]", &"Knee pain, left, worse at night. ".repeat(NOTE / 33)).expect("a note");
    draft
}

/// Composing and checking a message of 40 KB from plain fields, beside writing the same message from its values.
pub fn rows() -> Vec<Row> {
    let draft = draft();
    let count = std::cell::Cell::new(0u64);
    let random = || {
        count.set(count.get() + 1);
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&count.get().to_be_bytes());
        bytes
    };
    let build = || draft.build(1_778_351_400_118, &random).expect("it can be composed");
    let bytes = build().bundle().to_vec();
    let value: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let composing = || {
        let start = Instant::now();
        black_box(build());
        start.elapsed()
    };
    let (ours, written) = in_turns(501, composing, || drop(black_box(serde_json::to_vec(&value).expect("it can be written"))));
    vec![Row::at_most(
        "P15",
        &format!("compose and check {:.1} KB, median time", bytes.len() as f64 / 1e3),
        ours,
        written,
        2.0,
        "at most 2x serde_json writing it",
        format!("{ours:.0} us beside {written:.0} us"),
    )]
}
