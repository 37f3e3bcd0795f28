//! Numbers of referrals that somebody else named before: they bar nobody, tell nothing and draw nothing in.

#[path = "support/receiver.rs"]
mod receiver;

use ereferral::proto::messaging::Message;
use ereferral::proto::messaging::tracking::{self, Tracked};
use ereferral::proto::settings::Limits;
use ereferral::proto::store::{Identifier, ReferralRole};
use receiver::*;
use serde_json::{Value, json};

/// A new referral of the partner `other` that carries another number besides its own.
fn squat(receiver: &Receiver, own: &str, claimed: &str) -> String {
    let mut squatting = request(own, "active");
    squatting["identifier"] = json!([number(own), number(claimed)]);
    receiver.take("other", &message("add-service-request", &format!("squat-{own}"), 0, &[squatting, patient()]));
    receiver.referral(own).unwrap().id
}

fn our_send(receiver: &Receiver, partner: &str, message: &Value) -> Tracked {
    let message = Message::parse(message.to_string().into_bytes(), &Limits::default()).unwrap();
    let view = message.view().unwrap();
    let placed = tracking::place(receiver.store.as_ref(), &receiver.settings, (partner, true), view, NOW).unwrap();
    tracking::sent(partner, message.header().event_code(), placed, "fresh".into()).unwrap()
}

#[test]
fn a_number_that_another_partner_named_first_bars_nobody() {
    let receiver = Receiver::new();
    let squatted = squat(&receiver, "X1", "R77");
    let told = receiver.take("source", &new_referral("R77"));
    let real = told["referral_id"].as_str().unwrap().to_owned();
    assert_ne!(real, squatted);
    // What follows of either goes to its own, and the host's question is answered with what changed last.
    let update = message("revoke-service-request", "revoke", 10, &[request("R77", "revoked"), patient()]);
    receiver.now.set(NOW + 1000);
    assert_eq!(receiver.take("source", &update)["referral_id"], json!(real));
    let other = receiver.store.referral(&squatted).unwrap().unwrap();
    assert_eq!((other.state.request.as_ref().unwrap().code.as_str(), other.role_of("source")), ("active", None));
    assert_eq!(receiver.referral("R77").unwrap().id, real);
    // The host may call the real one so, whoever else did.
    let name = Identifier { system: SYSTEM.into(), value: "R77".into() };
    receiver.store.link_referral(&real, &name, NOW).unwrap();
    receiver.take("other", &message("revoke-service-request", "again", 20, &[request("X1", "revoked"), patient()]));
    assert_eq!(receiver.referral("R77").unwrap().id, real);
}

#[test]
fn an_answer_does_not_tell_which_numbers_exist() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R80"));
    let (known, unknown) = (receiver.post("other", &new_referral("R80")), receiver.post("other", &new_referral("R81")));
    let told = |answer: &Value| answer.to_string().replace("R80", "R81");
    assert_eq!((known.0, unknown.0), (200, 200));
    assert_eq!(told(&known.1).len(), told(&unknown.1).len());
    let (known, unknown) =
        (receiver.post("hub", &status("R80", "a", 5, "received")), receiver.post("hub", &status("R82", "b", 5, "received")));
    assert_eq!((known.0, unknown.0), (200, 200));
}

#[test]
fn what_we_send_is_not_filed_under_a_strangers_referral() {
    let receiver = Receiver::new();
    squat(&receiver, "X1", "R77");
    let tracked = our_send(&receiver, "target", &new_referral("R77"));
    assert!(tracked.before.is_none());
    assert_eq!(tracked.update.unwrap().id, "fresh");
}

#[test]
fn a_partner_adds_its_number_whoever_named_it_before() {
    let receiver = Receiver::new();
    squat(&receiver, "X1", "R77");
    receiver.take("target", &status("Q1", "q1", 1, "received"));
    let mut own = status("Q1", "q2", 2, "accepted");
    own["entry"][2]["resource"]["identifier"] = json!([number("Q1"), number("R77")]);
    receiver.take("target", &own);
    // From then on it finds its own by either.
    let told = receiver.take("target", &status("R77", "q3", 3, "completed"));
    assert_eq!(told["referral_id"], json!(receiver.referral("Q1").unwrap().id));
}

#[test]
fn a_strangers_referral_is_nobodys_parent() {
    let receiver = Receiver::new();
    squat(&receiver, "X1", "R77");
    let mut child = request("C1", "active");
    child["basedOn"] = json!([{"identifier": number("R77")}]);
    child["requisition"] = number("R77");
    receiver.take("source", &message("add-service-request", "child", 0, &[child.clone(), patient()]));
    assert!(receiver.referral("C1").unwrap().links.is_empty());
    let mut ours = child;
    ours.as_object_mut().unwrap().remove("requisition");
    ours["identifier"] = json!([{"system": OURS, "value": "1"}]);
    let real = receiver.take("source", &new_referral("R77"));
    let tracked = our_send(&receiver, "source", &message("notify-add-service-record", "ours", 0, &[ours, patient()]));
    let parents: Vec<String> = tracked.update.unwrap().links.into_iter().map(|link| link.parent).collect();
    assert_eq!(json!(parents), json!([real["referral_id"]]));
}

#[test]
fn our_own_referral_is_found_by_its_number_for_a_second_partner() {
    let receiver = Receiver::new();
    receiver.take("target", &status("R1", "first", 0, "received"));
    let first = receiver.referral("R1").unwrap();
    assert!(receiver.store.settle_referral(&(first.id.clone(), first.version), None, NOW).unwrap());
    let tracked =
        our_send(&receiver, "hub", &message("notify-add-service-request", "copy", 5, &[request("R1", "active"), patient()]));
    let update = tracked.update.unwrap();
    assert_eq!(update.id, first.id);
    assert_eq!(update.parties, [("hub".to_owned(), ReferralRole::Copy)]);
}

#[test]
fn a_referral_keeps_so_many_identifiers_and_no_more() {
    let receiver = Receiver::new();
    receiver.take("source", &new_referral("R1"));
    let mut known = 1;
    for round in 0..3 {
        let mut update = request("R1", "active");
        update["identifier"] = (0..30).map(|at| number(&format!("{round}-{at}"))).chain([number("R1")]).collect();
        let told = receiver
            .take("source", &message("notify-update-service-request", &format!("m{round}"), 5 + round, &[update, patient()]));
        known = (known + 30).min(64);
        assert_eq!(receiver.referral("R1").unwrap().identifiers.len(), known);
        assert_eq!(told["issues"].to_string().contains("are not kept"), known == 64);
    }
    // What is kept already finds it as before.
    assert_eq!(receiver.referral("0-0").unwrap().id, receiver.referral("R1").unwrap().id);
}

#[test]
fn who_is_settled_into_a_referral_takes_nobodys_part() {
    let receiver = Receiver::new();
    receiver.take("source", &message("notify-add-service-request", "copy", 0, &[request("R1", "active"), patient()]));
    receiver.take("target", &status("T1", "t", 1, "received"));
    let real = receiver.referral("T1").unwrap();
    assert!(receiver.store.settle_referral(&(real.id.clone(), real.version), None, NOW).unwrap());
    let stub = receiver.take("hub", &status("X1", "x", 1, "rejected"));
    receiver.join(stub["referral_id"].as_str().unwrap(), &real.id);
    let joined = receiver.store.referral(&real.id).unwrap().unwrap();
    assert_eq!((joined.role_of("target"), joined.role_of("hub")), (Some(ReferralRole::Target), Some(ReferralRole::Informer)));
    assert_eq!(receiver.post("hub", &status("X1", "y", 2, "cancelled")).0, 403);
}
