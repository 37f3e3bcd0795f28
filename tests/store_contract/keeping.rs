//! Keys, sealing, group commit, audit and housekeeping: what can only be seen beside the trait, in the store's files.

use super::*;
use ereferral::proto::settings::Retention;

fn open_files(path: PathBuf, key_file: PathBuf) -> Result<Arc<dyn Store>> {
    sqlite::open(&path, &key_file, node("again"))
}

#[test]
fn a_store_without_its_key_stays_shut_and_makes_no_new_key() {
    let kit = Kit::new();
    accept(kit.store.as_ref(), &incoming("a", "m1", Some("R1")), NOW).unwrap();
    let text = std::fs::read_to_string(kit.path("s.key")).unwrap();
    let id = text.lines().last().unwrap().split(' ').nth(1).unwrap().to_owned();
    std::fs::rename(kit.path("s.key"), kit.path("kept.key")).unwrap();
    let error = kit.other("x").err().unwrap();
    assert_eq!(error.status(), EREF_STORE_KEY);
    assert!(error.message().contains(&id) && error.message().contains("s.key"), "{error}");
    assert!(!kit.path("s.key").exists());
    let foreign = Kit::new();
    let error = open_files(kit.path("s.db"), foreign.path("s.key")).err().unwrap();
    assert_eq!(error.status(), EREF_STORE_KEY);
    assert!(error.message().contains(&id), "{error}");
    open_files(kit.path("s.db"), kit.path("kept.key")).unwrap();
}

#[test]
fn processes_that_come_at_once_make_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Barrier::new(6);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (barrier, path) = (&barrier, folder.path());
            scope.spawn(move || {
                barrier.wait();
                let store = sqlite::open(&path.join("s.db"), &path.join("s.key"), node(&format!("n{number}"))).unwrap();
                accept(store.as_ref(), &incoming("a", &format!("m{number}"), Some("R1")), NOW).unwrap();
            });
        }
    });
    let store = open_files(folder.path().join("s.db"), folder.path().join("s.key")).unwrap();
    assert_eq!(store.status().unwrap().referrals, 1);
}

#[test]
fn a_store_of_a_newer_library_is_not_touched() {
    let Kit { folder, store } = Kit::new();
    drop(store);
    let path = folder.path().join("s.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
    assert_eq!(status_of(open_files(path, folder.path().join("s.key"))), EREF_STORE_VERSION);
}

#[cfg(unix)]
#[test]
fn all_files_of_a_store_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let kit = Kit::new();
    accept(kit.store.as_ref(), &incoming("a", "m1", Some("R1")), NOW).unwrap();
    for name in ["s.db", "s.db-wal", "s.db-shm", "s.key"] {
        assert_eq!(std::fs::metadata(kit.path(name)).unwrap().permissions().mode() & 0o077, 0, "{name}");
    }
}

/// Works through every verb with this mark in everything that is personal or an identifier from outside.
fn plant(store: &dyn Store, mark: &str) {
    let identifier = Identifier { system: format!("http://{mark}.example"), value: mark.into() };
    let identifiers = vec![identifier.clone()];
    let referral = ReferralUpdate {
        keys: ReferralKeys {
            identifiers: identifiers.clone(),
            requisition: Some(identifier.clone()),
            health_number: Some(mark.into()),
            ..ReferralKeys::default()
        },
        claims: identifiers.clone(),
        communications: identifiers.clone(),
        identifiers,
        state: ReferralState { request: Some(Status { code: mark.into(), said: Said::default() }), task: None },
        document: format!(r#"{{"name":"{mark}"}}"#),
        history: format!(r#"{{"name":"{mark}"}}"#),
        ..update(&[])
    };
    let message = IncomingMessage {
        body: mark.repeat(4).into_bytes().into(),
        response: mark.into(),
        notification: format!(r#"{{"name":"{mark}"}}"#),
        referral: Some(referral.clone()),
        ..incoming("a", "m", None)
    };
    let message = renamed(&message, |identity| (identity.message_id, identity.bundle_id) = (mark.into(), mark.into()));
    let id = referral_of(accept(store, &message, NOW).unwrap());
    let event = lease(store, NOW).unwrap();
    store.retry_event(&event.id, 1, NOW, mark).unwrap();
    store.link_referral(&id, &Identifier { system: mark.into(), value: mark.into() }, NOW).unwrap();
    let send = OutgoingMessage {
        host_key: mark.into(),
        message_id: mark.into(),
        bundle_id: mark.into(),
        body: mark.as_bytes().to_vec().into(),
        referral: Some(referral),
        ..outgoing("a", "k", None)
    };
    enqueue(store, &send, NOW).unwrap();
    assert!(lease_delivery(store, "a", NOW).is_some());
    let answered = AttemptOutcome {
        error: Some(mark.into()),
        answer: Some(mark.into()),
        event_document: Some(format!(r#"{{"name":"{mark}"}}"#)),
        ..outcome(DeliveryState::Refused)
    };
    finish(store, &send.id, answered);
    let chart = vec![ChartResource { json: format!(r#"{{"name":"{mark}"}}"#), ..resource("Patient", mark) }];
    let started = NewLaunch {
        session: mark.into(),
        patient: Some(mark.into()),
        correlation: mark.into(),
        health_number: Some(mark.into()),
        context: format!(r#"{{"user":"{mark}"}}"#),
        chart: chart.clone(),
        ..launch(1)
    };
    store.save_launch(&started, NOW).unwrap();
    store.put_chart("launch-1", &chart, NOW).unwrap();
    let mut code = NewCode { binding: mark.into(), picked: true, ..code(1, "launch-1") };
    (code.grant.patient, code.grant.grant.context) = (Some(mark.into()), format!(r#"{{"patient":"{mark}"}}"#));
    store.issue_code(&code, NOW).unwrap();
    assert!(store.redeem_code(&[1; 32], &[token(50, "launch-1")], NOW).unwrap());
    let login = NewLogin {
        id: "login-1".into(),
        handle: [1; 32],
        cookie: [2; 32],
        partner: "app".into(),
        expires: NOW + SECOND,
        request: mark.into(),
    };
    store.begin_login(&login, NOW).unwrap();
    let by = Accessor { patient: Some(mark.into()), ..audit::access().by };
    store.audit_access(Access { by, ..audit::access() }, NOW).unwrap();
    store.flush_accesses(NOW).unwrap();
    store.use_jti("app", mark, NOW + SECOND, NOW).unwrap();
    let der = zeroize::Zeroizing::new(mark.as_bytes().to_vec());
    store.save_signing_key(&SigningKey { kid: "kid".into(), der, created: NOW }, 0).unwrap();
    store.audit_note(&format!(r#"{{"viewed":"{mark}"}}"#), NOW).unwrap();
    let document = format!(r#"{{"name":"{mark}"}}"#);
    let written = WriteBack {
        resource_id: mark.into(),
        body: document.clone().into_bytes().into(),
        event_document: document,
        ..write("d1", 1, Seen::Nothing)
    };
    store.write_back(&written, NOW).unwrap();
    let event = store.lease_event(event_kind::WRITE, NOW, NOW + SECOND).unwrap().unwrap();
    store.refuse_write(&event.id, event.attempt, mark, NOW).unwrap();
    store.end_session(mark, NOW).unwrap();
}

#[test]
fn nothing_personal_is_in_the_clear_in_any_file() {
    let kit = Kit::new();
    plant(kit.store.as_ref(), "Fakename9999999999");
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(kit.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        assert!(!holds(b"Fakename9999999999"), "{}", path.display());
        seen.push((path.file_name().unwrap().to_string_lossy().into_owned(), holds(b"add-service-request")));
    }
    // The search does find what is kept in clear, so it looked at the right files.
    assert!(seen.iter().any(|(_, found)| *found) && seen.iter().any(|(name, _)| name == "s.db-wal"), "{seen:?}");
}

#[test]
fn sealed_rows_that_were_swapped_in_the_file_are_refused() {
    let kit = Kit::new();
    let (one, two) = (incoming("a", "m1", None), incoming("a", "m2", None));
    for message in [&one, &two] {
        accept(kit.store.as_ref(), message, NOW).unwrap();
    }
    let direct = rusqlite::Connection::open(kit.path("s.db")).unwrap();
    let piece: Vec<u8> = direct.query_row("SELECT piece FROM body WHERE owner = ?1", [&one.id], |row| row.get(0)).unwrap();
    direct.execute("UPDATE body SET piece = ?1 WHERE owner = ?2", rusqlite::params![piece, two.id]).unwrap();
    assert_eq!(kit.store.message_body(&one.id).unwrap(), *one.body);
    assert_eq!(status_of(kit.store.message_body(&two.id)), EREF_STORE);
}

#[test]
fn sixteen_threads_lose_nothing_and_a_failure_undoes_only_itself() {
    const EACH: usize = 12;
    let kit = Kit::new();
    let accepted = race(&kit, 16, |store, thread| {
        let mut fresh = 0;
        for round in 0..EACH {
            // Two threads each send the same message; one of the two is told so.
            let message = incoming("a", &format!("m{}-{round}", thread / 2), Some(&format!("R{}", thread / 2)));
            fresh += usize::from(matches!(accept(store, &message, NOW).unwrap(), Accepted::New { .. }));
            assert_eq!(status_of(store.put_chart("none", &[resource("Patient", "p")], NOW)), EREF_NOT_FOUND);
            enqueue(store, &outgoing("a", &format!("k{thread}-{round}"), None), NOW).unwrap();
        }
        fresh
    });
    assert_eq!(accepted.iter().sum::<usize>(), 8 * EACH);
    let kit = kit.reopened();
    let status = kit.store.status().unwrap();
    assert_eq!((status.events_waiting, status.referrals), (8 * EACH as u64, 8));
    assert_eq!(status.deliveries[DeliveryState::Queued as usize], 16 * EACH as u64);
    assert_eq!(audit_entries(&kit), 8 * EACH + 16 * EACH);
}

/// Counts the entries of the audit trail, after checking that every writer's chain is whole.
fn audit_entries(kit: &Kit) -> usize {
    let report = kit.store.audit_verify(&[]).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    usize::try_from(report.entries).unwrap()
}

#[test]
fn the_change_counter_moves_when_another_process_commits() {
    let kit = Kit::new();
    let other = kit.other("two").unwrap();
    let before = other.change_counter().unwrap();
    assert_eq!(other.change_counter().unwrap(), before);
    kit.store.audit_note(r#"{"viewed":"x"}"#, NOW).unwrap();
    assert_ne!(other.change_counter().unwrap(), before);
}

#[test]
fn purge_takes_what_is_done_and_old_and_nothing_else() {
    let kit = Kit::new();
    let (done, waiting) = (incoming("a", "m1", Some("R1")), incoming("a", "m2", Some("R1")));
    accept(kit.store.as_ref(), &done, NOW).unwrap();
    let event = lease(kit.store.as_ref(), NOW).unwrap();
    kit.store.finish_event(&event.id, 1, NOW).unwrap();
    accept(kit.store.as_ref(), &waiting, NOW).unwrap();
    kit.store.save_launch(&launch(1), NOW).unwrap();
    kit.store.purge(&Retention::default(), NOW + 89 * DAY).unwrap();
    assert_eq!(kit.store.message_body(&done.id).unwrap(), *done.body);
    assert!(kit.store.chart("launch-1", None).unwrap().is_empty());
    kit.store.purge(&Retention::default(), NOW + 92 * DAY).unwrap();
    assert_eq!(status_of(kit.store.message_body(&done.id)), EREF_NOT_FOUND);
    assert_eq!(kit.store.message_body(&waiting.id).unwrap(), *waiting.body);
    let status = kit.store.status().unwrap();
    assert_eq!((status.events_waiting, status.referrals, status.launches), (1, 1, 0));
}

#[test]
fn purge_leaves_what_a_referral_says_by_now() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let take = |id: &str, event: &str| {
        let message = IncomingMessage { event: event.into(), ..incoming("a", id, Some("R1")) };
        accept(store, &message, NOW).unwrap();
        let waiting = lease(store, NOW).unwrap();
        store.finish_event(&waiting.id, 1, NOW).unwrap();
        message.id
    };
    let send = |key: &str, event: &str, state| {
        let message = OutgoingMessage { event: event.into(), ..outgoing("a", key, Some("R1")) };
        enqueue(store, &message, NOW).unwrap();
        assert!(lease_delivery(store, "a", NOW).is_some());
        finish(store, &message.id, outcome(state));
        message.id
    };
    let first = take("m1", "add-service-request");
    let task = take("m2", "notify-update-process-request");
    let update = send("k1", "notify-update-service-request", DeliveryState::Delivered);
    let refused = send("k2", "notify-update-service-request", DeliveryState::Refused);
    let later = take("m3", "notify-update-process-request");
    let kept = || {
        let there = |id: &&String| store.message_body(id).is_ok();
        [&first, &task, &update, &refused, &later].iter().filter(|id| there(id)).map(|id| (*id).clone()).collect::<Vec<_>>()
    };
    assert_eq!(kept().len(), 5);
    for day in [92, 400] {
        store.purge(&Retention::default(), NOW + day * DAY).unwrap();
        assert_eq!(kept(), std::slice::from_ref(&update), "the newest full content that was not refused, as long as the referral");
    }
    // Where nothing was full it is the newest message.
    let message = IncomingMessage { event: "notify-add-process-request".into(), ..incoming("a", "m4", Some("R2")) };
    accept(store, &message, NOW).unwrap();
    let waiting = lease(store, NOW).unwrap();
    store.finish_event(&waiting.id, 1, NOW).unwrap();
    store.purge(&Retention::default(), NOW + 400 * DAY).unwrap();
    assert_eq!(store.message_body(&message.id).unwrap(), *message.body);
}

#[test]
fn a_file_is_its_receivers_alone_and_goes_with_its_message() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let file = ServedFile {
        id: "file-1".into(),
        content_type: "application/pdf".into(),
        content: Arc::new([b"%PDF invented".as_slice(), &[b'x'; 2 << 20]].concat()),
    };
    let message = OutgoingMessage { files: vec![file.clone()], ..outgoing("a", "k1", None) };
    enqueue(store, &message, NOW).unwrap();
    // The same call again keeps it once.
    enqueue(store, &OutgoingMessage { id: fresh_id(), ..message.clone() }, NOW).unwrap();
    assert_eq!(store.fetch_file("file-1", "b", NOW).unwrap(), None);
    assert_eq!(store.fetch_file("file-2", "a", NOW).unwrap(), None);
    let before = audit_entries(&kit);
    assert_eq!(store.fetch_file("file-1", "a", NOW).unwrap(), Some(file));
    assert_eq!(audit_entries(&kit), before + 1, "who fetched is recorded");
    let kept = std::fs::read(kit.path("s.db-wal")).unwrap();
    assert!(!kept.windows(13).any(|piece| piece == b"%PDF invented"), "in clear");
    assert!(lease_delivery(store, "a", NOW).is_some());
    finish(store, &message.id, outcome(DeliveryState::Delivered));
    store.purge(&Retention::default(), NOW + 89 * DAY).unwrap();
    assert!(store.fetch_file("file-1", "a", NOW).unwrap().is_some());
    store.purge(&Retention::default(), NOW + 91 * DAY).unwrap();
    assert_eq!(store.fetch_file("file-1", "a", NOW).unwrap(), None);
}

#[test]
fn a_file_lives_as_long_as_the_newest_message_that_repeats_it() {
    let kit = Kit::new();
    let store = kit.store.as_ref();
    let send = |key: &str, partner: &str, file: Option<&str>, day: i64| {
        let content = Arc::new(b"%PDF invented".to_vec());
        let file = file.map(|id| ServedFile { id: id.into(), content_type: "application/pdf".into(), content });
        let referral = if partner == "a" { "R1" } else { "R2" };
        let event = "notify-update-service-request".into();
        let message = OutgoingMessage { files: file.into_iter().collect(), event, ..outgoing(partner, key, Some(referral)) };
        enqueue(store, &message, NOW + day * DAY).unwrap();
        assert!(lease_delivery(store, partner, NOW + day * DAY).is_some());
        finish(store, &message.id, outcome(DeliveryState::Delivered));
    };
    send("k1", "a", Some("file-1"), 0);
    send("k2", "a", None, 80);
    send("k3", "b", Some("file-2"), 0);
    let there = |id: &str, partner: &str| store.fetch_file(id, partner, NOW).unwrap().is_some();
    // The first message's body is gone, its repetition is the newest.
    store.purge(&Retention::default(), NOW + 400 * DAY).unwrap();
    assert!(there("file-1", "a") && there("file-2", "b"), "what a referral says by now keeps its files");
    send("k5", "b", None, 401);
    let short = Retention { body_days: 1, ..Retention::default() };
    let message = IncomingMessage { event: "notify-update-service-request".into(), ..incoming("a", "m1", Some("R1")) };
    accept(store, &message, NOW + 402 * DAY).unwrap();
    store.purge(&short, NOW + 410 * DAY).unwrap();
    assert!(!there("file-1", "a"), "no message of ours about it is kept any more");
    assert!(there("file-2", "b"));
}

#[test]
fn a_seen_jwt_id_may_come_again_after_its_time() {
    let kit = Kit::new();
    assert!(kit.store.use_jti("app", "j", NOW + SECOND, NOW).unwrap());
    assert!(!kit.store.use_jti("app", "j", NOW + SECOND, NOW + SECOND).unwrap());
    kit.store.purge(&Retention::default(), NOW + DAY).unwrap();
    assert!(kit.store.use_jti("app", "j", NOW + 2 * DAY, NOW + DAY).unwrap());
}

#[test]
fn the_hosts_audit_note_must_be_json() {
    let kit = Kit::new();
    assert_eq!(status_of(kit.store.audit_note("not json", NOW)), EREF_INVALID_JSON);
    assert_eq!(audit_entries(&kit), 0);
}
