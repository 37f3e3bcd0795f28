//! `ereferral validate`: what it prints and how it ends.

#![cfg(feature = "cli")]

use std::process::{Command, Output};

use serde_json::Value;

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ocean-like-add-service-request.json");
const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/notify-add-appointment-0.10.json");

fn validate(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_ereferral")).arg("validate").args(arguments).output().expect("it runs");
    (status.code().expect("it ends by itself"), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn findings_are_printed_file_by_file_and_warnings_are_no_failure() {
    let (status, page) = validate(&[GOOD, OLD]);
    assert_eq!(status, 0, "{page}");
    assert!(
        page.contains("add-service-request as on-0.11.1, errors: 0") && page.contains("notify-add-appointment as on-0.10"),
        "{page}"
    );
    assert!(page.contains("warning      Bundle.total: a message has no total [FHIR R4 Bundle bdl-1]"), "{page}");
}

#[test]
fn errors_end_with_1_and_what_is_no_message_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut bundle: Value = serde_json::from_str(&std::fs::read_to_string(GOOD).unwrap()).unwrap();
    bundle["entry"][1]["resource"]["gender"] = "f".into();
    let wrong = file("wrong.json", &bundle.to_string());
    let (status, page) = validate(&[&wrong, GOOD]);
    assert_eq!(status, 1, "{page}");
    assert!(page.contains("error        Bundle.entry[1].resource.gender: the code is not one of its value set"), "{page}");
    assert_eq!(validate(&[&file("broken.json", "{"), &wrong]).0, 2);
    assert_eq!(validate(&["/nowhere/at-all.json"]).0, 2);
    assert_eq!(validate(&["--dialect", "on-99", GOOD]).0, 2);
}

#[test]
fn the_dialect_can_be_given() {
    let (status, page) = validate(&["--dialect", "on-0.11.1", OLD]);
    assert_eq!(status, 1, "{page}");
    assert!(
        page.contains("as on-0.11.1") && page.contains("error        Bundle.entry[3].resource.gender: the element is missing"),
        "{page}"
    );
}
