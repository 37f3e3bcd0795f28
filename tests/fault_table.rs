//! Each way a partner can fail, one row each: what we say meanwhile, and that exactly one referral is at the partner in the end.

#[path = "support/clinic.rs"]
mod clinic;

use std::net::TcpListener;
use std::time::Duration;

use clinic::certs::Authority;
use clinic::partner::{Names, Partner, Reply};
use clinic::{Clinic, Serving};
use ereferral::error::EREF_TIMEOUT;
use ereferral::proto::store::DeliveryState::{self, Dead, Delivered, Queued, Refused, UnknownOutcome};
use ereferral::proto::store::event_kind::ALERT;
use serde_json::{Value, json};

/// Rows played at a time.
const AT_ONCE: usize = 9;

/// Where the first attempt goes.
enum At {
    /// To the partner, which replies so.
    Partner(Vec<Reply>),
    /// To the partner, whose token endpoint replies so.
    Token(Vec<Reply>),
    /// To another address that never gets better; later the partner's is configured.
    Elsewhere(fn(&Clinic) -> String),
}

struct Row {
    fault: &'static str,
    at: At,
    /// What the delivery is after the first attempt, the HTTP status it shows, and a word of the reason.
    state: DeliveryState,
    http_status: u16,
    word: &'static str,
}

fn row(fault: &'static str, reply: Reply, state: DeliveryState, http_status: u16, word: &'static str) -> Row {
    Row { fault, at: At::Partner(vec![reply]), state, http_status, word }
}

fn elsewhere(fault: &'static str, at: fn(&Clinic) -> String, word: &'static str) -> Row {
    Row { fault, at: At::Elsewhere(at), state: Queued, http_status: 0, word }
}

fn answer(status: u16) -> Reply {
    Reply::Answer(status, "", Vec::new())
}

fn kept(reply: Reply) -> Reply {
    Reply::Keep(Box::new(reply))
}

fn expired(clinic: &Clinic) -> String {
    Partner::with(&clinic.authority.expired(&["127.0.0.1"]), None).endpoint()
}

fn of_another_name(clinic: &Clinic) -> String {
    Partner::with(&clinic.authority.server(&["elsewhere.test"]), None).endpoint()
}

fn asking_for_a_certificate(clinic: &Clinic) -> String {
    Partner::with(&clinic.authority.server(&["127.0.0.1"]), Some(&clinic.authority)).endpoint()
}

fn closed(_: &Clinic) -> String {
    format!("https://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// Takes connections into its queue and never speaks.
fn mute(_: &Clinic) -> String {
    let listener = Box::leak(Box::new(TcpListener::bind("127.0.0.1:0").unwrap()));
    format!("https://{}/", listener.local_addr().unwrap())
}

fn rows() -> Vec<Row> {
    let outcome =
        br#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"required","diagnostics":"Testpatient"}]}"#;
    let duplicate = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"duplicate"}]}"#;
    let page = Reply::Answer(200, "Content-Type: text/html\r\n", b"<p>Please sign in</p>".to_vec());
    let token = |reply, http_status, word| {
        let fault = if http_status == 401 { "token refused" } else { "token endpoint down" };
        Row { fault, at: At::Token(vec![reply]), state: Queued, http_status, word }
    };
    vec![
        row("none", answer(200), Delivered, 200, ""),
        row("empty 202", answer(202), Delivered, 202, ""),
        row("plain JSON", Reply::Answer(200, "Content-Type: application/json\r\n", b"{\"ok\":1}".to_vec()), Delivered, 200, ""),
        row("response Bundle, ok", Reply::Bundle(Names::Message, "ok"), Delivered, 200, ""),
        row("409 duplicate", kept(Reply::Answer(409, "", duplicate.to_vec())), Delivered, 409, "already"),
        elsewhere("port closed", closed, "refused"),
        elsewhere("accepts, never speaks TLS", mute, "in time"),
        elsewhere("unknown authority", |_| Partner::new(&Authority::new()).endpoint(), "unknown issuer"),
        elsewhere("certificate for another name", of_another_name, "name mismatch"),
        elsewhere("certificate expired", expired, "expired"),
        elsewhere("TLS 1.1 at most", |_| Partner::of_old_tls().endpoint(), "TLS 1.2"),
        elsewhere("asks for a client certificate", asking_for_a_certificate, "client certificate"),
        token(answer(500), 500, "token endpoint"),
        token(answer(401), 401, "token endpoint"),
        row("401 once", answer(401), Delivered, 200, ""),
        Row {
            fault: "401 always",
            at: At::Partner(vec![answer(401), answer(401)]),
            state: Dead,
            http_status: 401,
            word: "credential",
        },
        row("429 with Retry-After", Reply::Answer(429, "Retry-After: 3000\r\n", Vec::new()), Queued, 429, "429"),
        row("500", answer(500), Queued, 500, "500"),
        row("503 with a page", Reply::Answer(503, "Content-Type: text/html\r\n", b"<p>".to_vec()), Queued, 503, "503"),
        row("request cut off", Reply::CutRequest, UnknownOutcome, 0, "broke"),
        row("reads slowly", Reply::ReadSlowly, UnknownOutcome, 0, "in time"),
        row("silent, not kept", Reply::Silent, UnknownOutcome, 0, "in time"),
        row("silent, kept", kept(Reply::Silent), UnknownOutcome, 0, "in time"),
        row("answer cut, kept", kept(Reply::Break), UnknownOutcome, 200, "broke"),
        row("answer trickles, kept", kept(Reply::Trickle), UnknownOutcome, 200, "in time"),
        row("10 GB announced, kept", kept(Reply::Endless(true)), UnknownOutcome, 200, "larger"),
        row("10 GB unannounced, kept", kept(Reply::Endless(false)), UnknownOutcome, 200, "larger"),
        row("web page instead of an answer", page, UnknownOutcome, 200, "web page"),
        row("answer for another message", Reply::Bundle(Names::Another, "ok"), UnknownOutcome, 200, "another message"),
        row("transient-error", Reply::Bundle(Names::Message, "transient-error"), Queued, 200, "transient-error"),
        row("fatal-error", Reply::Bundle(Names::Message, "fatal-error"), Refused, 200, "fatal-error"),
        row("400 with findings", Reply::Answer(400, "", outcome.to_vec()), Refused, 400, "required"),
        row("403", answer(403), Refused, 403, "403"),
        row("404", answer(404), Refused, 404, "endpoint"),
    ]
}

/// Nothing is tried again by itself, so that what stands after the first attempt can be looked at.
fn patient(document: &mut Value) {
    document["network"]["first_retry_ms"] = json!(3_600_000);
    document["network"]["connect_ms"] = json!(1_500);
    document["network"]["total_ms"] = json!(1_500);
    document["partners"][0]["messaging"]["resend_bundle_id"] = json!("same");
}

/// ALERTs about the partner so far: how often trouble started and ended.
fn alerts(pos: &Serving) -> (usize, usize) {
    let mut told = (0, 0);
    loop {
        match pos.engine.event_next(ALERT, Duration::ZERO, None) {
            Ok(event) => {
                let document = clinic::parsed(event.document().as_bytes());
                assert_eq!(document["alert"], "partner-unreachable:rms", "{document}");
                *(if document["started"] == true { &mut told.0 } else { &mut told.1 }) += 1;
            }
            Err(error) => {
                assert_eq!(error.status(), EREF_TIMEOUT);
                return told;
            }
        }
    }
}

/// Plays one row and returns its line of the table.
fn play(row: &Row) -> String {
    let clinic = Clinic::new();
    let mut first = clinic.document(patient);
    match &row.at {
        At::Partner(replies) => clinic.partner.script(replies.iter().cloned()),
        At::Token(replies) => clinic.partner.script_token(replies.iter().cloned()),
        At::Elsewhere(at) => first["partners"][0]["messaging"]["endpoint"] = json!(at(&clinic)),
    }
    let pos = clinic.start(|document| *document = first);
    pos.engine.send("rms", "act-1", &pos.referral(1, "Knee pain")).unwrap();
    clinic::until(row.fault, || pos.delivery("act-1").attempts == 1 && pos.delivery("act-1").state != DeliveryState::Sending);
    let meanwhile = pos.delivery("act-1");
    let words = meanwhile.last_error.clone().unwrap_or_default();
    // With TLS 1.3 a server refuses a client without certificate when that may have begun to send already.
    let sent = row.word == "client certificate" && (meanwhile.state, meanwhile.http_status) == (UnknownOutcome, 0);
    assert!(sent || (meanwhile.state, meanwhile.http_status) == (row.state, row.http_status), "{}: {meanwhile:?}", row.fault);
    assert!(sent || words.contains(row.word), "{}: {words}", row.fault);
    assert!(!words.contains("Testpatient"), "{}: {words}", row.fault);
    let trouble = usize::from(!matches!(row.state, Delivered | Refused));
    assert_eq!(alerts(&pos), (trouble, 0), "{}", row.fault);
    if row.state != Delivered {
        clinic.partner.behave();
        pos.engine.configure(&clinic.config(patient)).unwrap();
        pos.engine.delivery_resend(&meanwhile.id).unwrap();
        pos.until_delivery("act-1", Delivered, 200);
        clinic::until("the alert's end", || pos.status()["alerts"] == json!([]));
        assert_eq!(alerts(&pos), (0, trouble), "{}", row.fault);
    }
    assert_eq!(clinic.partner.kept(), 1, "{}: exactly one referral at the partner", row.fault);
    pos.stop();
    let http = if row.http_status == 0 { "-".to_owned() } else { row.http_status.to_string() };
    format!("| {:<30} | {:<15} | {http:<4} | {:<9} | {words}\n", row.fault, row.state.as_str(), clinic.partner.messages().len())
}

#[test]
fn every_fault_ends_in_one_referral_and_is_told_truly() {
    let mut table = format!("| {:<30} | {:<15} | {:<4} | {:<9} | {}\n", "fault", "state meanwhile", "HTTP", "requests", "words");
    // Most rows wait for a deadline: several at a time.
    let rows = rows();
    for rows in rows.chunks(AT_ONCE) {
        let lines = std::thread::scope(|scope| {
            let playing: Vec<_> = rows.iter().map(|row| scope.spawn(|| play(row))).collect();
            playing.into_iter().map(|row| row.join().unwrap()).collect::<String>()
        });
        table.push_str(&lines);
    }
    println!("{table}");
}
