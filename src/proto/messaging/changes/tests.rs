use super::*;
use crate::proto::messaging::content::merge;
use crate::proto::messaging::groups::Said;
use crate::proto::messaging::notification::{Notice, document};
use crate::proto::messaging::view::tests::Sample;
use serde_json::json;

const ZONE: Option<&str> = Some("America/Toronto");

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
    let merged = merge(old.clone(), Content::of(&said, event), ZONE);
    let changes = between(&old, &merged.content, ZONE);
    let notice = Notice { changes: Some(&changes), outdated: merged.outdated, ..Notice::default() };
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
        "old": "2026-05-03 10:00 (EDT)", "old_value": "2026-05-03T14:00:00Z", "new": "2026-05-09 14:30 (EDT)", "new_value": "2026-05-09T18:30:00Z"}]);
    assert_eq!(told.document["changes"], expected);
    assert_eq!(
        told.document["summary"],
        "Fracture Clinic moved the appointment of Testpatient, Anna from 2026-05-03 10:00 (EDT) to 2026-05-09 14:30 (EDT)"
    );
    assert_eq!(
        told.document["summary_fr"],
        "Fracture Clinic a déplacé le rendez-vous de Testpatient, Anna du 2026-05-03 10:00 (EDT) au 2026-05-09 14:30 (EDT)"
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
    let cases: [Change; 8] = [
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
            "Fracture Clinic accepted the referral of Testpatient, Anna",
        ),
        (
            &|all| {
                let appointment = resource(all, "Appointment");
                appointment["status"] = json!("booked");
                appointment.as_object_mut().unwrap().remove("end");
            },
            "appointments[A-77].end",
            "Fracture Clinic accepted the referral of Testpatient, Anna",
        ),
    ];
    for (change, path, summary) in cases {
        let told = told_of(TARGET, "Task/k", change);
        assert_eq!(paths(&told), [path]);
        assert_eq!(told.document["summary"], summary, "{path}");
    }
}

#[test]
fn two_pieces_of_news_are_told_by_the_event_and_the_more_important_stand_first() {
    let told = told_of("notify-update-process-request", "Task/k", &|all| {
        resource(all, "Patient")["birthDate"] = json!("1980-03");
        resource(all, "Task")["status"] = json!("in-progress");
        resource(all, "Appointment")["start"] = json!("2026-05-04T14:00:00Z");
    });
    assert_eq!(paths(&told), ["tasks[k].status", "appointments[A-77].start", "patient.birth_date"]);
    assert_eq!(told.document["summary"], "Fracture Clinic is working on the referral of Testpatient, Anna");
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
