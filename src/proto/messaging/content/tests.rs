use super::*;
use crate::proto::messaging::tracking::Drives;
use crate::proto::messaging::view::tests::Sample;
use serde_json::json;

const ZONE: Option<&str> = Some("America/Toronto");

/// Of who keeps a copy of everything: nothing is left out for want of a say in it.
const BOTH: Drives = Drives { request: true, task: true };

/// What a message of these resources says that was sent at this time; the first is in focus.
pub(in crate::proto::messaging) fn content(sent: &str, resources: &[Value]) -> Content {
    let first = &resources[0];
    let focus = format!("{}/{}", first["resourceType"].as_str().unwrap(), first["id"].as_str().unwrap());
    let header = json!({"resourceType": "MessageHeader", "id": sent, "focus": [{"reference": focus}]});
    let entries: Vec<Value> = std::iter::once(&header).chain(resources).map(|resource| json!({"resource": resource})).collect();
    let sample = Sample::of(&json!({"timestamp": sent, "entry": entries}));
    Content::of(&Said::read(sample.view(), ZONE), "notify-update-process-request")
}

fn task(status: &str, modified: Option<&str>) -> Value {
    let mut task = json!({"resourceType": "Task", "id": "t", "status": status, "code": {"coding": [{"code": "process-request"}]}});
    if let Some(modified) = modified {
        task["lastModified"] = json!(modified);
    }
    task
}

fn booking(id: &str, number: &str, start: &str) -> Value {
    let identifiers = if number.is_empty() { json!([]) } else { json!([{"system": "https://rms.example/a", "value": number}]) };
    json!({"resourceType": "Appointment", "id": id, "identifier": identifiers, "status": "booked", "start": start})
}

fn request(members: &Value) -> Value {
    let mut request = json!({"resourceType": "ServiceRequest", "id": "s", "subject": {"reference": "Patient/p"}, "requester": {"reference": "PractitionerRole/r"}});
    for (name, value) in members.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn value(content: &Content, pointer: &str) -> Value {
    let document: Value = serde_json::from_str(&content.document()).unwrap();
    document.pointer(pointer).cloned().unwrap_or(Value::Null)
}

fn known(messages: &[(&str, &[Value])]) -> Content {
    let mut all = messages.iter().map(|(sent, resources)| content(sent, resources));
    let first = all.next().unwrap();
    all.fold(first, |known, fresh| merge(known, fresh, BOTH, ZONE).content)
}

const MAY_1: &str = "2026-05-01T09:00:00-04:00";
const MAY_2: &str = "2026-05-02T09:00:00-04:00";
const MAY_3: &str = "2026-05-03T09:00:00-04:00";

#[test]
fn what_a_message_does_not_say_stays() {
    let patient = json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Testpatient"}], "telecom": [{"system": "phone", "value": "416-555-0100"}]});
    let first = content(
        MAY_1,
        &[
            request(&json!({"status": "active", "priority": "urgent", "identifier": [{"system": "x", "value": "1"}]})),
            patient,
            booking("a", "A-1", MAY_3),
        ],
    );
    let bare = json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Testpatient"}], "gender": "female"});
    let stub = request(&json!({"status": "active", "identifier": [{"system": "y", "value": "2"}]}));
    let second = content(MAY_2, &[task("accepted", None), stub, bare]);
    let content = merge(first, second, BOTH, ZONE).content;
    assert_eq!(value(&content, "/patient/phone"), "416-555-0100");
    assert_eq!(value(&content, "/patient/gender"), "female");
    assert_eq!(value(&content, "/referral/priority"), "urgent");
    assert_eq!(value(&content, "/referral/identifiers"), json!([{"system": "x", "value": "1"}, {"system": "y", "value": "2"}]));
    assert_eq!(value(&content, "/appointment/start/value"), MAY_3);
    assert_eq!(value(&content, "/referral/task_status"), "accepted");
    assert_eq!(value(&content, "/last_message"), MAY_2);
}

#[test]
fn in_focus_the_request_is_told_whole() {
    let first = content(MAY_1, &[request(&json!({"status": "active", "reasonCode": [{"text": "Knee"}]}))]);
    let second = content(MAY_2, &[request(&json!({"status": "active"}))]);
    assert_eq!(value(&merge(first, second, BOTH, ZONE).content, "/referral/reason"), Value::Null);
}

#[test]
fn older_messages_never_undo_newer_ones() {
    // Known, told later, whether the first stays: by the task's own time, then by the message's.
    let cases = [
        ((MAY_2, Some(MAY_2)), (MAY_3, Some(MAY_1)), true),
        ((MAY_2, Some(MAY_1)), (MAY_1, Some(MAY_2)), false),
        ((MAY_2, None), (MAY_1, Some(MAY_3)), true),
        ((MAY_2, None), (MAY_3, None), false),
        ((MAY_2, Some("2026-05")), (MAY_1, Some(MAY_1)), true),
        ((MAY_2, Some("2026-06")), (MAY_3, Some(MAY_1)), true),
        ((MAY_2, Some("2026-05-02")), (MAY_3, Some("2026-05-03")), false),
    ];
    for ((sent, modified), (later, later_modified), stays) in cases {
        let first = content(sent, &[task("accepted", modified)]);
        let merged = merge(first, content(later, &[task("on-hold", later_modified)]), BOTH, ZONE);
        assert_eq!(merged.outdated, stays, "{sent} {modified:?} {later} {later_modified:?}");
        assert_eq!(value(&merged.content, "/task/status"), if stays { "accepted" } else { "on-hold" });
        assert_eq!(value(&merged.content, "/tasks").as_array().unwrap().len(), 1);
    }
}

#[test]
fn an_ended_task_is_opened_again_only_by_a_newer_message() {
    for (later, status) in [(MAY_1, "completed"), (MAY_2, "completed"), (MAY_3, "in-progress")] {
        let content = known(&[(MAY_2, &[task("completed", None)]), (later, &[task("in-progress", None)])]);
        assert_eq!(value(&content, "/task/status"), status, "{later}");
    }
    let undated = known(&[("", &[task("rejected", None)]), ("", &[task("accepted", None)])]);
    assert_eq!(value(&undated, "/task/status"), "rejected");
}

#[test]
fn an_old_copy_that_travels_along_is_not_news_and_the_rest_of_its_message_counts() {
    let first = content(MAY_2, &[task("accepted", Some(MAY_2))]);
    let second = content(MAY_3, &[booking("a", "A-1", MAY_3), task("received", Some(MAY_1))]);
    let merged = merge(first, second, BOTH, ZONE);
    assert!(!merged.outdated);
    assert_eq!(value(&merged.content, "/task/status"), "accepted");
    assert_eq!(value(&merged.content, "/appointment/start/value"), MAY_3);
}

#[test]
fn bookings_are_matched_by_what_they_are_and_not_by_where_they_stand() {
    let uuids = ["6a1c1f52-0000-4c37-9a53-6d5b1f8f2a10", "6a1c1f52-0000-4c37-9a53-6d5b1f8f2a11"];
    let count = |first: &[Value], second: &[Value]| {
        value(&known(&[(MAY_1, first), (MAY_2, second)]), "/appointments").as_array().unwrap().len()
    };
    let (one, two) = (booking("a", "A-1", MAY_2), booking("b", "A-2", MAY_3));
    assert_eq!(count(&[one.clone(), two.clone()], &[two.clone(), one.clone()]), 2);
    // The same number under another id, moved.
    assert_eq!(count(std::slice::from_ref(&one), &[booking("z", "A-1", MAY_3)]), 1);
    // No number, and an id that is new in each message.
    assert_eq!(count(&[booking(uuids[0], "", MAY_2)], &[booking(uuids[1], "", MAY_3)]), 1);
    // Two bookings that carry the number of the referral, one of them moved.
    let shared = |id: &str, start: &str| booking(id, "R-1", start);
    assert_eq!(count(&[shared(uuids[0], MAY_2), shared("b", MAY_3)], &[shared("b", MAY_3), shared(uuids[1], MAY_1)]), 2);
    // Another number is another booking, and so is one after the last was cancelled.
    assert_eq!(count(&[one], &[two]), 2);
    let mut cancelled = booking(uuids[0], "", MAY_2);
    cancelled["status"] = json!("cancelled");
    assert_eq!(count(&[cancelled], &[booking(uuids[1], "", MAY_3)]), 2);
}

#[test]
fn a_new_requester_or_target_leaves_nothing_of_the_one_before() {
    let role = |name: &str, phone: Option<&str>| {
        let telecom = phone.map(|phone| json!([{"system": "phone", "value": phone}])).unwrap_or(json!([]));
        json!({"resourceType": "PractitionerRole", "id": "r", "organization": {"display": name}, "telecom": telecom})
    };
    let with = |role: Value| [request(&json!({"status": "active"})), role];
    let same = known(&[(MAY_1, &with(role("Riverside", Some("416-555-0101")))), (MAY_2, &with(role("Riverside", None)))]);
    assert_eq!(value(&same, "/referral/requester/phone"), "416-555-0101");
    let other = known(&[(MAY_1, &with(role("Riverside", Some("416-555-0101")))), (MAY_2, &with(role("Lakeside", None)))]);
    assert_eq!(value(&other, "/referral/requester"), json!({"organization": "Lakeside"}));
}

#[test]
fn the_words_of_a_code_go_with_the_code() {
    let first = content(MAY_1, &[request(&json!({"status": "active", "priority": "urgent"}))]);
    let second = content(MAY_2, &[task("accepted", None), request(&json!({"status": "active", "priority": "when-possible"}))]);
    let content = merge(first, second, BOTH, ZONE).content;
    assert_eq!(value(&content, "/referral/priority"), "when-possible");
    assert_eq!(value(&content, "/referral/priority_text"), Value::Null);
}

#[test]
fn a_task_of_another_referral_in_the_message_is_not_ours() {
    let other =
        json!({"resourceType": "Task", "id": "o", "status": "rejected", "basedOn": [{"reference": "ServiceRequest/other"}]});
    let elsewhere = json!({"resourceType": "ServiceRequest", "id": "other", "status": "active"});
    let content = content(MAY_1, &[request(&json!({"status": "active"})), elsewhere, other, task("accepted", None)]);
    assert_eq!(value(&content, "/tasks").as_array().unwrap().len(), 1);
    assert_eq!(value(&content, "/task/status"), "accepted");
}

#[test]
fn of_long_lists_the_last_are_kept() {
    let many = |from: usize| {
        (from..from + 200).map(|number| booking(&format!("a{number}"), &format!("A-{number}"), MAY_3)).collect::<Vec<_>>()
    };
    let content = known(&[(MAY_1, &many(0)), (MAY_2, &many(200))]);
    let numbers = value(&content, "/appointments");
    assert_eq!(numbers.as_array().unwrap().len(), MOST_ELEMENTS);
    assert_eq!(numbers[0]["identifier"], "A-200");
}

#[test]
fn the_document_keeps_its_order_and_reads_back() {
    let content = known(&[(MAY_1, &[task("accepted", None)]), (MAY_2, &[booking("a", "A-1", MAY_3)])]);
    let names: Vec<&String> = content.members.keys().collect();
    assert_eq!(
        names,
        ["last_event", "last_message", "referral", "patient", "task", "appointment", "tasks", "appointments", "as_of"]
    );
    assert_eq!(Content::read(&content.document()).unwrap().document(), content.document());
    assert_eq!(Content::read("{").unwrap_err().status(), EREF_INVALID_JSON);
}

#[test]
fn a_question_of_the_clinic_is_not_the_referrals_task() {
    let asked = |status: &str| {
        let code = json!({"coding": [{"code": codes::REQUEST_FOR_INFORMATION}]});
        json!({"resourceType": "Task", "id": "q", "status": status, "code": code})
    };
    let request = request(&json!({"status": "active"}));
    for status in ["requested", "completed"] {
        let content = known(&[(MAY_1, &[task("accepted", None), request.clone()]), (MAY_2, &[asked(status), request.clone()])]);
        assert_eq!(value(&content, "/referral/task_status"), "accepted", "{status}");
        assert_eq!(value(&content, "/task/id"), "t");
        assert_eq!(value(&content, "/tasks").as_array().unwrap().len(), 2);
    }
}

const REQUESTER: Drives = Drives { request: true, task: false };
const TARGET: Drives = Drives { request: false, task: true };

#[test]
fn of_the_request_the_target_only_fills_gaps_and_takes_foreseen_steps() {
    let with = |members: Value| [request(&members)];
    let known = |status: &str| content(MAY_1, &with(json!({"status": status, "priority": "urgent"})));
    let told =
        |status: &str| content(MAY_2, &with(json!({"status": status, "priority": "routine", "reasonCode": [{"text": "Knee"}]})));
    for (was, says, is) in [("revoked", "active", "revoked"), ("active", "active", "active"), ("active", "completed", "completed")]
    {
        let merged = merge(known(was), told(says), TARGET, ZONE).content;
        assert_eq!(value(&merged, "/referral/status"), is, "{was} {says}");
        assert_eq!(value(&merged, "/referral/priority"), "urgent");
        assert_eq!(value(&merged, "/referral/priority_text"), "urgent");
        assert_eq!(value(&merged, "/referral/reason"), "Knee");
        assert_eq!(value(&merged, "/as_of/referral/sent"), MAY_1, "the requester's word is not older for it");
    }
    assert_eq!(value(&merge(known("revoked"), told("active"), REQUESTER, ZONE).content, "/referral/status"), "active");
}

#[test]
fn tasks_and_bookings_are_the_targets() {
    let known = || content(MAY_1, &[task("accepted", None), booking("a", "A-1", MAY_3)]);
    let mut fresh = booking("a", "A-1", "2026-06-01T09:00:00-04:00");
    fresh["status"] = json!("cancelled");
    let fresh = content(MAY_2, &[task("rejected", None), fresh, booking("b", "A-2", MAY_3)]);
    let merged = merge(known(), fresh.clone(), REQUESTER, ZONE).content;
    assert_eq!(value(&merged, "/task/status"), "accepted");
    assert_eq!(value(&merged, "/appointments").as_array().unwrap().len(), 1);
    assert_eq!(
        (value(&merged, "/appointment/status"), value(&merged, "/appointment/start/value")),
        (json!("booked"), json!(MAY_3))
    );
    let merged = merge(known(), fresh.clone(), TARGET, ZONE).content;
    assert_eq!((value(&merged, "/task/status"), value(&merged, "/appointments/0/status")), (json!("rejected"), json!("cancelled")));
    // What nobody told yet is taken from whoever tells it.
    assert_eq!(value(&merge(content(MAY_1, &[request(&json!({}))]), fresh, REQUESTER, ZONE).content, "/task/status"), "rejected");
}

#[test]
fn another_patient_takes_nothing_over_from_the_one_before() {
    let patient = |name: &str, birth: &str, number: &str| {
        let mut patient = json!({"resourceType": "Patient", "id": "p", "name": [{"family": name}], "birthDate": birth});
        if !number.is_empty() {
            let kind = json!({"coding": [{"code": "JHN"}]});
            patient["identifier"] = json!([{"type": kind, "system": "https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn", "value": number}]);
        }
        patient
    };
    let anna = content(MAY_1, &[request(&json!({})), patient("Anna", "1980-02-29", "9393881587")]);
    assert_eq!(value(&anna, "/patient/health_number"), "9393881587");
    let told = |name: &str, birth: &str, number: &str, drives: Drives| {
        let merged = merge(anna.clone(), content(MAY_2, &[request(&json!({})), patient(name, birth, number)]), drives, ZONE);
        (merged.other_patient, value(&merged.content, "/patient/name"), value(&merged.content, "/patient/health_number"))
    };
    assert_eq!(told("Bob", "1970-01-01", "", BOTH), (true, json!("Bob"), Value::Null));
    assert_eq!(told("Anna", "1980-02-29", "1111222233", BOTH), (true, json!("Anna"), json!("1111222233")));
    assert_eq!(told("Bob", "1970-01-01", "", TARGET), (true, json!("Anna"), json!("9393881587")));
    // A new name, a corrected date and another way to write the number are the same person's.
    assert_eq!(told("Anne", "1980-02-29", "9393-881-587", BOTH), (false, json!("Anne"), json!("9393-881-587")));
    assert!(!told("ANNA", "1980-03-01", "", BOTH).0);
}

#[test]
fn the_appointment_that_counts_is_the_next_that_stands() {
    let ended = |mut booking: Value, status: &str| {
        booking["status"] = json!(status);
        booking
    };
    let (past, next, later) =
        (booking("a", "A-1", MAY_1), booking("b", "A-2", MAY_3), booking("c", "A-3", "2026-06-01T09:00:00-04:00"));
    let counts = |messages: &[(&str, &[Value])]| value(&known(messages), "/appointment/id");
    assert_eq!(counts(&[(MAY_2, &[later.clone(), next.clone(), past.clone()])]), "b");
    assert_eq!(counts(&[(MAY_1, std::slice::from_ref(&next)), (MAY_2, &[ended(later.clone(), "cancelled")])]), "b");
    assert_eq!(counts(&[(MAY_2, &[later.clone(), ended(next.clone(), "cancelled"), past.clone()])]), "c");
    assert_eq!(counts(&[(MAY_2, &[ended(next.clone(), "cancelled"), past.clone()])]), "a");
    assert_eq!(counts(&[(MAY_2, &[ended(past, "entered-in-error")])]), Value::Null);
    assert_eq!(
        counts(&[(MAY_1, &[ended(later, "fulfilled")]), (MAY_2, &[ended(next, "noshow")])]),
        "b",
        "the last of those that are over"
    );
}

#[test]
fn a_copy_that_travels_along_erases_nothing() {
    let mut told = task("accepted", None);
    told["note"] = json!([{"text": "Bring the images."}]);
    let content = known(&[(MAY_1, &[told]), (MAY_2, &[booking("a", "A-1", MAY_3), task("in-progress", None)])]);
    assert_eq!(value(&content, "/task/notes/0"), "Bring the images.");
    assert_eq!(
        (value(&content, "/task/status"), value(&content, "/task/status_text")),
        (json!("in-progress"), json!("in progress"))
    );
    let whole = known(&[(MAY_1, &[task("accepted", None)]), (MAY_2, &[task("in-progress", None)])]);
    assert_eq!(value(&whole, "/task/notes"), Value::Null);
}

#[test]
fn a_message_makes_nothing_newer_that_it_does_not_have() {
    let patient =
        |birth: &str| json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Testpatient"}], "birthDate": birth});
    let first = [request(&json!({})), patient("1980-02-29")];
    let correction = [request(&json!({})), patient("1981-02-28")];
    let content = known(&[(MAY_1, &first), (MAY_3, &[task("accepted", None)]), (MAY_2, &correction)]);
    assert_eq!(value(&content, "/patient/birth_date"), "1981-02-28");
}

#[test]
fn a_visit_after_the_last_is_not_the_last_one_moved() {
    let uuids = ["6a1c1f52-0000-4c37-9a53-6d5b1f8f2a10", "6a1c1f52-0000-4c37-9a53-6d5b1f8f2a11"];
    let count = |first: Value, second: Value| {
        value(&known(&[(MAY_1, &[first]), (MAY_3, &[second])]), "/appointments").as_array().unwrap().len()
    };
    let at = |index: usize, start: &str| booking(uuids[index], "", start);
    let of = |mut booking: Value, description: &str| {
        booking["description"] = json!(description);
        booking
    };
    let (soon, late) = ("2026-05-20T09:00:00-04:00", "2026-06-20T09:00:00-04:00");
    assert_eq!(count(at(0, soon), at(1, late)), 1, "moved");
    assert_eq!(count(at(0, MAY_2), at(1, late)), 2, "the first was over");
    assert_eq!(count(of(at(0, soon), "First visit"), of(at(1, late), "Follow-up")), 2);
}
