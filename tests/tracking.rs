//! Referrals as they are tracked: order, state, forwarding, links, and what belongs nowhere yet.

#[path = "support/receiver.rs"]
mod receiver;

use ereferral::proto::messaging::{Message, tracking};
use ereferral::proto::settings::Limits;
use ereferral::proto::store::{Candidate, Link, ReferralFilter, ReferralRole, Relation};
use receiver::*;
use serde_json::{Value, json};

/// A referral of ours that the partner has: it told us of it first, and a person said that this is right.
fn with_target(receiver: &Receiver, partner: &str, value: &str) -> String {
    receiver.take(partner, &status(value, &format!("first-{value}"), 0, "received"));
    let id = receiver.referral(value).unwrap().id;
    settle(receiver, &id);
    id
}

fn settle(receiver: &Receiver, id: &str) {
    let version = receiver.store.referral(id).unwrap().unwrap().version;
    assert!(receiver.store.settle_referral(&(id.to_owned(), version), None, NOW).unwrap());
}

fn warnings(notification: &Value) -> usize {
    let by_rule = |issue: &&Value| issue["source"].as_str().is_some_and(|source| source.starts_with("messaging.md 11"));
    notification["issues"].as_array().unwrap().iter().filter(by_rule).count()
}

#[test]
fn a_status_that_comes_late_or_twice_undoes_nothing() {
    let receiver = Receiver::new();
    with_target(&receiver, "target", "R1");
    receiver.take("target", &status("R1", "2", 20, "accepted"));
    let receiver = receiver.restarted();
    receiver.take("target", &status("R1", "3", 40, "completed"));
    // In the order in which the network let them through.
    receiver.take("target", &status("R1", "1", 10, "on-hold"));
    assert_eq!(receiver.state("R1").1, "completed");
    // The same once more: the stored answer, and no event.
    assert_eq!(receiver.post("target", &status("R1", "1", 10, "on-hold")).0, 200);
    assert!(receiver.events().is_empty());
    // The task's own time counts before the message's.
    let mut late = status("R1", "4", 50, "in-progress");
    late["entry"][1]["resource"]["lastModified"] = json!("2027-01-15T07:30:00Z");
    let mut fresh = status("R1", "5", 45, "failed");
    fresh["entry"][1]["resource"]["lastModified"] = json!("2027-01-15T07:41:00Z");
    assert_eq!(warnings(&receiver.take("target", &fresh)), 1, "completed is an end");
    receiver.take("target", &late);
    assert_eq!(receiver.state("R1").1, "failed");
}

#[test]
fn a_clock_that_is_far_ahead_freezes_nothing() {
    let receiver = Receiver::new();
    for (value, in_bundle) in [("R1", false), ("R2", true)] {
        with_target(&receiver, "target", value);
        let mut far = status(value, &format!("far-{value}"), 1, "accepted");
        let place = if in_bundle { &mut far["timestamp"] } else { &mut far["entry"][1]["resource"]["lastModified"] };
        *place = json!("9999-12-30T00:00:00Z");
        let told = receiver.take("target", &far);
        let warned = |issue: &Value| issue["severity"] == "warning" && issue["text"].as_str().unwrap().contains("ahead");
        assert!(told["issues"].as_array().unwrap().iter().any(warned), "{told}");
        let mut next = status(value, &format!("next-{value}"), 2, "in-progress");
        next["entry"][1]["resource"]["lastModified"] = json!("2027-01-15T07:40:00Z");
        let told = receiver.take("target", &next);
        assert_eq!((receiver.state(value).1.as_str(), told.get("outdated")), ("in-progress", None), "{told}");
        let news = told["changes"].as_array().unwrap().iter().any(|change| change.to_string().contains("in-progress"));
        assert!(news, "{told}");
    }
    // Within a day a clock may be wrong.
    let mut soon = status("R1", "soon", 3, "completed");
    soon["timestamp"] = json!("2027-01-16T07:59:00Z");
    assert!(!receiver.take("target", &soon)["issues"].to_string().contains("ahead"));
}

#[test]
fn an_unforeseen_step_is_taken_with_a_warning() {
    let receiver = Receiver::new();
    with_target(&receiver, "target", "R1");
    assert_eq!(warnings(&receiver.take("target", &status("R1", "1", 10, "accepted"))), 0);
    assert_eq!(warnings(&receiver.take("target", &status("R1", "2", 20, "received"))), 1);
    assert_eq!(receiver.state("R1").1, "received");
}

#[test]
fn a_withdrawal_and_an_acceptance_that_cross_leave_both() {
    let receiver = Receiver::new();
    // To who keeps a copy, the source tells both.
    let copy = message("notify-add-service-request", "copy", 0, &[request("R1", "active"), patient()]);
    receiver.take("source", &copy);
    let revoke = message("revoke-service-request", "revoke", 20, &[request("R1", "revoked"), patient()]);
    receiver.take("source", &revoke);
    // The acceptance was written before the withdrawal arrived there: it repeats the request as it was.
    receiver.take("source", &status("R1", "accept", 10, "accepted"));
    assert_eq!(receiver.state("R1"), ("revoked".into(), "accepted".into()));
    // As source, we know what we withdrew; the clinic cannot make it active again by repeating it.
    let receiver = receiver.restarted();
    with_target(&receiver, "target", "R2");
    let closed =
        message("notify-update-process-request", "end", 20, &[task("R2", "cancelled"), request("R2", "revoked"), patient()]);
    receiver.take("target", &closed);
    let told = receiver.take("target", &status("R2", "reopen", 30, "accepted"));
    assert_eq!(receiver.state("R2"), ("revoked".into(), "accepted".into()));
    let known: Value = serde_json::from_str(&receiver.referral("R2").unwrap().document).unwrap();
    assert_eq!(
        (&known["referral"]["status"], &known["task"]["status"]),
        (&json!("revoked"), &json!("accepted")),
        "as the state says"
    );
    assert_eq!(told["changes"].as_array().map(Vec::len), Some(1), "only the task: {told}");
    assert_eq!(warnings(&told), 0, "only the requester is told that it is closed: {told}");
}

#[test]
fn an_update_of_a_closed_referral_is_taken_with_a_warning() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R1"));
    receiver.take("source", &message("revoke-service-request", "1", 10, &[request("R1", "revoked"), patient()]));
    let told = receiver.take("source", &message("notify-update-service-request", "2", 20, &[request("R1", "active"), patient()]));
    assert_eq!(warnings(&told), 2, "closed, and opened against the table: {told}");
    assert_eq!(receiver.state("R1").0, "active");
}

/// The Target tells that it passed a referral on: a task on a new request that replaces the old one.
fn forward(id: &str, minute: u32, old: &str, new: &str) -> Value {
    let mut fresh = request(new, "active");
    fresh["replaces"] = json!([{"identifier": number(old)}]);
    message("notify-update-process-request", id, minute, &[task(new, "requested"), fresh, patient()])
}

#[test]
fn who_forwards_a_referral_loses_it_at_once() {
    let receiver = Receiver::new();
    let old = with_target(&receiver, "hub", "R1");
    let mut passed_on = forward("f", 10, "R1", "R2");
    // The header still names the old one: by its number, and by the identifier the sender wants echoed.
    header(&mut passed_on)["extension"] = json!([{"url": "http://ehealthontario.ca/fhir/StructureDefinition/ext-referral-identifier", "valueIdentifier": number("R1")}]);
    let told = receiver.take("hub", &passed_on);
    let new = receiver.referral("R2").unwrap();
    assert_ne!(new.id, old);
    assert_eq!(new.links, [Link { parent: old.clone(), child: new.id.clone(), relation: Relation::Forwarded }]);
    assert_eq!((new.our_role, new.role_of("hub"), new.unlinked), (ReferralRole::Source, Some(ReferralRole::Informer), false));
    assert!(told["referral"]["our_role"] == "source", "{told}");
    let receiver = receiver.restarted();
    let former = receiver.referral("R1").unwrap();
    assert_eq!(former.role_of("hub"), Some(ReferralRole::FormerTarget));
    assert_eq!(receiver.post("hub", &status("R1", "late", 20, "completed")).0, 403);
    assert_eq!(receiver.state("R1").1, "received");
    // Anybody could speak as the new one's Target: it waits until a person says so.
    let told = receiver.take("target", &status("R2", "new", 30, "accepted"));
    assert_eq!((&told["unlinked"], &told["candidates"][0]["referral_id"]), (&json!(true), &json!(new.id)), "{told}");
    let stub = told["referral_id"].as_str().unwrap();
    assert_eq!((receiver.state("R2").1.as_str(), receiver.referral("R2").unwrap().version), ("requested", new.version));
    // What follows waits with it.
    assert_eq!(receiver.take("target", &status("R2", "new-2", 32, "in-progress"))["referral_id"], json!(stub));
    receiver.join(stub, &new.id);
    let after = receiver.referral("R2").unwrap();
    assert_eq!((after.id.as_str(), after.role_of("target")), (new.id.as_str(), Some(ReferralRole::Target)));
    assert_eq!(receiver.take("target", &status("R2", "new-3", 34, "completed"))["referral_id"], json!(new.id));
    assert_eq!(receiver.post("hub", &status("R2", "claim", 40, "rejected")).0, 403);
    // To a stranger the number is one that nobody knows.
    let told = receiver.take("other", &status("R2", "claim-too", 40, "rejected"));
    assert!(told["unlinked"] == true && told["referral_id"] != json!(new.id), "{told}");
    assert_eq!(receiver.store.referral(&new.id).unwrap().unwrap().state.task.unwrap().code, "completed");
}

#[test]
fn who_takes_over_a_child_that_another_told_of_waits_for_a_person() {
    let receiver = Receiver::new();
    receiver.take("source", &child("c", "C1", |_| {}));
    let told_of = receiver.referral("C1").unwrap();
    assert_eq!(told_of.our_role, ReferralRole::Copy);
    let told = receiver.take("target", &status("C1", "1", 20, "accepted"));
    assert_eq!((&told["unlinked"], &told["candidates"][0]["referral_id"]), (&json!(true), &json!(told_of.id)), "{told}");
    assert_eq!(receiver.referral("C1").unwrap().version, told_of.version);
    receiver.join(told["referral_id"].as_str().unwrap(), &told_of.id);
    receiver.take("target", &status("C1", "2", 30, "in-progress"));
    receiver.take("hub", &status("C1", "3", 40, "failed"));
    let task = receiver.store.referral(&told_of.id).unwrap().unwrap().state.task;
    assert_eq!(task.unwrap().code, "in-progress");
}

#[test]
fn who_comes_first_with_a_number_bars_nobody() {
    let receiver = Receiver::new();
    let stub = receiver.take("other", &status("V", "1", 10, "accepted"))["referral_id"].clone();
    // Nor does another one that only tells of it.
    let second = receiver.take("target", &status("V", "t", 12, "on-hold"));
    assert!(second["referral_id"] != stub && second["unlinked"] == json!(true), "{second}");
    let told = receiver.take("source", &new_referral("V"));
    assert!(
        told["referral_id"] != stub && told["candidates"].as_array().unwrap().contains(&json!({"referral_id": stub})),
        "{told}"
    );
    let receiver = receiver.restarted();
    let record = receiver.referral("V").unwrap();
    assert_eq!((json!(record.id), record.unlinked, record.our_role), (told["referral_id"].clone(), false, ReferralRole::Target));
    assert_eq!(record.parties, [("source".to_owned(), ReferralRole::Source)]);
    // What the first one says goes on to its own.
    assert_eq!(receiver.take("other", &status("V", "2", 20, "completed"))["referral_id"], stub);
    assert_eq!(receiver.referral("V").unwrap().version, record.version);
    let update = message("notify-update-service-request", "3", 30, &[request("V", "active"), patient()]);
    assert_eq!(receiver.take("source", &update)["referral_id"], json!(record.id));
    // And to who said nothing of it before, it is a number that nobody knows.
    let told = receiver.take("hub", &status("V", "4", 40, "completed"));
    assert!(told["unlinked"] == json!(true) && told["referral_id"] != json!(record.id), "{told}");
}

#[test]
fn a_task_that_asks_for_information_is_not_the_referrals() {
    let receiver = Receiver::new();
    with_target(&receiver, "target", "R1");
    receiver.take("target", &status("R1", "1", 10, "accepted"));
    let question = |id: &str, minute: u32, code: &str| {
        let mut message = status("R1", id, minute, code);
        let rfi = json!({"coding": [{"code": "request-for-information-for-requester"}]});
        (message["entry"][1]["resource"]["id"], message["entry"][1]["resource"]["code"]) = (json!("rfi"), rfi);
        header(&mut message)["focus"] = json!([{"reference": "Task/rfi"}]);
        message
    };
    assert_eq!(warnings(&receiver.take("target", &question("2", 20, "requested"))), 0);
    receiver.take("target", &question("3", 30, "completed"));
    assert_eq!(receiver.state("R1").1, "accepted");
    // In the oldest version the event says so.
    let mut oldest = status("R1", "4", 40, "requested");
    header(&mut oldest)["eventCoding"]["code"] = json!("add-rfi");
    assert_eq!(warnings(&receiver.take("target", &oldest)), 0);
    assert_eq!(receiver.state("R1").1, "accepted");
    // Beside it, the referral's own task counts.
    let mut both = question("5", 50, "requested");
    both["entry"].as_array_mut().unwrap().push(json!({"resource": task("R1", "on-hold")}));
    receiver.take("target", &both);
    assert_eq!(receiver.state("R1").1, "on-hold");
}

#[test]
fn the_task_of_another_request_says_nothing_of_this_one() {
    let receiver = Receiver::new();
    with_target(&receiver, "target", "R1");
    let mut other = task("R2", "completed");
    other["id"] = json!("t2");
    let both = [request("R1", "active"), other, request("R2", "active"), patient()];
    let told = receiver.take("target", &message("notify-update-service-request", "1", 10, &both));
    assert_eq!((receiver.state("R1").1.as_str(), told.get("task")), ("received", None), "{told}");
}

#[test]
fn the_confirmation_of_a_withdrawal_is_expected() {
    let receiver = Receiver::new();
    with_target(&receiver, "target", "R1");
    let confirmed = |id: &str, minute: u32| {
        let resources = [task("R1", "cancelled"), request("R1", "revoked"), patient()];
        message("notify-update-process-request", id, minute, &resources)
    };
    receiver.take("target", &confirmed("1", 10));
    assert_eq!(warnings(&receiver.take("target", &confirmed("2", 20))), 0);
}

#[test]
fn several_referrals_in_focus_are_refused_so_that_none_is_lost() {
    let receiver = Receiver::new();
    let both = |second: &str| {
        let mut message =
            message("add-service-request", second, 0, &[request("R1", "active"), request(second, "active"), patient()]);
        let focus = ["sr-R1".to_owned(), format!("sr-{second}")].map(|id| json!({"reference": format!("ServiceRequest/{id}")}));
        header(&mut message)["focus"] = json!(focus);
        message
    };
    let (status, outcome) = receiver.post("source", &both("R2"));
    assert_eq!((status, outcome["issue"][0]["code"].as_str()), (400, Some("business-rule")), "{outcome}");
    assert!(receiver.referral("R1").is_none() && receiver.referral("R2").is_none());
    // The same one told twice is one.
    let mut twice = both("R3");
    twice["entry"][2]["resource"]["identifier"] = json!([number("R1"), number("R3")]);
    assert_eq!(receiver.post("source", &twice).0, 200);
}

#[test]
fn a_request_without_a_number_is_warned_about() {
    let receiver = Receiver::new();
    let mut bare = new_referral("x");
    bare["entry"][1]["resource"].as_object_mut().unwrap().remove("identifier");
    let told = receiver.take("source", &bare);
    let warned = |told: &Value| told["issues"].as_array().unwrap().iter().any(|issue| issue["source"] == "messaging.md 10.5");
    assert!(warned(&told) && !warned(&receiver.take("source", &new_referral("R1"))), "{told}");
}

#[test]
fn a_platform_that_forwards_within_itself_goes_on_speaking_for_the_new_target() {
    let receiver = Receiver::new();
    with_target(&receiver, "hub", "R1");
    receiver.take("hub", &forward("f", 10, "R1", "R2"));
    receiver.take("hub", &status("R2", "new", 20, "accepted"));
    assert_eq!(receiver.referral("R2").unwrap().role_of("hub"), Some(ReferralRole::Target));
    assert_eq!(receiver.state("R2").1, "accepted");
}

#[test]
fn nobody_forwards_a_referral_that_it_does_not_have() {
    let receiver = Receiver::new();
    let old = with_target(&receiver, "target", "R1");
    // A stranger's claim takes nothing from the Target; the message waits for a person.
    let told = receiver.take("other", &forward("f", 10, "R1", "R2"));
    assert_eq!(receiver.referral("R1").unwrap().role_of("target"), Some(ReferralRole::Target));
    let claimed = receiver.referral("R2").unwrap();
    assert!(claimed.unlinked && claimed.links.is_empty(), "{told}");
    assert!(receiver.store.referral(&old).unwrap().unwrap().links.is_empty());
}

/// An informer tells of a request that came out of another.
fn child(id: &str, value: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut child = request(value, "completed");
    change(&mut child);
    message("notify-add-service-record", id, 10, &[child, patient()])
}

#[test]
fn children_are_linked_to_their_parents_and_leave_their_status_alone() {
    let receiver = Receiver::new();
    let mut first = new_referral("R1");
    first["entry"][1]["resource"]["requisition"] = number("group");
    receiver.take("hub", &first);
    let parent = receiver.referral("R1").unwrap();
    let relation_of = |message: &Value, value: &str| {
        receiver.take("hub", message);
        let record = receiver.referral(value).unwrap();
        assert!(!record.unlinked);
        let link = record.links.into_iter().find(|link| link.child == record.id).unwrap();
        assert_eq!(link.parent, parent.id);
        link.relation
    };
    let based_on = |child: &mut Value| child["basedOn"] = json!([{"identifier": number("R1")}]);
    assert_eq!(relation_of(&child("c1", "C1", based_on), "C1"), Relation::Chained);
    let split = |child: &mut Value| child["requisition"] = number("group");
    assert_eq!(relation_of(&child("c2", "C2", split), "C2"), Relation::Split);
    let mut routed = child("c3", "C3", based_on);
    header(&mut routed)["reason"] = json!({"coding": [{"code": "service-request-reassigned"}]});
    assert_eq!(relation_of(&routed, "C3"), Relation::Routed);
    let mut copy = child("c4", "C4", based_on);
    header(&mut copy)["eventCoding"]["code"] = json!("notify-add-service-request");
    assert_eq!(relation_of(&copy, "C4"), Relation::Copy);
    let parent = receiver.referral("R1").unwrap();
    assert_eq!((parent.links.len(), receiver.state("R1").0.as_str()), (4, "active"));
    assert_eq!((parent.our_role, receiver.referral("C1").unwrap().our_role), (ReferralRole::Target, ReferralRole::Copy));
    // Another partner's child is not tied to it.
    receiver.take("other", &child("c5", "C5", based_on));
    assert!(receiver.referral("C5").unwrap().links.is_empty());
}

#[test]
fn a_message_finds_its_referral_by_what_it_answers() {
    let receiver = Receiver::new();
    with_target(&receiver, "target", "R1");
    receiver.take("target", &message("send-communication-from-provider", "q", 10, &[communication("R1", "C-1"), patient()]));
    let mut answer = communication("none", "C-2");
    answer.as_object_mut().unwrap().remove("basedOn");
    answer["inResponseTo"] = json!([{"identifier": {"system": SYSTEM, "value": "C-1"}}]);
    let reply = |id: &str| message("send-communication-from-provider", id, 20, &[answer.clone(), patient()]);
    receiver.take("target", &reply("a"));
    let id = receiver.referral("R1").unwrap().id;
    assert_eq!(receiver.store.history(&id, 10).unwrap().len(), 3);
    // To another partner it leads nowhere.
    assert_eq!(receiver.post("other", &reply("b")).0, 400);
}

#[test]
fn a_number_without_a_system_is_the_partners_own_affair() {
    let receiver = Receiver::new();
    let numbered = |id: &str| {
        let mut bare = request("x", "active");
        bare["identifier"] = json!([{"value": "1001"}]);
        message("add-service-request", id, 0, &[bare, patient()])
    };
    receiver.take("source", &numbered("a"));
    // The same number of another partner is another referral, and nobody is refused for it.
    receiver.take("hub", &numbered("b"));
    receiver.take("source", &numbered("c"));
    let all = receiver.store.referrals(&ReferralFilter::default(), 10).unwrap();
    assert_eq!(all.len(), 2);
    let lengths: Vec<usize> = all.iter().map(|record| receiver.store.history(&record.id, 10).unwrap().len()).collect();
    assert_eq!(lengths.iter().sum::<usize>(), 3);
}

#[test]
fn a_partner_cannot_give_our_numbers_away() {
    let receiver = Receiver::new();
    let claiming = |id: &str, system: &str| {
        let mut claimed = request("x", "active");
        claimed["identifier"] = json!([{"system": system, "value": "ours-1"}, number(id)]);
        message("add-service-request", id, 0, &[claimed, patient()])
    };
    receiver.take("source", &claiming("a", OURS));
    receiver.take("source", &claiming("b", "HTTP://POS.example/fhir/NamingSystem/referral/"));
    let ours = ereferral::proto::store::Identifier { system: OURS.into(), value: "ours-1".into() };
    assert!(receiver.store.referral_by_identifier(&ours).unwrap().is_none());
    assert_ne!(receiver.referral("a").unwrap().id, receiver.referral("b").unwrap().id);
}

#[test]
fn what_belongs_nowhere_waits_with_candidates_until_a_person_settles_it() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R1"));
    let known = receiver.referral("R1").unwrap();
    let told = receiver.take("target", &status("X1", "1", 10, "accepted"));
    let stub = receiver.referral("X1").unwrap();
    // The same patient: a candidate, and no more.
    assert!(stub.unlinked && stub.links.is_empty(), "{told}");
    assert_eq!(receiver.store.candidates(&stub.id).unwrap(), [Candidate::Referral(known.id.clone())]);
    let unlinked = ReferralFilter { unlinked: Some(true), ..ReferralFilter::default() };
    assert_eq!(receiver.store.referrals(&unlinked, 10).unwrap().len(), 1);
    // What follows goes to the same one.
    let again = receiver.take("target", &status("X1", "2", 20, "in-progress"));
    assert_eq!((&again["unlinked"], &again["candidates"]), (&json!(true), &json!([{"referral_id": known.id}])));
    assert_eq!(receiver.referral("X1").unwrap().id, stub.id);
    assert!(receiver.referral("X1").unwrap().unlinked);
    settle(&receiver, &stub.id);
    assert!(!receiver.referral("X1").unwrap().unlinked);
    assert!(receiver.store.referrals(&unlinked, 10).unwrap().is_empty());
}

#[test]
fn a_message_of_nothing_known_is_refused_where_there_is_nothing_to_keep() {
    let refusing = |settings: &mut Value| settings["partners"][3]["messaging"]["unknown_referral"] = json!("refuse");
    let receiver = Receiver::with(refusing);
    let (code, outcome) = receiver.post("target", &status("X1", "1", 10, "accepted"));
    assert_eq!((code, outcome["issue"][0]["code"].as_str()), (400, Some("not-found")));
    // A task alone brings no referral to keep, whatever the setting.
    let alone = message("notify-update-process-request", "2", 10, &[task("X1", "accepted"), patient()]);
    let (code, outcome) = receiver.post("hub", &alone);
    assert_eq!((code, outcome["issue"][0]["code"].as_str()), (400, Some("not-found")));
    assert!(receiver.events().is_empty());
    assert!(receiver.store.referrals(&ReferralFilter::default(), 10).unwrap().is_empty());
    // What begins a referral is never refused for being new.
    assert_eq!(receiver.post("source", &new_referral("R1")).0, 200);
}

#[test]
fn an_untrusted_message_touches_no_referral_and_makes_none() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R1"));
    let partner = receiver.settings.partner("source").unwrap();
    let update = message("revoke-service-request", "1", 10, &[request("R1", "revoked"), patient()]);
    for body in [update, new_referral("R2")] {
        let message = Message::parse(body.to_string().into_bytes(), &Limits::default()).unwrap();
        let view = message.view().unwrap();
        let received = |trusted| {
            let placed = tracking::place(receiver.store.as_ref(), &receiver.settings, ("source", false), view, NOW).unwrap();
            tracking::received(&receiver.settings, partner, message.event(), trusted, placed, "id".into()).ok().unwrap()
        };
        assert!(received(true).update.is_some());
        let untrusted = received(false);
        assert!(untrusted.update.is_none() && untrusted.before.is_none());
    }
}

#[test]
fn the_history_keeps_what_was_said_in_order() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R1"));
    receiver.now.set(NOW + DAY);
    receiver.take("source", &message("revoke-service-request", "1", 10, &[request("R1", "revoked"), patient()]));
    let id = receiver.referral("R1").unwrap().id;
    let receiver = receiver.restarted();
    let history = receiver.store.history(&id, 10).unwrap();
    let told: Vec<(i64, &str, &str, bool)> =
        history.iter().map(|one| (one.at, one.event.as_str(), one.partner.as_str(), one.incoming)).collect();
    assert_eq!(told, [(NOW + DAY, "revoke-service-request", "source", true), (NOW, "add-service-request", "source", true)]);
    let document: Value = serde_json::from_str(&history[0].document).unwrap();
    assert_eq!(document["message"]["id"], "header-1");
    assert!(document["summary"].as_str().unwrap().contains("Testpatient"));
    let since = ReferralFilter { changed_since: Some(NOW + 1), partner: Some("source".into()), unlinked: None };
    assert_eq!(receiver.store.referrals(&since, 10).unwrap().len(), 1);
    let elsewhere = ReferralFilter { partner: Some("hub".into()), ..ReferralFilter::default() };
    assert!(receiver.store.referrals(&elsewhere, 10).unwrap().is_empty());
}
