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
#[path = "store_contract/grants.rs"]
mod grants;
#[path = "store_contract/keeping.rs"]
mod keeping;
#[path = "store_contract/launches.rs"]
mod launches;
#[path = "store_contract/logins.rs"]
mod logins;

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
    let identifiers: Vec<Identifier> = values.iter().map(|value| identifier(value)).collect();
    ReferralUpdate {
        id: fresh_id(),
        keys: ReferralKeys { identifiers: identifiers.clone(), ..ReferralKeys::default() },
        found: Vec::new(),
        our_role: ReferralRole::Target,
        parties: Vec::new(),
        roles: Vec::new(),
        unlinked: false,
        launch_id: None,
        identifiers,
        claims: Vec::new(),
        communications: Vec::new(),
        links: Vec::new(),
        state: ReferralState::default(),
        document: format!(r#"{{"last":"{}"}}"#, values.join(" ")),
        history: format!(r#"{{"summary":"{}"}}"#, values.join(" ")),
    }
}

/// The update as the rules make it from the referral as it is now.
fn based(store: &dyn Store, partner: &str, update: &ReferralUpdate) -> ReferralUpdate {
    let keys = ReferralKeys { partner: partner.into(), ..update.keys.clone() };
    let found = store.trace(&keys).unwrap().found;
    let id = found.first().map_or_else(|| update.id.clone(), |record| record.id.clone());
    let found = found.into_iter().map(|record| (record.id, record.version)).collect();
    ReferralUpdate { id, keys, found, parties: vec![(partner.into(), ReferralRole::Source)], ..update.clone() }
}

/// Accepts a message, made anew for as long as its referral changes meanwhile.
fn accept(store: &dyn Store, message: &IncomingMessage, now: Millis) -> Result<Accepted> {
    loop {
        let referral = message.referral.as_ref().map(|update| based(store, &message.identity.partner, update));
        match store.accept_message(&IncomingMessage { referral, ..message.clone() }, now)? {
            Accepted::Moved => {}
            accepted => return Ok(accepted),
        }
    }
}

/// The same for a message to be sent.
fn enqueue(store: &dyn Store, message: &OutgoingMessage, now: Millis) -> Result<Enqueued> {
    loop {
        let referral = message.referral.as_ref().map(|update| based(store, &message.partner, update));
        if let Some(enqueued) = store.enqueue(&OutgoingMessage { referral, ..message.clone() }, now)? {
            return Ok(enqueued);
        }
    }
}

fn incoming(partner: &str, message: &str, referral: Option<&str>) -> IncomingMessage {
    IncomingMessage {
        id: fresh_id(),
        identity: MessageIdentity {
            partner: partner.into(),
            trusted: true,
            message_id: message.into(),
            bundle_id: format!("bundle-{message}"),
            content: [7; 32],
            refuse_changed: false,
        },
        event: "notify-update-appointment".into(),
        response_to: None,
        body: message.repeat(3).into_bytes().into(),
        response: format!("answer to {message}").into_bytes(),
        notification: format!(r#"{{"message":"{message}"}}"#),
        referral: referral.map(|value| update(&[value])),
    }
}

/// The same message with another identity.
fn renamed(message: &IncomingMessage, change: impl FnOnce(&mut MessageIdentity)) -> IncomingMessage {
    let mut renamed = IncomingMessage { id: fresh_id(), ..message.clone() };
    change(&mut renamed.identity);
    renamed
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
        files: Vec::new(),
        note: None,
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
        cookie: None,
        session: "session of Testpatient".into(),
        patient: Some("p".into()),
        correlation: format!("correlation-{number}"),
        health_number: Some("9999 999 999".into()),
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

fn grant(launch_id: &str) -> NewGrant {
    let grant = Grant {
        id: format!("grant-{launch_id}"),
        kind: GrantKind::Online,
        launch_id: Some(launch_id.into()),
        client_id: "client".into(),
        partner: "app".into(),
        scope: "launch openid".into(),
        context: r#"{"patient":"p"}"#.into(),
        ends: NOW + DAY,
        idle_ends: NOW + DAY,
    };
    NewGrant { grant, user: Some("u".into()), patient: Some("p".into()) }
}

fn code(number: u8, launch_id: &str) -> NewCode {
    NewCode {
        hash: [number; 32],
        grant: grant(launch_id),
        expires: NOW + 60 * SECOND,
        binding: r#"{"nonce":"n"}"#.into(),
        reuse: false,
        picked: false,
    }
}

fn token(number: u8, launch_id: &str) -> NewToken {
    NewToken {
        hash: [number; 32],
        kind: TokenKind::Access,
        grant_id: Some(format!("grant-{launch_id}")),
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

/// Launch-1, and the access token that [`write`] uses.
fn begin_writing(store: &dyn Store) {
    store.save_launch(&launch(1), NOW).unwrap();
    store.save_grant(&grant("launch-1"), &token(50, "launch-1"), NOW).unwrap();
}

/// An app's write of a DocumentReference under launch-1.
fn write(id: &str, version: u32, seen: Seen) -> WriteBack {
    let write_id = format!("w-{id}-{version}");
    WriteBack {
        token: [50; 32],
        launch_id: "launch-1".into(),
        partner: "app".into(),
        resource_type: "DocumentReference".into(),
        resource_id: id.into(),
        version,
        body: format!(r#"{{"version":{version}}}"#).into_bytes().into(),
        seen,
        launch_bytes: 1_000_000,
        event_document: format!(r#"{{"written":"{write_id}"}}"#),
        id: write_id,
    }
}

fn lease(store: &dyn Store, now: Millis) -> Option<EventRecord> {
    store.lease_event(event_kind::DURABLE, now, now + 60 * SECOND).unwrap()
}

// Receiving.

#[test]
fn repeated_message_gets_the_first_answer_even_after_reopening() {
    let kit = Kit::new();
    let message = incoming("a", "m1", Some("R1"));
    referral_of(accept(kit.store.as_ref(), &message, NOW).unwrap());
    let kit = kit.reopened();
    let again = IncomingMessage { id: fresh_id(), response: b"another answer".to_vec(), ..message.clone() };
    assert_eq!(accept(kit.store.as_ref(), &again, NOW).unwrap(), Accepted::Replay { response: message.response });
    assert_eq!(kit.store.message_body(&message.id).unwrap(), *message.body);
    assert_eq!(status_of(kit.store.message_body(&again.id)), EREF_NOT_FOUND);
    assert_eq!(kit.store.status().unwrap().events_waiting, 1);
}

#[test]
fn answer_is_never_replayed_to_another_partner() {
    let kit = Kit::new();
    accept(kit.store.as_ref(), &incoming("a", "m1", None), NOW).unwrap();
    assert_eq!(accept(kit.store.as_ref(), &incoming("b", "m1", None), NOW).unwrap(), Accepted::New { referral_id: None });
}

#[test]
fn changed_content_under_a_known_header_is_an_update_unless_refused() {
    let kit = Kit::new();
    let first = incoming("a", "m1", Some("R1"));
    let id = referral_of(accept(kit.store.as_ref(), &first, NOW).unwrap());
    let changed = renamed(&first, |identity| identity.content = [8; 32]);
    let refused = renamed(&changed, |identity| identity.refuse_changed = true);
    assert_eq!(accept(kit.store.as_ref(), &refused, NOW).unwrap(), Accepted::Changed);
    assert_eq!(kit.store.known_message(&refused.identity, NOW).unwrap(), Some(Accepted::Changed));
    assert_eq!(kit.store.status().unwrap().events_waiting, 1);
    assert_eq!(referral_of(accept(kit.store.as_ref(), &changed, NOW).unwrap()), id);
    assert_eq!(kit.store.status().unwrap().events_waiting, 2);
}

#[test]
fn bundle_id_with_another_header_is_refused_per_partner() {
    let kit = Kit::new();
    let first = incoming("a", "m1", None);
    accept(kit.store.as_ref(), &first, NOW).unwrap();
    let reused = renamed(&first, |identity| identity.message_id = "m2".into());
    assert_eq!(accept(kit.store.as_ref(), &reused, NOW).unwrap(), Accepted::BundleReused);
    let elsewhere = renamed(&reused, |identity| identity.partner = "b".into());
    assert_eq!(accept(kit.store.as_ref(), &elsewhere, NOW).unwrap(), Accepted::New { referral_id: None });
    for message in ["m3", "m4"] {
        let unnamed = renamed(&incoming("a", message, None), |identity| identity.bundle_id.clear());
        assert_eq!(accept(kit.store.as_ref(), &unnamed, NOW).unwrap(), Accepted::New { referral_id: None });
    }
}

#[test]
fn what_was_made_from_an_older_referral_is_refused() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let (mut first, mut second) = (incoming("a", "m1", Some("R1")), incoming("a", "m2", Some("R1")));
    // Both were made while there was no such referral.
    for message in [&mut first, &mut second] {
        message.referral = message.referral.take().map(|update| based(store, "a", &update));
    }
    let id = referral_of(store.accept_message(&first, NOW).unwrap());
    assert_eq!(store.accept_message(&second, NOW).unwrap(), Accepted::Moved);
    let sent = OutgoingMessage { referral: second.referral.clone(), ..outgoing("a", "k1", None) };
    assert!(store.enqueue(&sent, NOW).unwrap().is_none());
    // Nothing was left behind.
    let record = store.referral(&id).unwrap().unwrap();
    assert_eq!((record.version, record.parties.len(), store.history(&id, 10).unwrap().len()), (1, 1, 1));
    assert_eq!((store.status().unwrap().events_waiting, store.deliveries(None, 10).unwrap().len()), (1, 0));
    assert_eq!(referral_of(accept(store, &second, NOW).unwrap()), id);
    assert_eq!(store.referral(&id).unwrap().unwrap().version, 2);
    // A role given in a referral that changed meanwhile is not given.
    let mut late = incoming("a", "m3", Some("R2"));
    let role = NewRole { referral: (id.clone(), 1), partner: None, role: ReferralRole::FormerTarget };
    late.referral.as_mut().unwrap().roles = vec![role];
    assert_eq!(store.accept_message(&late, NOW).unwrap(), Accepted::Moved);
    assert_eq!(store.referral(&id).unwrap().unwrap().our_role, ReferralRole::Target);
}

#[test]
fn messages_of_one_referral_at_once_are_each_made_from_the_one_before() {
    let kit = Kit::new();
    let rounds = 6;
    race(&kit, 4, |store, thread| {
        for round in 0..rounds {
            accept(store, &incoming("a", &format!("m{thread}-{round}"), Some("R1")), NOW).unwrap();
        }
    });
    let record = kit.store.referral_by_identifier(&identifier("R1")).unwrap().unwrap();
    assert_eq!(record.version, 4 * rounds);
    assert_eq!(kit.store.history(&record.id, 100).unwrap().len(), 4 * rounds as usize);
}

#[test]
fn claims_and_answers_lead_only_to_referrals_of_the_partner() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let mut message = incoming("a", "m1", None);
    let claim = Identifier { system: String::new(), value: "1001".into() };
    let claims = vec![claim.clone()];
    let keys = ReferralKeys { claims: claims.clone(), ..ReferralKeys::default() };
    message.referral = Some(ReferralUpdate { keys: keys.clone(), claims, communications: vec![identifier("c1")], ..update(&[]) });
    let id = referral_of(accept(store, &message, NOW).unwrap());
    let sent = OutgoingMessage { referral: message.referral.clone(), ..outgoing("a", "k1", None) };
    enqueue(store, &sent, NOW).unwrap();
    let answers = ReferralKeys { answers: Some(sent.message_id.clone()), ..ReferralKeys::default() };
    let replies = ReferralKeys { replies: vec![identifier("c1")], ..ReferralKeys::default() };
    for keys in [keys, answers, replies] {
        let found = |partner: &str| store.trace(&ReferralKeys { partner: partner.into(), ..keys.clone() }).unwrap().found;
        assert_eq!(found("a").iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
        assert!(found("b").is_empty(), "{keys:?}");
    }
    assert!(store.referral_by_identifier(&claim).unwrap().is_none());
}

#[test]
fn referral_is_found_by_any_identifier_in_any_spelling() {
    let kit = Kit::new();
    let message = IncomingMessage { referral: Some(update(&["R1", "X9"])), ..incoming("a", "m1", None) };
    let id = referral_of(accept(kit.store.as_ref(), &message, NOW).unwrap());
    let next = IncomingMessage { referral: Some(update(&["new", "X9"])), ..incoming("a", "m2", None) };
    assert_eq!(referral_of(accept(kit.store.as_ref(), &next, NOW + 1).unwrap()), id);
    let spelled = Identifier { system: "HTTPS://Referrals.example/ns/".into(), value: " new ".into() };
    let record = kit.store.referral_by_identifier(&spelled).unwrap().unwrap();
    assert_eq!((record.id.as_str(), record.created, record.updated), (id.as_str(), NOW, NOW + 1));
    assert_eq!(record.identifiers.len(), 3);
    assert_eq!(record.parties, [("a".to_owned(), ReferralRole::Source)]);
    assert_eq!(record.document, r#"{"last":"new X9"}"#);
    let other = referral_of(accept(kit.store.as_ref(), &incoming("a", "m3", Some("R2")), NOW).unwrap());
    kit.store.link_referral(&other, &identifier("L1"), NOW).unwrap();
    kit.store.link_referral(&other, &identifier("L1"), NOW).unwrap();
    assert_eq!(kit.store.referral_by_identifier(&identifier("L1")).unwrap().unwrap().id, other);
    // What only a partner named so does not bar the host; what the host named so is not moved.
    kit.store.link_referral(&other, &identifier("R1"), NOW).unwrap();
    assert_eq!(kit.store.referral_by_identifier(&identifier("R1")).unwrap().unwrap().id, other);
    assert_eq!(status_of(kit.store.link_referral(&id, &identifier("R1"), NOW)), EREF_KEY_REUSED);
    assert_eq!(status_of(kit.store.link_referral("none", &identifier("L2"), NOW)), EREF_NOT_FOUND);
    assert_eq!(kit.store.referrals(&ReferralFilter::default(), 10).unwrap().len(), 2);
}

#[test]
fn a_large_body_comes_back_byte_for_byte() {
    let kit = Kit::new();
    let body: Vec<u8> = (0..2_500_000u32).map(|at| (at % 251) as u8).collect();
    let message = IncomingMessage { body: body.clone().into(), ..incoming("a", "m1", None) };
    accept(kit.store.as_ref(), &message, NOW).unwrap();
    assert!(kit.reopened().store.message_body(&message.id).unwrap() == body);
}

// Events.

#[test]
fn events_of_one_referral_go_out_in_order_one_at_a_time() {
    let kit = Kit::new();
    for (message, referral) in [("m1", "R1"), ("m2", "R1"), ("m3", "R2")] {
        accept(kit.store.as_ref(), &incoming("a", message, Some(referral)), NOW).unwrap();
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
    accept(kit.store.as_ref(), &incoming("a", "m1", None), NOW).unwrap();
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
        accept(kit.store.as_ref(), &incoming("a", message, Some("R1")), NOW).unwrap();
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
        accept(kit.store.as_ref(), &incoming("a", &format!("m{number}"), Some(&format!("R{number}"))), NOW).unwrap();
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
    let first = enqueue(kit.store.as_ref(), &message, NOW).unwrap();
    let kit = kit.reopened();
    let again =
        enqueue(kit.store.as_ref(), &OutgoingMessage { id: fresh_id(), message_id: "other".into(), ..message.clone() }, NOW)
            .unwrap();
    assert!(!first.already && again.already);
    assert_eq!((&again.delivery.id, &again.delivery.message_id), (&message.id, &message.message_id));
    let other = OutgoingMessage { id: fresh_id(), content: [2; 32], ..message.clone() };
    assert_eq!(status_of(enqueue(kit.store.as_ref(), &other, NOW)), EREF_KEY_REUSED);
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
    let results = race(&kit, 8, |store, _| enqueue(store, &outgoing("a", "key-1", Some("R1")), NOW).unwrap());
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
    let id = enqueue(kit.store.as_ref(), &outgoing("a", "k1", None), NOW).unwrap().delivery.id;
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
fn a_waiting_event_of_a_kind_not_asked_for_holds_nobody_up() {
    let kit = Kit::new();
    let sent = enqueue(kit.store.as_ref(), &outgoing("a", "k1", Some("R-1")), NOW).unwrap().delivery;
    assert!(lease_delivery(kit.store.as_ref(), "a", NOW).is_some());
    let outcome = AttemptOutcome { event_document: Some("{}".into()), ..outcome(DeliveryState::Delivered) };
    finish(kit.store.as_ref(), &sent.id, outcome);
    accept(kit.store.as_ref(), &incoming("a", "m1", Some("R-1")), NOW).unwrap();
    let message = kit.store.lease_event(event_kind::MESSAGE, NOW, NOW + 1).unwrap();
    assert_eq!(message.map(|event| event.kind), Some(event_kind::MESSAGE));
}
