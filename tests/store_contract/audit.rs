//! The audit trail: what was done to its rows in the file is found, and a purge leaves a trail that still verifies.

use super::*;
use ereferral::proto::settings::Retention;

/// Thirty days, the least that can be configured.
const KEPT: Retention = Retention { audit_days: 30, body_days: 90 };

fn note(store: &dyn Store, number: u32, now: Millis) {
    store.audit_note(&format!(r#"{{"number":{number}}}"#), now).unwrap();
}

/// A trail of two writers, six entries each, one after the other.
fn two_chains() -> Kit {
    let kit = Kit::new();
    let other = kit.other("two").unwrap();
    for number in 1..=6 {
        note(kit.store.as_ref(), number, NOW + Millis::from(number));
        note(other.as_ref(), number, NOW + Millis::from(number));
    }
    kit
}

pub fn access() -> Access {
    let by = Accessor {
        grant_id: "g1".into(),
        launch_id: Some("launch-1".into()),
        partner: "app".into(),
        client_id: "client".into(),
        user: Some("u-17".into()),
        patient: Some("p1".into()),
    };
    Access { by, what: "read", resource_type: "Condition".into(), status: 200 }
}

#[test]
fn accesses_are_counted_and_written_together() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    store.audit_access(access(), NOW).unwrap();
    store.audit_access(access(), NOW + SECOND).unwrap();
    store.audit_access(Access { what: "search", status: 403, ..access() }, NOW + SECOND).unwrap();
    assert!(store.audit_entries(None, 9).unwrap().is_empty(), "no sync for each");
    store.flush_accesses(NOW + 2 * SECOND).unwrap();
    store.flush_accesses(NOW + 3 * SECOND).unwrap();
    let entries = store.audit_entries(None, 9).unwrap();
    assert_eq!(entries.len(), 1);
    let content: serde_json::Value = serde_json::from_str(&entries[0].content).unwrap();
    let expected = serde_json::json!({
        "what": "fhir access", "id": "launch-1", "grant": "g1", "partner": "app", "client_id": "client", "user": "u-17", "patient": "p1",
        "first": NOW, "last": NOW + SECOND, "accesses": [
            {"what": "read", "type": "Condition", "status": 200, "count": 2},
            {"what": "search", "type": "Condition", "status": 403, "count": 1}],
    });
    assert_eq!(content, expected);
    assert_eq!(problems(&kit), Vec::<String>::new());
    // The memory is bounded: very many are written at once.
    for number in 0..600 {
        let by = Accessor { launch_id: Some(number.to_string()), ..access().by };
        store.audit_access(Access { by, ..access() }, NOW).unwrap();
    }
    assert!(store.audit_entries(None, 1000).unwrap().len() > 500);
}

fn damage(kit: &Kit, statements: &str) {
    rusqlite::Connection::open(kit.path("s.db")).unwrap().execute_batch(statements).unwrap();
}

fn problems(kit: &Kit) -> Vec<String> {
    kit.store.audit_verify(&[]).unwrap().problems
}

#[test]
fn a_whole_trail_verifies_and_is_exported_in_order() {
    let kit = two_chains();
    let report = kit.store.audit_verify(&[]).unwrap();
    assert_eq!((report.entries, report.chains, report.wrong, report.problems.len()), (12, 2, 0, 0));
    let first = kit.store.audit_entries(None, 7).unwrap();
    let last = first.last().unwrap();
    let rest = kit.store.audit_entries(Some((&last.node_id, last.seq)), 100).unwrap();
    let places: Vec<(String, i64)> = first.iter().chain(&rest).map(|entry| (entry.node_id.clone(), entry.seq)).collect();
    let expected: Vec<(String, i64)> =
        ["one", "two"].iter().flat_map(|node| (1..=6).map(|seq| ((*node).to_owned(), seq))).collect();
    assert_eq!(places, expected);
    assert_eq!(first[0].content, r#"{"what":"note","note":{"number":1}}"#);
}

#[test]
fn every_damage_to_the_rows_is_found() {
    let cases = [
        ("UPDATE audit SET content = zeroblob(60) WHERE node_id = 'one' AND seq = 3", "chain one: entry 3 was changed"),
        ("UPDATE audit SET at = at + 1 WHERE node_id = 'two' AND seq = 6", "chain two: entry 6 was changed"),
        ("UPDATE audit SET checkpoint = 1 WHERE node_id = 'one' AND seq = 2", "chain one: entry 2 was changed"),
        ("DELETE FROM audit WHERE node_id = 'one' AND seq IN (3, 4)", "chain one: entries 3 to 4 are missing"),
        ("DELETE FROM audit WHERE node_id = 'one' AND seq = 1", "chain one: the entries before 2 are missing"),
        ("DELETE FROM audit WHERE node_id = 'two' AND seq = 6", "chain two: entries 6 to 6 are missing"),
        ("DELETE FROM audit WHERE node_id = 'two'", "chain two: all of its entries are missing"),
        ("DELETE FROM audit WHERE node_id = 'two'; DELETE FROM audit_head WHERE node_id = 'two'", "a whole chain is missing"),
        ("DELETE FROM audit_head WHERE node_id = 'one'", "chain one: its head is missing"),
        // Cut short, with a head to match that was made without the key.
        (
            "DELETE FROM audit WHERE node_id = 'one' AND seq = 6;
             UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit WHERE node_id = 'one' AND seq = 5) WHERE node_id = 'one'",
            "chain one: its head was changed",
        ),
        // The third and fourth change places.
        (
            "UPDATE audit SET seq = 99 WHERE node_id = 'one' AND seq = 3; UPDATE audit SET seq = 3 WHERE node_id = 'one' AND seq = 4;
             UPDATE audit SET seq = 4 WHERE node_id = 'one' AND seq = 99",
            "chain one: entry 3 does not follow the one before it",
        ),
        // One is taken out and the gap is closed.
        (
            "DELETE FROM audit WHERE node_id = 'one' AND seq = 3; UPDATE audit SET seq = seq - 1 WHERE node_id = 'one' AND seq > 3",
            "chain one: entry 3 does not follow the one before it",
        ),
        ("DELETE FROM meta WHERE key = 'audit_chains'", "a whole chain is missing or too many"),
    ];
    for (statements, problem) in cases {
        let kit = two_chains();
        damage(&kit, statements);
        let found = problems(&kit);
        assert!(found.iter().any(|text| text.contains(problem)), "{statements}: {found:?}");
    }
}

#[test]
fn a_purge_leaves_a_trail_that_verifies_and_damage_to_that_is_found() {
    let kit = two_chains();
    let store = kit.store.as_ref();
    let kept = store.audit_heads().unwrap();
    note(store, 7, NOW + 20 * DAY);
    store.purge(&KEPT, NOW + 31 * DAY).unwrap();
    assert_eq!(problems(&kit), [""; 0]);
    // Of the first chain the seventh entry and the checkpoint are left, of the second nothing.
    let report = store.audit_verify(&kept).unwrap();
    assert_eq!((report.entries, report.chains, report.problems.len()), (2, 1, 0), "heads noted before the purge do not contradict");
    store.purge(&KEPT, NOW + 31 * DAY + SECOND).unwrap();
    assert_eq!(store.audit_verify(&[]).unwrap().entries, 2, "one checkpoint a day is enough");
    store.purge(&KEPT, NOW + 33 * DAY).unwrap();
    assert_eq!(store.audit_verify(&[]).unwrap().entries, 3);
    store.purge(&KEPT, NOW + 55 * DAY).unwrap();
    assert_eq!(problems(&kit), [""; 0]);
    damage(&kit, "DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)");
    let found = problems(&kit);
    assert!(found.iter().any(|text| text.contains("no checkpoint says that they were purged")), "{found:?}");
}

#[test]
fn a_head_noted_elsewhere_finds_a_store_that_was_put_back() {
    let kit = two_chains();
    let mut ahead = kit.store.audit_heads().unwrap();
    let line = ahead[0].line();
    assert_eq!(AuditHead::parse(&line).as_ref(), Some(&ahead[0]));
    assert_eq!(kit.store.audit_verify(&ahead).unwrap().wrong, 0);
    ahead[0].seq += 1;
    assert_eq!(kit.store.audit_verify(&ahead).unwrap().wrong, 1);
    for broken in ["", "one", "one x 00", "one 1 0g", "one 1 00 more", "one 1 0é"] {
        assert!(AuditHead::parse(broken).is_none(), "{broken}");
    }
}

#[test]
fn the_same_refusal_is_counted_and_not_repeated() {
    let kit = Kit::new();
    let refusal =
        |reason: &str| Refusal { what: "login refused", partner: None, reason: reason.into(), address: Some("192.0.2.7".into()) };
    for second in 0..5 {
        kit.store.audit_refusal(&refusal("no token"), NOW + second * SECOND).unwrap();
    }
    kit.store.audit_refusal(&refusal("unknown client"), NOW).unwrap();
    kit.store.audit_refusal(&refusal("no token"), NOW + 11 * SECOND).unwrap();
    let entries = kit.store.audit_entries(None, 10).unwrap();
    let said: Vec<serde_json::Value> = entries.iter().map(|entry| serde_json::from_str(&entry.content).unwrap()).collect();
    let told: Vec<(&str, i64)> = said.iter().map(|e| (e["reason"].as_str().unwrap(), e["not_written"].as_i64().unwrap())).collect();
    assert_eq!(told, [("no token", 0), ("unknown client", 0), ("no token", 4)]);
    assert_eq!(said[0]["address"], "192.0.2.7");
}
