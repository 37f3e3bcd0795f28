//! The life of a referral as a host composes it: each message begins with what is known, and what must not be said is refused.

#[path = "support/clinic.rs"]
mod clinic;

use clinic::{Clinic, Serving, TOKEN, parsed};
use ereferral::engine::{Delivery, Engine, SendOptions};
use ereferral::error::{EREF_FORBIDDEN, EREF_INVALID_ARGUMENT, EREF_INVALID_CONTENT, EREF_NOT_FOUND, EREF_WRONG_STATE, Error};
use ereferral::proto::messaging::{Draft, Message};
use ereferral::proto::store::event_kind::MESSAGE;
use serde_json::{Value, json};

fn build(engine: &Engine, mut draft: Draft, fields: &[(&str, &str)]) -> Message {
    fields.iter().for_each(|(name, value)| draft.set(name, value).unwrap());
    engine.draft_build(&draft).unwrap_or_else(|error| panic!("{error}: {}", error.detail().unwrap_or_default()))
}

/// Composes for a referral and sends.
fn say(pos: &Serving, key: &str, event: &str, id: &str, fields: &[(&str, &str)]) -> Result<(Message, Delivery), Error> {
    let message = build(&pos.engine, pos.engine.draft_for("rms", event, id, "").unwrap(), fields);
    pos.engine.send("rms", key, &message).map(|delivery| (message, delivery))
}

fn field(message: &Message, name: &str) -> String {
    message.field(name).unwrap().unwrap_or_default()
}

/// What `ereferral audit export` prints.
fn exported(clinic: &Clinic) -> Vec<Value> {
    let file = clinic.path("ereferral.json");
    std::fs::write(&file, clinic.document(|_| {}).to_string()).unwrap();
    let command =
        std::process::Command::new(env!("CARGO_BIN_EXE_ereferral")).args(["audit", "export"]).arg(&file).output().unwrap();
    assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
    String::from_utf8(command.stdout).unwrap().lines().map(|line| parsed(line.as_bytes())).collect()
}

/// A referral of ours, sent.
fn ours(pos: &Serving) -> String {
    let delivery = pos.engine.send("rms", "new", &pos.referral(1, "Knee pain")).unwrap();
    delivery.record.referral_id.unwrap()
}

/// A referral of the partner's, received.
fn theirs(pos: &Serving) -> String {
    let elsewhere = Clinic::new();
    let other =
        elsewhere.start(|document| document["system"]["referral_system"] = json!("https://rms.test/fhir/NamingSystem/referral"));
    let message = other.referral(2, "Hip pain");
    other.stop();
    assert_eq!(pos.message(TOKEN, message.bundle()).status, 200);
    let mut event = pos.event(MESSAGE);
    let id = parsed(event.document().as_bytes())["referral_id"].as_str().unwrap().to_owned();
    event.done().unwrap();
    id
}

#[test]
fn an_update_carries_the_full_content_and_a_withdrawal_ends_it() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let id = ours(&pos);
    let mut draft = pos.engine.draft_for("rms", "notify-update-service-request", &id, "").unwrap();
    let form = parsed(draft.fields_json().as_bytes());
    let line = |name: &str| form["fields"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap().clone();
    assert_eq!(line("referral.reason")["default"], json!(["Knee pain"]));
    assert!(line("patient.email").get("default").is_none());
    draft.add_attachment("x-ray.txt", "text/plain", b"left knee").unwrap();
    let update =
        build(&pos.engine, draft, &[("referral.note[+]", "See the X-ray."), ("patient.email", "anna@testpatient.example")]);
    pos.engine.send("rms", "update", &update).unwrap();
    // The next one has it all.
    let (again, _) = say(&pos, "again", "notify-update-service-request", &id, &[("referral.priority", "urgent")]).unwrap();
    for (name, value) in [
        ("referral.reason", "Knee pain"),
        ("referral.note[0]", "See the X-ray."),
        ("attachment[0].title", "x-ray.txt"),
        ("patient.email", "anna@testpatient.example"),
    ] {
        assert_eq!(field(&again, name), value, "{name}");
    }
    // An empty value takes away.
    let (less, _) = say(&pos, "less", "notify-update-service-request", &id, &[("patient.email", "")]).unwrap();
    assert_eq!(field(&less, "patient.email"), "");
    let (revoked, _) = say(&pos, "revoke", "revoke-service-request", &id, &[("message.reason", "Patient moved")]).unwrap();
    assert_eq!((field(&revoked, "referral.status"), field(&revoked, "referral.priority")), ("revoked".into(), "urgent".into()));
    pos.stop();
}

#[test]
fn a_step_that_is_not_foreseen_needs_a_reason_which_is_audited() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let id = ours(&pos);
    say(&pos, "revoke", "revoke-service-request", &id, &[]).unwrap();
    let error = say(&pos, "late", "notify-update-service-request", &id, &[("referral.status", "active")]).err().unwrap();
    assert_eq!(error.status(), EREF_WRONG_STATE, "{error}");
    assert!(error.detail().unwrap().contains("closed before") && error.detail().unwrap().contains("revoked to active"));
    let update = pos.engine.draft_for("rms", "notify-update-service-request", &id, "").unwrap();
    let update = build(&pos.engine, update, &[("referral.status", "active")]);
    let options = SendOptions::parse(r#"{"force": "withdrawn by mistake"}"#).unwrap();
    assert!(!pos.engine.send_with("rms", "late", &update, &options).unwrap().already);
    // The same act again is not a new step.
    assert!(pos.engine.send("rms", "late", &update).unwrap().already);
    assert!(pos.engine.send_with("rms", "late", &update, &options).unwrap().already);
    let notes: Vec<Value> = exported(&clinic).into_iter().filter(|entry| entry["subtype"][0]["display"] == "note").collect();
    let told = |entry: &Value| {
        let details = entry["entity"][0]["detail"].as_array().unwrap().clone();
        let note = details.iter().find(|detail| detail["type"] == "note").unwrap()["valueString"].as_str().unwrap();
        parsed(note.as_bytes())["forced"].clone()
    };
    assert_eq!(notes.len(), 1, "{notes:?}");
    let (forced, record) = (told(&notes[0]), pos.delivery("late"));
    assert_eq!((&forced["reason"], &forced["delivery_id"]), (&json!("withdrawn by mistake"), &json!(record.id)));
    assert_eq!((&forced["message_id"], &forced["partner"]), (&json!(update.message_id()), &json!("rms")));
    assert!(forced["findings"].to_string().contains("revoked to active"), "{forced}");
    assert_eq!(SendOptions::parse(r#"{"force": " "}"#).err().unwrap().status(), EREF_INVALID_ARGUMENT);
    pos.stop();
}

#[test]
fn the_performer_says_what_is_its_to_say_and_nobody_else_does() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let own = ours(&pos);
    let error = say(&pos, "not-ours", "notify-update-process-request", &own, &[("task.status", "accepted")]).err().unwrap();
    assert_eq!(error.status(), EREF_FORBIDDEN, "{error}");
    let id = theirs(&pos);
    let (accepted, _) =
        say(&pos, "accept", "notify-update-process-request", &id, &[("task.status", "accepted"), ("task.status_reason", "Urgent")])
            .unwrap();
    assert_eq!((field(&accepted, "referral.reason"), field(&accepted, "task.code")), ("Hip pain".into(), "process-request".into()));
    let (booked, _) = say(
        &pos,
        "book",
        "notify-add-appointment",
        &id,
        &[
            ("appointment.identifier", "A-1"),
            ("appointment.description", "First visit"),
            ("appointment.start", "2027-05-03T10:00:00-04:00"),
            ("appointment.end", "2027-05-03T10:30:00-04:00"),
        ],
    )
    .unwrap();
    assert_eq!(field(&booked, "appointment.status"), "booked");
    let (moved, _) = say(
        &pos,
        "move",
        "notify-update-process-request",
        &id,
        &[
            ("appointment.identifier", "A-1"),
            ("appointment.start", "2027-05-09T14:30:00-04:00"),
            ("appointment.end", "2027-05-09T15:00:00-04:00"),
        ],
    )
    .unwrap();
    assert_eq!(
        (field(&moved, "appointment.description"), field(&moved, "appointment.start")),
        ("First visit".into(), "2027-05-09T14:30:00-04:00".into())
    );
    let (cancelled, _) = say(
        &pos,
        "cancel",
        "notify-update-process-request",
        &id,
        &[("appointment.identifier", "A-1"), ("appointment.status", "cancelled")],
    )
    .unwrap();
    assert_eq!(field(&cancelled, "appointment.start"), "2027-05-09T14:30:00-04:00");
    let (asked, _) = say(
        &pos,
        "ask",
        "send-communication-from-provider",
        &id,
        &[("communication.identifier", "C-1"), ("communication.category", "rfi"), ("communication.text[0]", "Which side?")],
    )
    .unwrap();
    assert_eq!(field(&asked, "communication.based_on[0].value"), field(&asked, "referral.identifier[0].value"));
    let advice = [
        ("task.code", "process-request-consult"),
        ("task.status", "completed"),
        ("task.advice[0]", "Physiotherapy."),
        ("task.needs_to_be_seen", "false"),
    ];
    let (advised, _) = say(&pos, "advise", "notify-update-process-request", &id, &advice).unwrap();
    assert_eq!(
        (field(&advised, "task.advice[0]"), field(&advised, "task.needs_to_be_seen")),
        ("Physiotherapy.".into(), "false".into())
    );
    // Why it was accepted is not why it is completed.
    assert_eq!(field(&advised, "task.status_reason"), "");
    let error = say(&pos, "reopen", "notify-update-process-request", &id, &[("task.status", "in-progress")]).err().unwrap();
    assert_eq!(error.status(), EREF_WRONG_STATE);
    pos.stop();
}

#[test]
fn a_referral_is_split_chained_and_passed_on_and_then_no_longer_ours() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let id = theirs(&pos);
    let parent = pos.engine.draft_for("rms", "notify-add-process-request", &id, "").unwrap();
    let parent = field(&build(&pos.engine, parent, &[("task.status", "received")]), "referral.identifier[0].value");
    for (relation, by) in [
        ("split", "referral.based_on[0].value"),
        ("chained", "referral.based_on[0].value"),
        ("forwarded", "referral.replaces[0].value"),
    ] {
        let draft = pos.engine.draft_for("rms", "add-service-request", &id, relation).unwrap();
        let child =
            build(&pos.engine, draft, &[("target.organization", "East Clinic"), ("requester.organization", "Central Intake")]);
        assert_eq!((field(&child, by), field(&child, "referral.reason")), (parent.clone(), "Hip pain".into()), "{relation}");
        assert_ne!(field(&child, "referral.identifier[0].value"), parent);
        assert_eq!(
            (field(&child, "requester.organization"), field(&child, "requester.name.family")),
            ("Central Intake".into(), String::new())
        );
        let delivery = pos.engine.send("rms", relation, &child).unwrap();
        let told: Value = parsed(pos.engine.referral_find("", &delivery.record.referral_id.unwrap()).unwrap().as_bytes());
        assert_eq!(told["parents"], json!([{"referral_id": id, "relation": relation}]), "{told}");
    }
    let error = say(&pos, "late", "notify-update-process-request", &id, &[("task.status", "accepted")]).err().unwrap();
    assert_eq!(error.status(), EREF_FORBIDDEN, "who forwards is Target no more: {error}");
    assert_eq!(pos.engine.draft_for("rms", "add-service-request", &id, "cloned").err().unwrap().status(), EREF_INVALID_ARGUMENT);
    assert_eq!(pos.engine.draft_for("rms", "add-service-request", "nothing", "").err().unwrap().status(), EREF_NOT_FOUND);
    pos.stop();
}

#[test]
fn a_bundle_of_the_hosts_own_goes_byte_for_byte_or_is_refused_or_made_whole_when_asked() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let good = pos.referral(1, "Knee pain");
    let own = Message::parse(good.bundle().to_vec(), &Default::default()).unwrap();
    pos.engine.send("rms", "own", &own).unwrap();
    clinic::until("the message arrives", || clinic.partner.messages().len() == 1);
    assert_eq!(clinic.partner.messages()[0].body, good.bundle());
    // Nothing but content: no ids of the envelope, no profiles, no labels but one.
    let mut bare = parsed(pos.referral(2, "Hip pain").bundle());
    for name in ["id", "meta", "timestamp"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    for entry in bare["entry"].as_array_mut().unwrap().iter_mut().skip(1) {
        entry["resource"].as_object_mut().unwrap().remove("meta");
    }
    let bare = Message::parse(bare.to_string().into_bytes(), &Default::default()).unwrap();
    let error = pos.engine.send("rms", "bare", &bare).err().unwrap();
    assert_eq!(error.status(), EREF_INVALID_CONTENT);
    let detail = error.detail().unwrap();
    assert!(
        detail.contains("entry[1].resource.meta.profile") && detail.contains("entry[2].resource.meta.profile"),
        "all at once: {detail}"
    );
    let options = SendOptions::parse(r#"{"complete": true}"#).unwrap();
    let first = pos.engine.send_with("rms", "bare", &bare, &options).unwrap();
    // Made whole anew, it is the same act.
    let again = pos.engine.send_with("rms", "bare", &bare, &options).unwrap();
    assert!(again.already && again.record.id == first.record.id);
    pos.stop();
}
