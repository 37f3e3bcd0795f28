//! Messages made to be heavy: what one text is multiplied by stays bounded, and so does what is kept of a referral.

#[path = "support/peak.rs"]
mod peak;
#[path = "support/receiver.rs"]
mod receiver;

use receiver::{Receiver, message, new_referral, patient, request, task};
use serde_json::{Value, json};

#[global_allocator]
static COUNTING: peak::Counting = peak::Counting;

const MB: usize = 1 << 20;

#[test]
fn one_description_of_many_attachments_is_not_told_many_times() {
    let receiver = Receiver::new();
    let content = vec![json!({"attachment": {}}); 30_000];
    let document = json!({"resourceType": "DocumentReference", "id": "d", "status": "current", "description": "y".repeat(600_000),
        "content": content});
    let heavy = message("add-service-request", "heavy", 0, &[request("A1", "active"), patient(), document]);
    let ((status, _), peak) = peak::of(|| receiver.post("source", &heavy));
    assert_eq!(status, 200);
    assert!(peak < 64 * MB, "{peak}");
}

#[test]
fn one_name_that_many_tasks_refer_to_does_not_fill_the_referral() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("T1"));
    let owner = json!({"resourceType": "Organization", "id": "o", "name": "z".repeat(400_000)});
    let tasks = (0..256).map(|number| {
        let mut task = task("T1", "accepted");
        task["id"] = json!(format!("t{number}"));
        task["owner"] = json!({"reference": "Organization/o"});
        task["identifier"] = json!([{"system": "https://rms.example/task", "value": number.to_string()}]);
        task
    });
    let resources: Vec<Value> = [request("T1", "active"), patient(), owner].into_iter().chain(tasks).collect();
    let heavy = message("notify-update-service-request", "heavy", 5, &resources);
    let ((status, _), peak) = peak::of(|| receiver.post("source", &heavy));
    assert_eq!(status, 200);
    assert!(peak < 64 * MB, "{peak}");
    assert!(receiver.referral("T1").unwrap().document.len() < 2 * MB);
}

#[test]
fn a_referral_does_not_grow_beyond_its_limit() {
    let receiver = Receiver::new();
    let mut heavy = request("L1", "active");
    heavy["note"] = (0..80).map(|number| json!({"text": format!("{number} {}", "n".repeat(60_000))})).collect();
    let (status, answer) = receiver.post("source", &message("add-service-request", "heavy", 0, &[heavy, patient()]));
    assert_eq!((status, answer["issue"][0]["code"].as_str()), (413, Some("too-costly")), "{answer}");
    assert!(receiver.referral("L1").is_none());
    assert_eq!(receiver.post("source", &new_referral("L1")).0, 200);
}
