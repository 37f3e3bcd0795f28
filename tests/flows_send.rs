//! Sending: a draft becomes a delivery that ends with the partner's answer, whatever the partner does on the way.

#[path = "support/clinic.rs"]
mod clinic;

use std::net::TcpListener;
use std::time::Duration;

use clinic::certs::Authority;
use clinic::partner::{Partner, Reply, Seen};
use clinic::{Clinic, Serving, parsed, until};
use ereferral::error::{EREF_KEY_REUSED, EREF_NOT_FOUND, EREF_WRONG_STATE};
use ereferral::proto::store::DeliveryState::{self, Dead, Delivered, Queued, Refused, UnknownOutcome};
use ereferral::proto::store::event_kind::{ALERT, DELIVERY};
use serde_json::{Value, json};

fn send(pos: &Serving, key: &str, number: u32) {
    let delivery = pos.engine.send("rms", key, &pos.referral(number, "Knee pain")).unwrap();
    assert!(!delivery.already);
}

/// The next DELIVERY event, finished.
fn told(pos: &Serving) -> Value {
    let mut event = pos.event(DELIVERY);
    let document = parsed(event.document().as_bytes());
    event.done().unwrap();
    document
}

/// The next DELIVERY event says delivered.
fn assert_delivered(pos: &Serving, key: &str) {
    let document = told(pos);
    assert_eq!((&document["host_key"], &document["state"]), (&json!(key), &json!("delivered")), "{document}");
}

/// The next ALERT, which is about the partner.
fn alert(pos: &Serving) -> (bool, String) {
    let document = parsed(pos.event(ALERT).document().as_bytes());
    assert_eq!(document["alert"], "partner-unreachable:rms", "{document}");
    (document["started"].as_bool().unwrap(), document["text"].as_str().unwrap().to_owned())
}

/// The partner got the message this often, with the same ids, byte for byte.
fn assert_same_bytes(partner: &Partner, times: usize) {
    let seen = partner.messages();
    assert_eq!(seen.len(), times);
    assert!(seen.windows(2).all(|pair| pair[0].body == pair[1].body));
}

/// The partner got the message this often, each time in another Bundle, which is the only difference.
fn assert_same_but_for_the_bundle(partner: &Partner, times: usize) {
    let seen = partner.messages();
    let bundle_id = |body: &[u8]| parsed(body)["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = seen.iter().map(|seen| bundle_id(&seen.body)).collect();
    let without = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap().replace(&bundle_id(body), "");
    assert!(seen.windows(2).all(|pair| without(&pair[0].body) == without(&pair[1].body)));
    ids.sort();
    ids.dedup();
    assert_eq!((seen.len(), ids.len()), (times, times));
}

#[test]
fn a_draft_is_delivered_once_however_often_the_call_is_repeated() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let answer = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}"#;
    clinic.partner.script([Reply::Answer(200, "", answer.to_vec())]);
    send(&pos, "act-1", 1);
    let document = told(&pos);
    assert_eq!(
        (&document["state"], &document["http_status"], &document["attempts"]),
        (&json!("delivered"), &json!(200), &json!(1))
    );
    assert_eq!(document["answer"], parsed(answer));

    // A host that crashed composes anew: new ids, the same content, the same act.
    let again = pos.engine.send("rms", "act-1", &pos.referral(1, "Knee pain")).unwrap();
    assert!(again.already);
    assert_eq!(again.record.id, document["delivery_id"].as_str().unwrap());
    assert_eq!(again.record.state, Delivered);
    let error = pos.engine.send("rms", "act-1", &pos.referral(1, "Hip pain")).err().unwrap();
    assert_eq!(error.status(), EREF_KEY_REUSED);
    let seen = clinic.partner.messages();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].head.to_lowercase().contains("authorization: bearer granted-token-000001"));
    assert_eq!(parsed(&seen[0].body)["id"].as_str().unwrap(), again.record.bundle_id);
    let form = String::from_utf8(clinic.partner.token_requests()[0].body.clone()).unwrap();
    assert!(form.contains("grant_type=client_credentials") && form.contains("client_id=pos"), "{form}");

    let list = parsed(pos.engine.delivery_list("delivered", 10).unwrap().as_bytes());
    assert_eq!((list.as_array().unwrap().len(), &list[0]["host_key"]), (1, &json!("act-1")));
    assert_eq!(pos.engine.delivery_list("refused", 10).unwrap(), "[]");
    assert_eq!(pos.delivery("act-1").id, pos.delivery(&again.record.id).id);
    assert_eq!(pos.engine.delivery_find("act-2").err().unwrap().status(), EREF_NOT_FOUND);
    assert_eq!(pos.status()["store"]["deliveries"]["delivered"], 1);
    assert_eq!(pos.engine.delivery_resend(&again.record.id).err().unwrap().status(), EREF_WRONG_STATE);
}

#[test]
fn a_refusal_is_final_and_carries_the_partners_words() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let outcome = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"required","diagnostics":"where is the Patient"}]}"#;
    clinic.partner.script([Reply::Answer(400, "", outcome.to_vec())]);
    send(&pos, "act-1", 1);
    let document = told(&pos);
    assert_eq!((&document["state"], &document["http_status"]), (&json!("refused"), &json!(400)));
    assert_eq!(document["answer"]["issue"][0]["diagnostics"], "where is the Patient");
    assert!(!document["error"].as_str().unwrap().contains("Patient"), "the reason is safe to log");
    // By hand it goes again: the same message in a new Bundle (messaging.md 10.1).
    pos.engine.delivery_resend(document["delivery_id"].as_str().unwrap()).unwrap();
    assert_delivered(&pos, "act-1");
    assert_same_but_for_the_bundle(&clinic.partner, 2);
    pos.assert_no_event(ALERT);
}

#[test]
fn a_401_fetches_one_more_token_and_sends_the_same_bytes() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([Reply::Answer(401, "", Vec::new())]);
    send(&pos, "act-1", 1);
    assert_delivered(&pos, "act-1");
    assert_same_bytes(&clinic.partner, 2);
    assert_eq!(clinic.partner.token_requests().len(), 2);
    assert!(clinic.partner.messages()[1].head.to_lowercase().contains("granted-token-000002"));
    assert_eq!(pos.delivery("act-1").attempts, 1, "one attempt: the partner never took the first");
    pos.assert_no_event(ALERT);
}

#[test]
fn a_message_is_parked_when_the_partner_takes_no_credential() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([Reply::Answer(401, "", Vec::new()), Reply::Answer(401, "", Vec::new())]);
    send(&pos, "act-1", 1);
    let document = told(&pos);
    assert_eq!((&document["state"], &document["http_status"]), (&json!("dead"), &json!(401)));
    assert!(document["error"].as_str().unwrap().contains("credential"), "{document}");
    let (started, text) = alert(&pos);
    assert!(started && text.contains("401"), "{text}");
    assert_eq!((clinic.partner.messages().len(), clinic.partner.token_requests().len()), (2, 2), "once refreshed, not for ever");
    pos.engine.delivery_resend(&pos.delivery("act-1").id).unwrap();
    assert_delivered(&pos, "act-1");
    assert!(!alert(&pos).0);
}

#[test]
fn retry_after_is_honoured() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([Reply::Answer(429, "Retry-After: 3000\r\n", Vec::new())]);
    let before = ereferral::io::clock::now();
    send(&pos, "act-1", 1);
    pos.until_delivery("act-1", Queued, 429);
    assert!(pos.delivery("act-1").next_attempt >= before + 3_000_000);
    assert_eq!(clinic.partner.messages().len(), 1);
}

#[test]
fn trouble_passes_with_one_alert_at_its_start_and_one_at_its_end() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([500, 502, 503].map(|status| Reply::Answer(status, "", Vec::new())));
    send(&pos, "act-1", 1);
    assert_delivered(&pos, "act-1");
    assert_same_bytes(&clinic.partner, 4);
    assert_eq!(pos.delivery("act-1").attempts, 4);
    assert!(alert(&pos).0);
    assert!(!alert(&pos).0);
    pos.assert_no_event(ALERT);
    assert_eq!(pos.status()["alerts"], json!([]));
}

/// What a partner did before it behaved, with the state the delivery is in meanwhile.
fn recovers(reply: Reply, state: DeliveryState, http_status: u16) {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        document["network"]["first_retry_ms"] = json!(3_600_000);
        document["network"]["answer_bytes"] = json!(10_000);
        document["network"]["total_ms"] = json!(2_000);
    });
    clinic.partner.script([reply]);
    send(&pos, "act-1", 1);
    if state == UnknownOutcome {
        assert_eq!(told(&pos)["state"], "unknown_outcome");
    }
    pos.until_delivery("act-1", state, http_status);
    assert!(alert(&pos).0);
    assert_eq!(pos.status()["store"]["deliveries"][state.as_str()], 1);
    pos.engine.delivery_resend(&pos.delivery("act-1").id).unwrap();
    assert_delivered(&pos, "act-1");
    assert!(!alert(&pos).0);
    assert_same_but_for_the_bundle(&clinic.partner, 2);
}

#[test]
fn a_partner_that_never_answers_leaves_an_unknown_outcome_and_gets_the_same_ids_again() {
    recovers(Reply::Silent, UnknownOutcome, 0);
}

#[test]
fn an_answer_that_trickles_ends_at_the_deadline() {
    recovers(Reply::Trickle, UnknownOutcome, 200);
}

#[test]
fn an_answer_cut_in_the_middle_leaves_an_unknown_outcome() {
    recovers(Reply::Break, UnknownOutcome, 200);
}

#[test]
fn an_answer_beyond_the_limit_leaves_an_unknown_outcome() {
    recovers(Reply::Answer(200, "", vec![b' '; 20_000]), UnknownOutcome, 200);
}

#[test]
fn an_answer_of_another_type_counts_by_its_status() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([Reply::Answer(200, "Content-Type: text/plain\r\n", b"Fine.".to_vec())]);
    send(&pos, "act-1", 1);
    let document = told(&pos);
    assert_eq!((&document["state"], &document["answer"]), (&json!("delivered"), &json!("Fine.")));
}

#[test]
fn a_token_endpoint_that_fails_is_reported_and_nothing_is_sent() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["network"]["first_retry_ms"] = json!(3_600_000));
    clinic.partner.script_token([Reply::Answer(500, "", Vec::new())]);
    send(&pos, "act-1", 1);
    assert!(alert(&pos).1.contains("token endpoint"));
    pos.until_delivery("act-1", Queued, 500);
    assert_eq!(clinic.partner.messages().len(), 0);
    for reply in [Reply::Answer(200, "", b"{}".to_vec()), Reply::Break] {
        let attempts = pos.delivery("act-1").attempts;
        clinic.partner.script_token([reply]);
        pos.engine.delivery_resend(&pos.delivery("act-1").id).unwrap();
        until("the next attempt", || pos.delivery("act-1").attempts > attempts && pos.delivery("act-1").state == Queued);
    }
    pos.engine.delivery_resend(&pos.delivery("act-1").id).unwrap();
    assert_delivered(&pos, "act-1");
    assert_same_bytes(&clinic.partner, 1);
}

#[test]
fn a_closed_port_and_an_unknown_issuer_are_named_and_leave_the_message_queued() {
    let clinic = Clinic::new();
    let stranger = Partner::new(&Authority::new());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (number, (address, word)) in (1..).zip([(closed, "refused"), (stranger.address, "unknown issuer")]) {
        let key = format!("act-{word}");
        let pos = clinic.start(|document| {
            document["network"]["first_retry_ms"] = json!(3_600_000);
            let messaging = &mut document["partners"][0]["messaging"];
            messaging["endpoint"] = json!(format!("https://{address}/fhir/$process-message"));
            messaging["auth"] = json!({"bearer": "a-fixed-bearer-of-ours-0004"});
        });
        send(&pos, &key, number);
        assert!(alert(&pos).1.contains(word));
        until("the attempt", || pos.delivery(&key).state == Queued && pos.delivery(&key).attempts == 1);
        assert!(pos.delivery(&key).last_error.unwrap().contains(word));
        pos.stop();
    }
    assert_eq!(stranger.messages().len(), 0);
}

#[test]
fn what_cannot_be_delivered_in_time_is_given_up_and_told() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["network"]["give_up_hours"] = json!(0));
    clinic.partner.script([Reply::Answer(503, "", Vec::new())]);
    send(&pos, "act-1", 1);
    assert_eq!(told(&pos)["state"], "dead");
    assert_eq!(pos.delivery("act-1").state, Dead);
    pos.engine.delivery_resend(&pos.delivery("act-1").id).unwrap();
    assert_delivered(&pos, "act-1");
}

#[test]
fn messages_of_a_referral_keep_their_order_and_hold_up_no_other() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([Reply::Answer(429, "Retry-After: 3000\r\n", Vec::new())]);
    send(&pos, "first", 1);
    pos.until_delivery("first", Queued, 429);
    send(&pos, "second", 1);
    send(&pos, "elsewhere", 2);
    assert_delivered(&pos, "elsewhere");
    assert_eq!((pos.delivery("second").state, pos.delivery("second").attempts), (Queued, 0));
    pos.engine.delivery_resend(&pos.delivery("first").id).unwrap();
    assert_delivered(&pos, "first");
    assert_delivered(&pos, "second");
    let sent: Vec<String> = clinic.partner.messages().iter().map(Seen::message_id).collect();
    let [first, second, elsewhere] = ["first", "second", "elsewhere"].map(|key| pos.delivery(key).message_id);
    assert_eq!(sent, [first.clone(), elsewhere, first, second]);
    assert_eq!(pos.delivery("first").state, Delivered);
}

#[test]
fn a_refused_message_lets_the_next_of_its_referral_go() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    clinic.partner.script([Reply::Answer(422, "", Vec::new())]);
    send(&pos, "first", 1);
    send(&pos, "second", 1);
    assert_eq!(told(&pos)["state"], "refused");
    assert_delivered(&pos, "second");
    assert_eq!(pos.delivery("first").state, Refused);
}

#[test]
fn a_desk_queues_and_the_serving_engine_delivers() {
    let clinic = Clinic::new();
    let desk = clinic.desk();
    send(&desk, "from-the-desk", 1);
    assert_eq!(desk.delivery("from-the-desk").state, Queued);
    let pos = clinic.start(|_| {});
    let mut event = desk.event(DELIVERY);
    assert_eq!(parsed(event.document().as_bytes())["state"], "delivered");
    event.done().unwrap();
    assert_eq!(pos.engine.event_next(DELIVERY, Duration::ZERO, None).err().unwrap().status(), ereferral::error::EREF_TIMEOUT);
}
