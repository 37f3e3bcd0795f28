//! Messages that come again (messaging.md 10.1): every row of the matrix, with the stored answer.

#[path = "support/receiver.rs"]
mod receiver;

use ereferral::proto::settings::Retention;
use receiver::*;
use serde_json::{Value, json};

/// What comes after the first message: a name for the row, the change, who sends it, and status, code and events expected.
type Row = (&'static str, fn(&mut Value), &'static str, u16, &'static str, usize);

fn same(_: &mut Value) {}

fn new_bundle(message: &mut Value) {
    message["id"] = json!("bundle-of-the-resend");
    message["timestamp"] = json!("2027-01-15T07:59:00Z");
}

fn new_header(message: &mut Value) {
    header(message)["id"] = json!("header-of-another");
}

fn other_content(message: &mut Value) {
    message["entry"][1]["resource"]["priority"] = json!("urgent");
}

fn new_bundle_and_content(message: &mut Value) {
    new_bundle(message);
    other_content(message);
}

const ROWS: &[Row] = &[
    ("same ids", same, "source", 200, "replay", 0),
    ("same header, new Bundle", new_bundle, "source", 200, "replay", 0),
    ("same Bundle, new header", new_header, "source", 400, "duplicate", 0),
    ("same header, other content", other_content, "source", 200, "update", 1),
    ("same header, new Bundle, other content", new_bundle_and_content, "source", 200, "update", 1),
    ("same header, other content, where that is refused", other_content, "hub", 409, "conflict", 0),
    ("same ids, where other content is refused", same, "hub", 200, "replay", 0),
];

#[test]
fn each_row_of_the_matrix_before_and_after_a_restart() {
    for restart in [false, true] {
        for (name, change, partner, status, code, events) in ROWS {
            let refusing = |settings: &mut Value| settings["partners"][0]["messaging"]["changed_content"] = json!("refuse");
            let mut receiver = Receiver::with(refusing);
            let first = receiver.post(partner, &new_referral("R1"));
            // The host is done early; that ends nothing.
            assert_eq!((first.0, receiver.events().len()), (200, 1), "{name}");
            if restart {
                receiver = receiver.restarted();
            }
            let mut again = new_referral("R1");
            change(&mut again);
            let answered = receiver.post(partner, &again);
            assert_eq!(answered.0, *status, "{name}: {}", answered.1);
            match *code {
                "replay" => assert_eq!(answered, first, "{name}: the stored answer"),
                "update" => assert_ne!(answered.1["id"], first.1["id"], "{name}"),
                code => assert_eq!(answered.1["issue"][0]["code"], code, "{name}"),
            }
            let told = receiver.events();
            let noted =
                |told: &&Value| told["issues"].as_array().unwrap().iter().any(|issue| issue["source"] == "messaging.md 10.1");
            assert_eq!((told.len(), told.iter().filter(noted).count()), (*events, *events), "{name}");
        }
    }
}

#[test]
fn the_ids_of_one_partner_say_nothing_to_another() {
    let receiver = Receiver::new();
    let mut bare = new_referral("x");
    bare["entry"][1]["resource"]["identifier"] = json!([{"value": "1"}]);
    let (first, second) = (receiver.post("source", &bare), receiver.post("hub", &bare));
    assert_eq!((first.0, second.0), (200, 200));
    assert_ne!(first.1["id"], second.1["id"]);
    assert_eq!(receiver.events().len(), 2);
}

#[test]
fn a_resend_is_answered_as_before_whatever_became_of_the_sender() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R1"));
    // The sender loses its part; a resend of what it said while it had it is still the same message.
    let first = receiver.post("hub", &status("R2", "1", 10, "received"));
    let mut fresh = request("R3", "active");
    fresh["replaces"] = json!([{"identifier": number("R2")}]);
    let forward = message("notify-update-process-request", "f", 20, &[task("R3", "requested"), fresh, patient()]);
    assert_eq!(receiver.post("hub", &forward).0, 200);
    assert_eq!(receiver.post("hub", &status("R2", "2", 30, "accepted")).0, 403);
    assert_eq!(receiver.post("hub", &status("R2", "1", 10, "received")), first);
}

#[test]
fn many_at_once_from_two_processes_are_one_message() {
    let receiver = Receiver::new();
    let stores = [receiver.store.clone(), receiver.beside()];
    let settings = &receiver.settings;
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| stores[number % 2].clone())
            .map(|store| scope.spawn(move || post(store, settings.clone(), NOW, "source", &new_referral("R1"))))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
    assert_eq!(receiver.events().len(), 1);
}

#[test]
fn after_seven_days_a_message_is_new_again() {
    let receiver = Receiver::new();
    let first = receiver.post("source", &new_referral("R1"));
    assert_eq!(receiver.events().len(), 1);
    receiver.now.set(NOW + 7 * DAY - 1);
    receiver.store.purge(&Retention::default(), receiver.now.get()).unwrap();
    assert_eq!(receiver.post("source", &new_referral("R1")), first);
    let mut reused = new_referral("R1");
    new_header(&mut reused);
    assert_eq!(receiver.post("source", &reused).0, 400);
    receiver.now.set(NOW + 7 * DAY + 1);
    receiver.store.purge(&Retention::default(), receiver.now.get()).unwrap();
    let receiver = receiver.restarted();
    let again = receiver.post("source", &new_referral("R1"));
    assert_eq!(again.0, 200);
    assert_ne!(again, first);
    assert_eq!(receiver.events().len(), 1);
    // It is the same referral still.
    assert_eq!(receiver.referral("R1").unwrap().version, 2);
}
