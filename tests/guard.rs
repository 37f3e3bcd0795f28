//! Who may send what about a referral (messaging.md 3.3), through the whole of receiving.

#[path = "support/receiver.rs"]
mod receiver;

use ereferral::proto::guide::events;
use ereferral::proto::store::*;
use receiver::*;
use serde_json::{Value, json};

/// A referral in which we and the partner `hub` take these parts.
fn referral(receiver: &Receiver, value: &str, ours: ReferralRole, theirs: Option<ReferralRole>) {
    let identifiers = vec![Identifier { system: SYSTEM.into(), value: value.into() }];
    let update = ReferralUpdate {
        id: format!("referral-{value}"),
        keys: ReferralKeys { partner: "other".into(), identifiers: identifiers.clone(), ..ReferralKeys::default() },
        found: Vec::new(),
        our_role: ours,
        parties: theirs.map(|role| ("hub".to_owned(), role)).into_iter().collect(),
        roles: Vec::new(),
        unlinked: false,
        launch_id: None,
        identifiers,
        claims: Vec::new(),
        communications: Vec::new(),
        links: Vec::new(),
        state: ReferralState::default(),
        document: "{}".into(),
        history: "{}".into(),
    };
    let identity = MessageIdentity {
        partner: "other".into(),
        trusted: true,
        message_id: format!("made-{value}"),
        bundle_id: String::new(),
        content: [1; 32],
        refuse_changed: false,
    };
    let message = IncomingMessage {
        id: format!("reception-{value}"),
        identity,
        event: "add-service-request".into(),
        response_to: None,
        body: b"{}".to_vec().into(),
        response: Vec::new(),
        notification: "{}".into(),
        referral: Some(update),
    };
    assert!(matches!(receiver.store.accept_message(&message, NOW).unwrap(), Accepted::New { .. }));
}

/// A message of this event about the referral.
fn about(event: &str, id: &str, value: &str) -> Value {
    let focus = match events::info(event).map_or("Task", |info| info.focus[0]) {
        "ServiceRequest" => request(value, "active"),
        "Appointment" => appointment(value, "booked"),
        "Communication" => communication(value, "C-1"),
        _ => task(value, "accepted"),
    };
    let mut resources = vec![focus, patient()];
    if resources[0]["resourceType"] != "ServiceRequest" {
        resources.push(request(value, "active"));
    }
    message(event, id, 10, &resources)
}

/// Who may send it to the other side: S source, T target, I informer. To who keeps a copy, each of these may send anything.
const MAY: &[(&str, &str)] = &[
    ("add-service-request", "S"),
    ("notify-add-service-request", "S"),
    ("notify-update-service-request", "ST"),
    ("revoke-service-request", "S"),
    ("notify-data-correction", "T"),
    ("notify-add-process-request", "T"),
    ("notify-update-process-request", "T"),
    ("notify-add-appointment", "T"),
    ("send-communication-from-requester", "S"),
    ("send-communication-from-provider", "T"),
    ("notify-add-service-record", "STI"),
    ("notify-update-service-record", "STI"),
    ("add-rfi", "T"),
    ("notify-report-service-request", "ST"),
];

#[test]
fn every_event_is_taken_from_who_may_send_it_and_from_nobody_else() {
    use ReferralRole::{Copy, FormerTarget, Informer, Source, Target};
    let receiver = Receiver::new();
    let theirs = [
        (None, '-'),
        (Some(Source), 'S'),
        (Some(Target), 'T'),
        (Some(FormerTarget), 'F'),
        (Some(Copy), 'C'),
        (Some(Informer), 'I'),
    ];
    for (event, may) in MAY {
        for ours in [Source, Target, FormerTarget, Copy] {
            for (role, letter) in theirs {
                let value = format!("{event}-{}-{letter}", ours.as_str());
                referral(&receiver, &value, ours, role);
                let (status, answer) = receiver.post("hub", &about(event, &value, &value));
                let allowed = if ours == Copy { "STI" } else { may };
                let expected = if allowed.contains(letter) { 200 } else { 403 };
                assert_eq!(status, expected, "{value}: {answer}");
                let record = receiver.referral(&value).unwrap();
                // What is refused changes nothing; what is taken changes nobody's part.
                assert_eq!((record.our_role, record.role_of("hub")), (ours, role), "{value}");
                assert_eq!(record.version, if expected == 200 { 2 } else { 1 }, "{value}");
            }
        }
    }
    assert_eq!(MAY.len(), events::EVENTS.len());
}

#[test]
fn a_refusal_is_the_same_for_a_stranger_and_for_who_has_another_part() {
    let receiver = Receiver::new();
    referral(&receiver, "R1", ReferralRole::Source, Some(ReferralRole::Copy));
    let told = |partner: &str| receiver.post(partner, &about("notify-add-appointment", &format!("m-{partner}"), "R1"));
    assert_eq!(told("hub"), told("target"));
}

#[test]
fn a_new_referral_begins_by_the_parts_in_the_configuration() {
    let receiver = Receiver::new();
    // Event, sender, and our role or a refusal.
    let rows = [
        ("add-service-request", "source", Some("target")),
        ("add-service-request", "target", None),
        ("notify-add-service-request", "source", Some("copy")),
        ("notify-add-service-request", "target", None),
        ("notify-add-process-request", "target", Some("source")),
        ("notify-add-process-request", "source", None),
        ("notify-update-service-request", "target", Some("source")),
        ("notify-add-service-record", "hub", Some("copy")),
        ("send-communication-from-provider", "source", None),
    ];
    for (event, partner, role) in rows {
        let value = format!("{event}-{partner}");
        let (status, answer) = receiver.post(partner, &about(event, &value, &value));
        assert_eq!(status, if role.is_some() { 200 } else { 403 }, "{value}: {answer}");
        assert_eq!(receiver.referral(&value).map(|record| record.our_role.as_str()), role, "{value}");
    }
    // Who is not configured as a target keeps copies.
    let receiver = Receiver::with(|settings| settings["system"]["roles"] = json!(["smart-server"]));
    let copied = |event: &str| message(event, event, 0, &[request("R1", "active"), patient()]);
    receiver.take("source", &copied("notify-add-service-request"));
    assert_eq!(receiver.referral("R1").unwrap().our_role, ReferralRole::Copy);
    // Nor does it take work that nobody would do.
    let (status, outcome) = receiver.post("source", &new_referral("R2"));
    assert_eq!((status, outcome["issue"][0]["code"].as_str()), (400, Some("business-rule")), "{outcome}");
    assert!(receiver.referral("R2").is_none());
}

#[test]
fn who_wrote_is_read_from_the_part_in_that_referral() {
    let receiver = Receiver::new();
    referral(&receiver, "R1", ReferralRole::Target, Some(ReferralRole::Source));
    referral(&receiver, "R2", ReferralRole::Source, Some(ReferralRole::Target));
    for (spelling, number) in [("add-communication", 1), ("send-communication", 2)] {
        let told = |value: &str| {
            let mut message = about("send-communication-from-provider", &format!("{value}-{number}"), value);
            header(&mut message)["eventCoding"]["code"] = json!(spelling);
            receiver.take("hub", &message)["event"].clone()
        };
        assert_eq!(
            (told("R1"), told("R2")),
            (json!("send-communication-from-requester"), json!("send-communication-from-provider"))
        );
    }
}

#[test]
fn an_unknown_event_is_refused_or_kept_by_setting() {
    let unknown = |id: &str, value: &str| about("notify-something-else", id, value);
    let refusing = Receiver::new();
    referral(&refusing, "R1", ReferralRole::Source, Some(ReferralRole::Target));
    let (status, outcome) = refusing.post("hub", &unknown("1", "R1"));
    assert_eq!((status, outcome["issue"][0]["code"].as_str()), (400, Some("not-supported")));
    assert!(outcome.to_string().contains("notify-something-else"));
    let keeping = Receiver::with(|settings| settings["partners"][0]["messaging"]["unknown_events"] = json!("store"));
    referral(&keeping, "R1", ReferralRole::Source, Some(ReferralRole::Target));
    referral(&keeping, "R2", ReferralRole::Source, None);
    let known = keeping.referral("R1").unwrap();
    let told = keeping.take("hub", &unknown("1", "R1"));
    assert_eq!((&told["event"], &told["needs"]), (&json!("unrecognised"), &json!(["show"])), "{told}");
    // Shown and remembered; it changes nothing.
    let after = keeping.referral("R1").unwrap();
    assert_eq!((&after.state, &after.identifiers), (&known.state, &known.identifiers));
    assert!(!after.document.contains("accepted"), "{}", after.document);
    assert_eq!(keeping.store.history(&after.id, 10).unwrap().len(), 2);
    // Not about another's referral, and not about none.
    assert_eq!(keeping.post("hub", &unknown("2", "R2")).0, 403);
    assert_eq!(keeping.post("hub", &unknown("3", "R3")).0, 400);
}
