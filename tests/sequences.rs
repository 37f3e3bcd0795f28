//! Lives of referrals: the messages of `tests/fixtures/sequences` in their order, through an engine that is the source or the target.

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/fixtures.rs"]
mod fixtures;

use clinic::{Clinic, Serving, TOKEN, parsed};
use ereferral::proto::messaging::Message;
use ereferral::proto::messaging::changes::between;
use ereferral::proto::messaging::content::{Content, merge};
use ereferral::proto::messaging::groups::Said;
use ereferral::proto::messaging::tracking::Drives;
use ereferral::proto::settings::Limits;
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

/// Which side sends a step. The main RMS tells the source as a target whatever anybody did.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Source,
    Target,
}

use Side::{Source, Target};

/// A step: file, sender, event, and fields it must say.
type Step = (&'static str, Side, &'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
const LIFE: &[Step] = &[
    ("01-add-service-request", Source, "add-service-request", &[("referral.status", "active")]),
    ("02-received", Target, "notify-add-process-request", &[("task.status", "received")]),
    ("03-accepted", Target, "notify-update-process-request", &[("task.status", "accepted")]),
    ("04-booked", Target, "notify-add-appointment", &[("appointment.start", "2026-05-03T10:00:00-04:00")]),
    ("05-moved", Target, "notify-update-service-request", &[]),
    ("06-echo", Target, "notify-update-service-request", &[]),
    ("07-question", Target, "send-communication-from-provider", &[("communication.text", "Which wrist is it?")]),
    ("08-answer", Source, "send-communication-from-requester", &[("communication.text", "The left one.")]),
    ("09-completed", Target, "notify-update-process-request", &[("task.status", "completed")]),
];

#[rustfmt::skip]
const SEQUENCES: &[(&str, &[Step])] = &[
    ("life-on-0.10", LIFE),
    ("life-on-0.11.1", LIFE),
    ("revoke-race", &[
        ("01-add-service-request", Source, "add-service-request", &[]),
        ("02-accepted", Target, "notify-update-process-request", &[("task.status", "accepted")]),
        ("03-revoked", Source, "revoke-service-request", &[("referral.status", "revoked")]),
        ("04-cancelled", Target, "notify-update-process-request", &[("task.status", "cancelled")]),
    ]),
    ("forward", &[
        ("01-add-service-request", Source, "add-service-request", &[]),
        ("02-accepted", Target, "notify-update-process-request", &[("task.status", "accepted")]),
        ("03-forwarded", Target, "notify-update-process-request", &[("task.status", "requested")]),
    ]),
    ("split", &[
        ("01-add-service-request", Source, "add-service-request", &[]),
        ("02-child", Target, "notify-add-service-record", &[("target.listing", "fakeville-hand-clinic")]),
        ("03-child-accepted", Target, "notify-update-service-record", &[("task.status", "accepted")]),
    ]),
    ("correction", &[
        ("01-add-service-request", Source, "add-service-request", &[("patient.birth_date", "1980-02-29")]),
        ("02-corrected", Target, "notify-data-correction", &[("patient.birth_date", "1981-02-28")]),
        ("03-taken-over", Source, "notify-update-service-request", &[("patient.birth_date", "1981-02-28")]),
    ]),
    ("rfi", &[
        ("01-add-service-request", Source, "add-service-request", &[]),
        ("02-add-rfi", Target, "add-rfi", &[("task.code", "request-for-information-for-requester")]),
        ("03-answer", Source, "send-communication-from-requester", &[("communication.text", "The left one.")]),
    ]),
];

fn body(sequence: &str, step: &str) -> Vec<u8> {
    fixtures::read(&format!("sequences/{sequence}/{step}"))
}

#[test]
fn every_step_reads_as_its_event_with_its_fields() {
    for (sequence, steps) in SEQUENCES {
        for (step, _, event, fields) in *steps {
            let message = Message::parse(body(sequence, step), &Limits::default()).unwrap();
            if message.header().event_code() != "add-communication" {
                assert_eq!(message.event(), *event, "{sequence}/{step}");
            }
            for (field, expected) in *fields {
                assert_eq!(message.field(field).unwrap().as_deref(), Some(*expected), "{sequence}/{step}: {field}");
            }
        }
    }
}

/// An engine whose only partner is on the other side.
fn start(clinic: &Clinic, sender: Side) -> Serving {
    let role = if sender == Source { "rms-source" } else { "rms-target" };
    clinic.start(|document| {
        document["partners"] = json!([{"name": "rms", "roles": [role], "messaging": {"inbound": {"bearer": TOKEN}}}]);
    })
}

fn exchange(pos: &Serving, name: &str, body: &[u8]) -> Value {
    let answer = pos.message(TOKEN, body);
    assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
    let mut event = pos.event(MESSAGE);
    let document = parsed(event.document().as_bytes());
    event.done().unwrap();
    document
}

/// The messages of one side, in order, and what the engine of the other side made of each.
fn told(sequence: &str, sender: Side) -> Vec<(&'static str, Value)> {
    let steps = SEQUENCES.iter().find(|known| known.0 == sequence).unwrap().1;
    let clinic = Clinic::new();
    let pos = start(&clinic, sender);
    let of_sender = steps.iter().filter(|(_, from, ..)| *from == sender);
    let documents = of_sender.map(|(step, _, event, _)| {
        let document = exchange(&pos, &format!("{sequence}/{step}"), &body(sequence, step));
        assert_eq!(document["event"], *event, "{sequence}/{step}");
        (*step, document)
    });
    let documents = documents.collect();
    // A referral that was forwarded goes on as another one.
    let expected = if sequence == "forward" && sender == Target { 2 } else { 1 };
    assert_eq!(pos.status()["store"]["referrals"], expected, "{sequence}: one referral, however many messages");
    documents
}

/// The first clinic is not the target any more once it forwarded the referral (messaging.md 13). The source knows no more of the new one
/// than the forwarder told it.
#[test]
fn a_clinic_that_forwarded_the_referral_has_no_more_word_in_it() {
    let clinic = Clinic::new();
    let pos = start(&clinic, Target);
    for step in ["02-accepted", "03-forwarded"] {
        exchange(&pos, step, &body("forward", step));
    }
    let refused = pos.message(TOKEN, &body("forward", "04-late-word-of-the-first-clinic"));
    let outcome = parsed(&refused.body);
    assert_eq!(refused.status, 403, "{outcome}");
    assert_eq!(outcome["issue"][0]["severity"], "error", "{outcome}");
    assert_eq!(pos.status()["store"]["referrals"], 2);
    pos.assert_no_event(MESSAGE);
}

#[test]
fn each_side_takes_what_the_other_sends_in_its_order() {
    for (sequence, _) in SEQUENCES {
        told(sequence, Source);
        told(sequence, Target);
    }
}

/// What the step of that name changes in what the steps before it said.
fn changes(sequence: &str, step: &str) -> Vec<(String, String, String)> {
    const ZONE: Option<&str> = Some("America/Toronto");
    // As who keeps a copy sees it.
    const BOTH: Drives = Drives { request: true, task: true };
    let steps = SEQUENCES.iter().find(|known| known.0 == sequence).unwrap().1;
    let mut known: Option<Content> = None;
    for (name, ..) in steps {
        let message = Message::parse(body(sequence, name), &Limits::default()).unwrap();
        let fresh = Content::of(&Said::read(message.view().unwrap(), ZONE), message.event());
        let now = known.as_ref().map_or_else(|| fresh.clone(), |known| merge(known.clone(), fresh.clone(), BOTH, ZONE).content);
        if *name == step {
            let text =
                |shown: Option<ereferral::proto::messaging::changes::Shown>| shown.map(|shown| shown.text).unwrap_or_default();
            let changes = between(known.as_ref().unwrap(), &now, ZONE).into_iter();
            return changes.map(|change| (change.path, text(change.old), text(change.new))).collect();
        }
        known = Some(now);
    }
    panic!("{sequence} has no {step}");
}

#[test]
fn a_whole_referral_sent_again_shows_the_moved_appointment_and_nothing_else_and_its_echo_nothing() {
    for (sequence, number) in [("life-on-0.10", 3000), ("life-on-0.11.1", 3001)] {
        let moved = changes(sequence, "05-moved");
        let place = format!("A-{number}");
        assert!(!moved.is_empty() && moved.len() <= 2, "{moved:#?}");
        for (path, old, new) in &moved {
            assert!(path.contains(&place) && (path.ends_with(".start") || path.ends_with(".end")), "{moved:#?}");
            assert!(old.contains("10:") && (new.contains("14:30") || new.contains("15:00")), "{moved:#?}");
        }
        assert_eq!(changes(sequence, "06-echo"), [], "{sequence}");
    }
}
