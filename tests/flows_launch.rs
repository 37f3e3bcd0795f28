//! Launches: the host starts one, the browser and the app go through it, the letter comes back, and the end is the end.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/clinic.rs"]
mod clinic;

use std::thread;

use browser::{authorize, launch_request, open, parameter, read, redeem, token, write_letter};
use clinic::{Clinic, Serving, parsed};
use ereferral::error::{EREF_NOT_FOUND, EREF_WRONG_STATE};
use ereferral::proto::store::event_kind::{ALERT, LAUNCH, QUESTION, WRITE};
use serde_json::{Value, json};

fn smart(document: &mut Value) {
    document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
    document["limits"] = json!({"question_ms": 20_000, "write_wait_ms": 0});
}

fn launch(pos: &Serving) -> (String, String) {
    let launch = pos.engine.launch_start(launch_request().to_string().as_bytes()).unwrap();
    (launch.id, launch.url)
}

fn said(pos: &Serving) -> (String, Value) {
    let document = parsed(pos.event(LAUNCH).document().as_bytes());
    (document["launch_id"].as_str().unwrap().to_owned(), document["what"].clone())
}

#[test]
fn a_launch_from_a_desk_is_served_read_and_written_back() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let desk = clinic.desk();
    let (id, url) = launch(&desk);
    assert!(url.starts_with("https://pos.test/auth/start/"), "{url}");

    let (handle, cookie) = open(&pos, &url);
    let code = parameter(&authorize(&pos, &handle, &cookie), "code").unwrap();
    assert_eq!(said(&pos), (id.clone(), json!("authorized")));
    let granted = parsed(&redeem(&pos, &code).body);
    assert_eq!((&granted["patient"], &granted["token_type"]), (&json!("p1"), &json!("Bearer")));
    let token = granted["access_token"].as_str().unwrap();

    assert_eq!(parsed(&read(&pos, token, "/fhir/Patient/p1").body)["name"][0]["family"], "Testpatient");
    let chart = parsed(&read(&pos, token, "/fhir/Patient/p1/$everything").body);
    assert_eq!(chart["entry"].as_array().unwrap().len(), 3);
    assert_eq!(read(&pos, token, "/fhir/Patient/p2").status, 404);

    let answer = write_letter(&pos, token, "p1");
    assert_eq!(answer.status, 201);
    assert_eq!(write_letter(&pos, token, "p2").status, 403);
    let mut event = desk.event(WRITE);
    let document = parsed(event.document().as_bytes());
    assert_eq!((&document["launch_id"], &document["title"]), (&json!(id), &json!("letter.pdf")));
    assert!(answer.headers["location"].to_str().unwrap().contains(document["id"].as_str().unwrap()));
    event.done().unwrap();
    pos.assert_no_event(WRITE);

    // What the desk ends is over for the app at once.
    desk.engine.launch_end(&id).unwrap();
    assert_eq!(read(&pos, token, "/fhir/Patient/p1").status, 401);
    assert_eq!(write_letter(&pos, token, "p1").status, 401);
    assert_eq!(desk.engine.launch_end(&id).unwrap_err().status(), EREF_NOT_FOUND);
}

#[test]
fn the_app_hears_what_this_process_or_a_desk_decides_about_its_letter() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        smart(document);
        document["limits"]["write_wait_ms"] = json!(60_000);
    });
    let desk = clinic.desk();
    let token = token(&pos, &launch(&desk).1);
    for host in [&desk, &pos] {
        thread::scope(|scope| {
            let app = scope.spawn(|| write_letter(&pos, &token, "p1"));
            let mut event = host.event(WRITE);
            event.refuse(true, "No date on it").unwrap();
            assert_eq!(event.refuse(true, "No date on it").unwrap_err().status(), EREF_WRONG_STATE, "once");
            let answer = app.join().unwrap();
            assert_eq!(answer.status, 422);
            assert!(String::from_utf8_lossy(&answer.body).contains("No date on it"));

            let app = scope.spawn(|| write_letter(&pos, &token, "p1"));
            host.event(WRITE).done().unwrap();
            let answer = app.join().unwrap();
            assert_eq!((answer.status, parsed(&answer.body)["meta"].get("tag")), (201, None));
        });
    }
    pos.assert_no_event(WRITE);
    assert_eq!(parsed(&read(&pos, &token, "/fhir/DocumentReference").body)["total"], 2);
}

#[test]
fn a_question_reaches_the_host_and_its_answer_the_app() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let (id, url) = launch(&pos);
    let token = token(&pos, &url);
    let condition = |id: &str, patient: &str| {
        json!({"resourceType": "Condition", "id": id, "subject": {"reference": format!("Patient/{patient}")}}).to_string()
    };
    thread::scope(|scope| {
        let ask = |path: &'static str| {
            let (pos, token) = (&pos, &token);
            scope.spawn(move || read(pos, token, path))
        };
        let app = ask("/fhir/Condition/c9");
        let mut question = pos.event(QUESTION);
        let document = parsed(question.document().as_bytes());
        assert_eq!((&document["type"], &document["id"], &document["launch_id"]), (&json!("Condition"), &json!("c9"), &json!(id)));
        assert!(question.answer("{").is_err(), "not JSON: it can still be answered");
        question.answer(&condition("c9", "p1")).unwrap();
        assert!(question.answer("{}").is_err(), "once");
        let answer = app.join().unwrap();
        assert_eq!((answer.status, &parsed(&answer.body)["id"]), (200, &json!("c9")));

        for (exists, status) in [(true, 403), (false, 404)] {
            let app = ask("/fhir/Condition/c10");
            pos.event(QUESTION).refuse(exists, "not for this user").unwrap();
            assert_eq!(app.join().unwrap().status, status);
        }
        // A host that answers with another patient's resource gives nothing away.
        let app = ask("/fhir/Condition/c11");
        pos.event(QUESTION).answer(&condition("c11", "p2")).unwrap();
        assert_eq!(app.join().unwrap().status, 404);
    });
    let shorter = |document: &mut Value| {
        smart(document);
        document["limits"]["question_ms"] = json!(100);
    };
    pos.engine.configure(&clinic.config(shorter)).unwrap();
    let answer = read(&pos, &token, "/fhir/Condition/c12");
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "5"));
    pos.assert_no_event(QUESTION);
}

#[test]
fn a_second_opening_of_the_start_url_ends_the_launch_with_an_alert() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let (id, url) = launch(&pos);
    let (handle, cookie) = open(&pos, &url);
    assert_eq!(pos.get(&url, &[]).status, 410);
    assert_eq!(said(&pos), (id.clone(), json!("ended")));
    let alert = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!(alert["alert"], format!("launch-opened-again:{id}"));
    let answer = authorize(&pos, &handle, &cookie);
    assert!(answer.status >= 400 || parameter(&answer, "error").is_some());
}

#[test]
fn authorize_demands_the_cookie_of_the_browser_that_started() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let (_, url) = launch(&pos);
    let (handle, _) = open(&pos, &url);
    let (_, other_url) = launch(&pos);
    let (_, other_cookie) = open(&pos, &other_url);
    for cookie in ["", other_cookie.as_str()] {
        let answer = authorize(&pos, &handle, cookie);
        assert!(answer.status >= 400 || parameter(&answer, "code").is_none(), "{cookie}");
    }
}

#[test]
fn the_end_of_a_session_ends_its_launches_only() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let mut other = launch_request();
    other["session"] = json!("session-2");
    let (first, second) = (launch(&pos), launch(&pos));
    let other = pos.engine.launch_start(other.to_string().as_bytes()).unwrap();
    let tokens = [&first.1, &second.1, &other.url].map(|url| token(&pos, url));
    assert_eq!(pos.engine.session_end("session-1").unwrap(), 2);
    let statuses = tokens.map(|token| read(&pos, &token, "/fhir/Patient/p1").status);
    assert_eq!(statuses, [401, 401, 200]);
    assert_eq!(pos.engine.session_end("session-1").unwrap(), 0);
}

#[test]
fn a_restart_of_the_serving_engine_keeps_a_launch_that_is_under_way() {
    let clinic = Clinic::new();
    let pos = clinic.start(smart);
    let (id, url) = launch(&pos);
    let (handle, cookie) = open(&pos, &url);
    let restart = |pos: Serving| {
        pos.stop();
        drop(pos);
        clinic.start(smart)
    };
    let pos = restart(pos);
    let code = parameter(&authorize(&pos, &handle, &cookie), "code").unwrap();
    let pos = restart(pos);
    let granted = parsed(&redeem(&pos, &code).body);
    let token = granted["access_token"].as_str().unwrap();
    let pos = restart(pos);
    assert_eq!(read(&pos, token, "/fhir/Patient/p1").status, 200);
    assert!(redeem(&pos, &code).status >= 400, "a code is good once");
    assert_eq!(read(&pos, token, "/fhir/Patient/p1").status, 401, "and its replay ends the grant");
    pos.engine.launch_end(&id).unwrap();
}
