//! P14: what checking a message costs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ereferral::proto::guide::dialects;
use ereferral::proto::messaging::message::Message;
use ereferral::proto::settings::Limits;
use serde_json::{Value, json};

use crate::messages;
use crate::parse::in_turns;
use crate::table::Row;

/// Entries of the two messages that are compared.
const FEW: usize = 1_000;
const MANY: usize = 50_000;

fn read(bytes: Vec<u8>) -> Message {
    let limits = Limits { bundle_entries: MANY, json_values: 100 * MANY, ..Limits::default() };
    let message = Message::read(bytes, &limits).unwrap_or_else(|refusal| panic!("the sample is refused: {refusal:?}"));
    message.view().expect("it can be walked");
    message
}

fn check(message: &Message) -> Duration {
    let start = Instant::now();
    black_box(message.check(dialects::DEFAULT));
    start.elapsed()
}

/// A referral with this many entries: documents about the patient, each named by its address and by an identifier.
fn large(entries: usize) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(&messages::referral(0)).expect("it is JSON");
    let list = bundle["entry"].as_array_mut().expect("it has entries");
    let patient = list[2]["fullUrl"].clone();
    for number in list.len()..entries {
        list.push(json!({
            "fullUrl": format!("https://rms.example/fhir/DocumentReference/{number}"),
            "resource": {
                "resourceType": "DocumentReference", "id": number.to_string(), "status": "current", "subject": {"reference": patient},
                "identifier": [{"system": "https://rms.example/fhir/NamingSystem/document", "value": number.to_string()}],
                "context": {"related": [{"reference": format!("DocumentReference/{}", number + 1),
                    "identifier": {"system": "https://rms.example/fhir/NamingSystem/document", "value": (number + 2).to_string()}}]},
                "content": [{"attachment": {"url": format!("https://rms.example/fhir/Binary/{number}"), "title": "letter.pdf"}}],
            },
        }));
    }
    bundle.to_string().into_bytes()
}

/// The check alone, beside reading the same bytes into a tree of values; and how it grows with the entries.
pub fn rows() -> Vec<Row> {
    let bytes = messages::referral(0);
    let message = read(bytes.clone());
    let (ours, value) =
        in_turns(501, || check(&message), || drop(black_box(serde_json::from_slice::<Value>(&bytes).expect("it is JSON"))));
    let small = Row::at_most(
        "P14",
        &format!("check of {:.1} KB, median time", bytes.len() as f64 / 1e3),
        ours,
        value,
        0.4,
        "at most 0.4x serde_json into Value",
        format!("{ours:.0} us beside {value:.0} us"),
    );
    let (few, many) = (read(large(FEW)), read(large(MANY)));
    // The same number of entries on both sides, so that a busy machine slows both alike.
    let as_many = || {
        for _ in 0..MANY / FEW {
            check(&few);
        }
    };
    let (many, few) = in_turns(7, || check(&many), as_many);
    let few = few * FEW as f64 / MANY as f64;
    let linear = Row::at_most(
        "P14",
        &format!("check of {MANY} entries"),
        many,
        few,
        60.0,
        &format!("at most 60x the time of {FEW} entries"),
        format!("{:.1} ms beside {:.2} ms", many / 1e3, few / 1e3),
    );
    vec![small, linear]
}
