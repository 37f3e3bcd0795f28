//! Engines: who serves a store, starting and stopping, configuration, and the events that several threads take.

#[path = "support/clinic.rs"]
mod clinic;

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use clinic::{Clinic, PATIENCE, Serving, TOKEN, notification, parsed, until};
use ereferral::engine::{Cancel, Engine, Event};
use ereferral::error::{
    EREF_CANCELLED, EREF_CONFIG, EREF_INVALID_ARGUMENT, EREF_LEASE_LOST, EREF_LISTEN, EREF_STORE_IN_USE, EREF_STORE_KEY,
    EREF_TIMEOUT, EREF_WRONG_STATE,
};
use ereferral::proto::store::event_kind::{ALERT, LAUNCH, MESSAGE, QUESTION};
use serde_json::json;

fn receive(pos: &Serving, number: usize, referral: &str) {
    assert_eq!(pos.message(TOKEN, &notification(&format!("mh-{number}"), &format!("b-{number}"), referral)).status, 200);
}

fn attempts(event: &Event) -> (String, u32) {
    (event.id().to_owned(), event.attempt())
}

/// How many threads of ours this process has.
#[cfg(target_os = "linux")]
fn our_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("eref-")).count()
}

#[test]
fn one_engine_serves_a_store_and_desks_stand_beside_it() {
    let clinic = Clinic::new();
    let first = clinic.start(|_| {});
    let second = clinic.open(|_| {});
    let error = second.start().unwrap_err();
    assert_eq!(error.status(), EREF_STORE_IN_USE);
    let node = &first.status()["node"];
    let words = format!("process {} on {}", node["process"], node["host"].as_str().unwrap());
    assert!(error.message().contains(&words), "{}", error.message());

    let desk = clinic.desk();
    receive(&first, 1, "R-1");
    let mut event = desk.event(MESSAGE);
    first.assert_no_event(MESSAGE);
    event.done().unwrap();
    assert_eq!((desk.status()["serve"].clone(), desk.status()["addresses"].clone()), (json!(false), json!([])));

    first.stop();
    second.start().unwrap();
    assert_eq!(first.engine.start().unwrap_err().status(), EREF_STORE_IN_USE);
    second.stop(PATIENCE).unwrap();
    first.engine.start().unwrap();
}

#[test]
fn start_and_stop_come_in_order_and_can_be_repeated() {
    let clinic = Clinic::new();
    let engine = clinic.open(|_| {});
    assert_eq!(engine.stop(Duration::ZERO).unwrap_err().status(), EREF_WRONG_STATE);
    for number in 0..3 {
        engine.start().unwrap();
        assert_eq!(engine.start().unwrap_err().status(), EREF_WRONG_STATE);
        let pos = clinic.serving(engine.clone());
        assert_eq!(pos.status()["running"], true);
        receive(&pos, number, "R-1");
        pos.stop();
        assert_eq!(pos.status()["running"], false);
        assert_eq!(engine.event_next(ALERT, PATIENCE, None).err().unwrap().status(), EREF_CANCELLED);
    }
}

#[test]
fn a_start_that_cannot_listen_leaves_nothing_running() {
    let clinic = Clinic::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let engine = clinic.open(|document| document["listen"][0]["address"] = json!(address));
    let error = engine.start().unwrap_err();
    assert_eq!(error.status(), EREF_LISTEN);
    assert!(error.message().contains(&address), "{}", error.message());
    drop(clinic.start(|_| {}));
    drop(taken);
    until("the address and the store to be free", || engine.start().is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn dropping_the_engine_ends_its_threads_and_frees_the_store() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    receive(&pos, 1, "R-1");
    assert!(our_threads() > 0);
    drop(pos);
    let next = clinic.open(|_| {});
    until("the store to be free", || next.start().is_ok());
    let pos = clinic.serving(next);
    pos.event(MESSAGE).done().unwrap();
}

#[test]
fn a_configuration_is_taken_whole_or_not_at_all() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let names = pos.status()["partners"].clone();
    type Change = fn(&mut serde_json::Value);
    let wrong: [(&str, Change); 7] = [
        ("log.level", |document| document["log"] = json!({"level": "loud"})),
        ("log.file", |document| document["log"] = json!({"file": "no-such-folder/a.log"})),
        ("listen", |document| document["listen"][0]["address"] = json!("127.0.0.1:1")),
        ("public_url", |document| document["public_url"] = json!("https://elsewhere.test")),
        ("store", |document| document["store"]["url"] = json!("sqlite:other.db")),
        ("serve", |document| document["serve"] = json!(false)),
        ("partners[1].messaging.inbound.bearer", |document| {
            document["partners"][1]["messaging"]["inbound"]["bearer"] = json!("short");
        }),
    ];
    for (path, change) in wrong {
        let document = clinic.document(|document| {
            document["partners"][0]["name"] = json!("renamed");
            change(document);
        });
        let mut config = ereferral::engine::Config::new();
        config.parse_json(document.to_string().as_bytes()).unwrap();
        let error = pos.engine.configure(&config).unwrap_err();
        assert_eq!(error.status(), EREF_CONFIG, "{path}");
        assert!(error.message().starts_with(path), "{path}: {}", error.message());
        assert_eq!(pos.status()["partners"], names, "{path}: nothing of it is in force");
    }
    let change = |document: &mut serde_json::Value| {
        document["partners"][0]["messaging"]["inbound"]["bearer"] = json!("another-inbound-token-0005");
    };
    pos.engine.configure(&clinic.config(change)).unwrap();
    let body = notification("mh-a", "b-a", "R-1");
    assert_eq!(pos.message(TOKEN, &body).status, 401);
    assert_eq!(pos.message("another-inbound-token-0005", &body).status, 200);
}

#[test]
fn a_store_opens_with_its_own_key_only() {
    let clinic = Clinic::new();
    drop(clinic.open(|_| {}));
    drop(clinic.open(|document| document["store"] = json!({"url": "sqlite:other.db", "key_file": "other.key"})));
    let key = clinic.path("pos.key");
    let open = || Engine::open(&clinic.config(|_| {})).map(|_| ());
    std::fs::rename(&key, clinic.path("kept.key")).unwrap();
    let missing = open().unwrap_err();
    std::fs::copy(clinic.path("other.key"), &key).unwrap();
    let wrong = open().unwrap_err();
    for error in [missing, wrong] {
        assert_eq!(error.status(), EREF_STORE_KEY);
        assert!(error.message().contains("pos.key"), "{}", error.message());
    }
    std::fs::rename(clinic.path("kept.key"), &key).unwrap();
    open().unwrap();
}

#[test]
fn waiting_for_an_event_ends_by_time_by_cancel_and_by_stop() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    for kinds in [0, 64, MESSAGE | 1 << 20] {
        assert_eq!(pos.engine.event_next(kinds, Duration::ZERO, None).err().unwrap().status(), EREF_INVALID_ARGUMENT);
    }
    assert_eq!(pos.engine.event_next(MESSAGE, Duration::from_millis(50), None).err().unwrap().status(), EREF_TIMEOUT);
    let cancel = Cancel::default();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| pos.engine.event_next(MESSAGE, PATIENCE, Some(&cancel)).err().unwrap());
        let stopped = scope.spawn(|| pos.engine.event_next(QUESTION | LAUNCH, PATIENCE, None).err().unwrap());
        cancel.signal();
        assert_eq!(waiting.join().unwrap().status(), EREF_CANCELLED);
        pos.stop();
        assert_eq!(stopped.join().unwrap().status(), EREF_CANCELLED);
    });
    assert!(cancel.is_signalled());
}

#[test]
fn an_expired_lease_is_lost_and_the_event_comes_again_with_the_next_attempt() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["limits"] = json!({"event_lease_ms": 100}));
    receive(&pos, 1, "R-1");
    let mut late = pos.event(MESSAGE);
    let mut again = pos.event(MESSAGE);
    assert_eq!(attempts(&again), (late.id().to_owned(), 2));
    assert_eq!(late.done().unwrap_err().status(), EREF_LEASE_LOST);
    assert_eq!(late.extend().unwrap_err().status(), EREF_LEASE_LOST);
    drop(late);
    // The lease in force may have run out by now; with a longer one it does not.
    let longer = |document: &mut serde_json::Value| document["limits"] = json!({"event_lease_ms": 600_000});
    pos.engine.configure(&clinic.config(longer)).unwrap();
    if again.extend().is_err() {
        again = pos.event(MESSAGE);
    }
    pos.assert_no_event(MESSAGE);
    again.done().unwrap();
    assert_eq!(again.done().unwrap_err().status(), EREF_WRONG_STATE);
    pos.assert_no_event(MESSAGE);
}

#[test]
fn an_event_that_is_never_finished_is_parked_with_an_alert_and_later_ones_go_on() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    receive(&pos, 1, "R-1");
    receive(&pos, 2, "R-1");
    let first = pos.event(MESSAGE).id().to_owned();
    for attempt in 2..=10 {
        let mut event = pos.event(MESSAGE);
        assert_eq!(attempts(&event), (first.clone(), attempt));
        event.retry(Duration::ZERO, "the chart is locked").unwrap();
    }
    let alert = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!(alert["alert"], "events-parked");
    let mut next = pos.event(MESSAGE);
    assert_ne!(next.id(), first);
    next.done().unwrap();
    assert_eq!(pos.status()["store"]["events"], json!({"waiting": 0, "parked": 1}));
    assert_eq!(pos.engine.events_unpark().unwrap(), 1);
    assert_eq!(parsed(pos.event(ALERT).document().as_bytes())["started"], false);
    assert_eq!(attempts(&pos.event(MESSAGE)), (first, 1));
}

#[test]
fn an_event_whose_leases_all_run_out_is_parked_with_an_alert_too() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["limits"] = json!({"event_lease_ms": 100}));
    receive(&pos, 1, "R-1");
    let mut held: Vec<Event> = (0..10).map(|_| pos.event(MESSAGE)).collect();
    assert_eq!(held.last().unwrap().attempt(), 10);
    let parked = || {
        let _ = pos.engine.event_next(MESSAGE, Duration::ZERO, None).map(|_| panic!("an eleventh attempt"));
        pos.status()["store"]["events"]["parked"] == 1
    };
    until("the parking", parked);
    let alert = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!(alert["alert"], "events-parked");
    assert!(held.iter_mut().all(|event| event.done().is_err()));
}

#[test]
fn four_threads_take_every_event_once_and_keep_the_order_of_each_referral() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    for number in 0..60 {
        receive(&pos, number, &format!("R-{}", number % 6));
    }
    let taken: Mutex<HashMap<String, Vec<usize>>> = Mutex::default();
    let out: Mutex<HashMap<String, usize>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while taken.lock().unwrap().values().map(Vec::len).sum::<usize>() < 60 {
                    let Ok(mut event) = pos.engine.event_next(MESSAGE, Duration::from_millis(100), None) else { continue };
                    let message = event.message().unwrap().unwrap();
                    let number: usize = message.message_id().strip_prefix("mh-").unwrap().parse().unwrap();
                    let referral = message.field("referral.identifier[0].value").unwrap().unwrap();
                    *out.lock().unwrap().entry(referral.clone()).or_default() += 1;
                    assert_eq!(out.lock().unwrap()[&referral], 1, "one of a referral at a time");
                    taken.lock().unwrap().entry(referral.clone()).or_default().push(number);
                    thread::yield_now();
                    *out.lock().unwrap().entry(referral).or_default() -= 1;
                    event.done().unwrap();
                }
            });
        }
    });
    let taken = taken.into_inner().unwrap();
    assert_eq!(taken.len(), 6);
    assert!(taken.values().all(|numbers| numbers.len() == 10 && numbers.is_sorted()), "{taken:?}");
    pos.assert_no_event(MESSAGE);
}
