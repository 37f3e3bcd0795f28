//! Files of our messages that their receivers fetch from us.

#[path = "support/clinic.rs"]
mod clinic;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clinic::{Clinic, OTHER_TOKEN, Serving, TOKEN};
use ereferral::error::{EREF_CONFIG, EREF_INVALID_ARGUMENT};
use ereferral::io::clock;
use ereferral::io::store::sqlite;
use ereferral::proto::http::secret_hash;
use ereferral::proto::messaging::{Draft, Message};
use ereferral::proto::store::{NewToken, Node, TokenKind};
use serde_json::json;

const LETTER: &[u8] = b"%PDF-1.4 an invented letter about a knee";

fn draft(pos: &Serving) -> Draft {
    let mut draft = pos.engine.draft("rms", "add-service-request").unwrap();
    for (name, value) in clinic::REFERRAL.iter().chain(&[("referral.identifier[0].value", "R-1"), ("referral.reason", "Knee pain")])
    {
        draft.set(name, value).unwrap();
    }
    draft
}

fn field(message: &Message, name: &str) -> String {
    message.field(name).unwrap().unwrap_or_default()
}

/// A token of ours in the store, as it comes out of a launch or of the token endpoint.
fn issue(clinic: &Clinic, text: &str, kind: TokenKind, client_id: &str) {
    let node = Node { id: "test".into(), process: std::process::id(), host: "test".into() };
    let store = sqlite::open(&clinic.path("pos.db"), &clinic.path("pos.key"), node).unwrap();
    let token = NewToken {
        hash: secret_hash(text),
        kind,
        grant_id: None,
        client_id: client_id.into(),
        scope: "patient/*.rs system/*.rs".into(),
        expires: clock::now() + 600_000,
    };
    store.save_token(&token, clock::now()).unwrap();
}

#[test]
fn a_partner_fetches_its_file_with_its_token_and_nobody_else_does() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| {
        document["system"]["roles"] = json!(["smart-server", "rms-source", "rms-target"]);
        document["partners"][1]["messaging"]["inbound"] =
            json!([{"bearer": OTHER_TOKEN}, {"client_credentials": {"client_id": "other-client", "client_secret": "secret-of-the-other-0004"}}]);
    });
    let mut draft = draft(&pos);
    draft.add_attachment_served("letter.pdf", "application/pdf", LETTER).unwrap();
    let message = pos.engine.draft_build(&draft).unwrap();
    let url = field(&message, "attachment[0].url");
    let sha1 = BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, LETTER));
    assert_eq!((field(&message, "attachment[0].size"), field(&message, "attachment[0].hash")), (LETTER.len().to_string(), sha1));
    assert!(!String::from_utf8_lossy(message.bundle()).contains("\"data\""), "it does not go in the message");
    let ask = |token: &str| pos.get(&url, &[("authorization", &format!("Bearer {token}")), ("accept", "application/pdf")]);
    assert_eq!(ask(TOKEN).status, 404, "not before it is sent");
    pos.engine.send("rms", "act", &message).unwrap();

    let answer = ask(TOKEN);
    assert_eq!((answer.status, answer.body.as_slice()), (200, LETTER));
    let header = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("x-content-type-options")), ("application/pdf".into(), "nosniff".into()));
    assert_eq!((header("content-disposition"), header("cache-control")), ("attachment".into(), "no-store".into()));

    issue(&clinic, "token-of-an-app-0005", TokenKind::Access, "rms-app");
    issue(&clinic, "token-of-the-other-0006", TokenKind::Messaging, "other-client");
    for (token, status) in
        [(OTHER_TOKEN, 404), ("token-of-the-other-0006", 404), ("token-of-an-app-0005", 401), ("a-token-of-nobody-0007", 401)]
    {
        let answer = ask(token);
        assert!(answer.status == status && !answer.body.windows(4).any(|piece| piece == b"%PDF"), "{token}: {}", answer.status);
    }
    assert_eq!(pos.get(&url, &[]).status, 401);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(pos.get(&url.replace("DocumentReference/", "DocumentReference/0"), &[("authorization", &bearer)]).status, 404);
    assert_eq!(pos.post(&url, &[("authorization", &bearer)], b"x").status, 405);

    // Who fetched it, and who tried to, stands in the trail.
    let mut trail = String::new();
    pos.engine
        .audit_export(&mut |line| {
            trail.push_str(line);
            true
        })
        .unwrap();
    assert_eq!(trail.matches("file fetched from us").count(), 1);
    assert!(trail.contains("login refused"));
    pos.stop();
}

#[test]
fn a_repeated_call_sends_and_keeps_nothing_anew_and_the_file_outlives_a_restart() {
    let clinic = Clinic::new();
    let pos = clinic.start(|_| {});
    let mut draft = draft(&pos);
    draft.add_attachment_served("letter.pdf", "application/pdf", LETTER).unwrap();
    let (first, again) = (pos.engine.draft_build(&draft).unwrap(), pos.engine.draft_build(&draft).unwrap());
    assert!(!pos.engine.send("rms", "act", &first).unwrap().already);
    assert!(pos.engine.send("rms", "act", &again).unwrap().already);
    pos.stop();
    drop(pos);
    let pos = clinic.start(|_| {});
    let ask = |message: &Message| pos.get(&field(message, "attachment[0].url"), &[("authorization", &format!("Bearer {TOKEN}"))]);
    assert_eq!(ask(&first).body, LETTER);
    assert_eq!(ask(&again).status, 404);
    pos.stop();
}

#[test]
fn a_file_is_served_to_partners_that_show_who_they_are() {
    let clinic = Clinic::new();
    let pos = clinic.start(|document| document["partners"][0]["messaging"]["inbound"] = json!([]));
    let mut draft = draft(&pos);
    let error = draft.add_attachment_served("letter.pdf", "application/pdf", LETTER).unwrap_err();
    assert_eq!(error.status(), EREF_CONFIG, "{error}");
    pos.stop();
    let pos = clinic.start(|_| {});
    let mut draft = self::draft(&pos);
    assert_eq!(draft.add_attachment_served("letter.pdf", "application/pdf", b"").unwrap_err().status(), EREF_INVALID_ARGUMENT);
    pos.stop();
}
