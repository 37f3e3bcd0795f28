//! A partner that is away for a while, and what a person decides about deliveries: by call and by `ereferral outbox`.

#[path = "support/clinic.rs"]
mod clinic;

use std::process::{Command, Output};
use std::time::Duration;

use clinic::partner::{Partner, Reply, Seen};
use clinic::{Clinic, Serving, TOKEN, notification, parsed, until};
use ereferral::error::{EREF_INVALID_ARGUMENT, EREF_INVALID_JSON, EREF_TIMEOUT, EREF_WRONG_STATE};
use ereferral::proto::store::DeliveryState::{Dead, Delivered, Queued, Refused};
use ereferral::proto::store::event_kind::{ALERT, DELIVERY, MESSAGE};
use serde_json::{Value, json};

fn send(pos: &Serving, key: &str, number: u32) {
    pos.engine.send("rms", key, &pos.referral(number, "Knee pain")).unwrap();
}

fn refuse_one(clinic: &Clinic, pos: &Serving, key: &str, number: u32) {
    clinic.partner.script([Reply::Answer(422, "", Vec::new())]);
    send(pos, key, number);
    pos.until_delivery(key, Refused, 422);
}

/// The ALERTs so far: key and whether it started.
fn alerts(pos: &Serving) -> Vec<(String, bool)> {
    let mut told = Vec::new();
    loop {
        match pos.engine.event_next(ALERT, Duration::ZERO, None) {
            Ok(event) => {
                let document = parsed(event.document().as_bytes());
                told.push((document["alert"].as_str().unwrap().to_owned(), document["started"] == true));
            }
            Err(error) => {
                assert_eq!(error.status(), EREF_TIMEOUT);
                return told;
            }
        }
    }
}

#[test]
fn a_partner_that_is_away_gets_probes_while_all_else_waits_and_everything_when_it_is_back() {
    let clinic = Clinic::new();
    let other = Partner::new(&clinic.authority);
    let pos = clinic.start(|document| {
        // A minute and more: no second attempt of a message comes while this is looked at.
        document["network"]["first_retry_ms"] = json!(60_000);
        document["partners"][1]["messaging"]["endpoint"] = json!(other.endpoint());
    });
    clinic.partner.script((0..100).map(|_| Reply::Answer(503, "", Vec::new())));
    (1..=20).for_each(|number| send(&pos, &format!("act-{number}"), number));
    let held_back = || pos.status()["worker"]["held_back"] == json!(["rms"]);
    until("the breaker", held_back);
    // Another partner is reached as ever.
    pos.engine.send("other", "elsewhere", &pos.referral(99, "Knee pain")).unwrap();
    pos.until_delivery("elsewhere", Delivered, 200);
    assert_eq!(clinic.partner.messages().len(), 3, "three failures in a row, then none");
    let tried = (1..=20).filter(|number| pos.delivery(&format!("act-{number}")).attempts > 0).count();
    assert_eq!(tried, 3);
    // Sent again by hand it goes out at once; the partner is back, and so does everything.
    clinic.partner.behave();
    pos.engine.delivery_resend(&pos.delivery("act-20").id).unwrap();
    (1..=20).for_each(|number| pos.until_delivery(&format!("act-{number}"), Delivered, 200));
    until("the alert's end", || pos.status()["alerts"] == json!([]));
    assert_eq!(alerts(&pos), [("partner-unreachable:rms".to_owned(), true), ("partner-unreachable:rms".to_owned(), false)]);
    assert_eq!((clinic.partner.kept(), clinic.partner.messages().len()), (20, 23), "each once");
    assert!(!held_back());
}

#[test]
fn trouble_that_flickers_is_one_episode() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["network"]["first_retry_ms"] = json!(3_600_000));
    let failing = |key, number| {
        clinic.partner.script([Reply::Bundle(clinic::partner::Names::Message, "transient-error")]);
        send(&pos, key, number);
        pos.until_delivery(key, Queued, 200);
    };
    failing("act-1", 1);
    send(&pos, "act-2", 2);
    pos.until_delivery("act-2", Delivered, 200);
    failing("act-3", 3);
    for key in ["act-1", "act-3"] {
        pos.engine.delivery_resend(&pos.delivery(key).id).unwrap();
        pos.until_delivery(key, Delivered, 200);
    }
    until("the alert's end", || pos.status()["alerts"] == json!([]));
    assert_eq!(alerts(&pos).len(), 2);
}

#[test]
fn automatic_retries_take_a_new_bundle_where_that_is_configured() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["partners"][0]["messaging"]["resend_bundle_id"] = json!("new"));
    clinic.partner.script([500, 502].map(|status| Reply::Answer(status, "", Vec::new())));
    send(&pos, "act-1", 1);
    pos.until_delivery("act-1", Delivered, 200);
    let seen = clinic.partner.messages();
    let mut bundles: Vec<Value> = seen.iter().map(|seen| parsed(&seen.body)["id"].clone()).collect();
    assert_eq!(bundles.last().unwrap(), &json!(pos.delivery("act-1").bundle_id));
    bundles.dedup();
    assert_eq!((seen.len(), bundles.len(), clinic.partner.kept()), (3, 3, 1));
    assert!(seen.windows(2).all(|pair| pair[0].message_id() == pair[1].message_id()));
}

#[test]
fn a_refused_message_is_corrected_and_the_old_one_points_to_the_new() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    refuse_one(&clinic, &pos, "act-1", 1);
    let old = pos.delivery("act-1");
    let mut event = pos.event(DELIVERY);
    event.done().unwrap();
    let same = ereferral::proto::messaging::Message::parse(clinic.partner.messages()[0].body.clone(), &Default::default()).unwrap();
    let error = pos.engine.delivery_replace(&old.id, "act-1b", &same).err().unwrap();
    assert_eq!(error.status(), EREF_INVALID_ARGUMENT);
    let corrected = pos.referral(1, "Knee pain, left");
    let new = pos.engine.delivery_replace(&old.id, "act-1b", &corrected).unwrap();
    pos.until_delivery("act-1b", Delivered, 200);
    let seen: Vec<String> = clinic.partner.messages().iter().map(Seen::message_id).collect();
    assert_eq!(seen, [old.message_id, corrected.message_id().to_owned()]);
    let document = parsed(pos.engine.delivery_find("act-1").unwrap().document().as_bytes());
    assert_eq!((&document["replaced_by"], &document["state"]), (&json!(new.record.id), &json!("refused")));
    assert!(pos.engine.delivery_replace(&old.id, "act-1b", &corrected).unwrap().already, "the call may be repeated");
    assert_eq!(pos.engine.delivery_resend(&old.id).err().unwrap().status(), EREF_WRONG_STATE);
}

#[test]
fn a_message_of_the_partner_that_answers_ours_is_found_on_the_delivery() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    send(&pos, "act-1", 1);
    pos.until_delivery("act-1", Delivered, 200);
    let mut answer = parsed(&notification("mh-9", "b-9", "R-1"));
    answer["entry"][0]["resource"]["response"] = json!({"identifier": pos.delivery("act-1").message_id, "code": "ok"});
    assert_eq!(pos.message(TOKEN, answer.to_string().as_bytes()).status, 200);
    let document = parsed(pos.engine.delivery_find("act-1").unwrap().document().as_bytes());
    assert!(document["answered_at"].is_string() && document["answered_by"].is_string(), "{document}");
    drop(pos.event(MESSAGE));
}

/// Runs the command line on the clinic's configuration.
fn ereferral(clinic: &Clinic, arguments: &[&str]) -> (Output, String) {
    let file = clinic.path("ereferral.json");
    let document = clinic.document(|document| {
        // The serving engine is given this one by call.
        document["partners"][1]["messaging"]["inbound"]["bearer"] = json!({"named": "inbound"});
    });
    std::fs::write(&file, document.to_string()).unwrap();
    let (group, rest) = arguments.split_at(2);
    let output = Command::new(env!("CARGO_BIN_EXE_ereferral")).args(group).arg(&file).args(rest).output().unwrap();
    let text = String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap();
    (output, text)
}

#[test]
fn the_command_line_lists_shows_resends_and_drops() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    refuse_one(&clinic, &pos, "act-1", 1);
    refuse_one(&clinic, &pos, "act-2", 2);
    let (output, list) = ereferral(&clinic, &["outbox", "list", "--state", "refused"]);
    assert!(output.status.success() && list.lines().count() == 2 && list.contains("422"), "{list}");
    let (_, page) = ereferral(&clinic, &["outbox", "show", "act-1"]);
    assert!(page.contains("host_key") && page.contains("act-1") && page.contains(&pos.delivery("act-1").message_id), "{page}");
    assert!(ereferral(&clinic, &["outbox", "resend", "act-1"]).0.status.success());
    pos.until_delivery("act-1", Delivered, 200);
    assert!(ereferral(&clinic, &["outbox", "drop", "act-2", "--reason", "sent by fax"]).0.status.success());
    let record = pos.delivery("act-2");
    assert_eq!((record.state, record.dropped, record.last_error.as_deref()), (Dead, true, Some("dropped: sent by fax")));
    let (output, words) = ereferral(&clinic, &["outbox", "resend", "act-2"]);
    assert!(!output.status.success() && words.contains("was dropped"), "{words}");
    assert!(ereferral(&clinic, &["outbox", "list"]).1.contains("dropped"));
    assert_eq!(ereferral(&clinic, &["outbox", "list", "--state", "delivered", "--limit", "1"]).1.lines().count(), 1);
}

#[test]
fn the_command_line_verifies_and_exports_the_audit_trail() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    send(&pos, "act-1", 1);
    pos.until_delivery("act-1", Delivered, 200);
    assert_eq!(pos.message("a-token-that-nobody-knows-0009", &notification("mh-1", "b-1", "R-1")).status, 401);
    assert_eq!(pos.message(TOKEN, b"{}").status, 400);
    let (output, whole) = ereferral(&clinic, &["audit", "verify"]);
    assert!(output.status.success() && whole.contains("is whole"), "{whole}");
    let (_, heads) = ereferral(&clinic, &["audit", "head"]);
    std::fs::write(clinic.path("heads"), &heads).unwrap();
    let heads_file = clinic.path("heads").display().to_string();
    assert!(ereferral(&clinic, &["audit", "verify", "--heads", &heads_file]).0.status.success());
    let (_, lines) = ereferral(&clinic, &["audit", "export"]);
    let events: Vec<Value> = lines.lines().map(|line| parsed(line.as_bytes())).collect();
    let said = |what: &str| events.iter().find(|event| event["subtype"][0]["display"] == what).cloned().unwrap_or_default();
    for (what, code, outcome) in [
        ("message queued", "110106", "0"),
        ("delivery attempted", "110106", "0"),
        ("login refused", "110114", "4"),
        ("message refused", "110107", "4"),
    ] {
        let event = said(what);
        assert_eq!((&event["type"]["code"], &event["outcome"]), (&json!(code), &json!(outcome)), "{what}: {event}");
    }
    assert!(said("login refused")["agent"][0]["network"]["address"].is_string());
    assert!(!lines.contains("nobody-knows"), "no credential in the trail");
    let report = |known: &Value| pos.engine.audit_report(known.to_string().as_bytes());
    let before = parsed(report(&json!([])).unwrap().as_bytes());
    assert_eq!((&before["whole"], &before["wrong"]), (&json!(true), &json!(0)), "{before}");
    assert_eq!(report(&json!(["of no report"])).unwrap_err().status(), EREF_INVALID_ARGUMENT);
    assert_eq!(report(&json!("heads")).unwrap_err().status(), EREF_INVALID_JSON);
    let file = rusqlite::Connection::open(clinic.path("pos.db")).unwrap();
    file.execute("DELETE FROM audit WHERE seq = 2", []).unwrap();
    let (output, damaged) = ereferral(&clinic, &["audit", "verify"]);
    assert!(!output.status.success() && damaged.contains("entries 2 to 2 are missing"), "{damaged}");
    let damaged = parsed(report(&before["heads"]).unwrap().as_bytes());
    assert_eq!((&damaged["whole"], &damaged["wrong"]), (&json!(false), &json!(1)), "{damaged}");
    let elsewhere = Clinic::new();
    let engine = ereferral::engine::Engine::open(&elsewhere.config(|_| {})).unwrap();
    let other = parsed(engine.audit_report(before["heads"].to_string().as_bytes()).unwrap().as_bytes());
    assert_eq!(other["whole"], json!(false), "what was noted is of another store: {other}");
}
