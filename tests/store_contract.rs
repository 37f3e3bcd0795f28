//! What every store keeps to, tested through the trait.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use ereferral::error::*;
use ereferral::io::store::sqlite;
use ereferral::proto::store::*;

#[path = "store_contract/audit.rs"]
mod audit;
#[path = "store_contract/delivering.rs"]
mod delivering;
#[path = "store_contract/keeping.rs"]
mod keeping;
#[path = "store_contract/launches.rs"]
mod launches;

const NOW: Millis = 1_800_000_000_000;
const SECOND: Millis = 1000;
const DAY: Millis = 86_400_000;

struct Kit {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
}

impl Kit {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite::open(&folder.path().join("s.db"), &folder.path().join("s.key"), node("one")).unwrap();
        Self { folder, store }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// The same store once more, as another process would open it.
    fn other(&self, name: &str) -> Result<Arc<dyn Store>> {
        sqlite::open(&self.path("s.db"), &self.path("s.key"), node(name))
    }
    fn reopened(self) -> Self {
        let Self { folder, store } = self;
        drop(store);
        let store = sqlite::open(&folder.path().join("s.db"), &folder.path().join("s.key"), node("two")).unwrap();
        Self { folder, store }
    }
}

fn node(id: &str) -> Node {
    Node { id: id.into(), process: 4711, host: format!("host-of-{id}") }
}

fn status_of<T>(result: Result<T>) -> i32 {
    result.err().map_or(EREF_OK, |error| error.status())
}

fn fresh_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("id-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn identifier(value: &str) -> Identifier {
    Identifier { system: "http://referrals.example/ns".into(), value: value.into() }
}

fn update(values: &[&str]) -> ReferralUpdate {
    ReferralUpdate {
        identifiers: values.iter().map(|value| identifier(value)).collect(),
        ours: Vec::new(),
        our_role: ReferralRole::Target,
        partner_role: ReferralRole::Source,
        document: format!(r#"{{"last":"{}"}}"#, values.join(" ")),
    }
}

fn incoming(partner: &str, message: &str, referral: Option<&str>) -> IncomingMessage {
    IncomingMessage {
        id: fresh_id(),
        partner: partner.into(),
        message_id: message.into(),
        bundle_id: format!("bundle-{message}"),
        event: "notify-update-appointment".into(),
        content: [7; 32],
        refuse_changed: false,
        response_to: None,
        body: message.repeat(3).into_bytes().into(),
        response: format!("answer to {message}").into_bytes(),
        notification: format!(r#"{{"message":"{message}"}}"#),
        referral: referral.map(|value| update(&[value])),
        trusted: true,
    }
}

fn referral_of(accepted: Accepted) -> String {
    match accepted {
        Accepted::New { referral_id: Some(id) } => id,
        other => panic!("expected a new message with a referral, got {other:?}"),
    }
}

fn outgoing(partner: &str, host_key: &str, referral: Option<&str>) -> OutgoingMessage {
    OutgoingMessage {
        id: fresh_id(),
        partner: partner.into(),
        host_key: host_key.into(),
        content: [1; 32],
        event: "add-service-request".into(),
        message_id: fresh_id(),
        bundle_id: fresh_id(),
        body: format!("body of {host_key}").into_bytes().into(),
        referral: referral.map(|value| update(&[value])),
        replaces: None,
    }
}

/// The next due delivery to a partner, taken alone.
fn lease_delivery(store: &dyn Store, partner: &str, now: Millis) -> Option<(DeliveryRecord, Result<Vec<u8>>)> {
    let turn = Turn { partner: partner.into(), urgent: false, expired_before: 0, most: 1 };
    store.lease_deliveries(&turn, now).unwrap().pop()
}

fn finish(store: &dyn Store, id: &str, outcome: AttemptOutcome) {
    store.finish_attempts(&[(id.to_owned(), Attempted::Tried(outcome))], NOW).unwrap();
}

fn outcome(state: DeliveryState) -> AttemptOutcome {
    AttemptOutcome { state, next_attempt: NOW, http_status: 200, ..AttemptOutcome::default() }
}

fn launch(number: u8) -> NewLaunch {
    NewLaunch {
        id: format!("launch-{number}"),
        partner: "app".into(),
        handle: [number; 32],
        start: Some([number + 100; 32]),
        session: "session of Testpatient".into(),
        start_until: NOW + 60 * SECOND,
        handle_until: NOW + 300 * SECOND,
        ends: NOW + DAY,
        context: r#"{"patient":"p"}"#.into(),
        chart: vec![resource("Patient", "p"), resource("Condition", "c")],
    }
}

fn resource(resource_type: &str, id: &str) -> ChartResource {
    ChartResource { resource_type: resource_type.into(), id: id.into(), version: 1, json: format!(r#"{{"id": "{id}"}}"#) }
}

fn code(number: u8, launch_id: &str) -> NewCode {
    NewCode {
        hash: [number; 32],
        launch_id: launch_id.into(),
        grant_id: format!("grant-{launch_id}"),
        client_id: "client".into(),
        expires: NOW + 60 * SECOND,
        binding: r#"{"nonce":"n"}"#.into(),
    }
}

fn token(number: u8, launch_id: &str) -> NewToken {
    NewToken {
        hash: [number; 32],
        kind: TokenKind::Access,
        grant_id: format!("grant-{launch_id}"),
        launch_id: launch_id.into(),
        client_id: "client".into(),
        scope: "launch openid".into(),
        expires: NOW + 3600 * SECOND,
    }
}

/// Runs `act` on all threads at once, every second one on a second opening of the store, and returns what they got.
fn race<T: Send>(kit: &Kit, threads: usize, act: impl Fn(&dyn Store, usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads);
    let other = kit.other("racer").unwrap();
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|number| {
                let store = if number % 2 == 0 { &kit.store } else { &other };
                let (barrier, act) = (&barrier, &act);
                scope.spawn(move || {
                    barrier.wait();
                    act(store.as_ref(), number)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

fn lease(store: &dyn Store, now: Millis) -> Option<EventRecord> {
    store.lease_event(event_kind::DURABLE, now, now + 60 * SECOND).unwrap()
}

// Receiving.

#[test]
fn repeated_message_gets_the_first_answer_even_after_reopening() {
    let kit = Kit::new();
    let message = incoming("a", "m1", Some("R1"));
    referral_of(kit.store.accept_message(&message, NOW).unwrap());
    let kit = kit.reopened();
    let again = IncomingMessage { id: fresh_id(), response: b"another answer".to_vec(), ..message.clone() };
    assert_eq!(kit.store.accept_message(&again, NOW).unwrap(), Accepted::Replay { response: message.response });
    assert_eq!(kit.store.message_body(&message.id).unwrap(), *message.body);
    assert_eq!(status_of(kit.store.message_body(&again.id)), EREF_NOT_FOUND);
    assert_eq!(kit.store.status().unwrap().events_waiting, 1);
}

#[test]
fn answer_is_never_replayed_to_another_partner() {
    let kit = Kit::new();
    kit.store.accept_message(&incoming("a", "m1", None), NOW).unwrap();
    assert_eq!(kit.store.accept_message(&incoming("b", "m1", None), NOW).unwrap(), Accepted::New { referral_id: None });
}

#[test]
fn changed_content_under_a_known_header_is_an_update_unless_refused() {
    let kit = Kit::new();
    let first = incoming("a", "m1", Some("R1"));
    let id = referral_of(kit.store.accept_message(&first, NOW).unwrap());
    let changed = IncomingMessage { id: fresh_id(), content: [8; 32], ..first.clone() };
    let refused = IncomingMessage { refuse_changed: true, ..changed.clone() };
    assert_eq!(kit.store.accept_message(&refused, NOW).unwrap(), Accepted::Changed);
    assert_eq!(kit.store.status().unwrap().events_waiting, 1);
    assert_eq!(referral_of(kit.store.accept_message(&changed, NOW).unwrap()), id);
    assert_eq!(kit.store.status().unwrap().events_waiting, 2);
}

#[test]
fn bundle_id_with_another_header_is_refused_per_partner() {
    let kit = Kit::new();
    let first = incoming("a", "m1", None);
    kit.store.accept_message(&first, NOW).unwrap();
    let reused = IncomingMessage { bundle_id: first.bundle_id.clone(), ..incoming("a", "m2", None) };
    assert_eq!(kit.store.accept_message(&reused, NOW).unwrap(), Accepted::BundleReused);
    let elsewhere = IncomingMessage { id: fresh_id(), partner: "b".into(), ..reused };
    assert_eq!(kit.store.accept_message(&elsewhere, NOW).unwrap(), Accepted::New { referral_id: None });
    for message in ["m3", "m4"] {
        let unnamed = IncomingMessage { bundle_id: String::new(), ..incoming("a", message, None) };
        assert_eq!(kit.store.accept_message(&unnamed, NOW).unwrap(), Accepted::New { referral_id: None });
    }
}

#[test]
fn only_parties_touch_a_referral() {
    let kit = Kit::new();
    let id = referral_of(kit.store.accept_message(&incoming("a", "m1", Some("R1")), NOW).unwrap());
    let before = kit.store.referral(&id).unwrap().unwrap();
    assert_eq!(kit.store.accept_message(&incoming("b", "m2", Some("R1")), NOW + 1).unwrap(), Accepted::NotParty);
    let untrusted = IncomingMessage { trusted: false, ..incoming("a", "m3", Some("R1")) };
    assert_eq!(kit.store.accept_message(&untrusted, NOW + 1).unwrap(), Accepted::NotParty);
    // Nothing was left behind, so the same message may come again from a party.
    let after = kit.store.referral(&id).unwrap().unwrap();
    assert_eq!((after.updated, &after.document), (before.updated, &before.document));
    assert_eq!(kit.store.status().unwrap().events_waiting, 1);
    // Sending makes the other partner a party.
    kit.store.enqueue(&outgoing("b", "k1", Some("R1")), NOW).unwrap();
    assert_eq!(referral_of(kit.store.accept_message(&incoming("b", "m2", Some("R1")), NOW + 1).unwrap()), id);
}

#[test]
fn a_smuggled_second_identifier_opens_no_foreign_referral() {
    let kit = Kit::new();
    let foreign = referral_of(kit.store.accept_message(&incoming("a", "m1", Some("R1")), NOW).unwrap());
    kit.store.accept_message(&incoming("b", "m2", Some("R2")), NOW).unwrap();
    for values in [["R2", "R1"], ["R1", "R2"]] {
        let both = IncomingMessage { referral: Some(update(&values)), ..incoming("b", &values.join("-"), None) };
        assert_eq!(kit.store.accept_message(&both, NOW + 1).unwrap(), Accepted::NotParty);
    }
    let record = kit.store.referral(&foreign).unwrap().unwrap();
    assert_eq!((record.updated, record.parties.len()), (NOW, 1));
    assert_eq!(kit.store.referral_by_identifier(&identifier("R1")).unwrap().unwrap().id, foreign);
}

#[test]
fn referral_is_found_by_any_identifier_in_any_spelling() {
    let kit = Kit::new();
    let message = IncomingMessage { referral: Some(update(&["R1", "X9"])), ..incoming("a", "m1", None) };
    let id = referral_of(kit.store.accept_message(&message, NOW).unwrap());
    let next = IncomingMessage { referral: Some(update(&["new", "X9"])), ..incoming("a", "m2", None) };
    assert_eq!(referral_of(kit.store.accept_message(&next, NOW + 1).unwrap()), id);
    let spelled = Identifier { system: "HTTPS://Referrals.example/ns/".into(), value: " new ".into() };
    let record = kit.store.referral_by_identifier(&spelled).unwrap().unwrap();
    assert_eq!((record.id.as_str(), record.created, record.updated), (id.as_str(), NOW, NOW + 1));
    assert_eq!(record.identifiers.len(), 3);
    assert_eq!(record.parties, [("a".to_owned(), ReferralRole::Source)]);
    assert_eq!(record.document, r#"{"last":"new X9"}"#);
    let other = referral_of(kit.store.accept_message(&incoming("a", "m3", Some("R2")), NOW).unwrap());
    kit.store.link_referral(&other, &identifier("L1"), NOW).unwrap();
    kit.store.link_referral(&other, &identifier("L1"), NOW).unwrap();
    assert_eq!(kit.store.referral_by_identifier(&identifier("L1")).unwrap().unwrap().id, other);
    assert_eq!(status_of(kit.store.link_referral(&other, &identifier("R1"), NOW)), EREF_KEY_REUSED);
    assert_eq!(status_of(kit.store.link_referral("none", &identifier("L2"), NOW)), EREF_NOT_FOUND);
    assert_eq!(kit.store.referrals(10).unwrap().len(), 2);
}

#[test]
fn a_large_body_comes_back_byte_for_byte() {
    let kit = Kit::new();
    let body: Vec<u8> = (0..2_500_000u32).map(|at| (at % 251) as u8).collect();
    let message = IncomingMessage { body: body.clone().into(), ..incoming("a", "m1", None) };
    kit.store.accept_message(&message, NOW).unwrap();
    assert!(kit.reopened().store.message_body(&message.id).unwrap() == body);
}

// Events.

#[test]
fn events_of_one_referral_go_out_in_order_one_at_a_time() {
    let kit = Kit::new();
    for (message, referral) in [("m1", "R1"), ("m2", "R1"), ("m3", "R2")] {
        kit.store.accept_message(&incoming("a", message, Some(referral)), NOW).unwrap();
    }
    let store = kit.store.as_ref();
    let (first, third) = (lease(store, NOW).unwrap(), lease(store, NOW).unwrap());
    assert_eq!((first.document.as_str(), first.attempt, first.kind), (r#"{"message":"m1"}"#, 1, event_kind::MESSAGE));
    assert_eq!(third.document, r#"{"message":"m3"}"#);
    assert!(lease(store, NOW).is_none());
    assert!(store.lease_event(event_kind::DELIVERY, NOW, NOW + SECOND).unwrap().is_none());
    // Given back for later, it still holds its place.
    assert!(!store.retry_event(&first.id, 1, NOW + 5 * SECOND, "printer").unwrap());
    assert!(lease(store, NOW + 4 * SECOND).is_none());
    let again = lease(store, NOW + 5 * SECOND).unwrap();
    assert_eq!((&again.id, again.attempt), (&first.id, 2));
    store.finish_event(&again.id, 2, NOW).unwrap();
    assert_eq!(lease(store, NOW + 5 * SECOND).unwrap().document, r#"{"message":"m2"}"#);
}

#[test]
fn a_lease_that_ran_out_is_lost_to_its_holder() {
    let kit = Kit::new();
    kit.store.accept_message(&incoming("a", "m1", None), NOW).unwrap();
    let first = lease(kit.store.as_ref(), NOW).unwrap();
    kit.store.extend_event(&first.id, 1, NOW + 90 * SECOND).unwrap();
    assert!(lease(kit.store.as_ref(), NOW + 61 * SECOND).is_none());
    let kit = kit.reopened();
    let second = lease(kit.store.as_ref(), NOW + 91 * SECOND).unwrap();
    assert_eq!((&second.id, second.attempt), (&first.id, 2));
    assert_eq!(status_of(kit.store.finish_event(&first.id, 1, NOW)), EREF_LEASE_LOST);
    assert_eq!(status_of(kit.store.extend_event(&first.id, 1, NOW)), EREF_LEASE_LOST);
    assert_eq!(status_of(kit.store.retry_event(&first.id, 1, NOW, "")), EREF_LEASE_LOST);
    kit.store.finish_event(&second.id, 2, NOW).unwrap();
    assert_eq!(status_of(kit.store.finish_event(&second.id, 2, NOW)), EREF_LEASE_LOST);
    assert!(lease(kit.store.as_ref(), NOW + DAY).is_none());
}

#[test]
fn the_tenth_failure_parks_an_event_and_lets_the_next_go() {
    let kit = Kit::new();
    for message in ["m1", "m2"] {
        kit.store.accept_message(&incoming("a", message, Some("R1")), NOW).unwrap();
    }
    for attempt in 1..=10 {
        let event = lease(kit.store.as_ref(), NOW).unwrap();
        assert_eq!((event.document.as_str(), event.attempt), (r#"{"message":"m1"}"#, attempt));
        assert_eq!(kit.store.retry_event(&event.id, attempt, NOW, "no").unwrap(), attempt == 10);
    }
    assert_eq!(lease(kit.store.as_ref(), NOW).unwrap().document, r#"{"message":"m2"}"#);
    let status = kit.store.status().unwrap();
    assert_eq!((status.events_parked, status.events_waiting), (1, 1));
}

#[test]
fn two_takers_never_hold_one_event() {
    let kit = Kit::new();
    for number in 0..12 {
        kit.store.accept_message(&incoming("a", &format!("m{number}"), Some(&format!("R{number}"))), NOW).unwrap();
    }
    let taken = race(&kit, 4, |store, _| std::iter::from_fn(|| lease(store, NOW)).map(|event| event.id).collect::<Vec<_>>());
    let mut ids = taken.concat();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), taken.concat().len()), (12, 12));
}

// Sending.

#[test]
fn one_host_key_makes_one_delivery() {
    let kit = Kit::new();
    let message = outgoing("a", "key-1", Some("R1"));
    let first = kit.store.enqueue(&message, NOW).unwrap();
    let kit = kit.reopened();
    let again = kit.store.enqueue(&OutgoingMessage { id: fresh_id(), message_id: "other".into(), ..message.clone() }, NOW).unwrap();
    assert!(!first.already && again.already);
    assert_eq!((&again.delivery.id, &again.delivery.message_id), (&message.id, &message.message_id));
    let other = OutgoingMessage { id: fresh_id(), content: [2; 32], ..message.clone() };
    assert_eq!(status_of(kit.store.enqueue(&other, NOW)), EREF_KEY_REUSED);
    for name in [&message.id, "key-1"] {
        let found = kit.store.delivery(name).unwrap().unwrap();
        assert_eq!(
            (found.id.as_str(), found.host_key.as_str(), found.state),
            (message.id.as_str(), "key-1", DeliveryState::Queued)
        );
    }
    assert!(kit.store.delivery("none").unwrap().is_none());
}

#[test]
fn concurrent_sends_with_one_host_key_make_one_delivery() {
    let kit = Kit::new();
    let results = race(&kit, 8, |store, _| store.enqueue(&outgoing("a", "key-1", Some("R1")), NOW).unwrap());
    assert_eq!(results.iter().filter(|result| !result.already).count(), 1);
    assert!(results.iter().all(|result| result.delivery.id == results[0].delivery.id));
    assert_eq!(kit.store.deliveries(None, 10).unwrap().len(), 1);
}

// Serving.

#[test]
fn one_engine_serves_and_a_dead_one_is_followed() {
    let kit = Kit::new();
    let other = kit.other("two").unwrap();
    kit.store.take_serving_lease(&node("one"), NOW, NOW + 30 * SECOND).unwrap();
    let error = other.take_serving_lease(&node("two"), NOW, NOW + 30 * SECOND).unwrap_err();
    assert_eq!(error.status(), EREF_STORE_IN_USE);
    assert!(error.message().contains("4711") && error.message().contains("host-of-one"), "{error}");
    kit.store.renew_serving_lease(&node("one"), NOW + 60 * SECOND).unwrap();
    // The first one dies in the middle of sending.
    let id = kit.store.enqueue(&outgoing("a", "k1", None), NOW).unwrap().delivery.id;
    assert!(lease_delivery(kit.store.as_ref(), "a", NOW).is_some());
    let Kit { folder: _folder, store } = kit;
    drop(store);
    other.take_serving_lease(&node("two"), NOW + 61 * SECOND, NOW + 90 * SECOND).unwrap();
    let found = other.delivery(&id).unwrap().unwrap();
    assert_eq!((found.state, found.next_attempt), (DeliveryState::UnknownOutcome, NOW + 61 * SECOND));
    assert_eq!(lease_delivery(other.as_ref(), "a", NOW + 61 * SECOND).unwrap().0.id, id);
    assert_eq!(status_of(other.renew_serving_lease(&node("one"), NOW + DAY)), EREF_STORE_IN_USE);
    other.drop_serving_lease(&node("two")).unwrap();
    other.take_serving_lease(&node("three"), NOW, NOW + SECOND).unwrap();
}

#[test]
fn a_partner_cannot_bind_a_number_of_our_own() {
    let kit = Kit::new();
    let mut claim = incoming("b", "m1", None);
    claim.referral = Some(ReferralUpdate { ours: vec![identifier("ours-1")], ..update(&["R-b"]) });
    kit.store.accept_message(&claim, NOW).unwrap();
    assert!(kit.store.referral_by_identifier(&identifier("ours-1")).unwrap().is_none());
    let mut looked_up = incoming("b", "m2", None);
    looked_up.referral = Some(ReferralUpdate { ours: vec![identifier("R-a")], ..update(&["R-b"]) });
    kit.store.accept_message(&incoming("a", "m3", Some("R-a")), NOW).unwrap();
    assert_eq!(kit.store.accept_message(&looked_up, NOW).unwrap(), Accepted::NotParty);
}

#[test]
fn a_waiting_event_of_a_kind_not_asked_for_holds_nobody_up() {
    let kit = Kit::new();
    let sent = kit.store.enqueue(&outgoing("a", "k1", Some("R-1")), NOW).unwrap().delivery;
    assert!(lease_delivery(kit.store.as_ref(), "a", NOW).is_some());
    let outcome = AttemptOutcome { event_document: Some("{}".into()), ..outcome(DeliveryState::Delivered) };
    finish(kit.store.as_ref(), &sent.id, outcome);
    kit.store.accept_message(&incoming("a", "m1", Some("R-1")), NOW).unwrap();
    let message = kit.store.lease_event(event_kind::MESSAGE, NOW, NOW + 1).unwrap();
    assert_eq!(message.map(|event| event.kind), Some(event_kind::MESSAGE));
}
