//! Launches, codes, tokens, charts and keys.

use super::*;

#[test]
fn the_start_address_works_once_and_a_second_opening_ends_the_launch() {
    let kit = Kit::new();
    kit.store.save_launch(&launch(1), NOW).unwrap();
    let Started::First(record) = kit.store.start_launch(&[101; 32], &[9; 32], NOW).unwrap() else { panic!("first opening") };
    assert_eq!((record.state, record.cookie, record.context.as_str()), (LaunchState::Started, Some([9; 32]), r#"{"patient":"p"}"#));
    assert_eq!(kit.store.launch_by_handle(&[1; 32], NOW).unwrap().unwrap().cookie, Some([9; 32]));
    let again = kit.store.start_launch(&[101; 32], &[8; 32], NOW).unwrap();
    assert!(matches!(again, Started::Again { launch_id, .. } if launch_id == "launch-1"));
    assert!(kit.store.launch_by_handle(&[1; 32], NOW).unwrap().is_none());
    assert!(matches!(kit.store.start_launch(&[55; 32], &[8; 32], NOW).unwrap(), Started::Unknown));
    kit.store.save_launch(&launch(2), NOW).unwrap();
    assert!(matches!(kit.store.start_launch(&[102; 32], &[8; 32], NOW + 61 * SECOND).unwrap(), Started::Unknown));
}

#[test]
fn launch_code_and_jwt_id_are_used_once_under_concurrency() {
    let kit = Kit::new();
    kit.store.save_launch(&launch(1), NOW).unwrap();
    let wins = |results: Vec<bool>| results.into_iter().filter(|won| *won).count();
    let first = race(&kit, 8, |store, _| matches!(store.start_launch(&[101; 32], &[9; 32], NOW).unwrap(), Started::First(_)));
    assert_eq!(wins(first), 1);
    kit.store.save_launch(&launch(2), NOW).unwrap();
    let issued = race(&kit, 8, |store, number| store.issue_code(&code(number as u8 + 1, "launch-2"), NOW).unwrap());
    let winner = issued.iter().position(|won| *won).unwrap() as u8 + 1;
    assert_eq!(wins(issued), 1);
    let redeemed = race(&kit, 8, |store, n| store.redeem_code(&[winner; 32], &[token(50 + n as u8, "launch-2")], NOW).unwrap());
    let good = (0..8).filter(|n| kit.store.token(&[50 + n; 32], NOW).unwrap().is_some()).count();
    assert_eq!((wins(redeemed), good), (1, 1));
    assert!(kit.store.code(&[winner; 32], NOW).unwrap().unwrap().used);
    assert_eq!(wins(race(&kit, 8, |store, _| store.use_jti("app", "j1", NOW + SECOND, NOW).unwrap())), 1);
    assert!(kit.store.use_jti("other app", "j1", NOW + SECOND, NOW).unwrap());
}

#[test]
fn codes_die_of_age_and_of_three_failures() {
    let kit = Kit::new();
    for number in [1, 2, 3] {
        kit.store.save_launch(&launch(number), NOW).unwrap();
    }
    assert!(!kit.store.issue_code(&code(3, "launch-3"), NOW + 301 * SECOND).unwrap());
    assert!(kit.store.issue_code(&code(1, "launch-1"), NOW).unwrap());
    assert!(kit.store.issue_code(&code(2, "launch-2"), NOW).unwrap());
    assert!(!kit.store.redeem_code(&[1; 32], &[], NOW + 61 * SECOND).unwrap());
    for failure in 1..=3 {
        assert!(!kit.store.code(&[2; 32], NOW).unwrap().unwrap().used, "before failure {failure}");
        kit.store.code_failed(&[2; 32], NOW).unwrap();
    }
    assert!(kit.store.code(&[2; 32], NOW).unwrap().unwrap().used);
    assert!(!kit.store.redeem_code(&[2; 32], &[token(60, "launch-2")], NOW).unwrap());
    assert!(kit.store.token(&[60; 32], NOW).unwrap().is_none());
}

#[test]
fn tokens_and_chart_die_with_their_launch() {
    let kit = Kit::new();
    for number in [1, 2] {
        kit.store.save_launch(&launch(number), NOW).unwrap();
        let id = format!("launch-{number}");
        assert!(kit.store.issue_code(&code(number, &id), NOW).unwrap());
        assert!(kit.store.redeem_code(&[number; 32], &[token(number + 50, &id)], NOW).unwrap());
    }
    let good = |number: u8, now| kit.store.token(&[number; 32], now).unwrap();
    assert_eq!(good(51, NOW).unwrap().grant.unwrap().context, r#"{"patient":"p"}"#);
    assert!(good(51, NOW + 3601 * SECOND).is_none());
    let types = |only| kit.store.chart("launch-1", only).unwrap().into_iter().map(|r| r.resource_type).collect::<Vec<_>>();
    kit.store.put_chart("launch-1", &[resource("AllergyIntolerance", "a")], NOW).unwrap();
    assert_eq!(types(None), ["Patient", "Condition", "AllergyIntolerance"]);
    assert_eq!(types(Some("Condition")), ["Condition"]);
    assert_eq!(kit.store.chart_resource("launch-1", "Patient", "p").unwrap().unwrap().json, r#"{"id": "p"}"#);
    assert!(kit.store.chart_resource("launch-1", "Patient", "c").unwrap().is_none());
    kit.store.end_launch("launch-1", "done", NOW).unwrap();
    assert!(good(51, NOW).is_none() && types(None).is_empty());
    assert_eq!(status_of(kit.store.put_chart("launch-1", &[resource("Patient", "p")], NOW)), EREF_NOT_FOUND);
    assert_eq!(status_of(kit.store.end_launch("none", "", NOW)), EREF_NOT_FOUND);
    assert!(good(52, NOW).is_some());
    kit.store.revoke_grant("grant-launch-2", NOW).unwrap();
    assert!(good(52, NOW).is_none());
    assert_eq!(kit.store.end_session("session of Testpatient", NOW).unwrap(), [("launch-2".to_owned(), "app".to_owned())]);
    assert!(kit.store.end_session("another", NOW).unwrap().is_empty());
    let messaging = NewToken { kind: TokenKind::Messaging, grant_id: None, ..token(70, "") };
    kit.store.save_token(&messaging, NOW).unwrap();
    assert_eq!(good(70, NOW).unwrap().kind, TokenKind::Messaging);
}

#[test]
fn a_written_back_resource_is_in_the_chart_and_tells_the_host() {
    let kit = Kit::new();
    begin_writing(kit.store.as_ref());
    let write = write("d1", 1, Seen::Nothing);
    assert!(kit.store.write_back(&write, NOW).unwrap());
    assert!(kit.store.chart_resource("launch-1", "DocumentReference", "d1").unwrap().is_some());
    let event = lease(kit.store.as_ref(), NOW).unwrap();
    let told = r#"{"written":"w-d1-1","resource":{"version":1}}"#;
    assert_eq!((event.kind, event.subject.as_str(), event.document.as_str()), (event_kind::WRITE, "w-d1-1", told));
    kit.store.end_launch("launch-1", "done", NOW).unwrap();
    assert_eq!(status_of(kit.store.write_back(&write, NOW)), EREF_NOT_FOUND);
}

#[test]
fn nothing_is_written_with_a_token_that_is_not_good_any_more() {
    type Ends = fn(&dyn Store);
    let late: [(Ends, Millis); 4] = [
        (|store| store.revoke_grant("grant-launch-1", NOW).unwrap(), NOW),
        (|store| store.revoke_token(&[50; 32], NOW).unwrap(), NOW),
        (|store| assert_eq!(store.revoke_grants(&Whose::Patient("p".into()), NOW).unwrap(), 1), NOW),
        (|_| (), NOW + 3600 * SECOND),
    ];
    for (end, now) in late {
        let kit = Kit::new();
        begin_writing(kit.store.as_ref());
        end(kit.store.as_ref());
        assert_eq!(status_of(kit.store.write_back(&write("d1", 1, Seen::Nothing), now)), EREF_NOT_FOUND);
        assert!(kit.store.chart_resource("launch-1", "DocumentReference", "d1").unwrap().is_none());
        assert!(lease(kit.store.as_ref(), NOW).is_none());
    }
}

#[test]
fn a_signing_key_is_added_once_and_goes_when_the_next_one_signs() {
    let kit = Kit::new();
    let save = |store: &dyn Store, kid: String, created, after| {
        let der = zeroize::Zeroizing::new(kid.clone().into_bytes());
        store.save_signing_key(&SigningKey { kid, der, created }, after).unwrap()
    };
    let kids = |kit: &Kit| kit.store.signing_keys().unwrap().into_iter().map(|key| key.kid).collect::<Vec<_>>();
    let first = race(&kit, 4, |store, number| save(store, format!("first-{number}"), NOW, Millis::MIN));
    assert_eq!(first.iter().filter(|won| **won).count(), 1);
    let kit = kit.reopened();
    let first = kids(&kit);
    let next = race(&kit, 4, |store, number| save(store, format!("next-{number}"), NOW + DAY, NOW));
    assert_eq!((next.iter().filter(|won| **won).count(), kids(&kit).len()), (1, 2));
    assert_eq!(kids(&kit)[1..], first);
    let purge = |hours: i64| kit.store.purge(&Default::default(), NOW + DAY + hours * 3600 * SECOND).unwrap();
    purge(26);
    assert_eq!(kids(&kit).len(), 2);
    purge(27);
    assert_eq!(kids(&kit).len(), 1);
    assert!(kids(&kit)[0].starts_with("next-"));
}

/// What is served of `d1`: its version and whether it carries the mark.
fn served(store: &dyn Store) -> Option<(u32, bool)> {
    let found = store.chart_resource("launch-1", "DocumentReference", "d1").unwrap()?;
    Some((found.version, found.json.contains("pending")))
}

fn decision(store: &dyn Store, write: &WriteBack) -> Option<Decision> {
    store.write_decision(&write.id).unwrap()
}

/// Leases the event of this write.
fn told(store: &dyn Store, write: &WriteBack) -> EventRecord {
    let event = lease(store, NOW).unwrap();
    assert_eq!(event.subject, write.id);
    event
}

fn refused(words: &str) -> Option<Decision> {
    Some(Decision::Refused(words.into()))
}

#[test]
fn a_created_resource_is_served_with_the_mark_until_the_host_decides() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    begin_writing(store);
    let created = write("d1", 1, Seen::Nothing);
    assert!(store.write_back(&created, NOW).unwrap());
    assert_eq!((served(store), decision(store, &created)), (Some((1, true)), Some(Decision::Open)));
    let event = told(store, &created);
    assert_eq!(status_of(store.refuse_write(&event.id, event.attempt + 1, "no", NOW)), EREF_LEASE_LOST);
    store.finish_event(&event.id, event.attempt, NOW).unwrap();
    assert_eq!((served(store), decision(store, &created)), (Some((1, false)), Some(Decision::Accepted)));
    assert_eq!(status_of(store.refuse_write(&event.id, event.attempt, "no", NOW)), EREF_LEASE_LOST);
    assert_eq!(served(store), Some((1, false)), "decided once");
}

#[test]
fn a_refused_resource_is_served_no_more_and_its_words_are_kept() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    begin_writing(store);
    let created = write("d1", 1, Seen::Nothing);
    assert!(store.write_back(&created, NOW).unwrap());
    let event = told(store, &created);
    store.refuse_write(&event.id, event.attempt, "not this one", NOW).unwrap();
    let reopened = kit.reopened();
    let store = reopened.store.as_ref();
    assert_eq!((served(store), decision(store, &created)), (None, refused("not this one")));
    assert!(store.chart("launch-1", Some("DocumentReference")).unwrap().is_empty());
    let version = store.chart_version("launch-1", "DocumentReference", "d1", None).unwrap().unwrap();
    assert_eq!((version.version, version.json.as_str(), version.written), (1, "", true));
    assert!(lease(store, NOW).is_none());
}

#[test]
fn an_update_is_served_when_the_host_has_taken_it() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    begin_writing(store);
    store.put_chart("launch-1", &[resource("DocumentReference", "d1")], NOW).unwrap();
    let [second, third, fourth] = [2, 3, 4].map(|version| write("d1", version, Seen::Newest(version - 1)));
    assert!(store.write_back(&second, NOW).unwrap());
    assert!(!store.write_back(&WriteBack { id: "w-late".into(), ..second.clone() }, NOW).unwrap(), "somebody was first");
    assert!(store.write_back(&third, NOW).unwrap());
    assert_eq!(served(store), Some((1, false)));
    let event = told(store, &second);
    store.refuse_write(&event.id, event.attempt, "no", NOW).unwrap();
    assert_eq!((served(store), decision(store, &second)), (Some((1, false)), refused("no")));
    let event = told(store, &third);
    store.finish_event(&event.id, event.attempt, NOW).unwrap();
    assert_eq!(served(store), Some((3, false)));
    let old = store.chart_version("launch-1", "DocumentReference", "d1", Some(1)).unwrap().unwrap();
    assert_eq!((old.written, old.decision), (false, Decision::Accepted));
    // What the host pushes meanwhile is newer than what it decides about later.
    assert!(store.write_back(&fourth, NOW).unwrap());
    store.put_chart("launch-1", &[resource("DocumentReference", "d1")], NOW).unwrap();
    let event = told(store, &fourth);
    store.finish_event(&event.id, event.attempt, NOW).unwrap();
    assert_eq!(served(store), Some((5, false)));
}

#[test]
fn a_conditional_write_sees_every_other_write() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    begin_writing(store);
    let mark = store.chart_mark("launch-1").unwrap();
    let outcomes = race(&kit, 4, |store, number| {
        let write = WriteBack { id: format!("w{number}"), resource_id: format!("d{number}"), ..write("d", 1, Seen::Chart(mark)) };
        store.write_back(&write, NOW).unwrap()
    });
    assert_eq!(outcomes.iter().filter(|kept| **kept).count(), 1);
    assert_eq!(store.chart("launch-1", Some("DocumentReference")).unwrap().len(), 1);
}

#[test]
fn a_launch_writes_only_so_much() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    begin_writing(store);
    let large = |id: &str| WriteBack { launch_bytes: 30, ..write(id, 1, Seen::Nothing) };
    assert!(store.write_back(&large("d1"), NOW).unwrap());
    assert!(store.write_back(&large("d2"), NOW).unwrap());
    assert_eq!(status_of(store.write_back(&large("d3"), NOW)), EREF_TOO_LARGE);
}

#[test]
fn a_write_outlives_its_launch_until_the_host_has_decided_and_no_longer() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    begin_writing(store);
    for id in ["d1", "d2"] {
        assert!(store.write_back(&write(id, 1, Seen::Nothing), NOW).unwrap());
    }
    let bodies = || -> u32 {
        let direct = rusqlite::Connection::open(kit.path("s.db")).unwrap();
        direct.query_row("SELECT count(*) FROM body WHERE owner LIKE 'w-%'", [], |row| row.get(0)).unwrap()
    };
    let event = told(store, &write("d1", 1, Seen::Nothing));
    store.finish_event(&event.id, event.attempt, NOW).unwrap();
    store.end_launch("launch-1", "done", NOW).unwrap();
    assert_eq!(bodies(), 1);
    let event = told(store, &write("d2", 1, Seen::Nothing));
    assert!(event.document.ends_with(r#""resource":{"version":1}}"#));
    store.finish_event(&event.id, event.attempt, NOW).unwrap();
    assert_eq!((bodies(), decision(store, &write("d2", 1, Seen::Nothing))), (0, None));
}
