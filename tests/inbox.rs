//! `ereferral inbox`: what it prints of messages that were received, and handing one over once more.

#![cfg(feature = "cli")]

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/fixtures.rs"]
mod fixtures;

use std::path::Path;
use std::process::{Command, Output};

use clinic::{Clinic, TOKEN, notification, parsed};
use ereferral::proto::store::event_kind::MESSAGE;

/// `ereferral inbox` with these arguments: whether it succeeded, and what it printed.
fn inbox(command: &str, config: &Path, more: &[&str]) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ereferral"));
    let Output { status, stdout, stderr } = program.args(["inbox", command]).arg(config).args(more).output().expect("it runs");
    (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn what_was_received_is_listed_shown_and_handed_over_once_more() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| ());
    let config = clinic.path("desk.json");
    std::fs::write(&config, clinic.document(|_| ()).to_string()).unwrap();
    assert_eq!(inbox("list", &config, &[]), (true, String::new()), "nothing came yet");

    let first = pos.message(TOKEN, &fixtures::read("on-0.11.1/add-service-request"));
    assert_eq!(first.status, 200, "{}", String::from_utf8_lossy(&first.body));
    let mut event = pos.event(MESSAGE);
    let told = parsed(event.document().as_bytes());
    event.done().unwrap();
    assert_eq!(pos.message(TOKEN, &notification("mh-1", "b-1", "R-77")).status, 200);

    let (done, list) = inbox("list", &config, &[]);
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(done && lines.len() == 2, "{list}");
    assert_eq!(lines[0][2..], ["waiting", "rms", "notify-add-appointment"], "the newest comes first: {list}");
    assert_eq!(lines[1][2..], ["done", "rms", "add-service-request"], "{list}");
    let id = lines[1][0];
    assert_eq!(inbox("list", &config, &["--state", "done"]).1.lines().count(), 1);
    assert_eq!(inbox("list", &config, &["--limit", "1"]).1.lines().count(), 1);
    let (done, words) = inbox("list", &config, &["--state", "eaten"]);
    assert!(!done && words.contains("expected waiting, leased, parked or done"), "{words}");

    let (done, page) = inbox("show", &config, &[id]);
    let shown = parsed(page.as_bytes());
    assert!(done && shown["reception_id"] == id, "{page}");
    assert_eq!(shown["notification"]["event"], "add-service-request");
    for member in ["patient", "referral_id", "message"] {
        assert_eq!(shown["notification"][member], told[member], "{member}");
    }

    let (done, words) = inbox("resend", &config, &[id]);
    assert!(done && words == format!("{id} is handed over once more\n"), "{words}");
    assert!(inbox("list", &config, &["--state", "waiting"]).1.contains(id));
    for command in ["show", "resend"] {
        let (done, words) = inbox(command, &config, &["no-such-id"]);
        assert!(!done && words.contains("there is no reception of that id"), "{command}: {words}");
    }
}
