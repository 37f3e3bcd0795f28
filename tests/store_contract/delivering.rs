//! What becomes of queued messages.

use super::*;

fn turn(partner: &str, most: u32) -> Turn {
    Turn { partner: partner.into(), urgent: false, expired_before: 0, most }
}

fn later() -> AttemptOutcome {
    AttemptOutcome { next_attempt: NOW + DAY, error: Some("no route".into()), ..outcome(DeliveryState::Queued) }
}

fn due(store: &dyn Store, now: Millis) -> Vec<(String, bool)> {
    store.due_partners(now, NOW - DAY).unwrap().into_iter().map(|due| (due.partner, due.urgent)).collect()
}

#[test]
fn deliveries_of_one_referral_go_out_in_order() {
    let kit = Kit::new();
    for (key, partner, referral) in [("k1", "a", "R1"), ("k2", "a", "R1"), ("k3", "b", "R2")] {
        enqueue(kit.store.as_ref(), &outgoing(partner, key, Some(referral)), NOW).unwrap();
    }
    let store = kit.store.as_ref();
    let key = |partner: &str| lease_delivery(store, partner, NOW).map(|(record, _)| record.host_key);
    assert_eq!(due(store, NOW), [("a".to_owned(), false), ("b".to_owned(), false)]);
    let (first, body) = lease_delivery(store, "a", NOW).unwrap();
    assert_eq!((first.host_key.as_str(), first.attempts, body.unwrap().as_slice()), ("k1", 1, b"body of k1".as_slice()));
    assert_eq!(key("a"), None);
    assert_eq!(key("b").as_deref(), Some("k3"));
    finish(store, &first.id, later());
    assert_eq!(key("a"), None, "the second waits for the first");
    assert!(store.is_failing("a").unwrap() && !store.is_failing("b").unwrap());
    assert_eq!(store.requeue_delivery(&first.id, None, NOW).unwrap().next_attempt, NOW);
    let (again, _) = lease_delivery(store, "a", NOW).unwrap();
    assert_eq!((again.id.as_str(), again.attempts, again.last_error.as_deref()), (first.id.as_str(), 2, Some("no route")));
    let done = AttemptOutcome {
        answer: Some(b"thanks".to_vec()),
        event_document: Some(r#"{"delivered":true}"#.into()),
        ..outcome(DeliveryState::Delivered)
    };
    finish(store, &again.id, done);
    assert_eq!(store.delivery(&again.id).unwrap().unwrap().answer.as_deref(), Some(b"thanks".as_slice()));
    let event = store.lease_event(event_kind::DELIVERY, NOW, NOW + SECOND).unwrap().unwrap();
    assert_eq!((event.subject.as_str(), event.document.as_str()), (again.id.as_str(), r#"{"delivered":true}"#));
    assert_eq!(key("a").as_deref(), Some("k2"));
    assert_eq!(store.deliveries(Some(DeliveryState::Delivered), 10).unwrap().len(), 1);
    assert!(!store.is_failing("a").unwrap());
}

#[test]
fn several_are_taken_together_one_of_each_referral_and_no_more_than_fit() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    for (key, referral) in [("k1", "R1"), ("k2", "R1"), ("k3", "R2"), ("k4", "R3"), ("k5", "R4")] {
        enqueue(store, &outgoing("a", key, Some(referral)), NOW).unwrap();
    }
    let large = OutgoingMessage { body: vec![b'x'; 2 << 20].into(), ..outgoing("a", "k0", None) };
    enqueue(store, &large, NOW).unwrap();
    let taken: Vec<_> = store.lease_deliveries(&turn("a", 3), NOW).unwrap();
    let keys = |taken: &[(DeliveryRecord, Result<Vec<u8>>)]| taken.iter().map(|(r, _)| r.host_key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&taken), ["k1", "k3", "k4"]);
    // One was sent, one failed, one was not tried.
    let attempts = [
        (taken[0].0.id.clone(), Attempted::Tried(outcome(DeliveryState::Delivered))),
        (taken[1].0.id.clone(), Attempted::Tried(later())),
        (taken[2].0.id.clone(), Attempted::GivenBack(taken[2].0.state)),
    ];
    store.finish_attempts(&attempts, NOW).unwrap();
    let back = store.delivery(&taken[2].0.id).unwrap().unwrap();
    assert_eq!((back.state, back.attempts), (DeliveryState::Queued, 0));
    let mut next = keys(&store.lease_deliveries(&turn("a", 9), NOW).unwrap());
    next.sort();
    assert_eq!(next, ["k2", "k4", "k5"], "the large one does not fit with others");
    assert_eq!(keys(&store.lease_deliveries(&turn("a", 9), NOW).unwrap()), ["k0"]);
}

#[test]
fn only_a_delivery_that_is_not_under_way_can_be_decided_about() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let id = enqueue(store, &outgoing("a", "k1", None), NOW).unwrap().delivery.id;
    let refused = |id: &str, status: i32| {
        assert_eq!(status_of(store.requeue_delivery(id, None, NOW)), status);
        assert_eq!(status_of(store.drop_delivery(id, "why", "{}", NOW)), status);
        let instead = OutgoingMessage { replaces: Some(id.to_owned()), ..outgoing("a", &fresh_id(), None) };
        assert_eq!(status_of(enqueue(store, &instead, NOW)), EREF_WRONG_STATE);
        assert!(store.delivery(&instead.id).unwrap().is_none(), "nothing is queued");
    };
    assert!(lease_delivery(store, "a", NOW).is_some());
    refused(&id, EREF_WRONG_STATE);
    for state in [DeliveryState::Dead, DeliveryState::Refused] {
        finish(store, &id, outcome(state));
        assert!(lease_delivery(store, "a", NOW + DAY).is_none());
        store.requeue_delivery(&id, None, NOW).unwrap();
        assert_eq!(lease_delivery(store, "a", NOW).unwrap().0.id, id);
    }
    finish(store, &id, outcome(DeliveryState::Delivered));
    refused(&id, EREF_WRONG_STATE);
    refused("none", EREF_NOT_FOUND);
    let dropped = enqueue(store, &outgoing("a", "k2", None), NOW).unwrap().delivery.id;
    store.drop_delivery(&dropped, "sent by fax", r#"{"state":"dead"}"#, NOW).unwrap();
    let record = store.delivery(&dropped).unwrap().unwrap();
    assert_eq!((record.state, record.dropped, record.last_error.as_deref()), (DeliveryState::Dead, true, Some("sent by fax")));
    let event = store.lease_event(event_kind::DELIVERY, NOW, NOW + SECOND).unwrap().unwrap();
    assert_eq!((event.subject, event.document.as_str()), (dropped.clone(), r#"{"state":"dead"}"#));
    refused(&dropped, EREF_WRONG_STATE);
}

#[test]
fn what_is_sent_instead_ends_what_it_replaces() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let old = enqueue(store, &outgoing("a", "k1", Some("R1")), NOW).unwrap().delivery.id;
    assert!(lease_delivery(store, "a", NOW).is_some());
    finish(store, &old, later());
    let instead = OutgoingMessage { replaces: Some(old.clone()), ..outgoing("a", "k2", Some("R1")) };
    enqueue(store, &instead, NOW).unwrap();
    let record = store.delivery(&old).unwrap().unwrap();
    assert_eq!((record.state, record.replaced_by.as_deref()), (DeliveryState::Dead, Some(instead.id.as_str())));
    assert_eq!(lease_delivery(store, "a", NOW).unwrap().0.id, instead.id);
    assert!(enqueue(store, &instead, NOW).unwrap().already, "the same call again is the same delivery");
    assert_eq!(status_of(store.requeue_delivery(&old, None, NOW)), EREF_WRONG_STATE);
}

#[test]
fn a_delivery_by_hand_or_at_the_end_of_its_time_is_urgent() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let ids = ["k1", "k2"].map(|key| enqueue(store, &outgoing("a", key, None), NOW).unwrap().delivery.id);
    let urgent =
        |expired_before| store.lease_deliveries(&Turn { urgent: true, expired_before, ..turn("a", 1) }, NOW).unwrap().pop();
    assert_eq!(due(store, NOW), [("a".to_owned(), false)]);
    assert!(urgent(NOW).is_none());
    store.requeue_delivery(&ids[1], Some("b-new"), NOW).unwrap();
    assert_eq!(due(store, NOW), [("a".to_owned(), true)]);
    let (record, _) = urgent(NOW).unwrap();
    assert_eq!((record.id.as_str(), record.bundle_id.as_str(), record.renamed), (ids[1].as_str(), "b-new", true));
    assert_eq!(due(store, NOW), [("a".to_owned(), false)], "by hand counts once");
    assert_eq!(urgent(NOW + 1).unwrap().0.id, ids[0]);
    for id in &ids {
        finish(store, id, AttemptOutcome { bundle_id: Some("b-newer".into()), ..later() });
    }
    let record = store.delivery(&ids[1]).unwrap().unwrap();
    assert_eq!((record.bundle_id.as_str(), record.host_key.as_str()), ("b-newer", "k2"));
    assert_eq!(due(store, NOW), []);
    store.release_deliveries("a", NOW).unwrap();
    assert_eq!(due(store, NOW), [("a".to_owned(), false)]);
}

#[test]
fn a_message_that_answers_ours_is_noted_on_the_delivery() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let sent = outgoing("a", "k1", Some("R1"));
    enqueue(store, &sent, NOW).unwrap();
    let answers = |partner: &str, message: &str| IncomingMessage {
        response_to: Some(sent.message_id.clone()),
        ..incoming(partner, message, None)
    };
    accept(store, &answers("b", "m1"), NOW).unwrap();
    assert_eq!(store.delivery(&sent.id).unwrap().unwrap().answered, None, "only the partner it went to can answer it");
    let answer = answers("a", "m2");
    accept(store, &answer, NOW + SECOND).unwrap();
    accept(store, &answers("a", "m3"), NOW + DAY).unwrap();
    assert_eq!(store.delivery(&sent.id).unwrap().unwrap().answered, Some((NOW + SECOND, answer.id)));
}

#[test]
fn what_is_settled_is_not_settled_again() {
    let kit = Kit::new();
    let sent = enqueue(kit.store.as_ref(), &outgoing("a", "k1", None), NOW).unwrap().delivery;
    assert!(lease_delivery(kit.store.as_ref(), "a", NOW).is_some());
    let told = AttemptOutcome { event_document: Some("{}".into()), ..outcome(DeliveryState::Delivered) };
    finish(kit.store.as_ref(), &sent.id, told.clone());
    finish(kit.store.as_ref(), &sent.id, told);
    kit.store.lease_event(event_kind::DELIVERY, NOW, NOW + 60_000).unwrap().unwrap();
    assert_eq!(kit.store.status().unwrap().events_waiting, 1);
}
