//! Referrals over whole engines: what we sent comes back, what belongs nowhere is settled, a launch finds its referral, and what was
//! received is handed over once more.

#[path = "support/clinic.rs"]
mod clinic;
#[path = "support/receiver.rs"]
mod receiver;

use clinic::{Clinic, Serving, TOKEN, notification, parsed};
use ereferral::error::{EREF_KEY_REUSED, EREF_NOT_FOUND, EREF_WRONG_STATE};
use ereferral::io::client::Answer;
use ereferral::proto::store::event_kind::MESSAGE;
use receiver::{header, message, new_referral, patient, request, status};
use serde_json::{Value, json};

/// Posts a message. The samples were sent at a time that still lies ahead of the real clock.
fn post(pos: &Serving, body: &[u8]) -> Answer {
    let soon =
        jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap().strftime("%Y-%m-%dT%H:").to_string();
    pos.message(TOKEN, String::from_utf8_lossy(body).replace("2027-01-15T07:", &soon).as_bytes())
}

/// Posts a message that is taken, and returns its notification.
fn take(pos: &Serving, body: &[u8]) -> Value {
    let answer = post(pos, body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let mut event = pos.event(MESSAGE);
    let document = parsed(event.document().as_bytes());
    event.done().unwrap();
    document
}

fn found(pos: &Serving, id: &str) -> Value {
    parsed(pos.engine.referral_find("", id).unwrap().as_bytes())
}

fn list(pos: &Serving, filter: Value) -> Vec<Value> {
    let list = pos.engine.referral_list(filter.to_string().as_bytes(), 10).unwrap();
    parsed(list.as_bytes()).as_array().unwrap().clone()
}

#[test]
fn our_own_referral_echoed_brings_nothing_new() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let sent = pos.referral(1, "Knee pain");
    pos.engine.send("rms", "act-1", &sent).unwrap();
    let mut echo = parsed(sent.bundle());
    (echo["id"], header(&mut echo)["id"]) = (json!("bundle-echo"), json!("header-echo"));
    header(&mut echo)["eventCoding"]["code"] = json!("notify-update-service-request");
    let told = take(&pos, echo.to_string().as_bytes());
    assert_eq!((&told["no_change"], &told["referral"]["our_role"]), (&json!(true), &json!("source")), "{told}");
    // One thing differs: that, and nothing else.
    (echo["id"], header(&mut echo)["id"]) = (json!("bundle-news"), json!("header-news"));
    let entries = echo["entry"].as_array_mut().unwrap();
    let request = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == "ServiceRequest").unwrap();
    request["resource"]["priority"] = json!("urgent");
    let told = take(&pos, echo.to_string().as_bytes());
    assert_eq!(told["changes"].as_array().map(Vec::len), Some(1), "{told}");
    let all = list(&pos, json!({}));
    assert_eq!(all.len(), 1);
    let history = pos.engine.referral_history(all[0]["referral_id"].as_str().unwrap(), 10).unwrap();
    let directions: Vec<String> =
        parsed(history.as_bytes()).as_array().unwrap().iter().map(|one| one["direction"].as_str().unwrap().to_owned()).collect();
    assert_eq!(directions, ["in", "in", "out"]);
    pos.stop();
}

#[test]
fn an_unlinked_referral_becomes_part_of_the_one_a_person_names() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    take(&pos, new_referral("R1").to_string().as_bytes());
    // Waiting for the host, about the same patient, under a number nobody knows here.
    assert_eq!(post(&pos, status("X1", "1", 10, "accepted").to_string().as_bytes()).status, 200);
    let (into, stub) = {
        let id = |filter: Value| list(&pos, filter)[0]["referral_id"].as_str().unwrap().to_owned();
        (id(json!({"unlinked": false})), id(json!({"unlinked": true})))
    };
    let parties = json!([{"partner": "rms", "role": "source"}]);
    assert_eq!(found(&pos, &stub)["candidates"], json!([{"referral_id": into, "parties": parties}]));
    let code = |referral: &str, to: &str| pos.engine.referral_settle(referral, to).err().map(|error| error.status());
    assert_eq!(code("none", &into), Some(EREF_NOT_FOUND));
    assert_eq!(code(&stub, "none"), Some(EREF_NOT_FOUND));
    assert_eq!(code(&into, &stub), Some(EREF_WRONG_STATE));
    assert_eq!(code(&stub, &into), None);
    assert_eq!(code(&stub, &into), Some(EREF_WRONG_STATE));
    // Its id is a signpost, its number leads there, its event belongs there, and so does what follows.
    let merged = found(&pos, &stub);
    assert_eq!(
        (&merged["referral_id"], &merged["task_status"], &merged["unlinked"]),
        (&json!(into), &json!("accepted"), &json!(false))
    );
    let mut event = pos.event(MESSAGE);
    assert_eq!(event.referral_id(), Some(into.as_str()));
    event.done().unwrap();
    let update = message("notify-update-service-request", "2", 20, &[request("X1", "active"), patient()]);
    assert_eq!(take(&pos, update.to_string().as_bytes())["referral_id"], json!(into));
    assert_eq!(parsed(pos.engine.referral_history(&stub, 10).unwrap().as_bytes()).as_array().unwrap().len(), 3);
    assert_eq!(list(&pos, json!({})).len(), 1);
    pos.stop();
}

#[test]
fn the_first_message_of_a_launch_is_linked_to_it_once() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        let roles = document["system"]["roles"].as_array_mut().unwrap();
        roles.push(json!("smart-server"));
    });
    let launch = |patient: &str| {
        let chart = json!([receiver::patient()]);
        let request = json!({"partner": "rms", "user": {"id": "u1"}, "patient": patient, "chart": chart});
        pos.engine.launch_start(request.to_string().as_bytes()).unwrap()
    };
    let (first, second) = (launch("p"), launch("p"));
    assert_ne!(first.correlation, second.correlation);
    let carrying = |id: &str, value: &str| {
        let mut message = message("notify-add-service-request", id, 0, &[request(value, "active"), patient()]);
        let identifier = json!({"system": "https://pos.test/fhir/NamingSystem/referral", "value": first.correlation});
        let url = "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier";
        header(&mut message)["extension"] = json!([{"url": url, "valueIdentifier": identifier}]);
        message.to_string()
    };
    // Another partner cannot use it.
    assert_eq!(pos.message(clinic::OTHER_TOKEN, carrying("o", "O1").as_bytes()).status, 200);
    let mut stranger = pos.event(MESSAGE);
    assert!(parsed(stranger.document().as_bytes()).get("launch_id").is_none());
    stranger.done().unwrap();
    let told = take(&pos, carrying("a", "R1").as_bytes());
    assert_eq!(told["launch_id"], json!(first.id));
    assert_eq!(found(&pos, told["referral_id"].as_str().unwrap())["launch_id"], json!(first.id));
    // A second referral of the same launch is another referral, and not of that launch.
    let again = take(&pos, carrying("b", "R2").as_bytes());
    assert!(again.get("launch_id").is_none() && again["referral_id"] != told["referral_id"], "{again}");
    // What carries no number has the other launch as a candidate, and a person says so.
    let stub = take(&pos, status("X1", "1", 10, "accepted").to_string().as_bytes());
    let offered = &stub["candidates"];
    let stub = stub["referral_id"].as_str().unwrap();
    let mut candidates = found(&pos, stub)["candidates"].clone();
    for candidate in candidates.as_array_mut().unwrap() {
        candidate.as_object_mut().unwrap().remove("parties");
    }
    assert_eq!(*offered, candidates, "the notification says the same");
    assert!(candidates.as_array().unwrap().contains(&json!({"launch_id": second.id})), "{candidates}");
    let code = pos.engine.referral_settle(stub, &first.id).err().map(|error| error.status());
    assert_eq!(code, Some(EREF_KEY_REUSED));
    pos.engine.referral_settle(stub, &second.id).unwrap();
    assert_eq!(found(&pos, stub)["launch_id"], json!(second.id));
    pos.stop();
}

#[test]
fn what_comes_again_is_not_told_as_news() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    take(&pos, new_referral("R1").to_string().as_bytes());
    let update = |id: &str, minute: u32, priority: &str| {
        let mut request = request("R1", "active");
        request["priority"] = json!(priority);
        message("notify-update-service-request", id, minute, &[request, patient()]).to_string()
    };
    let told = take(&pos, update("1", 10, "urgent").as_bytes());
    take(&pos, update("2", 20, "routine").as_bytes());
    // Nothing new came of this one.
    let echo = take(&pos, update("3", 30, "routine").as_bytes());
    assert_eq!(echo["no_change"], json!(true));
    let receptions = parsed(pos.engine.inbox_list("done", 10).unwrap().as_bytes());
    let again = |header: &str| {
        let all = receptions.as_array().unwrap();
        let id = all.iter().find(|one| one["message_id"] == header).unwrap()["reception_id"].as_str().unwrap();
        pos.engine.inbox_resend(id).unwrap();
        let mut event = pos.event(MESSAGE);
        let document = parsed(event.document().as_bytes());
        event.done().unwrap();
        document
    };
    let (first, second) = (again("header-1"), again("header-3"));
    for (again, then) in [(&first, &told), (&second, &echo)] {
        assert_eq!(again["resent"], json!(true));
        for name in ["summary", "summary_fr", "changes", "needs", "no_change", "referral_id", "issues"] {
            assert_eq!(again.get(name), then.get(name), "{name}");
        }
    }
    // What was unlinked then and is settled now waits for nobody.
    let stub = take(&pos, status("X1", "4", 10, "accepted").to_string().as_bytes());
    assert!(stub["needs"].as_array().unwrap().contains(&json!("link")));
    let waiting = {
        let receptions = parsed(pos.engine.inbox_list("done", 1).unwrap().as_bytes());
        receptions[0]["reception_id"].as_str().unwrap().to_owned()
    };
    let shown = || parsed(pos.engine.inbox_show(&waiting).unwrap().as_bytes())["notification"].clone();
    assert_eq!((&shown()["unlinked"], &shown()["candidates"]), (&json!(true), &stub["candidates"]));
    let id = stub["referral_id"].as_str().unwrap();
    pos.engine.referral_settle(id, id).unwrap();
    assert!(!shown()["needs"].as_array().unwrap().contains(&json!("link")) && shown().get("unlinked").is_none());
    pos.stop();
}

#[test]
fn who_speaks_and_which_findings_are_the_same_in_message_and_document() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["partners"][0]["dialect"] = json!("on-0.10"));
    take(&pos, new_referral("R1").to_string().as_bytes());
    let mut said =
        message("add-communication", "1", 10, &[receiver::communication("R1", "C-1"), request("R1", "active"), patient()]);
    header(&mut said)["meta"] =
        json!({"profile": ["http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eReferral-profile-MessageHeader|1.0.0"]});
    assert_eq!(post(&pos, said.to_string().as_bytes()).status, 200);
    let mut event = pos.event(MESSAGE);
    let document = parsed(event.document().as_bytes());
    let received = event.message().unwrap().unwrap().clone();
    assert_eq!(document["event"], "send-communication-from-requester");
    assert_eq!(document["event"], received.event());
    assert_eq!(received.field("event").unwrap().as_deref(), Some("send-communication-from-requester"));
    let texts = |issues: Vec<String>| issues.into_iter().filter(|text| !text.contains("endpoint")).collect::<Vec<_>>();
    let told = document["issues"].as_array().unwrap().iter().map(|issue| issue["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts(received.findings().iter().map(|issue| issue.text.clone()).collect()), texts(told));
    event.done().unwrap();
    pos.stop();
}

#[test]
fn the_second_that_we_send_a_referral_to_takes_the_place_of_the_first() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        let endpoint = document["partners"][0]["messaging"]["endpoint"].clone();
        document["partners"][1]["messaging"]["endpoint"] = endpoint;
    });
    let sent = pos.referral(1, "Knee pain");
    pos.engine.send("rms", "act-1", &sent).unwrap();
    pos.engine.send("other", "act-2", &sent).unwrap();
    let parties = || list(&pos, json!({}))[0]["parties"].clone();
    let expected = |rms: &str, other: &str| json!([{"partner": "other", "role": other}, {"partner": "rms", "role": rms}]);
    assert_eq!(parties(), expected("former-target", "target"));
    pos.engine.send("rms", "act-3", &sent).unwrap();
    assert_eq!(parties(), expected("target", "former-target"));
    pos.stop();
}

#[test]
fn what_was_received_is_listed_and_handed_over_once_more() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    take(&pos, &notification("mh-a", "b-a", "R-1"));
    assert_eq!(post(&pos, &notification("mh-b", "b-b", "R-2")).status, 200);
    let desk = clinic.desk();
    let listed = |state: &str| parsed(desk.engine.inbox_list(state, 10).unwrap().as_bytes()).as_array().unwrap().clone();
    let states: Vec<Value> = listed("").iter().map(|one| json!([one["message_id"], one["state"]])).collect();
    assert_eq!(states, [json!(["mh-b", "waiting"]), json!(["mh-a", "done"])]);
    assert!(desk.engine.inbox_list("lost", 10).is_err());
    let done = listed("done")[0]["reception_id"].as_str().unwrap().to_owned();
    let shown = parsed(desk.engine.inbox_show(&done).unwrap().as_bytes());
    assert_eq!(shown["notification"]["message"]["id"], "mh-a");
    let mut waiting = pos.event(MESSAGE);
    let leased = listed("leased")[0]["reception_id"].as_str().unwrap().to_owned();
    assert_eq!(desk.engine.inbox_resend(&leased).unwrap_err().status(), EREF_WRONG_STATE);
    waiting.done().unwrap();
    desk.engine.inbox_resend(&done).unwrap();
    let mut again = pos.event(MESSAGE);
    assert_eq!((again.attempt(), again.message().unwrap().unwrap().message_id()), (1, "mh-a"));
    let document = parsed(again.document().as_bytes());
    assert_eq!((&document["event"], &document["partner"]), (&json!("notify-add-appointment"), &json!("rms")));
    again.done().unwrap();
    pos.assert_no_event(MESSAGE);
    assert_eq!(listed("done").len(), 2);
    assert_eq!(desk.engine.inbox_resend("none").unwrap_err().status(), EREF_NOT_FOUND);
    desk.stop();
    pos.stop();
}
