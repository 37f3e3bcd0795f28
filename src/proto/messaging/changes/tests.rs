use super::*;
use crate::proto::fhir::outcome::Issue;
use crate::proto::messaging::content::{Merged, merge};
use crate::proto::messaging::groups::Said;
use crate::proto::messaging::notification::{Notice, document};
use crate::proto::messaging::tracking::Drives;
use crate::proto::messaging::view::tests::Sample;
use crate::proto::store::ReferralRole;
use serde_json::json;

const ZONE: Option<&str> = Some("America/Toronto");

/// Of who keeps a copy of everything: nothing is left out for want of a say in it.
const BOTH: Drives = Drives { request: true, task: true };

/// The whole referral as the main RMS resends it, with one resource changed or added.
fn resent(sent: &str, focus: &str, change: &dyn Fn(&mut Vec<Value>)) -> Sample {
    let mut resources = vec![
        json!({"resourceType": "MessageHeader", "id": sent, "focus": [{"reference": focus}], "source": {"name": "Sample RMS"}}),
        json!({"resourceType": "ServiceRequest", "id": "s", "status": "active", "priority": "routine", "subject": {"reference": "Patient/p"},
            "identifier": [{"system": "https://rms.example/r", "value": "R-1"}], "requester": {"reference": "PractitionerRole/r"},
            "performer": [{"reference": "PractitionerRole/t"}], "reasonCode": [{"text": "Knee pain"}], "note": [{"text": "<p>Left  knee</p>"}, {"text": "Urgent?"}]}),
        json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Testpatient", "given": ["Anna"]}], "birthDate": "1980-02-29",
            "telecom": [{"system": "phone", "value": "416-555-0100"}], "address": [{"line": ["1 Sample Street"], "city": "Toronto"}]}),
        json!({"resourceType": "PractitionerRole", "id": "r", "organization": {"display": "Riverside Family Health"}}),
        json!({"resourceType": "PractitionerRole", "id": "t", "organization": {"display": "Fracture Clinic"}}),
        json!({"resourceType": "Task", "id": "k", "status": "accepted", "code": {"coding": [{"code": "process-request"}]}, "owner": {"reference": "PractitionerRole/t"}}),
        json!({"resourceType": "Appointment", "id": "a", "identifier": [{"system": "https://rms.example/a", "value": "A-77"}], "status": "booked",
            "start": "2026-05-03T14:00:00Z", "end": "2026-05-03T14:30:00Z", "participant": [{"actor": {"reference": "Location/l"}}]}),
        json!({"resourceType": "Location", "id": "l", "name": "Room 4"}),
        json!({"resourceType": "Communication", "id": "c", "sent": "2026-05-01", "payload": [{"contentString": "Please bring the images."}]}),
        json!({"resourceType": "DocumentReference", "id": "d", "date": "2026-05-01", "content": [{"attachment": {"title": "letter.pdf", "url": "https://rms.example/1"}}]}),
    ];
    change(&mut resources);
    let entries: Vec<Value> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    Sample::of(&json!({"timestamp": sent, "entry": entries}))
}

fn resource<'v>(resources: &'v mut [Value], kind: &str) -> &'v mut Value {
    resources.iter_mut().find(|resource| resource["resourceType"] == kind).unwrap()
}

const FIRST: &str = "2026-05-02T09:00:00-04:00";
const SECOND: &str = "2026-05-02T10:00:00-04:00";
const UPDATE: &str = "notify-update-service-request";

struct Told {
    changes: Vec<Change>,
    document: Value,
}

/// What is told of a second message that differs from the first in this way.
fn told_of(event: &str, focus: &str, change: &dyn Fn(&mut Vec<Value>)) -> Told {
    let (first, second) = (resent(FIRST, focus, &|_| {}), resent(SECOND, focus, change));
    told_between(&first, &second, event)
}

fn told_between(first: &Sample, second: &Sample, event: &str) -> Told {
    let old = Content::of(&Said::read(first.view(), ZONE), event);
    let said = Said::read(second.view(), ZONE);
    let merged = merge(old.clone(), Content::of(&said, event), BOTH, ZONE);
    let changes = between(&old, &merged.content, ZONE);
    let Merged { outdated, other_patient, .. } = merged;
    let notice = Notice { changes: Some(&changes), outdated, other_patient, ..Notice::default() };
    let document = serde_json::from_str(&document(said, event, &[], &notice)).unwrap();
    Told { changes, document }
}

fn told(change: &dyn Fn(&mut Vec<Value>)) -> Told {
    told_of(UPDATE, "ServiceRequest/s", change)
}

fn paths(told: &Told) -> Vec<&str> {
    told.changes.iter().map(|change| change.path.as_str()).collect()
}

#[test]
fn a_moved_appointment_is_told_as_that_and_nothing_else() {
    let told = told(&|resources| {
        let appointment = resource(resources, "Appointment");
        appointment["start"] = json!("2026-05-09T18:30:00Z");
        appointment["end"] = json!("2026-05-09T19:00:00Z");
    });
    let expected = json!([{"path": "appointments[A-77].start", "label": "Start of the appointment", "label_fr": "Début du rendez-vous",
        "old": "2026-05-03 10:00 (EDT)", "old_fr": "2026-05-03 10:00 (HAE)", "old_value": "2026-05-03T14:00:00Z",
        "new": "2026-05-09 14:30 (EDT)", "new_fr": "2026-05-09 14:30 (HAE)", "new_value": "2026-05-09T18:30:00Z"}]);
    assert_eq!(told.document["changes"], expected);
    assert_eq!(
        told.document["summary"],
        "Fracture Clinic moved the appointment of Testpatient, Anna from 2026-05-03 10:00 (EDT) to 2026-05-09 14:30 (EDT)"
    );
    assert_eq!(
        told.document["summary_fr"],
        "Fracture Clinic a déplacé le rendez-vous de Testpatient, Anna du 2026-05-03 10:00 (HAE) au 2026-05-09 14:30 (HAE)"
    );
    assert_eq!(told.document["needs"], json!(["show"]));
    assert!(told.document.get("no_change").is_none());
}

#[test]
fn the_same_referral_again_is_no_news_however_it_is_written() {
    let told = told(&|resources| {
        resources[1..].reverse();
        resource(resources, "Appointment")["start"] = json!("2026-05-03T10:00:00.000-04:00");
        resource(resources, "Appointment")["id"] = json!("another");
        let patient = resource(resources, "Patient");
        patient["telecom"] = json!([{"system": "phone", "value": "+1 (416) 555-0100"}]);
        patient["identifier"] = json!([{"system": "https://rms.example/p", "value": "77"}]);
        let request = resource(resources, "ServiceRequest");
        request["note"] = json!([{"text": "Urgent?"}, {"text": "Left knee"}]);
        request["identifier"].as_array_mut().unwrap().push(json!({"system": "https://pos.example/r", "value": "9"}));
        resource(resources, "DocumentReference")["content"][0]["attachment"]["url"] = json!("https://rms.example/2?signed=x");
        resource(resources, "Communication")["id"] = json!("0f3c1c52-6d0e-4c37-9a53-6d5b1f8f2a10");
    });
    assert_eq!(paths(&told), Vec::<&str>::new());
    assert_eq!(told.document["no_change"], true);
    assert_eq!(told.document["changes"], json!([]));
    assert_eq!(told.document["needs"], json!([]));
    assert_eq!(told.document["summary"], "Riverside Family Health sent the referral of Testpatient, Anna again; nothing is new");
}

#[test]
fn the_first_message_changes_nothing() {
    let first = resent(FIRST, "ServiceRequest/s", &|_| {});
    let notice: Value = serde_json::from_str(&document(Said::read(first.view(), None), UPDATE, &[], &Notice::default())).unwrap();
    assert!(notice.get("changes").is_none() && notice.get("no_change").is_none());
    assert_eq!(notice["needs"], json!(["show"]));
}

#[test]
fn each_kind_of_news_has_its_sentence_when_it_is_alone() {
    const TARGET: &str = "notify-update-process-request";
    type Change<'a> = (&'a dyn Fn(&mut Vec<Value>), &'a str, &'a str);
    let cases: [Change; 9] = [
        (
            &|all| resource(all, "Appointment")["status"] = json!("cancelled"),
            "appointments[A-77].status",
            "Fracture Clinic cancelled the appointment of Testpatient, Anna on 2026-05-03 10:00 (EDT)",
        ),
        (
            &|all| {
                all.push(json!({"resourceType": "Appointment", "id": "b", "status": "booked", "start": "2026-06-01T13:00:00Z", "identifier": [{"system": "https://rms.example/a", "value": "A-78"}]}))
            },
            "appointments[A-78]",
            "Fracture Clinic booked Testpatient, Anna for 2026-06-01 09:00 (EDT)",
        ),
        (
            &|all| resource(all, "Task")["status"] = json!("completed"),
            "tasks[k].status",
            "Fracture Clinic completed the referral of Testpatient, Anna",
        ),
        (
            &|all| resource(all, "ServiceRequest")["status"] = json!("on-hold"),
            "referral.status",
            "The referral of Testpatient, Anna is on hold",
        ),
        (
            &|all| {
                all.push(json!({"resourceType": "Communication", "id": "c2", "payload": [{"contentString": "Fasting,\nplease."}]}))
            },
            "communications[c2]",
            "Fracture Clinic wrote about Testpatient, Anna: Fasting, please.",
        ),
        (
            &|all| all.push(json!({"resourceType": "DocumentReference", "content": [{"attachment": {"title": "report.pdf"}}]})),
            "documents[report.pdf]",
            "Fracture Clinic sent a document about Testpatient, Anna: report.pdf",
        ),
        (
            &|all| resource(all, "Patient")["telecom"][0]["value"] = json!("416-555-0199"),
            "patient.phone",
            "Fracture Clinic updated the referral of Testpatient, Anna: Telephone of the patient",
        ),
        (
            &|all| {
                let appointment = resource(all, "Appointment");
                appointment["status"] = json!("booked");
                appointment["end"] = json!("2026-05-03T15:00:00Z");
            },
            "appointments[A-77].end",
            "Fracture Clinic updated the referral of Testpatient, Anna: End of the appointment",
        ),
        (
            &|all| resource(all, "Location")["name"] = json!("Room 5"),
            "appointments[A-77].location",
            "Fracture Clinic changed the place of the appointment of Testpatient, Anna on 2026-05-03 10:00 (EDT): Room 5",
        ),
    ];
    for (change, path, summary) in cases {
        let told = told_of(TARGET, "Task/k", change);
        assert_eq!(paths(&told), [path]);
        assert_eq!(told.document["summary"], summary, "{path}");
    }
}

#[test]
fn of_several_pieces_of_news_the_most_important_is_told() {
    let told = told_of("notify-update-process-request", "Task/k", &|all| {
        resource(all, "Patient")["birthDate"] = json!("1980-03");
        resource(all, "Task")["status"] = json!("in-progress");
        resource(all, "Appointment")["start"] = json!("2026-05-04T14:00:00Z");
    });
    assert_eq!(paths(&told), ["tasks[k].status", "appointments[A-77].start", "patient.birth_date"]);
    assert_eq!(told.document["summary"], "Fracture Clinic is working on the referral of Testpatient, Anna (and 1 more)");
    let rebooked = told_of("notify-update-process-request", "Task/k", &|all| {
        all.push(json!({"resourceType": "Appointment", "id": "b", "status": "booked", "start": "2026-06-01T13:00:00Z", "identifier": [{"system": "https://rms.example/a", "value": "A-78"}]}));
        resource(all, "Appointment")["status"] = json!("cancelled");
        resource(all, "Task")["status"] = json!("in-progress");
    });
    assert_eq!(
        rebooked.document["summary"],
        "Fracture Clinic cancelled the appointment of Testpatient, Anna on 2026-05-03 10:00 (EDT) (and 2 more)"
    );
    assert_eq!(
        rebooked.document["summary_fr"],
        "Fracture Clinic a annulé le rendez-vous de Testpatient, Anna le 2026-05-03 10:00 (HAE) (et 2 de plus)"
    );
}

#[test]
fn values_are_shown_as_a_person_reads_them() {
    let told = told(&|all| {
        let request = resource(all, "ServiceRequest");
        request["priority"] = json!("urgent");
        request["note"] = json!([{"text": "Urgent?"}, {"text": "Right knee"}]);
        let patient = resource(all, "Patient");
        patient["address"] = json!([{"line": ["2 Sample Street"], "city": "Toronto"}]);
        patient["birthDate"] = json!("1980-03-01");
        resource(all, "Task")["extension"] = json!([{"url": "http://ehealthontario.ca/fhir/StructureDefinition/ca-on-eConsult-ext-patient-needs-to-be-seen", "valueBoolean": true}]);
    });
    let shown: Vec<Value> = told.document["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| json!([change["path"], change["old"], change["new"], change["new_fr"]]))
        .collect();
    let expected = json!([
        ["tasks[k].needs_to_be_seen", null, "yes", "oui"],
        ["referral.priority", "routine", "urgent", "urgente"],
        ["referral.notes", "Left  knee", "Right knee", null],
        ["patient.birth_date", "1980-02-29", "1980-03-01", null],
        ["patient.address", "1 Sample Street, Toronto", "2 Sample Street, Toronto", null]
    ]);
    assert_eq!(Value::Array(shown), expected);
}

#[test]
fn an_older_message_is_told_as_such_and_changes_nothing() {
    let task = |modified: &'static str, status: &'static str| {
        move |all: &mut Vec<Value>| {
            resource(all, "Task")["lastModified"] = json!(modified);
            resource(all, "Task")["status"] = json!(status);
        }
    };
    let first = resent(SECOND, "Task/k", &task("2026-05-02T13:00:00Z", "completed"));
    let late = resent(FIRST, "Task/k", &task("2026-05-02T12:00:00Z", "on-hold"));
    let told = told_between(&first, &late, "notify-update-process-request");
    assert_eq!(paths(&told), Vec::<&str>::new());
    assert_eq!(told.document["outdated"], true);
    assert_eq!(told.document["no_change"], true);
    assert_eq!(told.document["task"]["status"], "on-hold", "the message itself stays what it is");
}

#[test]
fn summer_time_and_dates_without_a_time_are_not_moved() {
    let moved = |start: &'static str| {
        let told = told(&move |all| resource(all, "Appointment")["start"] = json!(start));
        told.changes[0].new.clone().unwrap()
    };
    // Both sides of the hour that the end of summer time repeats, and a date, which has no hour to shift.
    assert_eq!(moved("2026-11-01T05:30:00Z").text, "2026-11-01 01:30 (EDT)");
    assert_eq!(moved("2026-11-01T06:30:00Z").text, "2026-11-01 01:30 (EST)");
    assert_eq!(moved("2026-11-01"), Shown { text: "2026-11-01".to_owned(), ..Shown::default() });
    assert_eq!(moved("2026").text, "2026");
    assert_eq!(moved("soon").text, "soon");
}

#[test]
fn a_person_is_told_what_to_do() {
    let needs =
        |event: &str, focus: &str, change: &dyn Fn(&mut Vec<Value>)| told_of(event, focus, change).document["needs"].clone();
    let asks = |all: &mut Vec<Value>| {
        all.push(json!({"resourceType": "Communication", "id": "q", "category": [{"coding": [{"code": "rfi"}]}], "payload": [{"contentString": "Which knee?"}]}));
    };
    assert_eq!(needs("send-communication-from-provider", "Communication/q", &asks), json!(["show", "answer"]));
    let refused = |all: &mut Vec<Value>| resource(all, "Task")["status"] = json!("rejected");
    assert_eq!(needs("notify-update-process-request", "Task/k", &refused), json!(["show", "review"]));
    let corrected = |all: &mut Vec<Value>| resource(all, "Patient")["birthDate"] = json!("1981");
    assert_eq!(needs("notify-data-correction", "ServiceRequest/s", &corrected), json!(["show", "review"]));
    assert_eq!(needs("notify-data-correction", "ServiceRequest/s", &|_| {}), json!([]));
}

#[test]
fn a_question_of_the_clinic_is_not_the_state_of_the_referral() {
    const EVENT: &str = "notify-update-process-request";
    let asked = |status: &'static str| {
        move |all: &mut Vec<Value>| {
            let code = json!({"coding": [{"code": codes::REQUEST_FOR_INFORMATION}]});
            all.push(json!({"resourceType": "Task", "id": "q", "status": status, "code": code}));
        }
    };
    let question = told_of("add-rfi", "Task/q", &asked("requested")).document;
    assert_eq!(question["summary"], "Fracture Clinic asks for information about Testpatient, Anna");
    assert_eq!(question["needs"], json!(["show", "answer"]));
    assert_eq!(question["referral"].get("task_status"), None, "the message's task is the question");
    let (first, second) = (resent(FIRST, "Task/q", &asked("requested")), resent(SECOND, "Task/q", &asked("completed")));
    let answered = told_between(&first, &second, EVENT);
    assert_eq!(paths(&answered), ["tasks[q].status"]);
    assert_eq!(answered.document["summary"], "Fracture Clinic closed a request for information about Testpatient, Anna");
    assert_eq!(answered.document["needs"], json!(["show"]));
}

#[test]
fn what_a_late_message_repeats_is_not_told_as_news() {
    let status = |status: &'static str| move |all: &mut Vec<Value>| resource(all, "Appointment")["status"] = json!(status);
    let cancelled = resent(SECOND, "Appointment/a", &status("cancelled"));
    let late = resent(FIRST, "Appointment/a", &status("booked"));
    let told = told_between(&cancelled, &late, "notify-add-appointment").document;
    assert_eq!(told["outdated"], true);
    assert_eq!(told["summary"], "Fracture Clinic sent an older message about Testpatient, Anna; nothing is undone");
    let with_documents = resent(FIRST, "Appointment/a", &|all| {
        for title in ["x.pdf", "y.pdf"] {
            all.push(json!({"resourceType": "DocumentReference", "id": title, "content": [{"attachment": {"title": title}}]}));
        }
    });
    let told = told_between(&cancelled, &with_documents, "notify-add-appointment").document;
    assert_eq!(told["outdated"], true);
    assert_eq!(told["summary"], "Fracture Clinic sent a document about Testpatient, Anna: x.pdf (and 1 more)");
}

#[test]
fn without_a_new_time_nothing_moved_and_a_cancellation_need_not_repeat_it() {
    let without = |status: &'static str| {
        move |all: &mut Vec<Value>| {
            let appointment = resource(all, "Appointment");
            appointment["status"] = json!(status);
            appointment.as_object_mut().unwrap().remove("start");
        }
    };
    let removed = told_of("notify-update-process-request", "Appointment/a", &without("booked")).document;
    assert_eq!(removed["summary"], "Fracture Clinic updated the referral of Testpatient, Anna: Start of the appointment");
    let cancelled = told_of("notify-update-process-request", "Appointment/a", &without("cancelled"));
    assert_eq!(paths(&cancelled), ["appointments[A-77].status"], "the booking stays known");
    assert_eq!(
        cancelled.document["summary"],
        "Fracture Clinic cancelled the appointment of Testpatient, Anna on 2026-05-03 10:00 (EDT)"
    );
}

/// The summary of a message that brings this document, after one that brought the first.
fn letters(first: &Value, second: &Value) -> (String, Value) {
    let with = |document: &Value| {
        let document = document.clone();
        move |all: &mut Vec<Value>| *resource(all, "DocumentReference") = document.clone()
    };
    let (first, second) = (resent(FIRST, "ServiceRequest/s", &with(first)), resent(SECOND, "ServiceRequest/s", &with(second)));
    let told = told_between(&first, &second, "notify-update-process-request").document;
    (told["summary"].as_str().unwrap().to_owned(), told["needs"].clone())
}

#[test]
fn another_letter_of_the_same_title_is_news_and_the_same_one_is_not() {
    let letter = |id: &str, attachment: Value| {
        let mut letter = json!({"resourceType": "DocumentReference", "id": id, "status": "current", "content": [{"attachment": {"title": "letter.pdf"}}]});
        letter["content"][0]["attachment"].as_object_mut().unwrap().extend(attachment.as_object().unwrap().clone());
        letter
    };
    let numbered = |number: &str| {
        let mut letter = letter("9c1c1f52-0000-4c37-9a53-6d5b1f8f2a10", json!({}));
        letter["masterIdentifier"] = json!({"system": "https://rms.example/d", "value": number});
        letter
    };
    let new = "Fracture Clinic sent a document about Testpatient, Anna: letter.pdf";
    let changed = "Fracture Clinic sent a new version of a document about Testpatient, Anna: letter.pdf";
    let same = "Fracture Clinic sent the referral of Testpatient, Anna again; nothing is new";
    let uuid = |at: u8| format!("9c1c1f52-0000-4c37-9a53-6d5b1f8f2a{at}");
    let at = |url: &str| json!({"url": url});
    let cases = [
        (numbered("D-1"), numbered("D-2"), new),
        (numbered("D-1"), numbered("D-1"), same),
        (letter("d1", json!({})), letter("d2", json!({})), new),
        (letter(&uuid(10), json!({"hash": "QQ=="})), letter(&uuid(11), json!({"hash": "Qg=="})), new),
        (letter(&uuid(10), json!({"hash": "QQ=="})), letter(&uuid(11), json!({"hash": "QQ=="})), same),
        (letter("d1", json!({"hash": "QQ=="})), letter("d1", json!({"hash": "Qg=="})), changed),
        (letter("d1", json!({"size": 10})), letter("d1", json!({"size": 11})), changed),
        (letter("d1", json!({"size": 10})), letter("d1", json!({})), same),
        (letter(&uuid(10), at("https://rms.example/1?sig=a")), letter(&uuid(11), at("https://rms.example/1?sig=b")), same),
        (letter(&uuid(10), at("https://rms.example/1?sig=a")), letter(&uuid(11), at("https://rms.example/2?sig=a")), new),
    ];
    for (first, second, summary) in &cases {
        assert_eq!(letters(first, second).0, *summary, "{first} {second}");
    }
}

#[test]
fn a_withdrawn_document_is_told() {
    let letter = |status: &str| json!({"resourceType": "DocumentReference", "id": "d", "status": status, "content": [{"attachment": {"title": "letter.pdf"}}]});
    let (summary, needs) = letters(&letter("current"), &letter("entered-in-error"));
    assert_eq!(summary, "Fracture Clinic withdrew a document about Testpatient, Anna: letter.pdf");
    assert_eq!(needs, json!(["show", "review"]));
}

#[test]
fn questions_asked_again_changed_or_withdrawn_are_told_as_that() {
    let said = |id: &'static str, status: &'static str, text: &str| {
        let text = text.to_owned();
        move |all: &mut Vec<Value>| {
            *resource(all, "Communication") = json!({"resourceType": "Communication", "id": id, "status": status,
                "category": [{"coding": [{"code": "rfi"}]}], "payload": [{"contentString": text}]});
        }
    };
    let long = |end: &str| format!("{}{end}", "Thank you for your referral. ".repeat(10));
    const UUIDS: [&str; 2] = ["9c1c1f52-0000-4c37-9a53-6d5b1f8f2a10", "9c1c1f52-0000-4c37-9a53-6d5b1f8f2a11"];
    let (wrote, changed) = ("Fracture Clinic wrote about", "Fracture Clinic changed a message about");
    let cases = [
        (("c1", "completed", "Please call."), ("c2", "completed", "Please call.".to_owned()), wrote, json!(["show", "answer"])),
        (
            (UUIDS[0], "completed", "Please call."),
            (UUIDS[1], "completed", "Please call.".to_owned()),
            wrote,
            json!(["show", "answer"]),
        ),
        (("c1", "completed", "Please call."), ("c1", "completed", "Please come.".to_owned()), changed, json!(["show", "answer"])),
        (
            ("c1", "completed", "Please call."),
            ("c1", "entered-in-error", "Please call.".to_owned()),
            "Fracture Clinic withdrew a message about",
            json!(["show", "review"]),
        ),
        (
            ("c1", "completed", "Please call."),
            ("c1", "completed", "Please call.".to_owned()),
            "Fracture Clinic sent the referral of",
            json!([]),
        ),
        (("c1", "completed", ""), ("c1", "completed", long("Stop aspirin.")), changed, json!(["show", "answer"])),
    ];
    for ((id, status, text), (id_2, status_2, text_2), summary, needs) in cases {
        let text = if text.is_empty() { long("Start aspirin.") } else { text.to_owned() };
        let (focus, focus_2) = (format!("Communication/{id}"), format!("Communication/{id_2}"));
        let first = resent(FIRST, &focus, &said(id, status, &text));
        let told =
            told_between(&first, &resent(SECOND, &focus_2, &said(id_2, status_2, &text_2)), "send-communication-from-provider")
                .document;
        assert!(told["summary"].as_str().unwrap().starts_with(summary), "{} {id_2} {text_2}", told["summary"]);
        assert_eq!(told["needs"], needs, "{id_2} {text_2}");
    }
}

#[test]
fn the_one_who_acted_is_the_side_that_the_partner_is_on() {
    let sample = resent(FIRST, "ServiceRequest/s", &|_| {});
    for (partner_role, actor) in
        [(Some(ReferralRole::Target), "Fracture Clinic"), (Some(ReferralRole::Source), "Riverside Family Health")]
    {
        let notice = Notice { partner_role, changes: Some(&[]), ..Notice::default() };
        let told: Value = serde_json::from_str(&document(Said::read(sample.view(), ZONE), UPDATE, &[], &notice)).unwrap();
        assert_eq!(told["summary"], format!("{actor} sent the referral of Testpatient, Anna again; nothing is new"));
    }
}

#[test]
fn what_a_person_has_to_do_follows_from_the_change_and_from_our_part() {
    let refused = told_of(UPDATE, "ServiceRequest/s", &|all| resource(all, "Task")["status"] = json!("rejected"));
    assert_eq!(refused.document["needs"], json!(["show", "review"]), "whatever the event");
    let other = told_of(UPDATE, "ServiceRequest/s", &|all| {
        *resource(all, "Patient") = json!({"resourceType": "Patient", "id": "p", "name": [{"family": "Other", "given": ["Bob"]}], "birthDate": "1970-01-01"});
    });
    assert_eq!(other.document["needs"], json!(["show", "review"]), "another patient");
    let asks = resent(FIRST, "Communication/c", &|all| {
        resource(all, "Communication")["category"] = json!([{"coding": [{"code": "rfi"}]}])
    });
    let error = [Issue::error("structure", "Bundle", "no", "FHIR R4")];
    for (our_role, needs) in [("source", json!(["show", "answer"])), ("copy", json!(["show"])), ("informer", json!(["show"]))] {
        let notice = Notice { our_role: Some(our_role), ..Notice::default() };
        let told: Value =
            serde_json::from_str(&document(Said::read(asks.view(), ZONE), "send-communication-from-provider", &error, &notice))
                .unwrap();
        assert_eq!(told["needs"], needs, "{our_role}, and formal errors ask for nothing");
    }
}
